"""The guard: whether so much fell at once that netmon must suspect itself first (SEMANTICS 1)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from netmon.causes.paths import Seen

MASS = 0.30
"""When more than this share of what was polled fell in one cycle, the canaries are asked before anything is published."""

SAMPLE = 20
"""How many devices at the least must have been polled since the first silence before that share means anything; all of
them in a smaller network, a fifth of them in a larger one than five times this."""


class Extent(StrEnum):
    """How much fell at once. UNCLEAR: too little has been polled since the first silence to say."""

    FEW = "few"
    MANY = "many"
    UNCLEAR = "unclear"


class Fall(NamedTuple):
    """What fell since `first`, the send time of the earliest silence that is not told yet."""

    extent: Extent
    first: float


def fall_of(tracks: Iterable[Seen], horizon: float) -> Fall:
    """How much has fallen silent since `horizon` and is not told yet (SEMANTICS 1, guard).

    Counted over what was polled since then, for each moment at which something that is silent twice fell silent: so that a
    cut uplink is suspected after seconds and not only when all devices have had their turn, and one that has been silent
    for minutes does not make the sudden fall of all others look small.
    """
    standing = [track for track in tracks if not track.fallen]
    silent = sorted(track.silent_since for track in standing if track.silences)
    tried = sorted(track.tried for track in standing)
    sample, unclear = sample_of(len(standing)), 0.0
    for first in sorted({t.silent_since for t in standing if t.silences >= 2 and t.silent_since >= horizon}):
        fell = len(silent) - bisect_left(silent, first)
        polled = len(tried) - bisect_left(tried, first)
        if polled < sample:
            unclear = first
        elif fell > MASS * polled:
            return Fall(Extent.MANY, first)
    return Fall(Extent.UNCLEAR, unclear) if unclear else Fall(Extent.FEW, 0.0)


def sample_of(devices: int) -> int:
    """How many of so many devices must have been polled before a share of them means anything."""
    return min(devices, max(SAMPLE, devices // 5))


def last_proof(canaries: Iterable[Seen]) -> float:
    """When a canary was last heard: netmon was connected then. 0.0 for never."""
    return max((track.heard for track in canaries), default=0.0)


def all_mute(canaries: Sequence[Seen], since: float) -> bool:
    """Whether each canary was asked in vain twice in a row, the last time after `since`: by its silence or by our own
    failure to ask."""
    return bool(canaries) and all(track.mute >= 2 and track.tried >= since for track in canaries)


def cannot_ask(tracks: Collection[Seen], canaries: Sequence[Seen]) -> bool:
    """Whether our own side fails, for all canaries and many others: no device is silent then, and none can be asked."""
    if not canaries or any(track.failures < 2 for track in canaries):
        return False
    return sum(1 for track in tracks if track.failures) > MASS * len(tracks)


def reconnected(tracks: Collection[Seen], canaries: Iterable[Seen], since: float) -> bool:
    """Whether netmon is connected again after it suspected itself at `since`: a canary answers, or of enough that were
    polled so many do that only the canaries can be at fault."""
    if last_proof(canaries) >= since:
        return True
    polled = [track for track in tracks if track.tried >= since]
    heard = sum(1 for track in polled if track.heard >= since)
    return len(polled) >= sample_of(len(tracks)) and heard > (1 - MASS) * len(polled)
