"""Meters that can be asked, samples, and exporters that live on a faster clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from netmon.catalogue import DEVICE, OWN
from netmon.exporters.influx import Clock, Influx
from netmon.model import Series
from netmon.settings import InfluxSettings


class Counts:
    """A meter that remembers, by family and the value of its label; it refuses what the catalogue does not have."""

    def __init__(self) -> None:
        self.totals: Counter[tuple[str, str]] = Counter()
        self.gauges: dict[str, float] = {}
        self._lock = threading.Lock()

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        assert tuple(labels) == OWN[family].labels
        assert not labels or set(labels.values()) <= set(OWN[family].values)
        assert amount > 0
        with self._lock:
            self.totals[family, *labels.values()] += int(amount)  # type: ignore[index]

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        assert OWN[family].kind == "gauge"
        self.gauges[family] = value

    def observe(self, family: str, value: float, /, **labels: str) -> None:
        raise AssertionError("these exporters observe nothing")

    @property
    def accepted(self) -> int:
        return self.totals[("netmon_influx_points_total",)]  # type: ignore[index]

    def dropped(self, *reasons: str) -> int:
        return sum(
            points
            for (family, *labels), points in self.totals.items()
            if family == "netmon_influx_dropped_points_total" and (not reasons or labels[0] in reasons)
        )

    def writes(self) -> dict[str, int]:
        return {key[1]: n for key, n in self.totals.items() if key[0] == "netmon_influx_writes_total"}


@dataclass
class Fast:
    """A clock that runs `times` as fast, and remembers what was waited for."""

    times: float = 1000.0
    waits: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(seconds / self.times)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: time.monotonic() * self.times, lambda: 1_753_000_000.0, self.sleep)


def series(device: str, family: str = "netmon_temperature_celsius", **labels: str) -> Series:
    """A series of a family with all its labels, plain values for those that are not given."""
    values = {"device": device, "province": "04", "commune": "01273", **labels}
    return Series(family, tuple((name, values.get(name, f"{name}-1")) for name in DEVICE[family].labels))


async def until(look: Callable[[], Any], deadline_s: float = 10.0) -> None:
    """Lets the loop go on until `look` is true."""
    end = time.monotonic() + deadline_s
    while not look():
        assert time.monotonic() < end, f"not so within {deadline_s:g} s"
        await asyncio.sleep(0.002)


@asynccontextmanager
async def running(influx: Influx) -> AsyncIterator[Influx]:
    """Runs an exporter; at the end it is cancelled and closed, as the daemon does."""
    task = asyncio.create_task(influx.run_forever())
    try:
        yield influx
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await influx.close()


@pytest.fixture
def meter() -> Counts:
    return Counts()


Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path, meter: Counts) -> AsyncIterator[Start]:
    """`await start(url, fast=None, **settings)` is a running exporter."""
    async with AsyncExitStack() as stack:

        async def begin(url: str, fast: Fast | None = None, **others: Any) -> Influx:
            settings = {"org": "netmon", "bucket": "netmon", "database": "netmon", "every_s": 5.0, "timeout_s": 5.0}
            settings |= {"outbox": tmp_path / "outbox", **others}
            influx = Influx(InfluxSettings(url=url, **settings), meter, (fast or Fast()).clock)
            return await stack.enter_async_context(running(influx))

        yield begin
