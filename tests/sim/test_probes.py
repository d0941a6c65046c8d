"""Speed probes: what they measure, when they tell it, and that netmon takes it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import At, Device, Site, SiteKind, Speech
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import Place
from netmon.sim.probes import TEST_EVERY_S, Probe
from netmon.sim.stations import stations
from netmon.sim.troubles import Script, script
from tests.sim.conftest import grown_province

START = 1_795_000_000.0


def with_a_probe(commune: int) -> Inventory:
    grown = grown_province()
    centre = Site(id="hcc", name="TTPVHCC", kind=SiteKind.SERVICE_CENTRE, province="04", commune=f"0130{commune}")
    device = Device(
        id="hcc-probe", site="hcc", speaks=Speech.MQTT, interval_s=60.0, upstreams=(f"xa-{commune}-r1",)
    )  # fmt: skip
    return replace(grown, sites=grown.sites | {"hcc": centre}, devices=grown.devices | {"hcc-probe": device})


def the_probe(inventory: Inventory, chosen: Script) -> Probe:
    [found] = [one for one in stations(inventory, chosen, seed=7, started=START) if isinstance(one, Probe)]
    return found


PROBE = the_probe(with_a_probe(3), Script())


@given(st.floats(START, START + 86_400))
def test_netmon_takes_every_test_as_the_topic_and_the_schema_have_it(at: float) -> None:
    test = PROBE.speed_test(PROBE.due(at))
    assert test is not None, "a report a minute tells a test each"
    province, commune, site, device = PROBE.topic.split("/")[2:]
    labels = (("province", province), ("commune", commune), ("site", site), ("device", device))
    mailbox = Mailbox(Device(id=device, site=site, speaks=Speech.MQTT), labels, At(at, 0.0))
    payload = json.dumps({"ts": int(at * 1000), **test}).encode()
    receipt = mailbox.take(Place(province, commune, site, device, "speed"), payload, False, At(at, 1.0))
    assert receipt.rejected == ""
    assert receipt.test is not None
    assert (receipt.test.network, receipt.test.operator) == (test["network"], test["operator"])
    assert receipt.test.download > 0


def test_a_probe_that_reports_oftener_tells_a_test_a_minute_of_each_network_in_turn() -> None:
    """The primary link of its commune is one of them, at the speed that is contracted or less."""
    hasty = replace(PROBE, period_s=5.0)
    reports = [START + 5.0 * n for n in range(int(TEST_EVERY_S) * 6 // 5)]
    tests = [test for at in reports if (test := hasty.speed_test(at))]
    assert len(tests) == 6
    assert [test["network"] for test in tests[:3]] == [test["network"] for test in tests[3:]]
    assert {test["network"] for test in tests} == {"fixed", "mobile", "mobile_5g"}
    fixed = next(test for test in tests if test["network"] == "fixed")
    assert fixed["operator"] == "viettel"
    assert 140 <= float(fixed["download_mbit_s"]) <= 200
    assert 70 <= float(fixed["upload_mbit_s"]) <= 100


def test_the_past_of_a_probe_is_of_the_same_kind() -> None:
    past = PROBE.past(START)
    assert [test.network for test in past] == ["fixed", "mobile", "mobile_5g"]
    assert {(test.at, test.site, test.device) for test in past} == {(START, "hcc", "hcc-probe")}
    assert 17.5e6 <= past[0].download <= 25e6
    assert past[0].latency_s == pytest.approx(0.01, abs=0.015)


def test_a_cut_takes_the_probe_behind_it() -> None:
    bare = grown_province()
    cut = script(bare, seed=7, started=START).cut
    assert cut is not None
    inventory = with_a_probe(int(cut[0].site.removeprefix("xa-")))
    chosen = Script(cut=cut)
    first = cut[1].first
    found = the_probe(inventory, chosen)
    assert [found.cut_off(at) for at in (first - 1, first + 1)] == [False, True]
    assert found.next_change(first - 1) == first
    assert the_probe(with_a_probe(3), Script()).next_change(first) is None
