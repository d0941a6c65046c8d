"""Incidents go on: over restarts of netmon, reloads of its inventory and steps of the clock."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netmon.model import (
    CauseClass,
    Port,
    Subject,
    Verb,
)
from tests.effort import examples
from tests.running import T0, World, look, province, two_in_a_cable, what_rules_read, wired, without


@pytest.mark.parametrize("what", ["cable", "backups", "core", "several", "lone fibre", "port", "equipment"])
def test_a_restart_goes_on_with_the_same_incidents_from_the_first_scrape_on(make_world, what):
    world = make_world(province(8, backup=what == "backups", srlg=lambda n, cable: (cable,) if n < 4 else ()))
    if what == "cable":
        world.cut(0, 1, 2, 3)
    elif what == "backups":
        world.dark |= {Port("core", f"x{n}") for n in range(4)} | {Port(f"r{n}", "ge0") for n in range(4)}
    elif what == "several":
        world.dead |= {"r4", "r5", "r6"}
    elif what == "core":
        world.dead |= {"core", *(f"r{n}" for n in range(8))}
    elif what == "lone fibre":
        world.cut(6)
    elif what == "port":
        world.dark |= {Port("core", "x6"), Port("r6", "ge0")}
    else:
        world.dead |= {"r6"}
    world.run(150)
    before, shown, books = (
        world.going_on(),
        what_rules_read(world),
        {one.id: world.verbs(one.id) for one in world.going_on()},
    )
    assert before
    anew = world.restart()
    try:
        assert what_rules_read(anew) == shown, "before the first poll and the first tick"
        for _ in range(120):
            anew.run(0.5)
            assert what_rules_read(anew) == shown
        assert [(one.id, one.root, one.cause) for one in anew.going_on()] == [
            (one.id, one.root, one.cause) for one in before
        ]
        assert {one.id: anew.verbs(one.id) for one in anew.going_on()} == books, "nothing is written twice"
        anew.dead.clear(), anew.dark.clear()
        anew.run(90)
        assert not anew.going_on()
        anew.cut(5)
        anew.run(60)
        assert {one.id for one in anew.going_on()}.isdisjoint(books), "no number is used twice"
    finally:
        anew.close()


def test_a_number_is_never_used_twice_whatever_fell_first_and_in_which_year(make_world):
    """The newest incident by its start need not have the highest number; one that began before midnight has the number of
    the year that ended."""
    world = make_world()
    incidents = world.incidents
    for at in (T0, T0 - 400 * 86_400, T0 - 50, T0 - 400 * 86_400 - 5):
        root = Subject("device", "r1")
        world.now, now = at, world.now
        incidents.open(root, "04", CauseClass.UNKNOWN, "gọi điện", "lan")
        world.now = now
    taken = {one.id for one in world.going_on()}
    assert len(taken) == 4
    for one in world.going_on():
        incidents.act(one, "close", "", "lan")
    world.run(1000)
    anew = world.restart()
    try:
        for at in (T0, T0 - 400 * 86_400):
            assert anew.incidents._new_id(at) not in taken
    finally:
        anew.close()


def test_a_restart_while_netmon_is_cut_off_and_one_right_after_another_change_nothing(make_world):
    world = make_world()
    world.cut(2)
    world.run(150)
    (incident,) = world.going_on()
    verbs, lost = world.verbs(incident.id), set(world.dead)
    world = world.restart(away=1).restart(away=1)
    assert world.explained("device", "r2") == {"site"}
    world.dead = set(world.things.devices)
    world.run(120)
    assert world.network.isolated_since
    world = world.restart()
    try:
        assert world.explained("device", "r2") == world.explained("link", "f2") == {"self"}
        world.run(120)
        assert [one.id for one in world.going_on()] == [incident.id]
        world.dead = lost
        world.run(120)
        assert [(one.id, one.members) for one in world.going_on()] == [(incident.id, incident.members)]
        assert world.verbs(incident.id) == verbs
        assert world.explained("device", "r2") == {"site"}
    finally:
        world.close()


@pytest.mark.parametrize("seconds", [-7200, 7200])
def test_a_step_of_the_clock_opens_and_closes_nothing(make_world, seconds):
    world = make_world()
    world.cut(2)
    world.run(150)
    (incident,) = world.going_on()
    verbs = world.verbs(incident.id)
    world.step_clock(seconds)
    world.run(60)
    assert [(one.id, one.members) for one in world.going_on()] == [(incident.id, incident.members)]
    assert world.verbs(incident.id) == verbs
    world.cut(3)
    world.run(60)
    assert len(world.going_on()) == 2, "what falls is seen at once by the new clock"
    world.splice(2, 3)
    world.run(60)
    assert not world.going_on()
    look(world)


def test_what_people_wrote_survives_what_netmon_writes_and_a_restart(make_world):
    world = make_world(two_in_a_cable())
    world.cut(1, 2)
    world.run(60)
    (incident,) = world.going_on()
    act = world.incidents.act
    taken = act(incident, "ack", "", "lan")
    taken = act(taken, "assign", "Tổ 3", "lan")
    taken = act(taken, "cause", "power: cháy trạm", "minh", "ca đêm")
    world.run(1)
    assert world.told()['netmon_incident_acknowledged{province="04",root_kind="cable",root="QL3"}'] == 1
    world.splice(1)
    world.run(60)
    world = world.restart()
    try:
        world.run(40)
        (now,) = world.going_on()
        wrote = (now.acknowledged, now.assigned, now.corrected, now.cause, now.said_cause)
        assert wrote == ("lan", "Tổ 3", CauseClass.POWER, CauseClass.FIBRE, CauseClass.POWER)
        (outage,) = world.reader.outages(Subject("device", "r2"))
        assert (outage.cause_class, outage.found_class) == ("power", "fibre")
        with pytest.raises(ValueError, match="goes on"):
            world.incidents.act(now, "close", "", "lan")
        world.splice(2)
        world.run(60)
        over = world.incidents.known(now.id)
        world.incidents.act(over, "close", "hàn xong", "lan")
        world.cut(2)
        world.run(60)
        (fresh,) = world.going_on()
        assert fresh.id != now.id, "what is closed is not opened by netmon"
        world.store.flush()
        kept = world.reader.incident(now.id)
        assert kept.closed is not None
        assert kept.acknowledged == "lan"
        world.splice(2)
        world.run(16 * 60)
        assert world.incidents.known(now.id) is None
        world.store.flush()
        long_over = world.reader.incident(now.id)
        changed = world.incidents.act(long_over, "reopen", "xem lại", "minh")
        world.run(30)
        assert changed.closed is None
        assert not world.going_on()
        assert world.verbs(now.id)[-1] is Verb.REOPEN
        assert world.reader.incident(now.id) == changed
    finally:
        world.close()


def test_a_poll_that_is_verified_and_a_restart_are_no_falls(make_world):
    """A link that stays down behind a router that misses polls does not flap, nor does what each restart finds down."""
    world = make_world(province(3, backup=True, srlg=lambda n, cable: ()))
    world.things = replace(world.things, links={k: replace(v, far=None) for k, v in world.things.links.items()})
    world.reload(world.things)
    world.run(40)
    world.dark |= {Port("r1", "ge0")}
    world.run(60)
    for _ in range(6):
        world.dead |= {"r1"}
        world.run(40, until=lambda: str(world.network.tracks["r1"].state) == "suspect")
        world.dead -= {"r1"}
        world.run(40)
    assert str(world.network.links["f1"].state) == "down"
    assert not world.incidents._flapping
    for _ in range(4):
        world = world.restart(away=1.0)
        world.run(40)
    assert not world.incidents._flapping
    world.close()


def test_members_and_roots_may_leave_the_inventory_under_a_standing_incident(make_world):
    world = make_world(province(6, srlg=lambda n, cable: (cable,) if n < 3 else ()))
    full = world.things
    world.cut(0, 1, 2, 5)
    world.run(60)
    assert len(world.going_on()) == 2
    world.reload(without(full, devices={"r1"}, links={"f1"}, sites={"s1"}))
    look(world)
    world.run(40)
    look(world)
    cable = next(one for one in world.going_on() if one.root.kind == "cable")
    assert Subject("device", "r1") not in cable.members
    alone = next(one for one in world.going_on() if one.root.kind != "cable")
    world.reload(without(world.things, devices={"r5"}, links={"f5"}))
    world.incidents.act(alone, "comment", "đã gỡ khỏi danh mục", "lan")
    world.run(40)
    look(world)
    assert [one.id for one in world.going_on()] == [cable.id]
    world.reload(full)
    world.run(60)
    assert len(world.going_on()) == 2
    away = without(full, devices={"core", "r0", "r1", "r2", "r5"}, sites={"s1"}, links={"f0", "f2", "f5"})
    world = world.restart(things=replace(away, canaries=("gw",)))
    try:
        look(world)
        world.run(60)
        look(world)
        assert not world.going_on()
    finally:
        world.close()


def test_a_site_that_gets_a_link_while_it_lacks_mains_is_told_once(make_world):
    world = make_world(province(3, stations=2))
    full = world.things
    world.battery["m0"] = False
    world.run(40)
    assert world.explained("site", "bts0") == set()
    world.reload(wired(full))
    assert world.explained("site", "bts0") == set()
    world.run(40)
    assert world.explained("site", "bts0") == set()
    world.reload(full)
    world.run(1)
    assert world.explained("site", "bts0") == set()
    world.reload(without(full, sites={"bts0"}))
    world.run(1)
    assert world.explained("site", "bts0") is None


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["cut", "splice", "gone", "all", "core", "mains", "wire"])), max_size=12
    )
)
def test_no_reload_at_any_time_is_too_much(tmp_path_factory, events):
    world = World(tmp_path_factory.mktemp("w") / "n.db", province(6, backup=True, stations=2))
    full = world.things
    try:
        world.run(35)
        for n, what in events:
            match what:
                case "cut":
                    world.cut(n)
                case "splice":
                    world.splice(n)
                case "gone":
                    world.reload(without(world.things, {f"r{n}"}, {f"f{n}"}, {f"s{n}"} if n % 2 else ()))
                case "core":
                    world.dead ^= {"core"}
                case "all":
                    world.reload(full)
                case "mains":
                    world.battery["m0"] = not world.battery.get("m0", True)
                case "wire":
                    world.reload(wired(world.things))
            world.run(7 * n + 1)
            look(world)
        names = {incident.id for incident in world.reader.incidents()}
        assert len(names) == len(world.reader.incidents())
    finally:
        world.close()
