"""One site as a whole: what is known of a base station, what is not, and how old all of it is."""

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

import pytest

from netmon import site_facts
from netmon.catalogue import DEVICE
from netmon.cli import main
from netmon.cli.site import show
from netmon.model import (
    VIET_NAM,
    Carrier,
    CellName,
    CellReport,
    CellState,
    Device,
    Outcome,
    Room,
    Site,
    SiteKind,
    Speech,
    SpeedTest,
)
from tests.peers import LOOPBACK
from tests.test_daemon import Installation
from tests.test_pipeline import T0, Bench, inventory
from tests.test_pipeline_reports import Reporter

CARRIERS = (Carrier(operator="viettel", technologies=("3g", "4g")), Carrier(operator="vnpt", technologies=("4g",)))


class Tower:
    """A base station with a site controller that reports, and with the readings that a test gives it."""

    def __init__(self, path):
        things = inventory()
        tower = Site(
            id="tower", name="Trạm BTS", kind=SiteKind.BTS, province="04", commune="01273", carriers=CARRIERS,
            room=Room.EQUIPMENT,
        )  # fmt: skip
        controller = Device(id="ctl", site="tower", speaks=Speech.MQTT, upstreams=("r01273",))
        things = replace(things, sites=things.sites | {"tower": tower}, devices=things.devices | {"ctl": controller})
        self.bench = Bench(path, things)
        watch = self.bench.pipeline.watches["ctl"]
        self.device = watch.poller = Reporter("ctl", watch.labels)
        self.bench.poll("core", "r01273")

    def report(self, **measured):
        """A report of families without their prefix; of those of a sensor the sensor is "1"."""
        now, readings = self.bench.now, []
        for name, value in measured.items():
            family = DEVICE[f"netmon_{name}"]
            extra = tuple((label, "1") for label in family.labels[4:])
            readings.append(self.device.reading(family.name, value, now, extra))
        self.device.report(now, *readings)
        self.bench.poll("ctl")

    def facts(self, name="tower"):
        pipeline = self.bench.pipeline
        return site_facts.site(
            pipeline.inventory.sites[name],
            network=self.bench.network,
            watches=pipeline.watches,
            fed_since=pipeline.supplies.since(),
            cells=pipeline.cells.of(name),
            tested=pipeline.speed_tests.latest(),
            max_age_intervals=3,
            now=self.bench.now,
        )


@pytest.fixture
def tower(tmp_path):
    made = Tower(tmp_path / "netmon.db")
    yield made
    made.bench.close()


def of(facts, section):
    return {row["family"].removeprefix("netmon_"): row for row in facts["readings"][section]}


def test_of_a_station_that_never_spoke_everything_is_unknown(tower):
    facts = tower.facts()
    assert (facts["service"], facts["mains"]["state"], facts["room"]) == ("unknown", "unknown", "equipment")
    assert not any(facts["readings"].values())
    assert {name: there["there"] for name, there in facts["evidence"].items()} == dict.fromkeys(
        ("feed", "power", "transport", "probe"), False
    )
    assert [(carrier["operator"], carrier["told"], carrier["cells"]) for carrier in facts["carriers"]] == [
        ("viettel", False, []),
        ("vnpt", False, []),
    ]


def test_a_station_on_battery_shows_what_it_lives_on_and_for_how_long(tower):
    tower.report(mains_up=1, battery_current_amperes=2.5)
    tower.bench.now += 60
    tower.report(
        mains_up=0, battery_current_amperes=-31.5, battery_voltage_volts=49.1, battery_remaining_seconds=5400,
        battery_low=0, temperature_celsius=33.5, door_open=1, radio_receive_power_dbm=-48.0, fuel_ratio=0.4,
    )  # fmt: skip
    tower.bench.now += 12
    facts = tower.facts()
    assert facts["mains"] == {"state": "down", "since": T0 + 60, "device": "ctl", "last": "down"}
    battery = of(facts, "battery")
    assert (battery["battery_current_amperes"]["value"], battery["battery_current_amperes"]["unit"]) == (-31.5, "A")
    assert (battery["battery_remaining_seconds"]["value"], battery["battery_remaining_seconds"]["age_s"]) == (5400, 12)
    assert of(facts, "generator")["fuel_ratio"]["value"] == 0.4
    assert of(facts, "room")["door_open"]["value"] == 1
    assert of(facts, "room")["temperature_celsius"]["part"] == "1"
    assert of(facts, "transport")["radio_receive_power_dbm"]["value"] == -48.0
    assert facts["evidence"]["power"] == {"there": True, "age_s": 12}
    assert facts["evidence"]["transport"]["there"]


def test_what_is_old_is_unknown_and_yet_shown_with_its_age(tower):
    """The last voltage of a station that went dark is what one wants to know of it."""
    tower.report(mains_up=0, battery_voltage_volts=43.4)
    tower.bench.now += 181  # three periods of a minute
    tower.device.next = replace(polled(tower), outcome=Outcome.SILENT, readings=())
    tower.bench.poll("ctl")
    facts = tower.facts()
    assert facts["mains"]["state"] == "unknown"
    assert facts["mains"]["last"] == "down"
    row = of(facts, "battery")["battery_voltage_volts"]
    assert (row["value"], row["age_s"], row["holds"]) == (43.4, 181, False)
    assert facts["evidence"]["power"] == {"there": False, "age_s": None}
    assert "unknown (was 43.4 V)" in show(facts, "en")
    assert "chưa rõ (đã là 43,4 V)" in show(facts, "vi")


def polled(tower):
    return tower.bench.pipeline.watches["ctl"].last


def test_the_temperature_of_a_part_is_the_rooms_only_where_a_device_tells_of_power(tower):
    """A router means its own processor."""
    tower.report(temperature_celsius=61)
    assert of(tower.facts(), "room") == {}
    tower.report(temperature_celsius=31, ambient_temperature_celsius=24, battery_voltage_volts=53.5)
    assert list(of(tower.facts(), "room")) == ["ambient_temperature_celsius", "temperature_celsius"]


def test_cells_and_speed_tests_are_evidence_while_they_hold(tower):
    states = (
        (CellName("tower", "viettel", "4g", "A"), CellState.UP),
        (CellName("tower", "viettel", "3g", "B"), CellState.DOWN),
    )
    assert tower.bench.pipeline.cells.take([CellReport(T0, 900, "feed", states)], T0) == ""
    tower.bench.pipeline.take_speed_test(SpeedTest(T0, "tower", "ctl", "mobile", "viettel", 1e6, 1e5, None))
    tower.bench.now += 30
    facts = tower.facts()
    viettel, vnpt = facts["carriers"]
    assert [(cell["cell"], cell["technology"], cell["state"], cell["age_s"]) for cell in viettel["cells"]] == [
        ("B", "3g", "down", 30),
        ("A", "4g", "up", 30),
    ]
    assert (viettel["told"], vnpt["told"]) == (True, False)
    assert facts["evidence"]["feed"] == facts["evidence"]["probe"] == {"there": True, "age_s": 30}
    tower.bench.now += 900
    tower.bench.pipeline.sweep(tower.bench.now)
    facts = tower.facts()
    assert {cell["state"] for cell in facts["carriers"][0]["cells"]} == {"unknown"}
    assert not facts["evidence"]["feed"]["there"]
    assert "chưa báo" in show(facts, "vi")


def test_a_site_with_links_has_its_service_and_its_links(tower):
    facts = tower.facts("s01273")
    assert facts["service"] == "up"
    assert [(link["link"], link["role"], link["state"]) for link in facts["links"]] == [("f01273", "primary", "up")]
    assert facts["evidence"]["transport"]["there"]
    assert "f01273  primary  up" in show(facts, "en")
    assert "Phường Thục Phán (01273), " in show(facts, "vi"), "it is no xã"
    assert "đơn vị cấp xã (99999), " in show({**facts, "commune": "99999"}, "vi")


def test_every_family_that_a_site_shows_is_in_the_catalogue_and_is_said_in_both_languages(tower):
    assert all(f"netmon_{family}" in DEVICE for families in site_facts.SECTIONS.values() for family in families)
    tower.report(**{family: 1 for families in site_facts.SECTIONS.values() for family in families})
    facts = tower.facts()
    json.dumps(facts, allow_nan=False)
    for language, word in (("vi", "Ắc quy"), ("en", "Battery")):
        assert word in show(facts, language)
        assert "1 if" not in show(facts, language)
        assert "1 nếu" not in show(facts, language)


@pytest.fixture
def installed(tmp_path):
    """A daemon that watches one station, whose controller never answers."""
    made = Installation(tmp_path, {"r1": 9})
    device = {"id": "tower-pwr", "address": LOOPBACK, "port": 9}
    carriers = [{"operator": "viettel", "technologies": ["4g"]}]
    site = {"id": "tower", "name": "Trạm BTS", "commune": "01273", "kind": "bts", "carriers": carriers, "devices": [device]}
    (made.config / "inventory/bts.yaml").write_text(json.dumps({"sites": [site]}))
    with ExitStack() as stack:
        made.stack = stack
        yield made


@pytest.fixture
def netmon(installed, capsys):
    """Runs a command against the daemon; its exit code and all that it says."""

    def run(*words):
        code = main([words[0], "--config", str(installed.config), *words[1:]])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_a_file_of_cells_is_taken_by_the_daemon_and_told_by_the_command_line_and_the_api(installed, netmon, tmp_path):
    """All or nothing; unknown sites are said in a sentence; and what was told is known after a restart."""
    file = tmp_path / "cells.csv"
    file.write_text("time,site,operator,technology,cell,state\n2026-01-01 00:00,tower,viettel,4g,A-1,up\n")
    for words in (("cells", str(file)), ("site", "tower")):
        code, said = netmon(*words)
        assert code == 1
        assert "no daemon listens" in said
    installed.start()
    assert netmon("cells", str(file), "--holds", "7d") == (0, f"{file}: cells told: 1; now: 1 unknown\n"), (
        "in January it was up"
    )
    now = f"{datetime.now(VIET_NAM):%Y-%m-%d %H:%M:%S}"
    file.write_text(f"cell,site,technology,state,time\nA-1,tower,4g,down,{now}\nA-2,tower,4g,up,{now}\n")
    assert "now: 1 down, 1 up" in netmon("cells", str(file), "--operator", "viettel")[1]
    code, said = netmon("cells", str(file), "--operator", "vnpt")
    assert code == 1
    assert "cells.csv:2: 'vnpt' is none of the carriers of tower: viettel" in said
    facts = json.loads(installed.get("/api/v1/sites/tower"))
    assert [(cell["cell"], cell["state"]) for cell in facts["carriers"][0]["cells"]] == [("A-1", "down"), ("A-2", "up")]
    assert json.loads(netmon("site", "tower", "--format", "json")[1]).keys() == facts.keys()
    table = netmon("site", "tower", "--lang", "vi")[1]
    assert "Trạm BTS (tower): trạm BTS" in table
    assert "A-1" in table
    assert netmon("site", "towr") == (1, "netmon: there is no site 'towr'; did you mean tower?\n")
    assert installed.get("/api/v1/sites/nowhere") is None, "404"
    installed.kill()
    installed.start()
    assert 'operator="viettel",technology="4g",state="down"} 1' in installed.get("/metrics")
