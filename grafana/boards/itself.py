"""netmon itself: whether it sees the network, asks in time, stores and hands on what it reads, and what that costs."""

from __future__ import annotations

from dataclasses import replace

from grafana.boards.kept import CHANGES, OUTBOX, STORE, WEB
from grafana.boards.rooms import DATA, INPUTS, STACKED, coloured, rate
from grafana.dashboard import Dashboard, row
from grafana.panels import (
    AT_RISK,
    ISOLATED,
    UNKNOWN,
    UNREACHABLE,
    UP,
    figure,
    graph,
    heatmap,
    last,
    override,
    query,
    values,
)
from grafana.places import ANNOTATIONS, DATASOURCE, PROVINCE
from netmon.model import Words

_OURS = "and on (instance, job) netmon_build_info"
"""The process is netmon's: every program that Prometheus scrapes tells of its own under the same names."""


def _of_late(family: str, by: str = "") -> str:
    """PromQL: how often in the time that is shown."""
    return f"sum{f' by ({by})' if by else ''} (increase({family}[$__range]))"


def _late(share: float) -> str:
    return f"histogram_quantile({share}, {rate('netmon_poll_lateness_seconds_bucket', 'le')})"


_FIGURES = (
    figure(
        Words("Thời gian chạy", "Running for"),
        Words(
            "Thời gian từ lần khởi động gần nhất. Ngắn bất thường: netmon vừa khởi động lại, xem journalctl -u netmon."
            " Trống: Prometheus không lấy được số đo.",
            "Since the last start. Shorter than it should be: it restarted, see journalctl -u netmon. Empty:"
            " Prometheus cannot scrape it.",
        ),
        last("time() - max(netmon_start_timestamp_seconds)"),
        unit="dtdurations",
        steps=((None, "text"),),
        no_value=Words("Không có netmon", "No netmon"),
    ),
    figure(
        Words("Nhìn thấy mạng", "Sees the network"),
        Words(
            "Tự cô lập: mọi thiết bị canh im lặng, mọi trạng thái là chưa rõ. Kiểm tra đường lên của máy chủ netmon"
            " trước tiên.",
            "Isolated: all canaries are silent and every state is unknown. Look at the uplink of the netmon server first.",
        ),
        last("max(netmon_self_isolated)"),
        mappings=values((0, Words("Có", "Yes"), UP), (1, Words("Tự cô lập", "Isolated"), ISOLATED)),
        unit="none",
    ),
    figure(
        Words("Trễ, 95 % lần hỏi", "Lateness, 95 % of polls"),
        Words(
            "95 % số lần hỏi bắt đầu trễ không quá mức này so với lưới. Tăng đều: máy chủ quá tải; cảnh báo"
            " NetmonPollsLate nói khi nào là quá.",
            "95 % of polls start at most so late against the grid. A steady rise: the server is overloaded; the alert"
            " NetmonPollsLate says when it is too much.",
        ),
        last(_late(0.95)),
        unit="s",
        steps=((None, "text"),),
    ),
    figure(
        Words("Lỗi bất thường", "Bugs"),
        Words(
            "Lỗi mà netmon không lường trước, trong khoảng thời gian đang xem. Khác 0: giữ nhật ký và báo lỗi.",
            "Exceptions that netmon did not expect, in the time that is shown. Not 0: keep the journal and report them.",
        ),
        last(_of_late("netmon_bugs_total")),
        steps=((None, UP), (0.5, ISOLATED)),
        decimals=0,
    ),
    figure(
        Words("Lỗi ghi kho dữ liệu", "Store failures"),
        Words(
            "Số lần ghi kho bị lỗi trong khoảng thời gian đang xem. Khác 0: đĩa đầy, chỉ đọc hoặc hỏng: df -h"
            " /var/lib/netmon.",
            "Commits that failed in the time that is shown. Not 0: the disk is full, read-only or broken: df -h"
            " /var/lib/netmon.",
        ),
        last(_of_late("netmon_store_failures_total")),
        steps=((None, UP), (0.5, ISOLATED)),
        decimals=0,
    ),
    figure(
        Words("MQTT và InfluxDB", "MQTT and InfluxDB"),
        Words(
            "Kết nối tới máy chủ MQTT, và lần ghi InfluxDB gần nhất; có hai netmon thì của netmon kém hơn. Mất MQTT:"
            " thiết bị MQTT là chưa rõ; mất InfluxDB: số đo chờ trong hộp thư đi, chưa mất.",
            "The connection to the MQTT broker, and the last write to InfluxDB; of two netmons the worse. MQTT lost: its"
            " devices are unknown; InfluxDB lost: points wait in the outbox, none is lost yet.",
        ),
        last("min(netmon_mqtt_connected)", "MQTT"),
        last("min(netmon_influx_reachable)", "InfluxDB"),
        mappings=values((1, Words("Tốt", "Well"), UP), (0, Words("Mất", "Away"), ISOLATED)),
        unit="none",
        options={"textMode": "value_and_name"},
    ),
)

_POLLS = (
    heatmap(
        Words("Độ trễ của lần hỏi", "Lateness of polls"),
        Words(
            "Mỗi ô: bao nhiêu lần hỏi bắt đầu trễ chừng đó so với lưới. Mảng đậm dâng lên: netmon không kịp; xem chi"
            " phí bên dưới và số thiết bị im lặng.",
            "Each cell: how many polls started so late against the grid. Dark cells that rise: netmon cannot keep up;"
            " see the cost below, and how many devices are silent.",
        ),
        rate("netmon_poll_lateness_seconds_bucket", "le"),
        width=8,
    ),
    heatmap(
        Words("Thời gian của lần hỏi", "Duration of polls"),
        Words(
            "Mỗi ô: bao nhiêu lần hỏi kéo dài chừng đó. Dải ở trên cùng là thiết bị im lặng cho đến hết thời hạn.",
            "Each cell: how many polls took so long. The band at the top are devices that were silent until their deadline.",
        ),
        rate("netmon_poll_duration_seconds_bucket", "le"),
        width=8,
    ),
    heatmap(
        Words("Độ trễ của vòng lặp", "Lateness of the loop"),
        Words(
            "Mỗi ô: bao nhiêu lần vòng lặp đến trễ chừng đó, xem hai lần mỗi giây. Vượt 100 ms: một việc giữ cả netmon,"
            " mọi lần hỏi trễ theo.",
            "Each cell: how often the event loop came so late, looked at twice a second. Past 100 ms something holds all"
            " of netmon, and every poll is late by it.",
        ),
        rate("netmon_loop_lateness_seconds_bucket", "le"),
        width=8,
    ),
    graph(
        Words("Lần hỏi theo kết quả", "Polls by outcome"),
        Words(
            "silent: thiết bị không trả lời; refused: sống nhưng từ chối (sai mật khẩu SNMP); local: lỗi phía netmon;"
            " bug: lỗi của netmon. local hoặc bug tăng là việc của netmon, không phải của mạng.",
            "silent: no answer; refused: alive but would not be measured (SNMP credentials); local: our side failed;"
            " bug: an error of netmon. A rise of local or bug is netmon's own affair.",
        ),
        query(rate("netmon_polls_total", "outcome"), "{{outcome}}"),
        unit="cps",
        custom=STACKED,
        fill=60,
        least=0,
        overrides=coloured(answered=UP, refused=AT_RISK, silent=UNKNOWN, local=UNREACHABLE, bug=ISOLATED),
    ),
    graph(
        Words("Đang chờ và bị bỏ", "Backlog"),
        Words(
            "Lần hỏi đang chạy, lệnh chờ ghi kho, và lần hỏi bị bỏ mỗi giây (running: lần trước chưa xong; backlog:"
            " hàng chờ đầy). Chỉ tăng mà không giảm: quá tải hoặc đĩa chậm.",
            "Polls under way, writes that wait for the store, and polls skipped a second (running: the one before is"
            " not over; backlog: too many). What only rises: overload, or a slow disk.",
        ),
        query("max(netmon_polls_in_flight)", Words("Lần hỏi đang chạy", "Polls under way")),
        query("max(netmon_store_backlog)", Words("Lệnh chờ ghi kho", "Writes waiting")),
        query(rate("netmon_polls_skipped_total", "reason"), Words("Bị bỏ: {{reason}}", "Skipped: {{reason}}")),
        least=0,
        fill=0,
    ),
)

_COST = (
    graph(
        Words("Bộ xử lý", "Processor"),
        Words(
            "Thời gian bộ xử lý của tiến trình netmon, 100 % là một lõi. 5.000 thiết bị dùng chừng 5 %; tăng gấp bội"
            " khi số thiết bị không đổi: báo lỗi.",
            "Processor time of the process, 100 % is one core. 5,000 devices take about 5 %; many times that with the"
            " same devices is to be reported.",
        ),
        query(f"sum(rate(process_cpu_seconds_total[$__rate_interval]) {_OURS})", Words("Một lõi", "Of one core")),
        unit="percentunit",
        least=0,
        width=6,
    ),
    graph(
        Words("Bộ nhớ", "Memory"),
        Words(
            "Bộ nhớ mà tiến trình netmon đang chiếm. Tăng mãi qua nhiều ngày: rò rỉ, báo lỗi.",
            "What the process has resident. One that rises for days is a leak: report it.",
        ),
        query(f"sum(process_resident_memory_bytes {_OURS})", Words("Đang chiếm", "Resident")),
        unit="bytes",
        least=0,
        width=6,
    ),
    graph(
        Words("Bộ xử lý cho mỗi giá trị đọc", "Processor time a reading"),
        Words(
            "Thời gian bộ xử lý chia cho số giá trị đã đọc: giá của một phép đo, từ gói tin đến trang số đo. So với"
            " docs/performance.md.",
            "Processor time over readings taken: what one reading costs, from datagram to page. Compare"
            " docs/performance.md.",
        ),
        query(
            f"sum(rate(process_cpu_seconds_total[$__rate_interval]) {_OURS}) / {rate('netmon_readings_total')}",
            Words("Mỗi giá trị", "A reading"),
        ),
        unit="s",
        least=0,
        width=6,
    ),
    graph(
        Words("Số chuỗi và giá trị đọc", "Series and readings"),
        Words(
            "Số chuỗi trên trang số đo gần nhất, và số giá trị đọc mỗi giây. Số chuỗi tăng vọt: cấu hình mới hoặc"
            " thiết bị đổi tên giao diện liên tục.",
            "Series on the last page of metrics, and readings a second. A jump of series: a new configuration, or a"
            " device that renames its interfaces.",
        ),
        query("max(netmon_scrape_series)", Words("Chuỗi", "Series")),
        query(rate("netmon_readings_total"), Words("Giá trị mỗi giây", "Readings a second"), ref="readings"),
        least=0,
        fill=0,
        width=6,
        overrides=(override(Words("Giá trị mỗi giây", "Readings a second"), custom__axisPlacement="right", unit="cps"),),
    ),
)

BOARD = Dashboard(
    uid="netmon-itself",
    title=Words("Chính netmon", "netmon itself"),
    about=Words(
        "netmon có nhìn thấy mạng không, hỏi có kịp không, ghi và chuyển số liệu có được không, và tốn bao nhiêu.",
        "Whether netmon sees the network, asks in time, stores and hands on what it reads, and what that costs.",
    ),
    # The province is kept for the way to the other dashboards and for the annotations.
    variables=(DATASOURCE, replace(PROVINCE, hidden=True)),
    rows=(
        row(Words("Lúc này", "Now"), *_FIGURES),
        row(Words("Vòng lặp và lần hỏi", "Loop and polls"), *_POLLS),
        row(Words("Chi phí", "Cost"), *_COST),
        row(Words("Thiết bị, khoảng trống, khe", "Devices, gaps, slots"), *DATA, closed=True),
        row(Words("Đầu vào và những gì bị từ chối", "Inputs and what they refuse"), *INPUTS, closed=True),
        row(Words("Kho và đĩa", "Store and disk"), *STORE, closed=True),
        row(Words("Hộp thư đi InfluxDB", "Outbox for InfluxDB"), *OUTBOX, closed=True),
        row(Words("Web và quyền truy cập", "Web and access"), *WEB, closed=True),
        row(Words("Cấu hình, lỗi, phiên bản", "Reloads, bugs, version"), *CHANGES, closed=True),
    ),
    annotations=ANNOTATIONS,
    tags=("itself",),
)
