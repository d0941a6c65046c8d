"""`netmon status --watch`: the page again and again, in the terminal's other screen, until Ctrl-C."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"  # the other screen; no cursor; no line is wrapped
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOLD, _SHOW = "\x1b[?2026h", "\x1b[?2026l"  # a terminal that knows it shows what is between at once; others ignore it

Ask = Callable[[], Mapping[str, Any]]
"""Asks the daemon. Raises one of `trouble` where it does not answer."""

Draw = Callable[[Mapping[str, Any] | None, bool, int, int], Sequence[str]]
"""The lines of a page: of what was last answered, whether nothing is answered any more, in so many columns and rows."""


def watch(ask: Ask, draw: Draw, *, every_s: float, trouble: tuple[type[Exception], ...], screen: TextIO) -> None:
    """Asks and draws until somebody presses Ctrl-C or q; the terminal is as before then. A new size is drawn at once."""
    told: Mapping[str, Any] | None = None
    silent = False
    with _terminal(screen) as wait:
        while True:
            asked = time.monotonic()
            try:
                told, silent = ask(), False
            except trouble:
                silent = True
            while True:
                _redraw(screen, draw, told, silent)
                left = asked + every_s - time.monotonic()
                if left <= 0 or not (went_on := wait(left)):
                    break
                if went_on == "end":
                    return


def _redraw(screen: TextIO, draw: Draw, told: Mapping[str, Any] | None, silent: bool) -> None:
    """Writes over what stands there, in one piece: nothing flickers."""
    rows, columns = termios.tcgetwinsize(screen.fileno())
    # What ends in the last column would be erased there by the sequence that clears the rest of the line.
    page = "\r\n".join(f"{line}\x1b[K" for line in draw(told, silent, (columns or 80) - 1, rows or 24))
    screen.write(f"{_HOLD}\x1b[H{page}\x1b[J{_SHOW}")
    screen.flush()


@contextmanager
def _terminal(screen: TextIO) -> Iterator[Callable[[float], str]]:
    """The other screen. What it gives waits so long for a key or a signal: "end" when it is to end, "again" when the page is
    to be drawn anew, "" when nothing came."""
    ears, mouth = socket.socketpair()
    ears.setblocking(False)
    mouth.setblocking(False)
    with ears, mouth, _Screen(screen, mouth.fileno()) as keys:

        def wait(seconds: float) -> str:
            ready, _, _ = select.select([ears.fileno(), *keys], [], [], seconds)
            if ears.fileno() in ready:
                return "end" if signal.SIGINT in ears.recv(4096) else "again"
            if not ready:
                return ""
            typed = os.read(keys[0], 64)
            if not typed:
                keys.clear()  # nobody types there any more
            return "end" if b"q" in typed else "again"

        yield wait


class _Screen:
    """The terminal while the watch has it, and as it was before; a context that gives the descriptors to hear keys on."""

    def __init__(self, screen: TextIO, wake: int) -> None:
        self._screen, self._wake = screen, wake
        self._before: list[Any] | None = None

    def __enter__(self) -> list[int]:
        self._woken = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        # Ctrl-C as a number and not as an exception, which is lost where Python cannot raise it (in a destructor).
        handlers = {
            signal.SIGINT: _go_on,
            signal.SIGWINCH: _go_on,
            signal.SIGTSTP: self._pause,
            signal.SIGTERM: _end,
            signal.SIGHUP: _end,
        }
        self._handlers = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        self._take()
        return [sys.stdin.fileno()] if self._before else []

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, termios.error):  # the terminal may be gone
            self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken)

    def _take(self) -> None:
        if sys.stdin.isatty():  # what is typed would be written into the page
            self._before = termios.tcgetattr(sys.stdin)
            quiet = [*self._before]
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)
        self._screen.write(_ENTER)
        self._screen.flush()

    def _give_back(self) -> None:
        if self._before:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
        self._screen.write(_LEAVE)
        self._screen.flush()

    def _pause(self, number: int, frame: object) -> None:
        """Ctrl-Z: the shell has its terminal until it lets us go on."""
        self._give_back()
        ours = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, ours)
        self._take()


def _go_on(number: int, frame: object) -> None:
    """The signal's number in the pipe has said it."""


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)
