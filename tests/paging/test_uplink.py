"""netmon without its own uplink: one page, about netmon."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from netmon.store import Reader
from tests.alerting import Alerting
from tests.paging.scenes import Scene, alerts


def test_without_its_own_uplink_netmon_pages_about_itself_and_says_nothing_of_anybody_else(
    scene: Callable[..., Scene],
) -> None:
    province, net = scene(communes=6, stations=4)
    province.order("uplink", up=False)
    net.wait_for(Alerting.pages)
    province.wait_for_states(dict.fromkeys(province.states(), "unknown"))
    net.let_pass(6)
    assert alerts(net.pages()) == {"NetmonSelfIsolated"}
    assert len(net.pages()) == 1
    province.order("uplink", up=True)
    province.everyone_up()
    net.wait_for(lambda net: not net.unresolved(), 60)
    assert len(net.pages()) == 1
    with closing(Reader.open(province.home / "netmon.db")) as reader:
        assert not reader.outages()
