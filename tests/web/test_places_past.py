"""What pages tell of the past, and of links: what goes on, what is old, and what nobody saw is told as such."""

from dataclasses import replace
from math import nan
from types import SimpleNamespace

from netmon import facts, history_facts, link_facts
from netmon.inventory import Inventory
from netmon.model import Device, End, Outage, Port, Subject, Uncounted
from netmon.store import Rates, Store
from tests.test_network import World, province
from tests.test_pipeline import T0


def test_outages_that_go_on_are_never_left_out(tmp_path):
    store, cut = Store.open(tmp_path / "netmon.db", Uncounted()), Subject("link", "cut")
    store.open_outage(Outage(cut, "down", T0, None, "", ""))
    for n in range(60):
        subject, at = Subject("device", f"r{n % 5}"), T0 + 3600 * (n + 1)
        store.open_outage(Outage(subject, "down", at, None, "", ""))
        store.close_outage(subject, at + 60)
    store.flush()
    rows = history_facts.outages(store.reader(), [cut, *(Subject("device", f"r{n}") for n in range(5))], T0 + 86_400 * 20)
    store.close()
    assert [row["start"] for row in rows] == [T0, *(T0 + 3600 * n for n in range(60, 11, -1))]


def test_time_in_which_netmon_did_not_run_was_seen_by_nobody(tmp_path):
    path, site, days = tmp_path / "netmon.db", Subject("site", "s01273"), T0 + 5 * 86_400
    store = Store.open(path, Uncounted())
    store.record_start(T0)
    store.begin_span(site, "up", T0)
    store.heartbeat(T0 + 3600)
    store.flush()
    store.close()
    store = Store.open(path, Uncounted())
    store.record_start(days)
    store.begin_span(site, "up", days)
    store.flush()
    try:
        told = history_facts.states(store.reader(), site, days + 600, 30 * 86_400.0)
    finally:
        store.close()
    assert told == [[T0, T0 + 3600, "up"], [days, days + 600, "up"]]


def test_nothing_explains_a_link_that_is_up():
    """Its near end says that it is up; that the device at its far end is down is another matter."""
    things = province()
    hub = Device(id="hub", site="centre", addresses=("192.0.2.3",), upstreams=("core",))
    links = things.links | {"f0": replace(things.links["f0"], far=Port("hub", "x"))}
    world = World(Inventory(things.sites, {**things.devices, "hub": hub}, links, things.canaries)).run(90)
    world.dead = {"hub"}
    network = world.run(200).network
    assert network.connections.cause(links["f0"]) == "hub"
    (row,) = link_facts.rows([links["f0"]], network, {}, world.now)
    assert (row["state"], row["cause"]) == ("up", "")
    told = facts.state(network, {}, {}, ready=True, connections={})["links"]
    assert next(one for one in told if one["link"] == "f0")["cause"] == ""


def test_a_slot_that_the_near_end_lacks_comes_from_the_far_one():
    def rates(link, end, first_k, count):
        told = [10.0, nan, nan] if end is End.NEAR else [99.0, 20.4, nan]
        return Rates([nan] * (count - 3) + told, [nan] * count, 0)

    rows = [{"link": "f", "rate": None}, *({"link": f"g{n}", "rate": None} for n in range(99))]
    found = history_facts.with_rates(SimpleNamespace(rates=rates), rows, T0 + 59)
    assert found["f"]["receive"][-3:] == [10, 20, None]
    assert rows[0]["rate"] == {"at": T0 - 300, "receive": 20, "transmit": None}, "the last may not be closed yet"
    history_facts.with_rates(SimpleNamespace(rates=rates), rows, T0 + 60)
    assert rows[0]["rate"] is None, "what is old is not told as if it were now"
    assert len(found) == history_facts.LINKS_AT_MOST
    assert rows[-1]["rate"] is None
