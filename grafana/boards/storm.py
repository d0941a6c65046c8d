"""The storm room: how far a storm is, whom it cuts off, who goes dark next, who is back, and the figures of the report."""

from __future__ import annotations

from grafana.boards.dark import goes_dark
from grafana.boards.sitrep import HERE, LOST, NOTHING, OPERATORS, REPORT
from grafana.columns import by, counted, lasting, leads, state
from grafana.dashboard import Dashboard, Variable, row
from grafana.panels import (
    BACKUP,
    BATTERY,
    ISOLATED,
    UNREACHABLE,
    UP,
    figure,
    graph,
    last,
    of_query,
    override,
    province_map,
    query,
    rows,
    table,
    values,
)
from grafana.places import (
    ANNOTATIONS,
    CAUSE,
    CAUSES_IN_WORDS,
    COMMUNE_SERVICE,
    DATASOURCE,
    INCIDENT_OF_COMMUNE,
    NAME,
    NO_ROWS,
    PROVINCE,
    SERVICE,
    TO_COMMUNE,
    held,
    named,
    numbered,
    of_committee,
    way,
    worded,
)
from netmon.model import Words

_OF_STORM = f'{HERE}, storm=~"$storm"'
_DECLARED = f'max by (storm) (netmon_storm_phase{{{_OF_STORM}, phase=~"prepare|impact|recover"}}) == 1'
# With "All" the room is of every declared storm, and of the whole province where none is.
STORM = Variable(
    name="storm",
    label=Words("Cơn bão", "Storm"),
    query='label_values(netmon_storm_info{province=~"$province"}, storm)',
    several=True,
    every=True,
)

_PHASE = (
    f'max by (storm) (1 * (netmon_storm_phase{{{_OF_STORM}, phase="prepare"}} == 1)'
    f' or 2 * (netmon_storm_phase{{{_OF_STORM}, phase="impact"}} == 1)'
    f' or 3 * (netmon_storm_phase{{{_OF_STORM}, phase="recover"}} == 1))'
)
_PHASES = values(
    (0, Words("Không có bão", "No storm"), UP),
    (1, Words("Chuẩn bị", "Prepare"), BATTERY),
    (2, Words("Đang ảnh hưởng", "Impact"), ISOLATED),
    (3, Words("Khôi phục", "Recover"), BACKUP),
)
_LEFT = f"min by (storm) (netmon_storm_end_timestamp_seconds{{{_OF_STORM}}}) - time() and on (storm) ({_DECLARED})"


_EACH = {"netmon_storm_communes": "storm, state", "netmon_storm_devices_down": "storm, cause"}


def _of_storms(family: str, where: str = "") -> str:
    """PromQL: the sum of a family over its states or causes, by declared storm; of two netmons the greater word."""
    told = f"max by ({_EACH.get(family, 'storm')}) ({family}{{{_OF_STORM}{where}}})"
    return f"sum by (storm) ({told}) and on (storm) ({_DECLARED})"


def _taken(family: str, elsewhere: str, where: str = "") -> str:
    """PromQL: what each declared storm has taken; where there is none, `elsewhere`, which is of the whole province."""
    return f"{_of_storms(family, where)} or on () {elsewhere}"


def _served(states: str) -> str:
    """PromQL: communes by the service of their People's Committee."""
    where = f', state=~"{states}"'
    province = f"sum(max by (state) (netmon_communes{{{HERE}{where}}}))"
    return _taken("netmon_storm_communes", province, where)


_BACK = f'max by (site) (netmon_site_service{{{HERE}, state=~"up|on_backup"}}) == 1'
_RESTORED = of_committee(f"max by (commune, site) (max_over_time({LOST}[$__range])) == 1 and on (site) ({_BACK})")
_STORM_NAME, _LEVEL, _DRILL = Words("Cơn bão", "Storm"), Words("Cấp độ rủi ro", "Level"), Words("Diễn tập", "Exercise")
_STAGE, _ENDS, _TAKEN = Words("Giai đoạn", "Phase"), Words("Còn", "Ends in"), Words("Thiết bị mất", "Devices down")
_ISOLATED, _ON_BACKUP = Words("Xã cô lập", "Isolated"), Words("Xã dùng dự phòng", "On backup")
_DARK_SITES = Words("Điểm mất điện lưới", "Without mains")
_COMMUNE, _CODE, _SERVICE = Words("Xã, phường, đặc khu", "Commune"), Words("Mã xã", "Code"), Words("Dịch vụ", "Service")
_SINCE, _FOR = Words("Từ lúc", "Since"), Words("Kéo dài", "For")
_CAUSE, _OPERATOR, _CIRCUIT = Words("Nguyên nhân", "Cause"), Words("Nhà mạng", "Operator"), Words("Mã kênh", "Circuit")
_EXERCISE = values(("yes", Words("DIỄN TẬP", "EXERCISE"), BATTERY), ("no", Words("Không", "No"), "text"))

_TO_POWER = way("netmon-power", Words("Xem nguồn điện", "See the power"), "var-site=$__all&var-commune=$__all")

_FIGURES = (
    figure(
        Words("Giai đoạn", "Phase"),
        Words(
            "Giai đoạn của cơn bão đã khai báo: chuẩn bị, đang ảnh hưởng, khôi phục. Khai báo và kết thúc bằng netmon"
            " storm. Không có bão thì cả phòng này cho số liệu toàn tỉnh.",
            "The phase of the declared storm: prepare, impact, recover. Declared and ended with netmon storm. Without"
            " a storm the whole room tells of the province.",
        ),
        last(f"{_PHASE} or on () {NOTHING}", "{{storm}}"),
        mappings=_PHASES,
        unit="none",
    ),
    figure(
        Words("Hết hạn khai báo sau", "Ends in"),
        Words(
            "Thời gian còn lại đến lúc kết thúc đã khai báo; khi khôi phục, đến ngày tự hết hạn. Sắp hết mà bão chưa"
            " qua: netmon storm update --until.",
            "Time until the declared end; in recovery, until it expires by itself. Nearly over and the storm is not:"
            " netmon storm update --until.",
        ),
        last(_LEFT, "{{storm}}"),
        unit="dtdurations",
        steps=((None, ISOLATED), (0, BACKUP)),
    ),
    figure(
        Words("Xã cô lập trong vùng", "Cut off in the area"),
        Words(
            "Xã trong vùng bão (toàn tỉnh khi không có bão) mà UBND bị cô lập hoặc không tới được. Khác 0: bảng bên dưới,"
            " của toàn tỉnh, cho biết xã nào, từ bao giờ, gọi nhà mạng nào.",
            "Communes of the storm's area (of the province without a storm) whose People's Committee is isolated or"
            " unreachable. Not 0: the table below, which is of the province, says which, since when, and whom to call.",
        ),
        last(_served("isolated|unreachable"), "{{storm}}"),
        steps=((None, UP), (1, ISOLATED)),
    ),
    figure(
        Words("Xã dùng dự phòng trong vùng", "On backup in the area"),
        Words(
            "Xã trong vùng bão chỉ còn đường dự phòng: vẫn liên lạc được, nhưng mất thêm một tuyến là cô lập.",
            "Communes of the area that have only their backup left: connected, and isolated by the next loss.",
        ),
        last(_served("on_backup"), "{{storm}}"),
        steps=((None, UP), (1, BACKUP)),
    ),
    figure(
        Words("Mất điện lưới trong vùng", "Without mains in the area"),
        Words(
            "Điểm trong vùng bão đang chạy ắc quy hoặc máy phát. Điểm nào tắt trước: bảng Hết nguồn tiếp theo.",
            "Sites of the area on battery or generator. Which goes dark first: the table below.",
        ),
        last(_taken("netmon_storm_sites_on_battery", f"sum(max by (site) (netmon_site_on_battery{{{HERE}}}))"), "{{storm}}"),
        steps=((None, UP), (1, BATTERY)),
        links=(_TO_POWER,),
    ),
    figure(
        Words("Xã đã khôi phục, toàn tỉnh", "Restored, of the province"),
        Words(
            "Xã từng mất liên lạc trong khoảng thời gian đang xem và nay đã có lại (kể cả qua đường dự phòng).",
            "Communes that were cut off in the time that is shown and are back, be it on their backup.",
        ),
        last(f"count({_RESTORED}) or {NOTHING}"),
        steps=((None, "text"), (1, UP)),
    ),
)

_STORMS = table(
    Words("Các cơn bão đã khai báo", "Declared storms"),
    Words(
        "Mỗi cơn bão một dòng: cấp độ rủi ro theo Quyết định 18/2021/QĐ-TTg, giai đoạn, còn bao lâu, và đã mất những"
        " gì trong vùng. Diễn tập không giải thích cho mất liên lạc nào.",
        "A line for each storm: its level by Decision 18/2021/QĐ-TTg, its phase, how long it lasts, and what it has"
        " taken in its area. An exercise explains no loss.",
    ),
    rows(
        f"topk by (storm) (1, max by (storm, name, level, exercise) (netmon_storm_info{{{_OF_STORM}}}))"
        f" * on (storm) group_left () ({_PHASE})"
    ),
    rows(_LEFT),
    rows(_of_storms("netmon_storm_communes", ', state=~"isolated|unreachable"')),
    rows(_of_storms("netmon_storm_communes", ', state="on_backup"')),
    rows(_of_storms("netmon_storm_devices_down")),
    rows(_of_storms("netmon_storm_sites_on_battery")),
    columns={
        "name": _STORM_NAME,
        "level": _LEVEL,
        "exercise": _DRILL,
        "Value #A": _STAGE,
        "Value #B": _ENDS,
        "Value #C": _ISOLATED,
        "Value #D": _ON_BACKUP,
        "Value #E": _TAKEN,
        "Value #F": _DARK_SITES,
    },
    width=24,
    height=5,
    overrides=(
        state(_DRILL, _EXERCISE),
        state(_STAGE, _PHASES),
        lasting(_ENDS, BACKUP),
        counted(_ISOLATED, ISOLATED),
        counted(_ON_BACKUP, BACKUP),
        counted(_TAKEN, ISOLATED),
        counted(_DARK_SITES, BATTERY),
    ),
    options=by(_ENDS),
    no_value=NO_ROWS,
)

_STARTED = of_committee(f"max by (commune, site) ({held('netmon_site_service_start_timestamp_seconds')})")
_NOT_WELL = f"({COMMUNE_SERVICE} > 0)"
_HURT = table(
    Words("Xã đang gián đoạn, toàn tỉnh", "Communes that are not well, of the province"),
    Words(
        "Xã cô lập ở trên, rồi xã không tới được, dùng dự phòng, chưa rõ; từ lúc nào, nguyên nhân, dù gốc ở nơi khác,"
        " và mã kênh để gọi nhà mạng (khi gốc là một tuyến). Bấm vào tên để xem xã.",
        "Isolated communes first, then unreachable ones, those on backup, those unknown; since when, by what cause, be"
        " its root elsewhere, and the circuit to call about (where the root is a link). A click on the name shows the"
        " commune.",
    ),
    rows(named(_NOT_WELL)),
    rows(f"1000 * max by (commune) ({_STARTED}) and on (commune) {_NOT_WELL}"),
    rows(f"time() - max by (commune) ({_STARTED}) and on (commune) {_NOT_WELL}"),
    rows(f"max by (commune, cause, operator, circuit) ({INCIDENT_OF_COMMUNE} and on (commune) {_NOT_WELL})"),
    columns={
        NAME: _COMMUNE,
        "commune": _CODE,
        "Value #A": _SERVICE,
        "Value #B": _SINCE,
        "Value #C": _FOR,
        "cause": _CAUSE,
        "operator": _OPERATOR,
        "circuit": _CIRCUIT,
    },
    overrides=(
        state(_SERVICE, numbered(SERVICE), 175),
        override(_SINCE, unit="dateTimeAsIsoNoDateIfToday"),
        lasting(_FOR),
        override(_CAUSE, mappings=list(CAUSE)),
    ),
    options=by(_SERVICE, falling=True),
    no_value=NO_ROWS,
    links=(TO_COMMUNE,),
    width=14,
    height=11,
)

_BACK_AGAIN = table(
    Words("Các xã đã khôi phục, toàn tỉnh", "Communes restored, of the province"),
    Words(
        "Xã từng mất liên lạc trong khoảng thời gian đang xem và nay đã có lại, mới nhất ở trên. Đưa vào báo cáo"
        " nhanh; còn dùng dự phòng thì chưa xong.",
        "Communes that were cut off in the time that is shown and are back, the latest first. They go into the report;"
        " one on its backup is not done with.",
    ),
    rows(named(f"max by (commune) ({_RESTORED})")),
    rows(f"1000 * max by (commune) ({_STARTED}) and on (commune) {_RESTORED}"),
    rows(f"{COMMUNE_SERVICE} and on (commune) {_RESTORED}"),
    columns={NAME: _COMMUNE, "commune": _CODE, "Value #B": Words("Khôi phục lúc", "Back at"), "Value #C": _SERVICE},
    overrides=(
        leads(_COMMUNE, TO_COMMUNE),
        override(Words("Khôi phục lúc", "Back at"), unit="dateTimeAsIsoNoDateIfToday"),
        state(_SERVICE, numbered(SERVICE), 175),
    ),
    options=by(Words("Khôi phục lúc", "Back at"), falling=True),
    no_value=NO_ROWS,
)

_MAP = province_map(
    Words("Bản đồ: dịch vụ của các xã, toàn tỉnh", "Map: the service of the communes, of the province"),
    Words(
        "Mỗi điểm là UBND một xã, màu theo dịch vụ; xã không bình thường có tên. Bấm vào điểm để xem xã. Nền để trống"
        " để không có yêu cầu nào ra ngoài mạng; cách thêm bản đồ của tỉnh: grafana/README.md.",
        "Each point is the People's Committee of a commune, coloured by its service; those that are not well have"
        " their name. Click one to see the commune. The ground is empty so that nothing is asked from outside; how to"
        " add the province's own map: grafana/README.md.",
    ),
    rows(
        f'label_replace({named(_NOT_WELL)}, "trouble", "$1", "name", "(.*)") or on (commune) {named(COMMUNE_SERVICE)}',
        ref="service",
    ),
    rows(f"max by (commune) ({held('netmon_commune_latitude_degrees')})", ref="lat"),
    rows(f"max by (commune) ({held('netmon_commune_longitude_degrees')})", ref="lon"),
    colour="Value #service",
    label="trouble",
    mappings=numbered(SERVICE),
    width=10,
    height=11,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #service", displayName=_SERVICE, color={"mode": "thresholds"}),
        override("trouble", displayName=Words("Cần xem", "In trouble"), noValue=" "),
    ),
)


def _coloured(ref: str, colour: str) -> dict[str, object]:
    return of_query(ref, color={"mode": "fixed", "fixedColor": colour})


_STACKED = {"stacking": {"mode": "normal", "group": "A"}, "lineWidth": 1}
_COURSE = (
    graph(
        Words("Diễn biến: xã gián đoạn", "Course: communes that are not well"),
        Words(
            "Số xã cô lập, không tới được và dùng dự phòng theo thời gian: cộng các vùng bão, hoặc toàn tỉnh khi không có"
            " bão. Đang giảm là đang khôi phục.",
            "Communes isolated, unreachable and on backup over time: of all storms' areas, or of the province without a"
            " storm. Falling: they come back.",
        ),
        *(
            query(f"sum({_served(told)})", words, ref=told)
            for told, words, _ in reversed(SERVICE)
            if told in ("isolated", "unreachable", "on_backup")
        ),
        custom=_STACKED,
        fill=60,
        least=0,
        overrides=(
            _coloured("isolated", ISOLATED),
            _coloured("unreachable", UNREACHABLE),
            _coloured("on_backup", BACKUP),
        ),
        decimals=0,
    ),
    graph(
        Words("Thiết bị mất theo nguyên nhân", "Devices down, by cause"),
        Words(
            "Thiết bị trong vùng bão đã mất, theo nguyên nhân netmon tìm ra; khi không có bão: mọi thiết bị mất của"
            " tỉnh. Mất điện: điều máy phát; đứt cáp: gọi nhà mạng; mất theo tuyến trên: có lại cùng tuyến ấy.",
            "Devices of the area that are down, by the cause that netmon found; without a storm: all of the province."
            " Power: send generators; fibre: call the operator; upstream: they come back with what they hang on.",
        ),
        query(
            f"sum by (cause) (max by (storm, cause) (netmon_storm_devices_down{{{_OF_STORM}}}) and on (storm) ({_DECLARED}))"
            f' or on () label_replace(sum(max by (device) (netmon_device_up{{{HERE}}}) == bool 0), "cause", "any", "", "")',
            "{{cause}}",
        ),
        transformations=(
            *CAUSES_IN_WORDS,
            *worded({"any": Words("Toàn tỉnh, mọi nguyên nhân", "All of the province")}),
        ),
        custom=_STACKED,
        fill=60,
        least=0,
        decimals=0,
    ),
)


BOARD = Dashboard(
    uid="netmon-storm",
    title=Words("Phòng bão", "Storm room"),
    about=Words(
        "Bão ở giai đoạn nào, còn bao lâu, xã nào cô lập hoặc dùng dự phòng, điểm nào sắp hết nguồn, nơi nào đã khôi"
        " phục, và số liệu báo cáo nhanh. Không có bão: như vậy cho toàn tỉnh.",
        "What phase the storm is in and for how long, who is isolated or on backup, who goes dark next, who is back,"
        " and the figures of the situation report. Without a storm: the same of the province.",
    ),
    variables=(DATASOURCE, PROVINCE, STORM),
    rows=(
        row(Words("Bão", "Storm"), *_FIGURES, _STORMS),
        row(Words("Ai bị ảnh hưởng", "Whom it hits"), _HURT, _MAP, goes_dark(HERE, width=24)),
        row(Words("Báo cáo nhanh", "Situation report"), REPORT, OPERATORS, _BACK_AGAIN),
        row(Words("Diễn biến", "Course"), *_COURSE),
    ),
    annotations=ANNOTATIONS,
    period="now-12h",
    refresh="10s",
    tags=("storm",),
)
