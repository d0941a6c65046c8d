"""What comes from those who are not meant: requests that are none, and pages of other names that ask this machine.

A page whose name is made to resolve to 127.0.0.1 (DNS rebinding) is of the same origin as the listener for the browser. The
Host that it asks for tells it apart.
"""

from __future__ import annotations

import logging
from asyncio import InvalidStateError
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from netmon.web import telling

log = structlog.get_logger(__name__)

QUIET_S = 60.0
"""Between two lines about the same kind of trouble; what comes meanwhile is counted in the next."""

MISDIRECTED = "netmon listens on loopback and answers to localhost and loopback addresses only, by no other Host"


def is_loopback(host: str) -> bool:
    """Whether a Host header, or an address, is this machine itself: localhost, 127.0.0.0/8 or ::1, with or without port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def only_loopback(guarded: Callable[[], bool]) -> Middleware:
    """A middleware that answers 421 to any other Host while `guarded()`. One that sends none is no browser."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if guarded() and not is_loopback(request.headers.get("Host", "localhost")):
            if telling.is_program(request):
                return telling.refusal(421, MISDIRECTED)
            return web.Response(text=f"{MISDIRECTED}\n", status=421)
        return await handler(request)

    return answer


class Complaints(logging.Handler):
    """Takes what the server complains about and says it to structlog, counted: malformed requests in one short line, for
    their text is a stranger's; a request that failed here with its traceback. While `stopping`, the server may trip over a
    request that ends in the moment in which it gives up waiting for it (InvalidStateError): that is no failure."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self.stopping = False
        self._count = {"malformed": 0, "failed": 0}
        self._quiet_until = dict.fromkeys(self._count, 0.0)

    def logger(self) -> logging.Logger:
        """A logger of its own, outside of the tree that all modules share."""
        logger = logging.Logger("netmon.web", logging.DEBUG)
        logger.addHandler(self)
        return logger

    def emit(self, record: logging.LogRecord) -> None:
        """One complaint."""
        error = record.exc_info[1] if record.exc_info else None
        if self.stopping and isinstance(error, InvalidStateError):
            return
        kind = "malformed" if isinstance(error, HttpProcessingError) else "failed"
        self._count[kind] += 1
        if self._clock() < self._quiet_until[kind]:
            return
        self._quiet_until[kind] = self._clock() + QUIET_S
        count, self._count[kind] = self._count[kind], 0
        if kind == "malformed":
            log.info("malformed requests refused", count=count, last=type(error).__name__)
        else:
            log.error("requests failed", count=count, said=record.getMessage(), exc_info=error)

    def close(self) -> None:
        """Says what is counted and not told yet."""
        for kind, count in self._count.items():
            if count:
                log.info(f"{kind} requests since the last line", count=count)
                self._count[kind] = 0
        super().close()
