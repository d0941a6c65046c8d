"""What the wallboard is told, from made networks whose states polls alone have made."""

import json
from dataclasses import replace
from datetime import date

import pytest

from netmon.darkness import Ends
from netmon.model import Device, Standing, Subject, Verdict, Window
from netmon.targets.definitions import Availability, BasisKind, Loss, PercentileUtilisation, Pooled, Redundancy, Share
from netmon.units import Register, Unit
from netmon.wallboard import ROWS_AT_MOST, wallboard
from tests.test_network import T0, World, province

TITLES = {"title_vi": "Độ sẵn sàng", "title_en": "Availability", "basis": "", "basis_kind": BasisKind.LOCAL}
TARGETS = (
    PercentileUtilisation(id="p95", limit=0.9, **TITLES),
    Availability(id="up", limit=0.995, **TITLES),
    Share(id="all", limit=1.0, of="p95", **TITLES),
)


def unit(code, parent="04", **over):
    fields = {"code": code, "name": f"Xã {code}", "name_en": f"{code} Commune", "kind": "xa", "parent": parent}
    fields |= {"valid_from": date(2025, 7, 1), "valid_to": None, "latitude": 22.5, "longitude": 106.0}
    return Unit(**fields | over)


def register(communes=6):
    return Register([unit("04", "", kind="tinh"), *(unit(f"0{1300 + n}") for n in range(communes))])


def told(world, **over):
    """The whole board."""
    facts = wallboard(
        **{
            "network": world.network,
            "verdicts": (),
            "targets": TARGETS,
            "register": register(),
            "provinces": ("04",),
            "scope": {},
            "on_battery": {},
            "ready": True,
            "now": world.now,
            "version": "0",
            "connections": {},
            **over,
        }
    )
    return json.loads(json.dumps(facts, allow_nan=False))


def board(world, **over):
    return told(world, **over)["provinces"][0]


def commune(world, code, **over):
    return next(row for row in board(world, **over)["communes"] if row["code"] == code)


@pytest.fixture
def world():
    return World(province()).run(60)


def test_a_calm_province_has_a_row_a_commune_and_none_a_device(world):
    facts = board(world)
    assert [row["code"] for row in facts["communes"]] == [f"0{1300 + n}" for n in range(6)]
    assert {row["state"] for row in facts["communes"]} == {"up"}
    assert facts["devices"] == {"up": 14, "suspect": 0, "down": 0, "unreachable": 0, "unknown": 0}
    for kind in ("cut_off", "on_backup", "down", "on_battery"):
        assert facts[kind] == {"total": 0, "rows": []}
    first = facts["communes"][0]
    assert first["since"] >= T0
    assert first["devices"] == {"total": 2, "down": 0, "unknown": 0}
    assert first["verdict"] is None


def test_a_dead_router_isolates_its_commune_and_folds_what_is_behind_it(world):
    fell = world.now
    world.dead = {"r1", "p1"}
    facts = board(world.run(90))
    (cut,) = facts["cut_off"]["rows"]
    assert (cut["state"], cut["count"], cut["sites"][0]["commune"]) == ("isolated", 1, "01301")
    assert [link["kind"] for link in cut["links"]] == ["fibre", "lte"]
    assert fell <= cut["since"] <= fell + 30
    (down,) = facts["down"]["rows"]
    assert (down["device"]["device"], down["state"], down["count"], down["behind"]) == ("r1", "down", 2, 1)
    assert facts["down"]["total"] == 2
    assert commune(world, "01301")["state"] == "isolated"
    assert commune(world, "01301")["devices"] == {"total": 2, "down": 2, "unknown": 0}


def test_one_dead_router_at_the_centre_is_one_row_of_each_list(world):
    world.dead = set(world.inventory.devices) - {"gw"}
    facts = board(world.run(200))
    (cut,) = facts["cut_off"]["rows"]
    assert (cut["state"], cut["count"], len(cut["sites"])) == ("unreachable", 6, 6)
    assert cut["cause"] == {
        "device": "core", "site": "centre", "name": "Centre", "kind": "provincial_centre", "commune": "01273"
    }  # fmt: skip
    (down,) = facts["down"]["rows"]
    assert (down["device"]["device"], down["count"], down["behind"]) == ("core", 13, 12)
    assert facts["cut_off"]["total"] == 6
    assert facts["down"]["total"] == 13


def test_a_commune_on_its_backup_says_which_link_is_lost(world):
    link = world.inventory.links["f2"]
    world.oper_down = {link.near, link.far}
    facts = board(world.run(60))
    (row,) = facts["on_backup"]["rows"]
    assert row["sites"][0]["site"] == "s2"
    assert row["links"] == [{"kind": "fibre", "role": "primary", "operator": "", "circuit": ""}]
    assert facts["cut_off"]["total"] == 0
    assert commune(world, "01302")["state"] == "on_backup"


def test_what_has_just_happened_stands_on_top(world):
    world.dead = {"p4"}
    world.run(120)
    world.dead |= {"p2"}
    rows = board(world.run(120))["down"]["rows"]
    assert [row["device"]["device"] for row in rows] == ["p2", "p4"]
    assert rows[0]["since"] > rows[1]["since"]


def test_what_explains_several_stands_above_what_is_newer_and_is_never_cut():
    """One router with 3 communes behind it falls, then 45 more fall one by one: the row that explains stays."""
    inventory = province(60)
    behind = {f"r{n}": replace(inventory.devices[f"r{n}"], upstreams=("r0",)) for n in range(1, 4)}
    far_lost = {f"f{n}": replace(inventory.links[f"f{n}"], far=None) for n in range(1, 4)}
    alone = {
        name: device for name, device in inventory.devices.items() if not name.startswith("p") or name in ("p1", "p2", "p3")
    }
    world = World(replace(inventory, devices={**alone, **behind}, links={**inventory.links, **far_lost})).run(60)
    world.dead = {"r0", *(f"{kind}{n}" for kind in "rp" for n in range(1, 4))}
    world.run(200)
    for first in range(4, 9):
        world.dead |= {f"r{n}" for n in range(first, 49, 5)}
        world.run(300)
    facts = board(world, register=register(60))
    for kind in ("cut_off", "down"):
        rows = facts[kind]["rows"]
        assert len(rows) == ROWS_AT_MOST
        counts = [row["count"] > 1 for row in rows]
        assert counts == sorted(counts, reverse=True)
        told = [row["since"] for row in rows if row["count"] == 1]
        assert told == sorted(told, reverse=True)
    assert (facts["cut_off"]["rows"][0]["cause"]["device"], facts["cut_off"]["rows"][0]["count"]) == ("r0", 3)
    assert "r0" in [row["device"]["device"] for row in facts["down"]["rows"]]


def test_a_device_that_is_unknown_is_not_counted_as_well(world):
    """It is neither down nor up: a row says how many there are."""
    new = Device(id="new", site="s1", addresses=("192.0.2.99",))
    world.reload(replace(world.inventory, devices={**world.inventory.devices, "new": new}))
    assert commune(world, "01301")["devices"] == {"total": 3, "down": 0, "unknown": 1}


def test_battery_of_a_device_that_does_not_speak_is_what_was_known_last(world):
    """One device of a site that still speaks makes it what is so now."""
    world.dead = {"r1", "p1", "p2"}
    facts = board(world.run(120), on_battery={"p1": T0, "p2": T0, "r2": T0, "p3": T0})
    known = {row["sites"][0]["site"]: row["last_known"] for row in facts["on_battery"]["rows"]}
    assert known == {"s1": True, "s2": False, "s3": False}
    assert [row["code"] for row in facts["communes"] if row["battery_last_known"]] == ["01301"]


def test_a_list_is_bounded_and_its_total_is_not():
    world = World(province(60)).run(60)
    world.dead = {f"p{n}" for n in range(0, 60, 5)}  # fewer than the guard minds, five times
    for first in range(1, 6):
        world.run(300)
        world.dead |= {f"p{n}" for n in range(first, 60, 5)}
    down = board(world.run(300), register=register(60))["down"]
    assert down["total"] == 60
    assert len(down["rows"]) == ROWS_AT_MOST


def test_a_site_on_battery_is_one_row_since_its_first_device(world):
    facts = told(world, on_battery={"p3": T0 + 5, "r3": T0 + 2, "gone": T0})["provinces"][0]
    (row,) = facts["on_battery"]["rows"]
    assert (row["since"], row["sites"][0]["site"]) == (T0 + 2, "s3")
    assert [row["code"] for row in facts["communes"] if row["on_battery"]] == ["01303"]


def test_a_commune_without_peoples_committee_and_one_whose_site_has_no_link(world):
    """Silence is never up: no site is `none`, no link is `unknown`."""
    inventory = world.inventory
    links = {key: link for key, link in inventory.links.items() if link.site != "s0"}
    world.reload(replace(inventory, links=links))
    assert commune(world, "01300")["state"] == "unknown"
    assert commune(world, "01273", register=Register([unit("01273")]))["state"] == "none", "the centre is no commune's"
    assert commune(world, "01306", register=register(7)) | {"latitude": 0, "longitude": 0} == {
        "code": "01306", "name": "Xã 01306", "name_en": "01306 Commune", "kind": "xa", "latitude": 0, "longitude": 0,
        "state": "none", "since": None, "site": None, "devices": {"total": 0, "down": 0, "unknown": 0},
        "on_battery": False, "battery_last_known": False, "verdict": None, "out_of_scope": None,
    }  # fmt: skip


def test_a_netmon_that_is_cut_off_says_so_and_blames_nobody(world):
    world.dead = set(world.inventory.devices)
    facts = told(world.run(120), connections={"mqtt": False, "influx": True})
    assert facts["self_isolated"]
    assert T0 < facts["self_isolated_since"] <= world.now
    assert facts["lost"] == ["mqtt"]
    assert {row["state"] for row in facts["provinces"][0]["communes"]} == {"unknown"}
    assert facts["provinces"][0]["cut_off"]["total"] == 0


def test_provinces_do_not_mix(world):
    other = Device(id="x", site="elsewhere", addresses=("192.0.2.250",))
    site = replace(world.inventory.sites["s0"], id="elsewhere", province="48", commune="20333")
    inventory = world.inventory
    world.reload(
        replace(
            inventory,
            sites={**inventory.sites, "elsewhere": site},
            devices={**inventory.devices, "x": other},
        )
    )
    both = Register([unit("04", ""), unit("48", ""), unit("20333", "48"), unit("01300")])
    first, second = told(world, register=both, provinces=("04", "48"))["provinces"]
    assert (sum(first["devices"].values()), sum(second["devices"].values())) == (14, 1)
    assert [row["code"] for row in second["communes"]] == ["20333"]


def test_a_line_of_the_map_joins_two_communes_and_folds_their_links(world):
    lines = board(world)["links"]
    assert lines == [
        {"a": "01273", "b": f"0{1300 + n}", "state": "up", "kind": "fibre", "total": 2, "down": 0} for n in range(6)
    ]
    world.oper_down = {world.inventory.links["f1"].near, world.inventory.links["b2"].near}
    blind = {name: replace(link, near=None) for name, link in world.inventory.links.items() if name in ("b3", "f4")}
    blind["f4"] = replace(blind["f4"], far=None)
    world.reload(replace(world.inventory, links=world.inventory.links | blind))
    lines = {line["b"]: (line["state"], line["down"]) for line in board(world.run(120))["links"]}
    assert lines["01301"] == ("down", 1), "its primary is down"
    assert lines["01302"] == ("down", 1), "its backup is down"
    assert lines["01303"] == ("up", 0), "a backup that nobody can witness hides no primary"
    assert lines["01304"] == ("unknown", 0)


def test_links_within_a_commune_are_no_lines(world):
    sites = {name: replace(site, commune="01300") for name, site in world.inventory.sites.items()}
    world.reload(replace(world.inventory, sites=sites))
    assert board(world)["links"] == []


def test_who_goes_dark_first_stands_first_and_who_knows_when_last(world):
    ends = {
        "s0": Ends(T0, None, None, None),
        "s1": Ends(T0 + 5, T0 + 100, T0 + 300, T0 + 400),
        "s2": Ends(T0 + 9, T0 + 200, T0 + 250, T0 + 260),
        "elsewhere": Ends(T0, T0, T0, T0),
    }
    dark = board(world, ends=ends)["dark"]
    assert dark["total"] == 3
    assert [row["site"] for row in dark["rows"]] == ["s2", "s1", "s0"]
    assert dark["rows"][0] == {
        "site": "s2", "name": "S2", "kind": "peoples_committee", "commune": "01302",
        "since": T0 + 9, "earliest": T0 + 200, "likely": T0 + 250, "latest": T0 + 260,
    }  # fmt: skip
    assert dark["rows"][2]["likely"] is None
    told = board(world, ends=ends, on_battery={"p1": T0 + 7, "r1": T0 + 4})
    assert [row["since"] for row in told["dark"]["rows"]] == [T0 + 9, T0 + 4, T0]
    assert told["on_battery"]["rows"][0]["since"] == T0 + 4, "both lists say the same of one cut"
    many = province(ROWS_AT_MOST + 5)
    crowd = board(World(many), ends={site: Ends(T0, T0, T0, T0) for site in many.sites})["dark"]
    assert (crowd["total"], len(crowd["rows"])) == (ROWS_AT_MOST + 6, ROWS_AT_MOST)


# --- targets ----------------------------------------------------------------------------------------------------------


def verdict(target, code, standing, value=None, kind="commune"):
    window = Window(T0, T0 + 1)
    fields = {"limit": 0.9, "coverage": 1.0, "window": window, "final": False, "evidence": {}}
    return Verdict(target=target, subject=Subject(kind, code), standing=standing, value=value, **fields)


VERDICTS = (
    verdict("p95", "01300", Standing.MISSED, 0.91),
    verdict("p95", "01301", Standing.MISSED, 0.97),
    verdict("p95", "01302", Standing.AT_RISK, 0.85),
    verdict("p95", "01303", Standing.UNPROVEN),
    verdict("p95", "01304", Standing.MET, 0.2),
    verdict("up", "01300", Standing.MISSED, 0.98),
    verdict("up", "01301", Standing.MISSED, 0.91),
    verdict("up", "01304", Standing.EXEMPT),
    verdict("up", "f1", Standing.MISSED, 0.1, kind="link"),
    verdict("all", "04", Standing.MISSED, 0.5, kind="province"),
    verdict("gone", "01304", Standing.MISSED, 0.5),
)


def test_a_target_counts_its_communes_and_names_the_worst_first(world):
    """Of a utilisation the highest is worst, of an availability the lowest; links and sites speak through their commune."""
    p95, up, share = board(world, verdicts=VERDICTS)["targets"]
    assert p95["counts"] == {"met": 1, "at_risk": 1, "missed": 2, "unproven": 1, "exempt": 0}
    assert [(row["commune"], row["standing"], row["value"]) for row in p95["worst"]] == [
        ("01301", "missed", 0.97),
        ("01300", "missed", 0.91),
        ("01302", "at_risk", 0.85),
        ("01303", "unproven", None),
    ]
    assert [row["commune"] for row in up["worst"]] == ["01301", "01300"]
    assert (share["level"], share["of"], share["standing"], share["value"]) == ("province", "p95", "missed", 0.5)
    assert (up["rule"], up["limit"], up["title_vi"]) == ("availability", 0.995, "Độ sẵn sàng")


def test_the_rules_of_the_province_itself_have_its_verdict_and_no_communes(world):
    """Told as of communes they would read as not judged yet, for ever."""
    restored = Pooled(id="restored", limit=0.9, of="restoration", **TITLES)
    channels = Redundancy(id="channels", limit=2, level="province", **TITLES)
    latest = (
        verdict("restored", "04", Standing.MET, 0.93, kind="province"),
        verdict("channels", "04", Standing.MISSED, 1.0, kind="province"),
    )
    found = told(world, targets=(restored, channels), verdicts=latest)
    shown = [(each["level"], each["of"], each["standing"], each["value"]) for each in found["provinces"][0]["targets"]]
    assert shown == [("province", "restoration", "met", 0.93), ("province", None, "missed", 1.0)]


def test_the_worst_is_named_first_where_less_is_better(world):
    loss = Loss(id="loss", limit=0.01, **TITLES)
    values = {"01300": 0.02, "01301": 0.2, "01302": 0.1}
    latest = [verdict("loss", code, Standing.MISSED, value) for code, value in values.items()]
    found = told(world, targets=(loss,), verdicts=latest)
    assert [entry["commune"] for entry in found["provinces"][0]["targets"][0]["worst"]] == ["01301", "01302", "01300"]


def test_a_commune_is_its_worst_target_and_exempt_drops_out(world):
    facts = board(world, verdicts=VERDICTS, scope={"01305": "chưa kết nối"})
    said = {row["code"]: (row["verdict"], row["out_of_scope"]) for row in facts["communes"]}
    assert said == {
        "01300": ("missed", None),
        "01301": ("missed", None),
        "01302": ("at_risk", None),
        "01303": ("unproven", None),
        "01304": ("met", None),
        "01305": (None, "chưa kết nối"),
    }


def test_before_the_first_judging_nothing_is_said(world):
    p95, _, share = board(world)["targets"]
    assert sum(p95["counts"].values()) == 0
    assert share["standing"] is None
