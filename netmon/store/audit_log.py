"""The audit log: who did what, from where, with what result. A line is never changed or taken away, whatever its age.

Each line carries the SHA-256 of the digest of the line before it (64 hexadecimal digits; 64 zeros before the first) followed
by its own columns as a JSON array: whoever rewrites, takes out or puts in a line breaks every digest from there on. Who may
write to the file can make the whole chain anew, or cut off its end: a digest that was noted elsewhere shows both.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from netmon.model import AuditEntry
from netmon.store.connections import Connections
from netmon.store.database import Database
from netmon.store.schema import StoreError

BEFORE_ALL = "0" * 64
"""What the first line's digest rests on."""

TEXT_AT_MOST = 4_000
"""Characters that one column keeps: what asks may be 4 MiB long."""

_COLUMNS = "at, who, origin, deed, about, detail, result"

_OURS, _SALVAGE = "netmon", "salvage"
_RANGES_AT_MOST = 100
"""Ranges of lost lines that one line tells."""


class LostLines(NamedTuple):
    """Lines that went with a damaged page, from `first` to `last`, as netmon found when it rebuilt the store at `at` (Unix
    seconds). `last` is None where nobody knows how many followed."""

    at: float
    first: int
    last: int | None


AuditRow = tuple[float, str, str, str, str, str, str]


def audit_row(entry: AuditEntry) -> AuditRow:
    """The line as it is written: what was asked may hold halves of characters, which UTF-8 has not. ValueError: an instant
    that is no finite number."""
    if not math.isfinite(entry.at):
        raise ValueError("an audit entry is of an instant")
    who, origin, deed, about, detail, result = (_sound(text) for text in entry[1:])
    return (float(entry.at), who, origin, deed, about, detail, result)


def add_audit(database: Database, row: AuditRow) -> None:
    """Appends a line, with the digest of all before it."""
    found = database.execute("SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    last, before = found if found is not None else (0, BEFORE_ALL)
    database.execute(
        f"INSERT INTO audit (id, {_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own words
        (last + 1, *row, digest(before, (last + 1, *row))),
    )


def add_salvage(database: Database, at: float, *, tail: bool) -> None:
    """Appends a line that tells which lines a log lacks that was read from a damaged store; `tail`: perhaps its end, too."""
    numbers = [0, *(int(number) for (number,) in database.execute("SELECT id FROM audit ORDER BY id"))]
    lost = [[before + 1, after - 1] for before, after in pairwise(numbers) if after > before + 1]
    for start in range(0, max(1, len(lost)), _RANGES_AT_MOST):
        told = {"lost": lost[start : start + _RANGES_AT_MOST], "after": numbers[-1] if tail and not start else None}
        add_audit(database, (at, _OURS, _OURS, _SALVAGE, "", json.dumps(told), "done"))


def append_audit(path: Path, entry: AuditEntry) -> None:
    """Appends a line to the log of a store that nobody has open, unless it is of a version without. StoreError."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone() is not None:
                add_audit(Database(connection), audit_row(entry))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def audit_end_of(path: Path) -> tuple[int, str] | None:
    """The last line's number and digest in a store of any version; None: it has none, or cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    except sqlite3.Error:
        return None
    return (int(found[0]), str(found[1])) if found is not None else None


def digest(before: str, columns: Sequence[object]) -> str:
    """What the line of these columns, from its number to its result, carries after a line that carries `before`."""
    return sha256((before + json.dumps(columns)).encode()).hexdigest()


def _sound(text: str) -> str:
    return text[:TEXT_AT_MOST].encode("utf-8", "replace").decode()


class AuditReads(Connections):
    """Reads of the audit log. StoreError: it cannot be read."""

    def audit_entries(self, since: float = 0.0, most: int = 1000) -> list[AuditEntry]:
        """The last lines of the log since then, in the order in which they were written."""
        with self._legible():
            rows = self._rows(
                f"SELECT {_COLUMNS} FROM audit WHERE at >= ? ORDER BY id DESC LIMIT ?",  # noqa: S608 - our own words
                since,
                most,
            )
        return [AuditEntry(*row) for row in reversed(rows)]

    def audit_end(self) -> tuple[int, str]:
        """How many lines were written, and the digest that the last one carries: to be noted elsewhere."""
        with self._legible():
            found = self._rows("SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1")
        return (int(found[0][0]), str(found[0][1])) if found else (0, BEFORE_ALL)

    def audit_lost(self) -> list[LostLines]:
        """What netmon itself says is missing."""
        with self._legible():
            rows = self._rows("SELECT at, detail FROM audit WHERE origin = ? AND deed = ? ORDER BY id", _OURS, _SALVAGE)
        lost: dict[tuple[int, int | None], float] = {}
        for at, detail in rows:
            with suppress(ValueError, TypeError, KeyError):  # not written by netmon: it excuses nothing
                told = json.loads(detail)
                for first, last in told["lost"]:
                    lost.setdefault((first, last), at)
                if told["after"] is not None:
                    lost.setdefault((told["after"] + 1, None), at)
        return [LostLines(at, first, last) for (first, last), at in lost.items()]

    def verify_audit(self) -> int | None:
        """The number of the first line that is not as it was written or does not follow the one before; None: all are,
        and do. Lines that netmon lost and said so are passed over: what the next one rests on nobody can tell."""
        lost = {(first, last) for _, first, last in self.audit_lost()}
        before, place = BEFORE_ALL, 0
        for number, *rest, carried in self._audit_rows():
            place += 1
            if number != place and (place, number - 1) in lost:
                place = number
            elif number != place or carried != digest(before, (number, *rest)):
                return place
            before = carried
        return None

    @contextmanager
    def _legible(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: the audit log cannot be read: {error}") from error

    def _audit_rows(self) -> Iterator[Sequence[Any]]:
        with self._legible(), self._snapshot() as database:
            yield from database.execute(f"SELECT id, {_COLUMNS}, digest FROM audit ORDER BY id")  # noqa: S608 - our own words
