"""Counters become differences only within one epoch; anything else is a gap with a reason (SEMANTICS 3).

A gap is never a zero and never a spike: the octets of that interval are not known, and nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from math import inf, isnan, nan
from operator import add, sub, truediv
from typing import NamedTuple

from netmon.derive.layout import Layout
from netmon.model import At, CounterPoint, Epoch, Kind, Readings, Series

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
    """How fast a counter can run, per second: `wrap` tells a wrap from a reset (S of SEMANTICS 3; None: not known), past
    `rate` it is refused. `lap_s` is how soon one of 32 bits may come round."""

    wrap: float | None = None
    rate: float = inf
    lap_s: float = inf


UNBOUNDED = Ceiling()


class Limits(NamedTuple):
    """The ceilings of the counters of a layout, in its order; their rates; and how soon one of its 32-bit counters may come
    round."""

    ceilings: Sequence[Ceiling]
    rates: Sequence[float]
    lap_s: float

    @classmethod
    def of(cls, ceilings: Sequence[Ceiling], kinds: Sequence[Kind]) -> Limits:
        """The limits of counters of these kinds."""
        laps = [limit.lap_s for limit, kind in zip(ceilings, kinds, strict=True) if kind is Kind.COUNTER32]
        return cls(ceilings, [limit.rate for limit in ceilings], min(laps, default=inf))


class Step(NamedTuple):
    """What two readings of one counter say: an accepted `difference`, or None and the `reason` of the gap. `start` is when
    the first was taken, Unix seconds."""

    difference: int | None
    reason: str
    start: float


class Steps(NamedTuple):
    """What a poll says of the counters of its layout, in its order: when each was read `before` (None: never) and `after`,
    netmon's own sums then (`begun`) and now (`totals`), and by their number the reasons of the gaps."""

    layout: Layout
    before: Sequence[At | None]
    after: Sequence[At]
    begun: Sequence[int]
    totals: Sequence[int]
    gaps: dict[int, str]

    def of(self, n: int) -> Step | None:
        """The step of the nth counter. None: it was not read before, or what is the newest was taken before."""
        before = self.before[n]
        if before is None or before is self.after[n]:
            return None
        if n in self.gaps:
            return Step(None, self.gaps[n], before.unix)
        return Step(self.totals[n] - self.begun[n], "", before.unix)


NO_STEPS = Steps(Layout(), (), (), (), (), {})
"""When only time went by."""


def ceiling(contract: float | None, port_speed: float | None, *, octets: bool) -> Ceiling:
    """The ceiling of an interface's counter, from the contracted capacity of the link that it carries (B/s, None where it
    carries none) and the speed of its port (B/s; None, or nothing that a port can run at, where it tells none)."""
    if port_speed is not None and not 0 < port_speed < inf:
        port_speed = None  # not NaN: nothing compares with it, and no counter beside it would be refused
    scale = 1 if octets else 1 / SMALLEST_PACKET
    wrap = scale * (WRAP_HEADROOM * contract if contract else port_speed or 0)
    rate = scale * FRAMING * (port_speed or (UNKNOWN_PORT * contract if contract else inf))
    return Ceiling(wrap, rate, TICKS / wrap) if wrap else Ceiling(None, rate)


def measurable(limits: Ceiling, interval_s: float) -> bool:
    """Whether a Counter32 under this ceiling cannot wrap twice unseen between two polls. True where none is known."""
    return limits.lap_s >= interval_s


def same_life(before: Epoch, after: Epoch, elapsed_s: float) -> str:
    """ "" when both readings come from one life of the agent and speak of one thing, else the reason why not."""
    uptime_then, boots_then, discontinuity_then, identity_then = before
    uptime, boots, discontinuity, identity = after
    if identity != identity_then:
        return "identity"
    if boots != boots_then and boots is not None and boots_then is not None:
        return "restart"
    if discontinuity != discontinuity_then and discontinuity is not None and discontinuity_then is not None:
        return "discontinuity"
    if uptime is not None and uptime_then is not None:
        # Modulo 2^32, so that the wrap of sysUpTime after 497 days is no reboot.
        drift = (uptime - uptime_then - round(100 * elapsed_s)) % TICKS
        if 500 < drift < TICKS - 500 and min(drift, TICKS - drift) > elapsed_s:  # in 1/100 s: 5 s, and 1 %
            return "restart"
    return ""


def interval(before: At, after: At, was: Epoch | None, now: Epoch | None) -> tuple[float, str]:
    """The seconds between two readings of one counter, and why these are not comparable: "" when they are.

    A reading restored from the store has no monotonic time (NaN): then the wall clock alone tells how long it was.
    """
    elapsed = after.unix - before.unix
    steady = after.monotonic - before.monotonic
    if not isnan(steady):
        if not -1.0 <= elapsed - steady <= 1.0:
            return steady, "clock_step"
        elapsed = steady
    if elapsed <= 0:
        return elapsed, "clock_step"
    if was is None or now is None:
        return elapsed, ""
    return elapsed, same_life(was, now, elapsed)


def rise(delta: int, kind: Kind, elapsed_s: float, limits: Ceiling) -> tuple[int, str]:
    """What a counter rose by when two comparable readings differ by `delta`, and why that is not known: "" when it is."""
    if kind is Kind.COUNTER32:
        if elapsed_s > limits.lap_s:
            return 0, "not_measurable"
        if delta < 0:
            delta += TICKS
            if limits.wrap is None or delta > limits.wrap * elapsed_s:
                return 0, "reset"
    elif delta < 0:
        return 0, "reset"
    return (0, "too_fast") if delta > limits.rate * elapsed_s else (delta, "")


class _Known(NamedTuple):
    """What is known of a counter: its last reading, and netmon's own sum of what was accepted."""

    kind: Kind
    value: int
    at: At
    epoch: Epoch | None
    total: int


class _Last(NamedTuple):
    """The last readings of the counters of a layout; `at` is None where there is none. `in_rows`: they were read by this
    very layout, and those of each row share their instant and their epoch."""

    kinds: tuple[Kind, ...] = ()
    values: tuple[int, ...] = ()
    at: tuple[At | None, ...] = ()
    epochs: tuple[Epoch | None, ...] = ()
    in_rows: bool = False


class Counters:
    """The counters of one device: the last reading of each, and netmon's own sum of what was accepted.

    The sums start at 0 when netmon starts and only grow: a reset, a wrap or a renumbering of the device can never make a
    spike in PromQL's `rate()`.
    """

    def __init__(self) -> None:
        self._layout = Layout()
        self._last = _Last()  # the last readings of the layout's counters
        self._totals: list[int] = []
        self._absent: dict[Series, _Known] = {}  # counters that the layout does not have

    def take(self, layout: Layout, readings: Readings, limits: Limits) -> Steps:
        """Takes the counters among `readings`. One that was never read before starts its sum."""
        if layout is not self._layout:
            self._lay_out(layout)
        values, at, epochs = layout.counted(readings.values), layout.counted(readings.at), layout.counted(readings.epochs)
        in_rows = layout.by_row(at) == at and layout.by_row(epochs) == epochs
        before, last = self._last, _Last(layout.kinds, tuple(map(int, values)), at, epochs, in_rows)
        gaps: dict[int, str] = {}
        rises = _plain_rises(layout, before, last, limits)
        if rises is None:
            rises, gaps = _rises(before, last, limits.ceilings)
        begun, self._totals = self._totals, list(map(add, self._totals, rises))
        self._last = last
        return Steps(layout, before.at, at, begun, self._totals, gaps)

    def restore(self, series: Series, point: CounterPoint) -> None:
        """Sets the last reading of a counter from the store, so that the next poll bridges the time without netmon."""
        self._lay_out(Layout())
        known = self._absent.get(series)
        if known is None or known.at.unix < point.unix:  # two links on one interface each have stored it: the newer holds
            total = known.total if known else 0
            self._absent[series] = _Known(point.kind, point.value, At(point.unix, nan), point.epoch, total)

    def point(self, series: Series) -> CounterPoint | None:
        """The last reading of a counter, as the store keeps it."""
        known = self._known(series)
        if known is None or known.epoch is None:
            return None
        return CounterPoint(known.value, known.at.unix, known.kind, known.epoch)

    def forget(self, before: float, keep: Container[tuple[tuple[str, str], ...]]) -> None:
        """Forgets the counters that were not read since `before`: interfaces that are gone. Those with labels in `keep`
        stay, for links rest on them."""
        if any(at is not None and at.unix < before for at in self._last.at):
            self._lay_out(Layout())
        known = self._absent.items()
        self._absent = {series: one for series, one in known if one.at.unix >= before or series.labels in keep}

    def _lay_out(self, layout: Layout) -> None:
        """Sets aside what is known of the counters that were read last, and takes up what is known of the layout's."""
        for n, series in enumerate(self._layout.counters):
            if (here := self._here(n)) is not None:
                self._absent[series] = here
        found = [self._absent.pop(series, None) for series in layout.counters]
        self._layout = layout
        self._totals = [known.total if known else 0 for known in found]
        self._last = _Last(
            tuple(known.kind if known else kind for known, kind in zip(found, layout.kinds, strict=True)),
            tuple(known.value if known else 0 for known in found),
            tuple(known.at if known else None for known in found),
            tuple(known.epoch if known else None for known in found),
        )

    def _here(self, n: int) -> _Known | None:
        kinds, values, ats, epochs, _ = self._last
        at = ats[n]
        return None if at is None else _Known(kinds[n], values[n], at, epochs[n], self._totals[n])

    def _known(self, series: Series) -> _Known | None:
        family, labels = series.family, series.labels
        for n, one in enumerate(self._layout.counters):
            if one.family == family and one.labels == labels:
                return self._here(n)
        return self._absent.get(series)


def _plain_rises(layout: Layout, before: _Last, last: _Last, limits: Limits) -> list[int] | None:
    """What each counter rose by, where all can be looked at together. None: they have to be looked at one by one.

    Almost every poll is plain: rows that were read whole then and now, the same epochs but for sysUpTime, which went on with
    both clocks, and nothing fell, ran too fast or may have come round. This says nothing that `_rises` would not, at a
    sixth of its price.
    """
    if not (before.in_rows and last.in_rows):
        return None
    shortest, longest = inf, 0.0
    firsts = map(layout.rows, (before.at, last.at, before.epochs, last.epochs))
    for then, now, was, epoch in zip(*firsts, strict=True):
        if then is None or now is None or was is None or epoch is None:
            return None
        up_then, up = was[0], epoch[0]
        if up_then is None or up is None or was[1:] != epoch[1:]:
            return None
        (unix_then, steady_then), (unix, steady) = then, now
        elapsed = steady - steady_then  # NaN after a restart, and then nothing below is true
        if not (elapsed > 0 and abs(unix - unix_then - elapsed) <= 1 and abs((up - up_then) / 100 - elapsed) <= 4):
            return None
        shortest, longest = min(shortest, elapsed), max(longest, elapsed)
    rises = list(map(sub, last.values, before.values))
    if min(rises, default=0) < 0 or max(map(truediv, rises, limits.rates), default=0) > shortest or longest > limits.lap_s:
        return None
    return rises


def _rises(before: _Last, last: _Last, ceilings: Sequence[Ceiling]) -> tuple[list[int], dict[int, str]]:
    """What each counter rose by, 0 where that is not known, and the reasons of the gaps."""
    rises, gaps = [0] * len(ceilings), {}
    for n, limits in enumerate(ceilings):
        then, now = before.at[n], last.at[n]
        if then is None or now is None or then is now:
            continue  # never read before; or what is still the newest was taken before
        elapsed, reason = interval(then, now, before.epochs[n], last.epochs[n])
        if not reason:
            delta, kind = last.values[n] - before.values[n], last.kinds[n]
            # Another width: the agent changed from 64-bit to 32-bit counters or back.
            rises[n], reason = rise(delta, kind, elapsed, limits) if kind is before.kinds[n] else (0, "width")
        if reason:
            gaps[n] = reason
    return rises, gaps
