"""The programs of a run, each a process of its own: started, timed by their CPU, ended by their process ids."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache/bench"
LOOPBACK = "127.0.0.1"
_STOP_S = 10.0
_LAST_LINES = 15


class BenchError(Exception):
    """A bench cannot go on; the text says why, for people."""


class MissingError(BenchError):
    """A program that is measured is not here: the others are measured without it."""


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def find(program: str) -> Path:
    """A program of this environment, of what was unpacked for the bench, of the PATH. MissingError: it is nowhere."""
    places = [
        Path(sys.executable).parent,
        CACHE / "bin",
        ROOT / ".cache/peers/bin",
        *os.get_exec_path(),
        "/usr/sbin",
        "/sbin",
    ]
    found = shutil.which(program, path=os.pathsep.join(map(str, places)))
    if found is None:
        raise MissingError(f"{program} is not here")
    return Path(found)


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nothing listens on, at any address."""
    with socket.socket(type=kind) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """A directory of this run alone. It stays when the run fails: logs lie in it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    home = Path(mkdtemp(prefix=f"{name}-", dir=CACHE))
    yield home
    shutil.rmtree(home)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port at which nothing is read: no answer comes, and no ICMP error either."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))
        yield int(sock.getsockname()[1])


def until(look: Callable[[], object], deadline_s: float, what: str, *, every_s: float = 0.05) -> None:
    """Returns once `look` is true. BenchError past the deadline, with `what` was waited for."""
    end = time.monotonic() + deadline_s
    while not look():
        if time.monotonic() > end:
            raise BenchError(f"{what}: not so within {deadline_s:g} s")
        time.sleep(every_s)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was started, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used, in user mode and in the kernel, all its threads, none of its children."""
        # The kernel's clock of a process (CPUCLOCK_SCHED): /proc/PID/stat tells the same in hundredths of a second.
        return time.clock_gettime((~self.pid << 3) | 2)

    def rss_mb(self) -> float:
        """What it holds of memory now, in 10^6 bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise BenchError(f"{self.name} has ended")

    def require_alive(self) -> None:
        """BenchError with the end of its output when it has ended."""
        code = self.process.poll()
        if code is not None:
            raise BenchError(f"{self.name} ended with {code}; the end of {self.log}:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:])

    def stop(self) -> None:
        """Ends it, politely and after some seconds not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


@contextmanager
def running(
    name: str,
    argv: Sequence[str | Path],
    home: Path,
    *,
    ready: Callable[[], object],
    deadline_s: float = 60.0,
    env: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """A program while the block lasts, entered when it is `ready`. BenchError: it ended before, or never was.

    It does not outlive this process, however that ends, where util-linux's setpriv is at hand.
    """
    home.mkdir(parents=True, exist_ok=True)
    tie = [tool, "--pdeathsig", "KILL"] if (tool := shutil.which("setpriv")) else []
    log = home / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*tie, *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for the bench, which ends them in order
        )
    program = Program(name, process, log)

    def look() -> object:
        program.require_alive()
        return ready()

    try:
        until(look, deadline_s, f"{name} is ready (see {log})")
        yield program
    finally:
        program.stop()
