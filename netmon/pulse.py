"""The pulse of the event loop: how late it is, what held it when it was held, and whether the polling goes on.

Everything that netmon does for the network happens on one loop; what holds it holds all. At each beat a thread of the
interpreter's (faulthandler, C) is told to write down where every thread stands unless the next beat comes in time. It needs
no lock of the interpreter, so it also tells of C code that never lets go of it. The text goes into a file beside the store:
a loop that comes back reads it and tells; if the service manager ended netmon instead (its watchdog, SIGABRT), the next
netmon does.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import re
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from netmon import systemd
from netmon.model import Meter

log = structlog.get_logger(__name__)

BEAT_S = 0.5
BLOCKED_S = 5.0
"""A loop held so long is told of. A third of what the watchdog allows, where that is less."""

STALLED_S = 60.0
"""Polls are due or under way and none begins or ends for so long, beyond the longest that one may take: the watchdog is left
unfed."""

UNWATCHED_S = 15.0
"""How often the polling is looked after without a watchdog."""

_ROOM = 65_536  # bytes, on the disk before it is full: the stacks of a hundred threads
_STALLED = "Polling stood still"
_THREAD = re.compile(r"^(?:Current thread|Thread) 0x[0-9a-f]+.*$", re.MULTILINE)
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<name>.+)$', re.MULTILINE)
_IDLE = ("threading.py", "queue.py", "selectors.py", "concurrent/futures/thread.py")
_INNERMOST, _OWN = 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The loop was held at `at` (Unix seconds) by what `by` says, for `seconds`; None: until netmon was ended."""

    at: float
    by: str
    seconds: float | None


class Pulse:
    """The pulse of one loop. `path` is the file; no other netmon may have it. `last` is when the loop was last held."""

    def __init__(self, path: Path, meter: Meter) -> None:
        self._path = path
        self._meter = meter
        self._watchdog_s = systemd.watchdog_period_s()
        allowed = BLOCKED_S if self._watchdog_s is None else min(BLOCKED_S, self._watchdog_s * 2 / 3)
        self._blocked_s = max(allowed, 2 * BEAT_S)
        self.last: Blocked | None = None
        self._stalled = False
        self._file = -1
        self._line: socket.socket | None = None

    def open(self) -> None:
        """Tells what the netmon before was ended by, and makes the file anew: in memory, where the disk does not take it."""
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            log.warning("what holds the loop will not outlive netmon", file=str(self._path), detail=error.strerror)
            self._file = os.memfd_create("held")
        self._line = systemd.line()  # kept: a netmon without descriptors is fed still
        if found := self._read():
            self.last = Blocked(at=os.fstat(self._file).st_mtime, by=what_held(found), seconds=None)
            log.error("the netmon before was ended while it was held", by=self.last.by, at=_utc(self.last.at))
            self._meter.gauge("netmon_loop_blocked_timestamp_seconds", self.last.at)
        os.ftruncate(self._file, 0)
        with suppress(OSError):  # a disk that is full already: then perhaps nothing can be written down
            os.posix_fallocate(self._file, 0, _ROOM)

    def close(self) -> None:
        """netmon ends in order: nothing is written down any more."""
        faulthandler.cancel_dump_traceback_later()
        if self._file >= 0:
            os.close(self._file)
            if self._line is not None:
                self._line.close()
            self._path.unlink(missing_ok=True)
            self._file = -1

    async def beat_forever(self) -> None:
        """Twice a second."""
        try:
            while True:
                due, worked = time.monotonic() + BEAT_S, time.thread_time()
                faulthandler.dump_traceback_later(BEAT_S + self._blocked_s, file=self._file)
                await asyncio.sleep(BEAT_S)
                late = max(0.0, time.monotonic() - due)
                self._meter.observe("netmon_loop_lateness_seconds", late)
                if (found := self._read()) and not self._stalled:
                    self._clear(found)
                    self._tell(Blocked(at=time.time(), by=what_held(found), seconds=late), time.thread_time() - worked)
        finally:
            faulthandler.cancel_dump_traceback_later()  # a stop that takes long is not held

    async def feed_forever(
        self, turns: Callable[[], int], owing: Callable[[], bool], patience_s: Callable[[], float]
    ) -> None:
        """Tells the service manager's watchdog that netmon polls; not only that the loop turns. It is left unfed while runs
        are `owing`, due or under way, and none began or ended (`turns`) for STALLED_S and `patience_s`, the longest that one
        may take."""
        period, before, still = self._watchdog_s or UNWATCHED_S, turns(), 0.0
        while True:
            # By what was looked at, not by the clock: a machine that slept is no stall.
            still = still + period if owing() and turns() == before else 0.0
            before = turns()
            stalled = still > STALLED_S + patience_s()
            if stalled and not self._stalled:
                log.error("polling stands still: the watchdog is not fed", seconds=round(still))
                why = f"polls were due or under way, and none began or ended for {still:.0f} s"
                os.pwrite(self._file, f"{_STALLED}: {why}".encode(), 0)
            elif self._stalled and not stalled:
                log.warning("polling goes on again")
                self._clear(self._read())
            self._stalled = stalled
            if not stalled and self._watchdog_s is not None:
                systemd.notify(self._line, WATCHDOG="1")
            await asyncio.sleep(period)

    def _tell(self, blocked: Blocked, worked_s: float) -> None:
        self.last = blocked
        seconds = round(blocked.seconds or 0.0, 2)
        log.error("the event loop was held", seconds=seconds, cpu_seconds=round(worked_s, 2), by=blocked.by)
        self._meter.gauge("netmon_loop_blocked_timestamp_seconds", blocked.at)

    def _read(self) -> str:
        return os.pread(self._file, _ROOM, 0).rstrip(b"\0").decode(errors="replace")

    def _clear(self, found: str) -> None:
        os.pwrite(self._file, bytes(len(found.encode())), 0)
        os.lseek(self._file, 0, os.SEEK_SET)


def what_held(dump: str) -> str:
    """What faulthandler wrote, in a line: the innermost frames of the loop's thread, those of netmon below, and where other
    threads were at work: one of them may have kept the interpreter."""
    if dump.startswith(_STALLED):
        return dump
    threads = [_FRAME.findall(text) for text in _THREAD.split(dump)[1:]]
    threads = [frames for frames in threads if frames]
    if not threads:
        return "unknown: nothing could be written down"
    loop = next((frames for frames in threads if any(name == "run_forever" for _, _, name in frames)), threads[-1])
    innermost, below = loop[:_INNERMOST], [frame for frame in loop[_INNERMOST:] if "/netmon/" in frame[0]]
    told = " < ".join(_told(frame) for frame in (*innermost, *below[:_OWN]))
    if loop[0][0].endswith("selectors.py"):
        told = f"nothing of the loop's own: it waited for its turn ({_told(loop[0])})"
    others = [_told(frames[0]) for frames in threads if frames is not loop and not frames[0][0].endswith(_IDLE)]
    return f"{told}; other threads were at {', '.join(others)}" if others else told


def _told(frame: tuple[str, str, str]) -> str:
    file, line, name = frame
    own = file.rpartition("/netmon/")[2] if "/netmon/" in file else ""
    short = f"netmon/{own}" if own else "/".join(Path(file).parts[-2:])
    return f"{short}:{line} {name}"


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def leave_no_core() -> None:
    """No core file of this process, for credentials would be in it; and stacks on standard error when it dies by a fault.

    A limit of one byte and not of none: the kernel ignores the limit where cores are piped to a program, but for this value
    (core(5), fs/coredump.c)."""
    faulthandler.enable()
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    least = 1 if most == resource.RLIM_INFINITY or most >= 1 else 0
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))
