"""Walks: several columns of a table side by side (RFC 3416 sections 4.2.2 and 4.2.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from netmon.snmp import oid
from netmon.snmp.ber import EXCEPTIONS
from netmon.snmp.client import Asker, Response, Target
from netmon.snmp.errors import Silent, SnmpError
from netmon.snmp.message import (
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    Community,
    Request,
    VarBind,
    error_name,
    get_bulk_request,
    get_next_request,
)

MAX_ROWS = 100_000
"""Rows of a column after which an agent is taken to invent them."""


class Walk(NamedTuple):
    """What a walk brought: by column, by index suffix (raw octets, in the agent's order). `reason` says what is missing."""

    rows: dict[bytes, dict[bytes, VarBind]]
    complete: bool
    reason: str


async def walk(
    client: Asker,
    target: Target,
    columns: Sequence[bytes],
    *,
    max_repetitions: int = 20,
    deadline: float | None = None,
) -> Walk:
    """Read columns to their ends. `deadline` is in monotonic seconds; what came before it is kept.

    A column that does not increase ends there. Raises as `Asker.ask` does, and Silent at the deadline, as long as nothing
    has come; after the first answer the walk is only incomplete.
    """
    v1 = isinstance(target.credential, Community) and target.credential.version == V1
    rows: dict[bytes, dict[bytes, VarBind]] = {column: {} for column in columns}
    last = {column: column for column in rows}  # where each column that has not ended stands
    reasons: list[str] = []
    width = len(last)
    heard = False
    while last:
        asked = list(last)[:width]
        names = [last[column] for column in asked]
        request = get_next_request(names) if v1 else get_bulk_request(names, max_repetitions)
        try:
            response = await _ask_until(client, target, request, deadline)
        except SnmpError as error:
            if not heard:
                raise
            reasons.append(str(error))
            break
        heard = True
        status, index = response.error_status, response.error_index
        if status == TOO_BIG and max_repetitions > 1 and not v1:
            max_repetitions //= 2
        elif status == TOO_BIG and len(asked) > 1:
            width = len(asked) // 2
        elif status:
            failed = asked[index - 1] if 0 < index <= len(asked) else asked[0]
            del last[failed]
            if not (v1 and status == NO_SUCH_NAME):  # which is how v1 says that nothing follows
                reasons.append(f"{oid.decode(failed)}: {error_name(status)}")
        elif not response.varbinds:
            reasons.append("the agent answered with no varbinds")
            break
        else:
            _take(response.varbinds, asked, last, rows, reasons)
    return Walk(rows, not reasons, "; ".join(reasons))


async def _ask_until(client: Asker, target: Target, request: Request, deadline: float | None) -> Response:
    if deadline is None:
        return await client.ask(target, request)
    try:
        async with asyncio.timeout_at(deadline):  # the loop's clock is the monotonic one
            return await client.ask(target, request)
    except TimeoutError:
        raise Silent(f"{target} had not answered {request} when the deadline came.") from None


def _take(
    varbinds: list[VarBind],
    asked: list[bytes],
    last: dict[bytes, bytes],
    rows: dict[bytes, dict[bytes, VarBind]],
    reasons: list[str],
) -> None:
    """Put the varbinds of a response, row by row, where they belong; take columns that end out of `last`."""
    for position, varbind in enumerate(varbinds):
        column = asked[position % len(asked)]
        if column not in last:
            continue
        name = varbind.oid
        if varbind.tag in EXCEPTIONS or not oid.within(name, column):
            del last[column]
        elif not oid.follows(name, last[column]):
            del last[column]
            reasons.append(f"{oid.decode(column)}: {oid.decode(name)} came where a later OID was due")
        elif len(rows[column]) >= MAX_ROWS:
            del last[column]
            reasons.append(f"{oid.decode(column)}: more than {MAX_ROWS} rows")
        else:
            rows[column][name[len(column) :]] = varbind
            last[column] = name
