"""A store of every earlier netmon: it is brought up to date, whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from netmon.model import End, Subject, Window
from netmon.store import Store, StoreError
from netmon.store.migrations import MIGRATIONS
from netmon.store.schema import APPLICATION_ID
from netmon.targets.availability import Interval, judge_availability
from tests.faults.disks import fill_up, small
from tests.faults.matrix import ROOT
from tests.faults.stored import K0, LINKS, Meter, fill, furnish, is_sound, rows
from tests.targets.made import LINK_UP

NEWEST = len(MIGRATIONS)
_COLUMNS = "SELECT name FROM pragma_table_info('{}')"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of today's schema with something in every table."""
    path = tmp_path_factory.mktemp("full") / "netmon.db"
    fill(path, 340, LINKS[:6])
    with Store.open(path, Meter()) as store:
        furnish(store)
    return path


def tables(path: Path) -> list[str]:
    found = rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [name for (name,) in found]


def content(path: Path, like: Path) -> dict[str, Any]:
    """All rows of the tables and columns that another store has."""
    told = {}
    for table in tables(like):
        columns = ", ".join(f'"{name}"' for (name,) in rows(like, _COLUMNS.format(table)))
        told[table] = sorted(rows(path, f'SELECT {columns} FROM "{table}"'), key=repr)
    return told


def of_version(path: Path, version: int, full: Path) -> Path:
    """The store as netmon of that schema would have left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.execute("PRAGMA page_size = 16384")
        for step in MIGRATIONS[:version]:
            step(made)
        made.execute(f"ATTACH '{full}' AS today")
        for (table,) in made.execute(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            columns = ", ".join(f'"{name}"' for (name,) in made.execute(_COLUMNS.format(table)))
            made.execute(f'INSERT OR REPLACE INTO main."{table}" ({columns}) SELECT {columns} FROM today."{table}"')
        made.execute("DETACH today")
        made.execute(f"PRAGMA user_version = {version}")
        made.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        made.execute("PRAGMA journal_mode = WAL")
    return path


def judged(store: Store) -> list[Any]:
    """What verdicts rest on, and verdicts made of it."""
    reader, window, found = store.reader(), Window(K0 * 300.0, (K0 + 340) * 300.0), []
    for name in LINKS[:6]:
        link = Subject("link", name)
        away: list[Interval] = [Window(each.start, each.end) for each in reader.absences(*window)]
        found.append(judge_availability(LINK_UP, link, reader.spans(link, *window), away, window, window.end))
        found.append([array.tobytes() for array in reader.rates(name, End.NEAR, K0, 340)[:2]])
        found.append(reader.frozen("use", name))
    return found


@pytest.mark.fault("store-old-schema")
def test_a_store_of_every_earlier_schema_is_brought_up_to_date_whole(
    full: Path, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    """No row is lost or changed, verdicts come out the same, and a copy of it as it was is kept."""
    assert [table for table, told in content(full, full).items() if not told] == []
    with Store.open(full, Meter()) as store:
        verdicts = judged(store)
    plan = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
    moved = 0
    for version in range(1, NEWEST):
        path = of_version(tmp_path / f"{version}.db", version, full)
        before = content(path, path)
        moved += sum(map(len, before.values()))
        old = path.with_name("old.db")
        old.write_bytes(path.read_bytes())
        with Store.open(path, Meter()) as store:
            assert judged(store) == verdicts
        assert content(path, old) == before
        assert rows(path, plan) == rows(full, plan)
        assert is_sound(path)
        kept = path.with_name(f"{version}.db.v{version}")
        assert content(kept, old) == before
        assert rows(kept, "PRAGMA user_version") == [(version,)]
    measured(f"Schemas 1 to {NEWEST - 1} brought to {NEWEST}: {moved} rows, all there, every verdict the same.")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from netmon.store import Store, migrations, schema
    from tests.faults.stored import Meter

    def killed(step):
        def run(connection):
            step(connection)
            connection.execute("PRAGMA cache_spill = 1")
            os.kill(os.getpid(), signal.SIGKILL)
        return run

    steps = list(migrations.MIGRATIONS)
    steps[int(sys.argv[2])] = killed(steps[int(sys.argv[2])])
    schema.MIGRATIONS = tuple(steps)
    Store.open(Path(sys.argv[1]), Meter())
"""


@pytest.mark.fault("store-old-schema")
def test_an_upgrade_that_is_killed_leaves_a_whole_store(full: Path, tmp_path: Path) -> None:
    """Of the step before; the next start goes on."""
    for version in (1, NEWEST - 1):
        path = of_version(tmp_path / f"{version}.db", version, full)
        before = content(path, path)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(NEWEST - 1)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert rows(path, "PRAGMA user_version") == [(NEWEST - 1,)]
        with Store.open(path, Meter()):
            pass
        old = of_version(tmp_path / "old.db", version, full)
        assert content(path, old) == before
        assert is_sound(path)
        old.unlink()


@pytest.mark.fault("store-old-schema")
def test_an_upgrade_without_space_leaves_the_old_store(full: Path, tmp_path: Path) -> None:
    """It is said in a sentence, also that there is no space for a copy; with space it goes on."""
    with small(tmp_path / "disk", 16) as disk:
        path = of_version(disk / "netmon.db", 1, full)
        before = content(path, path)
        ballast = fill_up(disk, 32 * 1024)
        with structlog.testing.capture_logs() as logs, pytest.raises(StoreError, match="full"):
            Store.open(path, Meter())
        assert any("without a copy" in entry["event"] for entry in logs)
        assert rows(path, "PRAGMA user_version")[0][0] < NEWEST
        ballast.unlink()
        Store.open(path, Meter()).close()
        assert {table: sorted(rows(path, f'SELECT * FROM "{table}"'), key=repr) for table in ("slot", "alive")} == {
            table: before[table] for table in ("slot", "alive")
        }
        assert is_sound(path)
