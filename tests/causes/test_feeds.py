"""What is cut off when some sites go dark: against a search of live paths, and in rings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.causes.feeds import Feeder, Hanging, cut_off, feeds_of
from netmon.model import Device, Link, LinkKind, LinkRole, Port, Site, SiteKind


def network(*links, devices=()):
    names = {end for _, site, upstream in links for end in (site, upstream)} | {site for _, site, _ in devices}
    sites = [Site(id=name, name=name, kind=SiteKind.BTS, province="04", commune="01273") for name in sorted(names)]
    made = [
        Link(
            id=name,
            site=site,
            upstream_site=upstream,
            kind=LinkKind.FIBRE,
            role=LinkRole.PRIMARY,
            network="x",
            capacities=(),
        )
        for name, site, upstream in links
    ]
    there = [Device(id=name, site=site, upstreams=upstreams) for name, site, upstreams in devices]
    return feeds_of(sites, there, made)


def test_a_site_is_cut_off_when_the_last_of_its_ways_goes_dark_and_by_that_one():
    feeds = network(("a", "seat", "east"), ("b", "seat", "west"), ("c", "east", "centre"), ("d", "west", "centre"))
    found = cut_off({"east": 100.0, "west": 300.0}, feeds)
    assert found["seat"] == (300.0, "west")
    assert "centre" not in found
    assert "seat" not in cut_off({"east": 100.0}, feeds)
    assert cut_off({"east": 100.0}, feeds, {"b"})["seat"] == (100.0, "east")
    assert cut_off({"east": 100.0, "seat": 50.0}, feeds)["seat"] == (50.0, "seat")
    assert cut_off({"centre": 7.0}, feeds)["seat"].by == "centre"


def test_a_ring_holds_until_both_of_its_ways_are_gone():
    feeds = network(("a", "one", "centre"), ("b", "one", "two"), ("c", "two", "centre"), ("d", "two", "one"))
    assert cut_off({"one": 5.0}, feeds) == {"one": (5.0, "one")}
    assert cut_off({"one": 5.0}, feeds, {"c"}) == {"one": (5.0, "one"), "two": (5.0, "one")}
    assert cut_off({"centre": 5.0}, feeds).keys() == {"centre", "one", "two"}  # they hold each other up on paper only


@given(
    ways=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16),
    ends=st.dictionaries(st.integers(0, 7), st.integers(1, 9), min_size=1),
    down=st.sets(st.integers(0, 15)),
)
def test_what_is_cut_off_when_is_what_no_live_path_reaches_then(ways, ends, down):
    ways = [(f"l{n}", str(site), str(up)) for n, (site, up) in enumerate(ways) if site != up]
    names = {str(n) for n in range(8)}
    lost = {f"l{n}" for n in down}
    feeds = network(*ways, devices=[(f"d{name}", name, ()) for name in names])
    fed = {site for _, site, _ in ways}

    def reached(dark):
        found = names - fed - dark
        while more := {s for link, s, up in ways if up in found and link not in lost and s not in dark} - found:
            found |= more
        return found

    at_first = reached(set())
    found = cut_off({str(site): float(at) for site, at in ends.items()}, feeds, lost)
    for name in at_first:
        falls = [at for at in range(1, 10) if name not in reached({str(s) for s, when in ends.items() if when <= at})]
        assert (found[name].at if name in found else None) == (falls[0] if falls else None)


@pytest.mark.parametrize("ends", ["in turn", "at random", "at once"])
def test_a_large_ring_is_asked_in_no_time(ends):
    count = 4000
    ways = [(f"a{n}", f"s{n}", f"s{n - 1}" if n else "centre") for n in range(count)]
    ways += [(f"b{n}", f"s{n}", f"s{n + 1}" if n < count - 1 else "centre") for n in range(count)]
    order = {"in turn": lambda n: n, "at random": lambda n: n * 1759 % count, "at once": lambda n: 5}[ends]
    feeds = Counted(network(*ways))
    found = cut_off({f"s{n}": 1.0 + order(n) for n in range(count)}, feeds)
    assert len(found) == count
    assert feeds.looked <= 12 * count
    hanging = Hanging(feeds)
    feeds.looked = 0
    for n in range(0, count, 40):
        assert len(hanging.cut_off({f"s{n}": 0.0})) == 1
    assert feeds.looked < 100 * count


class Counted:
    """Ways that count how often a site's are looked at."""

    def __init__(self, feeds):
        self.looked, self.through = 0, feeds.through
        self.of = Looked(feeds.of, self)


class Looked(dict):
    def __init__(self, of, count):
        super().__init__(of)
        self.count = count

    def __getitem__(self, site):
        self.count.looked += 1
        return super().__getitem__(site)


def test_a_link_is_lost_with_the_site_of_its_far_end_and_a_site_without_links_hangs_on_upstreams():
    link = Link(
        id="l", site="seat", upstream_site="centre", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY, network="x", capacities=(),
        far=Port("hub", "1"),
    )  # fmt: skip
    sites = [
        Site(id=name, name=name, kind=SiteKind.BTS, province="04", commune="01273")
        for name in ("seat", "centre", "relay", "mast")
    ]
    devices = [Device(id="hub", site="relay"), Device(id="bts", site="mast", upstreams=("hub",))]
    feeds = feeds_of(sites, devices, [link])
    assert feeds.of["seat"] == (Feeder("l", ("centre", "relay")),)
    assert cut_off({"relay": 9.0}, feeds) == {"relay": (9.0, "relay"), "seat": (9.0, "relay"), "mast": (9.0, "relay")}
