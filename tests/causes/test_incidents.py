"""What falls together is one incident, keeps its number while it lasts, and pages once where it must."""

from dataclasses import replace

import pytest

from netmon.causes.explained import explanations, pages
from netmon.causes.incidents import gather
from netmon.causes.words import impact_told
from netmon.model import CauseClass, SiteKind, Subject
from tests.causes.places import FELL, NOW, Land, Numbers, province, roots, storm, works


def paging(land: Land, standing=()) -> set[str]:
    """What pages, by the rules of the alerts: isolated communes, backups, devices, primary links, incidents."""
    picture = land.picture()
    incidents = gather(picture, standing, Numbers())[0]
    said = explanations(picture, incidents)
    alerts = {f"incident {one.root}" for one in incidents if pages(one, picture)}
    for site, told in picture.sites_stand.items():
        committee = picture.sites[site].kind is SiteKind.PEOPLES_COMMITTEE
        if committee and told.state in ("isolated", "on_backup") and Subject("site", site) not in said:
            alerts.add(f"{told.state} {site}")
    lost = [("device", name, told.state) for name, told in picture.devices_stand.items()]
    lost += [("link", name, told.state) for name, told in picture.links_stand.items()]
    alerts |= {
        f"{kind} {name}"
        for kind, name, state in lost
        if state in ("down", "unreachable") and Subject(kind, name) not in said
        if kind == "device" or picture.links[name].role == "primary"
    }
    return alerts


def test_a_cut_cable_with_communes_that_have_no_backup_pages_their_isolation_and_nothing_else():
    land = province(16, cable=8).cut(*[f"f{n}" for n in range(8)]).service("isolated", *[f"s{n}" for n in range(8)])
    assert paging(land) == {f"isolated s{n}" for n in range(8)}
    (one,), (step,) = gather(land.picture(), [], Numbers())
    assert (one.root, one.cause, one.since) == (Subject("cable", "q0"), CauseClass.FIBRE, FELL)
    assert one.impact.isolated == tuple(f"c{n}" for n in range(8))
    assert step.text == "Cáp q0 đứt: 8 xã / Cable q0 cut: 8 communes"
    hit = {"isolated": 8, "on_backup": 0, "service_centres": 1, "stations": 2}
    assert impact_told(hit).en == "8 communes isolated, 1 service centre cut off, 2 BTS cut off"
    assert impact_told(hit).vi == "8 xã bị cô lập, 1 trung tâm phục vụ bị mất, 2 trạm BTS bị mất"
    assert impact_told(dict.fromkeys(hit, 0)) == ("", "")


def test_a_cut_cable_with_backups_pages_as_one_incident():
    land = province(16, cable=8, backup=True).cut(*[f"f{n}" for n in range(8)])
    land.service("on_backup", *[f"s{n}" for n in range(8)])
    assert not any(name in land.device_states for name in land.devices)
    assert paging(land) == {"incident cable:q0"}


def test_one_link_on_its_backup_pages_as_its_commune():
    land = province(4, backup=True).cut("f1").service("on_backup", "s1")
    assert paging(land) == {"on_backup s1"}


def test_a_dead_core_with_56_communes_behind_it_is_one_page_and_what_is_still_dark_afterwards_pages():
    number = Numbers()
    land = province(56).fall("core").fall(*[f"r{n}" for n in range(56)], behind="core")
    land.service("unreachable", *[f"s{n}" for n in range(56)])
    for n in range(56):
        land.link_states[f"f{n}"] = land.site_states[f"s{n}"]._replace(state="unknown")
    assert paging(land) == {"device core"}
    standing, _ = gather(land.picture(), [], number)
    assert roots(standing) == {"device:core": 57}
    # the core is back, and what was behind it is asked anew: nothing is said of it before it was
    land.back("core", at=NOW + 5)
    land.told["upstream_of"] = {}
    held, steps = gather(land.picture(NOW + 10), standing, number)
    assert (roots(held), steps) == ({"device:core": 56}, [])
    assert explanations(land.picture(NOW + 10), held)[Subject("device", "r9")] == {"upstream"}
    # 54 answer, two do not
    land.back(*[f"r{n}" for n in range(54)], *[f"f{n}" for n in range(56)], at=NOW + 8)
    land.service("up", *[f"s{n}" for n in range(56)]).fall("r54", "r55", at=NOW + 8)
    after, steps = gather(land.picture(NOW + 20), held, number)
    assert roots(after) == {"device:r54": 1, "device:r55": 1}
    assert sorted(step.verb for step in steps) == ["opened", "opened", "restored"]
    assert paging(land, held) == {"device r54", "device r55"}


def test_falls_that_turn_out_to_be_a_cable_become_the_earliest_of_their_incidents():
    number = Numbers()
    land = province(8, cable=8).fall("r3", at=FELL)
    first, _ = gather(land.picture(), [], number)
    land.fall("r5", at=FELL + 30)
    second, _ = gather(land.picture(), first, number)
    assert roots(second) == {"device:r3": 1, "device:r5": 1}
    for n in range(8):
        land.cut(f"f{n}", at=FELL + 2)
    merged, steps = gather(land.picture(), second, number)
    cable, part = merged
    assert (cable.id, str(cable.root), cable.until, len(cable.members)) == (first[0].id, "cable:q0", None, 16)
    assert (part.until, part.members, part.ever) == (NOW, (), (Subject("device", "r5"),))
    assert [(step.verb, step.incident.id) for step in steps] == [
        ("found", cable.id), ("grew", cable.id), ("restored", part.id)]  # fmt: skip
    assert cable.id in steps[-1].text
    # it is spliced fibre by fibre, and stays what it is
    land.back("f0", "r0", "f1", "r1", "f2", "r2")
    spliced, steps = gather(land.picture(NOW + 100), [cable], number)
    assert ([str(one.root) for one in spliced], spliced[0].cause, steps) == (["cable:q0"], CauseClass.FIBRE, [])
    land.back(*land.devices, *land.links)
    (over,), steps = gather(land.picture(NOW + 200), spliced, number)
    assert (over.until, over.members, [step.verb for step in steps]) == (NOW + 200, (), ["restored"])


@pytest.mark.parametrize(("pause", "verb", "number_of"), [(600.0, "relapsed", "0001"), (1000.0, "opened", "0002")])
def test_what_falls_again_soon_reopens_its_incident(pause, verb, number_of):
    number = Numbers()
    land = province(8, cable=8).cut(*[f"f{n}" for n in range(8)])
    standing, _ = gather(land.picture(), [], number)
    land.back(*land.devices, *land.links)
    ended, _ = gather(land.picture(NOW), standing, number)
    land.cut("f3", at=NOW + pause)
    (again,), steps = gather(land.picture(NOW + pause), ended, number)
    assert (steps[0].verb, again.id, again.until) == (verb, number_of, None)
    assert (str(again.root) == "cable:q0") == (verb == "relapsed")


def test_what_a_person_wrote_stays_and_what_a_person_opened_is_left_alone():
    number = Numbers()
    land = province(4).fall("r1")
    (one,), _ = gather(land.picture(), [], number)
    written = replace(one, corrected=CauseClass.POWER, acknowledged="lan", assigned="minh")
    opened = replace(one, id="0099", root=Subject("commune", "c3"), members=(), ever=())
    land.fall("r2", at=NOW)
    now, steps = gather(land.picture(), [opened, written], number)
    assert opened in now
    assert written in now
    assert [step.verb for step in steps] == ["opened"]
    assert written.said_cause is CauseClass.POWER


def test_while_netmon_suspects_itself_all_stands_as_it_stood():
    land = province(8, cable=8).cut("f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7")
    standing, _ = gather(land.picture(), [], Numbers())
    for device in land.devices:
        land.device_states[device] = land.link_states["f0"]._replace(state="unknown")
    picture = land.picture(self_isolated=NOW)
    assert gather(picture, standing, Numbers()) == (standing, [])
    assert not pages(standing[0], picture)


def test_a_storm_folds_single_devices_and_no_isolation_and_not_the_core():
    land = province(10).tell(windows=[storm("04")]).fall("r1", at=FELL).fall("r2", at=FELL + 400).cut("f3", at=FELL + 800)
    land.service("isolated", "s3").service("on_backup", "s2")
    assert paging(land) == {"isolated s3"}
    land.fall("core", at=FELL - 300)
    assert paging(land) == {"isolated s3", "device core"}
    land.tell(windows=[storm("04", exercise=True)])
    assert {"device r1", "device r2"} <= paging(land)


def test_works_explain_what_they_are_done_on_and_nothing_beside_it():
    land = province(16, cable=8).cut("f1", at=FELL).cut("f9", at=FELL + 300).service("isolated", "s1", "s9")
    land.tell(windows=[works(Subject("link", "f1"))])
    assert paging(land) == {"isolated s9"}
    incidents, _ = gather(land.picture(), [], Numbers())
    assert roots(incidents) == {"maintenance:works-1": 2, "link:f9": 2}
    backed = province(4, backup=True).cut("f1").service("on_backup", "s1").tell(windows=[works(Subject("device", "core"))])
    assert paging(backed) == set()


def test_what_stands_on_one_cable_with_an_isolated_commune_pages_through_it():
    land = province(3, cable=3).site("mast", "c9", SiteKind.BTS).device("bts", "mast", "core")
    land.link("fm", "mast", near="bts:wan", far="core:Gi0/9/1", srlg=("q0",))
    land.cut("f0", "f1", "f2", "fm").service("isolated", "s0", "s1", "s2", "mast")
    assert paging(land) == {"isolated s0", "isolated s1", "isolated s2"}
    assert gather(land.picture(), [], Numbers())[0][0].impact.stations == ("mast",)


def test_the_device_that_an_incident_came_of_goes_on_paging_although_a_link_fell_with_it_elsewhere():
    land = province(3).link("x", "s1", far="core:Gi0/9/9").fall("core").fall("x")
    assert paging(land) == {"device core"}


def test_a_cut_link_that_takes_what_ends_behind_it_pages_as_its_incident():
    """A chain: the first router's fibre is cut, and a link that ends at that router is down at another site."""
    land = province(2).link("x", "s1", far="r0:down").cut("f0").fall("x")
    assert roots(gather(land.picture(), [], Numbers())[0]) == {"link:f0": 3}
    assert paging(land) == {"incident link:f0"}


def test_an_incident_of_an_areas_mains_stays_one_while_its_sites_come_back_one_by_one():
    land = Land().site("centre", "c0").device("core", "centre")
    for site in "abc":
        land.site(site, "c7").device(f"r{site}", site, "core").fall(f"r{site}")
    land.tell(on_battery=dict.fromkeys("abc", FELL - 900.0))
    standing, _ = gather(land.picture(), [], Numbers())
    assert roots(standing) == {"commune:c7": 3}
    land.back("ra", "rb").tell(on_battery={"c": FELL - 900.0})
    assert roots(gather(land.picture(), standing, Numbers())[0]) == {"commune:c7": 1}


def test_what_is_still_down_when_works_are_ended_has_another_root_and_pages():
    land = province(4).cut("f1").tell(windows=[works(Subject("link", "f1"))])
    standing, _ = gather(land.picture(), [], Numbers())
    land.tell(windows=[replace(works(Subject("link", "f1")), ended=NOW - 1.0)])
    (one,), steps = gather(land.picture(), standing, Numbers())
    assert (one.id, str(one.root), [step.verb for step in steps]) == ("0001", "link:f1", ["found"])
    assert paging(land, standing) == {"link f1"}


@pytest.mark.parametrize(
    "elsewhere", [works(Subject("device", "core")), works(Subject("site", "centre")), works(areas=["c9"])]
)
def test_works_where_a_link_ends_far_away_mute_no_isolation_while_the_device_there_answers(elsewhere):
    land = province(3)
    land.sites["centre"] = replace(land.sites["centre"], commune="c9")
    land.cut("f1").service("isolated", "s1").tell(windows=[elsewhere])
    assert paging(land) == {"isolated s1"}
    land.fall("core", at=FELL - 10).fall("r1", behind="core")
    assert paging(land) == set(), "the works took the device away"


def test_works_at_the_place_where_a_link_ends_far_away_do_not_explain_that_it_is_cut():
    land = province(3).site("mast", "c9", SiteKind.BTS).link("fm", "mast", far="core:Gi0/9/1").cut("fm")
    assert paging(land.tell(windows=[works(Subject("site", "centre"))])) == {"link fm"}
    assert paging(land.tell(windows=[works(Subject("device", "core"))])) == set(), "its port may be what is worked on"


def test_works_that_cut_the_mains_explain_them_although_the_service_stays_up():
    land = province(2).service("up", "s1", at=0.0).tell(on_battery={"s1": FELL}, windows=[works(Subject("site", "s1"))])
    assert explanations(land.picture(), []) == {Subject("site", "s1"): {"maintenance"}}
    land.tell(on_battery={"s1": FELL - 3600.0})
    assert explanations(land.picture(), []) == {}, "they failed before the works began"


def test_a_link_that_its_far_end_proves_cut_pages_although_netmon_cannot_ask_its_near_end():
    land = province(3).cut("f1").tell(local={"r1"})
    land.device_states["r1"] = land.link_states["f1"]._replace(state="unknown")
    assert paging(land) == {"link f1"}
    assert gather(land.picture(), [], Numbers())[0][0].cause is CauseClass.FIBRE


@pytest.mark.parametrize("service", ["unknown", "unreachable"])
def test_a_storm_folds_nothing_by_which_a_commune_may_be_dark_though_nothing_proves_it_isolated(service):
    land = province(3).tell(windows=[storm("04")]).service(service, "s1").fall("r1")
    assert paging(land) == {"device r1"}
    assert paging(province(3).tell(windows=[storm("04")]).cut("f1").service(service, "s1")) == {"link f1"}, "one page"
    behind = province(3).tell(windows=[storm("04")]).site("mast", "c1", SiteKind.BTS).device("relay", "mast", "core")
    behind.device("r1", "s1", "relay").fall("relay").fall("r1", behind="relay").service(service, "s1")
    assert paging(behind) == {"device relay"}
    by_link = province(3).tell(windows=[storm("04")]).site("mast", "c1", SiteKind.BTS).device("relay", "mast", "core")
    by_link.link("f1", "s1", far="relay:1").service(service, "s1").fall("relay")
    assert paging(by_link) == {"device relay"}


def test_a_storm_does_not_fold_a_mast_from_which_a_link_leads_to_another_commune():
    land = (
        province(3)
        .tell(windows=[storm("04")])
        .site("mast", "c9", SiteKind.BTS)
        .device("relay", "mast", "core")
        .fall("relay")
    )
    assert paging(land) == set()
    assert paging(land.link("x2", "s2", far="relay:1")) == {"device relay"}
    land.link("x2", "s2")
    land.links["x2"] = replace(land.links["x2"], upstream_site="mast")
    assert paging(land) == {"device relay"}


def test_a_link_that_lost_its_witnesses_by_a_reload_is_back_for_its_incident():
    land = province(2).link("x", "s1", far="core:Gi0/9/9").fall("x")
    standing, _ = gather(land.picture(), [], Numbers())
    land.link("x", "s1").link_states["x"] = land.link_states["x"]._replace(state="unknown")
    (over,), (step,) = gather(land.picture(NOW + 60), standing, Numbers())
    assert (over.until, step.verb) == (NOW + 60, "restored")


def test_an_incident_never_ends_before_it_began():
    standing, _ = gather(province(2).fall("r1").picture(), [], Numbers())
    (over,), _ = gather(province(2).picture(FELL - 30.0), standing, Numbers())
    assert over.until == over.since == FELL


@pytest.mark.parametrize(("corrected", "verb"), [(CauseClass.FIBRE, "opened"), (CauseClass.EQUIPMENT, "relapsed")])
def test_what_a_person_put_down_to_a_cause_is_not_reopened_for_another(corrected, verb):
    land, number = province(2).cut("f1"), Numbers()
    (one,), _ = gather(land.picture(), [], number)
    (over,), _ = gather(land.back("f1", "r1").picture(), [replace(one, corrected=corrected)], number)
    land.fall("r1", at=NOW + 60)
    _, steps = gather(land.picture(NOW + 60), [over], number)
    assert steps[0].verb == verb


@pytest.mark.parametrize(("started", "cause"), [(FELL - 9e5, CauseClass.FIBRE), (FELL + 60.0, CauseClass.EQUIPMENT)])
def test_a_fibre_whose_port_was_back_before_its_device_was_asked_is_a_fibre_in_hindsight(started, cause):
    land, number = province(2).cut("f1"), Numbers()
    standing, _ = gather(land.picture(), [], number)
    land.told["ports"] = dict.fromkeys(land.told["ports"], True)
    spliced, _ = gather(land.picture(), standing, number)
    assert spliced[0].cause is CauseClass.EQUIPMENT, "the port is up and the device silent"
    assert gather(land.picture(), spliced, number) == (spliced, [])
    (over,), _ = gather(land.back("f1", "r1").tell(started={"r1": started}).picture(NOW + 30), spliced, number)
    assert over.cause is cause
    hung = province(2).fall("r1", "f1").tell(ports=land.told["ports"])
    standing, _ = gather(hung.picture(), [], number)
    (over,), _ = gather(hung.back("f1", "r1").tell(started={"r1": FELL - 9e5}).picture(), standing, number)
    assert over.cause is CauseClass.EQUIPMENT, "its port was up all the while: nothing was cut"
