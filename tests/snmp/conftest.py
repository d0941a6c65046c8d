"""Fixtures of the wire's tests: a client, and agents that do as they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from netmon.snmp.client import Client
from netmon.snmp.message import Query
from tests.snmp.agent import Agent

Answer = Callable[[Agent, Query, Any], None]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """An open client; at the end nothing may be left pending in it."""
    async with Client() as opened:
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
