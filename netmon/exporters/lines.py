r"""InfluxDB's line protocol, by hand: series, numbers and times to lines.

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
from collections.abc import Iterable, Sequence

from netmon.exporters.numbers import NO_NUMBERS
from netmon.model import Series

_AMBIGUOUS = re.compile(r"\\{2,}|\\(?=[,= \n\r\t]|\Z)")
_ESCAPES = str.maketrans(
    dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)), "?")
    | {ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}
    | {ord(special): f"\\{special}" for special in ",= "}
)
_LATEST_S = 9.2e9
"""The protocol's times end in 2262, where nanoseconds no longer fit into 64 bits."""


class Lines:
    """Writes lines. What stands in each beside its number and its time is kept for each owner for as long as its series stay
    the same: a line is four pieces of text, and the same piece is in memory once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Series, ...], tuple[str, ...]]] = {}
        self._names: dict[str, str] = {}

    def render(
        self, owner: str, series: tuple[Series, ...], numbers: Sequence[str], at: float | Sequence[float]
    ) -> tuple[bytes, int]:
        """Lines, and how many: one, with its line feed, for each number (`exporters.numbers`) that can be told. `at` is in
        Unix seconds, kept to the microsecond: one for all, or one for each (ValueError: not as many as series)."""
        known = self._known.get(owner)
        if known is None or (known[0] is not series and known[0] != series):
            known = self._known[owner] = (series, self._pieces(series))
        pieces = list(known[1])
        pieces[2::4] = numbers
        if isinstance(at, (int, float)):
            tails = {at: _tail(at)}
            pieces[3::4] = [tails[at]] * len(series)
        else:
            tails = {instant: _tail(instant) for instant in set(at)}
            pieces[3::4] = map(tails.__getitem__, at)
        if "" in tails.values() or not NO_NUMBERS.isdisjoint(numbers):
            lines = [pieces[n : n + 4] for n in range(0, len(pieces), 4)]
            pieces = [piece for line in lines if line[3] and line[2] not in NO_NUMBERS for piece in line]
        return "".join(pieces).encode(), len(pieces) // 4

    def forget(self, owner: str) -> None:
        """The owner is gone; what was kept for it goes."""
        self._known.pop(owner, None)

    def _pieces(self, series: tuple[Series, ...]) -> tuple[str, ...]:
        """Measurement, tags, and room for number and time of each series."""
        known: dict[tuple[tuple[str, str], ...], str] = {}
        pieces: list[str] = []
        for one in series:
            name = self._names.get(one.family) or self._names.setdefault(one.family, _escaped(one.family))
            tags = known.get(one.labels) or known.setdefault(one.labels, _tags(one.labels))
            pieces += [name, tags, "", ""]
        return tuple(pieces)


def _tags(labels: Iterable[tuple[str, str]]) -> str:
    """What stands between the measurement and the number."""
    return "".join(f",{_escaped(name)}={_escaped(text)}" for name, text in sorted(labels) if text) + " value="


def _escaped(text: str) -> str:
    if "\\" in text:
        text = _AMBIGUOUS.sub(lambda found: "/" * len(found.group()), text)
    return text.translate(_ESCAPES)


def _tail(at: float) -> str:
    """What comes after the value; "" when the instant cannot be written. A float holds no more than microseconds."""
    return f" {round(at * 1e6) * 1000}\n" if abs(at) < _LATEST_S else ""
