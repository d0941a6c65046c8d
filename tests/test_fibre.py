"""Fibre links through a whole pipeline: both ends polled, joined, shown, kept and forgotten."""

import asyncio
import json
import time
from contextlib import ExitStack
from dataclasses import replace
from math import isnan

import pytest

from netmon import cli, control
from netmon.cli.fibre import show
from netmon.inventory import Inventory
from netmon.model import LinkKind, LinkState, Outcome, Port, Reading, Series, Subject, Summary
from tests.test_pipeline import T0, Bench, Router, inventory

OPTIC = "netmon_optic_receive_power_dbm", "netmon_optic_transmit_power_dbm", "netmon_optic_receive_power_low_limit_dbm"
LINK = Subject("link", "f01273")
DAY_S, ZONE_S = 86_400, 7 * 3600
TODAY = int((T0 + ZONE_S) // DAY_S)
MIDNIGHT = TODAY * DAY_S - ZONE_S


class Optical(Router):
    """A router whose port has an optic; `light` are its receive power, transmit power and limit."""

    def __init__(self, device, labels, interface):
        super().__init__(device, labels, interface)
        self.light = {"r01273": (-21.5, 2.0, -28.0), "core": (-19.0, 3.5, -30.0)}.get(device, (-5.0, 0.0, -14.0))
        self.extra = ()
        self.made = {}

    def series(self, family, interface, sensor):
        key = family, interface, sensor
        labels = (*self.labels, ("interface", interface), ("sensor", sensor))
        return self.made.setdefault(key, Series(family, labels))

    async def poll(self, *, light=False):
        poll = await super().poll(light=light)
        if poll.outcome is not Outcome.ANSWERED:
            return poll
        rows = [
            *(
                (family, self.interface, "sfp", value)
                for family, value in zip(OPTIC, self.light, strict=True)
                if value is not None
            ),
            *self.extra,
        ]
        optics = [Reading(self.series(*row), value, poll.ended) for *row, value in rows]
        return replace(poll, readings=(*poll.readings, *optics))


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:

        def start(things=None):
            bench = Bench(tmp_path / "netmon.db", things or inventory(), Optical)
            stack.callback(bench.close)
            return bench

        yield start


def shown(bench, figure, way):
    """A figure of the link on the page, None when it is not there."""
    found = [line for line in bench.lines(f"netmon_link_{figure}{{") if f'direction="{way}"' in line]
    return float(found[0].rsplit(" ", 1)[1]) if found else None


def changed(link):
    """The inventory of one link, with the link otherwise."""
    things = inventory()
    return replace(things, links={"f01273": replace(things.links["f01273"], **link)})


def both(bench, figure):
    return [shown(bench, figure, way) for way in ("receive", "transmit")]


def test_both_ends_together_tell_what_the_span_takes_and_what_margin_is_left(make):
    bench = make()
    bench.poll("r01273")
    assert both(bench, "optical_receive_power_dbm") == [-21.5, None]
    assert both(bench, "span_loss_db") == [None, None]
    bench.poll("core")
    assert both(bench, "optical_receive_power_dbm") == [-21.5, -19.0]
    assert both(bench, "optical_transmit_power_dbm") == [3.5, 2.0]
    assert both(bench, "span_loss_db") == [25.0, 21.0]
    assert both(bench, "optical_margin_db") == [6.5, 11.0]


def test_only_a_fibre_link_has_light(make):
    bench = make(changed({"kind": LinkKind.MICROWAVE}))
    bench.poll()
    assert bench.lines("netmon_link_optical") == []
    assert bench.pipeline.fibre.facts() == []


def test_the_inventory_gives_the_limit_that_an_optic_does_not(make):
    bench = make(changed({"receiver_limit_dbm": -25.0}))
    bench.routers["r01273"].light = (-21.5, 2.0, None)
    bench.poll()
    assert both(bench, "optical_margin_db") == [3.5, 11.0]
    receive, transmit = bench.pipeline.fibre.facts()[0]["directions"]
    assert (receive["limit_from"], transmit["limit_from"]) == ("inventory", "optic")


def test_an_end_that_falls_silent_takes_its_light_with_it_and_leaves_the_others(make):
    bench = make()
    bench.poll()
    bench.routers["r01273"].outcome = Outcome.SILENT
    for _ in range(4):
        bench.now += 30
        bench.poll()
        bench.pipeline.sweep(bench.now)
    assert both(bench, "optical_receive_power_dbm") == [None, -19.0]
    assert both(bench, "optical_transmit_power_dbm") == [3.5, None]
    assert both(bench, "span_loss_db") == [None, None]
    assert both(bench, "optical_margin_db") == [None, 11.0]
    bench.routers["core"].outcome = Outcome.SILENT
    bench.now += 120
    bench.pipeline.sweep(bench.now)
    assert bench.lines("netmon_link_optical") + bench.lines("netmon_link_span") == []


def test_readings_of_different_times_make_no_loss(make):
    """Two polls apart they still do."""
    bench = make()
    bench.poll("core")
    bench.now += 60
    bench.poll("r01273")
    assert shown(bench, "span_loss_db", "receive") == 25.0
    bench.now += 30
    bench.poll("r01273")
    assert both(bench, "span_loss_db") == [None, None]
    assert bench.pipeline.fibre.facts()[0]["directions"][0]["why_no_loss"] == "apart"


def test_a_step_of_the_clock_ages_nothing(make):
    bench = make()
    bench.poll()
    bench.now += 3600
    bench.pipeline.shift(3600)
    bench.pipeline.sweep(bench.now + 5)
    assert both(bench, "span_loss_db") == [25.0, 21.0]


def test_darkness_is_shown_as_it_is_read_and_is_no_measurement(make):
    bench = make()
    bench.routers["r01273"].light = (-40.0, 2.0, -28.0)
    bench.poll()
    assert both(bench, "optical_receive_power_dbm") == [-40.0, -19.0]
    assert (both(bench, "span_loss_db"), both(bench, "optical_margin_db")) == ([None, 21.0], [None, 11.0])
    bench.pipeline.park()
    bench.store.flush()
    parts = {one.part for one in bench.reader.summaries(LINK, "optical_receive_power_dbm", T0 - DAY_S, T0 + DAY_S)}
    assert parts == {"transmit"}


def hours_of(bench, figure):
    bench.pipeline.park()
    bench.store.flush()
    return {(one.part, one.readings) for one in bench.reader.summaries(LINK, figure, T0 - 7200, T0 + 7200)}


def test_that_it_was_dark_is_kept_where_there_would_be_a_margin(make):
    bench = make()
    for receive in (-40.0, -21.0, -40.0):
        bench.routers["r01273"].light = (receive, 2.0, -28.0)
        bench.poll()
        bench.now += 30
    bench.routers["core"].light = (-40.0, 3.5, None)
    bench.poll("core")  # whose limit was told before, and is not now
    assert hours_of(bench, "optical_dark") == {("receive", 2)}
    assert hours_of(bench, "optical_margin_db") == {("receive", 1), ("transmit", 3)}


def test_an_optic_that_told_its_limit_is_not_held_against_the_inventorys(make):
    """A poll that lacks the limit says less, and nothing better. After a day without one it is another optic."""
    bench = make(changed({"receiver_limit_dbm": -28.0}))
    for limit, margin in ((-18.0, 1.0), (None, None), (-18.0, 1.0), (None, None)):
        bench.routers["r01273"].light = (-17.0, 2.0, limit)
        bench.poll()
        assert shown(bench, "optical_margin_db", "receive") == margin
        bench.now += 30
    told = bench.pipeline.fibre.facts()[0]["directions"][0]
    assert (told["why_no_margin"], told["limit_from"]) == ("no_limit", "")
    assert hours_of(bench, "optical_margin_db") == {("receive", 2), ("transmit", 4)}
    bench.now += DAY_S
    bench.poll()
    assert shown(bench, "optical_margin_db", "receive") == 11.0


def test_hours_are_kept_of_what_each_poll_of_the_receiver_brought(make):
    bench = make()
    for receive in (-21.0, -22.0, -23.0):
        bench.routers["r01273"].light = (receive, 2.0, -28.0)
        bench.poll("core")
        bench.poll("r01273")
        bench.now += 30
    bench.pipeline.park()
    bench.store.flush()
    kept = {}
    for figure in ("optical_receive_power_dbm", "optical_margin_db", "span_loss_db"):
        for one in bench.reader.summaries(LINK, figure, T0 - 7200, T0 + 7200):
            kept[figure, one.part] = (one.least, one.mean, one.most, one.readings)
    assert kept["optical_receive_power_dbm", "receive"] == (-23.0, -22.0, -21.0, 3)
    assert kept["optical_margin_db", "receive"] == (5.0, 6.0, 7.0, 3)
    assert kept["span_loss_db", "receive"] == (24.5, 25.5, 26.5, 3)
    assert kept["optical_receive_power_dbm", "transmit"] == (-19.0, -19.0, -19.0, 3)


def test_a_database_gets_each_reading_once_and_at_its_own_time(make):
    bench = make()
    bench.poll("core")
    bench.now += 30
    bench.poll("r01273")
    found = {
        (series.family.removeprefix("netmon_link_"), series.label("direction")): (at, value)
        for (series, at), value in bench.database.points.items()
        if series.family.startswith(("netmon_link_optical", "netmon_link_span"))
    }
    assert found["optical_receive_power_dbm", "transmit"] == (T0, -19.0)
    assert found["optical_transmit_power_dbm", "receive"] == (T0, 3.5)
    assert found["optical_receive_power_dbm", "receive"] == (T0 + 30, -21.5)
    assert found["span_loss_db", "receive"] == (T0 + 30, 25.0)
    assert found["span_loss_db", "transmit"] == (T0 + 30, 21.0), "what was sent is known only now"
    points = [at for series, at in bench.database.points if series.family == "netmon_link_optical_receive_power_dbm"]
    assert sorted(points) == [T0, T0 + 30]
    assert not any(isnan(at) for at in points)


def test_a_poll_that_brings_the_same_measurement_again_counts_once(make):
    """As what reports by itself does: it is looked at more often than it reports."""
    bench = make()
    bench.poll()
    watch, poll = bench.pipeline.watches["r01273"], asyncio.run(bench.routers["r01273"].poll())
    for _ in range(3):
        bench.pipeline.take_poll(watch, poll)
    bench.pipeline.park()
    bench.store.flush()
    kept = bench.reader.summaries(LINK, "optical_receive_power_dbm", T0 - 7200, T0 + 7200)
    assert {one.part: one.readings for one in kept} == {"receive": 1, "transmit": 1}


def test_an_olt_tells_both_ends_of_a_link_to_an_onu(make):
    """The commune's router has no optics to read: its ONU is known to the OLT by its id."""
    bench = make(changed({"far": Port("core", "0/1/0.7"), "near": Port("r01273", "ge0"), "receiver_limit_dbm": -27.0}))
    bench.routers["r01273"].light = (None, None, None)
    core = bench.routers["core"]
    core.interface, core.light = "gpon0/1/0", (None, 4.5, -30.0)
    core.extra = (
        ("netmon_onu_receive_power_dbm", "gpon0/1/0", "0/1/0.7", -19.5),
        ("netmon_onu_transmit_power_dbm", "gpon0/1/0", "0/1/0.7", 2.5),
        ("netmon_onu_olt_receive_power_dbm", "gpon0/1/0", "0/1/0.7", -22.5),
        ("netmon_onu_olt_receive_power_dbm", "gpon0/1/0", "0/1/0.8", -26.0),
    )
    bench.poll()
    assert both(bench, "optical_receive_power_dbm") == [-19.5, -22.5]
    assert both(bench, "span_loss_db") == [24.0, 25.0]
    assert both(bench, "optical_margin_db") == [7.5, 7.5]
    assert bench.pipeline.missing_interfaces() == {}
    assert bench.network.links["f01273"].state == LinkState.UP
    # What the ONU tells itself goes first, and what the OLT tells of it then is no measurement of its own.
    bench.routers["r01273"].light = (-20.0, None, -28.0)
    bench.poll("r01273", "core")
    assert both(bench, "span_loss_db") == [24.5, 25.0]
    assert both(bench, "optical_margin_db") == [8.0, 7.5]
    bench.pipeline.park()
    bench.store.flush()
    kept = bench.reader.summaries(LINK, "optical_receive_power_dbm", T0 - 7200, T0 + 7200)
    assert {one.part: one.readings for one in kept} == {"receive": 2, "transmit": 1}


def test_an_onu_that_is_out_of_service_is_a_link_that_is_down(make):
    """The OLT says so at once, and also when nobody can ask the commune's router any more."""
    bench = make(changed({"far": Port("core", "0/1/0.7")}))
    bench.routers["core"].interface = "gpon0/1/0"
    for up, state in ((1, LinkState.UP), (0, LinkState.DOWN), (1, LinkState.UP)):
        bench.routers["core"].extra = (("netmon_onu_up", "gpon0/1/0", "0/1/0.7", up),)
        bench.poll()
        assert bench.network.links["f01273"].state == state
        bench.now += 30


def test_a_reload_keeps_what_was_told_and_forgets_links_that_are_gone(make):
    bench = make()
    bench.poll()
    bench.pipeline.take(changed({"receiver_limit_dbm": -20.0, "length_km": 50.0}))
    told = bench.pipeline.fibre.facts()[0]["directions"][0]
    assert (told["loss_db"], told["loss_db_per_km"]) == (25.0, 0.5)
    bench.pipeline.take(changed({"far": Port("core", "other")}))
    assert both(bench, "span_loss_db") == [None, None]
    bench.poll("r01273")
    assert both(bench, "optical_receive_power_dbm") == [-21.5, None]
    things = inventory()
    bench.pipeline.take(Inventory(things.sites, things.devices, {}))
    assert bench.lines("netmon_link_optical") == []
    bench.poll()
    assert bench.lines("netmon_link_optical") == []


def test_a_device_without_optics_costs_one_search_as_long_as_it_brings_the_same(make, monkeypatch):
    bench = make()
    searched = []
    monkeypatch.setattr("netmon.fibre.find", lambda series, ports: searched.append(len(series)) or {})
    watch, poll = bench.pipeline.watches["r01273"], asyncio.run(bench.routers["r01273"].poll())
    for _ in range(5):
        bench.pipeline.take_poll(watch, poll)
    assert len(searched) == 1


# --- fading -------------------------------------------------------------------------------------------------------------


def history(level, days=56):
    """What the store has of the link's daily means."""

    def summaries(subject, figure, start, end, *, days_=days, **more):
        assert (figure, more, end) == ("optical_receive_power_dbm", {"days": True}, MIDNIGHT)
        assert start == MIDNIGHT - 56 * DAY_S
        if subject != LINK:
            return []
        return [
            Summary(MIDNIGHT - (days_ - day) * DAY_S, DAY_S, "receive", -30, level(day), -5, 2880) for day in range(days_)
        ]

    return summaries


def test_fading_is_shown_and_says_when_the_margin_will_be_spent(make):
    bench = make()
    bench.poll()
    asyncio.run(bench.pipeline.fibre.fade(history(lambda day: -15 - day / 28), T0))
    assert both(bench, "optical_fading_db_per_week") == [pytest.approx(0.25), None]
    receive, transmit = bench.pipeline.fibre.facts()[0]["directions"]
    assert receive["days_left"] == pytest.approx(6.5 / 0.25 * 7)
    assert (transmit["days_left"], transmit["fading"]["why"]) == (None, "few_days")
    asyncio.run(bench.pipeline.fibre.fade(history(lambda day: -15, 13), T0))
    assert both(bench, "optical_fading_db_per_week") == [None, None]


def test_a_history_that_cannot_be_read_stops_nothing_else(make):
    things = inventory(communes=("01290", "01273"))
    bench, told = make(things), history(lambda day: -15 - day / 28)

    def torn(subject, *more, **days):
        if subject.id == "f01290":
            raise OSError("the disk is gone")
        return told(subject, *more, **days)

    asyncio.run(bench.pipeline.fibre.fade(torn, T0))
    assert shown(bench, "optical_fading_db_per_week", "receive") == pytest.approx(0.25)
    assert bench.lines('netmon_bugs_total{room="fibre"}') == ['netmon_bugs_total{room="fibre"} 1.0']


def test_days_that_the_store_folded_make_the_fading(make):
    """No history of our own: hours go to the store as polls would bring them."""
    bench = make()
    for day in range(20):
        for hour in range(0, 24, 6):
            at = MIDNIGHT - (20 - day) * DAY_S + hour * 3600
            bench.pipeline.summaries.take(LINK, "optical_receive_power_dbm", "receive", -15 - 0.1 * day, at)
    bench.pipeline.park()
    bench.store.flush()
    asyncio.run(bench.pipeline.fibre.fade(bench.reader.summaries, T0))
    assert shown(bench, "optical_fading_db_per_week", "receive") == pytest.approx(0.7)


# --- what people see ----------------------------------------------------------------------------------------------------


def test_the_least_margin_comes_first_and_darkness_before_it(make):
    things = inventory(communes=("01273", "01290", "01318"))
    bench = make(things)
    for code, receive in (("01290", -27.0), ("01318", -40.0)):
        bench.routers[f"r{code}"].light = (receive, 1.0, -28.0)
    bench.poll()
    told = json.loads(json.dumps(bench.pipeline.fibre.facts(), allow_nan=False))
    assert [link["link"] for link in told] == ["f01318", "f01290", "f01273"]
    assert told[0]["directions"][0]["why_no_margin"] == "no_light"


def test_the_table_says_what_is_missing_and_why(make):
    bench = make(changed({"length_km": 50.0}))
    bench.poll()
    level = [-15 - day / 28 + (2 if day >= 30 else 0) for day in range(56)]
    asyncio.run(bench.pipeline.fibre.fade(history(level.__getitem__), T0))
    rows = [line.split("  ") for line in show(bench.pipeline.fibre.facts(), "en", T0 + 20).splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    since = time.strftime("%Y-%m-%d", time.gmtime((TODAY - 26) * DAY_S))
    assert rows[1:] == [
        ["f01273", "receive", "3.50", "-21.50", "25.0", "0.50", "6.5", "0.25 (0.25 to 0.25)", "182", "20 s ago",
         f"level changed by +2.0 dB before {since}"],
        ["transmit", "2.00", "-19.00", "21.0", "0.42", "11.0", "-", "-", "fading: too few days"],
    ]  # fmt: skip
    vi = [line.split("  ") for line in show(bench.pipeline.fibre.facts(), "vi", T0 + 20).splitlines()]
    vi = [[cell.strip() for cell in row if cell.strip()] for row in vi]
    assert [name for name in vi[0] if name in rows[0]] == ["DB/KM"]
    assert vi[1][1:8] == ["về xã", "3,50", "-21,50", "25,0", "0,50", "6,5", "0,25 (0,25 đến 0,25)"]
    assert vi[1][-1] == f"mức đổi +2,0 dB trước {since}"
    assert vi[2] == ["từ xã đi", "2,00", "-19,00", "21,0", "0,42", "11,0", "-", "-", "tốc độ giảm: chưa đủ ngày đo"]
    assert show([], "en", T0) == "There is no fibre link with a witness."


def test_a_link_that_tells_no_light_is_counted_and_not_listed(make):
    bench = make()
    assert show(bench.pipeline.fibre.facts(), "en", T0) == "1 fibre link tells nothing of light."
    assert show(bench.pipeline.fibre.facts(), "vi", T0) == "1 tuyến quang không báo công suất quang."


@pytest.fixture
def answering(make, tmp_path, monkeypatch):
    """The command, with a daemon that tells these facts."""
    bench = make()
    bench.poll()

    def ask(path, command, **fields):
        assert command == "fibre"
        return {"links": bench.pipeline.fibre.facts()}

    monkeypatch.setattr("netmon.cli.fibre.ask", ask)
    return lambda *words: cli.main(["fibre", "--config", "config", *words])


def test_the_command_prints_a_link_as_a_table_or_as_json(answering, capsys, monkeypatch):
    assert answering("f01273", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["directions"][0]["loss_db"] == 25.0
    assert answering("--lang", "en") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["f01273", "receive", "3.50"]
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    assert answering() == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ["f01273", "về", "xã", "3,50"]


def test_the_command_says_what_it_cannot_do(answering, capsys, monkeypatch):
    assert answering("f01274") == 1
    assert "there is no fibre link 'f01274' with a witness; did you mean f01273?" in capsys.readouterr().err
    monkeypatch.setattr("netmon.cli.fibre.ask", control.ask)
    assert answering() == 1
    assert "no netmon runs here" in capsys.readouterr().err
