"""Lines to the control socket of a running netmon."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.soak.fuzz.frame import Item
from tests.soak.fuzz.running import Served, served
from tests.soak.fuzz.spoiling import spoilt_json

_ASKED: list[dict[str, Any]] = [
    *({"command": name} for name in ("status", "wallboard", "fibre", "dark", "readiness", "sitrep", "shift", "reload")),
    {"command": "verdicts", "target": "availability", "subject": "01290"},
    {"command": "site", "name": "ubnd"},
    {"command": "incidents", "all": True},
    {"command": "incident", "action": "open", "on": "device:r1", "cause": "fibre", "text": "đứt cáp"},
    {"command": "incident", "action": "show", "id": "2026-0001", "text": ""},
    {"command": "incident", "action": "comment", "id": "2026-0001", "text": "đã gọi"},
    {"command": "storm", "action": "list"},
    {"command": "storm", "action": "start", "name": "Bão số 5", "level": 3, "areas": ["01290"], "until": "2h", "note": "x"},
    {"command": "storm", "action": "end", "id": "1"},
    {"command": "maintenance", "action": "start", "name": "Thay nguồn", "what": ["r1"], "from": "now", "until": "2h"},
    {"command": "maintenance", "action": "list"},
    {"command": "ispeed", "rows": [{"commune": "01290", "month": "2026-10", "download": 90.5}], "file": "a.csv"},
    {
        "command": "cells",
        "reports": [],
        "rows": [["ubnd", "viettel", "c1", "4g", "up"]],
        "operator": "viettel",
        "holds_s": 60,
    },
]


class _Lines:
    """Lines on some connections, each of which is opened anew now and then."""

    together = 10
    most_mb = 256  # with the incidents that it opens, all of which go on
    cpu_s = 1.5  # a reload reads the configuration, in a process of its own
    cpu_s_an_octet = 2e-5

    def __init__(self, netmon: Served) -> None:
        self._netmon = netmon
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._given = 0

    def seeds(self) -> list[Item]:
        return [Item(asked["command"], json.dumps(asked).encode()) for asked in _ASKED]

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item:
        if item.kind == "reload":
            item = dice.choice(others)  # it takes a second, and has nothing to be spoilt
        return Item(item.kind, spoilt_json(item.data, dice, [dice.choice(others).data for _ in range(4)]))

    async def give(self, item: Item) -> str:
        self._given += 1
        if self._given % 500 == 0:
            self.close()
        streams = self._free.pop() if self._free else await asyncio.open_unix_connection(self._netmon.control, limit=1 << 24)
        reader, writer = streams
        writer.write(item.data.replace(b"\n", b" ") + b"\n")
        async with asyncio.timeout(60):
            answer = json.loads(await reader.readline())
        self._free.append(streams)
        assert isinstance(answer["ok"], bool)
        if answer["ok"]:
            return f"{item.kind} done"
        assert "bug" not in answer["error"], answer
        assert len(answer["error"]) < 300_000
        return f"{item.kind} refused: {answer['error']}"

    def check(self) -> None:
        assert not self._netmon.bugs()

    def close(self) -> None:
        while self._free:
            self._free.pop()[1].close()


@asynccontextmanager
async def lines(dice: random.Random) -> AsyncIterator[_Lines]:
    async with served() as netmon:
        given = _Lines(netmon)
        yield given
        given.close()
