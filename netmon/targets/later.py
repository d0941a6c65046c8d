"""Evidence that is worked out when somebody asks for it.

Judging a province makes thousands of verdicts every five minutes, and the evidence of most is never looked at. What it is
worked out from is captured when the verdict is made and never changes, so it says the same whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Later(Mapping[str, Any]):
    """A mapping that is made by its first reader, and kept until it is told to forget it."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make = make
        self._found: Mapping[str, Any] | None = None

    def forget(self) -> None:
        """Nobody reads it for now: it is large, and can be made again."""
        self._found = None

    def _made(self) -> Mapping[str, Any]:
        found = self._found
        if found is None:
            found = self._found = self._make()
        return found

    def __getitem__(self, key: str) -> Any:
        return self._made()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())

    def __repr__(self) -> str:
        return repr(self._made())


def read_once(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The whole of it as a dict of the reader's own, after which it is forgotten."""
    whole = dict(evidence)
    if isinstance(evidence, Later):
        evidence.forget()
    return whole
