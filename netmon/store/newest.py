"""What the links said last, for a restart: the slots that a netmon which never stopped would show now."""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import math

from netmon.model import SLOT_S, EchoSlot, End, Octets, Slot
from netmon.store.connections import Connections
from netmon.store.days import SLOT_COLUMNS
from netmon.store.echoes import COLUMNS
from netmon.store.records import MEASURED

CLOSING_S = 60
"""So long after its end a slot may take until it is closed: until then the one before is the last."""


class NewestReads(Connections):
    """Reads of the last closed slots. A slot is the last of its link until the next one is closed: when it ended more than a
    slot's length and CLOSING_S ago, the link said nothing since. What was simulated never was on the page."""

    def newest_slots(self, now: float) -> dict[tuple[str, End], Slot]:
        """The last closed slot of each end of a link, as of `now`."""
        rows = self._rows(
            f"""SELECT s.name, far, {SLOT_COLUMNS} FROM slot JOIN subject s ON s.id = link
                WHERE k >= ? AND k < ? AND source = ? ORDER BY k""",
            *_ended_lately(now), MEASURED,
        )  # fmt: skip
        return {
            (name, End.FAR if far else End.NEAR): Slot(k, Octets(receive, receive_us), Octets(transmit, transmit_us))
            for name, far, k, receive, receive_us, transmit, transmit_us in rows
        }

    def newest_echoes(self, now: float) -> dict[str, EchoSlot]:
        """The last closed slot of each link in which echoes were sent, as of `now`."""
        rows = self._rows(
            f"""SELECT s.name, k, {COLUMNS} FROM echo JOIN subject s ON s.id = link
                WHERE k >= ? AND k < ? AND source = ? AND sent > 0 ORDER BY k""",
            *_ended_lately(now), MEASURED,
        )  # fmt: skip
        return {name: EchoSlot(*slot) for name, *slot in rows}


def _ended_lately(now: float) -> tuple[int, int]:
    """The slots, from the first to before the second, that have ended and of which one is the last closed."""
    return math.ceil((now - CLOSING_S) / SLOT_S) - 2, math.floor(now / SLOT_S)
