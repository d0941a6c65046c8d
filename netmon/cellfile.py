"""States of cells out of a CSV that an operator exported or somebody typed: all of them, or everything that is wrong.

Columns in any order, in English or Vietnamese: time, site, operator, technology, cell, state. A time without a zone is that
of Viet Nam.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from difflib import get_close_matches
from unicodedata import normalize

from netmon.model import VIET_NAM, CellName, CellReport, CellState

HEADER = ("time", "site", "operator", "technology", "cell", "state")
TECHNOLOGIES = ("2g", "3g", "4g", "5g")

MOST_SHOWN = 20
"""So many faults are told; of the others there is a count."""

FAULTS_AT_MOST = 1_000
"""A file with so many is looked at no further."""

EARLIEST_S = datetime(2000, 1, 1, tzinfo=VIET_NAM).timestamp()
"""No operator told of a cell before."""

AHEAD_S = 120.0
"""A time further ahead than this has not come."""

_ALIASES = {
    **dict.fromkeys(("thời gian", "thời điểm", "timestamp"), "time"),
    **dict.fromkeys(("trạm", "mã trạm", "site id"), "site"),
    **dict.fromkeys(("nhà mạng", "doanh nghiệp", "carrier"), "operator"),
    **dict.fromkeys(("công nghệ", "tech"), "technology"),
    **dict.fromkeys(("ô", "mã ô", "cell id", "mã cell"), "cell"),
    **dict.fromkeys(("trạng thái", "tình trạng", "status"), "state"),
}
_STATES = {
    **dict.fromkeys(("up", "hoạt động", "tốt", "phát sóng"), CellState.UP),
    **dict.fromkeys(("down", "mất", "mất sóng", "mất liên lạc", "ngừng"), CellState.DOWN),
    **dict.fromkeys(("unknown", "không rõ", "chưa rõ"), CellState.UNKNOWN),
}
_GENERATIONS = {"gsm": "2g", "umts": "3g", "wcdma": "3g", "lte": "4g", "nr": "5g"}
_CHARACTERS = 128
_WRITTEN = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")

Refusal = Callable[[str, str], str]
"""Why nothing can be told of an operator's cells at a site, "" when it can."""


class CellFileError(ValueError):
    """The file is not taken, nothing of it. `faults` are all of them, each with its line."""

    def __init__(self, name: str, faults: list[str]) -> None:
        self.faults = faults
        shown = [f"{name}:{fault}" for fault in faults[:MOST_SHOWN]]
        if len(faults) > MOST_SHOWN:
            shown.append(f"and {len(faults) - MOST_SHOWN} more")
        super().__init__("\n".join([f"{name} is not imported, nothing of it:", *shown]))


def read(text: str, name: str, holds_s: float, operator: str, refusal: Refusal, now: float) -> list[CellReport]:
    """The states in a CSV's text, as reports in order of time; `name` is what people call the file. With an `operator` it is
    his file, which need not name him. CellFileError: something in it is wrong."""
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    faults: list[str] = []
    found: dict[tuple[float, CellName], tuple[int, CellState]] = {}
    for line, row in _rows(text, operator, faults):
        told = _told(row, operator, refusal, now, faults, line)
        if told is None:
            continue
        at, cell, state = told
        first, _ = found.setdefault((at, cell), (line, state))
        if first != line:
            faults.append(f"{line}: the same time and cell as line {first}")
    if not faults and not found:
        faults.append("1: there are no rows below the header")
    if faults:
        raise CellFileError(name, faults)
    by_time: dict[float, list[tuple[CellName, CellState]]] = {}
    for (at, cell), (_, state) in found.items():
        by_time.setdefault(at, []).append((cell, state))
    return [CellReport(at, holds_s, name, tuple(states)) for at, states in sorted(by_time.items())]


def _rows(text: str, operator: str, faults: list[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows as wide as the header, with the number of their last line."""
    text = normalize("NFC", text.removeprefix("\ufeff"))
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)  # a spreadsheet that writes decimal commas parts columns by semicolons
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=mark)
    try:
        head = [_column(cell) for cell in next(reader, [])]
        while head and not head[-1]:
            head.pop()  # a spreadsheet writes empty last columns
        wanted = set(HEADER) - ({"operator"} if operator and "operator" not in head else set())
        if sorted(head) != sorted(wanted):
            faults.append(f"1: the header must be {','.join(HEADER)}, not {first.strip() or 'nothing'}")
            return
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(faults) >= FAULTS_AT_MOST:
                faults.append(f"{reader.line_num}: the rest is not looked at")
                return
            while len(cells) > len(head) and not cells[-1].strip():
                cells.pop()
            if len(cells) != len(head):
                faults.append(f"{reader.line_num}: {len(cells)} columns, where the header has {len(head)}")
                continue
            yield reader.line_num, dict(zip(head, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        faults.append(f"{max(1, reader.line_num)}: not CSV: {error}")


def _column(text: str) -> str:
    name = text.strip().casefold().replace("_", " ")
    return _ALIASES.get(name, name)


def _told(
    row: Mapping[str, str], operator: str, refusal: Refusal, now: float, faults: list[str], line: int
) -> tuple[float, CellName, CellState] | None:
    """What a row says; None, and what is wrong with it among the faults."""
    wrong: list[str] = []
    at = _time(row["time"], now, wrong)
    whose = row.get("operator") or operator
    if operator and whose != operator:
        wrong.append(f"operator '{whose}', in a file that is said to be of {operator}")
    elif why := refusal(row["site"], whose):
        wrong.append(why)
    technology = row["technology"].casefold()
    technology = _GENERATIONS.get(technology, technology)
    if technology not in TECHNOLOGIES:
        wrong.append(f"technology '{row['technology']}' is none of {', '.join(TECHNOLOGIES)}")
    state = _STATES.get(row["state"].casefold())
    if state is None:
        close = get_close_matches(row["state"].casefold(), _STATES, 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        wrong.append(f"state '{row['state']}' is none of {', '.join(CellState)}{hint}")
    cell = row["cell"]
    if not (0 < len(cell) <= _CHARACTERS and cell.isprintable()):
        wrong.append(f"the name of a cell has 1 to {_CHARACTERS} printable characters")
    faults += [f"{line}: {fault}" for fault in wrong]
    if wrong or at is None or state is None:
        return None
    return at, CellName(row["site"], whose, technology, cell), state


def _time(text: str, now: float, wrong: list[str]) -> float | None:
    """2026-11-22 07:48 (or with T, seconds, a zone), 22/11/2026 07:48."""
    found: datetime | None = None
    if re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", text, re.ASCII):
        with suppress(ValueError):
            found = datetime.fromisoformat(text)
    for form in _WRITTEN:
        with suppress(ValueError):
            found = found or datetime.strptime(text, form).replace(tzinfo=VIET_NAM)
    if found is None:
        wrong.append(f"time '{text}' is not written as 2026-11-22 07:48")
        return None
    unix = (found if found.tzinfo else found.replace(tzinfo=VIET_NAM)).timestamp()
    if unix > now + AHEAD_S:
        wrong.append(f"time {text} has not come yet")
        return None
    if unix < EARLIEST_S:
        wrong.append(f"time {text} is before the year 2000")
        return None
    return unix
