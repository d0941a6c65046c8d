"""What a bench found: rows, and how they are shown as a table, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a workload cost a subject: microseconds of CPU a varbind (of `daemon`: a reading), over so many `runs`.

    `per_s` are varbinds in a second of wall time, `rss_mb` is 10^6 bytes, `ratio` what it costs relative to netmon in the
    same run. `more` are further figures of the JSON row. A subject that could not be measured has a `note` instead.
    """

    bench: str
    subject: str
    workload: str
    cpu_us: float | None = None
    per_s: float | None = None
    rss_mb: float | None = None
    ratio: float | None = None
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        what = "cpu_us_per_reading" if self.bench == "daemon" else "cpu_us_per_varbind"
        found = {
            "bench": self.bench,
            "subject": self.subject,
            "workload": self.workload,
            what: rounded(self.cpu_us),
            "varbinds_per_s": rounded(self.per_s),
            "rss_mb": rounded(self.rss_mb),
            "ratio_to_netmon": rounded(self.ratio),
            **self.more,
        }
        return {**found, "note": self.note} if self.note else found


def rounded(value: float | None) -> float | None:
    """Three digits that mean something; whole numbers from 100 on."""
    if value is None:
        return None
    return float(f"{value:.3g}") if abs(value) < 100 else float(round(value))


def spread(values: Sequence[float]) -> float:
    """How far the runs lie apart: the widest distance as a share of the median."""
    middle = median(values)
    return round((max(values) - min(values)) / middle, 3) if middle else 0.0


def compared(rows: Iterable[Row]) -> list[Row]:
    """Rows with their ratio to netmon's on the same workload of the same bench and as many devices, where they have none."""
    rows = list(rows)

    def place(row: Row) -> tuple[str, str, object]:
        return row.bench, row.workload, row.more.get("devices")

    ours = {place(row): row.cpu_us for row in rows if row.subject == "netmon" and row.cpu_us}

    def ratio(row: Row) -> float | None:
        own = ours.get(place(row))
        return row.cpu_us / own if row.cpu_us is not None and own else None

    return [row if row.ratio else replace(row, ratio=ratio(row)) for row in rows]


_HEAD = ("bench", "workload", "subject", "CPU µs", "ratio", "a second", "RSS MB", "spread", "remarks")
_NUMBERS = range(3, 8)


def _cells(row: Row) -> tuple[str, ...]:
    workload = f"{row.workload}, {row.more['devices']} devices" if "devices" in row.more else row.workload
    return (
        row.bench,
        workload,
        row.subject,
        _number(row.cpu_us),
        _number(row.ratio),
        _number(row.per_s),
        _number(row.rss_mb),
        f"{100 * row.more['spread']:.0f} %" if "spread" in row.more else "-",
        row.note or row.more.get("remark", ""),
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def table(rows: Sequence[Row]) -> str:
    """For a terminal: numbers to the right, two spaces between columns."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if n in _NUMBERS else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(rows: Sequence[Row]) -> str:
    """For docs/performance.md."""
    rule = ["---:" if n in _NUMBERS else "---" for n in range(len(_HEAD))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (_HEAD, rule, *map(_cells, rows)))


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects, one a line."""
    return "[\n" + ",\n".join(f"  {json.dumps(row.as_json(), ensure_ascii=False)}" for row in rows) + "\n]"
