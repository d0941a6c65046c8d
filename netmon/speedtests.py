"""Speed tests that probes at sites tell: each is kept, and the latest of each line of a device is shown for a day."""

from __future__ import annotations

import time

from netmon import samples
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import SpeedTest
from netmon.store import Store

SHOWN_S = 86_400.0
"""How long after it was made a test stays on the page."""


LINES_AT_MOST = 64
"""Lines of a device on the page, each a network of an operator: more are names made up."""


class SpeedTests:
    """Stores and shows speed tests. Nothing here waits."""

    def __init__(self, store: Store, outlets: Outlets) -> None:
        self._store = store
        self._outlets = outlets
        self._shown: dict[str, dict[tuple[str, str], float]] = {}  # by device: its lines on the page, and when

    def take(self, inventory: Inventory, test: SpeedTest, now: float) -> None:
        """Takes a test. One that came late goes to its own time in the database, and leaves the page as it is."""
        if test.device not in inventory.devices:
            return  # a reload took it away meanwhile
        self._store.put_speed_test(test)
        figures = samples.speed_samples(inventory, test)
        line, shown = (test.network, test.operator), self._shown.setdefault(test.device, {})
        if line not in shown and len(shown) >= LINES_AT_MOST:
            owner = f"read:{test.device}"
            self._outlets.census.refuse(owner, test.device, len(figures), figures[0][0], time.monotonic())
        elif test.at >= shown.get(line, now - SHOWN_S):
            shown[line] = test.at
            self._outlets.put(_owner(test.device, line), figures, at=test.at)
        else:
            self._outlets.put_late(f"late:{test.device}", figures, [test.at] * len(figures))

    def latest(self) -> dict[str, float]:
        """When each device made the last of its tests on the page, Unix seconds."""
        return {device: max(shown.values()) for device, shown in self._shown.items() if shown}

    def sweep(self, now: float) -> None:
        """Takes what is a day old off the page."""
        for device, shown in self._shown.items():
            for line in [line for line, at in shown.items() if now > at + SHOWN_S]:
                del shown[line]
                self._outlets.forget(_owner(device, line))

    def forget(self, device: str) -> None:
        """The device is gone, or has other labels."""
        for line in self._shown.pop(device, {}):
            self._outlets.forget(_owner(device, line))


def _owner(device: str, line: tuple[str, str]) -> str:
    """Whose series on the page: a probe has one for each network and operator that it tests."""
    return "speed:" + "/".join((device, *line))
