"""What has to be put right in a store of which only a part could be saved, so that nothing false follows from what it lacks.

Rows whose subject has no name any more go; a counter reading that is older than slots which rest on a later one goes, lest
octets be counted twice; an outage that is lost is made anew from the states; states that netmon still knows go on. The
newest revision of a frozen verdict comes back from the history; a window whose last line may be lost ends. What a start
finds damaged after netmon was killed may hold pages of different moments: the last hours before are unseen then.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

import structlog

from netmon.model import SLOT_S, DeviceState, LinkState, Service, Subject, WindowChange
from netmon.store import facts
from netmon.store.database import Database
from netmon.store.days import day_of_slot
from netmon.store.losses import REASON
from netmon.store.records import dump_verdict, load_baseline, load_verdict
from netmon.store.salvage import Lost, restore_names
from netmon.store.windows import add_change, change_row, load_window

log = structlog.get_logger(__name__)

DOUBTED_S = 3 * 3600.0
"""No commit that was folded into the file is further from the last one than this: a heartbeat every ten seconds alone fills
the 1,000 pages of journal after which SQLite folds them in, as long as no reader holds it up."""

_ENDED = "the store was damaged, and its last lines may be lost"

EVIDENCE = "made anew from its states: the store was damaged"

_OF_SUBJECTS = (
    *((table, "link") for table in ("slot", "baseline", "day", "day_rates", "unplaced", "gap", "echo", "echo_day")),
    *((table, "subject") for table in ("span", "outage", "verdict", "verdict_history", "verdict_frozen", "gauge")),
    *((table, "device") for table in ("notice", "request_size", "speed_test")),
    ("port_speed", "link"),
    ("speed_test", "site"),
)

_LOST = (DeviceState.DOWN, DeviceState.UNREACHABLE, LinkState.DOWN, Service.ISOLATED, Service.UNREACHABLE)


def mend(
    database: Database, lost: dict[str, Lost], told: Mapping[Subject, tuple[str, float, int]] | None, at: float
) -> None:
    """Puts right, at the instant `at`, what `lost` made wrong, and adds to it what has to go besides. `told` are the open
    spans that a running netmon knows; None at a start."""
    _drop_nameless(database, lost)
    _drop_stale_baselines(database)
    if told is None:
        _doubt(database)
    for subject, span in (told or {}).items():
        facts.resume_span(database, subject, *span)
    if "outage" in lost:
        _make_outages(database)
    if "verdict_frozen" in lost:
        _restore_frozen(database)
    if "window_change" in lost:
        _end_windows(database, at)


def _drop_nameless(database: Database, lost: dict[str, Lost]) -> None:
    if "subject" in lost:
        restore_names(database)
        for table, column in _OF_SUBJECTS:
            _drop(database, lost, table, f"{column} NOT IN (SELECT id FROM subject)")
    if "gauge" in lost or "subject" in lost:
        for table in ("summary", "summary_day"):
            _drop(database, lost, table, "gauge NOT IN (SELECT id FROM gauge)")
    if "day" in lost:  # a day's rates without its sums would be a day that can be packed again
        _drop(database, lost, "day_rates", "(day, link, far) NOT IN (SELECT day, link, far FROM day)")


def _drop(database: Database, lost: dict[str, Lost], table: str, condition: str) -> None:
    gone = database.execute(f"DELETE FROM {table} WHERE {condition}").rowcount
    if gone:
        lost.setdefault(table, Lost()).rows += gone


def _drop_stale_baselines(database: Database) -> None:
    newest = {tuple(who): k for *who, k in database.execute("SELECT link, far, max(k) FROM slot GROUP BY link, far")}
    stands = database.execute(
        "SELECT link, far, body FROM baseline WHERE id IN (SELECT max(id) FROM baseline GROUP BY link, far)"
    ).fetchall()
    for link, far, body in stands:
        stand = load_baseline(body)
        read = max((point.unix for point in (stand.receive, stand.transmit) if point is not None), default=None)
        last = newest.get((link, far))
        if read is None or (
            (last is None or last * SLOT_S <= read)
            and not any(_is_closed(database, (link, far), slot.k) for slot in stand.open)
        ):
            continue
        database.execute("DELETE FROM baseline WHERE link = ? AND far = ?", (link, far))
        until = max(read, (last + 1) * float(SLOT_S)) if last is not None else read
        database.executemany(
            "INSERT INTO gap (link, far, direction, since, until, reason) VALUES (?, ?, ?, ?, ?, ?)",
            [(link, far, direction, read, until, REASON) for direction in ("receive", "transmit")],
        )


def _is_closed(database: Database, who: tuple[int, int], k: int) -> bool:
    there = database.execute(
        """SELECT EXISTS (SELECT 1 FROM slot WHERE k = ?3 AND link = ?1 AND far = ?2)
               OR EXISTS (SELECT 1 FROM day WHERE day = ?4 AND link = ?1 AND far = ?2)""",
        (*who, k, day_of_slot(k)),
    ).fetchone()
    return bool(there[0])


def _doubt(database: Database) -> None:
    """Unless netmon said goodbye, nothing is said of the last hours: an absence begins there (`record_start` ends it)."""
    found = database.execute("SELECT unix, clean FROM alive").fetchone()
    if found is not None and found[1] == facts.STOPPED:
        return
    last = found[0] if found is not None else None
    if last is None:
        last = database.execute(
            "SELECT max((SELECT ifnull(max(since), 0) FROM span), (SELECT ifnull(max(k) + 1, 0) FROM slot) * ?)", (SLOT_S,)
        ).fetchone()[0]
    since = max(0.0, last - DOUBTED_S)
    database.execute("DELETE FROM span WHERE since > ?", (since,))
    database.execute("UPDATE span SET until = max(since, ?1) WHERE until IS NULL OR until > ?1", (since,))
    database.execute("INSERT OR REPLACE INTO alive (id, unix, clean) VALUES (1, ?, ?)", (since, facts.DAMAGED))


def _make_outages(database: Database) -> None:
    states = json.dumps(sorted({str(state) for state in _LOST}))
    database.execute(
        """INSERT OR IGNORE INTO outage (subject, state, since, until, cause, evidence)
           SELECT p.subject, p.state, p.since, p.until, '', ?2 FROM span p JOIN subject s ON s.id = p.subject
           WHERE s.kind IN ('device', 'link', 'site') AND p.state IN (SELECT value FROM json_each(?1))
             AND (p.until IS NULL OR p.until > p.since)
             AND NOT EXISTS (SELECT 1 FROM outage o WHERE o.subject = p.subject
                             AND o.since < coalesce(p.until, 9e99) AND coalesce(o.until, 9e99) > p.since)""",
        (states, EVIDENCE),
    )


def _restore_frozen(database: Database) -> None:
    """Each frozen verdict stands a second time in the history, in the order of its revisions. Where its newest revision is
    lost and an older one is left, that would speak, and the month would not be judged again: then it is taken from there,
    if it is what was written as far as can be told. What is lost whole says nothing false."""
    there: dict[tuple[object, ...], dict[float, int]] = defaultdict(dict)
    for *window, at, revision in database.execute(
        "SELECT target, subject, window_start, window_end, at, revision FROM verdict_frozen"
    ):
        there[*window][at] = revision
    place: dict[tuple[object, ...], int] = defaultdict(int)
    for *window, at, standing, body, kind, name in database.execute(
        """SELECT target, subject, window_start, window_end, at, standing, body, s.kind, s.name
           FROM verdict_history h JOIN subject s ON s.id = h.subject WHERE json_extract(body, '$.final') ORDER BY h.id"""
    ).fetchall():
        revisions = there.get((*window,), {})
        place[*window] = revisions.get(at, place[*window] + 1)
        told = load_verdict(body)
        if (
            revisions
            and place[*window] > max(revisions.values())
            and (
                (told.target, *told.window, told.standing.value, told.subject, dump_verdict(told))
                == (window[0], *window[2:], standing, (kind, name), body)
            )
        ):
            revisions[at] = place[*window]
            row = (*window, revisions[at], at, sha256(body.encode()).hexdigest(), body)
            database.execute("INSERT INTO verdict_frozen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _end_windows(database: Database, at: float) -> None:
    """The last line of a window may be lost, and what it was before would hold again: so a window that is not over ends
    where its last line that is left was written, lest it excuse what nobody declared."""
    for said, body in database.execute(
        """SELECT at, body FROM window_change WHERE id IN (SELECT max(id) FROM window_change GROUP BY "window")"""
    ).fetchall():
        window = load_window(body)
        if window.closed is None:
            ended = said if window.ended is None else min(window.ended, said)
            over = replace(window, ended=ended, closed=said)
            add_change(database, change_row(WindowChange(at, "close", "netmon", _ENDED, over)))
            log.error("a declared window may have been changed in what is lost, it is ended", window=window.id, ended=ended)
