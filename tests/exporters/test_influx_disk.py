"""A disk that is slow, or was not asked yet, costs no point that memory can hold."""

from __future__ import annotations

import os
import threading

import pytest

from netmon.exporters import influx as room
from tests.exporters.conftest import Counts, Start, until
from tests.exporters.faulty import Say, faulty
from tests.exporters.test_influx import points, settled


async def test_a_disk_that_was_not_asked_yet_costs_no_point(
    start: Start, meter: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory has another, last bound while nobody knows that the disk fails; what is beyond that is counted."""
    monkeypatch.setattr(room, "MEMORY_BYTES", 20_000)
    async with faulty() as receiver:
        influx = await start(receiver.url, batch_points=10)
        lines = points(influx, 500)  # in one go: nothing else runs meanwhile
        assert influx._closed_bytes > room.MEMORY_BYTES
        assert not meter.dropped()
        await settled(influx, meter, 500)
        assert receiver.accepted == lines
        points(influx, 2000)
        assert influx._closed_bytes <= 4 * room.MEMORY_BYTES
        assert meter.dropped("overflow") == meter.dropped() > 0
        await settled(influx, meter, 2500)


async def test_what_waits_goes_to_a_slow_disk_in_blocks(
    start: Start, meter: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few syncs for many batches; no block is longer than its bound, every point is told of meanwhile, and all arrive."""
    synced, slow, sync = [], threading.Event(), os.fsync

    def held(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        assert slow.wait(10)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", held)
    monkeypatch.setattr(room, "BLOCK_BYTES", 40_000)
    say = Say(500)
    async with faulty(lambda _: say) as receiver:
        influx = await start(receiver.url, batch_points=10)
        lines = points(influx, 1000)
        await until(lambda: synced)
        assert influx.waiting_points == 1000
        slow.set()
        await until(lambda: influx._outbox.points >= 990)
        blocks = [path.stat().st_size for path in influx._settings.outbox.glob("*.block")]
        assert len(synced) <= 2 * (sum(blocks) // 40_000 + 4)
        assert max(blocks) <= 40_100
        say = Say(204)
        await settled(influx, meter, 1000)
    assert receiver.accepted == lines
