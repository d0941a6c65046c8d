"""The calendar for other programs: days off and windows of some years as plain facts, and as iCalendar (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from netmon.events.calendar import WEEKEND, Calendar, Holiday, holiday, roster_of, windows_of, words
from netmon.targets.words.voice import Voice

_OCTETS = 75
"""Of a line of iCalendar, its end not counted (RFC 5545, section 3.1)."""


class Stretch(NamedTuple):
    """Days in a row on which a window holds, both included."""

    window: str
    first: date
    last: date


def days_off(calendar: Calendar, year: int) -> list[Holiday]:
    """The days off of a year, in order."""
    return [found for day in _days(year) if (found := holiday(calendar, day)) is not None]


def stretches(calendar: Calendar, year: int) -> list[Stretch]:
    """The windows of a year but its weekends, in order; one that goes past its end is cut there."""
    found: list[Stretch] = []
    going: dict[str, Stretch] = {}
    for day in _days(year):
        held = windows_of(calendar, day)
        found += [going.pop(name) for name in [*going] if name not in held]
        for name in held:
            if name != WEEKEND:
                going[name] = Stretch(name, going[name].first if name in going else day, day)
    return sorted([*found, *going.values()], key=lambda each: (each.first, each.last, each.window))


def facts(calendar: Calendar, years: Iterable[int]) -> dict[str, Any]:
    """The years as JSON has them: days off, windows, and the roster of each day that has not the normal one."""
    years = list(years)
    return {
        "years": years,
        "days_off": [
            {"date": str(each.day), "name_vi": each.vi, "name_en": each.en}
            for year in years
            for each in days_off(calendar, year)
        ],
        "windows": [
            {"window": each.window, "name_vi": vi, "name_en": en, "from": str(each.first), "until": str(each.last)}
            for year in years
            for each in stretches(calendar, year)
            for vi, en in [words(calendar, each.window)]
        ],
        "rosters": {
            str(day): roster for year in years for day in _days(year) if (roster := roster_of(calendar, day)) != "normal"
        },
    }


def ics(calendar: Calendar, years: Iterable[int], say: Voice, made: str) -> str:
    """The years as iCalendar: an event of whole days for each day off and each window. `made` is the stamp, as
    20261122T110000Z."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//netmon//calendar//VI", "CALSCALE:GREGORIAN"]
    for year in years:
        for each in days_off(calendar, year):
            lines += _event(f"off-{each.day}", say(each.vi, each.en), each.day, each.day, made)
        for window, first, last in stretches(calendar, year):
            lines += _event(f"{window}-{first}", say(*words(calendar, window)), first, last, made)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def _event(uid: str, summary: str, first: date, last: date, made: str) -> list[str]:
    escaped = summary.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}@netmon",
        f"DTSTAMP:{made}",
        f"DTSTART;VALUE=DATE:{first:%Y%m%d}",
        f"DTEND;VALUE=DATE:{last + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{escaped}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _folded(line: str) -> Iterator[str]:
    """A line in pieces of at most so many octets, cut between letters; all but the first begin with a space."""
    piece = ""
    for letter in line:
        if len((piece + letter).encode()) > _OCTETS:
            yield piece
            piece = " "
        piece += letter
    yield piece


def _days(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(days=1)
