"""What a terminal is given: text that cannot steer it, in colours and signs that everybody can tell apart.

The colours are those of the wallboard (Okabe and Ito's), as near as a terminal's 256 come: they are told apart by every
kind of colour vision, on a dark ground and on a light one. Each state has a sign too, so nothing is said by colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TextIO

from netmon.cli.words import columns_of, printable, width

Choice = Literal["auto", "always", "never"]

CHOICES: tuple[Choice, ...] = ("auto", "always", "never")

SIGNS: Mapping[str, tuple[str, str]] = {
    "up": ("●", "o"),
    "on_backup": ("▲", "^"),
    "isolated": ("■", "#"),
    "unreachable": ("◆", "*"),
    "unknown": ("○", "?"),
    "none": ("·", "."),
    "down": ("×", "x"),
    "battery": ("↯", "!"),
    "storm": ("▶", ">"),
    "works": ("▷", ">"),
    "alarm": ("■", "#"),
    "met": ("√", "+"),
    "at_risk": ("!", "!"),
    "missed": ("×", "x"),
    "unproven": ("?", "?"),
    "exempt": ("–", "-"),
}
"""The wallboard's shapes as characters: in UTF-8, in ASCII."""

_GREEN, _ORANGE, _VERMILION, _PINK, _BLUE, _GREY, _YELLOW = (f"38;5;{n}" for n in (36, 172, 202, 175, 32, 245, 178))
_INK: Mapping[str, str] = {
    "up": _GREEN,
    "on_backup": _ORANGE,
    "isolated": f"1;{_VERMILION}",
    "unreachable": f"1;{_PINK}",
    "unknown": _GREY,
    "none": _GREY,
    "down": f"1;{_VERMILION}",
    "battery": _BLUE,
    "storm": f"1;{_ORANGE}",
    "works": _BLUE,
    "alarm": "1;7",  # the terminal's own colours, changed over
    "met": _GREEN,
    "at_risk": _YELLOW,
    "missed": f"1;{_VERMILION}",
    "unproven": _GREY,
    "exempt": _GREY,
    "faint": _GREY,
    "head": "1",
}
_PLAIN = str.maketrans({"đ": "d", "Đ": "D", "…": ".", "–": "-", "—": "-", "·": "-", "→": ">", "\u00a0": " "})


class Span(NamedTuple):
    """A piece of a line, and what it is about: a key of SIGNS, "head", "faint", or "" for plain text."""

    text: str
    style: str = ""


Line = Sequence[Span]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """What a terminal can show: colours, letters beyond ASCII."""

    colour: bool
    unicode: bool

    def sign(self, state: str) -> Span:
        """The sign of a state."""
        return Span(SIGNS.get(state, SIGNS["unknown"])[0 if self.unicode else 1], state)

    def text(self, text: str) -> str:
        """A text as this terminal can have it: without what would steer it, in ASCII where it has nothing else."""
        seen = printable(text)
        if self.unicode:
            return seen
        bare = unicodedata.normalize("NFD", seen).translate(_PLAIN)
        return "".join(char for char in bare if not unicodedata.combining(char)).encode("ascii", "replace").decode()

    def draw(self, line: Line, columns: int | None) -> str:
        """A line with its colours, cut to so many columns."""
        spans = [Span(self.text(text), style) for text, style in line]
        if columns is not None:
            spans = list(cut(spans, columns, "…" if self.unicode else "."))
        return "".join(self._coloured(*span) for span in spans).rstrip()

    def _coloured(self, text: str, style: str) -> str:
        code = _INK.get(style, "")
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text.strip() else text


def cut(line: Line, columns: int, mark: str) -> Iterable[Span]:
    """The spans that fit, the last of them ended by `mark` where something is left out."""
    if sum(width(text) for text, _ in line) <= columns:
        yield from line
        return
    left = columns - width(mark)
    for text, style in line:
        if width(text) <= left:
            left -= width(text)
            yield Span(text, style)
            continue
        kept = ""
        for char in text:
            if columns_of(char) > left:
                break
            left -= columns_of(char)
            kept += char
        yield Span(kept + mark if columns >= width(mark) else "", style)
        return


def ink(choice: Choice, stream: TextIO, environ: Mapping[str, str]) -> Ink:
    """What to write with. `auto`: colours on a terminal that is not dumb, unless NO_COLOR is set (no-color.org)."""
    auto = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
    spoken = (stream.encoding or "").lower().replace("-", "")
    return Ink(colour=choice == "always" or (choice == "auto" and auto), unicode=spoken.startswith("utf"))
