"""What happens to writes when the disk will not, when netmon is killed, and when the file is not ours."""

from __future__ import annotations

import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog

from netmon.model import End, Octets, Slot, Subject
from netmon.store import Reader, Store, StoreError, schema, writer
from tests.faults.matrix import size

FAILURES, COMMITS = "netmon_store_failures_total", "netmon_store_commits_total"
K0 = 20_500 * 288 - 84


def slot(k: int) -> Slot:
    return Slot(k, Octets(k, 300_000_000), Octets(1, 300_000_000))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_BUSY_S", 0.02)


@pytest.mark.fault("store-locked")
@pytest.mark.usefixtures("impatient")
def test_a_locked_file_delays_writes_and_loses_none(store: Store, path: Path, meter: Any) -> None:
    """Callers go on, the failure is counted, failing and recovery are logged once each."""
    other = sqlite3.connect(path, isolation_level=None)
    with structlog.testing.capture_logs() as logs:
        other.execute("BEGIN IMMEDIATE")
        for k in range(500):
            store.put_link("lk", End.NEAR, slots=[slot(K0 + k)])
        meter.wait_for(FAILURES, 2)
        with pytest.raises(TimeoutError):
            store.flush(0.01)
        assert store.reader().slots("lk", End.NEAR, K0, K0 + 500) == []
        other.execute("ROLLBACK")
        store.flush(20)
    other.close()
    assert store.reader().slots("lk", End.NEAR, K0, K0 + 500) == [slot(K0 + k) for k in range(500)]
    assert [entry["event"] for entry in logs] == ["the store cannot commit, writes wait", "the store commits again"]
    assert meter.gauges["netmon_store_backlog"] == 0


@pytest.mark.fault("disk-full")
def test_a_full_disk_delays_writes_and_loses_none(store: Store, meter: Any) -> None:
    """What a failed commit had numbered and counted is numbered and counted again."""
    store.put_link("lk-0", End.NEAR, slots=[slot(K0)])
    store.flush()
    database = store._writer._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    for i in range(300):
        store.put_link(f"lk-{i}", End.NEAR, slots=[slot(K0 + k) for k in range(20)])
    meter.wait_for(FAILURES, 1)
    database.execute("PRAGMA max_page_count = 1000000")
    store.flush(20)
    assert store.ignored_slots == 1
    reader = store.reader()
    assert all(reader.slots(f"lk-{i}", End.NEAR, K0, K0 + 20) == [slot(K0 + k) for k in range(20)] for i in range(300))


@pytest.mark.usefixtures("impatient")
def test_a_full_backlog_drops_the_oldest_and_says_so(
    store: Store, path: Path, meter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest writes survive; how many were lost is logged when the store commits again."""
    monkeypatch.setattr(writer, "BACKLOG", 10)
    other = sqlite3.connect(path, isolation_level=None)
    with structlog.testing.capture_logs() as logs:
        other.execute("BEGIN IMMEDIATE")
        for k in range(100):
            store.put_link("lk", End.NEAR, slots=[slot(K0 + k)])
        other.execute("ROLLBACK")
        store.flush(20)
    other.close()
    kept = [row.k - K0 for row in store.reader().slots("lk", End.NEAR, K0, K0 + 100)]
    assert kept[-10:] == list(range(90, 100))
    assert sum(entry.get("dropped", 0) for entry in logs) == 100 - len(kept) > 0
    assert "the store's backlog is full, the oldest writes are dropped" in [entry["event"] for entry in logs]


@pytest.mark.usefixtures("impatient")
def test_closing_gives_up_on_a_file_that_stays_locked(path: Path, meter: Any) -> None:
    """A stop takes seconds at most; what could not be written is logged; a closed store says that it is closed."""
    store = Store.open(path, meter)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.heartbeat(1.0)
    with structlog.testing.capture_logs() as logs:
        store._writer.close(timeout_s=0.2)
    store.close()
    store.close()
    other.close()
    assert logs[-1] == {"event": "the store closes without having written everything", "lost": 1, "log_level": "error"}
    with pytest.raises(StoreError, match="closed"):
        store.heartbeat(2.0)
    with pytest.raises(StoreError, match="closed"):
        store.reader().last_alive()


def test_a_write_that_can_never_succeed_does_not_hold_up_the_others(store: Store, meter: Any) -> None:
    """It is left out whole, counted and logged with its trace."""
    with structlog.testing.capture_logs() as logs:
        store.put_link("a", End.NEAR, slots=[slot(K0)])
        store.put_link("b", End.NEAR, slots=[slot(K0), Slot(K0 + 1, Octets(2**70, 0), Octets(0, 0))])
        store.put_link("c", End.NEAR, slots=[slot(K0)])
        store.flush(10)
    reader = store.reader()
    assert [len(reader.slots(link, End.NEAR, K0, K0 + 1)) for link in "abc"] == [1, 0, 1]
    assert meter.totals[FAILURES] == 1
    assert [entry["log_level"] for entry in logs] == ["error"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_writer_is_not_silent(store: Store) -> None:
    """Whoever waits or writes afterwards hears that nothing is written any more."""
    with pytest.raises(StoreError, match="ended"):
        store._writer.ask(lambda database: [][0])
    with pytest.raises(StoreError, match="died"):
        store.heartbeat(1.0)


def test_many_writes_share_a_commit(store: Store, meter: Any) -> None:
    """A thousand writes take two commits or so, from whatever threads they come."""
    with ThreadPoolExecutor(4) as pool:
        for k in range(1_000):
            pool.submit(store.put_link, "lk", End.NEAR, slots=[slot(K0 + k)])
    store.flush()
    assert meter.totals[COMMITS] <= 5
    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(lambda _: len(store.reader().slots("lk", End.NEAR, K0, K0 + 999)), range(8))
        assert set(counts) == {1_000}
    assert "netmon-store" in {thread.name for thread in threading.enumerate()}


CHILD = """
    import sys
    from pathlib import Path
    from netmon.model import Baseline, CounterPoint, End, Epoch, Kind, Octets, Slot, Unplaced, Direction
    from netmon.store import Store

    class Silent:
        def count(self, *a, **k): ...
        gauge = observe = count

    store = Store.open(Path(sys.argv[1]), Silent())
    stands = store.reader().baselines().get(("lk", End.NEAR))
    k, total = (stands.open[0].k, stands.receive.value) if stands else (int(sys.argv[2]), 0)
    while True:
        total += 2 * k
        point = CounterPoint(total, k * 300.0, Kind.COUNTER64, Epoch(None, None, None, "e"))
        nothing = Octets(0, 0)
        store.put_link(
            "lk", End.NEAR, slots=[Slot(k, Octets(k, 300_000_000), nothing)],
            unplaced=[Unplaced(Direction.RECEIVE, k * 300.0, k * 300.0 + 1, k)],
            baseline=Baseline(point, None, (Slot(k + 48, nothing, nothing),)),
        )
        if k % 5 == 0:
            store.fold(k * 300.0)
        if k % 3 == 0:
            store.flush()
            print(total, flush=True)
        k += 48
"""


@pytest.mark.fault("kill-9")
def test_kill_9_loses_nothing_acknowledged_and_counts_nothing_twice(path: Path, measured: Callable[[str], None]) -> None:
    """Kills at random moments, while slots are appended and days are packed; each child goes on where it stands."""
    dice = random.Random(9)
    acknowledged = 0
    for _ in range(size(10, 60)):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CHILD), str(path), str(K0)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child.stdout as acks:
            for _ in range(dice.randrange(1, 25)):
                acknowledged = int(acks.readline())
            child.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *(int(line) for line in acks if line.endswith("\n"))])
        child.wait()
        reader = Reader.open(path)
        stands = reader.baselines()["lk", End.NEAR]
        assert stands.receive is not None
        total = stands.receive.value
        day = 20_500 * 86_400.0 - 25_200
        sums = reader.sums("lk", End.NEAR, day, day + size(400, 4_000) * 86_400.0)
        unplaced = reader.unplaced("lk", End.NEAR, day, day + size(400, 4_000) * 86_400.0)
        reader.close()
        assert total >= acknowledged
        assert sums.receive + sum(row.octets for row in unplaced) == total
    assert acknowledged > 0
    measured(f"The store alone: {size(10, 60)} kills, {sums.slots} slots, none twice, all {total} octets there.")


def test_a_store_of_a_newer_netmon_is_refused_and_left_alone(path: Path, meter: Any) -> None:
    """Neither writer nor reader touches it."""
    Store.open(path, meter).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    before = path.read_bytes()
    for refuse in (lambda: Store.open(path, meter), lambda: Reader.open(path)):
        with pytest.raises(StoreError, match=rf"newer netmon \(schema 99, this one knows {len(schema.MIGRATIONS)}\)"):
            refuse()
    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused(path: Path, meter: Any, tmp_path: Path) -> None:
    """Another program's database, plain text, nothing at all, and a store that was never migrated."""
    foreign, text, old = tmp_path / "other.db", tmp_path / "notes.txt", tmp_path / "old.db"
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    text.write_text("not a database, " * 100)
    for wrong, words in ((foreign, "some other program"), (text, "file is not a database"), (tmp_path, "is a directory")):
        with pytest.raises(StoreError, match=words):
            Store.open(wrong, meter)
    for wrong, words in ((path, "no store here"), (text, "file is not a database"), (tmp_path, "is a directory")):
        with pytest.raises(StoreError, match=words):
            Reader.open(wrong)
    assert not tmp_path.with_name(tmp_path.name + ".lock").exists()
    old.touch()
    with pytest.raises(StoreError, match="brings it up to date"):
        Reader.open(old)


@pytest.mark.fault("store-old-schema")
def test_a_migration_runs_once_and_whole(path: Path, meter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails leaves the file as it was; the next open takes it up again."""
    with Store.open(path, meter) as store:
        store.begin_span(Subject("device", "d"), "up", 1.0)

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE span ADD COLUMN note TEXT")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE span ADD COLUMN other TEXT")
        raise RuntimeError("half way")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add, fail))
    with pytest.raises(RuntimeError, match="half way"):
        Store.open(path, meter)
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    with Store.open(path, meter) as store:
        assert store.reader().open_spans("device")["d"].state == "up"
        columns = [row[1] for row in store._writer._database.execute("PRAGMA table_info(span)")]
    assert columns[-1] == "note"


RESTING = """
    import os, sys
    from pathlib import Path
    from netmon.store import Reader

    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)
    path = Path(sys.argv[1])
    assert not os.access(path.parent, os.W_OK)
    reader = Reader.open(path)
    print(reader.last_alive())
    reader.close()
"""


def test_the_command_line_reads_a_resting_store_that_it_may_not_write(meter: Any) -> None:
    """When no daemon runs, whoever may read the file can, though SQLite cannot make its shared memory beside it."""
    with tempfile.TemporaryDirectory(prefix="netmon-store-") as directory:
        path = Path(directory) / "netmon.db"
        with Store.open(path, meter) as store:
            store.heartbeat(7.0)
        path.parent.chmod(0o555)
        try:
            found = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(RESTING), str(path)], capture_output=True, text=True, check=False
            )
        finally:
            path.parent.chmod(0o755)
        assert (found.stdout, found.stderr) == ("7.0\n", "")


REFUSED = """
    import os, sys
    from pathlib import Path
    from netmon.store import Store, StoreError
    from netmon.store.schema import connect_reader, connect_writer, lock, migrate

    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)
    path = Path(sys.argv[1])
    for open_it in (lock, migrate, connect_reader, connect_writer):
        try:
            open_it(path)
        except StoreError as error:
            print(open_it.__name__, error)
        else:
            print(open_it.__name__, "opens it")
"""


def refused(path: Path) -> dict[str, str]:
    """What each way of opening says to a user who may not write there."""
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REFUSED), str(path)], capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    return dict(line.split(" ", 1) for line in found.stdout.splitlines())


def test_who_may_not_write_is_told_which_file_and_why(meter: Any) -> None:
    """One sentence each and no traceback: a store at rest, one that was left with its journal, one that does not exist."""
    with tempfile.TemporaryDirectory(prefix="netmon-store-") as directory:
        resting, left, none = (Path(directory) / name for name in ("resting.db", "left.db", "none.db"))
        Store.open(resting, meter).close()
        with Store.open(left, meter) as store:
            store.heartbeat(7.0)
            store.flush()
            wal = left.with_name("left.db-wal").read_bytes()
        left.with_name("left.db-wal").write_bytes(wal)
        Path(directory).chmod(0o555)
        try:
            at_rest, journal, nothing = refused(resting), refused(left), refused(none)
        finally:
            Path(directory).chmod(0o755)
    denied = r"{}: cannot be opened as a store: Permission denied \({}\.lock\)"
    for path, said in ((resting, at_rest), (left, journal), (none, nothing)):
        assert re.fullmatch(denied.format(path, path), said["lock"])
        assert said["migrate"].startswith(f"{path}: cannot be opened as a store: ")
    assert at_rest["connect_reader"] == "opens it"
    assert journal["connect_reader"] == (
        f"{left}: it was not closed in order (there is a left.db-wal), and to read it as it is, this user has to be able to "
        f"write to {directory}"
    )
    assert nothing["connect_reader"] == f"{none}: there is no store here"
    assert nothing["connect_writer"] == f"{none}: cannot be opened as a store: unable to open database file"


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path: Path, meter: Any) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/netmon\.db: cannot be opened as a store: .*directory"):
        Store.open(tmp_path / "file" / "netmon.db", meter)
    with pytest.raises(StoreError, match="no store here"):
        Reader.open(tmp_path / "file" / "netmon.db")


def test_a_full_disk_at_the_start_is_a_sentence_and_leaves_nothing_half_made(
    path: Path, meter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema is made whole or not at all, and at the next start it is."""
    connect = schema._connect

    def full(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA max_page_count = 5")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_connect", full)
        with pytest.raises(StoreError, match=r"netmon\.db: cannot be opened as a store: database or disk is full"):
            Store.open(path, meter)
    Store.open(path, meter).close()
