"""Incidents: what is lost, gathered by the root that it shares, and followed until it is back.

An incident keeps its number while its root is found better (a lone fall turns out to be part of a cut cable) and while
what it came of comes back piece by piece (a cable is spliced fibre by fibre). It ends when nothing of it is down any more,
or when its root is a device or a link that is back: what is still down elsewhere then has an incident of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from netmon.causes import findings, words
from netmon.causes.graph import NETMON, Graph
from netmon.causes.impact import impact
from netmon.causes.picture import Picture
from netmon.model import CauseClass, Clue, Finding, Incident, Subject, Verb

RELAPSE_S = 900.0
"""What falls again so soon after its incident ended re-opens it: a splice that fails, a breaker that trips again."""

CUT = ("port_down", "no_light")
"""Clues of a cut. They stay with what looks like equipment later: a spliced fibre brings the port back before the device
at its end is asked again."""

_WEIGHT = (
    *(CauseClass.MONITORING, CauseClass.WORKS, CauseClass.POWER, CauseClass.FIBRE, CauseClass.EQUIPMENT),
    *(CauseClass.UNKNOWN, CauseClass.UPSTREAM),
)
"""Whose finding speaks for an incident: who only lost its upstream comes last."""


class Step(NamedTuple):
    """What netmon writes into the book of an incident: a verb of its own, the incident from then on, and what is noted."""

    verb: Verb
    incident: Incident
    text: str


@dataclass(frozen=True, slots=True)
class _Fold:
    """What goes into one incident: a root, what of it is lost, in order of time, and since when the first is."""

    root: Subject
    lost: list[Subject]
    since: float


class _Known:
    """Incidents, the one that goes before others first, by what fell in them and by their root."""

    def __init__(self, incidents: Sequence[Incident], *, ever: bool = False) -> None:
        self.incidents = incidents
        self._fell: dict[str, frozenset[Subject]] = {}
        self._free: dict[str, bool] = {}
        self._by: dict[Subject, list[int]] = {}
        self._by_root: dict[Subject, list[int]] = {}
        for n, one in enumerate(incidents):
            self._by_root.setdefault(one.root, []).append(n)
            for member in one.ever if ever else one.members:
                self._by.setdefault(member, []).append(n)

    def of(self, member: Subject) -> Incident | None:
        """The first incident of a device or link."""
        return self.incidents[self._by[member][0]] if member in self._by else None

    def fell(self, one: Incident) -> frozenset[Subject]:
        """All that ever fell in an incident."""
        if one.id not in self._fell:
            self._fell[one.id] = frozenset(one.ever)
        return self._fell[one.id]

    def holds(self, one: Incident, found: Subject, graph: Graph) -> bool:
        """Whether a member stays under the root of its incident although it is put down to another now: as others come back
        the evidence for what they shared goes, and what was shared does not. Works and netmon explain only as long as they
        do."""
        lasts = one.root.kind not in ("maintenance", "netmon") and _reach(one.root, graph) > _reach(found, graph)
        return lasts and one.root not in self.fell(one)

    def related(self, fold: _Fold) -> list[Incident]:
        """Those of the same root or with some of what is lost."""
        found = set(self._by_root.get(fold.root, ()))
        for member in fold.lost:
            found.update(self._by.get(member, ()))
        return [self.incidents[n] for n in sorted(found)]

    def may_change_root(self, one: Incident, graph: Graph) -> bool:
        """Whether an incident may take another root: it is not over, and nothing is lost under the one that it has."""
        if one.id not in self._free:
            lost = (member for member in one.members if graph.lost_since(member) is not None)
            found = (findings.find(member, graph.picture, graph=graph).root for member in lost)
            stays = _is_over(one, graph) or any(root == one.root or self.holds(one, root, graph) for root in found)
            self._free[one.id] = not stays
        return self._free[one.id]


def gather(
    picture: Picture, standing: Sequence[Incident], new_id: Callable[[float], str], *, graph: Graph | None = None
) -> tuple[list[Incident], list[Step]]:
    """The incidents that go on or just ended, and what changed, in order.

    `standing` are those that are not over, and those that ended within RELAPSE_S. `new_id` makes the number of an incident
    that began at an instant. While netmon suspects itself nothing is known, and all stands as it stood. What a person opened
    and nothing fell in ends by a person's word alone.
    """
    held = sorted((one for one in standing if one.until is None), key=lambda one: (one.since, one.id))
    if picture.self_isolated:
        return held, []
    graph = graph or Graph(picture)
    ended = [one for one in standing if _may_relapse(one, picture.at)]
    lately = _Known(sorted(ended, key=lambda one: (-(one.until or 0.0), one.id)), ever=True)
    going = _Known([one for one in held if one.ever])
    incidents: dict[str, Incident] = {one.id: one for one in held if not one.ever}
    steps: list[Step] = []
    heirs: dict[str, str] = {}
    for fold in _folds(graph, going, lately):
        finding = _finding(fold, graph)
        before = _heir(fold, going, heirs, graph) or _relapsed(fold, finding, lately, heirs, graph)
        now = _opened(fold, finding, graph, new_id) if before is None else _goes_on(before, fold, finding, graph)
        heirs[now.id] = now.id
        for one in going.related(fold):
            heirs.setdefault(one.id, now.id)
        incidents[now.id] = now
        steps += _changes(before, now)
    for one in going.incidents:
        if heirs.get(one.id) != one.id:
            left, its_steps = _without_loss(one, heirs.get(one.id, ""), incidents, graph)
            incidents[one.id] = left
            steps += its_steps
    return sorted(incidents.values(), key=lambda one: (one.since, one.id)), steps


# --- what belongs together --------------------------------------------------------------------------------------------


def _folds(graph: Graph, going: _Known, lately: _Known) -> list[_Fold]:
    """All that is lost, by the root under which it is kept, the earliest first."""
    lost: dict[Subject, list[Subject]] = {}
    for subject in graph.lost():
        root = findings.find(subject, graph.picture, graph=graph).root
        held, before = going.of(subject), lately.of(subject)
        if held is not None and going.holds(held, root, graph):
            root = held.root
        elif held is None and before is not None and _falls_again(before, subject, root, graph):
            root = before.root
        lost.setdefault(root, []).append(subject)
    folds = [_Fold(root, members, graph.lost_since(members[0]) or 0.0) for root, members in lost.items()]
    return sorted(folds, key=lambda fold: (fold.since, fold.root))


def _falls_again(before: Incident, subject: Subject, found: Subject, graph: Graph) -> bool:
    """Whether something falls by what it shared with others a while ago, although this time it falls alone."""
    shared = before.root.kind in ("cable", "site", "commune")
    return shared and not _reach(found, graph) and before.root in _own(subject, graph)


def _reach(root: Subject, graph: Graph) -> int:
    """How far a root reaches: one lost device or link; a live parent, by which nobody knows yet what its children share; a
    site; what sites share."""
    if root.kind in ("device", "link"):
        return 1 if graph.alive(root.id) else 0
    return 2 if root.kind == "site" else 3


def _is_over(one: Incident, graph: Graph) -> bool:
    """Whether what an incident came of was netmon, or is known to be back with all that stands beside it."""
    if one.root == NETMON:
        return True
    if one.root not in one.ever or not graph.is_back(one.root):
        return False
    here = _place(one.root, graph)
    return not any(_place(member, graph) == here for member in one.members if graph.lost_since(member) is not None)


def _place(subject: Subject, graph: Graph) -> str:
    known = subject.id in (graph.picture.devices if subject.kind == "device" else graph.picture.links)
    return graph.site_of(subject).id if known else ""


def _own(subject: Subject, graph: Graph) -> set[Subject]:
    """The roots that are a subject's own: itself, its link or device, their cables, its site, its commune."""
    site, picture = graph.site_of(subject), graph.picture
    own = {subject, Subject("site", site.id), Subject("commune", site.commune)}
    links = graph.uplinks(subject.id) if subject.kind == "device" else [picture.links[subject.id]]
    for link in links:
        own.add(Subject("link", link.id))
        own |= {Subject("cable", name) for name in link.srlg}
        if link.near is not None:
            own.add(Subject("device", link.near.device))
    return own


# --- which incident it is ---------------------------------------------------------------------------------------------


def _heir(fold: _Fold, going: _Known, heirs: Mapping[str, str], graph: Graph) -> Incident | None:
    """The earliest incident that goes on in a fold: it has that root, or held some of what is lost and has no other."""
    for one in going.related(fold):
        if heirs.get(one.id) != one.id and (one.root == fold.root or going.may_change_root(one, graph)):
            return one
    return None


def _may_relapse(one: Incident, now: float) -> bool:
    return one.until is not None and now - one.until <= RELAPSE_S and one.closed is None and bool(one.ever)


def _relapsed(fold: _Fold, finding: Finding, lately: _Known, heirs: Mapping[str, str], graph: Graph) -> Incident | None:
    """The incident that ended a while ago of the same root, or of one that was the own root of something lost again. What a
    person put down to a cause is not re-opened for another."""
    for one in lately.related(fold):
        again = lately.fell(one).intersection(fold.lost)
        if one.corrected is not None and finding.cause not in (one.cause, one.corrected):
            continue
        if one.id not in heirs and (one.root == fold.root or any(one.root in _own(member, graph) for member in again)):
            return one
    return None


# --- how it stands from now on ----------------------------------------------------------------------------------------


def _finding(fold: _Fold, graph: Graph) -> Finding:
    """What speaks for the whole: the weightiest cause that leads to its root, with the clues of all that say so."""
    found = [findings.find(subject, graph.picture, graph=graph) for subject in fold.lost]
    found = [one for one in found if one.root == fold.root] or found
    cause = min((one.cause for one in found), key=_WEIGHT.index)
    clues = {clue for one in found if one.cause is cause for clue in one.clues}
    return Finding(cause, fold.root, _kept(clues))


def _kept(clues: Iterable[Clue]) -> tuple[Clue, ...]:
    return tuple(sorted(set(clues), key=lambda clue: (clue.at, clue.what, clue.subject))[: findings.MOST_CLUES])


def _opened(fold: _Fold, finding: Finding, graph: Graph, new_id: Callable[[float], str]) -> Incident:
    members = tuple(sorted(fold.lost))
    return Incident(
        id=new_id(fold.since),
        province=_province(fold, graph),
        root=fold.root,
        cause=finding.cause,
        clues=finding.clues,
        since=fold.since,
        until=None,
        members=members,
        ever=members,
        impact=impact(members, graph.picture, graph=graph),
    )


def _province(fold: _Fold, graph: Graph) -> str:
    if fold.root.kind in ("device", "link", "site") and fold.root.id in _of_kind(fold.root.kind, graph.picture):
        return graph.site_of(fold.root).province
    return graph.site_of(fold.lost[0]).province


def _of_kind(kind: str, picture: Picture) -> Mapping[str, object]:
    return {"device": picture.devices, "link": picture.links, "site": picture.sites}[kind]


def _goes_on(before: Incident, fold: _Fold, finding: Finding, graph: Graph) -> Incident:
    """What people wrote stays. Evidence that went does not take a cause back: what was shared came back in part."""
    weak = finding.cause in (CauseClass.UNKNOWN, CauseClass.UPSTREAM)
    keeps = before.root == fold.root and weak and before.cause is not CauseClass.UNKNOWN
    unsure = () if _is_over(before, graph) else _unsure(before, graph)
    members = tuple(sorted({*fold.lost, *unsure}))
    cut = [clue for clue in before.clues if clue.what in CUT and finding.cause is CauseClass.EQUIPMENT]
    return replace(
        before,
        root=fold.root,
        cause=before.cause if keeps else finding.cause,
        clues=before.clues if keeps else _kept((*cut, *finding.clues)),
        until=None,
        members=members,
        ever=tuple(sorted({*before.ever, *fold.lost})),
        impact=impact(members, graph.picture, graph=graph),
    )


def _unsure(one: Incident, graph: Graph) -> list[Subject]:
    """Members of which nobody knows now whether they are back: they stay."""
    return [member for member in one.members if graph.lost_since(member) is None and not graph.is_back(member)]


def _without_loss(one: Incident, heir: str, incidents: Mapping[str, Incident], graph: Graph) -> tuple[Incident, list[Step]]:
    """An incident of which nothing is lost any more, or nothing that is its own."""
    unsure = _unsure(one, graph)
    if unsure and not heir:
        return replace(one, members=tuple(unsure), impact=impact(unsure, graph.picture, graph=graph)), []
    over = replace(one, members=(), impact=impact((), graph.picture, graph=graph), until=max(one.since, graph.picture.at))
    if heir and not _is_over(one, graph):
        return over, [Step(Verb.RESTORED, over, words.both(*words.merged(incidents[heir])))]
    finding = _in_hindsight(one, graph)
    if finding is None:
        return over, [Step(Verb.RESTORED, over, words.both(*words.restored(over)))]
    over = replace(over, cause=finding.cause, clues=_kept((*one.clues, *finding.clues)))
    found = Step(Verb.FOUND, over, words.both(*words.told(over)))
    return over, [found, Step(Verb.RESTORED, over, words.both(*words.restored(over)))]


def _in_hindsight(one: Incident, graph: Graph) -> Finding | None:
    """What the device of an incident tells of its fall once it is back, where that says more or otherwise than was found."""
    device = _device_of(one, graph)
    if device is None or not graph.alive(device):
        return None
    finding = findings.find(Subject("device", device), graph.picture, fell=one.since, graph=graph)
    if finding.cause in (CauseClass.UNKNOWN, one.cause):
        return None
    started = finding.cause in (CauseClass.POWER, CauseClass.EQUIPMENT)
    wrong = [CauseClass.UNKNOWN, CauseClass.UPSTREAM, CauseClass.FIBRE if started else CauseClass.POWER]
    if not started and any(clue.what in CUT for clue in one.clues):
        wrong.append(CauseClass.EQUIPMENT)  # its fibre was spliced, and its port up, before it was asked again
    return finding if one.cause in wrong else None


def _device_of(one: Incident, graph: Graph) -> str | None:
    """The device whose start tells of an incident: its root, or the only one that fell in it."""
    if one.root.kind == "device" and one.root in one.ever:
        return one.root.id
    devices = [member.id for member in one.ever if member.kind == "device"]
    return devices[0] if one.root.kind in ("link", "site", "device") and len(devices) == 1 else None


def _changes(before: Incident | None, now: Incident) -> list[Step]:
    if before is None:
        return [Step(Verb.OPENED, now, words.both(*words.told(now)))]
    steps = []
    if before.until is not None:
        steps.append(Step(Verb.RELAPSED, now, words.both(*words.told(now))))
    if (before.root, before.cause) != (now.root, now.cause):
        steps.append(Step(Verb.FOUND, now, words.both(*words.told(now))))
    fresh = sorted(set(now.ever) - set(before.ever))
    if fresh:
        steps.append(Step(Verb.GREW, now, words.both(*words.grew(fresh))))
    return steps
