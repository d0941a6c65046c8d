"""Incidents from polls, as the store, the book and the page tell them."""

from dataclasses import replace

from structlog.testing import capture_logs

from netmon.model import (
    CauseClass,
    Port,
    Subject,
    Verb,
)
from tests.running import province, two_in_a_cable


def test_one_cut_cable_is_one_incident_and_its_communes_page(make_world):
    """Eight communes without backup lose their fibre at once."""
    world = make_world()
    assert not world.going_on()
    world.cut(*range(8))
    with capture_logs() as logs:
        world.run(60)
    (incident,) = world.going_on()
    assert (incident.root, incident.cause, len(incident.impact.isolated)) == (Subject("cable", "QL3"), CauseClass.FIBRE, 8)
    assert {member.id for member in incident.members} == {f"{kind}{n}" for kind in "rf" for n in range(8)}
    assert world.paging()["QL3"] == 0, "each commune pages that it is isolated"
    for n in range(8):
        assert world.explained("device", f"r{n}") >= {"site", "incident"}
        assert world.explained("link", f"f{n}") >= {"site", "device"}
        assert world.explained("site", f"s{n}") == set(), "nothing explains that a commune is isolated"
    lines = [line for line in logs if line["event"].startswith("incident ")]
    assert len(lines) <= 3, "not a line a member"
    assert sum(line["event"] == "incident opened" for line in lines) == 1
    world.run(60)
    assert world.verbs(incident.id).count(Verb.GREW) == 1
    lines = [entry for entry in world.reader.entries(incident.id) if entry.verb is Verb.GREW]
    assert lines[0].text.startswith("thêm 8: ")
    world.store.flush()
    (kept,) = world.reader.incidents(going_on=True)
    assert kept == incident
    for subject in [*incident.members, *(Subject("site", f"s{n}") for n in range(8))]:
        (outage,) = world.reader.outages(subject)
        assert (outage.end, outage.cause_class, outage.incident) == (None, "fibre", incident.id), subject
    world.splice(*range(8))
    world.run(60)
    assert not world.going_on()
    assert world.verbs(incident.id)[-1] is Verb.RESTORED
    assert world.paging() == {"QL3": 0}


def test_a_core_with_56_communes_is_one_incident_and_what_is_still_dark_after_the_repair_pages(make_world):
    world = make_world(province(56, srlg=lambda n, cable: ()))
    everything = {f"r{n}" for n in range(56)} | {"core"}
    world.dead |= everything
    world.run(75)
    (incident,) = world.going_on()
    assert incident.root == Subject("device", "core")
    assert world.explained("device", "core") == set(), "the core pages"
    states = [str(world.network.tracks[f"r{n}"].state) for n in range(56)]
    assert states == ["unreachable"] * 56
    assert all("upstream" in world.explained("device", f"r{n}") for n in range(56))
    assert world.paging()["core"] == 0
    world.store.flush()
    assert {world.reader.outages(Subject("device", f"r{n}"))[0].incident for n in range(56)} == {incident.id}
    world.dead -= everything - {"r7", "r30"}
    world.run(75)
    over = world.reader.incident(incident.id)
    assert over is not None
    roots = {one.root for one in world.going_on()}
    assert len(roots) == 2
    assert incident.id not in {one.id for one in world.going_on()}
    for n in (7, 30):
        assert "upstream" not in world.explained("device", f"r{n}")
        assert world.explained("device", f"r{n}") <= {"site"}, "its commune is isolated and pages"
        assert world.explained("site", f"s{n}") == set()


def test_while_netmon_is_cut_off_incidents_stand_and_nothing_new_is_left_to_page(make_world):
    world = make_world()
    world.cut(2)
    world.run(150)
    (incident,) = world.going_on()
    verbs = world.verbs(incident.id)
    lost, world.dead = world.dead, set(world.things.devices)
    world.run(120)
    assert world.network.isolated_since
    assert world.going_on() == [incident]
    assert world.explained("device", "r2") >= {"self"}
    assert world.explained("device", "r3") == {"self"}
    assert world.explained("link", "f2") == {"self"}, "it was down before, and nothing else speaks for it now"
    assert world.paging() == {"f2": 0}
    world.dead = lost
    world.run(120)
    assert not world.network.isolated_since
    assert [(one.id, one.root, one.members) for one in world.going_on()] == [(incident.id, incident.root, incident.members)]
    assert world.verbs(incident.id) == verbs
    assert not world.incidents._flapping


def test_what_falls_again_within_a_quarter_of_an_hour_reopens_its_incident_and_its_outage_is_explained(make_world):
    world = make_world()
    world.cut(2)
    world.run(60)
    (incident,) = world.going_on()
    world.splice(2)
    world.run(60)
    assert not world.going_on()
    world.cut(2)
    world.run(60)
    (relapsed,) = world.going_on()
    assert (relapsed.id, relapsed.until) == (incident.id, None)
    assert Verb.RELAPSED in world.verbs(incident.id)
    world.store.flush()
    for kind, name in (("device", "r2"), ("link", "f2"), ("site", "s2")):
        assert [outage.incident for outage in world.reader.outages(Subject(kind, name))] == [incident.id] * 2
    world.splice(2)
    world.run(60 + 16 * 60)
    assert world.incidents.known(incident.id) is None
    world.cut(2)
    world.run(60)
    (other,) = world.going_on()
    assert other.id != incident.id


def test_what_a_person_opened_lasts_until_a_person_closes_it_and_hides_nothing(make_world):
    """Also beside netmon's own incident of the same root, which pages."""
    world = make_world(province(8, backup=True))
    opened = world.incidents.open(Subject("cable", "QL3"), "04", CauseClass.FIBRE, "xe múc đào trúng cáp", "lan")
    world.dark |= {Port("core", f"x{n}") for n in range(8)} | {Port(f"r{n}", "ge0") for n in range(8)}
    world.run(60)
    assert len(world.going_on()) == 2
    assert world.paging() == {"QL3": 1}, "all on backup: the cable pages"
    assert world.explained("site", "s3") == {"incident"}
    world.dark.clear()
    world.run(60)
    assert [one.id for one in world.going_on()] == [opened.id]
    assert world.paging() == {"QL3": 0}
    closed = world.incidents.act(opened, "close", "", "lan")
    assert closed.until == world.now
    assert not world.going_on()
    world.incidents.act(closed, "reopen", "", "lan")
    assert [one.id for one in world.going_on()] == [opened.id]
    world.store.flush()
    assert world.reader.incident(opened.id).until is None


def test_incidents_that_are_over_say_so_for_an_hour_and_then_leave(make_world):
    world = make_world(two_in_a_cable())
    world.cut(1, 2)
    world.run(60)
    assert world.told()['netmon_incident_members{province="04",root_kind="cable",root="QL3"}'] == 4
    world.splice(1, 2)
    world.run(60)
    gone = {name: value for name, value in world.told().items() if name.startswith("netmon_incident")}
    assert len(gone) == 2
    assert set(gone.values()) == {0}
    world.now += 3500
    world.pipeline.tick(world.now)
    assert world.paging() == {"QL3": 0}
    world.now += 200
    world.pipeline.tick(world.now)
    assert not [name for name in world.told() if name.startswith("netmon_incident")]


def test_an_incident_with_another_root_leaves_nothing_that_pages_under_the_one_before(make_world):
    """Fibres of one cable fall one by one: what is told of the first alone does not stay on the page as if it went on."""
    world = make_world(province(4, backup=True))
    for n in range(4):
        world.dark |= {Port("core", f"x{n}"), Port(f"r{n}", "ge0")}
        world.run(20)
        told = world.told()
        going_on = {f'root="{one.root.id}"' for one in world.going_on()}
        for name, value in told.items():
            if name.startswith(("netmon_incident_paging", "netmon_incident_members")) and value:
                assert any(root in name for root in going_on), name
    world.run(40)
    (incident,) = world.going_on()
    assert incident.root == Subject("cable", "QL3")


def test_what_is_lost_has_an_explicit_zero_of_all_that_could_explain_it(make_world):
    """A series that merely vanished would mute for a quarter of an hour; one that returns is not born muted."""
    world = make_world(province(3, srlg=lambda n, cable: ()))
    world.dead |= {"core", "r0", "r1", "r2"}
    world.run(70)
    assert world.explained("device", "r0") == {"upstream"}
    world.dead -= {"core", "r1", "r2"}
    lost = 0
    for _ in range(400):
        world.run(0.5)
        told = world.told()
        for device, track in world.network.tracks.items():
            if track.shown_up is False:
                lost += 1
                mine = [s for s in told if s.startswith("netmon_device_explained") and f'device="{device}"' in s]
                assert len(mine) == 6, device
        for link, stands in world.network.links.items():
            if stands.last_known == "down":
                mine = [s for s in told if s.startswith("netmon_link_explained") and f'link="{link}"' in s]
                assert len(mine) == 6, link
    assert lost > 100
    assert world.explained("device", "r0") == {"site"}
    world.dead.clear()
    world.run(60)
    world.dark |= {Port("core", "x0")}
    world.dead |= {"r0"}
    world.run(60, until=lambda: str(world.network.tracks["r0"].state) == "down")
    assert "upstream" not in world.explained("device", "r0")


def test_a_link_that_was_down_begins_to_page_nowhere_when_its_witnesses_fall_silent(make_world):
    """The core falls while a commune is isolated: its link is not known any more, and goes on being explained."""
    world = make_world(province(3, srlg=lambda n, cable: ()))
    world.dark |= {Port("core", "x1"), Port("r1", "ge0")}
    world.run(60)
    assert world.explained("link", "f1") == {"site"}
    world.dead |= {"core", "r0", "r1", "r2"}
    world.run(90)
    assert str(world.network.links["f1"].state) == "unknown"
    assert world.explained("link", "f1") == {"device"}


def test_a_link_that_flaps_is_one_incident_and_is_told_as_flapping_until_it_is_calm(make_world):
    world = make_world(province(3, backup=True))
    down = {Port("core", "x1"), Port("r1", "ge0")}
    flapping = 'netmon_link_flapping{province="04",commune="01301",site="s1",link="f1"}'
    with capture_logs() as logs:
        for n in range(6):
            world.dark |= down
            world.run(40)
            assert (world.told().get(flapping) == 1) is (n >= 2), n
            world.dark -= down
            world.run(40)
    assert [line["event"] for line in logs].count("link flaps") == 1
    world.store.flush()
    (incident,) = world.reader.incidents()
    verbs = world.verbs(incident.id)
    assert verbs.count(Verb.OPENED) == 1
    assert verbs.count(Verb.RELAPSED) == 5
    world.run(3700)
    assert world.told()[flapping] == 0
    moved = dict(world.things.sites) | {"s1": replace(world.things.sites["s1"], commune="01309")}
    world.reload(replace(world.things, sites=moved))
    world.run(1)
    assert [s for s in world.told() if s.startswith("netmon_link_flapping")] == [flapping.replace("01301", "01309")]
    world.now += 4 * 3600
    world.pipeline.tick(world.now)
    assert flapping not in world.told()
