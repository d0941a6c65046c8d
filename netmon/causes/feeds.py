"""What sites hang on, and what is cut off when some of them go dark. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from netmon.model import Device, Link, Site


class Feeder(NamedTuple):
    """A way by which a site is served: over a link, "" for an upstream device, and through all of these sites."""

    link: str
    through: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """The ways of each site, and for each site which ways of which sites lead through it."""

    of: Mapping[str, tuple[Feeder, ...]]
    through: Mapping[str, tuple[tuple[str, int], ...]]


class CutOff(NamedTuple):
    """A site is cut off at an instant, or after so many seconds; `by` is the site whose end completes that, itself where
    its own power ends."""

    at: float
    by: str


def feeds_of(sites: Iterable[Site], devices: Iterable[Device], links: Iterable[Link]) -> Feeds:
    """The ways of every site: its links, and where it has none what its devices name as their upstreams."""
    at = {device.id: device for device in devices}
    upstream_sites: dict[str, dict[str, None]] = {}
    ways: dict[str, list[Feeder]] = {site.id: [] for site in sites}
    for link in links:
        far = () if link.far is None or link.far.device not in at else (at[link.far.device].site,)
        through = tuple(site for site in dict.fromkeys((link.upstream_site, *far)) if site != link.site)
        ways[link.site].append(Feeder(link.id, through))
    for device in at.values():
        for upstream in device.upstreams:
            if upstream in at and at[upstream].site != device.site:
                upstream_sites.setdefault(device.site, {})[at[upstream].site] = None
    for site, upstreams in upstream_sites.items():
        if not ways[site]:
            ways[site] = [Feeder("", (upstream,)) for upstream in upstreams]
    through_of: dict[str, list[tuple[str, int]]] = {}
    for site, found in ways.items():
        for n, feeder in enumerate(found):
            for upstream in feeder.through:
                through_of.setdefault(upstream, []).append((site, n))
    return Feeds(
        of={site: tuple(found) for site, found in ways.items()},
        through={site: tuple(found) for site, found in through_of.items()},
    )


def cut_off(ends: Mapping[str, float], feeds: Feeds, lost: Set[str] = frozenset()) -> dict[str, CutOff]:
    """When sites are cut off, given when the power of some of them `ends`: by that, or when the last of their ways leads
    through one that is cut off. `lost` are links that are down already; a site that has lost all its ways is isolated now,
    and only its own power is said of it. Cost: what hangs on `ends` and what leads up from there, and no more."""
    waiting = [(at, site, site) for site, at in ends.items()]
    heapify(waiting)
    found: dict[str, CutOff] = {}
    while waiting:
        at, site, by = heappop(waiting)
        if site in found:
            continue
        found[site] = CutOff(at, by)
        for fed, n in feeds.through.get(site, ()):
            if fed not in found and feeds.of[fed][n].link not in lost and not _held_up(fed, feeds, found, lost):
                heappush(waiting, (at, fed, by))
    return found


def _held_up(site: str, feeds: Feeds, gone: Container[str], lost: Set[str]) -> bool:
    """Whether a way leads up to a site that hangs on none: in a ring sites hold each other up on paper only."""
    seen, asked = {site}, [site]
    while asked:
        ways = feeds.of[asked.pop()]
        if not ways:
            return True
        for way in ways:
            if way.link in lost or any(upstream in gone for upstream in way.through):
                continue
            if not way.through:
                return True
            asked += [upstream for upstream in way.through[:1] if upstream not in seen]
            seen.update(way.through[:1])
    return False
