"""What netmon knows, as series of the catalogue: readings, polls, states, capacities, rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

from netmon.derive.counters import Limits, measurable
from netmon.derive.layout import Layout
from netmon.derive.slots import present
from netmon.inventory import Inventory
from netmon.model import (
    At,
    DeviceState,
    Direction,
    EchoSlot,
    LinkState,
    Outcome,
    Poll,
    Readings,
    Series,
    Service,
    Slot,
    SpeedTest,
)
from netmon.network import Network

_UNIX: Callable[[At], float] = itemgetter(0)

EXPLAINED_BY = ("upstream", "self")


def shown_values(layout: Layout, readings: Readings, totals: Sequence[int], limits: Limits, every_s: float) -> list[float]:
    """The values of the layout's `shown` series: gauges as they are, counters as netmon's own sums, and of 32-bit ones
    whether they wrap too soon for a poll `every_s`."""
    wraps = [int(not measurable(limits.ceilings[n], every_s)) for n in layout.narrow]
    return [*layout.gauges(readings.values), *totals, *wraps]


def shown_times(layout: Layout, readings: Readings, ended: At) -> list[float]:
    """When each of the layout's `shown` series was read, Unix seconds."""
    read = map(_UNIX, (*layout.gauges(readings.at), *layout.counted(readings.at)))
    return [*read, *[ended.unix] * len(layout.narrow)]


def poll_series(labels: tuple[tuple[str, str], ...]) -> tuple[Series, ...]:
    """The series of `poll_values`, and of when the poll ended."""
    return (
        Series("netmon_device_snmp_up", labels),
        Series("netmon_device_poll_duration_seconds", labels),
        Series("netmon_device_poll_incomplete", labels),
        Series("netmon_device_last_poll_timestamp_seconds", labels),
    )


def poll_values(poll: Poll) -> tuple[float, ...]:
    """How the last poll that found a device alive went."""
    snmp_up = poll.outcome is Outcome.ANSWERED and poll.snmp
    return float(snmp_up), poll.ended.monotonic - poll.sent.monotonic, float(bool(poll.incomplete))


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


def echo_samples(inventory: Inventory, link_id: str, slot: EchoSlot) -> list[tuple[Series, float]]:
    """netmon_link_round_trip_seconds and _loss_ratio of a closed slot, as far as there were echoes."""
    labels = inventory.link_labels(link_id)
    samples: list[tuple[Series, float]] = []
    if slot.answered:
        samples.append((Series("netmon_link_round_trip_seconds", labels), slot.rtt_us / slot.answered / 1e6))
    if slot.sent:
        samples.append((Series("netmon_link_loss_ratio", labels), 1 - slot.answered / slot.sent))
    return samples


def speed_samples(inventory: Inventory, test: SpeedTest) -> list[tuple[Series, float]]:
    """netmon_speed_download_bytes_per_second, _upload_ and, where it was told, _latency_seconds."""
    labels = (*inventory.device_labels(test.device), ("network", test.network), ("operator", test.operator))
    samples = [
        (Series("netmon_speed_download_bytes_per_second", labels), test.download),
        (Series("netmon_speed_upload_bytes_per_second", labels), test.upload),
    ]
    if test.latency_s is not None:
        samples.append((Series("netmon_speed_latency_seconds", labels), test.latency_s))
    return samples


def site_samples(network: Network, site_id: str) -> list[tuple[Series, float]]:
    """netmon_site_info and netmon_site_service."""
    site, told = network.inventory.sites[site_id], network.sites[site_id]
    labels = network.inventory.site_labels(site_id)
    return [
        (Series("netmon_site_info", (*labels, ("kind", site.kind), ("name", site.name))), 1),
        *((Series("netmon_site_service", (*labels, ("state", service))), int(told.state == service)) for service in Service),
    ]
