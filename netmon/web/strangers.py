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

from netmon.model import Meter
from netmon.web import telling
from netmon.web.access import Reason

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


def only_loopback(guarded: Callable[[], bool], meter: Meter) -> Middleware:
    """A middleware that answers 421 to any other Host while `guarded()`. One that sends none is no browser."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if guarded() and not is_loopback(request.headers.get("Host", "localhost")):
            meter.count("netmon_web_refused_total", reason=Reason.HOST)
            return telling.refused(request, 421, MISDIRECTED)
        return await handler(request)

    return answer


class Complaints(logging.Handler):
    """Takes what the server complains about and says it to structlog, counted: malformed requests in one short line, for
    their text is a stranger's; a request that failed here with its traceback. While `stopping`, the server may trip over a
    request that ends in the moment in which it gives up waiting for it (InvalidStateError): that is no failure."""

    def __init__(self, meter: Meter, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._meter = meter
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
        if isinstance(error, ConnectionError) or (self.stopping and isinstance(error, InvalidStateError)):
            return  # whoever asked went away
        kind = "malformed" if isinstance(error, HttpProcessingError) or _repeats(error) else "failed"
        self._count[kind] += 1
        if kind == "failed":
            self._meter.count("netmon_bugs_total", room="web")
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


def _repeats(error: BaseException | None) -> bool:
    """Whether the server failed to repeat an unknown Expect header that is no UTF-8: nothing of netmon's was called."""
    at = error.__traceback__ if isinstance(error, UnicodeEncodeError) else None
    while at is not None:
        if at.tb_frame.f_code.co_name == "_default_expect_handler":
            return True
        at = at.tb_next
    return False
