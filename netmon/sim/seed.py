"""Writes the past of the simulated province into a new store, marked as simulated."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netmon.model import SLOT_S, CellName, End, Link, Outage, Service, Slot, Subject, Uncounted
from netmon.settings import Settings
from netmon.sim import past
from netmon.sim.feeds import Feed
from netmon.sim.probes import Probe
from netmon.sim.stations import stations
from netmon.sim.troubles import Trouble, script
from netmon.store import Store
from netmon.store.schema import lock
from netmon.targets.windows import iso

SOURCE = "simulated"
_TESTED_EVERY = 48
"""A probe tested its connections once in so many slots: every four hours."""


class SeedError(Exception):
    """The store is not to be seeded; the text says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was written: links with slots in [first, last), and the breaks among them."""

    links: int
    first: int
    last: int
    breaks: Sequence[past.Break]
    took_s: float

    def in_words(self) -> str:
        when = f"from {iso(self.first * SLOT_S)} to {iso(self.last * SLOT_S)}"
        lines = [f"seeded {self.links} links {when} in {self.took_s:.1f} s; past breaks:"]
        lines += [f"  {cut.link.id} from {iso(cut.start)} for {(cut.end - cut.start) / 60:g} min" for cut in self.breaks]
        return "\n".join(lines)


def fill(settings: Settings, *, seed: int, troubles: Sequence[Trouble], days: int, now: float) -> Filled:
    """Fills the store of a configuration with `days` of slots and with states since then or since this month began.

    Slots end with the last one closed before `now`, states at `now`. The store is there once it is whole. SeedError: there
    is one already, and what was measured must not be mixed with what was not. StoreError: another netmon is about to write.
    """
    began = time.monotonic()
    inventory = settings.inventory
    chosen = script(inventory, seed=seed, started=now, troubles=troubles)
    breaks = past.breaks(inventory, seed=seed, now=now, days=days)
    broken = {cut.link.id: cut for cut in breaks}
    flows = past.flows(inventory, chosen, breaks, seed=seed, now=now)
    last = int(now // SLOT_S)
    first = last - days * 86_400 // SLOT_S
    with _whole(settings.store.path) as unfinished, Store.open(unfinished, Uncounted()) as store:
        for link in inventory.links.values():
            cut = broken.get(link.id)
            _fill_link(store, link, past.slots(flows[link.id], first, last), cut)
            for slot in past.echoes(link, cut, seed=seed, first=first, last=last) if link.check else ():
                store.put_echo(link.id, slot, SOURCE)
            lit = past.light(link, cut, seed=seed, now=now, days=days)
            store.put_summaries([(Subject("link", link.id), figure, hour) for figure, hour in lit])
            store.flush(60)  # or more would wait than the store holds
        for reporter in stations(inventory, chosen, seed=seed, started=now):
            if isinstance(reporter, Probe):
                for k in range(first, last, _TESTED_EVERY):
                    for test in reporter.past(k * SLOT_S):
                        store.put_speed_test(test, SOURCE)
            if isinstance(reporter, Feed):
                _fill_cells(store, reporter, past.beginning(now, days), now)
        for subject, span in past.spans(inventory, breaks, past.beginning(now, days), now):
            store.begin_span(subject, span.state, span.start, SOURCE)
            store.end_span(subject, span.end)
            if span.state != Service.UP:
                store.open_outage(Outage(subject, span.state, span.start, span.end, "", "simulated: the cable was cut"))
        store.flush(60)
    return Filled(links=len(inventory.links), first=first, last=last, breaks=breaks, took_s=time.monotonic() - began)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Where to write a store that gets its name when the block ends well, and is gone when it does not.

    Also gone is what one left that was killed meanwhile.
    """
    held = lock(path)  # so that nobody else makes a store of this name, nor writes to the unfinished one
    unfinished = path.with_name(path.name + ".new")
    try:
        if path.exists():
            raise SeedError(f"{path} exists: only a new store is seeded")
        _remove(unfinished)
        yield unfinished
        unfinished.rename(path)
    finally:
        _remove(unfinished)
        os.close(held)


def _remove(store: Path) -> None:
    for end in ("", "-wal", "-shm", ".lock", ".roots"):
        store.with_name(store.name + end).unlink(missing_ok=True)


def _fill_link(store: Store, link: Link, whole: Sequence[Slot], cut: past.Break | None) -> None:
    if link.near is not None:
        store.put_link(link.id, End.NEAR, slots=past.seen_from_near(whole, cut), source=SOURCE)
    if link.far is not None:
        store.put_link(link.id, End.FAR, slots=whole, source=SOURCE)


def _fill_cells(store: Store, feed: Feed, start: float, end: float) -> None:
    """Cells as they are before anything goes wrong."""
    for mast in feed.masts:
        for told in mast.states(start):
            subject = Subject("cell", CellName(mast.site, mast.operator, told["technology"], told["cell"]).id)
            store.begin_span(subject, told["state"], start, SOURCE)
            store.end_span(subject, end)
