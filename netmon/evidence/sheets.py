"""CSV files as this room writes them: UTF-8, a head line, commas, "\\n"; a figure that is not there is an empty cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from math import isfinite, isnan
from typing import NamedTuple

from netmon.targets.windows import iso

Cell = str | float | None
"""Text, a figure, or nothing."""


class Sheet(NamedTuple):
    """The rows of one file under its head."""

    head: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def instant(unix: float | None) -> tuple[Cell, Cell]:
    """Two cells: Unix seconds, and beside them local ISO 8601, empty where time has no such name."""
    return unix, iso(unix) if unix is not None and isfinite(unix) else None


def text_of(sheet: Sheet) -> str:
    """The whole file."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(sheet.head)
    writer.writerows([_cell(cell) for cell in row] for row in sheet.rows)
    return out.getvalue()


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before one that begins as such, and before one that
    begins with an apostrophe, so that no two texts become one."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else text


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return inert(cell)
    # repr tells every bit of a figure: what is read back is what was judged.
    return "" if isnan(cell) else repr(cell)
