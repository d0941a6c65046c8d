"""What can still be read of a damaged file, copied into a new one: table by table, row by row, around the pages that cannot.

A table is read in the order of its key. Where a page cannot be read, the next key that can is sought: first by strides that
double, then between the last that failed and the first that did not. Indexes are not read (but for the names of subjects and
gauges, which one repeats in full), they grow with the new file. A row that is no row of its table is left out.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from netmon.store.database import Database
from netmon.store.migrations import MIGRATIONS
from netmon.store.schema import APPLICATION_ID
from netmon.store.sound import fault_of

FIRST = ("verdict_frozen", "audit", "entry", "window_change", "subject", "gauge")
"""What nobody can measure again comes first."""

_STRIDES = 41
_NEVER = 4_102_444_800.0
"""Midnight of 1 January 2100: no row is of then."""

_AT_ONCE = 2_000

Row = tuple[Any, ...]
Key = tuple[Any, ...]


@dataclass(slots=True)
class Lost:
    """Of a table: how many stretches could not be read, and of those with numbered rows how many rows these were at most;
    `rows` counts besides those that were read and are no rows. `tail`: nobody knows how many, for the end is missing."""

    stretches: int = 0
    rows: int = 0
    tail: bool = False

    def __bool__(self) -> bool:
        return bool(self.stretches or self.rows or self.tail)


def roots(database: sqlite3.Connection) -> dict[str, int]:
    """The root page of each table, and of the indexes that tables make themselves: with these a file is read of which the
    beginning is damaged."""
    return dict(
        database.execute("SELECT name, rootpage FROM sqlite_schema WHERE sql IS NULL OR (type = 'table' AND rootpage > 0)")
    )


def salvage(damaged: Path, fresh: Path, version: int, head: Mapping[str, int] | None) -> dict[str, Lost]:
    """Makes `fresh`, a store of this version, and copies into it what can be read; gives back what could not, by table.
    `head` has the root pages when the file's own beginning cannot be read: then that is written anew.

    OSError, sqlite3.Error: the new file cannot be written.
    """
    with closing(sqlite3.connect(fresh, isolation_level=None)) as new:
        new.execute("PRAGMA page_size = 16384")
        new.execute("PRAGMA journal_mode = OFF")
        new.execute("PRAGMA synchronous = OFF")
        new.execute("BEGIN")
        for step in MIGRATIONS[:version]:
            step(new)
        guards = [sql for name, sql in new.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")]
        for (name,) in new.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            new.execute(f"DROP TRIGGER {name}")
        tables = [name for name in roots(new) if not name.startswith("sqlite_")]
        lost: dict[str, Lost] = {}
        readable = _readable(damaged)
        if not readable and head is not None:
            readable = True
            _write_head(damaged, new, head)
        if not readable:
            lost = {table: Lost(tail=True) for table in tables}
            tables = []
        with closing(_open(damaged)) as old:
            for table in sorted(tables, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
                lost[table] = _Table(old, new, table).copy()
        for guard in guards:
            new.execute(guard)
        new.execute(f"PRAGMA user_version = {version}")
        new.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        new.execute("COMMIT")
    return {table: one for table, one in lost.items() if one}


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    database.execute("PRAGMA writable_schema = ON")  # a file that is shorter than it says is read as far as it goes
    database.execute("PRAGMA cell_size_check = ON")
    return database


def _readable(path: Path) -> bool:
    try:
        with closing(_open(path)) as database:
            return bool(roots(database))
    except (sqlite3.Error, ValueError):  # ValueError: names that are no text
        return False


def _write_head(path: Path, new: sqlite3.Connection, head: Mapping[str, int]) -> None:
    """Writes a first page with which SQLite finds the tables; the page that was there is kept beside the file."""
    made = path.with_name(path.name + ".head")
    made.unlink(missing_ok=True)
    with closing(sqlite3.connect(made, isolation_level=None)) as database:
        database.execute("PRAGMA page_size = 16384")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("CREATE TABLE head (x)")
        database.execute("DELETE FROM sqlite_schema")
        for name, sql in new.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"):
            if name in head:
                # Indexes that a table makes by itself have rows of their own, which SQLite asks for: none is read.
                database.execute("INSERT INTO sqlite_schema VALUES ('table', ?, ?, ?, ?)", (name, name, head[name], sql))
        for kind, name, of in new.execute(
            "SELECT type, name, tbl_name FROM sqlite_schema WHERE name LIKE 'sqlite_autoindex%'"
        ):
            if name in head:
                database.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, NULL)", (kind, name, of, head[name]))
    page = bytearray(made.read_bytes()[:16384])
    made.unlink()
    page[18:20] = b"\2\2"  # in WAL mode
    page[24:40] = bytes(16)  # neither its size nor its free pages are known: SQLite takes the file's size
    page[92:96] = b"\0\0\0\1"
    with path.open("r+b") as file:
        path.with_name(path.name + ".page1").write_bytes(file.read(16384))
        file.seek(0)
        file.write(page)


class _Table:
    """One table, while it is copied."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
        self._old, self._new, self._table = old, new, table
        info = new.execute(f'PRAGMA table_info("{table}")').fetchall()
        self._columns = ", ".join(f'"{row[1]}"' for row in info)
        (bare,) = new.execute("SELECT wr FROM pragma_table_list WHERE name = ? AND schema = 'main'", (table,)).fetchone()
        keys = [row for row in sorted(info, key=lambda row: row[5]) if row[5]] if bare else []
        self._key = ", ".join(f'"{row[1]}"' for row in keys) or "rowid"
        self._width = max(1, len(keys))
        self._in_numbers = all(row[2] == "INTEGER" for row in keys)
        self._times = [place for place, row in enumerate(info) if row[1] in ("since", "until", "unix", "at")]
        marks = ", ".join("?" * len(info))
        self._insert = f'INSERT OR REPLACE INTO "{table}" ({self._columns}) VALUES ({marks})'
        self.lost = Lost()

    def copy(self) -> Lost:
        """Copies what can be read."""
        if self._in_numbers:
            self._copy_by_numbers()
        else:
            self._copy_by_names()
        if self._table in ("subject", "gauge"):
            self._copy_from_index()
        return self.lost

    def _rows(self, low: Key | None, order: str = "") -> Iterator[tuple[Key, Row]]:
        """Rows from a key on. sqlite3.Error: here is one that cannot be read."""
        marks = ", ".join("?" * self._width)
        where = f"WHERE ({self._key}) >= ({marks})" if low is not None else ""
        by = ", ".join(f"{part} {order}" for part in self._key.split(", "))
        statement = f'SELECT {self._key}, {self._columns} FROM "{self._table}" NOT INDEXED {where} ORDER BY {by}'
        for row in self._old.execute(statement, low or ()):
            yield row[: self._width], row[self._width :]

    def _numbered(self, low: Key) -> Iterator[tuple[Key, Row]]:
        """The same of a table whose key is of numbers, and which must be in their order."""
        for key, row in self._rows(low):
            if not _is_number(key) or key < low:
                raise sqlite3.DatabaseError("keys out of order")
            low = key
            yield key, row

    def _write(self, rows: list[Row]) -> None:
        rows = [row for row in rows if self._is_sound(row)]
        try:
            self._new.executemany(self._insert, rows)
        except (sqlite3.IntegrityError, OverflowError):
            for row in rows:
                try:
                    self._new.execute(self._insert, row)
                except (sqlite3.IntegrityError, OverflowError):  # no row of this table: a wrong type, no value
                    self.lost.rows += 1

    def _is_sound(self, row: Row) -> bool:
        """Its instants are of this century, in their order, and what it says can be read."""
        times = [row[place] for place in self._times if row[place] is not None]
        if not all(isinstance(time, float) and 0 <= time < _NEVER for time in times) or times != sorted(times):
            self.lost.rows += 1
            return False
        if fault_of(self._table, row):
            self.lost.rows += 1
            return False
        return True

    def _copy_by_numbers(self) -> None:
        low: Key = (-(2**62),) * self._width
        while True:
            before = low
            try:
                rows = self._numbered(low)
                while batch := _some(rows):
                    self._write([row for _, row in batch])
                    low = _after(batch[-1][0])
                return
            except _BrokenOffError as error:
                self._write([row for _, row in error.rows])
                if error.rows:
                    low = _after(error.rows[-1][0])
            except (sqlite3.Error, ValueError):
                pass
            found = self._next(low)
            if found is None:
                self.lost.stretches += 1
                self.lost.tail = True
                return
            if found == low == before:  # its key can be read, it cannot
                found = _after(found)
                self.lost.rows += 1
            elif found > low:
                self.lost.stretches += 1
                if self._width == 1 and low[0] > -(2**62):
                    self.lost.rows += found[0] - low[0]
            low = found

    def _next(self, low: Key) -> Key | None:
        """The first key from here on at which the table can be read again; None: there is none."""
        if low[0] == -(2**62):
            low = (0,) * self._width
        if (found := self._probe(low)) is not None:
            return found
        for place in reversed(range(self._width)):
            failed = 0
            for stride in (1 << n for n in range(_STRIDES)):
                if (found := self._probe(_stride(low, place, stride))) is None:
                    failed = stride
                    continue
                while stride - failed > 1:
                    middle = (stride + failed) // 2
                    nearer = self._probe(_stride(low, place, middle))
                    stride, failed, found = (stride, middle, found) if nearer is None else (middle, failed, nearer)
                return found
        return None

    def _probe(self, low: Key) -> Key | None:
        marks = ", ".join("?" * self._width)
        statement = f"""SELECT {self._key} FROM "{self._table}" NOT INDEXED
                        WHERE ({self._key}) >= ({marks}) ORDER BY {self._key} LIMIT 1"""
        with suppress(sqlite3.Error, ValueError):
            found: Key | None = self._old.execute(statement, low).fetchone()
            if found is not None and _is_number(found) and found >= low:
                return found
        return None

    def _copy_by_names(self) -> None:
        """Of a small table whose key is text: from the beginning as far as it goes, and from the end."""
        for order in ("", "DESC"):
            try:
                for _, row in self._rows(None, order):
                    self._write([row])
            except (sqlite3.Error, ValueError):
                if not order:
                    self.lost.stretches += 1
                    continue
            return

    def _copy_from_index(self) -> None:
        """The names that only an index still has."""
        if not self.lost:
            return
        statement = (
            f'INSERT OR IGNORE INTO "{self._table}" ({self._columns}) VALUES (?, ?, ?{", ?" * (self._table == "gauge")})'
        )
        columns = "id, subject, figure, part" if self._table == "gauge" else "id, kind, name"
        by = columns.partition(", ")[2]
        index = f"sqlite_autoindex_{self._table}_1"
        for order in ("", "DESC"):
            ordered = ", ".join(f"{part} {order}" for part in by.split(", "))
            with suppress(sqlite3.Error, ValueError):
                for row in self._old.execute(f'SELECT {columns} FROM "{self._table}" INDEXED BY {index} ORDER BY {ordered}'):
                    self._new.execute(statement, row)
                self.lost.rows, self.lost.stretches, self.lost.tail = 0, 0, False
                return


class _BrokenOffError(Exception):
    """Reading broke off; `rows` were read before."""

    def __init__(self, rows: list[tuple[Key, Row]]) -> None:
        super().__init__()
        self.rows = rows


def _some(rows: Iterator[tuple[Key, Row]]) -> list[tuple[Key, Row]]:
    """As many of the rows. _BrokenOffError: it broke off before."""
    found: list[tuple[Key, Row]] = []
    try:
        for row in islice(rows, _AT_ONCE):
            found.append(row)  # noqa: PERF402 - what was read before it breaks off is kept
    except (sqlite3.Error, ValueError):
        raise _BrokenOffError(found) from None
    return found


def _is_number(key: Key) -> bool:
    return all(isinstance(part, int) for part in key)


def _after(key: Key) -> Key:
    return (*key[:-1], key[-1] + 1)


def _stride(key: Key, place: int, stride: int) -> Key:
    return (*key[:place], key[place] + stride, *(0 for _ in key[place + 1 :]))


def restore_names(new: Database) -> None:
    """Gives back the names of lost subjects that verdicts repeat."""
    for table in ("verdict_frozen", "verdict_history", "verdict"):
        for number, body in new.execute(
            f"SELECT subject, body FROM {table} WHERE subject NOT IN (SELECT id FROM subject) GROUP BY subject"
        ).fetchall():
            told = json.loads(body)["subject"]
            new.execute(
                "INSERT OR IGNORE INTO subject (id, kind, name) VALUES (?, ?, ?)", (number, told["kind"], told["id"])
            )
