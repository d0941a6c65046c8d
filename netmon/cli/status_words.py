"""The words of `netmon status`, in both languages. Where the wallboard says the same, it says it so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netmon.model import Words
from netmon.targets.words.voice import Voice

STATES: Mapping[str, Words] = {
    "up": Words("Bình thường", "Up"),
    "on_backup": Words("Dự phòng", "On backup"),
    "isolated": Words("Cô lập", "Isolated"),
    "unreachable": Words("Không tới được", "Unreachable"),
    "unknown": Words("Chưa rõ", "Unknown"),
    "none": Words("Chưa khai báo", "No site"),
    "battery": Words("Chạy ắc quy", "On battery"),
}
DEVICES: Mapping[str, Words] = {
    "up": Words("hoạt động", "up"),
    "suspect": Words("đang nghi ngờ", "suspect"),
    "down": Words("mất kết nối", "down"),
    "unreachable": Words("không tới được", "unreachable"),
    "unknown": Words("chưa rõ", "unknown"),
}
STANDINGS: Mapping[str, Words] = {
    "missed": Words("Không đạt", "Missed"),
    "at_risk": Words("Có nguy cơ", "At risk"),
    "unproven": Words("Chưa chứng minh được", "Unproven"),
    "met": Words("Đạt", "Met"),
    "exempt": Words("Miễn đánh giá", "Exempt"),
}
SECTIONS: Mapping[str, Words] = {
    "incidents": Words("Sự cố đang diễn ra", "Incidents under way"),
    "cut_off": Words("Cô lập, không tới được", "Isolated, unreachable"),
    "on_backup": Words("Dùng đường dự phòng", "On backup link"),
    "dark": Words("Chạy ắc quy, sắp mất", "On battery, dark next"),
    "down": Words("Thiết bị mất kết nối", "Devices down"),
    "complaints": Words("Không mất nhưng không đo được đủ", "Not down, but not wholly measured"),
    "targets": Words("Chỉ tiêu", "Targets"),
}
LINKS: Mapping[str, Words] = {
    "fibre": Words("cáp quang", "fibre"),
    "microwave": Words("vi ba", "microwave"),
    "lte": Words("4G/5G", "4G/5G"),
    "satellite_leo": Words("vệ tinh LEO", "LEO satellite"),
    "copper": Words("cáp đồng", "copper"),
}
PHASES: Mapping[str, Words] = {
    "prepare": Words("chuẩn bị", "prepare"),
    "impact": Words("đang ảnh hưởng", "impact"),
    "recover": Words("đang khắc phục", "recover"),
    "over": Words("đã qua", "over"),
}
HITS: Mapping[str, Words] = {
    "isolated": Words("{} xã cô lập", "{} isolated"),
    "on_backup": Words("{} xã dự phòng", "{} on backup"),
    "service_centres": Words("{} trung tâm phục vụ", "{} service centres"),
    "stations": Words("{} trạm BTS", "{} BTS"),
}

DEVICES_ARE = Words("thiết bị", "devices")
NOBODY = Words("chưa ai nhận", "nobody yet")
TAKEN = Words("{} nhận", "taken by {}")
HANDED = Words("giao {}", "with {}")
FALLEN = Words("{} mất kết nối", "{} down")
LOST = Words("Mất tuyến {}", "Lost: {}")
BECAUSE = Words("Do mất {}", "Because of {}")
UPSTREAM = Words("Mất tuyến phía trên", "Its upstream is lost")
SITES = Words("{} điểm không tới được", "{} sites unreachable")
RECHECKING = Words("Đang kiểm tra lại", "Being checked again")
ORPHANS = Words("{} thiết bị không tới được", "{} devices unreachable")
BEHIND = Words("kéo theo {} thiết bị", "{} behind it")
SINCE = Words("từ {}", "since {}")
LEFT = Words("còn {}", "{} left")
DUE = Words("có thể đã hết", "may be out")
NO_TIME = Words("chưa ước được thời gian còn lại", "no estimate")
MORE = Words("và {} mục khác", "and {} more")
MORE_SECTIONS = Words("và {} phần khác", "and {} more sections")
MORE_COMPLAINTS = Words("Không đo được đủ: và {} mục khác của các tỉnh", "Not wholly measured: {} more, of all provinces")
NOT_JUDGED = Words("Chưa đánh giá", "Not judged yet")
PROVINCE = Words("Toàn tỉnh: {}", "Province: {}")
PROVEN = Words("mới chứng minh {}", "only {} proven")
WHY = Words("Vì sao: netmon explain {}", "Why: netmon explain {}")
CALM = Words(
    "Không có sự cố: không xã nào cô lập, không thiết bị nào mất kết nối.",
    "All is well: no commune is cut off, no device is down.",
)

SOON = Words("dưới 1 phút", "under 1 min")
MINUTES = Words("{} phút", "{} min")
HOURS = Words("{} giờ {} phút", "{} h {} min")
DAYS = Words("{} ngày {} giờ", "{} d {} h")

LEVEL = Words("cấp độ rủi ro {}", "level {}")
STARTS = Words("bắt đầu sau {}", "begins in {}")
WORKS = Words("Đang bảo trì: {}", "Works: {}")
OVERRUN = Words("QUÁ GIỜ {}", "{} OVERDUE")
EXERCISE = Words("[DIỄN TẬP]", "[EXERCISE]")
ALONE = Words(
    "netmon bị cô lập từ {}: không tới được thiết bị mốc nào, mọi trạng thái là Chưa rõ",
    "netmon itself is cut off since {}: all its canaries are silent, so every state is unknown",
)
STARTING = Words(
    "netmon vừa khởi động, đang hỏi các thiết bị lần đầu", "netmon has just started, devices are asked for the first time"
)
BROKER_AWAY = Words(
    "Mất kết nối với máy chủ MQTT: {} thiết bị báo qua MQTT là Chưa rõ.",
    "The MQTT broker is away: {} devices that report over it are unknown.",
)
UNHEARD = Words(
    "{} thiết bị chưa báo lại từ khi có lại máy chủ MQTT: Chưa rõ.",
    "{} devices have not reported since the MQTT broker is back: they are unknown.",
)
INFLUX_AWAY = Words(
    "InfluxDB không nhận số liệu: phần đã ghi chờ trong hàng đợi trên đĩa.",
    "InfluxDB takes no points: what is written waits in the outbox.",
)
HELD = Words("netmon bị đứng {} lúc {}, tại: {}", "netmon was held for {} at {} by: {}")
ENDED = Words(
    "Tiến trình netmon trước bị dừng vì đứng từ {}, tại: {}",
    "The netmon before was ended because it was held since {} by: {}",
)
TROUBLE_TOLD_S = 86_400.0
"""For a day it is told that netmon was held, or its store was damaged."""


def damaged(told: Mapping[str, Any], say: Voice, at: str) -> str:
    """That the store was found damaged, at a moment in words, and what became of it."""
    lost = ", ".join(
        f"{table} (≤ {one['rows']})" if one["rows"] and not one["tail"] else table for table, one in told["lost"].items()
    )
    kept = say(f"mất một phần của bảng: {lost}", f"in part lost: {lost}") if lost else say("không mất gì", "nothing is lost")
    return say(
        f"Kho dữ liệu bị hỏng, phát hiện lúc {at}: {told['why']}. Đã dựng lại, {kept}; tệp hỏng: {told['aside']}",
        f"The store was found damaged at {at}: {told['why']}. It is rebuilt, {kept}; the damaged file: {told['aside']}",
    )


AWAY = Words("netmon mất kết nối với {}", "netmon has lost {}")
SILENT = Words("netmon không trả lời", "netmon does not answer")
STOPPED = Words("netmon không chạy", "netmon does not run")
STORED = Words("{}; điều kho dữ liệu biết lúc {}", "{}; what the store knew at {}")
STALE = Words("DỮ LIỆU CŨ: netmon không trả lời từ {} ({})", "STALE: netmon does not answer since {} ({})")
NEVER = Words("Chưa kết nối được với netmon, đang thử lại", "netmon cannot be reached, trying again")
