"""What is kept of losses and incidents over restarts, kills and clocks that go back; reasons beside outages."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from netmon import incidents as keeper
from netmon.model import CauseClass, Port, Subject, Verb
from netmon.readiness import _held
from netmon.store import signed
from tests.running import T0, World, province


def killed(world, away=20.0):
    """What a kill leaves: all that was committed, and no goodbye."""
    world.store.flush()
    world.store.heartbeat(world.now)
    world.close()
    return World(world.path, world.things, world.now + away, before=world)


def since(world):
    network = world.network
    return {
        "device": network.tracks["r2"].since,
        "link": network.links["f2"].since,
        "site": network.sites["s2"].since,
        "battery": world.operations.darkness.on_battery(),
        "incidents": [(one.id, one.since) for one in world.going_on()],
    }


def test_what_is_lost_is_lost_since_the_same_instant_after_three_restarts(make_world):
    world = make_world(province(4))
    world.battery["r1"] = True
    world.run(65)
    world.battery["r1"] = False
    world.cut(2)
    world.run(600)
    before = since(world)
    for n in range(3):
        world = make_world(before=world)
        assert since(world) == before, f"restart {n + 1}, at once"
        world.run(600)
        assert since(world) == before, f"restart {n + 1}, later"


def test_what_was_back_meanwhile_is_lost_anew(make_world):
    world = make_world(province(4))
    world.cut(2)
    world.run(300)
    world = make_world(before=world)
    world.run(300)
    world.splice(2)
    world.run(120)
    world.cut(2)
    world.run(300)
    anew = world.network.tracks["r2"].since
    assert anew > T0 + 700
    world = make_world(before=make_world(before=world).run(300))
    assert world.network.tracks["r2"].since == anew


@pytest.mark.parametrize("fell_first", [True, False])
def test_works_explain_over_two_restarts_what_they_explained_before(make_world, fell_first):
    """What was down before the works began goes on paging, and an overrun does not begin to page."""
    world = make_world(province(4))

    def works(start, until):
        asked = {"action": "declare", "name": "hạ tầng", "on": ["site:s1"], "from": start, "until": until}
        asyncio.run(world.operations.windows.control_maintenance("lan", asked))

    if fell_first:
        world.cut(1)
        world.run(600)
        works(world.now + 60, world.now + 7_200)
        world.run(120)
    else:
        works(world.now, world.now + 900)
        world.run(60)
        world.cut(1)
        world.run(1_200)
    told = world.explained("site", "s1"), world.explained("device", "r1")
    assert ("maintenance" in told[0]) is not fell_first
    for _ in range(2):
        world = make_world(before=world)
        assert (world.explained("site", "s1"), world.explained("device", "r1")) == told
        world.run(180)
        assert (world.explained("site", "s1"), world.explained("device", "r1")) == told


def test_a_battery_that_held_over_a_restart_held_all_along(make_world):
    world = make_world(province(4))
    world.battery["r1"] = True
    world.run(65)
    world.battery["r1"] = False
    world.run(3 * 3600)
    world = make_world(before=world)
    world.run(600)
    world.cut(1)
    world.run(300)
    world.store.flush()
    assert len(world.reader.spans(Subject("supply", "r1"), T0, world.now)) > 2
    assert not list(_held("r1", "s1", world.reader, world.now)), "it fell silent after three hours, not ten minutes"


# --- reasons ----------------------------------------------------------------------------------------------------------


def outages(world, kind, name):
    world.store.flush()
    return [(each.cause_class, each.incident) for each in world.reader.outages(Subject(kind, name))]


def test_another_reason_of_an_incident_leaves_the_outages_of_other_incidents_alone(make_world):
    """A router of a cut cable comes back and dies by itself: what is found of the cable later says nothing of that."""
    world = make_world(province(8))
    world.cut(0, 1, 2, 3)
    world.run(120)
    world.splice(1)
    world.run(90)
    world.dead |= {"r1"}
    world.run(120)
    first, second = world.going_on()
    for kind, name in (("device", "r1"), ("link", "f1"), ("site", "s1")):
        assert [incident for _, incident in outages(world, kind, name)] == [first.id, second.id]
    own = outages(world, "device", "r1")[1]
    another = CauseClass.POWER if first.cause is not CauseClass.POWER else CauseClass.FIBRE
    world.incidents._incidents[first.id] = replace(first, cause=another)
    world.incidents._reasons.tell(world.incidents.known(first.id), first, set(), keeper.Graph(world.incidents.picture))
    for kind, name in (("device", "r1"), ("link", "f1"), ("site", "s1")):
        assert outages(world, kind, name)[0] == (another, first.id), "what is its own takes it, also where it is over"
        assert outages(world, kind, name)[1][1] == second.id
    assert outages(world, "device", "r1")[1] == own


def test_a_device_that_was_merely_unreachable_is_so_by_its_upstream_within_the_incident(make_world):
    """Whatever the incident came of; its commune is lost by that."""
    world = make_world(province(4, srlg=lambda n, cable: ()))
    world.dead |= {"core", "r0", "r1", "r2", "r3"}
    world.run(120)
    (incident,) = world.going_on()
    assert incident.root == Subject("device", "core")
    assert outages(world, "device", "core") == [(incident.cause, incident.id)]
    assert outages(world, "device", "r1") == [("upstream", incident.id)]
    assert outages(world, "site", "s1") == [(incident.cause, incident.id)]
    statement = "SELECT root FROM outage o JOIN subject s ON s.id = subject WHERE s.name = 'r1'"
    assert world.reader._rows(statement) == [("device:core",)]
    graph = keeper.Graph(world.incidents.picture)
    world.incidents._reasons.tell(replace(incident, cause=CauseClass.POWER), incident, set(), graph)
    assert outages(world, "device", "core") == [("power", incident.id)]
    assert outages(world, "device", "r1") == [("upstream", incident.id)]
    assert outages(world, "site", "s1") == [("power", incident.id)]


# --- numbers, rows, the clock, the cost -------------------------------------------------------------------------------


def test_no_number_is_given_twice_also_when_the_last_ones_were_never_written(make_world):
    world = make_world(province(4))
    world.cut(2)
    world.run(60)
    (first,) = world.going_on()
    opened = world.incidents.open(Subject("site", "s1"), "04", CauseClass.UNKNOWN, "mất", "lan")
    world = make_world(before=world)
    assert world.incidents._new_id(world.now) == f"{opened.id[:-4]}0003", "a stop in order leaves none out"
    lost = world.incidents._new_id(world.now)  # shown, and killed before the commit
    world = killed(world)
    try:
        anew = world.incidents._new_id(world.now)
        assert anew > lost > opened.id > first.id
    finally:
        world.close()


def test_an_incident_that_only_grew_is_written_with_the_line_that_says_so_and_at_a_stop(make_world, monkeypatch):
    world, rows = make_world(province(8)), []
    put = world.store.put_incident
    monkeypatch.setattr(world.store, "put_incident", lambda one: (rows.append((world.now, one)), put(one)))
    world.cut(0, 1, 2, 3)
    world.run(90)
    rows.clear()
    for n in (4, 5, 6):
        world.cut(n)
        world.run(15)
    incident = world.going_on()[0]
    assert len(incident.ever) > 8
    facts = {(one.root, one.cause) for _, one in rows}
    assert len(rows) <= len(facts), "not at each step"
    world.run(75)
    assert Verb.GREW in world.verbs(incident.id)
    assert world.reader.incident(incident.id) == world.going_on()[0]
    world.splice(4)
    world.run(30)
    fewer = world.going_on()
    world = make_world(before=world)
    assert world.reader.incidents(going_on=True)[::-1] == fewer


def test_the_clock_goes_back_and_no_incident_began_or_ended_in_the_future(make_world):
    world = make_world(province(4))
    world.run(3_700)
    world.cut(1)
    world.run(90)
    world.cut(3)
    world.run(60)
    world.splice(3)
    world.run(60)
    world.store.flush()
    world.step_clock(-3_600)
    world.run(60)
    assert all(one.since <= world.now for one in world.going_on())
    world.store.flush()
    assert all(max(one.since, one.until or 0.0) <= world.now for one in world.reader.incidents())
    world.splice(1)
    world.run(120)
    world.store.flush()
    assert all(0 <= (one.until or world.now) - one.since < 3_600 for one in world.reader.incidents())


def test_a_look_that_took_long_is_followed_by_a_rest_of_ten_times_its_cost_and_never_above_five_seconds(
    make_world, monkeypatch
):
    world, looks = make_world(province(4)), []
    spent, costs = [0.0], [0.0]
    monkeypatch.setattr(keeper, "thread_time", lambda: spent[0])
    look = world.incidents._look

    def dear(now):
        looks.append(now)
        look(now)
        spent[0] += costs[0]

    monkeypatch.setattr(world.incidents, "_look", dear)
    for costs[0], rest in ((0.0, 0.5), (0.2, 2.0), (3.0, 5.0)):
        world.run(10)
        looks.clear()
        for _ in range(40):
            world.incidents.touch()
            world.run(0.5)
        assert {round(after - before, 3) for before, after in pairwise(looks)} == {rest}


def test_who_acknowledged_is_told_alike_by_the_keeper_and_by_the_store(make_world):
    world = make_world(province(4))
    world.cut(2)
    world.run(60)
    (incident,) = world.going_on()
    told = world.incidents.act(incident, "ack", "", "noc", "Lan")
    world.store.flush()
    assert told.acknowledged == world.reader.incident(incident.id).acknowledged == "noc (Lan)" == signed("noc", "Lan")
    assert signed("noc", "") == "noc"


def test_what_fell_before_the_clock_went_back_and_is_found_after_it_begins_by_then(make_world):
    world = make_world(province(4))
    world.dark |= {Port("core", "x1"), Port("r1", "ge0")}
    world.incidents._rests_until = world.incidents._next = world.now + 3_600
    world.run(60, until=lambda: str(world.network.links["f1"].state) == "down")
    assert not world.going_on()
    world.step_clock(-600)
    world.run(0.5)
    (incident,) = world.going_on()
    assert (incident.root, incident.since) == (Subject("link", "f1"), world.now)
