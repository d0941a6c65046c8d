"""What a director orders, and what comes of it: pure over instants, and over the socket of a simulator that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Set
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.sim.director import Director, OrderError
from netmon.sim.optics import DARK_DBM
from netmon.sim.orders import ask
from netmon.sim.province import Machine, province
from netmon.sim.stations import Station, stations
from netmon.sim.timetable import LOOK_S, Told
from netmon.sim.troubles import Script, stage
from tests import peers
from tests.live import storm_province
from tests.sim.conftest import grown_province

START = 1_795_000_000.0


def with_a_ring() -> Inventory:
    """The grown province, where two communes' fibres share a cable and one more can also go over its neighbour."""
    grown = grown_province()
    links = dict(grown.links)
    for name in ("xa-0-fibre", "xa-7-fibre"):
        links[name] = replace(links[name], srlg=("cable-1",))
    links["xa-3-ring"] = replace(links["xa-3-fibre"], id="xa-3-ring", upstream_site="xa-4", far=None)
    devices = {**grown.devices, "xa-3-r1": replace(grown.devices["xa-3-r1"], upstreams=("core-1", "xa-4-r1"))}
    return Inventory(sites=grown.sites, devices=devices, links=links, canaries=grown.canaries)


RING = with_a_ring()


class Theatre:
    """A director and the machines and stations that he directs."""

    def __init__(self, inventory: Inventory = RING) -> None:
        self.stage = stage(inventory)
        self.director = Director(inventory, self.stage, seed=7)
        script = Script(stage=self.stage)
        self.machines = province(inventory, script, seed=7, started=START).machines
        self.stations = {each.device: each for each in stations(inventory, script, seed=7, started=START)}

    def order(self, at: float, do: str, **fields: object) -> dict[str, object]:
        return self.director.order({"do": do, **fields}, START + at)

    def machine(self, device: str) -> Machine:
        return self.machines[device]

    def quiet(self, at: float) -> set[str]:
        """Who answers nothing, and who does not report."""
        asked = {device for device, machine in self.machines.items() if machine.silent_at(START + at)}
        return asked | {device for device, station in self.stations.items() if station.cut_off(START + at)}


@pytest.fixture
def theatre() -> Theatre:
    return Theatre()


def test_a_device_falls_silent_alone_or_with_all_behind_it(theatre: Theatre) -> None:
    theatre.order(1, "silence", devices=["xa-1-r1"])
    assert theatre.quiet(1) == {"xa-1-r1"}
    theatre.order(2, "silence", devices=["xa-1-r1"], behind=True)
    assert theatre.quiet(2) == {"xa-1-r1", "bts-1-pc", "bts-mqtt-1-ctl"}
    theatre.order(3, "answer", devices=["xa-1-r1"])
    assert theatre.quiet(3) == set()
    assert theatre.quiet(1.5) == {"xa-1-r1"}


def test_a_cut_fibre_is_dark_and_down_at_both_ends_and_takes_who_has_no_other_way(theatre: Theatre) -> None:
    """The commune with a backup goes on; all others are lost with what is behind them, until it is mended."""
    theatre.order(1, "cut", links=["xa-0-fibre", "xa-7-fibre", "xa-3-fibre"])
    assert theatre.quiet(1) == {"xa-0-r1", "bts-0-pc", "bts-mqtt-0-ctl"}
    far = {port.name: port for port in theatre.machine("core-1").interfaces}
    near = {port.name: port for port in theatre.machine("xa-7-r1").interfaces}
    ends = [far["GigabitEthernet0/1/0"], far["GigabitEthernet0/1/7"], near["GigabitEthernet0/0/1"]]
    for at, up in ((0.5, True), (1.5, False), (2.5, True)):
        if at > 2:
            theatre.order(2, "mend", links=["xa-0-fibre", "xa-7-fibre"])
        for port in ends:
            assert port.optic
            assert port.up_at(START + at) == up
            assert (port.optic.receive_dbm(START + at) > DARK_DBM) == up
        assert near["Cellular0/0/0"].up_at(START + at)
    assert theatre.quiet(2.5) == set()


def test_nothing_crosses_a_link_while_it_is_cut_and_its_counters_never_fall(theatre: Theatre) -> None:
    [port] = [port for port in theatre.machine("core-1").interfaces if port.name == "GigabitEthernet0/1/0"]
    before = port.out[0].carried(START + 10)
    theatre.order(10, "cut", links=["xa-0-fibre"])
    assert port.out[0].carried(START + 60) == before
    theatre.order(60, "mend", links=["xa-0-fibre"])
    assert port.out[0].carried(START + 60) == before < port.out[0].carried(START + 70)


def test_a_cable_takes_all_links_in_it_and_gives_back_those_that_nobody_else_cut(theatre: Theatre) -> None:
    theatre.order(1, "cut", links=["xa-7-fibre"])
    assert theatre.order(2, "cable", srlg="cable-1", cut=True)["cut"] == ["xa-0-fibre", "xa-7-fibre"]
    assert theatre.order(3, "cable", srlg="cable-1", cut=False)["cut"] == ["xa-7-fibre"]


def test_without_mains_a_battery_empties_in_the_time_ordered_and_then_its_site_is_gone(theatre: Theatre) -> None:
    """Over SNMP and over MQTT alike, and at a site that has no power controller: until the mains are back."""
    sites = ["bts-0", "bts-mqtt-0", "xa-2"]
    theatre.order(0, "mains", sites=sites, up=False, lasts_s=20)
    station, plant = theatre.stations["bts-mqtt-0-ctl"], theatre.machine("bts-0-pc").plant
    assert isinstance(station, Station)
    assert station.next_change(START) == START + LOOK_S
    assert plant
    for power in (plant, station.plant):
        charges = [power.at(START + at).battery_charge_ratio for at in (0, 5, 10, 15)]
        assert charges == pytest.approx([1, 0.75, 0.5, 0.25])
        assert power.at(START + 5).battery_remaining_seconds == pytest.approx(15)
        assert not power.at(START + 5).mains_up
    theatre.director.settle(START + 19)
    assert theatre.quiet(19) == set()
    due = theatre.director.next_change(START + 19)
    assert due == pytest.approx(START + 20, abs=0.1)
    theatre.director.settle(due + 0.01)
    assert theatre.quiet(21) == {"bts-0-pc", "bts-mqtt-0-ctl", "xa-2-r1", "bts-mqtt-2-ctl"}
    assert set(theatre.order(22, "state")["mains_away"]) == set(sites)
    assert theatre.order(30, "mains", sites=sites, up=True)["absent"] == []
    assert theatre.quiet(30) == set()
    assert 0 < plant.at(START + 31).battery_charge_ratio < 0.2


def test_batteries_empty_so_many_times_as_fast_and_a_new_order_goes_on_from_there(theatre: Theatre) -> None:
    plant = theatre.machine("bts-0-pc").plant
    assert plant
    theatre.order(0, "mains", sites=["bts-0"], up=False, fast=100)
    half = plant.autonomy_s / 200
    assert plant.at(START + half).battery_charge_ratio == pytest.approx(0.5)
    theatre.order(half, "mains", sites=["bts-0"], up=False, lasts_s=4)
    assert plant.at(START + half + 2).battery_charge_ratio == pytest.approx(0.25)


def test_a_restart_starts_a_device_anew_and_stations_behind_it_do_not_notice(theatre: Theatre) -> None:
    theatre.order(5, "restart", devices=["xa-0-r1"], down_s=2)
    assert theatre.quiet(6) == {"xa-0-r1", "bts-0-pc"}
    due = theatre.director.next_change(START + 6)
    assert due == START + 7
    theatre.director.settle(due)
    assert theatre.quiet(7) == set()
    assert theatre.machine("xa-0-r1").life(START + 8) == (1, START + 7)
    assert theatre.machine("bts-0-pc").life(START + 8)[0] == 0


def test_a_flapping_link_falls_as_often_as_ordered(theatre: Theatre) -> None:
    theatre.order(0, "flap", link="xa-4-fibre", down_s=2, up_s=3, times=3)
    falls, at, due = [], 0.0, theatre.director.next_change(START)
    while due is not None:
        falls.append((at, "xa-4-r1" in theatre.quiet(at)))
        at = due - START
        theatre.director.settle(due)
        due = theatre.director.next_change(due)
    assert falls == [(0, True), (2, False), (5, True), (7, False), (10, True)]
    assert (at, theatre.quiet(at)) == (12, set())


def test_without_the_uplink_nobody_is_heard(theatre: Theatre) -> None:
    theatre.order(1, "silence", devices=["xa-4-r1"])
    theatre.order(2, "uplink", up=False)
    assert theatre.quiet(2) == set(theatre.machines) | set(theatre.stations)
    theatre.order(3, "uplink", up=True)
    assert theatre.quiet(3) == {"xa-4-r1"}


@given(st.sets(st.sampled_from(sorted(RING.devices)), max_size=4), st.sets(st.sampled_from(sorted(RING.links)), max_size=6))
def test_who_is_lost_is_who_finds_no_way_to_the_gateway(dead: Set[str], cut: Set[str]) -> None:
    """Against a search for a way, device by device."""
    on = stage(RING)
    director = Director(RING, on, seed=7)
    if dead:
        director.order({"do": "silence", "devices": sorted(dead), "behind": True}, START)
    if cut:
        director.order({"do": "cut", "links": sorted(cut)}, START)

    def finds_a_way(device: str) -> bool:
        if device in dead:
            return False
        entry = RING.devices[device]
        return not entry.upstreams or any(is_open(entry.site, up) and finds_a_way(up) for up in entry.upstreams)

    def is_open(site: str, up: str) -> bool:
        there = RING.devices[up].site
        joining = [link.id for link in RING.links.values() if (link.site, link.upstream_site) == (site, there)]
        return not joining or any(link not in cut for link in joining)

    assert {device for device in RING.devices if on.absent[device].active(START)} == {
        device for device in RING.devices if not finds_a_way(device)
    }


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (["silence"], 'expected {"do": ...} with one of silence, answer, cut'),
        ({"do": ["cut"]}, 'expected {"do": ...} with one of'),
        ({"do": "explode"}, 'expected {"do": ...} with one of'),
        ({"do": "silence", "devices": ["xa-0-r1", "xa-99-r1"]}, '"devices": the inventory has no device xa-99-r1'),
        ({"do": "silence", "devices": "xa-0-r1"}, '"devices": expected a list of ids, such as ["gw-1"]'),
        ({"do": "cut", "links": ["xa-0-fibre"], "when": "now"}, "cut knows no when; it takes links"),
        ({"do": "cable", "srlg": "trunk", "cut": True}, '"srlg": expected one of cable-1'),
        ({"do": "cable", "srlg": "cable-1"}, '"cut": expected true or false'),
        ({"do": "mains", "sites": ["xa-0"], "up": False, "fast": 2, "lasts_s": 3}, "expected one of them"),
        ({"do": "mains", "sites": ["xa-0"], "up": False, "fast": -1}, '"fast": expected a number above 0'),
        ({"do": "flap", "link": None}, '"link": expected one of xa-0-fibre'),
    ],
)
def test_an_order_that_cannot_be_obeyed_is_refused_in_words_and_changes_nothing(
    theatre: Theatre, order: object, error: str
) -> None:
    with pytest.raises(OrderError) as refused:
        theatre.director.order(order, START)
    assert error in str(refused.value)
    assert theatre.quiet(0) == set()
    assert theatre.order(1, "state")["cut"] == []


@given(st.lists(st.tuples(st.floats(0.1, 50), st.booleans()), min_size=1, max_size=12))
def test_windows_that_are_told_are_active_from_one_word_to_the_next(steps: list[tuple[float, bool]]) -> None:
    told, at, edges = Told(), 0.0, []
    for lasting, on in steps:
        at += lasting
        told.switch(on, at)
        edges.append((at, on))
    for (start, on), (end, _) in zip(edges, [*edges[1:], (at + 1, False)], strict=True):
        assert told.active(start) == told.active((start + end) / 2) == on


def test_a_simulator_that_runs_takes_orders_on_its_socket(tmp_path: Path) -> None:
    """From the command line and from a program; the kernel goes on answering for what it alone answers."""
    config, log, orders = storm_province(tmp_path, communes=2, stations=1, backups=0), tmp_path / "log", tmp_path / "orders"
    entry = json.loads((config / "inventory/all.yaml").read_text())
    router = entry["sites"][-2]["devices"][0]
    router["ping"] = True
    (config / "inventory/all.yaml").write_text(json.dumps(entry))
    command = [sys.executable, "-m", "netmon.sim", "--config", str(config), "--direct", str(orders)]
    environment = {"NETMON_TEST_COMMUNITY": "public"}

    def direct(order: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "netmon.sim", "direct", str(orders), order]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)

    def answers() -> bool:
        return peers.answers_snmp(router["port"], host=router["address"])

    with peers.running(command, ready=lambda: '"ready": true' in log.read_text(), log=log, env=environment):
        assert answers()
        done = direct(json.dumps({"do": "silence", "devices": [router["id"]]}))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["echoes"] == [router["id"]]
        assert not answers()
        wrong = direct('{"do": "answer"')
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert "the order is no JSON" in wrong.stderr
        with pytest.raises(OrderError, match="no device nobody"):
            ask(orders, {"do": "answer", "devices": ["nobody"]})
        assert ask(orders, {"do": "answer", "devices": [router["id"]]})["absent"] == []
        assert answers()
        ask(orders, {"do": "flap", "link": "agg-1-fibre", "down_s": 0.2, "up_s": 0.1, "times": 2})
        peers.eventually(lambda: ask(orders, {"do": "state"})["flapping"] == [])
        assert answers()
