"""The radio rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.model import Standing
from netmon.targets.definitions import RadioAvailability
from netmon.targets.words.voice import STANDING, Voice


def rule(target: RadioAvailability, say: Voice) -> str:
    """What is asked, in one sentence."""
    limit = say.percent(target.limit)
    return say(
        f"các cell của từng nhà mạng, từng công nghệ tại trạm hoạt động ít nhất {limit} thời gian mà nhà mạng có cung cấp "
        "trạng thái; nhà mạng có tỷ lệ thấp nhất quyết định kết luận.",
        f"the cells of each operator and technology at the mast are up for at least {limit} of the time that the operator "
        "tells of; the worst operator speaks.",
    )


def figures(evidence: Mapping[str, Any], target: RadioAvailability, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    for group in evidence["groups"]:
        who, cells = f"{group['operator']} {group['technology'].upper()}", say.number(group["cells"])
        up, down, unseen, allowed = (say.lasting(group[key]) for key in ("up", "down", "unseen", "allowed"))
        value = "-" if group["value"] is None else say.percent(group["value"], target.limit)
        coverage, standing = say.percent(group["coverage"], target.coverage), say(*STANDING[Standing(group["standing"])])
        yield say(
            f"{who} ({cells} cell): {value}, {standing}. Cộng thời gian của các cell: hoạt động {up}, ngừng {down}, không "
            f"rõ trạng thái {unseen} (độ phủ {coverage}); cả kỳ được ngừng {allowed}.",
            f"{who} ({cells} cells): {value}, {standing}. Of all cells together: up {up}, down {down}, not known {unseen} "
            f"(coverage {coverage}); {allowed} may be lost in the whole window.",
        )
    for group in evidence["without_declared"] if evidence.get("declared") else ():
        who = f"{group['operator']} {group['technology'].upper()}"
        value = "-" if group["value"] is None else say.percent(group["value"], target.limit)
        yield say(
            f"{who}, không tính thời gian bão, bảo trì đã khai báo: {value}.",
            f"{who}, without declared storms and maintenance: {value}.",
        )
    if evidence["not_told"]:
        pairs = (each.partition("/") for each in evidence["not_told"])
        names = ", ".join(f"{operator} {technology.upper()}".strip() for operator, _, technology in pairs)
        yield say(
            f"Có phát sóng tại trạm nhưng trong kỳ không cung cấp trạng thái cell nào, không đánh giá: {names}.",
            f"On air at the mast, but no cell is told of, and not judged: {names}.",
        )
    shown, count = len(evidence["downs"]), evidence["down_count"]
    if count:
        yield say(f"Các lần cell ngừng dài nhất ({shown}/{count}):", f"Longest times down ({shown} of {count}):")
    for down in evidence["downs"]:
        who = f"{down['operator']} {down['technology'].upper()} {down['cell']}"
        yield f"  {say.between(down['start'], down['end'])}, {say.lasting(down['seconds'])}, {who}"
    if evidence["simulated_s"]:
        lasting = say.lasting(evidence["simulated_s"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {lasting}.", f"CONTAINS SIMULATED DATA: {lasting}.")
