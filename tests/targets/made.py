"""Targets, links and rates for the tests of this room, at an instant that is not at the edge of anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

from netmon.model import Capacity, Link, LinkKind, LinkRole, Site, SiteKind
from netmon.targets.definitions import Availability, BasisKind, PercentileUtilisation, Share
from netmon.targets.evaluate import Units
from netmon.targets.percentile import LinkRates
from netmon.targets.rules import Surroundings

NOW = datetime(2026, 11, 21, 3, 47, 12, tzinfo=UTC).timestamp()
"""10:47:12 on Saturday 21 November 2026 in Viet Nam."""
LAST_K = int(NOW // 300) - 1
FIRST_K = LAST_K - 2015
FULL = 25e6
"""200 Mbit/s in bytes per second."""

_WORDS: dict[str, Any] = {"title_vi": "Lưu lượng đỉnh", "title_en": "Peak load", "basis_kind": BasisKind.STATUTORY}

P95 = PercentileUtilisation(id="tslcd_p95", limit=0.90, basis="Thông tư 06/2026/TT-BKHCN, Điều 5.6", **_WORDS)
P95_DAILY = replace(P95, reading="daily")
SERVICE = Availability(id="availability", limit=0.995, basis="QCVN 34:2019/BTTTT", **_WORDS)
LINK_UP = replace(SERVICE, id="link_up", of="link")
SHARE = Share(id="province_up", limit=0.95, basis="NOC", of="availability", **_WORDS)


def site(name: str, commune: str = "01273", kind: SiteKind = SiteKind.PEOPLES_COMMITTEE) -> Site:
    return Site(id=name, name=name, kind=kind, province="04", commune=commune)


def link(*capacities: Capacity, name: str = "cb-01273-fibre", at: str = "ub-01273") -> Link:
    return Link(
        id=name, site=at, upstream_site="core", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY, network="tslcd_2",
        capacities=capacities or (Capacity(-inf, FULL, FULL),),
    )  # fmt: skip


def window_rates(receive: Sequence[float], transmit: Sequence[float] | None = None, **more: Any) -> LinkRates:
    """Rates of the window's 2,016 slots, given as utilisations of 200 Mbit/s; an idle transmit direction by default."""
    away = [0.0] * len(receive) if transmit is None else transmit
    return LinkRates(
        first_k=FIRST_K, near_receive=[u * FULL for u in receive], near_transmit=[u * FULL for u in away], **more
    )


ABSENT = nan
AROUND = Surroundings({}, lambda code, at: "xa", {}, {})


def units(communes: Sequence[str], out_of_scope: dict[str, str] | None = None) -> Units:
    """These communes of province 04, all of them rural."""
    return Units({"04": communes}, out_of_scope or {}, AROUND.kind_at)


class NoMeter:
    """Counts nothing."""

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    def observe(self, family: str, value: float, /, **labels: str) -> None: ...
