"""How sections of a page stand in a terminal: cells under each other, the least grave rows left out where lines are few."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from netmon.cli.colour import Line, Span
from netmon.cli.words import width

Row = Sequence[Line]
"""The cells of one line."""

GIVES_WAY: Mapping[str, int] = {
    "incidents": 1,
    "cut_off": 1,
    "on_backup": 2,
    "dark": 2,
    "down": 3,
    "targets": 3,
    "complaints": 4,
}
"""What a row of a section counts for when there are too many: those that are cut off give way last."""


@dataclass(slots=True, kw_only=True)
class Section:
    """A heading with what explains it, its rows and what stands below them. `counts` says what each row stands for, and
    `total` of how many in all."""

    name: str
    total: int
    rows: list[Row]
    counts: list[int]
    key: Line = ()
    below: list[Line] = field(default_factory=list)

    @property
    def hidden(self) -> int:
        """How many have no row."""
        return self.total - sum(self.counts[: len(self.rows)])

    @property
    def height(self) -> int:
        """Lines, the heading with them."""
        return 1 + len(self.rows) + len(self.below) + (self.hidden > 0)

    @property
    def least(self) -> int:
        """Lines with one row at most."""
        return 1 + len(self.rows[:1]) + len(self.below) + (self.total > sum(self.counts[:1]))


def fit(sections: Sequence[Section], lines: int) -> tuple[int, bool]:
    """Takes rows away until the sections stand in so many lines: how many of them do, and whether an empty line before each
    finds room. Where the first row of each is too much, the last sections are left out, and a line is left to say so."""
    lines = max(0, lines)
    if sum(section.height for section in sections) + len(sections) <= lines:
        return len(sections), True
    least = list(accumulate(section.least for section in sections))
    kept = len(sections)
    if least and least[-1] > lines:
        lines = max(0, lines - 1)
        kept = bisect_right(least, lines)
    standing = sections[:kept]
    while sum(section.height for section in standing) > lines:
        burden = [len(section.rows) * GIVES_WAY[section.name] if len(section.rows) > 1 else 0 for section in standing]
        standing[burden.index(max(burden))].rows.pop()
    return kept, False


def aligned(rows: Sequence[Row], indent: str = "  ") -> Iterator[Line]:
    """The cells of rows under each other, two spaces apart; the last of a row takes what it needs."""
    widths = [max(sum(width(text) for text, _ in row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    for row in rows:
        line = [Span(indent)]
        for cell, space in zip(row[:-1], widths, strict=False):
            line += cell
            taken = sum(width(text) for text, _ in cell)
            line.append(Span(" " * (space - taken + 2 if space else 0)))
        yield [*line, *row[-1]]


def short(text: str, columns: int) -> str:
    """A text of at most so many columns."""
    if width(text) <= columns:
        return text
    while width(text) > columns - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"
