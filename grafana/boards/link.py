"""One link: its traffic against the contract, errors and light at both ends, latency and loss, and when it was down."""

from __future__ import annotations

from grafana.dashboard import Dashboard, row
from grafana.panels import (
    BATTERY,
    Json,
    Panel,
    figure,
    graph,
    last,
    limit_line,
    of_query,
    override,
    query,
    rows,
    states,
    table,
)
from grafana.places import (
    ANNOTATIONS_OF_COMMUNE,
    DATASOURCE,
    LINK,
    LINK_KINDS,
    LINK_STATE,
    PROVINCE,
    ROLES,
    TO_CAPACITY,
    TO_COMMUNE,
    WAYS,
    commune,
    held,
    hidden,
    info,
    link_state,
    measured,
    named,
    ruled,
    series,
)
from netmon.model import Words

_HERE = 'province=~"$province", link=~"$link"'
_L = "~$link"
_RATE = "netmon_link_rate_bytes_per_second"
_C = "~$commune"
_RECEIVE, _TRANSMIT = Words("Chiều về xã", "Towards the commune"), Words("Chiều từ xã", "From the commune")
_LIMIT = f"max by (commune) ({ruled(held('netmon_target_limit', commune=_C), 'percentile_utilisation')})"


def _rate(direction: str) -> str:
    return f"(8 * max by (commune, link) ({series(_RATE, link=_L, direction=direction)}))"


def _now(direction: str) -> str:
    """The rate of the last slot that closed."""
    return f"(8 * max by (commune, link) ({measured(_RATE, link=_L, direction=direction)}))"


def _capacity(direction: str) -> str:
    return f"(8 * max by (commune, link) ({held('netmon_link_capacity_bytes_per_second', link=_L, direction=direction)}))"


def _p95(direction: str) -> str:
    rate = series(_RATE, link=_L, direction=direction)
    return f"8 * max by (commune, link) (quantile_over_time(0.95, {rate}[7d] @ end()))"


def _against_limit(use: str, direction: str) -> str:
    return f"({use}) / ({_capacity(direction)} * on (commune) group_left () {_LIMIT})"


_STATE = figure(
    Words("Trạng thái", "State"),
    Words(
        "Tuyến còn hay mất, theo cổng ở hai đầu hoặc địa chỉ kiểm tra. Mất: gọi nhà mạng theo mã kênh ở bên cạnh."
        " Chưa rõ: phía trên nó đã mất, xem sự cố của xã.",
        "Whether the link is up, by the ports at its ends or its check. Down: call the operator by the circuit"
        " beside this. Unknown: what is above it is lost, see the incident of the commune.",
    ),
    last(f"max({link_state(_HERE)})"),
    width=6,
    mappings=LINK_STATE,
)


def _use(direction: str, way: Words) -> Panel:
    return figure(
        Words(f"Đang dùng, {way.vi.lower()}", f"In use, {way.en.lower()}"),
        Words(
            "Lưu lượng trung bình của 5 phút gần nhất so với dung lượng theo hợp đồng; đồ thị bên dưới cho thấy diễn biến.",
            "Mean traffic of the last five minutes against the contracted capacity; the graph below shows its course.",
        ),
        last(f"{_now(direction)} / {_capacity(direction)}"),
        width=5,
        unit="percentunit",
        decimals=1,
        steps=((None, "text"),),
    )


_PEAKS = figure(
    Words("Phân vị 95 trong 7 ngày so với ngưỡng", "95th percentile of 7 days against the limit"),
    Words(
        "Phân vị 95 của các trung bình 5 phút có được trong 7 ngày, chia cho ngưỡng (phần dung lượng theo hợp đồng mà"
        " chỉ tiêu cho phép). Từ 100 % là vượt: tuyến đầy, xem bảng Dung lượng. Không tô màu, vì có thể chỉ từ ít số"
        " đo; con số để đánh giá là của netmon, ở bảng chỉ tiêu của xã.",
        "The 95th percentile of the means of five minutes that there are of 7 days, divided by the limit (the share of"
        " the contracted capacity that the target allows). From 100 % on the link is full: see the capacity"
        " dashboard. It has no colour, for it may be of few figures; what is judged is netmon's own, in the table of"
        " targets of the commune.",
    ),
    last(_against_limit(_p95("receive"), "receive"), _RECEIVE),
    last(_against_limit(_p95("transmit"), "transmit"), _TRANSMIT),
    unit="percentunit",
    decimals=1,
    steps=((None, "text"),),
    links=(TO_CAPACITY,),
    width=8,
    options={"textMode": "value_and_name"},
)
_FACTS = "role, kind, network, operator, circuit"
_INFO = table(
    Words("Tuyến này", "This link"),
    Words(
        "Tuyến trong danh mục: thuộc xã nào, vai trò, loại, nhà mạng và mã kênh để gọi, dung lượng theo hợp đồng."
        " Bấm để xem xã.",
        "The link of the inventory: whose it is, its role and kind, the operator and the circuit to call about,"
        " its contracted capacity. Click it to see the commune.",
    ),
    rows(
        named(info("link", "commune, role, kind, operator, circuit, network", link=_L)),
        ref="info",
    ),
    rows(_capacity("receive"), ref="receive"),
    rows(_capacity("transmit"), ref="transmit"),
    columns={
        Words("name", "name_en"): Words("Xã", "Commune"),
        "role": Words("Vai trò", "Role"),
        "kind": Words("Loại", "Kind"),
        "network": Words("Mạng", "Network"),
        "operator": Words("Nhà mạng", "Operator"),
        "circuit": Words("Mã kênh", "Circuit"),
        "Value #receive": Words("Dung lượng về xã", "Capacity towards it"),
        "Value #transmit": Words("Dung lượng từ xã", "Capacity from it"),
        "commune": Words("Mã xã", "Code"),
    },
    width=24,
    height=3,
    links=(TO_COMMUNE,),
    overrides=(
        override("role", mappings=ROLES),
        override("kind", mappings=LINK_KINDS),
        override("Value #receive", unit="bps"),
        override("Value #transmit", unit="bps"),
        *hidden("commune"),
    ),
)


def _line(ref: str, colour: str, wide: int = 1) -> Json:
    return of_query(
        ref,
        color={"mode": "fixed", "fixedColor": colour},
        custom__fillOpacity=0,
        custom__lineWidth=wide,
    )


def _traffic(direction: str, way: Words) -> Panel:
    return graph(
        Words(f"Lưu lượng {way.vi.lower()}", f"Traffic {way.en.lower()}"),
        Words(
            "Trung bình 5 phút so với dung lượng theo hợp đồng; nét đứt là ngưỡng của chỉ tiêu, đường mảnh là"
            " phân vị 95 của 7 ngày. Phân vị 95 trên nét đứt: tuyến đầy, cần nâng dung lượng.",
            "Means of five minutes against the contracted capacity; the dashes are the limit of the target, the"
            " thin line is the 95th percentile of 7 days. Where that lies above the dashes the link is full and"
            " needs more capacity.",
        ),
        query(_rate(direction), Words("Lưu lượng", "Traffic")),
        query(f"{_capacity(direction)} * on (commune) group_left () {_LIMIT}", Words("Ngưỡng", "Limit")),
        query(_capacity(direction), Words("Dung lượng hợp đồng", "Contracted capacity")),
        query(_p95(direction), Words("Phân vị 95, 7 ngày", "95th percentile, 7 days")),
        unit="bps",
        least=0,
        height=10,
        overrides=(limit_line("B"), _line("C", "#8494a3", 2), _line("D", BATTERY, 2)),
    )


_ENDS = f"and on (device, interface) {held('netmon_link_end_info', link=_L)}"
_NO_PORT = Words("Không có số đo của cổng nào", "No figures of a port")


def _of_ends(title: Words, about: Words, what: str) -> Panel:
    def told(direction: str) -> str:
        family = series(f"netmon_interface_{direction}_{what}_total")
        return f"max by (device, interface) (rate({family}[$__rate_interval]) {_ENDS})"

    return graph(
        title,
        about,
        query(told("receive"), Words("{{device}} {{interface}} thu", "{{device}} {{interface}} in")),
        query(told("transmit"), Words("{{device}} {{interface}} phát", "{{device}} {{interface}} out")),
        unit="pps",
        least=0,
        no_value=_NO_PORT,
    )


_ERRORS = _of_ends(
    Words("Gói lỗi ở cổng hai đầu", "Errors of the ports at both ends"),
    Words(
        "Gói lỗi mỗi giây ở các cổng của tuyến trong danh mục, cả hai đầu. Khác 0 kéo dài: đầu nối bẩn, mô-đun hoặc"
        " cáp hỏng; xem quang bên dưới.",
        "Packets with errors a second at the ports that the inventory names for the link, at both ends. Not 0 for"
        " long: a dirty connector, a bad module or fibre; see the light below.",
    ),
    "errors",
)
_DISCARDS = _of_ends(
    Words("Gói bị bỏ ở cổng hai đầu", "Discards of the ports at both ends"),
    Words(
        "Gói bị bỏ mỗi giây ở các cổng ấy. Tăng cùng lưu lượng: tuyến nghẽn.",
        "Packets discarded a second at these ports. A rise along with the traffic: the link is congested.",
    ),
    "discards",
)

_ARRIVES = {
    "receive": Words("Thu ở đầu xã", "Received at the commune"),
    "transmit": Words("Thu ở đầu kia", "Received at the far end"),
}
_NO_LIGHT = Words("Không có số đo quang", "No figures of light")


def _optic(what: str, direction: str) -> str:
    return f"min by (link) ({series(f'netmon_link_optical_{what}', link=_L, direction=direction)})"


_LIGHT = graph(
    Words("Công suất quang thu ở hai đầu", "Received light at both ends"),
    Words(
        "Ánh sáng thu được ở mỗi đầu; nét đứt là ngưỡng thu mà mô-đun đầu ấy tự báo. Gần nét đứt: làm sạch đầu"
        " nối, đo lại tuyến; xem bảng Quang.",
        "Light that arrives at each end; the dashes are the limits that the modules there tell themselves. Near"
        " them: clean the connectors, measure the span; see the fibre dashboard.",
    ),
    query(_optic("receive_power_dbm", "receive"), Words("Thu ở đầu xã", "Received at the commune")),
    query(_optic("receive_power_dbm", "transmit"), Words("Thu ở đầu kia", "Received at the far end")),
    query(
        f"{_optic('receive_power_dbm', 'receive')} - {_optic('margin_db', 'receive')}",
        Words("Ngưỡng ở đầu xã", "Limit at the commune"),
    ),
    query(
        f"{_optic('receive_power_dbm', 'transmit')} - {_optic('margin_db', 'transmit')}",
        Words("Ngưỡng ở đầu kia", "Limit at the far end"),
    ),
    unit="suffix:dBm",
    decimals=1,
    fill=0,
    overrides=(limit_line("C"), limit_line("D")),
    no_value=_NO_LIGHT,
)
_SENT = graph(
    Words("Công suất quang phát và suy hao tuyến", "Sent light and span loss"),
    Words(
        "Ánh sáng mỗi đầu phát ra (dBm) và suy hao trên sợi (dB, trục phải). Suy hao tăng mà công suất phát không"
        " đổi: cáp bị uốn, mối hàn hỏng; công suất phát giảm: mô-đun già.",
        "Light that each end sends (dBm) and what the fibre takes (dB, right axis). More loss at the same power"
        " sent: a bent cable, a bad splice; less power sent: a module that ages.",
    ),
    query(_optic("transmit_power_dbm", "transmit"), Words("Phát ở đầu xã", "Sent at the commune")),
    query(_optic("transmit_power_dbm", "receive"), Words("Phát ở đầu kia", "Sent at the far end")),
    query(
        f"max by (link, direction) ({series('netmon_link_span_loss_db', link=_L)})",
        Words("Suy hao ({{direction}})", "Span loss ({{direction}})"),
    ),
    unit="suffix:dBm",
    decimals=1,
    fill=0,
    transformations=WAYS,
    overrides=(of_query("C", unit="dB", custom__axisPlacement="right"),),
    no_value=_NO_LIGHT,
)


def _echo(title: Words, about: Words, family: str, rule: str, unit: str) -> Panel:
    limit = ruled(held("netmon_target_limit", commune=_C), rule)
    return graph(
        title,
        about,
        query(f"max by (link) ({series(family, link=_L)})", "{{link}}"),
        query(f"max({limit})", Words("Ngưỡng", "Limit")),
        unit=unit,
        least=0,
        overrides=(limit_line("B"),),
    )


_LATENCY = _echo(
    Words("Độ trễ khứ hồi", "Round trip"),
    Words(
        "Độ trễ trung bình 5 phút đến địa chỉ kiểm tra của tuyến; nét đứt là ngưỡng của chỉ tiêu độ trễ (phân vị"
        " 95 của tháng). Cao cùng lúc lưu lượng cao: nghẽn; cao khi tuyến rảnh: nhà mạng đi vòng.",
        "Mean round trip of five minutes to the link's check address; the dashes are the limit of the latency"
        " target (95th percentile of the month). High while traffic is high: congestion; high on an idle link:"
        " the operator has rerouted it.",
    ),
    "netmon_link_round_trip_seconds",
    "latency",
    "s",
)
_LOSS = _echo(
    Words("Mất gói", "Loss"),
    Words(
        "Phần gói kiểm tra không quay về trong 5 phút; nét đứt là ngưỡng của chỉ tiêu mất gói. Mất gói mà cổng"
        " không lỗi: hỏi nhà mạng.",
        "Share of the echoes of five minutes that did not come back; the dashes are the limit of the loss target."
        " Loss without errors at the ports: ask the operator.",
    ),
    "netmon_link_loss_ratio",
    "loss",
    "percentunit",
)
_TIMELINE = states(
    Words("Trạng thái tuyến theo thời gian", "State of the link over time"),
    Words(
        "Lúc nào tuyến mất và lúc nào không ai biết. Mất đi mất lại: tuyến chập chờn, báo nhà mạng.",
        "When the link was down, and when nobody could tell. Again and again: it flaps, tell the operator.",
    ),
    query(link_state(_HERE), "{{link}}"),
    mappings=LINK_STATE,
    height=4,
)

BOARD = Dashboard(
    uid="netmon-link",
    title=Words("Tuyến", "Link"),
    about=Words(
        "Một tuyến: lưu lượng hai chiều so với hợp đồng, lỗi và quang ở hai đầu, độ trễ và mất gói.",
        "One link: traffic both ways against the contract, errors and light at both ends, latency and loss.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(), LINK),
    annotations=ANNOTATIONS_OF_COMMUNE,
    period="now-24h",
    rows=(
        row(
            Words("Lúc này", "Now"),
            _STATE,
            _use("receive", _RECEIVE),
            _use("transmit", _TRANSMIT),
            _PEAKS,
            _INFO,
            _TIMELINE,
        ),
        row(
            Words("Lưu lượng và dung lượng", "Traffic and capacity"),
            _traffic("receive", _RECEIVE),
            _traffic("transmit", _TRANSMIT),
        ),
        row(Words("Độ trễ và mất gói", "Latency and loss"), _LATENCY, _LOSS),
        row(Words("Lỗi ở hai đầu", "Errors at both ends"), _ERRORS, _DISCARDS),
        row(Words("Quang ở hai đầu", "Light at both ends"), _LIGHT, _SENT),
    ),
)
