"""From parts to communes and provinces: SEMANTICS 7."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import LinkKind, SiteKind, Span, Standing, Subject, Verdict, Window
from netmon.targets.declared import Declarations
from netmon.targets.definitions import Selection
from netmon.targets.evaluate import evaluate
from netmon.targets.rollup import exempt_verdict, province_verdict, whole_verdict, worst
from netmon.targets.rules import Afresh, Timeline
from tests.targets.made import AROUND, NOW, P95, SERVICE, SHARE, link, site, units, window_rates

WINDOW = Window(0, 100)
COMMUNE = Subject("commune", "01273")
MET, AT_RISK, MISSED, UNPROVEN, EXEMPT = Standing


def part(name, standing, value, target=P95):
    return Verdict(
        target=target.id, subject=Subject("link", name), standing=standing, value=value, limit=target.limit, coverage=0.97,
        window=WINDOW, final=True, evidence={"of": name},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([MET, AT_RISK, UNPROVEN, MISSED, EXEMPT], MISSED),
        ([MET, AT_RISK, UNPROVEN], UNPROVEN),
        ([MET, AT_RISK, EXEMPT], AT_RISK),
        ([EXEMPT, MET], MET),
        ([EXEMPT], UNPROVEN),
        ([], UNPROVEN),
    ],
)
def test_worst_first_and_an_empty_set_is_unproven(standings, expected):
    assert worst(standings) is expected
    assert worst(reversed(standings)) is expected


def test_a_commune_is_as_good_as_its_worst_part_and_shows_its_evidence():
    """Of two parts with one standing the figure further towards a miss speaks: up for load, down for availability."""
    parts = [part("a", MET, 0.5), part("b", MISSED, 0.92), part("c", MISSED, 0.97), part("d", UNPROVEN, None)]
    verdict = whole_verdict(P95, COMMUNE, parts, Window(1, 2), final=False)
    assert (verdict.id, verdict.standing, verdict.value, verdict.coverage) == ("tslcd_p95/01273", MISSED, 0.97, 0.97)
    assert (verdict.window, verdict.final) == (WINDOW, False)
    assert [(each["id"], each["standing"]) for each in verdict.evidence["parts"]] == [
        ("a", "met"), ("b", "missed"), ("c", "missed"), ("d", "unproven"),
    ]  # fmt: skip
    assert verdict.evidence["worst"] == {"kind": "link", "id": "c", "evidence": {"of": "c"}}
    lower = whole_verdict(SERVICE, COMMUNE, [part("a", MET, 1.0), part("b", MET, 0.996)], WINDOW, final=False)
    assert lower.value == 0.996


def test_a_commune_without_parts_is_unproven():
    verdict = whole_verdict(P95, COMMUNE, [], WINDOW, final=False)
    assert (verdict.standing, verdict.value, verdict.coverage, verdict.window) == (UNPROVEN, None, 0.0, WINDOW)


def test_a_commune_is_exempt_where_each_part_is_and_else_they_drop_out():
    def told(name, standing=EXEMPT):
        return replace(part(name, standing, None), evidence={"rule": P95.rule, "exempt": "no_optic"})

    verdict = whole_verdict(P95, COMMUNE, [told("a"), told("b")], WINDOW, final=True)
    assert (verdict.standing, verdict.value, verdict.coverage, verdict.final) == (EXEMPT, None, 0.0, True)
    assert (verdict.evidence["exempt"], verdict.evidence["rule"]) == ("no_optic", P95.rule)
    assert [each["id"] for each in verdict.evidence["parts"]] == ["a", "b"]
    with_one = whole_verdict(P95, COMMUNE, [told("a"), part("b", AT_RISK, 0.85)], WINDOW, final=True)
    assert (with_one.standing, with_one.value, with_one.evidence["worst"]["id"]) == (AT_RISK, 0.85, "b")
    assert whole_verdict(P95, COMMUNE, [told("a"), part("b", UNPROVEN, None)], WINDOW, final=True).standing is UNPROVEN


def province(standings, limit=0.95):
    codes = [(f"{i:05}", standing) for i, standing in enumerate(standings)]
    return province_verdict(replace(SHARE, limit=limit), "04", codes, window=WINDOW, final=False)


@pytest.mark.parametrize(
    ("met", "at_risk", "unproven", "missed", "standing"),
    [
        (19, 0, 0, 1, MET),  # 19 of 20 are exactly 95 %
        (18, 1, 0, 1, AT_RISK),
        (18, 0, 1, 1, UNPROVEN),
        (18, 0, 0, 2, MISSED),
        (0, 0, 20, 0, UNPROVEN),
        (0, 0, 0, 0, UNPROVEN),
    ],
)
def test_a_province_misses_only_when_the_unproven_could_not_save_it(met, at_risk, unproven, missed, standing):
    verdict = province([MET] * met + [AT_RISK] * at_risk + [UNPROVEN] * unproven + [MISSED] * missed + [EXEMPT] * 3)
    judged = met + at_risk + unproven + missed
    assert verdict.standing is standing
    assert verdict.value == ((met + at_risk) / judged if judged else None)
    assert len(verdict.evidence["communes"]["exempt"]) == 3


@given(st.lists(st.sampled_from(list(Standing)), max_size=60), st.integers(0, 100))
def test_a_province_follows_the_formulas(standings, percent):
    found = Counter(standings)
    n = len(standings) - found[EXEMPT]
    m, a, u = found[MET] + found[AT_RISK], found[AT_RISK], found[UNPROVEN]
    limit = Fraction(percent, 100)
    if n == 0:
        expected = UNPROVEN
    elif Fraction(m + u, n) < limit:
        expected = MISSED
    elif Fraction(m, n) < limit:
        expected = UNPROVEN
    elif Fraction(m - a, n) < limit:
        expected = AT_RISK
    else:
        expected = MET
    verdict = province(standings, percent / 100)
    assert verdict.standing is expected
    listed = verdict.evidence["communes"]
    assert {word: len(codes) for word, codes in listed.items()} == {each.value: found[each] for each in Standing}


def test_an_exempt_commune_says_why():
    verdict = exempt_verdict(P95, Subject("commune", "01273"), "chưa bàn giao", window=WINDOW, final=False)
    assert (verdict.standing, verdict.value, verdict.evidence["exempt"]) == (EXEMPT, None, "chưa bàn giao")


# --- everything together ----------------------------------------------------------------------------------------------


class Measured:
    """Every link half full; sites in the state given, else up."""

    def __init__(self, **states):
        self.states = states

    def rates(self, link, slots):
        assert len(slots) >= 2016
        return window_rates([0.5] * 2016)

    def timeline(self, subject, window):
        return Timeline([Span(self.states.get(subject.id, "up"), window.start, NOW)], simulated_s=3.0)

    def declared(self, window):
        return Declarations((), window)

    def peaks(self, link, days):
        return []


def run(targets, evidence=None, communes=("01273", "01279", "01288"), scope_except=None):
    sites = [
        site("hq1"),
        site("hq2", "01279"),
        site("core", "01288", SiteKind.PROVINCIAL_CENTRE),
        site("bts1", kind=SiteKind.BTS),
    ]
    links = [link(name="l1", at="hq1"), link(name="l2", at="hq2"), replace(link(name="lte1", at="hq1"), kind=LinkKind.LTE)]
    places = Inventory({each.id: each for each in sites}, {}, {each.id: each for each in links})
    judged = Afresh(evidence or Measured(), AROUND)
    found = list(evaluate(targets, places, units(communes, scope_except), judged, NOW))
    verdicts = {verdict.id: verdict for verdict in found}
    assert len(verdicts) == len(found), "no verdict is said twice"
    return verdicts


def test_every_part_commune_and_province_gets_its_verdict():
    fibre = replace(P95, applies_to=Selection(kind=(LinkKind.FIBRE,)))
    verdicts = run([SHARE, fibre, SERVICE])
    assert list(verdicts) == [
        "tslcd_p95/l1", "tslcd_p95/l2", "tslcd_p95/01273", "tslcd_p95/01279", "tslcd_p95/01288",
        "availability/hq1", "availability/hq2", "availability/core", "availability/bts1",
        "availability/01273", "availability/01279", "availability/01288", "province_up/04",
    ]  # fmt: skip
    assert verdicts["tslcd_p95/01273"].standing is MET
    assert verdicts["tslcd_p95/01288"].standing is UNPROVEN, "nothing is selected there"
    assert verdicts["province_up/04"].standing is UNPROVEN
    assert verdicts["availability/hq1"].evidence["simulated_s"] == 3.0


def test_a_communes_service_is_that_of_its_peoples_committee():
    """SEMANTICS 2: other sites report on their own; a target that names only other kinds asks about just those."""
    verdicts = run([SERVICE], Measured(bts1="isolated"))
    assert (verdicts["availability/bts1"].standing, verdicts["availability/01273"].standing) == (MISSED, MET)
    masts = replace(SERVICE, applies_to=Selection(site_kind=(SiteKind.BTS,)))
    verdicts = run([masts], Measured(bts1="isolated"))
    assert verdicts["availability/01273"].standing is MISSED
    assert "availability/hq1" not in verdicts


def test_a_link_target_rolls_up_the_links_of_the_communes_sites():
    links = replace(SERVICE, of="link")
    verdicts = run([links], Measured(lte1="down"))
    assert [each["id"] for each in verdicts["availability/01273"].evidence["parts"]] == ["l1", "lte1"]
    assert verdicts["availability/01273"].standing is MISSED


def test_what_is_exempt_or_out_of_scope_leaves_the_province():
    target = replace(SERVICE, exempt={"01279": "đang di dời trụ sở"})
    verdicts = run([target, SHARE], Measured(hq2="isolated"), scope_except={"01288": "không có dân"})
    assert verdicts["availability/01279"].standing is EXEMPT
    assert "availability/01288" not in verdicts
    share = verdicts["province_up/04"]
    assert (share.standing, share.value, share.evidence["judged"]) == (MET, 1.0, 1)
    assert share.evidence["out_of_scope"] == {"01288": "không có dân"}


def test_a_share_of_a_share_is_refused():
    with pytest.raises(ValueError, match="commune target"):
        run([SERVICE, SHARE, replace(SHARE, id="twice", of=SHARE.id)])
