"""Fibre links seen from both ends: what was sent, what arrives, what the span takes, what margin is left, how it fades.

Each end is joined to the other as polls bring it; nothing here waits, and a poll of a device that is no end of a fibre link,
or has no optics, costs a look into a table. Ages are told by the monotonic clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from math import isnan, nan
from typing import Any, Literal, NamedTuple, Protocol

import structlog

from netmon.derive.fading import FADING_DAYS, Fading, fading
from netmon.derive.layout import Layout
from netmon.derive.optics import EndPlaces, Light, Span, completed, days_left, find, span
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import ZONE_S, At, Direction, End, Link, LinkKind, Meter, Readings, Series, Subject, Summary

log = structlog.get_logger(__name__)

STALE_INTERVALS = 3
"""What an end told holds for so many polls of the slower end."""

DAY_S = 86_400
FADE_S = 2 * 3600 + 1800 - ZONE_S
"""Once a night, at 02:30 in Viet Nam, after the day before was folded: so many seconds after midnight UTC."""

_FAMILIES = (
    "netmon_link_optical_receive_power_dbm",
    "netmon_link_optical_transmit_power_dbm",
    "netmon_link_span_loss_db",
    "netmon_link_optical_margin_db",
)
_FADING = "netmon_link_optical_fading_db_per_week"

POWER, LOSS, MARGIN, DARK = "optical_receive_power_dbm", "span_loss_db", "optical_margin_db", "optical_dark"
"""The figures of which hours and days are kept, by direction. DARK, always 1: there was no light, and so no margin."""

LIMIT_HOLDS_S = DAY_S
"""An optic that told its limit has one, though polls lack it; a whole day without: it is another optic."""


class Keeper(Protocol):
    """Keeps hours and days of a figure (`summaries.Summaries`)."""

    def take(self, subject: Subject, figure: str, part: str, value: float, at: float, simulated: bool = False) -> None: ...


class History(Protocol):
    """Days of a figure that begin in [start, end), in order (`store.Reader.summaries`)."""

    def __call__(self, subject: Subject, figure: str, start: float, end: float, *, days: bool = False) -> list[Summary]: ...


class _Told(NamedTuple):
    """What one device told of an end, and when."""

    light: Light
    at: At


class _Fibre:
    """A link: what either end told of itself, and the far one of the near (an OLT of its ONU)."""

    def __init__(self, link: Link, labels: tuple[tuple[str, str], ...]) -> None:
        self.link = link
        self.labels = labels
        self.told: dict[tuple[End, End], _Told] = {}  # by the end whose light it is, and the one that told
        self.limited: dict[End, float] = {}  # by the end: when its optic told the limits of all its lanes last
        self.fresh_until = 0.0  # nothing of it ages before that, whatever polls bring
        self.fading: dict[Direction, Fading] = {}
        self._series = [Series(family, (*labels, ("direction", way.value))) for way in Direction for family in _FAMILIES]
        self._shown: dict[int, tuple[Series, ...]] = {}  # those of them that are told, by which they are

    def light(self, end: End) -> Light | None:
        own, told = (self.told.get((end, by)) for by in (end, _OTHER[end]))
        found = completed(own and own.light, told and told.light)
        if found is None or (found.low_limit_dbm is not None and found.bare_dbm is None):
            return found
        last = self.limited.get(end)
        return found if last is None or found.at - last > LIMIT_HOLDS_S else replace(found, limited=True)

    def when(self, end: End, what: Literal["receive_dbm", "transmit_dbm"], by: End | None) -> float:
        """When an end's light was told, if it is what `by` told that counts; else NaN."""
        for teller in (end, _OTHER[end]):
            told = self.told.get((end, teller))
            if told is not None and getattr(told.light, what) is not None:
                return told.at.unix if teller is by else nan
        return nan

    def spans(self) -> dict[Direction, Span]:
        return span(self.light(End.NEAR), self.light(End.FAR), self.link.receiver_limit_dbm)

    def figures(self, spans: Mapping[Direction, Span]) -> tuple[tuple[Series, ...], list[float], list[int]]:
        """The series that have a figure, their figures, and their places among all: by direction, by family."""
        found = [
            figure
            for way in Direction
            for one in (spans[way],)
            for figure in (one.receive_dbm, one.transmit_dbm, one.loss_db, one.margin_db)
        ]
        places = [n for n, figure in enumerate(found) if figure is not None]
        mask = sum(1 << place for place in places)
        if mask not in self._shown:
            self._shown[mask] = tuple(self._series[place] for place in places)
        return self._shown[mask], [figure for figure in found if figure is not None], places

    def forget_old(self, monotonic: float) -> bool:
        """Forgets what is too old; whether there was any."""
        holds_s = STALE_INTERVALS * max(told.light.every_s for told in self.told.values())
        old = [key for key, told in self.told.items() if monotonic > told.at.monotonic + holds_s]
        for key in old:
            del self.told[key]
        self.fresh_until = min((told.at.monotonic for told in self.told.values()), default=0.0) + holds_s
        return bool(old)


_OTHER = {End.NEAR: End.FAR, End.FAR: End.NEAR}
_RECEIVER = {Direction.RECEIVE: End.NEAR, Direction.TRANSMIT: End.FAR}


class Fibre:
    """The fibre links of an inventory."""

    def __init__(self, outlets: Outlets, keeper: Keeper, meter: Meter) -> None:
        self._outlets = outlets
        self._keeper = keeper
        self._meter = meter
        self._fibres: dict[str, _Fibre] = {}
        self._ends: dict[str, list[tuple[str, _Fibre, End]]] = {}  # by device: its ports, whose they are
        self._known: dict[str, tuple[Layout, dict[str, EndPlaces]]] = {}  # by device: where the light of its ports stands
        self._dark: dict[str, float] = {}

    @property
    def dark(self) -> Mapping[str, float]:
        """The links at whose far end no light arrives, as was told last, and when that was told first, Unix seconds."""
        return self._dark

    def hang(self, inventory: Inventory) -> None:
        """Takes the links of an inventory; one whose ends and labels stay keeps what was told of it."""
        before, self._fibres = self._fibres, {}
        self._ends, self._known = {}, {}
        for link in inventory.links.values():
            if link.kind is not LinkKind.FIBRE:
                continue
            labels, was = inventory.link_labels(link.id), before.get(link.id)
            same = was is not None and (was.labels, was.link.near, was.link.far) == (labels, link.near, link.far)
            fibre = was if was is not None and same else _Fibre(link, labels)
            fibre.link = link
            self._fibres[link.id] = fibre
            for port, end in ((link.near, End.NEAR), (link.far, End.FAR)):
                if port is not None:
                    self._ends.setdefault(port.device, []).append((port.interface, fibre, end))
        for name, was in before.items():
            if self._fibres.get(name) is not was:
                self._outlets.forget(f"optics:{name}")
                self._outlets.forget(f"fading:{name}")
                self._dark.pop(name, None)

    def take(self, device: str, layout: Layout, readings: Readings, every_s: float) -> None:
        """Takes what a poll of a device brought."""
        ends = self._ends.get(device)
        if ends is None:
            return
        known = self._known.get(device)
        if known is None or known[0] is not layout:
            known = self._known[device] = layout, find(layout.series, (port for port, _, _ in ends))
        if not known[1]:
            return
        for port, fibre, end in ends:
            if port in known[1]:
                self._take_end(fibre, end, known[1][port], readings, every_s)

    def _take_end(self, fibre: _Fibre, end: End, places: EndPlaces, readings: Readings, every_s: float) -> None:
        fresh = False
        for whose, optic in ((end, places.own), (_OTHER[end], places.other)):
            place = None if optic is None else optic.first
            if optic is None or place is None:
                continue
            at, was = readings.at[place], fibre.told.get((whose, end))
            # What reports by itself is looked at more often than it reports.
            if was is not None and was.at == at:
                continue
            light = optic.light(readings.values, at=at.monotonic, every_s=every_s)
            if light is not None:
                fibre.told[whose, end] = _Told(light, at)
                if whose is end is End.FAR:
                    self._note_dark(fibre.link.id, light, at)
                if light.low_limit_dbm is not None and light.bare_dbm is None:
                    fibre.limited[whose] = at.monotonic
                fresh = True
        if fresh:
            self._show(fibre, end)

    def _note_dark(self, link: str, light: Light, at: At) -> None:
        if light.dark:
            self._dark.setdefault(link, at.unix)
        else:
            self._dark.pop(link, None)

    def _show(self, fibre: _Fibre, by: End | None) -> None:
        """Shows a link, and keeps the figures that rest on what was told `by` one end just now."""
        spans = fibre.spans()
        series, values, places = fibre.figures(spans)
        owner = f"optics:{fibre.link.id}"
        if not series:
            self._outlets.drop(owner)
            return
        times: list[float] = []  # NaN: it was written when it was told
        for way, receiver in _RECEIVER.items():
            arrived = fibre.when(receiver, "receive_dbm", by)
            sent = fibre.when(_OTHER[receiver], "transmit_dbm", by)
            times += [arrived, sent, sent if isnan(arrived) else arrived, arrived]
            if not isnan(arrived):
                self._keep(fibre.link, way, spans[way], arrived)
        self._outlets.put_values(owner, series, values, at=[times[place] for place in places])

    def _keep(self, link: Link, way: Direction, one: Span, at: float) -> None:
        """Adds to the hours what holds while there is light, and that there is none: its depth is no measurement."""
        subject = Subject("link", link.id)
        if one.receive_dbm is not None and one.why_no_margin != "no_light":
            self._keeper.take(subject, POWER, way.value, one.receive_dbm, at)
        if one.loss_db is not None:
            self._keeper.take(subject, LOSS, way.value, one.loss_db, at)
        if one.margin_db is not None:
            self._keeper.take(subject, MARGIN, way.value, one.margin_db, at)
        elif one.why_no_margin == "no_light" and one.limit_dbm is not None:
            self._keeper.take(subject, DARK, way.value, 1.0, at)

    def sweep(self, monotonic: float) -> None:
        """Takes what is old off the page."""
        for fibre in self._fibres.values():
            if fibre.told and monotonic > fibre.fresh_until and fibre.forget_old(monotonic):
                self._show(fibre, None)

    async def fade_forever(self, history: History) -> None:
        """Works out how each link fades, at the start and then once a night."""
        while True:
            await self.fade(history, time.time())
            await asyncio.sleep(DAY_S - (time.time() - FADE_S) % DAY_S)

    async def fade(self, history: History, now: float) -> None:
        """Works out how each link fades from the days before the one that it is."""
        for name in list(self._fibres):
            try:
                found = await asyncio.to_thread(_faded, history, name, now)
            except Exception:
                self._meter.count("netmon_bugs_total", room="fibre")
                log.exception("fading cannot be told", link=name)
                continue
            fibre = self._fibres.get(name)
            if fibre is None:
                continue  # a reload took it away meanwhile
            fibre.fading = found
            told = [
                (Series(_FADING, (*fibre.labels, ("direction", way.value))), one.db_per_week)
                for way, one in found.items()
                if one.db_per_week is not None
            ]
            if told:
                self._outlets.put(f"fading:{name}", told, kept=True)
            else:
                self._outlets.forget(f"fading:{name}")

    def facts(self) -> list[dict[str, Any]]:
        """What is known of each fibre link with a witness, the least margin first; of equal ones, in the order of names."""
        told = [_facts(fibre) for fibre in self._fibres.values() if fibre.link.near or fibre.link.far]
        return sorted(told, key=lambda link: (_least_margin(link["directions"]), link["link"]))


def _faded(history: Callable[..., Iterable[Summary]], link: str, now: float) -> dict[Direction, Fading]:
    today = int((now + ZONE_S) // DAY_S)
    start, end = ((day * DAY_S - ZONE_S) for day in (today - FADING_DAYS, today))
    days: dict[str, list[tuple[int, float]]] = {}
    for one in history(Subject("link", link), POWER, start, end, days=True):
        days.setdefault(one.part, []).append((int((one.start + ZONE_S) // DAY_S), one.mean))
    return {way: fading(days.get(way.value, ()), today) for way in Direction}


def _facts(fibre: _Fibre) -> dict[str, Any]:
    link, spans = fibre.link, fibre.spans()
    directions = []
    for way, one in spans.items():
        faded, receiver = fibre.fading.get(way, Fading(why="few_days")), fibre.light(_RECEIVER[way])
        own = receiver is not None and receiver.low_limit_dbm == one.limit_dbm
        directions.append(
            {
                "direction": way,
                **_fields(one),
                "limit_from": "" if one.limit_dbm is None else "optic" if own else "inventory",
                "loss_db_per_km": one.loss_db / link.length_km if one.loss_db is not None and link.length_km else None,
                "fading": {**_fields(faded), "since": None if faded.since is None else _date(faded.since)},
                "days_left": days_left(one.margin_db, faded.db_per_week if faded.certain else None),
            }
        )
    times = [told.at.unix for told in fibre.told.values()]
    return {
        "link": link.id,
        "site": link.site,
        "length_km": link.length_km,
        "read_at": max(times, default=None),
        "directions": directions,
    }


def _fields(one: Span | Fading) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}  # as dataclasses.asdict, which is five times as slow


def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _least_margin(directions: Iterable[Mapping[str, Any]]) -> float:
    """Darkness comes before any margin, and what nobody knows after all."""
    least = float("inf")
    for one in directions:
        if one["why_no_margin"] == "no_light":
            return float("-inf")
        if one["margin_db"] is not None:
            least = min(least, one["margin_db"])
    return least
