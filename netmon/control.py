"""The control socket: how the command line speaks to a running daemon (SEMANTICS 11).

A Unix stream socket; one JSON object a line in each direction: {"command": "status"} gives {"ok": true, ...} or
{"ok": false, "error": "..."}. Who speaks is told by the kernel (SO_PEERCRED), not by the speaker.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)

LINE_LIMIT = 4 * 2**20
"""Octets of the longest request; answers are not limited."""

OWN_AUTHORS = frozenset({"netmon", "file"})
"""By these names netmon itself writes: what it found, and what stands in its configuration."""

Handler = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Does one command: takes the author's name and the request, returns the answer's fields."""


class ControlError(Exception):
    """A command that cannot be done, in words for the one who asked."""


class UnwrittenError(ControlError):
    """A command that was done, and that a kill would undo: the store does not commit."""


class ControlServer:
    """Serves commands on a Unix socket that only its owner and group may open."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens. OSError: the path cannot be used, or another daemon is listening there."""
        if self._path.exists():
            if not self._path.is_socket():
                raise OSError(f"{self._path} is there and is no socket")
            _refuse_if_alive(self._path)
            self._path.unlink()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = os.umask(0o117)  # 0660 from the first moment
        try:
            self._server = await asyncio.start_unix_server(self._talk, self._path, limit=LINE_LIMIT)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        self._path.unlink(missing_ok=True)
        self._server = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            author = author_of(writer.get_extra_info("socket"))
            while line := await reader.readline():
                answer = await self._answer(author, line)
                writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except asyncio.CancelledError:
            log.debug("control connection closed by the stop")  # raised again it would be logged as an error of asyncio
        except (ConnectionError, ValueError) as error:  # ValueError: a line past the limit
            log.info("control connection ended", detail=str(error))
        finally:
            self._talks.discard(task)
            writer.close()

    async def _answer(self, author: str, line: bytes) -> Mapping[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return {"ok": False, "error": "the request is not a line of JSON"}
        command = request.get("command") if isinstance(request, dict) else None
        handler = self._handlers.get(command) if isinstance(command, str) else None
        if handler is None:
            return {"ok": False, "error": f"no such command; there are: {', '.join(sorted(self._handlers))}"}
        try:
            return {"ok": True, **await handler(author, request)}
        except ControlError as error:
            return {"ok": False, "error": str(error)}
        except Exception:
            log.exception("a command failed by a bug", command=command, by=author)
            return {"ok": False, "error": f"{command} failed by a bug of netmon: the log has it"}


def author_of(peer: Any) -> str:
    """The user at the other end of a Unix socket, by name where there is one; "user netmon" is a person who took on the
    user that netmon runs as."""
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
    return f"user {name}" if name in OWN_AUTHORS else name


def ask(path: Path, command: str, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
    """Asks a running daemon; blocks. OSError: none is listening; ControlError: it refused."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(timeout_s)
        peer.connect(str(path))
        peer.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")
        with peer.makefile("rb") as lines:
            answer: dict[str, Any] = json.loads(lines.readline() or b'{"ok": false, "error": "the daemon hung up"}')
    if not answer.pop("ok"):
        raise ControlError(answer["error"])
    return answer


def _refuse_if_alive(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        try:
            peer.connect(str(path))
        except OSError:
            return
    raise OSError(f"another netmon listens on {path}")
