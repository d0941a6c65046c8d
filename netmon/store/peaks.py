"""The 95th percentiles of a link's days, read from beside their sums, or made from what there is of their slots."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from math import nan

from netmon.model import DayPeak
from netmon.store.days import DAY_SLOTS, Day, day_of_slot, first_slot, load_day, unpacked
from netmon.store.records import SIMULATED


def read_peaks(database: sqlite3.Connection, link: int, first_day: int, stop_day: int) -> list[DayPeak]:
    """Of the local days in [first_day, stop_day) that have slots: the near end's peak, or the far end's where that has none
    or covers less."""
    found: dict[int, DayPeak] = {}
    for far in (0, 1):
        for peak in (
            *_packed(database, (link, far), first_day, stop_day),
            *_open(database, (link, far), first_day, stop_day),
        ):
            if peak.day not in found or peak.coverage > found[peak.day].coverage:
                found[peak.day] = peak
    return [found[number] for number in sorted(found)]


def _packed(database: sqlite3.Connection, who: tuple[int, int], first_day: int, stop_day: int) -> Iterator[DayPeak]:
    for number in range(first_day, stop_day):
        row = database.execute(
            """SELECT receive_present, transmit_present, receive_p95, transmit_p95 FROM day
               WHERE day = ? AND link = ? AND far = ?""",
            (number, *who),
        ).fetchone()
        if row is None:
            continue
        towards, away, receive, transmit = row
        if (towards and receive is None) or (away and transmit is None):  # from before percentiles were written
            day = load_day(database, (number, *who))
            if day is not None:
                yield day.peak(number)
        else:
            coverage = min(towards, away) / DAY_SLOTS
            yield DayPeak(number, nan if receive is None else receive, nan if transmit is None else transmit, coverage)


def _open(database: sqlite3.Connection, who: tuple[int, int], first_day: int, stop_day: int) -> Iterator[DayPeak]:
    days: dict[int, Day] = {}
    for slot, source in unpacked(database, who, first_slot(first_day), first_slot(stop_day)):
        days.setdefault(day_of_slot(slot.k), Day()).add(slot, simulated=source == SIMULATED)
    for number, day in days.items():
        yield day.peak(number)
