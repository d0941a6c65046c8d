"""The pipeline: poll, derive, store, judge, export, one device at a time.

A function call is the queue: what a poll brought goes straight through. Nothing below the poll waits for a disk or a
peer, so that no device can be late because of another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from netmon import inventory as inventories
from netmon import samples
from netmon.announce import Announcer
from netmon.connections import Outturn
from netmon.derive.counters import Step
from netmon.derive.slots import present
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.measure import OCTETS, Ceilings, EndOfLink
from netmon.model import (
    SLOT_S,
    At,
    Baseline,
    Device,
    End,
    Kind,
    Lull,
    Meter,
    Outcome,
    Poll,
    Reading,
    Series,
    Slot,
    Speech,
    Subject,
)
from netmon.network import Network
from netmon.store import Store
from netmon.supply import ON_BATTERY, UNTOLD, Supplies
from netmon.watch import Poller, Watch

log = structlog.get_logger(__name__)

SPEED = "netmon_interface_speed_bytes_per_second"
OPER = "netmon_interface_up"
CHECK = "check:"
"""Prefix of the schedule's keys for the ping of a link's check address."""

CHECK_TIMEOUT_S = 2.0

OWNERS = ("read", "info", "poll", "polled", "late")
"""What a device has with the exporters, beside its states."""

DEAD_EVERY_S = 60.0
"""A device that is down or unreachable is asked at its own interval, but never more slowly than this (SEMANTICS 1)."""


class Pinger(Protocol):
    """Round trip of an echo in seconds, None for silence; raises OSError where our own side fails."""

    async def ping(self, address: str, timeout_s: float) -> float | None: ...


class Pipeline:
    """All devices of one inventory. `make_poller` builds the poller of a device."""

    def __init__(
        self,
        inventory: Inventory,
        network: Network,
        *,
        store: Store,
        outlets: Outlets,
        meter: Meter,
        make_poller: Callable[[Device, tuple[tuple[str, str], ...]], Poller],
        pinger: Pinger | None,
        poke: Callable[[str, float], None],
        max_age_intervals: float = 3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.network = network
        self.announcer = Announcer(store, outlets)
        self.watches: dict[str, Watch] = {}
        self.supplies = Supplies()
        self._store = store
        self._outlets = outlets
        self._meter = meter
        self._make_poller = make_poller
        self._pinger = pinger
        self._poke = poke
        self._max_age_intervals = max_age_intervals
        self._clock = clock
        self._unsent: set[str] = set()  # links whose check address our own side failed to ping
        self._isolated = False
        self.inventory = Inventory({}, {}, {})
        self.take(inventory)

    def restore(self, baselines: Mapping[tuple[str, End], Baseline]) -> None:
        """Goes on where the counters of the store stand. Call before the first poll."""
        for watch in self.watches.values():
            for end in watch.all_ends():
                baseline = baselines.get((end.link.id, end.end))
                if baseline is not None:
                    end.restore(baseline, watch.counters)

    def take(self, inventory: Inventory, renewed: Iterable[str] = ()) -> inventories.Diff:
        """Takes an inventory: starts what is new, starts anew what changed, forgets what is gone. Returns the difference.

        `renewed` names devices that start anew although nothing about them changed: their credential did.
        """
        old, self.inventory = self.inventory, inventory
        diff = inventories.diff(old, inventory, renewed)
        now = self._clock()
        for kind, gone in (
            ("device", old.devices.keys() - inventory.devices.keys()),
            ("link", old.links.keys() - inventory.links.keys()),
            ("site", old.links_of_site().keys() - inventory.links_of_site().keys()),
        ):
            for name in gone:
                self.announcer.forget(Subject(kind, name), now)
                if kind == "link":
                    self._store.drop_baselines(name)
                for owner in {"device": OWNERS, "link": ("rate", "capacity")}.get(kind, ()):
                    self._outlets.forget(f"{owner}:{name}")
        for name in diff.removed:
            del self.watches[name]
            self._forget_supply(name)
        for name in diff.added | diff.changed:
            self._watch(inventory.devices[name])
        self._hang_links()
        out = self.network.take(inventory, now)
        self._show_changed(old, diff)
        self.show_capacities(now)
        self._publish(out)
        return diff

    def missing_interfaces(self) -> dict[str, str]:
        """Links whose interface the device does not have, in words: a typing error in the inventory, most likely."""
        return {
            end.link.id: f"{name} has no interface {interface}"
            for name, watch in self.watches.items()
            for interface in watch.missing
            for end in watch.ends.get(interface, ())
        }

    def _watch(self, device: Device) -> None:
        """Watches a device with a new poller. While its labels are the same its counters and series go on."""
        labels, watch = self.inventory.device_labels(device.id), self.watches.get(device.id)
        poller = self._make_poller(device, labels)
        if watch is not None and watch.labels == labels and watch.device.speaks is device.speaks:
            watch.device, watch.poller = device, poller
            return
        if watch is not None and watch.device.speaks is not device.speaks:
            self._forget_supply(device.id)
        self.watches[device.id] = fresh = Watch(device, labels, poller)
        if watch is not None:
            for owner in OWNERS:
                self._outlets.forget(f"{owner}:{device.id}")
            for interface, ends in watch.ends.items():
                fresh.ends[interface] = []
                for end in ends:
                    moved = EndOfLink(end.link, end.end, (*labels, ("interface", interface)))
                    moved.restore(end.baseline(watch.counters), fresh.counters)
                    fresh.ends[interface].append(moved)
                    self._outlets.forget(f"rate:{end.link.id}")

    def _hang_links(self) -> None:
        """Puts the links of the inventory on the interfaces that witness them; an end that was there goes on."""
        before = {name: watch.ends for name, watch in self.watches.items()}
        elsewhere = {(end.link.id, end.end): end for watch in self.watches.values() for end in watch.all_ends()}
        for watch in self.watches.values():
            watch.ends = {}
        for port, links in self.inventory.links_by_port().items():
            watch = self.watches[port.device]
            there = {(end.link.id, end.end): end for end in before[port.device].get(port.interface, ())}
            ends = watch.ends[port.interface] = []
            for link in links:
                for place, at in ((End.NEAR, link.near), (End.FAR, link.far)):
                    if at == port:
                        end = there.get((link.id, place))
                        if end is None:
                            end = EndOfLink(link, place, (*watch.labels, ("interface", port.interface)))
                            end.follow(elsewhere.get((link.id, place)))
                        end.link = link
                        ends.append(end)

    async def run(self, key: str) -> None:
        """One poll of a device, or one ping of a link's check address; the schedule's job."""
        if key.startswith(CHECK):
            await self._check(key.removeprefix(CHECK))
            return
        watch = self.watches.get(key)
        if watch is None:
            return
        track = self.network.tracks[key]
        at, poller = At(self._clock(), time.monotonic()), watch.poller

        def replaced() -> bool:
            return self.watches.get(key) is not watch or watch.poller is not poller  # by a reload

        try:
            found = await poller.poll(light=track.fallen or track.silences > 0)
            watch.looked = True
            if replaced():
                return
            if isinstance(found, Lull):
                self.network.lull(found, at)
                self._write_late(key, found.history)
            else:
                self.take_poll(watch, found)
        except Exception as error:
            self._meter.count("netmon_bugs_total", room="pipeline")
            log.exception("poll failed by a bug", device=key)
            ended = At(self._clock(), time.monotonic())
            bug = Poll(device=key, outcome=Outcome.BUG, sent=at, ended=ended, detail=f"{type(error).__name__}: {error}")
            if not replaced():
                self.take_poll(watch, bug)

    def take_poll(self, watch: Watch, poll: Poll) -> None:
        """Sends one poll down: counters, slots, states, exporters."""
        if poll.outcome is Outcome.REFUSED and (watch.last is None or watch.last.outcome is not Outcome.REFUSED):
            log.warning("device refuses to be measured", device=poll.device, detail=poll.detail)
        watch.last = poll
        speeds = {r.series.label("interface"): float(r.value) for r in poll.readings if r.series.family == SPEED}
        oper = {r.series.label("interface"): bool(r.value) for r in poll.readings if r.series.family == OPER}
        if poll.readings and not poll.incomplete and (oper or watch.device.speaks is Speech.SNMP):
            watch.note_interfaces(
                {r.series.label("interface") for r in poll.readings if r.series.family in OCTETS} | oper.keys()
            )
        ceilings = Ceilings(watch.ends, speeds, poll.sent.unix)
        steps = watch.counters.take(poll.readings, ceilings.of)
        self._measure(watch, steps, poll)
        if poll.outcome in (Outcome.ANSWERED, Outcome.REFUSED):
            watch.alive_at = poll.ended.unix
            self._outlets.put(f"poll:{poll.device}", samples.poll_samples(watch.device, watch.labels, poll))
        if poll.readings:
            watch.read_at = poll.ended.unix
            read = samples.reading_samples(poll, watch.counters.totals, ceilings, watch.device.interval_s)
            self._outlets.put(f"read:{poll.device}", read, at=samples.times_of(poll, read))
            self._outlets.put(f"info:{poll.device}", samples.info_samples(poll), kept=True)
        self._write_late(poll.device, poll.history)
        self._note_supply(poll)
        polled = Series("netmon_device_last_poll_timestamp_seconds", watch.labels)
        self._outlets.put(f"polled:{poll.device}", [(polled, poll.ended.unix)], kept=True)
        self._publish(self.network.poll(poll, oper))
        if self.network.tracks[poll.device].fallen and watch.device.interval_s > DEAD_EVERY_S:
            self._poke(poll.device, DEAD_EVERY_S)
        duration = poll.ended.monotonic - poll.sent.monotonic
        self._meter.count("netmon_polls_total", outcome=str(poll.outcome))
        self._meter.observe("netmon_poll_duration_seconds", duration)
        self._meter.count("netmon_readings_total", len(poll.readings))

    def _write_late(self, device: str, history: Iterable[Reading]) -> None:
        """Readings of the past. A counter that came late has no sum of ours: the next live one bridges its time."""
        if late := [reading for reading in history if reading.series.kind is Kind.GAUGE]:
            self._outlets.put_late(f"late:{device}", [(r.series, r.value) for r in late], [r.at.unix for r in late])

    def _forget_supply(self, device: str) -> None:
        self.supplies.forget(device)
        self._store.end_span(Subject("supply", device), self._clock())

    def _note_supply(self, poll: Poll) -> None:
        was, change = self.supplies.of(poll.device), self.supplies.take(poll, self.watches[poll.device].period_s)
        if change is None:
            return
        if change.state == UNTOLD:
            self._store.end_span(change.subject, change.span_from)
        else:
            self._store.begin_span(change.subject, change.state, change.span_from)
        site = self.inventory.devices[poll.device].site
        if change.state == was:
            return
        if change.state == ON_BATTERY:
            log.warning("site runs on battery", device=poll.device, site=site)
        elif was == ON_BATTERY:
            log.info("site is said to be on battery no more", device=poll.device, site=site)

    def tick(self, now: float) -> None:
        """What the clock alone brings, about twice a second: falls resolved, silence grown old, slots closed by time."""
        self._publish(self.network.resolve(now))
        isolated = bool(self.network.isolated_since)
        self._meter.gauge("netmon_self_isolated", int(isolated))
        if isolated is not self._isolated:
            self._isolated = isolated
            if isolated:
                log.error("netmon suspects itself: all canaries are silent, every state is unknown")
            else:
                log.info("netmon is connected again")
            for device in self.inventory.devices:
                self.announcer.show(self.network, Subject("device", device))

    def sweep(self, now: float) -> None:
        """The slower part of the clock's work, every few seconds."""
        self._publish(self.network.stale(now))
        for name, watch in self.watches.items():
            age_s = self._max_age_intervals * watch.period_s
            if watch.read_at and now > watch.read_at + age_s:
                watch.read_at = 0.0
                self._outlets.drop(f"read:{name}")
            if watch.alive_at and now > watch.alive_at + age_s:
                watch.alive_at = 0.0
                self._outlets.drop(f"poll:{name}")
            for ends in watch.ends.values():
                self._settle(watch, ends, (), (), now)
            for end in watch.all_ends():
                if end.shown_at and now > end.shown_at + 3 * SLOT_S:
                    end.shown_at = 0.0
                    self._outlets.drop(f"rate:{end.link.id}")

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much."""
        self.network.shift(step_s)
        for watch in self.watches.values():
            watch.read_at += step_s if watch.read_at else 0.0
            watch.alive_at += step_s if watch.alive_at else 0.0
            for end in watch.all_ends():
                end.shown_at += step_s if end.shown_at else 0.0

    def forget_counters(self, before: float) -> None:
        """Forgets counters that were not read since `before`, but for those that links rest on."""
        for watch in self.watches.values():
            watch.counters.forget(before, {(*watch.labels, ("interface", interface)) for interface in watch.ends})

    def show_capacities(self, now: float) -> None:
        """Exports the capacities that are valid now: a dated one begins while netmon runs."""
        for link in self.inventory.links:
            self._outlets.put(f"capacity:{link}", samples.capacity_samples(self.inventory, link, now), kept=True)

    def park(self) -> None:
        """Stores where every end stands, for the next start: then only the time between is to be bridged."""
        for watch in self.watches.values():
            for end in watch.all_ends():
                self._store.put_link(end.link.id, end.end, baseline=end.baseline(watch.counters))

    def checks(self) -> Iterable[tuple[str, float]]:
        """Schedule keys of the links' check addresses, with the interval of each."""
        for link in self.inventory.links.values():
            if link.check is not None:
                yield CHECK + link.id, self.inventory.check_interval_s(link)

    async def _check(self, link_id: str) -> None:
        link = self.inventory.links.get(link_id)
        if link is None or link.check is None or self._pinger is None:
            return
        sent = At(self._clock(), time.monotonic())
        try:
            heard = await self._pinger.ping(link.check, CHECK_TIMEOUT_S) is not None
        except OSError as error:
            # Our own side failed: nothing is said of the link, and what was said of it ages.
            if link_id not in self._unsent:
                log.warning("a check address cannot be pinged", link=link_id, detail=str(error))
            self._unsent.add(link_id)
            return
        self._unsent.discard(link_id)
        now_there = self.inventory.links.get(link_id)
        if now_there is not None and now_there.check == link.check:  # else a reload took it away meanwhile
            self._publish(self.network.check(link_id, sent, heard))

    def _publish(self, out: Outturn) -> None:
        self.announcer.tell(self.network, out.changes)
        for device, after_s in out.pokes.items():
            self._poke(device, after_s)

    def _measure(self, watch: Watch, steps: list[Step], poll: Poll) -> None:
        """Hands each end of a link the steps and readings of its interface, and stores what that settled."""
        for step in steps:
            if step.reason:
                self._meter.count("netmon_gaps_total", reason=step.reason)
        if not watch.ends:
            return
        stepped: dict[str, list[Step]] = {}
        for step in steps:
            if step.series.family in OCTETS:
                stepped.setdefault(step.series.label("interface"), []).append(step)
        read: dict[str, list[Reading]] = {}
        for reading in poll.readings:
            if reading.series.family in OCTETS:
                read.setdefault(reading.series.label("interface"), []).append(reading)
        for interface, ends in watch.ends.items():
            self._settle(watch, ends, stepped.get(interface, ()), read.get(interface, ()), poll.ended.unix)

    def _settle(
        self,
        watch: Watch,
        ends: Sequence[EndOfLink],
        steps: Sequence[Step],
        readings: Sequence[Reading],
        now: float,
    ) -> None:
        """Stores what is settled of the ends that one interface is. When one has something to store, all store where they
        stand, for they share the counters that a restart goes on from."""
        settled = [(end, end.settle(steps, readings, now, watch.counters)) for end in ends]
        if not any(what for _, what in settled):
            return
        for end, what in settled:
            if what is None:
                self._store.put_link(end.link.id, end.end, baseline=end.baseline(watch.counters))
                continue
            self._store.put_link(
                end.link.id,
                end.end,
                slots=what.slots,
                unplaced=what.unplaced,
                gaps=what.gaps,
                baseline=what.baseline,
            )
            for slot in what.slots:
                self._show_slot(end, slot, now)

    def _show_slot(self, end: EndOfLink, slot: Slot, now: float) -> None:
        whole = present(slot.receive) and present(slot.transmit)
        self._meter.count("netmon_slots_total", present="yes" if whole else "no")
        if end.end is End.NEAR or end.link.near is None:
            end.shown_at = now
            rates = samples.rate_samples(self.inventory, end.link.id, slot)
            self._outlets.put(f"rate:{end.link.id}", rates, at=(slot.k + 1) * SLOT_S)

    def _show_changed(self, old: Inventory, diff: inventories.Diff) -> None:
        """Exports the state series of what is new or has another description than before."""
        new = self.inventory
        for device in diff.added | diff.changed:
            self.announcer.show(self.network, Subject("device", device))
        moved = {site for site in new.sites if old.sites.get(site) != new.sites[site]}
        for link in new.links.values():
            if old.links.get(link.id) != link or link.site in moved:
                self.announcer.show(self.network, Subject("link", link.id))
        served = old.links_of_site()
        for site in self.network.sites:
            if site in moved or site not in served:
                self.announcer.show(self.network, Subject("site", site))
