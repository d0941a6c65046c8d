"""Links and sites as they stand, told from what their witnesses say (SEMANTICS 2).

It remembers and does nothing: each call adds what changed to an `Outturn`, which the pipeline stores and exports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from netmon.derive import services
from netmon.derive.services import Witness
from netmon.derive.states import ALIVE, Track
from netmon.inventory import Inventory
from netmon.model import DeviceState, Link, LinkRole, LinkState, Poll, Port, Service, Speech, Subject


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
    """The state of a link or a site, and since when. `held`: a witness is being verified, or has not spoken since netmon
    started, and this is what was known. `last_known` is the last state that was not `unknown`, "" when there was none."""

    state: str
    since: float
    held: bool = False
    last_known: str = ""


class Check(NamedTuple):
    """What the pings of a check address said: silences in a row, the send time of their first, and of the last ping."""

    silences: int
    silent_since: float
    at: float


@dataclass(slots=True)
class Outturn:
    """What a call brought: changes in the order in which they happened, and devices to poll soon (after so many seconds)."""

    changes: list[Change] = field(default_factory=list)
    pokes: dict[str, float] = field(default_factory=dict)

    def poke(self, device: str, after_s: float = 0.0) -> None:
        """Asks for an extra poll of a device; of two wishes the earlier counts."""
        self.pokes[device] = min(after_s, self.pokes.get(device, after_s))


class Connections:
    """Links and sites of one inventory. `tracks` are the devices', kept up to date by their owner; `unconfirmed` are those
    whose state is from before a restart: it is shown, but it witnesses nothing yet."""

    def __init__(self, tracks: Mapping[str, Track], unconfirmed: Set[str], now: float) -> None:
        self.links: dict[str, Told] = {}
        self.sites: dict[str, Told] = {}
        self.inventory = Inventory({}, {}, {})
        self.isolated = False
        self.started = now
        self._tracks = tracks
        self._unconfirmed = unconfirmed
        self._oper: dict[Port, bool | None] = {}
        self._checks: dict[str, Check] = {}
        self._awaited: set[str] = set()  # links whose check has yet to confirm what was known before the restart
        self._spoken: set[Subject] = set()  # subjects that evidence of this life of netmon speaks of

    def take(self, inventory: Inventory) -> None:
        """Takes an inventory: what is the same keeps its state, what is gone is forgotten."""
        old, self.inventory = self.inventory.links, inventory
        self._of_site = inventory.links_of_site()
        self._of_device: dict[str, list[Link]] = {}
        self._ports: dict[str, list[Port]] = {}
        self._uphill = {link.id: _uphill(link, inventory) for link in inventory.links.values() if link.check is not None}
        self._lives = {link: 2 * inventory.check_interval_s(inventory.links[link]) for link in self._uphill}
        near = {link.near.device for link in inventory.links.values() if link.near is not None}
        self._below = _hanging_on(near, inventory)
        for link in inventory.links.values():
            witnesses = [port.device for port in (link.near, link.far) if port is not None]
            below = self.below(link.near.device) if link.near is not None else ()
            for device in dict.fromkeys((*witnesses, *below, *self._uphill.get(link.id, ()))):
                self._of_device.setdefault(device, []).append(link)
            for port in (link.near, link.far):
                if port is not None:
                    self._ports.setdefault(port.device, []).append(port)
        fresh = Told(LinkState.UNKNOWN, self.started)
        self.links = {link: self.links.get(link, fresh) for link in inventory.links}
        self.sites = {site: self.sites.get(site, fresh) for site in self._of_site}
        ports = {port for ports in self._ports.values() for port in ports}
        self._oper = {port: oper for port, oper in self._oper.items() if port in ports}
        self._checks = {
            link: said
            for link, said in self._checks.items()
            if link in self._uphill and old[link].check == inventory.links[link].check
        }
        here = {Subject("link", link) for link in self.links} | {Subject("site", site) for site in self.sites}
        self._spoken &= here

    def restore(self, subject: Subject, state: str, since: float) -> None:
        """A state from before the restart, shown until evidence of this life confirms or replaces it."""
        if state not in (set(LinkState) if subject.kind == "link" else set(Service)) or state == LinkState.UNKNOWN:
            return
        told = Told(state, since, held=True, last_known=state)
        if subject.kind == "link" and subject.id in self.links:
            self.links[subject.id] = told
            if subject.id in self._uphill:
                self._awaited.add(subject.id)
        elif subject.kind == "site" and subject.id in self.sites:
            self.sites[subject.id] = told

    def recall(self, subject: Subject, state: str) -> None:
        """What a link was told last before the restart that was not `unknown`: `netmon_link_up` goes on with it."""
        told = self.links.get(subject.id) if subject.kind == "link" else None
        if told is not None and not told.last_known and state in (LinkState.UP, LinkState.DOWN):
            self.links[subject.id] = told._replace(last_known=state)

    def below(self, device: str) -> Sequence[str]:
        """What tells by its answers that a mute device at the near end of a link goes on forwarding."""
        return self._below.get(device, ())

    @property
    def ports(self) -> Mapping[Port, bool | None]:
        """What ifOperStatus was last told of the interfaces that witness links."""
        return self._oper

    # --- what witnesses say -------------------------------------------------------------------------------------------

    def note_ports(self, poll: Poll, oper_up: Mapping[str, bool]) -> bool:
        """Notes what a poll said of the ports that witness links; True when that changed anything."""
        if poll.outcome not in ALIVE:
            return False
        moved = False
        for port in self._ports.get(poll.device, ()):
            said = oper_up.get(port.interface)
            if said is None and poll.incomplete:
                continue  # cut off, not gone: what was known stands
            if self._oper.get(port) is not said:
                self._oper[port] = said
                moved = True
        return moved

    def note_check(self, out: Outturn, link_id: str, sent: float, heard: bool) -> None:
        """Notes a ping of a link's check address. A silence says nothing of the link while its upstream is lost."""
        link, before = self.inventory.links[link_id], self._checks.get(link_id)
        if heard:
            self._checks[link_id] = Check(0, 0.0, sent)
        elif self._upstream_lost(link_id):
            self._checks.pop(link_id, None)
        elif before is None or not before.silences:
            self._checks[link_id] = Check(1, sent, sent)
        else:
            self._checks[link_id] = Check(before.silences + 1, before.silent_since, sent)
        self._awaited.discard(link_id)
        said = self._checks.get(link_id)
        self._tell_links(out, [link], said.silent_since if said and said.silences else sent)

    def forget_silences(self, link_ids: Iterable[str] | None = None) -> None:
        """Counts the silences of checks anew: what lay between us and them was lost, and is back."""
        for link_id in list(self._checks) if link_ids is None else link_ids:
            said = self._checks.get(link_id)
            if said is not None and said.silences:
                del self._checks[link_id]

    def behind(self, device: str) -> list[str]:
        """The links whose check address is asked through a device."""
        return [link.id for link in self._of_device.get(device, ()) if device in self._uphill.get(link.id, ())]

    def age(self, out: Outturn, now: float) -> None:
        """A ping speaks for two intervals, like a poll."""
        for link_id, life_s in self._lives.items():
            said = self._checks.get(link_id)
            if said is None and link_id not in self._awaited:
                continue
            until = (said.at if said else self.started) + life_s
            if now > until:
                self._checks.pop(link_id, None)
                self._awaited.discard(link_id)
                self._tell_links(out, [self.inventory.links[link_id]], until)

    def shift(self, step_s: float) -> None:
        """The wall clock stepped: what is compared moves with it."""
        self.started += step_s
        for link, said in self._checks.items():
            moved = said.silent_since + step_s if said.silences else 0.0
            self._checks[link] = Check(said.silences, moved, said.at + step_s)

    # --- how it is told -----------------------------------------------------------------------------------------------

    def tell(self, out: Outturn, device: str, when: float) -> None:
        """Tells anew the links on which a device's state or word bears, and their sites."""
        self._tell_links(out, self._of_device.get(device, ()), when)

    def tell_all(self, out: Outturn, when: float) -> None:
        """Tells everything anew: the inventory changed."""
        self._tell_links(out, self.inventory.links.values(), when)

    def _tell_links(self, out: Outturn, links: Iterable[Link], when: float) -> None:
        """Links first and each site once, so that a site that loses all its links at once is told so at once."""
        sites: dict[str, None] = {}
        for link in links:
            self._tell_link(out, link, when)
            sites[link.site] = None
        for site in sites:
            self._tell_site(out, site, when)

    def _tell_link(self, out: Outturn, link: Link, when: float) -> None:
        said = self._witnesses(link)
        before = self.links[link.id]
        state = services.link_state(said, LinkState(before.state))
        held = Witness.HELD in said and Witness.DOWN not in said
        self.links[link.id] = self._tell(out, Subject("link", link.id), before, state, held, when, self.cause(link))

    def _tell_site(self, out: Outturn, site: str, when: float) -> None:
        links, before, subject = self._of_site[site], self.sites[site], Subject("site", site)
        lost = any(Witness.LOST in self._witnesses(link) for link in links)

        def service(*, held_as_down: bool) -> Service:
            states: list[tuple[LinkRole, LinkState]] = []
            for link in links:
                told = self.links[link.id]
                down = held_as_down and told.held
                states.append((link.role, LinkState.DOWN if down else LinkState(told.state)))
            return services.site_service(states, upstream_lost=lost)

        now = service(held_as_down=False)
        pending = any(self.links[link.id].held for link in links)
        held = pending and (subject not in self._spoken or service(held_as_down=True) is not now)
        cause = next((cause for link in links if (cause := self.cause(link))), "")
        self.sites[site] = self._tell(out, subject, before, now, held, when, cause)

    def _tell(self, out: Outturn, subject: Subject, before: Told, state: str, held: bool, when: float, cause: str) -> Told:
        """A link or site as it is now. While held its span is `suspect`, which is renamed or replaced once it is known; what
        was known before a restart has no span until it is confirmed."""
        state, first = str(state), subject not in self._spoken
        if state != before.state:
            change = Change(subject, state, when, when, cause)
        elif held == before.held:
            return before
        elif held:
            change = Change(subject, DeviceState.SUSPECT, when, when)
        else:
            change = Change(subject, state, before.since, when, cause, renames=not first)
        if first and held and state == before.state:
            return before
        out.changes.append(change)
        self._spoken.add(subject)
        last_known = before.last_known if state == LinkState.UNKNOWN else state
        return Told(state, when if state != before.state else before.since, held, last_known)

    def _state(self, device: str) -> DeviceState:
        return DeviceState.SUSPECT if device in self._unconfirmed else self._tracks[device].state

    def _witnesses(self, link: Link) -> set[Witness]:
        said = set()
        if link.near is not None:
            device = link.near.device
            state, forwards = self._state(device), self._forwards(device)
            if state is DeviceState.DOWN and not forwards and self._may_forward(device):
                said.add(Witness.HELD)
            else:
                said.add(services.near_witness(state, self._oper.get(link.near), forwards=forwards))
        if link.far is not None:
            said.add(services.far_witness(self._state(link.far.device), self._oper.get(link.far)))
        if link.check is not None:
            said.add(self._check_witness(link.id))
        return said

    def _forwards(self, device: str) -> bool:
        """Whether what hangs on a device alone answered after the device had been silent twice, and has not fallen since."""
        silent, tracks = self._tracks[device].silent_again, self._tracks
        return silent > 0.0 and any(tracks[low].heard >= silent and not tracks[low].fallen for low in self.below(device))

    def _may_forward(self, device: str) -> bool:
        """Whether something that hangs on a device alone stands and was not asked since the device was silent twice: its
        answer, or its first silence, tells whether the device is dead or only mute."""
        silent, tracks = self._tracks[device].silent_again, self._tracks
        return any(tracks[low].state is DeviceState.UP and tracks[low].asked < silent for low in self.below(device))

    def _check_witness(self, link_id: str) -> Witness:
        said = self._checks.get(link_id)
        if self.isolated:
            return Witness.UNKNOWN
        if said is not None and not said.silences:
            return Witness.UP
        if self._upstream_lost(link_id):
            return Witness.LOST
        if said is None:
            return Witness.HELD if link_id in self._awaited else Witness.UNKNOWN
        return Witness.HELD if said.silences == 1 else Witness.DOWN

    def _upstream_lost(self, link_id: str) -> bool:
        uphill = self._uphill[link_id]
        return bool(uphill) and all(self._state(d) in (DeviceState.DOWN, DeviceState.UNREACHABLE) for d in uphill)

    def cause(self, link: Link) -> str:
        """The device that explains why a link cannot be asked, "" when none does."""
        for port in (link.near, link.far):
            if port is not None:
                track = self._tracks[port.device]
                if track.cause:
                    return track.cause
                if port is link.far and track.state is DeviceState.DOWN:
                    return port.device
        return ""


def _hanging_on(near: Set[str], inventory: Inventory) -> dict[str, list[str]]:
    """By device: those that name it as their only upstream. What may have a way of its own is none of them: it reports by
    itself, over a mobile network, or a link of its site ends elsewhere."""
    found: dict[str, list[str]] = {}
    links = inventory.links_of_site()
    for device in inventory.devices.values():
        upstreams = set(device.upstreams)
        if len(upstreams) != 1 or not upstreams <= near or device.speaks is Speech.MQTT:
            continue
        ends = ([port.device for port in (link.near, link.far) if port is not None] for link in links.get(device.site, ()))
        if all(upstreams.intersection(end) for end in ends):
            found.setdefault(device.upstreams[0], []).append(device.id)
    return found


def _uphill(link: Link, inventory: Inventory) -> tuple[str, ...]:
    """The devices at a link's upstream site through which its check address is asked: its far end, else those that the
    site's own devices name as upstream, else all that stand there."""
    if link.far is not None:
        return (link.far.device,)
    there = [device.id for device in inventory.devices.values() if device.site == link.upstream_site]
    named = {up for device in inventory.devices.values() if device.site == link.site for up in device.upstreams}
    return tuple(device for device in there if device in named) or tuple(there)
