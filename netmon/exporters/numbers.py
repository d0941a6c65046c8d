"""Numbers as text, once for the page and the database: the shortest digits that read back as the same float."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, isnan

NO_NUMBERS = frozenset({"NaN", "+Inf", "-Inf"})
"""How Prometheus writes what has no digits."""

_PLAIN = frozenset({int, float})


def written(values: Sequence[float]) -> list[str]:
    """Each value as text. An integer that no float holds is infinite: no reader of ours takes it otherwise."""
    try:
        # One look at all of them, for what is odd is rare: a sum without signs, so that nothing cancels, is finite only of
        # finite values.
        plain = isfinite(sum(map(abs, values))) and _PLAIN.issuperset(map(type, values))
    except OverflowError:
        plain = False
    return list(map(repr, values)) if plain else [_written(value) for value in values]


def _written(value: float) -> str:
    try:
        number = float(value)
    except OverflowError:
        return "+Inf" if value > 0 else "-Inf"
    if isnan(number):
        return "NaN"
    if not isfinite(number):
        return "+Inf" if number > 0 else "-Inf"
    return repr(int(value)) if isinstance(value, int) else repr(number)
