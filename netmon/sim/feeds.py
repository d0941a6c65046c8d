"""Operators' feeds: what the gateway of an operator tells of its cells at the masts of the province.

Pure functions of time, as all the simulator's physics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from netmon.inventory import Inventory
from netmon.model import Carrier, Device, Site
from netmon.sim.power import PowerPlant

_SECTORS = 3
_FAULTY_ONE_IN = 400
_SAVING_RATIO = 0.97
"""A charge below which a station on battery keeps only its oldest technology on air: early, to be seen in a demonstration.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mast:
    """An operator's cells at a site, by technology from the oldest on, in whose power they share; `faulty` ones are down."""

    site: str
    operator: str
    cells: tuple[tuple[str, str], ...]
    plant: PowerPlant
    faulty: frozenset[str] = frozenset()

    def states(self, at: float) -> list[Mapping[str, str]]:
        """What the operator says of its cells at an instant. Without mains it saves the battery, and without that all is
        down."""
        power, oldest = self.plant.at(at), self.cells[0][1]
        saves = not power.mains_up and power.battery_charge_ratio < _SAVING_RATIO

        def is_down(cell: str, technology: str) -> bool:
            return power.dark or cell in self.faulty or (saves and technology != oldest)

        return [
            {"cell": cell, "technology": technology, "state": "down" if is_down(cell, technology) else "up"}
            for cell, technology in self.cells
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A gateway that reports over MQTT below its `topic`. `phase` is its place in each period, from 0 to 1."""

    device: str
    topic: str
    period_s: float
    phase: float
    booted: float
    masts: tuple[Mast, ...]

    def cut_off(self, at: float) -> bool:
        """It stands at the provincial centre."""
        return False

    def measures(self, at: float) -> Mapping[str, float]:
        """What a telemetry message says: that it runs."""
        return {"device_uptime_seconds": int(at - self.booted)}

    def events(self, at: float) -> tuple[str, ...]:
        """Nothing happens to it."""
        return ()

    def next_change(self, at: float) -> None:
        """It tells in its turn."""

    def due(self, after: float) -> float:
        """When it next reports after an instant."""
        phase = self.phase * self.period_s
        return after - (after - phase) % self.period_s + self.period_s

    def speed_test(self, at: float) -> None:
        """It measures no speed."""

    def cells(self, at: float) -> Sequence[Mapping[str, object]]:
        """The messages of a report, one a mast."""
        return [
            {"site": mast.site, "operator": mast.operator, "period_s": self.period_s, "cells": mast.states(at)}
            for mast in self.masts
        ]


def feed(inventory: Inventory, device: Device, plants: Mapping[str, PowerPlant], *, seed: int, started: float) -> Feed:
    """The feed that a device of an inventory is; `plants` is the power of each site."""
    site = inventory.sites[device.site]
    dice = Random(f"{seed}/{device.id}")
    masts = [
        _mast(place, carrier, plants.get(place.id, PowerPlant()), dice)
        for place in inventory.sites.values()
        for carrier in place.carriers
        if carrier.operator in device.feeds and carrier.technologies
    ]
    return Feed(
        device=device.id,
        topic=f"netmon/v1/{site.province}/{site.commune}/{site.id}/{device.id}",
        period_s=device.interval_s,
        phase=dice.random(),
        booted=started - dice.uniform(86_400, 300 * 86_400),
        masts=tuple(masts),
    )


def _mast(site: Site, carrier: Carrier, plant: PowerPlant, dice: Random) -> Mast:
    cells = tuple(
        (f"{site.id}-{technology}-{sector}".upper(), technology)
        for technology in sorted(carrier.technologies)
        for sector in range(1, _SECTORS + 1)
    )
    faulty = frozenset(cell for cell, _ in cells if dice.randrange(_FAULTY_ONE_IN) == 0)
    return Mast(site=site.id, operator=carrier.operator, cells=cells, plant=plant, faulty=faulty)
