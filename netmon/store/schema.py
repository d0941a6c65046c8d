"""The schema, its migrations, and how the file is opened.

One SQLite file in WAL mode with pages of 16 KiB. `synchronous=NORMAL`: a commit is in the operating system's hands when it
returns, so killing the process loses nothing that was committed; a power cut may lose the commits since the last
checkpoint, whole, and never damages the file. A slot and the counter reading behind it are one commit, so what a power cut
takes back the next poll bridges. `FULL` would pay one fsync a second for that.

Instants are Unix seconds UTC (REAL). Days are numbers of local days: day d of Asia/Ho_Chi_Minh is
[86400 d - 25200, 86400 d + 61200). `docs/store.md` describes every table for people and for independent scripts.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

APPLICATION_ID = 0x6E746D6E
"""SQLite's application_id of a netmon store ("ntmn")."""

_BUSY_S = 1.0


class StoreError(Exception):
    """The store cannot be opened or used; the text says why, for people."""


def _first(connection: sqlite3.Connection) -> None:
    utc = "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')"
    for statement in (
        "CREATE TABLE subject (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name)) STRICT",
        # In time order, so that a commit touches the last pages only; unique, so that a slot is counted once.
        """CREATE TABLE slot (
            k INTEGER NOT NULL, link INTEGER NOT NULL, far INTEGER NOT NULL,
            receive INTEGER NOT NULL, receive_us INTEGER NOT NULL,
            transmit INTEGER NOT NULL, transmit_us INTEGER NOT NULL,
            source INTEGER NOT NULL,
            PRIMARY KEY (k, link, far)) STRICT, WITHOUT ROWID""",
        # Appended and trimmed, not updated in place: updates would rewrite most of the table's pages at every commit.
        """CREATE TABLE baseline (
            id INTEGER PRIMARY KEY, link INTEGER NOT NULL, far INTEGER NOT NULL, body TEXT NOT NULL) STRICT""",
        """CREATE TABLE day (
            day INTEGER NOT NULL, link INTEGER NOT NULL, far INTEGER NOT NULL,
            slots INTEGER NOT NULL,
            receive INTEGER NOT NULL, receive_us INTEGER NOT NULL, receive_present INTEGER NOT NULL,
            transmit INTEGER NOT NULL, transmit_us INTEGER NOT NULL, transmit_present INTEGER NOT NULL,
            source INTEGER NOT NULL, thin BLOB, simulated BLOB,
            PRIMARY KEY (day, link, far)) STRICT, WITHOUT ROWID""",
        # Apart from `day`, whose rows outlive these by years; with a rowid, so that pages fill to the last row.
        """CREATE TABLE day_rates (
            id INTEGER PRIMARY KEY, day INTEGER NOT NULL, link INTEGER NOT NULL, far INTEGER NOT NULL,
            receive BLOB NOT NULL, transmit BLOB NOT NULL,
            UNIQUE (day, link, far)) STRICT""",
        """CREATE TABLE unplaced (
            id INTEGER PRIMARY KEY, link INTEGER NOT NULL, far INTEGER NOT NULL, direction TEXT NOT NULL,
            since REAL NOT NULL, until REAL NOT NULL, octets INTEGER NOT NULL) STRICT""",
        "CREATE INDEX unplaced_link ON unplaced (link, far, since)",
        """CREATE TABLE gap (
            id INTEGER PRIMARY KEY, link INTEGER NOT NULL, far INTEGER NOT NULL, direction TEXT NOT NULL,
            since REAL NOT NULL, until REAL NOT NULL, reason TEXT NOT NULL) STRICT""",
        "CREATE INDEX gap_link ON gap (link, far, since)",
        """CREATE TABLE span (
            id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, state TEXT NOT NULL,
            since REAL NOT NULL, until REAL, source INTEGER NOT NULL) STRICT""",
        "CREATE INDEX span_subject ON span (subject, since)",
        "CREATE UNIQUE INDEX span_open ON span (subject) WHERE until IS NULL",
        """CREATE TABLE outage (
            id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, state TEXT NOT NULL,
            since REAL NOT NULL, until REAL, cause TEXT NOT NULL, evidence TEXT NOT NULL) STRICT""",
        "CREATE INDEX outage_subject ON outage (subject, since)",
        "CREATE UNIQUE INDEX outage_open ON outage (subject) WHERE until IS NULL",
        """CREATE TABLE absence (
            id INTEGER PRIMARY KEY, since REAL NOT NULL, until REAL NOT NULL, reason TEXT NOT NULL) STRICT""",
        "CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), unix REAL NOT NULL, clean INTEGER NOT NULL) STRICT",
        """CREATE TABLE verdict (
            target TEXT NOT NULL, subject INTEGER NOT NULL, at REAL NOT NULL, standing TEXT NOT NULL,
            window_start REAL NOT NULL, window_end REAL NOT NULL, body TEXT NOT NULL,
            PRIMARY KEY (target, subject)) STRICT""",
        """CREATE TABLE verdict_history (
            id INTEGER PRIMARY KEY, target TEXT NOT NULL, subject INTEGER NOT NULL, at REAL NOT NULL, standing TEXT NOT NULL,
            window_start REAL NOT NULL, window_end REAL NOT NULL, body TEXT NOT NULL) STRICT""",
        "CREATE INDEX verdict_history_subject ON verdict_history (target, subject, at)",
        """CREATE TABLE verdict_frozen (
            target TEXT NOT NULL, subject INTEGER NOT NULL, window_start REAL NOT NULL, window_end REAL NOT NULL,
            revision INTEGER NOT NULL, at REAL NOT NULL, sha256 TEXT NOT NULL, body TEXT NOT NULL,
            PRIMARY KEY (target, subject, window_start, window_end, revision)) STRICT""",
        # For people: names instead of numbers, UTC text instead of seconds.
        f"""CREATE VIEW slots AS
            SELECT s.name AS link, iif(far, 'far', 'near') AS measured_at, {utc.format("k * 300")} AS utc, k,
                   receive, receive_us, transmit, transmit_us, iif(source, 'simulated', 'measured') AS source
            FROM slot JOIN subject s ON s.id = link""",
        """CREATE VIEW days AS
            SELECT s.name AS link, iif(far, 'far', 'near') AS measured_at, date(day * 86400, 'unixepoch') AS local_date,
                   slots, receive, receive_us, receive_present, transmit, transmit_us, transmit_present,
                   CASE source WHEN 0 THEN 'measured' WHEN 1 THEN 'simulated' ELSE 'mixed' END AS source
            FROM day JOIN subject s ON s.id = link""",
        f"""CREATE VIEW spans AS
            SELECT s.kind, s.name, state, {utc.format("since")} AS since_utc, {utc.format("until")} AS until_utc,
                   until - since AS seconds, iif(source, 'simulated', 'measured') AS source
            FROM span JOIN subject s ON s.id = subject""",
        f"""CREATE VIEW outages AS
            SELECT s.kind, s.name, state, {utc.format("since")} AS since_utc, {utc.format("until")} AS until_utc,
                   until - since AS seconds, cause, evidence
            FROM outage JOIN subject s ON s.id = subject""",
        f"""CREATE VIEW absences AS
            SELECT {utc.format("since")} AS since_utc, {utc.format("until")} AS until_utc, until - since AS seconds, reason
            FROM absence""",
        f"""CREATE VIEW verdicts AS
            SELECT target, s.kind, s.name, standing, json_extract(body, '$.value') AS value,
                   json_extract(body, '$.limit') AS "limit", json_extract(body, '$.coverage') AS coverage,
                   {utc.format("window_start")} AS window_start_utc, {utc.format("window_end")} AS window_end_utc,
                   {utc.format("at")} AS judged_utc
            FROM verdict JOIN subject s ON s.id = subject""",
    ):
        connection.execute(statement)


def _notices(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE notice (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, device INTEGER NOT NULL, name TEXT NOT NULL,
            source TEXT NOT NULL, detail TEXT NOT NULL) STRICT""",
        "CREATE INDEX notice_device ON notice (device, id)",
        """CREATE TABLE engine (
            id INTEGER PRIMARY KEY CHECK (id = 1), engine_id BLOB NOT NULL, boots INTEGER NOT NULL) STRICT""",
        """CREATE VIEW notices AS
            SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch') AS utc, s.name AS device, notice.kind, notice.name,
                   source, detail
            FROM notice JOIN subject s ON s.id = device""",
    ):
        connection.execute(statement)


def _request_sizes(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE request_size (
            device INTEGER PRIMARY KEY, varbinds INTEGER NOT NULL, ceiling INTEGER NOT NULL) STRICT"""
    )


def _evidence(connection: sqlite3.Connection) -> None:
    utc = "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')"
    local_date = "date(day * 86400, 'unixepoch') AS local_date"
    source = "CASE source WHEN 0 THEN 'measured' WHEN 1 THEN 'simulated' ELSE 'mixed' END AS source"
    for statement in (
        # NULL where nothing was present, and in rows from before this step.
        "ALTER TABLE day ADD COLUMN receive_p95 REAL",
        "ALTER TABLE day ADD COLUMN transmit_p95 REAL",
        "DROP VIEW days",
        f"""CREATE VIEW days AS
            SELECT s.name AS link, iif(far, 'far', 'near') AS measured_at, {local_date},
                   slots, receive, receive_us, receive_present, transmit, transmit_us, transmit_present, {source},
                   receive_p95, transmit_p95
            FROM day JOIN subject s ON s.id = link""",
        """CREATE TABLE echo (
            k INTEGER NOT NULL, link INTEGER NOT NULL,
            sent INTEGER NOT NULL, answered INTEGER NOT NULL, rtt_us INTEGER NOT NULL, worst_us INTEGER NOT NULL,
            snmp INTEGER NOT NULL, snmp_us INTEGER NOT NULL, source INTEGER NOT NULL,
            PRIMARY KEY (k, link)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE echo_day (
            id INTEGER PRIMARY KEY, day INTEGER NOT NULL, link INTEGER NOT NULL, slots INTEGER NOT NULL,
            sent INTEGER NOT NULL, answered INTEGER NOT NULL, rtt_us INTEGER NOT NULL, worst_us INTEGER NOT NULL,
            snmp INTEGER NOT NULL, snmp_us INTEGER NOT NULL,
            source INTEGER NOT NULL, present BLOB, simulated BLOB, body BLOB NOT NULL,
            UNIQUE (day, link)) STRICT""",
        """CREATE TABLE port_speed (
            id INTEGER PRIMARY KEY, link INTEGER NOT NULL, far INTEGER NOT NULL,
            since REAL NOT NULL, bytes_per_s REAL NOT NULL) STRICT""",
        "CREATE INDEX port_speed_link ON port_speed (link, far, id)",
        """CREATE TABLE speed_test (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, device INTEGER NOT NULL, network TEXT NOT NULL,
            site INTEGER NOT NULL, operator TEXT NOT NULL, download REAL NOT NULL, upload REAL NOT NULL, latency_s REAL,
            source INTEGER NOT NULL,
            UNIQUE (at, device, network, operator)) STRICT""",
        # VNNIC's figures, never mixed with those that netmon measured.
        """CREATE TABLE ispeed (
            month TEXT NOT NULL, unit TEXT NOT NULL, network TEXT NOT NULL, operator TEXT NOT NULL, metric TEXT NOT NULL,
            median REAL NOT NULL, samples INTEGER NOT NULL, imported_at REAL NOT NULL, source TEXT NOT NULL,
            PRIMARY KEY (month, unit, network, operator, metric)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE inventory_month (
            month TEXT NOT NULL, figure TEXT NOT NULL, key TEXT NOT NULL, value REAL NOT NULL,
            PRIMARY KEY (month, figure, key)) STRICT, WITHOUT ROWID""",
        f"""CREATE VIEW echoes AS
            SELECT s.name AS link, {utc.format("k * 300")} AS utc, k, sent, answered,
                   rtt_us / (1e3 * answered) AS mean_ms, iif(answered, worst_us / 1e3, NULL) AS worst_ms,
                   snmp, snmp_us / (1e3 * snmp) AS snmp_mean_ms, iif(source, 'simulated', 'measured') AS source
            FROM echo JOIN subject s ON s.id = link""",
        f"""CREATE VIEW echo_days AS
            SELECT s.name AS link, {local_date}, slots, sent, answered,
                   rtt_us / (1e3 * answered) AS mean_ms, iif(answered, worst_us / 1e3, NULL) AS worst_ms,
                   snmp, snmp_us / (1e3 * snmp) AS snmp_mean_ms, {source}
            FROM echo_day JOIN subject s ON s.id = link""",
        f"""CREATE VIEW port_speeds AS
            SELECT s.name AS link, iif(far, 'far', 'near') AS "end", {utc.format("since")} AS since_utc,
                   bytes_per_s * 8 / 1e6 AS mbit_s
            FROM port_speed JOIN subject s ON s.id = link""",
        f"""CREATE VIEW speed_tests AS
            SELECT {utc.format("at")} AS utc, s.name AS site, d.name AS device, network, operator,
                   download * 8 / 1e6 AS download_mbit_s, upload * 8 / 1e6 AS upload_mbit_s, latency_s * 1e3 AS latency_ms,
                   iif(source, 'simulated', 'measured') AS source
            FROM speed_test JOIN subject s ON s.id = site JOIN subject d ON d.id = device""",
        f"""CREATE VIEW ispeeds AS
            SELECT month, unit, network, operator, metric,
                   iif(metric = 'latency', median * 1e3, median * 8 / 1e6) AS median,
                   iif(metric = 'latency', 'ms', 'Mbit/s') AS unit_of_median,
                   samples, {utc.format("imported_at")} AS imported_utc, source
            FROM ispeed""",
        """CREATE VIEW inventory_months AS
            SELECT m.month, m.figure, m.key, m.value, m.value - before.value AS change
            FROM inventory_month m LEFT JOIN inventory_month before
              ON before.month = strftime('%Y-%m', m.month || '-01', '-1 month')
             AND before.figure = m.figure AND before.key = m.key""",
    ):
        connection.execute(statement)


def _summaries(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE gauge (
            id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, figure TEXT NOT NULL, part TEXT NOT NULL,
            UNIQUE (subject, figure, part)) STRICT""",
        # In time order, so that what is written every few minutes touches the last pages only.
        """CREATE TABLE summary (
            hour INTEGER NOT NULL, gauge INTEGER NOT NULL,
            least REAL NOT NULL, total REAL NOT NULL, most REAL NOT NULL, count INTEGER NOT NULL, source INTEGER NOT NULL,
            PRIMARY KEY (hour, gauge)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE summary_day (
            day INTEGER NOT NULL, gauge INTEGER NOT NULL,
            least REAL NOT NULL, total REAL NOT NULL, most REAL NOT NULL, count INTEGER NOT NULL, source INTEGER NOT NULL,
            PRIMARY KEY (day, gauge)) STRICT, WITHOUT ROWID""",
        *(
            f"""CREATE VIEW {view} AS
                SELECT s.kind, s.name, figure, part, {when},
                       least, total / count AS mean, most, count, iif(source, 'simulated', 'measured') AS source
                FROM {table} JOIN gauge g ON g.id = gauge JOIN subject s ON s.id = g.subject"""
            for view, table, when in (
                ("summaries", "summary", "strftime('%Y-%m-%dT%H:%M:%SZ', hour * 3600, 'unixepoch') AS utc"),
                ("summary_days", "summary_day", "date(day * 86400, 'unixepoch') AS local_date"),
            )
        ),
    ):
        connection.execute(statement)


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _notices, _request_sizes, _evidence, _summaries)
"""Step i brings user_version i to i + 1. A step that has been released is never changed."""


def migrate(path: Path) -> None:
    """Makes the file, or brings it to this version, one transaction a step. StoreError: newer than we are, no store, or the
    disk will not."""
    with _opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path)) as connection:
            _bring_up(connection, path)


def _bring_up(connection: sqlite3.Connection, path: Path) -> None:
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


def lock(path: Path) -> int:
    """A descriptor that holds the right to write, on a file beside the store. StoreError: another process holds it, or the
    file cannot be made."""
    with _opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
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
    with _opening(path):
        connection = _connect(path)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute("PRAGMA journal_size_limit = 67108864")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, whether a daemon runs or not. StoreError: no such store, another version's, or one
    that this user may not read."""
    with _opening(path):
        if not path.exists():
            raise StoreError(f"{path}: there is no store here")
        # Asked and not tried: to close a file of one's own would drop the locks that this process holds on it (fcntl(2)).
        if not os.access(path, os.R_OK):
            raise StoreError(f"{path}: this user may not read the store")
        try:
            connection = _open_reader(path, "mode=ro")
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
            connection = _open_reader(path, "mode=ro&immutable=1")
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
def _opening(path: Path) -> Iterator[None]:
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


def _open_reader(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
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
        raise StoreError(_too_new(path, version))
