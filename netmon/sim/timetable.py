"""When something happens: windows of time, by a timetable that is known ahead, or as somebody tells them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from math import inf

LOOK_S = 0.5
"""How soon one looks again at what may be told at any time."""


class Spells(ABC):
    """Windows [start, end) of time, one after the other, Unix seconds."""

    __slots__ = ()

    @abstractmethod
    def begun(self, at: float) -> int:
        """How many windows have begun by an instant."""

    @abstractmethod
    def window(self, n: int) -> tuple[float, float]:
        """The n-th window, from 0."""

    @abstractmethod
    def next_change(self, at: float) -> float | None:
        """When a window next begins or ends after an instant; None when all is over."""

    def active(self, at: float) -> bool:
        begun = self.begun(at)
        return begun > 0 and at < self.window(begun - 1)[1]

    def ended(self, at: float) -> int:
        """How many windows are over by an instant."""
        return self.begun(at) - self.active(at)

    def last_change(self, at: float) -> float | None:
        """When a window last began or ended; None before the first."""
        begun = self.begun(at)
        if begun == 0:
            return None
        start, end = self.window(begun - 1)
        return start if at < end else end


@dataclass(frozen=True, slots=True)
class Timetable(Spells):
    """Windows [first + n every, first + n every + lasting), Unix seconds; a single one when `every` is None."""

    first: float
    lasting: float
    every: float | None = None

    def __post_init__(self) -> None:
        if self.lasting <= 0 or (self.every is not None and self.every <= self.lasting):
            raise ValueError(f"windows of {self.lasting} s every {self.every} s touch each other or are empty")

    def begun(self, at: float) -> int:
        if at < self.first:
            return 0
        return 1 if self.every is None else int((at - self.first) // self.every) + 1

    def window(self, n: int) -> tuple[float, float]:
        start = self.first + n * (self.every or 0.0)
        return start, start + self.lasting

    def next_change(self, at: float) -> float | None:
        begun = self.begun(at)
        if begun > 0 and at < (end := self.window(begun - 1)[1]):
            return end
        return self.window(begun)[0] if begun == 0 or self.every is not None else None


class Told(Spells):
    """Windows that are told as time goes on, each behind the last; one that nobody has ended yet goes on.

    In each all goes `pace` times as fast as it would.
    """

    __slots__ = ("_ends", "_paces", "_starts")

    def __init__(self) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._paces: list[float] = []

    def begin(self, at: float, *, lasting: float = inf, pace: float = 1.0) -> None:
        """A window from an instant on; one that goes on then ends there. ValueError: it is before the last edge."""
        self.end(at)
        if self._ends and at < self._ends[-1]:
            raise ValueError(f"{at} is before {self._ends[-1]}, where the last window ended")
        self._starts.append(at)
        self._ends.append(at + lasting)
        self._paces.append(pace)

    def end(self, at: float) -> None:
        """Nothing goes on any more from an instant on."""
        if self.active(at):
            self._ends[-1] = at

    def switch(self, on: bool, at: float) -> None:
        """Active or not from an instant on."""
        if on != self.active(at):
            (self.begin if on else self.end)(at)

    def begun(self, at: float) -> int:
        return bisect_right(self._starts, at)

    def window(self, n: int) -> tuple[float, float]:
        return self._starts[n], self._ends[n]

    def pace(self, n: int) -> float:
        """That of the n-th window, which also holds until the next."""
        return self._paces[n]

    def next_change(self, at: float) -> float:
        """When to look again: somebody may tell of a change at any time."""
        return at + LOOK_S
