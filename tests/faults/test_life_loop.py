"""What holds the event loop is written down, told when the loop comes back, and by the next netmon when it never does."""

import asyncio
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pytest

from netmon.exporters.prometheus import OwnMetrics
from netmon.pulse import STALLED_S, Pulse, what_held
from netmon.schedule import Grid, Schedule
from tests import peers
from tests.peers import eventually
from tests.test_daemon import AGENT, Installation

HOLDING = textwrap.dedent(
    """
    import os, re, signal, sys, time
    from netmon.cli import main

    def sleeps_through_it(*_):
        time.sleep(2.5)

    def matches_forever(*_):  # C code that never lets go of the interpreter
        re.match("(a+)+$", "a" * 64 + "b")

    signal.signal(signal.SIGUSR1, sleeps_through_it)
    signal.signal(signal.SIGUSR2, matches_forever)
    sys.exit(main(sys.argv[1:]))
    """
)


class Held(Installation):
    """A netmon that a signal holds up, under a service manager of the test's own."""

    def start(self, **env):
        program = self.home / "holding.py"
        program.write_text(HOLDING)
        running = peers.running(
            [sys.executable, program, "run", "--config", self.config],
            ready=lambda: self.get("/healthz") == "ok\n",
            log=self.home / "netmon.log",
            env={"NETMON_TEST_COMMUNITY": "s3cr3t-canary", **env},
        )
        self.daemon = self.stack.enter_context(running)
        return self.daemon


@pytest.fixture
def held(tmp_path, snmpd):
    with ExitStack() as stack:
        here = Held(tmp_path, {"r1": snmpd(AGENT, community="s3cr3t-canary").port})
        stack.callback(here.stack.close)
        yield here


@pytest.mark.fault("loop-blocked")
def test_a_held_loop_says_what_held_it_and_one_that_the_watchdog_ends_says_it_after_the_restart(held, measured):
    file = held.home / "netmon.db.held"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(held.home / "notify"))
        manager.settimeout(60)

        def fed():
            while "WATCHDOG=1" not in manager.recv(4096).decode().splitlines():
                pass

        daemon = held.start(NOTIFY_SOCKET=str(held.home / "notify"), WATCHDOG_USEC="3000000")
        fed()
        limits = Path(f"/proc/{daemon.process.pid}/limits").read_text()
        assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["1", "1"]]
        assert held.metric("netmon_loop_blocked_timestamp_seconds ") == 0
        daemon.process.send_signal(signal.SIGUSR1)
        eventually(lambda: held.metric("netmon_loop_blocked_timestamp_seconds "), 20, every_s=0.2)
        (line,) = [line for line in daemon.output.splitlines() if "the event loop was held" in line]
        assert "holding.py:6 sleeps_through_it" in line
        assert not file.read_bytes().rstrip(b"\0"), "what was told is not told again"
        assert held.metric('netmon_loop_lateness_seconds_bucket{le="30.0"}') >= 1

        daemon.process.send_signal(signal.SIGUSR2)
        eventually(lambda: b"matches_forever" in file.read_bytes(), 20)
        daemon.process.send_signal(signal.SIGABRT)  # as the service manager does that was not fed
        assert daemon.process.wait(20) == -signal.SIGABRT
        assert "Fatal Python error: Aborted" in daemon.output, "the stack is in the journal too"

        after = held.start(NOTIFY_SOCKET=str(held.home / "notify"), WATCHDOG_USEC="3000000")
        (line,) = [line for line in after.output.splitlines() if "the netmon before was ended while it was held" in line]
        assert "holding.py:9 matches_forever" in line
        assert held.metric("netmon_loop_blocked_timestamp_seconds ") > 0
        status = subprocess.run(
            [sys.executable, "-m", "netmon", "status", "--lang", "en", "--config", held.config],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "The netmon before was ended because it was held since" in status
        assert "matches_forever" in status
    assert after.stop() == 0
    assert not file.exists()
    measured("a loop held by sleep and one held by C code with the interpreter's lock were both named to the line")


@pytest.mark.fault("loop-blocked")
async def test_the_watchdog_is_fed_while_polls_go_on_and_not_while_they_stand_still(tmp_path, monkeypatch):
    """Not when nothing is due, not when polls hang for as long as they may: only when polling has stopped."""
    fed, watch = [], asyncio.Event()
    monkeypatch.setattr("netmon.pulse.systemd.notify", lambda *_, **fields: fed.append(fields))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(2e6 * STALLED_S)))
    looks = 0

    async def sleep(seconds):
        nonlocal looks
        looks += 1
        if looks == len(script):
            watch.set()
            await asyncio.Event().wait()

    script = [(0, False), (0, True), (1, True), (1, True), (1, True), (1, True), (2, True), (2, False), (2, False)]
    monkeypatch.setattr("netmon.pulse.asyncio.sleep", sleep)
    pulse = Pulse(tmp_path / "held", OwnMetrics())
    pulse.open()
    feeding = asyncio.create_task(pulse.feed_forever(lambda: script[looks][0], lambda: script[looks][1], lambda: STALLED_S))
    await watch.wait()
    feeding.cancel()
    # Fed until it owed for longer than both together, which is three looks without a turn; again when one ran.
    assert len(fed) == len(script) - 1
    pulse.close()


async def test_a_schedule_owes_what_is_due_and_tells_its_turns():
    grid = Grid(cap=1)
    assert not grid.owing(1e9)
    grid.add("a", 1.0, 100.0)
    assert not grid.owing(100.0)
    assert grid.owing(102.0)
    starts, _ = grid.advance(102.0)
    assert [start.key for start in starts] == ["a"]
    assert grid.owing(102.0), "it runs, and has not ended"
    _, skips = grid.advance(104.0)
    assert {skip.reason for skip in skips} == {"running"}
    assert grid.owing(104.0), "where every key runs each tick is skipped: if all hang, that is not nothing to do"
    grid.add("b", 1.0, 104.0)
    grid.advance(106.0)
    grid.remove("a")
    grid.ended("a", 106.0)
    assert grid.owing(106.0), "the next runs, which waited for the only place"
    grid.ended("b", 106.0)
    assert not grid.owing(106.0)

    ran = asyncio.Event()

    async def run(key, due):
        if schedule.turns > 1:  # the one before has ended
            ran.set()

    schedule = Schedule(run, cap=1, on_skip=lambda key, reason: None, on_late=lambda seconds: None)
    schedule.add("a", 0.25)
    going = asyncio.create_task(schedule.run_forever())
    await ran.wait()
    going.cancel()
    await schedule.stop(1.0)


async def test_a_stop_that_takes_long_is_not_taken_for_a_loop_that_was_held(tmp_path, monkeypatch):
    """Nobody beats any more then: what was armed would write of a loop that is well, and the next netmon would tell it."""
    armed = []
    monkeypatch.setattr("netmon.pulse.faulthandler.dump_traceback_later", lambda *_, **__: armed.append(True))
    monkeypatch.setattr("netmon.pulse.faulthandler.cancel_dump_traceback_later", armed.clear)
    pulse = Pulse(tmp_path / "held", OwnMetrics())
    pulse.open()
    beating = asyncio.create_task(pulse.beat_forever())
    await asyncio.sleep(0)
    assert armed
    beating.cancel()
    await asyncio.wait([beating])
    assert not armed
    pulse.close()


DUMP = """Timeout (0:00:05.500000)!
Thread 0x00007f5bd7fff6c0 (most recent call first):
  File "/opt/netmon/lib/python3.11/site-packages/netmon/targets/percentile.py", line 88 in judge
  File "/usr/lib/python3.11/threading.py", line 1038 in _bootstrap_inner

Thread 0x00007f5be0ff96c0 (most recent call first):
  File "/usr/lib/python3.11/queue.py", line 171 in get
  File "/opt/netmon/lib/python3.11/site-packages/netmon/store/writer.py", line 120 in _work

Thread 0x00007f5bf0dd5040 (most recent call first):
{}
  File "/usr/lib/python3.11/asyncio/events.py", line 80 in _run
  File "/usr/lib/python3.11/asyncio/base_events.py", line 604 in run_forever
  File "/opt/netmon/lib/python3.11/site-packages/netmon/cli/run.py", line 47 in run
"""


def test_what_held_the_loop_is_said_in_a_line():
    own = '  File "/usr/lib/python3.11/re/__init__.py", line 166 in match\n  File "/x/netmon/web/pages.py", line 9 in page'
    assert what_held(DUMP.format(own)) == (
        "re/__init__.py:166 match < netmon/web/pages.py:9 page < asyncio/events.py:80 _run < netmon/cli/run.py:47 run; "
        "other threads were at netmon/targets/percentile.py:88 judge"
    )
    waiting = '  File "/usr/lib/python3.11/selectors.py", line 468 in select'
    assert what_held(DUMP.format(waiting)) == (
        "nothing of the loop's own: it waited for its turn (python3.11/selectors.py:468 select); "
        "other threads were at netmon/targets/percentile.py:88 judge"
    )
    assert what_held("Timeout (0:00:05)!\n") == "unknown: nothing could be written down"
