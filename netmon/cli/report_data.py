"""`netmon report registry`, `speed` and `inventory`: what is connected, how fast it was measured to be, and what stands."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from netmon import control, units
from netmon.cli.words import fail
from netmon.model import Uncounted, Window, Words
from netmon.reports import inventory, ispeed, registry, registry_tables, speed
from netmon.reports.files import Report, ReportError
from netmon.reports.html import Page
from netmon.settings import ConfigErrors, Settings, load
from netmon.store import Ispeed, Reader, Store, StoreError
from netmon.targets.definitions import Availability, Latency, Loss, PercentileUtilisation
from netmon.targets.windows import local, month_before, month_of
from netmon.units import Register

if TYPE_CHECKING:
    from netmon.cli.report import Asked

_REGISTRY = """\
One row a link, as it was at the end of a day: agency and commune as they were called on that day, since when, network, role,
operator, channels, contracted bandwidth, port speed, and the quality of the month before. A figure of a month that is not
closed yet is called running. Totals by province and operator follow.

examples:
  $ netmon report registry
  $ netmon report registry --on 2026-11-01 --province 04 --lang both -o /srv/reports
  $ netmon report registry --month 2026-10      as of the end of October, with October's quality
"""

_SPEED = """\
The statistic is the median, as i-speed's is. What VNNIC published stands beside it once it is imported, in columns of its
own. The file is CSV with this header; median is in Mbit/s for download and upload, in ms for latency:

  month,unit,network,operator,metric,median,samples
  2026-10,04,fixed,Viettel,download,258.28,1204
  2026-10,01273,mobile_5g,,latency,18.4,36

unit is the code of a province or commune, network is fixed, mobile or mobile_5g, metric is download, upload or latency; an
empty operator means all of them. Either the whole file is taken, or nothing of it and every fault is told with its line. A
median that was imported before is replaced.

examples:
  $ netmon report speed --month 2026-10
  $ netmon report speed --import-ispeed ispeed-2026-10.csv
"""

_INVENTORY = """\
Sites, BTS by operator and technology, shared masts, since when they are on air, devices, links and kilometres of fibre, and
how each changed since the month before. Of a running month the configuration is counted as it is now.

examples:
  $ netmon report inventory
  $ netmon report inventory --month 2026-11 --format csv --lang en -o -
"""


_FIRST_YEAR = 1900  # before it nothing was connected


def add_registry(parser: argparse.ArgumentParser) -> None:
    """The options of `netmon report registry`."""
    _teach(parser, _REGISTRY)
    parser.add_argument(
        "--on", metavar="YYYY-MM-DD", type=_day, help="the day (default: today, or with --month the month's last)"
    )


def add_speed(parser: argparse.ArgumentParser) -> None:
    """The options of `netmon report speed`."""
    _teach(parser, _SPEED)
    parser.add_argument(
        "--fewest", metavar="N", type=_samples, default=speed.FEWEST,
        help="a median of fewer samples is marked (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--import-ispeed", metavar="FILE.csv", type=Path, help="take in medians that VNNIC's i-speed published, and end"
    )


def add_inventory(parser: argparse.ArgumentParser) -> None:
    """The help of `netmon report inventory`."""
    _teach(parser, _INVENTORY)


def make_registry(asked: Asked) -> Report:
    """The database of connections on a day. ReportError: the day has not come."""
    given: Window | None = asked.options.month
    today = local(asked.now).date()
    on: date = asked.options.on or (min(local(given.end - 1).date(), today) if given else today)
    if on > today:
        raise ReportError(f"{on} has not come yet: the registry tells of a day up to today, {today}")
    unix = registry.at(on)
    month = given or month_before(month_of(unix))
    places, reader = asked.settings.inventory, asked.reader
    judging = [t for t in asked.settings.targets if isinstance(t, Availability | PercentileUtilisation | Latency | Loss)]
    closed, current = [], []
    for target in judging:
        asked.progress(f"reading the verdicts of {target.id}")
        closed += [frozen.verdict for frozen in reader.frozen(target.id, window=month)]
        current += reader.verdicts(target.id)
    quality = registry.qualities(places, judging, closed, current, month, unix)
    asked.progress("reading the port speeds")
    ports = {link: reader.port_speeds(link) for link in places.links}
    found = registry.connections(places, unix, ports, quality, asked.register)
    if asked.options.province is not None:
        found = [row for row in found if row.province in asked.provinces]
    warnings = registry_tables.warnings(found, on)
    if not found:
        _note(warnings[0].en)
    title = registry_tables.title(on)
    page = Page(
        title=title,
        lines=[
            Words(
                "Theo Điều 10 Thông tư 06/2026/TT-BKHCN: cơ quan, thời điểm kết nối, số kênh, băng thông, chất lượng.",
                "As Circular 06/2026/TT-BKHCN, Article 10, asks: agency, time of connection, channels, bandwidth, quality.",
            ),
            Words(
                f"Tình trạng đến hết ngày {on:%d/%m/%Y}; chất lượng của tháng {local(month.start):%m/%Y}.",
                f"As of the end of {on}; quality of {local(month.start):%Y-%m}.",
            ),
        ],
        warnings=warnings,
        tables=registry_tables.tables(found, asked.register, on),
        reading=registry_tables.reading(),
    )
    return Report(name=f"registry-{on}", page=page, tables={"": registry_tables.table(found, asked.register, on)})


def make_speed(asked: Asked) -> Report:
    """Medians of a month, ours and i-speed's."""
    month, register = asked.month, asked.register
    name, last = f"{local(month.start):%Y-%m}", local(min(month.end, asked.now) - 1).date()
    asked.progress("reading the speed tests")
    ours = speed.measured(asked.reader.speed_tests(*month), asked.settings.inventory.sites, _province_of(register))
    published = asked.reader.ispeed(name)
    units_told = [
        code
        for province in asked.provinces
        for code in (province, *_communes(province, register, local(month.start).date(), last))
    ]
    rows = speed.rows(ours.medians, speed.published(published), units_told)
    title = Words(f"Tốc độ truy cập Internet, tháng {local(month.start):%m/%Y}", f"Internet access speeds, {name}")
    page = Page(
        title=title,
        lines=[
            Words(
                "Trung vị các lần đo của thiết bị đo đặt tại điểm mạng, theo đơn vị hành chính và doanh nghiệp.",
                "Medians of what probes at sites measured, by administrative unit and operator.",
            )
        ],
        warnings=_speed_warnings(rows, ours.unplaced, running=month.end > asked.now),
        facts=_sources(published, rows),
        tables=speed.tables(rows, register, last, asked.options.fewest),
        reading=_speed_reading(asked.options.fewest),
    )
    return Report(
        name=f"speed-{name}", page=page, tables={"": speed.whole(rows, register, last, title, asked.options.fewest)}
    )


def make_inventory(asked: Asked) -> Report:
    """What stood in a month, beside the month before. ReportError: some provinces only, where all are kept together."""
    month = asked.options.month or month_of(asked.now)
    name, before = f"{local(month.start):%Y-%m}", f"{local(month_before(month).start):%Y-%m}"
    if set(asked.provinces) != set(asked.settings.provinces):
        raise ReportError("a month's inventory is kept of all provinces of the configuration together: leave --province out")
    is_over = month.end <= asked.now
    now = asked.reader.inventory_month(name) if is_over else {}
    warnings = []
    if is_over and not now:
        warnings.append(
            Words(
                f"Chưa có số liệu được lưu của tháng {name}: báo cáo đếm theo cấu hình hiện nay, tính đến cuối tháng đó; "
                "những gì đã bị đưa ra khỏi cấu hình từ đó đến nay không được tính.",
                f"Nothing was kept of {name}: this counts today's configuration as of that month's end, without what has "
                "left the configuration since.",
            )
        )
    now = now or inventory.figures(asked.settings.inventory, min(month.end - 1, asked.now))
    kept = asked.reader.inventory_month(before)
    if not kept:
        warnings.append(
            Words(
                f"Chưa có số liệu được lưu của tháng {before} nên không tính được tăng, giảm.",
                f"Nothing was kept of {before}: no change can be told.",
            )
        )
    on = local(min(month.end, asked.now) - 1).date()
    lines = inventory.compared(now, kept)
    title = Words(f"Hạ tầng mạng, tháng {local(month.start):%m/%Y}", f"Network inventory, {name}")
    page = Page(
        title=title,
        lines=inventory.summary(now),
        warnings=warnings,
        tables=inventory.sections(lines, asked.register, on),
    )
    return Report(name=f"inventory-{name}", page=page, tables={"": inventory.whole(lines, asked.register, on, title)})


def import_ispeed(args: argparse.Namespace) -> int | None:
    """Takes in i-speed's medians where that is asked for; then an exit code: 0 when they are stored. None: a report is
    asked for."""
    path: Path | None = args.import_ispeed
    if path is None:
        return None
    try:
        settings = load(args.config, secrets=False)
        text = path.read_text(encoding="utf-8-sig")
        found = ispeed.read(text, path.name, units.load(), time.time())
        _keep(settings, text, path.name, found)
    except UnicodeDecodeError:
        return fail(f"{path} is not imported: it is not UTF-8 text; save it as CSV UTF-8")
    except (ConfigErrors, StoreError, control.ControlError, ValueError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or settings.control}: {error.strerror or error}")
    months = ", ".join(sorted({row.month for row in found}))
    print(f"{path}: i-speed's medians are stored: {len(found)}, of {months}")
    return 0


def _keep(settings: Settings, text: str, name: str, found: Sequence[Ispeed]) -> None:
    """Through the daemon where one runs, for it alone writes to its store; else into the store itself."""
    if len(json.dumps(text)) + len(json.dumps(name)) + 100 > control.LINE_LIMIT and settings.control.exists():
        raise ValueError(
            f"{name} is too long for a running netmon ({len(text)} characters, about {control.LINE_LIMIT} fit): "
            "import it in parts, a month or a province each"
        )
    try:
        control.ask(settings.control, "ispeed", text=text, name=name)
    except (FileNotFoundError, ConnectionRefusedError):
        Reader.open(settings.store.path).close()  # a store that is not there is netmon's to make, with its own rights
        with Store.open(settings.store.path, Uncounted()) as store:
            store.put_ispeed(found, time.time())
            store.flush()


def _province_of(register: Register) -> Callable[[str, float], str]:
    """The province of a commune at an instant; "" where it is none."""

    @cache
    def on(commune: str, day: date) -> str:
        unit = register.unit(commune, day)
        return "" if unit is None else unit.parent

    return lambda commune, unix: on(commune, local(unix).date())


def _communes(province: str, register: Register, first: date, last: date) -> list[str]:
    """The communes of a province at the start or at the end of a month."""
    return sorted({unit.code for day in (first, last) for unit in register.communes(province, day)})


def _speed_warnings(rows: Sequence[speed.Row], unplaced: int, *, running: bool) -> list[Words]:
    found = []
    if running:
        found.append(Words("Tháng chưa kết thúc: số liệu là tạm tính.", "The month is not over: the figures are running."))
    if any(row.simulated for row in rows):
        found.append(
            Words(
                "CÓ SỐ LIỆU MÔ PHỎNG: không dùng làm căn cứ. Cột số mẫu cho biết bao nhiêu mẫu là mô phỏng.",
                "CONTAINS SIMULATED DATA: it proves nothing. The samples say how many of them were simulated.",
            )
        )
    if not rows:
        found.append(
            Words("Chưa có lần đo nào và chưa nhập số liệu i-speed của tháng này.",
                  "Nothing was measured in this month, and nothing of i-speed was imported.")
        )  # fmt: skip
    if unplaced:
        found.append(
            Words(
                f"{unplaced} lần đo tại các điểm không còn trong cấu hình nên không được tính.",
                f"Measurements at sites that are not in the configuration any more, and so not counted: {unplaced}.",
            )
        )
    return found


def _sources(published: Sequence[Ispeed], rows: Sequence[speed.Row]) -> list[tuple[Words, str | Words]]:
    """Where i-speed's figures came from."""
    name = Words("Nguồn số liệu i-speed", "Source of i-speed's figures")
    if not any(row.theirs for row in rows):
        return [(name, Words("chưa nhập", "not imported"))]
    return [(name, ", ".join(sorted({row.source for row in published})))]


def _speed_reading(fewest: int) -> list[Words]:
    return [
        Words(
            f"Trung vị của ít hơn {fewest} mẫu được ghi chú “ít mẫu”: chưa đủ để nói thay cho cả đơn vị.",
            f"A median of fewer than {fewest} samples is marked “few samples”: it does not speak for the unit yet.",
        ),
        Words(
            "Ba số mẫu cạnh nhau là của tải xuống, tải lên và độ trễ.",
            "Three numbers of samples in a row are those of download, upload and latency.",
        ),
        Words(
            "Cột i-speed là số liệu do VNNIC công bố từ các lần đo của người dùng. Hai nguồn đo khác nhau, đặt cạnh nhau để "
            "tham khảo, không gộp chung.",
            "The columns of i-speed are what VNNIC published of its users' tests. The two are measured differently; they "
            "stand side by side and are not mixed.",
        ),
    ]


def _note(text: str) -> None:
    """A line on standard error, in place of the one that says how far the work has come."""
    if sys.stderr.isatty():
        text = f"\r\x1b[K{text}"
    print(text, file=sys.stderr)


def _teach(parser: argparse.ArgumentParser, text: str) -> None:
    parser.epilog = text
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}': expected a day such as 2026-11-01") from None
    if day.year < _FIRST_YEAR:
        raise argparse.ArgumentTypeError(f"'{text}': expected a day from {_FIRST_YEAR} on")
    return day


def _samples(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of samples, 1 or more")
    return int(text)
