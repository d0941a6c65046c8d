"""Where what netmon knows is shown: the page that Prometheus scrapes, and InfluxDB where there is one.

Both get the same families, labels and figures. The page has what holds now; InfluxDB gets each sample with its own time,
and what is known of states, capacities and verdicts again every few minutes, so that a query over the last hour finds it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from netmon.exporters.prometheus import Page
from netmon.model import Series

Samples = Sequence[tuple[Series, float]]

_TURN = 100
"""Owners whose samples are written again before the loop goes on."""


class Database(Protocol):
    """Takes samples with their times, and returns at once; `exporters.influx.Influx` is one."""

    def write(self, owner: str, samples: Samples, at: float | Sequence[float]) -> None: ...

    def forget(self, owner: str) -> None: ...


class Outlets:
    """The page, and the database if there is one. Owners are the page's; they may not share a series."""

    def __init__(self, page: Page, database: Database | None = None, clock: Callable[[], float] = time.time) -> None:
        self.page = page
        self._database = database
        self._clock = clock
        self._kept: dict[str, Samples] = {}

    def put(self, owner: str, samples: Samples, kept: bool = False, at: float | Sequence[float] | None = None) -> None:
        """Replaces what the owner has in this part of the page, and writes it. `at`: the time of all or of each, else now.
        What is `kept` and has not changed is not written again: `repeat` does that.

        ValueError as the page raises it.
        """
        if kept and self._kept.get(owner) == samples:
            return
        self.page.put(owner, samples, kept)
        if kept:
            self._kept[owner] = samples
        if self._database is not None:
            self._database.write(owner, samples, self._clock() if at is None else at)

    def put_late(self, owner: str, samples: Samples, at: Sequence[float]) -> None:
        """Samples of the past: the page has no place for them."""
        if self._database is not None:
            self._database.write(owner, samples, at)

    def drop(self, owner: str) -> None:
        """The owner is silent: what it measured leaves the page."""
        self.page.drop(owner)

    def forget(self, owner: str) -> None:
        """The owner is no longer part of the inventory."""
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
            samples = self._kept.get(owner)
            if samples is not None:
                self._database.write(owner, samples, self._clock())
