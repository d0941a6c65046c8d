"""When a link's load will probably cross its limit, and how far that can be told (a robust trend of the daily percentiles).

The slope is the median of the slopes between every two days that fall on the same day of the week (Theil 1950, Sen 1968; by
season, Hirsch and Slack 1982): a quiet Sunday is only ever held against other Sundays, so the week's own pattern can neither
make nor hide a trend, and days that are missing or wild hardly move it. Its interval of 95 % is that of Kendall's statistic
summed over the days of the week. The level is where the line stands today: the median over the days of the week of what
each of them comes to. Days that follow on each other are taken as independent, so the true doubt is rather greater.

Daily rates are bytes per second, utilisation is a ratio of the capacity that is valid now, slopes are ratios a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan
from typing import Any, Literal

from netmon.model import Capacity, DayPeak, Direction, Link, Standing, Verdict
from netmon.slopes import Points, level_at_zero, slope_of
from netmon.targets.definitions import PercentileUtilisation
from netmon.targets.later import Later, read_once
from netmon.targets.windows import DAY_S, day_number

TREND_DAYS = 56
"""The days before today that a trend looks back on: eight whole weeks."""
FEWEST_DAYS = 28
"""On fewer days that count there is no trend: four weeks."""
FARTHEST_DAYS = 365
"""Beyond a year nothing is said."""
ENOUGH = 0.8
"""A day counts when at least this share of its slots is present."""

_WEEK = 7

Unknown = Literal["no_capacity", "few_days", "not_rising", "far"]
"""Why there is no figure."""
_VAGUEST_LAST = ("not_rising", "far", "few_days", "no_capacity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One direction's utilisation rises by `slope` a day, by `low` to `high` with 95 % confidence, from `level` today, and
    crosses the limit in `days`, or in `days_low` to `days_high`. A `days_high` of None: not within a year, perhaps never.
    `count` is the number of days that it rests on."""

    direction: Direction
    slope: float
    low: float
    high: float
    days: float
    days_low: float
    days_high: float | None
    count: int
    level: float


def trend(peaks: Sequence[DayPeak], capacity: Capacity, limit: float, today: int) -> Trend | None:
    """The trend of the direction that crosses the limit first, from the days before `today` (a local day's number). None
    where it cannot be known: too few days, nothing rises for certain, or the crossing is more than a year away."""
    found = _first_crossing(peaks, capacity, limit, today)
    return found if isinstance(found, Trend) else None


def with_trend(target: PercentileUtilisation, link: Link, verdict: Verdict, peaks: Sequence[DayPeak], now: float) -> Verdict:
    """The verdict with the trend in its evidence, and at risk where it is met but will cross the limit too soon. One that is
    final says what was, and stays as it is."""
    if verdict.final:
        return verdict
    capacity, today = link.capacity_at(now), day_number(now)
    found = "no_capacity" if capacity is None else _first_crossing(peaks, capacity, target.limit, today)
    counted = len(_counted(peaks, today))
    evidence: Mapping[str, Any]
    if isinstance(verdict.evidence, Later):
        evidence = Later(partial(_evidence, verdict.evidence, found, counted))
    else:
        evidence = _evidence(verdict.evidence, found, counted)
    if not isinstance(found, Trend):
        return replace(verdict, evidence=evidence)
    soon = verdict.standing is Standing.MET and found.days <= target.days_at_risk
    standing = Standing.AT_RISK if soon else verdict.standing
    return replace(verdict, standing=standing, evidence=evidence, crossing_s=found.days * DAY_S)


def _evidence(evidence: Mapping[str, Any], found: Trend | Unknown, counted: int) -> dict[str, Any]:
    about: dict[str, Any] = {"looked_back_days": TREND_DAYS, "needed_days": FEWEST_DAYS}
    if isinstance(found, Trend):
        told = {
            "known": True,
            "direction": found.direction.value,
            "slope": found.slope,
            "slope_low": found.low,
            "slope_high": found.high,
            "level": found.level,
            "days": found.days,
            "days_low": found.days_low,
            "days_high": found.days_high,
            "count": found.count,
        }
    else:
        told = {"known": False, "why": found, "count": counted}
    return {**read_once(evidence), "trend": {**told, **about}}


def _counted(peaks: Iterable[DayPeak], today: int) -> list[DayPeak]:
    return [peak for peak in peaks if today - TREND_DAYS <= peak.day < today and peak.coverage >= ENOUGH]


def _first_crossing(peaks: Iterable[DayPeak], capacity: Capacity, limit: float, today: int) -> Trend | Unknown:
    days = _counted(peaks, today)
    found = [_crossing(days, capacity, direction, limit, today) for direction in Direction]
    trends = [each for each in found if isinstance(each, Trend)]
    if trends:
        return min(trends, key=lambda each: (each.days, -each.level))
    return max((each for each in found if not isinstance(each, Trend)), key=_VAGUEST_LAST.index)


def _crossing(
    peaks: Iterable[DayPeak], capacity: Capacity, direction: Direction, limit: float, today: int
) -> Trend | Unknown:
    full, receives = capacity.of(direction), direction is Direction.RECEIVE
    points = [
        (peak.day - today, rate / full) for peak in peaks if not isnan(rate := peak.receive if receives else peak.transmit)
    ]
    if len(points) < FEWEST_DAYS:
        return "few_days"
    weekdays = [[point for point in points if point[0] % _WEEK == weekday] for weekday in range(_WEEK)]
    slope = slope_of(weekdays)
    if slope.low <= 0:
        return "not_rising"
    days = _days(weekdays, slope.middle, limit)
    if days > FARTHEST_DAYS:
        return "far"
    longest = _days(weekdays, slope.low, limit)
    return Trend(
        direction=direction,
        slope=slope.middle,
        low=slope.low,
        high=slope.high,
        days=days,
        days_low=_days(weekdays, slope.high, limit),
        days_high=longest if longest <= FARTHEST_DAYS else None,
        count=len(points),
        level=level_at_zero(weekdays, slope.middle),
    )


def _days(weekdays: Sequence[Points], slope: float, limit: float) -> float:
    """In how many days a line of this slope crosses the limit; 0 where it has. The steeper, the sooner: it turns about the
    middle of the days that were seen, so it also stands higher today."""
    return max(0.0, (limit - level_at_zero(weekdays, slope)) / slope)
