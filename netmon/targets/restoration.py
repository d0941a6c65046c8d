"""The restoration rule: of the outages of a site's service, the share that was over within the time for its kind of commune
(after QCVN 34); and the cases of all communes of a province counted together.

A case is an outage that ended in the window, (start, end], or that lasts at its end, or now. Its time runs from the start
that was recorded to the end of `isolated` and `unreachable`; a backup that answers restores the service. One that lasts is
late once its time is over, and pending before: it counts neither way. One that is late at the end of a month and ends in
the next is a case of both.

Where netmon did not see the end (its own absence, a state that it could not tell), the outage was over at the earliest when
it was last seen, at the latest when the service was seen again. The case is late if even the earliest end was too late, in
time if the latest was not, and else unproven. An outage that was seen before and after an absence is one.

A second figure leaves declared windows (storm, maintenance) out: while one lasts, the clock of a case stands still. The raw
one is judged.

Times are in seconds, instants Unix seconds and, beside them, local ISO 8601.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from netmon.model import Outage, Service, Site, Span, Standing, Subject, Verdict, Window
from netmon.targets.availability import Interval, clipped, overlap_s
from netmon.targets.definitions import Pooled, Restoration
from netmon.targets.windows import iso

LONGEST = 20
"""How many of the worst cases a verdict shows."""

_LOST = frozenset({Service.ISOLATED, Service.UNREACHABLE})
_SEEN = _LOST | {Service.UP, Service.ON_BACKUP}


class Outcome(StrEnum):
    """What a case comes to, worst first."""

    LATE = "late"
    UNPROVEN = "unproven"
    PENDING = "pending"
    IN_TIME = "in_time"


_WORST_FIRST = list(Outcome)


@dataclass(frozen=True, slots=True)
class Tally:
    """Cases, counted. `at_risk` are those of the pending ones that have spent so much of their time that they are told."""

    in_time: int = 0
    late: int = 0
    pending: int = 0
    unproven: int = 0
    at_risk: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.in_time + other.in_time,
            self.late + other.late,
            self.pending + other.pending,
            self.unproven + other.unproven,
            self.at_risk + other.at_risk,
        )

    @property
    def cases(self) -> int:
        return self.in_time + self.late + self.pending + self.unproven

    def share(self, *, more_in_time: int = 0, more_late: int = 0) -> float:
        """The share in time, if so many of the undecided came to this; 1 where nothing is decided."""
        good, bad = self.in_time + more_in_time, self.late + more_late
        return good / (good + bad) if good + bad else 1.0

    def value(self, *, proven: bool) -> float | None:
        """The figure of the verdict: that nothing broke is 1 where it is proven; None where no case is decided."""
        if self.in_time + self.late:
            return self.share()
        return 1.0 if proven and not self.cases else None

    def standing(self, limit: float, *, proven: bool, at_risk: bool) -> Standing:
        """`proven`: enough was seen. A miss that no undecided case could undo is one whatever was seen; and where an
        unproven case decides, so is the verdict."""
        if self.share(more_in_time=self.pending + self.unproven) < limit:
            return Standing.MISSED
        if not proven:
            return Standing.UNPROVEN
        if self.share(more_in_time=self.unproven) < limit:
            return Standing.MISSED
        if self.share(more_late=self.unproven) < limit:
            return Standing.UNPROVEN
        return Standing.AT_RISK if at_risk else Standing.MET


class _Case(NamedTuple):
    """An outage against the time allowed. `end` is None while it lasts, `until` the last instant that counts of it; it took
    at least `least_s` and at most `most_s`."""

    outage: Outage
    commune: str
    kind: str
    known_kind: bool
    allowed_s: float
    end: float | None
    until: float
    least_s: float

    @property
    def most_s(self) -> float:
        return self.until - self.outage.start

    @property
    def outcome(self) -> Outcome:
        return self.comes_to(self.least_s, self.most_s)

    def comes_to(self, least_s: float, most_s: float) -> Outcome:
        """What it is if it took so long at least, and at most."""
        if least_s > self.allowed_s:
            return Outcome.LATE
        if most_s > self.allowed_s:
            return Outcome.UNPROVEN
        return Outcome.PENDING if self.end is None else Outcome.IN_TIME

    def undeclared(self, declared: Sequence[Interval]) -> tuple[float, float]:
        """What it took at least and at most outside of the declared windows."""
        start = self.outage.start
        least_s = self.least_s - overlap_s(declared, start, start + self.least_s)
        return least_s, self.most_s - overlap_s(declared, start, self.until)

    def evidence(self) -> dict[str, Any]:
        start, outcome = self.outage.start, self.outcome
        return {
            "start": start,
            "end": self.end,
            "local_start": iso(start),
            "local_end": None if self.end is None else iso(self.end),
            "seconds": self.most_s,
            "least_seconds": self.least_s,
            "allowed_s": self.allowed_s,
            "commune": self.commune,
            "kind": self.kind,
            "longest_allowed": not self.known_kind,
            "outcome": outcome.value,
            "in_time": {Outcome.IN_TIME: True, Outcome.LATE: False}.get(outcome),
            "state": self.outage.state,
            "cause": self.outage.cause,
        }


def judge_restoration(
    target: Restoration,
    site: Site,
    kind_at: Callable[[str, float], str],
    outages: Sequence[Outage],
    spans: Sequence[Span],
    absences: Sequence[Interval],
    window: Window,
    now: float,
    *,
    declared: Sequence[Interval] = (),
    simulated_s: float = 0.0,
) -> Verdict:
    """The verdict on a site over `window`, clipped to `now`.

    `outages` are those of the site's service that touch the window, whole; `spans` its states and `absences` the times when
    netmon did not run, in the window. The time allowed is that of the kind of unit to which the site belonged when the
    outage began, as `kind_at` tells it of a commune at an instant; a kind without a time has the longest one. `declared` are
    the disjoint intervals of declared windows, from the start of the first outage on.

    A window in which nothing broke is met if enough of it was seen. A pending case past `at_risk` of its time is at risk.
    """
    seen = Window(window.start, max(window.start, min(window.end, now)))
    pieces = list(clipped(spans, absences, seen))
    elapsed = seen.end - seen.start
    known = sum(end - start for state, start, end in pieces if state in _SEEN)
    coverage = known / elapsed if elapsed > 0 else 0.0
    proven = coverage > 0 and coverage >= target.coverage
    cases = [_case(target, site, kind_at, outage, pieces, seen) for outage in outages if _counts(outage, seen)]
    cases.sort(key=lambda case: (_WORST_FIRST.index(case.outcome), -case.most_s / case.allowed_s, case.outage.start))
    tally, without = _tally(target, cases), _tally(target, cases, declared)
    value = tally.value(proven=proven)
    return Verdict(
        target=target.id,
        subject=Subject("site", site.id),
        standing=tally.standing(target.limit, proven=proven, at_risk=tally.at_risk > 0),
        value=value,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "value": value,
            "counts": asdict(tally),
            "ended": asdict(_tally(target, (case for case in cases if case.end is not None))),
            "without_declared": {"value": without.value(proven=proven), "counts": asdict(without)},
            "declared": [[each.start, each.end] for each in declared],
            "no_outage": proven and not cases,
            "within_s": dict(target.within_s),
            "coverage": coverage,
            "seen": known,
            "elapsed": elapsed,
            "case_count": len(cases),
            "cases": [case.evidence() for case in cases[:LONGEST]],
            "simulated_s": simulated_s,
        },
    )


def _counts(outage: Outage, seen: Window) -> bool:
    """Whether it ended in the window or lasts at its end."""
    return outage.start < seen.end and (outage.end is None or outage.end > seen.start)


def _case(
    target: Restoration,
    site: Site,
    kind_at: Callable[[str, float], str],
    outage: Outage,
    pieces: Iterable[Span],
    seen: Window,
) -> _Case:
    lasts = outage.end is None or outage.end > seen.end
    until = seen.end if lasts or outage.end is None else outage.end
    last_seen = max(
        (min(end, until) for state, start, end in pieces if state in _LOST and start < until and end > outage.start),
        default=outage.start,
    )
    commune = site.commune_at(outage.start)
    kind = kind_at(commune, outage.start)
    allowed_s = target.within_s.get(kind)
    return _Case(
        outage=outage,
        commune=commune,
        kind=kind,
        known_kind=allowed_s is not None,
        allowed_s=max(target.within_s.values()) if allowed_s is None else allowed_s,
        end=None if lasts else until,
        until=until,
        least_s=last_seen - outage.start,
    )


def _tally(target: Restoration, cases: Iterable[_Case], declared: Sequence[Interval] = ()) -> Tally:
    found = Tally()
    for case in cases:
        least_s, most_s = case.undeclared(declared)
        outcome = case.comes_to(least_s, most_s)
        told = outcome is Outcome.PENDING and most_s > target.at_risk * case.allowed_s
        found += Tally(**{outcome.value: 1}, at_risk=int(told))
    return found


# --- a province's communes together -----------------------------------------------------------------------------------


def pooled_verdict(
    target: Pooled,
    of: Restoration,
    province: str,
    cases: Mapping[str, Sequence[Verdict]],
    window: Window,
    *,
    final: bool,
    out_of_scope: Mapping[str, str],
) -> Verdict:
    """The verdict on a province: the cases of all its communes in scope, counted together.

    `cases` are the verdicts of `judge_restoration` that count for each commune, none where there is nothing to judge. The
    coverage is the mean of the communes', each that of the time that its parts had; but nothing is proven unless every
    one of them reaches the floor, for nobody knows how many late cases hide in one that was not seen. Where a site moved
    on to another commune here, the outage that lasted then is a case of the other. At risk where the share falls below
    the limit if the pending cases that are at risk come late. `out_of_scope` is shown with its reasons and counts
    nowhere.
    """
    carried = {(part.subject, part.window.start) for parts in cases.values() for part in parts}
    tallies = {code: sum((_tally_of(part, carried) for part in parts), Tally()) for code, parts in cases.items()}
    tally = sum(tallies.values(), Tally())
    coverages = {code: _coverage(parts) for code, parts in cases.items()}
    coverage = sum(coverages.values()) / len(coverages) if coverages else 0.0
    unseen = sorted(code for code, each in coverages.items() if each == 0 or each < of.coverage)
    proven = bool(coverages) and not unseen
    value = tally.value(proven=proven)
    listed = sorted(_listed(cases, carried), key=lambda case: -case["seconds"] / case["allowed_s"])
    late = [case for case in listed if case["outcome"] == Outcome.LATE]
    unproven = [case for case in listed if case["outcome"] == Outcome.UNPROVEN]
    return Verdict(
        target=target.id,
        subject=Subject("province", province),
        standing=tally.standing(target.limit, proven=proven, at_risk=tally.share(more_late=tally.at_risk) < target.limit),
        value=value,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=final,
        evidence={
            "rule": target.rule,
            "of": target.of,
            "value": value,
            "counts": asdict(tally),
            "no_outage": proven and not tally.cases,
            "coverage": coverage,
            "coverage_needed": of.coverage,
            "unseen_count": len(unseen),
            "unseen": unseen[:LONGEST],
            "judged": len(cases),
            "communes": {code: {**asdict(tallies[code]), "coverage": coverages[code]} for code in sorted(cases)},
            "late": late[:LONGEST],
            "unproven": unproven[:LONGEST],
            "out_of_scope": dict(out_of_scope),
            "simulated_s": sum(part.evidence["simulated_s"] for parts in cases.values() for part in parts),
        },
    )


def _goes_on(part: Verdict, carried: Container[tuple[Subject, float]]) -> bool:
    """Whether the site's next stay is counted too, and with it the outage that lasted at the end of this one."""
    return (part.subject, part.window.end) in carried


def _tally_of(part: Verdict, carried: Container[tuple[Subject, float]]) -> Tally:
    return Tally(**part.evidence["ended" if _goes_on(part, carried) else "counts"])


def _listed(cases: Mapping[str, Sequence[Verdict]], carried: Container[tuple[Subject, float]]) -> Iterator[dict[str, Any]]:
    for parts in cases.values():
        for part in parts:
            for case in part.evidence["cases"]:
                if case["end"] is not None or not _goes_on(part, carried):
                    yield {"site": part.subject.id, **case}


def _coverage(parts: Sequence[Verdict]) -> float:
    elapsed = sum(part.evidence["elapsed"] for part in parts)
    return sum(part.evidence["seen"] for part in parts) / elapsed if elapsed > 0 else 0.0
