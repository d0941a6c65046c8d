"""How much a device is asked for at once, learned from what it answers.

Grows by half with each full request that is answered, up to what fits one Ethernet frame. Halves on tooBig, and on loss that
repeats with size: requests of that size stay unanswered twice in a row, with none answered between, while smaller ones are
answered. Plain loss does not come twice in a row with two attempts each, and costs nothing. What was halved does not grow
again before the device was started anew, for each such trial would cost a poll.
"""

from __future__ import annotations

FIRST = 24
FEWEST = 2
MOST = 100

_FRAME_OCTETS = 1400  # of an answer: what an Ethernet frame has room for behind IPv6, UDP and a tunnel or two
_LOSSES = 2


class RequestSize:
    """Varbinds that a device is asked for at once, always fewer than `ceiling`."""

    __slots__ = ("_losses", "ceiling", "varbinds")

    def __init__(self, varbinds: int = FIRST, ceiling: int = MOST + 1) -> None:
        self.ceiling = max(FEWEST + 1, min(ceiling, MOST + 1))
        self.varbinds = max(FEWEST, min(varbinds, self.ceiling - 1))
        self._losses = 0

    def answered(self, asked: int, octets: int, *, more: bool = True) -> bool:
        """A request for so many varbinds was answered in so many octets; `more` is to be asked. True: the size grew."""
        if 2 * asked > self.varbinds:
            self._losses = 0
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
        self._losses = 0
        if asked <= FEWEST:
            return False
        self.varbinds = max(FEWEST, min(self.varbinds, asked) // 2)
        self.ceiling = self.varbinds + 1
        return True

    def lost(self, asked: int) -> bool:
        """A request for so many varbinds was not answered by a device that answers smaller ones. True: the size shrank."""
        if 2 * asked <= self.varbinds or asked <= FEWEST:
            return False
        self._losses += 1
        return self._losses >= _LOSSES and self.too_big(asked)

    def forget(self) -> None:
        """The device was started anew, perhaps with other software: it may bear more."""
        self.ceiling = MOST + 1
        self._losses = 0
