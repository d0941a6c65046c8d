"""How a poll ends: outcomes, deadlines, addresses, and what a difficult agent costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from netmon.model import Outcome
from netmon.pollers import snmp
from netmon.pollers.icmp import PingUnavailable
from netmon.snmp import AUTHORIZATION_ERROR, Tag, oid
from tests.peers import free_port
from tests.pollers.box import IF, IFX, Box
from tests.pollers.test_snmp_readings import RECEIVED, MakePoller, StartBox, of


class Ping:
    """Answers, is silent, or cannot."""

    def __init__(self, says: float | OSError | None) -> None:
        self.says = says

    async def ping(self, address: str, timeout_s: float) -> float | None:
        if isinstance(self.says, OSError):
            raise self.says
        return self.says


async def dead(box: StartBox) -> Box:
    there = await box()
    there.dumb_after = 0
    return there


async def test_a_dead_device_costs_one_request_and_its_retries(box: StartBox, poller_of: MakePoller):
    there = await dead(box)
    poll = await poller_of(there.port, timeout_s=0.05, retries=2).poll(light=True)
    assert (poll.outcome, poll.readings, poll.incomplete) == (Outcome.SILENT, (), ())
    assert "did not answer" in poll.detail
    assert there.gets() == [["1.3.6.1.2.1.1.3.0"]] * 3


async def test_a_light_poll_goes_on_when_it_is_answered(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(1, "eth0")
    poll = await poller_of(there.port).poll(light=True)
    assert set(of(poll, RECEIVED)) == {"eth0"}


async def test_a_deadline_keeps_what_came_and_names_what_did_not(box: StartBox, poller_of: MakePoller):
    """Two rows fit a request: the second request is never answered."""
    there = await box()
    for index in range(1, 5):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port, timeout_s=30.0, deadline_s=2.0)
    await poller.poll()
    there.dumb_after = len(there.queries) + 1
    poll = await poller.poll()
    assert poll.outcome is Outcome.ANSWERED
    assert set(of(poll, RECEIVED)) == {"eth1", "eth2"}
    assert poll.incomplete == ("interfaces",)
    assert "2 s" in poll.detail
    assert poll.ended.monotonic - poll.sent.monotonic < 5


async def test_a_lost_request_does_not_stop_those_behind_it(box: StartBox, poller_of: MakePoller):
    there = await box()
    for index in range(1, 6):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port, timeout_s=0.7)
    await poller.poll()
    answer = there.agent.answer
    there.forget()
    there.agent.answer = lambda *asked: None if len(there.queries) == 2 else answer(*asked)
    poll = await poller.poll()
    assert set(of(poll, RECEIVED)) == {"eth1", "eth2", "eth5"}
    assert poll.incomplete == ("interfaces",)


async def test_a_deadline_before_any_answer_is_silence(box: StartBox, poller_of: MakePoller):
    there = await dead(box)
    poll = await poller_of(there.port, timeout_s=30.0, deadline_s=0.1).poll()
    assert (poll.outcome, poll.incomplete) == (Outcome.SILENT, ())


async def test_a_discovery_that_is_cut_off_keeps_the_rows_that_it_found(box: StartBox, poller_of: MakePoller):
    """Half of the deadline is left for reading them."""
    there = await box()
    for index in range(1, 21):
        there.add_interface(index, f"eth{index}")
    answer = there.agent.answer
    bulks = 0

    def tire(*asked: object) -> None:
        nonlocal bulks
        bulks += there.queries[-1].pdu == Tag.GET_BULK
        if there.queries[-1].pdu == Tag.GET or bulks < 4:
            answer(*asked)

    there.agent.answer = tire
    poll = await poller_of(there.port, timeout_s=30.0, deadline_s=2.0).poll()
    assert 1 <= len(of(poll, RECEIVED)) < 20
    assert poll.incomplete == ("interfaces",)


@pytest.mark.parametrize("room", [12, 5])
async def test_an_agent_that_finds_it_too_big_is_asked_less_from_then_on(box: StartBox, poller_of: MakePoller, room: int):
    """Down to parts of a row, each with the row's identity, and with its discontinuity time where it has counters."""
    there = await box()
    there.varbinds = room
    for index in range(1, 4):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port)
    poll = await poller.poll()
    assert (poll.incomplete, len(of(poll, RECEIVED))) == ((), 3)
    there.forget()
    again = await poller.poll()
    assert len(again.readings) == len(poll.readings)
    assert max(map(len, there.gets())) <= room
    for names in there.gets():
        for index in {name.rpartition(".")[2] for name in names[1:]}:
            counters = {*(f"{IFX}.{n}.{index}" for n in (6, 10)), *(f"{IF}.{n}.{index}" for n in (13, 14, 19, 20))}
            marks = [f"{IFX}.1.{index}", *([] if counters.isdisjoint(names) else [f"{IFX}.19.{index}"])]
            assert set(marks) <= set(names)


async def test_a_column_that_only_walks_show_is_asked_no_more(box: StartBox, poller_of: MakePoller):
    """Some agents list instances in GETNEXT that GET does not have: the poll says so once, then goes on without."""
    there = await box()
    there.add_interface(1, "eth0")
    there.hidden = {f"{IF}.14.1", f"{IFX}.6.1"}
    poller = poller_of(there.port)
    assert (await poller.poll()).incomplete == ("interfaces",)
    there.forget()
    poll = await poller.poll()
    assert poll.incomplete == ()
    assert of(poll, RECEIVED)["eth0"].series.oid == oid.encode(f"{IF}.10.1")
    assert of(poll, "netmon_interface_receive_errors_total") == {}
    assert {query.pdu for query in there.queries} == {Tag.GET}


async def test_addresses_are_tried_in_order_and_the_one_that_works_is_kept(box: StartBox, poller_of: MakePoller):
    first = await box("127.0.0.1")
    second = await box("127.0.0.2", first.port)
    for there in (first, second):
        there.add_interface(1, "eth0")
    first.dumb_after = 0
    poller = poller_of(first.port, addresses=("127.0.0.1", "127.0.0.2"), timeout_s=0.7)
    poll = await poller.poll()
    assert (poll.outcome, len(first.queries)) == (Outcome.ANSWERED, 1)
    first.dumb_after = 10**9
    poll = await poller.poll()
    assert len(first.queries) == 1
    assert poll.readings[0].series.label("address") == "127.0.0.2"
    second.dumb_after = 0
    poll = await poller.poll()
    assert poll.outcome is Outcome.ANSWERED
    assert poll.readings[0].series.label("address") == "127.0.0.1"


async def test_a_dead_address_leaves_the_others_their_time(box: StartBox, poller_of: MakePoller):
    """Though its attempts would take longer than the whole poll."""
    there = await box("127.0.0.2")
    there.add_interface(1, "eth0")
    for address in ("127.0.0.1", "127.0.0.3"):
        (await box(address, there.port)).dumb_after = 0
    addresses = ("127.0.0.1", "127.0.0.3", "127.0.0.2")
    poll = await poller_of(there.port, addresses=addresses, timeout_s=30.0, deadline_s=1.5).poll()
    assert poll.outcome is Outcome.ANSWERED
    assert set(of(poll, RECEIVED)) == {"eth0"}


async def test_the_address_to_begin_with_changes_where_there_was_no_time(box: StartBox, poller_of: MakePoller):
    first = await dead(box)
    second = await box("127.0.0.2", first.port)
    second.dumb_after = 0
    poller = poller_of(first.port, addresses=("127.0.0.1", "127.0.0.2"), timeout_s=30.0, deadline_s=0.4)
    assert (await poller.poll()).outcome is Outcome.SILENT
    second.dumb_after = 10**9
    asked = len(first.queries)
    assert (await poller.poll()).outcome is Outcome.ANSWERED
    assert len(first.queries) == asked


async def test_a_late_answer_throws_no_other_away(box: StartBox, poller_of: MakePoller):
    """Of several requests under way, one is not answered before the deadline."""
    there = await box()
    for index in range(1, 7):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port, timeout_s=30.0, deadline_s=1.5)
    await poller.poll()
    found = poller._discovery.found
    assert found.profile is not None
    poller._discovery.found = replace(found, profile=found.profile.model_copy(update={"requests_in_flight": 4}))
    poller._agent.allow(4)
    assert poller._plan is not None
    lost, answer = list(poller._plan.batches[1].request.oids), there.agent.answer
    there.agent.answer = lambda agent, query, source: list(query.oids) == lost or answer(agent, query, source)
    poll = await poller.poll()
    assert set(of(poll, RECEIVED)) == {"eth1", "eth2", "eth5", "eth6"}
    assert "1.5 s" in poll.detail
    assert poll.incomplete == ("interfaces",)


async def test_a_refusal_at_one_address_speaks_for_the_silence_at_another(box: StartBox, poller_of: MakePoller):
    there = await dead(box)
    poll = await poller_of(there.port, addresses=("127.0.0.1", "127.0.0.3"), timeout_s=0.1).poll()
    assert poll.outcome is Outcome.REFUSED


async def test_an_authorization_error_is_a_refusal(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.status = AUTHORIZATION_ERROR
    poll = await poller_of(there.port).poll()
    assert poll.outcome is Outcome.REFUSED
    assert "authorizationError" in poll.detail


async def test_a_closed_port_is_a_refusal(poller_of: MakePoller):
    poll = await poller_of(free_port(), timeout_s=2.0).poll()
    assert poll.outcome is Outcome.REFUSED
    assert "port unreachable" in poll.detail


async def test_an_answer_from_elsewhere_is_a_refusal(box: StartBox, poller_of: MakePoller):
    there, other = await box("127.0.0.1"), await box("127.0.0.2")
    there.add_interface(1, "eth0")
    answer = there.agent.answer
    there.agent.answer = lambda agent, query, source: answer(other.agent, query, source)
    poll = await poller_of(there.port, timeout_s=0.1).poll()
    assert poll.outcome is Outcome.REFUSED
    assert f"127.0.0.2:{other.port}" in poll.detail


async def test_our_own_failure_says_nothing_of_the_device(poller_of: MakePoller):
    """The kernel has no way to a broadcast address for a socket that may not broadcast."""
    poll = await poller_of(161, addresses=("255.255.255.255",)).poll()
    assert poll.outcome is Outcome.LOCAL


async def test_a_device_that_answers_only_ping_is_answered_without_snmp(box: StartBox, poller_of: MakePoller):
    there = await dead(box)
    poll = await poller_of(there.port, ping=True, pinger=Ping(0.01), timeout_s=0.05).poll()
    assert (poll.outcome, poll.snmp, poll.readings) == (Outcome.ANSWERED, False, ())


@pytest.mark.parametrize("says", [None, PingUnavailable("Ping is not allowed.")])
async def test_without_an_echo_silence_stays_silence(box: StartBox, poller_of: MakePoller, says: float | OSError | None):
    there = await dead(box)
    poll = await poller_of(there.port, ping=True, pinger=Ping(says), timeout_s=0.05).poll()
    assert (poll.outcome, poll.snmp) == (Outcome.SILENT, True)
    assert "ping" in poll.detail.lower()


@pytest.mark.parametrize(("uptime_s", "within_s"), [(20, snmp.REDISCOVER_SOON_S), (1000, snmp.REDISCOVER_S)])
async def test_an_agent_that_only_just_started_is_discovered_again_soon(
    box: StartBox, poller_of: MakePoller, uptime_s: float, within_s: float
):
    """What it does not tell in its first minutes is not missed for an hour."""
    there = await box()
    there.reboot(uptime_s)
    poller = poller_of(there.port)
    before = snmp.now().monotonic
    await poller.poll()
    assert before < poller._due <= snmp.now().monotonic + within_s


async def test_a_discovery_comes_once_an_hour(box: StartBox, poller_of: MakePoller, monkeypatch: pytest.MonkeyPatch):
    """A new interface that disturbs no known row is found within the hour."""
    there = await box()
    there.add_interface(1, "eth0")
    poller = poller_of(there.port)
    await poller.poll()
    there.add_interface(2, "eth1")
    assert set(of(await poller.poll(), RECEIVED)) == {"eth0"}
    assert snmp.now().monotonic < poller._due <= snmp.now().monotonic + snmp.REDISCOVER_S
    poller._due = snmp.now().monotonic
    assert set(of(await poller.poll(), RECEIVED)) == {"eth0", "eth1"}


async def test_a_cancelled_poll_leaves_nothing_behind(box: StartBox, poller_of: MakePoller):
    there = await dead(box)
    task = asyncio.ensure_future(poller_of(there.port, timeout_s=30.0).poll())
    await there.agent.asked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_expected_second_address_is_an_answer(box: StartBox, poller_of: MakePoller):
    there = await box("127.0.0.1")
    there.add_interface(1, "eth0")
    other = await box("127.0.0.2", there.port)
    answer = there.agent.answer
    there.agent.answer = lambda agent, query, source: answer(other.agent, query, source)
    poll = await poller_of(there.port, also_from=("127.0.0.2",)).poll()
    assert set(of(poll, RECEIVED)) == {"eth0"}
