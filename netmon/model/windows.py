"""Declared windows: storms and maintenance, as people declare them. What they mean at an instant is `events`' work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from netmon.model.history import Subject


class WindowKind(StrEnum):
    STORM = "storm"
    MAINTENANCE = "maintenance"


class Phase(StrEnum):
    """Of a window. A storm is prepared for, strikes, and is recovered from; works are ahead (`prepare`), under way
    (`impact`) and then over."""

    PREPARE = "prepare"
    IMPACT = "impact"
    RECOVER = "recover"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A window as it was last declared. Instants are Unix seconds.

    `areas` are codes of provinces and communes; `subjects` what works are done on: device, link, site, or "cable" with the
    name of a shared-risk group. `level` is that of Decision 18/2021/QD-TTg, 3 to 5 for storms. An `exercise` touches nothing
    real. `start` is the onset, `until` when it is expected to end. `ended`: when somebody ended it, None while nobody did;
    a storm is then recovered from. `closed`: it is over for good. `back` are the communes that are back, and the areas that
    were taken away after the onset, and since when. `joined` are the codes that came in after it, or have left since, and
    since when; one that is in `areas` alone is in from the start. What was last said of a commune or its province holds.
    """

    id: str
    kind: WindowKind
    name: str
    start: float
    until: float
    areas: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()
    level: int = 0
    exercise: bool = False
    note: str = ""
    declared: float = 0.0
    by: str = ""
    ended: float | None = None
    closed: float | None = None
    back: tuple[tuple[str, float], ...] = ()
    joined: tuple[tuple[str, float], ...] = ()


class WindowChange(NamedTuple):
    """A line of the log of windows, never changed: `verb` is declare, update, end, close, back, expire, warn or reopen
    (the clock was ahead when netmon changed it). `author` is
    the user at the other end of the socket, the name of a token, "file", or "netmon"; `note` is what was given with --by.
    `window` is how it stood from then on."""

    at: float
    verb: str
    author: str
    note: str
    window: Declared
