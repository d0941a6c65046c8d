"""What reports rest on: port speeds, speed tests, VNNIC's medians, the inventory's months."""

from __future__ import annotations

import sqlite3
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import EchoSlot, End, PortSpeed, SpeedTest
from netmon.store import Ispeed, Store
from tests.effort import examples
from tests.store.conftest import Counts

DAY = 86_400.0
GIGABIT = 125e6


def test_a_port_speed_is_written_when_it_changes(store: Store) -> None:
    """Each end of each link by itself; the same again adds nothing, and the last one is there after a restart."""
    told = [
        ("lk-a", PortSpeed(End.NEAR, 100.0, GIGABIT)),
        ("lk-a", PortSpeed(End.FAR, 150.0, 0.0)),
        ("lk-a", PortSpeed(End.NEAR, 200.0, GIGABIT)),
        ("lk-b", PortSpeed(End.NEAR, 200.0, 12.5e6)),
        ("lk-a", PortSpeed(End.NEAR, 300.0, 12.5e6)),
        ("lk-a", PortSpeed(End.NEAR, 400.0, GIGABIT)),
    ]
    for link, speed in told:
        store.put_port_speed(link, speed)
    store.flush()
    reader = store.reader()
    assert reader.port_speeds("lk-a") == [told[0][1], told[1][1], told[4][1], told[5][1]]
    assert reader.newest_port_speeds() == {
        ("lk-a", End.NEAR): GIGABIT, ("lk-a", End.FAR): 0.0, ("lk-b", End.NEAR): 12.5e6,
    }  # fmt: skip
    assert reader.port_speeds("lk-c") == []


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0, 3.0, 4.0]), st.sampled_from([0.0, 1e6, 2e6])), max_size=12))
def test_port_speeds_are_a_history_even_when_the_clock_is_set_back(told: Any) -> None:
    """Instants only rise, neighbours differ, and the newest is what was said last."""
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory) / "s.db", Counts()) as store:
        for since, speed in told:
            store.put_port_speed("lk", PortSpeed(End.NEAR, since, speed))
        store.flush()
        found = store.reader().port_speeds("lk")
        assert all(one.since < other.since for one, other in pairwise(found))
        assert all(one.bytes_per_s != other.bytes_per_s for one, other in pairwise(found))
        assert [row.bytes_per_s for row in found[-1:]] == [speed for _, speed in told[-1:]]
        if all(one[0] < other[0] for one, other in pairwise(told)):
            changes = [row for i, row in enumerate(told) if i == 0 or told[i - 1][1] != row[1]]
            assert [(row.since, row.bytes_per_s) for row in found] == changes


def speed_test(at: float, **other: Any) -> SpeedTest:
    return SpeedTest(at, "ubnd-01273", "probe-1", "fixed", "viettel", 25e6, 12.5e6, 0.011)._replace(**other)


def test_a_speed_test_is_there_once_and_is_found_by_time_and_site(store: Store) -> None:
    """A message that the broker delivers again adds nothing."""
    told = [
        speed_test(300.0),
        speed_test(100.0, latency_s=None),
        speed_test(200.0, network="mobile_5g"),
        speed_test(200.0),
        speed_test(200.0, site="ubnd-01276", device="probe-2"),
    ]
    for each in (*told, speed_test(300.0, download=1.0)):
        store.put_speed_test(each)
    store.flush()
    reader = store.reader()
    assert reader.speed_tests(100.0, 300.5) == [told[1], told[2], told[3], told[4], told[0]]
    assert reader.speed_tests(100.5, 300.0, "ubnd-01273") == [told[2], told[3]]
    assert reader.speed_tests(0.0, 900.0, "nowhere") == []


def test_a_simulated_speed_test_says_so_to_whoever_reads_it(store: Store, path: Path) -> None:
    """By the source that it was put with; another word than the two is refused."""
    store.put_speed_test(speed_test(100.0), "simulated")
    store.put_speed_test(speed_test(200.0))
    with pytest.raises(ValueError, match="measured or simulated, not 'guessed'"):
        store.put_speed_test(speed_test(300.0), "guessed")
    store.flush()
    assert store.reader().speed_tests(0.0, 900.0) == [speed_test(100.0, simulated=True), speed_test(200.0)]
    assert [row["source"] for row in view(path, "speed_tests")] == ["simulated", "measured"]


def test_what_reports_rest_on_is_kept_for_years(store: Store) -> None:
    """Speed tests and port speeds of five years; a speed that still stands stays, and so do months."""
    now = 3_000 * DAY
    limit = now - 1_825 * DAY
    for at in (limit - 2 * DAY, limit + DAY):
        store.put_speed_test(speed_test(at))
    speeds = [PortSpeed(End.NEAR, limit - days * DAY, speed) for days, speed in ((9, 1e6), (8, 2e6), (7, 3e6), (-1, 4e6))]
    for speed in speeds:
        store.put_port_speed("lk", speed)
    store.put_port_speed("still", speeds[0])
    store.put_ispeed([median()], at=1.0)
    store.put_inventory_month("1971-01", {("bts", "viettel"): 3.0})
    store.prune(now)
    store.flush()
    reader = store.reader()
    assert reader.speed_tests(0.0, now) == [speed_test(limit + DAY)]
    assert reader.port_speeds("lk") == speeds[2:]
    assert reader.port_speeds("still") == speeds[:1]
    assert reader.ispeed("2026-10") == [median()]
    assert reader.inventory_month("1971-01") == {("bts", "viettel"): 3.0}


def median(**other: Any) -> Ispeed:
    row = Ispeed("2026-10", "04", "fixed", "vnpt", "download", 33.1e6, 12_345, "i-speed-2026-10.csv")
    return row._replace(**other)


def test_vnnics_medians_are_replaced_by_their_key(store: Store) -> None:
    """An import of the same month corrects it, and no other."""
    kept = [median(month="2026-09"), median(unit="01273"), median(metric="latency", median=0.012)]
    store.put_ispeed([median(), *kept], at=10.0)
    store.put_ispeed([median(median=35e6, source="corrected.csv")], at=20.0)
    store.flush()
    assert store.reader().ispeed("2026-10") == [kept[1], median(median=35e6, source="corrected.csv"), kept[2]]
    assert store.reader().ispeed("2026-09") == [kept[0]]
    assert store.reader().ispeed("2026-08") == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"month": "2026-13"}, 'written like "2026-10"'),
        ({"network": "4g"}, "fixed, mobile, mobile_5g"),
        ({"metric": "jitter"}, "download, upload, latency"),
        ({"median": float("nan")}, "no median"),
        ({"samples": -1}, "no median"),
    ],
)
def test_a_row_that_is_no_median_is_refused_with_all_of_its_import(store: Store, wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        store.put_ispeed([median(), median(**wrong)], at=1.0)
    store.flush()
    assert store.reader().ispeed("2026-10") == []


def test_a_month_of_the_inventory_is_replaced_whole(store: Store, path: Path) -> None:
    """What the month no longer has goes; people read the change on the month before."""
    store.put_inventory_month("2025-12", {("bts", "viettel"): 10.0, ("fibre_km", ""): 812.5})
    store.put_inventory_month("2026-01", {("bts", "gone"): 1.0})
    store.put_inventory_month("2026-01", {("bts", "viettel"): 14.0, ("bts", "vnpt"): 2.0})
    with pytest.raises(ValueError, match="written like"):
        store.put_inventory_month("2026-1", {})
    with pytest.raises(ValueError, match="bts/vnpt is no number"):
        store.put_inventory_month("2026-01", {("bts", "vnpt"): float("inf")})
    store.flush()
    assert store.reader().inventory_month("2026-01") == {("bts", "viettel"): 14.0, ("bts", "vnpt"): 2.0}
    assert store.reader().inventory_month("2025-12") == {("bts", "viettel"): 10.0, ("fibre_km", ""): 812.5}
    assert store.reader().inventory_month("2026-02") == {}
    assert view(path, "inventory_months WHERE month = '2026-01'") == [
        {"month": "2026-01", "figure": "bts", "key": "viettel", "value": 14.0, "change": 4.0},
        {"month": "2026-01", "figure": "bts", "key": "vnpt", "value": 2.0, "change": None},
    ]


def view(path: Path, name: str) -> list[dict[str, Any]]:
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    rows = [dict(row) for row in database.execute(f"SELECT * FROM {name}")]
    database.close()
    return rows


def test_people_read_figures_in_the_fields_units(store: Store, path: Path) -> None:
    """Mbit/s, milliseconds and UTC text, by name."""
    k0 = 20_500 * 288 - 84
    for k in (k0, k0 + 9 * 288):
        store.put_echo("lk", EchoSlot(k, 5, 4, 80_000, 30_000, 2, 9_000))
    store.put_echo("lk", EchoSlot(k0 + 1, 5, 0, 0, 0, 0, 0), "simulated")
    store.put_port_speed("lk", PortSpeed(End.FAR, 60.0, GIGABIT))
    store.put_speed_test(speed_test(60.0))
    store.put_ispeed([median(), median(metric="latency", median=0.012)], at=60.0)
    store.fold(k0 * 300 + 9 * DAY)
    store.flush()
    trips = {"mean_ms": 20.0, "worst_ms": 30.0, "snmp": 2, "snmp_mean_ms": 4.5}
    assert view(path, "echoes") == [
        {
            "link": "lk", "utc": "2026-02-24T17:00:00Z", "k": k0 + 9 * 288,
            "sent": 5, "answered": 4, **trips, "source": "measured",
        }
    ]  # fmt: skip
    assert view(path, "echo_days") == [
        {"link": "lk", "local_date": "2026-02-16", "slots": 2, "sent": 10, "answered": 4, **trips, "source": "mixed"}
    ]
    assert view(path, "port_speeds") == [{"link": "lk", "end": "far", "since_utc": "1970-01-01T00:01:00Z", "mbit_s": 1000.0}]
    assert view(path, "speed_tests") == [
        {
            "utc": "1970-01-01T00:01:00Z", "site": "ubnd-01273", "device": "probe-1", "network": "fixed",
            "operator": "viettel", "download_mbit_s": 200.0, "upload_mbit_s": 100.0, "latency_ms": 11.0,
            "source": "measured",
        }
    ]  # fmt: skip
    medians = [(row["metric"], row["median"], row["unit_of_median"], row["samples"]) for row in view(path, "ispeeds")]
    assert medians == [("download", 264.8, "Mbit/s", 12_345), ("latency", 12.0, "ms", 12_345)]
