"""`netmon audit`: weak settings and what to do about them; with --log, who did what."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from datetime import datetime

from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, fail, moment, printable, table
from netmon.model import VIET_NAM, Words
from netmon.secret_files import exposed
from netmon.settings import ConfigErrors, load, where
from netmon.store import Reader, StoreError
from netmon.targets.words.voice import Voice
from netmon.weak import Badness, Weakness, weaknesses

_MOST_NAMED = 8
_WIDEST = 80

_HEAD = (
    *(Words("LÚC", "WHEN"), Words("AI", "WHO"), Words("TỪ ĐÂU", "FROM"), Words("VIỆC", "DEED")),
    *(Words("VỀ", "ABOUT"), Words("CHI TIẾT", "DETAIL"), Words("KẾT QUẢ", "RESULT")),
)

_DEGREE = {
    Badness.OPEN: Words("HỞ", "OPEN"),
    Badness.WEAK: Words("YẾU", "WEAK"),
    Badness.HABIT: Words("NÊN SỬA", "HABIT"),
}

_EXAMPLE = """\
Reads the configuration with its secrets, as the daemon does, and prints none of them. OPEN is open to whoever comes by,
WEAK to who sits on the way or tries, HABIT is better given up. Exits 1 while anything is OPEN.

With --log: who told netmon to do what, from where and with what result, out of the store. Each line of that log carries a
digest of all before it; the whole log is checked, and a line that was changed, put in or taken out is told. Note the last
line's digest elsewhere, and a log that was cut off is told, too.

examples:
  $ netmon audit
  $ CREDENTIALS_DIRECTORY=/etc/credstore netmon audit --config /etc/netmon --lang vi
  $ netmon audit --log --since 2026-11-01
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "audit",
        help="list devices and services with weak settings, and what to do",
        description="List devices and services with weak settings, and what to do.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print them as JSON, one a line, with every device")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    log = parser.add_argument_group("the log")
    log.add_argument("--log", action="store_true", help="show who did what, and whether the log is as it was written")
    log.add_argument("--since", metavar="DAY", type=_day, help="only from this day on: 2026-11-01 (default: all)")
    log.add_argument("-n", "--last", metavar="N", type=int, default=1000, help="how many (default: %(default)s)")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.log:
        return _log(args)
    try:
        found = weaknesses(load(args.config), exposed(args.config))
    except ConfigErrors as errors:
        print(errors)
        return fail("the configuration cannot be read as the daemon reads it: nothing is said of its settings")
    if args.json:
        for weakness in found:
            print(json.dumps(_fact(weakness), ensure_ascii=False))
    else:
        _show(found, Voice(args.lang or terminal_language()))
    return int(any(weakness.badness is Badness.OPEN for weakness in found))


def _log(args: argparse.Namespace) -> int:
    say = Voice(args.lang or terminal_language())
    try:
        with closing(Reader.open(where(args.config).store)) as reader:
            entries = reader.audit_entries(args.since or 0.0, max(1, args.last))
            wrong, lost, (lines, digest) = reader.verify_audit(), reader.audit_lost(), reader.audit_end()
    except (ConfigErrors, StoreError) as error:
        return fail(str(error))
    if args.json:
        for entry in entries:
            print(json.dumps(entry._asdict(), ensure_ascii=False))
    elif entries:
        head = [say(*name) for name in _HEAD]
        print(table(head, [(moment(entry.at), *(_short(printable(part)) for part in entry[1:])) for entry in entries]))
    for at, first, last in lost if not args.json else ():
        print(
            say(
                f"{_lines(first, last, 'dòng', 'trở đi')} mất do hỏng kho dữ liệu, {moment(at)}",
                f"{_lines(first, last, 'lines', 'and on, if any,')} were lost by damage of the store, {moment(at)}",
            )
        )
    if wrong is not None:
        place = say(f"dòng {wrong} không còn như khi được ghi", f"line {wrong} is not as it was written")
        return fail(f"{say('nhật ký đã bị sửa', 'the log was tampered with')}: {place}")
    if not args.json:
        print(
            say(
                f"{lines} dòng, nguyên vẹn; mã cuối {digest}",
                f"{lines} lines, as they were written; the last digest {digest}",
            )
        )
    return 0


def _lines(first: int, last: int | None, lines: str, on: str) -> str:
    return f"{lines} {first}–{last}" if last is not None else f"{lines} {first} {on}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _day(text: str) -> float:
    """The start of a local day. argparse.ArgumentTypeError: it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=VIET_NAM).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a day: write it as 2026-11-01") from None


def _show(found: list[Weakness], say: Voice) -> None:
    if not found:
        print(say("Không có cấu hình yếu.", "No weak settings."))
        return
    for weakness in found:
        devices = f" ({len(weakness.devices)} {say('thiết bị', 'devices')})" if weakness.devices else ""
        print(f"{say(*_DEGREE[weakness.badness])}  {weakness.about}{devices}: {say(*weakness.text)}")
        print(f"      → {say(*weakness.fix)}")
        if weakness.devices:
            more = len(weakness.devices) - _MOST_NAMED
            named = ", ".join(weakness.devices[:_MOST_NAMED])
            print(f"      {named}{say(f' và {more} thiết bị nữa', f' and {more} more') if more > 0 else ''}")
    concerned = {device for weakness in found for device in weakness.devices}
    counted = ", ".join(
        f"{sum(weakness.badness is degree for weakness in found)} {say(*words)}" for degree, words in _DEGREE.items()
    )
    print(f"{counted}; {len(concerned)} {say('thiết bị', 'devices')}")


def _fact(weakness: Weakness) -> dict[str, object]:
    return {
        "badness": weakness.badness.name.lower(),
        "code": weakness.code,
        "about": weakness.about,
        "text": weakness.text._asdict(),
        "fix": weakness.fix._asdict(),
        "devices": list(weakness.devices),
    }
