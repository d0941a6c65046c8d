"""A store copied while it is written, and what a copy says of itself.

The copy is SQLite's online backup (sqlite3_backup_step). By itself it begins again whenever another connection commits,
and ours commits every second; so it copies out of one read transaction, which is one moment of the store. A reader of a WAL
file holds up no writer: while it reads, the journal only grows by what is written meanwhile.
"""

# ruff: noqa: S608 - statements are put together from the schema's own names only

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from netmon.store.migrations import MIGRATIONS
from netmon.store.schema import APPLICATION_ID, StoreError

NEWEST_SCHEMA = len(MIGRATIONS)

_STEP_PAGES = 256
_PAUSE_S = 0.002
"""After each step of 4 MiB: the disk is the daemon's first."""
_BUSY_S = 30.0
_MOST_BOOTS = 2**31 - 2
"""snmpEngineBoots that reached 2^31 - 1 is answered by nobody any more (RFC 3414, 2.2.2)."""

Progress = Callable[[float], None]
"""Is told how much of it is copied, 0 to 1."""


class Copied(NamedTuple):
    """What a copy holds: its schema, how often netmon's SNMP engine had started (0: never), and the rows of each table."""

    schema: int
    boots: int
    rows: dict[str, int]


def copy(store: Path, target: Path, progress: Progress = lambda part: None) -> Copied:
    """Copies a store, written or not, into a new file of one moment that needs no journal, and looks whether that is sound.

    StoreError: there is no store, this user may not read it, it is damaged, or the disk will not.
    """
    with _told(store), closing(_open(store)) as source:
        _check_owner(source, store)
        # The transaction begins with the first read.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()

        def step(status: int, remaining: int, pages: int) -> None:
            progress(1 - remaining / pages if pages else 1.0)
            time.sleep(_PAUSE_S)

        with closing(_to_write(target)) as made:
            made.execute("PRAGMA journal_mode = OFF")
            source.backup(made, pages=_STEP_PAGES, progress=step)
        source.execute("COMMIT")
    with _told(target):
        return _examined(target, store)


def schema_of(path: Path) -> int:
    """The schema of a copy. StoreError: it is no store of netmon's."""
    with _told(path), closing(_open(path)) as database:
        _check_owner(database, path)
        return _schema(database)


def raise_boots(path: Path, by: int) -> int:
    """netmon's SNMP engine counts as started so much more often; the boots then, 0 where it never was. StoreError."""
    with _told(path), closing(_to_write(path)) as database:
        if not _has(database, "engine"):
            return 0
        database.execute("UPDATE engine SET boots = min(boots + ?, ?)", (by, _MOST_BOOTS))
        return _boots(database)


def _examined(path: Path, store: Path) -> Copied:
    with closing(_to_write(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")  # the copy says WAL, as its original does
        wrong = [str(row[0]) for row in database.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
        if wrong:
            raise StoreError(f"{store}: the store is damaged, and a copy of it would be: {'; '.join(wrong)}")
        tables = [
            str(row[0])
            for row in database.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
        rows = {table: int(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]) for table in tables}
        return Copied(_schema(database), _boots(database), rows)


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise StoreError(f"{path}: there is no store here")
    if path.is_dir():
        raise StoreError(f"{path}: is a directory; the store is a file")
    if not os.access(path, os.R_OK):
        raise StoreError(f"{path}: this user may not read the store")
    try:
        return _reading(path, "mode=ro")
    except sqlite3.OperationalError as error:
        # To read what has a journal, one that is readable beside it is needed, or the right to make it; where a store was
        # closed in order, it stands still.
        if path.with_name(f"{path.name}-wal").exists():
            raise StoreError(f"{path}: was not closed in order, and this user may not read its journal: {error}") from error
        return _reading(path, "mode=ro&immutable=1")


def _reading(path: Path, mode: str) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _to_write(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")  # who made the file syncs it, once
    return database


def _check_owner(database: sqlite3.Connection, path: Path) -> None:
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path}: is no store of netmon's")


def _schema(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _has(database: sqlite3.Connection, table: str) -> bool:
    return database.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchone() is not None


def _boots(database: sqlite3.Connection) -> int:
    found = database.execute("SELECT boots FROM engine").fetchone() if _has(database, "engine") else None
    return int(found[0]) if found is not None else 0


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite says of a file, as a sentence for people."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
