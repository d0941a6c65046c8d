"""What is remembered of a link's load, so that judging it again costs only what is new.

The rates of the window stand in memory as the store keeps them (float32, a local day together), and beside them the highest
utilisations of the window in order: the 95th percentile is one of these. A slot that enters or leaves moves one value. The
definition is `percentile.judge_link`; a Load says the same, and hands its rates to it for the evidence.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isnan, nan
from typing import Any

from netmon.model import SLOT_S, ZONE_S, Direction, Link, Subject, Verdict, Window
from netmon.targets.definitions import PercentileUtilisation
from netmon.targets.later import Later
from netmon.targets.percentile import (
    SLOTS,
    LinkRates,
    Outcome,
    badness,
    daily_outcome,
    judge_link,
    outcome_of,
    rank,
    utilisations,
)
from netmon.targets.windows import DAY_S

DAY_SLOTS = DAY_S // SLOT_S
SHIFT = ZONE_S // SLOT_S
"""Slots by which the local day is ahead of that of UTC."""

NEEDED = SLOTS - rank(SLOTS) + 1
"""101: the percentile of a whole window is the 101st of its values from above, and never stands lower."""

_SPARE = 64
"""So many more are kept after a count, so that the next count is far away."""


class Highest:
    """The highest values of a collection that changes, in ascending order, and how many values there are in all."""

    __slots__ = ("count", "values")

    def __init__(self, every: Iterable[float] = ()) -> None:
        ordered = sorted(every)
        self.count = len(ordered)
        self.values = array("d", ordered[-(NEEDED + _SPARE) :])

    def add(self, value: float) -> None:
        values = self.values
        if len(values) == self.count or (values and value >= values[0]):
            insort(values, value)
            if len(values) > NEEDED + 2 * _SPARE:
                del values[:_SPARE]
        self.count += 1

    def remove(self, value: float) -> None:
        """Takes out a value that was added."""
        values = self.values
        if values and value >= values[0]:
            del values[bisect_left(values, value)]
        self.count -= 1

    @property
    def enough(self) -> bool:
        """Whether it still tells the percentile; if not, all values have to be looked at again."""
        return len(self.values) >= min(self.count, NEEDED)

    def percentile(self) -> float | None:
        """The 95th percentile, None of nothing."""
        return self.values[rank(self.count) - 1 - self.count] if self.count else None

    def more_than_spared(self, limit: float) -> bool:
        """Whether more values lie above the limit than the percentile of a whole window leaves above itself."""
        return len(self.values) >= NEEDED and self.values[-NEEDED] > limit


@dataclass(slots=True)
class _Day:
    """A local day: 288 rates of `receive`, then those of `transmit`. Bit i of the others is for slot i: which rates come
    from the far end, and which slots of either end a simulator made."""

    rates: array[float] = field(default_factory=lambda: array("f", [nan]) * (2 * DAY_SLOTS))
    far: int = 0  # bit i + 288 for transmit
    near_simulated: int = 0
    far_simulated: int = 0

    def copy(self) -> _Day:
        return _Day(self.rates[:], self.far, self.near_simulated, self.far_simulated)


class Load:
    """One link: its rates over the slots that judging needs, and its highest utilisations in each direction.

    It is made empty and told slots in any order, some of them twice; where both ends measured one, the near end speaks.
    """

    __slots__ = ("_daily", "_days", "_first", "_highest", "_seen_until", "link", "newest", "slots")

    def __init__(self, link: Link, slots: range) -> None:
        self.link = link
        self.slots = slots
        self.newest = [-1, -1]
        """The last slot that was told of the near and of the far end, however little it covers."""
        self._first = (slots.start + SHIFT) // DAY_SLOTS
        self._days: list[_Day] = []
        self._highest: tuple[Highest, Highest] | None = None
        self._seen_until = 0  # evidence that was given out rests on the slots before this one: they are changed in a copy
        self._daily: dict[str, tuple[PercentileUtilisation, int, Outcome]] = {}  # by target

    def add(self, k: int, far: bool, receive: float, transmit: float, simulated: bool) -> None:
        """One slot of one end, in bytes per second; NaN where it is not present in that direction."""
        if k > self.newest[far]:
            self.newest[far] = k
        number, i = divmod(k + SHIFT, DAY_SLOTS)
        if number < self._first or (far and self.link.far is None):
            return
        day = self._day(number - self._first)
        if simulated:
            day = self._changeable(number, k)
            if far:
                day.far_simulated |= 1 << i
            else:
                day.near_simulated |= 1 << i
        for way, value in enumerate((receive, transmit)):
            if value != value:
                continue
            place = i + DAY_SLOTS * way
            had = day.rates[place]
            if had != had or (not far and day.far >> place & 1):
                day = self._changeable(number, k)
                day.rates[place] = value
                day.far = day.far | 1 << place if far else day.far & ~(1 << place)
                self._replace(k, way, had, day.rates[place])

    def add_day(self, far: bool, first_k: int, receive: Sequence[float], transmit: Sequence[float], simulated: int) -> None:
        """A whole local day of one end, before the first verdict; bit i of `simulated` is for slot i of it."""
        n = (first_k + SHIFT) // DAY_SLOTS - self._first
        if n < 0 or (far and self.link.far is None):
            return
        told = array("f", receive) + array("f", transmit)
        last = next((i for i in reversed(range(DAY_SLOTS)) if not (isnan(receive[i]) and isnan(transmit[i]))), None)
        if last is not None:
            self.newest[far] = max(self.newest[far], first_k + last)
        day = self._day(n)
        if far:
            day.far_simulated |= simulated
            for place in [place for place, had in enumerate(day.rates) if had != had]:
                if told[place] == told[place]:
                    day.rates[place] = told[place]
                    day.far |= 1 << place
        else:
            day.near_simulated |= simulated
            lacking = [place for place, value in enumerate(told) if value != value]
            for place in lacking:
                told[place] = day.rates[place]
            day.rates, day.far = told, day.far & sum(1 << place for place in lacking)

    def stands_before(self, k: int) -> bool:
        """Whether an end that is known to measure told nothing of slot `k` or later."""
        near, far = self.newest
        return near < k or (self.link.far is not None and far < k)

    def move(self, slots: range) -> None:
        """Goes on to later slots: what is too old leaves the window, and the new ones enter it."""
        before, self.slots = self.slots, slots
        if self._highest is not None and slots.stop != before.stop:
            for first, stop, change in (
                (before.stop - SLOTS, min(slots.stop - SLOTS, before.stop), Highest.remove),
                (max(before.stop, slots.stop - SLOTS), slots.stop, Highest.add),
            ):
                for k in range(first, stop):
                    self._shift(k, change)
        del self._days[: max(0, (slots.start + SHIFT) // DAY_SLOTS - self._first)]
        self._first = max(self._first, (slots.start + SHIFT) // DAY_SLOTS)

    def verdict(self, target: PercentileUtilisation, window: Window, now: float) -> Verdict:
        """What `judge_link` says at `now`, the evidence when it is asked for. `slots` are those that it needs at `now`."""
        standing, value, coverage = self._outcome(target, now)
        self._seen_until = self.slots.stop
        return Verdict(
            target=target.id,
            subject=Subject("link", self.link.id),
            standing=standing,
            value=value,
            limit=target.limit,
            coverage=coverage,
            window=window,
            final=False,
            evidence=Later(partial(_evidence, target, self.link, tuple(self._days), self._first, self.slots, now)),
        )

    def rates(self) -> LinkRates:
        """The rates of `slots`, as they would be read from the store."""
        return _rates(self._days, self._first, self.slots)

    def _day(self, n: int) -> _Day:
        while len(self._days) <= n:
            self._days.append(_Day())
        return self._days[n]

    def _changeable(self, number: int, k: int) -> _Day:
        """The day, in a copy when evidence that was given out rests on its slot k."""
        n = number - self._first
        if k < self._seen_until:
            self._days[n] = self._days[n].copy()
            self._daily.clear()
        return self._days[n]

    def _replace(self, k: int, way: int, had: float, value: float) -> None:
        if self._highest is None or not self.slots.stop - SLOTS <= k < self.slots.stop:
            return
        capacity = self.link.capacity_at(k * SLOT_S)
        if capacity is not None:
            full = capacity.transmit if way else capacity.receive
            if had == had:
                self._highest[way].remove(had / full)
            self._highest[way].add(value / full)

    def _shift(self, k: int, change: Callable[[Highest, float], None]) -> None:
        number, i = divmod(k + SHIFT, DAY_SLOTS)
        n = number - self._first
        capacity = self.link.capacity_at(k * SLOT_S)
        if self._highest is None or capacity is None or not 0 <= n < len(self._days):
            return
        rates = self._days[n].rates
        receive, transmit = rates[i], rates[i + DAY_SLOTS]
        if receive == receive:
            change(self._highest[0], receive / capacity.receive)
        if transmit == transmit:
            change(self._highest[1], transmit / capacity.transmit)

    def _counted(self) -> tuple[Highest, Highest]:
        """The highest of each direction; where too few are left, of all slots of the window."""
        if self._highest is None or not (self._highest[0].enough and self._highest[1].enough):
            window = range(self.slots.stop - SLOTS, self.slots.stop)
            rates = self.rates()
            receive, transmit = (
                Highest(value for value in utilisations(self.link, rates, direction, window) if not isnan(value))
                for direction in Direction
            )
            self._highest = receive, transmit
        return self._highest

    def _outcome(self, target: PercentileUtilisation, now: float) -> Outcome:
        if target.reading == "daily":
            return self._day_by_day(target, now)
        receive, transmit = (
            outcome_of(
                target,
                highest.percentile(),
                highest.count / SLOTS,
                beyond=highest.more_than_spared(target.limit),
            )
            for highest in self._counted()
        )
        return receive if badness(receive) >= badness(transmit) else transmit

    def _day_by_day(self, target: PercentileUtilisation, now: float) -> Outcome:
        """The reading of days that have ended: it changes at midnight, and when a late slot is told."""
        known = self._daily.get(target.id)
        if known is None or known[:2] != (target, self.slots.start):
            known = self._daily[target.id] = target, self.slots.start, daily_outcome(target, self.link, self.rates(), now)
        return known[2]


def _evidence(
    target: PercentileUtilisation, link: Link, days: Sequence[_Day], first: int, slots: range, now: float
) -> Mapping[str, Any]:
    return judge_link(target, link, _rates(days, first, slots), now).evidence


def _rates(days: Sequence[_Day], first: int, slots: range) -> LinkRates:
    """Both ends of the slots of some days. The far end is told apart only where the near end lacks a slot."""
    merged, near = (array("f"), array("f")), (array("f"), array("f"))
    simulated = [0, 0]
    first_k = first * DAY_SLOTS - SHIFT
    for n, day in enumerate(days):
        count = min(DAY_SLOTS, slots.stop - first_k - n * DAY_SLOTS)
        if count <= 0:
            break
        own = day.rates[:]
        bits = day.far
        while bits:
            place = (bits & -bits).bit_length() - 1
            own[place] = nan
            bits &= bits - 1
        for way in (0, 1):
            merged[way].extend(day.rates[way * DAY_SLOTS : way * DAY_SLOTS + count])
            near[way].extend(own[way * DAY_SLOTS : way * DAY_SLOTS + count])
        told = (1 << count) - 1
        simulated[0] += (day.near_simulated & told).bit_count()
        simulated[1] += (day.far_simulated & told).bit_count()
    filled = any(day.far for day in days)
    lacks = len(near[0]) < slots.stop - first_k or any(map(isnan, near[0])) or any(map(isnan, near[1]))
    return LinkRates(
        first_k=first_k,
        near_receive=near[0],
        near_transmit=near[1],
        far_receive=merged[0] if filled else None,
        far_transmit=merged[1] if filled else None,
        simulated=max(simulated) if lacks else simulated[0],
    )
