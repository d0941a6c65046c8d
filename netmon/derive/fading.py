"""How fast a fibre fades: the trend of what arrives, from its daily means.

Dirt, water, bends and ageing take light slowly; a splice, a new patch cord or another module changes it from one day to the
next. A trend over such a step would say nothing of either, so it is measured only since the last one that shows. The slope
is that of `netmon.slopes`, over all pairs of days: its interval of 95 % tells fading from the daily swing of temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from netmon.slopes import FEWEST_DAYS, Points, since_step, slope_of

FADING_DAYS = 56
"""The days before today that are looked at: eight weeks."""
LATEST_DAYS = 7
"""Nothing is said of a link that was not read for a week."""

_WEEK = 7

Why = Literal["", "few_days", "silent"]
"""Why there is no figure: too few days (since the last step), or none of late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fading:
    """What arrives falls by `db_per_week`, by `low` to `high` with 95 % confidence; less than 0: it rises. None where it
    cannot be told, for the reason `why`. It rests on `count` days. `since` is the first local day after the last step, and
    `step_db` what that step brought; None: there was none."""

    db_per_week: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0
    since: int | None = None
    step_db: float | None = None
    why: Why = ""

    @property
    def certain(self) -> bool:
        """Whether it does fade: the whole interval says so."""
        return self.low is not None and self.low > 0


def fading(days: Sequence[tuple[int, float]], today: int) -> Fading:
    """The fading from the daily means of what arrives (a local day's number, dBm), in order, before `today`."""
    points: Points = [(day, power) for day, power in days if today - FADING_DAYS <= day < today]
    points, step = since_step(points)
    since = None if step is None else int(points[0][0])
    if not points or points[-1][0] < today - LATEST_DAYS:
        return Fading(count=len(points), since=since, step_db=step, why="silent" if points else "few_days")
    if len(points) < FEWEST_DAYS:
        return Fading(count=len(points), since=since, step_db=step, why="few_days")
    slope = slope_of([points])
    return Fading(
        db_per_week=0.0 - _WEEK * slope.middle,
        low=0.0 - _WEEK * slope.high,
        high=0.0 - _WEEK * slope.low,
        count=len(points),
        since=since,
        step_db=step,
    )
