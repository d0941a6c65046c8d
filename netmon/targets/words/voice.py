"""How netmon says things: numbers, times and names as people write them, in Vietnamese or English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from netmon.model import Standing
from netmon.targets.definitions import BasisKind, Target, Unit
from netmon.targets.windows import local

Language = Literal["vi", "en"]

STANDING = {
    Standing.MET: ("ĐẠT", "MET"),
    Standing.AT_RISK: ("ĐẠT, NHƯNG CÓ NGUY CƠ KHÔNG ĐẠT", "MET, BUT AT RISK"),
    Standing.MISSED: ("KHÔNG ĐẠT", "MISSED"),
    Standing.UNPROVEN: ("CHƯA ĐỦ CĂN CỨ KẾT LUẬN", "UNPROVEN"),
    Standing.EXEMPT: ("ĐƯỢC MIỄN ĐÁNH GIÁ", "EXEMPT"),
}
BASIS = {
    BasisKind.STATUTORY: ("quy định của pháp luật", "statutory: the law gives the number"),
    BasisKind.PROXY: (
        "tạm áp dụng thay cho chỉ tiêu chưa được công bố",
        "proxy: it stands in for a number that is not published",
    ),
    BasisKind.LOCAL: ("quy định nội bộ", "local: the operations centre's own"),
}
SUBJECT = {
    "link": ("Tuyến", "Link"),
    "site": ("Điểm", "Site"),
    "commune": ("Xã/phường/đặc khu", "Commune"),
    "province": ("Tỉnh/thành phố", "Province"),
}
DIRECTION = {"receive": ("chiều về xã", "towards the commune"), "transmit": ("chiều từ xã đi", "from the commune")}
END = {"near": ("đo ở phía xã", "commune end"), "far": ("đo ở phía trung tâm", "far end")}
STATE = {
    "isolated": ("bị cô lập", "isolated"),
    "unreachable": ("không liên lạc được", "unreachable"),
    "down": ("mất kết nối", "down"),
}
EXEMPT = {
    "nothing_there": ("không có đối tượng thuộc phạm vi chỉ tiêu", "there is nothing here that the target judges"),
    "another_kind": (
        "chỉ tiêu không áp dụng cho loại đơn vị hành chính này",
        "the target does not judge administrative units of this kind",
    ),
    "no_feed": (
        "không có nhà mạng nào cung cấp trạng thái các cell tại đây",
        "no operator tells of its cells here",
    ),
    "no_sensor": ("không có cảm biến đo nhiệt độ, độ ẩm tại đây", "nothing there measures the room"),
    "no_optic": (
        "không có mô-đun quang nào ở hai đầu tuyến báo công suất quang",
        "no optic at either end tells its light",
    ),
}
"""The reasons that are netmon's own; all others are what somebody wrote in a target's `exempt`."""
READING = {
    "window": ("cả kỳ 7 ngày", "the window of 7 days"),
    "daily": ("từng ngày trong 7 ngày liên tiếp", "each of 7 days in a row"),
}

MOST_DIGITS = 8
"""So many decimals at most; what they cannot tell from a limit is marked as more (>) or less (<) than that."""


class Voice:
    """Says things in one language."""

    def __init__(self, language: Language) -> None:
        self._vi = language == "vi"

    def __call__(self, vi: str, en: str) -> str:
        return vi if self._vi else en

    def number(self, value: float, digits: int = 0) -> str:
        text = f"{value:z,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self._vi else text

    def percent(self, ratio: float, *against: float) -> str:
        """With as many digits as it takes to tell it from what it is held against, from none and from all."""
        sign, text = self._apart(ratio, (0.0, 1.0, *against), 100, 2)
        return f"{sign}{text.rstrip('0').rstrip(',' if self._vi else '.')} %"

    def mbit(self, bytes_per_second: float, *against: float) -> str:
        """With as many digits as it takes to tell it from what it is held against; below 1 Mbit/s in kbit/s."""
        small = bytes_per_second * 8 < 999_950  # no 1,000.0 kbit/s
        text = "".join(self._apart(bytes_per_second, against, 8 / 1e3 if small else 8 / 1e6, 1))
        return f"{text} {'kbit/s' if small else 'Mbit/s'}"

    def ms(self, seconds: float, *against: float) -> str:
        """With as many digits as it takes to tell it from what it is held against."""
        return "".join(self._apart(seconds, against, 1000, 1)) + " ms"

    def db(self, decibels: float, *against: float) -> str:
        """With as many digits as it takes to tell it from what it is held against."""
        return "".join(self._apart(decibels, against, 1, 1)) + " dB"

    def celsius(self, degrees: float, *against: float) -> str:
        """With as many digits as it takes to tell it from what it is held against."""
        return "".join(self._apart(degrees, against, 1, 1)) + " °C"

    def _apart(self, value: float, against: Iterable[float], times: float, digits: int) -> tuple[str, str]:
        """A sign, where one is needed, and `value` times `times` in digits that no other value of `against` would have."""
        text = self.number(times * value, digits)
        for other in against:
            while other != value and self.number(times * other, digits) == text:
                if digits == MOST_DIGITS:  # what is exactly so needs no sign: the other one has it
                    exact = round(times * value, digits) == times * value
                    return "" if exact else "< " if value < other else "> ", text
                digits += 1
                text = self.number(times * value, digits)
        return "", text

    def exemption(self, reason: str) -> str:
        """Why a target does not judge, in this language where the reason is netmon's own."""
        return self(*EXEMPT.get(reason, (reason, reason)))

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

    def window(self, *, final: bool) -> str:
        """What coverage is the coverage of."""
        return self("kỳ", "the window") if final else self("phần kỳ đã qua", "the window so far")

    def subject(self, kind: str, name: str, names: Mapping[str, str]) -> str:
        """A unit's own name says what kind it is; a link's or a site's does not."""
        known = names.get(name)
        if known is None:
            return f"{self(*SUBJECT[kind])} {name}"
        return f"{known} ({name})" if kind in ("commune", "province") else f"{self(*SUBJECT[kind])} {known} ({name})"

    def figure(self, target: Target, value: float | None) -> str:
        """A target's figure in its unit, with as many digits as tell it from the limit; "-" for none."""
        if value is None:
            return "-"
        match target.unit:
            case Unit.RATIO:
                return self.percent(value, target.limit)
            case Unit.BYTES_PER_SECOND:
                return self.mbit(value, target.limit)
            case Unit.SECONDS:
                return self.lasting(value) if target.limit >= 1 else self.ms(value, target.limit)
            case Unit.COUNT:
                return self.number(value)
            case Unit.DECIBELS:
                return self.db(value, target.limit)
