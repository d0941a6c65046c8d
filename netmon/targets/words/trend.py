"""The trend of a link's load in words: an estimate with its doubt, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.targets.definitions import PercentileUtilisation
from netmon.targets.words.voice import DIRECTION, Voice


def lines(evidence_trend: Mapping[str, Any], target: PercentileUtilisation, say: Voice) -> Iterator[str]:
    """What the evidence's `trend` says, and how sure it is."""
    limit, weeks = say.percent(target.limit), evidence_trend["looked_back_days"] // 7
    if not evidence_trend["known"]:
        yield say(f"Chưa thể biết khi nào vượt {limit} dung lượng: ", f"When it crosses {limit} cannot be known: ") + (
            _why(evidence_trend, weeks, say)
        )
        return
    direction = say(*DIRECTION[evidence_trend["direction"]])
    when = _when(evidence_trend, say)
    yield say(
        f"Nếu xu hướng {weeks} tuần qua tiếp diễn, {direction} sẽ vượt {limit} dung lượng {when}.",
        f"If the trend of the last {weeks} weeks goes on, the load {direction} crosses {limit} of capacity {when}.",
    )
    rise, least, most = (_points(evidence_trend[key], say) for key in ("slope", "slope_low", "slope_high"))
    count, level = evidence_trend["count"], say.percent(evidence_trend["level"], target.limit)
    yield say(
        f"  Căn cứ: phân vị 95 hằng ngày của {count} ngày đủ số liệu, hiện ở mức {level}, mỗi tuần tăng {rise} điểm phần "
        f"trăm (từ {least} đến {most}, độ tin cậy 95 %). Đây là ước tính, không dùng để kết luận đạt hay không đạt.",
        f"  It rests on the daily 95th percentiles of {count} days with enough data: {level} now, rising by {rise} "
        f"percentage points a week ({least} to {most} with 95 % confidence). It is an estimate, and decides no miss.",
    )


def _when(trend: Mapping[str, Any], say: Voice) -> str:
    middle, soonest, latest = (
        None if trend[key] is None else say.number(trend[key]) for key in ("days", "days_low", "days_high")
    )
    if latest is None:
        return say(
            f"sau khoảng {middle} ngày nữa, sớm nhất {soonest} ngày; cũng có thể không vượt trong một năm tới",
            f"in about {middle} days, in {soonest} at the soonest; it may also not cross it within a year",
        )
    if latest == "0":
        return say("ngay từ bây giờ", "now")
    return say(
        f"trong khoảng {soonest} đến {latest} ngày nữa (ước tính giữa: {middle} ngày)",
        f"in some {soonest} to {latest} days (middle estimate: {middle})",
    )


def _points(slope: float, say: Voice) -> str:
    """A ratio a day as percentage points a week."""
    return say.number(100 * 7 * slope, 2)


def _why(trend: Mapping[str, Any], weeks: int, say: Voice) -> str:
    match trend["why"]:
        case "no_capacity":
            return say("tuyến chưa có dung lượng theo hợp đồng.", "the link has no contracted capacity.")
        case "few_days":
            count, needed = trend["count"], trend["needed_days"]
            return say(
                f"trong {weeks} tuần qua mới có {count} ngày đủ số liệu, cần ít nhất {needed} ngày.",
                f"of the last {weeks} weeks {count} days have enough data, {needed} are needed.",
            )
        case "not_rising":
            return say(
                f"trong {weeks} tuần qua lưu lượng không tăng rõ rệt.", f"over the last {weeks} weeks no clear rise is seen."
            )
        case "far":
            return say(
                "lưu lượng tăng chậm, thời điểm vượt còn hơn một năm nữa.",
                "the rise is slow, and the crossing more than a year away.",
            )
    raise ValueError(trend["why"])
