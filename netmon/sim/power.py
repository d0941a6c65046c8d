"""The power of a simulated site: mains that fail by a timetable, rectifiers, a 48 V battery, the heat of its shelter.

Everything is a pure function of time, in closed form: no ticking, and the same answer at whatever instants and in whatever
order it is asked. An SNMP power controller and an MQTT site show the same plant.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, pi, sin
from typing import NamedTuple

from netmon.model import ZONE_S
from netmon.sim.timetable import Spells, Timetable, Told

FLOAT_VOLTS = 53.5
"""A full battery under mains: what a healthy site shows all day."""
BOOST_VOLTS = 56.4
"""What a recharge climbs to before it falls back to float."""
RESTED_VOLTS = 51.0
"""What a full battery drops to at once when the mains fail, and where a recharge from empty begins to climb."""
CUTOFF_VOLTS = 43.2
"""Here the controller disconnects the battery to save it: the site goes dark."""
CHARGE_LIMIT = 0.15
"""Amperes into the battery for each ampere-hour of its capacity: a recharge from empty takes 6 h 40 min."""

LOW_RATIO = 0.2
"""A charge below which the controller warns."""

_MAINS_VOLTS, _MAINS_SWING = 231.0, 4.0
_ROOM_CELSIUS, _ROOM_SWING = 26.0, 3.0
_HEAT_CELSIUS = 14.0
"""How much warmer the shelter becomes without its air conditioner."""
_HEATS_S, _COOLS_S = 2 * 3600.0, 3600.0


class PowerState(NamedTuple):
    """A plant at one instant. Current into the battery is positive; `battery_remaining_seconds` is at the present load.

    A site whose battery is empty while the mains are away is dark: its output has 0 V and 0 A.
    """

    mains_up: bool
    mains_voltage_volts: float
    output_voltage_volts: float
    output_current_amperes: float
    battery_voltage_volts: float
    battery_current_amperes: float
    battery_charge_ratio: float
    battery_remaining_seconds: float
    battery_discharge_duration_seconds: float
    temperature_celsius: float

    @property
    def dark(self) -> bool:
        return self.output_voltage_volts == 0

    @property
    def battery_low(self) -> bool:
        return self.battery_charge_ratio < LOW_RATIO


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlant:
    """A plant whose mains are away while `failures` is active; before the first failure its battery is full.

    `phase`, from 0 to 1, moves its slow swings against those of other sites.
    """

    failures: Spells | None = None
    load_amperes: float = 34.0
    capacity_ampere_hours: float = 150.0
    phase: float = 0.0

    @property
    def autonomy_s(self) -> float:
        """How long a full battery carries the load."""
        return self.capacity_ampere_hours * 3600 / self.load_amperes

    def at(self, unix: float) -> PowerState:
        """The plant at an instant, Unix seconds."""
        failing = self.failures is not None and self.failures.active(unix)
        charge = level(self.failures, unix, empties_s=self.autonomy_s, fills_s=3600 / CHARGE_LIMIT)
        dark = failing and charge == 0
        away = unix - self.failures.window(self.failures.begun(unix) - 1)[0] if failing and self.failures else 0.0
        volts, amperes = self._battery(failing, charge)
        return PowerState(
            mains_up=not failing,
            mains_voltage_volts=0.0 if failing else _MAINS_VOLTS + _MAINS_SWING * self._swing(unix, 3),
            output_voltage_volts=0.0 if dark else volts,
            output_current_amperes=0.0 if dark else self.load_amperes,
            battery_voltage_volts=volts,
            battery_current_amperes=amperes,
            battery_charge_ratio=charge,
            battery_remaining_seconds=charge * self.autonomy_s / self._pace(unix),
            battery_discharge_duration_seconds=away,
            temperature_celsius=self._temperature(unix),
        )

    def _pace(self, unix: float) -> float:
        """How many times as fast as it would the battery empties or fills."""
        begun = self.failures.begun(unix) if self.failures else 0
        return self.failures.pace(begun - 1) if begun and isinstance(self.failures, Told) else 1.0

    def _battery(self, failing: bool, charge: float) -> tuple[float, float]:
        """Voltage, and current into it."""
        if failing:
            volts = CUTOFF_VOLTS + (RESTED_VOLTS - CUTOFF_VOLTS) * (1 - (1 - charge) ** 2)
            return volts, -self.load_amperes if charge else 0.0
        if charge == 1:
            return FLOAT_VOLTS, 0.0
        return RESTED_VOLTS + (BOOST_VOLTS - RESTED_VOLTS) * charge, CHARGE_LIMIT * self.capacity_ampere_hours

    def _temperature(self, unix: float) -> float:
        """The shelter's: warmest in the afternoon, and warmer while its air conditioner is without mains."""
        coolness = level(self.failures, unix, empties_s=_HEATS_S, fills_s=_COOLS_S)
        return _ROOM_CELSIUS + _ROOM_SWING * self._swing(unix, 1) + _HEAT_CELSIUS * (1 - coolness)

    def _swing(self, unix: float, times: int) -> float:
        """From -1 to 1 and back so many `times` a day; once a day it is highest at 14:00 in Asia/Ho_Chi_Minh."""
        day = (unix + ZONE_S) / 86_400
        return sin(2 * pi * (times * (day - 8 / 24) + (self.phase if times > 1 else 0)))


def level(failures: Spells | None, unix: float, *, empties_s: float, fills_s: float) -> float:
    """How full something is, 0 to 1, that empties evenly in `empties_s` during failures and fills in `fills_s` between them.

    Of a timetable in closed form: a period takes at most d and gives back at most c, so at the start of window n it holds 1
    when it can regain what it loses, else 1 - n (d - c), but no less than one filling from empty.
    """
    if failures is None or failures.begun(unix) == 0:
        return 1.0
    n = failures.begun(unix) - 1
    if not isinstance(failures, Timetable):
        return _step_by_step(failures, n, unix, empties_s, fills_s)
    start, end = failures.window(n)
    d = failures.lasting / empties_s
    c = (failures.every - failures.lasting) / fills_s if failures.every else inf
    held = 1.0 if n == 0 or c >= d else max(min(1.0, c), 1.0 - n * (d - c))
    held = max(0.0, held - (min(unix, end) - start) / empties_s)
    return min(1.0, held + max(0.0, unix - end) / fills_s)


def _step_by_step(failures: Spells, last: int, unix: float, empties_s: float, fills_s: float) -> float:
    """The same of failures that are no timetable, up to the window `last`; each has a pace of its own where it was told."""
    held = 1.0
    for n in range(last + 1):
        start, end = failures.window(n)
        until = failures.window(n + 1)[0] if n < last else unix
        pace = failures.pace(n) if isinstance(failures, Told) else 1.0
        held = max(0.0, held - pace * (min(until, end) - start) / empties_s)
        held = min(1.0, held + pace * max(0.0, until - end) / fills_s)
    return held
