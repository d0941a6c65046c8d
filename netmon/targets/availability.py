"""The availability rule (SEMANTICS 6): the share of the time seen in which a service or a link was available.

Time that netmon did not see (a state it could not tell, no state at all, its own absence) is in neither part of the ratio,
only in the coverage: silence never passes, and never fails. Everything is in seconds; instants are Unix seconds and, beside
them, local ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Protocol

from netmon.model import Available, ErrorBudget, LinkState, Service, Span, Standing, Subject, Verdict, Window
from netmon.targets.definitions import WITHOUT_DECLARED, Availability
from netmon.targets.later import Later
from netmon.targets.windows import iso

LONGEST = 20
"""How many of the longest outages a verdict shows."""

_AVAILABLE: dict[str, frozenset[str]] = {
    "service": frozenset({Service.UP, Service.ON_BACKUP}),
    "link": frozenset({LinkState.UP}),
}
_NOT_AVAILABLE: dict[str, frozenset[str]] = {
    "service": frozenset({Service.ISOLATED, Service.UNREACHABLE}),
    "link": frozenset({LinkState.DOWN}),
}


class Interval(Protocol):
    """[start, end) in Unix seconds: a window, an absence."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...


def judge_availability(
    target: Availability,
    subject: Subject,
    spans: Sequence[Span],
    absences: Sequence[Interval],
    window: Window,
    now: float,
    *,
    declared: Sequence[Interval] = (),
    whole: Window | None = None,
    simulated_s: float = 0.0,
) -> Verdict:
    """The verdict on a site's service or on a link over `window`, clipped to `now`.

    `spans` are the subject's states; where two overlap, the later one speaks. `absences` are the times when netmon did not
    run. `declared` windows (storm, maintenance) are left out of a second figure that is shown beside the raw one; the target
    says which of them is judged, by default the raw one. Where they are left out, the error budget is of the rest. `whole`
    is the window of which this is the part that a moved site was in one commune: the error budget is of the whole.
    `simulated_s` says how much of the spans a simulator made. Final once the window is over; a window of days moves with
    `now` and never is.
    """
    seen = Window(window.start, max(window.start, min(window.end, now)))
    pieces = list(clipped(spans, absences, seen))
    raw = _tally(target.of, pieces, seen.end - seen.start)
    excluded = union(declared, seen)
    undeclared = list(clipped([Span(*piece) for piece in pieces], excluded, seen))
    declared_s = sum(end - start for start, end in excluded)
    without = _tally(target.of, undeclared, raw.elapsed - declared_s)
    judged, less_s = (without, declared_s) if target.judge == WITHOUT_DECLARED else (raw, 0.0)
    budget_s = _budget_s(target, whole or window, less_s)
    outages = _outages(target.of, pieces)
    longest = sorted(outages, key=lambda outage: outage.start - outage.end)[:LONGEST]
    return Verdict(
        target=target.id,
        subject=subject,
        standing=_standing(target, judged, budget_s),
        value=judged.value,
        limit=target.limit,
        coverage=judged.coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": "availability",
            "of": target.of,
            "raw": raw.evidence(),
            "without_declared": without.evidence(),
            "declared": [[start, end] for start, end in excluded],
            "error_budget": {"total": budget_s, "spent": judged.not_available},
            "outage_count": len(outages),
            "outages": [
                {
                    "state": state,
                    "start": start,
                    "end": end,
                    "local_start": iso(start),
                    "local_end": iso(end),
                    "seconds": end - start,
                }
                for state, start, end in longest
            ],
            "simulated_s": simulated_s,
        },
        error_budget=ErrorBudget(budget_s, judged.not_available),
        available=Available(raw.value, without.value),
    )


class Account:
    """What is remembered of a subject's states, so that judging it again neither reads nor counts while the last state
    lasts: its seconds grow, all others stand. `judge_availability` is the definition; an Account says the same."""

    __slots__ = (
        "_absences",
        "_before",
        "_from",
        "_measured",
        "_open",
        "_simulated_s",
        "_spans",
        "_start",
        "_whole",
        "_window",
    )

    def __init__(self, spans: Sequence[Span], window: Window, simulated_s: float, *, measured: bool) -> None:
        """All the spans from the window's start on, also after its end; one that lasts has no end (inf), and is the last.
        `measured`: a simulator made none of them."""
        lasts = bool(spans) and spans[-1].end == inf
        self._spans = tuple(spans[:-1] if lasts else spans)
        self._open = spans[-1] if lasts else None
        self._window = window
        self._measured = measured
        self._simulated_s = simulated_s
        self._start: float | None = None  # of the window that was counted
        self._absences: Sequence[Interval] = ()
        self._before = _tally("", (), 0.0)
        self._whole = False  # whether all but that was counted
        self._from = 0.0  # where what is not counted begins: from here on only the open span lasts, if there is one

    def covers(self, window: Window) -> bool:
        """Whether what was read is enough for this window; of what was simulated there is a figure for one window only."""
        return window == self._window or (self._measured and window.start >= self._window.start)

    def verdict(
        self,
        target: Availability,
        subject: Subject,
        absences: Sequence[Interval],
        declared: Sequence[Interval],
        window: Window,
        now: float,
    ) -> Verdict:
        """The verdict over a window that it covers. Where some of it lies in declared windows all is counted anew: few are
        in a storm for long."""
        if declared:
            return self._afresh(target, subject, absences, declared, window, now)
        end = max(window.start, min(window.end, now))
        if self._start != window.start or self._absences is not absences or not self._whole or self._from > end:
            self._count(target.of, absences, window.start, end)
        raw = self._before
        lasting = () if self._open is None or self._from > end else (Span(self._open.state, self._from, end),)
        raw = _tally(target.of, lasting, end - window.start, raw)
        budget_s = _budget_s(target, window)
        return Verdict(
            target=target.id,
            subject=subject,
            standing=_standing(target, raw, budget_s),
            value=raw.value,
            limit=target.limit,
            coverage=raw.coverage,
            window=window,
            final=target.window_days is None and now >= window.end,
            evidence=Later(
                partial(_evidence, target, subject, self._all(), absences, declared, window, now, self._simulated_s)
            ),
            error_budget=ErrorBudget(budget_s, raw.not_available),
            available=Available(raw.value, raw.value),
        )

    def _all(self) -> tuple[Span, ...]:
        return self._spans if self._open is None else (*self._spans, self._open)

    def _afresh(
        self,
        target: Availability,
        subject: Subject,
        absences: Sequence[Interval],
        declared: Sequence[Interval],
        window: Window,
        now: float,
    ) -> Verdict:
        known = self._simulated_s
        return judge_availability(target, subject, self._all(), absences, window, now, declared=declared, simulated_s=known)

    def _count(self, of: str, absences: Sequence[Interval], start: float, end: float) -> None:
        self._spans = tuple(span for span in self._spans if span.end > start)
        spans = self._all()
        known = [span.start if span is self._open else span.end for span in spans]
        self._start, self._absences = start, absences
        self._from = max([start, *known, *(absence.end for absence in absences)])
        self._whole = self._from <= end
        counted = Window(start, min(self._from, end))
        self._before = _tally(of, clipped(spans, absences, counted), counted.end - counted.start)


def _evidence(
    target: Availability,
    subject: Subject,
    spans: Sequence[Span],
    absences: Sequence[Interval],
    declared: Sequence[Interval],
    window: Window,
    now: float,
    simulated_s: float,
) -> Mapping[str, Any]:
    return judge_availability(
        target, subject, spans, absences, window, now, declared=declared, simulated_s=simulated_s
    ).evidence


def _budget_s(target: Availability, window: Window, less_s: float = 0.0) -> float:
    return round((1 - target.limit) * (window.end - window.start - less_s), 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """Seconds, counted. `on_backup` is part of `available`."""

    available: float
    not_available: float
    on_backup: float
    elapsed: float

    @property
    def value(self) -> float | None:
        told = self.available + self.not_available
        return self.available / told if told > 0 else None

    @property
    def coverage(self) -> float:
        return (self.available + self.not_available) / self.elapsed if self.elapsed > 0 else 0.0

    def evidence(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "coverage": self.coverage,
            "available": self.available,
            "not_available": self.not_available,
            "on_backup": self.on_backup,
            "unseen": self.elapsed - self.available - self.not_available,
            "elapsed": self.elapsed,
        }


def _standing(target: Availability, raw: _Tally, budget_s: float) -> Standing:
    if raw.value is None:
        return Standing.UNPROVEN
    if (raw.elapsed - raw.not_available) / raw.elapsed < target.limit:
        return Standing.MISSED  # even if all that was not seen had been available
    if raw.coverage < target.coverage:
        return Standing.UNPROVEN
    if raw.value < target.limit:
        return Standing.MISSED
    if raw.not_available > round(target.budget_at_risk * budget_s, 6):
        return Standing.AT_RISK
    return Standing.MET


def _tally(of: str, pieces: Iterable[Span], elapsed: float, before: _Tally | None = None) -> _Tally:
    """The seconds of the pieces, on top of those of what was `before` them."""
    available = not_available = on_backup = 0.0
    if before is not None:
        available, not_available, on_backup = before.available, before.not_available, before.on_backup
    for state, start, end in pieces:
        if state in _AVAILABLE[of]:
            available += end - start
            if state == Service.ON_BACKUP:
                on_backup += end - start
        elif state in _NOT_AVAILABLE[of]:
            not_available += end - start
    return _Tally(available=available, not_available=not_available, on_backup=on_backup, elapsed=elapsed)


def clipped(spans: Iterable[Span], holes: Iterable[Interval], within: Window) -> Iterator[Span]:
    """What is left of the spans inside the window and outside the holes, in order of time."""
    cut = union(holes, within)
    ordered = sorted(spans, key=lambda span: span.start)
    for i, (state, start, end) in enumerate(ordered):
        following = ordered[i + 1].start if i + 1 < len(ordered) else inf
        at, last = max(start, within.start), min(end, following, within.end)
        for hole in cut:
            if hole.start >= last:
                break
            if hole.start > at:
                yield Span(state, at, hole.start)
            at = max(at, hole.end)
        if at < last:
            yield Span(state, at, last)


def union(intervals: Iterable[Interval], within: Window) -> list[Window]:
    """The intervals clipped, in order, with those that touch or overlap made one."""
    joined: list[Window] = []
    for start, end in sorted((max(each.start, within.start), min(each.end, within.end)) for each in intervals):
        if start >= end:
            continue
        if joined and start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(end, joined[-1].end))
        else:
            joined.append(Window(start, end))
    return joined


def overlap_s(intervals: Iterable[Interval], start: float, end: float) -> float:
    """The seconds of [start, end) that lie in disjoint intervals."""
    return sum(max(0.0, min(each.end, end) - max(each.start, start)) for each in intervals)


def _outages(of: str, pieces: Iterable[Span]) -> list[Span]:
    """The times when it was not available, those that touch in one state made one."""
    outages: list[Span] = []
    for piece in pieces:
        if piece.state not in _NOT_AVAILABLE[of]:
            continue
        if outages and outages[-1].end == piece.start and outages[-1].state == piece.state:
            outages[-1] = Span(piece.state, outages[-1].start, piece.end)
        else:
            outages.append(piece)
    return outages
