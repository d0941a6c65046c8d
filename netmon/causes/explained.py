"""What is explained, so that it pages where its reason does and not by itself.

Every explanation rests on something that does page: an upstream that is down, a commune that is isolated, an incident of
several, a storm's losses, works that are under way, netmon itself. A state that nothing explains pages by itself. Isolation
is explained by works alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netmon.causes.graph import DEGRADED, Graph
from netmon.causes.picture import Picture
from netmon.model import DeviceState, Incident, LinkRole, Service, SiteKind, Subject

BY_DEVICE = ("upstream", "site", "incident", "storm", "maintenance", "self")
"""What may explain a lost device."""

BY_LINK = ("site", "device", "incident", "storm", "maintenance", "self")
"""What may explain a link that is down."""

BY_SITE = ("incident", "storm", "maintenance", "self")
"""What may explain a site on its backup or without mains; of an isolated one `maintenance` alone."""


def explanations(
    picture: Picture, incidents: Sequence[Incident], *, graph: Graph | None = None
) -> dict[Subject, frozenset[str]]:
    """What explains each device and link that is lost, and each site that is isolated, on its backup or without mains; those
    that nothing explains are left out."""
    graph = graph or Graph(picture)
    spoken_for = {member for incident in incidents for member in _speaks_for(incident, graph)}
    leading = {incident.root for incident in incidents if _link_pages(incident, graph)}
    found: dict[Subject, frozenset[str]] = {}
    for device in (*graph.devices, *graph.pending):
        subject = Subject("device", device)
        found[subject] = frozenset(_of_device(subject, subject in spoken_for, graph))
    for link in graph.links:
        subject = Subject("link", link)
        found[subject] = frozenset(_of_link(subject, subject in spoken_for, subject in leading, graph))
    degraded = {site for site, told in picture.sites_stand.items() if told.state in DEGRADED}
    for site in sorted((degraded | picture.on_battery.keys()) & picture.sites.keys()):
        found[Subject("site", site)] = frozenset(_of_site(Subject("site", site), spoken_for, graph))
    return {subject: by for subject, by in found.items() if by}


def pages(incident: Incident, picture: Picture, *, graph: Graph | None = None) -> bool:
    """Whether an incident is to page by itself: several of it are down, at different sites, for no declared reason; none of
    its communes is isolated and pages, and its root is no device that is down and pages."""
    graph = graph or Graph(picture)
    if incident.until is not None or picture.self_isolated:
        return False
    down = _down(incident, graph)
    if len(_sites(down, graph)) < 2 or (incident.root.kind == "device" and incident.root in down):
        return False
    return not any(isolated_and_pages(site, graph) for site in _sites(incident.members, graph))


def isolated_and_pages(site: str, graph: Graph) -> bool:
    """Whether a site is a commune's People's Committee that is isolated, and not by works."""
    if graph.picture.sites[site].kind is not SiteKind.PEOPLES_COMMITTEE or graph.service(site) != Service.ISOLATED:
        return False
    return graph.works(Subject("site", site)) is None


def _speaks_for(incident: Incident, graph: Graph) -> Iterable[Subject]:
    """The members of an incident that need not page because it does: one that is down at several sites pages by itself, by
    a commune that it isolates, or by the device that is its root, which goes on paging; one at a single site by the link
    that was cut."""
    if incident.until is not None or graph.picture.self_isolated:
        return ()
    if len(_sites(_down(incident, graph), graph)) < 2:
        return [member for member in incident.members if member.kind == "device"] if _link_pages(incident, graph) else ()
    return [member for member in incident.members if member != incident.root or member.kind != "device"]


def _link_pages(incident: Incident, graph: Graph) -> bool:
    """Whether an incident at a single site is told by its root, a primary link that was cut, and not by what stands at the
    link's end or by the commune that it serves."""
    link = graph.picture.links.get(incident.root.id) if incident.root.kind == "link" else None
    if link is None or link.role is not LinkRole.PRIMARY or incident.until is not None or graph.picture.self_isolated:
        return False
    down = _down(incident, graph)
    return incident.root in down and len(_sites(down, graph)) < 2 and not _told_by_its_site(incident.root, graph)


def _down(incident: Incident, graph: Graph) -> set[Subject]:
    """Members that are down, and not only behind something that is, for no declared reason and not by netmon."""
    return {
        member
        for member in incident.members
        if _is_down(member, graph) and not graph.by_netmon(member) and not _declared(member, graph)
    }


def _is_down(subject: Subject, graph: Graph) -> bool:
    if subject.kind == "link":
        return subject.id in graph.links
    return graph.picture.devices_stand[subject.id].state == DeviceState.DOWN if subject.id in graph.devices else False


def _declared(subject: Subject, graph: Graph) -> bool:
    return graph.works(subject) is not None or graph.storm(subject, graph.lost_since(subject) or 0.0) is not None


def _sites(subjects: Iterable[Subject], graph: Graph) -> set[str]:
    picture = graph.picture
    known = (s for s in subjects if s.id in (picture.devices if s.kind == "device" else picture.links))
    return {graph.site_of(subject).id for subject in known}


def _isolated_at(subject: Subject, graph: Graph) -> bool:
    return isolated_and_pages(graph.site_of(subject).id, graph)


def _of_device(subject: Subject, by_incident: bool, graph: Graph) -> Iterator[str]:
    if subject.id in graph.pending or graph.top(subject.id):
        yield "upstream"
    if _isolated_at(subject, graph):
        yield "site"
    if by_incident:
        yield "incident"
    yield from _declared_by(subject, graph.lost_since(subject) or 0.0, graph)


def _told_by_its_site(subject: Subject, graph: Graph) -> bool:
    """Whether the commune of a link pages by itself: it is isolated, or on its backup."""
    site = graph.site_of(subject)
    if site.kind is not SiteKind.PEOPLES_COMMITTEE:
        return False
    return graph.service(site.id) == Service.ON_BACKUP or isolated_and_pages(site.id, graph)


def _of_link(subject: Subject, by_incident: bool, leads: bool, graph: Graph) -> Iterator[str]:
    link = graph.picture.links[subject.id]
    if _told_by_its_site(subject, graph):
        yield "site"
    if not leads and link.near is not None and link.near.device in graph.devices:
        yield "device"
    if by_incident:
        yield "incident"
    yield from _declared_by(subject, graph.links[subject.id], graph)


def _of_site(subject: Subject, spoken_for: set[Subject], graph: Graph) -> Iterator[str]:
    """A site on its backup is explained by what took its links; one that only lacks mains by what took its devices."""
    service = graph.service(subject.id)
    if service == Service.ISOLATED:
        if graph.works(subject) is not None:
            yield "maintenance"
        return
    links = [Subject("link", link.id) for link in graph.links_at.get(subject.id, ()) if link.id in graph.links]
    devices = [Subject("device", device) for device in graph.devices_at.get(subject.id, ()) if device in graph.devices]
    parts = links if service == Service.ON_BACKUP else devices
    if parts and all(part in spoken_for for part in parts):
        yield "incident"
    stands = graph.picture.sites_stand.get(subject.id)
    since = stands.since if stands is not None and service == Service.ON_BACKUP else graph.picture.on_battery.get(subject.id)
    yield from _declared_by(subject, graph.picture.at if since is None else since, graph)


def _declared_by(subject: Subject, since: float, graph: Graph) -> Iterator[str]:
    if graph.storm(subject, since) is not None:
        yield "storm"
    if graph.works(subject) is not None:
        yield "maintenance"
    if graph.by_netmon(subject):
        yield "self"
