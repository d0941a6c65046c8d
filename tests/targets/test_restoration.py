"""Restoration against the words of the rule: a count hour by hour of when each outage may have been over."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import Former, Outage, Span, Standing, Subject, Window
from netmon.targets.definitions import BasisKind, Pooled, Restoration
from netmon.targets.restoration import judge_restoration, pooled_verdict
from netmon.targets.windows import month_of
from netmon.targets.words import restoration as words
from netmon.targets.words.voice import Voice
from tests.effort import examples
from tests.targets.made import NOW, site

BASIS = {"basis": "QCVN 34:2014/BTTTT", "basis_kind": BasisKind.PROXY}
WITHIN = Restoration(id="restoration", title_vi="Khắc phục", title_en="Restoration", limit=0.9, **BASIS)
POOLED = Pooled(
    id="province_restoration", title_vi="Khắc phục", title_en="Restoration", limit=0.9, of="restoration", **BASIS
)
MONTH = month_of(NOW)
HOUR = 3600.0
HQ = site("ub-01273")
LOST = ("isolated", "unreachable")


def hour(h):
    return MONTH.start + HOUR * h


def kind_at(commune, unix):
    """01273 is a xã that became a phường 300 hours into the month."""
    return {"01273": "phuong" if unix >= hour(300) else "xa", "01279": "dac_khu", "01288": "thi_tran"}.get(commune, "")


def outage(start, end, state="isolated", cause="cb-agg-01", at=HQ):
    return Outage(Subject("site", at.id), state, hour(start), None if end is None else hour(end), cause, "")


def judge(outages, spans=None, absences=(), *, now=720, at=HQ, target=WITHIN, window=MONTH):
    """`spans` are (state, start, end) in hours of the month; without them what the outages say, and `up` around them."""
    if spans is None:
        at_h = -1000
        spans = []
        for each in outages:
            start, end = (each.start - MONTH.start) / HOUR, 10_000 if each.end is None else (each.end - MONTH.start) / HOUR
            spans += [("up", at_h, start), (each.state, start, end)]
            at_h = end
        spans.append(("up", at_h, 10_000))
    states = [Span(state, hour(a), hour(b)) for state, a, b in spans]
    holes = [Window(hour(a), hour(b)) for a, b in absences]
    return judge_restoration(target, at, kind_at, outages, states, holes, window, hour(now))


def counts(verdict):
    return {key: count for key, count in verdict.evidence["counts"].items() if count}


@pytest.mark.parametrize(
    ("start", "end", "outcome", "allowed_h", "kind"),
    [
        (100, 172, "in_time", 72, "xa"),  # exactly the time passes
        (100, 172.001, "late", 72, "xa"),
        (299, 371, "in_time", 72, "xa"),  # a phường by the time it ends; the kind at its start counts
        (300, 336, "in_time", 36, "phuong"),
        (300, 336.001, "late", 36, "phuong"),
        (-30, 42.001, "late", 72, "xa"),  # it began in the month before
    ],
)
def test_the_time_allowed_is_that_of_the_kind_of_commune_when_the_outage_began(start, end, outcome, allowed_h, kind):
    verdict = judge([outage(start, end)])
    (case,) = verdict.evidence["cases"]
    assert (case["outcome"], case["allowed_s"], case["kind"]) == (outcome, allowed_h * HOUR, kind)
    assert case["in_time"] is (outcome == "in_time")
    assert case["cause"] == "cb-agg-01"
    assert (verdict.standing, verdict.value) == ((Standing.MET, 1.0) if outcome == "in_time" else (Standing.MISSED, 0.0))


def test_a_site_that_moved_is_judged_by_the_commune_to_which_it_belonged_and_an_unknown_kind_has_the_longest_time():
    moved = replace(HQ, former=(Former("01279", hour(50)), Former("01288", hour(100))))
    cases = judge([outage(10, 11), outage(60, 61), outage(400, 401)], at=moved).evidence["cases"]
    found = [(case["commune"], case["kind"], case["allowed_s"] / HOUR, case["longest_allowed"])
             for case in sorted(cases, key=lambda case: case["start"])]  # fmt: skip
    assert found == [("01279", "dac_khu", 72, False), ("01288", "thi_tran", 72, True), ("01273", "phuong", 36, False)]


@pytest.mark.parametrize(
    ("now", "standing", "outcome"),
    [(318, Standing.MET, "pending"), (318.1, Standing.AT_RISK, "pending"), (336, Standing.AT_RISK, "pending"),
     (336.1, Standing.MISSED, "late")],
)  # fmt: skip
def test_what_lasts_is_pending_then_at_risk_then_late(now, standing, outcome):
    verdict = judge([outage(300, None)], now=now)
    (case,) = verdict.evidence["cases"]
    assert (verdict.standing, case["outcome"], case["end"]) == (standing, outcome, None)
    assert verdict.value == (0.0 if outcome == "late" else None)
    assert not verdict.final


def test_a_month_ends_with_what_lasts_then_and_does_not_know_what_came_of_it():
    verdict = judge([outage(700, 721)], now=900)
    assert (verdict.final, verdict.value, counts(verdict)) == (True, None, {"pending": 1, "at_risk": 1})
    ended = judge([outage(700, 720)], now=900)
    assert (ended.value, counts(ended)) == (1.0, {"in_time": 1})
    assert judge([outage(-5, 0)]).evidence["case_count"] == 0  # that is a case of the month before


def test_a_window_in_which_nothing_broke_is_met_only_if_enough_of_it_was_seen():
    calm = judge([])
    assert (calm.standing, calm.value, calm.evidence["no_outage"]) == (Standing.MET, 1.0, True)
    blind = judge([], [("up", 0, 700), ("unknown", 700, 720)])
    assert (blind.standing, blind.value, blind.evidence["no_outage"]) == (Standing.UNPROVEN, None, False)
    assert judge([], absences=[(0, 8)]).standing is Standing.UNPROVEN
    assert judge([], now=0).standing is Standing.UNPROVEN


@pytest.mark.parametrize(
    ("last_seen", "again", "outcome"),
    [(330, 336, "in_time"), (330, 337, "unproven"), (336, 340, "unproven"), (336.5, 340, "late")],
)
@pytest.mark.parametrize("why", ["absence", "unknown", "nothing told"])
def test_an_end_that_netmon_did_not_see_lies_between_two_bounds(last_seen, again, outcome, why):
    """The outage of a phường from hour 300 on, last seen at one hour, and the service seen again at another."""
    spans = [("up", 0, 300), ("isolated", 300, last_seen), ("up", again, 720)]
    if why == "unknown":
        spans.insert(2, ("unknown", last_seen, again))
    if why == "absence":
        spans[1] = ("isolated", 300, again)
    verdict = judge([outage(300, again)], spans, [(last_seen, again)] if why == "absence" else [])
    (case,) = verdict.evidence["cases"]
    assert case["outcome"] == outcome
    assert (case["least_seconds"], case["seconds"]) == ((last_seen - 300) * HOUR, (again - 300) * HOUR)
    expected = {"in_time": Standing.MET, "unproven": Standing.UNPROVEN, "late": Standing.MISSED}
    assert verdict.standing is expected[outcome]


def test_what_was_seen_late_is_missed_whatever_was_not_seen():
    spans = [("up", 0, 300), ("isolated", 300, 340), ("up", 340, 350)]
    verdict = judge([outage(300, 340)], spans)
    assert (verdict.standing, round(verdict.coverage, 2)) == (Standing.MISSED, 0.49)


def test_the_worst_twenty_cases_are_shown_and_all_are_counted():
    verdict = judge([outage(10 * i, 10 * i + 1 + i / 100) for i in range(24)] + [outage(300, 340)])
    assert (verdict.evidence["case_count"], len(verdict.evidence["cases"])) == (25, 20)
    assert verdict.evidence["cases"][0]["outcome"] == "late"
    assert [case["seconds"] for case in verdict.evidence["cases"][1:3]] == pytest.approx([1.23 * HOUR, 1.22 * HOUR])
    assert (verdict.value, verdict.standing) == (24 / 25, Standing.MET)


def test_only_what_was_seen_of_an_outage_itself_says_how_long_it_lasted_at_least():
    """Not what was seen of the one before or the one after it, nor a state that outlasts it."""
    spans = [("up", 0, 10), ("isolated", 10, 12), ("up", 12, 300), ("isolated", 300, 301), ("up", 340, 400),
             ("isolated", 400, 402), ("up", 402, 720)]  # fmt: skip
    three = [outage(10, 12), outage(300, 340), outage(400, 401)]
    cases = sorted(judge(three, spans).evidence["cases"], key=lambda case: case["start"])
    assert [case["least_seconds"] / HOUR for case in cases] == [2, 1, 1]
    del spans[3]
    assert {case["least_seconds"] for case in judge(three, spans).evidence["cases"] if case["start"] == hour(300)} == {0.0}


def test_a_pending_case_that_may_yet_come_in_time_leaves_a_month_of_which_too_little_was_seen_unproven():
    """Eight in time and one late are below the limit, and with one more in time they are not."""
    lasting = [outage(10 * i, 10 * i + 1) for i in range(8)] + [outage(100, 173), outage(700, None)]
    assert judge(lasting, now=710).standing is Standing.MISSED
    assert judge(lasting, now=710, absences=[(400, 500)]).standing is Standing.UNPROVEN
    assert judge(lasting[:-1], now=710, absences=[(400, 500)]).standing is Standing.MISSED


# --- hour by hour -----------------------------------------------------------------------------------------------------

SEEN = st.sampled_from(["up", "up", "up", "on_backup", "isolated", "isolated", "unreachable", "unknown", "away"])
BEGIN = 30  # hours before the window


@st.composite
def histories(draw):
    """What netmon saw each hour, runs of some hours; the window is the hours from BEGIN on."""
    hours = []
    for state, length in draw(st.lists(st.tuples(SEEN, st.integers(1, 9)), min_size=1, max_size=14)):
        hours += [state] * length
    return hours


def recorded(hours):
    """The outages that a store has of this: open from the first hour that is lost to the first that is available."""
    found, since = [], None
    for h, state in enumerate(hours):
        if state in LOST and since is None:
            since = h
        elif state in ("up", "on_backup") and since is not None:
            found.append((since, h))
            since = None
    return found + ([(since, None)] if since is not None else [])


@settings(max_examples=examples(120))
@given(histories(), st.integers(1, 40), st.integers(0, 60), st.sampled_from([0.0, 0.8, 1.0]), st.sampled_from([0.5, 0.75]))
def test_it_agrees_with_every_history_that_netmon_could_have_missed(hours, length, now, floor, limit):
    shift = -BEGIN
    window = Window(hour(0), hour(length))
    spans, h = [], 0
    for state, run in groupby(hours):
        count = len(list(run))
        if state != "away":
            spans.append((state, h + shift, h + count + shift))
        h += count
    absences = [(h + shift, h + 1 + shift) for h, state in enumerate(hours) if state == "away"]
    pairs = recorded(hours)
    outages = [outage(a + shift, None if b is None else b + shift) for a, b in pairs]
    target = replace(WITHIN, limit=limit, coverage=floor, at_risk=0.5, within_s={"xa": 5 * HOUR})
    verdict = judge(outages, spans, absences, now=now, target=target, window=window)

    last = BEGIN + min(now, length)
    expected = {"late": 0, "unproven": 0, "pending": 0, "in_time": 0}
    near = False
    for a, b in pairs:
        if a >= last or (b is not None and b <= BEGIN):
            continue
        lasts = b is None or b > last
        stop = last if lasts else b
        seen_lost = [h + 1 for h in range(max(a, BEGIN), stop) if hours[h : h + 1] and hours[h] in LOST]
        durations = [end - a for end in range(max(seen_lost, default=a), stop + 1)]
        verdicts = {duration > 5 for duration in durations}
        if verdicts == {True}:
            expected["late"] += 1
        elif verdicts == {True, False}:
            expected["unproven"] += 1
        else:
            expected["pending" if lasts else "in_time"] += 1
            near |= lasts and durations[-1] > 2.5
    found = verdict.evidence["counts"]
    assert {outcome: found[outcome] for outcome in expected} == expected

    told = [h for h in range(BEGIN, last) if h < len(hours) and hours[h] not in ("unknown", "away")]
    coverage = len(told) / (last - BEGIN) if last > BEGIN else 0.0
    proven = 0 < coverage >= floor
    assert verdict.coverage == pytest.approx(coverage, abs=1e-12)
    assert verdict.standing == standing_of(expected, limit, proven=proven, near=near)
    json.dumps(verdict.evidence, allow_nan=False)


def standing_of(found, limit, *, proven, near):
    """By trying all ways in which what is not decided could come out."""

    def passes(in_time, late):
        return in_time + late == 0 or in_time >= limit * (in_time + late)

    could = {passes(found["in_time"] + i + j, found["late"] + found["unproven"] - i)
             for i, j in product(range(found["unproven"] + 1), range(found["pending"] + 1))}  # fmt: skip
    so_far = {passes(found["in_time"] + i, found["late"] + found["unproven"] - i) for i in range(found["unproven"] + 1)}
    if could == {False}:
        return Standing.MISSED
    if not proven:
        return Standing.UNPROVEN
    if so_far == {False}:
        return Standing.MISSED
    if so_far == {True, False}:
        return Standing.UNPROVEN
    return Standing.AT_RISK if near else Standing.MET


# --- a province -------------------------------------------------------------------------------------------------------


def pool(cases, *, final=True, **more):
    return pooled_verdict(POOLED, WITHIN, "04", cases, MONTH, final=final, out_of_scope={}, **more)


def many(good, bad):
    """A site of a phường (from hour 300 on) with so many cases in time and late ones, a second long each but for these."""
    ended = [outage(1 + i / 10, 1.01 + i / 10) for i in range(good)]
    target = replace(WITHIN, within_s={"xa": 36.0})
    return judge(ended + [outage(200 + i, 200.5 + i) for i in range(bad)], target=target)


@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), min_size=1, max_size=6))
def test_all_cases_of_all_communes_are_counted_together(sites):
    verdict = pool({str(i): [many(*each)] for i, each in enumerate(sites)})
    good, bad = sum(g for g, _ in sites), sum(b for _, b in sites)
    assert verdict.value == (good / (good + bad) if good + bad else 1.0)
    assert verdict.standing is (Standing.MET if good + bad == 0 or 10 * good >= 9 * (good + bad) else Standing.MISSED)
    assert len(verdict.evidence["late"]) == min(bad, 20)
    assert sum(found["late"] for found in verdict.evidence["communes"].values()) == bad
    assert verdict.final
    json.dumps(verdict.evidence, allow_nan=False)


def test_a_commune_that_fails_by_itself_does_not_fail_the_province_that_passes():
    verdict = pool({"01273": [many(0, 1)], "01279": [many(9, 0)]})
    assert (verdict.standing, verdict.value) == (Standing.MET, 0.9)
    assert verdict.evidence["no_outage"] is False


def test_a_commune_without_a_part_is_unseen_but_a_miss_stays_one():
    calm = judge([])
    verdict = pool({"01273": [calm], "01279": []})
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, None, 0.5)
    assert pool({"01273": [many(8, 1)], "01279": []}).standing is Standing.MISSED
    assert pool({"01273": [calm]}).standing is Standing.MET
    blind = replace(WITHIN, coverage=0.0)
    assert pooled_verdict(POOLED, blind, "04", {}, MONTH, final=True, out_of_scope={}).standing is Standing.UNPROVEN


def test_a_commune_that_was_never_seen_is_not_outweighed_by_any_number_of_others():
    """Though so many cases were in time that a late one would not undo it."""
    calm = {f"{i:05}": [judge([])] for i in range(200)}
    blind = judge([], [("unknown", 0, 720)])
    verdict = pool({**calm, "99999": [blind], "99998": [many(20, 0)]})
    assert verdict.coverage > WITHIN.coverage
    assert (verdict.standing, verdict.value) == (Standing.UNPROVEN, 1.0)
    assert (verdict.evidence["unseen_count"], verdict.evidence["unseen"]) == (1, ["99999"])
    assert pool({**calm, "99999": [blind], "99998": [many(2, 1)]}).standing is Standing.MISSED
    assert pool(calm).standing is Standing.MET
    no_floor = replace(WITHIN, coverage=0.0)
    found = pooled_verdict(POOLED, no_floor, "04", {"99999": [blind]}, MONTH, final=True, out_of_scope={})
    assert found.standing is Standing.UNPROVEN


def test_nothing_is_met_by_what_nobody_saw_whatever_the_floor():
    verdict = judge([], [("unknown", 0, 720)], target=replace(WITHIN, coverage=0.0))
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_an_unproven_case_leaves_the_province_unproven_only_where_it_decides():
    spans = [("up", 0, 300), ("isolated", 300, 334), ("up", 339, 720)]
    doubt = judge([outage(300, 339)], spans)
    assert pool({"01273": [doubt], "01279": [many(9, 0)]}).standing is Standing.MET
    assert pool({"01273": [doubt], "01279": [many(8, 0)]}).standing is Standing.UNPROVEN
    assert pool({"01273": [doubt], "01279": [many(8, 1)]}).standing is Standing.UNPROVEN
    assert pool({"01273": [doubt], "01279": [many(7, 2)]}).standing is Standing.MISSED


def test_a_pending_case_that_is_at_risk_is_told_where_it_would_fail_the_province():
    soon = judge([outage(700, None)])
    assert pool({"01273": [soon], "01279": [many(9, 0)]}).standing is Standing.MET
    assert pool({"01273": [soon], "01279": [many(8, 0)]}).standing is Standing.AT_RISK
    fresh = judge([outage(719, None)])
    assert pool({"01273": [fresh], "01279": [many(8, 0)]}).standing is Standing.MET


def test_an_outage_during_which_a_site_moved_to_another_commune_is_one_case_of_the_province():
    moved = replace(HQ, commune="01279", former=(Former("01273", hour(400)),))
    stays = [Window(MONTH.start, hour(400)), Window(hour(400), MONTH.end)]
    lasting = outage(350, 420)
    before, after = (judge([lasting], now=(stay.end - MONTH.start) / HOUR, at=moved, window=stay) for stay in stays)
    assert (counts(before), counts(after)) == ({"late": 1}, {"late": 1})
    verdict = pool({"01273": [before], "01279": [after]})
    assert counts(verdict) == {"late": 1}
    assert [case["end"] for case in verdict.evidence["late"]] == [hour(420)]
    assert counts(pool({"01273": [before]})) == {"late": 1}  # the other commune is out of scope
    assert verdict.coverage == 1.0


def test_the_coverage_of_a_commune_is_that_of_the_time_that_its_parts_had():
    half = judge([], [("up", 0, 300)], now=600)
    short = judge([], [("up", 0, 100)], now=100)
    assert pool({"01273": [half, short]}).coverage == pytest.approx(400 / 700)


# --- words ------------------------------------------------------------------------------------------------------------

NAMES = {"01273": "Phường Thục Phán", "ub-01273": "UBND phường Thục Phán"}


def said(verdict):
    return ["\n".join([words.rule(WITHIN, say), *words.figures(verdict.evidence, WITHIN, say)])
            for say in (Voice("vi"), Voice("en"))]  # fmt: skip


def holds(text, *pieces):
    missing = [piece for piece in pieces if piece not in text]
    assert not missing, f"{missing} not in:\n{text}"


def test_cases_are_told_with_their_time_their_kind_and_their_cause():
    vi, en = said(judge([outage(10, 12, "unreachable"), outage(300, 340.5), outage(690, None)]))
    holds(
        vi, "ít nhất 90 % số lần mất kết nối được khắc phục trong thời hạn (phường 36 giờ, xã 72 giờ, đặc khu 72 giờ)",
        "Khắc phục trong thời hạn 1/2 lần mất kết nối: 50 %.", "1 lần mất kết nối đang kéo dài, còn trong thời hạn",
        "đã quá 50 % thời hạn", "Các lần mất kết nối (3/3):",
        "từ 12:00 ngày 13/11/2026 đến 04:30 ngày 15/11/2026, 40 giờ 30 phút, thời hạn 36 giờ (phường): "
        "QUÁ HẠN 4 giờ 30 phút, bị cô lập, nguyên nhân: cb-agg-01", "30 giờ, thời hạn 36 giờ (phường): còn trong thời hạn",
        "từ 18:00 ngày 29/11/2026, đến hết tháng chưa khôi phục, 30 giờ",
        "2 giờ, thời hạn 72 giờ (xã): trong thời hạn, không liên lạc được",
    )  # fmt: skip
    holds(en, "1 of 2 outages were over in time: 50 %", "40 h 30 min, allowed 36 h (phường): LATE by 4 h 30 min, isolated",
          "from 2026-11-29 18:00, not restored by the end of the month, 30 h", "cause: cb-agg-01")  # fmt: skip


def test_what_lasts_is_told_from_when_and_not_until_the_same_minute():
    vi, en = said(judge([outage(300, None)], now=300 + 8 / 3600))
    holds(vi, "từ 12:00 ngày 13/11/2026, đến nay chưa khôi phục, 8 giây")
    holds(en, "from 2026-11-13 12:00, not restored so far, 8 s")


def test_an_end_that_was_not_seen_is_told_and_so_is_a_calm_month_and_a_blind_one():
    spans = [("up", 0, 300), ("isolated", 300, 334), ("up", 339, 720)]
    vi, en = said(judge([outage(300, 339, cause="")], spans))
    holds(vi, "39 giờ (ít nhất 34 giờ, phần cuối không quan sát được)", "chưa đủ căn cứ kết luận", "vì phần cuối")
    holds(en, "(at least 34 h, the rest was not seen)", "not proven either way")
    assert "nguyên nhân" not in vi
    spans[1:] = [("isolated", 300, 337), ("up", 341, 720)]
    holds(said(judge([outage(300, 341)], spans))[1], "LATE by at least 1 h")
    holds(said(judge([]))[0], "Trong kỳ không có lần mất kết nối nào.")
    holds(said(judge([], []))[1], "too little was seen to say that there was none")
    unknown = replace(HQ, commune="01288")
    holds(said(judge([outage(1, 2)], at=unknown))[0], "loại đơn vị này không có thời hạn riêng nên lấy thời hạn dài nhất")
    nowhere = replace(HQ, commune="99999")
    holds(said(judge([outage(1, 2)], at=nowhere))[0], "72 giờ (không rõ loại đơn vị)")


def test_the_coverage_of_a_province_is_of_the_window_so_far_until_that_is_over():
    verdict = pooled_verdict(POOLED, WITHIN, "04", {"01273": [judge([], now=5)]}, MONTH, final=False, out_of_scope={})
    for language, text in (("vi", "đã quan sát 100 % của phần kỳ đã qua"), ("en", "100 % of the window so far was seen")):
        holds("".join(words.pooled_figures(verdict, POOLED, Voice(language), NAMES)), text)


def test_a_province_lists_what_came_late_and_where():
    verdict = pooled_verdict(
        POOLED, WITHIN, "04", {"01273": [judge([outage(300, 340)])], "01279": []}, MONTH,
        final=True, out_of_scope={"01822": "không có dân"},
    )  # fmt: skip
    for language, pieces in (
        (
            "vi",
            (
                "tính chung, được khắc phục trong thời hạn của chỉ tiêu “Khắc phục” [restoration].",
                "bình quân 2 đơn vị cấp xã đã quan sát 50 % của kỳ, yêu cầu tối thiểu 99 %; phần chưa quan sát không",
                "Khắc phục trong thời hạn 0/1 lần mất kết nối: 0 %.",
                "Các lần khắc phục quá hạn (1/1):",
                "Điểm UBND phường Thục Phán (ub-01273), Phường Thục Phán (01273): từ 12:00 ngày 13/11/2026",
                "Không có số liệu (1): Xã/phường/đặc khu 01279",
                "Ngoài phạm vi đánh giá: Xã/phường/đặc khu 01822: không có dân",
            ),
        ),
        ("en", ("Late (1 of 1):", "Nothing was seen of (1): Commune 01279", "Coverage: 50 % of the window was seen")),
    ):
        say = Voice(language)
        rule = words.pooled_rule(POOLED, {"restoration": WITHIN}, say)
        holds("\n".join([rule, *words.pooled_figures(verdict, POOLED, say, NAMES)]), *pieces)
