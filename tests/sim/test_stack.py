"""`scripts/stack --check`: the demonstration beside real servers, with a stand-in for Grafana, and what it says of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from netmon.sim import neighbours, stack
from netmon.sim.neighbours import nobody_is_told
from netmon.sim.prepare import prepare
from netmon.sim.programs import DemoError, Home, home_of_our_own
from netmon.sim.stack import lacking
from tests import peers

_RUN = """\
import sys, pathlib
from netmon.sim import neighbours, stack
neighbours._SHIPPED = pathlib.Path(sys.argv[2])
sys.exit(stack.main(sys.argv[3:], [pathlib.Path(sys.argv[1])]))
"""

_GRAFANA = """\
#!{python}
# Tells how it was started, and answers what the check asks of a Grafana with two dashboards.
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

told = {{name: value for name, value in os.environ.items() if name.startswith(("GF_", "NETMON_"))}}
json.dump({{"argv": sys.argv[1:], "environ": told}}, open({told!r}, "w"))
ANSWERS = {{"/api/health": {{"database": "ok"}}, "/api/search": [{{"uid": "a"}}, {{"uid": "b"}}]}}

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(ANSWERS[self.path.partition("?")[0]]).encode())

HTTPServer((told["GF_SERVER_HTTP_ADDR"], int(told["GF_SERVER_HTTP_PORT"])), Answers).serve_forever()
"""


def hastened(home: Path) -> None:
    """A configuration whose devices are polled, or report, every 2 s, and a store without a past."""
    config = prepare(home, keep=False, port=peers.free_port("tcp"))
    for path in (
        config / "netmon.yaml",
        *(config / "inventory" / f"{name}.yaml" for name in ("bts-mqtt", "probes", "feeds")),
    ):
        path.write_text(re.sub("interval: [36]0s", "interval: 2s", path.read_text()))
    (home / "netmon.db").touch()


def impatient(deploy: Path) -> Path:
    """What is shipped, with a Prometheus that does not wait 15 s before it looks and judges."""
    shutil.copytree(peers.ROOT / "deploy", deploy)
    file = deploy / "prometheus" / "prometheus.yml"
    text = re.sub(r"(scrape_interval|scrape_timeout): \d+s", r"\1: 3s", file.read_text())
    file.write_text(text.replace("evaluation_interval: 15s", "evaluation_interval: 1s"))
    return deploy


def test_every_part_says_that_it_is_well_and_nothing_is_left_running(tmp_path: Path) -> None:
    home, programs = tmp_path / "home", tmp_path / "programs"
    programs.mkdir()
    places = [str(peers.require(name).parent) for name in neighbours.NEEDED]
    peers.of_alertmanager("prometheus-alertmanager")  # or this is skipped
    grafana = programs / "grafana"
    grafana.write_text(_GRAFANA.format(python=sys.executable, told=str(tmp_path / "told")))
    grafana.chmod(0o755)
    hastened(home)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, home, impatient(tmp_path / "deploy"), "--check", "100", "--keep"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        cwd=peers.ROOT,
        env={**os.environ, "PATH": os.pathsep.join((str(programs), os.environ["PATH"], *places))},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["netmon"]["devices"], said["netmon"]["communes"]) == (189, 56)
    assert said["mosquitto"]["connected"]
    assert said["mosquitto"]["messages"] > 0
    assert said["prometheus"]["target"] == "up"
    assert said["prometheus"]["rules"] > 50
    assert said["prometheus"]["failing"] == []
    assert "NetmonHeartbeat" in said["prometheus"]["firing"]
    assert "NetmonHeartbeat" in said["alertmanager"]["alerts"]
    assert said["victoria_metrics"]["points"] > 1_000
    assert said["grafana"] == {"health": "ok", "dashboards": 2}
    told = json.loads((tmp_path / "told").read_text())
    assert told["argv"][0] == "server"
    environ = told["environ"]
    assert {Path(environ[f"GF_PATHS_{name}"]).parent for name in ("DATA", "LOGS", "PLUGINS")} == {home / "grafana"}
    assert environ["GF_PATHS_PROVISIONING"] == str(peers.ROOT / "grafana/provisioning")
    asked = re.findall(r"(?m)^(\w+)=", (peers.ROOT / "grafana/provisioning/netmon.env").read_text())
    assert set(asked) <= set(environ)
    assert environ["NETMON_GRAFANA_DASHBOARDS"] == str(peers.ROOT / "grafana/dashboards")
    assert environ["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert [environ[f"GF_ANALYTICS_{name}"] for name in ("REPORTING_ENABLED", "CHECK_FOR_UPDATES")] == ["false", "false"]
    assert not [line for line in _command_lines() if str(home) in line]


def _command_lines() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has just ended
    return found


def test_the_routes_stay_and_nobody_is_told() -> None:
    shipped = (peers.ROOT / "deploy/alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    before, after = yaml.safe_load(shipped), yaml.safe_load(nobody_is_told(shipped))
    for part in ("route", "time_intervals", "inhibit_rules", "templates"):
        assert after.get(part) == before.get(part)
    assert after["receivers"] == [{"name": receiver["name"]} for receiver in before["receivers"]]
    assert set(after["global"]) == {"resolve_timeout"}


def test_all_programs_that_are_missing_are_named_with_the_lines_that_bring_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        neighbours, "find", lambda program: None if program in ("mosquitto", "victoria-metrics") else program
    )
    lines = r"apt-get install mosquitto victoria-metrics\..*scripts/peers mosquitto=mosquitto victoria-metrics="
    with pytest.raises(DemoError, match=lines):
        neighbours.ports(usual=True)


def test_two_that_begin_at_the_same_moment_do_not_want_the_same_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ports(*, usual: bool) -> None:
        asked.append(usual)
        raise DemoError("that is all")

    monkeypatch.setattr(stack, "ports", ports)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    homes = [tmp_path / "1", tmp_path / "2"]
    assert stack.main([], homes) == 1
    with home_of_our_own(homes):
        assert stack.main([], homes) == 1
    assert asked == [True, False]


def test_what_fires_before_prometheus_knows_alertmanager_is_told_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself it would tell it a minute later."""
    started: list[str] = []
    monkeypatch.setattr(neighbours, "_running", lambda name, argv, *_: started.extend(argv))
    monkeypatch.setattr(neighbours, "find", lambda program: program)
    monkeypatch.setattr(neighbours, "_with_its_files", lambda *_: [])
    neighbours._prometheus(Home(tmp_path, 0), 9797, neighbours.ports(usual=False))
    assert "--rules.alert.resend-delay=5s" in started


def test_elsewhere_the_ports_are_free_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "find", lambda program: program)
    monkeypatch.setattr(neighbours, "grafana", lambda: ["grafana"])
    found = neighbours.ports(usual=False)
    chosen = {found.victoria, found.prometheus, found.alertmanager, found.grafana}
    assert len(chosen) == 4
    assert not chosen & {8428, 9090, 9093, 3000}


WELL: dict[str, Any] = {
    "netmon": {"devices": 189},
    "mosquitto": {"connected": True, "messages": 5},
    "prometheus": {"target": "up", "rules": 72, "failing": [], "firing": ["NetmonHeartbeat", "NetmonDeviceDown"]},
    "alertmanager": {"alerts": ["NetmonDeviceDown", "NetmonHeartbeat"]},
    "victoria_metrics": {"points": 9},
    "grafana": "not installed",
}


@pytest.mark.parametrize(
    ("part", "says", "reason"),
    [
        ("netmon", {}, ""),
        ("netmon", {"reason": "no MQTT message was taken yet"}, "netmon: no MQTT"),
        ("prometheus", {"target": "down"}, "its target netmon is down"),
        ("prometheus", {"rules": 0}, "0 rules"),
        ("prometheus", {"failing": ["NetmonDeviceDown"]}, "1 of 72 rules fail"),
        ("prometheus", {"firing": []}, "NetmonHeartbeat does not fire"),
        ("alertmanager", {"alerts": ["NetmonHeartbeat"]}, "not told of NetmonDeviceDown"),
        ("victoria_metrics", {"points": 0}, "no points"),
    ],
)
def test_the_first_that_is_missing_is_the_reason(part: str, says: dict[str, Any], reason: str) -> None:
    found = lacking(WELL | {part: WELL[part] | says})
    assert reason in found
    assert bool(found) is bool(reason)


def test_a_part_that_does_not_answer_is_named() -> None:
    assert lacking({name: said for name, said in WELL.items() if name != "alertmanager"}) == "alertmanager does not answer"
    assert "0 dashboards" in lacking(WELL | {"grafana": {"health": "ok", "dashboards": 0}})
