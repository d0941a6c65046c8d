"""A lane: the UDP socket of one address family, its error queue, and who waits for a place on it (Linux: ip(7), ipv6(7))."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from netmon.snmp.errors import LocalFailure
from netmon.snmp.places import Places

OCTETS_PER_REPLY = 1300
"""Receive buffer that a reply of ordinary size occupies, the kernel's own bookkeeping included, as measured."""

Address = tuple[Any, ...]

_ASKED_RCVBUF = 8 << 20
_BATCH = 256  # datagrams read before other work gets a turn
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h; the socket module does not name them
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err; the sockaddr of who reports it follows
_SO_MEMINFO = 55  # asm-generic/socket.h
_MEMINFO = struct.Struct("=9I")  # linux/sock_diag.h: the last is SK_MEMINFO_DROPS
_PORT_UNREACHABLE = "port unreachable"
_ICMP = {  # by origin (2 ICMP, 3 ICMPv6), type and code
    (2, 3, 0): "network unreachable",
    (2, 3, 1): "host unreachable",
    (2, 3, 3): _PORT_UNREACHABLE,
    (2, 3, 9): "network prohibited",
    (2, 3, 10): "host prohibited",
    (2, 3, 13): "communication prohibited",
    (3, 1, 0): "no route",
    (3, 1, 1): "communication prohibited",
    (3, 1, 3): "address unreachable",
    (3, 1, 4): _PORT_UNREACHABLE,
}


class Lane:
    """One socket for all devices of a family. It has as many `places` as its receive buffer holds replies.

    `on_datagram` is given each datagram and its source. `on_icmp` is given what an ICMP error quotes of a datagram of ours,
    where that had gone, who says that the port is closed ("" for any other error), and what to say of it. OSError when
    there is no socket to be had.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        family: int,
        on_datagram: Callable[[bytes, Address], None],
        on_icmp: Callable[[bytes, Address, str, str], None],
    ) -> None:
        self.loop = loop
        self.on_datagram = on_datagram
        self.on_icmp = on_icmp
        self.socket = sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ASKED_RCVBUF)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            self.places = Places(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // OCTETS_PER_REPLY)
            loop.add_reader(sock.fileno(), self.readable)
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        self.loop.remove_reader(self.socket.fileno())
        self.socket.close()
        self.places.close(LocalFailure("The SNMP client was closed while a request waited."))

    def drops(self) -> int:
        """Datagrams that the kernel threw away because the receive buffer was full (socket(7), SO_MEMINFO)."""
        try:
            found = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        except OSError:  # closed, or a kernel before 4.12
            return 0
        return int(_MEMINFO.unpack(found)[-1])

    def send(self, datagram: bytes, peer: tuple[str, int]) -> bool:
        """False when the send buffer is full; OSError when our own stack refuses.

        A pending ICMP error of an earlier datagram is reported by the next call on the socket, whatever it is for, and is
        gone with that: only what persists belongs to this datagram.
        """
        for _ in range(3):
            try:
                self.socket.sendto(datagram, peer)
            except BlockingIOError:
                return False
            except OSError as error:
                persistent = error
                self.read_errors()
            else:
                return True
        raise persistent

    def readable(self) -> None:
        """Drain the socket; after a full batch the loop calls again."""
        receive = self.socket.recvfrom
        received = self.on_datagram
        for count in range(_BATCH):
            try:
                data, source = receive(65535)
            except BlockingIOError:
                if count == 0:
                    self.read_errors()
                break
            except OSError:
                self.read_errors()
            else:
                received(data, source)

    def read_errors(self) -> None:
        """Drain the error queue (ip(7), IP_RECVERR)."""
        for _ in range(_BATCH):
            try:
                quoted, ancillary, _, peer = self.socket.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _, _, body in ancillary:
                if len(body) < _EXTENDED_ERROR.size or not peer:
                    continue
                _, origin, kind, code, *_ = _EXTENDED_ERROR.unpack_from(body)
                what = _ICMP.get((origin, kind, code), f"type {kind} code {code}")
                who = _offender(body)
                self.on_icmp(quoted, peer, who if what == _PORT_UNREACHABLE else "", f"{who} sent ICMP {what}")


def _offender(body: bytes) -> str:
    """The address that sent an ICMP error, behind the extended error (a sockaddr)."""
    if len(body) >= 24:
        (family,) = struct.unpack_from("=H", body, 16)
        if family == socket.AF_INET:
            return socket.inet_ntop(socket.AF_INET, body[20:24])
        if family == socket.AF_INET6 and len(body) >= 40:
            return socket.inet_ntop(socket.AF_INET6, body[24:40])
    return "the network"
