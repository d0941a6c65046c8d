"""Verdicts: the current one of each target and subject, how they changed, and those of closed windows, frozen."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from netmon.model import Subject, Verdict, Window
from netmon.store.connections import Connections
from netmon.store.database import Database
from netmon.store.records import Frozen, dump_verdict, is_as_stated, load_verdict


class VerdictRow(NamedTuple):
    """A verdict as it is written; `body` is its canonical JSON."""

    target: str
    subject: Subject
    standing: str
    window_start: float
    window_end: float
    final: bool
    body: str


def verdict_row(verdict: Verdict) -> VerdictRow:
    """A verdict as it is written. TypeError, ValueError: evidence that is not JSON."""
    return VerdictRow(
        verdict.target,
        verdict.subject,
        verdict.standing.value,
        verdict.window.start,
        verdict.window.end,
        verdict.final,
        dump_verdict(verdict),
    )


def put_verdict(database: Database, row: VerdictRow, at: float) -> None:
    """Replaces the current verdict unless that is of a later window, freezes a final one, and keeps history of changes. A
    current one from after `at`, by a clock that was ahead, is replaced in any case."""
    key = (row.target, database.subject(*row.subject))
    values = (*key, at, row.standing, row.window_start, row.window_end, row.body)
    current = database.execute(
        "SELECT standing, window_start, at FROM verdict WHERE target = ? AND subject = ?", key
    ).fetchone()
    is_current = current is None or row.window_start >= current[1] or current[2] > at
    is_news = (
        _freeze(database, row, key, at) if row.final else is_current and (current is None or row.standing != current[0])
    )
    columns = "(target, subject, at, standing, window_start, window_end, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
    if is_current:
        database.execute(f"INSERT OR REPLACE INTO verdict {columns}", values)
    if is_news:
        database.execute(f"INSERT INTO verdict_history {columns}", values)


def drop_verdict(database: Database, target: str, subject: Subject) -> None:
    """Takes away the current verdict of a target on a subject that is judged no more; its history stays."""
    database.execute("DELETE FROM verdict WHERE target = ? AND subject = ?", (target, database.subject(*subject)))


def _freeze(database: Database, row: VerdictRow, key: tuple[str, int], at: float) -> bool:
    """Keeps a final verdict for good, a different one beside those before it; False when it says the same. One from after
    `at` was made before its time had come: it says nothing, and this one stands beside it."""
    window = (*key, row.window_start, row.window_end)
    digest = sha256(row.body.encode()).hexdigest()
    latest = database.execute(
        """SELECT revision, sha256, at FROM verdict_frozen
           WHERE target = ? AND subject = ? AND window_start = ? AND window_end = ? ORDER BY revision DESC LIMIT 1""",
        window,
    ).fetchone()
    if latest is not None and latest[1] == digest and latest[2] <= at:
        return False
    revision = 1 if latest is None else latest[0] + 1
    database.execute("INSERT INTO verdict_frozen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*window, revision, at, digest, row.body))
    return True


class VerdictReads(Connections):
    """Reads of verdicts."""

    def verdicts(self, target: str | None = None, kind: str | None = None) -> list[Verdict]:
        """The current verdicts, of a target and of a kind of subject if asked, by target and subject."""
        rows = self._rows(
            """SELECT body FROM verdict JOIN subject s ON s.id = subject
               WHERE (? IS NULL OR target = ?) AND (? IS NULL OR s.kind = ?) ORDER BY target, s.kind, s.name""",
            target, target, kind, kind,
        )  # fmt: skip
        return self._loaded(load_verdict, rows)

    def verdicts_in_brief(self) -> list[Verdict]:
        """The current verdicts with no evidence, those that were judged longest ago first."""
        rows = self._rows(
            """SELECT iif(json_valid(body), json_set(body, '$.evidence', json('{}')), body)
               FROM verdict JOIN subject s ON s.id = subject
               ORDER BY at, target, s.kind, s.name"""
        )
        return self._loaded(load_verdict, rows)

    def verdict(self, target: str, subject_id: str) -> Verdict | None:
        """The current verdict named target/subject."""
        rows = self._rows(
            "SELECT body FROM verdict JOIN subject s ON s.id = subject WHERE target = ? AND s.name = ? ORDER BY s.kind",
            target, subject_id,
        )  # fmt: skip
        return next(iter(self._loaded(load_verdict, rows[:1])), None)

    def history(self, target: str, subject_id: str) -> list[tuple[float, Verdict]]:
        """When its standing changed or its window closed, and to what, in order."""
        rows = self._rows(
            """SELECT at, body FROM verdict_history JOIN subject s ON s.id = subject
               WHERE target = ? AND s.name = ? ORDER BY at, verdict_history.id""",
            target, subject_id,
        )  # fmt: skip
        return self._loaded(_stated, rows)

    def frozen_windows(self, now: float) -> set[Window]:
        """The windows that have verdicts frozen by `now`: later ones are of a clock that was ahead."""
        rows = self._rows("SELECT DISTINCT window_start, window_end FROM verdict_frozen WHERE at <= ?", now)
        return {Window(*row) for row in rows}

    def first_evidence(self) -> float | None:
        """When the first state that the store knows of began; None for an empty store."""
        (row,) = self._rows("SELECT min(since) FROM span")
        return None if row[0] is None else float(row[0])

    def frozen(self, target: str | None = None, subject_id: str | None = None, window: Window | None = None) -> list[Frozen]:
        """Every revision of the verdicts of closed windows, or of one of them, by window and revision; none that is not
        what its hash says."""
        rows = self._rows(
            """SELECT body, revision, at, sha256 FROM verdict_frozen JOIN subject s ON s.id = subject
               WHERE (? IS NULL OR target = ?) AND (? IS NULL OR s.name = ?)
                 AND (? IS NULL OR (window_start = ? AND window_end = ?))
               ORDER BY target, s.kind, s.name, window_start, window_end, revision""",
            target, target, subject_id, subject_id, *((None, None, None) if window is None else (1, *window)),
        )  # fmt: skip
        return self._loaded(_frozen, rows)


def _stated(at: float, body: str) -> tuple[float, Verdict]:
    return at, load_verdict(body)


def _frozen(body: str, revision: int, at: float, digest: str) -> Frozen:
    if not is_as_stated(body, digest):
        raise ValueError("a frozen verdict is not what its hash says")
    return Frozen(load_verdict(body), revision, at, digest, body)
