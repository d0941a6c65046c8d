"""Slots of round trips, and their folding into one packed row a link and day.

The six counts of a slot are kept as the integers that they were, so that a mean is the same to the last digit before and
after. A packed day holds them one count after the other, 288 little-endian integers each, of 16 bits, of 32 for
microseconds, deflated; beside them stand the day's sums. `present` and `simulated` are bitmaps as in netmon.store.days.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import sqlite3
import struct
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from netmon.model import EchoSlot
from netmon.store.database import Database
from netmon.store.days import DAY_SLOTS, LINKS_A_STEP, bitmap, day_of_slot, first_slot, sought
from netmon.store.records import MEASURED, MIXED, SIMULATED, EchoRows

COLUMNS = "sent, answered, rtt_us, worst_us, snmp, snmp_us"
_BITS = (16, 16, 32, 32, 16, 32)
_BODY = struct.Struct("<" + "".join(f"{DAY_SLOTS}{'H' if bits == 16 else 'I'}" for bits in _BITS))
_ALL = (1 << DAY_SLOTS) - 1


def checked(slot: EchoSlot) -> EchoSlot:
    """The slot, if a packed day can hold it. ValueError: it cannot."""
    if not all(0 <= count < 1 << bits for count, bits in zip(slot[1:], _BITS, strict=True)):
        raise ValueError(f"a count of echoes is negative or too large: {slot}")
    return slot


def _nothing() -> list[list[int]]:
    return [[0] * DAY_SLOTS for _ in _BITS]


@dataclass(slots=True, kw_only=True)
class _EchoDay:
    """A packed day while it is being made, merged or read: the columns, and a bit for each slot that is there."""

    columns: Sequence[list[int]] = field(default_factory=_nothing)
    present: int = 0
    simulated: int = 0

    def add(self, slot: EchoSlot, *, simulated: bool) -> bool:
        """Counts a slot; False, and nothing changes, when it was counted before."""
        i = slot.k - first_slot(day_of_slot(slot.k))
        if self.present >> i & 1:
            return False
        self.present |= 1 << i
        self.simulated |= simulated << i
        for column, count in zip(self.columns, slot[1:], strict=True):
            column[i] = count
        return True

    @classmethod
    def load(cls, database: Database | sqlite3.Connection, number: int, link: int) -> _EchoDay | None:
        """The day of a link; None when it is not packed, or past its retention."""
        row = database.execute(
            "SELECT body, present, source, simulated FROM echo_day WHERE day = ? AND link = ?", (number, link)
        ).fetchone()
        if row is None:
            return None
        body, present, source, simulated = row
        counts = list(_BODY.unpack(zlib.decompress(body)))
        there = _ALL if present is None else int.from_bytes(present, "little")
        return cls(
            columns=[counts[at : at + DAY_SLOTS] for at in range(0, len(counts), DAY_SLOTS)],
            present=there,
            simulated=there if source == SIMULATED else int.from_bytes(simulated or b"", "little"),
        )

    def save(self, database: Database, number: int, link: int) -> None:
        """Writes it, over what was there."""
        sent, answered, rtt_us, worst_us, snmp, snmp_us = self.columns
        source = MEASURED if not self.simulated else SIMULATED if self.simulated == self.present else MIXED
        database.execute(
            f"""INSERT OR REPLACE INTO echo_day (day, link, slots, {COLUMNS}, source, present, simulated, body)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                number, link, self.present.bit_count(),
                sum(sent), sum(answered), sum(rtt_us), max(worst_us), sum(snmp), sum(snmp_us),
                source, None if self.present == _ALL else bitmap(self.present),
                bitmap(self.simulated) if source == MIXED else None,
                zlib.compress(_BODY.pack(*sent, *answered, *rtt_us, *worst_us, *snmp, *snmp_us), 1),
            ),
        )  # fmt: skip


def add_echo(database: Database, link: int, slot: EchoSlot, source: int) -> None:
    """Adds a closed slot; nothing changes when it was counted before."""
    number = day_of_slot(slot.k)
    day = _EchoDay.load(database, number, link)
    if day is None:
        database.execute(
            f"INSERT OR IGNORE INTO echo (link, source, k, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (link, source, *slot),
        )
    elif day.add(slot, simulated=source == SIMULATED):
        day.save(database, number, link)


def fold_echoes(database: Database, before: int) -> bool:
    """Packs some links of the oldest day before local day `before`; True when there was something to pack."""
    oldest = database.execute("SELECT k, link FROM echo ORDER BY k, link LIMIT 1").fetchone()
    if oldest is None or (number := day_of_slot(oldest[0])) >= before:
        return False
    lowest, highest = oldest[1], oldest[1] + LINKS_A_STEP - 1
    ranges = [(k, lowest, highest) for k in range(oldest[0], first_slot(number + 1))]
    days: dict[int, _EchoDay] = {}
    for bounds in ranges:
        rows = database.execute(f"SELECT link, source, k, {COLUMNS} FROM echo WHERE k = ? AND link BETWEEN ? AND ?", bounds)
        for link, source, *slot in rows:
            day = days.get(link)
            if day is None:
                day = days[link] = _EchoDay()
            day.add(EchoSlot(*slot), simulated=source == SIMULATED)
    for link in sorted(days):
        days[link].save(database, number, link)
    database.executemany("DELETE FROM echo WHERE k = ? AND link BETWEEN ? AND ?", ranges)
    return True


def read_echoes(database: sqlite3.Connection, link: int, first_k: int, count: int) -> EchoRows:
    """The round trips of a link in `count` slots from `first_k` on."""
    stop = first_k + count
    columns: list[list[int]] = [[0] * count for _ in _BITS]
    simulated = 0
    for number in range(day_of_slot(first_k), day_of_slot(stop - 1) + 1):
        day = _EchoDay.load(database, number, link)
        if day is None:
            continue
        zero = first_slot(number)
        low, high = max(first_k, zero), min(stop, zero + DAY_SLOTS)
        for column, packed in zip(columns, day.columns, strict=True):
            column[low - first_k : high - first_k] = packed[low - zero : high - zero]
        simulated += (day.simulated >> (low - zero) & ((1 << (high - low)) - 1)).bit_count()
    rows: list[tuple[Any, ...]] = sought(database, "echo", f"k, source, {COLUMNS}", first_k, stop, link=link)
    for k, source, *counts in rows:
        simulated += source == SIMULATED
        for column, each in zip(columns, counts, strict=True):
            column[k - first_k] = each
    sent, answered, rtt_us, worst_us, snmp, snmp_us = columns
    return EchoRows(
        rtt_s=_means(rtt_us, answered),
        worst_s=array("d", [us / 1e6 if n else nan for us, n in zip(worst_us, answered, strict=True)]),
        sent=array("H", sent),
        answered=array("H", answered),
        snmp_s=_means(snmp_us, snmp),
        simulated=simulated,
    )


def _means(sums_us: list[int], counts: list[int]) -> array[float]:
    return array("d", [us / (n * 1e6) if n else nan for us, n in zip(sums_us, counts, strict=True)])
