"""The nouns that every room shares.

Everything here is frozen, slotted and knows no clock, socket or file. Units inside netmon are seconds, bytes, bytes per
second and ratios from 0 to 1; instants are Unix seconds UTC. DESIGN.md's flow reads top to bottom in this file: who and
what (sites, devices, links), what a poll brought (polls and readings), what was made of it (slots, spans, outages), and
what is said about it (verdicts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

SLOT_S = 300
"""Seconds in a slot: slot k is [300 k, 300 k + 300) in Unix time (Circular 06/2026/TT-BKHCN, 5-minute samples)."""

ZONE_S = 25_200
"""Asia/Ho_Chi_Minh is UTC+7, without daylight saving since 1975: local midnight is always the edge of a slot."""

VIET_NAM = timezone(timedelta(seconds=ZONE_S), "Asia/Ho_Chi_Minh")

# --- who and what -----------------------------------------------------------------------------------------------------


class SiteKind(StrEnum):
    PEOPLES_COMMITTEE = "peoples_committee"
    SERVICE_CENTRE = "service_centre"
    BTS = "bts"
    AGENT_POINT = "agent_point"
    PROVINCIAL_CENTRE = "provincial_centre"
    INDUSTRIAL_PARK = "industrial_park"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with equipment. `province` and `commune` are official codes as strings ("04", "01273")."""

    id: str
    name: str
    kind: SiteKind
    province: str
    commune: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something that is polled. `addresses` are tried in order; `upstreams`: any one of them will do.

    `credential` and `profile` are names; a `profile` of None is chosen by sysObjectID. `also_from` lists further addresses
    from which its answers may come. `ping` adds an ICMP check, which keeps it `up` when only its SNMP agent is silent.
    One that speaks MQTT has none of these: it is known by its topic, and looked after every `interval_s`, which is also how
    often it is expected to report until it says so itself.
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
    reachable only over it. `capacities` are in order of `valid_from`. `srlg` names cables and ducts that it shares."""

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

    def capacity_at(self, unix: float) -> Capacity | None:
        """The capacity valid at an instant; None before the first one."""
        found = None
        for capacity in self.capacities:
            if capacity.valid_from > unix:
                break
            found = capacity
        return found


# --- what a poll brought ----------------------------------------------------------------------------------------------


class At(NamedTuple):
    """One instant on both clocks: `unix` says when, `monotonic` tells a stepped clock from time that passed."""

    unix: float
    monotonic: float


class Kind(StrEnum):
    """How a value behaves. Counters carry their width, for a wrap is told from a reset by it."""

    GAUGE = "gauge"
    COUNTER32 = "counter32"
    COUNTER64 = "counter64"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: a family of the catalogue and its labels, in the order in which they are written.

    Made once when a device is discovered and shared by all its readings. Family and labels are its identity; `kind`, which
    an agent may change (64-bit counters to 32-bit ones), and `oid`, numeric with its instance, for people, are not.
    """

    family: str
    labels: tuple[tuple[str, str], ...]
    kind: Kind = field(default=Kind.GAUGE, compare=False)
    oid: str = field(default="", compare=False)

    def label(self, name: str) -> str:
        """The value of a label, "" when it is not there."""
        for key, value in self.labels:
            if key == name:
                return value
        return ""


class Epoch(NamedTuple):
    """What must hold still for two readings of a counter to be comparable (SEMANTICS 3). None: not known, not compared.

    `sys_uptime` is in 1/100 s modulo 2^32 and comes from the PDU that carried the counter.
    """

    sys_uptime: int | None
    engine_boots: int | None
    discontinuity: int | None
    identity: str


class Reading(NamedTuple):
    """A value in the unit of its family; raw for counters, 1 for `_info`. `at` is the midpoint of its PDU's round trip."""

    series: Series
    value: int | float
    at: At
    epoch: Epoch | None = None


class Outcome(StrEnum):
    """How a poll of a device ended (SEMANTICS 1)."""

    ANSWERED = "answered"
    REFUSED = "refused"
    SILENT = "silent"
    LOCAL = "local"
    BUG = "bug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One poll of a device, also when it failed.

    `sent` is when its first request left. `detail` is a sentence for people when something was wrong; `incomplete` names
    what a deadline or a fault cut off (a partial answer is still `answered`). `snmp` is False when only the ping answered.

    Of a device that reports by itself, `sent` is when netmon looked, `period_s` how often it says that it reports, and
    `history` what came late: readings that go to their own time and touch nothing else (SEMANTICS 9).
    """

    device: str
    outcome: Outcome
    sent: At
    ended: At
    readings: tuple[Reading, ...] = ()
    detail: str = ""
    incomplete: tuple[str, ...] = ()
    round_trip_s: float | None = None
    snmp: bool = True
    period_s: float | None = None
    history: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lull:
    """A look at a device that reports by itself, which found nothing to say of its state: it is not silent yet.

    `period_s` is how often it says that it reports; `history` is what came late (see Poll).
    """

    device: str
    period_s: float
    history: tuple[Reading, ...] = ()


# --- what was made of it ----------------------------------------------------------------------------------------------


class DeviceState(StrEnum):
    UNKNOWN = "unknown"
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    UNREACHABLE = "unreachable"


class LinkState(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Service(StrEnum):
    """A site's service (SEMANTICS 2). `unknown` is netmon's own ignorance; `unreachable` is an upstream lost."""

    UP = "up"
    ON_BACKUP = "on_backup"
    ISOLATED = "isolated"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Subject(NamedTuple):
    """Whom a span, an outage or a verdict speaks of. `kind`: device, link, site, commune or province."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Span(NamedTuple):
    """A subject was in `state` in [start, end), Unix seconds."""

    state: str
    start: float
    end: float


class Outage(NamedTuple):
    """A subject was not available; `end` is None while it lasts. `cause` is a subject or a word."""

    subject: Subject
    state: str
    start: float
    end: float | None
    cause: str
    evidence: str


class Octets(NamedTuple):
    """Octets and the microseconds that they cover, in one direction."""

    octets: int
    covered_us: int


class Slot(NamedTuple):
    """One closed slot of one end of a link; directions are the commune's. See SEMANTICS 4."""

    k: int
    receive: Octets
    transmit: Octets


class CounterPoint(NamedTuple):
    """The last accepted reading of a counter: raw value, Unix time, width, and what must hold still."""

    value: int
    unix: float
    kind: Kind
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where the measuring of one end of a link stands: stored with each closing slot, so that after a crash the next poll
    bridges the gap and no octet is lost. `receive` and `transmit` are the commune's directions; `open` holds the slots that
    are not closed yet, by number."""

    receive: CounterPoint | None
    transmit: CounterPoint | None
    open: tuple[Slot, ...]


class Unplaced(NamedTuple):
    """Octets of a difference over more than a slot's length: counted, but in no slot (SEMANTICS 4). Never spans midnight
    of Asia/Ho_Chi_Minh: it is shared over the days."""

    direction: Direction
    start: float
    end: float
    octets: int


class Gap(NamedTuple):
    """An interval of a counter that was refused, and why (SEMANTICS 3)."""

    direction: Direction
    start: float
    end: float
    reason: str


# --- what is said about it --------------------------------------------------------------------------------------------


class Standing(StrEnum):
    """The five words of a verdict (SEMANTICS 7)."""

    MET = "met"
    AT_RISK = "at_risk"
    MISSED = "missed"
    UNPROVEN = "unproven"
    EXEMPT = "exempt"


class Window(NamedTuple):
    """[start, end) in Unix seconds; `end` is not clipped to now."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one target says of one subject, with the evidence to recompute it.

    `value` and `limit` are in the target's unit (ratios), `coverage` is the share of the elapsed window that was seen.
    `final` is False until the window has closed. `evidence` holds JSON values only.
    """

    target: str
    subject: Subject
    standing: Standing
    value: float | None
    limit: float
    coverage: float
    window: Window
    final: bool
    evidence: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The name by which `netmon explain` knows it: target/subject."""
        return f"{self.target}/{self.subject.id}"


# --- netmon about itself ----------------------------------------------------------------------------------------------


class Meter(Protocol):
    """Where a room counts what moves. Names and labels are those of the catalogue's own families."""

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    def observe(self, family: str, value: float, /, **labels: str) -> None: ...
