"""Sites, devices and links of one or more provinces, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netmon.model import Device, Link, Port, Site

CHECK_INTERVAL_S = 30.0
"""How often a check address is pinged where no witnessing device says how often."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that is polled and judged, by id. `canaries` are device ids (SEMANTICS 1, guard)."""

    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    links: Mapping[str, Link]
    canaries: tuple[str, ...] = ()

    def site_of(self, device: str) -> Site:
        return self.sites[self.devices[device].site]

    def device_labels(self, device: str) -> tuple[tuple[str, str], ...]:
        """The labels of a device's series: province, commune, site, device."""
        site = self.site_of(device)
        return (("province", site.province), ("commune", site.commune), ("site", site.id), ("device", device))

    def site_labels(self, site_id: str) -> tuple[tuple[str, str], ...]:
        site = self.sites[site_id]
        return (("province", site.province), ("commune", site.commune), ("site", site.id))

    def link_labels(self, link: str) -> tuple[tuple[str, str], ...]:
        return (*self.site_labels(self.links[link].site), ("link", link))

    def links_of_site(self) -> dict[str, list[Link]]:
        """Links by the site that they serve, in the order of the inventory."""
        found: dict[str, list[Link]] = {}
        for link in self.links.values():
            found.setdefault(link.site, []).append(link)
        return found

    def links_ever_of_site(self) -> dict[str, list[Link]]:
        """Links by every site that they serve or served."""
        found: dict[str, list[Link]] = {}
        for link in self.links.values():
            for site in dict.fromkeys((*(was.place for was in link.former), link.site)):
                found.setdefault(site, []).append(link)
        return found

    def check_interval_s(self, link: Link) -> float:
        """How often a link's check address is pinged: as often as the devices that witness it are polled."""
        ports = [port for port in (link.near, link.far) if port is not None]
        return min((self.devices[port.device].interval_s for port in ports), default=CHECK_INTERVAL_S)

    def dependents(self) -> dict[str, list[str]]:
        """Devices by the upstream that they name."""
        found: dict[str, list[str]] = {}
        for device in self.devices.values():
            for upstream in device.upstreams:
                found.setdefault(upstream, []).append(device.id)
        return found

    def links_by_port(self) -> dict[Port, list[Link]]:
        """Links by the interfaces that witness them, at either end."""
        found: dict[Port, list[Link]] = {}
        for link in self.links.values():
            for port in (link.near, link.far):
                if port is not None:
                    found.setdefault(port, []).append(link)
        return found


@dataclass(frozen=True, slots=True)
class Diff:
    """Device ids that a reload adds, removes, or must start anew because something about them changed."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]


def diff(old: Inventory, new: Inventory, renewed: Iterable[str] = ()) -> Diff:
    """What a reload has to touch. A device counts as changed when it did or the labels of its series, or when it is among
    the `renewed`; not when only a link on it did, nor what is told of its site besides: its name, former communes, carriers.
    """

    def facts(inventory: Inventory) -> dict[str, object]:
        return {device.id: (device, inventory.device_labels(device.id)) for device in inventory.devices.values()}

    before, after, forced = facts(old), facts(new), set(renewed)
    return Diff(
        added=frozenset(after.keys() - before.keys()),
        removed=frozenset(before.keys() - after.keys()),
        changed=frozenset(key for key in after.keys() & before.keys() if after[key] != before[key] or key in forced),
    )
