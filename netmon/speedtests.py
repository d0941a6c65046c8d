"""Speed tests that probes at sites tell: each is kept, and the latest of each device is shown for a day."""

from __future__ import annotations

from netmon import samples
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import SpeedTest
from netmon.store import Store

SHOWN_S = 86_400.0
"""How long after it was made a test stays on the page."""


class SpeedTests:
    """Stores and shows speed tests. Nothing here waits."""

    def __init__(self, store: Store, outlets: Outlets) -> None:
        self._store = store
        self._outlets = outlets
        self._shown: dict[str, float] = {}  # devices on the page, and when their latest test was made

    def take(self, inventory: Inventory, test: SpeedTest, now: float) -> None:
        """Takes a test. One that came late goes to its own time in the database, and leaves the page as it is."""
        if test.device not in inventory.devices:
            return  # a reload took it away meanwhile
        self._store.put_speed_test(test)
        figures = samples.speed_samples(inventory, test)
        if test.at >= self._shown.get(test.device, now - SHOWN_S):
            self._shown[test.device] = test.at
            self._outlets.put(f"speed:{test.device}", figures, at=test.at)
        else:
            self._outlets.put_late(f"late:{test.device}", figures, [test.at] * len(figures))

    def sweep(self, now: float) -> None:
        """Takes what is a day old off the page."""
        for device in [device for device, at in self._shown.items() if now > at + SHOWN_S]:
            del self._shown[device]
            self._outlets.drop(f"speed:{device}")

    def forget(self, device: str) -> None:
        """The device is gone, or has other labels."""
        if self._shown.pop(device, None) is not None:
            self._outlets.forget(f"speed:{device}")
