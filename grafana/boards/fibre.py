"""Fibre: the light that arrives at both ends, what the span takes, how far that is from too little, and what fades."""

from __future__ import annotations

from typing import Any

from grafana.columns import by, leads, short, state
from grafana.dashboard import Dashboard, Variable, row
from grafana.panels import (
    AT_RISK,
    BACKUP,
    ISOLATED,
    UNKNOWN,
    UP,
    Json,
    Text,
    bars,
    figure,
    graph,
    last,
    limit_line,
    override,
    query,
    rows,
    table,
    values,
)
from grafana.places import (
    ANNOTATIONS,
    DATASOURCE,
    LINK_STATE,
    NAME,
    NO_ROWS,
    OPERATOR,
    PROVINCE,
    TO_COMMUNE,
    TO_LINK,
    TO_LINK_OF_SERIES,
    WAYS,
    commune,
    info,
    link_state,
    named,
)
from netmon.model import Words

_LINKS = 'province="$province", commune=~"$commune", link=~"$link"'
_DEVICES = 'province="$province", commune=~"$commune"'
_ROW = "province, commune, site, link, direction"
_INFO = f'netmon_link_info{{{_LINKS}, kind="fibre", operator=~"$operator"}}'
_CHOSEN = f"and on (link) {_INFO}"
_PORT = "province, commune, site, device, interface, sensor"

FIBRE = Variable(
    name="link",
    label=Words("Tuyến cáp quang", "Fibre link"),
    query="label_values("
    'netmon_link_info{province=~"$province", commune=~"$commune", kind="fibre", operator=~"$operator"}, link)',
    several=True,
    every=True,
)

_LEAST = f"(min by ({_ROW}) (netmon_link_optical_margin_db{{{_LINKS}}}) {_CHOSEN})"
_LIMIT = (
    'max by (commune) (netmon_target_limit{province="$province"}'
    ' and on (target) netmon_target_info{rule="optical_margin", level="commune"})'
)
"""What the commune's target for optical margins asks for, in dB."""
_CROSSING = (
    f"min(netmon_target_limit_crossing_seconds{{{_DEVICES}}}"
    ' and on (target) netmon_target_info{rule="optical_margin", level="commune"})'
)


def _of(family: str, how: str = "max") -> str:
    """PromQL: a family of the chosen links, by link and direction."""
    return f"({how} by ({_ROW}) ({family}{{{_LINKS}}}) {_CHOSEN})"


def _weakest(family: str, how: str = "max") -> str:
    """PromQL: the same of the ten directions whose margin is least when the shown time is over."""
    at_the_end = f"min by (link, direction) (netmon_link_optical_margin_db{{{_LINKS}}} @ end()) {_CHOSEN}"
    return f"{_of(family, how)} and on (link, direction) bottomk(10, {at_the_end})"


def _port(family: str, how: str = "max") -> str:
    """PromQL: a family of optical modules, by port."""
    return f"{how} by ({_PORT}) ({family}{{{_DEVICES}}})"


_DBM = "suffix:dBm"
"""Not Grafana's own dBm, which shows 0.3 dBm as 300 mdBm."""


def _both(expr: str) -> str:
    """PromQL: what is said of links, of each direction."""
    ways = (f'label_replace({expr}, "direction", "{way}", "", "")' for way in ("receive", "transmit"))
    return f"({' or '.join(ways)})"


_CHOICE = {"kind": "fibre", "commune": "~$commune", "link": "~$link", "operator": "~$operator"}
_OF_INVENTORY = _both(info("link", "commune, site, operator", **_CHOICE))
_EACH = "commune, site, link, direction"
_SILENT = f"Inf * max by ({_EACH}) ({_OF_INVENTORY}) and on (link) (max by (link) (netmon_link_up{{{_LINKS}}}) == 1)"
"""Links that are up and whose margin nobody tells, so that they stand last; those that are down stand first."""

_LINK, _WAY, _COMMUNE = Words("Tuyến", "Link"), Words("Chiều", "Direction"), Words("Xã, phường, đặc khu", "Commune")
_UP = Words("Trạng thái", "State")
_OPERATOR, _ABOVE = Words("Nhà mạng", "Operator"), Words("So với chỉ tiêu", "Above target")
_SENT, _ARRIVES, _LOSS = Words("Phát", "Sent"), Words("Thu", "Arrives"), Words("Suy hao", "Loss")
_MARGIN, _FADING = Words("Dự trữ", "Margin"), Words("Suy giảm/tuần", "Fading/week")
_DEVICE, _PORT_NAME, _PART = Words("Thiết bị", "Device"), Words("Cổng", "Port"), Words("Mô-đun", "Module")
_LOW, _HIGH = Words("Ngưỡng thấp", "Low limit"), Words("Ngưỡng cao", "High limit")
_ABOVE_LOW, _BELOW_HIGH = Words("Trên ngưỡng thấp", "Above low limit"), Words("Dưới ngưỡng cao", "Below high limit")
_BIAS, _HEAT, _LIGHT = Words("Dòng laser", "Bias"), Words("Nhiệt độ", "Temperature"), Words("Ánh sáng", "Light")
_DIRECTIONS = values(
    ("receive", Words("Về xã", "To the commune"), "text"), ("transmit", Words("Từ xã", "From the commune"), "text")
)
_LIT = values((0, Words("Có", "Yes"), UP), (1, Words("Mất", "Lost"), ISOLATED))
_SHOWN_WAY: Json = override(_WAY, mappings=list(_DIRECTIONS))


def _db(title: Text, unit: str = "dB", decimals: int = 1) -> Json:
    return override(title, unit=unit, decimals=decimals)


_FIGURES = (
    figure(
        Words("Mô-đun không có ánh sáng", "Modules without light"),
        Words(
            "Số mô-đun quang báo mất tín hiệu thu (netmon_optic_signal_lost). Khác 0: đứt cáp, đầu bên kia tắt hoặc"
            " rút dây; bảng Mô-đun quang cho biết cổng nào.",
            "Optical modules that receive nothing (netmon_optic_signal_lost). Not 0: a cut, the other end is off or"
            " unplugged; the table of modules says which port.",
        ),
        last(f"sum({_port('netmon_optic_signal_lost')})"),
        steps=((None, UP), (1, ISOLATED)),
    ),
    figure(
        Words("Dự trữ ít nhất", "Least margin"),
        Words(
            "Công suất thu cao hơn ngưỡng của máy thu bao nhiêu, ở tuyến yếu nhất. Dưới 0: đã thấp hơn ngưỡng của"
            " mô-đun, có thể lỗi. Tuyến nào: bảng bên dưới.",
            "How much more arrives than the receiver needs, on the weakest link. Below 0 the module itself warns, and"
            " errors may come. Which link: the table below.",
        ),
        last(f"min({_LEAST})"),
        unit="dB",
        decimals=1,
        steps=((None, ISOLATED), (0, UP)),
    ),
    figure(
        Words("Dưới chỉ tiêu dự trữ", "Below the margin wanted"),
        Words(
            "Số chiều truyền có dự trữ thấp hơn chỉ tiêu (luật optical_margin trong targets.yaml). Khác 0: đưa vào kế"
            " hoạch xử lý, trước khi một mối hàn nữa là quá nhiều.",
            "Directions with less margin than the target asks for (rule optical_margin of targets.yaml). Not 0: plan"
            " the works, before one more splice is too much.",
        ),
        last(f"sum({_LEAST} < bool on (commune) group_left () {_LIMIT})"),
        steps=((None, UP), (1, AT_RISK)),
    ),
    figure(
        Words("Chạm ngưỡng sớm nhất sau", "First crosses its limit in"),
        Words(
            "Với xu hướng các tuần qua, tuyến đầu tiên xuống dưới chỉ tiêu dự trữ sau bao lâu"
            " (netmon_target_limit_crossing_seconds). Trống: không có xu hướng chắc chắn nào.",
            "As the last weeks went, in how long the first link falls below its target"
            " (netmon_target_limit_crossing_seconds). Empty: no trend is sure.",
        ),
        last(_CROSSING),
        unit="dtdurations",
        steps=((None, BACKUP),),
    ),
    figure(
        Words("Suy giảm nhanh nhất", "Fastest fading"),
        Words(
            "Mức giảm công suất thu mỗi tuần của chiều giảm nhanh nhất, theo 8 tuần qua"
            " (netmon_link_optical_fading_db_per_week). Hai chiều cùng giảm: cáp; một chiều: đầu nối hoặc mô-đun.",
            "How much less arrives each week on the direction that fades fastest, over the last 8 weeks"
            " (netmon_link_optical_fading_db_per_week). Both ways alike: the cable; one way: a connector or a module.",
        ),
        last(f"max({_of('netmon_link_optical_fading_db_per_week')})"),
        unit="dB",
        decimals=2,
        steps=((None, "text"),),
    ),
    figure(
        Words("Tuyến chưa có số đo", "Links without a figure"),
        Words(
            "Số tuyến cáp quang không đo được dự trữ: mô-đun không hỗ trợ, thiếu giao diện trong danh mục, hoặc không"
            " có ngưỡng. Lý do từng tuyến: netmon fibre.",
            "Fibre links whose margin cannot be told: the module does not tell, the inventory names no interface, or"
            " no limit is known. Why, link by link: netmon fibre.",
        ),
        last(f"count(group by (link) ({_INFO})) - count(group by (link) ({_LEAST}))"),
        steps=((None, UP), (1, UNKNOWN)),
    ),
)

_LEAGUE = table(
    Words("Các tuyến, dự trữ ít nhất ở trên", "Links, the least margin first"),
    Words(
        "Mỗi chiều một dòng; tuyến mất mà không còn số đo ở trên cùng, tuyến không có số đo ở cuối."
        " Phát là đầu gửi, Thu là đầu nhận; suy hao là hiệu của hai đầu. Trống: không đầu nào cho"
        " biết, hoặc hai đầu đọc lệch nhau. So với chỉ tiêu dưới 0: xếp lịch xử lý; dự trữ dưới 0: xử lý ngay. Bấm vào"
        " tuyến để xem lưu lượng và lỗi.",
        "A line for each direction; links that are down and tell nothing first, links that are up and tell nothing last."
        " Sent is what the sending end puts in, Arrives what the other gets, the loss lies"
        " between. Empty: an end does not tell, or they were read at different times. Above target below 0: plan"
        " works; margin below 0: act now. A click on the link shows traffic and errors.",
    ),
    rows(named(_OF_INVENTORY), ref="link"),
    rows(f"{_both(link_state(_LINKS))} {_CHOSEN}", ref="state"),
    rows(f"max by ({_EACH}) ({_LEAST}) or ({_SILENT})", ref="A"),
    rows(_of("netmon_link_optical_transmit_power_dbm"), ref="B"),
    rows(_of("netmon_link_optical_receive_power_dbm", "min"), ref="C"),
    rows(_of("netmon_link_span_loss_db"), ref="D"),
    rows(_of("netmon_link_optical_fading_db_per_week"), ref="E"),
    rows(f"{_LEAST} - on (commune) group_left () {_LIMIT}", ref="F"),
    columns={
        "link": _LINK,
        "direction": _WAY,
        "Value #state": _UP,
        NAME: _COMMUNE,
        "operator": _OPERATOR,
        "Value #B": _SENT,
        "Value #C": _ARRIVES,
        "Value #D": _LOSS,
        "Value #A": _MARGIN,
        "Value #F": _ABOVE,
        "Value #E": _FADING,
        "commune": Words("Mã xã", "Code"),
    },
    width=24,
    height=12,
    overrides=(
        leads(_LINK, TO_LINK),
        leads(_COMMUNE, TO_COMMUNE),
        _SHOWN_WAY,
        _db(_SENT, _DBM),
        _db(_ARRIVES, _DBM),
        _db(_LOSS),
        state(_UP, LINK_STATE),
        short(_MARGIN, "dB"),
        override(_MARGIN, mappings=values(("Infinity", "–", "text"))),
        short(_ABOVE, "dB"),
        _db(_FADING, decimals=2),
    ),
    options=by(_MARGIN),
)

_BOTH_ENDS = "{{link}} {{direction}}"
_TIED: dict[str, Any] = {"fill": 0, "links": (TO_LINK_OF_SERIES,), "decimals": 1, "transformations": WAYS}
_CURVES = (
    graph(
        Words("Công suất thu hai đầu", "Light that arrives, both ends"),
        Words(
            "Mười chiều yếu nhất trong các tuyến đã chọn. Về xã: đầu xã thu; từ xã: đầu bên kia thu. Tụt bậc"
            " thang: mối hàn, uốn cong; dao động theo ngày hay mưa: đầu nối, măng sông ngấm nước.",
            "The ten weakest directions of the chosen links. Towards the commune: what its end gets; from it: what the"
            " far end gets. A step: a splice or a bend; up and down with day or rain: a connector, or water.",
        ),
        query(_weakest("netmon_link_optical_receive_power_dbm", "min"), _BOTH_ENDS),
        unit=_DBM,
        **_TIED,
    ),
    graph(
        Words("Suy hao tuyến", "Span loss"),
        Words(
            "Công suất phát đầu này trừ công suất thu đầu kia, mười chiều yếu nhất. Tăng ở cả hai chiều: cáp; chỉ một"
            " chiều: đầu nối ở máy thu đó.",
            "Sent at one end less received at the other, the ten weakest directions. A rise both ways: the cable; one"
            " way: the connector at that receiver.",
        ),
        query(_weakest("netmon_link_span_loss_db"), _BOTH_ENDS),
        unit="dB",
        **_TIED,
    ),
    graph(
        Words("Dự trữ quang và chỉ tiêu", "Margin, and the target"),
        Words(
            "Dự trữ của mười chiều yếu nhất; đường đứt là chỉ tiêu optical_margin. Đường nào xuống dưới: xử lý tuyến"
            " đó trước.",
            "The margin of the ten weakest directions; the dashed line is what the target optical_margin asks for."
            " What goes below it is mended first.",
        ),
        query(_weakest("netmon_link_optical_margin_db", "min"), _BOTH_ENDS),
        query(f"max({_LIMIT})", Words("Chỉ tiêu", "Target"), ref="wanted"),
        unit="dB",
        overrides=(limit_line("wanted"),),
        **_TIED,
    ),
    bars(
        Words("Suy giảm nhanh nhất mỗi tuần", "What fades fastest"),
        Words(
            "Mười chiều giảm nhanh nhất theo xu hướng 8 tuần (trung vị độ dốc). Cần ít nhất 14 ngày số liệu.",
            "The ten directions that fade fastest, by the trend of 8 weeks (median of slopes). It takes 14 days at least.",
        ),
        last(f"topk(10, {_of('netmon_link_optical_fading_db_per_week')})", _BOTH_ENDS),
        unit="dB",
        decimals=2,
        steps=((None, "text"),),
        transformations=WAYS,
        links=(TO_LINK_OF_SERIES,),
    ),
)

_MODULES = table(
    Words("Mô-đun quang và ngưỡng của chính nó", "Optical modules, and their own limits"),
    Words(
        "Mỗi cổng quang một dòng, gần ngưỡng thấp nhất ở trên. Ngưỡng do mô-đun tự báo. Trên ngưỡng thấp dưới 0: quá"
        " yếu; dưới ngưỡng cao dưới 0: quá mạnh, cần bộ suy hao. Dòng laser tăng dần: máy phát sắp hỏng.",
        "A line for each optical port, the nearest to its low limit first. The limits are the module's own. Above low"
        " limit below 0: too weak; below high limit below 0: too strong, an attenuator belongs there. A bias that"
        " rises: the sender ages.",
    ),
    rows(_port("netmon_optic_receive_power_dbm", "min")),
    rows(_port("netmon_optic_receive_power_low_limit_dbm")),
    rows(_port("netmon_optic_receive_power_high_limit_dbm", "min")),
    rows(f"{_port('netmon_optic_receive_power_dbm', 'min')} - {_port('netmon_optic_receive_power_low_limit_dbm')}"),
    rows(f"{_port('netmon_optic_receive_power_high_limit_dbm', 'min')} - {_port('netmon_optic_receive_power_dbm')}"),
    rows(_port("netmon_optic_transmit_power_dbm", "min")),
    rows(_port("netmon_optic_bias_amperes")),
    rows(_port("netmon_optic_temperature_celsius")),
    rows(_port("netmon_optic_signal_lost")),
    columns={
        "device": _DEVICE,
        "interface": _PORT_NAME,
        "sensor": _PART,
        "commune": Words("Mã xã", "Code"),
        "Value #I": _LIGHT,
        "Value #A": _ARRIVES,
        "Value #B": _LOW,
        "Value #D": _ABOVE_LOW,
        "Value #C": _HIGH,
        "Value #E": _BELOW_HIGH,
        "Value #F": _SENT,
        "Value #G": _BIAS,
        "Value #H": _HEAT,
    },
    width=24,
    height=12,
    overrides=(
        leads(_DEVICE, TO_COMMUNE),
        state(_LIGHT, _LIT),
        *(_db(title, _DBM) for title in (_ARRIVES, _LOW, _HIGH, _SENT)),
        short(_ABOVE_LOW, "dB"),
        short(_BELOW_HIGH, "dB"),
        override(_BIAS, unit="amp", decimals=1),
        override(_HEAT, unit="celsius", decimals=1),
    ),
    options=by(_ABOVE_LOW),
)

_ONU, _AT_ONU, _AT_OLT = Words("ONU", "ONU"), Words("ONU thu", "At the ONU"), Words("OLT thu", "At the OLT")
_LENGTH, _SERVED = Words("Chiều dài sợi", "Fibre"), Words("Trạng thái", "State")
_ONUS = (
    figure(
        Words("ONU ngừng hoạt động", "ONUs out of service"),
        Words(
            "Số ONU mà OLT báo không hoạt động. Nhiều ONU của một cổng: đứt cáp chính; một ONU: mất điện hoặc đứt cáp"
            " nhánh.",
            "ONUs that the OLT has out of service. Many of one port: the trunk; one alone: its power, or its own fibre.",
        ),
        last(f"sum(1 - {_port('netmon_onu_up')})"),
        steps=((None, UP), (1, ISOLATED)),
        width=12,
    ),
    figure(
        Words("ONU trên các cổng PON", "ONUs at the PON ports"),
        Words("Tổng số ONU mà OLT đang có.", "How many ONUs the OLTs have."),
        last(f"sum({_port('netmon_onu_up')} * 0 + 1)"),
        steps=((None, "text"),),
        width=12,
    ),
    table(
        Words("ONU, yếu nhất ở trên", "ONUs, the weakest first"),
        Words(
            "Công suất ở hai đầu nhánh PON và chiều dài sợi theo OLT. Chênh lệch bất thường giữa các ONU cùng cổng: bộ"
            " chia hoặc cáp nhánh.",
            "Light at both ends of a PON branch, and its length as the OLT measures it. One that differs from others"
            " of its port: a splitter, or its own fibre.",
        ),
        rows(_port("netmon_onu_up")),
        rows(_port("netmon_onu_receive_power_dbm", "min")),
        rows(_port("netmon_onu_olt_receive_power_dbm", "min")),
        rows(_port("netmon_onu_distance_meters")),
        columns={
            "device": Words("OLT", "OLT"),
            "interface": _PORT_NAME,
            "sensor": _ONU,
            "Value #A": _SERVED,
            "Value #B": _AT_ONU,
            "Value #C": _AT_OLT,
            "Value #D": _LENGTH,
        },
        width=24,
        overrides=(
            state(_SERVED, values((1, Words("Hoạt động", "Up"), UP), (0, Words("Ngừng", "Down"), ISOLATED))),
            _db(_AT_ONU, _DBM),
            _db(_AT_OLT, _DBM),
            override(_LENGTH, unit="lengthm", decimals=0),
        ),
        options=by(_AT_ONU),
        no_value=NO_ROWS,
    ),
)

BOARD = Dashboard(
    uid="netmon-fibre",
    title=Words("Cáp quang", "Fibre"),
    about=Words(
        "Ánh sáng ở hai đầu mỗi tuyến, suy hao, dự trữ so với ngưỡng, và tuyến nào đang suy giảm trước khi mất.",
        "Light at both ends of each link, what the span takes, how far that is from too little, and which fibre fades"
        " before it fails.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(several=True), OPERATOR, FIBRE),
    rows=(
        row(Words("Lúc này", "Now"), *_FIGURES, _LEAGUE),
        row(Words("Theo thời gian, hai đầu tuyến", "Over time, both ends"), *_CURVES),
        row(Words("Mô-đun", "Modules"), _MODULES),
        row(Words("PON: OLT và ONU", "PON: OLTs and ONUs"), *_ONUS, closed=True),
    ),
    annotations=ANNOTATIONS,
    period="now-7d",
    tags=("fibre",),
)
