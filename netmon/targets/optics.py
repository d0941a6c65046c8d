"""The optical rule: whether the light that arrives over a fibre stays far enough above what the receiver needs.

The margin is the received power less the receiver's own limit, in dB, each direction by itself; it is judged by the least of
each hour. A fibre that fades (a bend, a wet splice, an old laser) tells so weeks ahead: the slope of the daily means of the
received power since its last step (netmon.slopes) says in how many days today's margin falls below the limit. In darkness
there is no margin: an hour with any is none that was measured, and a sign. That the link was down is not judged here.
Slopes are dB a day; instants are Unix seconds and, beside them, local ISO 8601.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from heapq import nsmallest
from math import floor
from statistics import median
from typing import Any, Literal

from netmon.model import ZONE_S, Direction, Link, Standing, Subject, Summary, Verdict, Window
from netmon.slopes import Points, since_step, slope_of
from netmon.targets.definitions import OpticalMargin
from netmon.targets.environment import HOUR_S, hours_of
from netmon.targets.rollup import severity
from netmon.targets.trend import FARTHEST_DAYS, FEWEST_DAYS, TREND_DAYS
from netmon.targets.windows import DAY_S, day_number, iso, midnight

MARGIN, RECEIVED, DARK = "optical_margin_db", "optical_receive_power_dbm", "optical_dark"
"""The figures of a link; `part` is the direction."""

NO_OPTIC = "no_optic"
"""Why a link is exempt at neither end of which an optic tells its light."""

LATEST = 24
"""Today's margin is the median of the hourly means of so many hours, the last that were measured."""

WORST = 10
"""How many of the worst hours a verdict shows."""

Unknown = Literal["few_days", "not_fading", "far", "no_margin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fading:
    """The received power changes by `slope` dB a day, by `low` to `high` with 95 % confidence, and carries the margin below
    the limit in `days`. It rests on `count` days, those from `since` on, the local midnight after a step of `step_db`; None:
    there was none. `why`: this cannot be told."""

    count: int
    since: float | None = None
    step_db: float | None = None
    slope: float | None = None
    low: float | None = None
    high: float | None = None
    days: float | None = None
    why: Unknown | None = None

    def evidence(self) -> dict[str, Any]:
        return {
            "known": self.why is None,
            "why": self.why,
            "count": self.count,
            "since": self.since,
            "step_db": self.step_db,
            "slope": self.slope,
            "slope_low": self.low,
            "slope_high": self.high,
            "days": self.days,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A direction whose margin is told, or was: its hours in order of time, how many of them are below the limit, when those
    with darkness begin, and how many have elapsed."""

    direction: Direction
    hours: Sequence[Summary]
    below: int
    dark: Set[float]
    elapsed: int
    present: float | None
    fading: _Fading | None

    @property
    def value(self) -> float | None:
        return min((hour.least for hour in self.hours), default=None)

    @property
    def measured(self) -> int:
        return sum(hour.start not in self.dark for hour in self.hours)

    @property
    def coverage(self) -> float:
        return self.measured / self.elapsed if self.elapsed else 0.0

    def standing(self, target: OpticalMargin) -> Standing:
        if self.below >= target.hours:
            return Standing.MISSED
        if not self.measured or self.coverage < target.coverage:
            return Standing.UNPROVEN
        soon = self.fading is not None and self.fading.days is not None and self.fading.days <= target.days_at_risk
        return Standing.AT_RISK if self.below or self.dark or soon else Standing.MET

    def evidence(self, target: OpticalMargin) -> dict[str, Any]:
        worst = min(self.hours, key=lambda hour: (hour.least, hour.start), default=None)
        return {
            "standing": self.standing(target).value,
            "hours": self.measured,
            "dark": len(self.dark),
            "elapsed": self.elapsed,
            "coverage": self.coverage,
            "below": self.below,
            "value": self.value,
            "at": None if worst is None else worst.start,
            "local": None if worst is None else iso(worst.start),
            "present": self.present,
            "fading": None if self.fading is None else self.fading.evidence(),
        }


def judge_optics(
    target: OpticalMargin,
    link: Link,
    margins: Sequence[Summary],
    darkness: Sequence[Summary],
    margin_days: Sequence[Summary],
    received_days: Sequence[Summary],
    window: Window,
    now: float,
) -> Verdict:
    """The verdict on a link over the hours of `window` that have ended at `now`. `margins` are the hours of its margin,
    `darkness` those in which there was no light; `margin_days` and `received_days` the local days of `looked_back`, of its
    margin and of the light that arrived.

    The value is the least margin of the worse direction. `hours` hours below the limit are a miss, fewer of them an early
    sign, and so is darkness. A direction of which no optic tells the margin, nor did in those days, is not judged: most are
    read at one end only. Where there is none the link is exempt. One that told it and has gone silent, or is dark, is time
    in which nobody saw it. What is final says what was, and looks at no fading.
    """
    hours, last = hours_of(window, now), min(now, window.end)
    final = target.window_days is None and now >= window.end
    margins = [hour for hour in margins if floor(hour.start / HOUR_S) in hours]
    darkness = [hour for hour in darkness if floor(hour.start / HOUR_S) in hours]
    told = {hour.part for hour in (*margin_days, *margins, *darkness)}
    ways = [
        _way(target, direction, len(hours), margins, darkness, None if final else received_days, day_number(last))
        for direction in Direction
        if direction.value in told
    ]
    speaks = max(ways, key=lambda way: _badness(target, way), default=None)
    start, end = hours.start * HOUR_S, hours.stop * HOUR_S
    facts: dict[str, Any] = {
        "at": last,
        "local": iso(last),
        "start": start,
        "end": end,
        "local_start": iso(start),
        "local_end": iso(end),
        "looked_back_days": TREND_DAYS,
    }
    evidence: dict[str, Any] = {"rule": target.rule, "exempt": NO_OPTIC, **facts}
    if speaks is not None:
        evidence = {
            "rule": target.rule,
            "direction": speaks.direction.value,
            **facts,
            "needed_days": FEWEST_DAYS,
            "directions": {way.direction.value: way.evidence(target) for way in ways},
            "not_told": [direction.value for direction in Direction if direction.value not in told],
            "worst_hours": _worst_hours(target, ways),
            "simulated_hours": len({hour.start for way in ways for hour in way.hours if hour.simulated}),
        }
    crossings = [way.fading.days * DAY_S for way in ways if way.fading is not None and way.fading.days is not None]
    return Verdict(
        target=target.id,
        subject=Subject("link", link.id),
        standing=Standing.EXEMPT if speaks is None else speaks.standing(target),
        value=None if speaks is None else speaks.value,
        limit=target.limit,
        coverage=0.0 if speaks is None else speaks.coverage,
        window=window,
        final=final,
        evidence=evidence,
        crossing_s=min(crossings, default=None),
    )


def looked_back(window: Window, now: float) -> Window:
    """The local days before the one that it is at `now`, or at the window's end, on which fading is looked for."""
    today = midnight(min(now, window.end))
    return Window(today - TREND_DAYS * DAY_S, today)


def _way(
    target: OpticalMargin,
    direction: Direction,
    elapsed: int,
    margins: Sequence[Summary],
    darkness: Sequence[Summary],
    received_days: Sequence[Summary] | None,
    today: int,
) -> _Way:
    own = [hour for hour in margins if hour.part == direction.value]
    present = median(hour.mean for hour in own[-LATEST:]) if own else None
    fading = None
    if received_days is not None:
        days = [(day_number(day.start) - today, day.mean) for day in received_days if day.part == direction.value]
        found, step = since_step([(day, power) for day, power in days if -TREND_DAYS <= day < 0])
        since = None if step is None else (today + found[0][0]) * DAY_S - ZONE_S
        fading = _fading(_Fading(count=len(found), since=since, step_db=step), found, present, target.limit)
    return _Way(
        direction=direction,
        hours=own,
        below=sum(hour.least < target.limit for hour in own),
        dark={hour.start for hour in darkness if hour.part == direction.value},
        elapsed=elapsed,
        present=present,
        fading=fading,
    )


def _fading(found: _Fading, days: Points, margin: float | None, limit: float) -> _Fading:
    """`days` are counted from today, with the mean of the received power, dBm."""
    if len(days) < FEWEST_DAYS:
        return replace(found, why="few_days")
    slope = slope_of([days])
    found = replace(found, slope=slope.middle, low=slope.low, high=slope.high)
    if slope.high >= 0:
        return replace(found, why="not_fading")
    if margin is None:
        return replace(found, why="no_margin")
    left = max(0.0, (margin - limit) / -slope.middle)
    return replace(found, why="far") if left > FARTHEST_DAYS else replace(found, days=left)


def _worst_hours(target: OpticalMargin, ways: Sequence[_Way]) -> list[dict[str, Any]]:
    """The hours below the limit, the lowest first."""
    below = [(hour, way.direction) for way in ways for hour in way.hours if hour.least < target.limit]
    return [
        {
            "start": hour.start,
            "local": iso(hour.start),
            "direction": direction.value,
            "least": hour.least,
            "mean": hour.mean,
            "most": hour.most,
        }
        for hour, direction in nsmallest(WORST, below, key=lambda one: (one[0].least, one[0].start, one[1].value))
    ]


def _badness(target: OpticalMargin, way: _Way) -> tuple[int, bool, float]:
    """Among equal standings the lower margin is worse, and none at all is worst."""
    return severity(way.standing(target)), way.value is None, 0.0 if way.value is None else -way.value
