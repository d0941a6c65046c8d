"""The rules of provinces over their communes in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netmon.model import Standing, Verdict
from netmon.targets.definitions import AnyTarget, Share
from netmon.targets.words.voice import STANDING, Voice


def rule(target: Share, targets: Mapping[str, AnyTarget], say: Voice) -> str:
    """What is asked, in one sentence."""
    of, limit = targets[target.of], say.percent(target.limit)
    return say(
        f"ít nhất {limit} số đơn vị cấp xã trong phạm vi đánh giá đạt chỉ tiêu “{of.title_vi}” [{of.id}].",
        f"at least {limit} of the communes in scope meet the target “{of.title_en}” [{of.id}].",
    )


def figures(verdict: Verdict, target: Share, say: Voice, names: Mapping[str, str]) -> Iterator[str]:
    """What was found, line by line."""
    evidence = verdict.evidence
    met, judged = evidence["met"], evidence["judged"]
    value = "-" if verdict.value is None else say.percent(verdict.value, target.limit)
    yield say(f"{met}/{judged} đơn vị cấp xã đạt: {value}.", f"{met} of {judged} communes meet it: {value}.")
    proven, coverage = judged - len(evidence["communes"][Standing.UNPROVEN.value]), say.percent(verdict.coverage)
    yield say(
        f"Độ phủ: {proven}/{judged} đơn vị cấp xã đã đủ căn cứ kết luận: {coverage}.",
        f"Coverage: {proven} of {judged} communes have a proven verdict: {coverage}.",
    )
    for standing in (Standing.MISSED, Standing.UNPROVEN, Standing.AT_RISK, Standing.EXEMPT):
        codes = evidence["communes"][standing.value]
        if codes:
            listed = ", ".join(say.subject("commune", code, names) for code in codes)
            yield f"{say(*STANDING[standing])} ({len(codes)}): {listed}"
    if evidence["out_of_scope"]:
        left_out = evidence["out_of_scope"].items()
        listed = "; ".join(f"{say.subject('commune', code, names)}: {why}" for code, why in left_out)
        yield say(f"Ngoài phạm vi đánh giá: {listed}", f"Out of scope: {listed}")
