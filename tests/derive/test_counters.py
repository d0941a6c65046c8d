"""Counters become differences only within one epoch (SEMANTICS 3)."""

from math import nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netmon.derive.counters import TICKS, UNBOUNDED, Ceiling, Counters, ceiling, difference, measurable
from netmon.model import At, Epoch, Kind, Reading, Series

FAMILY = "netmon_interface_receive_bytes_total"
LABELS = (("device", "r1"), ("interface", "ge0"))


def reading(value, t, *, kind=Kind.COUNTER64, uptime=0, boots=None, discontinuity=0, identity="ge0", monotonic=None):
    at = At(1_800_000_000.0 + t, t if monotonic is None else monotonic)
    return Reading(Series(FAMILY, LABELS, kind), value, at, Epoch(uptime, boots, discontinuity, identity))


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
    assert difference(reading(value, 0), reading(value - fall, 30, uptime=3000), UNBOUNDED) == "reset"


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
    assert difference(before, reading(10, 1800, uptime=100 * 1817), UNBOUNDED) == 10
    assert difference(before, reading(10, 1800, uptime=100 * 1819), UNBOUNDED) == "restart"


def test_a_reading_from_before_the_restart_is_compared_by_the_wall_clock_alone():
    before = reading(1000, 0, uptime=5000, monotonic=nan)
    assert difference(before, reading(2000, 60, uptime=11_000), UNBOUNDED) == 1000


def test_a_32_bit_counter_that_may_wrap_twice_between_polls_is_not_measurable():
    """At 1.5 x 200 Mbit/s, 2^32 octets pass in 114 s."""
    limits = ceiling(25_000_000, None, octets=True)
    assert measurable(limits, 60)
    assert not measurable(limits, 300)
    before, after = reading(0, 0, kind=Kind.COUNTER32), reading(5, 300, uptime=30_000, kind=Kind.COUNTER32)
    assert difference(before, after, limits) == "not_measurable"


def test_a_counter32_that_falls_with_no_known_ceiling_was_reset():
    before, after = reading(TICKS - 1, 0, kind=Kind.COUNTER32), reading(5, 30, uptime=3000, kind=Kind.COUNTER32)
    assert difference(before, after, UNBOUNDED) == "reset"
    assert difference(before, after, Ceiling(1000.0, None)) == 6


@given(st.lists(st.tuples(st.integers(0, 10**12), st.booleans()), max_size=40))
def test_the_sum_is_what_was_accepted_and_never_falls(steps):
    """A device that reboots at random: netmon's own total is the sum of the true differences within each life."""
    counters, series = Counters(), Series(FAMILY, LABELS, Kind.COUNTER64)
    counters.take([reading(0, 0, uptime=10**6)], lambda _: UNBOUNDED)
    raw = total = t = 0
    uptime = 10**6
    for octets, reboots in steps:
        t += 30
        raw, uptime = (octets, 100) if reboots else (raw + octets, uptime + 3000)
        total += 0 if reboots else octets
        before = counters.totals[series]
        (step,) = counters.take([reading(raw, t, uptime=uptime)], lambda _: UNBOUNDED)
        assert (step.difference is None) == reboots
        assert counters.totals[series] == total >= before


def test_a_change_of_width_and_back_counts_nothing_twice():
    """64 to 32 and back to 64: two gaps, and the sum goes on from the reading before."""
    counters, series = Counters(), Series(FAMILY, LABELS)
    readings = [
        (1000, 0, Kind.COUNTER64),
        (31_000, 30, Kind.COUNTER32),
        (61_000, 60, Kind.COUNTER64),
        (91_000, 90, Kind.COUNTER64),
    ]
    steps = []
    for value, t, kind in readings:
        steps += counters.take([reading(value, t, kind=kind, uptime=100 * t)], lambda _: UNBOUNDED)
    assert [step.difference if step.difference is not None else step.reason for step in steps] == ["width", "width", 30_000]
    assert counters.totals[series] == 30_000


def test_counters_of_interfaces_that_are_gone_are_forgotten_but_for_those_of_links():
    counters, series = Counters(), Series(FAMILY, LABELS)
    counters.take([reading(1, 0)], lambda _: UNBOUNDED)
    counters.forget(1_800_000_001.0, {LABELS})
    assert series in counters.totals
    counters.forget(1_800_000_001.0, set())
    assert series not in counters.totals


def test_a_restored_point_is_bridged_by_the_next_reading():
    """After a crash the next poll gives the difference to what the store kept."""
    first = Counters()
    first.take([reading(1000, 0, uptime=100)], lambda _: UNBOUNDED)
    point = first.point(Series(FAMILY, LABELS, Kind.COUNTER64))
    second = Counters()
    second.restore(Series(FAMILY, LABELS, Kind.COUNTER64), point)
    (step,) = second.take([reading(5000, 90, uptime=9100, monotonic=3.0)], lambda _: UNBOUNDED)
    assert step.difference == 4000
