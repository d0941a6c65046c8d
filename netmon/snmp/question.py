"""A question under way: its attempts, its patience, and what came instead of an answer.

    discover ──Report: unknownEngineID──> ask ──Response──> answered
        └────────────<──unknownEngineID──┘ └──Report: notInTimeWindow──> ask again, once

Only SNMPv3 discovers, and only an engine that is not known. What these two Reports bring is learned silently; any other, or
the same again, is a refusal.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netmon.snmp.ber import Value
from netmon.snmp.columns import Rows
from netmon.snmp.errors import Late, LocalFailure, Malformed, Refused, Silent, SnmpError
from netmon.snmp.lane import Lane
from netmon.snmp.message import Opened, Request, VarBind, read_varbinds
from netmon.snmp.target import Credential, Target
from netmon.snmp.usm import Usm
from netmon.snmp.v3 import Engine, Report, explain
from netmon.snmp.wheel import TICK_S

if TYPE_CHECKING:
    from netmon.snmp.client import Client

BURST_S = 0.25
"""A question that has been out for so long is no longer part of a burst, and gives its place on the lane up."""

_SEND_AGAIN_S = 0.005
_STALLED_S = 2 * TICK_S  # a timer that comes so late tells of our own loop, not of the agent
_ENGINES_AT_MOST = 2  # engine ids that one question may learn: a device may have got another one since the last


@dataclass(slots=True)
class Response:
    """An answer. `values` are those of the names asked, in their order; None when it holds other names, as all but a GET's
    do. `octets` are those of the whole message. `sent` (of the attempt that it answers) and `received` are monotonic
    seconds. `engine_boots` is told by SNMPv3. `rows` are those that a walk asked for."""

    body: Opened | list[VarBind]
    values: list[Value] | None
    error_status: int
    error_index: int
    octets: int
    rows: Rows | None = None
    engine_boots: int | None = None
    sent: float = 0.0
    received: float = 0.0
    attempts: int = 0

    @property
    def varbinds(self) -> list[VarBind]:
        """Names and values as the agent sent them."""
        if isinstance(self.body, Opened):
            self.body = read_varbinds(self.body)
        return self.body


class Told(NamedTuple):
    """A Report, and whether it is signed; `report` is None for one that no standard knows. Of whatever answers a discovery
    only the engine counts."""

    report: Report | None
    authentic: bool
    engine: Engine


class Question:
    """One `ask` under way."""

    __slots__ = (
        "answer",
        "attempts",
        "client",
        "counted",
        "deadline",
        "due",
        "engine",
        "foreign",
        "hint",
        "lane",
        "learned",
        "malformed",
        "placed",
        "request",
        "resynced",
        "sent",
        "started",
        "target",
        "until",
    )

    def __init__(self, client: Client, lane: Lane, target: Target, request: Request, deadline: float) -> None:
        self.client = client
        self.lane = lane
        self.target = target
        self.request = request
        self.deadline = deadline
        self.answer: asyncio.Future[Response] = client.loop.create_future()
        self.sent: dict[int, float] = {}  # when each datagram left, by its id
        self.started = time.monotonic()
        self.attempts = 0
        self.counted = False  # whether a datagram left
        self.until = 0.0  # when the patience of this attempt ends
        self.due = 0
        self.placed = True
        self.engine = target.engine  # whom the last datagram asked, in SNMPv3; None: who it is
        self.learned = 0  # engine ids, and whether the engine's time was
        self.resynced = False
        self.foreign = ""
        self.hint = ""
        self.malformed: Malformed | None = None

    def attempt(self) -> None:
        """The first attempt, or the next one."""
        self.client.under_way.setdefault(self.target.peer, set()).add(self)
        self.attempts += 1
        self._send()

    def _send(self) -> None:
        """One datagram, with an id of its own: the request, or to an engine that is not known the question who it is."""
        client, target = self.client, self.target
        request_id = client.new_id()
        now = time.monotonic()
        if self.engine is not target.engine:
            self._forget()
            self.engine = target.engine
        try:
            datagram = client.write(target, self.request, request_id, now)
            client.pending[request_id] = self
            self.sent[request_id] = now
            went = self.lane.send(datagram, (target.address, target.port))
        except SnmpError as error:
            self.fail(error)
            return
        except OSError as error:
            target.engine = None
            self.fail(LocalFailure(f"{self.request} could not be sent to {target}: {error.strerror or error}."))
            return
        except Exception as error:  # noqa: BLE001 - a bug of ours, which a timer would keep from whoever waits
            target.engine = None
            self.fail(error)
            return
        if self.answer.done():
            return  # the error queue, read on the way, held the end of this question
        if not went:
            del client.pending[request_id], self.sent[request_id]
            if now - self.started > target.timeout_s * (target.retries + 1):
                self.fail(LocalFailure(f"{self.request} could not be sent to {target}: the send buffer stays full."))
            else:
                client.loop.call_later(_SEND_AGAIN_S, self._send_unless_ended)
            return
        client.count("request")
        if self.counted:
            target.pace.take(now)  # the first one has its turn already
            client.pace.take(now)
        self.counted = True
        if self.attempts > 1:
            client.count("retry")
        self.until = min(now + target.patience_s(self.attempts), self.deadline)
        client.wheel.put(self, min(self.until, now + BURST_S) if self.placed else self.until)

    def _send_unless_ended(self) -> None:
        if not self.answer.done():
            self._send()

    def ring(self) -> None:
        """The burst is over, or patience is."""
        self._leave_place()
        now = self.client.loop.time()
        if now - self.until > _STALLED_S:
            self.lane.readable()  # netmon was busy: the answer may be here
            if self.answer.done():
                return
        if now < self.until:
            self.client.wheel.put(self, self.until)
        elif now >= self.deadline:
            self.fail(Late(f"{self.target} had not answered {self.request} when the deadline came."))
        elif self.attempts <= self.target.retries:
            self.attempt()
        else:
            self.client.count("timeout")
            self.fail(self._verdict())

    def succeed(self, request_id: int, response: Response, received: float) -> None:
        """The attempt with this id is answered."""
        if not self.answer.done():
            response.sent, response.received = self.sent[request_id], received
            response.attempts = self.attempts
            self.target.took(received - response.sent)
            self.answer.set_result(response)
        self.end()

    def hear(self, told: Told) -> None:
        """The agent's engine answered with a Report."""
        target, discovering = self.target, self.engine is None
        if (discovering or told.report is Report.UNKNOWN_ENGINE_ID) and told.engine.id and self.learned < _ENGINES_AT_MOST:
            self.learned += 1
            target.engine = told.engine
            self._send()
        elif told.report is Report.NOT_IN_TIME_WINDOW and told.authentic and not self.resynced:
            self.resynced = True
            self._forget()
            self._send()
        else:
            assert isinstance(target.credential, Usm)
            if told.report in (Report.UNKNOWN_ENGINE_ID, Report.NOT_IN_TIME_WINDOW):
                target.engine = None
            self.fail(Refused(explain(told.report, target.credential, str(target))))

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
        self.end()

    def end(self) -> None:
        """Forget the question, answered or cancelled; what comes for it from now on is late."""
        self._forget()
        self.due = 0
        self._leave_place()
        under_way, peer = self.client.under_way, self.target.peer
        if (those := under_way.get(peer)) is not None:
            those.discard(self)
            if not those:
                del under_way[peer]

    def _forget(self) -> None:
        """What was sent up to now, for good: a Report that comes late to it tells what was learned since."""
        pending = self.client.pending
        for request_id in self.sent:
            pending.pop(request_id, None)
        self.sent.clear()

    def _leave_place(self) -> None:
        if self.placed:
            self.placed = False
            self.lane.places.leave()

    def _verdict(self) -> SnmpError:
        """Why there is no answer, from what came instead of one."""
        target, request = self.target, self.request
        # What was known of the engine may be why it is silent; and if it is down, who it is must be asked anew anyway.
        target.engine = None
        if self.foreign:
            return Refused(
                f"{target} was asked {request}, but {self.foreign} answered; "
                "list that address under also_from if it is the device's own."
            )
        if self.malformed is not None:
            return Malformed(f"{target} answered {request} with no SNMP message: {self.malformed}")
        times = f"{self.attempts} attempts" if self.attempts != 1 else "1 attempt"
        seconds = time.monotonic() - self.started
        if self.learned:
            what = f"{target} tells its SNMPv3 engine id but did not answer {request} ({times} in {seconds:.1f} s)"
            return Refused(f"{what}{_suspicion(target.credential)}.")
        hint = f"; {self.hint}" if self.hint else ""
        return Silent(f"{target} did not answer {request}: {times} in {seconds:.1f} s{hint}.")


def _suspicion(credential: Credential) -> str:
    """What is probably wrong when an engine tells who it is and nothing more. net-snmp, for one, says nothing of what it
    cannot decrypt, nor of a context that it does not have."""
    if not isinstance(credential, Usm):
        return ""
    context = f"it may not have the context {credential.context!r}" if credential.context else ""
    privacy = "privacy key or protocol probably wrong" if credential.priv_protocol else ""
    suspected = ", or ".join(filter(None, (privacy, context)))
    return f": {suspected}" if suspected else ""
