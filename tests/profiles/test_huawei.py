"""Huawei: one object in different units on different platforms, power controllers in tenths, ONTs by port and number."""

from __future__ import annotations

import asyncio

import pytest

from netmon import profiles
from netmon.profiles.convert import converter
from tests.profiles.recorded import Read, hardware, read

MADE_UP = ("switch", "chassis", "router", "ar", "olt", "rtn", "smu", "ups-card")


@pytest.fixture(scope="module")
def devices() -> dict[str, Read]:
    return {name: asyncio.run(read(f"huawei-{name}")) for name in MADE_UP}


def of(device: Read, *families: str) -> dict[tuple[str, str], float]:
    return {key: value for key, value in device.values.items() if key[0].startswith(families)}


def optic(device: Read, sensor: str) -> dict[str, float]:
    """What is read of one optic, by the rest of the family's name."""
    return {family.removeprefix("netmon_optic_"): value for (family, name), value in device.values.items() if name == sensor}


def test_each_platform_has_the_profile_of_its_sys_object_id_or_of_what_it_answers(devices):
    assert {name: device.profile for name, device in devices.items()} == {
        "switch": "huawei_vrp",
        "chassis": "huawei_vrp",
        "router": "huawei_vrp",
        "ar": "huawei_vrp",
        "olt": "huawei_olt",
        "rtn": "huawei_rtn",
        "smu": "huawei_smu",
        "ups-card": "huawei_ups_card",
    }


def test_devices_say_what_they_are_where_entity_mib_does_not(devices):
    assert hardware(devices["switch"]) == ("Huawei", "S1999", "SN-MADE-UP-1", "V200R777C00SPC100")
    assert hardware(devices["router"]) == ("Huawei", "NetEngine 7777", "", "V800R777C10SPC300")
    assert hardware(devices["olt"]) == ("Huawei", "H999", "SN-OLT-1", "MA9999V777R001")
    assert hardware(devices["rtn"]) == ("Huawei", "Optix RTN", "", "V777R011C00SPC200")
    assert hardware(devices["smu"]) == ("Huawei", "GSE200M", "", "V777R003C00SPC036")
    assert hardware(devices["ups-card"]) == ("Huawei", "UPS9999-X", "SN-UPS-1", "")


def test_a_switch_of_the_s_series_tells_microwatts_and_limits_in_hundredths_of_a_dbm(devices):
    """500 uW are -3.01 dBm; 256 are -5.92 and not +2.56."""
    assert optic(devices["switch"], "XGigabitEthernet0/0/1/XGigabitEthernet0/0/1") == {
        "temperature_celsius": 37,
        "voltage_volts": 3.301,
        "bias_amperes": 0.0061,
        "receive_power_dbm": pytest.approx(-3.0103),
        "transmit_power_dbm": pytest.approx(-6.0206),
        "signal_lost": 0,
        "receive_power_low_limit_dbm": -13,
        "receive_power_high_limit_dbm": 2,
    }
    dark = optic(devices["switch"], "XGigabitEthernet0/0/2/XGigabitEthernet0/0/2")
    assert dark["transmit_power_dbm"] == pytest.approx(-5.9176)
    assert dark["signal_lost"] == 1
    assert "receive_power_dbm" not in dark
    assert dark["receive_power_low_limit_dbm"] == -12, "it has no limit for an alarm, but one for a warning"
    assert "receive_power_high_limit_dbm" not in dark


def test_an_empty_cage_has_no_readings(devices):
    """-255 degrees, -1 everywhere, and the zeros of a port without an optic."""
    for empty in ("XGigabitEthernet0/0/3", "GigabitEthernet0/0/9"):
        assert optic(devices["switch"], f"{empty}/{empty}") == {}
    assert optic(devices["ar"], "GigabitEthernet0/0/4/GigabitEthernet0/0/4") == {}


def test_lanes_of_the_s_series_are_hundredths_with_decimals_and_a_dark_one_is_none(devices):
    lanes = {n: optic(devices["switch"], f"40GE0/0/1/lane {n} 40GE0/0/1") for n in (1, 2, 3, 4)}
    assert {n: lane.get("receive_power_dbm") for n, lane in lanes.items()} == {
        1: pytest.approx(-1.505),
        2: None,
        3: pytest.approx(-0.9999),
        4: pytest.approx(-2.1),
    }
    assert lanes[1]["transmit_power_dbm"] == pytest.approx(0.451)
    assert {n: lane.get("bias_amperes") for n, lane in lanes.items()} == {
        1: pytest.approx(0.0071),
        2: pytest.approx(0.0072),
        3: pytest.approx(0.0073),
        4: None,
    }
    assert "signal_lost" not in optic(devices["switch"], "40GE0/0/1/40GE0/0/1"), "-1 is neither light nor none"


def test_of_a_chassis_of_the_s_series_only_a_text_that_cannot_be_mistaken_is_believed(devices):
    first = optic(devices["chassis"], "GigabitEthernet1/0/1/GigabitEthernet1/0/1")
    assert first["receive_power_dbm"] == pytest.approx(-3.0103)
    assert first["transmit_power_dbm"] == pytest.approx(-6.0206)
    second = optic(devices["chassis"], "GigabitEthernet1/0/2/GigabitEthernet1/0/2")
    assert not {"receive_power_dbm", "transmit_power_dbm"} & second.keys()


def test_a_router_tells_hundredths_of_a_dbm_whatever_their_sign_and_milliamperes(devices):
    read = optic(devices["router"], "GigabitEthernet0/7/0/GigabitEthernet0/7/0")
    assert (read["receive_power_dbm"], read["transmit_power_dbm"], read["bias_amperes"]) == (-2.9, 2.56, 0.034)
    assert (read["receive_power_low_limit_dbm"], read["receive_power_high_limit_dbm"]) == (-16, 0)


def test_minus_40_dbm_is_no_light(devices):
    read = optic(devices["router"], "GigabitEthernet0/7/1/GigabitEthernet0/7/1")
    assert read["signal_lost"] == 1
    assert "receive_power_dbm" not in read
    assert read["transmit_power_dbm"] == 3.4


def test_a_bias_in_a_unit_that_a_platform_does_not_have_is_none(devices):
    """6100 mA on a router of the NE series, 300 uA on an AR."""
    assert "bias_amperes" not in optic(devices["router"], "GigabitEthernet0/7/3/GigabitEthernet0/7/3")
    assert "bias_amperes" not in optic(devices["ar"], "GigabitEthernet0/0/6/GigabitEthernet0/0/6")


def test_without_texts_per_lane_the_object_itself_is_read(devices):
    read = optic(devices["router"], "GigabitEthernet0/7/3/GigabitEthernet0/7/3")
    assert (read["receive_power_dbm"], read["transmit_power_dbm"]) == (-16.84, -1.27)
    assert read["receive_power_low_limit_dbm"] == -20, "that of the warning"
    read = optic(devices["ar"], "GigabitEthernet0/0/6/GigabitEthernet0/0/6")
    assert (read["receive_power_dbm"], read["transmit_power_dbm"]) == (-8.49, -5.12)


def test_lanes_are_hundredths_of_a_dbm_or_dbm_with_decimals(devices):
    powers = {n: optic(devices["router"], f"100GE0/7/2/lane {n} 100GE0/7/2").get("receive_power_dbm") for n in (1, 2, 3, 4)}
    assert powers == {1: -3.1, 2: None, 3: -2.9, 4: -3.05}
    other = [optic(devices["router"], f"100GE0/9/0/lane {n} Optical 9") for n in (1, 2)]
    assert [(lane["receive_power_dbm"], lane["transmit_power_dbm"]) for lane in other] == [(-5.0, -3.0), (-6.1, -3.1)]


def test_an_optic_belongs_to_the_port_of_its_if_index_else_to_that_of_its_name(devices):
    assert ("netmon_optic_voltage_volts", "100GE0/9/0/Optical 9") in devices["router"].values
    assert ("netmon_optic_voltage_volts", "GigabitEthernet0/7/0/GigabitEthernet0/7/0") in devices["router"].values


def test_boards_fans_and_power_modules_of_a_router(devices):
    parts = ("netmon_component", "netmon_temperature", "netmon_voltage", "netmon_current", "netmon_power", "netmon_fan")
    assert of(devices["router"], *parts, "netmon_processor", "netmon_memory") == {
        ("netmon_component_ok", "BOARD 10"): 1,
        ("netmon_component_ok", "BOARD 9"): 0,
        ("netmon_processor_load_ratio", "BOARD 10"): 0.58,
        ("netmon_memory_used_ratio", "BOARD 10"): 0.54,
        ("netmon_temperature_celsius", "BOARD 10"): 44,
        ("netmon_temperature_celsius", "slot 7 sensor 7.255.1"): 58,
        ("netmon_temperature_celsius", "slot 4 sensor 1.0.2"): 41,
        ("netmon_voltage_volts", "BOARD 10"): 0.77,
        ("netmon_voltage_volts", "slot 7 sensor 7.255.0"): 0.76,
        ("netmon_fan_speed_ratio", "fan 13/1"): 0.2,
        ("netmon_component_ok", "fan 13/1"): 1,
        ("netmon_component_ok", "power 11/0"): 1,
        ("netmon_component_ok", "power 12/0"): 0,
        ("netmon_current_amperes", "power 11/0"): 1.524,
        ("netmon_voltage_volts", "power 11/0"): 53.456,
        ("netmon_power_watts", "system"): 187,
        ("netmon_power_watts", "system average"): 183,
        ("netmon_power_watts", "BOARD 10"): 113,
    }


def test_an_ar_router_tells_its_modem_in_texts_and_volts_that_are_none(devices):
    assert of(devices["ar"], "netmon_cellular", "netmon_voltage", "netmon_power") == {
        ("netmon_cellular_registered", "Cellular0/0/0"): 1,
        ("netmon_cellular_connected", "Cellular0/0/0"): 1,
        ("netmon_cellular_rssi_dbm", "Cellular0/0/0"): -79,
        ("netmon_cellular_rsrp_dbm", "Cellular0/0/0"): -99,
        ("netmon_cellular_sinr_db", "Cellular0/0/0"): 7,
        ("netmon_cellular_rsrq_db", "Cellular0/0/0"): -12,
        ("netmon_cellular_registered", "modem 17"): 0,
    }
    info = devices["ar"].infos["netmon_cellular_info", "Cellular0/0/0"]
    assert (info["operator"], info["technology"], info["cell"]) == ("MADE-UP", "LTE", "123456")


def test_boards_of_an_olt_by_slot_and_type(devices):
    parts = ("netmon_processor", "netmon_memory", "netmon_temperature", "netmon_power_watts")
    assert {
        key: value for key, value in of(devices["olt"], *parts).items() if key[1][0] in "0f" and "tray" not in key[1]
    } == {
        ("netmon_power_watts", "frame 0"): 187,
        ("netmon_processor_load_ratio", "0/1 H999GP"): 0.17,
        ("netmon_memory_used_ratio", "0/1 H999GP"): 0.46,
        ("netmon_temperature_celsius", "0/1 H999GP"): 33,
        ("netmon_power_watts", "0/1 H999GP"): 64,
        ("netmon_temperature_celsius", "0/9"): 20,
        ("netmon_power_watts", "0/9"): 9,
    }
    states = {name: value for (_, name), value in of(devices["olt"], "netmon_component").items() if name[0] in "0fp"}
    assert states == {"frame 0": 1, "0/1 H999GP": 1, "0/8 H999X": 0, "power input 0/8 H999X": 0}, "to be found is no fault"


def test_the_cabinet_of_an_olt_is_told_by_what_its_inputs_are_there_for(devices):
    room = ("netmon_ambient", "netmon_humidity", "netmon_door", "netmon_smoke", "netmon_water", "netmon_fan")
    assert of(devices["olt"], *room) == {
        ("netmon_ambient_temperature_celsius", "Temperature"): 31.25,
        ("netmon_humidity_ratio", "Humidity"): pytest.approx(0.71),
        ("netmon_door_open", ""): 1,
        ("netmon_smoke_detected", ""): 0,
        ("netmon_water_detected", ""): 0,
        ("netmon_fan_speed_rpm", "fan 1/0"): 2400,
    }
    assert devices["olt"].values["netmon_temperature_celsius", "Battery temperature"] == 28.5
    assert devices["olt"].values["netmon_temperature_celsius", "fan tray 1"] == 33.5
    assert ("netmon_component_ok", "Spare") not in devices["olt"].values, "invalid(-1)"


def test_a_pon_port_and_its_onts(devices):
    assert of(devices["olt"], "netmon_pon", "netmon_optic", "netmon_onu") == {
        ("netmon_pon_onus", "GPON 0/3/2/"): 3,
        ("netmon_pon_onus", "GPON 0/3/3/"): 0,
        ("netmon_optic_temperature_celsius", "GPON 0/3/2/GPON 0/3/2"): 36,
        ("netmon_optic_voltage_volts", "GPON 0/3/2/GPON 0/3/2"): 3.31,
        ("netmon_optic_bias_amperes", "GPON 0/3/2/GPON 0/3/2"): 0.027,
        ("netmon_optic_transmit_power_dbm", "GPON 0/3/2/GPON 0/3/2"): 4.56,
        ("netmon_onu_up", "GPON 0/3/2/GPON 0/3/2:0"): 1,
        ("netmon_onu_distance_meters", "GPON 0/3/2/GPON 0/3/2:0"): 1520,
        ("netmon_onu_receive_power_dbm", "GPON 0/3/2/GPON 0/3/2:0"): -19.87,
        ("netmon_onu_transmit_power_dbm", "GPON 0/3/2/GPON 0/3/2:0"): 2.21,
        ("netmon_onu_olt_receive_power_dbm", "GPON 0/3/2/GPON 0/3/2:0"): pytest.approx(-23.59),
        ("netmon_onu_up", "GPON 0/3/2/GPON 0/3/2:1"): 0,
        ("netmon_onu_receive_power_dbm", "/4194304999:5"): -25,
    }


def test_an_ont_says_who_it_is_and_why_it_went_down(devices):
    info = devices["olt"].infos["netmon_onu_info", "GPON 0/3/2/GPON 0/3/2:0"]
    assert (info["serial"], info["description"], info["last_down_cause"]) == (
        "48:57:54:43:00:00:00:01",
        "nhà văn hoá",
        "dying gasp",
    )
    assert devices["olt"].infos["netmon_onu_info", "/4194304999:5"]["last_down_cause"] == "", "-1 is not known"


def test_the_power_that_an_olt_watches_is_in_thousandths(devices):
    assert of(devices["olt"], "netmon_mains", "netmon_power_output", "netmon_battery", "netmon_current") == {
        ("netmon_mains_up", ""): 0,
        ("netmon_mains_voltage_volts", "phase A 0.1.1"): 231,
        ("netmon_power_output_voltage_volts", "dc 0.1"): 53.4,
        ("netmon_power_output_current_amperes", "dc 0.1"): 3.4,
        ("netmon_current_amperes", "rectifier 0.1.1"): 1.7,
        ("netmon_battery_charge_ratio", ""): 0.88,
        ("netmon_battery_string_voltage_volts", "battery 0.1.1"): 53.1,
        ("netmon_current_amperes", "battery 0.1.1"): 0.25,
    }
    assert devices["olt"].values["netmon_component_ok", "rectifier 0.1.1"] == 0


def test_a_microwave_radio_is_told_in_tenths_and_a_muted_one_not_at_all(devices):
    assert devices["rtn"].values == {
        ("netmon_radio_transmit_power_dbm", "radio 25"): 11.7,
        ("netmon_radio_receive_power_dbm", "radio 25"): -55.1,
        ("netmon_radio_transmit_frequency_hertz", "radio 25"): 18_123_500_000,
        ("netmon_radio_receive_frequency_hertz", "radio 25"): 17_113_500_000,
        ("netmon_radio_up", "radio 25"): 1,
        ("netmon_radio_up", "radio 26"): 0,
        ("netmon_temperature_celsius", "1 abc"): 41.2,
        ("netmon_temperature_celsius", "25 radio x"): -3.5,
        ("netmon_component_ok", "1 abc"): 1,
        ("netmon_component_ok", "25 radio x"): 0,
    }


def test_a_site_on_battery_with_a_generator_and_everything_in_tenths(devices):
    """Its rectifiers give 1.3 A and 1.8 A, which are the 3.1 A of the total: not ten times as much."""
    site = ("netmon_mains", "netmon_generator", "netmon_rectifier", "netmon_battery", "netmon_load", "netmon_power_output")
    assert of(devices["smu"], *site) == {
        ("netmon_mains_up", ""): 0,
        ("netmon_mains_voltage_volts", "phase A 1"): 0,
        ("netmon_generator_up", ""): 1,
        ("netmon_rectifiers", ""): 2,
        ("netmon_rectifier_current_amperes", ""): 3.1,
        ("netmon_load_current_amperes", ""): 15.1,
        ("netmon_battery_voltage_volts", ""): 49.8,
        ("netmon_battery_current_amperes", ""): -12,
        ("netmon_battery_charge_ratio", ""): 0.64,
        ("netmon_battery_remaining_seconds", ""): 5700,
        ("netmon_battery_string_current_amperes", "5"): -12,
        ("netmon_battery_string_charge_ratio", "5"): 0.645,
        ("netmon_power_output_voltage_volts", "1"): 49.8,
        ("netmon_power_output_current_amperes", "1"): 15.1,
        ("netmon_power_output_watts", "1"): 752,
        ("netmon_power_output_current_amperes", "branch 1.3"): 1.2,
        ("netmon_power_output_watts", "branch 1.3"): 60,
    }
    assert devices["smu"].values["netmon_current_amperes", "Rectifier9"] == 1.3
    assert devices["smu"].values["netmon_current_amperes", "rectifier 28702"] == 1.8, "it has no name"


def test_the_parts_of_a_site_say_which_of_them_fails(devices):
    assert {name: value for (_, name), value in of(devices["smu"], "netmon_component").items()} == {
        "Rectifier9": 1,
        "rectifier 28702": 0,
        "branch 1.3": 0,
        "ac breaker 1.1": 1,
        "LVD made-up": 0,
        "battery 5": 0,
        "controller 1": 1,
        "Cửa trạm": 0,
        "Smoke": 1,
        "Ngập nước": 1,
    }, "alarmResume(254) of the last input is neither"


def test_the_room_of_a_site_is_known_by_the_names_of_its_inputs(devices):
    room = ("netmon_ambient", "netmon_humidity", "netmon_door", "netmon_smoke", "netmon_water", "netmon_temperature")
    assert of(devices["smu"], *room) == {
        ("netmon_ambient_temperature_celsius", "room 1"): 31,
        ("netmon_humidity_ratio", "room 1"): 0.71,
        ("netmon_door_open", ""): 1,
        ("netmon_smoke_detected", ""): 0,
        ("netmon_water_detected", ""): 0,
    }


def test_a_ups_tells_decimals_in_its_own_mib_and_a_time_that_ups_mib_does_not_know(devices):
    assert devices["ups-card"].values == {
        ("netmon_mains_up", ""): 0,
        ("netmon_mains_voltage_volts", "1"): 231.5,
        ("netmon_mains_frequency_hertz", "1"): 49.98,
        ("netmon_power_output_voltage_volts", "1"): 230.1,
        ("netmon_power_output_current_amperes", "1"): 7.3,
        ("netmon_power_output_watts", "1"): 1600,
        ("netmon_power_load_ratio", "1"): pytest.approx(0.274),
        ("netmon_battery_voltage_volts", ""): 270.7,
        ("netmon_battery_charge_ratio", ""): 0.81,
        ("netmon_battery_remaining_seconds", ""): 1860,
        ("netmon_temperature_celsius", "battery"): 25.5,
        ("netmon_temperature_celsius", "modules"): 41.2,
        ("netmon_ambient_temperature_celsius", "room"): 27.4,
    }


@pytest.mark.parametrize(
    ("column", "raws"),
    [
        ("hw_entity_optical_rx_dark_uw", {300: 0, 0: 1, -1: None, 2**31 - 1: None}),
        ("hw_entity_optical_rx_dark", {-290: 0, -4000: 1, -1: None, 2**31 - 1: None}),
    ],
)
def test_an_optic_that_is_pulled_between_two_discoveries_has_not_got_its_light_back(
    column: str, raws: dict[int, int | None]
):
    (found,) = (
        each for table in profiles.load().named("huawei_vrp").tables for each in table.columns if each.name == column
    )
    convert = converter(found, found.family)
    assert convert is not None
    assert {raw: convert(raw) for raw in raws} == raws
