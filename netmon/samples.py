"""What netmon knows, as series of the catalogue: readings, polls, states, capacities, rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netmon.derive.counters import measurable
from netmon.derive.slots import present
from netmon.inventory import Inventory
from netmon.measure import OCTETS, Ceilings
from netmon.model import (
    Device,
    DeviceState,
    Direction,
    Kind,
    LinkState,
    Outcome,
    Poll,
    Reading,
    Series,
    Service,
    Slot,
    Speech,
)
from netmon.network import Network

EXPLAINED_BY = ("upstream", "self")


def reading_samples(
    poll: Poll, totals: Mapping[Series, int], ceilings: Ceilings, interval_s: float
) -> list[tuple[Series, float]]:
    """What a poll measured: gauges as they are, counters as netmon's own sums."""
    samples: list[tuple[Series, float]] = []
    for reading in _measured(poll):
        series = reading.series
        if series.kind is Kind.COUNTER64 or series.kind is Kind.COUNTER32:
            samples.append((series, totals[series]))
        else:
            samples.append((series, reading.value))
    for reading in poll.readings:
        if reading.series.family in OCTETS and reading.series.kind is Kind.COUNTER32:
            samples += _not_measurable(reading, ceilings, interval_s)
    return samples


def info_samples(poll: Poll) -> list[tuple[Series, float]]:
    """What a device and its parts are called and say that they are: this never goes (SEMANTICS 8)."""
    return [(reading.series, 1) for reading in poll.readings if reading.series.kind is Kind.INFO]


def _measured(poll: Poll) -> list[Reading]:
    return [reading for reading in poll.readings if reading.series.kind is not Kind.INFO]


def times_of(poll: Poll, samples: Sequence[tuple[Series, float]]) -> list[float]:
    """When each of a poll's `reading_samples` was taken, Unix seconds."""
    times = [reading.at.unix for reading in _measured(poll)]
    return times + [poll.ended.unix] * (len(samples) - len(times))


def _not_measurable(reading: Reading, ceilings: Ceilings, interval_s: float) -> list[tuple[Series, float]]:
    if reading.series.family != "netmon_interface_receive_bytes_total":
        return []  # once an interface is enough
    wraps = not measurable(ceilings.of(reading.series), interval_s)
    return [(Series("netmon_interface_not_measurable", reading.series.labels), int(wraps))]


def poll_samples(device: Device, labels: tuple[tuple[str, str], ...], poll: Poll) -> list[tuple[Series, float]]:
    """How the last poll that found the device alive went; one that reports by itself only was looked after."""
    if device.speaks is Speech.MQTT:
        return []
    return [
        (Series("netmon_device_snmp_up", labels), float(poll.outcome is Outcome.ANSWERED and poll.snmp)),
        (Series("netmon_device_poll_duration_seconds", labels), poll.ended.monotonic - poll.sent.monotonic),
        (Series("netmon_device_poll_incomplete", labels), float(bool(poll.incomplete))),
    ]


def device_samples(network: Network, device: str) -> list[tuple[Series, float]]:
    """netmon_device_up, _state and _explained. Until a device was ever heard of, `up` is not told."""
    track = network.tracks[device]
    labels = network.inventory.device_labels(device)
    samples: list[tuple[Series, float]] = []
    if track.shown_up is not None:
        samples.append((Series("netmon_device_up", labels), int(track.shown_up)))
    samples += [
        (Series("netmon_device_state", (*labels, ("state", state))), int(track.state is state)) for state in DeviceState
    ]
    explained = "upstream" if track.state is DeviceState.UNREACHABLE else ""
    # What was down before netmon ceased to know goes on paging where it did (SEMANTICS 10), and begins to nowhere.
    lost_by_us = network.isolated_since or track.outcome == Outcome.LOCAL or track.shown_up is False
    if track.state is DeviceState.UNKNOWN and lost_by_us:
        explained = "self"
    samples += [(Series("netmon_device_explained", (*labels, ("by", by))), int(by == explained)) for by in EXPLAINED_BY]
    return samples


def link_samples(network: Network, link_id: str) -> list[tuple[Series, float]]:
    """netmon_link_info and _up; `up` keeps its last value while unknown."""
    link, told = network.inventory.links[link_id], network.links[link_id]
    labels = network.inventory.link_labels(link_id)
    facts = (
        ("kind", link.kind),
        ("role", link.role),
        ("network", link.network),
        ("operator", link.operator),
        ("circuit", link.circuit_id),
    )
    samples: list[tuple[Series, float]] = [(Series("netmon_link_info", (*labels, *facts)), 1)]
    if told.last_known:
        samples.append((Series("netmon_link_up", labels), int(told.last_known == LinkState.UP)))
    return samples


def capacity_samples(inventory: Inventory, link_id: str, now: float) -> list[tuple[Series, float]]:
    """netmon_link_capacity_bytes_per_second, as valid now."""
    capacity = inventory.links[link_id].capacity_at(now)
    if capacity is None:
        return []
    labels = inventory.link_labels(link_id)
    return [
        (Series("netmon_link_capacity_bytes_per_second", (*labels, ("direction", way))), capacity.of(way))
        for way in Direction
    ]


def rate_samples(inventory: Inventory, link_id: str, slot: Slot) -> list[tuple[Series, float]]:
    """netmon_link_rate_bytes_per_second of a closed slot, in the directions that are present."""
    labels = inventory.link_labels(link_id)
    return [
        (Series("netmon_link_rate_bytes_per_second", (*labels, ("direction", way))), 1e6 * octets.octets / octets.covered_us)
        for way, octets in ((Direction.RECEIVE, slot.receive), (Direction.TRANSMIT, slot.transmit))
        if present(octets)
    ]


def site_samples(network: Network, site_id: str) -> list[tuple[Series, float]]:
    """netmon_site_info and netmon_site_service."""
    site, told = network.inventory.sites[site_id], network.sites[site_id]
    labels = network.inventory.site_labels(site_id)
    return [
        (Series("netmon_site_info", (*labels, ("kind", site.kind), ("name", site.name))), 1),
        *((Series("netmon_site_service", (*labels, ("state", service))), int(told.state == service)) for service in Service),
    ]
