"""The one thread that writes: a queue, a commit a second, and patience with a disk that will not.

`put` only appends to a queue, so a poll never waits for a disk. A commit takes everything that waits, in order; if it
fails for the disk's sake (full, locked, I/O error) nothing of it is applied, the writes stay queued and are tried again
after waits of 0.25 s doubling to 10 s. At most BACKLOG writes wait: then the oldest are dropped and logged, for
the newest states and counter readings are the ones that must survive.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TypeVar

import structlog

from netmon.model import Meter
from netmon.store.schema import StoreError

COMMIT_S = 1.0
"""Seconds between commits."""

BACKLOG = 50_000
"""Writes that may wait: some 50 MB, about 45 minutes of 5,250 links on a disk that takes nothing."""

_BATCH = 10_000
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 10.0

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Database:
    """The writing connection with the numbers of the subjects and gauges that it has met, and the slots that were there
    already."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[tuple[str, str], int] = {}
        self._gauges: dict[tuple[tuple[str, str], str, str], int] = {}
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.ignored_slots = 0
        self._ignored_before = 0

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

    def close(self) -> None:
        self._connection.close()


Write = Callable[[Database], None]
"""Something to be written, whole or not at all. It may run more than once if its commit fails."""

Chore = Callable[[Database], bool]
"""Housekeeping in steps, a transaction each, when nothing else waits; True while there is more to do."""


class Writer:
    """Owns the connection. Every method may be called from any thread and none but `flush`, `ask` and `close` wait."""

    def __init__(self, connection: sqlite3.Connection, meter: Meter) -> None:
        self._database = Database(connection)
        self._meter = meter
        self._changed = threading.Condition()
        self._queue: deque[Write] = deque()
        self._chores: deque[Chore] = deque()
        self._put = 0
        self._settled = 0
        self._dropped = 0
        self._flushing = 0
        self._closing = False
        self._ended = False
        self._deadline = 0.0
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="netmon-store", daemon=True)
        self._thread.start()

    def put(self, write: Write) -> None:
        """Queues a write and returns. StoreError: the store is closed, or its writer has died of a bug."""
        with self._changed:
            self._require_running()
            if len(self._queue) >= BACKLOG:
                if not self._dropped:
                    log.error("the store's backlog is full, the oldest writes are dropped", backlog=BACKLOG)
                self._queue.popleft()
                self._dropped += 1
                self._settled += 1
            self._queue.append(write)
            self._put += 1
            if len(self._queue) == 1:
                self._changed.notify_all()

    @property
    def ignored_slots(self) -> int:
        return self._database.ignored_slots

    def add_chore(self, chore: Chore) -> None:
        """Queues housekeeping. What is left of it when the store closes is dropped: it must be safe to begin again."""
        with self._changed:
            self._require_running()
            self._chores.append(chore)
            self._changed.notify_all()

    def flush(self, timeout_s: float | None = None, *, housekeeping: bool = True) -> None:
        """Waits until all that was queued before is committed and, unless told otherwise, no housekeeping is left.
        TimeoutError: not in time."""
        with self._changed:
            self._require_running()
            target = self._put
            self._flushing += 1
            self._changed.notify_all()
            try:
                done = self._changed.wait_for(
                    lambda: (self._settled >= target and not (housekeeping and self._chores)) or self._ended, timeout_s
                )
            finally:
                self._flushing -= 1
            if not done:
                raise TimeoutError(f"the store has not committed within {timeout_s} s")
            if self._settled < target:
                raise StoreError("the store's writer ended before it had written everything")

    def ask(self, write: Callable[[Database], T], timeout_s: float = 30.0) -> T:
        """Writes, waits for the commit and gives back what the write said. TimeoutError: no commit in time."""
        answers: list[T] = []
        self.put(lambda database: answers.append(write(database)))
        self.flush(timeout_s)
        if not answers:
            raise StoreError("the store refused a write; the log says why")
        return answers[-1]

    def close(self, timeout_s: float = 3.0) -> None:
        """Commits what waits, trying for `timeout_s`, and ends the thread; what could not be written is logged."""
        with self._changed:
            if not self._closing:
                self._closing = True
                self._deadline = time.monotonic() + timeout_s
                self._chores.clear()
                self._changed.notify_all()
        self._thread.join()

    def _require_running(self) -> None:
        if self._closing:
            raise StoreError("the store is closed")
        if self._ended:
            raise StoreError("the store's writer has died, nothing is written any more")

    def _run(self) -> None:
        try:
            next_commit = 0.0
            while self._wait_for_work(next_commit):
                next_commit = time.monotonic() + (COMMIT_S if self._step() else self._patience())
            if self._queue:
                log.error("the store closes without having written everything", lost=len(self._queue))
        finally:
            self._database.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _wait_for_work(self, not_before: float) -> bool:
        """Waits for something to write and for its time; False when the thread shall end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._chores or self._closing)
            # While commits fail only closing shortens the wait: a flush must not turn patience into a busy loop.
            self._changed.wait_for(
                lambda: self._closing or (self._flushing > 0 and not self._failures), not_before - time.monotonic()
            )
            if not self._closing:
                return True
            if self._failures:
                left = self._deadline - time.monotonic()
                self._changed.wait(max(0.0, min(left, _FIRST_WAIT_S)))
                return bool(self._queue) and left > 0
            return bool(self._queue)

    def _step(self) -> bool:
        """One commit of what waits, and a step of housekeeping when nothing does. False: the disk would not."""
        with self._changed:
            batch = list(islice(self._queue, _BATCH))
            for _ in batch:
                self._queue.popleft()
        if batch and not self._commit(batch):
            with self._changed:
                self._queue.extendleft(reversed(batch))
            self._meter.gauge("netmon_store_backlog", len(self._queue))
            return False
        with self._changed:
            self._settled += len(batch)
            chore = self._chores[0] if self._chores and not self._queue else None
        if chore is not None:
            more: list[bool] = []
            if not self._commit([lambda database: more.append(chore(database))]):
                return False
            with self._changed:
                if not (more and more[-1]) and self._chores:
                    self._chores.popleft()
        self._meter.gauge("netmon_store_backlog", len(self._queue))
        with self._changed:
            self._changed.notify_all()
        return True

    def _commit(self, batch: list[Write]) -> bool:
        """One transaction of all. A write that can never succeed is left out and said so; False: try again later."""
        sound = list(batch)
        while True:
            current: Write | None = None
            try:
                self._database.begin()
                for current in sound:
                    current(self._database)
                current = None
                self._database.execute("COMMIT")
            except (sqlite3.Error, OverflowError, ValueError) as error:  # ValueError: text that is no UTF-8
                self._database.rollback()
                self._meter.count("netmon_store_failures_total")
                if current is None or not _is_the_writes_own(error):
                    self._failures += 1
                    if self._failures == 1:
                        log.error("the store cannot commit, writes wait", error=str(error), writes=len(batch))
                    return False
                sound.remove(current)
                log.exception("the store left out a write that it cannot take", write=repr(current))
            else:
                break
        self._meter.count("netmon_store_commits_total")
        if self._failures or self._dropped:
            with self._changed:
                dropped, self._dropped = self._dropped, 0
            log.warning("the store commits again", failures=self._failures, dropped=dropped)
            self._failures = 0
        return True

    def _patience(self) -> float:
        """Seconds until the next try."""
        return float(min(_FIRST_WAIT_S * 2 ** min(self._failures - 1, 10), _LONGEST_WAIT_S))


def _is_the_writes_own(error: sqlite3.Error | OverflowError | ValueError) -> bool:
    """Whether a write failed by what it is, not by the state of the disk: then trying again cannot help."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
