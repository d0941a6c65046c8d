"""What a target is: level, selection, rule, window, limit, the law it rests on. Read from `targets.yaml` by settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from netmon.model import Link, LinkKind, LinkRole, Site, SiteKind


class BasisKind(StrEnum):
    """`statutory`: the law gives the number; `proxy`: it stands in for one that is not published; `local`: the NOC's own."""

    STATUTORY = "statutory"
    PROXY = "proxy"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which links or sites a target judges; an empty tuple selects all. Link fields select links; `site_kind` both."""

    site_kind: tuple[SiteKind, ...] = ()
    kind: tuple[LinkKind, ...] = ()
    role: tuple[LinkRole, ...] = ()
    network: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()

    def takes_site(self, site: Site) -> bool:
        return not self.site_kind or site.kind in self.site_kind

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
    """The parts that every target has. `limit` and `coverage` are ratios. `exempt` maps commune codes to the reason."""

    id: str
    title_vi: str
    title_en: str
    limit: float
    basis: str
    basis_kind: BasisKind
    exempt: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileUtilisation(Target):
    """The 95th percentile of each direction against capacity over 7 days (SEMANTICS 5). `reading`: window or daily."""

    applies_to: Selection = Selection()
    at_risk: float = 0.80
    coverage: float = 0.95
    reading: str = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability(Target):
    """Share of the window that was available (SEMANTICS 6). `of`: service or link. `window_days` None is the month.

    `budget_at_risk` is the share of the month's error budget past which a met target is at risk.
    """

    applies_to: Selection = Selection()
    of: str = "service"
    window_days: int | None = None
    coverage: float = 0.99
    budget_at_risk: float = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Target):
    """A province's rule: at least `limit` of its communes in scope meet the commune target `of` (SEMANTICS 7)."""

    of: str


AnyTarget = PercentileUtilisation | Availability | Share
