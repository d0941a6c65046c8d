"""`netmon evidence`: what a verdict rests on, as a folder that somebody with only Python can recompute."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from netmon import units
from netmon.cli.verdicts import frozen_of, month, no_frozen, no_verdict, terminal_language, verdict_named, verdicts_of
from netmon.cli.words import add_config, fail
from netmon.control import ControlError
from netmon.evidence import FolderError, Node, Sources, gather, write
from netmon.evidence.tree import Stated, verdict_of
from netmon.settings import ConfigErrors, Settings, load
from netmon.store import Frozen, Reader, StoreError
from netmon.targets.asked import told_by
from netmon.targets.definitions import AnyTarget

if TYPE_CHECKING:
    from argparse import _SubParsersAction

ATTEMPTS = 3
"""So often a whole is read with its parts: they may be judged anew in between."""

_EXAMPLE = """\
Writes the verdict with its target, the raw figures as CSV, the hashes of all files, and a program that recomputes it all
with Python's standard library alone. What it says of a commune or a province has a folder for each part.

examples:
  $ netmon evidence tslcd_p95/cb-01273-fibre -o evidence
  $ netmon evidence tslcd_p95/01273 --month 2026-10 -o 2026-10-01273
  $ python3 evidence/recompute.py evidence
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "evidence",
        help="write what a verdict rests on, so that anybody can recompute it with Python alone",
        description="Write what a verdict rests on, so that anybody can recompute it with Python alone.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verdict", metavar="VERDICT", help="target/subject, as `netmon explain` names it")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="a directory that is new or empty")
    parser.add_argument("--month", metavar="YYYY-MM", type=month, help="the frozen verdict on a month that is over")
    add_config(parser)
    parser.add_argument("--lang", choices=("vi", "en"), help="language of README.txt's beginning (default: the terminal's)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write a verdict's folder; 0 when it was written, 1 when not."""
    try:
        settings = load(args.config, secrets=False)
        with closing(Reader.open(settings.store.path)) as reader:
            return _write(args, settings, reader)
    except (ConfigErrors, ControlError, StoreError, FolderError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"the daemon on {settings.control} cannot be asked: {error.strerror or error}")


def _write(args: argparse.Namespace, settings: Settings, reader: Reader) -> int:
    targets = {target.id: target for target in settings.targets}
    node: Node | None = None
    for _ in range(ATTEMPTS):
        found, why_not = _found(args, settings, reader)
        if found is None:
            return fail(why_not)
        why_not = told_by(verdict_of(found), targets)
        if why_not:
            return fail(f"{args.verdict} cannot be written: {why_not}")
        node = _gathered(found, targets, settings, reader)
        if args.month is not None or not any(node.lacking()):
            break
    assert node is not None
    inventory = settings.inventory
    sources = Sources(reader=reader, sites=inventory.sites, links=inventory.links, kind_at=units.load().kind_at)
    count = write(node, args.output, sources, targets, args.lang or terminal_language())
    for part in node.lacking():
        fail(f"{part} has no folder: the verdict that was counted is not kept by itself, and is taken as stated")
    print(f"{args.output}: {count} files; recompute with: python3 {args.output}/recompute.py {args.output}")
    return 0


def _found(args: argparse.Namespace, settings: Settings, reader: Reader) -> tuple[Stated | None, str]:
    """The verdict that is asked for, or why there is none."""
    if args.month is not None:
        revisions = frozen_of(reader, args.verdict, args.month)
        return (revisions[0], "") if revisions else (None, no_frozen(reader, args.verdict, args.month))
    verdicts, known = verdicts_of(settings, args.verdict)
    named = [verdict for verdict in verdicts if verdict.id == args.verdict]
    if named:
        return named[0], ""
    if verdicts:
        return None, f"'{args.verdict}' has several verdicts; name one: {', '.join(verdict.id for verdict in verdicts)}"
    return None, no_verdict(known, args.verdict)


def _gathered(found: Stated, targets: Mapping[str, AnyTarget], settings: Settings, reader: Reader) -> Node:
    """With its parts: those of the same month where it is frozen, else those that stand now."""
    if isinstance(found, Frozen):
        window = found.verdict.window
        return gather(found, targets, lambda name: frozen_of(reader, name, window))
    return gather(found, targets, lambda name: verdict_named(settings, reader, name))
