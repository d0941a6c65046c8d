"""calendar.yaml to a Calendar: local days off, windows, who is called when, hotlines. docs/calendar.md has each key.

Every fault has its file:line:column, as in the rest of the configuration. No secret stands in the file or is read here:
Alertmanager opens the files that it names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from netmon import units
from netmon.events.calendar import (
    HOLIDAY,
    NIGHT,
    NORMAL,
    STORM,
    TET,
    WEEKEND,
    Calendar,
    Contact,
    Holiday,
    Hours,
    Mail,
    Season,
    Shift,
    uncovered,
)
from netmon.public_holidays import FIRST_YEAR, LAST_YEAR, public_days
from netmon.settings import quantities, yaml
from netmon.settings.faults import faults
from netmon.settings.models import Shape
from netmon.settings.problem import Mark, Problem, UnfitError, meant, problem_at
from netmon.settings.secrets import Fetch
from netmon.settings.values import Given, HttpUrl, Id, Word, at_least_one, one_or_many
from netmon.settings.yaml import Table

MOST_DAYS_BEFORE_TET = 15
"""Before the eve: with more of them the window of an early Tết would begin in the year before."""

_OWN = (TET, HOLIDAY, WEEKEND, NIGHT, NORMAL, STORM)


def _minute(value: object) -> int:
    found = re.fullmatch(r"(\d\d?):(\d\d)", value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 24 or int(found[2]) > 59 or (int(found[1]) == 24 and int(found[2])):
        raise UnfitError(f"'{value}' is not a time of day: write it as 07:30")
    return int(found[1]) * 60 + int(found[2])


def _day(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise UnfitError(f"'{value}' is not in the calendar") from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise UnfitError(f"'{value}' is not a day: write it as 2027-02-11")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise UnfitError(f"the calendar is known from {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _edge(value: object) -> date | tuple[int, int]:
    """A day of one year, or of every year."""
    if isinstance(value, str) and re.fullmatch(r"\d\d-\d\d", value):
        return quantities.month_day(value)
    try:
        return _day(value)
    except UnfitError as error:
        raise UnfitError(f"{error}, or for every year as 09-01") from None


def _between(low: int, high: int, what: str) -> AfterValidator:
    def within(number: int) -> int:
        if not low <= number <= high:
            raise UnfitError(f"{what}: from {low} to {high}")
        return number

    return AfterValidator(within)


def _email(text: str) -> str:
    if re.fullmatch(r"[^\s@,;<>\"]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", text, re.ASCII) is None:
        raise UnfitError(f"'{text}' is not an address of mail: write it as truc@cb.example")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/") or not text.isprintable():
        raise UnfitError(f"'{text}' is read by Alertmanager: write it with its directory, as /etc/prometheus/secrets/…")
    return text


def _host_port(text: str) -> str:
    if re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}", text, re.ASCII) is None:
        raise UnfitError(f"'{text}' is not a mail server: write it as mail.cb.example:587")
    return text


def _code(text: str) -> str:
    if re.fullmatch(r"\d\d|\d{5}", text, re.ASCII) is None:
        raise UnfitError(f'\'{text}\' is not the code of a province or commune: write it in quotes, as "04" or "01273"')
    return text


Minute = Annotated[int, PlainValidator(_minute)]
CalendarDay = Annotated[date, PlainValidator(_day)]
Edge = Annotated[date | tuple[int, int], PlainValidator(_edge)]
SecretFile = Annotated[str, AfterValidator(_absolute)]
Ids = Annotated[list[Id], BeforeValidator(one_or_many), AfterValidator(at_least_one)]


class OffEntry(Shape):
    """A day that a local or late decision makes a day off."""

    date: CalendarDay
    name: Word
    name_en: Annotated[Word | None, Given] = None


class WorkEntry(Shape):
    """A day that is worked, whatever the law's table or the weekend says."""

    date: CalendarDay
    note: str = ""


class HoursEntry(Shape):
    """Hours of a day."""

    start: Minute = Field(alias="from")
    until: Minute


class TetEntry(Shape):
    """The window of Tết, around mùng 1."""

    days_before_eve: Annotated[int, _between(0, MOST_DAYS_BEFORE_TET, "days before the eve of Tết")] = 3
    until: Annotated[int, _between(1, 15, "a mùng of the first month")] = 6
    freeze: bool = True


class HolidayEntry(Shape):
    """The window of days off."""

    freeze: bool = True


class WeekendEntry(Shape):
    """The window of weekends."""

    freeze: bool = False


class SeasonEntry(Shape):
    """A window of one's own."""

    id: Id
    name: Word
    name_en: Annotated[Word | None, Given] = None
    first: Edge = Field(alias="from")
    until: Edge
    freeze: bool = False

    @model_validator(mode="after")
    def _goes_forward(self) -> SeasonEntry:
        if isinstance(self.first, date) != isinstance(self.until, date):
            raise UnfitError("from and until are both days of one year, or both of every year")
        if isinstance(self.first, date) and isinstance(self.until, date) and self.until < self.first:
            raise UnfitError("it ends before it begins")
        return self


class WindowsEntry(Shape):
    """The windows of the calendar."""

    tet: TetEntry = TetEntry()
    holiday: HolidayEntry = HolidayEntry()
    weekend: WeekendEntry = WeekendEntry()
    night: Annotated[HoursEntry | None, Given] = None
    seasons: list[SeasonEntry] = Field(default=[])


class ContactEntry(Shape):
    """Somebody who can be called."""

    name: Word
    email: Annotated[str, AfterValidator(_email)] = ""
    phone: str = ""
    webhook: HttpUrl = ""
    token_file: SecretFile = ""
    chat_file: SecretFile = ""
    language: Literal["vi", "en"] = "vi"

    @model_validator(mode="after")
    def _can_be_called(self) -> ContactEntry:
        if not (self.email or self.webhook or self.chat_file):
            raise UnfitError("nothing reaches this contact: write an email, a webhook or a chat_file")
        if self.token_file and not self.webhook:
            raise UnfitError("token_file is the token of a webhook, and there is none")
        return self


class ShiftEntry(Shape):
    """Who is on at which hours; all day without them."""

    team: Id
    start: Minute = Field(0, alias="from")
    until: Minute = 0


class MailEntry(Shape):
    """How mail leaves."""

    smarthost: Annotated[str, AfterValidator(_host_port)]
    sender: Annotated[str, AfterValidator(_email)] = Field(alias="from")
    user: str = ""
    password_file: SecretFile = ""
    tls: bool = True


class CalendarFile(Shape):
    """calendar.yaml."""

    days_off: list[OffEntry] = Field(default=[])
    days_worked: list[WorkEntry] = Field(default=[])
    windows: WindowsEntry = WindowsEntry()
    contacts: dict[Id, ContactEntry] = Field(default={})
    teams: dict[Id, Ids] = Field(default={})
    desk: Annotated[Id | None, Given] = None
    tickets: Annotated[Id | None, Given] = None
    heartbeat: Annotated[Id | None, Given] = None
    rosters: dict[Id, Annotated[list[ShiftEntry], AfterValidator(at_least_one)]] = Field(default={})
    areas: dict[Annotated[str, AfterValidator(_code)], Ids] = Field(default={})
    hotlines: dict[Word, Word] = Field(default={})
    mail: Annotated[MailEntry | None, Given] = None


def read_calendar(
    path: Path, fetched: Fetch, *, register: units.Register | None = None, today: date | None = None
) -> tuple[Calendar, list[Problem]]:
    """The calendar, and what is wrong with its file. Where there is no file, or a faulty one, the law's days alone.

    With a `register` the codes of areas must be in force on `today`, which is the day in Viet Nam unless given.
    """
    bare = Calendar(public=public_days)
    if not os.path.lexists(path):
        return bare, []
    document = yaml.read(path, fetched)
    if document.root is None:
        return bare, document.problems
    entry, wrong = faults(document.root, CalendarFile)
    problems = [*document.problems, *wrong]
    if entry is None:
        return bare, problems
    problems += _misfits(document.root, entry)
    if register is not None:
        problems += _unknown_areas(document.root, register, today or quantities.today())
    return (bare if problems else _calendar(entry)), problems


def _calendar(entry: CalendarFile) -> Calendar:
    windows, mail = entry.windows, entry.mail
    freezes = {TET: windows.tet.freeze, HOLIDAY: windows.holiday.freeze, WEEKEND: windows.weekend.freeze}
    night = {"night": Hours(windows.night.start, windows.night.until % (24 * 60))} if windows.night is not None else {}
    return Calendar(
        public=public_days,
        off={each.date: Holiday(each.date, each.name, each.name_en or each.name) for each in entry.days_off},
        work=frozenset(each.date for each in entry.days_worked),
        tet_before=windows.tet.days_before_eve,
        tet_until=windows.tet.until,
        frozen=frozenset(name for name, freezes_it in freezes.items() if freezes_it),
        seasons=tuple(map(_season, windows.seasons)),
        **night,
        contacts={name: Contact(id=name, **contact.model_dump()) for name, contact in entry.contacts.items()},
        teams={name: tuple(members) for name, members in entry.teams.items()},
        desk=entry.desk or "",
        tickets=entry.tickets or entry.desk or "",
        heartbeat=entry.heartbeat or "",
        rosters={name: _shifts(shifts) for name, shifts in entry.rosters.items()},
        areas={code: tuple(members) for code, members in entry.areas.items()},
        hotlines=dict(entry.hotlines),
        mail=Mail(**mail.model_dump()) if mail is not None else None,
    )


def _season(entry: SeasonEntry) -> Season:
    return Season(
        name=entry.id,
        vi=entry.name,
        en=entry.name_en or entry.name,
        first=entry.first,
        last=entry.until,
        freeze=entry.freeze,
    )


def _shifts(entries: list[ShiftEntry]) -> tuple[Shift, ...]:
    return tuple(Shift(entry.team, Hours(entry.start % (24 * 60), entry.until % (24 * 60))) for entry in entries)


# --- what must fit together -------------------------------------------------------------------------------------------


def _misfits(root: Table, entry: CalendarFile) -> Iterator[Problem]:
    contacts: Mapping[str, object] = root.table("contacts") or {}
    teams = root.table("teams")
    yield from _twice(root, "days_off")
    yield from _twice(root, "days_worked")
    for table in (teams, root.table("areas")):
        for key in table or ():
            yield from _unknown(table.texts(key) if table else [], contacts, "contact")
    yield from _unknown(root.texts("heartbeat"), contacts, "contact")
    for key in ("desk", "tickets"):
        yield from _unknown(root.texts(key), teams or {}, "team")
    yield from _seasons(root, entry)
    yield from _rosters(root, entry)
    calls = next((key for key in ("rosters", "areas", "tickets", "heartbeat") if key in root), None)
    if calls is not None and entry.desk is None:
        text = "nobody is always called: a desk is wanted, the team that every page reaches at every hour"
        yield problem_at(root.key_mark(calls), text, "desk: TEAM")
    mailed = [name for name, contact in entry.contacts.items() if contact.email]
    if mailed and entry.mail is None:
        yield problem_at(
            root.key_mark("contacts"), f"'{mailed[0]}' is called by mail, and nothing says how it leaves", "mail: …"
        )


def _rosters(root: Table, entry: CalendarFile) -> Iterator[Problem]:
    rosters = root.table("rosters")
    seasons = [season.id for season in entry.windows.seasons]
    known = (NORMAL, TET, HOLIDAY, WEEKEND, STORM, *seasons)
    for name in rosters or ():
        if rosters is None:
            continue
        if name not in known:
            hint = meant(name, known) or f"there are {', '.join(known)}"
            yield problem_at(rosters.key_mark(name), f"there is no window '{name}' for a roster", hint)
        for shift in rosters.tables(name):
            yield from _unknown(shift.texts("team"), entry.teams, "team")
        if gap := uncovered(_shifts(entry.rosters[name])):
            text = f"nobody of roster '{name}' is on call from {_clock(gap.start)} to {_clock(gap.until)}"
            yield problem_at(rosters.key_mark(name), text, "a roster covers all hours")


def _seasons(root: Table, entry: CalendarFile) -> Iterator[Problem]:
    windows = root.table("windows")
    first: set[str] = set()
    for season in windows.tables("seasons") if windows is not None else []:
        name = season.text("id") or ""
        if name in _OWN:
            yield problem_at(season.value_mark("id"), f"'{name}' is a name of netmon's own", "give the season another")
        if name in first:
            yield problem_at(season.value_mark("id"), f"the season '{name}' is already there")
        first.add(name)


def _twice(root: Table, key: str) -> Iterator[Problem]:
    first: set[str] = set()
    for each in root.tables(key):
        day = str(each.get("date"))
        if day in first:
            yield problem_at(each.value_mark("date"), f"{day} is already there")
        first.add(day)
        if key == "days_worked" and day in {str(off.get("date")) for off in root.tables("days_off")}:
            yield problem_at(each.value_mark("date"), f"{day} is a day off, too: it can be one of both")


def _unknown(names: list[tuple[str, Mark]], known: Mapping[str, object], what: str) -> Iterator[Problem]:
    for name, mark in names:
        if name not in known:
            hint = meant(name, known) or (f"there are {', '.join(sorted(known))}" if known else f"there is no {what} at all")
            yield problem_at(mark, f"there is no {what} '{name}'", hint)


def _unknown_areas(root: Table, register: units.Register, today: date) -> Iterator[Problem]:
    areas = root.table("areas")
    for code in areas or ():
        if areas is not None and register.unit(code, today) is None:
            yield problem_at(areas.key_mark(code), f"there is no province or commune '{code}'")


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
