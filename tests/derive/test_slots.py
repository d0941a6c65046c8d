"""Slots are exact (SEMANTICS 4)."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.slots import DAY_US, LOCAL_US, SLOT_US, SlotFiller, micros, present, shares
from netmon.model import SLOT_S, CounterPoint, Direction, Epoch, Kind, Octets

BOTH = (Direction.RECEIVE, Direction.TRANSMIT)
T0 = 1_790_000_100.0  # a slot's start

polls = st.lists(st.tuples(st.floats(0.5, 700), st.integers(0, 2**50), st.integers(0, 2**50)), min_size=1, max_size=60)


def point(unix):
    return CounterPoint(0, unix, Kind.COUNTER64, Epoch(None, None, None, "ge0"))


def run(steps, restart_at=None):
    """Feeds differences to a filler as the pipeline does; returns what came out, and the filler."""
    filler, t = SlotFiller(), T0 + 17.3
    closed, unplaced = [], []
    for i, (dt, receive, transmit) in enumerate(steps):
        for way, octets in zip(BOTH, (receive, transmit), strict=True):
            unplaced += filler.add(way, octets, t, t + dt)
            filler.read(way, t + dt)
        t += dt
        closed += filler.close(t)
        if i == restart_at:
            filler = SlotFiller(filler.baseline(point(t), point(t)))
    return closed, unplaced, filler.baseline(point(t), point(t)).open, t


@given(polls, st.integers(0, 60))
def test_slots_unplaced_and_open_add_up_to_the_differences_over_a_restart(steps, restart_at):
    """Exactly, in integers, per direction; and no slot comes out twice."""
    closed, unplaced, still_open, _ = run(steps, restart_at)
    for n, way in enumerate(BOTH):
        in_slots = sum(getattr(slot, way).octets for slot in (*closed, *still_open))
        aside = sum(one.octets for one in unplaced if one.direction is way)
        assert in_slots + aside == sum(step[1 + n] for step in steps)
    numbers = [slot.k for slot in (*closed, *still_open)]
    assert len(numbers) == len(set(numbers))


@given(polls)
def test_a_slot_covers_what_differences_of_at_most_its_length_cover(steps):
    """Covered time is exact, at most the slot's length, and a difference over more than 300 s fills no slot."""
    closed, _, still_open, _ = run(steps)
    slots = {slot.k: slot.receive.covered_us for slot in (*closed, *still_open)}
    want: dict[int, int] = {}
    t = T0 + 17.3
    for dt, _, _ in steps:
        a, b = micros(t), micros(t + dt)
        if b - a <= SLOT_US:
            for k in range(a // SLOT_US, (b - 1) // SLOT_US + 1):
                want[k] = want.get(k, 0) + min(b, (k + 1) * SLOT_US) - max(a, k * SLOT_US)
        t += dt
    assert {k: us for k, us in slots.items() if us} == {k: us for k, us in want.items() if us}
    assert all(us <= SLOT_US for us in slots.values())


@given(st.integers(0, 2**60), st.integers(0, 10**9), st.integers(1, 3 * SLOT_US))
def test_shares_are_proportional_to_time_within_an_octet(octets, start, length):
    found = shares(octets, start, start + length, SLOT_US)
    assert sum(part for _, part, _ in found) == octets
    assert sum(us for _, _, us in found) == length
    for _, part, us in found:
        assert abs(part - Fraction(octets * us, length)) < 1


def test_a_difference_over_a_night_is_shared_over_its_days():
    """Unplaced octets never span midnight of Asia/Ho_Chi_Minh (17:00 UTC)."""
    midnight = ((micros(T0) + LOCAL_US) // DAY_US + 1) * DAY_US - LOCAL_US
    start = midnight / 1e6 - 600
    before, after = SlotFiller().add(Direction.RECEIVE, 1201, start, start + 1200)
    assert (before.octets, after.octets) == (600, 601)
    assert before.end == after.start == midnight / 1e6


def test_a_slot_waits_for_both_directions_but_not_for_longer_than_a_difference_may_last():
    filler = SlotFiller()
    filler.add(Direction.RECEIVE, 100, T0, T0 + 290)
    filler.read(Direction.RECEIVE, T0 + 310)
    filler.read(Direction.TRANSMIT, T0 + 200)
    assert filler.close(T0 + 320) == []
    (slot,) = filler.close(T0 + 2 * SLOT_S)
    assert slot.receive == Octets(100, 290_000_000)


def test_what_comes_late_for_a_closed_slot_is_unplaced_and_not_lost():
    filler = SlotFiller()
    filler.add(Direction.RECEIVE, 100, T0, T0 + 290)
    filler.close(T0 + 2 * SLOT_S)
    (late,) = filler.add(Direction.RECEIVE, 50, T0 + 100, T0 + 200)
    assert late.octets == 50


def test_a_slot_is_present_from_240_covered_seconds_on():
    assert present(Octets(0, 240_000_000))
    assert not present(Octets(10**9, 239_999_999))
