"""Answers of agents to questions of SNMP v1, v2c and v3, read by either engine."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netmon.snmp.client import Client
from netmon.snmp.question import Response
from netmon.snmp.second import PysnmpClient
from tests.snmp import fuzzing
from tests.soak.fuzz.frame import Item

_SECOND = 40  # answers of which one goes to pysnmp's engine too, which costs so much more


class _Answers:
    """`kind` is the place in KINDS, with an "s" where the octets are to be sealed."""

    together = 1
    most_mb = 96
    cpu_s = 20 * fuzzing.CPU_S  # of both engines and the readers; `Conversation` looks at each by itself
    cpu_s_an_octet = 20 * fuzzing.CPU_S_AN_OCTET

    def __init__(self) -> None:
        self.ours, self.theirs = fuzzing.Conversation(Client), fuzzing.Conversation(PysnmpClient)
        self._count = 0

    def seeds(self) -> list[Item]:
        return [Item(f"{kind}{'s' * signed}", data) for kind, data, signed in fuzzing.seeds()]

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item:
        return Item(item.kind, fuzzing.spoil(item.data, dice, [dice.choice(others).data for _ in range(4)]))

    async def give(self, item: Item) -> str:
        kind, signed = int(item.kind.rstrip("s")), item.kind.endswith("s")
        found = self.ours.answer(kind, item.data, signed=signed)
        self._count += 1
        if self._count % _SECOND == 0:
            assert not fuzzing.told_apart(found, self.theirs.answer(kind, item.data, signed=signed)), "the engines disagree"
            fuzzing.read_alone(item.data)
        if isinstance(found, Response):
            return f"Response: {kind} {len(found.varbinds)} {found.error_status}"
        return f"{type(found).__name__ if found else 'nothing'}: {found}"

    def check(self) -> None:
        assert not self.ours.client.pending


@asynccontextmanager
async def answers(dice: random.Random) -> AsyncIterator[_Answers]:
    given = _Answers()
    yield given
    await given.ours.client.close()
    await given.theirs.client.close()
