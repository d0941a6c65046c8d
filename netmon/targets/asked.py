"""What a target asked when it was judged: kept with the verdict, which is told and recomputed by what held then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_args

from netmon.model import LinkKind, LinkRole, SiteKind, Verdict
from netmon.targets.definitions import AnyTarget, BasisKind, PartsTarget, Selection, Target

_RULES: dict[str, type[Target]] = {kind.rule: kind for kind in get_args(AnyTarget)}
_SELECTS = {"site_kind": SiteKind, "commune_kind": str, "kind": LinkKind, "role": LinkRole, "network": str, "operator": str}


def asked(target: AnyTarget, of: AnyTarget | None = None) -> dict[str, Any]:
    """All that a target says, and what its rule says of every target, as JSON values; of a province's rule the target on
    communes too, under `of_target`."""
    optional = isinstance(target, PartsTarget) and target.optional
    told = asdict(target) | {"rule": target.rule, "unit": target.unit, "more_is_worse": target.more_is_worse}
    return told | {"optional": optional} | ({} if of is None else {"of_target": asked(of)})


def recalled(told: Mapping[str, Any]) -> AnyTarget:
    """The target that was asked so."""
    kind = _RULES[told["rule"]]
    values = {one.name: told[one.name] for one in fields(kind) if one.name in told}
    values = {name: _frozen(value) for name, value in values.items()}
    values["basis_kind"] = BasisKind(told["basis_kind"])
    if "applies_to" in values:
        chosen = {name: tuple(map(of, told["applies_to"].get(name, ()))) for name, of in _SELECTS.items()}
        values["applies_to"] = Selection(**chosen)
    target = kind(**values)
    assert isinstance(target, AnyTarget)
    return target


def _frozen(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return {name: _frozen(each) for name, each in value.items()} if isinstance(value, dict) else value


def targets_of(verdict: Verdict, today: Mapping[str, AnyTarget]) -> Mapping[str, AnyTarget]:
    """Targets by id, the verdict's own, and the one that it is a share of, as they were when it was judged; without such a
    record as they are."""
    told = verdict.asked
    if not told:
        return today
    then = {verdict.target: recalled(told)}
    if "of_target" in told:
        of = recalled(told["of_target"])
        then[of.id] = of
    return {**today, **then}


def told_by(verdict: Verdict, targets: Mapping[str, AnyTarget]) -> str:
    """Why a verdict cannot be told by its target; "" when it can."""
    target = targets_of(verdict, targets).get(verdict.target)
    if target is None:
        return "its target is not in targets.yaml any more"
    if target.rule != verdict.evidence["rule"]:
        return f"its target has another rule in targets.yaml now ({target.rule})"
    return ""
