"""Devices that were found, and the inventory that they meet, for the tests of this room."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from netmon import units
from netmon.discover.addresses import Wanted
from netmon.discover.found import Found, Heard, Interface
from netmon.discover.places import Places
from netmon.settings import Settings, load

TODAY = date(2026, 11, 22)
REGISTER = units.load()

MAIN = """\
province: "04"
credentials:
  snmp: {version: "2c", community: !env DISCOVER_COMMUNITY}
  old: {version: "2c", community: !env DISCOVER_OTHER}
poll: {credential: snmp}
canaries: [gw]
"""

CENTRE = """\
# The centre, as its people wrote it.
sites:
  - id: centre
    name: Trung tâm
    commune: "01273"
    kind: provincial_centre
    devices:
      - {id: gw, address: 10.4.0.1}
      - {id: core, address: 10.4.0.2, upstreams: [gw]}  # the only one
"""

COMMUNES = """\
sites:
  # phường Tân Giang
  - id: tan-giang
    name: UBND phường Tân Giang
    commune: "01288"
    kind: peoples_committee
    devices:
      - {id: tg-r1, address: 10.4.1.1, upstreams: [core]}

    # the links of Tân Giang
    links:
      - id: tg-fibre
        to: centre
        kind: fibre
        role: primary
        network: tslcd_2
        capacity: 200 Mbit/s
        near: {interface: Gi0/0/1}  # at the commune
        # nothing below
  - {id: bao-lam, name: UBND xã Bảo Lâm, commune: "01290", kind: peoples_committee}
"""


def configured(home: Path, **inventory: str) -> Path:
    """A configuration directory with the files above, or others."""
    directory = home / "config"
    (directory / "inventory").mkdir(parents=True)
    (directory / "netmon.yaml").write_text(MAIN)
    for name, text in (inventory or {"centre": CENTRE, "communes": COMMUNES}).items():
        (directory / "inventory" / f"{name}.yaml").write_bytes(text.encode())
    return directory


def settings_of(directory: Path) -> Settings:
    """Its settings, without secrets."""
    return load(directory, register=REGISTER, secrets=False)


def places_of(settings: Settings, **options: str) -> Places:
    """The places of a configuration."""
    return Places(settings.inventory, REGISTER, settings.provinces, TODAY, **options)


def found(address: str, name: str = "", *, hears: tuple[tuple[str, str, str], ...] = (), **facts: str) -> Found:
    """A device with three ports; it hears (interface, neighbour, port)."""
    told = Wanted(address=address, **{key: facts.pop(key) for key in ("site", "commune") if key in facts})
    device = Found(
        addresses=(address,),
        credential="snmp",
        told=replace(told, name=facts.pop("called", "")),
        profile="generic",
        sys_object_id="1.3.6.1.4.1.99999.1",
        sys_name=name,
        interfaces=tuple(Interface(name=f"Gi0/0/{n}", up=n < 3, speed=125e6, optic=n == 1) for n in (1, 2, 3)),
        heard=tuple(Heard(interface=interface, neighbour=who, port=port) for interface, who, port in hears),
    )
    return replace(device, **facts)
