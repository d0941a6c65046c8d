"""The asynchronous client: one UDP socket per address family for all devices, no task and no descriptor per device.

A response is matched to its question by id (request id; msgID in SNMPv3) and source address. Each question takes a place on
the socket, so that a burst of replies always fits into the receive buffer; further questions wait in order. One that has
been out for a quarter of a second is no longer part of a burst and gives its place up, so that silent devices never hold up
the others.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, Protocol, Self

from netmon.snmp import message, usm, v3
from netmon.snmp.ber import Tag
from netmon.snmp.columns import read_rows
from netmon.snmp.errors import LocalFailure, Malformed, Refused
from netmon.snmp.lane import Lane
from netmon.snmp.message import Community, Opened, Request
from netmon.snmp.places import Pace
from netmon.snmp.question import Question, Response, Told
from netmon.snmp.target import Target, endpoint
from netmon.snmp.usm import Usm
from netmon.snmp.v3 import Engine, Envelope, Scoped
from netmon.snmp.wheel import Wheel

Event = Literal["request", "retry", "timeout", "late", "source", "malformed"]
"""What the client counts: datagrams sent, those that were retries, questions without an answer, and strays by reason."""

_FIRST_ID, _LAST_ID = 1 << 24, (1 << 31) - 1  # four octets on the wire, positive


class Asker(Protocol):
    """What asks agents: the client of either engine."""

    async def ask(self, target: Target, request: Request, deadline: float = inf) -> Response:
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

    `on_event` is told everything that `stats` counts, as it happens. `requests_per_s` holds for all agents together.
    """

    def __init__(self, on_event: Callable[[Event], None] | None = None, requests_per_s: float = inf) -> None:
        self.stats = Stats()
        self.loop = asyncio.get_running_loop()
        self.wheel = Wheel(self.loop)
        self.pending: dict[int, Question] = {}
        self.under_way: dict[tuple[str, int], set[Question]] = {}  # by peer: what tells of one looks at no other's questions
        self._on_event = on_event
        self.pace = Pace(requests_per_s, burst=200)
        self._lanes: dict[int, Lane] = {}
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
        for question in list(self.pending.values()):
            question.fail(LocalFailure("The SNMP client was closed while a request was under way."))
        self.wheel.close()

    def drops(self) -> int:
        """Datagrams that the kernel threw away since the start because a receive buffer was full."""
        return sum(lane.drops() for lane in self._lanes.values())

    async def ask(self, target: Target, request: Request, deadline: float = inf) -> Response:
        """The agent's response, whatever its error status. `deadline` is in monotonic seconds.

        Silent when nothing came, and Late when only the deadline ended the wait; Refused when the port is closed, only a
        foreign address answered, or an SNMPv3 engine says why it will not; Malformed when only garbage came; LocalFailure
        when it could not be sent; Unsupported for GETBULK in v1.
        """
        if not target.places.take():
            await _by(deadline, target.places.wait(), target, request)
        try:
            now = time.monotonic()
            pause_s = max(target.pace.wait_s(now), self.pace.wait_s(now))
            if now + pause_s > deadline:
                raise _unasked(target, request)  # and takes no turn from those who can still use it
            target.pace.take(now)
            self.pace.take(now)
            if pause_s:
                await _by(deadline, asyncio.sleep(pause_s), target, request)
            lane = self._lane(target)
            if not lane.places.take():
                await _by(deadline, lane.places.wait(), target, request)
            question = Question(self, lane, target, request, deadline)
            try:
                question.attempt()
                return await question.answer
            finally:
                question.end()
                if question.answer.done() and not question.answer.cancelled():
                    question.answer.exception()  # seen, even when the asker was cancelled at this very moment
        finally:
            target.places.leave()

    def _lane(self, target: Target) -> Lane:
        if self._closed:
            raise LocalFailure("The SNMP client is closed.")
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        lane = self._lanes.get(family)
        if lane is None:
            try:
                lane = self._lanes[family] = Lane(self.loop, family, self._received, self._unreachable)
            except OSError as error:
                raise LocalFailure(f"No UDP socket could be opened: {error.strerror}.") from error
        return lane

    def count(self, event: Event) -> None:
        """Counts what happened, and tells whoever wants to know."""
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

    def new_id(self) -> int:
        """An id for a datagram: four octets on the wire, not used for a long time."""
        request_id = self._next_id
        self._next_id = request_id + 1 if request_id < _LAST_ID else _FIRST_ID
        return request_id

    # --- what is written and read -------------------------------------------------------------------------------------

    def write(self, target: Target, request: Request, request_id: int, now: float) -> bytes:
        """The datagram of one attempt; a discovery while the agent's SNMPv3 engine is not known."""
        credential, engine = target.credential, target.engine
        if isinstance(credential, Community):
            return message.encode_request(request, credential, request_id)
        if engine is None:
            return v3.encode_discovery(request_id)
        keys = usm.keys(credential, engine.id) if credential.auth_protocol else None
        return v3.encode_message(request, credential, keys, engine.id, *engine.now(now), request_id)

    def _read(self, question: Question, opened: Opened) -> Response:
        """A Response whose id and source fit."""
        request = question.request
        values = message.read_values(opened, request.names) if request.pdu == Tag.GET else None
        rows = read_rows(opened, request.columns) if request.columns else None
        body = opened if values is not None or rows is not None else message.read_varbinds(opened)
        if not isinstance(body, Opened) and tuple(varbind.oid for varbind in body) == request.oids:
            values = [varbind.value for varbind in body]  # the same names, written in a longer way
        return Response(body, values, opened.error_status, opened.error_index, len(opened.data), rows)

    def _read_v3(self, question: Question, data: bytes, envelope: Envelope, received: float) -> Response | Told:
        """A message of SNMPv3 whose msgID and source fit; Malformed when its security does not."""
        credential, engine = question.target.credential, question.engine
        if not isinstance(credential, Usm):
            raise Malformed("A message of SNMPv3 came where a community is spoken.")
        keys = self._keys(credential, engine.id) if engine is not None else None
        signed = bool(envelope.flags & usm.AUTH)
        if signed and (keys is None or not v3.authentic(data, envelope, keys)):
            raise Malformed("The message is not signed with the user's key.")
        scoped = v3.scoped(data, envelope, keys)
        opened = message.open_pdu(scoped.data, scoped.at, scoped.end)
        answers = scoped.pdu == Tag.RESPONSE and engine is not None
        if scoped.pdu not in (Tag.RESPONSE, Tag.REPORT):
            raise Malformed(f"A PDU with tag 0x{scoped.pdu:02x} came where 0x{Tag.RESPONSE:02x} was due.")
        if answers and engine is not None:
            v3.check_answer(envelope, scoped, credential, engine.id)
            if opened.request_id != envelope.msg_id:
                raise Malformed(f"The answer is to the request {opened.request_id} inside, {envelope.msg_id} outside.")
        response = self._read_scoped(question, data, envelope, scoped, opened)
        if engine is not None and signed and envelope.engine_id == engine.id:
            # Fresh, for it names a msgID of ours that is open: nothing older than the question can.
            engine.boots, engine.time, engine.at = envelope.boots, envelope.time, received
        if not answers:
            names = [varbind.oid for varbind in response.varbinds]
            told = Engine(envelope.engine_id, envelope.boots, envelope.time, received)
            return Told(v3.REPORTS.get(names[0]) if names else None, signed, told)
        response.engine_boots, response.octets = envelope.boots, len(data)
        return response

    def _keys(self, credential: Usm, engine_id: bytes) -> usm.Keys:
        return usm.keys(credential, engine_id)

    def _read_scoped(self, question: Question, data: bytes, envelope: Envelope, scoped: Scoped, opened: Opened) -> Response:
        """A Response or Report that was taken out of its envelope."""
        return self._read(question, opened)

    def _received(self, data: bytes, source: tuple[Any, ...]) -> None:
        """Read a datagram, whoever sent it."""
        received = time.monotonic()
        try:
            head = v3.open_envelope(data) if message.version_of(data) == message.V3 else message.open_response(data)
        except Malformed as error:
            self._garbage(error, source)
            return
        request_id = head.request_id if isinstance(head, Opened) else head.msg_id
        question = self._asked(request_id, source)
        if question is None:
            return
        try:
            if isinstance(head, Envelope):
                heard = self._read_v3(question, data, head, received)
            elif isinstance(question.target.credential, Community):
                heard = self._read(question, head)
            else:
                raise Malformed("A message of v1 or v2c came where SNMPv3 is spoken.")
        except Malformed as error:
            self.count("malformed")
            question.malformed = error
            return
        if isinstance(heard, Response):
            question.succeed(request_id, heard, received)
        else:
            question.hear(heard)

    def _garbage(self, error: Malformed, source: tuple[Any, ...]) -> None:
        self.count("malformed")
        for asked in self._of_peer(source):
            asked.malformed = error

    def _asked(self, request_id: int, source: tuple[Any, ...]) -> Question | None:
        """The question that may be answered with this id from this source; None, and counted, when there is none."""
        question = self.pending.get(request_id)
        if question is None:
            self.count("late")
            return None
        if not question.target.takes_from(source):
            self.count("source")
            question.foreign = endpoint(source)
            return None
        return question

    def _unreachable(self, quoted: bytes, peer: tuple[Any, ...], closed_by: str, what: str) -> None:
        """An ICMP error came for the datagram that it quotes, if it quotes enough; else for whatever went to that peer.

        Only a closed port of the agent's own host ends the question: that host is alive. A port unreachable from anybody
        else is a firewall's rejection, and any other error may be a router's passing trouble: both are waited out.
        """
        request_id = message.request_id_of(quoted)
        if request_id is not None:
            asked = self.pending.get(request_id)
            questions = [asked] if asked is not None else []
        else:
            questions = self._of_peer(peer)
        for question in questions:
            if closed_by and closed_by in (question.target.peer[0], *question.target.also_from):
                question.fail(Refused(f"{question.target} refused {question.request}: {what}."))
            else:
                question.hint = what

    def _of_peer(self, peer: tuple[Any, ...]) -> list[Question]:
        return list(self.under_way.get(peer[:2], ()))


async def _by(deadline: float, wait: Awaitable[None], target: Target, request: Request) -> None:
    """Waits, no longer than the deadline allows."""
    try:
        async with asyncio.timeout_at(None if deadline == inf else deadline):  # the loop's clock is the monotonic one
            await wait
    except TimeoutError:
        raise _unasked(target, request) from None


def _unasked(target: Target, request: Request) -> LocalFailure:
    return LocalFailure(f"{target} could not be asked {request} before the deadline came: netmon asks too much at once.")
