"""What netmon keeps, hands on and serves: closed rows of the dashboard of netmon itself."""

from __future__ import annotations

from grafana.boards.rooms import a_minute, by_label, coloured
from grafana.panels import AT_RISK, ISOLATED, UP, Panel, Text, figure, graph, last, query, values
from netmon.model import Words

_NEVER = Words("Chưa từng", "Never")


def _when(title: Text, about: Text, family: str, never: str, **kept: int) -> Panel:
    """When something last was: milliseconds, as Grafana takes times."""
    never_was = values((0, _NEVER, never))
    asked = last(f"1000 * max({family})")
    return figure(title, about, asked, unit="dateTimeAsIso", steps=((None, "text"),), mappings=never_was, **kept)


STORE = (
    graph(
        Words("Kho dữ liệu", "Store"),
        Words(
            "Lần ghi kho mỗi phút và lần lỗi. Bình thường 60 lần mỗi phút; lỗi khác 0: đĩa.",
            "Commits a minute, and those that failed. Sixty a minute are usual; failures: the disk.",
        ),
        query(a_minute("netmon_store_commits_total"), Words("Ghi", "Commits")),
        query(a_minute("netmon_store_failures_total"), Words("Lỗi", "Failures"), ref="failed"),
        unit="cpm",
        width=8,
        least=0,
        fill=0,
    ),
    graph(
        Words("Lệnh ghi đang chờ và đã mất", "Writes that wait, and those lost"),
        Words(
            "Lệnh chờ lần ghi kế tiếp, và lệnh đã mất mỗi phút. Nhiều nhất 50.000 lệnh chờ; quá thì lệnh cũ nhất mất và"
            " được đếm.",
            "Writes that wait for the next commit, and those lost a minute. 50,000 wait at most; past that the oldest go,"
            " and are counted.",
        ),
        query("max(netmon_store_backlog)", Words("Đang chờ", "Waiting")),
        query(a_minute("netmon_store_dropped_writes_total"), Words("Mất mỗi phút", "Lost a minute")),
        width=8,
        least=0,
        fill=0,
    ),
    graph(
        Words("Lệnh ghi cũ nhất", "Oldest write"),
        Words(
            "Lệnh ghi cũ nhất đã chờ bao lâu. Bình thường dưới một giây; quá hai phút thì NetmonStoreFailing gọi người:"
            " đĩa treo hoặc kho bị khoá.",
            "How long the oldest write has waited. Under a second is usual; past two minutes NetmonStoreFailing pages: the"
            " disk hangs, or somebody locks the store.",
        ),
        query("max(netmon_store_oldest_write_seconds)", Words("Đã chờ", "Waits")),
        unit="s",
        width=8,
        least=0,
    ),
    graph(
        Words("Dung lượng đĩa còn trống", "Free on disk"),
        Words(
            "Đĩa của kho và đĩa của hộp thư đi, thường là một. Đi xuống đều: NetmonDiskFilling báo trước một ngày.",
            "The disk of the store and that of the outbox, often one and the same. A steady fall: NetmonDiskFilling says"
            " so a day ahead.",
        ),
        query("min by (of) (netmon_disk_free_bytes and max_over_time(netmon_disk_free_bytes[1d]) > 0)", "{{of}}"),
        unit="bytes",
        width=24,
        least=0,
        fill=0,
    ),
    _when(
        Words("Kho bị hỏng lần cuối", "Store last damaged"),
        Words(
            "Lần gần nhất kho bị hỏng, được tách riêng và dựng lại. Vừa xảy ra: kiểm tra đĩa, khôi phục bản sao lưu.",
            "When the store was last found damaged, set aside and rebuilt. Just now: look at the disk, restore a backup.",
        ),
        "netmon_store_damaged_timestamp_seconds",
        UP,
        width=12,
    ),
    _when(
        Words("Sao lưu lần cuối", "Last backup"),
        Words(
            "Khi bản sao lưu gần nhất hoàn tất. Chưa từng: mất máy chủ là mất toàn bộ lịch sử (docs/spare.md).",
            "When the last backup was finished. Never: with the server all history is lost (docs/spare.md).",
        ),
        "netmon_backup_timestamp_seconds",
        AT_RISK,
        width=12,
    ),
)

OUTBOX = (
    graph(
        Words("Chờ gửi InfluxDB", "Outbox for InfluxDB"),
        Words(
            "Dữ liệu chờ trong hộp thư đi trên đĩa. Tăng: InfluxDB chậm hoặc mất; đầy thì bỏ cái cũ nhất và đếm.",
            "What waits on disk. A rise: InfluxDB is slow or away; when it is full the oldest goes, and is counted.",
        ),
        query("max(netmon_influx_waiting_bytes)", Words("Đang chờ", "Waiting")),
        unit="bytes",
        width=8,
        least=0,
    ),
    by_label(
        Words("Ghi InfluxDB theo kết quả", "Writes to InfluxDB by result"),
        Words(
            "refused: sai token; rejected: dữ liệu bị từ chối; busy, failed: thử lại sau. Ý nghĩa: docs/influxdb.md.",
            "refused: the token; rejected: the data; busy, failed: tried again later. What each means: docs/influxdb.md.",
        ),
        "netmon_influx_writes_total",
        "result",
        overrides=coloured(ok=UP),
    ),
    graph(
        Words("Điểm đo tới InfluxDB", "Points for InfluxDB"),
        Words(
            "Điểm đo đã nhận, và điểm không bao giờ tới được theo lý do. Có điểm mất: xem hộp thư đi và docs/influxdb.md.",
            "Points accepted, and those that will never arrive, by reason. Where some are lost: the outbox, and"
            " docs/influxdb.md.",
        ),
        query(a_minute("netmon_influx_points_total"), Words("Đã nhận", "Accepted")),
        query(a_minute("netmon_influx_dropped_points_total", "reason"), Words("Mất: {{reason}}", "Lost: {{reason}}")),
        unit="cpm",
        width=8,
        least=0,
        fill=0,
    ),
)

WEB = (
    by_label(
        Words("Yêu cầu HTTP theo kết quả", "HTTP requests by answer"),
        Words(
            "2xx: trả lời; 4xx: yêu cầu sai hoặc không có quyền; 5xx: netmon bận hoặc lỗi, xem nhật ký.",
            "2xx: answered; 4xx: wrong, or without the right; 5xx: netmon was busy or failed, see the log.",
        ),
        "netmon_web_requests_total",
        "code",
        overrides=coloured(**{"2xx": UP, "4xx": AT_RISK, "5xx": ISOLATED}),
    ),
    by_label(
        Words("Yêu cầu HTTP bị từ chối", "HTTP requests refused"),
        Words(
            "unknown, limit: không có hoặc sai mã truy cập; right: không đủ quyền; origin, host: từ trang khác; tls: không"
            " bắt tay được; malformed, slow: yêu cầu hỏng hoặc quá chậm; busy: quá nhiều cùng lúc.",
            "unknown, limit: no token, or wrong ones; right: not enough of it; origin, host: from another page; tls: no"
            " handshake; malformed, slow: broken, or too slow; busy: too many at once.",
        ),
        "netmon_web_refused_total",
        "reason",
    ),
    graph(
        Words("Thao tác và nhật ký kiểm toán", "Deeds and the audit log"),
        Words(
            "Thao tác của người trực theo kết quả, và dòng nhật ký kiểm toán đã ghi. Ai làm gì: netmon audit --log.",
            "What people asked netmon to do, by result, and lines of the audit log. Who did what: netmon audit --log.",
        ),
        query(a_minute("netmon_deeds_total", "result"), Words("Thao tác: {{result}}", "Deed: {{result}}")),
        query(a_minute("netmon_audit_entries_total", "result"), Words("Nhật ký: {{result}}", "Log: {{result}}")),
        unit="cpm",
        width=8,
        least=0,
        fill=0,
    ),
    figure(
        Words("Chứng thư web còn hạn", "Web certificate is good for"),
        Words(
            "Thời gian còn lại của chứng thư web. Hết hạn thì Prometheus không lấy được số đo. Trống: không dùng TLS.",
            "Until the certificate of the web expires; past that Prometheus cannot scrape. Empty: no TLS.",
        ),
        last("min(netmon_web_certificate_expiry_timestamp_seconds > 0) - time()"),
        unit="dtdurations",
        steps=((None, ISOLATED), (0, "text")),
        width=24,
    ),
)

CHANGES = (
    graph(
        Words("Nạp cấu hình, báo cáo, đồng hồ", "Reloads, reports, clock"),
        Words(
            "Mỗi phút: lần nạp lại cấu hình (refused: netmon chạy tiếp với cấu hình cũ, xem netmon check), báo cáo tình"
            " hình không ghi được, và lần đồng hồ máy chủ nhảy quá một giây (timedatectl).",
            "Each minute: reloads (refused: netmon goes on with the old configuration, see netmon check), situation"
            " reports that could not be written, and steps of the server's clock of more than a second (timedatectl).",
        ),
        query(a_minute("netmon_reloads_total", "result"), Words("Nạp: {{result}}", "Reload: {{result}}")),
        query(a_minute("netmon_reports_failed_total"), Words("Báo cáo lỗi", "Reports failed")),
        query(a_minute("netmon_clock_steps_total"), Words("Đồng hồ nhảy", "Clock steps")),
        unit="cpm",
        width=12,
        least=0,
        fill=0,
    ),
    by_label(
        Words("Lỗi bất thường theo phần", "Bugs by room"),
        Words(
            "Phần nào của netmon gặp lỗi không lường trước. Giữ nhật ký (journalctl -u netmon) và báo lỗi.",
            "Which room of netmon met what it did not expect. Keep the journal (journalctl -u netmon) and report it.",
        ),
        "netmon_bugs_total",
        "room",
        width=12,
    ),
    _when(
        Words("Vòng lặp bị giữ lần cuối", "Loop last held up"),
        Words(
            "Lần gần nhất netmon đứng yên nhiều giây; nhật ký ghi việc gì đã giữ nó (journalctl -u netmon).",
            "When netmon last stood still for seconds; the log says what held it (journalctl -u netmon).",
        ),
        "netmon_loop_blocked_timestamp_seconds",
        UP,
        width=12,
    ),
    figure(
        Words("Phiên bản", "Version"),
        Words(
            "Phiên bản netmon đang chạy. Hai phiên bản: hai netmon, hoặc vừa nâng cấp.",
            "The running netmon. Two of them: two netmons, or it was just upgraded.",
        ),
        last("max by (version) (netmon_build_info)", "{{version}}"),
        unit="none",
        steps=((None, "text"),),
        options={"textMode": "name"},
        width=12,
    ),
)
