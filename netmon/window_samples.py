"""Storms and works on the page: what is declared, what a storm has taken, whether works are past their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netmon.causes.graph import Graph
from netmon.causes.picture import Picture
from netmon.events.windows import covers, over_at, overruns, phase, strikes, struck_until
from netmon.inventory import Inventory
from netmon.model import CauseClass, Declared, DeviceState, Link, Phase, Series, Service, SiteKind, Subject

Samples = list[tuple[Series, float]]

EXERCISE = "[DIỄN TẬP/EXERCISE]"
"""Stands before the name of an exercise wherever one name is shown to readers of both languages."""

_PHASES = (Phase.PREPARE, Phase.IMPACT, Phase.RECOVER)
_LOST = (DeviceState.DOWN, DeviceState.UNREACHABLE)


@dataclass(slots=True)
class StormCounts:
    """What a storm has taken in one province of its area: communes by the service of their People's Committee; where it
    strikes devices that are lost, by cause, and sites without mains."""

    communes: Counter[Service] = field(default_factory=Counter)
    lost: Counter[CauseClass] = field(default_factory=Counter)
    on_battery: int = 0


def shown_name(window: Declared) -> str:
    """The name of a window, marked where it is an exercise."""
    return f"{EXERCISE} {window.name}" if window.exercise else window.name


def places(window: Declared, inventory: Inventory) -> frozenset[tuple[str, str]]:
    """The provinces and communes of the inventory's sites that a window lies over, or works are done at."""
    works, sites = set(window.subjects), inventory.sites.values()
    found = {site.id for site in sites if covers(window, province=site.province, commune=site.commune)}
    if works:
        found |= {site.id for site in sites if Subject("site", site.id) in works}
        found |= {device.site for device in inventory.devices.values() if Subject("device", device.id) in works}
        found |= {link.site for link in inventory.links.values() if works.intersection(_names(link))}
    return frozenset((inventory.sites[site].province, inventory.sites[site].commune) for site in found)


def storm_samples(storm: Declared, provinces: Iterable[str], now: float) -> Samples:
    """netmon_storm_info, _phase and _end_timestamp_seconds: of the declared end, and once it has struck of its recovery."""
    at, samples = phase(storm, now), Samples()
    end = storm.until if now < struck_until(storm) else over_at(storm)
    for province in sorted(provinces):
        labels = (("province", province), ("storm", storm.id))
        about = (("name", storm.name), ("level", str(storm.level)), ("exercise", "yes" if storm.exercise else "no"))
        samples.append((Series("netmon_storm_info", (*labels, *about)), 1))
        samples += [(Series("netmon_storm_phase", (*labels, ("phase", each))), int(each is at)) for each in _PHASES]
        samples.append((Series("netmon_storm_end_timestamp_seconds", labels), end))
    return samples


def works_samples(works: Declared, provinces: Iterable[str]) -> Samples:
    """netmon_maintenance_info."""
    return [
        (
            Series(
                "netmon_maintenance_info",
                (("province", province), ("maintenance", works.id), ("name", shown_name(works))),
            ),
            1,
        )
        for province in sorted(provinces)
    ]


def storm_counts(storm: Declared, picture: Picture, causes: Mapping[str, CauseClass]) -> dict[str, StormCounts]:
    """What a storm has taken so far, by province of its area. Nothing before its onset, and nothing of an exercise. `causes`
    are those of devices; one that is unreachable and has none is lost by its upstream."""
    now = picture.at
    if storm.exercise or phase(storm, now) not in (Phase.IMPACT, Phase.RECOVER):
        return {}
    within = {site.id for site in picture.sites.values() if covers(storm, province=site.province, commune=site.commune)}
    struck = {
        name
        for name in within
        for site in (picture.sites[name],)
        if strikes(storm, province=site.province, commune=site.commune, now=now)
    }
    found = {picture.sites[name].province: StormCounts() for name in within}
    for name in within:
        site = picture.sites[name]
        if site.kind is SiteKind.PEOPLES_COMMITTEE:
            stands = picture.sites_stand.get(name)
            found[site.province].communes[Service(stands.state) if stands is not None else Service.UNKNOWN] += 1
        found[site.province].on_battery += name in struck and name in picture.on_battery
    for device in picture.devices.values():
        if device.site in struck and (track := picture.devices_stand.get(device.id)) is not None and track.state in _LOST:
            otherwise = CauseClass.UPSTREAM if track.state == DeviceState.UNREACHABLE else CauseClass.UNKNOWN
            found[picture.sites[device.site].province].lost[causes.get(device.id, otherwise)] += 1
    return found


def count_samples(storm: Declared, counts: Mapping[str, StormCounts]) -> Samples:
    """netmon_storm_communes, _devices_down and _sites_on_battery."""
    samples = Samples()
    for province, found in sorted(counts.items()):
        labels = (("province", province), ("storm", storm.id))
        samples += [
            (Series("netmon_storm_communes", (*labels, ("state", state))), found.communes[state]) for state in Service
        ]
        samples += [
            (Series("netmon_storm_devices_down", (*labels, ("cause", cause))), found.lost[cause]) for cause in CauseClass
        ]
        samples.append((Series("netmon_storm_sites_on_battery", labels), found.on_battery))
    return samples


def overrun(works: Declared, picture: Picture, *, graph: Graph | None = None) -> frozenset[str]:
    """The provinces where something is still lost by works that are past their end. `picture` holds the works."""
    if not overruns(works, picture.at):
        return frozenset()
    graph = graph or Graph(picture)
    lost = (*graph.lost(), *(Subject("site", site) for site in picture.on_battery if site in picture.sites))
    late = (subject for subject in lost if (by := graph.works(subject)) is not None and by.id == works.id)
    return frozenset(graph.site_of(subject).province for subject in late)


def overrun_samples(works: Declared, provinces: Iterable[str], picture: Picture, *, graph: Graph | None = None) -> Samples:
    """netmon_maintenance_overrun of works in each of their provinces."""
    late = overrun(works, picture, graph=graph)
    return [
        (Series("netmon_maintenance_overrun", (("province", province), ("maintenance", works.id))), int(province in late))
        for province in sorted({*provinces, *late})
    ]


def _names(link: Link) -> tuple[Subject, ...]:
    return (Subject("link", link.id), *(Subject("cable", name) for name in link.srlg))
