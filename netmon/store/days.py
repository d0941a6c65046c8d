"""A day of one end of a link in one packed row, and the folding of slots into it (SEMANTICS 4).

A packed day keeps the 288 rates of each direction as little-endian float32 (bytes a second, NaN where the slot is not
present) and, beside them, exact sums of every slot's octets. A slot that is not present in either direction leaves no trace
in the rates, so `thin` remembers it: whatever comes late can tell a slot that was counted from one that was not. `thin` and
`simulated` are bitmaps of 288 bits, slot i being bit i % 8 of byte i // 8.

A day of an end is either packed or in slot rows, never both: a late slot of a packed day is merged into it.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from math import isnan, nan
from typing import Any

from netmon.model import SLOT_S, ZONE_S, DayPeak, Octets, Slot
from netmon.store.database import Database
from netmon.store.records import MEASURED, MIXED, SIMULATED

DAY_S = 86_400
DAY_SLOTS = DAY_S // SLOT_S
PRESENT_US = 240_000_000
"""A slot is present in a direction when so many microseconds of it are covered."""

SLOT_COLUMNS = "k, receive, receive_us, transmit, transmit_us"
NOTHING = Octets(0, 0)

LINKS_A_STEP = 256
"""So many links are packed in a transaction."""


def day_of(unix: float) -> int:
    """The number of the local day in which an instant falls."""
    return int((unix + ZONE_S) // DAY_S)


def day_start(day: int) -> float:
    """The instant at which a local day starts."""
    return float(day * DAY_S - ZONE_S)


def day_of_slot(k: int) -> int:
    """The local day that a slot belongs to."""
    return (k * SLOT_S + ZONE_S) // DAY_S


def first_slot(day: int) -> int:
    """The first slot of a local day."""
    return (day * DAY_S - ZONE_S) // SLOT_S


def rate(direction: Octets) -> float:
    """Bytes a second of a slot in one direction; NaN when it is not present. Rounded to float32 where it is kept."""
    if direction.covered_us < PRESENT_US:
        return nan
    return direction.octets * 1_000_000 / direction.covered_us


def percentile_95(rates: Iterable[float]) -> float:
    """The rate of rank (95 n + 99) // 100 of the n that are present, ascending (SEMANTICS 5); NaN when none is."""
    present = sorted(each for each in rates if not isnan(each))
    return present[(95 * len(present) + 99) // 100 - 1] if present else nan


def absent(count: int) -> array[float]:
    """So many slots without a rate: NaN."""
    return array("f", [nan]) * count


@dataclass(slots=True, kw_only=True)
class Day:
    """A packed day while it is being made, merged or read. Bitmaps are integers here, bit i for slot i."""

    receive: array[float] = field(default_factory=lambda: absent(DAY_SLOTS))
    transmit: array[float] = field(default_factory=lambda: absent(DAY_SLOTS))
    slots: int = 0
    receive_sum: Octets = NOTHING
    transmit_sum: Octets = NOTHING
    receive_present: int = 0
    transmit_present: int = 0
    thin: int = 0
    simulated: int = 0

    def has(self, i: int) -> bool:
        return not (isnan(self.receive[i]) and isnan(self.transmit[i])) or bool(self.thin >> i & 1)

    def add(self, slot: Slot, *, simulated: bool) -> bool:
        """Counts a slot; False, and nothing changes, when it was counted before."""
        i = slot.k - first_slot(day_of_slot(slot.k))
        if self.has(i):
            return False
        self.receive[i], self.transmit[i] = rate(slot.receive), rate(slot.transmit)
        towards, away = not isnan(self.receive[i]), not isnan(self.transmit[i])
        self.slots += 1
        self.receive_present += towards
        self.transmit_present += away
        self.receive_sum = _plus(self.receive_sum, slot.receive)
        self.transmit_sum = _plus(self.transmit_sum, slot.transmit)
        self.thin |= (not (towards or away)) << i
        self.simulated |= simulated << i
        return True

    def peak(self, number: int) -> DayPeak:
        """Its 95th percentiles, as those of local day `number`."""
        coverage = min(self.receive_present, self.transmit_present) / DAY_SLOTS
        return DayPeak(number, percentile_95(self.receive), percentile_95(self.transmit), coverage)

    @property
    def source(self) -> int:
        if not self.simulated:
            return MEASURED
        return SIMULATED if self.simulated.bit_count() == self.slots else MIXED

    @classmethod
    def load(cls, row: tuple[Any, ...]) -> Day:
        """The day of a row of `load_day`."""
        day = cls(
            slots=row[0],
            receive_sum=Octets(row[1], row[2]),
            receive_present=row[3],
            transmit_sum=Octets(row[4], row[5]),
            transmit_present=row[6],
            thin=int.from_bytes(row[8] or b"", "little"),
            simulated=int.from_bytes(row[9] or b"", "little"),
            receive=_floats(row[10]),
            transmit=_floats(row[11]),
        )
        if row[7] == SIMULATED:
            day.simulated = sum(1 << i for i in range(DAY_SLOTS) if day.has(i))
        return day

    def save(self, database: Database, key: tuple[int, int, int]) -> None:
        """Writes it under its (day, link, far), over what was there."""
        source, peak = self.source, self.peak(key[0])
        database.execute(
            """INSERT OR REPLACE INTO day (day, link, far, slots, receive, receive_us, receive_present,
                   transmit, transmit_us, transmit_present, source, thin, simulated, receive_p95, transmit_p95)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                *key, self.slots, *self.receive_sum, self.receive_present, *self.transmit_sum, self.transmit_present,
                source, bitmap(self.thin), bitmap(self.simulated) if source == MIXED else None,
                peak.receive, peak.transmit,
            ),
        )  # fmt: skip
        database.execute(
            "INSERT OR REPLACE INTO day_rates (day, link, far, receive, transmit) VALUES (?, ?, ?, ?, ?)",
            (*key, _bytes(self.receive), _bytes(self.transmit)),
        )


def load_day(database: Database | sqlite3.Connection, key: tuple[int, int, int]) -> Day | None:
    """The packed day of (day, link, far); None when it is not packed or its rates are past their retention."""
    row = database.execute(
        """SELECT d.slots, d.receive, d.receive_us, d.receive_present, d.transmit, d.transmit_us, d.transmit_present,
                  d.source, d.thin, d.simulated, r.receive, r.transmit
           FROM day d JOIN day_rates r USING (day, link, far) WHERE d.day = ? AND d.link = ? AND d.far = ?""",
        key,
    ).fetchone()
    return None if row is None else Day.load(row)


def sought(
    database: sqlite3.Connection, table: str, columns: str, first_k: int, stop_k: int, **key: int
) -> list[tuple[Any, ...]]:
    """Rows of a link in a table of slots. They lie in order of time: each is looked up where there can be any."""
    low, high = database.execute(f"SELECT (SELECT min(k) FROM {table}), (SELECT max(k) FROM {table})").fetchone()
    if low is None or max(low, first_k) >= min(high + 1, stop_k):
        return []
    its = "".join(f" AND {column} = ?" for column in key)
    return database.execute(
        f"""WITH RECURSIVE sought(q) AS (SELECT ? UNION ALL SELECT q + 1 FROM sought WHERE q < ?)
            SELECT {columns} FROM sought CROSS JOIN {table} ON k = q{its}""",
        (max(low, first_k), min(high, stop_k - 1), *key.values()),
    ).fetchall()


def unpacked(database: sqlite3.Connection, who: tuple[int, int], first_k: int, stop_k: int) -> list[tuple[Slot, int]]:
    """The slots of (link, far) in [first_k, stop_k) that are not packed yet, with their source."""
    rows = sought(database, "slot", f"source, {SLOT_COLUMNS}", first_k, stop_k, link=who[0], far=who[1])
    return [
        (Slot(k, Octets(receive, receive_us), Octets(transmit, transmit_us)), source)
        for source, k, receive, receive_us, transmit, transmit_us in rows
    ]


def add_slots(database: Database, link: int, far: int, slots: Iterable[Slot], source: int) -> int:
    """Adds closed slots, each counted once; how many were not, for they were there or are past their retention."""
    ignored = 0
    for number, of_day in groupby(slots, lambda slot: day_of_slot(slot.k)):
        key = (number, link, far)
        rows = list(of_day)
        if not database.execute("SELECT 1 FROM day WHERE day = ? AND link = ? AND far = ?", key).fetchone():
            added = database.executemany(
                f"INSERT OR IGNORE INTO slot (link, far, source, {SLOT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(link, far, source, slot.k, *slot.receive, *slot.transmit) for slot in rows],
            ).rowcount
        elif day := load_day(database, key):
            added = sum(day.add(slot, simulated=source == SIMULATED) for slot in rows)
            if added:
                day.save(database, key)
        else:
            added = 0
        ignored += len(rows) - added
    return ignored


def fold_step(database: Database, before: int) -> bool:
    """Packs some links of the oldest day before local day `before`; True when there was something to pack."""
    oldest = database.execute("SELECT k, link FROM slot ORDER BY k, link LIMIT 1").fetchone()
    if oldest is None or (number := day_of_slot(oldest[0])) >= before:
        return False
    lowest, highest = oldest[1], oldest[1] + LINKS_A_STEP - 1
    ranges = [(k, lowest, highest) for k in range(oldest[0], first_slot(number + 1))]
    days: dict[tuple[int, int, int], Day] = {}
    for bounds in ranges:
        rows = database.execute(
            f"SELECT link, far, source, {SLOT_COLUMNS} FROM slot WHERE k = ? AND link BETWEEN ? AND ?", bounds
        )
        for link, far, source, k, receive, receive_us, transmit, transmit_us in rows:
            key = (number, link, far)
            day = days.get(key)
            if day is None:
                day = days[key] = Day()
            day.add(Slot(k, Octets(receive, receive_us), Octets(transmit, transmit_us)), simulated=source == SIMULATED)
    for key in sorted(days):
        days[key].save(database, key)
    database.executemany("DELETE FROM slot WHERE k = ? AND link BETWEEN ? AND ?", ranges)
    return True


def _plus(one: Octets, other: Octets) -> Octets:
    return Octets(one.octets + other.octets, one.covered_us + other.covered_us)


def bitmap(bits: int) -> bytes | None:
    """A bit for each slot of a day as it is stored; None for no bit at all."""
    return bits.to_bytes(DAY_SLOTS // 8, "little") if bits else None


def _bytes(rates: array[float]) -> bytes:
    if sys.byteorder == "big":
        rates = array("f", rates)
        rates.byteswap()
    return rates.tobytes()


def _floats(packed: bytes) -> array[float]:
    rates = array("f")
    rates.frombytes(packed)
    if sys.byteorder == "big":
        rates.byteswap()
    return rates
