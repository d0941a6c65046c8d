"""Facts for the pages of communes and devices and for the search, that a test changes, holds back and lets fail."""

import threading
from array import array
from dataclasses import replace
from math import nan

from netmon import book
from netmon.model import Capacity, Device, Outage, Site, SiteKind, Span
from netmon.store import Rates
from netmon.web import Listener
from tests.peers import LOOPBACK
from tests.test_network import World
from tests.web.boards import Facts
from tests.web.desk import HOTLINES, incident
from tests.web.pasts import Past
from tests.web.test_page import in_trouble
from tests.web.test_wallboard import register

CAPACITY = 250_000.0
"""Bytes per second of each link and direction: 2 Mbit/s, which a day's most is above."""

DAY_S = 86_400.0

LATER = "performance.now = (was => () => was() + {ms})(performance.now.bind(performance))"
"""Lets a page think that so much time went by."""


class Places(Facts):
    """A province in trouble. `held` keeps answers about places back until it is set, `fails` lets them fail; `many` devices
    tell so many ports each. `asked` are the places that were asked for, `explained` the verdicts."""

    def __init__(self):
        super().__init__()
        world = in_trouble()
        links = {
            name: replace(link, capacities=(Capacity(0, CAPACITY, CAPACITY),), operator="vnpt", circuit_id=f"CB-{name}")
            for name, link in world.inventory.links.items()
        }
        world.reload(replace(world.inventory, links=links))
        self.show(world, register=register(20), on_battery={"p3": world.now - 600})
        self.past = Scarred(world.now)
        self.held, self.fails = threading.Event(), False
        self.held.set()
        self.many, self.explained, self.asked = {}, [], []
        self.told = [incident(since=world.now - 300)]

    def wallboard(self):
        return super().wallboard() | {"incidents": self._incidents()}

    def commune(self, code):
        self.incidents = self._incidents() if code == "01301" else []
        return self._later(code, super().commune(code))

    def device(self, name):
        found = self._later(name, super().device(name))
        return (lambda: self._with_ports(found())) if name in self.many else found

    def search(self, text):
        return self._later(text, super().search(text))

    def site(self, name):
        site = self.world.inventory.sites.get(name)
        return {"site": name, "commune": site.commune} if site else None

    def verdict(self, target, subject):
        def told(language):
            self.explained.append((target, subject, language))
            if self.fails:
                raise OSError("the disk is gone")
            return {"id": target, "words": {"vi": ["KHÔNG ĐẠT", "Kỳ: 7 ngày"], "en": ["MISSED"]}[language]}

        return told

    def _incidents(self):
        return book.on_the_wall(self.told, self.world.inventory, self.world.now, HOTLINES)

    def _later(self, asked, found):
        self.asked.append(asked)
        if found is None:
            return None

        def told():
            if not self.held.wait(20):
                raise TimeoutError("nobody let the answer go")
            if self.fails:
                raise OSError("the disk is gone")
            return found()

        return told

    def _with_ports(self, told):
        row = next(row for row in told["readings"] if row["family"] == "netmon_interface_speed_bytes_per_second")
        count = self.many[told["device"]]
        ports = [{**row, "part": f"ge{n}", "value": 125e6 * (1 + n % 2)} for n in range(count)]
        cpu = {"family": "netmon_temperature_celsius", "part": "cpu", "unit": "°C", "value": 61.25}
        titles = {"title_vi": "Nhiệt độ của bộ phận.", "title_en": "Temperature of a part."}
        old = row | cpu | titles | {"holds": False, "at": row["at"] - 7200}
        return told | {"readings": [*ports, old], "totals": {"readings": 657, "links": 2}}


class Scarred(Past):
    """A past with a slot alone between two gaps, and a long list of outages."""

    def rates(self, link, end, first_k, count):
        told = super().rates(link, end, first_k, count)
        told.receive[106] = 200_000.0
        return told

    def newest_outages(self, subjects, since, most):
        first = sorted(subjects)[0]
        hours = [self.now - 3600 * n for n in range(1, 30)]
        return [Outage(first, "down", at - 1800, at, "", "", "fibre") for at in hours]


class Gapped(Past):
    """A past with gaps: figures in six slots of a day, none of the link b1, and states that nobody saw for two days."""

    def __init__(self, now, slots):
        super().__init__(now)
        self.slots = slots

    def rates(self, link, end, first_k, count):
        receive, transmit = (array("f", [nan] * count) for _ in range(2))
        for slot, rate in self.slots.items() if link == "f1" else ():
            receive[slot], transmit[slot] = rate, rate / 2
        return Rates(receive, transmit, 0)

    def spans(self, subject, start, end):
        first = Span("up", start, start + DAY_S)
        last = Span("suspect", end - 600, end)
        return [first, Span("up", start + 3 * DAY_S, end - 600), last]

    def newest_outages(self, subjects, since, most):
        return []


def with_stations(world):
    """Two stations without links: t4 in 01304, whose controller is dead, and t5 in 01305, where all is well."""
    inventory = world.inventory
    sites, devices = dict(inventory.sites), dict(inventory.devices)
    for n in (4, 5):
        sites[f"t{n}"] = Site(id=f"t{n}", name=f"T{n}", kind=SiteKind.BTS, province="04", commune=f"0130{n}")
        for name in (f"c{n}", f"d{n}"):
            devices[name] = Device(id=name, site=f"t{n}", addresses=(f"198.51.100.{len(devices)}",), upstreams=("core",))
    later = World(replace(inventory, sites=sites, devices=devices)).run(60)
    later.dead = {"c4", "d4"}
    return later.run(300)


class Wall:
    """A page that is looked at, and the facts behind it."""

    def __init__(self, tab):
        self.tab, self.facts = tab, Places()
        self.listener = Listener(self.facts, LOOPBACK, 0)

    async def open(self, route="#/", query="?lang=vi"):
        """Opens an address and waits until all is there."""
        await self.tab.open(f"{self.url}/{query}{route}")
        await self.tab.eventually("document.querySelectorAll('.tile').length > 0")
        if route != "#/":
            await self.shown()

    async def shown(self):
        await self.tab.eventually("document.querySelector('#page .unit')?.hidden === false")

    async def text(self, selector):
        return " ".join(" ".join(await self.tab.texts(selector)).split())

    async def go(self, route):
        await self.tab.run(f"location.hash = {route!r}")

    async def later(self, ms):
        await self.tab.run(LATER.format(ms=ms))
