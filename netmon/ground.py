"""What stays of a wallboard while the inventory does: which sites, devices and links each province has, and whose they are.

With thousands of devices it takes longer to sort them by province than to look at them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netmon.inventory import Inventory
from netmon.link_facts import Pairs, between_communes
from netmon.model import Device, Link, Site, SiteKind


@dataclass(slots=True)
class Province:
    """Sites and devices of a province in the order of the inventory, each device with its commune; People's Committees by
    commune; links by the two communes that they join."""

    pairs: Pairs
    sites: list[Site] = field(default_factory=list)
    devices: list[tuple[Device, str]] = field(default_factory=list)
    seats: dict[str, list[Site]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ground:
    """One inventory by province; `links` by the site that they serve."""

    inventory: Inventory
    links: Mapping[str, Sequence[Link]]
    provinces: Mapping[str, Province]

    def province(self, code: str) -> Province:
        """A province; an empty one where the inventory has nothing in it."""
        return self.provinces.get(code) or Province({})


def ground(inventory: Inventory) -> Ground:
    """An inventory by province."""
    pairs, provinces = between_communes(inventory), dict[str, Province]()
    for site in inventory.sites.values():
        here = provinces.setdefault(site.province, Province(pairs.get(site.province, {})))
        here.sites.append(site)
        if site.kind is SiteKind.PEOPLES_COMMITTEE:
            here.seats.setdefault(site.commune, []).append(site)
    for device in inventory.devices.values():
        site = inventory.sites[device.site]
        provinces[site.province].devices.append((device, site.commune))
    return Ground(inventory, inventory.links_of_site(), provinces)
