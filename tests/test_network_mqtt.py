"""States of devices that report by themselves (SEMANTICS 9): the same machine as for those that are asked."""

from dataclasses import replace

import pytest

from netmon import samples
from netmon.model import At, DeviceState, Outcome, Poll, Speech
from netmon.network import Network
from tests.test_network import T0, province

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


def test_a_report_speaks_for_three_periods_and_not_for_two_intervals(site):
    """A device that is looked after every 30 s and says that it reports every minute stays up between its reports."""
    assert site.later(1 + 3 * PERIOD) == [("r0", "unknown")], "which is asked every 30 s, and was not"
    assert site.state is DeviceState.UP


def test_without_any_look_at_it_netmon_says_that_it_does_not_know(site):
    """Looks that stopped, by a bug, must not leave it up for ever."""
    site.later(1 + 3 * PERIOD + 66)
    assert site.state is DeviceState.UNKNOWN


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
    site.upstreams(200)
    site.later(201)
    for after in (205, 210, 240, 300, 375):
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


def test_a_clock_step_moves_the_time_that_it_is_given(site):
    """The wall clock goes back an hour while a device is given time."""
    cut(site)
    site.later(107)
    site.upstreams(200)
    before = dict(site.network._patient)
    site.network.shift(-3600)
    assert site.network._patient == {device: until - 3600 for device, until in before.items()} != {}
