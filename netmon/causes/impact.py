"""Whom an incident hits: communes, service centres and base stations."""

from __future__ import annotations

from collections.abc import Iterable

from netmon.causes.graph import Graph
from netmon.causes.picture import Picture
from netmon.model import Impact, Service, Site, SiteKind, Subject

_LOST = (Service.ISOLATED, Service.UNREACHABLE)


def impact(members: Iterable[Subject], picture: Picture, *, graph: Graph | None = None) -> Impact:
    """Whom the devices and links that are down hit, by the sites that they stand at or serve.

    A commune is isolated when its People's Committee has no service, be it cut off or behind a lost upstream. A site whose
    links tell nothing counts as cut off when all its devices are lost.
    """
    graph = graph or Graph(picture)
    sites: dict[str, Site] = {}
    for member in members:
        if member.id in (picture.devices if member.kind == "device" else picture.links):
            site = graph.site_of(member)
            sites[site.id] = site
    committees = [site for site in sites.values() if site.kind is SiteKind.PEOPLES_COMMITTEE]
    cut = {site.id for site in sites.values() if cut_off(site, graph)}
    isolated = {site.commune for site in committees if site.id in cut}
    on_backup = {site.commune for site in committees if graph.service(site.id) == Service.ON_BACKUP} - isolated

    def of_kind(kind: SiteKind) -> tuple[str, ...]:
        return tuple(sorted(site for site in cut if sites[site].kind is kind))

    return Impact(
        isolated=tuple(sorted(isolated)),
        on_backup=tuple(sorted(on_backup)),
        service_centres=of_kind(SiteKind.SERVICE_CENTRE),
        stations=of_kind(SiteKind.BTS),
    )


def cut_off(site: Site, graph: Graph) -> bool:
    """Whether a site has no service left."""
    service = graph.service(site.id)
    if service in _LOST or service in (Service.UP, Service.ON_BACKUP):
        return service in _LOST
    devices = graph.devices_at.get(site.id, ())
    return bool(devices) and all(device in graph.devices or device in graph.pending for device in devices)
