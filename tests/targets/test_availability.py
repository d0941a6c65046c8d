"""Availability against the words of SEMANTICS 6 and 7 and a count second by second."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Span, Standing, Subject, Window
from netmon.targets.availability import judge_availability
from netmon.targets.evaluate import window_of
from tests.targets.made import LINK_UP, NOW, SERVICE

HQ = Subject("site", "ub-01273")
NOVEMBER = Window(*(datetime(2026, month, last, 17, tzinfo=UTC).timestamp() for month, last in ((10, 31), (11, 30))))
DAY = 86_400.0


def judge(spans, absences=(), *, target=SERVICE, now=NOW, window=NOVEMBER, **more):
    """`spans` are (state, start, end) with times counted from the window's start."""
    moved = [Span(state, window.start + start, window.start + end) for state, start, end in spans]
    holes = [Window(window.start + start, window.start + end) for start, end in absences]
    return judge_availability(target, HQ, moved, holes, window, now, **more)


def after(days):
    return NOVEMBER.start + days * DAY


def test_the_window_is_the_local_month_that_holds_now_or_the_days_before_it():
    assert window_of(SERVICE, NOW) == NOVEMBER
    assert window_of(SERVICE, NOVEMBER.start) == NOVEMBER
    assert window_of(SERVICE, NOVEMBER.start - 1).end == NOVEMBER.start
    assert window_of(replace(SERVICE, window_days=30), NOW) == Window(NOW - 30 * DAY, NOW)


@pytest.mark.parametrize(
    ("target", "state", "available", "not_available", "unseen"),
    [
        (SERVICE, "up", 1, 0, 0),
        (SERVICE, "on_backup", 1, 0, 0),
        (SERVICE, "isolated", 0, 1, 0),
        (SERVICE, "unreachable", 0, 1, 0),
        (SERVICE, "unknown", 0, 0, 1),
        (SERVICE, "suspect", 0, 0, 1),
        (LINK_UP, "up", 1, 0, 0),
        (LINK_UP, "down", 0, 1, 0),
        (LINK_UP, "unknown", 0, 0, 1),
        (LINK_UP, "unreachable", 0, 0, 1),
        (LINK_UP, "suspect", 0, 0, 1),
    ],
)
def test_what_each_state_says(target, state, available, not_available, unseen):
    raw = judge([(state, 0, DAY)], target=target, now=after(1)).evidence["raw"]
    assert (raw["available"], raw["not_available"], raw["unseen"]) == (available * DAY, not_available * DAY, unseen * DAY)
    assert raw["on_backup"] == (DAY if state == "on_backup" else 0)


@pytest.mark.parametrize(
    ("down_s", "unseen_s", "standing"),
    [
        (0, 0, Standing.MET),
        (9_720, 0, Standing.MET),  # three quarters of the month's 12,960 s
        (9_721, 0, Standing.AT_RISK),
        (12_960, 0, Standing.AT_RISK),  # exactly the limit passes
        (12_961, 0, Standing.MISSED),
        (0, 25_920, Standing.MET),  # coverage is exactly 0.99
        (0, 25_921, Standing.UNPROVEN),
        (12_900, 25_920, Standing.MISSED),  # of what was seen, too little; yet what was unseen could have saved it
        (12_900, 25_921, Standing.UNPROVEN),
        (12_961, 2_000_000, Standing.MISSED),  # nothing unseen could have saved it
    ],
)
def test_the_month_is_judged_at_its_end(down_s, unseen_s, standing):
    """The order of SEMANTICS 7: a miss beyond saving, then the floor, then the limit, then the budget."""
    end = 30 * DAY
    spans = [("isolated", 0, down_s), ("unknown", down_s, down_s + unseen_s), ("up", down_s + unseen_s, end)]
    verdict = judge(spans, now=after(30))
    assert (verdict.standing, verdict.final) == (standing, True)
    assert verdict.evidence["error_budget"] == {"total": 12_960.0, "spent": down_s}


def test_the_error_budget_is_of_the_full_month_and_the_ratio_of_the_elapsed_part():
    """Ten minutes lost on the second day: the elapsed ratio is missed although the month's budget is not spent."""
    verdict = judge([("up", 0, DAY), ("isolated", DAY, DAY + 900), ("up", DAY + 900, 2 * DAY)], now=after(2))
    assert verdict.standing is Standing.MISSED
    assert verdict.evidence["error_budget"] == {"total": 12_960.0, "spent": 900}
    assert not verdict.final


def test_a_month_that_has_just_begun_is_unproven():
    for now in (NOVEMBER.start, NOVEMBER.start - 5):
        verdict = judge([], now=now)
        assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_nothing_seen_is_unproven_with_no_value():
    verdict = judge([("unknown", 0, 10 * DAY)], now=after(10))
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_what_netmon_says_of_its_own_absence_does_not_count():
    """An outage whose middle hour netmon did not watch counts only its edges; the two edges are two outages."""
    verdict = judge(
        [("up", 0, 3600), ("isolated", 3600, 4 * 3600), ("up", 4 * 3600, DAY)],
        [(2 * 3600, 2.5 * 3600), (2.25 * 3600, 3 * 3600)], now=after(1),
    )  # fmt: skip
    raw = verdict.evidence["raw"]
    assert (raw["available"], raw["not_available"], raw["unseen"]) == (21 * 3600, 2 * 3600, 3600)
    assert [outage["seconds"] for outage in verdict.evidence["outages"]] == [3600, 3600]


def test_a_window_of_days_moves_with_now_and_is_never_final():
    rolling = replace(SERVICE, window_days=7)
    window = window_of(rolling, NOW)
    verdict = judge([("up", -DAY, 7 * DAY)], target=rolling, window=window)
    assert (verdict.standing, verdict.value, verdict.coverage, verdict.final) == (Standing.MET, 1.0, 1.0, False)


def test_declared_windows_change_the_second_figure_and_not_the_verdict():
    storm = Window(after(2), after(2.5))
    spans = [("up", 0, 2 * DAY), ("isolated", 2 * DAY, 2.25 * DAY), ("up", 2.25 * DAY, 10 * DAY)]
    verdict = judge(spans, now=after(10), declared=[storm], simulated_s=5.0)
    raw, without = verdict.evidence["raw"], verdict.evidence["without_declared"]
    assert (verdict.standing, raw["value"], raw["elapsed"]) == (Standing.MISSED, 9.75 / 10, 10 * DAY)
    assert (without["value"], without["coverage"], without["elapsed"]) == (1.0, 1.0, 9.5 * DAY)
    assert verdict.evidence["declared"] == [list(storm)]
    assert verdict.evidence["simulated_s"] == 5.0
    assert verdict.available == (0.975, 1.0)


def test_the_twenty_longest_outages_are_shown_and_all_are_counted():
    spans = [("isolated", 3600 * i, 3600 * i + 60 + i) for i in range(25)]
    verdict = judge(spans, now=after(2))
    assert verdict.evidence["outage_count"] == 25
    assert [outage["seconds"] for outage in verdict.evidence["outages"]] == list(range(84, 64, -1))
    longest = verdict.evidence["outages"][0]
    assert longest["local_start"] == "2026-11-02T00:00:00+07:00"


# --- second by second -------------------------------------------------------------------------------------------------

SECONDS = st.integers(-300, 1500)


@st.composite
def histories(draw):
    """Spans in a row, some of them missing, and absences and declared windows anywhere, in whole seconds."""
    edges = sorted(draw(st.sets(SECONDS, max_size=12)))
    states = ("up", "on_backup", "isolated", "unreachable", "unknown", "suspect", None)
    spans = [(draw(st.sampled_from(states)), *pair) for pair in pairwise(edges)]
    intervals = st.lists(st.tuples(SECONDS, st.integers(0, 400)).map(lambda at: (at[0], at[0] + at[1])), max_size=4)
    return [span for span in spans if span[0]], draw(intervals), draw(intervals), draw(st.integers(0, 1300))


@given(histories())
def test_it_agrees_with_a_count_second_by_second(history):
    spans, absences, declared, now = history
    full, target = 1200, replace(SERVICE, limit=0.75, coverage=0.8)
    window = Window(NOVEMBER.start, NOVEMBER.start + full)
    verdict = judge(
        spans, absences, target=target, window=window, now=window.start + now,
        declared=[Window(window.start + a, window.start + b) for a, b in declared],
    )  # fmt: skip

    def count(seconds):
        tally = {"available": 0, "not_available": 0, "on_backup": 0, "unseen": 0, "elapsed": len(seconds)}
        for second in seconds:
            state = next((word for word, start, end in spans if start <= second < end), None)
            if any(start <= second < end for start, end in absences):
                state = None
            if state in ("up", "on_backup"):
                tally["available"] += 1
                tally["on_backup"] += state == "on_backup"
            elif state in ("isolated", "unreachable"):
                tally["not_available"] += 1
            else:
                tally["unseen"] += 1
        return tally

    elapsed = range(min(now, full))
    raw = count(elapsed)
    undeclared = count([s for s in elapsed if not any(start <= s < end for start, end in declared)])
    for figure, expected in ((verdict.evidence["raw"], raw), (verdict.evidence["without_declared"], undeclared)):
        assert {key: figure[key] for key in expected} == expected
    a, n, seen_of = raw["available"], raw["not_available"], raw["elapsed"]
    if a + n == 0:
        expected_standing, value = "unproven", None
    else:
        value = a / (a + n)
        if (seen_of - n) * 4 < seen_of * 3:
            expected_standing = "missed"
        elif (a + n) * 5 < seen_of * 4:
            expected_standing = "unproven"
        elif a * 4 < (a + n) * 3:
            expected_standing = "missed"
        else:
            expected_standing = "at_risk" if n > 225 else "met"  # 0.75 of a quarter of 1,200 s
    assert (verdict.standing, verdict.value) == (expected_standing, value)
    assert verdict.coverage == ((a + n) / seen_of if seen_of else 0.0)
    assert sum(outage["seconds"] for outage in verdict.evidence["outages"]) == n or verdict.evidence["outage_count"] > 20
    json.dumps(verdict.evidence, allow_nan=False)
