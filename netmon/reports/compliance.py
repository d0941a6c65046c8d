"""The compliance report: each commune and each province of a month against each target (Circular 06/2026/TT-BKHCN, Art 9.3).

The CSV has everything in one table, a row a target and unit; the page has one table a target, the worst communes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netmon.model import Window, Words
from netmon.reports import compliance_page
from netmon.reports.files import NothingKnownError, Report
from netmon.reports.judged import verdicts_on
from netmon.reports.rows import Row, named, rows
from netmon.reports.table import Cell, Column, Kind, Table
from netmon.settings import Settings
from netmon.store import Reader
from netmon.targets.definitions import Unit
from netmon.targets.windows import local
from netmon.units import Register

_UNIT = {
    Unit.RATIO: "ratio",
    Unit.BYTES_PER_SECOND: "mbit_s",
    Unit.SECONDS: "s",
    Unit.COUNT: "count",
    Unit.DECIBELS: "db",
}


def report(
    settings: Settings,
    reader: Reader,
    register: Register,
    provinces: Sequence[str],
    month: Window,
    now: float,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """The report on a month, from its frozen verdicts, else provisional. NothingKnownError."""
    first = reader.first_evidence()
    judged = verdicts_on(settings, reader, register, provinces, month, now, progress)
    if not judged or ((first is None or first >= month.end) and not any(one.final for one in judged)):
        raise NothingKnownError(f"nothing was measured or judged in {local(month.start):%Y-%m}")
    found = rows(judged, settings, reader, register, month, now)
    names = {code: named(register, code, month, now) for code in provinces}
    only = f"-{provinces[0]}" if len(provinces) < len(settings.provinces) else ""
    return Report(
        name=f"compliance{only}-{local(month.start):%Y-%m}",
        page=compliance_page.page(found, names, month, now),
        tables={"": table(found, month)},
    )


def table(rows: Sequence[Row], month: Window) -> Table:
    """Everything, a row a target and unit."""
    columns = [Column("month", Words("Tháng", "Month")), *(column for column, _ in _COLUMNS)]
    cells = [[f"{local(month.start):%Y-%m}", *(cell(row) for _, cell in _COLUMNS)] for row in rows]
    title = Words(f"Kết quả theo chỉ tiêu, tháng {local(month.start):%m/%Y}", f"Compliance, {local(month.start):%Y-%m}")
    return Table(title=title, columns=columns, rows=cells)


_COLUMNS: Sequence[tuple[Column, Callable[[Row], Cell]]] = (
    (Column("level", Words("Cấp", "Level")), lambda row: row.level),
    (Column("province", Words("Mã tỉnh", "Province code")), lambda row: row.province),
    (Column("unit", Words("Mã đơn vị", "Unit code")), lambda row: row.verdict.subject.id),
    (Column("unit_name", Words("Đơn vị", "Unit")), lambda row: row.name),
    (Column("target", Words("Mã chỉ tiêu", "Target id")), lambda row: row.target.id),
    (
        Column("target_title", Words("Chỉ tiêu", "Target")),
        lambda row: Words(row.target.title_vi, row.target.title_en),
    ),
    (Column("figure_unit", Words("Đơn vị tính", "Unit of the figures")), lambda row: _UNIT[row.target.unit]),
    (
        Column("required_is", Words("Yêu cầu là", "Required is")),
        lambda row: "at_most" if row.target.more_is_worse else "at_least",
    ),
    (Column("required", Words("Yêu cầu", "Required"), Kind.FIGURE), lambda row: row.required),
    (Column("measured", Words("Đo được", "Measured"), Kind.FIGURE), lambda row: row.measured),
    (Column("coverage", Words("Độ phủ số liệu", "Coverage"), Kind.RATIO), lambda row: row.verdict.coverage),
    (Column("standing", Words("Kết luận", "Verdict"), Kind.VERDICT), lambda row: row.verdict.standing),
    (Column("final", Words("Đã chốt", "Final")), lambda row: "yes" if row.judged.final else "no"),
    (Column("cause", Words("Nguyên nhân gián đoạn", "Causes of outages")), lambda row: row.cause),
    (Column("on_backup", Words("Thời gian chạy dự phòng", "On backup"), Kind.SECONDS), lambda row: row.on_backup_s),
    (
        Column("error_budget", Words("Thời gian gián đoạn cho phép", "Error budget"), Kind.SECONDS),
        lambda row: row.budget and row.budget[0],
    ),
    (
        Column("error_budget_left", Words("Còn được phép gián đoạn", "Error budget left"), Kind.SECONDS),
        lambda row: row.budget and row.budget[1],
    ),
    (Column("basis", Words("Căn cứ", "Basis")), lambda row: row.target.basis),
    (Column("basis_kind", Words("Loại căn cứ", "Kind of basis")), lambda row: row.target.basis_kind.value),
    (Column("window_start", Words("Từ", "From"), Kind.INSTANT), lambda row: row.verdict.window.start),
    (Column("window_end", Words("Đến", "To"), Kind.INSTANT), lambda row: row.verdict.window.end),
    (Column("revision", Words("Lần chốt", "Revision"), Kind.COUNT), lambda row: row.judged.revision),
    (Column("frozen", Words("Chốt lúc", "Frozen"), Kind.INSTANT), lambda row: row.judged.stated_at),
    (Column("sha256", Words("Mã băm SHA-256", "SHA-256")), lambda row: row.judged.sha256 or None),
    (Column("simulated", Words("Có số liệu mô phỏng", "Simulated data")), lambda row: "yes" if row.simulated else "no"),
    (Column("notes", Words("Ghi chú", "Notes")), lambda row: row.notes),
)
