"""How much is let through of what comes by itself: lines for the log, and datagrams."""

from __future__ import annotations

from netmon.model import At


class Sparing:
    """Which of many like lines go to the log: one in `every_s` seconds for each key, and for at most `most` keys."""

    def __init__(self, every_s: float, most: int) -> None:
        self._every_s = every_s
        self._most = most
        self._told: dict[str, float] = {}

    def __call__(self, key: str, at: At) -> bool:
        before = self._told.get(key)
        if before is not None and at.monotonic - before < self._every_s:
            return False
        if before is None and len(self._told) >= self._most:
            self._told = {each: told for each, told in self._told.items() if at.monotonic - told < self._every_s}
            if len(self._told) >= self._most:
                return False
        self._told[key] = at.monotonic
        return True


class Bucket:
    """Tokens that come back at `rate` a second until there are `burst`; times are monotonic seconds.

    Whoever finds it open may do something and then pays what it cost, which may be more than there was.
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def is_open(self, now: float) -> bool:
        """Whether there is anything left."""
        self._tokens = min(self.burst, self._tokens + self.rate * (now - self._at))
        self._at = now
        return self._tokens > 0

    def fullness(self, now: float) -> float:
        """How much of the burst is there: below 0 to 1."""
        self.is_open(now)
        return self._tokens / self.burst

    def pay(self, tokens: float) -> None:
        """Takes what it cost."""
        self._tokens -= tokens
