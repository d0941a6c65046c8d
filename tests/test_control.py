"""The control socket: whom it believes, what it answers to nonsense, and that what it says is done is written."""

import asyncio
import json
import os
import socket
import sqlite3
from functools import partial
from types import SimpleNamespace

import pytest

from netmon import audit, control
from netmon.audit import Audit
from netmon.control import ControlError, ControlServer, UnwrittenError, caller_of
from netmon.model import Caller, Entry, Verb
from netmon.store import Store
from tests.store.conftest import Counts


async def test_nonsense_of_any_depth_gets_an_answer_and_the_next_line_too(tmp_path):
    async def echo(author, request):
        return {"said": request["text"]}

    server = ControlServer(tmp_path / "c.sock", {"echo": echo})
    await server.start()
    try:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "c.sock")
        for line in (b"[" * 200_000, b"{", b"\xff", json.dumps({"command": "echo", "text": "x"}).encode()):
            writer.write(line + b"\n")
        answers = [json.loads(await reader.readline()) for _ in range(4)]
        writer.close()
    finally:
        await server.stop()
    assert [answer["ok"] for answer in answers] == [False, False, False, True]
    assert {answer["error"] for answer in answers[:3]} == {"the request is not a line of JSON"}


@pytest.mark.parametrize(("user", "author"), [("lan", "lan"), ("netmon", "user netmon"), ("file", "user file")])
def test_a_user_of_netmons_own_name_is_told_from_netmon(monkeypatch, user, author):
    monkeypatch.setattr(control.pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name=user))
    here, there = socket.socketpair()
    with here, there:
        assert caller_of(here) == (author, f"control pid {os.getpid()} uid {os.getuid()}")


async def test_what_is_answered_with_ok_is_committed(tmp_path, monkeypatch):
    """And what only waits for a disk that takes nothing is said to; reading waits for nothing."""
    path = tmp_path / "n.db"
    with Store.open(path, Counts()) as store:

        async def act(author, request):
            if request.get("action") not in (None, "show", "list"):
                store.put_entry(Entry(1.0, "2026-0001", Verb.COMMENT, author, "", request["text"]))
            return {"done": True}

        handler = partial(Audit(store).carry_out, Caller("lan", "control pid 1 uid 1"), "incident", act)
        store._writer.add_chore(lambda database: True)  # housekeeping without end: nobody waits for it
        other = sqlite3.connect(path, isolation_level=None)
        assert await handler({"action": "comment", "text": "đã gọi"}) == {"done": True}
        assert other.execute("SELECT text FROM entry").fetchall() == [("đã gọi",)]
        store._writer._chores.clear()
        monkeypatch.setattr(audit, "WRITTEN_WITHIN_S", 0.2)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnwrittenError, match="taken, but not written yet"):
            await handler({"action": "comment", "text": "lần nữa"})
        for action in (None, "show", "list"):
            assert await handler({"action": action}) == {"done": True}
        other.execute("ROLLBACK")
        store.flush()
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (2,)
        other.close()
    assert issubclass(UnwrittenError, ControlError)


async def test_a_command_that_fails_by_a_bug_is_counted(tmp_path):
    async def burn(author, request):
        raise LookupError("nobody foresaw it")

    meter = Counts()
    server = ControlServer(tmp_path / "c.sock", {"burn": burn}, meter=meter)
    assert (await server._answer(Caller("lan", "control pid 1 uid 1"), b'{"command": "burn"}'))["ok"] is False
    assert meter.totals == {"netmon_bugs_total": 1}
