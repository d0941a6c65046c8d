"""The redundancy rule: a site has so many physical routes that no single cable takes all of them
(Circular 06/2026/TT-BKHCN, Articles 5.2 and 5.3).

Two links are two routes when they share no cable or duct (`srlg`). Where the cable of a link is not told, it may lie in the
same trench as any other: it is counted, but proves nothing. A link that needs no cable (radio, satellite) is a route of its
own unless its `srlg` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from netmon.model import Link, LinkKind, Site, Standing, Subject, Verdict, Window
from netmon.targets.definitions import Redundancy
from netmon.targets.windows import iso

WITHOUT_CABLE = frozenset({LinkKind.MICROWAVE, LinkKind.LTE, LinkKind.SATELLITE_LEO})

SEARCHED = 20
"""Among so many links that share cables the largest set of routes is found exactly. Among more it is approached, and what
was found is at least there; no miss rests on it."""

SHOWN = 20
"""How many links and shared cables a verdict shows."""


def judge_redundancy(target: Redundancy, site: Site, links: Sequence[Link], window: Window, now: float) -> Verdict:
    """The verdict on a site as its links stand at `now`, or at the window's end once that is over.

    The value is the size of the largest set of links of which no two share a cable. It is met when the routes that are told
    reach the limit, unproven when only those with the links whose cable is not told do, else missed: not even separate
    cables would be enough. A site whose security level is not told is held to the plain limit.
    """
    last = min(now, window.end - 1e-6)  # the end itself belongs to the next window
    needed = target.secure_limit if site.security_level in target.secure_levels else target.limit
    there = sorted(
        (
            link
            for link in links
            if target.applies_to.takes_link(link, site)
            and link.site_at(last) == site.id
            and (link.since is None or link.since <= last)
        ),
        key=lambda link: link.id,
    )
    named = [link for link in there if link.srlg]
    free = [link for link in there if not link.srlg and link.kind in WITHOUT_CABLE]
    untold = [link for link in there if not link.srlg and link.kind not in WITHOUT_CABLE]
    apart, exact = routes(named)
    proven = len(apart) + len(free) + bool(untold and not named)  # one cable at least, and no radio lies in it
    value = len(apart) + len(free) + len(untold)
    if proven >= needed:
        standing, coverage = Standing.MET, 1.0
    else:
        standing = Standing.MISSED if value < needed and exact else Standing.UNPROVEN
        coverage = 1 - len(untold) / len(there) if there else 1.0
    return Verdict(
        target=target.id,
        subject=Subject("site", site.id),
        standing=standing,
        value=float(value),
        limit=needed,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "at": last,
            "local": iso(last),
            "security_level": site.security_level,
            "secure_levels": list(target.secure_levels),
            "needed": needed,
            "proven": proven,
            "exact": exact,
            "routes": sorted(link.id for link in (*apart, *free))[:SHOWN],
            "not_told": [link.id for link in untold][:SHOWN],
            "not_told_count": len(untold),
            "link_count": len(there),
            "links": [
                {
                    "id": link.id,
                    "kind": link.kind.value,
                    "role": link.role.value,
                    "operator": link.operator,
                    "srlg": sorted(set(link.srlg)),
                }
                for link in there[:SHOWN]
            ],
            **_shared(named),
        },
    )


def routes(links: Sequence[Link]) -> tuple[list[Link], bool]:
    """The largest set of links of which no two share a cable, the same one each time, and whether it is known to be the
    largest."""
    cables = [frozenset(link.srlg) for link in links]
    sharing = [
        sum(1 << j for j, other in enumerate(cables) if j != i and not own.isdisjoint(other)) for i, own in enumerate(cables)
    ]
    chosen = _apart(sharing, (1 << len(links)) - 1)
    return [link for i, link in enumerate(links) if chosen >> i & 1], sum(map(bool, sharing)) <= SEARCHED


def _apart(sharing: Sequence[int], left: int) -> int:
    """The largest part of the set `left` in which no two share, both as bits.

    One that shares with a single other is as good as that one; else the largest set holds the one that shares with most, or
    does not.
    """
    contested = {
        i: degree for i in range(left.bit_length()) if left >> i & 1 and (degree := (sharing[i] & left).bit_count())
    }
    if not contested:
        return left
    fewest = min(contested, key=lambda i: contested[i])
    if contested[fewest] == 1 or len(contested) > SEARCHED:
        return _taken(sharing, left, fewest)
    most = max(contested, key=lambda i: contested[i])
    return max(_taken(sharing, left, most), _apart(sharing, left & ~(1 << most)), key=int.bit_count)


def _taken(sharing: Sequence[int], left: int, one: int) -> int:
    return 1 << one | _apart(sharing, left & ~sharing[one] & ~(1 << one))


def _shared(links: Sequence[Link]) -> dict[str, Any]:
    """The cables in which several links lie."""
    pairs = sorted((cable, link.id) for link in links for cable in set(link.srlg))
    lying = {cable: [name for _, name in of] for cable, of in groupby(pairs, key=lambda pair: pair[0])}
    shared = {cable: names for cable, names in lying.items() if len(names) > 1}
    return {"shared_count": len(shared), "shared": {cable: shared[cable][:SHOWN] for cable in list(shared)[:SHOWN]}}
