"""The calendar of the operations centre: days off, the windows around them, who is on call, when works are frozen.

A window of the calendar holds on whole days of Asia/Ho_Chi_Minh, but for `night`. Windows change who is called, and warn of
planned work; service runs 24/7 (Circular 06/2026/TT-BKHCN): no window lowers a target or mutes a page. Somebody is always
called: the `desk` at every instant, and beside it the roster of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from netmon.model import VIET_NAM

TET, HOLIDAY, WEEKEND, NIGHT = "tet", "holiday", "weekend", "night"
NORMAL, STORM = "normal", "storm"
"""Rosters that are no window's: of days that have none, and of storms, beside that of the day."""

DAY_MINUTES = 1440


class Holiday(NamedTuple):
    """A day off, and its name in both languages."""

    day: date
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDays:
    """What the law and the decisions of a year say: `tet` is mùng 1; `work` are days of weekends that are worked."""

    tet: date
    off: tuple[Holiday, ...]
    work: tuple[date, ...] = ()


class Hours(NamedTuple):
    """Hours of a day, in minutes after local midnight. With `until` not after `start` they go on past midnight, and with
    both equal they are the whole day."""

    start: int
    until: int

    def pieces(self) -> tuple[tuple[int, int], ...]:
        """The same within one day, [a, b), in order."""
        if self.start < self.until:
            return ((self.start, self.until),)
        return tuple(piece for piece in ((0, self.until), (self.start, DAY_MINUTES)) if piece[0] < piece[1])

    def hold(self, minute: int) -> bool:
        return any(start <= minute < until for start, until in self.pieces())


ALL_DAY = Hours(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A window of one's own: every year from a day of the year to another, or once between two days; both included."""

    name: str
    vi: str
    en: str
    first: date | tuple[int, int]
    last: date | tuple[int, int]
    freeze: bool = False

    def holds(self, day: date) -> bool:
        if isinstance(self.first, date) or isinstance(self.last, date):
            return isinstance(self.first, date) and isinstance(self.last, date) and self.first <= day <= self.last
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


class Shift(NamedTuple):
    """Who is called at which hours."""

    team: str
    hours: Hours = ALL_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody who can be called. `webhook` takes Alertmanager's JSON, with the bearer token that lies in `token_file`;
    `chat_file` holds the URL of an incoming webhook as Slack has them, which is told the rendered text. Of secrets only the
    names of their files stand here. `language`: vi or en."""

    id: str
    name: str
    email: str = ""
    phone: str = ""
    webhook: str = ""
    token_file: str = ""
    chat_file: str = ""
    language: str = "vi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """How mail leaves. `smarthost` is host:port."""

    smarthost: str
    sender: str
    user: str = ""
    password_file: str = ""
    tls: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """calendar.yaml. `public` says what the law makes of a year. `off` and `work` are local decisions, which have the last
    word. Tết is from `tet_before` days before its eve to mùng `tet_until`.

    `teams` hold ids of contacts; `desk` is the team that is called for everything, always; `rosters` are shifts by the name
    of a window, `normal` or `storm`; `areas` are contacts by the code of a province or commune. `hotlines` are by operator.
    """

    public: Callable[[int], PublicDays]
    off: Mapping[date, Holiday] = field(default_factory=dict)
    work: frozenset[date] = frozenset()
    tet_before: int = 3
    tet_until: int = 6
    frozen: frozenset[str] = frozenset({TET, HOLIDAY})
    seasons: tuple[Season, ...] = ()
    night: Hours = Hours(22 * 60, 6 * 60)  # noqa: RUF009 - a tuple, never changed
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    desk: str = ""
    tickets: str = ""
    heartbeat: str = ""
    rosters: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hotlines: Mapping[str, str] = field(default_factory=dict)
    mail: Mail | None = None

    def windows(self) -> tuple[str, ...]:
        """The names of the windows that hold on whole days; where two have a roster, the earlier one's is called."""
        return (TET, HOLIDAY, *(season.name for season in self.seasons), WEEKEND)


class Freeze(NamedTuple):
    """A stretch of days on which works are not to be planned, as far as it was asked of. Unix seconds."""

    window: str
    vi: str
    en: str
    start: float
    end: float


_WORDS = {
    TET: ("Tết Nguyên đán", "Lunar New Year"),
    HOLIDAY: ("Ngày nghỉ lễ", "Public holiday"),
    WEEKEND: ("Cuối tuần", "Weekend"),
    NIGHT: ("Ban đêm", "Night"),
}


def words(calendar: Calendar, window: str) -> tuple[str, str]:
    """A window's name, vi and en."""
    return next(
        ((season.vi, season.en) for season in calendar.seasons if season.name == window), _WORDS.get(window, ("", ""))
    )


def holiday(calendar: Calendar, day: date) -> Holiday | None:
    """The day off that a day is, None where it is none. A local decision comes before the law's table."""
    if day in calendar.work:
        return None
    if day in calendar.off:
        return calendar.off[day]
    return next((each for each in calendar.public(day.year).off if each.day == day), None)


def is_weekend(calendar: Calendar, day: date) -> bool:
    """Whether a day is a Saturday or Sunday that no decision made a working day."""
    return day.weekday() >= 5 and day not in calendar.work and day not in calendar.public(day.year).work


def tet(calendar: Calendar, year: int) -> tuple[date, date]:
    """First and last day of the window of Tết."""
    first = calendar.public(year).tet
    return first - timedelta(days=1 + calendar.tet_before), first + timedelta(days=calendar.tet_until - 1)


def windows_of(calendar: Calendar, day: date) -> tuple[str, ...]:
    """The windows that hold on a day, in the order in which they are called."""
    return tuple(name for name in calendar.windows() if _holds(calendar, name, day))


def windows_at(calendar: Calendar, now: float) -> tuple[str, ...]:
    """The windows that an instant lies in, `night` among them."""
    at = datetime.fromtimestamp(now, VIET_NAM)
    held = windows_of(calendar, at.date())
    return (*held, NIGHT) if calendar.night.hold(at.hour * 60 + at.minute) else held


def roster_of(calendar: Calendar, day: date) -> str:
    """The roster that is called on a day: that of its first window that has one, else `normal`."""
    return next((name for name in windows_of(calendar, day) if name in calendar.rosters), NORMAL)


def on_call(calendar: Calendar, now: float, *, storm: bool = False) -> tuple[str, ...]:
    """The teams that a page calls at an instant: the desk, then the roster of the day, and in a storm the storm's."""
    at = datetime.fromtimestamp(now, VIET_NAM)
    rosters = [roster_of(calendar, at.date()), *([STORM] if storm else [])]
    shifts = [shift for name in rosters for shift in calendar.rosters.get(name, ())]
    called = [shift.team for shift in shifts if shift.hours.hold(at.hour * 60 + at.minute)]
    return tuple(dict.fromkeys([*([calendar.desk] if calendar.desk else []), *called]))


def uncovered(shifts: tuple[Shift, ...]) -> Hours | None:
    """The first hours at which none of the shifts is on, None where there are none."""
    edge = 0
    for start, until in sorted(piece for shift in shifts for piece in shift.hours.pieces()):
        if start > edge:
            return Hours(edge, start)
        edge = max(edge, until)
    return None if edge >= DAY_MINUTES else Hours(edge, DAY_MINUTES)


def frozen(calendar: Calendar, start: float, end: float) -> list[Freeze]:
    """The freezes that work from `start` to `end` would run into, the earliest first; each ends where its days do."""
    first = datetime.fromtimestamp(start, VIET_NAM).date()
    last = datetime.fromtimestamp(end, VIET_NAM)
    through = last.date() if last.timestamp() > _midnight(last.date()) or last.date() == first else last.date() - _DAY
    found: list[Freeze] = []
    going: dict[str, Freeze] = {}
    for day in _days(first, through):
        held = [name for name in windows_of(calendar, day) if _freezes(calendar, name)]
        going = {name: freeze for name, freeze in going.items() if name in held}
        for name in held:
            if name in going:
                found.remove(going[name])
            begins = going[name].start if name in going else _midnight(day)
            going[name] = Freeze(name, *words(calendar, name), begins, _midnight(day + _DAY))
            found.append(going[name])
    return sorted(found, key=lambda freeze: (freeze.start, freeze.window))


_DAY = timedelta(days=1)


def _holds(calendar: Calendar, name: str, day: date) -> bool:
    if name == TET:
        first, last = tet(calendar, day.year)
        return first <= day <= last
    if name == HOLIDAY:
        return holiday(calendar, day) is not None
    if name == WEEKEND:
        return is_weekend(calendar, day)
    return any(season.name == name and season.holds(day) for season in calendar.seasons)


def _freezes(calendar: Calendar, name: str) -> bool:
    return name in calendar.frozen or any(season.name == name and season.freeze for season in calendar.seasons)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=VIET_NAM).timestamp()


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY
