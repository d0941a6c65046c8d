"""`netmon doctor`: what is wrong with this installation, and what mends it."""

from __future__ import annotations

import argparse
import json

from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, out
from netmon.doctor import Finding, Level, examine, gather
from netmon.model import Words
from netmon.targets.words.voice import Voice

_LEVEL = {
    Level.OK: Words("tốt", "ok"),
    Level.WARNING: Words("chú ý", "warning"),
    Level.WRONG: Words("sai", "wrong"),
}

_EXAMPLE = """\
A line for each thing: ok, warning or wrong; of what is not well also why that matters and the command that mends it.
Changes nothing. Exits 1 while anything is wrong. As root, or as netmon's own user, it can see everything.

examples:
  $ netmon doctor
  $ CREDENTIALS_DIRECTORY=/etc/credstore netmon doctor --lang vi
  $ netmon doctor --prometheus http://10.4.0.8:9090 --alertmanager http://10.4.0.8:9093
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check a running installation from end to end, and say what to fix",
        description="Check a running installation from end to end, and say what to fix.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--prometheus", metavar="URL", type=_address, help="where it is (default: http://127.0.0.1:9090)")
    parser.add_argument("--alertmanager", metavar="URL", type=_address, help="where it is (default: not asked)")
    parser.add_argument("--json", action="store_true", help="print them as JSON, one a line")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    found = examine(gather(args.config, args.prometheus or "", args.alertmanager or ""))
    say = Voice(args.lang or terminal_language())
    for finding in found:
        if args.json:
            print(json.dumps(_fact(finding), ensure_ascii=False))
        else:
            _show(finding, say)
    if not args.json:
        counted = ", ".join(f"{sum(f.level is level for f in found)} {say(*words)}" for level, words in _LEVEL.items())
        print(counted)
    return int(any(finding.level is Level.WRONG for finding in found))


def _show(finding: Finding, say: Voice) -> None:
    line = f"{say(*_LEVEL[finding.level]):<8} {finding.about}: {say(*finding.what)}"
    if finding.level is not Level.OK:
        line += f"; {say(*finding.why)} → {finding.fix}"
    out(line)


def _fact(finding: Finding) -> dict[str, object]:
    return {
        "level": finding.level.name.lower(),
        "about": finding.about,
        "what": finding.what._asdict(),
        "why": finding.why._asdict(),
        "fix": finding.fix,
    }


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"'{text}' is no address: write it as http://127.0.0.1:9090")
    return text.rstrip("/")
