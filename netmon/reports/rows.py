"""The rows of the compliance report: a target on a commune or a province, with all that is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from netmon.model import Standing, Verdict, Window, Words
from netmon.reports.causes import Causes
from netmon.reports.changes import Changes
from netmon.reports.judged import Judged
from netmon.reports.table import Figure
from netmon.settings import Settings
from netmon.store import Reader
from netmon.targets.definitions import AnyTarget, Availability, BasisKind, Loss, Pooled, Restoration, Share, Unit
from netmon.targets.rollup import severity
from netmon.targets.words.voice import BASIS, Voice
from netmon.units import Register
from netmon.units import Unit as RegisterUnit

_RULES: Mapping[str, Callable[..., AnyTarget]] = {kind.rule: kind for kind in get_args(AnyTarget)}
_VOICES = (Voice("vi"), Voice("en"))
_GONE = Words("(không còn trong targets.yaml)", "(no longer in targets.yaml)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A target on a commune or a province. `target` has the limit by which it was judged."""

    target: AnyTarget
    judged: Judged
    province: str
    name: Words
    cause: Words | None
    on_backup_s: float | None
    notes: Words | None
    simulated: bool

    @property
    def verdict(self) -> Verdict:
        return self.judged.verdict

    @property
    def level(self) -> str:
        return self.verdict.subject.kind

    @property
    def budget(self) -> tuple[float, float] | None:
        """The error budget and what is left of it, seconds."""
        told = _deep(self.verdict.evidence, "error_budget")
        return (told["total"], told["total"] - told["spent"]) if told else None

    def figure(self, value: float | None, sign: str = "") -> Figure | None:
        """A value in the target's unit, with as many digits as tell it from the limit."""
        if value is None:
            return None
        number = value * 8 / 1e6 if self.target.unit is Unit.BYTES_PER_SECOND else value
        return Figure(number, Words(*(sign + say.figure(self.target, value) for say in _VOICES)))

    @property
    def required(self) -> Figure | None:
        return self.figure(self.verdict.limit, "≤ " if self.target.more_is_worse else "≥ ")

    @property
    def basis(self) -> Words:
        """The legal text that the target rests on, and what kind of basis it is."""
        if not self.target.basis:
            return _GONE
        return Words(*(f"{self.target.basis} ({say(*BASIS[self.target.basis_kind])})" for say in _VOICES))

    @property
    def measured(self) -> Figure | None:
        """None also where nothing was seen: "unproven, 0 %" reads as if that had been measured."""
        return self.figure(self.verdict.value) if self.verdict.coverage else None


def rows(
    judged: Iterable[Judged], settings: Settings, reader: Reader, register: Register, month: Window, now: float
) -> list[Row]:
    """Provinces first, then target by target as they stand in the configuration, the worst first."""
    targets = {target.id: target for target in settings.targets}
    order = {name: place for place, name in enumerate(targets)}
    changes, causes = Changes(settings.inventory, register, month), Causes(settings.inventory, reader, now)
    found = []
    for one in judged:
        verdict = one.verdict
        code = verdict.subject.id
        target = _as_judged(targets.get(verdict.target), verdict)
        unit = _lived(register, code, month, now)
        links = [part["id"] for part in verdict.evidence.get("parts", ()) if part["kind"] == "link"]
        backup = _deep(verdict.evidence, "raw")
        found.append(
            Row(
                target=target,
                judged=one,
                province=code if verdict.subject.kind == "province" else (unit.parent if unit else ""),
                name=named(register, code, month, now),
                cause=causes.of(verdict) if isinstance(target, Availability | Restoration | Loss) else None,
                on_backup_s=backup["on_backup"] if isinstance(target, Availability) and backup else None,
                notes=_joined([*_exemption(verdict), *changes.of(code, links)]),
                simulated=_simulated(verdict.evidence),
            )
        )
    of_communes = {(row.province, row.target.id) for row in found if row.simulated and row.level == "commune"}
    found = [
        replace(row, simulated=True)
        if isinstance(row.target, Share | Pooled) and (row.province, row.target.of) in of_communes
        else row
        for row in found
    ]
    return sorted(found, key=lambda row: (row.level == "commune", order.get(row.target.id, len(order)), _worst_first(row)))


def _as_judged(target: AnyTarget | None, verdict: Verdict) -> AnyTarget:
    """The target with the limit by which the verdict was made; what can be known of one that is gone, or is another now."""
    rule = verdict.evidence["rule"]
    if target is not None and target.rule == rule:
        return replace(target, limit=verdict.limit)
    of = {"of": verdict.evidence.get("of", "")} if _RULES[rule] in (Share, Pooled) else {}
    return _RULES[rule](
        id=verdict.target,
        title_vi=f"{verdict.target} {_GONE.vi}",
        title_en=f"{verdict.target} {_GONE.en}",
        limit=verdict.limit,
        basis="",
        basis_kind=BasisKind.LOCAL,
        **of,
    )


def _worst_first(row: Row) -> tuple[int, float, str]:
    """Among equal standings the figure further towards a miss is worse, and no figure at all is worst."""
    verdict = row.verdict
    if verdict.value is None:
        return -severity(verdict.standing), float("-inf"), verdict.subject.id
    return -severity(verdict.standing), -verdict.value if row.target.more_is_worse else verdict.value, verdict.subject.id


def _lived(register: Register, code: str, month: Window, now: float) -> RegisterUnit | None:
    """The unit as it was at the end of the month, or is now."""
    lives = register.lives(code, month.start, min(month.end, now))
    return lives[-1] if lives else None


def named(register: Register, code: str, month: Window, now: float) -> Words:
    """What a unit was called at the end of the month, or is now; its code where the register does not know it."""
    unit = _lived(register, code, month, now)
    return Words(code, code) if unit is None else Words(unit.name, unit.name_en)


def _deep(evidence: Mapping[str, Any], key: str) -> Any:
    """What the evidence says, or that of the part that speaks for the whole."""
    while key not in evidence:
        worst = evidence.get("worst")
        if not isinstance(worst, Mapping) or "evidence" not in worst:
            return None
        evidence = worst["evidence"]
    return evidence[key]


def _simulated(evidence: Mapping[str, Any]) -> bool:
    worst = evidence.get("worst")
    below = worst.get("evidence", {}) if isinstance(worst, Mapping) else {}
    return any(value for part in (evidence, below) for key, value in part.items() if key.startswith("simulated"))


def _exemption(verdict: Verdict) -> Iterator[Words]:
    if verdict.standing is Standing.EXEMPT and "exempt" in verdict.evidence:
        vi, en = (say.exemption(str(verdict.evidence["exempt"])) for say in _VOICES)
        yield Words(f"được miễn: {vi}.", f"exempt: {en}.")


def _joined(notes: Sequence[Words]) -> Words | None:
    """Notes as sentences, one after the other."""
    if not notes:
        return None
    return Words(*(" ".join(_sentence(note[language]) for note in notes) for language in (0, 1)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
