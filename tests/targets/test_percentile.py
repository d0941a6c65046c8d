"""The percentile rule against the words of SEMANTICS 5 and a slow reading of them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from math import ceil, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Capacity, Standing, Window
from netmon.targets.percentile import LinkRates, judge_link, judge_month, rank, slots_needed
from tests.targets.made import ABSENT, FIRST_K, FULL, LAST_K, NOW, P95, P95_DAILY, link, window_rates


def direction_of(verdict, direction="receive", reading="window"):
    return verdict.evidence["readings"][reading]["directions"][direction]


@given(st.integers(1, 3000))
def test_the_rank_is_that_of_the_nearest_rank_percentile(n):
    assert rank(n) == ceil(Fraction(95, 100) * n)


def test_exactly_the_limit_passes():
    """SEMANTICS 5: p <= 0.90 passes, and a slot at exactly 0.90 is not above it."""
    verdict = judge_link(P95, link(), window_rates([0.90] * 2016), NOW)
    assert (verdict.standing, verdict.value) == (Standing.AT_RISK, 0.90)
    assert direction_of(verdict)["above"] == 0


@pytest.mark.parametrize(
    ("above", "absent", "standing"),
    [
        (100, 0, Standing.MET),
        (101, 0, Standing.MISSED),
        (101, 1915, Standing.MISSED),  # nothing else was seen: no unseen slot could undo it
        (100, 1916, Standing.UNPROVEN),  # the figure is over the limit, but 1,916 low slots could yet undo it
        (96, 100, Standing.MISSED),  # 1,916 present: rank 1,821, so 95 may be above
        (95, 100, Standing.MET),
        (0, 100, Standing.MET),  # 1,916 of 2,016 are 95.04 %
        (0, 101, Standing.UNPROVEN),  # 94.99 %
        (0, 2016, Standing.UNPROVEN),
    ],
)
def test_slots_above_the_limit_and_slots_absent(above, absent, standing):
    receive = [0.95] * above + [0.1] * (2016 - above - absent) + [ABSENT] * absent
    random.Random(above).shuffle(receive)
    verdict = judge_link(P95, link(), window_rates(receive, [0.1] * 2016), NOW)
    assert verdict.standing is standing
    assert direction_of(verdict)["above"] == above
    assert direction_of(verdict)["present"] == 2016 - absent
    if standing is not Standing.MET:
        assert verdict.coverage == (2016 - absent) / 2016


@pytest.mark.parametrize(("p95", "standing"), [(0.80, Standing.MET), (0.8001, Standing.AT_RISK), (0.9001, Standing.MISSED)])
def test_at_risk_begins_strictly_above_its_own_mark(p95, standing):
    assert judge_link(P95, link(), window_rates([p95] * 2016), NOW).standing is standing


def test_the_worse_direction_speaks_and_both_are_shown():
    verdict = judge_link(P95, link(), window_rates([0.5] * 2016, [0.85] * 2016), NOW)
    assert (verdict.standing, verdict.value) == (Standing.AT_RISK, 0.85)
    assert verdict.evidence["readings"]["window"]["direction"] == "transmit"
    assert direction_of(verdict, "receive")["value"] == 0.5


def test_each_direction_is_held_against_its_own_capacity_at_the_start_of_the_slot():
    """A capacity that starts inside a slot counts from the next one; slots before the first one are absent."""
    capacities = (Capacity((FIRST_K + 100) * 300, FULL, FULL / 2), Capacity((FIRST_K + 1000) * 300 + 1, 2 * FULL, FULL))
    verdict = judge_link(P95, link(*capacities), window_rates([0.8] * 2016, [0.2] * 2016), NOW)
    receive = direction_of(verdict, "receive")
    assert (receive["present"], receive["without_capacity"], receive["value"]) == (1916, 100, 0.8)
    assert direction_of(verdict, "transmit")["value"] == 0.4
    spans = verdict.evidence["capacities"]
    assert [(span["start"] // 300 - FIRST_K, span["end"] // 300 - FIRST_K) for span in spans] == [(100, 1001), (1001, 2016)]


def test_a_link_without_any_capacity_is_unproven():
    unknown = link(Capacity(NOW + 1, FULL, FULL))
    verdict = judge_link(P95, unknown, window_rates([0.99] * 2016), NOW)
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_a_slot_that_the_commune_end_lacks_comes_from_the_far_end():
    near = [0.1] * 1000 + [ABSENT] * 1016
    far = [0.99] * 1000 + [0.95] * 101 + [0.1] * 900 + [ABSENT] * 15
    rates = window_rates(near, far_receive=[u * FULL for u in far], far_transmit=[0.0] * 2016, simulated=7)
    verdict = judge_link(P95, link(), rates, NOW)
    found = direction_of(verdict)
    assert (found["far"], found["present"], found["above"]) == (1001, 2001, 101)
    assert direction_of(verdict, "transmit")["far"] == 0
    assert {slot["end"] for slot in verdict.evidence["worst_slots"]} == {"far"}
    assert verdict.evidence["simulated_slots"] == 7


def test_the_window_is_the_2016_slots_that_end_with_the_last_closed_one():
    """What came before and what lies in the open slot have no say."""
    rates = LinkRates(
        first_k=FIRST_K - 500,
        near_receive=[FULL] * 500 + [0.1 * FULL] * 2016 + [FULL] * 3,
        near_transmit=[0.0] * 2519,
    )
    verdict = judge_link(P95, link(), rates, NOW)
    assert verdict.window == Window(FIRST_K * 300, (LAST_K + 1) * 300)
    assert (verdict.standing, direction_of(verdict)["above"]) == (Standing.MET, 0)


def test_the_ten_worst_slots_are_shown_with_their_local_time():
    receive = [0.1] * 2016
    receive[50], receive[60] = 0.99, 0.97
    verdict = judge_link(P95, link(), window_rates(receive, [0.2] * 2016), NOW)
    worst = verdict.evidence["worst_slots"]
    assert len(worst) == 10
    assert [slot["utilisation"] for slot in worst[:3]] == [0.99, 0.97, 0.2]
    start = (FIRST_K + 50) * 300
    local = datetime.fromtimestamp(start, timezone(timedelta(hours=7))).isoformat()
    assert worst[0] == {
        "start": start, "local": local, "direction": "receive", "rate": 0.99 * FULL, "utilisation": 0.99, "end": "near",
    }  # fmt: skip


# --- the daily reading ------------------------------------------------------------------------------------------------

MIDNIGHT = datetime(2026, 11, 20, 17, tzinfo=UTC).timestamp()  # 00:00 of the 21st in Viet Nam
DAY_ONE = int(MIDNIGHT // 300) - 7 * 288


def days(*seven):
    """Rates of seven ended days; each day is (utilisation, slots present)."""
    receive = [u * FULL if i < present else nan for u, present in seven for i in range(288)]
    return LinkRates(first_k=DAY_ONE, near_receive=receive, near_transmit=[0.0] * len(receive))


@pytest.mark.parametrize(
    ("seven", "standing", "value"),
    [
        ([(0.95, 288)] * 7, Standing.MISSED, 0.95),
        ([(0.95, 288)] * 6 + [(0.90, 288)], Standing.AT_RISK, 0.90),
        ([(0.95, 288)] * 6 + [(0.50, 288)], Standing.MET, 0.50),
        ([(0.95, 288)] * 6 + [(0.50, 273)], Standing.UNPROVEN, 0.95),  # 273 of 288 are 94.8 %
        ([(0.95, 288)] * 6 + [(0.50, 274)], Standing.MET, 0.50),
        ([(0.95, 288)] * 5 + [(0.50, 182), (0.70, 288)], Standing.UNPROVEN, 0.70),  # 94.7 % of the week
        ([(0.95, 288)] * 5 + [(0.50, 188), (0.70, 288)], Standing.MET, 0.70),  # one proven day within is no miss
        ([(0.50, 288)] + [(0.50, 0)] * 6, Standing.UNPROVEN, 0.50),  # no day speaks for a week
        ([(0.85, 288)] + [(0.85, 0)] * 6, Standing.UNPROVEN, 0.85),
        ([(0.95, 15)] * 7, Standing.MISSED, 0.95),  # whatever the coverage
        ([(0.95, 288)] * 6 + [(0.95, 15)], Standing.MISSED, 0.95),  # 15 above in a day: no unseen slot undoes it
        ([(0.95, 288)] * 6 + [(0.95, 14)], Standing.UNPROVEN, 0.95),
        ([(0.95, 0)] * 7, Standing.UNPROVEN, None),
    ],
)
def test_the_daily_reading_misses_when_every_one_of_seven_days_does(seven, standing, value):
    verdict = judge_link(P95_DAILY, link(), days(*seven), NOW)
    assert (verdict.standing, verdict.value) == (standing, value)
    assert verdict.window == Window(MIDNIGHT - 7 * 86400, MIDNIGHT)
    assert [day["day"] for day in direction_of(verdict, reading="daily")["days"]] == [f"2026-11-{d}" for d in range(14, 21)]


def test_the_reading_of_the_target_decides_and_the_other_is_shown():
    """Three full days above are a miss over the week, and none in the daily reading."""
    rates = days(*[(0.95, 288)] * 3, *[(0.1, 288)] * 4)
    at = MIDNIGHT + 60
    window, daily = judge_link(P95, link(), rates, at), judge_link(P95_DAILY, link(), rates, at)
    assert (window.standing, daily.standing) == (Standing.MISSED, Standing.MET)
    assert window.evidence["readings"] == daily.evidence["readings"]


# --- against a slow reading of the rule -------------------------------------------------------------------------------


def slow_direction(target, near, far, first_k, capacities, which, start, stop):
    """SEMANTICS 5 and 7 read slot by slot."""
    seen = []
    for k in range(start, stop):
        i = k - first_k
        rate = near[i] if 0 <= i < len(near) and not isnan(near[i]) else None
        if rate is None and far is not None and 0 <= i < len(far) and not isnan(far[i]):
            rate = far[i]
        valid = [c for c in capacities if c.valid_from <= k * 300]
        if rate is not None and valid:
            seen.append(rate / getattr(valid[-1], which))
    slots = stop - start
    p = sorted(seen)[(95 * len(seen) + 99) // 100 - 1] if seen else None
    above = sum(u > target.limit for u in seen)
    if above > {2016: 100, 288: 14}[slots]:
        return "missed", p, len(seen)
    if p is None or len(seen) / slots < target.coverage:
        return "unproven", p, len(seen)
    return ("missed" if p > target.limit else "at_risk" if p > target.at_risk else "met"), p, len(seen)


@given(st.data())
def test_both_readings_agree_with_a_slow_reading_of_the_rule(data):
    seed = data.draw(st.integers(0, 2**32))
    rng = random.Random(seed)
    now = NOW + rng.uniform(0, 90_000)
    slots = slots_needed(now)
    first_k = slots.start + data.draw(st.integers(-30, 60))
    length = len(slots) + data.draw(st.integers(-80, 40))
    level = data.draw(st.sampled_from([0.5, 0.8, 0.9, 0.93, 0.95]))
    lost = data.draw(st.sampled_from([0.0, 0.02, 0.05, 0.5]))

    def rates():
        return [nan if rng.random() < lost else rng.triangular(0, 1, level) * FULL for _ in range(length)]

    far = data.draw(st.booleans())
    capacities = tuple(
        Capacity(
            (slots.start + at) * 300 + rng.choice([0, 0, 17]), FULL * rng.uniform(0.9, 1.1), FULL * rng.uniform(0.9, 1.1)
        )
        for at in sorted(rng.sample(range(-50, 2100), data.draw(st.integers(1, 3))))
    )
    given_rates = LinkRates(
        first_k=first_k, near_receive=rates(), near_transmit=rates(),
        far_receive=rates() if far else None, far_transmit=rates() if far else None,
    )  # fmt: skip
    verdict = judge_link(P95, link(*capacities), given_rates, now)
    last = int(now // 300) - 1
    today = int((now + 25200) // 86400)
    for which in ("receive", "transmit"):
        near, other = getattr(given_rates, f"near_{which}"), getattr(given_rates, f"far_{which}")

        def slow(start, stop, near=near, other=other, which=which):
            return slow_direction(P95, near, other, first_k, capacities, which, start, stop)

        found = direction_of(verdict, which)
        assert (found["standing"], found["value"], found["present"]) == slow(last - 2015, last + 1)
        daily = direction_of(verdict, which, "daily")
        expected = [slow((day * 86400 - 25200) // 300, (day * 86400 + 61200) // 300) for day in range(today - 7, today)]
        assert [(day["standing"], day["value"], day["present"]) for day in daily["days"]] == expected
        proven = [(word, p) for word, p, _ in expected if word != "unproven"]
        if any(word in ("met", "at_risk") for word, _ in proven) and sum(n for *_, n in expected) / 2016 < P95.coverage:
            assert daily["standing"] == "unproven"
        elif any(word in ("met", "at_risk") for word, _ in proven):
            assert daily["standing"] == ("at_risk" if min(p for _, p in proven) > P95.at_risk else "met")
        else:
            assert daily["standing"] == ("missed" if len(proven) == 7 else "unproven")
    json.dumps(verdict.evidence, allow_nan=False)


# --- the month --------------------------------------------------------------------------------------------------------


def test_a_month_is_the_worst_of_the_windows_that_end_at_its_midnights():
    """A week above the limit in the middle of the month is its verdict, and stays so once the month is over."""
    october = Window(*(datetime(2026, month, last, 17, tzinfo=UTC).timestamp() for month, last in ((9, 30), (10, 31))))
    first_k = int(october.start // 300) - 2016
    receive = [0.1 * FULL] * (31 * 288 + 2016)
    receive[2016 + 10 * 288 : 2016 + 10 * 288 + 101] = [0.95 * FULL] * 101
    rates = LinkRates(first_k=first_k, near_receive=receive, near_transmit=[0.0] * len(receive))
    verdict = judge_month(P95, link(), rates, october, NOW)
    assert (verdict.standing, verdict.final, verdict.window) == (Standing.MISSED, True, october)
    missed = [each["local"][8:10] for each in verdict.evidence["midnights"] if each["standing"] == "missed"]
    assert missed == [f"{day:02}" for day in range(12, 19)]
    assert len(verdict.evidence["midnights"]) == 31
    early = judge_month(P95, link(), rates, october, october.start + 86400 * 5)
    assert (early.standing, early.final, len(early.evidence["midnights"])) == (Standing.MET, False, 5)
    begun = judge_month(P95, link(), rates, october, october.start + 60)
    assert (begun.standing, begun.value, begun.coverage) == (Standing.UNPROVEN, None, 0.0)
