"""UPS-MIB, which every device is asked for, on made-up recordings: what its values mean, and those that mean nothing."""

from __future__ import annotations

import pytest

from netmon.snmp import Client
from tests.pollers.test_recordings import OURS, polls_of

Values = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def recordings(snmpsim) -> int:
    return snmpsim(OURS)


async def values_of(client: Client, port: int, name: str) -> tuple[str, Values]:
    """The profile, and what its own families read, by family and sensor."""
    (poll,) = await polls_of(client, port, name, 1)
    assert poll.incomplete == ()
    (info,) = [r.series for r in poll.readings if r.series.family == "netmon_device_info"]
    power = ("netmon_battery_", "netmon_current_", "netmon_mains_", "netmon_power_", "netmon_temperature_")
    read = {(r.series.family, r.series.label("sensor")): r.value for r in poll.readings if r.series.family.startswith(power)}
    return info.label("profile"), read


async def test_a_ups_on_battery_says_so_in_units_of_the_catalogue(client, recordings):
    assert await values_of(client, recordings, "ups-on-battery") == (
        "generic",
        {
            ("netmon_mains_up", ""): 0,
            ("netmon_mains_frequency_hertz", "1"): 0.0,
            ("netmon_mains_voltage_volts", "1"): 0,
            ("netmon_battery_low", ""): 1,
            ("netmon_battery_discharge_duration_seconds", ""): 1260,
            ("netmon_battery_remaining_seconds", ""): 420,
            ("netmon_battery_charge_ratio", ""): 0.18,
            ("netmon_battery_voltage_volts", ""): 231.2,
            ("netmon_current_amperes", "battery"): -8.3,
            ("netmon_temperature_celsius", "battery"): -3,
            ("netmon_power_output_voltage_volts", "1"): 230,
            ("netmon_power_output_current_amperes", "1"): 7.2,
            ("netmon_power_output_watts", "1"): 1610,
            ("netmon_power_load_ratio", "1"): 1.1,
            ("netmon_power_alarms", ""): 3,
        },
    )


async def test_what_a_ups_does_not_know_is_no_value(client, recordings):
    """unknown(1), other(1), NULL, -1, -99, 255 %, 4294967295, 2147483647, watts below 0, and 2,340 V for 234.0."""
    assert await values_of(client, recordings, "ups-odd") == (
        "generic",
        {
            ("netmon_mains_frequency_hertz", "1"): 50.0,
            ("netmon_power_output_voltage_volts", "1"): 231,
            ("netmon_power_load_ratio", "1"): 0.0,
            ("netmon_power_alarms", ""): 0,
        },
    )


async def test_makers_that_mean_another_unit_have_profiles_of_their_own(client, recordings):
    """Whole kilowatts are not told at all, volts in tenths are volts."""
    assert await values_of(client, recordings, "ups-huawei") == (
        "huawei_ups",
        {("netmon_mains_up", ""): 1, ("netmon_power_output_voltage_volts", "1"): 229},
    )
    assert await values_of(client, recordings, "ups-delta") == (
        "delta_ups_rfc1628",
        {("netmon_mains_voltage_volts", "1"): 228.7, ("netmon_power_output_voltage_volts", "1"): 230.1},
    )
