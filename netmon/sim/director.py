"""The director: what happens to the simulated province while it runs, as it is ordered. ORDERS says what can be.

What the kernel answers cannot be silenced: an echo to a 127.x address comes back whatever is ordered. So a device with
`ping: true` stays up for netmon, and a link whose only witness is its `check` never falls; an answer names those that are
lost and still echo, under "echoes".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from netmon.inventory import Inventory
from netmon.model import Speech
from netmon.sim.power import PowerPlant
from netmon.sim.stations import plant
from netmon.sim.timetable import Timetable
from netmon.sim.troubles import Script, Stage

ORDERS = """\
orders, one JSON object each ("behind" and the numbers may be left out):
  {"do": "silence", "devices": [ID, ...], "behind": false}   they answer nothing; with "behind" they carry nothing either
  {"do": "answer", "devices": [ID, ...]}                     the end of that
  {"do": "cut" | "mend", "links": [ID, ...]}                 both ports down, no light, nothing gets through
  {"do": "cable", "srlg": NAME, "cut": true | false}         the same for every link of a shared cable
  {"do": "flap", "link": ID, "down_s": 3, "up_s": 3, "times": 5}
  {"do": "mains", "sites": [ID, ...], "up": false | true, "fast": 1 | "lasts_s": S}
                                                             batteries empty so many times as fast, or are empty in S seconds
  {"do": "restart", "devices": [ID, ...], "down_s": 3}       they are away so long, and start anew
  {"do": "uplink", "up": false | true}                       netmon's own: nobody answers
  {"do": "state"}                                            what is in force
"""

_SHORTEST_S = 0.01


class OrderError(Exception):
    """An order that cannot be obeyed, in words for the one who gave it."""


class _Flap(NamedTuple):
    when: Timetable
    times: int

    def down(self, at: float) -> bool:
        return self.when.begun(at) <= self.times and self.when.active(at)

    def over(self, at: float) -> bool:
        return self.when.begun(at) >= self.times and self.when.ended(at) >= self.times


@dataclass(frozen=True, slots=True)
class _Order:
    """The fields of an order, each taken out as what it must be."""

    fields: Mapping[str, Any]

    def names(self, field: str, known: Collection[str], noun: str) -> list[str]:
        found = self.fields.get(field)
        if not (isinstance(found, list) and found and all(isinstance(name, str) for name in found)):
            raise OrderError(f'"{field}": expected a list of ids, such as ["{next(iter(known), "")}"]')
        unknown = sorted(set(found) - set(known))
        if unknown:
            raise OrderError(f'"{field}": the inventory has no {noun} {", ".join(unknown)}')
        return found

    def name(self, field: str, known: Collection[str]) -> str:
        found = self.fields.get(field)
        if not (isinstance(found, str) and found in known):
            raise OrderError(
                f'"{field}": expected one of {", ".join(sorted(known)) or "none: the inventory has no such thing"}'
            )
        return found

    def flag(self, field: str, default: bool | None = None) -> bool:
        found = self.fields.get(field, default)
        if not isinstance(found, bool):
            raise OrderError(f'"{field}": expected true or false')
        return found

    def number(self, field: str, default: float) -> float:
        found = self.fields.get(field, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < inf:
            raise OrderError(f'"{field}": expected a number above 0')
        return float(found)

    def only(self, *fields: str) -> None:
        more = sorted(self.fields.keys() - {"do", *fields})
        if more:
            raise OrderError(f"{self.fields['do']} knows no {', '.join(more)}; it takes {', '.join(fields) or 'nothing'}")


class Director:
    """What is in force, and what comes of it: who is absent, what is cut. Instants, in Unix seconds, never run back."""

    def __init__(self, inventory: Inventory, on: Stage, *, seed: int) -> None:
        self._inventory = inventory
        self._stage = on
        self._seed = seed
        self._silenced: dict[str, bool] = {}
        self._cut: set[str] = set()
        self._cables: set[str] = set()
        self._flaps: dict[str, _Flap] = {}
        self._uplink = True
        self._plants: dict[str, PowerPlant] = {}
        self._cable_links: dict[str, set[str]] = {}
        for link in inventory.links.values():
            for name in link.srlg:
                self._cable_links.setdefault(name, set()).add(link.id)
        self._ways = {device: _ways(inventory, device) for device in inventory.devices}

    def order(self, request: object, at: float) -> dict[str, Any]:
        """Does what is ordered, at once; the answer. OrderError: it cannot be done, and nothing was."""
        do = request.get("do") if isinstance(request, dict) else None
        if not (isinstance(request, dict) and isinstance(do, str) and do in _DOES):
            raise OrderError(f'expected {{"do": ...}} with one of {", ".join(_DOES)}')
        _DOES[do](self, _Order(request), at)
        self.settle(at)
        return self.state(at)

    def settle(self, at: float) -> None:
        """Switches every device and link to what is in force at an instant."""
        stage, devices = self._stage, self._inventory.devices
        self._flaps = {link: flap for link, flap in self._flaps.items() if not flap.over(at)}
        cut = self._cut | {link for name in self._cables for link in self._cable_links[name]}
        cut |= {link for link, flap in self._flaps.items() if flap.down(at)}
        dead = {device for device, behind in self._silenced.items() if behind}
        dark = {site for site in self._away(at) if self._plants[site].at(at).dark}
        dead |= {device.id for device in devices.values() if device.site in dark}
        away = self._lost(dead, cut)
        restarting = {device for device in devices if stage.restarts[device].active(at)}
        # A restart of a router is over before the connections behind it notice, and polls do not wait that long.
        asked = self._lost(dead | restarting, cut) if restarting else away
        for device in devices.values():
            lost = asked if device.speaks is Speech.SNMP or device.id in restarting else away
            stage.absent[device.id].switch(not self._uplink or device.id in self._silenced or device.id in lost, at)
        for link in self._inventory.links:
            stage.cut[link].switch(link in cut, at)

    def next_change(self, at: float) -> float | None:
        """When something in force next ends or begins by itself; None for never."""
        stage = self._stage
        instants = [flap.when.next_change(at) for flap in self._flaps.values()]
        instants += [windows.window(windows.begun(at) - 1)[1] for windows in stage.restarts.values() if windows.active(at)]
        for site in self._away(at):
            power = self._plants[site].at(at)
            if not power.dark:
                instants.append(at + max(_SHORTEST_S, power.battery_remaining_seconds))
        return min((instant for instant in instants if instant is not None), default=None)

    def state(self, at: float) -> dict[str, Any]:
        """What is in force at an instant, and who is absent by it."""
        absent = sorted(device for device, windows in self._stage.absent.items() if windows.active(at))
        cut = sorted(link for link, windows in self._stage.cut.items() if windows.active(at))
        devices, links = self._inventory.devices, self._inventory.links
        echoes = [device for device in absent if devices[device].ping] + [link for link in cut if links[link].check]
        return {
            "silenced": sorted(self._silenced),
            "cables": sorted(self._cables),
            "flapping": sorted(self._flaps),
            "mains_away": {
                site: round(self._plants[site].at(at).battery_charge_ratio, 4) for site in sorted(self._away(at))
            },
            "restarting": sorted(device for device, windows in self._stage.restarts.items() if windows.active(at)),
            "uplink": self._uplink,
            "absent": absent,
            "cut": cut,
            "echoes": echoes,
        }

    def _away(self, at: float) -> list[str]:
        """The sites whose mains are away."""
        return [site for site in self._plants if self._stage.mains[site].active(at)]

    def _lost(self, dead: Collection[str], cut: Set[str]) -> set[str]:
        """Who is `dead`, and who has no way left to an upstream that is not lost."""
        lost = set(dead)
        if not lost and not cut:
            return lost
        while True:
            more = {
                device
                for device, ways in self._ways.items()
                if device not in lost and ways and all(up in lost or (over and over <= cut) for up, over in ways)
            }
            if not more:
                return lost
            lost |= more

    # What can be ordered. Each checks all before it changes anything.

    def _silence(self, order: _Order, at: float) -> None:
        order.only("devices", "behind")
        behind = order.flag("behind", default=False)
        self._silenced |= dict.fromkeys(order.names("devices", self._inventory.devices, "device"), behind)

    def _answer(self, order: _Order, at: float) -> None:
        order.only("devices")
        for device in order.names("devices", self._inventory.devices, "device"):
            self._silenced.pop(device, None)

    def _sever(self, order: _Order, at: float) -> None:
        order.only("links")
        self._cut |= set(order.names("links", self._inventory.links, "link"))

    def _mend(self, order: _Order, at: float) -> None:
        order.only("links")
        links = order.names("links", self._inventory.links, "link")
        self._cut -= set(links)
        self._flaps = {link: flap for link, flap in self._flaps.items() if link not in links}

    def _cable(self, order: _Order, at: float) -> None:
        order.only("srlg", "cut")
        name, cut = order.name("srlg", self._cable_links), order.flag("cut")
        (self._cables.add if cut else self._cables.discard)(name)

    def _flap(self, order: _Order, at: float) -> None:
        order.only("link", "down_s", "up_s", "times")
        link = order.name("link", self._inventory.links)
        down, up, times = order.number("down_s", 3), order.number("up_s", 3), order.number("times", 5)
        self._flaps[link] = _Flap(Timetable(at, down, down + up), int(times))

    def _mains(self, order: _Order, at: float) -> None:
        order.only("sites", "up", "fast", "lasts_s")
        up = order.flag("up")
        equipped = {device.site: device.id for device in self._inventory.devices.values()}
        sites = order.names("sites", equipped, "site with a device")
        if "fast" in order.fields and "lasts_s" in order.fields:
            raise OrderError('"fast" and "lasts_s" say the same thing in two ways: expected one of them')
        fast, lasts_s = order.number("fast", 1), order.number("lasts_s", 1)
        for site in sites:
            if up:
                self._stage.mains[site].end(at)
                continue
            if site not in self._plants:
                self._plants[site] = plant(equipped[site], Script(stage=self._stage), seed=self._seed)
            power = self._plants[site]
            left_s = power.at(at).battery_charge_ratio * power.autonomy_s
            pace = (left_s or power.autonomy_s) / lasts_s if "lasts_s" in order.fields else fast
            self._stage.mains[site].begin(at, pace=pace)

    def _restart(self, order: _Order, at: float) -> None:
        order.only("devices", "down_s")
        down = order.number("down_s", 3)
        devices = order.names("devices", self._inventory.devices, "device")
        if busy := [device for device in devices if self._stage.restarts[device].active(at)]:
            raise OrderError(f'"devices": {", ".join(busy)} restarts already')
        for device in devices:
            self._stage.restarts[device].begin(at, lasting=down)

    def _own_uplink(self, order: _Order, at: float) -> None:
        order.only("up")
        self._uplink = order.flag("up")

    def _state(self, order: _Order, at: float) -> None:
        order.only()


_DOES: Mapping[str, Callable[[Director, _Order, float], None]] = {
    "silence": Director._silence,
    "answer": Director._answer,
    "cut": Director._sever,
    "mend": Director._mend,
    "cable": Director._cable,
    "flap": Director._flap,
    "mains": Director._mains,
    "restart": Director._restart,
    "uplink": Director._own_uplink,
    "state": Director._state,
}


def _ways(inventory: Inventory, device: str) -> list[tuple[str, frozenset[str]]]:
    """The upstreams of a device, each with the links of its site that lead to it; none of them for one that is next to it,
    or on a way that the inventory does not tell. One without upstreams hangs on the links of its site."""
    entry = inventory.devices[device]
    links = inventory.links_of_site().get(entry.site, ())
    if not entry.upstreams:
        return [("", frozenset(link.id for link in links))] if links else []
    return [
        (up, frozenset(link.id for link in links if link.upstream_site == inventory.devices[up].site))
        for up in entry.upstreams
    ]
