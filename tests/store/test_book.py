"""Incidents, their book, and why outages came about; declared windows and their log: nothing that was written is changed."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import (
    CauseClass,
    Clue,
    Declared,
    Entry,
    Finding,
    Impact,
    Incident,
    Outage,
    Subject,
    Verb,
    WindowChange,
    WindowKind,
)
from netmon.store import Reader, Store, schema
from netmon.store import book as room
from netmon.store.book import as_written
from netmon.store.database import Database
from tests.effort import examples

CABLE, ROUTER, LINK, SITE = (
    Subject("cable", "QL3"),
    Subject("device", "cpe-1"),
    Subject("link", "lk-1"),
    Subject("site", "ub-01273"),
)
CUT = Incident(
    id="2026-0017",
    province="04",
    root=CABLE,
    cause=CauseClass.FIBRE,
    clues=(Clue("no_light", LINK, 1_000.5), Clue("same_cable", CABLE, 1_001.0)),
    since=1_000.0,
    until=None,
    members=(ROUTER, LINK),
    ever=(ROUTER, LINK),
    impact=Impact(isolated=("01273",), stations=("bts-1", "bts-2")),
)
STORM = Declared(
    id="bao-so-12-2026",
    kind=WindowKind.STORM,
    name="bão số 12",
    start=5_000.0,
    until=9_000.0,
    areas=("04", "01273"),
    level=4,
    declared=4_000.0,
    by="lan",
    back=(("01273", 8_000.0),),
)
WORKS = Declared(
    id="thay-pin-1970-01-01", kind=WindowKind.MAINTENANCE, name="thay pin", start=100.0, until=200.0, subjects=(SITE, CABLE)
)


def line(verb: Verb, text: str = "", at: float = 2_000.0, author: str = "lan", of: str = CUT.id) -> Entry:
    return Entry(at, of, verb, author, "ca đêm", text)


def test_a_window_stands_as_it_was_last_declared_and_its_log_tells_all(store: Store) -> None:
    longer = replace(STORM, until=12_000.0, level=5)
    said = [
        WindowChange(4_000.0, "declare", "lan", "--by Lan", STORM),
        WindowChange(4_100.0, "declare", "file", "", WORKS),
        WindowChange(6_000.0, "update", "hùng", "", longer),
    ]
    for change in said:
        store.put_window(change)
    store.flush()
    reader = store.reader()
    assert reader.windows() == [WORKS, longer], "the one that started first first"
    assert reader.windows(ends_after=200.0) == [longer]
    assert reader.window_log() == said
    assert reader.window_log(STORM.id) == [said[0], said[2]]
    assert reader.window_log(since=4_100.0) == said[1:]
    assert reader.window_log(most=1) == said[2:], "the last ones"


def test_an_incident_is_what_netmon_found_and_what_people_made_of_it(store: Store) -> None:
    reader = store.reader()
    assert (reader.incidents(), reader.incident(CUT.id), reader.entries()) == ([], None, [])
    store.put_incident(CUT)
    store.flush()
    assert reader.incident(CUT.id) == CUT
    lines = [
        line(Verb.OPENED, "lk-1 mất", 1_000.0, "netmon"),
        line(Verb.ACKNOWLEDGE, "", 1_100.0),
        line(Verb.ASSIGN, "đội cáp Lạng Sơn", 1_200.0),
        line(Verb.CAUSE, "power: trạm mất điện lưới: đã gọi điện lực", 1_300.0, "hùng"),
        line(Verb.COMMENT, "power: chỉ là ghi chú", 1_350.0),
        line(Verb.CLOSE, "xong", 1_400.0),
    ]
    for each in lines:
        store.put_entry(each)
    # The keeper knows nothing of what was written meanwhile, and its facts undo none of it.
    grown = replace(CUT, cause=CauseClass.UPSTREAM, ever=(*CUT.ever, SITE), until=1_390.0, members=())
    store.put_incident(grown)
    store.flush()
    corrected = replace(
        grown, corrected=CauseClass.POWER, acknowledged="lan (ca đêm)", assigned="đội cáp Lạng Sơn", closed=1_400.0
    )
    assert reader.incident(CUT.id) == corrected
    assert (corrected.said_cause, corrected.cause) == (CauseClass.POWER, CauseClass.UPSTREAM)
    assert reader.entries(CUT.id) == lines
    store.put_entry(line(Verb.REOPEN, "lại mất", 1_500.0))
    store.put_entry(line(Verb.CAUSE, "fibre", 1_600.0))
    store.flush()
    assert reader.incident(CUT.id) == replace(corrected, closed=None, corrected=CauseClass.FIBRE)
    assert [entry.at for entry in reader.entries(since=1_400.0)] == [1_400.0, 1_500.0, 1_600.0]
    assert [entry.at for entry in reader.entries(most=2)] == [1_500.0, 1_600.0]


def test_incidents_are_listed_by_when_they_were_over_the_newest_first(store: Store) -> None:
    for number, (since, until) in enumerate([(100.0, 200.0), (150.0, None), (300.0, 400.0), (350.0, 380.0)]):
        store.put_incident(replace(CUT, id=f"2026-{number}", since=since, until=until))
    store.put_entry(line(Verb.ACKNOWLEDGE, of="2026-1"))
    store.flush()
    reader = store.reader()
    assert [each.id[-1] for each in reader.incidents()] == ["3", "2", "1", "0"]
    assert [each.id[-1] for each in reader.incidents(since=380.0)] == ["3", "2", "1"]
    assert [each.id[-1] for each in reader.incidents(most=1)] == ["3"]
    (lasting,) = reader.incidents(going_on=True)
    assert (lasting.id, lasting.acknowledged) == ("2026-1", "lan (ca đêm)")
    assert {each.acknowledged for each in reader.incidents() if each.id != "2026-1"} == {""}


def test_a_cause_of_no_class_is_the_writers_error_and_not_the_books(store: Store) -> None:
    with pytest.raises(ValueError, match="'điện' is no class of causes; it is one of fibre, power, "):
        store.put_entry(line(Verb.CAUSE, "điện: mất điện"))
    store.put_entry(line(Verb.COMMENT, "điện: mất điện"))
    with pytest.raises(ValueError, match="Out of range"):
        store.put_window(WindowChange(1.0, "declare", "lan", "", replace(STORM, until=float("inf"))))
    store.flush()
    assert [entry.verb for entry in store.reader().entries()] == [Verb.COMMENT]


VERBS = [verb for verb in Verb if verb is not Verb.CAUSE]
BOOKS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(VERBS), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)),
        st.tuples(
            st.just(Verb.CAUSE), st.sampled_from([f"{cause}{more}" for cause in CauseClass for more in ("", ": a:b")])
        ),
    ),
    max_size=12,
)


@settings(max_examples=examples(20), deadline=None)
@given(BOOKS, st.randoms())
def test_the_book_says_the_same_whenever_the_facts_are_written(book: list[tuple[Verb, str]], dice: random.Random) -> None:
    """Against the last words of each kind, and against the view for people."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for step in schema.MIGRATIONS:
        step(connection)
    database = Database(connection)
    room.put_incident(database, room.incident_row(CUT))
    entries = [Entry(float(at), CUT.id, verb, f"u{at}", "Lan" * (at % 2), text) for at, (verb, text) in enumerate(book)]
    for entry in entries:
        room.add_entry(database, room.sound_entry(entry))
        if dice.random() < 0.3:
            room.put_incident(database, room.incident_row(CUT))

    def last(*verbs: Verb) -> Entry | None:
        return next((entry for entry in reversed(entries) if entry.verb in verbs), None)

    found = as_written(CUT, entries)
    cause, taken, given_to, closing = (
        last(*verbs) for verbs in ((Verb.CAUSE,), (Verb.ACKNOWLEDGE,), (Verb.ASSIGN,), (Verb.CLOSE, Verb.REOPEN))
    )
    assert found.corrected == (cause and cause.text.split(":")[0])
    assert (found.acknowledged, found.assigned) == (
        (f"{taken.author} (Lan)" if taken.note else taken.author) if taken else "",
        given_to.text if given_to else "",
    )
    assert found.closed == (closing.at if closing and closing.verb is Verb.CLOSE else None)
    row = connection.execute(
        "SELECT found_cause, cause, acknowledged, assigned, closed_utc IS NULL FROM incidents"
    ).fetchone()
    assert row == ("fibre", found.said_cause, found.acknowledged, found.assigned, found.closed is None)
    connection.close()


# --- outages ----------------------------------------------------------------------------------------------------------


def test_an_outage_tells_its_cause_as_corrected_and_as_found(store: Store, path: Path) -> None:
    """The open outage is explained, else the newest; opening it again changes nothing of that."""
    finding = Finding(CauseClass.FIBRE, CABLE, CUT.clues)
    store.explain_outage(LINK, CUT.id, finding)
    store.open_outage(Outage(LINK, "down", 10.0, 20.0, "", ""))
    store.open_outage(Outage(LINK, "down", 1_000.0, None, "", ""))
    store.open_outage(Outage(ROUTER, "unreachable", 30.0, 40.0, "device:core", ""))
    store.open_outage(Outage(ROUTER, "unreachable", 50.0, 60.0, "device:core", ""))
    store.explain_outage(LINK, CUT.id, finding)
    store.explain_outage(ROUTER, "", Finding(CauseClass.UPSTREAM, Subject("device", "core")))
    store.open_outage(Outage(LINK, "down", 1_001.0, None, "port", "ifOperStatus"))
    store.flush()
    reader = store.reader()
    assert reader.outages(LINK) == [
        Outage(LINK, "down", 10.0, 20.0, "", ""),
        Outage(LINK, "down", 1_000.0, None, "port", "ifOperStatus", "fibre", "fibre", CUT.id),
    ]
    assert [(each.cause_class, each.incident) for each in reader.outages(ROUTER)] == [("", ""), ("upstream", "")]
    store.put_entry(line(Verb.CAUSE, "works: nhà mạng thi công"))
    store.put_entry(line(Verb.CAUSE, "power", of="2026-0018"))
    store.flush()
    assert reader.outages(LINK)[1][-3:] == ("works", "fibre", CUT.id)
    assert reader.outages(ROUTER)[1][-3:] == ("upstream", "upstream", ""), "what is in no incident nobody corrected"
    with sqlite3.connect(path) as shell:
        told = shell.execute("SELECT name, cause_class, found_class, root, incident FROM outages WHERE until_utc IS NULL")
        assert told.fetchall() == [("lk-1", "works", "fibre", "cable:QL3", CUT.id)]
        clues = shell.execute("SELECT clues FROM outage WHERE until IS NULL").fetchone()[0]
    shell.close()
    assert clues == '[["no_light",["link","lk-1"],1000.5],["same_cable",["cable","QL3"],1001.0]]'


# --- nothing is changed, nothing is lost ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["window_change", "entry"])
def test_what_was_written_stands(store: Store, path: Path, table: str) -> None:
    """Not by update, by deletion, by replacing it, nor by one that conflicts; and the store itself goes on."""
    store.put_window(WindowChange(4_000.0, "declare", "lan", "", STORM))
    store.put_entry(line(Verb.CLOSE))
    store.flush()
    other = sqlite3.connect(path, isolation_level=None)
    before = other.execute(f"SELECT * FROM {table}").fetchall()
    columns = [row[1] for row in other.execute(f"PRAGMA table_info({table})")]
    for statement in (
        f"UPDATE {table} SET author = 'nobody'",
        f"DELETE FROM {table}",
        f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {table}",
        f"UPDATE OR REPLACE {table} SET id = id + 1",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            other.execute(statement)
    assert other.execute(f"SELECT * FROM {table}").fetchall() == before
    other.close()
    store.put_entry(line(Verb.REOPEN))
    store.flush()
    assert [entry.verb for entry in store.reader().entries()] == [Verb.CLOSE, Verb.REOPEN]


def test_windows_and_incidents_are_kept_with_the_daily_years_and_go_whole(store: Store, path: Path) -> None:
    """What goes on, and what somebody wrote of since, stays with all its lines."""
    year = 365 * 86_400.0
    now = 40 * year
    old, kept = now - 6 * year, now - 4 * year
    for name, at in (("gone", old), ("stays", old), ("stays", kept)):
        store.put_window(WindowChange(at, "update", "lan", "", replace(WORKS, id=name, start=at)))
    for name, until, last in (("gone", old, old), ("stays", old, kept), ("lasts", None, old)):
        store.put_incident(replace(CUT, id=name, since=old, until=until))
        store.put_entry(line(Verb.OPENED, at=old, of=name))
        store.put_entry(line(Verb.COMMENT, at=last, of=name))
    store.prune(now)
    store.flush()
    reader = store.reader()
    assert [window.id for window in reader.windows()] == ["stays"]
    assert len(reader.window_log()) == 2
    assert sorted(each.id for each in reader.incidents()) == ["lasts", "stays"]
    assert [entry.incident for entry in reader.entries()] == ["stays", "stays", "lasts", "lasts"]
    other = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError):
        other.execute("DELETE FROM entry WHERE at >= ?", (kept,))
    other.close()


def test_an_older_store_gets_its_windows_and_its_book(path: Path, meter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schema 6 on a store of schema 5: outages that it holds have no class yet, and take one as any other."""
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:5])
        schema.migrate(path)
    old = sqlite3.connect(path)
    with old:
        old.execute("INSERT INTO subject (kind, name) VALUES ('link', 'lk-1')")
        old.execute("INSERT INTO outage (subject, state, since, cause, evidence) VALUES (1, 'down', 1000.0, 'port', 'x')")
    old.close()
    with Store.open(path, meter) as store:
        assert store.reader().outages() == [Outage(LINK, "down", 1_000.0, None, "port", "x")]
        store.put_window(WindowChange(4_000.0, "declare", "lan", "", STORM))
        store.put_incident(CUT)
        store.put_entry(line(Verb.CAUSE, "power"))
        store.explain_outage(LINK, CUT.id, Finding(CauseClass.FIBRE, CABLE))
        store.flush()
        reader = store.reader()
        assert reader.outages() == [Outage(LINK, "down", 1_000.0, None, "port", "x", "power", "fibre", CUT.id)]
        assert reader.windows() == [STORM]
    people = sqlite3.connect(path)
    assert people.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    windows = people.execute("SELECT kind, name, level, exercise, start_utc, closed_utc, areas FROM windows").fetchall()
    assert windows == [("storm", "bão số 12", 4, 0, "1970-01-01T01:23:20Z", None, '["04","01273"]')]
    assert people.execute('SELECT utc, verb, author, "window" FROM window_changes').fetchall() == [
        ("1970-01-01T01:06:40Z", "declare", "lan", STORM.id)
    ]
    assert people.execute("SELECT utc, incident, verb, text FROM entries").fetchall() == [
        ("1970-01-01T00:33:20Z", CUT.id, "cause", "power")
    ]
    found = people.execute("SELECT root_kind, root, found_cause, cause, members, since_utc, until_utc FROM incidents")
    assert found.fetchall() == [("cable", "QL3", "fibre", "power", 2, "1970-01-01T00:16:40Z", None)]
    people.close()


KILLED = """
    import sys
    from pathlib import Path
    from netmon.store import Store
    from tests.store.test_book import CUT, STORM, line
    from tests.targets.made import NoMeter
    from netmon.model import Verb, WindowChange

    store = Store.open(Path(sys.argv[1]), NoMeter())
    for n in range(10_000):
        store.put_window(WindowChange(float(n), "update", "lan", "", STORM))
        store.put_incident(CUT)
        store.put_entry(line(Verb.ASSIGN, str(n), float(n)))
        if n % 10 == 9:
            store.flush()
            print(n, flush=True)
"""


def test_what_was_committed_survives_a_kill_and_the_log_goes_on(path: Path, meter: Any) -> None:
    """Lines are there whole and in order up to one that was told as committed, or later; none twice."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(3)][-1]
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    with Store.open(path, meter) as store:
        reader = store.reader()
        written = [int(entry.text) for entry in reader.entries(most=20_000)]
        assert written == list(range(len(written)))
        assert len(written) > told
        assert [change.at for change in reader.window_log(most=20_000)][: told + 1] == [float(n) for n in range(told + 1)]
        store.put_entry(line(Verb.ASSIGN, "sau khi khởi động lại"))
        store.flush()
        assert reader.incident(CUT.id) == replace(CUT, assigned="sau khi khởi động lại")
    again = Reader.open(path)
    assert again.windows() == [STORM]
    again.close()
