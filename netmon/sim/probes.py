"""Probes that measure how fast a site's connections are: the tests that each has to tell, in turn by network.

Pure functions of time, as all the simulator's physics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from netmon.inventory import Inventory
from netmon.model import LinkRole, SiteKind, SpeedTest
from netmon.sim.timetable import Spells

TEST_EVERY_S = 60.0
"""Often, to be seen in a demonstration; a real probe tests once or a few times an hour."""

_BYTES_PER_MEGABIT = 125_000.0
_USUAL_MBIT_S = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a probe measures: Mbit/s either way, milliseconds."""

    network: str
    operator: str
    download: float
    upload: float
    latency: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A probe that reports over MQTT below its `topic`, cut off while one of `lost` is active. `phase` is its place in each
    period, from 0 to 1."""

    device: str
    site: str
    topic: str
    period_s: float
    phase: float
    booted: float
    lines: tuple[Line, ...]
    lost: tuple[Spells, ...] = ()

    def cut_off(self, at: float) -> bool:
        return any(timetable.active(at) for timetable in self.lost)

    def measures(self, at: float) -> Mapping[str, float]:
        """What a telemetry message says: that it runs."""
        return {"device_uptime_seconds": int(at - self.booted)}

    def events(self, at: float) -> tuple[str, ...]:
        """Nothing happens to it."""
        return ()

    def next_change(self, at: float) -> float | None:
        """When it is next cut off or back; None for never."""
        return min((change for table in self.lost if (change := table.next_change(at)) is not None), default=None)

    def due(self, after: float) -> float:
        """When it next reports after an instant."""
        phase = self.phase * self.period_s
        return after - (after - phase) % self.period_s + self.period_s

    def speed_test(self, at: float) -> Mapping[str, float | str] | None:
        """The test that a report at an instant tells besides, None where there was none since the report before."""
        number = int(at // TEST_EVERY_S)
        if number == int((at - self.period_s) // TEST_EVERY_S):
            return None
        line, download, upload, latency = self._measured(number)
        return {
            "network": line.network,
            "operator": line.operator,
            "download_mbit_s": download,
            "upload_mbit_s": upload,
            "latency_ms": latency,
        }

    def cells(self, at: float) -> Sequence[Mapping[str, object]]:
        """It knows of none."""
        return ()

    def past(self, at: float) -> list[SpeedTest]:
        """One test of each line, made at an instant, as netmon keeps it."""
        found = []
        for n in range(len(self.lines)):
            line, download, upload, latency = self._measured(int(at // TEST_EVERY_S) * len(self.lines) + n)
            speeds = download * _BYTES_PER_MEGABIT, upload * _BYTES_PER_MEGABIT
            found.append(SpeedTest(at, self.site, self.device, line.network, line.operator, *speeds, latency / 1000))
        return found

    def _measured(self, number: int) -> tuple[Line, float, float, float]:
        line, dice = self.lines[number % len(self.lines)], Random(f"{self.device}/{number}")
        download, upload = (round(speed * dice.uniform(0.7, 1.0), 1) for speed in (line.download, line.upload))
        return line, download, upload, round(line.latency * dice.uniform(0.8, 1.6), 1)


def probe(inventory: Inventory, device_id: str, *, seed: int, started: float, lost: tuple[Spells, ...]) -> Probe:
    """The probe that a device of an inventory is: it measures the primary link of its commune, and two mobile networks."""
    device, site, dice = inventory.devices[device_id], inventory.site_of(device_id), Random(f"{seed}/{device_id}")
    fixed = next(
        (
            link
            for link in inventory.links.values()
            if link.role is LinkRole.PRIMARY
            and inventory.sites[link.site].commune == site.commune
            and inventory.sites[link.site].kind is SiteKind.PEOPLES_COMMITTEE
        ),
        None,
    )
    capacity = fixed.capacity_at(started) if fixed else None
    speeds = (capacity.receive, capacity.transmit) if capacity else (_USUAL_MBIT_S * _BYTES_PER_MEGABIT,) * 2
    down, up = (speed / _BYTES_PER_MEGABIT for speed in speeds)
    mobile, fifth = dice.uniform(30, 70), dice.uniform(180, 420)
    return Probe(
        device=device_id,
        site=site.id,
        topic=f"netmon/v1/{site.province}/{site.commune}/{site.id}/{device_id}",
        period_s=device.interval_s,
        phase=dice.random(),
        booted=started - dice.uniform(86_400, 300 * 86_400),
        lines=(
            Line(
                network="fixed",
                operator=(fixed.operator if fixed else "") or "vnpt",
                download=down,
                upload=up,
                latency=dice.uniform(4, 12),
            ),
            Line(network="mobile", operator="viettel", download=mobile, upload=mobile / 3, latency=dice.uniform(25, 45)),
            Line(network="mobile_5g", operator="viettel", download=fifth, upload=fifth / 5, latency=dice.uniform(10, 20)),
        ),
        lost=lost,
    )
