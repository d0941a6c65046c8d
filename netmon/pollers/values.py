"""The values of one device that reports by itself: the newest of each series, and history, which waits to be handed over."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from zlib import crc32

from netmon.catalogue import Family
from netmon.derive.counters import TICKS
from netmon.model import At, Epoch, Kind, Reading, Series
from netmon.pollers.payloads import UPTIME, Measured, Telemetry

SERIES_AT_MOST = 1_000
"""Series of one device that are alive at once."""

HISTORY_AT_MOST = 1_000
"""Readings that wait for the next look."""


@dataclass(slots=True)
class _Line:
    """A series, its newest reading, and which message brought it: its session, `seq`, `ts` and when it came, monotonic.
    `fresh`: not looked at yet."""

    series: Series
    reading: Reading | None = None
    session: str = ""
    seq: int = -1
    ts: float = 0.0
    came: float = 0.0
    fresh: bool = False


class Values:
    """The values of one device, whose series begin with `labels`. `excess`: something was left out, for want of room, and
    `beyond`: how many series that were to be held, since the last look."""

    def __init__(self, labels: tuple[tuple[str, str], ...]) -> None:
        self._labels = labels
        self._lines: dict[tuple[str, str], _Line] = {}  # by family and own label
        self._history: list[Reading] = []
        self.excess = False
        self.beyond = 0
        self._forgot = -inf  # when what was held was forgotten, monotonic

    @property
    def waiting(self) -> int:
        """Readings of the past that nobody looked at."""
        return len(self._history)

    def sort_in(
        self, body: Telemetry, found: Measured, when: At, came: At, *, late: bool, current: bool, turn: int = 0
    ) -> None:
        """The newest value of each series is held; what is older, or was not looked at in time, is history. `current`: its
        session is the one that speaks; what another one measured before the last forgetting is of the past. A counter
        lives as long as the device runs, or else as its session lasts, and at most until another feed takes its `turn`."""
        late = late or (not current and when.monotonic < self._forgot)
        told = body.m.get(UPTIME)
        uptime = int(told * 100) % TICKS if isinstance(told, int | float) and 0 <= told < TICKS else None
        life = turn if uptime is not None else crc32(f"{body.session} {turn}".encode() if turn else body.session.encode())
        epochs: dict[str, Epoch] = {}
        for family, label, value in found.values:
            line = self._line(family, label, hold=not late)
            if line is None:
                self.excess = True
                self.beyond += 1
                continue
            epoch = None
            if line.series.kind is Kind.COUNTER64:
                epoch = epochs.get(label) or epochs.setdefault(label, Epoch(uptime, None, life, label))
            reading = Reading(line.series, value, when, epoch)
            older: Reading | None = reading
            if not late and _newer(body, line, current=current):
                older = line.reading if line.fresh else None
                line.reading, line.fresh = reading, True
                line.session, line.seq, line.ts, line.came = body.session, body.seq, body.ts, came.monotonic
            if older is not None:
                self._file(older)

    def _line(self, family: Family, label: str, *, hold: bool) -> _Line | None:
        """The series' line; None for one too many to `hold`."""
        line = self._lines.get((family.name, label))
        if line is None and (not hold or len(self._lines) < SERIES_AT_MOST):
            own = ((family.labels[-1], label),) if label else ()
            kind = Kind.COUNTER64 if family.kind == "counter" else Kind.GAUGE
            line = _Line(Series(family.name, (*self._labels, *own), kind))
            if hold:
                self._lines[family.name, label] = line
        return line

    def _file(self, reading: Reading) -> None:
        if len(self._history) < HISTORY_AT_MOST:
            self._history.append(reading)
        else:
            self.excess = True

    def shown(self, since: float) -> list[Reading]:
        """What is new, and what came at or after `since`, monotonic: some devices report their parts by turns. The rest is
        forgotten."""
        self._lines = {key: line for key, line in self._lines.items() if line.fresh or line.came >= since}
        for line in self._lines.values():
            line.fresh = False
        return [line.reading for line in self._lines.values() if line.reading is not None]

    def forget(self, at: At) -> None:
        """What is held holds no more; what of it was not looked at is history."""
        for line in self._lines.values():
            if line.fresh and line.reading is not None:
                self._file(line.reading)
        self._lines.clear()
        self._forgot = at.monotonic

    def hand_over(self) -> tuple[Reading, ...]:
        """History, in the order of its time. It waits no more."""
        history, self._history = self._history, []
        return tuple(sorted(history, key=lambda reading: reading.at.unix))


def _newer(body: Telemetry, line: _Line, *, current: bool) -> bool:
    """Whether a message follows the one that is held, by the device's own clock. A `seq` that falls while time goes on
    began anew."""
    if line.reading is None or body.ts > line.ts:
        return True
    return body.seq > line.seq if line.session == body.session else current
