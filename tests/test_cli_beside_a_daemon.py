"""What only speaks to a running daemon works whatever somebody has just written into the inventory."""

import asyncio
import threading

import pytest
import structlog

from netmon.cli import main
from netmon.control import ControlServer
from netmon.store import Store
from tests.settings.conftest import INVENTORY, NETMON
from tests.store.conftest import Counts

PATHS = "control: c.sock\nstore: {path: n.db}\n"
WINDOW = {"id": "bao-12-2026", "start": 0.0, "until": 60.0, "phase": "impact"}
VERDICT = {"target": "tslcd_p95", "subject_kind": "commune", "subject": "01290", "standing": "missed"}
STATUS = {
    "version": "1",
    "started": 1.0,
    "self_isolated": False,
    "devices": [],
    "links": [],
    "sites": [],
    "verdicts": [VERDICT],
}
BOARD = {
    "version": "1",
    "time": 1.0,
    "ready": True,
    "self_isolated": False,
    "lost": [],
    "incidents": [],
    "storms": [],
    "maintenance": [],
    "unheard": 0,
    "complaints": {"total": 0, "rows": []},
    "provinces": [],
}
DECLARED = {"window": WINDOW, "warnings": []}
ANSWERS = {
    "storm": DECLARED | {"windows": [], "changes": []},
    "maintenance": DECLARED | {"windows": [], "changes": []},
    "incidents": {"incidents": []},
    "incident": {"incident": {"id": "2026-0017"}, "entries": []},
    "dark": {"sites": [], "communes": []},
    "readiness": {"lacks": []},
    "sitrep": {"content": "BÁO CÁO\n"},
    "shift": {"content": "GIAO CA\n"},
    "site": {"facts": {"site": "ubnd"}},
    "fibre": {"links": []},
    "cells": {"told": 1, "states": {"up": 1}},
    "status": STATUS,
    "wallboard": BOARD,
}
STORM = ("storm", "declare", "--name", "Bão", "--level", "4", "--areas", "04", "--until", "+6h")
WORKS = ("maintenance", "declare", "--name", "Thay", "--on", "device:r1", "--until", "+1h")
COMMANDS = [
    STORM,
    ("storm", "update", "x", "--level", "5"),
    ("storm", "end", "x"),
    ("storm", "list"),
    ("storm", "list", "--log"),
    WORKS,
    ("maintenance", "end", "x"),
    ("maintenance", "list"),
    ("incident", "list"),
    ("incident", "show", "2026-0017", "--json"),
    ("incident", "ack", "2026-0017", "--json"),
    ("incident", "open", "--on", "link:fibre", "--text", "x", "--json"),
    ("dark",),
    ("readiness", "--areas", "04"),
    ("report", "sitrep"),
    ("report", "shift"),
    ("site", "ubnd", "--format", "json"),
    ("fibre",),
    ("cells", "cells.csv"),
    ("status",),
    ("status", "--all"),
    ("status", "--json"),
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/a.yaml").write_text(INVENTORY + "      - {id: half, to:\n", encoding="utf-8")
    (tmp_path / "netmon.yaml").write_text(NETMON + PATHS, encoding="utf-8")
    (tmp_path / "cells.csv").write_text("a\n", encoding="utf-8")
    yield tmp_path
    structlog.reset_defaults()  # a report sends its log to standard error


@pytest.fixture
def asked(home):
    """A daemon that answers; the commands that it was asked."""
    heard = []

    def handler(command):
        async def answer(author, request):
            heard.append(command)
            return ANSWERS[command]

        return answer

    server = ControlServer(home / "c.sock", {command: handler(command) for command in ANSWERS})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield heard
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_broken_inventory_keeps_nobody_from_the_daemon(home, asked, capsys, words):
    assert main([*words, "--config", str(home)]) == 0, capsys.readouterr()
    assert len(asked) == 1
    assert capsys.readouterr().err == ""


def test_a_reload_still_checks_the_whole_configuration_first(home, asked, capsys):
    assert main(["reload", "--config", str(home)]) == 1
    said = capsys.readouterr()
    assert "inventory/a.yaml" in said.out
    assert "the daemon was not asked" in said.err
    assert asked == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_netmon_yaml_that_is_no_yaml_is_one_clear_error(home, capsys, words):
    (home / "netmon.yaml").write_text("province: [\n", encoding="utf-8")
    assert main([*words, "--config", str(home)]) == 1
    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "netmon.yaml:" in line]
    assert len(lines) == 1
    assert "not YAML" in lines[0]


def test_the_targets_of_the_daemon_are_told_as_it_judges_them(home, asked, capsys):
    assert main(["status", "--all", "--config", str(home)]) == 0
    assert "tslcd_p95  commune" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["storm", "maintenance"])
def test_without_a_daemon_windows_are_read_from_the_store_though_the_inventory_is_broken(home, capsys, kind):
    Store.open(home / "n.db", Counts()).close()
    assert main([kind, "list", "--config", str(home)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", ["incident list", "report sitrep", "report shift", "status"])
def test_without_a_daemon_what_needs_names_says_what_is_wrong_with_them(home, capsys, words):
    Store.open(home / "n.db", Counts()).close()
    assert main([*words.split(), "--config", str(home)]) == 1
    said = capsys.readouterr()
    assert "inventory/a.yaml" in said.out + said.err
