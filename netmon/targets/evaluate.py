"""All verdicts of a moment: each target on each link or site that it selects, on each commune, on each province."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from netmon.model import Link, Site, SiteKind, Subject, Verdict, Window
from netmon.targets.asked import asked
from netmon.targets.definitions import (
    AnyTarget,
    Availability,
    CommuneTarget,
    Environment,
    OpticalMargin,
    PartsTarget,
    PercentileUtilisation,
    Pooled,
    RadioAvailability,
    Restoration,
    Share,
    level_of,
)
from netmon.targets.percentile import window_of as percentile_window
from netmon.targets.restoration import pooled_verdict
from netmon.targets.rollup import exempt_verdict, province_verdict, whole_verdict
from netmon.targets.windows import DAY_S, month_of, stays

NOTHING_THERE = "nothing_there"
"""Why a commune is exempt from an optional target that selects nothing in it."""

ANOTHER_KIND = "another_kind"
"""Why one is exempt from a target on other kinds of administrative units. Words for both: words/voice.py."""


_OF_A_TIME = Availability | Restoration | RadioAvailability | Environment
"""What a site did counts for the commune in which it was then."""


class Places(Protocol):
    """What evaluation needs of the inventory."""

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def links(self) -> Mapping[str, Link]: ...


class Parts(Protocol):
    """Who judges links and sites, of which the rest is made."""

    def judge(
        self, target: CommuneTarget, place: Site | Link, window: Window, now: float, whole: Window | None = None
    ) -> Verdict:
        """The verdict on a site or a link over a window, as far as it has gone at `now`. `whole` is the window of which that
        is a part, for a site that moved."""
        ...


class Units(NamedTuple):
    """The administrative units that are judged: the communes that the register knows, by province; those out of scope, with
    the reason; and what kind of unit a commune is at an instant ("" where it is none)."""

    communes: Mapping[str, Sequence[str]]
    out_of_scope: Mapping[str, str]
    kind_at: Callable[[str, float], str]


class _Part(NamedTuple):
    """A verdict on a part, and the unit for which it counts, if any. One that is only a share of another's window, for the
    part moved meanwhile, is not told by itself."""

    unit: str | None
    verdict: Verdict
    told: bool = True


def evaluate(
    targets: Iterable[AnyTarget], places: Places, units: Units, judged: Parts, now: float, month: Window | None = None
) -> Iterator[Verdict]:
    """The verdicts at `now`, each target over its own window: parts before their commune, communes before their province.

    With a `month` that is over, the final verdicts on that month, of the targets that have one: a rolling window of days has
    none, and the percentile's is its worst window that ends at a midnight of the month (SEMANTICS 5).

    A commune in scope where a target selects nothing is unproven, or exempt where the target is optional. What lies in a
    commune out of scope is judged, but counts for no commune.
    """
    by_id = {target.id: target for target in targets if month is None or is_monthly(target)}
    final = month is not None
    of_communes: dict[str, dict[str, Verdict]] = {}
    parts_of: dict[str, dict[str, list[Verdict]]] = {}
    in_scope = [code for codes in units.communes.values() for code in codes if code not in units.out_of_scope]
    for target in by_id.values():
        if isinstance(target, Share | Pooled):
            continue
        window = month or window_of(target, now)
        parts, told = parts_of.setdefault(target.id, {}), asked(target)
        for part in _parts(target, places, units, judged, window, now):
            if part.told:
                yield replace(part.verdict, asked=told)
            if part.unit is not None:
                parts.setdefault(part.unit, []).append(part.verdict)
        if level_of(target) == "province":
            for province in units.communes:
                found = whole_verdict(target, Subject("province", province), parts.get(province, []), window, final=final)
                yield replace(found, asked=told)
            continue
        of_communes[target.id] = {}
        for code in in_scope:
            kind = units.kind_at(code, last_of(window, now))
            found = _commune(target, code, kind, parts.get(code, []), window, final=final)
            of_communes[target.id][code] = found
            yield replace(found, asked=told)
    for target in by_id.values():
        if isinstance(target, Share | Pooled) and target.of in by_id:
            of = by_id[target.of]
            window, told = month or window_of(of, now), asked(target, of)
            for province, codes in units.communes.items():
                left_out = {code: units.out_of_scope[code] for code in codes if code in units.out_of_scope}
                counted = [code for code in codes if code not in left_out]
                if isinstance(target, Share):
                    standings = [(code, of_communes[of.id][code].standing) for code in counted]
                    found = province_verdict(target, province, standings, window=window, final=final, out_of_scope=left_out)
                    yield replace(found, asked=told)
                elif isinstance(of, Restoration):
                    cases = {code: parts_of[of.id].get(code, []) for code in counted if code not in of.exempt}
                    found = pooled_verdict(target, of, province, cases, window, final=final, out_of_scope=left_out)
                    yield replace(found, asked=told)


def window_of(target: AnyTarget, now: float) -> Window:
    """The window that a target on communes is judged over at `now`; it is never over yet."""
    if isinstance(target, Share | Pooled):
        raise ValueError(f"{target.id}: the window is that of a commune target, and this is none")
    if isinstance(target, PercentileUtilisation):
        return percentile_window(target, now)
    return month_of(now) if target.window_days is None else Window(now - target.window_days * DAY_S, now)


def is_monthly(target: AnyTarget) -> bool:
    """Whether there is a final verdict of it on a month."""
    return isinstance(target, Share | Pooled | PercentileUtilisation) or target.window_days is None


def last_of(window: Window, now: float) -> float:
    """The last instant of a window as far as it has gone: what holds from its end on is another window's."""
    return min(now, window.end - 1e-3)


def percentile_links(targets: Iterable[AnyTarget], places: Places) -> dict[str, Link]:
    """The links whose load a target judges, by id."""
    selections = [target.applies_to for target in targets if isinstance(target, PercentileUtilisation)]
    return {
        link.id: link
        for link in places.links.values()
        if any(selection.takes_link(link, places.sites[link.site]) for selection in selections)
    }


def judged_links(targets: Iterable[AnyTarget], places: Places) -> set[str]:
    """The links of which a target needs slots: they are kept longer than others (SEMANTICS 4)."""
    judging = [target for target in targets if isinstance(target, PartsTarget) and target.judges == "link"]
    selections = [target.applies_to for target in judging if not isinstance(target, OpticalMargin)]  # which needs hours
    return {
        link.id
        for link in places.links.values()
        if any(selection.takes_link(link, places.sites[link.site]) for selection in selections)
    }


def _parts(
    target: CommuneTarget, places: Places, units: Units, judged: Parts, window: Window, now: float
) -> Iterator[_Part]:
    """The verdicts on the links or sites that a target selects."""
    last = last_of(window, now)
    for place in (places.sites if target.judges == "site" else places.links).values():
        site = place if isinstance(place, Site) else places.sites.get(place.site_at(last), places.sites[place.site])
        chosen = target.applies_to.takes_site(site) if isinstance(place, Site) else target.applies_to.takes_link(place, site)
        if not chosen or not target.applies_to.takes_commune(units.kind_at(site.commune_at(last), last)):
            continue
        whole = judged.judge(target, place, window, now)
        if level_of(target) == "province":
            yield _Part(site.province, whole)
        elif not isinstance(place, Site):
            yield _Part(site.commune_at(last), whole)
        elif not _speaks_for_commune(target, site):
            yield _Part(None, whole)
        else:
            seen = Window(window.start, min(now, window.end))
            moved = list(stays(site, seen)) if isinstance(target, _OF_A_TIME) else []
            if len(moved) < 2:
                yield _Part(site.commune_at(last), whole)
                continue
            yield _Part(None, whole)
            for commune, stay in moved:
                yield _Part(commune, judged.judge(target, place, stay, min(now, stay.end), window), told=False)


def _speaks_for_commune(target: CommuneTarget, site: Site) -> bool:
    """A commune's service is that of its People's Committee, and other sites report on their own (SEMANTICS 2); but a
    target that selects no People's Committee asks about just the kinds that it names."""
    kinds = target.applies_to.site_kind
    return site.kind is SiteKind.PEOPLES_COMMITTEE or bool(kinds and SiteKind.PEOPLES_COMMITTEE not in kinds)


def _commune(
    target: CommuneTarget, code: str, kind: str, parts: Sequence[Verdict], window: Window, *, final: bool
) -> Verdict:
    subject = Subject("commune", code)
    if not target.applies_to.takes_commune(kind):
        return exempt_verdict(target, subject, ANOTHER_KIND, window=window, final=final)
    if code in target.exempt:
        return exempt_verdict(target, subject, target.exempt[code], window=window, final=final)
    if not parts and target.optional:
        return exempt_verdict(target, subject, NOTHING_THERE, window=window, final=final)
    return whole_verdict(target, subject, parts, window, final=final)
