"""The command line: one module a command group, words in and tables out."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from netmon import __version__
from netmon.cli.words import fail

COMMANDS = (
    "init",
    "discover",
    "check",
    "run",
    "status",
    "site",
    "fibre",
    "dark",
    "explain",
    "evidence",
    "report",
    "storm",
    "maintenance",
    "cells",
    "incident",
    "calendar",
    "notices",
    "probe",
    "profile",
    "reload",
    "backup",
    "restore",
    "audit",
    "doctor",
)
"""In the order of `--help`; each is a module of this package that adds its own parser."""

UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EBADF)
"""How a write of the answer fails; an error of a file has its name with it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 it failed, 2 the words were off, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="netmon",
        description="Network-operations monitor for Viet Nam's two-level local government: polls the commune networks of a "
        "province, proves capacity and uptime against their targets, and exports metrics.",
        epilog="Start with `netmon init --province P -o DIR`, then `netmon check --config DIR` and `netmon run --config "
        "DIR`. `netmon COMMAND --help` says more.",
    )
    parser.add_argument("--version", action="version", version=f"netmon {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in _asked_for(sys.argv[1:] if argv is None else argv):
        import_module(f"netmon.cli.{name}").add(commands)
    args = parser.parse_args(argv)
    if sys.stdout is None:
        return fail("standard output is closed: there is nowhere to answer to")
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our words went away (`netmon status | head`): nothing is wrong, and nothing is left to flush at exit.
        _write_no_more()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        _write_no_more()
        return fail(f"the answer cannot be written: {error.strerror}")


def _asked_for(argv: Sequence[str]) -> Sequence[str]:
    """The commands whose words are needed: to read in all of them would double the time of each."""
    first = argv[0] if argv else ""
    if first == "--version":
        return ()
    return (first,) if first in COMMANDS else COMMANDS


def _write_no_more() -> None:
    """What is left goes nowhere at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
