"""The programs that the demonstration starts, and the directory that is theirs while any of them lives."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_READY_S, _STOP_S = 60.0, 8.0
_LAST_LINES = 20


class DemoError(Exception):
    """The demonstration cannot go on; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Home:
    """A directory of one demonstration, held by `lock`, a descriptor: whoever inherits it holds the directory too."""

    path: Path
    lock: int


@contextmanager
def home_of_our_own(places: Sequence[Path]) -> Iterator[Home]:
    """The first of these directories in which no other demonstration runs, held until the block is left. OSError."""
    for place in map(Path.absolute, places):
        place.mkdir(parents=True, exist_ok=True)
        with (place / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield Home(place, lock.fileno())
            return
    raise DemoError(f"a demonstration is running in {', '.join(map(str, places))} already")


@dataclass(frozen=True, slots=True)
class Child:
    """A program that was started, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """DemoError with the end of its log when it has ended."""
        code = self.process.poll()
        if code is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
            raise DemoError("\n".join((f"the {self.name} ended with {code}; the end of {self.log}:", *tail)))

    def stop(self) -> None:
        """Ends it by its process id, politely and after some seconds not."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(
    name: str,
    arguments: Sequence[str],
    home: Home,
    log: Path,
    *,
    ready: Callable[[], bool],
    within: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """A module of netmon's own, or a program by its whole path, while the block lasts, entered when it is ready. DemoError:
    it is not. `within` is a command that starts it, `environ` what is added to the environment.

    It does not outlive this process, not even where this one is killed, and holds the home as long as it lives.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*within, sys.executable, "-m", "netmon.sim.tied", str(os.getpid()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            pass_fds=(home.lock,),
            start_new_session=True,  # Ctrl-C is for the demo, which stops them in order
        )
    child = Child(name, process, log)
    try:
        give_up = time.monotonic() + _READY_S
        while not ready():
            child.require_alive()
            if time.monotonic() > give_up:
                raise DemoError(f"the {name} was not ready after {_READY_S:g} s; see {log}")
            time.sleep(0.1)
        yield child
    finally:
        child.stop()
