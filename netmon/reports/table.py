"""A report's tables: what they hold in plain values, how these are said to people, and their CSV.

Pure: no clock, no file of its own. Inside a table a ratio is 0 to 1, a rate bytes per second, a length of time seconds, an
instant Unix seconds UTC. In CSV a rate is Mbit/s and an instant is local ISO 8601; the end of a column's id says the unit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TextIO

from netmon.model import Standing, Words
from netmon.targets.windows import iso
from netmon.targets.words.voice import STANDING, Voice

BOM = "\ufeff"
"""By this Excel knows that a CSV is UTF-8."""

NONE = "-"
"""How a cell that holds nothing is said to people; in CSV it is empty."""

_FORMULA = "=+-@＝＋－＠"  # what spreadsheets take for the start of a formula
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Kind(StrEnum):
    """What a column's cells are. A `figure` is a number that brings its own words, where one column has several units."""

    TEXT = "text"
    RATIO = "ratio"
    RATE = "rate"
    SECONDS = "seconds"
    COUNT = "count"
    INSTANT = "instant"
    VERDICT = "verdict"
    FIGURE = "figure"


UNIT = {Kind.RATIO: "_ratio", Kind.RATE: "_mbit_s", Kind.SECONDS: "_s", Kind.INSTANT: "_at"}
"""What stands behind a column's id in CSV."""


class Figure(NamedTuple):
    """A number for programs and what people read in its place."""

    number: float
    words: Words


Cell = str | Words | float | Standing | Figure | None


@dataclass(frozen=True, slots=True)
class Column:
    """`id` names it in CSV, before its unit. With `csv_only` people do not see it: they read it elsewhere on the page."""

    id: str
    title: Words
    kind: Kind = Kind.TEXT
    csv_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells, each as its column says. `notes` stand below the title on a page, and nowhere in CSV."""

    title: Words
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[Words] = ()


def write_csv(table: Table, out: TextIO, say: Voice, *, human_header: bool = False) -> None:
    """RFC 4180 in UTF-8 with a BOM; `out` must be opened with newline="" so that its line ends stay.

    The first row holds the ids of the columns. With `human_header` their titles follow in a second row. A verdict takes two
    columns: its name (`met`) and, behind it, `_words`. Text that a spreadsheet would run as a formula gets an apostrophe.
    """
    out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([name for column in table.columns for name in _ids(column)])
    if human_header:
        titles = [(say(*column.title), len(_ids(column))) for column in table.columns]
        writer.writerow([defused(title) for title, count in titles for _ in range(count)])
    for row in table.rows:
        writer.writerow(
            [text for column, cell in zip(table.columns, row, strict=True) for text in _plain(column, cell, say)]
        )


def in_words(cell: Cell, kind: Kind, say: Voice) -> str:
    """A cell as people read it, in one language. TypeError: the cell is not what its column says."""
    match kind, cell:
        case _, None:
            return NONE
        case Kind.TEXT, Words():
            return fit(say(*cell))
        case Kind.TEXT, str():
            return fit(cell)
        case Kind.VERDICT, Standing():
            return say(*STANDING[cell]).capitalize()
        case Kind.FIGURE, Figure():
            return fit(say(*cell.words))
        case ((Kind.RATIO | Kind.RATE | Kind.SECONDS | Kind.COUNT | Kind.INSTANT), int() | float()):
            return _number_in_words(float(cell), kind, say)
    raise TypeError(f"a cell of kind {kind} is not {cell!r}")


def fit(text: str) -> str:
    """The text without the characters that no CSV or HTML can hold: each becomes U+FFFD."""
    return _UNFIT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def defused(text: str) -> str:
    """The text, fit, and with an apostrophe before what a spreadsheet would take for a formula."""
    found = fit(text)
    return f"'{found}" if found.lstrip()[:1] in tuple(_FORMULA) or found[:1] in ("\t", "\n") else found


def _number_in_words(number: float, kind: Kind, say: Voice) -> str:
    match kind:
        case Kind.RATIO:
            return say.percent(number)
        case Kind.RATE:
            return say.mbit(number)
        case Kind.SECONDS:
            return f"−{say.lasting(-number)}" if number < 0 else say.lasting(number)
        case Kind.INSTANT:
            return say.at(number)
        case _:
            return say.number(number)


def _ids(column: Column) -> list[str]:
    if column.kind is Kind.VERDICT:
        return [column.id, f"{column.id}_words"]
    return [column.id + UNIT.get(column.kind, "")]


def _plain(column: Column, cell: Cell, say: Voice) -> Iterator[str]:
    """What a cell is in CSV."""
    match column.kind, cell:
        case Kind.VERDICT, None:
            yield from ("", "")
        case _, None:
            yield ""
        case Kind.VERDICT, Standing():
            yield from (cell.value, in_words(cell, Kind.VERDICT, say))
        case Kind.INSTANT, int() | float():
            yield iso(cell)
        case Kind.RATE, int() | float():
            yield _digits(cell * 8 / 1e6)
        case Kind.FIGURE, Figure():
            yield _digits(cell.number)
        case ((Kind.RATIO | Kind.SECONDS | Kind.COUNT), int() | float()):
            yield _digits(cell)
        case _:
            yield defused(in_words(cell, column.kind, say))


def _digits(number: float) -> str:
    """As many digits as were measured, never with an exponent."""
    text = f"{number:.9f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
