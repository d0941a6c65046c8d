"""The standard MIBs on a device of no maker that netmon knows."""

from __future__ import annotations

import asyncio

import pytest

from tests.profiles.recorded import Read, read


@pytest.fixture(scope="module")
def device() -> Read:
    return asyncio.run(read("standard-mibs"))


def test_sensors_of_one_name_are_told_apart_by_the_part_that_they_are_in(device):
    """One that is unavailable(2) is none, and so is 10^9, which stands for what does not fit."""
    sensors = ("netmon_temperature", "netmon_humidity", "netmon_voltage", "netmon_fan")
    assert {key: value for key, value in device.values.items() if key[0].startswith(sensors)} == {
        ("netmon_temperature_celsius", "PSU 1 Temperature"): 25.1,
        ("netmon_temperature_celsius", "PSU 2 Temperature"): 25.4,
        ("netmon_humidity_ratio", "Humidity"): 0.55,
        ("netmon_voltage_volts", "22"): 53.12,
        ("netmon_temperature_celsius", "temp1"): -5,
        ("netmon_fan_speed_rpm", "fan1"): 1200,
        ("netmon_voltage_volts", "in0"): 1.104,
        ("netmon_voltage_volts", "bypass 1"): 231,
    }


def test_power_over_ethernet_that_is_switched_off_has_no_fault(device):
    assert {key: value for key, value in device.values.items() if key[1].startswith("PoE")} == {
        ("netmon_power_watts", "PoE budget 1"): 740,
        ("netmon_power_watts", "PoE load 1"): 248,
        ("netmon_component_ok", "PoE 1"): 1,
        ("netmon_power_watts", "PoE budget 2"): 740,
        ("netmon_power_watts", "PoE load 2"): 0,
        ("netmon_component_ok", "PoE 3"): 0,
    }


def test_a_test_of_a_path_that_is_still_running_is_not_yet_a_failure(device):
    assert {key: value for key, value in device.values.items() if key[0].startswith("netmon_path")} == {
        ("netmon_path_up", "ping Hà Nội"): 1,
        ("netmon_path_round_trip_seconds", "ping Hà Nội"): pytest.approx(0.014),
        ("netmon_path_up", "ping 3.111.112.115.3.104.99.109"): 0,
        ("netmon_path_round_trip_seconds", "ping Huế"): pytest.approx(0.009),
    }


def test_memory_of_4_tib_is_told_by_the_objects_of_64_bits_and_a_host_without_swap_has_none(device):
    memory = {key[1]: value for key, value in device.values.items() if key[0] == "netmon_memory_size_bytes"}
    assert memory == {"physical": 2**32 * 1024}
    assert device.values["netmon_memory_free_bytes", "available"] == 5000 * 1024


def test_a_neighbour_whose_port_is_a_mac_address_is_told_by_its_description(device):
    ports = {key[1]: labels["neighbour_interface"] for key, labels in device.infos.items() if "neighbour" in labels}
    assert ports == {"ge-5/5 far": "uplink port", "/6 roof": "Gi0/1"}


def test_a_ups_tells_of_its_inputs_and_its_bypass_beside_what_it_gives(device):
    labels = device.infos["netmon_device_hardware_info", ""]
    assert (labels["manufacturer"], labels["model"]) == ("UPS maker", "UPS 3000")
    ups = ("netmon_frequency", "netmon_current", "netmon_power_watts")
    read = {key: value for key, value in device.values.items() if key[0].startswith(ups) and "PoE" not in key[1]}
    assert read == {
        ("netmon_frequency_hertz", "output"): 49.9,
        ("netmon_frequency_hertz", "bypass"): 50.1,
        ("netmon_current_amperes", "input 1"): 3.1,
        ("netmon_power_watts", "input 1"): 690,
        ("netmon_current_amperes", "bypass 1"): 0.5,
        ("netmon_power_watts", "bypass 1"): 100,
    }
