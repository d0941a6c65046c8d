"""What `netmon storm` and `netmon maintenance` have in common: whom they ask, and how they list windows and their log."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from netmon import units
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, ago, fail, moment, out, table
from netmon.control import ControlError, ask
from netmon.model import Phase, WindowKind
from netmon.settings import ConfigErrors, Where, where
from netmon.settings.quantities import today
from netmon.store import Reader, StoreError
from netmon.targets.words import Language
from netmon.window_told import listed, logged

WHEN = "2026-11-22T14:00, 14:00, now or +6h"

_LEVELS = {3: ("3 (cam)", "3 (orange)"), 4: ("4 (đỏ)", "4 (red)"), 5: ("5 (tím)", "5 (purple)")}
_PHASES: dict[tuple[WindowKind, str], tuple[str, str]] = {
    (WindowKind.STORM, Phase.PREPARE): ("chuẩn bị", "prepare"),
    (WindowKind.STORM, Phase.IMPACT): ("đang ảnh hưởng", "impact"),
    (WindowKind.STORM, Phase.RECOVER): ("khắc phục", "recover"),
    (WindowKind.STORM, Phase.OVER): ("đã kết thúc", "over"),
    (WindowKind.MAINTENANCE, Phase.PREPARE): ("chưa bắt đầu", "ahead"),
    (WindowKind.MAINTENANCE, Phase.IMPACT): ("đang thực hiện", "under way"),
    (WindowKind.MAINTENANCE, Phase.OVER): ("đã xong", "over"),
}
_OVERRUN = ("quá giờ", "past its end")
_EXERCISE = ("[DIỄN TẬP]", "[EXERCISE]")
_VERBS = {
    "declare": ("khai báo", "declared"),
    "update": ("sửa", "changed"),
    "end": ("kết thúc", "ended"),
    "close": ("đóng", "closed"),
    "back": ("xã đã phục hồi", "communes back"),
    "expire": ("hết hạn", "expired"),
    "warn": ("cảnh báo", "warning"),
    "reopen": ("mở lại", "reopened"),
}
_HEAD = {
    "vi": ("MÃ", "TÊN", "CẤP", "GIAI ĐOẠN", "TỪ", "ĐẾN", "CÒN LẠI", "NƠI", "NGƯỜI KHAI BÁO"),
    "en": ("ID", "NAME", "LEVEL", "PHASE", "FROM", "UNTIL", "LEFT", "WHERE", "DECLARED BY"),
}
_LOG_HEAD = {
    "vi": ("LÚC", "MÃ", "VIỆC", "AI", "GHI CHÚ", "ĐẾN"),
    "en": ("AT", "ID", "WHAT", "WHO", "NOTE", "UNTIL"),
}
_NONE = {
    WindowKind.STORM: ("Không có bão nào đang được khai báo.", "No storm is declared."),
    WindowKind.MAINTENANCE: ("Không có công việc bảo trì nào.", "No works are declared."),
}
_LEVEL_COLUMN = 2
_PLACES_SHOWN = 3


def add_author(parser: argparse.ArgumentParser) -> None:
    """The options that everything has that changes a window."""
    parser.add_argument("--by", metavar="WHO", help="who asked for it; your user is recorded in any case")
    add_config(parser)


def add_list(what: argparse._SubParsersAction[argparse.ArgumentParser], of: str) -> None:
    """The subcommand `list`."""
    parser = what.add_parser("list", help=f"the {of} that stand: phase, time left, who declared them")
    parser.add_argument("id", nargs="?", metavar="ID", help="of the log: only of this one")
    parser.add_argument("--all", action="store_true", help="those that are over, too")
    parser.add_argument("--log", action="store_true", help="every change that was ever made, with who made it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    add_config(parser)


def perform(args: argparse.Namespace, kind: WindowKind, fields: Mapping[str, Any]) -> int:
    """Asks the daemon to do what was asked for; of `fields` those that were given. Returns the exit code."""
    try:
        netmon = where(args.config)
        if args.action == "list":
            return _show(args, kind, netmon)
        given = {name: value for name, value in fields.items() if value is not None and value is not False}
        answer = ask(netmon.control, kind, action=args.action, **given)
    except (ConfigErrors, ControlError, StoreError) as error:
        return fail(str(error))
    except (FileNotFoundError, ConnectionRefusedError):
        return fail(f"no daemon listens on {netmon.control}: it alone keeps what is declared")
    except OSError as error:
        return fail(f"the daemon on {netmon.control} cannot be asked: {error.strerror or error}")
    window = answer["window"]
    phase = _speaker(terminal_language())(*_PHASES[kind, window["phase"]])
    out(f"{window['id']}: {moment(window['start'])} – {moment(window['until'])}, {phase}")
    for warning in answer["warnings"]:
        out(f"  ! {warning}")
    return 0


def show(windows: Iterable[Mapping[str, Any]], kind: WindowKind, language: Language, now: float) -> str:
    """Windows as a table."""
    say, names = _speaker(language), units.load()
    rows = [_row(window, kind, say, names, now) for window in windows]
    if not rows:
        return say(*_NONE[kind])
    lines = [_HEAD[language], *rows]
    if kind is not WindowKind.STORM:
        lines = [(*line[:_LEVEL_COLUMN], *line[_LEVEL_COLUMN + 1 :]) for line in lines]
    return table(lines[0], lines[1:])


def show_log(changes: Iterable[Mapping[str, Any]], language: Language) -> str:
    """The log of changes as a table, the oldest first."""
    say = _speaker(language)
    rows = [
        (
            moment(change["at"]),
            change["window"]["id"],
            say(*_VERBS[change["verb"]]),
            change["author"],
            change["note"] or "-",
            moment(change["window"]["until"]),
        )
        for change in changes
    ]
    return table(_LOG_HEAD[language], rows)


def _show(args: argparse.Namespace, kind: WindowKind, netmon: Where) -> int:
    now, language = time.time(), args.lang or terminal_language()
    try:
        asked = {"id": args.id} if args.id else {}
        told = ask(netmon.control, kind, action="list", all=args.all, log=args.log, **asked)
    except (FileNotFoundError, ConnectionRefusedError):
        told = _stored(args, kind, netmon.store, now)
    if args.log:
        found = told["changes"]
        out(json.dumps(found, ensure_ascii=False, indent=2) if args.json else show_log(found, language))
        return 0
    found = [window for window in told["windows"] if args.id in (None, window["id"])]
    out(json.dumps(found, ensure_ascii=False, indent=2) if args.json else show(found, kind, language, now))
    return 0


def _stored(args: argparse.Namespace, kind: WindowKind, store: Path, now: float) -> dict[str, Any]:
    """What the store has, when no daemon runs. StoreError: there is no store."""
    with closing(Reader.open(store)) as reader:
        if args.log:
            return {"changes": logged(reader.window_log(args.id, kind=kind), kind)}
        return {"windows": listed(reader.windows(), kind, now, everything=args.all)}


def _row(
    window: Mapping[str, Any], kind: WindowKind, say: Callable[[str, str], str], names: units.Register, now: float
) -> tuple[str, ...]:
    phase = say(*_OVERRUN) if window["overrun"] else say(*_PHASES[kind, window["phase"]])
    back = len(window["back"])
    if back and window["phase"] == Phase.RECOVER:
        phase += say(f" ({back} xã đã phục hồi)", f" (communes back: {back})")
    name = f"{say(*_EXERCISE)} {window['name']}" if window["exercise"] else window["name"]
    level = say(*_LEVELS[window["level"]]) if window["level"] in _LEVELS else "-"
    ends = {Phase.PREPARE: window["start"], Phase.IMPACT: window["until"], Phase.RECOVER: window["over_at"]}
    until = ends.get(window["phase"])
    left = "-" if until is None else ago(until - now)
    if window["phase"] == Phase.PREPARE:
        left = say(f"{left} nữa bắt đầu", f"begins in {left}")
    if window["overrun"]:
        left = say(f"trễ {ago(now - window['until'])}", f"late by {ago(now - window['until'])}")
    times = (moment(window["start"]), moment(window["until"]))
    return (window["id"], name, level, phase, *times, left, _where(window, say, names), window["by"])


def _where(window: Mapping[str, Any], say: Callable[[str, str], str], names: units.Register) -> str:
    areas = ((code, names.unit(code, today())) for code in window["areas"])
    found = [say(unit.name, unit.name_en) if unit is not None else code for code, unit in areas]
    found += window["on"]
    more = f" +{len(found) - _PLACES_SHOWN}" if len(found) > _PLACES_SHOWN else ""
    return ", ".join(found[:_PLACES_SHOWN]) + more


def _speaker(language: Language) -> Callable[[str, str], str]:
    return lambda vi, en: vi if language == "vi" else en
