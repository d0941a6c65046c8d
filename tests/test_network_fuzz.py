"""Any tree of devices, any order of failures, repairs and restarts: what is shown in the end is so."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import Device, Site, SiteKind, Speech, Subject
from tests.effort import examples
from tests.test_network import World, province

PHASE_S = 200
LONG_S = 700
"""Three periods of a device that reports by itself, again for what hangs on it, and time to connect."""


@st.composite
def trees(draw, speeches=(Speech.SNMP,)):
    """A gateway, and devices that name one or two earlier ones as upstreams."""
    site = Site(id="s", name="S", kind=SiteKind.BTS, province="04", commune="01273")
    devices = {"d0": Device(id="d0", site="s", addresses=("192.0.2.1",))}
    for n in range(1, draw(st.integers(2, 14))):
        upstreams = draw(st.lists(st.sampled_from(sorted(devices)), min_size=1, max_size=2, unique=True))
        speaks = draw(st.sampled_from(speeches))
        devices[f"d{n}"] = Device(id=f"d{n}", site="s", addresses=("192.0.2.1",), upstreams=tuple(upstreams), speaks=speaks)
    return Inventory({"s": site}, devices, {}, ("d0",))


def answering(inventory, dead):
    """Who answers: the living with a living way up."""
    heard = set()
    for device in inventory.devices.values():  # upstreams come first
        if device.id not in dead and (not device.upstreams or heard & set(device.upstreams)):
            heard.add(device.id)
    return heard


def restarted(world):
    """A new netmon that knows of the old one what the store keeps: states and since when."""
    again = World(world.inventory)
    again.step(world.now - again.now)
    again.offset = 0.0
    again.network.started = again.network.connections.started = again.now
    for device, track in world.network.tracks.items():
        again.network.restore(Subject("device", device), str(track.state), track.since)
    for kind, told in (("link", world.network.links), ("site", world.network.sites)):
        for name, one in told.items():
            again.network.restore(Subject(kind, name), one.state, one.since)
    return again


@settings(max_examples=examples(60))
@given(trees(), st.lists(st.tuples(st.sets(st.integers(1, 13)), st.booleans()), min_size=1, max_size=4))
def test_after_any_history_each_device_is_what_an_oracle_says(inventory, phases):
    """Up, down or unreachable; what died first may stay `down` when its upstream dies later, and nothing is stuck."""
    told_as_an_oracle_says(inventory, phases, PHASE_S)


@settings(max_examples=examples(40))
@given(trees(tuple(Speech)), st.lists(st.tuples(st.sets(st.integers(1, 13)), st.booleans()), min_size=1, max_size=3))
def test_devices_that_report_by_themselves_are_told_by_the_same_oracle(inventory, phases):
    """Whoever is asked and whoever reports, mixed in one tree: in the end all are told as they are."""
    told_as_an_oracle_says(inventory, phases, LONG_S)


def told_as_an_oracle_says(inventory, phases, phase_s):
    world = World(inventory).run(phase_s)
    for numbers, restart in phases:
        dead = {f"d{n}" for n in numbers} & set(inventory.devices)
        if restart:
            world = restarted(world)
        world.dead = set(inventory.devices) - answering(inventory, dead)
        world.run(phase_s)
    heard = answering(inventory, dead)
    for device in inventory.devices.values():
        state = world.state(device.id)
        if device.id in heard:
            assert state == "up"
        elif heard & set(device.upstreams):
            assert state == "down"
        else:
            assert state in ("unreachable", "down")
            if state == "unreachable":
                assert world.network.tracks[device.id].cause not in heard


@settings(max_examples=examples(40))
@given(st.lists(st.tuples(st.sets(st.integers(0, 3)), st.sets(st.integers(0, 3)), st.booleans()), min_size=1, max_size=4))
def test_after_any_history_links_and_sites_are_what_their_witnesses_say(phases):
    """Dead routers and dark ports in any order, with restarts: what is shown and the last told span agree with them."""
    world = World(province(4)).run(PHASE_S)
    for dead, dark, restart in phases:
        if restart:
            world = restarted(world)
        world.dead = {f"r{n}" for n in dead} | {f"p{n}" for n in dead}
        world.oper_down = {port for n in dark for port in (world.inventory.links[f"f{n}"].far,)}
        world.run(PHASE_S)
    for n in range(4):
        fibre = "down" if n in dead or n in dark else "up"
        backup = "down" if n in dead else "up"
        service = "up" if fibre == "up" else "on_backup" if backup == "up" else "isolated"
        assert (world.state(f"f{n}"), world.state(f"b{n}"), world.state(f"s{n}")) == (fibre, backup, service)
        for name, state in ((f"f{n}", fibre), (f"s{n}", service)):
            told = [change.state for change in world.changes if change.subject.id == name]
            assert told[-1] == state


@settings(max_examples=examples(60))
@given(st.integers(5, 700), st.integers(0, 60), st.sampled_from([30.0, 60.0, 120.0]))
def test_a_cut_of_any_length_never_calls_what_reports_behind_it_down(lasting, before, period):
    """A router is lost and comes back: the controller behind it was never at fault, and says so as soon as it can."""
    things = province(4)
    speaks = {name: replace(device, speaks=Speech.MQTT) for name, device in things.devices.items() if name.startswith("p")}
    world = World(replace(things, devices=things.devices | speaks))
    world.period_s = period
    world.run(200 + before)
    world.dead = {"r1", "p1"}
    world.run(lasting)
    world.dead = set()
    world.run(400)
    assert world.told("p1").count("down") == 0
    assert world.state("p1") == "up"
