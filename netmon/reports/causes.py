"""Why a commune was not served: the outages behind a verdict, added up by their causes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from netmon.inventory import Inventory
from netmon.model import Service, Site, Subject, Verdict, Window
from netmon.reports.table import Words
from netmon.store import Reader
from netmon.targets.words.voice import Voice

MOST = 3
"""How many causes are told, those of most time first."""

_VI, _EN = Voice("vi"), Voice("en")
_UNKNOWN = Words("chưa rõ nguyên nhân", "cause not known")


class Causes:
    """The causes of outages, from the store. Those of a site count for a commune while it belonged there."""

    def __init__(self, inventory: Inventory, reader: Reader) -> None:
        self._inventory = inventory
        self._reader = reader

    def of(self, verdict: Verdict) -> Words | None:
        """The causes of most time without service, in the verdict's window; None where there was no outage."""
        seconds: dict[str, float] = {}
        times: dict[str, int] = {}
        for part in verdict.evidence.get("parts", ()):
            subject = Subject(part["kind"], part["id"])
            for stay in self._stays(subject, verdict):
                for outage in self._reader.outages(subject, *stay):
                    if outage.state != Service.ON_BACKUP:
                        lost = min(stay.end if outage.end is None else outage.end, stay.end) - max(outage.start, stay.start)
                        seconds[outage.cause] = seconds.get(outage.cause, 0.0) + lost
                        times[outage.cause] = times.get(outage.cause, 0) + 1
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

    def _told(self, cause: str, seconds: float, times: int) -> Words:
        named = _UNKNOWN if not cause else self._named(cause)
        return Words(
            f"{named.vi}: {_VI.lasting(seconds)} ({_VI.number(times)} lần)",
            f"{named.en}: {_EN.lasting(seconds)} ({_EN.number(times)}×)",
        )

    def _named(self, cause: str) -> Words:
        device = cause.removeprefix("device:")
        if device not in self._inventory.devices:
            return Words(cause, cause)
        site = self._inventory.site_of(device).name
        return Words(f"do thiết bị {device} ({site})", f"device {device} ({site})")


def stays(site: Site, commune: str, window: Window) -> list[Window]:
    """When a site belonged to a commune within a window."""
    edges = [window.start, *(was.until for was in site.former if window.start < was.until < window.end), window.end]
    return [Window(start, end) for start, end in pairwise(edges) if site.commune_at(start) == commune]
