"""BTS and power: who is without mains, how long batteries last, generators, temperature, and the operators' own cells."""

from __future__ import annotations

from grafana.boards.dark import BY_SITE, CHARGE, CODE, COMMUNE, LIKELY_ONLY, SITE, SITE_NAME, THIS_SITE, VOLTAGE, goes_dark
from grafana.columns import by, counted, leads, share, state
from grafana.dashboard import Dashboard, Variable, row
from grafana.panels import (
    BACKUP,
    BATTERY,
    ISOLATED,
    UNKNOWN,
    UP,
    Panel,
    Text,
    figure,
    graph,
    last,
    override,
    query,
    rows,
    states,
    table,
    values,
)
from grafana.places import (
    ANNOTATIONS,
    DATASOURCE,
    NAME,
    NO_ROWS,
    POWERED_SITE,
    PROVINCE,
    TO_COMMUNE,
    commune,
    named,
    way,
    with_site,
)
from netmon.model import Words

_PLACE = 'province="$province", commune=~"$commune", site=~"$site"'
_OPERATOR = f'{_PLACE}, operator=~"$operator"'

# A site that no operator is on has no label `operator`, so it is chosen with all of them and never with one.
_CHOSEN = f"and on (site) group by (site) (netmon_carrier_cells{{{_OPERATOR}}} or netmon_site_on_battery{{{_OPERATOR}}})"
_POSITIONS = f"group by (site, operator) (netmon_carrier_cells{{{_OPERATOR}}})"


def _of(family: str, how: str = "max", labels: str = BY_SITE, where: str = "") -> str:
    """PromQL: a family at the chosen sites of the chosen operators, one value a site."""
    return f"({how} by ({labels}) ({family}{{{_PLACE}{where}}}) {_CHOSEN})"


def _cells(state: str = "") -> str:
    """PromQL: cells as their operators tell of them, in one state or in all."""
    where = f', state="{state}"' if state else ""
    return f"max by ({BY_SITE}, operator, technology, state) (netmon_carrier_cells{{{_OPERATOR}{where}}})"


CARRIER = Variable(
    name="operator",
    label=Words("Nhà mạng", "Operator"),
    query='label_values(netmon_carrier_cells{province=~"$province"}, operator)',
    several=True,
    every=True,
)

_HERE_OF_SERIES = way(
    "netmon-power",
    Words("Chỉ xem trạm này", "This site only"),
    "var-commune=${__field.labels.commune}&var-site=${__field.labels.site}",
)
_ITS = way("netmon-power", Words("Chỉ xem nhà mạng này", "This operator only"), "var-operator=${__data.fields.operator}")

_MAINS, _GENERATOR, _FUEL = Words("Điện lưới", "Mains"), Words("Máy phát", "Generator"), Words("Nhiên liệu", "Fuel")
_HOTTEST, _DOOR = Words("Nóng nhất", "Hottest"), Words("Cửa", "Door")
_DOWN, _UNTOLD, _ON_AIR = Words("Ô mất", "Cells down"), Words("Ô chưa rõ", "Cells unknown"), Words("Ô hoạt động", "Cells up")
_OPERATOR_TITLE = Words("Nhà mạng", "Operator")
_UNPOWERED = Words("Mất điện lưới", "Without mains")
_MAINS_STATES = values(
    (0, Words("Mất", "No"), BATTERY), (1, Words("Có", "Yes"), UP), (2, Words("Không giám sát", "Not watched"), UNKNOWN)
)
_RUNNING = values((1, Words("Đang chạy", "Running"), BATTERY), (0, Words("Nghỉ", "Off"), UNKNOWN))
_OPEN = values((1, Words("Mở", "Open"), BACKUP), (0, Words("Đóng", "Closed"), UNKNOWN))

_HEAT = (
    f"max by (province, commune, site, sensor) (netmon_ambient_temperature_celsius{{{_PLACE}}}"
    f" or (netmon_temperature_celsius{{{_PLACE}}} and on (device) netmon_mains_up{{{_PLACE}}}))"
)
"""The air of rooms, and what power controllers say of cabinets and batteries."""

_FIGURES = (
    figure(
        Words("Điểm mất điện lưới", "Sites without mains"),
        Words(
            "Số điểm đang chạy ắc quy hoặc máy phát (netmon_site_on_battery). Khác 0: bảng bên dưới cho biết điểm nào"
            " tắt trước.",
            "Sites on battery or generator (netmon_site_on_battery). Not 0: the table below says which goes dark first.",
        ),
        last(f"sum({_of('netmon_site_on_battery')})"),
        steps=((None, UP), (1, BATTERY)),
    ),
    figure(
        Words("Hết nguồn sớm nhất sau", "First goes dark in"),
        Words(
            "Thời gian khả dĩ còn lại của điểm hết nguồn trước tiên (netmon_site_dark_seconds). Trống: không có ước"
            " tính nào. Việc cần làm: đưa máy phát tới điểm đứng đầu bảng bên dưới.",
            "Probable time left at the site that goes dark first (netmon_site_dark_seconds). Empty: there is no"
            " estimate. What to do: bring a generator to the site at the head of the table below.",
        ),
        last(f"min({_of('netmon_site_dark_seconds', 'min', where=LIKELY_ONLY)})"),
        unit="dtdurations",
        steps=((None, BACKUP),),
    ),
    figure(
        Words("Ắc quy yếu", "Batteries low"),
        Words(
            "Số điểm có thiết bị nguồn báo ắc quy yếu hoặc cạn (netmon_battery_low). Còn điện lưới mà vẫn yếu: thay ắc quy.",
            "Sites whose power device says that the battery is low or empty (netmon_battery_low). Low with mains:"
            " replace it.",
        ),
        last(f"sum({_of('netmon_battery_low')})"),
        steps=((None, UP), (1, ISOLATED)),
    ),
    figure(
        Words("Máy phát đang chạy", "Generators running"),
        Words(
            "Số điểm có máy phát đang cấp điện (netmon_generator_up). Theo dõi nhiên liệu ở bảng Nhiên liệu.",
            "Sites that their generator feeds (netmon_generator_up). Watch their fuel below.",
        ),
        last(f"sum({_of('netmon_generator_up')})"),
        steps=((None, UP), (1, BATTERY)),
    ),
    figure(
        Words("Ô nhà mạng báo mất", "Cells told down"),
        Words(
            "Số ô mà chính nhà mạng báo mất (netmon_carrier_cells). Khác 0: gọi nhà mạng theo bảng Theo nhà mạng.",
            "Cells that their operator says are down (netmon_carrier_cells). Not 0: call the operator of the table below.",
        ),
        last(f"sum({_cells('down')})"),
        steps=((None, UP), (1, ISOLATED)),
    ),
    figure(
        Words("Ô chưa rõ", "Cells unknown"),
        Words(
            "Số ô mà nhà mạng không cho biết: im lặng không phải là hoạt động. Nhiều: đường cấp số liệu của nhà mạng"
            " bị ngắt.",
            "Cells that their operator says nothing of: silence is not up. Many: the operator's feed is away.",
        ),
        last(f"sum({_cells('unknown')})"),
        steps=((None, UP), (1, UNKNOWN)),
    ),
)


_BY_OPERATOR = table(
    Words("Theo nhà mạng", "By operator"),
    Words(
        "Vị trí: cột dùng chung tính một lần cho mỗi nhà mạng. Mất điện: vị trí đang chạy ắc quy. Ô: theo chính nhà"
        " mạng báo (netmon_carrier_cells). Việc cần làm: có ô mất thì gọi nhà mạng; nhiều ô chưa rõ thì kiểm tra đường"
        " cấp số liệu.",
        "Positions: a shared mast counts once for each operator. Without mains: positions on battery. Cells: as the"
        " operator himself says (netmon_carrier_cells). What to do: cells down, call him; many unknown, look at his"
        " feed.",
    ),
    rows(f"count by (operator) ({_POSITIONS})"),
    rows(f"sum by (operator) ({_POSITIONS} * on (site) group_left () max by (site) (netmon_site_on_battery{{{_PLACE}}}))"),
    rows(f"sum by (operator) ({_cells('down')})"),
    rows(f"sum by (operator) ({_cells('unknown')})"),
    rows(f"sum by (operator) ({_cells('up')})"),
    columns={
        "operator": _OPERATOR_TITLE,
        "Value #A": Words("Vị trí", "Positions"),
        "Value #B": _UNPOWERED,
        "Value #C": _DOWN,
        "Value #D": _UNTOLD,
        "Value #E": _ON_AIR,
    },
    overrides=(
        leads(_OPERATOR_TITLE, _ITS),
        counted(_UNPOWERED, BATTERY),
        counted(_DOWN, ISOLATED),
        counted(_UNTOLD, UNKNOWN),
    ),
    options=by(_DOWN, falling=True),
)

_WATCHED = _of("netmon_site_info")
_SITES = table(
    Words("Tất cả các điểm", "All sites"),
    Words(
        "Mỗi điểm một dòng, mất điện lưới ở trên. Không giám sát: chỉ có số liệu ô của nhà mạng. Trống: thiết bị không"
        " cho biết. Nóng nhất: cảm biến nóng nhất của"
        " phòng, tủ hoặc ắc quy. Bấm vào trạm để chỉ xem trạm đó; đủ mọi giá trị kèm thời điểm: netmon site.",
        "A line for each site, those without mains first. Not watched: only operators tell of its cells. Empty: its"
        " device does not tell. Hottest: the hottest sensor"
        " of room, cabinet or battery. A click on the site shows it alone; every value with its age: netmon site.",
    ),
    rows(named(with_site(_WATCHED)), ref="site"),
    rows(f"{_of('netmon_mains_up', 'min')} or 2 * {_WATCHED}", ref="A"),
    rows(_of("netmon_battery_charge_ratio", "min"), ref="B"),
    rows(_of("netmon_battery_voltage_volts", "min"), ref="C"),
    rows(f"max by ({BY_SITE}) ({_HEAT}) {_CHOSEN}", ref="D"),
    rows(_of("netmon_generator_up"), ref="E"),
    rows(_of("netmon_fuel_ratio", "min"), ref="F"),
    rows(_of("netmon_door_open"), ref="G"),
    rows(f"sum by ({BY_SITE}) ({_cells('down')})", ref="H"),
    columns={
        "site": SITE,
        "site_name": SITE_NAME,
        NAME: COMMUNE,
        "commune": CODE,
        "Value #A": _MAINS,
        "Value #B": CHARGE,
        "Value #C": VOLTAGE,
        "Value #D": _HOTTEST,
        "Value #E": _GENERATOR,
        "Value #F": _FUEL,
        "Value #G": _DOOR,
        "Value #H": _DOWN,
    },
    width=24,
    height=12,
    overrides=(
        leads(SITE, THIS_SITE),
        leads(COMMUNE, TO_COMMUNE),
        state(_MAINS, _MAINS_STATES),
        share(CHARGE),
        override(VOLTAGE, unit="volt", decimals=1),
        override(_HOTTEST, unit="celsius", decimals=1),
        state(_GENERATOR, _RUNNING),
        share(_FUEL),
        state(_DOOR, _OPEN),
        counted(_DOWN, ISOLATED),
    ),
    options=by(_MAINS),
)


def _ends(expr: str, ends: str, labels: str) -> str:
    """PromQL: the ten series of `expr` that stand at its `ends` (topk, bottomk) when the shown time is over."""
    # No label that is asked for has a brace in it, so each one closes a selector.
    return f"{expr} and on ({labels}) {ends}(10, {expr.replace('}', '} @ end()')})"


_OVER_TIME = (
    states(
        Words("Mất điện lưới theo thời gian", "Without mains, over time"),
        Words(
            "Chỉ các điểm từng mất điện lưới trong khoảng thời gian đang xem. Mất lặp lại: kiểm tra aptomat, bộ chỉnh lưu.",
            "Only sites that were without mains in the time that is shown. Again and again: look at breaker and rectifier.",
        ),
        query(
            with_site(
                f"max by ({BY_SITE}) (netmon_site_on_battery{{{_PLACE}}}) {_CHOSEN}"
                f" and on (site) (max_over_time(netmon_site_on_battery{{{_PLACE}}}[$__range] @ end()) == 1)"
            ),
            "{{site_name}}",
        ),
        mappings=values((0, Words("Có điện lưới", "Mains"), UP), (1, Words("Ắc quy", "Battery"), BATTERY)),
        links=(_HERE_OF_SERIES,),
        unit="none",
        no_value=NO_ROWS,
    ),
    graph(
        Words("Ắc quy: mười điểm còn ít nhất", "Batteries: the ten with least charge"),
        Words(
            "Phần dung lượng còn lại (netmon_battery_charge_ratio) của mười điểm thấp nhất lúc này. Tụt nhanh hơn các"
            " điểm khác: ắc quy lão hóa, xếp lịch thay.",
            "Charge left (netmon_battery_charge_ratio) of the ten sites with least now. One that falls faster than the"
            " others has an old battery: plan its exchange.",
        ),
        query(with_site(_ends(_of("netmon_battery_charge_ratio", "min"), "bottomk", "site")), "{{site_name}}"),
        unit="percentunit",
        least=0,
        most=1,
        links=(_HERE_OF_SERIES,),
        width=8,
    ),
    graph(
        Words("Nhiệt độ: mười chỗ nóng nhất", "Temperature: the ten hottest places"),
        Words(
            "Phòng máy, tủ và ắc quy nóng nhất lúc này. Tăng đều: điều hòa hoặc quạt hỏng. Chỉ tiêu môi trường được"
            " đánh giá ở bảng Độ sẵn sàng và chỉ tiêu.",
            "The hottest rooms, cabinets and batteries now. A steady rise: the cooling has failed. The target for the"
            " environment is judged on the dashboard of targets.",
        ),
        query(with_site(_ends(f"({_HEAT} {_CHOSEN})", "topk", "site, sensor")), "{{site_name}} {{sensor}}"),
        unit="celsius",
        fill=0,
        links=(_HERE_OF_SERIES,),
        width=8,
    ),
    graph(
        Words("Nhiên liệu: mười điểm còn ít nhất", "Fuel: the ten sites with least"),
        Words(
            "Phần nhiên liệu còn lại của máy phát (netmon_fuel_ratio). Giảm khi máy nghỉ: rò rỉ hoặc mất trộm. Trước"
            " bão phải trên một nửa: netmon readiness.",
            "Fuel left for the generator (netmon_fuel_ratio). Falling while it is off: a leak, or theft. More than"
            " half is wanted before a storm: netmon readiness.",
        ),
        query(with_site(_ends(_of("netmon_fuel_ratio", "min"), "bottomk", "site")), "{{site_name}}"),
        unit="percentunit",
        least=0,
        most=1,
        fill=0,
        links=(_HERE_OF_SERIES,),
        width=8,
    ),
    graph(
        Words("Ô hoạt động theo nhà mạng", "Cells on air, by operator"),
        Words(
            "Tỷ lệ ô mà nhà mạng báo hoạt động trong số ô của họ. Ô chưa rõ không tính là hoạt động. Rơi đột ngột: mất"
            " trạm hoặc mất đường cấp số liệu; bảng Theo nhà mạng cho biết cái nào.",
            "Share of an operator's cells that he says are up; unknown ones are not. A sudden fall: stations lost, or"
            " his feed; the table by operator tells which.",
        ),
        query(
            f"sum by (operator) ({_cells('up')}) / sum by (operator) ({_cells()})",
            "{{operator}}",
        ),
        unit="percentunit",
        least=0,
        most=1,
        fill=0,
    ),
)


def _curve(title: Text, about: Text, family: str, unit: str, labels: str = "site, device") -> Panel:
    """A family at the chosen sites over time."""
    told = " ".join(f"{{{{{label}}}}}" for label in labels.split(", ")[1:])
    return graph(
        title, about, query(f"max by ({labels}) ({family}{{{_PLACE}}}) {_CHOSEN}", told), unit=unit, width=8, fill=0
    )


_ONE = (
    _curve(
        Words("Điện áp lưới", "Mains voltage"),
        Words("Điện áp từng pha. Về 0: mất điện lưới.", "Voltage of each phase. At 0 the mains are gone."),
        "netmon_mains_voltage_volts",
        "volt",
        "site, device, sensor",
    ),
    _curve(
        Words("Điện áp ắc quy", "Battery voltage"),
        Words(
            "Nguồn 48 V ngắt tải ở khoảng 43 V, ắc quy lithium khoảng 46 V. Xuống dốc nhanh: sắp tắt.",
            "A plant of 48 V disconnects near 43 V, with lithium near 46 V. A steep fall: it is nearly over.",
        ),
        "netmon_battery_voltage_volts",
        "volt",
    ),
    _curve(
        Words("Dòng ắc quy", "Battery current"),
        Words("Dương khi nạp, âm khi phóng.", "Positive while it charges, negative while it discharges."),
        "netmon_battery_current_amperes",
        "amp",
    ),
    _curve(
        Words("Dòng tải", "Load"),
        Words("Dòng mà thiết bị tại điểm tiêu thụ.", "What the equipment of the site draws."),
        "netmon_load_current_amperes",
        "amp",
    ),
    _curve(
        Words("Dòng bộ chỉnh lưu", "Rectifiers"),
        Words(
            "Tổng dòng các bộ chỉnh lưu. Bằng 0 khi có điện lưới: chỉnh lưu hỏng.",
            "What all rectifiers give. 0 with mains: they have failed.",
        ),
        "netmon_rectifier_current_amperes",
        "amp",
    ),
    _curve(
        Words("Ắc quy còn lại theo thiết bị", "Battery time, by the device"),
        Words(
            "Thời gian mà chính thiết bị tính. Đứng yên: đó chỉ là cài đặt, netmon không tin.",
            "What the device itself reckons. One that never falls is a setting, and netmon does not believe it.",
        ),
        "netmon_battery_remaining_seconds",
        "dtdurations",
    ),
)

BOARD = Dashboard(
    uid="netmon-power",
    title=Words("Trạm BTS và nguồn điện", "BTS and power"),
    about=Words(
        "Điểm nào mất điện lưới, còn bao lâu thì tắt, máy phát, nhiên liệu, nhiệt độ, và ô của từng nhà mạng.",
        "Which sites are without mains, how long they last, generators, fuel, temperature, and the cells of each operator.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(several=True), POWERED_SITE, CARRIER),
    rows=(
        row(Words("Lúc này", "Now"), *_FIGURES, goes_dark(_PLACE, _CHOSEN, width=24)),
        row(Words("Nhà mạng và các điểm", "Operators and sites"), _BY_OPERATOR, _OVER_TIME[-1], _SITES),
        row(Words("Theo thời gian", "Over time"), *_OVER_TIME[:-1]),
        row(Words("Từng điểm (chọn ở trên)", "Site by site (choose above)"), *_ONE, closed=True),
    ),
    annotations=ANNOTATIONS,
    tags=("power",),
)
