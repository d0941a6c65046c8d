"""Traffic and troubles: pure functions of time, the same at both ends, exact over slots."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import SLOT_S, Direction
from netmon.sim.province import province
from netmon.sim.timetable import Timetable
from netmon.sim.traffic import KNOTS, Flow, full_week, office_week
from netmon.sim.troubles import Trouble, in_words, script

START = 1_795_000_000.0
CAPACITY = 25e6
FLOW = Flow(office_week(Random(1), CAPACITY, 0.6), Timetable(START + 40, 8, 60.5))
INSTANTS = st.floats(START - 3600, START + 14 * 86_400)


def percentile(use: list[float]) -> float:
    return sorted(use)[(95 * len(use) + 99) // 100 - 1]


def uses(flow: Flow, first: int) -> list[float]:
    return [flow.octets(k * SLOT_S, (k + 1) * SLOT_S) / SLOT_S / CAPACITY for k in range(first, first + KNOTS)]


@given(st.lists(INSTANTS, min_size=2, max_size=40))
def test_a_counter_never_falls_whenever_and_in_whatever_order_it_is_read(instants: list[float]) -> None:
    read = {at: FLOW.carried(at) for at in instants}
    values = [read[at] for at in sorted(read)]
    assert values == sorted(values)


@given(st.integers(int(START) // SLOT_S, int(START) // SLOT_S + 4000), st.integers(1, 50))
def test_the_octets_between_two_instants_are_the_sum_of_the_slots_between_them(first: int, count: int) -> None:
    slots = [FLOW.octets(k * SLOT_S, (k + 1) * SLOT_S) for k in range(first, first + count)]
    assert sum(slots) == FLOW.octets(first * SLOT_S, (first + count) * SLOT_S)


def test_a_closed_flow_stands_still_and_an_open_one_runs() -> None:
    flow = Flow(office_week(Random(2), CAPACITY, 0.5), Timetable(START + 60, 120))
    assert flow.octets(START + 60, START + 180) == 0
    assert flow.octets(START, START + 60) > 0
    assert flow.octets(START + 180, START + 240) > 0


def test_the_rate_is_the_line_between_two_knots() -> None:
    """A flow that rises from 1000 to 4000 octets/s in a slot has carried the triangle by its middle."""
    flow = Flow([1000, 4000] + [0] * (KNOTS - 2))
    monday = 4 * 86_400 - 7 * 3_600
    assert flow.octets(monday, monday + 150) == 150 * 1000 + 150 * 1500 // 2
    assert flow.octets(monday, monday + 300) == 300 * 2500


@given(st.integers(0, 30), st.floats(0.1, 0.85))
def test_the_95th_percentile_of_any_week_is_the_one_asked_for(days: int, busy: float) -> None:
    flow = Flow(office_week(Random(days), CAPACITY, busy))
    assert percentile(uses(flow, int(START) // SLOT_S + days * 288)) == pytest.approx(busy, abs=1e-5)


def test_a_full_link_stays_above_nine_tenths_and_below_its_capacity() -> None:
    use = uses(Flow(full_week(Random(3), CAPACITY, 0.97)), int(START) // SLOT_S)
    assert 0.9 < min(use) <= max(use) < 1


def test_offices_are_busy_at_ten_on_a_wednesday_and_quiet_on_a_sunday_night() -> None:
    monday = 4 * 86_400 - 7 * 3_600 + 3000 * 7 * 86_400
    flow = Flow(office_week(Random(4), CAPACITY, 0.5))
    at_ten = flow.octets(monday + 58 * 3600, monday + 59 * 3600)
    sunday = flow.octets(monday + 147 * 3600, monday + 148 * 3600)
    assert at_ten > 5 * sunday


@given(st.floats(0, 10_000), st.none() | st.just(127.0))
def test_the_next_change_of_a_timetable_is_its_first_edge_after_an_instant(at: float, every: float | None) -> None:
    timetable = Timetable(100, 8, every)
    edges = [edge for n in range(80 if every else 1) for edge in timetable.window(n) if edge > at]
    assert timetable.next_change(at) == min(edges, default=None)


@given(st.floats(0, 10_000))
def test_a_timetable_is_active_within_its_windows_and_nowhere_else(at: float) -> None:
    timetable = Timetable(100, 8, 127)
    windows = [timetable.window(n) for n in range(80)]
    assert timetable.active(at) == any(start <= at < end for start, end in windows)
    assert timetable.ended(at) == sum(end <= at for _, end in windows)
    assert timetable.last_change(at) == max((edge for window in windows for edge in window if edge <= at), default=None)


def test_both_ends_of_every_link_carry_the_same_flows(inventory: Inventory) -> None:
    made = province(inventory, script(inventory, seed=1, started=START), seed=1, started=START)
    core = {interface.name: interface for interface in made.machines["core-1"].interfaces}
    for link in inventory.links.values():
        assert link.near is not None
        assert link.far is not None
        near = next(i for i in made.machines[link.near.device].interfaces if i.name == link.near.interface)
        far = core[link.far.interface]
        assert (near.into, near.out) == (far.out, far.into)
        assert near.into == (made.flows[link.id][Direction.RECEIVE],)


def test_the_seed_alone_chooses_the_troubles_and_leaving_one_out_moves_no_other(inventory: Inventory) -> None:
    chosen = script(inventory, seed=7, started=START)
    assert chosen == script(inventory, seed=7, started=START)
    assert chosen.cut
    assert chosen.reboot
    assert (
        len(
            {chosen.cut[0].id, chosen.reboot[0].id, chosen.saturated and chosen.saturated.id, chosen.busy and chosen.busy.id}
        )
        == 4
    )
    without = script(inventory, seed=7, started=START, troubles=[Trouble.REBOOT])
    assert without.cut is None
    assert without.reboot == chosen.reboot
    assert {script(inventory, seed=n, started=START).saturated for n in range(20)} != {chosen.saturated}


def test_a_cut_silences_the_commune_and_what_is_behind_it_and_takes_the_core_port_down(inventory: Inventory) -> None:
    chosen = script(inventory, seed=7, started=START)
    made = province(inventory, chosen, seed=7, started=START)
    assert chosen.cut
    link, timetable = chosen.cut
    during, after = timetable.first + 1, timetable.first + timetable.lasting + 1
    lost = {machine.id for machine in made.machines.values() if machine.silent_at(during)}
    assert lost == {
        link.near and link.near.device,
        *(d.id for d in inventory.devices.values() if d.upstreams == (link.near and link.near.device,)),
    }
    assert len(lost) == 2
    assert timetable.first - START < 60
    port = next(i for i in made.machines["core-1"].interfaces if link.far and i.name == link.far.interface)
    assert not port.up_at(during)
    assert made.flows[link.id][Direction.RECEIVE].octets(during, during + 60) == 0
    assert port.up_at(after)
    assert not any(machine.silent_at(after) for machine in made.machines.values())


def test_a_reboot_stops_the_traffic_but_leaves_the_core_port_up(inventory: Inventory) -> None:
    chosen = script(inventory, seed=7, started=START)
    made = province(inventory, chosen, seed=7, started=START)
    assert chosen.reboot
    link, timetable = chosen.reboot
    port = next(i for i in made.machines["core-1"].interfaces if link.far and i.name == link.far.interface)
    assert port.up_at(timetable.first + 4)
    assert made.flows[link.id][Direction.RECEIVE].octets(timetable.first, timetable.first + 8) == 0


def test_each_trouble_is_told_in_a_sentence_that_names_its_place(grown: Inventory) -> None:
    chosen = script(grown, seed=7, started=START)
    words = in_words(chosen, grown)
    assert [sentence.split(":")[0] for sentence in words] == [
        *("cut", "reboot", "saturated", "backup", "battery", "battery", "busy")
    ]
    assert chosen.cut
    assert chosen.cut[0].id in words[0]
    assert "xa-7-fibre" in words[3]
    assert chosen.battery[1][0] in words[5]
