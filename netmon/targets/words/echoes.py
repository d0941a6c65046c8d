"""The rules on a link's echoes, latency and loss, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.targets.definitions import Latency, Loss
from netmon.targets.words.voice import Voice


def rule(target: Latency | Loss, say: Voice) -> str:
    """What is asked, in one sentence."""
    if isinstance(target, Latency):
        limit = say.ms(target.limit)
        return say(
            "phân vị 95 của thời gian trễ hai chiều (trung bình từng 5 phút) đến địa chỉ kiểm tra của tuyến không vượt quá "
            f"{limit}.",
            f"the 95th percentile of the round trip to the link's check address, averaged over 5 minutes, is at most "
            f"{limit}.",
        )
    limit = say.percent(target.limit)
    return say(
        f"trong thời gian tuyến hoạt động, không quá {limit} số gói ICMP echo gửi đến địa chỉ kiểm tra của tuyến bị mất.",
        f"while the link is up, at most {limit} of the echoes to its check address are lost.",
    )


def figures(evidence: Mapping[str, Any], target: Latency | Loss, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    yield from _latency(evidence, target, say) if isinstance(target, Latency) else _loss(evidence, target, say)
    if evidence["simulated_slots"]:
        count = say.number(evidence["simulated_slots"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {count} mẫu 5 phút.", f"CONTAINS SIMULATED DATA: {count} slots.")


def _latency(evidence: Mapping[str, Any], target: Latency, say: Voice) -> Iterator[str]:
    value, limit = evidence["value"], say.ms(target.limit)
    present, elapsed, above, spared, slots, place = (
        say.number(evidence[key]) for key in ("present", "elapsed", "above", "spared", "slots", "rank")
    )
    text = say(
        f"có {present}/{elapsed} mẫu 5 phút đến nay, {above} mẫu vượt {limit}; cả kỳ {slots} mẫu được vượt {spared} mẫu.",
        f"{present} of {elapsed} slots so far, {above} above {limit}; {spared} of the window's {slots} may be.",
    )
    if value is not None:
        figure = say.ms(value, target.limit)
        text = say(f"phân vị 95 là {figure} (giá trị thứ {place}), ", f"95th percentile {figure} (rank {place}), ") + text
    yield say("Thời gian trễ hai chiều: ", "Round trip: ") + text
    sent, answered = say.number(evidence["sent"]), say.number(evidence["answered"])
    yield say(f"Gói ICMP echo: gửi {sent}, được trả lời {answered}.", f"Echoes: {sent} sent, {answered} answered.")
    if evidence["from_snmp"]:
        count = say.number(evidence["from_snmp"])
        yield say(
            f"{count} mẫu không có gói ICMP echo nào được trả lời, lấy thời gian trả lời SNMP, vì không vượt {limit}.",
            f"{count} slots without an answered echo are proven by an SNMP round trip within {limit}.",
        )
    if evidence["snmp_beyond"]:
        count = say.number(evidence["snmp_beyond"])
        yield say(
            f"{count} mẫu chỉ có thời gian trả lời SNMP, vượt {limit}: không đủ căn cứ, coi như không có số liệu.",
            f"{count} slots have only an SNMP round trip, beyond {limit}: it proves nothing, and they count as unseen.",
        )
    if evidence["worst_slots"]:
        yield say("Các mẫu 5 phút trễ nhất:", "Slowest slots of 5 minutes:")
    for slot in evidence["worst_slots"]:
        text = f"  {say.at(slot['start'])}, {say.ms(slot['mean_s'], target.limit)}"
        if slot["by"] == "snmp":
            yield text + say(", theo SNMP", ", by SNMP")
        else:
            longest = say.ms(slot["worst_s"], target.limit)
            yield text + say(f", gói chậm nhất {longest}", f", the slowest echo {longest}")


def _loss(evidence: Mapping[str, Any], target: Loss, say: Voice) -> Iterator[str]:
    lost, sent, seen, judged, down = (say.number(evidence[key]) for key in ("lost", "sent", "seen", "judged", "down"))
    value = "-" if evidence["value"] is None else say.percent(evidence["value"], target.limit)
    yield say(
        f"Mất {lost}/{sent} gói ICMP echo: {value}; có số liệu {seen}/{judged} mẫu 5 phút.",
        f"{lost} of {sent} echoes lost: {value}; {seen} of {judged} slots were seen.",
    )
    if evidence["down"]:
        yield say(
            f"Không tính {down} mẫu có lúc tuyến mất kết nối: mất kết nối đã được xét ở chỉ tiêu độ sẵn sàng.",
            f"{down} slots in which the link was down are left out: outages are judged by availability.",
        )
    if evidence["least"] > target.limit and evidence["seen"] < evidence["judged"]:
        least = say.percent(evidence["least"], target.limit)
        yield say(
            f"Dù các mẫu chưa quan sát được không mất gói nào, tỷ lệ mất vẫn là {least}.",
            f"Had nothing been lost in the slots that were not seen, it would still be {least}.",
        )
    if evidence["worst_slots"]:
        shown, count = len(evidence["worst_slots"]), say.number(evidence["losing_slots"])
        yield say(f"Các mẫu 5 phút mất nhiều gói nhất ({shown}/{count}):", f"Slots that lost most ({shown} of {count}):")
    for slot in evidence["worst_slots"]:
        out, gone = say.number(slot["sent"]), say.number(slot["lost"])
        yield f"  {say.at(slot['start'])}, " + say(f"mất {gone}/{out} gói", f"{gone} of {out} echoes lost")
