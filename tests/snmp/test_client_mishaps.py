"""What must not end in a false silence, in a wait without end, or in readings that never come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netmon.snmp import ber, v3
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.errors import LocalFailure, Malformed
from netmon.snmp.message import V2C, Community, Query, encode_response, get_request
from netmon.snmp.target import Target
from netmon.snmp.usm import Usm
from tests.snmp.agent import UPTIME, Agent, silent, uptime

PUBLIC = Community(V2C, b"public")
REQUEST = get_request([UPTIME])
StartAgent = Callable[..., Awaitable[Agent]]


def at_length(data: bytes) -> bytes:
    """The same answer with every varbind's length written in the long form, as some agents do."""
    row = ber.tlv(Tag.OID, UPTIME) + ber.encode(Tag.TIME_TICKS, 4711)
    short, long = ber.tlv(Tag.SEQUENCE, row), b"\x30\x82" + len(row).to_bytes(2, "big") + row
    assert short in data
    _, start, _ = ber.header(data, 0, len(data))
    head = data[start:].split(b"\xa2")[0]
    pdu = data[data.index(b"\xa2") :]
    _, begin, end = ber.header(pdu, 0, len(pdu))
    fields = pdu[begin:end].removesuffix(ber.tlv(Tag.SEQUENCE, short))
    return ber.tlv(Tag.SEQUENCE, head + ber.tlv(Tag.RESPONSE, fields + ber.tlv(Tag.SEQUENCE, long)))


async def test_values_come_however_long_the_lengths_are_written(client: Client, agent: StartAgent) -> None:
    def answer(agent: Agent, query: Query, source: Any) -> None:
        agent.transport.sendto(at_length(encode_response(query, [(UPTIME, Tag.TIME_TICKS, 4711)])), source)

    there = await agent(answer)
    response = await client.ask(Target(there.address, there.port, PUBLIC, 5.0, 0), REQUEST)
    assert response.values == [4711]


async def test_a_question_that_was_never_sent_is_our_own_failure(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    target = Target(there.address, there.port, PUBLIC, 30.0, 0)
    first = asyncio.create_task(client.ask(target, REQUEST))
    await there.asked()
    with pytest.raises(LocalFailure, match="could not be asked"):
        await client.ask(target, REQUEST, time.monotonic() + 0.05)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(there.queries) == 1


async def test_a_turn_that_would_come_too_late_is_not_taken(engine: type[Client], agent: StartAgent) -> None:
    """Else those who cannot use it put off those who can, ever further."""
    there = await agent(uptime)
    async with engine(requests_per_s=1.0) as client:
        for _ in range(200):
            client.pace.take(time.monotonic())
        target = Target(there.address, there.port, PUBLIC, 5.0, 0)
        for _ in range(50):
            with pytest.raises(LocalFailure, match="asks too much at once"):
                await client.ask(target, REQUEST, time.monotonic() + 0.01)
        assert client.pace.wait_s(time.monotonic()) <= 1.0


async def test_what_is_sent_again_counts_against_the_pace(engine: type[Client], agent: StartAgent) -> None:
    there = await agent(silent)
    async with engine() as client:
        target = Target(there.address, there.port, PUBLIC, 0.02, 4, requests_per_s=0.01)
        with pytest.raises(Exception, match="5 attempts"):
            await client.ask(target, REQUEST)
        assert target.pace.wait_s(time.monotonic()) == 0  # ten at once, then one in 100 s
        for _ in range(5):
            target.pace.take(time.monotonic())
        assert target.pace.wait_s(time.monotonic()) > 90


async def test_an_answer_that_waited_for_a_busy_netmon_is_an_answer(client: Client, agent: StartAgent) -> None:
    """Timers fire before the socket is read."""
    there = await agent(uptime)
    target = Target(there.address, there.port, PUBLIC, 0.3, 0)
    await client.ask(target, REQUEST)
    question = asyncio.create_task(client.ask(target, REQUEST))
    await there.asked(2)  # it has answered, and nobody has read it yet
    time.sleep(0.6)  # noqa: ASYNC251 - the loop is held up, which is what is tested
    assert (await question).values == [4711]


def test_an_engine_id_has_32_octets_at_most() -> None:
    def report(size: int) -> bytes:
        data = v3.encode_discovery(1 << 24)
        engine = v3.open_envelope(data)
        assert engine.engine_id == b""
        parameters = b"".join((ber.tlv(Tag.OCTET_STRING, bytes(size)), *[b"\x02\x01\x00"] * 2, *[b"\x04\x00"] * 3))
        start = data.index(b"\x04\x10\x30\x0e")
        body = data[2:start] + ber.tlv(Tag.OCTET_STRING, ber.tlv(Tag.SEQUENCE, parameters)) + data[start + 18 :]
        return ber.tlv(Tag.SEQUENCE, body)

    assert len(v3.open_envelope(report(32)).engine_id) == 32
    for size in (33, 100, 60_000):
        with pytest.raises(Malformed):
            v3.open_envelope(report(size))


async def test_a_bug_while_sending_again_ends_the_question(
    client: Client, agent: StartAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await agent(silent)
    credential = Usm(user="noc")
    question = asyncio.create_task(client.ask(Target(there.address, there.port, credential, 0.1, 1), REQUEST))

    def broken(*_: object) -> bytes:
        raise OverflowError("a bug")

    await asyncio.sleep(0)
    monkeypatch.setattr(type(client), "write", broken)
    with pytest.raises(OverflowError, match="a bug"):
        await asyncio.wait_for(question, 5)


async def test_a_link_local_address_is_known_without_its_zone() -> None:
    target = Target("fe80::1%lo", 161, PUBLIC, 1.0, 0, frozenset({"fe80::2%lo"}))
    assert target.takes_from(("fe80::1", 161, 0, 1))
    assert target.takes_from(("fe80::2", 161, 0, 1))
