"""From a raw value to its family's unit."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netmon.profiles.schema import Source

Convert = Callable[[Any], float | None]
"""None says: no value."""


def converter(source: Source, factor: int = 1) -> Convert | None:
    """How a raw value becomes its family's unit, a `factor` of its row's own included; None: as it is."""
    if source.map is not None:
        numbers, otherwise = source.map, source.otherwise
        return lambda raw: numbers.get(raw, otherwise)
    scale, invalid = source.scale * factor, frozenset(source.invalid)
    # Tenths are not exact, ten is: 2312 / 10 is 231.2, and 2312 * 0.1 is 231.20000000000002.
    parts = round(1 / scale) if 0 < scale < 1 and 1 / round(1 / scale) == scale else 0
    if source.valid is None and not invalid:
        if parts:
            return lambda raw: raw / parts
        return None if scale == 1 else lambda raw: raw * scale
    low, high = source.valid or (-inf, inf)
    if parts:
        return lambda raw: raw / parts if low <= raw <= high and raw not in invalid else None
    return lambda raw: raw * scale if low <= raw <= high and raw not in invalid else None
