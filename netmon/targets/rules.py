"""Which rule judges what, and on what evidence: the one place that knows all rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netmon.model import (
    CellName,
    DayPeak,
    Device,
    Link,
    LinkRole,
    Outage,
    PortSpeed,
    Site,
    Span,
    SpeedTest,
    Subject,
    Summary,
    Verdict,
    Window,
)
from netmon.targets.availability import Interval, judge_availability
from netmon.targets.capacity import judge_capacity
from netmon.targets.declared import Declarations
from netmon.targets.definitions import (
    Availability,
    BackupDrill,
    CommuneTarget,
    ContractedCapacity,
    Environment,
    Growth,
    Latency,
    Loss,
    OpticalMargin,
    PercentileUtilisation,
    RadioAvailability,
    Redundancy,
    Restoration,
)
from netmon.targets.drill import judge_drill
from netmon.targets.echoes import Echoes, judge_latency, judge_loss
from netmon.targets.environment import FIGURES, judge_environment, just_before
from netmon.targets.growth import judge_growth
from netmon.targets.optics import DARK, MARGIN, RECEIVED, judge_optics, looked_back
from netmon.targets.percentile import LinkRates, judge_link, judge_month, slots_needed
from netmon.targets.radio import judge_radio
from netmon.targets.redundancy import judge_redundancy
from netmon.targets.restoration import judge_restoration
from netmon.targets.trend import TREND_DAYS, with_trend
from netmon.targets.windows import DAY_S, day_number, slots_of


@dataclass(frozen=True, slots=True)
class Timeline:
    """A subject's states over a window, the times when netmon did not run, and how many seconds a simulator made."""

    spans: Sequence[Span]
    absences: Sequence[Interval] = ()
    simulated_s: float = 0.0


class Evidence(Protocol):
    """Where measurements come from: the store, in life."""

    def rates(self, link: Link, slots: range) -> LinkRates:
        """The rates of a link over these slots, at both ends."""
        ...

    def timeline(self, subject: Subject, window: Window) -> Timeline:
        """The states of a site's service or of a link."""
        ...

    def declared(self, window: Window) -> Declarations:
        """The storms and works that were declared and touch a window."""
        ...

    def outages(self, subject: Subject, window: Window) -> Sequence[Outage]:
        """The outages that touch a window, whole, with their causes."""
        ...

    def echoes(self, link: Link, slots: range) -> Echoes:
        """The round trips of a link over these slots."""
        ...

    def ports(self, link: Link) -> Sequence[PortSpeed]:
        """What the ports at the ends of a link said that they run at, in order of time."""
        ...

    def heard(self, link: Link, window: Window) -> bool:
        """Whether an end of a link was measured at all in a window."""
        ...

    def speed_tests(self, site: str, window: Window) -> Sequence[SpeedTest]:
        """The speed tests that probes at a site made in a window, in order of time."""
        ...

    def summaries(self, subject: Subject, figure: str, window: Window, *, days: bool = False) -> Sequence[Summary]:
        """The hours, or local days, of a figure of a link or a site that begin in a window, in order of time."""
        ...

    def cells(self, site: str, window: Window) -> Mapping[CellName, Timeline]:
        """The states of the cells at a site that an operator has ever told of, over a window."""
        ...

    def peaks(self, link: Link, days: range) -> Sequence[DayPeak]:
        """The daily percentiles of a link, those of days that were measured, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rule asks of the inventory and the register: the links of each site, what kind of unit a commune is at an
    instant, and the devices and sites of today by their ids."""

    links_of: Mapping[str, Sequence[Link]]
    kind_at: Callable[[str, float], str]
    devices: Mapping[str, Device]
    sites: Mapping[str, Site]

    def left_out(self, place: Site | Link, evidence: Evidence, window: Window, now: float) -> Sequence[Interval]:
        """The time that declared windows take out of what is told of a site or a link without them."""
        declared = evidence.declared(window)
        if isinstance(place, Site):
            return declared.of_site(place, self.links_of.get(place.id, ()), now)
        return declared.of_link(place, self.sites, now)


class Afresh:
    """Judges each part from all its evidence, at this moment or finally on a month that is over."""

    def __init__(self, evidence: Evidence, around: Surroundings) -> None:
        self._evidence = evidence
        self._around = around

    def judge(
        self, target: CommuneTarget, place: Site | Link, window: Window, now: float, whole: Window | None = None
    ) -> Verdict:
        """The verdict on a site or a link over a window, as far as it has gone at `now`; `whole` is the window of which that
        is a part, for a site that moved."""
        return judge(target, place, self._evidence, self._around, window, now, whole)


def judge(
    target: CommuneTarget,
    place: Site | Link,
    evidence: Evidence,
    around: Surroundings,
    window: Window,
    now: float,
    whole: Window | None = None,
) -> Verdict:
    """The verdict of any rule on a site or a link over a window, from all its evidence."""
    if isinstance(place, Site):
        return _judge_site(target, place, evidence, around, window, now, whole)
    match target:
        case PercentileUtilisation():
            return with_trend(target, place, _load(target, place, evidence, window, now), peaks(place, evidence, now), now)
        case Availability():
            return _available(target, place, evidence, around, window, now)
        case ContractedCapacity():
            tests = evidence.speed_tests(place.site, window)
            return judge_capacity(
                target, place, evidence.ports(place), tests, window, now, heard=evidence.heard(place, window)
            )
        case Latency():
            seen = evidence.timeline(Subject("link", place.id), window)
            return judge_latency(target, place, evidence.echoes(place, slots_of(window)), window, now, spans=seen.spans)
        case Loss():
            seen = evidence.timeline(Subject("link", place.id), window)
            return judge_loss(target, place, evidence.echoes(place, slots_of(window)), seen.spans, window, now)
        case BackupDrill():
            service = evidence.timeline(Subject("site", place.site), window)
            alone = not any(
                other.role is LinkRole.BACKUP and other.id != place.id for other in around.links_of.get(place.site, ())
            )
            rates = evidence.rates(place, slots_of(window))
            return judge_drill(target, place, rates, service.spans, window, now, alone=alone)
        case OpticalMargin():
            return _light(target, Subject("link", place.id), place, evidence, window, now)
    raise ValueError(f"{target.id}: the rule {target.rule} judges sites, not links")


def peaks(link: Link, evidence: Evidence, now: float) -> Sequence[DayPeak]:
    """The daily percentiles that a trend rests on: those of the last local days that have ended."""
    today = day_number(now)
    return evidence.peaks(link, range(today - TREND_DAYS, today))


def _judge_site(
    target: CommuneTarget,
    site: Site,
    evidence: Evidence,
    around: Surroundings,
    window: Window,
    now: float,
    whole: Window | None,
) -> Verdict:
    subject, links = Subject("site", site.id), around.links_of.get(site.id, ())
    match target:
        case Availability():
            return _available(target, site, evidence, around, window, now, whole)
        case Restoration():
            seen, outages = evidence.timeline(subject, window), evidence.outages(subject, window)
            first = Window(min([window.start, *(outage.start for outage in outages)]), window.end)
            return judge_restoration(
                target,
                site,
                around.kind_at,
                outages,
                seen.spans,
                seen.absences,
                window,
                now,
                declared=around.left_out(site, evidence, first, now),
                simulated_s=seen.simulated_s,
            )
        case Redundancy():
            return judge_redundancy(target, site, links, window, now)
        case Growth():
            return judge_growth(target, site, links, window, now)
        case RadioAvailability():
            declared = around.left_out(site, evidence, window, now)
            return judge_radio(target, site, evidence.cells(site.id, window), window, now, declared=declared)
        case Environment():
            told = {quantity: evidence.summaries(subject, figure, window) for quantity, figure in FIGURES.items()}
            days = just_before(window)
            before = {quantity: evidence.summaries(subject, figure, days, days=True) for quantity, figure in FIGURES.items()}
            devices = [device.id for device in around.devices.values() if device.site == site.id]
            return judge_environment(target, site, told, window, now, before=before, devices=devices)
    raise ValueError(f"{target.id}: the rule {target.rule} judges links, not sites")


def _load(target: PercentileUtilisation, link: Link, evidence: Evidence, window: Window, now: float) -> Verdict:
    if now < window.end or window.end - window.start <= 7 * DAY_S:
        return judge_link(target, link, evidence.rates(link, slots_needed(now)), now)
    slots = range(slots_needed(window.start + DAY_S).start, slots_needed(window.end).stop)
    return judge_month(target, link, evidence.rates(link, slots), window, now)


def _light(target: OpticalMargin, subject: Subject, link: Link, evidence: Evidence, window: Window, now: float) -> Verdict:
    days = looked_back(window, now)
    margins, darkness, margin_days, received = (
        evidence.summaries(subject, MARGIN, window),
        evidence.summaries(subject, DARK, window),
        evidence.summaries(subject, MARGIN, days, days=True),
        evidence.summaries(subject, RECEIVED, days, days=True),
    )
    return judge_optics(target, link, margins, darkness, margin_days, received, window, now)


def _available(
    target: Availability,
    place: Site | Link,
    evidence: Evidence,
    around: Surroundings,
    window: Window,
    now: float,
    whole: Window | None = None,
) -> Verdict:
    subject = Subject(target.judges, place.id)
    seen, declared = evidence.timeline(subject, window), around.left_out(place, evidence, window, now)
    return judge_availability(
        target,
        subject,
        seen.spans,
        seen.absences,
        window,
        now,
        declared=declared,
        whole=whole,
        simulated_s=seen.simulated_s,
    )
