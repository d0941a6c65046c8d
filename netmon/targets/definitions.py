"""What a target is: level, selection, rule, window, limit, the law it rests on. Read from `targets.yaml` by settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from netmon.model import Link, LinkKind, LinkRole, Site, SiteKind
from netmon.sightings import CARRIES

RAW, WITHOUT_DECLARED = "raw", "without_declared"
"""The two figures of availability."""


class BasisKind(StrEnum):
    """`statutory`: the law gives the number; `proxy`: it stands in for one that is not published; `local`: the NOC's own."""

    STATUTORY = "statutory"
    PROXY = "proxy"
    LOCAL = "local"


class Unit(StrEnum):
    """What the figures of a rule are in."""

    RATIO = "ratio"
    BYTES_PER_SECOND = "bytes_per_second"
    SECONDS = "seconds"
    COUNT = "count"
    DECIBELS = "decibels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which links or sites a target judges; an empty tuple selects all. Link fields select links; the others both.
    `commune_kind` is a unit's kind in the register: xa, phuong, dac_khu."""

    site_kind: tuple[SiteKind, ...] = ()
    commune_kind: tuple[str, ...] = ()
    kind: tuple[LinkKind, ...] = ()
    role: tuple[LinkRole, ...] = ()
    network: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()

    def takes_site(self, site: Site) -> bool:
        return not self.site_kind or site.kind in self.site_kind

    def takes_commune(self, kind: str) -> bool:
        return not self.commune_kind or kind in self.commune_kind

    def takes_link(self, link: Link, site: Site) -> bool:
        return (
            self.takes_site(site)
            and (not self.kind or link.kind in self.kind)
            and (not self.role or link.role in self.role)
            and (not self.network or link.network in self.network)
            and (not self.operator or link.operator in self.operator)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The parts that every target has. `limit` is in the rule's `unit`. `exempt` maps commune codes to the reason."""

    rule: ClassVar[str]
    unit: ClassVar[Unit] = Unit.RATIO
    more_is_worse: ClassVar[bool] = True
    """Whether a higher figure is further towards a miss."""

    id: str
    title_vi: str
    title_en: str
    limit: float
    basis: str
    basis_kind: BasisKind
    exempt: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsTarget(Target):
    """A target on sites or on links, and through them on what they belong to.

    `window_days` None is the calendar month. `coverage` is the floor below which nothing is proven. `optional`: a commune
    where nothing is selected is exempt; else it is unproven, for silence never passes.
    """

    optional: ClassVar[bool] = False

    applies_to: Selection = Selection()
    window_days: int | None = None
    coverage: float = 0.95

    @property
    def judges(self) -> str:
        """site or link."""
        return "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileUtilisation(PartsTarget):
    """The 95th percentile of each direction against capacity over 7 days (SEMANTICS 5). `reading`: window or daily.

    At risk above `at_risk`, and when the trend of the daily percentiles crosses the limit within `days_at_risk` days.
    """

    rule = "percentile_utilisation"

    window_days: int | None = 7
    at_risk: float = 0.80
    days_at_risk: int = 30
    reading: str = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability(PartsTarget):
    """Share of the window that was available (SEMANTICS 6). `of`: service or link. `judge`: raw, or without_declared, the
    figure that leaves declared windows (storm, maintenance) out; both are always told.

    `budget_at_risk` is the share of the window's error budget past which a met target is at risk.
    """

    rule = "availability"
    more_is_worse = False

    of: str = "service"
    judge: str = RAW
    coverage: float = 0.99
    budget_at_risk: float = 0.75

    @property
    def judges(self) -> str:
        return "site" if self.of == "service" else "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractedCapacity(PartsTarget):
    """The contracted capacity of a link, in its narrower direction, is at least `limit` bytes per second, and with
    `port_speed` its ports run at least as fast as the contract. Judged as it stands at the window's end, or now."""

    rule = "capacity"
    unit = Unit.BYTES_PER_SECOND
    more_is_worse = False

    coverage: float = 1.0
    port_speed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(PartsTarget):
    """The 95th percentile, over slots, of the mean round trip to a link's check address is at most `limit` seconds. Where a
    slot has no echo, an SNMP round trip within the limit proves it met; one beyond proves nothing."""

    rule = "latency"
    unit = Unit.SECONDS

    at_risk: float = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(PartsTarget):
    """At most `limit` of the echoes to a link's check address stay unanswered, while the link is up."""

    rule = "loss"

    at_risk: float = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration(PartsTarget):
    """In at least `limit` of the cases a site's service is back within the time for its kind of commune at the start of
    the outage: `within_s` by kind, seconds."""

    rule = "restoration"
    more_is_worse = False

    coverage: float = 0.99
    within_s: Mapping[str, float] = field(
        default_factory=lambda: {"phuong": 129_600.0, "xa": 259_200.0, "dac_khu": 259_200.0}
    )
    at_risk: float = 0.5
    """A lasting outage is at risk once this share of its time is spent."""

    @property
    def judges(self) -> str:
        return "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redundancy(PartsTarget):
    """A site has at least `limit` physical routes, `secure_limit` where its security level is one of `secure_levels`. Routes
    that share a cable count once. At level province it judges the province's own sites."""

    rule = "redundancy"
    unit = Unit.COUNT
    more_is_worse = False

    level: str = "commune"
    coverage: float = 1.0
    secure_limit: float = 2.0
    secure_levels: tuple[int, ...] = (4, 5)

    @property
    def judges(self) -> str:
        return "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth(PartsTarget):
    """Neither the number of a site's links nor the contracted capacity of one has grown by more than `limit` since last
    year's registration, made by `registered` (month, day), unless its `justification` says why."""

    rule = "growth"

    coverage: float = 1.0
    registered: tuple[int, int] = (1, 31)

    @property
    def judges(self) -> str:
        return "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDrill(PartsTarget):
    """A backup link was seen carrying traffic within `limit` seconds: at least `carries` bytes per second over a slot while
    the primary was down, or the site's service on backup. One that was not is at risk, and never missed."""

    rule = "backup_drill"
    unit = Unit.SECONDS
    optional = True

    window_days: int | None = 90
    carries: float = CARRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioAvailability(PartsTarget):
    """The cells of each operator and technology at a mast were up for at least `limit` of the cell-seconds that the operator
    told of; the worst operator speaks. At risk past the share `budget_at_risk` of what may be lost in the window."""

    rule = "radio_availability"
    more_is_worse = False
    optional = True

    applies_to: Selection = Selection(site_kind=(SiteKind.BTS,))
    coverage: float = 0.9
    budget_at_risk: float = 0.75

    @property
    def judges(self) -> str:
        return "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(PartsTarget):
    """The room of a site's equipment was within its range in at least `limit` of the hours, by temperature and by humidity
    each. `rooms` are the ranges by kind of room and quantity, least and most, °C and ratios; below `at_risk` a met one is
    at risk."""

    rule = "environment"
    more_is_worse = False
    optional = True

    coverage: float = 0.9
    at_risk: float = 0.97
    rooms: Mapping[str, Mapping[str, tuple[float, float]]] = field(
        default_factory=lambda: {
            "equipment": {"temperature": (20.0, 25.0), "humidity": (0.40, 0.55)},
            "office": {"temperature": (20.0, 32.0), "humidity": (0.40, 0.80)},
        }
    )

    @property
    def judges(self) -> str:
        return "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpticalMargin(PartsTarget):
    """The light that arrives over a fibre stays at least `limit` dB above what the receiver needs: fewer than `hours` hours
    of the window fell below, in either direction. At risk when one did, and when its fading carries the margin below within
    `days_at_risk` days."""

    rule = "optical_margin"
    unit = Unit.DECIBELS
    more_is_worse = False
    optional = True

    applies_to: Selection = Selection(kind=(LinkKind.FIBRE,))
    window_days: int | None = 7
    coverage: float = 0.9
    hours: int = 2
    days_at_risk: int = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Target):
    """A province's rule: at least `limit` of its communes in scope meet the commune target `of` (SEMANTICS 7)."""

    rule = "share"
    more_is_worse = False

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled(Target):
    """A province's rule: at least `limit` of the cases of all its communes in scope, counted together, are within the time
    that the restoration target `of` sets."""

    rule = "pooled"
    more_is_worse = False

    of: str


LinkTarget = PercentileUtilisation | ContractedCapacity | Latency | Loss | BackupDrill | OpticalMargin
SiteTarget = Restoration | Redundancy | Growth | RadioAvailability | Environment
CommuneTarget = Availability | LinkTarget | SiteTarget
"""What is judged on sites or links. An Availability is of either."""

AnyTarget = CommuneTarget | Share | Pooled


def level_of(target: AnyTarget) -> str:
    """Whom a target speaks of: "commune" or "province"."""
    if isinstance(target, Redundancy):
        return target.level
    return "province" if isinstance(target, Share | Pooled) else "commune"
