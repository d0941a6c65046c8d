"""Judge: when slots have closed, asks the store for the evidence and the targets for their verdicts.

Runs in a thread of its own with its own reader: judging a province reads weeks of slots, and no poll waits for that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from math import inf

import structlog

from netmon.exporters.prometheus import Page
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

TOLD = ("commune", "province")
"""Whose changes of verdict are logged; the parts of a commune speak through it."""


class StoreEvidence:
    """What the store has seen, as the targets ask for it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def rates(self, link: Link, slots: range) -> LinkRates:
        near = self._reader.rates(link.id, End.NEAR, slots.start, len(slots))
        far = self._reader.rates(link.id, End.FAR, slots.start, len(slots)) if link.far is not None else None
        return LinkRates(
            first_k=slots.start,
            near_receive=near.receive,
            near_transmit=near.transmit,
            far_receive=far.receive if far else None,
            far_transmit=far.transmit if far else None,
            simulated=max(near.simulated, far.simulated if far else 0),
        )

    def timeline(self, subject: Subject, window: Window) -> Timeline:
        absences = [Window(absence.start, absence.end) for absence in self._reader.absences(*window)]
        return Timeline(
            spans=self._reader.spans(subject, *window),
            absences=absences,
            simulated_s=self._reader.simulated_seconds(subject, *window),
        )


class Judge:
    """Verdicts of one netmon: the last of each, told to the page of metrics and kept in the store."""

    def __init__(self, register: Register, store: Store, reader: Reader, page: Page, meter: Meter) -> None:
        self._register = register
        self._store = store
        self._reader = reader
        self._page = page
        self._meter = meter
        self.verdicts: list[Verdict] = list(reader.verdicts())

    async def run_forever(self, settings: Callable[[], Settings]) -> None:
        """Judges at once, for the store may hold enough already; then whenever slots have closed."""
        while True:
            await self.judge(settings(), time.time())
            await asyncio.sleep(SLOT_S - (time.time() - GRACE_S) % SLOT_S)

    async def judge(self, settings: Settings, now: float) -> None:
        """All targets at `now`, Unix seconds. A bug in a rule is counted and logged, and the last verdicts stand."""
        try:
            found = await asyncio.to_thread(verdicts_of, settings, self._register, self._reader, now)
            for month in closed_since(self.verdicts, now):
                final = await asyncio.to_thread(verdicts_of, settings, self._register, self._reader, now, month)
                log.info("month closed", month=local(month.start).strftime("%Y-%m"), verdicts=len(final))
                self._store.put_verdicts(final, now)
        except Exception:
            self._meter.count("netmon_bugs_total", room="targets")
            log.exception("judging failed by a bug")
            return
        before = {verdict.id: verdict for verdict in self.verdicts}
        for gone in before.keys() - {verdict.id for verdict in found}:
            self._page.forget(f"verdict:{gone}")
        for verdict in found:
            known = before.get(verdict.id)
            if known is not None and known.standing is not verdict.standing and verdict.subject.kind in TOLD:
                was, now_is = str(known.standing), str(verdict.standing)
                log.info("verdict changed", target=verdict.target, subject=verdict.subject.id, was=was, verdict=now_is)
            self._show(verdict, now)
        self.verdicts = found
        self._store.put_verdicts(found, now)

    def show_communes(self, provinces: Iterable[str], now: float) -> None:
        """netmon_commune_info: names for dashboards, by code."""
        for province in provinces:
            infos = []
            for unit in self._register.communes(province, local(now).date()):
                facts = (("name", unit.name), ("name_en", unit.name_en), ("kind", unit.kind))
                series = Series("netmon_commune_info", (("province", province), ("commune", unit.code), *facts))
                infos.append((series, 1.0))
            self._page.put(f"communes:{province}", infos, kept=True)

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
        if verdict.value is not None:
            samples.append((Series(f"{stem}_value", labels), verdict.value))
        if verdict.subject.kind == "commune":
            samples.append((Series(f"{stem}_coverage_ratio", labels), verdict.coverage))
        self._page.put(f"verdict:{verdict.id}", samples, kept=True)


def verdicts_of(
    settings: Settings, register: Register, reader: Reader, now: float, month: Window | None = None
) -> list[Verdict]:
    """All verdicts at `now`, Unix seconds, from what the store holds; with a `month` the final ones on that month."""
    day = local(month.end - 1 if month else now).date()
    communes = {province: [unit.code for unit in register.communes(province, day)] for province in settings.provinces}
    return evaluate(settings.targets, settings.inventory, communes, settings.scope, StoreEvidence(reader), now, month)


def judged_links(targets: Iterable[AnyTarget], inventory: Inventory) -> set[str]:
    """The links whose slots a target needs: they are kept longer than others (SEMANTICS 4)."""
    selections = [target.applies_to for target in targets if isinstance(target, PercentileUtilisation)]
    return {
        link.id
        for link in inventory.links.values()
        if any(selection.takes_link(link, inventory.sites[link.site]) for selection in selections)
    }


def closed_since(verdicts: Sequence[Verdict], now: float) -> list[Window]:
    """The months that ended since these verdicts were made, oldest first: their final verdicts are due."""
    oldest = min((verdict.window.end for verdict in verdicts), default=inf)
    months = []
    month = month_before(month_of(now))
    while oldest <= month.end:
        months.append(month)
        month = month_before(month)
    return months[::-1]
