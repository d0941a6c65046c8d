"""Capacity: which links are full, which will be and when, and how traffic grows."""

from __future__ import annotations

from grafana.dashboard import Dashboard, row
from grafana.panels import (
    BACKUP,
    ISOLATED,
    UNKNOWN,
    UP,
    bars,
    figure,
    graph,
    last,
    of_query,
    override,
    query,
    rows,
    table,
)
from grafana.places import (
    ANNOTATIONS,
    DATASOURCE,
    IN_PROVINCE,
    LINK_KINDS,
    NAME,
    NO_ROWS,
    NOT_KNOWN,
    OPERATOR,
    PROVINCE,
    STANDING,
    TITLE,
    TO_COMMUNE,
    TO_COMMUNE_OF_SERIES,
    TO_LINK,
    commune,
    held,
    hidden,
    info,
    measured,
    named,
    numbered,
    ruled,
    series,
    titled,
    tone,
    which,
    written,
)
from netmon.model import Words

_C, _O = "~$commune", "~$operator"
_RULE = "percentile_utilisation"

# The link that is judged: the primary one of the commune, of the chosen operators. A commune has one row.
_PRIMARY = held("netmon_link_info", commune=_C, operator=_O, role="primary")
_OF_OPERATORS = f"and on (commune) {_PRIMARY}"


def _figure(family: str, rule: str = _RULE) -> str:
    told = f"max by (commune, target) ({held(f'netmon_target_{family}', commune=_C)})"
    return f"max by (commune) ({ruled(told, rule)} {_OF_OPERATORS})"


_P95, _LIMIT = _figure("value"), _figure("limit")
_OF_LIMIT = f"({_P95}) / ({_LIMIT})"
_VERDICTS = which("netmon_target_verdict", "verdict", STANDING, f'{IN_PROVINCE}, commune=~"$commune"', "commune, target")
_VERDICT = f"max by (commune) ({ruled(_VERDICTS, _RULE)} {_OF_OPERATORS})"
_CROSSING = f"min by (commune, target) ({held('netmon_target_limit_crossing_seconds', commune=_C)})"
_DAYS = f"(min by (commune) ({ruled(_CROSSING, _RULE)} {_OF_OPERATORS}) / 86400 or on (commune) 0 * {_LIMIT} + Inf)"
_GROWN = f"max by (commune, target) (delta({series('netmon_target_value', commune=_C)}[7d]))"
_GREY = ((None, "text"), (1, ISOLATED))
_HELD = ((None, UP), (1, ISOLATED))


def _standing(number: int) -> str:
    return f"sum({_VERDICT} == bool {number})"


_NUMBERS = {name: n for n, (name, _, _) in enumerate(STANDING)}

_FULL = figure(
    Words("Xã có tuyến vượt ngưỡng", "Communes with a full link"),
    Words(
        "Số xã không đạt chỉ tiêu phân vị 95 của 7 ngày. Khác 0: bảng xếp hạng cho biết xã nào, tuyến của ai; cần"
        " nâng dung lượng.",
        "Communes that miss the target on the 95th percentile of 7 days. Not 0: the league table says which and"
        " whose; the contract needs more capacity.",
    ),
    last(_standing(_NUMBERS["missed"])),
    steps=_GREY,
)
_RISK = figure(
    Words("Xã có nguy cơ", "Communes at risk"),
    Words(
        "Số xã còn đạt nhưng gần ngưỡng hoặc sẽ vượt ngưỡng theo xu hướng. Khác 0: lên kế hoạch nâng dung lượng.",
        "Communes that meet the target still, and are near the limit or will cross it by their trend. Not 0: plan"
        " for more capacity.",
    ),
    last(_standing(_NUMBERS["at_risk"])),
    steps=((None, "text"), (1, BACKUP)),
)
_BLIND = figure(
    Words("Xã chưa chứng minh được", "Communes unproven"),
    Words(
        "Số xã không đủ số đo để kết luận. Khác 0: kiểm tra việc giám sát cổng của tuyến, xem bảng tuyến không có số đo.",
        "Communes without enough figures for a verdict. Not 0: look at how the ports are watched, see the table"
        " of links without figures.",
    ),
    last(_standing(_NUMBERS["unproven"])),
    steps=((None, "text"), (1, UNKNOWN)),
)
_HIGHEST = figure(
    Words("Phân vị 95 cao nhất", "Highest 95th percentile"),
    Words(
        "Phân vị 95 của 7 ngày, cao nhất trong các xã, so với dung lượng theo hợp đồng; màu theo ngưỡng của chỉ"
        " tiêu thì xem ô bên cạnh.",
        "The highest 95th percentile of 7 days among the communes, against the contracted capacity; the figure"
        " beside it holds it against the limit.",
    ),
    last(f"max({_P95})"),
    unit="percentunit",
    decimals=1,
    steps=((None, "text"),),
)
_HIGHEST_OF = figure(
    Words("So với ngưỡng", "Against the limit"),
    Words(
        "Con số ấy chia cho ngưỡng của chỉ tiêu; từ 100 % là không đạt.",
        "That figure divided by the limit of the target; from 100 % on it is missed.",
    ),
    last(f"max({_OF_LIMIT})"),
    unit="percentunit",
    decimals=1,
    steps=_HELD,
)
_SOONEST = figure(
    Words("Vượt ngưỡng sớm nhất (ngày)", "Soonest over a limit (days)"),
    Words(
        "Bao nhiêu ngày nữa chỉ tiêu đầu tiên của một xã vượt ngưỡng theo xu hướng: phân vị 95 hoặc độ dự trữ"
        " quang. Xem bảng bên dưới.",
        "In how many days the first target of a commune crosses its limit by its trend: the 95th percentile or an"
        " optical margin. See the table below.",
    ),
    last(f"min({_CROSSING}) / 86400"),
    unit="short",
    decimals=0,
    steps=((None, "text"),),
)

_LEAGUE = bars(
    Words("Đầy nhất so với ngưỡng", "Fullest against the limit"),
    Words(
        "Mười lăm xã có phân vị 95 gần hoặc vượt ngưỡng nhất; 100 % là đúng ngưỡng của chỉ tiêu. Bấm vào để xem xã.",
        "The fifteen communes whose 95th percentile is nearest to or above the limit; 100 % is the limit of the"
        " target. Click for the commune.",
    ),
    last(f"sort_desc(topk(15, {named(_OF_LIMIT)}))", Words("{{name}}", "{{name_en}}")),
    unit="percentunit",
    decimals=0,
    least=0,
    steps=_HELD,
    width=8,
    height=16,
    links=(TO_COMMUNE_OF_SERIES,),
)
_TABLE = table(
    Words("Xếp hạng phân vị 95", "League of 95th percentiles"),
    Words(
        "Mỗi xã: phân vị 95 của 7 ngày (tuyến xấu nhất của xã, chiều cao hơn) và phần so với ngưỡng, tăng trong 7"
        " ngày, bao nhiêu ngày nữa thì đầy theo xu hướng (∞: không đầy, hoặc chưa đủ 28 ngày để biết), tuyến"
        " chính và nhà mạng. Đầy nhất ở trên.",
        "Each commune: the 95th percentile of 7 days (its worst link, the higher direction) and its share of the"
        " limit, how much it grew in 7 days, in how many days it is full by its trend (∞: never, or fewer than 28"
        " days to tell by), its primary link and the operator. The fullest first.",
    ),
    rows(named(_P95), ref="p95"),
    rows(_OF_LIMIT, ref="of"),
    rows(_VERDICT, ref="verdict"),
    rows(f"max by (commune) ({ruled(_GROWN, _RULE)} {_OF_OPERATORS})", ref="grown"),
    rows(_DAYS, ref="days"),
    rows(
        f"topk by (commune) (1, {info('link', 'commune, operator, kind', commune=_C, operator=_O, role='primary')})",
        ref="link",
    ),
    columns={
        NAME: Words("Xã, phường, đặc khu", "Commune"),
        "Value #p95": Words("Phân vị 95", "95th percentile"),
        "Value #of": Words("So với ngưỡng", "Of the limit"),
        "Value #verdict": Words("Kết luận", "Verdict"),
        "Value #grown": Words("Tăng 7 ngày", "Grown in 7 days"),
        "Value #days": Words("Đầy sau (ngày)", "Full in (days)"),
        "link": Words("Tuyến chính", "Primary link"),
        "operator": Words("Nhà mạng", "Operator"),
        "kind": Words("Loại", "Kind"),
        "commune": Words("Mã", "Code"),
    },
    width=16,
    height=16,
    links=(TO_LINK, TO_COMMUNE),
    overrides=(
        override("Value #p95", unit="percentunit", decimals=1, mappings=NOT_KNOWN),
        override(
            "Value #of",
            unit="percentunit",
            decimals=0,
            min=0,
            max=1,
            mappings=NOT_KNOWN,
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
            color={"mode": "thresholds"},
            thresholds={"mode": "absolute", "steps": [{"color": colour, "value": at} for at, colour in _HELD]},
        ),
        override("Value #verdict", **tone(numbered(STANDING))),
        override("Value #grown", unit="percentunit", decimals=2, mappings=NOT_KNOWN),
        override("Value #days", unit="short", decimals=0),
        override("kind", mappings=LINK_KINDS),
        override("commune", custom__width=70),
    ),
    options={"sortBy": [{"displayName": Words("So với ngưỡng", "Of the limit"), "desc": True}]},
)


_SOON = table(
    Words("Sẽ vượt ngưỡng theo xu hướng", "Will cross their limits"),
    Words(
        "Chỉ tiêu nào của xã nào sẽ vượt ngưỡng sau bao nhiêu ngày, theo xu hướng của những tuần qua: phân vị 95"
        " (tuyến đầy) hoặc độ dự trữ quang (cáp suy hao). Gần nhất ở trên: đặt nâng dung lượng hoặc sửa cáp trước"
        " ngày ấy.",
        "Which target of which commune crosses its limit in how many days, by the trend of the last weeks: the"
        " 95th percentile (the link is full) or the optical margin (the fibre fades). The soonest first: order"
        " capacity or mend the fibre before that day.",
    ),
    rows(titled(named(f"{_CROSSING} / 86400")), ref="days"),
    rows(
        written(
            f"max by (commune, target) ({held('netmon_target_value', commune=_C)}) and on (commune, target) {_CROSSING}",
            "value",
            "commune, target",
        ),
        ref="value",
    ),
    rows(
        written(
            f"max by (commune, target) ({held('netmon_target_limit', commune=_C)}) and on (commune, target) {_CROSSING}",
            "limit",
            "commune, target",
        ),
        ref="limit",
    ),
    columns={
        "Value #days": Words("Sau (ngày)", "In (days)"),
        NAME: Words("Xã", "Commune"),
        TITLE: Words("Chỉ tiêu", "Target"),
        "value": Words("Đo được", "Measured"),
        "limit": Words("Ngưỡng", "Limit"),
        "commune": Words("Mã", "Code"),
    },
    height=9,
    no_value=NO_ROWS,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #days", unit="short", decimals=0, custom__width=100),
        override("commune", custom__width=70),
    ),
    options={"sortBy": [{"displayName": Words("Sau (ngày)", "In (days)"), "desc": False}]},
)
_REGISTERED = table(
    Words("Tăng so với đăng ký năm trước", "Grown since last year's registration"),
    Words(
        "Số kênh và băng thông của xã tăng bao nhiêu so với đăng ký hằng năm, so với ngưỡng của chỉ tiêu. Không"
        " đạt: cần giải trình.",
        "How much the links and the bandwidth of a commune have grown since the yearly registration, against the"
        " limit of the target. Missed: a justification is due.",
    ),
    rows(named(_figure("value", "growth")), ref="grown"),
    rows(_figure("limit", "growth"), ref="limit"),
    rows(f"max by (commune) ({ruled(_VERDICTS, 'growth')} {_OF_OPERATORS})", ref="verdict"),
    columns={
        NAME: Words("Xã", "Commune"),
        "Value #verdict": Words("Kết luận", "Verdict"),
        "Value #grown": Words("Tăng", "Grown"),
        "Value #limit": Words("Ngưỡng", "Limit"),
        "commune": Words("Mã", "Code"),
    },
    height=9,
    links=(TO_COMMUNE,),
    overrides=(
        override("Value #verdict", **tone(numbered(STANDING))),
        override("Value #grown", unit="percentunit", decimals=1, mappings=NOT_KNOWN),
        override("Value #limit", unit="percentunit", decimals=0),
        override("commune", custom__width=70),
    ),
    options={
        "sortBy": [
            {"displayName": Words("Kết luận", "Verdict"), "desc": True},
            {"displayName": Words("Tăng", "Grown"), "desc": True},
        ]
    },
)

_OPERATORS = f"* on (link) group_left (operator) {info('link', 'operator', commune=_C, operator=_O)}"


def _sum(family: str, direction: str) -> str:
    told = f"max by (link) ({held(family, commune=_C, direction=direction)})"
    return f"8 * sum by (operator) ({told} {_OPERATORS})"


_CARRIED = _sum("netmon_link_rate_bytes_per_second", "receive")
_CONTRACTED = _sum("netmon_link_capacity_bytes_per_second", "receive")

_TRAFFIC = graph(
    Words("Lưu lượng theo nhà mạng", "Traffic by operator"),
    Words(
        "Tổng lưu lượng của các tuyến, trung bình 5 phút: chiều về xã ở trên, chiều từ xã ở dưới. Tăng đều qua"
        " các tuần là tăng trưởng; tăng vọt ở một nhà mạng: xem bảng xếp hạng.",
        "Traffic of all links, means of five minutes: towards the communes above, from them below. A steady rise"
        " over weeks is growth; a leap at one operator: see the league table.",
    ),
    query(_CARRIED, Words("{{operator}} về xã", "{{operator}} towards")),
    query(_sum("netmon_link_rate_bytes_per_second", "transmit"), Words("{{operator}} từ xã", "{{operator}} from")),
    unit="bps",
    overrides=(of_query("B", custom__transform="negative-Y"),),
)


def _between(above: float, most: float) -> str:
    return f"sum({_OF_LIMIT} > bool {above}) - sum({_OF_LIMIT} > bool {most})"


_BANDS = graph(
    Words("Số xã theo mức đầy", "Communes by how full they are"),
    Words(
        "Số xã theo phân vị 95 so với ngưỡng của chỉ tiêu: vượt, trên 80 %, trên một nửa, dưới một nửa ngưỡng."
        " Phần trên dày lên: mạng đang đầy dần.",
        "Communes by their 95th percentile against the limit of the target: above it, above 80 % of it, above"
        " half of it, below. Where the upper parts swell the network fills up.",
    ),
    query(f"sum({_OF_LIMIT} > bool 1)", Words("Vượt ngưỡng", "Above the limit")),
    query(_between(0.8, 1), Words("80–100 % ngưỡng", "80–100 % of it")),
    query(_between(0.5, 0.8), Words("50–80 % ngưỡng", "50–80 % of it")),
    query(f"sum({_OF_LIMIT} <= bool 0.5)", Words("Dưới 50 % ngưỡng", "Below half of it")),
    decimals=0,
    fill=40,
    custom={"stacking": {"mode": "normal", "group": "A"}, "lineWidth": 1},
    overrides=tuple(
        of_query(ref, color={"mode": "fixed", "fixedColor": colour})
        for ref, colour in (("A", ISOLATED), ("B", BACKUP), ("C", "#56b4e9"), ("D", UP))
    ),
)
_BY_OPERATOR = table(
    Words("Dung lượng theo nhà mạng", "Capacity by operator"),
    Words(
        "Mỗi nhà mạng: số tuyến, tổng dung lượng theo hợp đồng chiều về xã, lưu lượng 5 phút gần nhất và phần đang dùng.",
        "Each operator: links, contracted capacity towards the communes, traffic of the last five minutes, and"
        " the share in use.",
    ),
    rows(_CONTRACTED, ref="capacity"),
    rows(_CARRIED, ref="rate"),
    rows(f"({_CARRIED}) / ({_CONTRACTED})", ref="use"),
    rows(f"count by (operator) ({info('link', 'operator', commune=_C, operator=_O)})", ref="links"),
    columns={
        "operator": Words("Nhà mạng", "Operator"),
        "Value #links": Words("Số tuyến", "Links"),
        "Value #capacity": Words("Dung lượng", "Capacity"),
        "Value #rate": Words("Lưu lượng", "Traffic"),
        "Value #use": Words("Đang dùng", "In use"),
    },
    overrides=(
        override("Value #capacity", unit="bps"),
        override("Value #rate", unit="bps"),
        override("Value #use", unit="percentunit", decimals=1),
    ),
    options={"sortBy": [{"displayName": Words("Đang dùng", "In use"), "desc": True}]},
)
_UNSEEN = table(
    Words("Tuyến không có số đo lưu lượng", "Links without a figure of traffic"),
    Words(
        "Tuyến có dung lượng theo hợp đồng mà 15 phút nay không có lưu lượng nào được đo: tuyến mất, hoặc không"
        " cổng nào được khai cho nó. Không có số đo thì chỉ tiêu không thể đạt.",
        "Links with a contracted capacity of which no traffic has been measured for 15 minutes: they are down, or"
        " no port is named for them. Without figures no target can be met.",
    ),
    rows(
        named(
            f"max by (commune, link, operator) ({info('link', 'commune, operator', commune=_C, operator=_O)}"
            f" and on (link) {held('netmon_link_capacity_bytes_per_second', commune=_C)}"
            f" unless on (link) {measured('netmon_link_rate_bytes_per_second', commune=_C)})"
        )
    ),
    columns={
        NAME: Words("Xã", "Commune"),
        "link": Words("Tuyến", "Link"),
        "operator": Words("Nhà mạng", "Operator"),
        "commune": Words("Mã", "Code"),
    },
    no_value=NO_ROWS,
    links=(TO_LINK,),
    overrides=hidden("commune"),
)

BOARD = Dashboard(
    uid="netmon-capacity",
    title=Words("Dung lượng", "Capacity"),
    about=Words(
        "Tuyến nào đầy, tuyến nào sắp đầy và bao giờ, lưu lượng tăng thế nào.",
        "Which links are full, which will be and when, and how traffic grows.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(several=True), OPERATOR),
    annotations=ANNOTATIONS,
    period="now-7d",
    refresh="5m",
    rows=(
        row(Words("Lúc này", "Now"), _FULL, _RISK, _BLIND, _HIGHEST, _HIGHEST_OF, _SOONEST),
        row(Words("Xếp hạng", "League"), _LEAGUE, _TABLE),
        row(Words("Sắp đầy và tăng trưởng", "Days to full, and growth"), _SOON, _REGISTERED, _BANDS, _TRAFFIC),
        row(Words("Nhà mạng và chỗ khuất", "Operators, and what is not seen"), _BY_OPERATOR, _UNSEEN),
    ),
)
