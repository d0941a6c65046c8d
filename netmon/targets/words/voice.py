"""How netmon says things: numbers, times and names as people write them, in Vietnamese or English."""

from __future__ import annotations

from collections.abc import Mapping
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
READING = {
    "window": ("cả kỳ 7 ngày", "the window of 7 days"),
    "daily": ("từng ngày trong 7 ngày liên tiếp", "each of 7 days in a row"),
}


class Voice:
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
                return self.mbit(value)
            case Unit.SECONDS:
                return self.lasting(value) if target.limit >= 1 else f"{self.number(1000 * value, 1)} ms"
            case Unit.COUNT:
                return self.number(value)
