"""A discovery that a poll has no time for is finished by the next ones, and not begun again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from netmon.model import Outcome, Poll
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import Query, Tag
from tests.pollers.box import Box
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
