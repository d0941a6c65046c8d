"""Fixtures of the pollers' tests: a client, scripted devices, and pollers for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from netmon import profiles
from netmon.credential import Credential, Secret
from netmon.model import Device
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import Client, RequestSize
from netmon.snmp.second import PysnmpClient
from tests.pollers.box import Box

LABELS = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))


@pytest.fixture(params=[Client, PysnmpClient], ids=["netmon", "pysnmp"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """An open client of each engine; at the end nothing may be left pending in it."""
    async with request.param() as opened:
        yield opened
        assert not opened.pending


@pytest.fixture
async def box() -> AsyncIterator[Callable[..., Awaitable[Box]]]:
    """Starts scripted devices: `await box(address=, port=)`."""
    started: list[Box] = []

    async def start(address: str = "127.0.0.1", port: int = 0) -> Box:
        started.append(await Box().open(address, port))
        return started[-1]

    yield start
    for each in started:
        each.agent.transport.close()


@pytest.fixture
def poller_of(client: Client) -> Callable[..., SnmpPoller]:
    """A poller of a device at 127.0.0.1: `poller_of(port, version=, pinger=, varbinds=, **fields of Device)`."""

    def make(port: int, *, version: str = "2c", pinger: Any = None, varbinds: int = 24, **fields: Any) -> SnmpPoller:
        defaults: dict[str, Any] = {"addresses": ("127.0.0.1",), "timeout_s": 10.0, "retries": 0, "deadline_s": 20.0}
        device = Device(id="d1", site="s1", port=port, **defaults | fields)
        credential = Credential(name="c", version=version, community=Secret("public"))
        return SnmpPoller(
            client, device, LABELS, credential, profiles.load(), pinger=pinger, size=RequestSize(varbinds, varbinds + 1)
        )

    return make
