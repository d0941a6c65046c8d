"""The keeper of declared windows: storms and works as people declare, change and end them, and what time makes of them.

What a window means at an instant is `events.windows`; what people may say, `declaring`. Every change is written to the
store's log with who made it, and every window is over at some time: a storm whose end passes goes into recovery, and
recovery ends commune by commune, or after fourteen days.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from itertools import count, takewhile
from typing import Any, Protocol

import structlog

from netmon import declaring
from netmon.control import ControlError
from netmon.declaring import DeclarationError, Places
from netmon.events.windows import in_since, named, over_at, overruns, phase, stands, strikes, struck_until
from netmon.inventory import Inventory
from netmon.model import VIET_NAM, Declared, Phase, Series, WindowChange, WindowKind
from netmon.units import Register
from netmon.window_samples import places, shown_name, storm_samples, works_samples
from netmon.window_told import listed, logged, told

log = structlog.get_logger(__name__)

DECLARE, UPDATE, END, CLOSE, BACK, EXPIRE, WARN = "declare", "update", "end", "close", "back", "expire", "warn"
REOPEN = "reopen"

BACK_FOR_S = 1_800.0
"""A commune that was back for so long leaves the storm."""

BACK_EVERY_S = 10.0
WARN_S, WARN_RECOVERY_S = 3_600.0, 86_400.0
"""So long before a storm's declared end passes, and before its recovery expires, there is a warning."""

SETTLE_S = 600.0
"""Works past their end are over when nothing was down by them so long after it."""

TRUST_S, STEP_S = 60.0, 1.0
"""After the wall clock stepped by more than a second, netmon says nothing of any window for a minute: most errors end so."""

UNDONE_S = 40 * 86_400.0
"""What netmon ended by a clock that was ahead stands again once it is right. One that is further back is wrong itself."""

LATEST_S = 600.0
"""By then the store has committed a change."""

STANDING_AT_MOST = 200
"""Windows of a kind that are not over: more are a program's mistake."""

NETMON, FILE = "netmon", "file"


class Keeping(Protocol):
    """Keeps changes (`store.Store`)."""

    def put_window(self, change: WindowChange) -> None: ...


class Past(Protocol):
    """What was kept (`store.Reader`)."""

    def windows(self) -> list[Declared]: ...

    def window_log(
        self, window: str | None = None, since: float = 0.0, most: int = 1000, kind: WindowKind | None = None
    ) -> list[WindowChange]: ...


class Windows:
    """All windows that were ever declared; those that are not over mean something. `frozen(start, end)` says which freezes
    of the calendar an interval lies in."""

    def __init__(
        self,
        past: Past,
        store: Keeping,
        *,
        inventory: Callable[[], Inventory],
        register: Register,
        frozen: Callable[[float, float], list[str]] = lambda start, end: [],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._past = past
        self._store = store
        self._inventory = inventory
        self._register = register
        self._frozen = frozen
        self._clock = clock
        self._windows = {window.id: window for window in past.windows()}
        self._live = {name: window for name, window in self._windows.items() if window.closed is None}
        self._said = {  # when it was last warned of, or told that it expired
            (change.window.id, change.verb): change.at
            for window in self._open()
            for change in past.window_log(window.id)
            if change.verb in (WARN, EXPIRE)
        }
        self._since: dict[tuple[str, str], float] = {}  # since when a commune is back that has not left its storm yet
        self._looked = 0.0
        self._trusted = 0.0  # from when on the clock is believed
        self._places: dict[str, tuple[Declared, frozenset[tuple[str, str]]]] = {}
        self._places_in: Inventory | None = None  # of this one alone: one that a reload replaced is let go
        self._latest: list[WindowChange] = []  # what the store may not have committed
        self._undo(clock())

    # --- what holds ---------------------------------------------------------------------------------------------------

    def standing(self) -> tuple[Declared, ...]:
        """All windows that still mean something."""
        now = self._clock()
        return tuple(window for window in self._open() if stands(window, now))

    def ever(self) -> tuple[Declared, ...]:
        """All windows that were ever declared, for availability without them."""
        return tuple(self._windows.values())

    def in_impact(self, province: str, commune: str) -> bool:
        """Whether a real storm is over a commune: silences there are verified, and the dead asked, faster."""
        now = self._clock()
        return any(strikes(window, province=province, commune=commune, now=now) for window in self._live.values())

    def provinces(self, window: Declared) -> frozenset[str]:
        """The provinces that netmon watches and that a window lies in."""
        return frozenset(province for province, _ in self._where(window))

    def samples(self, now: float) -> list[tuple[Series, float]]:
        """netmon_storm_info, _phase, _end_timestamp_seconds and netmon_maintenance_info of all that stand."""
        samples: list[tuple[Series, float]] = []
        for window in self._open():
            if stands(window, now):
                provinces = self.provinces(window)
                storm = window.kind is WindowKind.STORM
                samples += storm_samples(window, provinces, now) if storm else works_samples(window, provinces)
        return samples

    # --- time ---------------------------------------------------------------------------------------------------------

    def step(
        self,
        now: float,
        back: Callable[[Declared, str], bool],
        late: Callable[[Declared], bool] = lambda works: True,
    ) -> None:
        """Lets time pass. `back` says whether a commune is back now from a storm: its People's Committee and all its devices
        up, its mains there. `late` says whether something is still down by works that are past their end; without an overrun
        they are over."""
        if now < self._trusted:
            return
        look = now - self._looked >= BACK_EVERY_S or now < self._looked
        if look:
            self._looked = now
        for window in self._open():
            if window.kind is WindowKind.MAINTENANCE:
                self._pass_works(window, now, late)
            elif phase(window, now) is Phase.OVER:
                self._write(EXPIRE, replace(window, closed=now), now, "its recovery has taken fourteen days")
            elif phase(window, now) is Phase.RECOVER:
                if window.ended is None:
                    self._once(EXPIRE, window, window.until, now, "its end has passed: it is being recovered from")
                if now >= over_at(window) - WARN_RECOVERY_S:
                    text = "its recovery expires within a day: what is still lost will page by itself"
                    self._once(WARN, window, over_at(window) - WARN_RECOVERY_S, now, text)
                if look:
                    self._recover(window, now, back)
            elif now >= window.until - WARN_S:
                self._once(
                    WARN, window, window.until - WARN_S, now, "its end is less than an hour away: extend it or end it"
                )

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much."""
        self._since = {key: since + step_s for key, since in self._since.items()}
        self._looked += step_s
        if abs(step_s) > STEP_S:
            self._trusted = self._clock() + TRUST_S
        if step_s < 0:
            self._undo(self._clock())

    def _undo(self, now: float) -> None:
        """Takes back what netmon itself made of windows by a clock that was ahead, unless a person changed them since."""
        latest = self._latest
        self._said = {key: at for key, at in self._said.items() if at <= now}
        late = {change.window.id for change in (*self._past.window_log(since=now), *latest) if change.at > now}
        for name in sorted(late):
            log_of = self._past.window_log(name)
            log_of += [change for change in latest if change.window.id == name and change not in log_of]
            while log_of and log_of[-1].author == NETMON and now < log_of[-1].at <= now + UNDONE_S:
                log_of.pop()
            if log_of and log_of[-1].window != self._windows[name]:
                self._write(REOPEN, log_of[-1].window, now, "the clock was ahead when it changed")

    def follow(self, file: Iterable[Declared], now: float) -> None:
        """Takes the works of the configuration: declares what is new, changes what the file says otherwise than last time,
        ends what is there no more. What a person ended or changed stays so until the file says something else of it. Works
        that are over keep their past: if the file has them anew, they are others and have a number."""
        held = set()
        for window in file:
            twins = self._twins(window.id)
            mine = next((each for each in reversed(twins) if each.by == FILE), None)
            said = self._said_last(mine)
            if mine is not None:
                held.add(mine.id)
            if said is not None and said.verb != END and _plan(said.window) == _plan(window):
                continue
            if mine is not None and mine.closed is None:
                self._change(mine, window, now)
            elif any(twin.closed is None for twin in twins):
                log.warning("works of the file are not taken: somebody declared others of the same id", window=window.id)
            elif window.until > now:
                anew = replace(window, id=self._free(window.id), declared=now, by=FILE)
                held.add(anew.id)
                self._write(DECLARE, anew, now, author=FILE)
                self._log_doubts(anew, now)
        for window in self._open():
            if window.by == FILE and window.id not in held:
                self._write(END, _closed(window, now), now, "it is no longer in the file", FILE)

    def _change(self, was: Declared, file: Declared, now: float) -> None:
        """Takes what the file says of works anew, as far as it is not past."""
        if phase(was, now) is Phase.PREPARE:
            window = replace(file, id=was.id, declared=now, by=FILE)
        else:
            until = max(file.until, now) if now < was.until else was.until
            window = replace(was, name=file.name, note=file.note, until=until)
        if _plan(window) != _plan(file):
            log.warning("works of the file have begun: what is past of them stays as it was", window=was.id)
        if _plan(window) != _plan(was):
            self._write(UPDATE, window, now, author=FILE)
            self._log_doubts(window, now)

    def _said_last(self, window: Declared | None) -> WindowChange | None:
        """What the file said last of works."""
        changes = self._past.window_log(window.id) if window is not None else []
        return next((change for change in reversed(changes) if change.author == FILE), None)

    # --- people -------------------------------------------------------------------------------------------------------

    async def control_storm(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Declares, changes, ends or lists storms, as `action` says. ControlError: it cannot be."""
        return await self._control(WindowKind.STORM, author, request)

    async def control_maintenance(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Declares, changes, ends or lists works, as `action` says. ControlError: it cannot be."""
        return await self._control(WindowKind.MAINTENANCE, author, request)

    async def _control(self, kind: WindowKind, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        action, now = request.get("action"), self._clock()
        try:
            if action == "list":
                return await self._list(kind, request, now)
            note = declaring.words(request.get("by"), "by", declaring.LONGEST_NAME)
            if action == DECLARE:
                return self._declare(kind, author, note, request, now)
            if action == UPDATE:
                window = self._named(kind, request, now)
                changed = declaring.updated(window, request, self._known(now), now)
                return self._answer(UPDATE, changed, now, note, author, self._doubts(changed, now))
            if action == END:
                return self._end(self._named(kind, request, now), author, note, request, now)
        except DeclarationError as error:
            raise ControlError(str(error)) from None
        raise ControlError("action is declare, update, end or list")

    def _declare(
        self, kind: WindowKind, author: str, note: str, request: Mapping[str, Any], now: float
    ) -> Mapping[str, Any]:
        if sum(window.kind is kind and stands(window, now) for window in self._open()) >= STANDING_AT_MOST:
            raise DeclarationError(f"{STANDING_AT_MOST} of them stand already: end some")
        window = declaring.declared(kind, request, self._known(now), now)
        window = replace(window, by=f"{author} ({note})" if note else author)
        doubts = self._doubts(window, now)
        first = named(kind, window.name, window.start)
        standing = [twin for twin in self._twins(first) if twin.closed is None and stands(twin, now)]
        if standing:
            doubts.append(f"one of this name stands already: {standing[0].id}")
        elif kind is WindowKind.STORM and (twins := self._twins(first)) and declaring.goes_on(twins[-1], window, now):
            return self._answer(DECLARE, declaring.reopened(twins[-1], window, now), now, note, author, doubts)
        return self._answer(DECLARE, replace(window, id=self._free(first)), now, note, author, doubts)

    def _end(self, window: Declared, author: str, note: str, request: Mapping[str, Any], now: float) -> Mapping[str, Any]:
        declaring.known(request, ("id", "close"))
        close = request.get("close", False)
        if not isinstance(close, bool):
            raise DeclarationError("close is true or false")
        storm = window.kind is WindowKind.STORM
        at = phase(window, now)
        if storm and at is Phase.RECOVER and not close:
            raise DeclarationError("it is being recovered from already", "closing it ends that at once")
        if not storm or at is Phase.PREPARE or close:  # what never struck needs no recovery
            verb = CLOSE if storm and close else END
            return self._answer(verb, _closed(window, now), now, note, author, [])
        return self._answer(END, replace(window, ended=now), now, note, author, [])

    async def _list(self, kind: WindowKind, request: Mapping[str, Any], now: float) -> Mapping[str, Any]:
        declaring.known(request, ("id", "all", "log"))
        name = request.get("id")
        if request.get("log"):
            if name is not None and (not isinstance(name, str) or name not in self._windows):
                raise DeclarationError(f"there never was a {kind} '{str(name)[:80]}'")
            changes = await asyncio.to_thread(self._past.window_log, name, kind=kind)
            return {"changes": logged(changes, kind)}
        return {"windows": listed(self._windows.values(), kind, now, everything=bool(request.get("all")))}

    def _named(self, kind: WindowKind, request: Mapping[str, Any], now: float) -> Declared:
        name = request.get("id")
        window = self._windows.get(name) if isinstance(name, str) else None
        if window is None or window.kind is not kind:
            there = [each.id for each in self._open() if each.kind is kind and stands(each, now)]
            near = get_close_matches(str(name), there, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(there[:10])}" if there else "none stands"
            raise DeclarationError(f"there is no {kind} '{str(name)[:80]}'", hint)
        if window.closed is not None or not stands(window, now):
            raise DeclarationError(f"{window.id} is over")
        return window

    # --- parts --------------------------------------------------------------------------------------------------------

    def _open(self) -> list[Declared]:
        return list(self._live.values())

    def _free(self, first: str) -> str:
        """An id that no window has, made of the one that its name and date give."""
        return next(name for name in _numbered(first) if name not in self._windows)

    def _twins(self, first: str) -> list[Declared]:
        """All windows of one name and date."""
        return [self._windows[name] for name in takewhile(self._windows.__contains__, _numbered(first))]

    def _known(self, now: float) -> Places:
        return Places(self._inventory(), self._register, datetime.fromtimestamp(now, VIET_NAM).date())

    def _where(self, window: Declared) -> frozenset[tuple[str, str]]:
        inventory = self._inventory()
        if self._places_in is not inventory:
            self._places_in, self._places = inventory, {}
        kept = self._places.get(window.id)
        if kept is None or kept[0] is not window:
            kept = self._places[window.id] = window, places(window, inventory)
        return kept[1]

    def _doubts(self, window: Declared, now: float) -> list[str]:
        """What somebody who declares it should know."""
        where, found = places(window, self._inventory()), []
        if not where:
            found.append("netmon watches nothing there: it changes nothing")
        if window.kind is WindowKind.MAINTENANCE:
            found += [f"it lies in a change freeze: {freeze}" for freeze in self._frozen(window.start, window.until)]
            for storm in self._open():
                near = storm.kind is WindowKind.STORM and not storm.exercise and stands(storm, now)
                if near and window.start < struck_until(storm) and now < struck_until(storm) and where & self._where(storm):
                    found.append(f"it lies in the area of a storm: {storm.name} ({storm.id}, {phase(storm, now)})")
        return found

    def _log_doubts(self, window: Declared, now: float) -> None:
        for doubt in self._doubts(window, now):
            log.warning("works of the file", window=window.id, doubt=doubt)

    def _pass_works(self, works: Declared, now: float, late: Callable[[Declared], bool]) -> None:
        if not stands(works, now):
            self._write(EXPIRE, replace(works, closed=now), now, "its end has passed fourteen days ago")
        elif overruns(works, now):
            if late(works):
                self._once(WARN, works, works.until, now, "its end has passed, and what it may explain is not back")
            elif now >= works.until + SETTLE_S:
                self._write(EXPIRE, replace(works, closed=now), now, "its end has passed, and nothing is down by it")

    def _recover(self, storm: Declared, now: float, back: Callable[[Declared, str], bool]) -> None:
        """Lets communes leave that have been back for long enough; without any left the storm is over."""
        where = self._where(storm)
        waiting = {place[1] for place in where if in_since(storm, province=place[0], commune=place[1], now=now) is not None}
        leaving = []
        for commune in sorted(waiting):
            if not back(storm, commune):
                self._since.pop((storm.id, commune), None)
            elif now - (since := self._since.setdefault((storm.id, commune), now)) >= BACK_FOR_S:
                leaving.append((commune, since))
        if leaving:
            storm = replace(storm, back=(*storm.back, *leaving))
            self._write(BACK, storm, now, ", ".join(commune for commune, _ in leaving))
        if len(leaving) == len(waiting):
            self._write(CLOSE, replace(storm, closed=now), now, "all its communes are back")

    def _once(self, verb: str, window: Declared, since: float, now: float, note: str) -> None:
        if self._said.get((window.id, verb), 0.0) < since:
            self._write(verb, window, now, note)

    def _answer(
        self, verb: str, window: Declared, now: float, note: str, author: str, doubts: list[str]
    ) -> Mapping[str, Any]:
        self._write(verb, window, now, note, author)
        return {"window": told(window, now), "warnings": doubts}

    def _write(self, verb: str, window: Declared, now: float, note: str = "", author: str = NETMON) -> None:
        self._windows[window.id] = window
        if verb in (WARN, EXPIRE):
            self._said[window.id, verb] = now
        self._live[window.id] = window
        if window.closed is not None:
            del self._live[window.id]
        if verb not in (WARN, EXPIRE, BACK) or window.closed is not None:
            self._since = {key: since for key, since in self._since.items() if key[0] != window.id}
        change = WindowChange(now, verb, author, note, window)
        self._latest = [*(each for each in self._latest if abs(now - each.at) < LATEST_S), change]
        self._store.put_window(change)
        say = log.warning if verb in (WARN, EXPIRE) and window.closed is None else log.info
        say("declared window", verb=verb, window=window.id, name=shown_name(window), author=author, note=note)


def _numbered(first: str) -> Iterator[str]:
    yield first
    yield from (f"{first}-{n}" for n in count(2))


def _closed(window: Declared, now: float) -> Declared:
    return replace(window, ended=window.ended if window.ended is not None else now, closed=now)


def _plan(window: Declared) -> tuple[object, ...]:
    return window.name, window.start, window.until, window.areas, window.subjects, window.note
