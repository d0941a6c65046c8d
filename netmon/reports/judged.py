"""The verdicts on a month: those that were frozen when it closed, else worked out afresh from what the store holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import NamedTuple

from netmon.model import Link, Site, Verdict, Window
from netmon.seen import StoreEvidence, Turns
from netmon.settings import Settings
from netmon.store import Reader
from netmon.store.records import Frozen
from netmon.targets.evaluate import Units, evaluate, is_monthly
from netmon.targets.rules import Afresh, Surroundings
from netmon.targets.windows import local
from netmon.units import Register

TOLD = ("commune", "province")
"""Whose verdicts a report tells; links and sites speak through their commune."""


class Judged(NamedTuple):
    """A verdict, and its record where it was frozen: revision, when it was stated (Unix seconds), hash. One that was worked
    out for this report alone has none: it is provisional, whatever its window."""

    verdict: Verdict
    revision: int | None = None
    stated_at: float | None = None
    sha256: str = ""

    @property
    def final(self) -> bool:
        return self.revision is not None and self.verdict.final


class _Places(NamedTuple):
    """The part of an inventory that lies in some provinces."""

    sites: Mapping[str, Site]
    links: Mapping[str, Link]


def verdicts_on(
    settings: Settings,
    reader: Reader,
    register: Register,
    provinces: Sequence[str],
    month: Window,
    now: float,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Judged]:
    """The verdicts on communes and provinces. A province of which anything was frozen is told from that alone."""
    last_day = local(min(month.end, now) - 1).date()
    communes = {province: [unit.code for unit in register.communes(province, last_day)] for province in provinces}
    progress("reading the frozen verdicts")
    found = newest(reader.frozen(window=month), month)
    province_of = {code: province for province, codes in communes.items() for code in codes}
    province_of |= {province: province for province in provinces}
    frozen = [judged for judged in found if judged.verdict.subject.id in province_of]
    closed = {province_of[judged.verdict.subject.id] for judged in frozen}
    open_ones = {province: codes for province, codes in communes.items() if province not in closed}
    return frozen + (_afresh(settings, reader, register, open_ones, month, now, progress) if open_ones else [])


def newest(frozen: Iterable[Frozen], month: Window) -> list[Judged]:
    """The newest revision of each verdict on a commune or a province over that month."""
    found: dict[tuple[str, str], Judged] = {}
    for verdict, revision, at, sha256, _ in frozen:
        if verdict.window == month and verdict.subject.kind in TOLD:
            before = found.get((verdict.target, str(verdict.subject)))
            if before is None or revision > (before.revision or 0):
                found[verdict.target, str(verdict.subject)] = Judged(verdict, revision, at, sha256)
    return list(found.values())


def _afresh(
    settings: Settings,
    reader: Reader,
    register: Register,
    communes: Mapping[str, Sequence[str]],
    month: Window,
    now: float,
    progress: Callable[[str], None],
) -> list[Judged]:
    inventory = settings.inventory
    sites = {site.id: site for site in inventory.sites.values() if site.province in communes}
    links = {link.id: link for link in inventory.links.values() if link.site in sites}

    around = Surroundings(inventory.links_ever_of_site(), register.kind_at, inventory.devices, inventory.sites)
    judged = Afresh(StoreEvidence(reader, Turns(Event())), around)
    targets = [target for target in settings.targets if is_monthly(target)]
    units = Units(communes, settings.scope, register.kind_at)
    over = month if now >= month.end else None
    found = []
    for n, verdict in enumerate(evaluate(targets, _Places(sites, links), units, judged, now, over), 1):
        progress(f"judging {local(month.start):%Y-%m}: {verdict.target}, {n} verdicts")
        if verdict.subject.kind in TOLD:
            found.append(Judged(verdict))
    return found
