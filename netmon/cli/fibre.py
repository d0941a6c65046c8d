"""`netmon fibre`: light sent and received on each fibre link, what the span takes, what margin is left, how it fades."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from netmon.cli.words import add_config, ago, fail, table
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, where

_WHY = {
    "untold": "an end does not tell",
    "no_light": "no light",
    "apart": "ends read at different times",
    "gain": "more arrives than is sent: amplifier, or wrong end",
    "no_limit": "no limit known: receiver_limit of the link",
}
_WHY_NOT_FADING = {"few_days": "too few days", "silent": "not read for a week"}

_HEAD = ("LINK", "DIRECTION", "SENT", "ARRIVES", "LOSS", "DB/KM", "MARGIN", "FADING/WEEK", "DAYS LEFT", "READ", "NOTE")


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
    print(json.dumps(links, ensure_ascii=False, indent=2) if args.format == "json" else show(links, time.time()))
    return 0


def show(links: Sequence[Mapping[str, Any]], now: float) -> str:
    """The facts as a table. Links of which no end ever told anything are only counted."""
    told = [link for link in links if link["read_at"] is not None]
    parts = [table(_HEAD, (row for link in told for row in _rows(link, now)))] if told else []
    silent = len(links) - len(told)
    if silent:
        parts.append(f"{silent} fibre link{'s tell' if silent > 1 else ' tells'} nothing of light.")
    return "\n\n".join(parts) or "There is no fibre link with a witness."


def _rows(link: Mapping[str, Any], now: float) -> Iterable[tuple[str, ...]]:
    for n, way in enumerate(link["directions"]):
        yield (
            link["link"] if n == 0 else "",
            way["direction"],
            _figure(way["transmit_dbm"], 2),
            _figure(way["receive_dbm"], 2),
            _figure(way["loss_db"], 1),
            _figure(way["loss_db_per_km"], 2),
            _figure(way["margin_db"], 1),
            _fading(way["fading"]),
            "-" if way["days_left"] is None else f"{way['days_left']:.0f}",
            f"{ago(now - link['read_at'])} ago" if n == 0 else "",
            "; ".join(_notes(way)),
        )


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _fading(fading: Mapping[str, Any]) -> str:
    if fading["db_per_week"] is None:
        return "-"
    middle, low, high = (f"{round(fading[name], 2) + 0.0:.2f}" for name in ("db_per_week", "low", "high"))  # never -0.00
    return f"{middle} ({low} to {high})"


def _notes(way: Mapping[str, Any]) -> Iterable[str]:
    """What is missing and why, and what an engineer should know."""
    for why in dict.fromkeys((way["why_no_loss"], way["why_no_margin"])):
        if why:
            yield _WHY[why]
    if way["overloaded"]:
        yield "too much light for the receiver"
    fading = way["fading"]
    if fading["since"] is not None:
        yield f"level changed by {fading['step_db']:+.1f} dB before {fading['since']}"
    if fading["why"]:
        yield f"fading: {_WHY_NOT_FADING[fading['why']]}"


def _no_link(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=5)
    return f"there is no fibre link '{name}' with a witness" + (f"; did you mean {', '.join(near)}?" if near else "")
