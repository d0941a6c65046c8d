"""The client against agents that are late, wrong, elsewhere or gone."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netmon.snmp.client import Client, Event
from netmon.snmp.errors import LocalFailure, Malformed, Refused, Silent, Unsupported
from netmon.snmp.message import V1, V2C, Community, Query, get_bulk_request, get_request
from netmon.snmp.target import Target
from tests.snmp.agent import UPTIME, Agent, silent, ticks, uptime

PUBLIC = Community(V2C, b"public")
REQUEST = get_request([UPTIME])
StartAgent = Callable[..., Awaitable[Agent]]


def target_of(agent: Agent, timeout_s: float = 5.0, retries: int = 0, **more: Any) -> Target:
    return Target(agent.address, agent.port, PUBLIC, timeout_s, retries, **more)


async def test_an_answer_carries_its_values_and_when_it_was_asked_and_came(client: Client, agent: StartAgent) -> None:
    before = time.monotonic()
    response = await client.ask(target_of(await agent(uptime)), REQUEST)
    assert [(each.oid, each.value) for each in response.varbinds] == [(UPTIME, 4711)]
    assert before <= response.sent <= response.received <= time.monotonic()
    assert response.attempts == 1


async def test_ipv6_has_a_socket_of_its_own(client: Client, agent: StartAgent) -> None:
    there = await agent(uptime, "::1")
    target = Target("0:0:0:0:0:0:0:1", there.port, PUBLIC, 5.0, 0)
    assert str(target) == f"[::1]:{there.port}"
    assert (await client.ask(target, REQUEST)).varbinds[0].value == 4711


async def test_a_second_attempt_has_an_id_of_its_own_and_its_own_time(client: Client, agent: StartAgent) -> None:
    def second_time(agent: Agent, query: Query, source: Any) -> None:
        if len(agent.queries) == 2:
            uptime(agent, query, source)

    there = await agent(second_time)
    begun = time.monotonic()
    response = await client.ask(target_of(there, timeout_s=0.3, retries=1), REQUEST)
    assert response.attempts == 2
    assert response.sent >= begun + 0.3
    assert there.queries[0].request_id != there.queries[1].request_id
    assert (client.stats.requests, client.stats.retries, client.stats.timeouts) == (2, 1, 0)


async def test_a_late_reply_to_an_earlier_attempt_is_an_answer_timed_from_that_attempt(
    client: Client, agent: StartAgent
) -> None:
    def late(agent: Agent, query: Query, source: Any) -> None:
        if len(agent.queries) == 2:
            uptime(agent, agent.queries[0], source)

    response = await client.ask(target_of(await agent(late), timeout_s=0.3, retries=1), REQUEST)
    assert response.attempts == 2
    assert response.received - response.sent >= 0.3


async def test_duplicates_and_replies_to_nobody_are_counted_as_late(client: Client, agent: StartAgent) -> None:
    def thrice(agent: Agent, query: Query, source: Any) -> None:
        agent.transport.sendto(ticks(query._replace(request_id=query.request_id ^ 0x55555)), source)
        uptime(agent, query, source)
        uptime(agent, query, source)

    there = await agent(thrice)
    for _ in range(2):
        await client.ask(target_of(there), REQUEST)
    assert client.stats.strays["late"] >= 3  # all but the last duplicate, which may still be on its way


async def test_a_reply_from_another_address_is_refused_unless_the_device_may_use_it(
    client: Client, agent: StartAgent
) -> None:
    there = await agent(silent)
    elsewhere = await agent(silent, "127.0.0.2", there.port)
    there.answer = lambda _, query, source: elsewhere.transport.sendto(ticks(query), source)
    with pytest.raises(Refused, match=rf"127\.0\.0\.2:{there.port} answered; .* also_from"):
        await client.ask(target_of(there, timeout_s=0.3), REQUEST)
    assert client.stats.strays["source"] == 1
    allowed = target_of(there, also_from=frozenset({"127.0.0.2"}))
    assert (await client.ask(allowed, REQUEST)).varbinds[0].value == 4711
    other_port = await agent(silent, "127.0.0.2")
    there.answer = lambda _, query, source: other_port.transport.sendto(ticks(query), source)
    with pytest.raises(Refused, match=rf"127\.0\.0\.2:{other_port.port} answered"):
        await client.ask(target_of(there, timeout_s=0.3, also_from=frozenset({"127.0.0.2"})), REQUEST)


async def test_a_reply_from_another_port_is_no_answer(client: Client, agent: StartAgent) -> None:
    there, other = await agent(silent), await agent(silent)
    there.answer = lambda _, query, source: other.transport.sendto(ticks(query), source)
    with pytest.raises(Refused, match=f"127.0.0.1:{other.port} answered"):
        await client.ask(target_of(there, timeout_s=0.3), REQUEST)


@pytest.mark.parametrize("garbage", [b"garbage", b"\x30\x82\x7f\xff", "cut", "echo"])
async def test_garbage_is_counted_and_named_only_when_nothing_better_comes(
    client: Client, agent: StartAgent, garbage: bytes | str
) -> None:
    def bad(agent: Agent, query: Query, source: Any) -> None:
        data = {"cut": ticks(query)[:-1], "echo": b"\x30\x0b\x02\x01\x01\x04\x06public"}.get(str(garbage), garbage)
        assert isinstance(data, bytes)
        agent.transport.sendto(data, source)
        if len(agent.queries) > 1:
            uptime(agent, query, source)

    there = await agent(bad)
    with pytest.raises(Malformed, match=f"{there.port} answered GET of 1.3.6.1.2.1.1.3.0 with no SNMP message: "):
        await client.ask(target_of(there, timeout_s=0.3), REQUEST)
    assert (await client.ask(target_of(there), REQUEST)).varbinds[0].value == 4711
    assert client.stats.strays["malformed"] == 2


async def test_silence_says_who_was_asked_what_how_often_and_how_long(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    sentence = (
        rf"^127\.0\.0\.1:{there.port} did not answer GET of 1\.3\.6\.1\.2\.1\.1\.3\.0 and 1 more: 3 attempts in \d\.\d s\.$"
    )
    with pytest.raises(Silent, match=sentence):
        await client.ask(target_of(there, timeout_s=0.05, retries=2), get_request([UPTIME, UPTIME]))
    assert len(there.queries) == 3
    assert client.stats.timeouts == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_closed_port_is_refused_at_once_and_only_for_its_own_question(
    client: Client, agent: StartAgent, address: str
) -> None:
    """Fifty closed ports at once: each ICMP error also disturbs the next send on the shared socket."""
    there = await agent(uptime, address)
    closed = await agent(silent, address)
    closed.transport.close()
    await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn
    questions = []
    for _ in range(50):
        questions.append(client.ask(Target(address, closed.port, PUBLIC, 30.0, 0), REQUEST))
        questions.append(client.ask(Target(address, there.port, PUBLIC, 30.0, 0), REQUEST))
    begun = time.monotonic()
    results = await asyncio.gather(*questions, return_exceptions=True)
    assert time.monotonic() - begun < 5
    assert {type(result).__name__ for result in results[0::2]} == {"Refused"}
    assert {type(result).__name__ for result in results[1::2]} == {"Response"}
    assert "sent ICMP port unreachable" in str(results[0])


async def test_a_refusal_that_is_read_while_sending_again_ends_the_question(client: Client, agent: StartAgent) -> None:
    there = await agent(uptime)
    await client.ask(target_of(there), REQUEST)
    (lane,) = client._lanes.values()
    there.transport.close()
    await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn
    asyncio.get_running_loop().remove_reader(lane.socket.fileno())
    with pytest.raises(Refused, match="port unreachable"):
        await client.ask(target_of(there, timeout_s=0.05, retries=1), REQUEST)
    assert (client.stats.requests, client.stats.timeouts) == (2, 0)


@contextmanager
def icmp_sender() -> Iterator[socket.socket]:
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        pytest.skip("ICMP errors can be made only with CAP_NET_RAW")
    with raw:
        yield raw


def send_icmp(raw: socket.socket, code: int, agent: Agent, source: tuple[str, int]) -> None:
    """A destination unreachable for a datagram from `source` to the agent, quoting eight octets of it (RFC 792)."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(agent.address)
    quoted = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    quoted += struct.pack("!HHHH", source[1], agent.port, 8, 0)
    message = struct.pack("!BBHI", 3, code, 0, 0) + quoted
    words = sum(struct.unpack(f"!{len(message) // 2}H", message))
    words = (words >> 16) + (words & 0xFFFF)
    checksum = ~(words + (words >> 16)) & 0xFFFF
    raw.sendto(message[:2] + checksum.to_bytes(2, "big") + message[4:], (source[0], 0))


async def test_a_router_s_host_unreachable_is_waited_out_and_told(client: Client, agent: StartAgent) -> None:
    with icmp_sender() as raw:
        there = await agent(lambda agent, _, source: send_icmp(raw, 1, agent, source))
        with pytest.raises(Silent, match=r"2 attempts in .* s; 127\.0\.0\.1 sent ICMP host unreachable"):
            await client.ask(target_of(there, timeout_s=0.2, retries=1), REQUEST)

        def then_answer(agent: Agent, query: Query, source: Any) -> None:
            send_icmp(raw, 1, agent, source)
            uptime(agent, query, source)

        there.answer = then_answer
        assert (await client.ask(target_of(there), REQUEST)).varbinds[0].value == 4711


async def test_a_port_unreachable_from_a_firewall_on_the_way_is_no_sign_of_life(client: Client, agent: StartAgent) -> None:
    with icmp_sender() as raw:
        there = await agent(lambda agent, _, source: send_icmp(raw, 3, agent, source))
        raw.bind(("127.0.0.9", 0))
        with pytest.raises(Silent, match=r"127\.0\.0\.9 sent ICMP port unreachable"):
            await client.ask(target_of(there, timeout_s=0.2), REQUEST)


async def test_a_short_quote_refuses_whatever_went_to_that_port(client: Client, agent: StartAgent) -> None:
    with icmp_sender() as raw:
        there, other = await agent(silent), await agent(silent)
        there.answer = lambda agent, _, source: send_icmp(raw, 3, agent, source)
        waiting = asyncio.create_task(client.ask(target_of(other, timeout_s=30.0), REQUEST))
        await other.asked()
        with pytest.raises(Refused, match="port unreachable"):
            await client.ask(target_of(there, timeout_s=30.0), REQUEST)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_full_send_buffer_is_waited_for_and_named_when_it_stays_full(
    client: Client, agent: StartAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await agent(uptime)
    await client.ask(target_of(there), REQUEST)
    (lane,) = client._lanes.values()
    full = [False, False]
    send = lane.send
    monkeypatch.setattr(lane, "send", lambda datagram, peer: full.pop() if full else send(datagram, peer))
    response = await client.ask(target_of(there), REQUEST)
    assert (response.attempts, len(there.queries), client.stats.requests) == (1, 2, 2)
    monkeypatch.setattr(lane, "send", lambda datagram, peer: False)
    with pytest.raises(LocalFailure, match="the send buffer stays full"):
        await client.ask(target_of(there, timeout_s=0.02), REQUEST)


async def test_what_our_own_side_forbids_is_a_local_failure(client: Client) -> None:
    with pytest.raises(LocalFailure, match=r"could not be sent to 255\.255\.255\.255:161: Permission denied"):
        await client.ask(Target("255.255.255.255", 161, PUBLIC, 5.0, 0), REQUEST)


def test_no_route_is_a_local_failure(engine: type[Client]) -> None:
    """In a network namespace of its own nothing has a route."""
    program = f"""
import asyncio
from netmon.snmp.message import Community, get_request
from netmon.snmp.target import Target
from {engine.__module__} import {engine.__name__} as Engine
async def main():
    async with Engine() as client:
        try:
            await client.ask(Target("192.0.2.1", 161, Community(1, b"public"), 5.0, 0), get_request([{UPTIME!r}]))
        except Exception as error:
            print(type(error).__name__, error)
asyncio.run(main())
"""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare may not make a network namespace here")
    done = subprocess.run([*unshare, sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == (
        "LocalFailure GET of 1.3.6.1.2.1.1.3.0 could not be sent to 192.0.2.1:161: Network is unreachable.\n"
    )


async def test_no_descriptor_is_a_local_failure(client: Client) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open("/dev/null", os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        with pytest.raises(LocalFailure, match="No UDP socket could be opened: Too many open files"):
            await client.ask(Target("127.0.0.1", 9, PUBLIC, 5.0, 0), REQUEST)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_two_hundred_devices_share_one_descriptor(client: Client, agent: StartAgent) -> None:
    agents = [await agent(lambda *_: None, f"127.9.0.{n}") for n in range(1, 201)]
    number = {each: n for n, each in enumerate(agents)}
    for each in agents:
        each.answer = lambda agent, query, source: agent.transport.sendto(ticks(query, number[agent]), source)
    await client.ask(target_of(agents[0]), REQUEST)
    before = len(os.listdir("/proc/self/fd"))
    responses = await asyncio.gather(*(client.ask(target_of(each), REQUEST) for each in agents))
    assert [response.varbinds[0].value for response in responses] == list(range(200))
    assert len(os.listdir("/proc/self/fd")) == before


async def test_questions_beyond_the_cap_wait_in_order(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    first = asyncio.create_task(client.ask(target_of(there), REQUEST))
    await there.asked()
    (lane,) = client._lanes.values()
    lane.places.cap = 1
    order: list[int] = []

    async def ask(n: int) -> None:
        await client.ask(target_of(there), REQUEST)
        order.append(n)

    waiting = [asyncio.create_task(ask(n)) for n in range(4)]
    await asyncio.sleep(0)
    assert len(lane.places.waiters or ()) == 4
    waiting.pop(1).cancel()
    there.answer = uptime
    uptime(there, there.queries[0], there.sources[0])
    await asyncio.gather(first, *waiting)
    assert order == [0, 2, 3]
    assert lane.places.taken == 0


async def test_a_place_handed_to_a_question_that_is_cancelled_is_not_lost(client: Client, agent: StartAgent) -> None:
    await client.ask(target_of(await agent(uptime)), REQUEST)
    (lane,) = client._lanes.values()
    lane.places.cap = 1
    assert lane.places.take()
    waiting = asyncio.create_task(lane.places.wait())
    await asyncio.sleep(0)
    lane.places.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert lane.places.taken == 0


async def test_a_silent_device_does_not_keep_its_place(client: Client, agent: StartAgent) -> None:
    there, mute = await agent(uptime), await agent(silent)
    await client.ask(target_of(there), REQUEST)
    (lane,) = client._lanes.values()
    lane.places.cap = 1
    silence = asyncio.create_task(client.ask(target_of(mute, timeout_s=60.0), REQUEST))
    await mute.asked()
    async with asyncio.timeout(5):
        await client.ask(target_of(there), REQUEST)
    assert not silence.done()
    silence.cancel()
    with pytest.raises(asyncio.CancelledError):
        await silence


async def test_the_cap_follows_the_receive_buffer_that_was_granted(client: Client, agent: StartAgent) -> None:
    await client.ask(target_of(await agent(uptime)), REQUEST)
    (lane,) = client._lanes.values()
    granted = lane.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert lane.places.cap == granted // 1300 > 0


async def test_a_cancelled_question_leaves_nothing_and_its_reply_is_late(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    question = asyncio.create_task(client.ask(target_of(there), REQUEST))
    await there.asked()
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    assert client.pending == {}
    uptime(there, there.queries[0], there.sources[0])
    there.answer = uptime
    await client.ask(target_of(there), REQUEST)
    assert client.stats.strays["late"] == 1


async def test_closing_ends_what_is_under_way_and_what_waits(engine: type[Client], agent: StartAgent) -> None:
    client = await engine.open()
    there = await agent(silent)
    under_way = asyncio.create_task(client.ask(target_of(there), REQUEST))
    await there.asked()
    (lane,) = client._lanes.values()
    lane.places.cap = 1
    waiting = asyncio.create_task(client.ask(target_of(there), REQUEST))
    await asyncio.sleep(0)
    await client.close()
    for question in (under_way, waiting):
        with pytest.raises(LocalFailure, match="was closed"):
            await question
    with pytest.raises(LocalFailure, match="is closed"):
        await client.ask(target_of(there), REQUEST)


async def test_events_are_told_as_they_are_counted(engine: type[Client], agent: StartAgent) -> None:
    seen: list[Event] = []
    async with engine(on_event=seen.append) as client:
        with pytest.raises(Silent):
            await client.ask(target_of(await agent(silent), timeout_s=0.02, retries=1), REQUEST)
        await client.ask(target_of(await agent(uptime)), REQUEST)
    assert seen == ["request", "request", "retry", "timeout", "request"]


async def test_what_cannot_be_spoken_is_said_before_anything_is_sent(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    with pytest.raises(Unsupported, match="GETBULK"):
        await client.ask(Target(there.address, there.port, Community(V1, b"x"), 1.0, 0), get_bulk_request([UPTIME], 5))
    assert client.stats.requests == 0


@pytest.mark.parametrize("address", ["localhost", "router.example", "127.0.0.1:161", ""])
def test_a_target_is_an_address(address: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        Target(address, 161, PUBLIC, 1.0, 0)


def test_addresses_have_one_form() -> None:
    assert Target("::ffff:192.0.2.7", 161, PUBLIC, 1.0, 0).address == "192.0.2.7"
    assert Target("2001:DB8::0:1", 161, PUBLIC, 1.0, 0).address == "2001:db8::1"
