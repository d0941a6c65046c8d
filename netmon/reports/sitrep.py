"""The situation report: per province how many communes have lost the specialised government network and why, base stations
lost by operator, what runs on backup and without mains, what is back since the report before.

It says what ministries and provinces ask for in floods and storms: "level-II network: 62/301 communes disconnected by power
loss (Gia Lai 16/135, ...)". Pure: what is said rests on a `Standpoint`, which the daemon has of what it sees and the store
of what was seen last. Nothing of it is ever made up: an exercise changes no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from netmon.derive.services import WORST_FIRST
from netmon.inventory import Inventory
from netmon.model import (
    CauseClass,
    CellName,
    CellState,
    Declared,
    DeviceState,
    Incident,
    LinkState,
    Outage,
    Phase,
    Service,
    Site,
    SiteKind,
    Subject,
    WindowKind,
    Words,
)

LOST = (Service.ISOLATED, Service.UNREACHABLE)
FALLEN = (DeviceState.DOWN, DeviceState.UNREACHABLE)
ALIVE = (DeviceState.UP, DeviceState.SUSPECT)
NO_OPERATOR = ""
"""Base stations of which the inventory names no operator."""

DARK_WITHIN_S = 12 * 3600.0
"""Sites whose power probably ends within this time are told to go dark."""


class Stands(NamedTuple):
    """A state and since when."""

    state: str
    since: float


class GoesDark(NamedTuple):
    """A site whose power runs out: its probable end, Unix seconds."""

    site: str
    likely: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """What is known at an instant: states by id, sites without mains and since when, incidents that last, windows that
    stand, outages that ended since `since`. `operators_down` are the operators whose cells at a site are all told to be
    down, `upstream_of` the device that explains one that is unreachable.
    `live`: a running daemon says so; else it is what the store last knew."""

    at: float
    since: float
    live: bool
    devices: Mapping[str, Stands]
    links: Mapping[str, Stands]
    sites: Mapping[str, Stands]
    on_battery: Mapping[str, float]
    incidents: Sequence[Incident]
    windows: Sequence[tuple[Declared, Phase]]
    ended: Sequence[Outage]
    operators_down: Mapping[str, frozenset[str]] = field(default_factory=dict)
    upstream_of: Mapping[str, str] = field(default_factory=dict)
    dark: Sequence[GoesDark] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCommune:
    """A commune whose People's Committee is cut off. `cause` is the one that holds, a person's word before netmon's, and
    `found_cause` netmon's; `incident` is "" where none explains it. `entirely`: no operator, no government network and no
    satellite is left, as far as netmon watches any of them."""

    code: str
    name: str
    name_en: str
    since: float
    state: str
    cause: str
    found_cause: str
    incident: str
    entirely: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A commune or a site with an instant: since when, when it came back, or when its power probably ends."""

    code: str
    name: str
    name_en: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The figures of a province, or of all. Of `communes`, those that count, each is one of `lost`, `on_backup`, `up`,
    `unknown` and `unwatched`, which the inventory has no People's Committee of. `stations` are masts, each lost, unknown or
    neither; `positions` are those of each operator, a shared mast once for each, and `positions_lost` the lost ones.
    `*_on_battery` run without mains, the stations that are lost not among them."""

    communes: int
    lost: int
    on_backup: int
    up: int
    unknown: int
    unwatched: int
    lost_by_cause: Mapping[str, int]
    lost_entirely: int
    communes_on_battery: int
    communes_restored: int
    stations: int
    stations_lost: int
    stations_unknown: int
    positions: Mapping[str, int]
    positions_lost: Mapping[str, int]
    stations_on_battery: int
    stations_restored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Province:
    """One province: its figures, and who is behind them, the longest first. `goes_dark` are sites, the soonest first."""

    code: str
    name: str
    name_en: str
    counts: Counts
    lost: tuple[LostCommune, ...]
    on_backup: tuple[Place, ...]
    on_battery: tuple[Place, ...]
    restored: tuple[Place, ...]
    goes_dark: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """A storm that stands. `level` is that of Decision 18/2021/QD-TTg; an `exercise` is nobody's weather."""

    name: str
    level: int
    phase: str
    exercise: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitrep:
    """The report. What was restored counts from `since` on; `before` is when the report before was made, None where it does
    not count from one. `exercise`: one is held, and no storm but exercises stands; the figures are real all the same."""

    at: float
    since: float
    before: float | None
    live: bool
    exercise: bool
    storms: tuple[Storm, ...]
    total: Counts
    provinces: tuple[Province, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON values: docs/sitrep.md."""
        return asdict(self)


def sitrep(
    standpoint: Standpoint,
    inventory: Inventory,
    communes: Mapping[str, Mapping[str, Words]],
    names: Mapping[str, Words],
    *,
    before: float | None = None,
) -> Sitrep:
    """The report on `communes`, those in scope by province with their names. `names` are those of provinces."""
    storms = tuple(
        Storm(name=window.name, level=window.level, phase=phase.value, exercise=window.exercise)
        for window, phase in standpoint.windows
        if window.kind is WindowKind.STORM and phase is not Phase.OVER
    )
    view = _View(standpoint, inventory)
    provinces = tuple(view.province(code, names.get(code, Words(code, code)), within) for code, within in communes.items())
    return Sitrep(
        at=standpoint.at,
        since=standpoint.since,
        before=before,
        live=standpoint.live,
        exercise=all(storm.exercise for storm in storms) and any(storm.phase != Phase.PREPARE for storm in storms),
        storms=storms,
        total=total(province.counts for province in provinces),
        provinces=provinces,
    )


def operators_down(cells: Iterable[tuple[CellName, str]]) -> dict[str, frozenset[str]]:
    """The operators at each site whose cells there are all told to be down: one that is up or unknown is not lost."""
    down: dict[tuple[str, str], bool] = {}
    for name, state in cells:
        key = (name.site, name.operator)
        down[key] = down.get(key, True) and state == CellState.DOWN
    found: dict[str, set[str]] = {}
    for (site, operator), every in down.items():
        if every:
            found.setdefault(site, set()).add(operator)
    return {site: frozenset(operators) for site, operators in found.items()}


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of the figures."""
    added: dict[str, Any] = {}
    parts = [asdict(each) for each in counts]
    for name, kind in Counts.__annotations__.items():
        values = [part[name] for part in parts]
        added[name] = sum(values) if kind == "int" else _sorted(sum(map(Counter, values), Counter()))
    return Counts(**added)


class _View:
    def __init__(self, standpoint: Standpoint, inventory: Inventory) -> None:
        self._is = standpoint
        self._inventory = inventory
        self._by_site: dict[str, list[str]] = {}
        for device in inventory.devices.values():
            self._by_site.setdefault(device.site, []).append(device.id)
        self._links = inventory.links_of_site()
        in_order = sorted(standpoint.incidents, key=lambda one: (one.since, one.id))
        # Of several that hit the same, the later one took the last way.
        self._hit: dict[Subject, Incident] = {one.root: one for one in in_order}
        self._hit |= {member: one for one in in_order for member in one.members}
        self._ended = {outage.subject: outage for outage in standpoint.ended}
        self._isolated_by = {code: one for one in in_order for code in one.impact.isolated}

    def province(self, code: str, name: Words, communes: Mapping[str, Words]) -> Province:
        sites = [site for site in self._inventory.sites.values() if site.province == code]
        seats: dict[str, Site] = {}
        for site in sites:
            if site.kind is SiteKind.PEOPLES_COMMITTEE and site.commune in communes:
                held = seats.get(site.commune)
                if held is None or self._rank(site) < self._rank(held):
                    seats[site.commune] = site
        masts = [site for site in sites if site.kind is SiteKind.BTS]
        gone = {site.id for site in masts if self._is_lost(site)}
        dark = {site.id for site in masts if site.id in gone or self._all_down(site)}
        service = {commune: self._service(seat) for commune, seat in seats.items()}
        battery = self._is.on_battery
        lost = [
            self._lost(commune, communes[commune], seats[commune], masts, dark)
            for commune, state in service.items()
            if state in LOST
        ]
        lost.sort(key=lambda one: (one.since, one.code))
        on_backup = [
            _place(commune, communes[commune], self._since(seats[commune]))
            for commune, state in service.items()
            if state is Service.ON_BACKUP
        ]
        on_battery = [
            _place(commune, communes[commune], battery[seat.id]) for commune, seat in seats.items() if seat.id in battery
        ]
        restored = [_place(commune, communes[commune], at) for commune, at in self._restored(seats, service).items()]
        states = Counter(service.values())
        return Province(
            code=code,
            name=name.vi,
            name_en=name.en,
            counts=Counts(
                communes=len(communes),
                lost=len(lost),
                on_backup=len(on_backup),
                up=states[Service.UP],
                unknown=states[Service.UNKNOWN],
                unwatched=len(communes) - len(seats),
                lost_by_cause=_sorted(Counter(one.cause for one in lost)),
                lost_entirely=sum(one.entirely for one in lost),
                communes_on_battery=len(on_battery),
                communes_restored=len(restored),
                stations=len(masts),
                stations_lost=len(dark),
                stations_unknown=sum(1 for site in masts if site.id not in dark and self._is_unknown(site)),
                positions=_sorted(Counter(each for site in masts for each in _operators(site))),
                positions_lost=_sorted(
                    Counter(each for site in masts for each in _operators(site) if self._is_off(site, each, gone))
                ),
                stations_on_battery=sum(1 for site in masts if site.id in battery and site.id not in dark),
                stations_restored=sum(1 for site in masts if site.id not in dark and self._is_back(site)),
            ),
            lost=tuple(lost),
            on_backup=_in_order(on_backup),
            on_battery=_in_order(on_battery),
            restored=_in_order(restored),
            goes_dark=_in_order(
                _place(at.id, Words(at.name, at.name), one.likely)
                for one in self._is.dark
                if (at := self._inventory.sites.get(one.site)) is not None
                and at.province == code
                and one.likely <= self._is.at + DARK_WITHIN_S
                and at.id not in dark
                and self._service(at) not in LOST
            ),
        )

    # --- communes -----------------------------------------------------------------------------------------------------

    def _service(self, site: Site) -> Service:
        told = self._is.sites.get(site.id)
        try:
            return Service(told.state) if told is not None else Service.UNKNOWN
        except ValueError:  # `suspect`: a restart left it
            return Service.UNKNOWN

    def _rank(self, site: Site) -> int:
        return WORST_FIRST.index(self._service(site))

    def _since(self, site: Site) -> float:
        told = self._is.sites.get(site.id)
        return told.since if told is not None else self._is.at

    def _lost(self, code: str, name: Words, seat: Site, masts: Iterable[Site], dark: set[str]) -> LostCommune:
        incident = self._incident(code, seat)
        here = [site.id for site in masts if site.commune == code]
        return LostCommune(
            code=code,
            name=name.vi,
            name_en=name.en,
            since=self._since(seat),
            state=self._service(seat).value,
            cause=(incident.said_cause if incident is not None else CauseClass.UNKNOWN).value,
            found_cause=(incident.cause if incident is not None else CauseClass.UNKNOWN).value,
            incident=incident.id if incident is not None else "",
            entirely=bool(here) and all(mast in dark for mast in here),
        )

    def _incident(self, code: str, seat: Site) -> Incident | None:
        if code in self._isolated_by:
            return self._isolated_by[code]
        parts = [
            *(Subject("link", link.id) for link in self._links.get(seat.id, ()) if self._down(link.id)),
            *(Subject("device", device) for device in self._by_site.get(seat.id, ())),
            Subject("site", seat.id),
            Subject("commune", code),
        ]
        upstreams = (self._is.upstream_of.get(device, "") for device in self._by_site.get(seat.id, ()))
        parts += [Subject("device", upstream) for upstream in upstreams if upstream]
        return next((self._hit[part] for part in parts if part in self._hit), None)

    def _down(self, link: str) -> bool:
        told = self._is.links.get(link)
        return told is not None and told.state == LinkState.DOWN

    def _restored(self, seats: Mapping[str, Site], service: Mapping[str, Service]) -> dict[str, float]:
        """The communes that were lost since the report before or at it, and have their service now; when it came back."""
        of = {seats[commune].id: commune for commune, state in service.items() if state in (Service.UP, Service.ON_BACKUP)}
        back: dict[str, float] = {}
        for outage in self._is.ended:
            if outage.subject.kind == "site" and outage.subject.id in of and outage.end is not None:
                commune = of[outage.subject.id]
                back[commune] = max(outage.end, back.get(commune, outage.end))
        return back

    # --- base stations ------------------------------------------------------------------------------------------------

    def _is_lost(self, site: Site) -> bool:
        """A base station is lost when its service is, or, where it has no links, when all its devices are."""
        if site.id in self._links:
            return self._service(site) in LOST
        states = self._states(site)
        return bool(states) and all(state in FALLEN for state in states)

    def _is_unknown(self, site: Site) -> bool:
        if site.id in self._links:
            return self._service(site) is Service.UNKNOWN
        return not any(state in ALIVE for state in self._states(site))

    def _states(self, site: Site) -> list[str]:
        told = [self._is.devices.get(device) for device in self._by_site.get(site.id, ())]
        return [one.state if one is not None else DeviceState.UNKNOWN for one in told]

    def _is_off(self, site: Site, operator: str, gone: set[str]) -> bool:
        """An operator is off a mast when the mast is lost, or all its cells there are told to be down."""
        return site.id in gone or operator in self._is.operators_down.get(site.id, ())

    def _all_down(self, site: Site) -> bool:
        return all(operator in self._is.operators_down.get(site.id, ()) for operator in _operators(site))

    def _is_back(self, site: Site) -> bool:
        """Whether a mast that is not lost was: its service, or, where it has no links, all its devices at once."""
        ended = self._ended
        if site.id in self._links:
            return Subject("site", site.id) in ended
        found = [ended.get(Subject("device", device)) for device in self._by_site.get(site.id, ())]
        away = [one for one in found if one is not None and one.end is not None]
        return bool(away) and len(away) == len(found) and max(one.start for one in away) < min(one.end or 0 for one in away)


def _operators(site: Site) -> list[str]:
    return sorted({carrier.operator for carrier in site.carriers}) or [NO_OPERATOR]


def _place(code: str, name: Words, at: float) -> Place:
    return Place(code=code, name=name.vi, name_en=name.en, at=at)


def _in_order(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(places, key=lambda one: (one.at, one.code)))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
