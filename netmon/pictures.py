"""Pictures: the network at an instant as causes see it, put together from the parts that know it.

What polls and notices tell in passing is kept here for as long as it may explain something: when a device started, and that
its power failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from netmon.causes.picture import Picture
from netmon.darkness import Darkness
from netmon.fibre import Fibre
from netmon.model import Clue, Declared, DeviceState, Outcome, Poll, Port, Subject
from netmon.network import Network
from netmon.notice import Notice

GASPS = frozenset({"coldStart", "warmStart", "dying_gasp", "power_fail", "power_failure", "mains_fail", "mains_failure"})
"""Notices by which a device says that its power fails, or that it was just switched on: the standard traps of RFC 3418, and
events of MQTT."""

MOST_GASPS = 10_000

_UPTIME = "netmon_device_uptime_seconds"


class Pictures:
    """Takes pictures of one network. `windows` gives the declared windows that still mean something."""

    def __init__(
        self, network: Network, fibre: Fibre, darkness: Darkness, windows: Callable[[], Sequence[Declared]]
    ) -> None:
        self._network = network
        self._fibre = fibre
        self._darkness = darkness
        self._windows = windows
        self._started: dict[str, float] = {}
        self._gasps: dict[str, float] = {}
        self._upstream_of: dict[str, str] = {}
        self._recalled: dict[Port, bool] = {}  # what ports were told before a restart, until they are told again
        self._recalled_dark: dict[str, float] = {}
        self._recalled_low: dict[str, float] = {}

    def recall(self, clues: Iterable[Clue]) -> None:
        """Takes the clues of an incident that goes on over a restart: they hold until their witnesses speak again."""
        for what, subject, at in clues:
            link = self._network.inventory.links.get(subject.id) if subject.kind == "link" else None
            port = (link.far or link.near) if link is not None else None
            if what in ("port_down", "port_up") and port is not None:
                self._recalled[port] = what == "port_up"
            elif what == "no_light" and link is not None:
                self._recalled_dark[link.id] = at
            elif what == "battery_low":
                self._recalled_low[subject.id] = at
            elif what == "gasp":
                self._gasps[subject.id] = at

    def note_return(self, poll: Poll) -> None:
        """Takes the poll with which a device came back: it says when the device started."""
        for reading in poll.readings:
            if reading.series.family == _UPTIME:
                self._started[poll.device] = reading.at.unix - reading.value
                return

    def note_notice(self, notice: Notice) -> None:
        """Takes what a device told by itself."""
        if notice.name.rpartition("::")[2] in GASPS:
            self._gasps.pop(notice.device, None)
            self._gasps[notice.device] = notice.at
            if len(self._gasps) > MOST_GASPS:
                del self._gasps[next(iter(self._gasps))]

    def forget(self, device: str) -> None:
        """A device that left the inventory."""
        self._started.pop(device, None)
        self._gasps.pop(device, None)

    def take(self, now: float, flapping: Set[Subject]) -> Picture:
        """The network as it stands."""
        network, inventory = self._network, self._network.inventory
        upstream_of, local = {}, set()
        for device, track in network.tracks.items():
            if track.state is DeviceState.UNREACHABLE:
                # While its upstream is back and it is asked anew, the last word stands.
                upstream_of[device] = track.cause or self._upstream_of.get(device, "")
            elif track.state is DeviceState.UNKNOWN and track.outcome == Outcome.LOCAL:
                local.add(device)
        self._upstream_of = upstream_of
        self._forget_recalled()
        on_battery = self._darkness.on_battery()
        return Picture(
            at=now,
            sites=inventory.sites,
            devices=inventory.devices,
            links=inventory.links,
            devices_stand=network.tracks,
            links_stand=network.links,
            sites_stand=network.sites,
            upstream_of=upstream_of,
            ports={**self._recalled, **network.connections.ports} if self._recalled else network.connections.ports,
            on_battery=on_battery,
            battery_low=self._recalled_low | self._darkness.battery_low(),
            dark=self._recalled_dark | dict(self._fibre.dark) if self._recalled_dark else self._fibre.dark,
            started=self._started,
            gasps=self._gasps,
            windows=self._windows(),
            self_isolated=network.isolated_since,
            local=local,
            flapping=flapping,
        )

    def _forget_recalled(self) -> None:
        """Forgets of the time before a restart what witnesses of this life speak of."""
        if not (self._recalled or self._recalled_dark or self._recalled_low):
            return
        links, told, on_battery = self._network.inventory.links, self._network.connections.ports, self._darkness.on_battery()
        self._recalled = {port: up for port, up in self._recalled.items() if port not in told}
        self._recalled_dark = {
            name: at
            for name, at in self._recalled_dark.items()
            if (link := links.get(name)) is not None and link.far is not None and link.far not in told
        }
        self._recalled_low = {site: at for site, at in self._recalled_low.items() if site in on_battery}
