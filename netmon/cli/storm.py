"""`netmon storm`: declare a storm over provinces or communes, change it, end it, list what stands."""

from __future__ import annotations

import argparse

from netmon.cli.declared import WHEN, add_author, add_list, perform
from netmon.model import WindowKind

_EXAMPLE = """\
examples:
  $ netmon storm declare --name "bão số 12" --level 4 --areas 04,01273 --from 18:00 --until +36h --by "trực ban tỉnh"
      it strikes from 18:00 today for 36 hours; until then it is prepared for
  $ netmon storm declare --exercise --name "diễn tập" --level 3 --areas 04 --until +2h
      touches nothing real
  $ netmon storm update bao-so-12-2026 --until 2026-11-24T06:00
  $ netmon storm end bao-so-12-2026
      recovery begins: each commune leaves the storm when it has been back for 30 minutes
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "storm",
        help="declare, change, end and list storms",
        description="Storms are declared for an area and a time; docs/storms.md says what that changes.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    declare = actions.add_parser("declare", help="a storm that comes, or is here")
    update = actions.add_parser("update", help="change what was declared")
    update.add_argument("id", metavar="ID", help="as `netmon storm list` has it")
    for each, needed in ((declare, True), (update, False)):
        each.add_argument("--name", required=needed, help='what it is called: "bão số 12"')
        each.add_argument("--level", required=needed, help="3, 4 or 5 (Decision 18/2021/QD-TTg)")
        each.add_argument("--areas", metavar="CODES", required=needed, help="codes of provinces and communes: 04,01273")
        each.add_argument("--from", dest="start", metavar="WHEN", help=f"its onset: {WHEN} (default of declare: now)")
        each.add_argument("--until", metavar="WHEN", required=needed, help=f"its end: {WHEN}, counted from its onset")
        each.add_argument("--note", metavar="TEXT", help="what else there is to say of it")
    declare.add_argument("--exercise", action="store_true", help="an exercise: it touches nothing real")
    end = actions.add_parser("end", help="it has struck: recovery begins")
    end.add_argument("id", metavar="ID", help="as `netmon storm list` has it")
    end.add_argument("--close", action="store_true", help="it is over at once, without recovery")
    for each in (declare, update, end):
        add_author(each)
    add_list(actions, "storms")


def run(args: argparse.Namespace) -> int:
    names = ("id", "name", "level", "areas", "until", "note", "exercise", "close", "by")
    fields = {name: getattr(args, name, None) for name in names} | {"from": getattr(args, "start", None)}
    return perform(args, WindowKind.STORM, fields)
