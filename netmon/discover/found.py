"""What a scan found: devices as they describe themselves, one for all its addresses, and the record of a scan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TextIO

from netmon.discover.addresses import Wanted
from netmon.model import Outcome

RECORD = "netmon discover 1"
"""The first line of a record: what it is, and of which form."""

_NO_SERIAL = {"n/a", "na", "none", "null", "unknown", "not specified", "not available", "to be filled by o.e.m."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An interface by its stable identity. `up` and `speed` (bytes per second) are None where they are not told; `optic`
    says that an optical module was read in it."""

    name: str
    descr: str = ""
    alias: str = ""
    if_type: str = ""
    up: bool | None = None
    speed: float | None = None
    optic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A neighbour that an interface hears over LLDP: its name, its chassis and its port, as it tells them."""

    interface: str
    neighbour: str
    chassis: str = ""
    port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device that answered. `credential` is a name; `engine_id` and `chassis` are "" where it does not tell them.

    `incomplete` names what could not be read; `told` is what the list that was scanned says of it.
    """

    addresses: tuple[str, ...]
    credential: str
    told: Wanted
    profile: str = ""
    sys_object_id: str = ""
    sys_name: str = ""
    sys_descr: str = ""
    sys_location: str = ""
    engine_id: str = ""
    chassis: str = ""
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    software: str = ""
    interfaces: tuple[Interface, ...] = ()
    heard: tuple[Heard, ...] = ()
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of an address, asked at `port`. `detail` is a sentence for people; `found` is there when it answered;
    `v3`: it speaks SNMPv3, although no credential may fit."""

    address: str
    outcome: Outcome
    detail: str = ""
    v3: bool = False
    found: Found | None = None
    port: int = 161


# --- one device, several addresses ------------------------------------------------------------------------------------


def merged(found: Iterable[Found]) -> list[Found]:
    """Devices, each once: those of one name that share an SNMPv3 engine id, a serial number or a chassis.

    None of these does by itself: engine ids and chassis are cloned with the images of machines. Two serial numbers, or two
    chassis, are two devices whatever else they share.
    """
    devices: list[Found] = []
    known: dict[tuple[str, str, str], list[int]] = {}
    for device in found:
        marks = _marks(device)
        sharing = (at for mark in marks for at in known.get(mark, ()))
        at = next((at for at in sharing if not differ(devices[at], device)), None)
        if at is None:
            at = len(devices)
            devices.append(device)
        else:
            devices[at] = _joined(devices[at], device)
        for mark in marks:
            known.setdefault(mark, []).append(at)
    return devices


def differ(one: Found, other: Found) -> bool:
    """Whether two sights must be of two devices: both tell a serial number, or a chassis, and not the same."""
    pairs = ((one.serial, other.serial), (one.chassis, other.chassis))
    return any(_tells(here) and _tells(there) and here != there for here, there in pairs)


def _marks(device: Found) -> list[tuple[str, str, str]]:
    name = device.sys_name.casefold()
    told = (("engine", device.engine_id), ("serial", device.serial), ("chassis", device.chassis))
    return [(what, name, text) for what, text in told if name and _tells(text)]


def _tells(text: str) -> bool:
    """Whether a serial number or a chassis is one: makers who have none fill the field."""
    return text.strip("0 .:-") != "" and text.casefold() not in _NO_SERIAL


def _joined(first: Found, other: Found) -> Found:
    """One device of two sights of it: the richer one's words, all the addresses, and whatever was told of either."""
    rich, poor = (first, other) if len(first.interfaces) >= len(other.interfaces) else (other, first)
    told = Wanted(
        address=first.told.address,
        site=first.told.site or other.told.site,
        commune=first.told.commune or other.told.commune,
        name=first.told.name or other.told.name,
    )
    addresses = tuple(dict.fromkeys((*first.addresses, *other.addresses)))
    return replace(
        rich,
        addresses=addresses,
        told=told,
        heard=rich.heard or poor.heard,
        credential=first.credential,
        serial=rich.serial if _tells(rich.serial) else poor.serial or rich.serial,
        chassis=rich.chassis if _tells(rich.chassis) else poor.chassis or rich.chassis,
    )


# --- the record -------------------------------------------------------------------------------------------------------


def write_seen(record: TextIO, seen: Seen) -> None:
    """Adds a line to the record of a scan, and sees that it is written."""
    record.write(json.dumps(asdict(seen), ensure_ascii=False) + "\n")
    record.flush()


def read_seen(lines: Sequence[str]) -> tuple[list[Seen], int]:
    """What a record holds, and how many of its lines cannot be read: the last one was cut off when the scan was killed.
    ValueError: it is no record."""
    if not lines:
        return [], 0
    if lines[0].rstrip("\n") != RECORD:
        raise ValueError(f"it is no record of a scan: its first line is not '{RECORD}'")
    seen: list[Seen] = []
    for line in lines[1:]:
        try:
            seen.append(_seen(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            continue
    return seen, len(lines) - 1 - len(seen)


def _seen(data: Mapping[str, Any]) -> Seen:
    found, port = data["found"], int(data["port"])
    return Seen(**{**data, "outcome": Outcome(data["outcome"]), "found": _found(found) if found else None, "port": port})


def _found(data: Mapping[str, Any]) -> Found:
    parts = {
        "addresses": tuple(data["addresses"]),
        "incomplete": tuple(data["incomplete"]),
        "told": Wanted(**data["told"]),
        "interfaces": tuple(Interface(**interface) for interface in data["interfaces"]),
        "heard": tuple(Heard(**heard) for heard in data["heard"]),
    }
    return Found(**{**data, **parts})
