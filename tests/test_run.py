"""`netmon run`: with what status it ends when it cannot start, for the service manager goes by that."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.live import storm_province
from tests.peers import ROOT


def test_the_store_of_a_newer_netmon_is_not_tried_again_and_again(tmp_path: Path):
    config = storm_province(tmp_path, communes=1, stations=0, backups=0, aggregations=1)
    path = tmp_path / "netmon.db"
    with sqlite3.connect(path) as store:
        store.executescript("PRAGMA application_id = 0x6E746D6E; PRAGMA user_version = 99; CREATE TABLE later (n);")
    store.close()
    done = subprocess.run(
        [sys.executable, "-m", "netmon", "run", "--config", config],
        capture_output=True, text=True, env={"NETMON_TEST_COMMUNITY": "x"}, timeout=60,
    )  # fmt: skip
    assert f"{path}: written by a newer netmon (schema 99" in done.stderr
    unit = (ROOT / "deploy/systemd/netmon.service").read_text()
    assert f"\nRestartPreventExitStatus={done.returncode}\n" in unit
