"""Which devices, links and sites hang on which, and what of them is lost: one reading of a picture.

What is asked for is worked out once and kept while the graph lives, which is no longer than the picture it reads. Nothing
here walks a way twice, so rings and upstreams that name each other end like all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from netmon.causes.picture import Picture
from netmon.events import windows
from netmon.model import Declared, DeviceState, Finding, Link, LinkState, Service, Site, SiteKind, Subject, WindowKind

NETMON = Subject("netmon", "")
"""The root of what netmon itself is to blame for."""

TOGETHER_S = 120.0
"""What falls so near to each other fell together: two silent polls at 30 s, the verifying one, and as much again for slower
devices."""

SETTLES_S = 120.0
"""An unreachable device whose upstream is back is verified anew; nothing new is said of it until then, or for so long."""

_INVENTORY = ("sites", "devices", "links")
_INDEXES = ("links_at", "links_from", "links_up_to", "links_in", "devices_at", "dependents")

_K = TypeVar("_K")
_V = TypeVar("_V")

ALIVE = frozenset((DeviceState.UP, DeviceState.SUSPECT))
FALLEN = frozenset((DeviceState.DOWN, DeviceState.UNREACHABLE))
DEGRADED = frozenset((Service.ISOLATED, Service.ON_BACKUP))


class Graph:
    """Reads a picture. `devices` and `links` are what is lost and since when; `pending` are unreachable devices whose
    upstream has just come back: neither lost anew nor back. `found` is where findings keeps its conclusions, and `grouped`
    whether it has looked at all that is lost."""

    def __init__(self, picture: Picture, *, like: Graph | None = None) -> None:
        """`like` is a graph of an earlier picture: what hangs on what is taken from it if the inventory is the same."""
        self.picture = picture
        self.found: dict[Subject, Finding] = {}
        self.grouped = False
        self.devices: dict[str, float] = {}
        self.pending: set[str] = set()
        self._works: dict[Subject, Declared | None] = {}
        self._cables: dict[str, dict[str, list[Link]]] = {}
        self._on_ends: dict[str, list[Declared]] = {}
        self._struck: dict[tuple[Subject, float], Declared | None] = {}
        self._protected: dict[str, bool] = {}
        if like is not None and all(getattr(like.picture, name) is getattr(picture, name) for name in _INVENTORY):
            self.__dict__ |= {name: like.__dict__[name] for name in _INDEXES if name in like.__dict__}
            self._protected = like._protected
        for device, told in picture.devices_stand.items():
            if told.state in FALLEN and device in picture.devices:
                if told.state == DeviceState.UNREACHABLE and self._settling(device):
                    self.pending.add(device)
                else:
                    self.devices[device] = told.since
        self.links = {
            link: told.since
            for link, told in picture.links_stand.items()
            if told.state == LinkState.DOWN and link in picture.links
        }

    # --- how things stand ---------------------------------------------------------------------------------------------

    def lost(self) -> list[Subject]:
        """Devices and links that are lost, in an order of their own."""
        devices = (Subject("device", device) for device in self.devices)
        links = (Subject("link", link) for link in self.links)
        return sorted((*devices, *links), key=lambda subject: (self.lost_since(subject) or 0.0, subject))

    def lost_since(self, subject: Subject) -> float | None:
        """Since when a device or link is lost; None: it is not, or it is neither."""
        held = self.devices if subject.kind == "device" else self.links if subject.kind == "link" else {}
        return held.get(subject.id)

    def is_back(self, subject: Subject) -> bool:
        """Whether a device or link that fell is known to be back, or not watched any more: it is gone, or its
        witnesses are. What is unknown is not back."""
        if subject.kind == "device":
            told = self.picture.devices_stand.get(subject.id)
            return told is None or subject.id not in self.picture.devices or told.state in ALIVE
        told, link = self.picture.links_stand.get(subject.id), self.picture.links.get(subject.id)
        if told is None or link is None or told.state == LinkState.UP:
            return True
        return subject.id not in self.links and link.near is None and link.far is None and link.check is None

    def alive(self, device: str) -> bool:
        """Whether a device answers, or did until the poll that is being verified."""
        told = self.picture.devices_stand.get(device)
        return told is not None and told.state in ALIVE

    def is_down(self, device: str) -> bool:
        """Whether a device is silent although a live way leads up to it."""
        told = self.picture.devices_stand.get(device)
        return told is not None and told.state == DeviceState.DOWN

    def top(self, device: str) -> str:
        """The upstream that explains why a device is unreachable, as far up as is known; "" when none is lost."""
        told = self.picture.devices_stand.get(device)
        if told is None or told.state != DeviceState.UNREACHABLE:
            return ""
        upstream_of, seen, upstream = self.picture.upstream_of, {device}, self.picture.upstream_of.get(device, "")
        while upstream and upstream not in seen and upstream in self.picture.devices and not self.alive(upstream):
            seen.add(upstream)
            stands = self.picture.devices_stand.get(upstream)
            higher = upstream_of.get(upstream, "") if stands and stands.state == DeviceState.UNREACHABLE else ""
            if not higher:
                return upstream
            upstream = higher
        return ""

    def service(self, site: str) -> str:
        """The service of a site as it is told, `unknown` for one without links."""
        told = self.picture.sites_stand.get(site)
        return told.state if told is not None else Service.UNKNOWN

    def _settling(self, device: str) -> bool:
        if self.top(device):
            return False
        upstreams = (*self.picture.devices[device].upstreams, self.picture.upstream_of.get(device, ""))
        back = [self.picture.devices_stand[upstream].since for upstream in upstreams if self.alive(upstream)]
        return bool(back) and self.picture.at - max(back) <= SETTLES_S

    # --- what hangs on what -------------------------------------------------------------------------------------------

    @cached_property
    def links_at(self) -> dict[str, list[Link]]:
        """Links by the site that they serve."""
        return _gathered((link.site, link) for link in self.picture.links.values())

    @cached_property
    def links_from(self) -> dict[str, list[Link]]:
        """Links by the device at their far end."""
        return _gathered((link.far.device, link) for link in self.picture.links.values() if link.far is not None)

    @cached_property
    def links_up_to(self) -> dict[str, list[Link]]:
        """Links by the site at their far end."""
        return _gathered((link.upstream_site, link) for link in self.picture.links.values())

    @cached_property
    def links_in(self) -> dict[str, list[Link]]:
        """Links by the cables and ducts that they share."""
        return _gathered((name, link) for link in self.picture.links.values() for name in dict.fromkeys(link.srlg))

    @cached_property
    def devices_at(self) -> dict[str, list[str]]:
        """Devices by site."""
        return _gathered((device.site, device.id) for device in self.picture.devices.values())

    @cached_property
    def dependents(self) -> dict[str, list[str]]:
        """Devices by the upstream that they name."""
        named = ((upstream, device.id) for device in self.picture.devices.values() for upstream in device.upstreams)
        return _gathered(named)

    @cached_property
    def falls_in(self) -> dict[str, dict[str, float]]:
        """By commune: its sites at which a device is lost, and since when the first of them is."""
        found: dict[str, dict[str, float]] = {}
        for device, since in self.devices.items():
            site = self.site_of(Subject("device", device))
            falls = found.setdefault(site.commune, {})
            falls[site.id] = min(since, falls.get(site.id, since))
        return found

    @cached_property
    def dark_in(self) -> dict[str, list[str]]:
        """By commune: its sites without mains."""
        known = sorted(site for site in self.picture.on_battery if site in self.picture.sites)
        return _gathered((self.picture.sites[site].commune, site) for site in known)

    def fell_in(self, cable: str, link: Link) -> list[Link]:
        """The links of a cable that fell with one of it, each within TOGETHER_S of the next; none while any of it is up."""
        if cable not in self._cables:
            self._cables[cable] = self._cuts(self.links_in.get(cable, []))
        return self._cables[cable].get(link.id, [])

    def _cuts(self, links: list[Link]) -> dict[str, list[Link]]:
        """By link: those that it fell with, the earliest first."""
        lit = [link.far is not None and bool(self.picture.ports.get(link.far)) for link in links]
        if any(lit) or any(self._is_up(link) for link in links):
            return {}
        cuts: list[list[Link]] = []
        for link in sorted(
            (link for link in links if link.id in self.links), key=lambda link: (self.links[link.id], link.id)
        ):
            if not cuts or self.links[link.id] - self.links[cuts[-1][-1].id] > TOGETHER_S:
                cuts.append([])
            cuts[-1].append(link)
        return {link.id: cut for cut in cuts for link in cut}

    def _is_up(self, link: Link) -> bool:
        told = self.picture.links_stand.get(link.id)
        return told is not None and told.state == LinkState.UP

    def uplinks(self, device: str) -> list[Link]:
        """The links that end at a device, the primary first; where none names it, those of its site that name no device."""
        there = self.links_at.get(self.picture.devices[device].site, [])
        own = [link for link in there if link.near is not None and link.near.device == device]
        return sorted(
            own or [link for link in there if link.near is None], key=lambda link: (link.role != "primary", link.id)
        )

    def site_of(self, subject: Subject) -> Site:
        """Where a device, link or site stands; a link at the site that it serves. KeyError: it is none of the inventory."""
        if subject.kind == "device":
            return self.picture.sites[self.picture.devices[subject.id].site]
        if subject.kind == "link":
            return self.picture.sites[self.picture.links[subject.id].site]
        return self.picture.sites[subject.id]

    def carries_communes(self, site: Site) -> bool:
        """Whether more than one commune may hang on a site: it is the provincial centre, or devices that name its own as
        upstreams, or sites whose links lead up to it, over however many steps, stand in other communes."""
        known = self._protected.get(site.id)
        if known is None:
            known = self._protected[site.id] = site.kind is SiteKind.PROVINCIAL_CENTRE or self._reaches_out(site)
        return known

    def _reaches_out(self, site: Site) -> bool:
        ahead = [Subject("site", site.id)]
        seen = set(ahead)
        while ahead:
            above = ahead.pop()
            if self.site_of(above).commune != site.commune:
                return True
            fresh = set(self._hanging_on(above)) - seen
            seen |= fresh
            ahead += fresh
        return False

    def _hanging_on(self, above: Subject) -> Iterator[Subject]:
        """What stands at a site or is led up to it, what names a device as its upstream or has a link that ends at it."""
        if above.kind == "site":
            yield from (Subject("device", device) for device in self.devices_at.get(above.id, ()))
            yield from (Subject("site", link.site) for link in self.links_up_to.get(above.id, ()))
        else:
            yield from (Subject("device", device) for device in self.dependents.get(above.id, ()))
            yield from (Subject("site", link.site) for link in self.links_from.get(above.id, ()))

    # --- what explains it ---------------------------------------------------------------------------------------------

    def by_netmon(self, subject: Subject) -> bool:
        """Whether netmon itself could not ask: it is cut off, or failed on its own side. Of a link that is down a witness
        said so which it could ask."""
        if self.picture.self_isolated:
            return True
        return subject.kind == "device" and subject.id in self.picture.local

    def works(self, subject: Subject) -> Declared | None:
        """The works that explain that a device, link or site is lost or degraded."""
        if not self._maintenance:
            return None
        if subject not in self._works:
            self._works[subject] = self._works_on(subject)
        return self._works[subject]

    def storm(self, subject: Subject, since: float) -> Declared | None:
        """The storm that explains that a single device or link is lost, or a site on its backup or without mains. None of
        what several communes may hang on, nor what a commune is dark by: that pages in any weather."""
        if not self._storms:
            return None
        if (subject, since) not in self._struck:
            site = self.site_of(subject)
            bears = self.carries_communes(site) or (subject.kind != "site" and site.id in self._darkens)
            self._struck[subject, since] = None if bears else self._first(self._storms, subject, since, ())
        return self._struck[subject, since]

    @cached_property
    def _darkens(self) -> set[str]:
        """Sites at which something is lost by which a commune is dark, or may be: the service of its People's Committee is
        not known, and its own devices are lost, or the far ends of its links. Nothing proves it isolated, so that it does
        not page as such."""
        found: set[str] = set()
        for site in self.picture.sites.values():
            if site.kind is SiteKind.PEOPLES_COMMITTEE and self.service(site.id) in (Service.UNKNOWN, Service.UNREACHABLE):
                far = [link.far.device for link in self.links_at.get(site.id, ()) if link.far is not None]
                for device in (*self.devices_at.get(site.id, ()), *far):
                    if device in self.devices:
                        here = self.picture.devices[device].site
                        top = self.top(device)
                        found |= {site.id, here, self.picture.devices[top].site if top else here}
        return found

    @cached_property
    def _maintenance(self) -> list[Declared]:
        return [window for window in self.picture.windows if window.kind is WindowKind.MAINTENANCE]

    @cached_property
    def _storms(self) -> list[Declared]:
        return [window for window in self.picture.windows if window.kind is WindowKind.STORM]

    def _works_on(self, subject: Subject) -> Declared | None:
        if subject.kind == "link":
            since = self.links.get(subject.id)
            return self._works_on_link(self.picture.links[subject.id], since) if since is not None else None
        if subject.kind == "device":
            since = self.devices.get(subject.id)
            return None if since is None else self._first(self._maintenance, subject, since, self.uplinks(subject.id))
        told = self.picture.sites_stand.get(subject.id)
        if told is None or told.state not in DEGRADED:
            return self._first(self._maintenance, subject, self.picture.on_battery.get(subject.id, 0.0), ())
        since, isolated = told.since, told.state == Service.ISOLATED
        links = self.links_at.get(subject.id, [])
        found = self._first(self._maintenance, subject, since, links)
        down = [link for link in links if link.id in self.links]
        if found is not None or not down:
            return found
        each = [self._works_on_link(link, self.links[link.id], lost=isolated) for link in down]
        return None if None in each else each[0]

    def _works_on_link(self, link: Link, since: float, *, lost: bool = False) -> Declared | None:
        """Works on a link, its cable, or the device at either end of it, which takes the port down with it. Many links end
        far away at one device: works at its place explain none of them while it answers, works on itself explain one, and
        not even that where it has to be `lost`: a commune is not cut off by a device that answers."""
        found = self._first(self._maintenance, Subject("link", link.id), since, (), link.srlg)
        if found is None and link.near is not None:
            found = self._first(self._on_end(link.near.device), Subject("device", link.near.device), since, ())
        if found is None and link.far is not None:
            far, gone = Subject("device", link.far.device), link.far.device in self.devices
            ends = [works for works in self._on_end(far.id) if gone or (not lost and far in works.subjects)]
            found = self._first(ends, far, since, ())
        return found

    def _on_end(self, device: str) -> list[Declared]:
        """Works that are done on a device, whatever they explain: many links end at one."""
        if device not in self._on_ends:
            subject = Subject("device", device)
            site = self.site_of(subject)
            self._on_ends[device] = [works for works in self._maintenance if windows.touches(works, subject, site=site)]
        return self._on_ends[device]

    def _first(
        self, declared: Iterable[Declared], subject: Subject, since: float, links: Sequence[Link], srlg: Sequence[str] = ()
    ) -> Declared | None:
        site, now = self.site_of(subject), self.picture.at
        return next(
            (
                window
                for window in declared
                if windows.explains(window, subject, site=site, srlg=srlg, down_since=since, now=now, links=links)
            ),
            None,
        )


def _gathered(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    found: dict[_K, list[_V]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
