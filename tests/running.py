"""A running netmon in hand: the real pipeline, network, store and page, with devices and a clock of our own."""

import heapq
import itertools
from dataclasses import replace

from netmon import book
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.inventory import Inventory
from netmon.model import (
    At,
    Capacity,
    Device,
    Link,
    LinkKind,
    LinkRole,
    Outcome,
    Poll,
    Port,
    Reading,
    Series,
    Site,
    SiteKind,
    Subject,
)
from netmon.network import Network
from netmon.pipeline import Pipeline
from netmon.store import Store
from netmon.units import load

T0 = 1_800_000_000.0
BOOT = 1_000_000.0
REGISTER = load()


def province(communes=8, *, backup=False, cable="QL3", stations=0, srlg=lambda n, cable: (cable,)):
    """A gateway, a core and communes behind it, each with a router on a fibre of one cable; stations that have no links."""
    sites = [Site(id="centre", name="Centre", kind=SiteKind.PROVINCIAL_CENTRE, province="04", commune="01273")]
    devices = [
        Device(id="gw", site="centre", addresses=("192.0.2.1",)),
        Device(id="core", site="centre", addresses=("192.0.2.2",), upstreams=("gw",)),
    ]
    links = []
    for n in range(communes):
        code = f"0{1300 + n}"
        sites.append(Site(id=f"s{n}", name=f"S{n}", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune=code))
        devices.append(Device(id=f"r{n}", site=f"s{n}", addresses=(f"198.51.100.{n + 1}",), upstreams=("core",)))
        common = {"site": f"s{n}", "upstream_site": "centre", "network": "tslcd_2", "capacities": (Capacity(0, 1e6, 1e6),)}
        near, far = Port(f"r{n}", "ge0"), Port("core", f"x{n}")
        fibre = Link(id=f"f{n}", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY, near=near, far=far, **common)
        links.append(replace(fibre, srlg=srlg(n, cable)))
        if backup:
            links.append(Link(id=f"b{n}", kind=LinkKind.LTE, role=LinkRole.BACKUP, near=Port(f"r{n}", "lte"), **common))
    for n in range(stations):
        code = f"0{1300 + n % max(1, communes)}"
        sites.append(Site(id=f"bts{n}", name=f"B{n}", kind=SiteKind.BTS, province="04", commune=code))
        devices.append(Device(id=f"m{n}", site=f"bts{n}", addresses=(f"203.0.113.{n + 1}",), upstreams=("core",)))
    return Inventory(
        {site.id: site for site in sites},
        {device.id: device for device in devices},
        {link.id: link for link in links},
        ("gw", "core"),
    )


class World:
    """A running netmon: polls on a grid, half-second ticks, sweeps, and devices that do as the tests say."""

    def __init__(self, path, things, now=T0, before=None):
        self.path, self.things, self.now, self.ended = path, things, now, False
        self.dead = before.dead if before else set()
        self.dark = before.dark if before else set()  # ports that are down
        self.battery = before.battery if before else {}  # by device, whether its mains are there
        self.life = before.life if before else {}
        self._order, self._agenda, self._grid, self._swept = itertools.count(), [], {}, now
        self.own = OwnMetrics()
        self.page = Page(self.own)
        self.store = Store.open(path, self.own)
        self.reader = self.store.reader()
        self.store.record_start(now)
        self.network = Network(things, now, offset=before.network.offset if before else 0.0)
        self.restore_states()
        self.pipeline = Pipeline(
            things,
            self.network,
            store=self.store,
            outlets=Outlets(self.page),
            meter=self.own,
            make_poller=lambda device, labels: None,
            pinger=None,
            poke=lambda device, after: self.plan(self.now + after, device),
            register=REGISTER,
            clock=lambda: self.now,
        )
        self.operations = self.pipeline.operations
        self.incidents = self.operations.incidents
        self.pipeline.restore(self.reader)
        self.fill()

    def restore_states(self):
        """As the daemon does."""
        causes = {outage.subject: outage.cause for outage in self.reader.outages(open_only=True)}
        for kind in ("device", "link", "site"):
            for name, span in self.reader.last_spans(kind).items():
                self.network.restore(Subject(kind, name), span.state, span.start, causes.get(Subject(kind, name), ""))
            for name, state in self.reader.last_known(kind).items():
                self.network.recall(Subject(kind, name), state)

    def fill(self):
        for n, device in enumerate(self.things.devices.values()):
            if device.id not in self._grid:
                self._grid[device.id] = device.interval_s
                self.plan(self.now + device.interval_s * (n % 60) / 60 + 0.1, device.id, device.interval_s)

    def plan(self, at, device, every=0.0):
        heapq.heappush(self._agenda, (at, next(self._order), device, every))

    def run(self, seconds, until=None):
        end = self.now + seconds
        while self.now < end:
            due = self.now + 0.5
            while self._agenda and self._agenda[0][0] <= due:
                at, _, device, every = heapq.heappop(self._agenda)
                if device not in self.things.devices:
                    self._grid.pop(device, None)
                    continue
                if every:
                    self.plan(at + every, device, every)
                self.now = max(self.now, at)
                self.poll(device)
            self.now = due
            self.pipeline.tick(self.now)
            if self.now >= self._swept + 5:
                self._swept = self.now
                self.pipeline.sweep(self.now)
            if until is not None and until():
                break
        return self

    def poll(self, device):
        watch, at = self.pipeline.watches[device], At(self.now, self.now - self.network.offset)
        if device in self.dead:
            self.pipeline.take_poll(watch, Poll(device=device, outcome=Outcome.SILENT, sent=at, ended=at))
            return
        labels = watch.labels
        readings = [Reading(Series("netmon_device_uptime_seconds", labels), self.now - self.life.get(device, T0 - BOOT), at)]
        for port in {port for link in self.things.links.values() for port in (link.near, link.far) if port}:
            if port.device == device:
                series = Series("netmon_interface_up", (*labels, ("interface", port.interface)))
                readings.append(Reading(series, int(port not in self.dark), at))
        if device in self.battery:
            readings.append(Reading(Series("netmon_mains_up", labels), int(self.battery[device]), at))
        poll = Poll(device=device, outcome=Outcome.ANSWERED, sent=at, ended=at, readings=tuple(readings))
        self.pipeline.take_poll(watch, poll)

    def cut(self, *numbers):
        for n in numbers:
            self.dead |= {f"r{n}"}
            self.dark |= {Port("core", f"x{n}")}

    def splice(self, *numbers):
        for n in numbers:
            self.dead -= {f"r{n}"}
            self.dark -= {Port("core", f"x{n}")}

    def reload(self, things):
        self.things = things
        self.pipeline.take(things)
        self.fill()

    def step_clock(self, seconds):
        """The wall clock steps; the monotonic one does not."""
        self.now += seconds
        self._swept += seconds
        self._agenda = [(at + seconds, *rest) for at, *rest in self._agenda]
        self.pipeline.shift(seconds)

    def restart(self, things=None, away=20.0):
        self.pipeline.park()
        self.store.record_stop(self.now)
        self.close()
        return World(self.path, things or self.things, self.now + away, before=self)

    def told(self):
        """The whole page: every series once, with its value."""
        found = {}
        for line in self.page.render().decode().splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                assert name not in found, f"{name} is on the page twice"
                found[name] = float(value)
        return found

    def explained(self, kind, name):
        """What the page says explains something; None where it tells nothing of it."""
        mine = {s: v for s, v in self.told().items() if s.startswith(f"netmon_{kind}_explained") and f'{kind}="{name}"' in s}
        return {s.split('by="')[1].split('"')[0] for s, v in mine.items() if v} if mine else None

    def paging(self):
        """netmon_incident_paging by root."""
        told = self.told().items()
        return {s.split('root="')[1].split('"')[0]: v for s, v in told if s.startswith("netmon_incident_paging")}

    def going_on(self):
        return self.incidents.going_on()

    def verbs(self, incident):
        self.store.flush()
        return [entry.verb for entry in self.reader.entries(incident)]

    def close(self):
        if not self.ended:
            self.store.close()
            self.ended = True


def two_in_a_cable():
    return province(8, srlg=lambda n, cable: (cable,) if n in (1, 2) else ())


def what_rules_read(world):
    """What the page says of explanations, incidents and states: what rules read."""
    families = ("netmon_device_explained", "netmon_link_explained", "netmon_site_explained", "netmon_incident_")
    states = ("netmon_device_up{", "netmon_link_up{")
    told = {name: value for name, value in world.told().items() if name.startswith((*families, *states))}
    # A zero of an incident that is over, or has another root, may go with a restart: it was the last word.
    told = {name: value for name, value in told.items() if value or not name.startswith("netmon_incident")}
    # Of a site behind a lost upstream nothing is known until that has answered or not; no rule fires on either.
    sites = {name: value for name, value in world.told().items() if name.startswith("netmon_site_service")}
    return told | {name: value for name, value in sites.items() if 'state="isolated"' in name or 'state="on_backup"' in name}


def without(things, devices=(), links=(), sites=()):
    """An inventory that somebody took something out of, with all that hangs on it."""
    kept_sites = {k: v for k, v in things.sites.items() if k not in sites}
    kept = {k: v for k, v in things.devices.items() if k not in devices and v.site in kept_sites}
    kept = {k: replace(v, upstreams=tuple(u for u in v.upstreams if u in kept)) for k, v in kept.items()}
    hung = {}
    for name, link in things.links.items():
        if name in links or link.site not in kept_sites or (link.upstream_site and link.upstream_site not in kept_sites):
            continue
        near, far = (port if port is not None and port.device in kept else None for port in (link.near, link.far))
        hung[name] = replace(link, near=near, far=far)
    return Inventory(kept_sites, kept, hung, tuple(c for c in things.canaries if c in kept))


def wired(things):
    """The first station has a link of its own now, if there are still those that it hangs on."""
    if not {"bts0", "centre"} <= things.sites.keys() or not {"m0", "core"} <= things.devices.keys():
        return things
    near, far = Port("m0", "ge0"), Port("core", "y0")
    common = {"network": "ran", "capacities": (Capacity(0, 1e6, 1e6),), "near": near, "far": far}
    link = Link(id="w0", site="bts0", upstream_site="centre", kind=LinkKind.MICROWAVE, role=LinkRole.PRIMARY, **common)
    return replace(things, links={**things.links, "w0": link})


def look(world):
    """All that people and programs read of it."""
    world.told()
    for one in world.going_on():
        book.incident_json(one, world.things, world.now)
    book.on_the_wall(world.going_on(), world.things, world.now)
    world.store.flush()
    for one in world.reader.incidents():
        book.from_store(world.reader, one.id, world.things, world.now)
    world.operations.communes()
    world.incidents.causes()
