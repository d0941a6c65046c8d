"""What was made of it: states and their spans, outages, slots, and where the counters stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from netmon.model.places import Direction, End
from netmon.model.polls import Epoch, Kind


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
    """Whom a span, an outage, a summary or a verdict speaks of. `kind`: device, link, site, commune or province; also
    supply (the mains of a device) and cell, whose id is `CellName.id`."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class CellState(StrEnum):
    """What an operator says of a cell. `unknown`: nothing, or nothing any more."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class CellName(NamedTuple):
    """A cell of an operator at a mast, as the operator names it."""

    site: str
    operator: str
    technology: str
    cell: str

    @property
    def id(self) -> str:
        return "/".join(self)

    @classmethod
    def of(cls, text: str) -> CellName:
        """The name whose `id` this is. ValueError: it is none."""
        site, operator, technology, cell = text.split("/", 3)
        return cls(site, operator, technology, cell)


class CellReport(NamedTuple):
    """What an operator says of some of its cells at an instant, and for how long that holds when nothing follows. `source`
    is the device that brought it, or the name of a file."""

    at: float
    holds_s: float
    source: str
    states: tuple[tuple[CellName, CellState], ...]


class Span(NamedTuple):
    """A subject was in `state` in [start, end), Unix seconds."""

    state: str
    start: float
    end: float


class Outage(NamedTuple):
    """A subject was not available; `end` is None while it lasts. `cause` is a subject or a word. `cause_class` is the
    CauseClass that holds, a person's word before netmon's, and `found_class` what netmon found; `incident` is the id of the
    incident that it is part of. "": not known, or none."""

    subject: Subject
    state: str
    start: float
    end: float | None
    cause: str
    evidence: str
    cause_class: str = ""
    found_class: str = ""
    incident: str = ""


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


class EchoSlot(NamedTuple):
    """A slot of a link's round trips: echoes `sent` to its check address and `answered`, the sum of their round trips and
    the longest one in microseconds; beside them so many SNMP round trips of the device at its commune's end, and their sum.
    """

    k: int
    sent: int
    answered: int
    rtt_us: int
    worst_us: int
    snmp: int
    snmp_us: int


class PortSpeed(NamedTuple):
    """The port at an end of a link runs at so many bytes per second from `since` on (ifHighSpeed); 0: it does not tell."""

    end: End
    since: float
    bytes_per_s: float


class SpeedTest(NamedTuple):
    """A measurement that a probe at a site made at `at`: bytes per second, and seconds where it told them. `network` is
    fixed, mobile or mobile_5g. `simulated`: nobody measured it."""

    at: float
    site: str
    device: str
    network: str
    operator: str
    download: float
    upload: float
    latency_s: float | None
    simulated: bool = False


class Summary(NamedTuple):
    """What a gauge was from `start` on, over an hour or over a local day (`seconds`): the least, mean and most of so many
    `readings`. `figure` is a family's name without `netmon_`, and `part` tells which of several: a direction of a link, the
    device and sensor of a site. `simulated`: some of it nobody measured."""

    start: float
    seconds: int
    part: str
    least: float
    mean: float
    most: float
    readings: int
    simulated: bool = False


class DayPeak(NamedTuple):
    """The 95th percentiles of a link's rates on one local day (its number), bytes per second each way, NaN where nothing was
    measured, and the share of the day's slots that were present in the direction that lacks more."""

    day: int
    receive: float
    transmit: float
    coverage: float


class Gap(NamedTuple):
    """An interval of a counter that was refused, and why (SEMANTICS 3)."""

    direction: Direction
    start: float
    end: float
    reason: str
