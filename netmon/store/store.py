"""The store as the daemon uses it: writes that are queued and return at once, reads from any thread.

Every write is atomic and all are applied in the order in which they were made, one commit a second; a reader sees them when
they are committed. What a write is given is turned into rows before it is queued, so that a mistake in it is the caller's
exception and not the writer's.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

import structlog

from netmon.model import (
    AuditEntry,
    Baseline,
    EchoSlot,
    End,
    Entry,
    Finding,
    Gap,
    Incident,
    Meter,
    Outage,
    PortSpeed,
    Slot,
    SpeedTest,
    Subject,
    Summary,
    Unplaced,
    Verdict,
    WindowChange,
)
from netmon.notice import Notice
from netmon.store import book, facts, figures, retention, windows
from netmon.store.audit_log import add_audit, audit_row
from netmon.store.damage import Damage, examine, prepare, repair, rescue, told_damage
from netmon.store.database import Database
from netmon.store.days import day_of, fold_step
from netmon.store.echoes import add_echo, checked, fold_echoes
from netmon.store.links import put_link
from netmon.store.losses import Losses
from netmon.store.reader import Reader
from netmon.store.records import Absence, Ispeed, dump_baseline, source_code
from netmon.store.schema import connect_writer, is_damage, lock
from netmon.store.summaries import add_summaries, gauge_hours
from netmon.store.verdicts import drop_verdict, put_verdict, verdict_row
from netmon.store.writer import Writer, nothing

FILE = "file"
"""The author of works that stand in the configuration."""

log = structlog.get_logger(__name__)

CLOSE_WITHIN_S = 2.0
"""How long a stop waits for a disk that does not answer: the whole of netmon leaves within five seconds."""


class Store:
    """One open store file. Only one process may write to it; any number may read."""

    def __init__(self, path: Path, meter: Meter, lock: int, *, doubtful: bool = False) -> None:
        self.doubtful = doubtful
        """Whether the machine went down while netmon ran: then all of it should be looked through soon (`examine`)."""
        self._path = path
        self._meter = meter
        self._lock = lock
        self._closing = False
        self._disks = {"store": path.parent}
        self._reader = Reader(path)
        self._writer = Writer(connect_writer(path), meter, path=path, losses=Losses, rebuild=self._rebuild)
        self._reader.watch(self._writer.suspect)
        self._show_damage(told_damage(path))

    @classmethod
    def open(cls, path: Path, meter: Meter, working: Callable[[], None] = lambda: None) -> Store:
        """Makes or migrates the file, or rebuilds it where it is damaged, and starts the writer. `meter` is called from the
        writer's thread; `working`, every few seconds, from another one: to rebuild a large file takes minutes.

        StoreError: another process writes to it, it is a newer netmon's or no store, or it cannot be made or opened.
        """
        held = lock(path)
        try:
            return cls(path, meter, held, doubtful=prepare(path, working))
        except BaseException:
            os.close(held)
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Commits what waits, for CLOSE_WITHIN_S at most, and closes all connections; nothing may be reading. Calling it
        again does nothing."""
        self._closing = True
        self._reader.close()  # first: the last to close folds the journal into the file, and a reader may not
        self._writer.close(CLOSE_WITHIN_S)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def flush(self, timeout_s: float | None = None) -> None:
        """Waits until everything that was written before is committed, housekeeping included. TimeoutError: it was not."""
        self._writer.flush(timeout_s)

    def settle(self, timeout_s: float) -> None:
        """The same, whatever housekeeping is left. TimeoutError: it was not in time."""
        self._writer.flush(timeout_s, housekeeping=False)

    def _rebuild(self, why: str, database: Database, taken: bool) -> sqlite3.Connection:
        """The writer found the file damaged or taken away, or was told so."""
        found = None
        if taken or not self._path.exists():
            try:
                found = rescue(self._path, why, database)
            except sqlite3.Error as error:
                if not is_damage(error) or not self._path.exists():
                    raise
        if found is None:
            database.close()
            found = repair(self._path, why, database.told)
        self._reader.renew()
        self._show_damage(found)
        return connect_writer(self._path)

    def _show_damage(self, found: Damage | None) -> None:
        self._meter.gauge("netmon_store_damaged_timestamp_seconds", found.at if found is not None else 0.0)

    def examine(self) -> None:
        """Looks all of it through, which takes seconds to minutes and holds up no writer; what is damaged is rebuilt. Ends
        when the store closes. StoreError: it cannot be read."""
        self.doubtful = False
        wrong = examine(self._path, lambda: self._closing)
        if wrong and not self._closing:
            self._writer.suspect(wrong)

    def watch_disk(self, of: str, path: Path) -> None:
        """What is free on the disk of this directory is shown, too."""
        self._disks[of] = path

    def show_disks(self) -> None:
        """Shows what is free on the disks, and how long the oldest write has waited. OSError: a disk does not answer."""
        self._meter.gauge("netmon_store_oldest_write_seconds", self._writer.oldest_s())
        for of, path in self._disks.items():
            if path.exists():
                disk = os.statvfs(path)
                self._meter.gauge("netmon_disk_free_bytes", disk.f_bavail * disk.f_frsize, of=of)

    def reader(self) -> Reader:
        """Reads what is committed; callable from any thread, closed with the store."""
        return self._reader

    @property
    def ignored_slots(self) -> int:
        """Slots that were written before, or whose day is past its retention, and so were not counted again."""
        return self._writer.ignored_slots

    # --- links --------------------------------------------------------------------------------------------------------

    def put_link(
        self,
        link: str,
        end: End,
        *,
        slots: Sequence[Slot] = (),
        unplaced: Sequence[Unplaced] = (),
        gaps: Sequence[Gap] = (),
        baseline: Baseline | None = None,
        source: str = "measured",
    ) -> None:
        """What one poll brought for one end of a link, together or not at all.

        A slot that is there already is not counted twice. `baseline` is the reading up to which `slots`, `unplaced` and
        its own open slots account for everything; None leaves the one before.
        """
        measured, code = tuple(slots), source_code(source)
        rows = [(row.direction.value, row.start, row.end, row.octets) for row in unplaced]
        body, who = None if baseline is None else dump_baseline(baseline), (link, int(end is End.FAR), code)
        self._writer.put(
            partial(
                put_link,
                link=link,
                far=who[1],
                slots=measured,
                unplaced=rows,
                gaps=[(row.direction.value, row.start, row.end, row.reason) for row in gaps],
                baseline=body,
                source=code,
            ),
            lambda losses, order: losses.count(order, who, measured, rows, body),
        )

    def put_echo(self, link: str, slot: EchoSlot, source: str = "measured") -> None:
        """A closed slot of a link's round trips; one that is there already is not counted twice. ValueError: a count that is
        negative, or more than 16 bits (32 bits for microseconds) hold."""
        row, code = checked(slot), source_code(source)
        self._writer.put(lambda database: add_echo(database, database.subject("link", link), row, code), nothing)

    def put_port_speed(self, link: str, speed: PortSpeed) -> None:
        """What a port of a link says that it runs at; nothing changes unless it is other than what it said last. A speed
        from before the last one, by a clock that was set back, stands from the last one's instant on, in its place."""
        self._writer.put(lambda database: figures.put_port_speed(database, link, speed))

    def put_summaries(self, rows: Iterable[tuple[Subject, str, Summary]]) -> None:
        """Adds to hours of figures, and so to their days, together or not at all: of each subject and figure what was read
        since the last time. ValueError: a summary of no hour, of no reading, or of no number."""
        hours = gauge_hours(rows)
        self._writer.put(lambda database: add_summaries(database, hours), nothing)

    # --- speeds and the inventory's months ----------------------------------------------------------------------------

    def put_speed_test(self, test: SpeedTest, source: str = "measured") -> None:
        """A probe's measurement; one of the same device, instant and network is there once. `source` alone says whether it
        was simulated."""
        code = source_code(source)
        self._writer.put(lambda database: figures.put_speed_test(database, test, code))

    def put_ispeed(self, rows: Iterable[Ispeed], at: float) -> None:
        """Medians of VNNIC's i-speed, imported at `at`, together or not at all. Each takes the place of an earlier one of
        its month, unit, network, operator and metric. ValueError: a month, network, metric or number that is none."""
        sound = figures.sound_ispeed(rows)
        self._writer.put(lambda database: figures.put_ispeed(database, sound, at))

    def put_inventory_month(self, month: str, values: Mapping[tuple[str, str], float], *, anew: bool = True) -> None:
        """The figures of the inventory for a month ("2026-10") by figure and key, in place of all that were kept for it;
        unless `anew`, only where none are. ValueError: a month or a number that is none."""
        rows = figures.inventory_rows(month, values)
        self._writer.put(lambda database: figures.put_inventory_month(database, month, rows, anew=anew))

    # --- states and outages -------------------------------------------------------------------------------------------

    def begin_span(self, subject: Subject, state: str, start: float, source: str = "measured") -> None:
        """The subject is in `state` from `start` on; its span before ends there. A span of no length is forgotten, a start
        before the end of the span before moves up to it, and neighbours of one state and source are one span."""
        code = source_code(source)
        self._writer.put(
            lambda database: facts.begin_span(database, subject, state, start, code),
            lambda losses, order: losses.begin(order, subject, state, start, code),
        )

    def rename_span(self, subject: Subject, state: str) -> None:
        """The open span was `state` all along (a suspicion was resolved); it joins a neighbour of the same state."""
        self._writer.put(
            lambda database: facts.rename_span(database, subject, state),
            lambda losses, order: losses.rename(order, subject, state),
        )

    def end_span(self, subject: Subject, end: float) -> None:
        """Nothing is said of the subject from `end` on (it left the inventory)."""
        self._writer.put(
            lambda database: facts.end_span(database, subject, end),
            lambda losses, order: losses.begin(order, subject, None, end, 0),
        )

    def open_outage(self, outage: Outage) -> None:
        """Records an outage. A subject has one that is open at most: opening it again changes all but its start."""
        self._writer.put(lambda database: facts.open_outage(database, outage))

    def close_outage(self, subject: Subject, end: float) -> None:
        """The open outage of the subject ended, never before it started."""
        self._writer.put(lambda database: facts.close_outage(database, subject, end))

    def amend_outage(self, subject: Subject, cause: str, evidence: str) -> None:
        """What is now known of the open outage."""
        self._writer.put(lambda database: facts.amend_outage(database, subject, cause, evidence))

    def explain_outage(self, subject: Subject, incident: str, finding: Finding) -> None:
        """Why the open outage of a subject, or when none is open its newest that no other incident has, came about, and the
        incident that it is part of ("" for none). ValueError: a clue at an instant that is no finite number."""
        row = book.finding_row(incident, finding)
        self._writer.put(lambda database: book.explain_outage(database, subject, row))

    def explain_again(self, subject: Subject, incident: str, finding: Finding) -> None:
        """Another reason is found for an incident: of the outages of a subject those that are part of it take it, except
        where a device was merely unreachable. ValueError as before."""
        row = book.finding_row(incident, finding)
        self._writer.put(lambda database: book.explain_again(database, subject, row))

    # --- windows and incidents ----------------------------------------------------------------------------------------

    def put_window(self, change: WindowChange) -> None:
        """A line for the log of declared windows, and with it how the window stands. ValueError: an instant that is no
        finite number."""
        row = windows.change_row(change)
        self._writer.put(lambda database: windows.add_change(database, row))
        if change.author == FILE:  # what people declare is told by whoever takes their command
            kind, name = change.window.kind, change.window.name
            self.put_audit(AuditEntry(change.at, FILE, FILE, f"{kind} {change.verb}", change.window.id, name, "done"))

    def put_incident(self, incident: Incident) -> None:
        """What netmon found of an incident, in place of what it had found before. What people made of it (its corrected
        cause, who took it on, whether it is closed) is not written here: that is in its book. ValueError: an instant that is
        no finite number."""
        row = book.incident_row(incident)
        self._writer.put(lambda database: book.put_incident(database, row))

    def put_entry(self, entry: Entry) -> None:
        """A line for the book of an incident. The text of a corrected cause is "class: reason". ValueError: a cause of no
        class."""
        line = book.sound_entry(entry)
        self._writer.put(lambda database: book.add_entry(database, line))

    def put_audit(self, entry: AuditEntry) -> None:
        """A line for the audit log. ValueError: an instant that is no finite number."""
        line = audit_row(entry)
        self._writer.put(lambda database: add_audit(database, line))
        self._meter.count("netmon_audit_entries_total", result=entry.result)

    # --- notices ------------------------------------------------------------------------------------------------------

    def put_notice(self, notice: Notice) -> None:
        """What a device told by itself. The last million are kept, whatever their age."""
        detail = json.dumps(dict(notice.detail), ensure_ascii=False)
        self._writer.put(lambda database: facts.put_notice(database, notice, detail), nothing)

    def start_engine(self) -> tuple[bytes, int]:
        """Our SNMP engine id, made once for this store, and how often it has started with this time (snmpEngineBoots).

        Waits for the commit.
        """
        return self._writer.ask(facts.start_engine)

    def put_request_size(self, device: str, varbinds: int, ceiling: int) -> None:
        """How many varbinds a device is asked for at once, and how many it is known not to bear."""
        self._writer.put(lambda database: facts.put_request_size(database, device, varbinds, ceiling), nothing)

    # --- netmon's own life --------------------------------------------------------------------------------------------

    def record_start(self, unix: float) -> Absence | None:
        """netmon starts at `unix`: every open span ends at the last sign of life, and the time since is netmon's absence.

        Waits for the commit. None at the first start, or when the clock is not past the last sign of life: then spans go on.
        Outages stay open: whoever watches next closes them.
        """
        return self._writer.ask(lambda database: facts.record_start(database, unix))

    def record_leap(self, since: float, now: float) -> None:
        """The clock went ahead from `since` to `now`, or netmon did not run between: it is netmon's absence, `clock`. Every
        open span ends at its begin and goes on at its end; outages stay open."""
        self._writer.put(lambda database: facts.record_leap(database, since, now))

    def doubt_clock(self, until: float) -> None:
        """No month is closed before `until` of this clock, also by the next netmon."""
        self._writer.put(lambda database: facts.doubt_clock(database, until))

    def cut_future(self, now: float) -> None:
        """The clock went back to `now`: what states, outages, absences, slots and hours of figures were written of the time
        after it is taken back, so that what follows is stored at its time. Each subject is in its last state from `now` on;
        an outage that is open starts then at the latest; the octets of slots that are not over become unplaced, at `now`,
        and the hour that is not over stays; incidents begin and end by `now`.
        A clock that went back by more than three days is not believed, and nothing taken back: unless it had gone ahead by
        as much, in this life of netmon or before it, and at most a week was lived since."""
        self._writer.put(lambda database: facts.cut_future(database, now))

    def heartbeat(self, unix: float) -> None:
        """netmon is alive at `unix`."""
        self._writer.put(
            lambda database: facts.heartbeat(database, unix, clean=False), lambda losses, order: losses.heartbeat(unix)
        )

    def record_stop(self, unix: float) -> None:
        """netmon was told to stop at `unix`: the absence that begins is `stopped`, not `died`."""
        self._writer.put(lambda database: facts.heartbeat(database, unix, clean=True))

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def put_verdicts(self, verdicts: Sequence[Verdict], at: float) -> None:
        """Judged at `at`, together or not at all. Each becomes the current verdict of its target and subject, unless that
        is of a later window. A final one is frozen with the SHA-256 of its canonical JSON: another final verdict of the same
        window becomes the next revision beside it, an equal one nothing. Changes of standing and frozen verdicts make
        history. TypeError, ValueError: evidence that is not JSON."""
        rows = [verdict_row(verdict) for verdict in verdicts]

        def write(database: Database) -> None:
            for row in rows:
                put_verdict(database, row, at)

        self._writer.put(write)

    def drop_verdict(self, target: str, subject: Subject) -> None:
        """The subject is judged by this target no more: its current verdict goes, history and frozen ones stay."""
        self._writer.put(lambda database: drop_verdict(database, target, subject))

    def drop_baselines(self, link: str) -> None:
        """The link left the inventory: where its ends stood is of no use to whoever comes later under its name."""

        def write(database: Database) -> None:
            database.execute("DELETE FROM baseline WHERE link = ?", (database.subject("link", link),))

        self._writer.put(write)

    # --- housekeeping -------------------------------------------------------------------------------------------------

    def fold(self, now_unix: float) -> None:
        """Packs the local days that ended more than a day before `now_unix`, in steps between commits. Idempotent."""
        before = day_of(now_unix) - 1
        self._writer.add_chore(lambda database: fold_step(database, before))
        self._writer.add_chore(lambda database: fold_echoes(database, before))

    def prune(
        self,
        now_unix: float,
        *,
        slot_days: int = 45,
        judged_slot_days: int = 400,
        judged: Iterable[str] = (),
        daily_years: int = 5,
    ) -> None:
        """Deletes what is past its retention, in steps between commits.

        Rates, echoes and gaps of the links in `judged` (ids), and notices, are kept `judged_slot_days` local days, those of
        others and the hours of figures `slot_days`; days of figures (and their gauges), daily sums and percentiles, unplaced
        octets, port speeds that others have followed, speed tests, states, outages, absences, the history of verdicts, and
        windows and incidents with all that was written of them `daily_years`. Current and frozen verdicts, imported medians
        and the inventory's months are never deleted. Slots that are not packed are not touched: fold first.
        """
        floor, prunings = retention.prunings(now_unix, slot_days, judged_slot_days, judged, daily_years)
        self._writer.put(lambda database: facts.raise_log_floor(database, floor))
        for chore in prunings:
            self._writer.add_chore(chore)
