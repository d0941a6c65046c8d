"""Incidents as they go on: kept up to date with the network, written into the store and its book, and shown.

Everything that one reason explains is one incident, and pages once: `explained` says of what is lost that something else
pages for it. What is decided is decided in `causes`; here it is remembered, told, and taken from people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from time import thread_time

import structlog

from netmon import book, samples
from netmon.announce import AVAILABLE, LOST, Announcer
from netmon.causes.explained import explanations, pages
from netmon.causes.flapping import Penalty, after_fall, is_flapping
from netmon.causes.graph import Graph
from netmon.causes.incidents import RELAPSE_S, gather
from netmon.causes.picture import Picture
from netmon.causes.words import both, grew
from netmon.connections import Change
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import CauseClass, DeviceState, Entry, Impact, Incident, LinkState, Poll, Subject, Verb
from netmon.network import Network
from netmon.pictures import Pictures
from netmon.reasons import Reasons
from netmon.store import Reader, Store, signed
from netmon.targets.windows import local

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 10.0
"""The clock alone changes something too: works begin and end, storms pass, flapping calms down."""

RESTS, LONGEST_REST_S = 10.0, 5.0
"""A look at a province that falls apart takes a while: before the next one there are so many times its cost for the polls,
and at most so many seconds."""

GROWS_S = 60.0
"""What falls so soon after something else of its incident is one line of its book with it. As long the store waits for an
incident that is the same but for what is down of it."""

SHOWN_S = 3600.0
"""An incident that is over stays on the page as one that does not page, so that no rule goes on with what it was."""

BY_NETMON = "netmon"

MOST = 100_000
"""So many incidents that go on are read at the start: in a storm each lone fall is one."""

UNWRITTEN = 100
"""So many numbers are left out after a life that ended without a goodbye: those of its last second were shown, and may not
have been written. No number means two incidents to whoever wrote it down."""


class Incidents:
    """The incidents of one network. `last_poll` gives the poll that a device was last heard by."""

    def __init__(
        self,
        network: Network,
        pictures: Pictures,
        announcer: Announcer,
        *,
        store: Store,
        outlets: Outlets,
        last_poll: Callable[[str], Poll | None],
        clock: Callable[[], float],
    ) -> None:
        self.pictures = pictures
        self.picture: Picture | None = None
        self._network = network
        self._announcer = announcer
        self._store = store
        self._reasons = Reasons(store)
        self._outlets = outlets
        self._last_poll = last_poll
        self._clock = clock
        self._incidents: dict[str, Incident] = {}  # those that go on, and those that may go on again
        self._last: dict[int, int] = {}  # the highest number of each year
        self._penalties: dict[Subject, Penalty] = {}
        self._flapping: set[Subject] = set()
        self._flapped: set[Subject] = set()  # what is on the page as flapping, or as calm again
        self._lost: set[Subject] = set()  # what was told to be lost, and not to be back
        self._fresh: set[Subject] = set()  # what was lost since the last look
        self._grown: dict[str, tuple[float, tuple[Subject, ...]]] = {}  # since when, and what had fallen until then
        self._unwritten: dict[str, float] = {}  # incidents that the store does not have as they are, and since when
        self._shown: dict[tuple[str, Subject], float] = {}  # provinces and roots on the page, and until when
        self._mains: set[str] = set()  # sites without links that are or were without mains
        self._inventory = network.inventory
        self._dirty = True
        self._graph: Graph | None = None  # the last one: while the inventory is the same its indexes are
        self._next = 0.0
        self._rests_until = 0.0
        self._looked = 0.0

    def restore(self, reader: Reader, now: float) -> None:
        """Goes on with the incidents that went on when netmon stopped, and shows from the start what they explain."""
        for incident in reader.incidents(since=now - RELAPSE_S, most=MOST):
            self._incidents[incident.id] = incident
            if incident.until is None:
                self.pictures.recall(incident.clues)
        for name in reader.incident_ids():
            self._note_number(name)
        if any(absence.reason != "stopped" for absence in reader.absences(0.0, inf)[-1:]):
            self._last[local(now).year] = self._last.get(local(now).year, 0) + UNWRITTEN
        network = self._network
        for kind, stands in (("device", network.tracks), ("link", network.links), ("site", network.sites)):
            self._lost |= {Subject(kind, name) for name, one in stands.items() if one.state in LOST}
        self._dirty = True

    def park(self) -> None:
        """Writes what has not been written yet, for the next start."""
        for name in list(self._grown):
            self._write_growth(name)
        for name in list(self._unwritten):
            self._put(name)

    # --- what happens -------------------------------------------------------------------------------------------------

    def note(self, changes: Iterable[Change]) -> None:
        """Takes what the network told."""
        for change in changes:
            self._dirty = True
            subject = change.subject
            if change.state in LOST:
                self._fresh.add(subject)
                if subject not in self._lost:
                    self._lost.add(subject)
                    if change.state in (DeviceState.DOWN, LinkState.DOWN):
                        self._fell(subject, change.since)
            elif change.state in AVAILABLE and change.state != DeviceState.SUSPECT:
                self._lost.discard(subject)
                poll = self._last_poll(subject.id) if subject.kind == "device" else None
                if poll is not None:
                    self.pictures.note_return(poll)

    def touch(self) -> None:
        """Something else changed that explains: a window was declared, mains failed, the inventory is another."""
        self._dirty = True

    def step(self, now: float) -> None:
        """Looks at the network where something changed, and otherwise every few seconds."""
        if now < self._looked:
            self._set_back(now)
        if now < (self._rests_until if self._dirty else self._next):
            return
        began = thread_time()  # what others take of the machine is no cost of ours
        self._look(now)
        self._rests_until = now + min(RESTS * (thread_time() - began), LONGEST_REST_S)

    def _look(self, now: float) -> None:
        self._dirty, self._next, self._looked = False, now + LOOK_EVERY_S, now
        self._calm(now)
        self._follow()
        picture = self.picture = self.pictures.take(now, self._flapping)
        graph = self._graph = Graph(picture, like=self._graph)
        before = self._incidents
        kept = {name: one for name, one in before.items() if one.until is None or now - one.until <= RELAPSE_S}
        found, steps = gather(picture, [one for one in kept.values() if one.ever], self._new_id, graph=graph)
        found = [_by(now, one) for one in found]
        self._incidents = {
            **{name: one for name, one in kept.items() if one.until is not None or not one.ever},
            **{incident.id: incident for incident in found},
        }
        for step in steps:
            name = step.incident.id
            if step.verb is Verb.GREW:
                self._grown.setdefault(name, (now, before[name].ever if name in before else ()))
            else:
                self._write_growth(name)
                self._write(Entry(now, name, step.verb, BY_NETMON, "", step.text))
                _log(step.verb, step.incident, step.text)
        for name in [name for name, (since, _) in self._grown.items() if now - since >= GROWS_S]:
            self._write_growth(name)
        fresh, self._fresh = self._fresh, set()
        for incident in found:
            was = before.get(incident.id)
            if was is None or _facts(was) != _facts(incident):
                self._put(incident.id)
            elif was != incident:
                self._unwritten.setdefault(incident.id, now)
            if was != incident or not fresh.isdisjoint(incident.members):
                self._reasons.tell(incident, was, fresh, graph)
        for name in [name for name, since in self._unwritten.items() if now - since >= GROWS_S]:
            self._put(name)
        self._reasons.tell_sites(self.going_on(), fresh, graph)
        self._show(graph, self.going_on(), now)

    def _put(self, name: str) -> None:
        self._unwritten.pop(name, None)
        self._store.put_incident(self._incidents[name])

    def _set_back(self, now: float) -> None:
        """The clock went back: nothing began, ended or was noted later than now."""
        self._dirty, self._rests_until = True, now
        self._incidents = {name: _by(now, one) for name, one in self._incidents.items()}
        self._grown = {name: (min(since, now), had) for name, (since, had) in self._grown.items()}
        self._unwritten = {name: min(since, now) for name, since in self._unwritten.items()}
        self._penalties = {who: each._replace(at=min(each.at, now)) for who, each in self._penalties.items()}
        self._shown = {place: until if until == inf else min(until, now + SHOWN_S) for place, until in self._shown.items()}

    def _write_growth(self, name: str) -> None:
        """Writes into the book of an incident what fell in it since it began to grow: one line, not one a member."""
        if name not in self._grown:
            return
        since, had = self._grown.pop(name)
        incident = self._incidents[name]
        fresh = sorted(set(incident.ever) - set(had))
        self._write(Entry(since, name, Verb.GREW, BY_NETMON, "", both(*grew(fresh))))
        _log(Verb.GREW, incident, both(*grew(fresh)))

    def _follow(self) -> None:
        """Takes the inventory as it is now: what flaps may have other labels."""
        if self._network.inventory is not self._inventory:
            self._inventory = self._network.inventory
            for subject in self._penalties:
                if subject in self._flapped:
                    self._show_flapping(subject, int(subject in self._flapping))

    def going_on(self) -> list[Incident]:
        """The incidents that last, the earliest first."""
        return sorted((one for one in self._incidents.values() if one.until is None), key=lambda one: (one.since, one.id))

    def causes(self) -> Mapping[str, CauseClass]:
        """The cause that holds of each device that is lost."""
        found: dict[str, CauseClass] = {}
        for incident in self.going_on():
            for member in incident.members:
                if member.kind == "device":
                    found[member.id] = incident.said_cause
        if self.picture is not None:
            for device in self.picture.upstream_of:
                found.setdefault(device, CauseClass.UPSTREAM)
        return found

    # --- flapping -----------------------------------------------------------------------------------------------------

    def _fell(self, subject: Subject, at: float) -> None:
        self._penalties[subject] = after_fall(self._penalties.get(subject, Penalty()), at)
        if subject not in self._flapping and is_flapping(self._penalties[subject], False, at):
            self._flapping.add(subject)
            self._flapped.add(subject)
            self._show_flapping(subject, 1)
            log.warning(f"{subject.kind} flaps", **{subject.kind: subject.id})

    def _calm(self, now: float) -> None:
        for subject in [one for one in self._flapping if not is_flapping(self._penalties[one], True, now)]:
            self._flapping.discard(subject)
            self._show_flapping(subject, 0)
            log.info(f"{subject.kind} flaps no more", **{subject.kind: subject.id})
        for subject in [one for one, penalty in self._penalties.items() if penalty.at < now - 4 * SHOWN_S]:
            if subject not in self._flapping:
                del self._penalties[subject]
                self._flapped.discard(subject)
                self._outlets.forget(f"flapping:{subject}")

    def _show_flapping(self, subject: Subject, value: int) -> None:
        shown = samples.flapping_samples(self._network.inventory, subject, value)
        self._outlets.put(f"flapping:{subject}", shown, kept=True)

    def hang(self, inventory: Inventory) -> None:
        """Takes an inventory: a site that has links from now on is told with them."""
        told = inventory.links_of_site().keys() | (self._mains - inventory.sites.keys())
        for site in self._mains & told:
            self._mains.discard(site)
            self._outlets.forget(f"explained:{site}")
        self._dirty = True

    def forget(self, subject: Subject) -> None:
        """A subject that left the inventory."""
        self._penalties.pop(subject, None)
        for memory in (self._flapping, self._flapped, self._fresh, self._lost):
            memory.discard(subject)
        self._outlets.forget(f"flapping:{subject}")
        if subject.kind == "device":
            self.pictures.forget(subject.id)
        self._dirty = True

    # --- how it is told -----------------------------------------------------------------------------------------------

    def _show(self, graph: Graph, going_on: Sequence[Incident], now: float) -> None:
        """Shows what explains what, and the incidents themselves."""
        picture = graph.picture
        before, explained = self._announcer.explained, explanations(picture, going_on, graph=graph)
        self._announcer.explained = explained
        for subject in before.keys() | explained.keys():
            if before.get(subject) != explained.get(subject):
                self._announcer.show_if_known(self._network, subject)
        inventory = self._network.inventory
        self._show_mains(picture, explained)
        # What a person opened of the same root gives way: nothing of it was seen to fall, and it never pages.
        by_weight = sorted(going_on, key=lambda incident: bool(incident.ever))
        current = {(incident.province, incident.root): incident for incident in by_weight}
        for place, incident in current.items():
            shown = samples.incident_samples(incident, inventory, pages(incident, picture, graph=graph))
            self._outlets.put(_owner(place), shown, kept=True)
            self._shown[place] = inf
        for place, until in list(self._shown.items()):
            if place in current:
                continue
            if until == inf:  # it came to its end, or has another root: it pages no more
                self._shown[place] = now + SHOWN_S
                self._outlets.put(_owner(place), samples.incident_over(*place), kept=True)
            elif now > until:
                del self._shown[place]
                self._outlets.forget(_owner(place))

    def _show_mains(self, picture: Picture, explained: Mapping[Subject, frozenset[str]]) -> None:
        """Shows what explains that a site without links lacks mains: it has no service of its own to be told with."""
        without = {site for site in picture.on_battery if site in picture.sites and site not in picture.sites_stand}
        self._mains |= without
        for site in self._mains:
            shown = samples.site_explained(self._network.inventory, site, explained.get(Subject("site", site), frozenset()))
            self._outlets.put(f"explained:{site}", shown, kept=True)

    # --- the book -----------------------------------------------------------------------------------------------------

    def _write(self, entry: Entry) -> None:
        self._store.put_entry(entry)

    def known(self, name: str) -> Incident | None:
        """An incident that goes on, or ended so lately that it may go on again."""
        return self._incidents.get(name)

    def act(self, incident: Incident, action: str, text: str, author: str, note: str = "") -> Incident:
        """What a person writes into the book of an incident. ValueError: it cannot be done, in a sentence."""
        verb, said = book.accept(incident, action, text)
        now = self._clock()
        self._write(Entry(now, incident.id, verb, author, note, said))
        changed = _with(incident, verb, said, signed(author, note), now)
        if incident.id in self._incidents:
            self._incidents[incident.id] = changed
            if changed.until != incident.until:
                self._store.put_incident(changed)
        log.info("incident book", incident=incident.id, verb=verb.value, by=author)
        self.touch()
        return changed

    def open(self, root: Subject, province: str, cause: CauseClass, text: str, author: str, note: str = "") -> Incident:
        """An incident that a person opens: nothing of it was seen to fall, and it lasts until somebody closes it."""
        now = self._clock()
        incident = Incident(
            id=self._new_id(now),
            province=province,
            root=root,
            cause=cause,
            clues=(),
            since=now,
            until=None,
            members=(),
            ever=(),
            impact=Impact(),
        )
        self._incidents[incident.id] = incident
        self._store.put_incident(incident)
        self._write(Entry(now, incident.id, Verb.OPEN, author, note, text))
        log.info("incident book", incident=incident.id, verb=Verb.OPEN.value, by=author)
        self.touch()
        return incident

    # --- names --------------------------------------------------------------------------------------------------------

    def _new_id(self, at: float) -> str:
        year = local(at).year
        self._last[year] = self._last.get(year, 0) + 1
        return f"{year}-{self._last[year]:04d}"

    def _note_number(self, name: str) -> None:
        year, _, number = name.partition("-")
        if year.isdigit() and number.isdigit():
            self._last[int(year)] = max(self._last.get(int(year), 0), int(number))


def _facts(incident: Incident) -> tuple[object, ...]:
    """What of an incident the store is told at once."""
    return (incident.root, incident.cause, incident.since, incident.until)


def _by(now: float, incident: Incident) -> Incident:
    """The incident as it can be by now: none began or ended in the future."""
    if max(incident.since, incident.until or 0.0) <= now:
        return incident
    return replace(
        incident, since=min(incident.since, now), until=None if incident.until is None else min(incident.until, now)
    )


def _with(incident: Incident, verb: Verb, text: str, author: str, now: float) -> Incident:
    """The incident after a line of its book."""
    match verb:
        case Verb.ACKNOWLEDGE:
            return replace(incident, acknowledged=author)
        case Verb.ASSIGN:
            return replace(incident, assigned=text)
        case Verb.CAUSE:
            return replace(incident, corrected=CauseClass(text.partition(":")[0]))
        case Verb.CLOSE:
            over = now if incident.until is None and not incident.ever else incident.until
            return replace(incident, closed=now, until=over)
        case Verb.REOPEN:
            return replace(incident, closed=None, until=incident.until if incident.ever else None)
        case _:
            return incident


def _owner(place: tuple[str, Subject]) -> str:
    return f"incident:{place[0]}:{place[1]}"


def _log(verb: Verb, incident: Incident, text: str) -> None:
    say = log.warning if verb in (Verb.OPENED, Verb.GREW, Verb.RELAPSED) else log.info
    say(
        f"incident {verb.value}",
        incident=incident.id,
        root=str(incident.root),
        cause=incident.cause.value,
        members=len(incident.members),
        communes=len(incident.impact.isolated),
        why=text,
    )
