"""Search: the communes, sites, devices and links that a person means, by name, id, code, address, circuit or operator.

Spellings are compared without case and diacritics, and đ is d: "bao lam" finds Bảo Lâm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from netmon.inventory import Inventory
from netmon.network import Network
from netmon.units import Unit, fold

HITS_AT_MOST = 20
_EXACT, _BEGINS, _INSIDE, _WORDS = range(4)


class Entry(NamedTuple):
    """Something that can be found: its kind and id, how it is called, where it is, and its folded spellings."""

    kind: str
    id: str
    name: str
    name_en: str
    commune: str
    province: str
    spellings: tuple[str, ...]


def index(inventory: Inventory, communes: Mapping[str, Sequence[Unit]]) -> list[Entry]:
    """All that can be found; `communes` by province. With thousands of devices that takes a good part of a second."""
    entries = [
        Entry("commune", unit.code, unit.name, unit.name_en, unit.code, province, _unit_spellings(unit))
        for province, units in communes.items()
        for unit in units
    ]
    for site in inventory.sites.values():
        carriers = (carrier.operator for carrier in site.carriers)
        spellings = _spellings((site.id, site.name, *carriers))
        entries.append(Entry("site", site.id, site.name, "", site.commune, site.province, spellings))
    for device in inventory.devices.values():
        site = inventory.sites[device.site]
        spellings = _spellings((device.id, *device.addresses, *device.also_from))
        entries.append(Entry("device", device.id, device.id, "", site.commune, site.province, spellings))
    for link in inventory.links.values():
        site = inventory.sites[link.site]
        spellings = _spellings((link.id, link.circuit_id, link.operator, link.check or ""))
        name = link.circuit_id or link.id
        entries.append(Entry("link", link.id, name, "", site.commune, site.province, spellings))
    return entries


def find(text: str, entries: Iterable[Entry]) -> tuple[int, list[Entry]]:
    """How many there are, and the first of them: what is called exactly so, then what begins so, then what has it inside,
    then what has all its words."""
    sought = fold(text)
    words = sought.split()
    if not words:
        return 0, []
    found = []
    for n, entry in enumerate(entries):
        rank = _rank(sought, words, entry.spellings)
        if rank is not None:
            found.append((rank, n, entry))
    found.sort(key=lambda hit: hit[:2])
    return len(found), [entry for _, _, entry in found[:HITS_AT_MOST]]


def told(text: str, total: int, hits: Iterable[Entry], network: Network, states: Mapping[str, str]) -> dict[str, Any]:
    """The answer, as JSON values. `states` are those of communes, by code."""
    return {
        "q": text,
        "total": total,
        "hits": [
            {
                "kind": hit.kind,
                "id": hit.id,
                "name": hit.name,
                **({"name_en": hit.name_en} if hit.name_en else {}),
                "commune": hit.commune,
                "province": hit.province,
                "state": _state(hit, network, states),
            }
            for hit in hits
        ],
    }


def _state(hit: Entry, network: Network, states: Mapping[str, str]) -> str:
    if hit.kind == "commune":
        return states.get(hit.id, "none")
    if hit.kind == "device":
        track = network.tracks.get(hit.id)
        return "unknown" if track is None else str(track.state)
    told = (network.sites if hit.kind == "site" else network.links).get(hit.id)
    return "unknown" if told is None else str(told.state)


def _rank(sought: str, words: Sequence[str], spellings: Sequence[str]) -> int | None:
    if sought in spellings:
        return _EXACT
    if any(spelling.startswith(sought) for spelling in spellings):
        return _BEGINS
    if any(sought in spelling for spelling in spellings):
        return _INSIDE
    if len(words) > 1 and all(any(word in spelling for spelling in spellings) for word in words):
        return _WORDS
    return None


def _unit_spellings(unit: Unit) -> tuple[str, ...]:
    """A commune is also known without the word for its kind."""
    name = fold(unit.name)
    return _spellings((unit.code, name, name.removeprefix(unit.kind.replace("_", " ") + " "), unit.name_en))


def _spellings(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(folded for text in texts if (folded := fold(text))))
