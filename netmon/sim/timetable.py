"""When something happens: one window of time, or the same one again and again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timetable:
    """Windows [first + n every, first + n every + lasting), Unix seconds; a single one when `every` is None."""

    first: float
    lasting: float
    every: float | None = None

    def __post_init__(self) -> None:
        if self.lasting <= 0 or (self.every is not None and self.every <= self.lasting):
            raise ValueError(f"windows of {self.lasting} s every {self.every} s touch each other or are empty")

    def begun(self, at: float) -> int:
        """How many windows have begun by an instant."""
        if at < self.first:
            return 0
        return 1 if self.every is None else int((at - self.first) // self.every) + 1

    def window(self, n: int) -> tuple[float, float]:
        """The n-th window, from 0."""
        start = self.first + n * (self.every or 0.0)
        return start, start + self.lasting

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

    def next_change(self, at: float) -> float | None:
        """When a window next begins or ends after an instant; None when all is over."""
        begun = self.begun(at)
        if begun > 0 and at < (end := self.window(begun - 1)[1]):
            return end
        return self.window(begun)[0] if begun == 0 or self.every is not None else None
