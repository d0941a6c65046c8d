"""The pipeline: poll, derive, store, judge, export, one device at a time.

A function call is the queue: what a poll brought goes straight through. Nothing below the poll waits for a disk or a
peer, so that no device can be late because of another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from netmon import announce
from netmon import inventory as inventories
from netmon.announce import Announcer
from netmon.derive import counters as counting
from netmon.derive.counters import Ceiling, Counters, Step
from netmon.derive.slots import present
from netmon.exporters.prometheus import Page
from netmon.inventory import Inventory
from netmon.measure import OCTETS, EndOfLink
from netmon.model import (
    At,
    Baseline,
    Device,
    End,
    Kind,
    Link,
    Meter,
    Outcome,
    Poll,
    Port,
    Reading,
    Series,
    Subject,
)
from netmon.network import Network, Outturn
from netmon.store import Store

log = structlog.get_logger(__name__)

SPEED = "netmon_interface_speed_bytes_per_second"
OPER = "netmon_interface_up"
CHECK = "check:"
"""Prefix of the schedule's keys for the ping of a link's check address."""


CHECK_INTERVAL_S = 30.0
"""How often a check address is pinged where no witnessing device says how often."""


class Poller(Protocol):
    """Asks one device. `light`: begin with one small request, for the device was silent."""

    async def poll(self, *, light: bool = False) -> Poll: ...


class Pinger(Protocol):
    """Round trip of an echo in seconds, None for silence; raises OSError where our own side fails."""

    async def ping(self, address: str, timeout_s: float) -> float | None: ...


class Watch:
    """What is remembered of one device between its polls."""

    def __init__(self, device: Device, labels: tuple[tuple[str, str], ...], poller: Poller) -> None:
        self.device = device
        self.labels = labels
        self.poller = poller
        self.counters = Counters()
        self.ends: dict[str, list[EndOfLink]] = {}  # by interface
        self.last: Poll | None = None
        self.last_answered = 0.0


class Pipeline:
    """All devices of one inventory. `make_poller` builds the poller of a device."""

    def __init__(
        self,
        inventory: Inventory,
        network: Network,
        *,
        store: Store,
        page: Page,
        meter: Meter,
        make_poller: Callable[[Device, tuple[tuple[str, str], ...]], Poller],
        pinger: Pinger | None,
        poke: Callable[[str, float], None],
        max_age_intervals: float = 3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.network = network
        self.announcer = Announcer(store, page)
        self.watches: dict[str, Watch] = {}
        self._store = store
        self._page = page
        self._meter = meter
        self._make_poller = make_poller
        self._pinger = pinger
        self._poke = poke
        self._max_age_intervals = max_age_intervals
        self._clock = clock
        self._baselines: Mapping[tuple[str, End], Baseline] = {}
        self.inventory = Inventory({}, {}, {})
        self.take(inventory)

    def restore(self, baselines: Mapping[tuple[str, End], Baseline]) -> None:
        """Goes on where the counters of the store stand. Call before the first poll."""
        for watch in self.watches.values():
            self._restore(watch, baselines)

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
                for owner in ("rate", "capacity") if kind == "link" else ():
                    self._page.forget(f"{owner}:{name}")
        standing: dict[tuple[str, End], Baseline] = {}
        for name in diff.removed | diff.changed:
            watch = self.watches.pop(name)
            for end in (end for ends in watch.ends.values() for end in ends):
                standing[end.link.id, end.end] = end.baseline(watch.counters)
            for owner in ("device", "poll", "polled"):
                self._page.forget(f"{owner}:{name}")
        self.network.take(inventory)
        ports = inventory.links_by_port()
        for name in diff.added | diff.changed:
            device = inventory.devices[name]
            watch = Watch(device, inventory.device_labels(name), self._make_poller(device, inventory.device_labels(name)))
            for port, links in ports.items():
                if port.device == name:
                    watch.ends[port.interface] = [
                        EndOfLink(link, end, (*watch.labels, ("interface", port.interface)))
                        for link in links
                        for end, at in ((End.NEAR, link.near), (End.FAR, link.far))
                        if at == port
                    ]
            self.watches[name] = watch
            self._restore(watch, standing)
        self._show_all(now)
        return diff

    async def run(self, key: str, due: float) -> None:
        """One poll of a device, or one ping of a link's check address; the schedule's job."""
        if key.startswith(CHECK):
            await self._check(key.removeprefix(CHECK))
            return
        watch = self.watches.get(key)
        if watch is None:
            return
        track = self.network.tracks[key]
        at = At(self._clock(), time.monotonic())
        try:
            poll = await watch.poller.poll(light=track.fallen or track.silences > 0)
            if self.watches.get(key) is watch:  # else a reload replaced it meanwhile
                self.take_poll(watch, poll)
        except Exception as error:
            self._meter.count("netmon_bugs_total", room="pipeline")
            log.exception("poll failed by a bug", device=key)
            ended = At(self._clock(), time.monotonic())
            bug = Poll(device=key, outcome=Outcome.BUG, sent=at, ended=ended, detail=f"{type(error).__name__}: {error}")
            if self.watches.get(key) is watch:
                self.take_poll(watch, bug)

    def take_poll(self, watch: Watch, poll: Poll) -> None:
        """Sends one poll down: counters, slots, states, page."""
        if poll.outcome is Outcome.REFUSED and (watch.last is None or watch.last.outcome is not Outcome.REFUSED):
            log.warning("device refuses to be measured", device=poll.device, detail=poll.detail)
        watch.last = poll
        speeds = {r.series.label("interface"): float(r.value) for r in poll.readings if r.series.family == SPEED}
        oper = {r.series.label("interface"): bool(r.value) for r in poll.readings if r.series.family == OPER}
        ceilings = _Ceilings(watch, speeds, poll.sent.unix)
        steps = watch.counters.take(poll.readings, ceilings.of)
        self._measure(watch, steps, poll)
        if poll.outcome in (Outcome.ANSWERED, Outcome.REFUSED):
            watch.last_answered = poll.ended.unix
            self._page.put(f"poll:{poll.device}", _poll_samples(watch, poll))
        if poll.readings:
            self._page.put(f"device:{poll.device}", _samples(watch, poll, ceilings))
        polled = Series("netmon_device_last_poll_timestamp_seconds", watch.labels)
        self._page.put(f"polled:{poll.device}", [(polled, poll.ended.unix)], kept=True)
        self._publish(self.network.poll(poll, oper))
        duration = poll.ended.monotonic - poll.sent.monotonic
        self._meter.count("netmon_polls_total", outcome=str(poll.outcome))
        self._meter.observe("netmon_poll_duration_seconds", duration)
        self._meter.count("netmon_readings_total", len(poll.readings))

    def tick(self, now: float) -> None:
        """What the clock alone brings, about twice a second: falls resolved, silence grown old, slots closed by time."""
        self._publish(self.network.resolve(now))
        self._meter.gauge("netmon_self_isolated", int(bool(self.network.isolated_since)))

    def sweep(self, now: float) -> None:
        """The slower part of the clock's work, every few seconds."""
        self._publish(self.network.stale(now))
        for watch in self.watches.values():
            if watch.last_answered and now > watch.last_answered + self._max_age_intervals * watch.device.interval_s:
                watch.last_answered = 0.0
                self._page.drop(f"device:{watch.device.id}")
                self._page.drop(f"poll:{watch.device.id}")
            for ends in watch.ends.values():
                for end in ends:
                    self._settle(watch, end, (), (), now)

    def park(self) -> None:
        """Stores where every end stands, for the next start: then only the time between is to be bridged."""
        for watch in self.watches.values():
            for end in (end for ends in watch.ends.values() for end in ends):
                self._store.put_link(end.link.id, end.end, baseline=end.baseline(watch.counters))

    def checks(self) -> Iterable[tuple[str, float]]:
        """Schedule keys of the links' check addresses, with the interval of each."""
        for link in self.inventory.links.values():
            if link.check is not None:
                yield CHECK + link.id, self._interval_of(link)

    def _interval_of(self, link: Link) -> float:
        ports: list[Port] = [port for port in (link.near, link.far) if port is not None]
        return min((self.inventory.devices[port.device].interval_s for port in ports), default=CHECK_INTERVAL_S)

    async def _check(self, link_id: str) -> None:
        link = self.inventory.links.get(link_id)
        if link is None or link.check is None or self._pinger is None:
            return
        sent = self._clock()
        try:
            heard: bool | None = await self._pinger.ping(link.check, 2.0) is not None
        except OSError as error:
            log.debug("ping not sent", link=link_id, detail=str(error))
            heard = None
        if link_id in self.inventory.links:
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
            for end in ends:
                self._settle(watch, end, stepped.get(interface, ()), read.get(interface, ()), poll.ended.unix)

    def _settle(self, watch: Watch, end: EndOfLink, steps: Iterable[Step], readings: Iterable[Reading], now: float) -> None:
        settled = end.settle(steps, readings, now, watch.counters)
        if settled is None:
            return
        self._store.put_link(
            end.link.id,
            end.end,
            slots=settled.slots,
            unplaced=settled.unplaced,
            gaps=settled.gaps,
            baseline=settled.baseline,
        )
        for slot in settled.slots:
            whole = present(slot.receive) and present(slot.transmit)
            self._meter.count("netmon_slots_total", present="yes" if whole else "no")
            if end.end is End.NEAR or end.link.near is None:
                self._page.put(f"rate:{end.link.id}", announce.rate_samples(self.inventory, end.link.id, slot))

    def _restore(self, watch: Watch, baselines: Mapping[tuple[str, End], Baseline]) -> None:
        for ends in watch.ends.values():
            for end in ends:
                baseline = baselines.get((end.link.id, end.end))
                if baseline is not None:
                    end.restore(baseline, watch.counters)

    def _show_all(self, now: float) -> None:
        for device in self.inventory.devices:
            self.announcer.show(self.network, Subject("device", device))
        for link in self.inventory.links:
            self.announcer.show(self.network, Subject("link", link))
            self._page.put(f"capacity:{link}", announce.capacity_samples(self.inventory, link, now), kept=True)
        for site in self.network.sites:
            self.announcer.show(self.network, Subject("site", site))


class _Ceilings:
    """How fast the counters of one device can run, from the links that its interfaces carry and its ports' speeds."""

    def __init__(self, watch: Watch, speeds: Mapping[str, float], now: float) -> None:
        self._watch = watch
        self._speeds = speeds
        self._now = now
        self._found: dict[tuple[str, bool], Ceiling] = {}

    def of(self, series: Series) -> Ceiling:
        key = (series.label("interface"), series.family in OCTETS)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._make(*key)
        return found

    def _make(self, interface: str, octets: bool) -> Ceiling:
        contract = 0.0
        for end in self._watch.ends.get(interface, ()):
            capacity = end.link.capacity_at(self._now)
            if capacity is not None:
                contract = max(contract, capacity.receive, capacity.transmit)
        return counting.ceiling(contract or None, self._speeds.get(interface), octets=octets)


def _samples(watch: Watch, poll: Poll, ceilings: _Ceilings) -> list[tuple[Series, float]]:
    """What a poll read: gauges as they are, counters as netmon's own sums."""
    totals = watch.counters.totals
    samples: list[tuple[Series, float]] = []
    for reading in poll.readings:
        series = reading.series
        if series.kind is Kind.COUNTER64 or series.kind is Kind.COUNTER32:
            samples.append((series, totals[series]))
        else:
            samples.append((series, reading.value))
    for reading in poll.readings:
        if reading.series.family in OCTETS and reading.series.kind is Kind.COUNTER32:
            samples += _not_measurable(watch, reading, ceilings)
    return samples


def _not_measurable(watch: Watch, reading: Reading, ceilings: _Ceilings) -> list[tuple[Series, float]]:
    if reading.series.family != "netmon_interface_receive_bytes_total":
        return []  # once an interface is enough
    wraps = not counting.measurable(ceilings.of(reading.series), watch.device.interval_s)
    return [(Series("netmon_interface_not_measurable", reading.series.labels), int(wraps))]


def _poll_samples(watch: Watch, poll: Poll) -> list[tuple[Series, float]]:
    """How the last poll that found the device alive went."""
    return [
        (Series("netmon_device_snmp_up", watch.labels), float(poll.outcome is Outcome.ANSWERED and poll.snmp)),
        (Series("netmon_device_poll_duration_seconds", watch.labels), poll.ended.monotonic - poll.sent.monotonic),
        (Series("netmon_device_poll_incomplete", watch.labels), float(bool(poll.incomplete))),
    ]
