"""What a step of the wall clock makes of a running netmon: what it was ahead by is taken back, what it went ahead over was
seen by nobody, and all that is compared moves with it."""

from __future__ import annotations

from collections.abc import Collection

from netmon.cells import Cells
from netmon.checks import Checks
from netmon.inventory import Inventory
from netmon.measure import EndOfLink
from netmon.model import SLOT_S, Baseline, Direction, Unplaced
from netmon.network import Network
from netmon.operations import Operations
from netmon.store import Store
from netmon.summaries import Summaries
from netmon.watch import Watch

UNSEEN_S = 60.0
"""Two intervals: a step ahead by more is time that no poll speaks for (SEMANTICS 6). The machine slept through it, or it
never was."""


def shift(
    step_s: float,
    now: float,
    *,
    store: Store,
    network: Network,
    checks: Checks,
    cells: Cells,
    summaries: Summaries,
    operations: Operations,
    inventory: Inventory,
    watches: Collection[Watch],
) -> None:
    """The wall clock stepped by so much, to `now`. What was stored of a time that is yet to come is taken back; time that
    was stepped over is netmon's absence."""
    if step_s < 0:
        store.cut_future(now)
        summaries.cut_future(now)
    elif step_s > UNSEEN_S:
        store.record_leap(now - step_s, now)
    slots_ahead = (now - step_s) // SLOT_S > now // SLOT_S
    network.shift(step_s)
    checks.shift(step_s)
    cells.shift(step_s)
    operations.shift(step_s)
    if slots_ahead:  # those that were closed are to be filled again
        checks.take(Inventory({}, {}, {}))
        checks.take(inventory)
    for watch in watches:
        watch.read_at += step_s if watch.read_at else 0.0
        watch.fresh_until = 0.0  # slots do not move with the clock
        watch.alive_at += step_s if watch.alive_at else 0.0
        for end in watch.all_ends():
            end.shown_at += step_s if end.shown_at else 0.0
            if slots_ahead:
                cut_slots(store, watch, end, now)


def cut_slots(store: Store, watch: Watch, end: EndOfLink, now: float) -> None:
    """Opens the slots from `now` on again, of an end that has closed them by a clock that was ahead. What it holds for
    slots that have not begun was counted before `now`, nobody knows when."""
    still_open = end.baseline(watch.counters).open
    unplaced = [
        Unplaced(direction, now, now, octets)
        for slot in still_open
        for direction, (octets, _) in ((Direction.RECEIVE, slot.receive), (Direction.TRANSMIT, slot.transmit))
        if slot.k * SLOT_S > now and octets
    ]
    end.restore(Baseline(None, None, tuple(slot for slot in still_open if slot.k * SLOT_S <= now)), watch.counters)
    store.put_link(end.link.id, end.end, unplaced=unplaced, baseline=end.baseline(watch.counters))
