"""Server-sent events (WHATWG HTML, 9.2): the wallboard once, then what changes in it.

One look and one encoding serve all listeners, and nobody looks while nobody listens. Each listener has a few events waiting;
one that cannot follow gets the whole board anew when it takes something again, and one that takes nothing is dropped.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from aiohttp import web

from netmon.web import telling
from netmon.web.board import Board

LOOK_EVERY_S = 2.0
ALIVE_EVERY_S = 5.0
PATIENCE_S = 20.0
"""So long a listener may take nothing: longer than ALIVE_EVERY_S, for then there is always something to be taken."""
LISTENERS_AT_MOST = 64
WAITING_AT_MOST = 8
"""Events that wait for a listener, before they are replaced by the whole board."""
COME_AGAIN_S = 10
RETRY_MS = 2000

SEND_BUFFER = 256 * 2**10
"""Octets that the system keeps of what one listener has not taken: it would keep megabytes for each."""
GONE_MS = 30_000
"""A listener whose machine acknowledges nothing for so long is gone; the system itself would wait a quarter of an hour."""

_ACKNOWLEDGED = 120
"""Where Linux tells in its TCP_INFO how many octets the other side has acknowledged (tcpi_bytes_acked), as 64 bits."""


class _Listener:
    """One who listens: what waits for it, and whether that is to be the whole board. `taken_at`: when it last was seen to
    take something."""

    def __init__(self, transport: asyncio.Transport | None, now: float) -> None:
        self._transport = transport
        self._taken = 0
        self.taken_at = now
        self.waiting: deque[bytes] = deque()
        self.whole = True
        self.over = False
        self.failure: BaseException | None = None
        self.woken = asyncio.Event()

    def offer(self, event: bytes) -> None:
        if len(self.waiting) == WAITING_AT_MOST:
            self.waiting.clear()
            self.whole = True
        if not self.whole:
            self.waiting.append(event)
        self.woken.set()

    def look(self, now: float) -> None:
        """Sees whether it took something. The system takes what is sent long before the other side does."""
        with suppress(OSError):  # it is gone already
            taken = _acknowledged(self._transport)
            if taken != self._taken:
                self._taken, self.taken_at = taken, now

    def drop(self) -> None:
        """No more is told, and what it has not taken is given up."""
        self.end()
        if self._transport is not None:
            self._transport.abort()

    def end(self, failure: BaseException | None = None) -> None:
        """No more is told. What was sent and not taken would hold that up, so it is given up."""
        self.over, self.failure = True, failure or self.failure
        self.woken.set()
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()


class Stream:
    """Tells all who listen what `facts` are, looked at no oftener than every `look_every_s`."""

    def __init__(
        self,
        facts: Callable[[], Mapping[str, Any]],
        *,
        look_every_s: float = LOOK_EVERY_S,
        alive_every_s: float = ALIVE_EVERY_S,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._facts = facts
        self._look_every_s = look_every_s
        self._alive_every_s = alive_every_s
        self._patience_s = patience_s
        self._clock = clock
        self._listeners: set[_Listener] = set()
        self._board: Board | None = None
        self._looked = 0.0
        self._watching: asyncio.Task[None] | None = None
        self._stopped = False

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Adds the path. What never ends has no head to be asked for alone."""
        router.add_get("/api/v1/stream", self._answer, allow_head=False)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def stop(self) -> None:
        """Tells all listeners that it is over; they come again by themselves."""
        self._stopped = True
        self.end_all()

    def end_all(self, failure: BaseException | None = None) -> None:
        """Ends what is being told to all, because of a failure or for them to come again."""
        for listener in self._listeners:
            listener.end(failure)
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if refused := telling.unknown_keys(request):
            return refused
        if self._stopped or len(self._listeners) >= LISTENERS_AT_MOST:
            return telling.busy("too many listen already", COME_AGAIN_S)
        if self._watching is None:
            self.board()
        # No proxy between may keep events back to send them together.
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        listener = _Listener(request.transport, self._clock())
        self._listeners.add(listener)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
            self._watching.add_done_callback(self._watched)
        try:
            with suppress(ConnectionError, TimeoutError):  # whoever listened went away, or sleeps: no fault of ours
                _bound(request)
                await response.prepare(request)
                await self._tell(listener, response)
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self.end_all()
        if failure := listener.failure:
            raise failure
        return response

    async def _tell(self, listener: _Listener, response: web.StreamResponse) -> None:
        try:
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            while not listener.over:
                if listener.whole:
                    listener.whole = False
                    listener.waiting.clear()
                    await response.write(self._whole())
                elif listener.waiting:
                    await response.write(listener.waiting.popleft())
                else:
                    listener.woken.clear()
                    await listener.woken.wait()
        finally:
            listener.end()

    # --- one look for all ---------------------------------------------------------------------------------------------

    def board(self) -> Board:
        """The wallboard, which for a moment is the same for all who ask."""
        if self._board is None or self._clock() - self._looked >= self._look_every_s:
            self._look()
        assert self._board is not None
        return self._board

    def _look(self) -> None:
        now = self._clock()
        before, self._board = self._board, Board(self._facts())
        self._looked = now
        if before is None or before.revision == self._board.revision:
            return
        changes = self._board.since(before)
        event = None if changes is None else _event("changes", changes)
        for listener in self._listeners:
            if event is None:
                listener.whole = True
                listener.woken.set()
            else:
                listener.offer(event)

    def _whole(self) -> bytes:
        assert self._board is not None
        return _event("wallboard", self._board.text(self._now()))

    def _now(self) -> float:
        assert self._board is not None
        return self._board.time + self._clock() - self._looked

    async def _watch(self) -> None:
        """Looks, and says that it does, until nobody listens."""
        alive = self._clock() + self._alive_every_s
        while True:
            await asyncio.sleep(max(0.0, min(self._looked + self._look_every_s, alive) - self._clock()))
            if self._clock() >= self._looked + self._look_every_s:
                self._look()
            for listener in self._listeners:
                listener.look(self._clock())
                if self._clock() - listener.taken_at > self._patience_s:
                    listener.drop()
            if self._clock() >= alive:
                alive = self._clock() + self._alive_every_s
                event = _event("alive", telling.dumps({"time": self._now()}))
                for listener in self._listeners:
                    listener.offer(event)

    def _watched(self, watching: asyncio.Task[None]) -> None:
        """Whoever listens shall not take silence for calm: where the looking failed, each answer fails with it, and is told
        in the log."""
        if not watching.cancelled():
            self._watching, self._board = None, None
            self.end_all(watching.exception())


def _bound(request: web.Request) -> None:
    """Lets the system keep little for a listener, and notice soon that it is gone."""
    connection = request.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_MS)


def _acknowledged(transport: asyncio.Transport | None) -> int:
    """How many octets the other side has. OSError: there is no connection any more."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is None:
        raise OSError("no connection")
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED + 8)
    return int.from_bytes(info[_ACKNOWLEDGED:], sys.byteorder)


def _event(name: str, data: str) -> bytes:
    return telling.octets(f"event: {name}\ndata: {data}\n\n")
