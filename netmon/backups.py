"""The backup links of an inventory: what the store knows of each one's use, and how long it was used lately, on the page.

`derive.backups` says what use is. Of days that are over the seconds are kept, so that an hour costs two days a link.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, floor, isnan
from typing import NamedTuple, Protocol

import structlog

from netmon.derive.backups import Use, used
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import SLOT_S, End, Link, LinkRole, Meter, Series, Site, Span, Subject, Window
from netmon.settings import Settings
from netmon.sightings import CARRIES, either_end
from netmon.store import Rates
from netmon.targets.definitions import AnyTarget, BackupDrill
from netmon.targets.windows import DAY_S, midnight

log = structlog.get_logger(__name__)

LATELY_DAYS = 30
"""Today and so many local days less one before it."""

EVERY_S = 3600.0

_REST_S = 0.2
"""So long after thirty days of a link were read: at the start polls come first."""

_FAMILY = "netmon_link_backup_use_seconds"


class Past(Protocol):
    """What was stored of links and sites (`store.Reader`)."""

    def rates(self, link: str, end: End, first_k: int, count: int) -> Rates: ...

    def spans(self, subject: Subject, start: float, end: float) -> list[Span]: ...

    def simulated_seconds(self, subject: Subject, start: float, end: float) -> float: ...


class Known(NamedTuple):
    """The use of a backup, and whether a simulator made some of what it rests on."""

    use: Use
    simulated: bool


class Backup(NamedTuple):
    """A backup link: its site, the site's primary links, whether the site has no other backup, and the load that counts,
    bytes per second."""

    link: Link
    site: Site
    primaries: tuple[str, ...]
    alone: bool
    carries: float


def backups(inventory: Inventory, targets: Iterable[AnyTarget]) -> list[Backup]:
    """The backup links in the order of the inventory. The load that counts is that of the first `backup_drill` target that
    judges the link."""
    drills = [target for target in targets if isinstance(target, BackupDrill)]
    found = []
    for site_id, links in inventory.links_of_site().items():
        site = inventory.sites[site_id]
        own = [link for link in links if link.role is LinkRole.BACKUP]
        primaries = tuple(link.id for link in links if link.role is LinkRole.PRIMARY)
        for link in own:
            carries = next((drill.carries for drill in drills if drill.applies_to.takes_link(link, site)), CARRIES)
            found.append(Backup(link, site, primaries, len(own) == 1, carries))
    order = {link: n for n, link in enumerate(inventory.links)}
    return sorted(found, key=lambda backup: order[backup.link.id])


def known(past: Past, backup: Backup, window: Window, now: float) -> Known:
    """What the store says of a backup over a window, as far as it has gone."""
    link, until = backup.link, max(window.start, min(window.end, now))
    first_k = ceil(window.start / SLOT_S)
    count = max(0, floor(until / SLOT_S) - first_k)
    near = past.rates(link.id, End.NEAR, first_k, count)
    receive: Sequence[float] = near.receive
    transmit: Sequence[float] = near.transmit
    simulated = near.simulated > 0
    if link.far is not None and (any(map(isnan, receive)) or any(map(isnan, transmit))):
        far = past.rates(link.id, End.FAR, first_k, count)
        simulated |= far.simulated > 0
        receive, transmit = either_end(receive, far.receive), either_end(transmit, far.transmit)
    site = Subject("site", backup.site.id)
    use = used(
        link,
        first_k,
        receive,
        transmit,
        past.spans(site, window.start, until),
        [past.spans(Subject("link", name), window.start, until) for name in backup.primaries],
        window,
        now,
        carries=backup.carries,
        alone=backup.alone,
    )
    return Known(use, simulated or past.simulated_seconds(site, window.start, until) > 0)


class Backups:
    """How long each backup was used lately."""

    def __init__(self, past: Past, outlets: Outlets, meter: Meter) -> None:
        self._past = past
        self._outlets = outlets
        self._meter = meter
        self._days: dict[str, tuple[Backup, dict[float, float]]] = {}  # seconds by the start of a local day

    async def run_forever(self, settings: Callable[[], Settings]) -> None:
        """At the start, then every hour."""
        while True:
            await self.show(settings().inventory, settings().targets, time.time())
            await asyncio.sleep(EVERY_S)

    async def show(self, inventory: Inventory, targets: Sequence[AnyTarget], now: float) -> None:
        """Works out each backup's seconds, beside the loop, and shows them."""
        there = {backup.link.id: backup for backup in backups(inventory, targets)}
        for gone in self._days.keys() - there.keys():
            del self._days[gone]
            self._outlets.forget(f"backup:{gone}")
        for name, backup in there.items():
            was = self._days.get(name)
            kept = was[1] if was is not None and was[0] == backup else {}
            try:
                seconds = await asyncio.to_thread(_seconds, self._past, backup, kept, now)
            except Exception:
                self._meter.count("netmon_bugs_total", room="backups")
                log.exception("the use of a backup cannot be told", link=name)
                continue
            self._days[name] = backup, seconds
            series = Series(_FAMILY, inventory.link_labels(name))
            self._outlets.put(f"backup:{name}", [(series, sum(seconds.values()))], kept=True)
            await asyncio.sleep(0 if kept else _REST_S)


def _seconds(past: Past, backup: Backup, kept: Mapping[float, float], now: float) -> dict[float, float]:
    """The seconds in use on each of the last days: today's and yesterday's anew, of which slots may still close."""
    today = midnight(now)
    return {
        day: kept[day]
        if day in kept and day < today - DAY_S
        else known(past, backup, Window(day, day + DAY_S), now).use.seconds
        for day in (today - ago * DAY_S for ago in range(LATELY_DAYS))
    }
