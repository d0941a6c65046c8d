"""An SNMPv3 agent in the test's own loop: an authoritative engine that can be moved about, misled and made to lie."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

from netmon.snmp import ber, v3
from netmon.snmp.authority import Authority
from netmon.snmp.ber import Tag
from netmon.snmp.message import Query, encode_response
from netmon.snmp.usm import Keys, Usm
from tests.snmp.agent import Mib, successors, ticks
from tests.snmp.usm_oracle import ENGINE

Answer = Callable[["AgentV3", bytes, Any], None]
BOOTS, TIME = 7, 4000


class AgentV3(asyncio.DatagramProtocol):
    """`answer` is called with each datagram and where it came from; `datagrams` and `sources` remember.

    What is asked is answered from `mib`, or with ticks where there is none.
    """

    def __init__(self, users: Iterable[Usm], answer: Answer, mib: Mib | None = None) -> None:
        self.users = tuple(users)
        self.answer = answer
        self.mib = mib
        self.datagrams: list[bytes] = []
        self.sources: list[Any] = []
        self.heard = asyncio.Event()
        self.become(ENGINE)

    def become(self, engine_id: bytes, boots: int = BOOTS, time_s: int = TIME) -> None:
        """It is another device from now on, or the same in another boot, or at another time."""
        self.authority = Authority(engine_id, boots, self.users, time.monotonic() - time_s)

    async def open(self, address: str = "127.0.0.1", port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, port))
        self.address, self.port = self.transport.get_extra_info("sockname")[:2]
        return self

    def datagram_received(self, data: bytes, source: Any) -> None:
        self.datagrams.append(data)
        self.sources.append(source)
        self.heard.set()
        self.answer(self, data, source)

    def reply(self, data: bytes) -> bytes | None:
        """What an honest agent answers."""
        return self.authority.answer(data, time.monotonic(), self.respond)

    def respond(self, query: Query) -> bytes:
        if self.mib is None:
            return ticks(query)
        rows = [(name, *self.mib[name]) for name in query.oids] if query.pdu == Tag.GET else successors(self.mib, query)
        return encode_response(query, rows)

    def send(self, data: bytes | None, source: Any) -> None:
        if data is not None:
            self.transport.sendto(data, source)

    async def asked(self, times: int = 1) -> None:
        """Returns once that many datagrams have come."""
        async with asyncio.timeout(5):
            while len(self.datagrams) < times:
                self.heard.clear()
                await self.heard.wait()

    def discoveries(self) -> list[bool]:
        """Of each datagram, whether it asked who the engine is."""
        return [not v3.open_envelope(data).engine_id for data in self.datagrams]


def honest(agent: AgentV3, data: bytes, source: Any) -> None:
    """Answers as it should."""
    agent.send(agent.reply(data), source)


def mute(agent: AgentV3, data: bytes, source: Any) -> None:
    """Never answers."""


def only_discovery(agent: AgentV3, data: bytes, source: Any) -> None:
    """Says who it is and nothing else, as net-snmp does where it cannot decrypt."""
    if not v3.open_envelope(data).engine_id:
        honest(agent, data, source)


def of_first(*answers: Answer) -> Answer:
    """Answers the first datagrams so, one after the other, and the rest as it should."""

    def answer(agent: AgentV3, data: bytes, source: Any) -> None:
        place = len(agent.datagrams) - 1
        (answers[place] if place < len(answers) else honest)(agent, data, source)

    return answer


def sealed(
    usm: Usm, pdu: bytes, msg_id: int, *, level: int | None = None, engine_id: bytes = ENGINE, of: bytes = ENGINE
) -> bytes:
    """A PDU in the user's context, as a message to the user from one engine and of another."""
    keys = Keys(usm, engine_id)
    scoped = ber.tlv(Tag.OCTET_STRING, of) + ber.tlv(Tag.OCTET_STRING, usm.context.encode()) + pdu
    return v3.seal(ber.tlv(Tag.SEQUENCE, scoped), keys, usm.level if level is None else level, BOOTS, TIME, msg_id)


def pdu(tag: int, request_id: int, rows: Iterable[tuple[bytes, int, ber.Value]]) -> bytes:
    """An answer's PDU, without an error."""
    varbinds = b"".join(
        ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, name) + ber.encode(kind, value)) for name, kind, value in rows
    )
    body = ber.encode(Tag.INTEGER, request_id) + b"\x02\x01\x00\x02\x01\x00" + ber.tlv(Tag.SEQUENCE, varbinds)
    return ber.tlv(tag, body)
