"""A storm: few words, each resolved, and an isolated commune at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.alerting import Alerting
from tests.paging.scenes import TOLD_WITHIN_S, Scene, alerts, sitrep


def test_a_storm_is_told_in_a_few_words_each_resolved_and_an_isolated_commune_at_once(scene: Callable[..., Scene]) -> None:
    """60 % of the base stations on battery, then 20 % lost, then recovery; and then, still in it, a commune is cut off."""
    province, net = scene(communes=8, stations=20, backups=2)
    sites = [f"bts-{n}" for n in range(1, 21)]
    province.order("silence", devices=["bts-20-pwr"])  # what pages before the storm is resolved in it
    net.wait_for(Alerting.pages)
    before = len(net.told())
    declared = province.ask("storm", action="declare", name="bão số 12", level="4", areas="04", until="+36h", by="trực ban")
    province.order("mains", sites=sites[:12], up=False, lasts_s=3600)
    net.let_pass(5)
    province.order("mains", sites=sites[:4], up=False, lasts_s=2)
    province.wait_for_states({f"{site}-pwr": "down" for site in sites[:4]})
    net.let_pass(10)
    told = sitrep(province)
    assert (told["lost"], told["counts"]["stations"], told["counts"]["stations_lost"]) == ([], 20, 5)
    assert (told["counts"]["positions_lost"], told["counts"]["stations_on_battery"]) == ({"viettel": 5}, 8)
    province.order("answer", devices=["bts-20-pwr"])
    assert "NetmonCommuneIsolated" not in alerts(net.told())
    province.order("mains", sites=sites[:12], up=True)
    province.everyone_up()
    standing = {"NetmonStorm"}
    net.wait_for(lambda net: {alert.name for alert in net.unresolved().values()} <= standing, 90)
    assert len(net.told()) - before < 10, net
    assert alerts(net.pages()) == {"NetmonDeviceDown"}, net
    assert alerts(net.pages(), "device") == {"bts-20-pwr"}, net
    told = sitrep(province)
    assert (told["lost"], told["counts"]["stations_lost"], told["counts"]["stations_on_battery"]) == ([], 0, 0)

    cut = time.time()
    province.order("cut", links=["ub-01288-fibre"])
    [page] = net.wait_for(lambda net: net.named("NetmonCommuneIsolated"))
    assert page.at - cut < TOLD_WITHIN_S
    assert page.severity == "page"
    assert [(one["code"], one["cause"]) for one in sitrep(province)["lost"]] == [("01288", "fibre")]
    province.order("mend", links=["ub-01288-fibre"])
    province.everyone_up()
    storm = declared["window"]["id"]
    province.ask("storm", action="end", id=storm, close=True)
    net.wait_for(lambda net: not net.unresolved(), 40)
