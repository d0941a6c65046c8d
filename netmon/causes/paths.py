"""The way up from a device that falls: whether a live path leads up to it, or which upstream explains its silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from netmon.model import Device


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


def path_up(device: Device, tracks: Mapping[str, Seen], devices: Mapping[str, Device]) -> Path:
    """The way up from a falling device, judged only by what its upstreams said since: to be live one must have been heard
    after the second silent poll, to be lost it must be known as fallen and have been asked after the first.

    Any live upstream will do. One behind which the device answered after it had fallen silent itself is mute and goes on
    forwarding: it explains nothing, and what is above it stands in its place. A device without upstreams stands next to
    netmon: its way is live.
    """
    fallen = tracks[device.id]
    unsaid: list[str] = []
    cause = ""
    ways = list(device.upstreams)
    for upstream in ways:  # which grows
        track = tracks[upstream]
        if track.heard >= fallen.silent_again:
            return Path(live=True)
        if track.fallen and 0.0 < track.silent_again < fallen.heard:
            ways += [above for above in devices[upstream].upstreams if above not in ways]
            continue
        if track.fallen and track.asked >= fallen.silent_since:
            cause = cause or track.cause or upstream
        else:
            unsaid.append(upstream)
    if unsaid:
        return Path(ask=tuple(unsaid))
    return Path(cause=cause) if cause else Path(live=True)
