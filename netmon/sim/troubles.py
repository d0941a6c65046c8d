"""What goes wrong in the simulated province, where and when: chosen by the seed, told in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import TypeVar

from netmon.inventory import Inventory
from netmon.model import VIET_NAM, Link, LinkRole, SiteKind, Speech
from netmon.sim.timetable import Timetable, Told

T = TypeVar("T")


class Trouble(StrEnum):
    CUT = "cut"
    SATURATED = "saturated"
    REBOOT = "reboot"
    BACKUP = "backup"
    BATTERY = "battery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a director switches while the simulator runs: devices that are absent and links that are cut, restarts by device,
    and when the mains of a site are away."""

    site_of: Mapping[str, str]
    absent: Mapping[str, Told]
    cut: Mapping[str, Told]
    restarts: Mapping[str, Told]
    mains: Mapping[str, Told]


def stage(inventory: Inventory) -> Stage:
    """A stage on which nothing has happened yet."""
    return Stage(
        site_of={device.id: device.site for device in inventory.devices.values()},
        absent={device: Told() for device in inventory.devices},
        cut={link: Told() for link in inventory.links},
        restarts={device: Told() for device in inventory.devices},
        mains={site: Told() for site in inventory.sites},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The troubles of one run. `cut`, `reboot` and `backup` hold a link and when; `battery` holds power controllers of base
    stations and when their mains fail; `busy` is a link that fills up, no trouble yet. With a `stage` there is none of
    these but what a director tells.

    A rebooting router is told by the link whose near end it is. `backup` is the primary link that a commune loses while
    its other one goes on.
    """

    cut: tuple[Link, Timetable] | None = None
    reboot: tuple[Link, Timetable] | None = None
    saturated: Link | None = None
    busy: Link | None = None
    backup: tuple[Link, Timetable] | None = None
    battery: tuple[tuple[str, Timetable], ...] = ()
    stage: Stage | None = None


def behind(inventory: Inventory, dead: Iterable[str]) -> frozenset[str]:
    """The devices that are `dead` and those that have no upstream left without them."""
    lost = set(dead)
    while True:
        more = {
            device.id
            for device in inventory.devices.values()
            if device.id not in lost and device.upstreams and lost.issuperset(device.upstreams)
        }
        if not more:
            return frozenset(lost)
        lost |= more


def candidates(inventory: Inventory) -> list[Link]:
    """The only links of People's Committees, with an interface at both ends: what troubles are made of.

    Where there is a backup a cut would leave the router in reach, and its trouble would be another one.
    """
    return [
        links[0]
        for site, links in sorted(inventory.links_of_site().items())
        if len(links) == 1 and links[0].near and links[0].far and links[0].role is LinkRole.PRIMARY
        if inventory.sites[site].kind is SiteKind.PEOPLES_COMMITTEE
    ]


def backed_up(inventory: Inventory) -> list[Link]:
    """The primary links, with an interface at both ends, of People's Committees that have a backup to fall back on."""
    return [
        link
        for site, links in sorted(inventory.links_of_site().items())
        if inventory.sites[site].kind is SiteKind.PEOPLES_COMMITTEE
        if any(other.role is LinkRole.BACKUP and (other.near or other.check) for other in links)
        for link in links
        if link.role is LinkRole.PRIMARY and link.near and link.far
    ]


def _stations(inventory: Inventory, spared: Iterable[Link | None], dice: Random) -> list[str]:
    """One base station's power controller for each way of speaking, none behind the links that are to be `spared`."""
    routers = [link.near.device for link in spared if link and link.near]
    lost = frozenset[str]().union(*(behind(inventory, (router,)) for router in routers))
    found = []
    for speech in Speech:
        stations = [
            device.id
            for device in inventory.devices.values()
            if device.speaks is speech and device.id not in lost and inventory.site_of(device.id).kind is SiteKind.BTS
        ]
        if stations:
            found.append(dice.choice(sorted(stations)))
    return found


def script(
    inventory: Inventory, *, seed: int, started: float, troubles: Sequence[Trouble] = tuple(Trouble), speed: float = 1
) -> Script:
    """Choose a place for each of `troubles`, none twice. `speed` runs the timetable so many times as fast.

    The cut takes a commune with something behind it where there is one, the reboot one with nothing. A place is
    chosen whether or not its trouble is wanted, so leaving one out moves no other.
    """
    links = candidates(inventory)
    Random(f"{seed}/troubles").shuffle(links)
    links.sort(key=lambda link: link.near is None or len(behind(inventory, (link.near.device,))) < 2)
    cut = links.pop(0) if links else None
    reboot, saturated, busy = ([*reversed(links)] + [None] * 3)[:3]
    dice = Random(f"{seed}/backup")
    backup = dice.choice(backed_up(inventory) or [None])
    stations = _stations(inventory, (cut, reboot, backup), dice)

    def during(trouble: Trouble, place: T | None, first: float, lasting: float, every: float) -> tuple[T, Timetable] | None:
        if place is None or trouble not in troubles:
            return None
        return place, Timetable(started + first / speed, lasting / speed, every / speed)

    # Nothing goes wrong before every device was heard once, so that a fall is seen as one.
    return Script(
        cut=during(Trouble.CUT, cut, 45, 1200, 1500),
        # No divisor of a usual interval, so polls meet every part of it. Not together with the cut and the lost fibre: three
        # falls within two minutes behind one router are one incident, and rightly so.
        reboot=during(Trouble.REBOOT, reboot, 300, 8, 127),
        saturated=saturated if Trouble.SATURATED in troubles else None,
        busy=busy,
        backup=during(Trouble.BACKUP, backup, 55, 3600, 4500),
        battery=tuple(filter(None, (during(Trouble.BATTERY, station, 50, 5400, 43_200) for station in stations))),
    )


def in_words(chosen: Script, inventory: Inventory) -> list[str]:
    """One sentence a trouble."""

    def when(timetable: Timetable) -> str:
        first = datetime.fromtimestamp(timetable.first, VIET_NAM)
        again = f", again every {timetable.every:g} s" if timetable.every else ""
        return f"from {first:%H:%M:%S} for {timetable.lasting:g} s{again}"

    words = []
    if chosen.cut:
        link, timetable = chosen.cut
        lost = behind(inventory, (link.near.device,)) if link.near else frozenset()
        words.append(
            f"cut: the cable of {link.id} ({inventory.sites[link.site].name}) {when(timetable)}; silent: "
            + ", ".join(sorted(lost))
        )
    if chosen.reboot:
        link, timetable = chosen.reboot
        router = link.near.device if link.near else ""
        words.append(f"reboot: {router} ({inventory.sites[link.site].name}) {when(timetable)}; its ifIndex change each time")
    if chosen.saturated:
        link = chosen.saturated
        words.append(f"saturated: {link.id} ({inventory.sites[link.site].name}) receives 97 % of its capacity all the time")
    if chosen.backup:
        link, timetable = chosen.backup
        words.append(f"backup: {link.id} ({inventory.sites[link.site].name}) {when(timetable)}: its other link goes on")
    for station, timetable in chosen.battery:
        words.append(f"battery: {station} ({inventory.site_of(station).name}) has no mains {when(timetable)}")
    if chosen.busy:
        link = chosen.busy
        words.append(f"busy: {link.id} ({inventory.sites[link.site].name}) fills up: its 95th percentile is 85 %")
    return words
