"""An agent in the test's own loop that answers as a test wants it to, wrong included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Self

from netmon.snmp import oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.message import Query, decode_request, encode_response

Mib = Mapping[bytes, tuple[int, Value]]
UPTIME = oid.encode("1.3.6.1.2.1.1.3.0")


class Agent(asyncio.DatagramProtocol):
    """Listens on `address`; `answer` is called with each query and where it came from. `queries` and `sources` remember."""

    def __init__(self, answer: Callable[[Agent, Query, Any], None]) -> None:
        self.answer = answer
        self.queries: list[Query] = []
        self.sources: list[Any] = []
        self.heard = asyncio.Event()

    async def open(self, address: str = "127.0.0.1", port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, port))
        self.address, self.port = self.transport.get_extra_info("sockname")[:2]
        return self

    def datagram_received(self, data: bytes, source: Any) -> None:
        query = decode_request(data)
        self.queries.append(query)
        self.sources.append(source)
        self.heard.set()
        self.answer(self, query, source)

    async def asked(self, times: int = 1) -> None:
        """Returns once that many queries have come."""
        async with asyncio.timeout(5):
            while len(self.queries) < times:
                self.heard.clear()
                await self.heard.wait()


def silent(agent: Agent, query: Query, source: Any) -> None:
    """Never answers."""


def ticks(query: Query, value: int = 4711) -> bytes:
    """An answer of `value` ticks to whatever was asked."""
    return encode_response(query, [(name, Tag.TIME_TICKS, value) for name in query.oids])


def uptime(agent: Agent, query: Query, source: Any) -> None:
    """Answers every name with 4711 ticks."""
    agent.transport.sendto(ticks(query), source)


def successors(mib: Mib, query: Query) -> list[tuple[bytes, int, Value]]:
    """What GETNEXT and GETBULK answer from a MIB (RFC 3416 sections 4.2.2 and 4.2.3)."""
    order = sorted(mib, key=oid.arcs)

    def after(name: bytes) -> tuple[bytes, int, Value]:
        following = next((known for known in order if oid.arcs(known) > oid.arcs(name)), None)
        return (name, Tag.END_OF_MIB_VIEW, None) if following is None else (following, *mib[following])

    rows = [after(name) for name in query.oids]
    if query.pdu == Tag.GET_BULK:
        row = rows
        for _ in range(query.max_repetitions - 1):
            row = [after(name) for name, _, _ in row]
            rows = rows + row
    return rows
