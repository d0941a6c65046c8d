"""`python -m tests.faults.weeks HOURS [traced]`: a running netmon lives through simulated hours in which everything changes,
and tells every so often, as a line of JSON, how much memory it has; when it is traced, also what grew and where."""

import asyncio
import gc
import json
import sys
import tempfile
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from netmon.model import At, Device, Kind, LinkKind, Outcome, Poll, Port, Reading, Series
from tests.running import BOOT, T0, World, look, province

OFTEN = 20
"""So often memory is looked at."""

ROW = ("netmon_interface_receive_bytes_total", "netmon_interface_transmit_bytes_total")


class Weeks(World):
    """Devices flap, ports are renumbered and named anew, others come and go by reloads; storms, works and readers too."""

    def begin(self, seed):
        self.dice, self.hour, self.names = Random(seed), 0, {}

    scraped_every = 0

    def run(self, seconds, until=None):
        for _ in range(seconds // self.scraped_every if self.scraped_every else 0):
            super().run(self.scraped_every)
            self.page.render()
        return self if self.scraped_every else super().run(seconds, until)

    def poll(self, device):
        if device in self.dead:
            super().poll(device)
            return
        watch, at = self.pipeline.watches[device], At(self.now, self.now - self.network.offset)
        uptime = self.now - self.life.get(device, T0 - BOOT)
        readings = [Reading(Series("netmon_device_uptime_seconds", watch.labels), uptime, at)]
        ports = {port for link in self.things.links.values() for port in (link.near, link.far) if port}
        names = [(port.interface, port not in self.dark) for port in ports if port.device == device]
        for name, up in [*sorted(names), (self.names.get(device, "spare"), True)]:
            labels = (*watch.labels, ("interface", name))
            readings.append(Reading(Series("netmon_interface_up", labels), int(up), at))
            readings += [Reading(Series(row, labels, Kind.COUNTER64), int(self.now * 1000), at) for row in ROW]
        poll = Poll(device=device, outcome=Outcome.ANSWERED, sent=at, ended=at, readings=tuple(readings))
        self.pipeline.take_poll(watch, poll)

    def live_an_hour(self):
        self.hour += 1
        dice, base = self.dice, [name for name in self.things.devices if name.startswith("r")]
        ask = self.operations.windows
        self.names = {name: f"tun{self.hour}-{dice.randrange(5)}" for name in base}  # renumbered: never the same name again
        self.life[dice.choice(base)] = self.now  # a restart
        fallen = dice.sample(range(6), 3)
        self.cut(*fallen)
        self.run(900)
        self.splice(*fallen)
        self.reload(self.other_things())
        storm = {"name": f"bão {self.hour}", "level": 3, "areas": ["04"], "from": "now", "until": "+20m"}
        asyncio.run(ask.control_storm("an", {"action": "declare", **storm}))
        works = {"name": f"việc {self.hour}", "areas": ["01273"], "from": "now", "until": "+10m"}
        asyncio.run(ask.control_maintenance("an", {"action": "declare", **works}))
        self.run(900)
        look(self)
        self.run(1800)
        self.pipeline.forget_counters(self.now - 7_200)

    def other_things(self):
        """The same province with guests that were never there before, each with a fibre of its own."""
        things, links = province(6, stations=2), {}
        names = [f"guest{self.hour}-{n}" for n in range(3)]
        guests = [Device(id=name, site="bts0", addresses=("192.0.2.9",), upstreams=("core",)) for name in names]
        like = replace(things.links["f0"], site="bts0", kind=LinkKind.MICROWAVE, far=None)
        for name in names:
            links[f"g-{name}"] = replace(like, id=f"g-{name}", near=Port(name, "ge0"))
        devices = {**things.devices, **{guest.id: guest for guest in guests}}
        return replace(things, devices=devices, links={**things.links, **links})


def resident():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def things():
    """How many there are of each kind of thing that is netmon's."""
    kinds = Counter(f"{type(one).__module__}.{type(one).__name__}" for one in gc.get_objects())
    return {kind: count for kind, count in sorted(kinds.items()) if kind.startswith("netmon.")}


def main(hours, traced):
    with tempfile.TemporaryDirectory() as home:
        world = Weeks(Path(home) / "netmon.db", province(6, stations=2))
        world.begin(9)
        first = None
        if traced:
            tracemalloc.start()
        for hour in range(1, hours + 1):
            world.live_an_hour()
            if hour % max(1, hours // OFTEN) == 0:
                world.store.flush()
                gc.collect()
                grown = []
                if traced and hour >= hours // 2:
                    snapshot = tracemalloc.take_snapshot()
                    first = first or snapshot
                    grown = [str(one) for one in snapshot.compare_to(first, "lineno")[:12]]
                page = len(world.page.render())
                used = tracemalloc.get_traced_memory()[0]
                told = {"hour": hour, "rss": resident(), "used": used, "page": page, "things": things(), "grown": grown}
                print(json.dumps(told), flush=True)
        world.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] == ["traced"])
