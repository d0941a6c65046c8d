"""The environment rule: hours in range by quantity, both proven, and what a room that nothing measures comes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Room, Standing, Summary, Window
from netmon.targets.definitions import BasisKind, Environment
from netmon.targets.environment import NO_SENSOR, judge_environment
from netmon.targets.windows import iso
from tests.targets.made import site

WORDS: dict[str, Any] = {"title_vi": "Phòng", "title_en": "Room", "basis": "06/2026", "basis_kind": BasisKind.PROXY}
CLIMATE = Environment(id="climate", limit=0.95, **WORDS)
HOUR = 3600
MONTH = Window(500_000 * 3600.0, 500_100 * 3600.0)
"""A hundred hours."""
CABIN, OFFICE = replace(site("bts"), room=Room.EQUIPMENT), site("ub")


def hours(means, part="env 1", first=0):
    """An hour each from the window's start on; None was not measured."""
    return [
        Summary(MONTH.start + HOUR * n, HOUR, part, mean - 0.01, mean, mean + 0.02, 60)
        for n, mean in enumerate(means, first)
        if mean is not None
    ]


def day(part="env 1", ago=1):
    """A day before the window, so many ago."""
    return Summary(MONTH.start - 86_400 * ago, 86_400, part, 21.99, 22.0, 22.02, 1440)


def judge(temperature, humidity, at=100.0, place=CABIN, target=CLIMATE, before=(), devices=("env",)):
    told = {"temperature": temperature, "humidity": humidity}
    days = {"temperature": before}
    return judge_environment(target, place, told, MONTH, MONTH.start + HOUR * at, before=days, devices=devices)


GOOD, DRY = hours([22.0] * 100), hours([0.5] * 100)


def test_the_worse_quantity_speaks_and_both_are_shown():
    verdict = judge(hours([22.0] * 90 + [27.5] * 4 + [19.0] * 6), DRY)
    evidence = verdict.evidence
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.MISSED, 0.9, 1.0)
    assert (next(iter(evidence)), evidence["room"], evidence["quantity"]) == ("rule", "equipment", "temperature")
    found = evidence["quantities"]["temperature"]
    assert (found["low"], found["high"], found["hours"], found["out"]) == (20.0, 25.0, 100, 10)
    assert (found["least"], found["least_at"]) == (pytest.approx(18.99), MONTH.start + 94 * HOUR)
    assert (found["most"], found["most_local"]) == (pytest.approx(27.52), iso(MONTH.start + 90 * HOUR))
    assert found["sensors"] == {"env 1": 100}
    assert [hour["mean"] for hour in evidence["worst_hours"]] == [27.5] * 4 + [19.0] * 6
    assert evidence["quantities"]["humidity"]["standing"] == "met"


@pytest.mark.parametrize(("room", "degrees", "humidity", "good"), [
    (Room.EQUIPMENT, 20.0, 0.40, True), (Room.EQUIPMENT, 25.0, 0.55, True), (Room.EQUIPMENT, 25.1, 0.5, False),
    (Room.EQUIPMENT, 22.0, 0.56, False), (Room.OFFICE, 32.0, 0.80, True), (Room.OFFICE, 32.1, 0.5, False),
    (Room.OFFICE, 25.0, 0.81, False), (Room.OFFICE, 19.9, 0.5, False), (Room.OFFICE, 25.0, 0.39, False),
])  # fmt: skip
def test_each_room_has_the_ranges_of_its_kind(room, degrees, humidity, good):
    verdict = judge(hours([degrees] * 100), hours([humidity] * 100), place=replace(CABIN, room=room))
    assert verdict.standing is (Standing.MET if good else Standing.MISSED)
    narrow = {room: {"temperature": (0.0, 1.0), "humidity": (0.0, 0.1)} for room in ("equipment", "office")}
    own = replace(CLIMATE, rooms=narrow)
    assert judge(hours([degrees] * 100), DRY, target=own).standing is Standing.MISSED


@pytest.mark.parametrize(
    ("means", "standing", "value"),
    [
        ([22.0] * 97 + [30.0] * 3, Standing.MET, 0.97),
        ([22.0] * 96 + [30.0] * 4, Standing.AT_RISK, 0.96),
        ([22.0] * 95 + [30.0] * 5, Standing.AT_RISK, 0.95),
        ([22.0] * 94 + [30.0] * 6, Standing.MISSED, 0.94),
        ([30.0] * 6, Standing.MISSED, 0.0),  # though 94 hours were not seen
        ([30.0] * 5, Standing.UNPROVEN, 0.0),
        ([22.0] * 90, Standing.MET, 1.0),
        ([22.0] * 89, Standing.UNPROVEN, 1.0),
        ([], Standing.UNPROVEN, 1.0),  # nothing measured it: the other one decides, and proves nothing met
    ],
)
def test_a_miss_is_certain_and_silence_proves_nothing(means, standing, value):
    verdict = judge(hours(means), DRY)
    assert (verdict.standing, verdict.value) == (standing, pytest.approx(value))


def test_one_sensor_out_of_range_puts_the_hour_out_of_range():
    cold = [*hours([22.0] * 100), *hours([22.0] * 10 + [18.0] * 6 + [22.0] * 84, "env 2")]
    verdict = judge(cold, DRY)
    assert (verdict.standing, verdict.evidence["quantities"]["temperature"]["out"]) == (Standing.MISSED, 6)
    assert {hour["sensor"] for hour in verdict.evidence["worst_hours"]} == {"env 2"}


def test_where_one_quantity_is_not_measured_a_miss_of_the_other_is_one():
    verdict = judge(hours([30.0] * 100), [])
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.MISSED, 0.0, 1.0)
    assert verdict.evidence["quantities"]["humidity"]["measured"] is False


def test_a_room_that_nothing_measures_is_exempt_and_one_that_went_silent_is_unproven():
    verdict = judge([], [])
    assert (verdict.standing, verdict.evidence["exempt"]) == (Standing.EXEMPT, NO_SENSOR)
    silent = judge([], [], before=[day()])
    assert (silent.standing, silent.value, silent.evidence["quantity"]) == (Standing.UNPROVEN, None, None)


def test_only_hours_that_have_ended_count():
    """A reading of the hour that is under way is none of the hour yet; what is no hour of the window is not asked."""
    verdict = judge([*hours([22.0] * 10), *hours([99.0], first=10)], hours([0.5] * 10), at=10.9)
    assert (verdict.standing, verdict.coverage, verdict.final) == (Standing.MET, 1.0, False)
    assert verdict.evidence["end"] == MONTH.start + 10 * HOUR
    assert judge(GOOD, DRY, at=0.5, before=[day()]).standing is Standing.UNPROVEN


def test_a_sensor_that_died_proves_nothing_and_is_named():
    """The hot one told 35 °C for as long as it lived; or it told before the window, and the cool one speaks alone."""
    died = judge([*GOOD, *hours([35.0] * 5, "env hot")], DRY)
    assert (died.standing, died.value, died.coverage) == (Standing.UNPROVEN, 0.0, 0.05)
    found = died.evidence["quantities"]["temperature"]
    assert (found["silent"], found["awaited"]["env hot"]) == ({"env hot": 95}, [MONTH.start, None])
    silent = judge(GOOD, DRY, before=[day("env hot", 20), day("env hot", 9), day(ago=20), day()])
    assert (silent.standing, silent.value, silent.coverage) == (Standing.UNPROVEN, None, 0.0)


def test_a_sensor_that_left_the_inventory_or_was_replaced_is_awaited_no_more():
    """A new one takes the place of one that ended before it began, and of one only; until then the room was not proven."""
    assert judge(GOOD, DRY, before=[day("old hot")]).standing is Standing.MET
    swapped = [*hours([22.0] * 40, "env a"), *hours([22.0] * 60, "env b", first=40)]
    assert judge([*GOOD, *swapped], DRY).standing is Standing.MET
    same_hour = [*hours([22.0] * 41, "env a"), *hours([22.0] * 60, "env b", first=40)]
    assert judge([*GOOD, *same_hour], DRY).standing is Standing.MET
    late = judge([*GOOD, *hours([22.0] * 40, "env a"), *hours([22.0] * 49, "env b", first=51)], DRY)
    assert (late.standing, late.coverage) == (Standing.UNPROVEN, pytest.approx(0.89))
    two = judge([*GOOD, *swapped, *hours([22.0] * 30, "env c")], DRY)
    assert (two.standing, two.evidence["quantities"]["temperature"]["silent"]) == (
        Standing.UNPROVEN,
        {"env a": 60, "env c": 10},
    )
    added = judge([*hours([22.0] * 100), *hours([22.0] * 50, "env b", first=50)], DRY)
    assert added.standing is Standing.MET, "before it was there nobody awaited it"


def test_fewer_than_three_readings_prove_nothing_of_an_hour():
    few = [hour._replace(readings=2) for hour in GOOD]
    verdict = judge(few, DRY)
    assert (verdict.standing, verdict.value, verdict.coverage) == (Standing.UNPROVEN, None, 0.0)
    assert judge([hour._replace(readings=3) for hour in GOOD], DRY).standing is Standing.MET


def test_simulated_hours_are_counted_once():
    simulated = [hour._replace(simulated=True) for hour in hours([22.0] * 3)]
    both = [hour._replace(simulated=True) for hour in hours([0.5] * 4)]
    assert judge([*simulated, *GOOD[3:]], both).evidence["simulated_hours"] == 4


WORST_FIRST = ["missed", "unproven", "at_risk", "met"]


@given(
    st.lists(
        st.tuples(*[st.lists(st.sampled_from([None, 1.0, 2.0, 3.0, 4.0]), min_size=2, max_size=2)] * 2),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([0.5, 0.8, 0.95, 1.0]),
    st.sampled_from([0.5, 0.9, 1.0]),
)
def test_it_agrees_with_a_count_of_hours(told, limit, floor):
    """Each hour has two sensors of either quantity, which told before, too; 2 to 3 is in range."""
    ranges = {"temperature": (2.0, 3.0), "humidity": (2.0, 3.0)}
    at_risk = min(1.0, limit + 0.02)
    target = replace(CLIMATE, limit=limit, at_risk=at_risk, coverage=floor, rooms={"equipment": ranges})
    columns = [[hour[q] for hour in told] for q in (0, 1)]
    found = [[*hours([a for a, _ in column], "a"), *hours([b for _, b in column], "b")] for column in columns]
    ever = {quantity: [day("a"), day("b")] for quantity in ranges}
    window, now = MONTH, MONTH.start + HOUR * len(told)
    seen = dict(zip(ranges, found, strict=True))
    verdict = judge_environment(target, CABIN, seen, window, now, before=ever, devices=["a", "b"])
    says, values = [], []
    for column in columns:
        words = ["x" if {a, b} & {1.0, 4.0} else "-" if None in (a, b) else "." for a, b in column]
        good, bad, silent = words.count("."), words.count("x"), words.count("-")
        if good + bad and (good + silent) / len(words) < limit:
            says.append(0)
        elif not good + bad or (good + bad) / len(words) < floor:
            says.append(1)
        else:
            value = good / (good + bad)
            says.append(0 if value < limit - 1e-12 else 2 if value < at_risk - 1e-12 else 3)
        if any((a, b) != (None, None) for a, b in column):
            values.append((says[-1], good / (good + bad) if good + bad else -1.0))
    assert WORST_FIRST.index(verdict.standing.value) == min(says)
    worst = min(values, default=(0, -1.0))[1]
    assert verdict.value == (pytest.approx(worst) if worst >= 0 else None)
