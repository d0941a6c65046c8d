"""Causes: who is down because of whom, and whether it is netmon that is cut off. Pure.

A device that falls silent is `down` only when a live path leads up to it; else it is `unreachable`, with the upstream that
explains it. When much falls at once netmon suspects itself first, and asks its canaries (SEMANTICS 1).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from netmon.model import Device

MASS = 0.30
"""When more than this share of what was polled fell in one cycle, the canaries are asked before anything is published."""

SAMPLE = 20
"""How many devices at the least must have been polled since the first silence before that share means anything; all of
them in a smaller network, a fifth of them in a larger one than five times this."""


class Seen(Protocol):
    """What causes need to know of a device; `derive.states.Track` is it. Times are send times of polls, 0 for never."""

    @property
    def silences(self) -> int: ...

    @property
    def silent_since(self) -> float: ...

    @property
    def silent_again(self) -> float: ...

    @property
    def mute(self) -> int: ...

    @property
    def failures(self) -> int: ...

    @property
    def tried(self) -> float: ...

    @property
    def heard(self) -> float: ...

    @property
    def asked(self) -> float: ...

    @property
    def cause(self) -> str: ...

    @property
    def fallen(self) -> bool: ...


class Path(NamedTuple):
    """What is known of the way up from a device. One of: `live`; `cause`, the upstream that explains its silence; or
    `ask`, the upstreams that have said nothing since it fell silent."""

    live: bool = False
    cause: str = ""
    ask: tuple[str, ...] = ()


def path_up(device: Device, tracks: Mapping[str, Seen]) -> Path:
    """The way up from a falling device, judged only by what its upstreams said since: to be live one must have been heard
    after the second silent poll, to be lost it must be known as fallen and have been asked after the first.

    Any live upstream will do. A device without upstreams stands next to netmon: its way is live.
    """
    fallen = tracks[device.id]
    unsaid: list[str] = []
    cause = ""
    for upstream in device.upstreams:
        track = tracks[upstream]
        if track.heard >= fallen.silent_again:
            return Path(live=True)
        if track.fallen and track.asked >= fallen.silent_since:
            cause = cause or track.cause or upstream
        else:
            unsaid.append(upstream)
    if unsaid:
        return Path(ask=tuple(unsaid))
    return Path(cause=cause) if cause else Path(live=True)


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
