"""The radio rule: cell-seconds by operator and technology, the worst operator speaking, and what a silent feed proves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Carrier, CellName, SiteKind, Span, Standing, Window
from netmon.targets.definitions import BasisKind, RadioAvailability
from netmon.targets.radio import NO_FEED, judge_radio
from netmon.targets.rules import Timeline
from netmon.targets.windows import iso
from tests.targets.made import site

WORDS: dict[str, Any] = {"title_vi": "Vô tuyến", "title_en": "Radio", "basis": "QCVN 81", "basis_kind": BasisKind.PROXY}
RADIO = RadioAvailability(id="radio", limit=0.95, **WORDS)
MONTH = Window(1_000_000.0, 1_000_000.0 + 30 * 1000)
"""Thirty thousand seconds long: a thousandth is 30 s."""
MAST = replace(site("mast", kind=SiteKind.BTS), carriers=(Carrier(operator="viettel"), Carrier(operator="vinaphone")))


def cell(operator, name, technology="4g"):
    return CellName("mast", operator, technology, name)


def told(*states, absences=(), simulated_s=0.0):
    """States by per mille of the month."""
    spans = [Span(word, MONTH.start + 30 * a, MONTH.start + 30 * b) for word, a, b in states]
    return Timeline(spans, [Window(MONTH.start + 30 * a, MONTH.start + 30 * b) for a, b in absences], simulated_s)


def judge(cells, at=1000, target=RADIO, mast=MAST):
    return judge_radio(target, mast, cells, MONTH, MONTH.start + 30 * at)


def test_the_worst_operator_speaks_and_all_are_shown():
    verdict = judge(
        {
            cell("viettel", "a"): told(("up", 0, 1000)),
            cell("viettel", "b"): told(("up", 0, 900), ("down", 900, 1000)),
            cell("vinaphone", "a"): told(("up", 0, 40), ("down", 40, 64), ("up", 64, 1000), simulated_s=9.0),
        }
    )
    assert (verdict.standing, verdict.value, verdict.coverage, verdict.final) == (Standing.AT_RISK, 0.95, 1.0, True)
    evidence = verdict.evidence
    assert next(iter(evidence)) == "rule"
    assert (evidence["operator"], evidence["technology"]) == ("viettel", "4g")
    assert [(each["operator"], each["cells"], each["value"]) for each in evidence["groups"]] == [
        ("viettel", 2, 0.95), ("vinaphone", 1, 0.976),
    ]  # fmt: skip
    longest = evidence["downs"][0]
    assert (longest["operator"], longest["cell"], longest["seconds"]) == ("viettel", "b", 3000.0)
    assert longest["local_start"] == iso(longest["start"])
    assert (evidence["down_count"], evidence["simulated_s"]) == (2, 9.0)


def test_technologies_of_one_operator_are_not_pooled():
    """Nineteen cells of 4G that are up do not hide that the only one of 5G was down for a tenth of the month."""
    cells = {cell("viettel", str(n)): told(("up", 0, 1000)) for n in range(19)}
    verdict = judge(cells | {cell("viettel", "x", "5g"): told(("up", 0, 900), ("down", 900, 1000))})
    assert (verdict.standing, verdict.value, verdict.evidence["technology"]) == (Standing.MISSED, 0.9, "5g")


@pytest.mark.parametrize(
    ("states", "standing", "value"),
    [
        ([("up", 0, 1000)], Standing.MET, 1.0),
        ([("up", 0, 962.5), ("down", 962.5, 1000)], Standing.MET, 0.9625),  # three quarters of what may be lost
        ([("up", 0, 962), ("down", 962, 1000)], Standing.AT_RISK, 0.962),
        ([("up", 0, 950), ("down", 950, 1000)], Standing.AT_RISK, 0.95),
        ([("up", 0, 949), ("down", 949, 1000)], Standing.MISSED, 0.949),
        ([("unknown", 0, 101), ("up", 101, 1000)], Standing.UNPROVEN, 1.0),
        ([("unknown", 0, 100), ("up", 100, 1000)], Standing.MET, 1.0),
        ([("up", 100, 1000)], Standing.MET, 1.0),  # before its first word nothing is known
        ([("up", 101, 1000)], Standing.UNPROVEN, 1.0),
        ([("unknown", 0, 1000)], Standing.UNPROVEN, None),
        ([("down", 0, 51)], Standing.MISSED, 0.0),  # though 949 per mille were not seen
        ([("down", 0, 50)], Standing.UNPROVEN, 0.0),
        ([("up", 0, 860), ("down", 860, 910)], Standing.MISSED, 860 / 910),
    ],
)
def test_a_miss_is_certain_silence_proves_nothing_and_the_budget_warns(states, standing, value):
    verdict = judge({cell("viettel", "a"): told(*states)})
    assert (verdict.standing, verdict.value) == (standing, value)


def test_the_absences_of_netmon_are_unseen():
    verdict = judge(
        {cell("viettel", "a"): told(("up", 0, 500), ("down", 500, 600), ("up", 600, 1000), absences=[(480, 600)])}
    )
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, 1.0, pytest.approx(0.88))


def test_a_site_of_whose_cells_nobody_ever_told_is_exempt_with_the_reason():
    verdict = judge({})
    assert (verdict.standing, verdict.value, verdict.evidence["exempt"]) == (Standing.EXEMPT, None, NO_FEED)
    assert verdict.evidence["not_told"] == ["viettel", "vinaphone"]


def test_an_operator_on_air_who_never_told_is_listed_and_not_judged():
    planned = replace(MAST, carriers=(*MAST.carriers, Carrier(operator="mobifone", on_air=MONTH.end + 1)))
    verdict = judge({cell("viettel", "a"): told(("up", 0, 1000))}, mast=planned)
    assert (verdict.standing, verdict.evidence["not_told"]) == (Standing.MET, ["vinaphone"])


def test_a_declared_technology_of_which_no_cell_is_told_is_listed_by_name():
    """An operator who names no technologies is listed when he tells of none."""
    declared = (Carrier(operator="viettel", technologies=("3g", "4g")), Carrier(operator="vinaphone", technologies=("5g",)))
    mast, up = replace(MAST, carriers=(*declared, Carrier(operator="vnpt"))), told(("up", 0, 1000))
    verdict = judge({cell("viettel", "a"): up}, mast=mast)
    assert verdict.evidence["not_told"] == ["viettel/3g", "vinaphone/5g", "vnpt"]
    gone = judge({cell("viettel", "a"): up, cell("viettel", "old", "3g"): told()}, mast=mast)
    assert gone.evidence["not_told"] == ["viettel/3g", "vinaphone/5g", "vnpt"], "it was told of once"
    whole = judge({cell("viettel", "a"): up, cell("viettel", "b", "3g"): up, cell("vnpt", "c"): up}, mast=mast)
    assert whole.evidence["not_told"] == ["vinaphone/5g"]


def test_a_feed_that_went_silent_is_unproven_and_a_cell_that_is_gone_is_not():
    up = told(("up", 0, 1000))
    assert judge({cell("viettel", "a"): told()}).standing is Standing.UNPROVEN
    assert judge({cell("viettel", "a"): up, cell("vinaphone", "a"): told()}).standing is Standing.UNPROVEN
    renamed = judge({cell("viettel", "a"): up, cell("viettel", "old"): told(), cell("viettel", "old", "2g"): told()})
    assert (renamed.standing, renamed.evidence["cell_count"]) == (Standing.MET, 1)
    assert judge({cell("viettel", "a"): up, cell("left", "a"): told()}).standing is Standing.MET
    assert judge({cell("left", "a"): told()}).standing is Standing.EXEMPT


def test_a_month_that_has_just_begun_proves_nothing():
    verdict = judge({cell("viettel", "a"): told(("up", 0, 1000))}, at=0)
    assert (verdict.standing, verdict.value, verdict.final) == (Standing.UNPROVEN, None, False)


# --- against another reckoning: second by second ----------------------------------------------------------------------

SECONDS = 40
WORDS_OF = {"u": "up", "d": "down", "?": "unknown", " ": None}


def spans_of(line):
    return [Span(WORDS_OF[word], float(n), n + 1.0) for n, word in enumerate(line) if WORDS_OF[word]]


@given(
    lines=st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["4g", "5g"]), st.sampled_from("xyz")),
        st.text(st.sampled_from("uuuuuuud? "), min_size=SECONDS, max_size=SECONDS).filter(str.strip),
        min_size=1,
    ),
    away=st.sets(st.integers(0, SECONDS - 1), max_size=4),
    limit=st.sampled_from([0.5, 0.8, 0.9, 1.0]),
    floor=st.sampled_from([0.5, 0.9, 1.0]),
    now=st.integers(1, SECONDS),
)
def test_it_agrees_with_a_count_of_seconds(lines, away, limit, floor, now):
    target = replace(RADIO, limit=limit, coverage=floor)
    window = Window(0.0, float(SECONDS))
    absences = [Window(float(n), n + 1.0) for n in away]
    cells = {
        CellName("mast", *name): Timeline(spans_of(line), absences) for name, line in lines.items() if line[:now].strip()
    }
    on_air = replace(MAST, carriers=())
    verdict = judge_radio(target, on_air, cells, window, float(now))
    order = ["missed", "unproven", "at_risk", "met"]
    expected = []
    for group in {(name.operator, name.technology) for name in cells}:
        seen = [
            word
            for name, line in lines.items()
            if name[:2] == group and line[:now].strip()
            for n, word in enumerate(line[:now])
            for word in [" " if n in away else word]
        ]
        up, down = seen.count("u"), seen.count("d")
        count = len(seen) // now
        if up + down and (len(seen) - down) / len(seen) < limit:
            says = "missed"
        elif not up + down or (up + down) / len(seen) < floor:
            says = "unproven"
        elif up / (up + down) < limit:
            says = "missed"
        else:
            says = "at_risk" if down > 0.75 * (1 - limit) * count * SECONDS + 1e-6 else "met"
        expected.append((order.index(says), up / (up + down) if up + down else -1.0))
    if not expected:
        assert verdict.standing is Standing.EXEMPT
        return
    worst = min(expected)
    assert (order.index(verdict.standing.value), -1.0 if verdict.value is None else verdict.value) == worst
