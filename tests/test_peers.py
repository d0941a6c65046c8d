"""The peers themselves: what the other tests take for granted of them."""

from __future__ import annotations

import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests import peers


def engine_boots(agent: peers.Snmpd) -> int:
    argv = [peers.require("snmpget"), "-v2c", "-c", agent.community, "-Oqv", f"{agent.host}:{agent.port}"]
    answer = subprocess.run([*argv, "1.3.6.1.6.3.10.2.1.2.0"], check=True, capture_output=True, text=True)
    return int(answer.stdout)


def test_snmpd_answers_falls_silent_and_reboots_on_its_port(snmpd):
    agent = snmpd("sysName c-01273-r1", community="lạ")
    before = engine_boots(agent)
    agent.freeze()
    assert not peers.answers_snmp(agent.port, agent.community)
    agent.thaw()
    peers.eventually(lambda: peers.answers_snmp(agent.port, agent.community))
    agent.stop()
    assert not peers.answers_snmp(agent.port, agent.community)
    agent.start()
    assert engine_boots(agent) == before + 1


def test_snmpsim_serves_each_recording_under_its_name(snmpsim, tmp_path: Path):
    (tmp_path / "ups.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|4711\n1.3.6.1.2.1.1.5.0|4|ups\n")
    (tmp_path / "zz.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n")
    port = snmpsim(tmp_path)
    assert peers.answers_snmp(port, "ups")
    assert peers.answers_snmp(port, "zz")
    assert not peers.answers_snmp(port, "absent")


def test_prometheus_scrapes_and_answers_promql(prometheus):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'netmon_device_up{device="r1"} 1\n')

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer((peers.LOOPBACK, 0), Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            found = prometheus(f"{peers.LOOPBACK}:{server.server_port}").query('netmon_device_up{device="r1"}')
        finally:
            server.shutdown()
            thread.join()
    ((labels, value),) = found.items()
    assert dict(labels)["device"] == "r1"
    assert value == 1


def test_a_program_that_ends_early_fails_with_its_output(tmp_path: Path):
    program = peers.running(["sh", "-c", "echo no such port >&2; exit 3"], ready=lambda: False, log=tmp_path / "log")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)ended with 3.*no such port"), program:
        pass


def test_a_missing_peer_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NETMON_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception):
        peers.require("no-such-program")
    monkeypatch.delenv("NETMON_REQUIRE_PEERS")
    with pytest.raises(pytest.skip.Exception):
        peers.require("no-such-program")
