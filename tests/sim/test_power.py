"""The power of a site: what fails, empties and fills does so the same whenever it is looked at."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.sim.power import BOOST_VOLTS, CUTOFF_VOLTS, FLOAT_VOLTS, PowerPlant, PowerState, level
from netmon.sim.timetable import Timetable

START = 1_795_000_000.0
HOUR = 3600.0


def plant(hours: float, every: float | None = None) -> PowerPlant:
    """One whose full battery lasts four hours."""
    failures = Timetable(START, hours * HOUR, every * HOUR if every else None)
    return PowerPlant(failures=failures, load_amperes=25.0, capacity_ampere_hours=100.0)


def states(of: PowerPlant, hours: float) -> list[PowerState]:
    return [of.at(START + minute * 60) for minute in range(int(hours * 60))]


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(1, 60),
    st.integers(1, 60),
    st.lists(st.integers(-10, 900), min_size=1, max_size=5),
)
def test_a_level_is_what_a_step_by_step_reckoning_makes_of_it(
    lasting: int, between: int, empties: int, fills: int, instants: list[int]
):
    failures = Timetable(0.0, lasting, lasting + between)
    held = [1.0]
    for second in range(max(0, *instants)):
        step = -1 / empties if failures.active(second) else 1 / fills
        held.append(min(1.0, max(0.0, held[-1] + step)))
    for at in instants:
        assert level(failures, at, empties_s=empties, fills_s=fills) == pytest.approx(held[max(0, at)], abs=1e-9)


def test_a_site_without_failures_floats():
    state = PowerPlant().at(START)
    assert (state.mains_up, state.battery_voltage_volts, state.battery_charge_ratio) == (True, FLOAT_VOLTS, 1.0)
    assert 220 < state.mains_voltage_volts < 240
    assert (state.battery_current_amperes, state.dark, state.battery_low) == (0.0, False, False)


def test_a_failure_discharges_the_battery_until_the_mains_are_back():
    before, *during = states(plant(3), 3)
    assert before.battery_voltage_volts < FLOAT_VOLTS
    assert all(later.battery_voltage_volts < earlier.battery_voltage_volts for earlier, later in pairwise(during))
    last = during[-1]
    assert (last.mains_up, last.mains_voltage_volts, last.battery_current_amperes) == (False, 0.0, -25.0)
    assert last.battery_discharge_duration_seconds == 3 * HOUR - 60
    assert last.battery_remaining_seconds == pytest.approx(HOUR + 60)
    assert last.temperature_celsius > before.temperature_celsius + 5, "nothing cools the shelter"
    back = plant(3).at(START + 3 * HOUR)
    assert (back.mains_up, back.battery_current_amperes, back.battery_discharge_duration_seconds) == (True, 15.0, 0.0)


def test_an_empty_battery_leaves_the_site_dark_until_the_mains_are_back():
    lit, dark, back = (plant(5).at(START + hours * HOUR) for hours in (3.99, 4.01, 5.0))
    assert (lit.dark, dark.dark, back.dark) == (False, True, False)
    assert lit.battery_low
    assert (dark.output_current_amperes, dark.battery_current_amperes) == (0.0, 0.0)
    assert dark.battery_voltage_volts == CUTOFF_VOLTS


def test_a_recharge_climbs_to_boost_and_falls_back_to_float():
    after = [plant(1).at(START + HOUR + minute * 60) for minute in range(240)]
    assert max(state.battery_voltage_volts for state in after) == pytest.approx(BOOST_VOLTS, abs=0.05)
    assert after[-1].battery_voltage_volts == FLOAT_VOLTS


@given(st.floats(START - 1e6, START + 1e8), st.floats(0.1, 30), st.floats(31, 60))
def test_figures_stay_within_what_a_plant_can_show(at: float, lasting: float, every: float):
    state = plant(lasting, every).at(at)
    assert 0 <= state.battery_charge_ratio <= 1
    assert CUTOFF_VOLTS <= state.battery_voltage_volts <= BOOST_VOLTS
    assert state.output_voltage_volts in (0.0, state.battery_voltage_volts)
    assert state.battery_remaining_seconds >= 0
    assert 20 < state.temperature_celsius < 45
