"""The hours of rosters as Alertmanager's time intervals: it knows no lunar calendar, so days stand there as dates."""

from __future__ import annotations

from datetime import date, timedelta

from netmon.alertmanager.writing import Line, Yaml
from netmon.events.calendar import NORMAL, STORM, Calendar, Hours, roster_of

YEARS = 3
"""Of which the days stand in the file: the first and the two after it."""

LOCATION = "Asia/Ho_Chi_Minh"
QUIET = "night"
"""The interval in which tickets wait."""
FOREVER = 2099


def is_partial(hours: Hours) -> bool:
    """Whether hours are less than the whole day."""
    return hours.start != hours.until


def interval_name(roster: str, hours: Hours) -> str:
    """What the interval of a roster's hours is called."""
    return f"{roster}-{_clock(hours.start)}-{_clock(hours.until)}".replace(":", "") if is_partial(hours) else roster


def intervals(calendar: Calendar, from_year: int) -> list[Yaml]:
    """Each shift of each roster, on the days of the roster; and the night, in which tickets wait."""
    days = _days_of(calendar, from_year)
    found: dict[str, list[Line]] = {}
    for roster, shifts in calendar.rosters.items():
        for shift in shifts:
            if roster == STORM:
                entries = [Line(**_times(shift.hours), location=LOCATION)] if is_partial(shift.hours) else []
            else:
                later = [_later(from_year)] if roster == NORMAL else []
                entries = [Line(**dates, **_times(shift.hours), location=LOCATION) for dates in [*days[roster], *later]]
            if entries or roster != STORM:
                found[interval_name(roster, shift.hours)] = entries
    found[QUIET] = [Line(**_times(calendar.night), location=LOCATION)]
    return [{"name": name, "time_intervals": entries} for name, entries in found.items()]


def _later(from_year: int) -> Yaml:
    return {"years": [f"{from_year + YEARS}:{FOREVER}"]}


def _times(hours: Hours) -> Yaml:
    if not is_partial(hours):
        return {}
    return {"times": [Line(start_time=_clock(start), end_time=_clock(until)) for start, until in hours.pieces()]}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _days_of(calendar: Calendar, from_year: int) -> dict[str, list[Yaml]]:
    """The days of each roster as Alertmanager writes them, year by year: whole months together, others by their days."""
    of: dict[str, list[Yaml]] = {roster: [] for roster in (*calendar.rosters, NORMAL)}
    for year in range(from_year, from_year + YEARS):
        by_month: dict[tuple[str, int], list[int]] = {}
        first = date(year, 1, 1)
        for day in (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)):
            by_month.setdefault((roster_of(calendar, day), day.month), []).append(day.day)
        for roster in of:
            months = {month: by_month[roster, month] for month in range(1, 13) if (roster, month) in by_month}
            whole = [month for month, days in months.items() if len(days) == _length(year, month)]
            if whole:
                of[roster].append({"years": [str(year)], "months": _runs(whole)})
            of[roster] += [
                {"years": [str(year)], "months": [str(month)], "days_of_month": _runs(days)}
                for month, days in months.items()
                if month not in whole
            ]
    return of


def _length(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


def _runs(numbers: list[int]) -> list[str]:
    """[1, 2, 3, 7] as 1:3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [str(first) if first == last else f"{first}:{last}" for first, last in runs]
