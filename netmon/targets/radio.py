"""The radio rule: for how much of the time the operators said that their cells at a mast were up.

The operators tell of their cells themselves (their systems run the base stations, and a province asks no eNodeB), so this is
what they say, not what was measured. It is counted by operator and technology: cell-seconds up against cell-seconds up and
down. Time in which a cell's state is not known, before its first word, and in which netmon did not run, is in neither; it
lowers the coverage. A second figure leaves declared windows (storm, maintenance) out; the raw one is judged. Times are
seconds; instants are Unix seconds and, beside them, local ISO 8601.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from typing import Any, Protocol

from netmon.model import CellName, CellState, Site, Span, Standing, Subject, Verdict, Window
from netmon.targets.availability import Interval, clipped, overlap_s, union
from netmon.targets.definitions import RadioAvailability
from netmon.targets.rollup import severity
from netmon.targets.windows import iso

NO_FEED = "no_feed"
"""Why a site is exempt of whose cells no operator has ever told: that a feed is not there proves nothing."""

LONGEST = 20
"""How many of the longest times in which a cell was down a verdict shows."""


class Told(Protocol):
    """What is told of a cell over a window: its states, when netmon did not run, and how much of it nobody measured."""

    @property
    def spans(self) -> Sequence[Span]: ...

    @property
    def absences(self) -> Sequence[Interval]: ...

    @property
    def simulated_s(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The cells of one operator and technology: cell-seconds."""

    operator: str
    technology: str
    cells: int
    up: float
    down: float
    elapsed: float
    allowed: float

    @property
    def value(self) -> float | None:
        told = self.up + self.down
        return self.up / told if told > 0 else None

    @property
    def coverage(self) -> float:
        return (self.up + self.down) / self.elapsed if self.elapsed > 0 else 0.0

    def standing(self, target: RadioAvailability) -> Standing:
        if self.value is None:
            return Standing.UNPROVEN
        if (self.elapsed - self.down) / self.elapsed < target.limit:
            return Standing.MISSED  # even if each cell had been up whenever nothing was told of it
        if self.coverage < target.coverage:
            return Standing.UNPROVEN
        if self.value < target.limit:
            return Standing.MISSED
        return Standing.AT_RISK if self.down > round(target.budget_at_risk * self.allowed, 6) else Standing.MET

    def brief(self) -> dict[str, Any]:
        return {
            "operator": self.operator,
            "technology": self.technology,
            "value": self.value,
            "coverage": self.coverage,
            "up": self.up,
            "down": self.down,
            "elapsed": self.elapsed,
        }

    def evidence(self, target: RadioAvailability) -> dict[str, Any]:
        return self.brief() | {
            "standing": self.standing(target).value,
            "cells": self.cells,
            "unseen": self.elapsed - self.up - self.down,
            "allowed": self.allowed,
        }


def judge_radio(
    target: RadioAvailability,
    site: Site,
    cells: Mapping[CellName, Told],
    window: Window,
    now: float,
    *,
    declared: Sequence[Interval] = (),
) -> Verdict:
    """The verdict on a mast over `window`, as far as it has gone at `now`. `cells` are all of which an operator ever told,
    with what was told in the window; where there are none the site is exempt.

    The operator and technology that is worst speaks. An operator who is on air there and tells of no cell, and a technology
    of his there of which he tells none, stand in the evidence, and are not judged. One who told and has gone silent is time
    that nobody saw; but a cell of which nothing was said in the whole window, while its operator spoke of others or has left
    the mast, is there no more.
    """
    seen = Window(window.start, max(window.start, min(window.end, now)))
    final = target.window_days is None and now >= window.end
    on_air = {carrier.operator for carrier in site.carriers if carrier.on_air is None or carrier.on_air < seen.end}
    cells = _present(cells, on_air, seen)
    facts: dict[str, Any] = {
        "start": seen.start,
        "end": seen.end,
        "local_start": iso(seen.start),
        "local_end": iso(seen.end),
        "on_air": sorted(on_air),
        "not_told": sorted(_not_told(cells, site, on_air)),
    }
    groups, downs = _counted(target, cells, window, seen)
    left_out = union(declared, seen)
    without = _counted(target, cells, window, seen, left_out)[0] if left_out else groups
    speaks = max(groups, key=lambda group: _badness(target, group), default=None)
    if speaks is None:
        return Verdict(
            target=target.id,
            subject=Subject("site", site.id),
            standing=Standing.EXEMPT,
            value=None,
            limit=target.limit,
            coverage=0.0,
            window=window,
            final=final,
            evidence={"rule": target.rule, "exempt": NO_FEED, **facts},
        )
    longest = sorted(downs, key=lambda down: (down[1].start - down[1].end, down))[:LONGEST]
    return Verdict(
        target=target.id,
        subject=Subject("site", site.id),
        standing=speaks.standing(target),
        value=speaks.value,
        limit=target.limit,
        coverage=speaks.coverage,
        window=window,
        final=final,
        evidence={
            "rule": target.rule,
            "operator": speaks.operator,
            "technology": speaks.technology,
            **facts,
            "groups": [group.evidence(target) for group in groups],
            "without_declared": [group.brief() for group in without],
            "declared": [[start, end] for start, end in left_out],
            "cell_count": len(cells),
            "down_count": len(downs),
            "downs": [
                {
                    "operator": name.operator,
                    "technology": name.technology,
                    "cell": name.cell,
                    "start": start,
                    "end": end,
                    "local_start": iso(start),
                    "local_end": iso(end),
                    "seconds": end - start,
                }
                for name, (_, start, end) in longest
            ],
            "simulated_s": sum(told.simulated_s for told in cells.values()),
        },
    )


def _present(cells: Mapping[CellName, Told], on_air: set[str], seen: Window) -> dict[CellName, Told]:
    """Without those that are there no more."""
    spoken = {
        name for name, told in cells.items() if any(span.start < seen.end and span.end > seen.start for span in told.spans)
    }
    silent = on_air - {name.operator for name in spoken}
    return {name: told for name, told in cells.items() if name in spoken or name.operator in silent}


def _not_told(cells: Mapping[CellName, Told], site: Site, on_air: set[str]) -> set[str]:
    """Each operator/technology that is there, or operator whose technologies nobody named, of which no cell is told."""
    told = {(name.operator, name.technology) for name in cells}
    names = {f"{operator}/{technology}" for operator, technology in told} | {operator for operator, _ in told}
    there = [carrier for carrier in site.carriers if carrier.operator in on_air]
    wanted = {f"{one.operator}/{each}" for one in there for each in one.technologies}
    return (wanted | {one.operator for one in there if not one.technologies}) - names


def _counted(
    target: RadioAvailability,
    cells: Mapping[CellName, Told],
    window: Window,
    seen: Window,
    declared: Sequence[Interval] = (),
) -> tuple[list[_Group], list[tuple[CellName, Span]]]:
    """The groups in order of their names, and each time that a cell was down."""
    declared_s = overlap_s(declared, *seen)
    groups: list[_Group] = []
    downs: list[tuple[CellName, Span]] = []
    ordered = sorted(cells, key=lambda name: (name.operator, name.technology, name))
    for (operator, technology), together in groupby(ordered, key=lambda name: (name.operator, name.technology)):
        up, names, before = 0.0, list(together), len(downs)
        for name in names:
            pieces = list(clipped(cells[name].spans, [*cells[name].absences, *declared], seen))
            up += sum(end - start for state, start, end in pieces if state == CellState.UP)
            downs += [(name, piece) for piece in _joined(pieces)]
        groups.append(
            _Group(
                operator=operator,
                technology=technology,
                cells=len(names),
                up=up,
                down=sum(end - start for _, (_, start, end) in downs[before:]),
                elapsed=len(names) * (seen.end - seen.start - declared_s),
                allowed=round((1 - target.limit) * len(names) * (window.end - window.start), 6),
            )
        )
    return groups, downs


def _joined(pieces: Sequence[Span]) -> list[Span]:
    """The times when it was down, those that touch made one."""
    downs: list[Span] = []
    for piece in pieces:
        if piece.state != CellState.DOWN:
            continue
        if downs and downs[-1].end == piece.start:
            downs[-1] = Span(piece.state, downs[-1].start, piece.end)
        else:
            downs.append(piece)
    return downs


def _badness(target: RadioAvailability, group: _Group) -> tuple[int, float]:
    """Among equal standings the lower share is worse, and none at all is worst."""
    return severity(group.standing(target)), inf if group.value is None else -group.value
