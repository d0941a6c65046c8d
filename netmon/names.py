"""What people call the subjects of verdicts: units by their names, sites by theirs, links by their site and kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from netmon.inventory import Inventory
from netmon.model import LinkKind
from netmon.targets.words import Language
from netmon.units import Register

LINK_KIND = {
    LinkKind.FIBRE: {"vi": "cáp quang", "en": "fibre"},
    LinkKind.MICROWAVE: {"vi": "viba", "en": "microwave"},
    LinkKind.LTE: {"vi": "LTE", "en": "LTE"},
    LinkKind.SATELLITE_LEO: {"vi": "vệ tinh quỹ đạo thấp", "en": "low-orbit satellite"},
    LinkKind.COPPER: {"vi": "cáp đồng", "en": "copper"},
}


def names(
    register: Register, provinces: tuple[str, ...], inventory: Inventory, language: Language, on: date
) -> Mapping[str, str]:
    """Names by id or code, as they are on a day."""
    found = [register.unit(province, on) for province in provinces]
    found += [unit for province in provinces for unit in register.communes(province, on)]
    known = {unit.code: unit.name if language == "vi" else unit.name_en for unit in found if unit is not None}
    sites = inventory.sites
    known |= {site.id: site.name for site in sites.values()}
    return known | {
        link.id: f"{sites[link.site].name}, {LINK_KIND[link.kind][language]}" for link in inventory.links.values()
    }
