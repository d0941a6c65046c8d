"""The database of connections in tables: one for programs, and for people a page of each province's totals and links."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from netmon import names
from netmon.model import End, LinkRole, Words
from netmon.reports.registry import Connection, Total, totals
from netmon.reports.table import NONE, Cell, Column, Figure, Kind, Table
from netmon.targets.windows import local
from netmon.targets.words.voice import Language, Voice
from netmon.units import Register

LINK_KIND = {kind: Words(**said) for kind, said in names.LINK_KIND.items()}
NETWORK = {
    "tslcd_1": Words("TSLCD cấp I", "TSLCD level I"),
    "tslcd_2": Words("TSLCD cấp II", "TSLCD level II"),
    "internet": Words("Internet", "Internet"),
}
"""The networks that have a name among people; any other is told by its id."""
ROLE = {LinkRole.PRIMARY: Words("chính", "primary"), LinkRole.BACKUP: Words("dự phòng", "backup")}

# --- as a table, for programs -------------------------------------------------------------------------------------------

_COLUMNS = (
    Column("row", Words("Dòng", "Row")),
    Column("province", Words("Mã tỉnh", "Province code")),
    Column("province_name", Words("Tỉnh, thành phố", "Province")),
    Column("commune", Words("Mã xã", "Commune code")),
    Column("commune_name", Words("Xã, phường, đặc khu", "Commune")),
    Column("site", Words("Mã điểm", "Site")),
    Column("agency", Words("Cơ quan, đơn vị", "Agency")),
    Column("security_level", Words("Cấp độ an toàn", "Security level"), Kind.COUNT),
    Column("link", Words("Tuyến", "Link")),
    Column("since", Words("Kết nối từ ngày", "Connected since")),
    Column("network", Words("Mạng", "Network")),
    Column("kind", Words("Loại", "Kind")),
    Column("role", Words("Vai trò", "Role")),
    Column("operator", Words("Doanh nghiệp", "Operator")),
    Column("circuit", Words("Mã kênh", "Circuit")),
    Column("channels", Words("Số kênh", "Channels"), Kind.COUNT),
    Column("receive", Words("Băng thông về xã", "Bandwidth to the commune"), Kind.RATE),
    Column("transmit", Words("Băng thông từ xã đi", "Bandwidth from the commune"), Kind.RATE),
    Column("port_near", Words("Cổng phía xã", "Port, commune end"), Kind.RATE),
    Column("port_far", Words("Cổng phía trung tâm", "Port, far end"), Kind.RATE),
    Column("length_km", Words("Chiều dài", "Length"), Kind.FIGURE),
    Column("availability", Words("Độ sẵn sàng của điểm", "Site's availability"), Kind.RATIO),
    Column("p95", Words("Phân vị 95 so với băng thông", "p95 against bandwidth"), Kind.RATIO),
    Column("latency_ms", Words("Độ trễ", "Latency"), Kind.FIGURE),
    Column("loss", Words("Mất gói", "Loss"), Kind.RATIO),
    Column("coverage", Words("Độ phủ số liệu", "Coverage"), Kind.RATIO),
    Column("running", Words("Chỉ tiêu tạm tính", "Running figures")),
    Column("sites", Words("Số điểm", "Sites"), Kind.COUNT),
    Column("no_capacity", Words("Tuyến chưa có băng thông", "Links without bandwidth"), Kind.COUNT),
    Column("no_length", Words("Tuyến chưa có chiều dài", "Links without length"), Kind.COUNT),
)


def table(rows: Sequence[Connection], register: Register, on: date) -> Table:
    """Every connection (`row` is link), then a total a province and operator (`row` is total, `channels` are its links)."""
    cells = [_connection(row, register, on) for row in rows] + [_total(total, register, on) for total in totals(rows)]
    return Table(title=title(on), columns=_COLUMNS, rows=[[row.get(column.id) for column in _COLUMNS] for row in cells])


def title(on: date) -> Words:
    """The title of the report on a day."""
    return Words(f"Cơ sở dữ liệu kết nối, ngày {on:%d/%m/%Y}", f"Database of connections, {on}")


def _connection(row: Connection, register: Register, on: date) -> dict[str, Cell]:
    link, quality, capacity = row.link, row.quality, row.capacity
    return {
        "row": "link",
        "province": row.province,
        "province_name": named(register, row.province, on),
        "commune": row.commune,
        "commune_name": named(register, row.commune, on),
        "site": row.site.id,
        "agency": row.site.name,
        "security_level": row.site.security_level,
        "link": link.id,
        "since": None if link.since is None else f"{local(link.since):%Y-%m-%d}",
        "network": link.network,
        "kind": link.kind.value,
        "role": link.role.value,
        "operator": link.operator or None,
        "circuit": link.circuit_id or None,
        "channels": row.channels,
        "receive": None if capacity is None else capacity.receive,
        "transmit": None if capacity is None else capacity.transmit,
        "port_near": row.ports.get(End.NEAR) or None,
        "port_far": row.ports.get(End.FAR) or None,
        "length_km": _km(link.length_km),
        "availability": quality.availability,
        "p95": quality.p95,
        "latency_ms": _ms(quality.latency_s),
        "loss": quality.loss,
        "coverage": quality.coverage,
        "running": " ".join(quality.running) or None,
    }


def _total(total: Total, register: Register, on: date) -> dict[str, Cell]:
    return {
        "row": "total",
        "province": total.province,
        "province_name": named(register, total.province, on),
        "operator": total.operator or None,
        "channels": total.links,
        "sites": total.sites,
        "receive": total.receive,
        "transmit": total.transmit,
        "no_capacity": total.no_capacity,
        "length_km": _km(total.length_km),
        "no_length": total.no_length,
    }


# --- as tables, for people ----------------------------------------------------------------------------------------------

_SHOWN = (
    Column("commune", Words("Xã, phường, đặc khu", "Commune")),
    Column("agency", Words("Cơ quan, đơn vị", "Agency")),
    Column("link", Words("Tuyến, mã kênh", "Link, circuit")),
    Column("kind", Words("Mạng, loại, vai trò", "Network, kind, role")),
    Column("operator", Words("Doanh nghiệp", "Operator")),
    Column("since", Words("Kết nối từ", "Since"), Kind.FIGURE),
    Column("channels", Words("Số kênh", "Channels"), Kind.COUNT),
    Column("bandwidth", Words("Băng thông về / đi, Mbit/s", "Bandwidth to / from, Mbit/s"), Kind.FIGURE),
    Column("port", Words("Cổng, Mbit/s", "Port, Mbit/s"), Kind.FIGURE),
    Column("length", Words("Chiều dài", "Length"), Kind.FIGURE),
    Column("availability", Words("Độ sẵn sàng", "Availability"), Kind.FIGURE),
    Column("p95", Words("Phân vị 95", "p95"), Kind.FIGURE),
    Column("latency", Words("Độ trễ", "Latency"), Kind.FIGURE),
    Column("loss", Words("Mất gói", "Loss"), Kind.FIGURE),
    Column("coverage", Words("Độ phủ", "Coverage"), Kind.RATIO),
)
_SUMMED = (
    Column("operator", Words("Doanh nghiệp", "Operator")),
    Column("links", Words("Số kênh", "Channels"), Kind.COUNT),
    Column("sites", Words("Số điểm", "Sites"), Kind.COUNT),
    Column("receive", Words("Tổng băng thông về xã", "Bandwidth to the communes"), Kind.RATE),
    Column("transmit", Words("Tổng băng thông từ xã đi", "Bandwidth from the communes"), Kind.RATE),
    Column("no_capacity", Words("Kênh chưa có băng thông", "Channels without bandwidth"), Kind.COUNT),
    Column("length", Words("Tổng chiều dài", "Length"), Kind.FIGURE),
    Column("no_length", Words("Kênh chưa có chiều dài", "Channels without length"), Kind.COUNT),
)


def tables(rows: Sequence[Connection], register: Register, on: date) -> list[Table]:
    """For the page: the totals of each province by operator, then its connections."""
    found = []
    for code in dict.fromkeys(row.province for row in rows):
        name = named(register, code, on)
        mine = [row for row in rows if row.province == code]
        found.append(
            Table(
                title=Words(f"{name.vi}: tổng theo doanh nghiệp", f"{name.en}: totals by operator"),
                columns=_SUMMED,
                rows=[_summed(total) for total in totals(mine)],
            )
        )
        found.append(
            Table(
                title=Words(f"{name.vi}: các kết nối", f"{name.en}: connections"),
                columns=_SHOWN,
                rows=[_shown(row, register, on) for row in mine],
            )
        )
    return found


def _summed(total: Total) -> list[Cell]:
    return [
        total.operator or Words("(không khai báo)", "(not told)"),
        total.links,
        total.sites,
        total.receive,
        total.transmit,
        total.no_capacity,
        _km(total.length_km),
        total.no_length,
    ]


def _shown(row: Connection, register: Register, on: date) -> list[Cell]:
    link, quality, capacity = row.link, row.quality, row.capacity
    level = row.site.security_level
    network = NETWORK.get(link.network, Words(link.network, link.network))
    kind, role = LINK_KIND[link.kind], ROLE[link.role]
    figures = {
        "availability": _percent(quality.availability),
        "p95": _percent(quality.p95),
        "latency": _ms(quality.latency_s),
        "loss": _percent(quality.loss),
    }
    return [
        named(register, row.commune, on, code_too=True),
        row.site.name if level is None else Words(f"{row.site.name} (cấp độ {level})", f"{row.site.name} (level {level})"),
        "\n".join(filter(None, (link.id, link.circuit_id))),
        Words(f"{network.vi}, {kind.vi}, {role.vi}", f"{network.en}, {kind.en}, {role.en}"),
        link.operator or None,
        None if link.since is None else _date(link.since),
        row.channels,
        None if capacity is None else _pair(capacity.receive, capacity.transmit),
        _pair(row.ports.get(End.NEAR, 0.0), row.ports.get(End.FAR, 0.0)) if any(row.ports.values()) else None,
        _km(link.length_km),
        *(_marked(cell, name in quality.running) for name, cell in figures.items()),
        quality.coverage,
    ]


def reading() -> list[Words]:
    """How to read the page."""
    return [
        Words(
            "Số kênh là số tuyến của cơ quan đó. Băng thông là của hợp đồng: chiều về xã trước, chiều từ xã đi sau. Cổng: "
            "phía xã trước, phía trung tâm sau.",
            "Channels are the links of that agency. Bandwidth is contracted: to the commune first, from it second. Ports: "
            "the commune's end first, the far end second.",
        ),
        Words(
            "Chất lượng: độ sẵn sàng của điểm, phân vị 95 của chiều tải cao hơn so với băng thông, độ trễ, tỷ lệ mất gói. "
            "Độ phủ là phần thời gian có số liệu, của chỉ tiêu ít số liệu nhất. Dấu * là tạm tính, tháng chưa "
            "được chốt; dấu - là chưa có số liệu.",
            "Quality: availability of the site, 95th percentile of the busier direction against the bandwidth, latency, "
            "loss. Coverage is the share of time that was seen, of the figure that was seen least. "
            "* is running, of a month that is not closed; - is not known.",
        ),
    ]


def warnings(rows: Sequence[Connection], on: date) -> list[Words]:
    """What a reader must know of figures that are not there, not final, or not measured; or that nothing was connected."""
    if not rows:
        return [
            Words(
                f"Đến hết ngày {on:%d/%m/%Y} chưa có kết nối nào theo cấu hình.",
                f"By the end of {on} there was no link, as the configuration tells.",
            )
        ]
    unjudged = sum(row.quality.coverage is None for row in rows)
    running = sum(bool(row.quality.running) for row in rows)
    simulated = sum(row.quality.simulated for row in rows)
    told = (
        (unjudged, "tuyến chưa có số liệu chất lượng.", "Links of whose quality nothing is known"),
        (running, "tuyến có chỉ tiêu tạm tính, vì tháng chưa được chốt.", "Links with figures that are not yet final"),
        (simulated, "tuyến CÓ SỐ LIỆU MÔ PHỎNG.", "Links WITH SIMULATED DATA"),
    )
    return [
        Words(f"{Voice('vi').number(count)} {vi}", f"{en}: {Voice('en').number(count)}.") for count, vi, en in told if count
    ]


def named(register: Register, code: str, on: date, *, code_too: bool = False) -> Words:
    """A unit's name on a day, with its code if asked; the code where it was none on that day."""
    unit = register.unit(code, on)
    if unit is None:
        return Words(code, code)
    behind = f" ({code})" if code_too else ""
    return Words(f"{unit.name}{behind}", f"{unit.name_en}{behind}")


def in_unit(number: float, digits: int, unit: str) -> Figure:
    """A number with its unit in both languages."""
    return Figure(number, Words(*(f"{Voice(language).number(number, digits)} {unit}" for language in _LANGUAGES)))


_LANGUAGES: tuple[Language, Language] = ("vi", "en")


def _km(length: float | None) -> Figure | None:
    return None if length is None else in_unit(length, 1, "km")


def _ms(seconds: float | None) -> Figure | None:
    return None if seconds is None else in_unit(round(1000 * seconds, 6), 1, "ms")


def _percent(ratio: float | None) -> Figure | None:
    return None if ratio is None else Figure(ratio, Words(*(Voice(language).percent(ratio) for language in _LANGUAGES)))


def _date(unix: float) -> Figure:
    return Figure(unix, Words(f"{local(unix):%d/%m/%Y}", f"{local(unix):%Y-%m-%d}"))


def _marked(figure: Figure | None, running: bool) -> Figure | None:
    """A running figure carries a star."""
    if figure is None or not running:
        return figure
    return Figure(figure.number, Words(*(f"{text}*" for text in figure.words)))


def _pair(first: float, second: float) -> Figure:
    """Two rates in one cell, as Mbit/s; nothing is said of one that is not known."""

    def said(say: Voice, rate: float) -> str:
        mbit = rate * 8 / 1e6
        return say.number(mbit, 0 if mbit == round(mbit) else 1) if rate else NONE

    return Figure(first, Words(*(f"{said(say, first)} / {said(say, second)}" for say in map(Voice, _LANGUAGES))))
