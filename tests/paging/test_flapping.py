"""A link that flaps: one page."""

from __future__ import annotations

from collections.abc import Callable

from tests.alerting import Alerting
from tests.paging.scenes import Scene


def test_a_link_that_falls_and_returns_again_and_again_pages_once(scene: Callable[..., Scene]) -> None:
    province, net = scene(communes=4, stations=0, backups=0)
    province.order("flap", link="ub-01279-fibre", down_s=5, up_s=2.5, times=4)
    net.wait_for(Alerting.pages)
    net.wait_for(lambda _: not province.order("state")["flapping"], 60)
    province.everyone_up()
    net.let_pass(10)
    assert len(net.pages()) == 1, net  # which stands while it is likely to fall again: its penalty decays in minutes
