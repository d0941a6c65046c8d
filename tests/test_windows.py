"""The keeper of storms and works: what people may say, what time makes of it, what survives, who did it."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import units
from netmon.control import ControlError
from netmon.declaring import LONGEST_NAME
from netmon.inventory import Inventory
from netmon.model import (
    VIET_NAM,
    Declared,
    Device,
    Link,
    LinkKind,
    LinkRole,
    Phase,
    Site,
    SiteKind,
    Subject,
    Window,
    WindowKind,
)
from netmon.store import Store
from netmon.targets.declared import Declarations
from netmon.windows import BACK_FOR_S, Windows
from tests.store.conftest import Counts

HOUR, DAY = 3600.0, 86_400.0
T0 = datetime(2026, 11, 22, 10, 0, tzinfo=VIET_NAM).timestamp()
A, B, C = "01273", "01304", "01288"
REGISTER = units.load()


def make_inventory():
    sites, devices, links = {}, {}, {}
    for code in (A, B, C):
        sites[f"s{code}"] = Site(id=f"s{code}", name="UBND", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune=code)
        devices[f"r{code}"] = Device(id=f"r{code}", site=f"s{code}")
        links[f"f{code}"] = Link(
            id=f"f{code}", site=f"s{code}", upstream_site="centre", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY,
            network="tslcd_2", capacities=(), srlg=("ring",) if code != C else (),
        )  # fmt: skip
    return Inventory(sites, devices, links)


INVENTORY = make_inventory()


class Memory:
    """A store that forgets with the test."""

    def __init__(self):
        self.changes = []

    def put_window(self, change):
        self.changes.append(change)

    def windows(self):
        return list({change.window.id: change.window for change in self.changes}.values())

    def window_log(self, window=None, since=0.0, most=1000, kind=None):
        chosen = [each for each in self.changes if window in (None, each.window.id) and kind in (None, each.window.kind)]
        return [each for each in chosen if each.at >= since][-most:]


class Office:
    """A keeper with a clock of its own and a store that outlives it."""

    def __init__(self, store=None, past=None, frozen=lambda start, end: []):
        self.now, self.frozen = T0, frozen
        self.store = store or Memory()
        self.past = past or self.store
        self.restart()

    def restart(self):
        self.windows = Windows(
            self.past, self.store, inventory=lambda: INVENTORY, register=REGISTER, frozen=self.frozen,
            clock=lambda: self.now,
        )  # fmt: skip

    async def storm(self, action="declare", author="an", **request):
        base = {"name": "Bão số 12", "level": 4, "areas": "04", "until": "+6h"} if action == "declare" else {}
        return await self.windows.control_storm(author, {"action": action, **base, **request})

    async def works(self, action="declare", author="an", **request):
        base = {"name": "Thay cáp", "on": ["cable:ring"], "until": "+2h"} if action == "declare" else {}
        return await self.windows.control_maintenance(author, {"action": action, **base, **request})

    def step(self, after=0.0, back=(), late=()):
        self.now += after
        self.windows.step(self.now, lambda storm, commune: commune in back, lambda works: works.id in late)

    def step_clock(self, seconds):
        self.now += seconds
        self.windows.shift(seconds)

    def verbs(self):
        return [(change.verb, change.author) for change in self.past.window_log()]

    def only(self):
        (window,) = self.windows.standing()
        return window


@pytest.fixture
def office():
    return Office()


# --- a clock that was ahead -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(("ahead_s", "back"), [(31 * DAY, ()), (DAY, (A, B, C))])
async def test_what_a_clock_that_was_ahead_ended_stands_again_once_it_is_right(office, restart, ahead_s, back):
    """However long it was wrong: longer than it is distrusted, and than communes must be back to leave a storm."""
    await office.storm(until="+2h")
    await office.works(until="+4h")
    office.step(5)
    office.step_clock(ahead_s)
    for _ in range(200):
        office.step(10, back=back)
    assert office.windows.standing() == ()
    if restart:
        office.now -= ahead_s
        office.restart()
    else:
        office.step_clock(-ahead_s)
    for _ in range(20):
        office.step(10, back=back)
    assert sorted(window.id for window in office.windows.standing()) == ["bao-so-12-2026", "thay-cap-2026-11-22"]
    assert office.windows.in_impact("04", A)
    assert office.verbs()[-2:] == [("reopen", "netmon")] * 2
    office.step(3 * HOUR)
    assert office.verbs()[-1][0] in ("warn", "expire"), "the true end passes too, and is told"


async def test_what_a_person_ended_or_changed_by_a_clock_that_was_ahead_stays_so(office):
    await office.storm(until="+2h")
    office.step_clock(HOUR)
    office.step(60)
    await office.storm("end", id="bao-so-12-2026", close=True)
    office.step_clock(-HOUR)
    assert office.windows.standing() == ()


async def test_a_clock_that_is_years_behind_reopens_nothing(office):
    await office.storm(until="+2h")
    office.step(60 * DAY)
    office.step(1)
    assert office.windows.standing() == ()
    office.now -= 3650 * DAY
    office.restart()
    assert office.windows.standing() == ()


# --- what people may say ----------------------------------------------------------------------------------------------


async def test_a_storm_is_declared_with_who_did_it_and_for_whom(office):
    told = (await office.storm(author="an", by="trực ban", **{"from": "14:00"}))["window"]
    assert (told["id"], told["phase"], told["by"]) == ("bao-so-12-2026", "prepare", "an (trực ban)")
    assert (told["start"], told["until"]) == (T0 + 4 * HOUR, T0 + 10 * HOUR)
    (change,) = office.store.changes
    assert (change.verb, change.author, change.note) == ("declare", "an", "trực ban")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"areas": "04,1273"}, "there is no unit with the code '1273' (did you mean 01273 (Phường Thục Phán, "),
        ({"areas": "Cao Bằng"}, "did you mean 04 (Tỉnh Cao Bằng)"),
        ({"areas": ""}, "areas is missing"),
        ({"until": "2026-11-22T09:00"}, "until lies before from"),
        ({"from": "2026-11-20T09:00", "until": "2026-11-21T09:00"}, "until is over already"),
        ({"until": "2026-12-30T09:00"}, "it is too long: at most 30 days"),
        ({"from": "2028-11-22T10:00", "until": "2028-11-22T19:00"}, "from lies too far off"),
        ({"until": None}, "until is missing: every window ends"),
        ({"until": "tomorrow"}, "'tomorrow' is not a time"),
        ({"until": float("inf")}, "no time of this century"),
        ({"until": 10**400}, "that number is no time of this century"),
        ({"from": -(10**400)}, "that number is no time of this century"),
        ({"name": "bão \u202e12"}, "the name has a control character"),
        ({"note": "gió \u2066giật"}, "the note has a control character"),
        ({"by": "an\u2069"}, "by has a control character"),
        ({"level": 1}, "there is no storm of level 1: Decision 18/2021/QD-TTg gives storms 3, 4 or 5"),
        ({"level": "red"}, "'red' is no level"),
        ({"name": " "}, "the name is missing"),
        ({"name": "bão\n12"}, "the name has a control character"),
        ({"name": "bão \ud800"}, "the name has a control character"),
        ({"name": "b" * (LONGEST_NAME + 1)}, "the name has 81 characters: at most 80 fit"),
        ({"exercise": "yes"}, "exercise is true or false"),
        ({"untill": "+6h"}, "there is no 'untill' here (did you mean until?)"),
        ({"action": "declares"}, "action is declare, update, end or list"),
    ],
)
async def test_a_storm_that_cannot_be_is_one_clear_error_and_nothing_is_kept(office, wrong, said):
    with pytest.raises(ControlError) as caught:
        await office.storm(**wrong)
    assert said in str(caught.value)
    assert office.store.changes == []


async def test_works_name_what_the_inventory_has(office):
    for wrong, said in [
        ({"on": ["device:r0127"]}, "the inventory has no device 'r0127' (did you mean device:r01273?)"),
        ({"on": ["r01273"]}, "'r01273' does not say what it is"),
        ({"on": []}, "say what works are done on"),
        ({"until": "+15d"}, "it is too long: at most 14 days"),
        ({"level": 3}, "there is no 'level' here"),
        ({"areas": "01273,04"}, "works are not done on a whole province: 04 is one, name communes, sites or cables"),
    ]:
        with pytest.raises(ControlError) as caught:
            await office.works(**wrong)
        assert said in str(caught.value)
    assert (await office.works(on="cable:ring, link:f01288"))["window"]["on"] == ["cable:ring", "link:f01288"]


FIELDS = ("action", "id", "name", "level", "areas", "on", "from", "until", "note", "by", "exercise", "close", "log")
WORDS = ("declare", "update", "end", "list", "04", "+6h", "now", "bao-so-12-2026")
TEXTS = st.sampled_from(WORDS) | st.text(max_size=8)


@given(st.dictionaries(
    st.sampled_from(FIELDS), st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS, max_size=2)
))  # fmt: skip
async def test_whatever_a_program_asks_is_answered_or_refused(request_):
    office = Office()
    await office.storm()
    for ask in (office.windows.control_storm, office.windows.control_maintenance):
        with suppress(ControlError):
            json.dumps(await ask("an", request_), allow_nan=False)


async def test_a_second_one_of_the_same_name_has_a_number_and_a_warning(office):
    await office.storm()
    again = await office.storm()
    assert again["window"]["id"] == "bao-so-12-2026-2"
    assert again["warnings"] == ["one of this name stands already: bao-so-12-2026"]


async def test_an_update_changes_what_it_says_and_never_the_start_of_what_has_begun(office):
    await office.storm(**{"from": "+2h"})
    await office.storm("update", id="bao-so-12-2026", level=5, **{"from": "+1h"})
    office.now += 2 * HOUR
    await office.storm("update", id="bao-so-12-2026", until="+12h", areas=[A])
    window = office.only()
    assert (window.level, window.start, window.until, window.areas) == (5, T0 + HOUR, T0 + 14 * HOUR, (A,))
    with pytest.raises(ControlError, match="it has begun"):
        await office.storm("update", id="bao-so-12-2026", **{"from": "now"})
    with pytest.raises(ControlError, match="there is no storm 'bao-so-21-2026'"):
        await office.storm("update", id="bao-so-21-2026", level=3)
    with pytest.raises(ControlError, match="there is no maintenance 'bao-so-12-2026'"):
        await office.works("end", id="bao-so-12-2026")


async def test_works_in_a_freeze_or_in_the_area_of_a_storm_are_declared_with_warnings():
    office = Office(frozen=lambda start, end: ["Tết"])
    await office.storm(areas=[B], **{"from": "+3h"})
    await office.storm(name="Diễn tập", areas=[B], exercise=True)
    near = await office.works()
    assert near["warnings"] == [
        "it lies in a change freeze: Tết",
        "it lies in the area of a storm: Bão số 12 (bao-so-12-2026, prepare)",
    ]
    assert (await office.works(name="Khác", on=["link:f01288"]))["warnings"] == ["it lies in a change freeze: Tết"]


# --- what time makes of it --------------------------------------------------------------------------------------------


async def test_a_commune_leaves_when_it_was_back_for_half_an_hour_and_the_storm_with_the_last(office):
    await office.storm()
    office.step(HOUR)
    assert office.windows.in_impact("04", A)
    await office.storm("end", id="bao-so-12-2026", by="hết gió")
    office.step(10, back=[A, B])
    office.step(BACK_FOR_S - 10, back=[A])  # B fell again
    assert office.only().back == ()
    office.step(10, back=[A, B])
    assert [code for code, _ in office.only().back] == [A]
    assert not office.windows.in_impact("04", A)
    assert office.windows.in_impact("04", B)
    office.step(10, back=[B, C])
    office.step(BACK_FOR_S, back=[B, C])
    assert office.windows.standing() == ()
    assert office.verbs() == [("declare", "an"), ("end", "an"), *[(verb, "netmon") for verb in ("back", "back", "close")]]


async def test_a_storm_whose_end_passes_is_warned_of_and_told_once_and_expires_though_nobody_is_back(office):
    await office.storm()
    for _ in range(20 * 24):
        office.step(HOUR)
        if office.now == T0 + 6 * HOUR:
            assert [verb for verb, _ in office.verbs()] == ["declare", "warn", "expire"]
            assert office.windows.in_impact("04", A)
        if _ % 7 == 0:
            office.restart()
    assert office.windows.standing() == ()
    assert [verb for verb, _ in office.verbs()] == ["declare", "warn", "expire", "warn", "expire"]
    assert office.store.changes[-1].at == T0 + 6 * HOUR + 14 * DAY


async def test_a_storm_that_goes_on_is_extended_out_of_its_recovery_and_everybody_has_to_be_back_again(office):
    await office.storm(areas=[A, B])
    office.step(6 * HOUR, back=[A])
    office.step(BACK_FOR_S, back=[A])
    assert (await office.storm("list"))["windows"][0]["back"] == [{"commune": A, "since": T0 + 6 * HOUR}]
    office.step(10, back=[B])
    longer = await office.storm("update", id="bao-so-12-2026", until="+6h")
    assert (longer["window"]["back"], office.windows.in_impact("04", A)) == ([], True)
    struck_again = office.now
    office.step(6 * HOUR, back=[A, B])
    assert office.windows.in_impact("04", B), "the half hour begins anew"
    told = Declarations(office.windows.ever(), Window(T0, T0 + DAY))
    assert told.of_site(INVENTORY.sites[f"s{A}"], (), office.now) == [
        Window(T0, T0 + 6 * HOUR), Window(struck_again, office.now)
    ]  # fmt: skip


async def test_an_end_before_the_onset_or_with_close_needs_no_recovery(office):
    await office.storm(**{"from": "+2h"})
    await office.storm("end", id="bao-so-12-2026")
    await office.storm(name="Bão số 13")
    closed = (await office.storm("end", id="bao-so-13-2026", close=True))["window"]
    assert closed["phase"] == "over"
    assert office.windows.standing() == ()
    with pytest.raises(ControlError, match="bao-so-13-2026 is over"):
        await office.storm("end", id="bao-so-13-2026")


async def test_works_past_their_end_stand_while_something_is_down_by_them(office):
    await office.works()
    office.step(2 * HOUR, late=["thay-cap-2026-11-22"])
    office.step(HOUR, late=["thay-cap-2026-11-22"])
    assert office.verbs()[1:] == [("warn", "netmon")]
    office.step(1)
    assert office.windows.standing() == ()
    assert office.verbs()[2:] == [("expire", "netmon")]


ACTIONS = ("storm", "works", "longer", "end", "close", "restart", "file", "no file", "wait")
PLANNED = Declared(
    id="planned",
    kind=WindowKind.MAINTENANCE,
    name="Theo tệp",
    start=T0,
    until=T0 + DAY,
    subjects=(Subject("cable", "ring"),),
)


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 40), st.sets(st.sampled_from([A, B, C]))), max_size=12))
async def test_whatever_happens_every_window_ends_and_every_line_of_the_log_says_who(acts):
    office = Office()
    for action, hours, back in acts:
        name = next((window.id for window in office.windows.standing() if window.by != "file"), "none")
        ask = office.storm if name.startswith("bao") else office.works
        with suppress(ControlError):
            match action:
                case "storm":
                    await office.storm(**{"from": f"+{hours}h"})
                case "works":
                    await office.works(**{"from": f"+{hours}h"})
                case "longer":
                    await ask("update", id=name, until=f"+{hours}h")
                case "end" | "close":
                    await ask("end", id=name, **({"close": True} if action == "close" else {}))
                case "restart":
                    held = office.windows.standing()
                    office.restart()
                    assert office.windows.standing() == held
                case "file" | "no file":
                    office.windows.follow([PLANNED] if action == "file" else [], office.now)
        office.step(hours * HOUR, back=back)
    office.step(60 * DAY)
    office.step(60 * DAY)
    assert office.windows.standing() == ()
    assert all(window.closed is not None for window in office.past.windows())
    by_verb = {"back": {"netmon"}, "warn": {"netmon"}, "expire": {"netmon"}, "declare": {"an", "file"}}
    assert all(author in by_verb.get(verb, {"an", "file", "netmon"}) for verb, author in office.verbs())
    once = [
        (change.window.id, change.verb, change.at) for change in office.store.changes if change.verb in ("warn", "expire")
    ]
    assert len(once) == len(set(once))


async def test_everything_survives_a_restart(tmp_path):
    with Store.open(tmp_path / "netmon.db", Counts()) as store:
        office = Office(store, store.reader())
        await office.storm(areas=[A, C], note="gió giật", exercise=True)
        await office.works()
        office.step(6 * HOUR, back=[A], late=["thay-cap-2026-11-22"])
        office.step(BACK_FOR_S, back=[A], late=["thay-cap-2026-11-22"])
        store.flush()
        before = office.windows.standing()
        office.restart()
        assert office.windows.standing() == before
        assert [code for code, _ in before[0].back or before[1].back] == [A]
        written = office.verbs()
        office.step(late=["thay-cap-2026-11-22"])
        store.flush()
        assert office.verbs() == written  # nothing is warned of twice


# --- works of the file ------------------------------------------------------------------------------------------------


async def test_works_of_the_file_come_change_and_go_with_it_and_stay_ended_when_a_person_ended_them(office):
    await office.works()
    planned = replace(office.only(), id="planned", by="", declared=0.0, name="Theo tệp")
    await office.works("end", id="thay-cap-2026-11-22")
    follow = office.windows.follow
    past = replace(planned, id="past", start=T0 - DAY, until=T0 - HOUR)
    follow([planned, past], T0)
    follow([planned, past], T0)
    assert [(window.id, window.by, window.declared) for window in office.windows.standing()] == [("planned", "file", T0)]
    follow([longer := replace(planned, until=T0 + 3 * HOUR)], T0)
    follow([], T0)
    assert office.windows.standing() == ()
    follow([longer], T0)
    assert (office.only().id, office.only().until) == ("planned-2", T0 + 3 * HOUR)
    await office.works("end", id="planned-2")
    follow([longer], T0)
    assert office.windows.standing() == ()
    mine = [each for each in office.verbs() if each[1] == "file"]
    assert [verb for verb, _ in mine] == ["declare", "update", "end", "declare"]


async def test_the_list_has_what_stands_or_everything_and_the_log_every_change(office):
    await office.storm()
    await office.works(on=["device:r01273"], areas=B)
    await office.storm("end", id="bao-so-12-2026", close=True)
    assert (await office.storm("list"))["windows"] == []
    (past,) = (await office.storm("list", all=True))["windows"]
    assert (past["id"], past["phase"]) == ("bao-so-12-2026", Phase.OVER)
    changes = (await office.storm("list", log=True))["changes"]
    assert [(change["verb"], change["window"]["phase"]) for change in changes] == [("declare", "impact"), ("close", "over")]
    assert office.only().subjects == (Subject("device", "r01273"),)
    with pytest.raises(ControlError, match="there never was a storm"):
        await office.storm("list", log=True, id="x")
