"""How far a scan is, on a terminal and elsewhere."""

from __future__ import annotations

import io
import os

from netmon.cli.discovering import Teller
from netmon.discover.found import Seen
from netmon.discover.scan import Progress
from netmon.model import Outcome


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO, addresses: int) -> str:
    """What is said of that many addresses, half of those of the scan, one every half second."""
    now = 0.0
    with Teller(Progress(total=2 * addresses), stream, lambda: now) as teller:
        for _ in range(addresses):
            now += 0.5
            teller.tell(Seen(address="10.4.1.1", outcome=Outcome.SILENT))
    return stream.getvalue()


def test_a_terminal_has_one_line_that_changes():
    said = told(Terminal(), 10)
    assert said.count("\n") == 1
    assert said.endswith("\r10/20 asked, 0 found, 2.0 a second, 5 s left\n")
    assert said.count("\r") == 11


def test_a_reader_that_went_away_ends_the_telling_and_nothing_else():
    there, here = os.pipe()
    os.close(there)
    with os.fdopen(here, "w") as stream, Teller(Progress(total=2), stream, iter(range(0, 1000, 60)).__next__) as teller:
        for _ in range(2):
            teller.tell(Seen(address="10.4.1.1", outcome=Outcome.SILENT))


def test_a_log_has_a_line_every_ten_seconds():
    lines = told(io.StringIO(), 60).splitlines()
    assert lines == [
        "20/120 asked, 0 found, 2.0 a second, 50 s left",
        "40/120 asked, 0 found, 2.0 a second, 40 s left",
        "60/120 asked, 0 found, 2.0 a second, 30 s left",
        "60/120 asked, 0 found, 2.0 a second, 30 s left",
    ]
