"""Power systems and UPSs of Eltek, Delta, Emerson, Eaton and APC: units that a setting tells, and values that lie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from netmon import profiles
from tests.profiles.recorded import Read, hardware, read

Values = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def reads() -> Callable[[str], Read]:
    done: dict[str, Read] = {}

    def of(name: str) -> Read:
        if name not in done:
            done[name] = asyncio.run(read(name))
        return done[name]

    return of


def some(read: Read, *families: str) -> Values:
    return {
        (family[7:], sensor): value for (family, sensor), value in read.values.items() if family[7:].startswith(families)
    }


def test_currents_of_a_smartpack_are_tenths_where_its_setting_says_so(reads):
    """In tables of other indexes too. A monitor that raises no alarm, disabled(4), still measures."""
    system = reads("eltek-sp2")
    assert (system.profile, hardware(system)) == ("eltek_sp2", ("Eltek", "Made-up Touch", "SER00000002", "1.made-up"))
    assert {key: value for key, value in some(system, "").items() if key[0].endswith("_amperes")} == {
        ("rectifier_current_amperes", ""): 31.1,
        ("load_current_amperes", ""): 40.2,
        ("battery_current_amperes", ""): -9.1,
        ("battery_string_current_amperes", "Shunt 1"): -9.1,
        ("current_amperes", "rectifier 1"): 15.5,
        ("current_amperes", "rectifier 2"): 0,
    }


def test_a_smartpack_set_to_amperes_fahrenheit_and_percent_is_read_in_the_same_units(reads):
    """error(0) measures nothing; a disabled generator does not run; 850 is no share of a tank. Whether a module's current
    follows the setting is not known: it has none."""
    assert some(reads("eltek-sp2-fahrenheit"), "") == {
        ("component_ok", "rectifier 1"): 1,
        ("mains_up", ""): 0,
        ("load_current_amperes", ""): 40,
        ("battery_current_amperes", ""): -40,
        ("battery_string_current_amperes", "Shunt 1"): -40,
        ("battery_charge_ratio", ""): 0.81,
        ("battery_health_ratio", ""): 0.93,
        ("temperature_celsius", "battery"): pytest.approx(25),
        ("temperature_celsius", "bank Cell 1"): pytest.approx(30),
    }


def test_a_smartpack_without_settings_has_no_currents_and_no_capacity(reads):
    assert some(reads("eltek-sp2-no-setting"), "") == {
        ("battery_voltage_volts", ""): 54.1,
        ("temperature_celsius", "battery"): 26,
    }


def test_a_battery_that_was_never_tested_has_no_quality_and_127_degrees_are_no_probe(reads):
    assert some(reads("eltek-sp2"), "battery_", "temperature") == {
        ("battery_voltage_volts", ""): 52.38,
        ("battery_current_amperes", ""): -9.1,
        ("battery_string_current_amperes", "Shunt 1"): -9.1,
        ("battery_remaining_seconds", ""): 1154 * 60,
        ("battery_charge_coulombs", ""): 175 * 3600,
        ("battery_discharged_coulombs", ""): 25 * 3600,
        ("temperature_celsius", "bank Cell 1"): 29,
    }


def test_one_phase_of_three_that_fails_is_no_mains_failure(reads):
    assert some(reads("eltek-sp2"), "mains", "generator", "fuel") == {
        ("mains_up", ""): 1,
        ("mains_voltage_volts", "Phase 1"): 231,
        ("mains_voltage_volts", "Phase 2"): 228,
        ("generator_up", ""): 1,
        ("generator_run_seconds", ""): 417 * 3600,
        ("fuel_ratio", ""): 0.62,
    }


def test_a_part_of_a_smartpack_that_is_disabled_or_absent_is_neither_well_nor_ill(reads):
    """But a contactor that is disconnected(5) has done what it is there for. Inputs are what they are called."""
    assert some(reads("eltek-sp2"), "component", "door", "smoke", "water") == {
        ("component_ok", "system"): 0,
        ("component_ok", "mains"): 0,
        ("component_ok", "rectifiers"): 1,
        ("component_ok", "load"): 1,
        ("component_ok", "battery"): 1,
        ("component_ok", "battery fuses"): 1,
        ("component_ok", "battery contactor"): 0,
        ("component_ok", "generator"): 1,
        ("component_ok", "rectifier 1"): 1,
        ("component_ok", "rectifier 2"): 0,
        ("component_ok", "load fuse Router"): 1,
        ("component_ok", "battery bank 1"): 1,
        ("component_ok", "input Door shelter"): 0,
        ("component_ok", "input Smoke"): 1,
        ("door_open", ""): 1,
        ("smoke_detected", ""): 0,
    }


def test_a_webpower_has_totals_in_amperes_and_modules_in_tenths(reads):
    """Rows without a module, phases without a wire and a module without a probe say nothing."""
    system = reads("eltek-webpower")
    assert (system.profile, hardware(system)) == ("eltek_webpower", ("Eltek", "Compack", "SER00000003", "4.99"))
    read = some(system, "")
    assert {key: value for key, value in read.items() if key[0] != "component_ok"} == {
        ("battery_voltage_volts", ""): 54.11,
        ("battery_current_amperes", ""): -12,
        ("temperature_celsius", "battery"): 26,
        ("battery_remaining_seconds", ""): 190 * 60,
        ("battery_charge_coulombs", ""): 240 * 3600,
        ("battery_discharged_coulombs", ""): 60 * 3600,
        ("battery_low", ""): 0,
        ("load_current_amperes", ""): 63,
        ("rectifiers", ""): 2,
        ("rectifier_current_amperes", ""): 46,
        ("rectifier_load_ratio", ""): 0.37,
        ("mains_up", ""): 1,
        ("mains_voltage_volts", "L1"): 229,
        ("current_amperes", "rectifier 0"): 23.3,
        ("current_amperes", "rectifier 1"): 22.7,
        ("voltage_volts", "rectifier 0"): 54.31,
        ("voltage_volts", "rectifier 1"): 54.26,
        ("temperature_celsius", "rectifier 0"): 33,
        ("door_open", ""): 1,
    }
    assert sorted(sensor for (family, sensor), ok in read.items() if family == "component_ok" and not ok) == [
        "contactor 3",
        "input 2",
        "load breakers",
        "rectifier 1",
        "rectifiers minor",
    ]


def test_a_capacity_of_100_is_percent(reads):
    battery = some(reads("eltek-webpower-percent"), "battery_charge", "battery_discharged")
    assert battery == {("battery_charge_ratio", ""): 0.8}


def test_a_webpower_whose_link_is_down_has_nothing_new_to_say(reads):
    assert some(reads("eltek-webpower-link-down"), "") == {("component_ok", "link to controller"): 0}


def test_the_totals_of_a_webpower_can_be_tenths_as_well():
    """No object tells: the profile is given to a device by name."""
    tenths = profiles.load().named("eltek_webpower_tenths")
    named = {column.family: column.scale for table in tenths.tables if table.label is None for column in table.columns}
    totals = ("battery_current", "load_current", "rectifier_current")
    assert [named[f"netmon_{total}_amperes"] for total in totals] == [0.1] * 3
    assert named["netmon_battery_voltage_volts"] == 0.01, "the rest is inherited"


def test_an_orion_says_the_unit_and_the_power_of_ten_of_each_measurement(reads):
    """2^31 - 1 is no value, a temperature of 0 no probe, and an event that is indeterminate(2) unknown."""
    system = reads("delta-orion")
    assert (system.profile, hardware(system)) == ("delta_orion", ("Delta", "Made-up Orion controller", "", "V9.99Build0"))
    assert some(system, "") == {
        ("alarms", "urgent"): 1,
        ("alarms", "not urgent"): 0,
        ("mains_up", ""): 0,
        ("load_current_amperes", ""): 40.2,
        ("battery_current_amperes", ""): -38.7,
        ("battery_voltage_volts", ""): 51.8,
        ("battery_charge_ratio", ""): 0.775,
        ("rectifiers", ""): 4,
        ("component_ok", "rectifiers"): 0,
        ("component_ok", "battery test"): 0,
        ("component_ok", "Probe Fail"): 0,
        ("component_ok", "B Door"): 1,
        ("component_ok", "Door Open"): 0,
        ("voltage_volts", "Vsys"): 51.8,
        ("current_amperes", "Cabinet Current"): 12.3,
        ("temperature_celsius", "Cabinet Temp 1"): 40.2,
        ("mains_voltage_volts", "Mains L1"): 230.5,
        ("power_watts", "Psys"): 2080,
        ("humidity_ratio", "Room RH"): 0.61,
        ("door_open", ""): 1,
    }


ORION_EVENT = "1.3.6.1.4.1.20246.2.3.1.1.1.2.10.1.1"
WEBPOWER = "1.3.6.1.4.1.12148.9.1"


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        (
            "delta-orion",
            [f"{ORION_EVENT}.2.3|4|A Door Open"],
            {("component_ok", "A Door Open"): 0, ("component_ok", "B Door"): 1},
        ),
        ("delta-orion", [f"{ORION_EVENT}.2.3|4|Lamp"], {("component_ok", "B Door"): 1, ("door_open", ""): 0}),
        (
            "eltek-sp2",
            ["1.3.6.1.4.1.12148.10.11.2.1.3.1.2|4|Cửa sau"],
            {("component_ok", "input Door shelter"): 0},
        ),
        (
            "eltek-webpower",
            [f"{WEBPOWER}.7.1.4.0|2|0", f"{WEBPOWER}.15.1.4.0|4|Cabinet door"],
            {("component_ok", "input 2"): 0, ("component_ok", "input 3"): 1},
        ),
        (
            "huawei-olt",
            ["1.3.6.1.4.1.2011.6.1.1.3.1.6.0.2|2|9"],
            {("component_ok", "Cupboard"): 0, ("component_ok", "Basement"): 1},
        ),
    ],
)
async def test_one_of_several_doors_does_not_speak_for_the_others(name: str, more: list[str], told: Values):
    """Each is told by its name; the door of the device is told where it is the only one."""
    read_so = some(await read(name, *more), "component_ok", "door_open")
    assert {key: value for key, value in read_so.items() if key in told or key[0] == "door_open"} == told


def test_the_names_of_an_orion_without_units_decide(reads):
    assert some(reads("delta-orion-old"), "") == {("voltage_volts", "Vsys"): 53.75, ("temperature_celsius", "TBA"): 24.6}


def test_a_vortex_sends_numbers_as_texts_and_dashes_for_none(reads):
    """What does not reply, a probe or a shunt, has no value; a shunt of the battery is one of its strings."""
    system = reads("netsure-vortex")
    assert (system.profile, hardware(system)) == ("netsure_vortex", ("Emerson", "Made-up", "", "9.9.9"))
    assert some(system, "") == {
        ("battery_voltage_volts", ""): 53.9,
        ("battery_current_amperes", ""): -12.5,
        ("battery_remaining_seconds", ""): 3.5 * 3600,
        ("load_current_amperes", ""): 41,
        ("rectifiers", ""): 2,
        ("rectifier_current_amperes", ""): 29,
        ("component_ok", "system"): 0,
        ("temperature_celsius", "probe 1"): 27.5,
        ("component_ok", "contactor A 1"): 1,
        ("component_ok", "contactor B 1"): 0,
        ("current_amperes", "shunt 1"): 118,
        ("battery_string_current_amperes", "shunt 2"): -12.5,
        ("component_ok", "rectifier 1"): 1,
        ("component_ok", "rectifier 2"): 0,
        ("current_amperes", "rectifier 1"): 15,
        ("current_amperes", "rectifier 2"): 0,
    }


def test_a_netsure_speaks_in_thousandths_and_its_probes_are_of_the_room_or_of_the_battery(reads):
    system = reads("netsure-ees")
    assert (system.profile, hardware(system)) == ("netsure_ees", ("Made-up maker", "Made-up ACU", "SER00000004", "0.1"))
    assert some(system, "") == {
        ("component_ok", "system"): 0,
        ("component_ok", "link to system"): 1,
        ("power_output_voltage_volts", "system"): 53.5,
        ("power_output_current_amperes", "system"): 41.2,
        ("power_load_ratio", "system"): 0.37,
        ("battery_voltage_volts", ""): 53.41,
        ("battery_current_amperes", ""): -3.4,
        ("battery_charge_ratio", ""): 0.88,
        ("battery_string_current_amperes", "Shunt 1"): -3,
        ("mains_up", ""): 0,
        ("mains_voltage_volts", "A"): 229.8,
        ("rectifiers", ""): 3,
        ("rectifier_load_ratio", ""): 0.44,
        ("load_current_amperes", ""): 44.6,
        ("current_amperes", "load Router"): 9.8,
        ("current_amperes", "rectifier 1"): 14.3,
        ("current_amperes", "rectifier 2"): 0,
        ("component_ok", "rectifier 1"): 1,
        ("component_ok", "rectifier 2"): 0,
        ("ambient_temperature_celsius", "Room"): 24.5,
        ("temperature_celsius", "battery Bank"): 28.25,
    }


def test_a_current_without_a_sign_is_none_while_the_battery_discharges(reads):
    """Delta's own objects come before those of UPS-MIB, whose voltages it has in tenths."""
    ups = reads("delta-ups")
    assert (ups.profile, hardware(ups)) == ("delta_ups", ("Delta", "Made-up", "", "0.2"))
    assert some(ups, "") == {
        ("mains_up", ""): 0,
        ("mains_voltage_volts", "1"): 228.7,
        ("mains_frequency_hertz", "1"): 50,
        ("current_amperes", "input 1"): 3.1,
        ("frequency_hertz", "output"): 49.9,
        ("power_output_voltage_volts", "1"): 230.1,
        ("power_output_current_amperes", "1"): 2.9,
        ("power_output_watts", "1"): 640,
        ("power_load_ratio", "1"): 0.33,
        ("battery_low", ""): 1,
        ("battery_discharge_duration_seconds", ""): 420,
        ("battery_remaining_seconds", ""): 720,
        ("battery_voltage_volts", ""): 231.2,
        ("battery_charge_ratio", ""): 0.57,
        ("temperature_celsius", "battery"): 27,
        ("component_ok", "battery"): 1,
        ("component_ok", "UPS"): 1,
        ("component_ok", "fan"): 0,
    }


def test_voltages_that_are_texts_are_tenths_when_they_have_four_digits(reads):
    ups = reads("delta-ups-text")
    assert ups.profile == "delta_ups_rfc1628"
    assert some(ups, "mains_voltage", "power_output_voltage") == {
        ("mains_voltage_volts", "1"): 228.7,
        ("mains_voltage_volts", "2"): 228.5,
        ("power_output_voltage_volts", "1"): 230,
        ("power_output_voltage_volts", "2"): 230.9,
    }


def test_a_battery_current_that_is_positive_while_it_discharges_is_turned_round(reads):
    """Tenths of amperes where a phase has them; UPS-MIB for what XUPS-MIB lacks; 0 degrees are no probe."""
    ups = reads("eaton-ups")
    assert (ups.profile, hardware(ups)) == ("eaton_ups", ("Eaton", "Made-up", "SER00000005", ""))
    assert some(ups, "") == {
        ("mains_up", ""): 0,
        ("mains_frequency_hertz", "1"): 50,
        ("mains_voltage_volts", "1"): 231,
        ("mains_voltage_volts", "2"): 232,
        ("current_amperes", "input 1"): 2,
        ("current_amperes", "input 2"): 2.4,
        ("frequency_hertz", "output"): 50.1,
        ("power_output_voltage_volts", "1"): 230,
        ("power_output_watts", "1"): 880,
        ("power_load_ratio", "total"): 0.41,
        ("power_alarms", ""): 2,
        ("battery_low", ""): 1,
        ("battery_remaining_seconds", ""): 1830,
        ("battery_voltage_volts", ""): 217,
        ("battery_current_amperes", ""): -6,
        ("battery_charge_ratio", ""): 0.91,
        ("component_ok", "battery"): 1,
    }


def test_an_apc_is_read_in_tenths_where_it_has_them_and_minus_one_is_none(reads):
    """255 degrees are no sensor, and a probe that is disconnected has no temperature."""
    ups = reads("apc-ups")
    assert (ups.profile, hardware(ups)) == ("apc", ("APC", "Made-up", "SER00000006", "0.3"))
    assert some(ups, "") == {
        ("mains_up", ""): 0,
        ("mains_voltage_volts", "1"): 231.4,
        ("power_load_ratio", "1"): 0.21,
        ("battery_low", ""): 0,
        ("battery_discharge_duration_seconds", ""): 42,
        ("battery_remaining_seconds", ""): 1860,
        ("battery_charge_ratio", ""): 0.97,
        ("battery_voltage_volts", ""): 27.3,
        ("component_ok", "battery"): 1,
        ("component_ok", "battery life"): 0,
        ("component_ok", "self test"): 1,
        ("ambient_temperature_celsius", "Room"): pytest.approx(25),
        ("humidity_ratio", "Room"): 0.55,
    }
