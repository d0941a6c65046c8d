"""Daily 95th percentiles: beside the day's sums, from old rows, from slots, and of which end."""

from __future__ import annotations

import math
import sqlite3
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import DayPeak, End, Octets, Slot
from netmon.store import Store, schema
from tests.effort import examples
from tests.store.conftest import Counts

DAY0 = 20_500
K0 = DAY0 * 288 - 84
START = K0 * 300.0
DAY = 86_400.0
DAYS = 3

Written = dict[tuple[End, int], Slot]

octets = st.builds(Octets, st.integers(0, 2**40), st.sampled_from([300_000_000, 299_999_999, 240_000_000, 239_999_999, 0]))
hours = st.tuples(st.sampled_from(list(End)), st.integers(0, DAYS * 24 - 1), st.lists(octets, min_size=24, max_size=24))
puts = st.lists(hours, max_size=12)


def put(store: Store, written: Written, todo: list[tuple[End, int, list[Octets]]]) -> None:
    for end, hour, values in todo:
        slots = [Slot(K0 + hour * 12 + i, values[2 * i], values[2 * i + 1]) for i in range(12)]
        store.put_link("lk", end, slots=slots)
        for slot in slots:
            written.setdefault((end, slot.k), slot)
    store.flush()


def of_end(written: Written, end: End, day: int) -> tuple[float, float, float] | None:
    """The percentiles of the present float32 rates of a day, and how much of it the poorer direction covers."""
    slots = [slot for (which, k), slot in written.items() if which is end and (k - K0) // 288 == day - DAY0]
    if not slots:
        return None
    ways = [
        sorted(each.octets * 10**6 / each.covered_us for each in way if each.covered_us >= 240_000_000)
        for way in ([slot.receive for slot in slots], [slot.transmit for slot in slots])
    ]
    peaks = []
    for rates in ways:
        above = len(rates) * 5 // 100  # so many may lie above it
        peak = rates[len(rates) - 1 - above] if rates else math.nan
        peaks.append(struct.unpack("f", struct.pack("f", peak))[0])
    return peaks[0], peaks[1], min(map(len, ways)) / 288


def expect(store: Store, written: Written) -> None:
    wanted = []
    for day in range(DAY0, DAY0 + DAYS):
        near, far = (of_end(written, end, day) for end in (End.NEAR, End.FAR))
        if near or far:
            better = far if near is None or (far is not None and far[2] > near[2]) else near
            assert better is not None
            wanted.append(DayPeak(day, *better))
    assert repr(store.reader().peaks("lk", DAY0 - 2, DAY0 + DAYS + 2)) == repr(wanted)  # NaN is no NaN's equal
    assert repr(store.reader().peaks("lk", DAY0 + 1, DAY0 + 2)) == repr([peak for peak in wanted if peak.day == DAY0 + 1])


@settings(max_examples=examples(25), deadline=None)
@given(first=puts, late=puts, days=st.integers(2, 6))
def test_peaks_are_the_same_whether_a_day_is_packed_or_not_and_follow_late_slots(first: Any, late: Any, days: int) -> None:
    """Nearest rank of the present rates, each direction by itself, of the end that saw more of the day."""
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory) / "s.db", Counts()) as store:
        written: Written = {}
        put(store, written, first)
        expect(store, written)
        store.fold(START + days * DAY)
        store.flush()
        expect(store, written)
        put(store, written, late)
        expect(store, written)
        store.fold(START + 9 * DAY)
        store.flush()
        expect(store, written)
        assert store.reader().peaks("other", DAY0, DAY0 + DAYS) == store.reader().peaks("lk", DAY0, DAY0) == []


def full_day(day: int, rate: int) -> list[Slot]:
    """Rates of 1 to 288 times `rate` towards the commune, the same away from it."""
    first = day * 288 - 84
    return [Slot(first + i, Octets(300 * rate * (i + 1), 300_000_000), Octets(300 * rate, 300_000_000)) for i in range(288)]


def test_peaks_outlive_the_rates(store: Store) -> None:
    """A trend over months needs no packed rates."""
    store.put_link("lk", End.NEAR, slots=full_day(DAY0, 10))
    store.fold(START + 3 * DAY)
    store.prune(START + 60 * DAY)
    store.flush()
    assert math.isnan(store.reader().rates("lk", End.NEAR, K0, 1).receive[0])
    assert store.reader().peaks("lk", DAY0, DAY0 + 1) == [DayPeak(DAY0, 2740.0, 10.0, 1.0)]


def test_a_store_from_before_percentiles_is_brought_up_to_date(
    path: Path, meter: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packed days tell their percentiles while they have rates, then no more; its slots are packed with them."""
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
        with Store.open(path, meter) as store:
            store.put_link("lk", End.NEAR, slots=full_day(DAY0 + 1, 20))
    old = struct.pack("<288f", *(10.0 * (i + 1) for i in range(288)))
    with sqlite3.connect(path) as database:
        for day in (DAY0 - 1, DAY0):
            database.execute("INSERT INTO day VALUES (?, 1, 0, 288, 1, 288, 288, 1, 288, 288, 0, NULL, NULL)", (day,))
        database.execute(
            "INSERT INTO day_rates (day, link, far, receive, transmit) VALUES (?, 1, 0, ?, ?)", (DAY0, old, old)
        )
    database.close()
    with Store.open(path, meter) as store:
        wanted = [DayPeak(DAY0, 2740.0, 2740.0, 1.0), DayPeak(DAY0 + 1, 5480.0, 20.0, 1.0)]
        assert store.reader().peaks("lk", DAY0 - 1, DAY0 + 5) == wanted
        store.fold(START + 4 * DAY)
        store.prune(START + 46.5 * DAY)
        store.flush()
        assert store.reader().peaks("lk", DAY0 - 1, DAY0 + 5) == wanted[1:]
