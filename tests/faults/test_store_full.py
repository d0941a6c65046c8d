"""The disk takes no more, and later it does again; or another program holds the store."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from netmon.model import Subject
from netmon.store import Store, StoreError, schema, writer
from tests.faults.disks import fill_up, small
from tests.faults.matrix import size
from tests.faults.stored import A_SLOT, K0, Meter, is_sound, put_slot, rows
from tests.peers import eventually
from tests.running import T0, World, province

DROPPED, FAILURES = "netmon_store_dropped_writes_total", "netmon_store_failures_total"


def octets(path: Path) -> tuple[int, int]:
    """All octets that the store has of lk-0, and where its counter stands."""
    (placed,), (unplaced,) = (
        rows(path, "SELECT ifnull(sum(receive), 0) FROM slot"),
        rows(path, "SELECT ifnull(sum(octets), 0) FROM unplaced WHERE direction = 'receive'"),
    )
    ((stands,),) = rows(path, "SELECT json_extract(body, '$[0][0]') FROM baseline ORDER BY id DESC LIMIT 1")
    return placed[0] + unplaced[0], stands


@pytest.mark.fault("disk-full")
def test_what_a_full_disk_costs_is_the_time_that_nobody_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], None]
) -> None:
    """Reads go on, writes wait, are counted and timed; of those that are dropped no octet is lost and no state is false."""
    monkeypatch.setattr(writer, "BACKLOG", 300)
    many, meter = size(2_000, 60_000), Meter()
    with small(tmp_path / "disk", size(8, 64)) as disk, Store.open(disk / "netmon.db", meter) as store:
        path, site = disk / "netmon.db", Subject("site", "s")
        put_slot(store, "lk-0", K0)
        store.begin_span(site, "up", K0 * 300.0)
        store.heartbeat(K0 * 300.0)
        store.flush()
        ballast = fill_up(disk)
        for turn in range(1, many):
            put_slot(store, "lk-0", K0 + turn)
            if turn % 100 == 50:
                store.begin_span(site, "isolated" if turn % 200 == 50 else "up", (K0 + turn) * 300.0)
        eventually(lambda: meter.totals.get(FAILURES, 0) >= 2)
        store.show_disks()
        assert meter.gauges["netmon_disk_free_bytesstore"] < 64 * 1024
        assert meter.gauges["netmon_store_oldest_write_seconds"] > 0
        assert len(store._writer._queue) + len(store._writer._taken) <= 600
        assert store.reader().open_spans("site")["s"].state == "up"
        ballast.unlink()
        store.flush(60)
        dropped = meter.totals[DROPPED]
        assert dropped > many / 2
        assert meter.gauges["netmon_store_backlog"] == 0
        total, stands = octets(path)
        assert total == stands == many * A_SLOT
        told = store.reader().spans(site, 0.0, 9e12)
        for span in told:  # each is of a time in which it was so
            for turn in range(int(span.start // 300) - K0, min(many, int(span.end // 300) - K0)):
                was = "up" if turn < 50 or (turn - 50) // 100 % 2 else "isolated"
                assert span.state == was, turn
        last = (many - 1 - 50) // 100
        assert told[-1].state == ("up" if last % 2 else "isolated")
        assert {row[0] for row in rows(path, "SELECT reason FROM gap")} == {"store"}
        assert is_sound(path)
    measured(f"{many} polls on a full disk, {dropped:.0f} writes dropped: {total} of {stands} octets, no state false.")


@pytest.mark.fault("disk-full")
def test_polls_states_and_the_page_go_on_while_the_disk_is_full(tmp_path: Path) -> None:
    """A device that falls meanwhile is told at once; when space returns, the store has it with its outage."""
    with small(tmp_path / "disk", 8) as disk:
        world = World(disk / "netmon.db", province()).run(65)
        try:
            world.store.flush()
            ballast = fill_up(disk)
            world.dead.add("r1")
            world.run(600)
            eventually(lambda: re.search(rb"^netmon_store_failures_total [1-9]", world.page.render(), re.M))
            assert re.search(rb'^netmon_device_up{[^}]*device="r1"[^}]*} 0$', world.page.render(), re.M)
            ballast.unlink()
            world.store.flush(60)
            assert world.reader.open_spans("device")["r1"].state == "down"
            assert [each.subject.id for each in world.reader.outages(Subject("device", "r1"))] == ["r1"]
            assert world.reader.absences(0.0, T0 * 2) == []
        finally:
            world.close()


@pytest.mark.fault("disk-full")
def test_a_disk_that_is_full_at_the_start_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Nothing half made is left, and the next start makes it; a store that is there opens, and its writes wait."""
    with small(tmp_path / "disk", 8) as disk:
        ballast = fill_up(disk, 64 * 1024)
        with pytest.raises(StoreError, match="database or disk is full"):
            Store.open(disk / "netmon.db", Meter())
        ballast.unlink()
        Store.open(disk / "netmon.db", Meter()).close()
        with fill_up(disk).open("ab"), pytest.raises(StoreError, match="cannot be opened as a store"):
            Store.open(disk / "netmon.db", Meter())
        (disk / "ballast").unlink()
        ballast, meter = fill_up(disk, 256 * 1024), Meter()
        with Store.open(disk / "netmon.db", meter) as store:
            for turn in range(2_000):
                put_slot(store, f"lk-{turn}", K0)
            eventually(lambda: meter.totals.get(FAILURES, 0) > 0)
            ballast.unlink()
            store.flush(20)
            assert rows(disk / "netmon.db", "SELECT count(*) FROM slot") == [(2_000,)]


@pytest.mark.fault("store-locked")
def test_who_holds_the_store_locked_delays_writes_and_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], None]
) -> None:
    """Another program's write lock: no octet and no state is lost, and nobody who puts a write waits."""
    monkeypatch.setattr(schema, "_BUSY_S", 0.02)
    monkeypatch.setattr(writer, "BACKLOG", 100)
    path, meter = tmp_path / "netmon.db", Meter()
    many = size(500, 20_000)
    with Store.open(path, meter) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for turn in range(many):
            put_slot(store, "lk-0", K0 + turn)
        eventually(lambda: meter.totals.get(FAILURES, 0) > 1)
        with pytest.raises(TimeoutError):
            store.settle(0.05)
        other.execute("ROLLBACK")
        other.close()
        store.flush(30)
    assert octets(path) == (many * A_SLOT, many * A_SLOT)
    measured(f"{many} polls under another program's lock, {meter.totals[DROPPED]:.0f} writes dropped: no octet lost.")


@pytest.mark.fault("store-locked")
def test_a_reader_that_never_ends_is_told_and_bounds_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal grows to its bound, then writes wait; when the reader goes all is there and the journal is short again."""
    monkeypatch.setattr(writer, "JOURNAL_TOLD", 2 * 2**20)
    monkeypatch.setattr(writer, "JOURNAL_MOST", 6 * 2**20)
    path, meter, stop = tmp_path / "netmon.db", Meter(), threading.Event()
    journal = path.with_name("netmon.db-wal")
    with Store.open(path, meter) as store:
        store.flush()
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM slot").fetchone()
        turn = 0
        while meter.totals.get(FAILURES, 0) == 0:
            for _ in range(400):
                put_slot(store, f"lk-{turn % 50}", K0 + turn)
                turn += 1
            try:
                store.settle(1)
            except TimeoutError:
                stop.set()
        longest = journal.stat().st_size
        assert longest < 9 * 2**20
        reader.execute("COMMIT")
        reader.close()
        store.flush(30)
        put_slot(store, "lk-0", K0 + turn)
        store.flush(30)
        assert rows(path, "SELECT count(*) FROM slot") == [(turn + 1,)]
        assert stop.is_set()
