"""The network as it stands: the state of every device, link and site, kept up to date by polls.

It remembers, but it does nothing: each call takes what happened and its time, and returns what changed and whom to poll
soon. The pipeline stores and exports the changes and hands the pokes to the schedule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netmon import causes
from netmon.causes import Alibi
from netmon.derive import services, states
from netmon.derive.services import Witness
from netmon.derive.states import Track
from netmon.inventory import Inventory
from netmon.model import DeviceState, Link, LinkState, Outcome, Poll, Port, Service, Subject

PATIENCE_S = 60.0
"""A fall whose upstreams say nothing at all for so long (and one interval) is published as `down`."""


class Change(NamedTuple):
    """A subject's state as it is told from `span_from` on. `since` is what people are shown: it may reach further back,
    before a restart of netmon. `renames`: what was under verification turned out to be this state all along."""

    subject: Subject
    state: str
    since: float
    span_from: float
    cause: str = ""
    detail: str = ""
    renames: bool = False


class Told(NamedTuple):
    """The state of a link or a site, and since when. `held`: a witness is being verified, and this is what was known.
    `last_known` is the last state that was not `unknown`, "" when there was none."""

    state: str
    since: float
    held: bool = False
    last_known: str = ""


@dataclass(slots=True)
class Outturn:
    """What a call brought: changes in the order in which they happened, and devices to poll soon (after so many seconds)."""

    changes: list[Change] = field(default_factory=list)
    pokes: dict[str, float] = field(default_factory=dict)

    def poke(self, device: str, after_s: float = 0.0) -> None:
        self.pokes[device] = min(after_s, self.pokes.get(device, after_s))


class Network:
    """States of one inventory. `verify_after_s`: a silent poll is verified by another so much later."""

    def __init__(self, inventory: Inventory, now: float, verify_after_s: float = states.VERIFY_AFTER_S) -> None:
        self.started = now
        self.verify_after_s = verify_after_s
        self.isolated_since = 0.0
        self.tracks: dict[str, Track] = {}
        self.links: dict[str, Told] = {}
        self.sites: dict[str, Told] = {}
        self._oper: dict[Port, bool | None] = {}
        self._checks: dict[str, tuple[int, float]] = {}  # link: silences in a row (-1: never heard), send time of the first
        self._spoken: set[Subject] = set()  # subjects that evidence of this life of netmon speaks of
        self._asked: dict[str, float] = {}  # upstreams poked for a fall, and its time
        self.take(inventory)

    def take(self, inventory: Inventory) -> None:
        """Takes a new inventory: what is the same keeps its state, what is gone is forgotten."""
        self.inventory = inventory
        self._first_cycle_s = 2 * max((device.interval_s for device in inventory.devices.values()), default=0.0)
        self._dependents = inventory.dependents()
        self._site_links = inventory.links_of_site()
        self._device_links: dict[str, list[Link]] = {}
        self._device_ports: dict[str, list[Port]] = {}
        for link in inventory.links.values():
            for device in self._speakers(link):
                self._device_links.setdefault(device, []).append(link)
            for port in (link.near, link.far):
                if port is not None:
                    self._device_ports.setdefault(port.device, []).append(port)
        self.tracks = {device: self.tracks.get(device, Track()) for device in inventory.devices}
        unknown = Told(LinkState.UNKNOWN, self.started)
        self.links = {link: self.links.get(link, unknown) for link in inventory.links}
        self.sites = {site: self.sites.get(site, Told(Service.UNKNOWN, self.started)) for site in self._site_links}
        ports = {port for ports in self._device_ports.values() for port in ports}
        self._oper = {port: oper for port, oper in self._oper.items() if port in ports}
        self._checks = {link: said for link, said in self._checks.items() if link in inventory.links}

    def restore(self, subject: Subject, state: str, since: float, cause: str = "") -> None:
        """A state from before the restart, shown until evidence of this life speaks. Call before the first poll."""
        if subject.kind == "device" and subject.id in self.tracks:
            known = DeviceState.UP if state == DeviceState.SUSPECT else DeviceState(state)
            if known is not DeviceState.UNKNOWN:
                self.tracks[subject.id] = states.enter(Track(), known, since, cause)
        elif subject.kind == "link" and subject.id in self.links and state in set(LinkState):
            self.links[subject.id] = Told(state, since, last_known="" if state == LinkState.UNKNOWN else state)
        elif subject.kind == "site" and subject.id in self.sites and state in set(Service):
            self.sites[subject.id] = Told(state, since, last_known="" if state == LinkState.UNKNOWN else state)

    # --- what happens -------------------------------------------------------------------------------------------------

    def poll(self, poll: Poll, oper_up: Mapping[str, bool]) -> Outturn:
        """Takes a poll, and what it said of interfaces (by their identity: is ifOperStatus up?)."""
        out = Outturn()
        before = self.tracks[poll.device]
        after = self.tracks[poll.device] = states.after_poll(before, poll)
        if (
            poll.outcome is Outcome.SILENT
            and after.silences == 1
            and after.state is not DeviceState.DOWN
            and not after.cause
        ):
            out.poke(poll.device, self.verify_after_s)
        moved = self._note_ports(poll, oper_up)
        self._tell_device(out, poll.device, before, after, poll.sent.unix)
        if moved or after.state is not before.state or Subject("device", poll.device) not in self._spoken:
            self._tell_links(out, poll.device, self._since_of(poll.device, poll.sent.unix))
        return out

    def check(self, link: str, sent: float, heard: bool | None) -> Outturn:
        """Takes a ping of a link's check address. `heard` None: our own side failed, nothing is said."""
        out = Outturn()
        silences, first = self._checks.get(link, (-1, 0.0))
        if heard is None:
            return out
        if heard:
            self._checks[link] = (0, 0.0)
        else:
            self._checks[link] = (max(silences, 0) + 1, first if silences > 0 else sent)
        self._tell_link(out, self.inventory.links[link], self._checks[link][1] or sent)
        return out

    def resolve(self, now: float) -> Outturn:
        """Publishes the falls whose upstreams have been verified, once netmon has an alibi of its own (the guard)."""
        out = Outturn()
        canaries = [self.tracks[device] for device in self.inventory.canaries]
        if self.isolated_since:
            if causes.alibi(canaries, self.isolated_since) is not Alibi.GOOD:
                return out
            self.isolated_since = 0.0
            # What was silent meanwhile was silent to a netmon that was cut off: it is counted anew.
            for device, track in self.tracks.items():
                if track.silences:
                    self.tracks[device] = states.doubt(track, now)
        falling = {device for device, track in self.tracks.items() if track.falling}
        if not falling:
            self._asked.clear()
            return out
        cycle = max(self.inventory.devices[device].interval_s for device in falling) + self.verify_after_s
        first = causes.mass_fall(self.tracks.values(), now - 2 * cycle)
        if first:
            alibi = causes.alibi(canaries, first)
            if alibi is Alibi.UNSAID:
                self._ask(out, self.inventory.canaries, first)
                return out
            if alibi is Alibi.NONE:
                self._isolate(out, now, first)
                return out
        while falling:
            settled = {device for device in falling if self._settle(out, device, now)}
            if not settled:
                break
            falling -= settled
        return out

    def stale(self, now: float) -> Outturn:
        """Doubts the devices that were not polled for two intervals: a poll speaks no longer than that (SEMANTICS 6)."""
        out = Outturn()
        for device_id, track in self.tracks.items():
            limit = 2 * self.inventory.devices[device_id].interval_s
            until = max(track.asked, self.started) + limit
            if now > until and track.state is not DeviceState.UNKNOWN:
                self._replace(out, device_id, states.doubt(track, until), until)
        return out

    # --- how it is told -----------------------------------------------------------------------------------------------

    def _worth_verifying(self, device: str, track: Track) -> bool:
        """Whether a first silence is verified early: not where the device is known to be down or cut off."""
        if self.isolated_since:
            return device in self.inventory.canaries
        return track.state is not DeviceState.DOWN and not track.cause

    def _settle(self, out: Outturn, device_id: str, now: float) -> bool:
        track, device = self.tracks[device_id], self.inventory.devices[device_id]
        path = causes.path_up(device, self.tracks)
        if path.ask and now - track.silent_since < PATIENCE_S + device.interval_s:
            self._ask(out, path.ask, track.silent_since)
            return False
        if path.cause:
            self._replace(out, device_id, states.fall(track, DeviceState.UNREACHABLE, path.cause), track.silent_since)
        else:
            self._replace(out, device_id, states.fall(track, DeviceState.DOWN), track.silent_since)
        return True

    def _ask(self, out: Outturn, devices: Iterable[str], since: float) -> None:
        """Pokes those that said nothing since; whoever is silent is being verified already."""
        for device in devices:
            if self.tracks[device].asked < since and self._asked.get(device, 0.0) < since:
                self._asked[device] = since
                out.poke(device)

    def _isolate(self, out: Outturn, now: float, since: float) -> None:
        self.isolated_since = now
        for device, track in self.tracks.items():
            self._replace(out, device, states.doubt(track, since), since)

    def _replace(self, out: Outturn, device: str, track: Track, when: float) -> None:
        before = self.tracks[device]
        self.tracks[device] = track
        self._tell_device(out, device, before, track, when)
        self._tell_links(out, device, when)

    def _tell_device(self, out: Outturn, device: str, before: Track, after: Track, when: float) -> None:
        subject = Subject("device", device)
        if after.state is not before.state or after.cause != before.cause:
            renames = before.state is DeviceState.SUSPECT and after.state is DeviceState.UP
            since = after.silent_since if after.state is DeviceState.SUSPECT else after.since
            first = subject not in self._spoken
            out.changes.append(
                Change(subject, after.state, since, when if first else since, after.cause, after.detail, renames)
            )
            self._spoken.add(subject)
            if after.state in (DeviceState.UP, DeviceState.DOWN, DeviceState.UNREACHABLE) and not renames:
                self._reconsider(out, device)
        elif subject not in self._spoken and after.state is not DeviceState.UNKNOWN and (after.heard or after.silences >= 2):
            # The state from before the restart stands: from here on it rests on evidence again.
            out.changes.append(
                Change(subject, after.state, after.since, after.silent_since or when, after.cause, after.detail)
            )
            self._spoken.add(subject)

    def _reconsider(self, out: Outturn, upstream: str) -> None:
        """What was unreachable because of an upstream is asked anew when that upstream's state is told."""
        for device in self._dependents.get(upstream, ()):
            track = self.tracks[device]
            elsewhere = bool(track.cause) and track.cause != upstream
            if track.state is DeviceState.UNREACHABLE and (elsewhere or self.tracks[upstream].state is DeviceState.UP):
                self.tracks[device] = states.reconsider(track)
                out.poke(device)

    def _note_ports(self, poll: Poll, oper_up: Mapping[str, bool]) -> bool:
        """Notes what a poll said of the ports that witness links; True when that changed anything."""
        if poll.outcome not in (Outcome.ANSWERED, Outcome.REFUSED):
            return False
        moved = False
        for port in self._device_ports.get(poll.device, ()):
            said = oper_up.get(port.interface)
            if said is None and poll.incomplete:
                continue  # cut off, not gone: what was known stands
            if self._oper.get(port) is not said:
                self._oper[port] = said
                moved = True
        return moved

    def _tell_links(self, out: Outturn, device: str, when: float) -> None:
        for link in self._device_links.get(device, ()):
            self._tell_link(out, link, when)

    def _tell_link(self, out: Outturn, link: Link, when: float) -> None:
        said = self._witnesses(link)
        before = self.links[link.id]
        state = services.link_state(said, LinkState(before.state))
        after = self._tell(out, Subject("link", link.id), before, state, Witness.HELD in said, when, self._cause(link))
        self.links[link.id] = after
        self._tell_site(out, link.site, when)

    def _tell_site(self, out: Outturn, site: str, when: float) -> None:
        links = self._site_links[site]
        standings = [(link.role, LinkState(self.links[link.id].state)) for link in links]
        lost = any(Witness.LOST in self._witnesses(link) for link in links)
        service = services.site_service(standings, upstream_lost=lost)
        held = service == self.sites[site].state and any(self.links[link.id].held for link in links)
        cause = next((cause for link in links if (cause := self._cause(link))), "")
        self.sites[site] = self._tell(out, Subject("site", site), self.sites[site], service, held, when, cause)

    def _tell(self, out: Outturn, subject: Subject, before: Told, state: str, held: bool, when: float, cause: str) -> Told:
        """A link or site as it is now. While held its span is `suspect`, which is renamed or replaced once it is known."""
        first = subject not in self._spoken
        if first and state in (LinkState.UNKNOWN, Service.UNKNOWN) and when < self.started + self._first_cycle_s:
            return before  # what was known before the restart is shown until the first cycle is over
        if state != before.state:
            out.changes.append(Change(subject, str(state), when, when, cause))
        elif held and not before.held and not first:
            out.changes.append(Change(subject, DeviceState.SUSPECT, when, when))
        elif before.held and not held:
            out.changes.append(Change(subject, str(state), before.since, when, cause, renames=True))
        elif first and not held and state not in (LinkState.UNKNOWN, Service.UNKNOWN):
            out.changes.append(Change(subject, str(state), before.since, when, cause))
        else:
            return before
        self._spoken.add(subject)
        last_known = before.last_known if state == LinkState.UNKNOWN else str(state)
        return Told(str(state), when if state != before.state else before.since, held, last_known)

    def _speakers(self, link: Link) -> list[str]:
        """The devices whose state bears on a link: its witnesses', and for a `check` its upstream site's."""
        found = [port.device for port in (link.near, link.far) if port is not None]
        if link.check is not None:
            found += [device.id for device in self.inventory.devices.values() if device.site == link.upstream_site]
        return list(dict.fromkeys(found))

    def _witnesses(self, link: Link) -> set[Witness]:
        said = set()
        if link.near is not None:
            said.add(services.near_witness(self.tracks[link.near.device].state, self._oper.get(link.near)))
        if link.far is not None:
            said.add(services.far_witness(self.tracks[link.far.device].state, self._oper.get(link.far)))
        if link.check is not None:
            said.add(self._check_witness(link))
        return said

    def _check_witness(self, link: Link) -> Witness:
        """An address reachable only over the link: silent twice it is down, unless the upstream site is lost."""
        silences, _ = self._checks.get(link.id, (-1, 0.0))
        if silences == 0:
            return Witness.UP
        uphill = [self.tracks[d].state for d in self._speakers(link) if self.inventory.devices[d].site == link.upstream_site]
        if self.isolated_since or silences < 0:
            return Witness.UNKNOWN
        if uphill and all(state in (DeviceState.DOWN, DeviceState.UNREACHABLE) for state in uphill):
            return Witness.LOST
        return Witness.HELD if silences == 1 else Witness.DOWN

    def _cause(self, link: Link) -> str:
        """The upstream that explains why a link cannot be asked, "" when none does."""
        for port in (link.near, link.far):
            if port is not None:
                track = self.tracks[port.device]
                if track.cause:
                    return track.cause
                if port is link.far and track.state is DeviceState.DOWN:
                    return port.device
        return ""

    def _since_of(self, device: str, sent: float) -> float:
        track = self.tracks[device]
        return track.silent_since if track.silences else sent
