"""A discovery that a poll has no time for is finished by the next ones, and not begun again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netmon.model import Outcome, Poll
from netmon.pollers import snmp
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import GEN_ERR, NO_SUCH_NAME, Client, Query, Tag, oid
from tests.pollers.box import IF, IFX, SYSTEM, Box
from tests.snmp.agent import Agent

StartBox = Callable[..., Awaitable[Box]]
MakePoller = Callable[..., SnmpPoller]


def names(poll: Poll) -> set[str]:
    return {reading.series.label("interface") for reading in poll.readings} - {""}


def slow(there: Box, seconds: float) -> None:
    """Answers to walks come so late."""
    at_once = there.agent.answer

    def late(agent: Agent, query: Query, source: Any) -> None:
        delay = 0.0 if query.pdu == Tag.GET else seconds
        asyncio.get_running_loop().call_later(delay, at_once, agent, query, source)

    there.agent.answer = late


def walked(there: Box) -> int:
    return sum(query.pdu != Tag.GET for query in there.queries)


async def test_a_long_table_is_read_on_from_where_the_deadline_cut_it(box: StartBox, poller_of: MakePoller):
    there = await box()
    for index in range(1, 41):
        there.add_interface(index, f"eth{index}")
    whole = poller_of(there.port)
    await whole.poll()
    at_once = walked(there)
    there.forget()
    slow(there, 0.06)
    poller = poller_of(there.port, deadline_s=0.8)
    seen, polls, ended = set(), 0, False
    while not ended and polls < 30:
        poll = await poller.poll()
        ended = not poll.incomplete
        assert poll.outcome is Outcome.ANSWERED
        polls += 1
        assert names(poll) >= seen, "what was found stays"
        seen = names(poll)
    assert (len(seen), polls > 1) == (40, True)
    assert walked(there) <= at_once + 3 * polls, "no more than the question under way is asked twice"
    there.forget()
    assert (await poller.poll()).incomplete == ()
    assert walked(there) == 0


async def test_a_device_that_became_another_is_discovered_from_the_beginning(box: StartBox, poller_of: MakePoller):
    there = await box()
    for index in range(1, 41):
        there.add_interface(index, f"eth{index}")
    slow(there, 0.06)
    poller = poller_of(there.port, deadline_s=0.8)
    polls = 0
    while not names(await poller.poll()):
        polls += 1
        assert polls < 30
    for index in range(1, 41):
        there.remove_interface(index)
    there.reboot()
    there.add_interface(1, "ge1")
    for _ in range(3):
        poll = await poller.poll()
    assert names(poll) == {"ge1"}


async def test_a_device_that_loses_large_answers_is_discovered_and_asked_less_from_then_on(
    box: StartBox, poller_of: MakePoller
):
    """A walk that has time for little else than a loss leaves what it learned to the next."""
    there = await box()
    for index in range(1, 13):
        there.add_interface(index, f"eth{index}")
    at_once = there.agent.answer

    def lossy(agent: Agent, query: Query, source: Any) -> None:
        if asks(query) <= 14:
            at_once(agent, query, source)

    there.agent.answer = lossy
    poller = poller_of(there.port, varbinds=13, timeout_s=0.4, deadline_s=2.0)
    poller._size.forget()  # walks begin with what they always do
    polls = 0
    while (poll := await poller.poll()).incomplete or len(names(poll)) < 12:
        polls += 1
        assert polls < 6
    there.forget()
    poller._due = 0.0
    assert (await poller.poll()).incomplete == ()
    assert max(asks(query) for query in there.queries if query.pdu != Tag.GET) <= 14


def asks(query: Query) -> int:
    """Varbinds that a query asks for."""
    return len(query.oids) * (1 if query.pdu == Tag.GET else query.max_repetitions)


async def test_a_reboot_in_the_middle_of_a_discovery_is_seen(box: StartBox, poller_of: MakePoller):
    """What was read before it is not mixed with what comes after it: rows before those that were read are found."""
    there = await box()
    for index in range(20, 60):
        there.add_interface(index, f"eth{index}")
    slow(there, 0.06)
    poller = poller_of(there.port, deadline_s=0.8)
    while not names(await poller.poll()):
        pass
    assert poller._discovery.found.unfinished
    there.reboot(5.0)
    for index in range(1, 6):
        there.add_interface(index, f"ge{index}")
    polls = 0
    while poller._discovery.found.unfinished:
        poll = await poller.poll()
        polls += 1
        assert polls < 30
    assert len(names(poll)) == 45


# --- agents that fail at one thing --------------------------------------------------------------------------------------

UPS_TEMPERATURE = "1.3.6.1.2.1.33.1.2.7.0"


@pytest.mark.parametrize(("failure", "version"), [(GEN_ERR, "2c"), (GEN_ERR, "1"), (NO_SUCH_NAME, "1")])
@pytest.mark.parametrize("tells_which", [True, False])
@pytest.mark.parametrize("client", [Client], indirect=True)  # in SNMPv1 each request that is halved is two
async def test_an_object_that_an_agent_fails_at_hides_no_other(
    box: StartBox, poller_of: MakePoller, failure: int, version: str, tells_which: bool
):
    there = await box()
    there.add_interface(1, "eth0")
    there.failing, there.failure, there.tells_which = {UPS_TEMPERATURE, UPS_TEMPERATURE[:-2]}, failure, tells_which
    poll = await poller_of(there.port, version=version).poll()
    assert (poll.detail, poll.incomplete, names(poll)) == ("", (), {"eth0"})
    assert not there.failing.isdisjoint(oid.decode(name) for query in there.queries for name in query.oids)
    assert {reading.series.label("sys_name") for reading in poll.readings} >= {"box"}


@pytest.mark.parametrize("client", [Client], indirect=True)
async def test_what_an_agent_of_snmpv1_lacks_costs_no_request_each(box: StartBox, poller_of: MakePoller):
    """It makes an error of each name that it lacks: over a satellite no poll would have time for fifty of them."""
    there = await box()
    there.add_interface(1, "eth0")
    poller = poller_of(there.port, version="1")
    assert names(await poller.poll()) == {"eth0"}
    modern = await box()
    modern.add_interface(1, "eth0")
    assert names(await poller_of(modern.port).poll()) == {"eth0"}
    assert len(there.queries) <= len(modern.queries) + 12


async def test_a_sign_that_an_agent_fails_at_is_not_shown(box: StartBox, poller_of: MakePoller):
    """The likelier profile is not chosen for it, and the one that fits every device is."""
    there = await box()
    there.add_interface(1, "eth0")
    there.mib[f"{SYSTEM}.2.0"] = (Tag.OID, oid.encode("1.3.6.1.4.1.8072.3.2.10"))
    there.failing = {"1.3.6.1.4.1.48690"}
    poller = poller_of(there.port)
    assert names(await poller.poll()) == {"eth0"}
    assert poller.profile == "generic"
    assert there.failing <= {oid.decode(name) for query in there.queries for name in query.oids}


async def test_an_agent_that_fails_at_everything_is_not_taken_for_another(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(1, "eth0")
    poller = poller_of(there.port)
    await poller.poll()
    there.failing, poller._due = {f"{SYSTEM}.2.0", f"{SYSTEM}.3.0"}, 0.0
    poll = await poller.poll()
    assert "neither sysUpTime nor sysObjectID" in poll.detail
    there.failing = set()
    assert names(await poller.poll()) == {"eth0"}


async def test_a_value_that_an_agent_fails_at_costs_no_other(box: StartBox, poller_of: MakePoller):
    """It is found out once, told, and asked no more until the next discovery."""
    there = await box()
    for index in (1, 2):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port)
    everything = await poller.poll()
    there.failing = {f"{IF}.14.1", f"{IFX}.6.2"}
    poll = await poller.poll()
    assert (poll.incomplete, "genErr" in poll.detail) == (("interfaces",), True)
    there.forget()
    poll = await poller.poll()
    assert (poll.detail, poll.incomplete) == ("", ())
    assert {query.pdu for query in there.queries} == {Tag.GET}
    lost = {(r.series.family, r.series.label("interface")) for r in everything.readings} - {
        (r.series.family, r.series.label("interface")) for r in poll.readings
    }
    assert lost == {("netmon_interface_receive_errors_total", "eth1")}, "the other has a fallback"


async def test_one_that_fails_at_all_values_is_not_asked_for_ever(box: StartBox, poller_of: MakePoller):
    there = await box()
    for index in range(1, 11):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port)
    await poller.poll()
    there.failing = {name for name in there.mib if name.startswith((IF, IFX))}
    there.forget()
    assert (await poller.poll()).outcome is Outcome.ANSWERED
    assert len(there.queries) < 100


# --- devices that are never what they were ------------------------------------------------------------------------------


async def test_a_clock_that_is_always_wrong_makes_few_discoveries(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(1, "eth0")
    poller = poller_of(there.port)
    discoveries = []
    for n in range(6):
        there.reboot(10_000.0 + 100 * n)
        there.forget()
        poll = await poller.poll()
        assert (poll.detail, names(poll)) == ("", {"eth0"})
        discoveries.append(walked(there) > 0)
    assert discoveries == [True, True, True, False, False, False]
    poller._early = (poller._early[0], poller._early[1] - snmp.REDISCOVER_SOON_S)
    for expected in (True, False):
        there.reboot(20_000.0 + 100 * expected)
        there.forget()
        await poller.poll()
        assert (walked(there) > 0) is expected
    await poller.poll()
    there.reboot()
    there.forget()
    await poller.poll()
    assert walked(there) > 0, "a poll without anything odd ends it"


async def test_a_row_whose_name_changes_all_the_time_is_named_by_its_index(box: StartBox, poller_of: MakePoller):
    there = await box()
    for index in (1, 2):
        there.add_interface(index, f"eth{index}")
    answer = there.agent.answer

    def restless(agent: Agent, query: Query, source: Any) -> None:
        there.mib[f"{IFX}.1.1"] = (Tag.OCTET_STRING, f"since {len(there.queries)}".encode())
        answer(agent, query, source)

    there.agent.answer = restless
    poller = poller_of(there.port)
    for _ in range(3):
        there.forget()
        poll = await poller.poll()
    assert names(poll) == {"1", "eth2"}
    assert (poll.detail, poll.incomplete, walked(there)) == ("", (), 0)
    poller._due = 0.0
    assert names(await poller.poll()) == {"1", "eth2"}, "also when it is discovered again"
