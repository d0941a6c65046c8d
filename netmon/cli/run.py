"""`netmon run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from io import StringIO
from typing import TextIO

import structlog

from netmon.cli.words import add_config, fail, printable
from netmon.control import ControlError
from netmon.daemon import Daemon, StartError
from netmon.pulse import leave_no_core
from netmon.reload import BadConfigurationError, read_in_child
from netmon.store import NewerStoreError, StoreError

STAY_DOWN = 78
"""EX_CONFIG of sysexits.h, for a bad configuration and for a newer netmon's store: the service manager does not start it
again, for it would only say the same."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "run",
        help="poll, judge and export until told to stop",
        description="Runs the daemon in the foreground: polls every device of the inventory on its grid, judges the targets "
        "whenever a slot of five minutes has closed, and serves /metrics, /healthz, /readyz and /api/v1.",
        epilog="SIGHUP reads the configuration again (a bad one is refused and the old one stays); SIGTERM and Ctrl-C write "
        "what is due and leave within five seconds. Under systemd use deploy/systemd/netmon.service.",
    )
    add_config(parser)
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info", help="default: info")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    set_up_logging(args.log_level)
    leave_no_core()
    try:
        settings = asyncio.run(read_in_child(args.config))
    except BadConfigurationError as errors:
        print(errors, file=sys.stderr)
        fail(f"the configuration in {args.config} has errors; nothing was started")
        return STAY_DOWN
    except ControlError as error:
        return fail(str(error))
    try:
        asyncio.run(Daemon(settings, args.config).run())
    except NewerStoreError as error:
        fail(str(error))
        return STAY_DOWN
    except (StartError, StoreError) as error:
        return fail(str(error))
    return 0


def set_up_logging(level: str) -> None:
    """structlog to standard error: colours on a terminal, else one `key=value` line an event for the journal."""
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        # Plain, for a richer traceback prints local variables, and among them may be a community.
        structlog.dev.ConsoleRenderer(exception_formatter=_plain_traceback)
        if terminal
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            _printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _printable(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What strangers had a hand in must not steer the terminal that shows the log, or the journal."""
    for name, value in event.items():
        if isinstance(value, str) or (isinstance(value, BaseException) and name != "exc_info"):
            event[name] = printable(str(value), but="\n")
    return event


def _plain_traceback(stream: TextIO, error: structlog.typing.ExcInfo) -> None:
    text = StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.write(printable(text.getvalue(), but="\n"))
