"""A real mosquitto for the tests to talk to, and what devices send to it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt

from tests.peers import LOOPBACK, free_port, require, running

_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"  # 3.1.1, clean session, no client id


def answers_mqtt(port: int) -> bool:
    """True if a CONNECT is answered within half a second, be it by a refusal."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as asker:
            asker.sendall(_CONNECT)
            return asker.recv(1) == b"\x20"
    except OSError:
        return False


@dataclass
class Broker:
    """A mosquitto on a port of its own, which keeps what is retained on its disk. `config` adds lines to its
    configuration; with `tls` it must be spoken to over TLS and is ready as soon as it listens."""

    home: Path
    config: str = "allow_anonymous true"
    tls: bool = False
    port: int = field(default_factory=lambda: free_port("tcp"))
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def disk(self) -> Path:
        """The file in which it keeps what is retained."""
        return self.home / "mosquitto.db"

    @property
    def log(self) -> str:
        """What it has said."""
        return self._program.output

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        conf = self.home / "mosquitto.conf"
        own = f"user root\nlistener {self.port} {LOOPBACK}\npersistence true\npersistence_location {self.home}/\n"
        conf.write_text(f"{own}{self.config}\n")
        self._program = self._stack.enter_context(
            running([require("mosquitto"), "-c", conf], ready=self._ready, log=self.home / "mosquitto.log")
        )

    def _ready(self) -> bool:
        if not self.tls:
            return answers_mqtt(self.port)
        with socket.socket() as asker:
            return asker.connect_ex((LOOPBACK, self.port)) == 0

    def stop(self) -> None:
        """Ends it politely: it writes its disk."""
        self._stack.close()

    def kill(self) -> None:
        """Ends it at once: its disk stays as it was written last."""
        self._program.process.kill()
        self._program.process.wait()
        self._stack.close()

    def restart(self) -> None:
        """Stops it and starts it again on the same port and disk."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Lets it fall silent without closing its connections, as a hung machine does."""
        self._program.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._program.process.send_signal(signal.SIGCONT)

    def saved(self) -> Path:
        """A copy of its disk, written now (on SIGUSR1), to be put back later."""
        before = self.disk.stat().st_mtime_ns if self.disk.exists() else 0
        self._program.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 10
        while not self.disk.exists() or self.disk.stat().st_mtime_ns == before:
            assert time.monotonic() < end, "mosquitto did not write its disk"
            time.sleep(0.01)
        return Path(shutil.copy(self.disk, self.home / "saved.db"))


@contextmanager
def broker(home: Path, config: str = "allow_anonymous true", *, tls: bool = False) -> Iterator[Broker]:
    """A running mosquitto."""
    made = Broker(home, config, tls)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@dataclass
class Sender:
    """A device at a broker: what it publishes, and with which session."""

    client: aiomqtt.Client
    topic: str
    session: str
    seq: int = 0

    async def birth(self, period_s: float = 60, **fields: Any) -> None:
        await self._send("birth", True, session=self.session, period_s=period_s, ts=ms(), **fields)

    async def status(self, state: str, session: str = "") -> None:
        await self._send("status", True, state=state, session=session or self.session)

    async def telemetry(self, m: dict[str, Any], **fields: Any) -> None:
        self.seq += 1
        await self._send("telemetry", False, **{"ts": ms(), "seq": self.seq, "session": self.session, "m": m, **fields})

    async def event(self, name: str) -> None:
        await self._send("event", False, ts=ms(), event=name)

    async def speed(self, download: float, upload: float, network: str = "fixed") -> None:
        speeds = {"download_mbit_s": download, "upload_mbit_s": upload}
        await self._send("speed", False, ts=ms(), network=network, operator="vnpt", **speeds)

    async def raw(self, kind: str, payload: bytes, *, retain: bool = False) -> None:
        await self.client.publish(f"{self.topic}/{kind}", payload, qos=1, retain=retain)

    async def _send(self, kind: str, retain: bool, **body: Any) -> None:
        await self.raw(kind, json.dumps(body).encode(), retain=retain)


def ms() -> int:
    """Now, as devices tell it."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def sender(
    port: int, topic: str = "netmon/v1/04/01273/s1/d1", session: str = "a", *, user: str = "", password: str = ""
) -> AsyncIterator[Sender]:
    """A device that is connected while the block lasts; its will is `offline` with its session."""
    will = aiomqtt.Will(f"{topic}/status", json.dumps({"state": "offline", "session": session}), qos=1, retain=True)
    client = aiomqtt.Client(LOOPBACK, port, will=will, username=user or None, password=password or None)
    async with client:
        yield Sender(client, topic, session)
