"""Days and weeks go by: nothing that netmon holds grows, also when nobody asks for it."""

import gc
import json
import subprocess
import sys
import time
import weakref

import pytest

from netmon.credential import Credential, Secret
from netmon.exporters.prometheus import OwnMetrics
from netmon.model import Device, Outcome
from netmon.pollers.choice import Pollers
from netmon.profiles import load
from netmon.settings import PollSettings
from tests.faults.counting import Machine, counting
from tests.faults.matrix import ROOT, size
from tests.faults.weeks import Weeks
from tests.peers import LOOPBACK
from tests.running import province

PEOPLES = {"netmon.model.windows.Declared"}
"""What people declared is kept for good: availability is told without it."""

FAMILIES = tuple(f"netmon_{word}_" for word in ("device", "link", "site", "interface", "incident", "storm", "maintenance"))


@pytest.mark.fault("memory")
def test_days_of_falls_reloads_renumbered_ports_storms_and_readers_leave_no_thing_behind(measured):
    hours, most = size(4, 72), 4_000_000
    told = subprocess.run(
        [sys.executable, "-m", "tests.faults.weeks", str(hours)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    half, end = rows[len(rows) // 2 - 1], rows[-1]
    bounds = {kind: max(row["things"].get(kind, 0) for row in rows[: len(rows) // 2 + 1]) for kind in end["things"]}
    grown = {
        kind: [row["things"].get(kind, 0) for row in rows]
        for kind, count in end["things"].items()
        if count > bounds[kind] * 1.05 + 5 and kind not in PEOPLES
    }
    assert not grown
    assert end["rss"] - half["rss"] < most, [row["rss"] for row in rows]
    assert end["page"] < half["page"] * 1.05
    measured(
        f"{hours} simulated hours with a reload, falls, a storm, works in each: {end['rss'] / 1e6:.1f} MB resident at the "
        f"end, {half['rss'] / 1e6:.1f} MB at half of the time; no kind of thing grew"
    )


@pytest.mark.fault("memory")
async def test_a_poller_that_a_reload_replaces_is_gone_without_the_collector():
    """What stood when netmon started is never walked by it: a cycle there would stay for good."""
    credentials = {"c": Credential(name="c", version="2c", community=Secret("public"))}
    quiet = [lambda *_: None] * 4
    with counting([Machine("x", 1000, 1000)], time.monotonic) as ports:
        async with Pollers(load(), OwnMetrics(), *quiet, PollSettings(), lambda *_: None) as pollers:
            device = Device(id="x", site="s", addresses=(LOOPBACK,), port=ports["x"], credential="c")
            poller = pollers.make(device, (("device", "x"),), credentials)
            for _ in range(2):
                assert (await poller.poll()).outcome is Outcome.ANSWERED
            left = weakref.ref(poller)
            gc.disable()
            try:
                del poller
                assert left() is None
            finally:
                gc.enable()


@pytest.mark.fault("prometheus-absent")
def test_a_page_that_nobody_asked_for_in_days_does_not_grow_and_is_as_right_as_one_that_was(tmp_path, measured):
    hours, pages = size(1, 48), []
    for name in ("asked", "unasked"):
        world = Weeks(tmp_path / f"{name}.db", province(6, stations=2))
        world.begin(9)
        world.run(600)
        begun = len(world.page.render())
        if name == "asked":
            world.scraped_every = 300
        for _ in range(hours):
            world.live_an_hour()
        pages.append({series: value for series, value in world.told().items() if series.startswith(FAMILIES)})
        assert len(world.page.render()) < 2 * begun
        world.close()
    asked, unasked = pages
    assert len(asked) > 200
    assert asked == unasked
    measured(
        f"after {hours} simulated hours without a scrape {len(asked)} series of the network are as on one that was asked"
    )
