"""Who may read and who may write at the listener, and how often somebody may guess.

A token is borne as `Authorization: Bearer TOKEN` (RFC 6750) or as Basic (RFC 7617) with the token's name as user and the
token as password, which every browser and Prometheus can. Health needs nothing. Writing needs the right to operate, and that
no page of another origin is behind it: a browser that was given a password sends it with whatever any page asks of netmon,
so what it says of where a request comes from is looked at first. A page of another origin could besides send no JSON without
asking before (a CORS preflight), which is never allowed here.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from time import monotonic
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from netmon.credential import Secret
from netmon.model import Caller, Meter
from netmon.settings import WebSettings
from netmon.web import telling

log = structlog.get_logger(__name__)

OPEN = ("/healthz", "/readyz")
"""What supervisors ask for, who have no token: it tells nothing of the network."""

WRONG_AT_MOST = 10
FORGIVEN_EVERY_S = 6.0
"""An address may name so many wrong tokens at once, and one more every so many seconds; then it is not listened to, not even
with a right one, until one is forgiven, but with one that it was let in with of late."""

ADDRESSES_AT_MOST = 10_000

KNOWN_FOR_S = 3_600.0
"""So long after it was let in last a token is looked at from the same address also while a neighbour there guesses."""
KNOWN_AT_MOST = 1_000

BEARER = 'Bearer realm="netmon"'
BASIC = 'Basic realm="netmon", charset="UTF-8"'

CALLER = web.RequestKey("caller", Caller)
"""Who asks, of a request to write."""

Forbid = Callable[[Caller, str, str, str], None]
"""Told of what is forbidden: to whom, the method, the path, and why."""


class Reason(StrEnum):
    """Why a request is refused, as it is counted."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    RIGHT = "right"
    ORIGIN = "origin"
    LIMIT = "limit"
    HOST = "host"
    BUSY = "busy"
    SLOW = "slow"
    TLS = "tls"


class _BarredError(Exception):
    """A request that may not be: the status, for which reason, why in a sentence, and headers that go with it. `known` is
    the name of the token that it bears; `told` whether the audit log hears of it."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: Reason,
        why: str,
        headers: Mapping[str, str] | None = None,
        *,
        known: str = "",
        told: bool = True,
    ) -> None:
        super().__init__(why)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.known = known
        self.told = told


class Access:
    """Lets requests in by the `settings` that hold now."""

    def __init__(
        self,
        settings: Callable[[], WebSettings],
        meter: Meter,
        forbid: Forbid,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._meter = meter
        self._forbid = forbid
        self._clock = clock
        self._wrong: dict[str, float] = {}  # by address, when all its wrong tokens will be forgiven
        self._known: dict[tuple[str, bytes], float] = {}  # by address and token, when it was let in last

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets one request in, or answers it."""
        try:
            self._enter(request)
        except _BarredError as barred:
            self._meter.count("netmon_web_refused_total", reason=barred.reason)
            if writes(request):
                self._meter.count("netmon_deeds_total", result="forbidden")
            if barred.told:
                caller = Caller(barred.known and f"web:{barred.known}", origin(request))
                self._forbid(caller, request.method, request.path, str(barred))
            return telling.refused(request, barred.status, str(barred), barred.headers)
        return await handler(request)

    def _enter(self, request: web.Request) -> None:
        settings = self._settings()
        if writes(request):
            _refuse_strangers(request)
            # Asked for no password: a browser that has one would do in that name what another token was typed in for.
            name = self._bearer(request, settings, (BEARER,))
            if name in settings.readers:
                raise _BarredError(HTTPStatus.FORBIDDEN, Reason.RIGHT, "this token may read, and no more", known=name)
            request[CALLER] = Caller(f"web:{name}", origin(request))
        elif not settings.read_open and request.path not in OPEN:
            self._bearer(request, settings, (BASIC, BEARER))

    def _bearer(self, request: web.Request, settings: WebSettings, challenges: tuple[str, ...]) -> str:
        """The name of the token that a request bears."""
        address, now = whose(request.remote or ""), self._clock()
        borne = _borne(request.headers.get("Authorization", ""))
        # The address as it is: behind the one that is counted there may be a whole network, or all users of this machine.
        key = (request.remote or "", _digest(borne[1] if borne is not None else ""))
        known = now - self._known.get(key, -KNOWN_FOR_S) < KNOWN_FOR_S
        waiting = self._wrong.get(address, now) - now
        if waiting > (WRONG_AT_MOST - 1) * FORGIVEN_EVERY_S and not known:
            wait = str(int(waiting - (WRONG_AT_MOST - 1) * FORGIVEN_EVERY_S) + 1)
            why = f"too many wrong tokens came from your address: try again in {wait} s"
            raise _BarredError(HTTPStatus.TOO_MANY_REQUESTS, Reason.LIMIT, why, {"Retry-After": wait})
        if borne is None:
            why = "this needs a token: Authorization: Bearer TOKEN, or Basic with its name and the token"
            # A browser asks without one first: that is no attempt.
            raise _BarredError(HTTPStatus.UNAUTHORIZED, Reason.UNKNOWN, why, _challenge(challenges), told=writes(request))
        claimed, _ = borne
        name = _named(key[1], settings.tokens)
        self._known.pop(key, None)
        if name is None or claimed not in (None, name):
            self._note_wrong(address, now)
            challenge = _challenge(challenges, ', error="invalid_token"')
            raise _BarredError(HTTPStatus.UNAUTHORIZED, Reason.UNKNOWN, "this token is none of ours", challenge)
        if len(self._known) >= KNOWN_AT_MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = now
        return name

    def _note_wrong(self, address: str, now: float) -> None:
        until = max(now, self._wrong.pop(address, now)) + FORGIVEN_EVERY_S
        if len(self._wrong) >= ADDRESSES_AT_MOST:  # the one that has been quiet for the longest time is forgotten
            del self._wrong[next(iter(self._wrong))]
        self._wrong[address] = until
        if until - now > (WRONG_AT_MOST - 1) * FORGIVEN_EVERY_S:
            log.warning("wrong tokens", address=address, refused_for_s=round(FORGIVEN_EVERY_S))


def writes(request: web.Request) -> bool:
    """Whether a request is for what changes something. Where the router finds no such path it is only read that there is
    none."""
    return request.method not in ("GET", "HEAD") and request.match_info.http_exception is None


def origin(request: web.BaseRequest) -> str:
    """Where a request comes from, as the audit log has it."""
    return f"web {whose(request.remote or '')}"


def _challenge(schemes: tuple[str, ...], error: str = "") -> Mapping[str, str]:
    """What is asked for: where several will do, the browser takes the one that it can ask its user for."""
    return {"WWW-Authenticate": ", ".join(scheme + (error if scheme == BEARER else "") for scheme in schemes)}


def _borne(header: str) -> tuple[str | None, str] | None:
    """What an Authorization header bears: the name that is claimed (None: none is) and the token. None: it bears nothing."""
    scheme, _, text = header.partition(" ")
    match scheme.lower(), text.strip():
        case _, "":
            return None
        case "bearer", token:
            return None, token
        case "basic", pair:
            try:
                name, colon, token = b64decode(pair, validate=True).decode().partition(":")
            except (NotBase64Error, ValueError):
                return None
            return (name, token) if colon else None
    return None


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogateescape")).digest()


def _named(digest: bytes, tokens: Mapping[str, Secret]) -> str | None:
    """The name of the token of this digest. All are looked at, by digests of one length, so that the time tells nothing."""
    found = None
    for name, token in tokens.items():
        text = token.reveal()  # empty: it was not fetched, and nobody knows it
        if compare_digest(_digest(text), digest) and text:
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
        raise _BarredError(HTTPStatus.FORBIDDEN, Reason.ORIGIN, "a page of another origin cannot do anything here")


def _host(origin: str) -> str | None:
    """The host of an origin as a browser writes it; None: no browser wrote this."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def whose(address: str) -> str:
    """Whom an address' connections and wrong tokens are counted for: itself, or the /64 of IPv6 that one subscriber has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)
