"""The connections of whoever reads a store: one a thread, none of which can write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netmon.store.schema import StoreError, connect_reader


class Connections:
    """The connections to one store, made as threads ask for them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Closes the connections of all threads; nothing may be reading."""
        with self._guard:
            self._closed = True
            while self._all:
                self._all.pop().close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None or self._closed:
            with self._guard:
                if self._closed:
                    raise StoreError("the store is closed")
                connection = self._mine.connection = connect_reader(self._path)
                self._all.append(connection)
        return connection

    def _rows(self, statement: str, *values: object) -> list[Any]:
        return self._connection().execute(statement, values).fetchall()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one moment: a day may be packed between two of them."""
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")
