"""Declared storms and works on the running network: what they explain, hurry and leave on the page."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from netmon.model import Port, SiteKind, WindowKind
from tests.running import World, province

HOUR = 3600.0


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:
        worlds = []

        def start(things=None):
            world = World(tmp_path / f"{len(worlds)}.db", things or real_communes(province(4, backup=True, stations=8)))
            worlds.append(world)
            stack.callback(world.close)
            return world.run(65)

        yield start


CODES = ("01290", "01294", "01297", "01279")
"""Communes that the register has, for storms are declared over those alone."""


def real_communes(things):
    sites = {}
    for site in things.sites.values():
        n = int(site.commune) - 1300
        sites[site.id] = replace(site, commune=CODES[n]) if 0 <= n < len(CODES) else site
    return replace(things, sites=sites)


def storm(world, action="declare", **asked):
    return asyncio.run(world.operations.windows.control_storm("lan", {"action": action, **asked}))


def works(world, action="declare", **asked):
    return asyncio.run(world.operations.windows.control_maintenance("lan", {"action": action, **asked}))


def declare(world, areas=CODES[:1], **over):
    asked = {"name": "bão số 12", "level": 4, "areas": list(areas), "from": "now", "until": "+6h", **over}
    return storm(world, **asked)["window"]["id"]


def of(world, family):
    return {name: value for name, value in world.told().items() if name.startswith(family + "{")}


def test_a_storm_explains_single_devices_of_its_area_within_one_step_and_until_it_is_over(make):
    world = make()
    world.dead |= {"m0", "m1"}
    world.run(40)
    assert world.explained("device", "m0") == world.explained("device", "m1") == set()
    name = declare(world)
    world.run(0.5)
    assert world.explained("device", "m0") == {"storm"}
    assert world.explained("device", "m1") == set(), "another commune"
    world.run(5)
    phases = f'netmon_storm_phase{{province="04",storm="{name}",phase="impact"}}'
    assert world.told()[phases] == 1
    assert (
        of(world, "netmon_storm_devices_down")[f'netmon_storm_devices_down{{province="04",storm="{name}",cause="unknown"}}']
        == 1
    )
    storm(world, "end", id=name)
    world.run(0.5)
    assert world.explained("device", "m0") == {"storm"}, "recovered from, and not back"
    storm(world, "end", id=name, close=True)
    world.run(0.5)
    assert world.explained("device", "m0") == set()
    world.run(5)
    assert set(of(world, "netmon_storm_phase").values()) == {0}
    assert len(of(world, "netmon_storm_phase")) == 3
    assert not of(world, "netmon_storm_info")
    world.now += HOUR - 60
    world.pipeline.sweep(world.now)
    assert len(of(world, "netmon_storm_phase")) == 3
    world.now += 120
    world.pipeline.sweep(world.now)
    assert not of(world, "netmon_storm_phase")


def test_an_isolated_commune_pages_in_any_storm(make):
    world = make()
    declare(world)
    world.run(1)
    world.dead |= {"r0"}
    world.dark |= {Port("core", "x0")}
    world.run(40)
    assert str(world.network.sites["s0"].state) == "isolated"
    assert world.explained("site", "s0") == set()
    assert world.explained("device", "r0") == {"site", "storm"}


def test_the_phase_of_a_window_changes_what_it_explains_at_once(make):
    """A storm's onset and the begin and end of works come with no poll."""
    world = make()
    world.dead |= {"m0"}
    world.run(40)
    declare(world, **{"from": world.now + 17})
    world.run(16)
    assert world.explained("device", "m0") == set()
    world.run(1.5)
    assert world.explained("device", "m0") == {"storm"}


def test_an_exercise_changes_nothing(make):
    world = make()
    world.dead |= {"m0"}
    world.run(40)
    before = world.explained("device", "m0")
    name = declare(world, exercise=True)
    world.run(6)
    assert world.explained("device", "m0") == before == set()
    assert not world.operations.hurried("m0")
    assert not of(world, "netmon_storm_devices_down")
    (info,) = of(world, "netmon_storm_info")
    assert 'exercise="yes"' in info
    assert f'storm="{name}"' in info


def test_in_a_storm_a_silence_is_verified_after_two_seconds_there_and_at_key_sites(make):
    world = make()
    sent = []
    take = world.pipeline.take_poll
    world.pipeline.take_poll = lambda watch, poll: (sent.append((poll.device, poll.sent.unix)), take(watch, poll))
    world.pipeline._poke = lambda device, after: sent.append((device, "poked", after))

    def poked(device):
        sent.clear()
        world.dead |= {device}
        world.run(31)
        world.dead -= {device}
        world.run(31)
        return min(one[2] for one in sent if one[:2] == (device, "poked"))

    assert poked("m0") == 5
    declare(world)
    world.run(1)
    assert poked("m0") == 2
    assert poked("m1") == 5, "a station of another commune"
    assert poked("r1") == 2, "a People's Committee of the province that the storm strikes"
    assert world.things.sites["s1"].kind is SiteKind.PEOPLES_COMMITTEE


def test_communes_leave_a_storm_when_they_are_back_and_it_ends_with_the_last(make):
    world = make()
    world.dead |= {"m0"}
    world.battery["m1"] = False
    name = declare(world, CODES[:2])
    world.run(60)
    assert world.explained("site", "bts1") == {"storm"}, "a site without links, and without mains"
    storm(world, "end", id=name)
    world.run(1900)
    (window,) = world.operations.windows.standing()
    assert window.back == (), "one has a device that is down, the other no mains"
    world.battery["m1"] = True
    world.run(1900)
    (window,) = world.operations.windows.standing()
    assert [code for code, _ in window.back] == [CODES[1]]
    assert world.explained("site", "bts1") == set(), "told as explained by nothing, and not merely gone"
    world.dead.clear()
    world.run(1900)
    assert world.operations.windows.standing() == ()
    assert set(of(world, "netmon_storm_phase").values()) == {0}


def test_what_was_lost_before_the_storm_and_what_nobody_watches_keep_no_commune_in_it(make):
    """A station that is dead for weeks, a fibre on its backup, a link that no witness speaks for."""
    things = real_communes(province(3, backup=True, stations=3))
    links = dict(things.links)
    links["f2"] = replace(links["f2"], near=None, far=None)
    del links["b2"]
    world = make(replace(things, links=links))
    world.dead |= {"m0"}
    world.battery["m2"] = False
    world.dark |= {Port("core", "x1"), Port("r1", "ge0")}
    world.run(120)
    assert [str(world.network.sites[site].state) for site in ("s1", "s2")] == ["on_backup", "unknown"]
    name = declare(world, CODES[:3])
    world.run(60)
    world.dead |= {"m1"}
    world.run(60)
    storm(world, "end", id=name)
    world.run(1900)
    (window,) = world.operations.windows.standing()
    assert {code for code, _ in window.back} == {CODES[0], CODES[2]}, "what fell in the storm has to come back"
    world.dead -= {"m1"}
    world.run(1900)
    assert world.operations.windows.standing() == ()


def test_a_clock_that_steps_for_a_moment_ends_no_storm(make):
    world = make()
    declare(world)
    world.run(30)
    (held,) = world.operations.windows.standing()
    world.step_clock(30 * 24 * HOUR)
    world.run(5)
    world.step_clock(-30 * 24 * HOUR)
    world.run(30)
    assert world.operations.windows.standing() == (held,)


def test_works_explain_what_they_are_done_on_while_they_last_and_an_overrun_says_so(make):
    world = make()
    world.run(1)
    name = works(world, name="thay bình điện", on=["device:m0"], **{"from": "now", "until": "+10m"})["window"]["id"]
    world.run(1)
    world.dead |= {"m0", "m1"}
    world.run(60)
    assert world.explained("device", "m0") == {"maintenance"}
    assert world.explained("device", "m1") == set()
    late = f'netmon_maintenance_overrun{{province="04",maintenance="{name}"}}'
    assert world.told()[late] == 0
    world.run(600)
    assert world.told()[late] == 1
    assert world.explained("device", "m0") == {"maintenance"}
    works(world, "end", id=name)
    world.run(0.5)
    assert world.explained("device", "m0") == set()
    world.run(5)
    assert world.told()[late] == 0
    world.now += HOUR + 10
    world.pipeline.sweep(world.now)
    assert late not in world.told()


def test_windows_and_what_they_explain_survive_a_restart_from_the_first_scrape_on(make):
    world = make()
    declare(world)
    works(world, name="nắn cáp", on=["link:f2"], **{"from": "now", "until": "+2h"})
    world.run(1)
    world.dead |= {"m0"}
    world.battery["m4"] = False
    world.dark |= {Port("core", "x2"), Port("r2", "ge0")}
    world.run(90)
    expected = {
        "m0": world.explained("device", "m0"),
        "f2": world.explained("link", "f2"),
        "s2": world.explained("site", "s2"),
    }
    assert expected == {"m0": {"storm"}, "f2": {"maintenance", "site"}, "s2": {"maintenance"}}
    assert world.explained("site", "bts4") == {"storm"}
    world = world.restart()
    try:
        assert world.explained("device", "m0") == {"storm"}
        assert world.explained("link", "f2") == {"maintenance", "site"}
        assert world.explained("site", "s2") == {"maintenance"}
        assert world.explained("site", "bts4") == {"storm"}
        assert {window.kind for window in world.operations.windows.standing()} == {WindowKind.STORM, WindowKind.MAINTENANCE}
        assert world.operations.hurried("m0")
    finally:
        world.close()


def test_a_reload_that_moves_or_removes_what_a_window_is_about_breaks_nothing(make):
    world = make()
    name = declare(world)
    works(world, name="nắn cáp", on=["link:f2", "device:m5"], **{"from": "now", "until": "+5m"})
    world.dead |= {"m0", "m5"}
    world.run(60)
    things = world.things
    kept = {k: v for k, v in things.devices.items() if k not in ("m0", "m5", "m4")}
    sites = {k: v for k, v in things.sites.items() if k not in ("bts0", "bts5", "bts4")}
    links = {k: v for k, v in things.links.items() if k != "f2"}
    world.reload(replace(things, devices=kept, sites=sites, links=links))
    world.run(400)
    storm(world, "end", id=name)
    world.run(60)
    world.reload(things)
    world.run(60)
    world.told()
    assert world.explained("device", "m0") is not None


def test_communes_are_counted_by_the_service_of_their_committees(make):
    world = make()
    world.dark |= {Port("core", "x1"), Port("r1", "ge0")}
    world.operations.scope = lambda: {CODES[3]: "exempt"}
    world.run(45)
    counted = {name.split('state="')[1][:-2]: value for name, value in of(world, "netmon_communes").items()}
    assert counted == {"up": 2, "on_backup": 1, "isolated": 0, "unreachable": 0, "unknown": 0}
