"""The availability rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.targets.definitions import WITHOUT_DECLARED, Availability
from netmon.targets.words.voice import STATE, Voice


def rule(target: Availability, say: Voice) -> str:
    """What is asked, in one sentence."""
    limit = say.percent(target.limit)
    what = say("kết nối của điểm", "the site's service") if target.of == "service" else say("tuyến", "the link")
    if target.judge == WITHOUT_DECLARED:
        return say(f"{what} sẵn sàng ít nhất {limit} thời gian quan sát được, không tính bão và bảo trì đã khai báo.",
                   f"{what} is available for at least {limit} of the time that was seen, without declared storms and "
                   "maintenance.")  # fmt: skip
    return say(f"{what} sẵn sàng ít nhất {limit} thời gian quan sát được.",
               f"{what} is available for at least {limit} of the time that was seen.")  # fmt: skip


def figures(evidence: Mapping[str, Any], target: Availability, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    raw, without, budget = evidence["raw"], evidence["without_declared"], evidence["error_budget"]
    yield say("Số liệu thô: ", "Raw: ") + _ratio(raw, target, say)
    yield say("Không tính thời gian bão, bảo trì đã khai báo: ", "Without declared storms and maintenance: ") + _ratio(
        without, target, say
    )
    if raw["on_backup"]:
        backup = say.lasting(raw["on_backup"])
        yield say(
            f"Trong thời gian sẵn sàng có {backup} chạy trên đường dự phòng.",
            f"On the backup link: {backup} of what was available.",
        )
    spent, total = say.lasting(budget["spent"]), say.lasting(budget["total"])
    yield say(
        f"Thời gian gián đoạn cho phép trong kỳ: đã dùng {spent} trên {total}.", f"Error budget: {spent} of {total} spent."
    )
    shown, count = len(evidence["outages"]), evidence["outage_count"]
    if count:
        yield say(f"Các lần gián đoạn dài nhất ({shown}/{count}):", f"Longest outages ({shown} of {count}):")
    for outage in evidence["outages"]:
        when = say.between(outage["start"], outage["end"])
        yield f"  {when}, {say.lasting(outage['seconds'])}, {say(*STATE[outage['state']])}"
    if evidence["simulated_s"]:
        lasting = say.lasting(evidence["simulated_s"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {lasting}.", f"CONTAINS SIMULATED DATA: {lasting}.")


def _ratio(figures: Mapping[str, Any], target: Availability, say: Voice) -> str:
    up, lost, unseen = (say.lasting(figures[key]) for key in ("available", "not_available", "unseen"))
    value = "-" if figures["value"] is None else say.percent(figures["value"], target.limit)
    return say(
        f"{value} (sẵn sàng {up}, gián đoạn {lost}, không quan sát được {unseen}).",
        f"{value} (available {up}, not available {lost}, unseen {unseen}).",
    )
