"""`netmon maintenance`: declare works on devices, links, cables, sites and communes, change them, end them, list them."""

from __future__ import annotations

import argparse

from netmon.cli.declared import WHEN, add_author, add_list, perform
from netmon.model import WindowKind

_EXAMPLE = """\
examples:
  $ netmon maintenance declare --name "thay cáp" --on cable:ring-1 --from 2026-11-25T22:00 --until +4h --by VNPT
      what falls by them between 22:00 and 02:00 pages nobody; what is still down after that does
  $ netmon maintenance declare --name "thay router" --on device:cb-01273-r1 --on link:cb-01273-fibre --until +1h
  $ netmon maintenance end thay-cap-2026-11-25
      they are done: what is still down pages by itself
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "maintenance",
        help="declare, change, end and list planned works",
        description="Works explain what falls by them while they are under way, and nothing else (docs/maintenance.md).",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    declare = actions.add_parser("declare", help="works that are planned, or begin")
    update = actions.add_parser("update", help="change what was declared")
    update.add_argument("id", metavar="ID", help="as `netmon maintenance list` has it")
    for each, needed in ((declare, True), (update, False)):
        each.add_argument("--name", required=needed, help='what is done: "thay cáp"')
        each.add_argument(
            "--on", metavar="WHAT", action="append", help="device:ID, link:ID, site:ID or cable:NAME; may be given again"
        )
        each.add_argument("--areas", metavar="CODES", help="codes of communes whose whole network is worked on")
        each.add_argument("--from", dest="start", metavar="WHEN", help=f"when they begin: {WHEN} (default of declare: now)")
        each.add_argument(
            "--until", metavar="WHEN", required=needed, help=f"when they end: {WHEN}, counted from their start"
        )
        each.add_argument("--note", metavar="TEXT", help="what else there is to say of them")
    end = actions.add_parser("end", help="they are done, or will not be")
    end.add_argument("id", metavar="ID", help="as `netmon maintenance list` has it")
    for each in (declare, update, end):
        add_author(each)
    add_list(actions, "works")


def run(args: argparse.Namespace) -> int:
    fields = {name: getattr(args, name, None) for name in ("id", "name", "on", "areas", "until", "note", "by")}
    return perform(args, WindowKind.MAINTENANCE, fields | {"from": getattr(args, "start", None)})
