"""Why a commune was not served: the outages behind a verdict, added up by their causes.

An outage is told by the class of its cause and by what it came of. Where a person corrected the class in the book of its
incident, that holds, and what netmon had found stands beside it; a frozen verdict stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from netmon.causes.words import CAUSES, ROOTS
from netmon.inventory import Inventory
from netmon.model import CauseClass, Outage, Service, Site, Subject, Verdict, Window, Words
from netmon.store import Reader
from netmon.targets.words.voice import Voice

MOST = 3
"""How many causes are told, those of most time first."""

_VI, _EN = Voice("vi"), Voice("en")
_UNKNOWN = Words("chưa rõ nguyên nhân", "cause not known")


class _Cause(NamedTuple):
    """What outages are added up by: the class that holds, the one that netmon found, and what they came of, "" for not
    known. Without classes `of` is what the outage says by itself."""

    said: str
    found: str
    of: str


class Causes:
    """The causes of outages, from the store, up to `now`. Those of a site count for a commune while it belonged there."""

    def __init__(self, inventory: Inventory, reader: Reader, now: float) -> None:
        self._inventory = inventory
        self._reader = reader
        self._now = now
        self._roots: dict[str, str] = {"": ""}

    def of(self, verdict: Verdict) -> Words | None:
        """The causes of most time without service, in the verdict's window; None where there was no outage."""
        seconds: dict[_Cause, float] = {}
        times: dict[_Cause, int] = {}
        for part in verdict.evidence.get("parts", ()):
            subject = Subject(part["kind"], part["id"])
            for stay in self._stays(subject, verdict):
                end = min(stay.end, self._now)  # a window may lie ahead in part, and nothing was lost there yet
                for outage in self._reader.outages(subject, stay.start, end):
                    if outage.state != Service.ON_BACKUP:
                        lost = min(end if outage.end is None else outage.end, end) - max(outage.start, stay.start)
                        cause = self._cause(outage)
                        seconds[cause] = seconds.get(cause, 0.0) + lost
                        times[cause] = times.get(cause, 0) + 1
        most = sorted(seconds, key=lambda cause: (-seconds[cause], cause))
        told = [self._told(cause, seconds[cause], times[cause]) for cause in most[:MOST]]
        if len(most) > MOST:
            told.append(Words(f"và {len(most) - MOST} nguyên nhân khác", f"and {len(most) - MOST} other causes"))
        return Words(*("; ".join(words[language] for words in told) for language in (0, 1))) if told else None

    def _stays(self, subject: Subject, verdict: Verdict) -> Iterator[Window]:
        site = self._inventory.sites.get(subject.id) if subject.kind == "site" else None
        if site is None or verdict.subject.kind != "commune":
            yield verdict.window
        else:
            yield from stays(site, verdict.subject.id, verdict.window)

    def _cause(self, outage: Outage) -> _Cause:
        if outage.incident not in self._roots:
            incident = self._reader.incident(outage.incident)
            self._roots[outage.incident] = "" if incident is None else str(incident.root)
        return _Cause(outage.cause_class, outage.found_class, self._roots[outage.incident] or outage.cause)

    def _told(self, cause: _Cause, seconds: float, times: int) -> Words:
        named = self._named(cause)
        return Words(
            f"{named.vi}: {_VI.lasting(seconds)} ({_VI.number(times)} lần)",
            f"{named.en}: {_EN.lasting(seconds)} ({_EN.number(times)}×)",
        )

    def _named(self, cause: _Cause) -> Words:
        of = self._root(cause.of)
        if not cause.said:
            return of or _UNKNOWN
        said, found = _class(cause.said), _class(cause.found)
        vi, en = (", ".join(filter(None, (said[language], of[language] if of else ""))) for language in (0, 1))
        if cause.said == cause.found:
            return Words(vi, en)
        return Words(f"{vi} (netmon xác định: {found.vi})", f"{en} (netmon found: {found.en})")

    def _root(self, cause: str) -> Words | None:
        """What it came of, in words: a subject ("cable:QL3") or the id of a device; another word is told as it stands."""
        kind, _, name = cause.partition(":")
        if not cause or (name and kind == "netmon"):
            return None
        device = name if kind == "device" else cause
        if device in self._inventory.devices:
            site = self._inventory.site_of(device).name
            return Words(f"do thiết bị {device} ({site})", f"device {device} ({site})")
        if kind == "site" and name in self._inventory.sites:
            return Words(*[self._inventory.sites[name].name] * 2)
        if kind in ROOTS and name:
            return Words(*(f"{word.lower()} {name}" for word in ROOTS[kind]))
        return Words(cause, cause)


def _class(word: str) -> Words:
    return Words(*CAUSES[CauseClass(word)]) if word else _UNKNOWN


def stays(site: Site, commune: str, window: Window) -> list[Window]:
    """When a site belonged to a commune within a window."""
    edges = [window.start, *(was.until for was in site.former if window.start < was.until < window.end), window.end]
    return [Window(start, end) for start, end in pairwise(edges) if site.commune_at(start) == commune]
