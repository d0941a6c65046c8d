"""At which site a device stands: as its list says, as the command says, or as it says itself. Never guessed.

A site or a commune is recognised in sysLocation or sysName by its id, its code or its whole name, with or without diacritics
and the word for its kind. Where two are, the engineer is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from netmon.discover.found import Found
from netmon.inventory import Inventory
from netmon.model import SiteKind
from netmon.units import Register, Unit, fold

SHORTEST = 5
"""Letters that a commune's name must have to stand without its kind."""

_LONGEST_ID = 56
"""An id has at most 63 characters; a number may follow."""

_WORDS = 40
"""Of a longer location the rest is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a device stands: at `site`, which the inventory has unless `commune` says where a new one would be. `by` says in
    words how that is known; an empty `site` asks, and `by` says why."""

    site: str = ""
    commune: str = ""
    by: str = ""


class Places:
    """The sites of an inventory and the communes of its provinces, by what they are called. `site` and `commune` hold for
    all devices whose list says nothing."""

    def __init__(
        self,
        inventory: Inventory,
        register: Register,
        provinces: Iterable[str],
        today: date,
        *,
        site: str = "",
        commune: str = "",
    ) -> None:
        self._sites = inventory.sites
        self._units = {unit.code: unit for code in provinces for unit in register.communes(code, today)}
        self._site, self._commune = site, commune
        communes = [(unit, self._at(unit.code, "its commune's name")) for unit in self._units.values()]
        self._calls = [
            _index((site.id, Place(site=site.id, by="its id")) for site in inventory.sites.values()),
            _index((code, self._at(code, "its commune's code")) for code in self._units),
            _index((site.name, Place(site=site.id, by="its name")) for site in inventory.sites.values()),
            _index((unit.name, place) for unit, place in communes),
            _index((name, place) for unit, place in communes for name in _short(unit)),
        ]
        """What places are called, the surest names first."""

    def unit(self, code: str) -> Unit | None:
        """A commune of the configured provinces."""
        return self._units.get(code)

    def of(self, device: Found) -> Place:
        """Where a device stands."""
        told = device.told
        if told.site or told.commune:
            return self._told(told.site, told.commune, "the list that was scanned")
        if self._site or self._commune:
            return self._told(self._site, self._commune, "the command")
        return self._said(device)

    def _told(self, site: str, commune: str, by: str) -> Place:
        called = {place.site for calls in (self._calls[0], self._calls[2]) for place in calls.get(words(site), ())}
        if site in self._sites or len(called) == 1:
            return Place(site=site if site in self._sites else called.pop(), by=by)
        if commune and commune not in self._units:
            return Place(by=f"{by} names the commune {commune}, which is none of the configured provinces")
        if site and not commune:
            return Place(by=f"{by} names the site {site}, which is not there, and not its commune")
        return Place(site=id_of(site), commune=commune, by=by) if id_of(site) else self._at(commune, by)

    def _at(self, commune: str, by: str) -> Place:
        """The People's Committee of a commune, or the only site there; else a new one."""
        there = [site for site in self._sites.values() if site.commune == commune]
        committees = [site for site in there if site.kind is SiteKind.PEOPLES_COMMITTEE]
        if len(committees) == 1 or len(there) == 1:
            return Place(site=(committees or there)[0].id, by=by)
        if there:
            return Place(by=f"{by} is {commune}, where there are {', '.join(site.id for site in there[:6])}")
        return Place(site=f"commune-{commune}", commune=commune, by=by)

    def _said(self, device: Found) -> Place:
        texts = {"sys_location": device.sys_location, "sys_name": device.sys_name}
        parts = {part: name for name, text in texts.items() for part in _parts(text)}
        for calls in self._calls:
            hits = [call for call in parts if call in calls]
            longest = [call for call in hits if not any(_inside(call, other) for other in hits)]
            found = {place: parts[call] for call in longest for place in calls[call]}
            if len({(place.site, place.commune) for place in found if place.site}) == 1 == len(found):
                ((place, name),) = found.items()
                return Place(site=place.site, commune=place.commune, by=f"{place.by} in its {name} {texts[name]!r}")
            if found:
                return Place(by=f"what it says fits {', '.join(sorted({place.site or place.by for place in found})[:6])}")
        return Place(by="neither its name nor its location tells")


def id_of(text: str) -> str:
    """A name as an id: letters without diacritics, digits, dots, underlines and hyphens. "" when nothing of it is left."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", fold(text) if not text.isascii() else text.strip())
    return re.sub(r"^[^A-Za-z0-9]+", "", plain)[:_LONGEST_ID].rstrip("-._")


def words(text: str) -> str:
    """Letters and digits, small and without diacritics, in words with one space between."""
    return " ".join(re.findall(r"[^\W_]+", fold(text)))


def _index(calls: Iterable[tuple[str, Place]]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for call, place in calls:
        places = found.setdefault(words(call), [])
        if place not in places:
            places.append(place)
    return found


def _parts(text: str) -> Iterator[str]:
    """Each run of whole words of a text."""
    said = words(text).split()[:_WORDS]
    for first in range(len(said)):
        for last in range(first + 1, len(said) + 1):
            yield " ".join(said[first:last])


def _inside(call: str, other: str) -> bool:
    return call != other and f" {call} " in f" {other} "


def _short(unit: Unit) -> Iterator[str]:
    """The name of a commune without its kind, and that in one word: "tan giang", "tangiang". A short word alone is no name:
    many words of a location would be one."""
    name = words(unit.name).removeprefix(words(unit.kind) + " ")
    joined = name.replace(" ", "")
    if len(joined) >= SHORTEST:
        yield from dict.fromkeys((name, joined))
