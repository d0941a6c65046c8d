"""Communes and devices as their pages ask for them: what is known now, and what a real store knows of their past."""

import asyncio
import json
import threading
from contextlib import ExitStack
from dataclasses import replace
from math import nan
from types import SimpleNamespace

import aiohttp
import pytest

from netmon import device_facts
from netmon.model import (
    At,
    Outage,
    Outcome,
    Reading,
    Readings,
    Series,
    Standing,
    Subject,
    Summary,
)
from netmon.notice import Notice, NoticeKind
from netmon.places import Places
from netmon.wall import Wall
from netmon.web import Listener, telling
from tests.peers import LOOPBACK
from tests.test_darkness import Bench as PowerBench
from tests.test_pipeline import T0, Bench, inventory
from tests.web.boards import Facts
from tests.web.test_wallboard import TARGETS, unit, verdict
from tests.web.test_wallboard import Register as Units

CODE = "01273"
HOUR_S = 3600


class House:
    """A province of one commune, its store, and what answers for its places."""

    def __init__(self, path):
        things = inventory()
        self.settings = SimpleNamespace(
            inventory=things,
            provinces=("04",),
            scope={},
            targets=TARGETS,
            calendar=SimpleNamespace(hotlines={}),
            prometheus=SimpleNamespace(max_age_intervals=3),
        )
        self.judge = SimpleNamespace(verdicts=[])
        self.bench = Bench(path, things)
        known = {
            "network": self.bench.network,
            "pipeline": self.bench.pipeline,
            "judge": self.judge,
            "register": Units([unit("04", "", kind="tinh"), unit(CODE), unit("01300"), unit("20333", "48")]),
            "settings": lambda: self.settings,
        }
        self.places = Places(**known, reader=self.bench.reader, clock=lambda: self.bench.now)
        self.desk = SimpleNamespace(on_the_wall=lambda now: [])
        self.wall = Wall(**known, desk=self.desk)

    def pass_time(self, seconds, *devices):
        """Polls every half a minute, and the clock's work."""
        bench = self.bench
        for _ in range(int(seconds // 30)):
            bench.now += 30
            bench.poll(*devices)
            bench.pipeline.tick(bench.now)
            bench.pipeline.sweep(bench.now)
        bench.store.flush()

    def commune(self, code=CODE):
        return told(self.places.commune(code))

    def device(self, name="r01273"):
        return told(self.places.device(name))

    def look(self):
        return self.wall.look(self.bench.now, ready=True, connections={})


def told(later):
    """The answer as it goes out: finite numbers only."""
    return None if later is None else json.loads(telling.dumps(later()))


@pytest.fixture
def house(tmp_path):
    with ExitStack() as stack:
        house = House(tmp_path / "netmon.db")
        stack.callback(house.bench.close)
        yield house


# --- a commune --------------------------------------------------------------------------------------------------------


def test_a_commune_is_told_with_what_is_there_and_what_it_carried(house):
    house.judge.verdicts = [
        verdict("up", CODE, Standing.MET, 1.0),
        verdict("p95", CODE, Standing.MISSED, 0.97),
        verdict("gone", CODE, Standing.MISSED, 0.1),
    ]
    house.pass_time(1500)
    facts = house.commune()
    assert (facts["name"], facts["state"], facts["site"], facts["verdict"]) == ("Xã 01273", "up", "s01273", "missed")
    assert facts["totals"] == {"sites": 2, "links": 1, "devices": 2}
    assert [site["site"] for site in facts["sites"]] == ["s01273", "centre"], "the People's Committee first"
    (link,) = facts["links"]
    assert (link["state"], link["near"], link["far"]) == ("up", "r01273 ge0", "core x01273")
    assert link["capacity"] == {"receive": 25_000_000.0, "transmit": 25_000_000.0}
    end = house.bench.now // 300 * 300
    assert link["rate"] == {"at": end, "receive": 1_000_000, "transmit": 250_000}
    assert [row["target"] for row in facts["targets"]] == ["p95", "up"], "the worst first"
    rates = facts["history"]["links"]["f01273"]
    assert len(rates["receive"]) == len(rates["transmit"]) == 288
    assert rates["from"] + 288 * 300 == house.bench.now // 300 * 300
    assert rates["receive"][:-6] == [None] * 282
    assert set(rates["receive"][-4:]) == {1_000_000}
    assert [span[2] for span in facts["history"]["service"]] == ["up"]


def test_a_commune_that_is_lost_tells_since_when_and_its_outages(house):
    house.pass_time(300)
    house.bench.routers["r01273"].outcome = Outcome.SILENT
    fell = house.bench.now + 30
    house.pass_time(120)
    facts = house.commune()
    assert (facts["state"], facts["since"]) == ("isolated", fell)
    assert {(row["subject_kind"], row["subject"], row["end"]) for row in facts["outages"]} == {
        ("device", "r01273", None),
        ("link", "f01273", None),
        ("site", "s01273", None),
    }
    assert facts["devices"][0]["device"] == "r01273", "what is down first"
    (incident,) = facts["incidents"]
    assert "lasted_s" not in incident, "time alone changes nothing"
    assert facts["outages"][0]["incident"] == incident["id"]


def test_a_commune_without_a_site_is_told_and_one_of_elsewhere_is_none(house):
    empty = house.commune("01300")
    assert (empty["state"], empty["site"], empty["sites"], empty["history"]["service"]) == ("none", None, [], [])
    for code in ("20333", "04", "99999", "", "<script>"):
        assert house.places.commune(code) is None


def test_what_runs_on_battery_says_since_when_and_when_it_goes_dark(house, monkeypatch):
    darkness = house.bench.pipeline.operations.darkness
    ends = {"s01273": SimpleNamespace(since=T0, earliest=T0 + 10, likely=T0 + 20, latest=None)}
    monkeypatch.setattr(darkness, "ends", lambda now: ends)
    monkeypatch.setattr(house.bench.pipeline.supplies, "on_battery", lambda: {"r01273": T0 + 3})
    facts = house.commune()
    assert facts["battery"] == {"since": T0 + 3, "last_known": True}, "no device was heard yet"
    assert (facts["sites"][0]["on_battery"], facts["sites"][0]["last_known"]) == (T0 + 3, True)
    house.pass_time(60)
    facts = house.commune()
    assert facts["battery"] == {"since": T0 + 3, "last_known": False}
    assert (facts["sites"][0]["last_known"], facts["sites"][1]["last_known"]) == (False, False)
    assert facts["sites"][0]["dark"] == {"earliest": T0 + 10, "likely": T0 + 20, "latest": None}
    assert facts["sites"][1]["dark"] is None


# --- a device ---------------------------------------------------------------------------------------------------------


def test_a_device_is_told_with_its_readings_links_and_week(house):
    house.bench.store.put_notice(Notice(T0 + 1, NoticeKind.TRAP, "core", "coldStart", "192.0.2.1", {"of": "core"}))
    hour = T0 // HOUR_S * HOUR_S
    house.bench.store.put_summaries(
        [
            (Subject("site", "centre"), "humidity_ratio", Summary(hour, HOUR_S, part, 0.4, 0.5, 0.6, 9))
            for part in ("core room", "core2 room")
        ]
    )
    house.pass_time(900)
    facts = house.device("core")
    assert (facts["state"], facts["outcome"], facts["commune_name"]) == ("up", "answered", "Xã 01273")
    assert facts["last_poll"] == house.bench.now
    assert [(row["family"], row["part"], row["value"]) for row in facts["readings"]] == [
        ("netmon_interface_up", "x01273", 1),
        ("netmon_interface_speed_bytes_per_second", "x01273", 125_000_000),
    ]
    assert all(row["holds"] and row["title_vi"] and row["title_en"] for row in facts["readings"])
    assert [link["link"] for link in facts["links"]] == ["f01273"], "its far end is on it"
    assert [notice["name"] for notice in facts["notices"]] == ["coldStart"]

    assert [span[2] for span in facts["history"]["states"]] == ["up"]
    (figure,) = facts["history"]["figures"]
    assert (figure["figure"], figure["part"], figure["subject"]) == ("humidity_ratio", "core room", "centre")
    assert (figure["title_vi"], figure["unit"]) != ("humidity_ratio", None)
    assert len(figure["mean"]) == len(figure["least"]) == len(figure["most"]) == 169
    at = int((hour - figure["from"]) // HOUR_S)
    assert (figure["least"][at], figure["mean"][at], figure["most"][at]) == (0.4, 0.5, 0.6)
    assert sum(value is not None for value in figure["mean"]) == 1


def test_old_readings_no_longer_hold_and_what_is_no_number_is_null(house):
    house.pass_time(60)
    core = house.bench.things.devices["core"]
    labels = house.bench.things.device_labels("core")
    series = [Series("netmon_temperature_celsius", (*labels, ("sensor", f"{n:03}"))) for n in range(500)]
    now = house.bench.now
    rows = Readings.of([Reading(one, nan if n == 0 else 40.0, At(now - 60, 0.0)) for n, one in enumerate(series)])
    asked = {"network": house.bench.network, "unit": None, "last": None, "missing": {}, "now": now}
    facts = device_facts.device(core, readings=rows, holds_s=59.0, **asked)
    assert facts["totals"]["readings"] == 500
    assert len(facts["readings"]) == device_facts.READINGS_AT_MOST
    assert (facts["readings"][0]["value"], facts["readings"][1]["value"]) == (None, 40.0)
    assert {(row["age_s"], row["holds"]) for row in facts["readings"]} == {(60.0, False)}
    assert facts["last_poll"] is None


def test_what_a_device_does_not_name_is_none(house):
    assert house.places.device("s01273") is None
    assert house.places.device("../core") is None


# --- the store --------------------------------------------------------------------------------------------------------


def test_the_newest_outages_of_several_come_in_order(house):
    store, names = house.bench.store, [Subject("link", f"l{n}") for n in range(3)]
    for n in range(90):
        subject, at = names[n % 3], T0 + 100 * n
        store.open_outage(Outage(subject, "down", at, None, "", ""))
        store.close_outage(subject, at + 50)
    store.open_outage(Outage(Subject("link", "other"), "down", T0 + 1e5, None, "", ""))
    store.open_outage(Outage(names[0], "down", T0 + 1e6, None, "", ""))
    store.flush()
    found = house.bench.reader.newest_outages(names[:2], T0 + 100, 50)
    assert len(found) == 50
    assert (found[0].start, found[0].end) == (T0 + 1e6, None)
    assert [one.start for one in found] == sorted((one.start for one in found), reverse=True)
    assert {one.subject for one in found} == set(names[:2])
    assert house.bench.reader.newest_outages([], 0.0, 50) == []


# --- who goes dark ----------------------------------------------------------------------------------------------------


def test_when_a_site_goes_dark_stands_still_until_more_is_told():
    bench = PowerBench()
    bench.tell("seat1", T0, mains_up=1, battery_charge_ratio=1.0)
    assert bench.keeper.ends(T0) == {}
    bench.keeper.restore({"p-seat2": ("battery", T0 - 50)})
    bench.tell("seat1", T0 + 60, mains_up=0, battery_remaining_seconds=7200)
    first = bench.keeper.ends(T0 + 60)
    assert first["seat2"] == (T0 - 50, None, None, None), "nobody knows when"
    end = first["seat1"]
    assert end.since == T0 + 60
    assert T0 + 60 < end.earliest <= end.likely <= end.latest
    assert bench.keeper.ends(T0 + 100.7) == bench.keeper.ends(T0 + 3000.1) == first
    told = next(site for site in bench.keeper.facts(T0 + 100)["sites"] if site["site"] == "seat1")
    assert told["likely"] == pytest.approx(end.likely - (T0 + 100), abs=1)
    assert "seat1" in bench.keeper.ends(end.latest - 1)
    assert "seat1" not in bench.keeper.ends(end.latest + 1), "it is silent, and dark"
    bench.tell("seat1", T0 + 120, mains_up=1, battery_charge_ratio=0.9)
    assert "seat1" not in bench.keeper.ends(T0 + 130)


# --- the wallboard of a running netmon --------------------------------------------------------------------------------


def test_a_look_when_nothing_happened_makes_no_other_board(house):
    house.pass_time(120)
    first = house.look()
    house.pass_time(300)
    second = house.look()
    assert second["time"] == first["time"] + 300
    assert second["provinces"] is first["provinces"]


def test_a_look_sees_whatever_happened(house):
    house.pass_time(120)
    seen = [house.look()["provinces"]]

    def differs():
        seen.append(house.look()["provinces"])
        return seen[-1] is not seen[-2]

    house.bench.routers["r01273"].outcome = Outcome.SILENT
    house.pass_time(30)
    assert differs(), "a device is suspect"
    house.pass_time(90)
    assert differs(), "and down, and its commune cut off"
    assert seen[-1][0]["cut_off"]["total"] == 1
    house.judge.verdicts = [verdict("up", CODE, Standing.MISSED, 0.5)]
    assert differs()
    assert seen[-1][0]["communes"][0]["verdict"] == "missed"
    house.settings = SimpleNamespace(**{**vars(house.settings), "provinces": ("04", "48")})
    assert differs(), "after a reload"
    things = house.bench.things
    site = replace(things.sites["s01273"], name="renamed")
    house.bench.pipeline.take(replace(things, sites=things.sites | {"s01273": site}))
    assert differs(), "an inventory that differs by a name"
    assert seen[-1][0]["cut_off"]["rows"][0]["sites"][0]["name"] == "renamed"
    assert not differs()


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def asked():
    """Facts, their listener, and how to ask it."""
    facts = Facts()
    listener = Listener(facts, LOOPBACK, 0)
    async with aiohttp.ClientSession(f"http://{await listener.start()}") as http:
        yield facts, listener, http
    await listener.stop()


PATHS = ("/api/v1/communes/01300", "/api/v1/devices/p0", "/api/v1/search?q=xa")


@pytest.mark.parametrize("path", PATHS)
async def test_a_place_is_told_and_kept_by_nobody(asked, path):
    _, _, http = asked
    async with http.get(path) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert await answer.json()
    async with http.head(path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    async with http.get(path, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421
    async with http.post(path) as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("communes/99999", 404, "no such commune"),
        ("communes/01300?day=1", 400, "not day"),
        ("devices/%3Cimg%20src%3Dx%3E", 404, "no such device"),
        ("devices/..%2f..%2fetc", 404, "no such device"),
        ("devices/p0?x", 400, "not x"),
        ("search", 400, "1 to 80"),
        ("search?q=", 400, "1 to 80"),
        ("search?q=%20%20", 400, "1 to 80"),
        ("search?q=" + "a" * 81, 400, "1 to 80"),
        ("search?q=a&q=b", 400, "1 to 80"),
        ("search?q=a&limit=9", 400, "not limit"),
        ("search?<script>=1", 400, "not"),
    ],
)
async def test_what_cannot_be_told_is_one_clear_error(asked, path, status, says):
    _, _, http = asked
    async with http.get(f"/api/v1/{path}") as answer:
        assert answer.status == status
        assert answer.content_type == "application/json"
        assert says in (await answer.json())["error"]


@pytest.mark.parametrize("text", ["%00", "%ED%A0%80", "%F0%9F%98%80", "%E1%BA%A2" * 80, "'%22%3E", "%25", "%C4%B0" * 80])
async def test_any_text_may_be_sought(asked, text):
    _, _, http = asked
    async with http.get(aiohttp.client.URL(f"/api/v1/search?q={text}", encoded=True)) as answer:
        assert answer.status == 200
        assert (await answer.json())["hits"] == []


async def test_a_flood_of_pages_waits_for_two_threads_and_the_rest_comes_again(asked):
    facts, _, http = asked
    going, running, most = threading.Event(), [], []

    def slow():
        running.append(1)
        most.append(len(running))
        assert going.wait(20)
        running.pop()
        return {}

    facts.commune = lambda code: slow

    async def ask():
        async with http.get("/api/v1/communes/01300") as answer:
            return answer.status, answer.headers.get("Retry-After")

    asking = [asyncio.create_task(ask()) for _ in range(telling.READS_AT_MOST + 5)]
    done, _ = await asyncio.wait(asking, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result() for task in done} == {(503, "2")}
    async with http.get("/api/v1/wallboard") as answer:
        assert answer.status == 200, "others are told meanwhile"
    going.set()
    answers = [task.result() for task in (await asyncio.wait(asking, timeout=20))[0]]
    assert sorted(answers, key=str) == [(200, None)] * telling.READS_AT_MOST + [(503, "2")] * 5
    assert max(most) <= telling.READS_AT_ONCE


async def test_a_stop_leaves_nobody_reading():
    """The store is closed after it."""
    facts = Facts()
    listener = Listener(facts, LOOPBACK, 0)
    begun, ended = threading.Event(), threading.Event()

    def slow():
        begun.set()
        ended.wait(1.5)  # the server gives up on answers after a second
        ended.set()
        return {}

    facts.device = lambda name: slow
    async with aiohttp.ClientSession(f"http://{await listener.start()}") as http:
        asking = asyncio.create_task(http.get("/api/v1/devices/p0"))
        await asyncio.to_thread(begun.wait)
        await listener.stop()
        assert ended.is_set()
        await asyncio.gather(asking, return_exceptions=True)
