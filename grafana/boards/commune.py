"""One commune: its service, its targets with their evidence, its links, sites, power and outages."""

from __future__ import annotations

from grafana.dashboard import Dashboard, Variable, row
from grafana.panels import (
    BACKUP,
    BATTERY,
    ISOLATED,
    figure,
    graph,
    last,
    limit_line,
    link,
    override,
    query,
    rows,
    states,
    table,
    values,
)
from grafana.places import (
    ANNOTATIONS_OF_COMMUNE,
    CAUSE,
    COMMUNE_OF_INCIDENT,
    DATASOURCE,
    INCIDENTS_BY_COMMUNE,
    LINK_KINDS,
    LINK_STATE,
    NAME,
    NO_ROWS,
    NOT_KNOWN,
    PROVINCE,
    ROLES,
    SERVICE,
    SITE_KINDS,
    STANDING,
    TITLE,
    TO_COMMUNE,
    TO_LINK,
    TO_LINK_OF_SERIES,
    TO_SITE,
    WAYS,
    commune,
    held,
    hidden,
    info,
    link_state,
    measured,
    named,
    numbered,
    of_committee,
    ruled,
    series,
    titled,
    tone,
    which,
    widths,
    with_site,
    written,
)
from netmon.model import Words

_HERE = 'province=~"$province", commune=~"$commune"'
_C = "~$commune"
WALLBOARD = Variable(
    name="wallboard",
    label=Words("Địa chỉ bảng treo tường", "Address of the wallboard"),
    query="http://localhost:9797/",
    kind="textbox",
)
TO_WALLBOARD = link(Words("Xem xã trên bảng treo tường", "See it on the wallboard"), "${wallboard}#/commune/${commune}")

_SERVICE = which("netmon_site_service", "state", SERVICE, _HERE, "commune, site")
_STARTED = of_committee(held("netmon_site_service_start_timestamp_seconds", commune=_C))
_VERDICT = which("netmon_target_verdict", "verdict", STANDING, _HERE, "commune, target")
_BATTERY = f"max by (commune, site) ({held('netmon_site_on_battery', commune=_C)})"
_LINK = "commune, site, link"
_GREY = ((None, "text"), (1, ISOLATED))

_NOW = figure(
    Words("Dịch vụ của UBND", "Service of the People's Committee"),
    Words(
        "Trạng thái dịch vụ của UBND xã lúc này. Cô lập hoặc không tới được: xem sự cố và các tuyến bên dưới, gọi"
        " nhà mạng theo mã kênh.",
        "What the service of the People's Committee is now. Isolated or unreachable: see the incident and the"
        " links below, and call the operator by the circuit.",
    ),
    last(f"max({of_committee(_SERVICE)})"),
    width=6,
    mappings=numbered(SERVICE),
    links=(TO_WALLBOARD,),
)
_SINCE = figure(
    Words("Từ lúc", "Since"),
    Words(
        "Trạng thái dịch vụ hiện tại bắt đầu từ lúc nào, theo lần hỏi đầu tiên thấy nó.",
        "When the present state of the service began, by the first poll that saw it.",
    ),
    last(f"1000 * min({_STARTED})"),
    unit="dateTimeAsIsoNoDateIfToday",
    width=6,
    steps=((None, "text"),),
    links=(TO_WALLBOARD,),
)
_WORST = figure(
    Words("Kết luận xấu nhất", "Worst verdict"),
    Words(
        "Xã chỉ tốt bằng chỉ tiêu xấu nhất của nó. Không đạt hoặc chưa chứng minh được: xem bảng chỉ tiêu ngay bên dưới.",
        "A commune is as good as its worst target. Missed or unproven: see the table of targets below.",
    ),
    last(f"max({_VERDICT})"),
    links=(TO_WALLBOARD,),
    width=4,
    mappings=numbered(STANDING),
)
_LOST = figure(
    Words("Tuyến mất", "Links down"),
    Words(
        "Số tuyến của xã đang mất, cả chính lẫn dự phòng. Khác 0: bảng tuyến cho biết tuyến nào, của ai, mã kênh nào.",
        "Links of the commune that are down, primary and backup. Not 0: the table of links says which, whose, and"
        " by which circuit.",
    ),
    last(f"sum({link_state(_HERE)} == bool 2)"),
    steps=_GREY,
)
_DARK = figure(
    Words("Điểm mất điện lưới", "Sites without mains"),
    Words(
        "Số điểm của xã đang chạy ắc quy hoặc máy phát. Khác 0: bảng điểm cho biết còn bao lâu.",
        "Sites of the commune that run on battery or generator. Not 0: the table of sites says for how long.",
    ),
    last(f"sum({_BATTERY})"),
    steps=((None, "text"), (1, BATTERY)),
)

_VALUE = f"max by (commune, target) ({held('netmon_target_value', commune=_C)})"
_LIMIT = f"max by (commune, target) ({held('netmon_target_limit', commune=_C)})"
_TARGETS = table(
    Words("Chỉ tiêu và bằng chứng", "Targets and their evidence"),
    Words(
        "Mỗi chỉ tiêu: kết luận, giá trị đo được so với ngưỡng, phần của kỳ đã được quan sát (thiếu thì chưa"
        " chứng minh được), phần ngân sách gián đoạn đã dùng, căn cứ. Bằng chứng chi tiết: trang của xã trên bảng"
        " treo tường, hoặc netmon explain CHỈ_TIÊU/MÃ_XÃ.",
        "Each target: the verdict, what was measured against the limit, the share of the window that was seen"
        " (too little proves nothing), the share of the error budget that is spent, and what it rests on. All"
        " evidence: the commune's page of the wallboard, or netmon explain TARGET/CODE.",
    ),
    rows(titled(_VERDICT), ref="verdict"),
    rows(written(_VALUE, "value", "commune, target"), ref="value"),
    rows(written(_LIMIT, "limit", "commune, target"), ref="limit"),
    rows(f"max by (commune, target) ({held('netmon_target_coverage_ratio', commune=_C)})", ref="coverage"),
    rows(
        f"max by (commune, target) ({held('netmon_target_error_budget_spent_seconds', commune=_C)})"
        f" / max by (commune, target) ({held('netmon_target_error_budget_seconds', commune=_C)})",
        ref="spent",
    ),
    columns={
        "Value #verdict": Words("Kết luận", "Verdict"),
        TITLE: Words("Chỉ tiêu", "Target"),
        "value": Words("Đo được", "Measured"),
        "limit": Words("Ngưỡng", "Limit"),
        "Value #coverage": Words("Đã quan sát", "Seen"),
        "Value #spent": Words("Ngân sách đã dùng", "Budget spent"),
        "target": Words("Mã chỉ tiêu", "Id"),
    },
    width=14,
    height=14,
    links=(TO_WALLBOARD,),
    overrides=(
        override("Value #verdict", custom__width=170, **tone(numbered(STANDING))),
        override("Value #coverage", unit="percentunit", decimals=1, custom__width=100),
        override(
            "Value #spent", unit="percentunit", decimals=1, custom__width=130, **tone((), ((None, "text"), (1, ISOLATED)))
        ),
        *widths(value=100, limit=100, target=150),
    ),
    options={"sortBy": [{"displayName": Words("Kết luận", "Verdict"), "desc": True}]},
)

_MINE = f"({INCIDENTS_BY_COMMUNE} and on (commune) {held('netmon_commune_info', commune=_C)})"
_INCIDENTS = table(
    Words("Sự cố đang mở của xã", "Open incidents of the commune"),
    Words(
        "Sự cố làm xã gián đoạn, dù gốc ở nơi khác, và sự cố có gốc tại xã: từ lúc nào, vì sao, gốc ở đâu, gọi ai."
        " Bấm vào để xem xã nơi có gốc.",
        "Incidents that interrupt the commune, be their root elsewhere, and those whose root lies in it: since when,"
        " why, where the root is, whom to call. A click shows the commune where the root lies.",
    ),
    rows(f"1000 * max by (root_kind, root, incident, cause, operator, circuit) ({_MINE})", ref="since"),
    rows(
        f"max by (root_kind, root, commune, name, name_en)"
        f" ({named(f'{COMMUNE_OF_INCIDENT} and on (root_kind, root) {_MINE}')})",
        ref="place",
    ),
    columns={
        "Value #since": Words("Từ lúc", "Since"),
        "incident": Words("Sự cố", "Incident"),
        "cause": Words("Nguyên nhân", "Cause"),
        "root": Words("Gốc", "Root"),
        NAME: Words("Xã", "Commune"),
        "operator": Words("Nhà mạng", "Operator"),
        "circuit": Words("Mã kênh", "Circuit"),
        "commune": Words("Mã xã", "Code"),
    },
    width=24,
    height=5,
    no_value=NO_ROWS,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #since", unit="dateTimeAsIsoNoDateIfToday", custom__width=150),
        override("cause", mappings=CAUSE),
        *hidden("commune"),
    ),
)

_SPENT = graph(
    Words("Ngân sách gián đoạn của tháng", "Error budget of the month"),
    Words(
        "Thời gian gián đoạn đã dùng trong kỳ so với mức cho phép (nét đứt). Đường gặp nét đứt là chỉ tiêu không đạt.",
        "Time lost in the window against what is allowed (dashed). Where the curve meets the dashes, the target is missed.",
    ),
    query(
        f"max by (target) ({series('netmon_target_error_budget_spent_seconds', commune=_C)})",
        Words("Đã dùng ({{target}})", "Spent ({{target}})"),
    ),
    query(
        f"max by (target) ({series('netmon_target_error_budget_seconds', commune=_C)})",
        Words("Cho phép ({{target}})", "Allowed ({{target}})"),
    ),
    unit="s",
    width=10,
    height=14,
    least=0,
    overrides=(limit_line("B"),),
)

_USE = (
    f"max by ({_LINK}, direction) ({held('netmon_link_rate_bytes_per_second', commune=_C)})"
    f" / max by ({_LINK}, direction) ({held('netmon_link_capacity_bytes_per_second', commune=_C)})"
)


def _capacity(direction: str) -> str:
    return f"8 * max by ({_LINK}) ({held('netmon_link_capacity_bytes_per_second', commune=_C, direction=direction)})"


def _used(direction: str) -> str:
    rate = measured("netmon_link_rate_bytes_per_second", commune=_C, direction=direction)
    return f"8 * max by ({_LINK}) ({rate}) / ({_capacity(direction)})"


_LINKS = table(
    Words("Các tuyến", "Links"),
    Words(
        "Mỗi tuyến: trạng thái, loại, vai trò, nhà mạng và mã kênh, dung lượng theo hợp đồng và mức sử dụng của 5"
        " phút gần nhất theo từng chiều. Bấm vào để xem tuyến.",
        "Each link: state, kind, role, operator and circuit, contracted capacity and how much of it the last five"
        " minutes used in each direction. Click it to see the link.",
    ),
    rows(
        f"{link_state(_HERE)} * on (link) group_left (kind, role, operator, circuit)"
        f" {info('link', 'kind, role, operator, circuit', commune=_C)}",
        ref="state",
    ),
    rows(_used("receive"), ref="receive"),
    rows(_used("transmit"), ref="transmit"),
    rows(_capacity("receive"), ref="capacity"),
    columns={
        "link": Words("Tuyến", "Link"),
        "Value #state": Words("Trạng thái", "State"),
        "role": Words("Vai trò", "Role"),
        "kind": Words("Loại", "Kind"),
        "operator": Words("Nhà mạng", "Operator"),
        "circuit": Words("Mã kênh", "Circuit"),
        "Value #receive": Words("Dùng, chiều về xã", "Used, towards it"),
        "Value #transmit": Words("Dùng, chiều từ xã", "Used, from it"),
        "Value #capacity": Words("Dung lượng", "Capacity"),
        "commune": Words("Mã xã", "Code"),
    },
    width=24,
    height=6,
    links=(TO_LINK,),
    overrides=(
        override("Value #state", custom__width=130, **tone(LINK_STATE)),
        override("Value #receive", unit="percentunit", decimals=1),
        override("Value #transmit", unit="percentunit", decimals=1),
        override("Value #capacity", unit="bps"),
        override("role", mappings=ROLES),
        override("kind", mappings=LINK_KINDS),
        *hidden("commune"),
    ),
    options={"sortBy": [{"displayName": Words("Trạng thái", "State"), "desc": True}]},
)

_TRAFFIC = graph(
    Words("Mức sử dụng so với dung lượng theo hợp đồng", "Use of the contracted capacity"),
    Words(
        "Mỗi chiều của mỗi tuyến so với dung lượng của nó, trung bình 5 phút. Nét đứt là ngưỡng của chỉ tiêu phân"
        " vị 95. Ở trên nét đứt kéo dài: xem bảng Dung lượng.",
        "Each direction of each link against its capacity, means of five minutes. The dashes are the limit of the"
        " target on the 95th percentile. Above them for long: see the capacity dashboard.",
    ),
    query(_USE, Words("{{link}} {{direction}}", "{{link}} {{direction}}")),
    query(
        f"max({ruled(series('netmon_target_limit', commune=_C), 'percentile_utilisation')})",
        Words("Ngưỡng", "Limit"),
    ),
    unit="percentunit",
    least=0,
    transformations=WAYS,
    overrides=(limit_line("B"),),
    links=(TO_LINK_OF_SERIES,),
)
_LINES = states(
    Words("Trạng thái các tuyến", "State of the links"),
    Words(
        "Tuyến nào mất, lúc nào. Chưa rõ: không ai biết tuyến còn hay mất vì phía trên nó đã mất.",
        "Which link was down, and when. Unknown: nobody could tell, for what is above it was lost.",
    ),
    query(link_state(_HERE), "{{link}}"),
    mappings=LINK_STATE,
    width=12,
    links=(TO_LINK_OF_SERIES,),
)

_SITES = table(
    Words("Các điểm", "Sites"),
    Words(
        "UBND, trung tâm phục vụ và trạm BTS của xã: dịch vụ và từ lúc nào, có điện lưới không, sớm nhất bao lâu"
        " nữa hết nguồn. Điểm không có tuyến riêng thì không có trạng thái dịch vụ. Bấm vào để xem nguồn điện.",
        "People's Committee, service centres and base stations of the commune: the service and since when,"
        " whether it has mains, how soon it may go dark. A site without a link of its own has no service. Click"
        " it to see its power.",
    ),
    rows(info("site", "commune, kind, name", commune=_C), ref="site"),
    rows(_SERVICE, ref="service"),
    rows(f"1000 * max by (commune, site) ({held('netmon_site_service_start_timestamp_seconds', commune=_C)})", ref="since"),
    rows(_BATTERY, ref="battery"),
    rows(
        f"max by (commune, site) ({held('netmon_site_dark_seconds', commune=_C, bound='earliest')})"
        f" or (max by (commune, site) ({held('netmon_site_info', commune=_C)}) * NaN)",
        ref="dark",
    ),
    columns={
        "name": Words("Điểm", "Site"),
        "Value #service": Words("Dịch vụ", "Service"),
        "Value #since": Words("Từ lúc", "Since"),
        "kind": Words("Loại", "Kind"),
        "Value #battery": Words("Điện lưới", "Mains"),
        "Value #dark": Words("Hết nguồn sớm nhất sau", "Dark in, at the earliest"),
        "site": Words("Mã điểm", "Id"),
        "commune": Words("Mã xã", "Code"),
    },
    width=24,
    height=7,
    links=(TO_SITE,),
    overrides=(
        override("Value #service", custom__width=150, **tone(numbered(SERVICE))),
        override("Value #since", unit="dateTimeAsIsoNoDateIfToday"),
        override(
            "Value #battery",
            **tone(values((0, Words("Có điện", "On mains"), "text"), (1, Words("Mất điện", "No mains"), BACKUP))),
        ),
        override("Value #dark", unit="dtdurations", mappings=NOT_KNOWN),
        override("kind", mappings=SITE_KINDS),
        *hidden("commune"),
    ),
    options={"sortBy": [{"displayName": Words("Dịch vụ", "Service"), "desc": True}]},
)
_SERVED = states(
    Words("Dịch vụ của các điểm", "Service of the sites"),
    Words(
        "Dịch vụ của từng điểm theo thời gian: cô lập, không tới được, dùng đường dự phòng.",
        "The service of each site over time: isolated, unreachable, on its backup.",
    ),
    query(f"max by (site, site_name) ({with_site(_SERVICE)})", "{{site_name}}"),
    mappings=numbered(SERVICE),
    width=12,
)
_NO_BATTERY = Words("Không có số đo của ắc quy nào", "No figures of a battery")
_CHARGE = graph(
    Words("Điện áp ắc quy", "Voltage of the batteries"),
    Words(
        "Điện áp ắc quy của các điểm có nguồn được giám sát. Giảm đều là đang phóng; xem bảng Nguồn điện để biết"
        " còn bao lâu.",
        "Battery voltage of the sites whose power is watched. A steady fall is a discharge; the power dashboard"
        " says for how long it lasts.",
    ),
    query(with_site(f"min by (site) ({series('netmon_battery_voltage_volts', commune=_C)})"), "{{site_name}}"),
    unit="volt",
    width=12,
    no_value=_NO_BATTERY,
)
_CHARGED = graph(
    Words("Dung lượng ắc quy còn lại", "Charge left in the batteries"),
    Words(
        "Phần dung lượng ắc quy còn lại, theo thiết bị báo.",
        "The charge that is left in the batteries, as their devices tell it.",
    ),
    query(with_site(f"min by (site) ({series('netmon_battery_charge_ratio', commune=_C)})"), "{{site_name}}"),
    unit="percentunit",
    least=0,
    most=1,
    width=12,
    no_value=_NO_BATTERY,
)

_DEVICE_STATES = (
    ("up", Words("Hoạt động", "Up"), "#009e73"),
    ("suspect", Words("Nghi ngờ", "Suspect"), "#f0e442"),
    ("unknown", Words("Chưa rõ", "Unknown"), "#8494a3"),
    ("unreachable", Words("Không tới được", "Unreachable"), "#cc79a7"),
    ("down", Words("Mất", "Down"), ISOLATED),
)
_DEVICES = states(
    Words("Thiết bị mất và khôi phục", "Devices, lost and back"),
    Words(
        "Trạng thái từng thiết bị của xã theo thời gian. Mất: hai lần hỏi liền không trả lời mà đường tới nó vẫn"
        " còn. Không tới được: phía trên nó đã mất.",
        "The state of each device of the commune over time. Down: it did not answer twice though the way to it is"
        " there. Unreachable: what is above it is lost.",
    ),
    query(which("netmon_device_state", "state", _DEVICE_STATES, _HERE, "device"), "{{device}}"),
    mappings=numbered(_DEVICE_STATES),
    width=12,
)

BOARD = Dashboard(
    uid="netmon-commune",
    title=Words("Xã, phường, đặc khu", "Commune"),
    about=Words(
        "Một xã: dịch vụ, chỉ tiêu và bằng chứng, tuyến, điểm, nguồn điện, các lần mất liên lạc.",
        "One commune: service, targets and their evidence, links, sites, power, outages.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(), WALLBOARD),
    annotations=ANNOTATIONS_OF_COMMUNE,
    period="now-24h",
    rows=(
        row(Words("Lúc này", "Now"), _NOW, _SINCE, _WORST, _LOST, _DARK, _INCIDENTS, _TARGETS, _SPENT),
        row(Words("Tuyến", "Links"), _LINKS, _TRAFFIC, _LINES),
        row(Words("Các điểm", "Sites"), _SITES),
        row(Words("Các lần mất liên lạc", "Outages"), _SERVED, _DEVICES),
        row(Words("Ắc quy", "Batteries"), _CHARGE, _CHARGED, closed=True),
    ),
)
