"""Measure: the ends of links, as the interfaces that witness them count.

An interface's counters belong to the device; what they mean for a link, named from the commune, is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from netmon.derive.counters import Ceiling, Counters, Limits, Steps, ceiling
from netmon.derive.layout import OCTETS, RECEIVED, SENT, Layout
from netmon.derive.slots import SlotFiller
from netmon.model import Baseline, Direction, End, Gap, Kind, Link, Series, Slot, Unplaced

WAYS = {
    RECEIVED: {End.NEAR: Direction.RECEIVE, End.FAR: Direction.TRANSMIT},
    SENT: {End.NEAR: Direction.TRANSMIT, End.FAR: Direction.RECEIVE},
}
"""The commune's direction that an interface's octet counters mean at either end of a link."""

WRAPS_SOON_S = 30.0
"""How old the stored reading of a Counter32 may become: at 200 Mbit/s and half as much again it wraps in 114 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one end of a link has to store, in one transaction."""

    slots: list[Slot]
    unplaced: list[Unplaced]
    gaps: list[Gap]
    baseline: Baseline


class EndOfLink:
    """One end of a link, as `interface` of the device with these labels counts it."""

    def __init__(self, link: Link, end: End, device: tuple[tuple[str, str], ...], interface: str) -> None:
        self.link = link
        self.end = end
        self._interface = interface
        self._labels = (*device, ("interface", interface))
        self._filler = SlotFiller()
        self.shown_at = 0.0  # when its last slot went to the page of metrics
        self._stored_at = 0.0  # when the store last got a baseline that the next poll after a crash can be compared with

    def restore(self, baseline: Baseline, counters: Counters) -> None:
        """Goes on where the store says that this end stood."""
        self._filler = SlotFiller(baseline)
        points = (baseline.receive, baseline.transmit)
        self._stored_at = max((point.unix for point in points if point is not None), default=0.0)
        for family, ways in WAYS.items():
            point = baseline.receive if ways[self.end] is Direction.RECEIVE else baseline.transmit
            if point is not None:
                counters.restore(Series(family, self._labels, point.kind), point)

    def follow(self, before: EndOfLink | None) -> None:
        """Takes over the open slots of the end as another interface measured it; its counters are other ones."""
        if before is not None:
            self._filler = before._filler

    def baseline(self, counters: Counters) -> Baseline:
        """Where this end stands now."""
        points = {ways[self.end]: counters.point(Series(family, self._labels)) for family, ways in WAYS.items()}
        return self._filler.baseline(points[Direction.RECEIVE], points[Direction.TRANSMIT])

    def settle(self, steps: Steps, now: float, counters: Counters) -> Settled | None:
        """Takes what a poll said of its interface's octet counters; returns what has to be stored, None for nothing.

        The baseline is stored with every closed slot, and also at the first reading and after a gap: whenever netmon dies,
        the next poll has something to be compared with. Of a 32-bit counter it is stored oftener, for it wraps in minutes.
        """
        gaps: list[Gap] = []
        unplaced: list[Unplaced] = []
        due = False
        for n in steps.layout.octets.get(self._interface, ()):
            series, at, step = steps.layout.counters[n], steps.after[n].unix, steps.of(n)
            way = WAYS[series.family][self.end]
            if step is not None and step.difference is not None:
                unplaced += self._filler.add(way, step.difference, step.start, at)
            else:
                self._filler.read(way, at)
            if step is not None and step.difference is None:
                gaps.append(Gap(way, min(step.start, at), max(step.start, at), step.reason))  # a clock may have gone back
            patience = WRAPS_SOON_S if series.kind is Kind.COUNTER32 else inf
            due = due or not self._stored_at or at - self._stored_at >= patience
        slots = self._filler.close(now)
        if not (slots or gaps or unplaced or due):
            return None
        self._stored_at = now
        return Settled(slots=slots, unplaced=unplaced, gaps=gaps, baseline=self.baseline(counters))


class Ceilings:
    """How fast the counters of one device can run, from the links that its interfaces carry and its ports' speeds. Reckoned
    anew when the layout or a speed changes, and when another capacity holds: an earlier one too, for a clock may go back."""

    def __init__(self, ends: Mapping[str, Sequence[EndOfLink]]) -> None:
        self._ends = ends
        self._rests_on: tuple[object, ...] = ()
        self._since, self._until = -inf, inf  # between these the capacity of no link changes
        self._found = Limits((), (), inf)

    def of(self, layout: Layout, values: Sequence[float], now: float) -> Limits:
        """The limits of the layout's counters."""
        rests_on = (layout, *[values[place] for place in layout.speed.values()])
        if rests_on != self._rests_on or not self._since <= now < self._until:
            self._rests_on, self._found = rests_on, Limits.of(self._reckon(layout, values, now), layout.kinds)
            begun = [one.valid_from for ends in self._ends.values() for end in ends for one in end.link.capacities]
            self._since = max((at for at in begun if at <= now), default=-inf)
            self._until = min((at for at in begun if at > now), default=inf)
        return self._found

    def _reckon(self, layout: Layout, values: Sequence[float], now: float) -> list[Ceiling]:
        known: dict[tuple[str, bool], Ceiling] = {}  # the counters of an interface share theirs
        found = []
        for series in layout.counters:
            interface, octets = key = series.label("interface"), series.family in OCTETS
            if key not in known:
                speed = float(values[layout.speed[interface]]) if interface in layout.speed else None
                known[key] = ceiling(self._contract(interface, now), speed, octets=octets)
            found.append(known[key])
        return found

    def _contract(self, interface: str, now: float) -> float | None:
        capacities = [end.link.capacity_at(now) for end in self._ends.get(interface, ())]
        return sum(max(capacity.receive, capacity.transmit) for capacity in capacities if capacity is not None) or None
