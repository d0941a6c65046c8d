"""MQTT messages in netmon's own layout and in others, on topics of every shape, down through a running pipeline."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
from paho.mqtt.properties import Properties

from netmon.census import Census
from netmon.exporters.lines import Lines
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import Carrier, Device, Lull, Site, SiteKind, Speech, SpeedTest
from netmon.notice import Notice
from netmon.pollers.mqtt import Subscriber
from netmon.pollers.payloads import SETTABLE
from netmon.settings import MqttSettings
from netmon.settings.layouts import layouts
from netmon.settings.secrets import leave
from tests.running import World
from tests.soak.fuzz.frame import Item
from tests.soak.fuzz.spoiling import spoilt_json, spoilt_text

_LOOK_EVERY = 40  # messages
_SERIES = 400
RETAINED = "retained "


class _Messages:
    """`kind` is the topic, after "retained " where the broker remembered it."""

    together = 1
    most_mb = 96
    cpu_s = 0.25
    cpu_s_an_octet = 2e-5

    def __init__(self, home: Path) -> None:
        known, problems = layouts(Path("none"), [], leave)
        assert not problems
        site = Site(
            id="s1",
            name="S",
            kind=SiteKind.BTS,
            province="04",
            commune="01273",
            carriers=(Carrier(operator="viettel", technologies=("4g",)),),
        )
        devices = [
            Device(id="d1", site="s1", speaks=Speech.MQTT),
            Device(id="t1", site="s1", speaks=Speech.MQTT, layout="tasmota", topic="t1"),
            Device(id="k1", site="s1", speaks=Speech.MQTT, layout="teltonika", topic="k1"),
        ]
        inventory = Inventory({"s1": site}, {device.id: device for device in devices}, {})
        self.world = World(home / "netmon.db", inventory, now=time.time())
        self.world.pipeline._outlets.census = Census(self.world.own, per_device=_SERIES)
        self.counts: Counter[str] = Counter()
        self._lines = Lines()
        settings = MqttSettings(host="192.0.2.1", port=1883, layouts=tuple(known.values()))
        self.subscriber = Subscriber(settings, self, self._wake, self._tell, self._tested, self._celled)
        self.subscriber._connected = True
        labels = inventory.device_labels
        self.pollers = {device.id: self.subscriber.poller(device, labels(device.id)) for device in devices}
        self._given = 0

    def _wake(self, device: str) -> None: ...

    def _tell(self, notice: Notice) -> None:
        assert len(notice.name) <= 128
        self.world.store.put_notice(notice)

    def _tested(self, test: SpeedTest) -> None:
        self.world.pipeline.take_speed_test(test)

    def _celled(self, report: Any) -> str:
        return self.world.pipeline.cells.take([report], time.time())

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        self.counts[f"{family.removeprefix('netmon_').removesuffix('_total')} {' '.join(labels.values())}"] += int(amount)

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    observe = gauge

    def seeds(self) -> list[Item]:
        ms = int(time.time() * 1000)
        own = "netmon/v1/04/01273/s1/d1/"
        m: dict[str, Any] = {
            name: {f"x{n}": n + 0.5 for n in range(3)} if family.labels[-1] != "device" else 5
            for name, family in list(SETTABLE.items())[:60]
            if family.kind != "counter"
        }
        counters = {name: {"ge1": 2**40} for name, family in SETTABLE.items() if family.kind == "counter"}
        bodies: list[tuple[str, Any]] = [
            (f"{own}birth", {"session": "a", "period_s": 60, "ts": ms}),
            (f"{own}status", {"session": "a", "state": "online"}),
            (f"{own}status", {"session": "a", "state": "offline"}),
            (f"{own}telemetry", {"session": "a", "seq": 1, "ts": ms, "m": m}),
            (f"{own}telemetry", {"session": "a", "seq": 2, "ts": ms, "m": {"device_uptime_seconds": 5.5, **counters}}),
            (f"{own}telemetry", {"session": "a", "seq": 3, "ts": ms - 9 * 10**6, "m": m}),
            (f"{own}event", {"event": "door_open", "ts": ms}),
            (
                f"{own}speed",
                {
                    "ts": ms,
                    "network": "fixed",
                    "operator": "vnpt",
                    "download_mbit_s": 90.5,
                    "upload_mbit_s": 40,
                    "latency_ms": 9,
                },
            ),
            (
                f"{own}cells",
                {
                    "ts": ms,
                    "operator": "viettel",
                    "period_s": 60,
                    "cells": [{"cell": f"c{n}", "technology": "4g", "state": "up"} for n in range(3)],
                    "site": "s1",
                },
            ),
            (
                "tele/t1/SENSOR",
                {
                    "Time": "2026-11-22T06:59:58",
                    "SI7021": {"Temperature": 24.2, "Humidity": 59.4},
                    "DS18B20-1": {"Id": "0119", "Temperature": 31.5},
                    "ENERGY": {"Total": 1.2, "Power": [26, 4], "Voltage": 225},
                    "Switch1": "ON",
                    "TempUnit": "C",
                },
            ),
            ("tele/t1/STATE", {"Time": "2026-11-22T06:59:58", "UptimeSec": 90, "Wifi": {"RSSI": 60, "Signal": -70}}),
        ]
        items = [Item(topic, msgspec.json.encode(body)) for topic, body in bodies]
        texts = [("tele/t1/LWT", b"Online"), ("tele/t1/LWT", b"Offline")]
        texts += [(f"router/k1/{name}", text) for name, text in (("temperature", b"415"), ("signal", b"-70 dBm"))]
        texts += [("router/k1/uptime", b"4711"), ("router/k1/connection", b"Connected")]
        items += [Item(topic, text) for topic, text in texts]
        return [*items, *(Item(RETAINED + topic, data) for topic, data in items[:8])]

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item:
        if dice.random() < 0.15:
            return Item(spoilt_text(item.kind, dice, "/")[:65_000], item.data)
        if dice.random() < 0.05:
            return Item(item.kind, dice.choice(others).data)
        return Item(item.kind, spoilt_json(item.data, dice, [dice.choice(others).data for _ in range(4)]))

    async def give(self, item: Item) -> str:
        before = self.counts.copy()
        topic = item.kind.removeprefix(RETAINED)
        try:
            message = aiomqtt.Message(topic, item.data, 0, item.kind.startswith(RETAINED), 0, Properties(3))
        except ValueError:
            return "no topic: a broker does not let that through"
        self.subscriber._take(message)
        self._given += 1
        if self._given % _LOOK_EVERY == 0:
            await self._look()
        changed = self.counts - before
        return f"{' '.join(sorted(changed))[:200]}: {topic.rpartition('/')[2][:20]}"

    async def _look(self) -> None:
        self.world.now = time.time()
        for device, poller in self.pollers.items():
            found = await poller.poll()
            if isinstance(found, Lull):
                self.world.pipeline._write_late(device, found.history)
            else:
                self.world.pipeline.take_poll(self.world.pipeline.watches[device], found)
                _, readings = Outlets(self.world.page).census.admit("lines", found)
                self._lines.render(device, readings.series, [str(value) for value in readings.values], time.time())
        self.world.pipeline.sweep(self.world.now)

    def check(self) -> None:
        census, pipeline = self.world.pipeline._outlets.census, self.world.pipeline
        assert census.size <= _SERIES * len(self.pollers)
        assert self.world.page.series <= 2 * _SERIES * len(self.pollers), self.world.page.series
        for watch in pipeline.watches.values():
            assert len(watch.counters._absent) <= 2 * _SERIES
        assert len(pipeline.summaries._taken) <= 2 * _SERIES
        assert not self.counts["bugs pollers"]
        if self._given % 5000 < 100:
            self.world.page.render()


@asynccontextmanager
async def messages(dice: random.Random) -> AsyncIterator[_Messages]:
    with tempfile.TemporaryDirectory() as home:
        given = _Messages(Path(home))
        yield given
        given.world.close()
