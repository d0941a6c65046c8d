"""What is gathered of gauges between polls and the store: nothing counted twice, and what a crash may cost."""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.exporters.prometheus import OwnMetrics
from netmon.model import At, CellName, Reading, Series, Span, Speech, Subject, Window
from netmon.seen import StoreEvidence, Turns
from netmon.store import Store
from netmon.summaries import PARTS_AT_MOST, Summaries
from netmon.targets.rules import Timeline
from tests.effort import examples
from tests.store.conftest import Counts
from tests.test_pipeline import T0, Bench, Router, inventory
from tests.test_pipeline_reports import Reporter

HOUR, DAY = 3_600.0, 86_400.0
START = T0 - T0 % HOUR
WARMTH, DAMP = "ambient_temperature_celsius", "humidity_ratio"
LINK, SITE = Subject("link", "lk-1"), Subject("site", "s1")
WHO = [(LINK, "light", "receive"), (LINK, "light", "transmit"), (SITE, WARMTH, "cpe-1 1")]

Taken = tuple[tuple[Subject, str, str], float, float]

value = st.floats(-1e6, 1e6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.sampled_from(WHO), value, st.sampled_from([0.0, 0.0, 7.0, 900.0, 9_000.0])),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 30.0, 299.0, 301.0, 3_000.0])),
        st.sampled_from([("flush",), ("stop",), ("kill",)]),
    ),
    max_size=50,
)


def found_in(store: Store, *, days: bool) -> dict[Any, Any]:
    return {
        (subject, figure, each.part, each.start): each
        for subject, figure in {who[:2] for who in WHO}
        for each in store.reader().summaries(subject, figure, 0, math.inf, days=days)
    }


def expect(store: Store, kept: list[Taken]) -> None:
    """The hours, and the days, are those of a plain list."""
    for days, length, offset in ((False, 3_600, 0), (True, 86_400, 25_200)):
        plain: dict[Any, list[float]] = defaultdict(list)
        for who, number, at in kept:
            plain[*who, (at + offset) // length * length - offset].append(number)
        found = found_in(store, days=days)
        assert found.keys() == plain.keys()
        for key, numbers in plain.items():
            row = found[key]
            assert (row.seconds, row.least, row.most, row.readings) == (length, min(numbers), max(numbers), len(numbers))
            assert row.mean == pytest.approx(math.fsum(numbers) / len(numbers), rel=1e-9, abs=1e-9 * max(map(abs, numbers)))
            assert not row.simulated


@settings(max_examples=examples(40), deadline=None)
@given(todo=steps)
def test_any_order_of_readings_flushes_and_restarts_gives_what_a_plain_list_gives(todo: list[Any]) -> None:
    """But for what a kill takes, which was gathered since the last flush that was due."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "s.db"
        store = Store.open(path, OwnMetrics())
        summaries, now, flushed = Summaries(store, OwnMetrics()), START, -math.inf
        kept: list[Taken] = []
        gathered: list[Taken] = []
        for what, *how in todo:
            if what == "take":
                who, number, ago = how
                summaries.take(*who, number, now - ago)
                gathered.append((who, number, now - ago))
            elif what == "wait":
                now += how[0]
            elif what == "flush":
                summaries.flush(now)
                if now - flushed >= 300 or now // HOUR != flushed // HOUR:
                    kept, gathered, flushed = [*kept, *gathered], [], now
            else:
                if what == "stop":
                    summaries.park()
                    kept += gathered
                store.close()
                store = Store.open(path, OwnMetrics())
                summaries, gathered, flushed = Summaries(store, OwnMetrics()), [], -math.inf
        with closing(store):
            store.flush()
            expect(store, kept)
            summaries.park()
            summaries.park()
            store.flush()
            expect(store, [*kept, *gathered])


def test_what_is_no_number_is_left_out_and_what_was_simulated_says_so(tmp_path: Path) -> None:
    """A gauge without a value is no measurement; one simulated value among others marks the hour."""
    with Store.open(tmp_path / "s.db", OwnMetrics()) as store:
        summaries = Summaries(store, OwnMetrics())
        for number in (math.nan, 1.0, math.inf):
            summaries.take(LINK, "light", "", number, START)
            summaries.take(SITE, WARMTH, "", 2.0, START, simulated=number == 1.0)
        summaries.park()
        store.flush()
        found = found_in(store, days=False)
    assert [(row.readings, row.simulated) for row in map(found.get, sorted(found)) if row] == [(1, False), (3, True)]


def test_names_of_sensors_without_end_are_left_out_and_counted(tmp_path: Path) -> None:
    """A site has room for so many of a figure; those that are silent for long make room again."""
    own, device = Counts(), inventory().devices["r01273"]

    def told(names: range, at: float) -> list[Reading]:
        return [Reading(Series(f"netmon_{WARMTH}", (("sensor", f"x{n}"),)), 20.0, At(at, at)) for n in names]

    with Store.open(tmp_path / "s.db", own) as store:
        summaries = Summaries(store, own)
        summaries.take_late_room(device, told(range(300), START))
        summaries.take_late_room(device, told(range(300), START + 60))
        summaries.flush(START + 31 * DAY)
        summaries.take_late_room(device, told(range(1000, 1010), START + 31 * DAY))
        summaries.park()
        store.flush()
        rows = store.reader().summaries(Subject("site", device.site), WARMTH, 0, math.inf)
    assert {row.part for row in rows} == {f"r01273 x{n}" for n in (*range(PARTS_AT_MOST), *range(1000, 1010))}
    assert own.totals["netmon_mqtt_remarks_total"] == 2 * (300 - PARTS_AT_MOST)


@contextmanager
def reporting(home: Path) -> Iterator[tuple[Bench, Reporter]]:
    """A pipeline whose router of the commune reports by itself."""
    things = inventory()
    device = replace(things.devices["r01273"], addresses=(), speaks=Speech.MQTT)
    with closing(
        Bench(home / "s.db", replace(things, devices=things.devices | {"r01273": device}), now=START + 60)
    ) as bench:
        watch = bench.pipeline.watches["r01273"]
        watch.poller = reporter = Reporter("r01273", watch.labels)
        yield bench, reporter


def test_a_report_of_once_a_day_is_one_measurement_for_as_long_as_it_is_looked_at(tmp_path: Path) -> None:
    """It may be three days old when it comes, and holds for three more."""
    with reporting(tmp_path) as (bench, reporter):
        reading = reporter.reading(f"netmon_{WARMTH}", 20.0, START, (("sensor", "1"),))
        for hour in range(0, 6 * 24, 3):
            bench.now = START + hour * HOUR + 60
            reporter.report(bench.now, reading)
            bench.poll("r01273")
            bench.pipeline.sweep(bench.now)
        bench.pipeline.park()
        bench.store.flush()
        (row,) = bench.reader.summaries(Subject("site", "s01273"), WARMTH, 0, math.inf)
        assert row.readings == 1


class Warm(Router):
    """A router that tells the air of its room: as warm as it is minutes past the hour."""

    async def poll(self, *, light: bool = False) -> Any:
        poll = await super().poll(light=light)
        labels, at = (*self.labels, ("sensor", "rack")), poll.sent
        warmth = Reading(Series(f"netmon_{WARMTH}", labels), at.unix % HOUR / 60, at)
        return replace(poll, readings=(*poll.readings, warmth, Reading(Series(f"netmon_{DAMP}", labels), 0.5, at)))


def test_polls_become_the_hours_of_a_room(tmp_path: Path) -> None:
    """What every poll brings of the air reaches the store within five minutes, at the end of the hour, and at a stop; a
    device that tells none of it has none."""
    bench = Bench(tmp_path / "s.db", inventory(), Warm, now=START - 120)

    def run(seconds: float) -> list[tuple[float, float, float, float, int]]:
        end = bench.now + seconds
        while bench.now < end:
            bench.poll("r01273")
            bench.pipeline.sweep(bench.now)
            bench.now += 60
        bench.store.flush()
        rows = bench.reader.summaries(Subject("site", "s01273"), WARMTH, 0, math.inf)
        assert {row.part for row in rows} == {"r01273 rack"}
        return [(row.start - START, row.least, row.mean, row.most, row.readings) for row in rows]

    before = (-HOUR, 58, 58.5, 59, 2)
    with closing(bench):
        assert run(120) == [(-HOUR, 58, 58, 58, 1)]
        assert run(60) == [before, (0, 0, 0, 0, 1)], "the hour ended"
        assert run(240) == [before, (0, 0, 0, 0, 1)]
        assert run(60) == [before, (0, 0, 2.5, 5, 6)]
        run(60)
        bench.pipeline.park()
        assert run(0) == [before, (0, 0, 3, 6, 7)]
        assert bench.reader.summaries(Subject("site", "centre"), WARMTH, 0, math.inf) == []
        (_, damp) = bench.reader.summaries(Subject("site", "s01273"), DAMP, 0, math.inf)
        assert (damp.least, damp.most, damp.readings) == (0.5, 0.5, 7)


def test_a_report_that_is_looked_at_again_is_one_measurement_and_a_late_one_goes_to_its_hour(tmp_path: Path) -> None:
    """A device that reports by itself is looked at more often than it measures."""
    with reporting(tmp_path) as (bench, reporter):
        sensor = (("sensor", "1"),)
        for n, (number, at) in enumerate(((20.0, START), (20.0, START), (20.0, START + 90), (24.0, START + 120))):
            reporter.report(START + 60 + n, reporter.reading(f"netmon_{WARMTH}", number, at, sensor))
            bench.poll("r01273")
        late = reporter.reading(f"netmon_{WARMTH}", 9.0, START - 5 * HOUR, sensor)
        reporter.late(late, reporter.reading("netmon_battery_voltage_volts", 53.5, START - 5 * HOUR))
        bench.poll("r01273")
        bench.pipeline.park()
        bench.store.flush()
        rows = bench.reader.summaries(Subject("site", "s01273"), WARMTH, 0, math.inf)
        assert [(row.start, row.part, row.readings, row.least, row.most) for row in rows] == [
            (START - 5 * HOUR, "r01273 1", 1, 9.0, 9.0),
            (START, "r01273 1", 3, 20.0, 24.0),
        ]


def test_a_clock_that_was_ahead_leaves_no_hours_that_have_not_begun(tmp_path: Path) -> None:
    """Neither what the store has of them, nor what is still gathered."""
    bench = Bench(tmp_path / "s.db", inventory(), Warm, now=START + 9 * HOUR)
    with closing(bench):
        bench.poll("r01273")
        bench.pipeline.sweep(bench.now)
        bench.now += 30
        bench.poll("r01273")
        bench.now = START + 60
        bench.pipeline.shift(-9 * HOUR)
        bench.poll("r01273")
        bench.pipeline.park()
        bench.store.flush()
        rows = bench.reader.summaries(Subject("site", "s01273"), WARMTH, 0, math.inf)
        assert [(row.start, row.readings, row.most) for row in rows] == [(START, 1, 1.0)]


def test_rules_find_the_hours_days_and_cells_that_the_store_has(tmp_path: Path) -> None:
    """Also how much of a cell's time nobody told, and when netmon was not there."""
    old, new = CellName("bts-1", "viettel", "4g", "1"), CellName("bts-1", "vnpt", "5g", "2")
    with Store.open(tmp_path / "s.db", OwnMetrics()) as store:
        store.record_start(START - HOUR)
        store.begin_span(Subject("cell", old.id), "up", START - HOUR, source="simulated")
        store.heartbeat(START)
        store.record_start(START + HOUR)
        store.begin_span(Subject("cell", new.id), "down", START + HOUR)
        summaries = Summaries(store, OwnMetrics())
        for hour in range(3):
            summaries.take(SITE, WARMTH, "", float(hour), START + hour * HOUR)
        summaries.park()
        store.flush()
        evidence, window = StoreEvidence(store.reader(), Turns(Event())), Window(START - 0.5 * HOUR, START + 2 * HOUR)
        assert [row.mean for row in evidence.summaries(SITE, WARMTH, window)] == [0.0, 1.0]
        assert [row.mean for row in evidence.summaries(SITE, WARMTH, Window(0, math.inf), days=True)] == [1.0]
        absences = [Window(START, START + HOUR)]
        assert evidence.cells("bts-1", window) == {
            old: Timeline([Span("up", window.start, START)], absences, 0.5 * HOUR),
            new: Timeline([Span("down", START + HOUR, window.end)], absences, 0.0),
        }
