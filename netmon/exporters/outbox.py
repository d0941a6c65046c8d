"""What waits for a receiver, on disk: one file a batch, oldest first, bounded, and it outlives netmon.

    00000000000000000042-5000.block     batch 42 with 5,000 points
    00000000000000000042-5000.damaged   the same, but not as it was written: set aside, never sent
    lock                                held (flock) by the netmon that owns the directory

A block is a header (magic, version, points, length, CRC-32 of all of it) and its lines. It is written under another name,
synced and renamed, so that after `kill -9` or a power cut it is there whole or not at all. A block under a name that it was
not given is damaged, too; other files are nobody's business. A directory that was removed under netmon is made anew by the
next write. Everything here blocks on the disk and is for one thread at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
import zlib
from bisect import insort
from dataclasses import dataclass
from pathlib import Path

import structlog

from netmon.model import Meter

_HEADER = struct.Struct(">6sHIII")
_MAGIC, _VERSION = b"netmon", 1
_NAME = re.compile(r"(\d{20})-(\d+)\.(block|damaged|tmp)")
_DISK_BLOCK = 4096
"""Files take whole blocks of a disk: so are they reckoned."""

_DAMAGED_KEPT = 8
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM})
"""Why a file could not be read that says nothing about what is in it."""

_TWICE = "another block has its number"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that are sent together. `number` orders batches; a batch put again under its number replaces what was there."""

    number: int
    points: int
    lines: bytes


class Outbox:
    """Batches in a directory of their own: at most `limit_bytes` of disk, besides the one that is being sent. Counts what it
    loses in `meter`, in points.

    Raises OSError, with a sentence, when the directory cannot be used or another netmon holds it.
    """

    def __init__(self, directory: Path, limit_bytes: int, meter: Meter) -> None:
        self._directory = directory
        self._limit = limit_bytes
        self._meter = meter
        self._sizes: dict[int, tuple[int, int]] = {}
        self._order: list[int] = []
        self.taken: Batch | None = None
        self._overflowing = False
        self.points = 0
        self.bytes = 0
        self._lock = _make(directory)
        try:
            self._find()
        except OSError as error:
            os.close(self._lock)
            raise OSError(f"{directory}: the outbox for InfluxDB cannot be read: {error.strerror}") from error

    def __bool__(self) -> bool:
        """True while anything waits."""
        return bool(self._order)

    @property
    def newest(self) -> int:
        """The highest number that waits, 0 when nothing does."""
        return self._order[-1] if self._order else 0

    def points_of(self, number: int) -> int:
        """The points of a batch that wait here, 0 when it does not."""
        return self._sizes.get(number, (0, 0))[0]

    def put(self, batch: Batch) -> None:
        """Keeps a batch, in the order of its number, and drops the oldest to make room. OSError: the disk will not."""
        size = _on_disk(_HEADER.size + len(batch.lines))
        if size > self._limit:
            self._leave(batch.number)
            self._overflow(batch.points)
            return
        if not self._is_there():
            self._make_anew()
        before, occupied = self._sizes.get(batch.number, (batch.points, 0))
        self._make_room(size - occupied, besides=batch.number)
        final = self._path(batch.number, batch.points)
        draft = final.with_suffix(".tmp")
        try:
            with draft.open("wb") as file:
                file.write(_header(batch))
                file.write(batch.lines)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(final)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        if before != batch.points:
            self._path(batch.number, before).unlink(missing_ok=True)
        self._forget(batch.number)
        self._remember(batch.number, batch.points, size)
        self._sync()
        self._tell()

    def take(self) -> Batch | None:
        """The oldest batch that is whole, `taken` until it is released or removed; None when nothing waits.

        Blocks before it that are damaged are set aside and counted. OSError: the disk cannot be read just now.
        """
        self.taken = None
        while self._order:
            number = self._order[0]
            points = self._sizes[number][0]
            try:
                batch = _read(self._path(number, points), number, points)
            except FileNotFoundError:
                self._count_gone()
            except OSError as error:
                if error.errno in _PASSING:
                    raise
                self._set_aside(number, error.strerror or str(error))
            except ValueError as error:
                self._set_aside(number, str(error))
            else:
                self.taken = batch
                return batch
        return None

    def release(self) -> None:
        """What was taken stays, and may be dropped like any other."""
        self.taken = None

    def remove(self, number: int) -> None:
        """The batch has arrived, if it waits here at all. OSError: the file could not be removed, and will be sent again
        after a restart."""
        self._leave(number)

    def close(self) -> None:
        """Lets go of the directory; what waits stays."""
        os.close(self._lock)

    def _find(self) -> None:
        """What an earlier netmon left: blocks, drafts that it did not finish, and what it set aside."""
        for path in sorted(self._directory.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match is None:
                if path.suffix != ".damaged" and (points := _points(path)) is not None:
                    self._move_aside(path, points, "its name is none that netmon gives")
            elif match[3] == "block" and int(match[1]) not in self._sizes:
                self._remember(int(match[1]), int(match[2]), _on_disk(path.stat().st_size))
            elif match[3] == "block":
                self._choose(int(match[1]), int(match[2]), path)
            elif match[3] == "tmp":
                path.unlink()  # a draft
        self._tell()

    def _choose(self, number: int, points: int, path: Path) -> None:
        """Two blocks of one number: a batch that was being replaced when netmon died, which is sent again whole; or one of
        them has a name that it was not given."""
        known = self._sizes[number][0]
        one, other = _genuine(self._path(number, known), number, known), _genuine(path, number, points)
        if one and other and (one.lines.endswith(other.lines) or other.lines.endswith(one.lines)):
            path.unlink()
        elif other and not one:
            self._set_aside(number, _TWICE)
            self._remember(number, points, _on_disk(path.stat().st_size))
        else:
            self._move_aside(path, points, _TWICE)

    def _is_there(self) -> bool:
        """Whether the lock that is held is still the one in the directory."""
        try:
            return os.path.samestat(os.fstat(self._lock), os.stat(self._directory / "lock"))
        except FileNotFoundError:
            return False

    def _make_anew(self) -> None:
        """Somebody removed the directory, or moved it away."""
        held, self._lock = self._lock, _make(self._directory)
        os.close(held)
        log.error("the outbox for InfluxDB was removed and is made anew", directory=str(self._directory))
        self._count_gone()

    def _count_gone(self) -> None:
        """Blocks whose files are no longer there, but for the one that is being sent, which may still arrive."""
        sending = self.taken.number if self.taken else 0
        found = {number: self._sizes[number][0] for number in self._order if number != sending}
        gone = {number: points for number, points in found.items() if not self._path(number, points).exists()}
        if gone:
            log.error("blocks of the outbox for InfluxDB are gone", blocks=len(gone), points=sum(gone.values()))
            self._meter.count("netmon_influx_dropped_points_total", sum(gone.values()), reason="damaged")
        for number in gone:
            self._forget(number)
        self._tell()

    def _make_room(self, needed: int, besides: int) -> None:
        """Drops the oldest batches, but never one that is being sent: whether it arrived is not known yet."""
        kept = {besides, self.taken.number if self.taken else 0}
        droppable = [number for number in self._order if number not in kept]
        for number in droppable:
            if self.bytes + needed <= self._limit:
                return
            self._overflow(self._sizes[number][0])
            self._leave(number)

    def _overflow(self, points: int) -> None:
        if not self._overflowing:
            log.warning("the outbox for InfluxDB is full, the oldest points are dropped", limit_bytes=self._limit)
            self._overflowing = True
        self._meter.count("netmon_influx_dropped_points_total", points, reason="overflow")

    def _set_aside(self, number: int, why: str) -> None:
        points = self._sizes[number][0]
        path = self._path(number, points)
        self._forget(number)
        self._tell()
        self._move_aside(path, points, why)

    def _move_aside(self, path: Path, points: int, why: str) -> None:
        log.error("a block of the outbox for InfluxDB is damaged and set aside", file=str(path), points=points, detail=why)
        if points:
            self._meter.count("netmon_influx_dropped_points_total", points, reason="damaged")
        try:
            path.rename(path.with_suffix(".damaged"))
            for old in sorted(self._directory.glob("*.damaged"))[:-_DAMAGED_KEPT]:
                old.unlink()
        except OSError as error:
            log.warning("a damaged block of the outbox cannot be moved", file=str(path), detail=error.strerror)

    def _leave(self, number: int) -> None:
        """A batch goes, from here and from the disk."""
        if number in self._sizes:
            path = self._path(number, self._sizes[number][0])
            self._forget(number)
            self._tell()
            path.unlink(missing_ok=True)

    def _remember(self, number: int, points: int, size: int) -> None:
        self._sizes[number] = (points, size)
        insort(self._order, number)
        self.points += points
        self.bytes += size

    def _forget(self, number: int) -> None:
        found = self._sizes.pop(number, None)
        if found is not None:
            self._order.remove(number)
            self.points -= found[0]
            self.bytes -= found[1]
        if self.taken is not None and self.taken.number == number:
            self.taken = None
        if not self._order:
            self._overflowing = False

    def _path(self, number: int, points: int) -> Path:
        return self._directory / f"{number:020}-{points}.block"

    def _sync(self) -> None:
        """A rename outlives a power cut once its directory is on the disk."""
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        except OSError as error:  # the block is in its place all the same
            log.warning("the directory of the outbox cannot be synced", detail=error.strerror)
        finally:
            os.close(directory)

    def _tell(self) -> None:
        self._meter.gauge("netmon_influx_waiting_bytes", self.bytes)


def _make(directory: Path) -> int:
    """The lock of a directory that is there now. OSError, with a sentence: it cannot be, or another netmon has it."""
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        return _lock(directory / "lock")
    except BlockingIOError:
        raise OSError(f"{directory}: another netmon keeps its outbox for InfluxDB there") from None
    except OSError as error:
        raise OSError(f"{directory}: the outbox for InfluxDB cannot be there: {error.strerror}") from error


def _lock(path: Path) -> int:
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _on_disk(size: int) -> int:
    return -(-size // _DISK_BLOCK) * _DISK_BLOCK


def _header(batch: Batch) -> bytes:
    points, length = batch.points, len(batch.lines)
    check = zlib.crc32(batch.lines, zlib.crc32(struct.pack(">HII", _VERSION, points, length)))
    return _HEADER.pack(_MAGIC, _VERSION, points, length, check)


def _read(path: Path, number: int, points: int) -> Batch:
    """A block's batch. ValueError: it is not as it was written."""
    content = path.read_bytes()
    if not content.startswith(_MAGIC) or len(content) < _HEADER.size:
        raise ValueError("it does not begin as a block does")
    _, version, written, _, _ = _HEADER.unpack_from(content)
    if version != _VERSION:
        raise ValueError(f"it is of version {version}, this netmon reads {_VERSION}")
    batch = Batch(number, written, content[_HEADER.size :])
    if content[: _HEADER.size] != _header(batch):
        raise ValueError("its checksum does not fit")
    if written != points:
        raise ValueError(f"its name is not that of a block with {written} points")
    return batch


def _genuine(path: Path, number: int, points: int) -> Batch | None:
    try:
        return _read(path, number, points)
    except (OSError, ValueError):
        return None


def _points(path: Path) -> int | None:
    """Of a file that begins as a block does, its points; None of any other."""
    try:
        with path.open("rb") as file:
            content = file.read(_HEADER.size)
    except OSError:
        return None
    whole = content.startswith(_MAGIC) and len(content) == _HEADER.size
    return int(_HEADER.unpack(content)[2]) if whole else None
