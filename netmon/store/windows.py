"""The log of declared windows: who said what of a storm or of works, and how the window stood from then on. A line of it is
never changed, and how a window stands is what its last line says."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from netmon.model import Declared, Subject, WindowChange, WindowKind
from netmon.store.connections import Connections
from netmon.store.database import Database

FORGOTTEN = """at < ?1 AND "window" NOT IN (SELECT "window" FROM window_change WHERE at >= ?1)"""
"""The lines that retention takes: of windows of which nothing was said since. A window goes whole."""

ChangeRow = tuple[float, str, str, str, str, str]
"""A line as it is written: at, verb, author, note, the window's id, and the window as JSON."""


def change_row(change: WindowChange) -> ChangeRow:
    """The line of a change. ValueError: an instant that is no finite number."""
    return (change.at, change.verb, change.author, change.note, change.window.id, dump_window(change.window))


def add_change(database: Database, row: ChangeRow) -> None:
    """Appends a line to the log."""
    database.execute('INSERT INTO window_change (at, verb, author, note, "window", body) VALUES (?, ?, ?, ?, ?, ?)', row)


def dump_window(window: Declared) -> str:
    """A window as JSON; a subject is [kind, id], a commune that is back, or joined, [code, instant]."""
    return json.dumps(asdict(window), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_window(body: str) -> Declared:
    """What `dump_window` wrote."""
    told: dict[str, Any] = json.loads(body)
    return Declared(
        **told
        | {
            "kind": WindowKind(told["kind"]),
            "areas": tuple(told["areas"]),
            "subjects": tuple(Subject(*subject) for subject in told["subjects"]),
            "back": tuple((code, since) for code, since in told["back"]),
            "joined": tuple((code, since) for code, since in told.get("joined", ())),
        }
    )


class WindowReads(Connections):
    """Reads of declared windows."""

    def windows(self, ends_after: float = 0.0) -> list[Declared]:
        """The declared windows as they stand, also those that are over, the one that started first first; only those that
        were declared to end after an instant, if asked."""
        rows = self._rows(
            """SELECT body FROM window_change WHERE id IN (SELECT max(id) FROM window_change GROUP BY "window")
               AND CASE WHEN json_valid(body) THEN json_extract(body, '$.until') > ? ELSE 1 END""",
            ends_after,
        )
        return sorted(self._loaded(load_window, rows), key=lambda window: (window.start, window.id))

    def window_log(
        self, window: str | None = None, since: float = 0.0, most: int = 1000, kind: WindowKind | None = None
    ) -> list[WindowChange]:
        """The last lines of the log since then, of a window or a kind if asked, in the order in which they were written."""
        rows = self._rows(
            """SELECT at, verb, author, note, body FROM window_change
               WHERE (?1 IS NULL OR "window" = ?1) AND at >= ?2
                 AND (?3 IS NULL OR CASE WHEN json_valid(body) THEN json_extract(body, '$.kind') = ?3 ELSE 1 END)
               ORDER BY id DESC LIMIT ?4""",
            window, since, kind, most,
        )  # fmt: skip
        return self._loaded(_change, reversed(rows))


def _change(at: float, verb: str, author: str, note: str, body: str) -> WindowChange:
    return WindowChange(at, verb, author, note, load_window(body))
