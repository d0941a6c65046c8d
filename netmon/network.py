"""The network as it stands: the state of every device, and through it of links and sites, kept up to date by polls.

It remembers, but it does nothing: each call takes what happened and its time, and returns what changed and whom to poll
soon. The pipeline stores and exports the changes and hands the pokes to the schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf

from netmon.causes import guard, paths
from netmon.causes.guard import Extent
from netmon.connections import Change, Connections, Outturn, Told
from netmon.derive import states
from netmon.derive.states import Track
from netmon.inventory import Inventory
from netmon.model import At, DeviceState, Lull, Outcome, Poll, Speech, Subject

PATIENCE_S = 60.0
"""A fall whose upstreams or canaries say nothing at all for so long (and one interval) is published as `down`."""


HURRIED_S = 2.0
"""In a storm a silent poll is verified so much later at the latest."""

ASKED_BELOW = 3
"""So many of what hangs on a device that went down are asked at once whether it still forwards."""

REPORTS_WAIT_S = 300.0
"""How long what hangs on an upstream that cannot be asked waits for its report, beyond that."""


class Network:
    """States of one inventory. `verify_after_s`: a silent poll is verified by another so much later.

    All that is compared lies on one time line: the monotonic clock plus `offset`, which `shift` moves when the wall clock
    steps. So a poll that was under way during the step is judged like any other.
    """

    def __init__(
        self, inventory: Inventory, now: float, verify_after_s: float = states.VERIFY_AFTER_S, offset: float = 0.0
    ) -> None:
        self.started = now
        self.offset = offset
        self.verify_after_s = verify_after_s
        self.hurried: Callable[[str], bool] = lambda device: False  # whether it is verified sooner: a storm strikes it
        self.isolated_since = 0.0
        self.tracks: dict[str, Track] = {}
        self._unconfirmed: set[str] = set()  # devices whose state is from before the restart
        self._spoken: set[str] = set()  # devices that evidence of this life of netmon speaks of
        self._silent: set[str] = set()  # devices whose last poll was silent: the few among which falls are looked for
        self._fresh_until = 0.0  # until then no device grows stale
        self._asked: dict[str, float] = {}  # devices poked for a fall, and its time
        self._paced: dict[str, float] = {}  # devices whose interval a reload changed, and when
        self._periods: dict[str, float] = {}  # how often the devices report that are not asked, as they say
        self._looked: dict[str, float] = {}  # when netmon last looked after one of them in vain
        self._patient: dict[str, float] = {}  # those whose way is just back, and until when their silence says nothing
        self.connections = Connections(self.tracks, self._unconfirmed, now)
        self.inventory = Inventory({}, {}, {})
        self.take(inventory, now)

    def take(self, inventory: Inventory, now: float) -> Outturn:
        """Takes a new inventory: what is the same keeps its state, what is gone is forgotten, and what stands on other
        upstreams or witnesses than before is told anew."""
        out = Outturn()
        old, self.inventory = self.inventory, inventory
        self._fresh_until = 0.0
        self._dependents = inventory.dependents()
        for gone in self.tracks.keys() - inventory.devices.keys():
            del self.tracks[gone]
            self._silent.discard(gone)
            self._paced.pop(gone, None)
            for memory in (self._periods, self._looked, self._patient):
                memory.pop(gone, None)
            self._unconfirmed.discard(gone)
            self._spoken.discard(gone)
        for device_id, device in inventory.devices.items():
            track = self.tracks.setdefault(device_id, Track())
            before = old.devices.get(device_id)
            moved = before is not None and before.upstreams != device.upstreams
            if before is not None and before.interval_s != device.interval_s:
                self._paced[device_id] = now
            if before is not None and before.speaks is not device.speaks:
                for memory in (self._periods, self._looked, self._patient):
                    memory.pop(device_id, None)
            if track.cause and (moved or track.cause not in inventory.devices):
                self.tracks[device_id] = states.reconsider(track)
                out.poke(device_id)
        self.connections.take(inventory)
        self.connections.tell_all(out, now)
        return out

    def restore(self, subject: Subject, state: str, since: float, cause: str = "") -> None:
        """A state from before the restart, shown until evidence of this life speaks, and the upstream that explained it.
        Call before the first poll."""
        if subject.kind != "device":
            self.connections.restore(subject, state, since)
        elif subject.id in self.tracks and state in set(DeviceState) and state != DeviceState.UNKNOWN:
            known = DeviceState.UP if state == DeviceState.SUSPECT else DeviceState(state)
            explained = cause if known is DeviceState.UNREACHABLE and cause in self.inventory.devices else ""
            self.tracks[subject.id] = states.enter(Track(), known, since, explained)
            self._unconfirmed.add(subject.id)

    def recall(self, subject: Subject, state: str) -> None:
        """The last state before the restart that was not `unknown`: what is published goes on where it stood, although
        nothing is known yet (SEMANTICS 8)."""
        if subject.kind != "device":
            self.connections.recall(subject, state)
        elif subject.id in self.tracks and self.tracks[subject.id].shown_up is None:
            up = state in (DeviceState.UP, DeviceState.SUSPECT)
            self.tracks[subject.id] = self.tracks[subject.id]._replace(shown_up=up)

    @property
    def links(self) -> Mapping[str, Told]:
        """Links as they are told, by id."""
        return self.connections.links

    @property
    def sites(self) -> Mapping[str, Told]:
        """Services of the sites that have links, as they are told, by id."""
        return self.connections.sites

    # --- what happens -------------------------------------------------------------------------------------------------

    def poll(self, poll: Poll, oper_up: Mapping[str, bool]) -> Outturn:
        """Takes a poll, and what it said of interfaces (by their identity: is ifOperStatus up?)."""
        out, sent = Outturn(), poll.sent.monotonic + self.offset
        before = self.tracks[poll.device]
        after = states.after_poll(before, poll, sent)
        if poll.outcome is Outcome.ANSWERED:
            self._patient.pop(poll.device, None)
        elif self._reports(poll.device):
            if poll.outcome is Outcome.SILENT and sent < self._patient.get(poll.device, 0.0):
                self._looked[poll.device] = sent
                return out
            if poll.outcome is Outcome.LOCAL:
                after = states.doubt(after, sent)  # its broker is away, and nobody can hear it (SEMANTICS 9)
        self.tracks[poll.device] = after
        if after.silences:
            self._silent.add(poll.device)
        else:
            self._silent.discard(poll.device)
        if poll.period_s is not None:
            self._periods[poll.device] = poll.period_s
        if poll.outcome is not Outcome.ANSWERED and self._worth_verifying(poll, after):
            out.poke(poll.device, min(self.verify_after_s, HURRIED_S) if self.hurried(poll.device) else self.verify_after_s)
        moved = self.connections.note_ports(poll, oper_up)
        told = self._tell_device(out, poll.device, before, after, sent)
        behind_mute = any(self.tracks[up].state is DeviceState.DOWN for up in self.inventory.devices[poll.device].upstreams)
        if moved or told or behind_mute:
            self.connections.tell(out, poll.device, after.silent_since if after.silences else sent)
        return out

    def lull(self, lull: Lull, looked: At) -> None:
        """Takes a look that found nothing to say: what was said last still holds."""
        self._looked[lull.device] = looked.monotonic + self.offset
        self._periods[lull.device] = lull.period_s

    def check(self, link: str, sent: At, heard: bool) -> Outturn:
        """Takes a ping of a link's check address. While netmon suspects itself a silence says nothing."""
        out = Outturn()
        if heard or not self.isolated_since:
            self.connections.note_check(out, link, sent.monotonic + self.offset, heard)
        return out

    def resolve(self, now: float) -> Outturn:
        """Publishes the falls whose upstreams have been verified, once netmon has an alibi of its own (the guard)."""
        out = Outturn()
        canaries = [self.tracks[device] for device in self.inventory.canaries]
        if self.isolated_since:
            if canaries and not guard.reconnected(self._asked_ones(), canaries, self.isolated_since):
                return out
            self._rejoin(out, now)
        elif canaries and canaries[0].failures and guard.cannot_ask(self._asked_ones(), canaries):
            self._isolate(out, now, now)
            return out
        falling = {device for device in self._silent if self.tracks[device].falling}
        if not falling:
            self._asked.clear()
            return out
        proof = self._proof(out, falling, now)
        ripe = {device for device in falling if self.tracks[device].silent_again <= proof}
        while ripe:
            settled = {device for device in ripe if self._settle(out, device, now)}
            if not settled:
                break
            ripe -= settled
        return out

    def stale(self, now: float) -> Outturn:
        """Doubts the devices that were not polled for two intervals: a poll speaks no longer than that (SEMANTICS 6). What a
        device reported by itself holds as long as netmon goes on looking for more."""
        out = Outturn()
        if now > self._fresh_until:
            self._fresh_until = self._doubt_stale(out, now)
        self.connections.age(out, now)
        return out

    def _doubt_stale(self, out: Outturn, now: float) -> float:
        """Until when no other device can grow stale."""
        lives = {device: 2 * self.inventory.devices[device].interval_s for device in self.tracks}
        fresh_until = now + min(lives.values(), default=0.0)  # what is polled from now on lives at least so long
        for device, track in self.tracks.items():
            until = track.asked + lives[device]
            if now > until:
                looked = max(self._looked.get(device, 0.0), self._paced.get(device, 0.0))
                until = max(track.asked, self.started, looked) + lives[device]
                if now > until:
                    if track.state is not DeviceState.UNKNOWN:
                        self._replace(out, device, states.doubt(track, until), until)
                    continue
            fresh_until = min(fresh_until, until)
        return fresh_until

    def _silence_s(self, device_id: str) -> float:
        """How long a device that reports by itself may say nothing (SEMANTICS 9)."""
        return 3 * self._periods.get(device_id, self.inventory.devices[device_id].interval_s)

    def _give_time(self, out: Outturn, device_id: str, now: float) -> None:
        """The way of a device is back: one that reports by itself has to connect and report before its silence counts, and
        what was counted of it was not its own. Given again and again, by a way that flaps, it leaves nothing known."""
        if self._reports(device_id):
            track = states.calm(self.tracks[device_id])
            self._replace(out, device_id, states.doubt(track, now) if device_id in self._patient else track, now)
            self._patient[device_id] = now + self._silence_s(device_id)

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much: what is compared moves with it, so that a step never makes or hides a fall."""
        for device, track in self.tracks.items():
            self.tracks[device] = states.shift(track, step_s)
        self.started += step_s
        self.offset += step_s
        self._fresh_until = 0.0
        self._paced = {device: since + step_s for device, since in self._paced.items()}
        self.isolated_since += step_s if self.isolated_since else 0.0
        self._asked = {device: since + step_s for device, since in self._asked.items()}
        self._looked = {device: looked + step_s for device, looked in self._looked.items()}
        self._patient = {device: until + step_s for device, until in self._patient.items()}
        self.connections.shift(step_s)

    # --- falls --------------------------------------------------------------------------------------------------------

    def _proof(self, out: Outturn, falling: set[str], now: float) -> float:
        """Until when netmon is known to have been connected: falls up to then may be published. -inf: it suspects itself."""
        canaries = [self.tracks[device] for device in self.inventory.canaries]
        if not canaries:
            return inf
        cycle = max(self.inventory.devices[device].interval_s for device in falling) + self.verify_after_s
        fall = guard.fall_of(self._asked_ones(), now - PATIENCE_S - 2 * cycle)
        if fall.extent is Extent.FEW:
            return inf
        mute = guard.all_mute(canaries, fall.first)
        if fall.extent is Extent.MANY and mute:
            self._isolate(out, now, fall.first)
            falling.clear()
            return -inf
        if fall.extent is Extent.UNCLEAR:
            standing = (device for device, track in self.tracks.items() if track.tried < fall.first and not track.fallen)
            unpolled = [device for device in standing if not self._reports(device)]
            self._ask(out, unpolled[: guard.SAMPLE], fall.first)
        proof = guard.last_proof(canaries)
        latest = max(self.tracks[device].silent_again for device in falling)
        if proof < latest:
            self._ask(out, self.inventory.canaries, latest)
        if not mute and now - latest >= PATIENCE_S + cycle:
            return inf  # the canaries cannot be asked at all, by a bug: the falls are told rather than held for ever
        return proof

    def _asked_ones(self) -> list[Track]:
        """What tells whether netmon is cut off: devices that it asks, and those whose own reports failed to come. With the
        others nothing was tried."""
        return [track for device, track in self.tracks.items() if track.silences or not self._reports(device)]

    def _reports(self, device: str) -> bool:
        return self.inventory.devices[device].speaks is Speech.MQTT

    def _waited(self, device: str, ask: Iterable[str], now: float) -> bool:
        """Whether its upstreams had time enough to say something; those that report by themselves have minutes at most."""
        silence_s = max((self._silence_s(upstream) for upstream in ask if self._reports(upstream)), default=0.0)
        patience_s = PATIENCE_S + self.inventory.devices[device].interval_s + min(silence_s, REPORTS_WAIT_S)
        return now - self.tracks[device].silent_since >= patience_s

    def _settle(self, out: Outturn, device_id: str, now: float) -> bool:
        track = self.tracks[device_id]
        path = paths.path_up(self.inventory.devices[device_id], self.tracks, self.inventory.devices)
        if path.ask and not self._waited(device_id, path.ask, now):
            self._ask(out, path.ask, track.silent_again)
            return False
        state = DeviceState.UNREACHABLE if path.cause else DeviceState.DOWN
        self._replace(out, device_id, states.fall(track, state, path.cause), track.silent_since)
        return True

    def _ask(self, out: Outturn, devices: Iterable[str], since: float) -> None:
        """Pokes those that said nothing since; whoever is silent is being verified already."""
        for device in devices:
            track = self.tracks[device]
            if track.asked < since and not track.mute and self._asked.get(device, 0.0) < since:
                self._asked[device] = since
                out.poke(device)

    def _worth_verifying(self, poll: Poll, track: Track) -> bool:
        """Whether a first silence is verified early: not where the device is known to be down or cut off; and of what our
        own side cannot ask, only the canaries."""
        canary = poll.device in self.inventory.canaries
        if poll.outcome is Outcome.LOCAL:
            return canary and track.failures == 1
        if poll.outcome is not Outcome.SILENT or track.silences != 1:
            return False
        return canary if self.isolated_since else track.state is not DeviceState.DOWN and not track.cause

    def _isolate(self, out: Outturn, now: float, since: float) -> None:
        self.isolated_since = now
        self.connections.isolated = True
        for device, track in self.tracks.items():
            self._replace(out, device, states.doubt(track, since), since)
        self.connections.tell_all(out, since)

    def _rejoin(self, out: Outturn, now: float) -> None:
        """Connected again: what was silent meanwhile was silent to a netmon that was cut off, and is counted anew."""
        self.isolated_since = 0.0
        self.connections.isolated = False
        for device, track in self.tracks.items():
            self._give_time(out, device, now)
            self._replace(out, device, states.calm(states.doubt(track, now) if track.silences else track), now)
        self.connections.forget_silences()
        self.connections.tell_all(out, now)

    # --- how it is told -----------------------------------------------------------------------------------------------

    def _replace(self, out: Outturn, device: str, track: Track, when: float) -> None:
        before = self.tracks[device]
        self.tracks[device] = track
        self._tell_device(out, device, before, track, when)
        self.connections.tell(out, device, when)

    def _tell_device(self, out: Outturn, device: str, before: Track, after: Track, when: float) -> bool:
        """Whether anything was told of a device: its state, its cause, or that what was known before the restart holds."""
        first = device not in self._spoken
        if after.state is before.state and after.cause == before.cause:
            confirms = after.heard or after.silences >= 2
            if not (first and confirms and after.state is not DeviceState.UNKNOWN):
                return False
            # The state from before the restart stands: from here on it rests on evidence again.
            span_from = after.silent_since or when
            change = Change(Subject("device", device), after.state, after.since, span_from, after.cause, after.detail)
        else:
            renames = before.state is DeviceState.SUSPECT and after.state is DeviceState.UP
            since = after.silent_since if after.state is DeviceState.SUSPECT else after.since
            span_from = when if first else since
            change = Change(
                Subject("device", device), after.state, since, span_from, after.cause, after.detail, renames and not first
            )
        out.changes.append(change)
        self._spoken.add(device)
        self._unconfirmed.discard(device)
        if not change.renames:
            self._reconsider(out, device, before)
        return True

    def _reconsider(self, out: Outturn, upstream: str, before: Track) -> None:
        """What was unreachable because of an upstream is asked anew when that upstream's state is told; so are the check
        addresses behind it once it is back."""
        state = self.tracks[upstream].state
        if state is DeviceState.DOWN:  # an answer of what hangs on it alone shows that it is only mute
            alive = [device for device in self.connections.below(upstream) if not self.tracks[device].fallen]
            self._ask(out, alive[:ASKED_BELOW], self.tracks[upstream].silent_again)
        if state not in (DeviceState.UP, DeviceState.DOWN, DeviceState.UNREACHABLE):
            return
        waiting = list(self._dependents.get(upstream, ()))
        if state is DeviceState.UP and before.fallen:  # what stands below something mute waits for what is above that
            silent = self._silent | self._unconfirmed
            waiting += [device for device in silent if self.tracks[device].cause == upstream and device not in waiting]
        for device in waiting:
            track = self.tracks[device]
            elsewhere = bool(track.cause) and track.cause != upstream
            if track.state is DeviceState.UNREACHABLE and (elsewhere or state is DeviceState.UP):
                self.tracks[device] = states.reconsider(track)
                out.poke(device)
        if state is DeviceState.UP and before.fallen:
            for device in waiting:
                self._give_time(out, device, self.tracks[upstream].heard)
            self.connections.forget_silences(self.connections.behind(upstream))
