"""`netmon reload`: a running daemon reads its configuration again."""

from __future__ import annotations

import argparse

from netmon.cli.words import add_config, fail, out
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, load

TIMEOUT_S = 120.0
"""A province of 5,000 devices takes seconds to read; a slow disk takes longer."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "reload",
        help="make a running daemon read its configuration again",
        description="Asks the running daemon to read its configuration again and says what changed. Devices that did not "
        "change miss no poll. A configuration with errors is refused, with every error, and the old one stays.",
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        control = load(args.config, secrets=False).control
    except ConfigErrors as errors:
        print(errors)
        return fail("the configuration has errors: the daemon was not asked")
    try:
        answer = ask(control, "reload", TIMEOUT_S)
    except ControlError as error:
        out(str(error))
        return fail("the daemon refused: the old configuration stays")
    except OSError as error:
        return fail(f"the daemon on {control} cannot be asked: {error.strerror or error}")
    counted = ", ".join(f"{len(answer[what])} {what}" for what in ("added", "removed", "changed"))
    print(f"reloaded: {answer['devices']} devices ({counted}), {answer['links']} links, {answer['targets']} targets")
    if answer["at_next_start"]:
        print(f"at the next start only: {', '.join(answer['at_next_start'])}")
    for what in ("added", "removed", "changed"):
        for device in answer[what]:
            print(f"  {what}: {device}")
    return 0
