"""The facts of the wallboard: for each province its communes, what is wrong there and since when, and its targets.

Small enough to be asked for every few seconds: a commune has a row, a healthy device has none, and what one dead router
explains is folded into one row with a count. Instants are Unix seconds, null where there is none; names are the register's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from netmon import link_facts
from netmon.darkness import Ends
from netmon.derive.services import WORST_FIRST
from netmon.derive.states import Track
from netmon.ground import Ground, Province, ground
from netmon.inventory import Inventory
from netmon.model import Device, DeviceState, Link, LinkState, Service, Site, Standing, Subject, Verdict
from netmon.network import Network
from netmon.targets.definitions import AnyTarget, Pooled, Share, level_of
from netmon.targets.rollup import worst
from netmon.targets.windows import local
from netmon.units import Register, Unit

ROWS_AT_MOST = 40
"""Rows of a list; its `total` counts also what is left out."""

PLACES_AT_MOST = 8
"""Sites that a folded row names."""

NAMED_AT_MOST = {Standing.MISSED: 12, Standing.AT_RISK: 6, Standing.UNPROVEN: 6}
"""Communes that a target names, by verdict; its counts hold all."""

SPEAKS = (DeviceState.UP, DeviceState.SUSPECT)
"""What a device is in these states, it says now; in the others that is what was known last."""

NO_SITE = "none"
"""The state of a commune of which no People's Committee is in the inventory."""


def wallboard(
    *,
    network: Network,
    verdicts: Iterable[Verdict],
    targets: Sequence[AnyTarget],
    register: Register,
    provinces: Sequence[str],
    scope: Mapping[str, str],
    on_battery: Mapping[str, float],
    ready: bool,
    now: float,
    version: str,
    connections: Mapping[str, bool],
    ends: Mapping[str, Ends] = MappingProxyType({}),
    stays: Ground | None = None,
) -> dict[str, Any]:
    """All that the page shows, as JSON values.

    `scope` maps communes that do not count to the reason; `on_battery` devices to when their readings first said that the
    mains fail; `connections` names netmon's own peers ("mqtt") and whether it has them; `ends` are when sites without mains
    go dark; how long they are without is told by `on_battery`. `stays` is the ground of the network's inventory, for those
    who ask often.
    """
    today = local(now).date()
    stays = stays or ground(network.inventory)
    found = {(verdict.target, verdict.subject): verdict for verdict in verdicts if verdict.subject.kind in _WHOLE}
    boards = {code: _Board(network, stays.links, register.communes(code, today), stays.province(code)) for code in provinces}
    return {
        "time": now,
        "version": version,
        "ready": ready,
        "self_isolated": bool(network.isolated_since),
        "self_isolated_since": network.isolated_since or None,
        "lost": sorted(name for name, here in connections.items() if not here),
        "provinces": [
            {
                "code": code,
                **_names(province := register.unit(code, today), code),
                "kind": province.kind if province is not None else None,
                "communes": board.communes(_worst_verdicts(found, targets, board.units), scope, on_battery),
                "devices": {str(state): count for state, count in board.counts().items()},
                "cut_off": board.cut_off(),
                "on_backup": board.on_backup(),
                "down": board.down(),
                "on_battery": board.on_battery(on_battery),
                "dark": board.dark(ends, on_battery),
                "links": link_facts.lines(board.ground.pairs, network),
                "targets": [_target(target, code, board.units, found) for target in targets],
            }
            for code, board in boards.items()
        ],
    }


_WHOLE = ("commune", "province")
"""Links and sites speak through their commune."""


@dataclass(frozen=True, slots=True)
class _Board:
    """One province."""

    network: Network
    links: Mapping[str, Sequence[Link]]
    units: Sequence[Unit]
    ground: Province

    @property
    def inventory(self) -> Inventory:
        return self.network.inventory

    def counts(self) -> dict[DeviceState, int]:
        """Devices by state; each state is there."""
        tracks = self.network.tracks
        counted = Counter(tracks[device.id].state for device, _ in self.ground.devices)
        return {state: counted[state] for state in DeviceState}

    def communes(
        self, judged: Mapping[str, Standing], scope: Mapping[str, str], on_battery: Mapping[str, float]
    ) -> list[dict[str, Any]]:
        """A row a commune, in the order of the register. Its state is that of its People's Committee (SEMANTICS 2); of
        several the worst speaks."""
        total, down, unknown = Counter[str](), Counter[str](), Counter[str]()
        battery: dict[str, bool] = {}
        tracks = self.network.tracks
        for device, commune in self.ground.devices:
            state = tracks[device.id].state
            total[commune] += 1
            if state in _FALLEN:
                down[commune] += 1
            elif state is DeviceState.UNKNOWN:
                unknown[commune] += 1
            if device.id in on_battery:
                battery[commune] = battery.get(commune, False) or self._speaks(device)
        rows = []
        for unit in self.units:
            seats = self.ground.seats.get(unit.code, ())
            seat = min(seats, key=lambda site: WORST_FIRST.index(Service(self._service(site)[0])), default=None)
            service, since = self._service(seat) if seat is not None else (NO_SITE, None)
            rows.append(
                {
                    "code": unit.code,
                    **_names(unit, unit.code),
                    "kind": unit.kind,
                    "latitude": unit.latitude,
                    "longitude": unit.longitude,
                    "state": str(service),
                    "since": since,
                    "site": seat.id if seat is not None else None,
                    "devices": {"total": total[unit.code], "down": down[unit.code], "unknown": unknown[unit.code]},
                    "on_battery": unit.code in battery,
                    "battery_last_known": battery.get(unit.code) is False,
                    "verdict": judged.get(unit.code),
                    "out_of_scope": scope.get(unit.code),
                }
            )
        return rows

    def cut_off(self) -> dict[str, Any]:
        """Sites that are isolated, each with its lost links, and those that are unreachable, folded by what explains it."""
        rows: list[_Row] = []
        unreachable: dict[str, list[Site]] = {}
        for site in self.ground.sites:
            state, since = self._service(site)
            if state == Service.ISOLATED:
                rows.append(_Row(since, 1, partial(self._isolated, site)))
            elif state == Service.UNREACHABLE:
                unreachable.setdefault(self._cause(site), []).append(site)
        for cause, sites in unreachable.items():
            first = _earliest(self._service(site)[1] for site in sites)
            rows.append(_Row(first, len(sites), partial(self._unreachable, cause, sites)))
        return _explaining_first(rows)

    def on_backup(self) -> dict[str, Any]:
        """Sites that only a backup still serves, with the links that they lost."""
        rows = []
        for site in self.ground.sites:
            state, since = self._service(site)
            if state == Service.ON_BACKUP:
                rows.append(_Row(since, 1, partial(self._site_and_links, site)))
        return _explaining_first(rows)

    def down(self) -> dict[str, Any]:
        """Devices that are down; what is unreachable because of one is folded into its row."""
        tracks = self.network.tracks
        behind: dict[str, list[Track]] = {}
        down: list[str] = []
        for device, _ in self.ground.devices:
            track = tracks[device.id]
            if track.state is DeviceState.DOWN:
                down.append(device.id)
            elif track.state is DeviceState.UNREACHABLE:
                behind.setdefault(track.cause, []).append(track)
        rows = []
        for name in dict.fromkeys((*down, *behind)):
            folded, lead = behind.get(name, []), tracks.get(name)
            if lead is None or lead.state is not DeviceState.DOWN:
                lead = None
            since = lead.since if lead is not None else _earliest(track.since for track in folded)
            rows.append(_Row(since, len(folded) + (lead is not None), partial(self._fallen, name, lead, len(folded))))
        return _explaining_first(rows)

    def on_battery(self, on_battery: Mapping[str, float]) -> dict[str, Any]:
        """Sites whose mains fail, since the first device that said so; `last_known` where none of them can say so now."""
        told = self._telling(on_battery)
        return _explaining_first(
            [
                _Row(min(on_battery[device.id] for device in devices), 1, partial(self._without_mains, site, devices))
                for site, devices in told.items()
            ]
        )

    def dark(self, all_ends: Mapping[str, Ends], on_battery: Mapping[str, float]) -> dict[str, Any]:
        """Sites without mains, the first to go dark on top; those of which nobody knows when come last."""
        never = float("inf")
        since = {site: min(on_battery[device.id] for device in told) for site, told in self._telling(on_battery).items()}
        ends = {
            site.id: end._replace(since=since.get(site.id, end.since))
            for site in (self.ground.sites if all_ends else ())
            if (end := all_ends.get(site.id)) is not None
        }

        def order(site: Site) -> tuple[float, ...]:
            end = ends[site.id]
            return tuple(never if at is None else at for at in (end.likely, end.earliest, end.since))

        sites = sorted((site for site in self.ground.sites if site.id in ends), key=order) if ends else []
        return {"total": len(sites), "rows": [_place(site) | ends[site.id]._asdict() for site in sites[:ROWS_AT_MOST]]}

    def _telling(self, on_battery: Mapping[str, float]) -> dict[str, list[Device]]:
        """By site, its devices that say that the mains fail."""
        told: dict[str, list[Device]] = {}
        for device, _ in self.ground.devices if on_battery else ():
            if device.id in on_battery:
                told.setdefault(device.site, []).append(device)
        return told

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _site_and_links(self, site: Site) -> dict[str, Any]:
        return {"sites": [_place(site)], "links": self._lost_links(site)}

    def _isolated(self, site: Site) -> dict[str, Any]:
        return {"state": Service.ISOLATED, **self._site_and_links(site)}

    def _unreachable(self, cause: str, sites: Sequence[Site]) -> dict[str, Any]:
        places = [_place(site) for site in sites[:PLACES_AT_MOST]]
        return {"state": Service.UNREACHABLE, "sites": places, "cause": self._where(cause)}

    def _fallen(self, name: str, lead: Track | None, behind: int) -> dict[str, Any]:
        return {
            "device": self._where(name),
            "state": DeviceState.DOWN if lead is not None else DeviceState.UNREACHABLE,
            "detail": lead.detail if lead is not None else "",
            "behind": behind,
        }

    def _without_mains(self, site: str, devices: Iterable[Device]) -> dict[str, Any]:
        return {"sites": [_place(self.inventory.sites[site])], "last_known": not any(map(self._speaks, devices))}

    def _speaks(self, device: Device) -> bool:
        return self.network.tracks[device.id].state in SPEAKS

    def _service(self, site: Site) -> tuple[str, float | None]:
        """A site without links has nothing that could say that it is served: unknown, never up."""
        told = self.network.sites.get(site.id)
        return (Service.UNKNOWN, None) if told is None else (told.state, told.since or None)

    def _lost_links(self, site: Site) -> list[dict[str, Any]]:
        return [
            {"kind": link.kind, "role": link.role, "operator": link.operator, "circuit": link.circuit_id}
            for link in self.links.get(site.id, ())
            if self.network.links[link.id].state == LinkState.DOWN
        ]

    def _cause(self, site: Site) -> str:
        causes = (self.network.connections.cause(link) for link in self.links.get(site.id, ()))
        return next(filter(None, causes), "")

    def _where(self, device: str) -> dict[str, Any] | None:
        """A device with its place; None where it is not known which one it was."""
        if device not in self.inventory.devices:
            return None
        return {"device": device, **_place(self.inventory.site_of(device))}


_FALLEN = (DeviceState.DOWN, DeviceState.UNREACHABLE)


class _Row(NamedTuple):
    """A row of a list, which is worked out only where it is shown: since when, of how many, and the rest of it."""

    since: float | None
    stands_for: int
    rest: Callable[[], dict[str, Any]]


def _names(unit: Unit | None, code: str) -> dict[str, str]:
    return {"name": code, "name_en": code} if unit is None else {"name": unit.name, "name_en": unit.name_en}


def _place(site: Site) -> dict[str, Any]:
    return {"site": site.id, "name": site.name, "kind": site.kind, "commune": site.commune}


def _earliest(instants: Iterable[float | None]) -> float | None:
    return min((at for at in instants if at), default=None)


def _explaining_first(rows: list[_Row]) -> dict[str, Any]:
    """A list as the page shows it: what explains several stands on top, lest it is cut, then what has just happened."""
    ordered = sorted(rows, key=lambda row: (row.stands_for > 1, row.since or 0.0), reverse=True)
    shown = [{"since": row.since, "count": row.stands_for, **row.rest()} for row in ordered[:ROWS_AT_MOST]]
    return {"total": sum(row.stands_for for row in rows), "rows": shown}


# --- targets ----------------------------------------------------------------------------------------------------------

Found = Mapping[tuple[str, Subject], Verdict]
"""Verdicts by target and subject."""


def _worst_verdicts(found: Found, targets: Sequence[AnyTarget], units: Iterable[Unit]) -> dict[str, Standing]:
    """A commune is its worst target (SEMANTICS 7); one that nothing was said of yet is left out."""
    said = {
        unit.code: [
            verdict.standing
            for target in targets
            if (verdict := found.get((target.id, Subject("commune", unit.code)))) is not None
        ]
        for unit in units
    }
    return {code: worst(standings) for code, standings in said.items() if standings}


def _target(target: AnyTarget, province: str, units: Sequence[Unit], found: Found) -> dict[str, Any]:
    shown = {
        "id": target.id,
        "title_vi": target.title_vi,
        "title_en": target.title_en,
        "rule": target.rule,
        "limit": target.limit,
    }
    if level_of(target) == "province":
        verdict = found.get((target.id, Subject("province", province)))
        value = link_facts.finite(verdict.value) if verdict else None
        said = {"standing": verdict.standing if verdict else None, "value": value}
        return {**shown, "level": "province", "of": target.of if isinstance(target, Share | Pooled) else None, **said}
    of = {unit.code: found.get((target.id, Subject("commune", unit.code))) for unit in units}
    judged = {code: verdict for code, verdict in of.items() if verdict is not None}
    counts = Counter(verdict.standing for verdict in judged.values())

    def badness(verdict: Verdict) -> tuple[bool, float]:
        value = verdict.value or 0.0
        return verdict.value is not None, value if target.more_is_worse else -value

    named = []
    for standing, at_most in NAMED_AT_MOST.items():
        alike = [item for item in judged.items() if item[1].standing is standing]
        alike.sort(key=lambda item: badness(item[1]), reverse=True)
        worst_of = ((code, link_facts.finite(verdict.value)) for code, verdict in alike[:at_most])
        named += [{"commune": code, "standing": standing, "value": value} for code, value in worst_of]
    return {
        **shown,
        "level": "commune",
        "counts": {standing.value: counts[standing] for standing in Standing},
        "worst": named,
    }
