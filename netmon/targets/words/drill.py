"""The drill rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.targets.definitions import BackupDrill
from netmon.targets.windows import DAY_S
from netmon.targets.words.voice import Voice


def rule(target: BackupDrill, say: Voice) -> str:
    """What is asked, in one sentence."""
    within, carries = _lasting(target.limit, say), say.mbit(target.carries)
    return say(
        f"đường dự phòng phải được thấy truyền lưu lượng (từ {carries} trong một mẫu 5 phút, hoặc điểm chạy trên đường dự "
        f"phòng) ít nhất một lần trong {within} gần nhất.",
        f"the backup is seen carrying traffic ({carries} or more over a slot of 5 minutes, or the site on backup) at least "
        f"once in the last {within}.",
    )


def figures(evidence: Mapping[str, Any], target: BackupDrill, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    if evidence["seen_at"] is None:
        yield say(
            "Trong kỳ chưa lần nào thấy đường này truyền lưu lượng; nên chạy thử chuyển sang đường dự phòng.",
            "In this window it was never seen carrying traffic; a drill on the backup is due.",
        )
    else:
        ago = _lasting(evidence["at"] - evidence["seen_at"], say)
        when = say.at(evidence["seen_at"])
        yield say(f"Lần gần nhất thấy truyền lưu lượng: {when}, cách đây {ago}.", f"Last seen carrying: {when}, {ago} ago.")
    if evidence["seen_by"] == "service" and evidence.get("alone"):
        yield say(
            "Căn cứ là điểm chạy trên đường dự phòng; điểm không có đường dự phòng nào khác.",
            "The site was on backup then, and it has no other backup.",
        )
    elif evidence["seen_by"] == "service":  # frozen before only a sole backup was taken for the one that carried
        yield say(
            "Căn cứ là điểm chạy trên đường dự phòng; nếu điểm có nhiều đường dự phòng thì chưa rõ là đường nào.",
            "The site was on backup then; where it has several backups, this does not say which one carried.",
        )
    present, slots = say.number(evidence["present"]), say.number(evidence["slots"])
    count = say.number(evidence["carrying_count"])
    yield say(
        f"Có {present}/{slots} mẫu 5 phút, {count} mẫu có lưu lượng.",
        f"{present} of {slots} slots seen, {count} with traffic.",
    )
    for slot in reversed(evidence["carrying"]):
        rates, carries = (slot["receive"], slot["transmit"]), evidence["carries"]
        towards, away = ("-" if rate is None else say.mbit(rate, carries) for rate in rates)
        yield f"  {say.at(slot['start'])}: " + say(
            f"chiều về xã {towards}, chiều từ xã đi {away}", f"{towards} towards and {away} from the commune"
        )
    shown, backups = len(evidence["on_backup"]), evidence["on_backup_count"]
    if backups:
        yield say(f"Các lần chạy trên đường dự phòng ({shown}/{backups}):", f"Times on backup ({shown} of {backups}):")
    for span in reversed(evidence["on_backup"]):
        yield f"  {say.between(span['start'], span['end'])}, {say.lasting(span['seconds'])}"
    if evidence["simulated_slots"]:
        simulated = say.number(evidence["simulated_slots"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {simulated} mẫu 5 phút.", f"CONTAINS SIMULATED DATA: {simulated} slots.")


def _lasting(seconds: float, say: Voice) -> str:
    """Long times in days: 90 days, not 2,160 hours."""
    if seconds < 2 * DAY_S:
        return say.lasting(seconds)
    return f"{say.number(seconds / DAY_S, 0 if seconds % DAY_S == 0 else 1)} {say('ngày', 'days')}"
