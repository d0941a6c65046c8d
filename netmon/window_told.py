"""Declared windows and the lines of their log as JSON values: what the command line, the API and the audit log tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netmon.events.windows import over_at, overruns, phase, returned, stands
from netmon.model import Declared, Phase, WindowChange, WindowKind


def told(window: Declared, now: float) -> dict[str, Any]:
    """A window as JSON values; instants in Unix seconds. `over_at` is when it is over if nothing more is said of it."""
    return {
        "id": window.id,
        "kind": window.kind,
        "name": window.name,
        "phase": phase(window, now) if window.closed is None else Phase.OVER,
        "overrun": overruns(window, now),
        "start": window.start,
        "until": window.until,
        "over_at": over_at(window),
        "areas": list(window.areas),
        "on": [str(subject) for subject in window.subjects],
        "level": window.level or None,
        "exercise": window.exercise,
        "note": window.note,
        "declared": window.declared,
        "by": window.by,
        "ended": window.ended,
        "closed": window.closed,
        "back": [{"commune": code, "since": since} for code, since in returned(window)],
    }


def listed(windows: Iterable[Declared], kind: WindowKind, now: float, *, everything: bool) -> list[dict[str, Any]]:
    """The windows of a kind as JSON values, in the order of their starts: those that stand, or all."""
    chosen = [window for window in windows if window.kind is kind and (everything or _is_there(window, now))]
    return [told(window, now) for window in sorted(chosen, key=lambda window: (window.start, window.id))]


def logged(changes: Iterable[WindowChange], kind: WindowKind) -> list[dict[str, Any]]:
    """Lines of the log as JSON values, each with how its window stood from then on."""
    return [
        {"at": at, "verb": verb, "author": author, "note": note, "window": told(window, at)}
        for at, verb, author, note, window in changes
        if window.kind is kind
    ]


def _is_there(window: Declared, now: float) -> bool:
    return window.closed is None and stands(window, now)
