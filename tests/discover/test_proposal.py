"""What is proposed: links from the end that is further from the core, upstreams, remarks, and what is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.discover.found import Found, Heard, Interface, merged
from netmon.discover.places import Places, id_of
from netmon.discover.proposal import Proposal, kind_of, propose
from netmon.inventory import Inventory
from netmon.model import Device, LinkKind, LinkRole, Site, SiteKind
from netmon.settings import Settings
from tests.discover.devices import CENTRE, COMMUNES, REGISTER, TODAY, configured, found, places_of, settings_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(configured(tmp_path))


def proposed(settings: Settings, *devices: Found, **options: str) -> Proposal:
    return propose(devices, settings.inventory, places_of(settings, **options))


def test_a_new_device_that_hears_the_core_gets_a_link_and_an_upstream(settings: Settings):
    new = found("10.4.1.2", "Bảo Lâm R1", hears=(("Gi0/0/1", "CORE.caobang.vn", "Gi0/1/3"),), sys_location="bao-lam")
    (device,) = (made := proposed(settings, new)).devices
    assert (device.id, device.place.site, device.upstreams) == ("bao-lam-r1", "bao-lam", ("core",))
    (link,) = made.links
    assert (link.site, link.to, link.kind, link.role) == ("bao-lam", "centre", LinkKind.FIBRE, LinkRole.PRIMARY)
    assert (link.near.interface, link.far.interface, link.surely) == ("Gi0/0/1", "Gi0/1/3", False)
    assert (link.network, link.why) == ("tslcd_2", "an optical module is read in Gi0/0/1")


def test_both_ends_tell_of_one_cable_and_each_knows_its_own_interface_best(settings: Settings):
    """The far end's port id is a MAC address; it hears the other one at an interface with a name."""
    core = found("10.4.0.2", "anything", hears=(("Gi0/0/2", "r1", "port 7"),))
    new = found("10.4.1.2", "r1", hears=(("Gi0/0/3", "core", "00:e0:fc:00:00:01"),), sys_location="bao-lam")
    for devices in ((core, new), (new, core)):
        (link,) = proposed(settings, *devices).links
        assert (link.near.device, link.near.interface) == ("r1", "Gi0/0/3")
        assert (link.far.device, link.far.interface, link.surely) == ("core", "Gi0/0/2", True)


def test_two_parallel_cables_are_two_links_and_the_second_is_a_backup(settings: Settings):
    hears = (("Gi0/0/1", "core", "Gi0/1/1"), ("Gi0/0/2", "core", "Gi0/1/2"))
    links = proposed(settings, found("10.4.1.2", "r1", hears=hears, sys_location="bao-lam")).links
    assert [(link.id, link.role, link.near.interface) for link in links] == [
        ("bao-lam-to-centre", LinkRole.PRIMARY, "Gi0/0/1"),
        ("bao-lam-to-centre-2", LinkRole.BACKUP, "Gi0/0/2"),
    ]


@pytest.mark.parametrize("telling", [("00:e0:fc:00:00:01", "7"), ("7", "Gi0/0/2"), ("Gi0/0/1", "Gi0/0/2")])
def test_two_parallel_cables_are_two_whichever_end_knows_the_other(settings: Settings, telling: tuple[str, str]):
    """Both ends tell of both cables; ports may be told by numbers that are no interface's name."""
    core = found("10.4.0.2", "core", hears=tuple((f"Gi0/0/{n}", "r1", port) for n, port in enumerate(telling, 1)))
    new = found("10.4.1.2", "r1", hears=(("Gi0/0/1", "core", "8"), ("Gi0/0/2", "core", "9")), site="bao-lam")
    for devices in ((core, new), (new, core)):
        links = proposed(settings, *devices).links
        assert len(links) == 2
        ends = [end for link in links for end in (link.near, link.far) if end.interface]
        assert len(set(ends)) == len(ends), "no port is an end of both"


def test_a_chain_leads_to_the_core_hop_by_hop(settings: Settings):
    """Only the nearest names the core; the last one stands in a commune without a site, which is proposed too."""
    switch = found("10.4.1.3", "sw", hears=(("Gi0/0/1", "r1", "Gi0/0/2"),), commune="01294")
    router = found("10.4.1.2", "r1", hears=(("Gi0/0/1", "core", "Gi0/1/3"),), site="bao-lam")
    made = proposed(settings, switch, router)
    assert {device.id: device.upstreams for device in made.devices} == {"sw": ("r1",), "r1": ("core",)}
    assert [(link.site, link.to) for link in made.links] == [("commune-01294", "bao-lam"), ("bao-lam", "centre")]
    (site,) = made.sites
    assert (site.id, site.name, site.commune, site.kind) == (
        "commune-01294",
        "Xã Lý Bôn",
        "01294",
        SiteKind.PEOPLES_COMMITTEE,
    )


def test_devices_of_one_site_have_an_upstream_and_no_link(settings: Settings):
    switch = found("10.4.1.3", "sw", hears=(("Gi0/0/1", "tg-r1", "Gi0/0/2"),), site="tan-giang")
    made = proposed(settings, switch)
    assert (made.devices[0].upstreams, made.links) == (("tg-r1",), ())


def test_a_direction_that_no_hop_tells_is_asked(settings: Settings):
    far = found("10.9.0.1", "x1", hears=(("Gi0/0/1", "x2", "Gi0/0/1"),), site="bao-lam")
    further = found("10.9.0.2", "x2", site="tan-giang")
    made = proposed(settings, far, further)
    assert (made.links, [device.upstreams for device in made.devices]) == ((), [(), ()])
    assert made.asks == (
        "x1 (Gi0/0/1) and x2 (Gi0/0/1) hear each other: which is upstream? (no way from either to the core is known)",
    )
    ring = [
        found(
            f"10.9.0.{n}", f"x{n}", hears=(("Gi0/0/1", "core", f"Gi0/1/{n}"), ("Gi0/0/2", f"x{3 - n}", "Gi0/0/2")), site=site
        )
        for n, site in ((1, "bao-lam"), (2, "tan-giang"))
    ]
    assert "both are as far from the core" in " ".join(proposed(settings, *ring).asks)


def test_what_is_known_is_remarked_on_and_not_proposed_again(settings: Settings):
    """tg-r1 by its name, at another address, with a link that the inventory has under an interface that it lacks."""
    known = found("10.4.1.77", "TG-R1", hears=(("Gi0/0/3", "core", "Gi0/1/9"),), credential="old")
    known = replace(known, interfaces=known.interfaces[1:])
    made = proposed(settings, known)
    assert made.devices == ()
    assert made.remarks == {
        "tg-r1": [
            "answers at 10.4.1.77, which the inventory does not have",
            "answers the credential old",
            "has no interface Gi0/0/1, which the link tg-fibre names",
        ]
    }
    (link,) = made.links
    assert link.role is LinkRole.BACKUP, "a second cable: Gi0/0/3 is no end of the first"
    as_it_is = found("10.4.1.1", "x", hears=(("Gi0/0/1", "core", "Gi0/1/9"),))
    assert proposed(settings, as_it_is) == Proposal()


def test_a_neighbour_that_nobody_knows_is_told_and_nothing_is_made_of_it(settings: Settings):
    made = proposed(settings, found("10.4.1.2", "r1", hears=(("Gi0/0/2", "isp-pe-7", "xe-0/0/1"),), site="bao-lam"))
    assert made.links == ()
    assert made.devices[0].notes == ("hears isp-pe-7 (xe-0/0/1) at Gi0/0/2: no device, or more than one, is known by that",)


def test_an_upstream_without_a_site_is_a_note_for_it_is_not_in_the_inventory_yet(settings: Settings):
    lost = found("10.9.0.1", "lost", hears=(("Gi0/0/1", "core", "Gi0/1/1"),))
    below = found("10.9.0.2", "below", hears=(("Gi0/0/1", "lost", "Gi0/0/2"),), site="bao-lam")
    made = proposed(settings, lost, below)
    (placed,) = made.placed()
    assert (placed.id, placed.upstreams, made.links) == ("below", (), ())
    assert "hears lost (Gi0/0/2), which has no site yet" in placed.notes[0]


def test_several_addresses_of_one_device_are_one():
    one, two = found("10.4.1.1", "r1", engine_id="80"), found("10.4.1.2", "r1", engine_id="80")
    (device,) = merged([one, two])
    assert device.addresses == ("10.4.1.1", "10.4.1.2")
    assert len(merged([one, replace(two, sys_name="r2")])) == 2, "an engine id that was cloned with an image"
    assert len(merged([replace(one, engine_id=""), replace(two, engine_id="")])) == 2, "a name alone proves nothing"
    assert len(merged([replace(one, serial="S", engine_id="1"), replace(two, serial="S", engine_id="2")])) == 1
    assert len(merged([replace(one, engine_id=""), replace(one, serial="S"), replace(two, serial="S")])) == 2


@pytest.mark.parametrize(
    ("mark", "one", "other"),
    [
        ("two serial numbers and chassis", {"serial": "S1", "chassis": "aa01"}, {"serial": "S2", "chassis": "aa02"}),
        ("two serial numbers", {"serial": "S1", "chassis": "aa01"}, {"serial": "S2", "chassis": "aa01"}),
        ("two chassis", {"serial": "S1", "chassis": "aa01"}, {"serial": "S1", "chassis": "aa02"}),
        ("no name", {"sys_name": ""}, {"sys_name": ""}),
        ("a field that is filled", {"engine_id": "", "serial": "0"}, {"engine_id": "", "serial": "0"}),
        ("words", {"engine_id": "", "serial": "Not Specified"}, {"engine_id": "", "serial": "Not Specified"}),
        ("no chassis", {"engine_id": "", "chassis": "000000000000"}, {"engine_id": "", "chassis": "000000000000"}),
    ],
)
def test_an_image_that_was_cloned_makes_no_one_device_of_two(mark: str, one: dict[str, str], other: dict[str, str]):
    same = replace(found("10.4.1.1", "ZXR10"), engine_id="80")
    two = [replace(same, **one), replace(same, addresses=("10.4.1.2",), **other)]
    assert [device.addresses for device in merged(two)] == [("10.4.1.1",), ("10.4.1.2",)], mark


def test_a_third_sight_finds_the_device_that_it_is_of_among_clones():
    """And what only one sight of a device tells still keeps the others apart."""
    first = replace(found("10.4.1.1", "ZXR10"), engine_id="80", serial="S1")
    second = replace(first, addresses=("10.4.1.2",), serial="S2")
    again = replace(second, addresses=("10.4.1.3",))
    assert [device.addresses for device in merged([first, second, again])] == [("10.4.1.1",), ("10.4.1.2", "10.4.1.3")]
    bare = replace(first, addresses=("10.4.1.4",), serial="", interfaces=(*first.interfaces, Interface(name="x")))
    assert [device.addresses for device in merged([first, bare, second])] == [("10.4.1.1", "10.4.1.4"), ("10.4.1.2",)]


def test_an_address_tells_who_a_device_is_before_a_name_does(settings: Settings):
    """A stranger with a lower address bears the name of tg-r1."""
    stranger, real = found("10.4.0.100", "tg-r1", site="bao-lam"), found("10.4.1.1", "tg-r1.caobang.vn")
    for devices in ((stranger, real), (real, stranger)):
        made = proposed(settings, *devices)
        assert [(device.id, device.found.addresses) for device in made.devices] == [("tg-r1-2", ("10.4.0.100",))]
        assert made.devices[0].notes == ("the inventory's tg-r1 was found at 10.4.1.1 as well",)
        assert made.remarks == {}


def test_an_address_of_the_inventory_is_never_proposed_again(tmp_path: Path):
    """Two addresses of gw, and nothing that shows that they are of one device."""
    centre = CENTRE.replace("address: 10.4.0.1}", "addresses: [10.4.0.1, 10.4.0.9]}")
    settings = settings_of(configured(tmp_path, centre=centre, communes=COMMUNES))
    one, two = found("10.4.0.1", "gw"), found("10.4.0.9", "gw")
    assert proposed(settings, one, two) == Proposal()
    other = proposed(settings, one, replace(two, sys_name="a clone"))
    assert (other.devices, other.remarks) == (
        (),
        {"gw": ["is another device at 10.4.0.9 than at 10.4.0.1, it seems: there it calls itself a clone"]},
    )


def test_a_name_is_nobodys_when_the_chassis_says_otherwise(settings: Settings):
    """Two routers as they left the factory, of which one was found."""
    core = found("10.4.0.2", "MikroTik", chassis="aaaaaaaaaaaa")
    heard = Heard(interface="Gi0/0/1", neighbour="MikroTik", chassis="bb:bb:bb:bb:bb:bb", port="Gi0/0/2")
    new = replace(found("10.4.1.2", "r1", site="bao-lam"), heard=(heard,))
    made = proposed(settings, core, new)
    assert (made.links, made.devices[0].upstreams) == ((), ())
    assert made.devices[0].notes == (
        "hears MikroTik (Gi0/0/2) at Gi0/0/1: its chassis bb:bb:bb:bb:bb:bb is not that of core",
    )
    itself = replace(new, heard=(replace(heard, chassis="AA-AA-AA-AA-AA-AA"),))
    assert proposed(settings, core, itself).devices[0].upstreams == ("core",)


def test_a_port_that_a_device_does_not_list_is_no_witness(settings: Settings):
    """Its LLDP-MIB may call a port by its description, or by a number of its own."""
    new = found("10.4.1.2", "r1", hears=(("To the centre", "core", "Gi0/1/1"),), site="bao-lam")
    described = replace(new, interfaces=(*new.interfaces, Interface(name="eth1", descr="to the centre")))
    assert [link.near.interface for link in proposed(settings, described).links] == ["eth1"]
    assert [link.near.interface for link in proposed(settings, new).links] == [""]


def test_a_chassis_names_a_neighbour_that_tells_no_name(settings: Settings):
    core = found("10.4.0.2", chassis="00e0fc000001")
    new = replace(
        found("10.4.1.2", "r1", site="bao-lam"),
        heard=(Heard(interface="Gi0/0/1", neighbour="", chassis="00:E0:FC:00:00:01", port="7"),),
    )
    (link,) = proposed(settings, core, new).links
    assert (link.far.device, link.far.interface) == ("core", ""), "a bare number is no interface"


def test_a_kind_is_taken_from_the_port_then_from_the_optic():
    port, radio = Interface(name="a", optic=True), Interface(name="b", if_type="188")
    assert kind_of((port, radio))[0] is LinkKind.MICROWAVE
    assert kind_of((None, port))[0] is LinkKind.FIBRE
    assert kind_of((Interface(name="c"),)) == (LinkKind.COPPER, "no optical module is read at either end")


@given(st.text())
def test_any_name_becomes_an_id_or_none(text: str):
    made = id_of(text)
    assert made == "" or (made[0].isalnum() and made.isascii() and set(made) <= set(made) - set(' :/,"'))


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30), st.integers(1, 11))
def test_upstreams_never_lead_in_a_circle(pairs: list[tuple[int, int]], count: int):
    """Any graph of neighbours: each upstream is one hop nearer the core, as a search of our own counts hops."""
    unit = "01288"
    site = Site(id="s", name="s", kind=SiteKind.PROVINCIAL_CENTRE, province="04", commune=unit)
    inventory = Inventory({"s": site}, {"d0": Device(id="d0", site="s", addresses=("10.0.0.0",))}, {}, ("d0",))
    names = {f"d{n}": [f"d{b}" for a, b in pairs if a == n and b != n] for n in range(count + 1)}
    devices = [
        found(f"10.0.0.{name[1:]}", name, hears=tuple((f"p{n}", who, "x") for n, who in enumerate(hears)), site="s")
        for name, hears in names.items()
    ]
    made = propose(devices, inventory, Places(inventory, REGISTER, [], TODAY))
    hops, ring = {"d0": 0}, ["d0"]
    while ring:
        here = ring.pop(0)
        for there in names:
            if there not in hops and (there in names[here] or here in names[there]):
                hops[there] = hops[here] + 1
                ring.append(there)
    for device in made.devices:
        nearer = {
            there
            for there in names
            if there in hops
            and hops[there] < hops.get(device.id, 0)
            and (there in names[device.id] or device.id in names[there])
        }
        assert set(device.upstreams) == nearer
