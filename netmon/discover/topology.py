"""Who hears whom over LLDP, and who is nearer the core.

The core is what the inventory says it is: its canaries and the devices of the provincial centre. Distance is counted in hops
from there, over what LLDP tells and over the upstreams that the inventory has.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netmon.discover.found import Found, Heard
from netmon.discover.identify import chassis
from netmon.inventory import Inventory
from netmon.model import SiteKind

_NO_NAME = re.compile(r"\d+|(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")
"""Ports that are told by a number of their own or by their MAC address: LLDP allows both, and neither is an ifName."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a cable: a device by its id, and the interface, "" where it is not known."""

    device: str
    interface: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """Two ends that hear each other. `surely`: each end's interface is known from the device itself."""

    one: End
    other: End
    surely: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A neighbour that is neither found nor in the inventory. `namesake` has its name, but another chassis."""

    device: str
    heard: Heard
    namesake: str = ""


def cables(devices: Mapping[str, Found], inventory: Inventory) -> tuple[list[Cable], list[Stranger]]:
    """The cables between devices, by their ids, each once however many ends tell of it; and who is not known.

    `devices` are those that were found; one that only the inventory has is known by its id.
    """
    names = _names(devices, inventory)
    heard: dict[tuple[str, str], list[tuple[End, str]]] = {}  # by who hears and whom: at which interface, and which port
    strangers = []
    for name, found in devices.items():
        for one in found.heard:
            whom = next((names[mark] for mark in _calls(one) if mark in names), "")
            if not whom or _other_chassis(one, devices.get(whom)):
                strangers.append(Stranger(device=name, heard=one, namesake=whom))
            elif whom != name:
                heard.setdefault((name, whom), []).append((End(device=name, interface=_own(found, one.interface)), one.port))
    told = []
    for (name, whom), ends in heard.items():
        back = heard.get((whom, name), [])
        for end, port in ends:
            alone = len(ends) == len(back) == 1
            far, surely = _far_end(whom, port, end, back, devices.get(whom), alone=alone)
            told.append(Cable(one=end, other=far, surely=surely))
    told.sort(key=lambda cable: len(_known(cable)), reverse=True)
    cables: list[Cable] = []
    between: dict[frozenset[str], list[Cable]] = {}
    for cable in told:
        same = between.setdefault(frozenset((cable.one.device, cable.other.device)), [])
        known = _known(cable)
        many = len(heard[cable.one.device, cable.other.device])
        if any(known <= _known(other) for other in same) or (len(known) < 2 and len(same) >= many):
            continue  # the other side told of it already
        same.append(cable)
        cables.append(cable)
    return cables, strangers


def distances(devices: Iterable[str], inventory: Inventory, cables: Iterable[Cable]) -> dict[str, int]:
    """Hops from the core, for every device that a way leads to."""
    ways: dict[str, set[str]] = {name: set() for name in (*devices, *inventory.devices)}
    for cable in cables:
        ways[cable.one.device].add(cable.other.device)
        ways[cable.other.device].add(cable.one.device)
    for device in inventory.devices.values():
        for upstream in device.upstreams:
            ways[device.id].add(upstream)
            ways[upstream].add(device.id)
    found = {name: 0 for name in ways if name in core(inventory)}
    queue = deque(found)
    while queue:
        here = queue.popleft()
        for there in ways[here] - found.keys():
            found[there] = found[here] + 1
            queue.append(there)
    return found


def core(inventory: Inventory) -> frozenset[str]:
    """The devices at which the province begins."""
    sites = {site.id for site in inventory.sites.values() if site.kind is SiteKind.PROVINCIAL_CENTRE}
    return frozenset(inventory.canaries) | {device.id for device in inventory.devices.values() if device.site in sites}


def interface_of(found: Found, text: str) -> str:
    """The stable name of the interface that a neighbour calls so: by name, description or alias; "" when none is, or two."""
    for calls in ("name", "descr", "alias"):
        hits = [one.name for one in found.interfaces if text and getattr(one, calls).casefold() == text.casefold()]
        if hits:
            return hits[0] if len(hits) == 1 else ""
    return ""


def _own(found: Found, text: str) -> str:
    """The stable name of an interface that a device itself calls so in its LLDP-MIB, "" for one that it does not list."""
    return interface_of(found, text) or ("" if found.interfaces or _NO_NAME.fullmatch(text) else text)


def _names(devices: Mapping[str, Found], inventory: Inventory) -> dict[str, str]:
    """Devices by what neighbours may call them: the chassis first, then the name, with and without its domain, then the id.
    What two are called is no name."""
    names: dict[str, str | None] = {}

    def call(mark: str, device: str) -> None:
        if mark:
            names[mark] = device if names.get(mark, device) == device else None

    for name, found in devices.items():
        call(found.chassis and f"chassis {found.chassis}", name)
        full = found.sys_name.casefold()
        call(full, name)
    for name in {*inventory.devices, *devices}:
        call(name.casefold(), name)
    for name, found in devices.items():
        short = _short(found.sys_name)
        if short and short not in names:
            call(short, name)
    return {mark: device for mark, device in names.items() if device is not None}


def _calls(heard: Heard) -> Iterable[str]:
    name = heard.neighbour.casefold()
    return [f"chassis {chassis(heard.chassis)}", name, _short(name)] if heard.chassis else [name, _short(name)]


def _other_chassis(heard: Heard, found: Found | None) -> bool:
    """Whether who is heard cannot be the device of that name: routers leave the factory with one name for all."""
    told = chassis(heard.chassis)
    return found is not None and bool(told and found.chassis) and told != found.chassis


def _short(name: str) -> str:
    return name.casefold().partition(".")[0]


def _far_end(
    whom: str, port: str, near: End, back: list[tuple[End, str]], far: Found | None, *, alone: bool
) -> tuple[End, bool]:
    """The other end of what an interface hears: the interface that hears it back, else the port that it told. With only one
    cable between the two (`alone`) there is no doubt which one that is."""
    hears = [end for end, told in back if told.casefold() == near.interface.casefold()] or [end for end, _ in back if alone]
    if hears:
        return hears[0], True
    if far is not None:
        name = interface_of(far, port)
        return End(device=whom, interface=name), bool(name)
    return End(device=whom, interface="" if _NO_NAME.fullmatch(port) else port), False


def _known(cable: Cable) -> frozenset[End]:
    """The ends of which the interface is known."""
    return frozenset(end for end in (cable.one, cable.other) if end.interface)
