"""Polls one device over SNMP: identify, discover, then GETs of a compiled plan only.

One request is in flight per device. A poll has one deadline; what arrived before it is kept, and `incomplete` names what
was cut off. The device is discovered anew when it rebooted, when a row is not what it was, and every hour.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from netmon.credential import Credential
from netmon.derive.counters import same_life
from netmon.model import At, Device, Epoch, Outcome, Poll, Reading, Series
from netmon.pollers.agent import Agent, Unanswered
from netmon.profiles import (
    SYS_UPTIME,
    Batch,
    Odd,
    Plan,
    Profile,
    Profiles,
    Row,
    Table,
    columns_of,
    compile_plan,
    rows_of,
    scalars_of,
)
from netmon.snmp import NO_SUCH_NAME, TOO_BIG, Asker, Response, SnmpError, VarBind, error_name, get_request, oid, walk

log = structlog.get_logger(__name__)

REDISCOVER_S = 3600.0
REDISCOVER_SOON_S = 300.0
"""How soon a discovery is done again that was cut off, or that met an agent which had only just started: net-snmp, for one,
tells the load of its processors a minute later."""

SYS_OBJECT_ID = oid.encode("1.3.6.1.2.1.1.2.0")

_UPTIME_ONLY = get_request([SYS_UPTIME])
_VARBINDS_PER_WALK = 48  # about what fits an Ethernet frame
_FEWEST_VARBINDS = 2


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
    readings: list[Reading] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    unread: list[Batch] = field(default_factory=list)

    def incomplete(self) -> tuple[str, ...]:
        unread = (part.row.name for batch in self.unread for part in batch.parts)
        return tuple(dict.fromkeys([*self.cut, *unread]))


class SnmpPoller:
    """Polls `device`, whose series begin with `labels`. One poll at a time.

    `profiles` chooses by sysObjectID unless the device names one; ProfileError when that is not there. `pinger` serves
    devices with a ping check. `clock` keeps the event loop's monotonic time; `varbinds` is the request size to begin with.
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
        varbinds: int = 24,
    ) -> None:
        self._agent = Agent(client, device, credential)
        self._device = device
        self._labels = labels
        self._profiles = profiles
        self._fixed = profiles.named(device.profile) if device.profile else None
        self._pinger = pinger if device.ping else None
        self._ping_works = True
        self._now = clock
        self._varbinds = varbinds
        self._sys_object_id = ""
        self._profile: Profile | None = None
        self._rows: list[Row] = []
        self._plan: Plan | None = None
        self._plan_for = self._agent.target  # the address that the plan's info series name
        self._partial: list[str] = []  # tables whose discovery was cut off
        self._due = 0.0  # when to discover again, monotonic
        self._last: tuple[Epoch, float] | None = None  # the last sysUpTime and when, monotonic
        self._uptime = Series("netmon_device_uptime_seconds", labels, oid=oid.decode(SYS_UPTIME))
        self._round_trip = Series("netmon_device_round_trip_seconds", labels)

    @property
    def sys_object_id(self) -> str:
        """What the device said it is, "" before it was identified."""
        return self._sys_object_id

    @property
    def profile(self) -> str:
        """The profile in use, "" before the device was identified."""
        return self._profile.name if self._profile else ""

    async def poll(self, *, light: bool = False) -> Poll:
        """Polls once. `light`: ask sysUpTime first, and go on only if it is answered, as one does with a silent device."""
        sent = self._now()
        run = _Run(deadline=sent.monotonic + self._device.deadline_s)
        spare = min(self._device.timeout_s, self._device.deadline_s / 4) if self._pinger else 0.0
        self._agent.begin()
        try:
            async with asyncio.timeout_at(run.deadline - spare):
                await self._poll(run, light)
        except Unanswered:
            return await self._unanswered(run, sent)
        except TimeoutError:
            if not self._agent.answered:
                late = f"Nothing came before the deadline of {self._device.deadline_s:g} s."
                self._agent.failures.append((Outcome.SILENT, late))
                return await self._unanswered(run, sent)
            run.faults.append(f"The deadline of {self._device.deadline_s:g} s cut the poll off.")
        except SnmpError as error:
            run.faults.append(str(error))
        return Poll(
            device=self._device.id,
            outcome=Outcome.ANSWERED,
            sent=sent,
            ended=self._now(),
            readings=tuple(self._own_readings(run) + run.readings),
            detail=" ".join(run.faults),
            incomplete=run.incomplete(),
            round_trip_s=self._agent.round_trip_s,
        )

    async def _poll(self, run: _Run, light: bool) -> None:
        if light:
            await self._agent.ask(_UPTIME_ONLY)
        if self._plan is None or self._now().monotonic >= self._due:
            await self._learn(run)
        run.cut = list(self._partial)
        if not await self._read(run):
            await self._learn(run)
            run.cut = list(self._partial)
            run.readings.clear()
            await self._read(run, settle=True)

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
        run.cut = ["system"]
        asked_at = self._now().monotonic
        found = await self._agent.get([SYS_UPTIME, SYS_OBJECT_ID])
        uptime, named = found.get(SYS_UPTIME), found.get(SYS_OBJECT_ID)
        if uptime and isinstance(uptime.value, int):
            self._last = Epoch(uptime.value, None, None, ""), asked_at
        sys_object_id = oid.decode(named.value) if named and isinstance(named.value, bytes) else ""
        profile = self._fixed or self._profiles.matching(sys_object_id)
        scalars = scalars_of(profile, await self._agent.get(columns_of(profile.scalars)))

        run.cut = [table.name for table in profile.tables]
        rows = [scalars]
        for table in profile.tables:
            rows += await self._rows_of(run, table)
        if (sys_object_id, profile) != (self._sys_object_id, self._profile):
            log.info("device identified", device=self._device.id, profile=profile.name, sys_object_id=sys_object_id)
        self._sys_object_id, self._profile, self._rows, self._partial = sys_object_id, profile, rows, list(run.cut)
        self._due = self._next_discovery()
        self._compile()

    async def _rows_of(self, run: _Run, table: Table) -> Sequence[Row]:
        """The table's rows. When the walk is cut off, those known before stand, for every poll checks them."""
        known = [row for row in self._rows if row.table is table]
        columns = columns_of(table.columns)
        start = self._now().monotonic
        half = start + (run.deadline - start) / 2  # the other half is for reading what is found
        per_request = max(1, _VARBINDS_PER_WALK // len(columns))
        try:
            walked = await walk(self._agent.client, self._agent.target, columns, max_repetitions=per_request, deadline=half)
        except SnmpError as error:
            run.faults.append(str(error))
            return known
        seen = rows_of(table, walked.rows)
        if not walked.complete:
            run.faults.append(f"The discovery of {table.name} is not whole: {walked.reason}.")
            return known if len(known) > len(seen) else seen
        run.cut.remove(table.name)
        return seen

    def _next_discovery(self) -> float:
        """Within the hour, at a point of the hour that is the device's own, so that devices do not come all at once."""
        clock = self._now().monotonic
        young = self._last is not None and (self._last[0].sys_uptime or 0) < 100 * REDISCOVER_SOON_S
        if self._partial or young:
            return clock + REDISCOVER_SOON_S
        phase = zlib.crc32(self._device.id.encode()) / 2**32 * REDISCOVER_S
        return clock + REDISCOVER_S - (clock - phase) % REDISCOVER_S

    def _compile(self) -> Plan:
        assert self._profile is not None
        self._plan_for = self._agent.target
        self._plan = compile_plan(
            self._profile,
            self._rows,
            self._labels,
            texts={"address": self._plan_for.address, "profile": self._profile.name},
            known={series: series for series in self._plan.series()} if self._plan else {},
            varbinds=self._varbinds,
        )
        return self._plan

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _read(self, run: _Run, *, settle: bool = False) -> bool:
        """Ask all of the plan. False as soon as the device is not what was discovered; with `settle`, right after a
        discovery, what is odd is left out instead."""
        plan = self._plan or self._compile()
        run.unread = list(plan.batches)
        odd: list[Odd] = []
        for batch in plan.batches:
            try:
                response = await self._agent.ask(batch.request)
            except SnmpError as error:
                run.faults.append(str(error))
                continue
            status = response.error_status
            if status == TOO_BIG and self._varbinds > _FEWEST_VARBINDS:
                self._ask_less(batch)
                run.readings.clear()
                return await self._read(run, settle=settle)
            found = batch.odd_at(response.error_index - 1) if status == NO_SUCH_NAME else []
            if not found and (status or not batch.fits(response.varbinds)):
                what = error_name(status) if status else "with other names than asked"
                run.faults.append(f"{self._agent.target} answered {what} to {batch.request}.")
                continue
            if not found:
                run.at = self._midpoint(response)
                if self._rebooted(run, response.varbinds[0]) and not settle:
                    return False
                found = batch.read(response.varbinds, run.at, run.readings)
                run.unread.remove(batch)
            if found and not settle:
                return False
            odd += found
        if odd:
            self._settle(run, odd)
        return True

    def _ask_less(self, batch: Batch) -> None:
        """The agent cannot answer so much at once: from now on it is asked half."""
        self._varbinds = max(_FEWEST_VARBINDS, min(self._varbinds, len(batch.request.oids)) // 2)
        log.info("device is asked in smaller requests", device=self._device.id, varbinds=self._varbinds)
        self._compile()

    def _midpoint(self, response: Response) -> At:
        clock = self._now()
        monotonic = (response.sent + response.received) / 2
        return At(clock.unix - (clock.monotonic - monotonic), monotonic)

    def _rebooted(self, run: _Run, varbind: VarBind) -> bool:
        """Whether sysUpTime is not what the time that passed makes of the last one."""
        if not isinstance(varbind.value, int) or run.at is None:
            return False
        run.uptime = varbind.value
        before, self._last = self._last, (Epoch(varbind.value, None, None, ""), run.at.monotonic)
        if before is None or not same_life(before[0], self._last[0], run.at.monotonic - before[1]):
            return False
        log.info("device rebooted", device=self._device.id, uptime_s=run.uptime / 100)
        return True

    def _settle(self, run: _Run, odd: Sequence[Odd]) -> None:
        """Columns that GET does not give right after a walk are asked no more until the next one; rows that already are
        others are discovered again at the next poll."""
        for row, column in odd:
            run.cut.append(row.name)
            if column is None:
                self._due = 0.0
                run.faults.append(f"{row.name}: {row.identity} became another row during the poll.")
            else:
                changed = (row.table, row.index)
                self._rows = [each.without(column) if (each.table, each.index) == changed else each for each in self._rows]
        self._compile()

    def _own_readings(self, run: _Run) -> list[Reading]:
        """What is said of the device itself, and of its rows without asking again."""
        at = run.at or self._now()
        if self._plan and self._plan_for is not self._agent.target:
            self._compile()
        readings = [Reading(series, 1, at) for series in self._plan.info] if self._plan else []
        if run.uptime is not None:
            readings.append(Reading(self._uptime, run.uptime / 100, at))
        if self._agent.round_trip_s is not None:
            readings.append(Reading(self._round_trip, self._agent.round_trip_s, at))
        return readings


_TELLING = (Outcome.REFUSED, Outcome.SILENT, Outcome.LOCAL)
