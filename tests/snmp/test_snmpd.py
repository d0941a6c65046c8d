"""The client against net-snmp's agent, with net-snmp's own tools as the second reader."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon.snmp import oid
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.errors import Refused, Silent
from netmon.snmp.message import NO_SUCH_NAME, V1, V2C, Community, VarBind, get_next_request, get_request
from netmon.snmp.target import Target
from netmon.snmp.walks import walk
from tests import peers

SYSTEM, INTERFACES = oid.encode("1.3.6.1.2.1.1"), oid.encode("1.3.6.1.2.1.2.2")
SYS_NAME, MISSING = oid.encode("1.3.6.1.2.1.1.5.0"), oid.encode("1.3.6.1.2.1.1.5.1")
NOWHERE = oid.encode("1.3.6.1.4.1.55555.1")
OVERRIDES = """
sysName cb-router-1
override 1.3.6.1.4.1.55555.7.1.0 counter 4294967295
override 1.3.6.1.4.1.55555.7.2.0 integer -7
override 1.3.6.1.4.1.55555.7.3.0 object_id .1.3.6.1.4.1.2011.2.224.279
override 1.3.6.1.4.1.55555.7.4.0 octet_str "xã Đàm Thủy"
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Snmpd]:
    with peers.snmpd(tmp_path_factory.mktemp("snmpd"), OVERRIDES) as running:
        yield running


def target_of(agent: peers.Snmpd, version: int = V2C, community: bytes = b"public", timeout_s: float = 5.0) -> Target:
    return Target(agent.host, agent.port, Community(version, community), timeout_s, 0)


async def test_get_brings_what_is_there_and_says_what_is_not(client: Client, agent: peers.Snmpd) -> None:
    response = await client.ask(target_of(agent), get_request([SYS_NAME, MISSING, NOWHERE]))
    assert response.error_status == 0
    assert response.varbinds == [
        VarBind(SYS_NAME, Tag.OCTET_STRING, b"cb-router-1"),
        VarBind(MISSING, Tag.NO_SUCH_INSTANCE, None),
        VarBind(NOWHERE, Tag.NO_SUCH_OBJECT, None),
    ]


async def test_v1_answers_the_whole_request_with_an_error(client: Client, agent: peers.Snmpd) -> None:
    response = await client.ask(target_of(agent, V1), get_request([SYS_NAME, MISSING]))
    assert (response.error_status, response.error_index) == (NO_SUCH_NAME, 2)


async def test_getnext_goes_on_to_the_next_instance(client: Client, agent: peers.Snmpd) -> None:
    response = await client.ask(target_of(agent), get_next_request([SYS_NAME[:-1]]))
    assert response.varbinds[0].oid == SYS_NAME


async def test_every_type_that_net_snmp_sends_is_read(client: Client, agent: peers.Snmpd) -> None:
    asked = [oid.encode(f"1.3.6.1.4.1.55555.7.{n}.0") for n in range(1, 5)]
    response = await client.ask(target_of(agent), get_request(asked))
    assert [(each.tag, each.value) for each in response.varbinds] == [
        (Tag.COUNTER32, (1 << 32) - 1),
        (Tag.INTEGER, -7),
        (Tag.OID, oid.encode("1.3.6.1.4.1.2011.2.224.279")),
        (Tag.OCTET_STRING, "xã Đàm Thủy".encode()),
    ]
    names = (
        "1.3.6.1.2.1.4.20.1.1.127.0.0.1",
        "1.3.6.1.2.1.31.1.1.1.6.1",
        "1.3.6.1.2.1.2.2.1.5.1",
        "1.3.6.1.4.1.2021.10.1.6.1",
    )
    response = await client.ask(target_of(agent), get_request([oid.encode(name) for name in names]))
    address, octets, speed, load = response.varbinds
    assert address[1:] == (Tag.IP_ADDRESS, bytes((127, 0, 0, 1)))
    assert octets.tag == Tag.COUNTER64
    assert isinstance(octets.value, int)
    assert octets.value > 0
    assert speed[1:] == (Tag.GAUGE32, 10_000_000)
    assert load.tag == Tag.OPAQUE
    assert isinstance(load.value, float)


def snmpwalk(agent: peers.Snmpd, version: str, root: str) -> dict[str, str]:
    """What net-snmp's own walk prints: by numeric OID, numbers plain, strings in hex."""
    command = [str(peers.require("snmpwalk")), f"-v{version}", "-c", agent.community, "-OnqetUx"]
    done = subprocess.run(
        [*command, f"{agent.host}:{agent.port}", root], capture_output=True, text=True, check=True, env={"MIBS": ""}
    )
    lines = done.stdout.replace(" \n", " ").splitlines()  # long strings are folded
    return dict(line.removeprefix(".").split(" ", 1) for line in lines)


def as_printed(varbind: VarBind) -> str:
    match varbind.value:
        case bytes(value) if varbind.tag == Tag.OID:
            return "." + oid.decode(value)
        case bytes(value):
            return f'"{value.hex(" ").upper()} "' if value else '""'
        case value:
            return str(value)


@pytest.mark.parametrize("version", [V1, V2C])
async def test_a_walk_brings_what_snmpwalk_brings(client: Client, agent: peers.Snmpd, version: int) -> None:
    ours: dict[str, VarBind] = {}
    for root in (SYSTEM, INTERFACES):
        found = await walk(client, target_of(agent, version), [root])
        assert (found.complete, found.reason) == (True, "")
        ours |= {oid.decode(each.oid): each for each in found.rows[root].values()}
    theirs = snmpwalk(agent, {V1: "1", V2C: "2c"}[version], "1.3.6.1.2.1.1")
    theirs |= snmpwalk(agent, {V1: "1", V2C: "2c"}[version], "1.3.6.1.2.1.2.2")
    assert list(ours) == list(theirs)
    assert len(ours) > 30
    moving = (Tag.COUNTER32, Tag.TIME_TICKS)
    still = {name: as_printed(each) for name, each in ours.items() if each.tag not in moving}
    assert still == {name: theirs[name] for name in still}


async def test_columns_side_by_side_bring_the_same_rows(client: Client, agent: peers.Snmpd) -> None:
    columns = [oid.encode(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 2, 10)]
    found = await walk(client, target_of(agent), columns, max_repetitions=2)
    assert found.complete
    assert list(found.rows[columns[0]]) == list(found.rows[columns[1]]) == list(found.rows[columns[2]]) != []
    assert found.rows[columns[1]][b"\x01"].value == b"lo"


async def test_a_wrong_community_is_silence(client: Client, agent: peers.Snmpd) -> None:
    with pytest.raises(Silent):
        await client.ask(target_of(agent, community=b"wrong", timeout_s=0.2), get_request([SYS_NAME]))


async def test_a_stopped_agent_refuses_and_a_started_one_answers_again(client: Client, tmp_path: Path) -> None:
    with peers.snmpd(tmp_path / "snmpd") as agent:
        request = get_request([SYS_NAME])
        await client.ask(target_of(agent), request)
        agent.stop()
        with pytest.raises(Refused, match="port unreachable"):
            await client.ask(target_of(agent), request)
        agent.start()
        assert (await client.ask(target_of(agent), request)).attempts == 1
