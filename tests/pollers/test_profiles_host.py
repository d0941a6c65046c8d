"""The profile `host`: a real net-snmp agent, which serves its own machine, and agents that have less of it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest

from netmon.model import Outcome, Poll
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import Tag, oid
from tests.pollers.box import SYSTEM, Box

STORAGE, PROCESSORS = "1.3.6.1.2.1.25.2.3.1", "1.3.6.1.2.1.25.3.3.1"
FAMILIES = {
    "netmon_host_processes",
    "netmon_storage_info",
    "netmon_storage_size_bytes",
    "netmon_storage_used_bytes",
}


def by_sensor(poll: Poll, family: str) -> dict[str, float]:
    return {r.series.label("sensor"): r.value for r in poll.readings if r.series.family == family}


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_linux_host_is_read_whole(snmpd, poller_of: Callable[..., SnmpPoller], version: str):
    poller = poller_of(snmpd().port, version=version)
    first, second = await poller.poll(), await poller.poll()
    assert poller.profile == "generic"
    assert (first.outcome, first.incomplete, first.detail) == (Outcome.ANSWERED, (), "")
    assert {r.series.family for r in first.readings} >= FAMILIES
    assert {r.series for r in first.readings} == {r.series for r in second.readings}
    size, used = (by_sensor(second, f"netmon_storage_{what}_bytes") for what in ("size", "used"))
    assert size["Physical memory"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert all(0 <= used[area] <= size[area] for area in size.keys() & used.keys())
    assert by_sensor(second, "netmon_host_processes")[""] > 0
    types = {r.series.label("hr_storage_type") for r in first.readings if r.series.family == "netmon_storage_info"}
    assert "ram" in types
    assert not any(kind.startswith("1.3") for kind in types)


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_router_with_net_snmps_name_and_no_host_resources_lacks_nothing(
    snmpd, poller_of: Callable[..., SnmpPoller], version: str
):
    router = snmpd(
        """view router included .1.3.6.1.2.1.1
        view router included .1.3.6.1.2.1.2
        view router included .1.3.6.1.2.1.31
        rocommunity public default -V router""",
        community="all",
    )
    poller = poller_of(router.port, version=version)
    polls = [await poller.poll(), await poller.poll()]
    assert poller.profile == "generic"
    for poll in polls:
        assert (poll.outcome, poll.incomplete, poll.detail) == (Outcome.ANSWERED, (), "")
        assert not FAMILIES & {r.series.family for r in poll.readings}
        assert "netmon_interface_up" in {r.series.family for r in poll.readings}


async def test_what_a_device_lacks_of_its_profile_is_asked_at_discovery_only(
    box: Callable[..., Awaitable[Box]], poller_of: Callable[..., SnmpPoller]
):
    router = await box()
    router.mib[f"{SYSTEM}.2.0"] = (Tag.OID, oid.encode("1.3.6.1.4.1.8072.3.2.10"))
    poller = poller_of(router.port)
    await poller.poll()
    router.forget()
    await poller.poll()
    assert router.gets() == [[f"{SYSTEM}.3.0"]]


async def test_sizes_that_overflow_and_loads_above_all_are_no_values(
    box: Callable[..., Awaitable[Box]], poller_of: Callable[..., SnmpPoller]
):
    """hrStorageSize is an Integer32: 10 TB in units of 4 KiB are -1621613696 to an agent that does not care."""
    host = await box()
    host.mib[f"{SYSTEM}.2.0"] = (Tag.OID, oid.encode("1.3.6.1.4.1.311.1.1.3.1.2"))
    for index, name, size, used in ((1, b"C:\\ Label:  Serial Number 1", 1000, 250), (2, b"D:\\", -1_621_613_696, 7)):
        host.mib |= {
            f"{STORAGE}.3.{index}": (Tag.OCTET_STRING, name),
            f"{STORAGE}.4.{index}": (Tag.INTEGER, 4096),
            f"{STORAGE}.5.{index}": (Tag.INTEGER, size),
            f"{STORAGE}.6.{index}": (Tag.INTEGER, used),
        }
    host.mib |= {f"{PROCESSORS}.2.{n}": (Tag.INTEGER, load) for n, load in ((3, 100), (4, 101))}
    poll = await poller_of(host.port).poll()
    assert by_sensor(poll, "netmon_storage_size_bytes") == {"C:\\ Label: Serial Number 1": 4_096_000}
    assert by_sensor(poll, "netmon_storage_used_bytes") == {"C:\\ Label: Serial Number 1": 1_024_000, "D:\\": 28_672}
    assert by_sensor(poll, "netmon_processor_load_ratio") == {"3": 1.0}
