"""A device is asked for as much at once as it turned out to bear, also after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from netmon import profiles
from netmon.credential import Credential, Secret
from netmon.exporters.prometheus import OwnMetrics
from netmon.model import Device, Outcome
from netmon.pollers import snmp
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import Client, RequestSize
from netmon.store import Store
from tests.pollers.box import Box
from tests.pollers.conftest import LABELS

StartBox = Callable[..., Awaitable[Box]]


def poller_of(client: Client, there: Box, size: RequestSize, learned: list[tuple[int, int]]) -> SnmpPoller:
    device = Device(id="d1", site="s1", addresses=("127.0.0.1",), port=there.port, timeout_s=0.2, retries=0, deadline_s=20.0)
    credential = Credential(name="c", version="2c", community=Secret("public"))
    return SnmpPoller(
        client,
        device,
        LABELS,
        credential,
        profiles.load(),
        size=size,
        learned=lambda size: learned.append((size.varbinds, size.ceiling)),
    )


async def router(box: StartBox) -> Box:
    there = await box()
    for index in range(1, 6):
        there.add_interface(index, f"eth{index}")
    return there


async def test_a_device_that_answers_is_soon_asked_for_all_at_once(client: Client, box: StartBox):
    there, learned = await router(box), []
    poller = poller_of(client, there, RequestSize(), learned)
    first = await poller.poll()
    for _ in range(10):
        last = await poller.poll()
    there.forget()
    again = await poller.poll()
    assert [len(names) for names in there.gets()] == [56]
    assert sorted(varbinds for varbinds, _ in learned) == [varbinds for varbinds, _ in learned]
    assert len(first.readings) == len(last.readings)
    assert [id(series) for series in last.readings.series] == [id(series) for series in again.readings.series]


async def test_what_a_device_cannot_bear_is_remembered_for_the_next_start(client: Client, box: StartBox, tmp_path: Path):
    there, learned = await router(box), []
    there.varbinds = 30  # tooBig above it
    poller = poller_of(client, there, RequestSize(40), learned)
    assert (await poller.poll()).incomplete == ()
    with Store.open(tmp_path / "netmon.db", OwnMetrics()) as store:
        store.put_request_size("d1", *learned[-1])
        store.flush()
        remembered = store.reader().request_sizes()
    assert remembered == {"d1": learned[-1]}
    there.forget()
    anew = poller_of(client, there, RequestSize(*remembered["d1"]), learned)
    for _ in range(8):
        assert (await anew.poll()).incomplete == ()
    assert max(map(len, there.gets())) <= 30


async def test_a_way_that_swallows_large_answers_is_found_out_and_kept_to(client: Client, box: StartBox):
    """Fragments that a firewall drops, say: the poll fails, the verifying one is small and answered, and after twice that
    requests are halved. The polls after that are whole."""
    there, learned = await router(box), []
    there.swallows = 30
    poller = poller_of(client, there, RequestSize(60), learned)
    outcomes = []
    for _ in range(12):
        poll = await poller.poll(light=bool(outcomes) and outcomes[-1] is Outcome.SILENT)
        outcomes.append(poll.outcome)
    assert (poll.outcome, poll.incomplete) == (Outcome.ANSWERED, ())
    assert outcomes.count(Outcome.SILENT) <= 2
    assert learned == [(30, 31)] or learned == [(28, 29)]


async def settled(client: Client, there: Box, size: RequestSize, learned: list[tuple[int, int]]) -> SnmpPoller:
    """A poller that has asked for several batches a few times."""
    poller = poller_of(client, there, size, learned)
    for _ in range(3):
        assert (await poller.poll()).incomplete == ()
    learned.clear()
    there.forget()
    return poller


async def test_an_outage_in_the_middle_of_a_poll_is_no_loss_of_size(client: Client, box: StartBox):
    """Where a small request is silent too, the poll ends: what came is kept, and nothing is learned."""
    there, learned = await router(box), []
    poller = await settled(client, there, RequestSize(16, 17), learned)
    for _ in range(3):
        there.forget()
        there.dumb_after = 1
        poll = await poller.poll()
        assert poll.outcome is Outcome.ANSWERED
        assert poll.incomplete == ("interfaces",)
        assert len(poll.readings) > 5
        assert [len(names) for names in there.gets()][2:] == [1], "one batch is lost, and sysUpTime by itself"
        there.dumb_after = 10**9
        await poller.poll(light=True)
    assert learned == []


async def test_a_smaller_answer_does_not_hide_that_larger_ones_are_lost(client: Client, box: StartBox):
    """The first batch is lost each time, the last one is not quite as large and answered."""
    there, learned = await router(box), []
    poller = await settled(client, there, RequestSize(40, 41), learned)
    assert poller._plan is not None
    first, *others = (len(batch.request.oids) for batch in poller._plan.batches)
    assert max(others) < first
    assert 2 * max(others) > first
    there.swallows = first - 1
    outcomes = [(await poller.poll(light=light)).outcome for light in (False, True, False)]
    assert outcomes == [Outcome.SILENT, Outcome.ANSWERED, Outcome.ANSWERED]
    assert learned == [(first // 2, first // 2 + 1)]
    assert (await poller.poll()).incomplete == ()


async def test_losses_in_one_poll_count_once(client: Client, box: StartBox):
    there, learned = await router(box), []
    poller = await settled(client, there, RequestSize(16, 17), learned)
    there.swallows = 8
    await poller.poll(light=True)
    assert learned == []


async def test_a_device_that_was_started_anew_is_remembered_as_one_that_may_bear_more(client: Client, box: StartBox):
    there, learned = await router(box), []
    poller = await settled(client, there, RequestSize(16, 17), learned)
    there.reboot(1.0)
    await poller.poll()
    assert learned[0] == (16, 101)


async def test_what_was_halved_is_tried_again_with_a_whole_discovery_of_another_hour(client: Client, box: StartBox):
    there, learned = await router(box), []
    poller = await settled(client, there, RequestSize(16, 17), learned)
    poller._due = 0.0
    await poller.poll()
    assert learned == [], "not twice an hour"
    assert poller._hour is not None
    poller._hour -= 1
    poller._due = snmp.now().monotonic
    await poller.poll()
    assert learned[0] == (16, 33)
