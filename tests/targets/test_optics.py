"""The optical rule: the least margin of each hour, by direction; a glitch is no miss, and fading warns ahead."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.fading import fading as fibre_fading
from netmon.evidence import audit_slopes
from netmon.model import Standing, Summary, Window
from netmon.slopes import since_step
from netmon.targets.definitions import BasisKind, OpticalMargin
from netmon.targets.optics import NO_OPTIC, judge_optics, looked_back
from netmon.targets.windows import DAY_S, day_number, iso, midnight
from netmon.targets.words.optics import figures
from netmon.targets.words.voice import Voice
from tests.targets.made import NOW, link

WORDS: dict[str, Any] = {"title_vi": "Quang", "title_en": "Light", "basis": "NOC", "basis_kind": BasisKind.LOCAL}
LIGHT = OpticalMargin(id="light", limit=3.0, **WORDS)
WEEK = Window(NOW - 7 * DAY_S, NOW)
FIRST = int(WEEK.start // 3600) + 1
COUNT = int(NOW // 3600) - FIRST
"""The hours of the week that have ended: 167, for it begins within one."""
TODAY = midnight(NOW)


def hours(leasts, way="receive", above=0.5):
    return [
        Summary(3600.0 * (FIRST + n), 3600, way, least, least + above, least + 1, 120)
        for n, least in enumerate(leasts)
        if least is not None
    ]


def days(powers, way="receive"):
    """The last so many local days, the last one yesterday."""
    first = TODAY - len(powers) * DAY_S
    return [Summary(first + n * DAY_S, DAY_S, way, p - 1, p, p + 1, 2880) for n, p in enumerate(powers) if p is not None]


def judge(margins, margin_days=(), received=(), target=LIGHT, window=WEEK, now=NOW, darkness=()):
    return judge_optics(target, link(), margins, darkness, margin_days, received, window, now)


GOOD = hours([9.0] * COUNT)


def test_the_worse_direction_speaks():
    verdict = judge([*GOOD, *hours([6.0] * 80 + [4.0] + [6.0] * (COUNT - 81), "transmit")])
    assert (verdict.standing, verdict.value, verdict.coverage, verdict.final) == (Standing.MET, 4.0, 1.0, False)
    evidence = verdict.evidence
    assert (next(iter(evidence)), evidence["direction"], evidence["not_told"]) == ("rule", "transmit", [])
    found = evidence["directions"]["transmit"]
    assert (found["at"], found["local"]) == (3600.0 * (FIRST + 80), iso(3600.0 * (FIRST + 80)))
    assert (found["hours"], found["elapsed"], found["present"]) == (COUNT, COUNT, 6.5)
    assert evidence["directions"]["receive"]["value"] == 9.0


@pytest.mark.parametrize(
    ("leasts", "standing", "value"),
    [
        ([9.0] * COUNT, Standing.MET, 9.0),
        ([3.0] * COUNT, Standing.MET, 3.0),
        ([9.0] * (COUNT - 1) + [2.9], Standing.AT_RISK, 2.9),  # one hour may be a glitch
        ([9.0] * (COUNT - 2) + [2.9, 2.8], Standing.MISSED, 2.8),
        ([2.9, 2.8], Standing.MISSED, 2.8),  # though nothing else was seen
        ([2.9], Standing.UNPROVEN, 2.9),
        ([9.0] * 151, Standing.MET, 9.0),
        ([9.0] * 150, Standing.UNPROVEN, 9.0),
        ([None] * 16 + [9.0] * 151, Standing.MET, 9.0),
    ],
)
def test_hours_below_the_limit_are_a_miss_and_silence_proves_nothing(leasts, standing, value):
    verdict = judge(hours(leasts))
    assert (verdict.standing, verdict.value) == (standing, value)


def test_so_many_hours_as_the_target_says_are_a_miss():
    verdict = judge(hours([9.0] * (COUNT - 2) + [2.9, 2.8]), target=replace(LIGHT, hours=3))
    assert (verdict.standing, verdict.evidence["directions"]["receive"]["below"]) == (Standing.AT_RISK, 2)
    assert [hour["least"] for hour in verdict.evidence["worst_hours"]] == [2.8, 2.9]


def test_a_direction_that_no_optic_tells_is_listed_and_one_that_went_silent_is_unproven():
    verdict = judge(GOOD)
    assert (verdict.standing, verdict.evidence["not_told"]) == (Standing.MET, ["transmit"])
    silent = judge(GOOD, days([5.0], "transmit"))
    assert (silent.standing, silent.value, silent.evidence["direction"]) == (Standing.UNPROVEN, None, "transmit")


def test_a_link_of_which_no_optic_ever_told_is_exempt():
    verdict = judge([], [], days([-20.0] * 56))
    assert (verdict.standing, verdict.value, verdict.evidence["exempt"]) == (Standing.EXEMPT, None, NO_OPTIC)


def test_the_hour_that_is_under_way_does_not_count():
    under_way = Summary(3600.0 * (NOW // 3600), 3600, "receive", -9.0, -9.0, -9.0, 3)
    verdict = judge([*GOOD, under_way, under_way._replace(start=3600.0 * (FIRST - 1))])
    assert (verdict.standing, verdict.value) == (Standing.MET, 9.0)
    assert judge([under_way]).standing is Standing.EXEMPT, "nothing was told of any hour yet"


def dark(places, way="receive"):
    return [Summary(3600.0 * (FIRST + n), 3600, way, 1, 1, 1, 3) for n in places]


@pytest.mark.parametrize(
    ("leasts", "places", "standing", "coverage"),
    [
        ([9.0] * COUNT, range(COUNT), Standing.UNPROVEN, 0.0),  # a reading an hour, and dark the rest of it
        ([9.0] * (COUNT - 10), range(COUNT - 10, COUNT), Standing.AT_RISK, (COUNT - 10) / COUNT),
        ([9.0] * COUNT, [5], Standing.AT_RISK, (COUNT - 1) / COUNT),
        ([9.0] * COUNT, range(17), Standing.UNPROVEN, (COUNT - 17) / COUNT),
        ([2.9, 2.8] + [9.0] * (COUNT - 2), [0, 1], Standing.MISSED, (COUNT - 2) / COUNT),  # before the light went
        ([], range(COUNT), Standing.UNPROVEN, 0.0),
        ([9.0] * COUNT, [-1, COUNT], Standing.MET, 1.0),
    ],
)
def test_an_hour_with_darkness_was_not_measured_and_is_a_sign(leasts, places, standing, coverage):
    verdict = judge(hours(leasts), darkness=dark(places))
    assert (verdict.standing, verdict.coverage, verdict.value) == (standing, coverage, min(leasts, default=None))
    assert verdict.evidence["directions"]["receive"]["dark"] == len(set(places) & set(range(COUNT)))
    assert judge(GOOD, darkness=dark(range(COUNT), "transmit")).evidence["direction"] == "transmit"


# --- fading -----------------------------------------------------------------------------------------------------------


def fading(per_day, count=56):
    return days([-20.0 - per_day * n for n in range(count)])


@pytest.mark.parametrize(
    ("received", "standing", "why"),
    [
        (fading(0.12), Standing.AT_RISK, None),  # 6.5 dB left at 0.12 dB a day: 54 days
        (fading(0.11), Standing.MET, None),  # 59 days
        (fading(0.01), Standing.MET, "far"),
        (fading(0.12, 28), Standing.AT_RISK, None),
        (fading(0.12, 27), Standing.MET, "few_days"),
        (fading(-0.2), Standing.MET, "not_fading"),
        (days([-20.0, -20.4] * 28), Standing.MET, "not_fading"),
        (days([-20.0 - 0.01 * n + n * 37 % 11 / 5 for n in range(56)]), Standing.MET, "not_fading"),  # perhaps it does
    ],
)
def test_fading_that_will_carry_it_below_warns(received, standing, why):
    verdict = judge(GOOD, [], received)
    told = verdict.evidence["directions"]["receive"]["fading"]
    assert (verdict.standing, told["why"], told["known"]) == (standing, why, why is None)
    assert (verdict.crossing_s is None) == (why is not None)
    if why is None:
        assert verdict.crossing_s == pytest.approx(6.5 / -told["slope"] * DAY_S)
        assert told["slope_low"] <= told["slope"] <= told["slope_high"] < 0


def test_fading_is_reckoned_from_todays_margin_and_warns_as_far_ahead_as_the_target_says():
    """3.5 dB are left after a fall in the week, 6.5 dB after a rise; at 0.12 dB a day for 29 or 54 days."""
    fallen, risen = (hours([a] * (COUNT - 24) + [b] * 24) for a, b in ((9.0, 6.0), (6.0, 9.0)))
    soon = replace(LIGHT, days_at_risk=30)
    told = [judge(margins, [], fading(0.12), soon) for margins in (fallen, risen)]
    assert [verdict.standing for verdict in told] == [Standing.AT_RISK, Standing.MET]
    assert [verdict.crossing_s / DAY_S for verdict in told] == pytest.approx([3.5 / 0.12, 6.5 / 0.12])


def test_fading_makes_no_miss_and_hides_none():
    low = hours([2.9, 2.9] + [9.0] * (COUNT - 2))
    assert judge(low, [], fading(0.12)).standing is Standing.MISSED
    assert judge(hours([9.0] * 20), [], fading(0.5)).standing is Standing.UNPROVEN


def test_a_step_is_no_fading_and_only_the_days_since_it_count():
    """As docs/fibre.md has it, and `netmon fibre`: a splice of 2 dB says nothing of what goes on."""
    spliced, back = days([-20.0] * 30 + [-22.0] * 26), looked_back(WEEK, NOW)
    verdict = judge(hours([4.0] * COUNT), [], spliced)
    told = verdict.evidence["directions"]["receive"]["fading"]
    assert (verdict.standing, told["why"], told["count"], told["step_db"]) == (Standing.MET, "few_days", 26, -2.0)
    assert told["since"] == back.start + 30 * DAY_S
    after = [-20.0] * 20 + [-22.0 - 0.12 * n for n in range(36)]
    told = judge(GOOD, [], days(after)).evidence["directions"]["receive"]["fading"]
    assert (told["count"], told["slope"], told["known"]) == (36, pytest.approx(-0.12), True)
    with_step = [[(day_number(each.start), each.mean) for each in days(after)], day_number(NOW)]
    assert fibre_fading(*with_step).since == day_number(told["since"])
    assert fibre_fading(*with_step).db_per_week == pytest.approx(-7 * told["slope"])


def test_days_that_were_not_looked_back_on_and_those_of_the_other_direction_tell_nothing():
    back = looked_back(WEEK, NOW)
    assert (back.end, (back.end - back.start) / DAY_S) == (TODAY, 56)
    old = [day._replace(start=day.start - 30 * DAY_S) for day in fading(0.3)]
    assert judge(GOOD, [], old).evidence["directions"]["receive"]["fading"]["count"] == 26
    other = [day._replace(part="transmit") for day in fading(0.3)]
    assert judge(GOOD, [], other).standing is Standing.MET


def test_what_is_final_looks_at_no_fading():
    monthly = replace(LIGHT, window_days=None)
    verdict = judge(GOOD, [], fading(0.3), monthly, Window(WEEK.start, NOW - 60))
    assert (verdict.standing, verdict.final, verdict.crossing_s) == (Standing.MET, True, None)
    assert verdict.evidence["directions"]["receive"]["fading"] is None


def test_darkness_is_told_in_words():
    verdict = judge(hours([9.0] * COUNT), [], days([-20.0] * 30 + [-22.0] * 26), darkness=dark([3, 4]))
    for language, words in (
        (
            "vi",
            ("có 165/167 giờ có số đo, 0 giờ dưới 3,0 dB. 2 giờ có lúc mất tín hiệu quang.", "thay đổi -2,0 dB trước 00:00"),
        ),
        ("en", ("165 of 167 hours measured, 0 below 3.0 dB. 2 hours with darkness.", "changed by -2.0 dB before 2026-")),
    ):
        said = "\n".join(figures(verdict.evidence, LIGHT, Voice(language)))
        assert all(each in said for each in words), said


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0, 0.4)), min_size=1, max_size=4), st.integers(0, 20), st.integers(0, 9)
)
def test_the_audit_finds_the_same_steps(levels, missing, seed):
    dice = Random(seed)
    made = [level + dice.gauss(0, noise) for level, noise in levels for _ in range(56 // len(levels))]
    points = [(n - 56, power) for n, power in enumerate(made) if dice.randrange(60) >= missing]
    assert list(audit_slopes.since_step(points)) == list(since_step(points)[0])


FIGURES = st.one_of(st.none(), st.floats(-5, 12))


@given(
    st.lists(FIGURES, max_size=40), st.lists(FIGURES, max_size=40), st.integers(1, 4), st.sampled_from([0.1, 0.5, 1.0]),
    st.lists(st.one_of(st.none(), st.floats(-25, -15)), min_size=50, max_size=56),
)  # fmt: skip
def test_it_agrees_with_another_reckoning(receive, transmit, needed, floor, powers):
    window = Window(3600.0 * FIRST, 3600.0 * (FIRST + 40))
    now = window.end
    target = replace(LIGHT, hours=needed, coverage=floor, window_days=7)
    shift = midnight(now) - TODAY
    received = [day._replace(start=day.start + shift) for day in days(powers)]
    verdict = judge([*hours(receive), *hours(transmit, "transmit")], [], received, target, window, now)
    order, expected = ["missed", "unproven", "at_risk", "met"], []
    for way, column in (("receive", receive), ("transmit", transmit)):
        seen = [least for least in column if least is not None]
        if not seen:
            continue
        below = len([least for least in seen if least < 3])
        points = [(n - len(powers), p) for n, p in enumerate(powers) if p is not None] if way == "receive" else []
        points = audit_slopes.since_step(points)
        soon = False
        if len(points) >= 28:
            slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) for a in points for b in points if a[0] < b[0])
            n, total = len(points), len(slopes)
            rank = max(1, int((total - 1.96 * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5) / 2))
            margin = median(least + 0.5 for least in seen[-24:])
            soon = slopes[-rank] < 0 and max(0.0, margin - 3) <= -56 * median(slopes)
        says = (
            "missed" if below >= needed else "unproven" if len(seen) / 40 < floor else "at_risk" if below or soon else "met"
        )
        expected.append((order.index(says), min(seen)))
    if not expected:
        assert verdict.standing is Standing.EXEMPT
    else:
        assert (order.index(verdict.standing.value), verdict.value) == min(expected)
