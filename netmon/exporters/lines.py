r"""InfluxDB's line protocol, by hand: series, values and times to lines.

    netmon_temperature_celsius,commune=01273,device=bts-1,province=04 value=41.5 1753000000000000000

The measurement is the family, the tags are the labels (sorted; an empty value is no tag), the one field is `value`, always a
float, the time is in nanoseconds. NaN and infinities have no place in the protocol and are left out.

What parsers disagree on is not written. A backslash stays one only where it stands alone and before a plain character.
Before what is escaped, at the end of a value, and beside another backslash it is written as a slash (`C:\ ` as `C:/ `,
`\\host` as `//host`): InfluxDB reads `\\,` as an escaped comma, VictoriaMetrics as a backslash and the end of the tag; and
VictoriaMetrics reads `\\` as one backslash, InfluxDB as two. A line feed, a carriage return and a tab are written as `\n`,
`\r` and `\t` (two characters), as InfluxDB's own clients do, other control characters as `?`.

Format: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from netmon.model import Series

_AMBIGUOUS = re.compile(r"\\{2,}|\\(?=[,= \n\r\t]|\Z)")
_ESCAPES = str.maketrans(
    dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)), "?")
    | {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}
    | {ord(special): f"\\{special}" for special in ",= "}
)
_UNTOLD = frozenset({"nan", "inf", "-inf"})
_LATEST_S = 9.2e9
"""The protocol's times end in 2262, where nanoseconds no longer fit into 64 bits."""


class Lines:
    """Writes lines. What comes before the value of each is kept for each owner for as long as its series stay the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[Series], list[str]]] = {}

    def render(self, owner: str, samples: Sequence[tuple[Series, float]], at: float | Sequence[float]) -> list[str]:
        """A line, with its line feed, for each sample that can be told. `at` is in Unix seconds, kept to the microsecond:
        one for all, or one for each sample (ValueError: not as many as samples)."""
        series = [one for one, _ in samples]
        known = self._known.get(owner)
        if known is None or known[0] != series:
            known = self._known[owner] = (series, [prefix(one) for one in series])
        heads = known[1]
        numbers = [_number(value) for _, value in samples]
        if isinstance(at, (int, float)):
            tail = _tail(at)
            if tail and _UNTOLD.isdisjoint(numbers):
                return [head + number + tail for head, number in zip(heads, numbers, strict=True)]
            tails = [tail] * len(heads)
        else:
            tails = [_tail(instant) for instant in at]
        parts = zip(heads, numbers, tails, strict=True)
        return [head + number + tail for head, number, tail in parts if tail and number not in _UNTOLD]

    def forget(self, owner: str) -> None:
        """The owner is gone; what was kept for it goes."""
        self._known.pop(owner, None)


def prefix(series: Series) -> str:
    """All of a line that comes before the value: `measurement,tag=text,… value=`."""
    tags = "".join(f",{_escaped(name)}={_escaped(text)}" for name, text in sorted(series.labels) if text)
    return f"{_escaped(series.family)}{tags} value="


def _escaped(text: str) -> str:
    if "\\" in text:
        text = _AMBIGUOUS.sub(lambda found: "/" * len(found.group()), text)
    return text.translate(_ESCAPES)


def _number(value: float) -> str:
    try:
        return str(float(value)).removesuffix(".0")
    except OverflowError:  # an integer that no float holds
        return "inf"


def _tail(at: float) -> str:
    """What comes after the value; "" when the instant cannot be written. A float holds no more than microseconds."""
    return f" {round(at * 1e6) * 1000}\n" if abs(at) < _LATEST_S else ""
