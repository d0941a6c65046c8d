"""What has come of one device that reports by itself: its sessions, its time, its values; looked into, it makes a Poll.

Pure of sockets, clocks and logs: messages come in as bytes with the instant of their arrival, and everything that is kept
is bounded. SEMANTICS 9 has the rules; docs/mqtt.md tells them to the makers of devices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from netmon.layouts import Heard
from netmon.model import VIET_NAM, At, CellReport, Device, Kind, Lull, Outcome, Poll, Reading, Series, SpeedTest
from netmon.pollers.cells import report_of
from netmon.pollers.payloads import (
    PAYLOAD_BYTES,
    Birth,
    Body,
    CellFeed,
    Event,
    Place,
    Speed,
    Status,
    Telemetry,
    Unfit,
    decode,
    measured,
)
from netmon.pollers.sessions import Sessions
from netmon.pollers.times import PAST_S, Moment, Times
from netmon.pollers.translate import LIFE, translate
from netmon.pollers.values import HISTORY_AT_MOST, Values

PERIODS = 3
"""So many of its periods without a sign of life are silence."""

WILL_S = 60.0
"""A will is believed for good once nothing came for so long after it, and for a period: most devices connect again."""

TESTS_AT_MOST = 300
"""Speed tests of a device within an hour."""

_HOUR_S = 3600.0
_BYTES_PER_MEGABIT = 125_000.0

_RECENT = 16
_NAMES_TOLD = 64

_Labels = tuple[tuple[str, str], ...]

_NAMELESS = (("sys_name", ""), ("sys_descr", ""), ("sys_location", ""))


class Receipt(NamedTuple):
    """What became of a message: `rejected` is the reason why it was not taken, "" when it was, and `why` tells it in words.
    `remarks` are what was odd, with how often; `test` is the speed test that it told, `cells` what it told of cells. For the
    log: the `event` that it told, names that are `unknown` and were not told before, and whether it came from another place
    than the message before."""

    rejected: str = ""
    why: str = ""
    remarks: tuple[tuple[str, int], ...] = ()
    event: str = ""
    unknown: tuple[str, ...] = ()
    moved: bool = False
    test: SpeedTest | None = None
    cells: CellReport | None = None


class _Large(Unfit):
    """A payload that is too long to be looked at."""


class _Odd:
    """Remarks on one message."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.test: SpeedTest | None = None
        self.cells: CellReport | None = None
        self.unknown: tuple[str, ...] = ()

    def note(self, reason: str, amount: int = 1) -> None:
        self.counts[reason] = amount


class Mailbox:
    """The mailbox of one device, whose series begin with `labels`. Patience begins `at` the instant when it was made."""

    def __init__(self, device: Device, labels: _Labels, at: At) -> None:
        self.news = False  # something came that a look would tell
        self._sessions = Sessions()
        self._times = Times()
        self._recent: deque[tuple[object, ...]] = deque(maxlen=_RECENT)
        self._tested: deque[float] = deque(maxlen=TESTS_AT_MOST)  # when its last speed tests came, monotonic
        self._since = at  # when patience began
        self._heard: At | None = None
        self._fresh = False
        self._will: At | None = None
        self._hinted = False  # the will was told
        self._excuse: tuple[At, str] | None = None  # when something came that is no sign of life, and why not
        self._names_told: set[str] = set()
        self._seq = 0  # of the telemetry in another layout that was taken
        self._asked: At | None = None
        self._label(device, labels)
        if device.layout:
            self._sessions.always(LIFE)

    def _label(self, device: Device, labels: _Labels) -> None:
        self._device = device
        self._labels: _Labels = labels
        province, commune, site = (value for _, value in labels[:3])
        self._home = self._place = (province, commune, site)  # where the inventory has it; where it was
        spoken = (("address", ""), ("profile", device.layout or "mqtt"), *_NAMELESS)
        self._info = Series("netmon_device_info", (*labels, *spoken), Kind.INFO)
        self._values = Values(labels)

    def rename(self, device: Device, labels: _Labels) -> None:
        """A reload changed the device's settings or labels. With other labels its values begin anew; its sessions go on."""
        if self._labels == labels:
            self._device = device
        else:
            self._label(device, labels)

    @property
    def device(self) -> Device:
        """Whose it is."""
        return self._device

    @property
    def place(self) -> str:
        """From where it reported last."""
        return "/".join(self._place)

    @property
    def period_s(self) -> float:
        """How often the device reports: as its birth said, else as the inventory expects."""
        return self._sessions.period_s or self._device.interval_s

    @property
    def _patience_s(self) -> float:
        return PERIODS * self.period_s

    @property
    def _late_s(self) -> float:
        """How old a report may be, and be live."""
        return max(self._patience_s, PAST_S)

    # --- in -----------------------------------------------------------------------------------------------------------

    def listen(self, at: At) -> None:
        """netmon subscribes: what it knew of life and death is old, and patience begins anew."""
        self._since = at
        self._will = self._excuse = None
        self.news = self._fresh = False
        self._values.forget(at)

    def to_ask(self, at: At) -> bool:
        """Whether a look is the time to ask a device that says nothing by itself: once an interval, however often it is
        looked at."""
        due = self._asked is None or at.monotonic - self._asked.monotonic > self._device.interval_s / 2
        if due:
            self._asked = at
        return due

    def take(self, what: Place | Heard, payload: bytes, retained: bool, at: At) -> Receipt:
        """A message of the device, in netmon's own layout or in its own, which tells no place. Never raises."""
        if isinstance(what, Place):
            return self._take(what, payload, retained, at, lambda: decode(what.kind, payload))
        place = Place(*self._home, self._device.id, what.kind)
        receipt = self._take(place, payload, retained, at, lambda: translate(what, payload, at.unix * 1000, self._seq + 1))
        if what.kind == "telemetry" and not receipt.rejected:
            self._seq += 1
        return receipt

    def _take(self, place: Place, payload: bytes, retained: bool, at: At, read: Callable[[], Body]) -> Receipt:
        if not payload and place.kind in ("birth", "status"):
            return Receipt()  # somebody made the broker forget what it retained
        odd = _Odd()
        rejected = why = event = ""
        try:
            match self._body(payload, read):
                case Birth() as body:
                    self._take_birth(body, retained, at, odd)
                case Status() as body:
                    rejected = self._take_status(body, retained, at)
                case Telemetry() | Event() | Speed() | CellFeed() if retained:
                    rejected, why = "retained", f"{place.kind} must not be retained"
                case Telemetry() as body:
                    rejected = self._take_telemetry(body, at, odd)
                case Event() as body:
                    rejected, event = self._take_event(body, at, odd), body.event
                case Speed() as body:
                    rejected = self._take_speed(body, at, odd)
                case CellFeed() as body:
                    rejected, why = self._take_cells(body, at, odd)
        except _Large as error:
            rejected, why = "size", str(error)
        except Unfit as error:
            rejected, why = "payload", str(error)
        if rejected:
            if why:
                self._excuse = at, f"what it sends is not taken: {why}."
            return Receipt(rejected, why)
        if self._values.excess:
            self._values.excess = False
            odd.note("excess")
        before, self._place = self._place, place[:3]
        if self._place != self._home:
            odd.note("moved")
        moved = "moved" in odd.counts and self._place != before
        return Receipt("", "", tuple(odd.counts.items()), event, odd.unknown, moved, odd.test, odd.cells)

    @staticmethod
    def _body(payload: bytes, read: Callable[[], Body]) -> Body:
        if len(payload) > PAYLOAD_BYTES:
            raise _Large(f"a payload has at most {PAYLOAD_BYTES} bytes, and this one {len(payload)}")
        return read()

    def _take_birth(self, body: Birth, retained: bool, at: At, odd: _Odd) -> None:
        before = self._sessions.current
        self._sessions.birth(body.session, body.period_s, not retained, odd.note)
        self._part(before, at)
        if not retained:
            self._alive(at)

    def _take_status(self, body: Status, retained: bool, at: At) -> str:
        """Only a live word of the current session counts: a retained one may be older than the birth that it belies."""
        current = self._sessions.current == body.session
        if body.state == "offline":
            if not current:
                return "stale_will"
            if not retained and self._will is None:
                self._will, self._hinted, self._fresh, self.news = at, False, False, True
                self._values.forget(at)
        elif current and not retained:
            self._alive(at)
        return ""

    def _take_event(self, body: Event, at: At, odd: _Odd) -> str:
        key = (body.ts, body.event)
        if key in self._recent:
            return "duplicate"
        self._recent.append(key)
        if self._place_in_time(body.ts, self._sessions.current or "", at, odd).odd != "history":
            self._alive(at)
        return ""

    def _take_speed(self, body: Speed, at: At, odd: _Odd) -> str:
        """One of the past is as good as any, in its own time; but it is no sign of life."""
        key = (body.ts, body.network, body.operator)
        if key in self._recent:
            return "duplicate"
        if len(self._tested) == TESTS_AT_MOST and at.monotonic - self._tested[0] < _HOUR_S:
            return "overflow"
        self._recent.append(key)
        self._tested.append(at.monotonic)
        moment = self._place_in_time(body.ts, body.session or self._sessions.current or "", at, odd)
        odd.test = SpeedTest(
            at=moment.at.unix,
            site=self._place[2] if moment.odd == "history" else self._home[2],  # it may have moved since
            device=self._device.id,
            network=body.network,
            operator=body.operator,
            download=body.download_mbit_s * _BYTES_PER_MEGABIT,
            upload=body.upload_mbit_s * _BYTES_PER_MEGABIT,
            latency_s=None if body.latency_ms is None else body.latency_ms / 1000,
        )
        if moment.odd != "history":
            self._alive(at)
        return ""

    def _take_cells(self, body: CellFeed, at: At, odd: _Odd) -> tuple[str, str]:
        """Told again it says nothing new, and one of the past says what held then: neither is turned away. Of masts other
        than its own only the operator's gateway may tell: the payload names them, and the broker keeps but its topic."""
        home = self._home[2]
        if body.site not in (None, home) and body.operator not in self._device.feeds:
            told = f"it tells of cells of '{body.operator}' at '{body.site}'"
            return "cells", f"{told}, and may only at its own site {home}: the inventory has no such operator in its feeds"
        moment = self._place_in_time(body.ts, self._sessions.current or "", at, odd)
        odd.cells = report_of(body, home, self._device.id, moment.at.unix)
        if moment.odd != "history":
            self._alive(at)
        return "", ""

    def _take_telemetry(self, body: Telemetry, at: At, odd: _Odd) -> str:
        key = (body.session, body.seq, body.ts)
        if key in self._recent:
            return "duplicate"
        found = measured(body)
        moment = self._place_in_time(body.ts, body.session, at, odd)
        late = moment.odd == "history"
        if late and self._values.waiting + len(found.values) > HISTORY_AT_MOST:
            return "overflow"
        self._recent.append(key)
        before = self._sessions.current
        self._sessions.telemetry(body, late, odd.note)
        self._part(before, at)
        current = body.session == self._sessions.current
        self._values.sort_in(body, found, moment.at, at, late=late, current=current, turn=self._sessions.turn)
        self._values.excess = self._values.excess or found.excess
        if found.unknown:
            odd.note("unknown_name", len(found.unknown))
            self._tell_names(found.unknown, odd)
        if not late:
            self._alive(at)
        self.news = self.news or self._values.waiting > 0
        return ""

    def _part(self, before: str | None, at: At) -> None:
        """Another session speaks: what the one before told may hold no more."""
        if self._sessions.current != before:
            self._values.forget(at)

    def _alive(self, at: At) -> None:
        self._heard = at
        self._will = self._excuse = None
        self._fresh = self.news = True

    def _place_in_time(self, ts: float, session: str, at: At, odd: _Odd) -> Moment:
        moment = self._times.place(ts, session, at, self._late_s)
        if moment.odd:
            odd.note(moment.odd)
        if moment.odd == "history":
            seconds = abs(at.unix - ts) < 86_400
            hint = "its ts is in seconds and must be in milliseconds." if seconds else "is its clock right?"
            self._excuse = at, f"of the past: its last report is {moment.age_s:.0f} s old; {hint}"
        return moment

    def _tell_names(self, unknown: Iterable[str], odd: _Odd) -> None:
        room = _NAMES_TOLD - len(self._names_told)
        odd.unknown = tuple(sorted(set(unknown) - self._names_told)[:room])
        self._names_told.update(odd.unknown)

    # --- out ----------------------------------------------------------------------------------------------------------

    def look(self, at: At) -> Poll | Lull:
        """What came since the last look; a lull when nothing did and there is patience left."""
        self.news = False
        if self._fresh:
            self._fresh = False
            return self._poll(at, Outcome.ANSWERED, self._readings(at), "")
        start = max(self._since, self._heard or self._since, key=lambda instant: instant.monotonic)
        quiet_s = at.monotonic - start.monotonic
        if not self._is_silent(at, start):
            return self.lull()
        self._values.forget(at)
        return self._poll(at, Outcome.SILENT, (), self._sentence(at, quiet_s))

    def lull(self) -> Lull:
        """Nothing is said of the device; its history is handed over."""
        return Lull(device=self._device.id, period_s=self.period_s, history=self._values.hand_over())

    def local(self, at: At, detail: str) -> Poll:
        """It cannot be heard by our own fault; its history is handed over."""
        return self._poll(at, Outcome.LOCAL, (), detail)

    def _is_silent(self, at: At, start: At) -> bool:
        """A will is a hint, which is told once; after that the device has time to connect again, unless it was silent
        before the will came."""
        if self._will is None:
            return at.monotonic - start.monotonic > self._patience_s
        if not self._hinted:
            self._hinted = True
            return True
        given_s = max(self.period_s, WILL_S)
        return self._will.monotonic - start.monotonic > self._patience_s or at.monotonic - self._will.monotonic >= given_s

    def _readings(self, at: At) -> Iterable[Reading]:
        """By the time of arrival, for the device's clock may be slow."""
        return (Reading(self._info, 1, at), *self._values.shown(at.monotonic - self._late_s))

    def _poll(self, at: At, outcome: Outcome, readings: Iterable[Reading], detail: str) -> Poll:
        beyond, self._values.beyond = self._values.beyond, 0
        return Poll(
            device=self._device.id,
            outcome=outcome,
            sent=at,
            ended=at,
            readings=tuple(readings),
            detail=detail,
            period_s=self.period_s,
            history=self._values.hand_over(),
            beyond=beyond,
        )

    def _sentence(self, at: At, quiet_s: float) -> str:
        if self._will is not None:
            who = "it" if self._device.layout else f"session {self._sessions.current}"
            return f"The broker told its will at {_clock(self._will)}: {who} is offline."
        if self._excuse is not None and at.monotonic - self._excuse[0].monotonic <= self._patience_s:
            return f"It speaks, but {self._excuse[1]}"
        last = f"last heard {_clock(self._heard)}" if self._heard else "it was never heard"
        return f"Nothing came for {quiet_s:.0f} s: three of its periods of {self.period_s:g} s; {last}."


def _clock(at: At) -> str:
    return f"{datetime.fromtimestamp(at.unix, VIET_NAM):%Y-%m-%d %H:%M:%S}"
