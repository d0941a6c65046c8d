"""Slots of round trips, against a count that knows all bursts beforehand."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.echoes import SETTLE_S, EchoFiller
from netmon.model import SLOT_S, EchoSlot

T0 = 1_800_000_000 // SLOT_S * SLOT_S
FIRST = T0 // SLOT_S


class Burst(NamedTuple):
    sent: float
    echoes: list[float | None]


class Trip(NamedTuple):
    sent: float
    seconds: float


class Close(NamedTuple):
    now: float


class Forget(NamedTuple):
    since: float


instants = st.integers(0, 4 * SLOT_S * 1000).map(lambda ms: T0 + ms / 1000)
round_trips = st.integers(0, 2_000_000).map(lambda us: us / 1e6)
acts = st.one_of(
    st.builds(Burst, instants, st.lists(st.none() | round_trips, max_size=5)),
    st.builds(Trip, instants, round_trips),
    st.builds(Close, instants),
    st.builds(Forget, instants),
)


def counted(acts: list[Burst | Trip | Close | Forget]) -> tuple[list[EchoSlot], int]:
    """The slots that come out, and how much is refused: each slot looked at by itself, over all that ever happened."""
    found, refused = [], 0
    for k in range(FIRST, FIRST + 5):
        closing = (n for n, act in enumerate(acts) if isinstance(act, Close) and act.now >= (k + 1) * SLOT_S + SETTLE_S)
        end = next(closing, len(acts))
        inside = [
            (n, act) for n, act in enumerate(acts) if isinstance(act, (Burst, Trip)) and act.sent // SLOT_S == k
        ]  # fmt: skip
        refused += sum(n > end for n, _ in inside)
        echoes: list[float | None] = []
        trips = [round(act.seconds * 1e6) for n, act in inside if n < end and isinstance(act, Trip)]
        for n, act in inside:
            taken_back = any(isinstance(other, Forget) and act.sent >= other.since for other in acts[n:end])
            if n < end and isinstance(act, Burst) and not taken_back:
                echoes += act.echoes
        came = [round(seconds * 1e6) for seconds in echoes if seconds is not None]
        if end < len(acts) and (echoes or trips):
            slot = EchoSlot(k, len(echoes), len(came), sum(came), max(came, default=0), len(trips), sum(trips))
            found.append(slot)
    return found, refused


@given(st.lists(acts, max_size=40))
def test_slots_hold_what_a_naive_count_finds_and_come_out_once(history: list[Burst | Trip | Close | Forget]) -> None:
    filler, found, refused = EchoFiller(), [], 0
    for act in history:
        match act:
            case Burst():
                refused += not filler.burst(act.sent, act.echoes)
            case Trip():
                refused += not filler.snmp(act.sent, act.seconds)
            case Forget():
                filler.forget(act.since)
            case Close():
                closed = filler.close(act.now)
                assert [slot.k for slot in closed] == sorted(slot.k for slot in closed)
                found += closed
    assert (sorted(found), refused) == counted(history)


def test_a_slot_waits_for_what_was_sent_within_it_and_then_no_longer() -> None:
    filler = EchoFiller()
    assert filler.burst(T0 + 299.9, [0.010, None, 0.030])
    assert filler.close(T0 + SLOT_S + SETTLE_S - 0.001) == []
    assert filler.snmp(T0 + 299.9, 0.0125)
    assert filler.close(T0 + SLOT_S + SETTLE_S) == [EchoSlot(FIRST, 3, 2, 40_000, 30_000, 1, 12_500)]
    assert not filler.burst(T0 + 299.9, [0.010])
    assert filler.close(T0 + 9 * SLOT_S) == []
