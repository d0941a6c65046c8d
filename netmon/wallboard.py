"""The facts of the wallboard: for each province its communes, what is wrong there and since when, and its targets.

Small enough to be asked for every few seconds: a commune has a row, a healthy device has none, and what one dead router
explains is folded into one row with a count. Instants are Unix seconds, null where there is none; names are the register's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netmon.derive.services import WORST_FIRST
from netmon.derive.states import Track
from netmon.inventory import Inventory
from netmon.model import Device, DeviceState, Link, LinkState, Service, Site, SiteKind, Standing, Subject, Verdict
from netmon.network import Network
from netmon.targets.definitions import AnyTarget, PercentileUtilisation, Share
from netmon.targets.rollup import worst
from netmon.targets.windows import local
from netmon.units import Register, Unit

ROWS_AT_MOST = 40
"""Rows of a list; its `total` counts also what is left out."""

PLACES_AT_MOST = 8
"""Sites that a folded row names."""

NAMED_AT_MOST = {Standing.MISSED: 12, Standing.AT_RISK: 6, Standing.UNPROVEN: 6}
"""Communes that a target names, by verdict; its counts hold all."""

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
) -> dict[str, Any]:
    """All that the page shows, as JSON values.

    `scope` maps communes that do not count to the reason; `on_battery` devices to when their readings first said that the
    mains fail; `connections` names netmon's own peers ("mqtt") and whether it has them.
    """
    today = local(now).date()
    links = network.inventory.links_of_site()
    found = {(verdict.target, verdict.subject): verdict for verdict in verdicts}
    boards = {code: _Board(network, links, register.communes(code, today)) for code in provinces}
    for site in network.inventory.sites.values():
        if site.province in boards:
            boards[site.province].sites.append(site)
    for device in network.inventory.devices.values():
        board = boards.get(network.inventory.sites[device.site].province)
        if board is not None:
            board.devices.append(device)
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
                "targets": [_target(target, code, board.units, found) for target in targets],
            }
            for code, board in boards.items()
        ],
    }


@dataclass(slots=True)
class _Board:
    """What is gathered of one province."""

    network: Network
    links: Mapping[str, Sequence[Link]]
    units: Sequence[Unit]
    sites: list[Site] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)

    @property
    def inventory(self) -> Inventory:
        return self.network.inventory

    def counts(self) -> dict[DeviceState, int]:
        """Devices by state; each state is there."""
        counted = Counter(self.network.tracks[device.id].state for device in self.devices)
        return {state: counted[state] for state in DeviceState}

    def communes(
        self, judged: Mapping[str, Standing], scope: Mapping[str, str], on_battery: Mapping[str, float]
    ) -> list[dict[str, Any]]:
        """A row a commune, in the order of the register. Its state is that of its People's Committee (SEMANTICS 2); of
        several the worst speaks."""
        seats: dict[str, list[Site]] = {}
        for site in self.sites:
            if site.kind is SiteKind.PEOPLES_COMMITTEE:
                seats.setdefault(site.commune, []).append(site)
        total, down, unknown = Counter[str](), Counter[str](), Counter[str]()
        battery: dict[str, bool] = {}
        for device in self.devices:
            commune = self.inventory.sites[device.site].commune
            track = self.network.tracks[device.id]
            total[commune] += 1
            down[commune] += track.fallen
            unknown[commune] += track.state is DeviceState.UNKNOWN
            if device.id in on_battery:
                battery[commune] = battery.get(commune, False) or self._speaks(device)
        rows = []
        for unit in self.units:
            seat = min(seats.get(unit.code, ()), key=lambda site: WORST_FIRST.index(self._service(site)[0]), default=None)
            state, since = self._service(seat) if seat is not None else (NO_SITE, None)
            rows.append(
                {
                    "code": unit.code,
                    **_names(unit, unit.code),
                    "kind": unit.kind,
                    "latitude": unit.latitude,
                    "longitude": unit.longitude,
                    "state": str(state),
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
        rows: list[dict[str, Any]] = []
        unreachable: dict[str, list[Site]] = {}
        for site in self.sites:
            state, since = self._service(site)
            if state is Service.ISOLATED:
                rows.append(
                    {"state": state, "since": since, "count": 1, "sites": [_place(site)], "links": self._lost_links(site)}
                )
            elif state is Service.UNREACHABLE:
                unreachable.setdefault(self._cause(site), []).append(site)
        for cause, sites in unreachable.items():
            rows.append(
                {
                    "state": Service.UNREACHABLE,
                    "since": _earliest(self._service(site)[1] for site in sites),
                    "count": len(sites),
                    "sites": [_place(site) for site in sites[:PLACES_AT_MOST]],
                    "cause": self._where(cause),
                }
            )
        return _explaining_first(rows)

    def on_backup(self) -> dict[str, Any]:
        """Sites that only a backup still serves, with the links that they lost."""
        rows = []
        for site in self.sites:
            state, since = self._service(site)
            if state is Service.ON_BACKUP:
                rows.append({"since": since, "count": 1, "sites": [_place(site)], "links": self._lost_links(site)})
        return _explaining_first(rows)

    def down(self) -> dict[str, Any]:
        """Devices that are down; what is unreachable because of one is folded into its row."""
        behind: dict[str, list[Track]] = {}
        down: list[str] = []
        for device in self.devices:
            track = self.network.tracks[device.id]
            if track.state is DeviceState.DOWN:
                down.append(device.id)
            elif track.state is DeviceState.UNREACHABLE:
                behind.setdefault(track.cause, []).append(track)
        rows = []
        for name in dict.fromkeys((*down, *behind)):
            folded = behind.get(name, [])
            lead = self.network.tracks.get(name)
            fell = lead is not None and lead.state is DeviceState.DOWN
            rows.append(
                {
                    "device": self._where(name),
                    "state": DeviceState.DOWN if fell else DeviceState.UNREACHABLE,
                    "since": lead.since if lead is not None and fell else _earliest(track.since for track in folded),
                    "detail": lead.detail if lead is not None and fell else "",
                    "count": len(folded) + fell,
                    "behind": len(folded),
                }
            )
        return _explaining_first(rows)

    def on_battery(self, on_battery: Mapping[str, float]) -> dict[str, Any]:
        """Sites whose mains fail, since the first device that said so; `last_known` where none of them can say so now."""
        told: dict[str, list[Device]] = {}
        for device in self.devices:
            if device.id in on_battery:
                told.setdefault(device.site, []).append(device)
        return _explaining_first(
            [
                {
                    "since": min(on_battery[device.id] for device in devices),
                    "count": 1,
                    "sites": [_place(self.inventory.sites[site])],
                    "last_known": not any(map(self._speaks, devices)),
                }
                for site, devices in told.items()
            ]
        )

    def _speaks(self, device: Device) -> bool:
        return self.network.tracks[device.id].state in (DeviceState.UP, DeviceState.SUSPECT)

    def _service(self, site: Site) -> tuple[Service, float | None]:
        """A site without links has nothing that could say that it is served: unknown, never up."""
        told = self.network.sites.get(site.id)
        return (Service.UNKNOWN, None) if told is None else (Service(told.state), told.since or None)

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


def _names(unit: Unit | None, code: str) -> dict[str, str]:
    return {"name": code, "name_en": code} if unit is None else {"name": unit.name, "name_en": unit.name_en}


def _place(site: Site) -> dict[str, Any]:
    return {"site": site.id, "name": site.name, "kind": site.kind, "commune": site.commune}


def _earliest(instants: Iterable[float | None]) -> float | None:
    return min((at for at in instants if at), default=None)


def _explaining_first(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A list as the page shows it: what explains several stands on top, lest it is cut, then what has just happened."""
    ordered = sorted(rows, key=lambda row: (row["count"] > 1, row["since"] or 0.0), reverse=True)
    return {"total": sum(row["count"] for row in rows), "rows": ordered[:ROWS_AT_MOST]}


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
    if isinstance(target, Share):
        verdict = found.get((target.id, Subject("province", province)))
        said = {"standing": verdict.standing if verdict else None, "value": verdict.value if verdict else None}
        return {**shown, "level": "province", "of": target.of, **said}
    of = {unit.code: found.get((target.id, Subject("commune", unit.code))) for unit in units}
    judged = {code: verdict for code, verdict in of.items() if verdict is not None}
    counts = Counter(verdict.standing for verdict in judged.values())

    def badness(verdict: Verdict) -> tuple[bool, float]:
        value = verdict.value or 0.0
        return verdict.value is not None, value if isinstance(target, PercentileUtilisation) else -value

    named = []
    for standing, at_most in NAMED_AT_MOST.items():
        alike = [item for item in judged.items() if item[1].standing is standing]
        alike.sort(key=lambda item: badness(item[1]), reverse=True)
        named += [{"commune": code, "standing": standing, "value": verdict.value} for code, verdict in alike[:at_most]]
    return {
        **shown,
        "level": "commune",
        "counts": {standing.value: counts[standing] for standing in Standing},
        "worst": named,
    }
