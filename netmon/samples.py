"""What netmon knows, as series of the catalogue: readings, polls, states, capacities, rates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter

from netmon.causes.explained import BY_DEVICE, BY_LINK, BY_SITE
from netmon.derive.counters import Limits, measurable
from netmon.derive.layout import Layout
from netmon.derive.slots import present
from netmon.inventory import Inventory
from netmon.model import (
    At,
    DeviceState,
    Direction,
    EchoSlot,
    Incident,
    LinkState,
    Outcome,
    Poll,
    Readings,
    Series,
    Service,
    SiteKind,
    Slot,
    SpeedTest,
    Subject,
)
from netmon.network import Network

_UNIX: Callable[[At], float] = itemgetter(0)

ALWAYS_TOLD = ("upstream", "self")
"""What may explain a device is told of every device: that of those which are lost is not all."""


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


def device_samples(network: Network, device: str, by: Collection[str] = ()) -> list[tuple[Series, float]]:
    """netmon_device_up, _state and _explained, by what else pages for it. Until a device was ever heard of, `up` is not
    told."""
    track = network.tracks[device]
    labels = network.inventory.device_labels(device)
    samples: list[tuple[Series, float]] = []
    if track.shown_up is not None:
        samples.append((Series("netmon_device_up", labels), int(track.shown_up)))
    samples += [
        (Series("netmon_device_state", (*labels, ("state", state))), int(track.state is state)) for state in DeviceState
    ]
    explained = {*by} - {"self"} | ({"upstream"} if track.state is DeviceState.UNREACHABLE else set())
    # What was down before netmon ceased to know goes on paging where it did (SEMANTICS 10), and begins to nowhere.
    lost_by_us = network.isolated_since or track.outcome == Outcome.LOCAL or track.shown_up is False
    if track.state is DeviceState.UNKNOWN and lost_by_us:
        explained.add("self")
    told = BY_DEVICE if explained or track.shown_up is False else ALWAYS_TOLD
    samples += [(Series("netmon_device_explained", (*labels, ("by", each))), int(each in explained)) for each in told]
    return samples


def link_samples(network: Network, link_id: str, by: Collection[str] = ()) -> list[tuple[Series, float]]:
    """netmon_link_info, _end_info, _up, _unknown and, of one not up, _explained; `up` keeps its last value while unknown."""
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
    for end, port in (("near", link.near), ("far", link.far)):
        if port is not None:
            there = (("end", end), ("device", port.device), ("interface", port.interface))
            samples.append((Series("netmon_link_end_info", (*labels, *there)), 1))
    if told.last_known:
        samples.append((Series("netmon_link_up", labels), int(told.last_known == LinkState.UP)))
        samples.append((Series("netmon_link_unknown", labels), int(told.state == LinkState.UNKNOWN)))
    if told.state == LinkState.UNKNOWN and told.last_known == LinkState.DOWN:
        # Nobody can tell whether it is back: it goes on paging where it did, and begins to nowhere.
        by = {*by, "device" if _behind_a_loss(network, link_id) else "self"}
    if by or told.last_known == LinkState.DOWN:
        samples += [(Series("netmon_link_explained", (*labels, ("by", each))), int(each in by)) for each in BY_LINK]
    return samples


def _behind_a_loss(network: Network, link_id: str) -> bool:
    """Whether a device that witnesses a link is lost, which pages or is explained by what does."""
    link = network.inventory.links[link_id]
    return any(port is not None and network.tracks[port.device].fallen for port in (link.near, link.far))


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


def site_info(inventory: Inventory, site_id: str) -> list[tuple[Series, float]]:
    """netmon_site_info; sites that no link serves have it too."""
    site = inventory.sites[site_id]
    return [(Series("netmon_site_info", (*inventory.site_labels(site_id), ("kind", site.kind), ("name", site.name))), 1)]


def site_samples(network: Network, site_id: str, by: Collection[str] = ()) -> list[tuple[Series, float]]:
    """netmon_site_service with when it began, and netmon_site_explained."""
    told = network.sites[site_id]
    labels = network.inventory.site_labels(site_id)
    began = [(Series("netmon_site_service_start_timestamp_seconds", labels), told.since)] if told.since else []
    return [
        *began,
        *((Series("netmon_site_service", (*labels, ("state", service))), int(told.state == service)) for service in Service),
        *site_explained(network.inventory, site_id, by),
    ]


def site_explained(inventory: Inventory, site: str, by: Collection[str] = ()) -> list[tuple[Series, float]]:
    """netmon_site_explained."""
    labels = inventory.site_labels(site)
    return [(Series("netmon_site_explained", (*labels, ("by", each))), int(each in by)) for each in BY_SITE]


def flapping_samples(inventory: Inventory, subject: Subject, value: int) -> list[tuple[Series, float]]:
    """netmon_device_flapping or netmon_link_flapping."""
    labels = inventory.device_labels(subject.id) if subject.kind == "device" else inventory.link_labels(subject.id)
    return [(Series(f"netmon_{subject.kind}_flapping", labels), value)]


def incident_samples(incident: Incident, inventory: Inventory, paging: bool) -> list[tuple[Series, float]]:
    """What the page says of an incident that goes on."""
    labels = (("province", incident.province), ("root_kind", incident.root.kind), ("root", incident.root.id))
    link = inventory.links.get(incident.root.id) if incident.root.kind == "link" else None
    facts = (
        ("incident", incident.id),
        ("cause", incident.said_cause.value),
        ("operator", link.operator if link else ""),
        ("circuit", link.circuit_id if link else ""),
    )
    impact = incident.impact
    return [
        (Series("netmon_incident_info", (*labels, *facts)), 1),
        (Series("netmon_incident_start_timestamp_seconds", labels), incident.since),
        (Series("netmon_incident_paging", labels), int(paging)),
        (Series("netmon_incident_members", labels), len(incident.members)),
        (Series("netmon_incident_communes", (*labels, ("state", Service.ISOLATED))), len(impact.isolated)),
        (Series("netmon_incident_communes", (*labels, ("state", Service.ON_BACKUP))), len(impact.on_backup)),
        (Series("netmon_incident_sites", (*labels, ("kind", SiteKind.SERVICE_CENTRE))), len(impact.service_centres)),
        (Series("netmon_incident_sites", (*labels, ("kind", SiteKind.BTS))), len(impact.stations)),
        (Series("netmon_incident_acknowledged", labels), int(bool(incident.acknowledged))),
        *(
            (Series("netmon_incident_commune_info", (*labels, facts[1], ("commune", commune))), 1)
            for commune in (*impact.isolated, *impact.on_backup)
        ),
    ]


def incident_over(province: str, root: Subject) -> list[tuple[Series, float]]:
    """What the page says of an incident that is over."""
    labels = (("province", province), ("root_kind", root.kind), ("root", root.id))
    return [(Series("netmon_incident_paging", labels), 0), (Series("netmon_incident_members", labels), 0)]
