"""States of devices, links and sites, told by polls alone (SEMANTICS 1 and 2), with a clock of our own."""

import heapq
import itertools
from dataclasses import replace

import pytest

from netmon.inventory import Inventory
from netmon.model import (
    At,
    Capacity,
    Device,
    DeviceState,
    Link,
    LinkKind,
    LinkRole,
    Lull,
    Outcome,
    Poll,
    Port,
    Site,
    SiteKind,
    Speech,
    Subject,
)
from netmon.network import Network

T0 = 1_800_000_000.0


def province(communes=6, **over):
    """A gateway, a core behind it, and communes behind the core; each has a router, a power controller, and two links."""
    kinds = SiteKind
    sites = [Site(id="centre", name="Centre", kind=kinds.PROVINCIAL_CENTRE, province="04", commune="01273")]
    devices = [
        Device(id="gw", site="centre", addresses=("192.0.2.1",)),
        Device(id="core", site="centre", addresses=("192.0.2.2",), upstreams=("gw",)),
    ]
    links = []
    for n in range(communes):
        sites.append(Site(id=f"s{n}", name=f"S{n}", kind=kinds.PEOPLES_COMMITTEE, province="04", commune=f"0{1300 + n}"))
        devices.append(Device(id=f"r{n}", site=f"s{n}", addresses=(f"192.0.2.{n + 10}",), upstreams=("core",)))
        devices.append(Device(id=f"p{n}", site=f"s{n}", addresses=(f"192.0.2.{n + 100}",), upstreams=(f"r{n}",)))
        common = {"site": f"s{n}", "upstream_site": "centre", "network": "tslcd_2", "capacities": (Capacity(0, 1, 1),)}
        links.append(
            Link(
                id=f"f{n}",
                kind=LinkKind.FIBRE,
                role=LinkRole.PRIMARY,
                near=Port(f"r{n}", "ge0"),
                far=Port("core", f"x{n}"),
                **common,
            )
        )
        links.append(Link(id=f"b{n}", kind=LinkKind.LTE, role=LinkRole.BACKUP, near=Port(f"r{n}", "lte"), **common))
    return Inventory(
        {site.id: site for site in sites},
        {device.id: device for device in devices},
        {link.id: link for link in links},
        over.get("canaries", ("gw", "core")),
    )


class World:
    """A network, a grid of polls, and what the devices do: `dead`, `local` and others are changed by the tests."""

    def __init__(self, inventory):
        self.now, self.offset = T0, 0.0
        self._know(inventory)
        self.network = Network(inventory, T0)
        self.dead, self.oper_down, self.refused, self.local = set(), set(), set(), set()
        self.reports = {d.id for d in inventory.devices.values() if d.speaks is Speech.MQTT}
        self.heard = {}  # when each of them last reported; `period_s` is how often they do
        self.back = {}  # when they could report again after they could not
        self.period_s = 30.0
        self.changes = []
        self.polls = []
        self._order = itertools.count()
        self._agenda = []
        for n, device in enumerate(inventory.devices.values()):
            self._plan(T0 + device.interval_s * n / len(inventory.devices), device.id, device.interval_s)

    def _know(self, inventory):
        self.inventory, self._ports = inventory, {}
        for port in inventory.links_by_port():
            self._ports.setdefault(port.device, []).append(port)

    def _plan(self, at, device, interval):
        heapq.heappush(self._agenda, (at, next(self._order), device, interval))

    def run(self, seconds):
        """Half-second ticks; a silent poll takes 2 s to say so, in which others go on."""
        end = self.now + seconds
        while self.now < end:
            self.now += 0.5
            while self._agenda and self._agenda[0][0] <= self.now:
                at, _, device, interval = heapq.heappop(self._agenda)
                if interval:
                    self._plan(at + interval, device, interval)
                self._poll(device, at)
            self._take(self.network.resolve(self.now))
            self._take(self.network.stale(self.now))
        return self

    def _poll(self, device, sent):
        outcome = Outcome.ANSWERED
        for wrong, what in ((self.dead, Outcome.SILENT), (self.refused, Outcome.REFUSED), (self.local, Outcome.LOCAL)):
            if device in wrong:
                outcome = what
        self.polls.append((device, sent))
        if device in self.reports and outcome is not Outcome.LOCAL and not (outcome := self._look(device, sent, outcome)):
            self.network.lull(Lull(device=device, period_s=self.period_s), At(sent, sent - self.offset))
            return
        oper = {port.interface: port not in self.oper_down for port in self._ports.get(device, ())}
        at = At(sent, sent - self.offset)
        poll = Poll(device=device, outcome=outcome, sent=at, ended=at)
        self._take(self.network.poll(poll, oper if outcome is Outcome.ANSWERED else {}))

    def _look(self, device, sent, outcome):
        """What a look at a device that reports by itself finds: a report, nothing yet, or three periods of silence. It needs
        20 s to connect again."""
        heard = self.heard.setdefault(device, self.network.started)
        if outcome is not Outcome.ANSWERED:
            self.back[device] = None
            return Outcome.SILENT if sent - heard > 3 * self.period_s else None
        back = self.back.setdefault(device, sent - 20) or sent
        self.back[device] = back
        if sent - back < 20 or 0 < sent - heard < self.period_s:
            return Outcome.SILENT if sent - heard > 3 * self.period_s else None
        self.heard[device] = sent
        return Outcome.ANSWERED

    def step(self, seconds):
        """The wall clock steps; the monotonic one does not."""
        self.now += seconds
        self.offset += seconds
        self._agenda = [(at + seconds, *rest) for at, *rest in self._agenda]

    def check(self, link, heard):
        self._take(self.network.check(link, At(self.now, self.now - self.offset), heard))

    def reload(self, inventory):
        self._know(inventory)
        self._take(self.network.take(inventory, self.now))

    def _take(self, out):
        self.changes += out.changes
        for device, after in out.pokes.items():
            self._plan(self.now + after, device, None)

    def state(self, name):
        """Whatever has this name: a device, a link or a site."""
        if name in self.network.tracks:
            return str(self.network.tracks[name].state)
        return (self.network.links.get(name) or self.network.sites[name]).state

    def told(self, name):
        return [change.state for change in self.changes if change.subject.id == name]


@pytest.fixture
def world():
    return World(province()).run(60)


def test_a_calm_province_is_up(world):
    assert {world.state(device) for device in world.inventory.devices} == {"up"}
    assert {world.state(link) for link in world.inventory.links} == {"up"}
    assert {world.state(f"s{n}") for n in range(6)} == {"up"}


def test_one_lost_poll_is_no_outage_and_two_are_one_since_the_first(world):
    """Fail then success was up all along; the verifying poll comes 5 s later."""
    world.dead = {"r1"}
    world.run(30)
    silent = [sent for device, sent in world.polls if device == "r1"][-2:]
    assert world.state("r1") == "down"
    assert 5 <= silent[1] - silent[0] <= 6
    down = next(change for change in world.changes if change.state == "down" and change.subject == Subject("device", "r1"))
    assert down.since == silent[0]
    world.dead = set()
    world.run(30)
    assert world.told("r1") == ["up", "suspect", "down", "up"]
    blip = World(province()).run(60)
    blip.dead = {"r1"}
    while blip.state("r1") != "suspect":
        blip.run(0.5)
    blip.dead = set()
    blip.run(30)
    assert blip.told("r1") == ["up", "suspect", "up"]
    assert blip.changes[-1].renames
    assert [change.state for change in blip.changes if change.subject == Subject("site", "s1")] == ["up", "suspect", "up"]


def test_what_is_behind_a_dead_router_is_unreachable_because_of_it(world):
    world.dead = {"r2", "p2"}
    world.run(60)
    assert (world.state("r2"), world.state("p2")) == ("down", "unreachable")
    assert world.network.tracks["p2"].cause == "r2"
    assert world.state("f2") == "down"
    assert world.state("s2") == "isolated"
    assert world.state("s3") == "up"


def test_a_dead_core_makes_every_child_unreachable_and_no_child_down(world):
    """Also not for a moment: a fall is not published before its upstreams have been verified."""
    behind = {name for name in world.inventory.devices if name not in ("gw", "core")}
    world.dead = {"core", *behind}
    world.run(90)
    assert world.state("core") == "down"
    assert {world.state(name) for name in behind} == {"unreachable"}
    assert {world.network.tracks[name].cause for name in behind} == {"core"}
    assert not any(change.state == "down" and change.subject.id in behind for change in world.changes)
    assert {world.state(f"f{n}") for n in range(6)} == {"unknown"}
    assert {world.state(f"s{n}") for n in range(6)} == {"unreachable"}


def test_after_the_repair_what_is_still_dark_is_down_within_two_intervals(world):
    behind = {name for name in world.inventory.devices if name not in ("gw", "core")}
    world.dead = {"core", *behind}
    world.run(120)
    world.dead = {"r4", "p4"}
    world.run(60)
    assert world.state("r4") == "down"
    assert world.state("p4") == "unreachable"
    assert world.network.tracks["p4"].cause == "r4"
    assert [name for name in behind if world.state(name) == "up"] != []
    assert {world.state(name) for name in behind - {"r4", "p4"}} == {"up"}


def test_refused_is_alive_and_our_own_failure_says_nothing(world):
    world.refused, world.local = {"r0"}, {"r1"}
    world.run(25)
    assert (world.state("r0"), world.state("r1")) == ("up", "up")
    assert world.state("f0") == "up"  # the far witness speaks


def test_a_device_that_is_polled_no_more_is_unknown_after_two_intervals(world):
    """A poll speaks for at most two intervals; so does the state that rests on it."""
    world.local = {"r1"}
    world.run(120)
    assert world.state("r1") == "unknown"
    last = max(sent for device, sent in world.polls if device == "r1" and sent < T0 + 60)
    told = next(change for change in world.changes if change.subject.id == "r1" and change.state == "unknown")
    assert told.span_from == pytest.approx(last + 60)


def test_primary_down_and_backup_up_is_on_backup(world):
    """Both witnesses of the fibre answer, over the backup; the link is down because ifOperStatus says so."""
    world.oper_down = {Port("r3", "ge0"), Port("core", "x3")}
    world.run(40)
    assert (world.state("f3"), world.state("b3"), world.state("s3")) == ("down", "up", "on_backup")
    world.oper_down |= {Port("r3", "lte")}
    world.run(40)
    assert world.state("s3") == "isolated"


def test_one_witness_that_denies_a_link_is_enough(world):
    world.oper_down = {Port("core", "x5")}
    world.run(40)
    assert world.state("f5") == "down"


def test_a_link_without_witnesses_is_unknown_never_up():
    inventory = province(1)
    bare = Link(
        id="bare",
        site="s0",
        upstream_site="centre",
        kind=LinkKind.COPPER,
        role=LinkRole.PRIMARY,
        network="internet",
        capacities=(),
    )
    world = World(Inventory(inventory.sites, inventory.devices, {"bare": bare}, inventory.canaries)).run(120)
    assert (world.state("bare"), world.state("s0")) == ("unknown", "unknown")


def test_a_check_address_is_down_when_silent_twice_and_unknown_when_the_upstream_is_lost():
    inventory = province(1)
    sat = Link(
        id="sat",
        site="s0",
        upstream_site="centre",
        kind=LinkKind.SATELLITE_LEO,
        role=LinkRole.BACKUP,
        network="internet",
        capacities=(),
        check="192.0.2.77",
    )
    world = World(Inventory(inventory.sites, inventory.devices, {**inventory.links, "sat": sat}, inventory.canaries)).run(60)
    world.check("sat", True)
    assert world.state("sat") == "up"
    world.check("sat", False)
    assert world.state("sat") == "up"
    world.run(5)
    world.check("sat", False)
    assert world.state("sat") == "down"
    world.dead = {"core", "r0", "p0"}
    world.run(90)
    assert world.state("core") == "down"
    world.check("sat", False)
    assert world.state("sat") == "unknown"
    world.dead = set()
    world.run(60)
    world.check("sat", False)
    assert world.state("sat") == "unknown", "what was silent while the upstream was lost counts for nothing"
    world.check("sat", True)
    assert world.state("sat") == "up"
    world.run(61)
    assert world.state("sat") == "unknown", "a ping speaks for two intervals"


def test_states_survive_a_restart_and_are_told_anew_only_on_evidence(world):
    """A device that was down and still is stays down, since when it was; its span goes on from the first silent poll."""
    again = World(world.inventory)
    again.network.restore(Subject("device", "r1"), "down", T0 - 5000)
    again.network.restore(Subject("device", "r2"), "up", T0 - 9000)
    again.network.restore(Subject("link", "f2"), "up", T0 - 9000)
    again.network.restore(Subject("site", "s2"), "up", T0 - 9000)
    assert (again.state("r1"), again.state("r2"), again.state("f2")) == ("down", "up", "up")
    again.dead = {"r1", "p1"}
    again.run(120)
    first = min(sent for device, sent in again.polls if device == "r1")
    down = [change for change in again.changes if change.subject == Subject("device", "r1")]
    assert [(change.state, change.since, change.span_from) for change in down] == [("down", T0 - 5000, first)]
    up = [change for change in again.changes if change.subject == Subject("site", "s2")]
    assert [(change.state, change.since) for change in up] == [("up", T0 - 9000)]
    assert up[0].span_from >= T0


def test_a_restart_into_an_outage_shows_nothing_that_is_not_so(world):
    """All was up before; now the core is dead. Nothing gets a span that says `up`, and all ends unreachable."""
    again = World(world.inventory)
    names = [("device", d) for d in again.inventory.devices] + [("link", f"f{n}") for n in range(6)]
    for kind, name in names + [("site", f"s{n}") for n in range(6)]:
        again.network.restore(Subject(kind, name), "up", T0 - 9000)
    again.dead = set(again.inventory.devices) - {"gw"}
    again.run(120)
    assert {again.state(f"r{n}") for n in range(6)} == {"unreachable"}
    assert {again.state(f"f{n}") for n in range(6)} == {"unknown"}
    assert {again.state(f"s{n}") for n in range(6)} == {"unreachable"}
    assert not any(change.state == "up" for change in again.changes if change.subject.kind != "device")


def test_one_silence_after_a_restart_blames_no_link(world):
    """A device restored as down that answers the second poll: its link and site were never told to be down."""
    again = World(world.inventory)
    again.network.restore(Subject("device", "r1"), "down", T0 - 5000)
    again.network.restore(Subject("link", "f1"), "down", T0 - 5000)
    again.network.restore(Subject("site", "s1"), "isolated", T0 - 5000)
    again.dead = {"r1"}
    while not again.network.tracks["r1"].silences:
        again.run(0.5)
    again.dead = set()
    again.run(60)
    assert again.state("s1") == "up"
    assert not any(change.state in ("down", "isolated") for change in again.changes)


def test_what_was_restored_is_unknown_when_nothing_is_heard_for_two_intervals(world):
    again = World(world.inventory)
    again.network.restore(Subject("device", "r1"), "up", T0 - 5000)
    again.network.restore(Subject("link", "f1"), "up", T0 - 5000)
    again.local = {"r1", "core"}
    again.run(120)
    assert (again.state("r1"), again.state("f1")) == ("unknown", "unknown")


def test_a_reload_frees_what_an_upstream_that_is_gone_explained(world):
    """A child keeps no cause that left the inventory: it is asked anew, and told by its new upstream."""
    world.dead = {"r1", "p1"}
    world.run(60)
    assert world.state("p1") == "unreachable"
    inventory = world.inventory
    devices = {d.id: replace(d, upstreams=("core",)) if d.id == "p1" else d for d in inventory.devices.values()}
    world.reload(Inventory(inventory.sites, devices, inventory.links, inventory.canaries))
    world.run(60)
    assert (world.state("p1"), world.network.tracks["p1"].cause) == ("down", "")


def test_a_reload_tells_links_anew_whose_witnesses_are_gone(world):
    inventory = world.inventory
    links = {link.id: replace(link, near=None, far=None) if link.id == "f2" else link for link in inventory.links.values()}
    del links["b3"]
    world.reload(Inventory(inventory.sites, inventory.devices, links, inventory.canaries))
    assert (world.state("f2"), world.state("s2"), world.state("s3")) == ("unknown", "on_backup", "up")


def test_a_reload_keeps_the_states_of_what_stays(world):
    world.dead = {"r1", "p1"}
    world.run(60)
    fewer = province(3)
    world.network.take(fewer, world.now)
    assert set(world.network.tracks) == set(fewer.devices)
    assert str(world.network.tracks["r1"].state) == DeviceState.DOWN
    assert set(world.network.links) == set(fewer.links)


def test_an_upstream_that_is_only_mute_explains_no_fall_behind_it(world):
    """Its agent hangs for an hour and it forwards: what answered meanwhile and falls later fell by itself."""
    world.dead = {"core"}
    world.run(3600)
    assert (world.state("core"), world.state("r0")) == ("down", "up")
    world.dead |= {"r0", "p0"}
    world.run(120)
    assert world.state("r0") == "down"
    assert world.network.tracks["p0"].cause == "r0"
    world.run(1800)
    assert world.state("r0") == "down"


def test_a_mute_router_behind_which_its_site_answers_cuts_off_nothing(world):
    world.dead = {"r1"}
    world.run(90)
    assert (world.state("r1"), world.state("p1"), world.state("f1"), world.state("s1")) == ("down", "up", "up", "up")
    assert world.state("b1") == "unknown", "its only witness is mute"
    isolated = [change for change in world.changes if change.subject.id == "s1"]
    polls = [sent for device, sent in world.polls if device == "p1"]
    again = world.network.tracks["r1"].silent_again
    assert next(sent for sent in polls if sent >= again) <= again + 10, "what stands behind it is asked at once"
    assert isolated[-1].state == "up"
    world.dead |= {"p1"}
    world.run(90)
    assert world.state("s1") == "isolated", "nothing of it answers any more"


@pytest.mark.parametrize("change", [{"upstreams": ("r1", "core")}, {"speaks": Speech.MQTT}])
def test_what_may_answer_by_a_way_of_its_own_does_not_vouch_for_a_router(change):
    inventory = province()
    devices = inventory.devices | {"p1": replace(inventory.devices["p1"], **change)}
    world = World(replace(inventory, devices=devices)).run(200)
    world.dead = {"r1"}
    world.run(90)
    assert (world.state("p1"), world.state("s1")) == ("up", "isolated")
