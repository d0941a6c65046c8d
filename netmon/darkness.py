"""Who goes dark next: what the power devices tell after their mains fail, how long each site has, and what it takes with it.

A poll of a device that tells nothing of power costs a look into a table. Of one on mains the last point is kept; from the
failure on a point a minute, and one a quarter of an hour of what lies further back. Nothing here waits or asks for the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Any, NamedTuple, Protocol

from netmon.causes.dark import FULL, Left, Outlook, Plant, Point, outlook
from netmon.causes.feeds import feeds_of
from netmon.dark_facts import BOUNDS, Stands, facts
from netmon.derive.layout import MAINS, Layout
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import Kind, Readings, Series, Subject, Words
from netmon.supply import ON_BATTERY, PERIODS

EVERY_S = 60.0
"""A point of a device at most so often."""
RECENT, OLDER = 45, 24
"""Points kept a minute apart, and those before them a quarter of an hour apart: six hours, for fuel goes slowly."""
OLDER_EVERY_S = 900.0
SHOWN_EVERY_S = 30.0
SHOWN_AT_ONCE = 200
"""So many sites are put on the page in one go, those that waited longest first."""

LOW_S = 900.0
"""So little that is left is called low, as an empty battery is."""

LONGEST_S = 30 * 86_400.0
"""No site's power lasts so long without mains: where more would be left, what the device tells is wrong."""
MOST = 1e12
"""No figure of a site's power is as much, in whatever unit: such a one is not told."""
LASTS_S = 86_400.0
"""A site of whose battery nothing is known, and that was not heard for so long, is dark: few plants last that long."""

_FIELDS = {
    "netmon_battery_voltage_volts": "volts",
    "netmon_battery_current_amperes": "amperes",
    "netmon_battery_charge_ratio": "charge",
    "netmon_battery_charge_coulombs": "coulombs",
    "netmon_battery_discharged_coulombs": "discharged",
    "netmon_battery_health_ratio": "health",
    "netmon_battery_remaining_seconds": "remaining_s",
    "netmon_load_current_amperes": "load",
    "netmon_battery_low": "low",
    "netmon_generator_up": "generator",
    "netmon_generator_run_seconds": "run_s",
    "netmon_fuel_ratio": "fuel",
    "netmon_fuel_liters": "litres",
}
_STRINGS = {
    "netmon_battery_string_voltage_volts": "volts",
    "netmon_battery_string_current_amperes": "amperes",
    "netmon_battery_string_charge_ratio": "charge",
}
"""Told of each string of a battery: voltages and charges are about the same, currents add up."""
_AWAY = "netmon_battery_discharge_duration_seconds"
_LITHIUM = ("lithium", "li-ion", "lifepo", "lfp")

RAN = ("generator_run_seconds", "generator_up")
"""Figures of which hours and days are kept, by device of a site: whether a generator was tried lately."""

_TOO_LONG = Words("số đo không hợp lý: còn quá 30 ngày", "what is told cannot be: more than 30 days would be left")
_UNTOLD = Words("chưa có số đo nào từ khi netmon khởi động lại", "nothing was told since netmon restarted")


class Keeper(Protocol):
    """Keeps hours and days of a figure (`summaries.Summaries`)."""

    def take(self, subject: Subject, figure: str, part: str, value: float, at: float, simulated: bool = False) -> None: ...


class Power(NamedTuple):
    """What a power device told last. `since`: its mains are gone since then, None where they are not or it does not say;
    `holds_s`: how long what it told holds."""

    point: Point
    since: float | None
    holds_s: float


class Ends(NamedTuple):
    """When a site without mains goes dark, as instants that stand still while nothing new is told; None where nobody knows.
    `since`: its mains are gone since then."""

    since: float | None
    earliest: float | None
    likely: float | None
    latest: float | None


class _Places(NamedTuple):
    """Where the power of a device stands among its readings."""

    fields: tuple[tuple[str, tuple[int, ...]], ...]
    mains: int | None
    away: int | None
    lithium: bool


class _Held:
    """What is known of a power device."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.since: float | None = None
        self.told = False  # whether it says at all if its mains are there
        self.was_full = False  # when its mains failed
        self.low_at = 0.0
        self.last: Point | None = None
        self.holds_s = 0.0
        self.lithium = False
        self.recent: deque[Point] = deque(maxlen=RECENT)
        self.older: deque[Point] = deque(maxlen=OLDER)
        self.outlook = Outlook(None, _UNTOLD)
        self.reckoned = 0.0

    def keep(self, point: Point) -> None:
        """Adds a point of a device whose mains are gone, and reckons anew."""
        if len(self.recent) == RECENT and (not self.older or self.recent[0].at - self.older[-1].at >= OLDER_EVERY_S):
            self.older.append(self.recent[0])
        self.recent.append(point)
        points = [*self.older, *self.recent]
        plant = Plant(since=self.since or point.at, points=points, lithium=self.lithium, was_full=self.was_full)
        found = outlook(plant, point.at)
        self.outlook = found if found.left is None or found.left.likely <= LONGEST_S else Outlook(None, _TOO_LONG)
        self.reckoned = point.at

    def forget(self) -> None:
        self.since, self.low_at = None, 0.0
        self.start_anew()

    def start_anew(self) -> None:
        """Forgets what it told, not that its mains are gone."""
        self.recent.clear()
        self.older.clear()
        self.outlook, self.reckoned = Outlook(None, _UNTOLD), 0.0

    def left(self, now: float) -> Left | None:
        left = self.outlook.left
        return None if left is None else left.after(max(0.0, now - self.reckoned))

    def silent(self, now: float) -> bool:
        return self.last is None or now - self.last.at > self.holds_s

    def is_dark(self, now: float) -> bool:
        """Whether it is silent and has outlasted its latest end or, where that is not known, what plants last."""
        if not self.silent(now):
            return False
        if self.outlook.left is not None:
            return self.reckoned + self.outlook.left.latest <= now
        return now - max(self.since or 0.0, self.last.at if self.last is not None else 0.0) > LASTS_S


class Darkness:
    """The power of all sites of an inventory."""

    def __init__(self, outlets: Outlets, keeper: Keeper) -> None:
        self._outlets = outlets
        self._keeper = keeper
        self._held: dict[str, _Held] = {}
        self._known: dict[str, tuple[Layout, _Places | None]] = {}
        self._of_site: dict[str, list[str]] = {}
        self._labels: dict[str, tuple[tuple[str, str], ...]] = {}
        self._shown: dict[str, float] = {}  # by site, when what is left was last put on the page
        self.hang(Inventory({}, {}, {}))

    def hang(self, inventory: Inventory) -> None:
        """Takes an inventory; a device that stays at its site keeps what it told."""
        before = {device: site for site, there in self._of_site.items() for device in there}
        self._inventory = inventory
        self._feeds = feeds_of(inventory.sites.values(), inventory.devices.values(), inventory.links.values())
        self._known = {device: known for device, known in self._known.items() if device in inventory.devices}
        for device, site in before.items():
            now_at = inventory.devices[device].site if device in inventory.devices else None
            if now_at != site or inventory.site_labels(site) != self._labels[site]:
                self._forget(device, site)

    def _forget(self, device: str, site: str) -> None:
        self._held.pop(device, None)
        self._known.pop(device, None)
        self._shown.pop(site, None)
        self._of_site[site].remove(device)
        self._outlets.forget(f"dark:{site}")
        self._outlets.forget(f"battery:{site}")
        if self._of_site[site]:
            self._show_supply(site)
        else:
            del self._of_site[site], self._labels[site]

    def _hold(self, device: str) -> _Held:
        held = self._held.get(device)
        if held is None:
            site = self._inventory.devices[device].site
            held = self._held[device] = _Held(device)
            self._of_site.setdefault(site, []).append(device)
            self._labels[site] = self._inventory.site_labels(site)
        return held

    def restore(self, spans: Mapping[str, tuple[str, float]]) -> None:
        """Goes on with the supplies that were told before a restart: state and since when, by device. What batteries did
        before it is not known any more."""
        for device, (state, since) in spans.items():
            if state == ON_BATTERY and device in self._inventory.devices:
                held = self._hold(device)
                held.since, held.told = since, True
                self._show_supply(self._inventory.devices[device].site)

    def take(self, device: str, layout: Layout, readings: Readings, period_s: float) -> None:
        """Takes what a poll of a device brought that speaks every `period_s`."""
        known = self._known.get(device)
        if known is None or known[0] is not layout:
            known = self._known[device] = layout, _find(layout.series)
        if known[1] is not None and device in self._inventory.devices:
            self._take(device, known[1], readings, period_s)

    def _take(self, device: str, places: _Places, readings: Readings, period_s: float) -> None:
        held, point = self._hold(device), _point(places, readings)
        held.holds_s, held.lithium = PERIODS * period_s, places.lithium
        # What reports by itself is looked at more often than it reports.
        if held.last is not None and point.at == held.last.at:
            return
        site, before = self._inventory.devices[device].site, held.last
        held.last = point
        away_s = None if places.away is None else readings.values[places.away]
        if places.mains is not None:
            lost: bool | None = not readings.values[places.mains]
        else:
            lost = None if away_s is None else away_s > 0
        if lost is not None:
            self._turn(held, site, lost, point.at, away_s, before)
        due = not held.recent or not 0 <= point.at - held.recent[-1].at < 0.9 * EVERY_S
        if held.since is not None and due:
            if held.recent and point.at < held.recent[-1].at:
                held.start_anew()  # its clock went back
            held.keep(point)
            left = held.outlook.left
            if point.low or (point.charge is not None and point.charge <= 0) or (left and left.likely < LOW_S):
                held.low_at = point.at
        if due or held.since is None:
            self._keep_runs(site, device, point)

    def _turn(self, held: _Held, site: str, lost: bool, at: float, away_s: float | None, before: Point | None) -> None:
        was, first = held.since is not None, not held.told
        held.told = True
        if lost and not was:
            held.since = at - away_s if away_s is not None and 0 < away_s < at else at
            on_mains = not first and before is not None and 0 <= held.since - before.at <= held.holds_s
            held.was_full = on_mains and before is not None and before.charge is not None and before.charge >= FULL
        elif was and not lost:
            held.forget()
            self._hide(site)
        if first or lost is not was:
            self._show_supply(site)

    def untold(self, device: str) -> None:
        """A device that goes on speaking says no more of its mains: nobody knows whether they are there."""
        held = self._held.get(device)
        if held is None or not held.told:
            return
        site = self._inventory.devices[device].site
        held.forget()
        held.told = False
        self._hide(site)
        self._outlets.forget(f"battery:{site}")
        self._show_supply(site)

    def _keep_runs(self, site: str, device: str, point: Point) -> None:
        for figure, value in zip(RAN, (point.run_s, point.generator), strict=True):
            if value is not None:
                self._keeper.take(Subject("site", site), figure, device, float(value), point.at)

    def _show_supply(self, site: str) -> None:
        told = [held.since is not None for device in self._of_site[site] if (held := self._held[device]).told]
        if told:
            series = Series("netmon_site_on_battery", self._labels[site])
            self._outlets.put(f"battery:{site}", [(series, int(any(told)))], kept=True)

    def sweep(self, now: float) -> None:
        """Shows how long each site has, every half a minute; what polls spread over time stays spread here."""
        due = [site for site in self._on_battery() if not 0 <= now - self._shown.get(site, 0.0) < SHOWN_EVERY_S]
        for site in sorted(due, key=lambda site: self._shown.get(site, 0.0))[:SHOWN_AT_ONCE]:
            self._shown[site] = now
            held = self._ends_first(site, now)
            left = held.left(now)
            # A site that is silent and has outlasted the latest end is dark, and no longer about to be.
            if left is None or (not left.latest and held.silent(now)):
                self._outlets.drop(f"dark:{site}")
                continue
            labels = self._labels[site]
            series = (Series("netmon_site_dark_seconds", (*labels, ("bound", bound))) for bound in BOUNDS)
            self._outlets.put(f"dark:{site}", list(zip(series, left, strict=True)))

    def _hide(self, site: str) -> None:
        """The mains of a device at a site are back, or it does not say: with the last of them the end leaves the page."""
        self._shown.pop(site, None)
        if all(self._held[other].since is None for other in self._of_site[site]):
            self._outlets.drop(f"dark:{site}")

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much: histories start anew."""
        self._shown.clear()
        for held in self._held.values():
            held.start_anew()
            if held.since is not None:
                held.since += step_s
            if held.low_at:
                held.low_at += step_s

    def on_battery(self) -> dict[str, float]:
        """Sites whose mains are gone, and since when; one that fell silent so is still among them."""
        return {site: min(held.since or 0.0 for held in there) for site, there in self._on_battery().items()}

    def battery_low(self) -> dict[str, float]:
        """Sites without mains whose battery was last told to be low, empty or minutes from its end, and when."""
        low = {site: max(held.low_at for held in there) for site, there in self._on_battery().items()}
        return {site: at for site, at in low.items() if at}

    def powers(self) -> dict[str, Power]:
        """What each power device told last, by device."""
        return {
            device: Power(held.last, held.since, held.holds_s)
            for device, held in self._held.items()
            if held.last is not None
        }

    def soonest(self, now: float) -> list[tuple[str, float]]:
        """Sites and the seconds that each probably has, the soonest first; without those of which it is not known, and those
        that are dark already."""
        standing = [(one.site, one.left, one.silent) for one in self._stand(now)]
        known = [(site, left) for site, left, silent in standing if left is not None and (left.latest or not silent)]
        known.sort(key=lambda one: (one[1].likely, one[1].earliest, one[0]))
        return [(site, left.likely) for site, left in known]

    def ends(self, now: float) -> dict[str, Ends]:
        """When each site without mains goes dark, by the power device that ends first. What is silent and has outlasted its
        latest end, or of which nothing is known and nothing was heard for a day, is dark already, and is left out."""
        found = {}
        for site in self._on_battery():
            held = self._ends_first(site, now)
            left, at = held.outlook.left, held.reckoned
            if held.is_dark(now):
                continue
            if left is None:
                found[site] = Ends(held.since, None, None, None)
            else:
                found[site] = Ends(held.since, *(round(at + seconds) for seconds in left))
        return found

    def facts(self, now: float, lost: Set[str] = frozenset()) -> dict[str, Any]:
        """Sites and communes that go dark, the soonest first and those of which it is not known last. `lost` are links that
        are down already."""
        return self.asked(now, lost)()

    def asked(self, now: float, lost: Set[str] = frozenset()) -> Callable[[], dict[str, Any]]:
        """`facts` as they are now, to be worked out by any thread: with thousands of sites that takes a while."""
        return partial(facts, self._stand(now), self._inventory, self._feeds, lost)

    def _stand(self, now: float) -> list[Stands]:
        found = ((site, self._ends_first(site, now)) for site in self._on_battery())
        return [
            Stands(site, held.device, held.since, held.last, held.silent(now), held.left(now), held.outlook.basis)
            for site, held in found
        ]

    def _on_battery(self) -> dict[str, list[_Held]]:
        found = {
            site: [held for device in there if (held := self._held[device]).since is not None]
            for site, there in self._of_site.items()
        }
        return {site: there for site, there in found.items() if there}

    def _ends_first(self, site: str, now: float) -> _Held:
        """Of a site's power devices the one that probably ends first; those of which nothing is known last, and after them
        what is dark itself: it says nothing of a site that others still feed."""

        def order(held: _Held) -> tuple[float, bool]:
            left, silent = held.left(now), held.silent(now)
            return (float("inf") if left is None or (not left.latest and silent) else left.likely, silent)

        return min((self._held[d] for d in self._of_site[site] if self._held[d].since is not None), key=order)


def _find(series: Sequence[Series]) -> _Places | None:
    """Where the power stands; None: there is none of it. What is told of the whole battery goes before its strings."""
    fields: dict[str, list[int]] = {}
    for families in (_FIELDS, _STRINGS):
        found: dict[str, list[int]] = {}
        for n, one in enumerate(series):
            if one.kind is Kind.GAUGE and one.family in families:
                found.setdefault(families[one.family], []).append(n)
        fields = found | fields
    place = {one.family: n for n, one in enumerate(series) if one.family in (MAINS, _AWAY)}
    if not fields and not place:
        return None
    names = " ".join(value for one in series if one.kind is Kind.INFO for _, value in one.labels).lower()
    return _Places(
        tuple((field, tuple(places)) for field, places in fields.items()),
        place.get(MAINS),
        place.get(_AWAY),
        any(word in names for word in _LITHIUM),
    )


def _point(places: _Places, readings: Readings) -> Point:
    told: dict[str, Any] = {}
    all_places = [n for _, several in places.fields for n in several]
    all_places += [n for n in (places.mains, places.away) if n is not None]
    for field, several in places.fields:
        values = [value for n in several if abs(value := readings.values[n]) < MOST]
        if not values:
            continue
        total = sum(values)
        value = total if field == "amperes" else total / len(values)
        if field in ("low", "generator"):
            told[field] = bool(value)
        elif field == "amperes" or value >= 0:
            told[field] = min(1.0, value) if field in ("charge", "fuel") else value
    return Point(at=max(readings.at[n].unix for n in all_places), **told)
