"""What a netmon that had watched the simulated province would have in its store: slots, spans and outages of the past.

Pure: the same traffic functions that the agents answer from, and some breaks of cables chosen by the seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from netmon.inventory import Inventory
from netmon.model import (
    SLOT_S,
    DeviceState,
    Direction,
    EchoSlot,
    Link,
    LinkKind,
    LinkRole,
    LinkState,
    Octets,
    Service,
    Slot,
    Span,
    Subject,
    Summary,
)
from netmon.sim.optics import DARK_DBM, LOW_LIMIT_DBM, optics
from netmon.sim.province import traffic
from netmon.sim.timetable import Timetable
from netmon.sim.traffic import Flow
from netmon.sim.troubles import Script, behind, candidates
from netmon.targets.windows import month_of

HOUR_S = 3600
_BREAKS_S = (9 * HOUR_S, 6600, 3300, 1800, 900, 600)
"""How long each break lasts. The first is more than a month may lose at 99.5 %."""
_ROUND_TRIPS_MS = {LinkKind.LTE: (28, 45), LinkKind.SATELLITE_LEO: (35, 48), LinkKind.MICROWAVE: (4, 12)}
_FIBRE_MS = (3, 11)
_POLLS, _BURST = 10, 5
"""Polls of a slot, and bursts, each of so many echoes."""
_LOSSY_SLOTS = 0.02
_SLOW_ONE_IN = 40
"""Of so many links one has a round trip of more than 50 ms at its busy times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The cable of a link was cut in [start, end), whole Unix seconds."""

    link: Link
    start: int
    end: int

    @property
    def window(self) -> Timetable:
        return Timetable(self.start, self.end - self.start)


LIGHT_DAYS = 42
"""How far back the light of fibres is told: a trend of it needs weeks. Before the days of slots, one hour a day."""


def light(link: Link, cut: Break | None, *, seed: int, now: float, days: int) -> Iterator[tuple[str, Summary]]:
    """The hours of a fibre's light, by figure, as netmon keeps them: what arrived and how far that was above the limit."""
    ends = optics(link, seed=seed, started=now, cut=cut.window if cut else None)
    this_hour = int(now // HOUR_S)
    for hour in range(this_hour - 24 * LIGHT_DAYS, this_hour) if ends else ():
        at = hour * HOUR_S
        if this_hour - hour > 24 * days and (hour + 7) % 24 != 12:
            continue
        for optic, way in zip(ends or (), (Direction.RECEIVE, Direction.TRANSMIT), strict=True):
            told = [dbm for minute in (0, 20, 40) if (dbm := optic.receive_dbm(at + 60 * minute)) > DARK_DBM]
            for figure, limit in (("optical_receive_power_dbm", 0.0), ("optical_margin_db", LOW_LIMIT_DBM)) if told else ():
                levels = [dbm - limit for dbm in told]
                mean = sum(levels) / len(levels)
                yield figure, Summary(at, HOUR_S, way, min(levels), mean, max(levels), len(levels), simulated=True)


def beginning(now: float, days: int) -> float:
    """When the past begins: so many days ago, or with this month if that is earlier. The edge of a slot."""
    return min(now // SLOT_S * SLOT_S - days * 86_400, month_of(now).start)


def breaks(inventory: Inventory, *, seed: int, now: float, days: int) -> list[Break]:
    """Some links lost for a while, one for hours; in this month where it is old enough to hold them. All are over by now."""
    dice = Random(f"{seed}/past")
    links = candidates(inventory)
    dice.shuffle(links)
    month = month_of(now).start
    found = []
    for link, lasting in zip(links, _BREAKS_S, strict=False):
        earliest = month if now - month > 2 * lasting + 2 * HOUR_S else beginning(now, days)
        start = int(dice.uniform(earliest + HOUR_S, now - lasting - HOUR_S))
        found.append(Break(link=link, start=start, end=start + lasting))
    return found


def flows(
    inventory: Inventory, chosen: Script, past: Sequence[Break], *, seed: int, now: float
) -> dict[str, dict[Direction, Flow]]:
    """The traffic of every link as it was, standing still while its cable was cut."""
    return traffic(inventory, chosen, seed=seed, at=now, closed={cut.link.id: cut.window for cut in past})


def slots(ways: Mapping[Direction, Flow], first: int, last: int) -> list[Slot]:
    """The slots in [first, last) of a link, as an end that was never lost has measured them."""
    receive, transmit = (
        [Octets(end - start, SLOT_S * 1_000_000) for start, end in pairwise(edges)]
        for edges in (
            [ways[direction].carried(k * SLOT_S) for k in range(first, last + 1)]
            for direction in (Direction.RECEIVE, Direction.TRANSMIT)
        )
    )
    return [Slot(*slot) for slot in zip(range(first, last), receive, transmit, strict=True)]


def seen_from_near(whole: Sequence[Slot], cut: Break | None) -> list[Slot]:
    """The slots that the near end has measured: it cannot be asked while the cable is cut, and nothing crosses it then."""
    if cut is None:
        return list(whole)
    found = []
    for slot in whole:
        start, end = slot.k * SLOT_S, (slot.k + 1) * SLOT_S
        covered_us = (SLOT_S - max(0, min(end, cut.end) - max(start, cut.start))) * 1_000_000
        if covered_us:
            found.append(
                Slot(slot.k, slot.receive._replace(covered_us=covered_us), slot.transmit._replace(covered_us=covered_us))
            )
    return found


def echoes(link: Link, cut: Break | None, *, seed: int, first: int, last: int) -> list[EchoSlot]:
    """The round trips of a link with a check address in the slots of [first, last), none while its cable was cut, and of a
    primary one those of the device at its near end."""
    dice = Random(f"{seed}/{link.id}/echoes")
    base_ms = dice.uniform(*_ROUND_TRIPS_MS.get(link.kind, _FIBRE_MS))
    slow = dice.randrange(_SLOW_ONE_IN) == 0
    sent, polled = _POLLS * _BURST, (_POLLS if link.near and link.role is LinkRole.PRIMARY else 0)
    found = []
    for k in range(first, last):
        busy_ms = 60 * (dice.random() < 0.3) if slow else 0
        mean_us = int(1000 * (base_ms * dice.uniform(0.95, 1.25) + busy_ms))
        lost = dice.randrange(1, 4) if dice.random() < _LOSSY_SLOTS else 0
        worst_us = int(mean_us * dice.uniform(1.2, 3))
        if cut is not None and k * SLOT_S < cut.end and (k + 1) * SLOT_S > cut.start:
            continue
        answered = sent - lost
        snmp_us = polled * int(mean_us * 1.2)
        found.append(EchoSlot(k, sent, answered, answered * mean_us, worst_us, polled, snmp_us))
    return found


def spans(inventory: Inventory, past: Sequence[Break], start: float, end: float) -> Iterator[tuple[Subject, Span]]:
    """The states of devices, links and sites with links over [start, end): up, but for the breaks."""
    lost: dict[Subject, tuple[str, Break]] = {}
    for cut in past:
        lost[Subject("link", cut.link.id)] = (LinkState.DOWN, cut)
        router = cut.link.near.device if cut.link.near else ""
        for device in behind(inventory, (router,)):
            lost[Subject("device", device)] = (DeviceState.DOWN if device == router else DeviceState.UNREACHABLE, cut)
        lost[Subject("site", cut.link.site)] = (Service.ISOLATED, cut)
    subjects = [
        *(Subject("device", device) for device in inventory.devices),
        *(Subject("link", link) for link in inventory.links),
        *(Subject("site", site) for site in inventory.links_of_site()),
    ]
    for subject in subjects:
        state, broken = lost.get(subject, ("", None))
        if broken is None:
            yield subject, Span("up", start, end)
            continue
        yield subject, Span("up", start, broken.start)
        yield subject, Span(state, broken.start, broken.end)
        yield subject, Span("up", broken.end, end)
