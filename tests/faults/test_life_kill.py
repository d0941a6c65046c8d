"""netmon is killed at any moment, again and again: no octet is lost and none counted twice."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from itertools import pairwise
from random import Random

import pytest

from netmon.model import SLOT_S, Direction, End, Subject
from netmon.store import Reader, StoreError
from tests.faults.counting import Machine, Patient, counting
from tests.faults.hurried import Clock
from tests.faults.matrix import ROOT, size
from tests.peers import eventually

PACE = 10.0
INTERVAL_S = 10.0
NIGHT = 1_900_000_800.0
"""No midnight of Viet Nam and no first of a month is near."""


class Doomed(Patient):
    """A netmon of many lives, each forked from one process that has everything imported."""

    def __init__(self, home, ports, clock):
        super().__init__(home, ports, poll={"interval": "10s", "timeout": "10s", "retries": 0, "deadline": "10s"})
        self.log = home / "netmon.log"
        with self.log.open("ab") as log:
            self.mother = subprocess.Popen(
                clock.argv(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                env={**os.environ, "NETMON_TEST_COMMUNITY": "s3cr3t-canary", "PYTHONPATH": str(ROOT)},
            )
        self.stack.enter_context(self.mother)
        self.stack.callback(self.mother.kill)  # and with it whoever lives of it

    def write(self, extra=""):
        super().write(extra)
        path = self.config / "inventory/all.yaml"
        path.write_text(path.read_text().replace('"interface": "lo"', '"interface": "ge0"'))

    def live(self):
        self.mother.stdin.write(json.dumps(["run", "--config", str(self.config)]) + "\n")
        return int(self.mother.stdout.readline())

    def end(self, life, number):
        os.kill(life, number)
        self.mother.stdin.write("\n")
        return int(self.mother.stdout.readline())


def in_a_commit(here, before, patience_s):
    """Returns as soon as the store's log is being written to, or after a while."""
    log, until = here.home / "netmon.db-wal", time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            if log.stat().st_mtime_ns != before:
                return
        except FileNotFoundError:
            continue


def outages(path, device):
    """Those that the store has of a device."""
    with closing(Reader.open(path)) as reader:
        return [one for one in reader.outages() if one.subject == Subject("device", device)]


@pytest.mark.fault("kill-9")
def test_no_octet_is_lost_and_none_is_counted_twice_however_often_netmon_is_killed(tmp_path, measured):
    kills, dice = size(4, 200), Random(9)
    clock = Clock(pace=PACE, wall=NIGHT + SLOT_S - 45)  # a slot ends soon
    machines = [Machine(f"r{n}", 100_003 * (n + 1), 7_001 * (n + 1)) for n in range(10)]
    with counting(machines, clock.time, "s3cr3t-canary") as ports:
        here = Doomed(tmp_path, ports, clock)
        with here.stack:
            life, first = here.live(), {}
            path = here.home / "netmon.db"

            def baselines():
                try:
                    with closing(Reader.open(path)) as reader:
                        return reader.baselines()
                except StoreError:  # it is not there yet
                    return {}

            first = eventually(lambda: found if len(found := baselines()) == len(machines) else None, 60)
            silent = None
            moments = {"any": 0, "commit": 0, "reload": 0, "stop": 0}
            for n in range(kills):
                if n == kills // 3:
                    machines[-1].silent, silent = True, clock.time()
                if n == kills // 2:  # once netmon lives long enough to see it and to write it down
                    eventually(lambda: outages(path, machines[-1].id), 60)
                if n == 2 * kills // 3:
                    machines[-1].silent = False
                moment = "any" if n % 5 < 2 else ("commit", "reload", "stop")[n % 5 - 2]
                moments[moment] += 1
                if n % 4:
                    eventually(lambda: here.get("/healthz") == "ok\n", 60)
                time.sleep(dice.uniform(0.0, 1.0))  # the moment is what is tried
                if moment == "commit" and (log := here.home / "netmon.db-wal").exists():
                    in_a_commit(here, log.stat().st_mtime_ns, 2.0)
                elif moment == "reload":
                    here.agents.pop("gone", None) or here.agents.update(gone=1)
                    here.write()
                    os.kill(life, signal.SIGHUP)
                    time.sleep(dice.uniform(0.0, 0.6))
                elif moment == "stop":
                    os.kill(life, signal.SIGTERM)
                    time.sleep(dice.uniform(0.0, 0.3))
                here.end(life, signal.SIGKILL)
                life = here.live()
            eventually(lambda: here.get("/healthz") and set(here.state().values()) == {"up"}, 60)
            eventually(lambda: (here.metric('netmon_polls_total{outcome="answered"}') or 0) > 2 * len(machines), 60)
            assert here.end(life, signal.SIGTERM) == 0
        text = here.log.read_text()
    assert "Traceback" not in text, text
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    octets = 0
    with closing(Reader.open(path)) as reader:
        last, now = reader.baselines(), clock.time()
        for machine in machines:
            link = f"{machine.id}-fibre"
            slots, unplaced = reader.slots(link, End.NEAR, 0, 10**9), reader.unplaced(link, End.NEAR, 0, now)
            start, end = first[link, End.NEAR], last[link, End.NEAR]
            assert not reader.gaps(link, End.NEAR, 0, now)
            assert len({slot.k for slot in slots}) == len(slots)
            assert not {slot.k for slot in slots} & {slot.k for slot in end.open}
            for way, rate in zip(Direction, machine.rates, strict=True):
                counted = sum(getattr(slot, way).octets for slot in (*slots, *end.open))
                counted += sum(one.octets for one in unplaced if one.direction is way)
                octets += counted
                opened = sum(getattr(slot, way).octets for slot in start.open)
                assert counted - opened == (getattr(end, way).value - getattr(start, way).value) % 2**64 > 0, (link, way)
                for slot in slots:
                    measured_us = getattr(slot, way).covered_us
                    assert measured_us <= SLOT_S * 1_000_000
                    assert getattr(slot, way).octets == pytest.approx(rate * measured_us / 1e6, rel=0.25)
        absences = reader.absences(0, now)
        others = {one.subject.id for one in reader.outages()} - {machines[-1].id, "r9-fibre", "site-r9", "gone"}
        assert {one.reason for one in absences} <= {"died", "stopped"}
        assert sum(one.reason == "died" for one in absences) >= kills // 2
        assert all(one.start <= one.end for one in absences)
        assert all(one.end <= two.start for one, two in pairwise(absences))
        assert not others
        [outage] = outages(path, machines[-1].id)
        assert silent - 2 * INTERVAL_S < outage.start
        assert outage.end is not None
        assert {span.state for span in reader.last_spans("device").values()} == {"up"}
    measured(
        f"{kills} kills ({', '.join(f'{n} {word}' for word, n in moments.items())}): {octets:,} octets of "
        f"{2 * len(machines)} counters accounted for exactly, {len(absences)} absences, no false outage"
    )
