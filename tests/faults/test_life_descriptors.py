"""5,000 devices with few file descriptors, and none left at all for a while."""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.faults.counting import Machine, Patient, counting
from tests.faults.matrix import size
from tests.peers import LOOPBACK, eventually, running
from tests.test_daemon import COMMUNE

LIMIT = 256


class Wide(Patient):
    """Very many devices behind one agent, which answers from an address of its own."""

    many = 0

    def write(self, extra=""):
        super().write(extra)
        (port,) = self.agents.values()
        devices = [
            {"id": f"d{n}", "address": f"127.1.{n // 250}.{n % 250 + 1}", "port": port, "also_from": [LOOPBACK]}
            for n in range(self.many)
        ]
        sites = [
            {"id": "centre", "name": "Trung tâm", "commune": COMMUNE, "kind": "provincial_centre"},
            {"id": "s", "name": "UBND", "commune": COMMUNE, "kind": "peoples_committee", "devices": devices},
        ]
        (self.config / "inventory/all.yaml").write_text(json.dumps({"sites": sites}))

    def start(self, **env):
        program = running(
            ["prlimit", f"--nofile={LIMIT}", sys.executable, "-m", "netmon", "run", "--config", self.config],
            ready=lambda: self.get("/healthz") == "ok\n",
            log=self.home / "netmon.log",
            env={"NETMON_TEST_COMMUNITY": "s3cr3t-canary", **env},
            deadline_s=120,
        )
        self.daemon = self.stack.enter_context(program)
        return self.daemon


@pytest.mark.fault("descriptors")
def test_thousands_of_devices_share_a_socket_and_polling_outlives_the_last_descriptor(tmp_path, measured):
    Wide.many, every = size((300, "3s"), (5_000, "20s"))
    machine = Machine("all", 1000, 1000)
    with ExitStack() as stack:
        ports = stack.enter_context(counting([machine], time.monotonic, "s3cr3t-canary", host=""))
        poll = {"interval": every, "timeout": "1s", "retries": 2, "deadline": every, "requests_per_second": 5000}
        here = Wide(tmp_path, ports, poll=poll)
        stack.callback(here.stack.close)
        pid = here.start().process.pid

        def answered():
            return here.metric('netmon_polls_total{outcome="answered"}') or 0

        def opened():
            return [os.readlink(f"/proc/{pid}/fd/{one}") for one in os.listdir(f"/proc/{pid}/fd")]

        eventually(lambda: answered() >= Wide.many, 300, every_s=0.5)
        table = subprocess.run(["cat", f"/proc/{pid}/net/udp"], capture_output=True, text=True, check=True).stdout
        inodes = {f"socket:[{line.split()[9]}]" for line in table.splitlines()[1:]}
        descriptors = opened()
        assert len(descriptors) < 64
        assert sum(one in inodes for one in descriptors) <= 2, "one that asks SNMP, and one for echoes"

        before = answered()
        numbers = {int(one) for one in os.listdir(f"/proc/{pid}/fd")}
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(LIMIT)) - numbers), LIMIT))  # not one more
        with socket.create_connection((LOOPBACK, here.port)):
            eventually(lambda: "connections cannot be taken" in here.daemon.output, 60)
        asked = machine.asked
        eventually(lambda: machine.asked > asked + Wide.many, 120)
        assert here.daemon.process.poll() is None
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        eventually(lambda: answered() >= before + Wide.many, 120, every_s=0.5)
        assert set(here.state().values()) == {"up"}
        assert "Traceback" not in here.daemon.output
        assert here.daemon.stop() == 0
    measured(f"{Wide.many} devices polled with {len(descriptors)} descriptors of {LIMIT}; with none left polling went on")
