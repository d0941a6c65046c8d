"""No engine: the datagrams of a GET, sent and received in Python, unread. No engine in Python can cost less."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Sequence

from bench.subjects.load import COMMUNITY, Load, drive
from netmon.snmp import V2C, Community, encode_request, get_request, oid

Peer = tuple[str, int]


async def main() -> None:
    """Runs the load, in turns of all that may be in flight."""
    load = Load.from_argv()
    request = get_request([oid.encode(name) for name in load.names()])
    datagram = encode_request(request, Community(V2C, COMMUNITY.encode()), 1 << 24)
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.setblocking(False)
    readable = select.epoll()
    readable.register(sock, select.EPOLLIN)

    async def turn(peers: Sequence[Peer]) -> int:
        for peer in peers:
            sock.sendto(datagram, peer)
        left = len(peers)
        while left:
            if not readable.poll(load.timeout_s):
                return (len(peers) - left) * load.get
            try:
                while left:
                    sock.recvfrom(65535)
                    left -= 1
            except BlockingIOError:
                continue
        return len(peers) * load.get

    healthy = load.healthy()
    turns = [healthy[n : n + load.in_flight] for n in range(0, len(healthy), load.in_flight)]
    await drive(load, turn, turns, [])


if __name__ == "__main__":
    asyncio.run(main())
