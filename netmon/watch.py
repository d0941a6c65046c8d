"""Watch: what is remembered of one device between its polls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import structlog

from netmon import samples
from netmon.derive.counters import Counters, Limits
from netmon.derive.layout import Layout
from netmon.measure import Ceilings, EndOfLink
from netmon.model import Device, Lull, Poll, Readings, Speech

log = structlog.get_logger(__name__)

_NOTHING = Layout()


class Poller(Protocol):
    """Asks one device. `light`: begin with one small request, for the device was silent. A Lull: nothing can be said yet of
    a device that reports by itself."""

    async def poll(self, *, light: bool = False) -> Poll | Lull: ...


class Watch:
    """What is remembered of one device between its polls."""

    def __init__(self, device: Device, labels: tuple[tuple[str, str], ...], poller: Poller) -> None:
        self.device = device
        self.labels = labels
        self.asked = device.speaks is Speech.SNMP  # else it reports by itself
        self.poller = poller
        self.poll_series = samples.poll_series(labels)
        self.went: tuple[float, ...] = ()  # how the last poll went that found it alive, while it is on the page
        self.layout = Layout()
        self.readings = Readings()  # those of the last poll that brought any
        self.named: Layout | None = None  # the layout whose info series are shown
        self.counters = Counters()
        self.hang({})
        self.looked = False  # whether it was asked, or looked after, at all
        self.last: Poll | None = None
        self.missing: tuple[str, ...] = ()  # interfaces that links name and the device does not have
        self.alive_at = 0.0  # when a poll last found it alive, and when one last brought readings
        self.read_at = 0.0
        self.fresh_until = 0.0  # nothing of it ages before that

    def lay_out(self, readings: Readings) -> Layout:
        """The layout of what a poll brought. A poll that brought nothing leaves what is known of the one before."""
        if not readings.series:
            return _NOTHING
        self.readings = readings
        if not self.layout.holds(readings.series):
            self.layout = Layout(readings.series)
        return self.layout

    def hang(self, ends: dict[str, list[EndOfLink]]) -> None:
        """Takes the ends of links that its interfaces are, by interface."""
        self.ends = ends
        self.ceilings = Ceilings(ends)
        self.limits: Limits | None = None  # as they were when the speeds of its ports were noted
        self._noted: Layout | None = None

    @property
    def period_s(self) -> float:
        """How often it speaks: at its interval, or as rarely as it says itself."""
        told = self.last.period_s if self.last else None
        return max(self.device.interval_s, told or 0.0)

    def all_ends(self) -> Iterator[EndOfLink]:
        """The ends of links that the device's interfaces are."""
        return (end for ends in self.ends.values() for end in ends)

    def without_interface(self) -> Iterator[tuple[str, str]]:
        """Links that name an interface which the device does not have, and that in words."""
        for interface in self.missing:
            for end in self.ends.get(interface, ()):
                yield end.link.id, f"{self.device.id} has no interface {interface}"

    def note_interfaces(self, layout: Layout) -> None:
        """Notes which interfaces the device has, and says so once when a link names another."""
        if layout is self._noted:
            return
        self._noted, there = layout, layout.interfaces
        missing = tuple(interface for interface in self.ends if interface not in there)
        if missing and missing != self.missing:
            some = sorted(there)[:20]
            log.warning("links name interfaces that it does not have", device=self.device.id, missing=missing, has=some)
        self.missing = missing
