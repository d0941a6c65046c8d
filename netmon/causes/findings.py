"""Why something fell: its cause class, the root that it shares with what fell with it, and the clues that led there.

The first that holds: netmon itself; declared works; an upstream; power; fibre; equipment; else unknown. Two things correct
that order. Where a cable went down with links of several communes at once, batteries that merely were in use are no reason,
for they do not run out together. And three or more that fall together behind a live parent, each without a reason of its
own, have the parent as root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netmon.causes.graph import NETMON, TOGETHER_S, Graph
from netmon.causes.picture import Picture
from netmon.model import CauseClass, Clue, Finding, Link, LinkKind, Subject

CHILDREN = 3
"""So many children of a live parent make one incident. In a province of ten thousand devices two of them fall within two
minutes by chance every other week, three hardly ever."""

MOST_CLUES = 12
"""So many clues are kept, the earliest: more is no more evidence."""

CABLE_LINKS = 2
"""So many links of a cable do: what they share is known to break."""


def find(subject: Subject, picture: Picture, *, fell: float | None = None, graph: Graph | None = None) -> Finding:
    """Why a device, a link or a site is lost.

    With `fell`, of a device that is back: why it had fallen then, by whether it started meanwhile. A `graph` of the same
    picture saves reading it again.
    """
    graph = graph or Graph(picture)
    if fell is not None and subject.kind == "device" and graph.alive(subject.id):
        return _afterwards(subject, fell, graph)
    if not graph.grouped:
        graph.grouped = True
        _group(graph)
    known = graph.found.get(subject)
    if known is None:
        known = graph.found[subject] = _alone(subject, graph)
    return known


def _alone(subject: Subject, graph: Graph) -> Finding:
    """What is known of a subject without its siblings."""
    if subject.kind == "site":
        return _of_site(subject, graph)
    since = graph.lost_since(subject)
    if since is None:
        return Finding(CauseClass.UNKNOWN, subject)
    if graph.by_netmon(subject):
        what = "netmon_isolated" if graph.picture.self_isolated else "not_asked"
        return Finding(CauseClass.MONITORING, NETMON, (Clue(what, subject, since),))
    works = graph.works(subject)
    if works is not None:
        root = Subject("maintenance", works.id)
        return Finding(CauseClass.WORKS, root, (Clue("works", root, works.start),))
    leader = _leader(subject, since, graph)
    if leader is None:
        return _of_device(subject, since, graph) if subject.kind == "device" else _of_link(subject, since, graph)
    above = find(leader, graph.picture, graph=graph)
    if subject.kind == "link" and above.cause is not CauseClass.WORKS:
        return above
    stands = graph.picture.devices_stand.get(leader.id)
    at = stands.since if stands is not None else since
    return Finding(CauseClass.UPSTREAM, above.root, (Clue("upstream_lost", leader, at),))


def _leader(subject: Subject, since: float, graph: Graph) -> Subject | None:
    """What a subject fell with and is told by: the upstream of a device that is unreachable, the device at an end of a link
    that fell before the link or with it."""
    if subject.kind == "device":
        top = graph.top(subject.id)
        return Subject("device", top) if top else None
    link = graph.picture.links[subject.id]
    ends = [port.device for port in (link.near, link.far) if port is not None and port.device in graph.devices]
    return next((Subject("device", end) for end in ends if graph.devices[end] <= since + TOGETHER_S), None)


def _of_site(subject: Subject, graph: Graph) -> Finding:
    """A site is lost by what its primary link is lost by, else another, else its devices."""
    links = sorted(graph.links_at.get(subject.id, ()), key=lambda link: (link.role != "primary", link.id))
    parts = [Subject("link", link.id) for link in links]
    parts += [Subject("device", device) for device in sorted(graph.devices_at.get(subject.id, ()))]
    first = next((part for part in parts if graph.lost_since(part) is not None), None)
    return find(first, graph.picture, graph=graph) if first else Finding(CauseClass.UNKNOWN, subject)


def _of_device(subject: Subject, since: float, graph: Graph) -> Finding:
    """Of a device that is silent although a live way leads up to it."""
    links = graph.uplinks(subject.id)
    cut = [link for link in links if _cut_with(link, since, graph)]
    cable = next((found for link in cut or links if (found := _cable(link, graph))), None)
    power = _power(subject, since, graph)
    if power is not None and (power.certain or cable is None or not cable.wide):
        marks = (clue for link in cut for clue in _marks(link, graph))
        return Finding(CauseClass.POWER, power.root, (*power.clues, *marks))
    if cable is not None:
        return cable.finding(graph, power.clues if power is not None else ())
    if cut:
        return _of_cut(cut[0], since, graph)
    silent = Clue("silent", subject, since)
    lit = next((link for link in links if link.far is not None and graph.picture.ports.get(link.far)), None)
    if lit is not None:
        return Finding(CauseClass.EQUIPMENT, subject, (silent, Clue("port_up", Subject("link", lit.id), since)))
    return Finding(CauseClass.UNKNOWN, subject, (silent,))


def _of_link(subject: Subject, since: float, graph: Graph) -> Finding:
    link = graph.picture.links[subject.id]
    cable = _cable(link, graph)
    return cable.finding(graph) if cable is not None else _of_cut(link, since, graph)


# --- power ------------------------------------------------------------------------------------------------------------


class _Power(NamedTuple):
    """What speaks for power. `certain`: the mains failed or a last gasp came at the very time of the fall, or the battery
    was low; a battery that merely was in use is not."""

    root: Subject
    clues: tuple[Clue, ...]
    certain: bool


def _power(subject: Subject, since: float, graph: Graph) -> _Power | None:
    picture, site = graph.picture, graph.site_of(subject)
    here, clues = Subject("site", site.id), []
    mains, low, gasp = picture.on_battery.get(site.id), picture.battery_low.get(site.id), picture.gasps.get(subject.id)
    if mains is not None and mains <= since + TOGETHER_S:
        clues.append(Clue("on_battery", here, mains))
    if low is not None and low <= since + TOGETHER_S:
        clues.append(Clue("battery_low", here, low))
    if gasp is not None and _together(gasp, since):
        clues.append(Clue("gasp", subject, gasp))
    neighbour = _neighbour(site.id, site.commune, since, mains, graph)
    if neighbour is not None:
        clues.append(neighbour)
    if not clues:
        return None
    certain = any(clue.what == "battery_low" or _sudden(clue, since) for clue in clues)
    return _Power(Subject("commune", site.commune) if neighbour is not None else here, tuple(clues), certain)


def _sudden(clue: Clue, since: float) -> bool:
    return clue.what in ("on_battery", "gasp", "area_on_battery") and _together(clue.at, since)


def _neighbour(site: str, commune: str, fell: float, mains: float | None, graph: Graph) -> Clue | None:
    """Another site of the commune that lost its mains when this one lost them or fell, or fell with it while either was on
    battery: then it is the mains of the area. Two sites say it of each other, or neither does."""
    dark, falls = graph.picture.on_battery, graph.falls_in.get(commune, {})
    for other in graph.dark_in.get(commune, ()):
        if other == site:
            continue
        if _together(dark[other], fell) or (mains is not None and _together(dark[other], mains)):
            return Clue("area_on_battery", Subject("site", other), dark[other])
        if other in falls and _together(falls[other], fell):
            return Clue("fell_on_battery", Subject("site", other), falls[other])
    if mains is not None:
        for other, last in sorted(falls.items()):
            if other != site and (_together(last, mains) or _together(last, fell)):
                return Clue("fell_together", Subject("site", other), last)
    return None


# --- fibre ------------------------------------------------------------------------------------------------------------


class _Cable(NamedTuple):
    """A cable and those of its links that fell together; `wide`: of several communes."""

    name: str
    links: Sequence[Link]
    wide: bool

    def finding(self, graph: Graph, against: tuple[Clue, ...] = ()) -> Finding:
        clues = [Clue("cable_link_down", Subject("link", link.id), graph.links[link.id]) for link in self.links[:MOST_CLUES]]
        return Finding(CauseClass.FIBRE, Subject("cable", self.name), (*clues, *against))


def _cable(link: Link, graph: Graph) -> _Cable | None:
    """The cable that a link fell with: the one that took most links with it. Links of one site that show no cut are told by
    the device on which they end."""
    fallen = [(name, graph.fell_in(name, link)) for name in dict.fromkeys(link.srlg)]
    shared = [
        (-len(links), name, links)
        for name, links in fallen
        if len(links) >= CABLE_LINKS and (any(each.site != link.site for each in links) or any(_marks(link, graph)))
    ]
    if not shared:
        return None
    _, name, links = min(shared, key=lambda each: each[:2])
    sites = graph.picture.sites
    commune = sites[link.site].commune
    return _Cable(name, links, any(sites[each.site].commune != commune for each in links))


def _cut_with(link: Link, since: float, graph: Graph) -> bool:
    """Whether a link was cut when its device fell: its far port is down or its far end has no light, since then."""
    picture, told = graph.picture, graph.links.get(link.id)
    if link.id in picture.dark:
        return _together(picture.dark[link.id], since) or (told is not None and _together(told, since))
    down = link.far is not None and picture.ports.get(link.far) is False
    return down and (told is None or _together(told, since))


def _of_cut(link: Link, since: float, graph: Graph) -> Finding:
    """Of one link: cut where it is a fibre and an end of it says so. A radio with a port that is down has failed; of mobile
    and satellite links neither end tells enough."""
    root, clues = Subject("link", link.id), tuple(_marks(link, graph))
    if not clues:
        return Finding(CauseClass.UNKNOWN, root, (Clue("link_down", root, since),))
    kinds = {LinkKind.FIBRE: CauseClass.FIBRE, LinkKind.MICROWAVE: CauseClass.EQUIPMENT}
    return Finding(kinds.get(link.kind, CauseClass.UNKNOWN), root, clues)


def _marks(link: Link, graph: Graph) -> Iterator[Clue]:
    """What the ends of a link say of a cut."""
    subject, picture = Subject("link", link.id), graph.picture
    if any(port is not None and picture.ports.get(port) is False for port in (link.far, link.near)):
        told = picture.links_stand.get(link.id)
        yield Clue("port_down", subject, told.since if told is not None else picture.at)
    if link.id in picture.dark:
        yield Clue("no_light", subject, picture.dark[link.id])


# --- several together -------------------------------------------------------------------------------------------------


def _group(graph: Graph) -> None:
    """Looks at all that is lost by a reason of its own, and puts what fell together behind one live parent down to it."""
    single: dict[str, list[tuple[float, Subject]]] = {}
    parents: dict[Subject, list[str]] = {}
    for subject in graph.lost():
        since = graph.lost_since(subject) or 0.0
        if graph.by_netmon(subject) or graph.works(subject) or _leader(subject, since, graph):
            continue
        graph.found[subject] = finding = _alone(subject, graph)
        if finding.root == subject or (subject.kind == "device" and finding.root.kind == "link"):
            parents[subject] = [parent for parent in _parents(subject, graph) if graph.alive(parent)]
            for parent in parents[subject]:
                single.setdefault(parent, []).append((since, subject))
    of: dict[tuple[str, Subject], frozenset[Subject]] = {}
    for parent, falls in single.items():
        for burst in _bursts(falls):
            of |= {(parent, subject): burst for subject in burst}
    told: dict[tuple[str, frozenset[Subject]], Finding] = {}
    for subject, live in parents.items():
        bursts = [(parent, of[parent, subject]) for parent in live if (parent, subject) in of]
        if bursts:
            best = min(bursts, key=lambda each: (-len(each[1]), each[0]))
            if best not in told:
                told[best] = _several(*best, graph)
            graph.found[subject] = told[best]


def _parents(subject: Subject, graph: Graph) -> Sequence[str]:
    if subject.kind == "device":
        return tuple(dict.fromkeys(graph.picture.devices[subject.id].upstreams))
    far = graph.picture.links[subject.id].far
    return () if far is None else (far.device,)


def _bursts(falls: list[tuple[float, Subject]]) -> list[frozenset[Subject]]:
    """Those that fell within TOGETHER_S of the first of them, where they are CHILDREN or more."""
    bursts: list[list[tuple[float, Subject]]] = []
    for fall in sorted(falls):
        if not bursts or not _together(bursts[-1][0][0], fall[0]):
            bursts.append([])
        bursts[-1].append(fall)
    return [frozenset(subject for _, subject in burst) for burst in bursts if len(burst) >= CHILDREN]


def _several(parent: str, burst: frozenset[Subject], graph: Graph) -> Finding:
    """Several children of a live parent. A whole board of it down is equipment; else nobody knows yet: a cable that they
    share and the inventory does not tell, or the power of an area that tells nothing."""
    root = Subject("device", parent)
    first = min(graph.lost_since(subject) or 0.0 for subject in burst)
    clue = Clue("several_children", root, first)
    below = {link.id for subject in burst for link in _links_of(subject, graph)}
    ports = [(link.id in below, link.far) for link in graph.links_from.get(parent, ()) if link.far is not None]
    boards = {_board(port.interface) for fell, port in ports if fell}
    if len(boards) != 1 or "" in boards:
        return Finding(CauseClass.UNKNOWN, root, (clue,))
    if all(graph.picture.ports.get(port) is False for _, port in ports if _board(port.interface) in boards):
        return Finding(CauseClass.EQUIPMENT, root, (clue, Clue("board_down", root, first)))
    return Finding(CauseClass.UNKNOWN, root, (clue,))


def _links_of(subject: Subject, graph: Graph) -> Sequence[Link]:
    return graph.uplinks(subject.id) if subject.kind == "device" else [graph.picture.links[subject.id]]


def _board(interface: str) -> str:
    """ "GigabitEthernet0/3" of "GigabitEthernet0/3/17"; "" where a name tells no board."""
    return interface.rpartition("/")[0]


# --- once it is back --------------------------------------------------------------------------------------------------


def _afterwards(subject: Subject, fell: float, graph: Graph) -> Finding:
    """Why a device that is back had fallen. One that started meanwhile had lost its power or failed; one that did not was
    cut off."""
    picture, device = graph.picture, graph.picture.devices[subject.id]
    started = picture.started.get(subject.id)
    if started is None:
        return Finding(CauseClass.UNKNOWN, subject)
    power = _power(subject, fell, graph)
    said = power.clues if power is not None else ()
    if started > fell - device.interval_s:  # it may have fallen so long before the first poll that it did not answer
        gasp = picture.gasps.get(subject.id, 0.0)
        if gasp > fell + TOGETHER_S:
            said = (*said, Clue("gasp", subject, gasp))
        root = power.root if power is not None else Subject("site", device.site) if said else subject
        clues = (Clue("restarted", subject, started), *said)
        return Finding(CauseClass.POWER if said else CauseClass.EQUIPMENT, root, clues)
    links, clues = graph.uplinks(subject.id), (Clue("not_restarted", subject, started), *said)
    fibre = next((link for link in links if link.kind is LinkKind.FIBRE), None)
    if fibre is None and links:
        return Finding(CauseClass.UNKNOWN, Subject("link", links[0].id), clues)
    return Finding(CauseClass.FIBRE, Subject("link", fibre.id) if fibre is not None else subject, clues)


def _together(one: float, other: float) -> bool:
    return abs(one - other) <= TOGETHER_S
