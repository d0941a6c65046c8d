"""Readings of one device, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from netmon.catalogue import DEVICE
from netmon.cli.words import table, width
from netmon.model import Reading
from netmon.profiles.schema import PLACE
from netmon.snmp import oid

NARROWEST = 8
"""Columns that a column of the table keeps, however narrow the terminal."""


def as_json(reading: Reading) -> dict[str, object]:
    """A reading as `netmon probe --format json` has it."""
    series = reading.series
    return {
        "family": series.family,
        "labels": _labels(reading),
        "value": reading.value,
        "unit": DEVICE[series.family].unit,
        "oid": _oid(reading),
    }


def as_table(readings: Sequence[Reading], columns: int | None) -> str:
    """The readings, no wider than `columns`: what all have in common is left out, then the widest cells are wrapped."""
    labels = [_labels(reading) for reading in readings]
    common = set.intersection(*(set(each.items()) for each in labels)) if len(labels) > 1 else set()
    head = ("FAMILY", "LABELS", "VALUE", "UNIT", "OID")
    rows = [
        _as_row(reading, {name: value for name, value in each.items() if (name, value) not in common})
        for reading, each in zip(readings, labels, strict=True)
    ]
    widths = [max(width(row[i]) for row in (head, *rows)) for i in range(len(head))]
    while columns is not None and sum(widths) + 2 * (len(widths) - 1) > columns:
        widest = max((0, 1, 4), key=widths.__getitem__)  # not the value, which is read as a whole, nor its unit
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    lines = []
    for row in rows:
        cells = [_pieces(cell, space) for cell, space in zip(row, widths, strict=True)]
        lines += [[cell[i] if i < len(cell) else "" for cell in cells] for i in range(max(map(len, cells)))]
    return table(head, lines)


def _pieces(text: str, space: int) -> list[str]:
    """A cell in pieces of at most so many columns, parted behind a mark between its words where there is one."""
    found = []
    while width(text) > space:
        marks = [mark.end() for mark in re.finditer(r"[ _.]", text[:space]) if mark.end() > space // 2]
        cut = marks[-1] if marks else space
        found.append(text[:cut].rstrip())
        text = text[cut:]
    return [*found, text]


def _as_row(reading: Reading, labels: Mapping[str, str]) -> tuple[str, ...]:
    said = " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if value)
    value = str(reading.value) if isinstance(reading.value, int) else f"{reading.value:.12g}"
    return reading.series.family, said, value, DEVICE[reading.series.family].unit, _oid(reading) or "-"


def _oid(reading: Reading) -> str:
    return oid.decode(reading.series.oid) if reading.series.oid else ""


def _labels(reading: Reading) -> dict[str, str]:
    """Without the device's place: a device that is in no inventory has none."""
    return {name: value for name, value in reading.series.labels if name not in PLACE}
