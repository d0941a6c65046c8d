"""Who and what: sites, devices, links, and the words that their descriptions use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class SiteKind(StrEnum):
    PEOPLES_COMMITTEE = "peoples_committee"
    SERVICE_CENTRE = "service_centre"
    BTS = "bts"
    AGENT_POINT = "agent_point"
    PROVINCIAL_CENTRE = "provincial_centre"
    INDUSTRIAL_PARK = "industrial_park"


class Room(StrEnum):
    """What kind of room the equipment of a site stands in: Circular 06/2026/TT-BKHCN, Appendix I.3, wants another climate
    of either."""

    EQUIPMENT = "equipment"
    OFFICE = "office"


class LinkKind(StrEnum):
    FIBRE = "fibre"
    MICROWAVE = "microwave"
    LTE = "lte"
    SATELLITE_LEO = "satellite_leo"
    COPPER = "copper"


class LinkRole(StrEnum):
    PRIMARY = "primary"
    BACKUP = "backup"


class Speech(StrEnum):
    """How a device is heard: netmon asks it over SNMP, or it reports by itself over MQTT (SEMANTICS 9)."""

    SNMP = "snmp"
    MQTT = "mqtt"


class Engine(StrEnum):
    """Which SNMP engine asks a device: netmon's own, or pysnmp."""

    NETMON = "netmon"
    PYSNMP = "pysnmp"


class Direction(StrEnum):
    """Named from the commune: `receive` is towards it (SEMANTICS 2)."""

    RECEIVE = "receive"
    TRANSMIT = "transmit"


class End(StrEnum):
    """The end of a link that measured: `near` is the commune's."""

    NEAR = "near"
    FAR = "far"


class Former(NamedTuple):
    """Where a site or a link belonged until an instant: the code of a commune, or the id of a site."""

    place: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """An operator on a mast: its `technologies` ("2g", "3g", "4g", "5g") and since when it is on air, Unix seconds."""

    operator: str
    technologies: tuple[str, ...] = ()
    on_air: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with equipment. `province` and `commune` are official codes as strings ("04", "01273").

    `former` are the communes that it belonged to before, the earliest first. `security_level` is that of its information
    system, 1 to 5 (Decree 85/2016/ND-CP), None where it is not told. `carriers` are the operators of a BTS site, `room` is
    where its equipment stands.
    """

    id: str
    name: str
    kind: SiteKind
    province: str
    commune: str
    former: tuple[Former, ...] = ()
    security_level: int | None = None
    carriers: tuple[Carrier, ...] = ()
    room: Room = Room.OFFICE

    def commune_at(self, unix: float) -> str:
        """The commune that it belonged to at an instant."""
        return next((was.place for was in self.former if unix < was.until), self.commune)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something that is polled. `addresses` are tried in order; `upstreams`: any one of them will do.

    `credential` and `profile` are names; a `profile` of None is chosen by sysObjectID. `also_from` lists further addresses
    from which its answers may come. `ping` adds an ICMP check, which keeps it `up` when only its SNMP agent is silent.
    One that speaks MQTT has none of these: it is known by its topic, and looked after every `interval_s`, which is also how
    often it is expected to report until it says so itself. `layout` names the layout of its messages, "" netmon's own, and
    `topic` is what it is known by there. `feeds` are the operators whose gateway it is: of their cells it may tell at every
    mast, of those of others only at its own site.
    """

    id: str
    site: str
    addresses: tuple[str, ...] = ()
    speaks: Speech = Speech.SNMP
    engine: Engine = Engine.NETMON
    port: int = 161
    credential: str = ""
    profile: str | None = None
    interval_s: float = 30.0
    timeout_s: float = 2.0
    retries: int = 1
    deadline_s: float = 10.0
    upstreams: tuple[str, ...] = ()
    also_from: tuple[str, ...] = ()
    ping: bool = False
    layout: str = ""
    topic: str = ""
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """An interface of a device, by its stable identity: ifName, else ifDescr, else ifIndex."""

    device: str
    interface: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """Contracted capacity in bytes per second, each way, from `valid_from` on."""

    valid_from: float
    receive: float
    transmit: float

    def of(self, direction: Direction) -> float:
        return self.receive if direction is Direction.RECEIVE else self.transmit


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What joins `site` to its `upstream_site`, with its witnesses: `near` and `far` interfaces, and `check`, an address
    reachable only over it. `capacities` are in order of `valid_from`. `srlg` names cables and ducts that it shares.

    `former` are the sites that it served before, the earliest first. `since` is when it was connected, Unix seconds, and
    `justification` why it grew more than a year's registration allows without one (Circular 06/2026/TT-BKHCN, Articles 10
    and 11). `length_km` is that of its cable; `receiver_limit_dbm` is the light that its receivers need, for optics that do
    not tell it themselves.
    """

    id: str
    site: str
    upstream_site: str
    kind: LinkKind
    role: LinkRole
    network: str
    capacities: tuple[Capacity, ...]
    operator: str = ""
    circuit_id: str = ""
    srlg: tuple[str, ...] = ()
    near: Port | None = None
    far: Port | None = None
    check: str | None = None
    former: tuple[Former, ...] = ()
    since: float | None = None
    justification: str = ""
    length_km: float | None = None
    receiver_limit_dbm: float | None = None

    def site_at(self, unix: float) -> str:
        """The site that it served at an instant."""
        return next((was.place for was in self.former if unix < was.until), self.site)

    def capacity_at(self, unix: float) -> Capacity | None:
        """The capacity valid at an instant; None before the first one."""
        found = None
        for capacity in self.capacities:
            if capacity.valid_from > unix:
                break
            found = capacity
        return found
