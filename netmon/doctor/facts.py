"""What a doctor looks at, and what it may say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from netmon.model import Words
from netmon.secret_files import Exposed
from netmon.settings import Settings
from netmon.weak import Weakness

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


NOTHING = Words("", "")
LATELY_S = 86_400.0
"""What is longer ago is of the past: it is told, and is not what is wrong now."""


class Level(IntEnum):
    """How a thing stands."""

    OK = 0
    WARNING = 1
    WRONG = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: how a thing stands; of what is not well also why that matters and the command or setting that mends it."""

    level: Level
    about: str
    what: Words
    why: Words = NOTHING
    fix: str = ""


class Samples:
    """The samples of a page of metrics, of the families that were asked for."""

    def __init__(self, text: str = "", wanted: Iterable[str] = ()) -> None:
        self._rows: dict[str, list[tuple[dict[str, str], float]]] = {name: [] for name in wanted}
        self.unread = 0
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            found = _SAMPLE.fullmatch(line)
            try:
                value = float(found["value"]) if found is not None else None
            except ValueError:
                value = None
            if found is None or value is None:
                self.unread += 1
            elif found["name"] in self._rows:
                self._rows[found["name"]].append((dict(_LABEL.findall(found["labels"] or "")), value))

    def of(self, name: str, **labels: str) -> list[float]:
        """The values of a family's samples that carry these labels."""
        return [value for told, value in self._rows.get(name, []) if labels.items() <= told.items()]

    def one(self, name: str, **labels: str) -> float | None:
        """The value of a sample, None where it is not on the page."""
        return next(iter(self.of(name, **labels)), None)

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples."""
        return sum(self.of(name, **labels))

    def by(self, name: str, label: str) -> dict[str, float]:
        """The values by one label."""
        return {told[label]: value for told, value in self._rows.get(name, []) if label in told}


class Answer(NamedTuple):
    """What a server said over HTTP: the status (0: nothing), the body, and why there is none."""

    status: int
    body: str = ""
    error: str = ""

    @property
    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """The store's file. `hidden`: whoever asks may not look at it. `problem` says why it cannot be read; `backup` is when
    the last one was finished, `damaged` when damage was found last, 0 never; `suspected` says why netmon means to look it
    through at its next start."""

    path: Path
    hidden: bool = False
    bytes: int | None = None
    free: int | None = None
    problem: str = ""
    backup: float = 0.0
    damaged: float = 0.0
    suspected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Of the kernel and of the daemon's process; None: it cannot be told here."""

    ping_groups: tuple[int, int] | None = None
    receive_bytes: int | None = None
    clock_synchronised: bool | None = None
    clock_error_s: float = 0.0
    files_open: int | None = None
    files_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was seen. `problems` are those of the configuration; where only its secrets could not be read, there are
    `settings` beside them. `status` is what the daemon answered, None with the reason in `unasked`; `unit` are properties of
    the systemd unit, empty where there is none; `unloaded` are credentials that the configuration names and that unit does
    not load, `unreadable` what of the configuration its user cannot read; `certificates` are files and when they expire."""

    now: float
    version: str
    directory: Path
    settings: Settings | None
    problems: tuple[str, ...] = ()
    exposed: tuple[Exposed, ...] = ()
    weak: tuple[Weakness, ...] = ()
    store: StoreFacts | None = None
    status: Mapping[str, Any] | None = None
    unasked: str = ""
    pages: Mapping[str, Answer] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    machine: Machine = field(default_factory=Machine)
    unit: Mapping[str, str] = field(default_factory=dict)
    unloaded: tuple[str, ...] = ()
    unreadable: tuple[Path, ...] = ()
    certificates: tuple[tuple[Path, float], ...] = ()
    prometheus: Mapping[str, Answer] = field(default_factory=dict)
    alertmanager: Answer | None = None

    @property
    def measured(self) -> bool:
        """Whether the page of metrics was seen: without it nothing is known of what `samples` tell."""
        page = self.pages.get("/metrics")
        return page is not None and page.status == 200

    @property
    def uptime_s(self) -> float:
        """How long the daemon that answered has run, 0 where none did."""
        return self.now - float((self.status or {}).get("started") or self.now)


def ok(about: str, vi: str, en: str) -> Finding:
    """All is well."""
    return Finding(level=Level.OK, about=about, what=Words(vi, en))
