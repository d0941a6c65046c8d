"""What has come of one device that reports by itself: its sessions, its time, its values; looked into, it makes a Poll.

Pure of sockets, clocks and logs: messages come in as bytes with the instant of their arrival, and everything that is kept
is bounded. SEMANTICS 9 has the rules; docs/mqtt.md tells them to the makers of devices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

from netmon.catalogue import Family
from netmon.derive.counters import TICKS
from netmon.model import VIET_NAM, At, Device, Epoch, Kind, Outcome, Poll, Reading, Series
from netmon.pollers.payloads import (
    PAYLOAD_BYTES,
    UPTIME,
    Birth,
    Body,
    Event,
    Measured,
    Place,
    Status,
    Telemetry,
    Unfit,
    decode,
    measured,
)
from netmon.pollers.sessions import Sessions

PERIODS = 3
"""So many of its periods without a sign of life are silence."""

FUTURE_S = 120.0
"""A time further ahead than this is replaced by our own."""

PAST_S = 120.0
"""What is older than this, and than three periods, is history."""

SERIES_AT_MOST = 1_000
HISTORY_AT_MOST = 1_000
_RECENT = 16
_NAMES_TOLD = 64

_Labels = tuple[tuple[str, str], ...]

_INFO = (("address", ""), ("profile", "mqtt"), ("sys_name", ""), ("sys_descr", ""), ("sys_location", ""))


class Receipt(NamedTuple):
    """What became of a message: `rejected` is the reason why it was not taken, "" when it was, and `why` tells it in words.
    `remarks` are what was odd, with how often. For the log: the `event` that it told, names that are `unknown` and were not
    told before, and whether it came from another place than the message before."""

    rejected: str = ""
    why: str = ""
    remarks: tuple[tuple[str, int], ...] = ()
    event: str = ""
    unknown: tuple[str, ...] = ()
    moved: bool = False


@dataclass(slots=True)
class _Line:
    """A series, its newest value, and which message brought it; `fresh`: not looked at yet."""

    series: Series
    reading: Reading | None = None
    session: str = ""
    seq: int = -1
    fresh: bool = False


class _Large(Unfit):
    """A payload that is too long to be looked at."""


class _Odd:
    """Remarks on one message."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.unknown: tuple[str, ...] = ()

    def note(self, reason: str, amount: int = 1) -> None:
        self.counts[reason] = amount


class Mailbox:
    """The mailbox of one device, whose series begin with `labels`. Patience begins `at` the instant when it was made."""

    def __init__(self, device: Device, labels: _Labels, at: At) -> None:
        self.news = False  # something came that a look would tell
        self._sessions = Sessions()
        self._recent: deque[tuple[str | float, str | int]] = deque(maxlen=_RECENT)
        self._since = at  # when patience began
        self._heard: At | None = None
        self._fresh = False
        self._will: At | None = None
        self._excuse: tuple[At, str] | None = None  # when something came that is no sign of life, and why not
        self._names_told: set[str] = set()
        self._label(device, labels)

    def _label(self, device: Device, labels: _Labels) -> None:
        self._device = device
        self._labels: _Labels = labels
        self._home = self._place = tuple(value for _, value in labels[:3])  # where the inventory has it; where it was
        self._info = Series("netmon_device_info", (*labels, *_INFO), Kind.INFO)
        self._lines: dict[tuple[str, str], _Line] = {}  # by family and own label
        self._history: list[Reading] = []

    def rename(self, device: Device, labels: _Labels) -> None:
        """A reload changed the device's settings or labels. With other labels its values begin anew; its sessions go on."""
        if self._labels == labels:
            self._device = device
        else:
            self._label(device, labels)

    @property
    def period_s(self) -> float:
        """How often the device reports: as its birth said, else as the inventory expects."""
        return self._sessions.period_s or self._device.interval_s

    # --- in -----------------------------------------------------------------------------------------------------------

    def listen(self, at: At) -> None:
        """netmon subscribes: what it knew of life and death is old, and patience begins anew."""
        self._since = at
        self._will = self._excuse = None
        self.news = self._fresh = False
        self._shelve()

    def take(self, place: Place, payload: bytes, retained: bool, at: At) -> Receipt:
        """A message of the device. Never raises."""
        if not payload and place.kind in ("birth", "status"):
            return Receipt()  # somebody made the broker forget what it retained
        odd = _Odd()
        rejected = why = event = ""
        try:
            match self._body(place, payload):
                case Birth() as body:
                    self._take_birth(body, retained, at, odd)
                case Status() as body:
                    rejected = self._take_status(body, retained, at)
                case Telemetry() | Event() if retained:
                    rejected, why = "retained", f"{place.kind} must not be retained"
                case Telemetry() as body:
                    rejected = self._take_telemetry(body, at, odd)
                case Event() as body:
                    rejected, event = self._take_event(body, at, odd), body.event
        except _Large as error:
            rejected, why = "size", str(error)
        except Unfit as error:
            rejected, why = "payload", str(error)
        if rejected:
            if why:
                self._excuse = at, f"what it sends is not taken: {why}."
            return Receipt(rejected, why)
        before, self._place = self._place, place[:3]
        if self._place != self._home:
            odd.note("moved")
        moved = "moved" in odd.counts and self._place != before
        return Receipt("", "", tuple(odd.counts.items()), event, odd.unknown, moved)

    @staticmethod
    def _body(place: Place, payload: bytes) -> Body:
        if len(payload) > PAYLOAD_BYTES:
            raise _Large(f"a payload has at most {PAYLOAD_BYTES} bytes, and this one {len(payload)}")
        return decode(place.kind, payload)

    def _take_birth(self, body: Birth, retained: bool, at: At, odd: _Odd) -> None:
        self._sessions.birth(body.session, body.period_s, not retained, odd.note)
        if not retained:
            self._alive(at)

    def _take_status(self, body: Status, retained: bool, at: At) -> str:
        """Only a live word of the current session counts: a retained one may be older than the birth that it belies."""
        current = self._sessions.current == body.session
        if body.state == "offline":
            if not current:
                return "stale_will"
            if not retained:
                self._will, self._fresh, self.news = at, False, True
        elif current and not retained:
            self._alive(at)
        return ""

    def _take_event(self, body: Event, at: At, odd: _Odd) -> str:
        key = (body.ts, body.event)
        if key in self._recent:
            return "duplicate"
        self._recent.append(key)
        if self._when(body.ts, at, odd) is not None:
            self._alive(at)
        return ""

    def _take_telemetry(self, body: Telemetry, at: At, odd: _Odd) -> str:
        key = (body.session, body.seq)
        if key in self._recent:
            return "duplicate"
        found = measured(body)
        when = self._when(body.ts, at, odd)
        late = when is None
        if late and len(self._history) + len(found.values) > HISTORY_AT_MOST:
            return "overflow"
        self._recent.append(key)
        self._sessions.telemetry(body, late, odd.note)
        self._sort_in(body, found, when or _shifted(at, body.ts), late, odd)
        if found.excess:
            odd.note("excess")
        if found.unknown:
            odd.note("unknown_name", len(found.unknown))
            self._tell_names(found.unknown, odd)
        if not late:
            self._alive(at)
        return ""

    def _alive(self, at: At) -> None:
        self._heard = at
        self._will = self._excuse = None
        self._fresh = self.news = True

    def _when(self, ts: float, at: At, odd: _Odd) -> At | None:
        """A message's own time on both clocks; ours where it is of the future, None where it is of the past."""
        age_s = at.unix - ts / 1000
        if age_s < -FUTURE_S:
            odd.note("future")
            return at
        if age_s <= max(PERIODS * self.period_s, PAST_S):
            return _shifted(at, ts)
        odd.note("history")
        seconds = abs(at.unix - ts) < 86_400
        hint = "its ts is in seconds and must be in milliseconds." if seconds else "is its clock right?"
        self._excuse = at, f"of the past: its last report is {age_s:.0f} s old; {hint}"
        return None

    def _tell_names(self, unknown: Iterable[str], odd: _Odd) -> None:
        room = _NAMES_TOLD - len(self._names_told)
        odd.unknown = tuple(sorted(set(unknown) - self._names_told)[:room])
        self._names_told.update(odd.unknown)

    # --- values -------------------------------------------------------------------------------------------------------

    def _sort_in(self, body: Telemetry, found: Measured, when: At, late: bool, odd: _Odd) -> None:
        """The newest value of each series is held; what is older, or was not looked at in time, is history. A counter lives
        as long as the device runs, or else as its session lasts."""
        told = body.m.get(UPTIME)
        uptime = int(told * 100) % TICKS if isinstance(told, int | float) and 0 <= told < TICKS else None
        life = None if uptime is not None else crc32(body.session.encode())
        epochs: dict[str, Epoch] = {}
        for family, label, value in found.values:
            line = self._line(family, label)
            if line is None:
                odd.note("excess")
                continue
            epoch = None
            if line.series.kind is Kind.COUNTER64:
                epoch = epochs.get(label) or epochs.setdefault(label, Epoch(uptime, None, life, label))
            reading = Reading(line.series, value, when, epoch)
            older: Reading | None = reading
            if not late and self._newer(reading, body, line):
                older = line.reading if line.fresh else None
                line.reading, line.session, line.seq, line.fresh = reading, body.session, body.seq, True
            if older is not None and not self._file(older):
                odd.note("excess")

    def _line(self, family: Family, label: str) -> _Line | None:
        """The series' line, made once; None for one too many."""
        line = self._lines.get((family.name, label))
        if line is None and len(self._lines) < SERIES_AT_MOST:
            own = ((family.labels[-1], label),) if label else ()
            kind = Kind.COUNTER64 if family.kind == "counter" else Kind.GAUGE
            line = self._lines[family.name, label] = _Line(Series(family.name, (*self._labels, *own), kind))
        return line

    def _newer(self, reading: Reading, body: Telemetry, line: _Line) -> bool:
        """Whether a reading follows the one that is held. A `seq` that falls while time goes on began anew."""
        if line.reading is None or reading.at.unix > line.reading.at.unix:
            return True
        if line.session == body.session:
            return body.seq > line.seq
        return self._sessions.current == body.session

    def _file(self, reading: Reading) -> bool:
        """To history, if there is room."""
        room = len(self._history) < HISTORY_AT_MOST
        if room:
            self._history.append(reading)
        return room

    # --- out ----------------------------------------------------------------------------------------------------------

    def look(self, at: At) -> Poll | None:
        """What came since the last look; None when nothing did and there is patience left."""
        self.news = False
        if self._fresh:
            return self._answer(at)
        start = max(self._since, self._heard or self._since, key=lambda instant: instant.monotonic)
        quiet_s = at.monotonic - start.monotonic
        if self._will is None and quiet_s <= PERIODS * self.period_s:
            return None
        self._shelve()
        return self._poll(at, Outcome.SILENT, (), self._sentence(at, quiet_s))

    def _answer(self, at: At) -> Poll:
        """Values that the last message did not repeat are shown until they are three periods old: some devices report
        their parts by turns."""
        self._fresh = False
        oldest = at.monotonic - PERIODS * self.period_s
        readings = [Reading(self._info, 1, at)]
        for line in self._lines.values():
            if line.reading is not None and (line.fresh or line.reading.at.monotonic >= oldest):
                readings.append(line.reading)
                line.fresh = False
            else:
                line.reading = None
        return self._poll(at, Outcome.ANSWERED, readings, "")

    def _poll(self, at: At, outcome: Outcome, readings: Iterable[Reading], detail: str) -> Poll:
        history, self._history = self._history, []
        return Poll(
            device=self._device.id,
            outcome=outcome,
            sent=at,
            ended=at,
            readings=tuple(readings),
            detail=detail,
            period_s=self.period_s,
            history=tuple(sorted(history, key=lambda reading: reading.at.unix)),
        )

    def _shelve(self) -> None:
        """What came and was not looked at in time is history."""
        for line in self._lines.values():
            if line.fresh and line.reading is not None:
                self._file(line.reading)
            line.fresh = False

    def _sentence(self, at: At, quiet_s: float) -> str:
        if self._will is not None:
            return f"The broker told its will at {_clock(self._will)}: session {self._sessions.current} is offline."
        if self._excuse is not None and at.monotonic - self._excuse[0].monotonic <= PERIODS * self.period_s:
            return f"It speaks, but {self._excuse[1]}"
        last = f"last heard {_clock(self._heard)}" if self._heard else "it was never heard"
        return f"Nothing came for {quiet_s:.0f} s: three of its periods of {self.period_s:g} s; {last}."


def _shifted(at: At, ts: float) -> At:
    """The instant of a `ts` in milliseconds, on both clocks, as `at` reads them."""
    age_s = at.unix - ts / 1000
    return At(ts / 1000, at.monotonic - age_s)


def _clock(at: At) -> str:
    return f"{datetime.fromtimestamp(at.unix, VIET_NAM):%Y-%m-%d %H:%M:%S}"
