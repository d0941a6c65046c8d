"""What comes in and what netmon refuses of it: closed rows of the dashboard of netmon itself."""

from __future__ import annotations

from typing import Any

from grafana.panels import (
    AT_RISK,
    ISOLATED,
    UNKNOWN,
    UNREACHABLE,
    UP,
    Json,
    Panel,
    Text,
    graph,
    override,
    query,
)
from netmon.model import Words


def rate(family: str, by: str = "") -> str:
    """PromQL: how often a second, over all netmons that are scraped."""
    return f"sum{f' by ({by})' if by else ''} (rate({family}[$__rate_interval]))"


def a_minute(family: str, by: str = "") -> str:
    """PromQL: how often a minute, which suits what is rare."""
    return f"60 * {rate(family, by)}"


def coloured(**colours: str) -> tuple[Json, ...]:
    """The colours of series, by their names."""
    return tuple(override(name, color={"mode": "fixed", "fixedColor": colour}) for name, colour in colours.items())


STACKED = {"stacking": {"mode": "normal", "group": "A"}, "lineWidth": 1}


def by_label(title: Text, about: Text, family: str, label: str, **kept: Any) -> Panel:
    """A counter a minute by its label."""
    asked = query(a_minute(family, label), f"{{{{{label}}}}}")
    return graph(title, about, asked, unit="cpm", least=0, **{"width": 8, **kept})


DATA = (
    graph(
        Words("Thiết bị theo trạng thái", "Devices by state"),
        Words(
            "Số thiết bị theo trạng thái; tổng là số thiết bị trong cấu hình. unknown nhiều và lâu: netmon không hỏi được.",
            "Devices by state; together they are those of the configuration. Many unknown for long: netmon cannot ask.",
        ),
        query("max by (state) (netmon_devices)", "{{state}}"),
        query("max(netmon_config_devices)", Words("Trong cấu hình", "In the configuration"), ref="configured"),
        width=8,
        least=0,
        fill=0,
        overrides=coloured(up=UP, suspect=AT_RISK, down=ISOLATED, unreachable=UNREACHABLE, unknown=UNKNOWN),
    ),
    by_label(
        Words("Khoảng trống theo lý do", "Gaps by reason"),
        Words(
            "Khoảng đếm bị từ chối: một lỗ hổng có lý do, không bao giờ là một đỉnh giả. restart, reset: thiết bị khởi"
            " động lại; not_measurable: bộ đếm 32 bit quá nhỏ; clock_step: đồng hồ máy chủ.",
            "Counter intervals that were refused: a hole with a reason, never a spike. restart, reset: the device"
            " started anew; not_measurable: a counter of 32 bits is too small; clock_step: the server's clock.",
        ),
        "netmon_gaps_total",
        "reason",
    ),
    graph(
        Words("Khe đã đóng và phép đo muộn", "Slots closed, and late echoes"),
        Words(
            "Khe năm phút đã đóng: yes là đủ 240 giây được đo, no là thiếu, làm giảm độ phủ của chỉ tiêu. Muộn: phép"
            " đo khứ hồi đến sau khi khe đã đóng.",
            "Slots of five minutes: yes, at least 240 s were covered; no, too little, which costs targets their"
            " coverage. Late: round trips that came after their slot had closed.",
        ),
        query(a_minute("netmon_slots_total", "present"), Words("Khe đủ: {{present}}", "Covered: {{present}}")),
        query(a_minute("netmon_late_round_trips_total"), Words("Phép đo muộn", "Late echoes")),
        unit="cpm",
        width=8,
        least=0,
        fill=0,
    ),
)

INPUTS = (
    graph(
        Words("Gói SNMP", "SNMP datagrams"),
        Words(
            "Gói đã gửi, gửi lại, và yêu cầu không có trả lời mỗi phút. Gửi lại tăng mà thiết bị vẫn trả lời: đường"
            " truyền mất gói.",
            "Datagrams sent, sent again, and requests without an answer, a minute. Retries that rise while devices"
            " answer: the way loses packets.",
        ),
        query(a_minute("netmon_snmp_requests_total"), Words("Đã gửi", "Sent")),
        query(a_minute("netmon_snmp_retries_total"), Words("Gửi lại", "Sent again")),
        query(a_minute("netmon_snmp_timeouts_total"), Words("Không trả lời", "Unanswered")),
        unit="cpm",
        width=8,
        least=0,
        fill=0,
    ),
    by_label(
        Words("Gói SNMP lạc", "SNMP strays"),
        Words(
            "late: trả lời đến quá muộn, tăng thời hạn của thiết bị; source: trả lời từ địa chỉ khác, khai báo"
            " also_from; malformed: gói hỏng.",
            "late: an answer after its deadline, give the device more time; source: from another address, name it in"
            " also_from; malformed: broken.",
        ),
        "netmon_snmp_strays_total",
        "reason",
    ),
    graph(
        Words("Gói bị nhân hệ điều hành bỏ", "Dropped by the kernel"),
        Words(
            "Trả lời bị bỏ vì bộ đệm nhận đầy. Khác 0: áp dụng deploy/systemd/60-netmon.conf.",
            "Answers dropped because the receive buffer was full. Not 0: install deploy/systemd/60-netmon.conf.",
        ),
        query(a_minute("netmon_snmp_receive_drops_total"), Words("Bị bỏ", "Dropped")),
        unit="cpm",
        width=8,
        least=0,
    ),
    by_label(
        Words("Bản tin MQTT đã nhận", "MQTT messages taken"),
        Words(
            "Theo loại. Về 0 cả loạt: máy chủ MQTT hoặc đường tới nó.", "By kind. All at 0: the broker, or the way to it."
        ),
        "netmon_mqtt_messages_total",
        "kind",
    ),
    by_label(
        Words("Bản tin MQTT bị từ chối", "MQTT messages refused"),
        Words(
            "Lý do ghi trong nhật ký, tối đa mười phút một lần; ý nghĩa từng lý do ở docs/mqtt.md.",
            "The reason is in the log, at most every ten minutes; what each means: docs/mqtt.md.",
        ),
        "netmon_mqtt_rejected_total",
        "reason",
    ),
    by_label(
        Words("Điểm bất thường của bản tin MQTT", "Odd MQTT messages"),
        Words(
            "Bản tin vẫn được nhận. future: đồng hồ thiết bị sai; interleaved: hai thiết bị dùng chung tên; lost: mất"
            " bản tin.",
            "They were taken all the same. future: a device's clock is wrong; interleaved: two devices share a name;"
            " lost: some never came.",
        ),
        "netmon_mqtt_remarks_total",
        "reason",
    ),
    graph(
        Words("Kết nối MQTT", "MQTT connections"),
        Words(
            "Đang kết nối hay không, và số lần kết nối mỗi phút. Kết nối lại nhiều lần: mạng hoặc máy chủ MQTT chập chờn.",
            "Whether it is connected, and how often it connected a minute. Again and again: the network or the broker"
            " flaps.",
        ),
        query("min(netmon_mqtt_connected)", Words("Đang kết nối", "Connected")),
        query(a_minute("netmon_mqtt_connects_total"), Words("Kết nối mỗi phút", "Connections a minute")),
        width=8,
        least=0,
        fill=0,
    ),
    by_label(
        Words("Trap và inform", "Traps and informs"),
        Words(
            "Theo loại. Trap chỉ là dấu hiệu, netmon luôn hỏi lại thiết bị.",
            "By kind. A trap is a hint only: netmon asks the device.",
        ),
        "netmon_traps_total",
        "kind",
    ),
    by_label(
        Words("Trap bị bỏ", "Traps refused"),
        Words(
            "stranger: từ địa chỉ không có trong danh mục; credential: sai mật khẩu; flood, busy, overflow: quá nhiều"
            " cùng lúc.",
            "stranger: from an address that is not in the inventory; credential: a wrong one; flood, busy, overflow:"
            " too many at once.",
        ),
        "netmon_traps_dropped_total",
        "reason",
    ),
    by_label(
        Words("Chuỗi bị từ chối", "Series refused"),
        Words(
            "device: một thiết bị có quá nhiều chuỗi; all: cả hệ thống. Nhật ký nêu tên thiết bị; sửa cấu hình của nó.",
            "device: one device has too many series; all: all together. The log names the device; its configuration is"
            " to be set right.",
        ),
        "netmon_series_refused_total",
        "bound",
        width=12,
    ),
    graph(
        Words("Ping không gửi được", "Pings that could not be sent"),
        Words(
            "Lần ping địa chỉ kiểm tra mà chính máy chủ không gửi được. Khác 0: quyền ping (net.ipv4.ping_group_range)"
            " hoặc bảng định tuyến.",
            "Pings of check addresses that this server itself could not send. Not 0: the right to ping"
            " (net.ipv4.ping_group_range), or its routes.",
        ),
        query(a_minute("netmon_checks_failed_total"), Words("Không gửi được", "Not sent")),
        unit="cpm",
        width=12,
        least=0,
    ),
)
