"""The audit log: what is a line of it, and that no line is lost, repeated without end, or touched by a clock set back."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from netmon import audit
from netmon.audit import ADDRESSES_AT_MOST, Audit, writes_nothing
from netmon.control import ControlError, ControlServer, UnwrittenError
from netmon.control import ask as asked_of
from netmon.imports import Imports
from netmon.model import AuditEntry, Caller, WindowChange
from netmon.reports import ispeed
from netmon.store import Store
from tests.peers import eventually
from tests.store.conftest import Counts
from tests.store.test_book import STORM

LAN = Caller("lan", "control pid 812 uid 1000")


@pytest.fixture
def meter():
    return Counts()


@pytest.fixture
def kept(tmp_path, meter):
    with Store.open(tmp_path / "n.db", meter) as store:
        yield store


def lines(store):
    store.flush()
    return store.reader().audit_entries()


async def _nothing(author, request):
    return {}


async def test_a_deed_is_a_line_with_what_was_asked_and_what_it_made(kept):
    log = Audit(kept, clock=lambda: 1_000.5)

    async def declare(author, request):
        return {"window": {"id": "S-1"}}

    asked = {"command": "storm", "action": "declare", "level": 4, "areas": ["04"], "name": "bão số 12"}
    assert await log.carry_out(LAN, "storm", declare, asked) == {"window": {"id": "S-1"}}
    detail = '{"level":4,"areas":["04"],"name":"bão số 12"}'
    assert kept.reader().audit_entries() == [
        AuditEntry(1_000.5, "lan", LAN.origin, "storm declare", "S-1", detail, "done")
    ], "committed before it is answered"
    text = "a;b\n" * 1_000
    await log.carry_out(LAN, "ispeed", _nothing, {"command": "ispeed", "name": "q3.csv", "text": text})
    (_, line) = lines(kept)
    assert (line.deed, line.about) == ("ispeed", "q3.csv")
    assert json.loads(line.detail)["text"].startswith("4000 characters, SHA-256 ")


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (ControlError("no such storm"), "refused"),
        (UnwrittenError("not on the disk yet"), "done"),
        (KeyError("a bug"), "refused"),
        (asyncio.CancelledError(), "refused"),
    ],
)
async def test_what_was_refused_or_ended_otherwise_is_a_line_too(kept, meter, error, result):
    async def fail(author, request):
        raise error

    with pytest.raises(type(error)):
        await Audit(kept).carry_out(LAN, "storm", fail, {"action": "end", "id": "S-9"})
    (line,) = lines(kept)
    assert (line.deed, line.about, line.result) == ("storm end", "S-9", result)
    assert json.loads(line.detail)["why"] in (str(error), f"it ended with {type(error).__name__}")
    assert meter.totals["netmon_audit_entries_total"] == 1


async def test_an_import_that_a_slow_store_takes_later_stands_as_done(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "WRITTEN_WITHIN_S", 0.05)
    monkeypatch.setattr(ispeed, "read", lambda *asked: [])
    imports = Imports(kept, None, None)
    with closing(sqlite3.connect(tmp_path / "n.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnwrittenError, match="taken, but not written yet"):
            await Audit(kept).carry_out(LAN, "ispeed", imports.control_ispeed, {"text": "a", "name": "q3.csv"})
        other.execute("ROLLBACK")
    (line,) = lines(kept)
    assert (line.deed, line.about, line.result) == ("ispeed", "q3.csv", "done")


@pytest.mark.parametrize(
    ("command", "request_", "looks"),
    [
        ("status", {}, True),
        ("storm", {"action": "list"}, True),
        ("incident", {"action": "show", "id": "2027-1"}, True),
        ("incident", {"action": ["show"]}, False),
        ("reload", {"action": "list"}, False),
        ("cells", {}, False),
        ("a command that somebody adds", {}, False),
    ],
)
def test_only_what_is_known_to_look_leaves_no_line(command, request_, looks):
    assert writes_nothing(command, request_) is looks


async def test_every_command_of_the_control_socket_goes_through_the_log(kept, tmp_path):
    server = ControlServer(tmp_path / "c.sock", {"status": _nothing, "burn": _nothing}, Audit(kept).carry_out)
    await server.start()
    for command in ("status", "burn"):
        assert await asyncio.to_thread(asked_of, tmp_path / "c.sock", command) == {}
    await server.stop()
    (line,) = lines(kept)
    assert (line.deed, line.origin.split()[:2]) == ("burn", ["control", "pid"])


async def test_texts_of_any_kind_are_lines(kept):
    """Halves of characters, control characters and megabytes stop no line and no chain."""
    for nasty in ("\ud800", "\x00\x1b[2J", "x" * 3_000_000, "'; DROP TABLE audit; --"):
        caller = Caller(nasty, nasty)
        await Audit(kept).carry_out(caller, "storm", _nothing, {"action": nasty, "id": nasty, nasty: nasty})
    found = lines(kept)
    assert len(found) == 4
    assert max(len(text) for line in found for text in line[1:]) <= 4_000
    assert kept.reader().verify_audit() is None


async def test_what_is_forbidden_to_an_address_is_one_line_a_minute_and_all_is_counted(kept, monkeypatch):
    monkeypatch.setattr(audit, "ONE_LINE_S", 0.05)
    log = Audit(kept)
    for _ in range(500):
        log.forbid(Caller("", "web 192.0.2.7"), "GET", "/metrics", "this token is none of ours")

    def both():
        kept.flush()
        return len(kept.reader().audit_entries()) == 2

    await asyncio.to_thread(eventually, both)
    assert [json.loads(line.detail)["count"] for line in lines(kept)] == [1, 499]
    monkeypatch.setattr(audit, "ONE_LINE_S", 3_600.0)
    for n in range(300):
        log.forbid(Caller("", f"web 198.51.100.{n}"), "GET", "/", "no")
    log.close()
    found = [line for line in lines(kept) if line.about == "/"]
    assert len({line.origin for line in found}) <= ADDRESSES_AT_MOST + 1
    assert sum(json.loads(line.detail)["count"] for line in found) == 300


async def test_who_is_known_has_a_line_of_their_own_among_the_guesses_of_their_address(kept):
    log = Audit(kept)
    for who, deed in [("", "GET")] * 3 + [("web:prometheus", "POST")] * 3 + [("", "GET")] * 3:
        log.forbid(Caller(who, "web 192.0.2.7"), deed, "/api/v1/storms", "no")
    for n in range(ADDRESSES_AT_MOST):
        log.forbid(Caller("", f"web 198.51.100.{n}"), "GET", "/", "no")
    log.forbid(Caller("web:prometheus", "web 203.0.113.1"), "POST", "/", "no")
    log.close()
    told = [(line.who, line.deed, json.loads(line.detail)["count"]) for line in lines(kept) if line.about != "/"]
    assert sorted(told) == [("", "GET", 1), ("", "GET", 5), ("web:prometheus", "POST", 1), ("web:prometheus", "POST", 2)]
    assert [line.origin for line in lines(kept) if line.who and line.about == "/"] == ["other addresses"]


def test_works_of_the_file_are_lines_and_what_people_declare_is_not_told_twice(kept):
    for author in ("file", "lan", "netmon"):
        kept.put_window(WindowChange(5.0, "declare", author, "", replace(STORM, id=f"W-{author}")))
    (line,) = lines(kept)
    assert line == AuditEntry(5.0, "file", "file", "storm declare", "W-file", STORM.name, "done")


def test_a_clock_that_goes_back_and_the_end_of_retention_touch_no_line(kept):
    for at in (100.0, 2e9, 2e9 + 60):
        kept.put_audit(AuditEntry(at, "lan", LAN.origin, "reload", "", "{}", "done"))
    before = lines(kept)
    kept.cut_future(2e9 - 3_600)
    kept.prune(4e9, daily_years=1)
    assert lines(kept) == before
    assert kept.reader().verify_audit() is None
    assert kept.reader().audit_end()[0] == 3


def test_the_database_refuses_to_change_a_line(kept, tmp_path):
    kept.put_audit(AuditEntry(1.0, "lan", LAN.origin, "reload", "", "{}", "done"))
    kept.flush()
    other = sqlite3.connect(tmp_path / "n.db")
    for statement in ("UPDATE audit SET at = 2", "DELETE FROM audit", "REPLACE INTO audit SELECT * FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            other.execute(statement)
    other.close()
