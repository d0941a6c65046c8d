"""What is past of storms and works is a fact: updates, the file, slips and wrong clocks change nothing of it."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.control import ControlError
from netmon.model import Subject, Window, WindowKind
from netmon.store import Store
from netmon.targets.declared import Declarations
from netmon.windows import BACK_FOR_S
from tests.store.conftest import Counts
from tests.test_windows import DAY, HOUR, INVENTORY, PLANNED, T0, A, B, C, Office


@pytest.fixture
def office():
    return Office()


async def test_what_is_past_of_works_is_a_fact(office):
    await office.works(**{"from": "+1h"})
    with pytest.raises(ControlError, match="from has passed"):
        await office.works("update", id="thay-cap-2026-11-22", **{"from": T0 - HOUR})
    office.now += 1800
    await office.works("update", id="thay-cap-2026-11-22", on="link:f01288, cable:ring")
    assert office.only().declared == office.now
    office.now += HOUR
    for wider in ({"on": "link:f01288, cable:ring, site:s01273"}, {"on": "cable:ring"}, {"areas": B}):
        with pytest.raises(ControlError, match="it has begun: what it is done on is a fact now"):
            await office.works("update", id="thay-cap-2026-11-22", **wider)
    await office.works("update", id="thay-cap-2026-11-22", until="+1h", on="cable:ring, link:f01288")
    office.now += HOUR
    with pytest.raises(ControlError, match="its end has passed"):
        await office.works("update", id="thay-cap-2026-11-22", until="+1h")


def left_out(office):
    """What is left out of availability at each half hour that is past, of every site and link."""
    told, found = Declarations(office.windows.ever(), Window(T0 - 9 * DAY, office.now + 1)), set()
    instants = [
        T0 + n * HOUR / 2 + 1 for n in range(int(2 * (office.now - T0) / HOUR) + 1) if T0 + n * HOUR / 2 + 1 < office.now
    ]
    for code in (A, B, C):
        link = INVENTORY.links[f"f{code}"]
        for what, spans in (
            (code, told.of_site(INVENTORY.sites[f"s{code}"], [link], office.now)),
            (link.id, told.of_link(link, INVENTORY.sites, office.now)),
        ):
            found |= {(what, at) for at in instants for start, end in spans if start <= at < end}
    return found


ASKED = ("declare", "areas", "until", "from", "end", "close", "file", "back", "works", "on")


@settings(deadline=None)
@given(st.lists(
    st.tuples(
        st.sampled_from(ASKED), st.integers(0, 6), st.sets(st.sampled_from(["04", A, B, C]), min_size=1), st.integers(0, 4)
    ),
    max_size=14,
))  # fmt: skip
async def test_whatever_is_said_later_changes_nothing_of_what_was_left_out_before(acts):
    office = Office()
    await office.storm(areas=[A, B])
    await office.works()
    for action, hours, codes, after in acts:
        before, link = left_out(office), f"link:f{min(codes - {'04'}, default=A)}"
        names = [window.id for window in office.windows.standing() if window.kind is WindowKind.STORM] or ["none"]
        done = [window.id for window in office.windows.standing() if window.by == "an" and window.subjects] or ["none"]
        file = replace(
            PLANNED, start=T0 + hours * HOUR, until=T0 + 2 * hours * HOUR + 1, subjects=(Subject("link", link[5:]),)
        )
        with suppress(ControlError):
            match action:
                case "declare":
                    await office.storm(areas=sorted(codes), **{"from": f"+{hours // 3}h"})
                case "areas":
                    await office.storm("update", id=names[-1], areas=sorted(codes))
                case "until" | "from":
                    await office.storm("update", id=names[-1], **{action: f"+{hours}h"})
                case "end" | "close":
                    await office.storm("end", id=names[-1], close=action == "close")
                case "works":
                    await office.works(on=[link], **{"from": f"+{hours}h"})
                case "on":
                    await office.works("update", id=done[-1], on=[link], until=f"+{hours}h")
                case "file":
                    office.windows.follow([file] if hours else [], office.now)
        assert left_out(office) == before, action
        if action == "back":
            office.step(10, back=codes)
            office.step(BACK_FOR_S, back=codes)
        office.step(after * HOUR)


async def test_what_comes_into_a_storm_counts_from_then_and_what_goes_until_then(office):
    await office.storm(areas=[A])
    office.now += HOUR
    await office.storm("update", id="bao-so-12-2026", areas=[B])
    assert office.only().areas == (B,)
    assert [office.windows.in_impact("04", code) for code in (A, B, C)] == [False, True, False]
    office.now += HOUR
    await office.storm("update", id="bao-so-12-2026", areas=["04"])
    office.now += HOUR
    await office.storm("update", id="bao-so-12-2026", areas=[A, C])
    office.now += HOUR
    told = Declarations(office.windows.ever(), Window(T0 - DAY, T0 + DAY))
    assert [told.of_site(INVENTORY.sites[f"s{code}"], (), office.now) for code in (A, B, C)] == [
        [Window(T0, T0 + HOUR), Window(T0 + 2 * HOUR, T0 + 4 * HOUR)],
        [Window(T0 + HOUR, T0 + 3 * HOUR)],
        [Window(T0 + 2 * HOUR, T0 + 4 * HOUR)],
    ]


async def test_a_commune_that_is_named_beside_its_province_stays_when_that_is_taken_away(office):
    await office.storm(areas=["04", A])
    office.now += HOUR
    await office.storm("update", id="bao-so-12-2026", areas=[A])
    assert [office.windows.in_impact("04", code) for code in (A, B)] == [True, False]


async def test_what_is_past_of_works_is_a_fact_for_the_file_too(office):
    plan = replace(PLANNED, start=T0 + 2 * HOUR, until=T0 + 4 * HOUR)
    office.windows.follow([plan], T0)
    office.now += HOUR
    earlier = replace(plan, start=T0 - HOUR)
    office.windows.follow([earlier], office.now)
    assert (office.only().start, office.only().declared) == (T0 - HOUR, office.now)
    office.now += HOUR
    wider = replace(earlier, start=T0 - DAY, until=T0, subjects=(*PLANNED.subjects, Subject("site", f"s{C}")), note="x")
    office.windows.follow([wider], office.now)
    assert office.only() == replace(earlier, until=office.now, note="x", declared=T0 + HOUR, by="file")
    office.now += 60
    office.windows.follow([replace(earlier, until=T0 + 9 * HOUR)], office.now)
    assert office.only().until == T0 + 2 * HOUR


async def test_a_storm_closed_by_a_slip_and_declared_again_goes_on_under_its_id_without_the_time_between(office):
    await office.storm()
    office.now += HOUR
    await office.storm("end", id="bao-so-12-2026", close=True)
    office.now += HOUR
    again = await office.storm(author="bình", areas=[A])
    assert (again["window"]["id"], again["window"]["phase"], again["warnings"]) == ("bao-so-12-2026", "impact", [])
    assert office.verbs()[-1] == ("declare", "bình")
    office.now += HOUR
    told = Declarations(office.windows.ever(), Window(T0 - DAY, T0 + DAY))
    assert told.of_site(INVENTORY.sites[f"s{A}"], (), office.now) == [
        Window(T0, T0 + HOUR), Window(T0 + 2 * HOUR, T0 + 3 * HOUR)
    ]  # fmt: skip
    assert told.of_site(INVENTORY.sites[f"s{B}"], (), office.now) == [Window(T0, T0 + HOUR)]
    await office.storm(name="Diễn tập", **{"from": "+2h"})
    await office.storm("end", id="dien-tap-2026")
    assert (await office.storm(name="Diễn tập", **{"from": "+3h"}))["window"]["start"] == office.now + 3 * HOUR
    await office.storm("end", id="bao-so-12-2026", close=True)
    office.now += 15 * DAY
    assert (await office.storm())["window"]["id"] == "bao-so-12-2026-2"


async def test_a_clock_that_is_wrong_for_a_moment_closes_nothing(office):
    await office.storm(until="+2h")
    await office.works()
    office.step(HOUR)
    held = office.windows.standing()
    office.step_clock(30 * DAY)
    office.step()
    office.step(2)
    office.step_clock(-30 * DAY)
    office.step(2, back=[A, B, C])
    assert office.windows.standing() == held
    assert [verb for verb, _ in office.verbs()] == ["declare", "declare", "warn"]
    office.step(HOUR, back=[A, B, C])
    office.step_clock(-1800)
    office.step(BACK_FOR_S - 10, back=[A, B, C])
    assert [verb for verb, _ in office.verbs() if verb == "back"] == []
    office.step(10, back=[A, B, C])
    assert [window.kind for window in office.windows.standing()] == [WindowKind.MAINTENANCE]


async def test_what_is_closed_is_over_whatever_the_clock_says(office):
    await office.storm()
    await office.storm("end", id="bao-so-12-2026", close=True)
    office.step_clock(-1800)
    assert (await office.storm("list"))["windows"] == []
    assert [window["phase"] for window in (await office.storm("list", all=True))["windows"]] == ["over"]
    with pytest.raises(ControlError, match="bao-so-12-2026 is over"):
        await office.storm("update", id="bao-so-12-2026", until="+9h")


async def test_the_log_of_a_kind_is_not_cut_by_the_other(tmp_path):
    with Store.open(tmp_path / "netmon.db", Counts()) as store:
        office = Office(store, store.reader())
        await office.storm()
        await office.works()
        for n in range(1000):
            await office.works("update", id="thay-cap-2026-11-22", note=f"{n}")
        store.flush()
        assert [change["verb"] for change in (await office.storm("list", log=True))["changes"]] == ["declare"]


async def test_what_a_person_changed_of_works_of_the_file_stays_until_the_file_says_something_else(office):
    file = replace(PLANNED, start=T0 + HOUR)
    office.windows.follow([file], T0)
    await office.works("update", id="planned", until="+3h", on=["link:f01288"])
    held = office.only()
    for _ in range(2):
        office.restart()
        office.windows.follow([file], T0)
    assert office.only() == held
    office.windows.follow([replace(file, note="ca đêm")], T0)
    assert (office.only().note, office.only().subjects) == ("ca đêm", PLANNED.subjects)


async def test_works_of_the_file_are_taken_where_those_of_a_person_are_over(office):
    await office.works()
    file = replace(PLANNED, id="thay-cap-2026-11-22")
    office.windows.follow([file], T0)
    assert [window.by for window in office.windows.standing()] == ["an"]
    await office.works("end", id="thay-cap-2026-11-22")
    office.windows.follow([file], T0)
    assert (office.only().id, office.only().by) == ("thay-cap-2026-11-22-2", "file")
    office.windows.follow([], T0)
    assert office.windows.standing() == ()
