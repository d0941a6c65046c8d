"""The steps by which a store came to what it is: tables, indexes, views for people.

Instants are Unix seconds UTC (REAL). Days are numbers of local days: day d of Asia/Ho_Chi_Minh is
[86400 d - 25200, 86400 d + 61200). `docs/store.md` describes every table for people and for independent scripts.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable


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


def _operations(connection: sqlite3.Connection) -> None:
    utc = "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')"
    last = "(SELECT {} FROM entry WHERE incident = {}.{} AND verb IN ({}) ORDER BY id DESC LIMIT 1)"

    def said(what: str, verbs: str, of: str = "i", key: str = "id") -> str:
        return last.format(what, of, key, verbs)

    for statement in (
        # Moved up by retention alone: of what is later nobody deletes a line.
        "CREATE TABLE log_floor (id INTEGER PRIMARY KEY CHECK (id = 1), unix REAL NOT NULL) STRICT",
        "INSERT INTO log_floor VALUES (1, 0.0)",
        """CREATE TABLE window_change (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, verb TEXT NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL,
            "window" TEXT NOT NULL, body TEXT NOT NULL) STRICT""",
        'CREATE INDEX window_change_window ON window_change ("window", id)',
        """CREATE TABLE incident (
            id TEXT PRIMARY KEY, province TEXT NOT NULL, root_kind TEXT NOT NULL, root TEXT NOT NULL, cause TEXT NOT NULL,
            since REAL NOT NULL, until REAL, body TEXT NOT NULL) STRICT""",
        "CREATE INDEX incident_until ON incident (until)",
        """CREATE TABLE entry (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, incident TEXT NOT NULL, verb TEXT NOT NULL, author TEXT NOT NULL,
            note TEXT NOT NULL, text TEXT NOT NULL,
            cause TEXT AS (iif(verb = 'cause', trim(substr(text, 1, instr(text || ':', ':') - 1)), NULL))) STRICT""",
        "CREATE INDEX entry_incident ON entry (incident, verb, id)",
        *(
            f"""CREATE TRIGGER {table}_stands_{verb.lower()} BEFORE {verb} ON {table} {when}
                BEGIN SELECT raise(ABORT, 'what was written into {table} stands: it is never changed'); END"""
            for table in ("window_change", "entry")
            for verb, when in (
                ("UPDATE", ""),
                ("DELETE", "WHEN OLD.at >= (SELECT unix FROM log_floor)"),
                # REPLACE deletes without asking the trigger of DELETE.
                ("INSERT", f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"),
            )
        ),
        "ALTER TABLE outage ADD COLUMN class TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outage ADD COLUMN incident TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outage ADD COLUMN root TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outage ADD COLUMN clues TEXT NOT NULL DEFAULT '[]'",
        "DROP VIEW outages",
        f"""CREATE VIEW outages AS
            SELECT s.kind, s.name, state, {utc.format("since")} AS since_utc, {utc.format("until")} AS until_utc,
                   until - since AS seconds, o.cause, evidence,
                   coalesce({said("cause", "'cause'", "o", "incident")}, class) AS cause_class, class AS found_class, root,
                   incident
            FROM outage o JOIN subject s ON s.id = subject""",
        f"""CREATE VIEW window_changes AS
            SELECT {utc.format("at")} AS utc, verb, author, note, "window", json_extract(body, '$.name') AS name,
                   json_extract(body, '$.level') AS level, {utc.format("json_extract(body, '$.until')")} AS until_utc, body
            FROM window_change""",
        f"""CREATE VIEW windows AS
            SELECT "window", json_extract(body, '$.kind') AS kind, json_extract(body, '$.name') AS name,
                   json_extract(body, '$.level') AS level, json_extract(body, '$.exercise') AS exercise,
                   {utc.format("json_extract(body, '$.start')")} AS start_utc,
                   {utc.format("json_extract(body, '$.until')")} AS until_utc,
                   {utc.format("json_extract(body, '$.ended')")} AS ended_utc,
                   {utc.format("json_extract(body, '$.closed')")} AS closed_utc,
                   json_extract(body, '$.areas') AS areas, json_extract(body, '$.subjects') AS subjects,
                   json_extract(body, '$.by') AS "by"
            FROM window_change WHERE id IN (SELECT max(id) FROM window_change GROUP BY "window")""",
        f"""CREATE VIEW incidents AS
            SELECT i.id, province, root_kind, root, i.cause AS found_cause,
                   coalesce({said("cause", "'cause'")}, i.cause) AS cause,
                   {utc.format("since")} AS since_utc, {utc.format("until")} AS until_utc, until - since AS seconds,
                   json_array_length(body, '$.members') AS members, json_array_length(body, '$.ever') AS ever,
                   coalesce({said("iif(note = '', author, author || ' (' || note || ')')", "'acknowledge'")}, '')
                       AS acknowledged,
                   coalesce({said("text", "'assign'")}, '') AS assigned,
                   {said(f"iif(verb = 'close', {utc.format('at')}, NULL)", "'close', 'reopen'")} AS closed_utc
            FROM incident i""",
        f"""CREATE VIEW entries AS
            SELECT {utc.format("at")} AS utc, incident, verb, author, note, text FROM entry""",
    ):
        connection.execute(statement)


def _audit(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, origin TEXT NOT NULL, deed TEXT NOT NULL,
            about TEXT NOT NULL, detail TEXT NOT NULL, result TEXT NOT NULL, digest TEXT NOT NULL) STRICT""",
        *(
            f"""CREATE TRIGGER audit_stands_{verb.lower()} BEFORE {verb} ON audit {when}
                BEGIN SELECT raise(ABORT, 'what was written into audit stands: it is never changed'); END"""
            for verb, when in (
                ("UPDATE", ""),
                ("DELETE", ""),
                # Nor is a line replaced, which deletes without asking the trigger of DELETE, or put between others.
                ("INSERT", "WHEN NEW.id <> (SELECT coalesce(max(id), 0) + 1 FROM audit)"),
            )
        ),
        """CREATE VIEW audit_log AS
            SELECT id, strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch') AS utc, who, origin, deed, about, result, detail,
                   digest
            FROM audit""",
    ):
        connection.execute(statement)


def _clock(connection: sqlite3.Connection) -> None:
    # One row once the clock went ahead: by how much, where it was then, and until when no month is closed by it.
    connection.execute(
        """CREATE TABLE clock (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            ahead REAL NOT NULL, landed REAL NOT NULL, doubted REAL NOT NULL) STRICT"""
    )


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first,
    _notices,
    _request_sizes,
    _evidence,
    _summaries,
    _operations,
    _audit,
    _clock,
)
"""Step i brings user_version i to i + 1. A step that has been released is never changed."""
