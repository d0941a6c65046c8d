"""Slots of round trips: to the last digit before and after their day is packed, each counted once, and how long."""

from __future__ import annotations

import math
import sqlite3
import struct
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import EchoSlot
from netmon.store import Reader, Store
from tests.effort import examples
from tests.store.conftest import Counts
from tests.store.test_slots import documented

K0 = 20_500 * 288 - 84
START = K0 * 300.0
DAY = 86_400.0

Written = dict[tuple[str, int], tuple[EchoSlot, str]]

small, long = st.one_of(st.integers(0, 40), st.integers(0, 2**16 - 1)), st.integers(0, 2**32 - 1)
slots = st.builds(EchoSlot, st.integers(K0, K0 + 3 * 288 - 1), small, small, long, long, small, long)
puts = st.lists(st.tuples(st.sampled_from(["lk-a", "lk-b"]), slots, st.sampled_from(["measured", "simulated"])), max_size=60)


def put(store: Store, written: Written, todo: list[tuple[str, EchoSlot, str]]) -> None:
    """Writes and remembers: the first write of a slot counts."""
    for link, slot, source in todo:
        store.put_echo(link, slot, source)
        written.setdefault((link, slot.k), (slot, source))
    store.flush()


def mean(sum_us: int, count: int) -> float:
    return float(Fraction(sum_us, count * 10**6)) if count else math.nan


def expect(reader: Reader, written: Written, first: int = K0 - 7, count: int = 3 * 288 + 20) -> None:
    for link in ("lk-a", "lk-b"):
        found = reader.echoes(link, first, count)
        mine = [written.get((link, k), (EchoSlot(k, 0, 0, 0, 0, 0, 0), "measured")) for k in range(first, first + count)]
        rows = [slot for slot, _ in mine]
        doubles = struct.Struct(f"={count}d")
        assert bytes(found.rtt_s) == doubles.pack(*(mean(slot.rtt_us, slot.answered) for slot in rows))
        assert bytes(found.worst_s) == doubles.pack(*(mean(slot.worst_us, int(slot.answered > 0)) for slot in rows))
        assert bytes(found.snmp_s) == doubles.pack(*(mean(slot.snmp_us, slot.snmp) for slot in rows))
        assert list(found.sent) == [slot.sent for slot in rows]
        assert list(found.answered) == [slot.answered for slot in rows]
        assert found.simulated == sum(source == "simulated" for _, source in mine)


@settings(max_examples=examples(25), deadline=None)
@given(first=puts, late=puts, days=st.integers(2, 6))
def test_round_trips_are_the_same_bits_before_and_after_folding_whenever_slots_come(
    first: Any, late: Any, days: int
) -> None:
    """Whatever is written, twice, late, into packed days or not, a slot of nothing too: each counts once."""
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory) / "s.db", Counts()) as store:
        written: Written = {}
        put(store, written, first)
        expect(store.reader(), written)
        store.fold(START + days * DAY)
        store.flush()
        expect(store.reader(), written)
        put(store, written, [*late, *((link, slot._replace(sent=slot.sent ^ 1), "measured") for link, slot, _ in first)])
        expect(store.reader(), written)
        store.fold(START + 9 * DAY)
        store.fold(START + 9 * DAY)
        store.flush()
        expect(store.reader(), written)
        expect(store.reader(), written, K0 + 250, 300)
        expect(store.reader(), written, K0 + 300, 1)
        database = sqlite3.connect(Path(directory) / "s.db")
        assert database.execute("SELECT count(*) FROM echo").fetchone() == (0,)
        sums = database.execute(
            "SELECT sum(slots), sum(sent), sum(answered), sum(rtt_us), max(worst_us), sum(snmp), sum(snmp_us) FROM echo_day"
        ).fetchone()
        database.close()
        rows = [slot for slot, _ in written.values()]
        if rows:
            _, sent, answered, rtt_us, worst_us, snmp, snmp_us = zip(*rows, strict=True)
            whole = (len(rows), sum(sent), sum(answered), sum(rtt_us), max(worst_us), sum(snmp), sum(snmp_us))
            assert sums == whole


def test_a_whole_day_of_many_links_is_packed(store: Store, path: Path) -> None:
    """More links than a step packs, and a day that lacks no slot; today and yesterday stay in rows."""
    links = [f"lk-{number:03}" for number in range(300)]
    for link in links:
        store.put_echo(link, EchoSlot(K0, 5, 4, 80_000, 30_000, 1, 9_000))
    for k in range(K0 + 1, K0 + 2 * 288):
        store.put_echo(links[-1], EchoSlot(k, 5, 5, 100_000, 30_000, 0, 0))
    store.fold(START + 2 * DAY)
    store.flush()
    database = sqlite3.connect(path)
    days = database.execute("SELECT count(*), sum(slots), count(present) FROM echo_day").fetchone()
    rows = database.execute("SELECT min(k), count(*) FROM echo").fetchone()
    database.close()
    assert days == (300, 299 + 288, 299)
    assert rows == (K0 + 288, 288)
    assert store.reader().echoes(links[0], K0, 2).rtt_s[0] == 0.02
    assert set(store.reader().echoes(links[-1], K0 + 1, 2 * 288 - 1).rtt_s) == {0.02}


def test_round_trips_are_kept_as_long_as_rates(store: Store) -> None:
    """45 days, of judged links 400."""
    for link in ("judged", "other"):
        store.put_echo(link, EchoSlot(K0, 5, 5, 5, 1, 0, 0))
    store.fold(START + 3 * DAY)

    def kept(days: float) -> list[str]:
        store.prune(START + days * DAY, judged={"judged"})
        store.flush()
        return [link for link in ("judged", "other") if store.reader().echoes(link, K0, 1).sent[0]]

    assert kept(45.5) == ["judged", "other"]
    assert kept(46) == kept(400.5) == ["judged"]
    store.put_echo("other", EchoSlot(K0 + 1, 5, 5, 5, 1, 0, 0))  # too late, it goes at the next night
    store.fold(START + 401 * DAY)
    assert kept(400.5) == ["judged"]
    assert not any(store.reader().echoes("other", K0, 288).sent)
    assert kept(401) == []


@pytest.mark.parametrize("wrong", [{"sent": -1}, {"answered": 2**16}, {"rtt_us": 2**32}, {"snmp_us": -5}])
def test_a_count_that_a_packed_day_cannot_hold_is_the_callers_error(store: Store, wrong: dict[str, int]) -> None:
    """It would stop the folding at night."""
    with pytest.raises(ValueError, match="negative or too large"):
        store.put_echo("lk", EchoSlot(K0, 5, 5, 5, 1, 0, 0)._replace(**wrong))


def test_the_script_of_the_documentation_reads_a_packed_day_of_echoes(store: Store, path: Path) -> None:
    """What docs/store.md prints for independent scripts agrees with netmon."""
    answered = EchoSlot(K0 + 1, 5, 4, 80_000, 30_000, 1, 9_000)
    store.put_echo("lk-04-01273-fibre", EchoSlot(K0 + 7, 5, 0, 0, 0, 0, 0))
    store.put_echo("lk-04-01273-fibre", answered)
    store.fold(START + 3 * DAY)
    store.flush()
    rows = documented("packed_echoes")(str(path), "lk-04-01273-fibre", "2026-02-16")
    assert rows == [answered._asdict(), EchoSlot(K0 + 7, 5, 0, 0, 0, 0, 0)._asdict()]
