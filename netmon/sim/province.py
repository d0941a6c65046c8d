"""The devices of an inventory as the simulator plays them: what they say they are, their interfaces, their lives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from netmon.inventory import Inventory
from netmon.model import Capacity, Direction, Link, LinkKind, LinkRole, Port, SiteKind, Speech
from netmon.sim.optics import Optic, optics
from netmon.sim.power import PowerPlant
from netmon.sim.stations import plant
from netmon.sim.timetable import Spells
from netmon.sim.traffic import Flow, full_week, office_week, quiet_week, spilled
from netmon.sim.troubles import Script, behind

_BIRTHDAYS_S = 30 * 86_400
"""Devices started before the last multiple of this, so that a simulator that is started again finds them running."""

_UNCONTRACTED = Capacity(0.0, 12.5e6, 12.5e6)
"""What a link carries of which nobody wrote down a capacity."""

_IF_TYPES = {LinkKind.LTE: 243}
"""IANAifType: ethernetCsmacd(6), but wwanPP(243) of a modem."""

Flows = Mapping[str, Mapping[Direction, Flow]]
"""By link id; directions are the commune's."""


class Role(Enum):
    """A kind of device: sysObjectID, sysDescr."""

    GATEWAY = ("1.3.6.1.4.1.2011.2.224.291", "Huawei AR6280 Versatile Routing Platform, Version 5.170 (simulated)")
    CORE = ("1.3.6.1.4.1.2011.2.360.1.9", "Huawei NetEngine 8000 M8 Versatile Routing Platform, Version 8.200 (simulated)")
    ROUTER = ("1.3.6.1.4.1.2011.2.224.133", "Huawei AR169 Versatile Routing Platform, Version 5.170 (simulated)")
    POWER = ("1.3.6.1.4.1.2011.6.164.1.2", "SMU11B site power controller (simulated)")

    @property
    def object_id(self) -> str:
        return str(self.value[0])

    @property
    def description(self) -> str:
        return str(self.value[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """`speed` in bits per second; `into` and `out` are all that crosses it; it is down while `down` is active.

    `full` drops what its neighbour wants to send beyond the capacity.
    """

    name: str
    alias: str = ""
    if_type: int = 6
    speed: int = 1_000_000_000
    mac: bytes = b""
    into: tuple[Flow, ...] = ()
    out: tuple[Flow, ...] = ()
    down: Spells | None = None
    full: bool = False
    optic: Optic | None = None

    def up_at(self, at: float) -> bool:
        return self.down is None or not self.down.active(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A device with an agent. It answers nothing while one of `silent` is active, and starts anew after `reboots`. A power
    controller has the `plant` that it tells of, and answers nothing either when that has no power left."""

    id: str
    role: Role
    location: str
    booted: float
    interfaces: tuple[Interface, ...]
    silent: tuple[Spells, ...] = ()
    reboots: Spells | None = None
    plant: PowerPlant | None = None

    def silent_at(self, at: float) -> bool:
        dark = self.plant is not None and self.plant.at(at).dark
        return dark or any(timetable.active(at) for timetable in self.silent)

    def life(self, at: float) -> tuple[int, float]:
        """How often it has restarted since the simulation began, and when it last did (Unix seconds)."""
        restarts = self.reboots.ended(at) if self.reboots else 0
        if self.reboots is None or restarts == 0:
            return 0, self.booted
        return restarts, self.reboots.window(restarts - 1)[1]

    def rows(self, life: int) -> list[tuple[int, Interface]]:
        """Its interfaces by ifIndex in one life: a restart gives the numbers of one interface to another."""
        count = len(self.interfaces)
        return [(n + 1, self.interfaces[(n + life) % count]) for n in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Province:
    """All machines of an inventory that speak SNMP, by device id, and the traffic of its links."""

    machines: Mapping[str, Machine]
    flows: Flows


@dataclass(slots=True)
class _Plan:
    """What has been gathered of one device."""

    ports: dict[str, Interface] = field(default_factory=dict)
    into: list[Flow] = field(default_factory=list)
    out: list[Flow] = field(default_factory=list)


def traffic(
    inventory: Inventory, chosen: Script, *, seed: int, at: float, closed: Mapping[str, Spells]
) -> dict[str, dict[Direction, Flow]]:
    """The flows of every link by its capacity at `at`; `closed` says when a link carries nothing. What the one cannot carry
    whose commune is on its backup goes over that."""
    weeks, capacities = {}, {}
    for link in inventory.links.values():
        capacity = capacities[link.id] = link.capacity_at(at) or _UNCONTRACTED
        dice = Random(f"{seed}/{link.id}")
        busy = dice.uniform(0.18, 0.68) if link.role is LinkRole.PRIMARY else dice.uniform(0.01, 0.05)
        if chosen.busy and link.id == chosen.busy.id:
            busy = 0.85
        if chosen.saturated and link.id == chosen.saturated.id:
            receive = full_week(dice, capacity.receive, 0.97)
        else:
            receive = office_week(dice, capacity.receive, busy)
        transmit = office_week(dice, capacity.transmit, busy * dice.uniform(0.2, 0.5))
        weeks[link.id] = {Direction.RECEIVE: receive, Direction.TRANSMIT: transmit}
    flows = {
        name: {direction: Flow(week, closed.get(name)) for direction, week in ways.items()} for name, ways in weeks.items()
    }
    if chosen.backup:
        severed, window = chosen.backup
        for backup in inventory.links_of_site()[severed.site]:
            if backup.role is LinkRole.BACKUP:
                for direction, own in weeks[backup.id].items():
                    more = spilled(weeks[severed.id][direction], own, capacities[backup.id].of(direction))
                    flows[backup.id][direction] = Flow(own, closed.get(backup.id), Flow(more, window))
                break
    return flows


def province(inventory: Inventory, chosen: Script, *, seed: int, started: float) -> Province:
    """Every device of an inventory that speaks SNMP with its interfaces, their traffic and their troubles."""
    silent: dict[str, list[Spells]] = {}
    for trouble in (chosen.cut, chosen.reboot):
        if trouble is not None and trouble[0].near is not None:
            for lost in behind(inventory, (trouble[0].near.device,)):
                silent.setdefault(lost, []).append(trouble[1])
    closed = {link.id: window for link in inventory.links.values() if (window := _lost_end(link, silent))}
    severed: dict[str, Spells] = {trouble[0].id: trouble[1] for trouble in (chosen.cut, chosen.backup) if trouble}
    reboots: dict[str, Spells] = {}
    if chosen.reboot and chosen.reboot[0].near:
        reboots[chosen.reboot[0].near.device] = chosen.reboot[1]
    if chosen.stage:
        silent = {device: [absent] for device, absent in chosen.stage.absent.items()}
        severed, reboots = dict(chosen.stage.cut), dict(chosen.stage.restarts)
    closed |= severed
    flows = traffic(inventory, chosen, seed=seed, at=started, closed=closed)

    plans = {device.id: _Plan() for device in inventory.devices.values() if device.speaks is Speech.SNMP}
    for link in inventory.links.values():
        for port in (link.near, link.far):
            if port is not None and port.device in plans:
                cut = severed.get(link.id)
                light = optics(link, seed=seed, started=started, cut=cut)
                _attach(plans[port.device], link, port, flows, inventory, chosen, cut, light)
    roles = {key: _role(inventory, key, plan) for key, plan in plans.items()}
    cores = [plans[key] for key, role in roles.items() if role is Role.CORE]
    machines = {}
    for device in map(inventory.devices.__getitem__, plans):
        role = roles[device.id]
        dice = Random(f"{seed}/{device.id}")
        machines[device.id] = Machine(
            id=device.id,
            role=role,
            location=inventory.sites[device.site].name,
            booted=started - started % _BIRTHDAYS_S - dice.randrange(86_400, 300 * 86_400),
            interfaces=_interfaces(role, device.id, plans[device.id], cores, dice),
            silent=tuple(silent.get(device.id, ())),
            reboots=reboots.get(device.id),
            plant=plant(device.id, chosen, seed=seed) if role is Role.POWER else None,
        )
    return Province(machines=machines, flows=flows)


def _lost_end(link: Link, silent: Mapping[str, list[Spells]]) -> Spells | None:
    """When a link carries nothing: while a device at one of its ends is lost."""
    for port in (link.near, link.far):
        if port is not None and port.device in silent:
            return silent[port.device][0]
    return None


def _attach(
    plan: _Plan,
    link: Link,
    port: Port,
    flows: Flows,
    inventory: Inventory,
    chosen: Script,
    severed: Spells | None,
    light: tuple[Optic, Optic] | None,
) -> None:
    """Put one end of a link on its device. What the commune receives comes into the near end and goes out of the far one."""
    receive, transmit = flows[link.id][Direction.RECEIVE], flows[link.id][Direction.TRANSMIT]
    near = port == link.near
    other = inventory.sites[link.upstream_site if near else link.site].name
    plan.ports[port.interface] = Interface(
        name=port.interface,
        if_type=_IF_TYPES.get(link.kind, 6),
        alias=" | ".join(part for part in (other, link.operator, link.circuit_id) if part),
        into=(receive,) if near else (transmit,),
        out=(transmit,) if near else (receive,),
        # The operator's terminal keeps the far port up while a router restarts, and passes the loss of light on.
        down=severed,
        mac=_mac(port),
        optic=light[0 if near else 1] if light else None,
        full=not near and chosen.saturated is not None and chosen.saturated.id == link.id,
    )
    # The other side of the box: a router's LAN, a core's trunk.
    plan.into.append(transmit if near else receive)
    plan.out.append(receive if near else transmit)


def _role(inventory: Inventory, device: str, plan: _Plan) -> Role:
    kind = inventory.site_of(device).kind
    if kind is SiteKind.BTS:
        return Role.POWER
    if kind is SiteKind.PROVINCIAL_CENTRE:
        return Role.CORE if plan.ports else Role.GATEWAY
    return Role.ROUTER


def _interfaces(role: Role, device: str, plan: _Plan, cores: Iterable[_Plan], dice: Random) -> tuple[Interface, ...]:
    def port(name: str, alias: str, into: Iterable[Flow], out: Iterable[Flow], speed: int) -> Interface:
        return Interface(name=name, alias=alias, speed=speed, into=tuple(into), out=tuple(out), mac=_mac(Port(device, name)))

    loopback = Interface(name="LoopBack0", if_type=24, speed=0)
    if role is Role.POWER:
        polled = Flow(quiet_week(dice, 900)), Flow(quiet_week(dice, 1_400))
        return (port("eth0", "quản lý", polled[:1], polled[1:], 100_000_000), *plan.ports.values())
    if role is Role.GATEWAY:
        # It stands between the backbone and the cores of the province.
        down = [flow for core in cores for flow in core.into]
        up = [flow for core in cores for flow in core.out]
        return (
            port("XGigabitEthernet0/0/1", "Thiết bị lõi tỉnh", up, down, 10**10),
            port("XGigabitEthernet0/0/2", "Mạng truyền số liệu chuyên dùng cấp I", down, up, 10**10),
            loopback,
        )
    name, alias, speed = {
        Role.CORE: ("XGigabitEthernet0/0/1", "Cổng ra của tỉnh", 10**10),
        Role.ROUTER: ("GigabitEthernet0/0/0", "Mạng nội bộ UBND", 10**9),
    }[role]
    inside = port(name, alias, plan.into, plan.out, speed)
    return (*([] if name in plan.ports else [inside]), *plan.ports.values(), loopback)


def _mac(port: Port) -> bytes:
    """A locally administered address of its own."""
    return b"\x02" + hashlib.sha256(f"{port.device}/{port.interface}".encode()).digest()[:5]
