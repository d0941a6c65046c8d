"""`netmon incident`: the incident book, from the daemon where one runs, else as the store has it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from netmon import book, units
from netmon.causes.words import CAUSES, ROOTS, impact_told
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, ago, fail, moment, out, table
from netmon.control import ControlError, ask
from netmon.model import CauseClass, Words
from netmon.reports.shift import MERGED, part_of
from netmon.settings import ConfigErrors, load, quantities, where
from netmon.settings.problem import UnfitError
from netmon.store import Reader, StoreError
from netmon.targets.words import Language

_HELP = """\
What people write is never changed or taken back: a corrected cause stands beside the one that netmon found. The author is
the user who types; --by puts a name beside it, for a desk that several people share.

examples:
  $ netmon incident list
  $ netmon incident show 2026-0017
  $ netmon incident ack 2026-0017 --by Lan
  $ netmon incident cause 2026-0017 power "EVN: no mains in the area until 18:00"
  $ netmon incident assign 2026-0017 "Viettel, team 3"
  $ netmon incident close 2026-0017 "spliced at km 12"
  $ netmon incident open --on link:cb-01290-f1 --cause fibre --text "the commune called: excavator at the bridge"
"""

_VERBS = {
    "opened": Words("netmon mở", "opened"),
    "grew": Words("lan rộng", "grew"),
    "found": Words("tìm ra nguyên nhân", "found"),
    "restored": Words("khôi phục", "restored"),
    "relapsed": Words("tái diễn", "relapsed"),
    "open": Words("mở", "opened by hand"),
    "acknowledge": Words("nhận", "acknowledged"),
    "comment": Words("ghi chú", "comment"),
    "assign": Words("giao", "assigned"),
    "cause": Words("sửa nguyên nhân", "cause corrected"),
    "close": Words("đóng", "closed"),
    "reopen": Words("mở lại", "reopened"),
}
_IMPACT = {
    "isolated": Words("xã bị cô lập", "communes isolated"),
    "on_backup": Words("xã chạy dự phòng", "communes on backup"),
    "service_centres": Words("trung tâm phục vụ", "service centres"),
    "stations": Words("trạm BTS", "base stations"),
}
_DEEDS = {
    "ack": "take an incident on",
    "comment": "write a line into its book",
    "assign": "hand it to somebody: a name",
    "cause": f"correct its cause: one of {', '.join(CauseClass)}, and why",
    "close": "it is dealt with; what is still down cannot be closed",
    "reopen": "it is not dealt with after all",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "incident",
        help="the incident book: what fell together, why, and what people did about it",
        description="Shows incidents and writes into their book.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="the incidents that go on", description="Lists the incidents that go on.")
    listing.add_argument("--all", action="store_true", help="also those that are over")
    listing.add_argument(
        "--since", metavar="TIME", type=_span, default=0.0, help="also those that ended in the last 8h, 2d, …"
    )
    _add_output(listing)
    show = verbs.add_parser("show", help="one incident with its book", description="Shows one incident with its book.")
    show.add_argument("id", metavar="ID", help="its number, as the list has it")
    _add_output(show)
    for verb, what in _DEEDS.items():
        deed = verbs.add_parser(verb, help=what, description=f"{verb}: {what}.")
        deed.add_argument("id", metavar="ID", help="the number of the incident")
        deed.add_argument("text", metavar="TEXT", nargs="*", help="what there is to say")
        _add_author(deed)
    opening = verbs.add_parser("open", help="open one by hand: somebody called", description="Opens an incident by hand.")
    opening.add_argument(
        "--on", metavar="SUBJECT", required=True, help="link:ID, device:ID, site:ID, cable:NAME or commune:CODE"
    )
    opening.add_argument("--cause", metavar="CLASS", choices=list(CauseClass), default="unknown", help=", ".join(CauseClass))
    opening.add_argument("--text", required=True, help="what happened")
    _add_author(opening)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    add_config(parser)
    parser.set_defaults(run=run)


def _add_author(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", metavar="NAME", default="", help="the name that stands beside your user's")
    _add_output(parser)


def _span(text: str) -> float:
    try:
        return quantities.duration(text)
    except UnfitError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    try:
        control = where(args.config).control
        told = _told(args, control)
    except (ConfigErrors, ControlError, StoreError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"the daemon on {control} cannot be asked: {error.strerror or error}")
    if args.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return 0
    page = _Page(args.lang or terminal_language())
    out(page.listed(told["incidents"]) if args.verb == "list" else page.shown(told["incident"], told.get("entries", ())))
    return 0


def _told(args: argparse.Namespace, control: Path) -> Mapping[str, Any]:
    """What the daemon says. Where none runs the store is read; nobody writes into the book then."""
    since = time.time() - args.since if args.verb == "list" and args.since else 0.0
    try:
        match args.verb:
            case "list":
                return ask(control, "incidents", all=args.all, since=since)
            case "show":
                return ask(control, "incident", id=args.id, action="show", text="")
            case "open":
                asked = {"on": args.on, "cause": args.cause, "text": args.text, "by": args.by}
                return ask(control, "incident", action="open", **asked)
        return ask(control, "incident", id=args.id, action=args.verb, text=" ".join(args.text), by=args.by)
    except (FileNotFoundError, ConnectionRefusedError):
        if args.verb not in ("list", "show"):
            raise ControlError(f"no daemon listens on {control}: it alone writes into the book") from None
    settings = load(args.config, secrets=False)
    with closing(Reader.open(settings.store.path)) as reader:
        if args.verb == "list":
            return book.list_from_store(reader, settings.inventory, time.time(), everything=args.all, since=since)
        return book.from_store(reader, args.id, settings.inventory, time.time())


class _Page:
    """How incidents stand on a terminal, in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._register = units.load()
        self._today = quantities.today()

    def listed(self, incidents: Sequence[Mapping[str, Any]]) -> str:
        """A line an incident."""
        if not incidents:
            return self._say("không có sự cố nào đang diễn ra", "no incident goes on")
        head = [
            self._say("SỰ CỐ", "INCIDENT"), self._say("TỪ", "SINCE"), self._say("KÉO DÀI", "LASTS"),
            self._say("NGUYÊN NHÂN", "CAUSE"), self._say("GỐC", "ROOT"), self._say("MẤT", "DOWN"),
            self._say("ẢNH HƯỞNG", "HITS"), self._say("NGƯỜI XỬ LÝ", "WHO"),
        ]  # fmt: skip
        return table(head, [self._line(incident) for incident in incidents])

    def _line(self, told: Mapping[str, Any]) -> list[str]:
        hits = self._in(impact_told({part: len(told["impact"][part]) for part in _IMPACT}))
        state = "" if told["until"] is None else self._say(" (đã khôi phục)", " (over)")
        state = f" ({self._in(MERGED)})" if told.get("part_of") else state
        state = self._say(" (đã đóng)", " (closed)") if told["closed"] is not None else state
        return [
            told["id"] + state,
            moment(told["since"]),
            ago(told["lasted_s"]),
            self._cause(told, ()),
            self._subject(told["root"]),
            f"{told['down']}/{told['fell']}",
            hits or "-",
            told["assigned"] or told["acknowledged"] or "-",
        ]

    def shown(self, told: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
        """One incident, whom to call, and its book."""
        over = f" – {moment(told['until'])}" if told["until"] is not None else ""
        lines = [
            f"{told['id']}  {self._subject(told['root'])}",
            f"{self._say('nguyên nhân', 'cause')}: {self._cause(told, entries)}",
            f"{self._say('từ', 'since')}: {moment(told['since'])}{over} ({ago(told['lasted_s'])})",
            f"{self._say('đang mất', 'down')}: {told['down']}/{told['fell']}"
            + "".join(f"\n  {self._subject(member)}" for member in told["members"]),
        ]
        lines += [f"- {clue[self._language]}, {moment(clue['at'])}" for clue in told["clues"]]
        for kind, words in _IMPACT.items():
            if hit := told["impact"][kind]:
                named = ", ".join(self._commune(code) if kind in ("isolated", "on_backup") else code for code in hit)
                lines.append(f"{self._in(words)}: {len(hit)} ({named})")
        for key, words in (
            ("acknowledged", Words("người nhận", "acknowledged by")),
            ("assigned", Words("giao cho", "assigned to")),
        ):
            if told[key]:
                lines.append(f"{self._in(words)}: {told[key]}")
        if told["closed"] is not None:
            lines.append(f"{self._say('đóng lúc', 'closed')}: {moment(told['closed'])}")
        if told["links"]:
            head = [
                self._say("TUYẾN", "LINK"),
                self._say("NHÀ MẠNG", "OPERATOR"),
                self._say("MÃ KÊNH", "CIRCUIT"),
                "HOTLINE",
            ]
            rows = [
                [each["link"], *(each[key] or "-" for key in ("operator", "circuit", "hotline"))] for each in told["links"]
            ]
            lines += ["", table(head, rows)]
        if not entries:  # what was just written is told without the rest of the book
            return "\n".join(lines)
        head = [self._say("LÚC", "AT"), self._say("AI", "WHO"), self._say("VIỆC", "WHAT"), ""]
        rows = [[moment(each["at"]), _who(each), self._in(_verb(each)), each["text"].replace("\n", " ")] for each in entries]
        return "\n".join([*lines, "", table(head, rows)])

    def _cause(self, told: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
        """The cause that holds, and netmon's own where that is another: "power (corrected by lan; netmon found fibre)"."""
        holds, found = (self._say(*CAUSES[CauseClass(told[key])]) for key in ("cause", "found_cause"))
        if holds == found:
            return holds
        author = next((_who(each) for each in reversed(entries) if each["verb"] == "cause"), "")
        who = self._say(f"{author} sửa; ", f"corrected by {author}; ") if author else ""
        return f"{holds} ({who}{self._say('netmon tìm ra', 'netmon found')} {found})"

    def _subject(self, told: Mapping[str, Any]) -> str:
        if told["kind"] == "commune":
            return self._commune(told["id"])
        kind = self._say(*ROOTS.get(told["kind"], ("", "")))
        named = f"{kind} {told['id']}".strip() if told["id"] != told["kind"] else told["id"]
        return f"{named}, {told['name']}" if told.get("name") else named

    def _commune(self, code: str) -> str:
        unit = self._register.unit(code, self._today)
        if unit is None:
            return code
        return unit.name if self._language == "vi" else unit.name_en

    def _in(self, words: Words) -> str:
        return words.vi if self._language == "vi" else words.en

    def _say(self, vi: str, en: str) -> str:
        return vi if self._language == "vi" else en


def _verb(entry: Mapping[str, Any]) -> Words:
    return MERGED if part_of(entry["verb"], entry["text"]) else _VERBS[entry["verb"]]


def _who(entry: Mapping[str, Any]) -> str:
    """The name that was given, and always who was at the keyboard."""
    return f"{entry['note']} ({entry['author']})" if entry["note"] else str(entry["author"])
