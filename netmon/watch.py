"""Watch: what is remembered of one device between its polls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import structlog

from netmon.derive.counters import Counters
from netmon.measure import EndOfLink
from netmon.model import Device, Lull, Poll

log = structlog.get_logger(__name__)


class Poller(Protocol):
    """Asks one device. `light`: begin with one small request, for the device was silent. A Lull: nothing can be said yet of
    a device that reports by itself."""

    async def poll(self, *, light: bool = False) -> Poll | Lull: ...


class Watch:
    """What is remembered of one device between its polls."""

    def __init__(self, device: Device, labels: tuple[tuple[str, str], ...], poller: Poller) -> None:
        self.device = device
        self.labels = labels
        self.poller = poller
        self.counters = Counters()
        self.ends: dict[str, list[EndOfLink]] = {}  # by interface
        self.looked = False  # whether it was asked, or looked after, at all
        self.last: Poll | None = None
        self.missing: tuple[str, ...] = ()  # interfaces that links name and the device does not have
        self.alive_at = 0.0  # when a poll last found it alive, and when one last brought readings
        self.read_at = 0.0

    @property
    def period_s(self) -> float:
        """How often it speaks: at its interval, or as rarely as it says itself."""
        told = self.last.period_s if self.last else None
        return max(self.device.interval_s, told or 0.0)

    def all_ends(self) -> Iterator[EndOfLink]:
        """The ends of links that the device's interfaces are."""
        return (end for ends in self.ends.values() for end in ends)

    def note_interfaces(self, has: Iterable[str]) -> None:
        """Notes which interfaces the device has, and says so once when a link names another."""
        there = set(has)
        missing = tuple(interface for interface in self.ends if interface not in there)
        if missing and missing != self.missing:
            some = sorted(there)[:20]
            log.warning("links name interfaces that it does not have", device=self.device.id, missing=missing, has=some)
        self.missing = missing
