"""Discovery: what a device is, and which rows its tables have, found in one poll or, of long tables, over several.

A walk may take half of what is left of a poll, for the other half is for reading what is found. What the deadline cuts off
is read on at the next poll from where it stood, and until then the rows that were known before stand. How much a walk asks
for at once is learned from all of them: what one table's answers were lost for is not asked of the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf

import structlog

from netmon.pollers.agent import Agent
from netmon.profiles import SYS_UPTIME, Profile, Profiles, Row, Table, columns_of, rows_of, scalars_of
from netmon.snmp import Late, RequestSize, SnmpError, Walk, oid, walk
from netmon.snmp.size import FEWEST, MOST
from netmon.snmp.walks import SIZE

log = structlog.get_logger(__name__)

SYS_OBJECT_ID = oid.encode("1.3.6.1.2.1.1.2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of a device: `partial` names the tables that were not read whole, and `unfinished` tells that the next
    poll will read on."""

    sys_object_id: str = ""
    profile: Profile | None = None
    rows: tuple[Row, ...] = ()
    partial: tuple[str, ...] = ()
    unfinished: bool = False


class _Step(Enum):
    """How a poll came on with a table: no further than before, some way, to its end, or not at all for want of time."""

    STOOD = 0
    FURTHER = 1
    DONE = 2
    LATE = 3


class Discovery:
    """Discovers one device. `fixed` is the profile that its description names, else its sysObjectID chooses one. `size` is
    what requests for values have taught, and `rebooted` tells whether the device was started anew, from its
    sysUpTime and the monotonic time at which it was that."""

    def __init__(
        self,
        agent: Agent,
        profiles: Profiles,
        fixed: Profile | None,
        size: RequestSize,
        rebooted: Callable[[int, float], bool],
    ) -> None:
        self.found = Found()
        self._agent = agent
        self._profiles = profiles
        self._fixed = fixed
        self._size = size
        self._rebooted = rebooted
        self._most: float = inf  # varbinds that walks were found to be answered
        self._walks: dict[str, Walk] = {}  # of a discovery that is not finished, by table

    def begin_anew(self) -> None:
        """What an unfinished discovery read is worth nothing: the device is not what it was."""
        self._walks.clear()

    def forget(self) -> None:
        """The device was started anew: it may bear more at once."""
        self._most = inf

    def try_more(self) -> None:
        """An hour went by: walks may ask for twice as much, once more."""
        self._most = 2 * self._most if self._most < SIZE else inf

    @property
    def most(self) -> float:
        """Varbinds that a walk may ask for at once."""
        return min(self._most, self._size.ceiling - 1 if self._size.ceiling <= MOST else inf)

    async def learn(self, deadline: float, faults: list[str], cut: list[str]) -> Found:
        """Begins, or goes on. Appends sentences to `faults`, and leaves in `cut` what has not been read, also when it raises
        as `Agent.ask` does."""
        cut[:] = ["system"]
        named = await self._agent.get([SYS_UPTIME, SYS_OBJECT_ID])
        uptime, what = named.get(SYS_UPTIME), named.get(SYS_OBJECT_ID)
        if uptime and isinstance(uptime.value, int) and self._rebooted(uptime.value, time.monotonic()):
            self.begin_anew()
        sys_object_id = oid.decode(what.value) if what and isinstance(what.value, bytes) else ""
        profile = self._fixed or self._profiles.matching(sys_object_id)
        names, at_once = columns_of(profile.scalars), int(min(SIZE, self.most))
        instances = [await self._agent.get(names[at : at + at_once]) for at in range(0, len(names), at_once)]
        scalars = scalars_of(profile, {name: varbind for part in instances for name, varbind in part.items()})
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
            size = int(min(before.size if before else SIZE, self.most))
            target = self._agent.target
            try:
                walked = await walk(
                    self._agent.client, target, columns, size=size, most=self.most, deadline=half, resume=before
                )
            except SnmpError as error:
                faults.append(str(error))
                late = isinstance(error, Late) or time.monotonic() >= half
                if isinstance(error, Late) and half - now >= target.timeout_s and size > FEWEST:
                    self._most = size // 2  # there was time for an answer: the next poll comes further with less
                    return known, _Step.FURTHER
                return known, _Step.LATE if late else _Step.STOOD
            less, self._most = walked.most < self.most, min(self._most, walked.most)
            step = _Step.FURTHER if walked.standing else _Step.DONE
            if before is not None and walked.standing == before.standing and not less:
                step = _Step.STOOD
        self._walks[table.name] = walked
        seen = rows_of(table, walked.rows)
        if walked.complete:
            cut.remove(table.name)
            return seen, step
        faults.append(f"The discovery of {table.name} is not whole: {walked.reason}.")
        return known if len(known) > len(seen) else seen, step
