"""Counters become differences only within one epoch (SEMANTICS 3)."""

from math import inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netmon.derive.counters import (
    TICKS,
    UNBOUNDED,
    Ceiling,
    Counters,
    Limits,
    ceiling,
    interval,
    measurable,
    rise,
)
from netmon.derive.layout import Layout
from netmon.model import At, Epoch, Kind, Reading, Readings, Series

FAMILY = "netmon_interface_receive_bytes_total"
LABELS = (("device", "r1"), ("interface", "ge0"))
SERIES = Series(FAMILY, LABELS)
T0 = 1_800_000_000.0


def reading(value, t, *, kind=Kind.COUNTER64, uptime=0, boots=None, discontinuity=0, identity="ge0", monotonic=None):
    at = At(T0 + t, t if monotonic is None else monotonic)
    return Reading(Series(FAMILY, LABELS, kind), value, at, Epoch(uptime, boots, discontinuity, identity))


def take(counters, *readings, limits=UNBOUNDED):
    """Each poll brings its own series, as it does when a device is discovered anew: the steps, and the sums."""
    columns = Readings.of(readings)
    layout = Layout(columns.series)
    steps = counters.take(layout, columns, Limits.of([limits] * len(readings), layout.kinds))
    return [steps.of(n) for n in range(len(readings))], steps.totals


def difference(before, after, limits=UNBOUNDED):
    """What two readings of one counter say: a difference, or the reason of the gap."""
    counters = Counters()
    take(counters, before, limits=limits)
    [step], _ = take(counters, after, limits=limits)
    return step.reason or step.difference


@given(
    start=st.integers(0, TICKS - 1),
    rate=st.integers(0, 37_500_000),
    dt=st.floats(1, 100),
    uptime=st.integers(0, TICKS - 1),
)
def test_a_counter32_within_its_ceiling_gives_the_true_difference_over_any_wrap(start, rate, dt, uptime):
    """S = 1.5 x 200 Mbit/s: below it, and polled often enough, one wrap is undone exactly, also while sysUpTime wraps."""
    true = int(rate * dt)
    before = reading(start, 0, kind=Kind.COUNTER32, uptime=uptime)
    after = reading((start + true) % TICKS, dt, kind=Kind.COUNTER32, uptime=(uptime + round(100 * dt)) % TICKS)
    assert difference(before, after, ceiling(25_000_000, 125_000_000, octets=True)) == true


@given(value=st.integers(1, 2**64 - 1), fall=st.integers(1, 2**64 - 1))
def test_a_counter64_that_falls_was_reset(value, fall):
    """net-snmp lets 64-bit counters fall without a word of discontinuity: that is a gap, never a wrap of 2^64."""
    assume(fall <= value)
    assert difference(reading(value, 0), reading(value - fall, 30, uptime=3000)) == "reset"


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (reading(2000, 30, uptime=500), "restart"),
        (reading(2000, 30, uptime=8000), ""),
        (reading(2000, 30, uptime=8501), "restart"),
        (reading(2000, 30, uptime=8000, discontinuity=7), "discontinuity"),
        (reading(2000, 30, uptime=8000, identity="ge1"), "identity"),
        (reading(2000, 30, uptime=8000, boots=2), "restart"),
        (reading(2000, 30, uptime=8000, monotonic=28.5), "clock_step"),
        (reading(2000, 0, uptime=5000), "clock_step"),
        (reading(2000, -30, uptime=2000), "clock_step"),
        (reading(4_000_000_000, 30, uptime=8000), "too_fast"),
        (reading(500, 30, uptime=8000, kind=Kind.COUNTER32), "width"),
    ],
)
def test_what_is_not_comparable_is_a_gap_with_its_reason(after, reason):
    """Same life, same thing, one clock, and no faster than the port (125 MB/s with 5 % for framing)."""
    before = reading(1000, 0, uptime=5000, boots=1)
    found = difference(before, after, ceiling(None, 125_000_000, octets=True))
    assert found == (reason or 1000)


def test_the_tolerance_of_uptime_grows_with_the_interval():
    """|u2 - (u1 + 100 dt)| <= 100 max(5 s, 1 % dt): 1 % of 30 minutes is 18 s."""
    before = reading(0, 0, uptime=0)
    assert difference(before, reading(10, 1800, uptime=100 * 1817)) == 10
    assert difference(before, reading(10, 1800, uptime=100 * 1819)) == "restart"


def test_a_32_bit_counter_that_may_wrap_twice_between_polls_is_not_measurable():
    """At 1.5 x 200 Mbit/s, 2^32 octets pass in 114 s."""
    limits = ceiling(25_000_000, None, octets=True)
    assert measurable(limits, 60)
    assert not measurable(limits, 300)
    before, after = reading(0, 0, kind=Kind.COUNTER32), reading(5, 300, uptime=30_000, kind=Kind.COUNTER32)
    assert difference(before, after, limits) == "not_measurable"


def test_a_counter_that_may_have_come_round_is_not_measurable_although_nothing_looks_odd():
    """The device was silent for five minutes, and all its counters stand a little higher than before."""
    series = tuple(Series(family, LABELS, Kind.COUNTER32) for family in FAMILIES)
    layout, counters, found = Layout(series), Counters(), []
    for n, t in enumerate((0, 30, 60, 360)):
        at, epoch = At(T0 + t, t), Epoch(100 * t, None, 0, "ge0")
        readings = Readings(series, [1000 * n] * 3, [at] * 3, [epoch] * 3)
        steps = counters.take(layout, readings, Limits.of([ceiling(25_000_000, None, octets=True)] * 3, layout.kinds))
        found.append(set(steps.gaps.values()) or sum(steps.totals))
    assert found == [0, 3000, 6000, {"not_measurable"}]


def test_a_counter32_that_falls_with_no_known_ceiling_was_reset():
    before, after = reading(TICKS - 1, 0, kind=Kind.COUNTER32), reading(5, 30, uptime=3000, kind=Kind.COUNTER32)
    assert difference(before, after) == "reset"
    assert difference(before, after, Ceiling(wrap=1000.0)) == 6


@pytest.mark.parametrize("odd", [nan, inf, -1.0, 0.0])
def test_a_port_that_tells_an_odd_speed_hides_no_other_counter_that_ran_too_fast(odd):
    """Such a speed is none: it bounds nothing, and what is looked at together with it keeps its own bound."""
    series = [Series(FAMILY, (("device", "r1"), ("interface", port)), Kind.COUNTER64) for port in ("ge0", "ge1")]
    counters, layout = Counters(), Layout(tuple(series))
    limits = Limits.of([ceiling(None, speed, octets=True) for speed in (odd, 100.0)], layout.kinds)
    for value, t in ((0, 0), (10**9, 30)):
        at, epoch = At(T0 + t, t), Epoch(100 * t, None, 0, "ge")
        steps = counters.take(layout, Readings(layout.series, (value,) * 2, (at,) * 2, (epoch,) * 2), limits)
    assert (steps.gaps, steps.totals) == ({1: "too_fast"}, [10**9, 0])
    assert ceiling(1000, odd, octets=True) == ceiling(1000, None, octets=True)


def test_a_change_of_width_and_back_counts_nothing_twice():
    """64 to 32 and back to 64: two gaps, and the sum goes on from the reading before."""
    counters, steps = Counters(), []
    for value, t, kind in (
        (1000, 0, Kind.COUNTER64),
        (31_000, 30, Kind.COUNTER32),
        (61_000, 60, Kind.COUNTER64),
        (91_000, 90, Kind.COUNTER64),
    ):
        [step], totals = take(counters, reading(value, t, kind=kind, uptime=100 * t))
        steps.append(step and (step.reason or step.difference))
    assert (steps, totals) == ([None, "width", "width", 30_000], [30_000])


def test_counters_of_interfaces_that_are_gone_are_forgotten_but_for_those_of_links():
    """Also those that the device would still bring, had it not been silent for a day."""
    for keep, total in (({LABELS}, 7), (set(), 0)):
        counters = Counters()
        take(counters, reading(1, 0))
        take(counters, reading(8, 30, uptime=3000))
        counters.forget(T0 + 31, keep)
        [step], [found] = take(counters, reading(8, 60, uptime=6000))
        assert (found, step is None) == (total, not keep)


def test_a_restored_point_is_bridged_by_the_next_reading():
    """After a crash the next poll gives the difference to what the store kept, by the wall clock alone."""
    first = Counters()
    take(first, reading(1000, 0, uptime=100))
    second = Counters()
    second.restore(SERIES, first.point(SERIES))
    [step], totals = take(second, reading(5000, 90, uptime=9100, monotonic=3.0))
    assert (step.difference, totals) == (4000, [4000])


# --- a device as it lives, told by one counter at a time --------------------------------------------------------------


class Plain:
    """Counters one by one, in dicts, by the rules themselves."""

    def __init__(self):
        self.last, self.totals = {}, {}

    def take(self, readings, limits):
        """Per reading its difference or reason, None where there is nothing to say, and its sum."""
        found = []
        for one in readings:
            before, said = self.last.get(one.series), None
            self.last[one.series] = one
            self.totals.setdefault(one.series, 0)
            if before is not None and before.at is not one.at:
                elapsed, reason = interval(before.at, one.at, before.epoch, one.epoch)
                rose = 0
                if not reason and one.series.kind is not before.series.kind:
                    reason = "width"
                elif not reason:
                    rose, reason = rise(one.value - before.value, one.series.kind, elapsed, limits)
                self.totals[one.series] += rose
                said = reason or rose
            found.append((said, self.totals[one.series]))
        return found


FAMILIES = (FAMILY, "netmon_interface_transmit_bytes_total", "netmon_interface_receive_errors_total")
PORTS = ("ge0", "ge1")
SERIES_OF = {
    (family, port, kind): Series(family, (("device", "r1"), ("interface", port)), kind)
    for family in FAMILIES
    for port in PORTS
    for kind in (Kind.COUNTER64, Kind.COUNTER32)
}


class Agent:
    """A device with two interfaces, which brings a reading of each counter in turn."""

    def __init__(self):
        self.unix, self.monotonic, self.uptime = T0, 0.0, 10_000
        self.raw = dict.fromkeys(((family, port) for port in PORTS for family in FAMILIES), 5000)
        self.kind, self.order, self.gone = Kind.COUNTER64, 1, set()
        self.shown = []

    def poll(self, what, rises):
        """One poll, after or during which `what` happens."""
        passed = 120 if "pause" in what else 0 if "no time" in what else 30
        self.unix += passed + (3 if "clock" in what else 0)
        self.monotonic += passed
        self.uptime = 100 if "reboot" in what else self.uptime + 100 * passed + (700 if "drift" in what else 0)
        if "width" in what:
            self.kind = Kind.COUNTER32 if self.kind is Kind.COUNTER64 else Kind.COUNTER64
        if "order" in what:
            self.order = -self.order
        if "gone" in what:
            self.gone ^= {(FAMILIES[1], "ge0"), (FAMILIES[2], "ge1")}
        for key, rose in zip(self.raw, rises, strict=True):
            self.raw[key] += -rose if "fall" in what and key[1] == "ge1" else rose
        if "again" in what:
            return self.shown
        at = At(self.unix, self.monotonic)
        epochs = {port: Epoch(self.uptime, None, 0, "ge9" if "renamed" in what else port) for port in PORTS}
        self.shown = []
        for n, (family, port) in enumerate(list(self.raw)[:: self.order]):
            if (family, port) in self.gone:
                continue
            epoch, own = epochs[port], at
            if "parts" in what and n % 2:  # its rows come in two requests, and it is another life between them
                epoch, own = epoch._replace(sys_uptime=0), At(self.unix + 1, self.monotonic + 1)
            elif "late" in what and n % 2:
                own = At(self.unix + 1, self.monotonic + 1)
            elif "odd" in what and n == 4:  # one request; but of one counter it says that it is another thing
                epoch = epoch._replace(discontinuity=7)
            self.shown.append(Reading(SERIES_OF[family, port, self.kind], self.raw[family, port], own, epoch))
        return self.shown


HAPPENS = (
    "pause",
    "no time",
    "clock",
    "reboot",
    "drift",
    "width",
    "order",
    "gone",
    "fall",
    "again",
    "renamed",
    "parts",
    "late",
    "odd",
)
polls = st.tuples(
    st.sampled_from([(), (), *((one,) for one in (*HAPPENS, "forget")), ("pause", "forget"), ("parts", "gone")]),
    st.lists(st.sampled_from([0, 7, 1000, 9300, 11_000]), min_size=6, max_size=6),
)
limits = st.sampled_from(
    [UNBOUNDED, ceiling(1000, None, octets=True), ceiling(None, 300, octets=True), ceiling(50e6, None, octets=True)]
)


@given(st.lists(polls, min_size=3, max_size=25), limits)
def test_all_at_once_is_what_one_by_one_is(history, ceiling_):
    """Whatever a device brings: series that go and come back, other kinds, other orders, rows or none, reboots, falls, steps
    of the clock. What is taken at once, by layouts that live as long as the series, is what the rules say of each."""
    counters, plain, layout, agent = Counters(), Plain(), Layout(), Agent()
    for what, rises in history:
        readings = Readings.of(agent.poll(what, rises))
        if not layout.holds(readings.series):
            layout = Layout(readings.series)
        steps = counters.take(layout, readings, Limits.of([ceiling_] * len(layout.counters), layout.kinds))
        said = dict(zip(readings.series, plain.take(readings, ceiling_), strict=True))
        for n, one in enumerate(layout.counters):
            step = steps.of(n)
            found = None if step is None else step.reason or step.difference
            assert (found, steps.totals[n]) == said[one]
        if "forget" in what:
            counters.forget(agent.unix, {SERIES_OF[FAMILY, "ge1", Kind.COUNTER64].labels})
            for one in [
                one for one, last in plain.last.items() if last.at.unix < agent.unix and one.label("interface") == "ge0"
            ]:
                del plain.last[one], plain.totals[one]
        for one in SERIES_OF.values():
            known = plain.last.get(one)
            assert counters.point(one) == (known and (known.value, known.at.unix, known.series.kind, known.epoch))
