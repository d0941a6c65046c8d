"""The growth rule (Circular 06/2026/TT-BKHCN, Article 11): each year, before 31 January, an agency registers what it needs;
a number of links or a bandwidth of a link that is up by more than 20 % has to be justified.

What is contracted now is held against what was contracted at the end of the registration day of last year: in all of 2026,
against 31 January 2025. In January that is what the registration that is due will show; from February on it also holds what
has been added since. The inventory stands in for the forms: it knows the links that are there, those that moved on to
another site, and what was contracted for them, not those that were given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from netmon.model import VIET_NAM, Direction, Link, Site, Standing, Subject, Verdict, Window
from netmon.targets.definitions import Growth
from netmon.targets.windows import iso, local

SHOWN = 20
"""How many links a verdict shows: those that grew most."""


class _Rise(NamedTuple):
    """The greater growth of a link's two directions; None: it is not told what was contracted."""

    link: Link
    growth: float | None
    before: float | None
    now: float


def judge_growth(target: Growth, site: Site, links: Sequence[Link], window: Window, now: float) -> Verdict:
    """The verdict on a site as its links stand at `now`, or at the window's end once that is over. `links` are those that
    serve it or did: one that moved on since the registration day was one of the number then.

    A link is there from its `since` on, else from its first capacity on; one whose capacity has no date always was. The
    value is the greatest growth without a justification, else the greatest: of the capacity of a link that was there on the
    registration day (the greater of its directions), or of the number of links. A link's own justification speaks for its
    capacity; that of any new link for the number. Where nothing was contracted on that day there is nothing to compare with,
    and nothing is proven. A link without a contracted capacity has none that could grow.
    """
    last = min(now, window.end - 1e-6)  # the end itself belongs to the next window
    base = _registration(target, last)
    chosen = [link for link in links if target.applies_to.takes_link(link, site)]
    present = [link for link in chosen if _there(link, site, last)]
    before = [link for link in chosen if _there(link, site, base)]
    added = [link for link in present if link not in before]
    number = (len(present) - len(before)) / len(before) if before else None
    rises = [rise for link in before if link in present if (rise := _rise(link, base, last)) is not None]
    unknown = [rise.link.id for rise in rises if rise.growth is None]
    found = [(rise.growth, bool(rise.link.justification)) for rise in rises if rise.growth is not None]
    if number is not None:
        found.append((number, any(link.justification for link in added)))
    bare = [growth for growth, justified in found if not justified]
    value = max(bare or [growth for growth, _ in found], default=None)
    coverage = 1.0 if before and not unknown else 0.0
    if any(growth > target.limit for growth in bare):
        standing = Standing.MISSED
    elif value is None or coverage == 0 or coverage < target.coverage:
        standing = Standing.UNPROVEN
    else:
        standing = Standing.MET
    return Verdict(
        target=target.id,
        subject=Subject("site", site.id),
        standing=standing,
        value=value,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "at": last,
            "local": iso(last),
            "registered_at": base,
            "registered_local": iso(base),
            "number": {
                "before": len(before),
                "now": len(present),
                "growth": number,
                "added": [{"id": link.id, "justification": link.justification} for link in added[:SHOWN]],
            },
            "not_told": unknown[:SHOWN],
            "link_count": len(rises),
            "links": [
                {
                    "id": rise.link.id,
                    "growth": rise.growth,
                    "before": rise.before,
                    "now": rise.now,
                    "justification": rise.link.justification,
                }
                for rise in sorted(rises, key=_most_first)[:SHOWN]
            ],
        },
    )


def _registration(target: Growth, unix: float) -> float:
    """The last moment of the registration day of the year before. 29 February is 1 March in a year without one."""
    month, day = target.registered
    following = datetime(local(unix).year - 1, month, 1, tzinfo=VIET_NAM) + timedelta(days=day)
    return following.timestamp() - 1


def _there(link: Link, site: Site, unix: float) -> bool:
    told = link.capacity_at(unix) is not None if link.since is None else link.since <= unix
    return told and link.site_at(unix) == site.id


def _rise(link: Link, base: float, last: float) -> _Rise | None:
    """None where nothing is contracted now."""
    after, before = link.capacity_at(last), link.capacity_at(base)
    if after is None:
        return None
    if before is None:
        return _Rise(link, None, None, max(after.receive, after.transmit))
    ways = [(after.of(way), before.of(way)) for way in Direction]
    ratios = [((new - old) / old, old, new) for new, old in ways if old > 0]
    return _Rise(link, *max(ratios)) if ratios else _Rise(link, None, 0.0, max(after.receive, after.transmit))


def _most_first(rise: _Rise) -> tuple[float, str]:
    return (0.0 if rise.growth is None else -rise.growth, rise.link.id)
