"""What changed goes three ways: to the store (spans and outages), to what is exported, and once to the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import structlog

from netmon import samples
from netmon.connections import Change
from netmon.exporters.outlets import Outlets
from netmon.inventory import Diff, Inventory
from netmon.model import Device, DeviceState, LinkState, Outage, Service, Subject
from netmon.network import Network
from netmon.store import Store
from netmon.supply import ON_BATTERY, UNTOLD

log = structlog.get_logger(__name__)

AVAILABLE = frozenset({DeviceState.UP, DeviceState.SUSPECT, LinkState.UP, Service.UP, Service.ON_BACKUP})
LOST = frozenset({DeviceState.DOWN, DeviceState.UNREACHABLE, LinkState.DOWN, Service.ISOLATED, Service.UNREACHABLE})
"""Strings, for the words of devices, links and sites are one vocabulary: what is `unknown` or `suspect` is in neither."""

SAMPLES = {"device": samples.device_samples, "link": samples.link_samples, "site": samples.site_samples}


class Announcer:
    """Tells the states of one network. Nothing here waits: the store queues, the page renders, the database queues."""

    def __init__(self, store: Store, outlets: Outlets) -> None:
        self._store = store
        self._outlets = outlets
        self.explained: Mapping[Subject, frozenset[str]] = {}
        """What else pages for what is lost (`causes.explained`)."""

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
        """Exports the state series of a subject: those that never leave the page (SEMANTICS 8)."""
        by = self.explained.get(subject, frozenset())
        self._outlets.put(str(subject), SAMPLES[subject.kind](network, subject.id, by), kept=True)

    def show_if_known(self, network: Network, subject: Subject) -> None:
        """The same, of a subject that may have left the network."""
        here: Mapping[str, Mapping[str, object]] = {"device": network.tracks, "link": network.links, "site": network.sites}
        if subject.id in here.get(subject.kind, {}):
            self.show(network, subject)

    def show_changed(self, network: Network, old: Inventory, diff: Diff) -> None:
        """Exports the state series of what is new in the network's inventory or has another description than before."""
        new = network.inventory
        for device in diff.added | diff.changed:
            self.show(network, Subject("device", device))
        moved = {site for site in new.sites if old.sites.get(site) != new.sites[site]}
        for link in new.links.values():
            if old.links.get(link.id) != link or link.site in moved:
                self.show(network, Subject("link", link.id))
        for site in moved:
            self._outlets.put(f"site_info:{site}", samples.site_info(new, site), kept=True)
        for site in old.sites.keys() - new.sites.keys():
            self._outlets.forget(f"site_info:{site}")
        served = old.links_of_site()
        for site in network.sites:
            if site in moved or site not in served:
                self.show(network, Subject("site", site))

    def tell_supply(self, change: Change, was: str, device: Device) -> None:
        """Stores and logs what feeds a device: `battery`, `mains`, or "" where it tells it no more."""
        if change.state == UNTOLD:
            self._store.end_span(change.subject, change.span_from)
        else:
            self._store.begin_span(change.subject, change.state, change.span_from)
        if change.state != was and change.state == ON_BATTERY:
            log.warning("site runs on battery", device=device.id, site=device.site)
        elif change.state != was == ON_BATTERY:
            log.info("site is said to be on battery no more", device=device.id, site=device.site)

    def forget(self, subject: Subject, now: float) -> None:
        """A subject that left the inventory: its span and outage end, its series go."""
        self._store.end_span(subject, now)
        self._store.close_outage(subject, now)
        self._outlets.forget(str(subject))

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
        since = datetime.fromtimestamp(change.since, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        say(f"{change.subject.kind} {change.state}", since=since, **words)
