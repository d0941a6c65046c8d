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

from netmon.model import Caller, Meter, Uncounted

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


CarryOut = Callable[[Caller, str, Handler, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Has a command done for a caller: its name, its handler and the request. Every command that is given goes through one, so
that no handler has to see to what must hold for all."""


async def plainly(caller: Caller, command: str, handler: Handler, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Has a command done, and no more."""
    return await handler(caller.author, request)


class ControlServer:
    """Serves commands on a Unix socket that only its owner and group may open."""

    def __init__(
        self, path: Path, handlers: Mapping[str, Handler], carry_out: CarryOut = plainly, meter: Meter | None = None
    ) -> None:
        self._path = path
        self._handlers = handlers
        self._carry_out = carry_out
        self._meter = meter or Uncounted()
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
            caller = caller_of(writer.get_extra_info("socket"))
            while line := await reader.readline():
                answer = await self._answer(caller, line)
                writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except asyncio.CancelledError:
            log.debug("control connection closed by the stop")  # raised again it would be logged as an error of asyncio
        except (ConnectionError, ValueError) as error:  # ValueError: a line past the limit
            log.info("control connection ended", detail=str(error))
        finally:
            self._talks.discard(task)
            writer.close()

    async def _answer(self, caller: Caller, line: bytes) -> Mapping[str, Any]:
        try:
            request = sound_json(line)
        except (ValueError, RecursionError):
            return {"ok": False, "error": "the request is not a line of JSON"}
        command = request.get("command") if isinstance(request, dict) else None
        handler = self._handlers.get(command) if isinstance(command, str) else None
        if handler is None:
            return {"ok": False, "error": f"no such command; there are: {', '.join(sorted(self._handlers))}"}
        try:
            return {"ok": True, **await self._carry_out(caller, str(command), handler, request)}
        except ControlError as error:
            return {"ok": False, "error": str(error)}
        except Exception:
            self._meter.count("netmon_bugs_total", room="daemon")
            log.exception("a command failed by a bug", command=command, by=caller.author)
            return {"ok": False, "error": f"{command} failed by a bug of netmon: the log has it"}


def caller_of(peer: Any) -> Caller:
    """Who is at the other end of a Unix socket: the user, by name where there is one, and the process; "user netmon" is a
    person who took on the user that netmon runs as."""
    pid, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Caller(f"user {name}" if name in OWN_AUTHORS else name, f"control pid {pid} uid {uid}")


def sound_json(octets: bytes) -> Any:
    """A document that can be written again. ValueError, RecursionError: it is none, or Python reads in it what is no text
    and no number: half a character (a lone surrogate), NaN, an infinity."""
    found = json.loads(octets)
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    return found


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
