"""A restart leaves no hole in the graphs of links: what the last closed slot said is on the page again, as old as it is."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from netmon.inventory import Inventory
from netmon.model import EchoSlot, End, Octets, Outcome, Slot
from tests.test_pipeline import SLOT0, Bench, inventory
from tests.test_pipeline_checks import CHECK, Line

K0 = int(SLOT0 // 300)
FAMILIES = ("netmon_link_rate_", "netmon_link_round_trip_", "netmon_link_loss_")
FULL = 300_000_000


def things(*, check="192.0.2.77", **link):
    made = inventory()
    return Inventory(made.sites, made.devices, {"f01273": replace(made.links["f01273"], check=check, **link)})


@pytest.fixture
def start(tmp_path):
    """Starts netmon at an instant; the one before it ends in order."""
    with ExitStack() as stack:
        benches = []

        def start(now, made=None):
            for before in benches:
                if not before.ended:
                    before.pipeline.park()
                    before.close()
            bench = Bench(tmp_path / "netmon.db", made or things(), now=now)
            bench.line = bench.pipeline._checks._pinger = Line()
            benches.append(bench)
            stack.callback(bench.close)
            return bench

        yield start


def run(bench, until):
    """Polls and bursts every 30 s, as the clock sweeps."""
    while bench.now < until:
        bench.poll()
        asyncio.run(bench.pipeline.run(CHECK))
        bench.pipeline.sweep(bench.now)
        bench.now += 30


def shown(bench):
    return sorted(line for family in FAMILIES for line in bench.lines(family))


def values(bench, family):
    return [float(line.rpartition(" ")[2]) for line in bench.lines(family)]


def closed(bench):
    return [line for line in bench.lines("netmon_slots_total{") if not line.endswith(" 0.0")]


def fill(bench, k, *, octets=FULL, end=End.NEAR, source="measured"):
    """A closed slot and its echoes, as an earlier netmon stored them."""
    slot = Slot(k, Octets(octets, 300_000_000), Octets(octets, 300_000_000))
    bench.store.put_link("f01273", end, slots=[slot], source=source)
    bench.store.put_echo("f01273", EchoSlot(k, 50, 49, 490_000, 10_000, 0, 0), source)
    bench.store.flush()


def test_after_a_restart_the_page_has_what_it_had_and_nothing_is_counted_twice(start):
    bench = start(SLOT0)
    bench.line.lost = {0}
    run(bench, SLOT0 + 720)
    before, points = shown(bench), bench.database.points
    assert len(before) == 4, "two directions, a round trip and a loss"
    again = start(bench.now + 5)
    assert shown(again) == before
    assert closed(again) == [], "a slot was counted when it was closed"
    told = {series for series, _ in points if series.family.startswith(FAMILIES)}
    assert len(told) == 4
    assert not told & {series for series, _ in again.database.points}, "the database has it already"
    again.routers["r01273"].receive_rate = 2_000_000
    run(again, SLOT0 + 1320)
    assert len(shown(again)) == 4
    assert max(values(again, "netmon_link_rate_")) == pytest.approx(2_000_000)
    assert values(again, "netmon_link_loss_") == [0], "the figures of the next slots took their place"
    slots = again.reader.slots("f01273", End.NEAR, K0, K0 + 9)
    assert [slot.k for slot in slots] == [K0 + n for n in range(4)]
    assert len({slot.k for slot in again.reader.slots("f01273", End.FAR, K0, K0 + 9)}) == len(slots)


@pytest.mark.parametrize(("ended_ago", "there"), [(0, 4), (300, 4), (360, 4), (361, 0), (900, 0), (-1, 0)])
def test_only_the_slot_that_a_running_netmon_would_have_closed_last_is_shown(start, ended_ago, there):
    """Till a minute after the next one has ended. One that has not ended yet is of a clock that was ahead."""
    fill(start(SLOT0), K0)
    assert len(shown(start(SLOT0 + 300 + ended_ago))) == there


def test_of_two_slots_the_newer_one_is_shown(start):
    bench = start(SLOT0)
    fill(bench, K0, octets=FULL // 2)
    fill(bench, K0 + 1)
    assert values(start(SLOT0 + 630), "netmon_link_rate_") == [1e6, 1e6]


def test_what_is_shown_again_goes_as_soon_as_it_would_have_gone(start):
    """Its age is that of its slot and not of netmon."""
    fill(start(SLOT0), K0)
    bench = start(SLOT0 + 500)
    for router in bench.routers.values():
        router.outcome = Outcome.SILENT
    for now, there in ((SLOT0 + 500, 4), (SLOT0 + 1200, 4), (SLOT0 + 1201, 0)):
        bench.now = now
        bench.pipeline.sweep(now)
        assert len(shown(bench)) == there


def test_the_rate_is_that_of_the_end_that_speaks_for_the_link(start):
    """The far end, where the link has no other."""
    bench = start(SLOT0)
    fill(bench, K0)
    fill(bench, K0, octets=FULL * 2, end=End.FAR)
    assert values(start(SLOT0 + 400), "netmon_link_rate_") == [1e6, 1e6]
    assert values(start(SLOT0 + 400, things(near=None)), "netmon_link_rate_") == [2e6, 2e6]


def test_what_was_simulated_and_what_is_no_longer_asked_is_not_shown(start):
    bench = start(SLOT0)
    fill(bench, K0, source="simulated")
    assert shown(start(SLOT0 + 400)) == []
    fill(start(SLOT0 + 400), K0 + 1)
    assert [line.partition("{")[0] for line in shown(start(SLOT0 + 700, things(check=None)))] == [
        "netmon_link_rate_bytes_per_second"
    ] * 2


def test_a_reload_right_after_the_start_takes_away_what_is_no_longer_there_and_nothing_else(start):
    fill(start(SLOT0), K0)
    bench = start(SLOT0 + 400)
    made = things()
    bench.pipeline.take(Inventory(made.sites, made.devices, {"f01273": replace(made.links["f01273"], operator="VNPT")}))
    assert len(shown(bench)) == 4
    bench.pipeline.take(Inventory(made.sites, made.devices, {}))
    assert shown(bench) == []
