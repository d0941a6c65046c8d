"""Rounds: what is to be done again and again while netmon runs, whatever the devices say."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator

import structlog

from netmon import systemd
from netmon.exporters.outlets import Outlets
from netmon.model import SLOT_S, DeviceState, Meter
from netmon.network import Network
from netmon.pipeline import Pipeline
from netmon.pollers.choice import Pollers
from netmon.schedule import Schedule
from netmon.store import Store

log = structlog.get_logger(__name__)

TICK_S = 0.5
SWEEP_S = 5.0
HEARTBEAT_S = 10.0
CLOCK_STEP_S = 1.0
"""A step of the wall clock against the monotonic clock that is more than drift (SEMANTICS 3)."""

AHEAD_S = 3600.0
"""A clock that goes ahead by more is doubted for a while: no month is closed by it."""

UNREAD_S = 86_400.0
"""Counters of interfaces that are gone are forgotten after a day."""


class Rounds:
    """The regular work of one netmon, and what it tells the service manager of itself."""

    def __init__(
        self,
        *,
        network: Network,
        pipeline: Pipeline,
        pollers: Pollers,
        schedule: Schedule,
        store: Store,
        outlets: Outlets,
        meter: Meter,
        doubt: Callable[[], None],
    ) -> None:
        self._network = network
        self._pipeline = pipeline
        self._pollers = pollers
        self._schedule = schedule
        self._store = store
        self._outlets = outlets
        self._meter = meter
        self._doubt = doubt
        self._refused = False
        self._grown = True

    def works(self) -> Iterator[Coroutine[None, None, None]]:
        """Each runs until it is cancelled."""
        yield _every(TICK_S, self._tick)
        yield _every(SWEEP_S, self._sweep)
        yield _every(HEARTBEAT_S, self._heartbeat)
        yield _every(SLOT_S, self._refresh, first_s=SLOT_S)

    def reloaded(self, *, refused: bool) -> None:
        """A reload is over; a refused one is told until the next."""
        self._refused = refused
        self._grown = self._grown or not refused
        self.ready()

    def ready(self) -> None:
        """Tells the service manager that netmon serves."""
        systemd.notify(READY="1", STATUS=self._summary())

    async def _tick(self, now: float) -> None:
        # Against the time line of the states and not the last tick, so that many small steps add up to one.
        step = now - time.monotonic() - self._network.offset
        if abs(step) > CLOCK_STEP_S:
            log.warning("the wall clock stepped", seconds=round(step, 3))
            self._meter.count("netmon_clock_steps_total")
            self._pipeline.shift(step)
            if step > AHEAD_S:
                self._doubt()
        self._pipeline.tick(now)
        self._meter.gauge("netmon_polls_in_flight", self._schedule.in_flight)

    async def _sweep(self, now: float) -> None:
        self._store.show_disks()
        self._pipeline.sweep(now)
        self._pollers.count_drops()
        states = Counter(track.state for track in self._network.tracks.values())
        for state in DeviceState:
            self._meter.gauge("netmon_devices", states[state], state=str(state))
        systemd.notify(STATUS=self._summary())

    async def _heartbeat(self, now: float) -> None:
        self._store.heartbeat(now)

    async def _refresh(self, now: float) -> None:
        if self._grown:
            gc.freeze()  # what was discovered stands too, and is far more
            self._grown = False
        self._pipeline.show_capacities(now)
        self._pipeline.forget_counters(now - UNREAD_S)
        await self._outlets.repeat()

    def _summary(self) -> str:
        states = Counter(track.state for track in self._network.tracks.values())
        counted = ", ".join(f"{states[state]} {state}" for state in DeviceState if states[state]) or "no devices"
        return f"{counted}; the last reload was refused, the configuration before it stays" if self._refused else counted


async def _every(period_s: float, work: Callable[[float], Awaitable[None]], first_s: float = 0.0) -> None:
    await asyncio.sleep(first_s)
    while True:
        await work(time.time())
        await asyncio.sleep(period_s)
