"""How a director is spoken to: one line of JSON an order on a Unix socket, one line back.

{"ok": true, ...} with what is in force then, or {"ok": false, "error": "..."}.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from netmon.sim.director import Director, OrderError

LINE_LIMIT = 2**20
"""Octets of the longest order."""


@asynccontextmanager
async def directed(path: Path, director: Director, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Takes orders on a socket while the block lasts. OSError: it cannot be listened on."""
    changed = asyncio.Event()

    async def keep() -> None:
        """What ends by itself ends in time."""
        while True:
            changed.clear()
            now = clock()
            director.settle(now)
            due = director.next_change(now)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(0.0, due - clock())):
                    await changed.wait()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(obey(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):  # ValueError: a line past the limit
            return
        finally:
            writer.close()

    def obey(line: bytes) -> dict[str, Any]:
        try:
            answer = {"ok": True, **director.order(json.loads(line), clock())}
        except json.JSONDecodeError as error:
            return {"ok": False, "error": f"the order is not a line of JSON: {error}"}
        except OrderError as error:
            return {"ok": False, "error": str(error)}
        changed.set()
        return answer

    _clear(path)
    server = await asyncio.start_unix_server(talk, path, limit=LINE_LIMIT)
    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        server.close()
        _clear(path)


def _clear(path: Path) -> None:
    """Takes away the socket of one that has ended."""
    if path.is_socket():
        path.unlink()


def ask(path: Path, order: Mapping[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """Gives a running simulator an order; blocks. OSError: none takes orders there; OrderError: it refused."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(timeout_s)
        peer.connect(str(path))
        peer.sendall(json.dumps(order).encode() + b"\n")
        with peer.makefile("rb") as lines:
            answer: dict[str, Any] = json.loads(lines.readline() or b'{"ok": false, "error": "the simulator hung up"}')
    if not answer.pop("ok"):
        raise OrderError(answer["error"])
    return answer


def tell(path: Path, text: str) -> str:
    """The same for people: an order and its answer as text. OSError, OrderError."""
    try:
        order = json.loads(text)
    except ValueError as error:
        raise OrderError(f"the order is no JSON: {error}") from None
    return json.dumps(ask(path, order), ensure_ascii=False, indent=2)
