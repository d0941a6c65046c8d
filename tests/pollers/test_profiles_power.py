"""The profile `huawei_smu`: the simulator's controllers, whose plants are known, and sites where things are not fitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from netmon.model import Outcome, Poll
from netmon.pollers.snmp import SnmpPoller
from netmon.sim.agents import Agent, listen
from netmon.sim.power import PowerPlant
from netmon.sim.province import Machine, Role
from netmon.sim.timetable import Timetable
from netmon.snmp import V2C, Community, Tag, oid
from tests.peers import free_port
from tests.pollers.box import SYSTEM, Box

START = 1_795_000_000.0
SITE = "1.3.6.1.4.1.2011.6.164.1"
SITE_FAMILIES = (
    "netmon_ambient_",
    "netmon_battery_",
    "netmon_mains_",
    "netmon_power_",
    "netmon_rectifiers",
    "netmon_temperature_",
)
PLANT = PowerPlant(failures=Timetable(START, 4 * 3600.0), load_amperes=31.7, capacity_ampere_hours=100.0)
PUBLIC = Community(V2C, b"public")
CONTROLLER = Machine(id="pc", role=Role.POWER, location="Trạm BTS", booted=START - 86_400, interfaces=(), plant=PLANT)


def read(poll: Poll) -> dict[tuple[str, str], float]:
    """What was read of the site, by family and sensor."""
    assert (poll.outcome, poll.incomplete, poll.detail) == (Outcome.ANSWERED, (), "")
    site = [reading for reading in poll.readings if reading.series.family.startswith(SITE_FAMILIES)]
    return {(reading.series.family, reading.series.label("sensor")): reading.value for reading in site}


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("minutes", [-10, 90, 241, 300])
async def test_a_simulated_controller_tells_what_its_plant_does(
    poller_of: Callable[..., SnmpPoller], version: str, minutes: int
):
    """Before a failure of the mains, during it, when they come back to an empty battery, and while it charges."""
    at, port = START + minutes * 60, free_port()
    with await listen([(Agent(CONTROLLER, PUBLIC, START), "127.0.0.1", port)], lambda: at):
        poller = poller_of(port, version=version)
        poll = await poller.poll()
        assert poller.profile == "huawei_smu"
    now = PLANT.at(at)
    assert read(poll) == {
        ("netmon_mains_up", ""): int(now.mains_up),
        ("netmon_mains_voltage_volts", "phase A 1"): pytest.approx(now.mains_voltage_volts, abs=0.05),
        ("netmon_rectifiers", ""): 2,
        ("netmon_battery_voltage_volts", ""): pytest.approx(now.battery_voltage_volts, abs=0.051),
        ("netmon_battery_current_amperes", ""): pytest.approx(now.battery_current_amperes, abs=0.051),
        ("netmon_battery_charge_ratio", ""): pytest.approx(now.battery_charge_ratio, abs=0.0051),
        ("netmon_battery_remaining_seconds", ""): pytest.approx(now.battery_remaining_seconds, abs=31),
        ("netmon_power_output_voltage_volts", "1"): pytest.approx(now.output_voltage_volts, abs=0.051),
        ("netmon_power_output_current_amperes", "1"): pytest.approx(31.7),
        ("netmon_power_output_watts", "1"): pytest.approx(now.output_voltage_volts * 31.7, abs=0.51),
        ("netmon_temperature_celsius", "battery 5"): pytest.approx(now.temperature_celsius, abs=0.051),
        ("netmon_battery_string_charge_ratio", "5"): pytest.approx(now.battery_charge_ratio, abs=0.0051),
        ("netmon_battery_string_current_amperes", "5"): pytest.approx(now.battery_current_amperes, abs=0.051),
        ("netmon_ambient_temperature_celsius", "room 1"): pytest.approx(now.temperature_celsius, abs=0.51),
    }


async def test_a_simulated_controller_falls_silent_with_its_battery(poller_of: Callable[..., SnmpPoller]):
    port = free_port()
    with await listen([(Agent(CONTROLLER, PUBLIC, START), "127.0.0.1", port)], lambda: START + 239 * 60):
        poll = await poller_of(port, timeout_s=0.2, deadline_s=0.5).poll()
    assert PLANT.at(START + 239 * 60).dark
    assert poll.outcome is Outcome.SILENT


async def test_what_is_not_fitted_is_no_value(box: Callable[..., Awaitable[Box]], poller_of: Callable[..., SnmpPoller]):
    """One phase of three, no sensor in the room or at the battery, no generator; and a cold night in the mountains."""
    controller = await box()
    controller.mib[f"{SYSTEM}.2.0"] = (Tag.OID, oid.encode("1.3.6.1.4.1.2011.6.164.1.2"))
    absent = 2**31 - 1
    values = {
        "1.1.9.0": 255,
        "1.2.3.0": 383,  # alarms that there could be
        "3.1.4.0": 2,
        "4.2.1.0": -317,
        "4.2.2.0": absent,
        "4.2.10.0": absent,
        "4.4.2.1.6.5": -99999,
        "4.4.2.1.6.6": -23,
        "5.2.1.1.4.1": 2312,
        "5.2.1.1.5.1": absent,
        "5.2.1.1.6.1": absent,
        "5.2.1.1.99.1": 255,
        "6.1.3.0": absent,
        "8.2.1.1.4.1": -1024,
        "8.2.1.1.4.2": -4,
        "8.2.2.1.4.1": 255,
    }
    controller.mib |= {f"{SITE}.{name}": (Tag.INTEGER, value) for name, value in values.items()}
    assert read(await poller_of(controller.port).poll()) == {
        ("netmon_mains_voltage_volts", "phase A 1"): 231.2,
        ("netmon_rectifiers", ""): 2,
        ("netmon_battery_current_amperes", ""): -31.7,
        ("netmon_temperature_celsius", "battery 6"): -2.3,
        ("netmon_ambient_temperature_celsius", "room 2"): -4,
    }


@pytest.mark.parametrize(("status", "up"), [(1, 1), (2, 0), (3, 0), (5, 1), (254, None)])
async def test_the_mains_are_up_while_they_feed_however_badly(
    box: Callable[..., Awaitable[Box]], poller_of: Callable[..., SnmpPoller], status: int, up: int | None
):
    """normal(1) acOff(2) acAbsent(3) voltLow(5) alarmResume(254)."""
    controller = await box()
    controller.mib[f"{SYSTEM}.2.0"] = (Tag.OID, oid.encode("1.3.6.1.4.1.2011.6.164.1.2"))
    controller.mib[f"{SITE}.5.2.1.1.99.1"] = (Tag.INTEGER, status)
    expected = {} if up is None else {("netmon_mains_up", ""): up}
    assert read(await poller_of(controller.port).poll()) == expected
