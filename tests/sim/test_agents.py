"""The simulated agents, asked byte by byte: order of the view, the exceptions, reboots, and both ends of a link."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from netmon.inventory import Inventory
from netmon.sim.agents import LARGEST, Agent
from netmon.sim.mib import Object, View
from netmon.sim.province import Province, province
from netmon.sim.troubles import Script, Trouble, script
from netmon.snmp import oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.message import (
    V1,
    V2C,
    Community,
    Request,
    VarBind,
    decode_response,
    encode_request,
    get_bulk_request,
    get_next_request,
    get_request,
)

START = 1_795_000_000.0
SYS_UPTIME, IF_NAME, IF_OPER_STATUS = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.2.2.1.8"
HEARD = Community(V2C, b"bi-mat")
HC_IN, HC_OUT = "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10"


class Asker:
    """Speaks to one agent at instants of its own choosing."""

    def __init__(self, agent: Agent, version: int = V2C, community: bytes = b"bi-mat") -> None:
        self.agent = agent
        self.community = Community(version, community)

    def ask(self, request: Request, at: float) -> tuple[int, int, list[VarBind]] | None:
        answer = self.agent.answer(encode_request(request, self.community, 0x0102_0304), at)
        if answer is None:
            return None
        request_id, status, index, varbinds = decode_response(answer)
        assert request_id == 0x0102_0304
        return status, index, varbinds

    def get(self, names: Sequence[str], at: float) -> list[VarBind]:
        said = self.ask(get_request([oid.encode(name) for name in names]), at)
        assert said is not None
        return said[2]

    def walk(self, at: float, root: str = "1.3") -> list[VarBind]:
        found: list[VarBind] = []
        name = oid.encode(root)
        while True:
            said = self.ask(get_next_request([name]), at)
            assert said is not None
            status, _, [varbind] = said
            if status or varbind.tag == Tag.END_OF_MIB_VIEW:
                return found
            found.append(varbind)
            name = varbind.oid

    def column(self, root: str, at: float) -> dict[str, Value]:
        """A column of ifTable or ifXTable by ifName."""
        view = {varbind.oid: varbind.value for varbind in self.walk(at)}
        names = {
            name[len(oid.encode(IF_NAME)) :]: value for name, value in view.items() if oid.within(name, oid.encode(IF_NAME))
        }
        return {
            value.decode() if isinstance(value, bytes) else "": view[oid.encode(root) + index]
            for index, value in names.items()
        }


@pytest.fixture
def chosen(inventory: Inventory) -> Script:
    return script(inventory, seed=7, started=START)


@pytest.fixture
def made(inventory: Inventory, chosen: Script) -> Province:
    return province(inventory, chosen, seed=7, started=START)


@pytest.fixture
def core(made: Province) -> Asker:
    return Asker(Agent(made.machines["core-1"], HEARD, START))


def test_a_walk_over_the_whole_view_rises_strictly_and_meets_every_object(core: Asker) -> None:
    names = [oid.arcs(varbind.oid) for varbind in core.walk(START)]
    assert all(one < other for one, other in pairwise(names))
    assert len(names) == len(core.agent.view(START).objects) > 9 + 10 * 37


def test_a_view_sorts_by_numbers_where_octets_would_not() -> None:
    """16383 is ff 7f and 16384 is 81 80 00."""
    names = [oid.encode(f"1.3.6.1.2.1.2.2.1.1.{index}") for index in (1, 127, 128, 16383, 16384)]
    objects = View(Object(name, Tag.INTEGER, lambda at: 1) for name in reversed(names))
    assert [entry.name for entry in objects.objects] == names
    assert [objects.after(name) for name in names] == [1, 2, 3, 4, 5]
    assert objects.after(oid.encode("1.3.6.1.2.1.2.2.1.1.16000")) == 3


def test_getbulk_tells_the_same_as_a_walk_and_ends_with_end_of_mib_view(core: Asker) -> None:
    walked = core.walk(START)
    found: list[VarBind] = []
    name = oid.encode("1.3")
    while True:
        said = core.ask(get_bulk_request([name], 50), START)
        assert said is not None
        rows = said[2]
        found += [row for row in rows if row.tag != Tag.END_OF_MIB_VIEW]
        if rows[-1].tag == Tag.END_OF_MIB_VIEW:
            break
        name = rows[-1].oid
    assert found == walked
    assert rows[-1].oid == walked[-1].oid


def test_getbulk_of_two_columns_interleaves_them_after_its_non_repeaters(core: Asker) -> None:
    said = core.ask(get_bulk_request([oid.encode(SYS_UPTIME[:-2]), oid.encode(IF_NAME), oid.encode(HC_IN)], 3, 1), START)
    assert said is not None
    names = [oid.decode(row.oid) for row in said[2]]
    assert names == [SYS_UPTIME, *(f"{column}.{n}" for n in (1, 2, 3) for column in (IF_NAME, HC_IN))]


def test_an_answer_never_outgrows_the_largest_datagram(core: Asker) -> None:
    """GETBULK gives what fits; GET of too much is tooBig."""
    bulk = encode_request(get_bulk_request([oid.encode("1.3")], 5000), core.community, 1 << 24)
    answer = core.agent.answer(bulk, START)
    assert answer is not None
    assert len(answer) <= LARGEST
    assert len(decode_response(answer)[3]) > 100
    said = core.ask(get_request([oid.encode("1.3.6.1.2.1.1.1.0")] * 400), START)
    assert said == (1, 0, [])


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("1.3.6.1.2.1.2.2.1.10.9999", Tag.NO_SUCH_INSTANCE),
        ("1.3.6.1.2.1.1.1", Tag.NO_SUCH_OBJECT),
        ("1.3.6.1.2.1.1.1.1", Tag.NO_SUCH_INSTANCE),
        ("1.3.6.1.4.1.9.1", Tag.NO_SUCH_OBJECT),
    ],
)
def test_v2c_says_in_the_varbind_what_is_missing(core: Asker, name: str, tag: Tag) -> None:
    [varbind, uptime] = core.get([name, SYS_UPTIME], START)
    assert varbind == (oid.encode(name), tag, None)
    assert uptime.tag == Tag.TIME_TICKS


def test_v1_names_the_missing_varbind_by_its_index_and_never_meets_a_counter64(core: Asker) -> None:
    old = Asker(core.agent, V1)
    for missing in ("1.3.6.1.2.1.2.2.1.10.9999", f"{HC_IN}.1"):
        said = old.ask(get_request([oid.encode(SYS_UPTIME), oid.encode(missing)]), START)
        assert said is not None
        assert said[:2] == (2, 2)
    walked = old.walk(START)
    assert len(walked) == len([row for row in core.walk(START) if row.tag != Tag.COUNTER64])


def test_a_wrong_community_a_broken_datagram_and_v1_getbulk_get_no_answer(core: Asker) -> None:
    assert Asker(core.agent, community=b"public").ask(get_request([oid.encode(SYS_UPTIME)]), START) is None
    whole = encode_request(get_request([oid.encode(SYS_UPTIME)]), core.community, 1 << 24)
    assert all(core.agent.answer(whole[:n], START) is None for n in range(len(whole)))
    bulk = bytearray(encode_request(get_bulk_request([oid.encode("1.3")], 5), core.community, 1 << 24))
    bulk[4] = V1
    assert core.agent.answer(bytes(bulk), START) is None


def test_counters_of_both_ends_of_a_link_grow_by_the_same(
    made: Province, core: Asker, inventory: Inventory, chosen: Script
) -> None:
    """Between any two instants, cut or not, what leaves the core's port arrives at the commune."""
    assert chosen.saturated
    for link in (chosen.saturated, *([chosen.cut[0]] if chosen.cut else [])):
        assert link.near
        assert link.far
        near = Asker(Agent(made.machines[link.near.device], HEARD, START))
        times = [START + seconds for seconds in (0, 14.9, 1400, 1450.25)]
        sent = [core.column(HC_OUT, at)[link.far.interface] for at in times]
        received = [near.column(HC_IN, at)[link.near.interface] for at in times]
        grown = [[b - a for a, b in pairwise(end)] for end in (sent, received)]  # type: ignore[operator]
        assert grown[0] == grown[1]
        assert min(grown[0]) > 0


def test_counters_grow_together_with_sys_uptime_and_never_fall(core: Asker) -> None:
    before: dict[bytes, Value] = {}
    for at in (START, START + 0.01, START + 30, START + 3600):
        now = {row.oid: row.value for row in core.walk(at) if row.tag in (Tag.COUNTER64, Tag.TIME_TICKS)}
        assert all(now[name] >= value for name, value in before.items())  # type: ignore[operator]
        before = now
    [first], [last] = core.get([SYS_UPTIME], START), core.get([SYS_UPTIME], START + 3600)
    assert last.value - first.value == 360_000  # type: ignore[operator]


def test_a_reboot_is_silent_then_starts_uptime_and_counters_anew_and_renumbers_the_interfaces(
    made: Province, chosen: Script
) -> None:
    assert chosen.reboot
    link, timetable = chosen.reboot
    assert link.near
    router = Asker(Agent(made.machines[link.near.device], HEARD, START))
    start, end = timetable.window(0)
    before = router.walk(start - 1, IF_NAME)
    octets = router.column(HC_IN, start - 1)[link.near.interface]
    assert router.ask(get_request([oid.encode(SYS_UPTIME)]), start + 4) is None
    [uptime] = router.get([SYS_UPTIME], end + 2.5)
    assert uptime.value == 250
    after = router.walk(end + 2.5, IF_NAME)
    names = [[row.value for row in walk[: len(router.agent.machine.interfaces)]] for walk in (before, after)]
    assert names[0] != names[1]
    assert set(names[0]) == set(names[1])
    assert 0 < router.column(HC_IN, end + 2.5)[link.near.interface] < octets  # type: ignore[operator]


def test_a_cut_takes_only_the_cut_link_s_port_down(core: Asker, chosen: Script) -> None:
    assert chosen.cut
    link, timetable = chosen.cut
    assert link.far
    status = core.column(IF_OPER_STATUS, timetable.first + 1)
    assert {name for name, value in status.items() if value == 2} == {link.far.interface}
    assert set(core.column(IF_OPER_STATUS, timetable.first - 1).values()) == {1}


def test_a_full_link_discards_at_the_end_that_sends_into_it(core: Asker, inventory: Inventory) -> None:
    chosen = script(inventory, seed=7, started=START, troubles=[Trouble.SATURATED])
    assert chosen.saturated
    assert chosen.saturated.far
    discards = "1.3.6.1.2.1.2.2.1.19"
    grown = {
        name: (core.column(discards, START + 600)[name] - value) % 2**32  # type: ignore[operator]
        for name, value in core.column(discards, START).items()
    }
    assert {name for name, value in grown.items() if value} == {chosen.saturated.far.interface}
