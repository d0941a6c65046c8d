"""Routers that are mute, that is whose agent answers no more while they go on forwarding, and those that are dead."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from netmon.inventory import Inventory
from netmon.model import Device, LinkKind, LinkRole, Port, SiteKind
from tests.running import World, province


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:

        def start(things):
            world = World(tmp_path / "netmon.db", things)
            stack.callback(world.close)
            return world.run(200)

        yield start


def service(world, site):
    return world.network.sites[site].state


def near_only(things):
    """The same, with nothing but the communes' own ports as witnesses."""
    return replace(things, links={key: replace(link, far=None) for key, link in things.links.items()})


def test_a_dead_router_does_not_hide_behind_a_neighbour_that_answers_by_its_own_backup(make):
    """A commune that hangs on another one and has LTE besides: its answer says nothing of the other's router."""
    things = near_only(province(3, cable=""))
    devices = {**things.devices, "r1": replace(things.devices["r1"], upstreams=("r0",))}
    lte = replace(things.links["f1"], id="b1", kind=LinkKind.LTE, role=LinkRole.BACKUP, near=Port("r1", "lte"))
    world = make(replace(things, devices=devices, links={**things.links, "b1": lte}))
    world.dead |= {"r0"}
    world.run(120)
    assert service(world, "s0") == "isolated"
    assert world.explained("device", "r0") == {"site"}


def test_a_mute_router_is_no_outage_of_its_commune_while_what_hangs_on_it_answers(make):
    """Nor for the second that it takes to ask what hangs on it, whatever of that is dead for long."""
    things = near_only(province(3, cable=""))
    below = {
        f"low{n}": Device(id=f"low{n}", site="s0", addresses=(f"192.0.2.{200 + n}",), upstreams=("r0",)) for n in range(5)
    }
    world = make(replace(things, devices={**things.devices, **below}))
    world.dead |= {"low0", "low1", "low2"}
    world.run(120)
    world.dead |= {"r0"}
    for _ in range(240):
        world.run(0.5)
        assert service(world, "s0") != "isolated"
    world.store.flush()
    assert not [outage for outage in world.reader.outages() if outage.subject.kind in ("site", "link")]


@pytest.mark.parametrize("far", [True, False])
def test_behind_a_mute_router_what_is_above_it_explains_all_and_nothing_once_it_is_back(make, far):
    """core - up - agg - r0 to r3: `up` dies after `agg` has been mute for long; then it is back, and two routers are not."""
    things = province(8, cable="")
    hub = replace(things.sites["centre"], id="hub", name="Hub", kind=SiteKind.BTS, commune="01301")
    devices = {
        **things.devices,
        "up": Device(id="up", site="hub", addresses=("192.0.2.8",), upstreams=("core",)),
        "agg": Device(id="agg", site="hub", addresses=("192.0.2.9",), upstreams=("up",)),
        **{f"r{n}": replace(things.devices[f"r{n}"], upstreams=("agg",)) for n in range(4)},
    }
    links = {
        key: replace(link, far=Port("agg", f"x{key[1:]}") if far else None, upstream_site="hub")
        if int(key[1:]) < 4
        else link
        for key, link in things.links.items()
    }
    world = make(Inventory({**things.sites, "hub": hub}, devices, links, things.canaries))
    world.dead |= {"agg"}
    world.run(300)
    world.dead |= {"up", "r0", "r1", "r2", "r3"}
    world.run(240)
    assert {world.network.tracks[f"r{n}"].state for n in range(4)} == {"unreachable"}
    assert {service(world, f"s{n}") for n in range(4)} == {"unreachable"}
    world.dead -= {"up", "r2", "r3"}
    world.run(240)
    assert [world.network.tracks[f"r{n}"].state for n in range(4)] == ["down", "down", "up", "up"]
    assert [service(world, f"s{n}") for n in range(2)] == ["isolated"] * 2
