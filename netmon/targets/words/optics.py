"""The optical rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.model import Standing
from netmon.targets.definitions import OpticalMargin
from netmon.targets.words.voice import DIRECTION, STANDING, Voice


def rule(target: OpticalMargin, say: Voice) -> str:
    """What is asked, in one sentence."""
    limit, hours, days = say.db(target.limit), say.number(target.hours), say.number(target.days_at_risk)
    return say(
        f"độ dự trữ công suất quang của mỗi chiều (công suất thu so với ngưỡng thu) không xuống dưới {limit} trong {hours} "
        f"giờ trở lên của kỳ; có nguy cơ nếu có lúc mất tín hiệu quang, hoặc suy giảm sẽ đưa xuống dưới mức đó trong {days} "
        "ngày.",
        f"the optical margin of each direction (received light above the receiver's limit) is not below {limit} in {hours} "
        f"or more hours of the window; at risk when there was darkness, or fading carries it below within {days} days.",
    )


def figures(evidence: Mapping[str, Any], target: OpticalMargin, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    for direction, found in evidence["directions"].items():
        yield _margin(say(*DIRECTION[direction]), found, target, say)
        if found["fading"] is not None:
            if found["fading"].get("since") is not None:
                yield "  " + _step(found["fading"], say)
            yield "  " + _fading(found["fading"], found["present"], evidence, target, say)
    for direction in evidence["not_told"]:
        way = say(*DIRECTION[direction])
        yield say(
            f"{_begun(way)}: không có mô-đun quang nào báo công suất thu, không đánh giá.",
            f"{_begun(way)}: no optic tells what it receives; not judged.",
        )
    if evidence["worst_hours"]:
        yield say("Các giờ thấp nhất (thấp nhất, trung bình):", "Lowest hours (least, mean):")
    for hour in evidence["worst_hours"]:
        least, mean = (say.db(hour[key], target.limit) for key in ("least", "mean"))
        yield f"  {say.at(hour['start'])}: {say(*DIRECTION[hour['direction']])} {least} ({mean})"
    if evidence["simulated_hours"]:
        count = say.number(evidence["simulated_hours"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {count} giờ.", f"CONTAINS SIMULATED DATA: {count} hours.")


def _margin(way: str, found: Mapping[str, Any], target: OpticalMargin, say: Voice) -> str:
    hours, elapsed, below = (say.number(found[key]) for key in ("hours", "elapsed", "below"))
    standing, limit = say(*STANDING[Standing(found["standing"])]), say.db(target.limit)
    seen = say(
        f"có {hours}/{elapsed} giờ có số đo, {below} giờ dưới {limit}.",
        f"{hours} of {elapsed} hours measured, {below} below {limit}.",
    )
    if found.get("dark"):  # frozen verdicts of before do not tell it
        dark = say.number(found["dark"])
        seen += say(f" {dark} giờ có lúc mất tín hiệu quang.", f" {dark} hours with darkness.")
    if found["value"] is None:
        return say(f"{_begun(way)}: trước đây có số đo, trong kỳ thì không, {standing}; ",
                   f"{_begun(way)}: measured before, not in this window, {standing}; ") + seen  # fmt: skip
    value, at = say.db(found["value"], target.limit), say.at(found["at"])
    return (
        say(
            f"{_begun(way)}: độ dự trữ công suất quang thấp nhất {value} (giờ bắt đầu {at}), {standing}; ",
            f"{_begun(way)}: least margin {value} (in the hour from {at}), {standing}; ",
        )
        + seen
    )


def _fading(
    fading: Mapping[str, Any], present: float | None, evidence: Mapping[str, Any], target: OpticalMargin, say: Voice
) -> str:
    weeks, count, limit = evidence["looked_back_days"] // 7, say.number(fading["count"]), say.db(target.limit)
    if fading["why"] == "few_days":
        needed = say.number(evidence["needed_days"])
        return say(
            f"Chưa thể biết có suy giảm không: trong {weeks} tuần qua có {count} ngày có số đo, cần ít nhất {needed} ngày.",
            f"Whether it fades cannot be told: of the last {weeks} weeks {count} days were measured, {needed} are needed.",
        )
    if fading["why"] == "not_fading":
        return say(
            f"Trong {weeks} tuần qua công suất thu không giảm rõ rệt ({count} ngày có số đo).",
            f"Over the last {weeks} weeks what arrives shows no clear fading ({count} days measured).",
        )
    loss, least, most = (_weekly(fading[key], say) for key in ("slope", "slope_high", "slope_low"))
    text = say(
        f"Công suất thu giảm {loss} mỗi tuần (từ {least} đến {most}, độ tin cậy 95 %, {count} ngày có số đo trong {weeks} "
        "tuần qua)",
        f"What arrives fades by {loss} a week ({least} to {most} with 95 % confidence, {count} days measured of the last "
        f"{weeks} weeks)",
    )
    if present is None:
        return text + say("; hiện không có số đo để biết khi nào.", "; nothing is measured now that would tell when.")
    now = say.db(present, target.limit)
    if fading["why"] == "far":
        return text + say(f"; hiện ở mức {now}, hơn một năm nữa mới xuống dưới {limit}.",
                          f"; at {now} now, it stays above {limit} for more than a year.")  # fmt: skip
    days = say.number(fading["days"])
    return text + say(
        f"; hiện ở mức {now}, nếu tiếp diễn sẽ xuống dưới {limit} sau khoảng {days} ngày. Đây là ước tính, không dùng để "
        "kết luận đạt hay không đạt.",
        f"; at {now} now, it falls below {limit} in about {days} days if that goes on. It is an estimate, and decides no "
        "miss.",
    )


def _step(fading: Mapping[str, Any], say: Voice) -> str:
    step, since = f"{'+' if fading['step_db'] > 0 else ''}{say.db(fading['step_db'])}", say.at(fading["since"])
    return say(
        f"Mức công suất thu đã thay đổi {step} trước {since}; chỉ xét các ngày từ đó.",
        f"The level of what arrives changed by {step} before {since}; only the days since then count.",
    )


def _weekly(slope: float, say: Voice) -> str:
    """dB a day, falling, as what is lost in a week."""
    return f"{say.number(-7 * slope, 2)} dB"


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
