"""HTTP requests, octet by octet, to the listener of a running netmon."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.peers import LOOPBACK
from tests.snmp.fuzzing import scratched
from tests.soak.fuzz.frame import Item
from tests.soak.fuzz.running import TOKEN, Served, served
from tests.soak.fuzz.spoiling import WORDS, spoilt_json, spoilt_text

_WAIT_S = 0.2  # for more, once something came or nothing will
_PATHS = (
    "/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1",
    "/api/v1/state",
    "/api/v1/verdicts",
    "/api/v1/wallboard",
    "/api/v1/fibre",
    "/api/v1/sites/ubnd",
    "/api/v1/verdicts/availability/01290?lang=en",
    "/api/v1/incidents?all",
    "/api/v1/incidents/2026-0001",
    "/static/wallboard.js",
    "/static/../../etc/passwd",
    "/api/v1/devices/r1",
    "/api/v1/communes/01290",
    "/api/v1/search?q=r1",
    "/api/v1/stream",
    "/api/v1/links/fibre",
    "/nowhere",
)
_HEADERS = (
    b"Host: localhost",
    b"Host: evil.example",
    b"Connection: keep-alive",
    b"Connection: close",
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Range: bytes=0-",
    b"Range: bytes=5-1,-9,9999999999-",
    b"Range: x",
    b"If-None-Match: *",
    b'If-None-Match: W/"x", "y"',
    b"If-Modified-Since: never",
    b"Accept-Encoding: gzip;q=1e9, *;q=-1",
    b"Accept-Encoding: " + b"gzip," * 500,
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding : chunked",
    b"Content-Encoding: gzip",
    b"Content-Encoding: deflate",
    b"Expect: 100-continue",
    b"Expect: x",
    b"X: " + b"y" * 9000,
    b"X" * 9000 + b": y",
    b"X: a\r\n b",
    b"X: \0",
    b": x",
    b"X",
    b"Authorization: Bearer x",
    b"Authorization: Basic eDp5",
    b"Authorization: Basic !",
    b"Authorization: " + b"A" * 5000,
    b"Cookie: " + b"a=b; " * 900,
    b"Origin: null",
    b"Origin: http://evil",
    b"Sec-Fetch-Site: cross-site",
    b"Last-Event-ID: 9",
    b"Content-Type: application/json; charset=utf-9",
    b"Content-Type: multipart/form-data; boundary=x",
    b"Content-Type: x/y",
)
_DEEDS = {
    "/api/v1/incidents": {"on": "device:r1", "cause": "fibre", "text": "đứt cáp"},
    "/api/v1/incidents/2026-0001": {"action": "comment", "text": "đã gọi"},
    "/api/v1/storms": {"action": "start", "name": "Bão số 5", "level": 3, "areas": ["01290"], "until": "2h"},
    "/api/v1/maintenance": {"action": "start", "name": "Thay nguồn", "what": ["r1"], "from": "now", "until": "2h"},
}
_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})[^\r\n]*\r\n", re.MULTILINE)


def _post(path: str, body: bytes, *more: bytes) -> bytes:
    head = [f"POST {path} HTTP/1.1".encode(), b"Host: localhost", b"Content-Type: application/json", b"Connection: close"]
    head += [f"Authorization: Bearer {TOKEN}".encode(), *more]
    return b"\r\n".join([*head, b"", body])


class _Requests:
    """`kind` is "json" for a deed, whose body is the octets, with its path behind; else the octets are all that is sent."""

    together = 40
    most_mb = 256  # with the incidents that it opens, all of which go on
    cpu_s = 0.5
    cpu_s_an_octet = 2e-5

    def __init__(self, netmon: Served) -> None:
        self._netmon = netmon

    def seeds(self) -> list[Item]:
        items = []
        for path in _PATHS:
            for method, version in ((b"GET", b"1.1"), (b"HEAD", b"1.0")):
                lines = [
                    b"%b %b HTTP/%b" % (method, path.encode(), version),
                    b"Host: localhost",
                    b"Connection: close",
                    b"",
                    b"",
                ]
                items.append(Item("get", b"\r\n".join(lines)))
        whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        items += [
            Item("get", whole * 40),
            Item("get", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(40)),
            Item("get", whole[:20]),
        ]
        items.append(Item("get", b"GET /healthz HTTP/1.1\r\n" + b"X-A: b\r\n" * 3000))
        items.append(Item("get", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)))
        chunks = b'5\r\n{"on"\r\n1;x=y\r\n:\r\n0\r\nX: y\r\n\r\n'
        for path, body in _DEEDS.items():
            written = json.dumps(body).encode()
            items += [Item(f"json {path}", written)] * 3
            items.append(Item("get", _post(path, chunks, b"Transfer-Encoding: chunked")))
            items.append(
                Item(
                    "get", _post(path, written + whole, b"Content-Length: %d" % len(written), b"Transfer-Encoding: chunked")
                )
            )
        return items

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item:
        data = [dice.choice(others).data for _ in range(4)]
        if item.kind.startswith("json"):
            return Item(item.kind, spoilt_json(item.data, dice, data))
        head, blank, body = item.data[:100_000].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        match dice.randrange(6):
            case 0:
                lines.insert(dice.randrange(len(lines)) + 1, dice.choice(_HEADERS))
            case 1:
                start = lines[0].decode("latin-1").split(" ")
                at = min(1, len(start) - 1)
                start[at] = spoilt_text(start[at], dice, dice.choice("/?&="))
                lines[0] = " ".join(start).encode("utf-8", "surrogatepass")
            case 2:
                start = lines[0].split(b" ")
                start[dice.randrange(len(start))] = dice.choice(WORDS).encode("utf-8", "surrogatepass")
                lines[0] = b" ".join(start)
            case 3:
                return Item(item.kind, scratched(item.data[:100_000], dice, data)[:300_000])
            case 4:
                body = scratched(body, dice, data)
            case _:
                return Item(item.kind, (item.data + dice.choice(data))[:300_000])
        return Item(item.kind, (b"\r\n".join(lines) + blank + body)[:300_000])

    async def give(self, item: Item) -> str:
        data = item.data
        if item.kind.startswith("json"):
            data = _post(item.kind.removeprefix("json "), data, b"Content-Length: %d" % len(data))
        reader, writer = await asyncio.open_connection(LOOPBACK, self._netmon.port, limit=1 << 20)
        answer = b""
        try:
            with suppress(ConnectionError, TimeoutError):
                writer.write(data)
                async with asyncio.timeout(10):
                    await writer.drain()
                while len(answer) < 1 << 22:
                    async with asyncio.timeout(_WAIT_S):
                        piece = await reader.read(1 << 18)
                    if not piece:
                        break
                    answer += piece
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        statuses = _STATUS.findall(answer)
        # Over an Expect that is no UTF-8 the server trips itself, and harmlessly.
        trips = {b"500"} if b"expect" in data.lower() else set()
        assert not {status for status in statuses if status >= b"500"} - {b"501", b"503", b"505"} - trips, answer[:500]
        first = (
            answer.partition(b"\r\n\r\n")[2][:60].decode("utf-8", "replace") if statuses and statuses[0] != b"200" else ""
        )
        return f"{(statuses[0] if statuses else b'nothing').decode()}: {len(statuses[:3])} {first}"

    def check(self) -> None:
        assert not self._netmon.bugs()


@asynccontextmanager
async def requests(dice: random.Random) -> AsyncIterator[_Requests]:
    async with served() as netmon:
        given = _Requests(netmon)
        yield given
        right = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert (await given.give(Item("get", right))).startswith("200"), "nobody is served any more"
