"""The pipeline: poll, derive, store, judge, export, one device at a time.

A function call is the queue: what a poll brought goes straight through. Nothing below the poll waits for a disk or a
peer, so that no device can be late because of another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from math import nan

import structlog

from netmon import clock_steps, samples, units
from netmon import inventory as inventories
from netmon.announce import Announcer
from netmon.cells import Cells
from netmon.checks import Checks, Pinger
from netmon.clock_steps import cut_slots
from netmon.connections import Outturn
from netmon.derive.counters import NO_STEPS
from netmon.derive.layout import Layout
from netmon.derive.states import ALIVE
from netmon.events import windows
from netmon.exporters.outlets import Outlets
from netmon.fibre import Fibre
from netmon.inventory import Inventory
from netmon.measure import EndOfLink
from netmon.model import (
    At,
    Device,
    End,
    Kind,
    Lull,
    Meter,
    Outcome,
    Poll,
    Reading,
    Readings,
    SpeedTest,
    Subject,
)
from netmon.network import Network
from netmon.operations import Operations
from netmon.settle import Settler, fresh_until
from netmon.speedtests import SpeedTests
from netmon.store import Reader, Store
from netmon.summaries import Summaries
from netmon.supply import UNTOLD, Supplies
from netmon.units import Register
from netmon.watch import Poller, Watch

log = structlog.get_logger(__name__)

CHECK = "check:"
"""Prefix of the schedule's keys for the echoes to a link's check address."""

OWNERS = ("read", "info", "poll", "late")
"""What a device has with the exporters, beside its states."""

DEAD_EVERY_S, HURRIED_DEAD_EVERY_S = 60.0, windows.DEAD_EVERY_S
"""A device that is down or unreachable is asked at its own interval, but never more slowly than this (SEMANTICS 1); where a
storm strikes it is known sooner who comes back."""


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
        register: Register | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.network = network
        self.announcer = Announcer(store, outlets)
        self.watches: dict[str, Watch] = {}
        self.supplies = Supplies()
        self.cells = Cells(store, outlets, meter)
        self.summaries = Summaries(store, meter)
        self.fibre = Fibre(outlets, self.summaries, meter)
        self._store = store
        self._outlets = outlets
        self._meter = meter
        self._settler = Settler(store, outlets, meter)
        self.speed_tests = SpeedTests(store, outlets)
        self._checks = Checks(network, store=store, outlets=outlets, meter=meter, pinger=pinger, clock=clock)
        self._make_poller = make_poller
        self._poke = poke
        self._max_age_intervals = max_age_intervals
        self._clock = clock
        self._isolated = False
        self.operations = Operations(
            network,
            self.announcer,
            self.fibre,
            self.summaries,
            register=register or units.load(),
            store=store,
            outlets=outlets,
            last_poll=self.last_poll,
            clock=clock,
        )
        network.hurried = self.operations.hurried
        self.inventory = Inventory({}, {}, {})
        self.take(inventory)

    def restore(self, reader: Reader) -> None:
        """Goes on where the store says that counters, port speeds, slots and supplies stood. Call before the first poll."""
        self._settler.restore(reader, self.inventory, self.watches.values(), self._clock())
        self._checks.restore(reader, self._clock())
        self.supplies.restore(reader.last_spans("supply"))
        self.cells.restore(reader, self._clock())
        self.operations.restore(reader, reader.last_spans("supply"), self._clock())
        baselines = reader.baselines()
        for watch in self.watches.values():
            for end in watch.all_ends():
                if (baseline := baselines.get((end.link.id, end.end))) is not None:
                    end.restore(baseline, watch.counters)
                    points = [point.unix for point in (baseline.receive, baseline.transmit) if point is not None]
                    if max(points, default=0.0) > self._clock():
                        cut_slots(self._store, watch, end, self._clock())

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
                self.operations.forget(Subject(kind, name))
                if kind == "link":
                    self._store.drop_baselines(name)
                    self._settler.forget(name)
                for owner in {"device": OWNERS, "link": ("rate", "capacity")}.get(kind, ()):
                    self._outlets.forget(f"{owner}:{name}")
        for name in diff.removed:
            del self.watches[name]
            self._forget_supply(name)
            self.speed_tests.forget(name)
        for name in diff.added | diff.changed:
            self._watch(inventory.devices[name])
        self._hang_links()
        self.fibre.hang(inventory)
        self.operations.hang(inventory)
        self._checks.take(inventory)
        self.cells.follow(inventory, now)
        out = self.network.take(inventory, now)
        self.announcer.show_changed(self.network, old, diff)
        self.show_capacities(now)
        self._publish(out)
        return diff

    def last_poll(self, device: str) -> Poll | None:
        """The last poll of a device."""
        watch = self.watches.get(device)
        return watch.last if watch is not None else None

    def missing_interfaces(self) -> dict[str, str]:
        """Links whose interface the device does not have, in words: a typing error in the inventory, most likely."""
        return {link: why for watch in self.watches.values() for link, why in watch.without_interface()}

    def _watch(self, device: Device) -> None:
        """Watches a device with a new poller. While its labels are the same its counters and series go on."""
        labels, watch = self.inventory.device_labels(device.id), self.watches.get(device.id)
        poller = self._make_poller(device, labels)
        if watch is not None and watch.labels == labels and watch.device.speaks is device.speaks:
            watch.device, watch.poller, watch.fresh_until = device, poller, 0.0
            return
        if watch is not None and watch.device.speaks is not device.speaks:
            self._forget_supply(device.id)
        self.watches[device.id] = fresh = Watch(device, labels, poller)
        if watch is not None:
            for owner in OWNERS:
                self._outlets.forget(f"{owner}:{device.id}")
            self.speed_tests.forget(device.id)
            for interface, ends in watch.ends.items():
                fresh.ends[interface] = []
                for end in ends:
                    moved = EndOfLink(end.link, end.end, labels, interface)
                    moved.restore(end.baseline(watch.counters), fresh.counters)
                    fresh.ends[interface].append(moved)
                    self._outlets.forget(f"rate:{end.link.id}")

    def _hang_links(self) -> None:
        """Puts the links of the inventory on the interfaces that witness them; an end that was there goes on."""
        before = {name: watch.ends for name, watch in self.watches.items()}
        elsewhere = {(end.link.id, end.end): end for watch in self.watches.values() for end in watch.all_ends()}
        for watch in self.watches.values():
            watch.hang({})
        for port, links in self.inventory.links_by_port().items():
            watch = self.watches[port.device]
            there = {(end.link.id, end.end): end for end in before[port.device].get(port.interface, ())}
            ends = watch.ends[port.interface] = []
            for link in links:
                for place, at in ((End.NEAR, link.near), (End.FAR, link.far)):
                    if at == port:
                        end = there.get((link.id, place))
                        if end is None:
                            end = EndOfLink(link, place, watch.labels, port.interface)
                            end.follow(elsewhere.get((link.id, place)))
                        end.link = link
                        ends.append(end)

    async def run(self, key: str) -> None:
        """One poll of a device, or one burst of echoes to a link's check address; the schedule's job."""
        if key.startswith(CHECK):
            out = await self._checks.run(key.removeprefix(CHECK))
            if out is not None:
                self._publish(out)
            return
        if (watch := self.watches.get(key)) is None:
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
        if watch.last is None or watch.last.period_s != poll.period_s:
            watch.fresh_until = 0.0  # it ages at another pace from now on
        poll, readings = self._outlets.census.admit(f"read:{poll.device}", poll, watch.ends)
        watch.last = poll
        layout = watch.lay_out(readings)
        if readings:
            self._take_readings(watch, poll, layout, readings)
            if not poll.incomplete and (layout.up or watch.asked):
                watch.note_interfaces(layout)
        self._checks.note_poll(poll)
        self._show_poll(watch, poll)
        self._write_late(poll.device, poll.history)
        self._note_supply(watch, poll, layout.mains_in(readings))
        up = {interface: layout.up[interface] for interface in watch.ends if interface in layout.up}
        self._publish(self.network.poll(poll, {interface: bool(readings.values[up[interface]]) for interface in up}))
        if self.network.tracks[poll.device].fallen:
            every_s = HURRIED_DEAD_EVERY_S if self.network.hurried(poll.device) else DEAD_EVERY_S
            if watch.device.interval_s > every_s:
                self._poke(poll.device, every_s)
        self._meter.count("netmon_polls_total", outcome=poll.outcome.value)
        self._meter.observe("netmon_poll_duration_seconds", poll.ended.monotonic - poll.sent.monotonic)
        self._meter.count("netmon_readings_total", len(readings))

    def _take_readings(self, watch: Watch, poll: Poll, layout: Layout, readings: Readings) -> None:
        """Counts, settles what links rest on it, and shows what was measured."""
        limits = watch.ceilings.of(layout, readings.values, poll.sent.unix)
        if limits is not watch.limits:  # they were reckoned anew, as they are when a speed changes
            watch.limits = limits
            self._settler.note_speeds(watch, layout, readings)
        steps = watch.counters.take(layout, readings, limits)
        for reason in steps.gaps.values():
            self._meter.count("netmon_gaps_total", reason=reason)
        self._settler.settle(self.inventory, watch, steps, poll.ended.unix)
        watch.read_at = poll.ended.unix
        values = samples.shown_values(layout, readings, steps.totals, limits, watch.device.interval_s)
        self.summaries.take_room(watch.device, layout, readings)
        self.fibre.take(poll.device, layout, readings, watch.period_s)
        self.operations.take(poll.device, layout, readings, watch.period_s)
        times = samples.shown_times(layout, readings, poll.ended)
        self._outlets.put_values(f"read:{poll.device}", layout.shown, values, at=times)
        if watch.named is not layout:
            self._outlets.put_values(f"info:{poll.device}", layout.info, [1] * len(layout.info), kept=True)
            watch.named = layout

    def _show_poll(self, watch: Watch, poll: Poll) -> None:
        """Shows how the poll went and when it ended. Only the latter is told of one that did not find the device alive: what
        was said before stays on the page until it is old. Nor is there more to say of a look at what reports by itself."""
        owner, ended = f"poll:{poll.device}", poll.ended.unix
        if poll.outcome in ALIVE:
            watch.alive_at = ended
            if watch.asked:
                watch.went = samples.poll_values(poll)
                self._outlets.put_values(owner, watch.poll_series, (*watch.went, ended), at=ended)
                return
        series = watch.poll_series if watch.went else watch.poll_series[-1:]
        self._outlets.put_values(owner, series, (*watch.went, ended), at=(*[nan] * len(watch.went), ended))

    def _write_late(self, device: str, history: Sequence[Reading]) -> None:
        """Readings of the past. A counter that came late has no sum of ours: the next live one bridges its time."""
        fits = self._outlets.census.admit_late(
            f"read:{device}", device, history, time.monotonic(), self.watches[device].ends
        )
        if late := [reading for reading in fits if reading.series.kind is Kind.GAUGE]:
            self._outlets.put_late(f"late:{device}", [(r.series, r.value) for r in late], [r.at.unix for r in late])
            self.summaries.take_late_room(self.inventory.devices[device], late)

    def take_speed_test(self, test: SpeedTest) -> None:
        """Takes what a probe at a site measured."""
        self.speed_tests.take(self.inventory, test, self._clock())

    def _forget_supply(self, device: str) -> None:
        self.supplies.forget(device)
        self._store.end_span(Subject("supply", device), self._clock())

    def _note_supply(self, watch: Watch, poll: Poll, mains: Reading | None) -> None:
        was = self.supplies.of(poll.device)
        if mains is None and was == UNTOLD:
            return
        change = self.supplies.take(poll, mains, watch.period_s)
        if change is not None:
            self.announcer.tell_supply(change, was, watch.device)
            if change.state == UNTOLD:
                self.operations.darkness.untold(poll.device)
            self.operations.incidents.touch()

    def tick(self, now: float) -> None:
        """What the clock alone brings, about twice a second: falls resolved, what they mean, silence grown old."""
        self._publish(self.network.resolve(now))
        self.operations.step(now)
        isolated = bool(self.network.isolated_since)
        self._meter.gauge("netmon_self_isolated", int(isolated))
        if isolated is not self._isolated:
            self._isolated = isolated
            if isolated:
                self._checks.doubt()
                log.error("netmon suspects itself: all canaries are silent, every state is unknown")
            else:
                log.info("netmon is connected again")
            for device in self.inventory.devices:
                self.announcer.show(self.network, Subject("device", device))

    def sweep(self, now: float) -> None:
        """The slower part of the clock's work, every few seconds."""
        self._publish(self.network.stale(now))
        self._checks.sweep(now)
        self.speed_tests.sweep(now)
        self.fibre.sweep(now - self.network.offset)
        self.operations.sweep(now)
        self.cells.sweep(now)
        self.summaries.flush(now)
        for name, watch in self.watches.items():
            if now < watch.fresh_until:
                continue
            age_s = self._max_age_intervals * watch.period_s
            if watch.read_at and now > watch.read_at + age_s:
                watch.read_at = 0.0
                self._outlets.drop(f"read:{name}")
            if watch.alive_at and now > watch.alive_at + age_s:
                watch.alive_at = 0.0
                watch.went = ()
                self._outlets.drop(f"poll:{name}")
            self._settler.settle(self.inventory, watch, NO_STEPS, now)
            watch.fresh_until = fresh_until(watch, now, age_s)

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much."""
        clock_steps.shift(
            step_s,
            self._clock(),
            store=self._store,
            network=self.network,
            checks=self._checks,
            cells=self.cells,
            summaries=self.summaries,
            operations=self.operations,
            inventory=self.inventory,
            watches=self.watches.values(),
        )

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
        self.summaries.park()
        self.operations.park()

    def checks(self) -> Iterable[tuple[str, float]]:
        """Schedule keys of the links' check addresses, with the interval of each."""
        for link_id, interval_s in self._checks.due():
            yield CHECK + link_id, interval_s

    def _publish(self, out: Outturn) -> None:
        self.announcer.tell(self.network, out.changes)
        self.operations.incidents.note(out.changes)
        for device, after_s in out.pokes.items():
            self._poke(device, after_s)
