"""How the file is made, brought up to date, and opened.

One SQLite file in WAL mode with pages of 16 KiB. `synchronous=NORMAL`: a commit is in the operating system's hands when it
returns, so killing the process loses nothing that was committed; a power cut may lose the commits since the last
checkpoint, whole, and never damages the file. A slot and the counter reading behind it are one commit, so what a power cut
takes back the next poll bridges. `FULL` would pay one fsync a second for that: the writer syncs where somebody waits.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from netmon.store.migrations import MIGRATIONS

APPLICATION_ID = 0x6E746D6E
"""SQLite's application_id of a netmon store ("ntmn")."""

_BUSY_S = 1.0

_UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
_NO_TEXT = "Could not decode to UTF-8"
"""So Python begins, without a code, where SQLite gives it a text that is none: none such was ever written."""


class StoreError(Exception):
    """The store cannot be opened or used; the text says why, for people."""


class NewerStoreError(StoreError):
    """The store is of a newer netmon: nothing helps but that one, or a store of before."""


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says that the file itself is damaged, or cannot be read where it lies."""
    if isinstance(error, UnicodeDecodeError) or (isinstance(error, sqlite3.Error) and str(error).startswith(_NO_TEXT)):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or code in _UNREADABLE)


def migrate(path: Path) -> None:
    """Makes the file, or brings it to this version, one transaction a step. StoreError: newer than we are, no store, or the
    disk will not."""
    with opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path)) as connection:
            bring_up(connection, path)
    sync(path)
    sync(path.parent)


def bring_up(connection: sqlite3.Connection, path: Path) -> None:
    """The same, of a file that is open. StoreError, sqlite3.Error."""
    # The page size can only be chosen before the first page is written.
    connection.execute("PRAGMA page_size = 16384")
    _check_owner(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    while (version := _version(connection)) < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:
                MIGRATIONS[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1}")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        except BaseException:
            if connection.in_transaction:  # a full disk ends it by itself
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def sync(path: Path) -> None:
    """Makes what was written to a file, or in a directory, outlast a power cut. OSError: the disk will not."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def busy_s() -> float:
    """How long a lock that another program holds is waited for."""
    return _BUSY_S


def lock(path: Path) -> int:
    """A descriptor that holds the right to write, on a file beside the store. StoreError: another process holds it, or the
    file cannot be made."""
    with opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW  # root, who restores, follows nobody's link
        held = os.open(path.with_name(path.name + ".lock"), flags, 0o640)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            raise StoreError(f"{path}: another netmon writes to this store") from None
        except OSError:
            os.close(held)
            raise
    return held


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes. StoreError: the file cannot be opened for it."""
    with opening(path):
        connection = _connect(path)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA temp_store = MEMORY")  # what a commit needs besides is small, and no disk's
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # makes the journal
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def connect_reader(path: Path, factory: Callable[..., sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """A connection that cannot write, whether a daemon runs or not. StoreError: no such store, another version's, or one
    that this user may not read."""
    with opening(path):
        if not path.exists():
            raise StoreError(f"{path}: there is no store here")
        # Asked and not tried: to close a file of one's own would drop the locks that this process holds on it (fcntl(2)).
        if not os.access(path, os.R_OK):
            raise StoreError(f"{path}: this user may not read the store")
        try:
            connection = _open_reader(path, "mode=ro", factory)
        except sqlite3.OperationalError:
            # A reader of a WAL file needs to make `-shm`; where it may not, and no daemon left a `-wal`, the file stands
            # still.
            if path.with_name(path.name + "-wal").exists():
                if os.access(path.parent, os.W_OK):
                    raise
                raise StoreError(
                    f"{path}: it was not closed in order (there is a {path.name}-wal), and to read it as it is, this user "
                    f"has to be able to write to {path.parent}"
                ) from None
            connection = _open_reader(path, "mode=ro&immutable=1", factory)
        version = _version(connection)
    if version != len(MIGRATIONS):
        connection.close()
        raise StoreError(
            _too_new(path, version)
            if version > len(MIGRATIONS)
            else f"{path}: the store has schema {version}, older than {len(MIGRATIONS)}; `netmon run` brings it up to date"
        )
    return connection


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Whatever keeps a store from being opened, as a sentence for people: the path and the reason."""
    try:
        if path.is_dir():
            raise StoreError(f"{path}: is a directory; the store is a file")
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be opened as a store: {error}") from error
    except OSError as error:
        # What failed is often not the store itself but its directory or the lock beside it.
        where = f" ({error.filename})" if error.filename and str(error.filename) != str(path) else ""
        raise StoreError(f"{path}: cannot be opened as a store: {error.strerror or error}{where}") from error


def _open_reader(path: Path, mode: str, factory: Callable[..., sqlite3.Connection]) -> sqlite3.Connection:
    connection: sqlite3.Connection = factory(
        f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _too_new(path: Path, version: int) -> str:
    return f"{path}: written by a newer netmon (schema {version}, this one knows {len(MIGRATIONS)}); it is left untouched"


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if not empty and owner != APPLICATION_ID:
        raise StoreError(f"{path}: is some other program's database; it is left untouched")
    if version > len(MIGRATIONS):
        raise NewerStoreError(_too_new(path, version))
