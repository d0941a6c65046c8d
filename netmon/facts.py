"""Facts as JSON values: what the API, the control socket and `netmon status` tell, from one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netmon.model import Device, Poll, Speech, Verdict
from netmon.network import Network

NEVER_HEARD = "It was never heard since netmon started: are address and community right, and may netmon ask it?"
NEVER_REPORTED = "It never reported since netmon started: does it publish under this id, and does the broker let it?"
NO_WITNESS = "It has no witness: neither near nor far interface, nor a check address."


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
                "detail": track.detail if track.heard or not track.silences else f"{track.detail} {_never(device)}",
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
                "cause": network.connections.cause(link),
                "detail": missing.get(link.id, "") or ("" if link.near or link.far or link.check else NO_WITNESS),
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


def _never(device: Device) -> str:
    return NEVER_REPORTED if device.speaks is Speech.MQTT else NEVER_HEARD


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
