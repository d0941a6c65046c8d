"""Measure: the ends of links, as the interfaces that witness them count.

An interface's counters belong to the device; what they mean for a link, named from the commune, is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from netmon.derive.counters import Ceiling, Counters, Step, ceiling
from netmon.derive.slots import SlotFiller
from netmon.model import Baseline, Direction, End, Gap, Kind, Link, Reading, Series, Slot, Unplaced

OCTETS = {
    "netmon_interface_receive_bytes_total": {End.NEAR: Direction.RECEIVE, End.FAR: Direction.TRANSMIT},
    "netmon_interface_transmit_bytes_total": {End.NEAR: Direction.TRANSMIT, End.FAR: Direction.RECEIVE},
}
"""An interface's octet counters, and the commune's direction that they mean at either end of a link."""

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
    """One end of a link. `labels` are those of the interface's series."""

    def __init__(self, link: Link, end: End, labels: tuple[tuple[str, str], ...]) -> None:
        self.link = link
        self.end = end
        self._labels = labels
        self._filler = SlotFiller()
        self.shown_at = 0.0  # when its last slot went to the page of metrics
        self._stored_at = 0.0  # when the store last got a baseline that the next poll after a crash can be compared with

    def restore(self, baseline: Baseline, counters: Counters) -> None:
        """Goes on where the store says that this end stood."""
        self._filler = SlotFiller(baseline)
        points = (baseline.receive, baseline.transmit)
        self._stored_at = max((point.unix for point in points if point is not None), default=0.0)
        for family, ways in OCTETS.items():
            point = baseline.receive if ways[self.end] is Direction.RECEIVE else baseline.transmit
            if point is not None:
                counters.restore(Series(family, self._labels, point.kind), point)

    def follow(self, before: EndOfLink | None) -> None:
        """Takes over the open slots of the end as another interface measured it; its counters are other ones."""
        if before is not None:
            self._filler = before._filler

    def baseline(self, counters: Counters) -> Baseline:
        """Where this end stands now."""
        points = {ways[self.end]: counters.point(Series(family, self._labels)) for family, ways in OCTETS.items()}
        return self._filler.baseline(points[Direction.RECEIVE], points[Direction.TRANSMIT])

    def settle(self, steps: Iterable[Step], readings: Iterable[Reading], now: float, counters: Counters) -> Settled | None:
        """Takes the steps and readings of its interface's octet counters; returns what has to be stored, None for nothing.

        The baseline is stored with every closed slot, and also at the first reading and after a gap: whenever netmon dies,
        the next poll has something to be compared with. Of a 32-bit counter it is stored oftener, for it wraps in minutes.
        """
        gaps: list[Gap] = []
        unplaced: list[Unplaced] = []
        for step in steps:
            way, start, stop = OCTETS[step.series.family][self.end], step.before.unix, step.after.at.unix
            if step.difference is None:
                gaps.append(Gap(way, min(start, stop), max(start, stop), step.reason))  # a clock may have gone back
            else:
                unplaced += self._filler.add(way, step.difference, start, stop)
        due = False
        for reading in readings:
            self._filler.read(OCTETS[reading.series.family][self.end], reading.at.unix)
            patience = WRAPS_SOON_S if reading.series.kind is Kind.COUNTER32 else inf
            due = due or not self._stored_at or reading.at.unix - self._stored_at >= patience
        slots = self._filler.close(now)
        if not (slots or gaps or unplaced or due):
            return None
        self._stored_at = now
        return Settled(slots=slots, unplaced=unplaced, gaps=gaps, baseline=self.baseline(counters))


class Ceilings:
    """How fast the counters of one device can run, from the links that its interfaces carry and its ports' speeds."""

    def __init__(self, ends: Mapping[str, Sequence[EndOfLink]], speeds: Mapping[str, float], now: float) -> None:
        self._ends = ends
        self._speeds = speeds
        self._now = now
        self._found: dict[tuple[str, bool], Ceiling] = {}

    def of(self, series: Series) -> Ceiling:
        """The ceiling of one counter."""
        key = (series.label("interface"), series.family in OCTETS)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._make(*key)
        return found

    def _make(self, interface: str, octets: bool) -> Ceiling:
        contract = 0.0
        for end in self._ends.get(interface, ()):
            capacity = end.link.capacity_at(self._now)
            if capacity is not None:
                contract += max(capacity.receive, capacity.transmit)
        return ceiling(contract or None, self._speeds.get(interface), octets=octets)
