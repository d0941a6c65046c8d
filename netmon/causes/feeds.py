"""What sites hang on, and what is cut off when some of them go dark. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence, Set
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


class Hanging:
    """What hangs on what, while `lost` are the links that are down already. Made in the time that all ways take, and asked
    in that of what leans on what goes dark."""

    def __init__(self, feeds: Feeds, lost: Set[str] = frozenset()) -> None:
        self._feeds = feeds
        self._lost = lost
        self._by, self._on = _leanings(feeds, lost)

    def cut_off(self, ends: Mapping[str, float]) -> dict[str, CutOff]:
        """When sites are cut off, given when the power of some of them `ends`: by that, or when the last of their ways leads
        through one that is cut off. A site that has lost all its ways is isolated now, and only its own power is said of it.
        """
        waiting = [(at, site, site) for site, at in ends.items()]
        heapify(waiting)
        found: dict[str, CutOff] = {}
        held = _Held(self._feeds, self._lost, self._by, self._on, found)
        while waiting:
            at, site, by = heappop(waiting)
            if site in found:
                continue
            found[site] = CutOff(at, by)
            held.let_go(site)
            for fed, n in self._feeds.through.get(site, ()):
                if fed not in found and self._feeds.of[fed][n].link not in self._lost and not held.up(fed):
                    heappush(waiting, (at, fed, by))
        return found


def cut_off(ends: Mapping[str, float], feeds: Feeds, lost: Set[str] = frozenset()) -> dict[str, CutOff]:
    """`Hanging.cut_off`, asked once."""
    return Hanging(feeds, lost).cut_off(ends)


def _leanings(feeds: Feeds, lost: Set[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, list[str]]]:
    """For each site that a way leads up from the sites of one such way, none for one that hangs on nothing; and for each
    site those that lean on it so."""
    by: dict[str, tuple[str, ...]] = {}
    on: dict[str, list[str]] = {}
    for site, ways in feeds.of.items():
        if not ways or any(not way.through and way.link not in lost for way in ways):
            by[site] = ()
    asked = list(by)
    for site in asked:  # it grows: the nearest first
        for fed, n in feeds.through.get(site, ()):
            way = feeds.of[fed][n]
            if fed in by or way.link in lost or way.through[0] != site:
                continue
            by[fed] = way.through
            asked.append(fed)
            for upstream in way.through:
                on.setdefault(upstream, []).append(fed)
    return by, on


class _Held:
    """Which sites a way still leads up from while more and more are `gone`. What held once leans on the same way until that
    goes, and what fell stays so: no way is searched twice."""

    def __init__(
        self,
        feeds: Feeds,
        lost: Set[str],
        by: Mapping[str, tuple[str, ...]],
        on: Mapping[str, Sequence[str]],
        gone: Container[str],
    ) -> None:
        self._feeds, self._lost, self._gone = feeds, lost, gone
        self._at_first, self._on_at_first = by, on
        self._by: dict[str, tuple[str, ...] | None] = {}  # where it is not as at first
        self._on: dict[str, list[str]] = {}
        self._fallen: set[str] = set()

    def _leans(self, site: str) -> tuple[str, ...] | None:
        return self._by[site] if site in self._by else self._at_first.get(site)

    def let_go(self, site: str) -> None:
        """What leans on a site that is gone has to look for another way."""
        left = [site]
        while left:
            gone = left.pop()
            for one in (*self._on_at_first.get(gone, ()), *self._on.pop(gone, ())):
                leans = self._leans(one)
                if leans is not None and gone in leans:
                    self._by[one] = None
                    left.append(one)

    def up(self, site: str) -> bool:
        """Whether a way leads up to a site that hangs on none: in a ring sites hold each other up on paper only."""
        if self._leans(site) is not None:
            return True
        if site in self._fallen:
            return False
        below: dict[str, tuple[str, tuple[str, ...]]] = {}  # by which site, and over which, the search came to one
        seen, asked = {site}, [site]
        while asked:
            here = asked.pop()
            for way in self._feeds.of[here]:
                if way.link in self._lost or any(upstream in self._gone for upstream in way.through):
                    continue
                upstream = way.through[0]
                if upstream in seen or upstream in self._fallen:
                    continue
                below[upstream] = here, way.through
                if self._leans(upstream) is not None:
                    self._lean(upstream, below)
                    return True
                seen.add(upstream)
                asked.append(upstream)
        self._fallen |= seen
        return False

    def _lean(self, site: str, below: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
        while site in below:
            site, through = below[site]
            self._by[site] = through
            for upstream in through:
                self._on.setdefault(upstream, []).append(site)
