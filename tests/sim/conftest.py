"""A small province for the simulator: a gateway, a core, eight communes, two of them with a power controller behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.inventory import Inventory
from netmon.model import Capacity, Device, Link, LinkKind, LinkRole, Port, Site, SiteKind, Speech

CAPACITY = Capacity(valid_from=0.0, receive=25e6, transmit=12.5e6)


def small_province() -> Inventory:
    sites = {
        "centre": Site(id="centre", name="Trung tâm tỉnh", kind=SiteKind.PROVINCIAL_CENTRE, province="04", commune="01273")
    }
    devices = {
        "gw-1": Device(id="gw-1", site="centre", addresses=("127.4.0.1",), credential="tslcd"),
        "core-1": Device(id="core-1", site="centre", addresses=("127.4.0.2",), credential="tslcd", upstreams=("gw-1",)),
    }
    links = {}
    for n in range(8):
        place = f"xa-{n}"
        sites[place] = Site(
            id=place, name=f"UBND xã Số {n}", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune=f"0130{n}"
        )
        devices[f"{place}-r1"] = Device(
            id=f"{place}-r1", site=place, addresses=(f"127.4.1.{n + 1}",), credential="tslcd", upstreams=("core-1",)
        )
        links[f"{place}-fibre"] = Link(
            id=f"{place}-fibre",
            site=place,
            upstream_site="centre",
            kind=LinkKind.FIBRE,
            role=LinkRole.PRIMARY,
            network="tslcd_2",
            capacities=(CAPACITY,),
            operator="viettel",
            circuit_id=f"CB-{n:03}",
            near=Port(f"{place}-r1", "GigabitEthernet0/0/1"),
            far=Port("core-1", f"GigabitEthernet0/1/{n}"),
        )
    for n in range(2):
        tower = f"bts-{n}"
        sites[tower] = Site(id=tower, name=f"Trạm BTS {n}", kind=SiteKind.BTS, province="04", commune=f"0130{n}")
        devices[f"{tower}-pc"] = Device(
            id=f"{tower}-pc", site=tower, addresses=(f"127.4.2.{n + 1}",), credential="tslcd", upstreams=(f"xa-{n}-r1",)
        )
    return Inventory(sites=sites, devices=devices, links=links, canaries=("gw-1", "core-1"))


def grown_province() -> Inventory:
    """The small one with three base stations that speak MQTT, behind each of the first three communes, and a backup for
    the last commune."""
    small = small_province()
    sites, devices, links = dict(small.sites), dict(small.devices), dict(small.links)
    for n in range(3):
        tower = f"bts-mqtt-{n}"
        sites[tower] = Site(id=tower, name=f"Trạm BTS {n}", kind=SiteKind.BTS, province="04", commune=f"0130{n}")
        devices[f"{tower}-ctl"] = Device(id=f"{tower}-ctl", site=tower, speaks=Speech.MQTT, upstreams=(f"xa-{n}-r1",))
    links["xa-7-lte"] = replace(
        links["xa-7-fibre"],
        id="xa-7-lte",
        kind=LinkKind.LTE,
        role=LinkRole.BACKUP,
        near=Port("xa-7-r1", "Cellular0/0/0"),
        far=None,
    )
    return Inventory(sites=sites, devices=devices, links=links, canaries=small.canaries)


@pytest.fixture
def inventory() -> Inventory:
    return small_province()


@pytest.fixture
def grown() -> Inventory:
    return grown_province()
