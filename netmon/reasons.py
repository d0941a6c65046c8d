"""Why, written beside outages: what incidents came of, for reports on whoever lost something by them.

Of an incident every outage has the incident's reason, but for those of devices that were merely unreachable: their class is
`upstream`, and their root the upstream that was lost, within the same incident. A site is lost by way of its links and
devices: it has the reason of the incident that those are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from netmon.announce import LOST
from netmon.causes.findings import find
from netmon.causes.graph import Graph
from netmon.causes.picture import Picture
from netmon.model import CauseClass, Finding, Incident, Subject
from netmon.store import Store


class Reasons:
    """Writes into one store. `fresh` is what was lost since the last time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sites: dict[str, tuple[str, Finding]] = {}  # sites without service: their incident and why, as written

    def tell(self, incident: Incident, was: Incident | None, fresh: Set[Subject], graph: Graph) -> None:
        """Writes why beside the outages of what is new in an incident or fell again, or of all of it where the reason is
        another. What is down now by another incident keeps that one's."""
        finding, known = _finding(incident), set(was.ever) if was is not None else set()
        another = was is not None and (was.cause, was.root) != (incident.cause, incident.root)
        for member in incident.members:
            if another or member not in known or member in fresh:
                self._store.explain_outage(member, incident.id, _of_member(member, finding, graph))
        if another:
            sites = {Subject("site", site) for member in incident.ever if (site := _site(member, graph.picture))}
            for subject in (*incident.ever, *sorted(sites)):
                self._store.explain_again(subject, incident.id, finding)

    def tell_sites(self, going_on: Iterable[Incident], fresh: Set[Subject], graph: Graph) -> None:
        """The same of sites without service, by the incidents that go on."""
        seen = [incident for incident in going_on if incident.ever]
        by_root = {incident.root: incident for incident in seen}
        member_of = {member: incident for incident in seen for member in incident.members}
        picture, before, self._sites = graph.picture, self._sites, {}
        for name, told in picture.sites_stand.items():
            if told.state not in LOST or name not in picture.sites:
                continue
            subject = Subject("site", name)
            finding = find(subject, picture, graph=graph)
            parts = [Subject("link", link.id) for link in graph.links_at.get(name, ())]
            parts += [Subject("device", device) for device in graph.devices_at.get(name, ())]
            incident = by_root.get(finding.root) or next((member_of[part] for part in parts if part in member_of), None)
            said = (incident.id, _finding(incident)) if incident is not None else ("", finding)
            self._sites[name] = said
            if before.get(name) != said or subject in fresh:
                self._store.explain_outage(subject, *said)


def _finding(incident: Incident) -> Finding:
    return Finding(incident.cause, incident.root, incident.clues)


def _of_member(member: Subject, finding: Finding, graph: Graph) -> Finding:
    """Why a member is lost: as its incident, or because its upstream is and nobody can ask it."""
    upstream = graph.picture.upstream_of.get(member.id, "") if member.kind == "device" else ""
    own = find(member, graph.picture, graph=graph) if upstream else finding
    return (
        Finding(own.cause, Subject("device", upstream), own.clues)
        if upstream and own.cause is CauseClass.UPSTREAM
        else finding
    )


def _site(member: Subject, picture: Picture) -> str:
    held = (picture.devices if member.kind == "device" else picture.links).get(member.id)
    return held.site if held is not None else ""
