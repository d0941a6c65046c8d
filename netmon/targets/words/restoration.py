"""The restoration rule in words, of a site and of a province's communes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.model import Standing, Verdict
from netmon.targets.definitions import AnyTarget, Pooled, Restoration
from netmon.targets.windows import month_of
from netmon.targets.words.voice import STATE, Voice

_KIND = {"phuong": "phường", "xa": "xã", "dac_khu": "đặc khu"}


def rule(target: Restoration, say: Voice) -> str:
    """What is asked, in one sentence."""
    limit = say.percent(target.limit)
    times = ", ".join(f"{_kind(kind, say)} {say.lasting(seconds)}" for kind, seconds in target.within_s.items())
    return say(
        f"ít nhất {limit} số lần mất kết nối được khắc phục trong thời hạn ({times}), "
        "theo loại đơn vị hành chính khi bắt đầu mất kết nối.",
        f"in at least {limit} of the cases the site's service is back in time ({times}), by the kind of commune when the "
        "outage began.",
    )


def figures(evidence: Mapping[str, Any], target: Restoration, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    yield from _counted(evidence, target.limit, say)
    if evidence.get("declared"):
        value = evidence["without_declared"]["value"]
        share = "-" if value is None else say.percent(value, target.limit)
        yield say(
            f"Không tính thời gian bão, bảo trì đã khai báo: {share}.", f"Without declared storms and maintenance: {share}."
        )
    if evidence["counts"]["at_risk"]:
        spent = say.percent(target.at_risk)
        yield say(
            f"Lần mất kết nối đang kéo dài đã quá {spent} thời hạn.", f"What lasts has spent over {spent} of its time."
        )
    shown, count = len(evidence["cases"]), evidence["case_count"]
    if count:
        yield say(f"Các lần mất kết nối ({shown}/{count}):", f"Outages ({shown} of {count}):")
    for case in evidence["cases"]:
        yield f"  {_case(case, say)}"
    yield from _simulated(evidence, say)


def pooled_rule(target: Pooled, targets: Mapping[str, AnyTarget], say: Voice) -> str:
    """What is asked, in one sentence."""
    of, limit = targets[target.of], say.percent(target.limit)
    return say(
        f"ít nhất {limit} số lần mất kết nối của tất cả đơn vị cấp xã trong phạm vi đánh giá, tính chung, được khắc phục "
        f"trong thời hạn của chỉ tiêu “{of.title_vi}” [{of.id}].",
        f"at least {limit} of the outages of all communes in scope, counted together, are over in the time that the target "
        f"“{of.title_en}” [{of.id}] sets.",
    )


def pooled_figures(verdict: Verdict, target: Pooled, say: Voice, names: Mapping[str, str]) -> Iterator[str]:
    """What was found, line by line."""
    evidence = verdict.evidence
    needed, judged = evidence["coverage_needed"], evidence["judged"]
    seen, floor = say.percent(verdict.coverage, needed), say.percent(needed)
    window = say.window(final=verdict.final)
    text = say(
        f"Độ phủ số liệu: bình quân {judged} đơn vị cấp xã đã quan sát {seen} của {window}, yêu cầu tối thiểu {floor}",
        f"Coverage: {seen} of {window} was seen, the mean of {judged} communes; {floor} is needed",
    )
    if verdict.standing is Standing.MISSED and verdict.coverage < needed:
        text += say("; phần chưa quan sát không làm thay đổi kết luận", "; what was not seen could not have saved it")
    yield text + "."
    yield from _counted(evidence, target.limit, say)
    for key, title in (
        ("late", say("Các lần khắc phục quá hạn", "Late")),
        ("unproven", say("Các lần chưa đủ căn cứ kết luận", "Not proven either way")),
    ):
        cases, count = evidence[key], say.number(evidence["counts"][key])
        if cases:
            yield f"{title} ({len(cases)}{say('/', ' of ')}{count}):"
        for case in cases:
            where = f"{say.subject('site', case['site'], names)}, {say.subject('commune', case['commune'], names)}"
            yield f"  {where}: {_case(case, say)}"
    unseen = [code for code, found in evidence["communes"].items() if not found["coverage"]]
    if unseen:
        listed = ", ".join(say.subject("commune", code, names) for code in unseen)
        yield say(f"Không có số liệu ({len(unseen)}): {listed}", f"Nothing was seen of ({len(unseen)}): {listed}")
    if evidence["out_of_scope"]:
        left_out = evidence["out_of_scope"].items()
        listed = "; ".join(f"{say.subject('commune', code, names)}: {why}" for code, why in left_out)
        yield say(f"Ngoài phạm vi đánh giá: {listed}", f"Out of scope: {listed}")
    yield from _simulated(evidence, say)


def _counted(evidence: Mapping[str, Any], limit: float, say: Voice) -> Iterator[str]:
    counts = evidence["counts"]
    decided = counts["in_time"] + counts["late"]
    if evidence["no_outage"]:
        yield say("Trong kỳ không có lần mất kết nối nào.", "There was no outage.")
    elif not decided and not counts["pending"] and not counts["unproven"]:
        yield say(
            "Không ghi nhận lần mất kết nối nào, nhưng thời gian quan sát được chưa đủ để khẳng định.",
            "No outage was seen, but too little was seen to say that there was none.",
        )
    if decided:
        good, share = say.number(counts["in_time"]), say.percent(counts["in_time"] / decided, limit)
        yield say(
            f"Khắc phục trong thời hạn {good}/{say.number(decided)} lần mất kết nối: {share}.",
            f"{good} of {say.number(decided)} outages were over in time: {share}.",
        )
    if counts["pending"]:
        count = say.number(counts["pending"])
        yield say(
            f"{count} lần mất kết nối đang kéo dài, còn trong thời hạn, chưa tính vào tỷ lệ.",
            f"{count} still last within their time, and count neither way.",
        )
    if counts["unproven"]:
        count = say.number(counts["unproven"])
        yield say(
            f"{count} lần mất kết nối chưa xác định được có quá hạn hay không, vì phần cuối không quan sát được.",
            f"{count} may have been in time or late: their last part was not seen.",
        )


def _case(case: Mapping[str, Any], say: Voice) -> str:
    start, end = case["start"], case["end"]
    if end is None:
        until = start + case["seconds"]
        whole_month = abs(month_of(until + 1).start - until) < 1
        when = say("hết tháng", "by the end of the month") if whole_month else say("nay", "so far")
        text = say(f"từ {say.at(start)}, đến {when} chưa khôi phục", f"from {say.at(start)}, not restored {when}")
    else:
        text = say.between(start, end)
    text += f", {say.lasting(case['seconds'])}"
    if case["least_seconds"] < case["seconds"]:
        least = say.lasting(case["least_seconds"])
        text += say(f" (ít nhất {least}, phần cuối không quan sát được)", f" (at least {least}, the rest was not seen)")
    allowed = f"{say.lasting(case['allowed_s'])} ({_kind(case['kind'], say)})"
    text += say(f", thời hạn {allowed}", f", allowed {allowed}")
    if case["longest_allowed"]:
        text += say(", loại đơn vị này không có thời hạn riêng nên lấy thời hạn dài nhất",
                    ", the longest, for this kind has no time of its own")  # fmt: skip
    text += f": {_outcome(case, say)}, {say(*STATE[case['state']])}"
    return text + (say(f", nguyên nhân: {case['cause']}", f", cause: {case['cause']}") if case["cause"] else "")


def _outcome(case: Mapping[str, Any], say: Voice) -> str:
    match case["outcome"]:
        case "late":
            over = say.lasting(case["least_seconds"] - case["allowed_s"])
            if case["least_seconds"] < case["seconds"]:
                over = say("ít nhất ", "at least ") + over
            return say(f"QUÁ HẠN {over}", f"LATE by {over}")
        case "unproven":
            return say("chưa đủ căn cứ kết luận", "not proven either way")
        case "pending":
            return say("còn trong thời hạn", "still within its time")
    return say("trong thời hạn", "in time")


def _kind(kind: str, say: Voice) -> str:
    return _KIND.get(kind, kind) if kind else say("không rõ loại đơn vị", "of no known kind")


def _simulated(evidence: Mapping[str, Any], say: Voice) -> Iterator[str]:
    if evidence["simulated_s"]:
        lasting = say.lasting(evidence["simulated_s"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {lasting}.", f"CONTAINS SIMULATED DATA: {lasting}.")
