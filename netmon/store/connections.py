"""The connections of whoever reads a store: one a thread, none of which can write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from netmon.store.schema import StoreError, connect_reader, is_damage

NOT_LOADED = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What loading a row raises that is none."""

_AT_ONCE = 256

log = structlog.get_logger(__name__)

T = TypeVar("T")


class _Watched(sqlite3.Connection):
    """A connection that notes what goes wrong with its reads."""

    def __init__(self, *how: Any, noting: Callable[[BaseException], None], **named: Any) -> None:
        super().__init__(*how, **named)
        self.noting = noting

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(_Cursor if factory is None else factory)

    def execute(self, *what: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor()  # sqlite3's own shortcut makes one that notes nothing
        with self.noted():
            return cursor.execute(*what)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes an error, and lets it go on."""
        try:
            yield
        except sqlite3.Error as error:
            self.noting(error)
            raise


class _Cursor(sqlite3.Cursor):
    """Rows of such a connection."""

    connection: _Watched

    def fetchone(self) -> Any:
        with self.connection.noted():
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with self.connection.noted():
            return super().fetchall()

    def __iter__(self) -> Any:
        while rows := self._some():
            yield from rows

    def _some(self) -> list[Any]:
        with self.connection.noted():
            return self.fetchmany(_AT_ONCE)


class Connections:
    """The connections to one store, made as threads ask for them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._generation = 0
        self._on_damage: Callable[[str], None] = lambda why: None
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    def watch(self, on_damage: Callable[[str], None]) -> None:
        """Calls this, from any thread, when a read finds the file damaged."""
        self._on_damage = on_damage

    def renew(self) -> None:
        """The file is another one: whoever reads next opens that."""
        with self._guard:
            self._generation += 1

    def close(self) -> None:
        """Closes the connections of all threads; nothing may be reading."""
        with self._guard:
            self._closed = True
            while self._all:
                self._all.pop().close()

    def _connection(self) -> sqlite3.Connection:
        generation, connection = getattr(self._mine, "held", (-1, None))
        if connection is None or generation != self._generation or self._closed:
            with self._guard:
                if self._closed:
                    raise StoreError("the store is closed")
                if connection is not None:
                    self._all.remove(connection)
                    connection.close()
                    self._mine.held = (-1, None)
                generation, connection = self._generation, self._connect()
                self._mine.held = generation, connection
                self._all.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect_reader(self._path, factory=partial(_Watched, noting=self._note))
        except StoreError as error:
            self._note(error.__cause__)
            raise

    def _note(self, error: BaseException | None) -> None:
        if is_damage(error):
            self._on_damage(str(error))

    def _rows(self, statement: str, *values: object) -> list[Any]:
        return self._connection().execute(statement, values).fetchall()

    def _loaded(self, load: Callable[..., T], rows: Iterable[Any]) -> list[T]:
        """What is made of rows. One of which nothing can be made is left out and logged, and the file is damaged."""
        found = []
        for row in rows:
            try:
                found.append(load(*row))
            except NOT_LOADED as error:
                why = f"{load.__name__.strip('_')}: a row is not what was written: {error}"
                log.error("a row of the store cannot be read, it is left out", store=str(self._path), why=why)
                self._on_damage(why)
        return found

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one moment: a day may be packed between two of them."""
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            yield connection
        except BaseException:
            with suppress(sqlite3.Error):  # of a damaged file not even this is done
                connection.execute("COMMIT")
            raise
        connection.execute("COMMIT")
