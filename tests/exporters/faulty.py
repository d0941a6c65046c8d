"""A receiver that answers as it is told: with any status, not at all, or half."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.peers import LOOPBACK

HANG = -1
CUT = -2
"""In place of a status: never answers, and breaks off in the middle of an answer."""


@dataclass(frozen=True)
class Say:
    """An answer. `keeps` are the lines that the receiver has taken all the same; a 2xx takes all of them."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes = ""
    keeps: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Request:
    """A write that came."""

    target: str
    headers: Mapping[str, str]
    lines: tuple[bytes, ...]


@dataclass
class Faulty:
    """Asks `answer` for each write. `accepted` are the lines that it took, in order; `requests` all that came."""

    answer: Callable[[Request], Say] = lambda _: Say(204)
    accepted: list[bytes] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                self.requests.append(request)
                say = self.answer(request)
                self.accepted += request.lines if 200 <= say.status < 300 else say.keeps
                if say.status == HANG:
                    await reader.read()
                    return
                if say.status == CUT:
                    writer.write(b"HTTP/1.1 204 No Con")
                    return
                body = say.body if isinstance(say.body, bytes) else say.body.encode()
                head = "".join(f"{name}: {value}\r\n" for name, value in say.headers.items())
                length = "" if say.status == 204 else f"Content-Length: {len(body)}\r\n"
                writer.write(f"HTTP/1.1 {say.status} Said\r\n{head}{length}\r\n".encode() + body)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client gave up
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest) if name}
    body = await reader.readexactly(int(headers["content-length"]))
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    assert body.endswith(b"\n")
    return Request(first.split()[1], headers, tuple(body[:-1].split(b"\n")))


@asynccontextmanager
async def faulty(answer: Callable[[Request], Say] | None = None, port: int = 0) -> AsyncIterator[Faulty]:
    """A receiver on a port of its own."""
    receiver = Faulty(answer) if answer else Faulty()
    server = await asyncio.start_server(receiver.serve, LOOPBACK, port, limit=2**20)
    receiver.url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
