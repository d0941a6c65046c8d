"""What the store has seen, as the targets ask for it, read in short turns: no poll waits for the thread that judges."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import inf, isnan
from threading import Event

from netmon.events.windows import RECOVERY_S
from netmon.model import (
    CellName,
    DayPeak,
    Declared,
    End,
    Link,
    Outage,
    PortSpeed,
    SpeedTest,
    Subject,
    Summary,
    Window,
)
from netmon.store import Reader
from netmon.targets.availability import Interval
from netmon.targets.declared import Declarations
from netmon.targets.echoes import Echoes
from netmon.targets.memory import DayOfLink, SlotOfLink, SpanKey
from netmon.targets.percentile import LinkRates
from netmon.targets.rules import Timeline

TURN_S, REST_S = 0.001, 0.0005
"""Seconds that the thread works until it rests: meanwhile the loop waits for the interpreter."""

_ROWS_A_LOOK = 64


class StoppedError(Exception):
    """netmon stops: no more evidence is read."""


class Turns:
    """Short turns for the thread. StoppedError once `stopping` is set."""

    def __init__(self, stopping: Event) -> None:
        self._stopping = stopping
        self._since = time.monotonic()

    def go_on(self) -> None:
        """Called after each small piece of work."""
        if time.monotonic() - self._since >= TURN_S:
            self._stopping.wait(REST_S)
            self._since = time.monotonic()
        if self._stopping.is_set():
            raise StoppedError


class StoreEvidence:
    """What the store has seen, as the targets ask for it, at one judging."""

    def __init__(self, reader: Reader, turns: Turns) -> None:
        self._reader = reader
        self._turns = turns
        self._absences: dict[Window, Sequence[Interval]] = {}
        self._windows: Sequence[Declared] = ()
        self._windows_since = inf
        self._declared: dict[Window, Declarations] = {}

    def rates(self, link: Link, slots: range) -> LinkRates:
        """The near end's, and the far end's where the near end lacks slots."""
        self._turns.go_on()
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
        self._turns.go_on()
        simulated_s = self._reader.simulated_seconds(subject, *window)
        return Timeline(self._reader.spans(subject, *window), self.absences(window), simulated_s)

    def absences(self, window: Window) -> Sequence[Interval]:
        if window not in self._absences:
            self._absences[window] = [Window(absence.start, absence.end) for absence in self._reader.absences(*window)]
        return self._absences[window]

    def declared(self, window: Window) -> Declarations:
        if window.start < self._windows_since:
            self._windows = self._reader.windows(ends_after=window.start - RECOVERY_S)
            self._windows_since = window.start
        if window not in self._declared:
            self._turns.go_on()
            self._declared[window] = Declarations(self._windows, window)
        return self._declared[window]

    def outages(self, subject: Subject, window: Window) -> Sequence[Outage]:
        self._turns.go_on()
        return self._reader.outages(subject, *window)

    def echoes(self, link: Link, slots: range) -> Echoes:
        self._turns.go_on()
        found = self._reader.echoes(link.id, slots.start, len(slots))
        return Echoes(
            first_k=slots.start,
            rtt_s=found.rtt_s,
            worst_s=found.worst_s,
            sent=found.sent,
            answered=found.answered,
            snmp_s=found.snmp_s,
            simulated=found.simulated,
        )

    def ports(self, link: Link) -> Sequence[PortSpeed]:
        return self._reader.port_speeds(link.id)

    def heard(self, link: Link, window: Window) -> bool:
        return self._reader.heard(link.id, *window)

    def speed_tests(self, site: str, window: Window) -> Sequence[SpeedTest]:
        return self._reader.speed_tests(*window, site)

    def summaries(self, subject: Subject, figure: str, window: Window, *, days: bool = False) -> Sequence[Summary]:
        self._turns.go_on()
        return self._reader.summaries(subject, figure, *window, days=days)

    def cells(self, site: str, window: Window) -> Mapping[CellName, Timeline]:
        self._turns.go_on()
        absences, simulated_s = self.absences(window), self._reader.simulated_seconds
        return {
            cell: Timeline(spans, absences, simulated_s(Subject("cell", cell.id), *window))
            for cell, spans in self._reader.cells(site, *window).items()
        }

    def peaks(self, link: Link, days: range) -> Sequence[DayPeak]:
        self._turns.go_on()
        return self._reader.peaks(link.id, days.start, days.stop)

    def slots(self, slots: range, links: Collection[str] | None) -> Iterator[SlotOfLink]:
        for n, row in enumerate(self._reader.slot_rates(slots.start, slots.stop, links)):
            if n % _ROWS_A_LOOK == 0:
                self._turns.go_on()
            yield row

    def days(self, link: str, slots: range) -> Iterator[DayOfLink]:
        self._turns.go_on()
        return self._reader.packed_days(link, slots.start, slots.stop)

    def newest(self, kind: str) -> Mapping[str, SpanKey | None]:
        self._turns.go_on()
        return self._reader.newest_spans(kind)
