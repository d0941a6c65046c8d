"""What is said of the sites and communes that go dark, as `netmon dark` shows it. Pure: any thread may work it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from netmon.causes.dark import Left, Point
from netmon.causes.feeds import CutOff, Feeds, Hanging
from netmon.inventory import Inventory
from netmon.model import SiteKind, Words

BOUNDS = ("earliest", "likely", "latest")


class Stands(NamedTuple):
    """How a site without mains stands, by that of its power devices which ends first."""

    site: str
    device: str
    since: float | None
    last: Point | None
    silent: bool
    left: Left | None
    basis: Words


def facts(standing: Sequence[Stands], inventory: Inventory, feeds: Feeds, lost: Set[str]) -> dict[str, Any]:
    """Sites and communes that go dark, the soonest first and those of which it is not known last. `lost` are links that
    are down already."""
    seats = {site.id: site.commune for site in inventory.sites.values() if site.kind is SiteKind.PEOPLES_COMMITTEE}
    hanging = Hanging(feeds, lost)
    rows = [_site_fact(stands, inventory, seats, hanging) for stands in standing]
    return {"sites": _in_order(rows), "communes": _in_order(_commune_facts(standing, inventory, seats, hanging))}


def _site_fact(stands: Stands, inventory: Inventory, seats: Mapping[str, str], hanging: Hanging) -> dict[str, Any]:
    place, last = inventory.sites[stands.site], stands.last
    return {
        "site": stands.site,
        "name": place.name,
        "kind": place.kind,
        "province": place.province,
        "commune": place.commune,
        "device": stands.device,
        "since": stands.since,
        "heard": last.at if last else None,
        "silent": stands.silent,
        **_bounds(stands.left),
        "basis": stands.basis._asdict(),
        "low": bool(last and last.low),
        "generator": last.generator if last else None,
        "fuel_ratio": last.fuel if last else None,
        "fuel_liters": last.litres if last else None,
        "takes": sorted({seats[one] for one in hanging.cut_off({stands.site: 0.0}) if one in seats}),
    }


def _commune_facts(
    standing: Sequence[Stands], inventory: Inventory, seats: Mapping[str, str], hanging: Hanging
) -> Iterable[dict[str, Any]]:
    """A commune's earliest end is that by the earliest ends of all that it hangs on, and so for the others."""
    lefts = {stands.site: stands.left for stands in standing if stands.left is not None}
    each: list[dict[str, CutOff]] = [
        hanging.cut_off({site: left[n] for site, left in lefts.items()}) for n in range(len(BOUNDS))
    ]
    bases = {stands.site: stands.basis for stands in standing}
    for seat, commune in seats.items():
        by = each[1][seat].by if seat in each[1] else seat if seat in bases and seat not in lefts else None
        if by is None:
            continue
        left = Left(*(found[seat].at for found in each)) if seat in each[1] else None
        yield {
            "commune": commune,
            "province": inventory.sites[seat].province,
            "site": seat,
            "by": by,
            **_bounds(left),
            "basis": bases[by]._asdict(),
        }


def _bounds(left: Left | None) -> dict[str, float | None]:
    return dict(zip(BOUNDS, map(round, left) if left is not None else (None,) * 3, strict=True))


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The soonest first; of equal ones that with the earliest end, then by name."""
    worst = float("inf")
    return sorted(
        rows,
        key=lambda row: (
            worst if row["likely"] is None else row["likely"],
            worst if row["earliest"] is None else row["earliest"],
            row["site"],
        ),
    )
