"""All that is known of one device now, as JSON values: its state, its latest readings, and the links that it witnesses.

Instants are Unix seconds, null where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netmon import link_facts
from netmon.catalogue import DEVICE
from netmon.model import Device, Kind, Link, Poll, Readings
from netmon.network import Network
from netmon.units import Unit

READINGS_AT_MOST = 400
LINKS_AT_MOST = 300

_PLACE = frozenset({"province", "commune", "site", "device"})
_ORDER = {family: n for n, family in enumerate(DEVICE)}


def device(
    found: Device,
    *,
    network: Network,
    unit: Unit | None,
    last: Poll | None,
    readings: Readings,
    holds_s: float,
    missing: Mapping[str, str],
    now: float,
) -> dict[str, Any]:
    """One device of the inventory. `unit` is its commune, `last` its last poll and `readings` what the last one brought that
    brought any: each holds for so long. `missing`: links whose interface their device lacks."""
    site, track = network.inventory.sites[found.site], network.tracks[found.id]
    rows, links = _readings(readings, holds_s, now), witnessed(found, network)
    return {
        "time": now,
        "device": found.id,
        "site": site.id,
        "site_name": site.name,
        "site_kind": site.kind,
        "commune": site.commune,
        "commune_name": unit.name if unit else site.commune,
        "commune_name_en": unit.name_en if unit else site.commune,
        "province": site.province,
        "speaks": found.speaks,
        "profile": found.profile or _told(readings, "netmon_device_info", "profile"),
        "addresses": list(found.addresses),
        "upstreams": list(found.upstreams),
        "state": track.state,
        "since": track.since or None,
        "cause": track.cause,
        "detail": track.detail,
        "last_poll": last.ended.unix if last is not None else None,
        "outcome": track.outcome or None,
        "totals": {"readings": len(rows), "links": len(links)},
        "readings": rows[:READINGS_AT_MOST],
        "links": link_facts.rows(links, network, missing, now)[:LINKS_AT_MOST],
    }


def witnessed(found: Device, network: Network) -> list[Link]:
    """The links whose near or far end is an interface of a device."""
    return [
        link
        for link in network.inventory.links.values()
        if any(port is not None and port.device == found.id for port in (link.near, link.far))
    ]


def _told(readings: Readings, family: str, label: str) -> str | None:
    return next((one.label(label) for one in readings.series if one.family == family), "") or None


def _readings(readings: Readings, holds_s: float, now: float) -> list[dict[str, Any]]:
    """The gauges, in the order of the catalogue."""
    told = [reading for reading in readings if reading.series.kind is Kind.GAUGE and reading.series.family in DEVICE]
    told.sort(key=lambda reading: (_ORDER[reading.series.family], _part(reading.series.labels)))
    rows = []
    for series, value, at, _ in told:
        family, age_s = DEVICE[series.family], max(0.0, now - at.unix)
        rows.append(
            {
                "family": series.family,
                "part": _part(series.labels),
                "value": link_facts.finite(value),
                "unit": family.unit,
                "at": at.unix,
                "age_s": round(age_s, 1),
                "holds": age_s <= holds_s,
                "title_vi": family.vi,
                "title_en": family.en,
            }
        )
    return rows


def _part(labels: tuple[tuple[str, str], ...]) -> str:
    return " ".join(value for name, value in labels if name not in _PLACE and value)
