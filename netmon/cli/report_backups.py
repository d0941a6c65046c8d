"""`netmon report backups`: when and how long each backup link carried traffic in a month."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netmon.backups import backups, known
from netmon.model import Words
from netmon.reports.backups import READING, SHOWN, Line, episodes, facts, ordered, title, whole
from netmon.reports.files import Report, ReportError
from netmon.reports.html import Page
from netmon.targets.windows import local

if TYPE_CHECKING:
    from netmon.cli.report import Asked

_TOLD = """\
One row a backup link: how often and how long it carried traffic, how much, its longest and its last time, and for how long
the primary was down meanwhile without it. A second table has each time by itself. What was not seen counts as no use, and
the coverage says how much that is. `docs/backups.md` says how to read it.

examples:
  $ netmon report backups
  $ netmon report backups --month 2026-10 --unit 01273 --unit 01279 --lang both -o /srv/reports
"""


def add_backups(parser: argparse.ArgumentParser) -> None:
    """The options of `netmon report backups`."""
    parser.epilog = _TOLD
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--unit", metavar="CODE", action="append", default=[], help="only this commune or province; may be given again"
    )


def make_backups(asked: Asked) -> Report:
    """The backup links of a month. ReportError: a unit has no site in the configuration."""
    settings, month = asked.settings, asked.month
    last = min(month.end, asked.now) - 1
    there = [one for one in backups(settings.inventory, settings.targets) if one.site.province in asked.provinces]
    if units := set(asked.options.unit):
        of_sites = {code for site in settings.inventory.sites.values() for code in (site.province, site.commune_at(last))}
        if strangers := sorted(units - of_sites):
            raise ReportError(
                f"no site of the configuration is in {', '.join(strangers)}: give the code of a commune or province"
            )
        there = [one for one in there if units & {one.site.province, one.site.commune_at(last)}]
    lines = []
    for n, backup in enumerate(there, 1):
        asked.progress(f"reading backup {n} of {len(there)}: {backup.link.id}")
        lines.append(Line(backup, *known(asked.reader, backup, month, asked.now)))
    lines, on = ordered(lines), local(last).date()
    page = Page(
        title=title(month),
        lines=[
            Words(
                "Mỗi tuyến dự phòng mang lưu lượng khi nào, bao lâu, và tuyến chính mất bao lâu mà nó không thay thế.",
                "When and how long each backup carried traffic, and how long the primary was down without it.",
            )
        ],
        warnings=_warnings(lines, running=month.end > asked.now),
        facts=facts(lines),
        tables=[whole(lines, month, asked.register, on), episodes(lines, SHOWN)],
        reading=READING,
    )
    tables = {"": whole(lines, month, asked.register, on), "episodes": episodes(lines)}
    return Report(name=f"backups-{local(month.start):%Y-%m}", page=page, tables=tables)


def _warnings(lines: Sequence[Line], *, running: bool) -> list[Words]:
    found = []
    if running:
        found.append(Words("Tháng chưa kết thúc: số liệu là tạm tính.", "The month is not over: the figures are running."))
    if any(line.simulated for line in lines):
        found.append(
            Words(
                "CÓ SỐ LIỆU MÔ PHỎNG: không dùng làm căn cứ. Cột `simulated` của tệp CSV cho biết tuyến nào.",
                "CONTAINS SIMULATED DATA: it proves nothing. The column `simulated` of the CSV says of which links.",
            )
        )
    if not lines:
        found.append(Words("Không có tuyến dự phòng nào.", "There is no backup link."))
    return found
