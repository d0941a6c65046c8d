"""Availability raw and without declared windows, side by side: from the log of windows to verdicts, and to somebody with
only Python."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import (
    CellName,
    Declared,
    Former,
    Outage,
    Port,
    Site,
    Standing,
    Subject,
    Verdict,
    Window,
    WindowChange,
    WindowKind,
)
from netmon.seen import StoreEvidence, Turns
from netmon.store import Store
from netmon.targets.availability import judge_availability
from netmon.targets.declared import Declarations
from netmon.targets.definitions import RAW, WITHOUT_DECLARED, Availability
from netmon.targets.memory import Memory
from netmon.targets.rules import Afresh, Surroundings
from tests.effort import examples
from tests.targets import histories
from tests.targets.histories import RADIO, RESTORATION
from tests.targets.made import LINK_UP, NOW, SERVICE, NoMeter, link, site
from tests.targets.test_availability import NOVEMBER, after
from tests.targets.test_recompute import hand_over, run, store_at

HOUR, DAY = 3600.0, 86_400.0
HQ = replace(site("hq"), former=())
FIBRE, LTE = replace(link(name="f", at="hq"), srlg=("QL3",)), link(name="l", at="hq")
AROUND = Surroundings({"hq": (FIBRE, LTE)}, lambda code, at: "xa", {}, {"hq": HQ})
WITHOUT = replace(SERVICE, judge=WITHOUT_DECLARED)
LINK_WITHOUT = replace(LINK_UP, judge=WITHOUT_DECLARED)


def storm(start: float, until: float, **more: object) -> Declared:
    told: dict = {"id": "bao-so-12", "kind": WindowKind.STORM, "name": "bão số 12", "areas": ("04",), "level": 4} | more
    return Declared(start=start, until=until, **told)


def works(start: float, until: float, *on: Subject, **more: object) -> Declared:
    told: dict = {
        "id": "works",
        "kind": WindowKind.MAINTENANCE,
        "name": "thay cáp",
        "subjects": on,
        "declared": start,
    } | more
    return Declared(start=start, until=until, **told)


def judged(store: Store, target, place, now: float = NOW, window: Window = NOVEMBER) -> Verdict:
    """Afresh; what is remembered of an availability says the same to the last digit."""
    store.flush()
    evidence = StoreEvidence(store.reader(), Turns(Event()))
    found = Afresh(evidence, AROUND).judge(target, place, window, now)
    if not isinstance(target, Availability):
        return found
    memory = Memory()
    for at in (now - 600, now):
        memory.look(StoreEvidence(store.reader(), Turns(Event())), AROUND, {}, at)
        remembered = memory.judge(target, place, window, at)
    assert json.dumps(dict(remembered.evidence)) == json.dumps(dict(found.evidence))
    assert (remembered.standing, remembered.value, remembered.coverage, remembered.error_budget) == (
        found.standing, found.value, found.coverage, found.error_budget
    )  # fmt: skip
    return found


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "netmon.db", NoMeter()) as store:
        yield store


def declare(store: Store, window: Declared, verb: str = "declare", at: float = 0.0) -> None:
    store.put_window(WindowChange(at, verb, "lan", "", window))


def states(store: Store, subject: Subject, *told: tuple[str, float]) -> None:
    for state, at in told:
        store.begin_span(subject, state, at)


def test_a_storm_is_declared_updated_and_ended_late_and_each_figure_says_so(store):
    """A day lost, half of it in the storm: judged raw it is missed, judged without the storm the rest of it counts."""
    states(store, Subject("site", "hq"), ("up", NOVEMBER.start), ("isolated", after(2)), ("up", after(3)))
    before = judged(store, SERVICE, HQ)
    assert before.evidence["raw"] == before.evidence["without_declared"]
    declare(store, storm(after(2.5), after(2.75), exercise=True))
    assert judged(store, WITHOUT, HQ).evidence["declared"] == [], "an exercise leaves nothing out"
    declare(store, storm(after(2.5), after(2.75), back=(("01273", after(2.75)),)))
    declare(store, storm(after(2.5), after(2.9), back=(("01273", after(2.9)),)), "update")
    late = storm(after(2.5), after(3.5), ended=after(3.25), closed=after(3.25))
    declare(store, late, "end")
    raw, without = judged(store, SERVICE, HQ), judged(store, WITHOUT, HQ)
    assert raw.evidence["declared"] == without.evidence["declared"] == [[after(2.5), after(3.25)]]
    assert (raw.value, raw.evidence["raw"]["not_available"]) == (before.value, DAY)
    assert without.evidence["without_declared"]["not_available"] == DAY / 2
    assert without.value == without.evidence["without_declared"]["value"] > raw.value
    elapsed = NOW - NOVEMBER.start
    assert without.value == pytest.approx((elapsed - 0.75 * DAY - 0.5 * DAY) / (elapsed - 0.75 * DAY))
    assert without.error_budget == pytest.approx((0.005 * 29.25 * DAY, DAY / 2)), "the budget is of the time that is judged"


def test_works_take_out_what_they_are_done_on_and_nothing_else(store):
    """Works on the cable are the fibre's; the site's only when no other way stands."""
    for place in (Subject("site", "hq"), Subject("link", "f"), Subject("link", "l")):
        states(store, place, ("up", NOVEMBER.start))
    on = {"window": [[after(1), after(1.5)]], "none": []}
    for subjects, expected in (
        ((Subject("cable", "QL3"),), ("none", "window", "none")),
        ((Subject("cable", "QL3"), Subject("link", "l")), ("window", "window", "window")),
        ((Subject("site", "hq"),), ("window", "window", "window")),
        ((Subject("link", "other"),), ("none", "none", "none")),
    ):
        declare(store, works(after(1), after(1.5), *subjects))
        found = [judged(store, *one).evidence["declared"] for one in ((SERVICE, HQ), (LINK_UP, FIBRE), (LINK_UP, LTE))]
        assert found == [on[each] for each in expected], subjects


def test_works_on_a_device_at_an_end_of_a_link_are_the_links_and_of_a_site_whose_only_way_it_is():
    span = [Window(after(1), after(1.5))]
    fibre = replace(FIBRE, near=Port("r", "ge0"), far=Port("core", "x0"), upstream_site="centre")
    backup = replace(LTE, near=Port("r", "lte"), far=None)
    for on, (of_fibre, of_backup, of_site) in {
        Subject("device", "r"): (span, span, span),
        Subject("device", "core"): (span, [], []),
        Subject("site", "centre"): (span, [], []),
        Subject("device", "other"): ([], [], []),
    }.items():
        told = Declarations([works(after(1), after(1.5), on)], NOVEMBER)
        found = [told.of_link(link, {"hq": HQ}, NOW) for link in (fibre, backup)]
        assert (*found, told.of_site(HQ, [fibre, backup], NOW)) == (of_fibre, of_backup, of_site), on
        assert told.of_site(HQ, [fibre], NOW) == of_fibre, on


def test_an_area_that_was_taken_out_of_a_storm_keeps_what_it_had_of_it():
    moved = storm(after(4), after(8), areas=("08",), joined=(("04", after(4)), ("08", after(6))), back=(("04", after(6)),))
    assert Declarations([moved], NOVEMBER).of_site(HQ, (), NOW) == [Window(after(4), after(6))]


def test_a_site_that_moved_is_in_the_storm_of_the_commune_where_it_was():
    moved = replace(HQ, commune="01279", former=(Former("01273", after(5)),))
    there, here = (storm(after(4), after(6), id=code, areas=(code,)) for code in ("01273", "01279"))
    for told, expected in (
        ([there], [Window(after(4), after(5))]),
        ([here], [Window(after(5), after(6))]),
        ([there, here], [Window(after(4), after(5)), Window(after(5), after(6))]),
    ):
        closed = [replace(each, closed=after(6)) for each in told]
        assert Declarations(closed, NOVEMBER).of_site(moved, (), NOW) == expected


def test_a_link_without_its_site_in_the_inventory_is_told_raw():
    assert Declarations([storm(after(4), after(6))], NOVEMBER).of_link(FIBRE, {}, NOW) == []


def test_all_of_the_window_declared_proves_nothing(store):
    states(store, Subject("site", "hq"), ("up", NOVEMBER.start))
    declare(store, storm(NOVEMBER.start - DAY, after(30)))
    found = judged(store, WITHOUT, HQ)
    assert (found.standing, found.value, found.coverage) == (Standing.UNPROVEN, None, 0.0)
    assert judged(store, SERVICE, HQ).standing is Standing.MET


# --- whatever was declared --------------------------------------------------------------------------------------------


@settings(max_examples=examples(12), deadline=None)
@given(st.integers(0, 2**32))
def test_without_declared_windows_no_more_is_lost_and_every_rule_tells_both(seed):
    """Storms and works at random, some of them exercises: both figures of each rule against what was declared."""
    dice = random.Random(seed)
    hq, cell = Subject("site", "hq"), Subject("cell", CellName("hq", "viettel", "4g", "a").id)
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory) / "s.db", NoMeter()) as store:
        words = {hq: ("up", "isolated", "on_backup", "unknown"), Subject("link", "f"): ("up", "down"), cell: ("up", "down")}
        for subject, told in words.items():
            for at in sorted(dice.uniform(-3, 20) for _ in range(dice.randrange(1, 9))):
                store.begin_span(subject, dice.choice(told), after(at))
        at = -3.0
        while (at := at + dice.uniform(0.5, 6)) < 20:
            lasts = dice.choice([0.1, 1.6, 3.2, 5])
            store.open_outage(Outage(hq, "isolated", after(at), after(at + lasts), "", ""))
            at += lasts
        real = []
        for n in range(dice.randrange(5)):
            start, lasts = after(dice.uniform(-5, 21)), dice.uniform(0.1, 4) * DAY
            exercise = dice.random() < 0.3
            if dice.random() < 0.5:
                areas = dice.choice([("04",), ("01273",), ("01279",)])
                window = storm(start, start + lasts, id=f"s{n}", exercise=exercise, areas=areas, closed=start + lasts)
            else:
                on = dice.choice([hq, Subject("cable", "QL3"), Subject("link", "l")])
                window = works(start, start + lasts, on, id=f"w{n}", exercise=exercise)
            declare(store, window)
            real += [] if exercise else [window]
        for target, place in [*((target, HQ) for target in (SERVICE, WITHOUT)), (LINK_UP, FIBRE), (LINK_WITHOUT, FIBRE)]:
            found = judged(store, target, place)
            raw, without, declared = (found.evidence[key] for key in ("raw", "without_declared", "declared"))
            assert without["not_available"] <= raw["not_available"] + 1e-6
            assert without["available"] <= raw["available"] + 1e-6
            assert without["elapsed"] == pytest.approx(raw["elapsed"] - sum(b - a for a, b in declared))
            assert found.value == (without if target.judge == WITHOUT_DECLARED else raw)["value"]
            if not real:
                assert (declared, raw) == ([], without)
            plain = judge_availability(
                replace(target, judge=RAW), found.subject, store.reader().spans(found.subject, *NOVEMBER), (), NOVEMBER, NOW
            )
            assert plain.evidence["raw"] == raw, "what is declared changes nothing of the raw figure"
        back = judged(store, RESTORATION, HQ).evidence
        assert back["without_declared"]["counts"]["late"] <= back["counts"]["late"]
        assert sum(back["without_declared"]["counts"][each] for each in ("in_time", "late", "pending", "unproven")) == sum(
            back["counts"][each] for each in ("in_time", "late", "pending", "unproven")
        )
        mast = judged(store, RADIO, HQ).evidence
        for group, without in zip(mast.get("groups", ()), mast.get("without_declared", ()), strict=True):
            assert without["down"] <= group["down"] + 1e-6
            assert real or without["value"] == group["value"]
        if not real:
            assert (back["without_declared"]["counts"], back["declared"]) == (back["counts"], [])


def test_the_clock_of_an_outage_stands_still_in_a_storm(store):
    """Three days allowed, four and a half lost, two of them in a storm that began in the month before."""
    began, hq = NOVEMBER.start - 2 * DAY, Subject("site", "hq")
    states(store, hq, ("up", began - DAY), ("isolated", began), ("up", began + 4.5 * DAY))
    store.open_outage(Outage(hq, "isolated", began, began + 4.5 * DAY, "", ""))
    target = replace(RESTORATION, within_s={"xa": 3 * DAY})
    assert judged(store, target, HQ).evidence["without_declared"] == {
        "value": 0.0, "counts": {"in_time": 0, "late": 1, "pending": 0, "unproven": 0, "at_risk": 0}
    }  # fmt: skip
    declare(store, storm(began - DAY, began + DAY, closed=began + 2 * DAY, ended=began + DAY))
    found = judged(store, target, HQ)
    assert (found.standing, found.value) == (Standing.MISSED, 0.0), "the raw figure is judged"
    assert found.evidence["without_declared"]["value"] == 1.0
    assert found.evidence["declared"] == [[began, began + 2 * DAY]]


# --- handed to somebody -----------------------------------------------------------------------------------------------


def test_both_figures_can_be_recomputed_with_python_alone_and_tampering_shows(tmp_path):
    """The declared intervals stand in the evidence: what is said of the window afterwards changes no folder."""
    with store_at(tmp_path / "netmon.db") as made:
        parts, dice = [], random.Random(3)
        for n in range(6):
            place = Site(id=f"hq{n}", name="x", kind=HQ.kind, province="04", commune="01273")
            subject = Subject("site", place.id)
            at = NOVEMBER.start - DAY
            made.store.begin_span(subject, "up", at)
            for _ in range(n):
                at += dice.uniform(0.2, 4) * DAY
                lasts = dice.uniform(0.01, 0.4) * DAY
                made.store.begin_span(subject, dice.choice(["isolated", "unreachable", "unknown"]), at)
                made.store.open_outage(Outage(subject, "isolated", at, at + lasts, "", ""))
                made.store.begin_span(subject, "up", at + lasts)
            parts.append(place)
        declare(made.store, storm(after(3), after(9), closed=after(9)))
        declare(made.store, works(after(11), after(12), Subject("site", "hq4")))
        quick = replace(RESTORATION, within_s={"xa": 0.05 * DAY})
        for target in (SERVICE, WITHOUT, quick):
            made.store.flush()
            evidence = StoreEvidence(made.reader, Turns(Event()))
            told = [Afresh(evidence, AROUND).judge(target, place, NOVEMBER, NOW) for place in parts]
            assert all(verdict.evidence["declared"] for verdict in told)
            assert any(
                verdict.evidence["without_declared"]["value"] != verdict.evidence.get("raw", verdict.evidence)["value"]
                for verdict in told
            )
            out = tmp_path / f"{target.id}-{getattr(target, 'judge', '')}"
            top = histories.commune_of(target, "01273", told)
            declare(made.store, storm(after(3), after(3.1), closed=after(3.1), id=f"more-{target.id}"), "update")
            hand_over(made, top, told, [target], out)
            for script in ("audit.py", "recompute.py"):
                found = run(out, out / script)
                assert found.returncode == 0, found.stdout + found.stderr
    told = json.loads((out / "site-hq5" / "verdict.json").read_text())
    assert told["verdict"]["evidence"]["declared"][0] == [after(3), after(9)]
    told["verdict"]["evidence"]["declared"] = []
    (out / "site-hq5" / "verdict.json").write_text(json.dumps(told))
    found = run(out)
    assert "without_declared differs" in found.stdout
    assert found.returncode == 1
