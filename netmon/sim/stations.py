"""What reports by itself: base stations' power controllers, what each has to tell at an instant, and when it is cut off.

Pure functions of time, as all the simulator's physics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from netmon.inventory import Inventory
from netmon.model import SiteKind, Speech
from netmon.sim.feeds import Feed, feed
from netmon.sim.power import PowerPlant
from netmon.sim.probes import Probe, probe
from netmon.sim.timetable import Spells, Timetable
from netmon.sim.troubles import Script, behind

Measures = Mapping[str, float | Mapping[str, float]]
"""Families of the catalogue without `netmon_`; of those with a sensor, the value of each (SEMANTICS 9)."""

_AGED_AMPERE_HOURS = 60.0
"""The battery of a station that loses its mains: old enough to be seen emptying, and it lasts just as long as it must."""
_FUEL_ONE_IN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A device that speaks MQTT, below its `topic`. It is cut off while one of `lost` is active, or when it has no power.

    `fuel` is the tank of its generator, None where there is no generator.
    """

    device: str
    topic: str
    period_s: float
    plant: PowerPlant
    door: Timetable
    booted: float
    rectifiers: int
    fuel: float | None = None
    lost: tuple[Spells, ...] = ()

    def cut_off(self, at: float) -> bool:
        return any(timetable.active(at) for timetable in self.lost) or self.plant.at(at).dark

    def measures(self, at: float) -> Measures:
        """What a telemetry message says."""
        power = self.plant.at(at)
        generator = {} if self.fuel is None else {"generator_up": 0, "fuel_ratio": self.fuel}
        return {
            "mains_up": int(power.mains_up),
            "mains_voltage_volts": {"1": round(power.mains_voltage_volts, 1)},
            "power_output_voltage_volts": {"dc": round(power.output_voltage_volts, 2)},
            "power_output_current_amperes": {"dc": round(power.output_current_amperes, 1)},
            "battery_voltage_volts": round(power.battery_voltage_volts, 2),
            "battery_current_amperes": round(power.battery_current_amperes, 1),
            "battery_charge_ratio": round(power.battery_charge_ratio, 4),
            "battery_remaining_seconds": round(power.battery_remaining_seconds),
            "battery_discharge_duration_seconds": round(power.battery_discharge_duration_seconds),
            "battery_low": int(power.battery_low),
            "temperature_celsius": {"cabinet": round(power.temperature_celsius, 1)},
            "rectifiers": self.rectifiers,
            "door_open": int(self.door.active(at)),
            "device_uptime_seconds": int(at - self.booted),
            **generator,
        }

    def speed_test(self, at: float) -> None:
        """It measures no speed."""

    def cells(self, at: float) -> Sequence[Mapping[str, object]]:
        """Its operators tell of these themselves."""
        return ()

    def events(self, at: float) -> tuple[str, str]:
        """The event that last happened at its door, and the one at its mains."""
        return (
            "door_open" if self.door.active(at) else "door_closed",
            "mains_up" if self.plant.at(at).mains_up else "mains_down",
        )

    def next_change(self, at: float) -> float | None:
        """When an event next happens, or it is cut off or back; None for never."""
        tables = [self.door, *self.lost, *([self.plant.failures] if self.plant.failures else [])]
        return min((change for table in tables if (change := table.next_change(at)) is not None), default=None)

    def due(self, after: float) -> float:
        """When it next reports after an instant: on a grid of its own, so that stations do not speak at once."""
        phase = self.plant.phase * self.period_s
        return after - (after - phase) % self.period_s + self.period_s


def plant(device: str, chosen: Script, *, seed: int) -> PowerPlant:
    """The power of a base station, with the failures that were chosen for it. One behind SNMP has the same."""
    failures: Spells | None = dict(chosen.battery).get(device)
    place, lasts = device, failures is None
    if chosen.stage:  # all of a site hangs on one plant, so that a director can tell when it goes dark
        place = chosen.stage.site_of[device]
        failures = chosen.stage.mains[place]
    dice = Random(f"{seed}/{place}/power")
    load, capacity, phase = round(dice.uniform(22, 34), 1), float(dice.choice((150, 200, 300))), dice.random()
    return PowerPlant(
        failures=failures,
        load_amperes=load,
        capacity_ampere_hours=capacity if lasts else _AGED_AMPERE_HOURS,
        phase=phase,
    )


def stations(inventory: Inventory, chosen: Script, *, seed: int, started: float) -> list[Station | Probe | Feed]:
    """Every device of an inventory that speaks MQTT, with its troubles: a power controller at a base station, the gateway of
    an operator where it `feeds` one, a probe elsewhere. A cut takes those behind it; a restart of their router is over
    before their connections notice."""
    router = chosen.cut[0].near.device if chosen.cut and chosen.cut[0].near else ""
    lost = behind(inventory, (router,)) if router else frozenset()
    towers = [each for each in inventory.devices.values() if inventory.sites[each.site].kind is SiteKind.BTS]
    plants = {each.site: plant(each.id, chosen, seed=seed) for each in towers}
    found: list[Station | Probe | Feed] = []
    for device in inventory.devices.values():
        if device.speaks is not Speech.MQTT:
            continue
        site, dice = inventory.sites[device.site], Random(f"{seed}/{device.id}")
        cut_off: tuple[Spells, ...] = (chosen.cut[1],) if chosen.cut and device.id in lost else ()
        if chosen.stage:
            cut_off = (chosen.stage.absent[device.id],)
        if device.feeds:
            found.append(feed(inventory, device, plants, seed=seed, started=started))
            continue
        if site.kind is not SiteKind.BTS:
            found.append(probe(inventory, device.id, seed=seed, started=started, lost=cut_off))
            continue
        power = plant(device.id, chosen, seed=seed)
        fuelled = power.failures is None and dice.randrange(_FUEL_ONE_IN) == 0
        every = dice.uniform(3 * 3600, 9 * 3600)
        found.append(
            Station(
                device=device.id,
                topic=f"netmon/v1/{site.province}/{site.commune}/{site.id}/{device.id}",
                period_s=device.interval_s,
                plant=power,
                door=Timetable(started - dice.uniform(0, every), dice.uniform(120, 900), every),
                booted=started - dice.uniform(86_400, 300 * 86_400),
                rectifiers=dice.choice((2, 3, 3, 4)),
                fuel=round(dice.uniform(0.35, 0.98), 2) if fuelled else None,
                lost=cut_off,
            )
        )
    return found
