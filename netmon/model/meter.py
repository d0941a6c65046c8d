"""netmon about itself."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Where a room counts what moves. Names and labels are those of the catalogue's own families."""

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    def observe(self, family: str, value: float, /, **labels: str) -> None: ...


class Uncounted:
    """A meter that nobody reads: of a program that shows no page."""

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    def observe(self, family: str, value: float, /, **labels: str) -> None: ...
