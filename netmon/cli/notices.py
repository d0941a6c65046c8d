"""`netmon notices`: what devices told by themselves: traps, informs, MQTT events."""

from __future__ import annotations

import argparse
import json
from contextlib import closing

from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, fail, moment, table
from netmon.model import Words
from netmon.notice import NoticeKind
from netmon.settings import ConfigErrors, load
from netmon.store import Reader, StoreError
from netmon.targets.words.voice import Voice

WIDEST = 100

_HEAD = (
    *(Words("LÚC", "WHEN"), Words("THIẾT BỊ", "DEVICE"), Words("LOẠI", "KIND")),
    *(Words("TIN", "WHAT"), Words("TỪ", "FROM"), Words("KÈM THEO", "CARRIES")),
)
_KIND = {NoticeKind.EVENT: "sự kiện", NoticeKind.FLOOD: "báo dồn dập", NoticeKind.TWIN: "trùng tên"}
"""In Vietnamese; traps and informs have no other name."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "notices",
        help="what devices told by themselves: traps, informs, MQTT events",
        description="Shows the last notices from the store, the newest at the end. A notice is a hint: what a device's "
        "state is, a poll says, and `netmon status` shows.",
    )
    parser.add_argument("device", metavar="DEVICE", nargs="?", help="only those of one device")
    parser.add_argument("-n", "--last", metavar="N", type=int, default=30, help="how many (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print them as JSON, one a line")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        settings = load(args.config, secrets=False)
        with closing(Reader.open(settings.store.path)) as reader:
            notices = reader.notices(args.device, most=max(args.last, 1))
    except (ConfigErrors, StoreError) as error:
        return fail(str(error))
    if args.device is not None and not notices and args.device not in settings.inventory.devices:
        return fail(f"there is no device '{args.device}'")
    if args.json:
        for notice in notices:
            print(json.dumps(notice._asdict(), ensure_ascii=False))
        return 0
    say = Voice(args.lang or terminal_language())
    rows = []
    for notice in notices:
        carried = " ".join(f"{key}={value}" for key, value in notice.detail.items())
        shown = carried if len(carried) <= WIDEST else f"{carried[: WIDEST - 1]}…"
        rows.append(
            (
                moment(notice.at),
                notice.device,
                say(_KIND.get(notice.kind, notice.kind), notice.kind),
                notice.name,
                notice.source,
                shown,
            )
        )
    nothing = say("Chưa nhận được tin nào.", "No notices.")
    print(table([say(*name) for name in _HEAD], rows) if rows else nothing)
    return 0
