"""Round trips become slots of five minutes: the echoes of a link's check address, and beside them those of SNMP.

A burst, or a poll, belongs to the slot in which it was sent. Whether a lost echo is the link's fault is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netmon.derive.slots import micros
from netmon.model import SLOT_S, EchoSlot

SETTLE_S = 15
"""A slot is closed so long after its end: what was sent within it has come back by then, or will not be waited for."""


@dataclass(slots=True)
class _Open:
    """A slot that is not closed: its bursts, each with its send time, and the SNMP round trips and their sum."""

    bursts: list[tuple[float, Sequence[float | None]]] = field(default_factory=list)
    snmp: int = 0
    snmp_us: int = 0

    def slot(self, k: int) -> EchoSlot | None:
        """The slot as it is to be kept, None when there is nothing in it."""
        echoes = [seconds for _, burst in self.bursts for seconds in burst]
        if not (echoes or self.snmp):
            return None
        came = [micros(seconds) for seconds in echoes if seconds is not None]
        return EchoSlot(k, len(echoes), len(came), sum(came), max(came, default=0), self.snmp, self.snmp_us)


class EchoFiller:
    """The round trips of one link. Each slot comes out once; what comes for it afterwards is refused."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._closed = -1

    def burst(self, sent: float, round_trips: Sequence[float | None]) -> bool:
        """Takes a burst of echoes sent at an instant, Unix seconds: the seconds of each, None where it did not come back.
        False: its slot is closed."""
        slot = self._at(sent)
        if slot is not None:
            slot.bursts.append((sent, round_trips))
        return slot is not None

    def snmp(self, sent: float, round_trip_s: float) -> bool:
        """Takes the round trip of a poll of the device at the commune's end. False: its slot is closed."""
        slot = self._at(sent)
        if slot is not None:
            slot.snmp += 1
            slot.snmp_us += micros(round_trip_s)
        return slot is not None

    def forget(self, since: float) -> None:
        """Forgets the bursts sent from an instant on, as far as their slots are open: netmon itself was cut off."""
        for slot in self._open.values():
            slot.bursts = [burst for burst in slot.bursts if burst[0] < since]

    def close(self, now: float) -> list[EchoSlot]:
        """Takes out the slots that ended SETTLE_S ago or earlier, in order, but for those with nothing in them."""
        last = int((now - SETTLE_S) // SLOT_S) - 1
        if last <= self._closed:
            return []
        self._closed = last
        ended = [(k, self._open.pop(k)) for k in sorted(self._open) if k <= last]
        return [slot for k, held in ended if (slot := held.slot(k)) is not None]

    def _at(self, sent: float) -> _Open | None:
        k = int(sent // SLOT_S)
        if k <= self._closed:
            return None
        found = self._open.get(k)
        if found is None:
            found = self._open[k] = _Open()
        return found
