"""What a damaged store lost must not let what was said before speak again; and one row that is none stops nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from netmon.model import Declared, End, Entry, Standing, Subject, Verb, WindowChange, WindowKind
from netmon.store import Store, StoreError, damage, last_damage
from tests.faults.stored import K0, Meter, fill, furnish, is_sound, put_slot, rows, verdict
from tests.peers import eventually

PAGE = 16_384
AT = K0 * 300.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small store with something in every table."""
    path = tmp_path_factory.mktemp("words") / "netmon.db"
    fill(path, 2, ("lk-0", "lk-1"))
    with Store.open(path, Meter()) as store:
        furnish(store)
        store.record_stop(AT + 2e6)
        store.flush()
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    for each in whole.parent.iterdir():
        shutil.copy(each, tmp_path)
    return tmp_path / "netmon.db"


def spoil(path: Path, statement: str, *values: object) -> None:
    """A row becomes what netmon never wrote."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA trusted_schema = ON")
        for (name,) in other.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            other.execute(f"DROP TRIGGER {name}")
        assert other.execute(statement, values).rowcount


def reopened(path: Path) -> Store:
    """As a start that knows of damage."""
    path.with_name(path.name + ".suspect").touch()
    return Store.open(path, Meter())


@pytest.mark.fault("store-damaged")
def test_a_window_whose_end_is_lost_excuses_no_more_than_what_was_said_until_then(path: Path) -> None:
    """A storm was declared for fourteen days and ended after two hours; the page with the end is lost."""

    def storm(until: float, name: str = "long") -> Declared:
        return Declared(id=name, kind=WindowKind.STORM, name="y" * 200, start=AT, until=until, areas=("04",))

    with Store.open(path, Meter()) as store:
        store.put_window(WindowChange(AT, "declare", "ops", "", storm(AT + 14 * 86_400)))
        for n in range(150):
            store.put_window(WindowChange(AT + n, "declare", "ops", "x" * 200, storm(AT + 60, f"o{n}")))
        store.put_window(WindowChange(AT + 7_200, "end", "ops", "", storm(AT + 7_200)))
        store.flush()
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b'"id":"long"') // PAGE * PAGE
    assert b"end" in raw[at : at + PAGE]
    raw[at : at + PAGE] = bytes(PAGE)
    path.write_bytes(raw)
    with reopened(path) as store:
        found = {window.id: window for window in store.reader().windows()}
        assert found["long"].closed == found["long"].ended == AT
        assert all(window.closed is not None for window in found.values())
        assert [change.author for change in store.reader().window_log("long")] == ["ops", "netmon"]
    lost = last_damage(path)
    assert lost is not None
    assert "window_change" in lost.lost


@pytest.mark.fault("store-damaged")
def test_the_newest_revision_of_a_frozen_verdict_comes_back_from_the_history(path: Path) -> None:
    """Else the older one, of hours that had not happened, would speak again, and nobody would judge the month again. One
    that is not what its hash says is given to nobody, and is found by the nightly look."""
    early = verdict(0)
    true = replace(early, standing=Standing.MISSED, value=0.1)
    with Store.open(path, Meter()) as store:
        store.put_verdicts([early], AT + 9e6)
        store.put_verdicts([true], AT + 8e6)
        store.flush()
        before = store.reader().frozen("use", "lk-0", early.window)
        assert before[-1].verdict.standing is Standing.MISSED
    spoil(path, "UPDATE verdict_frozen SET body = replace(body, '0.1', '0.9') WHERE sha256 = ?", before[-1].sha256)
    with Store.open(path, Meter()) as store:
        assert (
            damage.examine(path, lambda: False)
            == "a row of verdict_frozen is none: a frozen verdict is not what its hash says"
        )
        assert store.reader().frozen("use", "lk-0", early.window) == before[:-1]
        put_slot(store, "lk-0", K0 + 900)
        eventually(lambda: last_damage(path))
        store.flush(20)
        assert store.reader().frozen("use", "lk-0", early.window) == before


@pytest.mark.fault("store-damaged")
@pytest.mark.parametrize(
    ("statement", "read"),
    [
        ("UPDATE baseline SET body = 'Y' || substr(body, 2)", lambda reader: reader.baselines() == {}),
        ('UPDATE baseline SET body = \'[[1,"x","counter64",[0]],null,[]]\'', lambda reader: reader.baselines() == {}),
        (
            "UPDATE verdict SET body = substr(body, 9)",
            lambda reader: not reader.verdicts() and not reader.verdicts_in_brief(),
        ),
        ("UPDATE verdict_frozen SET body = CAST(x'ff22' AS TEXT)", lambda reader: reader.frozen() == []),
        ("UPDATE window_change SET body = '{'", lambda reader: reader.windows() == reader.window_log() == []),
        ("UPDATE incident SET body = '[]'", lambda reader: reader.incidents() == []),
        ("UPDATE entry SET text = 'none: of these'", lambda reader: reader.entries() == []),
    ],
)
def test_a_row_that_is_none_is_left_out_and_the_store_rebuilt_without_it(
    path: Path, statement: str, read: Callable[..., bool]
) -> None:
    """Each start reads it; neither that nor a rebuild may die of it."""
    spoil(path, statement)
    assert damage.examine(path, lambda: False)
    with Store.open(path, Meter()) as store:
        with suppress(sqlite3.Error):  # a text that is none; after the rebuild it is gone
            assert read(store.reader())
        found = eventually(lambda: last_damage(path))
        store.flush(20)
        put_slot(store, "lk-0", K0 + 900)
        store.flush(20)
        assert found.lost
        store.reader().incidents(), store.reader().verdicts(), store.reader().frozen()
    assert damage.examine(path, lambda: False) == ""


@pytest.mark.fault("store-damaged")
@pytest.mark.parametrize("harm", ["journal", "file", "replaced", "cut", "head"])
def test_files_that_go_under_a_running_netmon_lose_nothing_that_was_acknowledged(path: Path, harm: str) -> None:
    """What it still holds open is written anew before anybody is told that a deed is kept. Only a journal that is cut takes
    with it what was in it."""
    journal, meter = path.with_name("netmon.db-wal"), Meter()
    with Store.open(path, meter) as store:
        store.put_entry(Entry(AT, "2026-1", Verb.COMMENT, "ops", "", "before"))
        store.flush()
        if harm == "journal":
            journal.unlink()
            path.with_name("netmon.db-shm").unlink()
        elif harm == "file":
            path.unlink()
        elif harm == "replaced":
            shutil.copy(path, path.with_name("other"))
            os.replace(path.with_name("other"), path)
        elif harm == "cut":
            os.truncate(journal, 0)
        else:
            rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
            with path.open("r+b") as file:
                file.write(os.urandom(100))
            store.examine()
        store.put_entry(Entry(AT, "2026-1", Verb.COMMENT, "ops", "", "after"))
        store.flush(20)
        eventually(lambda: last_damage(path))
        # What a kill -9 leaves, now.
        left = path.with_name("left.db")
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{left}{suffix}")
        texts = [text for (text,) in rows(left, "SELECT text FROM entry WHERE verb = 'comment' ORDER BY id")]
        assert texts[-1] == "after"
        assert texts[0] == "before" or harm == "cut"
        store.begin_span(Subject("link", "lk-0"), "up", AT + 3e6)
        store.flush(20)
        assert store.reader().open_spans("link")["lk-0"].state == "up"
        assert meter.gauges["netmon_store_damaged_timestamp_seconds"] > time.time() - 600
    assert is_sound(path)


@pytest.mark.fault("store-damaged")
@pytest.mark.parametrize("note", ["{", '{"lost": []}', "[]"])
def test_a_note_that_cannot_be_read_stops_no_start(path: Path, note: str) -> None:
    """Nor one that came between a rebuild and its end."""
    for unfinished in (False, True):
        path.with_name("netmon.db.damage").write_text(note)
        if unfinished:
            shutil.copy(path, path.with_name("netmon.db.salvaged"))
        with pytest.raises(StoreError):
            last_damage(path)
        with Store.open(path, Meter()) as store:
            assert store.reader().baselines()
        assert path.with_name("netmon.db.damage.unreadable").read_text() == note
        assert last_damage(path) is None
    assert json.loads(path.with_name("netmon.db.roots").read_text())["version"]


@pytest.mark.fault("store-damaged")
def test_whatever_a_rebuild_stumbles_on_the_writer_waits_and_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in it is a failure to be tried again, not the end of the writer."""
    meter = Meter()

    def stumble(*what: object) -> None:
        raise LookupError("nobody thought of this")

    with Store.open(path, meter) as store:
        with monkeypatch.context() as patched:
            patched.setattr(damage, "mend", stumble)
            store._writer.suspect("a test says so")
            eventually(lambda: meter.totals.get("netmon_store_failures_total", 0) > 1)
        put_slot(store, "lk-0", K0 + 900)
        store.flush(20)
        assert len(store.reader().slots("lk-0", End.NEAR, K0 + 900, K0 + 900)) == 1
