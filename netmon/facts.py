"""Facts as JSON values: what the API, the control socket and `netmon status` tell, from one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netmon.derive.states import Track
from netmon.model import Device, DeviceState, Link, LinkState, Outcome, Poll, Speech, Verdict
from netmon.network import Network

NEVER_HEARD = "It was never heard since netmon started: are address and community right, and may netmon ask it?"
NEVER_REPORTED = "It never reported since netmon started: does it publish under this id, and does the broker let it?"
NO_WITNESS = "It has no witness: neither near nor far interface, nor a check address."

COMPLAINTS_AT_MOST = 40
"""Rows of what is said of devices and links that are not down; their total counts all."""


def state(
    network: Network,
    polls: Mapping[str, Poll | None],
    missing: Mapping[str, str],
    *,
    ready: bool,
    connections: Mapping[str, bool],
) -> dict[str, Any]:
    """The states of all devices, sites and links; instants in Unix seconds, null where there is none. `missing` says of
    links which interface their device does not have; `connections` whether the servers can be reached that netmon needs."""
    inventory = network.inventory
    devices = []
    for device in inventory.devices.values():
        track, site, poll = network.tracks[device.id], inventory.sites[device.site], polls.get(device.id)
        devices.append(
            {
                "device": device.id,
                "site": site.id,
                "province": site.province,
                "commune": site.commune,
                "speaks": device.speaks,
                "state": track.state,
                "since": track.since or None,
                "cause": track.cause,
                "last_poll": poll.ended.unix if poll else None,
                "outcome": track.outcome or None,
                "detail": _of_device(device, track),
                "incomplete": list(poll.incomplete) if poll else [],
            }
        )
    return {
        "ready": ready,
        "self_isolated": bool(network.isolated_since),
        "connections": dict(connections),
        "devices": devices,
        "links": [
            {
                "link": link.id,
                "site": link.site,
                "role": link.role,
                "state": told.state,
                "since": told.since or None,
                "cause": "" if told.state == LinkState.UP else network.connections.cause(link),
                "detail": _of_link(link, missing),
            }
            for link in inventory.links.values()
            for told in (network.links[link.id],)
        ],
        "sites": [
            {
                "site": site,
                "name": inventory.sites[site].name,
                "commune": inventory.sites[site].commune,
                "kind": inventory.sites[site].kind,
                "service": told.state,
                "since": told.since or None,
            }
            for site, told in network.sites.items()
        ],
    }


def complaints(network: Network, missing: Mapping[str, str]) -> dict[str, Any]:
    """What there is to say of devices that are not falling and of links, few enough to be asked for every few seconds: who
    refuses, or was never heard; which link's interface is `missing`. `unheard` counts the devices that are unknown because
    the broker that they report to is, or was, away: one sentence, no rows."""
    inventory, unheard = network.inventory, 0
    found: list[tuple[str, str, str, float | None, str]] = []
    for device in inventory.devices.values():
        track = network.tracks[device.id]
        if track.state is DeviceState.UNKNOWN and track.outcome == Outcome.LOCAL and device.speaks is Speech.MQTT:
            unheard += 1
        elif track.detail and track.state in (DeviceState.UP, DeviceState.UNKNOWN):
            found.append(("device", device.id, device.site, track.since or None, _of_device(device, track)))
    details = ((link, _of_link(link, missing)) for link in inventory.links.values())
    found += (("link", link.id, link.site, None, detail) for link, detail in details if detail)
    rows = [
        {
            "of": kind,
            "id": name,
            "site": site,
            "province": inventory.sites[site].province,
            "commune": inventory.sites[site].commune,
            "since": since,
            "detail": detail,
        }
        for kind, name, site, since, detail in found[:COMPLAINTS_AT_MOST]
    ]
    return {"unheard": unheard, "complaints": {"total": len(found), "rows": rows}}


def _of_device(device: Device, track: Track) -> str:
    if track.heard or not track.silences:
        return track.detail
    return f"{track.detail} {NEVER_REPORTED if device.speaks is Speech.MQTT else NEVER_HEARD}"


def _of_link(link: Link, missing: Mapping[str, str]) -> str:
    return missing.get(link.id, "") or ("" if link.near or link.far or link.check else NO_WITNESS)


def verdicts(found: Iterable[Verdict]) -> dict[str, Any]:
    """Verdicts without their evidence, which `netmon explain` shows."""
    return {
        "verdicts": [
            {
                "target": verdict.target,
                "subject_kind": verdict.subject.kind,
                "subject": verdict.subject.id,
                "standing": verdict.standing,
                "value": verdict.value,
                "limit": verdict.limit,
                "coverage": verdict.coverage,
                "window": list(verdict.window),
                "final": verdict.final,
            }
            for verdict in found
        ]
    }
