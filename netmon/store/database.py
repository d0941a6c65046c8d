"""The writing connection, and what is remembered of the file behind it."""

from __future__ import annotations

import sqlite3

from netmon.model import Subject


class Database:
    """The writing connection with the numbers of the subjects and gauges that it has met, and the slots that were there
    already."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._gauges: dict[tuple[tuple[str, str], str, str], int] = {}
        self.told: dict[Subject, tuple[str, float, int]] = {}
        """The open spans that were written through here: state, start, source. A file that is rebuilt gets them back."""
        self.ignored_slots = 0
        self._ignored_before = 0
        self.take(connection)

    def take(self, connection: sqlite3.Connection) -> None:
        """Goes on with this connection: the file is another one."""
        self._connection = connection
        self.closed = False
        self._numbers.clear()
        self._gauges.clear()
        self.execute = connection.execute
        self.executemany = connection.executemany

    def subject(self, kind: str, name: str) -> int:
        """The number of a subject, given on first sight."""
        number = self._numbers.get((kind, name))
        if number is None:
            self.execute("INSERT INTO subject (kind, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (kind, name))
            found = self.execute("SELECT id FROM subject WHERE kind = ? AND name = ?", (kind, name)).fetchone()
            number = self._numbers[kind, name] = int(found[0])
        return number

    def gauge(self, subject: tuple[str, str], figure: str, part: str) -> int:
        """The number of a part of a figure of a subject, given on first sight."""
        number = self._gauges.get((subject, figure, part))
        if number is None:
            key = (self.subject(*subject), figure, part)
            self.execute("INSERT INTO gauge (subject, figure, part) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key)
            found = self.execute("SELECT id FROM gauge WHERE subject = ? AND figure = ? AND part = ?", key).fetchone()
            number = self._gauges[subject, figure, part] = int(found[0])
        return number

    def forget_gauges(self) -> None:
        """Some were deleted: their numbers may be given again."""
        self._gauges.clear()

    def begin(self) -> None:
        self._ignored_before = self.ignored_slots
        self.execute("BEGIN IMMEDIATE")

    def rollback(self) -> None:
        """Undoes all since `begin`, also what is remembered here."""
        self._numbers.clear()
        self._gauges.clear()
        self.ignored_slots = self._ignored_before
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def shorten_journal(self) -> bool:
        """Folds the journal into the file as far as readers let it; whether it can begin anew then."""
        _, held, folded = self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(held == folded)

    def close(self) -> None:
        self.closed = True
        self._connection.close()
