"""Province overview: the verdicts on the province, its communes on a map and in a table, what is wrong and since when."""

from __future__ import annotations

from grafana.dashboard import Dashboard, row
from grafana.panels import (
    BACKUP,
    BATTERY,
    ISOLATED,
    UNKNOWN,
    UNREACHABLE,
    UP,
    figure,
    graph,
    of_query,
    override,
    province_map,
    query,
    rows,
    states,
    table,
)
from grafana.places import (
    ANNOTATIONS,
    CAUSE,
    COMMUNE_OF_INCIDENT,
    COMMUNE_SERVICE,
    DATASOURCE,
    EVER_INTERRUPTED,
    IN_PROVINCE,
    INCIDENT_OF_COMMUNE,
    INCIDENTS,
    NAME,
    NO_ROWS,
    PROVINCE,
    SERVICE,
    STANDING,
    TITLE,
    TO_COMMUNE,
    TO_COMMUNE_OF_SERIES,
    TO_POWER,
    TO_UPTIME,
    held,
    hidden,
    named,
    numbered,
    of_committee,
    series,
    titled,
    tone,
    which,
    written,
)
from netmon.model import Words

_NONE = "text"


def _communes(state: str) -> str:
    return f"max({held('netmon_communes', state=state)})"


def _shade(ref: str, colour: str) -> dict[str, object]:
    """A figure that is grey at nought and coloured from one on."""
    steps = [{"color": _NONE, "value": None}, {"color": colour, "value": 1}]
    return of_query(ref, thresholds={"mode": "absolute", "steps": steps})


_SERVICES = figure(
    Words("Dịch vụ của UBND xã, phường, đặc khu", "Service of the People's Committees"),
    Words(
        "Số xã trong phạm vi theo trạng thái dịch vụ của UBND. Cô lập: mọi tuyến đều mất. Không tới được: không"
        " tuyến nào còn và có tuyến chưa biết. Có số khác 0: xem bản đồ và bảng bên dưới, bấm vào xã.",
        "Communes in scope by the service of their People's Committee. Isolated: every link is known down."
        " Unreachable: none is up and some are unknown. Where one is not 0: see the map and the table below, and"
        " click the commune.",
    ),
    query(_communes("isolated"), Words("Cô lập", "Isolated")),
    query(_communes("unreachable"), Words("Không tới được", "Unreachable")),
    query(_communes("on_backup"), Words("Dùng dự phòng", "On backup")),
    query(_communes("unknown"), Words("Chưa rõ", "Unknown")),
    query(_communes("up"), Words("Bình thường", "Up")),
    width=12,
    options={"textMode": "value_and_name"},
    overrides=(
        _shade("A", ISOLATED),
        _shade("B", UNREACHABLE),
        _shade("C", BACKUP),
        _shade("D", UNKNOWN),
        _shade("E", UP),
    ),
)

_ROOTS = "max by (root_kind, root)"
_STARTED = "netmon_incident_start_timestamp_seconds"
_OPEN_NOW = (
    f"count({_ROOTS} ({series(_STARTED)})) or 0 * max({series('netmon_communes')})"
    f" or count({_ROOTS} ({held(_STARTED)})) or 0 * max({held('netmon_communes')})"
)
"""As of now; while netmon restarts as it was last, and nothing where it is silent."""

_OPEN = figure(
    Words("Sự cố đang mở", "Open incidents"),
    Words(
        "Số sự cố chưa kết thúc, mỗi sự cố gộp mọi thứ mất cùng một nguyên nhân. Khác 0: xem bảng sự cố ở cuối.",
        "Incidents that have not ended; each takes together all that fell for one reason. Not 0: see the table of"
        " incidents below.",
    ),
    query(_OPEN_NOW),
    steps=((None, _NONE), (1, BACKUP)),
)

_BATTERY = figure(
    Words("Điểm mất điện lưới", "Sites without mains"),
    Words(
        "Số điểm đang chạy ắc quy hoặc máy phát. Khác 0: xem bảng Nguồn điện, điểm nào hết nguồn trước.",
        "Sites that run on battery or generator. Not 0: see the power dashboard for which goes dark first.",
    ),
    query(f"sum(max by (site) ({held('netmon_site_on_battery')}))"),
    links=(TO_POWER,),
    steps=((None, _NONE), (1, BATTERY)),
)

_DOWN = figure(
    Words("Thiết bị mất", "Devices down"),
    Words(
        "Số thiết bị đang mất hoặc không tới được. Khác 0: bảng sự cố cho biết nguyên nhân.",
        "Devices that are down or unreachable. Not 0: the table of incidents says why.",
    ),
    query(f"sum(max by (device) ({held('netmon_device_up')}) == bool 0)"),
    steps=((None, _NONE), (1, ISOLATED)),
)

_PROVINCE_VERDICT = which("netmon_province_target_verdict", "verdict", STANDING, IN_PROVINCE, "target")
_PROVINCE_VALUE = f"max by (target) ({held('netmon_province_target_value')})"
_PROVINCE_LIMIT = f"max by (target) ({held('netmon_province_target_limit')})"

_PROVINCE_TARGETS = table(
    Words("Kết luận cấp tỉnh", "Verdicts on the province"),
    Words(
        "Từng chỉ tiêu của cấp tỉnh: kết luận, giá trị đo được và ngưỡng, chỉ tiêu xấu nhất ở trên. Không đạt:"
        " bảng bên cạnh cho biết bao nhiêu xã; bảng Độ sẵn sàng và chỉ tiêu cho biết xã nào.",
        "Each target of the province: the verdict, what was measured and the limit, the worst first. Missed: the"
        " table beside it says how many communes; the dashboard of uptime and targets says which.",
    ),
    rows(titled(_PROVINCE_VERDICT), ref="verdict"),
    rows(written(_PROVINCE_VALUE, "value", "target"), ref="value"),
    rows(written(_PROVINCE_LIMIT, "limit", "target"), ref="limit"),
    columns={
        "Value #verdict": Words("Kết luận", "Verdict"),
        TITLE: Words("Chỉ tiêu", "Target"),
        "value": Words("Đo được", "Measured"),
        "limit": Words("Ngưỡng", "Limit"),
    },
    links=(TO_UPTIME,),
    height=11,
    overrides=(
        override("Value #verdict", custom__width=150, **tone(numbered(STANDING))),
        override("value", custom__width=95, custom__align="right"),
        override("limit", custom__width=95, custom__align="right"),
    ),
    options={"sortBy": [{"displayName": Words("Kết luận", "Verdict"), "desc": True}]},
)


def _count(standing: str) -> str:
    one = held("netmon_target_verdict", verdict=standing)
    return f"sum by (target) (max by (commune, target) ({one}))"


_COUNTED = (("missed", ISOLATED), ("unproven", UNKNOWN), ("at_risk", BACKUP), ("met", UP), ("exempt", _NONE))
_WORDS = {name: text for name, text, _ in STANDING}

_COMMUNE_TARGETS = table(
    Words("Số xã theo kết luận của từng chỉ tiêu", "Communes by verdict of each target"),
    Words(
        "Mỗi chỉ tiêu của cấp xã: bao nhiêu xã không đạt, chưa chứng minh được, có nguy cơ, đạt, được miễn. Chưa"
        " chứng minh được nghĩa là thiếu số liệu, không phải là đạt: kiểm tra việc giám sát trước.",
        "Each target of the communes: how many miss it, are unproven, at risk, meet it, are exempt. Unproven is a"
        " lack of evidence and not a pass: look at the monitoring first.",
    ),
    rows(titled(_count("missed")), ref="missed"),
    *(rows(_count(standing), ref=standing) for standing, _ in _COUNTED[1:]),
    columns={
        TITLE: Words("Chỉ tiêu", "Target"),
        **{f"Value #{standing}": _WORDS[standing] for standing, _ in _COUNTED},
    },
    links=(TO_UPTIME,),
    height=11,
    overrides=tuple(
        override(
            f"Value #{standing}",
            custom__width=86,
            custom__align="right",
            custom__cellOptions={"type": "color-text"},
            thresholds={"mode": "absolute", "steps": [{"color": _NONE, "value": None}, {"color": colour, "value": 1}]},
        )
        for standing, colour in _COUNTED
    ),
    options={"sortBy": [{"displayName": _WORDS["missed"], "desc": True}, {"displayName": _WORDS["unproven"], "desc": True}]},
)

_SHOWN = f"({named(COMMUNE_SERVICE)})"
_MAP = province_map(
    Words("Bản đồ các xã", "Map of the communes"),
    Words(
        "Mỗi điểm là một xã tại toạ độ của nó, màu theo dịch vụ của UBND; xã không bình thường có tên. Bấm vào"
        " điểm để xem xã. Bản đồ nền để trống để không có yêu cầu nào ra ngoài mạng: tỉnh có máy chủ bản đồ riêng"
        " thì đặt địa chỉ https://…/{z}/{x}/{y}.png vào Basemap layer > XYZ Tile layer.",
        "Each point is a commune at its coordinates, coloured by the service of its People's Committee; those"
        " that are not well have their name. Click a point to see the commune. The ground is empty so that"
        " nothing is asked from outside: a province with a tile server of its own writes"
        " https://…/{z}/{x}/{y}.png at Basemap layer > XYZ Tile layer.",
    ),
    rows(
        f'label_replace({_SHOWN} > 0, "trouble", "$1", "name", "(.*)") or on (commune) {_SHOWN}',
        ref="service",
    ),
    rows(f"max by (commune) ({held('netmon_commune_latitude_degrees')})", ref="lat"),
    rows(f"max by (commune) ({held('netmon_commune_longitude_degrees')})", ref="lon"),
    colour="Value #service",
    label="trouble",
    mappings=numbered(SERVICE),
    width=11,
    height=20,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #service", displayName=Words("Dịch vụ", "Service"), color={"mode": "thresholds"}),
        override("commune", displayName=Words("Mã", "Code")),
        override("name", displayName=Words("Xã", "Commune (vi)")),
        override("name_en", displayName=Words("Tên tiếng Anh", "Commune")),
        override("trouble", displayName=Words("Cần xem", "In trouble"), noValue=" "),
    ),
)

_WORST = which("netmon_target_verdict", "verdict", STANDING, IN_PROVINCE, "commune")
_SINCE = of_committee(held("netmon_site_service_start_timestamp_seconds"))
_ON_BATTERY = f"sum by (commune) (max by (commune, site) ({held('netmon_site_on_battery')}))"

_COMMUNES = table(
    Words("Các xã", "Communes"),
    Words(
        "Mỗi xã một dòng, xấu nhất ở trên: dịch vụ của UBND và từ lúc nào, kết luận xấu nhất trong các chỉ tiêu,"
        " số điểm mất điện lưới, sự cố làm xã gián đoạn, dù gốc ở nơi khác, và nguyên nhân. Bấm vào tên để xem xã.",
        "A line for each commune, the worst first: the service of its People's Committee and since when, the"
        " worst verdict of its targets, sites without mains, the incident that interrupts it, be its root elsewhere,"
        " and the cause. Click the name.",
    ),
    rows(named(COMMUNE_SERVICE), ref="service"),
    rows(f"1000 * max by (commune) {_SINCE}", ref="since"),
    rows(_WORST, ref="worst"),
    rows(_ON_BATTERY, ref="battery"),
    rows(f"max by (commune, incident, cause) ({INCIDENT_OF_COMMUNE})", ref="incident"),
    columns={
        NAME: Words("Xã, phường, đặc khu", "Commune"),
        "Value #service": Words("Dịch vụ", "Service"),
        "Value #since": Words("Từ lúc", "Since"),
        "Value #worst": Words("Kết luận xấu nhất", "Worst verdict"),
        "Value #battery": Words("Chạy ắc quy", "On battery"),
        "incident": Words("Sự cố", "Incident"),
        "cause": Words("Nguyên nhân", "Cause"),
        "commune": Words("Mã", "Code"),
    },
    width=13,
    height=20,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #service", custom__width=150, **tone(numbered(SERVICE))),
        override("Value #since", unit="dateTimeAsIsoNoDateIfToday", custom__width=150),
        override("Value #worst", custom__width=150, **tone(numbered(STANDING))),
        override("Value #battery", **tone((), ((None, _NONE), (1, BATTERY))), custom__width=90),
        override("incident", custom__width=95),
        override("cause", custom__width=170, mappings=CAUSE),
        override("commune", custom__width=70),
    ),
    options={
        "sortBy": [
            {"displayName": Words("Dịch vụ", "Service"), "desc": True},
            {"displayName": Words("Kết luận xấu nhất", "Worst verdict"), "desc": True},
        ]
    },
)

_HIT = f"sum by (root_kind, root) (max by (root_kind, root, state) ({series('netmon_incident_communes')}))"
_INCIDENTS = table(
    Words("Sự cố đang mở", "Open incidents"),
    Words(
        "Mỗi sự cố: bắt đầu lúc nào, nguyên nhân, gốc ở đâu, nhà mạng và mã kênh để gọi, bao nhiêu xã và thiết bị"
        " bị ảnh hưởng, đã có người nhận chưa. Nhiều xã nhất ở trên. Bấm vào để xem xã nơi có gốc, hoặc một xã bị"
        " ảnh hưởng.",
        "Each incident: when it began, its cause, where its root lies, the operator and the circuit to call"
        " about, how many communes and devices it hits, whether somebody has taken it on. Those that hit most"
        " communes first. A click shows the commune where the root lies, or one that it hits.",
    ),
    rows(f"1000 * {INCIDENTS}", ref="start"),
    rows(_HIT, ref="communes"),
    rows(f"max by (root_kind, root) ({series('netmon_incident_members')})", ref="members"),
    rows(f"max by (root_kind, root) ({series('netmon_incident_acknowledged')})", ref="taken"),
    rows(f"max by (root_kind, root, commune, name, name_en) ({named(COMMUNE_OF_INCIDENT)})", ref="place"),
    columns={
        "Value #start": Words("Từ lúc", "Since"),
        "incident": Words("Sự cố", "Incident"),
        "cause": Words("Nguyên nhân", "Cause"),
        "root": Words("Gốc", "Root"),
        NAME: Words("Xã", "Commune"),
        "operator": Words("Nhà mạng", "Operator"),
        "circuit": Words("Mã kênh", "Circuit"),
        "Value #communes": Words("Số xã", "Communes"),
        "Value #members": Words("Thiết bị, tuyến", "Devices, links"),
        "Value #taken": Words("Đã nhận", "Taken on"),
        "commune": Words("Mã xã", "Code"),
    },
    width=24,
    height=8,
    no_value=NO_ROWS,
    links=(TO_COMMUNE,),
    overrides=(
        *hidden("commune"),
        override("Value #start", unit="dateTimeAsIsoNoDateIfToday"),
        override("cause", mappings=CAUSE),
        override(
            "Value #taken",
            mappings=(
                {"type": "value", "options": {"0": {"text": Words("Chưa", "No")}, "1": {"text": Words("Rồi", "Yes")}}},
            ),
        ),
    ),
    options={"sortBy": [{"displayName": Words("Số xã", "Communes"), "desc": True}]},
)

_COURSE = graph(
    Words("Số xã không bình thường", "Communes that are not well"),
    Words(
        "Diễn biến số xã theo dịch vụ của UBND. Đường đi lên cùng lúc với một đợt mất điện hay bão: xem bảng Phòng bão.",
        "Communes by the service of their People's Committee, over time. A rise along with a power cut or a"
        " storm: see the storm room.",
    ),
    query(_communes("isolated"), Words("Cô lập", "Isolated")),
    query(_communes("unreachable"), Words("Không tới được", "Unreachable")),
    query(_communes("on_backup"), Words("Dùng dự phòng", "On backup")),
    query(_communes("unknown"), Words("Chưa rõ", "Unknown")),
    fill=30,
    height=12,
    decimals=0,
    custom={"stacking": {"mode": "normal", "group": "A"}},
    overrides=tuple(
        of_query(ref, color={"mode": "fixed", "fixedColor": colour})
        for ref, colour in (("A", ISOLATED), ("B", UNREACHABLE), ("C", BACKUP), ("D", UNKNOWN))
    ),
)

_TIMELINE = states(
    Words("Dịch vụ của các xã đã gián đoạn", "Service of the communes that were interrupted"),
    Words(
        "Chỉ những xã có lúc không bình thường trong khoảng thời gian đang xem. Không có dòng nào: không xã nào gián"
        " đoạn trong thời gian netmon có số liệu.",
        "Only communes that were not well at some time in the period shown. No line: none was interrupted while netmon"
        " told of them.",
    ),
    query(named(f"{COMMUNE_SERVICE} and on (commune) {EVER_INTERRUPTED}"), Words("{{name}}", "{{name_en}}")),
    mappings=numbered(SERVICE),
    width=12,
    height=12,
    no_value=NO_ROWS,
    links=(TO_COMMUNE_OF_SERIES,),
)

BOARD = Dashboard(
    uid="netmon-province",
    title=Words("Toàn tỉnh", "Province overview"),
    about=Words(
        "Kết luận của tỉnh, rồi từng xã: ai mất, từ lúc nào, vì sao, điều gì sắp hỏng.",
        "The province's verdicts, then each commune: who is cut off, since when, why, what is about to fail.",
    ),
    variables=(DATASOURCE, PROVINCE),
    annotations=ANNOTATIONS,
    rows=(
        row(
            Words("Toàn tỉnh", "The province"),
            _SERVICES,
            _OPEN,
            _BATTERY,
            _DOWN,
            _PROVINCE_TARGETS,
            _COMMUNE_TARGETS,
        ),
        row(Words("Các xã", "Communes"), _MAP, _COMMUNES),
        row(Words("Đang có gì hỏng", "What is wrong"), _INCIDENTS),
        row(Words("Diễn biến", "Over time"), _COURSE, _TIMELINE),
    ),
)
