"""Fixtures of the wire's tests: a client of each engine, and agents that do as they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import pytest

from netmon.snmp.client import Client
from netmon.snmp.message import Query
from netmon.snmp.second import PysnmpClient
from netmon.snmp.usm import Usm
from tests.snmp.agent import Agent, Mib
from tests.snmp.agent_v3 import AgentV3, honest
from tests.snmp.agent_v3 import Answer as AnswerV3
from tests.snmp.usm_oracle import user_of

Answer = Callable[[Agent, Query, Any], None]


@pytest.fixture(params=[Client, PysnmpClient], ids=["netmon", "pysnmp"])
def engine(request: pytest.FixtureRequest) -> type[Client]:
    """Both engines, in turn: what a client promises, each of them keeps."""
    return request.param


@pytest.fixture
async def client(engine: type[Client]) -> AsyncIterator[Client]:
    """An open client of each engine; at the end nothing may be left pending in it."""
    async with engine() as opened:
        yield opened
        assert not opened.pending
        assert [lane.places.taken for lane in opened._lanes.values() if lane.places.taken] == []


@pytest.fixture
async def agent() -> AsyncIterator[Callable[..., Awaitable[Agent]]]:
    """Starts agents: `await agent(answer, address=, port=)`."""
    started: list[Agent] = []

    async def start(answer: Answer, address: str = "127.0.0.1", port: int = 0) -> Agent:
        started.append(await Agent(answer).open(address, port))
        return started[-1]

    yield start
    for each in started:
        each.transport.close()


@pytest.fixture
async def agent_v3() -> AsyncIterator[Callable[..., Awaitable[AgentV3]]]:
    """Starts agents of SNMPv3: `await agent_v3(answer, users=, mib=, address=, port=)`."""
    started: list[AgentV3] = []
    known = (user_of("SHA", "AES"), user_of("SHA-256", user="signer"), user_of("", user="anyone"))

    async def start(
        answer: AnswerV3 = honest,
        *,
        users: Iterable[Usm] = known,
        mib: Mib | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> AgentV3:
        started.append(await AgentV3(users, answer, mib).open(address, port))
        return started[-1]

    yield start
    for each in started:
        each.transport.close()
