"""Settle: what an interface counted, handed to the ends of links that it is; what that settles is stored and shown. So is
how fast the port at an end runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netmon import samples
from netmon.derive.counters import Steps
from netmon.derive.layout import Layout
from netmon.derive.slots import present
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.measure import EndOfLink, Settled
from netmon.model import SLOT_S, End, Meter, Port, PortSpeed, Readings, Slot
from netmon.store import Reader, Store
from netmon.watch import Watch

RATE_HOLDS_S = 3 * SLOT_S
"""How long the rate of the last closed slot stays on the page."""


class Settler:
    """Stores and shows what the ends of links settle. Nothing here waits."""

    def __init__(self, store: Store, outlets: Outlets, meter: Meter) -> None:
        self._store = store
        self._outlets = outlets
        self._meter = meter
        self._speeds: dict[tuple[str, End], float] = {}  # of the ports at the ends of links, as they were stored last
        self._ports: dict[tuple[str, End], Port | None] = {}  # which ports these are

    def restore(self, reader: Reader, inventory: Inventory, watches: Iterable[Watch], now: float) -> None:
        """Goes on from the speeds that the store has, and shows the rates of the last closed slots again; these are as old
        as their slots."""
        self._speeds.update(reader.newest_port_speeds())
        newest = reader.newest_slots(now)
        for end in (end for watch in watches for end in watch.all_ends()):
            slot = newest.get((end.link.id, end.end))
            if slot is not None and _speaks(end):
                end.shown_at = (slot.k + 1) * SLOT_S
                self._outlets.put_again(f"rate:{end.link.id}", samples.rate_samples(inventory, end.link.id, slot))

    def forget(self, link: str) -> None:
        """The link is none of ours any more."""
        for end in End:
            self._ports.pop((link, end), None)

    def note_speeds(self, watch: Watch, layout: Layout, readings: Readings) -> None:
        """Stores the speeds of ports at ends of links that were told for the first time, or are other ones than before."""
        for interface, ends in watch.ends.items():
            place = layout.speed.get(interface)
            if place is None:
                continue
            speed = float(readings.values[place])
            for end in ends:
                if self._is_another(end) or self._speeds.get((end.link.id, end.end)) != speed:
                    self._speeds[end.link.id, end.end] = speed
                    self._store.put_port_speed(end.link.id, PortSpeed(end.end, readings.at[place].unix, speed))

    def settle(self, inventory: Inventory, watch: Watch, steps: Steps, now: float) -> None:
        """Stores what a poll, or time alone (`NO_STEPS`), settled of the ends of links that a device's interfaces are. When
        one has something to store, all ends on its interface store where they stand, for they share the counters that a
        restart goes on from."""
        for ends in watch.ends.values():
            for end in ends:
                if self._is_another(end) and self._speeds.get((end.link.id, end.end)):
                    self._speeds[end.link.id, end.end] = 0.0
                    self._store.put_port_speed(end.link.id, PortSpeed(end.end, now, 0.0))
            settled = [end.settle(steps, now, watch.counters) for end in ends]
            if settled.count(None) < len(settled):
                self._store_ends(inventory, watch, ends, settled, now)
            for end in ends:
                if end.shown_at and now > end.shown_at + RATE_HOLDS_S:
                    end.shown_at = 0.0
                    self._outlets.drop(f"rate:{end.link.id}")

    def _is_another(self, end: EndOfLink) -> bool:
        """Whether an end is another port since a reload: what the former one ran at says nothing of it. Told once."""
        key, port = (end.link.id, end.end), end.link.near if end.end is End.NEAR else end.link.far
        former, self._ports[key] = self._ports.get(key, port), port
        return former != port

    def _store_ends(
        self, inventory: Inventory, watch: Watch, ends: Sequence[EndOfLink], settled: Sequence[Settled | None], now: float
    ) -> None:
        for end, what in zip(ends, settled, strict=True):
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
                self._show(inventory, end, slot, now)

    def _show(self, inventory: Inventory, end: EndOfLink, slot: Slot, now: float) -> None:
        whole = present(slot.receive) and present(slot.transmit)
        self._meter.count("netmon_slots_total", present="yes" if whole else "no")
        if _speaks(end):
            end.shown_at = now
            rates = samples.rate_samples(inventory, end.link.id, slot)
            self._outlets.put(f"rate:{end.link.id}", rates, at=(slot.k + 1) * SLOT_S)


def _speaks(end: EndOfLink) -> bool:
    """Whether the rates of the link on the page are those of this end."""
    return end.end is End.NEAR or end.link.near is None


def fresh_until(watch: Watch, now: float, age_s: float) -> float:
    """Until when nothing of a watch ages, whatever polls bring till then, but for one that tells another period. The clock
    closes slots when another one begins, and at no other time."""
    until = min((now // SLOT_S + 1) * SLOT_S, (watch.read_at or now) + age_s, (watch.alive_at or now) + age_s)
    for ends in watch.ends.values():
        for end in ends:
            if end.shown_at and end.shown_at + RATE_HOLDS_S < until:
                until = end.shown_at + RATE_HOLDS_S
    return until
