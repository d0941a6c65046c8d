"""Slots, their folding into packed days, and what is kept beside them."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import struct
import tempfile
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netmon.store.reader
from netmon.derive.slots import SlotFiller
from netmon.model import Baseline, CounterPoint, Direction, End, Epoch, Gap, Kind, Octets, Slot, Unplaced
from netmon.store import Reader, Store
from tests.effort import examples

DAY0 = 20_500
K0 = DAY0 * 288 - 84
"""The first slot of a local day: 17:00 UTC of the day before."""
START = K0 * 300.0
DAY = 86_400.0
FULL = Octets(3_000_000, 300_000_000)

Written = dict[tuple[str, int], tuple[Slot, str]]

octets = st.builds(
    Octets,
    st.integers(0, 2**50),
    st.one_of(st.just(300_000_000), st.sampled_from([0, 239_999_999, 240_000_000]), st.integers(0, 300_000_000)),
)
batches = st.lists(
    st.tuples(
        st.sampled_from(["lk-a", "lk-b"]),
        st.dictionaries(st.integers(K0, K0 + 3 * 288 - 1), st.tuples(octets, octets), max_size=30),
        st.sampled_from(["measured", "simulated"]),
    ),
    max_size=5,
)


def float32(direction: Octets) -> bytes:
    """The rate as the contract words it: octets / covered seconds, as float32, NaN below 240 s."""
    if direction.covered_us < 240_000_000:
        return struct.pack("<f", math.nan)
    return struct.pack("<f", float(Fraction(direction.octets * 1_000_000, direction.covered_us)))


def expect(reader: Reader, written: Written) -> None:
    for link in ("lk-a", "lk-b"):
        mine = {k: entry for (name, k), entry in written.items() if name == link}
        rates = reader.rates(link, End.NEAR, K0 - 7, 3 * 288 + 20)
        none = Octets(0, 0)
        for found, direction in ((rates.receive, "receive"), (rates.transmit, "transmit")):
            assert isinstance(found, array)
            assert found.tobytes() == b"".join(
                float32(getattr(mine[k][0], direction) if k in mine else none) for k in range(K0 - 7, K0 + 3 * 288 + 13)
            )
        assert rates.simulated == sum(source == "simulated" for _, source in mine.values())
        part = reader.rates(link, End.NEAR, K0 + 250, 300)
        assert part.receive.tobytes() == rates.receive[257:557].tobytes()
        assert part.simulated == sum(source == "simulated" for k, (_, source) in mine.items() if K0 + 250 <= k < K0 + 550)
        assert reader.sums(link, End.NEAR, START, START + 3 * DAY) == (
            sum(slot.receive.octets for slot, _ in mine.values()),
            sum(slot.transmit.octets for slot, _ in mine.values()),
            len(mine),
        )


def put(store: Store, written: Written, todo: list[tuple[str, dict[int, tuple[Octets, Octets]], str]]) -> int:
    """Writes and remembers: the first write of a slot counts. Gives back how many came too late for that."""
    again = 0
    for link, entries, source in todo:
        slots = [Slot(k, *both) for k, both in entries.items()]
        store.put_link(link, End.NEAR, slots=slots, source=source)
        for slot in slots:
            again += (link, slot.k) in written
            written.setdefault((link, slot.k), (slot, source))
    store.flush()
    return again


@settings(max_examples=examples(40), deadline=None)
@given(first=batches, late=batches, days=st.integers(2, 6))
def test_rates_and_sums_are_the_same_bits_before_and_after_folding_whenever_slots_come(
    first: Any, late: Any, days: int
) -> None:
    """Whatever is written, in any order, twice, late, into packed days or not: each slot counts once, to the bit."""
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory) / "s.db", _Silent()) as store:
        written: Written = {}
        again = put(store, written, first)
        expect(store.reader(), written)
        store.fold(START + days * DAY)
        store.flush()
        expect(store.reader(), written)
        again += put(store, written, late + first[:1])
        expect(store.reader(), written)
        store.fold(START + 9 * DAY)
        store.fold(START + 9 * DAY)
        store.flush()
        expect(store.reader(), written)
        assert store.reader().slots("lk-a", End.NEAR, K0, K0 + 3 * 288) == []
        assert store.ignored_slots == again


class _Silent:
    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...
    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...
    def observe(self, family: str, value: float, /, **labels: str) -> None: ...


def test_a_day_is_packed_when_it_ended_more_than_a_day_ago(store: Store) -> None:
    """Today and yesterday stay in rows; the ends of a link are kept apart."""
    for end in End:
        store.put_link("lk", end, slots=[Slot(K0, FULL, FULL), Slot(K0 + 288, FULL, FULL), Slot(K0 + 576, FULL, FULL)])
    store.fold(START + 2 * DAY - 1)
    store.flush()
    assert [slot.k for slot in store.reader().slots("lk", End.FAR, K0, K0 + 576)] == [K0, K0 + 288, K0 + 576]
    store.fold(START + 2 * DAY)
    store.flush()
    assert [slot.k for slot in store.reader().slots("lk", End.FAR, K0, K0 + 576)] == [K0 + 288, K0 + 576]
    assert store.reader().rates("lk", End.NEAR, K0, 1).receive[0] == 10_000.0


def test_a_day_packed_in_the_middle_of_a_read_does_not_vanish(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed rows and slot rows are read in one snapshot."""
    store.put_link("lk", End.NEAR, slots=[Slot(K0, FULL, FULL)])
    store.flush()
    read_rows = netmon.store.reader.unpacked

    def fold_first(*arguments: Any) -> Any:
        store.fold(START + 5 * DAY)
        store.flush()
        return read_rows(*arguments)

    monkeypatch.setattr(netmon.store.reader, "unpacked", fold_first)
    assert store.reader().rates("lk", End.NEAR, K0, 1).receive[0] == 10_000.0
    assert store.reader().sums("lk", End.NEAR, START, START + DAY).receive == 3_000_000


def test_what_one_poll_brought_comes_back_as_it_was(store: Store) -> None:
    """Slots, unplaced octets, gaps and a baseline with all 64 bits, of each end by itself; the last baseline stands."""
    epoch = Epoch(4_294_967_295, None, 0, "xe-0/0/1 đường lên")
    point = CounterPoint(2**64 - 1, 1_771_234_567.123456, Kind.COUNTER64, epoch)
    baseline = Baseline(receive=point, transmit=None, open=(Slot(K0 + 1, Octets(7, 1), Octets(0, 0)),))
    unplaced = Unplaced(Direction.RECEIVE, START + 10.5, START + 400.25, 2**45)
    gap = Gap(Direction.TRANSMIT, START + 5, START + 6, "reset")
    store.put_link("lk", End.FAR, baseline=Baseline(receive=None, transmit=None, open=()))
    store.put_link("lk", End.FAR, slots=[Slot(K0, FULL, FULL)], unplaced=[unplaced], gaps=[gap], baseline=baseline)
    store.put_link("lk", End.FAR, slots=[Slot(K0 + 2, FULL, FULL)])
    store.flush()
    reader = store.reader()
    assert reader.baselines() == {("lk", End.FAR): baseline}
    assert reader.slots("lk", End.FAR, K0, K0 + 1) == [Slot(K0, FULL, FULL)]
    assert reader.slots("lk", End.NEAR, K0, K0 + 9) == reader.slots("other", End.FAR, K0, K0 + 9) == []
    assert reader.unplaced("lk", End.FAR, START, START + 11) == [unplaced]
    assert reader.unplaced("lk", End.FAR, START + 400.25, START + 500) == []
    assert reader.gaps("lk", End.FAR, START, START + DAY) == [gap]
    with pytest.raises(ValueError, match="midnights"):
        reader.sums("lk", End.FAR, START + 1, START + DAY)
    with pytest.raises(ValueError, match="measured or simulated"):
        store.put_link("lk", End.FAR, source="guessed")


def test_replaced_baselines_are_trimmed(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Baselines are appended; the table stays small and the newest of each end survives."""
    monkeypatch.setattr("netmon.store.links.BASELINES_TRIMMED_EVERY", 10)

    def at(unix: float) -> Baseline:
        return Baseline(CounterPoint(1, unix, Kind.COUNTER32, Epoch(None, None, None, "e")), None, ())

    store.put_link("quiet", End.NEAR, baseline=at(1.0))
    for i in range(28):
        store.put_link("busy", End.NEAR, baseline=at(float(i)))
    store.flush()
    assert store.reader().baselines() == {("quiet", End.NEAR): at(1.0), ("busy", End.NEAR): at(27.0)}
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM baseline").fetchone()[0] == 11
    other.close()


def test_retention_keeps_judged_links_longer_and_sums_longest(store: Store) -> None:
    """Rates go after 45 days, of judged links after 400; sums stay 5 years; a slot past its retention is not counted."""
    for link in ("judged", "other"):
        gap = Gap(Direction.RECEIVE, START, START + 9, "reset")
        unplaced = Unplaced(Direction.RECEIVE, START, START + 9, 5)
        store.put_link(link, End.NEAR, slots=[Slot(K0, FULL, FULL)], gaps=[gap], unplaced=[unplaced])
    store.fold(START + 3 * DAY)
    store.flush()
    reader = store.reader()

    def kept(days: float) -> dict[str, tuple[bool, int, int, int]]:
        store.prune(START + days * DAY, judged={"judged"})
        store.flush()
        return {
            link: (
                not math.isnan(reader.rates(link, End.NEAR, K0, 1).receive[0]),
                len(reader.gaps(link, End.NEAR, START, START + DAY)),
                reader.sums(link, End.NEAR, START, START + DAY).receive,
                len(reader.unplaced(link, End.NEAR, START, START + DAY)),
            )
            for link in ("judged", "other")
        }

    assert kept(45.5) == {"judged": (True, 1, 3_000_000, 1), "other": (True, 1, 3_000_000, 1)}
    assert kept(46) == {"judged": (True, 1, 3_000_000, 1), "other": (False, 0, 3_000_000, 1)}
    store.put_link("other", End.NEAR, slots=[Slot(K0, FULL, FULL), Slot(K0 + 1, FULL, FULL)])
    assert kept(400.5) == {"judged": (True, 1, 3_000_000, 1), "other": (False, 0, 3_000_000, 1)}
    assert store.ignored_slots == 2
    assert kept(401) == {"judged": (False, 0, 3_000_000, 1), "other": (False, 0, 3_000_000, 1)}
    assert kept(1_826) == {"judged": (False, 0, 0, 0), "other": (False, 0, 0, 0)}


def documented(name: str) -> Any:
    """A function as docs/store.md prints it."""
    text = Path(__file__).parents[2].joinpath("docs/store.md").read_text("utf-8")
    names: dict[str, Any] = {}
    for script in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(script, names)
    return names[name]


def test_the_script_of_the_documentation_reads_a_packed_day(store: Store, path: Path) -> None:
    """What docs/store.md prints for independent scripts works on a real file and agrees with netmon."""
    thin = Octets(50, 1_000_000)
    store.put_link("lk-04-01273-fibre", End.NEAR, slots=[Slot(K0, FULL, thin), Slot(K0 + 1, thin, thin)])
    store.fold(START + 3 * DAY)
    store.flush()
    rows = documented("packed_day")(str(path), "lk-04-01273-fibre", "2026-02-16")
    assert json.dumps(rows) == json.dumps([{"k": K0, "utc": START, "receive": 10_000.0, "transmit": None}])


@pytest.mark.parametrize("end", list(End))
def test_the_script_of_the_documentation_accounts_for_every_octet(store: Store, path: Path, end: End) -> None:
    """Polls a minute apart with a silence of an hour, packed and open days, a counter past 2^63: octets grow as it does."""
    filler, counter, at = SlotFiller(), 2**64 - 40_000_000_000, START + 17.0
    seen = []
    for number in range(3 * 1440):
        step = 3600.0 if number % 1000 == 999 else 60.0
        grown = 1_000_003 + 7 * number
        unplaced = []
        for direction in Direction:
            unplaced += filler.add(direction, grown // (2 if direction is Direction.TRANSMIT else 1), at, at + step)
            filler.read(direction, at + step)
        at += step
        counter += grown
        point = CounterPoint(counter, at, Kind.COUNTER64, Epoch(number, None, None, "x"))
        store.put_link(
            "lk", end, slots=filler.close(at), unplaced=unplaced, baseline=filler.baseline(point, point), source="measured"
        )
        if number in (10, 2000, 3 * 1440 - 1):
            store.fold(at)
            store.flush()
            seen.append(documented("accounted")(str(path), "lk", int(end is End.FAR)))
    first, *later = seen
    for found in later:
        assert found["receive"]["octets"] - first["receive"]["octets"] == (
            found["receive"]["counter"] - first["receive"]["counter"]
        )
        assert found["receive"]["octets"] > 2 * found["transmit"]["octets"] > 0
    assert later[-1]["receive"]["unix"] == at
    assert later[-1]["receive"]["counter"] > 2**63
