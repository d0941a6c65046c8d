"""Points to InfluxDB: in batches, over its v2 or v1 write API, with what it cannot take now kept on disk.

    write ─ lines ─ open batch ─ closed batches ─────────────────────── sender ─ InfluxDB
                                      └── outbox, when these wait ──────┘

`write` only makes text. A batch closes when it is full or after `every_s`. The sender sends one batch after the other, the
oldest first, so the outbox before memory. Closed batches go to the outbox while the receiver is away, and all but the newest
while it is slow; those that wait are joined, and are one batch from then on. A batch leaves the outbox when all its lines
were accepted or rejected: after `kill -9` it may be sent twice, which changes nothing, for a point is its series and its
time.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar

import aiohttp
import structlog

from netmon.exporters.answers import Answer, Result, hiding, judge
from netmon.exporters.delivery import Delivery
from netmon.exporters.lines import Lines
from netmon.exporters.outbox import Batch, Outbox
from netmon.exporters.receiver import Receiver, named
from netmon.exporters.writes import Api, api_of
from netmon.model import Meter, Series
from netmon.settings import InfluxSettings

DISK_WAIT_S = 5.0
"""How often a disk that failed is tried again."""

CLOSE_S = 2.0
"""What is left for sending when netmon stops."""

CLOSED_IN_MEMORY = 2
"""Batches that may wait in memory for a receiver that is merely slow; more go to the outbox."""

MEMORY_BYTES = 32 * 2**20
"""What may wait in memory while the disk takes nothing, and the oldest goes. Four times that while the disk is only slow."""

BLOCK_BYTES = 8 * 2**20
"""Up to this closed batches are joined on their way to the outbox: a slow disk is slow by the sync, not by the byte."""

DRAIN_POINTS_S = 50_000
"""How fast the outbox is emptied at most, several times what a province makes. It also rests for as long as it works."""

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, and waiting for it."""

    monotonic: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Influx:
    """Writes samples to one InfluxDB. `where` names it for people, without secrets.

    Raises OSError, with a sentence, when the outbox or the file of certificates cannot be used. Belongs to one event loop.
    """

    def __init__(self, settings: InfluxSettings, meter: Meter, clock: Clock | None = None) -> None:
        self._meter = meter
        self._clock = clock or Clock()
        self._speak(settings, api_of(settings))
        self._outbox = Outbox(settings.outbox, settings.outbox_bytes, meter)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="netmon-outbox")  # one, so that what it does is in order
        self._numbers = count(self._outbox.newest + 1)
        self._lines = Lines()
        self._open: list[bytes] = []
        self._open_points = 0
        self._closed: deque[Batch] = deque()
        self._closed_bytes = 0
        self._delivery: Delivery | None = None
        self._stored = 0
        self._due_on_disk = 0  # points in the outbox when the block that is being put is there
        self._moving = asyncio.Lock()
        self._posting = asyncio.Lock()
        self._to_send = asyncio.Event()
        self._to_store = asyncio.Event()
        self._disk_failing: set[str] = set()

    def _speak(self, settings: InfluxSettings, api: Api) -> None:
        self.where = named(settings)
        self._settings = settings
        self._api = api
        self._plain = hiding(settings)
        self._receiver = Receiver(self.where, api.CHECK, self._meter)

    async def renew(self, settings: InfluxSettings) -> None:
        """Another address, secret, authority or pace holds from the next request on; the outbox stays as it is. Authorities
        are read anew; where they cannot be, that is told, and all stays as it was."""
        settings = replace(settings, outbox=self._settings.outbox, outbox_bytes=self._settings.outbox_bytes)
        if settings == self._settings and settings.ca is None:
            return
        try:
            api = await asyncio.to_thread(api_of, settings)
        except OSError as error:
            log.error("InfluxDB is written to as before the reload", influxdb=self.where, detail=str(error))
            return
        async with self._posting:
            before = self._api
            self._speak(settings, api)
            await before.close()
        log.info("InfluxDB is written to as the new settings say", influxdb=self.where)

    def write(self, owner: str, series: tuple[Series, ...], numbers: Sequence[str], at: float | Sequence[float]) -> None:
        """Takes numbers as text and returns at once. `at` is in Unix seconds: one for all, or one for each number.

        What stands before the numbers is kept for `owner` while it brings the same series.
        """
        lines, points = self._lines.render(owner, series, numbers, at)
        while points >= (room := self._settings.batch_points - self._open_points):
            *fitting, lines = lines.split(b"\n", room)
            self._add(b"\n".join([*fitting, b""]), room)
            self._close_batch()
            points -= room
        self._add(lines, points)

    def forget(self, owner: str) -> None:
        """The owner is no longer part of the inventory."""
        self._lines.forget(owner)

    @property
    def reachable(self) -> bool:
        """False while what is written must wait for the receiver, and while it rejects all of it."""
        return self._receiver.reachable

    @property
    def waiting_points(self) -> int:
        """Points that were neither accepted nor dropped yet."""
        sending = self._delivery.left().points - self._outbox.points_of(self._delivery.number) if self._delivery else 0
        on_disk = max(self._outbox.points, self._due_on_disk)
        return self._open_points + sum(batch.points for batch in self._closed) + sending + on_disk

    async def run_forever(self) -> None:
        """Sends, and keeps what cannot be sent. Ends only by cancellation; what waits is for `close`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._close_batches())
            tasks.create_task(self._store_forever())
            tasks.create_task(self._send_forever())

    async def close(self) -> None:
        """One last short attempt to send, unless the receiver is known to be away; what remains lies in the outbox."""
        self._close_batch()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while not self._receiver.away and await asyncio.shield(self._take()):
                    await self._deliver()
        await self._keep()
        while self._closed and await self._store_one():
            pass
        for batch in self._closed:
            self._drop(batch.points, "disk")
        self._closed.clear()
        await self._api.close()
        await self._on_disk(self._outbox.close)
        self._disk.shutdown(wait=False)

    # --- batches --------------------------------------------------------------------------------------------------

    async def _close_batches(self) -> None:
        while True:
            await self._clock.sleep(self._settings.every_s)
            self._close_batch()

    def _add(self, lines: bytes, points: int) -> None:
        if points:
            self._open.append(lines)
            self._open_points += points

    def _close_batch(self) -> None:
        if not self._open:
            return
        batch = Batch(next(self._numbers), self._open_points, b"".join(self._open))
        self._open, self._open_points = [], 0
        self._closed.append(batch)
        self._closed_bytes += len(batch.lines)
        bound, reason = (MEMORY_BYTES, "disk") if "put" in self._disk_failing else (4 * MEMORY_BYTES, "overflow")
        while self._closed_bytes > bound and len(self._closed) > 1:
            self._drop(self._pop_closed().points, reason)
        self._to_send.set()
        self._to_store.set()

    def _pop_closed(self) -> Batch:
        batch = self._closed.popleft()
        self._closed_bytes -= len(batch.lines)
        return batch

    def _push_back(self, batch: Batch) -> None:
        self._closed.appendleft(batch)
        self._closed_bytes += len(batch.lines)

    def _drop(self, points: int, reason: str) -> None:
        self._meter.count("netmon_influx_dropped_points_total", points, reason=reason)

    # --- to the outbox: whoever moves a batch holds `_moving`, and is not cancelled half-way -------------------------

    async def _store_forever(self) -> None:
        while True:
            await self._to_store.wait()
            self._to_store.clear()
            while self._must_store():
                if not await asyncio.shield(self._store_one()):
                    await self._clock.sleep(DISK_WAIT_S)

    def _must_store(self) -> bool:
        return len(self._closed) > (0 if self._receiver.away else CLOSED_IN_MEMORY)

    async def _store_one(self) -> bool:
        """Puts the oldest closed batch into the outbox, and in one block with it those after it that have to go there too.
        False: the disk did not take them, they stay in memory."""
        async with self._moving:
            if not self._closed:
                return True
            batches = [self._pop_closed()]
            room = min(BLOCK_BYTES, self._settings.outbox_bytes // 8) - len(batches[0].lines)
            while self._must_store() and (room := room - len(self._closed[0].lines)) >= 0:
                batches.append(self._pop_closed())
            points = sum(batch.points for batch in batches)
            self._due_on_disk = self._outbox.points + points
            block = Batch(batches[0].number, points, b"".join(batch.lines for batch in batches))
            stored = await self._try_disk("put", self._outbox.put, block)
            self._due_on_disk = 0
            if not stored:
                for batch in reversed(batches):
                    self._push_back(batch)
            return stored

    async def _keep(self) -> None:
        """What is left of the batch that was being sent waits in the outbox, or in memory if the disk will not have it."""
        async with self._moving:
            if self._delivery is None:
                return
            left = self._delivery.left()
            if not left.points:
                await self._try_disk("remove", self._outbox.remove, left.number)
            elif (
                left.points != self._stored and not await self._try_disk("put", self._outbox.put, left) and not self._stored
            ):
                self._push_back(left)
            self._outbox.release()
            self._delivery, self._stored = None, 0

    async def _try_disk(self, what: str, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """True when the disk did it. Tells when `what` begins to fail and when that is over: a full disk still reads."""
        try:
            await self._on_disk(call, *args, **kwargs)
        except OSError as error:
            if what not in self._disk_failing:
                detail = error.strerror or str(error)
                log.error("the outbox for InfluxDB fails", where=str(self._settings.outbox), to=what, detail=detail)
            self._disk_failing.add(what)
            return False
        if what in self._disk_failing:
            log.info("the outbox for InfluxDB works again", where=str(self._settings.outbox), to=what)
        self._disk_failing.discard(what)
        return True

    async def _on_disk(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs in the outbox's thread, to its end even when the caller is cancelled."""
        done = asyncio.get_running_loop().run_in_executor(self._disk, partial(call, *args, **kwargs))
        return await asyncio.shield(done)

    # --- to InfluxDB ----------------------------------------------------------------------------------------------

    async def _send_forever(self) -> None:
        while True:
            if await asyncio.shield(self._take()):
                await self._clock.sleep(await self._deliver())
            elif self._outbox and "take" in self._disk_failing:
                await self._clock.sleep(DISK_WAIT_S)
            else:
                await self._to_send.wait()

    async def _take(self) -> bool:
        """Makes the oldest batch the one that is being sent. False: there is none, or the disk does not give it now."""
        async with self._moving:
            self._to_send.clear()
            if self._delivery is not None:
                return True
            if self._outbox and not await self._try_disk("take", self._outbox.take):
                return False
            batch = self._outbox.taken
            self._stored = batch.points if batch else 0
            if batch is None and self._closed:
                batch = self._pop_closed()
            if batch is not None:
                self._delivery = Delivery(batch, self._receiver.largest)
            return batch is not None

    async def _deliver(self) -> float:
        """Sends the batch that was taken until all of it is settled, or the receiver fails; the seconds to wait then."""
        delivery = self._delivery
        assert delivery is not None
        started, points = self._clock.monotonic(), delivery.left().points
        while (piece := delivery.piece()) is not None:
            answer = await self._post(piece)
            self._meter.count("netmon_influx_writes_total", result=answer.result)
            settled = delivery.settle(answer)
            if settled is None:
                wait = self._receiver.failed(answer, self._clock.monotonic())
                self._to_store.set()
                await asyncio.shield(self._keep())
                return wait
            if delivery.largest < self._receiver.largest:
                self._receiver.too_large(delivery.largest, self._clock.monotonic())
            if settled.accepted:
                self._meter.count("netmon_influx_points_total", settled.accepted)
                waiting = {"waiting_points": self.waiting_points} if self._receiver.away else {}
                self._receiver.accepted(self._clock.monotonic(), **waiting)
            if settled.rejected:
                self._drop(settled.rejected, "rejected")
                self._receiver.rejected(answer, delivery.sample)
        self._receiver.settled(delivery, self._clock.monotonic())
        if self._stored:
            await self._try_disk("remove", self._outbox.remove, delivery.number)
        self._delivery, self._stored = None, 0
        return max(self._clock.monotonic() - started, points / DRAIN_POINTS_S) if self._outbox else 0

    async def _post(self, piece: bytes) -> Answer:
        """What came of a request. Whatever the receiver says, it does not end netmon."""
        try:
            return await self._exchange(piece)
        except Exception as error:
            self._meter.count("netmon_bugs_total", room="daemon")
            log.exception("a write to InfluxDB failed by a bug", influxdb=self.where)
            return Answer(result=Result.FAILED, detail=self._plain(f"{type(error).__name__}: {error}"))

    async def _exchange(self, piece: bytes) -> Answer:
        try:
            if self._settings.gzip:
                piece = await asyncio.to_thread(gzip.compress, piece, 1)
            async with self._posting:
                status, headers, body = await self._api.post(piece)
        except TimeoutError:
            return Answer(result=Result.FAILED, detail=f"no answer within {self._settings.timeout_s:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(result=Result.FAILED, detail=self._plain(f"{type(error).__name__}: {error}"))
        except ValueError as error:  # what was configured cannot be put into a request
            return Answer(result=Result.REFUSED, detail=self._plain(str(error)))
        return judge(status, headers, body, self._clock.unix(), self._plain)
