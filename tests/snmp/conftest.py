"""Fixtures of the wire's tests: a client of each engine, and agents that do as they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from netmon.snmp.client import Client
from netmon.snmp.message import Query
from netmon.snmp.second import PysnmpClient
from tests.snmp.agent import Agent

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
        assert not opened._pending
        assert [lane.in_flight for lane in opened._lanes.values() if lane.in_flight] == []


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
