"""A store's file is damaged: at the start and while netmon runs."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from netmon.model import End, Standing, Subject
from netmon.store import Store, damage, last_damage
from tests.faults.disks import fill_up, small
from tests.faults.matrix import size
from tests.faults.stored import K0, LINKS, Meter, falsehoods, fill, is_sound, put_slot, rows, spans, verdicts
from tests.peers import eventually

PAGE = 16_384
SLOTS = size(340, 600)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store at rest."""
    path = tmp_path_factory.mktemp("whole") / "netmon.db"
    fill(path, SLOTS)
    return path


def pages(path: Path, dice: random.Random) -> None:
    """Some pages hold anything, others nothing."""
    raw = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(1, len(raw) // PAGE) * PAGE
        raw[at : at + PAGE] = dice.choice((dice.randbytes(PAGE), bytes(PAGE)))
    path.write_bytes(raw)
    path.with_name(path.name + ".suspect").touch()  # as a read that met them leaves it


def cut_off(path: Path, dice: random.Random) -> None:
    """The end is missing."""
    raw = path.read_bytes()
    path.write_bytes(raw[: dice.randrange(len(raw) // 10, len(raw))])


def head(path: Path, dice: random.Random) -> None:
    """The beginning is of no database."""
    with path.open("r+b") as file:
        file.write(dice.randbytes(dice.choice((16, 100, 4_000))))


@pytest.mark.fault("store-damaged")
@pytest.mark.parametrize("harm", [pages, cut_off, head])
def test_a_damaged_store_starts_with_what_can_be_read_and_says_nothing_false(
    whole: Path, tmp_path: Path, harm: Callable[[Path, random.Random], None], measured: Callable[[str], None]
) -> None:
    """It is set aside and told; states, slots and verdicts that are there were there; a known fall has its outage."""
    kept = dict.fromkeys(("slot", "span", "verdict_frozen", "audit"), 0)
    times, judged = size(3, 20), Counter[Standing]()
    for seed in range(times):
        path = tmp_path / str(seed) / "netmon.db"
        shutil.copytree(whole.parent, path.parent)
        harm(path, random.Random(seed))
        meter = Meter()
        with Store.open(path, meter) as store:
            absence = store.record_start((K0 + 700) * 300.0)
            put_slot(store, "lk-0", K0 + 701)
            store.flush()
            told = Counter(verdicts(store, LINKS, SLOTS).values())
            assert told.keys() <= {Standing.MISSED, Standing.UNPROVEN}, "a third of the time each of them was down"
            judged += told
        found = last_damage(path)
        if found is not None:  # else what was harmed is in use no more
            assert path.with_name(found.aside).exists()
            assert meter.gauges["netmon_store_damaged_timestamp_seconds"] == found.at
            assert absence is not None
            assert absence.reason == "damaged"
        assert is_sound(path)
        assert [each for each in falsehoods(whole, path) if str(K0 + 701) not in each] == []
        for table in kept:
            kept[table] += rows(path, f"SELECT count(*) FROM {table}")[0][0]
        shutil.rmtree(path.parent)
    all_of = {table: times * rows(whole, f"SELECT count(*) FROM {table}")[0][0] for table in kept}
    if harm is not cut_off:
        assert kept["slot"] > all_of["slot"] / 2
    shares = ", ".join(f"{kept[table] / all_of[table]:.0%} of {table}" for table in kept)
    unproven = judged[Standing.UNPROVEN]
    measured(
        f"{harm.__doc__} {times} times: nothing false, {shares} saved; of {judged.total()} links that missed "
        f"{unproven} are unproven then, none is met."
    )


@pytest.mark.fault("store-damaged")
def test_damage_that_is_found_while_netmon_runs_costs_only_what_lay_there(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes wait and are there afterwards; the states that hold are known still; the last damaged files are kept."""
    monkeypatch.setattr(damage, "KEPT", 1)
    path = tmp_path / "netmon.db"
    shutil.copy(whole, path)
    with Store.open(path, Meter()) as store:
        store.record_start((K0 + 700) * 300.0)
        for link in LINKS:
            store.begin_span(Subject("link", link), "up", (K0 + 700) * 300.0)
        store.flush()
        for turn in range(2):
            before = last_damage(path)
            rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
            with path.open("r+b") as file:
                for (root,) in rows(path, "SELECT rootpage FROM sqlite_schema WHERE name IN ('span', 'span_subject')"):
                    file.seek((root - 1) * PAGE)
                    file.write(b"\x07" * PAGE)
            store.examine()
            put_slot(store, "lk-0", K0 + 700 + turn)
            eventually(lambda before=before: last_damage(path) != before)
            store.flush(20)
            reader = store.reader()
            assert len(reader.slots("lk-0", End.NEAR, K0 + 700, K0 + 800)) == turn + 1
            assert {name: span.state for name, span in reader.open_spans("link").items()} == dict.fromkeys(LINKS, "up")
            found = last_damage(path)
            assert found is not None
            assert found.running
            assert set(found.lost) <= {"span"}
    assert is_sound(path)
    assert len(list(tmp_path.glob("netmon.db.damaged-*Z"))) == damage.KEPT
    assert all(since >= (K0 + 700) * 300.0 for told in spans(path).values() for _, since, until in told if until > 9e98)


@pytest.mark.fault("store-damaged")
def test_damage_that_a_commit_meets_waits_for_space_and_is_then_mended(whole: Path, tmp_path: Path) -> None:
    """Without space for another store nothing is thrown away: writes wait, a start after a kill knows of it."""
    with small(tmp_path / "disk", 2 * whole.stat().st_size // 2**20 + 70) as disk:
        path, meter = disk / "netmon.db", Meter()
        shutil.copy(whole, path)
        with Store.open(path, meter) as store:
            rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
            with path.open("r+b") as file:
                for name in ("slot", "day"):
                    file.seek((rows(path, f"SELECT rootpage FROM sqlite_schema WHERE name = '{name}'")[0][0] - 1) * PAGE)
                    file.write(b"\x07" * PAGE)
            ballast = fill_up(disk, 8 * 2**20)
            store._writer._database.execute("PRAGMA shrink_memory")
            put_slot(store, "lk-0", K0 + 701)
            eventually(lambda: meter.totals.get("netmon_store_failures_total", 0) > 1)
            assert path.with_name("netmon.db.suspect").exists()
            assert last_damage(path) is None
            ballast.unlink()
            store.flush(30)
            assert [slot.k for slot in store.reader().slots("lk-0", End.NEAR, K0 + 700, K0 + 702)] == [K0 + 701]
        assert is_sound(path)
        assert not path.with_name("netmon.db.suspect").exists()


@pytest.mark.fault("store-damaged")
@pytest.mark.parametrize("harm", ["gone", "cut", "garbled"])
def test_a_damaged_journal_takes_back_whole_commits_and_nothing_else(whole: Path, tmp_path: Path, harm: str) -> None:
    """What the journal held is undone from some commit on; the time since the last heartbeat that is there is unseen."""
    before, path = tmp_path / "before.db", tmp_path / "netmon.db"
    shutil.copy(whole, before)
    with Store.open(before, Meter()) as store:
        for turn in range(30):
            for link in LINKS[:9]:
                store.begin_span(Subject("link", link), "up", (K0 + 700 + turn) * 300.0)
                store.begin_span(Subject("link", link), "suspect", (K0 + 700 + turn) * 300.0 + 100)
                put_slot(store, link, K0 + 700 + turn)
            store.heartbeat((K0 + 701 + turn) * 300.0)
            store.settle(20)
        for suffix in ("", "-wal"):
            shutil.copy(f"{before}{suffix}", f"{path}{suffix}")
    journal = path.with_name("netmon.db-wal")
    if harm == "gone":
        journal.unlink()
    else:
        raw = bytearray(journal.read_bytes())
        middle = len(raw) // 2
        raw[middle : middle + 400] = b"" if harm == "cut" else b"\x07" * 400
        journal.write_bytes(raw[:middle] if harm == "cut" else raw)
    with Store.open(path, Meter()) as store:
        absence = store.record_start((K0 + 800) * 300.0)
        store.flush()
        assert absence is not None
        assert absence.start < (K0 + 731) * 300.0
    assert is_sound(path)
    assert falsehoods(before, path) == []
