"""A cut: one page for what was cut, and one for what stays dark."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.alerting import Alerting
from tests.paging.scenes import TOLD_WITHIN_S, Scene, alerts, sitrep


def test_a_provincial_cut_is_one_page_and_what_stays_dark_after_the_repair_another(scene: Callable[..., Scene]) -> None:
    """56 communes behind one cable: netmon knows that they are unreachable, and tells of the cable. Two of them have lost
    their own fibre meanwhile, which nobody could see before."""
    province, net = scene(communes=56, stations=4, backups=0, aggregations=1)
    routers = [device for device in province.states() if device.startswith("ub-")]
    assert len(routers) == 56
    province.order("cut", links=["agg-1-fibre"])
    net.wait_for(Alerting.pages)
    province.wait_for_states({"agg-1-r1": "down"} | dict.fromkeys(routers, "unreachable"))
    net.let_pass(8)
    told = sitrep(province)
    assert (told["counts"]["communes"], told["counts"]["lost"], told["counts"]["lost_by_cause"]) == (56, 56, {"fibre": 56})
    assert [len(page.alerts) for page in net.pages()] == [1], net
    [alert] = net.pages()[0].alerts
    assert "agg-1" in (alert.labels.get("device", "") + alert.labels.get("link", "") + alert.labels.get("root", ""))
    dark = sorted(routers)[10:12]
    links = [f"{router.removesuffix('-r1')}-fibre" for router in dark]
    province.order("cut", links=links)
    province.order("mend", links=["agg-1-fibre"])
    mended = time.time()
    sites = {router.removesuffix("-r1") for router in dark}
    net.wait_for(lambda net: sites <= alerts(net.named("NetmonCommuneIsolated"), "site"), TOLD_WITHIN_S + 10)
    assert max(note.at for note in net.named("NetmonCommuneIsolated")) - mended < TOLD_WITHIN_S
    province.wait_for_states({"agg-1-r1": "up"} | dict.fromkeys(set(routers) - set(dark), "up"))
    told = sitrep(province)
    assert {f"ub-{one['code']}" for one in told["lost"]} == sites
    assert len(told["restored"]) == 54
    province.order("mend", links=links)
    net.wait_for(lambda net: not net.unresolved(), 60)
    assert alerts(net.pages()[1:]) == {"NetmonCommuneIsolated"}
    assert alerts(net.pages()[1:], "site") == sites
    assert sitrep(province)["lost"] == []


def test_a_cable_that_is_cut_is_one_page_for_all_the_communes_that_it_isolates(scene: Callable[..., Scene]) -> None:
    province, net = scene(communes=8, stations=4, backups=0, aggregations=1)
    cut = province.order("cable", srlg="cable-1-2", cut=True)["cut"]
    sites = {link.removesuffix("-fibre") for link in cut}
    assert len(sites) == 4
    net.wait_for(Alerting.pages)
    net.let_pass(8)
    [page] = net.pages()
    assert alerts([page]) == {"NetmonCommuneIsolated"}
    assert alerts([page], "site") == sites
    [incident] = province.ask("incidents")["incidents"]
    assert (incident["root"]["kind"], incident["root"]["id"], incident["cause"]) == ("cable", "cable-1-2", "fibre")
    assert len(incident["impact"]["isolated"]) == 4
    province.order("cable", srlg="cable-1-2", cut=False)
    net.wait_for(lambda net: not net.unresolved(), 40)
    assert alerts(net.pages(), "site") <= sites
