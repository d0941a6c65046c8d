"""The server is lost: another one goes on from a backup, and what it then says of the past is what was true."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from netmon.backup import back_up
from netmon.cli import main
from netmon.doctor import Level, examine, gather
from netmon.model import End, Octets, Slot, Subject
from netmon.notice import Notice, NoticeKind
from netmon.restore import verify
from netmon.store import Reader, Store
from tests import peers
from tests.faults.full_store import fill
from tests.faults.matrix import size
from tests.live import live, storm_province
from tests.targets.made import NoMeter
from tests.test_evidence import judged  # noqa: F401 - a fixture

ENVIRONMENT = {"NETMON_TEST_COMMUNITY": "public"}
SOUND = ("daemon", "configuration", "listener", "canaries", "devices", "store", "backup")
LINKS, LINK_DAYS = size((0, 0), (5_250, 45))
SAME = (".csv", ".json")
NAMES = ("tslcd_p95/01273", "province_up/04")
"""With their parts: the links and sites that they rest on."""


def netmon(*words):
    """Runs a command."""
    assert main([*map(str, words)]) == 0, words


def findings(config):
    """What the doctor says, by what it is about: the worst of each."""
    found = examine(gather(config))
    return {finding.about: finding for finding in sorted(found, key=lambda finding: finding.level)}


def well(config):
    """True once the doctor finds nothing wrong with what a netmon at work rests on."""
    found = findings(config)
    assert {about: found[about] for about in SOUND if found[about].level is not Level.OK} == {}
    return True


@pytest.mark.fault("server-lost")
def test_a_cold_spare_takes_over_and_what_nobody_saw_is_unseen(tmp_path, measured, monkeypatch, capsys):
    """The steps of docs/spare.md: a backup of a netmon at work, its death by kill -9, restore, check, start, doctor."""
    monkeypatch.setenv("NETMON_TEST_COMMUNITY", "public")
    here, there, archive = tmp_path / "here", tmp_path / "there", tmp_path / "backup.tar"
    config = storm_province(here, communes=1, stations=0, aggregations=1, backups=0, interval="1s")
    if LINKS:
        fill(here / "netmon.db", LINKS, LINK_DAYS)
    with live(here, config) as province:
        began = time.monotonic()
        netmon("backup", "--config", config, "-o", archive)
        backup_s, backed_up_at = time.monotonic() - began, time.time()
        peers.eventually(lambda: well(config), 30)
        os.kill(province.netmon.process.pid, signal.SIGKILL)
        province.netmon.process.wait()
        lost_at = time.time()
        dead = findings(config)
        assert dead["daemon"].level is dead["listener"].level is Level.WRONG
        assert "systemctl" in dead["daemon"].fix

        steps = time.monotonic()
        netmon("restore", archive, "--config", there / "config", "--to", there / "netmon.db")
        assert "secrets that must be here: !env NETMON_TEST_COMMUNITY" in capsys.readouterr().out
        restored_s = time.monotonic() - steps
        file = there / "config/netmon.yaml"
        file.write_text(file.read_text().replace(str(here), str(there)))  # both lie on one machine
        netmon("check", "--config", there / "config")
        netmon("backup", "--config", there / "config", "-o", tmp_path / "spare.tar")  # also of a store at rest
        run = [sys.executable, "-m", "netmon", "run", "--config", there / "config"]
        with peers.running(
            run, ready=lambda: province.get("/healthz"), log=there / "netmon.log", env=ENVIRONMENT, deadline_s=90
        ):
            province.everyone_up(60)
            taken_s = time.monotonic() - steps
            assert findings(there / "config")["daemon"].level is Level.OK
            assert abs(peers.eventually(lambda: backup_time(province), 60) - time.time()) < 3600
            with closing(Reader.open(there / "netmon.db")) as reader:
                absence = reader.absences(0, time.time())[-1]
                spans = reader.spans(Subject("device", "core-1"), 0, lost_at + 1e6)
    assert absence.start < backed_up_at < lost_at < absence.end
    assert not [
        span for span in spans if span.state == "up" and span.start < absence.end - 1 and span.end > absence.start + 1
    ]
    megabytes = archive.stat().st_size / 1e6
    measured(
        f"a store of {megabytes:,.0f} MB backed up in {backup_s:.0f} s beside a netmon at work; restored, checked, started "
        f"and every device up again after {taken_s:.0f} s ({restored_s:.0f} s of it to restore)"
    )


def backup_time(province):
    lines = (province.get("/metrics") or "").splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("netmon_backup_timestamp_seconds ")), 0.0)


@pytest.mark.fault("server-lost")
def test_verdicts_recompute_from_a_backup_as_from_the_original(judged, tmp_path, measured):  # noqa: F811
    """Backed up while a writer writes: every figure of the evidence is the same, and Python alone says so."""
    home, there, archive = tmp_path / "home", tmp_path / "there", tmp_path / "backup.tar"
    shutil.copytree(judged, home)
    stop, wrote = threading.Event(), []

    def write(store):
        k = 6_000_000
        while not stop.is_set():
            store.put_link("busy", End.NEAR, slots=[Slot(k + n, Octets(n, 300_000_000), Octets(n, 1)) for n in range(500)])
            store.flush()
            wrote.append(k)
            k += 500

    with Store.open(home / "netmon.db", NoMeter()) as store:
        writer = threading.Thread(target=write, args=(store,))
        writer.start()
        try:
            peers.eventually(lambda: wrote)
            for _ in range(size(1, 20)):
                back_up(home / "netmon.db", archive, directory=home, secrets=True)
        finally:
            stop.set()
            writer.join()
    netmon("restore", archive, "--config", there)
    same = 0
    for number, name in enumerate(NAMES):
        folders = []
        for place in (home, there):
            out = tmp_path / f"{number}-{place.name}"
            netmon("evidence", name, "--config", place, "-o", out)
            if place == there:
                script = [sys.executable, "-I", "-S", out / "recompute.py", "."]
                subprocess.run(script, check=True, capture_output=True, cwd=out)
            folders.append({file.relative_to(out): file.read_bytes() for file in out.rglob("*") if file.suffix in SAME})
        assert folders[0] == folders[1]
        same += len(folders[0])
    measured(
        f"{len(NAMES)} verdicts recomputed from the backup, {same} files of figures equal to the original's to the octet"
    )


@pytest.mark.fault("server-lost")
def test_a_backup_that_is_killed_leaves_no_half_file(tmp_path, measured):
    """kill -9 at a random moment: what is there under its own name is whole, and what was not goes with the next one."""
    store, out = tmp_path / "netmon.db", tmp_path / "out"
    with Store.open(store, NoMeter()) as written:
        for n in range(size(300, 1_500)):
            written.put_notice(
                Notice(1e9 + n, NoticeKind.TRAP, "d", f"n{n}", "192.0.2.1", {"text": os.urandom(4_000).hex()})
            )
        written.flush()
    out.mkdir()
    began = time.monotonic()
    back_up(store, out / "first.tar", directory=None)
    whole_s = time.monotonic() - began
    dice, killed = random.Random(9), 0
    rounds = size(8, 200)
    for n in range(rounds):
        child = os.fork()
        if child == 0:
            try:
                back_up(store, out / f"{n}.tar", directory=None)
            finally:
                os._exit(0)
        time.sleep(dice.random() * whole_s)  # the moment is what is tried, nothing waits for it
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        for archive in out.glob("*.tar"):
            verify(archive)
        for archive in out.glob("[0-9]*.tar"):
            archive.unlink()
    assert killed
    back_up(store, out / "last.tar", directory=None)
    assert sorted(path.name for path in out.iterdir()) == ["first.tar", "last.tar"]
    measured(
        f"{rounds} backups, {killed} of them killed before their end: no half archive, and none of what was left over stayed"
    )
