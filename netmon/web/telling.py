"""Answers as JSON: how facts become octets, what a refusal looks like, and reads that wait for the disk, a few at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from netmon.web import coding

T = TypeVar("T")

READS_AT_ONCE = 2
"""Threads that read for pages: polls need the interpreter more than they do."""
READS_AT_MOST = 32
"""Reads that are under way or wait for their turn."""
TOO_MANY = "too many pages are asked for at once"
BUSY_S = 2
"""Whoever comes when there are more is told to come again so much later."""


class Reads:
    """What is worked out in a thread for pages."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="web")
        self._pending = 0

    @property
    def full(self) -> bool:
        """Whether another one would not be taken."""
        return self._pending >= READS_AT_MOST

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of `work` in a thread, after those that wait. Who comes when it is `full` is to be refused."""
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._pending -= 1

    async def stop(self) -> None:
        """Begins no other read, and waits until nothing is read any more."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


def dumps(facts: Any) -> str:
    """Facts as JSON. ValueError: a number in them is none."""
    return json.dumps(facts, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def octets(text: str) -> bytes:
    """A text as it is sent. What a device told may hold halves of characters, which UTF-8 has not."""
    return text.encode("utf-8", "replace")


def answer(request: web.Request, text: str) -> web.Response:
    """An answer of JSON, kept by no cache."""
    response = web.Response(body=octets(text), content_type="application/json", charset="utf-8")
    response.headers["Cache-Control"] = "no-store"
    coding.zip_for(request, response)
    return response


async def send(request: web.Request, response: web.Response, patience_s: float) -> web.Response:
    """Sends an answer now, so that whoever asked for it knows when it has gone. One who does not take it in time is
    dropped."""
    try:
        async with asyncio.timeout(patience_s):
            await response.prepare(request)
            await response.write_eof()
    except (ConnectionError, TimeoutError):  # whoever asked went away, or takes nothing: no fault of ours
        if request.transport is not None:
            request.transport.abort()
    return response


def refusal(status: int, why: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A request that is not answered: the status, and why in one sentence."""
    response = web.Response(body=octets(dumps({"error": why})), status=status, content_type="application/json")
    response.headers.update({"Cache-Control": "no-store", **(headers or {})})
    return response


def refused(request: web.BaseRequest, status: int, why: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The same in the form that whoever asks can read: JSON for a program, else a line of words."""
    if is_program(request):
        return refusal(status, why, headers)
    return web.Response(text=f"{why}\n", status=status, headers={"Cache-Control": "no-store", **(headers or {})})


def is_program(request: web.BaseRequest) -> bool:
    """Whether a path is one of those that programs ask for, who are told everything as JSON."""
    return request.path.startswith("/api/")


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tells programs as JSON what the router refuses too: paths that there are not, methods that a path does not take."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        why = f"this path takes {', '.join(sorted(error.allowed_methods))}, not {error.method[:20]}"
        refused: web.HTTPException = error
    except web.HTTPNotFound as error:
        why, refused = "there is no such path; /api/v1 lists them", error
    except web.HTTPError as error:
        why, refused = error.reason, error
    if not is_program(request):
        raise refused
    kept = {name: value for name, value in refused.headers.items() if name.lower() != "content-type"}
    return refusal(refused.status, why, kept)


def busy(why: str, after_s: int = BUSY_S) -> web.Response:
    """A request that may come again later."""
    return refusal(503, f"{why}: try again in {after_s} s", {"Retry-After": str(after_s)})


def unknown_keys(request: web.Request, *known: str) -> web.Response | None:
    """The refusal of a query that asks for what there is not; None: there is no such thing in it."""
    unknown = sorted(request.query.keys() - set(known))
    if not unknown:
        return None
    there = f"{' and '.join(known)} can be asked for" if known else "nothing can be asked for here"
    return refusal(400, f"{there}, not {', '.join(unknown)[:200]}")
