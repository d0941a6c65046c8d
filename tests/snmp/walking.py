"""Walks without sockets: an agent that is a function, and one that answers as a MIB and its own weaknesses let it."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netmon.snmp import message, oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.client import Client
from netmon.snmp.errors import Late, Silent
from netmon.snmp.message import (
    GEN_ERR,
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    V2C,
    Community,
    Query,
    Request,
    VarBind,
    decode_request,
    encode_response,
    open_response,
)
from netmon.snmp.question import Response
from netmon.snmp.second import PysnmpClient
from netmon.snmp.target import Target
from netmon.snmp.walks import Walk, walk
from tests.snmp.agent import Mib

ENGINES = [pytest.param(Client, id="netmon"), pytest.param(PysnmpClient, id="pysnmp")]
Answer = Callable[[Query], bytes | None]
COLUMNS = [oid.encode(f"1.3.6.1.4.1.8072.9999.1.1.{n}") for n in (1, 2, 3, 4, 127, 128)]
BEHIND = oid.encode("1.3.6.1.4.1.8072.9999.2.1")


class Direct:
    """Asks an agent that is a function, through what an engine reads. Every question takes a second, by its own clock."""

    def __init__(self, client: Client, answer: Answer) -> None:
        self.client = client
        self.answer = answer
        self.clock = 0.0
        self.asked: list[Query] = []

    async def ask(self, target: Target, request: Request, deadline: float = inf) -> Response:
        assert isinstance(target.credential, Community)
        query = decode_request(message.encode_request(request, target.credential, 1 << 24))
        self.asked.append(query)
        sent, self.clock = self.clock, self.clock + 1
        octets = self.answer(query)
        if octets is None:
            raise Late("the deadline came") if self.clock >= deadline else Silent("nothing came")
        response = self.client._read(cast("Any", SimpleNamespace(request=request)), open_response(octets))
        response.sent, response.received, response.attempts = sent, self.clock, 1
        return response


def walked(
    engine: type[Client], answer: Answer, columns: Sequence[bytes] = COLUMNS, version: int = V2C, **how: Any
) -> tuple[Walk, list[Query]]:
    """A walk, and what the agent was asked."""

    async def run() -> tuple[Walk, list[Query]]:
        async with engine() as client:
            direct = Direct(client, answer)
            target = Target("192.0.2.1", 161, Community(version, b"public"), timeout_s=8, retries=0)
            return await walk(direct, target, columns, **how), direct.asked

    return asyncio.run(run())


@dataclass
class Agent:
    """Answers from `mib` as well as it can. It cuts answers after `cut` varbinds, calls more than `too_big` too big, is
    silent to more than `lost`, gives at most `repetitions` rows, has genErr for what follows in `failing` columns, points
    at `blamed` for every error, and dies after `answers` answers."""

    mib: Mib
    cut: int = 1000
    too_big: int = 1000
    lost: int = 1000
    repetitions: int = 1000
    failing: frozenset[bytes] = frozenset()
    blamed: int | None = None
    answers: int = 100_000
    order: list[tuple[tuple[int, ...], bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self.order = sorted((oid.arcs(name), name) for name in self.mib)

    def after(self, name: bytes) -> tuple[bytes, int, Value]:
        at = bisect_right(self.order, (oid.arcs(name), name))
        return (
            (name, Tag.END_OF_MIB_VIEW, None) if at == len(self.order) else (self.order[at][1], *self.mib[self.order[at][1]])
        )

    def error(self, query: Query, status: int, at: int) -> bytes:
        same = [(name, Tag.NULL, None) for name in query.oids]
        return encode_response(query, same, status, at + 1 if self.blamed is None else self.blamed)

    def __call__(self, query: Query) -> bytes | None:
        wanted = len(query.oids) * (query.max_repetitions if query.pdu == Tag.GET_BULK else 1)
        self.answers -= 1
        if self.answers < 0 or wanted > self.lost:
            return None
        if wanted > self.too_big:
            return encode_response(query, [], TOO_BIG, 0)
        for at, name in enumerate(query.oids):
            if any(name.startswith(column) for column in self.failing):
                return self.error(query, GEN_ERR, at)
        row = [self.after(name) for name in query.oids]
        if query.version == V1:
            for at, (_, tag, _) in enumerate(row):
                if tag == Tag.END_OF_MIB_VIEW:
                    return self.error(query, NO_SUCH_NAME, at)
        rows = row
        for _ in range(min(query.max_repetitions, self.repetitions) - 1 if query.pdu == Tag.GET_BULK else 0):
            row = [self.after(name) for name, _, _ in row]
            rows = rows + row
        return encode_response(query, rows[: self.cut])


def truth(mib: Mib, columns: Sequence[bytes] = COLUMNS) -> dict[bytes, dict[bytes, VarBind]]:
    """What a walk has to bring."""
    names = sorted(mib, key=oid.arcs)
    return {
        column: {name[len(column) :]: VarBind(name, *mib[name]) for name in names if oid.within(name, column)}
        for column in columns
    }


def listed(rows: dict[bytes, dict[bytes, VarBind]]) -> dict[bytes, list[tuple[bytes, VarBind]]]:
    """In order, for dicts are equal in any."""
    return {column: list(cells.items()) for column, cells in rows.items()}


def dense(rows: int, columns: Sequence[bytes] = COLUMNS, value: Value = 0) -> dict[bytes, tuple[int, Value]]:
    tag = Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING
    return {column + oid.encode_arcs((n,)): (tag, value) for column in columns for n in range(1, rows + 1)}


def wanted(asked: Sequence[Query]) -> list[int]:
    """Varbinds that were asked for."""
    return [len(query.oids) * query.max_repetitions for query in asked]
