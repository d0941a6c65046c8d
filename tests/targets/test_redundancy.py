"""Routes that no cable shares, against every subset tried one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Former, LinkKind, LinkRole, Standing
from netmon.targets.definitions import BasisKind, Redundancy, Selection
from netmon.targets.redundancy import SEARCHED, judge_redundancy, routes
from netmon.targets.words import places
from netmon.targets.words.voice import Voice
from tests.targets.made import NOW, link, site
from tests.targets.test_capacity import NOVEMBER

TARGET = Redundancy(
    id="redundancy", title_vi="", title_en="", limit=1.0, basis="Thông tư 06/2026/TT-BKHCN, Điều 5.3",
    basis_kind=BasisKind.STATUTORY,
)  # fmt: skip
HQ = site("ub-01273")
SECURE = replace(HQ, security_level=4)


def fibre(name, *srlg, **more):
    return replace(link(name=name), srlg=srlg, **more)


def radio(name, *srlg, kind=LinkKind.LTE):
    return fibre(name, *srlg, kind=kind, role=LinkRole.BACKUP)


def judge(*links, of=SECURE, target=TARGET, now=NOW):
    return judge_redundancy(target, of, links, NOVEMBER, now)


@pytest.mark.parametrize(
    ("links", "standing", "value", "coverage"),
    [
        ([fibre("a", "north"), fibre("b", "south")], Standing.MET, 2, 1.0),
        ([fibre("a", "north", "bridge"), fibre("b", "south", "bridge")], Standing.MISSED, 1, 1.0),
        ([fibre("a"), fibre("b")], Standing.UNPROVEN, 2, 0.0),  # perhaps one trench
        ([fibre("a", "north"), fibre("b")], Standing.UNPROVEN, 2, 0.5),
        ([fibre("a", "north"), fibre("b", "south"), fibre("c")], Standing.MET, 3, 1.0),
        ([fibre("a"), radio("b")], Standing.MET, 2, 1.0),  # wherever the cable lies, no radio lies in it
        ([fibre("a", "north"), radio("b")], Standing.MET, 2, 1.0),
        ([radio("a", "mast"), radio("b", "mast", kind=LinkKind.MICROWAVE)], Standing.MISSED, 1, 1.0),
        ([fibre("a")], Standing.MISSED, 1, 0.0),  # one cannot be two, whatever its cable
        ([], Standing.MISSED, 0, 1.0),
    ],
)
def test_two_routes_are_met_missed_or_unproven(links, standing, value, coverage):
    verdict = judge(*links)
    assert (verdict.standing, verdict.value, verdict.coverage, verdict.limit) == (standing, value, coverage, 2)
    json.dumps(dict(verdict.evidence), allow_nan=False)


def test_one_route_is_enough_where_the_security_level_is_low_or_not_told():
    for level in (None, 3):
        verdict = judge(fibre("a"), of=replace(HQ, security_level=level))
        assert (verdict.standing, verdict.coverage, verdict.limit) == (Standing.MET, 1.0, 1)
        assert verdict.evidence["security_level"] == level


def test_a_link_counts_where_the_target_takes_it_and_while_it_serves_the_site():
    first = fibre("a", "north")
    other_network = fibre("b", "south", network="internet")
    coming = fibre("c", "east", since=NOW + 1)
    moved_here_later = fibre("d", "west", former=(Former("elsewhere", NOW + 1),))
    target = replace(TARGET, applies_to=Selection(network=("tslcd_2",)))
    assert judge(first, other_network, coming, moved_here_later, target=target).value == 1
    assert judge(first, other_network, coming, moved_here_later).value == 2
    assert judge(first, other_network, coming, moved_here_later, now=NOW + 2).value == 4


def test_a_month_is_judged_as_the_site_stood_at_its_end_and_is_final_then():
    """What is connected in the month's last second counts, what is connected as the next begins does not."""
    links = [fibre("a", "north"), fibre("b", "south", since=NOVEMBER.end - 1), fibre("c", "east", since=NOVEMBER.end)]
    before, after = judge(*links), judge(*links, now=NOVEMBER.end)
    assert (before.value, before.final) == (1, False)
    assert (after.value, after.final) == (2, True)
    assert not judge(*links, target=replace(TARGET, window_days=30), now=NOVEMBER.end).final


def test_only_cables_that_several_links_share_are_named():
    assert judge(fibre("a", "north", "bridge"), fibre("b", "bridge")).evidence["shared"] == {"bridge": ["a", "b"]}


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=3), max_size=9), st.data())
def test_the_largest_set_of_routes_is_what_trying_every_subset_finds(cables, data):
    links = [fibre(f"l{i}", *sorted(each)) for i, each in enumerate(cables)]

    def apart(chosen):
        return all(not set(a.srlg) & set(b.srlg) for a, b in combinations(chosen, 2))

    largest = max(len(chosen) for n in range(len(links) + 1) for chosen in combinations(links, n) if apart(chosen))
    found, exact = routes(links)
    assert apart(found)
    assert exact
    assert len(found) == largest
    shuffled = data.draw(st.permutations(links))
    assert judge(*shuffled).evidence == judge(*links).evidence
    assert judge(*links).value == largest


def test_many_links_are_searched_within_bounds_and_no_miss_rests_on_what_was_not_tried():
    """A long ring of shared ducts, and a tangle in which all lie in one."""
    ring = [fibre(f"l{i:03}", f"d{i}", f"d{(i + 1) % 200}") for i in range(200)]
    found, exact = routes(ring)
    assert (len(found), exact) == (100, False)
    tangle = [fibre(f"l{i:03}", "one") for i in range(SEARCHED + 1)]
    assert judge(*tangle).standing is Standing.UNPROVEN
    assert judge(*tangle[:SEARCHED]).standing is Standing.MISSED


def test_it_is_told_in_both_languages():
    evidence = judge(fibre("a", "bridge", operator="VNPT"), fibre("b", "bridge"), fibre("c")).evidence
    vi, en = (
        "\n".join([places.rule(TARGET, say), *places.figures(evidence, TARGET, say)]) for say in map(Voice, ("vi", "en"))
    )
    assert "ít nhất 1 hướng truyền dẫn vật lý riêng biệt (hệ thống thông tin cấp độ 4, 5: ít nhất 2); " in vi
    assert "Hệ thống thông tin cấp độ 4: yêu cầu 2 hướng.\nChứng minh được 1 hướng riêng biệt." in vi
    assert "Chưa khai báo tuyến cáp (1), nên chưa chứng minh được là riêng biệt: c." in vi
    assert "Chung cáp bridge: a, b." in vi
    assert "a: cáp quang, VNPT; cáp: bridge" in vi
    assert "Cable not told (1), so not proven to be separate: c." in en
    assert "The security level is not told: 1 needed." in list(places.figures(judge(of=HQ).evidence, TARGET, Voice("en")))
