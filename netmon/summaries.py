"""Summaries: what gauges were hour by hour, gathered in memory and added to the store every few minutes.

What is gathered is added to what the store has of the hour and then forgotten here, so that a crash loses no more than
EVERY_S of it and nothing is counted twice. Nothing here waits or asks for the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from netmon.derive.layout import ROOM, Layout
from netmon.model import Device, Meter, Reading, Readings, Series, Subject, Summary
from netmon.store import Store

EVERY_S = 300.0
"""How often what was gathered goes to the store; also when an hour ends."""

HOUR_S = 3600

PARTS_AT_MOST = 64
"""Sensors of a figure at one site: more are names made up, not sensors."""

_TAKEN_S = 6 * 86_400.0
"""So long ago at most was what is looked at measured: a report may be three of its periods old when it comes, holds for
three more, and none is longer than a day."""

_GONE_S = 30 * 86_400.0
"""A sensor that has been silent for so long makes room for another."""


@dataclass(slots=True)
class _Hour:
    least: float
    total: float
    most: float
    count: int
    simulated: bool

    def add(self, value: float, simulated: bool) -> None:
        self.least = min(self.least, value)
        self.total += value
        self.most = max(self.most, value)
        self.count += 1
        self.simulated = self.simulated or simulated


class Summaries:
    """The hours of figures that are under way."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store = store
        self._meter = meter
        self._hours: dict[tuple[int, Subject, str, str], _Hour] = {}
        self._flushed = 0.0
        self._taken: dict[Series, float] = {}  # when what a room's sensor told last was measured
        self._parts: dict[tuple[str, str], dict[str, float]] = {}  # by site and figure, the sensors and when they told

    def take(self, subject: Subject, figure: str, part: str, value: float, at: float, simulated: bool = False) -> None:
        """A value of a part of a figure (see Summary) at an instant, in any order of time. One that is no number is no
        measurement and is left out."""
        if not isfinite(value):
            return
        key = int(at // HOUR_S), subject, figure, part
        known = self._hours.get(key)
        if known is None:
            self._hours[key] = _Hour(value, value, value, 1, simulated)
        else:
            known.add(value, simulated)

    def take_room(self, device: Device, layout: Layout, readings: Readings) -> None:
        """What a poll brought of the air around a device. What reports by itself is looked at more often than it reports:
        each measurement is taken once."""
        for place in layout.room:
            series, at = layout.series[place], readings.at[place].unix
            if self._taken.get(series) != at and self._take_room(device, series, readings.values[place], at):
                self._taken[series] = at

    def take_late_room(self, device: Device, history: Iterable[Reading]) -> None:
        """What came late of it, for its own time."""
        for reading in history:
            if reading.series.family in ROOM:
                self._take_room(device, reading.series, reading.value, reading.at.unix)

    def _take_room(self, device: Device, series: Series, value: float, at: float) -> bool:
        """Whether there was room for that sensor."""
        figure, part = series.family.removeprefix("netmon_"), f"{device.id} {series.label('sensor')}"
        parts = self._parts.setdefault((device.site, figure), {})
        if part not in parts and len(parts) >= PARTS_AT_MOST:
            self._meter.count("netmon_mqtt_remarks_total", reason="excess")
            return False
        parts[part] = max(at, parts.get(part, at))
        self.take(Subject("site", device.site), figure, part, value, at)
        return True

    def flush(self, now: float) -> None:
        """Adds to the store what was gathered, when that is due."""
        if 0 <= now - self._flushed < EVERY_S and now // HOUR_S == self._flushed // HOUR_S:
            return
        self._flushed = now
        self._taken = {series: at for series, at in self._taken.items() if now - at < _TAKEN_S}
        for where, parts in self._parts.items():
            self._parts[where] = {part: at for part, at in parts.items() if now - at < _GONE_S}
        self.park()

    def park(self) -> None:
        """Adds to the store all that was gathered."""
        if self._hours:
            hours, self._hours = self._hours, {}
            self._store.put_summaries(
                (
                    subject,
                    figure,
                    Summary(
                        start=float(hour * HOUR_S),
                        seconds=HOUR_S,
                        part=part,
                        least=found.least,
                        mean=found.total / found.count,
                        most=found.most,
                        readings=found.count,
                        simulated=found.simulated,
                    ),
                )
                for (hour, subject, figure, part), found in hours.items()
            )

    def cut_future(self, now: float) -> None:
        """The clock went back to `now`: what was gathered of hours that are yet to come is forgotten."""
        self._hours = {key: found for key, found in self._hours.items() if key[0] <= now // HOUR_S}
