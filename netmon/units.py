"""The register of administrative units: 34 provinces and 3,321 communes, as they are on a given day.

The key is the official code, a string with its leading zeros ("04", "01273"); names repeat and spellings differ. A unit
whose kind changes keeps its code and has one entry for each life: `valid_from` is its first day, `valid_to` the first day
on which it no longer holds. Source: Decision 19/2025/QD-TTg and its changes; docs/decisions/0002 tells of the data.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files

from netmon.model import VIET_NAM

_PROVINCE_DIGITS = 2
_COMMUNE_DIGITS = 5
_LIKENESS = 0.7
_INSTANT_S = 1e-6
"""Within the precision of Unix seconds as floats: what ends at midnight has nothing of the day that begins there."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit during one life. `kind`: tinh, thanh_pho, xa, phuong, dac_khu; `parent` is "" for a province.

    `latitude` and `longitude` are a point inside the unit in degrees (WGS 84), to about 100 m.
    """

    code: str
    name: str
    name_en: str
    kind: str
    parent: str
    valid_from: date
    valid_to: date | None
    latitude: float
    longitude: float

    def valid(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


class Register:
    """Units by code and day. It is never changed once made."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._lives: dict[str, list[Unit]] = {}
        self._children: dict[str, list[Unit]] = {}
        for unit in sorted(units, key=lambda unit: (unit.code, unit.valid_from)):
            self._lives.setdefault(unit.code, []).append(unit)
            self._children.setdefault(unit.parent, []).append(unit)

    @cached_property
    def _spellings(self) -> dict[str, dict[str, None]]:
        """The codes that a spelling may mean. Only who made a mistake asks for them."""
        found: dict[str, dict[str, None]] = {}
        for code, lives in self._lives.items():
            for unit in lives:
                for spelling in (code, fold(unit.name), _without_kind(unit)):
                    found.setdefault(spelling, {})[code] = None
        return found

    def unit(self, code: str, on: date) -> Unit | None:
        """The unit as it is on that day, None where the code is unknown or not in force."""
        return next((unit for unit in self._lives.get(code, ()) if unit.valid(on)), None)

    def kind_at(self, code: str, unix: float) -> str:
        """The kind of a unit at an instant, by the calendar of Viet Nam; "" where the code is unknown or not in force."""
        unit = self.unit(code, _day(unix))
        return unit.kind if unit is not None else ""

    def name_at(self, code: str, unix: float) -> str:
        """The name of a unit at an instant; "" where the code is unknown or not in force."""
        unit = self.unit(code, _day(unix))
        return unit.name if unit is not None else ""

    def lives(self, code: str, start: float, end: float) -> tuple[Unit, ...]:
        """The lives of a unit that were in force within [start, end), Unix seconds, the earliest first: two of a commune
        that changed its kind or its name meanwhile, none of an empty interval."""
        if end <= start:
            return ()
        first, last = _day(start), _day(end - _INSTANT_S)
        return tuple(
            unit
            for unit in self._lives.get(code, ())
            if unit.valid_from <= last and (unit.valid_to is None or first < unit.valid_to)
        )

    def provinces(self, on: date) -> tuple[Unit, ...]:
        """All provinces and centrally run cities, in the order of their codes."""
        return self.communes("", on)

    def communes(self, province: str, on: date) -> tuple[Unit, ...]:
        """The communes of a province in the order of their codes; none for an unknown province."""
        return tuple(unit for unit in self._children.get(province, ()) if unit.valid(on))

    def resembling(self, text: str, n: int = 3) -> list[str]:
        """At most `n` codes that somebody who wrote `text` may have meant, the likeliest first.

        Codes are found without their leading zeros, names without diacritics and with or without the word for their kind.
        """
        wanted = fold(text)
        if wanted.isdecimal():
            zeros = [wanted.zfill(digits) for digits in (_PROVINCE_DIGITS, _COMMUNE_DIGITS)]
            spellings = [code for code in zeros if code in self._lives]
        else:
            spellings = []
        spellings += get_close_matches(wanted, self._spellings, n, _LIKENESS)
        return list(dict.fromkeys(code for spelling in spellings for code in self._spellings[spelling]))[:n]


def _day(unix: float) -> date:
    return datetime.fromtimestamp(unix, VIET_NAM).date()


def fold(text: str) -> str:
    """A spelling to compare by: small letters, no diacritics, d for đ, single spaces."""
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


@cache
def load() -> Register:
    """The register that comes with netmon, read once."""
    with files("netmon").joinpath("data/units.csv").open(encoding="utf-8") as file:
        return Register(_unit(row) for row in csv.DictReader(file))


def _unit(row: dict[str, str]) -> Unit:
    return Unit(
        code=row["code"],
        name=row["name"],
        name_en=row["name_en"],
        kind=row["kind"],
        parent=row["parent"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
    )


def _without_kind(unit: Unit) -> str:
    return fold(unit.name).removeprefix(unit.kind.replace("_", " ") + " ")
