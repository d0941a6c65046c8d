"""Links as the pages of communes and devices and the wallboard's map tell them: rows of single links, and what joins two
communes as one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from netmon.facts import NO_WITNESS
from netmon.inventory import Inventory
from netmon.model import Capacity, Link, LinkRole, LinkState, Port
from netmon.network import Network


def finite(value: float | None) -> float | None:
    """A number that JSON has; None for what is none."""
    return value if value is not None and isfinite(value) else None


def rows(links: Iterable[Link], network: Network, missing: Mapping[str, str], now: float) -> list[dict[str, Any]]:
    """Links with their states; those that are down first, and primary ones before backups. `missing` says of links which
    interface their device does not have. Capacities are bytes per second; `rate` is filled in by who reads the store."""
    ordered = sorted(
        links, key=lambda link: (_state(link, network) != LinkState.DOWN, link.role is not LinkRole.PRIMARY, link.id)
    )
    return [
        {
            "link": link.id,
            "site": link.site,
            "kind": link.kind,
            "role": link.role,
            "operator": link.operator,
            "circuit": link.circuit_id,
            "network": link.network,
            "state": _state(link, network),
            "since": network.links[link.id].since or None,
            "cause": cause(link, network),
            "detail": missing.get(link.id, "") or ("" if link.near or link.far or link.check else NO_WITNESS),
            "capacity": _capacity(link.capacity_at(now)),
            "rate": None,
            "upstream_site": link.upstream_site,
            "near": _port(link.near),
            "far": _port(link.far),
        }
        for link in ordered
    ]


def cause(link: Link, network: Network) -> str:
    """The device that explains why a link is not up; none explains one that is."""
    return "" if _state(link, network) == LinkState.UP else network.connections.cause(link)


Pairs = Mapping[tuple[str, str], tuple[Link, ...]]
"""Links by the two communes that they join, in the order of their codes."""


def between_communes(inventory: Inventory) -> dict[str, dict[tuple[str, str], tuple[Link, ...]]]:
    """By province, the links whose sites lie in different communes."""
    found: dict[str, dict[tuple[str, str], tuple[Link, ...]]] = {}
    for link in inventory.links.values():
        site, upstream = inventory.sites[link.site], inventory.sites[link.upstream_site]
        if site.commune != upstream.commune:
            low, high = sorted((site.commune, upstream.commune))
            pairs = found.setdefault(site.province, {})
            pairs[low, high] = (*pairs.get((low, high), ()), link)
    return found


def lines(pairs: Pairs, network: Network) -> list[dict[str, Any]]:
    """What the map draws between communes, a line a pair. It is down when any of its links is; else its primary links tell
    its state, for a backup that nobody can witness hides no primary that is up."""
    found, told = [], network.links
    for (a, b), links in pairs.items():
        states = [told[link.id].state for link in links]
        primary = [link for link in links if link.role is LinkRole.PRIMARY] or links
        if down := states.count(LinkState.DOWN):
            state = LinkState.DOWN
        elif any(told[link.id].state == LinkState.UNKNOWN for link in primary):
            state = LinkState.UNKNOWN
        else:
            state = LinkState.UP
        line = {"a": a, "b": b, "state": state, "kind": primary[0].kind, "total": len(links), "down": down}
        found.append(line)
    return found


def _state(link: Link, network: Network) -> LinkState:
    return LinkState(network.links[link.id].state)


def _capacity(capacity: Capacity | None) -> dict[str, float | None] | None:
    return None if capacity is None else {"receive": finite(capacity.receive), "transmit": finite(capacity.transmit)}


def _port(port: Port | None) -> str | None:
    return None if port is None else f"{port.device} {port.interface}"
