"""What changed goes three ways: to the store (spans and outages), to the page of metrics, and once to the log."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from netmon.derive.slots import present
from netmon.exporters.prometheus import Page
from netmon.inventory import Inventory
from netmon.model import DeviceState, Direction, LinkState, Outage, Series, Service, Slot, Subject
from netmon.network import Change, Network, Told
from netmon.store import Store

log = structlog.get_logger(__name__)

AVAILABLE = frozenset({DeviceState.UP, DeviceState.SUSPECT, LinkState.UP, Service.UP, Service.ON_BACKUP})
LOST = frozenset({DeviceState.DOWN, DeviceState.UNREACHABLE, LinkState.DOWN, Service.ISOLATED, Service.UNREACHABLE})
"""Strings, for the words of devices, links and sites are one vocabulary: what is `unknown` or `suspect` is in neither."""

EXPLAINED_BY = ("upstream", "self")


class Announcer:
    """Tells the states of one network. Nothing here waits: the store queues, the page renders."""

    def __init__(self, store: Store, page: Page) -> None:
        self._store = store
        self._page = page

    def tell(self, network: Network, changes: Iterable[Change]) -> None:
        """Stores, exports and logs changes, in the order in which they happened."""
        for change in changes:
            if change.renames:
                self._store.rename_span(change.subject, change.state)
            else:
                self._store.begin_span(change.subject, change.state, change.span_from)
            self._tell_outage(change)
            self._log(change)
            self.show(network, change.subject)

    def show(self, network: Network, subject: Subject) -> None:
        """Puts the state series of a subject on the page: those that never go (SEMANTICS 8)."""
        if subject.kind == "device":
            self._page.put(f"state:{subject.id}", device_samples(network, subject.id), kept=True)
        elif subject.kind == "link":
            self._page.put(
                f"link:{subject.id}", link_samples(network.inventory, network.links[subject.id], subject.id), kept=True
            )
        else:
            self._page.put(
                f"site:{subject.id}", site_samples(network.inventory, network.sites[subject.id], subject.id), kept=True
            )

    def forget(self, subject: Subject, now: float) -> None:
        """A subject that left the inventory: its span and outage end, its series go."""
        self._store.end_span(subject, now)
        self._store.close_outage(subject, now)
        self._page.forget(f"{'state' if subject.kind == 'device' else subject.kind}:{subject.id}")

    def _tell_outage(self, change: Change) -> None:
        if change.state in LOST:
            self._store.open_outage(Outage(change.subject, change.state, change.since, None, change.cause, change.detail))
        elif change.state in AVAILABLE and change.state != DeviceState.SUSPECT:
            self._store.close_outage(change.subject, change.span_from)

    def _log(self, change: Change) -> None:
        if change.state == DeviceState.SUSPECT or change.renames:
            return
        say = log.warning if change.state in LOST else log.info
        words = {change.subject.kind: change.subject.id}
        if change.cause:
            words["cause"] = change.cause
        if change.detail:
            words["detail"] = change.detail
        say(f"{change.subject.kind} {change.state}", since=round(change.since, 1), **words)


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
    explained = "self" if network.isolated_since else "upstream" if track.state is DeviceState.UNREACHABLE else ""
    samples += [(Series("netmon_device_explained", (*labels, ("by", by))), int(by == explained)) for by in EXPLAINED_BY]
    return samples


def link_samples(inventory: Inventory, told: Told, link_id: str) -> list[tuple[Series, float]]:
    """netmon_link_info and _up; `up` keeps its last value while unknown."""
    link = inventory.links[link_id]
    labels = inventory.link_labels(link_id)
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


def site_samples(inventory: Inventory, told: Told, site_id: str) -> list[tuple[Series, float]]:
    """netmon_site_info and netmon_site_service."""
    site = inventory.sites[site_id]
    labels = inventory.site_labels(site_id)
    return [
        (Series("netmon_site_info", (*labels, ("kind", site.kind), ("name", site.name))), 1),
        *((Series("netmon_site_service", (*labels, ("state", service))), int(told.state == service)) for service in Service),
    ]
