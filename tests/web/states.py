"""A wall that somebody looks at, and what stands on it: a whole Cao Bằng that is calm, cut, or under a storm.

`calm`, `cut` and `storm` bring the facts behind a wall into that state; the fourth state, stale, is that
of a wall whose listener has stopped.
"""

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from netmon import book
from netmon.credential import Secret
from netmon.darkness import Ends
from netmon.model import Capacity, CauseClass, Impact, Port, Standing, Subject
from netmon.settings import WebSettings, load
from netmon.targets.definitions import Pooled, Share
from netmon.units import load as load_units
from netmon.web import Listener
from netmon.web.stream import Stream
from tests.peers import LOOPBACK
from tests.test_network import World, province
from tests.web.boards import Facts
from tests.web.desk import HOTLINES, Desk, incident
from tests.web.test_wallboard import verdict

TOKEN = "0123456789abcdef0123"
CONFIG = Path(__file__).resolve().parents[2] / "config"
OPERATORS = ("viettel", "vnpt", "mobifone")
DRAWN = "document.querySelectorAll('.commune').length > 0"
FAST = """
    const later = window.setTimeout;
    window.setTimeout = (work, ms) => later(work, ms < 20_000 ? ms / 50 : ms);
    addEventListener("securitypolicyviolation", (event) => { (window.refused ??= []).push(event.blockedURI); });
"""
"""Whatever the page waits for comes fifty times as soon, but it has its 20 s of patience with an answer; what the policy of
the page refuses is kept."""


class Told(Facts):
    """Facts that tell besides the incidents of a book, and windows, unless `tells` is false."""

    def __init__(self):
        super().__init__()
        self.desk = Desk(self.world.inventory, now=self.world.now)
        self.windows = {"storms": [], "maintenance": []}
        self.tells = True

    def _rows(self):
        return book.on_the_wall(self.desk.kept.values(), self.desk.inventory, self.world.now, HOTLINES)

    def wallboard(self):
        return super().wallboard() | ({"incidents": self._rows()} | self.windows if self.tells else {})

    def commune(self, code):
        self.incidents = [row for row in self._rows() if code in row["impact"]["isolated"] + row["impact"]["on_backup"]]
        return super().commune(code)


class Wall:
    """A page that is looked at, the facts behind it, and the listener between the two, which looks at them all the time."""

    def __init__(self, tab, facts=None):
        self.tab, self.facts = tab, facts or Told()
        self.desk = self.facts.desk
        self.settings = WebSettings(tokens={"lan": Secret(TOKEN)})
        self.url = ""

    async def start(self):
        """Listens, at a second time on the port that it had."""
        port = int(self.url.rpartition(":")[2] or 0)
        self.listener = Listener(self.facts, LOOPBACK, port, deeds=self.desk.handlers, settings=lambda: self.settings)
        self.listener._stream = Stream(self.facts.wallboard, look_every_s=0.1, alive_every_s=0.2)
        self.url = f"http://{await self.listener.start()}"

    async def open(self, query="?lang=vi", route=""):
        await self.tab.open(f"{self.url}/{query}{route}")
        await self.tab.eventually(DRAWN)

    async def enter(self, token=TOKEN):
        """Types a token into the page's own dialog."""
        await self.click("#key")
        await self.tab.run(f"document.querySelector('#token input').value = '{token}'")
        await self.click("#token .deeds button")

    async def click(self, selector):
        await self.tab.eventually(
            f"!!document.querySelector({selector!r}) && !document.querySelector({selector!r}).disabled"
        )
        await self.tab.run(f"document.querySelector({selector!r}).click()")

    async def focus(self, selector):
        await self.tab.run(f"document.querySelector({selector!r}).focus()")


@cache
def _communes():
    return load_units().communes("04", date(2026, 11, 22))


@cache
def _targets():
    return load(CONFIG, secrets=False).targets


def _inventory():
    """The communes of Cao Bằng by their own names, each with a fibre and a radio link of some operator."""
    made, units = province(len(_communes())), _communes()
    sites = dict(made.sites) | {
        f"s{n}": replace(made.sites[f"s{n}"], commune=unit.code, name=f"UBND {unit.name[0].lower()}{unit.name[1:]}")
        for n, unit in enumerate(units)
    }
    links = {}
    for name, link in made.links.items():
        n = int(name[1:])
        operator = OPERATORS[(n + (name[0] == "b")) % len(OPERATORS)]
        circuit = f"CB-{units[n].code}-{operator.upper()}-01"
        cable = ("QL3",) if n in (3, 7) else ()
        capacities = (Capacity(0, 500_000, 500_000),)
        links[name] = replace(link, operator=operator, circuit_id=circuit, srlg=cable, capacities=capacities)
    return replace(made, sites=sites, links=links)


def _verdicts(missed, at_risk):
    """Of every target: all communes meet it, but for those of one rule that do not, or hardly."""
    said = []
    for target in _targets():
        if isinstance(target, Share | Pooled) or getattr(target, "level", "") == "province":
            fails = missed and getattr(target, "of", "") == "tslcd_p95"
            standing, value = (Standing.MISSED, 0.96) if fails else (Standing.MET, 1.0)
            said.append(verdict(target.id, "04", standing, value, kind="province"))
            continue
        for unit in _communes():
            standing, value = Standing.MET, target.limit / 2
            if target.id == "tslcd_p95" and unit.code in missed:
                standing, value = Standing.MISSED, 0.97
            elif target.id == "tslcd_p95" and unit.code in at_risk:
                standing, value = Standing.AT_RISK, 0.85
            elif target.id == "environment":
                standing, value = Standing.UNPROVEN, None
            said.append(verdict(target.id, unit.code, standing, value))
    return tuple(said)


def _show(facts, world, missed=(), at_risk=(), **over):
    codes = [unit.code for unit in _communes()]
    verdicts = _verdicts({codes[n] for n in missed}, {codes[n] for n in at_risk})
    facts.show(world, register=load_units(), verdicts=verdicts, targets=_targets(), **over)
    facts.windows = {"storms": [], "maintenance": []}
    facts.desk.inventory, facts.desk.now = world.inventory, world.now
    facts.desk.kept.clear()


def calm(facts):
    """Nothing is wrong."""
    _show(facts, World(_inventory()).run(60))


def cut(facts):
    """A cable is cut with two communes behind it, of which one has a backup; a site runs on its battery."""
    world = World(_inventory()).run(60)
    world.oper_down = {world.inventory.links["f3"].near}
    world.run(300)
    world.dead = {"r7", "p7"}
    world.run(1200)
    ends = {"s20": Ends(world.now - 1800, world.now + 5400, world.now + 7530, world.now + 9900)}
    _show(facts, world, (12,), (13, 14), on_battery={"p20": world.now - 1800}, ends=ends)
    codes = [unit.code for unit in _communes()]
    members = (Subject("link", "f7"), Subject("link", "f3"), Subject("device", "r7"))
    hit = Impact(isolated=(codes[7],), on_backup=(codes[3],))
    facts.desk.kept["2027-0001"] = incident(since=world.now - 1500, members=members, ever=members, impact=hit)


def storm(facts):
    """A third of the province is hit: fibres are cut, the mains go, batteries run out."""
    world = World(_inventory()).run(60)
    world.oper_down = {Port(f"r{n}", "ge0") for n in range(30, 37)}
    for first in range(4):
        world.dead |= {f"{kind}{n}" for kind in "rp" for n in range(first, 16, 4)}
        world.run(300)
    now = world.now
    battery = {f"p{n}": now - 3600 - 60 * n for n in range(40, 48)}
    ends = {
        f"s{n}": Ends(now - 3600, now + 300 * (n - 39), now + 700 * (n - 39), now + 999 * (n - 39)) for n in range(40, 48)
    }
    _show(facts, world, (12,), (13, 14), on_battery=battery, ends=ends)
    codes = [unit.code for unit in _communes()]
    facts.windows["storms"] = [
        {
            "id": "yagi", "name": "Bão số 12", "phase": "impact", "level": 4, "exercise": False, "overrun": False,
            "start": now - 7200, "until": now + 20_000, "areas": ["04"],
        }
    ]  # fmt: skip
    for n in range(16):
        name, members = f"2027-{n:04}", (Subject("device", f"r{n}"),)
        cause = (CauseClass.FIBRE, CauseClass.POWER, CauseClass.UNKNOWN)[n % 3]
        hit = Impact(isolated=(codes[n],))
        facts.desk.kept[name] = incident(
            name, root=Subject("device", f"r{n}"), cause=cause, since=now - 60 * n, members=members, ever=members, impact=hit
        )
