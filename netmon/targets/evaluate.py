"""All verdicts of a moment: each target on each link or site that it selects, on each commune, on each province."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netmon.model import Link, Site, SiteKind, Span, Subject, Verdict, Window
from netmon.targets.availability import Interval, judge_availability
from netmon.targets.availability import window_of as availability_window
from netmon.targets.definitions import AnyTarget, Availability, PercentileUtilisation, Share
from netmon.targets.percentile import LinkRates, judge_link, judge_month, slots_needed
from netmon.targets.percentile import window_of as percentile_window
from netmon.targets.rollup import commune_verdict, exempt_verdict, province_verdict
from netmon.targets.windows import DAY_S

CommuneTarget = PercentileUtilisation | Availability


class Places(Protocol):
    """What evaluation needs of the inventory."""

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def links(self) -> Mapping[str, Link]: ...


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


class Parts(Protocol):
    """Who judges links and sites, of which the rest is made."""

    def link(self, target: PercentileUtilisation, link: Link, now: float) -> Verdict:
        """The verdict on the load of a link."""
        ...

    def availability(self, target: Availability, subject: Subject, now: float) -> Verdict:
        """The verdict on a site's service or on a link."""
        ...


class Afresh:
    """Judges each part from all its evidence, at this moment or finally on a `month` that is over."""

    def __init__(self, evidence: Evidence, month: Window | None = None) -> None:
        self._evidence = evidence
        self._month = month

    def link(self, target: PercentileUtilisation, link: Link, now: float) -> Verdict:
        month = self._month
        if month is None:
            return judge_link(target, link, self._evidence.rates(link, slots_needed(now)), now)
        slots = range(slots_needed(month.start + DAY_S).start, slots_needed(month.end).stop)
        return judge_month(target, link, self._evidence.rates(link, slots), month, now)

    def availability(self, target: Availability, subject: Subject, now: float) -> Verdict:
        window = self._month or availability_window(target, now)
        seen = self._evidence.timeline(subject, window)
        return judge_availability(target, subject, seen.spans, seen.absences, window, now, simulated_s=seen.simulated_s)


def evaluate(
    targets: Iterable[AnyTarget],
    places: Places,
    communes: Mapping[str, Sequence[str]],
    scope_except: Mapping[str, str],
    judged: Parts,
    now: float,
    month: Window | None = None,
) -> Iterator[Verdict]:
    """The verdicts at `now`, each target over its own window: parts before their commune, communes before their province.

    With a `month` that is over, the final verdicts on that month, of the targets that have one: a rolling availability has
    none, and the percentile's is its worst window that ends at a midnight of the month (SEMANTICS 5).

    `communes` lists, by province, the codes of all the communes that the register knows there; `scope_except` takes some out
    of scope, with the reason. A commune in scope where a target selects nothing is unproven. What lies in a commune out of
    scope is judged, but counts for no commune.
    """
    by_id = {target.id: target for target in targets if month is None or _is_monthly(target)}
    of_communes: dict[str, dict[str, Verdict]] = {}
    in_scope = [code for codes in communes.values() for code in codes if code not in scope_except]
    for target in by_id.values():
        if isinstance(target, Share):
            continue
        parts: dict[str, list[Verdict]] = {}
        for commune, verdict in _parts(target, places, judged, now):
            yield verdict
            if commune is not None:
                parts.setdefault(commune, []).append(verdict)
        window, of_communes[target.id] = month or _window(target, now), {}
        for code in in_scope:
            found = _commune(target, code, parts.get(code, []), window, final=month is not None)
            of_communes[target.id][code] = found
            yield found
    for target in by_id.values():
        if isinstance(target, Share) and target.of in by_id:
            window = month or _window(by_id[target.of], now)
            for province, codes in communes.items():
                standings = [(code, of_communes[target.of][code].standing) for code in codes if code not in scope_except]
                left_out = {code: scope_except[code] for code in codes if code in scope_except}
                yield province_verdict(
                    target, province, standings, window=window, final=month is not None, out_of_scope=left_out
                )


def percentile_links(targets: Iterable[AnyTarget], places: Places) -> dict[str, Link]:
    """The links whose load a target judges, by id."""
    selections = [target.applies_to for target in targets if isinstance(target, PercentileUtilisation)]
    return {
        link.id: link
        for link in places.links.values()
        if any(selection.takes_link(link, places.sites[link.site]) for selection in selections)
    }


def _is_monthly(target: AnyTarget) -> bool:
    return not isinstance(target, Availability) or target.window_days is None


def _parts(target: CommuneTarget, places: Places, judged: Parts, now: float) -> Iterator[tuple[str | None, Verdict]]:
    """The verdicts on the links or sites that a target selects, each with the commune that it counts for, if any."""
    if isinstance(target, Availability) and target.of == "service":
        for site in places.sites.values():
            if target.applies_to.takes_site(site):
                commune = site.commune if _speaks_for_commune(target, site) else None
                yield commune, judged.availability(target, Subject("site", site.id), now)
        return
    for link in places.links.values():
        site = places.sites[link.site]
        if not target.applies_to.takes_link(link, site):
            continue
        if isinstance(target, Availability):
            yield site.commune, judged.availability(target, Subject("link", link.id), now)
        else:
            yield site.commune, judged.link(target, link, now)


def _speaks_for_commune(target: Availability, site: Site) -> bool:
    """A commune's service is that of its People's Committee, and other sites report on their own (SEMANTICS 2); but a
    target that selects no People's Committee asks about just the kinds that it names."""
    kinds = target.applies_to.site_kind
    return site.kind is SiteKind.PEOPLES_COMMITTEE or bool(kinds and SiteKind.PEOPLES_COMMITTEE not in kinds)


def _commune(target: CommuneTarget, code: str, parts: Sequence[Verdict], window: Window, *, final: bool) -> Verdict:
    if code in target.exempt:
        return exempt_verdict(target, Subject("commune", code), target.exempt[code], window=window, final=final)
    return commune_verdict(target, code, parts, window=window, final=final)


def _window(target: AnyTarget, now: float) -> Window:
    """The window that a commune target is judged over at `now`; it is never over yet."""
    match target:
        case PercentileUtilisation():
            return percentile_window(target, now)
        case Availability():
            return availability_window(target, now)
        case Share():
            raise ValueError(f"{target.id}: a share is taken of a commune target, not of another share")
