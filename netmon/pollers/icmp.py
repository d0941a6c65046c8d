"""Ping (RFC 792, RFC 4443): one ICMP socket per address family for all addresses, unprivileged where the kernel allows.

Linux gives datagram ICMP sockets to the groups in the sysctl net.ipv4.ping_group_range, for IPv6 too; raw sockets need
CAP_NET_RAW. With a datagram socket the kernel owns the identifier, so that an answer is known by the random token that
it carries, besides its sequence number and its source. When an answer came is told by the kernel (SO_TIMESTAMPNS,
socket(7)): a busy netmon makes no round trip longer.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from contextlib import suppress
from ipaddress import ip_address
from math import inf
from types import TracebackType
from typing import NamedTuple, Self

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_TOKEN = 16
_RCVBUF = 4 << 20
_RCVBUFFORCE = 33
_BATCH = 256
_TIMESTAMP = 35  # SO_TIMESTAMPNS, which is SCM_TIMESTAMPNS too: the socket module does not name it
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)
_SLEW_S = 0.001  # between the two clocks, while an echo is under way
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}

_CLOSED = "The pinger was closed while a ping was under way."


class PingError(OSError):
    """Our own side could not ping; says nothing of the address. The text is a whole sentence."""


class PingUnavailable(PingError):  # noqa: N818 - named for what it says
    """The kernel grants no ICMP socket."""


class _Waiting(NamedTuple):
    """An echo under way: from where its answer is to come and with which number, and when it was sent, monotonic. `answer`
    becomes the seconds that it took."""

    address: str
    sequence: int
    sent: float
    answer: asyncio.Future[float]


class Pinger:
    """Sends echoes to addresses. `async with Pinger() as pinger`, or `close` it. Sockets are opened when first needed."""

    def __init__(self) -> None:
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._waiting: dict[bytes, _Waiting] = {}
        self._sequence = 0
        self._closed = False
        self._identifier = int.from_bytes(os.urandom(2), "big")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the sockets; pings under way end with PingError."""
        self._closed = True
        for sock in self._sockets.values():
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(PingError(_CLOSED))

    async def ping(self, address: str, timeout_s: float) -> float | None:
        """Seconds until the echo came back, None when none came. PingUnavailable and PingError when our side failed."""
        return (await self.echoes(address, 1, 0.0, timeout_s))[0]

    async def echoes(self, address: str, count: int, spacing_s: float, timeout_s: float) -> list[float | None]:
        """A burst of so many echoes, each `spacing_s` after the one before: the seconds until each came back, None where it
        did not within `timeout_s`. PingUnavailable and PingError when our side failed: then nothing is told of any."""
        tokens: list[bytes] = []
        answers: list[asyncio.Future[float]] = []
        try:
            for n in range(count):
                if n:
                    await asyncio.sleep(spacing_s)
                token = os.urandom(_TOKEN)
                answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
                tokens.append(token)
                answers.append(answer)
                self._send(address, token, answer)
            await asyncio.wait(answers, timeout=timeout_s)
            took_s = [answer.result() if answer.done() else inf for answer in answers]  # raises where it was closed
        finally:
            for token in tokens:
                self._waiting.pop(token, None)
            for answer in answers:
                if answer.done():
                    answer.exception()  # as good as told: another one of the burst was
        return [seconds if seconds <= timeout_s else None for seconds in took_s]

    def _send(self, address: str, token: bytes, answer: asyncio.Future[float]) -> None:
        if self._closed:
            raise PingError(_CLOSED)
        destination = ip_address(address)
        family = socket.AF_INET if destination.version == 4 else socket.AF_INET6
        sock = self._socket(family)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._waiting[token] = _Waiting(str(destination), self._sequence, time.monotonic(), answer)
        try:
            sock.sendto(_echo(_REQUEST[family], self._identifier, self._sequence, token), (str(destination), 0))
        except OSError as error:
            raise PingError(f"{address} could not be pinged: {error.strerror}.") from error

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        sock = self._sockets.get(family)
        if sock is None:
            sock = self._sockets[family] = _open(family)
            asyncio.get_running_loop().add_reader(sock.fileno(), self._readable, sock, family)
        return sock

    def _readable(self, sock: socket.socket, family: socket.AddressFamily) -> None:
        for _ in range(_BATCH):
            try:
                data, ancillary, _, source = sock.recvmsg(2048, _ANCILLARY)
            except BlockingIOError:
                return
            except OSError:  # an error of an earlier datagram; its ping ends as silence
                continue
            now, read = time.time(), time.monotonic()
            if sock.type == socket.SOCK_RAW and family == socket.AF_INET and data:
                data = data[4 * (data[0] & 0x0F) :]  # a raw IPv4 socket delivers the IP header too
            if len(data) < _HEADER.size + _TOKEN:
                continue
            kind, _, _, _, sequence = _HEADER.unpack_from(data)
            waiting = self._waiting.get(data[_HEADER.size :])
            if waiting is None or kind != _REPLY[family]:
                continue
            if sequence == waiting.sequence and source[0].partition("%")[0] == waiting.address and not waiting.answer.done():
                waiting.answer.set_result(_round_trip_s(read - waiting.sent, now - _came(ancillary, now)))


def _round_trip_s(took_s: float, waited_s: float) -> float:
    """The seconds of an echo that was read after `took_s`, having waited `waited_s` in the socket by the wall clock, by
    which the kernel stamps: where that clock was stepped meanwhile, the time of reading is all that is known."""
    stepped = not 0 <= waited_s < took_s + _SLEW_S
    return took_s if stepped else max(took_s - waited_s, 0.0)


def _came(ancillary: list[tuple[int, int, bytes]], now: float) -> float:
    """When a datagram came by the kernel's word, Unix seconds; `now` where it says nothing."""
    for level, kind, stamp in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP and len(stamp) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
            return float(seconds + nanoseconds / 1e9)
    return now


def _open(family: socket.AddressFamily) -> socket.socket:
    """A datagram ICMP socket, else a raw one."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, _PROTOCOL[family])
            with suppress(OSError):  # the time of reading is good enough where the kernel stamps nothing
                sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
            # Bursts to many links come back together; what does not fit would count as their loss.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RCVBUF)
            with suppress(OSError):  # beyond the sysctl net.core.rmem_max, for whoever may
                sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _RCVBUF)
            return sock
        except PermissionError:
            continue
        except OSError as error:
            raise PingError(f"No ICMP socket could be opened: {error.strerror}.") from error
    raise PingUnavailable(
        "Ping is not allowed: the sysctl net.ipv4.ping_group_range must include netmon's group "
        '(for example "0 2147483647"), or netmon needs CAP_NET_RAW.',
    )


def _echo(kind: int, identifier: int, sequence: int, token: bytes) -> bytes:
    """An echo request. The kernel writes the checksum anew where it knows better (ICMPv6, datagram sockets)."""
    message = _HEADER.pack(kind, 0, 0, identifier, sequence) + token
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return _HEADER.pack(kind, 0, ~total & 0xFFFF, identifier, sequence) + token
