"""When each key runs: a fixed grid, spread by hash, on which runs are never stacked.

A key with an interval falls due at the slots of 0.25 s whose number, counted from the Unix epoch, is its phase modulo the
interval; the phase is a hash of the key. So due times are the same after every restart, keys spread evenly, and many of them
share one wake-up. The grid is laid on the wall clock once, at the start, and then follows the monotonic clock: a stepped
wall clock moves nothing.

`Grid` decides and knows no clock; `Schedule` is the thin part that waits and starts tasks. A key never runs twice at a
time: a tick that finds it running is skipped ("running"). Over the cap it waits in line, and a tick that finds it still
waiting is skipped ("backlog").
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappop, heappush
from math import ceil
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

SLOT_S = 0.25
"""Polls start in bursts at these slots: woken for each of them, netmon would spend more on waking up than on polling."""


class Start(NamedTuple):
    """Run `key` now; `due` is when it should have started, in the seconds of the grid."""

    key: str
    due: float


class Skip(NamedTuple):
    """A tick of `key` that is given up; `reason` is "running" or "backlog"."""

    key: str
    reason: str


@dataclass(slots=True)
class _Entry:
    interval: int
    tick: int
    poke: int | None = None
    again: bool = False


class Grid:
    """What to start at an instant. Times are seconds of one steady clock; inside, everything is a number of slots."""

    def __init__(self, cap: int, slot_s: float = SLOT_S) -> None:
        if cap < 1:
            raise ValueError(f"the cap is {cap}, and nothing could ever run")
        self._cap = cap
        self._slot_s = slot_s
        self._entries: dict[str, _Entry] = {}
        self._ahead: list[tuple[int, str]] = []
        self._backlog: OrderedDict[str, float] = OrderedDict()
        self._running: set[str] = set()

    @property
    def running(self) -> int:
        return len(self._running)

    def owing(self, now: float) -> bool:
        """Whether a run is due that has not begun, or has begun and not ended: where every key runs, none is due."""
        return bool(self._running or self._backlog) or (bool(self._ahead) and self._ahead[0][0] * self._slot_s < now)

    def add(self, key: str, interval_s: float, now: float) -> None:
        """Puts a key on the grid, or gives it another interval; with the interval that it has, nothing changes."""
        if interval_s <= 0:
            raise ValueError(f"the interval of {key} is {interval_s} s")
        interval = max(1, round(interval_s / self._slot_s))
        entry = self._entries.get(key)
        if entry is not None and entry.interval == interval:
            return
        first = ceil(now / self._slot_s)
        tick = first + (_phase(key, interval) - first) % interval
        if entry is None:
            self._entries[key] = _Entry(interval, tick)
        else:
            entry.interval, entry.tick = interval, tick
        heappush(self._ahead, (tick, key))

    def remove(self, key: str) -> None:
        """Takes a key off the grid and out of the line; a run that is under way is left to finish."""
        self._entries.pop(key, None)
        self._backlog.pop(key, None)

    def poke(self, key: str, at: float) -> None:
        """One extra run at `at`, or at an earlier poke's time if one is pending. A key that is gone is not poked."""
        entry = self._entries.get(key)
        slot = ceil(at / self._slot_s)
        if entry is not None and (entry.poke is None or slot < entry.poke):
            entry.poke = slot
            heappush(self._ahead, (slot, key))

    def next_due(self) -> float | None:
        """When `advance` has something to do next; None when nothing is on the grid."""
        return self._ahead[0][0] * self._slot_s if self._ahead else None

    def advance(self, now: float) -> tuple[list[Start], list[Skip]]:
        """Everything that fell due up to `now`, in the order of its time."""
        skips: list[Skip] = []
        begun: list[Start] = []
        while self._ahead and self._ahead[0][0] * self._slot_s <= now:
            slot, key = heappop(self._ahead)
            entry = self._entries.get(key)
            if entry is None:
                continue
            # One run serves a tick and a poke of the same slot; an item that is neither was overtaken by a later call.
            poked, ticked = entry.poke == slot, entry.tick == slot
            if poked:
                entry.poke = None
            if ticked:
                entry.tick = slot + entry.interval
                heappush(self._ahead, (entry.tick, key))
            if not poked and not ticked:
                continue
            if key in self._running:
                entry.again = entry.again or poked
                if ticked:
                    skips.append(Skip(key, "running"))
            elif key in self._backlog:
                if ticked:
                    skips.append(Skip(key, "backlog"))
            else:
                self._backlog[key] = slot * self._slot_s
                begun += self._take()
        return begun, skips

    def ended(self, key: str, now: float) -> list[Start]:
        """The run of `key` is over: what may start in its place. A poke that came meanwhile goes first."""
        self._running.remove(key)
        entry = self._entries.get(key)
        if entry is not None and entry.again:
            entry.again = False
            self._backlog[key] = now
            self._backlog.move_to_end(key, last=False)
        return self._take()

    def _take(self) -> list[Start]:
        taken = []
        while self._backlog and len(self._running) < self._cap:
            start = Start(*self._backlog.popitem(last=False))
            self._running.add(start.key)
            taken.append(start)
        return taken


class Schedule:
    """Runs `run(key, due_unix)` for every key on its grid, at most `cap` at a time.

    `on_skip(key, reason)` hears of each tick that was given up, `on_late(seconds)` of each start. An exception that escapes
    `run` is a bug: it is logged, `on_failed(key)` hears of it, and the key is run again when it is next due.
    """

    def __init__(
        self,
        run: Callable[[str, float], Awaitable[None]],
        *,
        cap: int,
        on_skip: Callable[[str, str], None],
        on_late: Callable[[float], None],
        on_failed: Callable[[str], None] = lambda key: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        slot_s: float = SLOT_S,
    ) -> None:
        self._job = run
        self._on_skip = on_skip
        self._on_late = on_late
        self._on_failed = on_failed
        self._clock = clock
        self._offset = wall() - clock()
        self._grid = Grid(cap, slot_s)
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self.turns = 0
        """Runs begun and runs ended, so far. One that ended by a bug counts: bugs are told of, and a restart mends none."""

    @property
    def in_flight(self) -> int:
        """Runs under way."""
        return len(self._tasks)

    def owing(self) -> bool:
        """Whether a run is due that has not begun, or has begun and not ended."""
        return self._grid.owing(self._now())

    def add(self, key: str, interval_s: float) -> None:
        """Runs `key` every `interval_s` seconds, first at its next place on the grid; for a known key, from now on so."""
        self._grid.add(key, interval_s, self._now())
        self._woken.set()

    def remove(self, key: str) -> None:
        """Runs `key` no more. A run that is under way finishes."""
        self._grid.remove(key)

    def poke(self, key: str, after_s: float = 0.0) -> None:
        """One extra run of `key` in `after_s` seconds; a pending one is not doubled; after a run that is under way then."""
        self._grid.poke(key, self._now() + after_s)
        self._woken.set()

    async def run_forever(self) -> None:
        """Until `stop`, or until it is cancelled: then nothing more is started either."""
        try:
            while not self._stopping:
                self._woken.clear()
                self._advance()
                await self._sleep()
        finally:
            self._stopping = True

    async def stop(self, grace_s: float) -> None:
        """Starts nothing more, waits `grace_s` for what runs, then cancels it."""
        self._stopping = True
        self._woken.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("runs cancelled at stop", runs=len(late))
            await asyncio.wait(late)

    def _now(self) -> float:
        return self._offset + self._clock()

    def _advance(self) -> None:
        now = self._now()
        starts, skips = self._grid.advance(now)
        for skip in skips:
            self._on_skip(skip.key, skip.reason)
        self._launch(starts, now)

    async def _sleep(self) -> None:
        due = self._grid.next_due()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - self._now())):
                await self._woken.wait()

    def _launch(self, starts: list[Start], now: float) -> None:
        for start in starts:
            self._on_late(max(0.0, now - start.due))
            task = asyncio.create_task(self._run(start), name=start.key)
            self._tasks.add(task)
            self.turns += 1
            task.add_done_callback(self._done)

    async def _run(self, start: Start) -> None:
        await self._job(start.key, start.due)

    def _done(self, task: asyncio.Task[None]) -> None:
        key = task.get_name()
        self._tasks.discard(task)
        self.turns += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a run failed", key=key, exc_info=error)
            self._on_failed(key)
        if not self._stopping:
            now = self._now()
            self._launch(self._grid.ended(key, now), now)


def _phase(key: str, interval: int) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % interval
