"""Growth since last year's registration, justified or not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Capacity, Former, Standing
from netmon.targets.definitions import BasisKind, Growth
from netmon.targets.growth import judge_growth
from netmon.targets.words import places
from netmon.targets.words.voice import Voice
from tests.targets.made import NOW, link, site
from tests.targets.test_capacity import NOVEMBER

TARGET = Growth(
    id="growth", title_vi="", title_en="", limit=0.2, basis="Thông tư 06/2026/TT-BKHCN, Điều 11",
    basis_kind=BasisKind.STATUTORY,
)  # fmt: skip
HQ = site("ub-01273")


def at(year, month, day):
    """The local midnight at which a day begins."""
    return (datetime(year, month, day, tzinfo=UTC) - timedelta(hours=7)).timestamp()


EVER = at(2000, 1, 1)
BASE_ENDS = at(2025, 2, 1)


def of(name, *steps, **more):
    """`steps` are (from, Mbit/s) or (from, towards, away)."""
    capacities = tuple(Capacity(start, rates[0] * 125e3, rates[-1] * 125e3) for start, *rates in steps)
    return replace(link(name=name, at=more.pop("at", HQ.id)), capacities=capacities, **more)


def judge(*links, target=TARGET, now=NOW):
    return judge_growth(target, HQ, links, NOVEMBER, now)


STEADY = of("s", (EVER, 200))


@pytest.mark.parametrize(
    ("links", "standing", "value"),
    [
        ([STEADY], Standing.MET, 0.0),
        ([of("a", (EVER, 200), (at(2026, 3, 1), 240))], Standing.MET, 0.2),  # exactly 20 % is not more than 20 %
        ([of("a", (EVER, 200), (at(2026, 3, 1), 241))], Standing.MISSED, 0.205),
        ([of("a", (EVER, 200), (at(2026, 3, 1), 200, 250))], Standing.MISSED, 0.25),  # one direction is enough
        ([of("a", (EVER, 200), (at(2026, 3, 1), 400), justification="trung tâm mới")], Standing.MET, 0.0),
        ([of("a", (EVER, 200), (at(2026, 12, 1), 400))], Standing.MET, 0.0),  # not yet
        ([of("a", (EVER, 100), (BASE_ENDS - 1, 200))], Standing.MET, 0.0),  # registered in the day's last second
        ([of("a", (EVER, 100), (BASE_ENDS, 200))], Standing.MISSED, 1.0),
        ([of("a", (EVER, 200), (at(2026, 3, 1), 100))], Standing.MET, 0.0),  # the number stands; less is no growth
        ([STEADY, of("b", (at(2026, 3, 1), 50))], Standing.MISSED, 1.0),
        ([STEADY, of("b", (at(2026, 3, 1), 50), justification="dự phòng")], Standing.MET, 0.0),
        (
            [STEADY, of("b", (EVER, 50), since=at(2026, 3, 1))],
            Standing.MISSED,
            1.0,
        ),  # connected later than its capacity says
        ([STEADY, of("b", since=at(2026, 3, 1))], Standing.MISSED, 1.0),  # a link without a capacity is a link
        ([STEADY, of("b", (EVER, 50), former=(Former("elsewhere", at(2026, 3, 1)),))], Standing.MISSED, 1.0),
        ([STEADY, of("b")], Standing.MET, 0.0),  # nobody told that it is there
        ([of(name, (EVER, 50)) for name in "abcde"] + [of("f", (at(2026, 3, 1), 50))], Standing.MET, 0.2),
        ([of("a", (at(2026, 3, 1), 200))], Standing.UNPROVEN, None),  # nothing to compare with
        ([], Standing.UNPROVEN, None),
        ([of("a", (at(2026, 3, 1), 200), since=EVER)], Standing.UNPROVEN, 0.0),  # there, but with what capacity?
        ([of("a", (EVER, 0, 200), (at(2026, 3, 1), 50, 220))], Standing.MET, 0.1),  # from nothing there is no ratio
        ([of("a", (EVER, 0), (at(2026, 3, 1), 50))], Standing.UNPROVEN, 0.0),
        ([of("a", (at(2026, 3, 1), 9), since=EVER), of("b", (EVER, 1), (NOW, 2))], Standing.MISSED, 1.0),
    ],
)
def test_more_than_the_limit_without_a_justification_is_a_miss(links, standing, value):
    verdict = judge(*links)
    assert (verdict.standing, verdict.value) == (standing, value)
    assert verdict.coverage in (0.0, 1.0)
    assert standing is not Standing.MET or verdict.coverage == 1
    json.dumps(dict(verdict.evidence), allow_nan=False)


def test_a_link_that_moved_on_was_one_of_the_number_then():
    """Two links then and two now, one of them new, are no growth; and the one that left tells no growth of its own."""
    left = of("left", (EVER, 200), (at(2026, 4, 1), 900), at="elsewhere", former=(Former(HQ.id, at(2026, 3, 1)),))
    new = of("new", (at(2026, 5, 1), 50))
    verdict = judge(STEADY, new, left)
    assert (verdict.standing, verdict.value) == (Standing.MET, 0.0)
    number = verdict.evidence["number"]
    assert (number["before"], number["now"], [one["id"] for one in number["added"]]) == (2, 2, ["new"])
    assert [one["id"] for one in verdict.evidence["links"]] == ["s"]
    gone = judge(left)
    assert (gone.standing, gone.value, gone.evidence["number"]["now"]) == (Standing.MET, -1.0, 0)


def test_what_is_not_told_is_never_met_whatever_the_floor():
    untold = of("a", (at(2026, 3, 1), 200), since=EVER)
    verdict = judge(untold, target=replace(TARGET, coverage=0.0))
    assert (verdict.standing, verdict.coverage) == (Standing.UNPROVEN, 0.0)


def test_all_of_a_year_is_held_against_the_registration_day_of_the_year_before():
    def base(now, **more):
        window = NOVEMBER._replace(start=now - 1, end=now + 1)
        return judge_growth(replace(TARGET, **more), HQ, [STEADY], window, now).evidence["registered_local"]

    assert base(at(2026, 1, 1)) == base(at(2027, 1, 1) - 2) == "2025-01-31T23:59:59+07:00"
    assert base(at(2027, 1, 1)) == "2026-01-31T23:59:59+07:00"
    assert base(NOW, registered=(12, 31)) == "2025-12-31T23:59:59+07:00"
    assert base(NOW, registered=(2, 29)) == "2025-03-01T23:59:59+07:00"


def test_a_closed_december_is_judged_by_its_own_year():
    december = NOVEMBER._replace(start=at(2026, 12, 1), end=at(2027, 1, 1))
    verdict = judge_growth(TARGET, HQ, [of("a", (EVER, 100), (BASE_ENDS, 200))], december, at(2027, 1, 4))
    assert (verdict.standing, verdict.final) == (Standing.MISSED, True)
    assert not judge_growth(TARGET, HQ, [STEADY], december, december.end - 1).final
    assert not judge_growth(replace(TARGET, window_days=30), HQ, [STEADY], december, december.end).final


@given(
    st.lists(
        st.tuples(
            st.integers(1, 9),
            st.lists(st.tuples(st.integers(-30, 21), st.integers(1, 9)), max_size=3),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_the_standing_is_that_of_the_worst_growth_computed_by_hand(made):
    """Each link: a first rate, changes by months from the base day, whether it always was there, whether it is justified."""
    links, growths = [], []
    there = new = 0
    excused = False
    for i, (first, changes, always, justified) in enumerate(made):
        steps = [(BASE_ENDS + months * 30 * 86400.0 - 1, rate) for months, rate in sorted(dict(changes).items())]
        if always:
            steps.insert(0, (EVER, first))
        links.append(of(str(i), *steps, justification="có" if justified else ""))
        old = [rate for start, rate in steps if start < BASE_ENDS]
        if old:
            there += 1
            growths.append(((steps[-1][1] - old[-1]) / old[-1], justified))
        elif steps:
            new += 1
            excused = excused or justified
    verdict = judge(*links)
    if not there:
        assert (verdict.standing, verdict.value) == (Standing.UNPROVEN, None)
        return
    growths.append((new / there, excused))
    bare = [growth for growth, justified in growths if not justified]
    assert verdict.standing is (Standing.MISSED if bare and max(bare) > 0.2 else Standing.MET)
    assert verdict.value == pytest.approx(max(bare) if bare else max(growth for growth, _ in growths))


def test_it_is_told_in_both_languages():
    grown = of("a", (EVER, 200), (at(2026, 3, 1), 300), justification="trung tâm hành chính công mới")
    evidence = judge(grown, of("b", (at(2026, 3, 1), 50))).evidence
    vi, en = (
        "\n".join([places.rule(TARGET, say), *places.figures(evidence, TARGET, say)]) for say in map(Voice, ("vi", "en"))
    )
    assert (
        "so với đăng ký năm trước (ngày 31/01), số kênh và băng thông từng kênh không tăng quá 20 % nếu không có giải" in vi
    )
    assert "Số kênh lúc 23:59 ngày 31/01/2025 là 1, nay là 2: thay đổi 100 %." in vi
    assert "kênh mới b; không có giải trình" in vi
    assert "a: từ 200,0 Mbit/s thành 300,0 Mbit/s, thay đổi 50 %; giải trình: trung tâm hành chính công mới" in vi
    assert "a: 200.0 Mbit/s to 300.0 Mbit/s, 50 %; justification: " in en
    assert "Mức tăng" not in vi  # the number of links is the greatest, and bare
    nothing = list(places.figures(judge().evidence, TARGET, Voice("en")))
    assert nothing == ["Nothing was contracted at 2025-01-31 23:59, so there is no registration to compare with."]


def test_growth_that_is_justified_and_so_left_out_of_the_figure_is_told():
    grown = of("a", (EVER, 200), (at(2026, 3, 1), 300), justification="trung tâm mới")
    some, all_of_it = judge(grown), judge(replace(grown), of("b", (at(2026, 3, 1), 50), justification="dự phòng"))
    assert (some.value, all_of_it.value) == (0.0, 1.0)
    for verdict, vi, en in (
        (some, "Mức tăng: 0 % ngoài phần đã giải trình.", "Growth: 0 % besides what is justified."),
        (all_of_it, "Mức tăng: 100 %, đã giải trình.", "Growth: 100 %, all of it justified."),
    ):
        assert vi in list(places.figures(verdict.evidence, TARGET, Voice("vi")))
        assert en in list(places.figures(verdict.evidence, TARGET, Voice("en")))
