"""A verdict as sentences that an operator can read aloud, in Vietnamese or English.

Ratios become per cent, bytes per second become Mbit/s, seconds hours and minutes, instants the clocks of Viet Nam. Each rule
has a module: `rule` says what it asks, `figures` what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.model import Standing, Verdict
from netmon.targets.definitions import (
    AnyTarget,
    Availability,
    BackupDrill,
    CommuneTarget,
    ContractedCapacity,
    Environment,
    Growth,
    Latency,
    Loss,
    OpticalMargin,
    PercentileUtilisation,
    Pooled,
    RadioAvailability,
    Redundancy,
    Restoration,
    Share,
)
from netmon.targets.words import (
    availability,
    drill,
    echoes,
    environment,
    optics,
    percentile,
    places,
    radio,
    restoration,
    share,
    trend,
)
from netmon.targets.words.voice import BASIS, STANDING, Language, Voice

__all__ = ["Language", "explain"]


def explain(verdict: Verdict, targets: Mapping[str, AnyTarget], language: Language, names: Mapping[str, str]) -> str:
    """Rule, legal basis, figures, window, coverage, and the worst slots or outages, a line each, however long.

    `targets` are by id and hold the verdict's own, `names` are by id of the subject.
    """
    say = Voice(language)
    target = targets[verdict.target]
    rule = _rule(target, targets, say)
    return "\n".join([*_head(verdict, target, rule, say, names), *_body(verdict, target, say, names)])


def _head(verdict: Verdict, target: AnyTarget, rule: str, say: Voice, names: Mapping[str, str]) -> Iterator[str]:
    yield (
        f"{say.subject(*verdict.subject, names)}: {say(*STANDING[verdict.standing])} - "
        f"{say(target.title_vi, target.title_en)} [{verdict.id}]"
    )
    yield say("Quy tắc: ", "Rule: ") + rule
    yield say("Căn cứ: ", "Basis: ") + f"{target.basis} ({say(*BASIS[target.basis_kind])})."
    yield (
        say("Kỳ: ", "Window: ")
        + say.between(*verdict.window)
        + say(" (giờ Việt Nam), ", ", Viet Nam time, ")
        + (say("đã chốt.", "final.") if verdict.final else say("chưa chốt.", "not final."))
    )


def _rule(target: AnyTarget, targets: Mapping[str, AnyTarget], say: Voice) -> str:
    match target:
        case PercentileUtilisation():
            return percentile.rule(target, say)
        case Availability():
            return availability.rule(target, say)
        case Latency() | Loss():
            return echoes.rule(target, say)
        case ContractedCapacity() | Redundancy() | Growth():
            return places.rule(target, say)
        case Restoration():
            return restoration.rule(target, say)
        case BackupDrill():
            return drill.rule(target, say)
        case RadioAvailability():
            return radio.rule(target, say)
        case Environment():
            return environment.rule(target, say)
        case OpticalMargin():
            return optics.rule(target, say)
        case Share():
            return share.rule(target, targets, say)
        case Pooled():
            return restoration.pooled_rule(target, targets, say)


def _body(verdict: Verdict, target: AnyTarget, say: Voice, names: Mapping[str, str]) -> Iterator[str]:
    evidence = verdict.evidence
    if "exempt" in evidence:
        yield say("Lý do miễn: ", "Exempt because: ") + f"{say.exemption(evidence['exempt'])}."
    elif isinstance(target, Share):
        yield from share.figures(verdict, target, say, names)
    elif isinstance(target, Pooled):
        yield from restoration.pooled_figures(verdict, target, say, names)
    else:
        yield _coverage(verdict, target, say)
        if "parts" in evidence:
            yield from _whole(evidence, target, say, names)
        else:
            yield from _figures(evidence, target, say)


def _coverage(verdict: Verdict, target: CommuneTarget, say: Voice) -> str:
    seen, floor = say.percent(verdict.coverage, target.coverage), say.percent(target.coverage)
    if isinstance(target, ContractedCapacity | Redundancy | Growth):
        text = say(f"Độ phủ căn cứ: đã biết {seen} số căn cứ cần có, yêu cầu tối thiểu {floor}",
                   f"Coverage: {seen} of the facts that it takes are known, {floor} is needed")  # fmt: skip
    else:
        window = say.window(final=verdict.final)
        text = say(f"Độ phủ số liệu: đã quan sát {seen} của {window}, yêu cầu tối thiểu {floor}",
                   f"Coverage: {seen} of {window} was seen, {floor} is needed")  # fmt: skip
    if verdict.standing is Standing.MISSED and verdict.coverage < target.coverage:
        text += say("; phần chưa quan sát không làm thay đổi kết luận", "; what was not seen could not have saved it")
    if isinstance(target, BackupDrill) and verdict.standing is Standing.MET and verdict.coverage < target.coverage:
        text += say("; một lần đã thấy mang lưu lượng là đủ căn cứ", "; one sighting of traffic is proof enough")
    return text + "."


def _whole(evidence: Mapping[str, Any], target: CommuneTarget, say: Voice, names: Mapping[str, str]) -> Iterator[str]:
    parts = evidence["parts"]
    if not parts:
        yield say(
            "Không có tuyến hoặc điểm nào của đơn vị này thuộc phạm vi chỉ tiêu, nên chưa có căn cứ để kết luận.",
            "The target selects no link or site here, so nothing proves it.",
        )
        return
    for part in parts:
        value = say.figure(target, part["value"])
        yield f"  {say.subject(part['kind'], part['id'], names)}: {say(*STANDING[Standing(part['standing'])])}, {value}"
    worst = evidence["worst"]
    if worst is not None:
        yield say("Kết luận căn cứ vào: ", "Decided by: ") + say.subject(worst["kind"], worst["id"], names)
        yield from _figures(worst["evidence"], target, say)


def _figures(evidence: Mapping[str, Any], target: CommuneTarget, say: Voice) -> Iterator[str]:
    match target:
        case PercentileUtilisation():
            yield from percentile.figures(evidence, target, say)
            if "trend" in evidence:
                yield from trend.lines(evidence["trend"], target, say)
        case Availability():
            yield from availability.figures(evidence, target, say)
        case Latency() | Loss():
            yield from echoes.figures(evidence, target, say)
        case ContractedCapacity() | Redundancy() | Growth():
            yield from places.figures(evidence, target, say)
        case Restoration():
            yield from restoration.figures(evidence, target, say)
        case BackupDrill():
            yield from drill.figures(evidence, target, say)
        case RadioAvailability():
            yield from radio.figures(evidence, target, say)
        case Environment():
            yield from environment.figures(evidence, target, say)
        case OpticalMargin():
            yield from optics.figures(evidence, target, say)
