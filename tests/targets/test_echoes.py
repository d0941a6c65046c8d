"""Latency and loss of a link's echoes against independent counts, slot by slot and second by second."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from math import ceil, isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import Span, Standing, Window
from netmon.targets.definitions import BasisKind, Latency, Loss
from netmon.targets.echoes import Echoes, judge_latency, judge_loss
from netmon.targets.windows import month_of
from netmon.targets.words import echoes as words
from netmon.targets.words.voice import Voice
from tests.effort import examples
from tests.targets.made import NOW, link

BASIS = {"basis": "QCVN 34:2019/BTTTT", "basis_kind": BasisKind.PROXY}
LATENCY = Latency(id="latency", title_vi="Độ trễ", title_en="Latency", limit=0.05, **BASIS)
LOSS = Loss(id="loss", title_vi="Mất gói", title_en="Loss", limit=0.01, **BASIS)
MONTH = month_of(NOW)
FIRST = int(MONTH.start // 300)
SLOTS = 8_640


def echoes(rtt_s, *, first_k=FIRST, sent=10, answered=None, snmp_s=None, simulated=0):
    """Ten echoes a slot, of which all are answered where there is a round trip."""
    count = len(rtt_s)
    return Echoes(
        first_k=first_k,
        rtt_s=rtt_s,
        worst_s=[2 * rtt for rtt in rtt_s],
        sent=[sent] * count,
        answered=[0 if isnan(rtt) else sent for rtt in rtt_s] if answered is None else answered,
        snmp_s=[nan] * count if snmp_s is None else snmp_s,
        simulated=simulated,
    )


def latency(measured, *, target=LATENCY, now=MONTH.end, window=MONTH, spans=None):
    return judge_latency(target, link(), measured, window, now, spans)


def loss(measured, spans, *, target=LOSS, now=MONTH.end, window=MONTH):
    return judge_loss(target, link(), measured, spans, window, now)


# --- latency ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slow", "absent", "standing"),
    [
        (432, 0, Standing.MET),  # rank 8,208 of 8,640 leaves 432 above itself
        (433, 0, Standing.MISSED),
        (432, 432, Standing.MISSED),  # of those present the 95th percentile is slow; all but unproven by coverage of 0.95
        (432, 433, Standing.UNPROVEN),
        (433, 8_207, Standing.MISSED),  # nothing unseen could have saved it
    ],
)
def test_more_slow_slots_than_the_month_can_bear_are_a_miss_whatever_the_coverage(slow, absent, standing):
    verdict = latency(echoes([0.051] * slow + [nan] * absent + [0.02] * (SLOTS - slow - absent)))
    assert (verdict.standing, verdict.final) == (standing, True)
    assert (verdict.evidence["spared"], verdict.evidence["above"]) == (432, slow)


@pytest.mark.parametrize(
    ("rtt", "standing"),
    [(0.04, Standing.MET), (0.0401, Standing.AT_RISK), (0.05, Standing.AT_RISK), (0.0501, Standing.MISSED)],
)
def test_the_limit_itself_passes_and_the_early_sign_is_told(rtt, standing):
    verdict = latency(echoes([rtt] * SLOTS))
    assert (verdict.standing, verdict.value) == (standing, rtt)


def test_an_snmp_round_trip_proves_latency_met_and_never_missed():
    proven = latency(echoes([nan] * SLOTS, sent=0, snmp_s=[0.03] * SLOTS))
    assert (proven.standing, proven.value, proven.coverage) == (Standing.MET, 0.03, 1.0)
    assert (proven.evidence["from_snmp"], proven.evidence["worst_slots"][0]["by"]) == (SLOTS, "snmp")
    assert latency(echoes([nan] * SLOTS, sent=0, snmp_s=[0.05] * SLOTS)).value == 0.05
    slow = latency(echoes([nan] * SLOTS, snmp_s=[0.3] * SLOTS))
    assert (slow.standing, slow.value, slow.coverage) == (Standing.UNPROVEN, None, 0.0)
    assert (slow.evidence["snmp_beyond"], slow.evidence["above"]) == (SLOTS, 0)
    echo_speaks = latency(echoes([0.2] * SLOTS, snmp_s=[0.01] * SLOTS))
    assert (echo_speaks.standing, echo_speaks.value) == (Standing.MISSED, 0.2)


def test_snmp_over_another_way_proves_nothing_of_a_link_that_is_down_or_lost_every_echo():
    """The device answers over the backup all month."""
    silent = echoes([nan] * SLOTS, sent=0, snmp_s=[0.01] * SLOTS)
    down = latency(silent, spans=[Span("down", MONTH.start, MONTH.end)])
    assert (down.standing, down.value, down.coverage) == (Standing.UNPROVEN, None, 0.0)
    assert (down.evidence["snmp_refused"], down.evidence["from_snmp"]) == (SLOTS, 0)
    lost = latency(echoes([nan] * SLOTS, sent=10, snmp_s=[0.01] * SLOTS), spans=UP_ALL_MONTH)
    assert (lost.standing, lost.coverage) == (Standing.UNPROVEN, 0.0)
    edge = MONTH.start + 10 * 300 + 1  # within the eleventh slot, which does not lie wholly in up
    half = latency(silent, spans=[Span("up", MONTH.start, edge), Span("unknown", edge, MONTH.end)])
    assert half.evidence["from_snmp"] == 10
    assert latency(silent, spans=UP_ALL_MONTH).standing is Standing.MET


def test_a_month_that_has_just_begun_is_unproven_and_only_slots_that_ended_count():
    assert latency(echoes([]), now=MONTH.start).standing is Standing.UNPROVEN
    verdict = latency(echoes([0.01] * 50), now=MONTH.start + 10 * 300 + 299)
    assert (verdict.evidence["elapsed"], verdict.coverage, verdict.final) == (10, 1.0, False)
    assert verdict.evidence["local_end"] == "2026-11-01T00:50:00+07:00"


def test_a_window_of_days_moves_with_now_and_is_never_final():
    week = Window(NOW - 7 * 86_400, NOW)
    first = ceil(week.start / 300)
    verdict = latency(echoes([0.01] * 2_016, first_k=first), target=replace(LATENCY, window_days=7), window=week, now=NOW)
    assert (verdict.standing, verdict.evidence["slots"], verdict.final) == (Standing.MET, 2_015, False)


TIMES = st.sampled_from([nan, nan, 0.01, 0.03, 0.041, 0.05, 0.06, 0.2])


@given(
    st.lists(st.tuples(TIMES, TIMES, st.sampled_from([0, 10])), max_size=50),
    st.integers(-5, 5),
    st.integers(1, 40),
    st.integers(-300, 14_000),
    st.sampled_from([0.0, 0.5, 0.95]),
    st.none() | st.lists(st.sampled_from(["up", "up", "up", "down", "unknown"]), min_size=120, max_size=120),
)
def test_latency_agrees_with_the_definition_of_a_percentile(measured, shift, slots, now_s, floor, states):
    """`states`: one for each 100 s; None: nobody tells them."""
    rtt, snmp, more = [list(column) for column in zip(*measured, strict=True)] or ([], [], [])
    sent = [10 if not isnan(trip) else out for trip, out in zip(rtt, more, strict=True)]
    spans = states and [Span(word, MONTH.start + 100 * i, MONTH.start + 100 * i + 100) for i, word in enumerate(states)]
    window = Window(MONTH.start, MONTH.start + 300 * slots)
    target = replace(LATENCY, coverage=floor)
    seen = replace(echoes(rtt, first_k=FIRST + shift, snmp_s=snmp), sent=sent)
    verdict = latency(seen, target=target, window=window, now=MONTH.start + now_s, spans=spans)

    def p95(values):
        """The least value that at least 95 in 100 do not exceed."""
        return min((v for v in values if 100 * sum(u <= v for u in values) >= 95 * len(values)), default=None)

    figures = []
    elapsed = [k for k in range(slots) if 300 * (k + 1) <= now_s]
    for k in elapsed:
        i = k - shift
        if not 0 <= i < len(measured):
            continue
        if not isnan(rtt[i]):
            figures.append(rtt[i])
        elif snmp[i] <= 0.05 and not sent[i] and (states is None or set(states[3 * k : 3 * k + 3]) == {"up"}):
            figures.append(snmp[i])
    value, coverage = p95(figures), len(figures) / len(elapsed) if elapsed else 0.0
    if p95(figures + [0.0] * (slots - len(figures))) > 0.05:  # had all the rest been perfect
        expected = Standing.MISSED
    elif value is None or coverage < floor:
        expected = Standing.UNPROVEN
    elif value > 0.05:
        expected = Standing.MISSED
    else:
        expected = Standing.AT_RISK if value > 0.04 else Standing.MET
    assert (verdict.value, verdict.coverage, verdict.standing) == (value, coverage, expected)
    assert [slot["mean_s"] for slot in verdict.evidence["worst_slots"]] == sorted(figures, reverse=True)[:10]
    json.dumps(verdict.evidence, allow_nan=False)


# --- loss -------------------------------------------------------------------------------------------------------------

UP_ALL_MONTH = [Span("up", MONTH.start, MONTH.end)]


@pytest.mark.parametrize(
    ("lossy", "absent", "standing"),
    [
        (432, 0, Standing.MET),  # one of ten in 432 slots: 0.5 %
        (433, 0, Standing.AT_RISK),
        (864, 0, Standing.AT_RISK),  # exactly the limit passes
        (865, 0, Standing.MISSED),
        (864, 432, Standing.MISSED),  # of what was seen too many; yet what was unseen could have saved it
        (864, 433, Standing.UNPROVEN),
        (865, 7_000, Standing.MISSED),  # nothing unseen could have saved it
    ],
)
def test_a_share_that_no_unseen_echo_could_lower_enough_is_a_miss_whatever_the_coverage(lossy, absent, standing):
    rest = SLOTS - lossy - absent
    measured = replace(
        echoes([0.01] * SLOTS), sent=[10] * lossy + [0] * absent + [10] * rest,
        answered=[9] * lossy + [0] * absent + [10] * rest,
    )  # fmt: skip
    verdict = loss(measured, UP_ALL_MONTH)
    assert verdict.standing is standing
    assert verdict.evidence["least"] == lossy / (10 * SLOTS)


def test_an_outage_is_not_judged_again_as_loss_but_losing_every_echo_while_up_is():
    answered = [10] * 20 + [0] * 10 + [10] * (SLOTS - 30)
    measured = echoes([0.01] * SLOTS, answered=answered)
    fell, rose = MONTH.start + 20 * 300 + 7, MONTH.start + 30 * 300 + 7
    spans = [Span("up", MONTH.start, fell), Span("down", fell, rose), Span("up", rose, MONTH.end)]
    spared = loss(measured, spans)
    assert (spared.standing, spared.value, spared.evidence["down"]) == (Standing.MET, 0.0, 11)
    assert spared.coverage == (SLOTS - 11) / SLOTS  # it is of all that elapsed
    blamed = loss(measured, UP_ALL_MONTH)
    assert (blamed.evidence["lost"], blamed.evidence["losing_slots"]) == (100, 10)


def test_time_whose_state_nobody_knows_is_unseen_so_silence_never_passes():
    spans = [Span("up", MONTH.start, MONTH.start + 86_400), Span("unknown", MONTH.start + 86_400, MONTH.end)]
    verdict = loss(echoes([0.01] * SLOTS), spans)
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, 0.0, 288 / SLOTS)
    down = loss(echoes([nan] * SLOTS), [Span("down", MONTH.start, MONTH.end)])
    assert (down.standing, down.value, down.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_a_link_that_was_up_for_an_hour_of_the_month_has_not_shown_that_it_loses_nothing():
    fell = MONTH.start + 3600
    hour = loss(echoes([0.01] * SLOTS), [Span("up", MONTH.start, fell), Span("down", fell, MONTH.end)])
    assert (hour.standing, hour.value, hour.coverage) == (Standing.UNPROVEN, 0.0, 12 / SLOTS)
    flapping = [Span(("down", "up")[i % 10 > 0], MONTH.start + 30 * i, MONTH.start + 30 * i + 30) for i in range(10 * SLOTS)]
    never_whole = loss(echoes([0.01] * SLOTS, answered=[5] * SLOTS), flapping)
    assert (never_whole.standing, never_whole.value, never_whole.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_what_is_unseen_could_have_held_as_many_echoes_as_the_fullest_slot():
    """A quarter of the month was up and lost 2 % of its echoes; the other time could have saved it, or could not."""
    sent = [10] * 2_160 + [0] * 6_479
    measured = replace(echoes([0.01] * SLOTS), sent=[*sent, 12], answered=[9] * 432 + [10] * 1_728 + [0] * 6_479 + [12])
    spans = [Span("up", MONTH.start, MONTH.start + 2_160 * 300), Span("unknown", MONTH.start + 2_160 * 300, MONTH.end)]
    verdict = loss(measured, spans)
    assert (verdict.value, verdict.standing) == (0.02, Standing.UNPROVEN)
    assert verdict.evidence["least"] == 432 / (21_600 + 6_480 * 12)
    strict = loss(measured, spans, target=replace(LOSS, limit=0.004))
    assert strict.standing is Standing.MISSED


@st.composite
def linked(draw):
    """Slots of echoes and the states of a link, edges at every 100 s, some of them missing."""
    slots = draw(st.integers(0, 25))
    counts = [(sent, draw(st.integers(0, sent))) for sent in draw(st.lists(st.integers(0, 12), max_size=30))]
    edges = sorted(draw(st.sets(st.integers(-9, 90), max_size=10)))
    states = st.sampled_from(("up", "up", "up", "down", "unknown", None))
    spans = [(draw(states), *pair) for pair in pairwise(edges)]
    return slots, counts, draw(st.integers(-4, 4)), [span for span in spans if span[0]], draw(st.integers(0, 90))


@settings(max_examples=examples(100))
@given(linked(), st.sampled_from([0.0, 0.5, 0.95]), st.sampled_from([0.0, 0.05, 0.3]))
def test_loss_agrees_with_a_count_of_states_second_by_second(history, floor, limit):
    slots, counts, shift, spans, now_c = history
    window = Window(MONTH.start, MONTH.start + 300 * slots)
    measured = replace(
        echoes([0.01] * len(counts), first_k=FIRST + shift), sent=[s for s, _ in counts], answered=[a for _, a in counts]
    )
    states = [Span(state, MONTH.start + 100 * a, MONTH.start + 100 * b) for state, a, b in spans]
    target = replace(LOSS, limit=limit, at_risk=limit / 2, coverage=floor)
    verdict = loss(measured, states, target=target, window=window, now=MONTH.start + 100 * now_c)

    elapsed = [k for k in range(slots) if 3 * (k + 1) <= now_c]
    seen, unseen, fullest = [], 0, 0
    for k in elapsed:
        during = {next((s for s, a, b in spans if a <= c < b), None) for c in range(3 * k, 3 * k + 3)}
        sent, answered = counts[k - shift] if 0 <= k - shift < len(counts) else (0, 0)
        fullest = max(fullest, sent)
        if "down" in during:
            continue
        if during == {"up"} and sent:
            seen.append((sent, answered))
        else:
            unseen += 1
    sent = sum(s for s, _ in seen)
    lost = sent - sum(a for _, a in seen)
    value = lost / sent if sent else None
    coverage = len(seen) / len(elapsed) if elapsed else 0.0
    if sent and lost / (sent + unseen * fullest) > limit:
        expected = Standing.MISSED
    elif value is None or coverage < floor:
        expected = Standing.UNPROVEN
    elif value > limit:
        expected = Standing.MISSED
    else:
        expected = Standing.AT_RISK if value > limit / 2 else Standing.MET
    assert (verdict.value, verdict.coverage, verdict.standing) == (value, coverage, expected)
    assert (verdict.evidence["lost"], verdict.evidence["sent"]) == (lost, sent)
    worst = sorted((s - a for s, a in seen if a < s), reverse=True)
    assert [slot["lost"] for slot in verdict.evidence["worst_slots"]] == worst[:10]
    json.dumps(verdict.evidence, allow_nan=False)


# --- words ------------------------------------------------------------------------------------------------------------


def said(verdict, target):
    return ["\n".join([words.rule(target, say), *words.figures(verdict.evidence, target, say)])
            for say in (Voice("vi"), Voice("en"))]  # fmt: skip


def holds(text, *pieces):
    missing = [piece for piece in pieces if piece not in text]
    assert not missing, f"{missing} not in:\n{text}"


def test_latency_is_told_with_its_percentile_what_snmp_proved_and_the_slowest_slots():
    rtt = [0.05001] * 500 + [nan] * 40 + [0.02] * (SLOTS - 540)
    snmp = [nan] * 500 + [0.03] * 30 + [0.09] * 10 + [nan] * (SLOTS - 540)
    measured = replace(echoes(rtt, snmp_s=snmp, simulated=12), sent=[10] * 500 + [0] * 40 + [10] * (SLOTS - 540))
    vi, en = said(latency(measured), LATENCY)
    holds(
        vi, "phân vị 95 của thời gian trễ hai chiều", "không vượt quá 50,0 ms.",
        "phân vị 95 là 50,01 ms (giá trị thứ 8.199), có 8.630/8.640 mẫu 5 phút đến nay, 500 mẫu vượt 50,0 ms; cả kỳ "
        "8.640 mẫu được vượt 432 mẫu.", "gửi 86.000, được trả lời 86.000", "30 mẫu không có gói ICMP echo nào được trả lời",
        "10 mẫu chỉ có thời gian trả lời SNMP", "17:35 ngày 02/11/2026, 50,01 ms, gói chậm nhất 100,0 ms",
        "CÓ SỐ LIỆU MÔ PHỎNG: 12 mẫu 5 phút.",
    )  # fmt: skip
    holds(
        en, "95th percentile 50.01 ms (rank 8,199), 8,630 of 8,640 slots so far, 500 above 50.0 ms; "
        "432 of the window's 8,640 may be.",
        "30 slots without an answered echo are proven by an SNMP round trip", "10 slots have only an SNMP round trip",
    )  # fmt: skip


def test_loss_is_told_with_what_was_left_out_and_what_nothing_unseen_could_save():
    answered = [5] * 4_000 + [0] * 288 + [10] * (SLOTS - 4_288)
    measured = echoes([0.01] * 6_000, answered=answered[:6_000])
    fell, rose = MONTH.start + 4_000 * 300, MONTH.start + 4_288 * 300
    spans = [Span("up", MONTH.start, fell), Span("down", fell, rose), Span("up", rose, MONTH.end)]
    vi, en = said(loss(measured, spans), LOSS)
    holds(
        vi, "không quá 1 % số gói ICMP echo", "Mất 20.000/57.120 gói ICMP echo: 35,01 %; có số liệu 5.712/8.352 mẫu 5 phút.",
        "Không tính 288 mẫu có lúc tuyến mất kết nối", "tỷ lệ mất vẫn là 23,95 %", "(10/4.000)", "mất 5/10 gói",
    )  # fmt: skip
    holds(en, "20,000 of 57,120 echoes lost: 35.01 %", "it would still be 23.95 %", "5 of 10 echoes lost")


def test_what_was_never_measured_is_told_without_a_figure():
    nothing = echoes([])
    for text in (*said(latency(nothing), LATENCY), *said(loss(nothing, []), LOSS)):
        assert "None" not in text
        assert "nan" not in text
