"""Discovery: what a device is, and which rows its tables have, found in one poll or, of long tables, over several.

Before tables are walked it is looked where they begin, all of them in a request or two: most devices have few of the tables
that they might have. A walk may take half of what is left of a poll, for the other half is for reading what is found. What
the deadline cuts off is read on at the next poll from where it stood, and until then the rows that were known before stand.
How much a walk asks for at once is learned from all of them: what one table's answers were lost for is not asked of the
next.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import inf

import structlog

from netmon.pollers.agent import Agent
from netmon.profiles import (
    SYS_UPTIME,
    Chosen,
    Profile,
    Profiles,
    Row,
    Sign,
    Table,
    columns_of,
    rows_of,
    scalars_of,
    walked_by,
)
from netmon.snmp import V1, Community, Late, RequestSize, Silent, SnmpError, Tag, VarBind, Walk, oid, walk
from netmon.snmp.size import FEWEST, MOST
from netmon.snmp.walks import MAX_VALUES, SIZE

log = structlog.get_logger(__name__)

SYS_OBJECT_ID = oid.encode("1.3.6.1.2.1.1.2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of a device: `partial` names the tables that were not read whole, and `unfinished` tells that the next
    poll will read on."""

    sys_object_id: str = ""
    profile: Profile | None = None
    why: tuple[str, ...] = ()
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
        self.unsteady: set[tuple[str, bytes]] = set()  # rows, by table and index, whose names do not last for one poll
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
        """The device was started anew: it may bear more at once, and its names may last."""
        self._most = inf
        self.unsteady.clear()

    def steadied(self, rows: Sequence[Row]) -> list[Row]:
        """The rows, with those that are unsteady named by their indices and asked for no name."""
        taken = {(row.name, row.identity) for row in rows}
        steady = []
        for row in rows:
            if row.key and (row.name, row.index) in self.unsteady:
                index = own = ".".join(map(str, oid.arcs(row.index)))
                while (row.name, own) in taken:
                    own += f"#{index}"
                row = replace(row, identity=own, key=None)
            steady.append(row)
        return steady

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
        if not named:
            raise SnmpError(f"{self._agent.target} gives neither sysUpTime nor sysObjectID.")
        uptime, what = named.get(SYS_UPTIME), named.get(SYS_OBJECT_ID)
        if uptime and isinstance(uptime.value, int) and self._rebooted(uptime.value, time.monotonic()):
            self.begin_anew()
        sys_object_id = oid.decode(what.value) if what and isinstance(what.value, bytes) else ""
        chosen = await self._choose(sys_object_id)
        profile = chosen.profile
        found = await self._scalars(columns_of(profile.scalars))
        scalars = scalars_of(profile, found, sys_object_id)
        if (sys_object_id, profile) != (self.found.sys_object_id, self.found.profile):
            log.info("device identified", device=self._agent.device, profile=profile.name, sys_object_id=sys_object_id)
            self.begin_anew()

        cut[:] = [table.name for table in profile.tables]
        rows = [scalars]
        steps = set()
        there = await self._there(profile.tables)
        for table in profile.tables:
            if table.name not in there and table.name not in self._walks:
                cut.remove(table.name)
                continue
            seen, step = await self._rows_of(table, deadline, faults, cut, sys_object_id)
            rows += seen
            steps.add(step)
        # Without a step forward the next poll would come no further: then it is tried again in a while.
        unfinished = _Step.FURTHER in steps or (_Step.LATE in steps and _Step.DONE in steps)
        if not unfinished:
            self._walks.clear()
        self.found = Found(
            sys_object_id=sys_object_id,
            profile=profile,
            why=chosen.why,
            rows=tuple(rows),
            partial=tuple(cut),
            unfinished=unfinished,
        )
        return self.found

    async def _choose(self, sys_object_id: str) -> Chosen:
        if self._fixed is not None:
            return Chosen(self._fixed, (f"{self._fixed.name}: the device is given it by name",))
        return await self._profiles.choose(sys_object_id, self._shows)

    async def _shows(self, signs: Sequence[Sign]) -> Sequence[bool]:
        """Which of these the device shows."""
        following = await self._agent.following([sign.octets for sign in signs])
        shown = []
        for sign in signs:
            found = following.get(sign.octets)
            there = found is not None and oid.within(found.oid, sign.octets)
            said = found.value if found is not None and there else b""
            words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            shown.append(there and (sign.matches is None or re.search(sign.matches, words) is not None))
        return shown

    async def _there(self, tables: Sequence[Table]) -> set[str]:
        """The tables that have a row; all of them where the agent does not tell what follows."""
        entries = list(dict.fromkeys(entry for table in tables for entry in table.entries))
        try:
            following = await self._in_pieces(entries, self._agent.following)
        except Late:
            raise
        except SnmpError:
            return {table.name for table in tables}  # a walk will tell
        found = {
            entry
            for entry in entries
            if entry not in following or oid.within(following[entry].oid, entry) or following[entry].tag == Tag.NULL
        }
        return {table.name for table in tables if not found.isdisjoint(table.entries)}

    async def _scalars(self, names: Sequence[bytes]) -> dict[bytes, VarBind]:
        """Instances of scalars, as far as the device has them. SNMPv1 makes an error of each that it lacks, and that is most
        of them: there it is asked what follows behind the object, which is its instance or something else."""
        credential = self._agent.target.credential
        if not (isinstance(credential, Community) and credential.version == V1):
            return await self._in_pieces(names, self._agent.get)
        behind = {name[:-1]: name for name in names if name.endswith(b"\0")}
        following = await self._in_pieces(list(behind), self._agent.following)
        found = {varbind.oid: varbind for object_, varbind in following.items() if varbind.oid == behind[object_]}
        others = [name for name in names if not name.endswith(b"\0")]
        return found | await self._in_pieces(others, self._agent.get)

    async def _in_pieces(
        self, names: Sequence[bytes], ask: Callable[[Sequence[bytes]], Awaitable[dict[bytes, VarBind]]]
    ) -> dict[bytes, VarBind]:
        """Asks for all of them, so many at once as the device bears: what stays unanswered is asked for in halves, and where
        time does not allow that, the next poll begins with them."""
        found: dict[bytes, VarBind] = {}
        left = list(names)
        while left:
            size, began = int(min(SIZE, self.most)), time.monotonic()
            try:
                found |= await ask(left[:size])
            except Silent as error:
                late = isinstance(error, Late)
                waited = time.monotonic() - began >= self._agent.target.timeout_s
                if not self._agent.answered or min(size, len(left)) <= FEWEST or (late and not waited):
                    raise
                self._most = min(size, len(left)) // 2
                if late:
                    raise
            else:
                left = left[size:]
        return found

    def _values_left(self, table: Table) -> int:
        """How many values a walk of a table may bring, beside what the others hold."""
        others = (walked for name, walked in self._walks.items() if name != table.name)
        return max(0, MAX_VALUES - sum(len(rows) for walked in others for rows in walked.values.values()))

    async def _rows_of(
        self, table: Table, deadline: float, faults: list[str], cut: list[str], sys_object_id: str
    ) -> tuple[Sequence[Row], _Step]:
        """The table's rows, and how far this poll has come with it."""
        known = [row for row in self.found.rows if row.table is table]
        before = self._walks.get(table.name)
        if before is not None and not before.standing:
            walked, step = before, _Step.STOOD
        else:
            now = time.monotonic()
            half = now + (deadline - now) / 2
            columns = walked_by(table)
            size = int(min(before.size if before else SIZE, self.most))
            target = self._agent.target
            try:
                walked = await walk(
                    self._agent.client,
                    target,
                    columns,
                    size=size,
                    most=self.most,
                    max_values=self._values_left(table),
                    deadline=half,
                    resume=before,
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
        seen = rows_of(table, walked.rows, sys_object_id)
        if walked.complete:
            cut.remove(table.name)
            return seen, step
        faults.append(f"The discovery of {table.name} is not whole: {walked.reason}.")
        return known if len(known) > len(seen) else seen, step
