"""Microwave radios of Ericsson and Ceragon: what stands for "no signal", whose value it is, and in which unit."""

from __future__ import annotations

from tests.profiles.recorded import hardware, read


async def test_powers_of_a_mini_link_are_texts_and_a_dead_carrier_has_none():
    radio = await read("ericsson-minilink")
    carrier, terminal = "CarrierTermination:slot=2;ctNumber=1", "RadioLinkTerminal:slot=2;rltNumber=1"
    assert radio.profile == "ericsson_minilink"
    assert radio.values == {
        ("netmon_temperature_celsius", "slot 1"): 51.5,
        ("netmon_component_ok", "slot 1"): 0,
        ("netmon_radio_up", carrier): 1,
        ("netmon_radio_receive_power_dbm", carrier): -38.4,
        ("netmon_radio_transmit_power_dbm", carrier): 12,
        ("netmon_radio_transmit_frequency_hertz", carrier): 81_250_000_000,
        ("netmon_radio_receive_frequency_hertz", carrier): 71_250_000_000,
        ("netmon_radio_snr_db", carrier): 31.2,
        ("netmon_radio_xpi_db", carrier): 24,
        ("netmon_radio_capacity_bytes_per_second", carrier): 200_000_000,
        ("netmon_radio_errored_seconds", carrier): 4,
        ("netmon_radio_severely_errored_seconds", carrier): 1,
        ("netmon_radio_unavailable_seconds", carrier): 0,
        ("netmon_radio_up", "CarrierTermination:slot=2;ctNumber=2"): 0,
        ("netmon_radio_up", terminal): 1,
        ("netmon_radio_capacity_bytes_per_second", terminal): 200_000_000,
    }


async def test_a_radio_without_a_chassis_is_the_module_that_nothing_contains():
    assert hardware(await read("ericsson-minilink")) == ("Ericsson", "MINI-LINK 0000", "SER00000003", "R0A0")
    assert hardware(await read("ericsson-6600")) == ("Ericsson", "MINI-LINK 0000", "SER00000004", "")


async def test_markers_of_a_6600_are_no_powers_and_what_a_far_end_does_not_tell_is_not_0():
    radio = await read("ericsson-6600")
    assert radio.profile == "ericsson_6600"
    assert radio.values == {
        ("netmon_temperature_celsius", "radio 1/1.1"): 48,
        ("netmon_radio_up", "1/1.1/1"): 1,
        ("netmon_radio_up", "1/2.1/1"): 0,
        ("netmon_radio_up", "CT 1/1/1"): 1,
        ("netmon_radio_up", "RLT 1/1/1"): 1,
        ("netmon_radio_transmit_frequency_hertz", "1/1.1/1"): 7_128_000_000,
        ("netmon_radio_receive_frequency_hertz", "1/1.1/1"): 7_289_000_000,
        ("netmon_radio_transmit_frequency_hertz", "F1/1.1/1"): 7_289_000_000,
        ("netmon_radio_receive_frequency_hertz", "F1/1.1/1"): 7_128_000_000,
        ("netmon_radio_transmit_power_dbm", "1/1.1/1"): 21,
        ("netmon_radio_receive_power_dbm", "1/1.1/1"): -38.5,
        ("netmon_radio_receive_power_dbm", "1/2.1/1"): -43.2,
        ("netmon_radio_capacity_bytes_per_second", "CT 1/1/1"): 22_875_000,
        ("netmon_radio_capacity_bytes_per_second", "FCT 1/1/1"): 0,
        ("netmon_radio_capacity_bytes_per_second", "RLT 1/1/1"): 22_875_000,
        ("netmon_radio_snr_db", "CT 1/1/1"): 28.4,
        ("netmon_radio_errored_seconds", "1/1/1"): 12,
        ("netmon_radio_severely_errored_seconds", "1/1/1"): 2,
        ("netmon_radio_unavailable_seconds", "1/1/1"): 3600,
    }


async def test_a_base_frequency_is_the_radios_own_only_at_step_0():
    values = (await read("ericsson-6600")).values
    assert ("netmon_radio_transmit_frequency_hertz", "1/1.1/1") in values
    assert ("netmon_radio_transmit_frequency_hertz", "1/2.1/1") not in values


async def test_a_ceragon_that_is_not_locked_has_no_level_and_no_errors_and_no_isolation():
    radio = await read("ceragon-ip20")
    one, other = "Radio: Slot 1, port 1", "Radio: Slot 1, port 2"
    assert radio.profile == "ceragon"
    assert hardware(radio) == ("Ceragon", "Made-up packet radio", "SER00000005", "1.2.3")
    assert radio.values == {
        ("netmon_temperature_celsius", "IDU"): 41,
        ("netmon_voltage_volts", "IDU"): 48,
        ("netmon_temperature_celsius", f"power amplifier {one}"): 55,
        ("netmon_radio_up", one): 1,
        ("netmon_radio_receive_power_dbm", one): -47,
        ("netmon_radio_receive_power_dbm", f"diversity {one}"): -51,
        ("netmon_radio_transmit_power_dbm", one): 18,
        ("netmon_radio_transmit_frequency_hertz", one): 7_442_000_000,
        ("netmon_radio_receive_frequency_hertz", one): 7_596_000_000,
        ("netmon_radio_mse_db", one): -36.55,
        ("netmon_radio_xpi_db", one): 26.1,
        ("netmon_radio_capacity_bytes_per_second", f"transmit {one}"): 39_500_000,
        ("netmon_radio_capacity_bytes_per_second", f"receive {one}"): 35_500_000,
        ("netmon_radio_up", f"remote {one}"): 1,
        ("netmon_radio_receive_power_dbm", f"remote {one}"): -45,
        ("netmon_radio_up", other): 0,
        ("netmon_radio_transmit_frequency_hertz", other): 7_442_000_000,  # told in MHz here
        ("netmon_radio_receive_frequency_hertz", other): 7_596_000_000,
    }


async def test_a_ceragon_that_was_set_to_imperial_tells_fahrenheit():
    assert (await read("ceragon-imperial")).values["netmon_temperature_celsius", "IDU"] == 35
