"""The backup report: when and how long each backup link carried traffic in a month, and what it did not cover.

Pure: a line a backup, of which `netmon.backups` asked the store, made into tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from netmon.backups import Backup
from netmon.derive.backups import Episode, Use, Why
from netmon.model import Window, Words
from netmon.reports.registry_tables import LINK_KIND, named
from netmon.reports.table import Cell, Column, Figure, Kind, Table
from netmon.targets.windows import local
from netmon.targets.words.voice import Voice
from netmon.units import Register

SHOWN = 200
"""So many episodes are on the page, the longest; the CSV has all."""

SEEN_ENOUGH = 0.95
"""Of a backup that was seen for less of its time the page says what that means."""

WHY = {
    Why.SERVICE: Words("mất tuyến chính", "the primary was down"),
    Why.LOAD: Words("có tải khi tuyến chính vẫn hoạt động", "load while the primary was up"),
    Why.UNKNOWN: Words("có tải, không rõ tuyến chính thế nào", "load; nobody knows how the primary stood"),
}

_VI, _EN = Voice("vi"), Voice("en")


class Line(NamedTuple):
    """A backup and what it did in the month. `simulated`: a simulator made some of it."""

    backup: Backup
    use: Use
    simulated: bool


_COLUMNS = (
    Column("province", Words("Mã tỉnh", "Province code"), csv_only=True),
    Column("commune", Words("Mã xã", "Commune code"), csv_only=True),
    Column("commune_name", Words("Xã, phường, đặc khu", "Commune")),
    Column("site", Words("Mã điểm", "Site"), csv_only=True),
    Column("agency", Words("Cơ quan, đơn vị", "Agency")),
    Column("link", Words("Tuyến", "Link")),
    Column("kind", Words("Mã loại", "Kind, its id"), csv_only=True),
    Column("kind_name", Words("Loại", "Kind")),
    Column("operator", Words("Doanh nghiệp", "Operator")),
    Column("episodes", Words("Số lần mang lưu lượng", "Times in use"), Kind.COUNT),
    Column("use", Words("Tổng thời gian", "In use"), Kind.SECONDS),
    Column("longest", Words("Lần dài nhất", "Longest"), Kind.SECONDS),
    Column("last_use", Words("Lần cuối", "Last"), Kind.INSTANT),
    Column("receive_octets", Words("Về xã", "To the commune"), Kind.FIGURE),
    Column("transmit_octets", Words("Từ xã đi", "From the commune"), Kind.FIGURE),
    Column("peak", Words("Cao nhất", "Peak"), Kind.RATE),
    Column("primary_down", Words("Mất tuyến chính", "Primary down"), Kind.SECONDS),
    Column("uncovered", Words("Trong đó không được thay thế", "Of it not covered"), Kind.SECONDS),
    Column("unseen", Words("Trong đó không rõ", "Of it not seen"), Kind.SECONDS),
    Column("coverage", Words("Độ phủ số liệu", "Coverage"), Kind.RATIO),
    Column("simulated", Words("Mô phỏng", "Simulated"), csv_only=True),
    Column("notes", Words("Ghi chú", "Notes")),
)
_EPISODES = (
    Column("link", Words("Tuyến", "Link")),
    Column("agency", Words("Cơ quan, đơn vị", "Agency")),
    Column("start", Words("Từ", "From"), Kind.INSTANT),
    Column("end", Words("Đến", "To"), Kind.INSTANT),
    Column("use", Words("Thời gian", "Lasting"), Kind.SECONDS),
    Column("why_id", Words("Mã lý do", "Why, its id"), csv_only=True),
    Column("why", Words("Lý do", "Why")),
    Column("receive_octets", Words("Về xã", "To the commune"), Kind.FIGURE),
    Column("transmit_octets", Words("Từ xã đi", "From the commune"), Kind.FIGURE),
    Column("peak", Words("Cao nhất", "Peak"), Kind.RATE),
    Column("unmeasured", Words("Không đo được", "Not measured"), Kind.SECONDS),
)


def ordered(lines: Sequence[Line]) -> list[Line]:
    """Most time not covered first, then most in use; of equal ones, in the order of names."""
    return sorted(lines, key=lambda line: (-line.use.uncovered, -line.use.seconds, line.backup.link.id))


def whole(lines: Sequence[Line], month: Window, register: Register, on: date) -> Table:
    """A row a backup link."""
    rows = [[cells[column.id] for column in _COLUMNS] for cells in (_row(line, month, register, on) for line in lines)]
    return Table(title=Words("Các tuyến dự phòng", "Backup links"), columns=_COLUMNS, rows=rows)


def episodes(lines: Sequence[Line], most: int | None = None) -> Table:
    """A row a time that a backup carried traffic, in order of time; the `most` longest where there are more."""
    found = [(episode, line) for line in lines for episode in line.use.episodes]
    notes = []
    if most is not None and len(found) > most:
        said = Words(
            f"{_VI.number(most)} lần dài nhất trong {_VI.number(len(found))} lần; tệp CSV có đủ.",
            f"The {_EN.number(most)} longest of {_EN.number(len(found))}; the CSV has all.",
        )
        notes.append(said)
        found = sorted(found, key=lambda each: -each[0].seconds)[:most]
    found.sort(key=lambda each: (each[0].start, each[1].backup.link.id))
    title = Words("Từng lần mang lưu lượng", "Each time in use")
    return Table(title=title, columns=_EPISODES, rows=[_episode(*each) for each in found], notes=notes)


def facts(lines: Sequence[Line]) -> list[tuple[Words, str | Words]]:
    """What stands at the head of the page."""
    used = [line for line in lines if line.use.episodes]
    totals = [sum(line.use.seconds for line in lines), sum(line.use.uncovered for line in lines)]
    unused = sum(not line.use.episodes and line.use.coverage >= SEEN_ENOUGH for line in lines)
    unknown = len(lines) - len(used) - unused
    return [
        (Words("Tuyến dự phòng", "Backup links"), _count(len(lines))),
        (Words("Đã mang lưu lượng", "Carried traffic"), _count(len(used))),
        (Words("Không mang lưu lượng lần nào", "Never carried any"), _count(unused)),
        (Words("Không thấy mang lưu lượng, nhưng thiếu số liệu", "Not seen carrying any, with too little seen"),
         _count(unknown)),
        (Words("Tổng thời gian mang lưu lượng", "Time in use, all together"), _lasting(totals[0])),
        (Words("Mất tuyến chính mà không được thay thế", "Primary down and not covered"), _lasting(totals[1])),
    ]  # fmt: skip


READING = (
    Words(
        "Một tuyến dự phòng được tính là mang lưu lượng khi dịch vụ của điểm chạy trên dự phòng (điểm chỉ có một tuyến dự "
        "phòng), hoặc khi một khe 5 phút có tải từ mức quy định (`carries` của chỉ tiêu backup_drill, mặc định 1 Mbit/s).",
        "A backup was in use when its site's service was on backup (and the site has no other one), or when a slot of 5 "
        "minutes had at least the load that counts (`carries` of the target backup_drill, 1 Mbit/s by default).",
    ),
    Words(
        "Thời gian không có số liệu không được tính là sử dụng. “Không rõ” là thời gian mất tuyến chính mà không biết tuyến "
        "dự phòng có mang lưu lượng hay không.",
        "Time that was not seen counts as no use. “Not seen” is time with the primary down of which nobody knows whether "
        "the backup carried anything.",
    ),
    Words(
        "“Không được thay thế”: tuyến chính mất và tuyến này không mang lưu lượng. Nơi có nhiều tuyến dự phòng, tuyến "
        "khác có thể đã thay thế.",
        "“Not covered”: the primary was down and this link carried nothing. Where there are several backups another one "
        "may have.",
    ),
    Words(
        "Dung lượng là tốc độ của các khe nhân với thời gian của khe; phần không đo được không nằm trong đó.",
        "Volumes are the rates of slots times their length; what was not measured is not among them.",
    ),
)
"""How to read the page."""


def _row(line: Line, month: Window, register: Register, on: date) -> dict[str, Cell]:
    link, site, use = line.backup.link, line.backup.site, line.use
    commune = site.commune_at(month.end - 1)
    times = use.episodes
    length = use.window.end - use.window.start
    told = use.primary_unknown < length  # else what is 0 was never looked at
    return {
        "province": site.province,
        "commune": commune,
        "commune_name": named(register, commune, on),
        "site": site.id,
        "agency": site.name,
        "link": link.id,
        "kind": link.kind.value,
        "kind_name": LINK_KIND[link.kind],
        "operator": link.operator or None,
        "episodes": len(times),
        "use": use.seconds,
        "longest": max((one.seconds for one in times), default=None),
        "last_use": max((one.end for one in times), default=None),
        "receive_octets": _volume(sum(one.receive for one in times)) if times else None,
        "transmit_octets": _volume(sum(one.transmit for one in times)) if times else None,
        "peak": max((one.peak for one in times if one.peak is not None), default=None),
        "primary_down": use.primary_down if told else None,
        "uncovered": use.uncovered if told else None,
        "unseen": use.unseen if told else None,
        "coverage": use.coverage,
        "simulated": "yes" if line.simulated else "no",
        "notes": _notes(line, month),
    }


def _notes(line: Line, month: Window) -> Words | None:
    use, said = line.use, []
    since, length = use.window.start, use.window.end - use.window.start
    if since > month.start and length > 0:
        said.append(Words(f"tại điểm này từ {_VI.at(since)}", f"at this site since {_EN.at(since)}"))
    if length <= 0:
        said.append(Words("chưa có tại điểm này trong tháng", "not at this site in the month"))
    elif use.coverage == 0:
        said.append(
            Words(
                "không có số liệu: không biết có mang lưu lượng hay không", "nothing was seen: it may have carried traffic"
            )
        )
    elif use.coverage < SEEN_ENOUGH:
        unseen = (1 - use.coverage) * length
        said.append(
            Words(
                f"không có số liệu trong {_VI.lasting(unseen)}: có thể đã mang lưu lượng",
                f"not seen for {_EN.lasting(unseen)}: it may have carried traffic then",
            )
        )
    unmeasured = sum(one.unmeasured for one in use.episodes)
    if unmeasured:
        said.append(
            Words(
                f"không đo được lưu lượng trong {_VI.lasting(unmeasured)} sử dụng",
                f"traffic not measured for {_EN.lasting(unmeasured)} in use",
            )
        )
    if not line.backup.alone:
        said.append(
            Words("điểm có nhiều tuyến dự phòng: chỉ tính khi có tải", "one of several backups: only load on it counts")
        )
    if not line.backup.primaries:
        said.append(Words("điểm không có tuyến chính", "its site has no primary link"))
    elif use.primary_unknown > (1 - SEEN_ENOUGH) * length:
        said.append(
            Words(
                f"không rõ tuyến chính trong {_VI.lasting(use.primary_unknown)}",
                f"how the primary was is not known for {_EN.lasting(use.primary_unknown)}",
            )
        )
    return Words("; ".join(one.vi for one in said), "; ".join(one.en for one in said)) if said else None


def _episode(episode: Episode, line: Line) -> list[Cell]:
    return [
        line.backup.link.id,
        line.backup.site.name,
        episode.start,
        episode.end,
        episode.seconds,
        episode.why.value,
        WHY[episode.why],
        _volume(episode.receive),
        _volume(episode.transmit),
        episode.peak,
        episode.unmeasured,
    ]


def _volume(octets: float) -> Figure:
    big = octets >= 999.95e6  # no 1,000.0 MB
    size, unit = (1e9, "GB") if big else (1e6, "MB")
    return Figure(round(octets), Words(*(f"{say.number(octets / size, 1)} {unit}" for say in (_VI, _EN))))


def _count(number: int) -> Words:
    return Words(_VI.number(number), _EN.number(number))


def _lasting(seconds: float) -> Words:
    return Words(_VI.lasting(seconds), _EN.lasting(seconds))


def title(month: Window) -> Words:
    """The title of a month's report."""
    return Words(f"Tuyến dự phòng, tháng {local(month.start):%m/%Y}", f"Backup links, {local(month.start):%Y-%m}")
