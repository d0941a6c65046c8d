"""One poll sent down: counters, slots, states, page and store, with a poller of our own and a real store."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from netmon import facts
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.inventory import Inventory
from netmon.model import (
    At,
    Capacity,
    Device,
    Direction,
    End,
    Epoch,
    Kind,
    Link,
    LinkKind,
    LinkRole,
    Outcome,
    Poll,
    Port,
    Reading,
    Series,
    Site,
    SiteKind,
    Subject,
)
from netmon.network import Network
from netmon.pipeline import Pipeline
from netmon.store import Store
from tests.database import Database

T0 = 1_800_000_000.0
SLOT0 = T0 - T0 % 300
RECEIVE, TRANSMIT = "netmon_interface_receive_bytes_total", "netmon_interface_transmit_bytes_total"


def inventory(*, capacity=25_000_000.0, communes=("01273",)):
    sites = {"centre": Site(id="centre", name="Centre", kind=SiteKind.PROVINCIAL_CENTRE, province="04", commune="01273")}
    devices = {"core": Device(id="core", site="centre", addresses=("192.0.2.1",))}
    links = {}
    for code in communes:
        sites[f"s{code}"] = Site(id=f"s{code}", name="S", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune=code)
        devices[f"r{code}"] = Device(id=f"r{code}", site=f"s{code}", addresses=("192.0.2.2",), upstreams=("core",))
        links[f"f{code}"] = Link(
            id=f"f{code}",
            site=f"s{code}",
            upstream_site="centre",
            kind=LinkKind.FIBRE,
            role=LinkRole.PRIMARY,
            network="tslcd_2",
            capacities=(Capacity(0, capacity, capacity),),
            near=Port(f"r{code}", "ge0"),
            far=Port("core", f"x{code}"),
        )
    return Inventory(sites, devices, links)


class Router:
    """A device whose counters run at a steady rate; `life` is when it last started."""

    def __init__(self, device, labels, interface):
        self.device, self.labels, self.interface = device, labels, interface
        self.life, self.receive_rate, self.transmit_rate = T0 - 86_400, 1_000_000, 250_000
        self.error = None
        self.outcome = Outcome.ANSWERED
        self.clock = lambda: T0

    async def poll(self, *, light=False):
        if self.error:
            raise self.error
        unix = self.clock()
        at = At(unix, unix - T0 + 1000)
        if self.outcome is not Outcome.ANSWERED:
            return Poll(device=self.device, outcome=self.outcome, sent=at, ended=at)
        up = unix - self.life
        epoch = Epoch(round(up * 100) % 2**32, None, 0, self.interface)
        labels = (*self.labels, ("interface", self.interface))
        readings = (
            Reading(Series(RECEIVE, labels, Kind.COUNTER64), int(up * self.receive_rate), at, epoch),
            Reading(Series(TRANSMIT, labels, Kind.COUNTER64), int(up * self.transmit_rate), at, epoch),
            Reading(Series("netmon_interface_up", labels), 1, at),
            Reading(Series("netmon_interface_speed_bytes_per_second", labels), 125_000_000, at),
        )
        return Poll(device=self.device, outcome=Outcome.ANSWERED, sent=at, ended=at, readings=readings)


class QuietRouter(Router):
    """Tells no speed of its port."""

    async def poll(self, *, light=False):
        poll = await super().poll(light=light)
        return replace(poll, readings=tuple(one for one in poll.readings if "speed" not in one.series.family))


class OldRouter(Router):
    """Counts with 32 bits only."""

    async def poll(self, *, light=False):
        poll = await super().poll(light=light)
        narrow = [
            one._replace(series=replace(one.series, kind=Kind.COUNTER32), value=one.value % 2**32) if one.epoch else one
            for one in poll.readings
        ]
        return replace(poll, readings=tuple(narrow))


class Bench:
    """A pipeline with routers of our own, a clock of our own, and a real store."""

    def __init__(self, path, things, router=Router, now=T0):
        self.path, self.things, self.now, self.router = path, things, now, router
        self.routers, self.pokes, self.ended = {}, [], False
        self.own = OwnMetrics()
        self.page = Page(self.own)
        self.database = Database()
        self.store = Store.open(path, self.own)
        self.reader = self.store.reader()
        self.absence = self.store.record_start(self.now)
        self.network = Network(things, self.now, offset=T0 - 1000)
        self.pipeline = Pipeline(
            things,
            self.network,
            store=self.store,
            outlets=Outlets(self.page, self.database),
            meter=self.own,
            make_poller=self.make,
            pinger=None,
            poke=lambda device, after: self.pokes.append((device, after)),
            clock=lambda: self.now,
        )
        self.pipeline.restore(self.reader)

    def make(self, device, labels):
        far = next(iter(self.things.links.values())).far
        interface = far.interface if device.id == "core" and far else "ge0"
        router = self.router(device.id, labels, interface)
        router.clock = lambda: self.now
        router.life = self.routers[device.id].life if device.id in self.routers else router.life
        self.routers[device.id] = router
        return router

    def poll(self, *devices):
        for device in devices or self.things.devices:
            asyncio.run(self.pipeline.run(device))

    def lines(self, start):
        self.store.flush()
        text = self.page.render().decode()
        return [line for line in text.splitlines() if line.startswith(start)]

    def crash(self):
        """What kill -9 leaves: committed writes, no goodbye."""
        self.close()
        return self

    def close(self):
        if not self.ended:
            self.store.close()
            self.ended = True


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:

        def start(things=None, router=Router):
            bench = Bench(tmp_path / "netmon.db", things or inventory(), router)
            stack.callback(bench.close)
            return bench

        yield start


def run(bench, seconds, step=30):
    end = bench.now + seconds
    while bench.now < end:
        bench.poll()
        bench.now += step


def test_slots_hold_exactly_what_the_counter_counted(make):
    """A steady 1 MB/s for an hour: every closed slot of the link has 300 MB to within the integers of one poll."""
    bench = make()
    run(bench, 3600)
    bench.store.flush()
    first = int(SLOT0 // 300)
    slots = bench.reader.slots("f01273", End.NEAR, first, first + 20)
    assert len(slots) >= 11
    whole = slots[1:]
    assert {slot.receive.covered_us for slot in whole} == {300_000_000}
    assert all(abs(slot.receive.octets - 300_000_000) <= 1 for slot in whole)
    far = bench.reader.slots("f01273", End.FAR, first, first + 20)
    assert [slot.k for slot in far] == [slot.k for slot in slots]
    assert all(abs(slot.transmit.octets - 300_000_000) <= 1 for slot in far[1:]), "the far end counts the other way round"


def test_after_a_crash_the_next_poll_bridges_the_gap_and_no_octet_is_lost(make):
    """Slots + unplaced + open = counter difference, over two deaths: one shorter than a slot, one longer."""
    bench = make()
    start = bench.now
    run(bench, 700)
    for away in (120, 900):
        now, life = bench.now + away, bench.routers["r01273"].life
        bench.crash()
        bench = Bench(bench.path, bench.things, now=now)
        run(bench, 700)
    last = bench.now - 30
    bench.store.flush()
    first = int(SLOT0 // 300)
    slots = bench.reader.slots("f01273", End.NEAR, first, first + 100)
    unplaced = bench.reader.unplaced("f01273", End.NEAR, T0 - 1e6, T0 + 1e6)
    still_open = bench.pipeline.watches["r01273"].ends["ge0"][0].baseline(bench.pipeline.watches["r01273"].counters).open
    for way, rate in ((Direction.RECEIVE, 1_000_000), (Direction.TRANSMIT, 250_000)):
        counted = sum(getattr(slot, way).octets for slot in (*slots, *still_open))
        counted += sum(one.octets for one in unplaced if one.direction is way)
        assert counted == int((last - life) * rate) - int((start - life) * rate)
    assert sum(one.octets for one in unplaced) > 0
    bench.close()


def test_a_crash_costs_a_32_bit_counter_nothing_either(make):
    """At 20 MB/s it wraps in 215 s: its reading is stored every 30 s, and not only when a slot closes."""
    bench = make(router=OldRouter)
    for router in bench.routers.values():
        router.receive_rate = 20_000_000
    run(bench, 590)
    bench.crash()
    now = bench.now + 20
    bench = Bench(bench.path, bench.things, OldRouter, now)
    for router in bench.routers.values():
        router.receive_rate = 20_000_000
    run(bench, 900)
    bench.store.flush()
    first = int(SLOT0 // 300)
    assert not bench.reader.gaps("f01273", End.NEAR, T0, bench.now)
    slots = bench.reader.slots("f01273", End.NEAR, first, first + 20)[1:]
    assert len(slots) > 2
    assert all(abs(slot.receive.octets - 300 * 20_000_000) <= 1 for slot in slots)
    bench.close()


def test_a_rate_far_beyond_the_contract_is_refused_where_the_port_tells_no_speed(make):
    bench = make(router=QuietRouter)
    run(bench, 60)
    before = bench.lines(RECEIVE)
    bench.routers["r01273"].receive_rate = 10**12
    bench.poll("r01273")
    assert bench.lines(RECEIVE) == before
    assert bench.lines('netmon_gaps_total{reason="too_fast"}') == ['netmon_gaps_total{reason="too_fast"} 1.0']


def test_a_link_that_moves_to_another_interface_keeps_its_open_slot(make):
    """What was counted so far in the slot stays in it; only the time between the two interfaces is missing."""
    bench = make()
    run(bench, 400)
    things = inventory()
    moved = replace(things.links["f01273"], near=Port("r01273", "ge1"))
    bench.routers["r01273"].interface = "ge1"
    bench.things = Inventory(things.sites, things.devices, {"f01273": moved})
    bench.pipeline.take(bench.things)
    run(bench, 600)
    bench.store.flush()
    first = int(SLOT0 // 300)
    slot = {slot.k: slot for slot in bench.reader.slots("f01273", End.NEAR, first, first + 20)}[first + 1]
    assert slot.receive.covered_us == 270_000_000
    assert slot.receive.octets == pytest.approx(270_000_000, abs=2)


def test_where_a_link_stood_is_forgotten_with_the_link(make):
    """It comes back under its name a day later: nothing is counted from before."""
    bench = make()
    run(bench, 700)
    bench.pipeline.take(Inventory(bench.things.sites, bench.things.devices, {}))
    bench.store.flush()
    assert bench.reader.baselines() == {}


def test_a_link_on_an_interface_that_is_not_there_says_so(make):
    """A typing error in the inventory leaves the link unknown: the state says why."""
    things = inventory()
    typo = replace(things.links["f01273"], near=Port("r01273", "ge9"), far=None)
    bench = make(Inventory(things.sites, things.devices, {"f01273": typo}))
    bench.poll("r01273")
    told = facts.state(bench.network, {}, bench.pipeline.missing_interfaces(), ready=True, connections={})
    assert told["links"][0]["state"] == "unknown"
    assert told["links"][0]["detail"] == "r01273 has no interface ge9"


def test_a_reboot_is_a_gap_with_a_reason_and_never_a_spike(make):
    bench = make()
    run(bench, 600)
    before = bench.lines(RECEIVE)
    bench.routers["r01273"].life = bench.now - 10
    bench.poll("r01273")
    after = bench.lines(RECEIVE)
    assert before == after, "the exported sum stands still over the reboot"
    assert bench.lines('netmon_gaps_total{reason="restart"}') == ['netmon_gaps_total{reason="restart"} 2.0']
    (gap, _) = bench.reader.gaps("f01273", End.NEAR, T0, bench.now + 1)
    assert gap.reason == "restart"


def test_a_bug_in_one_poll_touches_no_other_device(make):
    """It is counted and logged, says nothing of the device, and the rest of the cycle goes on."""
    bench = make(inventory(communes=("01273", "01279")))
    run(bench, 60)
    bench.routers["r01273"].error = ZeroDivisionError("boom")
    bench.poll()
    assert str(bench.network.tracks["r01273"].state) == "up"
    assert bench.network.tracks["r01279"].outcome == "answered"
    assert bench.lines('netmon_bugs_total{room="pipeline"}') == ['netmon_bugs_total{room="pipeline"} 1.0']
    assert bench.lines('netmon_polls_total{outcome="bug"}') == ['netmon_polls_total{outcome="bug"} 1.0']


def test_a_bug_behind_the_poll_is_contained_too(make):
    """A series given twice is a bug of ours, found when it is exported: the device is told as `bug`, others go on."""
    bench = make(inventory(communes=("01273", "01279")))
    good = bench.routers["r01273"].poll

    async def doubled(*, light=False):
        poll = await good(light=light)
        return replace(poll, readings=poll.readings * 2)

    bench.routers["r01273"].poll = doubled
    bench.poll()
    assert bench.network.tracks["r01273"].outcome == "bug"
    assert bench.network.tracks["r01279"].outcome == "answered"
    assert bench.lines('netmon_bugs_total{room="pipeline"}') == ['netmon_bugs_total{room="pipeline"} 1.0']


def test_a_silent_device_loses_its_measurements_after_three_intervals_and_keeps_its_state(make):
    bench = make()
    run(bench, 60)
    bench.routers["r01273"].outcome = Outcome.SILENT
    bench.poll("r01273")
    assert ("r01273", 5.0) in bench.pokes
    bench.now += 5
    bench.poll("r01273", "core")
    bench.pipeline.tick(bench.now)
    assert str(bench.network.tracks["r01273"].state) == "down"
    mine = 'device="r01273"'
    assert any(mine in line for line in bench.lines(RECEIVE))
    run(bench, 120)
    bench.pipeline.sweep(bench.now)
    assert not any(mine in line for line in bench.lines(RECEIVE))
    assert next(line for line in bench.lines("netmon_device_up{") if mine in line).endswith(" 0")
    assert any(
        'state="down"' in line and line.endswith(" 1") for line in bench.lines("netmon_device_state{") if mine in line
    )
    (link_up,) = bench.lines("netmon_link_up{")
    assert link_up.endswith(" 0")
    assert any(mine in line for line in bench.lines("netmon_device_last_poll_timestamp_seconds"))
    (outage,) = [o for o in bench.reader.outages(Subject("site", "s01273")) if o.end is None]
    assert outage.state == "isolated"


def test_a_refused_device_is_up_and_its_old_measurements_go(make):
    """Alive, but it would not be measured: nothing old is left standing as if it were new."""
    bench = make()
    run(bench, 600)
    bench.routers["r01273"].outcome = Outcome.REFUSED
    for _ in range(100):
        bench.poll()
        bench.now += 30
        bench.pipeline.sweep(bench.now)
    mine = [line for line in bench.lines("netmon_") if 'device="r01273"' in line]
    assert not [line for line in mine if line.startswith(("netmon_interface_up", "netmon_interface_receive_bytes_total"))]
    assert any(line.startswith("netmon_device_snmp_up") and line.endswith(" 0.0") for line in mine)
    assert any(line.startswith("netmon_device_up") and line.endswith(" 1") for line in mine)
    assert not bench.lines("netmon_link_rate"), "no slot has closed for an hour"


def test_two_links_on_one_interface_lose_nothing_to_a_crash(make):
    """A link that a reload puts on an interface beside another: both go on from one reading."""
    bench = make()
    run(bench, 700)
    both = inventory()
    second = replace(both.links["f01273"], id="g01273", far=None)
    both = Inventory(both.sites, both.devices, {**both.links, "g01273": second})
    bench.things = both
    bench.pipeline.take(both)
    start = bench.now
    run(bench, 100)
    bench.crash()
    now = bench.now + 60
    bench = Bench(bench.path, both, now=now)
    run(bench, 1200)
    bench.store.flush()
    first = int(SLOT0 // 300)
    for link in ("f01273", "g01273"):
        slots = {slot.k: slot.receive for slot in bench.reader.slots(link, End.NEAR, first, first + 20)}
        whole = [k for k in slots if k * 300 > start and k != max(slots)]
        assert whole
        assert all(abs(slots[k].octets - 300_000_000) <= 1 for k in whole)
    bench.close()


def test_a_reload_touches_only_what_changed(make):
    """A changed capacity changes no device: pollers, sums and slots go on. A device that moved to another place starts new
    series, and its slots go on all the same."""
    bench = make()
    run(bench, 600)
    pollers = {name: watch.poller for name, watch in bench.pipeline.watches.items()}
    changed = inventory(capacity=50_000_000.0, communes=("01273", "01279"))
    bench.things = changed
    diff = bench.pipeline.take(changed)
    assert (diff.added, diff.removed, diff.changed) == ({"r01279"}, set(), set())
    assert all(bench.pipeline.watches[name].poller is poller for name, poller in pollers.items())
    run(bench, 600)
    moved = {**changed.sites, "s01273": replace(changed.sites["s01273"], commune="01288")}
    bench.things = Inventory(moved, changed.devices, changed.links)
    assert bench.pipeline.take(bench.things).changed == {"r01273"}
    run(bench, 600)
    bench.store.flush()
    first = int(SLOT0 // 300)
    slots = bench.reader.slots("f01273", End.NEAR, first, first + 20)
    assert [slot.k for slot in slots] == list(range(slots[0].k, slots[-1].k + 1))
    assert all(abs(slot.receive.octets - 300_000_000) <= 1 for slot in slots[1:])
    mine = [line for line in bench.lines("netmon_") if "r01273" in line or "f01273" in line or 'site="s01273"' in line]
    assert mine
    assert all('commune="01288"' in line for line in mine)
    gone = bench.pipeline.take(inventory(capacity=50_000_000.0))
    assert gone.removed == {"r01279"}
    assert not [line for line in bench.lines("netmon_") if "r01279" in line or "f01279" in line]


def test_the_metrics_page_never_has_a_series_twice(make):
    bench = make(inventory(communes=("01273", "01279")))
    run(bench, 900)
    names = [line.rsplit(" ", 1)[0] for line in bench.lines("netmon_")]
    assert len(names) == len(set(names)) > 50
