"""Slopes of clouds of points, and the steps of the light in a fibre: read and run by audit_rules.py beside it.

Python's standard library and nothing of netmon; docs/recompute.md has the definitions in prose.
"""

from __future__ import annotations

from math import sqrt
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Points = Sequence[tuple[float, float]]  # the number of a day, and a figure


def slopes_of(pairs: Iterable[tuple[Any, Any]], counts: Sequence[int]) -> tuple[float, float, float]:
    """Lowest, middle and highest slope of pairs of points, with 95 % confidence; so many points made them."""
    slopes = sorted((two[1] - one[1]) / (two[0] - one[0]) for one, two in pairs)
    doubt = 1.96 * sqrt(sum(n * (n - 1) * (2 * n + 5) / 18 for n in counts))
    first = max(0, int((len(slopes) - doubt) / 2) - 1)
    return slopes[first], median(slopes), slopes[-1 - first]


def since_step(points: Points) -> Points:
    """The days since the last step of what arrives, dB; in fewer than 14 none is looked for."""
    while len(points) >= 14:
        first = step(points)
        if not first:
            break
        points = points[first:]
    return points


def step(points: Points) -> int:
    """The place of the first day after the largest step; 0: there is none."""
    pairs = [(one, two) for i, one in enumerate(points) for two in points[i + 1 : i + 8] if 3 <= two[0] - one[0] <= 7]
    trend = median((two[1] - one[1]) / (two[0] - one[0]) for one, two in pairs) if pairs else 0.0
    level = [power - trend * day for day, power in points]

    def scatter(part: Sequence[float]) -> float:
        middle = median(part)
        return sum(abs(one - middle) for one in part)

    # Where both parts scatter least about their own levels; of equal places the last.
    _, first = min((round(scatter(level[:n]) + scatter(level[n:]), 9), -n) for n in range(3, len(level) - 2))
    before, after = level[:-first], level[-first:]
    size, at_once = median(after) - median(before), median(after[:3]) - median(before[-3:])
    aside = [abs(one - median(part)) for part in (before, after) for one in part]
    if abs(size) < max(0.5, 4 * 1.4826 * median(aside)) or at_once * size <= 0 or abs(at_once) < abs(size) / 2:
        return 0
    return -first + (abs(after[0] - median(after)) > abs(size) / 3)  # a day that saw both counts for neither
