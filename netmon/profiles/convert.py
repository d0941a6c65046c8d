"""From a raw value to its family's unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import inf, isfinite, log10
from typing import TYPE_CHECKING, Any

from netmon.catalogue import DEVICE
from netmon.profiles.measures import MEASURES, PLAUSIBLE, Measure

if TYPE_CHECKING:
    from netmon.profiles.sources import Source

Convert = Callable[[Any], float | None]
"""None says: no value."""

NOTHING = frozenset({2**31 - 1, -(2**31), 2**32 - 1})
"""The ends of 32 bits: no gauge of a device stands there, all makers' MIBs mean "not known"."""

_NUMBER = re.compile(r"(?<![\d.,])(?:[-+\u2212] ?)?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?![.,]?\d)")
_GROUPED = re.compile(r"\d,\d{3}$")
_MOST = 1.7e308


def converter(source: Source, family: str | None, factor: Fraction | int = 1) -> Convert | None:
    """How a raw value becomes the unit of `family`, a `factor` of its row's own included; None: as it is."""
    if family is None or DEVICE[family].kind == "counter":
        return None
    known = source.converters.get((family, factor))
    if known is None:
        judged = explainer(source, family, Fraction(factor))
        quick = None if source.map is not None or source.from_text else _quick(source, family, Fraction(factor))
        known = source.converters[family, factor] = quick or (lambda raw: judged(raw)[0])
    return known


def explainer(source: Source, family: str, factor: Fraction = Fraction(1)) -> Callable[[Any], tuple[float | None, str]]:
    """As `converter`, for people: the value, or None and a sentence why there is none."""
    numbers = None if source.map is None else {_folded(key): value for key, value in source.map.items()}
    whole = _measure(source, family)
    low, high = source.valid or (-inf, inf)
    # A number of 32 bits with a sign may well be -1.
    invalid = frozenset(source.invalid) | (NOTHING - {2**32 - 1} if source.signed == 32 else NOTHING)
    bits = source.signed
    least, most = PLAUSIBLE.get(DEVICE[family].unit, (-inf, inf))

    def judged(raw: Any) -> tuple[float | None, str]:
        if isinstance(raw, bytes):
            raw = text_of(raw, source.extract)
            if numbers is None:
                number = number_in(raw) if source.from_text else None
                if number is None:
                    return None, f"'{raw}' holds no number"
                raw = number
        if isinstance(raw, float) and not isfinite(raw):
            return None, f"{raw} is no number"
        if numbers is not None:
            found = numbers.get(_folded(raw))
            if found is None and raw in invalid:
                return None, f"{raw} is an invalid marker"
            found = source.otherwise if found is None else found
            return found, "" if found is not None else f"{raw!r} is not in the map"
        if raw in invalid:
            return None, f"{raw} is an invalid marker"
        if bits:
            if not -(1 << bits - 1) <= raw < 1 << bits:
                return None, f"{raw} is no number of {bits} bits"
            if raw >= 1 << bits - 1:
                raw -= 1 << bits
            if raw in invalid:
                return None, f"{raw} is an invalid marker"
        if not low <= raw <= high:
            return None, f"{raw} is not within {low:g} to {high:g}"
        if not -_MOST < raw < _MOST:
            return None, f"{raw:g} is no number"
        exact = Fraction(raw) * factor * whole.factor + whole.offset
        if abs(exact) > _MOST:
            return None, f"{raw:g} is no number"
        value = float(exact)
        if whole.decibels:
            if value <= 0:
                return None, f"{raw} is no light"
            value = 10 * log10(value)
        if not least <= value <= most:
            return None, f"{value:g} is not plausible"
        return value, ""

    return judged


def _measure(source: Source, family: str) -> Measure:
    """Scale, offset and unit of a source as one."""
    unit = MEASURES[DEVICE[family].unit][source.unit] if source.unit else Measure(Fraction(1))
    scale, offset = Fraction(str(source.scale)), Fraction(str(source.offset))
    return Measure(scale * unit.factor, offset * unit.factor + unit.offset, unit.decibels)


def _quick(source: Source, family: str, factor: Fraction) -> Convert | None:
    """The usual case without its reasons: a whole number that is scaled, within a range. None: it is another case."""
    whole = _measure(source, family)
    if whole.decibels or source.signed:
        return None
    ratio = factor * whole.factor
    up, parts, offset = ratio.numerator, ratio.denominator, whole.offset
    if abs(up) > 2**53 or parts > 2**53:
        return None
    least, most = PLAUSIBLE.get(DEVICE[family].unit, (-inf, inf))
    if ratio > 0:
        least, most = (float((Fraction(end) - offset) / ratio) if abs(end) != inf else end for end in (least, most))
    elif abs(least) != inf:
        return None
    low, high = source.valid or (-inf, inf)
    reach = _MOST / max(1, abs(up))  # an Opaque may hold an infinity
    low, high = max(low, least, -reach), min(high, most, reach)
    invalid = frozenset(source.invalid) | NOTHING
    if offset:
        added = float(offset)
        if parts == 1:
            return lambda raw: raw * up + added if low <= raw <= high and raw not in invalid else None
        added_parts = offset * parts
        if added_parts.denominator == 1:
            add = added_parts.numerator  # once divided, so that 25.5 is 25.5
            return lambda raw: (raw * up + add) / parts if low <= raw <= high and raw not in invalid else None
        return lambda raw: raw * up / parts + added if low <= raw <= high and raw not in invalid else None
    if parts != 1:
        # Tenths are not exact, ten is: 2312 / 10 is 231.2, and 2312 * 0.1 is 231.20000000000002.
        return lambda raw: raw * up / parts if low <= raw <= high and raw not in invalid else None
    if up != 1:
        return lambda raw: raw * up if low <= raw <= high and raw not in invalid else None
    return lambda raw: raw if low <= raw <= high and raw not in invalid else None


def number_in(text: str) -> float | None:
    """The first number of a text: "-71 dBm" is -71. One that could be read in two ways is none: "1,234", "1.2.3"."""
    found = _NUMBER.search(text)
    if found is None or _GROUPED.search(found.group()):
        return None
    value = float(found.group().replace(",", ".").replace("\u2212", "-").replace(" ", ""))
    return value if isfinite(value) else None


LONGEST = 1024
"""Octets of a text that are looked at: names and descriptions have 255 at most."""


def text_of(raw: bytes, extract: str | None = None) -> str:
    """What an octet string says; with `extract`, the part of it that the expression's first group finds, "" for none."""
    text = " ".join(_decoded(raw[:LONGEST].rstrip(b"\0")).split())
    if extract is None:
        return text
    found = _compiled(extract).search(text)
    return found.group(1).strip() if found else ""


def _decoded(raw: bytes) -> str:
    """Text, as UTF-8 or else as Latin-1; octets that are none, such as a MAC address, in hexadecimal."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        if len(raw) in _ADDRESSES:
            return raw.hex(":")
    plain = text.translate(_BLANKS)
    return plain if plain.isprintable() else raw.hex(":")


_ADDRESSES = (6, 8)
_BLANKS = {ord(blank): " " for blank in "\t\n\r\x0b\x0c"}


@lru_cache(maxsize=1024)
def _compiled(extract: str) -> re.Pattern[str]:
    return re.compile(extract)


def _folded(key: Any) -> Any:
    return key.casefold() if isinstance(key, str) else key
