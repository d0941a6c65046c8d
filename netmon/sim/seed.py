"""Writes the past of the simulated province into a new store, marked as simulated."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from netmon.model import SLOT_S, End, Link, Outage, Service, Slot
from netmon.settings import Settings
from netmon.sim import past
from netmon.sim.troubles import Trouble, script
from netmon.store import Store
from netmon.targets.windows import iso

SOURCE = "simulated"


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


class _Uncounted:
    """A meter that nobody reads."""

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    def observe(self, family: str, value: float, /, **labels: str) -> None: ...


def fill(settings: Settings, *, seed: int, troubles: Sequence[Trouble], days: int, now: float) -> Filled:
    """Fills the store of a configuration with `days` of slots and with states since then or since this month began.

    Slots end with the last one closed before `now`, states at `now`. SeedError: there is a store already, and what was
    measured must not be mixed with what was not.
    """
    if settings.store.path.exists():
        raise SeedError(f"{settings.store.path} exists: only a new store is seeded")
    began = time.monotonic()
    inventory = settings.inventory
    chosen = script(inventory, seed=seed, started=now, troubles=troubles)
    breaks = past.breaks(inventory, seed=seed, now=now, days=days)
    broken = {cut.link.id: cut for cut in breaks}
    flows = past.flows(inventory, chosen, breaks, seed=seed, now=now)
    last = int(now // SLOT_S)
    first = last - days * 86_400 // SLOT_S
    settings.store.path.parent.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.store.path, _Uncounted()) as store:
        for link in inventory.links.values():
            _fill_link(store, link, past.slots(flows[link.id], first, last), broken.get(link.id))
        for subject, span in past.spans(inventory, breaks, past.beginning(now, days), now):
            store.begin_span(subject, span.state, span.start, SOURCE)
            store.end_span(subject, span.end)
            if span.state != Service.UP:
                store.open_outage(Outage(subject, span.state, span.start, span.end, "", "simulated: the cable was cut"))
        store.flush(60)
    return Filled(links=len(inventory.links), first=first, last=last, breaks=breaks, took_s=time.monotonic() - began)


def _fill_link(store: Store, link: Link, whole: Sequence[Slot], cut: past.Break | None) -> None:
    if link.near is not None:
        store.put_link(link.id, End.NEAR, slots=past.seen_from_near(whole, cut), source=SOURCE)
    if link.far is not None:
        store.put_link(link.id, End.FAR, slots=whole, source=SOURCE)
