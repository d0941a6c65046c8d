"""What should be done before a storm, from what power devices told, what stands how, and what the store has."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from netmon.causes.dark import Point
from netmon.cli import dark as cli
from netmon.control import ControlError
from netmon.darkness import Power
from netmon.exporters.prometheus import OwnMetrics
from netmon.model import Outage, Standing, Subject, Verdict, Window
from netmon.readiness import LACKS, Now, Readiness, fact, readiness
from netmon.store import Store
from netmon.summaries import Summaries
from tests.test_darkness import T0, things

DAY = 86_400.0
STANDS = SimpleNamespace


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "netmon.db", OwnMetrics()) as made:
        yield made


def now(powers=None, devices=None, links=None, verdicts=()):
    return Now(powers or {}, devices or {}, links or {}, verdicts)


def power(at=T0, since=None, holds_s=180.0, **told):
    return Power(Point(at=at, **told), since, holds_s)


FULL = {"charge": 1.0, "health": 1.0}
ALL_FINE = {f"p-{site}": power(**FULL) for site in ("centre", "relay", "seat1", "seat2")}


def found(store, state, areas=(), at=T0):
    store.flush()
    lacks = readiness(things(), state, store.reader(), areas, at)
    return [(lack.what, lack.subject.id, lack.figure, lack.since) for lack in lacks]


def test_a_province_where_nothing_lacks_has_no_row(store):
    assert found(store, now(ALL_FINE)) == []


def test_a_site_without_any_power_reading_is_said_to_be_unknown(store):
    assert found(store, now({name: told for name, told in ALL_FINE.items() if name != "p-seat1"})) == [
        ("power_unknown", "seat1", None, None)
    ]


def test_weak_batteries_and_little_fuel_are_told_with_their_figures_the_most_urgent_first(store):
    powers = ALL_FINE | {
        "p-seat1": power(charge=0.7, health=0.6, fuel=0.3, low=True),
        "p-seat2": power(since=T0 - 600, charge=0.7),
        "p-relay": power(at=T0 - 1000, **FULL),
    }
    assert found(store, now(powers)) == [
        ("on_battery", "p-seat2", 0.7, T0 - 600),
        ("battery_health", "p-seat1", 0.6, None),
        ("battery_charge", "p-seat1", 0.7, None),
        ("battery_low", "p-seat1", None, None),
        ("fuel", "p-seat1", 0.3, None),
        ("power_silent", "p-relay", None, T0 - 1000),
    ]


def test_what_is_lost_already_and_what_is_no_longer_doubled(store):
    state = now(
        ALL_FINE,
        {"p-seat1": STANDS(state="unreachable", since=T0 - 50), "p-seat2": STANDS(state="up", since=1.0)},
        {name: STANDS(state="down" if name in "bd" else "up", since=T0 - 70) for name in "abcd"},
    )
    assert found(store, state) == [
        ("device_down", "p-seat1", None, T0 - 50),
        ("redundancy_lost", "seat2", None, T0 - 70),
        ("link_down", "b", None, T0 - 70),
        ("link_down", "d", None, T0 - 70),
    ]
    assert found(store, state, ("01002",)) == [
        ("redundancy_lost", "seat2", None, T0 - 70),
        ("link_down", "d", None, T0 - 70),
    ]
    assert found(store, state, ("04",)) == found(store, state)


def test_a_battery_that_was_empty_soon_in_the_last_outage_is_told(store):
    supply, device = Subject("supply", "p-seat1"), Subject("device", "p-seat1")
    store.begin_span(supply, "battery", T0 - 9 * DAY)
    store.open_outage(Outage(device, "down", T0 - 9 * DAY + 1800, None, "", ""))
    store.close_outage(device, T0 - 9 * DAY + 9000)
    store.begin_span(supply, "mains", T0 - 9 * DAY + 9000)
    assert found(store, now(ALL_FINE)) == [("battery_held", "p-seat1", 1800, T0 - 9 * DAY)]
    store.begin_span(supply, "battery", T0 - 2 * DAY)  # the battery was changed: it holds now
    store.begin_span(supply, "mains", T0 - 2 * DAY + 9000)
    assert found(store, now(ALL_FINE)) == []


def test_a_device_that_was_cut_off_or_held_long_says_nothing_against_its_battery(store):
    for n, (state, after) in enumerate((("unreachable", 1800), ("down", 3 * 3600))):
        supply, device = Subject("supply", f"p-seat{n + 1}"), Subject("device", f"p-seat{n + 1}")
        store.begin_span(supply, "battery", T0 - DAY)
        store.open_outage(Outage(device, state, T0 - DAY + after, None, "", ""))
        store.close_outage(device, T0 - DAY + after + 60)
        store.begin_span(supply, "mains", T0 - DAY + 5 * 3600)
    assert found(store, now(ALL_FINE)) == []


def hours(store, figure, values):
    """A figure of the generator at a seat, by how many days ago."""
    summaries = Summaries(store, OwnMetrics())
    for days, value in values.items():
        summaries.take(Subject("site", "seat1"), figure, "p-seat1", value, T0 - days * DAY)
    summaries.park()


@pytest.mark.parametrize(
    ("figure", "values", "what"),
    [
        ("generator_run_seconds", {40: 50.0, 31: 60.0, 20: 60.0, 1: 60.0}, "generator_untried"),
        ("generator_run_seconds", {31: 50.0, 20: 50.0, 1: 60.0}, None),
        ("generator_up", {31: 0.0, 1: 0.0}, "generator_untried"),
        ("generator_up", {3: 0.0, 2: 1.0, 1: 0.0}, None),
        ("generator_up", {3: 0.0, 1: 0.0}, "generator_unknown"),
        ("generator_up", {}, "generator_unknown"),
    ],
)
def test_a_generator_is_tried_when_its_hours_grew_or_it_fed_the_site_within_30_days(store, figure, values, what):
    hours(store, figure, values)
    powers = ALL_FINE | {"p-seat1": power(generator=False, **FULL)}
    assert [row[0] for row in found(store, now(powers))] == ([what] if what else [])


def test_an_overdue_drill_of_a_backup_is_told_with_its_age_and_one_that_nobody_saw_as_unknown(store):
    verdict = Verdict(
        target="backup_drill", subject=Subject("link", "d"), standing=Standing.AT_RISK, value=40 * DAY, limit=30 * DAY,
        coverage=1.0, window=Window(T0 - 100 * DAY, T0 + DAY), final=False, evidence={},
    )  # fmt: skip
    unseen = replace(verdict, standing=Standing.UNPROVEN, value=None)
    assert found(store, now(ALL_FINE, verdicts=[verdict])) == [("drill_overdue", "d", 40 * DAY, T0 - 40 * DAY)]
    assert found(store, now(ALL_FINE, verdicts=[unseen])) == [("drill_unknown", "d", None, None)]
    for standing in (Standing.MET, Standing.EXEMPT):
        assert found(store, now(ALL_FINE, verdicts=[replace(verdict, standing=standing)])) == []


def handler(store, powers=ALL_FINE):
    network = SimpleNamespace(inventory=things(), tracks={}, links={})
    return Readiness(network, SimpleNamespace(powers=lambda: powers), store.reader(), list).control_readiness


def test_the_handler_answers_by_area_and_refuses_one_that_is_not_there(store):
    powers = {name: power(at=4e9, **FULL) for name in ALL_FINE} | {"p-seat1": power(charge=0.5, at=4e9)}
    told = asyncio.run(handler(store, powers)("operator", {"areas": ["01001"]}))
    (row,) = told["lacks"]
    assert (row["site"], row["figure"], row["unit"], row["words"]["vi"]) == ("seat1", 0.5, "ratio", "ắc quy chưa đầy")
    with pytest.raises(ControlError, match="no site in 99"):
        asyncio.run(handler(store)("operator", {"areas": ["04", "99"]}))
    with pytest.raises(ControlError, match="a list of codes"):
        asyncio.run(handler(store)("operator", {"areas": "04"}))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_table_says_every_lack_in_words_and_names_the_unknown_below(store, language):
    powers = {"p-seat1": power(charge=0.5, fuel=0.2), "p-seat2": power(**FULL)}
    store.flush()
    lacks = [fact(lack, things()) for lack in readiness(things(), now(powers), store.reader(), (), T0)]
    told = cli.show_readiness(lacks, language)
    assert LACKS["fuel"][language == "en"] in told
    assert "50 %" in told
    assert told.splitlines()[-1].startswith("2 ")
    assert told.endswith("centre, relay")
    assert cli.show_readiness([], language)
