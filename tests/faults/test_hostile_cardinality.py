"""A device invents series without end: there are so many of one device and of all, and the others stay what they are."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from netmon import profiles
from netmon.census import HOLDS_S, TOLD_EVERY_S, Census
from netmon.credential import Credential, Secret
from netmon.exporters.prometheus import OwnMetrics
from netmon.facts import complaints
from netmon.model import At, Device, Kind, Outcome, Poll, Reading, Series, Speech, SpeedTest
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import PAYLOAD_BYTES, Place
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import plan
from netmon.snmp import Client, oid, walks
from netmon.snmp.ber import Tag
from netmon.snmp.message import VarBind
from netmon.speedtests import LINES_AT_MOST
from tests.faults.matrix import size
from tests.pollers.box import Box

LABELS = (("province", "04"), ("commune", "01273"), ("site", "s"), ("device", "d"))
FAMILY = "netmon_temperature_celsius"


def refused(meter, bound="device"):
    (line,) = [line for line in meter.render().decode().splitlines() if f'series_refused_total{{bound="{bound}"}}' in line]
    return float(line.rpartition(" ")[2])


def poll(names, at=0.0, device="d", late=(), labels=LABELS, family=FAMILY, kind=Kind.GAUGE):
    when = At(1.8e9 + at, at)
    told = tuple(Reading(Series(family, (*labels, ("sensor", str(name))), kind), 20, when) for name in names)
    history = tuple(Reading(Series(family, (*labels, ("sensor", str(name)))), 20, when) for name in late)
    return Poll(device=device, outcome=Outcome.ANSWERED, sent=when, ended=when, readings=told, history=history)


def names(found):
    return [series.label("sensor") for series in found.series]


def test_what_is_told_keeps_its_place_and_a_day_longer_and_the_new_gets_what_is_left():
    meter = OwnMetrics()
    census = Census(meter, per_device=4, in_all=6, floor=0)
    assert names(census.admit("a", poll("123"))[1]) == ["1", "2", "3"]
    cut, found = census.admit("a", poll("91827", at=10))
    assert names(found) == ["9", "1", "2"]  # what had a place, and the first of the new; 3 holds its own for a day
    assert [reading.series.label("sensor") for reading in cut.readings] == names(found)
    assert "more series than netmon takes, 4 of a device" in cut.detail
    assert (refused(meter), refused(meter, "all")) == (2, 0)
    assert names(census.admit("b", poll("xyz"))[1]) == ["x", "y"]  # of all there are six
    assert (refused(meter), refused(meter, "all"), census.size) == (2, 1, 6)
    assert names(census.admit("a", poll("91827", at=10 + HOLDS_S))[1]) == ["9", "1", "8", "2"]
    census.forget("a")
    assert names(census.admit("b", poll("xyz", at=TOLD_EVERY_S))[1]) == ["x", "y", "z"]


def ports(interfaces, at=0.0):
    """A poll that tells of interfaces, and of two sensors in each."""
    when = At(1.8e9 + at, at)
    port = [Series("netmon_interface_up", (*LABELS, ("interface", name))) for name in interfaces]
    inside = [Series("netmon_optics_temperature_celsius", (*one.labels, ("sensor", n))) for one in port for n in "ab"]
    told = tuple(Reading(one, 1, when) for one in (*inside, *port))
    return Poll(device="d", outcome=Outcome.ANSWERED, sent=when, ended=when, readings=told)


def test_ports_that_witness_links_have_a_place_beyond_both_bounds_and_what_is_invented_in_them_has_none():
    for bounds in ({"per_device": 2}, {"in_all": 2, "floor": 0}):
        census = Census(OwnMetrics(), **bounds)
        assert len(census.admit("d", ports(["old1", "old2"]), ("ge1",))[1]) == 2
        found = census.admit("d", ports(["x", "ge0", "ge1"], 10), ("ge1",))[1]
        assert [(one.family, one.label("interface")) for one in found.series] == [("netmon_interface_up", "ge1")]
        late = ports(["ge0", "ge1", "ge2"], 20).readings
        fits = census.admit_late("d", "d", late, 20.0, ("ge1", "ge2"))
        assert [(one.series.family, one.series.label("interface")) for one in fits] == [
            ("netmon_interface_up", "ge1"), ("netmon_interface_up", "ge2")
        ]  # fmt: skip
        assert census.size == 4
        census.forget("d")
        assert census.size == 0


def test_five_that_invent_names_do_not_silence_another():
    meter = OwnMetrics()
    census = Census(meter, per_device=20, in_all=100, floor=3)
    for n in range(5):
        census.admit(f"liar{n}", poll(range(30)))
    assert names(census.admit("good", poll("xyz"))[1]) == ["x", "y", "z"]
    assert refused(meter, "all") == 0
    assert names(census.admit("big", poll("abcd"))[1]) == ["a", "b", "c"]
    assert refused(meter, "all") == 1


def test_of_a_router_with_more_ports_than_there_is_room_for_those_of_links_are_asked_for():
    known = profiles.load()
    table = next(table for table in known.named("generic").tables if table.label == "interface")
    found = {column.octets: {} for column in table.columns}
    for index in range(1, 101):
        for name, (tag, value) in {
            "if_name": (Tag.OCTET_STRING, b"ge%d" % index),
            "if_oper_status": (Tag.INTEGER, 1),
            "if_hc_in_octets": (Tag.COUNTER64, 1),
            "if_hc_out_octets": (Tag.COUNTER64, 1),
        }.items():
            octets = table.column(name).octets + oid.encode_arcs((index,))
            found[table.column(name).octets][oid.encode_arcs((index,))] = VarBind(octets, tag, value)
    rows = profiles.rows_of(table, found)
    shown = {"texts": {"address": "192.0.2.1", "profile": "generic"}, "known": {}, "most": plan.OF_ITSELF + 40}

    def asked(**more):
        made = plan.compile_plan(known.named("generic"), rows, LABELS, **shown, **more)
        there = {series.label("interface") for series in made.measured}
        return [name for name in ("ge1", "ge2", "ge99", "ge100") if name in there], made.beyond

    assert asked()[0] == ["ge1", "ge2"]
    names_of_links, beyond = asked(first={"ge99", "ge100"})
    assert names_of_links == ["ge1", "ge2", "ge99", "ge100"]
    assert beyond == asked()[1] > 0


def test_what_is_refused_is_counted_each_time_and_named_once_an_hour():
    meter = OwnMetrics()
    census = Census(meter, per_device=2)
    same = poll(range(5))
    with capture_logs() as logs:
        for at in (0, 60, 120, TOLD_EVERY_S + 60):
            census.admit("a", replace(same, ended=At(1.8e9 + at, at)))
    assert refused(meter) == 12
    assert [(line["device"], line["refused"], line["such_as"]) for line in logs] == [
        ("d", {"device": 3}, [f"{FAMILY} {n}" for n in (2, 3, 4)])
    ] * 2


@pytest.mark.fault("cardinality")
def test_a_sensor_with_another_name_in_each_report_fills_neither_memory_nor_page_nor_store(make_world, measured):
    """With the reports of weeks, live and late, and operators that are made up: the others go on."""
    world, most, rounds = make_world(), 300, size(60, 2000)
    census = world.pipeline._outlets.census = Census(world.own, per_device=most)
    watch = world.pipeline.watches["r0"]
    labels = watch.labels
    before = world.page.series
    for n in range(rounds):
        world.now += 60
        invented = range(n * 50, n * 50 + 50)
        when = At(world.now, world.now - world.network.offset)
        rooms = poll(invented, when.monotonic, "r0", late=(f"late {name}" for name in invented), labels=labels)
        rooms = replace(rooms, sent=when, ended=when)
        counters = poll(invented, when.monotonic, labels=labels, family="netmon_interface_receive_bytes_total")
        told = [Reading(Series(one.series.family, (*labels, ("interface", f"ge{n}")), Kind.COUNTER64), 5, when)
                for n, one in zip(invented, counters.readings, strict=True)]  # fmt: skip
        air = [replace(one.series, family="netmon_ambient_temperature_celsius") for one in rooms.readings]
        readings = (*rooms.readings, *told, *(Reading(series, 25, when) for series in air))
        world.pipeline.take_poll(watch, replace(rooms, readings=readings))
        world.pipeline.take_speed_test(SpeedTest(at=world.now, site="s0", device="r0", network="fixed", operator=f"op {n}",
                                                 download=1e6, upload=1e6, latency_s=None))  # fmt: skip
        world.pipeline.sweep(world.now)
    (row,) = [row for row in complaints(world.network, {})["complaints"]["rows"] if row["id"] == "r0"]
    assert "more series than netmon takes" in row["detail"]
    taken = census.size
    assert taken <= most
    assert len(watch.counters._absent) <= 2 * most
    assert len(world.pipeline.summaries._taken) <= 2 * most
    assert world.page.series - before <= 2 * most + 2 * LINES_AT_MOST
    assert refused(world.own) > 0
    world.run(60)
    assert {track.state for track in world.network.tracks.values()} == {"up"}
    world.pipeline.park()
    world.store.flush()
    with closing(sqlite3.connect(world.path)) as database:
        (gauges,) = database.execute("SELECT count(*) FROM gauge").fetchone()
    assert gauges <= most
    page = world.page.render().decode()
    assert 'netmon_device_up{province="04",commune="01300",site="s0",device="r0"} 1' in page
    measured(f"{rounds * 250} names of one device in {rounds} reports: {taken} series have a place of the {most} that it "
             f"may have, {gauges} figures in the store, {refused(world.own):.0f} refusals counted")  # fmt: skip


@pytest.mark.fault("cardinality")
async def test_a_table_without_end_is_asked_for_no_more_than_netmon_takes(measured, monkeypatch):
    """The walk of an agent that invents rows ends; what is beyond the room is neither asked for nor lost from the count."""
    most, rows = 120, 60
    monkeypatch.setitem(plan.compile_plan.__kwdefaults__, "most", most)
    monkeypatch.setattr(walks, "MAX_ROWS", rows)
    box = await Box().open()
    for index in range(1, 2 * rows):
        box.add_interface(index, f"ge{index}")
    device = Device(id="d", site="s", addresses=("127.0.0.1",), port=box.port, timeout_s=10.0, retries=0, deadline_s=60.0)
    async with Client() as client:
        community = Credential(name="c", version="2c", community=Secret("public"))
        poller = SnmpPoller(client, device, LABELS, community, profiles.load())
        found = await poller.poll()
        box.forget()
        again = await poller.poll()
    box.agent.transport.close()
    assert f"more than {rows} rows" in found.detail
    assert found.outcome == again.outcome == "answered"
    assert 0 < len(again.readings) <= most
    assert sum(map(len, box.gets())) < 2 * most  # with the names of the rows
    meter = OwnMetrics()
    cut, readings = Census(meter).admit("read:d", again)
    assert (len(readings), refused(meter)) == (len(again.readings), again.beyond)
    assert again.beyond > 300
    assert "more series than netmon takes" in cut.detail
    what = f"of an agent that invents interfaces {rows} rows were walked (in life 100000, and 500000 values of all tables)"
    measured(f"{what}, {len(again.readings)} series asked for and {again.beyond} refused at each poll")


@pytest.mark.fault("cardinality")
def test_a_message_with_more_names_than_there_is_room_for_is_counted_and_told(measured):
    """A mailbox holds a thousand series at once; what is beyond comes to the same counter and the same line."""
    mailbox = Mailbox(Device(id="d", site="s", speaks=Speech.MQTT), LABELS, At(1.8e9, 0))
    meter = OwnMetrics()
    census = Census(meter)
    sent = 0
    for n in range(8):
        values = ",".join(f'"{n}-{m}":20' for m in range(250))
        body = (
            f'{{"session":"a","seq":{n},"ts":{1_800_000_000_000 + n},"m":{{"temperature_celsius":{{{values}}}}}}}'.encode()
        )
        assert len(body) < PAYLOAD_BYTES
        assert not mailbox.take(Place("04", "01273", "s", "d", "telemetry"), body, False, At(1.8e9 + n, n)).rejected
        sent += 250
    cut, found = census.admit("read:d", mailbox.look(At(1.8e9 + 9, 9)))
    assert (len(found), cut.beyond, refused(meter)) == (1001, 1000, 1000)  # and netmon_device_info
    assert "more series than netmon takes" in cut.detail
    measured(f"of {sent} sensors that one device told at once {len(found) - 1} were taken, {refused(meter):.0f} refused")
