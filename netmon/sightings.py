"""When a backup link was seen to be of use: slots with traffic on it, and times when its site's service was on backup.

One meaning for all who ask: the drill rule, and whoever tells when and how long. Pure. Rates are bytes per second in the
commune's directions, NaN where nothing was measured; times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, isnan

from netmon.model import SLOT_S, Link, Service, Span

CARRIES = 125_000.0
"""From so many bytes per second on, over a slot and either way, a link carries more than what keeps it alive: 1 Mbit/s."""

Interval = tuple[float, float]
"""[start, end)."""


def there_since(link: Link, start: float, end: float) -> float:
    """From when on in [start, end) what was seen of a link speaks of the site that it serves at the end."""
    return max([start, *(was.until for was in link.former if was.until <= end)])


def either_end(near: Iterable[float], far: Iterable[float]) -> list[float]:
    """The rate of each slot: the near end's, where it has none the far end's."""
    return [b if isnan(a) else a for a, b in zip(near, far, strict=True)]


def carrying(slots: range, receive: Sequence[float], transmit: Sequence[float], carries: float) -> list[int]:
    """The slots in which at least `carries` went over the link in either direction."""
    return [k for k, a, b in zip(slots, receive, transmit, strict=True) if a >= carries or b >= carries]


def on_backup(service: Iterable[Span], start: float, end: float) -> list[Interval]:
    """When the service of a site was on backup in [start, end), in order of the spans' ends."""
    return [
        (since, until)
        for span in sorted(service, key=lambda span: span.end)
        if span.state == Service.ON_BACKUP
        if (since := max(span.start, start)) < (until := min(span.end, end))
    ]


def present(
    slots: range,
    receive: Sequence[float],
    transmit: Sequence[float],
    carried: Iterable[int],
    backups: Iterable[Interval],
) -> set[int]:
    """The slots that say whether the link was of use: measured both ways, with traffic one way, or on backup."""
    measured = {k for k, a, b in zip(slots, receive, transmit, strict=True) if not (isnan(a) or isnan(b))}
    measured.update(carried)
    for start, end in backups:
        measured.update(range(max(slots.start, floor(start / SLOT_S)), min(slots.stop, ceil(end / SLOT_S))))
    return measured
