"""Where what netmon knows is shown: the page that Prometheus scrapes, and InfluxDB where there is one.

Both get the same families, labels and figures. The page has what holds now; InfluxDB gets each sample with its own time,
and what is known of states, capacities and verdicts again every few minutes, so that a query over the last hour finds it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from netmon.census import Census
from netmon.exporters.numbers import written
from netmon.exporters.prometheus import Page
from netmon.model import Series

Samples = Sequence[tuple[Series, float]]

_TURN = 100
"""Owners whose samples are written again before the loop goes on."""


class Database(Protocol):
    """Takes numbers of series with their times, and returns at once; `exporters.influx.Influx` is one."""

    def write(self, owner: str, series: tuple[Series, ...], numbers: Sequence[str], at: float | Sequence[float]) -> None: ...

    def forget(self, owner: str) -> None: ...


class Outlets:
    """The page, and the database if there is one. Owners are the page's; they may not share a series. `census` says how many
    series there may be of what is measured: ask it before anything is put."""

    def __init__(
        self,
        page: Page,
        database: Database | None = None,
        clock: Callable[[], float] = time.time,
        census: Census | None = None,
    ) -> None:
        self.page = page
        self.census = census or Census(page.own)
        self._database = database
        self._clock = clock
        self._kept: dict[str, tuple[tuple[Series, ...], Sequence[float]]] = {}

    def put(self, owner: str, samples: Samples, kept: bool = False, at: float | Sequence[float] | None = None) -> None:
        """What `put_values` does, of series with their values."""
        self.put_values(owner, *_columns(samples), kept, at)

    def put_values(
        self,
        owner: str,
        series: tuple[Series, ...],
        values: Sequence[float],
        kept: bool = False,
        at: float | Sequence[float] | None = None,
    ) -> None:
        """Replaces what the owner has in this part of the page, and writes it. `at`: the time of all or of each, else now.
        What is `kept` and has not changed is not written again: `repeat` does that. As long as `series` is the same object
        only the numbers are made anew.

        ValueError as the page raises it.
        """
        if kept and self._kept.get(owner) == (series, values):
            return
        numbers = written(values)
        self.page.put(owner, series, numbers, kept)
        if kept:
            self._kept[owner] = series, values
        if self._database is not None:
            self._database.write(owner, series, numbers, self._clock() if at is None else at)

    def put_late(self, owner: str, samples: Samples, at: Sequence[float]) -> None:
        """Samples of the past: the page has no place for them."""
        if self._database is not None:
            series, values = _columns(samples)
            self._database.write(owner, series, written(values), at)

    def put_again(self, owner: str, samples: Samples) -> None:
        """What was put before netmon started: the page has lost it, the database has it."""
        series, values = _columns(samples)
        self.page.put(owner, series, written(values))

    def drop(self, owner: str) -> None:
        """The owner is silent: what it measured leaves the page."""
        self.page.drop(owner)

    def forget(self, owner: str) -> None:
        """The owner is no longer part of the inventory."""
        self.census.forget(owner)
        self.page.forget(owner)
        self._kept.pop(owner, None)
        if self._database is not None:
            self._database.forget(owner)

    async def repeat(self) -> None:
        """Writes again what is known of states, capacities and verdicts, as of now; the loop goes on meanwhile."""
        if self._database is None:
            return
        for n, owner in enumerate(list(self._kept)):
            if n % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            if owner in self._kept:
                series, values = self._kept[owner]
                self._database.write(owner, series, written(values), self._clock())


def _columns(samples: Samples) -> tuple[tuple[Series, ...], list[float]]:
    return tuple(series for series, _ in samples), [value for _, value in samples]
