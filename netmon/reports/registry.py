"""The database of connections that Circular 06/2026/TT-BKHCN, Article 10, asks for: one row a link, as it is on a day.

Who is connected, since when, over which network, how many channels, at what bandwidth, and how good the connection was. What
a link was, which site and commune it served and what was contracted, is what was valid on that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from netmon.model import VIET_NAM, Capacity, End, Link, LinkRole, PortSpeed, Site, Verdict, Window
from netmon.targets.definitions import AnyTarget, Availability, Latency, Loss, PercentileUtilisation
from netmon.targets.windows import local
from netmon.units import Register


class Places(Protocol):
    """What of the inventory is told: sites and links by id."""

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def links(self) -> Mapping[str, Link]: ...


class Quality(NamedTuple):
    """What the verdicts tell of a link over a month: its site's availability and its own p95 against the capacity (ratios),
    latency in seconds, loss, None where nothing was judged. `coverage` is the lowest of theirs. `running` names the figures
    that are not the closed month's, `simulated` says that some of what they rest on was never measured."""

    availability: float | None = None
    p95: float | None = None
    latency_s: float | None = None
    loss: float | None = None
    coverage: float | None = None
    running: tuple[str, ...] = ()
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A link as it was on a day. `channels` are the links of its site, `ports` the speeds of its ports by end in bytes per
    second, 0 where the port does not tell."""

    link: Link
    site: Site
    province: str
    commune: str
    capacity: Capacity | None
    channels: int
    ports: Mapping[End, float]
    quality: Quality


class Total(NamedTuple):
    """The connections of an operator in a province: bytes per second and kilometres of those that tell them."""

    province: str
    operator: str
    links: int
    sites: int
    receive: float
    transmit: float
    no_capacity: int
    length_km: float
    no_length: int


def at(on: date) -> float:
    """The last second of a day in Viet Nam: what came into force on that day is in force."""
    following = on + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=VIET_NAM).timestamp() - 1


def qualities(
    places: Places,
    targets: Iterable[AnyTarget],
    closed: Iterable[Verdict],
    current: Iterable[Verdict],
    month: Window,
    unix: float,
) -> dict[str, Quality]:
    """By link, what was found over a month by the first target of each rule that speaks of it.

    `closed` are final verdicts, a later revision after an earlier one; those of another window do not count. Where there is
    none, a `current` one speaks whose window touches the time from the month's start to `unix`.
    """
    chosen = {target.id: target for target in targets}
    final = {(v.target, *v.subject): v for v in closed if v.final and v.window == month}
    running = {(v.target, *v.subject): v for v in current if v.window.start <= unix and v.window.end > month.start}
    found = {}
    for link in places.links.values():
        subjects = {"site": ("site", link.site_at(unix)), "link": ("link", link.id)}
        told: dict[str, tuple[Verdict, bool]] = {}
        for figure, rule in _RULES.items():
            for target in chosen.values():
                if not isinstance(target, rule) or (isinstance(target, Availability) and target.of != "service"):
                    continue
                key = (target.id, *subjects[target.judges])
                verdict = final.get(key, running.get(key))
                if verdict is not None and verdict.value is not None:
                    told.setdefault(figure, (verdict, key not in final))
        found[link.id] = _quality(told)
    return found


_RULES: dict[str, type[Availability | PercentileUtilisation | Latency | Loss]] = {
    "availability": Availability,
    "p95": PercentileUtilisation,
    "latency": Latency,
    "loss": Loss,
}


def _quality(told: Mapping[str, tuple[Verdict, bool]]) -> Quality:
    values = {figure: verdict.value for figure, (verdict, _) in told.items()}
    evidence = [verdict.evidence for verdict, _ in told.values()]
    return Quality(
        availability=values.get("availability"),
        p95=values.get("p95"),
        latency_s=values.get("latency"),
        loss=values.get("loss"),
        coverage=min((verdict.coverage for verdict, _ in told.values()), default=None),
        running=tuple(figure for figure, (_, is_running) in told.items() if is_running),
        simulated=any(each[key] for each in evidence for key in each if key.startswith("simulated")),
    )


def connections(
    places: Places,
    unix: float,
    ports: Mapping[str, Iterable[PortSpeed]],
    quality: Mapping[str, Quality],
    register: Register,
) -> list[Connection]:
    """The links that were connected at an instant, by commune, site and id. `ports` and `quality` are by link."""
    there = [link for link in places.links.values() if link.since is None or link.since <= unix]
    channels: dict[str, int] = {}
    for link in there:
        site = link.site_at(unix)
        channels[site] = channels.get(site, 0) + 1
    found = []
    for link in there:
        site_then = places.sites[link.site_at(unix)]
        commune = site_then.commune_at(unix)
        unit = register.unit(commune, local(unix).date())
        found.append(
            Connection(
                link=link,
                site=site_then,
                province=unit.parent if unit is not None and unit.parent else site_then.province,
                commune=commune,
                capacity=link.capacity_at(unix),
                channels=channels[site_then.id],
                ports=_speeds(ports.get(link.id, ()), unix),
                quality=quality.get(link.id, Quality()),
            )
        )
    return sorted(
        found,
        key=lambda each: (each.province, each.commune, each.site.id, each.link.role is not LinkRole.PRIMARY, each.link.id),
    )


def _speeds(ports: Iterable[PortSpeed], unix: float) -> dict[End, float]:
    """How fast each end's port ran at an instant: the last that began before it."""
    return {port.end: port.bytes_per_s for port in sorted(ports, key=lambda port: port.since) if port.since <= unix}


def totals(rows: Iterable[Connection]) -> list[Total]:
    """A line a province and operator; sums in the order of their names."""
    groups: dict[tuple[str, str], list[Connection]] = {}
    for row in rows:
        groups.setdefault((row.province, row.link.operator), []).append(row)
    found = []
    for (province, operator), members in sorted(groups.items()):
        capacities = [row.capacity for row in members if row.capacity is not None]
        lengths = [row.link.length_km for row in members if row.link.length_km is not None]
        found.append(
            Total(
                province=province,
                operator=operator,
                links=len(members),
                sites=len({row.site.id for row in members}),
                receive=sum(capacity.receive for capacity in capacities),
                transmit=sum(capacity.transmit for capacity in capacities),
                no_capacity=len(members) - len(capacities),
                length_km=round(sum(lengths), 3),
                no_length=len(members) - len(lengths),
            )
        )
    return found
