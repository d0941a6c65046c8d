"""A batch on its way: which lines go into the next request, and what an answer leaves of them. Pure.

A write that is rejected as a whole, or nobody knows how much of it, is halved until the bad lines stand alone, one that is
too large until it fits. Each line ends as accepted or rejected exactly once, or is left. What was kept of a write that is
halved is sent again: a point is its series and its time, and arrives once.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from netmon.exporters.answers import Answer, Result
from netmon.exporters.outbox import Batch

REQUESTS_TO_HALVE = 100
"""Rejected requests of one batch that are halved; bad lines that are not found by then are dropped with their neighbours."""

SMALLEST_REFUSED_BYTES = 4096
"""A receiver that calls even this much too large has another trouble: nothing is dropped for it but longer lines."""


class Settled(NamedTuple):
    """What an answer decided, in lines."""

    accepted: int = 0
    rejected: int = 0


class Delivery:
    """The state of one batch between its first request and its last. `largest` is the most bytes that the receiver takes in
    one request, as far as is known; an answer may lower it."""

    def __init__(self, batch: Batch, largest: int) -> None:
        self.number = batch.number
        self.bytes = len(batch.lines)
        self.largest = largest
        self.accepted = self.rejected = 0
        self.sample = b""
        self._pieces = deque([batch.lines] if batch.lines else [])
        self._halvings = REQUESTS_TO_HALVE

    def piece(self) -> bytes | None:
        """The lines to send next; None when all are settled."""
        while self._pieces and len(self._pieces[0]) > self.largest and self._pieces[0].count(b"\n") > 1:
            self._halve()
        return self._pieces[0] if self._pieces else None

    def settle(self, answer: Answer) -> Settled | None:
        """Takes the answer to the last `piece`. None: that was no decision, the receiver must be waited for."""
        piece = self._pieces[0]
        lines = piece.count(b"\n")
        match answer.result:
            case Result.OK:
                return self._settled(lines, 0)
            case Result.REJECTED:
                if answer.dropped is not None and answer.dropped <= lines:
                    return self._settled(lines - answer.dropped, answer.dropped)
                if lines == 1 or not self._halvings:
                    return self._settled(0, lines)
                self._halvings -= 1
                self._halve()
                return Settled()
            case Result.TOO_LARGE if lines == 1:
                return self._settled(0, 1)
            case Result.TOO_LARGE if len(piece) > SMALLEST_REFUSED_BYTES:
                self.largest = len(piece) // 2
                return Settled()
        return None

    def left(self) -> Batch:
        """The lines that are not settled, as a batch of the same number."""
        lines = b"".join(self._pieces)
        return Batch(self.number, lines.count(b"\n"), lines)

    def _settled(self, accepted: int, rejected: int) -> Settled:
        piece = self._pieces.popleft()
        if rejected and not self.sample:
            self.sample = piece[: piece.index(b"\n")]
        self.accepted += accepted
        self.rejected += rejected
        return Settled(accepted, rejected)

    def _halve(self) -> None:
        """Cuts the first piece at the line feed nearest below its middle line."""
        piece = self._pieces.popleft()
        cut = piece.rfind(b"\n", 0, len(piece) // 2) + 1 or piece.index(b"\n") + 1
        self._pieces.appendleft(piece[cut:])
        self._pieces.appendleft(piece[:cut])
