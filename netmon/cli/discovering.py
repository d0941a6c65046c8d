"""What `netmon discover` says while it scans and when it has: how far it is, who was found, who would not be."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TextIO

from netmon.cli.words import ago, printable
from netmon.discover.found import Seen
from netmon.discover.proposal import Proposal
from netmon.discover.scan import NOBODY, Progress
from netmon.model import Outcome

SOON_S, SELDOM_S = 0.2, 10.0
"""How often progress is told on a terminal, where a line is written over, and elsewhere, where it stays."""

_SHOWN = 20

_WORDS = {
    Outcome.ANSWERED: "answered",
    Outcome.REFUSED: "would not be asked",
    Outcome.SILENT: "silent",
    "nobody": "without an agent at that port",
    Outcome.LOCAL: "could not be asked from here",
    Outcome.BUG: "failed in netmon itself",
}


class Teller:
    """Tells progress: a line that changes on a terminal, else a line from time to time. A context: it ends the line."""

    def __init__(self, progress: Progress, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._stream, self._clock = progress, stream, clock
        self._live = stream.isatty()
        self._began = self._told = clock()
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress.total:
            self._say()
        if self._live:
            say("", self._stream)

    def tell(self, seen: Seen) -> None:
        """Counts what became of an address."""
        self._progress.count(seen)
        now = self._clock()
        if now - self._told >= (SOON_S if self._live else SELDOM_S):
            self._told = now
            self._say()

    def line(self) -> str:
        """How far it is: 120/254 asked, 8 found, 24.1 a second, 6 s left."""
        progress, passed = self._progress, max(self._clock() - self._began, 1e-3)
        rate = progress.done / passed
        left = f", {ago((progress.total - progress.done) / rate)} left" if rate and progress.done < progress.total else ""
        return f"{progress.done:,}/{progress.total:,} asked, {progress.found} found, {rate:.1f} a second{left}"

    def _say(self) -> None:
        line = self.line()
        if self._live:
            say(line.ljust(self._width), self._stream, start="\r", end="")
            self._width = len(line)
        else:
            say(line, self._stream)


def say(text: str, stream: TextIO | None = None, start: str = "", end: str = "\n") -> None:
    """Says something on standard error or another stream, at once. When nobody reads that any more it says nothing from then
    on: what a scan finds goes to standard output all the same."""
    stream = stream or sys.stderr
    try:
        print(start + printable(text, but="\n"), end=end, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def summary(seen: Sequence[Seen], proposal: Proposal, total: int) -> str:
    """Everything worth saying in the end, a line each."""
    outcomes = Counter("nobody" if one.detail == NOBODY else one.outcome for one in seen)
    counts = ", ".join(f"{outcomes[outcome]:,} {text}" for outcome, text in _WORDS.items() if outcomes[outcome])
    lines = [f"{len(seen):,} of {total:,} addresses: {counts or 'none asked'}"]
    for outcome in (Outcome.REFUSED, Outcome.LOCAL, Outcome.BUG):
        said = [one for one in seen if one.outcome is outcome and one.detail != NOBODY]
        lines += [f"  {one.detail}" for one in sorted(said, key=lambda one: not one.v3)[:_SHOWN]]
        if len(said) > _SHOWN:
            lines.append(f"  and {len(said) - _SHOWN:,} more")
    unplaced, placed = len(proposal.unplaced()), len(proposal.placed())
    lines.append(
        f"proposed: {placed} devices, {len(proposal.sites)} new sites, {len(proposal.links)} links; "
        f"asked about: {unplaced} devices without a site, {len(proposal.asks)} directions; "
        f"remarks on {len(proposal.remarks) + len(proposal.link_remarks)} that are known"
    )
    return "\n".join(lines)
