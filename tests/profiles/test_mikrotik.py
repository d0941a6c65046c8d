"""MikroTik: scales that a row tells itself, and what 0 means in which column."""

from __future__ import annotations

import asyncio

import pytest

from tests.profiles.recorded import Read, hardware, read


@pytest.fixture(scope="module")
def router() -> Read:
    return asyncio.run(read("mikrotik-lte"))


def of(router: Read, *families: str) -> dict[tuple[str, str], float]:
    return {key: value for key, value in router.values.items() if key[0].startswith(families)}


def test_a_router_says_what_it_is_without_a_board_name(router):
    assert router.profile == "mikrotik"
    assert hardware(router) == ("MikroTik", "made-up R11e", "SER00000001", "7.0.made-up")


def test_the_unit_of_a_gauge_chooses_its_family_and_its_scale(router):
    gauges = ("netmon_temperature", "netmon_fan", "netmon_voltage", "netmon_current", "netmon_power", "netmon_component")
    read = of(router, *gauges)
    assert {key: value for key, value in read.items() if "-" in key[1]} == {
        ("netmon_temperature_celsius", "cpu-temperature"): 47,
        ("netmon_temperature_celsius", "outdoor-temperature"): -5,
        ("netmon_fan_speed_rpm", "fan1-speed"): 4080,
        ("netmon_voltage_volts", "psu1-voltage"): 48.1,
        ("netmon_current_amperes", "psu1-current"): 0.7,
        ("netmon_power_watts", "poe-out-consumption"): 12.5,
        ("netmon_component_ok", "psu2-state"): 0,
    }


def test_the_fixed_objects_are_in_tenths_and_a_sensor_that_is_not_fitted_is_none(router):
    read = of(router, "netmon_temperature", "netmon_fan", "netmon_voltage", "netmon_current", "netmon_component")
    assert {key: value for key, value in read.items() if "-" not in key[1] and not key[1].startswith("PoE")} == {
        ("netmon_voltage_volts", "system voltage"): 24.2,
        ("netmon_temperature_celsius", "system temperature"): 41.5,
        ("netmon_current_amperes", "system current"): 0.35,
        ("netmon_component_ok", "psu1 state"): 1,
        ("netmon_component_ok", "psu2 state"): 0,
        ("netmon_fan_speed_rpm", "fan1 speed"): 0,
    }


def test_a_module_without_diagnostics_has_no_light_no_loss_and_no_temperature(router):
    assert of(router, "netmon_optic_") == {
        ("netmon_optic_receive_power_dbm", "sfp1/sfp1"): -17.25,
        ("netmon_optic_transmit_power_dbm", "sfp1/sfp1"): -5.12,
        ("netmon_optic_bias_amperes", "sfp1/sfp1"): 0.012,
        ("netmon_optic_voltage_volts", "sfp1/sfp1"): 3.287,
        ("netmon_optic_temperature_celsius", "sfp1/sfp1"): 44,
        ("netmon_optic_signal_lost", "sfp1/sfp1"): 0,
    }


def test_a_modem_without_rssi_has_its_other_values_and_one_without_a_network_has_none(router):
    assert of(router, "netmon_cellular_") == {
        ("netmon_cellular_rsrq_db", "lte1"): -14,
        ("netmon_cellular_rsrp_dbm", "lte1"): -101,
        ("netmon_cellular_sinr_db", "lte1"): 0,
    }
    assert router.infos["netmon_cellular_info", "lte1"]["technology"] == "5G NSA"
    assert router.infos["netmon_cellular_info", "lte2"]["technology"] == ""


def test_wireless_ports_have_the_names_of_their_interfaces_and_metres_are_metres(router):
    assert of(router, "netmon_radio_") == {
        ("netmon_radio_receive_power_dbm", "wlan2"): -61,
        ("netmon_radio_transmit_frequency_hertz", "wlan2"): 5_500_000_000,
        ("netmon_radio_capacity_bytes_per_second", "wlan2"): 16_250_000,
        ("netmon_radio_clients", "wlan1"): 3,
        ("netmon_radio_up", "60G wlan60"): 1,
        ("netmon_radio_transmit_frequency_hertz", "60G wlan60"): 60_480_000_000,
        ("netmon_radio_receive_power_dbm", "60G wlan60"): -58,
        ("netmon_radio_capacity_bytes_per_second", "60G wlan60"): 240_625_000,
        ("netmon_radio_up", "60G station 02:00:00:00:00:fe"): 1,
        ("netmon_radio_distance_meters", "60G station 02:00:00:00:00:fe"): 184.5,
    }


def test_what_a_port_feeds_is_told_apart_from_what_the_router_draws(router):
    assert {key: value for key, value in router.values.items() if key[1].startswith("PoE")} == {
        ("netmon_component_ok", "PoE ether1"): 1,
        ("netmon_voltage_volts", "PoE ether1"): 53.8,
        ("netmon_current_amperes", "PoE ether1"): 0.092,
        ("netmon_power_watts", "PoE ether1"): 4.9,
    }
    assert router.values["netmon_sessions", ""] == 731
