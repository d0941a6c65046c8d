"""The keeper of who goes dark next: what polls of power devices make of it, on the page, in the facts and in words."""

from dataclasses import replace
from threading import get_ident
from types import SimpleNamespace

import pytest

from netmon.answers import Answers
from netmon.cli import dark as cli
from netmon.cli import main
from netmon.darkness import OLDER, RECENT, SHOWN_AT_ONCE, Darkness
from netmon.derive.layout import Layout
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.inventory import Inventory
from netmon.model import At, Device, Kind, Link, LinkKind, LinkRole, LinkState, Readings, Series, Site, SiteKind, Subject
from netmon.sim.power import PowerPlant
from netmon.sim.timetable import Timetable

T0 = 1_800_000_000.0


def things():
    """Two communes behind a relay, which hangs on the centre; the second has a backup past it. Every site tells of power."""
    kinds = {
        "centre": (SiteKind.PROVINCIAL_CENTRE, "01000"),
        "relay": (SiteKind.BTS, "01001"),
        "seat1": (SiteKind.PEOPLES_COMMITTEE, "01001"),
        "seat2": (SiteKind.PEOPLES_COMMITTEE, "01002"),
    }
    sites = {
        name: Site(id=name, name=f"Điểm {name}", kind=kind, province="04", commune=commune)
        for name, (kind, commune) in kinds.items()
    }
    ways = {"a": ("relay", "centre"), "b": ("seat1", "relay"), "c": ("seat2", "relay"), "d": ("seat2", "centre")}
    links = {
        name: Link(
            id=name, site=site, upstream_site=upstream, kind=LinkKind.FIBRE,
            role=LinkRole.BACKUP if name == "d" else LinkRole.PRIMARY, network="tslcd_2", capacities=(),
        )
        for name, (site, upstream) in ways.items()
    }  # fmt: skip
    devices = {f"p-{name}": Device(id=f"p-{name}", site=name) for name in sites}
    return Inventory(sites, devices, links | {})


class Hours:
    """Takes hours of figures."""

    def __init__(self):
        self.taken = []

    def take(self, subject, figure, part, value, at, simulated=False):
        self.taken.append((subject, figure, part, value, at))


class Bench:
    """A keeper with a page of its own."""

    def __init__(self):
        self.page = Page(OwnMetrics())
        self.hours = Hours()
        self.inventory = things()
        self.make()

    def make(self):
        self.keeper = Darkness(Outlets(self.page), self.hours)
        self.keeper.hang(self.inventory)
        self.layouts = {}

    def tell(self, site, at, period_s=60.0, info=(), **values):
        """A poll of the power device of a site; values by family without its prefix."""
        device = f"p-{site}"
        key = (device, tuple(values), info)
        if key not in self.layouts:
            labels = self.inventory.device_labels(device)
            series = [
                Series(
                    f"netmon_{name.split('__')[0]}", (*labels, *([("sensor", name.split("__")[1])] if "__" in name else []))
                )
                for name in values
            ]
            named = [Series("netmon_component_info", (*labels, ("name", name)), Kind.INFO) for name in info]
            self.layouts[key] = Layout((*series, *named))
        layout = self.layouts[key]
        numbers = (*values.values(), *[1] * len(info))
        readings = Readings(layout.series, numbers, [At(at, at)] * len(numbers), [None] * len(numbers))
        self.keeper.take(device, layout, readings, period_s)

    def discharge(self, site, plant, start, end, every=60.0):
        at = start
        while at <= end:
            state = plant.at(at)
            self.tell(
                site, at, mains_up=int(state.mains_up), battery_voltage_volts=round(state.battery_voltage_volts, 2),
                battery_charge_ratio=round(state.battery_charge_ratio, 4),
            )  # fmt: skip
            at += every

    def samples(self):
        lines = self.page.render().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("netmon_site_")}


@pytest.fixture
def bench():
    return Bench()


def plant(hours, failed=T0):
    return PowerPlant(failures=Timetable(failed, 86_400.0), load_amperes=30, capacity_ampere_hours=30 * hours)


def series(site, commune, bound):
    return f'netmon_site_dark_seconds{{province="04",commune="{commune}",site="{site}",bound="{bound}"}}'


def test_a_site_on_mains_is_shown_as_such_and_goes_dark_in_no_time(bench):
    bench.tell("seat1", T0, mains_up=1, battery_charge_ratio=1.0)
    bench.keeper.sweep(T0 + 60)
    assert bench.samples() == {'netmon_site_on_battery{province="04",commune="01001",site="seat1"}': 0}
    assert bench.keeper.facts(T0 + 60) == {"sites": [], "communes": []}
    assert bench.keeper.on_battery() == {}


def test_the_soonest_stands_first_with_what_it_takes_with_it(bench):
    bench.discharge("relay", plant(3), T0, T0 + 2400)
    bench.discharge("seat2", plant(2), T0, T0 + 2400)
    bench.tell("centre", T0, mains_up=0)
    facts = bench.keeper.facts(T0 + 2400)
    assert [row["site"] for row in facts["sites"]] == ["seat2", "relay", "centre"]
    seat2, relay, centre = facts["sites"]
    assert seat2["takes"] == ["01002"]
    assert relay["takes"] == ["01001"]  # the other has its backup
    assert centre["takes"] == ["01001", "01002"]
    assert (centre["likely"], centre["basis"]["vi"]) == (None, "thiết bị không báo gì về ắc quy")
    assert relay["likely"] == pytest.approx(3 * 3600 - 2400, rel=0.01)
    assert relay["earliest"] < relay["likely"] < relay["latest"]
    assert relay["since"] == T0
    assert "charge 78 %" in relay["basis"]["en"]
    assert [(row["commune"], row["site"], row["by"]) for row in facts["communes"]] == [
        ("01002", "seat2", "seat2"),
        ("01001", "seat1", "relay"),
    ]
    assert [row["takes"] for row in bench.keeper.facts(T0, {"d"})["sites"] if row["site"] == "relay"] == [["01001", "01002"]]


def test_the_page_counts_down_between_polls_and_forgets_it_when_the_mains_are_back(bench):
    bench.discharge("seat1", plant(3), T0, T0 + 1800)
    bench.keeper.sweep(T0 + 1800)
    first = bench.samples()[series("seat1", "01001", "likely")]
    bench.keeper.sweep(T0 + 1815)
    assert bench.samples()[series("seat1", "01001", "likely")] == first  # twice a minute is enough
    bench.keeper.sweep(T0 + 1840)
    found = bench.samples()
    assert found[series("seat1", "01001", "likely")] == pytest.approx(first - 40)
    assert found[series("seat1", "01001", "earliest")] < first < found[series("seat1", "01001", "latest")]
    bench.tell("seat1", T0 + 1900, mains_up=1, battery_voltage_volts=52.0, battery_charge_ratio=0.8)
    assert bench.samples() == {'netmon_site_on_battery{province="04",commune="01001",site="seat1"}': 0}


def test_a_site_that_fell_silent_goes_on_counting_until_its_latest_end_and_stays_on_battery(bench):
    bench.discharge("seat1", plant(2), T0, T0 + 3600)
    latest = bench.keeper.facts(T0 + 3600)["sites"][0]["latest"]
    bench.keeper.sweep(T0 + 7300)
    assert bench.samples()[series("seat1", "01001", "likely")] == 0
    row = bench.keeper.facts(T0 + 7300)["sites"][0]
    assert (row["silent"], row["heard"], row["likely"]) == (True, T0 + 3600, 0)
    bench.keeper.sweep(T0 + 3600 + latest + 60)
    assert series("seat1", "01001", "likely") not in bench.samples()
    assert bench.keeper.on_battery() == {"seat1": T0}


def test_after_a_restart_the_supply_goes_on_and_what_is_left_is_said_to_be_unknown_until_it_is_told(bench):
    bench.make()
    bench.keeper.restore({"p-seat1": ("battery", T0), "p-seat2": ("mains", T0), "gone": ("battery", T0)})
    row = bench.keeper.facts(T0 + 5400)["sites"][0]
    assert (row["site"], row["since"], row["likely"], row["heard"]) == ("seat1", T0, None, None)
    assert row["basis"]["en"] == "nothing was told since netmon restarted"
    bench.tell("seat1", T0 + 5400, mains_up=0, battery_charge_ratio=0.5)
    row = bench.keeper.facts(T0 + 5400)["sites"][0]
    assert (row["since"], row["likely"]) == (T0, None)  # how full it was when they failed is not known any more
    assert row["basis"]["en"] == "watched for 0 min only"


@pytest.mark.parametrize(
    ("before", "told_at", "likely"), [(1.0, T0 - 60, 1080), (0.6, T0 - 60, None), (1.0, T0 - 600, None)]
)
def test_the_charge_since_the_failure_counts_only_where_the_battery_was_just_told_to_be_full(bench, before, told_at, likely):
    bench.tell("seat1", told_at, mains_up=1, battery_charge_ratio=before)
    for minute in range(13):
        bench.tell("seat1", T0 + 60 * minute, mains_up=0, battery_charge_ratio=0.6)
    assert bench.keeper.facts(T0 + 720)["sites"][0]["likely"] == likely


def test_a_battery_that_is_empty_and_silent_does_not_speak_for_one_that_still_feeds_the_site(bench):
    devices = bench.inventory.devices | {"p-ups": Device(id="p-ups", site="seat1")}
    bench.inventory = Inventory(bench.inventory.sites, devices, bench.inventory.links)
    bench.make()
    for minute in range(91):
        at = T0 + 60 * minute
        if minute < 60:
            bench.tell("ups", at, mains_up=0, battery_remaining_seconds=3600.0 - 60 * minute)
        bench.tell("seat1", at, mains_up=0, battery_remaining_seconds=28_800.0 - 60 * minute)
        if minute == 59:
            assert bench.keeper.soonest(at) == [("seat1", 60)]
    bench.keeper.sweep(T0 + 5400)
    assert bench.samples()[series("seat1", "01001", "likely")] == 28_800 - 5400
    assert [row["device"] for row in bench.keeper.facts(T0 + 5400)["sites"]] == ["p-seat1"]


@pytest.mark.parametrize(
    "told",
    [
        {"battery_remaining_seconds": 1e16},
        {"battery_remaining_seconds": 31 * 86_400.0},
        {"battery_charge_coulombs": 1e308, "load_current_amperes": 0.6},
        {"battery_charge_coulombs": 1e308, "battery_discharged_coulombs": 1e308, "battery_current_amperes": -1e308},
    ],
)
def test_a_number_that_cannot_be_is_not_known_and_takes_nobody_else_with_it(bench, told):
    bench.discharge("seat1", plant(2), T0, T0 + 1800)
    bench.tell("seat2", T0, mains_up=0, **told)
    now = T0 + 1800
    ends = bench.keeper.ends(now)
    assert ends["seat2"] == (T0, None, None, None)
    assert ends["seat1"].likely is not None
    assert [site["site"] for site in bench.keeper.facts(now)["sites"]] == ["seat1", "seat2"]
    assert [site for site, _ in bench.keeper.soonest(now)] == ["seat1"]
    bench.keeper.sweep(now)


def test_what_nobody_knows_and_nobody_heard_for_a_day_is_dark_and_no_longer_about_to_be(bench):
    """Before a restart and after it, and where nothing but the mains was ever told."""
    bench.discharge("seat1", plant(2), T0, T0 + 3600)
    bench.tell("seat2", T0 + 3600, mains_up=0)
    days = T0 + 3 * 86_400
    assert bench.keeper.ends(T0 + 86_400).keys() == {"seat2"}
    assert bench.keeper.ends(days) == {}
    assert bench.keeper.soonest(days) == []
    assert set(bench.keeper.on_battery()) == {"seat1", "seat2"}
    bench.make()
    bench.keeper.restore({"p-seat1": ("battery", T0), "p-seat2": ("battery", days - 3600)})
    assert bench.keeper.ends(days) == {"seat2": (days - 3600, None, None, None)}
    bench.tell("seat1", days, mains_up=0)
    assert "seat1" in bench.keeper.ends(days), "it speaks: a generator feeds it, or its mains come and go"


def test_when_very_many_run_out_each_gets_its_turn_on_the_page(bench):
    count = 2 * SHOWN_AT_ONCE + 10
    centre = bench.inventory.sites["centre"]
    sites = {f"m{n}": replace(centre, id=f"m{n}") for n in range(count)}
    bench.inventory = Inventory(sites, {f"p-{name}": Device(id=f"p-{name}", site=name) for name in sites}, {})
    bench.make()
    for name in sites:
        bench.tell(name, T0, mains_up=0, battery_remaining_seconds=36_000)
    for sweep, shown in enumerate((SHOWN_AT_ONCE, 2 * SHOWN_AT_ONCE, count, count)):
        bench.keeper.sweep(T0 + 20 * sweep)
        likely = {name: left for name, left in bench.samples().items() if 'bound="likely"' in name}
        assert len(likely) == shown
    assert min(likely.values()) == 36_000 - 60
    assert max(likely.values()) == 36_000 - 20  # nobody waits while others have their second turn


def test_what_is_asked_for_is_worked_out_elsewhere_from_how_it_stood_then(bench):
    bench.discharge("relay", plant(3), T0, T0 + 2400)
    bench.tell("seat2", T0 + 2400, mains_up=0)
    before, asked = bench.keeper.facts(T0 + 2400, {"d"}), bench.keeper.asked(T0 + 2400, {"d"})
    assert bench.keeper.soonest(T0 + 2400) == [("relay", pytest.approx(3 * 3600 - 2400, rel=0.01))]
    bench.tell("relay", T0 + 2460, mains_up=1, battery_charge_ratio=0.1)
    bench.keeper.hang(Inventory({}, {}, {}))
    assert asked() == before


async def test_the_control_socket_works_it_out_beside_the_loop():
    threads = []

    def asked(now, lost):
        threads.append((get_ident(), lost))
        return lambda: threads.append((get_ident(), None)) or {"sites": [], "communes": []}

    links = {"a": SimpleNamespace(state=LinkState.DOWN), "b": SimpleNamespace(state=LinkState.UP)}
    parts = SimpleNamespace(operations=SimpleNamespace(darkness=SimpleNamespace(asked=asked)))
    answers = SimpleNamespace(_network=SimpleNamespace(links=links), _pipeline=parts)
    assert await Answers.control_dark(answers, "me", {}) == {"sites": [], "communes": []}
    assert threads[0] == (get_ident(), {"a"})
    assert threads[1][0] != get_ident()


def test_a_device_that_does_not_tell_of_its_mains_is_on_battery_while_it_says_how_long(bench):
    bench.tell("seat1", T0, battery_discharge_duration_seconds=0, battery_remaining_seconds=7200)
    assert bench.keeper.on_battery() == {}
    bench.tell("seat1", T0 + 600, battery_discharge_duration_seconds=500, battery_remaining_seconds=6700)
    assert bench.keeper.on_battery() == {"seat1": T0 + 100}
    bench.tell("seat2", T0, battery_voltage_volts=48.0)
    assert bench.keeper.on_battery() == {"seat1": T0 + 100}
    assert 'site="seat2"' not in "".join(bench.samples())


def test_low_is_what_says_so_and_what_is_nearly_empty_or_at_its_end(bench):
    bench.tell("seat1", T0, mains_up=0, battery_low=1)
    bench.tell("seat2", T0, mains_up=0, battery_remaining_seconds=500)
    bench.tell("relay", T0, mains_up=0, battery_charge_ratio=0.0)
    bench.tell("centre", T0, mains_up=0, battery_remaining_seconds=5000)
    assert bench.keeper.battery_low() == {"seat1": T0, "seat2": T0, "relay": T0}
    bench.tell("seat1", T0 + 60, mains_up=1, battery_low=1)
    assert "seat1" not in bench.keeper.battery_low()


def test_strings_stand_for_a_battery_that_is_not_told_as_a_whole(bench):
    values = {"battery_string_current_amperes__1": -10, "battery_string_current_amperes__2": -20}
    bench.tell("seat1", T0, mains_up=0, battery_charge_coulombs=30 * 7200, **values)
    assert bench.keeper.facts(T0)["sites"][0]["likely"] == 7200


def test_a_report_is_taken_once_and_history_is_bounded(bench):
    for n in range(3 * RECENT + 40):
        for _ in range(2):
            bench.tell("seat1", T0 + 20 * n, mains_up=0, generator_up=1, fuel_liters=90)
    assert len([one for one in bench.hours.taken if one[1] == "generator_up"]) <= RECENT + 15
    for n in range(2000):
        bench.tell("seat1", T0 + 6000 + 60 * n, mains_up=0, generator_up=1, fuel_ratio=max(0.0, 0.9 - n / 10_000))
    held = bench.keeper._held["p-seat1"]
    assert (len(held.recent), len(held.older)) == (RECENT, OLDER)
    assert "its fuel lasts for about" in bench.keeper.facts(T0)["sites"][0]["basis"]["en"]


def test_hours_of_generators_are_kept_for_the_question_whether_they_were_tried(bench):
    bench.tell("seat1", T0, mains_up=1, generator_up=0, generator_run_seconds=3600)
    assert bench.hours.taken == [
        (Subject("site", "seat1"), "generator_run_seconds", "p-seat1", 3600.0, T0),
        (Subject("site", "seat1"), "generator_up", "p-seat1", 0.0, T0),
    ]


def test_lithium_is_known_by_the_names_of_the_parts(bench):
    bench.tell("seat1", T0, info=("ESM-48100 Lithium battery",), mains_up=0, battery_voltage_volts=45.9)
    bench.tell("seat2", T0, info=("lead-acid",), mains_up=0, battery_voltage_volts=45.9)
    told = {row["site"]: row["likely"] for row in bench.keeper.facts(T0)["sites"]}
    assert told == {"seat1": 0, "seat2": None}


def test_a_device_of_no_power_is_never_looked_at_and_one_that_moved_or_left_is_forgotten(bench):
    bench.tell("seat2", T0, temperature_celsius=40)
    assert bench.keeper.powers() == {}
    bench.discharge("seat1", plant(2), T0, T0 + 1800)
    bench.keeper.sweep(T0 + 1800)
    left = {name: device for name, device in bench.inventory.devices.items() if name != "p-seat1"}
    bench.keeper.hang(Inventory(bench.inventory.sites, left, bench.inventory.links))
    assert bench.keeper.facts(T0 + 1800) == {"sites": [], "communes": []}
    assert bench.samples() == {}


def test_of_a_device_that_says_no_more_of_its_mains_nobody_knows_whether_they_are_there(bench):
    bench.discharge("seat1", plant(2), T0, T0 + 1800)
    bench.keeper.sweep(T0 + 1800)
    bench.keeper.untold("p-seat1")
    bench.keeper.untold("p-seat2")
    assert (bench.keeper.on_battery(), bench.samples()) == ({}, {})


def test_a_stepped_clock_starts_histories_anew(bench):
    bench.discharge("seat1", plant(2), T0, T0 + 1800)
    bench.keeper.shift(-3600.0)
    assert bench.keeper.facts(T0)["sites"][0]["likely"] is None
    assert bench.keeper.on_battery() == {"seat1": T0 - 3600}


def test_when_a_battery_was_low_moves_with_a_stepped_clock(bench):
    bench.tell("seat1", T0, mains_up=0, battery_low=1)
    bench.tell("seat2", T0, mains_up=0, battery_low=0)
    bench.keeper.shift(-3600.0)
    assert bench.keeper.battery_low() == {"seat1": T0 - 3600}


def test_people_read_it_soonest_first_in_either_language(bench, monkeypatch, capsys):
    bench.discharge("relay", plant(3), T0, T0 + 2400)
    bench.tell("seat2", T0 + 2400, mains_up=0, generator_up=0)
    told = bench.keeper.facts(T0 + 2400)
    monkeypatch.setattr(cli, "where", lambda path: SimpleNamespace(control="/run/x"))
    monkeypatch.setattr(cli, "ask", lambda path, command, **fields: told if command == "dark" else {})
    assert main(["dark", "--lang", "vi"]) == 0
    vi = capsys.readouterr().out.splitlines()
    assert vi[0].split("  ")[0] == "ĐIỂM"
    assert vi[1].startswith("relay")
    assert "2 giờ 19" in vi[1]
    assert "1 xã: 01001" in vi[1]
    assert "chưa rõ" in vi[2]
    assert "có máy phát nhưng chưa chạy" in vi[2]
    assert vi[-1].startswith("01001")
    assert vi[-1].endswith("relay")
    assert main(["dark", "--lang", "en"]) == 0
    assert "there is a generator, and it does not run" in capsys.readouterr().out
    assert cli.show({"sites": [], "communes": []}, "en", T0) == "No site is known to be without mains."
