"""A whole netmon in this very process, for what speaks to it to be spoilt: its configuration, its listener, its socket."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from netmon import units
from netmon.daemon import Daemon
from netmon.settings import load
from tests.live import AVAILABILITY
from tests.peers import LOOPBACK, free_port
from tests.settings.conftest import INVENTORY, TODAY

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Served:
    """Where it listens."""

    port: int
    control: Path
    daemon: Daemon

    def bugs(self) -> float:
        """How many exceptions it did not expect."""
        lines = self.daemon._own.render().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("netmon_bugs_total{"))


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    """It runs while the block lasts; its devices are addresses of this machine at which nothing answers."""
    os.environ |= {"NETMON_COMMUNITY": "n3tm0n", "NETMON_TOKEN": TOKEN}
    with tempfile.TemporaryDirectory() as place:
        home, port = Path(place), free_port("tcp")
        (home / "inventory").mkdir()
        (home / "inventory/a.yaml").write_text(INVENTORY.replace("10.4.", "127.99."), encoding="utf-8")
        (home / "targets.yaml").write_text(json.dumps({"targets": [AVAILABILITY]}))
        main = {
            "province": "04",
            "canaries": ["gw"],
            "poll": {"interval": "30s"},
            "store": {"path": str(home / "netmon.db")},
            "control": str(home / "control.sock"),
            "exporters": {"prometheus": {"listen": f"{LOOPBACK}:{port}"}},
        }
        secrets = 'credentials: {snmp: {version: "2c", community: !env NETMON_COMMUNITY}}\n'
        secrets += "web: {tokens: {lan: !env NETMON_TOKEN}}\n"
        (home / "netmon.yaml").write_text(secrets + "".join(f"{key}: {json.dumps(value)}\n" for key, value in main.items()))
        daemon = Daemon(load(home, register=units.load(), today=TODAY), home)
        running = asyncio.create_task(daemon.run())
        try:
            async with asyncio.timeout(60):
                while not (await _listens(port)):
                    assert not running.done(), running.result()
                    await asyncio.sleep(0.02)
            yield Served(port, home / "control.sock", daemon)
        finally:
            daemon._stop.set()
            await running


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
