"""A verdict as sentences that an operator can read aloud, in Vietnamese or English.

Ratios become per cent, bytes per second become Mbit/s, seconds hours and minutes, instants the clocks of Viet Nam.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from netmon.model import Standing, Verdict
from netmon.targets.definitions import AnyTarget, Availability, BasisKind, PercentileUtilisation, Share
from netmon.targets.windows import local

Language = Literal["vi", "en"]

_STANDING = {
    Standing.MET: ("ĐẠT", "MET"),
    Standing.AT_RISK: ("ĐẠT, NHƯNG CÓ NGUY CƠ KHÔNG ĐẠT", "MET, BUT AT RISK"),
    Standing.MISSED: ("KHÔNG ĐẠT", "MISSED"),
    Standing.UNPROVEN: ("CHƯA ĐỦ CĂN CỨ KẾT LUẬN", "UNPROVEN"),
    Standing.EXEMPT: ("ĐƯỢC MIỄN ĐÁNH GIÁ", "EXEMPT"),
}
_BASIS = {
    BasisKind.STATUTORY: ("quy định của pháp luật", "statutory: the law gives the number"),
    BasisKind.PROXY: (
        "tạm áp dụng thay cho chỉ tiêu chưa được công bố",
        "proxy: it stands in for a number that is not published",
    ),
    BasisKind.LOCAL: ("quy định nội bộ", "local: the operations centre's own"),
}
_SUBJECT = {
    "link": ("Tuyến", "Link"),
    "site": ("Điểm", "Site"),
    "commune": ("Xã/phường/đặc khu", "Commune"),
    "province": ("Tỉnh/thành phố", "Province"),
}
_DIRECTION = {"receive": ("chiều về xã", "towards the commune"), "transmit": ("chiều từ xã đi", "from the commune")}
_END = {"near": ("đo ở phía xã", "commune end"), "far": ("đo ở phía trung tâm", "far end")}
_STATE = {
    "isolated": ("bị cô lập", "isolated"),
    "unreachable": ("không liên lạc được", "unreachable"),
    "down": ("mất kết nối", "down"),
}
_READING = {
    "window": ("cả kỳ 7 ngày", "the window of 7 days"),
    "daily": ("từng ngày trong 7 ngày liên tiếp", "each of 7 days in a row"),
}


def explain(verdict: Verdict, targets: Mapping[str, AnyTarget], language: Language, names: Mapping[str, str]) -> str:
    """Rule, legal basis, figures, window, coverage, and the worst slots or outages, a line each, however long.

    `targets` are by id and hold the verdict's own, `names` are by id of the subject.
    """
    say = _Voice(language)
    target = targets[verdict.target]
    rule = _rule(target, targets, say)
    return "\n".join([*_head(verdict, target, rule, say, names), *_body(verdict, target, say, names)])


class _Voice:
    """Says things in one language."""

    def __init__(self, language: Language) -> None:
        self._vi = language == "vi"

    def __call__(self, vi: str, en: str) -> str:
        return vi if self._vi else en

    def number(self, value: float, digits: int = 0) -> str:
        text = f"{value:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self._vi else text

    def percent(self, ratio: float, against: float | None = None) -> str:
        """With as many digits as it takes to tell it from what it is held against."""
        digits = 2
        if against is not None and against != ratio:
            while digits < 8 and self.number(100 * ratio, digits) == self.number(100 * against, digits):
                digits += 1
        text = self.number(100 * ratio, digits)
        point = "," if self._vi else "."
        return f"{text.rstrip('0').rstrip(point)} %"

    def mbit(self, bytes_per_second: float) -> str:
        return f"{self.number(bytes_per_second * 8 / 1e6, 1)} Mbit/s"

    def lasting(self, seconds: float) -> str:
        if seconds < 60:
            return f"{self.number(seconds)} {self('giây', 's')}"
        hours, minutes = divmod(round(seconds / 60), 60)
        parts = [f"{self.number(hours)} {self('giờ', 'h')}"] if hours else []
        if minutes or not hours:
            parts.append(f"{minutes} {self('phút', 'min')}")
        return " ".join(parts)

    def at(self, unix: float) -> str:
        return local(unix).strftime(self("%H:%M ngày %d/%m/%Y", "%Y-%m-%d %H:%M"))

    def between(self, start: float, end: float) -> str:
        return self(f"từ {self.at(start)} đến {self.at(end)}", f"{self.at(start)} to {self.at(end)}")

    def subject(self, kind: str, name: str, names: Mapping[str, str]) -> str:
        """A unit's own name says what kind it is; a link's or a site's does not."""
        known = names.get(name)
        if known is None:
            return f"{self(*_SUBJECT[kind])} {name}"
        return f"{known} ({name})" if kind in ("commune", "province") else f"{self(*_SUBJECT[kind])} {known} ({name})"


def _head(verdict: Verdict, target: AnyTarget, rule: str, say: _Voice, names: Mapping[str, str]) -> Iterator[str]:
    yield (
        f"{say.subject(*verdict.subject, names)}: {say(*_STANDING[verdict.standing])} - "
        f"{say(target.title_vi, target.title_en)} [{verdict.id}]"
    )
    yield say("Quy tắc: ", "Rule: ") + rule
    yield say("Căn cứ: ", "Basis: ") + f"{target.basis} ({say(*_BASIS[target.basis_kind])})."
    yield (
        say("Kỳ: ", "Window: ")
        + say.between(*verdict.window)
        + say(" (giờ Việt Nam), ", ", Viet Nam time, ")
        + (say("đã chốt.", "final.") if verdict.final else say("chưa chốt.", "not final."))
    )


def _rule(target: AnyTarget, targets: Mapping[str, AnyTarget], say: _Voice) -> str:
    limit = say.percent(target.limit)
    match target:
        case PercentileUtilisation():
            reading = say(*_READING[target.reading])
            return say(
                f"phân vị 95 của mỗi chiều, lấy mẫu 5 phút, tính trên {reading}, không vượt quá {limit} dung lượng theo "
                "hợp đồng.",
                f"the 95th percentile of each direction, in samples of 5 minutes over {reading}, is at most {limit} of the "
                "contracted capacity.",
            )
        case Availability():
            what = say("kết nối của điểm", "the site's service") if target.of == "service" else say("tuyến", "the link")
            return say(f"{what} sẵn sàng ít nhất {limit} thời gian quan sát được.",
                       f"{what} is available for at least {limit} of the time that was seen.")  # fmt: skip
        case Share():
            of = targets[target.of]
            return say(
                f"ít nhất {limit} số đơn vị cấp xã trong phạm vi đánh giá đạt chỉ tiêu “{of.title_vi}” [{of.id}].",
                f"at least {limit} of the communes in scope meet the target “{of.title_en}” [{of.id}].",
            )


def _body(verdict: Verdict, target: AnyTarget, say: _Voice, names: Mapping[str, str]) -> Iterator[str]:
    evidence = verdict.evidence
    if "exempt" in evidence:
        yield say("Lý do miễn: ", "Exempt because: ") + f"{evidence['exempt']}."
    elif isinstance(target, Share):
        yield from _share(verdict, target, say, names)
    else:
        yield _coverage(verdict, target, say)
        if "parts" in evidence:
            yield from _commune(evidence, target, say, names)
        else:
            yield from _figures(evidence, target, say)


def _coverage(verdict: Verdict, target: PercentileUtilisation | Availability, say: _Voice) -> str:
    seen, floor = say.percent(verdict.coverage, target.coverage), say.percent(target.coverage)
    text = say(
        f"Độ phủ số liệu: đã quan sát {seen} của kỳ, yêu cầu tối thiểu {floor}",
        f"Coverage: {seen} of the window was seen, {floor} is needed",
    )
    if verdict.standing is Standing.MISSED and verdict.coverage < target.coverage:
        text += say("; phần chưa quan sát không làm thay đổi kết luận", "; what was not seen could not have saved it")
    return text + "."


def _commune(
    evidence: Mapping[str, Any], target: PercentileUtilisation | Availability, say: _Voice, names: Mapping[str, str]
) -> Iterator[str]:
    parts = evidence["parts"]
    if not parts:
        yield say(
            "Không có tuyến hoặc điểm nào của đơn vị này thuộc phạm vi chỉ tiêu, nên chưa có căn cứ để kết luận.",
            "The target selects no link or site of this commune, so nothing proves it.",
        )
        return
    for part in parts:
        value = "-" if part["value"] is None else say.percent(part["value"], target.limit)
        yield f"  {say.subject(part['kind'], part['id'], names)}: {say(*_STANDING[Standing(part['standing'])])}, {value}"
    worst = evidence["worst"]
    if worst is not None:
        yield say("Kết luận căn cứ vào: ", "Decided by: ") + say.subject(worst["kind"], worst["id"], names)
        yield from _figures(worst["evidence"], target, say)


def _figures(evidence: Mapping[str, Any], target: PercentileUtilisation | Availability, say: _Voice) -> Iterator[str]:
    if isinstance(target, PercentileUtilisation):
        yield from _percentile(evidence, target, say)
    else:
        yield from _availability(evidence, target, say)


def _percentile(evidence: Mapping[str, Any], target: PercentileUtilisation, say: _Voice) -> Iterator[str]:
    chosen = evidence["reading"]
    for name in sorted(evidence["readings"], key=lambda name: name != chosen):
        reading = evidence["readings"][name]
        note = "" if name == chosen else say(", để tham khảo", ", for comparison")
        yield say("Tính trên ", "Over ") + f"{say(*_READING[name])}{note}: {say(*_STANDING[Standing(reading['standing'])])}"
        for direction, found in reading["directions"].items():
            describe = _days if "days" in found else _direction
            yield f"  {say(*_DIRECTION[direction])}: {describe(found, target, say)}"
    if evidence["worst_slots"]:
        yield say("Các mẫu 5 phút cao nhất:", "Highest slots of 5 minutes:")
    for slot in evidence["worst_slots"]:
        yield (
            f"  {say.at(slot['start'])}, {say(*_DIRECTION[slot['direction']])}, {say.mbit(slot['rate'])} = "
            f"{say.percent(slot['utilisation'], target.limit)}, {say(*_END[slot['end']])}"
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


def _direction(found: Mapping[str, Any], target: PercentileUtilisation, say: _Voice) -> str:
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


def _days(found: Mapping[str, Any], target: PercentileUtilisation, say: _Voice) -> str:
    def day(figures: Mapping[str, Any]) -> str:
        value = "-" if figures["value"] is None else say.percent(figures["value"], target.limit)
        doubt = say(" (thiếu số liệu)", " (too little seen)") if figures["standing"] == Standing.UNPROVEN else ""
        _, month, number = figures["day"].split("-")
        return f"{say(f'{number}/{month}', f'{month}-{number}')} {value}{doubt}"

    return "; ".join(map(day, found["days"]))


def _availability(evidence: Mapping[str, Any], target: Availability, say: _Voice) -> Iterator[str]:
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
        yield f"  {when}, {say.lasting(outage['seconds'])}, {say(*_STATE[outage['state']])}"
    if evidence["simulated_s"]:
        lasting = say.lasting(evidence["simulated_s"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {lasting}.", f"CONTAINS SIMULATED DATA: {lasting}.")


def _ratio(figures: Mapping[str, Any], target: Availability, say: _Voice) -> str:
    up, lost, unseen = (say.lasting(figures[key]) for key in ("available", "not_available", "unseen"))
    value = "-" if figures["value"] is None else say.percent(figures["value"], target.limit)
    return say(
        f"{value} (sẵn sàng {up}, gián đoạn {lost}, không quan sát được {unseen}).",
        f"{value} (available {up}, not available {lost}, unseen {unseen}).",
    )


def _share(verdict: Verdict, target: Share, say: _Voice, names: Mapping[str, str]) -> Iterator[str]:
    evidence = verdict.evidence
    met, judged = evidence["met"], evidence["judged"]
    value = "-" if verdict.value is None else say.percent(verdict.value, target.limit)
    yield say(f"{met}/{judged} đơn vị cấp xã đạt: {value}.", f"{met} of {judged} communes meet it: {value}.")
    for standing in (Standing.MISSED, Standing.UNPROVEN, Standing.AT_RISK, Standing.EXEMPT):
        codes = evidence["communes"][standing.value]
        if codes:
            listed = ", ".join(say.subject("commune", code, names) for code in codes)
            yield f"{say(*_STANDING[standing])} ({len(codes)}): {listed}"
    if evidence["out_of_scope"]:
        left_out = evidence["out_of_scope"].items()
        listed = "; ".join(f"{say.subject('commune', code, names)}: {why}" for code, why in left_out)
        yield say(f"Ngoài phạm vi đánh giá: {listed}", f"Out of scope: {listed}")
