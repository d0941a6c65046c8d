"""The write of what one poll brought for one end of a link."""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

from collections.abc import Sequence

import structlog

from netmon.model import Slot
from netmon.store.database import Database
from netmon.store.days import add_slots

BASELINES_TRIMMED_EVERY = 65_536
"""Baselines are appended; after so many, those that have been replaced are deleted: an hour's worth of 5,250 links."""

log = structlog.get_logger(__name__)


def put_link(
    database: Database,
    *,
    link: str,
    far: int,
    slots: tuple[Slot, ...],
    unplaced: Sequence[tuple[str, float, float, int]],
    gaps: Sequence[tuple[str, float, float, str]],
    baseline: str | None,
    source: int,
) -> None:
    """Slots, octets in no slot and refused intervals, each (direction, since, until, octets or reason), and where the
    measuring stands then."""
    number = database.subject("link", link)
    ignored = add_slots(database, number, far, slots, source)
    if ignored:
        database.ignored_slots += ignored
        log.warning("slots that were there already are not counted again", link=link, slots=ignored)
    for table, measure, rows in (("unplaced", "octets", unplaced), ("gap", "reason", gaps)):
        if rows:
            database.executemany(
                f"INSERT INTO {table} (link, far, direction, since, until, {measure}) VALUES (?, ?, ?, ?, ?, ?)",
                [(number, far, *row) for row in rows],
            )
    if baseline is not None:
        added = database.execute("INSERT INTO baseline (link, far, body) VALUES (?, ?, ?)", (number, far, baseline))
        if added.lastrowid is not None and added.lastrowid % BASELINES_TRIMMED_EVERY == 0:
            database.execute("DELETE FROM baseline WHERE id NOT IN (SELECT max(id) FROM baseline GROUP BY link, far)")
