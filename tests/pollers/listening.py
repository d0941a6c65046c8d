"""A subscriber at a real broker, under the eyes of a test."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from netmon.model import CellReport, Device, Lull, Outcome, Poll, Speech, SpeedTest
from netmon.notice import Notice
from netmon.pollers.mqtt import MqttPoller, Subscriber
from netmon.settings import MqttSettings
from tests.peers import LOOPBACK

T = TypeVar("T")


async def until(look: Callable[[], T | None], deadline_s: float = 20.0) -> T:
    """What `look` returns once it is true; an AssertionError past the deadline."""
    end = time.monotonic() + deadline_s
    while not (found := look()):
        assert time.monotonic() < end, f"not so within {deadline_s:g} s"
        await asyncio.sleep(0.01)
    return found


class Tally:
    """A meter that remembers: `tally["connects"]`, `tally["rejected", "payload"]`, and the last value of each gauge."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.gauges: dict[str, float] = {}

    def __getitem__(self, key: str | tuple[str, ...]) -> float:
        return self.counts[(key,) if isinstance(key, str) else key]

    def of(self, what: str) -> dict[str, float]:
        """All counts of rejected, messages or remarks, by reason or kind."""
        return {key[1]: count for key, count in self.counts.items() if key[0] == what and count}

    @property
    def seen(self) -> float:
        """Messages, taken or not."""
        return sum([*self.of("messages").values(), *self.of("rejected").values()])

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        self.counts[(family.removeprefix("netmon_mqtt_").removesuffix("_total"), *labels.values())] += amount

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        self.gauges[family] = value

    def observe(self, family: str, value: float, /, **labels: str) -> None:
        raise AssertionError(family)


class Listening:
    """A subscriber with the device `d1`, whose polls the test calls for."""

    def __init__(self, settings: MqttSettings) -> None:
        self.tally = Tally()
        self.woken: list[str] = []
        self.told: list[Notice] = []
        self.tested: list[SpeedTest] = []
        self.celled: list[CellReport] = []
        self.refusal = ""  # why no report of cells is taken
        self.subscriber = Subscriber(
            settings, self.tally, self.woken.append, self.told.append, self.tested.append, self._take_cells
        )
        self.poller = self.add("d1")

    def _take_cells(self, report: CellReport) -> str:
        self.celled.append(report)
        return self.refusal

    def add(self, device: str, site: str = "s1", feeds: tuple[str, ...] = ()) -> MqttPoller:
        labels = (("province", "04"), ("commune", "01273"), ("site", site), ("device", device))
        return self.subscriber.poller(Device(id=device, site=site, speaks=Speech.MQTT, feeds=feeds), labels)

    async def poll(self) -> Poll | Lull:
        return await self.poller.poll()

    async def becomes(self, outcome: Outcome, *, said: str = "") -> Poll:
        """The first poll with this outcome, as often as it takes; `said` is a part of its detail."""
        end = time.monotonic() + 20
        while True:
            poll = await self.poll()
            if isinstance(poll, Poll) and poll.outcome is outcome and said in poll.detail:
                return poll
            assert time.monotonic() < end, f"never {outcome} {said}: {poll}"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(port: int, *, wait: bool = True, **fields: Any) -> AsyncIterator[Listening]:
    """A subscriber that runs while the block lasts; connected already, unless told not to `wait`."""
    settings = replace(MqttSettings(host=LOOPBACK, port=port, keepalive_s=5), **fields)
    listener = Listening(settings)
    running = asyncio.create_task(listener.subscriber.run_forever())
    try:
        if wait:
            await until(lambda: listener.subscriber.connected or running.done())
        yield listener
        assert not running.done(), running.result()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
