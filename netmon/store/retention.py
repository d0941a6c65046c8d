"""How long what is kept: the housekeeping that deletes what is past it, in steps between commits."""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import json
from collections.abc import Iterable

from netmon.store import book, figures, windows
from netmon.store.days import day_of, day_start
from netmon.store.summaries import HOUR_S, prune_gauges
from netmon.store.writer import Chore

_ROWS_A_STEP = 5_000

_KEYS = {"day": "day, link, far", "summary": "hour, gauge", "summary_day": "day, gauge"}
"""Of the tables without a rowid that are pruned."""


def prunings(
    now_unix: float, slot_days: int, judged_slot_days: int, judged: Iterable[str], daily_years: int
) -> tuple[float, list[Chore]]:
    """From when on nobody deletes what people wrote, and the steps that delete the rest (`Store.prune`)."""
    today = day_of(now_unix)
    plain, longer, yearly = today - slot_days, today - judged_slot_days, today - daily_years * 365
    links = json.dumps(sorted(judged))
    expired = """(CASE WHEN link IN (SELECT id FROM subject WHERE kind = 'link'
                    AND name IN (SELECT value FROM json_each(?))) THEN ? ELSE ? END)"""
    by_link = (links, longer, plain)
    long_gone = day_start(yearly)
    rules: tuple[tuple[str, str, tuple[object, ...]], ...] = (
        ("day_rates", f"day < max(?, ?) AND day < {expired}", (plain, longer, *by_link)),
        ("echo_day", f"day < max(?, ?) AND day < {expired}", (plain, longer, *by_link)),
        ("gap", f"until < {expired}", (links, day_start(longer), day_start(plain))),
        ("notice", "at < ?", (day_start(longer),)),
        ("summary", "hour < ?", (int(day_start(plain)) // HOUR_S,)),
        ("summary_day", "day < ?", (yearly,)),
        ("day", "day < ?", (yearly,)),
        ("unplaced", "until < ?", (long_gone,)),
        ("port_speed", figures.FOLLOWED_BEFORE, (long_gone,)),
        ("speed_test", "at < ?", (long_gone,)),
        ("span", "until < ?", (long_gone,)),
        ("outage", "until < ?", (long_gone,)),
        ("absence", "until < ?", (long_gone,)),
        ("verdict_history", "at < ?", (long_gone,)),
        ("window_change", windows.FORGOTTEN, (long_gone,)),
        ("incident", book.FORGOTTEN_INCIDENT, (long_gone,)),
        ("entry", book.FORGOTTEN_ENTRY, (long_gone,)),
    )
    steps = [_pruning(table, condition, values) for table, condition, values in rules]
    return long_gone, [*steps, lambda database: prune_gauges(database, _ROWS_A_STEP)]


def _pruning(table: str, condition: str, values: tuple[object, ...]) -> Chore:
    key = _KEYS.get(table, "rowid")
    statement = f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT {_ROWS_A_STEP})"
    return lambda database: database.execute(statement, values).rowcount > 0
