"""VNNIC's i-speed medians out of a CSV that somebody typed or exported: all of them, or everything that is wrong with them.

i-speed publishes medians of its users' tests by month, province and operator, and has no feed; the file has the columns of
HEADER. Speeds are in Mbit/s and latency is in milliseconds in it, bytes per second and seconds in what is returned.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from unicodedata import normalize

from netmon.model import VIET_NAM, Window
from netmon.store import Ispeed
from netmon.targets.windows import local, month_of
from netmon.units import Register

HEADER = ("month", "unit", "network", "operator", "metric", "median", "samples")
NETWORKS = ("fixed", "mobile", "mobile_5g")
METRICS = ("download", "upload", "latency")

MOST_SHOWN = 20
"""So many faults are told; of the others there is a count."""

_ACROSS = 1e6
"""No line is as fast as 10^6 Mbit/s, and none as slow as 10^6 ms: somebody took another unit."""


class IspeedError(ValueError):
    """The file is not taken, nothing of it. `faults` are all of them, each with its line."""

    def __init__(self, name: str, faults: list[str]) -> None:
        self.faults = faults
        shown = [f"{name}:{fault}" for fault in faults[:MOST_SHOWN]]
        if len(faults) > MOST_SHOWN:
            shown.append(f"and {len(faults) - MOST_SHOWN} more")
        super().__init__("\n".join([f"{name} is not imported, nothing of it:", *shown]))


def read(text: str, name: str, register: Register, now: float) -> list[Ispeed]:
    """The medians in a CSV's text; `name` is what people call the file. IspeedError: something in it is wrong."""
    name = "".join(letter if letter.isprintable() else "?" for letter in name)  # it is stored, and told, as text
    faults: list[str] = []
    found: dict[tuple[str, ...], tuple[int, Ispeed]] = {}
    for line, row in _rows(text, faults):
        median = _median(row, name, register, now, line, faults)
        if median is None:
            continue
        month, unit, network, operator, metric = median[:5]
        first, _ = found.setdefault((month, unit, network, operator.casefold(), metric), (line, median))
        if first != line:
            faults.append(f"{line}: the same month, unit, network, operator and metric as line {first}")
    if not faults and not found:
        faults.append("1: there are no rows below the header")
    if faults:
        raise IspeedError(name, faults)
    return [median for _, median in found.values()]


def _rows(text: str, faults: list[str]) -> list[tuple[int, Mapping[str, str]]]:
    """The rows as wide as the header, with the number of their last line."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: list[tuple[int, Mapping[str, str]]] = []
    try:
        head = [cell.strip() for cell in next(reader, [])]
        if sorted(head) != sorted(HEADER):
            faults.append(_no_header(head))
            return []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                faults.append(f"{reader.line_num}: {len(cells)} columns, where the header has {len(head)}")
                continue
            found.append((reader.line_num, dict(zip(head, (cell.strip() for cell in cells), strict=True))))
    except csv.Error as error:
        faults.append(f"{max(1, reader.line_num)}: not CSV: {error}")
    return found


def _no_header(head: list[str]) -> str:
    """That this is no header, and why a spreadsheet's may not be one."""
    mark = next((mark for mark in ";\t" if any(mark in cell for cell in head)), "")
    hint = f" (its columns are parted by {'tabs' if mark == chr(9) else mark}; save it with commas)" if mark else ""
    return f"1: the header must be {','.join(HEADER)}{hint}"


def _median(
    row: Mapping[str, str], name: str, register: Register, now: float, line: int, faults: list[str]
) -> Ispeed | None:
    wrong: list[str] = []
    month = _month(row["month"], now, wrong)
    if month is not None and not register.lives(row["unit"], *month):
        wrong.append(_no_unit(row["unit"], register, month))
    for column, known in (("network", NETWORKS), ("metric", METRICS)):
        if row[column] not in known:
            wrong.append(f"{column} '{row[column]}' is none of {', '.join(known)}{_near(row[column], known)}")
    operator = normalize("NFC", row["operator"])
    if not operator.isprintable():
        wrong.append("operator holds a control character")
    median = _number(row["median"], "median", wrong)
    samples = _count(row["samples"], wrong)
    faults += [f"{line}: {fault}" for fault in wrong]
    if wrong or median is None or samples is None:
        return None
    in_base_units = median / 1e3 if row["metric"] == "latency" else median * 1e6 / 8
    return Ispeed(
        row["month"], row["unit"], row["network"], operator, row["metric"], in_base_units, samples, name
    )  # fmt: skip


def _month(text: str, now: float, wrong: list[str]) -> Window | None:
    """A month that is over."""
    if not re.fullmatch(r"2\d{3}-(0[1-9]|1[0-2])", text, re.ASCII):
        wrong.append(f"month '{text}' is not written as 2026-10")
        return None
    month = month_of(datetime(int(text[:4]), int(text[5:]), 1, tzinfo=VIET_NAM).timestamp())
    if month.end > now:
        wrong.append(f"month {text} has not ended: its medians come after {local(month.end - 1):%Y-%m-%d}")
    return month


def _no_unit(code: str, register: Register, month: Window) -> str:
    """That there was no such unit, and which one was meant: a spreadsheet takes the zeros from the front of a code."""
    near = [lives[-1] for other in register.resembling(code) if (lives := register.lives(other, *month))]
    hint = ", ".join(f"{unit.code} {unit.name}" for unit in near)
    return f"there was no unit '{code}' in {local(month.start):%Y-%m}" + (f" (did you mean {hint}?)" if hint else "")


def _near(text: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(text.lower(), known, 1) or [each for each in known if text and text.lower() in each]
    return f" (did you mean {close[0]}?)" if close else ""


def _number(text: str, what: str, wrong: list[str]) -> float | None:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", text, re.ASCII):
        comma = re.fullmatch(r"\d{1,15},\d{1,9}", text, re.ASCII)
        hint = f" (did you mean {text.replace(',', '.')}?)" if comma else ""
        wrong.append(f"{what} '{text}' is not a number{hint}")
        return None
    number = float(text)
    if number < 0 or not isfinite(number):
        wrong.append(f"{what} {text} is negative")
        return None
    if number >= _ACROSS:
        wrong.append(f"{what} {text} is past all lines: speeds are in Mbit/s, latency in ms")
        return None
    return number


def _count(text: str, wrong: list[str]) -> int | None:
    if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
        wrong.append(f"samples '{text}' is not a whole number")
        return None
    if int(text) < 1:
        wrong.append(f"samples {text}: a median rests on at least one")
        return None
    return int(text)
