"""What judging remembers from one time to the next, so that a steady province costs only what is new in it.

Before each judging `Memory.look` reads, for all links together, the slots that have closed, and the newest span of every
subject. A link is read whole when it is new or changed, and when its slots may have come later than `look` reaches back; a
subject when its newest span is another one. The verdicts are those of `evaluate.Afresh`, to the last digit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Protocol

from netmon.model import DayPeak, Link, Site, Span, Subject, Verdict, Window
from netmon.targets.availability import Account, Interval
from netmon.targets.definitions import (
    Availability,
    BackupDrill,
    CommuneTarget,
    Environment,
    Latency,
    Loss,
    OpticalMargin,
    PercentileUtilisation,
    RadioAvailability,
    Restoration,
)
from netmon.targets.load import DAY_SLOTS, SHIFT, Load
from netmon.targets.percentile import slots_needed
from netmon.targets.rules import Evidence, Surroundings, judge, peaks
from netmon.targets.trend import with_trend
from netmon.targets.windows import day_number

LATE = 2
"""So many slots before the last ones are looked at again: by the clock a slot closes within its own length after its end."""

SELDOM_S = 3600
"""What changes slowly is judged once in so many seconds."""

_SELDOM = Latency | Loss | BackupDrill | Restoration | RadioAvailability | Environment | OpticalMargin

SlotOfLink = tuple[str, bool, int, float, float, bool]
"""A slot of one end: link, whether it is the far end, number, bytes per second in `receive` and in `transmit` (NaN where it
is not present), whether a simulator made it."""

DayOfLink = tuple[bool, int, Sequence[float], Sequence[float], int]
"""The 288 slots of one end on a local day: whether it is the far end, the first slot, rates; bit i says that slot i was
simulated."""

SpanKey = tuple[int, str, float, float | None]
"""A span: its number, state, start and end, None while it is open."""

_NO_SPAN: SpanKey = (0, "", 0.0, 0.0)
_READ_AGAIN: SpanKey = (-1, "", 0.0, 0.0)


class News(Evidence, Protocol):
    """What a Memory asks for: the store, in life."""

    def slots(self, slots: range, links: Collection[str] | None) -> Iterable[SlotOfLink]:
        """These slots of all links or of some, but for packed days. `days` is asked afterwards: meanwhile a day may be
        packed."""
        ...

    def days(self, link: str, slots: range) -> Iterable[DayOfLink]:
        """The packed days of both ends of a link that hold any of these slots."""
        ...

    def newest(self, kind: str) -> Mapping[str, SpanKey | None]:
        """The newest span of each subject of a kind. While it is the same, so are those before it. None: it says nothing."""
        ...

    def absences(self, window: Window) -> Sequence[Interval]:
        """The times when netmon did not run."""
        ...


class Memory:
    """The loads of links and the accounts of availability of one netmon. `look` comes before each round of verdicts."""

    def __init__(self) -> None:
        self._slots: range | None = None
        self._loads: dict[str, Load] = {}
        self._fresh: set[str] = set()  # links that were read once, when netmon had perhaps not stored their last slots yet
        self._accounts: dict[tuple[str, Subject], tuple[SpanKey, Account]] = {}
        self._judged: dict[tuple[str, Subject], tuple[SpanKey, Account]] = {}
        self._absences: dict[str, Sequence[Interval]] = {}
        self._peaks: dict[str, tuple[int, Sequence[DayPeak]]] = {}  # by link, of the days before one
        self._newest: dict[str, Mapping[str, SpanKey | None]] = {}
        self._slow: dict[tuple[str, str], tuple[tuple[object, ...], Verdict]] = {}
        self._heard: dict[str, Window] = {}  # the windows whose absences were read for this judging, by target

    def look(self, news: News, around: Surroundings, links: Mapping[str, Link], now: float) -> None:
        """Takes in what is new at `now`. `links` are those whose load is judged. A clock that went back, or a day ahead,
        makes it read all again."""
        self._news, self._around = news, around
        slots, before = slots_needed(now), self._slots
        if before is None or not before.stop <= slots.stop <= before.stop + DAY_SLOTS:
            self._loads, self._fresh, self._judged = {}, set(), {}
            before = None
        known = {
            name: load for name, load in self._loads.items() if (link := links.get(name)) is load.link or link == load.link
        }
        self._loads = known
        unread = links.keys() - known.keys()
        behind: set[str] = set()
        if known and before is not None:
            behind = self._follow(range(before.stop - LATE, slots.stop), went_on=slots.stop > before.stop)
        self._fresh |= unread
        for name in unread | behind:
            self._peaks.pop(name, None)
        self._read({name: links[name] for name in unread | behind}, slots)
        self._slots = slots
        self._accounts, self._judged = self._judged, {}
        self._newest.clear()
        self._heard.clear()
        self._peaks = {name: known for name, known in self._peaks.items() if name in links}

    def judge(
        self, target: CommuneTarget, place: Site | Link, window: Window, now: float, whole: Window | None = None
    ) -> Verdict:
        """The verdict on a site or a link, at the `now` of the last `look`. A part of a window is judged afresh."""
        if whole is not None:
            return judge(target, place, self._news, self._around, window, now, whole)
        if isinstance(target, PercentileUtilisation) and isinstance(place, Link):
            return self._load(target, place, window, now)
        if isinstance(target, Availability):
            return self._availability(target, place, window, now)
        if isinstance(target, _SELDOM):
            return self._seldom(target, place, window, now)
        return judge(target, place, self._news, self._around, window, now)

    def _seldom(self, target: CommuneTarget, place: Site | Link, window: Window, now: float) -> Verdict:
        """What changes slowly and is dear to judge is judged once in an hour, at a time of the hour that is its own; at once
        when the target, the place, or its state changed, when another month begins, and when the clock went back."""
        key = target.id, place.id
        state = self._key_of(Subject(target.judges, place.id)) if isinstance(target, Restoration) else _NO_SPAN
        month = window.start if target.window_days is None else 0.0
        known = self._slow.get(key)
        basis: tuple[object, ...] = (target, place, state, month, int((now + _phase(place.id)) // SELDOM_S))
        if known is None or known[0] != basis or known[1].window.start > window.start:
            known = self._slow[key] = basis, judge(target, place, self._news, self._around, window, now)
        return known[1]

    def _key_of(self, subject: Subject) -> SpanKey | None:
        if subject.kind not in self._newest:
            self._newest[subject.kind] = self._news.newest(subject.kind)
        return self._newest[subject.kind].get(subject.id, _NO_SPAN)

    def _load(self, target: PercentileUtilisation, link: Link, window: Window, now: float) -> Verdict:
        load = self._loads[link.id]
        if self._slots is not None and load.slots != self._slots:
            load.move(self._slots)
        return with_trend(target, link, load.verdict(target, window, now), self._peaks_of(link, now), now)

    def _peaks_of(self, link: Link, now: float) -> Sequence[DayPeak]:
        """Read once a local day, and again when a slot of a day that has ended came late."""
        today, known = day_number(now), self._peaks.get(link.id)
        if known is None or known[0] != today:
            known = self._peaks[link.id] = today, peaks(link, self._news, now)
        return known[1]

    def _absences_in(self, target: Availability, window: Window) -> Sequence[Interval]:
        """The same object for as long as they are the same."""
        if self._heard.get(target.id) != window:
            self._heard[target.id] = window
            absences = self._news.absences(window)
            if self._absences.get(target.id) != absences:
                self._absences[target.id] = absences
        return self._absences[target.id]

    def _availability(self, target: Availability, place: Site | Link, window: Window, now: float) -> Verdict:
        subject = Subject(target.judges, place.id)
        key = self._key_of(subject)
        if key is None:
            return judge(target, place, self._news, self._around, window, now)
        known = self._accounts.get((target.id, subject))
        if known is None or known[0] != key or not known[1].covers(window):
            known = self._account(subject, key, window)
        self._judged[target.id, subject] = known
        absences = self._absences_in(target, window)
        declared = self._around.left_out(place, self._news, window, now)
        return known[1].verdict(target, subject, absences, declared, window, now)

    def _follow(self, slots: range, *, went_on: bool) -> set[str]:
        """Tells the loads the slots that have closed. Gives back the links that have to be read whole, for a slot of theirs
        may have come that is older than these: an end stores its slots in their order, so it is one that stood still before
        and goes on; or one that stood still when it was first read, for a netmon that starts closes what it had left open.
        """
        loads, edge = self._loads, slots.start - 1
        today = (slots.stop + SHIFT) // DAY_SLOTS * DAY_SLOTS - SHIFT
        behind = set()
        if went_on:
            behind = {name for name in self._fresh if name in loads and loads[name].stands_before(edge)}
            self._fresh = set()
        for name, far, k, receive, transmit, simulated in self._news.slots(slots, None):
            load = loads.get(name)
            if load is not None and k > load.newest[far]:
                if load.newest[far] < edge:
                    behind.add(name)
                load.add(k, far, receive, transmit, simulated)
                if k < today:
                    self._peaks.pop(name, None)
        return behind

    def _read(self, links: Mapping[str, Link], slots: range) -> None:
        loads = {name: Load(link, slots) for name, link in links.items()}
        if not loads:
            return
        for name, far, k, receive, transmit, simulated in self._news.slots(slots, loads.keys()):
            loads[name].add(k, far, receive, transmit, simulated)
        for name, load in loads.items():
            for day in self._news.days(name, slots):
                load.add_day(*day)
        self._loads |= loads

    def _account(self, subject: Subject, key: SpanKey, window: Window) -> tuple[SpanKey, Account]:
        """An account that begins with the window. Spans may be newer than the key: then they are read again next time."""
        seen = self._news.timeline(subject, Window(window.start, inf))
        _, state, start, end = key
        newest = Span(state, max(start, window.start), inf if end is None else end)
        agrees = seen.spans[-1] == newest if seen.spans else newest.end <= newest.start
        measured = not seen.simulated_s
        simulated_s = 0.0 if measured else self._news.timeline(subject, window).simulated_s
        return key if agrees else _READ_AGAIN, Account(seen.spans, window, simulated_s, measured=measured)


def _phase(name: str) -> int:
    """A second of the hour that is the name's own."""
    return int.from_bytes(name.encode()[-6:], "big") % SELDOM_S
