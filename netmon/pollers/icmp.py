"""Ping (RFC 792, RFC 4443): one ICMP socket per address family for all addresses, unprivileged where the kernel allows.

Linux gives datagram ICMP sockets to the groups in the sysctl net.ipv4.ping_group_range, for IPv6 too; raw sockets need
CAP_NET_RAW. With a datagram socket the kernel owns the identifier, so that an answer is known by the random token that
it carries, besides its sequence number and its source.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from ipaddress import ip_address
from types import TracebackType
from typing import Self

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_TOKEN = 16
_BATCH = 256
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}


class PingError(OSError):
    """Our own side could not ping; says nothing of the address. The text is a whole sentence."""


class PingUnavailable(PingError):  # noqa: N818 - named for what it says
    """The kernel grants no ICMP socket."""


class Pinger:
    """Pings addresses. `async with Pinger() as pinger`, or `close` it. Sockets are opened when first needed."""

    def __init__(self) -> None:
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._waiting: dict[bytes, tuple[str, int, asyncio.Future[float]]] = {}
        self._sequence = 0
        self._identifier = int.from_bytes(os.urandom(2), "big")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the sockets; pings under way end with PingError."""
        for sock in self._sockets.values():
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        for _, _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(PingError("The pinger was closed while a ping was under way."))

    async def ping(self, address: str, timeout_s: float) -> float | None:
        """Seconds until the echo came back, None when none came. PingUnavailable and PingError when our side failed."""
        destination = ip_address(address)
        family = socket.AF_INET if destination.version == 4 else socket.AF_INET6
        sock = self._socket(family)
        self._sequence = (self._sequence + 1) & 0xFFFF
        token = os.urandom(_TOKEN)
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[token] = (str(destination), self._sequence, answer)
        try:
            sent = time.monotonic()
            try:
                sock.sendto(_echo(_REQUEST[family], self._identifier, self._sequence, token), (str(destination), 0))
            except OSError as error:
                raise PingError(f"{address} could not be pinged: {error.strerror}.") from error
            async with asyncio.timeout(timeout_s):
                return await answer - sent
        except TimeoutError:
            return None
        finally:
            del self._waiting[token]

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        sock = self._sockets.get(family)
        if sock is None:
            sock = self._sockets[family] = _open(family)
            asyncio.get_running_loop().add_reader(sock.fileno(), self._readable, sock, family)
        return sock

    def _readable(self, sock: socket.socket, family: socket.AddressFamily) -> None:
        for _ in range(_BATCH):
            try:
                data, source = sock.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:  # an error of an earlier datagram; its ping ends as silence
                continue
            received = time.monotonic()
            if sock.type == socket.SOCK_RAW and family == socket.AF_INET and data:
                data = data[4 * (data[0] & 0x0F) :]  # a raw IPv4 socket delivers the IP header too
            if len(data) < _HEADER.size + _TOKEN:
                continue
            kind, _, _, _, sequence = _HEADER.unpack_from(data)
            waiting = self._waiting.get(data[_HEADER.size :])
            if waiting is None or kind != _REPLY[family]:
                continue
            address, asked, answer = waiting
            if sequence == asked and source[0].partition("%")[0] == address and not answer.done():
                answer.set_result(received)


def _open(family: socket.AddressFamily) -> socket.socket:
    """A datagram ICMP socket, else a raw one."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family, kind | socket.SOCK_NONBLOCK, _PROTOCOL[family])
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
