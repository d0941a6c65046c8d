"""All that is known of one site, as JSON values: service, links, power, air, transport, cells, and what that rests on.

Nobody asks a base station itself: its operator's systems run it. What a province can see of it are its power and its
surroundings, its transport, what its operators tell of their cells, and what probes measure; whatever is not known is said
to be `unknown`, and every reading has its age.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from netmon.catalogue import DEVICE
from netmon.cells import Told
from netmon.link_facts import cause
from netmon.model import Carrier, CellState, Kind, LinkState, Reading, Series, Site
from netmon.network import Network
from netmon.watch import Watch

UNKNOWN = "unknown"

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "mains": ("mains_up", "mains_voltage_volts", "mains_frequency_hertz"),
    "rectifier": (
        *("rectifiers", "rectifier_current_amperes", "rectifier_load_ratio", "load_current_amperes", "power_alarms"),
        *("power_output_voltage_volts", "power_output_current_amperes", "power_output_watts", "power_load_ratio"),
    ),
    "battery": (
        *("battery_voltage_volts", "battery_current_amperes", "battery_charge_ratio", "battery_remaining_seconds"),
        *("battery_low", "battery_discharge_duration_seconds", "battery_health_ratio", "battery_charge_coulombs"),
        *("battery_discharged_coulombs", "battery_string_voltage_volts", "battery_string_current_amperes"),
        "battery_string_charge_ratio",
    ),
    "generator": ("generator_up", "generator_run_seconds", "fuel_ratio", "fuel_liters"),
    "room": (
        *("ambient_temperature_celsius", "humidity_ratio", "temperature_celsius"),
        *("door_open", "smoke_detected", "water_detected"),
    ),
}
"""Families of the catalogue, without `netmon_`, by the part of a site of which they tell."""

POWER = ("mains", "rectifier", "battery", "generator")
TRANSPORT = ("optic_", "radio_", "cellular_", "path_", "tunnel_")
"""How the names of families begin that tell of a site's transport."""

_SECTION_OF = {f"netmon_{family}": section for section, families in SECTIONS.items() for family in families}
_ORDER = {f"netmon_{family}": n for n, family in enumerate(sum(SECTIONS.values(), ()))}
_PLACE = ("province", "commune", "site", "device")


def site(
    place: Site,
    *,
    network: Network,
    watches: Mapping[str, Watch],
    fed_since: Mapping[str, float],
    cells: Sequence[Told],
    tested: Mapping[str, float],
    max_age_intervals: float,
    now: float,
) -> dict[str, Any]:
    """One site of the inventory. `fed_since` says of devices since when the supply is the one that they tell, `tested` when
    each last told a speed test. A reading `holds` for `max_age_intervals` periods of its device. Instants are Unix seconds.
    """
    inventory = network.inventory
    here = [device.id for device in inventory.devices.values() if device.site == place.id]
    rows = [row for device in here for row in _readings(watches.get(device), max_age_intervals, now)]
    by_section = {section: [row for row in rows if row["section"] == section] for section in (*SECTIONS, "transport")}
    for row in rows:
        del row["section"]
    service = network.sites.get(place.id)
    links = _links(network, place.id)
    carriers = [_carrier(carrier, cells, now) for carrier in place.carriers]
    return {
        "site": place.id,
        "name": place.name,
        "kind": place.kind,
        "province": place.province,
        "commune": place.commune,
        "room": place.room,
        "service": service.state if service else UNKNOWN,
        "since": (service.since or None) if service else None,
        "links": links,
        "devices": _devices(network, watches, here),
        "mains": _mains(by_section["mains"], fed_since),
        "readings": by_section,
        "carriers": carriers,
        "evidence": {
            "feed": _evidence((told.held.at for told in cells if told.held.state is not CellState.UNKNOWN), now),
            "power": _evidence((row["at"] for part in POWER for row in by_section[part] if row["holds"]), now),
            "transport": _transport(links, by_section["transport"], now),
            "probe": _evidence((tested[device] for device in here if device in tested), now),
        },
    }


def _readings(watch: Watch | None, max_age_intervals: float, now: float) -> list[dict[str, Any]]:
    """What a device last told of its site, in the order of SECTIONS. The temperature of any part counts as the room's only
    where the device tells of power: others mean their own."""
    if watch is None:
        return []
    told = [reading for reading in watch.readings if reading.series.kind is Kind.GAUGE]
    tells_power = any(_SECTION_OF.get(reading.series.family) in POWER for reading in told)
    rows = [
        _row(reading, section, watch.device.id, max_age_intervals * watch.period_s, now)
        for reading in told
        if (section := _section(reading.series)) and (reading.series.family != _PART or tells_power)
    ]
    return sorted(rows, key=lambda row: (_ORDER.get(row["family"], len(_ORDER)), row["family"], row["part"]))


_PART = "netmon_temperature_celsius"


def _section(series: Series) -> str:
    if series.family in _SECTION_OF:
        return _SECTION_OF[series.family]
    return "transport" if series.family.removeprefix("netmon_").startswith(TRANSPORT) else ""


def _row(reading: Reading, section: str, device: str, patience_s: float, now: float) -> dict[str, Any]:
    age_s = max(0.0, now - reading.at.unix)
    return {
        "section": section,
        "device": device,
        "family": reading.series.family,
        "part": " ".join(value for name, value in reading.series.labels if name not in _PLACE and value),
        "value": reading.value,
        "unit": DEVICE[reading.series.family].unit,
        "at": reading.at.unix,
        "age_s": round(age_s, 1),
        "holds": age_s <= patience_s,
    }


def _mains(rows: Iterable[Mapping[str, Any]], fed_since: Mapping[str, float]) -> dict[str, Any]:
    """Whether the mains feed the site: `up`, `down`, or `unknown` with what was told last. Of several devices one that has
    lost them speaks for all."""
    told = sorted(
        (row for row in rows if row["family"] == "netmon_mains_up"), key=lambda row: (not row["holds"], row["value"])
    )
    if not told:
        return {"state": UNKNOWN, "since": None, "device": None, "last": None}
    first = told[0]
    state = "up" if first["value"] else "down"
    return {
        "state": state if first["holds"] else UNKNOWN,
        "since": fed_since.get(first["device"]),
        "device": first["device"],
        "last": state,
    }


def _links(network: Network, site_id: str) -> list[dict[str, Any]]:
    return [
        {
            "link": link.id,
            "kind": link.kind,
            "role": link.role,
            "operator": link.operator,
            "state": network.links[link.id].state,
            "since": network.links[link.id].since or None,
            "cause": cause(link, network),
        }
        for link in network.inventory.links.values()
        if link.site == site_id
    ]


def _devices(network: Network, watches: Mapping[str, Watch], here: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            "device": device,
            "state": network.tracks[device].state,
            "since": network.tracks[device].since or None,
            "cause": network.tracks[device].cause,
            "detail": network.tracks[device].detail,
            "alive": (watches[device].alive_at or None) if device in watches else None,
        }
        for device in here
    ]


def _carrier(carrier: Carrier, cells: Sequence[Told], now: float) -> dict[str, Any]:
    """An operator on the mast with his cells. `until`: when what he told ceases to hold."""
    own = [told for told in cells if told.name.operator == carrier.operator]
    return {
        "operator": carrier.operator,
        "technologies": list(carrier.technologies),
        "on_air": carrier.on_air,
        "told": bool(own),
        "cells": [
            {
                "cell": name.cell,
                "technology": name.technology,
                "state": held.state,
                "since": held.since,
                "at": held.at,
                "age_s": round(max(0.0, now - held.at), 1),
                "until": held.until if held.until < inf else None,
                "source": held.source,
            }
            for name, held in own
        ],
    }


def _transport(links: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], now: float) -> dict[str, Any]:
    """A link whose state is known is evidence, with or without readings."""
    found = _evidence((row["at"] for row in rows if row["holds"]), now)
    return found | {"there": found["there"] or any(link["state"] != LinkState.UNKNOWN for link in links)}


def _evidence(times: Iterable[float], now: float) -> dict[str, Any]:
    """Whether there is any that holds, and how old the newest of it is."""
    newest = max(times, default=None)
    return {"there": newest is not None, "age_s": None if newest is None else round(max(0.0, now - newest), 1)}
