"""Differences become slots of five minutes, exactly (SEMANTICS 4).

    slots + unplaced + open slots = sum of accepted differences

holds in integers at every moment, per end of a link and direction. Times are microseconds since the epoch inside.
"""

from __future__ import annotations

from netmon.model import SLOT_S, ZONE_S, Baseline, CounterPoint, Direction, Octets, Slot, Unplaced

SLOT_US = SLOT_S * 1_000_000
DAY_US = 86_400_000_000
LOCAL_US = ZONE_S * 1_000_000

_NOTHING = Octets(0, 0)
_DIRECTIONS = len(Direction)

PRESENT_S = 240
"""A slot is present when at least so many of its seconds are covered."""


def micros(unix: float) -> int:
    """Unix seconds as whole microseconds."""
    return round(unix * 1_000_000)


def present(octets: Octets) -> bool:
    """Whether enough of a slot is covered in this direction to judge it."""
    return octets.covered_us >= PRESENT_S * 1_000_000


def shares(octets: int, start_us: int, end_us: int, step_us: int, origin_us: int = 0) -> list[tuple[int, int, int]]:
    """Shares octets over the cells [n step, (n + 1) step), counted from `origin_us`, in proportion to time.

    Returns (n, octets, microseconds) for each cell that [start, end) touches. The remainder of each division is carried
    to the next cell, so that the shares add up to `octets`.
    """
    span = end_us - start_us
    found = []
    given = 0
    at = start_us
    while at < end_us:
        n = (at - origin_us) // step_us
        edge = min(origin_us + (n + 1) * step_us, end_us)
        upto = octets * (edge - start_us) // span
        found.append((n, upto - given, edge - at))
        given, at = upto, edge
    return found


class SlotFiller:
    """One end of a link: its open slots, and when each direction was last read."""

    def __init__(self, baseline: Baseline | None = None) -> None:
        self._open: dict[int, dict[Direction, Octets]] = {}
        self._read_us: dict[Direction, int] = {}
        self._closed = -1  # the last slot that was closed: what comes later for it is unplaced
        if baseline is not None:
            for slot in baseline.open:
                self._open[slot.k] = {Direction.RECEIVE: slot.receive, Direction.TRANSMIT: slot.transmit}
            points = [point for point in (baseline.receive, baseline.transmit) if point is not None]
            if points:
                self._closed = micros(min(point.unix for point in points)) // SLOT_US - 1
            self._closed = min((self._closed, *(k - 1 for k in self._open)))

    def add(self, direction: Direction, octets: int, start: float, end: float) -> list[Unplaced]:
        """Shares a difference over the slots of [start, end), Unix seconds, when it was read; returns what has no slot.

        That is all of it when it spans more than a slot's length, and the part that falls into slots already closed.
        """
        start_us = micros(start)
        self._read_us[direction] = end_us = micros(end)
        if end_us <= start_us:
            return [Unplaced(direction, start, end, octets)] if octets else []
        if end_us - start_us > SLOT_US:
            return [
                Unplaced(
                    direction,
                    max(start_us, day * DAY_US - LOCAL_US) / 1e6,
                    min(end_us, (day + 1) * DAY_US - LOCAL_US) / 1e6,
                    part,
                )
                for day, part, _ in shares(octets, start_us, end_us, DAY_US, -LOCAL_US)
            ]
        k = start_us // SLOT_US
        whole = (k, octets, end_us - start_us)
        inside = end_us <= (k + 1) * SLOT_US  # of one slot, as almost every difference is
        late = []
        for k, part, covered_us in (whole,) if inside else shares(octets, start_us, end_us, SLOT_US):
            if k <= self._closed:
                late.append(Unplaced(direction, max(start, k * SLOT_S), min(end, (k + 1) * SLOT_S), part))
                continue
            ways = self._open.setdefault(k, {})
            had = ways.get(direction, _NOTHING)
            ways[direction] = Octets(had.octets + part, had.covered_us + covered_us)
        return late

    def read(self, direction: Direction, unix: float) -> None:
        """Notes that a direction was read where there is no difference to `add`: none to come starts earlier."""
        self._read_us[direction] = micros(unix)

    def close(self, now: float) -> list[Slot]:
        """Takes out the slots that no difference can reach any more, in order.

        A slot is closed once both directions were read at or after its end; by the clock one slot's length after its end,
        for a difference that long has no slot.
        """
        read_us = min(self._read_us.values()) if len(self._read_us) == _DIRECTIONS else 0
        before = max(read_us, micros(now) - SLOT_US) // SLOT_US
        if before - 1 <= self._closed:
            return []  # all that is open is younger
        self._closed = before - 1
        return [self._slot(k, self._open.pop(k)) for k in sorted(self._open) if k < before]

    def baseline(self, receive: CounterPoint | None, transmit: CounterPoint | None) -> Baseline:
        """Where this end stands, to be stored in the transaction that stores its closed slots."""
        return Baseline(receive, transmit, tuple(self._slot(k, self._open[k]) for k in sorted(self._open)))

    @staticmethod
    def _slot(k: int, ways: dict[Direction, Octets]) -> Slot:
        return Slot(k, ways.get(Direction.RECEIVE, _NOTHING), ways.get(Direction.TRANSMIT, _NOTHING))
