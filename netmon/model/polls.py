"""What a poll brought: readings of series, in one epoch each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, overload

SERIES_AT_MOST = 20_000
"""Series of one device: more are names made up, or a box that is too large to be one device."""


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
    an agent may change (64-bit counters to 32-bit ones), and `oid`, content octets with the instance, for people, are not.
    """

    family: str
    labels: tuple[tuple[str, str], ...]
    kind: Kind = field(default=Kind.GAUGE, compare=False)
    oid: bytes = field(default=b"", compare=False)

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


@dataclass(frozen=True, slots=True)
class Readings(Sequence[Reading]):
    """What a poll brought, in columns of equal length; as a sequence it is its readings.

    `series` is the same object from poll to poll for as long as a device brings the same series: whatever is made of it
    once is found again by its identity. What came in one PDU shares its `At`, the counters of one row share their `Epoch`.
    """

    series: tuple[Series, ...] = ()
    values: Sequence[int | float] = ()
    at: Sequence[At] = ()
    epochs: Sequence[Epoch | None] = ()

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Readings:
        """Any readings as columns."""
        if isinstance(readings, Readings):
            return readings
        return cls(*(tuple(column) for column in zip(*readings, strict=True))) if readings else cls()

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Reading]:
        return map(Reading, self.series, self.values, self.at, self.epochs)

    @overload
    def __getitem__(self, place: int) -> Reading: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Reading, ...]: ...
    def __getitem__(self, place: int | slice) -> Reading | tuple[Reading, ...]:
        return tuple(self)[place]


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
    what a deadline or a fault cut off (a partial answer is still `answered`). `beyond` counts series for which there was no
    room even in the poll. `snmp` is False when only the ping answered.

    Of a device that reports by itself, `sent` is when netmon looked, `period_s` how often it says that it reports, and
    `history` what came late: readings that go to their own time and touch nothing else (SEMANTICS 9).
    """

    device: str
    outcome: Outcome
    sent: At
    ended: At
    readings: Sequence[Reading] = ()
    detail: str = ""
    incomplete: tuple[str, ...] = ()
    round_trip_s: float | None = None
    snmp: bool = True
    period_s: float | None = None
    history: tuple[Reading, ...] = ()
    beyond: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lull:
    """A look at a device that reports by itself, which found nothing to say of its state: it is not silent yet.

    `period_s` is how often it says that it reports; `history` is what came late (see Poll).
    """

    device: str
    period_s: float
    history: tuple[Reading, ...] = ()
