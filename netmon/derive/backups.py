"""When and how long a backup link carried traffic, how much, and how long its site had no primary without it.

Two things say that it carried some: a slot with at least `carries` on it, and the service of its site on backup, which
says that a backup's witness answered while the primary was down: this one's, where the site has no other. Of a slot with
traffic in which the service was on backup for a while, that while counts; of any other, all of it. What was not seen is no
use. Pure. Times are Unix seconds, rates bytes per second in the commune's directions, NaN where nothing was measured.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from math import ceil, floor, inf, isnan, nan
from typing import NamedTuple

from netmon.model import SLOT_S, Link, LinkState, Service, Span, Window
from netmon.sightings import Interval, carrying, on_backup, present, there_since


class Why(StrEnum):
    """Why a backup is said to have been in use: its site's service was on backup; there was load on it while the service
    was up; or there was load, and nobody knows how the primary stood."""

    SERVICE = "service"
    LOAD = "load"
    UNKNOWN = "unknown"


class Episode(NamedTuple):
    """A backup carried traffic in [start, end): so many octets each way, as far as they were measured, with `peak` as the
    highest rate of a slot in either direction, None where none was. For `unmeasured` seconds of it a direction lacks."""

    start: float
    end: float
    why: Why
    receive: float
    transmit: float
    peak: float | None
    unmeasured: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a backup did in a window, as far as that has gone and the link was at its site.

    `coverage` is the share of its slots that say whether it was of use. The primary was down for `primary_down` seconds;
    of these the backup was known not to carry anything for `uncovered`, and for `unseen` nobody knows. How the primary was
    nobody knows for `primary_unknown` seconds.
    """

    window: Window
    episodes: tuple[Episode, ...]
    coverage: float
    primary_down: float
    uncovered: float
    unseen: float
    primary_unknown: float

    @property
    def seconds(self) -> float:
        return sum(episode.seconds for episode in self.episodes)


def used(
    link: Link,
    first_k: int,
    receive: Sequence[float],
    transmit: Sequence[float],
    service: Sequence[Span],
    primaries: Iterable[Sequence[Span]],
    window: Window,
    now: float,
    *,
    carries: float,
    alone: bool,
) -> Use:
    """The use of a backup link over `window`, clipped to `now`. The rates are of the slots from `first_k` on; `service` are
    the states of its site's service, `primaries` those of each of the site's primary links; `alone`: it has no other
    backup."""
    last = max(window.start, min(window.end, now))
    begin = max(there_since(link, window.start, last), link.since or 0.0)
    slots = range(max(first_k, ceil(begin / SLOT_S)), min(first_k + len(receive), floor(last / SLOT_S)))
    receive, transmit = (way[slots.start - first_k : max(slots.start, slots.stop) - first_k] for way in (receive, transmit))
    loaded, backup = carrying(slots, receive, transmit, carries), on_backup(service, begin, last)
    seen = present(slots, receive, transmit, loaded, backup if alone else ())
    pieces = [(start, end, Why.SERVICE) for start, end in (backup if alone else _common(backup, _times(loaded)))]
    pieces += _load(loaded, backup, [span for span in service if span.state == Service.UP])
    pieces.sort()

    links = list(primaries)
    down = _everywhere([_in_state(spans, LinkState.DOWN, begin, last) for spans in links])
    up = [interval for spans in links for interval in _in_state(spans, LinkState.UP, begin, last)]
    idle = _without(down, _joined((start, end) for start, end, _ in pieces))
    isolated = _in_state(service, Service.ISOLATED, begin, last)
    uncovered = _total(_common(idle, _joined((*isolated, *_times(sorted(seen))))))
    return Use(
        window=Window(begin, max(begin, last)),
        episodes=tuple(_episodes(pieces, slots, receive, transmit)),
        coverage=len(seen) / len(slots) if slots else 0.0,
        primary_down=_total(down),
        uncovered=uncovered,
        unseen=max(0.0, _total(idle) - uncovered),
        primary_unknown=max(0.0, last - begin - _total(_joined((*up, *down)))),
    )


_Piece = tuple[float, float, Why]


def _load(loaded: Sequence[int], backup: Sequence[Interval], up: Sequence[Span]) -> Iterator[_Piece]:
    """The slots with traffic in which the service was never on backup."""
    told = {k for start, end in backup for k in range(floor(start / SLOT_S), ceil(end / SLOT_S))}
    ends = [span.end for span in up]
    for k in loaded:
        if k not in told:
            start, end = float(k * SLOT_S), float((k + 1) * SLOT_S)
            n = bisect_right(ends, start)
            yield start, end, Why.LOAD if n < len(up) and up[n].start < end else Why.UNKNOWN


def _episodes(
    pieces: Iterable[_Piece], slots: range, receive: Sequence[float], transmit: Sequence[float]
) -> Iterator[Episode]:
    """Pieces that touch are one episode. What crossed in a slot is shared by the pieces in it, by their length."""
    joined = [
        (start, end, why)
        for why, own in groupby(sorted(pieces, key=lambda piece: (piece[2], piece[0])), key=lambda piece: piece[2])
        for start, end in _joined((start, end) for start, end, _ in own)
    ]
    in_use: Counter[int] = Counter()
    for start, end, _ in joined:
        in_use.update(dict(_by_slot(start, end)))
    for start, end, why in sorted(joined):
        octets, peak, unmeasured = [0.0, 0.0], None, 0.0
        for k, seconds in _by_slot(start, end):
            rates = [way[k - slots.start] if k in slots else nan for way in (receive, transmit)]
            if any(map(isnan, rates)):
                unmeasured += seconds
            for n, rate in enumerate(rates):
                if not isnan(rate):
                    octets[n] += rate * SLOT_S * seconds / in_use[k]
                    peak = rate if peak is None else max(peak, rate)
        yield Episode(start, end, why, octets[0], octets[1], peak, unmeasured)


def _by_slot(start: float, end: float) -> Iterator[tuple[int, float]]:
    """The slots that an interval touches, and for how many seconds."""
    for k in range(floor(start / SLOT_S), ceil(end / SLOT_S)):
        yield k, min(end, (k + 1) * SLOT_S) - max(start, k * SLOT_S)


def _times(slots: Iterable[int]) -> list[Interval]:
    """Slots, ascending, as the time that they are."""
    return _joined((float(k * SLOT_S), float((k + 1) * SLOT_S)) for k in slots)


def _in_state(spans: Iterable[Span], state: str, start: float, end: float) -> list[Interval]:
    found = ((max(span.start, start), min(span.end, end)) for span in spans if span.state == state)
    return _joined((since, until) for since, until in found if since < until)


def _everywhere(several: Sequence[Sequence[Interval]]) -> list[Interval]:
    """What is in all of them; nothing where there are none."""
    found = several[0] if several else ()
    for more in several[1:]:
        found = _common(found, more)
    return list(found)


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """In order, with those that touch or overlap as one."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _common(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What is in both of two lists that are in order and do not overlap."""
    found, n, m = [], 0, 0
    while n < len(some) and m < len(others):
        start, end = max(some[n][0], others[m][0]), min(some[n][1], others[m][1])
        if start < end:
            found.append((start, end))
        if some[n][1] < others[m][1]:
            n += 1
        else:
            m += 1
    return found


def _without(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What is in the first list and not in the second."""
    edges = [-inf, *(edge for interval in others for edge in interval), inf]
    return _common(some, list(zip(edges[::2], edges[1::2], strict=True)))


def _total(intervals: Iterable[Interval]) -> float:
    return sum(end - start for start, end in intervals)
