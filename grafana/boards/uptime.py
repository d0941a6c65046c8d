"""Uptime and targets: the month so far, error budgets, availability raw and without events, by target and commune."""

from __future__ import annotations

from grafana.dashboard import Dashboard, row
from grafana.panels import (
    BACKUP,
    BATTERY,
    ISOLATED,
    UNKNOWN,
    UP,
    bars,
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
    values,
)
from grafana.places import (
    ANNOTATIONS,
    COMMUNE_SERVICE,
    DATASOURCE,
    EVER_INTERRUPTED,
    NAME,
    NO_ROWS,
    NOT_KNOWN,
    PROVINCE,
    SERVICE,
    STANDING,
    TITLE,
    TO_COMMUNE,
    TO_COMMUNE_OF_SERIES,
    commune,
    held,
    named,
    numbered,
    ruled,
    series,
    titled,
    tone,
    which,
)
from netmon.model import Words

_C = "~$commune"
_HERE = 'province=~"$province", commune=~"$commune"'
_BY = "commune, target"
_VERDICT = which("netmon_target_verdict", "verdict", STANDING, _HERE, _BY)
_NAMES = Words("{{name}}", "{{name_en}}")
_GREY = ((None, "text"), (1, ISOLATED))


def _of(family: str, rule: str = "availability", how: str = "max", **labels: str) -> str:
    told = f"{how} by ({_BY}) ({held(f'netmon_target_{family}', commune=_C, **labels)})"
    return ruled(told, rule)


# What was available, in words of the target: two figures of the same outages.
_RAW = _of("availability_ratio", how="min", counted="raw")
_WITHOUT = _of("availability_ratio", how="min", counted="without_declared")
_LIMIT = _of("limit")
_SPENT, _BUDGET = _of("error_budget_spent_seconds"), _of("error_budget_seconds")
_PART = f"({_SPENT}) / ({_BUDGET})"
_JUDGED = ruled(_VERDICT, "availability")
_NUMBERS = {name: n for n, (name, _, _) in enumerate(STANDING)}

_MISSED = figure(
    Words("Xã không đạt độ sẵn sàng", "Communes that miss availability"),
    Words(
        "Số xã đã không đạt chỉ tiêu độ sẵn sàng của tháng. Khác 0: bảng bên dưới cho biết xã nào và gián đoạn bao lâu.",
        "Communes that miss the availability target of the month. Not 0: the table below says which, and how long"
        " they were lost.",
    ),
    last(f"sum({_JUDGED} == bool {_NUMBERS['missed']})"),
    steps=_GREY,
)
_RISK = figure(
    Words("Sắp hết ngân sách gián đoạn", "Budget nearly spent"),
    Words(
        "Số xã còn đạt nhưng đã dùng phần lớn thời gian gián đoạn cho phép của tháng. Khác 0: tránh bảo trì ở đó"
        " đến hết tháng.",
        "Communes that meet the target still, with most of the time that they may be lost spent. Not 0: no works"
        " there till the month ends.",
    ),
    last(f"sum({_JUDGED} == bool {_NUMBERS['at_risk']})"),
    steps=((None, "text"), (1, BACKUP)),
)
_UNPROVEN = figure(
    Words("Chưa chứng minh được", "Unproven"),
    Words(
        "Số xã được quan sát quá ít để kết luận. Thường do việc giám sát hơn là do nhà mạng: kiểm tra netmon trước.",
        "Communes of which too little was seen for a verdict. It is more often the monitoring than the operator:"
        " look at netmon first.",
    ),
    last(f"sum({_JUDGED} == bool {_NUMBERS['unproven']})"),
    steps=((None, "text"), (1, UNKNOWN)),
)
_LOWEST = figure(
    Words("Thấp nhất, toàn bộ và trừ sự kiện", "Lowest, raw and without events"),
    Words(
        "Độ sẵn sàng thấp nhất trong các xã của tháng này, tính toàn bộ, và không tính thời gian bão, bảo trì đã"
        " khai báo. Hai số khác nhau là phần do sự kiện.",
        "The lowest availability of the communes this month, of all time, and without declared storms and works."
        " What they differ by is due to events.",
    ),
    last(f"min({_RAW} >= 0)", Words("Toàn bộ", "Raw")),
    last(f"min({_WITHOUT} >= 0)", Words("Trừ sự kiện", "Without events")),
    unit="percentunit",
    decimals=3,
    width=8,
    steps=((None, "text"),),
    options={"textMode": "value_and_name"},
)
_WORST = figure(
    Words("Ngân sách đã dùng, nhiều nhất", "Budget spent, the most"),
    Words(
        "Phần ngân sách gián đoạn của tháng mà xã xấu nhất đã dùng; từ 100 % là không đạt dù phần còn lại của"
        " tháng không gián đoạn.",
        "The share of the month's error budget that the worst commune has spent; from 100 % on the target is"
        " missed whatever the rest of the month brings.",
    ),
    last(f"max({_PART})"),
    unit="percentunit",
    decimals=1,
    steps=((None, UP), (1, ISOLATED)),
)

_NONE_LEFT = ({"type": "range", "options": {"from": None, "to": 0, "result": {"text": Words("Đã hết", "None left")}}},)
_TABLE = table(
    Words("Độ sẵn sàng của tháng theo xã", "Availability of the month by commune"),
    Words(
        "Mỗi xã: kết luận, độ sẵn sàng toàn bộ và trừ bão, bảo trì đã khai báo cạnh nhau, ngưỡng, ngân sách gián"
        " đoạn của tháng và phần đã dùng (trên 100 %: đã vượt), còn lại bao nhiêu, phần của kỳ đã được quan sát. Dùng"
        " nhiều nhất ở trên.",
        "Each commune: the verdict, availability raw and without declared storms and works side by side, the"
        " limit, the month's error budget and the share of it that is spent (above 100 %: overspent), what is left,"
        " the share of the window that was seen. The most spent first.",
    ),
    rows(named(_JUDGED), ref="verdict"),
    rows(_RAW, ref="raw"),
    rows(_WITHOUT, ref="without"),
    rows(_LIMIT, ref="limit"),
    rows(_PART, ref="part"),
    rows(_SPENT, ref="spent"),
    rows(f"({_BUDGET}) - ({_SPENT})", ref="left"),
    rows(_of("coverage_ratio"), ref="coverage"),
    columns={
        NAME: Words("Xã, phường, đặc khu", "Commune"),
        "Value #verdict": Words("Kết luận", "Verdict"),
        "Value #raw": Words("Toàn bộ", "Raw"),
        "Value #without": Words("Trừ sự kiện", "Without events"),
        "Value #limit": Words("Ngưỡng", "Limit"),
        "Value #part": Words("Ngân sách đã dùng", "Budget spent"),
        "Value #spent": Words("Đã gián đoạn", "Lost"),
        "Value #left": Words("Còn được gián đoạn", "May still be lost"),
        "Value #coverage": Words("Đã quan sát", "Seen"),
        "commune": Words("Mã", "Code"),
    },
    width=16,
    height=16,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #verdict", **tone(numbered(STANDING))),
        *(
            override(f"Value #{name}", unit="percentunit", decimals=3, mappings=NOT_KNOWN)
            for name in ("raw", "without", "limit", "coverage")
        ),
        override(
            "Value #part",
            unit="percentunit",
            decimals=0,
            min=0,
            max=1,
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
            color={"mode": "thresholds"},
            thresholds={
                "mode": "absolute",
                "steps": [
                    {"color": UP, "value": None},
                    {"color": ISOLATED, "value": 1},
                ],
            },
        ),
        override("Value #spent", unit="dtdurations"),
        override("Value #left", unit="dtdurations", mappings=_NONE_LEFT),
        override("commune", custom__width=70),
    ),
    options={"sortBy": [{"displayName": Words("Ngân sách đã dùng", "Budget spent"), "desc": True}]},
)
_SPENDERS = bars(
    Words("Ngân sách gián đoạn đã dùng nhiều nhất", "Error budgets spent the most"),
    Words(
        "Mười lăm xã đã dùng nhiều ngân sách gián đoạn của tháng nhất; 100 % là hết. Bấm vào để xem xã.",
        "The fifteen communes that have spent most of their error budget of the month; 100 % is all of it. Click"
        " for the commune.",
    ),
    last(f"sort_desc(topk(15, {named(_PART)}))", _NAMES),
    unit="percentunit",
    decimals=1,
    least=0,
    most=1,
    steps=((None, UP), (1, ISOLATED)),
    width=8,
    height=16,
    links=(TO_COMMUNE_OF_SERIES,),
)

_COURSE = graph(
    Words("Ngân sách đã dùng trong tháng", "Budget spent over the month"),
    Words(
        "Phần ngân sách của mười xã dùng nhiều nhất theo thời gian; nét đứt là hết ngân sách. Dốc đứng: đang gián đoạn.",
        "The share of the budget that the ten biggest spenders have spent, over time; the dashes are all of it. A"
        " steep rise: an outage under way.",
    ),
    query(
        named(f"({_PART}) and on ({_BY}) topk(10, {_PART})"),
        _NAMES,
    ),
    query("vector(1)", Words("Hết ngân sách", "All of it")),
    unit="percentunit",
    least=0,
    fill=0,
    width=8,
    height=10,
    overrides=(limit_line("B"),),
    links=(TO_COMMUNE_OF_SERIES,),
)


def _count(standing: str) -> str:
    one = held("netmon_target_verdict", commune=_C, verdict=standing)
    return f"sum by (target) (max by ({_BY}) ({one}))"


_COLOURS = (("missed", ISOLATED), ("unproven", UNKNOWN), ("at_risk", BACKUP), ("met", UP), ("exempt", BATTERY))
_WORDS = {name: text for name, text, _ in STANDING}
_BY_TARGET = table(
    Words("Theo chỉ tiêu", "By target"),
    Words(
        "Mỗi chỉ tiêu của cấp xã: bao nhiêu xã không đạt, chưa chứng minh được, có nguy cơ, đạt, được miễn. Không"
        " đạt nhiều nhất ở trên; xã nào thì xem ma trận bên dưới.",
        "Each target of the communes: how many miss it, are unproven, at risk, meet it, are exempt. Those missed"
        " most first; the matrix below says by whom.",
    ),
    rows(titled(_count("missed")), ref="missed"),
    *(rows(_count(standing), ref=standing) for standing, _ in _COLOURS[1:]),
    columns={
        TITLE: Words("Chỉ tiêu", "Target"),
        **{f"Value #{standing}": _WORDS[standing] for standing, _ in _COLOURS},
        "target": Words("Mã", "Id"),
    },
    height=10,
    overrides=(
        *(
            override(
                f"Value #{standing}",
                custom__width=86,
                custom__align="right",
                **tone((), ((None, "text"), (1, colour))),
            )
            for standing, colour in _COLOURS
        ),
        override("target", custom__width=140),
    ),
    options={"sortBy": [{"displayName": _WORDS["missed"], "desc": True}, {"displayName": _WORDS["unproven"], "desc": True}]},
)

_SIGNS = values(
    *(
        (_NUMBERS[name], sign, colour)
        for name, sign, colour in (
            ("missed", "✗", ISOLATED),
            ("unproven", "?", UNKNOWN),
            ("at_risk", "▲", BACKUP),
            ("met", "✓", UP),
            ("exempt", "–", BATTERY),
        )
    )
)
_MATRIX = table(
    Words("Theo xã và chỉ tiêu", "By commune and target"),
    Words(
        "Mỗi xã một dòng, mỗi chỉ tiêu một cột: ✓ đạt, ▲ có nguy cơ, ✗ không đạt, ? chưa chứng minh được, – được"
        " miễn. Chọn xã ở đầu trang để thu hẹp.",
        "A line for each commune, a column for each target: ✓ met, ▲ at risk, ✗ missed, ? unproven, – exempt."
        " Choose communes above to see fewer.",
    ),
    rows(named(_VERDICT)),
    columns={NAME: Words("Xã", "Commune"), "target": Words("Chỉ tiêu", "Target"), "Value": ""},
    after=(
        {
            "id": "groupingToMatrix",
            "options": {
                "columnField": Words("Chỉ tiêu", "Target"),
                "rowField": Words("Xã", "Commune"),
                "valueField": "Value",  # with a title of its own every column would have that
                "emptyValue": "null",
            },
        },
    ),
    width=24,
    height=18,
    mappings=_SIGNS,
    custom={"cellOptions": {"type": "color-text"}, "align": "center"},
)

_SELECTED = f"({COMMUNE_SERVICE} and on (commune) {held('netmon_commune_info', commune=_C)})"
_TIMELINE = states(
    Words("Dịch vụ của các UBND đã gián đoạn", "Service of the People's Committees that were interrupted"),
    Words(
        "Chỉ những xã có lúc không bình thường trong khoảng thời gian đang xem: cô lập, không tới được, dùng"
        " đường dự phòng, chưa rõ. Cô lập và không tới được được tính là gián đoạn; đường dự phòng thì không.",
        "Only communes that were not well at some time in the period shown: isolated, unreachable, on backup,"
        " unknown. Isolated and unreachable count as lost; on backup does not.",
    ),
    query(named(f"{_SELECTED} and on (commune) {EVER_INTERRUPTED}"), _NAMES),
    mappings=numbered(SERVICE),
    height=12,
    no_value=NO_ROWS,
    links=(TO_COMMUNE_OF_SERIES,),
)
_PROVINCE = which("netmon_province_target_verdict", "verdict", STANDING, 'province=~"$province"', "target")
_PROVINCE_TIMELINE = states(
    Words("Kết luận cấp tỉnh theo thời gian", "Verdicts on the province over time"),
    Words(
        "Kết luận của từng chỉ tiêu cấp tỉnh trong khoảng thời gian đang xem; đổi màu là lúc có xã đạt hoặc không đạt thêm.",
        "The verdict of each target of the province in the period shown; it changes when communes come to meet or"
        " to miss it.",
    ),
    query(titled(_PROVINCE), Words("{{title_vi}}", "{{title_en}}")),
    mappings=numbered(STANDING),
    width=12,
    height=10,
)
_SEEN = graph(
    Words("Phần đã quan sát, thấp nhất theo chỉ tiêu", "Share that was seen, the lowest by target"),
    Words(
        "Phần của kỳ đã được quan sát, ở xã thấp nhất của mỗi chỉ tiêu. Giảm: netmon không chạy, không hỏi được,"
        " hoặc thiết bị không báo; thiếu thì không kết luận được.",
        "The share of the window that was seen, at the commune of each target where it is lowest. A fall: netmon"
        " did not run, could not ask, or devices do not tell; too little of it proves nothing.",
    ),
    query(
        titled(f"min by (target) ({series('netmon_target_coverage_ratio', commune=_C)})"),
        Words("{{title_vi}}", "{{title_en}}"),
    ),
    unit="percentunit",
    least=0,
    most=1,
    fill=0,
    width=8,
    height=10,
)
_STEADY = graph(
    Words("Độ sẵn sàng thấp nhất, toàn bộ và trừ sự kiện", "Lowest availability, raw and without events"),
    Words(
        "Độ sẵn sàng thấp nhất trong các xã, tính toàn bộ và không tính bão, bảo trì đã khai báo, so với ngưỡng"
        " (nét đứt). Khoảng cách giữa hai đường là phần do sự kiện.",
        "The lowest availability of the communes, raw and without declared storms and works, against the limit"
        " (dashed). The gap between the two is due to events.",
    ),
    query(f"min({_RAW} >= 0)", Words("Toàn bộ", "Raw")),
    query(f"min({_WITHOUT} >= 0)", Words("Trừ sự kiện", "Without events")),
    query(f"max({_LIMIT})", Words("Ngưỡng", "Limit")),
    unit="percentunit",
    most=1,
    fill=0,
    width=8,
    height=10,
    decimals=2,
    overrides=(
        of_query("A", color={"mode": "fixed", "fixedColor": BACKUP}),
        of_query("B", color={"mode": "fixed", "fixedColor": BATTERY}),
        limit_line("C"),
    ),
)

BOARD = Dashboard(
    uid="netmon-uptime",
    title=Words("Độ sẵn sàng và chỉ tiêu", "Uptime and targets"),
    about=Words(
        "Tháng này: ngân sách gián đoạn, độ sẵn sàng toàn bộ và trừ sự kiện, kết luận theo chỉ tiêu và theo xã.",
        "This month: error budgets, availability raw and without events, verdicts by target and by commune.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(several=True)),
    annotations=ANNOTATIONS,
    period="now/M",
    refresh="5m",
    rows=(
        row(Words("Tháng này", "This month"), _MISSED, _RISK, _UNPROVEN, _WORST, _LOWEST, _TABLE, _SPENDERS),
        row(Words("Theo chỉ tiêu", "By target"), _BY_TARGET, _PROVINCE_TIMELINE, _MATRIX),
        row(Words("Dịch vụ theo thời gian", "Service over time"), _TIMELINE),
        row(Words("Diễn biến trong tháng", "Course of the month"), _STEADY, _COURSE, _SEEN),
    ),
)
