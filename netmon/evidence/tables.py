"""What each rule judged, as tables: raw figures from the store, and what the inventory says of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan

from netmon.evidence import contract
from netmon.evidence.sheets import Cell, Sheet, instant
from netmon.model import SLOT_S, End, Link, Site, Standing, Subject, Verdict, Window
from netmon.store import Reader
from netmon.targets.definitions import (
    AnyTarget,
    Availability,
    BackupDrill,
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
from netmon.targets.environment import FIGURES, NO_SENSOR, just_before
from netmon.targets.optics import DARK, MARGIN, NO_OPTIC, RECEIVED, looked_back
from netmon.targets.percentile import DAYS
from netmon.targets.radio import NO_FEED
from netmon.targets.trend import TREND_DAYS
from netmon.targets.windows import DAY_S, day_number, iso, local, slots_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where raw figures come from. `kind_at` tells what kind of unit a commune is at an instant."""

    reader: Reader
    sites: Mapping[str, Site]
    links: Mapping[str, Link]
    kind_at: Callable[[str, float], str]


Tables = dict[str, Sheet]

_UNTOLD = (NO_FEED, NO_SENSOR, NO_OPTIC)
"""Why a rule exempts what nothing is told of: its tables show that."""

_ECHO_HEAD = ("start", "local", "sent", "answered", "rtt_mean_s", "rtt_worst_s", "snmp_mean_s")


def tables(verdict: Verdict, target: AnyTarget, sources: Sources) -> Tables:
    """The files of a verdict on a link or a site, by name; what is said of communes and provinces has only parts."""
    exempt = verdict.standing is Standing.EXEMPT and verdict.evidence["exempt"] not in _UNTOLD
    if exempt or verdict.subject.kind in ("commune", "province"):
        return {}
    match target:
        case PercentileUtilisation():
            slots = _slots(verdict, _percentile_window(verdict), sources)
            return {"slots.csv": slots} | ({"peaks.csv": _peaks(verdict, sources)} if "trend" in verdict.evidence else {})
        case Availability():
            seen = Window(verdict.window.start, verdict.window.start + verdict.evidence["raw"]["elapsed"])
            return {"states.csv": _states(verdict.subject, seen, sources), "absences.csv": _absences(seen, sources)}
        case Latency() | Loss():
            seen = Window(verdict.window.start, verdict.evidence["end"])
            return {"echoes.csv": _echoes(verdict, sources), "states.csv": _states(verdict.subject, seen, sources)}
        case Restoration():
            seen = Window(verdict.window.start, verdict.window.start + verdict.evidence["elapsed"])
            return {
                "outages.csv": _outages(verdict, target, seen, sources),
                "states.csv": _states(verdict.subject, seen, sources),
                "absences.csv": _absences(seen, sources),
            }
        case BackupDrill():
            seen = Window(verdict.window.start, verdict.evidence["at"])
            link = sources.links.get(verdict.subject.id)
            site = Subject("site", "" if link is None else link.site)
            return {"slots.csv": _slots(verdict, seen, sources), "states.csv": _states(site, seen, sources)}
        case RadioAvailability():
            seen = Window(verdict.evidence["start"], verdict.evidence["end"])
            return {"cells.csv": _cells(verdict, seen, sources), "absences.csv": _absences(seen, sources)}
        case Environment() | OpticalMargin():
            return {"summaries.csv": _summaries(verdict, target, sources)}
        case ContractedCapacity():
            return contract.of_capacity(verdict, sources.links.get(verdict.subject.id), sources.reader)
        case Redundancy():
            return {"links.csv": contract.of_redundancy(verdict, target, sources.sites, sources.links)}
        case Growth():
            return contract.of_growth(verdict, target, sources.sites, sources.links)
    raise AssertionError(f"{target.rule}: no tables are made of it")


# --- slots ------------------------------------------------------------------------------------------------------------


def _percentile_window(verdict: Verdict) -> Window:
    """What both readings looked at; of a month, from a week before its first midnight on."""
    edges = [reading["window"] for reading in verdict.evidence.get("readings", {}).values()]
    start, end = verdict.window
    if end - start > DAYS * DAY_S:
        start -= (DAYS - 1) * DAY_S
    return Window(min([start, *(low for low, _ in edges)]), max([end, *(high for _, high in edges)]))


def _slots(verdict: Verdict, window: Window, sources: Sources) -> Sheet:
    """Both ends' rates, and the capacity valid when each slot began."""
    link, slots = verdict.subject.id, slots_of(window)
    near, far = (sources.reader.rates(link, end, slots.start, len(slots)) for end in End)
    witnessed = link not in sources.links or sources.links[link].far is not None
    rows = []
    for i, k in enumerate(slots):
        measured = near.receive[i], near.transmit[i], *((far.receive[i], far.transmit[i]) if witnessed else (None, None))
        rows.append((k * SLOT_S, iso(k * SLOT_S), *measured, *_capacity(verdict, sources.links.get(link), k * SLOT_S)))
    head = ("start", "local", "near_receive", "near_transmit", "far_receive", "far_transmit")
    return Sheet((*head, "capacity_receive", "capacity_transmit"), rows)


def _capacity(verdict: Verdict, link: Link | None, start: float) -> tuple[float | None, float | None]:
    """The capacity that was judged against, where the verdict tells it; else that of the contract today."""
    for span in verdict.evidence.get("capacities", ()):
        if span["start"] <= start < span["end"]:
            return span["receive"], span["transmit"]
    found = None if link is None else link.capacity_at(start)
    return (None, None) if found is None else (found.receive, found.transmit)


def _peaks(verdict: Verdict, sources: Sources) -> Sheet:
    """The days that a trend looks back on, with the capacity against which it looks ahead. A window ends on the day on which
    it was judged."""
    today, link = day_number(verdict.window.end), sources.links.get(verdict.subject.id)
    full = None if link is None else link.capacity_at(verdict.window.end)
    capacity = (None, None) if full is None else (full.receive, full.transmit)
    rows = [
        (peak.day, local(peak.day * DAY_S).date().isoformat(), peak.receive, peak.transmit, peak.coverage, *capacity)
        for peak in sources.reader.peaks(verdict.subject.id, today - TREND_DAYS, today)
    ]
    return Sheet(("day", "local", "receive", "transmit", "coverage", "capacity_receive", "capacity_transmit"), rows)


# --- states -----------------------------------------------------------------------------------------------------------


def _states(subject: Subject, seen: Window, sources: Sources) -> Sheet:
    rows = [(state, start, end, iso(start), iso(end)) for state, start, end in sources.reader.spans(subject, *seen)]
    return Sheet(("state", "start", "end", "local_start", "local_end"), rows)


def _absences(seen: Window, sources: Sources) -> Sheet:
    rows = [(each.start, each.end, iso(each.start), iso(each.end)) for each in sources.reader.absences(*seen)]
    return Sheet(("start", "end", "local_start", "local_end"), rows)


def _outages(verdict: Verdict, target: Restoration, seen: Window, sources: Sources) -> Sheet:
    """The cases, whole, each with the time allowed by the kind of unit that the site belonged to when it began."""
    site = sources.sites.get(verdict.subject.id)
    longest = max(target.within_s.values())
    rows = []
    for outage in sources.reader.outages(verdict.subject, *seen):
        commune = "" if site is None else site.commune_at(outage.start)
        kind = sources.kind_at(commune, outage.start)
        times = (*instant(outage.start), *instant(outage.end))
        rows.append((outage.state, *times, outage.cause, commune, kind, target.within_s.get(kind, longest)))
    head = ("state", "start", "local_start", "end", "local_end", "cause", "commune", "kind", "allowed_s")
    return Sheet(head, rows)


# --- echoes -----------------------------------------------------------------------------------------------------------


def _echoes(verdict: Verdict, sources: Sources) -> Sheet:
    """The slots that had ended; one with nothing in it has no row."""
    slots = range(int(verdict.evidence["start"]) // SLOT_S, int(verdict.evidence["end"]) // SLOT_S)
    if not slots:
        return Sheet(_ECHO_HEAD, ())
    found = sources.reader.echoes(verdict.subject.id, slots.start, len(slots))
    columns = zip(slots, found.sent, found.answered, found.rtt_s, found.worst_s, found.snmp_s, strict=True)
    rows = [(k * SLOT_S, iso(k * SLOT_S), *each) for k, *each in columns if each[0] or not isnan(each[4])]
    return Sheet(_ECHO_HEAD, rows)


# --- what others tell -------------------------------------------------------------------------------------------------


def _cells(verdict: Verdict, seen: Window, sources: Sources) -> Sheet:
    """The states of each cell that an operator ever told of; one of which nothing was said has a row without a state."""
    rows: list[tuple[Cell, ...]] = []
    for name, spans in sources.reader.cells(verdict.subject.id, *seen).items():
        named = (name.operator, name.technology, name.cell)
        rows += [(*named, state, start, end, iso(start), iso(end)) for state, start, end in spans]
        rows += [] if spans else [(*named, None, None, None, None, None)]
    return Sheet(("operator", "technology", "cell", "state", "start", "end", "local_start", "local_end"), rows)


def _summaries(verdict: Verdict, target: Environment | OpticalMargin, sources: Sources) -> Sheet:
    """The hours that were judged, and the days that were looked back on."""
    hours = Window(verdict.evidence["start"], verdict.evidence["end"])
    if isinstance(target, Environment):
        days, asked = (
            just_before(verdict.window),
            [(each, of_days) for each in FIGURES.values() for of_days in (False, True)],
        )
    else:
        days = looked_back(verdict.window, verdict.evidence["at"])
        asked = [(MARGIN, False), (DARK, False), (MARGIN, True), (RECEIVED, True)]
    rows = [
        (figure, each.part, each.start, iso(each.start), each.seconds, each.least, each.mean, each.most, each.readings)
        for figure, of_days in asked
        for each in sources.reader.summaries(verdict.subject, figure, *(days if of_days else hours), days=of_days)
    ]
    return Sheet(("figure", "part", "start", "local", "seconds", "least", "mean", "most", "count"), rows)
