"""Walks: several columns of a table side by side, one request at a time (RFC 3416 sections 4.2.2 and 4.2.3).

How much is asked at once follows the agent: more while answers come whole and quickly and fit into a frame, less when they
are too big, are cut short or do not come. What an error is to be blamed on is asked alone before it is given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

from netmon.snmp import oid
from netmon.snmp.ber import Value
from netmon.snmp.client import Asker
from netmon.snmp.columns import Columns
from netmon.snmp.errors import Late, Silent, SnmpError
from netmon.snmp.message import NO_SUCH_NAME, TOO_BIG, V1, Community, Request, VarBind, error_name
from netmon.snmp.question import Response
from netmon.snmp.target import Target

MAX_ROWS, MAX_VALUES = 100_000, 500_000
"""Rows of a column, and values of all columns, after which an agent is taken to invent them."""

SIZE = 50
"""Varbinds that are asked for at once before anything is known: about what fits into a frame of Ethernet."""

_FRAME_OCTETS = 1400  # of an answer: see RequestSize
_AROUND = 45  # octets of a message without varbinds
_QUICK = 1 / 4  # of the target's timeout
_NAMED = 4  # columns that are named when more are broken


@dataclass(frozen=True)
class Walk:
    """What a walk brought: `values` by column and index suffix (raw octets, in the agent's order), and `tags` by column.

    `standing` has the last name of each column that has not ended, where `resume` goes on, and `cut` says why it was not
    read on; `broken` why a column ended before its end, for good. `size` is how many varbinds the agent is good for, and
    `most` the limit that it was found to have, or was given.
    """

    values: dict[bytes, dict[bytes, Value]]
    tags: dict[bytes, bytearray]
    standing: dict[bytes, bytes]
    broken: dict[bytes, str]
    cut: str
    size: int
    most: float = inf

    @property
    def complete(self) -> bool:
        """Whether all columns were read to their ends."""
        return not self.standing and not self.broken

    @property
    def reason(self) -> str:
        """What is missing, and why; "" when nothing is."""
        broken = [f"{oid.decode(column)}: {why}" for column, why in self.broken.items()]
        if len(broken) > _NAMED:
            broken[_NAMED:] = [f"{len(broken) - _NAMED} more columns ended early too"]
        return "; ".join([*broken, *([self.cut] if self.cut else [])])

    @cached_property
    def rows(self) -> dict[bytes, dict[bytes, VarBind]]:
        """The values with their names and tags, made when first asked for."""
        return {
            column: {index: VarBind(column + index, tag, values[index]) for index, tag in zip(values, tags, strict=True)}
            for (column, values), tags in zip(self.values.items(), self.tags.values(), strict=True)
        }


async def walk(
    client: Asker,
    target: Target,
    columns: Sequence[bytes],
    *,
    size: int = SIZE,
    most: float = inf,
    max_repetitions: int = 50,
    max_values: int = MAX_VALUES,
    deadline: float = inf,
    resume: Walk | None = None,
) -> Walk:
    """Read columns to their ends. `deadline` is in monotonic seconds; what came before it is kept, and `resume` takes it
    over: these columns are read on from where they stood, others from their beginning.

    `size` is about how many varbinds an answer shall have to begin with, `most` how many at most, and `max_repetitions` how
    many rows; the size that an earlier walk found is the caller's to pass on. A column that does not increase ends there, as
    one does that has MAX_ROWS or its share of `max_values`.
    Raises as `Asker.ask` does, and Late at the deadline, as long as nothing has come; after the first answer the walk is
    only incomplete.
    """
    most_rows = max(1, min(MAX_ROWS, max_values // max(1, len(columns))))
    train = _Train(target, columns, size, most, max_repetitions, most_rows, resume)
    while train.standing and not train.cut:
        request = train.request()
        try:
            response = await client.ask(target, request, deadline)
        except SnmpError as error:
            lost = isinstance(error, Silent) and not isinstance(error, Late)
            if lost and train.ask_less():
                continue
            if not train.heard:
                raise
            train.cut = str(error).removesuffix(".")
        else:
            train.take(response)
            if response.received >= deadline and train.standing:
                train.cut = train.cut or f"the deadline came before {target} had answered everything"
    return train.walk()


class _Train:
    """What is asked next, after what came of the last question."""

    def __init__(
        self,
        target: Target,
        columns: Sequence[bytes],
        size: int,
        most: float,
        max_repetitions: int,
        most_rows: int,
        resume: Walk | None,
    ) -> None:
        self.heard = False
        self.cut = ""
        self._columns = Columns(columns, most_rows)
        if resume is not None:
            self._columns.go_on(resume.values, resume.tags, resume.standing, resume.broken)
        self.standing = self._columns.standing
        self._v1 = isinstance(target.credential, Community) and target.credential.version == V1
        self._quick_s = target.timeout_s * _QUICK
        self._max_repetitions = max_repetitions
        self._most = max(1, most)  # varbinds that the agent can answer
        self._size = self._begun_with = int(max(1, min(size, self._most)))  # varbinds that are asked for
        self._worked = self._size
        self._open = len(self.standing)
        self._group: list[bytes] = []  # columns that are asked side by side
        self._alone: bytes | None = None  # the column that is asked for one varbind, to see whose fault something is
        self._doubted = 0  # varbinds of the question whose error is blamed on that column
        self._asked: list[bytes] = []
        self._varbinds = 0  # that are due

    def request(self) -> Request:
        """The next question."""
        if self._alone is not None:
            asked, repetitions = [self._alone], 1
            self._group = [column for column in self._group if column != self._alone]  # which it is no more in step with
        else:
            asked = self._next_group()
            repetitions = 1 if self._v1 else max(1, min(self._max_repetitions, self._size // len(asked)))
        self._asked, self._varbinds = asked, len(asked) * repetitions
        return self._columns.request(asked, 0 if self._v1 else repetitions)

    def _next_group(self) -> list[bytes]:
        """The columns to ask side by side. Those that began together stay together, for in step they are cheap; one row at a
        time, as v1 gives them, all that fit are asked."""
        if self._v1 or len(self.standing) != self._open:
            self._open = len(self.standing)
            self._group = [] if self._v1 else [column for column in self._group if column in self.standing]
        group = self._group or list(self.standing)
        if len(group) > self._size:
            parts = -(-len(group) // self._size)
            group = group[: -(-len(group) // parts)]
        self._group = group
        return group

    def take(self, response: Response) -> None:
        """What came of it."""
        self.heard = True
        alone, self._alone = self._alone, None
        doubted, self._doubted = self._doubted, 0
        if response.error_status:
            self._take_error(response.error_status, response.error_index)
            return
        came = self._take_varbinds(response)
        if not came:
            if not self.ask_less():
                self.cut = "the agent answered with no varbinds"
        elif alone is None:
            self._learn(came, response)
        elif doubted:
            self._size = max(1, doubted // 2)  # the error is not that column's

    def _take_varbinds(self, response: Response) -> int:
        rows = response.rows
        if rows is not None and self._columns.take_rows(rows):
            self._columns.take(rows.rest)
            return len(rows.values) + len(rows.rest)
        self._columns.take(response.varbinds)
        return len(response.varbinds)

    def _take_error(self, status: int, index: int) -> None:
        asked, varbinds = self._asked, self._varbinds
        if varbinds == 1:
            ended = self._v1 and status == NO_SUCH_NAME  # which is how v1 says that nothing follows
            self._columns.end(asked[0], "" if ended else error_name(status))
        elif status == TOO_BIG:
            self._most = self._size = self._worked = varbinds // 2
        elif 0 < index <= len(asked):
            self._alone, self._doubted = asked[index - 1], varbinds
        else:
            self._size = varbinds // 2

    def ask_less(self) -> bool:
        """After an answer that did not come: half as much, once the agent has answered the least. False when it was the
        least."""
        if self._varbinds == 1:
            return False
        self._most = self._size = self._varbinds // 2
        self._alone, self._doubted = self._asked[0], 0
        return True

    def _learn(self, came: int, response: Response) -> None:
        """How much to ask for from now on, after so many varbinds without an error."""
        if came < self._varbinds and any(column in self.standing for column in self._asked):
            self._most = self._size = came
        elif response.attempts == 1 and response.received - response.sent < self._quick_s:
            room = came * (_FRAME_OCTETS - _AROUND) // max(1, response.octets - _AROUND)
            self._size = int(min(2 * self._size, max(room, self._begun_with), self._most))
        self._worked = self._size

    def walk(self) -> Walk:
        """What came."""
        found = self._columns
        found.settle()
        return Walk(found.values, found.tags, found.standing, found.broken, self.cut, self._worked, self._most)
