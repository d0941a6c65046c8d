"""`netmon report`: what the department hands in each month, as CSV and as pages to print."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from netmon import units
from netmon.cli import report_data, report_now
from netmon.cli.report_backups import add_backups, make_backups
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, fail
from netmon.model import VIET_NAM, Window
from netmon.reports import compliance
from netmon.reports.files import FORMATS, NothingKnownError, Report, ReportError, contents, put, write
from netmon.settings import ConfigErrors, Settings, load
from netmon.store import Reader, StoreError
from netmon.targets.windows import local, month_before, month_of
from netmon.targets.words.voice import Language
from netmon.units import Register

STDOUT = Path("-")

NOTHING_KNOWN = 66
"""EX_NOINPUT of sysexits.h: nothing was measured in that month, as before netmon's first; no failure of the timer's unit."""

_EXAMPLE = """\
Files are named after the report, its month and its language: compliance-2026-10.vi.html. One that is there already is never
written over: a report that says something else becomes compliance-2026-10-r2 beside it. `docs/reports.md` says what each
figure means.

examples:
  $ netmon report compliance
  $ netmon report compliance --month 2026-10 --lang both -o /srv/reports
  $ netmon report compliance --month 2026-10 --lang en -o october.csv
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is made of. `month` is whole, also when it is still running at `now`; `progress` is called with a line
    that says how far the work has come."""

    settings: Settings
    reader: Reader
    register: Register
    provinces: Sequence[str]
    month: Window
    now: float
    progress: Callable[[str], None]
    options: argparse.Namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A report that can be asked for. `make` raises ReportError when it cannot be made. `instead` is
    called first, and ends the command where it returns an exit code."""

    name: str
    help: str
    make: Callable[[Asked], Report]
    add: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    instead: Callable[[argparse.Namespace], int | None] = lambda args: None


def _compliance(asked: Asked) -> Report:
    return compliance.report(
        asked.settings, asked.reader, asked.register, asked.provinces, asked.month, asked.now, asked.progress
    )


REPORTS = (
    Command(
        name="compliance",
        help="each commune and province against each target: required, measured, coverage, verdict, cause",
        make=_compliance,
    ),
    Command(
        name="registry",
        help="every connection on a day: agency, since when, channels, bandwidth, quality (Circular 06/2026, Article 10)",
        make=report_data.make_registry,
        add=report_data.add_registry,
    ),
    Command(
        name="speed",
        help="medians of measured speeds by unit and operator, beside those of i-speed",
        make=report_data.make_speed,
        add=report_data.add_speed,
        instead=report_data.import_ispeed,
    ),
    Command(
        name="inventory",
        help="BTS by operator and technology, shared masts, devices, links, kilometres of fibre, and their change",
        make=report_data.make_inventory,
        add=report_data.add_inventory,
    ),
    Command(
        name="backups",
        help="when and how long each backup link carried traffic, and how long the primary was down without it",
        make=make_backups,
        add=add_backups,
    ),
)
"""What `netmon report` can make. The options of all are those of `_add_common`; `Command.add` adds a report's own."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "report",
        help="make a report: of a month, as CSV and a page to print; of this hour: sitrep, shift",
        description="Make a month's report, as CSV and a page to print, or tell how things stand (sitrep, shift), in "
        "Vietnamese or English.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reports = parser.add_subparsers(dest="report", required=True, metavar="REPORT")
    for command in REPORTS:
        own = reports.add_parser(
            command.name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}."
        )
        _add_common(own)
        command.add(own)
        own.set_defaults(run=partial(_run, command))
    report_now.add(reports)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--month", metavar="YYYY-MM", type=_month, help="the month, or last, the last one that is over (the default)"
    )
    parser.add_argument("--province", metavar="CODE", help="only this province (default: all of the configuration)")
    parser.add_argument(
        "-o", "--output", metavar="DIR|FILE", type=Path, default=Path(),
        help="a directory, a file that ends with .csv or .html, or - for standard output (default: this directory); "
        "%%Y and %%m in it become the year and the month of the report",
    )  # fmt: skip
    parser.add_argument("--format", choices=(*FORMATS, "both"), default=None, help="default: both, or that of the file")
    parser.add_argument("--lang", choices=("vi", "en", "both"), help="the language (default: that of the terminal)")
    add_config(parser)


def _run(command: Command, args: argparse.Namespace) -> int:
    """Make one report; 0 when it is written, 66 when nothing is known of its month, 1 when it could not be made."""
    if (code := command.instead(args)) is not None:
        return code
    now = time.time()
    month = args.month or month_before(month_of(now))
    args.output = _dated(args.output, month)
    if month.start > now:
        return fail(f"the month {local(month.start):%Y-%m} has not begun")
    try:
        formats, languages = _shapes(args)
        settings = load(args.config, secrets=False)
        provinces = _provinces(settings, args.province)
        with closing(Reader.open(settings.store.path)) as reader, Progress() as progress:
            asked = Asked(
                settings=settings,
                reader=reader,
                register=units.load(),
                provinces=provinces,
                month=month,
                now=now,
                progress=progress,
                options=args,
            )
            report = command.make(asked)
        _hand_over(report, args.output, contents(report, formats, languages))
    except NothingKnownError as error:
        fail(str(error))
        return NOTHING_KNOWN
    except (ConfigErrors, StoreError, ReportError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or args.output}: {error.strerror or error}")
    return 0


def _hand_over(report: Report, output: Path, files: dict[str, bytes]) -> None:
    if output == STDOUT or _is_file(output):
        (content,) = [content for end, content in files.items() if not end.startswith("-")]
        if output == STDOUT:
            sys.stdout.buffer.write(content)
            return
        write(output, content)
        print(output)
        return
    for path, unchanged in put(output, report.name, files):
        print(f"{path} (unchanged)" if unchanged else path)


def _shapes(args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Language]]:
    """The formats and the languages that are asked for. ReportError: one file cannot hold them."""
    languages: Sequence[Language] = ("vi", "en") if args.lang == "both" else (args.lang or terminal_language(),)
    if _is_file(args.output):
        told = args.output.suffix.removeprefix(".").lower()
        if args.format not in (None, told):
            raise ReportError(f"{args.output} ends with .{told}, and --format says {args.format}")
        formats: Sequence[str] = (told,)
    else:
        formats = FORMATS if args.format in (None, "both") else (args.format,)
    if (_is_file(args.output) or args.output == STDOUT) and len(formats) * len(languages) != 1:
        raise ReportError("one file holds one format in one language: choose --format and --lang, or name a directory")
    return formats, languages


def _dated(output: Path, month: Window) -> Path:
    """The output with the report's year and month filled in."""
    first = local(month.start)
    return Path(str(output).replace("%Y", f"{first:%Y}").replace("%m", f"{first:%m}"))


def _is_file(output: Path) -> bool:
    return output.suffix.lower() in (".csv", ".html") and not output.is_dir()


def _provinces(settings: Settings, asked: str | None) -> Sequence[str]:
    if asked is None:
        return settings.provinces
    if asked not in settings.provinces:
        raise ReportError(f"province '{asked}' is not in the configuration, which has {', '.join(settings.provinces)}")
    return (asked,)


def _month(text: str) -> Window:
    if text == "last":
        return month_before(month_of(time.time()))
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"'{text}': expected a month such as 2026-10, or last")
    return month_of(datetime.strptime(text, "%Y-%m").replace(tzinfo=VIET_NAM).timestamp())


class Progress:
    """One line on standard error that says how far the work has come, where that is a terminal; gone at the end."""

    EVERY_S = 0.1

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, text: str) -> None:
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + self.EVERY_S
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()
