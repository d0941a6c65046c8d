"""All that is known of one commune now, as JSON values: its sites, links, devices, targets and incidents.

The state of a commune is that of its People's Committee (SEMANTICS 2). Instants are Unix seconds, null where there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from netmon import link_facts
from netmon.darkness import Ends
from netmon.derive.services import WORST_FIRST
from netmon.inventory import Inventory
from netmon.model import Device, DeviceState, Incident, Service, Site, SiteKind, Standing, Subject, Verdict
from netmon.network import Network
from netmon.targets.definitions import AnyTarget
from netmon.targets.rollup import severity, worst
from netmon.units import Unit
from netmon.wallboard import SPEAKS

SITES_AT_MOST = 300
DEVICES_AT_MOST = 600
LINKS_AT_MOST = 300

_KINDS = tuple(SiteKind)
_LOUD_FIRST = (DeviceState.DOWN, DeviceState.UNREACHABLE, DeviceState.SUSPECT, DeviceState.UNKNOWN, DeviceState.UP)


def commune(
    code: str,
    *,
    unit: Unit | None,
    network: Network,
    verdicts: Iterable[Verdict],
    targets: Sequence[AnyTarget],
    scope: Mapping[str, str],
    on_battery: Mapping[str, float],
    ends: Mapping[str, Ends],
    missing: Mapping[str, str],
    now: float,
) -> dict[str, Any] | None:
    """One commune; None: neither the register nor the inventory has one of that code. `on_battery` are devices and when
    their readings first said that the mains fail, `ends` when sites without mains go dark, `missing` links whose interface
    their device does not have. `totals` count what there is, also where a list ends earlier."""
    inventory = network.inventory
    sites = [site for site in inventory.sites.values() if site.commune == code]
    if unit is None and not sites:
        return None
    here = {site.id for site in sites}
    devices = [device for device in inventory.devices.values() if device.site in here]
    links = [link for link in inventory.links.values() if link.site in here]
    drained = _drained(devices, network, on_battery)
    seat = _seat(sites, network)
    told = network.sites.get(seat.id) if seat is not None else None
    judged = _targets(code, verdicts, targets)
    return {
        "time": now,
        "code": code,
        "name": unit.name if unit else code,
        "name_en": unit.name_en if unit else code,
        "kind": unit.kind if unit else None,
        "province": unit.parent if unit else sites[0].province,
        "latitude": unit.latitude if unit else None,
        "longitude": unit.longitude if unit else None,
        "site": seat.id if seat is not None else None,
        "state": "none" if seat is None else told.state if told is not None else Service.UNKNOWN,
        "since": (told.since or None) if told is not None else None,
        "verdict": worst(Standing(row["standing"]) for row in judged) if judged else None,
        "out_of_scope": scope.get(code),
        "battery": _battery(drained.values()),
        "totals": {"sites": len(sites), "links": len(links), "devices": len(devices)},
        "sites": [
            _site(site, network, drained.get(site.id), ends.get(site.id))
            for site in sorted(sites, key=_by_kind)[:SITES_AT_MOST]
        ],
        "links": link_facts.rows(links, network, missing, now)[:LINKS_AT_MOST],
        "devices": [_device(device, network) for device in _loud_first(devices, network)[:DEVICES_AT_MOST]],
        "targets": judged,
    }


def subjects(code: str, inventory: Inventory) -> list[Subject]:
    """Whose outages are those of a commune: its sites, links and devices."""
    here = {site.id for site in inventory.sites.values() if site.commune == code}
    return [
        *(Subject("site", site) for site in here),
        *(Subject("link", link.id) for link in inventory.links.values() if link.site in here),
        *(Subject("device", device.id) for device in inventory.devices.values() if device.site in here),
    ]


def touching(code: str, incidents: Iterable[Incident], inventory: Inventory) -> list[Incident]:
    """The incidents that hit a commune, or something in it."""
    own = {*subjects(code, inventory), Subject("commune", code)}
    return [
        one
        for one in incidents
        if one.root in own or code in one.impact.isolated or code in one.impact.on_backup or not own.isdisjoint(one.ever)
    ]


def _seat(sites: Iterable[Site], network: Network) -> Site | None:
    """The People's Committee; of several the one that stands worst."""

    def badness(site: Site) -> int:
        told = network.sites.get(site.id)
        return WORST_FIRST.index(Service(told.state) if told is not None else Service.UNKNOWN)

    return min((site for site in sites if site.kind is SiteKind.PEOPLES_COMMITTEE), key=badness, default=None)


def _by_kind(site: Site) -> tuple[int, str]:
    return _KINDS.index(site.kind), site.id


def _loud_first(devices: Iterable[Device], network: Network) -> list[Device]:
    return sorted(devices, key=lambda device: (_LOUD_FIRST.index(network.tracks[device.id].state), device.site, device.id))


class _Drained(NamedTuple):
    """A site on battery: since when, and whether none of those that said so can say it now."""

    since: float
    last_known: bool


def _drained(devices: Iterable[Device], network: Network, on_battery: Mapping[str, float]) -> dict[str, _Drained]:
    found: dict[str, _Drained] = {}
    for device in devices:
        if device.id in on_battery:
            one = _Drained(on_battery[device.id], network.tracks[device.id].state not in SPEAKS)
            found[device.site] = _together(found.get(device.site, one), one)
    return found


def _together(one: _Drained, other: _Drained) -> _Drained:
    return _Drained(min(one.since, other.since), one.last_known and other.last_known)


def _battery(sites: Collection[_Drained]) -> dict[str, Any] | None:
    return reduce(_together, sites)._asdict() if sites else None


def _site(site: Site, network: Network, drained: _Drained | None, end: Ends | None) -> dict[str, Any]:
    told = network.sites.get(site.id)
    return {
        "site": site.id,
        "name": site.name,
        "kind": site.kind,
        "service": told.state if told is not None else Service.UNKNOWN,
        "since": (told.since or None) if told is not None else None,
        "on_battery": drained.since if drained is not None else None,
        "last_known": drained.last_known if drained is not None else False,
        "dark": {"earliest": end.earliest, "likely": end.likely, "latest": end.latest} if end is not None else None,
    }


def _device(device: Device, network: Network) -> dict[str, Any]:
    track = network.tracks[device.id]
    return {
        "device": device.id,
        "site": device.site,
        "state": track.state,
        "since": track.since or None,
        "cause": track.cause,
        "detail": track.detail,
        "speaks": device.speaks,
    }


def _targets(code: str, verdicts: Iterable[Verdict], targets: Sequence[AnyTarget]) -> list[dict[str, Any]]:
    """What is judged of the commune as a whole, the worst first."""
    titles, subject = {target.id: target for target in targets}, Subject("commune", code)
    found = [verdict for verdict in verdicts if verdict.subject == subject and verdict.target in titles]
    found.sort(key=lambda verdict: (-severity(verdict.standing), list(titles).index(verdict.target)))
    return [
        {
            "target": verdict.target,
            "title_vi": titles[verdict.target].title_vi,
            "title_en": titles[verdict.target].title_en,
            "rule": titles[verdict.target].rule,
            "standing": verdict.standing,
            "value": link_facts.finite(verdict.value),
            "limit": link_facts.finite(verdict.limit),
            "coverage": link_facts.finite(verdict.coverage),
            "final": verdict.final,
            "window": list(verdict.window),
        }
        for verdict in found
    ]
