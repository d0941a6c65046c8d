"""What judging remembers from one time to the next, so that a steady province costs only what is new in it.

Before each judging `Memory.look` reads, for all links together, the slots that have closed, and the newest span of every
subject. A link is read whole when it is new or changed, and when its slots may have come later than `look` reaches back; a
subject when its newest span is another one. The verdicts are those of `evaluate.Afresh`, to the last digit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Protocol

from netmon.model import Link, Span, Subject, Verdict, Window
from netmon.targets.availability import Account, Interval, judge_availability
from netmon.targets.availability import window_of as availability_window
from netmon.targets.definitions import Availability, PercentileUtilisation
from netmon.targets.evaluate import Timeline
from netmon.targets.load import DAY_SLOTS, Load
from netmon.targets.percentile import slots_needed
from netmon.targets.percentile import window_of as percentile_window

LATE = 2
"""So many slots before the last ones are looked at again: by the clock a slot closes within its own length after its end."""

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


class News(Protocol):
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

    def timeline(self, subject: Subject, window: Window) -> Timeline:
        """The states of a site's service or of a link; an open one lasts to the end of the window."""
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
        self._windows: dict[str, Window] = {}
        self._newest: dict[str, Mapping[str, SpanKey | None]] = {}

    def look(self, news: News, links: Mapping[str, Link], now: float) -> None:
        """Takes in what is new at `now`. `links` are those whose load is judged. A clock that went back, or a day ahead,
        makes it read all again."""
        self._news = news
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
        self._read({name: links[name] for name in unread | behind}, slots)
        self._slots = slots
        self._accounts, self._judged = self._judged, {}
        self._windows.clear()
        self._newest.clear()

    def link(self, target: PercentileUtilisation, link: Link, now: float) -> Verdict:
        """The verdict on the load of a link that `look` was told of, at the same `now`."""
        window = self._windows.get(target.id)
        if window is None:
            window = self._windows[target.id] = percentile_window(target, now)
        load = self._loads[link.id]
        if self._slots is not None and load.slots != self._slots:
            load.move(self._slots)
        return load.verdict(target, window, now)

    def availability(self, target: Availability, subject: Subject, now: float) -> Verdict:
        """The verdict on a site's service or on a link."""
        window = self._windows.get(target.id)
        if window is None:
            window = self._windows[target.id] = availability_window(target, now)
            absences = self._news.absences(window)
            if self._absences.get(target.id) != absences:
                self._absences[target.id] = absences
        if subject.kind not in self._newest:
            self._newest[subject.kind] = self._news.newest(subject.kind)
        key = self._newest[subject.kind].get(subject.id, _NO_SPAN)
        if key is None:
            seen = self._news.timeline(subject, window)
            return judge_availability(target, subject, seen.spans, seen.absences, window, now, simulated_s=seen.simulated_s)
        known = self._accounts.get((target.id, subject))
        if known is None or known[0] != key or not known[1].covers(window):
            known = self._account(subject, key, window)
        self._judged[target.id, subject] = known
        return known[1].verdict(target, subject, self._absences[target.id], window, now)

    def _follow(self, slots: range, *, went_on: bool) -> set[str]:
        """Tells the loads the slots that have closed. Gives back the links that have to be read whole, for a slot of theirs
        may have come that is older than these: an end stores its slots in their order, so it is one that stood still before
        and goes on; or one that stood still when it was first read, for a netmon that starts closes what it had left open.
        """
        loads, edge = self._loads, slots.start - 1
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
