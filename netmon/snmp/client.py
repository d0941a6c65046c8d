"""The asynchronous client: one UDP socket per address family for all devices, no task and no descriptor per device.

A response is matched to its question by request id and source address. Each question takes a place on the socket, so that a
burst of replies always fits into the receive buffer; further questions wait in order. One that has been out for a quarter
of a second is no longer part of a burst and gives its place up, so that silent devices never hold up the others.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, NamedTuple, Protocol, Self

from netmon.snmp.errors import LocalFailure, Malformed, Refused, Silent, SnmpError, Unsupported
from netmon.snmp.lane import Lane
from netmon.snmp.message import (
    Community,
    Credential,
    Request,
    Usm,
    VarBind,
    decode_response,
    encode_request,
    request_id_of,
)

Event = Literal["request", "retry", "timeout", "late", "source", "malformed"]
"""What the client counts: datagrams sent, those that were retries, questions without an answer, and strays by reason."""

_FIRST_ID, _LAST_ID = 1 << 24, (1 << 31) - 1  # four octets on the wire, positive
_BURST_S = 0.25
_SEND_AGAIN_S = 0.005


def _canonical(address: str) -> str:
    """An address as the kernel writes it. ValueError for names."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(parsed)


@dataclass(frozen=True, slots=True)
class Target:
    """An agent and how to speak to it. Each attempt waits `timeout_s`; there are `retries` further attempts.

    `also_from` holds further addresses from which its answers may come. Addresses only: a host name is a ValueError.
    """

    address: str
    port: int
    credential: Credential
    timeout_s: float
    retries: int
    also_from: frozenset[str] = frozenset()
    peer: tuple[str, int] = field(init=False, repr=False, compare=False)
    """Address and port as the kernel reports them for what comes back: a link-local address without its zone."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", _canonical(self.address))
        object.__setattr__(self, "also_from", frozenset(map(_canonical, self.also_from)))
        object.__setattr__(self, "peer", (self.address.partition("%")[0], self.port))

    def __str__(self) -> str:
        return _endpoint((self.address, self.port))


def _endpoint(peer: tuple[Any, ...]) -> str:
    return f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"


class Response(NamedTuple):
    """An answer. `sent` (of the attempt that it answers) and `received` are monotonic seconds."""

    varbinds: list[VarBind]
    error_status: int
    error_index: int
    sent: float
    received: float
    attempts: int


class Asker(Protocol):
    """What asks agents: the client of either engine."""

    async def ask(self, target: Target, request: Request) -> Response:
        """The agent's response, whatever its error status; SnmpError as `Client.ask` says."""
        ...


@dataclass(slots=True)
class Stats:
    """What a client has counted since it was opened. `strays`: late, source, malformed."""

    requests: int = 0
    retries: int = 0
    timeouts: int = 0
    strays: dict[str, int] = field(default_factory=lambda: {"late": 0, "source": 0, "malformed": 0})


class Client:
    """Asks agents. Open it in a running loop: `async with Client() as client`, or `await Client.open()` and `close()`.

    `on_event` is told everything that `stats` counts, as it happens.
    """

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        self.stats = Stats()
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[int, Lane] = {}
        self._pending: dict[int, _Question] = {}
        self._next_id = random.SystemRandom().randint(_FIRST_ID, _LAST_ID)
        self._closed = False

    @classmethod
    async def open(cls, on_event: Callable[[Event], None] | None = None) -> Self:
        """A client that is ready to ask. Sockets are opened when first needed."""
        return cls(on_event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the sockets; questions under way and in wait end with LocalFailure."""
        self._closed = True
        for lane in self._lanes.values():
            lane.close()
        for question in list(self._pending.values()):
            question.fail(LocalFailure("The SNMP client was closed while a request was under way."))
        self._lanes.clear()

    async def ask(self, target: Target, request: Request) -> Response:
        """The agent's response, whatever its error status.

        Silent when nothing came, Refused when the port is closed or only a foreign address answered, Malformed when only
        garbage came, LocalFailure when it could not be sent, Unsupported for SNMPv3 and for GETBULK in v1.
        """
        credential = target.credential
        if isinstance(credential, Usm):
            raise Unsupported(f"{target} is to be asked over SNMPv3, which this client does not speak yet.")
        lane = self._lane(target)
        await lane.take_place()
        question = _Question(self, lane, target, request, credential)
        try:
            question.attempt()
            return await question.answer
        finally:
            question.end()
            if question.answer.done() and not question.answer.cancelled():
                question.answer.exception()  # seen, even when the asker was cancelled at this very moment

    def _lane(self, target: Target) -> Lane:
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        lane = self._lanes.get(family)
        if lane is None:
            if self._closed:
                raise LocalFailure("The SNMP client is closed.")
            try:
                lane = self._lanes[family] = Lane(self._loop, family, self._received, self._unreachable)
            except OSError as error:
                raise LocalFailure(f"No UDP socket could be opened: {error.strerror}.") from error
        return lane

    def _count(self, event: Event) -> None:
        stats = self.stats
        if event == "request":
            stats.requests += 1
        elif event == "retry":
            stats.retries += 1
        elif event == "timeout":
            stats.timeouts += 1
        else:
            stats.strays[event] += 1
        if self._on_event is not None:
            self._on_event(event)

    def _new_id(self) -> int:
        request_id = self._next_id
        self._next_id = request_id + 1 if request_id < _LAST_ID else _FIRST_ID
        return request_id

    def _encode(self, request: Request, community: Community, request_id: int) -> bytes:
        """The datagram of one attempt."""
        return encode_request(request, community, request_id)

    def _received(self, data: bytes, source: tuple[Any, ...]) -> None:
        """Read a datagram, whoever sent it."""
        try:
            request_id, error_status, error_index, varbinds = decode_response(data)
        except Malformed as error:
            self._garbage(error, source)
            return
        question = self._asked(request_id, source)
        if question is not None:
            question.succeed(request_id, error_status, error_index, varbinds, time.monotonic())

    def _garbage(self, error: Malformed, source: tuple[Any, ...]) -> None:
        self._count("malformed")
        for asked in self._of_peer(source):
            asked.malformed = error

    def _asked(self, request_id: int, source: tuple[Any, ...]) -> _Question | None:
        """The question that may be answered with this id from this source; None, and counted, when there is none."""
        question = self._pending.get(request_id)
        if question is None:
            self._count("late")
            return None
        target = question.target
        if source[:2] != target.peer and not (source[0] in target.also_from and source[1] == target.port):
            self._count("source")
            question.foreign = _endpoint(source)
            return None
        return question

    def _unreachable(self, quoted: bytes, peer: tuple[Any, ...], closed_by: str, what: str) -> None:
        """An ICMP error came for the datagram that it quotes, if it quotes enough; else for whatever went to that peer.

        Only a closed port of the agent's own host ends the question: that host is alive. A port unreachable from anybody
        else is a firewall's rejection, and any other error may be a router's passing trouble: both are waited out.
        """
        request_id = request_id_of(quoted)
        if request_id is not None:
            asked = self._pending.get(request_id)
            questions = [asked] if asked is not None else []
        else:
            questions = self._of_peer(peer)
        for question in questions:
            if closed_by and closed_by in (question.target.address, *question.target.also_from):
                question.fail(Refused(f"{question.target} refused {question.request}: {what}."))
            else:
                question.hint = what

    def _of_peer(self, peer: tuple[Any, ...]) -> list[_Question]:
        return [question for question in set(self._pending.values()) if question.target.peer == peer[:2]]


class _Question:
    """One `ask` under way: its attempts, its timer, and what was seen that was no answer."""

    __slots__ = (
        "answer",
        "client",
        "credential",
        "foreign",
        "hint",
        "lane",
        "malformed",
        "placed",
        "request",
        "sent",
        "started",
        "target",
        "timer",
    )

    def __init__(self, client: Client, lane: Lane, target: Target, request: Request, credential: Community) -> None:
        self.client = client
        self.lane = lane
        self.target = target
        self.request = request
        self.credential = credential
        self.answer: asyncio.Future[Response] = client._loop.create_future()
        self.sent: dict[int, float] = {}  # when each attempt left, by its request id
        self.timer: asyncio.TimerHandle | None = None
        self.started = time.monotonic()
        self.foreign = ""
        self.hint = ""
        self.malformed: Malformed | None = None
        self.placed = True

    def attempt(self) -> None:
        """Send once, with an id of its own, and start the clock. Raises or fails with SnmpError."""
        client, target = self.client, self.target
        request_id = client._new_id()
        datagram = client._encode(self.request, self.credential, request_id)
        client._pending[request_id] = self
        self.sent[request_id] = now = time.monotonic()
        try:
            went = self.lane.send(datagram, (target.address, target.port))
        except OSError as error:
            self.fail(LocalFailure(f"{self.request} could not be sent to {target}: {error.strerror or error}."))
            return
        if self.answer.done():
            return  # the error queue, read on the way, held the end of this question
        if not went:
            del client._pending[request_id], self.sent[request_id]
            if now - self.started > target.timeout_s * (target.retries + 1):
                self.fail(LocalFailure(f"{self.request} could not be sent to {target}: the send buffer stays full."))
            else:
                self.timer = client._loop.call_later(_SEND_AGAIN_S, self.attempt)
            return
        client._count("request")
        if len(self.sent) > 1:
            client._count("retry")
        if self.placed and target.timeout_s > _BURST_S:
            self.timer = client._loop.call_later(_BURST_S, self.past_the_burst)
        else:
            self.timer = client._loop.call_later(target.timeout_s, self.time_out)

    def past_the_burst(self) -> None:
        self.leave_place()
        self.timer = self.client._loop.call_later(self.target.timeout_s - _BURST_S, self.time_out)

    def time_out(self) -> None:
        if len(self.sent) <= self.target.retries:
            self.attempt()
            return
        self.client._count("timeout")
        self.fail(self.verdict())

    def verdict(self) -> SnmpError:
        """Why there is no answer, from what came instead of one."""
        target, request = self.target, self.request
        if self.foreign:
            return Refused(
                f"{target} was asked {request}, but {self.foreign} answered; "
                "list that address under also_from if it is the device's own."
            )
        if self.malformed is not None:
            return Malformed(f"{target} answered {request} with no SNMP message: {self.malformed}")
        times = f"{len(self.sent)} attempts" if len(self.sent) != 1 else "1 attempt"
        seconds = time.monotonic() - self.started
        hint = f"; {self.hint}" if self.hint else ""
        return Silent(f"{target} did not answer {request}: {times} in {seconds:.1f} s{hint}.")

    def succeed(
        self, request_id: int, error_status: int, error_index: int, varbinds: list[VarBind], received: float
    ) -> None:
        """The attempt with this id is answered."""
        if not self.answer.done():
            sent = self.sent[request_id]
            self.answer.set_result(Response(varbinds, error_status, error_index, sent, received, len(self.sent)))
        self.end()

    def fail(self, error: SnmpError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
        self.end()

    def end(self) -> None:
        """Forget the question, answered or cancelled; what comes for it from now on is late."""
        pending = self.client._pending
        for request_id in self.sent:
            pending.pop(request_id, None)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.leave_place()

    def leave_place(self) -> None:
        if self.placed:
            self.placed = False
            self.lane.leave_place()
