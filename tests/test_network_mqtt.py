"""States of devices that report by themselves (SEMANTICS 9): the same machine as for those that are asked."""

from dataclasses import replace

import pytest

from netmon import samples
from netmon.model import At, DeviceState, Lull, Outcome, Poll, Speech, Subject
from netmon.network import Network
from tests.test_network import T0, World, province

PERIOD = 60.0


class Site:
    """Commune 0 of a province, whose power controller `p0` reports over MQTT every minute and is looked after every 30 s."""

    def __init__(self):
        things = province(communes=1, canaries=())
        reporting = replace(things.devices["p0"], addresses=(), speaks=Speech.MQTT, interval_s=30.0)
        self.inventory = replace(things, devices=things.devices | {"p0": reporting})
        self.network = Network(self.inventory, T0)
        self.pokes = {}

    def poll(self, after_s, outcome, device="p0", period_s=None):
        at = At(T0 + after_s, T0 + after_s)
        poll = Poll(device=device, outcome=outcome, sent=at, ended=at, period_s=period_s)
        return self.taken(self.network.poll(poll, {}))

    def lull(self, after_s):
        """A look that finds nothing, and no three periods are over."""
        self.network.lull(Lull(device="p0", period_s=PERIOD), At(T0 + after_s, T0 + after_s))

    def report(self, after_s):
        return self.poll(after_s, Outcome.ANSWERED, period_s=PERIOD)

    def taken(self, out):
        self.pokes |= out.pokes
        return [(change.subject.id, change.state) for change in out.changes if change.subject.id in ("r0", "p0")]

    def later(self, after_s):
        """What the clock alone brings."""
        return self.taken(self.network.stale(T0 + after_s)) + self.taken(self.network.resolve(T0 + after_s))

    def upstreams(self, after_s, outcome=Outcome.ANSWERED):
        for device in ("gw", "core", "r0"):
            self.poll(after_s, outcome, device)

    @property
    def state(self):
        return self.network.tracks["p0"].state


def cut(site):
    """The router and what is behind it fall silent at 100 s."""
    site.upstreams(90)
    for after in (100, 105):
        site.poll(after, Outcome.SILENT, "r0")
        site.poll(after, Outcome.SILENT)
    site.poll(106, Outcome.ANSWERED, "core")


@pytest.fixture
def site():
    made = Site()
    made.upstreams(0)
    made.report(1)
    return made


def test_a_report_holds_as_long_as_netmon_looks_for_more_and_three_periods_are_not_over(site):
    """A device that says that it reports every ten minutes stays up between its reports; nothing was asked of it."""
    for after in range(25, 1500, 25):
        site.lull(after)
        site.upstreams(after)
        assert site.later(after + 1) == []
    assert site.state is DeviceState.UP


def test_without_any_look_at_it_netmon_says_that_it_does_not_know(site):
    """Looks that stopped, by a bug, must not leave it up for ever."""
    site.lull(25)
    site.later(25 + 61)
    assert site.state is DeviceState.UNKNOWN


def test_what_was_known_before_a_restart_holds_until_its_own_periods_are_over(site):
    """Its period, longer than netmon's interval, is known from its birth: nobody says `unknown` meanwhile, up or down."""
    for known in ("up", "down"):
        site.network = Network(site.inventory, T0)
        site.network.restore(Subject("device", "p0"), known, T0 - 900)
        for after in range(25, 1500, 25):
            site.lull(after)
            site.upstreams(after)
            assert ("p0", "unknown") not in site.later(after + 1)
        assert site.state == known


def test_what_was_published_before_a_restart_goes_on_though_nothing_is_known():
    """A dead device whose broker went away, and then netmon: its page must not resolve itself (SEMANTICS 8 and 10)."""
    site = Site()
    site.network.restore(Subject("device", "p0"), "unknown", T0 - 60)
    site.network.recall(Subject("device", "p0"), "down")
    site.network.recall(Subject("device", "r0"), "suspect")
    site.network.recall(Subject("link", "f0"), "down")
    shown = {
        series.family: value
        for name in ("p0", "r0")
        for series, value in samples.device_samples(site.network, name)
        if series.family == "netmon_device_up"
    }
    assert {name: site.network.tracks[name].shown_up for name in ("p0", "r0", "core")} == {
        "p0": False,
        "r0": True,
        "core": None,
    }
    assert "netmon_device_up" in shown
    assert [value for series, value in samples.link_samples(site.network, "f0") if series.family == "netmon_link_up"] == [0]


def test_its_silence_is_verified_and_told_like_that_of_any_device(site):
    """Silent at two looks, with a live way up: down since the first of them."""
    site.upstreams(170)
    site.poll(181, Outcome.SILENT)
    assert (site.state, site.pokes.pop("p0")) == (DeviceState.SUSPECT, site.network.verify_after_s)
    site.poll(186, Outcome.SILENT)
    assert site.later(187) == [], "its router is asked first"
    site.upstreams(187.5)
    assert site.later(188) == [("p0", "down")]
    assert site.network.tracks["p0"].since == T0 + 181


def test_while_the_broker_is_away_it_is_unknown_because_of_netmon_itself(site):
    """One problem of netmon's own, not one of each device; what was published of it stays."""
    assert site.poll(40, Outcome.LOCAL) == [("p0", "unknown")]
    told = {
        (series.family, series.labels[4:]): value for series, value in samples.device_samples(site.network, "p0") if value
    }
    assert told == {
        ("netmon_device_up", ()): 1,
        ("netmon_device_state", (("state", "unknown"),)): 1,
        ("netmon_device_explained", (("by", "self"),)): 1,
    }
    assert site.poll(70, Outcome.LOCAL) == []
    assert site.report(100) == [("p0", "up")]


def test_a_broker_that_is_away_hides_no_silence_that_was_already_counted(site):
    """Silence counted before the broker went away is not carried over: it is counted anew once netmon hears again."""
    site.poll(181, Outcome.SILENT)
    site.poll(182, Outcome.LOCAL)
    site.poll(300, Outcome.SILENT)
    assert site.network.tracks["p0"].silences == 1
    assert site.state is DeviceState.UNKNOWN


def test_behind_a_dead_router_it_is_unreachable_and_gets_time_to_report_when_the_router_is_back(site):
    """Whoever reports by itself must first connect again: until three periods are over its silence says nothing."""
    cut(site)
    assert site.later(107) == [("r0", "down"), ("p0", "unreachable")]
    for after in (130, 160, 190):
        site.poll(after, Outcome.SILENT, "r0")
        site.poll(after, Outcome.SILENT)
    site.upstreams(200)
    site.later(201)
    for after in range(205, 380, 25):
        assert site.poll(after, Outcome.SILENT) == []
        site.upstreams(after + 0.5)
        assert site.later(after + 1) == []
    assert site.state is DeviceState.UNREACHABLE
    assert site.report(378) == [("p0", "up")]


def test_one_that_stays_silent_after_its_router_is_back_is_down(site):
    """The time that it is given ends."""
    cut(site)
    site.later(107)
    site.upstreams(200)
    site.later(201)
    site.poll(381, Outcome.SILENT)
    site.poll(386, Outcome.SILENT)
    site.upstreams(387)
    assert site.later(388) == [("p0", "down")]
    assert site.network.tracks["p0"].since == T0 + 381


def test_a_report_ends_the_time_that_it_was_given(site):
    """Heard again, it is like any other: when its power goes a moment later that is told at once."""
    cut(site)
    site.later(107)
    site.upstreams(200)
    site.later(201)
    site.report(210)
    site.poll(230, Outcome.SILENT)
    site.upstreams(231)
    site.poll(240, Outcome.SILENT)
    site.upstreams(241)
    assert site.later(242) == [("p0", "down")]
    assert site.network.tracks["p0"].since == T0 + 230


def test_a_short_cut_of_its_router_gives_it_time_too(site):
    """It was not yet told unreachable when the router came back; its will comes after that."""
    site.upstreams(90)
    site.lull(90)
    for after in (100, 105):
        site.poll(after, Outcome.SILENT, "r0")
    site.poll(106, Outcome.ANSWERED, "core")
    assert site.later(107) == [("r0", "down")]
    site.lull(130)
    site.upstreams(140)
    site.later(141)
    for after in (145, 150, 175, 200, 225, 250):
        site.poll(after, Outcome.SILENT)
        site.upstreams(after)
        assert site.later(after + 1) == []
    site.report(260)
    assert site.state is DeviceState.UP


def test_an_upstream_that_reports_by_itself_is_given_its_own_time_to_say_something(site):
    """It cannot be asked: what stands behind it waits until its three periods are over before it is called down."""
    devices = site.inventory.devices
    behind = replace(devices["p0"], id="q0", speaks=Speech.SNMP, addresses=("192.0.2.9",), upstreams=("p0",))
    site.inventory = replace(site.inventory, devices=devices | {"q0": behind})
    site.network = Network(site.inventory, T0)
    site.upstreams(0)
    site.report(1)
    site.poll(2, Outcome.ANSWERED, "q0")
    site.poll(32, Outcome.SILENT, "q0")
    site.poll(37, Outcome.SILENT, "q0")
    for after in range(40, 181, 20):
        site.lull(after)
        site.poll(after, Outcome.SILENT, "q0")
        site.upstreams(after)
        site.later(after + 1)
        assert site.network.tracks["q0"].state is DeviceState.SUSPECT
    for after in (182, 187):
        site.poll(after, Outcome.SILENT)
    site.upstreams(188)
    site.later(189)
    track = site.network.tracks["q0"]
    assert (site.state, track.state, track.cause) == ("down", "unreachable", "p0")


def test_one_device_that_reports_does_not_hide_that_netmon_is_cut_off():
    """The guard counts what was asked: with most of a province over MQTT it still suspects netmon itself in time."""
    things = province(communes=6)
    reporting = {
        name: replace(device, speaks=Speech.MQTT, addresses=()) if name.startswith("p") else device
        for name, device in things.devices.items()
    }
    world = World(replace(things, devices=reporting))
    world.period_s = 600
    world.run(60)
    world.dead = set(things.devices)
    world.run(120)
    assert world.network.isolated_since
    assert not [change for change in world.changes if change.state in ("down", "unreachable", "isolated")]


@pytest.mark.parametrize("phase", [0, 4, 8, 16])
def test_one_that_waits_after_its_will_does_not_make_the_fall_of_all_look_small(phase):
    """A controller silent for a minute and a half, and then netmon's uplink is cut: netmon, and nobody else, is to blame."""
    things = province(communes=40)
    speaks = {name: replace(device, speaks=Speech.MQTT) for name, device in things.devices.items() if name in ("p0", "p1")}
    world = World(replace(things, devices=things.devices | speaks))
    world.period_s = 900
    world.run(300 + phase)
    sent = At(world.now, world.now)
    world._take(world.network.poll(Poll(device="p0", outcome=Outcome.SILENT, sent=sent, ended=sent), {}))
    world.run(100)
    world.changes.clear()
    world.dead = set(things.devices)
    world.run(120)
    assert world.network.isolated_since
    assert not [change for change in world.changes if change.state in ("down", "unreachable", "isolated")]


def test_behind_a_way_that_flaps_nothing_is_known_rather_than_up(site):
    """Given time again and again, a dead device must not look alive for hours."""
    site.upstreams(90)
    for start in (100, 300, 500):
        for after in (start, start + 5):
            site.poll(after, Outcome.SILENT, "r0")
            site.poll(after + 1, Outcome.SILENT)
        site.poll(start + 6, Outcome.ANSWERED, "core")
        site.later(start + 7)
        for after in range(start + 30, start + 200, 25):
            site.upstreams(after)
            site.poll(after, Outcome.SILENT)
            site.later(after + 1)
    assert site.state in (DeviceState.UNKNOWN, DeviceState.DOWN, DeviceState.UNREACHABLE)


def test_what_was_down_when_netmon_ceased_to_know_does_not_page_anew(site):
    """Unreachable behind its router, then unknown: nothing of it is both 0 and unexplained (SEMANTICS 10)."""
    cut(site)
    site.later(107)
    site.poll(130, Outcome.LOCAL)
    site.network.stale(T0 + 130)
    track = site.network.tracks["p0"]
    site.network.tracks["p0"] = track._replace(outcome="silent")  # as after the guard, or after a look that was in vain
    told = {series.labels[4:]: value for series, value in samples.device_samples(site.network, "p0") if value}
    assert (track.state, track.shown_up) == (DeviceState.UNKNOWN, False)
    assert told == {(("state", "unknown"),): 1, (("by", "self"),): 1}


def test_one_that_is_asked_from_now_on_keeps_no_patience_of_its_reports(site):
    """A reload makes a router with a long period one that is asked: its silence counts at once."""
    cut(site)
    site.later(107)
    site.upstreams(200)
    site.later(201)
    devices = site.inventory.devices
    asked = replace(devices["p0"], speaks=Speech.SNMP, addresses=("192.0.2.9",))
    site.taken(site.network.take(replace(site.inventory, devices=devices | {"p0": asked}), T0 + 205))
    for after in (210, 215):
        site.poll(after, Outcome.SILENT)
    site.upstreams(216)
    assert site.later(217) == [("p0", "down")]


def test_a_clock_step_moves_the_time_that_it_is_given(site):
    """The wall clock goes back an hour while a device is given time."""
    cut(site)
    site.later(107)
    site.upstreams(200)
    before = dict(site.network._patient)
    site.network.shift(-3600)
    assert site.network._patient == {device: until - 3600 for device, until in before.items()} != {}
