"""`netmon dark`: who goes dark next; `netmon readiness`: what should be done before a storm."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, ago, fail, moment, out, table
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, where
from netmon.targets.words import Language

_TAKES_SHOWN = 3


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    dark = commands.add_parser(
        "dark",
        help="sites without mains: how long each has, why, and what it takes with it",
        description="Shows the sites without mains as a running daemon sees them, the soonest to go dark first: how long "
        "the power probably lasts and at the earliest and latest, what that rests on, which communes are cut off with it.",
    )
    dark.set_defaults(run=run)
    ready = commands.add_parser(
        "readiness",
        help="what should be done before a storm: batteries, generators, fuel, backups",
        description="Lists what lacks before a storm, the most urgent first: weak batteries, generators that were not "
        "tried, little fuel, overdue drills of backup links, what is lost already, and where nothing is known.",
    )
    ready.add_argument(
        "--areas", metavar="CODES", type=_codes, default=[], help="provinces and communes: 04,01273 (default: everywhere)"
    )
    ready.set_defaults(run=run_readiness)
    for parser in (dark, ready):
        parser.add_argument("--format", choices=("table", "json"), default="table", help="how to print it (default: table)")
        parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
        add_config(parser)


def run(args: argparse.Namespace) -> int:
    told = _asked(args, "dark")
    if isinstance(told, int):
        return told
    if args.format == "json":
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        out(show(told, args.lang or terminal_language(), time.time()))
    return 0


def run_readiness(args: argparse.Namespace) -> int:
    """Prints what lacks before a storm; returns the exit code."""
    told = _asked(args, "readiness", areas=args.areas)
    if isinstance(told, int):
        return told
    if args.format == "json":
        print(json.dumps(told["lacks"], ensure_ascii=False, indent=2))
    else:
        out(show_readiness(told["lacks"], args.lang or terminal_language()))
    return 0


def _asked(args: argparse.Namespace, command: str, **fields: Any) -> dict[str, Any] | int:
    """What the daemon answers, or the exit code."""
    try:
        control = where(args.config).control
        return ask(control, command, timeout_s=60.0, **fields)
    except (ConfigErrors, ControlError) as error:
        return fail(str(error))
    except (FileNotFoundError, ConnectionRefusedError):
        return fail(f"no daemon listens on {control}: it alone has the readings of batteries")
    except OSError as error:
        return fail(f"the daemon on {control} cannot be asked: {error.strerror or error}")


def _codes(text: str) -> list[str]:
    return [code for part in text.split(",") if (code := part.strip())]


def show(told: Mapping[str, Any], language: Language, now: float) -> str:
    """Sites and communes that go dark, as tables."""
    return "\n\n".join(_Dark(told, language, now).parts())


class _Dark:
    """What goes dark, in one language."""

    def __init__(self, told: Mapping[str, Any], language: Language, now: float) -> None:
        self._told = told
        self._language = language
        self._vi = language == "vi"
        self._now = now

    def parts(self) -> Iterator[str]:
        if not self._told["sites"]:
            yield self._say("Không có điểm nào mất điện lưới.", "No site is known to be without mains.")
            return
        say = self._say
        head = (
            *(say("ĐIỂM", "SITE"), say("TÊN", "NAME"), say("XÃ", "COMMUNE"), say("MẤT ĐIỆN TỪ", "MAINS GONE SINCE")),
            *(say("CÒN", "LEFT"), say("SỚM NHẤT", "EARLIEST"), say("MUỘN NHẤT", "LATEST"), say("KÉO THEO", "TAKES WITH IT")),
            say("CƠ SỞ", "BASIS"),
        )
        yield table(head, (self._site(row) for row in self._told["sites"]))
        communes = [row for row in self._told["communes"] if row["site"] != row["by"] or row["likely"] is not None]
        if communes:
            cut = (
                *(say("XÃ SẼ BỊ CÔ LẬP", "COMMUNE CUT OFF"), say("TRỤ SỞ", "SEAT"), say("CÒN", "LEFT")),
                *(say("SỚM NHẤT", "EARLIEST"), say("MUỘN NHẤT", "LATEST"), say("DO ĐIỂM", "BY SITE")),
            )
            yield table(cut, ((row["commune"], row["site"], *self._bounds(row), self._by(row)) for row in communes))

    def _site(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        takes = row["takes"]
        more = len(takes) - _TAKES_SHOWN
        shown = ", ".join(takes[:_TAKES_SHOWN]) + (f" +{more}" if more > 0 else "")
        return (
            *(row["site"], row["name"], row["commune"], moment(row["since"])),
            *self._bounds(row),
            f"{len(takes)} {self._say('xã', 'communes' if len(takes) > 1 else 'commune')}: {shown}" if takes else "-",
            "; ".join(self._notes(row)),
        )

    def _notes(self, row: Mapping[str, Any]) -> Iterator[str]:
        yield row["basis"][self._language]
        if row["generator"] is False:
            yield self._say("có máy phát nhưng chưa chạy", "there is a generator, and it does not run")
        if row["silent"] and row["heard"]:
            yield self._say("im lặng từ", "silent for") + f" {self._since(row['heard'])}"

    def _since(self, at: float) -> str:
        return self._say(moment(at), ago(self._now - at))

    def _bounds(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        if row["likely"] is None:
            unknown = self._say("chưa rõ", "unknown")
            return (unknown, "-", "-")
        return tuple(self._lasting(row[bound]) for bound in ("likely", "earliest", "latest"))

    def _lasting(self, seconds: float) -> str:
        if seconds < 60:
            return self._say("hết", "none")
        hours, minutes = divmod(int(seconds // 60), 60)
        return f"{hours} {self._say('giờ', 'h')} {minutes:02d}" if hours else f"{minutes} {self._say('phút', 'min')}"

    def _by(self, row: Mapping[str, Any]) -> str:
        return self._say("chính nó", "itself") if row["by"] == row["site"] else str(row["by"])

    def _say(self, vi: str, en: str) -> str:
        return vi if self._vi else en


def show_readiness(lacks: Sequence[Mapping[str, Any]], language: Language) -> str:
    """What lacks as a table; sites of whose power nothing is known are only named below it."""
    vi = language == "vi"
    rows = [row for row in lacks if row["what"] != "power_unknown"]
    head = (
        ("VIỆC", "ĐIỂM", "TÊN", "XÃ", "ĐỐI TƯỢNG", "GIÁ TRỊ", "TỪ")
        if vi
        else ("WHAT", "SITE", "NAME", "COMMUNE", "OF", "FIGURE", "SINCE")
    )
    parts = []
    if rows:
        parts.append(
            table(
                head,
                (
                    (
                        *(row["words"][language], row["site"], row["name"], row["commune"]),
                        *(row["subject"], _figure(row, vi), moment(row["since"])),
                    )
                    for row in rows
                ),
            )
        )
    else:
        parts.append("Không thấy thiếu gì." if vi else "Nothing is known to lack.")
    unknown = [row["site"] for row in lacks if row["what"] == "power_unknown"]
    if unknown:
        said = "điểm không có số đo nguồn điện nào, chưa rõ" if vi else "without any power readings, nobody knows"
        parts.append(f"{len(unknown)} {said}: {', '.join(unknown)}")
    return "\n\n".join(parts)


def _figure(row: Mapping[str, Any], vi: bool) -> str:
    if row["figure"] is None:
        return "-"
    if row["unit"] == "s":
        minutes = round(row["figure"] / 60)
        days, hours = divmod(minutes // 60, 24)
        if days:
            return f"{days} {'ngày' if vi else 'd'}"
        return f"{hours} {'giờ' if vi else 'h'} {minutes % 60:02d}" if hours else f"{minutes} {'phút' if vi else 'min'}"
    return f"{100 * row['figure']:.0f} %"
