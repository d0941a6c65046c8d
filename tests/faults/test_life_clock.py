"""The wall clock of a running netmon is set, by days and by a month, ahead and back."""

import json
import os
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from netmon import control
from netmon.model import SLOT_S, Direction, End
from netmon.store import Reader
from netmon.targets.windows import month_of
from tests.faults.counting import Machine, Patient, counting
from tests.faults.matrix import size
from tests.peers import ROOT
from tests.peers import eventually as look_for

eventually = partial(look_for, every_s=0.3)
"""Whoever asks more often is most of what this netmon does, for to it each look at the clock is dear."""

DAY, MONTH = 86_400, 31 * 86_400
SLEPT = 21 * DAY
OVER = 16 * DAY
"""So long after its begin a storm that was declared for two days is over, recovery included."""

THERE_AND_BACK = [SLEPT, -SLEPT, -DAY, DAY]
ALSO = [MONTH, -MONTH, 3600, -3600, -3600, 3600, MONTH, -MONTH, 30, -30, 2, -2, DAY, DAY, -2 * DAY, -MONTH, MONTH]


def faketime():
    """The library that sets the clock of a process alone."""
    places = (Path("/usr/lib"), ROOT / ".cache/peers/libfaketime")
    found = next((path for place in places for path in place.glob("**/faketime/libfaketimeMT.so.1")), None)
    if found is None:
        say = pytest.fail if os.environ.get("NETMON_REQUIRE_PEERS") == "1" else pytest.skip
        say("libfaketime is not here: scripts/peers fetches it")
    return found


@pytest.mark.fault("clock-step")
def test_a_clock_that_is_set_by_days_makes_no_spike_no_slot_twice_no_outage_and_no_verdict(tmp_path, measured):
    steps = THERE_AND_BACK + size([], ALSO)
    machines = [Machine(f"r{n}", 1_000_000 * (n + 1), 50_000) for n in range(3)]
    first = month_of(time.time()).start + 2 - time.time()  # so early in a month a day that nobody saw is soon most of it
    ahead, clock = 0, tmp_path / "clock"

    def step(seconds):
        nonlocal ahead
        ahead += seconds
        clock.with_suffix(".new").write_text(f"{first + ahead:+.3f}s")
        clock.with_suffix(".new").rename(clock)

    step(0)
    with ExitStack() as stack:
        ports = stack.enter_context(counting(machines, time.monotonic, "s3cr3t-canary"))
        here = Patient(tmp_path, ports, poll={"interval": "2s", "timeout": "2s", "retries": 0, "deadline": "2s"})
        stack.callback(here.stack.close)
        inventory = here.config / "inventory/all.yaml"
        inventory.write_text(inventory.read_text().replace('"interface": "lo"', '"interface": "ge0"'))
        here.start(
            LD_PRELOAD=str(faketime()),
            FAKETIME_TIMESTAMP_FILE=str(clock),
            FAKETIME_CACHE_DURATION="1",
            DONT_FAKE_MONOTONIC="1",
        )

        def polled(times=2):
            before = here.metric('netmon_polls_total{outcome="answered"}') or 0
            eventually(lambda: here.metric('netmon_polls_total{outcome="answered"}') >= before + times * len(machines), 30)

        def available():
            told = json.loads(here.get("/api/v1/verdicts"))["verdicts"]
            return [one["coverage"] for one in told if one["target"] == "availability" and one["coverage"] > 0]

        def octets():
            return here.metric('netmon_interface_receive_bytes_total{province="04",commune="01273",site="site-r0"')

        eventually(lambda: here.metric('netmon_polls_total{outcome="answered"}'), 30)
        polled()
        began = time.time() + first
        socket = here.home / "control.sock"
        declared = {"name": "bão số 9", "level": 3, "areas": ["04"], "from": began, "until": began + 2 * DAY}
        control.ask(socket, "storm", action="declare", **declared)
        eventually(octets, 30)
        storms = []
        for n, seconds in enumerate(steps, 1):
            before, at = octets(), time.monotonic()
            step(seconds)
            eventually(lambda n=n: here.metric("netmon_clock_steps_total ") == n, 30)
            polled(1)
            grown, most = octets() - before, time.monotonic() - at
            if seconds == SLEPT:  # a machine that sleeps leaves the monotonic clock alone, too
                control.ask(socket, "reload")
                assert max(eventually(available, 30)) < 0.001
            assert 0 <= grown <= machines[0].rates[0] * (most + 60), "no spike"
            assert set(here.state().values()) == {"up"}
            assert set(here.state("sites", "site", "service").values()) <= {"up", "unknown"}
            told = json.loads(here.get("/api/v1/verdicts"))["verdicts"]
            assert {one["standing"] for one in told} <= {"unproven", "exempt"}, told
            storms.append((len(json.loads(here.get("/api/v1/wallboard"))["storms"]), ahead > OVER))
        assert ahead == 0
        polled()
        assert here.daemon.stop() == 0
        assert "Traceback" not in here.daemon.output
        with closing(Reader.open(here.home / "netmon.db")) as reader:
            now = time.time() + first
            assert reader.outages() == []
            assert reader.frozen() == []
            assert max(span.start for span in reader.last_spans("device").values()) <= now
            for machine in machines:
                link = f"{machine.id}-fibre"
                slots, end = reader.slots(link, End.NEAR, 0, 10**9), reader.baselines()[link, End.NEAR]
                unplaced = reader.unplaced(link, End.NEAR, 0, 10**11)
                assert all(slot.k * SLOT_S <= now for slot in slots)
                for way, rate in zip(Direction, machine.rates, strict=True):
                    counted = sum(getattr(slot, way).octets for slot in (*slots, *end.open))
                    counted += sum(one.octets for one in unplaced if one.direction is way)
                    assert 0 < counted <= rate * (now - began + 60)
                    for slot in (*slots, *end.open):
                        octets_, covered_us = getattr(slot, way)
                        assert covered_us <= SLOT_S * 1_000_000
                        assert octets_ <= rate * (covered_us / 1e6 * 1.3 + 1)
    assert all(there == (not beyond) for there, beyond in storms)
    measured(
        f"{len(steps)} steps of {size('a day', '2 s')} to a month, ahead and back: no spike, no outage, nothing frozen, "
        f"three weeks of sleep unseen, every storm as declared"
    )
