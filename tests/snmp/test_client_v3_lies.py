"""What is not the answer of the engine that was asked is not taken: it is counted, and named when nothing better comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netmon.snmp import v3
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.errors import Refused
from netmon.snmp.message import V2C, Community, Query, get_request
from netmon.snmp.target import Credential, Target
from netmon.snmp.usm import AUTH, Usm
from netmon.snmp.v3 import Report
from tests.snmp.agent import UPTIME, Agent, ticks
from tests.snmp.agent_v3 import AgentV3, honest, of_first, pdu, sealed
from tests.snmp.usm_oracle import ENGINE, user_of

StartV3 = Callable[..., Awaitable[AgentV3]]
StartAgent = Callable[..., Awaitable[Agent]]
REQUEST = get_request([UPTIME])
FULL, ANYONE = user_of("SHA", "AES"), user_of("", user="anyone")
OTHER = ENGINE[:-1] + b"\x77"


def target_of(agent: Any, credential: Credential = FULL, timeout_s: float = 10.0, **more: Any) -> Target:
    return Target(agent.address, agent.port, credential, timeout_s, 0, **more)


def answer_to(data: bytes, **changed: Any) -> bytes:
    """The answer to FULL's question, but for what is changed."""
    msg_id = v3.open_envelope(data).msg_id
    how = {
        "usm": FULL,
        "tag": Tag.RESPONSE,
        "request_id": msg_id,
        "level": None,
        "engine_id": ENGINE,
        "of": ENGINE,
    } | changed
    inside = pdu(how["tag"], how["request_id"], [(UPTIME, Tag.TIME_TICKS, 666)])
    return sealed(how["usm"], inside, msg_id, level=how["level"], engine_id=how["engine_id"], of=how["of"])


def spoilt(data: bytes) -> bytes:
    """Its last octet, which is encrypted, is another."""
    return data[:-1] + bytes((data[-1] ^ 1,))


def as_v2c(data: bytes) -> bytes:
    return ticks(Query(V2C, b"noc", Tag.GET, v3.open_envelope(data).msg_id, 0, 0, [UPTIME]), 666)


LIES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a wrong signature": ("not signed with the user's key", lambda data: spoilt(answer_to(data))),
    "another key": ("not signed", lambda data: answer_to(data, usm=user_of("SHA", "AES", auth_key="another key"))),
    "another protocol": ("not signed", lambda data: answer_to(data, usm=user_of("SHA-256", "AES"))),
    "no signature": ("security level of the request, authPriv", lambda data: answer_to(data, level=0)),
    "no privacy": ("security level of the request, authPriv", lambda data: answer_to(data, level=AUTH)),
    "another privacy key": (
        "cannot be decrypted",
        lambda data: answer_to(data, usm=user_of("SHA", "AES", priv_key="not this")),
    ),
    "from another engine": ("not signed", lambda data: answer_to(data, engine_id=OTHER)),
    "of another engine": ("from or of another engine", lambda data: answer_to(data, of=OTHER)),
    "to another user": (
        "to another user, or of another context",
        lambda data: answer_to(data, usm=user_of("SHA", "AES", user="root")),
    ),
    "of another context": ("of another context", lambda data: answer_to(data, usm=user_of("SHA", "AES", context="vlan-7"))),
    "to another request": ("is to the request 42 inside", lambda data: answer_to(data, request_id=42)),
    "a request": ("PDU with tag 0xa0 came", lambda data: answer_to(data, tag=Tag.GET)),
    "v2c": ("v1 or v2c came where SNMPv3 is spoken", as_v2c),
}


@pytest.mark.parametrize(("why", "lie"), LIES.values(), ids=list(LIES))
async def test_a_lie_is_counted_and_the_truth_behind_it_taken(
    client: Client, agent_v3: StartV3, why: str, lie: Callable[[bytes], bytes]
) -> None:
    def lying(agent: AgentV3, data: bytes, source: Any) -> None:
        agent.send(lie(data), source)
        honest(agent, data, source)

    there = await agent_v3(of_first(honest, lying))
    assert (await client.ask(target_of(there), REQUEST)).values == [4711]
    assert client.stats.strays == {"late": 0, "source": 0, "malformed": 1}


@pytest.mark.parametrize(("why", "lie"), LIES.values(), ids=list(LIES))
async def test_a_lie_is_named_when_nothing_better_comes(
    client: Client, agent_v3: StartV3, why: str, lie: Callable[[bytes], bytes]
) -> None:
    there = await agent_v3(of_first(honest, lambda agent, data, source: agent.send(lie(data), source)))
    with pytest.raises(Exception, match=f"answered GET of .* with no SNMP message: .*{why}") as told:
        await client.ask(target_of(there, timeout_s=0.1), REQUEST)
    assert type(told.value).__name__ == "Malformed"
    assert client.stats.strays["malformed"] == 1


async def test_an_answer_of_v3_to_a_question_of_v2c_is_none(client: Client, agent: StartAgent) -> None:
    def answer(agent: Agent, query: Query, source: Any) -> None:
        rows = [(UPTIME, Tag.TIME_TICKS, 666)]
        agent.transport.sendto(sealed(ANYONE, pdu(Tag.RESPONSE, query.request_id, rows), query.request_id), source)
        agent.transport.sendto(ticks(query), source)

    there = await agent(answer)
    assert (await client.ask(target_of(there, Community(V2C, b"public")), REQUEST)).values == [4711]
    assert client.stats.strays["malformed"] == 1


@pytest.mark.parametrize("report", [Report.NOT_IN_TIME_WINDOW, Report.UNKNOWN_USER_NAME, Report.UNKNOWN_ENGINE_ID])
async def test_a_stranger_s_report_is_ignored_and_counted(client: Client, agent_v3: StartV3, report: Report) -> None:
    there = await agent_v3()
    stranger = await agent_v3(address="127.0.0.2", port=there.port)

    def overheard(agent: AgentV3, data: bytes, source: Any) -> None:
        msg_id = v3.open_envelope(data).msg_id
        forged = pdu(Tag.REPORT, msg_id, [(report.value, Tag.COUNTER32, 1)])
        stranger.send(sealed(Usm(user=""), forged, msg_id, engine_id=OTHER), source)
        honest(agent, data, source)

    there.answer = overheard
    target = target_of(there)
    assert (await client.ask(target, REQUEST)).values == [4711]
    assert client.stats.strays["source"] == 2
    assert target.engine is not None
    assert target.engine.id == ENGINE


async def test_an_answer_from_another_address_is_taken_only_where_it_may_come_from(
    client: Client, agent_v3: StartV3
) -> None:
    there = await agent_v3()
    elsewhere = await agent_v3(address="127.0.0.2", port=there.port)
    there.answer = lambda agent, data, source: elsewhere.send(agent.reply(data), source)
    with pytest.raises(Refused, match=rf"127\.0\.0\.2:{there.port} answered; .* also_from"):
        await client.ask(target_of(there, timeout_s=0.1), REQUEST)
    allowed = target_of(there, also_from=frozenset({"127.0.0.2"}))
    assert (await client.ask(allowed, REQUEST)).values == [4711]
