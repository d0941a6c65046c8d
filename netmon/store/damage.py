"""A damaged store: how it is found, set aside, rebuilt from what can be read, and told.

A start asks little: SQLite itself refuses a wrong beginning or a file that is too short; all of it is looked through only
when there is a reason. While netmon runs a commit or a read stumbles on what is damaged, or the nightly look does
(`examine`). The damaged file is kept beside the new one, and what was lost is written down in `netmon.db.damage`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from netmon.model import Subject
from netmon.store import schema
from netmon.store.audit_log import add_salvage
from netmon.store.backup import copy
from netmon.store.database import Database
from netmon.store.mend import mend
from netmon.store.migrations import MIGRATIONS
from netmon.store.salvage import Lost, roots, salvage
from netmon.store.schema import APPLICATION_ID, StoreError, is_damage
from netmon.store.sound import LOADS, fault_of

KEPT = 3
"""So many damaged files are kept."""

MARGIN = 64 * 2**20
"""Bytes that stay free when a copy of the store is made."""

_TOLD_EVERY_S = 5.0
_MAGIC = b"SQLite format 3\0"
_JOURNAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_BOOT = Path("/proc/sys/kernel/random/boot_id")

log = structlog.get_logger(__name__)

Told = Mapping[Subject, tuple[str, float, int]]
"""Open spans: state, start, source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What was found damaged at `at` (Unix seconds), and why that was thought; `aside` is the name of the file that was set
    aside. `lost` says of each table that is not whole how many stretches could not be read, how many rows those were at
    most, and whether its end is missing, so that nobody knows."""

    at: float
    why: str
    aside: str
    running: bool
    lost: Mapping[str, Lost]


def last_damage(path: Path) -> Damage | None:
    """What was found last of the store at this path; None: it never was damaged."""
    try:
        told = json.loads(_beside(path, "damage").read_bytes())
        return Damage(**told | {"lost": {table: Lost(**lost) for table, lost in told["lost"].items()}})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{_beside(path, 'damage')}: cannot be read: {error}") from error


def prepare(path: Path, working: Callable[[], None]) -> bool:
    """Makes the file, or brings it up to date, or rebuilds it; whether the machine went down while netmon ran, so that all
    of it should be looked through soon. `working` is called every few seconds of what may take minutes, from another thread.
    StoreError: as `schema.migrate`, or it is damaged and cannot be rebuilt."""
    with _telling(working):
        return _prepare(path)


def _prepare(path: Path) -> bool:
    _finish(path)
    known = _known(path)
    unclean, why = _why_doubted(path)
    if not why:
        try:
            _keep_before_upgrade(path)
            schema.migrate(path)
        except StoreError as error:
            if not (is_damage(error.__cause__) and (known or _is_ours(path))):
                raise
            why = str(error.__cause__)
    if why:
        with schema.opening(path):
            repair(path, why)
    _remember(path)
    return unclean and known.get("boot") != _boot()


def repair(path: Path, why: str, told: Told | None = None) -> Damage:
    """Sets the file aside and puts one in its place that has all that can be read; nothing may be open. `told` are the open
    spans that a running netmon knows. StoreError, OSError, sqlite3.Error: not now; the file is as it was."""
    try:
        return _repair(path, why, told)
    except (StoreError, OSError, sqlite3.Error):
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A damage that nobody thought of: whoever writes waits, counts a failure, and does not die of it.
        log.error("the store cannot be rebuilt", store=str(path), exc_info=error)
        raise StoreError(f"{path}: is damaged, and cannot be rebuilt: {type(error).__name__}: {error}") from error


def _repair(path: Path, why: str, told: Told | None) -> Damage:
    began, at = time.monotonic(), time.time()
    log.error("the store is damaged: it is set aside and rebuilt from what can be read", store=str(path), why=why)
    _mark(path, why)
    known = _known(path)
    _make_space(path)
    fresh = _fresh(path)
    lost = salvage(path, fresh, _version(path, known), known.get("roots"))
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        schema.bring_up(connection, fresh)
        database = Database(connection)
        database.begin()
        mend(database, lost, told, at)
        if "audit" in lost:
            add_salvage(database, at, tail=lost["audit"].tail)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = Damage(at=at, why=why, aside=_aside(path, at), running=told is not None, lost=lost)
    _finished(path, fresh, found)
    _swap(path, found)
    said = {table: f"{one.rows} rows at most" if not one.tail else "its end" for table, one in lost.items()}
    seconds = round(time.monotonic() - began, 1)
    log.error("the store is rebuilt", lost=said or "nothing", aside=found.aside, seconds=seconds)
    return found


def rescue(path: Path, why: str, database: Database) -> Damage:
    """Somebody took the file or its journal away while netmon runs: what the writer still holds open, which is all, is
    written anew and put in its place; what lies there now goes aside. StoreError, OSError, sqlite3.Error: not now, the
    connection holds it still, or its copy lies beside, which the next try or start puts in place."""
    at = time.time()
    found = Damage(at=at, why=why, aside=_aside(path, at), running=True, lost={})
    if not _beside(path, "salvaged").exists():
        log.error("the store was taken away under netmon: it is written anew", store=str(path), why=why)
        _mark(path, why)
        _make_space(path)
        fresh = _fresh(path)
        database.execute("VACUUM INTO ?", (str(fresh),))
        with closing(sqlite3.connect(fresh, isolation_level=None)) as made:
            schema.bring_up(made, fresh)
        _finished(path, fresh, found)
    database.close()  # before the new one is in its place: the last to close takes a journal of that name away
    _swap(path, found)
    log.error("the store is written anew", lost="nothing", aside=found.aside)
    return found


def told_damage(path: Path) -> Damage | None:
    """`last_damage`, for whoever owns the store: a note that cannot be read is set aside, and stops nothing."""
    try:
        return last_damage(path)
    except StoreError as error:
        log.error("the note of what was damaged cannot be read: it is set aside", error=str(error))
        os.replace(_beside(path, "damage"), _beside(path, "damage.unreadable"))
        return None


def examine(path: Path, stop: Callable[[], bool]) -> str:
    """Looks a store through, a table at a time, beside whoever writes; what is wrong, "" for nothing. `stop` is asked now
    and then, and ends it."""
    try:
        with closing(schema.connect_reader(path)) as database:
            database.set_progress_handler(stop, 50_000)
            for table in roots(database):
                if not table.startswith("sqlite_"):
                    wrong = _wrong(database, f'PRAGMA integrity_check("{table}")') or _unsound(database, table, stop)
                    if wrong:
                        return wrong
    except StoreError as error:  # its first page is none
        if not is_damage(error.__cause__):
            raise
        return str(error.__cause__)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if is_damage(error):
            return str(error)
        if not stop():
            raise StoreError(f"{path}: {error}") from error
    return ""


@contextmanager
def _telling(working: Callable[[], None]) -> Iterator[None]:
    done = threading.Event()

    def tell() -> None:
        while not done.wait(_TOLD_EVERY_S):
            working()

    thread = threading.Thread(target=tell, name="netmon-store-start", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


# --- reasons ----------------------------------------------------------------------------------------------------------


def _why_doubted(path: Path) -> tuple[bool, str]:
    """Whether netmon did not say goodbye, and why the file is damaged, "" where it is not or nothing is to be seen of it."""
    if not path.exists() or path.stat().st_size == 0:
        return False, ""
    journal = path.with_name(path.name + "-wal")
    marked, journaled = _beside(path, "suspect"), _has_head(journal)  # asked first: who opens the file makes a journal
    try:
        with closing(sqlite3.connect(path, timeout=schema.busy_s(), isolation_level=None)) as database:
            if not _has_alive(database):
                return False, ""
            found = database.execute("SELECT clean FROM alive").fetchone()
            unclean = found is not None and not found[0]
            if marked.exists() or (unclean and not journaled):
                log.warning("the store may be damaged, all of it is looked through", store=str(path))
                wrong = _wrong(database, "PRAGMA integrity_check")
                if not wrong:
                    marked.unlink(missing_ok=True)
                return unclean, wrong
            return unclean, ""
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if is_damage(error) and (_is_ours(path) or _known(path)):
            return True, str(error)
        return False, ""  # whoever opens it says why it cannot be


def _has_alive(database: sqlite3.Connection) -> bool:
    owner = database.execute("PRAGMA application_id").fetchone()[0]
    return owner == APPLICATION_ID and "alive" in roots(database)


def _has_head(journal: Path) -> bool:
    """Whether a journal was left that SQLite takes for one, or to which nothing was written yet."""
    try:
        with journal.open("rb") as file:
            return file.read(4) in (*_JOURNAL_MAGIC, b"")
    except FileNotFoundError:
        return False


def _wrong(database: sqlite3.Connection, check: str) -> str:
    for (told,) in database.execute(check):
        if told != "ok":
            return " ".join(str(told).split())
    return ""


def _unsound(database: sqlite3.Connection, table: str, stop: Callable[[], bool]) -> str:
    """The first row of a table that is not what netmon wrote."""
    if table in LOADS:
        for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - one of our tables
            if stop():
                break
            if wrong := fault_of(table, row):
                return wrong
    return ""


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(100)
    return head[68:72] == APPLICATION_ID.to_bytes(4, "big")


# --- what lies beside the store -----------------------------------------------------------------------------------------


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")


def _write(path: Path, told: Any) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(told), encoding="utf-8")
    schema.sync(part)
    os.replace(part, path)


def _known(path: Path) -> dict[str, Any]:
    """What was written down of the file when it was whole: schema, root pages, and the boot of the machine."""
    with suppress(FileNotFoundError, ValueError):
        told = json.loads(_beside(path, "roots").read_bytes())
        return told if isinstance(told, dict) else {}
    return {}


def _remember(path: Path) -> None:
    with closing(schema.connect_reader(path)) as database:
        told = {"version": len(MIGRATIONS), "boot": _boot(), "roots": roots(database)}
    try:
        _write(_beside(path, "roots"), told)
    except OSError as error:
        log.warning("where the store's tables begin cannot be written down", store=str(path), error=str(error))


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else ""


def _mark(path: Path, why: str) -> None:
    """So that the next start looks, if this one cannot rebuild it."""
    try:
        _beside(path, "suspect").write_text(why + "\n", encoding="utf-8")
    except OSError as error:
        log.warning("that the store is damaged cannot be marked", error=str(error))


def _version(path: Path, known: Mapping[str, Any]) -> int:
    with path.open("rb") as file:
        head = file.read(100)
    written = int.from_bytes(head[60:64], "big")
    if head[:16] == _MAGIC and head[68:72] == APPLICATION_ID.to_bytes(4, "big") and 0 < written <= len(MIGRATIONS):
        # The journal may know better.
        return max(written, int(known.get("version", 0)))
    return int(known.get("version", len(MIGRATIONS)))


def _aside(path: Path, at: float) -> str:
    """The name under which it is set aside: no other has it."""
    while path.with_name(name := f"{path.name}.damaged-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}").exists():
        at += 1
    return name


def _asides(path: Path) -> list[Path]:
    """The damaged files that were set aside, the oldest first."""
    return sorted(each for each in path.parent.glob(f"{path.name}.damaged-*Z") if each.is_file())


def _forget(aside: Path) -> None:
    for suffix in ("-wal", "-shm", ".page1", ""):
        aside.with_name(aside.name + suffix).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in (path, path.with_name(path.name + "-wal")) if each.exists())


def _free(path: Path) -> int:
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize


def _make_space(path: Path) -> None:
    """Room for another store of this size; for that files that were set aside before go, the oldest first."""
    needed, asides = _size(path) + MARGIN, _asides(path)
    while _free(path) < needed and asides:
        log.warning("a damaged store that was set aside is deleted, to make space", aside=asides[0].name)
        _forget(asides.pop(0))
    if (free := _free(path)) < needed:
        raise StoreError(f"{path}: is damaged, and to rebuild it {needed} bytes are needed, of which {free} are free")


def _fresh(path: Path) -> Path:
    """Where a new file is made."""
    fresh = _beside(path, "salvaged.part")
    for suffix in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    return fresh


def _finished(path: Path, fresh: Path, found: Damage) -> None:
    """The new file is whole: from here on a kill changes nothing."""
    schema.sync(fresh)
    _write(_beside(path, "damage"), asdict(found))
    os.replace(fresh, _beside(path, "salvaged"))
    schema.sync(path.parent)


def _swap(path: Path, found: Damage) -> None:
    """The damaged file goes aside with its journal, the new one comes. A kill in between is finished at the next start."""
    aside = path.with_name(found.aside)
    if path.exists() and not aside.exists():
        os.link(path, aside)
    for suffix in ("-wal", "-shm", ".page1"):
        with suppress(FileNotFoundError):
            os.rename(path.with_name(path.name + suffix), aside.with_name(aside.name + suffix))
    os.replace(_beside(path, "salvaged"), path)
    _beside(path, "suspect").unlink(missing_ok=True)
    schema.sync(path.parent)
    for old in _asides(path)[:-KEPT]:
        _forget(old)


def _finish(path: Path) -> None:
    if _beside(path, "salvaged").exists():
        log.warning("the rebuilt store was not yet put in its place: that is done now", store=str(path))
        at = time.time()
        unknown = Damage(at=at, why="its note is lost", aside=_aside(path, at), running=False, lost={})
        _swap(path, told_damage(path) or unknown)


# --- before an upgrade --------------------------------------------------------------------------------------------------


def _keep_before_upgrade(path: Path) -> None:
    """A copy of a store of an older schema, `netmon.db.v<N>`, in place of the one before it; if there is space."""
    if not path.exists() or not _is_ours(path):
        return
    with schema.opening(path), closing(sqlite3.connect(path, timeout=schema.busy_s(), isolation_level=None)) as database:
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if not 0 < version < len(MIGRATIONS):
        return
    kept, part = _beside(path, f"v{version}"), _beside(path, f"v{version}.part")
    if _free(path) < _size(path) + MARGIN:
        log.warning("the store is brought up to date without a copy of it: there is no space", store=str(path))
        return
    part.unlink(missing_ok=True)
    try:
        copy(path, part)
        schema.sync(part)
        os.replace(part, kept)
    except (StoreError, OSError) as error:
        part.unlink(missing_ok=True)
        log.warning("the store is brought up to date without a copy of it", store=str(path), error=str(error))
        return
    for other in path.parent.glob(f"{path.name}.v*"):
        if other != kept and other.name.removeprefix(f"{path.name}.v").isdigit():
            other.unlink()
    log.info("the store is brought up to date; a copy of it as it was is kept", schema=version, copy=str(kept))
