"""What is left of writes that were dropped, and who is told what meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import End, Octets, Outage, Slot, Subject
from netmon.store import Store, StoreError, facts, schema, writer
from netmon.store.database import Database
from netmon.store.losses import Losses
from netmon.store.migrations import MIGRATIONS

SITE, DROPPED = Subject("site", "s"), "netmon_store_dropped_writes_total"


@pytest.fixture
def held(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another program holds the store locked, and few writes may wait."""
    monkeypatch.setattr(schema, "_BUSY_S", 0.02)
    store.heartbeat(0.0)
    store.begin_span(SITE, "up", 0.0)
    store.flush()
    monkeypatch.setattr(writer, "BACKLOG", 10)
    store._writer._database.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_what_people_wait_for_is_not_told_as_written_while_later_writes_are_dropped(
    store: Store, held: sqlite3.Connection, meter: Any
) -> None:
    """A kept write that waits is waited for, whatever became of those behind it."""
    outage = Outage(SITE, "isolated", 5.0, None, "fibre", "cut")
    store.open_outage(outage)
    for unix in range(200):
        store.heartbeat(float(unix))
    meter.wait_for(DROPPED, 100)
    with pytest.raises(TimeoutError):
        store.settle(0.2)
    held.execute("ROLLBACK")
    store.settle(20)
    assert [each.start for each in store.reader().outages(SITE)] == [5.0]
    assert store.reader().last_alive() == 199.0


def test_when_even_what_is_kept_is_dropped_the_time_is_an_absence(
    store: Store, held: sqlite3.Connection, meter: Any
) -> None:
    """And whoever waits for it is told that it is lost."""
    for n in range(500):
        store.open_outage(Outage(SITE, "isolated", n * 10.0, n * 10.0 + 5, "", ""))
        store.heartbeat(n * 10.0)
    meter.wait_for(DROPPED, 500)
    held.execute("ROLLBACK")
    store.flush(20)
    assert [each.reason for each in store.reader().absences(0.0, 1e9)] == ["store"]


def test_a_deed_that_was_dropped_is_no_deed(store: Store, held: sqlite3.Connection) -> None:
    """StoreError, not silence."""
    flood = [Outage(SITE, "isolated", n * 10.0, n * 10.0 + 5, "", "") for n in range(100)]
    original = store._writer._changed.wait_for

    def flooded(*how: Any) -> Any:
        store._writer._changed.wait_for = original  # type: ignore[method-assign]
        for outage in flood:
            store.open_outage(outage)
        held.execute("ROLLBACK")
        return original(*how)

    store._writer._changed.wait_for = flooded  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="writes were lost"):
        store.settle(20)


STEPS = st.lists(
    st.tuples(st.sampled_from(["up", "suspect", "down", "resolved", ""]), st.integers(1, 50)), min_size=1, max_size=30
)


@given(steps=STEPS, first=st.integers(0, 15), count=st.integers(0, 30), parted=st.integers(0, 30))
def test_no_state_is_false_whichever_writes_were_dropped(steps: list[Any], first: int, count: int, parted: int) -> None:
    """Against the same writes, all of them kept: at each instant the same state, or none; and the same one in the end. The
    dropped ones may be gathered in two parts. `resolved`: a suspicion is found to have been `up`; "": no more is told."""
    whole, thinned = _played(steps, range(0), 0), _played(steps, range(first, first + count), parted)
    for at in range(1_600):
        said = thinned(at + 0.5)
        assert said in (None, whole(at + 0.5)), at
    assert thinned(1e6) == whole(1e6)


def test_a_subject_of_which_one_change_is_dropped_loses_nothing() -> None:
    steps = [("up", 1), ("suspect", 10), ("resolved", 5), ("down", 10), ("up", 10)]
    for dropped in range(5):
        whole, thinned = _played(steps, range(0), 0), _played(steps, range(dropped, dropped + 1), 0)
        assert [thinned(at + 0.5) for at in range(60)] == [whole(at + 0.5) for at in range(60)]


def _played(steps: list[Any], dropped: range, parted: int) -> Any:
    """The states by instant when these writes are dropped and made good before the next that is not."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for step in MIGRATIONS:
        step(connection)
    database, parts, at, now = Database(connection), [Losses(), Losses()], 0.0, ""
    for order, (state, later) in enumerate(steps, 1):
        at += later
        if state == "resolved" and now != "suspect":
            continue
        now = "up" if state == "resolved" else state
        if order - 1 in dropped:
            losses = parts[order > parted]
            if state == "resolved":
                losses.rename(order, SITE, now)
            else:
                losses.begin(order, SITE, state or None, at, 0)
            continue
        if order - 1 >= dropped.stop:
            parts[0].joined(parts[1]).make_good(database)
            parts = [Losses(), Losses()]
        if state == "resolved":
            facts.rename_span(database, SITE, now)
        elif state:
            facts.begin_span(database, SITE, state, at, 0)
        else:
            facts.end_span(database, SITE, at)
    parts[0].joined(parts[1]).make_good(database)
    rows = connection.execute("SELECT state, since, coalesce(until, 9e99) FROM span WHERE until IS NULL OR until > since")
    spans = rows.fetchall()
    connection.close()
    return lambda unix: next((state for state, since, until in spans if since <= unix < until), None)


def test_octets_of_dropped_slots_are_in_no_slot_and_counted_once(store: Store, held: sqlite3.Connection, meter: Any) -> None:
    for k in range(400):
        store.put_link("lk", End.NEAR, slots=[Slot(5_904_000 + k, Octets(3, 300_000_000), Octets(2, 300_000_000))])
    meter.wait_for(DROPPED, 200)
    held.execute("ROLLBACK")
    store.flush(20)
    reader = store.reader()
    slots = reader.slots("lk", End.NEAR, 5_904_000, 5_904_400)
    unplaced = reader.unplaced("lk", End.NEAR, 0.0, 1e12)
    assert sum(slot.receive.octets for slot in slots) + sum(r.octets for r in unplaced if r.direction == "receive") == 1_200
    assert sum(slot.transmit.octets for slot in slots) + sum(r.octets for r in unplaced if r.direction == "transmit") == 800
    assert {gap.reason for gap in reader.gaps("lk", End.NEAR, 0.0, 1e12)} == {"store"}
