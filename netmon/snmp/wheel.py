"""A timing wheel, for thousands of waits of which hardly any is waited out: to begin one costs an append, to end it nothing.

A call comes up to one tick late, never early. (G. Varghese, T. Lauck: Hashed and Hierarchical Timing Wheels, 1987.)
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from typing import Protocol

TICK_S = 0.05


class Waiter(Protocol):
    """Waits for one moment at a time: `due` is the number of its tick, which the wheel sets; 0 ends the wait."""

    due: int

    def ring(self) -> None: ...


class Wheel:
    """Rings waiters at their time, on the event loop's clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ticks: dict[int, list[Waiter]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, waiter: Waiter, when: float) -> None:
        """Rings `waiter` at `when`, and not at any time that it waited for before."""
        due = int(when / TICK_S) + 1
        waiter.due = due
        there = self._ticks.get(due)
        if there is not None:
            there.append(waiter)
            return
        self._ticks[due] = [waiter]
        heappush(self._order, due)
        if self._order[0] == due:
            self._sleep()

    def close(self) -> None:
        """Rings nobody any more."""
        self._ticks.clear()
        self._order.clear()
        self._sleep()

    def _sleep(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._order[0] * TICK_S, self._turn) if self._order else None

    def _turn(self) -> None:
        now = self._loop.time()
        try:
            while self._order and (due := self._order[0]) * TICK_S <= now:
                if there := self._ticks[due]:
                    waiter = there.pop()
                    if waiter.due == due:
                        waiter.due = 0  # it may stand there twice
                        waiter.ring()
                else:
                    del self._ticks[heappop(self._order)]
        finally:  # whatever one waiter does, the others are rung
            self._sleep()
