"""The listening sockets: how many may be in, how long they may take to say what they want, and TLS.

Connections are taken here one by one, so that what is bounded is bounded from the first octet on, a handshake that never
ends included, and a certificate that was renewed is shown to the next who comes while those who are in stay.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from math import nan
from typing import Any

import structlog
from aiohttp import web

from netmon.certificate import expiry
from netmon.model import Meter
from netmon.settings import TlsSettings
from netmon.web import pages, telling
from netmon.web.access import Reason, whose

log = structlog.get_logger(__name__)

CONNECTIONS_AT_MOST = 512
NEAR_ONES = 64
"""So many of them are left to who asks from this machine: the health of netmon is seen also when others fill the rest."""
OF_ONE_ADDRESS = 128
"""A browser opens six at most; several screens may stand behind one address. Loopback is a proxy, and many."""

HEAD_S = 20.0
"""A connection has so long to bring the head of its first request. Browsers drop one that they opened to spare after ten."""
KEEP_ALIVE_S = 75.0
"""So long one may lie idle between requests, or take over the head of the next: longer than Prometheus usually waits."""
HANDSHAKE_S = 10.0
GOODBYE_S = 2.0

REFUSAL_S = 0.005
"""After a connection that was not let in nobody is looked at for so long: polls need the loop more than who knocks."""
NO_SOCKET_S = 1.0
BACKLOG = 128

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only, as TLS 1.3 has by itself."""


class Door:
    """Leads whoever comes to `server`, and counts what is refused. `logger` hears of what fails at a request."""

    def __init__(self, server: web.Server, meter: Meter, logger: logging.Logger) -> None:
        self._server = server
        self._meter = meter
        self._logger = logger
        self._tls: ssl.SSLContext | None = None
        self._talks: dict[Talk, str] = {}  # those who are in, or are being let in, and whose they are
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> Sequence[tuple[Any, ...]]:
        """Listens, and returns where. OSError: the address is not ours or in use."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                self._sockets.append(_listening(family, kind, protocol, address))
        except OSError:
            await self.close()
            raise
        for listening in self._sockets:
            self._begin(self._take(listening))
        return [listening.getsockname() for listening in self._sockets]

    def use(self, settings: TlsSettings | None) -> None:
        """Speaks TLS with these files, read now, or none, with whoever comes from now on. OSError: they cannot be used, and
        what was in use stays so."""
        if settings is None:
            if self._tls is not None:
                self._meter.gauge("netmon_web_certificate_expiry_timestamp_seconds", nan)
            self._tls = None
            return
        context = _context(settings)
        try:
            over = expiry(settings.certificate.read_text(encoding="ascii", errors="replace"))
        except ValueError as error:
            raise OSError(f"web.tls.certificate: {settings.certificate} cannot be used: {error}") from error
        self._tls = context
        self._meter.gauge("netmon_web_certificate_expiry_timestamp_seconds", over)

    @property
    def authorities(self) -> list[bytes]:
        """Of whom a certificate is asked of whoever comes from now on; none: no certificate is."""
        return sorted(self._tls.get_ca_certs(binary_form=True)) if self._tls is not None else []

    def send_away(self) -> None:
        """Those who are in come again: at once who is told nothing, the others when what they are being told is told."""
        for talk in list(self._talks):
            talk.leave()

    @property
    def connections(self) -> int:
        """How many are in, or are being let in."""
        return len(self._talks)

    async def close(self) -> None:
        """Lets nobody in any more. Those who are in stay: they belong to the server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()

    # --- one by one ---------------------------------------------------------------------------------------------------

    async def _take(self, listening: socket.socket) -> None:
        loop, failing = asyncio.get_running_loop(), False
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:  # no descriptor is left, or who came is gone
                if not failing:
                    log.error("connections cannot be taken", reason=error.strerror)
                failing = True
                self._meter.count("netmon_web_refused_total", reason=Reason.BUSY)
                await asyncio.sleep(NO_SOCKET_S)
                continue
            failing = False
            # Where many wait, none of the calls above gives way to others.
            await asyncio.sleep(0 if self._admit(connection, address[0]) else REFUSAL_S)

    def _admit(self, connection: socket.socket, address: str) -> bool:
        if not self._has_room(address):
            connection.close()
            self._meter.count("netmon_web_refused_total", reason=Reason.BUSY)
            return False
        self._begin(self._welcome(connection, address))
        return True

    def _has_room(self, address: str) -> bool:
        if _is_near(address):
            return len(self._talks) < CONNECTIONS_AT_MOST
        own = sum(other == whose(address) for other in self._talks.values())
        return len(self._talks) < CONNECTIONS_AT_MOST - NEAR_ONES and own < OF_ONE_ADDRESS

    async def _welcome(self, connection: socket.socket, address: str) -> None:
        """Brings a connection so far that it can speak."""
        loop, tls = asyncio.get_running_loop(), self._tls
        talk = Talk(self, self._server, self._meter, self._logger)
        self._talks[talk] = whose(address)
        patience = {"ssl_handshake_timeout": HANDSHAKE_S, "ssl_shutdown_timeout": GOODBYE_S} if tls is not None else {}
        try:
            await loop.connect_accepted_socket(lambda: talk, connection, ssl=tls, **patience)
        except OSError:  # ssl.SSLError, and who went away or took too long, too
            self.left(talk)
            if tls is not None:
                self._meter.count("netmon_web_refused_total", reason=Reason.TLS)

    def left(self, talk: Talk) -> None:
        """One is gone."""
        self._talks.pop(talk, None)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Talk(web.RequestHandler):
    """One connection. What aiohttp answers by itself, also to what is no request, is hardened and counted as all else."""

    def __init__(self, door: Door, server: web.Server, meter: Meter, logger: logging.Logger) -> None:
        quiet: Any = None
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_S,
            logger=logger,
            access_log=quiet,
            auto_decompress=False,  # what is posted is short: zipped, it would only hide how long it is
        )
        self._door = door
        self._meter = meter
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head = asyncio.get_running_loop().call_later(HEAD_S, self._hang_up)
        if self._close and self.transport is not None:  # sent away before it was in
            self.transport.close()

    def connection_lost(self, error: BaseException | None) -> None:
        self._door.left(self)
        self.heard()
        super().connection_lost(error)

    def heard(self) -> None:
        """The head of a request is there."""
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def leave(self) -> None:
        """Nothing more is asked here: it ends, or when what is being answered is."""
        idle = self._waiter is not None
        self.close()
        if idle and self.transport is not None:
            self.transport.close()

    def _hang_up(self) -> None:
        self._meter.count("netmon_web_refused_total", reason=Reason.SLOW)
        if self.transport is not None:
            self.transport.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Says that a request is malformed (400), or that it failed here (500); of a malformed one nothing is repeated."""
        super().handle_error(request, status, exc, message)
        self.heard()
        if status == 400:
            self._meter.count("netmon_web_refused_total", reason=Reason.MALFORMED)
            self._meter.count("netmon_web_requests_total", code="4xx")
        why = "this is no request of HTTP/1.1" if status == 400 else "this failed by a bug of netmon: its log has it"
        response = telling.refused(request, status, why)
        pages.put_headers(request, response)  # what is malformed never gets to where they are put on all others
        response.force_close()
        return response


def _listening(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setblocking(False)
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _is_near(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:  # an IPv6 address with its zone
        return False


def _context(settings: TlsSettings) -> ssl.SSLContext:
    """OSError: a file cannot be used; the text names its setting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(settings.certificate, settings.key, password="")  # "": never ask at a terminal
    except OSError as error:
        why = error.strerror or error
        raise OSError(f"web.tls: {settings.certificate} and {settings.key} cannot be used: {why}") from error
    if settings.client_ca is not None:
        try:
            context.load_verify_locations(cafile=settings.client_ca)
        except OSError as error:
            raise OSError(f"web.tls.client_ca: {settings.client_ca} cannot be used: {error.strerror or error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
