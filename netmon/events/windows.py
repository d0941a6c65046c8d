"""What a declared window means at an instant: its phase, what it explains, and the time that it takes out of availability.

A storm is prepared for until its onset, strikes until somebody ends it or its declared end passes, and is then recovered
from: each commune leaves it when it is back, and after fourteen days it is over whatever happened. Works are ahead, under
way and over; past their end they go on explaining what they took down, and are paged for it (`overruns`). An exercise
touches nothing real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from netmon.model import VIET_NAM, Declared, Link, Phase, Site, Subject, Window, WindowKind
from netmon.units import fold

RECOVERY_S = 14 * 86_400.0
"""A storm that is still being recovered from so long after it struck is over: floods outlast storms, but not by more."""

OVERRUN_S = 14 * 86_400.0
"""Works that nobody ended explain what they took down for so long after their declared end, and are paged all the while."""

VERIFY_AFTER_S = 2.0
"""In a storm's area a silent device is asked again so soon, not after `verify_after`."""

DEAD_EVERY_S = 10.0
"""In a storm's area a dead device is asked at least so often: who comes back is known at once."""


def phase(window: Declared, now: float) -> Phase:
    """The phase that a window is in. For a window as it stands it only goes forward, and ends."""
    if now >= over_at(window):
        return Phase.OVER
    if now < window.start:
        return Phase.PREPARE
    return Phase.IMPACT if now < struck_until(window) else Phase.RECOVER


def struck_until(window: Declared) -> float:
    """When a storm stops to strike, or works are to be done: what comes first of the declared end and somebody's word."""
    return window.until if window.ended is None else min(window.until, window.ended)


def over_at(window: Declared) -> float:
    """When a window is over if nothing more is said of it. A storm that is ended before its onset never struck."""
    struck = struck_until(window)
    recovery = RECOVERY_S if window.kind is WindowKind.STORM and struck > window.start else 0.0
    return struck + recovery if window.closed is None else min(struck + recovery, window.closed)


def stands(window: Declared, now: float) -> bool:
    """Whether it still means something: it is not over, or it is works that were never ended and may explain a loss."""
    return now < (over_at(window) if window.kind is WindowKind.STORM else _stopped_at(window))


def overruns(window: Declared, now: float) -> bool:
    """Whether works are past their declared end and nobody ended them."""
    return window.kind is WindowKind.MAINTENANCE and window.until <= now < _stopped_at(window)


def covers(window: Declared, *, province: str, commune: str) -> bool:
    """Whether a commune lies in the areas of a storm or of works, by its code or by that of its province."""
    return commune in window.areas or province in window.areas


def in_since(window: Declared, *, province: str, commune: str, now: float) -> float | None:
    """Since when a commune is in a storm, None while it is not: it left, or it never was. A storm's phase is not asked."""
    since: float | None = None
    for at, comes in _turns(window, province, commune):
        if at <= now:
            since = at if comes else None
    return since


def strikes(window: Declared, *, province: str, commune: str, now: float) -> bool:
    """Whether a real storm is over a commune: it is in impact, or in recovery and the commune is not back."""
    if window.kind is not WindowKind.STORM or window.exercise or phase(window, now) not in (Phase.IMPACT, Phase.RECOVER):
        return False
    return in_since(window, province=province, commune=commune, now=now) is not None


def touches(
    window: Declared,
    subject: Subject,
    *,
    site: Site,
    srlg: Sequence[str] = (),
    links: Iterable[Link] = (),
    ends: bool = False,
) -> bool:
    """Whether works are done on a subject, its site, its commune or its cable.

    `srlg` are the cables of a link. `links` are those by which a device or a site is reached: works on every one of them,
    by themselves or by a cable, cut it off, and works on some of them do not. With `ends` works on the device at an end of a
    link, or on the site at its far end, are works on the link.
    """
    works = window.subjects
    if subject in works or Subject("site", site.id) in works:
        return True
    if covers(window, province=site.province, commune=site.commune) or any(Subject("cable", name) in works for name in srlg):
        return True
    ways = [any(each in works for each in (*_of_link(link), *(ends_of(link) if ends else ()))) for link in links]
    return bool(ways) and all(ways)


def explains(
    window: Declared,
    subject: Subject,
    *,
    site: Site,
    srlg: Sequence[str],
    down_since: float,
    now: float,
    links: Iterable[Link] = (),
) -> bool:
    """Whether a window is the reason that a subject is down since `down_since`, so that it need not page by itself.

    A storm is, over the communes where it strikes; once it is recovered from, for what fell before it ceased. Works are,
    while they are under way, for what they are done on (`touches`) and what fell after they began and were declared; past
    their end for what fell before it, until somebody ends them.
    """
    if window.kind is WindowKind.STORM:
        fell_in_it = now < struck_until(window) or down_since < struck_until(window)
        return fell_in_it and strikes(window, province=site.province, commune=site.commune, now=now)
    if window.exercise or not max(window.start, window.declared) <= down_since < window.until:
        return False
    return window.start <= now < _stopped_at(window) and touches(window, subject, site=site, srlg=srlg, links=links)


def excluded(
    windows: Iterable[Declared],
    *,
    subject: Subject,
    site: Site,
    srlg: Sequence[str],
    now: float,
    links: Iterable[Link] = (),
) -> list[Window]:
    """What is left out where availability is told without declared windows: disjoint, in order, nothing after now.

    Of a storm from its onset, or from when the commune came into it, until the commune is back or out of it; of works from
    when they were declared, if that was later than their start, to their end, without an overrun. Exercises leave nothing
    out. `links` are those by which a device or site is reached, or the link itself.
    """
    ways = tuple(links)
    spans = sorted(
        Window(start, min(end, now))
        for window in windows
        if not window.exercise
        for start, end in _left_out(window, subject, site, srlg, ways)
        if start < min(end, now)
    )
    found: list[Window] = []
    for span in spans:
        if found and span.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def named(kind: WindowKind, name: str, start: float) -> str:
    """The id of a window, the same on two netmons: a storm's name and year ("bao-so-12-2026"), the name and day of works."""
    letters = (letter if letter.isascii() and letter.isalnum() else " " for letter in fold(name))
    word = "-".join("".join(letters).split()) or kind.value
    day = datetime.fromtimestamp(start, VIET_NAM).date()
    return f"{word}-{day.year if kind is WindowKind.STORM else day.isoformat()}"


def ends_of(link: Link) -> tuple[Subject, ...]:
    """What works are done on that take a port at an end of a link down: the devices, and the site at its far end."""
    devices = tuple(Subject("device", port.device) for port in (link.near, link.far) if port is not None)
    return devices if link.far is None or not link.upstream_site else (*devices, Subject("site", link.upstream_site))


def _turns(window: Declared, province: str, commune: str) -> list[tuple[float, bool]]:
    """When a commune came into a storm (True) and left it, in order; what comes and goes at once has come."""
    codes, told = {province, commune}, {code for code, _ in window.joined}
    came = [(window.start, True) for code in window.areas if code in codes - told]
    came += [(at, True) for code, at in window.joined if code in codes]
    return sorted((*came, *((at, False) for code, at in window.back if code in codes)))


def _stopped_at(works: Declared) -> float:
    """From when on works explain nothing any more."""
    said = [at for at in (works.ended, works.closed) if at is not None]
    return min((*said, works.until + OVERRUN_S))


def _of_link(link: Link) -> tuple[Subject, ...]:
    return (Subject("link", link.id), *(Subject("cable", name) for name in link.srlg))


def _left_out(
    window: Declared, subject: Subject, site: Site, srlg: Sequence[str], links: Sequence[Link]
) -> Iterator[tuple[float, float]]:
    if window.kind is WindowKind.MAINTENANCE:
        if touches(window, subject, site=site, srlg=srlg, links=links, ends=True):
            yield max(window.start, window.declared), over_at(window)
        return
    since: float | None = None
    for at, comes in (*_turns(window, site.province, site.commune), (over_at(window), False)):
        if since is not None and not comes:
            yield max(since, window.start), min(at, over_at(window))
        since = None if not comes else at if since is None else since


def returned(window: Declared) -> list[tuple[str, float]]:
    """The communes that left a storm and did not come into it again, each with the instant."""
    joined = dict(sorted(window.joined, key=lambda one: one[1]))
    return [(code, since) for code, since in dict(window.back).items() if joined.get(code, 0.0) < since]
