"""ZTE: cards of an OLT, ONUs of two generations of software, optics of switches in texts."""

from __future__ import annotations

import asyncio

import pytest

from tests.profiles.recorded import Read, hardware, read


@pytest.fixture(scope="module")
def olt() -> Read:
    return asyncio.run(read("zte-olt"))


@pytest.fixture(scope="module")
def switch() -> Read:
    return asyncio.run(read("zte-switch"))


def of(device: Read, *families: str) -> dict[tuple[str, str], float]:
    return {key: value for key, value in device.values.items() if key[0].startswith(families)}


def test_they_say_what_they_are(olt, switch):
    assert (olt.profile, switch.profile) == ("zte_olt", "zte_zxr10")
    assert hardware(olt) == ("ZTE", "C999", "", "V2.1.0")
    assert hardware(switch) == ("ZTE", "9928", "", "V4.08.23")


def test_cards_inputs_and_fans_and_what_they_do_not_have(olt):
    """-1000 degrees, 0 volts and 0 % of memory are none; 0 % of a processor is a load. Of a card in two trees the newer one
    speaks."""
    parts = ("netmon_component", "netmon_processor", "netmon_memory", "netmon_temperature", "netmon_power", "netmon_voltage")
    assert of(olt, *parts, "netmon_current", "netmon_fan") == {
        ("netmon_component_ok", "1/2 XXOG"): 1,
        ("netmon_processor_load_ratio", "1/2 XXOG"): 0.11,
        ("netmon_memory_used_ratio", "1/2 XXOG"): 0.26,
        ("netmon_temperature_celsius", "1/2 XXOG"): 38,
        ("netmon_power_watts", "1/2 XXOG"): 26.895,
        ("netmon_voltage_volts", "1/2 XXOG"): 50.938,
        ("netmon_current_amperes", "1/2 XXOG"): 0.528,
        ("netmon_component_ok", "1/6 PWR"): 0,
        ("netmon_processor_load_ratio", "1/6 PWR"): 0,
        ("netmon_power_watts", "1/6 PWR"): 48.5,
        ("netmon_component_ok", "1/7 OLDC"): 0,
        ("netmon_processor_load_ratio", "1/7 OLDC"): 0,
        ("netmon_temperature_celsius", "shelf 1"): 39,
        ("netmon_power_watts", "shelf 1"): 71.5,
        ("netmon_voltage_volts", "input 1/3"): 53,
        ("netmon_component_ok", "input 1/3"): 1,
        ("netmon_component_ok", "input 1/8"): 0,
        ("netmon_component_ok", "fan 1/1"): 1,
        ("netmon_fan_speed_rpm", "fan 1/1"): 2910,
        ("netmon_component_ok", "fan 1/2"): 0,
        ("netmon_fan_speed_rpm", "fan 1/2"): 0,
    }


def test_optics_are_in_thousandths_and_minus_40_dbm_is_no_light(olt):
    port = "gpon_olt-1/1/1/gpon_olt-1/1/1"
    assert of(olt, "netmon_optic") == {
        ("netmon_optic_receive_power_dbm", port): -7.123,
        ("netmon_optic_transmit_power_dbm", port): 4.512,
        ("netmon_optic_bias_amperes", port): pytest.approx(0.01325),
        ("netmon_optic_voltage_volts", port): 3.291,
        ("netmon_optic_temperature_celsius", port): 41.5,
    }


def test_onus_of_new_software_are_of_a_port_with_a_phase_and_steps_of_a_fiftieth_of_a_decibel(olt):
    """4000 is -22 dBm, 63536 is -2000 and so -34 dBm, 65535 is none."""
    port = "gpon_olt-1/1/1"
    assert {key: value for key, value in of(olt, "netmon_onu").items() if key[1].startswith(port)} == {
        ("netmon_onu_up", f"{port}/{port}:1"): 1,
        ("netmon_onu_distance_meters", f"{port}/{port}:1"): 1842,
        ("netmon_onu_receive_power_dbm", f"{port}/{port}:1"): -22,
        ("netmon_onu_transmit_power_dbm", f"{port}/{port}:1"): pytest.approx(2.1),
        ("netmon_onu_up", f"{port}/{port}:2"): 0,
        ("netmon_onu_up", f"{port}/{port}:3"): 0,
        ("netmon_onu_receive_power_dbm", f"{port}/{port}:3"): -34,
    }
    first, second = (olt.infos["netmon_onu_info", f"{port}/{port}:{n}"] for n in (1, 2))
    assert (first["serial"], first["description"]) == ("ZTEGC0000001", "nhà ông A")
    assert (second["serial"], second["description"]) == ("ZTEGC0000002", "kh-2"), "its name, for it has no description"


def test_onus_of_old_software_have_powers_and_a_distance_and_no_phase(olt):
    """Whether 3, 4 or 5 means that it works is disputed."""
    assert {key: value for key, value in of(olt, "netmon_onu").items() if key[1].startswith("/OLT-made-up")} == {
        ("netmon_onu_distance_meters", "/OLT-made-up:7"): 2379,
        ("netmon_onu_receive_power_dbm", "/OLT-made-up:7"): -31,
        ("netmon_onu_olt_receive_power_dbm", "/OLT-made-up:7"): -24.335,
    }


def test_a_switch_tells_its_optics_in_texts_and_octets_are_no_share_of_memory(switch):
    assert switch.values == {
        ("netmon_processor_load_ratio", "unit 1"): 0.12,
        ("netmon_memory_used_ratio", "unit 1"): 0.44,
        ("netmon_processor_load_ratio", "unit 2"): 0.09,
        ("netmon_temperature_celsius", "slot 1.1.1"): 41,
        ("netmon_optic_receive_power_dbm", "gei_1/4/gei_1/4"): -9.073,
        ("netmon_optic_transmit_power_dbm", "gei_1/4/gei_1/4"): -5.986,
        ("netmon_optic_bias_amperes", "gei_1/4/gei_1/4"): pytest.approx(0.015728),
        ("netmon_optic_temperature_celsius", "gei_1/4/gei_1/4"): 37.625,
        ("netmon_optic_voltage_volts", "gei_1/4/gei_1/4"): 3.259,
    }
