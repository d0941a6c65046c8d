"""Judge: when slots have closed, asks the store for what is new and the targets for their verdicts.

Runs in a thread of its own with its own reader, in short turns: no poll waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice
from math import nan
from threading import Event
from typing import Any, TypeVar

import structlog

from netmon.exporters.outlets import Outlets
from netmon.model import SLOT_S, Meter, Series, Standing, Verdict, Window
from netmon.seen import StoppedError, StoreEvidence, Turns
from netmon.settings import Settings
from netmon.store import Reader, Store
from netmon.targets.definitions import RAW, WITHOUT_DECLARED, AnyTarget, level_of
from netmon.targets.evaluate import Parts, Units, evaluate, percentile_links
from netmon.targets.later import Later, read_once
from netmon.targets.memory import Memory
from netmon.targets.rules import Afresh, Surroundings
from netmon.targets.windows import local, month_before, month_of
from netmon.units import Register

T = TypeVar("T")

log = structlog.get_logger(__name__)

GRACE_S = 75.0
"""Slots are judged so long after they ended: by then every device was polled again, and closed them."""

STORED_IN = 288
"""A verdict that stands is written again once in so many judgings, which is a day: with their evidence they are large, and a
running netmon tells the newest itself."""

PARK_S = 1.0
"""How long a stop may write verdicts that stand."""

SETTLED_S = 2 * SLOT_S
"""So long after a month its last slots have closed, also those that waited for a late poll."""

MONTHS_AT_MOST = 12

DOUBTED_S = 86_400.0
"""No month is closed so long after the clock went ahead: a mistake is found by then, and what is frozen stays so."""

_VERDICTS_A_WRITE = 8
_SHOWN_A_TURN = 20

TOLD = ("commune", "province")
"""Whose changes of verdict are logged; the parts of a commune speak through it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one judging came to: its verdicts, those of communes and provinces whose standing is news (with the one before)
    and whose figures are, and those that are no more."""

    verdicts: list[Verdict]
    changed: list[tuple[Standing, Verdict]] = field(default_factory=list)
    shown: list[Verdict] = field(default_factory=list)
    gone: list[Verdict] = field(default_factory=list)


class Judge:
    """Verdicts of one netmon: the last of each, exported and kept in the store.

    One thread reads and judges, one judging after the other, so that a later configuration always has the last word.
    """

    def __init__(self, register: Register, store: Store, reader: Reader, outlets: Outlets, meter: Meter) -> None:
        self._register = register
        self._store = store
        self._reader = reader
        self._outlets = outlets
        self._meter = meter
        self._stopping = Event()
        left_s = reader.doubted_until() - time.time()  # more than a day: the clock was set back since
        self._doubted_until = time.monotonic() + min(left_s, DOUBTED_S)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._one = asyncio.Lock()
        self._memory = Memory()
        self._shown: frozenset[str] = frozenset()  # provinces whose communes are exported
        self._series: dict[str, tuple[Series, ...]] = {}  # of the verdicts that are on the page, by their names
        self._day: date | None = None  # for which the series were made
        self.verdicts: list[Verdict] = [
            replace(verdict, evidence=Later(partial(self._stored_evidence, verdict)))
            for verdict in reader.verdicts_in_brief()
        ]
        self._past: list[Verdict] = []  # those of the judging before
        self._settled: Window | None = None  # a month before which no month is due any more
        self._looked = 0.0  # when that was found: a clock that was ahead may have found it
        # The standing and window that are stored, those that were stored longest ago first.
        self._stored = {verdict.id: (verdict.standing, verdict.window) for verdict in self.verdicts}

    async def run_forever(self, settings: Callable[[], Settings]) -> None:
        """Judges at once, for the store may hold enough already; then whenever slots have closed."""
        while True:
            await self.judge(settings(), time.time())
            await asyncio.sleep(SLOT_S - (time.time() - GRACE_S) % SLOT_S)

    def doubt(self) -> None:
        """The clock is further than it may be: it went ahead, or nobody watched for long."""
        self._doubted_until = time.monotonic() + DOUBTED_S
        self._store.doubt_clock(time.time() + DOUBTED_S)

    def stop(self) -> None:
        """A judging that is under way ends at its next look into the store."""
        self._stopping.set()

    async def join(self) -> None:
        """Waits until nothing reads the store for this judge any more."""
        await asyncio.to_thread(self._thread.shutdown)

    async def judge(self, settings: Settings, now: float) -> None:
        """All targets at `now`, Unix seconds. A bug in a rule is counted and logged, and the last verdicts stand."""
        async with self._one:
            try:
                await self._tell(await self._in_thread(self._find, settings, now), now)
                for month in await self._in_thread(self._months, now) if time.monotonic() >= self._doubted_until else ():
                    count = await self._in_thread(self._close, settings, now, month)
                    log.info("month closed", month=local(month.start).strftime("%Y-%m"), verdicts=count)
            except StoppedError:
                return
            except Exception:
                self._memory = Memory()
                self._meter.count("netmon_bugs_total", room="targets")
                log.exception("judging failed by a bug")

    def park(self, now: float) -> None:
        """Stores the verdicts as they stand, those first that were stored longest ago: netmon stops."""
        until = time.monotonic() + PARK_S
        by_id = {verdict.id: verdict for verdict in self.verdicts}
        waiting = iter([by_id[name] for name in list(self._stored) if name in by_id])
        while time.monotonic() < until and (some := list(islice(waiting, _VERDICTS_A_WRITE))):
            self._put(some, now)

    # --- in the thread ------------------------------------------------------------------------------------------------

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _find(self, settings: Settings, now: float) -> Found:
        """Judges, and stores what is due."""
        turns = Turns(self._stopping)
        while self._past:  # to let go of all at once would hold the interpreter
            del self._past[-_VERDICTS_A_WRITE:]
            turns.go_on()
        if self._day != (day := local(now).date()):
            self._day, self._series = day, {}
        judged = percentile_links(settings.targets, settings.inventory)
        self._memory.look(StoreEvidence(self._reader, turns), self._around(settings), judged, now)
        before = {verdict.id: verdict for verdict in self.verdicts}
        found = Found(self._verdicts(settings, now, self._memory, turns))
        longest_ago = set(islice(self._stored, len(self._stored) // STORED_IN + 1))
        due = []
        for verdict in found.verdicts:
            turns.go_on()
            name = verdict.id
            was = before.pop(name, None)
            if verdict.subject.kind in TOLD:
                if was is not None and was.standing is not verdict.standing:
                    found.changed.append((was.standing, verdict))
                if was is None or name not in self._series or not _alike(was, verdict):
                    found.shown.append(verdict)
            if name in longest_ago or self._is_news(name, verdict):
                due.append(verdict)
        found.gone.extend(before.values())
        waiting = iter(due)
        while some := list(islice(waiting, _VERDICTS_A_WRITE)):
            self._put(some, now)
            turns.go_on()
        return found

    def _months(self, now: float) -> list[Window]:
        """The months that are due; looked for once a month, and until none is."""
        settled = month_of(now - SETTLED_S)
        if settled == self._settled and now >= self._looked:
            return []
        months = due_months(self._reader.first_evidence(), self._reader.frozen_windows(now), now)
        if not months:
            self._settled, self._looked = settled, now
        return months

    def _close(self, settings: Settings, now: float, month: Window) -> int:
        """Stores the final verdicts of a month that is over, together; how many there are."""
        turns = Turns(self._stopping)
        judged = Afresh(StoreEvidence(self._reader, turns), self._around(settings))
        final = self._verdicts(settings, now, judged, turns, month)
        self._store.put_verdicts(final, now)
        return len(final)

    def _verdicts(
        self, settings: Settings, now: float, judged: Parts, turns: Turns, month: Window | None = None
    ) -> list[Verdict]:
        units = units_of(self._register, settings, month.end - 1 if month else now)
        verdicts = []
        for verdict in evaluate(settings.targets, settings.inventory, units, judged, now, month):
            verdicts.append(verdict)
            turns.go_on()
        return verdicts

    def _around(self, settings: Settings) -> Surroundings:
        inventory = settings.inventory
        return Surroundings(inventory.links_ever_of_site(), self._register.kind_at, inventory.devices, inventory.sites)

    def _is_news(self, name: str, verdict: Verdict) -> bool:
        """Whether its standing is not the one that is stored, or its window begins after the one that is: a new month."""
        standing, window = self._stored.get(name, (None, None))
        return standing is not verdict.standing or window is None or verdict.window.start >= window.end

    def _put(self, verdicts: Sequence[Verdict], now: float) -> None:
        self._store.put_verdicts([replace(verdict, evidence=read_once(verdict.evidence)) for verdict in verdicts], now)
        for verdict in verdicts:
            self._stored.pop(verdict.id, None)
            self._stored[verdict.id] = verdict.standing, verdict.window

    def _stored_evidence(self, verdict: Verdict) -> Mapping[str, Any]:
        stored = self._reader.verdict(verdict.target, verdict.subject.id)
        return {} if stored is None else stored.evidence

    # --- on the loop --------------------------------------------------------------------------------------------------

    async def _tell(self, found: Found, now: float) -> None:
        """To the page and the log."""
        day = local(now).date()
        self._past, self.verdicts = self.verdicts, found.verdicts
        for was, verdict in found.changed:
            log.info(
                "verdict changed",
                target=verdict.target,
                subject=verdict.subject.id,
                was=str(was),
                verdict=str(verdict.standing),
            )
        for n, verdict in enumerate(found.gone):
            if n % _SHOWN_A_TURN == 0:
                await asyncio.sleep(0)
            self._outlets.forget(f"verdict:{verdict.id}")
            self._store.drop_verdict(verdict.target, verdict.subject)
            self._stored.pop(verdict.id, None)
            self._series.pop(verdict.id, None)
        for n, verdict in enumerate(found.shown):
            if n % _SHOWN_A_TURN == 0:
                await asyncio.sleep(0)
            self._show(verdict, day)

    def show_communes(self, provinces: Iterable[str], now: float) -> None:
        """netmon_commune_info, _latitude_degrees and _longitude_degrees: names and places for dashboards, by code; those of
        provinces that are no longer ours go."""
        before, self._shown = self._shown, frozenset(provinces)
        for gone in before - self._shown:
            self._outlets.forget(f"communes:{gone}")
        for province in self._shown:
            told: list[tuple[Series, float]] = []
            for unit in self._register.communes(province, local(now).date()):
                labels = (("province", province), ("commune", unit.code))
                facts = (("name", unit.name), ("name_en", unit.name_en), ("kind", unit.kind))
                told += (
                    (Series("netmon_commune_info", (*labels, *facts)), 1.0),
                    (Series("netmon_commune_latitude_degrees", labels), unit.latitude),
                    (Series("netmon_commune_longitude_degrees", labels), unit.longitude),
                )
            self._outlets.put(f"communes:{province}", told, kept=True)

    def _show(self, verdict: Verdict, day: date) -> None:
        """Puts a commune's or province's verdict on the page; parts are for `explain` and the API."""
        figures = _figures(verdict)
        known = self._series.get(verdict.id)
        if known is None or len(known) != len(Standing) + len(figures):
            known = self._series[verdict.id] = self._series_of(verdict, figures, day)
        values = [*(int(verdict.standing is standing) for standing in Standing), *figures.values()]
        self._outlets.put_values(f"verdict:{verdict.id}", known, values, kept=True)

    def show_targets(self, targets: Iterable[AnyTarget]) -> None:
        """netmon_target_info: what is judged, by which rule and in which unit, with its titles."""
        told = []
        for target in targets:
            facts = (
                ("target", target.id),
                ("level", level_of(target)),
                ("rule", target.rule),
                ("unit", target.unit),
                ("basis_kind", target.basis_kind),
                ("title_vi", target.title_vi),
                ("title_en", target.title_en),
            )
            told.append((Series("netmon_target_info", facts), 1.0))
        self._outlets.put("targets", told, kept=True)

    def _series_of(self, verdict: Verdict, figures: Iterable[_Figure], day: date) -> tuple[Series, ...]:
        if verdict.subject.kind == "commune":
            unit = self._register.unit(verdict.subject.id, day)
            place: tuple[tuple[str, str], ...] = (("province", unit.parent if unit else ""), ("commune", verdict.subject.id))
            stem = "netmon_target"
        else:
            place, stem = (("province", verdict.subject.id),), "netmon_province_target"
        labels = (*place, ("target", verdict.target))
        return (
            *(Series(f"{stem}_verdict", (*labels, ("verdict", standing))) for standing in Standing),
            *(Series(f"{stem}_{name}", (*labels, *more)) for name, more in figures),
        )


_Figure = tuple[str, tuple[tuple[str, str], ...]]
"""The end of a family's name, and labels beside those of the target."""


def _figures(verdict: Verdict) -> dict[_Figure, float]:
    """What the page shows of it beside its standing. NaN: nothing was measured; the series never goes (SEMANTICS 8)."""
    figures: dict[_Figure, float] = {("limit", ()): verdict.limit, ("value", ()): _or_nan(verdict.value)}
    if verdict.subject.kind == "commune":
        figures["coverage_ratio", ()] = verdict.coverage
        if verdict.error_budget is not None:
            figures["error_budget_seconds", ()], figures["error_budget_spent_seconds", ()] = verdict.error_budget
        if verdict.crossing_s is not None:
            figures["limit_crossing_seconds", ()] = verdict.crossing_s
        if verdict.available is not None:
            for counted, ratio in zip((RAW, WITHOUT_DECLARED), verdict.available, strict=True):
                figures["availability_ratio", (("counted", counted),)] = _or_nan(ratio)
    return figures


def _or_nan(value: float | None) -> float:
    return nan if value is None else value


def _alike(one: Verdict, other: Verdict) -> bool:
    """Whether the page shows the same of both; by their words, for NaN is not itself."""
    return one.standing is other.standing and repr(_figures(one)) == repr(_figures(other))


def units_of(register: Register, settings: Settings, at: float) -> Units:
    """The units that are judged, as they are at an instant."""
    day = local(at).date()
    communes = {province: [unit.code for unit in register.communes(province, day)] for province in settings.provinces}
    return Units(communes, settings.scope, register.kind_at)


def due_months(first_evidence: float | None, frozen: Container[Window], now: float) -> list[Window]:
    """The months whose final verdicts are due, oldest first: netmon has evidence in them, they are over and all their slots
    are closed, and they are not frozen yet. What is frozen is never judged again by itself."""
    months: list[Window] = []
    month = month_before(month_of(now - SETTLED_S))
    while first_evidence is not None and month.end > first_evidence and len(months) < MONTHS_AT_MOST:
        if month not in frozen:
            months.append(month)
        month = month_before(month)
    return months[::-1]
