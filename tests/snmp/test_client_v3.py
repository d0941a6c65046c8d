"""The conversation with an engine of SNMPv3: what is learned once, what is put right silently, what is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netmon.snmp import keyring, oid, second_v3, usm, v3
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.errors import LocalFailure, Refused, Silent
from netmon.snmp.message import get_bulk_request, get_next_request, get_request
from netmon.snmp.second import PysnmpClient
from netmon.snmp.target import Credential, Target
from netmon.snmp.usm import Usm
from netmon.snmp.v3 import Report
from netmon.snmp.walks import walk
from tests.snmp.agent import UPTIME, Agent
from tests.snmp.agent_v3 import BOOTS, AgentV3, honest, mute, of_first, only_discovery, pdu, sealed
from tests.snmp.usm_oracle import ENGINE, user_of

StartV3 = Callable[..., Awaitable[AgentV3]]
StartAgent = Callable[..., Awaitable[Agent]]
REQUEST = get_request([UPTIME])
FULL, SIGNER, ANYONE = user_of("SHA", "AES"), user_of("SHA-256", user="signer"), user_of("", user="anyone")
USERS = (FULL, SIGNER, ANYONE)
OTHER = ENGINE[:-1] + b"\x77"


def target_of(agent: Any, credential: Credential = FULL, timeout_s: float = 10.0, retries: int = 0, **more: Any) -> Target:
    return Target(agent.address, agent.port, credential, timeout_s, retries, **more)


# --- learned once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credential", USERS, ids=lambda credential: credential.level_name)
async def test_an_engine_is_discovered_once_and_known_from_then_on(
    client: Client, agent_v3: StartV3, credential: Usm
) -> None:
    there = await agent_v3()
    target = target_of(there, credential)
    for _ in range(3):
        response = await client.ask(target, REQUEST)
        assert (response.values, response.engine_boots, response.attempts) == ([4711], BOOTS, 1)
    assert there.discoveries() == [True, False, False, False]
    assert client.stats.requests == 4
    assert not any(client.stats.strays.values())


async def test_an_answer_says_how_long_its_message_was(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3()
    response = await client.ask(target_of(there), REQUEST)
    answer = there.reply(there.datagrams[-1])
    assert answer is not None
    assert response.octets == len(answer)


async def test_a_key_is_hashed_once_and_localised_once_for_each_engine(client: Client, agent_v3: StartV3) -> None:
    """Two devices, three targets, six questions."""
    ours = not isinstance(client, PysnmpClient)
    localised = usm.keys if ours else second_v3.keys
    hashed = usm._user_key if ours else keyring._auth_master
    credential = user_of("SHA", auth_key=f"a key of {type(client).__name__} alone")
    v3.encode_discovery(1 << 24)  # by nobody, who has keys too: none
    before = localised.cache_info().misses, hashed.cache_info().misses
    there, elsewhere = await agent_v3(users=[credential]), await agent_v3(users=[credential])
    elsewhere.become(OTHER)
    for target in (target_of(there, credential), target_of(there, credential), target_of(elsewhere, credential)):
        for _ in range(2):
            await client.ask(target, REQUEST)
    assert localised.cache_info().misses == before[0] + 2
    assert hashed.cache_info().misses == before[1] + 1


# --- put right silently, once ------------------------------------------------------------------------------------------


def reboot(agent: AgentV3) -> None:
    agent.become(ENGINE, BOOTS + 1, 0)


def jump(agent: AgentV3) -> None:
    agent.become(ENGINE, BOOTS, 100_000)


def fall_back(agent: AgentV3) -> None:
    agent.become(ENGINE, BOOTS, 0)


@pytest.mark.parametrize("happens", [reboot, jump, fall_back])
async def test_an_engine_whose_clock_was_set_is_followed_silently(
    client: Client, agent_v3: StartV3, happens: Callable[[AgentV3], None]
) -> None:
    there = await agent_v3()
    target = target_of(there)
    await client.ask(target, REQUEST)
    happens(there)
    for _ in range(2):
        response = await client.ask(target, REQUEST)
        assert (response.attempts, response.engine_boots) == (1, there.authority.boots)
    assert there.discoveries() == [True, False, False, False, False]
    assert there.authority.counts == {Report.NOT_IN_TIME_WINDOW: 1}


async def test_an_engine_whose_clock_is_never_right_is_refused(client: Client, agent_v3: StartV3) -> None:
    def restless(agent: AgentV3, data: bytes, source: Any) -> None:
        agent.become(ENGINE, agent.authority.boots + 1)
        honest(agent, data, source)

    there = await agent_v3(restless)
    target = target_of(there)
    with pytest.raises(Refused, match="takes the request of the user 'noc' for an old one, even after its clock was set"):
        await client.ask(target, REQUEST)
    assert target.engine is None, "it is asked anew the next time"
    assert there.discoveries() == [True, False, False]


async def test_a_replaced_device_is_learned_anew_silently(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3()
    target = target_of(there)
    await client.ask(target, REQUEST)
    there.become(OTHER, 1)
    for _ in range(2):
        response = await client.ask(target, REQUEST)
        assert (response.attempts, response.engine_boots) == (1, 1)
    assert there.discoveries() == [True, False, False, False, False]
    assert target.engine is not None
    assert target.engine.id == OTHER


async def test_a_device_that_is_another_one_each_time_is_refused(client: Client, agent_v3: StartV3) -> None:
    def shifting(agent: AgentV3, data: bytes, source: Any) -> None:
        agent.become(ENGINE + bytes((len(agent.datagrams),)))
        honest(agent, data, source)

    there = await agent_v3(shifting)
    target = target_of(there)
    with pytest.raises(Refused, match="disowns the engine id that it told"):
        await client.ask(target, REQUEST)
    assert target.engine is None, "it is asked anew the next time"
    assert len(there.datagrams) == 3


@pytest.mark.parametrize("tag", [Tag.REPORT, Tag.RESPONSE])
async def test_whatever_answers_a_discovery_tells_who_the_engine_is(client: Client, agent_v3: StartV3, tag: Tag) -> None:
    """Agents are seen that know nobody of no name, and some that answer what nobody asked."""

    def odd(agent: AgentV3, data: bytes, source: Any) -> None:
        msg_id = v3.open_envelope(data).msg_id
        rows = [(Report.UNKNOWN_USER_NAME.value, Tag.COUNTER32, 1)]
        agent.send(sealed(Usm(user=""), pdu(tag, msg_id, rows), msg_id), source)

    there = await agent_v3(of_first(odd))
    assert (await client.ask(target_of(there), REQUEST)).values == [4711]
    assert there.discoveries() == [True, False]


async def test_two_questions_at_once_each_find_out_whatever_answers_their_discovery(
    client: Client, agent_v3: StartV3
) -> None:
    def odd(agent: AgentV3, data: bytes, source: Any) -> None:
        msg_id = v3.open_envelope(data).msg_id
        rows = [(Report.UNKNOWN_USER_NAME.value, Tag.COUNTER32, 1)]
        agent.send(sealed(Usm(user=""), pdu(Tag.REPORT, 0, rows), msg_id), source)

    there = await agent_v3(of_first(odd, odd))
    target = target_of(there, in_flight=2)
    responses = await asyncio.gather(*(client.ask(target, REQUEST) for _ in range(2)))
    assert [response.values for response in responses] == [[4711], [4711]]


async def test_an_answer_is_taken_though_another_question_gave_the_engine_up(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3()
    target = target_of(there, in_flight=2)
    await client.ask(target, REQUEST)
    there.answer = mute
    asked = asyncio.create_task(client.ask(target, REQUEST))
    await there.asked(3)
    target.engine = None
    honest(there, there.datagrams[-1], there.sources[-1])
    assert (await asked).values == [4711]
    assert not any(client.stats.strays.values())


# --- attempts ---------------------------------------------------------------------------------------------------------


async def test_a_lost_discovery_is_sent_again(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3(of_first(mute, mute))
    response = await client.ask(target_of(there, timeout_s=0.2, retries=3), REQUEST)
    assert response.attempts == 3
    assert there.discoveries() == [True, True, True, False]


def saving_up(count: int) -> Callable[[AgentV3, bytes, Any], None]:
    """Answers so many datagrams only when the last of them has come, and what follows at once."""

    def answer(agent: AgentV3, data: bytes, source: Any) -> None:
        if len(agent.datagrams) < count:
            return
        for each in agent.datagrams[:count] if len(agent.datagrams) == count else [data]:
            honest(agent, each, source)

    return answer


async def test_discoveries_that_are_all_answered_late_are_one(client: Client, agent_v3: StartV3) -> None:
    """A link that stalls delivers every attempt at once: what the later ones tell is known by then."""
    there = await agent_v3(saving_up(3))
    response = await client.ask(target_of(there, timeout_s=0.2, retries=3), REQUEST)
    assert response.values == [4711]
    assert there.discoveries() == [True, True, True, False]
    assert client.stats.strays["late"] == 2


async def test_a_clock_that_is_set_twice_by_late_reports_is_set_once(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3()
    target = target_of(there, timeout_s=0.2, retries=3)
    await client.ask(target, REQUEST)
    reboot(there)
    there.datagrams.clear()
    there.answer = saving_up(3)
    response = await client.ask(target, REQUEST)
    assert (response.values, response.engine_boots) == ([4711], BOOTS + 1)
    assert len(there.datagrams) == 4


async def test_silence_is_silence_and_the_engine_is_asked_anew(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3()
    target = target_of(there, timeout_s=0.05, retries=1)
    target.timeout_s = 10.0
    await client.ask(target, REQUEST)
    there.answer, target.timeout_s = mute, 0.05
    with pytest.raises(Silent, match=r"did not answer GET of .*: 2 attempts"):
        await client.ask(target, REQUEST)
    there.answer, target.timeout_s = honest, 10.0
    assert (await client.ask(target, REQUEST)).values == [4711]
    assert there.discoveries() == [True, False, False, False, True, False]


# --- refused ----------------------------------------------------------------------------------------------------------

WRONG = {
    "does not know the user 'nobody': create it there": user_of("SHA", "AES", user="nobody"),
    r"authentication key or protocol \(SHA\) is wrong": user_of("SHA", "AES", auth_key="another key"),
    r"authentication key or protocol \(MD5\) is wrong": user_of("MD5", "AES"),
    r"privacy key or protocol \(AES\) is wrong": user_of("SHA", "AES", priv_key="another key"),
    r"privacy key or protocol \(DES\) is wrong": user_of("SHA", "DES"),
    "does not let the user 'signer' speak at authPriv": user_of("SHA-256", "AES", user="signer"),
    "does not have the context 'vlan-7'": user_of("SHA", "AES", context="vlan-7"),
}


@pytest.mark.parametrize(("sentence", "credential"), WRONG.items(), ids=list(WRONG))
async def test_what_is_wrong_is_said_at_once(client: Client, agent_v3: StartV3, sentence: str, credential: Usm) -> None:
    """No attempt is made again, and no timeout waited for. Who the engine is stays known: the next time costs one."""
    there = await agent_v3()
    target = target_of(there, credential, timeout_s=30.0, retries=2)
    begun = time.monotonic()
    with pytest.raises(Refused, match=rf"^127\.0\.0\.1:{there.port} .*{sentence}.*\.$") as refused:
        await client.ask(target, REQUEST)
    assert time.monotonic() - begun < 10
    assert there.discoveries() == [True, False]
    assert credential.auth_key not in str(refused.value)
    with pytest.raises(Refused, match=sentence):
        await client.ask(target, REQUEST)
    assert there.discoveries() == [True, False, False]


@pytest.mark.parametrize(
    ("credential", "end"),
    [(FULL, r"s\): privacy key or protocol probably wrong\.$"), (SIGNER, r"s\)\.$"), (ANYONE, r"s\)\.$")],
    ids=["authPriv", "authNoPriv", "noAuthNoPriv"],
)
async def test_who_tells_its_name_but_answers_nothing_is_refused(
    client: Client, agent_v3: StartV3, credential: Usm, end: str
) -> None:
    there = await agent_v3(only_discovery)
    with pytest.raises(Refused, match=rf"tells its SNMPv3 engine id but did not answer GET of .* \(2 attempts in .*{end}"):
        await client.ask(target_of(there, credential, timeout_s=0.1, retries=1), REQUEST)


# --- ended early ------------------------------------------------------------------------------------------------------

PHASES = {
    "while the engine is asked who it is": (mute,),
    "while the request is under way": (honest, mute),
    "while the clock is set": (honest, lambda agent, data, source: (reboot(agent), honest(agent, data, source)), mute),
}


@pytest.mark.parametrize("phase", PHASES.values(), ids=list(PHASES))
async def test_a_question_can_be_cancelled_at_any_time(client: Client, agent_v3: StartV3, phase: tuple[Any, ...]) -> None:
    there = await agent_v3(of_first(*phase))
    target = target_of(there)
    asked = asyncio.create_task(client.ask(target, REQUEST))
    await there.asked(len(phase))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert client.pending == {}
    assert target.places.taken == 0
    assert (await client.ask(target, REQUEST)).values == [4711]


@pytest.mark.parametrize("phase", PHASES.values(), ids=list(PHASES))
async def test_closing_ends_a_question_at_any_time(engine: type[Client], agent_v3: StartV3, phase: tuple[Any, ...]) -> None:
    there = await agent_v3(of_first(*phase))
    client = await engine.open()
    target = target_of(there)
    asked, waiting = (asyncio.create_task(client.ask(target, REQUEST)) for _ in range(2))
    await there.asked(len(phase))
    await client.close()
    with pytest.raises(LocalFailure, match="was closed"):
        await asked
    with pytest.raises(LocalFailure, match="closed"):
        await waiting
    assert client.pending == {}
    assert target.places.taken == 0


# --- the rest of a manager's work -------------------------------------------------------------------------------------


async def test_ipv6_and_a_context(client: Client, agent_v3: StartV3) -> None:
    credential = user_of("SHA-512", "AES-256", context="vlan-7")
    there = await agent_v3(users=[credential], address="::1")
    assert (await client.ask(target_of(there, credential), REQUEST)).values == [4711]


INDEX, DESCR = (oid.encode(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 2))
MIB = {INDEX + bytes((n,)): (Tag.INTEGER, n) for n in range(1, 30)} | {
    DESCR + bytes((n,)): (Tag.OCTET_STRING, b"port %d" % n) for n in range(1, 30)
}


async def test_tables_are_walked_and_their_ends_told(client: Client, agent_v3: StartV3) -> None:
    there = await agent_v3(mib=MIB)
    target = target_of(there)
    found = await walk(client, target, [INDEX, DESCR])
    assert (found.complete, found.reason) == (True, "")
    assert {suffix[0]: each.value for suffix, each in found.rows[DESCR].items()} == {n: b"port %d" % n for n in range(1, 30)}
    assert [each.value for each in found.rows[INDEX].values()] == list(range(1, 30))
    following = await client.ask(target, get_next_request([INDEX, DESCR + b"\x1d"]))
    assert [each.tag for each in following.varbinds] == [Tag.INTEGER, Tag.END_OF_MIB_VIEW]
    bulk = await client.ask(target, get_bulk_request([INDEX, DESCR], 3))
    assert [each.value for each in bulk.varbinds] == [1, b"port 1", 2, b"port 2", 3, b"port 3"]
