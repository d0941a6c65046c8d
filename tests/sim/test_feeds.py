"""Operators' feeds: what they tell of their cells, and that netmon takes it."""

from __future__ import annotations

import json
from dataclasses import replace

from netmon.inventory import Inventory
from netmon.model import At, Carrier, CellState, Device, Site, SiteKind, Speech
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import Place
from netmon.sim.feeds import Feed
from netmon.sim.prepare import prepare
from netmon.sim.stations import stations
from netmon.sim.troubles import Script, script
from tests.sim.conftest import grown_province

START = 1_795_000_000.0
CHOSEN = script(grown_province(), seed=7, started=START)


def fed() -> Inventory:
    """Every mast of the grown province has two operators, of whom one has a gateway at the centre."""
    grown = grown_province()
    carriers = (Carrier(operator="viettel", technologies=("3g", "4g")), Carrier(operator="vnpt", technologies=("5g",)))
    sites = {
        name: replace(site, carriers=carriers) if site.kind is SiteKind.BTS else site for name, site in grown.sites.items()
    }
    sites["feeds"] = Site(id="feeds", name="NOC", kind=SiteKind.AGENT_POINT, province="04", commune="01273")
    gateway = Device(id="gw-7", site="feeds", speaks=Speech.MQTT, feeds=("viettel",), interval_s=60.0, upstreams=("core-1",))
    return replace(grown, sites=sites, devices=grown.devices | {gateway.id: gateway})


def the_feed(chosen: Script) -> Feed:
    [found] = [one for one in stations(fed(), chosen, seed=7, started=START) if isinstance(one, Feed)]
    return found


def test_netmon_takes_what_a_feed_tells_of_every_mast_of_its_operator() -> None:
    feed = the_feed(Script())
    province, commune, site, device = feed.topic.split("/")[2:]
    labels = (("province", province), ("commune", commune), ("site", site), ("device", device))
    mailbox = Mailbox(fed().devices[device], labels, At(START, 0.0))
    told = set()
    for body in feed.cells(START):
        payload = json.dumps({"ts": int(START * 1000), **body}).encode()
        receipt = mailbox.take(Place(province, commune, site, device, "cells"), payload, False, At(START, 1.0))
        assert receipt.rejected == "", receipt.why
        assert receipt.cells is not None
        assert (receipt.cells.source, receipt.cells.holds_s) == ("gw-7", 180.0)
        told |= {name for name, _ in receipt.cells.states}
    masts = {site.id for site in fed().sites.values() if site.kind is SiteKind.BTS}
    assert {name.site for name in told} == masts
    assert {(name.operator, name.technology) for name in told} == {("viettel", "3g"), ("viettel", "4g")}
    assert len(told) == len(masts) * 2 * 3


def test_a_station_on_battery_keeps_only_its_oldest_technology_on_air() -> None:
    feed = the_feed(CHOSEN)
    device, failures = CHOSEN.battery[1]
    [mast] = [mast for mast in feed.masts if mast.site == fed().devices[device].site]
    healthy = replace(mast, faulty=frozenset())

    def up(at: float) -> set[str]:
        return {told["technology"] for told in healthy.states(at) if told["state"] == CellState.UP}

    assert up(failures.first - 1) == up(failures.first + 1) == {"3g", "4g"}
    assert up(failures.first + failures.lasting - 1) == {"3g"}


def test_the_demonstration_has_a_feed_of_every_operator_on_its_masts(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from netmon.settings import load

    inventory = load(prepare(tmp_path, keep=False, port=None)).inventory
    operators = {carrier.operator for site in inventory.sites.values() for carrier in site.carriers}
    made = [one for one in stations(inventory, Script(), seed=1, started=START) if isinstance(one, Feed)]
    assert [operator for feed in made for operator in inventory.devices[feed.device].feeds] == [
        *dict.fromkeys(mast.operator for feed in made for mast in feed.masts)
    ]
    assert {mast.operator for feed in made for mast in feed.masts} == operators
    states = [told["state"] for feed in made for body in feed.cells(START) for told in body["cells"]]  # type: ignore[attr-defined]
    assert 0 < states.count("down") < len(states) / 20
