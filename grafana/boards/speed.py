"""Speed: what probes at sites measured over fixed lines, mobile networks and 5G, by commune and operator."""

from __future__ import annotations

from grafana.columns import by, leads, state
from grafana.dashboard import Dashboard, Variable, row
from grafana.panels import (
    UNKNOWN,
    Json,
    Panel,
    Text,
    bars,
    figure,
    graph,
    last,
    override,
    query,
    rows,
    table,
    values,
)
from grafana.places import ANNOTATIONS, DATASOURCE, NAME, PROVINCE, TO_COMMUNE, TO_COMMUNE_OF_SERIES, commune, named, worded
from netmon.model import Words

_HERE = 'province="$province", commune=~"$commune", network=~"$network", operator=~"$operator"'
_KEY = "province, commune, device, network, operator"

NETWORK = Variable(
    name="network",
    label=Words("Loại mạng", "Network"),
    query='label_values(netmon_speed_download_bytes_per_second{province=~"$province"}, network)',
    several=True,
    every=True,
)
MEASURED = Variable(
    name="operator",
    label=Words("Nhà mạng", "Operator"),
    query='label_values(netmon_speed_download_bytes_per_second{province=~"$province"}, operator)',
    several=True,
    every=True,
)

# The page has only the latest test of a device; those of its other networks count for a day, as the latest does.
_DAY = "[1d]"


def _tests(family: str, scale: str = "") -> str:
    """PromQL: the latest test of each probe, network and operator within a day."""
    return f"{scale}max by ({_KEY}) (last_over_time({family}{{{_HERE}}}{_DAY}))"


_DOWN = _tests("netmon_speed_download_bytes_per_second", "8 * ")
_UP = _tests("netmon_speed_upload_bytes_per_second", "8 * ")
_LATENCY = _tests("netmon_speed_latency_seconds")


def _median(tests: str, labels: str) -> str:
    return f"quantile by ({labels}) (0.5, {tests})"


NETWORKS = (
    ("fixed", Words("Cố định", "Fixed"), "#0072b2"),
    ("mobile", Words("Di động", "Mobile"), "#e69f00"),
    ("mobile_5g", Words("Di động 5G", "Mobile 5G"), "#009e73"),
)
"""The three kinds of networks of a test (docs/mqtt.md), with colours that every kind of colour vision tells apart."""


def _coloured() -> tuple[Json, ...]:
    """Series by network: its name in words, its colour."""
    return tuple(
        override(network, displayName=words, color={"mode": "fixed", "fixedColor": colour})
        for network, words, colour in NETWORKS
    )


_WHICH = values(*NETWORKS)
_COMMUNE, _CODE, _NETWORK = Words("Xã, phường, đặc khu", "Commune"), Words("Mã xã", "Code"), Words("Loại mạng", "Network")
_OPERATOR, _PROBES = Words("Nhà mạng", "Operator"), Words("Số đầu đo", "Probes")
_DOWNLOAD, _UPLOAD, _DELAY = Words("Tải xuống", "Download"), Words("Tải lên", "Upload"), Words("Độ trễ", "Latency")
_BASIS = Words(
    " Trung vị của lần đo gần nhất của mỗi đầu đo trong một ngày; trung vị mọi lần đo của tháng, bên cạnh i-speed:"
    " netmon report speed.",
    " The median of each probe's latest test within a day; of all tests of a month, beside i-speed: netmon report speed.",
)


def _about(vi: str, en: str) -> Words:
    return Words(vi + _BASIS.vi, en + _BASIS.en)


_FIGURES = tuple(
    figure(
        title,
        about,
        last(_median(tests, "network"), "{{network}}"),
        unit=unit,
        decimals=decimals,
        width=8,
        height=5,
        colour={"mode": "fixed", "fixedColor": UNKNOWN},
        overrides=_coloured(),
        options={"textMode": "value_and_name", "orientation": "vertical"},
        no_value=Words("Chưa có lần đo", "No test yet"),
    )
    for title, about, tests, unit, decimals in (
        (
            _DOWNLOAD,
            _about(
                "Tốc độ tải xuống theo loại mạng. Thấp hẳn so với tuần trước: xem đường biểu diễn và bảng xã bên dưới.",
                "Download by kind of network. Far below last week's: see the curves and the communes below.",
            ),
            _DOWN,
            "bps",
            1,
        ),
        (
            _UPLOAD,
            _about(
                "Tốc độ tải lên theo loại mạng. Tải lên thấp làm hỏng họp trực tuyến và nộp hồ sơ trước tiên.",
                "Upload by kind of network. A low one spoils video calls and the handing in of files first.",
            ),
            _UP,
            "bps",
            1,
        ),
        (
            _DELAY,
            _about(
                "Độ trễ theo loại mạng. Cao trên mạng cố định: tuyến đầy hoặc đi vòng; xem bảng Dung lượng.",
                "Latency by kind of network. High on fixed lines: the link is full or takes a detour; see the capacity"
                " dashboard.",
            ),
            _LATENCY,
            "s",
            None,
        ),
    )
)

_UNITS = table(
    Words("Theo xã, phường, đặc khu", "By commune"),
    _about(
        "Mỗi xã, loại mạng và nhà mạng một dòng, chậm nhất ở trên. Là bằng chứng bên cạnh chỉ tiêu, không phải kết"
        " luận: phép đo dùng chung đường với lưu lượng trong ngày.",
        "A line for each commune, network and operator, the slowest first. Evidence beside a target and no verdict: a"
        " test shares the link with the traffic of the day.",
    ),
    rows(named(_median(_DOWN, "commune, network, operator"))),
    rows(_median(_UP, "commune, network, operator")),
    rows(_median(_LATENCY, "commune, network, operator")),
    columns={
        NAME: _COMMUNE,
        "commune": _CODE,
        "network": _NETWORK,
        "operator": _OPERATOR,
        "Value #A": _DOWNLOAD,
        "Value #B": _UPLOAD,
        "Value #C": _DELAY,
    },
    width=24,
    height=12,
    overrides=(
        leads(_COMMUNE, TO_COMMUNE),
        state(_NETWORK, _WHICH),
        override(_DOWNLOAD, unit="bps", decimals=1),
        override(_UPLOAD, unit="bps", decimals=1),
        override(_DELAY, unit="s"),
    ),
    options=by(_DOWNLOAD),
    no_value=Words("Chưa có lần đo", "No test yet"),
)

_BY_OPERATOR = table(
    Words("Theo nhà mạng", "By operator"),
    _about(
        "Trung vị theo nhà mạng và loại mạng, cùng số đầu đo. Ít đầu đo thì trung vị chưa nói lên điều gì.",
        "Medians by operator and network, with the number of probes. Of few probes a median says little.",
    ),
    rows(_median(_DOWN, "network, operator")),
    rows(_median(_UP, "network, operator")),
    rows(_median(_LATENCY, "network, operator")),
    rows(f"count by (network, operator) ({_DOWN})"),
    columns={
        "operator": _OPERATOR,
        "network": _NETWORK,
        "Value #A": _DOWNLOAD,
        "Value #B": _UPLOAD,
        "Value #C": _DELAY,
        "Value #D": _PROBES,
    },
    overrides=(
        state(_NETWORK, _WHICH),
        override(_DOWNLOAD, unit="bps", decimals=1),
        override(_UPLOAD, unit="bps", decimals=1),
        override(_DELAY, unit="s"),
    ),
    options=by(_DOWNLOAD),
)


def _course(title: Text, about: Text, tests: str, unit: str) -> Panel:
    asked = query(_median(tests, "network"), "{{network}}")
    return graph(title, about, asked, unit=unit, fill=0, least=0, width=8, overrides=_coloured())


_COURSES = (
    _course(
        Words("Tải xuống theo thời gian", "Download over time"),
        _about("Trung vị tải xuống của từng loại mạng.", "Median download of each kind of network."),
        _DOWN,
        "bps",
    ),
    _course(
        Words("Tải lên theo thời gian", "Upload over time"),
        _about("Trung vị tải lên của từng loại mạng.", "Median upload of each kind of network."),
        _UP,
        "bps",
    ),
    _course(
        Words("Độ trễ theo thời gian", "Latency over time"),
        _about("Trung vị độ trễ của từng loại mạng.", "Median latency of each kind of network."),
        _LATENCY,
        "s",
    ),
)

_SLOWEST = bars(
    Words("Tải xuống chậm nhất", "Slowest downloads"),
    _about(
        "Mười lần đo chậm nhất trong số lần đo gần nhất của các đầu đo. Chọn loại mạng ở trên để so cùng loại.",
        "The ten slowest of the probes' latest tests. Choose a network above to compare like with like.",
    ),
    last(
        named(f"bottomk(10, {_DOWN})"),
        Words("{{name}} · {{network}} · {{operator}}", "{{name_en}} · {{network}} · {{operator}}"),
    ),
    unit="bps",
    decimals=1,
    steps=((None, "text"),),
    transformations=worded({network: words for network, words, _ in NETWORKS}),
    links=(TO_COMMUNE_OF_SERIES,),
)

BOARD = Dashboard(
    uid="netmon-speed",
    title=Words("Tốc độ", "Speed"),
    about=Words(
        "Tốc độ tải xuống, tải lên và độ trễ mà đầu đo tại các điểm đo được trên mạng cố định, di động và 5G, theo xã"
        " và nhà mạng.",
        "Download, upload and latency that probes at sites measured over fixed lines, mobile networks and 5G, by"
        " commune and operator.",
    ),
    variables=(DATASOURCE, PROVINCE, commune(several=True), NETWORK, MEASURED),
    rows=(
        row(Words("Cố định, di động, 5G", "Fixed, mobile, 5G"), *_FIGURES),
        row(Words("Theo đơn vị", "By unit"), _UNITS),
        row(Words("Theo nhà mạng", "By operator"), _BY_OPERATOR, _SLOWEST),
        row(Words("Theo thời gian", "Over time"), *_COURSES),
    ),
    annotations=ANNOTATIONS,
    period="now-24h",
    refresh="1m",
    tags=("speed",),
)
