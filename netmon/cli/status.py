"""`netmon status`: the wallboard in a terminal: who is cut off, on backup or on battery, since when and why."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netmon import facts
from netmon.cli import status_lists, status_view
from netmon.cli.colour import CHOICES, Ink, ink
from netmon.cli.status_watch import watch
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, fail
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, Settings, load, where
from netmon.settings.problem import UnfitError
from netmon.settings.quantities import duration
from netmon.store import Reader, StoreError, last_damage

_PATIENCE_S = 5.0
"""So long an answer is waited for: then a watch calls its page stale, and one page is what the store knows."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "status",
        help="the wallboard in a terminal: what is down, cut off or on backup, and what the targets say",
        description="Shows the network as a running daemon sees it; when none runs or answers, as the store last knew it.",
        epilog="Colours are for a terminal, and obey NO_COLOR; each sign says the same without them. --watch fits the size "
        "of the terminal: what finds no room is counted. Ctrl-C or q ends it.",
    )
    add_config(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--watch", action="store_true", help="show it again and again, in place")
    way.add_argument("--all", action="store_true", help="list every device, link and site, what is up, too")
    way.add_argument("--json", action="store_true", help="print the facts as JSON")
    parser.add_argument("--every", metavar="T", type=_every, default=5.0, help="how often --watch asks (default: 5s)")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    parser.add_argument("--color", choices=CHOICES, default="auto", help="whether to use colours (default: auto)")
    parser.set_defaults(run=run)


def _every(text: str) -> float:
    try:
        seconds = duration(text)
    except UnfitError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"'{text}': from 1s to 1h")
    return seconds


def run(args: argparse.Namespace) -> int:
    if sys.stdout is None:  # `>&-`: and nobody is to flush it
        sys.exit(fail("standard output is closed: there is nowhere to show the status"))
    try:
        control = where(args.config).control
        if args.watch:
            return _watched(args, control)
        told = _told(args.config, control, "status" if args.json or args.all else "wallboard")
    except ConfigErrors as errors:
        print(errors)
        return fail(f"the configuration in {args.config} has errors")
    except (ControlError, StoreError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"the daemon on {control} cannot be asked: {error.strerror or error}")
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
        return 0
    language, pen, now = args.lang or terminal_language(), _ink(args), time.time()
    if "provinces" in told:
        lines = status_view.lines(told, language, pen, now=now, columns=_columns())
    else:
        lines = [pen.text(line) for line in status_lists.show(told, language, everything=args.all, now=now).split("\n")]
    print("\n".join(lines))
    return 0


def _watched(args: argparse.Namespace, control: Path) -> int:
    """Shows the page until somebody ends it; the exit code."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return fail("--watch draws in place, and standard output is no terminal that can: leave --watch out for one page")
    language, pen = args.lang or terminal_language(), _ink(args)

    def draw(told: Mapping[str, Any] | None, silent: bool, columns: int, rows: int) -> list[str]:
        return status_view.watched(told, language, pen, silent=silent, now=time.time(), columns=columns, rows=rows)

    try:
        watch(
            lambda: ask(control, "wallboard", timeout_s=_PATIENCE_S),
            draw,
            every_s=args.every,
            trouble=(OSError, ControlError, ValueError),  # a daemon that ends may leave half a line
            screen=sys.stdout,
        )
    except KeyboardInterrupt:
        return 0
    return 0


def _ink(args: argparse.Namespace) -> Ink:
    return ink(args.color, sys.stdout, os.environ)


def _columns() -> int | None:
    """As wide as the terminal is; a file has no end."""
    return os.get_terminal_size(sys.stdout.fileno()).columns or None if sys.stdout.isatty() else None


def _told(config: Path, control: Path, command: str) -> dict[str, Any]:
    """What the daemon says, else what the store has."""
    try:
        return ask(control, command, timeout_s=_PATIENCE_S)
    except (FileNotFoundError, ConnectionRefusedError):
        silent = False
    except (TimeoutError, BlockingIOError):  # BlockingIOError: so many wait already that the kernel takes nobody more
        silent = True
    try:
        return from_store(load(config, secrets=False)) | {"silent": silent}
    except StoreError as error:
        trouble = f"the daemon on {control} does not answer" if silent else f"no daemon listens on {control}"
        raise StoreError(f"{trouble}, and {error}") from error


def from_store(settings: Settings) -> dict[str, Any]:
    """The last states and verdicts that a netmon wrote. StoreError: there is no store."""
    damage = last_damage(settings.store.path)
    with closing(Reader.open(settings.store.path)) as reader:
        spans = {kind: reader.last_spans(kind) for kind in ("device", "link", "site")}
        inventory = settings.inventory
        return {
            "last_alive": reader.last_alive(),
            "self_isolated": False,
            "damaged": damage and asdict(damage),
            "devices": [
                {"device": name, "commune": inventory.site_of(name).commune, "state": span.state, "since": span.start}
                for name, span in spans["device"].items()
                if name in inventory.devices
            ],
            "links": [
                {"link": name, "role": inventory.links[name].role, "state": span.state, "since": span.start}
                for name, span in spans["link"].items()
                if name in inventory.links
            ],
            "sites": [
                {
                    "site": name,
                    "name": inventory.sites[name].name,
                    "commune": inventory.sites[name].commune,
                    "service": span.state,
                    "since": span.start,
                }
                for name, span in spans["site"].items()
                if name in inventory.sites
            ],
            **facts.verdicts(reader.verdicts()),
        }
