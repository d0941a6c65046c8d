"""Summaries of gauges: the least, total, most and count of each hour and each local day.

They are added to and never replaced: what was read of an hour may be written in pieces, in any order, each once. A day is
written with its hours, in the same transaction, so that it is there at once and outlives them. Hour h is
[3600 h, 3600 h + 3600) in Unix time; a day of Asia/Ho_Chi_Minh is 24 of them. What a gauge is (a figure of a subject, and
which part of it) stands once in `gauge`, and its rows carry a number.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from math import ceil, isfinite
from typing import NamedTuple

from netmon.model import ZONE_S, Subject, Summary
from netmon.store.database import Database
from netmon.store.days import DAY_S, day_of
from netmon.store.records import MEASURED, SIMULATED

HOUR_S = 3600

_HOURS, _DAYS = ("summary", "hour"), ("summary_day", "day")

_FIGURES = "least, total, most, count, source"


class GaugeHour(NamedTuple):
    """What is added to an hour of a gauge."""

    subject: Subject
    figure: str
    part: str
    hour: int
    least: float
    total: float
    most: float
    readings: int
    source: int


def gauge_hours(rows: Iterable[tuple[Subject, str, Summary]]) -> list[GaugeHour]:
    """Summaries of hours as they are written. ValueError: one that is of no hour, of no reading, or of no number."""
    return [_gauge_hour(*row) for row in rows]


def _gauge_hour(subject: Subject, figure: str, summary: Summary) -> GaugeHour:
    start, seconds, part, least, mean, most, count, simulated = summary
    if seconds != HOUR_S or start % HOUR_S or count < 1 or not least <= most or not all(map(isfinite, (least, mean, most))):
        raise ValueError(f"no summary of an hour: {subject} {figure} {summary}")
    source = SIMULATED if simulated else MEASURED
    return GaugeHour(subject, figure, part, int(start) // HOUR_S, least, mean * count, most, count, source)


def add_summaries(database: Database, rows: Iterable[GaugeHour]) -> None:
    """Adds to hours, and to their days."""
    hours = [(row.hour, database.gauge(row.subject, row.figure, row.part), *row[4:]) for row in rows]
    hours.sort()  # in the order of the table, so that its pages fill
    for (table, unit), added in ((_HOURS, hours), (_DAYS, [(day_of(row[0] * HOUR_S), *row[1:]) for row in hours])):
        database.executemany(
            f"""INSERT INTO {table} ({unit}, gauge, {_FIGURES}) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET least = min(least, excluded.least), most = max(most, excluded.most),
                    total = total + excluded.total, count = count + excluded.count,
                    source = max(source, excluded.source)""",
            added,
        )


def prune_gauges(database: Database, at_most: int) -> bool:
    """Deletes so many of the gauges that no row speaks of any more; whether there were any."""
    unused = " AND ".join(
        # Rows lie in order of time, the newest are looked up first: a gauge that lives is found at once.
        f"""NOT EXISTS (
            WITH RECURSIVE sought(q) AS (SELECT max({unit}) FROM {table} UNION ALL
                SELECT q - 1 FROM sought WHERE q > (SELECT min({unit}) FROM {table}))
            SELECT 1 FROM sought CROSS JOIN {table} s ON s.{unit} = q AND s.gauge = g.id)"""
        for table, unit in (_DAYS, _HOURS)
    )
    found = database.execute(f"DELETE FROM gauge WHERE id IN (SELECT id FROM gauge g WHERE {unused} LIMIT ?)", (at_most,))
    if found.rowcount:
        database.forget_gauges()
    return found.rowcount > 0


def cut_summaries(database: Database, now: float) -> None:
    """Takes back the hours that begin after `now`, and what they added to days."""
    if not database.execute("DELETE FROM summary WHERE hour > ?", (int(now // HOUR_S),)).rowcount:
        return
    today = day_of(now)
    database.execute("DELETE FROM summary_day WHERE day >= ?", (today,))
    database.execute(
        f"""INSERT INTO summary_day (day, gauge, {_FIGURES})
            SELECT ?, gauge, min(least), sum(total), max(most), sum(count), max(source) FROM summary
            WHERE hour >= ? GROUP BY gauge""",
        (today, (today * DAY_S - ZONE_S) // HOUR_S),
    )


def read_summaries(
    database: sqlite3.Connection, subject: Subject, figure: str, start: float, end: float, *, days: bool
) -> list[Summary]:
    """The hours, or local days, of a figure that begin in [start, end), in order of time and part."""
    (table, unit), seconds, shift_s = (_DAYS, DAY_S, ZONE_S) if days else (_HOURS, HOUR_S, 0)
    bounds = f"SELECT (SELECT min({unit}) FROM {table}), (SELECT max({unit}) FROM {table})"
    low, high = database.execute(bounds).fetchone()
    if low is None:
        return []
    first = max(low, ceil((max(start, 0.0) + shift_s) / seconds))
    last = min(high, ceil((min(end, (high + 1) * seconds) + shift_s) / seconds) - 1)
    # Rows lie in order of time: each is looked up where there can be any.
    rows = database.execute(
        f"""WITH RECURSIVE sought(q) AS (SELECT ?1 WHERE ?1 <= ?2 UNION ALL SELECT q + 1 FROM sought WHERE q < ?2)
            SELECT q, g.part, {_FIGURES} FROM sought CROSS JOIN gauge g CROSS JOIN {table} s
              ON s.{unit} = q AND s.gauge = g.id
            WHERE g.subject = (SELECT id FROM subject WHERE kind = ?3 AND name = ?4) AND g.figure = ?5
            ORDER BY q, g.part""",
        (first, last, *subject, figure),
    )
    return [
        # The sum of equal values may be rounded to more than their product.
        Summary(
            float(q * seconds - shift_s), seconds, part,
            least, min(max(total / count, least), most), most, count, source == SIMULATED,
        )
        for q, part, least, total, most, count, source in rows
    ]  # fmt: skip
