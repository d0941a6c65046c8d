"""What a person types, and what that finds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Carrier
from netmon.search import HITS_AT_MOST, find, index, told
from tests.test_network import World, province
from tests.web.test_wallboard import unit

NAMES = {"01300": "Xã Bảo Lâm", "01301": "Phường Nùng Trí Cao", "01302": "Xã Đình Phong", "01303": "Xã Bảo Lâm Đông"}


def kind(name):
    return "phuong" if name.startswith("Phường") else "xa"


UNITS = [unit(code, name=name, name_en=f"{code} Commune", kind=kind(name)) for code, name in NAMES.items()]


@pytest.fixture(scope="module")
def world():
    made = province(4)
    sites = {
        **made.sites,
        "s0": replace(made.sites["s0"], name="UBND xã Bảo Lâm"),
        "s2": replace(made.sites["s2"], name="UBND xã Đình Phong", carriers=(Carrier(operator="Vietnamobile"),)),
    }
    devices = {**made.devices, "r3": replace(made.devices["r3"], addresses=("192.0.2.13", "2001:db8::3"))}
    links = {
        **made.links,
        "f2": replace(made.links["f2"], circuit_id="CB-01302-VT-01", operator="viettel", check="10.9.8.7"),
    }
    world = World(replace(made, sites=sites, devices=devices, links=links))
    return world.run(60)


@pytest.fixture(scope="module")
def entries(world):
    return index(world.inventory, {"04": UNITS})


def ids(text, entries):
    return [hit.id for hit in find(text, entries)[1]]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("bao lam", "01300"),
        ("BẢO LÂM", "01300"),
        ("  bảo   lâm ", "01300"),
        ("xa bao lam", "01300"),
        ("Bao La\u0302m", "01300"),
        ("dinh phong", "01302"),
        ("Đình", "01302"),
        ("nung tri cao", "01301"),
        ("01301 Commune", "01301"),
        ("01302", "01302"),
        ("ubnd dinh", "s2"),
        ("phong ubnd", "s2"),
        ("R3", "r3"),
        ("192.0.2.13", "r3"),
        ("2001:DB8::3", "r3"),
        ("cb-01302-vt-01", "f2"),
        ("VT-01", "f2"),
        ("viettel", "f2"),
        ("10.9.8.7", "f2"),
        ("vietnamobile", "s2"),
    ],
)
def test_it_is_found_by_name_id_code_address_circuit_and_operator(entries, text, first):
    assert ids(text, entries)[0] == first


def test_what_is_called_exactly_so_stands_before_what_begins_so_and_what_has_it_inside(entries):
    assert ids("bao lam", entries) == ["01300", "01303", "s0"]
    assert ids("192.0.2.1", entries)[0] == "gw", "the address itself before those that it begins"


@pytest.mark.parametrize("text", ["không có", "bao  lamm", "<script>", "%", "\x00", "''", "", "  ", "̣"])
def test_what_is_not_there_is_not_found(entries, text):
    assert find(text, entries) == (0, [])


def test_the_total_counts_what_is_left_out():
    total, hits = find("192.0.2", index(province(30), {}))
    assert (total, len(hits)) == (62, HITS_AT_MOST)


def test_a_hit_tells_its_place_and_how_it_stands(world, entries):
    world.dead = {"r1", "p1"}
    world.run(120)
    commune, site, device, link = (find(text, entries)[1][0] for text in ("01301", "s1", "r1", "f1"))
    answer = told("x", 9, (commune, site, device, link), world.network, {"01301": "isolated"})
    assert (answer["q"], answer["total"]) == ("x", 9)
    assert [hit["state"] for hit in answer["hits"]] == ["isolated", "isolated", "down", "down"]
    assert {(hit["commune"], hit["province"]) for hit in answer["hits"]} == {("01301", "04")}
    assert answer["hits"][0]["name"] == "Phường Nùng Trí Cao"
    assert answer["hits"][0]["name_en"] == "01301 Commune"


def test_what_left_the_inventory_meanwhile_is_unknown(entries):
    gone = World(province(1)).network
    states = {
        hit["state"] for hit in told("", 3, [find(text, entries)[1][0] for text in ("s3", "r3", "f3")], gone, {})["hits"]
    }
    assert states == {"unknown"}


@given(text=st.text(max_size=80))
def test_any_text_can_be_sought(text):
    everything = index(province(1), {"04": UNITS})
    total, hits = find(text, everything)
    assert len(hits) == min(total, HITS_AT_MOST)
