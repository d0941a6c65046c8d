"""When a load crosses its limit: against a trend counted naively, and against loads whose crossing is known."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan, nan
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Capacity, DayPeak, Direction, Standing
from netmon.targets.later import Later
from netmon.targets.percentile import judge_link
from netmon.targets.trend import ENOUGH, FEWEST_DAYS, TREND_DAYS, trend, with_trend
from netmon.targets.windows import day_number
from netmon.targets.words.trend import lines
from netmon.targets.words.voice import Voice
from tests.targets.made import FULL, NOW, P95, link, window_rates

TODAY = day_number(NOW)
CAPACITY = Capacity(0, FULL, FULL)
WEEK = [0.0, 0.02, 0.01, 0.03, -0.02, -0.3, -0.35]
"""What each day of the week has more or less: quiet weekends."""


def peaks(load, count=TREND_DAYS, *, away=lambda day: 0.1, coverage=1.0):
    """The utilisations of the last days, by their numbers counted from today (-1 is yesterday)."""
    return [DayPeak(TODAY + day, load(day) * FULL, away(day) * FULL, coverage) for day in range(-count, 0)]


def found(made, limit=0.9, capacity=CAPACITY):
    return trend(made, capacity, limit, TODAY)


def rising(level, slope, noise=0.0, seed=1, weekly=False):
    dice = Random(seed)
    return lambda day: level + slope * day + dice.gauss(0, noise) + (WEEK[day % 7] if weekly else 0)


def test_a_straight_line_crosses_when_it_does():
    told = found(peaks(rising(0.7, 0.01)))
    assert told.direction is Direction.RECEIVE
    assert (told.slope, told.level, told.count) == (pytest.approx(0.01), pytest.approx(0.7), 56)
    assert [told.days, told.days_low, told.days_high] == pytest.approx([20, 20, 20])


def test_the_direction_that_crosses_first_speaks():
    assert found(peaks(rising(0.7, 0.01), away=rising(0.5, 0.03))).direction is Direction.TRANSMIT
    assert found(peaks(rising(0.7, 0.01), away=rising(0.5, 0.015))).direction is Direction.RECEIVE
    assert found(peaks(rising(0.7, -0.01), away=rising(0.5, 0.015))).direction is Direction.TRANSMIT


def test_each_direction_has_its_own_capacity_and_it_is_todays():
    told = found(peaks(rising(0.7, 0.01)), capacity=Capacity(0, 2 * FULL, FULL))
    assert (told.level, told.days) == (pytest.approx(0.35), pytest.approx(110))


def test_a_load_above_the_limit_that_rises_has_crossed():
    told = found(peaks(rising(0.95, 0.01)))
    assert (told.days, told.days_low, told.days_high) == (0, 0, 0)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (peaks(rising(0.7, 0.01), FEWEST_DAYS - 1), "few_days"),
        (peaks(rising(0.7, 0.01), coverage=ENOUGH - 0.01), "few_days"),
        ([], "few_days"),
        ([peak._replace(day=peak.day - TREND_DAYS) for peak in peaks(rising(0.7, 0.01))], "few_days"),  # too long ago
        ([peak._replace(day=peak.day + TREND_DAYS) for peak in peaks(rising(0.7, 0.01))], "few_days"),  # not yet over
        (peaks(lambda day: nan, away=lambda day: nan), "few_days"),
        (peaks(lambda day: 0.7), "not_rising"),
        (peaks(rising(0.7, -0.01), away=rising(0.7, -0.001)), "not_rising"),
        (peaks(rising(0.7, 0.0002, noise=0.05)), "not_rising"),
        (peaks(lambda day: 0.6 + WEEK[day % 7]), "not_rising"),
        (peaks(rising(0.5, 0.0005)), "far"),
    ],
)
def test_there_is_no_figure_where_it_cannot_be_known(made, why):
    assert found(made) is None
    verdict = with_trend(P95, link(), judge_link(P95, link(), window_rates([0.5] * 2016), NOW), made, NOW)
    told = verdict.evidence["trend"]
    assert (told["known"], told["why"], verdict.crossing_s) == (False, why, None)
    assert "days" not in told
    assert verdict.standing is Standing.MET
    assert next(lines(told, P95, Voice("vi"))).startswith("Chưa thể biết khi nào vượt 90 % dung lượng: ")


def test_exactly_four_weeks_are_enough():
    assert found(peaks(rising(0.7, 0.01), FEWEST_DAYS, coverage=ENOUGH)).days == pytest.approx(20)


@pytest.mark.parametrize("shift", range(7))
def test_the_week_neither_makes_nor_hides_a_trend(shift):
    """With weekends far below, on whatever day the weeks are cut, also when the days that are missing are all weekends or
    none is."""

    def load(day):
        return 0.75 + 0.002 * day + WEEK[(day + shift) % 7]

    told = found(peaks(load))
    assert told.slope == pytest.approx(0.002)
    assert told.days == pytest.approx((0.9 - told.level) / 0.002)
    assert told.level == pytest.approx(0.75)  # an ordinary working day, no mean with the weekends
    assert found(peaks(lambda day: load(day) - 0.002 * day)) is None
    early_weekends_missing = [p for p in peaks(load) if WEEK[(p.day - TODAY + shift) % 7] > -0.1 or p.day > TODAY - 28]
    assert found(early_weekends_missing).slope == pytest.approx(0.002)
    flat = [peak._replace(receive=peak.receive - 0.002 * FULL * (peak.day - TODAY)) for peak in early_weekends_missing]
    assert found(flat) is None


def test_wild_days_hardly_move_it():
    made = peaks(rising(0.6, 0.005, noise=0.01))
    wild = [peak._replace(receive=5 * FULL) if i % 9 == 4 else peak for i, peak in enumerate(made)]
    assert found(wild).slope == pytest.approx(found(made).slope, rel=0.15)
    assert found(wild).days == pytest.approx(found(made).days, rel=0.2)


def test_the_range_holds_the_true_crossing_nearly_always_and_a_flat_load_nearly_never_rises():
    """200 loads with a weekly pattern and noise: the interval is one of 95 %."""
    held = told = 0
    for seed in range(200):
        each = found(peaks(rising(0.7, 0.004, noise=0.03, seed=seed, weekly=True), away=lambda day: 0.0))
        if each is not None:
            told += 1
            true = (0.9 - 0.7) / 0.004
            held += each.days_low - 5 <= true <= (each.days_high or 1e9) + 5  # the level has a doubt of its own
    assert told > 190
    assert held > 0.9 * told
    false = sum(
        found(peaks(rising(0.7, 0.0, noise=0.03, seed=seed, weekly=True), away=lambda day: 0.0)) is not None
        for seed in range(200)
    )
    assert false < 12  # 2.5 % of 200 is 5


def naive(points, limit):
    """Slopes of all pairs a whole number of weeks apart, Kendall's variance, the line's level: by the book, unsorted."""
    slopes = [(b - a) / (e - d) for d, a in points for e, b in points if e > d and (e - d) % 7 == 0]
    slopes.sort()
    counts = [sum(1 for d, _ in points if d % 7 == weekday) for weekday in range(7)]
    c = 1.96 * (sum(n * (n - 1) * (2 * n + 5) for n in counts) / 18) ** 0.5
    m = int((len(slopes) - c) / 2)  # Gilbert 1987: the m-th from either end
    low, middle, high = slopes[max(m, 1) - 1], median(slopes), slopes[-max(m, 1)]

    def days(slope):
        levels = [median([u - slope * d for d, u in points if d % 7 == w]) for w in range(7) if counts[w]]
        return max(0.0, (limit - median(levels)) / slope)

    if low <= 0 or days(middle) > 365:
        return None
    return middle, low, high, days(middle), days(high), days(low) if days(low) <= 365 else None


@given(
    loads=st.lists(st.one_of(st.just(nan), st.floats(-0.1, 0.1)), min_size=20, max_size=60),
    slope=st.sampled_from([0.0, 0.001, 0.003, 0.01]),
    weak=st.sets(st.integers(0, 59), max_size=8),
)
def test_it_is_what_counting_naively_finds(loads, slope, weak):
    made = [
        DayPeak(TODAY - 1 - i, (0.6 - slope * i + 0.3 * noise) * FULL, nan, 0.5 if i in weak else 0.9)
        for i, noise in enumerate(loads)
    ][::-1]
    points = [
        (peak.day - TODAY, peak.receive / FULL)
        for peak in made
        if peak.coverage >= 0.8 and not isnan(peak.receive) and peak.day >= TODAY - 56
    ]
    told = found(made)
    expected = naive(points, 0.9) if len(points) >= 28 else None
    if expected is None:
        assert told is None
    else:
        got = (told.slope, told.low, told.high, told.days, told.days_low)
        assert got == pytest.approx(expected[:5])
        assert told.days_high == (None if expected[5] is None else pytest.approx(expected[5]))
        assert told.days_low <= told.days <= (told.days_high or 1e9)
        assert told.count == len(points)


# --- on a verdict -----------------------------------------------------------------------------------------------------


def verdict_at(utilisation, made, target=P95, of=None, **change):
    verdict = replace(judge_link(target, link(), window_rates([utilisation] * 2016), NOW), **change)
    return verdict, with_trend(target, of or link(), verdict, made, NOW)


@pytest.mark.parametrize(
    ("utilisation", "level", "standing"),
    [
        (0.7, 0.605, Standing.AT_RISK),  # 29.5 days
        (0.7, 0.595, Standing.MET),  # 30.5 days
        (0.85, 0.595, Standing.AT_RISK),
        (0.95, 0.605, Standing.MISSED),
    ],
)
def test_a_met_link_is_at_risk_once_its_crossing_is_near(utilisation, level, standing):
    before, after = verdict_at(utilisation, peaks(rising(level, 0.01)))
    assert after.standing is standing
    assert after.crossing_s == pytest.approx(86_400 * (0.9 - level) / 0.01)
    assert after.evidence["trend"]["days"] * 86_400 == after.crossing_s
    assert replace(after, standing=before.standing, crossing_s=None, evidence=before.evidence) == before
    json.dumps(dict(after.evidence), allow_nan=False)


def test_a_link_without_a_capacity_now_says_so():
    of = replace(link(), capacities=(Capacity(NOW + 1, FULL, FULL),))
    told = verdict_at(0.7, peaks(rising(0.6, 0.01)), of=of)[1].evidence["trend"]
    assert (told["known"], told["why"]) == (False, "no_capacity")
    assert "tuyến chưa có dung lượng theo hợp đồng." in "".join(lines(told, P95, Voice("vi")))


def test_a_final_verdict_says_what_was():
    before, after = verdict_at(0.7, peaks(rising(0.605, 0.01)), final=True)
    assert after is before


def test_evidence_that_is_made_later_stays_so_and_is_made_once_asked_for():
    asked = []

    def make():
        asked.append(1)
        return {"rule": "percentile_utilisation", "figure": 1}

    after = verdict_at(0.7, peaks(rising(0.605, 0.01)), evidence=Later(make))[1]
    assert isinstance(after.evidence, Later)
    assert after.standing is Standing.AT_RISK
    assert not asked
    assert (after.evidence["figure"], after.evidence["trend"]["known"], len(asked)) == (1, True, 1)


def test_it_is_told_in_both_languages_with_its_doubt():
    told = verdict_at(0.7, peaks(rising(0.65, 0.008, noise=0.02)))[1].evidence["trend"]
    low, middle, high = (f"{told[key]:.0f}" for key in ("days_low", "days", "days_high"))
    vi, en = ("\n".join(lines(told, P95, Voice(language))) for language in ("vi", "en"))
    assert f"Nếu xu hướng 8 tuần qua tiếp diễn, chiều về xã sẽ vượt 90 % dung lượng trong khoảng {low} đến {high} ngày" in vi
    assert f"(ước tính giữa: {middle} ngày)" in vi
    assert "phân vị 95 hằng ngày của 56 ngày đủ số liệu" in vi
    assert "If the trend of the last 8 weeks goes on, the load towards the commune crosses 90 % of capacity in some " in en
    assert "It is an estimate, and decides no miss." in en
    vague = "\n".join(lines({**told, "days": 200.0, "days_low": 90.0, "days_high": None}, P95, Voice("vi")))
    assert "sau khoảng 200 ngày nữa, sớm nhất 90 ngày; cũng có thể không vượt trong một năm tới" in vague
    crossed = "\n".join(lines({**told, "days": 0.0, "days_low": 0.0, "days_high": 0.0}, P95, Voice("vi")))
    assert "sẽ vượt 90 % dung lượng ngay từ bây giờ" in crossed
