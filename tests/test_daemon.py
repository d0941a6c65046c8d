"""The daemon as its users run it: a process of its own, real snmpd agents, signals, a scrape by a real Prometheus."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing

import pytest

from netmon import cli, control
from netmon.model import Direction, End
from netmon.store import Reader
from tests.live import AVAILABILITY
from tests.peers import LOOPBACK, eventually, free_port, require, running

COMMUNE = "01273"
AGENT = "sysName commune-router\nsysLocation Cao Bang\ninterface lo 24 4000000000\n"
"""net-snmp takes the loopback interface for one of 10 Mbit/s, which the other tests exceed."""


class Installation:
    """A configuration directory, a store and a daemon that can be started, killed and asked."""

    def __init__(self, home, agents, **netmon):
        self.home, self.agents = home, dict(agents)
        self.port = free_port("tcp")
        self.config = home / "config"
        (self.config / "inventory").mkdir(parents=True)
        self.netmon = {
            "province": "04",
            "credentials": {"snmp": {"version": "2c"}},
            "poll": {"interval": "1s", "timeout": "0.3s", "retries": 0, "deadline": "1s", "verify_after": "0.2s"},
            "store": {"path": str(home / "netmon.db")},
            "control": str(home / "control.sock"),
            "exporters": {"prometheus": {"listen": f"{LOOPBACK}:{self.port}"}},
            **netmon,
        }
        self.write()
        self.stack = ExitStack()
        self.daemon = None

    def write(self, extra=""):
        text = json.dumps(self.netmon).replace('"version": "2c"', '"version": "2c", "community": !env NETMON_TEST_COMMUNITY')
        (self.config / "netmon.yaml").write_text(text)
        sites = [{"id": "centre", "name": "Trung tâm", "commune": COMMUNE, "kind": "provincial_centre"}]
        for name, port in self.agents.items():
            link = {"id": f"{name}-fibre", "to": "centre", "kind": "fibre", "role": "primary", "network": "tslcd_2"}
            link |= {"capacity": "10 Gbit/s", "near": {"device": name, "interface": "lo"}}
            device = {"id": name, "address": LOOPBACK, "port": port}
            site = {"id": f"site-{name}", "name": f"UBND {name}", "commune": COMMUNE, "kind": "peoples_committee"}
            sites.append({**site, "devices": [device], "links": [link]})
        (self.config / "inventory/all.yaml").write_text(json.dumps({"sites": sites}) + extra)
        (self.config / "targets.yaml").write_text(json.dumps({"targets": [AVAILABILITY]}))

    def start(self, **env):
        program = running(
            [sys.executable, "-m", "netmon", "run", "--config", self.config],
            ready=lambda: self.get("/healthz") == "ok\n",
            log=self.home / "netmon.log",
            env={"NETMON_TEST_COMMUNITY": "s3cr3t-canary", **env},
        )
        self.daemon = self.stack.enter_context(program)
        return self.daemon

    def kill(self):
        self.daemon.process.kill()
        self.daemon.process.wait()

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            return None

    def state(self, kind="devices", key="device", word="state"):
        return {row[key]: row[word] for row in json.loads(self.get("/api/v1/state"))[kind]}

    def metric(self, start):
        lines = [line for line in (self.get("/metrics") or "").splitlines() if line.startswith(start)]
        return float(lines[0].rsplit(" ", 1)[1]) if lines else None

    def reader(self):
        return closing(Reader.open(self.home / "netmon.db"))


@pytest.fixture
def install(tmp_path, snmpd):
    with ExitStack() as stack:

        def make(*names, **netmon):
            agents = {name: snmpd(AGENT, community="s3cr3t-canary") for name in names}
            made = Installation(tmp_path, {name: agent.port for name, agent in agents.items()}, **netmon)
            made.snmpd = agents
            stack.callback(made.stack.close)
            return made

        yield make


def test_a_real_agent_is_polled_scraped_and_read_back_by_promql(install, prometheus, promtool):
    """The values in Prometheus are those on the page, and promtool has nothing to say about the page."""
    here = install("r1")
    here.start()
    eventually(lambda: here.metric('netmon_interface_receive_bytes_total{province="04"'))
    page = here.get("/metrics")
    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    server = prometheus(f"{LOOPBACK}:{here.port}")
    up = server.query('netmon_device_up{device="r1"}')
    assert list(up.values()) == [1.0]
    rate = server.query('rate(netmon_interface_receive_bytes_total{device="r1",interface="lo"}[10s]) > 0', deadline_s=30)
    assert len(rate) == 1
    (labels,) = server.query('netmon_device_info{device="r1"}')
    assert dict(labels)["sys_name"] == "commune-router"
    states = server.query('netmon_device_state{device="r1"} == 1')
    assert [dict(labels)["state"] for labels in states] == ["up"]


def test_an_agent_that_stops_is_down_its_commune_isolated_and_all_come_back(install):
    here = install("r1", "r2")
    here.start()
    eventually(lambda: here.state() == {"r1": "up", "r2": "up"})
    here.snmpd["r1"].freeze()
    eventually(lambda: here.state() == {"r1": "down", "r2": "up"})
    assert here.state("sites", "site", "service")["site-r1"] == "isolated"
    here.snmpd["r1"].thaw()
    eventually(lambda: here.state() == {"r1": "up", "r2": "up"})
    eventually(lambda: here.metric('netmon_device_uptime_seconds{province="04"') > 7, 20)
    here.snmpd["r1"].restart()
    eventually(lambda: here.metric('netmon_gaps_total{reason="restart"}'))
    eventually(lambda: here.state("sites", "site", "service")["site-r1"] == "up")
    here.snmpd["r2"].stop()
    eventually(lambda: here.metric('netmon_polls_total{outcome="refused"}'))
    assert here.state()["r2"] == "up", "a closed port is refused: alive, a ticket and no outage"


def test_kill_9_loses_no_octet(install):
    """What the store counts, slots + unplaced + open slots, is what the interface counted between the first baseline and
    the last, over a death without a goodbye."""
    here = install("r1")
    here.start()

    def baseline():
        with here.reader() as reader:
            return reader.baselines().get(("r1-fibre", End.NEAR))

    first = eventually(baseline)
    for _ in range(2):
        polls = here.metric('netmon_polls_total{outcome="answered"}')
        eventually(lambda before=polls: here.metric('netmon_polls_total{outcome="answered"}') > before + 2)
        here.kill()
        here.start()
        eventually(lambda: here.metric('netmon_polls_total{outcome="answered"}'))
    assert here.daemon.stop() == 0
    last = baseline()
    with here.reader() as reader:
        slots = reader.slots("r1-fibre", End.NEAR, 0, 10**9)
        unplaced = reader.unplaced("r1-fibre", End.NEAR, 0, time.time())
        gaps = reader.gaps("r1-fibre", End.NEAR, 0, time.time())
        absences = reader.absences(0, time.time())
    assert [absence.reason for absence in absences] == ["died", "died"]
    assert not gaps
    for way in Direction:
        counted = sum(getattr(slot, way).octets for slot in (*slots, *last.open))
        counted += sum(one.octets for one in unplaced if one.direction is way)
        assert counted == getattr(last, way).value - getattr(first, way).value > 0


def test_a_reload_takes_what_differs_and_a_bad_configuration_keeps_the_old_one(install):
    here = install("r1", "r2")
    second = here.agents.pop("r2")
    here.write()
    daemon = here.start()
    eventually(lambda: here.state() == {"r1": "up"})
    here.write(extra="\n}{")
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "all.yaml:2:1:" in daemon.output)  # said when it stands in the audit log: after it is counted
    assert here.metric('netmon_reloads_total{result="refused"}') == 1
    assert here.state() == {"r1": "up"}
    here.agents["r2"] = second
    here.write()
    answer = control.ask(here.home / "control.sock", "reload")
    assert (answer["added"], answer["removed"], answer["changed"]) == (["r2"], [], [])
    assert (answer["devices"], answer["at_next_start"]) == (2, [])
    eventually(lambda: here.state() == {"r1": "up", "r2": "up"})
    del here.agents["r1"]
    here.write()
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: here.state() == {"r2": "up"})
    assert 'device="r1"' not in here.get("/metrics")
    assert 'link="r1-fibre"' not in here.get("/metrics")


def test_sigterm_flushes_and_leaves_within_five_seconds_while_polls_hang(install):
    here = install("r1", poll={"interval": "5s", "timeout": "4s", "retries": 3, "deadline": "5s"})
    here.snmpd["r1"].freeze()
    daemon = here.start()
    eventually(lambda: here.metric("netmon_polls_in_flight "))
    started = time.monotonic()
    assert daemon.stop(deadline_s=8) == 0
    assert time.monotonic() - started < 5
    with here.reader() as reader:
        assert reader.last_alive() > time.time() - 30
    assert not (here.home / "control.sock").exists()


def test_states_and_outages_survive_a_restart(install):
    here = install("r1")
    here.start()
    eventually(lambda: here.state() == {"r1": "up"})
    here.snmpd["r1"].freeze()
    eventually(lambda: here.state() == {"r1": "down"})
    since = json.loads(here.get("/api/v1/state"))["devices"][0]["since"]
    here.daemon.stop()
    here.start()
    row = json.loads(here.get("/api/v1/state"))["devices"][0]
    assert (row["state"], row["since"]) == ("down", since)
    here.snmpd["r1"].thaw()
    eventually(lambda: here.state() == {"r1": "up"})
    here.daemon.stop()
    with here.reader() as reader:
        outages = [o for o in reader.outages() if o.subject == ("device", "r1")]
    assert len(outages) == 1
    assert outages[0].start == pytest.approx(since)
    assert outages[0].end is not None


def test_systemd_hears_ready_status_watchdog_and_stopping(install):
    here = install("r1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(here.home / "notify"))
        manager.settimeout(10)
        daemon = here.start(NOTIFY_SOCKET=str(here.home / "notify"), WATCHDOG_USEC="200000")
        heard = []
        while sum(line == "WATCHDOG=1" for line in heard) < 3:
            heard += manager.recv(4096).decode().splitlines()
        assert "READY=1" in heard
        daemon.process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode().splitlines()


def test_status_and_the_store_tell_the_same_with_and_without_a_daemon(install, capfd, monkeypatch):
    """And the community is never printed, by the daemon or by a command."""
    monkeypatch.delenv("NETMON_TEST_COMMUNITY", raising=False)
    here = install("r1")
    here.start()
    eventually(lambda: here.state() == {"r1": "up"})
    eventually(lambda: json.loads(here.get("/api/v1/verdicts"))["verdicts"])

    def netmon(*words):
        code = cli.main([*words, "--config", str(here.config)])
        said = capfd.readouterr()
        return code, said.out + said.err

    code, running_words = netmon("status")
    assert code == 0
    assert "devices: 1 up" in running_words
    assert "availability" in running_words
    code, why = netmon("explain", f"availability/{COMMUNE}")
    assert code == 0
    assert "99" in why
    here.daemon.stop()
    code, stored_words = netmon("status")
    assert code == 0
    assert "netmon does not run" in stored_words
    assert "devices: 1 up" in stored_words
    assert netmon("reload")[0] == 1
    for words in (running_words, stored_words, why, here.daemon.output, netmon("check")[1]):
        assert "s3cr3t-canary" not in words


def test_a_second_daemon_on_the_same_address_says_so_and_leaves(install):
    here = install("r1")
    here.start()
    second = subprocess.run(
        [sys.executable, "-m", "netmon", "run", "--config", here.config],
        capture_output=True,
        text=True,
        env={**os.environ, "NETMON_TEST_COMMUNITY": "s3cr3t-canary"},
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert "another netmon writes to this store" in second.stderr
    assert "Traceback" not in second.stderr
    assert here.get("/healthz") == "ok\n"


def test_the_peers_are_here():
    """This file is nothing without snmpd."""
    assert require("snmpd")
