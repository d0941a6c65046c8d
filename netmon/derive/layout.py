"""Layout: what follows from the series of a device alone, worked out once for as long as it brings the same ones.

A device answers every poll with the same series in the same order. Which of them are counters, which interface they
belong to, what is shown of them: all that is asked of the layout, and a poll is only numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_, itemgetter
from typing import TypeVar

from netmon.model import Kind, Reading, Readings, Series

RECEIVED = "netmon_interface_receive_bytes_total"
SENT = "netmon_interface_transmit_bytes_total"
OCTETS = (RECEIVED, SENT)
"""An interface's octet counters: what links are measured by."""

SPEED = "netmon_interface_speed_bytes_per_second"
OPER = "netmon_interface_up"
MAINS = "netmon_mains_up"
ROOM = ("netmon_ambient_temperature_celsius", "netmon_humidity_ratio")
"""What is measured of the air of a room."""

OPTICS = ("netmon_optic_", "netmon_onu_")
"""How the families of optical modules and of ONUs begin."""
ONU_UP = "netmon_onu_up"

NOT_MEASURABLE = "netmon_interface_not_measurable"

T = TypeVar("T")

_COUNTERS = (Kind.COUNTER64, Kind.COUNTER32)


class Layout:
    """Places among the readings of a device: by interface its `speed` and `up` (ifOperStatus, or the state of an ONU),
    `mains`, which tells the supply, and `room`, what is measured of the air around it.

    `counted` takes the counters out of a column, and they are numbered in this order: their `kinds`; by interface its
    `octets`; what is `narrow`, the octet counters of 32 bits, one an interface; the first of each row (`rows`), and
    `by_row`, which puts it in the place of all of its row. `gauges` takes out what is measured otherwise. Of these two and
    of what is narrow come the series that are `shown`; the others, `info`, only name things.
    """

    def __init__(self, series: tuple[Series, ...] = ()) -> None:
        self.series = series
        self.speed = {one.label("interface"): n for n, one in enumerate(series) if one.family == SPEED}
        # An ONU witnesses a link by its own name, as the OLT has it; so does an optic whose port is not known.
        self.up = {one.label("sensor"): n for n, one in enumerate(series) if one.family == ONU_UP}
        self.up |= {one.label("interface"): n for n, one in enumerate(series) if one.family == OPER}
        self.mains = next((n for n, one in enumerate(series) if one.family == MAINS), None)
        self.room = tuple(n for n, one in enumerate(series) if one.family in ROOM)
        counters = [n for n, one in enumerate(series) if one.kind in _COUNTERS]
        gauges = [n for n, one in enumerate(series) if one.kind is Kind.GAUGE]
        # By family, as the page has them.
        self.counted = _picker(sorted(counters, key=lambda n: series[n].family))
        self.gauges = _picker(sorted(gauges, key=lambda n: series[n].family))
        self.counters = self.counted(series)
        self.kinds = tuple(one.kind for one in self.counters)
        self.octets: dict[str, list[int]] = {}
        first: dict[tuple[tuple[str, str], ...], int] = {}
        for n, one in enumerate(self.counters):
            first.setdefault(one.labels, n)
            if one.family in OCTETS:
                self.octets.setdefault(one.label("interface"), []).append(n)
        self.rows = _picker(list(first.values()))
        self.by_row = _picker([first[one.labels] for one in self.counters])
        sensors = {one.label("sensor") for one in series if one.family.startswith(OPTICS)}
        self.interfaces = self.octets.keys() | self.up.keys() | sensors
        self.narrow = [n for n, one in enumerate(self.counters) if one.family == RECEIVED and one.kind is Kind.COUNTER32]
        wraps = (Series(NOT_MEASURABLE, self.counters[n].labels) for n in self.narrow)
        self.shown = (*self.gauges(series), *self.counters, *wraps)
        self.info = tuple(one for one in series if one.kind is Kind.INFO)

    def holds(self, series: tuple[Series, ...]) -> bool:
        """Whether this is the layout of these very series. Equal ones may differ in their kind: identity alone counts."""
        known = self.series
        return series is known or (len(series) == len(known) and all(map(is_, series, known)))

    def mains_in(self, readings: Readings) -> Reading | None:
        """What the readings of this layout say of the supply, None where nothing."""
        place = self.mains
        return None if place is None else Reading(self.series[place], readings.values[place], readings.at[place])


def _picker(places: Sequence[int]) -> Callable[[Sequence[T]], tuple[T, ...]]:
    """What takes these places out of a column: `itemgetter` does it fastest, but from two places on."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda column: tuple(column[place] for place in places)
