"""The network at an instant, as causes see it: who stands how since when, and everything that may tell why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from netmon.model import Declared, Device, Link, Port, Site, Subject


class Stands(Protocol):
    """A device, a link or a site as it is told: `derive.states.Track` and `connections.Told` are it."""

    @property
    def state(self) -> str: ...

    @property
    def since(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All times are Unix seconds. The mappings may be live: they are read while a function of this room runs and not kept.

    `devices_stand`, `links_stand` and `sites_stand` are by id. `upstream_of` holds the root upstream of each device that is
    unreachable. `ports` says what ifOperStatus was last told of the interfaces that witness links. `on_battery` are sites
    whose own readings say that their mains are gone, and since when; a site that fell silent on battery stays there.
    `battery_low` are sites whose battery was last told to be low, empty or minutes from disconnecting, and when. `dark` are
    links at whose far end no light arrives, and since when. `started` says when a device last started, as its sysUpTime
    told at its last answer; `gasps` when a device told by a trap or an event that its power fails, or that it was just
    switched on.
    `windows` are all declared windows that are not closed. `self_isolated`: netmon suspects itself since then; 0.0 for not.
    `local` are devices that netmon itself could not ask (its own failure, or the broker's absence). `flapping` are devices
    and links that fall and return again and again.
    """

    at: float
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    links: Mapping[str, Link]
    devices_stand: Mapping[str, Stands]
    links_stand: Mapping[str, Stands]
    sites_stand: Mapping[str, Stands]
    upstream_of: Mapping[str, str]
    ports: Mapping[Port, bool | None] = field(default_factory=dict)
    on_battery: Mapping[str, float] = field(default_factory=dict)
    battery_low: Mapping[str, float] = field(default_factory=dict)
    dark: Mapping[str, float] = field(default_factory=dict)
    started: Mapping[str, float] = field(default_factory=dict)
    gasps: Mapping[str, float] = field(default_factory=dict)
    windows: Sequence[Declared] = ()
    self_isolated: float = 0.0
    local: Set[str] = frozenset()
    flapping: Set[Subject] = frozenset()
