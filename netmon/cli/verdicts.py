"""Where the command line gets verdicts from: the running daemon, else the store."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from difflib import get_close_matches

from netmon.control import ask
from netmon.model import Verdict, Window
from netmon.settings import Settings
from netmon.store import Frozen, Reader, load_verdict
from netmon.targets.windows import local, month_of
from netmon.targets.words import Language


def verdicts_of(settings: Settings, name: str) -> tuple[list[Verdict], list[str]]:
    """The verdicts of that name and the names of all: from the daemon where one runs, for its are the newest, else from the
    store. OSError, ControlError or StoreError: neither can be asked."""
    try:
        answer = ask(settings.control, "verdicts", name=name)
    except (FileNotFoundError, ConnectionRefusedError):
        with closing(Reader.open(settings.store.path)) as reader:
            verdicts = reader.verdicts()
        return [verdict for verdict in verdicts if name in (verdict.id, verdict.subject.id)], [v.id for v in verdicts]
    return [load_verdict(body) for body in answer["verdicts"]], answer["known"]


def verdict_named(settings: Settings, reader: Reader, name: str) -> list[Verdict]:
    """The verdict of just this name, from where `verdicts_of` has it; none where there is none. Raises as that does."""
    try:
        found = [load_verdict(body) for body in ask(settings.control, "verdicts", name=name)["verdicts"]]
    except (FileNotFoundError, ConnectionRefusedError):
        target, _, subject = name.partition("/")
        stored = reader.verdict(target, subject)
        found = [] if stored is None else [stored]
    return [verdict for verdict in found if verdict.id == name]


def no_verdict(known: Sequence[str], name: str) -> str:
    """That there is no such verdict, and which ones are named almost so."""
    if not known:
        return "nothing has been judged yet: the first verdicts come some seconds after the start"
    near = get_close_matches(name, sorted({*known, *(each.partition("/")[2] for each in known)}), n=5)
    return f"there is no verdict '{name}'" + (f"; did you mean {', '.join(near)}?" if near else "")


def terminal_language() -> Language:
    """What the environment says of messages, as gettext reads it."""
    spoken = next((value for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(key))), "")
    return "vi" if spoken.startswith("vi") else "en"


def month(text: str) -> Window:
    """A month as it is written on the command line: 2026-10. argparse.ArgumentTypeError: it is none."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a month: write it as 2026-10")
    return month_of(datetime(int(text[:4]), int(text[5:]), 15, tzinfo=UTC).timestamp())


def frozen_of(reader: Reader, name: str, window: Window) -> Sequence[Frozen]:
    """The revisions of a month's frozen verdict, the newest first."""
    target, _, subject = name.partition("/")
    return reader.frozen(target, subject, window)[::-1]


def no_frozen(reader: Reader, name: str, window: Window) -> str:
    """That a month has no frozen verdict of this name, and which months do."""
    target, _, subject = name.partition("/")
    there = sorted({f"{local(each.verdict.window.start):%Y-%m}" for each in reader.frozen(target, subject)})
    known = f"; there are: {', '.join(there)}" if there else ""
    return f"there is no frozen verdict '{name}' of {local(window.start):%Y-%m}{known}"
