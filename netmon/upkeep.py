"""Upkeep: what the store needs done every night, and the inventory as it stood at the end of each month."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from netmon.model import ZONE_S, Meter
from netmon.reports import inventory
from netmon.settings import Settings
from netmon.store import Store, StoreError
from netmon.targets.evaluate import judged_links
from netmon.targets.windows import local, midnight

log = structlog.get_logger(__name__)

DAY_S = 86_400
FOLD_S = 2 * 3600 - ZONE_S
"""Once a night, at 02:00 in Viet Nam: so many seconds after midnight UTC."""


async def keep_forever(store: Store, settings: Callable[[], Settings], meter: Meter) -> None:
    """At the start, then once a night. In the night, and after the machine went down while netmon ran, all of the store is
    looked through for damage, which takes seconds to minutes and holds nobody up."""
    nightly = False
    while True:
        keep(store, settings(), time.time(), nightly=nightly)
        if nightly or store.doubtful:
            try:
                await asyncio.to_thread(store.examine)
            except StoreError as error:
                meter.count("netmon_bugs_total", room="store")
                log.error("the store cannot be looked through", error=str(error))
        await asyncio.sleep(DAY_S - (time.time() - FOLD_S) % DAY_S)
        nightly = True


def keep(store: Store, settings: Settings, now: float, *, nightly: bool) -> None:
    """Folds ended days into packed rows, forgets what is old, and counts the inventory as it stood when the last day ended:
    in the night to the first of a month it is the last count of the month before. Nothing waits for the disk."""
    kept = settings.store
    store.fold(now)
    store.prune(
        now,
        slot_days=kept.slot_days,
        judged_slot_days=kept.judged_slot_days,
        judged=judged_links(settings.targets, settings.inventory),
        daily_years=kept.daily_years,
    )
    yesterday = midnight(now) - 1
    month = f"{local(yesterday):%Y-%m}"
    # A start later on the first may be with another configuration than the month that is over had.
    anew = nightly or month == f"{local(now):%Y-%m}"
    store.put_inventory_month(month, inventory.figures(settings.inventory, yesterday), anew=anew)
