"""`netmon report sitrep` and `netmon report shift`: what is said of this hour, not of a month."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from netmon import units
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, fail
from netmon.control import ControlError, ask
from netmon.declaring import DeclarationError, begins
from netmon.events.calendar import on_call
from netmon.model import Phase, WindowKind
from netmon.reports.files import write
from netmon.reports.hour import (
    SHIFT_FORMATS,
    SHIFT_S,
    SITREP_FORMATS,
    directory_of,
    handover,
    last_report,
    rendered,
    report_on,
    shift_rendered,
    stored_standpoint,
    stored_windows,
)
from netmon.settings import ConfigErrors, Settings, load, where
from netmon.store import Reader, StoreError

_SITREP = """\
Per province: communes that lost the level-II network of TSLCD and why, base stations lost by operator, what runs on backup
and without mains, what is back since the report before. Asked of the running daemon; when none runs, of the store, and it
says so. While a storm strikes or is recovered from, the daemon writes one every hour, on the hour, beside the store.
docs/sitrep.md tells what each figure counts, and what the JSON holds.

examples:
  $ netmon report sitrep
  $ netmon report sitrep --lang en --format json
  $ netmon report sitrep --format html -o sitrep.html
  $ netmon report sitrep --since 06:00
"""
_SHIFT = """\
How things stand and who goes dark next; storms, works under way or within 12 hours; open incidents, the gravest first, with
their causes, impact, who has them, circuit and hotline; what was restored, written into the book and declared since; who is
on call.

examples:
  $ netmon report shift
  $ netmon report shift --since 06:00 --lang vi
"""


def add(reports: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds both to the reports."""
    for name, help_, epilog, run, formats in (
        ("sitrep", "the situation report of this hour: who is cut off, why, what is back", _SITREP, sitrep, SITREP_FORMATS),
        ("shift", "the handover of a shift: open incidents and what changed", _SHIFT, shift, SHIFT_FORMATS),
    ):
        parser = reports.add_parser(
            name,
            help=help_,
            description=f"{help_[0].upper()}{help_[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--format", choices=formats, default="text", help="how to print it (default: text)")
        parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
        default = "the report before, else an hour ago" if name == "sitrep" else "12 hours ago"
        parser.add_argument(
            "--since",
            metavar="TIME",
            help=f'since when changes count: "06:00" (the last one), "2026-11-22T06:00" (default: {default})',
        )
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="a file (default: standard output)")
        add_config(parser)
        parser.set_defaults(run=run)


def sitrep(args: argparse.Namespace) -> int:
    """Print the situation report; 0 when it was made."""
    return _run(args, "sitrep", _stored_sitrep)


def shift(args: argparse.Namespace) -> int:
    """Print the handover; 0 when it was made."""
    return _run(args, "shift", _stored_shift)


DAY_S = 86_400.0
_OF_DAY = re.compile(r"\d{2}:\d{2}")

Stored = Callable[[Settings, Reader, float, float | None, argparse.Namespace], str]


def _run(args: argparse.Namespace, command: str, stored: Stored) -> int:
    """Asks the daemon, else the store."""
    now = time.time()
    args.lang = args.lang or terminal_language()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        since = None if args.since is None else since_when(args.since, now)
        control = where(args.config).control
        try:
            asked = {"format": args.format, "lang": args.lang} | ({} if since is None else {"since": since})
            content = ask(control, command, **asked)["content"]
        except (FileNotFoundError, ConnectionRefusedError):
            settings = load(args.config, secrets=False)
            with closing(Reader.open(settings.store.path)) as reader:
                content = stored(settings, reader, now, since, args)
        if args.output is not None:
            write(args.output, content.encode())
            print(args.output)
        else:
            sys.stdout.write(content)
    except (ConfigErrors, ControlError, DeclarationError, StoreError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or control}: {error.strerror or error}")
    return 0


def since_when(text: str, now: float) -> float:
    """An instant that is past: of a time of the day the last one. DeclarationError: it is none, or ahead of now."""
    at = begins(text, now)
    if at > now and _OF_DAY.fullmatch(text.strip()):
        at -= DAY_S
    if at > now:
        raise DeclarationError(f"--since {text} lies ahead", "nothing has changed since then")
    return at


def _stored_sitrep(settings: Settings, reader: Reader, now: float, since: float | None, args: argparse.Namespace) -> str:
    before = last_report(directory_of(settings), now) if since is None else None
    standpoint = stored_standpoint(reader, settings.inventory, now, since, before)
    return rendered(report_on(standpoint, settings, units.load(), before), args.format, args.lang)


def _stored_shift(settings: Settings, reader: Reader, now: float, since: float | None, args: argparse.Namespace) -> str:
    since, register, windows = now - SHIFT_S if since is None else since, units.load(), stored_windows(reader, now)
    situation = report_on(stored_standpoint(reader, settings.inventory, now, since, None), settings, register, None)
    storm = any(w.kind is WindowKind.STORM and not w.exercise and phase is not Phase.OVER for w, phase in windows)
    called = on_call(settings.calendar, now, storm=storm)
    going_on = reader.incidents(going_on=True)
    read = handover(reader, since, now, going_on, windows, called, situation=situation)
    return shift_rendered(read, args.format, args.lang, settings, register, settings.calendar.hotlines)
