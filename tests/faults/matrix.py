"""The fault matrix: its rows in docs/reliability.md, and how much of each is tried.

A test that makes a fault carries `@pytest.mark.fault("row")`; it says what it found with the fixture `measured`. Each runs
in a short form with the other tests, in its full one with `scripts/soak faults`, which writes the figures into the matrix.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[2]
MATRIX = ROOT / "docs/reliability.md"

LEVEL = "NETMON_FAULTS"
"""The variable that asks for the full form: "full"."""

FIGURES = "NETMON_FIGURES"
"""The variable that names the file to which figures are added, a line of JSON each."""

ONLY = "NETMON_FAULT_ROWS"
"""The variable that names the rows to be tried, with commas between; unless set, all."""

_ROW = re.compile(r"^\| `(?P<id>[a-z0-9-]+)` \|(?P<cells>.*)\|$")

T = TypeVar("T")


class Row(NamedTuple):
    """A line of the matrix; each but the id is text for people."""

    id: str
    fault: str
    made: str
    promised: str
    measured: str


def size(short: T, full: T) -> T:
    """How much of a fault is tried now."""
    return full if os.environ.get(LEVEL) == "full" else short


def row_of(line: str) -> Row | None:
    """A line of the document as a row, None where it is none. TypeError: it has not five cells."""
    found = _ROW.match(line)
    return None if found is None else Row(found["id"], *(cell.strip() for cell in found["cells"].split(" | ")))


def rows(text: str) -> list[Row]:
    """The rows of the document, in its order."""
    return [row for line in text.splitlines() if (row := row_of(line)) is not None]


def filled(text: str, found: dict[str, str]) -> str:
    """The document with what was measured in its rows."""
    lines = []
    for line in text.splitlines():
        row = row_of(line)
        if row is not None and row.id in found:
            row = row._replace(measured=found[row.id].replace("|", "/"))
            line = f"| `{row.id}` | {' | '.join(row[1:])} |"
        lines.append(line)
    return "\n".join(lines) + "\n"
