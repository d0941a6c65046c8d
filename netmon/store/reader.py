"""Reads of what is committed, on connections that cannot write: one a thread, for the daemon and for the command line."""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import json
import math
import sqlite3
from array import array
from collections.abc import Collection, Iterator
from math import nan
from pathlib import Path
from typing import Any

from netmon.model import (
    SLOT_S,
    Baseline,
    CellName,
    DayPeak,
    Direction,
    End,
    Gap,
    PortSpeed,
    Slot,
    Span,
    SpeedTest,
    Subject,
    Summary,
    Unplaced,
)
from netmon.notice import Notice, NoticeKind
from netmon.store.audit_log import AuditReads
from netmon.store.book import BookReads
from netmon.store.days import (
    DAY_SLOTS,
    PRESENT_US,
    SLOT_COLUMNS,
    absent,
    day_of,
    day_of_slot,
    day_start,
    first_slot,
    load_day,
    rate,
    unpacked,
)
from netmon.store.echoes import read_echoes
from netmon.store.newest import NewestReads
from netmon.store.pasts import PastReads
from netmon.store.peaks import read_peaks
from netmon.store.records import (
    SIMULATED,
    Absence,
    EchoRows,
    Ispeed,
    OpenSpan,
    Rates,
    Sums,
    load_baseline,
)
from netmon.store.summaries import read_summaries
from netmon.store.verdicts import VerdictReads
from netmon.store.windows import WindowReads

_LINK = "(SELECT id FROM subject WHERE kind = 'link' AND name = ?)"

_FEW = 32
"""So many links are looked up one by one; of more, all rows are read in their order."""


def _number(database: sqlite3.Connection, link: str) -> int:
    """The number of a link; 0, which none has, when it was never written."""
    found = database.execute(f"SELECT {_LINK}", (link,)).fetchone()[0]
    return 0 if found is None else int(found)


def _stands(link: str, far: int, body: str) -> tuple[tuple[str, End], Baseline]:
    return (link, End.FAR if far else End.NEAR), load_baseline(body)


class Reader(AuditReads, BookReads, NewestReads, PastReads, WindowReads, VerdictReads):
    """Reads one store. Every method may be called from any thread; times are Unix seconds, intervals [start, end)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._links: dict[int, str] = {}  # names by number, which never changes

    @classmethod
    def open(cls, path: Path) -> Reader:
        """For the command line, whether a daemon runs or not. StoreError: there is none that can be read."""
        reader = cls(path)
        reader._connection()
        return reader

    # --- links --------------------------------------------------------------------------------------------------------

    def rates(self, link: str, end: End, first_k: int, count: int) -> Rates:
        """The rates of `count` slots from `first_k` on, the same before and after their day is packed."""
        receive, transmit, simulated = absent(count), absent(count), 0
        stop = first_k + count
        with self._snapshot() as database:
            who = (_number(database, link), int(end is End.FAR))
            for number in range(day_of_slot(first_k), day_of_slot(stop - 1) + 1):
                day = load_day(database, (number, *who))
                if day is None:
                    continue
                zero = first_slot(number)
                low, high = max(first_k, zero), min(stop, zero + DAY_SLOTS)
                receive[low - first_k : high - first_k] = day.receive[low - zero : high - zero]
                transmit[low - first_k : high - first_k] = day.transmit[low - zero : high - zero]
                simulated += (day.simulated >> (low - zero) & ((1 << (high - low)) - 1)).bit_count()
            for slot, source in unpacked(database, who, first_k, stop):
                receive[slot.k - first_k] = rate(slot.receive)
                transmit[slot.k - first_k] = rate(slot.transmit)
                simulated += source == SIMULATED
        return Rates(receive, transmit, simulated)

    def slot_rates(
        self, first_k: int, stop_k: int, links: Collection[str] | None = None
    ) -> Iterator[tuple[str, bool, int, float, float, bool]]:
        """The slots in [first_k, stop_k) that are not packed yet, of all links or of some: link, whether it is the far end,
        number, rates as `rates` has them before they are rounded, whether it was simulated. Rows are read as they are asked
        for. A day may be packed meanwhile: whoever reads `packed_days` afterwards misses nothing, but may meet a slot twice.
        """
        if links is not None and len(links) <= _FEW:
            database = self._connection()
            for link in links:
                for far in (False, True):
                    for slot, source in unpacked(database, (_number(database, link), int(far)), first_k, stop_k):
                        yield link, far, slot.k, rate(slot.receive), rate(slot.transmit), source == SIMULATED
            return
        rows = self._connection().execute(
            f"SELECT link, far, source, {SLOT_COLUMNS} FROM slot WHERE k >= ? AND k < ? ORDER BY k, link, far",
            (first_k, stop_k),
        )
        for number, far, source, k, receive, receive_us, transmit, transmit_us in rows:
            link = self._links.get(number) or self._name(number)
            if links is None or link in links:
                towards = receive * 1_000_000 / receive_us if receive_us >= PRESENT_US else nan
                away = transmit * 1_000_000 / transmit_us if transmit_us >= PRESENT_US else nan
                yield link, far == 1, k, towards, away, source == SIMULATED

    def packed_days(
        self, link: str, first_k: int, stop_k: int
    ) -> Iterator[tuple[bool, int, array[float], array[float], int]]:
        """The packed days of both ends of a link that hold any of the slots in [first_k, stop_k), whole: whether it is the
        far end, the first slot, the rates, and a bit for each slot that was simulated."""
        database = self._connection()
        number = _number(database, link)
        for day in range(day_of_slot(first_k), day_of_slot(stop_k - 1) + 1):
            for far in (False, True):
                found = load_day(database, (day, number, int(far)))
                if found is not None:
                    yield far, first_slot(day), found.receive, found.transmit, found.simulated

    def heard(self, link: str, start: float, end: float) -> bool:
        """Whether a slot of either end of a link was stored in [start, end); days count whole."""
        with self._snapshot() as database:
            number = _number(database, link)
            for day in range(day_of(start), day_of(end - 1) + 1):
                if database.execute("SELECT 1 FROM day WHERE day = ? AND link = ? LIMIT 1", (day, number)).fetchone():
                    return True
            first, stop = math.ceil(start / SLOT_S), math.floor(end / SLOT_S)
            return any(unpacked(database, (number, far), first, stop) for far in (0, 1))

    def _name(self, number: int) -> str:
        self._links = dict(self._rows("SELECT id, name FROM subject WHERE kind = 'link'"))
        return self._links[number]

    def slots(self, link: str, end: End, first_k: int, last_k: int) -> list[Slot]:
        """The slots from `first_k` to `last_k`, both included, that are not packed yet."""
        with self._snapshot() as database:
            who = (_number(database, link), int(end is End.FAR))
            return [slot for slot, _ in unpacked(database, who, first_k, last_k + 1)]

    def sums(self, link: str, end: End, start: float, stop: float) -> Sums:
        """Octets of all slots of the local days in [start, stop). ValueError: an edge is not a midnight of Viet Nam."""
        first, last = day_of(start), day_of(stop)
        if day_start(first) != start or day_start(last) != stop:
            raise ValueError("daily sums start and end at midnights of Asia/Ho_Chi_Minh")
        with self._snapshot() as database:
            who = (_number(database, link), int(end is End.FAR))
            rows = [
                (slot.receive.octets, slot.transmit.octets, 1)
                for slot, _ in unpacked(database, who, first_slot(first), first_slot(last))
            ]
            for number in range(first, last):
                rows += database.execute(
                    "SELECT receive, transmit, slots FROM day WHERE day = ? AND link = ? AND far = ?", (number, *who)
                )
        return Sums(sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows))

    def unplaced(self, link: str, end: End, start: float, stop: float) -> list[Unplaced]:
        """Octets in no slot whose interval touches [start, stop)."""
        rows = self._of_link("unplaced", "octets", link, end, start, stop)
        return [Unplaced(Direction(direction), since, until, octets) for direction, since, until, octets in rows]

    def gaps(self, link: str, end: End, start: float, stop: float) -> list[Gap]:
        """Refused intervals that touch [start, stop)."""
        rows = self._of_link("gap", "reason", link, end, start, stop)
        return [Gap(Direction(direction), since, until, reason) for direction, since, until, reason in rows]

    def _of_link(self, table: str, measure: str, link: str, end: End, start: float, stop: float) -> list[Any]:
        return self._rows(
            f"""SELECT direction, since, until, {measure} FROM {table}
                WHERE link = {_LINK} AND far = ? AND since < ? AND until > ? ORDER BY since, id""",
            link, int(end is End.FAR), stop, start,
        )  # fmt: skip

    def baselines(self) -> dict[tuple[str, End], Baseline]:
        """Where the measuring of every end of every link stands."""
        rows = self._rows(
            """SELECT s.name, far, body FROM baseline b JOIN subject s ON s.id = b.link
               WHERE b.id IN (SELECT max(id) FROM baseline GROUP BY link, far)"""
        )
        return dict(self._loaded(_stands, rows))

    def peaks(self, link: str, first_day: int, stop_day: int) -> list[DayPeak]:
        """The 95th percentiles of the local days in [first_day, stop_day) that have slots, in order: the near end's, or the
        far end's where more of its slots are present. Days that no longer have rates, and never had their percentiles
        written, are left out."""
        with self._snapshot() as database:
            return read_peaks(database, _number(database, link), first_day, stop_day)

    def echoes(self, link: str, first_k: int, count: int) -> EchoRows:
        """The round trips of `count` slots from `first_k` on, the same before and after their day is packed."""
        with self._snapshot() as database:
            return read_echoes(database, _number(database, link), first_k, count)

    def port_speeds(self, link: str) -> list[PortSpeed]:
        """What the ports at both ends of a link said that they run at, in order of time."""
        rows = self._rows(f"SELECT far, since, bytes_per_s FROM port_speed WHERE link = {_LINK} ORDER BY since, id", link)
        return [PortSpeed(End.FAR if far else End.NEAR, since, speed) for far, since, speed in rows]

    def newest_port_speeds(self) -> dict[tuple[str, End], float]:
        """What each port said last, bytes per second, for a restart."""
        rows = self._rows(
            """SELECT s.name, far, bytes_per_s FROM port_speed p JOIN subject s ON s.id = p.link
               WHERE p.id IN (SELECT max(id) FROM port_speed GROUP BY link, far)"""
        )
        return {(name, End.FAR if far else End.NEAR): speed for name, far, speed in rows}

    def summaries(self, subject: Subject, figure: str, start: float, end: float, *, days: bool = False) -> list[Summary]:
        """The hours, or local days, of a figure that begin in [start, end), in order of time and part; the last as far as
        it has gone."""
        return read_summaries(self._connection(), subject, figure, start, end, days=days)

    # --- speeds and the inventory's months ----------------------------------------------------------------------------

    def speed_tests(self, start: float, end: float, site: str | None = None) -> list[SpeedTest]:
        """The speed tests made in [start, end), at a site if asked, in order of time."""
        rows = self._rows(
            """SELECT at, s.name, d.name, network, operator, download, upload, latency_s, source FROM speed_test t
               JOIN subject s ON s.id = site JOIN subject d ON d.id = device
               WHERE at >= ? AND at < ? AND (? IS NULL OR s.name = ?) ORDER BY at, t.id""",
            start, end, site, site,
        )  # fmt: skip
        return [test._replace(simulated=bool(test.simulated)) for test in map(SpeedTest._make, rows)]

    def ispeed(self, month: str) -> list[Ispeed]:
        """VNNIC's medians of a month ("2026-10") as they were imported, by unit, network, operator and metric."""
        rows = self._rows(
            """SELECT month, unit, network, operator, metric, median, samples, source FROM ispeed WHERE month = ?
               ORDER BY unit, network, operator, metric""",
            month,
        )
        return [Ispeed(*row) for row in rows]

    def inventory_month(self, month: str) -> dict[tuple[str, str], float]:
        """The figures of the inventory that were kept for a month ("2026-10"), by figure and key; empty when none were."""
        rows = self._rows("SELECT figure, key, value FROM inventory_month WHERE month = ? ORDER BY figure, key", month)
        return {(figure, key): value for figure, key, value in rows}

    # --- states and outages -------------------------------------------------------------------------------------------

    def open_spans(self, kind: str) -> dict[str, OpenSpan]:
        """The state that each subject of a kind is in now, by id."""
        rows = self._rows(
            "SELECT s.name, state, since FROM span JOIN subject s ON s.id = subject WHERE s.kind = ? AND until IS NULL", kind
        )
        return {name: OpenSpan(state, since) for name, state, since in rows}

    def newest_spans(self, kind: str) -> dict[str, tuple[int, str, float, float | None] | None]:
        """The number, state, start and end (None: it is open) of the newest span of each subject of a kind. While these are
        the same, all the subject's spans are. None for an open one that was not measured."""
        rows = self._rows(
            """SELECT s.name, p.id, p.state, p.since, p.until, p.source FROM subject s JOIN span p ON p.id =
                   (SELECT id FROM span WHERE subject = s.id ORDER BY since DESC, id DESC LIMIT 1)
               WHERE s.kind = ?""",
            kind,
        )
        return {name: None if key[3] is None and source == SIMULATED else tuple(key) for name, *key, source in rows}

    def last_spans(self, kind: str) -> dict[str, OpenSpan]:
        """The state of each subject when netmon last watched, for a restart: spans that are open, or that only netmon's
        absence cut. It began where the first of the spans did that nothing but absences part. What `end_span` ended is not
        among them."""
        rows = self._rows(
            """WITH RECURSIVE run(name, subject, id, state, since) AS (
                   SELECT s.name, s.id, p.id, p.state, p.since FROM subject s JOIN span p ON p.id =
                       (SELECT id FROM span WHERE subject = s.id ORDER BY since DESC, id DESC LIMIT 1)
                   WHERE s.kind = ? AND (p.until IS NULL OR p.until IN (SELECT since FROM absence))
                   UNION ALL
                   SELECT r.name, r.subject, p.id, p.state, p.since FROM run r JOIN span p ON p.id =
                       (SELECT id FROM span WHERE subject = r.subject AND (since, id) < (r.since, r.id)
                        ORDER BY since DESC, id DESC LIMIT 1)
                   WHERE p.state = r.state AND p.until IN (SELECT since FROM absence))
               SELECT name, state, min(since) FROM run GROUP BY name""",
            kind,
        )
        return {name: OpenSpan(state, since) for name, state, since in rows}

    def last_known(self, kind: str) -> dict[str, str]:
        """The last state of each of the subjects of `last_spans` that was neither `unknown` nor under verification."""
        rows = self._rows(
            """SELECT name, state FROM (
                   SELECT s.name AS name, state,
                          row_number() OVER (PARTITION BY subject ORDER BY since DESC, span.id DESC) AS age
                   FROM span JOIN subject s ON s.id = subject WHERE s.kind = ? AND state NOT IN ('unknown', 'suspect'))
               WHERE age = 1""",
            kind,
        )
        watched = self.last_spans(kind)
        return {name: state for name, state in rows if name in watched}

    def spans(self, subject: Subject, start: float, end: float) -> list[Span]:
        """The subject's spans in [start, end), clipped to it, in order; an open one lasts to `end`."""
        rows = self._rows(
            """SELECT state, max(since, ?), min(coalesce(until, ?), ?) FROM span
               WHERE subject = (SELECT id FROM subject WHERE kind = ? AND name = ?)
                 AND since < ? AND coalesce(until, ?) > ? AND (until IS NULL OR until > since) ORDER BY since""",
            start, end, end, *subject, end, end, start,
        )  # fmt: skip
        return [Span(*row) for row in rows]

    def stays(self, subject: Subject, start: float, end: float) -> list[Span]:
        """The subject's spans in [start, end) as `spans` has them; those of one state that nothing but an absence of netmon
        parts are one."""
        away = {since for (since,) in self._rows("SELECT since FROM absence WHERE since >= ? AND since < ?", start, end)}
        found: list[Span] = []
        for span in self.spans(subject, start, end):
            if found and found[-1].state == span.state and found[-1].end in away:
                found[-1] = found[-1]._replace(end=span.end)
            else:
                found.append(span)
        return found

    def cells(self, site: str, start: float, end: float) -> dict[CellName, list[Span]]:
        """The spans in [start, end), as `spans` has them, of each cell of a site that was ever told of."""
        own = "name > ? || '/' AND name < ? || '0'"  # the character after the one that ends the site's name in a cell's
        rows = self._rows(f"SELECT name FROM subject WHERE kind = 'cell' AND {own} ORDER BY name", site, site)
        return {CellName.of(name): self.spans(Subject("cell", name), start, end) for (name,) in rows}

    def simulated_seconds(self, subject: Subject, start: float, end: float) -> float:
        """How much of the subject's spans in [start, end) was never measured."""
        found = self._rows(
            """SELECT coalesce(sum(min(coalesce(until, ?), ?) - max(since, ?)), 0.0) FROM span
               WHERE subject = (SELECT id FROM subject WHERE kind = ? AND name = ?) AND source = ?
                 AND since < ? AND coalesce(until, ?) > ?""",
            end, end, start, *subject, SIMULATED, end, end, start,
        )  # fmt: skip
        return float(found[0][0])

    def absences(self, start: float, end: float) -> list[Absence]:
        """When netmon itself was not watching, clipped to [start, end)."""
        rows = self._rows(
            """SELECT max(since, ?), min(until, ?), reason FROM absence
               WHERE since < ? AND until > ? ORDER BY since""",
            start, end, end, start,
        )  # fmt: skip
        return [Absence(*row) for row in rows]

    def last_alive(self) -> float | None:
        """The last heartbeat, None before the first."""
        found = self._rows("SELECT unix FROM alive")
        return found[0][0] if found else None

    def doubted_until(self) -> float:
        """Until when no month is to be closed by this clock; 0 unless it was doubted."""
        found = self._rows("SELECT doubted FROM clock")
        return float(found[0][0]) if found else 0.0

    # --- notices ------------------------------------------------------------------------------------------------------

    def notices(self, device: str | None = None, since: float = 0.0, most: int = 100) -> list[Notice]:
        """The last notices since then, of a device if asked, the newest last."""
        rows = self._rows(
            """SELECT at, notice.kind, s.name, notice.name, source, detail FROM notice JOIN subject s ON s.id = device
               WHERE (? IS NULL OR s.name = ?) AND at >= ? ORDER BY notice.id DESC LIMIT ?""",
            device, device, since, most,
        )  # fmt: skip
        return [
            Notice(at, NoticeKind(kind), name, what, source, json.loads(detail))
            for at, kind, name, what, source, detail in reversed(rows)
        ]

    def request_sizes(self) -> dict[str, tuple[int, int]]:
        """How many varbinds each device is asked for at once, and how many it is known not to bear."""
        rows = self._rows("SELECT s.name, varbinds, ceiling FROM request_size JOIN subject s ON s.id = device")
        return {name: (varbinds, ceiling) for name, varbinds, ceiling in rows}
