"""What should be done before a storm: weak batteries, untried generators, little fuel, dead backups, what is lost already.

The rows are what netmon measured; where it knows nothing of a site's power that is a row too: silence is no readiness. A
battery is to be replaced at 80 % of its capacity (IEEE 1188); the other limits are netmon's own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from netmon.causes.picture import Stands
from netmon.control import ControlError
from netmon.darkness import RAN, Darkness, Power
from netmon.inventory import Inventory
from netmon.model import (
    DeviceState,
    LinkState,
    Outage,
    Site,
    SiteKind,
    Span,
    Standing,
    Subject,
    Summary,
    Verdict,
)
from netmon.network import Network
from netmon.supply import ON_BATTERY

CHARGE = 0.9
"""A battery on mains that holds less is not full."""
HEALTH = 0.8
HOLDS_S = 2 * 3600.0
"""A battery that was empty sooner in the last outage did not hold long."""
FUEL = 0.5
TRIED_DAYS = 30
"""A generator that did not run for so many days may not start."""
LAST_OUTAGE_DAYS = 400

DAY_S = 86_400.0


class Past(Protocol):
    """What was stored of supplies, generators and outages (`store.Reader`)."""

    def stays(self, subject: Subject, start: float, end: float) -> list[Span]: ...

    def outages(self, subject: Subject | None = None, start: float = ..., end: float = ...) -> list[Outage]: ...

    def summaries(self, subject: Subject, figure: str, start: float, end: float, *, days: bool = False) -> list[Summary]: ...


class Now(NamedTuple):
    """How things stand: the power devices, the states of devices and links by id, and the verdicts on backup links."""

    powers: Mapping[str, Power]
    devices: Mapping[str, Stands]
    links: Mapping[str, Stands]
    verdicts: Sequence[Verdict]


class Lack(NamedTuple):
    """Something to be done at a site: of what, what it is (a word of LACKS), its figure (a ratio or seconds, as that word
    says) and since when it is so; None where there is none."""

    subject: Subject
    site: str
    what: str
    figure: float | None
    since: float | None


LACKS: Mapping[str, tuple[str, str]] = {
    "device_down": ("thiết bị đang mất kết nối", "the device is down already"),
    "on_battery": ("đang mất điện lưới", "the mains are gone already"),
    "redundancy_lost": ("mất dự phòng: chỉ còn một đường", "redundancy lost: one way is left"),
    "link_down": ("tuyến đang mất", "the link is down"),
    "battery_health": ("ắc quy lão hoá, cần thay", "aged battery, to be replaced"),
    "battery_charge": ("ắc quy chưa đầy", "the battery is not full"),
    "battery_low": ("thiết bị báo ắc quy yếu", "the device says that its battery is low"),
    "battery_held": ("lần mất điện gần nhất ắc quy không giữ được lâu", "the battery did not hold long last time"),
    "fuel": ("nhiên liệu dưới một nửa", "fuel is below half"),
    "generator_untried": ("máy phát không chạy thử trong 30 ngày", "the generator did not run for 30 days"),
    "generator_unknown": ("chưa đủ 30 ngày để biết máy phát có chạy thử", "the generator was not watched for 30 days"),
    "drill_overdue": ("tuyến dự phòng quá hạn diễn tập", "the backup link was not used or drilled in time"),
    "drill_unknown": ("không rõ tuyến dự phòng có hoạt động", "nobody knows whether the backup link works"),
    "power_silent": ("thiết bị nguồn không còn báo số đo", "the power device tells nothing any more"),
    "power_unknown": ("không có số đo nguồn điện nào: chưa rõ", "no power readings at all: unknown"),
}  # fmt: skip
"""What may lack, the most urgent first, and how it is said in both languages."""

_ORDER = {what: n for n, what in enumerate(LACKS)}
_SECONDS = ("battery_held", "drill_overdue")
"""Lacks whose figure is seconds."""


def readiness(inventory: Inventory, now: Now, past: Past, areas: Sequence[str], at: float) -> list[Lack]:
    """What lacks in the areas (codes of provinces and communes; none: everywhere), the most urgent first. Blocks."""
    sites = {site.id: site for site in inventory.sites.values() if _lies_in(site, areas)}
    found = [
        *_states(inventory, sites, now),
        *_powers(inventory, sites, now, past, at),
        *_drills(inventory, sites, now.verdicts, at),
    ]
    return sorted(found, key=lambda lack: (_ORDER[lack.what], sites[lack.site].commune, lack.site, lack.subject))


def _lies_in(site: Site, areas: Sequence[str]) -> bool:
    return not areas or site.province in areas or site.commune in areas


def _states(inventory: Inventory, sites: Mapping[str, Site], now: Now) -> Iterator[Lack]:
    for device in inventory.devices.values():
        stands = now.devices.get(device.id)
        if device.site in sites and stands and stands.state in (DeviceState.DOWN, DeviceState.UNREACHABLE):
            yield Lack(Subject("device", device.id), device.site, "device_down", None, stands.since or None)
    for site, links in inventory.links_of_site().items():
        if site not in sites:
            continue
        down = [link for link in links if link.id in now.links and now.links[link.id].state == LinkState.DOWN]
        for link in down:
            yield Lack(Subject("link", link.id), site, "link_down", None, now.links[link.id].since or None)
        if down and len(links) - len(down) == 1:
            yield Lack(
                Subject("site", site), site, "redundancy_lost", None, max(now.links[d.id].since for d in down) or None
            )


def _powers(inventory: Inventory, sites: Mapping[str, Site], now: Now, past: Past, at: float) -> Iterator[Lack]:
    told = {inventory.devices[device].site for device in now.powers if device in inventory.devices}
    for site in sites.values():
        if site.id not in told and site.kind in (SiteKind.PEOPLES_COMMITTEE, SiteKind.BTS, SiteKind.PROVINCIAL_CENTRE):
            yield Lack(Subject("site", site.id), site.id, "power_unknown", None, None)
    for device, power in now.powers.items():
        site_id = inventory.devices[device].site if device in inventory.devices else ""
        if site_id in sites:
            yield from _power(device, site_id, power, at)
            yield from _held(device, site_id, past, at)
            if power.point.generator is not None or power.point.run_s is not None:
                yield from _tried(device, site_id, past, at)


def _power(device: str, site: str, power: Power, at: float) -> Iterator[Lack]:
    subject, point = Subject("device", device), power.point
    if at - point.at > power.holds_s:
        yield Lack(subject, site, "power_silent", None, point.at)
    if power.since is not None:
        yield Lack(subject, site, "on_battery", point.charge, power.since)
    elif point.charge is not None and point.charge < CHARGE:
        yield Lack(subject, site, "battery_charge", point.charge, None)
    if point.low:
        yield Lack(subject, site, "battery_low", None, None)
    if point.health is not None and point.health < HEALTH:
        yield Lack(subject, site, "battery_health", point.health, None)
    if point.fuel is not None and point.fuel < FUEL:
        yield Lack(subject, site, "fuel", point.fuel, None)


def _held(device: str, site: str, past: Past, at: float) -> Iterator[Lack]:
    """How long the battery held in the last outage of the mains that emptied it or ended: what fell silent by itself
    while it was on battery had none left."""
    spans = [
        span for span in past.stays(Subject("supply", device), at - LAST_OUTAGE_DAYS * DAY_S, at) if span.state == ON_BATTERY
    ]
    if not spans:
        return
    last = spans[-1]
    falls = [
        outage.start
        for outage in past.outages(Subject("device", device), last.start, last.end)
        if outage.state == DeviceState.DOWN and last.start <= outage.start <= last.end
    ]
    if falls and falls[0] - last.start < HOLDS_S:
        yield Lack(Subject("device", device), site, "battery_held", falls[0] - last.start, last.start)


def _tried(device: str, site: str, past: Past, at: float) -> Iterator[Lack]:
    """Whether the generator ran in the last days: its hours grew, or it fed the site."""
    since = at - TRIED_DAYS * DAY_S
    days = {
        figure: [
            day
            for day in past.summaries(Subject("site", site), figure, since - 2 * DAY_S, at + 1, days=True)
            if day.part == device
        ]
        for figure in RAN
    }
    runs, feeds = (days[figure] for figure in RAN)
    if any(day.most > 0 for day in feeds if day.start + day.seconds > since):
        return
    lately = [day for day in runs if day.start + day.seconds > since]
    if lately and max(day.most for day in lately) > min(day.least for day in lately):
        return
    first = min((day.start for day in (*runs, *feeds)), default=None)
    whole = first is not None and first <= since
    yield Lack(Subject("device", device), site, "generator_untried" if whole else "generator_unknown", None, first)


def _drills(inventory: Inventory, sites: Mapping[str, Site], verdicts: Iterable[Verdict], at: float) -> Iterator[Lack]:
    """What the rule `backup_drill` says of backup links."""
    for verdict in verdicts:
        link = inventory.links.get(verdict.subject.id) if verdict.subject.kind == "link" else None
        if link is None or link.site not in sites or verdict.standing in (Standing.MET, Standing.EXEMPT):
            continue
        what = "drill_overdue" if verdict.standing is Standing.AT_RISK else "drill_unknown"
        seen = None if verdict.value is None else min(at, verdict.window.end) - verdict.value
        yield Lack(Subject("link", link.id), link.site, what, verdict.value, seen)


def fact(lack: Lack, inventory: Inventory) -> dict[str, Any]:
    """A row as JSON values, with its words in both languages and the unit of its figure: "ratio" or "s"."""
    site, (vi, en) = inventory.sites[lack.site], LACKS[lack.what]
    return {
        "subject": str(lack.subject),
        "site": lack.site,
        "name": site.name,
        "province": site.province,
        "commune": site.commune,
        "what": lack.what,
        "words": {"vi": vi, "en": en},
        "figure": lack.figure,
        "unit": "s" if lack.what in _SECONDS else "ratio",
        "since": lack.since,
    }


class Readiness:
    """Answers what should be done before a storm. `drills` gives the verdicts of the rule `backup_drill`."""

    def __init__(self, network: Network, darkness: Darkness, past: Past, drills: Callable[[], Sequence[Verdict]]) -> None:
        self._network = network
        self._darkness = darkness
        self._past = past
        self._drills = drills

    async def control_readiness(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The rows of the `areas` (codes of provinces and communes; none: everywhere), the most urgent first. ControlError:
        an area in which the inventory has no site."""
        areas = request.get("areas") or []
        if not isinstance(areas, list) or not all(isinstance(area, str) for area in areas):
            raise ControlError("areas are a list of codes of provinces and communes")
        inventory = self._network.inventory
        there = {code for site in inventory.sites.values() for code in (site.province, site.commune)}
        if strange := [area for area in areas if area not in there]:
            raise ControlError(f"the inventory has no site in {', '.join(strange)}")
        now = Now(self._darkness.powers(), dict(self._network.tracks), dict(self._network.links), self._drills())
        found = await asyncio.to_thread(readiness, inventory, now, self._past, areas, time.time())
        return {"lacks": [fact(lack, inventory) for lack in found]}
