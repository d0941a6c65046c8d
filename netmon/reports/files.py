"""A report as files: one page and its tables as CSV, in one or two languages, none ever written over another.

A report that says something else than an earlier one of the same name becomes revision r2 beside it, all its files together;
one that says the same is left as it is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from netmon.reports.html import Page, render
from netmon.reports.table import Table, write_csv
from netmon.targets.words.voice import Language, Voice

FORMATS = ("csv", "html")


class ReportError(Exception):
    """A report cannot be made; the text says why, for people."""


class NothingKnownError(ReportError):
    """Nothing is known of the time that a report is to be about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report is before it is written. `name` begins the names of its files ("compliance-2026-10"); `tables` are by
    the rest of their file's name, "" for the main one."""

    name: str
    page: Page
    tables: Mapping[str, Table]


class Written(NamedTuple):
    """A file of a report, and whether it was there already with the same content."""

    path: Path
    unchanged: bool


def contents(report: Report, formats: Sequence[str], languages: Sequence[Language]) -> dict[str, bytes]:
    """The report's files by the ends of their names: ".vi.html", ".en.csv", "-lost.vi.csv"."""
    found = {}
    for language in languages:
        if "html" in formats:
            found[f".{language}.html"] = render(report.page, language).encode()
        if "csv" in formats:
            for part, table in report.tables.items():
                out = io.StringIO(newline="")
                write_csv(table, out, Voice(language))
                found[f"{f'-{part}' if part else ''}.{language}.csv"] = out.getvalue().encode()
    return found


def put(directory: Path, name: str, files: Mapping[str, bytes]) -> list[Written]:
    """Writes the files into a directory, which is made where it is missing. OSError: they cannot be written."""
    directory.mkdir(parents=True, exist_ok=True)
    for revision in count(1):
        stem = name if revision == 1 else f"{name}-r{revision}"
        there = {end: _content(directory / f"{stem}{end}") for end in files}
        if all(was is None or was == files[end] for end, was in there.items()):
            break
    written = []
    for end, content in files.items():
        path = directory / f"{stem}{end}"
        if there[end] is None:
            write(path, content)
        written.append(Written(path, there[end] is not None))
    return written


def write(path: Path, content: bytes) -> None:
    """The file, whole or not at all. OSError: it cannot be written."""
    unfinished = path.with_name(f".{path.name}.new")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
