"""The daemon that is told: net-snmp's senders, a port that it opens or that systemd hands over, a flood while it polls."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing

import pytest

from netmon import control
from tests.peers import LOOPBACK, eventually, free_port, require, running
from tests.snmp.test_notifications import COLD_START, GOOD, IF_INDEX, LINK_DOWN
from tests.test_daemon import AGENT, Installation

KEY = "s3cr3t-canary"
USER = {"version": "3", "user": "noc", "auth": {"protocol": "SHA-256", "key": "!env NETMON_TEST_COMMUNITY"}}
USER |= {"priv": {"protocol": "AES", "key": "!env NETMON_TEST_COMMUNITY"}}
AS_USER = ["-v3", "-u", "noc", "-l", "authPriv", "-a", "SHA-256", "-A", KEY, "-x", "AES", "-X", KEY]

HANDING_OVER = """
import os, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
os.dup2(sock.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "traps"}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""What systemd does: it opens the socket, and becomes the daemon."""


class Told(Installation):
    """An installation to which traps are sent."""

    def __init__(self, home, agents, **netmon):
        self.trap_port = free_port()
        super().__init__(home, agents, **netmon)

    def write(self, extra=""):
        """Also what no JSON can say."""
        super().write(extra)
        path = self.config / "netmon.yaml"
        path.write_text(path.read_text().replace('"!env NETMON_TEST_COMMUNITY"', "!env NETMON_TEST_COMMUNITY"))

    def start_with_socket(self):
        program = running(
            [sys.executable, "-c", HANDING_OVER, str(self.trap_port), "-m", "netmon", "run", "--config", self.config],
            ready=lambda: self.get("/healthz") == "ok\n",
            log=self.home / "netmon.log",
            env={"NETMON_TEST_COMMUNITY": KEY},
        )
        self.daemon = self.stack.enter_context(program)

    def send(self, program, *options, then=("", LINK_DOWN, IF_INDEX, "i", "3")):
        """The exit code of net-snmp's sender."""
        argv = [require(program), "-r", "3", "-t", "2", *options, f"{LOOPBACK}:{self.trap_port}", *then]
        env = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.home / "sender"), "SNMPCONFPATH": str(self.home)}
        return subprocess.run(argv, env=env, check=False, capture_output=True, timeout=30).returncode

    def total(self, family, **only):
        label = "".join(f'{{{key}="{value}"}}' for key, value in only.items())
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(f"{family}{label}")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def heard(self):
        return self.total("netmon_traps_total") + self.total("netmon_traps_dropped_total")

    def notices(self):
        with self.reader() as reader:
            return reader.notices()


@pytest.fixture
def install(tmp_path, snmpd):
    with ExitStack() as stack:

        def make(**netmon):
            here = Told(tmp_path, {"r1": snmpd(AGENT, community=KEY).port})
            here.netmon |= netmon
            here.write()
            stack.callback(here.stack.close)
            return here

        yield make


def test_a_trap_wakes_a_poll_is_kept_for_people_and_changes_no_state(install):
    """The next poll of its own would come a minute later."""
    here = install(poll={"interval": "1m", "timeout": "1s"})
    here.netmon["traps"] = {"listen": f"{LOOPBACK}:{here.trap_port}"}
    here.write()
    here.start()
    assert here.send("snmptrap", "-v2c", "-c", KEY) == 0
    eventually(lambda: here.total("netmon_traps_total", kind="trap") == 1)
    eventually(lambda: here.total("netmon_polls_total", outcome="answered") >= 1)
    eventually(lambda: here.state() == {"r1": "up"})
    (notice,) = eventually(here.notices)
    assert notice[1:] == ("trap", "r1", "linkDown", LOOPBACK, {"ifIndex.3": "3"})
    assert here.state("links", "link") == {"r1-fibre": "up"}
    assert here.send("snmptrap", "-v2c", "-c", "wrong") == 0
    eventually(lambda: here.total("netmon_traps_dropped_total", reason="credential") == 1)
    argv = [sys.executable, "-m", "netmon", "notices", "r1", "--config", here.config]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True, env={"PATH": ""}).stdout
    assert "linkDown" in shown
    assert "ifIndex.3=3" in shown
    assert KEY not in shown + here.daemon.output


def test_a_port_that_systemd_hands_over_is_heard_and_informs_find_the_same_engine_after_a_restart(install):
    """With no word of it in the configuration but the credential of the sender; a reload takes another."""
    here = install(credentials={"snmp": {"version": "2c"}, "user": USER}, traps={"credentials": ["user"]})
    here.netmon["poll"]["credential"] = "snmp"
    here.write()
    engines = []
    for boots in (1, 2):
        here.start_with_socket()
        assert here.send("snmpinform", *AS_USER, then=("", COLD_START)) == 0
        eventually(lambda: here.total("netmon_traps_total", kind="inform") == 1)
        with closing(sqlite3.connect(here.home / "netmon.db")) as store:
            engines += store.execute("SELECT hex(engine_id), boots FROM engine").fetchall()
        assert engines[-1] == (engines[0][0], boots)
        if boots == 2:
            del here.netmon["traps"]
            here.write()
            control.ask(here.home / "control.sock", "reload")
            assert here.send("snmptrap", *AS_USER, "-e", "0x80001f888001020304") == 0
            eventually(lambda: here.total("netmon_traps_dropped_total", reason="credential") == 1)
        assert here.daemon.stop() == 0
    assert [notice.kind for notice in here.notices()] == ["inform", "inform"]


def test_a_flood_of_20_000_traps_leaves_polling_untouched(install):
    """Every datagram is taken or counted as dropped, no poll is silent or skipped, and the flood is told of once."""
    here = install()
    here.netmon["traps"] = {"listen": f"{LOOPBACK}:{here.trap_port}", "burst": 20}
    here.netmon["poll"] = {"interval": "1s", "timeout": "0.9s", "retries": 0, "deadline": "1s"}
    here.write()
    here.start()
    eventually(lambda: here.state() == {"r1": "up"})
    trap = GOOD.replace(b"\x04\x06public", b"\x04" + bytes([len(KEY)]) + KEY.encode())
    trap = trap[:1] + bytes([len(trap) - 2]) + trap[2:]
    polls = here.total("netmon_polls_total", outcome="answered")
    with socket.socket(type=socket.SOCK_DGRAM) as source:
        for _ in range(20_000):
            source.sendto(trap, (LOOPBACK, here.trap_port))
    eventually(lambda: here.heard() == 20_000, 30)
    eventually(lambda: here.total("netmon_polls_total", outcome="answered") >= polls + 3)
    assert here.total("netmon_polls_total") == here.total("netmon_polls_total", outcome="answered")
    assert here.total("netmon_polls_skipped_total") == 0
    taken = here.total("netmon_traps_total", kind="trap")
    assert 20 <= taken < 200, "burst, and two a second"
    assert here.total("netmon_bugs_total") == 0
    assert here.daemon.stop() == 0
    assert [(notice.kind, notice.name) for notice in here.notices()] == [
        ("trap", "linkDown"), ("flood", "begins"), ("flood", "is over"),
    ]  # fmt: skip
    over = here.notices()[-1]
    assert 0 < int(over.detail["dropped"]) <= 20_000 - taken
    assert json.dumps(here.daemon.output).count("a flood of traps begins") == 1


def test_a_port_that_cannot_be_had_is_named(install):
    here = install()
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, 0))
        here.netmon["traps"] = {"listen": f"{LOOPBACK}:{other.getsockname()[1]}"}
        here.write()
        argv = [sys.executable, "-m", "netmon", "run", "--config", here.config]
        env = {**os.environ, "NETMON_TEST_COMMUNITY": KEY}
        done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=30)
    assert done.returncode == 1
    assert "netmon: traps.listen: Address already in use" in done.stderr
