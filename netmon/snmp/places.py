"""Who may go now and who waits: places that are taken and left, and a pace that is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf


class Places:
    """`cap` places. Whoever finds none free waits in turn; a place that is left goes to whoever has waited longest."""

    __slots__ = ("cap", "taken", "waiters")

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.taken = 0
        self.waiters: deque[asyncio.Future[None]] | None = None  # made when first needed: there are thousands of these

    def take(self) -> bool:
        """Takes a place if one is free and nobody waits for it."""
        if self.taken < self.cap and not self.waiters:
            self.taken += 1
            return True
        return False

    async def wait(self) -> None:
        """Takes a place in turn."""
        if self.waiters is None:
            self.waiters = deque()
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.leave()  # it was handed over while its taker was cancelled
            raise

    def leave(self) -> None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.taken -= 1

    def close(self, error: Exception) -> None:
        """Whoever waits is told that no place will come."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_exception(error)


class Pace:
    """At most `per_s` a second in the long run, and at most `burst` at once (ITU-T I.371, generic cell rate algorithm)."""

    __slots__ = ("_ahead_s", "_due", "_interval_s")

    def __init__(self, per_s: float = inf, burst: int = 10) -> None:
        self._interval_s = 1 / per_s
        self._ahead_s = (burst - 1) * self._interval_s
        self._due = 0.0

    def wait_s(self, now: float) -> float:
        """Seconds until the next turn comes."""
        return max(0.0, self._due - self._ahead_s - now)

    def take(self, now: float) -> float:
        """Takes the next turn; returns the seconds until it comes."""
        wait_s = self.wait_s(now)
        if self._interval_s:
            self._due = max(self._due, now) + self._interval_s
        return wait_s
