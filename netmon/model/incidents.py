"""Incidents: what fell together for one reason, why, whom it hits, and what people did about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from netmon.model.history import Subject


class CauseClass(StrEnum):
    """What kind of thing an outage came of."""

    FIBRE = "fibre"
    POWER = "power"
    EQUIPMENT = "equipment"
    UPSTREAM = "upstream"
    WORKS = "works"
    MONITORING = "monitoring"
    UNKNOWN = "unknown"


class Clue(NamedTuple):
    """A piece of evidence: `what` is a word of `causes.words.CLUES`, said of a subject at an instant."""

    what: str
    subject: Subject
    at: float


class Finding(NamedTuple):
    """Why something fell. `root` is what everything that fell with it has in common: a device, a link, a "cable"
    (shared-risk group), a site (its power), a commune (the mains of its area), a window ("maintenance"), or "netmon"."""

    cause: CauseClass
    root: Subject
    clues: tuple[Clue, ...] = ()


class Impact(NamedTuple):
    """Whom an incident hits: the codes of communes whose People's Committee has lost its service or runs on its backup, and
    the ids of service centres and of base stations that are cut off."""

    isolated: tuple[str, ...] = ()
    on_backup: tuple[str, ...] = ()
    service_centres: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`id` is short and never used twice ("2026-0017"). `members` are the devices and links that fell and have not come
    back, `ever` all that fell in it. `until` is None while it lasts. `cause` is what netmon found; `corrected` is what a
    person made of it, None until somebody does; the automatic one stays beside it. `acknowledged` and `assigned` are names,
    "" for nobody. `closed`: a person wrote that it is dealt with."""

    id: str
    province: str
    root: Subject
    cause: CauseClass
    clues: tuple[Clue, ...]
    since: float
    until: float | None
    members: tuple[Subject, ...]
    ever: tuple[Subject, ...]
    impact: Impact
    corrected: CauseClass | None = None
    acknowledged: str = ""
    assigned: str = ""
    closed: float | None = None

    @property
    def said_cause(self) -> CauseClass:
        """The cause that holds: a person's word before netmon's."""
        return self.corrected or self.cause


class Verb(StrEnum):
    """What can be written into the book of an incident. The first five are netmon's, the others people's."""

    OPENED = "opened"
    GREW = "grew"
    FOUND = "found"
    RESTORED = "restored"
    RELAPSED = "relapsed"
    OPEN = "open"
    ACKNOWLEDGE = "acknowledge"
    COMMENT = "comment"
    ASSIGN = "assign"
    CAUSE = "cause"
    CLOSE = "close"
    REOPEN = "reopen"


class Entry(NamedTuple):
    """A line of an incident's book, never changed. `text`: the comment, the assignee, the corrected cause with its reason,
    or what netmon noted. `author` and `note` as in WindowChange."""

    at: float
    incident: str
    verb: Verb
    author: str
    note: str
    text: str
