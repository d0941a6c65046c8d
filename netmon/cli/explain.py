"""`netmon explain`: what was judged, by which rule, on which figures."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from netmon import units
from netmon.cli.verdicts import frozen_of, month, no_frozen, no_verdict, terminal_language, verdicts_of
from netmon.cli.words import add_config, fail, out
from netmon.control import ControlError
from netmon.model import Verdict
from netmon.names import names
from netmon.settings import ConfigErrors, Settings, load, quantities
from netmon.store import Reader, StoreError, dump_verdict
from netmon.targets.asked import targets_of, told_by
from netmon.targets.rollup import severity
from netmon.targets.words import explain

if TYPE_CHECKING:
    from argparse import _SubParsersAction

NARROWEST, WIDEST = 60, 120
_TOGETHER = re.compile(r"(?<=\d) (?=%|Mbit/s|\d)")

_EXAMPLE = """\
A verdict is named target/subject, where the subject is a link, a site, a commune or a province. A subject alone
gives all its verdicts, the worst first. The store is read as it is; a running daemon is not disturbed.

examples:
  $ netmon explain tslcd_p95/01273
  $ netmon explain tslcd_p95/cb-01273-fibre --json
  $ netmon explain 04 --lang vi
  $ netmon explain availability/01273 --month 2026-10
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "explain",
        help="say why a target is met or missed: rule, legal basis, figures, coverage, worst slots or outages",
        description="Say why a target is met or missed: rule, legal basis, figures, coverage, worst slots or outages.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verdict", metavar="VERDICT", help="target/subject, or a subject alone, such as a commune's code")
    parser.add_argument("--month", metavar="YYYY-MM", type=month, help="the frozen verdict on a month that is over")
    add_config(parser)
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    parser.add_argument("--json", action="store_true", help="print the verdict with its evidence as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain a verdict, or all of a subject's; 0 when one was found and explained, 1 when none was."""
    try:
        settings = load(args.config, secrets=False)
        if args.month is not None:
            return _explain_month(args, settings)
        verdicts, known = verdicts_of(settings, args.verdict)
    except (ConfigErrors, ControlError, StoreError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"the daemon on {settings.control} cannot be asked: {error.strerror or error}")
    if not verdicts:
        return fail(no_verdict(known, args.verdict))
    return _explain(args, settings, sorted(verdicts, key=lambda verdict: -severity(verdict.standing)))


def _explain_month(args: argparse.Namespace, settings: Settings) -> int:
    """The newest revision of the verdict on a closed month, by what its target asked then."""
    with closing(Reader.open(settings.store.path)) as reader:
        found = frozen_of(reader, args.verdict, args.month)
        if not found:
            return fail(no_frozen(reader, args.verdict, args.month))
    return _explain(args, settings, [found[0].verdict])


def _explain(args: argparse.Namespace, settings: Settings, found: Sequence[Verdict]) -> int:
    if args.json:
        shown: list[dict[str, Any]] = [{"id": verdict.id, **json.loads(dump_verdict(verdict))} for verdict in found]
        print(json.dumps(shown[0] if "/" in args.verdict else shown, ensure_ascii=False, indent=2))
        return 0
    language = args.lang or terminal_language()
    targets = {target.id: target for target in settings.targets}
    known = names(units.load(), settings.provinces, settings.inventory, language, quantities.today())
    told = []
    for verdict in found:
        why_not = told_by(verdict, targets)
        if why_not:
            fail(f"{verdict.id} is left out: {why_not}; --json shows what was judged")
        else:
            told.append(_wrapped(explain(verdict, targets_of(verdict, targets), language, known), _columns()))
    if told:
        out("\n\n".join(told))
    return 0 if told else 1


def _columns() -> int:
    """How wide a line may be: as the terminal, within reason; the widest where there is none."""
    if not sys.stdout.isatty():
        return WIDEST
    return min(WIDEST, max(NARROWEST, shutil.get_terminal_size().columns))


def _wrapped(text: str, columns: int) -> str:
    """Every line within so many columns; what continues one hangs deeper than an item of a list. A figure keeps its unit
    and its day."""
    lines = []
    for line in _TOGETHER.sub("\N{NO-BREAK SPACE}", text).splitlines():
        indent = " " * (len(line) - len(line.lstrip(" ")))
        lines += textwrap.wrap(
            line,
            columns,
            subsequent_indent=f"{indent}    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")
