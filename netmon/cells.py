"""Cells of mobile operators at masts, as their operators tell of them: what each is said to be, for how long that holds, and
since when. `unknown` is a state: a cell of which nobody says anything any more is neither up nor down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from math import inf
from typing import NamedTuple

import structlog

from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import CellName, CellReport, CellState, Meter, Series, Site, Subject
from netmon.store import Reader, Store

log = structlog.get_logger(__name__)

FAMILY = "netmon_carrier_cells"

MOST = 1000
"""Cells of one operator at one mast: more are names made up, not antennas."""

TOLD_EVERY_S = 3_600.0
"""How often the log tells that the gateways of a mast contradict each other."""

TOLD_AT_MOST = 10
"""Cells of an operator at a mast that one line of the log names."""

FORGOTTEN_S = 30 * 86_400.0
"""A cell that has been unknown for so long is there no more, or has another name."""

RESTORED_S = 600.0
"""How long after the last sign of life of a netmon that stopped holds what it knew: two periods of five minutes. A report
holds for three, and one of them had passed at most."""


class Held(NamedTuple):
    """What holds of a cell: its state, `since` when, and what that rests on: the time of the report (`at`), `until` when it
    holds (inf: nothing does, and it is unknown), and its `source`, whose own word holds until `speaks`. `stored`: its span
    is open in the store."""

    state: CellState
    since: float
    at: float
    until: float
    source: str
    speaks: float
    stored: bool = True


class Told(NamedTuple):
    """A cell and what holds of it."""

    name: CellName
    held: Held


class Cells:
    """The cells of the masts of one inventory. Nothing here waits: the store queues, the page renders."""

    def __init__(self, store: Store, outlets: Outlets, meter: Meter) -> None:
        self._store = store
        self._outlets = outlets
        self._meter = meter
        self._feeds: dict[str, tuple[str, ...]] = {}  # by device: the operators whose gateway it is
        self._warned: dict[str, float] = {}  # when the log told last of gateways that contradict each other, by site
        self._sites: dict[str, Site] = {}  # those with carriers
        self._labels: dict[str, tuple[tuple[str, str], ...]] = {}
        self._cells: dict[tuple[str, str], dict[CellName, Held]] = {}  # by site and operator
        self._earliest = inf  # nothing lapses before that

    # --- who there is -------------------------------------------------------------------------------------------------

    def follow(self, inventory: Inventory, now: float) -> None:
        """Takes an inventory: forgets the cells of masts and operators that left it, and shows those that came."""
        gone = self._sites
        self._feeds = {device.id: device.feeds for device in inventory.devices.values()}
        self._sites = {site.id: site for site in inventory.sites.values() if site.carriers}
        self._labels = {site: inventory.site_labels(site) for site in self._sites}
        for site, operator in list(self._cells):
            if not self._carries(site, operator):
                for name in self._cells.pop((site, operator)):
                    self._store.end_span(_subject(name), now)
        for site in gone.keys() - self._sites.keys():
            self._outlets.forget(_owner(site))
        for site in self._sites:
            self._show(site)

    def restore(self, reader: Reader, now: float) -> None:
        """Goes on with what was told before a restart: it holds for RESTORED_S after netmon was last alive, unless it is
        told again. Call once, after the first inventory."""
        for text, span in reader.last_spans("cell").items():
            name = CellName.of(text)
            if not self._carries(name.site, name.operator):
                self._store.end_span(_subject(name), now)
                continue
            watched = reader.spans(_subject(name), 0, now)
            until = (watched[-1].end if watched else span.start) + RESTORED_S
            state = CellState(span.state)
            at = max(span.start, until - RESTORED_S)  # it may have been told until then: what is older is late
            known = Held(state, span.start, at, inf if state is CellState.UNKNOWN else until, "", -inf, stored=False)
            self._cells.setdefault((name.site, name.operator), {})[name] = known
        self._earliest = -inf
        self.sweep(now)
        for site in {site for site, _ in self._cells}:
            self._show(site)

    def of(self, site: str) -> list[Told]:
        """The cells at a mast of which an operator has told, by operator, technology and name."""
        held = (cells for (at, _), cells in self._cells.items() if at == site)
        return sorted((Told(name, what) for cells in held for name, what in cells.items()), key=lambda told: told.name)

    def every(self) -> Iterator[tuple[CellName, CellState]]:
        """All cells of which an operator has told, and what each is said to be."""
        return ((name, held.state) for cells in self._cells.values() for name, held in cells.items())

    def _carries(self, site: str, operator: str) -> bool:
        return site in self._sites and any(carrier.operator == operator for carrier in self._sites[site].carriers)

    # --- what is told -------------------------------------------------------------------------------------------------

    def take(self, reports: Sequence[CellReport], now: float) -> str:
        """Takes reports in order of their times, all of them or none; returns why not, in a sentence, "" when they were
        taken. Of a cell of which a later report is held one changes nothing, nor does one of another gateway that
        contradicts what still holds. What is ahead of `now` is dated now."""
        told = {name for report in reports for name, _ in report.states}
        together: dict[tuple[str, str], set[CellName]] = {}
        for name in told:
            together.setdefault((name.site, name.operator), set()).add(name)
        for (site, operator), named in sorted(together.items()):
            if why := self.refusal(site, operator) or self._excess(site, operator, named):
                return why
        before = {name: self._state(name) for name in told}
        for report in reports:
            disputed = [name for name, state in report.states if not self._tell(name, state, report, now)]
            if disputed:
                self._warn(disputed, report.source, now)
        changed = {name for name in told if self._state(name) is not before[name]}
        self._log(changed, before)
        for site in {name.site for name in changed}:
            self._show(site)
        return ""

    def refusal(self, site: str, operator: str) -> str:
        """Why nothing of that operator's cells at that site is taken, in a sentence; "" when it is."""
        if site not in self._sites:
            return f"the inventory has no carriers at a site '{site}'"
        if not self._carries(site, operator) or "/" in operator:
            there = ", ".join(carrier.operator for carrier in self._sites[site].carriers)
            return f"'{operator}' is none of the carriers of {site}: {there}"
        return ""

    def states(self, names: Iterable[CellName]) -> list[CellState]:
        """What holds of these cells now."""
        return [self._state(name) or CellState.UNKNOWN for name in names]

    def _excess(self, site: str, operator: str, named: Set[CellName]) -> str:
        known = self._cells.get((site, operator), {})
        return f"{operator} would have more than {MOST} cells at {site}" if len(known.keys() | named) > MOST else ""

    def _state(self, name: CellName) -> CellState | None:
        held = self._cells.get((name.site, name.operator), {}).get(name)
        return held.state if held is not None else None

    def _log(self, changed: Iterable[CellName], before: Mapping[CellName, CellState | None]) -> None:
        """Cells that fell and that came back, a line for those of an operator at a mast."""
        told: dict[tuple[str, str, CellState], list[str]] = {}
        for name in sorted(changed):
            state = self._state(name)
            if state is CellState.DOWN or (state is CellState.UP and before[name] is CellState.DOWN):
                told.setdefault((name.site, name.operator, state), []).append(name.cell)
        for (site, operator, state), cells in told.items():
            say = log.warning if state is CellState.DOWN else log.info
            say(f"cells are said to be {state}", site=site, operator=operator, cells=cells[:TOLD_AT_MOST], count=len(cells))

    def _warn(self, disputed: Sequence[CellName], source: str, now: float) -> None:
        """Counts a report that contradicts another gateway, and tells of it once an hour for each mast."""
        self._meter.count("netmon_mqtt_remarks_total", reason="two_feeds")
        first = disputed[0]
        held = self._cells[first.site, first.operator][first]
        if not 0 <= now - self._warned.get(first.site, -inf) < TOLD_EVERY_S:
            self._warned[first.site] = now
            cells = [name.cell for name in disputed[:TOLD_AT_MOST]]
            log.warning(
                "two gateways contradict each other on cells; the first one counts",
                site=first.site,
                operator=first.operator,
                first=held.source,
                other=source,
                cells=cells,
                count=len(disputed),
            )

    def _tell(self, name: CellName, state: CellState, report: CellReport, now: float) -> bool:
        """Takes what is told of one cell. What was told already is not untold: what comes late begins where the last change
        was. False: another gateway says otherwise, and its word still holds."""
        cells = self._cells.setdefault((name.site, name.operator), {})
        at, last = min(report.at, now), self._settled(cells, name, now)
        if last is not None and at < last.at:
            return True
        source, speaks = report.source, at + report.holds_s
        if last is not None and now < last.speaks and self._goes_before(last.source, source, name.operator):
            if last.state is state:
                source, speaks = last.source, last.speaks
            elif last.state is not CellState.UNKNOWN:
                return False
        same = last is not None and last.state is state
        since = at if last is None else last.since if same else max(at, last.since)
        if last is None or not same:
            self._store.begin_span(_subject(name), state, since)
        elif not last.stored:
            self._store.begin_span(_subject(name), state, at)
        until = inf if state is CellState.UNKNOWN else at + report.holds_s
        cells[name] = Held(state, since, at, until, source, speaks)
        self._settled(cells, name, now)
        self._earliest = min(self._earliest, cells[name].until)
        return True

    def _goes_before(self, first: str, second: str, operator: str) -> bool:
        """Whether the word of a device that spoke first counts before that of a second one. The operator's own gateway gives
        way to none but another of his; a file is no device, and its later word wins."""
        if first == second or not {first, second} <= self._feeds.keys():
            return False
        return operator in self._feeds[first] or operator not in self._feeds[second]

    def _settled(self, cells: dict[CellName, Held], name: CellName, now: float) -> Held | None:
        """What holds of a cell now: unknown from the moment at which what was told ceased to hold. None: nothing was."""
        held = cells.get(name)
        if held is None or now < held.until:
            return held
        since = max(held.until, held.since)
        self._store.begin_span(_subject(name), CellState.UNKNOWN, since)
        cells[name] = held = held._replace(state=CellState.UNKNOWN, since=since, until=inf, stored=True)
        return held

    # --- what the clock brings ----------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """What ceased to hold becomes unknown, and what has been unknown for a month is forgotten."""
        if now < self._earliest:
            return
        self._earliest = inf
        touched = set()
        for (site, _), cells in self._cells.items():
            for name, held in list(cells.items()):
                was, held = held, self._settled(cells, name, now) or held
                if held is not was:
                    touched.add(site)
                ends = held.since + FORGOTTEN_S if held.state is CellState.UNKNOWN else held.until
                if now >= ends:
                    self._store.end_span(_subject(name), now)
                    del cells[name]
                    touched.add(site)
                else:
                    self._earliest = min(self._earliest, ends)
        for site in touched:
            self._show(site)

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much: what holds moves with it. The times of reports are those of others, whose
        clocks did not step: one that goes ahead makes none of theirs old."""
        for cells in self._cells.values():
            for name, held in cells.items():
                at = held.at + min(step_s, 0.0)
                until, speaks = held.until + step_s, held.speaks + step_s
                cells[name] = held._replace(since=held.since + step_s, at=at, until=until, speaks=speaks)
        self._earliest += step_s

    # --- out ----------------------------------------------------------------------------------------------------------

    def _show(self, site: str) -> None:
        """netmon_carrier_cells of a mast. Of each technology that an operator has there and tells no cell of there is one
        unknown."""
        counts: dict[tuple[str, str, CellState], int] = {}
        for carrier in self._sites[site].carriers:
            cells = self._cells.get((site, carrier.operator), {})
            told = [(name.technology, held.state) for name, held in cells.items()]
            silent = set(carrier.technologies or (() if told else ("",))) - {technology for technology, _ in told}
            for technology, state in (*told, *((each, CellState.UNKNOWN) for each in silent)):
                for one in CellState:
                    counts.setdefault((carrier.operator, technology, one), 0)
                counts[carrier.operator, technology, state] += 1
        samples: list[tuple[Series, float]] = []
        for (operator, technology, state), count in sorted(counts.items()):
            labels = (*self._labels[site], ("operator", operator), ("technology", technology), ("state", str(state)))
            samples.append((Series(FAMILY, labels), count))
        self._outlets.put(_owner(site), samples, kept=True)


def _subject(name: CellName) -> Subject:
    return Subject("cell", name.id)


def _owner(site: str) -> str:
    """Whose series on the page."""
    return f"cells:{site}"
