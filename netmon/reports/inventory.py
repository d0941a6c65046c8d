"""What stands in the province: stations by operator and technology, shared masts, devices, links, kilometres of fibre.

Counted from the configuration as plain numbers under (figure, key), so that a month can be kept and held against the next.
Names of figures are what a store of months holds: they do not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

from netmon.model import Device, Link, LinkKind, Site, SiteKind, Speech, Window, Words
from netmon.reports.registry_tables import LINK_KIND
from netmon.reports.table import Cell, Column, Figure, Kind, Table
from netmon.targets.windows import local, month_of
from netmon.targets.words.voice import Voice
from netmon.units import Register

Key = tuple[str, str]
"""A figure and what it is counted for. An empty second part: the configuration does not tell it."""

UNTOLD = Words("(không khai báo)", "(not told)")
_CHOSEN = Words("(tự nhận theo sysObjectID)", "(chosen by sysObjectID)")

SITE_KIND = {
    SiteKind.PEOPLES_COMMITTEE: Words("Ủy ban nhân dân cấp xã", "Commune People's Committee"),
    SiteKind.SERVICE_CENTRE: Words("Trung tâm phục vụ hành chính công", "Public service centre"),
    SiteKind.BTS: Words("Trạm BTS", "BTS"),
    SiteKind.AGENT_POINT: Words("Điểm đại lý dịch vụ", "Agent point"),
    SiteKind.PROVINCIAL_CENTRE: Words("Trung tâm mạng của tỉnh", "Provincial centre"),
    SiteKind.INDUSTRIAL_PARK: Words("Khu công nghiệp", "Industrial park"),
}
_SPEECH = {Speech.SNMP: Words("SNMP", "SNMP"), Speech.MQTT: Words("MQTT", "MQTT")}

FIGURES = {
    "sites": Words("Điểm mạng theo loại", "Sites by kind"),
    "bts_operator": Words("Trạm BTS đang phát sóng theo doanh nghiệp", "BTS on air by operator"),
    "bts": Words("Trạm BTS theo doanh nghiệp và công nghệ", "BTS by operator and technology"),
    "masts": Words("Cột BTS theo số doanh nghiệp dùng chung", "BTS masts by the number of operators on them"),
    "on_air_year": Words("Lượt phát sóng theo năm bắt đầu", "Operators' stations by the year they went on air"),
    "on_air_month": Words("Mới phát sóng trong tháng theo doanh nghiệp", "On air since this month, by operator"),
    "devices_speech": Words("Thiết bị theo giao thức", "Devices by how they are heard"),
    "devices_profile": Words("Thiết bị theo hồ sơ thiết bị", "Devices by profile"),
    "links_kind": Words("Tuyến kết nối theo loại", "Links by kind"),
    "links_network": Words("Tuyến kết nối theo mạng", "Links by network"),
    "fibre_km": Words("Kilômét cáp quang theo doanh nghiệp", "Kilometres of fibre by operator"),
    "fibre_untold": Words("Tuyến cáp quang chưa khai báo chiều dài", "Fibre links that do not tell their length"),
    "commune_sites": Words("Điểm mạng theo xã, phường, đặc khu", "Sites by commune"),
    "commune_bts": Words("Trạm BTS theo xã, phường, đặc khu", "BTS by commune"),
    "commune_devices": Words("Thiết bị theo xã, phường, đặc khu", "Devices by commune"),
    "commune_links": Words("Tuyến kết nối theo xã, phường, đặc khu", "Links by commune"),
}
"""Every figure in the order of the report."""


class Places(Protocol):
    """What is counted: sites, devices and links by id."""

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def devices(self) -> Mapping[str, Device]: ...

    @property
    def links(self) -> Mapping[str, Link]: ...


class Line(NamedTuple):
    """A figure for one key, and what it was a month before: None where no month before was kept."""

    figure: str
    key: str
    value: float
    before: float | None

    @property
    def change(self) -> float | None:
        return None if self.before is None else round(self.value - self.before, 6)


def figures(places: Places, at: float) -> dict[Key, float]:
    """Everything that is counted at an instant, Unix seconds, but what is 0.

    A link counts from the day it was connected, an operator on a mast from the day it is on air; where the configuration
    tells no day, always. A site counts for the commune that it belongs to at that instant.
    """
    found: Counter[Key] = Counter()
    month = month_of(at)
    for site in places.sites.values():
        commune = site.commune_at(at)
        found["sites", site.kind] += 1
        found["commune_sites", commune] += 1
        if site.kind is SiteKind.BTS:
            found["commune_bts", commune] += 1
            found.update(_on_mast(site, at, month))
    for device in places.devices.values():
        found["devices_speech", device.speaks] += 1
        found["devices_profile", device.profile or ""] += 1
        found["commune_devices", places.sites[device.site].commune_at(at)] += 1
    metres: Counter[str] = Counter()  # in whole metres, whose sum depends on no order
    for link in places.links.values():
        if link.since is not None and link.since > at:
            continue
        found["links_kind", link.kind] += 1
        found["links_network", link.network] += 1
        found["commune_links", places.sites[link.site_at(at)].commune_at(at)] += 1
        if link.kind is LinkKind.FIBRE and link.length_km is None:
            found["fibre_untold", link.operator] += 1
        elif link.kind is LinkKind.FIBRE and link.length_km is not None:
            metres[link.operator] += round(1000 * link.length_km)
    counted = {(str(figure), str(key)): float(count) for (figure, key), count in found.items()}
    return counted | {("fibre_km", operator): length / 1000 for operator, length in metres.items()}


def _on_mast(site: Site, at: float, month: Window) -> Iterator[Key]:
    """What a BTS site counts for. An operator has one entry on a mast."""
    present = [carrier for carrier in site.carriers if carrier.on_air is None or carrier.on_air <= at]
    yield "masts", str(len(present))
    for carrier in present:
        yield "bts_operator", carrier.operator
        yield "on_air_year", "" if carrier.on_air is None else f"{local(carrier.on_air).year}"
        if carrier.on_air is not None and carrier.on_air >= month.start:
            yield "on_air_month", carrier.operator
        for technology in carrier.technologies:
            yield "bts", f"{carrier.operator}/{technology}"


def compared(now: Mapping[Key, float], before: Mapping[Key, float] | None) -> list[Line]:
    """Each figure beside that of the month before, in the order of the report: what is in one of them only was or is 0.

    `before` is None, or empty, where that month was not kept.
    """
    keys = {key for key in (*now, *(before or ())) if key[0] in FIGURES}
    order = list(FIGURES)
    return [
        Line(figure, key, now.get((figure, key), 0.0), before.get((figure, key), 0.0) if before else None)
        for figure, key in sorted(keys, key=lambda each: (order.index(each[0]), each[1] == "", each[1]))
    ]


def shared_masts(now: Mapping[Key, float]) -> int:
    """Masts with more than one operator on them."""
    return round(sum(count for (figure, key), count in now.items() if figure == "masts" and int(key) > 1))


_COLUMNS = (
    Column("key", Words("Mã", "Key"), csv_only=True),
    Column("name", Words("Nội dung", "Of what")),
    Column("value", Words("Số lượng", "Figure"), Kind.FIGURE),
    Column("month_before", Words("Tháng trước", "Month before"), Kind.FIGURE),
    Column("change", Words("Tăng, giảm", "Change"), Kind.FIGURE),
)
_SECTION = Column("figure", Words("Chỉ tiêu", "What is counted"))
_FIGURE = Column("figure_id", Words("Mã chỉ tiêu", "Figure's id"), csv_only=True)


def sections(lines: Sequence[Line], register: Register, on: date) -> list[Table]:
    """For the page: a table for each figure that there is, and one of the communes."""
    kept = any(line.before is not None for line in lines)
    found = []
    for figure, title in FIGURES.items():
        rows = [_row(line, register, on) for line in lines if line.figure == figure and figure not in _OF_COMMUNE]
        if rows:
            columns = _COLUMNS if kept else _COLUMNS[:-2]
            found.append(Table(title=title, columns=columns, rows=[row[: len(columns)] for row in rows]))
    return [*found, _communes([line for line in lines if line.figure in _OF_COMMUNE], register, on)]


_OF_COMMUNE = {
    "commune_sites": Words("Điểm mạng", "Sites"),
    "commune_bts": Words("Trạm BTS", "BTS"),
    "commune_devices": Words("Thiết bị", "Devices"),
    "commune_links": Words("Tuyến kết nối", "Links"),
}


def _communes(lines: Sequence[Line], register: Register, on: date) -> Table:
    """A row a commune; a change stands behind its figure."""
    by_key = {(line.figure, line.key): line for line in lines}
    columns = [Column("commune", Words("Xã, phường, đặc khu", "Commune"))]
    columns += [Column(figure, title, Kind.FIGURE) for figure, title in _OF_COMMUNE.items()]
    rows: list[list[Cell]] = []
    for code in sorted({line.key for line in lines}):
        cells = [by_key.get((figure, code)) for figure in _OF_COMMUNE]
        shown = [_figure(0.0, 0) if line is None else _with_change(line) for line in cells]
        rows.append([called("commune_sites", code, register, on), *shown])
    title = Words("Theo xã, phường, đặc khu (trong ngoặc: tăng, giảm so với tháng trước)",
                  "By commune (in brackets: change since the month before)")  # fmt: skip
    return Table(title=title, columns=columns, rows=rows)


def _with_change(line: Line) -> Figure:
    value = _figure(line.value, 0)
    if not line.change:
        return value
    change = _figure(line.change, 0, signed=True)
    said = zip(value.words, change.words, strict=True)
    return Figure(line.value, Words(*(f"{number} ({more})" for number, more in said)))


def whole(lines: Sequence[Line], register: Register, on: date, title: Words, notes: Sequence[Words] = ()) -> Table:
    """All figures in one table, for CSV."""
    rows = [(line.figure, FIGURES[line.figure], *_row(line, register, on)) for line in lines]
    return Table(title=title, columns=(_FIGURE, _SECTION, *_COLUMNS), rows=rows, notes=notes)


def summary(now: Mapping[Key, float]) -> list[Words]:
    """The sentences at the head of the report."""

    def total(figure: str) -> float:
        return sum(value for (name, _), value in now.items() if name == figure)

    vi, en = Voice("vi"), Voice("en")
    bts, shared = now.get(("sites", SiteKind.BTS), 0.0), shared_masts(now)
    untold, km = total("fibre_untold"), total("fibre_km")
    told = [
        Words(
            f"{vi.number(total('sites'))} điểm mạng, {vi.number(total('devices_speech'))} thiết bị, "
            f"{vi.number(total('links_kind'))} tuyến kết nối.",
            f"Sites: {en.number(total('sites'))}; devices: {en.number(total('devices_speech'))}; "
            f"links: {en.number(total('links_kind'))}.",
        ),
        Words(
            f"{vi.number(bts)} cột BTS, trong đó {vi.number(shared)} cột có từ hai doanh nghiệp dùng chung trở lên.",
            f"BTS masts: {en.number(bts)}, of which {en.number(shared)} carry two operators or more.",
        ),
        Words(f"{vi.number(km, 1)} km cáp quang đã khai báo.", f"Fibre told of: {en.number(km, 1)} km."),
    ]
    if untold:
        told.append(
            Words(
                f"{vi.number(untold)} tuyến cáp quang chưa khai báo chiều dài nên không nằm trong số km.",
                f"Fibre links that do not tell their length and are not in the kilometres: {en.number(untold)}.",
            )
        )
    return told


def _row(line: Line, register: Register, on: date) -> tuple[str, Words, Figure, Figure | None, Figure | None]:
    digits = 1 if line.figure == "fibre_km" else 0
    before = None if line.before is None else _figure(line.before, digits)
    change = None if line.change is None else _figure(line.change, digits, signed=True)
    return line.key, called(line.figure, line.key, register, on), _figure(line.value, digits), before, change


def _figure(number: float, digits: int, *, signed: bool = False) -> Figure:
    def said(say: Voice) -> str:
        text = say.number(abs(number), digits)
        sign = "−" if number < 0 else "+" if signed and number > 0 else ""
        return sign + text

    return Figure(number, Words(said(Voice("vi")), said(Voice("en"))))


def called(figure: str, key: str, register: Register, on: date) -> Words:
    """What people call that for which a figure is counted."""
    if figure == "devices_profile" and not key:
        return _CHOSEN
    if not key:
        return UNTOLD
    match figure:
        case "sites" if key in SITE_KIND:
            return SITE_KIND[SiteKind(key)]
        case "devices_speech" if key in _SPEECH:
            return _SPEECH[Speech(key)]
        case "links_kind" if key in LINK_KIND:
            return LINK_KIND[LinkKind(key)]
        case "masts":
            return _mast(int(key))
        case "bts":
            operator, _, technology = key.rpartition("/")
            return Words(f"{operator or UNTOLD.vi}, {technology.upper()}", f"{operator or UNTOLD.en}, {technology.upper()}")
        case "commune_sites" | "commune_bts" | "commune_devices" | "commune_links":
            unit = register.unit(key, on)
            return Words(key, key) if unit is None else Words(f"{unit.name} ({key})", f"{unit.name_en} ({key})")
    return Words(key, key)


def _mast(operators: int) -> Words:
    if operators == 0:
        return Words("chưa có doanh nghiệp nào được khai báo đang phát sóng", "no operator told to be on air")
    if operators == 1:
        return Words("một doanh nghiệp", "one operator")
    return Words(f"{operators} doanh nghiệp dùng chung", f"shared by {operators} operators")
