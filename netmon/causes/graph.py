"""Which devices, links and sites hang on which, and what of them is lost: one reading of a picture.

What is asked for is worked out once and kept while the graph lives, which is no longer than the picture it reads. Nothing
here walks a way twice, so rings and upstreams that name each other end like all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

_K = TypeVar("_K")
_V = TypeVar("_V")

ALIVE = frozenset((DeviceState.UP, DeviceState.SUSPECT))
FALLEN = frozenset((DeviceState.DOWN, DeviceState.UNREACHABLE))


class Graph:
    """Reads a picture. `devices` and `links` are what is lost and since when; `pending` are unreachable devices whose
    upstream has just come back: neither lost anew nor back. `found` is where findings keeps its conclusions, and `grouped`
    whether it has looked at all that is lost."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.found: dict[Subject, Finding] = {}
        self.grouped = False
        self.devices: dict[str, float] = {}
        self.pending: set[str] = set()
        self._works: dict[Subject, Declared | None] = {}
        self._cables: dict[str, list[list[Link]]] = {}
        self._on_ends: dict[str, list[Declared]] = {}
        self._struck: dict[tuple[Subject, float], Declared | None] = {}
        self._protected: dict[str, bool] = {}
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
        """Whether a device or link that fell is known to be back, or not watched any more. What is unknown is not back."""
        if subject.kind == "device":
            told = self.picture.devices_stand.get(subject.id)
            return told is None or subject.id not in self.picture.devices or told.state in ALIVE
        told = self.picture.links_stand.get(subject.id)
        return told is None or subject.id not in self.picture.links or told.state == LinkState.UP

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
        return next((cut for cut in self._cables[cable] if link in cut), [])

    def _cuts(self, links: list[Link]) -> list[list[Link]]:
        lit = [link.far is not None and bool(self.picture.ports.get(link.far)) for link in links]
        if any(lit) or any(self._is_up(link) for link in links):
            return []
        cuts: list[list[Link]] = []
        for link in sorted(
            (link for link in links if link.id in self.links), key=lambda link: (self.links[link.id], link.id)
        ):
            if not cuts or self.links[link.id] - self.links[cuts[-1][-1].id] > TOGETHER_S:
                cuts.append([])
            cuts[-1].append(link)
        return cuts

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
        upstreams, over however many steps, stand in other communes."""
        known = self._protected.get(site.id)
        if known is None:
            known = self._protected[site.id] = site.kind is SiteKind.PROVINCIAL_CENTRE or self._reaches_out(site)
        return known

    def _reaches_out(self, site: Site) -> bool:
        ahead = list(self.devices_at.get(site.id, ()))
        seen = set(ahead)
        while ahead:
            device = ahead.pop()
            if self.picture.sites[self.picture.devices[device].site].commune != site.commune:
                return True
            fresh = [below for below in self.dependents.get(device, ()) if below not in seen]
            seen.update(fresh)
            ahead += fresh
        return False

    # --- what explains it ---------------------------------------------------------------------------------------------

    def by_netmon(self, subject: Subject) -> bool:
        """Whether netmon itself could not ask: it is cut off, or failed on its own side."""
        if self.picture.self_isolated:
            return True
        if subject.kind == "link":
            near = self.picture.links[subject.id].near
            return near is not None and near.device in self.picture.local
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
        what several communes may hang on: that pages in any weather."""
        if not self._storms:
            return None
        if (subject, since) not in self._struck:
            bears = self.carries_communes(self.site_of(subject))
            self._struck[subject, since] = None if bears else self._first(self._storms, subject, since, ())
        return self._struck[subject, since]

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
        since = self.picture.on_battery.get(subject.id, 0.0) if told is None else told.since
        links = self.links_at.get(subject.id, [])
        found = self._first(self._maintenance, subject, since, links)
        down = [link for link in links if link.id in self.links]
        if found is not None or not down:
            return found
        each = [self._works_on_link(link, self.links[link.id]) for link in down]
        return None if None in each else each[0]

    def _works_on_link(self, link: Link, since: float) -> Declared | None:
        """Works on a link, its cable, or the device at either end of it, which takes the port down with it."""
        found = self._first(self._maintenance, Subject("link", link.id), since, (), link.srlg)
        for port in (link.near, link.far):
            if found is None and port is not None:
                found = self._first(self._on_end(port.device), Subject("device", port.device), since, ())
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
