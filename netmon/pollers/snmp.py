"""Polls one device over SNMP: identify, discover, then GETs of a compiled plan only.

One request is in flight per device, unless its profile allows more. A poll has one deadline; what arrived before it is
kept, and `incomplete` names what was cut off. The device is discovered anew when it rebooted, when a row is not what it was,
and every hour.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol
from weakref import proxy

import structlog

from netmon.credential import Credential
from netmon.derive.counters import same_life
from netmon.model import At, Device, Epoch, Outcome, Poll, Readings, Series
from netmon.pollers.agent import FAILED, Agent, Unanswered
from netmon.pollers.discovery import Discovery
from netmon.profiles import (
    SYS_UPTIME,
    Batch,
    Odd,
    Plan,
    Profiles,
    Row,
    Taken,
    compile_plan,
)
from netmon.snmp import (
    GEN_ERR,
    TOO_BIG,
    Asker,
    Late,
    Request,
    RequestSize,
    Response,
    Silent,
    SnmpError,
    error_name,
    get_request,
)

log = structlog.get_logger(__name__)

REDISCOVER_S = 3600.0
REDISCOVER_SOON_S = 300.0
"""How soon a discovery is done again that was cut off, or that met an agent which had only just started: net-snmp, for one,
tells the load of its processors a minute later."""
EARLY_IN_A_ROW = 2
"""Polls one after the other that may discover before it is due, for what they read is not what was discovered: then it is
done every REDISCOVER_SOON_S at most, for a clock that stands or a name that changes is so at every poll."""
FAILURES_AT_ONCE = 16
"""Values that a poll may find out an agent fails at: what it asked before them is asked again each time."""

_UPTIME_ONLY = get_request([SYS_UPTIME])


def now() -> At:
    """This instant on both clocks."""
    return At(time.time(), time.monotonic())


class Ping(Protocol):
    """What the poller needs of a pinger: seconds of a round trip, None for silence; OSError when our side failed."""

    async def ping(self, address: str, timeout_s: float) -> float | None: ...


@dataclass(slots=True)
class _Run:
    """What one poll has brought so far. `faults` are sentences; `cut` and `unread` are what has not been read."""

    deadline: float
    at: At | None = None
    uptime: int | None = None
    taken: Taken = field(default_factory=Taken)
    faults: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    unread: list[Batch] = field(default_factory=list)
    lost: bool = False  # a request of a device that answers others: it is counted once
    learned: bool = False  # the device was discovered in it
    odd: bool = False  # the device was not what was discovered
    failures: int = 0  # values that the agent failed at

    def incomplete(self) -> tuple[str, ...]:
        unread = (part.row.name for batch in self.unread for part in batch.parts)
        return tuple(dict.fromkeys([*self.cut, *unread]))


class SnmpPoller:
    """Polls `device`, whose series begin with `labels`. One poll at a time.

    `profiles` chooses by sysObjectID unless the device names one; ProfileError when that is not there. `pinger` serves
    devices with a ping check. `clock` keeps the event loop's monotonic time. `size` is what was learned of the device's
    requests before; `learned` is told whenever that changes.
    """

    def __init__(
        self,
        client: Asker,
        device: Device,
        labels: tuple[tuple[str, str], ...],
        credential: Credential,
        profiles: Profiles,
        *,
        pinger: Ping | None = None,
        clock: Callable[[], At] = now,
        size: RequestSize | None = None,
        learned: Callable[[RequestSize], None] = lambda size: None,
        requests_per_s: float = inf,
        first: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._agent = Agent(client, device, credential, requests_per_s)
        self._first = first  # interfaces that have precedence where there is not room for all
        self._device = device
        self._labels = labels
        self._pinger = pinger if device.ping else None
        self._ping_works = True
        self._now = clock
        self._size = size or RequestSize()
        self._learned = learned
        fixed = profiles.named(device.profile) if device.profile else None
        me = proxy(self)  # no cycle: the collector never walks what stood when netmon started, and would not find it
        self._discovery = Discovery(
            self._agent, profiles, fixed, self._size, lambda uptime, at: bool(me._rebooted(uptime, at))
        )
        self._rows: list[Row] = []
        self._plan: Plan | None = None
        self._outgrown = False  # it was compiled for another request size
        self._plan_for = self._agent.target  # the address that the plan's info series name
        self._due = 0.0  # when to discover again, monotonic
        self._early: tuple[int, float] = (0, -inf)  # polls in a row that discovered before it was due, and when last
        self._hour: float | None = None  # in which more was tried at once
        self._last: tuple[Epoch, float] | None = None  # the last sysUpTime and when, monotonic
        self._whole: tuple[Series, ...] = ()  # the series of a poll that misses nothing, and those of one that did
        self._lacking: tuple[Series, ...] = ()
        self._uptime = Series("netmon_device_uptime_seconds", labels, oid=SYS_UPTIME)
        self._round_trip = Series("netmon_device_round_trip_seconds", labels)

    @property
    def sys_object_id(self) -> str:
        """What the device said it is, "" before it was identified."""
        return self._discovery.found.sys_object_id

    @property
    def profile(self) -> str:
        """The profile in use, "" before the device was identified."""
        profile = self._discovery.found.profile
        return profile.name if profile else ""

    @property
    def why(self) -> tuple[str, ...]:
        """Why it has this profile: sentences."""
        return self._discovery.found.why

    @property
    def rows(self) -> Sequence[Row]:
        """What the device was found to have of what the profile asks for."""
        return self._rows

    async def poll(self, *, light: bool = False) -> Poll:
        """Polls once. `light`: ask sysUpTime first, and go on only if it is answered, as one does with a silent device, and
        as is done without it before a request that may be too large to be answered."""
        sent = self._now()
        run = _Run(deadline=sent.monotonic + self._device.deadline_s)
        spare = min(self._device.timeout_s, self._device.deadline_s / 4) if self._pinger else 0.0
        self._agent.begin(run.deadline - spare)
        try:
            await self._poll(run, light)
        except Unanswered:
            return await self._unanswered(run, sent)
        except Late:
            run.faults.append(f"The deadline of {self._device.deadline_s:g} s cut the poll off.")
        except SnmpError as error:
            run.faults.append(str(error))
        return Poll(
            device=self._device.id,
            outcome=Outcome.ANSWERED,
            sent=sent,
            ended=self._now(),
            readings=self._readings(run),
            detail=" ".join(run.faults),
            incomplete=run.incomplete(),
            round_trip_s=self._agent.round_trip_s,
            beyond=self._plan.beyond if self._plan else 0,
        )

    async def _poll(self, run: _Run, light: bool) -> None:
        if self._outgrown:
            self._compile()
        if light or (self._plan and self._plan.batches and self._size.doubts(len(self._plan.batches[0].request.oids))):
            await self._agent.ask(_UPTIME_ONLY)
        if self._plan is None or self._now().monotonic >= self._due:
            await self._learn(run)
        run.cut = list(self._discovery.found.partial)
        times, last = self._early
        tired = times >= EARLY_IN_A_ROW and self._now().monotonic < last + REDISCOVER_SOON_S
        if not await self._read(run, settle=tired):
            self._early = (times + 1, self._now().monotonic)
            self._discovery.begin_anew()
            await self._learn(run)
            run.cut = list(self._discovery.found.partial)
            run.taken = Taken()
            await self._read(run, settle=True)
        elif not run.odd:
            self._early = (0, last)

    async def _unanswered(self, run: _Run, sent: At) -> Poll:
        """The outcome when no address answered: a refusal is a sign of life, silence says more than our own failure."""
        failures = self._agent.failures
        outcome = min((outcome for outcome, _ in failures), key=_TELLING.index)
        detail = " ".join(sentence for _, sentence in failures)
        snmp = True
        if outcome is Outcome.SILENT and self._pinger:
            alive, said = await self._answers_ping(run, self._pinger)
            outcome, snmp = (Outcome.ANSWERED, False) if alive else (outcome, True)
            detail = f"{detail} {said}"
        return Poll(device=self._device.id, outcome=outcome, sent=sent, ended=self._now(), detail=detail, snmp=snmp)

    async def _answers_ping(self, run: _Run, pinger: Ping) -> tuple[bool, str]:
        """Whether the device lives although its agent is silent, and a sentence about it."""
        try:
            for target in self._agent.targets:
                left = run.deadline - self._now().monotonic
                if left > 0 and await pinger.ping(target.address, min(left, self._device.timeout_s)) is not None:
                    return True, f"{target.address} answers ping."
        except OSError as error:
            if self._ping_works:
                log.warning("ping does not work", device=self._device.id, error=str(error))
            self._ping_works = False
            return False, str(error)
        self._ping_works = True
        return False, "Nor does it answer ping."

    # --- discovery ----------------------------------------------------------------------------------------------------

    async def _learn(self, run: _Run) -> None:
        """Identify the device and find its rows."""
        found = await self._discovery.learn(run.deadline, run.faults, run.cut)
        run.learned = True
        self._rows = self._discovery.steadied(found.rows)
        if found.profile is not None:
            self._agent.allow(found.profile.in_flight)
        self._due = self._now().monotonic if found.unfinished else self._next_discovery()
        self._compile()

    def _next_discovery(self) -> float:
        """Within the hour, at a point of the hour that is the device's own, so that devices do not come all at once."""
        clock = self._now().monotonic
        phase = zlib.crc32(self._device.id.encode()) / 2**32 * REDISCOVER_S
        hour, into = divmod(clock - phase, REDISCOVER_S)
        young = self._last is not None and (self._last[0].sys_uptime or 0) < 100 * REDISCOVER_SOON_S
        if self._discovery.found.partial or young:
            return clock + REDISCOVER_SOON_S
        if self._hour is not None and hour != self._hour:
            self._discovery.try_more()
            if self._size.try_more():
                self._learned(self._size)
        self._hour = hour
        return clock + REDISCOVER_S - into

    def _compile(self) -> Plan:
        profile = self._discovery.found.profile
        assert profile is not None
        self._outgrown = False
        self._plan_for = self._agent.target
        self._plan = compile_plan(
            profile,
            self._rows,
            self._labels,
            texts={"address": self._plan_for.address, "profile": profile.name},
            known={series: series for series in self._plan.series()} if self._plan else {},
            varbinds=self._size.varbinds,
            first=self._first(),
        )
        self._whole = (*self._plan.info, self._uptime, self._round_trip, *self._plan.measured)
        self._lacking = ()
        return self._plan

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _read(self, run: _Run, *, settle: bool = False) -> bool:
        """Ask all of the plan. False as soon as the device is not what was discovered; with `settle`, when another
        discovery would tell nothing new, what is odd is left out instead."""
        plan = self._compile() if self._plan is None or self._outgrown else self._plan
        run.unread = list(plan.batches)
        odd: list[Odd] = []
        profile = self._discovery.found.profile
        together = profile is not None and profile.in_flight > 1
        answers: Sequence[Response | SnmpError] = ()
        ended: SnmpError | None = None  # what the poll ends with, when all that came is read
        for n, batch in enumerate(plan.batches):
            if n == 1 and together:  # the first one found out where the device answers
                answers = await asyncio.gather(*(self._answer(each.request) for each in plan.batches[1:]))
            response = answers[n - 1] if answers else await self._answer(batch.request)
            asked = len(batch.request.oids)
            if isinstance(response, SnmpError):
                if isinstance(response, Late):
                    ended = ended or response
                else:
                    run.faults.append(str(response))
                if isinstance(response, Silent) and ended is None:
                    ended, shrunk = await self._lost(run, asked)
                    if shrunk and n == 0:
                        return await self._read(run, settle=settle)
                if not answers and (ended or time.monotonic() >= self._agent.deadline):
                    break
                continue
            status = response.error_status
            if status == TOO_BIG and self._size.too_big(asked):
                self._resized()
                if ended:
                    continue  # there is no time to ask for less
                self._compile()
                run.taken = Taken()
                return await self._read(run, settle=settle)
            found = batch.odd_at(response.error_index - 1) if status in FAILED else []
            if found and status == GEN_ERR and run.failures < FAILURES_AT_ONCE and not ended:
                run.failures += 1
                run.faults.append(f"{self._agent.target} answered {error_name(status)} to {batch.request}.")
                self._settle(run, found)
                run.taken = Taken()
                return await self._read(run, settle=settle)
            if not found and (status or response.values is None):
                what = error_name(status) if status else "with other names than asked"
                run.faults.append(f"{self._agent.target} answered {what} to {batch.request}.")
                continue
            if not found and response.values is not None:
                run.at = self._midpoint(response)
                uptime = response.values[0]
                if isinstance(uptime, int):
                    run.uptime = uptime
                    if self._rebooted(uptime, run.at.monotonic):
                        run.odd = True
                        if not settle:
                            return False
                found = batch.read(response.values, run.at, response.engine_boots, run.taken)
                run.unread.remove(batch)
                if self._size.answered(asked, response.octets, more=batch is not plan.batches[-1]):
                    self._resized()
            run.odd = run.odd or bool(found)
            if found and not settle and status != GEN_ERR:
                return False
            odd += found
        if odd:
            self._settle(run, odd)
        if ended:
            raise ended
        return True

    async def _lost(self, run: _Run, asked: int) -> tuple[SnmpError | None, bool]:
        """A request stayed unanswered: when a small one does too, that is what the poll ends with, else the loss may be for
        its size. And whether that shrank."""
        response = await self._answer(_UPTIME_ONLY)
        if isinstance(response, SnmpError):
            return response, False
        counted, run.lost = run.lost, True
        if counted or not self._size.lost(asked):
            return None, False
        self._resized()
        return None, True

    async def _answer(self, request: Request) -> Response | SnmpError:
        try:
            return await self._agent.ask(request)
        except SnmpError as error:
            return error

    def _resized(self) -> None:
        """The device bears more at once, or less: as soon as the plan is compiled again it is asked so."""
        log.debug("request size learned", device=self._device.id, varbinds=self._size.varbinds)
        self._learned(self._size)
        self._outgrown = True

    def _midpoint(self, response: Response) -> At:
        clock = self._now()
        monotonic = (response.sent + response.received) / 2
        return At(clock.unix - (clock.monotonic - monotonic), monotonic)

    def _rebooted(self, uptime: int, monotonic: float) -> bool:
        """Whether sysUpTime is not what the time that passed makes of the last one."""
        before, self._last = self._last, (Epoch(uptime, None, None, ""), monotonic)
        if before is None or not same_life(before[0], self._last[0], monotonic - before[1]):
            return False
        if self._early[0] >= EARLY_IN_A_ROW:
            return True  # once more: its clock is wrong, and nothing is learned from that
        self._size.forget()
        self._discovery.forget()
        self._learned(self._size)
        log.info("device rebooted", device=self._device.id, uptime_s=uptime / 100)
        return True

    def _settle(self, run: _Run, odd: Sequence[Odd]) -> None:
        """Columns that GET does not give right after a walk are asked no more until the next one; rows that already are
        others are discovered again at the next poll, and named by their indices when that was so before."""
        times, last = self._early
        for row, column in odd:
            run.cut.append(row.name)
            if column is None:
                if times < EARLY_IN_A_ROW:
                    self._due = 0.0
                elif not run.learned:
                    self._due = min(self._due, last + REDISCOVER_SOON_S)
                else:
                    self._discovery.unsteady.add((row.name, row.index))
                run.faults.append(f"{row.name}: {row.identity} became another row during the poll.")
            else:
                changed = (row.table, row.index)
                self._rows = [each.without(column) if (each.table, each.index) == changed else each for each in self._rows]
        self._rows = self._discovery.steadied(self._rows)
        self._compile()

    def _readings(self, run: _Run) -> Readings:
        """What was read, and before it what is said of the device itself and of its rows without asking again."""
        at = run.at or self._now()
        if self._plan and self._plan_for is not self._agent.target:
            self._compile()
        info = self._plan.info if self._plan else ()
        series, values = [*info], [1.0] * len(info)
        for own, value in ((self._uptime, run.uptime and run.uptime / 100), (self._round_trip, self._agent.round_trip_s)):
            if value is not None:
                series.append(own)
                values.append(value)
        own_at, no_epochs = [at] * len(series), [None] * len(series)
        taken = run.taken
        return Readings(
            self._known(series + taken.series), values + taken.values, own_at + taken.at, no_epochs + taken.epochs
        )

    def _known(self, series: list[Series]) -> tuple[Series, ...]:
        """The same tuple as last time when it is the same series."""
        if len(series) == len(self._whole):
            return self._whole  # each is there once at most, and in this order
        lacking = tuple(series)
        if lacking != self._lacking:
            self._lacking = lacking
        return self._lacking


_TELLING = (Outcome.REFUSED, Outcome.SILENT, Outcome.LOCAL)
