"""What people do over HTTP: the incident book, storms and works, as JSON under /api/v1.

Reading needs nothing. Writing needs a token (`Authorization: Bearer …`, RFC 6750) whose name is the author, a body of JSON,
and that no page of another origin is behind it: such a page knows no token, and its browser would ask before it sent an
Authorization header or JSON (a CORS preflight), which is never allowed here; what the browser says of where a request comes
from is looked at besides. The commands are those of the control socket.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from netmon.book import MissingError, RefusedError
from netmon.control import ControlError, Handler, UnwrittenError
from netmon.credential import Secret
from netmon.model import Meter
from netmon.web import coding

log = structlog.get_logger(__name__)

BODY_LIMIT = 64 * 2**10
"""Octets of the longest body."""

PATIENCE_S = 10.0
"""For a body to come."""

WRONG_AT_MOST = 10
FORGIVEN_EVERY_S = 6.0
"""An address may name so many wrong tokens at once, and one more every so many seconds; then it is not listened to, not even
with a right one, until one is forgiven."""

ADDRESSES_AT_MOST = 10_000

READER = "web"
"""The author of who only reads."""


class RefusalError(Exception):
    """A request that is not done: the status, why, and headers that go with it."""

    def __init__(self, status: HTTPStatus, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Deed(NamedTuple):
    """What a path does when it is posted to: a command of the control socket, the keys that a body may have (None: the
    command looks at them), what else the command is told, and the status when it is done."""

    command: str
    keys: frozenset[str] | None = None
    fixed: Mapping[str, str] = {}
    done: HTTPStatus = HTTPStatus.OK


DEEDS = {
    "/api/v1/incidents": Deed("incident", frozenset({"on", "cause", "text"}), {"action": "open"}, HTTPStatus.CREATED),
    "/api/v1/incidents/{id}": Deed("incident", frozenset({"action", "text"})),
    "/api/v1/storms": Deed("storm"),
    "/api/v1/maintenance": Deed("maintenance"),
}


class Deeds:
    """The routes of what `handlers` can do. `tokens` gives those that hold now, by name."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        tokens: Callable[[], Mapping[str, Secret]],
        meter: Meter,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._handlers = handlers
        self._tokens = tokens
        self._meter = meter
        self._clock = clock
        self._wrong: dict[str, float] = {}  # by address, when all its wrong tokens will be forgiven

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Adds the paths of the commands that there are."""
        if "incidents" in self._handlers:
            router.add_get("/api/v1/incidents", self._list)
        if "incident" in self._handlers:
            router.add_get("/api/v1/incidents/{id}", self._show)
        for path, deed in DEEDS.items():
            if deed.command in self._handlers:
                router.add_post(path, self._answering(deed))

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.Response:
        """Those that go on; with ?all also those that are over."""
        if unknown := sorted(request.query.keys() - {"all"}):
            return _refused(
                request, RefusalError(HTTPStatus.BAD_REQUEST, f"all is what can be asked for, not {', '.join(unknown)}")
            )
        return await self._read(request, "incidents", {"all": "all" in request.query})

    async def _show(self, request: web.Request) -> web.Response:
        """One, with its book."""
        return await self._read(request, "incident", {"id": request.match_info["id"], "action": "show", "text": ""})

    async def _read(self, request: web.Request, command: str, asked: Mapping[str, Any]) -> web.Response:
        try:
            told = await self._handlers[command](READER, {"command": command, **asked})
        except ControlError as error:
            return _refused(request, _refusal(error))
        return _answer(request, told)

    # --- writing ------------------------------------------------------------------------------------------------------

    def _answering(self, deed: Deed) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            try:
                _refuse_strangers(request)
                author = f"web:{self._author(request)}"
                body = await _body(request, deed.keys)
                asked = {**body, **deed.fixed, **request.match_info, "command": deed.command}
                told = await self._handlers[deed.command](author, asked)
            except RefusalError as refusal:
                barred = refusal.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
                self._meter.count("netmon_deeds_total", result="forbidden" if barred else "refused")
                return _refused(request, refusal)
            except ControlError as error:
                self._meter.count("netmon_deeds_total", result="refused")
                return _refused(request, _refusal(error))
            self._meter.count("netmon_deeds_total", result="ok")
            log.info("done over the web", by=author, command=deed.command, action=asked.get("action"))
            return _answer(request, told, deed.done)

        return answer

    def _author(self, request: web.Request) -> str:
        """The name of the token that a request bears."""
        address = _address(request)
        now = self._clock()
        waiting = self._wrong.get(address, now) - now
        if waiting > (WRONG_AT_MOST - 1) * FORGIVEN_EVERY_S:
            wait = str(int(waiting - (WRONG_AT_MOST - 1) * FORGIVEN_EVERY_S) + 1)
            why = f"too many wrong tokens came from your address: try again in {wait} s"
            raise RefusalError(HTTPStatus.TOO_MANY_REQUESTS, why, Retry_After=wait)
        scheme, _, borne = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not borne.strip():
            why = "this needs a token: Authorization: Bearer TOKEN"
            raise RefusalError(HTTPStatus.UNAUTHORIZED, why, WWW_Authenticate='Bearer realm="netmon"')
        name = _named(borne.strip(), self._tokens())
        if name is None:
            self._note_wrong(address, now)
            challenge = 'Bearer realm="netmon", error="invalid_token"'
            raise RefusalError(HTTPStatus.UNAUTHORIZED, "this token is none of ours", WWW_Authenticate=challenge)
        return name

    def _note_wrong(self, address: str, now: float) -> None:
        if len(self._wrong) >= ADDRESSES_AT_MOST:
            self._wrong = {other: until for other, until in self._wrong.items() if until > now}
        if len(self._wrong) >= ADDRESSES_AT_MOST:
            del self._wrong[min(self._wrong, key=lambda other: self._wrong[other])]
        until = self._wrong[address] = max(now, self._wrong.get(address, now)) + FORGIVEN_EVERY_S
        if until - now > (WRONG_AT_MOST - 1) * FORGIVEN_EVERY_S:
            log.warning("wrong tokens", address=address, refused_for_s=round(FORGIVEN_EVERY_S))


def _named(borne: str, tokens: Mapping[str, Secret]) -> str | None:
    """The name of a token. All are looked at, by digests of one length, so that the time tells nothing."""
    digest = sha256(borne.encode(errors="surrogateescape")).digest()
    found = None
    for name, token in tokens.items():
        text = token.reveal()  # empty: it was not fetched, and nobody knows it
        if compare_digest(sha256(text.encode()).digest(), digest) and text:
            found = name
    return found


def _refuse_strangers(request: web.Request) -> None:
    """A browser tells where a request comes from: by Sec-Fetch-Site, on what it takes for a safe connection, else by Origin.
    No page can write either. What sends neither is no browser."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        own = site == "same-origin"
    else:
        own = origin is None or _host(origin) == request.headers.get("Host", "").lower() != ""
    if not own:
        raise RefusalError(HTTPStatus.FORBIDDEN, "a page of another origin cannot do anything here")


def _host(origin: str) -> str | None:
    """The host of an origin as a browser writes it; None: no browser wrote this."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


async def _body(request: web.Request, keys: frozenset[str] | None) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is to be application/json")
    try:
        async with asyncio.timeout(PATIENCE_S):
            body = json.loads(await request.read())
    except TimeoutError:
        raise RefusalError(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {PATIENCE_S:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        why = f"the body is longer than {BODY_LIMIT} octets"
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why) from None
    except (ValueError, RecursionError):
        raise RefusalError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise RefusalError(HTTPStatus.BAD_REQUEST, "the body is to be a JSON object")
    if keys is not None and (unknown := sorted(body.keys() - keys)):
        known = ", ".join(sorted(keys))
        raise RefusalError(HTTPStatus.BAD_REQUEST, f"the body may have {known}, not {', '.join(unknown)[:200]}")
    return body


def _address(request: web.Request) -> str:
    """Whom wrong tokens are counted for: an IPv4 address, or the /64 of IPv6 that one subscriber has."""
    try:
        found = ip_address(request.remote or "")
    except ValueError:
        return request.remote or ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)


def _refusal(error: ControlError) -> RefusalError:
    match error:
        case MissingError():
            return RefusalError(HTTPStatus.NOT_FOUND, str(error))
        case RefusedError():
            return RefusalError(HTTPStatus.CONFLICT, str(error))
        case UnwrittenError():
            return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    return RefusalError(HTTPStatus.BAD_REQUEST, str(error))


def _refused(request: web.Request, refusal: RefusalError) -> web.Response:
    response = _answer(request, {"error": str(refusal)}, refusal.status)
    response.headers.update(refusal.headers)
    return response


def _answer(request: web.Request, told: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    text = json.dumps(told, ensure_ascii=False, allow_nan=False)
    response = web.json_response(text=text, status=status, headers={"Cache-Control": "no-store"})
    coding.zip_for(request, response)
    return response
