"""Which devices say that their site runs on battery, and since when: told by their own readings of the mains."""

from __future__ import annotations

from collections.abc import Mapping

from netmon.connections import Change
from netmon.model import Poll, Subject

MAINS = "netmon_mains_up"
ON_MAINS, ON_BATTERY = "mains", "battery"


class Supplies:
    """The supply of every device that tells it. A device that falls silent on battery is still on battery, as far as is
    known."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}

    def restore(self, spans: Mapping[str, tuple[str, float]]) -> None:
        """Goes on with what was told before a restart: state and since when, by device."""
        self._told |= spans

    def of(self, device: str) -> str:
        """What feeds a device: `mains`, `battery`, or "" where it has not said so."""
        return self._told.get(device, ("", 0.0))[0]

    def take(self, poll: Poll) -> Change | None:
        """What a poll changes; None for nothing."""
        for reading in poll.readings:
            if reading.series.family == MAINS:
                state = ON_MAINS if reading.value else ON_BATTERY
                if self.of(poll.device) == state:
                    return None
                self._told[poll.device] = (state, reading.at.unix)
                return Change(Subject("supply", poll.device), state, reading.at.unix, reading.at.unix)
        return None

    def forget(self, device: str) -> None:
        """A device that left the inventory."""
        self._told.pop(device, None)

    def on_battery(self) -> dict[str, float]:
        """Devices on battery and since when, Unix seconds."""
        return {device: since for device, (state, since) in self._told.items() if state == ON_BATTERY}
