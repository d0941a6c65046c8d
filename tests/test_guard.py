"""The guard: when too much falls at once netmon suspects itself first (SEMANTICS 1)."""

from dataclasses import replace

from netmon.inventory import Inventory
from tests.test_network import World, province, world

__all__ = ["world"]  # the fixture


def test_when_all_canaries_are_silent_netmon_says_unknown_and_blames_nobody(world):
    """The guard: netmon's own uplink is cut; nothing is ever told to be down, and all comes back by itself."""
    world.dead = set(world.inventory.devices)
    world.run(120)
    assert world.network.isolated_since
    assert {world.state(device) for device in world.inventory.devices} == {"unknown"}
    assert not any(change.state in ("down", "unreachable", "isolated") for change in world.changes)
    assert all(world.network.tracks[device].shown_up for device in world.inventory.devices)
    world.dead = set()
    world.run(60)
    assert not world.network.isolated_since
    assert {world.state(device) for device in world.inventory.devices} == {"up"}
    assert not any(change.state in ("down", "unreachable", "isolated") for change in world.changes)


def test_a_mass_fall_is_real_when_any_canary_answers(world):
    world.dead = {f"r{n}" for n in range(6)} | {f"p{n}" for n in range(6)}
    world.run(60)
    assert {world.state(f"r{n}") for n in range(6)} == {"down"}
    assert {world.state(f"p{n}") for n in range(6)} == {"unreachable"}


def test_without_canaries_the_guard_does_not_hold_back(world):
    alone = World(province(1, canaries=())).run(60)
    alone.dead = set(alone.inventory.devices)
    alone.run(90)
    assert alone.state("gw") == "down"


def test_when_our_own_side_fails_for_all_canaries_netmon_suspects_itself(world):
    """No route, no descriptor: nobody is silent, and nobody can be asked."""
    world.local = set(world.inventory.devices)
    world.run(60)
    assert world.network.isolated_since
    world.local = {"gw", "core"}
    world.dead = {device for device in world.inventory.devices if device not in world.local}
    world.run(300)
    assert world.network.isolated_since
    assert not any(change.state in ("down", "isolated", "unreachable") for change in world.changes)
    world.local, world.dead = set(), set()
    world.run(60)
    assert {world.state(device) for device in world.inventory.devices} == {"up"}


def test_a_dead_canary_and_one_dead_leaf_are_no_mass_fall():
    """Two of fourteen are not 30 %: both are told to be down, and nothing is unknown."""
    world = World(province(6, canaries=("gw",))).run(60)
    world.dead = {"gw", "p3"}
    world.run(120)
    assert (world.state("gw"), world.state("p3"), world.state("core")) == ("down", "down", "up")
    assert not world.network.isolated_since


def test_a_canary_that_was_heard_before_the_cut_is_no_alibi(world):
    """A leaf was lost by chance, a canary answered, and only then the uplink is cut."""
    world.dead = {"p1"}
    while not world.network.tracks["p1"].silences:
        world.run(0.5)
    world.run(1)
    world.dead = set(world.inventory.devices)
    world.run(180)
    assert world.network.isolated_since
    told = {change.subject.id for change in world.changes if change.state in ("down", "isolated", "unreachable")}
    assert told <= {"p1", "s1"}


def test_when_the_others_answer_only_the_canaries_are_at_fault():
    """A guard that was raised ends although the canaries stay dead, and then they are told to be."""
    world = World(province(6, canaries=("gw", "core"))).run(60)
    everything = set(world.inventory.devices)
    world.dead = everything
    world.run(90)
    assert world.network.isolated_since
    world.dead = {"gw"}
    world.inventory = Inventory(world.inventory.sites, world.inventory.devices, world.inventory.links, ("gw",))
    world.reload(world.inventory)
    world.run(180)
    assert not world.network.isolated_since
    assert world.state("gw") == "down"


def test_a_step_of_the_wall_clock_neither_makes_nor_hides_a_fall(world):
    """An hour back: what the core said before the step is no word about now."""
    behind = {name for name in world.inventory.devices if name not in ("gw", "core")}
    world.network.shift(-3600.0)
    world.step(-3600.0)
    world.dead = {"core", *behind}
    world.run(120)
    assert world.state("core") == "down"
    assert {world.state(name) for name in behind} == {"unreachable"}


def flips(world):
    """How often netmon began or ceased to suspect itself, by the changes of one healthy device between up and unknown."""
    return max(world.told(device).count("unknown") for device in world.inventory.devices)


def test_a_device_that_cannot_be_asked_does_not_keep_the_guard_from_firing(world):
    """The gateway has no route, and the uplink is cut: nobody is told to be down."""
    world.local = {"gw", "p0"}
    world.dead = set(world.inventory.devices) - world.local
    world.run(300)
    assert world.network.isolated_since
    assert not any(change.state in ("down", "unreachable", "isolated") for change in world.changes)


def test_the_guard_does_not_flap_when_our_own_side_fails_for_some(world):
    """Canaries and a third of the others have no route, the rest answers: one decision, and it stands."""
    world.local = {"gw", "core", "r0", "r1", "p0", "p1"}
    world.run(600)
    assert flips(world) <= 1


def test_guard_mixed_intervals_hold_back_what_is_not_proven():
    """Canaries every 30 s, the rest every 300 s, and the uplink is cut."""
    slow = province(20)
    devices = {d.id: d if d.id in ("gw", "core") else replace(d, interval_s=300.0) for d in slow.devices.values()}
    world = World(Inventory(slow.sites, devices, slow.links, slow.canaries)).run(310)
    world.dead = set(devices)
    world.run(300)
    assert world.network.isolated_since
    assert not any(change.state in ("down", "unreachable", "isolated") for change in world.changes)


def test_a_loss_before_a_cut_blames_nobody(world):
    """A leaf loses a poll by chance, its upstream and a canary are heard, and only then the uplink is cut."""
    world.dead = {"p1"}
    while not world.network.tracks["p1"].silences:
        world.run(0.5)
    since = world.now
    world.dead = set()
    while min(world.network.tracks[d].heard for d in ("r1", "gw")) < since and world.network.tracks["p1"].silences:
        world.run(0.5)
    world.dead = set(world.inventory.devices)
    world.run(200)
    assert not any(change.state in ("down", "unreachable", "isolated") for change in world.changes)


def test_after_the_guard_a_first_silence_is_verified_early_again(world):
    world.dead = set(world.inventory.devices)
    world.run(120)
    world.dead = set()
    world.run(60)
    world.dead = {"r3", "p3"}
    while world.state("r3") == "up":
        world.run(0.5)
    world.run(12)
    assert world.state("r3") == "down"


def test_canaries_that_a_reload_takes_away_end_the_suspicion(world):
    world.dead = set(world.inventory.devices)
    world.run(120)
    assert world.network.isolated_since
    world.reload(Inventory(world.inventory.sites, world.inventory.devices, world.inventory.links, ()))
    world.run(120)
    assert not world.network.isolated_since
    assert world.state("gw") == "down"
