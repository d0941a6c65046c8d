"""The writes of states, outages, and netmon's own life: each a function of the database, run by the writer."""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import os
from math import inf

import structlog

from netmon.model import SLOT_S, Outage, Subject
from netmon.notice import Notice
from netmon.store.database import Database
from netmon.store.days import day_of
from netmon.store.records import MEASURED, Absence
from netmon.store.summaries import cut_summaries

log = structlog.get_logger(__name__)

MOST_NOTICES, MOST_OF_DEVICE, NOTICES_TRIMMED_EVERY = 1_000_000, 10_000, 10_000
"""Notices that are kept at most, some 200 MB, and of one device, so that a noisy one displaces its own. Between two
trimmings there may be as many more as come until the next."""

MOST_AHEAD_S = 3 * 86_400
"""A clock that goes back further is more likely wrong now than it was before: a machine that lost its battery starts years
ago, and the evidence of years is not thrown away on its word."""

_ASIDE_S = 3600.0
"""By so much what a clock went back by may be more than what it went ahead by before, and still be that."""

_WRONG_S = 7 * 86_400.0
"""A clock that went ahead and was not set back in so long a life was right: netmon had slept."""

ENGINE_ID_HEAD = bytes.fromhex("80004fb805")
"""RFC 3411, SnmpEngineID: pysnmp's enterprise number, by which netmon speaks, and octets of our own."""

_ENGINE_ID_OCTETS = 12

DIED, STOPPED, DAMAGED = 0, 1, 2
"""What `alive.clean` says of the absence that follows the last heartbeat: the store was damaged, and what it says of the
hours before is doubted."""

LEAPT = "clock"
"""Of an absence: a running netmon saw the clock go ahead over it."""

_REASONS = {DIED: "died", STOPPED: "stopped", DAMAGED: "damaged"}


def begin_span(database: Database, subject: Subject, state: str, start: float, source: int) -> None:
    """Closes the subject's open span and opens one. Time is never claimed twice: a start before the end of the span before
    moves up to it. Neighbouring spans of one state and source are one span."""
    number = database.subject(*subject)
    before = _open_span(database, number)
    if before is not None:
        identity, state_before, since, source_before = before
        if (state_before, source_before) == (state, source):
            database.told[subject] = (state, since, source)
            return
        start = max(start, since)
        _close_span(database, identity, since, start)
    _start_span(database, number, state, start, source)
    database.told[subject] = (state, start, source)


def _start_span(database: Database, number: int, state: str, start: float, source: int) -> None:
    last = database.execute(
        "SELECT id, state, until, source FROM span WHERE subject = ? ORDER BY since DESC, id DESC LIMIT 1", (number,)
    ).fetchone()
    if last is not None:
        start = max(start, last[2])
        if (last[1], last[2], last[3]) == (state, start, source):
            database.execute("UPDATE span SET until = NULL WHERE id = ?", (last[0],))
            return
    database.execute("INSERT INTO span (subject, state, since, source) VALUES (?, ?, ?, ?)", (number, state, start, source))


def resume_span(database: Database, subject: Subject, state: str, since: float, source: int) -> None:
    """The subject is in `state` since then, unless the store knows a state that it is in."""
    number = database.subject(*subject)
    if _open_span(database, number) is None:
        _start_span(database, number, state, since, source)


def rename_span(database: Database, subject: Subject, state: str) -> None:
    """What the open span was all along; it joins the span before it if that has the same state."""
    number = database.subject(*subject)
    found = _open_span(database, number)
    if found is not None:
        identity, _, since, source = found
        database.execute("DELETE FROM span WHERE id = ?", (identity,))
        _start_span(database, number, state, since, source)
        database.told[subject] = (state, since, source)


def end_span(database: Database, subject: Subject, end: float) -> None:
    """Nothing more is said of the subject from `end` on."""
    found = _open_span(database, database.subject(*subject))
    database.told.pop(subject, None)
    if found is not None:
        _close_span(database, found[0], found[2], end)


def _open_span(database: Database, number: int) -> tuple[int, str, float, int] | None:
    found: tuple[int, str, float, int] | None = database.execute(
        "SELECT id, state, since, source FROM span WHERE subject = ? AND until IS NULL", (number,)
    ).fetchone()
    return found


def _close_span(database: Database, identity: int, since: float, end: float) -> None:
    if end > since:
        database.execute("UPDATE span SET until = ? WHERE id = ?", (end, identity))
    else:
        database.execute("DELETE FROM span WHERE id = ?", (identity,))


def open_outage(database: Database, outage: Outage) -> None:
    """A subject has one open outage at most: opened again, it keeps its start and takes the new state, cause, evidence."""
    number = database.subject(*outage.subject)
    if outage.end is None:
        changed = database.execute(
            "UPDATE outage SET state = ?, cause = ?, evidence = ? WHERE subject = ? AND until IS NULL",
            (outage.state, outage.cause, outage.evidence, number),
        ).rowcount
        if changed:
            return
    database.execute(
        "INSERT INTO outage (subject, state, since, until, cause, evidence) VALUES (?, ?, ?, ?, ?, ?)",
        (number, outage.state, outage.start, outage.end, outage.cause, outage.evidence),
    )


def close_outage(database: Database, subject: Subject, end: float) -> None:
    """Ends the open outage of a subject, if there is one."""
    database.execute(
        "UPDATE outage SET until = max(since, ?) WHERE subject = ? AND until IS NULL", (end, database.subject(*subject))
    )


def amend_outage(database: Database, subject: Subject, cause: str, evidence: str) -> None:
    """Sets cause and evidence of the open outage of a subject."""
    database.execute(
        "UPDATE outage SET cause = ?, evidence = ? WHERE subject = ? AND until IS NULL",
        (cause, evidence, database.subject(*subject)),
    )


def put_notice(database: Database, notice: Notice, detail: str) -> None:
    """Appends a notice; now and then the oldest beyond the most that are kept go, of each device and of all."""
    row = (notice.at, notice.kind.value, database.subject("device", notice.device), notice.name, notice.source, detail)
    added = database.execute("INSERT INTO notice (at, kind, device, name, source, detail) VALUES (?, ?, ?, ?, ?, ?)", row)
    if added.lastrowid is not None and added.lastrowid % NOTICES_TRIMMED_EVERY == 0:
        _trim_notices(database)


def _trim_notices(database: Database) -> None:
    held = database.execute("SELECT device, count(*) FROM notice GROUP BY device").fetchall()
    trim = "DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE device = ? ORDER BY id LIMIT ?)"
    for device, amount in held:
        if amount > MOST_OF_DEVICE:
            database.execute(trim, (device, amount - MOST_OF_DEVICE))
    beyond = sum(min(amount, MOST_OF_DEVICE) for _, amount in held) - MOST_NOTICES
    if beyond > 0:
        database.execute("DELETE FROM notice WHERE id IN (SELECT id FROM notice ORDER BY id LIMIT ?)", (beyond,))


def put_request_size(database: Database, device: str, varbinds: int, ceiling: int) -> None:
    """How much a device is asked for at once, in place of what was known."""
    row = (database.subject("device", device), varbinds, ceiling)
    database.execute("INSERT OR REPLACE INTO request_size (device, varbinds, ceiling) VALUES (?, ?, ?)", row)


def start_engine(database: Database) -> tuple[bytes, int]:
    """Our engine id, and its boots with this start."""
    made = ENGINE_ID_HEAD + os.urandom(_ENGINE_ID_OCTETS)
    statement = "INSERT INTO engine VALUES (1, ?, 1) ON CONFLICT DO UPDATE SET boots = boots + 1 RETURNING engine_id, boots"
    (found,) = database.execute(statement, (made,)).fetchall()
    return bytes(found[0]), int(found[1])


def raise_log_floor(database: Database, unix: float) -> None:
    """Nobody deletes a line of the log of windows or of the book of incidents that is later than this."""
    database.execute("UPDATE log_floor SET unix = max(unix, ?)", (unix,))


def heartbeat(database: Database, unix: float, clean: bool) -> None:
    """netmon is alive at `unix`; `clean` when it said goodbye."""
    database.execute("INSERT OR REPLACE INTO alive (id, unix, clean) VALUES (1, ?, ?)", (unix, STOPPED if clean else DIED))


def cut_future(database: Database, now: float) -> None:
    """Takes back what a clock that was ahead wrote of the time after `now`, and leaves every subject in the state that it
    was told last, from `now` on. The octets of slots that are not over become unplaced, at `now`, for they were counted.
    Nothing is taken back when the store is more than MOST_AHEAD_S ahead: then this is said, and `now` is doubted. But where
    the clock went ahead by as much before, that is undone, whatever its length."""
    newest, (ahead_s, landed, doubted) = _newest(database), _leap(database)
    back_s = newest - now
    if back_s > MOST_AHEAD_S and (back_s > ahead_s + _ASIDE_S or newest - landed > _WRONG_S):
        log.error("the clock is days behind what the store holds: nothing of it is taken back", seconds=round(back_s))
        return
    if ahead_s and back_s > 0:
        undone_s = min(ahead_s, back_s)
        _put_leap(database, ahead_s - undone_s, landed - undone_s, doubted - undone_s)
    _cut_spans(database, now)
    database.told = {subject: (state, min(start, now), source) for subject, (state, start, source) in database.told.items()}
    database.execute("DELETE FROM outage WHERE since > ?1 AND until > ?1", (now,))
    database.execute(
        "UPDATE outage SET since = min(since, ?1), until = min(until, ?1) WHERE since > ?1 OR until > ?1", (now,)
    )
    database.execute(
        "UPDATE incident SET since = min(since, ?1), until = min(until, ?1) WHERE since > ?1 OR until > ?1", (now,)
    )
    database.execute("DELETE FROM absence WHERE since > ?", (now,))
    database.execute("UPDATE absence SET until = ?1 WHERE until > ?1", (now,))
    database.execute("UPDATE alive SET unix = ?1 WHERE unix > ?1", (now,))
    first_k, first_day = int(now // SLOT_S), day_of(now) + 1
    for table, column, first in (("slot", "k", first_k), ("day", "day", first_day)):
        for direction in ("receive", "transmit"):
            database.execute(
                f"""INSERT INTO unplaced (link, far, direction, since, until, octets)
                    SELECT link, far, ?1, ?2, ?2, sum({direction}) FROM {table} WHERE {column} >= ?3
                    GROUP BY link, far HAVING sum({direction}) > 0""",
                (direction, now, first),
            )
    for table, column, first in (
        ("slot", "k", first_k),
        ("echo", "k", first_k),
        ("day", "day", first_day),
        ("day_rates", "day", first_day),
        ("echo_day", "day", first_day),
    ):
        database.execute(f"DELETE FROM {table} WHERE {column} >= ?", (first,))
    cut_summaries(database, now)


def _cut_spans(database: Database, now: float) -> None:
    ahead = database.execute("SELECT DISTINCT subject FROM span WHERE since > ?1 OR until > ?1", (now,)).fetchall()
    told = [
        database.execute(
            """SELECT subject, state, source, until IS NULL OR until IN (SELECT since FROM absence) FROM span
               WHERE subject = ? ORDER BY since DESC, id DESC LIMIT 1""",
            number,
        ).fetchone()
        for number in ahead
    ]
    for number, state, source, goes_on in told:
        database.execute("DELETE FROM span WHERE subject = ? AND since >= ?", (number, now))
        database.execute("UPDATE span SET until = ?1 WHERE subject = ?2 AND until > ?1", (now, number))
        if goes_on:
            _start_span(database, number, state, now, source)


def _newest(database: Database, before: float = inf) -> float:
    """The latest instant before another that the store says anything of by itself."""
    found = database.execute(
        """SELECT max((SELECT ifnull(max(since), 0) FROM span WHERE since < ?1),
                      (SELECT ifnull(max(k), 0) FROM slot WHERE k * ?2 < ?1) * ?2,
                      (SELECT ifnull(max(unix), 0) FROM alive WHERE unix < ?1))""",
        (before, SLOT_S),
    ).fetchone()
    return float(found[0])


def _leap(database: Database) -> tuple[float, float, float]:
    """By how much the clock went ahead, where it would have been when it had done all of it at once, and until when it is
    doubted; zeros unless it did."""
    found: tuple[float, float, float] | None = database.execute("SELECT ahead, landed, doubted FROM clock").fetchone()
    return (0.0, 0.0, 0.0) if found is None else found


def _put_leap(database: Database, ahead_s: float, landed: float, doubted: float) -> None:
    database.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", (ahead_s, landed, doubted))


def _leapt(database: Database, since: float, now: float) -> None:
    """Between two signs of life nobody watched, or nothing was: which of both only a step back will tell."""
    ahead_s, landed, doubted = _leap(database)
    stands = ahead_s > 0 and since - landed <= _WRONG_S
    step_s = now - since
    _put_leap(database, ahead_s + step_s if stands else step_s, landed + step_s if stands else now, doubted)


def doubt_clock(database: Database, until: float) -> None:
    """No month is closed before `until`."""
    ahead_s, landed, doubted = _leap(database)
    _put_leap(database, ahead_s, landed, max(doubted, until))


def record_leap(database: Database, since: float, now: float) -> None:
    """The clock went ahead from `since` to `now` while netmon ran: nobody saw the time between. What is open goes on after
    it. Where the store holds later facts, for the clock had fallen behind them, the absence begins after those."""
    since = max(since, _newest(database, now))
    open_spans = database.execute(
        "SELECT p.id, subject, state, since, source, s.kind, s.name FROM span p JOIN subject s ON s.id = subject "
        "WHERE until IS NULL AND since < ?",
        (now,),
    ).fetchall()
    for identity, number, state, began, source, kind, name in open_spans:
        _close_span(database, identity, began, since)
        _start_span(database, number, state, now, source)
        database.told[Subject(kind, name)] = (state, now, source)
    database.execute("INSERT INTO absence (since, until, reason) VALUES (?, ?, ?)", (since, now, LEAPT))
    _leapt(database, since, now)
    heartbeat(database, now, clean=False)


def record_start(database: Database, unix: float) -> Absence | None:
    """Closes every open span at the last sign of life and records the absence since; None at the first start, or when the
    clock says that no time passed: then nothing was missed and spans go on. What lies after `unix` is taken back first."""
    cut_future(database, unix)
    found = database.execute("SELECT unix, clean FROM alive").fetchone()
    heartbeat(database, unix, clean=False)
    if found is None:
        return None
    # A state that began after the last heartbeat is a later sign of life.
    newest = database.execute("SELECT max(since) FROM span WHERE until IS NULL AND source = ?", (MEASURED,)).fetchone()[0]
    last = found[0] if newest is None else max(found[0], newest)
    if unix <= last:
        return None
    # A span that only just began keeps its row, of no length, so that its state survives.
    database.execute("UPDATE span SET until = max(since, ?) WHERE until IS NULL", (last,))
    database.told.clear()
    absence = Absence(last, unix, _REASONS[found[1]])
    database.execute("INSERT INTO absence (since, until, reason) VALUES (?, ?, ?)", absence)
    _leapt(database, last, unix)
    return absence
