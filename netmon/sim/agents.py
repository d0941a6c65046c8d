"""SNMP agents of simulated machines: what they answer (RFC 3416 section 4.2, RFC 1157), to whom, and their sockets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, cast

from netmon.sim.mib import Object, View, view
from netmon.sim.province import Machine
from netmon.snmp import Credential
from netmon.snmp.authority import Authority
from netmon.snmp.ber import Tag, Value
from netmon.snmp.errors import Malformed
from netmon.snmp.message import (
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    Community,
    Query,
    decode_request,
    encode_response,
)

LARGEST = 12_000
"""Octets of the largest answer, as VRP's `snmp-agent packet max-size` has it."""
_NO_ACCESS = 6
_OVERHEAD = 12

Row = tuple[bytes, int, Value]


class Agent:
    """The agent of one machine, in a simulator that was `started` at an instant.

    It hears one credential. Of a community, in v1 and v2c, it says nothing to another; a user of SNMPv3 it answers at the
    level at which he asks, and a stranger it tells what is wrong.
    """

    __slots__ = ("_authority", "_community", "_life", "_started", "_view", "machine")

    def __init__(self, machine: Machine, hears: Credential, started: float) -> None:
        self.machine = machine
        self._community = hears.name if isinstance(hears, Community) else None
        self._authority = None if isinstance(hears, Community) else Authority(engine_id(machine.id), 0, [hears])
        self._started = started
        self._life = -1
        self._view = View(())

    def view(self, at: float) -> View:
        """Its objects at an instant; a restart makes new ones."""
        life, booted = self.machine.life(at)
        if life != self._life:
            self._life, self._view = life, view(self.machine, life, booted)
        return self._view

    def answer(self, datagram: bytes, at: float) -> bytes | None:
        """The answer to a datagram that arrives at an instant (Unix seconds), None where a real agent says nothing."""
        if self.machine.silent_at(at):
            return None
        if self._authority is not None:
            life, booted = self.machine.life(at)
            self._authority.boots = boots_before(self._started) + life
            self._authority.started = booted if life else self._started
            return self._authority.answer(datagram, at, partial(self._respond, at=at))
        try:
            query = decode_request(datagram)
        except Malformed:
            return None
        if query.community != self._community or (query.version == V1 and query.pdu == Tag.GET_BULK):
            return None
        return self._respond(query, at)

    def _respond(self, query: Query, at: float) -> bytes:
        objects = self.view(at)
        if query.pdu == Tag.SET:
            return _refused(query, NO_SUCH_NAME if query.version == V1 else _NO_ACCESS, 1)
        if query.pdu == Tag.GET_BULK:
            return encode_response(query, _bulk(objects, query, at))
        rows = [_get(objects, name, at) if query.pdu == Tag.GET else _next(objects, name, at, query) for name in query.oids]
        if query.version == V1:
            for index, (_, tag, _) in enumerate(rows, 1):
                if tag in (Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW, Tag.COUNTER64):
                    return _refused(query, NO_SUCH_NAME, index)
        answer = encode_response(query, rows)
        return answer if len(answer) <= LARGEST else _refused(query, TOO_BIG, 0)


def engine_id(device: str) -> bytes:
    """The SNMPv3 engine of a device: always the same, by its maker's number and an address of its own (RFC 3411)."""
    return _HUAWEI_BY_MAC + b"\x02" + hashlib.sha256(f"{device}/engine".encode()).digest()[:5]


_HUAWEI_BY_MAC = b"\x80\x00\x07\xdb\x03"


def boots_before(started: float) -> int:
    """How often the engines had booted when a simulator was started: more than with any simulator before it, for a manager
    never believes an engine whose boots go back (RFC 3414 section 3.2)."""
    return int(started - _FIRST_BOOT) // _BOOT_S


_FIRST_BOOT, _BOOT_S = 1_767_200_400, 10  # 2026-01-01 in Viet Nam; no machine restarts as often as that


def _refused(query: Query, status: int, index: int) -> bytes:
    """An error response; it gives the names back, but for v2c's tooBig, which is empty (RFC 3416 section 4.2.1)."""
    names = () if status == TOO_BIG and query.version != V1 else query.oids
    return encode_response(query, [(name, Tag.NULL, None) for name in names], status, index)


def _row(entry: Object, at: float) -> Row:
    return entry.name, entry.tag, entry.read(at)


def _get(objects: View, name: bytes, at: float) -> Row:
    entry = objects.get(name)
    if entry is not None:
        return _row(entry, at)
    return name, Tag.NO_SUCH_INSTANCE if objects.has_type(name) else Tag.NO_SUCH_OBJECT, None


def _next(objects: View, name: bytes, at: float, query: Query) -> Row:
    """The object behind a name; for v1, which has no Counter64, the first behind it that v1 can tell (RFC 3584 4.2.2.1)."""
    for place in range(objects.after(name), len(objects.objects)):
        entry = objects.objects[place]
        if query.version != V1 or entry.tag != Tag.COUNTER64:
            return _row(entry, at)
    return name, Tag.END_OF_MIB_VIEW, None


def _bulk(objects: View, query: Query, at: float) -> list[Row]:
    """As many rows as fit into an answer; no more rounds once every name has come to the end."""
    rows: list[Row] = []
    size = 64

    def room(name: bytes, place: int) -> bool:
        nonlocal size
        row = _row(objects.objects[place], at) if place < len(objects.objects) else (name, Tag.END_OF_MIB_VIEW, None)
        size += len(row[0]) + _OVERHEAD + (len(row[2]) if isinstance(row[2], bytes) else 9)
        if size > LARGEST:
            return False
        rows.append(row)
        return True

    for name in query.oids[: query.non_repeaters]:
        if not room(name, objects.after(name)):
            return rows
    repeated = query.oids[query.non_repeaters :]
    places = [objects.after(name) for name in repeated]
    last = len(objects.objects)
    for step in range(query.max_repetitions if repeated else 0):
        for name, place in zip(repeated, places, strict=True):
            # A name at its end goes on saying so, under the last object that it reached.
            reached = objects.objects[-1].name if step and place < last else name
            if not room(reached, min(place + step, last)):
                return rows
        if all(place + step >= last for place in places):
            break
    return rows


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, agent: Agent, clock: Callable[[], float]) -> None:
        self._agent = agent
        self._clock = clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        answer = self._agent.answer(data, self._clock())
        if answer is not None:
            self._transport.sendto(answer, addr)


async def listen(agents: Iterable[tuple[Agent, str, int]], clock: Callable[[], float]) -> ExitStack:
    """Bind every agent to its address and port; closing the stack closes the sockets. OSError says what cannot be bound."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        for agent, address, port in agents:
            transport, _ = await loop.create_datagram_endpoint(partial(_Socket, agent, clock), local_addr=(address, port))
            stack.callback(transport.close)
        return stack.pop_all()
    raise AssertionError("unreachable")
