"""Base stations that report by themselves, the battery and the backup: what they tell, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import catalogue
from netmon.inventory import Inventory
from netmon.model import Capacity, Direction, SiteKind, Speech
from netmon.sim.province import province
from netmon.sim.stations import Station, stations
from netmon.sim.traffic import CEILING
from netmon.sim.troubles import Script, Trouble, behind, script
from tests.sim.conftest import grown_province

START = 1_795_000_000.0
GROWN = grown_province()
CHOSEN = script(GROWN, seed=7, started=START)
STATIONS = stations(GROWN, CHOSEN, seed=7, started=START)


@pytest.fixture
def emptying() -> Station:
    """The station that loses its mains."""
    names = [device for device, _ in CHOSEN.battery]
    return next(station for station in STATIONS if station.device in names)


@given(st.sampled_from(STATIONS), st.floats(START, START + 86_400))
def test_a_report_names_families_of_the_catalogue_in_the_shape_that_they_have(station: Station, at: float) -> None:
    """A family with a sensor is told by sensor, others as one number; ratios and volts are such."""
    for name, value in station.measures(at).items():
        family = catalogue.DEVICE[f"netmon_{name}"]
        assert isinstance(value, dict) == ("sensor" in family.labels)
        for number in value.values() if isinstance(value, dict) else [value]:
            assert isinstance(number, (int, float))
            assert not name.endswith("_ratio") or 0 <= number <= 1
            assert not name.endswith("voltage_volts") or 0 <= number < 250


@given(st.sampled_from(STATIONS), st.floats(START, START + 86_400))
def test_a_station_reports_next_on_its_grid_within_a_period(station: Station, at: float) -> None:
    assert at < station.due(at) + 1e-3
    assert station.due(at) <= at + station.period_s + 1e-3
    assert station.due(station.due(at) + 0.001) - station.due(at) == pytest.approx(station.period_s)


def test_stations_do_not_speak_at_once() -> None:
    assert len({round(station.due(START), 2) for station in STATIONS}) == len(STATIONS)


def test_a_topic_says_where_the_station_is() -> None:
    assert STATIONS[0].topic == "netmon/v1/04/01300/bts-mqtt-0/bts-mqtt-0-ctl"


def test_a_cut_takes_the_stations_behind_it_and_a_restart_of_their_router_none() -> None:
    chosen = CHOSEN
    assert chosen.cut
    link, timetable = chosen.cut
    assert link.near
    lost = {station.device for station in STATIONS if station.cut_off(timetable.first + 1)}
    assert lost == {
        device.id
        for device in GROWN.devices.values()
        if device.speaks is Speech.MQTT and device.id in behind(GROWN, [link.near.device])
    }
    assert not any(station.cut_off(timetable.first + timetable.lasting) for station in STATIONS)
    assert all(station.next_change(START) <= timetable.first for station in STATIONS if station.device in lost)  # type: ignore[operator]


def test_one_station_of_each_speech_loses_its_mains_and_stays_in_reach() -> None:
    """Neither is behind a link with a trouble of its own."""
    for seed in range(20):
        chosen = script(GROWN, seed=seed, started=START)
        assert [GROWN.devices[device].speaks for device, _ in chosen.battery] == [Speech.SNMP, Speech.MQTT]
        for device, _ in chosen.battery:
            assert GROWN.site_of(device).kind is SiteKind.BTS
            for trouble in (chosen.cut, chosen.reboot, chosen.backup):
                assert trouble
                assert trouble[0].near
                assert device not in behind(GROWN, [trouble[0].near.device])


def test_a_station_without_mains_says_so_at_once_and_its_battery_empties_but_lasts(emptying: Station) -> None:
    failures = emptying.plant.failures
    assert failures
    assert emptying.next_change(failures.first - 1) == failures.first
    assert emptying.events(failures.first - 1)[1] == "mains_up"
    assert emptying.events(failures.first)[1] == "mains_down"
    seen = [emptying.measures(failures.first + n * failures.lasting / 20) for n in range(20)]
    volts = [measures["battery_voltage_volts"] for measures in seen]
    assert volts == sorted(volts, reverse=True)  # type: ignore[type-var]
    assert volts[0] - volts[-1] > 1  # type: ignore[operator]
    assert {measures["mains_up"] for measures in seen} == {0}
    assert seen[-1]["battery_low"] == 0 < seen[-1]["battery_remaining_seconds"]  # type: ignore[operator]
    assert not emptying.cut_off(failures.first + failures.lasting - 1)


def test_snmp_and_mqtt_show_the_same_kind_of_plant() -> None:
    """The SNMP controller that was chosen has the same failures as the one that reports."""
    made = province(GROWN, CHOSEN, seed=7, started=START)
    (asked, window), (reporting, same) = CHOSEN.battery
    plant = made.machines[asked].plant
    assert plant
    assert plant.failures == window == same
    assert reporting not in made.machines


def test_a_commune_on_its_backup_has_lost_its_fibre_at_both_ends_and_still_answers(grown: Inventory) -> None:
    chosen = script(grown, seed=7, started=START, troubles=[Trouble.BACKUP])
    made = province(grown, chosen, seed=7, started=START)
    assert chosen.backup
    link, timetable = chosen.backup
    assert link.id == "xa-7-fibre"
    during = timetable.first + 1
    router, core = made.machines["xa-7-r1"], made.machines["core-1"]
    down = [(port.name, at) for machine in (router, core) for port in machine.interfaces for at in (START, during)
            if not port.up_at(at)]  # fmt: skip
    assert down == [("GigabitEthernet0/0/1", during), ("GigabitEthernet0/1/7", during)]
    assert not router.silent_at(during)
    assert made.flows["xa-7-fibre"][Direction.RECEIVE].octets(during, during + 60) == 0


def test_a_commune_on_its_backup_sends_over_that_what_its_fibre_cannot_carry(grown: Inventory) -> None:
    """As much as there is room for; before and after, each link has its own again."""
    window = script(grown, seed=7, started=START).backup[1]  # type: ignore[index]
    before, during, after = window.first - 60, window.first + 600, window.first + window.lasting + 1

    def carried(at: float, *troubles: Trouble, capacity: float = 25e6) -> list[float]:
        """Octets per second that the commune receives over its fibre and over its backup."""
        lte = replace(grown.links["xa-7-lte"], capacities=(Capacity(0.0, capacity, capacity),))
        inventory = replace(grown, links={**grown.links, lte.id: lte})
        flows = province(inventory, script(inventory, seed=7, started=START, troubles=troubles), seed=7, started=START).flows
        return [flows[link][Direction.RECEIVE].octets(at, at + 60) / 60 for link in ("xa-7-fibre", "xa-7-lte")]

    fibre, own = carried(during)
    assert carried(during, Trouble.BACKUP) == [0, pytest.approx(fibre + own, abs=2)]
    assert carried(during, Trouble.BACKUP, capacity=fibre / 2) == [0, pytest.approx(CEILING * fibre / 2, abs=2)]
    for at in (before, after):
        assert carried(at, Trouble.BACKUP) == pytest.approx(carried(at), abs=2)


@pytest.mark.parametrize("left_out", list(Trouble))
def test_leaving_one_trouble_out_moves_no_other(left_out: Trouble) -> None:
    fewer = script(GROWN, seed=7, started=START, troubles=[trouble for trouble in Trouble if trouble is not left_out])
    for trouble in Trouble:
        kept = getattr(fewer, trouble.value)
        assert kept == (getattr(Script(), trouble.value) if trouble is left_out else getattr(CHOSEN, trouble.value))
