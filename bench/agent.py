"""`python -m bench.agent --port P`: one process that is the SNMP agent of every device of the bench, at whatever address of
127/8 it is asked, and answers from that address.

A router with four interfaces, of which netmon's generic profile makes exactly 40 readings; sysUpTime and the counters move
with the clock. A question that was asked before costs a look-up: an answer is kept with the places of its moving values.
"""

from __future__ import annotations

import argparse
import socket
import struct
import time
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from netmon.snmp import ber, oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.errors import Malformed
from netmon.snmp.message import Query, decode_request, encode_response

INTERFACES = ("GigabitEthernet0/0/1", "Vlanif10", "Tunnel1", "LoopBack0")
"""Only the first knows its speed: four rows of ten readings, less three, and three of the device are 40."""

SPEED_MBPS = (1000, 0, 0, 0)
_IP_PKTINFO = 8  # linux/in.h; Python names it from 3.13 on
_SO_RCVBUFFORCE = 33
_RCVBUF = 16 << 20


class Mover(NamedTuple):
    """A value that grows from `base` by `rate` a second, and always takes the same number of octets."""

    tag: int
    base: int
    rate: float

    def at(self, seconds: float) -> int:
        return self.base + int(self.rate * seconds)


Held = tuple[int, Value] | Mover

_UPTIME = Mover(Tag.TIME_TICKS, 100_000_000, 100)
_OCTETS = Mover(Tag.COUNTER64, 1 << 40, 1_000_000)
_ERRORS = Mover(Tag.COUNTER32, 1 << 24, 0.1)


def _objects() -> Iterator[tuple[str, Held]]:
    """SNMPv2-MIB system, IF-MIB ifTable and ifXTable (RFC 3418, RFC 2863)."""
    system = "1.3.6.1.2.1.1"
    yield f"{system}.1.0", (Tag.OCTET_STRING, b"Canned router of the bench")
    yield f"{system}.2.0", (Tag.OID, oid.encode("1.3.6.1.4.1.2011.2.224.279"))
    yield f"{system}.3.0", _UPTIME
    yield f"{system}.5.0", (Tag.OCTET_STRING, b"router")
    yield f"{system}.6.0", (Tag.OCTET_STRING, b"127/8")
    table, extension = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    for index, (name, speed) in enumerate(zip(INTERFACES, SPEED_MBPS, strict=True), 1):
        yield f"{table}.1.{index}", (Tag.INTEGER, index)
        yield f"{table}.2.{index}", (Tag.OCTET_STRING, name.encode())
        yield f"{table}.3.{index}", (Tag.INTEGER, 6)
        yield f"{table}.5.{index}", (Tag.GAUGE32, speed * 1_000_000)
        yield f"{table}.7.{index}", (Tag.INTEGER, 1)
        yield f"{table}.8.{index}", (Tag.INTEGER, 1)
        for column in (13, 14, 19, 20):
            yield f"{table}.{column}.{index}", _ERRORS
        yield f"{extension}.1.{index}", (Tag.OCTET_STRING, name.encode())
        yield f"{extension}.6.{index}", _OCTETS
        yield f"{extension}.10.{index}", _OCTETS
        yield f"{extension}.15.{index}", (Tag.GAUGE32, speed)
        yield f"{extension}.18.{index}", (Tag.OCTET_STRING, b"")
        yield f"{extension}.19.{index}", (Tag.TIME_TICKS, 0)


class Canned(NamedTuple):
    """An answer; `moving` holds where a value stands, how long it is, and what it is."""

    octets: bytearray
    id_at: int
    moving: list[tuple[int, int, Mover]]


class Agent:
    """What is answered to a datagram."""

    def __init__(self) -> None:
        held = sorted((oid.arcs(oid.encode(name)), oid.encode(name), value) for name, value in _objects())
        self._keys = [key for key, _, _ in held]
        self._objects = [(name, value) for _, name, value in held]
        self._by_name = dict(self._objects)
        self._canned: dict[bytes, Canned | None] = {}
        self._born = time.monotonic()

    def answer(self, datagram: bytes) -> bytes | None:
        """The answer now; None to what is no request."""
        at = _id_at(datagram)
        if at is None:
            return None
        end = at + datagram[at - 1]
        key = datagram[:at] + datagram[end:]
        if key not in self._canned:
            self._canned[key] = self._can(datagram)
        canned = self._canned[key]
        if canned is None:
            return None
        octets, seconds = canned.octets, time.monotonic() - self._born
        octets[canned.id_at : canned.id_at + end - at] = datagram[at:end]
        for place, size, mover in canned.moving:
            octets[place : place + size] = mover.at(seconds).to_bytes(size, "big")
        return bytes(octets)

    def _can(self, datagram: bytes) -> Canned | None:
        try:
            query = decode_request(datagram)
        except Malformed:
            return None
        rows = list(self._rows(query))
        now = [(name, held.tag, held.base) if isinstance(held, Mover) else (name, *held) for name, held in rows]
        octets = bytearray(encode_response(query, now))
        id_at = _id_at(octets)
        assert id_at is not None
        place, moving = len(octets), []
        for (name, tag, value), (_, held) in zip(reversed(now), reversed(rows), strict=True):
            if isinstance(held, Mover):
                size = len(ber.integer(held.base))
                moving.append((place - size, size, held))
            place -= len(ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, name) + ber.encode(tag, value)))
        return Canned(octets, id_at, moving)

    def _rows(self, query: Query) -> Iterator[tuple[bytes, Held]]:
        names = query.oids
        if query.pdu == Tag.GET:
            yield from ((name, self._by_name.get(name, (Tag.NO_SUCH_INSTANCE, None))) for name in names)
            return
        repeated = 0 if query.pdu == Tag.GET_NEXT else query.non_repeaters
        yield from map(self._after, names[:repeated] if query.pdu == Tag.GET_BULK else names)
        if query.pdu == Tag.GET_BULK:
            names = names[repeated:]
            for _ in range(query.max_repetitions):
                row = [self._after(name) for name in names]
                yield from row
                names = [name for name, _ in row]

    def _after(self, name: bytes) -> tuple[bytes, Held]:
        place = bisect_right(self._keys, oid.arcs(name))
        return self._objects[place] if place < len(self._objects) else (name, (Tag.END_OF_MIB_VIEW, None))


def _id_at(data: bytes | bytearray) -> int | None:
    """Where the request id of a v1 or v2c message begins."""
    try:
        at = 2 + (data[1] & 0x7F if data[1] >= 0x80 else 0)
        at += 2 + data[at + 1]  # version
        at += 2 + data[at + 1]  # community
        at += 2 + (data[at + 1] & 0x7F if data[at + 1] >= 0x80 else 0)
        return at + 2 if data[at] == Tag.INTEGER and at + 2 + data[at + 1] <= len(data) else None
    except IndexError:
        return None


def _socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    return sock


def main() -> None:
    """Answers until it is ended."""
    parser = argparse.ArgumentParser(description="The SNMP agent of every device of the bench.")
    parser.add_argument("--port", type=int, required=True, help="answer here, at every address of 127/8")
    args = parser.parse_args()
    sock = _socket(args.port)
    sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RCVBUF)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RCVBUF)
    agent, room = Agent(), socket.CMSG_SPACE(12)
    print("ready", flush=True)
    while True:
        data, ancillary, _, source = sock.recvmsg(65535, room)
        octets = agent.answer(data)
        if octets is not None:
            asked = next((content[8:12] for _, kind, content in ancillary if kind == _IP_PKTINFO), bytes(4))
            from_there = (socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=i4s4s", 0, asked, bytes(4)))
            sock.sendmsg([octets], [from_there], 0, source)


if __name__ == "__main__":
    main()
