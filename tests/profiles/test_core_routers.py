"""Cisco, Juniper, Nokia and Fortinet: what their rows mean, and what only looks like a reading."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from time import process_time

import pytest

from netmon import profiles
from netmon.profiles.convert import LONGEST, text_of
from tests.profiles.recorded import Read, hardware, read


def of(device: Read, *families: str) -> Mapping[tuple[str, str], float]:
    return {key: value for key, value in device.values.items() if key[0].startswith(families)}


STATE_CUT = next(
    word.extract
    for table in profiles.load().named("cisco").tables
    for word in table.words
    if word.name == "fan_name" and word.extract
)


@pytest.fixture(scope="module")
def edge() -> Read:
    return asyncio.run(read("cisco-xe"))


def test_a_router_says_what_it_is_in_the_words_of_its_chassis_and_its_description(edge):
    assert edge.profile == "cisco"
    assert hardware(edge) == ("Cisco", "MADE-UP-1", "SER00000001", "17.9.4a")


def test_an_optic_is_told_from_the_board_by_names_and_its_port_by_the_tree_or_the_name(edge):
    """Climbing finds Te1/1/1; a long name is made short as ifName has it; no name of a port in it: no port."""
    assert of(edge, "netmon_optic_") == {
        ("netmon_optic_receive_power_dbm", "Te1/1/1/Te1/1/1 Receive Power Sensor"): -9.1,
        ("netmon_optic_transmit_power_dbm", "Te1/1/1/Te1/1/1 Transmit Power Sensor"): -5.6,
        ("netmon_optic_bias_amperes", "Te1/1/1/Te1/1/1 Bias Current Sensor"): pytest.approx(0.021966),
        ("netmon_optic_voltage_volts", "Te1/1/1/Te1/1/1 Supply Voltage Sensor"): 3.3088,
        ("netmon_optic_temperature_celsius", "Te1/1/1/Te1/1/1 Module Temperature Sensor"): 34.558,
        ("netmon_optic_receive_power_dbm", "Gi0/1/GigabitEthernet0/1 Receive Power Sensor"): -40,
        ("netmon_optic_receive_power_dbm", "Hu1/0/3/Hu1/0/3 Receive Power Sensor"): -3,
        (
            "netmon_optic_receive_power_dbm",
            "Ethernet1/19/Ethernet1/19 Lane 1 Transceiver Receive Power Sensor",
        ): -2.871,
        ("netmon_optic_receive_power_dbm", "/subslot 0/0 transceiver 0 Rx Power Sensor"): -7.5,
    }


def test_a_lane_beside_its_sum_is_a_level_so_that_no_light_counts_twice(edge):
    assert of(edge, "netmon_level") == {("netmon_level_dbm", "Hu1/0/3 Rx Lane 1 Power Sensor"): -9}


def test_sensors_of_the_board_have_their_scale_and_broken_or_unscaled_ones_are_none(edge):
    """nonoperational(3), a scale of 10^-24, a truth value are none; a second MIB that tells of a sensor is not asked."""
    board = of(edge, "netmon_temperature", "netmon_voltage", "netmon_current", "netmon_power", "netmon_fan")
    assert board == {
        ("netmon_temperature_celsius", "Temp: Inlet"): 28,
        ("netmon_temperature_celsius", "Temp: frost"): -3,
        ("netmon_temperature_celsius", "modem Modem 0/2/0"): 41,
        ("netmon_voltage_volts", "V: 12v"): 12.059,
        ("netmon_current_amperes", "I: 12v"): 2,
        ("netmon_power_watts", "P: pwr"): 24,
        ("netmon_fan_speed_rpm", "RPM: fan0"): 1560,
    }


def test_a_part_that_somebody_switched_off_has_no_fault(edge):
    assert of(edge, "netmon_component") == {
        ("netmon_component_ok", "power Power Supply 0"): 0,
        ("netmon_component_ok", "fan Fan Tray"): 0,
        ("netmon_component_ok", "module module 0"): 1,
    }


def test_a_pool_of_two_mibs_is_told_by_the_one_whose_numbers_are_wide_enough(edge):
    """5 GB do not fit the older table; a pool that is not valid is none."""
    assert of(edge, "netmon_memory", "netmon_processor") == {
        ("netmon_processor_load_ratio", "cpu cpu R0/0"): 0.07,
        ("netmon_memory_used_bytes", "system cpu R0/0"): 1_024_000,
        ("netmon_memory_free_bytes", "system cpu R0/0"): 3_072_000,
        ("netmon_memory_used_bytes", "Made-up pool"): 5_000_000_000,
        ("netmon_memory_free_bytes", "Made-up pool"): 1000,
        ("netmon_memory_used_bytes", "Driver text"): 40,
        ("netmon_memory_free_bytes", "Driver text"): 60,
    }


def test_a_path_that_timed_out_keeps_no_old_round_trip_and_a_busy_router_says_nothing_of_it(edge):
    assert of(edge, "netmon_path") == {
        ("netmon_path_up", "sla Hà Nội"): 1,
        ("netmon_path_round_trip_seconds", "sla Hà Nội"): 0.012,
        ("netmon_path_up", "sla 2"): 1,
        ("netmon_path_round_trip_seconds", "sla 2"): pytest.approx(0.0045),
        ("netmon_path_jitter_seconds", "sla 2"): pytest.approx(0.0007),
        ("netmon_path_up", "sla Core"): 0,
    }


def test_a_modem_tells_ratios_in_tenths_and_powers_in_whole_decibels(edge):
    assert of(edge, "netmon_cellular") == {
        ("netmon_cellular_registered", "Modem 0/2/0"): 1,
        ("netmon_cellular_connected", "Modem 0/2/0"): 1,
        ("netmon_cellular_rssi_dbm", "Modem 0/2/0"): -66,
        ("netmon_cellular_rsrp_dbm", "Modem 0/2/0"): -98,
        ("netmon_cellular_rsrq_db", "Modem 0/2/0"): -11.5,
        ("netmon_cellular_sinr_db", "Modem 0/2/0"): 9.2,
    }
    info = edge.infos["netmon_cellular_info", "Modem 0/2/0"]
    assert (info["operator"], info["technology"], info["cell"]) == ("Viettel", "LTE", "4711")


async def test_ios_xr_says_in_the_description_what_a_sensor_is_and_in_the_name_where():
    router = await read("cisco-xr")
    assert hardware(router) == ("Cisco", "", "SER00000002", "7.5.2")
    assert router.values == {
        ("netmon_optic_receive_power_dbm", "TenGigE0/0/2/1/power Rx 0/0/2/1"): -23.6,
        ("netmon_optic_transmit_power_dbm", "TenGigE0/0/2/1/power Tx 0/0/2/1"): 2.56,
        ("netmon_optic_bias_amperes", "TenGigE0/0/2/1/current 0/0/2/1"): pytest.approx(0.03512),
        ("netmon_optic_temperature_celsius", "TenGigE0/0/2/1/temperature 0/0/2/1"): 41.25,
        ("netmon_optic_receive_power_dbm", "TenGigE0/0/0/1/TenGigE0/0/0/1 Rx"): -5.12,
        ("netmon_temperature_celsius", "temperature 0/RP0/CPU0"): 36,
    }


async def test_an_old_switch_names_its_parts_without_the_state_that_their_names_hold():
    """And frost in a Gauge32 wraps; notPresent(5) is neither a fault nor 0 °C."""
    switch = await read("cisco-old")
    assert hardware(switch) == ("Cisco", "MADE-UP-48", "SER00000003", "12.2(55)SE12")
    assert switch.values == {
        ("netmon_voltage_volts", "+5V"): 5.12,
        ("netmon_temperature_celsius", "SW#1, Sensor#1"): -6,
        ("netmon_component_ok", "fan Switch#1, Fan#1"): 1,
        ("netmon_component_ok", "supply Sw1, PS1"): 0,
        ("netmon_processor_load_ratio", "cpu 1"): 0.12,
    }


@pytest.fixture(scope="module")
def junos() -> Read:
    return asyncio.run(read("juniper-mx"))


def test_a_juniper_says_what_it_is_where_its_box_only_says_virtual_chassis(junos):
    assert junos.profile == "juniper"
    assert hardware(junos) == ("Juniper", "mx99", "SER00000004", "21.4R3-S5.4")


def test_a_zero_of_the_operating_table_is_inapplicable_and_a_standby_engine_has_no_fault(junos):
    board = of(junos, "netmon_component", "netmon_temperature", "netmon_processor", "netmon_memory", "netmon_sessions")
    assert board == {
        ("netmon_component_ok", "PEM 0"): 0,
        ("netmon_component_ok", "Fan Tray 0"): 1,
        ("netmon_component_ok", "FPC: MPC @ 0/*/*"): 1,
        ("netmon_component_ok", "Engine 0"): 1,
        ("netmon_component_ok", "Engine 1"): 1,
        ("netmon_temperature_celsius", "FPC: MPC @ 0/*/*"): 39,
        ("netmon_temperature_celsius", "Engine 0"): -3,
        ("netmon_temperature_celsius", "Engine 1"): 30,
        ("netmon_processor_load_ratio", "FPC: MPC @ 0/*/*"): 0.22,
        ("netmon_processor_load_ratio", "Engine 0"): 0.03,
        ("netmon_memory_used_ratio", "FPC: MPC @ 0/*/*"): 0.52,
        ("netmon_memory_used_ratio", "Engine 0"): 0.38,
        ("netmon_memory_used_ratio", "Engine 1"): 0.09,
        ("netmon_processor_load_ratio", "spu 0"): 0.21,
        ("netmon_memory_used_ratio", "spu 0"): 0.6,
        ("netmon_sessions", ""): 4200,
    }


def test_alarms_are_counted_or_the_lamp_tells_of_one(junos):
    assert of(junos, "netmon_alarms") == {("netmon_alarms", "yellow"): 2, ("netmon_alarms", "red"): 1}


def test_lanes_are_told_of_a_module_that_has_several_and_nothing_of_one_without_diagnostics(junos):
    assert of(junos, "netmon_optic_") == {
        ("netmon_optic_receive_power_dbm", "xe-0/1/0/xe-0/1/0"): -8.51,
        ("netmon_optic_transmit_power_dbm", "xe-0/1/0/xe-0/1/0"): -2.43,
        ("netmon_optic_receive_power_low_limit_dbm", "xe-0/1/0/xe-0/1/0"): -14.22,
        ("netmon_optic_receive_power_high_limit_dbm", "xe-0/1/0/xe-0/1/0"): 1.5,
        ("netmon_optic_bias_amperes", "xe-0/1/0/xe-0/1/0"): pytest.approx(0.00612),
        ("netmon_optic_temperature_celsius", "xe-0/1/0/xe-0/1/0"): 46,
        ("netmon_optic_voltage_volts", "xe-0/1/0/xe-0/1/0"): 3.3,
        ("netmon_optic_temperature_celsius", "et-0/1/2/et-0/1/2"): 38,
        ("netmon_optic_voltage_volts", "et-0/1/2/et-0/1/2"): 3.29,
        ("netmon_optic_receive_power_dbm", "et-0/1/2/et-0/1/2 lane 0"): -4.1,
        ("netmon_optic_transmit_power_dbm", "et-0/1/2/et-0/1/2 lane 0"): 1.2,
        ("netmon_optic_bias_amperes", "et-0/1/2/et-0/1/2 lane 0"): pytest.approx(0.042),
        ("netmon_optic_receive_power_dbm", "et-0/1/2/et-0/1/2 lane 1"): -40,
        ("netmon_optic_transmit_power_dbm", "et-0/1/2/et-0/1/2 lane 1"): 1.1,
        ("netmon_optic_bias_amperes", "et-0/1/2/et-0/1/2 lane 1"): pytest.approx(0.041),
    }


def test_a_probe_has_one_name_in_all_tables_that_tell_of_it(junos):
    """Of the collections of probes the last test that was completed counts. A probe that timed out leaves old averages."""
    assert of(junos, "netmon_path") == {
        ("netmon_path_up", "rpm ops core"): 1,
        ("netmon_path_round_trip_seconds", "rpm ops core"): pytest.approx(0.012345),
        ("netmon_path_jitter_seconds", "rpm ops core"): pytest.approx(0.0008),
        ("netmon_path_loss_ratio", "rpm ops core"): 0,
        ("netmon_path_up", "rpm ops lte"): 0,
        ("netmon_path_loss_ratio", "rpm ops lte"): 1,
    }


@pytest.fixture(scope="module")
def sar() -> Read:
    return asyncio.run(read("nokia-sar"))


def test_a_nokia_says_what_it_is_by_the_name_of_its_chassis_type(sar):
    assert sar.profile == "nokia_sros"
    assert hardware(sar) == ("Nokia", "7705 SAR-made-up", "SER00000005", "B-99.0.R7")


def test_slots_of_one_name_are_told_apart_by_what_is_in_them_and_what_is_switched_off_has_no_fault(sar):
    assert of(sar, "netmon_component", "netmon_temperature", "netmon_alarms") == {
        ("netmon_component_ok", "Chassis 2"): 1,
        ("netmon_component_ok", "cpm Slot C"): 1,
        ("netmon_component_ok", "fabric Slot C"): 0,
        ("netmon_component_ok", "Fan tray"): 0,
        ("netmon_component_ok", "fan 1.1"): 0,
        ("netmon_component_ok", "supply 1.1"): 1,
        ("netmon_component_ok", "supply input 1.2"): 0,
        ("netmon_component_ok", "temperature 1"): 0,
        ("netmon_temperature_celsius", "cpm Slot C"): 37,
        ("netmon_temperature_celsius", "MDA 2/1"): -5,
        ("netmon_alarms", "critical 1"): 1,
        ("netmon_alarms", "major 1"): 0,
        ("netmon_alarms", "minor 1"): 1,
    }


def test_memory_beyond_32_bits_is_told_in_kilobytes(sar):
    assert of(sar, "netmon_memory") == {
        ("netmon_memory_used_bytes", "system"): 5_000_000_000,
        ("netmon_memory_free_bytes", "system"): 612_345_678,
    }


def test_light_in_tenths_of_microwatts_is_none_at_0_and_none_where_the_module_is_not_calibrated(sar):
    """2/1/4 has to be calibrated by the system with constants that change its numbers; those of 2/1/5 change nothing."""
    assert of(sar, "netmon_optic_") == {
        ("netmon_optic_receive_power_dbm", "2/1/3/2/1/3"): pytest.approx(-8.5387, abs=1e-4),
        ("netmon_optic_transmit_power_dbm", "2/1/3/2/1/3"): pytest.approx(-3.8647, abs=1e-4),
        ("netmon_optic_bias_amperes", "2/1/3/2/1/3"): pytest.approx(0.01824),
        ("netmon_optic_voltage_volts", "2/1/3/2/1/3"): 3.291,
        ("netmon_optic_temperature_celsius", "2/1/3/2/1/3"): 31.00390625,
        ("netmon_optic_receive_power_low_limit_dbm", "2/1/3/2/1/3"): pytest.approx(-23.9794, abs=1e-4),
        ("netmon_optic_receive_power_high_limit_dbm", "2/1/3/2/1/3"): pytest.approx(0.4922, abs=1e-4),
        ("netmon_optic_receive_power_low_limit_dbm", "2/1/4/2/1/4"): pytest.approx(-24.9485, abs=1e-4),
        ("netmon_optic_receive_power_high_limit_dbm", "2/1/4/2/1/4"): 0,
        ("netmon_optic_transmit_power_dbm", "2/1/5/2/1/5"): pytest.approx(-29.5861, abs=1e-4),
        ("netmon_optic_bias_amperes", "2/1/5/2/1/5"): pytest.approx(0.00044),
        ("netmon_optic_voltage_volts", "2/1/5/2/1/5"): 3.2704,
        ("netmon_optic_temperature_celsius", "2/1/5/2/1/5"): 27.34375,
        ("netmon_optic_receive_power_low_limit_dbm", "2/1/5/2/1/5"): pytest.approx(-22.5181, abs=1e-4),
        ("netmon_optic_receive_power_high_limit_dbm", "2/1/5/2/1/5"): 0,
    }


def test_interfaces_of_services_are_ports_and_those_of_the_base_router_stay_those_of_if_mib(sar):
    ports = {key[1]: labels for key, labels in sar.infos.items() if key[0] == "netmon_interface_info"}
    assert set(ports) == {"system/", "to-xã-Một/", "oam 7/", "oam 9/", "2/1/3/", "2/1/4/", "2/1/5/"}
    assert (ports["to-xã-Một/"]["if_alias"], ports["oam 7/"]["if_descr"]) == ("cell site", "oam")


@pytest.fixture(scope="module")
def firewall() -> Read:
    return asyncio.run(read("fortigate-branch"))


def test_a_fortigate_says_what_it_is_though_its_description_is_empty(firewall):
    assert firewall.profile == "fortigate"
    assert hardware(firewall) == ("Fortinet", "FGT_MADEUP", "FGMADEUP0000001", "v9.9.3")


def test_a_sensor_without_a_unit_is_read_as_its_name_says_or_not_at_all(firewall):
    """FAN_TMP is a temperature; a state, a current without a unit, and 0 °C of a supply that is not there are none."""
    assert of(firewall, "netmon_temperature", "netmon_fan", "netmon_voltage", "netmon_current", "netmon_power") == {
        ("netmon_temperature_celsius", "CPU Temp"): 39.3,
        ("netmon_temperature_celsius", "FAN_TMP_3"): 31,
        ("netmon_temperature_celsius", "CPU 0 Core 1"): 47,
        ("netmon_temperature_celsius", "TD1"): -4,
        ("netmon_fan_speed_rpm", "Fan 1"): 9100,
        ("netmon_voltage_volts", "+VCC3V3"): 3.3052,
        ("netmon_voltage_volts", "P1V0_AUX"): 1.004,
    }


def test_an_alarm_of_a_sensor_and_a_cluster_out_of_step_are_faults(firewall):
    faults = {sensor for (_, sensor), value in of(firewall, "netmon_component").items() if value == 0}
    assert faults == {"sensor Fan 1", "sensor PS2 Temp", "cluster fw-b"}


def test_a_path_that_is_dead_has_no_round_trip_of_0(firewall):
    assert of(firewall, "netmon_path", "netmon_tunnel") == {
        ("netmon_path_up", "sdwan DNS isp-a"): 1,
        ("netmon_path_round_trip_seconds", "sdwan DNS isp-a"): pytest.approx(0.008215),
        ("netmon_path_jitter_seconds", "sdwan DNS isp-a"): pytest.approx(0.000431),
        ("netmon_path_loss_ratio", "sdwan DNS isp-a"): 0.005,
        ("netmon_path_up", "sdwan DNS isp-b"): 0,
        ("netmon_path_loss_ratio", "sdwan DNS isp-b"): 1,
        ("netmon_path_up", "sdwan HQ 7"): 1,
        ("netmon_path_round_trip_seconds", "sdwan HQ 7"): pytest.approx(0.0312),
        ("netmon_path_jitter_seconds", "sdwan HQ 7"): pytest.approx(0.004713),
        ("netmon_path_loss_ratio", "sdwan HQ 7"): 0.02,
        ("netmon_path_up", "monitor isp"): 0,
        ("netmon_path_loss_ratio", "monitor isp"): 1,
        ("netmon_tunnel_up", "tỉnh a"): 1,
        ("netmon_tunnel_up", "tỉnh b"): 0,
    }


def test_what_a_firewall_itself_carries_and_its_modem_hears(firewall):
    """A disk of 0 MB is none; the ratio of signal to noise has no unit that is known."""
    assert of(firewall, "netmon_processor", "netmon_memory", "netmon_storage", "netmon_sessions", "netmon_cellular") == {
        ("netmon_processor_load_ratio", "system"): 0.03,
        ("netmon_processor_load_ratio", "core 8"): 0.09,
        ("netmon_processor_load_ratio", "core 9"): 0,
        ("netmon_memory_used_ratio", "system"): 0.57,
        ("netmon_memory_size_bytes", "system"): 2048000 * 1024,
        ("netmon_sessions", ""): 842,
        ("netmon_cellular_connected", "usb"): 0,
        ("netmon_cellular_rssi_dbm", "modem 1"): -67,
        ("netmon_cellular_rsrq_db", "modem 1"): -11,
        ("netmon_cellular_rsrp_dbm", "modem 1"): -97,
        ("netmon_cellular_rsrp_dbm", "5g modem 1"): -101,
        ("netmon_cellular_rsrp_dbm", "5g modem nr 1"): -88,
    }
    assert firewall.infos["netmon_cellular_info", "modem 1"]["operator"] == "VNPT"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Fan 1, Normal", "Fan 1"),
        ("Sw1, PS1 Faulty, RPS Normal", "Sw1, PS1"),
        ("Power  Not Present x", "Power"),
        ("Fan,", "Fan,"),
    ],
)
def test_the_name_of_a_part_is_less_its_state(said: str, name: str):
    assert text_of(said.encode(), STATE_CUT) == name


def test_a_name_that_nobody_gave_a_part_takes_no_time():
    began = process_time()
    re.search(STATE_CUT, f"f{',' * 16_000}x")
    assert process_time() - began < 0.5
    assert len(text_of(b"f" * 65_000)) == LONGEST
