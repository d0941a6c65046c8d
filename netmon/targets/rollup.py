"""From links and sites to a commune, from communes to their province (SEMANTICS 7).

Worst first: missed, unproven, at_risk, met; exempt drops out, and an empty set is unproven: silence never passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from netmon.model import Standing, Subject, Verdict, Window
from netmon.targets.definitions import AnyTarget, CommuneTarget, Share
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


def whole_verdict(
    target: CommuneTarget, subject: Subject, parts: Sequence[Verdict], window: Window, *, final: bool
) -> Verdict:
    """One target on a commune, or on a province's own sites: the worst link or site. A part that moved within the window
    counts where it was, for as long as it was there. Where there are parts and each is exempt, so is the whole: what cannot
    be judged anywhere in it is not judged of it."""
    counted = [part for part in parts if part.standing is not Standing.EXEMPT]
    if parts and not counted:
        evidence = {"rule": target.rule, "exempt": parts[0].evidence["exempt"], "parts": _told(parts)}
        return replace(exempt_verdict(target, subject, "", window=window, final=final), evidence=evidence)
    speaks = max(counted, key=lambda part: _badness(target, part), default=None)
    return Verdict(
        target=target.id,
        subject=subject,
        standing=Standing.UNPROVEN if speaks is None else speaks.standing,
        value=None if speaks is None else speaks.value,
        limit=target.limit if speaks is None else speaks.limit,
        coverage=0.0 if speaks is None else speaks.coverage,
        window=window if speaks is None or window.start <= speaks.window.start else speaks.window,
        final=final,
        evidence=Later(partial(_whole_evidence, target, tuple(parts), speaks)),
        error_budget=None if speaks is None else speaks.error_budget,
        crossing_s=min((part.crossing_s for part in counted if part.crossing_s is not None), default=None),
        available=None if speaks is None else speaks.available,
    )


def _whole_evidence(target: CommuneTarget, parts: Sequence[Verdict], speaks: Verdict | None) -> dict[str, Any]:
    return {
        "rule": target.rule,
        "parts": _told(parts),
        "worst": None
        if speaks is None
        else {"kind": speaks.subject.kind, "id": speaks.subject.id, "evidence": read_once(speaks.evidence)},
    }


def _told(parts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "kind": part.subject.kind,
            "id": part.subject.id,
            "standing": part.standing.value,
            "value": part.value,
            "coverage": part.coverage,
            "window": list(part.window),
        }
        for part in parts
    ]


def _badness(target: CommuneTarget, part: Verdict) -> tuple[int, float]:
    """Among equal standings the figure further towards a miss is worse, and no figure at all is worst."""
    if part.value is None:  # of what is met nothing was to be measured, of what is not it could not be
        return severity(part.standing), -inf if part.standing is Standing.MET else inf
    return severity(part.standing), part.value if target.more_is_worse else part.limit - part.value


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
        evidence={"rule": target.rule, "exempt": reason},
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
            "rule": target.rule,
            "of": target.of,
            "judged": judged,
            "met": met,
            "communes": {standing.value: codes for standing, codes in by_standing.items()},
            "out_of_scope": dict(out_of_scope or {}),
        },
    )
