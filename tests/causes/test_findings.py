"""Why something fell: the order of reasoning, and the clues that stand behind each conclusion."""

import pytest

from netmon.causes.findings import find
from netmon.causes.incidents import gather
from netmon.causes.words import CAUSES, CLUES, clue_told, told
from netmon.model import CauseClass, LinkKind, Subject
from tests.causes.places import FELL, NOW, Land, Numbers, province, works


def found(land: Land, name: str, **more) -> tuple[str, str, list[str]]:
    """Cause, root and clues of a device, or of a link where there is no such device."""
    kind = "device" if name in land.devices else "link"
    finding = find(Subject(kind, name), land.picture(), **more)
    assert all(clue_told(clue) for clue in finding.clues)
    assert all(clue.at > 0 for clue in finding.clues)
    return finding.cause.value, str(finding.root), [clue.what for clue in finding.clues]


def test_netmon_itself_comes_first_then_works_then_the_upstream():
    land = province(3).cut("f1").tell(local={"r1"}, on_battery={"s1": FELL}, windows=[works(Subject("device", "r1"))])
    assert found(land, "r1") == ("monitoring", "netmon:", ["not_asked"])
    assert found(land.tell(local=frozenset()), "r1") == ("works", "maintenance:works-1", ["works"])
    assert found(land.tell(windows=()), "r1")[0] == "power"
    behind = (
        province(3).fall("core").fall("r1", behind="core").tell(on_battery={"centre": FELL - 5}, battery_low={"s1": FELL})
    )
    assert found(behind, "r1") == ("upstream", "site:centre", ["upstream_lost"])
    assert found(behind, "core")[0] == "power"


def test_a_site_that_ran_on_battery_fell_by_power_and_both_clues_are_told():
    land = province(3).cut("f1").tell(on_battery={"s1": FELL - 3600.0}, battery_low={"s1": FELL - 60.0})
    assert found(land, "r1") == ("power", "site:s1", ["on_battery", "battery_low", "port_down"])
    assert found(land, "f1")[:2] == ("power", "site:s1")
    assert found(province(3).fall("r1").tell(gasps={"r1": FELL + 1.0}), "r1") == ("power", "site:s1", ["gasp"])
    assert found(province(3).fall("r1").tell(gasps={"r1": FELL - 9000.0}), "r1")[0] == "unknown"


def test_several_sites_of_a_commune_without_mains_have_its_mains_as_root_seen_from_each():
    land = Land().site("centre", "c0").device("core", "centre")
    for site in "abc":
        land.site(site, "c7").device(f"r{site}", site, "core")
    land.fall("ra", at=FELL).fall("rb", at=FELL + 40).tell(on_battery={"b": FELL + 10})
    assert found(land, "ra") == ("power", "commune:c7", ["area_on_battery"])
    assert found(land, "rb") == ("power", "commune:c7", ["on_battery", "fell_together"])
    land.fall("rc", at=FELL + 900)
    assert found(land, "rc")[0] == "unknown"
    assert [str(one.root) for one in gather(land.picture(), [], Numbers())[0]] == ["commune:c7", "device:rc"]


def test_batteries_in_use_are_no_reason_where_a_cable_of_several_communes_went_at_once():
    land = province(4, cable=4).cut("f0", "f1", "f2", "f3").tell(on_battery={f"s{n}": FELL - 7200.0 for n in range(4)})
    cause, root, clues = found(land, "r2")
    assert (cause, root) == ("fibre", "cable:q0")
    assert set(clues) == {"cable_link_down", "on_battery"}
    blackout = land.tell(on_battery={f"s{n}": FELL - 20.0 for n in range(4)})
    assert found(blackout, "r2")[:2] == ("power", "site:s2")


@pytest.mark.parametrize(
    ("change", "root"),
    [
        (lambda land: land, "cable:q0"),
        (lambda land: land.back("f3", "r3"), "link:f0"),
        (lambda land: land.cut("f1", "f2", "f3", at=FELL - 5000.0), "link:f0"),
        (lambda land: land.cut("f1", at=FELL - 100.0).cut("f2", at=FELL - 200.0).cut("f3", at=FELL - 900.0), "cable:q0"),
    ],
    ids=["all", "one of it is up", "the others fell long before", "each fell soon after another"],
)
def test_a_cable_is_cut_when_several_of_it_went_together_and_none_is_up(change, root):
    land = change(province(4, cable=4).cut("f0", "f1", "f2", "f3"))
    if "f3" in land.link_states and land.link_states["f3"].state == "up":
        land.back("f2", "r2")  # two that are left, for three would have their parent as root
    assert found(land, "f0")[:2] == ("fibre", root)
    assert found(land, "r0")[:2] == ("fibre", root)


def test_a_port_that_is_down_says_fibre_of_a_fibre_and_equipment_of_a_radio():
    land = province(2).cut("f1")
    assert found(land, "r1") == ("fibre", "link:f1", ["port_down"])
    assert found(province(2).fall("r1", "f1").tell(dark={"f1": FELL}), "r1") == ("fibre", "link:f1", ["no_light"])
    for kind, cause in ((LinkKind.MICROWAVE, "equipment"), (LinkKind.LTE, "unknown")):
        radio = province(2).link("f1", "s1", near="r1:wan", far="core:Gi0/1/1", kind=kind).cut("f1")
        assert found(radio, "r1")[:2] == (cause, "link:f1")


def test_a_silent_device_below_a_port_that_is_up_has_failed_and_one_below_a_port_that_tells_nothing_is_unknown():
    land = province(2).fall("r1", "f1")
    assert found(land, "r1") == ("unknown", "device:r1", ["silent"])
    land.tell(ports={land.links["f1"].far: True})
    assert found(land, "r1") == ("equipment", "device:r1", ["silent", "port_up"])
    assert found(land, "f1") == found(land, "r1")


def test_a_port_that_went_down_long_before_is_no_reason():
    land = province(2, backup=True).cut("f1", at=FELL - 9000.0).fall("r1", "b1")
    assert found(land, "r1")[0] == "unknown"


@pytest.mark.parametrize(("fell", "root"), [(2, "device:r0"), (3, "device:core")])
def test_three_children_of_a_live_parent_have_it_as_root(fell, root):
    land = province(6).fall(*[f"r{n}" for n in range(fell)])
    assert found(land, "r0")[:2] == ("unknown", root)
    assert found(land, "r1")[1] == root.replace("r0", "r1")
    spread = province(6)
    for n in range(3):
        spread.fall(f"r{n}", at=FELL + 100.0 * n)
    assert found(spread, "r0")[1] == "device:r0"


def test_a_whole_board_of_the_parent_that_went_down_is_its_equipment():
    land = province(6)
    for n in range(6):
        board = 1 if n < 4 else 2
        land.link(f"f{n}", f"s{n}", near=f"r{n}:wan", far=f"core:Gi0/{board}/{n}")
    land.cut("f0", "f1", "f2")
    assert found(land, "r0") == ("unknown", "device:core", ["several_children"])
    land.cut("f3")
    assert found(land, "r0") == ("equipment", "device:core", ["several_children", "board_down"])
    assert {str(one.root) for one in gather(land.picture(), [], Numbers())[0]} == {"device:core"}


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({}, "unknown"),
        ({"started": {"r1": FELL + 300.0}}, "equipment"),
        ({"started": {"r1": FELL + 300.0}, "gasps": {"r1": FELL + 300.0}}, "power"),
        ({"started": {"r1": FELL + 300.0}, "on_battery": {"s1": FELL - 600.0}}, "power"),
        ({"started": {"r1": FELL - 8000.0}}, "fibre"),
        ({"started": {"r1": FELL - 8000.0}, "on_battery": {"s1": FELL - 600.0}}, "fibre"),
    ],
)
def test_once_it_is_back_its_start_tells_whether_it_was_cut_off(facts, cause):
    land = province(2).fall("r1").tell(**({k: v for k, v in facts.items() if k == "on_battery"}))
    standing, _ = gather(land.picture(), [], Numbers())
    land.back("r1").tell(**facts)
    assert found(land, "r1", fell=FELL)[0] == cause
    (over,), steps = gather(land.picture(NOW + 60), standing, Numbers())
    assert over.cause.value == cause
    assert [step.verb for step in steps] == ["found"] * (standing[0].cause != over.cause) + ["restored"]


def test_loops_of_upstreams_end_and_blame_nobody_twice():
    land = Land().site("a", "c1").device("x", "a", "y").device("y", "a", "x").device("z", "a", "y")
    land.fall("x", behind="y").fall("y", behind="x").fall("z", behind="y")
    assert {found(land, name)[1] for name in "xyz"} == {"device:x", "device:y", "device:z"}


def test_every_cause_and_clue_is_said_in_both_languages():
    assert set(CAUSES) == set(CauseClass)
    for vi, en in (*CAUSES.values(), *CLUES.values()):
        assert vi
        assert en.isascii()
    finding = find(Subject("device", "r1"), province(2).cut("f1").picture())
    assert told(finding, lambda subject: "Hưng Đạo") == ("Tuyến Hưng Đạo đứt cáp", "Link Hưng Đạo cut")
