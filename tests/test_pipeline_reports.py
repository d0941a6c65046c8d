"""Reports that come by themselves, sent down the pipeline: to the page, the database, the counters and the supplies."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from netmon.model import At, Epoch, Kind, Lull, Outcome, Poll, Reading, Series, Span, Speech, Subject
from netmon.supply import Supplies
from tests.test_pipeline import RECEIVE, T0, Bench, inventory


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:

        def start(things=None):
            bench = Bench(tmp_path / "netmon.db", things or inventory())
            stack.callback(bench.close)
            return bench

        yield start


class Reporter:
    """A device that reports by itself: what it hands over at the next look is put there by the test."""

    def __init__(self, device, labels):
        self.device, self.labels, self.next = device, labels, None

    async def poll(self, *, light=False):
        found, self.next = self.next, None
        return found or Lull(device=self.device, period_s=60.0)

    def late(self, *history):
        self.next = Lull(device=self.device, period_s=60.0, history=history)

    def reading(self, family, value, at, extra=(), kind=Kind.GAUGE, epoch=None):
        return Reading(Series(family, (*self.labels, *extra), kind), value, At(at, at - T0 + 1000), epoch)

    def report(self, now, *readings, history=(), period_s=60.0):
        at = At(now, now - T0 + 1000)
        self.next = Poll(
            device=self.device,
            outcome=Outcome.ANSWERED,
            sent=at,
            ended=at,
            readings=readings,
            history=history,
            period_s=period_s,
        )


@pytest.fixture
def reporter(make):
    """A bench whose commune router is a device that speaks MQTT, and that device."""
    things = inventory()
    device = replace(things.devices["r01273"], addresses=(), speaks=Speech.MQTT)
    bench = make(replace(things, devices=things.devices | {"r01273": device}))
    watch = bench.pipeline.watches["r01273"]
    watch.poller = Reporter("r01273", watch.labels)
    return bench, watch.poller


def test_a_look_that_finds_nothing_is_no_poll_and_yet_the_first_look(reporter):
    """Nothing is counted and nothing shown; but netmon need not wait for it to be ready."""
    bench, _ = reporter
    bench.poll("r01273")
    watch = bench.pipeline.watches["r01273"]
    assert (watch.looked, watch.last) == (True, None)
    assert bench.lines('netmon_polls_total{outcome="answered"}') == ['netmon_polls_total{outcome="answered"} 0.0']


def test_a_report_goes_to_the_page_now_and_to_the_database_at_its_own_time(reporter):
    """The same figure in both; no SNMP is said of it; it stays on the page for three of its own periods."""
    bench, device = reporter
    volts = device.reading("netmon_battery_voltage_volts", 53.5, bench.now - 7)
    device.report(bench.now, volts)
    bench.poll("r01273")
    assert [line.rsplit(" ", 1)[1] for line in bench.lines("netmon_battery_voltage_volts{")] == ["53.5"]
    assert bench.database.points[volts.series, T0 - 7] == 53.5
    assert not bench.lines("netmon_device_snmp_up{")
    bench.now += 179
    bench.pipeline.sweep(bench.now)
    assert bench.lines("netmon_battery_voltage_volts{")
    bench.now += 2
    bench.pipeline.sweep(bench.now)
    assert not bench.lines("netmon_battery_voltage_volts{")


def test_a_device_that_reports_more_often_than_before_is_waited_for_as_long_as_it_says_now(reporter):
    bench, device = reporter
    volts = device.reading("netmon_battery_voltage_volts", 53.5, bench.now)
    device.report(bench.now, volts, period_s=600.0)
    bench.poll("r01273")
    bench.pipeline.sweep(bench.now)
    device.report(bench.now, period_s=30.0)
    bench.poll("r01273")
    bench.now += 3 * bench.pipeline.watches["r01273"].period_s + 1
    bench.pipeline.sweep(bench.now)
    assert not bench.lines("netmon_battery_voltage_volts{")


@pytest.mark.parametrize("with_a_report", [True, False])
def test_what_came_late_goes_to_its_own_time_and_nowhere_else(reporter, with_a_report):
    """A buffered report of an hour ago: in the database as of then, not on the page, no state, no sum."""
    bench, device = reporter
    epoch = Epoch(None, None, 7, "ge0")
    port = (("interface", "ge0"),)
    past = device.reading("netmon_battery_voltage_volts", 51.0, T0 - 3600)
    counter = device.reading(RECEIVE, 10**9, T0 - 3600, port, Kind.COUNTER64, epoch)
    if with_a_report:
        device.report(bench.now, history=(past, counter))
    else:
        device.late(past, counter)
    bench.poll("r01273")
    assert bench.database.points[past.series, T0 - 3600] == 51.0
    assert not bench.lines("netmon_battery_voltage_volts{")
    assert not any(series.family == RECEIVE for series, _ in bench.database.points)
    assert with_a_report or bench.pipeline.watches["r01273"].last is None


def test_a_birth_names_no_interface_and_takes_none_away(reporter):
    """A report without a word of interfaces is no list of them."""
    bench, device = reporter
    port = (("interface", "ge0"),)
    device.report(bench.now, device.reading("netmon_interface_up", 1, bench.now, port))
    bench.poll("r01273")
    device.report(bench.now, device.reading("netmon_battery_voltage_volts", 53.0, bench.now))
    bench.poll("r01273")
    assert bench.pipeline.missing_interfaces() == {}
    device.report(bench.now, device.reading("netmon_interface_up", 1, bench.now, (("interface", "wan"),)))
    bench.poll("r01273")
    assert bench.pipeline.missing_interfaces() == {"f01273": "r01273 has no interface ge0"}


def test_a_counter_that_is_handed_over_again_counts_once_and_makes_no_gap(reporter):
    """A device that reports its parts by turns: the newest counter stands until the next one comes."""
    bench, device = reporter
    epoch, port = Epoch(None, None, 7, "ge0"), (("interface", "ge0"),)
    first = device.reading(RECEIVE, 1000, bench.now, port, Kind.COUNTER64, epoch)
    for readings in ((first,), (first,), (device.reading(RECEIVE, 1500, bench.now + 60, port, Kind.COUNTER64, epoch),)):
        device.report(bench.now, *readings)
        bench.poll("r01273")
        bench.now += 30
    assert [line.rsplit(" ", 1)[1] for line in bench.lines(f"{RECEIVE}{{")] == ["500"]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in bench.lines("netmon_gaps_total{")) == 0


def test_a_site_on_battery_is_known_since_its_mains_failed_also_after_a_restart(reporter, make):
    """Told by its own reading, kept in the store, over when the mains are back."""
    bench, device = reporter
    for after, mains in ((0, 1), (60, 0), (120, 0)):
        device.report(bench.now, device.reading("netmon_mains_up", mains, T0 + after))
        bench.poll("r01273")
        bench.now += 60
    assert bench.pipeline.supplies.on_battery() == {"r01273": T0 + 60}
    bench.store.flush()
    again = Supplies()
    again.restore(bench.reader.last_spans("supply"))
    assert again.on_battery() == {"r01273": T0 + 60}
    device.report(bench.now, device.reading("netmon_mains_up", 1, bench.now))
    bench.poll("r01273")
    assert bench.pipeline.supplies.on_battery() == {}


def test_time_on_battery_goes_on_in_the_store_after_a_restart(reporter):
    """A new span of the same supply, from the first reading that says so; people are shown since when it was before."""
    bench, device = reporter
    bench.store.begin_span(Subject("supply", "r01273"), "battery", T0 - 900)
    bench.store.flush()
    bench.pipeline.supplies.restore(bench.reader.last_spans("supply"))
    bench.store.end_span(Subject("supply", "r01273"), T0 - 60)  # as the start of netmon does
    device.report(bench.now, device.reading("netmon_mains_up", 0, T0))
    bench.poll("r01273")
    bench.store.flush()
    spans = bench.reader.spans(Subject("supply", "r01273"), T0 - 1000, T0 + 60)
    assert spans == [Span("battery", T0 - 900, T0 - 60), Span("battery", T0, T0 + 60)]
    assert bench.pipeline.supplies.on_battery() == {"r01273": T0 - 900}


def test_a_device_that_is_asked_from_now_on_leaves_nothing_of_its_reports(reporter):
    """A reload makes it an SNMP device: what it told over MQTT of itself and of its mains is not its any more."""
    bench, device = reporter
    texts = [(name, "") for name in ("address", "profile", "sys_name", "sys_descr", "sys_location")]
    named = device.reading("netmon_device_info", 1, bench.now, texts, Kind.INFO)
    device.report(bench.now, named, device.reading("netmon_mains_up", 0, bench.now))
    bench.poll("r01273")
    devices = bench.things.devices
    asked = replace(devices["r01273"], speaks=Speech.SNMP, addresses=("192.0.2.2",))
    bench.pipeline.take(replace(bench.things, devices=devices | {"r01273": asked}))
    assert bench.pipeline.supplies.on_battery() == {}
    assert not bench.lines("netmon_device_info{")
    assert not bench.lines("netmon_mains_up{")
    bench.store.flush()
    assert bench.reader.last_spans("supply") == {}


def test_a_supply_that_is_told_no_more_is_forgotten_but_not_while_the_device_is_silent(reporter):
    """A device that goes on speaking and says nothing of its mains for three periods is not on battery, as far as known."""
    bench, device = reporter
    device.report(bench.now, device.reading("netmon_mains_up", 0, bench.now))
    bench.poll("r01273")
    began = bench.now
    for _ in range(4):
        bench.now += 60
        bench.poll("r01273")  # silence
    assert bench.pipeline.supplies.on_battery() == {"r01273": began}
    device.report(bench.now, device.reading("netmon_battery_voltage_volts", 50, bench.now))
    bench.poll("r01273")
    assert bench.pipeline.supplies.on_battery() == {}
    bench.store.flush()
    assert bench.reader.last_spans("supply") == {}


def test_what_a_silent_device_is_called_goes_on_in_both_stores(reporter):
    """Its measured series leave the page; its name stays there, and is written again for queries over the last hour."""
    bench, device = reporter
    texts = [(name, "") for name in ("address", "profile", "sys_name", "sys_descr", "sys_location")]
    named = device.reading("netmon_device_info", 1, bench.now, texts, Kind.INFO)
    device.report(bench.now, named, device.reading("netmon_battery_voltage_volts", 53.0, bench.now))
    bench.poll("r01273")
    bench.now += 3600
    bench.pipeline.sweep(bench.now)
    assert bench.lines("netmon_device_info{")
    assert not bench.lines("netmon_battery_voltage_volts{")
    bench.database.points.clear()
    asyncio.run(bench.pipeline._outlets.repeat())
    assert named.series in {series for series, _ in bench.database.points}


def test_what_has_not_changed_is_written_when_it_is_repeated_and_not_before(make):
    """Capacities stand for years: they are written every five minutes, once."""
    bench = make()
    bench.database.points.clear()
    bench.pipeline.show_capacities(bench.now)
    assert not bench.database.points
    asyncio.run(bench.pipeline._outlets.repeat())
    assert sum(series.family == "netmon_link_capacity_bytes_per_second" for series, _ in bench.database.points) == 2


def test_the_database_hears_again_what_is_known_of_states(make):
    """A query over the last minutes finds the state of a link that has not changed for days."""
    bench = make()
    bench.poll()
    bench.database.points.clear()
    bench.now += 300
    asyncio.run(bench.pipeline._outlets.repeat())
    up = {
        series.label("link"): value
        for (series, at), value in bench.database.points.items()
        if series.family == "netmon_link_up"
    }
    assert up == {"f01273": 1}
