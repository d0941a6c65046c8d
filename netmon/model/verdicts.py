"""What is said about it: verdicts, with the evidence to recompute them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from netmon.model.history import Subject


class Standing(StrEnum):
    """The five words of a verdict (SEMANTICS 7)."""

    MET = "met"
    AT_RISK = "at_risk"
    MISSED = "missed"
    UNPROVEN = "unproven"
    EXEMPT = "exempt"


class Window(NamedTuple):
    """[start, end) in Unix seconds; `end` is not clipped to now."""

    start: float
    end: float


class ErrorBudget(NamedTuple):
    """Seconds that may be lost in the whole window, and those that were."""

    total: float
    spent: float

    @property
    def left(self) -> float:
        """What may still be lost; below 0 when more was lost than may be."""
        return self.total - self.spent


class Available(NamedTuple):
    """The two figures of availability, shown side by side: of all that was seen, and without declared windows. None: nothing
    was seen."""

    raw: float | None
    without_declared: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one target says of one subject, with the evidence to recompute it.

    `value` and `limit` are in the target's unit, `coverage` is the share of the elapsed window that was seen. `final` is
    False until the window has closed. `evidence` holds JSON values only. `error_budget`, `crossing_s`, the seconds until
    the limit is probably crossed, and `available` are None where there are none; they stand in the evidence too. `asked` is
    what the target asked, as JSON values: a later one changes nothing in what was said.
    """

    target: str
    subject: Subject
    standing: Standing
    value: float | None
    limit: float
    coverage: float
    window: Window
    final: bool
    evidence: Mapping[str, Any]
    asked: Mapping[str, Any] = field(default_factory=dict)
    error_budget: ErrorBudget | None = None
    crossing_s: float | None = None
    available: Available | None = None

    @property
    def id(self) -> str:
        """The name by which `netmon explain` knows it: target/subject."""
        return f"{self.target}/{self.subject.id}"
