"""Bursts of echoes to check addresses, ports that tell their speed, and speed tests, sent down to a real store and page."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from math import isnan, nan
from typing import NamedTuple

import pytest

from netmon.checks import ECHOES
from netmon.inventory import Inventory
from netmon.model import End, LinkRole, LinkState, Outcome, Port, PortSpeed, SpeedTest
from netmon.pollers.icmp import Pinger, PingUnavailable
from tests.pollers.test_icmp import needs_ping
from tests.test_pipeline import SLOT0, T0, Bench, Router, inventory

K0 = int(SLOT0 // 300)
CHECK = "check:f01273"


class Line:
    """Where echoes go: each takes `seconds`, but those that are `lost`, counted within a burst."""

    def __init__(self):
        self.seconds, self.lost, self.error, self.asked = 0.010, set(), None, []
        self.meanwhile = self.gate = None

    async def echoes(self, address, count, spacing_s, timeout_s):
        self.asked.append((address, count))
        if self.gate is not None:
            await self.gate.wait()
        if self.meanwhile is not None:
            self.meanwhile()
        if self.error is not None:
            raise self.error
        return [None if n in self.lost else self.seconds for n in range(count)]


class Round(Router):
    """Tells the round trip of its polls, and whatever speed the test says."""

    trip_s, speed = 0.0125, 125_000_000

    async def poll(self, *, light=False):
        poll = await super().poll(light=light)
        readings = tuple(
            one._replace(value=self.speed) if one.series.family == "netmon_interface_speed_bytes_per_second" else one
            for one in poll.readings
        )
        return replace(poll, readings=readings, round_trip_s=self.trip_s if readings else None)


def things(check="192.0.2.77"):
    made = inventory()
    link = replace(made.links["f01273"], check=check)
    return Inventory(made.sites, made.devices, {link.id: link}, canaries=("core",))


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:

        def start(made=None):
            bench = Bench(tmp_path / "netmon.db", made or things(), Round)
            stack.callback(bench.close)
            bench.line = bench.pipeline._checks._pinger = Line()
            return bench

        yield start


def burst(bench):
    asyncio.run(bench.pipeline.run(CHECK))


def run(bench, until):
    """Polls and bursts every 30 s."""
    while bench.now < until:
        bench.poll()
        burst(bench)
        bench.now += 30


class Row(NamedTuple):
    k: int
    sent: int
    answered: int
    rtt_s: float
    worst_s: float
    snmp_s: float


def slots(bench):
    """The slots of the link that hold anything."""
    bench.store.flush()
    read = bench.reader.echoes("f01273", K0, 20)
    columns = zip(read.sent, read.answered, read.rtt_s, read.worst_s, read.snmp_s, strict=True)
    return [Row(K0 + n, *row) for n, row in enumerate(columns) if row[0] or not isnan(row[-1])]


def test_bursts_and_polls_become_slots_in_the_store_and_on_the_page(make):
    """One burst of five loses two; the polls of the router at the commune's end stand beside, and not of the core."""
    bench = make()
    bench.now = SLOT0 + 300
    bench.line.lost = {0, 3}
    burst(bench)
    bench.line.lost = set()
    bench.now += 30
    run(bench, SLOT0 + 300 + 300 + 60)
    assert bench.line.asked[0] == ("192.0.2.77", ECHOES)
    [slot] = slots(bench)
    assert slot == pytest.approx(Row(K0 + 1, 50, 48, 0.010, 0.010, 0.0125))
    assert [line.rpartition(" ")[2] for line in bench.lines("netmon_link_round_trip_seconds{")] == ["0.01"]
    [loss] = bench.lines("netmon_link_loss_ratio{")
    assert loss.startswith('netmon_link_loss_ratio{province="04",commune="01273",site="s01273",link="f01273"} ')
    assert float(loss.rpartition(" ")[2]) == pytest.approx(0.04)


def test_polls_tell_no_round_trip_of_a_link_that_they_do_not_go_over(make):
    """A backup on the same router as the primary link, and a link of the provincial centre, where netmon itself is."""
    made = things(None)
    primary = made.links["f01273"]
    backup = replace(primary, id="b01273", role=LinkRole.BACKUP, near=Port("r01273", "ge1"), far=None)
    trunk = replace(primary, id="trunk", site="centre", near=Port("core", "x1"), far=None)
    bench = make(replace(made, links={link.id: link for link in (primary, backup, trunk)}))
    bench.poll()
    bench.pipeline.sweep(SLOT0 + 400)
    bench.store.flush()
    told = {link: bench.reader.echoes(link, K0, 1).snmp_s[0] for link in ("f01273", "b01273", "trunk")}
    assert told == pytest.approx({"f01273": 0.0125, "b01273": nan, "trunk": nan}, nan_ok=True)


def test_polls_tell_no_round_trip_where_a_site_has_several_primary_links(make):
    """Nobody knows over which they go; once one of them is a backup, over the other."""
    made = things(None)
    one = made.links["f01273"]
    other = replace(one, id="g01273", near=Port("r01273", "ge1"), far=None)
    bench = make(replace(made, links={link.id: link for link in (one, other)}))
    bench.poll()
    bench.pipeline.sweep(SLOT0 + 400)
    bench.store.flush()
    assert all(isnan(bench.reader.echoes(link, K0, 1).snmp_s[0]) for link in ("f01273", "g01273"))
    spare = replace(other, role=LinkRole.BACKUP)
    bench.pipeline.take(replace(made, links={link.id: link for link in (one, spare)}))
    bench.now = SLOT0 + 600
    bench.poll()
    bench.pipeline.sweep(SLOT0 + 1000)
    bench.store.flush()
    told = [bench.reader.echoes(link, K0 + 2, 1).snmp_s[0] for link in ("f01273", "g01273")]
    assert told == pytest.approx([0.0125, nan], nan_ok=True)


def test_what_the_last_slot_said_leaves_the_page_after_three(make):
    bench = make()
    burst(bench)
    bench.now += 330
    bench.poll()
    assert bench.lines("netmon_link_loss_ratio{")
    bench.pipeline.sweep(bench.now + 900)
    assert bench.lines("netmon_link_loss_ratio{")
    bench.pipeline.sweep(bench.now + 901)
    assert not bench.lines("netmon_link_loss_ratio{")


def test_a_slot_of_which_nothing_more_comes_is_closed_by_the_clock(make):
    bench = make()
    burst(bench)
    bench.pipeline.sweep(SLOT0 + 100)
    bench.pipeline.sweep(SLOT0 + 300 + 59)
    assert slots(bench) == []
    bench.pipeline.sweep(SLOT0 + 300 + 60)
    assert [slot.sent for slot in slots(bench)] == [ECHOES]


def test_one_echo_of_a_burst_is_enough_and_two_silent_bursts_are_a_link_down(make):
    """SEMANTICS 2: the check is silent twice."""
    made = things()
    alone = replace(made.links["f01273"], near=None, far=None)
    bench = make(Inventory(made.sites, made.devices, {alone.id: alone}))
    bench.poll("core")
    bench.line.lost = {0, 1, 2, 3}
    burst(bench)
    assert bench.network.links["f01273"].state == LinkState.UP
    bench.line.lost = set(range(ECHOES))
    burst(bench)
    assert bench.network.links["f01273"].state == LinkState.UP
    burst(bench)
    assert bench.network.links["f01273"].state == LinkState.DOWN


def test_our_own_failure_records_nothing_and_is_told_once(make, capsys):
    bench = make()
    bench.line.error = PingUnavailable("Ping is not allowed.")
    burst(bench)
    burst(bench)
    bench.pipeline.sweep(SLOT0 + 700)
    assert slots(bench) == []
    assert capsys.readouterr().out.count("a check address cannot be pinged") == 1
    assert bench.lines("netmon_checks_failed_total") == ["netmon_checks_failed_total 2.0"]


def test_while_netmon_suspects_itself_nothing_is_recorded_and_what_it_lost_before_is_taken_back(make):
    bench = make()
    burst(bench)
    bench.now += 1
    bench.poll()
    bench.now += 30
    bench.line.lost = set(range(ECHOES))
    burst(bench)
    for router in bench.routers.values():
        router.outcome = Outcome.SILENT
    for _ in range(2):
        bench.poll()
        bench.now += 5
    bench.pipeline.tick(bench.now)
    assert bench.network.isolated_since
    burst(bench)
    bench.pipeline.sweep(SLOT0 + 400)
    [slot] = slots(bench)
    assert (slot.sent, slot.answered) == (5, 5)


@needs_ping
def test_real_echoes_of_the_loopback_become_a_slot(make):
    """127/8 answers by itself."""
    bench = make(things("127.0.0.77"))

    async def ping():
        async with Pinger() as bench.pipeline._checks._pinger:
            await bench.pipeline.run(CHECK)

    asyncio.run(ping())
    bench.pipeline.sweep(SLOT0 + 400)
    [slot] = slots(bench)
    assert (slot.sent, slot.answered) == (ECHOES, ECHOES)
    assert 0 < slot.rtt_s <= slot.worst_s < 1
    assert bench.network.links["f01273"].state == LinkState.UP


def test_a_burst_under_way_is_not_joined_by_another(make):
    bench = make()

    async def twice():
        bench.line.gate = asyncio.Event()
        first = asyncio.create_task(bench.pipeline.run(CHECK))
        await asyncio.sleep(0)
        await bench.pipeline.run(CHECK)
        bench.line.gate.set()
        await first

    asyncio.run(twice())
    assert len(bench.line.asked) == 1


def test_a_burst_to_an_address_that_a_reload_took_away_says_nothing(make):
    """Neither does what was gathered of the address before."""
    bench = make()
    burst(bench)
    bench.line.meanwhile = lambda: bench.pipeline.take(things("192.0.2.78"))
    burst(bench)
    bench.line.meanwhile = None
    burst(bench)
    bench.pipeline.sweep(SLOT0 + 400)
    assert [slot.sent for slot in slots(bench)] == [ECHOES]
    assert dict(bench.pipeline.checks()) == {CHECK: 30.0}
    bench.pipeline.take(things(None))
    assert dict(bench.pipeline.checks()) == {}
    assert not bench.lines("netmon_link_loss_ratio{")


def test_what_comes_for_a_closed_slot_is_counted_and_dropped(make):
    """The clock was set back."""
    bench = make()
    burst(bench)
    bench.pipeline.sweep(SLOT0 + 700)
    burst(bench)
    bench.poll("r01273")
    assert bench.lines("netmon_late_round_trips_total") == ["netmon_late_round_trips_total 2.0"]
    assert [slot.sent for slot in slots(bench)] == [ECHOES]


def test_the_speed_of_a_port_is_stored_when_it_is_told_and_when_it_changes(make):
    """At either end by itself, and not again after a restart."""
    bench = make()
    run(bench, T0 + 90)
    bench.routers["r01273"].speed = 12_500_000
    at = bench.now
    run(bench, at + 90)
    bench.store.flush()
    near = [told for told in bench.reader.port_speeds("f01273") if told.end is End.NEAR]
    assert near == [PortSpeed(End.NEAR, T0, 125e6), PortSpeed(End.NEAR, at, 12.5e6)]
    assert bench.reader.newest_port_speeds() == {("f01273", End.NEAR): 12.5e6, ("f01273", End.FAR): 125e6}
    bench.close()
    again = make()
    written = []
    again.store.put_port_speed = lambda link, speed: written.append((link, speed))
    again.now = at + 600
    again.poll()
    assert written == [("f01273", PortSpeed(End.NEAR, at + 600, 125e6))]


def test_another_port_at_an_end_tells_its_speed_anew_and_until_then_none_is_known(make):
    bench = make()
    bench.poll()
    plain = things()
    link = plain.links["f01273"]
    bench.pipeline.take(replace(plain, links={link.id: replace(link, near=Port("r01273", "ge9"))}))
    bench.now += 30
    left = bench.now
    bench.poll()
    bench.now += 30
    bench.poll()
    bench.store.flush()
    assert bench.reader.newest_port_speeds() == {("f01273", End.NEAR): 0.0, ("f01273", End.FAR): 125e6}
    bench.pipeline.take(plain)
    bench.now += 30
    back = bench.now
    bench.poll()
    bench.poll()
    bench.store.flush()
    near = [told for told in bench.reader.port_speeds("f01273") if told.end is End.NEAR]
    assert near == [PortSpeed(End.NEAR, T0, 125e6), PortSpeed(End.NEAR, left, 0.0), PortSpeed(End.NEAR, back, 125e6)]


def measured(at, **changed):
    made = SpeedTest(at, "s01273", "r01273", "fixed", "vnpt", 11_637_500.0, 11e6, 0.0123)
    return made._replace(**changed)


def test_a_speed_test_is_kept_and_the_latest_of_each_line_is_shown_for_a_day(make):
    """One of the past goes to its own time, and leaves the page as it is; a network does not push the other one off."""
    bench = make()
    latest = measured(T0 - 10, network="mobile", latency_s=None)
    for test in (measured(T0 - 20), latest, measured(T0 - 7200, download=1.0), measured(T0 - 20)):
        bench.pipeline.take_speed_test(test)
    bench.store.flush()
    kept = [measured(T0 - 20), latest, measured(T0 - 7200, download=1.0)]
    assert sorted(bench.reader.speed_tests(T0 - 86_400, T0)) == sorted(kept)
    place = 'province="04",commune="01273",site="s01273",device="r01273"'
    fixed, mobile = (f'{{{place},network="{network}",operator="vnpt"}}' for network in ("fixed", "mobile"))
    of_mobile = {
        f"netmon_speed_download_bytes_per_second{mobile} 11637500.0",
        f"netmon_speed_upload_bytes_per_second{mobile} 11000000.0",
    }
    of_fixed = {line.replace(mobile, fixed) for line in of_mobile} | {f"netmon_speed_latency_seconds{fixed} 0.0123"}
    assert set(bench.lines("netmon_speed_")) == of_mobile | of_fixed
    bench.pipeline.sweep(T0 - 15 + 86_400)
    assert set(bench.lines("netmon_speed_")) == of_mobile
    bench.pipeline.sweep(T0 - 9 + 86_400)
    assert not bench.lines("netmon_speed_")


def test_speed_tests_of_a_device_that_is_gone_are_gone(make):
    bench = make()
    bench.pipeline.take_speed_test(measured(T0))
    made = things()
    bench.pipeline.take(Inventory(made.sites, {"core": made.devices["core"]}, {}))
    assert not bench.lines("netmon_speed_")
    bench.pipeline.take_speed_test(measured(T0 + 1))
    bench.store.flush()
    assert len(list(bench.reader.speed_tests(T0 - 1, T0 + 9))) == 1
