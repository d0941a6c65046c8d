"""What the shift works with, kept beside the network: declared windows, incidents, power that runs out.

The pipeline tells it what happened; it says what explains what, and whose polls are to be hurried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from netmon.announce import Announcer
from netmon.causes.picture import Picture
from netmon.darkness import Darkness
from netmon.derive.layout import Layout
from netmon.derive.services import WORST_FIRST
from netmon.events.windows import in_since, over_at, overruns, phase
from netmon.exporters.outlets import Outlets
from netmon.fibre import Fibre
from netmon.incidents import SHOWN_S, Incidents
from netmon.inventory import Inventory
from netmon.model import Declared, DeviceState, Phase, Poll, Readings, Series, Service, SiteKind, Subject, WindowKind
from netmon.network import Network
from netmon.pictures import Pictures
from netmon.store import Reader, Store
from netmon.summaries import Summaries
from netmon.units import Register
from netmon.window_samples import count_samples, overrun, overrun_samples, storm_counts
from netmon.windows import Windows

KEY_SITES = frozenset({SiteKind.PEOPLES_COMMITTEE, SiteKind.SERVICE_CENTRE, SiteKind.PROVINCIAL_CENTRE})
"""While any storm strikes, these are verified sooner wherever in its provinces they stand."""

ENDING = frozenset({"netmon_storm_phase", "netmon_maintenance_overrun"})
"""These say 0 for a while once their window is over, so that no rule goes on with what they said last."""


class Operations:
    """The operations of one network."""

    def __init__(
        self,
        network: Network,
        announcer: Announcer,
        fibre: Fibre,
        summaries: Summaries,
        *,
        register: Register,
        store: Store,
        outlets: Outlets,
        last_poll: Callable[[str], Poll | None],
        clock: Callable[[], float],
    ) -> None:
        self._network = network
        self._outlets = outlets
        self._clock = clock
        self._standing: tuple[Declared, ...] = ()
        self._phases: tuple[tuple[Declared, Phase, bool], ...] = ()
        self._there: dict[str, tuple[list[str], list[str]]] = {}  # People's Committees and devices by commune
        self._there_of: Inventory | None = None
        self._late: dict[str, bool] = {}  # whether works are, by their id, in a picture
        self._late_in: Picture | None = None
        self._ended: dict[Series, float] = {}  # what the page said 1 of, and until when it says 0
        self.scope: Callable[[], Mapping[str, str]] = dict  # communes that do not count, and why
        self.frozen: Callable[[float, float], list[str]] = lambda start, end: []  # freezes of the calendar
        self.calendar: Callable[[float], Mapping[str, bool]] = lambda now: {}  # its windows, and whether they hold
        self.windows = Windows(
            store.reader(),
            store,
            inventory=lambda: network.inventory,
            register=register,
            frozen=lambda start, end: self.frozen(start, end),
            clock=clock,
        )
        self.darkness = Darkness(outlets, summaries)
        pictures = Pictures(network, fibre, self.darkness, self.windows.standing)
        self.incidents = Incidents(
            network, pictures, announcer, store=store, outlets=outlets, last_poll=last_poll, clock=clock
        )

    def restore(self, reader: Reader, supplies: Mapping[str, tuple[str, float]], now: float) -> None:
        """Goes on with the incidents that lasted when netmon stopped, and with what fed each device then."""
        self.darkness.restore(supplies)
        self.incidents.restore(reader, now)
        self.step(now)

    def park(self) -> None:
        """Writes what has not been written yet, for the next start."""
        self.incidents.park()

    # --- what happens -------------------------------------------------------------------------------------------------

    def take(self, device: str, layout: Layout, readings: Readings, period_s: float) -> None:
        """Takes what a poll of a device brought: of power, as far as there is any."""
        self.darkness.take(device, layout, readings, period_s)

    def hang(self, inventory: Inventory) -> None:
        """Takes an inventory."""
        self.darkness.hang(inventory)
        self.incidents.hang(inventory)

    def forget(self, subject: Subject) -> None:
        """A device, link or site that left the inventory."""
        self.incidents.forget(subject)

    def step(self, now: float) -> None:
        """About twice a second: what changed. A window that was declared or changed explains at once."""
        self.windows.step(now, self.is_back, self.is_late)
        self._standing = self.windows.standing()
        phases = tuple((window, phase(window, now), overruns(window, now)) for window in self._standing)
        if phases != self._phases:
            self._phases = phases
            self.incidents.touch()
        self.incidents.step(now)

    def sweep(self, now: float) -> None:
        """What the clock brings, every few seconds."""
        self.darkness.sweep(now)
        self._show(now)

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much."""
        self.darkness.shift(step_s)
        self.windows.shift(step_s)
        self.incidents.touch()

    # --- what others ask ----------------------------------------------------------------------------------------------

    def hurried(self, device: str) -> bool:
        """Whether a device is to be verified sooner: a storm strikes its commune, or its province and it is a key site."""
        storms = [window for window in self._standing if window.kind is WindowKind.STORM and not window.exercise]
        if not storms:
            return False
        site = self._network.inventory.site_of(device)
        if self.windows.in_impact(site.province, site.commune):
            return True
        now = self._clock()
        striking = (storm for storm in storms if phase(storm, now) is not Phase.PREPARE and now < over_at(storm))
        return site.kind in KEY_SITES and any(site.province in self.windows.provinces(storm) for storm in striking)

    def is_back(self, storm: Declared, commune: str) -> bool:
        """Whether a commune is back from a storm: its People's Committee served as far as is known, its devices alive, its
        mains there. What was lost before the storm came over it is not what it has to come back from."""
        network, on_battery = self._network, self.darkness.on_battery()
        if self._there_of is not network.inventory:
            self._there, self._there_of = _by_commune(network.inventory), network.inventory
        committees, devices = self._there.get(commune, ([], []))
        sites = (*committees, *(network.inventory.devices[device].site for device in devices))
        provinces = {network.inventory.sites[site].province for site in sites}
        since = [in_since(storm, province=each, commune=commune, now=self._clock()) for each in provinces]
        onset = min((at for at in since if at is not None), default=storm.start)
        served = all(
            told.state in (Service.UP, Service.UNKNOWN) or told.since < onset
            for site in committees
            if (told := network.sites.get(site)) is not None
        )
        alive = (
            track.state in (DeviceState.UP, DeviceState.SUSPECT) or track.since < onset
            for track in map(network.tracks.__getitem__, devices)
        )
        return served and all(alive) and all(on_battery.get(site, 0.0) < onset for site in sites)

    def communes(self) -> dict[str, tuple[str, Service]]:
        """The service of each commune that has a People's Committee in the inventory, with its province: of several sites
        the worst speaks (SEMANTICS 2)."""
        found: dict[str, tuple[str, Service]] = {}
        for site in self._network.inventory.sites.values():
            if site.kind is not SiteKind.PEOPLES_COMMITTEE:
                continue
            told = self._network.sites.get(site.id)
            service = Service(told.state) if told is not None else Service.UNKNOWN
            before = found.get(site.commune)
            if before is None or WORST_FIRST.index(service) < WORST_FIRST.index(before[1]):
                found[site.commune] = site.province, service
        return found

    # --- what is shown ------------------------------------------------------------------------------------------------

    def _show(self, now: float) -> None:
        scope = self.scope()
        counted = Counter((province, service) for code, (province, service) in self.communes().items() if code not in scope)
        provinces = sorted({province for province, _ in counted})
        self._put(
            "communes",
            [
                (Series("netmon_communes", (("province", province), ("state", service))), counted[province, service])
                for province in provinces
                for service in Service
            ],
        )
        days = [(Series("netmon_calendar_window", (("window", name),)), int(on)) for name, on in self.calendar(now).items()]
        self._put("calendar", days)
        windows = self.windows.samples(now)
        picture, causes = self.incidents.picture, self.incidents.causes()
        struck: list[tuple[Series, float]] = []
        for window in self._standing if picture is not None else ():
            assert picture is not None
            if window.kind is WindowKind.STORM:
                struck += count_samples(window, storm_counts(window, picture, causes))
            else:
                struck += overrun_samples(window, self.windows.provinces(window), picture)
        said = [series for series, _ in (*windows, *struck) if series.family in ENDING]
        self._ended = {series: until for series, until in self._ended.items() if now < until} | dict.fromkeys(
            said, now + SHOWN_S
        )
        over = self._ended.keys() - set(said)
        self._put("windows", [*windows, *struck, *((series, 0.0) for series in self._ended if series in over)])

    def is_late(self, works: Declared) -> bool:
        """Whether something is still down by works that are past their end."""
        picture = self.incidents.picture
        if picture is None:
            return True
        if self._late_in is not picture:
            self._late, self._late_in = {}, picture
        if works.id not in self._late:
            self._late[works.id] = bool(overrun(works, picture))
        return self._late[works.id]

    def _put(self, part: str, shown: Sequence[tuple[Series, float]]) -> None:
        self._outlets.put(f"operations:{part}", shown, kept=True)


def _by_commune(inventory: Inventory) -> dict[str, tuple[list[str], list[str]]]:
    found: dict[str, tuple[list[str], list[str]]] = {site.commune: ([], []) for site in inventory.sites.values()}
    for site in inventory.sites.values():
        if site.kind is SiteKind.PEOPLES_COMMITTEE:
            found[site.commune][0].append(site.id)
    for device in inventory.devices.values():
        found[inventory.sites[device.site].commune][1].append(device.id)
    return found
