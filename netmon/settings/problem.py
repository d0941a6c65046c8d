"""What is wrong with a configuration, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

LONGEST = 2_000


class Mark(Protocol):
    """A place in a file as PyYAML knows it: `line` and `column` count from 0."""

    @property
    def name(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One line for the person who wrote the file, of LONGEST characters at most: what is wrong may be a text of any length.
    `line` and `column` count from 1; `hint` may be empty."""

    file: str
    line: int
    column: int
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        line = f"{self.file}:{self.line}:{self.column}: {self.text}{hint}"
        line = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
        return "".join(letter if letter.isprintable() else " " for letter in line)


def problem_at(mark: Mark, text: str, hint: str = "") -> Problem:
    """A problem where a mark stands."""
    return Problem(mark.name, mark.line + 1, mark.column + 1, text, hint)


class ConfigErrors(Exception):  # noqa: N818 - it is many
    """A configuration that cannot be used; `problems` holds everything that is wrong with it, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class UnfitError(ValueError):
    """A value that cannot be what it should be. `hint` says what was probably meant."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


def meant(word: str, known: Iterable[str]) -> str:
    """The hint for a word that is not there: the nearest of those that are, or nothing when none is near.

    Capitals make no distance: who wrote TOKEN meant token.
    """
    spellings = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), spellings, 1, 0.6)
    return f"did you mean {spellings[near[0]]}?" if near else ""
