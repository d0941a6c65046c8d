"""How much a device is asked for at once, learned from what it answers.

Grows by half with each full request that is answered, up to what fits one Ethernet frame. Halves on tooBig, and on loss that
repeats with size: requests of that size stay unanswered in two polls, with none as large answered between, while small ones
are answered. Plain loss seldom does that, and a smaller answer is no proof against it. What was halved may grow again when
the device was started anew, and a little every hour, lest a bad hour cost it for good: a size that was never answered is
given up at its first loss, and then the next trial comes later each time.
"""

from __future__ import annotations

FIRST = 24
FEWEST = 2
MOST = 100

_FRAME_OCTETS = 1400  # of an answer: what an Ethernet frame has room for behind IPv6, UDP and a tunnel or two
_LONGEST_WAIT = 23  # trials that are left out after many that failed: one a day is left


class RequestSize:
    """Varbinds that a device is asked for at once, always fewer than `ceiling`."""

    __slots__ = ("_borne", "_left_out", "_lost", "_since", "_wait", "ceiling", "varbinds")

    def __init__(self, varbinds: int = FIRST, ceiling: int = MOST + 1) -> None:
        self.ceiling = max(FEWEST + 1, min(ceiling, MOST + 1))
        self.varbinds = max(FEWEST, min(varbinds, self.ceiling - 1))
        self._borne = self.varbinds  # the most that is taken to be answered
        self._lost = 0  # what was asked for when an answer was lost, and the most that was answered since
        self._since = 0
        self._wait = self._left_out = 0  # trials to leave out

    def doubts(self, asked: int) -> bool:
        """Whether a request for so many may stay unanswered for its size, so that a small one had better go before it."""
        return asked > self._borne or 0 < self._lost <= asked

    def answered(self, asked: int, octets: int, *, more: bool = True) -> bool:
        """A request for so many varbinds was answered in so many octets; `more` is to be asked. True: the size grew."""
        self._since = max(self._since, asked)
        if asked >= self._lost:
            self._lost = 0
        if asked > self._borne:
            self._borne = asked
            self._wait = 0
        if not more or 4 * asked < 3 * self.varbinds:
            return False  # a small one says nothing of larger ones
        fits = _FRAME_OCTETS * asked // max(octets, 1)
        grown = min(self.varbinds * 3 // 2, fits, self.ceiling - 1)
        if grown <= self.varbinds:
            return False
        self.varbinds = grown
        return True

    def too_big(self, asked: int) -> bool:
        """The agent cannot answer so many at once. True: the size shrank; False: it cannot."""
        self._lost = 0
        fewer = min(self.varbinds, max(FEWEST, asked // 2))
        if self._borne < asked:
            fewer = min(self.varbinds, self._borne)
            self._wait = self._left_out = min(2 * self._wait + 1, _LONGEST_WAIT)
        if asked <= FEWEST or fewer >= self.varbinds:
            return False
        self.varbinds = self._borne = fewer
        self.ceiling = fewer + 1
        return True

    def lost(self, asked: int) -> bool:
        """A request for so many varbinds was not answered by a device that answers a small one right after it. At most once
        a poll, for what is lost together is lost for one reason. True: the size shrank."""
        if 2 * asked <= self.varbinds or asked <= FEWEST:
            return False
        if asked > self._borne or (self._lost and self._since < asked):
            return self.too_big(asked)
        self._lost, self._since = asked, 0
        return False

    def try_more(self) -> bool:
        """An hour went by: what was halved may grow again, up to twice as much. True: it may."""
        if self.ceiling > MOST:
            return False
        if self._left_out:
            self._left_out -= 1
            return False
        self.ceiling = min(2 * self.ceiling - 1, MOST + 1)
        return True

    def forget(self) -> None:
        """The device was started anew, perhaps with other software: it may bear more."""
        self.ceiling = MOST + 1
        self._lost = self._wait = self._left_out = 0
