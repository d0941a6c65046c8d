"""The engines of simulated agents: who they say they are, what they let pass, and how their boots go on."""

from __future__ import annotations

import pytest

from netmon.inventory import Inventory
from netmon.sim.agents import Agent, engine_id
from netmon.sim.province import Machine, province
from netmon.sim.troubles import Script, script
from netmon.snmp import V2C, Community, Usm, get_request, oid, v3
from netmon.snmp.ber import Tag
from netmon.snmp.message import Opened, decode_response, encode_request, open_pdu, read_varbinds
from netmon.snmp.usm import keys
from netmon.snmp.v3 import Envelope, Report

START = 1_795_000_000.0
UPTIME = get_request([oid.encode("1.3.6.1.2.1.1.3.0")])
USER = Usm(user="netmon", auth_protocol="SHA-256", auth_key="khoa-xac-thuc", priv_protocol="AES", priv_key="khoa-ma-hoa")


@pytest.fixture
def chosen(inventory: Inventory) -> Script:
    return script(inventory, seed=7, started=START)


def machine(inventory: Inventory, chosen: Script, name: str, started: float = START) -> Machine:
    return province(inventory, chosen, seed=7, started=started).machines[name]


def discovered(agent: Agent, at: float) -> Envelope | None:
    """Who the engine says it is."""
    answer = agent.answer(v3.encode_discovery(1 << 24), at)
    return v3.open_envelope(answer) if answer is not None else None


def ask(agent: Agent, user: Usm, at: float) -> Opened:
    """The PDU of the answer, once it has proved itself."""
    engine = discovered(agent, at)
    assert engine is not None
    found = keys(user, engine.engine_id)
    sent = v3.encode_message(UPTIME, user, found, engine.engine_id, engine.boots, engine.time, 1 << 24)
    answer = agent.answer(sent, at)
    assert answer is not None
    envelope = v3.open_envelope(answer)
    assert not envelope.flags & v3.AUTH or v3.authentic(answer, envelope, found)
    scoped = v3.scoped(answer, envelope, found)
    return open_pdu(scoped.data, scoped.at, scoped.end)


def test_a_user_reads_what_a_community_would(inventory: Inventory, chosen: Script) -> None:
    core = machine(inventory, chosen, "core-1")
    read = read_varbinds(ask(Agent(core, USER, START), USER, START + 5))
    plain = Agent(core, Community(V2C, b"x"), START).answer(encode_request(UPTIME, Community(V2C, b"x"), 1), START + 5)
    assert plain is not None
    assert read == decode_response(plain)[3]
    assert [varbind.tag for varbind in read] == [Tag.TIME_TICKS]


def test_a_stranger_is_told_so(inventory: Inventory, chosen: Script) -> None:
    agent = Agent(machine(inventory, chosen, "core-1"), USER, START)
    [told] = read_varbinds(ask(agent, Usm(user="stranger"), START))
    assert told.oid == Report.UNKNOWN_USER_NAME.value
    community = encode_request(UPTIME, Community(V2C, b"netmon"), 1 << 24)
    assert agent.answer(community, START) is None, "who has a user has no community of that name"


def test_every_device_has_an_engine_id_of_its_own_for_good(inventory: Inventory) -> None:
    assert len({engine_id(device) for device in inventory.devices}) == len(inventory.devices)
    assert engine_id("core-1").hex() == "800007db0302c1ed0bd4c5"


def test_a_reboot_is_silent_and_then_another_boot_whose_time_begins_anew(inventory: Inventory, chosen: Script) -> None:
    assert chosen.reboot
    link, window = chosen.reboot
    assert link.near
    agent = Agent(machine(inventory, chosen, link.near.device), USER, START)
    start, end = window.window(0)
    before, after = discovered(agent, start - 1), discovered(agent, end + 2)
    assert before is not None
    assert after is not None
    assert discovered(agent, start + 1) is None
    assert (after.engine_id, after.boots, after.time) == (before.engine_id, before.boots + 1, 2)
    assert before.time == int(start - 1 - START)


def test_a_simulator_that_is_started_again_has_engines_of_more_boots(inventory: Inventory, chosen: Script) -> None:
    """Also than one whose devices have restarted since, or a manager that goes on would believe nothing of it."""
    assert chosen.reboot
    link, window = chosen.reboot
    assert link.near
    rebooted = window.window(3)[1] + 1
    last = discovered(Agent(machine(inventory, chosen, link.near.device), USER, START), rebooted)
    again = script(inventory, seed=7, started=rebooted + 15)
    first = discovered(Agent(machine(inventory, again, link.near.device, rebooted + 15), USER, rebooted + 15), rebooted + 15)
    assert last is not None
    assert first is not None
    assert first.engine_id == last.engine_id
    assert first.boots > last.boots
