"""The seeded past: what a netmon that had watched would have measured."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import SLOT_S, Direction, Octets, Span, Subject
from netmon.sim import past
from netmon.sim.province import province
from netmon.sim.troubles import script
from netmon.targets.windows import month_of
from tests.effort import examples
from tests.sim.conftest import small_province

NOW = 1_795_290_123.4
"""2026-11-22 02:42:03 in Asia/Ho_Chi_Minh."""


@pytest.fixture
def cuts(inventory: Inventory) -> list[past.Break]:
    return past.breaks(inventory, seed=7, now=NOW, days=7)


def test_the_live_agents_go_on_where_the_seeded_slots_end(inventory: Inventory) -> None:
    """A slot of the past holds what the same flows of the simulator give for it, at both ends, unless its cable was cut."""
    chosen = script(inventory, seed=7, started=NOW)
    live = province(inventory, chosen, seed=7, started=NOW).flows
    cuts = past.breaks(inventory, seed=7, now=NOW, days=7)
    made = past.flows(inventory, chosen, cuts, seed=7, now=NOW)
    last = int(NOW) // SLOT_S
    for link in inventory.links:
        for slot in past.slots(made[link], last - 5, last):
            start, end = slot.k * SLOT_S, (slot.k + 1) * SLOT_S
            assert slot.receive == (live[link][Direction.RECEIVE].octets(start, end), SLOT_S * 1_000_000)
            assert slot.transmit == (live[link][Direction.TRANSMIT].octets(start, end), SLOT_S * 1_000_000)


def test_a_cut_leaves_no_octets_at_the_far_end_and_nothing_seen_at_the_near_one(
    inventory: Inventory, cuts: list[past.Break]
) -> None:
    cut = cuts[0]
    made = past.flows(inventory, script(inventory, seed=7, started=NOW), cuts, seed=7, now=NOW)[cut.link.id]
    whole = past.slots(made, cut.start // SLOT_S - 2, cut.end // SLOT_S + 3)
    near = past.seen_from_near(whole, cut)
    inside = set(range(-(-cut.start // SLOT_S), cut.end // SLOT_S))
    assert all(slot.receive == Octets(0, SLOT_S * 1_000_000) for slot in whole if slot.k in inside)
    assert {slot.k for slot in near} == {slot.k for slot in whole} - inside
    assert sum(slot.receive.octets for slot in near) == sum(slot.receive.octets for slot in whole)
    assert sum(slot.receive.covered_us for slot in near) == (len(whole) * SLOT_S - (cut.end - cut.start)) * 1_000_000


def test_round_trips_are_of_every_slot_in_which_the_cable_was_whole(inventory: Inventory, cuts: list[past.Break]) -> None:
    """Ten bursts of five and ten polls, hardly an echo lost, and no round trip shorter than light needs."""
    cut, k = cuts[0], cuts[0].start // SLOT_S
    for each in (cut, None):
        made = past.echoes(cut.link, each, seed=7, first=k - 500, last=k + 200)
        lost = range(k, -(-cut.end // SLOT_S)) if each else range(0)
        assert [slot.k for slot in made] == [n for n in range(k - 500, k + 200) if n not in lost]
        assert all(slot.sent == 50 and 47 <= slot.answered <= 50 and slot.snmp == 10 for slot in made)
        assert 0 < sum(slot.sent - slot.answered for slot in made) < 100
        assert all(2_800 * slot.answered < slot.rtt_us <= slot.worst_us * slot.answered for slot in made)
    assert past.echoes(cut.link, None, seed=7, first=k, last=k + 9) == past.echoes(
        cut.link, None, seed=7, first=k, last=k + 9
    )


@settings(max_examples=examples(20))
@given(now=st.floats(1_780_000_000, 1_830_000_000))
def test_every_break_lies_in_the_past_that_is_told_and_is_over(now: float) -> None:
    inventory = small_province()
    begin = past.beginning(now, 7)
    assert begin <= month_of(now).start
    assert begin <= now - 7 * 86_400
    for cut in past.breaks(inventory, seed=1, now=now, days=7):
        assert begin <= cut.start < cut.end < now - 1800


def test_spans_cover_the_whole_past_without_a_hole_and_one_commune_misses_its_month(
    inventory: Inventory, cuts: list[past.Break]
) -> None:
    begin = past.beginning(NOW, 7)
    of: dict[Subject, list[Span]] = {}
    for subject, span in past.spans(inventory, cuts, begin, NOW):
        of.setdefault(subject, []).append(span)
    assert set(of) == {
        *(Subject("device", name) for name in inventory.devices),
        *(Subject("link", name) for name in inventory.links),
        *(Subject("site", link.site) for link in inventory.links.values()),
    }
    for spans in of.values():
        assert (spans[0].start, spans[-1].end) == (begin, NOW)
        assert all(one.end == other.start and one.state != other.state for one, other in pairwise(spans))
    month = month_of(NOW).start
    worst = of[Subject("site", cuts[0].link.site)]
    isolated = sum(span.end - span.start for span in worst if span.state == "isolated" and span.start >= month)
    assert isolated / (30 * 86_400) > 0.005
