"""How much crosses a link: a pure function of time, integrated exactly in integers.

The week repeats: 2,016 knots from Monday 00:00 in Asia/Ho_Chi_Minh, one at the start of each slot, and between two knots the
rate is a straight line. So the octets between any two instants are known without ticking, both ends of a link count the
same, a slot's octets are what a poller would measure, and a 95th percentile over any seven days is the same figure.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import accumulate
from math import exp, sqrt
from random import Random

from netmon.model import SLOT_S
from netmon.sim.timetable import Spells

KNOTS = 7 * 24 * 3600 // SLOT_S
_SLOT_US = SLOT_S * 1_000_000
_WEEK_US = KNOTS * _SLOT_US
_MONDAY_US = (4 * 86_400 - 7 * 3_600) * 1_000_000
"""Monday 1970-01-05 00:00 in Asia/Ho_Chi_Minh, Unix microseconds."""

# (hour, width in hours, height): the morning and the afternoon of an office, and people at home on its public Wi-Fi.
_BUMPS = ((9.4, 1.3, 1.0), (14.8, 1.2, 0.93), (20.2, 1.4, 0.22))
_NIGHT = 0.07
_DAYS = (1.0, 0.96, 0.95, 0.97, 0.92, 0.34, 0.20)
"""Monday to Sunday: the one-stop desk is open on Saturday morning."""
CEILING = 0.985
"""The highest use of a capacity that a knot may have: framing takes the rest."""


class Flow:
    """What crosses a link in one direction; nothing while `closed` is active.

    `rates` are octets per second at the knots of the week. What a `diverted` flow does not carry comes on top.
    """

    __slots__ = ("_closed", "_diverted", "_lost", "_rates", "_sums")

    def __init__(self, rates: Iterable[int], closed: Spells | None = None, diverted: Flow | None = None) -> None:
        week = list(rates)
        if len(week) != KNOTS or min(week) < 0:
            raise ValueError(f"a week has {KNOTS} rates, none below 0")
        slots = [SLOT_S * (a + b) // 2 for a, b in zip(week, [*week[1:], week[0]], strict=True)]
        self._rates = array("q", [*week, week[0]])
        self._sums = array("q", accumulate(slots, initial=0))
        self._closed = closed
        self._diverted = diverted
        self._lost = [0]  # octets that did not cross during the first n windows of `closed`

    def _offered(self, us: int) -> int:
        """Octets from the first Monday to `us`, had nothing been closed."""
        weeks, within = divmod(us - _MONDAY_US, _WEEK_US)
        knot, part = divmod(within, _SLOT_US)
        a, b = self._rates[knot], self._rates[knot + 1]
        line = (2 * SLOT_S * 1_000_000 * a + (b - a) * part) * part // (2 * SLOT_S * 10**12)
        return weeks * self._sums[KNOTS] + self._sums[knot] + line

    def carried(self, at: float) -> int:
        """Octets carried from the first Monday to an instant (Unix seconds): never falls, stands still while closed."""
        octets = self._offered(round(at * 1_000_000)) - self._held_back(at)
        return octets if self._diverted is None else octets + self._diverted._held_back(at)

    def _held_back(self, at: float) -> int:
        """Octets that did not cross until an instant because it was closed: never falls."""
        if self._closed is None:
            return 0
        ended = self._closed.ended(at)
        while len(self._lost) <= ended:
            self._lost.append(self._lost[-1] + self._between(*self._closed.window(len(self._lost) - 1)))
        return self._lost[ended] + (self._between(self._closed.window(ended)[0], at) if self._closed.active(at) else 0)

    def _between(self, start: float, end: float) -> int:
        return self._offered(round(end * 1_000_000)) - self._offered(round(start * 1_000_000))

    def octets(self, start: float, end: float) -> int:
        """Octets carried in [start, end), Unix seconds."""
        return self.carried(end) - self.carried(start)


def spilled(wanted: Iterable[int], own: Iterable[int], capacity: float) -> list[int]:
    """The knots of what a link takes over from another one: as much as there is room for beside its own."""
    most = int(capacity * CEILING)
    return [min(more, max(0, most - there)) for more, there in zip(wanted, own, strict=True)]


def office_week(dice: Random, capacity: float, busy: float) -> list[int]:
    """The knots of an office's week, whose 95th percentile of slots is `busy` of `capacity` (bytes per second)."""
    shape = [
        _level(knot) * (1 + wobble) + abs(spark)
        for knot, (wobble, spark) in enumerate(zip(_wander(dice, 0.09), _wander(dice, 0.012), strict=True))
    ]
    means = sorted((a + b) / 2 for a, b in zip(shape, [*shape[1:], shape[0]], strict=True))
    scale = busy / means[(95 * KNOTS + 99) // 100 - 1]
    return [int(capacity * min(CEILING, max(0.002, level * scale))) for level in shape]


def full_week(dice: Random, capacity: float, level: float) -> list[int]:
    """The knots of a link whose users want more than it carries: about `level` of `capacity`, day and night."""
    return [int(capacity * min(CEILING, level * (1 + wobble))) for wobble in _wander(dice, 0.006)]


def quiet_week(dice: Random, rate: float) -> list[int]:
    """The knots of a management interface that is polled: about `rate` bytes per second."""
    return [int(rate * max(0.1, 1 + wobble)) for wobble in _wander(dice, 0.1)]


def _level(knot: int) -> float:
    day, hour = divmod(knot * SLOT_S / 3600, 24)
    office = sum(height * exp(-(((hour - middle) / width) ** 2)) for middle, width, height in _BUMPS)
    return _NIGHT + _DAYS[int(day)] * office


def _wander(dice: Random, spread: float) -> list[float]:
    """A week of noise around 0 with this standard deviation, each knot close to the one before it."""
    memory, value, noise = 0.8, dice.gauss(0, spread), []
    push = spread * sqrt(1 - memory**2)
    for _ in range(KNOTS):
        noise.append(value)
        value = memory * value + dice.gauss(0, push)
    return noise
