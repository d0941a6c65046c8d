"""A small province for the tests of causes: a gateway, a core, and communes behind it, as states and not as polls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netmon.causes.picture import Picture
from netmon.model import (
    Declared,
    Device,
    Incident,
    Link,
    LinkKind,
    LinkRole,
    Port,
    Site,
    SiteKind,
    Subject,
    WindowKind,
)

NOW = 10_000.0
FELL = 9_000.0


class Told(NamedTuple):
    state: str
    since: float


@dataclass
class Land:
    """States to paint a picture of. What is not said is up since ever."""

    sites: dict[str, Site] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    device_states: dict[str, Told] = field(default_factory=dict)
    link_states: dict[str, Told] = field(default_factory=dict)
    site_states: dict[str, Told] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def site(self, name: str, commune: str, kind: SiteKind = SiteKind.PEOPLES_COMMITTEE) -> Land:
        self.sites[name] = Site(id=name, name=name, kind=kind, province="04", commune=commune)
        return self

    def device(self, name: str, site: str, *upstreams: str) -> Land:
        self.devices[name] = Device(id=name, site=site, upstreams=upstreams)
        return self

    def link(
        self,
        name: str,
        site: str,
        *,
        near: str = "",
        far: str = "",
        kind: LinkKind = LinkKind.FIBRE,
        role: LinkRole = LinkRole.PRIMARY,
        srlg: tuple[str, ...] = (),
    ) -> Land:
        ends = [Port(*end.split(":")) if end else None for end in (near, far)]
        self.links[name] = Link(
            id=name,
            site=site,
            upstream_site="centre",
            kind=kind,
            role=role,
            network="tslcd_2",
            capacities=(),
            srlg=srlg,
            near=ends[0],
            far=ends[1],
        )
        return self

    def fall(self, *names: str, at: float = FELL, behind: str = "") -> Land:
        """Devices are down, or unreachable `behind` an upstream; links and ports are down."""
        for name in names:
            if name in self.devices:
                self.device_states[name] = Told("unreachable" if behind else "down", at)
                if behind:
                    self.told.setdefault("upstream_of", {})[name] = behind
            else:
                self.link_states[name] = Told("down", at)
        return self

    def cut(self, *links: str, at: float = FELL) -> Land:
        """Links whose far port went down, and the devices at their other end with them."""
        for name in links:
            link = self.links[name]
            self.fall(name, at=at)
            if link.far:
                self.told.setdefault("ports", {})[link.far] = False
            if link.near and not any(
                other.near and other.near.device == link.near.device and other.id not in self.link_states
                for other in self.links.values()
            ):
                self.fall(link.near.device, at=at + 5.0)
        return self

    def back(self, *names: str, at: float = NOW) -> Land:
        for name in names:
            states = self.device_states if name in self.devices else self.link_states
            states[name] = Told("up", at)
            self.told.get("upstream_of", {}).pop(name, None)
            if name in self.links and (far := self.links[name].far):
                self.told.setdefault("ports", {})[far] = True
        return self

    def service(self, state: str, *sites: str, at: float = FELL) -> Land:
        for site in sites:
            self.site_states[site] = Told(state, at)
        return self

    def tell(self, **told: Any) -> Land:
        self.told |= told
        return self

    def picture(self, at: float = NOW, **more: Any) -> Picture:
        up = Told("up", 0.0)
        return Picture(
            at=at,
            sites=self.sites,
            devices=self.devices,
            links=self.links,
            devices_stand={device: self.device_states.get(device, up) for device in self.devices},
            links_stand={link: self.link_states.get(link, up) for link in self.links},
            sites_stand={
                site: self.site_states.get(site, up) for site in dict.fromkeys(link.site for link in self.links.values())
            },
            **{"upstream_of": {}, **self.told, **more},
        )


def province(communes: int, *, cable: int = 0, backup: bool = False) -> Land:
    """Communes c0, c1, … with a router r0 and a fibre f0 each; so many to a cable q0, q1, …; a radio b0 as `backup`."""
    land = Land().site("centre", "c0", SiteKind.PROVINCIAL_CENTRE)
    land.device("gw", "centre").device("core", "centre", "gw")
    for n in range(communes):
        land.site(f"s{n}", f"c{n}").device(f"r{n}", f"s{n}", "core")
        cables = (f"q{n // cable}",) if cable else ()
        land.link(f"f{n}", f"s{n}", near=f"r{n}:wan", far=f"core:Gi0/{n}/1", srlg=cables)
        if backup:
            land.link(f"b{n}", f"s{n}", near=f"r{n}:lte", kind=LinkKind.LTE, role=LinkRole.BACKUP)
    return land


def storm(*areas: str, exercise: bool = False) -> Declared:
    return Declared(
        id="bao-1-2026",
        kind=WindowKind.STORM,
        name="bão số 1",
        start=FELL - 3600.0,
        until=NOW + 3600.0,
        areas=areas,
        exercise=exercise,
    )


def works(*subjects: Subject, areas: Iterable[str] = ()) -> Declared:
    return Declared(
        id="works-1",
        kind=WindowKind.MAINTENANCE,
        name="works",
        start=FELL - 60.0,
        until=NOW + 3600.0,
        subjects=subjects,
        areas=tuple(areas),
    )


class Numbers:
    """Numbers of incidents, in order."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, at: float) -> str:
        self.given += 1
        return f"{self.given:04}"


def roots(incidents: Iterable[Incident]) -> dict[str, int]:
    """The roots of incidents that go on, and how many members each has."""
    return {str(one.root): len(one.members) for one in incidents if one.until is None}
