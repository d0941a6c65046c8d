"""What a reload has to touch: what differs in how a device is asked or labelled, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.inventory import Inventory, diff
from netmon.model import Capacity, Carrier, Device, Former, Link, LinkKind, LinkRole, Port, Site, SiteKind

SITE = Site(id="ubnd", name="UBND xã Bảo Lâm", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune="01290")
ROUTER = Device(id="r1", site="ubnd", addresses=("10.4.1.1",))
FIBRE = Link(
    id="fibre",
    site="ubnd",
    upstream_site="centre",
    kind=LinkKind.FIBRE,
    role=LinkRole.PRIMARY,
    network="tslcd_2",
    capacities=(Capacity(0, 25e6, 25e6),),
    near=Port("r1", "ge1"),
)


def inventory(site: Site = SITE, device: Device = ROUTER, link: Link = FIBRE) -> Inventory:
    return Inventory(sites={site.id: site}, devices={device.id: device}, links={link.id: link})


@pytest.mark.parametrize(
    "after",
    [
        inventory(site=replace(SITE, former=(Former("01294", 1.8e9),))),
        inventory(site=replace(SITE, carriers=(Carrier(operator="vnpt"),))),
        inventory(site=replace(SITE, security_level=4)),
        inventory(site=replace(SITE, name="UBND xã Bảo Lâm (trụ sở mới)")),
        inventory(link=replace(FIBRE, justification="họp trực tuyến", since=1.75e9, length_km=12.4)),
        inventory(link=replace(FIBRE, former=(Former("other", 1.8e9),))),
    ],
)
def test_what_no_poller_needs_restarts_none(after: Inventory) -> None:
    found = diff(inventory(), after)
    assert (found.added, found.removed, found.changed) == (frozenset(), frozenset(), frozenset())


@pytest.mark.parametrize(
    "after",
    [
        inventory(device=replace(ROUTER, addresses=("10.4.1.2",))),
        inventory(device=replace(ROUTER, interval_s=60.0)),
        inventory(site=replace(SITE, commune="01294", former=(Former("01290", 1.8e9),))),
        inventory(
            site=replace(SITE, id="ubnd-2"), device=replace(ROUTER, site="ubnd-2"), link=replace(FIBRE, site="ubnd-2")
        ),
    ],
)
def test_another_way_to_ask_or_other_labels_start_a_device_anew(after: Inventory) -> None:
    """A site that moved to another commune gives all its series another label."""
    assert diff(inventory(), after).changed == {"r1"}


def test_one_whose_credential_was_renewed_starts_anew() -> None:
    assert diff(inventory(), inventory(), renewed=["r1", "gone"]).changed == {"r1"}
