"""How the command line lays out what it says: tables, times, what a terminal must not obey, where the configuration is."""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from netmon.model import VIET_NAM
from netmon.settings import default_directory


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that every command shares: --config DIR."""
    parser.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        default=default_directory(),
        help="directory of netmon.yaml, targets.yaml and inventory/ "
        "(default: $NETMON_CONFIG, else /etc/netmon, else ./config; now: %(default)s)",
    )


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode that draw nothing and may steer a terminal or turn the order of its text around."""


def printable(text: str, but: str = "") -> str:
    """A text that strangers had a hand in, without what a terminal would obey; `but` are characters that are left."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in but or unicodedata.category(char) not in _UNSEEN else "\ufffd" for char in text)


def out(text: str, *, file: TextIO | None = None, end: str = "\n") -> None:
    """Prints a text of one or more lines that strangers had a hand in: devices, their neighbours, who writes to netmon."""
    print(printable(text, but="\n"), file=file, end=end)


def fail(text: str) -> int:
    """Says what is wrong on standard error; returns the exit code 1."""
    out(f"netmon: {text}", file=sys.stderr)
    return 1


def width(text: str) -> int:
    """Columns that a text takes in a terminal: Vietnamese marks may be characters of their own and take none, Chinese
    characters, which some devices have in their names, take two."""
    return sum(columns_of(char) for char in text)


def columns_of(char: str) -> int:
    """Columns that one character takes: 0, 1 or 2."""
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns, two spaces apart; no cell can steer a terminal, nor begin a line of its own."""
    lines = [list(head), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell + " " * (space - width(cell)) for cell, space in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def moment(unix: float | None) -> str:
    """An instant as people of the province read it: 2026-11-21 14:05:09, local time; "-" for none."""
    if not unix:
        return "-"
    return datetime.fromtimestamp(unix, UTC).astimezone(VIET_NAM).strftime("%Y-%m-%d %H:%M:%S")


def ago(seconds: float) -> str:
    """A length of time, short: 42 s, 12 min, 3 h 05, 2 d 4 h."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60:02d}"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
