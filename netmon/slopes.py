"""The slope of a cloud of points that a few wild ones hardly move, and how far it can be told.

The slope is the median of the slopes between every two points (Theil 1950, Sen 1968); where points come in seasons, of every
two in the same one (Hirsch and Slack 1982). Its interval of 95 % is that of Kendall's statistic, summed over the seasons.
Points are taken as independent of each other, so where each resembles the one before the true doubt is rather greater.

A splice, a new patch cord or another module changes the power that arrives over a fibre from one day to the next. A slope
over such a step would say nothing of what goes on, so the days since the last one stand for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import median
from typing import NamedTuple

_Z = 1.96
"""The normal deviate of an interval of 95 %."""

FEWEST_DAYS = 14
"""In fewer days no step is looked for."""
LEAST_STEP_DB = 0.5
"""Less is no step: a splice takes 0.1 dB, a connector 0.3 to 0.5."""

_BESIDE = 3
"""Days that must lie on either side of a step: one or two odd days are none."""
_NEAR_DAYS = (3, 7)
"""How far apart two days are whose slope tells a trend through a step: few such pairs lie across it."""
_CLEAR = 4
"""A step is so many times as large as the scatter about it."""
_NORMAL_SCATTER = 1.4826
"""The standard deviation of a normal scatter whose median is 1."""

Points = Sequence[tuple[float, float]]
"""When, and how much; in order of when, no two at the same time."""


class Slope(NamedTuple):
    """What is added in a unit of time: most probably `middle`, and from `low` to `high` with 95 % confidence."""

    low: float
    middle: float
    high: float


def slope_of(seasons: Sequence[Points]) -> Slope:
    """The median of the slopes, and the ranks that Kendall's statistic leaves on either side of it. ValueError: no season
    has two points."""
    slopes = sorted(
        (later - earlier) / (end - start)
        for points in seasons
        for i, (start, earlier) in enumerate(points)
        for end, later in points[i + 1 :]
    )
    if not slopes:
        raise ValueError("a slope needs two points of one season")
    variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in map(len, seasons))
    aside = (len(slopes) - _Z * sqrt(variance)) / 2
    first = max(0, int(aside) - 1)
    return Slope(slopes[first], median(slopes), slopes[-1 - first])


def level_at_zero(seasons: Iterable[Points], slope: float) -> float:
    """Where a line of this slope stands at time 0: the median over the seasons of what each of them comes to."""
    return median(median(value - slope * when for when, value in points) for points in seasons if points)


def since_step(points: Points) -> tuple[Points, float | None]:
    """The days (their numbers, dBm) since the last step that shows, and what it brought; None: there was none."""
    size: float | None = None
    while len(points) >= FEWEST_DAYS and (found := _step(points)) is not None:
        first, size = found
        points = points[first:]
    return points, size


def _step(points: Points) -> tuple[int, float] | None:
    """Where the largest step is (the place of the first day after it) and what it brought; None: there is none.

    It divides the days, freed of their trend, so that they scatter least about the levels of both parts. A day that saw the
    light before and after it lies between the levels, and counts for neither part.
    """
    near = [
        (later - earlier) / (end - start)
        for i, (start, earlier) in enumerate(points)
        for end, later in points[i + 1 : i + 1 + _NEAR_DAYS[1]]
        if _NEAR_DAYS[0] <= end - start <= _NEAR_DAYS[1]
    ]
    trend = median(near) if near else 0.0
    level = [power - trend * day for day, power in points]
    places = range(_BESIDE, len(level) - _BESIDE + 1)
    first = min(places, key=lambda place: (round(_scatter(level[:place]) + _scatter(level[place:]), 9), -place))
    before, after = level[:first], level[first:]
    size = median(after) - median(before)
    noise = _NORMAL_SCATTER * median([abs(one - median(part)) for part in (before, after) for one in part])
    # What came over weeks is no step, however large it has become: the days next to a step must show it too.
    at_once = median(after[:_BESIDE]) - median(before[-_BESIDE:])
    if abs(size) < max(LEAST_STEP_DB, _CLEAR * noise) or at_once * size <= 0 or abs(at_once) < abs(size) / 2:
        return None
    between = abs(after[0] - median(after)) > abs(size) / 3
    return first + between, size


def _scatter(level: Sequence[float]) -> float:
    middle = median(level)
    return sum(abs(one - middle) for one in level)
