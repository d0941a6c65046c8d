"""The tables of the rules that judge what is contracted: from the inventory, which keeps what was valid when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netmon.evidence.sheets import Sheet, inert, instant
from netmon.model import Capacity, Link, Site, Verdict
from netmon.store import Reader
from netmon.targets.definitions import Growth, Redundancy


def of_capacity(verdict: Verdict, link: Link | None, reader: Reader) -> dict[str, Sheet]:
    """Contract, ports and speed tests of a link. Of a link that the inventory lost, the contract as the verdict tells it."""
    capacities: Iterable[Capacity] = () if link is None else link.capacities
    if link is None:
        capacities = [Capacity(was["start"], was["receive"], was["transmit"]) for was in verdict.evidence["capacities"]]
    at = verdict.evidence["at"]
    ports = [port for port in reader.port_speeds(verdict.subject.id) if port.since <= at]
    tests = [] if link is None else reader.speed_tests(verdict.window.start, at, link.site)
    return {
        "capacities.csv": _capacities((verdict.subject.id, capacity) for capacity in capacities),
        "ports.csv": Sheet(
            ("end", "since", "local", "bytes_per_s"), [(p.end.value, *instant(p.since), p.bytes_per_s) for p in ports]
        ),
        "speed_tests.csv": Sheet(
            ("at", "local", "device", "network", "operator", "download", "upload", "latency_s"),
            [(*instant(t.at), t.device, t.network, t.operator, t.download, t.upload, t.latency_s) for t in tests],
        ),
    }


def of_redundancy(verdict: Verdict, target: Redundancy, sites: Mapping[str, Site], links: Mapping[str, Link]) -> Sheet:
    """The links that the site had when it was judged; of a site that the inventory lost, those that the verdict tells."""
    at, site = verdict.evidence["at"], sites.get(verdict.subject.id)
    if site is None:
        rows = [(link["id"], link["kind"], _joined(link["srlg"])) for link in verdict.evidence["links"]]
    else:
        rows = [
            (link.id, link.kind.value, _joined(link.srlg))
            for link in links.values()
            if target.applies_to.takes_link(link, site)
            and link.site_at(at) == site.id
            and (link.since is None or link.since <= at)
        ]
    return Sheet(("id", "kind", "srlg"), rows)


def of_growth(verdict: Verdict, target: Growth, sites: Mapping[str, Site], links: Mapping[str, Link]) -> dict[str, Sheet]:
    """The links that served the site when it was judged or on the registration day, when they did, and their contracts."""
    at, then = verdict.evidence["at"], verdict.evidence["registered_at"]
    site = sites.get(verdict.subject.id)
    here = [
        link
        for link in links.values()
        if site is not None
        and target.applies_to.takes_link(link, site)
        and site.id in (link.site_at(at), link.site_at(then))
    ]
    rows = []
    for link in here:
        when = ("yes" if link.site_at(unix) == verdict.subject.id else "no" for unix in (at, then))
        rows.append((link.id, *instant(link.since), *when, link.justification))
    return {
        "links.csv": Sheet(("id", "since", "local", "here_now", "here_when_registered", "justification"), rows),
        "capacities.csv": _capacities((link.id, capacity) for link in here for capacity in link.capacities),
    }


def _capacities(found: Iterable[tuple[str, Capacity]]) -> Sheet:
    return Sheet(
        ("link", "valid_from", "local", "receive", "transmit"),
        [(link, *instant(each.valid_from), each.receive, each.transmit) for link, each in found],
    )


def _joined(cables: Iterable[str]) -> str:
    """Shared cables in one cell, each as itself: a ";" in a name would make two of it."""
    return ";".join(sorted({inert(cable.replace(";", ",")) for cable in cables}))
