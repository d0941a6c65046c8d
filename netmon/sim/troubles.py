"""What goes wrong in the simulated province, where and when: chosen by the seed, told in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random

from netmon.inventory import Inventory
from netmon.model import VIET_NAM, Link, LinkRole, SiteKind
from netmon.sim.timetable import Timetable


class Trouble(StrEnum):
    CUT = "cut"
    SATURATED = "saturated"
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The troubles of one run. `cut` and `reboot` hold a link and when; `busy` is a link that fills up, no trouble yet.

    A rebooting router is told by the link whose near end it is.
    """

    cut: tuple[Link, Timetable] | None = None
    reboot: tuple[Link, Timetable] | None = None
    saturated: Link | None = None
    busy: Link | None = None


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


def script(
    inventory: Inventory, *, seed: int, started: float, troubles: Sequence[Trouble] = tuple(Trouble), speed: float = 1
) -> Script:
    """Choose a link for each of `troubles`, none twice. `speed` runs the timetable so many times as fast.

    The cut takes a commune with something behind it where there is one, the reboot one with nothing. A link is chosen
    whether or not its trouble is wanted, so leaving one out moves no other.
    """
    links = candidates(inventory)
    Random(f"{seed}/troubles").shuffle(links)
    links.sort(key=lambda link: link.near is None or len(behind(inventory, (link.near.device,))) < 2)
    cut = links.pop(0) if links else None
    reboot, saturated, busy = ([*reversed(links)] + [None] * 3)[:3]
    return Script(
        cut=(cut, Timetable(started + 15 / speed, 1200 / speed, 1500 / speed)) if cut and Trouble.CUT in troubles else None,
        # No divisor of a usual interval, so polls meet every part of it.
        reboot=(reboot, Timetable(started + 45 / speed, 8 / speed, 127 / speed))
        if reboot and Trouble.REBOOT in troubles
        else None,
        saturated=saturated if Trouble.SATURATED in troubles else None,
        busy=busy,
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
    if chosen.busy:
        link = chosen.busy
        words.append(f"busy: {link.id} ({inventory.sites[link.site].name}) fills up: its 95th percentile is 85 %")
    return words
