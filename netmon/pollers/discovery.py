"""Discovery: what a device is, and which rows its tables have, found in one poll or, of long tables, over several.

A walk may take half of what is left of a poll, for the other half is for reading what is found. What the deadline cuts off
is read on at the next poll from where it stood, and until then the rows that were known before stand.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import structlog

from netmon.pollers.agent import Agent
from netmon.profiles import SYS_UPTIME, Profile, Profiles, Row, Table, columns_of, rows_of, scalars_of
from netmon.snmp import Late, SnmpError, Walk, oid, walk

log = structlog.get_logger(__name__)

SYS_OBJECT_ID = oid.encode("1.3.6.1.2.1.1.2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of a device: `partial` names the tables that were not read whole, and `unfinished` tells that the next
    poll will read on. `uptime` is its sysUpTime, asked at `asked_at` (monotonic seconds)."""

    sys_object_id: str = ""
    profile: Profile | None = None
    rows: tuple[Row, ...] = ()
    partial: tuple[str, ...] = ()
    unfinished: bool = False
    uptime: int | None = None
    asked_at: float = 0.0


class _Step(Enum):
    """How a poll came on with a table: no further than before, some way, to its end, or not at all for want of time."""

    STOOD = 0
    FURTHER = 1
    DONE = 2
    LATE = 3


class Discovery:
    """Discovers one device. `fixed` is the profile that its description names, else its sysObjectID chooses one."""

    def __init__(self, agent: Agent, profiles: Profiles, fixed: Profile | None) -> None:
        self.found = Found()
        self._agent = agent
        self._profiles = profiles
        self._fixed = fixed
        self._walks: dict[str, Walk] = {}  # of a discovery that is not finished, by table

    def begin_anew(self) -> None:
        """What an unfinished discovery read is worth nothing: the device is not what it was."""
        self._walks.clear()

    async def learn(self, deadline: float, faults: list[str], cut: list[str]) -> Found:
        """Begins, or goes on. Appends sentences to `faults`, and leaves in `cut` what has not been read, also when it raises
        as `Agent.ask` does."""
        cut[:] = ["system"]
        asked_at = time.monotonic()
        named = await self._agent.get([SYS_UPTIME, SYS_OBJECT_ID])
        uptime, what = named.get(SYS_UPTIME), named.get(SYS_OBJECT_ID)
        sys_object_id = oid.decode(what.value) if what and isinstance(what.value, bytes) else ""
        profile = self._fixed or self._profiles.matching(sys_object_id)
        scalars = scalars_of(profile, await self._agent.get(columns_of(profile.scalars)))
        if (sys_object_id, profile) != (self.found.sys_object_id, self.found.profile):
            log.info("device identified", device=self._agent.device, profile=profile.name, sys_object_id=sys_object_id)
            self.begin_anew()

        cut[:] = [table.name for table in profile.tables]
        rows = [scalars]
        steps = set()
        for table in profile.tables:
            seen, step = await self._rows_of(table, deadline, faults, cut)
            rows += seen
            steps.add(step)
        # Without a step forward the next poll would come no further: then it is tried again in a while.
        unfinished = _Step.FURTHER in steps or (_Step.LATE in steps and _Step.DONE in steps)
        if not unfinished:
            self._walks.clear()
        self.found = Found(
            sys_object_id=sys_object_id,
            profile=profile,
            rows=tuple(rows),
            partial=tuple(cut),
            unfinished=unfinished,
            uptime=uptime.value if uptime and isinstance(uptime.value, int) else None,
            asked_at=asked_at,
        )
        return self.found

    async def _rows_of(
        self, table: Table, deadline: float, faults: list[str], cut: list[str]
    ) -> tuple[Sequence[Row], _Step]:
        """The table's rows, and how far this poll has come with it."""
        known = [row for row in self.found.rows if row.table is table]
        before = self._walks.get(table.name)
        if before is not None and not before.standing:
            walked, step = before, _Step.STOOD
        else:
            now = time.monotonic()
            half = now + (deadline - now) / 2
            columns = columns_of(table.columns)
            try:
                walked = await walk(self._agent.client, self._agent.target, columns, deadline=half, resume=before)
            except SnmpError as error:
                faults.append(str(error))
                return known, _Step.LATE if isinstance(error, Late) else _Step.STOOD
            step = _Step.FURTHER if walked.standing else _Step.DONE
            if before is not None and walked.standing == before.standing:
                step = _Step.STOOD
        self._walks[table.name] = walked
        seen = rows_of(table, walked.rows)
        if walked.complete:
            cut.remove(table.name)
            return seen, step
        faults.append(f"The discovery of {table.name} is not whole: {walked.reason}.")
        return known if len(known) > len(seen) else seen, step
