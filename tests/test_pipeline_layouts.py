"""What a device brings changes from poll to poll: what is worked out once for its series is worked out anew in time."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from netmon.model import At, Capacity, End, Epoch, Kind, Outcome, Poll, Reading, Readings, Series
from tests.test_pipeline import RECEIVE, SLOT0, T0, TRANSMIT, Bench, inventory

UP, SPEED = "netmon_interface_up", "netmon_interface_speed_bytes_per_second"


class Scripted:
    """A device that answers with what the test gives it, of one interface."""

    def __init__(self, device, labels):
        self.device, self.labels, self.next = device, labels, ()

    async def poll(self, *, light=False):
        return self.next

    def series(self, family, kind=Kind.GAUGE):
        return Series(family, (*self.labels, ("interface", "ge0")), kind)

    def answer(self, now, figures, *, outcome=Outcome.ANSWERED, kind=Kind.COUNTER64, series=None, incomplete=()):
        """The next poll: figures by family, or in columns of `series`, as a plan brings them."""
        at = At(now, now - T0 + 1000)
        epoch = Epoch(round(100 * (now - T0 + 86_400)), None, 0, "ge0")
        kinds = {RECEIVE: kind, TRANSMIT: kind}
        series = series or tuple(self.series(family, kinds.get(family, Kind.GAUGE)) for family in figures)
        epochs = [epoch if one.family in kinds else None for one in series]
        readings = Readings(series, list(figures.values()), [at] * len(series), epochs)
        self.next = Poll(
            device=self.device,
            outcome=outcome,
            sent=at,
            ended=at,
            readings=readings if figures else (),
            incomplete=incomplete,
        )


@pytest.fixture
def scripted(tmp_path):
    with ExitStack() as stack:
        bench = Bench(tmp_path / "netmon.db", inventory())
        stack.callback(bench.close)
        watch = bench.pipeline.watches["r01273"]
        watch.poller = Scripted("r01273", watch.labels)
        yield bench, watch.poller


def shown(bench, family):
    """The number of the device's one series of a family on the page, None when there is none."""
    found = [line.rsplit(" ", 1)[1] for line in bench.lines(f"{family}{{") if 'device="r01273"' in line]
    return float(found[0]) if found else None


def poll(bench, device, figures, passed_s=30, **how):
    bench.now += passed_s
    device.answer(bench.now, figures, **how)
    bench.poll("r01273")


def test_a_series_that_goes_and_comes_back_goes_on_with_its_sum(scripted):
    """A poll that was cut off, another order, one more series: each figure stays at its own series, in both stores."""
    bench, device = scripted
    both = {RECEIVE: 1000, TRANSMIT: 50}
    for figures, sums in (
        (both, (0, 0)),
        ({RECEIVE: 3000, TRANSMIT: 60}, (2000, 10)),
        ({TRANSMIT: 70, UP: 1}, (None, 20)),
        ({TRANSMIT: 75, UP: 0}, (None, 25)),
        ({UP: 1, TRANSMIT: 80, RECEIVE: 9000}, (8000, 30)),
        ({UP: 1, TRANSMIT: 90, RECEIVE: 9500}, (8500, 40)),
        ({RECEIVE: 9600, TRANSMIT: 95, SPEED: 125_000_000, UP: 0}, (8600, 45)),
    ):
        poll(bench, device, figures, incomplete=() if RECEIVE in figures else ("interfaces",))
        assert (shown(bench, RECEIVE), shown(bench, TRANSMIT)) == sums
        assert shown(bench, UP) == figures.get(UP)
        written = {series.family: value for series, value in bench.database.last["read:r01273"].items()}
        assert written == {family: shown(bench, family) for family in figures}
        assert bench.database.points[device.series(TRANSMIT), bench.now] == sums[1]


def test_a_counter_of_another_width_is_a_gap_and_says_whether_it_can_be_measured(scripted):
    """The series are equal, and yet they are others: 64-bit counters that became 32-bit ones, and back."""
    bench, device = scripted
    poll(bench, device, {RECEIVE: 2**33})
    poll(bench, device, {RECEIVE: 2**33 + 500})
    assert (shown(bench, RECEIVE), shown(bench, "netmon_interface_not_measurable")) == (500, None)
    poll(bench, device, {RECEIVE: 1000}, kind=Kind.COUNTER32)
    poll(bench, device, {RECEIVE: 1200}, kind=Kind.COUNTER32)
    assert (shown(bench, RECEIVE), shown(bench, "netmon_interface_not_measurable")) == (700, 0)
    # 20 Gbit/s: 2^32 octets pass in two seconds.
    poll(bench, device, {RECEIVE: 1300, SPEED: 2.5e9}, kind=Kind.COUNTER32)
    link = replace(bench.things.links["f01273"], near=None, far=None)
    bench.pipeline.take(replace(bench.things, links={"f01273": link}))
    poll(bench, device, {RECEIVE: 1400, SPEED: 2.5e9}, kind=Kind.COUNTER32)
    assert (shown(bench, RECEIVE), shown(bench, "netmon_interface_not_measurable")) == (800, 1)
    gaps = "netmon_gaps_total{reason="
    assert bench.lines(f'{gaps}"width"') == [f'{gaps}"width"}} 1.0']
    assert bench.lines(f'{gaps}"not_measurable"') == [f'{gaps}"not_measurable"}} 1.0']


def test_the_same_series_object_costs_nothing_and_says_the_same(scripted):
    """A plan hands over one tuple of series for as long as it stands: figures are right, and nothing is laid out anew."""
    bench, device = scripted
    series = (device.series(UP), device.series(RECEIVE, Kind.COUNTER64), device.series(SPEED))
    poll(bench, device, {UP: 1, RECEIVE: 100, SPEED: 1e6}, series=series)
    layout = bench.pipeline.watches["r01273"].layout
    for n in range(1, 4):
        poll(bench, device, {UP: n % 2, RECEIVE: 100 + n, SPEED: 1e6 + n}, series=series)
        assert (shown(bench, UP), shown(bench, RECEIVE), shown(bench, SPEED)) == (n % 2, n, 1e6 + n)
    assert bench.pipeline.watches["r01273"].layout is layout


def test_a_silent_poll_says_when_it_ended_and_nothing_else(scripted):
    """How the last answered poll went stays on the page until it is old, and is not written again as if it were new."""
    bench, device = scripted
    ended = "netmon_device_last_poll_timestamp_seconds"
    poll(bench, device, {UP: 1})
    for _ in range(2):
        poll(bench, device, {}, outcome=Outcome.SILENT)
        assert (shown(bench, "netmon_device_snmp_up"), shown(bench, UP), shown(bench, ended)) == (1, 1, bench.now)
        new = {
            series.family for (series, at) in bench.database.points if at == bench.now and series.label("device") == "r01273"
        }
        assert new & {"netmon_device_snmp_up", "netmon_device_poll_duration_seconds", UP, ended} == {ended}
    bench.pipeline.sweep(bench.now + 100)
    assert (shown(bench, "netmon_device_snmp_up"), shown(bench, UP), shown(bench, ended)) == (None, None, bench.now)
    poll(bench, device, {}, outcome=Outcome.SILENT)
    assert (shown(bench, "netmon_device_snmp_up"), shown(bench, ended)) == (None, bench.now)
    poll(bench, device, {UP: 0})
    assert (shown(bench, "netmon_device_snmp_up"), shown(bench, UP), shown(bench, ended)) == (1, 0, bench.now)


def test_a_port_that_becomes_slower_bounds_its_counters_at_once(scripted):
    """A speed is read with the counters that it bounds."""
    bench, device = scripted
    figures = {RECEIVE: 0, SPEED: 1e6}
    poll(bench, device, figures)
    poll(bench, device, figures | {RECEIVE: 30_000_000})
    assert shown(bench, RECEIVE) == 30_000_000
    poll(bench, device, {RECEIVE: 60_000_000, SPEED: 1e5})
    assert shown(bench, RECEIVE) == 30_000_000
    assert bench.lines('netmon_gaps_total{reason="too_fast"}') == ['netmon_gaps_total{reason="too_fast"} 1.0']


def test_a_capacity_that_begins_bounds_the_counters_from_then_on(scripted):
    """Where a port tells no speed, ten times the contract of its link does: the one of that moment."""
    bench, device = scripted
    dated = (Capacity(0, 1e5, 1e5), Capacity(T0 + 75, 1e7, 1e7))
    bench.pipeline.take(replace(bench.things, links={"f01273": replace(bench.things.links["f01273"], capacities=dated)}))
    same = (device.series(RECEIVE, Kind.COUNTER64),)  # with others all would be reckoned anew
    for n, total in enumerate((0, 0, 60_000_000)):  # 2 MB/s
        poll(bench, device, {RECEIVE: n * 60_000_000}, series=same)
        assert shown(bench, RECEIVE) == total


def test_a_clock_that_goes_back_brings_back_the_capacity_of_then(scripted):
    """NTP threw the clock past a dated capacity and set it right: what holds now bounds the counters, not what will."""
    bench, device = scripted
    dated = (Capacity(0, 1e7, 1e7), Capacity(T0 + 500, 1e4, 1e4))
    bench.pipeline.take(replace(bench.things, links={"f01273": replace(bench.things.links["f01273"], capacities=dated)}))
    same = {"series": (device.series(RECEIVE, Kind.COUNTER64),)}  # with others all would be reckoned anew
    poll(bench, device, {RECEIVE: 0}, **same)
    poll(bench, device, {RECEIVE: 1000}, 1000, **same)
    poll(bench, device, {RECEIVE: 2000}, -1000, **same)
    for n in range(1, 4):
        poll(bench, device, {RECEIVE: 2000 + n * 60_000_000}, **same)  # 2 MB/s
    assert shown(bench, RECEIVE) == 1000 + 3 * 60_000_000


def test_whatever_is_read_beside_them_the_clock_closes_slots_and_drops_rates_in_time(scripted):
    """At a long interval too: a slot is closed within its own length after its end, and a rate goes after three."""
    bench, device = scripted
    watch = bench.pipeline.watches["r01273"]
    watch.device = replace(watch.device, interval_s=290.0)
    poll(bench, device, {RECEIVE: 0, TRANSMIT: 0, UP: 1}, SLOT0 + 300 + 10 - bench.now)
    poll(bench, device, {RECEIVE: 10**8, TRANSMIT: 10**8, UP: 1}, 280)
    first = int(SLOT0 // 300) + 1
    closed = gone = None
    for n in range(1, 1800):
        bench.now += 1
        if n % 290 == 0:
            now, bench.now = bench.now, bench.now - 1
            poll(bench, device, {UP: 1}, now - bench.now)
        bench.pipeline.sweep(bench.now)
        if closed is None and not any(end.baseline(watch.counters).open for end in watch.all_ends()):
            closed = bench.now
        if closed and gone is None and not any(end.shown_at for end in watch.all_ends()):
            gone = bench.now
    assert closed == (first + 2) * 300
    assert gone == closed + 901


def test_an_interface_that_goes_while_the_rest_is_read_stops_its_slots_by_the_clock(scripted):
    """Its link's open slot is closed although no reading of the interface comes any more, and its rate leaves the page."""
    bench, device = scripted
    for n in range(22):
        poll(bench, device, {RECEIVE: n * 1000, TRANSMIT: n, UP: 1})
    assert bench.lines("netmon_link_rate")
    last = int(bench.now // 300)
    for _ in range(60):
        poll(bench, device, {UP: 1})
        bench.pipeline.sweep(bench.now)
    bench.store.flush()
    assert bench.reader.slots("f01273", End.NEAR, last, last + 1)
    assert not bench.lines("netmon_link_rate")


def test_readings_in_tuples_are_taken_like_readings_in_columns(scripted):
    """What reports by itself, and the second engine, bring them one by one."""
    bench, device = scripted
    at = At(bench.now, bench.now - T0 + 1000)
    device.next = Poll(
        device="r01273", outcome=Outcome.ANSWERED, sent=at, ended=at, readings=(Reading(device.series(UP), 1, at),)
    )
    asyncio.run(bench.pipeline.run("r01273"))
    assert shown(bench, UP) == 1
