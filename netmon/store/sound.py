"""Whether a row is what netmon wrote: SQLite has no checksums, but a text must load, and a frozen verdict be what its hash
says. What is read, what is looked through at night and what is rebuilt ask the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netmon.notice import NoticeKind
from netmon.store.book import load_entry, load_incident, sound_entry
from netmon.store.connections import NOT_LOADED
from netmon.store.records import is_as_stated, load_baseline, load_verdict
from netmon.store.windows import load_window

Load = Callable[[Sequence[Any]], object]


def _frozen(row: Sequence[Any]) -> object:
    if not is_as_stated(row[-1], row[-2]):
        raise ValueError("a frozen verdict is not what its hash says")
    return row


LOADS: Mapping[str, Load] = {
    "verdict_frozen": _frozen,
    "window_change": lambda row: load_window(row[-1]),
    "entry": lambda row: sound_entry(load_entry(row[1:7])),
    "incident": lambda row: load_incident(row[:8]),
    "baseline": lambda row: load_baseline(row[-1]),
    "verdict": lambda row: load_verdict(row[-1]),
    "verdict_history": lambda row: load_verdict(row[-1]),
    "notice": lambda row: (NoticeKind(row[2]), json.loads(row[-1])),
}
"""Of each table that holds more than figures: what makes of a row, in the order of its columns, what is read of it."""


def fault_of(table: str, row: Sequence[Any]) -> str:
    """What is wrong with a row; "" for nothing."""
    if table in LOADS:
        try:
            LOADS[table](row)
        except NOT_LOADED as error:
            return f"a row of {table} is none: {error}"
    return ""
