"""From links and sites to a commune, from communes to their province (SEMANTICS 7).

Worst first: missed, unproven, at_risk, met; exempt drops out, and an empty set is unproven: silence never passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from netmon.model import Standing, Subject, Verdict, Window
from netmon.targets.definitions import AnyTarget, Availability, PercentileUtilisation, Share
from netmon.targets.later import Later, read_once

_WORST_FIRST = (Standing.MISSED, Standing.UNPROVEN, Standing.AT_RISK, Standing.MET, Standing.EXEMPT)
_SEVERITY = {standing: -place for place, standing in enumerate(_WORST_FIRST)}


def severity(standing: Standing) -> int:
    """Higher is worse."""
    return _SEVERITY[standing]


def worst(standings: Iterable[Standing]) -> Standing:
    """The worst standing of those that count; unproven when none does."""
    counted = [standing for standing in standings if standing is not Standing.EXEMPT]
    return max(counted, key=severity, default=Standing.UNPROVEN)


def rule_name(target: AnyTarget) -> str:
    """The rule's name in configuration and evidence."""
    match target:
        case PercentileUtilisation():
            return "percentile_utilisation"
        case Availability():
            return "availability"
        case Share():
            return "share"


def commune_verdict(
    target: PercentileUtilisation | Availability,
    commune: str,
    parts: Sequence[Verdict],
    *,
    window: Window,
    final: bool,
) -> Verdict:
    """One target on one commune: its worst link or site. `window` and `final` speak where there is no part."""
    counted = [part for part in parts if part.standing is not Standing.EXEMPT]
    speaks = max(counted, key=lambda part: _badness(target, part), default=None)
    return Verdict(
        target=target.id,
        subject=Subject("commune", commune),
        standing=Standing.UNPROVEN if speaks is None else speaks.standing,
        value=None if speaks is None else speaks.value,
        limit=target.limit,
        coverage=0.0 if speaks is None else speaks.coverage,
        window=window if speaks is None else speaks.window,
        final=final if speaks is None else speaks.final,
        evidence=Later(partial(_commune_evidence, target, tuple(parts), speaks)),
    )


def _commune_evidence(target: AnyTarget, parts: Sequence[Verdict], speaks: Verdict | None) -> dict[str, Any]:
    return {
        "rule": rule_name(target),
        "parts": [
            {
                "kind": part.subject.kind,
                "id": part.subject.id,
                "standing": part.standing.value,
                "value": part.value,
                "coverage": part.coverage,
            }
            for part in parts
        ],
        "worst": None
        if speaks is None
        else {"kind": speaks.subject.kind, "id": speaks.subject.id, "evidence": read_once(speaks.evidence)},
    }


def _badness(target: PercentileUtilisation | Availability, part: Verdict) -> tuple[int, float]:
    """Among equal standings the figure further towards a miss is worse, and no figure at all is worst."""
    if part.value is None:
        return severity(part.standing), float("inf")
    return severity(part.standing), part.value if isinstance(target, PercentileUtilisation) else -part.value


def exempt_verdict(target: AnyTarget, subject: Subject, reason: str, *, window: Window, final: bool) -> Verdict:
    """A subject that the target does not judge, and why."""
    return Verdict(
        target=target.id,
        subject=subject,
        standing=Standing.EXEMPT,
        value=None,
        limit=target.limit,
        coverage=0.0,
        window=window,
        final=final,
        evidence={"rule": rule_name(target), "exempt": reason},
    )


def province_verdict(
    target: Share,
    province: str,
    communes: Sequence[tuple[str, Standing]],
    *,
    window: Window,
    final: bool,
    out_of_scope: Mapping[str, str] | None = None,
) -> Verdict:
    """A province over its communes in scope: the share that meets the commune target `target.of`.

    A miss is certain only when even all the unproven ones could not save it. `out_of_scope` is shown with its reasons and
    counts nowhere.
    """
    by_standing = {standing: sorted(code for code, found in communes if found is standing) for standing in _WORST_FIRST}
    at_risk, unproven = len(by_standing[Standing.AT_RISK]), len(by_standing[Standing.UNPROVEN])
    met = len(by_standing[Standing.MET]) + at_risk
    judged = len(communes) - len(by_standing[Standing.EXEMPT])
    if judged == 0:
        standing = Standing.UNPROVEN
    elif (met + unproven) / judged < target.limit:
        standing = Standing.MISSED
    elif met / judged < target.limit:
        standing = Standing.UNPROVEN
    elif (met - at_risk) / judged < target.limit:
        standing = Standing.AT_RISK
    else:
        standing = Standing.MET
    return Verdict(
        target=target.id,
        subject=Subject("province", province),
        standing=standing,
        value=met / judged if judged else None,
        limit=target.limit,
        coverage=(judged - unproven) / judged if judged else 0.0,
        window=window,
        final=final,
        evidence={
            "rule": rule_name(target),
            "of": target.of,
            "judged": judged,
            "met": met,
            "communes": {standing.value: codes for standing, codes in by_standing.items()},
            "out_of_scope": dict(out_of_scope or {}),
        },
    )
