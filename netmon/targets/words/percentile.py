"""The percentile rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.model import Standing
from netmon.targets.definitions import PercentileUtilisation
from netmon.targets.words.voice import DIRECTION, END, READING, STANDING, Voice


def rule(target: PercentileUtilisation, say: Voice) -> str:
    """What is asked, in one sentence."""
    limit, reading = say.percent(target.limit), say(*READING[target.reading])
    return say(
        f"phân vị 95 của mỗi chiều, lấy mẫu 5 phút, tính trên {reading}, không vượt quá {limit} dung lượng theo hợp đồng.",
        f"the 95th percentile of each direction, in samples of 5 minutes over {reading}, is at most {limit} of the "
        "contracted capacity.",
    )


def figures(evidence: Mapping[str, Any], target: PercentileUtilisation, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    chosen = evidence["reading"]
    for name in sorted(evidence["readings"], key=lambda name: name != chosen):
        reading = evidence["readings"][name]
        note = "" if name == chosen else say(", để tham khảo", ", for comparison")
        yield say("Tính trên ", "Over ") + f"{say(*READING[name])}{note}: {say(*STANDING[Standing(reading['standing'])])}"
        for direction, found in reading["directions"].items():
            describe = _days if "days" in found else _direction
            yield f"  {say(*DIRECTION[direction])}: {describe(found, target, say)}"
    if evidence["worst_slots"]:
        yield say("Các mẫu 5 phút cao nhất:", "Highest slots of 5 minutes:")
    for slot in evidence["worst_slots"]:
        yield (
            f"  {say.at(slot['start'])}, {say(*DIRECTION[slot['direction']])}, {say.mbit(slot['rate'])} = "
            f"{say.percent(slot['utilisation'], target.limit)}, {say(*END[slot['end']])}"
        )
    for span in evidence["capacities"]:
        yield (
            say("Dung lượng theo hợp đồng: ", "Contracted capacity ")
            + say(f"chiều về xã {say.mbit(span['receive'])}, chiều từ xã đi {say.mbit(span['transmit'])}, ",
                  f"{say.mbit(span['receive'])} to and {say.mbit(span['transmit'])} from the commune, ")
            + say.between(span["start"], span["end"]) + "."
        )  # fmt: skip
    if evidence["simulated_slots"]:
        count = say.number(evidence["simulated_slots"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {count} mẫu 5 phút.", f"CONTAINS SIMULATED DATA: {count} slots.")


def _direction(found: Mapping[str, Any], target: PercentileUtilisation, say: Voice) -> str:
    present, slots, above = (say.number(found[key]) for key in ("present", "slots", "above"))
    limit = say.percent(target.limit)
    text = say(
        f"có {present}/{slots} mẫu 5 phút, {above} mẫu vượt {limit}", f"{present} of {slots} slots, {above} above {limit}"
    )
    if found["value"] is not None:
        figure = f"{say.mbit(found['rate'])} = {say.percent(found['value'], target.limit)}"
        place = say.number(found["rank"])
        text = say(f"phân vị 95 là {figure} (giá trị thứ {place}), ", f"95th percentile {figure} (rank {place}), ") + text
    if found["far"]:
        text += say(f", {found['far']} mẫu đo ở phía trung tâm", f", {found['far']} from the far end")
    if found["without_capacity"]:
        count = say.number(found["without_capacity"])
        text += say(f", {count} mẫu chưa có dung lượng theo hợp đồng", f", {count} before any contracted capacity")
    return text


def _days(found: Mapping[str, Any], target: PercentileUtilisation, say: Voice) -> str:
    def day(figures: Mapping[str, Any]) -> str:
        value = "-" if figures["value"] is None else say.percent(figures["value"], target.limit)
        doubt = say(" (thiếu số liệu)", " (too little seen)") if figures["standing"] == Standing.UNPROVEN else ""
        _, month, number = figures["day"].split("-")
        return f"{say(f'{number}/{month}', f'{month}-{number}')} {value}{doubt}"

    return "; ".join(map(day, found["days"]))
