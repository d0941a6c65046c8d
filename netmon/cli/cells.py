"""`netmon cells`: states of cells that an operator tells in a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from netmon import control
from netmon.cli.words import add_config, fail, out
from netmon.settings import ConfigErrors, where
from netmon.settings.problem import UnfitError
from netmon.settings.quantities import duration

_HELP = """\
The file is CSV with this header, in any order; a time without a zone is that of Viet Nam:

  time,site,operator,technology,cell,state
  2026-11-22 07:45,cb-bts-01354,viettel,4g,CB0123-1,up
  2026-11-22 07:45,cb-bts-01354,viettel,4g,CB0123-2,down

technology is 2g, 3g, 4g or 5g, state is up, down or unknown; the header and the states may be Vietnamese. An operator tells
only of cells at sites that have him among their `carriers`. Either the whole file is taken, or nothing of it and every fault
is told with its line. What it says holds for the time of --holds from each row's own time on; then the cells are unknown.
A feed over MQTT needs no file: docs/bts.md.

examples:
  $ netmon cells viettel-0745.csv
  $ netmon cells vnpt.csv --operator vnpt --holds 6h
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "cells",
        help="take in the states of cells that an operator tells in a CSV file",
        description="Hands the states of cells in a CSV file to the running daemon.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE.csv", type=Path, help="the file")
    parser.add_argument("--holds", metavar="TIME", type=_holds, default=3600.0, help="how long it holds (default: 1h)")
    parser.add_argument("--operator", metavar="X", default="", help="whose file it is: it need not name him then")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        socket = where(args.config).control
        text = args.file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return fail(f"{args.file} is not imported: it is not UTF-8 text; save it as CSV UTF-8")
    except ConfigErrors as errors:
        return fail(str(errors))
    except OSError as error:
        return fail(f"{args.file}: {error.strerror or error}")
    if len(json.dumps(text)) + 1000 > control.LINE_LIMIT:
        return fail(f"{args.file} is too long ({len(text)} characters, about {control.LINE_LIMIT} fit): import it in parts")
    try:
        told = control.ask(socket, "cells", text=text, name=args.file.name, holds_s=args.holds, operator=args.operator)
    except control.ControlError as error:
        return fail(str(error))
    except (FileNotFoundError, ConnectionRefusedError):
        return fail(f"no daemon listens on {socket}: it alone knows what holds of a cell")
    except OSError as error:
        return fail(f"the daemon on {socket} cannot be asked: {error.strerror or error}")
    now = ", ".join(f"{count} {state}" for state, count in sorted(told["states"].items()))
    out(f"{args.file}: cells told: {told['told']}; now: {now}")
    return 0


def _holds(text: str) -> float:
    try:
        return duration(text)
    except UnfitError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
