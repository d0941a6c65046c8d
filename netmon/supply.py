"""Which devices say that their site runs on battery, and since when: told by their own readings of the mains."""

from __future__ import annotations

from collections.abc import Mapping

from netmon.connections import Change
from netmon.model import Outcome, Poll, Reading, Subject

ON_MAINS, ON_BATTERY, UNTOLD = "mains", "battery", ""

PERIODS = 3
"""A supply that a device no longer tells is forgotten after so many of its periods, as its reading leaves the page."""


class Supplies:
    """The supply of every device that tells it. A device that falls silent on battery is still on battery, as far as is
    known; one that goes on speaking and says no more of its mains is not."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}
        self._said: dict[str, float] = {}  # when a poll last said it, monotonic
        self._unconfirmed: set[str] = set()  # devices whose supply is from before a restart

    def restore(self, spans: Mapping[str, tuple[str, float]]) -> None:
        """Goes on with what was told before a restart: state and since when, by device."""
        self._told |= spans
        self._unconfirmed |= spans.keys()

    def of(self, device: str) -> str:
        """What feeds a device: `mains`, `battery`, or "" where it does not say so."""
        return self._told.get(device, (UNTOLD, 0.0))[0]

    def since(self) -> dict[str, float]:
        """Since when each device that tells its supply has had the same, Unix seconds."""
        return {device: since for device, (_, since) in self._told.items()}

    def take(self, poll: Poll, mains: Reading | None, period_s: float) -> Change | None:
        """What a poll of a device that speaks every `period_s`, and what it said of its mains, change; None for nothing.
        The state is "" when the device tells it no more."""
        if mains is not None:
            self._said[poll.device] = poll.sent.monotonic
            return self._change(poll.device, ON_MAINS if mains.value else ON_BATTERY, mains.at.unix)
        if poll.outcome is not Outcome.ANSWERED or poll.incomplete:
            return None
        said = self._said.setdefault(poll.device, poll.sent.monotonic)
        return self._change(poll.device, UNTOLD, poll.sent.unix) if poll.sent.monotonic - said > PERIODS * period_s else None

    def forget(self, device: str) -> None:
        """A device that left the inventory."""
        self._told.pop(device, None)
        self._said.pop(device, None)
        self._unconfirmed.discard(device)

    def on_battery(self) -> dict[str, float]:
        """Devices on battery and since when, Unix seconds."""
        return {device: since for device, (state, since) in self._told.items() if state == ON_BATTERY}

    def _change(self, device: str, state: str, at: float) -> Change | None:
        was, since = self._told.get(device, (UNTOLD, 0.0))
        if was == state and device not in self._unconfirmed:
            return None
        if state == UNTOLD:
            self.forget(device)
            return Change(Subject("supply", device), state, at, at)
        self._unconfirmed.discard(device)
        since = since if was == state else at  # the same as before the restart: a new span of it, and the old `since`
        self._told[device] = (state, since)
        return Change(Subject("supply", device), state, since, at)
