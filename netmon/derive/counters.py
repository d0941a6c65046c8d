"""Counters become differences only within one epoch; anything else is a gap with a reason (SEMANTICS 3).

A gap is never a zero and never a spike: the octets of that interval are not known, and nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from math import isnan, nan
from typing import NamedTuple

from netmon.model import At, CounterPoint, Epoch, Kind, Reading, Series

TICKS = 2**32
"""sysUpTime and Counter32 both count modulo 2^32."""

FRAMING = 1.05
"""A port's octet counters may run this much past its nominal speed: preamble and rounding of ifHighSpeed."""

WRAP_HEADROOM = 1.5
"""A link may carry this times its contract before a fall of its Counter32 counts as a reset and not as a wrap."""

UNKNOWN_PORT = 10.0
"""A port that tells no speed is taken to run at most this times the contract of the link that it carries."""

SMALLEST_PACKET = 64
"""Octets of the smallest Ethernet frame: bounds how fast a packet counter can run."""


class Ceiling(NamedTuple):
    """How fast a counter can run, per second: `wrap` tells a wrap from a reset (S of SEMANTICS 3), `rate` is the port's
    speed, past which a rate is refused. None: not known."""

    wrap: float | None
    rate: float | None


UNBOUNDED = Ceiling(None, None)


class Step(NamedTuple):
    """What two readings of one counter say: an accepted `difference`, or None and the `reason` of the gap."""

    series: Series
    difference: int | None
    reason: str
    before: At
    after: Reading


def ceiling(contract: float | None, port_speed: float | None, *, octets: bool) -> Ceiling:
    """The ceiling of an interface's counter, from the contracted capacity of the link that it carries (B/s, None where it
    carries none) and the speed of its port (B/s, None or 0 where it tells none)."""
    speed = port_speed or None
    wrap = WRAP_HEADROOM * contract if contract else speed
    rate = speed or (UNKNOWN_PORT * contract if contract else None)
    scale = 1 if octets else 1 / SMALLEST_PACKET
    return Ceiling(wrap * scale if wrap else None, rate * scale if rate else None)


def measurable(limits: Ceiling, interval_s: float) -> bool:
    """Whether a Counter32 under this ceiling cannot wrap twice unseen between two polls. True where none is known."""
    return limits.wrap is None or TICKS / limits.wrap >= interval_s


def same_life(before: Epoch, after: Epoch, elapsed_s: float) -> str:
    """ "" when both readings come from one life of the agent and speak of one thing, else the reason why not."""
    if before.identity != after.identity:
        return "identity"
    if before.engine_boots != after.engine_boots and None not in (before.engine_boots, after.engine_boots):
        return "restart"
    if before.discontinuity != after.discontinuity and None not in (before.discontinuity, after.discontinuity):
        return "discontinuity"
    if before.sys_uptime is not None and after.sys_uptime is not None:
        # Modulo 2^32, so that the wrap of sysUpTime after 497 days is no reboot.
        drift = (after.sys_uptime - before.sys_uptime - round(100 * elapsed_s)) % TICKS
        if min(drift, TICKS - drift) > 100 * max(5.0, 0.01 * elapsed_s):
            return "restart"
    return ""


def interval(before: Reading, after: Reading) -> tuple[float, str]:
    """The seconds between two readings of one counter, and why these are not comparable: "" when they are.

    A reading restored from the store has no monotonic time (NaN): then the wall clock alone tells how long it was.
    """
    elapsed = after.at.unix - before.at.unix
    steady = after.at.monotonic - before.at.monotonic
    if not isnan(steady):
        if abs(elapsed - steady) > 1.0:
            return steady, "clock_step"
        elapsed = steady
    if elapsed <= 0:
        return elapsed, "clock_step"
    if before.epoch is None or after.epoch is None:
        return elapsed, ""
    return elapsed, same_life(before.epoch, after.epoch, elapsed)


def rise(before: Reading, after: Reading, elapsed_s: float, limits: Ceiling) -> int | str:
    """The difference of two comparable readings, or the reason why there is none."""
    kind = after.series.kind
    if kind is not before.series.kind:
        return "width"  # the agent changed from 64-bit to 32-bit counters or back
    delta = int(after.value) - int(before.value)
    if kind is Kind.COUNTER32:
        if limits.wrap is not None and TICKS / limits.wrap < elapsed_s:
            return "not_measurable"
        if delta < 0:
            delta += TICKS
            if limits.wrap is None or delta / elapsed_s > limits.wrap:
                return "reset"
    elif delta < 0:
        return "reset"
    if limits.rate is not None and delta / elapsed_s > FRAMING * limits.rate:
        return "too_fast"
    return delta


def difference(before: Reading, after: Reading, limits: Ceiling) -> int | str:
    """The difference of two readings of one counter, or the reason why there is none (SEMANTICS 3)."""
    elapsed, reason = interval(before, after)
    return reason or rise(before, after, elapsed, limits)


class Counters:
    """The counters of one device: the last reading of each, and netmon's own sum of what was accepted.

    The sums start at 0 when netmon starts and only grow: a reset, a wrap or a renumbering of the device can never make a
    spike in PromQL's `rate()`.
    """

    def __init__(self) -> None:
        self._last: dict[Series, Reading] = {}
        self.totals: dict[Series, int] = {}

    def take(self, readings: Iterable[Reading], ceiling_of: Callable[[Series], Ceiling]) -> list[Step]:
        """Takes the counters among `readings`; a counter seen for the first time starts its sum and makes no step."""
        steps = []
        last, totals = self._last, self.totals
        earlier = later = None  # the epochs of the row that was compared last: its counters share them
        elapsed, reason = 0.0, ""
        for reading in readings:
            series = reading.series
            if series.kind is not Kind.COUNTER64 and series.kind is not Kind.COUNTER32:
                continue
            before = last.get(series)
            if before is reading:
                continue  # what a device reported once, and is still the newest
            last[series] = reading
            if before is None:
                totals.setdefault(series, 0)
                continue
            if before.epoch is None or before.epoch is not earlier or reading.epoch is not later:
                earlier, later = before.epoch, reading.epoch
                elapsed, reason = interval(before, reading)
            result = reason or rise(before, reading, elapsed, ceiling_of(series))
            if isinstance(result, str):
                steps.append(Step(series, None, result, before.at, reading))
            else:
                totals[series] += result
                steps.append(Step(series, result, "", before.at, reading))
        return steps

    def restore(self, series: Series, point: CounterPoint) -> None:
        """Sets the last reading of a counter from the store, so that the next poll bridges the time without netmon."""
        known = self._last.get(series)
        if known is None or known.at.unix < point.unix:  # two links on one interface each have stored it: the newer holds
            self._last[series] = Reading(series, point.value, At(point.unix, nan), point.epoch)
        self.totals.setdefault(series, 0)

    def point(self, series: Series) -> CounterPoint | None:
        """The last reading of a counter, as the store keeps it."""
        reading = self._last.get(series)
        if reading is None or reading.epoch is None:
            return None
        return CounterPoint(int(reading.value), reading.at.unix, reading.series.kind, reading.epoch)

    def forget(self, before: float, keep: Container[tuple[tuple[str, str], ...]]) -> None:
        """Forgets the counters that were not read since `before`: interfaces that are gone. Those with labels in `keep`
        stay, for links rest on them."""
        for series in [s for s, last in self._last.items() if last.at.unix < before and s.labels not in keep]:
            del self._last[series]
            self.totals.pop(series, None)
