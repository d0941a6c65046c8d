"""Answers about single places: the page of a commune, that of a device, and search.

What is known now is taken on the loop, at one moment; what the returned functions do waits for the disk or takes a while,
and is done in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from netmon import book, commune_facts, device_facts, history_facts
from netmon.inventory import Inventory
from netmon.judge import Judge
from netmon.model import Readings
from netmon.network import Network
from netmon.pipeline import Pipeline
from netmon.search import Entry, find, index, told
from netmon.settings import Settings
from netmon.store import Reader
from netmon.targets.windows import local
from netmon.units import Register

Later = Callable[[], Mapping[str, Any]]
"""The rest of an answer, to be called in a thread."""


def incident_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the wallboard without what changes while only time goes on: `since` says how long it lasts."""
    return [{name: value for name, value in row.items() if name != "lasted_s"} for row in rows]


class Places:
    """Reads the parts of one netmon, and changes none. `settings` gives those that hold now."""

    def __init__(
        self,
        *,
        network: Network,
        pipeline: Pipeline,
        judge: Judge,
        reader: Reader,
        register: Register,
        settings: Callable[[], Settings],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._network = network
        self._pipeline = pipeline
        self._judge = judge
        self._reader = reader
        self._register = register
        self._settings = settings
        self._index: tuple[Inventory, tuple[str, ...], date, list[Entry]] | None = None

    def commune(self, code: str) -> Later | None:
        """A commune with its last day and month; None: there is none of that code."""
        now, settings, network = self._clock(), self._settings(), self._network
        unit = self._register.unit(code, local(now).date())
        facts = commune_facts.commune(
            code,
            unit=unit if unit is not None and unit.parent in settings.provinces else None,
            network=network,
            verdicts=self._judge.verdicts,
            targets=settings.targets,
            scope=settings.scope,
            on_battery=self._pipeline.supplies.on_battery(),
            ends=self._pipeline.operations.darkness.ends(now),
            missing=self._pipeline.missing_interfaces(),
            now=now,
        )
        if facts is None:
            return None
        inventory, hotlines = network.inventory, settings.calendar.hotlines
        hit = commune_facts.touching(code, self._pipeline.operations.incidents.going_on(), inventory)
        facts["incidents"] = incident_rows(book.on_the_wall(hit, inventory, now, hotlines))
        subjects, seat = commune_facts.subjects(code, inventory), facts["site"]
        return lambda: history_facts.of_commune(self._reader, facts, subjects, seat, now)

    def device(self, name: str) -> Later | None:
        """A device with its last week; None: the inventory has none of that id."""
        now, network, watch = self._clock(), self._network, self._pipeline.watches.get(name)
        found = network.inventory.devices.get(name)
        if found is None:
            return None
        commune = network.inventory.sites[found.site].commune
        patience = self._settings().prometheus.max_age_intervals
        facts = device_facts.device(
            found,
            network=network,
            unit=self._register.unit(commune, local(now).date()),
            last=watch.last if watch is not None else None,
            readings=watch.readings if watch is not None else Readings(),
            holds_s=patience * (watch.period_s if watch is not None else found.interval_s),
            missing=self._pipeline.missing_interfaces(),
            now=now,
        )
        return lambda: history_facts.of_device(self._reader, facts, now)

    def search(self, text: str) -> Later:
        """What is called so, or nearly so."""
        settings, day = self._settings(), local(self._clock()).date()

        def found() -> Mapping[str, Any]:
            total, hits = find(text, self._entries(settings, day))
            communes = self._pipeline.operations.communes() if hits else {}
            states = {code: str(service) for code, (_, service) in communes.items()}
            return told(text, total, hits, self._network, states)

        return found

    def _entries(self, settings: Settings, day: date) -> list[Entry]:
        """All that can be found; made anew when the inventory or the register's day is another. Two threads may both do it,
        and either's serves."""
        known, inventory, provinces = self._index, settings.inventory, tuple(settings.provinces)
        if known is not None and known[0] is inventory and known[1:3] == (provinces, day):
            return known[3]
        entries = index(inventory, {code: self._register.communes(code, day) for code in provinces})
        self._index = inventory, provinces, day, entries
        return entries
