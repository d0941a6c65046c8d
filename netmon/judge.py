"""Judge: when slots have closed, asks the store for the evidence and the targets for their verdicts.

Runs in a thread of its own with its own reader: judging a province reads weeks of slots, and no poll waits for that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isnan, nan
from threading import Event

import structlog

from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import SLOT_S, End, Link, Meter, Series, Standing, Subject, Verdict, Window
from netmon.settings import Settings
from netmon.store import Reader, Store
from netmon.targets.definitions import AnyTarget, PercentileUtilisation
from netmon.targets.evaluate import Timeline, evaluate
from netmon.targets.percentile import LinkRates
from netmon.targets.windows import local, month_before, month_of
from netmon.units import Register

log = structlog.get_logger(__name__)

GRACE_S = 75.0
"""Slots are judged so long after they ended: by then every device was polled again, and closed them."""

STORED_EVERY_S = 3600.0
"""A verdict that stands is written again so often; a running netmon tells the newest itself."""

SETTLED_S = 2 * SLOT_S
"""So long after a month its last slots have closed, also those that waited for a late poll."""

MONTHS_AT_MOST = 12

TOLD = ("commune", "province")
"""Whose changes of verdict are logged; the parts of a commune speak through it."""


class StoppedError(Exception):
    """netmon stops: no more evidence is read."""


class StoreEvidence:
    """What the store has seen, as the targets ask for it. StoppedError once `stopping` is set."""

    def __init__(self, reader: Reader, stopping: Event) -> None:
        self._reader = reader
        self._stopping = stopping

    def rates(self, link: Link, slots: range) -> LinkRates:
        """The near end's, and the far end's where the near end lacks slots."""
        self._go_on()
        near = self._reader.rates(link.id, End.NEAR, slots.start, len(slots))
        lacks = any(map(isnan, near.receive)) or any(map(isnan, near.transmit))
        far = self._reader.rates(link.id, End.FAR, slots.start, len(slots)) if lacks and link.far is not None else None
        return LinkRates(
            first_k=slots.start,
            near_receive=near.receive,
            near_transmit=near.transmit,
            far_receive=far.receive if far else None,
            far_transmit=far.transmit if far else None,
            simulated=max(near.simulated, far.simulated if far else 0),
        )

    def timeline(self, subject: Subject, window: Window) -> Timeline:
        """Spans, netmon's absences, and how much of it a simulator made."""
        self._go_on()
        absences = [Window(absence.start, absence.end) for absence in self._reader.absences(*window)]
        simulated_s = self._reader.simulated_seconds(subject, *window)
        return Timeline(spans=self._reader.spans(subject, *window), absences=absences, simulated_s=simulated_s)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise StoppedError


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
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._stored: dict[str, tuple[Standing | None, float, float]] = {}
        self._shown: frozenset[str] = frozenset()  # provinces whose communes are exported
        self.verdicts: list[Verdict] = list(reader.verdicts())

    async def run_forever(self, settings: Callable[[], Settings]) -> None:
        """Judges at once, for the store may hold enough already; then whenever slots have closed."""
        while True:
            await self.judge(settings(), time.time())
            await asyncio.sleep(SLOT_S - (time.time() - GRACE_S) % SLOT_S)

    def stop(self) -> None:
        """A judging that is under way ends at its next look into the store."""
        self._stopping.set()

    async def join(self) -> None:
        """Waits until nothing reads the store for this judge any more."""
        await asyncio.to_thread(self._thread.shutdown)

    async def judge(self, settings: Settings, now: float) -> None:
        """All targets at `now`, Unix seconds. A bug in a rule is counted and logged, and the last verdicts stand."""
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, self._verdicts, settings, now)
            self._tell(found, now)
            for month in due_months(self._reader.first_evidence(), self._reader.frozen_windows(), now):
                final = await loop.run_in_executor(self._thread, self._verdicts, settings, now, month)
                log.info("month closed", month=local(month.start).strftime("%Y-%m"), verdicts=len(final))
                self._store.put_verdicts(final, now)
        except StoppedError:
            return
        except Exception:
            self._meter.count("netmon_bugs_total", room="targets")
            log.exception("judging failed by a bug")

    def _tell(self, found: list[Verdict], now: float) -> None:
        """To the page, the log and the store."""
        before = {verdict.id: verdict for verdict in self.verdicts}
        for gone in before.keys() - {verdict.id for verdict in found}:
            self._outlets.forget(f"verdict:{gone}")
            self._store.drop_verdict(before[gone].target, before[gone].subject)
            self._stored.pop(gone, None)
        for verdict in found:
            known = before.get(verdict.id)
            if known is not None and known.standing is not verdict.standing and verdict.subject.kind in TOLD:
                was, now_is = str(known.standing), str(verdict.standing)
                log.info("verdict changed", target=verdict.target, subject=verdict.subject.id, was=was, verdict=now_is)
            self._show(verdict, now)
        self.verdicts = found
        self._put([verdict for verdict in found if self._is_due(verdict, now)], now)

    def park(self, now: float) -> None:
        """Stores the verdicts as they stand: netmon stops."""
        self._put(self.verdicts, now)

    def _is_due(self, verdict: Verdict, now: float) -> bool:
        """Verdicts are written when they change, when a new month begins and once in a while: with their evidence they are
        large."""
        standing, at, end = self._stored.get(verdict.id, (None, 0.0, 0.0))
        return standing is not verdict.standing or max(now - at, verdict.window.end - end) >= STORED_EVERY_S

    def _put(self, verdicts: Sequence[Verdict], now: float) -> None:
        self._store.put_verdicts(verdicts, now)
        self._stored.update((verdict.id, (verdict.standing, now, verdict.window.end)) for verdict in verdicts)

    def _verdicts(self, settings: Settings, now: float, month: Window | None = None) -> list[Verdict]:
        """What the thread does: the verdicts of now, or the final ones of a month that is over."""
        day = local(month.end - 1 if month else now).date()
        communes = {
            province: [unit.code for unit in self._register.communes(province, day)] for province in settings.provinces
        }
        evidence = StoreEvidence(self._reader, self._stopping)
        return evaluate(settings.targets, settings.inventory, communes, settings.scope, evidence, now, month)

    def show_communes(self, provinces: Iterable[str], now: float) -> None:
        """netmon_commune_info: names for dashboards, by code; those of provinces that are no longer ours go."""
        before, self._shown = self._shown, frozenset(provinces)
        for gone in before - self._shown:
            self._outlets.forget(f"communes:{gone}")
        for province in self._shown:
            infos = []
            for unit in self._register.communes(province, local(now).date()):
                facts = (("name", unit.name), ("name_en", unit.name_en), ("kind", unit.kind))
                series = Series("netmon_commune_info", (("province", province), ("commune", unit.code), *facts))
                infos.append((series, 1.0))
            self._outlets.put(f"communes:{province}", infos, kept=True)

    def _show(self, verdict: Verdict, now: float) -> None:
        """Puts a commune's or province's verdict on the page; parts are for `explain` and the API."""
        if verdict.subject.kind == "commune":
            unit = self._register.unit(verdict.subject.id, local(now).date())
            place: tuple[tuple[str, str], ...] = (("province", unit.parent if unit else ""), ("commune", verdict.subject.id))
            stem = "netmon_target"
        elif verdict.subject.kind == "province":
            place = (("province", verdict.subject.id),)
            stem = "netmon_province_target"
        else:
            return
        labels = (*place, ("target", verdict.target))
        samples: list[tuple[Series, float]] = [
            (Series(f"{stem}_verdict", (*labels, ("verdict", standing))), int(verdict.standing is standing))
            for standing in Standing
        ]
        samples.append((Series(f"{stem}_limit", labels), verdict.limit))
        # NaN: nothing was measured; the series never goes (SEMANTICS 8).
        samples.append((Series(f"{stem}_value", labels), nan if verdict.value is None else verdict.value))
        if verdict.subject.kind == "commune":
            samples.append((Series(f"{stem}_coverage_ratio", labels), verdict.coverage))
        self._outlets.put(f"verdict:{verdict.id}", samples, kept=True)


def judged_links(targets: Iterable[AnyTarget], inventory: Inventory) -> set[str]:
    """The links whose slots a target needs: they are kept longer than others (SEMANTICS 4)."""
    selections = [target.applies_to for target in targets if isinstance(target, PercentileUtilisation)]
    return {
        link.id
        for link in inventory.links.values()
        if any(selection.takes_link(link, inventory.sites[link.site]) for selection in selections)
    }


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
