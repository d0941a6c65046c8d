"""Causes: who is down because of whom, and whether it is netmon that is cut off. Pure.

A device that falls silent is `down` only when a live path leads up to it; else it is `unreachable`, with the upstream that
explains it. When much falls at once netmon suspects itself first, and asks its canaries (SEMANTICS 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from netmon.model import Device

MASS = 0.30
"""When more than this share of what was polled fell in one cycle, the canaries are asked before anything is published."""


class Seen(Protocol):
    """What causes need to know of a device; `derive.states.Track` is it. Times are send times of polls, 0 for never."""

    @property
    def silences(self) -> int: ...

    @property
    def silent_since(self) -> float: ...

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
    """The way up from a falling device, judged only by what its upstreams said since its first silent poll.

    Any live upstream will do. A device without upstreams stands next to netmon: its way is live.
    """
    since = tracks[device.id].silent_since
    unsaid: list[str] = []
    cause = ""
    for upstream in device.upstreams:
        track = tracks[upstream]
        if track.heard >= since:
            return Path(live=True)
        if track.fallen and track.asked >= since:
            cause = cause or track.cause or upstream
        else:
            unsaid.append(upstream)
    if unsaid:
        return Path(ask=tuple(unsaid))
    return Path(cause=cause) if cause else Path(live=True)


def mass_fall(tracks: Iterable[Seen], cycle_start: float) -> float:
    """The send time of the first silence of a mass fall in the cycle that began at `cycle_start`; 0.0 when there is none.

    Counted over what was polled since that first silence, so that a cut uplink is seen after the first few polls and not
    only when 30 % of all devices have had their turn. Too quick a suspicion only costs a poll of the canaries.
    """
    said = [track for track in tracks if track.asked >= cycle_start and not track.fallen]
    fell = [track for track in said if track.silences and track.silent_since >= cycle_start]
    if not fell:
        return 0.0
    first = min(track.silent_since for track in fell)
    polled = sum(1 for track in said if track.asked >= first)
    return first if len(fell) > MASS * polled else 0.0


class Alibi(StrEnum):
    """What the canaries say about netmon's own connection."""

    GOOD = "good"
    NONE = "none"
    UNSAID = "unsaid"


def alibi(canaries: Iterable[Seen], since: float) -> Alibi:
    """GOOD when any canary was heard since `since`; NONE when each was silent twice since; else UNSAID."""
    tracks = list(canaries)
    if not tracks or any(track.heard >= since for track in tracks):
        return Alibi.GOOD
    if all(track.silences >= 2 and track.asked >= since for track in tracks):
        return Alibi.NONE
    return Alibi.UNSAID
