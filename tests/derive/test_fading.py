"""How a fibre fades: against a trend counted naively, and against fibres whose fading and steps are known."""

from itertools import combinations
from math import sqrt
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.fading import FADING_DAYS, FEWEST_DAYS, fading
from netmon.slopes import level_at_zero, slope_of

TODAY = 20_000


def days(level, count=FADING_DAYS, *, noise=0.05, seed=1, missing=()):
    """Daily means of the last days, which are counted from 0."""
    dice = Random(seed)
    made = [(TODAY - count + day, level(day) + dice.gauss(0, noise)) for day in range(count)]
    return [one for day, one in enumerate(made) if day not in missing]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(-40, 5)), min_size=2, max_size=30, unique_by=lambda point: point[0])
)
def test_the_slope_is_the_middle_of_all_slopes_and_holds_to_kendalls_ranks(points):
    points = sorted(points)
    slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))
    n, found = len(points), slope_of([points])
    assert found.middle == median(slopes)
    kendall = 1.96 * sqrt(n * (n - 1) * (2 * n + 5) / 18)
    below = sum(slope < found.low for slope in slopes)
    assert below <= max(0, (len(slopes) - kendall) / 2)
    assert (found.low, found.high) == (slopes[place := slopes.index(found.low)], slopes[-1 - place]) or below < place
    assert found.low <= found.middle <= found.high


@given(st.lists(st.floats(-40, 5), min_size=2, max_size=30), st.floats(-9, 9), st.floats(-1, 1))
def test_what_is_added_to_every_day_or_day_by_day_is_added_to_level_or_slope(values, more, steeper):
    plain = [(day, value) for day, value in enumerate(values)]
    other = [(day, value + more + steeper * day) for day, value in plain]
    was, found = slope_of([plain]), slope_of([other])
    assert found == pytest.approx([slope + steeper for slope in was], abs=1e-9)
    assert level_at_zero([other], found.middle) == pytest.approx(level_at_zero([plain], was.middle) + more, abs=1e-8)


def test_there_is_no_slope_of_one_point():
    with pytest.raises(ValueError, match="two points"):
        slope_of([[(1, 2.0)], []])


@pytest.mark.parametrize("per_week", [-0.1, 0.14, 1.0])
@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_a_steady_fading_is_found_within_its_interval(per_week, noise):
    found = fading(days(lambda day: -15 - per_week / 7 * day, noise=noise), TODAY)
    assert found.low <= per_week <= found.high
    assert found.db_per_week == pytest.approx(per_week, abs=noise / 5)
    assert (found.count, found.since, found.certain) == (56, None, per_week > 0)


def test_a_fibre_that_only_scatters_does_not_fade():
    """With 95 % confidence: one in twenty may seem to, either way. However much it scatters, that is no step."""
    found = [fading(days(lambda day: -15, noise=0.2, seed=seed), TODAY) for seed in range(100)]
    assert sum(one.low > 0 or one.high < 0 for one in found) <= 10
    wild = [fading(days(lambda day: -15, noise=0.8, seed=seed), TODAY) for seed in range(100)]
    assert {one.since for one in (*found, *wild)} == {None}


@pytest.mark.parametrize("step", [-2.0, 3.0])
@pytest.mark.parametrize("at", [12, 30, 41])
def test_a_splice_is_no_fading_and_fading_is_measured_since_it(step, at):
    """The day of the splice saw the light before and after it; it counts for neither."""
    found = fading(days(lambda day: -15 - 0.03 * day + (step if day > at else step / 2 if day == at else 0)), TODAY)
    assert (found.since, found.count) == (TODAY - 56 + at + 1, 55 - at)
    assert found.step_db == pytest.approx(step, abs=0.15)
    assert found.low <= 0.21 <= found.high


def test_of_two_splices_the_later_one_counts():
    found = fading(days(lambda day: -15 - (3 if day >= 10 else 0) + (1 if day >= 35 else 0)), TODAY)
    assert (found.since, found.step_db) == (TODAY - 21, pytest.approx(1, abs=0.1))
    assert abs(found.db_per_week) < 0.05


def test_odd_days_are_no_step_and_move_nothing():
    odd = fading(days(lambda day: -15 - 0.02 * day - (6 if day in (20, 21, 40) else 0)), TODAY)
    assert (odd.since, odd.count) == (None, 56)
    assert odd.db_per_week == pytest.approx(0.14, abs=0.03)


@pytest.mark.parametrize(
    "level", [lambda day: -15 - 0.1 * day, lambda day: -15 - 0.001 * day**2, lambda day: -15 - min(max(day - 20, 0), 12) / 4]
)
def test_what_came_over_weeks_is_no_step(level):
    assert fading(days(level), TODAY).since is None


def test_on_too_few_days_since_a_step_or_at_all_nothing_is_said():
    few = fading(days(lambda day: -15, FEWEST_DAYS - 1), TODAY)
    assert (few.db_per_week, few.why, few.count) == (None, "few_days", 13)
    assert fading(days(lambda day: -15, FEWEST_DAYS), TODAY).why == ""
    since = fading(days(lambda day: -15 - (2 if day >= 46 else 0)), TODAY)
    assert (since.db_per_week, since.why, since.count, since.since) == (None, "few_days", 10, TODAY - 10)
    assert fading([], TODAY).why == "few_days"


def test_only_the_last_weeks_count_and_today_is_not_over():
    told = days(lambda day: -15 - 0.02 * day)
    more = [(TODAY - 57, -3.0), *told, (TODAY, -30.0)]
    assert fading(more, TODAY) == fading(told, TODAY)


def test_of_a_link_that_was_not_read_for_a_week_nothing_is_said():
    assert fading(days(lambda day: -15, missing=range(50, 56)), TODAY).why == ""
    assert fading(days(lambda day: -15, missing=range(49, 56)), TODAY).why == "silent"


def test_days_that_are_missing_change_nothing_much():
    found = fading(days(lambda day: -15 - 0.02 * day, missing=range(0, 56, 3)), TODAY)
    assert (found.count, found.since) == (37, None)
    assert found.low <= 0.14 <= found.high
