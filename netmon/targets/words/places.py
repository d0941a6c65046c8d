"""The rules that judge what is contracted and laid, not what is measured, in words: capacity, redundancy, growth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.targets.definitions import ContractedCapacity, Growth, Redundancy
from netmon.targets.words.voice import Voice

PlacesTarget = ContractedCapacity | Redundancy | Growth

_KIND = {
    "fibre": ("cáp quang", "fibre"),
    "microwave": ("viba", "microwave"),
    "lte": ("4G/5G", "4G/5G"),
    "satellite_leo": ("vệ tinh quỹ đạo thấp", "LEO satellite"),
    "copper": ("cáp đồng", "copper"),
}
_NETWORK = {"fixed": ("cố định", "fixed"), "mobile": ("di động", "mobile"), "mobile_5g": ("5G", "5G")}
_END = {"near": ("phía xã", "commune end"), "far": ("phía trung tâm", "far end")}


def rule(target: PlacesTarget, say: Voice) -> str:
    """What is asked, in one sentence."""
    match target:
        case ContractedCapacity():
            return _capacity_rule(target, say)
        case Redundancy():
            return _redundancy_rule(target, say)
        case Growth():
            return _growth_rule(target, say)


def figures(evidence: Mapping[str, Any], target: PlacesTarget, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    match target:
        case ContractedCapacity():
            yield from _capacity(evidence, target, say)
        case Redundancy():
            yield from _redundancy(evidence, say)
        case Growth():
            yield from _growth(evidence, target, say)


def _capacity_rule(target: ContractedCapacity, say: Voice) -> str:
    limit = say.mbit(target.limit)
    ports = say(", cổng đấu nối không chậm hơn dung lượng đó", ", and its ports run at least that fast")
    return say(
        f"dung lượng theo hợp đồng của chiều nhỏ hơn từ {limit} trở lên",
        f"the contracted capacity of the narrower direction is at least {limit}",
    ) + (f"{ports}." if target.port_speed else ".")


def _capacity(evidence: Mapping[str, Any], target: ContractedCapacity, say: Voice) -> Iterator[str]:
    contracted, when = evidence["contracted"], say.at(evidence["at"])
    if contracted is None:
        yield say(f"Chưa có dung lượng theo hợp đồng tại thời điểm {when}.", f"No contracted capacity is told as of {when}.")
    else:
        rates = _ways(contracted, say, target.limit)
        yield say(f"Dung lượng theo hợp đồng lúc {when}: ", f"Contracted as of {when}: ") + f"{rates}."
    if target.port_speed:
        for end, speed in evidence["ports"].items():
            yield say("Tốc độ cổng ", "Port speed, ") + f"{say(*_END[end])}: {_port(speed, end, evidence, say)}."
    if evidence["capacity_count"] > 1:
        yield say("Trong kỳ dung lượng đã thay đổi:", "Capacity changed in the window:")
        for held in evidence["capacities"]:
            yield f"  {say.between(held['start'], held['end'])}: {_ways(held, say, target.limit)}"
    for network, tests in evidence["speed_tests"].items():
        down, up = say.mbit(tests["download"]), say.mbit(tests["upload"])
        yield say(
            f"Để tham khảo, {tests['count']} lần đo tốc độ mạng {_NETWORK[network][0]} tại điểm: trung vị tải xuống {down}, "
            f"tải lên {up}.",
            f"For comparison, {tests['count']} speed tests at the site, {_NETWORK[network][1]} network: median {down} down, "
            f"{up} up.",
        )


def _ways(rates: Mapping[str, float], say: Voice, limit: float) -> str:
    towards, away = say.mbit(rates["receive"], limit), say.mbit(rates["transmit"], limit)
    return say(f"chiều về xã {towards}, chiều từ xã đi {away}", f"{towards} to and {away} from the commune")


def _port(speed: float | None, end: str, evidence: Mapping[str, Any], say: Voice) -> str:
    if speed is None:
        return say("chưa biết", "not known")
    slow = say(", chậm hơn dung lượng theo hợp đồng", ", slower than the contract") if end in evidence["slow_ports"] else ""
    return say.mbit(speed, *(evidence["contracted"] or {}).values()) + slow


def _redundancy_rule(target: Redundancy, say: Voice) -> str:
    plain, secure = say.number(target.limit), say.number(target.secure_limit)
    levels = ", ".join(map(str, target.secure_levels))
    special = levels and say(
        f" (hệ thống thông tin cấp độ {levels}: ít nhất {secure})",
        f" (at least {secure} where the information system is of security level {levels})",
    )
    return say(
        f"điểm có ít nhất {plain} hướng truyền dẫn vật lý riêng biệt{special}; các tuyến chung cáp chỉ tính là một.",
        f"separate physical routes of the site: at least {plain}{special}; links that share a cable count once.",
    )


def _redundancy(evidence: Mapping[str, Any], say: Voice) -> Iterator[str]:
    level, needed = evidence["security_level"], say.number(evidence["needed"])
    yield (
        say("Chưa khai báo cấp độ an toàn hệ thống thông tin", "The security level is not told")
        if level is None
        else say(f"Hệ thống thông tin cấp độ {level}", f"Security level {level}")
    ) + say(f": yêu cầu {needed} hướng.", f": {needed} needed.")
    proven = evidence["proven"]
    yield say(f"Chứng minh được {proven} hướng riêng biệt.", f"Proven to be separate: {proven}.")
    if evidence["not_told"]:
        listed, count = ", ".join(evidence["not_told"]), evidence["not_told_count"]
        yield say(
            f"Chưa khai báo tuyến cáp ({count}), nên chưa chứng minh được là riêng biệt: {listed}.",
            f"Cable not told ({count}), so not proven to be separate: {listed}.",
        )
    for cable, names in evidence["shared"].items():
        listed = ", ".join(names)
        yield say(f"Chung cáp {cable}: {listed}.", f"Sharing the cable {cable}: {listed}.")
    if not evidence["exact"]:
        yield say(
            "Có quá nhiều tuyến chung cáp để xét mọi tổ hợp: số hướng ít nhất là như trên.",
            "Too many links share cables to try every choice: there are at least so many routes.",
        )
    shown, count = len(evidence["links"]), evidence["link_count"]
    yield say(f"Các tuyến của điểm ({shown}/{count}):", f"Links of the site ({shown} of {count}):")
    for link in evidence["links"]:
        operator = f", {link['operator']}" if link["operator"] else ""
        cables = say("; cáp: ", "; cables: ") + ", ".join(link["srlg"]) if link["srlg"] else ""
        yield f"  {link['id']}: {say(*_KIND[link['kind']])}{operator}{cables}"


def _growth_rule(target: Growth, say: Voice) -> str:
    limit, (month, day) = say.percent(target.limit), target.registered
    return say(
        f"so với đăng ký năm trước (ngày {day:02}/{month:02}), số kênh và băng thông từng kênh không tăng quá {limit} "
        "nếu không có giải trình.",
        f"against last year's registration (day {month:02}-{day:02}), neither the number of links nor the bandwidth of "
        f"one is up by more than {limit} without a justification.",
    )


def _growth(evidence: Mapping[str, Any], target: Growth, say: Voice) -> Iterator[str]:
    when, number = say.at(evidence["registered_at"]), evidence["number"]
    if number["growth"] is None:
        yield say(
            f"Lúc {when} chưa có kênh nào, nên không có đăng ký năm trước để so sánh.",
            f"Nothing was contracted at {when}, so there is no registration to compare with.",
        )
        return
    before, now = number["before"], number["now"]
    change = say.percent(number["growth"], target.limit)
    yield say(
        f"Số kênh lúc {when} là {before}, nay là {now}: thay đổi {change}.",
        f"Links at {when}: {before}, now {now}: {change}.",
    )
    yield from _left_out(evidence, target, say)
    for added in number["added"]:
        yield say("  kênh mới ", "  new link ") + added["id"] + _justified(added["justification"], say)
    for link in evidence["links"]:
        if link["growth"] is None:
            continue
        before, now, change = link["before"], link["now"], say.percent(link["growth"], target.limit)
        old, new = say.mbit(before, now), say.mbit(now, before)
        reason = _justified(link["justification"], say) if link["growth"] > target.limit else ""
        yield (
            say(f"  {link['id']}: từ {old} thành {new}, thay đổi {change}", f"  {link['id']}: {old} to {new}, {change}")
            + reason
        )
    if evidence["not_told"]:
        listed = ", ".join(evidence["not_told"])
        yield say(
            f"Chưa biết dung lượng lúc đó, nên không so sánh được: {listed}.",
            f"Capacity at that time is not told, so there is nothing to compare: {listed}.",
        )


def _left_out(evidence: Mapping[str, Any], target: Growth, say: Voice) -> Iterator[str]:
    """What the figure is without the growth that is justified; nothing where links that are not shown may decide it."""
    number, links = evidence["number"], [link for link in evidence["links"] if link["growth"] is not None]
    if evidence["link_count"] > len(evidence["links"]) and all(link["justification"] for link in links):
        return
    found = [(number["growth"], any(added["justification"] for added in number["added"]))]
    found += [(link["growth"], bool(link["justification"])) for link in links]
    bare = [growth for growth, justified in found if not justified]
    if bare and max(found)[0] > max(bare):
        rest = say.percent(max(bare), target.limit)
        yield say(f"Mức tăng: {rest} ngoài phần đã giải trình.", f"Growth: {rest} besides what is justified.")
    elif not bare:
        most = say.percent(max(found)[0], target.limit)
        yield say(f"Mức tăng: {most}, đã giải trình.", f"Growth: {most}, all of it justified.")


def _justified(justification: str, say: Voice) -> str:
    if not justification:
        return say("; không có giải trình", "; no justification")
    return say("; giải trình: ", "; justification: ") + justification
