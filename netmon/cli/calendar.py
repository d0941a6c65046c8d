"""`netmon calendar`: which windows today lies in, who is on call; the days of a year; alertmanager.yml, iCalendar, JSON."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from netmon import units
from netmon.alertmanager import YEARS, NobodyError, alertmanager_yml
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, fail, moment, table
from netmon.events.calendar import STORM, Calendar, frozen, holiday, on_call, roster_of, windows_at, words
from netmon.model import VIET_NAM, Words
from netmon.public_holidays import FIRST_YEAR, LAST_YEAR
from netmon.reports.calendar import days_off, facts, ics, stretches
from netmon.settings.calendar import read_calendar
from netmon.settings.problem import ConfigErrors
from netmon.settings.secrets import leave
from netmon.targets.words.voice import Voice

_EXAMPLE = """\
calendar.yaml of the configuration says what is local: docs/calendar.md. Without it the days are the law's, and nobody is on
call. The daemon is not asked, and none need run.

examples:
  $ netmon calendar
  $ netmon calendar show --year 2027
  $ netmon calendar export -o /etc/prometheus/alertmanager.yml
  $ netmon calendar export --format ics --lang vi -o lich-truc.ics
"""
_DAYS = (("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật"),
         ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))  # fmt: skip
_CALLED = (
    *(Words("KÍP", "TEAM"), Words("TÊN", "NAME"), Words("ĐIỆN THOẠI", "PHONE"), Words("E-MAIL", "E-MAIL")),
    Words("CHỈ KHI", "ONLY IN"),
)
_OFF = (Words("NGÀY", "DAY"), Words("", ""), Words("NGÀY NGHỈ", "DAY OFF"))
_WINDOWS = (Words("TỪ", "FROM"), Words("ĐẾN", "UNTIL"), Words("KỲ", "WINDOW"), Words("TÊN", "NAME"))


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "calendar",
        help="holidays, windows, who is on call; makes alertmanager.yml",
        description="Shows which windows of the calendar this hour lies in and who is on call.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_shared(parser)
    parser.set_defaults(run=run, tell=_today)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    show = verbs.add_parser("show", help="the days off and the windows of a year", description="Shows a year.")
    _add_shared(show, again=True)
    show.add_argument("--year", type=_year, help="the year (default: this one)")
    show.set_defaults(tell=_show)
    export = verbs.add_parser(
        "export",
        help="make alertmanager.yml, iCalendar or JSON",
        description=f"Makes alertmanager.yml, iCalendar or JSON of {YEARS} years.",
    )
    _add_shared(export, again=True)
    export.add_argument(
        "--format",
        choices=("alertmanager", "ics", "json"),
        default="alertmanager",
        help="what to make (default: %(default)s)",
    )
    export.add_argument("--from-year", metavar="YEAR", type=_first_year, help="the first year (default: this one)")
    export.add_argument("-o", "--output", metavar="FILE", type=Path, help="write here, whole or not at all (default: print)")
    export.set_defaults(tell=_export)


def _add_shared(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """The options that stand before and behind the verb; behind it they are silent unless given."""
    told = "the language (default: that of the terminal)"
    if again:
        parser.add_argument("--config", metavar="DIR", type=Path, default=argparse.SUPPRESS, help="as before the verb")
        parser.add_argument("--lang", choices=("vi", "en"), default=argparse.SUPPRESS, help=told)
    else:
        add_config(parser)
        parser.add_argument("--lang", choices=("vi", "en"), help=told)


def run(args: argparse.Namespace) -> int:
    calendar, problems = read_calendar(args.config / "calendar.yaml", leave, register=units.load())
    if problems:
        print(ConfigErrors(problems))
        return fail(f"the calendar in {args.config} has errors")
    told: int = args.tell(args, calendar, Voice(args.lang or terminal_language()), time.time())
    return told


def _today(_: argparse.Namespace, calendar: Calendar, say: Voice, now: float) -> int:
    print(today(calendar, say, now))
    return 0


def today(calendar: Calendar, say: Voice, now: float) -> str:
    """The windows that an instant lies in, what they are for planned work, and who is on call."""
    day = datetime.fromtimestamp(now, VIET_NAM).date()
    off = holiday(calendar, day)
    held = windows_at(calendar, now)
    lines = [
        f"{moment(now)}  {_weekday(day, say)}" + (f", {say(off.vi, off.en)}" if off is not None else ""),
        f"{say('Kỳ', 'Windows')}: " + (", ".join(_named(calendar, name, say) for name in held) or say("không có", "none")),
        f"{say('Lịch trực', 'Roster')}: {roster_of(calendar, day)}",
    ]
    lines += [
        f"{say('Hạn chế thay đổi', 'Change freeze')}: {_named(calendar, freeze.window, say)}, "
        f"{say('ít nhất đến', 'until at least')} {moment(freeze.end)}"
        for freeze in frozen(calendar, now, now)
    ]
    called = on_call(calendar, now)
    if not called:
        return "\n".join(
            [*lines, say("Không có ai trực: calendar.yaml chưa nêu", "Nobody is on call: calendar.yaml names none")]
        )
    stormy = [team for team in on_call(calendar, now, storm=True) if team not in called]
    rows = [row for team in called for row in _people(calendar, team, "")]
    rows += [row for team in stormy for row in _people(calendar, team, say("có bão", STORM))]
    return "\n".join([*lines, "", table(_head(_CALLED, say), rows)])


def _head(names: Iterable[Words], say: Voice) -> list[str]:
    return [say(*name) for name in names]


def _people(calendar: Calendar, team: str, only: str) -> Iterable[tuple[str, ...]]:
    for n, member in enumerate(calendar.teams[team]):
        contact = calendar.contacts[member]
        yield team if n == 0 else "", contact.name, contact.phone or "-", contact.email or "-", only


def _show(args: argparse.Namespace, calendar: Calendar, say: Voice, now: float) -> int:
    year = args.year or datetime.fromtimestamp(now, VIET_NAM).year
    off = [(str(each.day), _weekday(each.day, say), say(each.vi, each.en)) for each in days_off(calendar, year)]
    print(table(_head(_OFF, say), off))
    windows = [
        (str(each.first), str(each.last), each.window, say(*words(calendar, each.window)))
        for each in stretches(calendar, year)
    ]
    print(f"\n{table(_head(_WINDOWS, say), windows)}")
    worked = sorted(day for day in {*calendar.work, *calendar.public(year).work} if day.year == year)
    if worked:
        print(f"\n{say('Ngày làm việc bù', 'Worked by decision')}: {', '.join(map(str, worked))}")
    return 0


def _export(args: argparse.Namespace, calendar: Calendar, say: Voice, now: float) -> int:
    first = args.from_year or datetime.fromtimestamp(now, VIET_NAM).year
    years = range(first, first + YEARS)
    match args.format:
        case "alertmanager":
            try:
                text = alertmanager_yml(calendar, first)
            except NobodyError as error:
                return fail(str(error))
        case "ics":
            text = ics(calendar, years, say, f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}")
        case _:
            text = json.dumps(facts(calendar, years), ensure_ascii=False, indent=2) + "\n"
    if args.output is None:
        print(text, end="")
        return 0
    try:
        _put(args.output, text)
    except OSError as error:
        return fail(f"{args.output} cannot be written: {error.strerror}")
    return 0


def _put(path: Path, text: str) -> None:
    """Writes a file whole, in the place of the one that is there, with its rights."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as fresh:
        try:
            fresh.write(text)
            fresh.flush()
            os.fsync(fresh.fileno())
            os.chmod(fresh.name, mode)
            os.replace(fresh.name, path)
        except OSError:
            os.unlink(fresh.name)
            raise


def _weekday(day: date, say: Voice) -> str:
    return say(_DAYS[0][day.weekday()], _DAYS[1][day.weekday()])


def _named(calendar: Calendar, window: str, say: Voice) -> str:
    return f"{window} ({say(*words(calendar, window))})"


def _year(text: str) -> int:
    return _within(text, LAST_YEAR)


def _first_year(text: str) -> int:
    return _within(text, LAST_YEAR - YEARS + 1)


def _within(text: str, last: int) -> int:
    if not text.isdecimal() or not FIRST_YEAR <= int(text) <= last:
        raise argparse.ArgumentTypeError(f"'{text}' is not a year that can be told: {FIRST_YEAR} to {last} are")
    return int(text)
