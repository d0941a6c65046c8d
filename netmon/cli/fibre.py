"""`netmon fibre`: light sent and received on each fibre link, what the span takes, what margin is left, how it fades."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, ago, fail, moment, out, table
from netmon.control import ControlError, ask
from netmon.model import Words
from netmon.settings import ConfigErrors, where
from netmon.targets.words import Language
from netmon.targets.words.voice import Voice

_WHY = {
    "untold": Words("một đầu không báo công suất", "an end does not tell"),
    "no_light": Words("không có ánh sáng", "no light"),
    "apart": Words("hai đầu đo lệch thời điểm", "ends read at different times"),
    "gain": Words(
        "thu nhiều hơn phát: có khuếch đại, hoặc khai nhầm đầu", "more arrives than is sent: amplifier, or wrong end"
    ),
    "no_limit": Words("chưa biết ngưỡng thu: receiver_limit của tuyến", "no limit known: receiver_limit of the link"),
}
_WHY_NOT_FADING = {
    "few_days": Words("chưa đủ ngày đo", "too few days"),
    "silent": Words("một tuần không đo được", "not read for a week"),
}
_WAY = {"receive": Words("về xã", "receive"), "transmit": Words("từ xã đi", "transmit")}

_HEAD = (
    *(Words("TUYẾN", "LINK"), Words("CHIỀU", "DIRECTION"), Words("PHÁT", "SENT"), Words("THU", "ARRIVES")),
    *(Words("SUY HAO", "LOSS"), Words("DB/KM", "DB/KM"), Words("DỰ TRỮ", "MARGIN"), Words("GIẢM/TUẦN", "FADING/WEEK")),
    *(Words("CÒN (NGÀY)", "DAYS LEFT"), Words("ĐO LÚC", "READ"), Words("GHI CHÚ", "NOTE")),
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "fibre",
        help="light on the fibre links: powers, span loss, margin, fading",
        description="Shows the light on fibre links as a running daemon sees it, the least margin first. Powers are dBm, "
        "losses and margins dB; a direction is named from the commune: receive is towards it.",
    )
    add_config(parser)
    parser.add_argument("link", nargs="?", metavar="LINK", help="only this link")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="what to print (default: %(default)s)")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        control = where(args.config).control
    except ConfigErrors as errors:
        return fail(str(errors))
    try:
        links = ask(control, "fibre")["links"]
    except (FileNotFoundError, ConnectionRefusedError):
        return fail(f"no netmon runs here: nothing listens on {control}, and light is told only while it is measured")
    except (OSError, ControlError) as error:
        return fail(f"the daemon cannot be asked: {error}")
    if args.link is not None:
        known = [link["link"] for link in links]
        links = [link for link in links if link["link"] == args.link]
        if not links:
            return fail(_no_link(args.link, known))
    if args.format == "json":
        print(json.dumps(links, ensure_ascii=False, indent=2))
    else:
        out(show(links, args.lang or terminal_language(), time.time()))
    return 0


def show(links: Sequence[Mapping[str, Any]], language: Language, now: float) -> str:
    """The facts as a table. Links of which no end ever told anything are only counted."""
    told = [link for link in links if link["read_at"] is not None]
    say = Voice(language)
    parts = [table([say(*name) for name in _HEAD], (row for link in told for row in _rows(link, say, now)))] if told else []
    silent = len(links) - len(told)
    if silent:
        many = f"{silent} fibre link{'s tell' if silent > 1 else ' tells'} nothing of light."
        parts.append(say(f"{silent} tuyến quang không báo công suất quang.", many))
    nothing = say("Không có tuyến quang nào có điểm đo.", "There is no fibre link with a witness.")
    return "\n\n".join(parts) or nothing


def _rows(link: Mapping[str, Any], say: Voice, now: float) -> Iterable[tuple[str, ...]]:
    for n, way in enumerate(link["directions"]):
        yield (
            link["link"] if n == 0 else "",
            say(*_WAY[way["direction"]]),
            _figure(way["transmit_dbm"], 2, say),
            _figure(way["receive_dbm"], 2, say),
            _figure(way["loss_db"], 1, say),
            _figure(way["loss_db_per_km"], 2, say),
            _figure(way["margin_db"], 1, say),
            _fading(way["fading"], say),
            "-" if way["days_left"] is None else f"{way['days_left']:.0f}",
            say(moment(link["read_at"]), f"{ago(now - link['read_at'])} ago") if n == 0 else "",
            "; ".join(_notes(way, say)),
        )


def _figure(value: float | None, digits: int, say: Voice) -> str:
    return "-" if value is None else say.number(value, digits)


def _fading(fading: Mapping[str, Any], say: Voice) -> str:
    if fading["db_per_week"] is None:
        return "-"
    middle, low, high = (say.number(fading[name], 2) for name in ("db_per_week", "low", "high"))
    return f"{middle} ({low} {say('đến', 'to')} {high})"


def _notes(way: Mapping[str, Any], say: Voice) -> Iterable[str]:
    """What is missing and why, and what an engineer should know."""
    for why in dict.fromkeys((way["why_no_loss"], way["why_no_margin"])):
        if why:
            yield say(*_WHY[why])
    if way["overloaded"]:
        yield say("quá nhiều ánh sáng đối với máy thu", "too much light for the receiver")
    fading = way["fading"]
    if fading["since"] is not None:
        step = ("+" if fading["step_db"] >= 0 else "") + say.number(fading["step_db"], 1)
        yield say(f"mức đổi {step} dB trước {fading['since']}", f"level changed by {step} dB before {fading['since']}")
    if fading["why"]:
        yield f"{say('tốc độ giảm', 'fading')}: {say(*_WHY_NOT_FADING[fading['why']])}"


def _no_link(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=5)
    return f"there is no fibre link '{name}' with a witness" + (f"; did you mean {', '.join(near)}?" if near else "")
