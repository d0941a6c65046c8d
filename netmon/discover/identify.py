"""Who answered: one poll of an address, read into a Found, and three objects that no profile asks for.

They tell whether two addresses are one device: snmpEngineID (SNMP-FRAMEWORK-MIB), lldpLocChassisId with its subtype
(IEEE 802.1AB), dot1dBaseBridgeAddress (RFC 4188).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from netmon.credential import Credential
from netmon.discover.addresses import Wanted
from netmon.discover.found import Found, Heard, Interface
from netmon.discover.scan import Manners
from netmon.model import Device, Outcome, Poll, Reading
from netmon.pollers.agent import Agent, Unanswered
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import Profiles
from netmon.profiles.schema import DEVICE_INFO
from netmon.snmp import Asker, SnmpError, VarBind, oid

DEADLINE_S = 900.0
"""For all of one poll: the pace is shared with every other address."""

RETRIES = 2
"""Somebody is there: a lost datagram is asked for again."""

HARDWARE, INTERFACE = "netmon_device_hardware_info", "netmon_interface_info"
UP, SPEED = "netmon_interface_up", "netmon_interface_speed_bytes_per_second"
NEIGHBOUR, OPTIC = "netmon_neighbour_info", "netmon_optic_"

_ENGINE_ID = oid.encode("1.3.6.1.6.3.10.2.1.1.0")
_CHASSIS_SUBTYPE = oid.encode("1.0.8802.1.1.2.1.3.1.0")
_CHASSIS = oid.encode("1.0.8802.1.1.2.1.3.2.0")
_BRIDGE = oid.encode("1.3.6.1.2.1.17.1.1.0")
_MAC_SUBTYPE = 4
_MAC = re.compile(r"(?:[0-9A-Fa-f]{1,2}[:-]){5}[0-9A-Fa-f]{1,2}|[0-9A-Fa-f]{12}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Asks whoever answered who it is, once. It raises as the client does when even that stays unanswered."""

    profiles: Profiles
    manners: Manners

    async def __call__(self, client: Asker, wanted: Wanted, credential: Credential) -> Found:
        device = Device(
            id=wanted.address,
            site="",
            addresses=(wanted.address,),
            port=self.manners.port,
            timeout_s=self.manners.timeout_s,
            retries=max(self.manners.retries, RETRIES),
            deadline_s=DEADLINE_S,
        )
        poller = SnmpPoller(client, device, (), credential, self.profiles)
        poll = await poller.poll()
        own = await _own(client, device, credential) if poll.outcome is Outcome.ANSWERED else {}
        return read(poll, wanted, credential.name, poller.profile, poller.sys_object_id, own)


async def _own(client: Asker, device: Device, credential: Credential) -> Mapping[bytes, VarBind]:
    """The objects above, as far as the agent has them."""
    agent = Agent(client, device, credential)
    agent.begin(inf)
    try:
        return await agent.get([_ENGINE_ID, _CHASSIS_SUBTYPE, _CHASSIS, _BRIDGE])
    except (Unanswered, SnmpError):
        return {}


def read(
    poll: Poll, wanted: Wanted, credential: str, profile: str, sys_object_id: str, own: Mapping[bytes, VarBind]
) -> Found:
    """A poll as a Found: what it did not bring is empty."""
    by_family: dict[str, list[Reading]] = {}
    for reading in poll.readings:
        by_family.setdefault(reading.series.family, []).append(reading)

    def labels(family: str) -> dict[str, str]:
        return {name: clean(text) for reading in by_family.get(family, ())[:1] for name, text in reading.series.labels}

    info, hardware = labels(DEVICE_INFO), labels(HARDWARE)
    return Found(
        addresses=(wanted.address,),
        credential=credential,
        told=wanted,
        profile=profile,
        sys_object_id=sys_object_id,
        sys_name=info.get("sys_name", ""),
        sys_descr=info.get("sys_descr", ""),
        sys_location=info.get("sys_location", ""),
        engine_id=_octets(own.get(_ENGINE_ID)).hex(),
        chassis=_own_chassis(own),
        manufacturer=hardware.get("manufacturer", ""),
        model=hardware.get("model", ""),
        serial=hardware.get("serial", ""),
        software=hardware.get("software", ""),
        interfaces=tuple(_interfaces(by_family)),
        heard=tuple(_heard(by_family.get(NEIGHBOUR, ()))),
        incomplete=poll.incomplete if poll.outcome is Outcome.ANSWERED else ("its poll",),
    )


def _interfaces(by_family: Mapping[str, list[Reading]]) -> Iterable[Interface]:
    def values(family: str) -> dict[str, float]:
        return {reading.series.label("interface"): reading.value for reading in by_family.get(family, ())}

    up, speed = values(UP), values(SPEED)
    optics = {
        reading.series.label("interface")
        for family, readings in by_family.items()
        if family.startswith(OPTIC)
        for reading in readings
    }
    for reading in by_family.get(INTERFACE, ()):
        told = reading.series.label
        name = told("interface")
        yield Interface(
            name=name,
            descr=clean(told("if_descr")),
            alias=clean(told("if_alias")),
            if_type=told("if_type"),
            up=bool(up[name]) if name in up else None,
            speed=speed.get(name),
            optic=name in optics,
        )


def _heard(readings: Iterable[Reading]) -> Iterable[Heard]:
    for reading in readings:
        told = reading.series.label
        heard = Heard(
            interface=told("interface"),
            neighbour=clean(told("neighbour")),
            chassis=chassis(told("neighbour_chassis")),
            port=clean(told("neighbour_interface")),
        )
        if heard.neighbour or heard.chassis:
            yield heard


def clean(text: str) -> str:
    """What a device says, for one line of a file: without what cannot be printed."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def chassis(text: str) -> str:
    """A chassis to compare by: a MAC address as twelve small hex digits, however it was written; other text as it is."""
    text = clean(text)
    if not _MAC.fullmatch(text):
        return text.casefold()
    if parts := re.split("[:-]", text)[1:] and re.split("[:-]", text):
        return "".join(part.zfill(2) for part in parts).casefold()
    return text.replace(".", "").casefold()


def _own_chassis(own: Mapping[bytes, VarBind]) -> str:
    """What the device calls itself over LLDP, else the address of its bridge."""
    octets, subtype = _octets(own.get(_CHASSIS)), own.get(_CHASSIS_SUBTYPE)
    if octets:
        is_mac = len(octets) == 6 and (subtype is None or subtype.value == _MAC_SUBTYPE)
        return octets.hex() if is_mac else chassis(octets.decode("utf-8", "replace"))
    bridge = _octets(own.get(_BRIDGE))
    return bridge.hex() if len(bridge) == 6 and any(bridge) else ""


def _octets(varbind: VarBind | None) -> bytes:
    return varbind.value if varbind is not None and isinstance(varbind.value, bytes) else b""
