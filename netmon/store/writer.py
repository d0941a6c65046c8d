"""The one thread that writes: a queue, a commit a second, and patience with a disk that will not.

`put` only appends to a queue, so a poll never waits for a disk. A commit takes everything that waits, in order; if it
fails for the disk's sake (full, locked, I/O error) nothing of it is applied, the writes stay queued and are tried again
after waits of 0.25 s doubling to 10 s. At most BACKLOG writes wait: then the oldest are dropped, counted and logged, for
the newest states and counter readings are the ones that must survive; what is left of them (netmon.store.losses) is
written first when the disk takes writes again. What people wrote, outages and verdicts are not dropped before twice as many
wait. Where a commit or a read finds the file damaged, it is set aside and rebuilt (netmon.store.damage) while writes wait.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog

from netmon.model import Meter
from netmon.store.database import Database
from netmon.store.held import Held
from netmon.store.schema import StoreError, is_damage, sync

if TYPE_CHECKING:
    from netmon.store.losses import Losses

COMMIT_S = 1.0
"""Seconds between commits."""

BACKLOG = 50_000
"""Writes that may wait: some 50 MB, about 45 minutes of 5,250 links on a disk that takes nothing."""

JOURNAL_TOLD, JOURNAL_MOST = 256 * 2**20, 2 * 2**30
"""Bytes of the journal (`-wal`): while somebody reads for hours it cannot be shortened. From the first on that is told, at
the second writes wait, as on a full disk."""

_BATCH = 10_000
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 10.0

log = structlog.get_logger(__name__)

T = TypeVar("T")


Write = Callable[[Database], None]
"""Something to be written, whole or not at all. It may run more than once if its commit fails."""

Condense = Callable[["Losses", int], None]
"""What is left of a write that is dropped, the number of which is its place in the order."""

Rebuild = Callable[[str, Database, bool], sqlite3.Connection]
"""Sets a damaged file aside and rebuilds it, for this reason; whether it was taken away, so that the connection still holds
it. The connection to the new one. StoreError, OSError, sqlite3.Error: not now."""

Chore = Callable[[Database], bool]
"""Housekeeping in steps, a transaction each, when nothing else waits; True while there is more to do."""


def nothing(losses: Losses, order: int) -> None:
    """Of this write nothing is left when it is dropped, and nothing false is said without it."""


class _Waiting(NamedTuple):
    """A write that waits: its place in the order, since when (monotonic), and what is left of it when it is dropped; None:
    it is kept."""

    order: int
    since: float
    write: Write
    condense: Condense | None


class Writer:
    """Owns the connection. Every method may be called from any thread and none but `flush`, `ask` and `close` wait.

    `path` is the file's; `losses` makes what gathers the dropped writes.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        meter: Meter,
        *,
        path: Path,
        losses: Callable[[], Losses],
        rebuild: Rebuild,
    ) -> None:
        self._database = Database(connection)
        self._meter = meter
        self._path = path
        self._held = Held(path)
        self._make_losses = losses
        self._rebuild = rebuild
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._taken: list[_Waiting] = []
        self._chores: deque[Chore] = deque()
        self._put = 0
        self._synced = 0
        self._losses = losses()
        self._dropped = 0  # since the last commit
        self._room_at = 0  # with so many that wait room is made again: of those before, none may be dropped
        self._kept_dropped = 0
        self._damage = ""
        self._long_journal = False
        self._flushing = 0
        self._closing = False
        self._ended = False
        self._deadline = 0.0
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="netmon-store", daemon=True)
        self._thread.start()

    def put(self, write: Write, condense: Condense | None = None) -> None:
        """Queues a write and returns; `condense` unless it is to be kept. StoreError: the store is closed, or its writer has
        died of a bug."""
        with self._changed:
            self._require_running()
            # What a commit has in hand may come back, and is older than what waits: so that goes first, if it can.
            most = 2 * BACKLOG if self._taken else max(BACKLOG, self._room_at)
            if len(self._queue) + len(self._taken) >= most:
                self._make_room()
            self._put += 1
            self._queue.append(_Waiting(self._put, time.monotonic(), write, condense))
            if len(self._queue) == 1:
                self._changed.notify_all()

    def _make_room(self) -> None:
        """Drops the oldest that may be dropped; when nothing may and twice as many wait, the oldest at all."""
        if not self._dropped:
            log.error("the store's backlog is full, the oldest writes are dropped", backlog=BACKLOG)
        before = len(self._queue)
        most = max(1, BACKLOG // 100, before - BACKLOG + 1)
        kept: list[_Waiting] = []
        while self._queue and before - len(self._queue) - len(kept) < most:
            waiting = self._queue.popleft()
            if waiting.condense is None:
                kept.append(waiting)
            else:
                waiting.condense(self._losses, waiting.order)
        self._queue.extendleft(reversed(kept))
        if len(self._queue) >= 2 * BACKLOG:
            for _ in range(most):
                self._queue.popleft()
            self._losses.lose_sight()
            self._kept_dropped += most
        self._room_at = len(self._queue) + BACKLOG // 100
        dropped = before - len(self._queue)
        self._losses.writes += dropped
        self._dropped += dropped
        if dropped:
            self._meter.count("netmon_store_dropped_writes_total", dropped)

    def suspect(self, why: str) -> None:
        """A read found the file damaged: it is set aside and rebuilt."""
        with self._changed:
            if not self._damage:
                self._damage = why
            self._changed.notify_all()

    def oldest_s(self) -> float:
        """How long the oldest write has waited; 0 when none waits."""
        with self._changed:
            first = self._taken[:1] or ([self._queue[0]] if self._queue else [])
            return time.monotonic() - first[0].since if first else 0.0

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
        """Waits until all that was queued before is committed and on the disk, power cut or not, and, unless told otherwise,
        no housekeeping is left. TimeoutError: not in time. StoreError: it was dropped."""
        with self._changed:
            self._require_running()
            target, dropped = self._put, self._kept_dropped
            self._flushing += 1
            self._changed.notify_all()
            try:
                done = self._changed.wait_for(
                    lambda: (self._synced >= target and not (housekeeping and self._chores)) or self._ended, timeout_s
                )
            finally:
                self._flushing -= 1
            if not done:
                raise TimeoutError(f"the store has not committed within {timeout_s} s")
            if self._synced < target:
                raise StoreError("the store's writer ended before it had written everything")
            if self._kept_dropped > dropped:
                raise StoreError("the store has taken nothing for so long that writes were lost")

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
            self._changed.wait_for(lambda: self._something_to_do() or self._closing)
            # While commits fail only closing shortens the wait: a flush must not turn patience into a busy loop.
            self._changed.wait_for(
                lambda: self._closing or (self._flushing > 0 and not self._failures), not_before - time.monotonic()
            )
            if not self._closing:
                return True
            if self._failures:
                left = self._deadline - time.monotonic()
                self._changed.wait(max(0.0, min(left, _FIRST_WAIT_S)))
                return bool(self._queue or self._losses.writes) and left > 0
            return bool(self._queue or self._losses.writes)

    def _something_to_do(self) -> bool:
        return bool(self._queue or self._chores or self._damage or (self._flushing and self._synced < self._put))

    def _step(self) -> bool:
        """One commit of what waits, and a step of housekeeping when nothing does. False: the disk would not."""
        with self._changed:
            # What is left of dropped writes goes first: nothing may be dropped into it while it is in hand.
            losses, self._losses = self._losses, self._make_losses()
            self._taken = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        writes = [waiting.write for waiting in self._taken]
        done = self._sound() and (
            not (writes or losses.writes or self._failures)
            or self._commit([losses.make_good, *writes] if losses.writes else writes)
        )
        with self._changed:
            if not done:
                self._queue.extendleft(reversed(self._taken))
                self._losses = losses.joined(self._losses)
            self._taken = []
            chore = self._chores[0] if done and self._chores and not self._queue else None
        if chore is not None:
            more: list[bool] = []
            done = self._commit([lambda database: more.append(chore(database))])
            with self._changed:
                if done and not (more and more[-1]) and self._chores:
                    self._chores.popleft()
        self._meter.gauge("netmon_store_backlog", len(self._queue))
        self._meter.gauge("netmon_store_oldest_write_seconds", self.oldest_s())
        return done and self._tell()

    def _tell(self) -> bool:
        """Whoever waits is told that all before is on the disk, once it is. False: the disk would not."""
        with self._changed:
            written, waited_for = (self._queue[0].order - 1 if self._queue else self._put), self._flushing > 0
        if waited_for and written > self._synced:
            try:
                if taken := self._held.taken():
                    raise OSError(taken)
                _sync(self._held.journal)
            except OSError as error:
                self._fail(error, 0)
                return False
            self._synced = written
        with self._changed:
            self._changed.notify_all()
        return True

    def _sound(self) -> bool:
        """Rebuilds the file where it was found damaged or taken away. False: that cannot be done now, or the journal is too
        long."""
        try:
            # A rebuild that failed may have closed the file, and with that its journal went.
            if (taken := "" if self._database.closed else self._held.taken()) or self._damage:
                self._database.take(self._rebuild(taken or self._damage, self._database, bool(taken)))
                self._held = Held(self._path)
                self._damage = ""
            size, shorter = self._held.journal_size()
            if size < JOURNAL_TOLD and not shorter:
                self._long_journal = False
                return True
            if self._database.shorten_journal():  # where it was cut, what is to be folded is missing
                return True
        except (sqlite3.Error, OSError, StoreError) as error:
            if is_damage(error) and not self._damage:
                self._damage = str(error)
            self._fail(error, len(self._taken))
            return False
        if size < JOURNAL_TOLD:
            return True
        if not self._long_journal:
            self._long_journal = True
            log.warning("somebody has been reading the store for long: its journal cannot be shortened", bytes=size)
        if size < JOURNAL_MOST:
            return True
        self._fail(StoreError("the journal is as long as it may be, and somebody still reads"), len(self._taken))
        return False

    def _fail(self, error: Exception, writes: int) -> None:
        self._meter.count("netmon_store_failures_total")
        self._failures += 1
        if self._failures == 1:
            log.error("the store cannot commit, writes wait", error=str(error), writes=writes)

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
                damaged = is_damage(error)
                try:
                    self._database.rollback()
                except sqlite3.Error:
                    damaged = True
                if damaged and not self._damage:
                    self._damage = str(error)
                if damaged or current is None or not _is_the_writes_own(error):
                    self._fail(error, len(batch))
                    return False
                self._meter.count("netmon_store_failures_total")
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


def _sync(journal: Path) -> None:
    """Makes what was committed outlast a power cut: it is in the journal, or in the file, which SQLite synced before it
    began the journal anew. OSError: the disk will not."""
    for path in (journal, journal.parent):
        sync(path)
