"""How addresses are asked: in which order, how often, and what an answer that is none is called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from typing import Any

import pytest

from netmon.credential import Credential, Secret
from netmon.discover.addresses import Wanted
from netmon.discover.found import Found, Seen
from netmon.discover.scan import NOBODY, Credentials, Manners, polite, scan
from netmon.model import Outcome
from netmon.snmp import Asker
from netmon.snmp.ber import Tag
from netmon.snmp.message import AUTHORIZATION_ERROR, Query, encode_response
from tests.peers import Snmpd, free_port
from tests.snmp.agent import Agent, silent, ticks

A, B = (Credential(name=name, version="2c", community=Secret(name)) for name in ("a", "b"))
KEY = Secret("khoa-xac-thuc")


def user(name: str) -> Credential:
    return Credential(name=f"v3-{name}", version="3", user=name, auth_protocol="SHA", auth_key=KEY)


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Awaitable[Agent]]]:
    """Agents in the test's own loop, closed with it."""
    opened: list[Agent] = []

    async def start(answer: Callable[[Agent, Query, Any], None], address: str, port: int) -> Agent:
        opened.append(await Agent(answer).open(address, port))
        return opened[-1]

    yield start
    for agent in opened:
        agent.transport.close()


async def identify(client: Asker, wanted: Wanted, credential: Credential) -> Found:
    return Found(addresses=(wanted.address,), credential=credential.name, told=wanted)


async def scanned(
    addresses: list[str], credentials: list[Credential], port: int, *, rate: float = inf, parallel: int = 1, known: str = ""
) -> tuple[dict[str, Seen], int]:
    """What became of the addresses, and how many datagrams that took."""
    seen: list[Seen] = []
    async with polite(rate) as client:
        await scan(
            [Wanted(address=address) for address in addresses],
            Credentials(credentials),
            identify,
            client,
            Manners(port=port, timeout_s=0.3),
            parallel=parallel,
            known=lambda address: known,
            tell=seen.append,
        )
        return {one.address: one for one in seen}, client.stats.requests


def only(community: str) -> Callable[[Agent, Query, object], None]:
    def answer(agent: Agent, query: Query, source: object) -> None:
        if query.community.decode() == community:
            agent.transport.sendto(ticks(query), source)

    return answer


async def test_the_credential_that_worked_last_is_tried_first(listen):
    port = free_port()
    agents = [await listen(only("b"), f"127.0.0.{n}", port) for n in (2, 3)]
    seen, _ = await scanned(["127.0.0.2", "127.0.0.3"], [A, B], port)
    assert [[query.community for query in agent.queries] for agent in agents] == [[b"a", b"b"], [b"b"]]
    assert [one.found and one.found.credential for one in seen.values()] == ["b", "b"]
    _, requests = await scanned(["127.0.0.2"], [A, B], port, known="b")
    assert requests == 1, "and before all the one that the inventory has"


async def test_no_more_than_the_rate_however_many_are_asked_at_once(listen):
    port = free_port()
    times: list[float] = []
    loop = asyncio.get_running_loop()

    def note(agent: Agent, query: Query, source: object) -> None:
        times.append(loop.time())

    for n in range(2, 12):
        await listen(note, f"127.0.0.{n}", port)
    seen, requests = await scanned([f"127.0.0.{n}" for n in range(2, 12)], [A], port, rate=40, parallel=10)
    assert (requests, {one.outcome for one in seen.values()}) == (10, {Outcome.SILENT})
    assert times[-1] - times[0] >= 0.9 * 9 / 40


async def test_who_answers_without_a_word_of_use_refuses(listen):
    port = free_port()

    def denied(agent: Agent, query: Query, source: object) -> None:
        agent.transport.sendto(encode_response(query, [], AUTHORIZATION_ERROR, 0), source)

    def blind(agent: Agent, query: Query, source: object) -> None:
        agent.transport.sendto(encode_response(query, [(name, Tag.NO_SUCH_OBJECT, None) for name in query.oids]), source)

    for address, answer in (("127.0.0.2", denied), ("127.0.0.3", blind), ("127.0.0.4", silent)):
        await listen(answer, address, port)
    seen, _ = await scanned([f"127.0.0.{n}" for n in (2, 3, 4, 5)], [A], port)
    assert {address: one.outcome for address, one in seen.items()} == {
        "127.0.0.2": Outcome.REFUSED,
        "127.0.0.3": Outcome.REFUSED,
        "127.0.0.4": Outcome.SILENT,
        "127.0.0.5": Outcome.REFUSED,
    }
    assert "authorizationError" in seen["127.0.0.2"].detail
    assert "without sysUpTime" in seen["127.0.0.3"].detail
    assert seen["127.0.0.5"].detail == NOBODY


async def test_a_user_that_is_not_known_is_told_from_silence(snmpd: Callable[..., Snmpd]):
    """A real agent's Reports; the engine is discovered once for all users."""
    agent = snmpd(f'createUser right SHA "{KEY.reveal()}"\nrouser right auth', host="127.0.0.2")
    seen, requests = await scanned(["127.0.0.2"], [user("one"), user("two")], agent.port)
    one = seen["127.0.0.2"]
    assert (one.outcome, one.v3, requests) == (Outcome.REFUSED, True, 3)
    assert "answers SNMPv3, but none of the credentials fits" in one.detail
    assert "'one'" in one.detail
    assert "(v3-two)" in one.detail
    assert KEY.reveal() not in one.detail
    seen, _ = await scanned(["127.0.0.2"], [user("one"), user("right")], agent.port)
    assert seen["127.0.0.2"].found is not None
    assert seen["127.0.0.2"].found.credential == "v3-right"


async def test_who_does_not_speak_v3_is_asked_once_for_all_its_users():
    port = free_port()
    heard: list[bytes] = []

    class Deaf(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, source: object) -> None:
            heard.append(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Deaf, local_addr=("127.0.0.2", port))
    seen, requests = await scanned(["127.0.0.2"], [user("one"), user("two"), A], port)
    transport.close()
    assert (seen["127.0.0.2"].outcome, seen["127.0.0.2"].v3, requests, len(heard)) == (Outcome.SILENT, False, 2, 2)


async def test_one_address_that_breaks_us_stops_no_other(listen, capsys: pytest.CaptureFixture[str]):
    port = free_port()
    await listen(only("a"), "127.0.0.3", port)
    broken = Credential(name="c", version="3", user="x" * 40)
    seen, _ = await scanned(["127.0.0.3"], [A], port)
    assert seen["127.0.0.3"].outcome is Outcome.ANSWERED
    seen, _ = await scanned(["127.0.0.3", "127.0.0.3"], [broken], port)
    assert seen["127.0.0.3"].outcome is Outcome.BUG
    capsys.readouterr()
