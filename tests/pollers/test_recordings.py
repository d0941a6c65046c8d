"""The generic profile on recorded devices, served by snmpsim: our own, and those of $NETMON_WALKS where that is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netmon import profiles
from netmon.credential import Credential, Secret
from netmon.model import Device, Kind, Outcome, Poll
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import Client
from tests.peers import ROOT
from tests.pollers.conftest import LABELS

OURS = ROOT / "tests/recordings"
WALKS = Path(os.environ.get("NETMON_WALKS", "/nonexistent"))


async def polls_of(client: Client, port: int, name: str, count: int = 2) -> list[Poll]:
    device = Device(id="d1", site="s1", addresses=("127.0.0.1",), port=port, timeout_s=5.0, deadline_s=60.0)
    credential = Credential(name="c", version="2c", community=Secret(name))
    poller = SnmpPoller(client, device, LABELS, credential, profiles.load())
    return [await poller.poll() for _ in range(count)]


def values(poll: Poll, family: str) -> dict[str, float]:
    return {r.series.label("interface"): r.value for r in poll.readings if r.series.family == family}


@pytest.fixture(scope="module")
def ours(snmpsim) -> int:
    return snmpsim(OURS)


@pytest.fixture(scope="module")
def walks(snmpsim) -> int:
    if not WALKS.is_dir():
        pytest.skip("NETMON_WALKS names no directory of recordings")
    return snmpsim(WALKS)


async def test_an_old_switch_is_read_through_its_32_bit_counters(client, ours):
    """No ifXTable: ifDescr names the ports, the index those without a name of their own, and no two share one."""
    poll = (await polls_of(client, ours, "old-switch"))[-1]
    assert (poll.outcome, poll.incomplete) == (Outcome.ANSWERED, ())
    octets = values(poll, "netmon_interface_receive_bytes_total")
    assert octets == {"Ethernet0/1": 4294967290, "Ethernet0/2": 0, "3": 77, "Vlan#4": 5, "Vlan#5": 7}
    assert {r.series.kind for r in poll.readings if r.series.family == "netmon_interface_receive_bytes_total"} == {
        Kind.COUNTER32
    }
    speeds = values(poll, "netmon_interface_speed_bytes_per_second")
    assert speeds == {"Ethernet0/1": 12_500_000, "Ethernet0/2": 1_250_000}, "0 and 4294967295 are no speeds"
    assert values(poll, "netmon_interface_up")["Ethernet0/2"] == 0
    (info,) = [r.series for r in poll.readings if r.series.family == "netmon_device_info"]
    assert info.label("sys_location") == "Cao Bằng"


@pytest.mark.parametrize("recording", sorted(path.stem for path in WALKS.glob("*.snmprec")))
async def test_a_recorded_device_is_read_whole_and_without_a_series_twice(client, walks, recording):
    """Discovered once, then read by GETs alone: the same readings, as many octet counters as the recording has ports."""
    first, second = await polls_of(client, walks, recording)
    assert {poll.outcome for poll in (first, second)} == {Outcome.ANSWERED}, first.detail
    for poll in (first, second):
        series = [reading.series for reading in poll.readings]
        assert len(series) == len(set(series))
    assert {r.series for r in first.readings} == {r.series for r in second.readings}
    lines = (WALKS / f"{recording}.snmprec").read_text(errors="replace").splitlines()
    columns = ("1.3.6.1.2.1.31.1.1.1.6.", "1.3.6.1.2.1.2.2.1.10.")
    counters = {line.split("|")[0] for line in lines if line.startswith(columns) and "|" in line}
    ports = {oid.rsplit(".", 1)[1] for oid in counters}
    assert len(values(second, "netmon_interface_receive_bytes_total")) == len(ports)
