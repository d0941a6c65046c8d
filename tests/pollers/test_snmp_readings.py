"""What a poll of a device becomes: readings, identities, series."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from netmon.model import Kind, Outcome, Poll, Reading
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import Tag, oid
from tests.peers import Snmpd
from tests.pollers.box import IF, IFX, Box

StartBox = Callable[..., Awaitable[Box]]
MakePoller = Callable[..., SnmpPoller]

RECEIVED = "netmon_interface_receive_bytes_total"
SPEED = "netmon_interface_speed_bytes_per_second"


def of(poll: Poll, family: str) -> dict[str, Reading]:
    """The readings of a family by interface."""
    return {each.series.label("interface"): each for each in poll.readings if each.series.family == family}


async def test_a_poll_turns_raw_values_into_the_units_of_their_families(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(3, "ge-0/0/1")
    poll = await poller_of(there.port).poll()
    assert (poll.outcome, poll.detail, poll.incomplete, poll.snmp) == (Outcome.ANSWERED, "", (), True)
    values = {each.series.family: each.value for each in poll.readings}
    assert 1000 <= values.pop("netmon_device_uptime_seconds") < 1010
    assert values.pop("netmon_device_round_trip_seconds") == poll.round_trip_s
    assert values == {
        "netmon_device_info": 1,
        "netmon_interface_info": 1,
        "netmon_interface_admin_up": 1,
        "netmon_interface_up": 0,
        "netmon_interface_speed_bytes_per_second": 12_500_000,
        RECEIVED: 1000 + 2**40,
        "netmon_interface_transmit_bytes_total": 1000 + 2**41,
        "netmon_interface_receive_discards_total": 1013,
        "netmon_interface_receive_errors_total": 1014,
        "netmon_interface_transmit_discards_total": 1019,
        "netmon_interface_transmit_errors_total": 1020,
    }
    info = next(each.series for each in poll.readings if each.series.family == "netmon_interface_info")
    assert dict(info.labels[4:]) == {
        "interface": "ge-0/0/1",
        "if_descr": "ge-0/0/1",
        "if_alias": "to the province",
        "if_type": "6",
    }
    device = next(each.series for each in poll.readings if each.series.family == "netmon_device_info")
    assert dict(device.labels[4:]) == {
        "address": "127.0.0.1",
        "profile": "generic",
        "sys_name": "box",
        "sys_descr": "A scripted box",
        "sys_location": "Cao Bằng",
    }


async def test_a_counter_knows_the_life_that_it_was_read_in(box: StartBox, poller_of: MakePoller):
    """sysUpTime and the discontinuity time of an epoch come from the PDU that carried the counter (SEMANTICS 3)."""
    there = await box()
    there.add_interface(3, "ge-0/0/1")
    poll = await poller_of(there.port).poll()
    reading = of(poll, RECEIVED)["ge-0/0/1"]
    assert reading.series.kind is Kind.COUNTER64
    assert reading.series.oid == oid.encode(f"{IFX}.6.3")
    assert reading.epoch is not None
    assert reading.epoch.discontinuity == 7
    assert reading.epoch.identity == "ge-0/0/1"
    assert reading.epoch.sys_uptime is not None
    assert 100_000 <= reading.epoch.sys_uptime < 101_000
    assert poll.sent.monotonic <= reading.at.monotonic <= poll.ended.monotonic
    assert abs((reading.at.unix - poll.sent.unix) - (reading.at.monotonic - poll.sent.monotonic)) < 0.01
    assert of(poll, SPEED)["ge-0/0/1"].epoch is None


async def test_a_row_without_64_bit_counters_is_measured_with_32_bits(box: StartBox, poller_of: MakePoller):
    """The fallback is chosen per interface and column; a port that has the wide counter keeps it."""
    there = await box()
    there.add_interface(1, "wide")
    there.add_interface(2, "narrow", hc=False)
    del there.mib[f"{IFX}.10.1"]
    poll = await poller_of(there.port).poll()
    received = of(poll, RECEIVED)
    assert (received["wide"].series.kind, received["wide"].value) == (Kind.COUNTER64, 1000 + 2**40)
    assert (received["narrow"].series.kind, received["narrow"].value) == (Kind.COUNTER32, 1010)
    assert of(poll, "netmon_interface_transmit_bytes_total")["wide"].series.oid == oid.encode(f"{IF}.16.1")
    assert {name: reading.value for name, reading in of(poll, SPEED).items()} == {"wide": 12_500_000, "narrow": 12_500_000}


async def test_a_port_that_does_not_know_its_speed_has_none(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(1, "tun0")
    there.mib[f"{IFX}.15.1"] = (Tag.GAUGE32, 0)
    poll = await poller_of(there.port).poll()
    assert of(poll, SPEED) == {}
    assert poll.incomplete == ()


async def test_a_steady_poll_is_only_whole_rows_under_a_sysuptime(box: StartBox, poller_of: MakePoller):
    """After the first poll only GETs are sent; each begins with sysUpTime, and no row is torn."""
    there = await box()
    for index in range(1, 6):
        there.add_interface(index, f"eth{index}")
    poller = poller_of(there.port)
    first = await poller.poll()
    there.forget()
    second = await poller.poll()
    assert {query.pdu for query in there.queries} == {Tag.GET}
    gets = there.gets()
    assert [len(names) for names in gets] == [23, 23, 12]
    rows: list[str] = []
    for names in gets:
        assert names[0] == "1.3.6.1.2.1.1.3.0"
        rows += {name.rpartition(".")[2] for name in names[1:]}
    assert sorted(rows) == ["1", "2", "3", "4", "5"]
    before, after = ([id(each.series) for each in poll.readings] for poll in (first, second))
    assert before == after


async def test_an_interface_keeps_its_series_when_its_index_changes(box: StartBox, poller_of: MakePoller):
    """A renumbering is noticed by ifName within the poll: discovered anew, asked again, nothing mixed up."""
    there = await box()
    there.add_interface(1, "eth0", octets=10)
    there.add_interface(2, "eth1", octets=20)
    poller = poller_of(there.port)
    before = of(await poller.poll(), RECEIVED)
    there.add_interface(1, "eth1", octets=20)
    there.add_interface(2, "eth0", octets=10)
    poll = await poller.poll()
    after = of(poll, RECEIVED)
    assert poll.incomplete == ()
    assert {name: each.value - 2**40 for name, each in after.items()} == {"eth0": 10, "eth1": 20}
    assert all(after[name].series == before[name].series for name in before)


async def test_a_row_that_went_and_one_that_came_are_seen_within_the_poll(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(1, "eth0")
    there.add_interface(2, "ppp0")
    poller = poller_of(there.port)
    await poller.poll()
    there.remove_interface(2)
    there.add_interface(7, "ppp1")
    poll = await poller.poll()
    assert set(of(poll, RECEIVED)) == {"eth0", "ppp1"}
    assert poll.incomplete == ()


async def test_equal_names_never_make_equal_series(box: StartBox, poller_of: MakePoller):
    """A name that two rows share falls to ifDescr, and where that is shared too to name#index."""
    there = await box()
    there.add_interface(1, "port", "port left")
    there.add_interface(2, "port", "port right")
    there.add_interface(3, "wan", "same")
    there.add_interface(4, "wan", "same")
    there.add_interface(5, "", "")
    there.add_interface(6, "", "5")
    there.add_interface(7, "lan", "port left")
    poll = await poller_of(there.port).poll()
    assert set(of(poll, RECEIVED)) == {"port left", "port right", "wan#3", "wan#4", "5#5", "5", "lan"}
    series = [(each.series.family, each.series.labels) for each in poll.readings]
    assert len(series) == len(set(series))


async def test_a_reboot_is_followed_by_a_discovery_in_the_same_poll(box: StartBox, poller_of: MakePoller):
    there = await box()
    there.add_interface(1, "eth0")
    poller = poller_of(there.port)
    await poller.poll()
    there.reboot()
    there.add_interface(2, "eth1")
    poll = await poller.poll()
    assert set(of(poll, RECEIVED)) == {"eth0", "eth1"}
    assert next(each for each in poll.readings if each.series.family == "netmon_device_uptime_seconds").value < 100


async def test_a_wrap_of_sysuptime_is_no_reboot(box: StartBox, poller_of: MakePoller):
    """497 days are over: sysUpTime starts at 0, and the poll after is as cheap as any."""
    there = await box()
    there.add_interface(1, "eth0")
    poller = poller_of(there.port)
    there.reboot(2**32 / 100 - 2)
    await poller.poll()
    there.forget()
    there.reboot(0.5)
    poll = await poller.poll()
    assert of(poll, "netmon_device_uptime_seconds")[""].value < 10
    assert [len(names) for names in there.gets()] == [12]


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_real_snmpd_is_read_before_and_after_its_restart(
    snmpd: Callable[..., Snmpd], poller_of: MakePoller, version: str
):
    """net-snmp's agent over v1 and v2c: its loopback interface, its names, and a restart that is no outage."""
    agent = snmpd("sysName peer\nsysLocation Cao Bang")
    poller = poller_of(agent.port, version=version, timeout_s=2.0, retries=1, deadline_s=10.0)
    poll = await poller.poll()
    assert (poll.outcome, poll.incomplete, poller.profile) == (Outcome.ANSWERED, (), "generic")
    assert poller.sys_object_id.startswith("1.3.6.1.4.1.8072.3.2.")
    assert of(poll, "netmon_interface_up")["lo"].value == 1
    assert of(poll, RECEIVED)["lo"].series.kind is (Kind.COUNTER32 if version == "1" else Kind.COUNTER64)
    device = next(each.series for each in poll.readings if each.series.family == "netmon_device_info")
    assert (device.label("sys_name"), device.label("sys_location")) == ("peer", "Cao Bang")
    agent.restart()
    again = await poller.poll()
    assert (again.outcome, again.incomplete) == (Outcome.ANSWERED, ())
    assert set(of(again, RECEIVED)) == set(of(poll, RECEIVED))
