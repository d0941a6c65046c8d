"""The HTTP listener: the wallboard at /, /metrics for Prometheus, health for supervisors, facts as JSON under /api/v1.

It hands out what it is given and knows nothing of how it came to be. Read-only, but for `deeds` with a token.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from time import monotonic
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler as Next

from netmon.control import CarryOut, Handler, plainly
from netmon.model import Meter, Uncounted
from netmon.settings import WebSettings
from netmon.targets.words import Language
from netmon.web import coding, pages, strangers, telling
from netmon.web.access import Access, Forbid, Reason
from netmon.web.deeds import BODY_LIMIT, Deeds
from netmon.web.door import Door, Talk
from netmon.web.places import PlaceFacts, Places
from netmon.web.stream import PATIENCE_S, Stream

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BOARDS_AT_ONCE = 32
"""Whole wallboards that are being sent."""

PAGES_AT_ONCE = 8
"""Pages of metrics that are made or sent: each is megabytes, and one or two Prometheus ask."""
PAGE_WITHIN_S = 60.0
"""For a page to be taken: no Prometheus waits longer than its interval."""

_PIECE = 1 << 18
"""Octets that are sent before other work gets a turn."""


class Facts(PlaceFacts, Protocol):
    """What the listener tells. `metrics` may be called from a thread; the others are called on the loop."""

    def metrics(self) -> bytes: ...

    def ready(self) -> bool: ...

    def state(self) -> Mapping[str, Any]: ...

    def verdicts(self) -> Mapping[str, Any]: ...

    def wallboard(self) -> Mapping[str, Any]: ...

    def fibre(self) -> Mapping[str, Any]: ...

    def site(self, name: str) -> Mapping[str, Any] | None:
        """All that is known of a site. None: there is none of that id."""
        ...

    def verdict(self, target: str, subject: str) -> Callable[[Language], Mapping[str, Any]] | None:
        """The verdict with its evidence, and its explanation in a language, made when it is called, in a thread. None: there
        is none."""
        ...


class Listener:
    """Serves `facts` on one address. `deeds` are the control socket's handlers that may be called over HTTP, which are
    carried out by `carry_out`. Who may call them, and read, the `settings` say, which are asked for at each request;
    `forbid` is told of whom they keep out. `stream` is another than one at its usual pace."""

    def __init__(
        self,
        facts: Facts,
        host: str,
        port: int,
        *,
        deeds: Mapping[str, Handler] | None = None,
        settings: Callable[[], WebSettings] = WebSettings,
        meter: Meter | None = None,
        stream: Stream | None = None,
        carry_out: CarryOut = plainly,
        forbid: Forbid = lambda *attempt: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._meter = meter or Uncounted()
        self._access = Access(settings, self._meter, forbid, clock)
        self._facts = facts
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._door: Door | None = None
        self._deeds = Deeds(deeds or {}, self._meter, carry_out)
        self._complaints = strangers.Complaints(self._meter)
        self._loopback_only = True
        self._reads = telling.Reads()
        self._places = Places(facts, self._reads)
        self._stream = stream or Stream(facts.wallboard)
        self._boards_sent = self._pages_sent = 0
        self._rights: object = None

    async def start(self) -> str:
        """Listens, and returns where: host:port. OSError: the address is not ours or in use."""
        guard = strangers.only_loopback(lambda: self._loopback_only, self._meter)
        bars = [self._hear, guard, self._access.middleware, telling.refusals]
        app = web.Application(middlewares=bars, client_max_size=BODY_LIMIT)
        app.on_response_prepare.append(self._send_off)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/v1", self._index)
        app.router.add_get("/api/v1/state", self._json(self._facts.state))
        app.router.add_get("/api/v1/sites/{site}", self._site)
        app.router.add_get("/api/v1/verdicts", self._json(self._facts.verdicts))
        app.router.add_get("/api/v1/verdicts/{target}/{subject}", self._verdict)
        app.router.add_get("/api/v1/wallboard", self._wallboard)
        app.router.add_get("/api/v1/fibre", self._json(self._facts.fibre))
        self._places.add_to(app.router)
        self._stream.add_to(app.router)
        self._deeds.add_to(app.router)
        pages.add_to(app.router)
        logger = self._complaints.logger()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, logger=logger)
        await self._runner.setup()
        assert self._runner.server is not None
        self._door = Door(self._runner.server, self._meter, logger)
        try:
            self._door.use(self._settings().tls)
            addresses = await self._door.open(self._host, self._port)
        except OSError:
            await self.stop()
            raise
        self._rights = self._who_may(self._door)
        self._loopback_only = all(ip_address(address[0]).is_loopback for address in addresses)
        host, port = addresses[0][:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            self._complaints.stopping = True
            self._stream.stop()
            if self._door is not None:
                await self._door.close()
            await self._runner.cleanup()
            await self._reads.stop()
            self._runner = None
            self._complaints.close()

    def renew(self) -> None:
        """Reads the certificate, its key and the authorities of clients anew, for whoever comes from now on. Where it is
        another matter than before who may come, all who are in come again. OSError: the files cannot be used, and those that
        were stay."""
        if self._door is None:
            return
        try:
            self._door.use(self._settings().tls)
        finally:
            rights = self._who_may(self._door)
            if rights != self._rights:
                self._rights = rights
                self._stream.end_all()
                self._door.send_away()

    def _who_may(self, door: Door) -> object:
        settings = self._settings()
        return dict(settings.tokens), settings.readers, settings.read_open, door.authorities

    @web.middleware
    async def _hear(self, request: web.Request, handler: Next) -> web.StreamResponse:
        if isinstance(request.protocol, Talk):
            request.protocol.heard()
        return await handler(request)

    async def _send_off(self, request: web.Request, response: web.StreamResponse) -> None:
        pages.put_headers(request, response)
        self._meter.count("netmon_web_requests_total", code=f"{response.status // 100}xx")
        if response.status == 503 and "Retry-After" in response.headers:
            self._meter.count("netmon_web_refused_total", reason=Reason.BUSY)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        if self._pages_sent >= PAGES_AT_ONCE:
            return telling.busy("too many pages of metrics are asked for at once")
        self._pages_sent += 1
        try:
            return await self._page(request)
        finally:
            self._pages_sent -= 1

    async def _page(self, request: web.Request) -> web.StreamResponse:
        # To zip a page costs ten times as much as to send it to a Prometheus on the same machine.
        zipped = coding.takes_gzip(request) and not coding.is_near(request)
        # Joining and zipping megabytes would hold up the loop; zlib lets go of the interpreter lock.
        body = await asyncio.to_thread(_page, self._facts.metrics, zipped)
        headers = {"Content-Type": METRICS_TYPE, "Vary": "Accept-Encoding"}
        if zipped:
            headers["Content-Encoding"] = "gzip"
        if len(body) <= _PIECE:
            return web.Response(body=body, headers=headers)
        response = web.StreamResponse(headers=headers)
        response.content_length = len(body)
        try:
            async with asyncio.timeout(PAGE_WITHIN_S):
                await response.prepare(request)
                if request.method != "HEAD":
                    for start in range(0, len(body), _PIECE):
                        await response.write(body[start : start + _PIECE])
        except (ConnectionError, TimeoutError):  # whoever asked went away, or takes nothing: no fault of ours
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self._facts.ready():
            return web.Response(text="ready\n")
        return web.Response(text="not ready: the first cycle of polls is not over\n", status=503)

    async def _site(self, request: web.Request) -> web.Response:
        found = self._facts.site(request.match_info["site"])
        if found is None:
            return telling.refusal(404, "the inventory has no such site")
        return telling.answer(request, telling.dumps(found))

    async def _wallboard(self, request: web.Request) -> web.Response:
        """The stream's board: many who ask at once are told the same octets, and few of them are under way at a time."""
        if self._boards_sent >= BOARDS_AT_ONCE:
            return telling.busy("too many boards are asked for at once")
        board, zipped = self._stream.board(), coding.takes_gzip(request)
        body = board.zipped if zipped else board.octets
        response = web.Response(body=body, content_type="application/json", charset="utf-8")
        response.headers.update({"Cache-Control": "no-store", "Vary": "Accept-Encoding"})
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        self._boards_sent += 1
        try:
            return await telling.send(request, response, PATIENCE_S)
        finally:
            self._boards_sent -= 1

    async def _verdict(self, request: web.Request) -> web.Response:
        """One verdict with all its evidence and in words: `?lang=vi`, the default, or `en`."""
        if refused := telling.unknown_keys(request, "lang"):
            return refused
        language = request.query.get("lang", "vi")
        if language not in ("vi", "en"):
            return telling.refusal(400, "lang is vi or en")
        if self._reads.full:
            return telling.busy(telling.TOO_MANY)
        found = self._facts.verdict(request.match_info["target"], request.match_info["subject"])
        if found is None:
            return telling.refusal(404, "there is no such verdict; /api/v1/verdicts lists them")
        # Evidence is worked out when somebody asks, which would hold up the loop.
        told = await self._reads.run(found, "vi" if language == "vi" else "en")
        return telling.answer(request, telling.dumps(told))

    async def _index(self, request: web.Request) -> web.Response:
        paths = sorted({resource.canonical for resource in request.app.router.resources()})
        return web.Response(text="".join(f"{path}\n" for path in ("netmon", "", *paths)))

    @staticmethod
    def _json(facts: Callable[[], Mapping[str, Any]]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            return telling.answer(request, telling.dumps(facts()))

        return answer


def _page(render: Callable[[], bytes], zipped: bool) -> bytes:
    body = render()
    return gzip.compress(body, compresslevel=1, mtime=0) if zipped else body
