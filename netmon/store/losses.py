"""What is left of writes that the disk took nothing of for too long: little, but enough that nothing false is said.

Of states a subject's last one stays, and when what the store says of it ceased to be so: the time between is unseen. Of the
slots of an end of a link their octets stay, in no slot, and where its counters stand: no octet is lost or counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netmon.model import SLOT_S, Slot, Subject
from netmon.store import facts
from netmon.store.database import Database
from netmon.store.links import put_link
from netmon.store.records import Absence

REASON = "store"
"""Of gaps and absences: the store took nothing."""

Row = tuple[str, float, float, int]


_Span = tuple[str | None, float, int]
"""A state, or that none is told any more; from when on; and its source."""


@dataclass(slots=True)
class _Told:
    """What was told of a subject. The first two changes are kept as they were: whether the first is one, only the store
    knows. Of all later ones `since` is when the first was, and `last` what holds since then."""

    renamed: str | None = None
    first: _Span | None = None
    first_renamed: str | None = None
    since: float | None = None
    last: _Span = (None, 0.0, 0)
    newest: int = 0

    @property
    def now(self) -> tuple[str | None, int] | None:
        """State and source that hold; None: only the store knows."""
        if self.first is None:
            return None
        if self.since is not None:
            return self.last[0], self.last[2]
        return self.first[0] if self.first_renamed is None else self.first_renamed, self.first[2]

    def begin(self, order: int, span: _Span) -> None:
        if self.first is None:
            self.first = span
        elif (span[0], span[2]) != self.now:
            self.since = span[1] if self.since is None else min(self.since, span[1])
            if order > self.newest:
                self.last = span
        self.newest = max(order, self.newest)

    def rename(self, order: int, state: str) -> None:
        if self.first is None:
            self.renamed = state
        elif self.now is not None and self.now[0] is not None and order > self.newest:
            if self.since is None:
                self.first_renamed = state
            else:
                self.last = (state, *self.last[1:])
        self.newest = max(order, self.newest)

    def make_good(self, database: Database, subject: Subject) -> None:
        if self.renamed is not None:
            facts.rename_span(database, subject, self.renamed)
        if self.first is not None:
            _tell(database, subject, self.first)
        if self.first_renamed is not None:
            facts.rename_span(database, subject, self.first_renamed)
        if self.since is not None:
            facts.end_span(database, subject, self.since)
            _tell(database, subject, self.last)


@dataclass(slots=True)
class _Counted:
    octets: dict[str, list[float]] = field(default_factory=dict)  # by direction: since, until, octets
    baseline: str | None = None
    newest: int = 0


class Losses:
    """Gathers what is left. Each write has its `order`: those that are dropped need not come in theirs."""

    def __init__(self) -> None:
        self.writes = 0
        self._spans: dict[Subject, _Told] = {}
        self._ends: dict[tuple[str, int, int], _Counted] = {}
        self._alive = 0.0
        self._unseen = False

    def begin(self, order: int, subject: Subject, state: str | None, start: float, source: int) -> None:
        """A subject's span began, or ended (no state)."""
        self._spans.setdefault(subject, _Told()).begin(order, (state, start, source))

    def rename(self, order: int, subject: Subject, state: str) -> None:
        """A subject's span is found to have been another state all along."""
        self._spans.setdefault(subject, _Told()).rename(order, state)

    def count(
        self, order: int, who: tuple[str, int, int], slots: Iterable[Slot], unplaced: Iterable[Row], baseline: str | None
    ) -> None:
        """What an end of a link (link, far, source) counted."""
        end = self._ends.setdefault(who, _Counted())
        rows = list(unplaced)
        for slot in slots:
            since, until = slot.k * float(SLOT_S), (slot.k + 1) * float(SLOT_S)
            rows += [("receive", since, until, slot.receive.octets), ("transmit", since, until, slot.transmit.octets)]
        for direction, since, until, octets in rows:
            sums = end.octets.setdefault(direction, [since, until, 0])
            sums[:] = min(sums[0], since), max(sums[1], until), sums[2] + octets
        if baseline is not None and order > end.newest:
            end.baseline, end.newest = baseline, order

    def joined(self, later: Losses) -> Losses:
        """These with those of later writes, in one."""
        for subject, told in later._spans.items():
            ours = self._spans.setdefault(subject, _Told())
            before = ours.newest  # all of the others is later, in this order
            if told.renamed is not None:
                ours.rename(before + 1, told.renamed)
            if told.first is not None:
                ours.begin(before + 2, told.first)
            if told.first_renamed is not None:
                ours.rename(before + 3, told.first_renamed)
            if told.since is not None:
                ours.since = told.since if ours.since is None else min(ours.since, told.since)
                ours.last = told.last
            ours.newest = told.newest
        for who, end in later._ends.items():
            rows = [(direction, since, until, int(octets)) for direction, (since, until, octets) in end.octets.items()]
            self.count(end.newest, who, (), rows, end.baseline)
        self.writes += later.writes
        self._alive = max(self._alive, later._alive)
        self._unseen = self._unseen or later._unseen
        return self

    def heartbeat(self, unix: float) -> None:
        """netmon was alive."""
        self._alive = max(self._alive, unix)

    def lose_sight(self) -> None:
        """So much was dropped, of what is always kept, that nothing may be said of the time."""
        self._unseen = True

    def make_good(self, database: Database) -> None:
        """Writes what is left, before any write that came later."""
        for subject, told in self._spans.items():
            told.make_good(database, subject)
        for (link, far, source), end in self._ends.items():
            rows = [(direction, since, until, int(octets)) for direction, (since, until, octets) in end.octets.items()]
            put_link(
                database,
                link=link,
                far=far,
                slots=(),
                unplaced=[row for row in rows if row[3]],
                gaps=[(direction, since, until, REASON) for direction, since, until, _ in rows],
                baseline=end.baseline,
                source=source,
            )
        before = database.execute("SELECT unix FROM alive").fetchone()
        if self._alive:
            if self._unseen and before is not None and self._alive > before[0]:
                absence = Absence(before[0], self._alive, REASON)
                database.execute("INSERT INTO absence (since, until, reason) VALUES (?, ?, ?)", absence)
            facts.heartbeat(database, self._alive, clean=False)


def _tell(database: Database, subject: Subject, span: _Span) -> None:
    state, start, source = span
    if state is None:
        facts.end_span(database, subject, start)
    else:
        facts.begin_span(database, subject, state, start, source)
