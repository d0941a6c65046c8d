"""A verdict and those of its parts, as they were stated at one judging."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from netmon.model import Standing, Verdict
from netmon.store import Frozen
from netmon.targets.asked import targets_of
from netmon.targets.definitions import AnyTarget, Pooled, Share

Stated = Verdict | Frozen
"""A verdict that stands now, or one of a closed month."""

Lookup = Callable[[str], Sequence[Stated]]
"""Finds what was stated under the name target/subject; of a closed month perhaps several revisions, the newest first."""


COUNTS = ("in_time", "late", "pending", "unproven", "at_risk")
"""What is counted of a commune's cases where a province's are pooled."""


class Line(NamedTuple):
    """What a verdict says of one of its parts: its standing, figures and window, of which None are not told, or how many
    cases of each of COUNTS it has."""

    kind: str
    id: str
    standing: str | None = None
    value: float | None = None
    coverage: float | None = None
    window: tuple[float, ...] | None = None
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A verdict with its parts, in its order: what it says of each, and the part's own verdict, None where the one that it
    counted is not kept by itself."""

    stated: Stated
    parts: tuple[tuple[Line, Node | None], ...] = ()

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.stated)

    def lacking(self) -> Iterator[str]:
        """The names of the parts, here and below, that have no verdict of their own."""
        for line, part in self.parts:
            if part is None:
                yield f"{self.verdict.id}: {line.kind} {line.id}"
            else:
                yield from part.lacking()


def verdict_of(stated: Stated) -> Verdict:
    """The verdict itself."""
    return stated.verdict if isinstance(stated, Frozen) else stated


def rule_holds(verdict: Verdict, targets: Mapping[str, AnyTarget]) -> bool:
    """Whether its target is still there, and still of the rule by which it was judged."""
    target = targets_of(verdict, targets).get(verdict.target)
    return target is not None and target.rule == verdict.evidence["rule"]


def gather(stated: Stated, targets: Mapping[str, AnyTarget], lookup: Lookup) -> Node:
    """The verdict with those of its parts and theirs. A part judged at another moment than the whole does not count: what
    it says is not what the whole rests on."""
    verdict = verdict_of(stated)
    target = targets_of(verdict, targets).get(verdict.target)
    below = target.of if isinstance(target, Share | Pooled) else verdict.target
    parts = []
    for line in _lines(verdict, target):
        found = (each for each in lookup(f"{below}/{line.id}") if rule_holds(verdict_of(each), targets))
        nodes = (gather(each, targets, lookup) for each in found)
        parts.append((line, next((node for node in nodes if _agrees(line, node)), None)))
    return Node(stated, tuple(parts))


def _lines(verdict: Verdict, target: AnyTarget | None) -> Iterator[Line]:
    untold = "parts" in verdict.evidence  # exempt, for each of its parts is
    if (verdict.standing is Standing.EXEMPT and not untold) or verdict.subject.kind not in ("commune", "province"):
        return
    communes: Mapping[str, Any] = verdict.evidence.get("communes", {})
    match target:
        case Share():
            for code, standing in sorted((code, standing) for standing, codes in communes.items() for code in codes):
                yield Line("commune", code, standing)
        case Pooled():
            for code, told in communes.items():
                counts = tuple(told[name] for name in COUNTS)
                yield Line("commune", code, coverage=told["coverage"], counts=counts)
        case _:
            for part in verdict.evidence.get("parts", ()):
                figures = part["standing"], part["value"], part["coverage"], tuple(part["window"])
                yield Line(part["kind"], part["id"], *figures)


def _agrees(line: Line, node: Node) -> bool:
    part = node.verdict
    if line.kind != part.subject.kind:
        return False
    if line.counts:
        sites = [site.verdict.evidence["counts"] for _, site in node.parts if site is not None]
        return line.counts == tuple(sum(site[name] for site in sites) for name in COUNTS)
    told = part.value, part.coverage, part.window
    return line.standing == part.standing and (line.window is None or (line.value, line.coverage, line.window) == told)
