"""What people do over HTTP: the incident book, storms and works, as JSON under /api/v1.

Who may is `access`'s. Writing needs a body of JSON, which no page of another origin can send without being asked; the
author is the name of the token. The commands are those of the control socket.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import structlog
from aiohttp import web

from netmon.book import MissingError, RefusedError
from netmon.control import CarryOut, ControlError, Handler, UnwrittenError, plainly, sound_json
from netmon.model import Meter
from netmon.web import coding
from netmon.web.access import CALLER

log = structlog.get_logger(__name__)

BODY_LIMIT = 64 * 2**10
"""Octets of the longest body."""

PATIENCE_S = 10.0
"""For a body to come."""

READER = "web"
"""The author of who only reads."""


class RefusalError(Exception):
    """A request that is not done: the status, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


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
    """The routes of what `handlers` can do, for those whom `Access` lets in."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        meter: Meter,
        carry_out: CarryOut = plainly,
    ) -> None:
        self._handlers = handlers
        self._meter = meter
        self._carry_out = carry_out

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
            caller = request[CALLER]
            try:
                body = await _body(request, deed.keys)
                asked = {**body, **deed.fixed, **request.match_info, "command": deed.command}
                told = await self._carry_out(caller, deed.command, self._handlers[deed.command], asked)
            except RefusalError as refusal:
                self._meter.count("netmon_deeds_total", result="refused")
                return _refused(request, refusal)
            except ControlError as error:
                self._meter.count("netmon_deeds_total", result="refused")
                return _refused(request, _refusal(error))
            self._meter.count("netmon_deeds_total", result="ok")
            log.info("done over the web", by=caller.author, command=deed.command, action=asked.get("action"))
            return _answer(request, told, deed.done)

        return answer


async def _body(request: web.Request, keys: frozenset[str] | None) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is to be application/json")
    try:
        async with asyncio.timeout(PATIENCE_S):
            body = sound_json(await request.read())
    except TimeoutError:
        raise RefusalError(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {PATIENCE_S:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        why = f"the body is longer than {BODY_LIMIT} octets"
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why) from None
    except (ValueError, RecursionError, web.RequestPayloadError):
        raise RefusalError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise RefusalError(HTTPStatus.BAD_REQUEST, "the body is to be a JSON object")
    if keys is not None and (unknown := sorted(body.keys() - keys)):
        known = ", ".join(sorted(keys))
        raise RefusalError(HTTPStatus.BAD_REQUEST, f"the body may have {known}, not {', '.join(unknown)[:200]}")
    return body


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
    return _answer(request, {"error": str(refusal)}, refusal.status)


def _answer(request: web.Request, told: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    text = json.dumps(told, ensure_ascii=False, allow_nan=False)
    response = web.json_response(text=text, status=status, headers={"Cache-Control": "no-store"})
    coding.zip_for(request, response)
    return response
