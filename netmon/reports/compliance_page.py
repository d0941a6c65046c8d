"""The compliance report as a page: the provinces first, then target by target, the worst communes first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from netmon.model import Standing, Window, Words
from netmon.reports.html import Page
from netmon.reports.rows import Row
from netmon.reports.table import Cell, Column, Kind, Table
from netmon.targets.windows import local
from netmon.targets.words.voice import STANDING, Voice

_VOICES = (Voice("vi"), Voice("en"))
_HASH_DIGITS = 12
_WORST_FIRST = (Standing.MISSED, Standing.UNPROVEN, Standing.AT_RISK, Standing.MET, Standing.EXEMPT)

PROVISIONAL = Words("tạm tính", "provisional")

READING = (
    Words(
        "Đạt: đã đo đủ và đạt yêu cầu. Đạt, nhưng có nguy cơ không đạt: vẫn đạt, song đã gần giới hạn.",
        "Met: enough was measured, and it meets the requirement. Met, but at risk: near the limit.",
    ),
    Words(
        "Không đạt: đã đo đủ và không đạt, hoặc phần chưa đo dù thế nào cũng không làm thay đổi kết luận.",
        "Missed: enough was measured and it falls short, or nothing that was not seen could change it.",
    ),
    Words(
        "Chưa đủ căn cứ kết luận: phần đo được ít hơn mức tối thiểu; thiếu số liệu không bao giờ được coi là đạt.",
        "Unproven: less was measured than the floor; silence never passes.",
    ),
    Words(
        "Độ phủ: phần thời gian (hoặc số mẫu 5 phút) của kỳ đánh giá mà netmon đo được.",
        "Coverage: the share of the window's time, or of its 5-minute slots, that netmon has measured.",
    ),
    Words(
        "Chạy dự phòng: đường chính mất nhưng đường dự phòng phục vụ được; tính là có dịch vụ, được nêu riêng.",
        "On backup: the primary link was down and a backup served; it counts as available and is told apart.",
    ),
    Words(
        "Còn được phép gián đoạn: thời gian gián đoạn mà chỉ tiêu cho phép trong cả tháng, trừ thời gian đã gián đoạn; số "
        "âm là đã vượt.",
        "Error budget left: the outage time that the target allows in the whole month, less what was lost; below zero it is "
        "overspent.",
    ),
    Words(
        "Bản ghi: lần chốt và các chữ số đầu của mã băm SHA-256 của kết luận đã chốt; mã đầy đủ có trong tệp CSV.",
        "Record: the revision and the first digits of the SHA-256 of the frozen verdict; the CSV has all of them.",
    ),
)


def page(rows: Sequence[Row], provinces: Mapping[str, Words], month: Window, now: float) -> Page:
    """The whole report; `provinces` are the names of those that it is about."""
    when = local(month.start)
    names = Words(*(", ".join(name[language] for name in provinces.values()) for language in (0, 1)))
    of_provinces = [row for row in rows if row.level == "province"]
    of_communes: dict[str, list[Row]] = {}
    for row in rows:
        if row.level == "commune":
            of_communes.setdefault(row.target.id, []).append(row)
    many = len(provinces) > 1
    tables = [_provinces(of_provinces, provinces)] if of_provinces else []
    tables.append(_counts(list(of_communes.values()), provinces))
    tables += [_communes(found, month, provinces if many else {}) for found in of_communes.values()]
    return Page(
        title=Words(
            f"Báo cáo kết quả theo chỉ tiêu, tháng {when:%m/%Y}: {names.vi}",
            f"Compliance report, {when:%B %Y}: {names.en}",
        ),
        lines=[_status(rows)],
        warnings=list(_warnings(rows, month, now)),
        tables=tables,
        reading=READING,
    )


def _status(rows: Sequence[Row]) -> Words:
    stated = [row.judged.stated_at for row in rows if row.judged.stated_at is not None]
    if not stated:
        return Words(f"Tình trạng: {PROVISIONAL.vi}.", f"State: {PROVISIONAL.en}.")
    revision = max(row.judged.revision or 0 for row in rows)
    vi, en = (say.at(max(stated)) for say in _VOICES)
    return Words(
        f"Tình trạng: đã chốt lúc {vi}, lần chốt {revision}. Giờ Việt Nam.",
        f"State: frozen at {en}, revision {revision}. Viet Nam time.",
    )


def _warnings(rows: Sequence[Row], month: Window, now: float) -> Iterator[Words]:
    if any(not row.judged.final for row in rows):
        if now < month.end:
            vi, en = (say.at(now) for say in _VOICES)
            yield Words(
                f"SỐ LIỆU TẠM TÍNH: tháng chưa kết thúc; tính đến {vi}. Kết luận có thể thay đổi.",
                f"PROVISIONAL: the month is not over; as of {en}. Verdicts may change.",
            )
        else:
            yield Words(
                "SỐ LIỆU TẠM TÍNH: kết luận của tháng này chưa được chốt; báo cáo tính lại từ số liệu đã lưu.",
                "PROVISIONAL: the verdicts of this month were not frozen; they were worked out afresh from what is stored.",
            )
    if any(row.simulated for row in rows):
        yield Words("CÓ SỐ LIỆU MÔ PHỎNG: không dùng làm căn cứ.", "CONTAINS SIMULATED DATA: it proves nothing.")


def _provinces(rows: Sequence[Row], names: Mapping[str, Words]) -> Table:
    columns: list[tuple[Column, Callable[[Row], Cell]]] = [
        (Column("target", Words("Chỉ tiêu", "Target")), lambda row: Words(row.target.title_vi, row.target.title_en)),
        *_FIGURES,
        (Column("basis", Words("Căn cứ", "Basis")), lambda row: row.basis),
        *_RECORD,
    ]
    if len(names) > 1:
        columns.insert(0, (Column("province", Words("Tỉnh, thành phố", "Province")), lambda row: row.name))
    return _filled(Words("Cấp tỉnh", "The province"), columns, rows)


def _counts(targets: Sequence[Sequence[Row]], names: Mapping[str, Words]) -> Table:
    """How many communes stand how, by target and province."""
    many = len(names) > 1
    found: list[list[Cell]] = []
    for rows in targets:
        target = rows[0].target
        for province, name in names.items():
            standings = [row.verdict.standing for row in rows if row.province == province]
            place: list[Cell] = [name] if many else []
            counts = [standings.count(standing) for standing in _WORST_FIRST]
            found.append([*place, Words(target.title_vi, target.title_en), len(standings), *counts])
    columns = [Column("province", Words("Tỉnh, thành phố", "Province"))] if many else []
    columns += [
        Column("target", Words("Chỉ tiêu", "Target")),
        Column("communes", Words("Số xã", "Communes"), Kind.COUNT),
        *(
            Column(standing.value, Words(*(word.capitalize() for word in STANDING[standing])), Kind.COUNT)
            for standing in _WORST_FIRST
        ),
    ]
    return Table(title=Words("Số đơn vị cấp xã theo kết luận", "Communes by verdict"), columns=columns, rows=found)


def _communes(rows: Sequence[Row], month: Window, provinces: Mapping[str, Words]) -> Table:
    target = rows[0].target
    notes = [Words(f"Căn cứ: {rows[0].basis.vi}.", f"Basis: {rows[0].basis.en}.")]
    windows = {row.verdict.window for row in rows}
    if len(windows) == 1 and (window := next(iter(windows))) != month:
        vi, en = (say.between(*window) for say in _VOICES)
        notes.append(Words(f"Kỳ đánh giá: {vi}.", f"Window: {en}."))
    columns: list[tuple[Column, Callable[[Row], Cell]]] = [
        (Column("unit", Words("Xã, phường, đặc khu", "Commune")), _unit),
        *_FIGURES,
        (Column("cause", Words("Nguyên nhân gián đoạn", "Causes of outages")), lambda row: row.cause),
        (Column("on_backup", Words("Chạy dự phòng", "On backup"), Kind.SECONDS), lambda row: row.on_backup_s),
        (
            Column("budget", Words("Còn được phép gián đoạn", "Error budget left"), Kind.SECONDS),
            lambda row: row.budget and row.budget[1],
        ),
        *_RECORD,
    ]
    if provinces:
        name = Column("province", Words("Tỉnh, thành phố", "Province"))
        columns.insert(0, (name, lambda row: provinces.get(row.province, row.province)))
    return _filled(Words(target.title_vi, target.title_en), columns, rows, notes)


def _filled(
    title: Words,
    columns: Sequence[tuple[Column, Callable[[Row], Any]]],
    rows: Sequence[Row],
    notes: Sequence[Words] = (),
) -> Table:
    """The table without the columns in which nothing stands, unless it is one that is always asked for."""
    cells = [[cell(row) for _, cell in columns] for row in rows]
    kept = [
        place for place, column in enumerate(columns) if column in _FIGURES or any(row[place] is not None for row in cells)
    ]
    return Table(
        title=title,
        columns=[columns[place][0] for place in kept],
        rows=[[row[place] for place in kept] for row in cells],
        notes=notes,
    )


def _unit(row: Row) -> Words:
    code = row.verdict.subject.id
    return Words(*(f"{name} ({code})" if name != code else code for name in row.name))


def _record(row: Row) -> str | None:
    return f"r{row.judged.revision} {row.judged.sha256[:_HASH_DIGITS]}" if row.judged.revision else None


_FIGURES: Sequence[tuple[Column, Callable[[Row], Cell]]] = (
    (Column("required", Words("Yêu cầu", "Required"), Kind.FIGURE), lambda row: row.required),
    (Column("measured", Words("Đo được", "Measured"), Kind.FIGURE), lambda row: row.measured),
    (Column("coverage", Words("Độ phủ", "Coverage"), Kind.RATIO), lambda row: row.verdict.coverage),
    (Column("standing", Words("Kết luận", "Verdict"), Kind.VERDICT), lambda row: row.verdict.standing),
)
_RECORD: Sequence[tuple[Column, Callable[[Row], Cell]]] = (
    (Column("record", Words("Bản ghi", "Record")), _record),
    (Column("notes", Words("Ghi chú", "Notes")), lambda row: row.notes),
)
