"""Census: how many series there may be, of one device and of all.

A device that invents names, a table without an end, a sensor with another id in each report: each would fill the memory, the
page and every database behind it. Whatever a poll brought is counted here before anything else sees it. A series has its
place for as long as it is told, and a day longer; new ones get the places that are left, and what finds none is counted,
named in the log and said of its device. Beyond the bounds are the ports that witness links, which the inventory bounds, and
beyond the bound of all a few series of each device: five that invent names do not silence the five thousandth. What netmon
itself says of its devices and links has no part in this: it is never refused.

Touches no clock: time comes in with the polls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import inf
from operator import is_, itemgetter
from typing import Any

import structlog

from netmon.model import SERIES_AT_MOST, Meter, Poll, Reading, Readings, Series

log = structlog.get_logger(__name__)

IN_ALL = 1_000_000
"""Series of all devices together."""

FLOOR = 200
"""Series that a device may have however many there are of all."""

HOLDS_S = 86_400.0
"""A series that is told no more keeps its place for so long: it may come again, and databases remember it."""

TOLD_EVERY_S = 3600.0
"""How often the log names what is refused of one device, and how soon that is looked at again for places that are free."""

_NAMED = 3


@dataclass(slots=True)
class _Roll:
    """The series of one owner: as they were `told` last, those of them that were `taken`, in that order, and what picks
    these out (None: they are all). `gone` are others that have a place, with when they were told last; `refused`: how many,
    by which bound."""

    told: tuple[Series, ...] = ()
    taken: tuple[Series, ...] = ()
    pick: Callable[[Sequence[Any]], tuple[Any, ...]] | None = None
    gone: dict[Series, float] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    looked: float = -inf  # when they were told apart
    named: float = -inf  # when the log named what is refused

    @property
    def size(self) -> int:
        return len(self.taken) + len(self.gone)


class Census:
    """Counts series by owner, which is a name of the page's. Instants are monotonic seconds."""

    def __init__(self, meter: Meter, per_device: int = SERIES_AT_MOST, in_all: int = IN_ALL, floor: int = FLOOR) -> None:
        self._meter = meter
        self._per_device = per_device
        self._in_all = in_all
        self._floor = floor
        self._rolls: dict[str, _Roll] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """How many series have a place."""
        return self._size

    def admit(self, owner: str, poll: Poll, always: Collection[str] = ()) -> tuple[Poll, Readings]:
        """A poll with what may be taken of its readings, and these; its detail says so when that is not all. What is told of
        one of the interfaces `always`, and not of a part of it, is taken whatever the bounds."""
        readings, at = Readings.of(poll.readings), poll.ended.monotonic
        if not readings.series:
            return poll, readings
        roll = self._rolls.setdefault(owner, _Roll())
        same = readings.series is roll.told or (
            len(readings.series) == len(roll.told) and all(map(is_, readings.series, roll.told))
        )
        if not same or (roll.refused and at >= roll.looked + TOLD_EVERY_S):
            self._look(roll, readings.series, at, always)
        if not roll.refused and not poll.beyond:
            return poll, readings
        if roll.pick is not None:
            columns = (readings.values, readings.at, readings.epochs)
            readings = Readings(roll.taken, *map(roll.pick, columns))
        refused = dict(roll.refused)
        if poll.beyond:
            refused["device"] = refused.get("device", 0) + poll.beyond
        self._refuse(roll, poll.device, refused, _left_out(roll), at)
        whose = "of a device" if "device" in refused else "of all devices"
        most = self._per_device if "device" in refused else self._in_all
        said = f"It has more series than netmon takes, {most} {whose}: some are left out."
        return replace(poll, readings=readings, detail=f"{poll.detail} {said}".lstrip()), readings

    def admit_late(
        self, owner: str, device: str, history: Sequence[Reading], at: float, always: Collection[str] = ()
    ) -> list[Reading]:
        """Those of readings of the past, which came `at` this instant, that may be taken."""
        if not history:
            return []
        roll = self._rolls.setdefault(owner, _Roll())
        if at >= roll.looked + TOLD_EVERY_S:
            self._look(roll, roll.told, at, always)
        taken: list[Reading] = []
        refused: dict[str, int] = {}
        left_out: list[Series] = []
        here = set(roll.taken)
        for reading in history:
            series = reading.series
            if series not in here:
                if series not in roll.gone:
                    if (bound := self._bound(roll)) is not None and not _is_of(series, always):
                        refused[bound] = refused.get(bound, 0) + 1
                        left_out.append(series)
                        continue
                    self._size += 1
                roll.gone[series] = at
            taken.append(reading)
        if refused:
            self._refuse(roll, device, refused, left_out, at)
        return taken

    def refuse(self, owner: str, device: str, amount: int, of: Series, at: float) -> None:
        """Something else had no room for series of a device."""
        self._refuse(self._rolls.setdefault(owner, _Roll()), device, {"device": amount}, (of,), at)

    def forget(self, owner: str) -> None:
        """The owner is gone, or has other labels."""
        roll = self._rolls.pop(owner, None)
        if roll is not None:
            self._size -= roll.size

    def _bound(self, roll: _Roll, more: int = 0) -> str | None:
        """Which bound one series beside those that have a place, and `more`, would cross."""
        if roll.size + more >= self._per_device:
            return "device"
        return "all" if self._size >= self._in_all and roll.size + more >= self._floor else None

    def _look(self, roll: _Roll, told: tuple[Series, ...], at: float, always: Collection[str]) -> None:
        """Tells apart what is taken and what is not."""
        before, roll.looked = roll.size, at
        there = set(told)
        gone = {series: last for series, last in roll.gone.items() if at < last + HOLDS_S}
        gone |= {series: at for series in roll.taken if series not in there}
        known = {*roll.taken, *gone}
        roll.told, roll.taken, roll.gone = told, (), {series: last for series, last in gone.items() if series not in there}
        held = sum(series in known for series in told)
        self._size += held + len(roll.gone) - before
        places: list[int] = []
        roll.refused = {}
        for place, series in enumerate(told):
            if series not in known:
                if (bound := self._bound(roll, held)) is not None and not _is_of(series, always):
                    roll.refused[bound] = roll.refused.get(bound, 0) + 1
                    continue
                held += 1
                self._size += 1
            places.append(place)
        roll.taken = tuple(told[place] for place in places) if roll.refused else told
        roll.pick = _picker(places) if roll.refused else None

    def _refuse(self, roll: _Roll, device: str, refused: dict[str, int], which: Iterable[Series], at: float) -> None:
        for bound, amount in refused.items():
            self._meter.count("netmon_series_refused_total", amount, bound=bound)
        if at >= roll.named + TOLD_EVERY_S:
            roll.named = at
            some = [" ".join((one.family, *(text for _, text in one.labels[4:]))) for one in islice(which, _NAMED)]
            log.warning("series are refused: there are too many", device=device, refused=refused, such_as=some)


def _is_of(series: Series, interfaces: Collection[str]) -> bool:
    """Whether it tells of one of these as a whole: not of a sensor in it, of which a device may invent any number."""
    own = series.labels[4:]
    return len(own) == 1 and own[0][0] == "interface" and own[0][1] in interfaces


def _left_out(roll: _Roll) -> Iterator[Series]:
    taken = set(roll.taken)
    return (series for series in roll.told if series not in taken)


def _picker(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda column: tuple(column[place] for place in places)
