"""`scripts/demo --check`: from nothing to a province that is polled and judged, and what it says when that fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from netmon.settings import load
from netmon.sim import demo
from netmon.sim.prepare import control_socket, is_taken, prepare, write_secret
from netmon.sim.programs import DemoError, home_of_our_own, running
from netmon.sim.report import Report, look
from netmon.store import StoreError
from netmon.store.schema import lock
from tests import peers

_RUN = "import sys, pathlib; from netmon.sim.demo import main; sys.exit(main(sys.argv[2:], [pathlib.Path(sys.argv[1])]))"


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _RUN, home, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def hasten(home: Path) -> None:
    """A configuration of the demonstration whose devices are polled, or report, every 5 s."""
    config = prepare(home, keep=False, port=peers.free_port("tcp"))
    for path in (config / "netmon.yaml", config / "inventory" / "bts-mqtt.yaml"):
        path.write_text(path.read_text().replace("interval: 30s", "interval: 5s"))


def test_a_check_polls_and_judges_the_whole_province_and_says_so_in_one_line(tmp_path: Path) -> None:
    """The seeded week has its saturated commune missed and its busy one at risk, and most others met."""
    hasten(tmp_path)
    done = run(tmp_path, "--check", "60", "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["devices"], said["communes"]) == (189, 56)
    assert said["devices_up"] >= 144
    assert said["readings"] > 180 * 10
    assert said["series"] > 180 * 10
    assert said["mqtt_messages"] >= 3 * 90
    assert said["influx_points"] > 180 * 10
    assert sum(said["verdicts"].values()) % 56 == 0, "every target that judges communes judges all of them"
    assert said["verdicts"]["missed"] >= 1
    assert said["verdicts"]["at_risk"] >= 1
    assert said["verdicts"]["met"] >= 50
    assert said["cpu_seconds"] > 0


def test_a_daemon_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    prepare(tmp_path, keep=False, port=peers.free_port("tcp"))
    (tmp_path / "netmon.db").touch()
    held = lock(tmp_path / "netmon.db")
    try:
        done = run(tmp_path, "--check", "60", "--keep")
    finally:
        os.close(held)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the daemon ended with 1; the end of" in done.stderr
    assert "another netmon writes to this store" in done.stderr


def test_a_second_demonstration_leaves_the_home_of_the_first_alone(tmp_path: Path) -> None:
    homes = [tmp_path / "demo", tmp_path / "demo-2"]
    with home_of_our_own(homes) as first, home_of_our_own(homes) as second:
        assert [first.path, second.path] == homes
        with pytest.raises(DemoError, match="running"), home_of_our_own(homes):
            pass
    with home_of_our_own(homes) as again:
        assert again.path == homes[0]


def test_a_home_is_held_as_long_as_a_program_of_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the one that started it no longer holds it."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")  # the idler says at once that it serves
    with ExitStack() as ours:
        home = ours.enter_context(home_of_our_own([tmp_path]))
        arguments = ["http.server", "0", "--bind", "127.0.0.1"]
        with running("idler", arguments, home, tmp_path / "log", ready=lambda: "Serving" in (tmp_path / "log").read_text()):
            ours.close()
            with pytest.raises(DemoError, match="running"), home_of_our_own([tmp_path]):
                pass
        with home_of_our_own([tmp_path]) as again:
            assert again.path == tmp_path


def test_what_it_prints_works_elsewhere_and_its_programs_die_with_it_when_it_is_killed(tmp_path: Path) -> None:
    """Its home is named by a relative path with a blank, and free for the next one when it is gone."""
    home, log = tmp_path / "a home", tmp_path / "said"
    prepare(home, keep=False, port=None, usual_port=0)
    (home / "netmon.db").touch()  # so that there is no past to be made
    argv = [sys.executable, "-c", _RUN, home.name, "--keep"]
    with peers.running(argv, ready=lambda: "What goes wrong:" in log.read_text(), log=log, cwd=tmp_path) as program:
        [now] = re.findall(r"^  now +(.*)$", program.output, re.MULTILINE)
        done = subprocess.run(["/bin/sh", "-c", now], cwd="/", capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr
        assert str(home / "netmon.log") in program.output
        pid = program.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert len(children) == 3
        program.process.kill()
        peers.eventually(lambda: not any(map(lives, children)))
        peers.eventually(lambda: is_free(home))


def is_free(home: Path) -> bool:
    """Whether nobody holds a home. The last thread of a killed program lets go of it, which may be after its first one."""
    try:
        with home_of_our_own([home]) as again:
            return again.path == home
    except DemoError:
        return False


def lives(pid: str) -> bool:
    """Whether a process is there that was not killed yet: where nobody waits for orphans, they stay as zombies."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_interrupt_at_any_moment_of_the_start_leaves_no_traceback(tmp_path: Path) -> None:
    """From the shell's last line to the first program; one that comes before Python can take it is sent again."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(peers.ROOT / "scripts/demo", tmp_path / "scripts")
    (tmp_path / "scripts/setup").write_text("#!/bin/sh\n")
    (tmp_path / "scripts/setup").chmod(0o755)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    started = time.monotonic()
    moments = [0.02, 0.1, 0.2, 0.4, 0.8]
    demos = [
        subprocess.Popen(
            [tmp_path / "scripts/demo", "--port", str(peers.free_port("tcp"))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in moments
    ]
    for process, moment in zip(demos, moments, strict=True):
        while True:
            process.send_signal(signal.SIGINT)
            try:
                _, said = process.communicate(timeout=max(0.1, started + moment - time.monotonic()))
                break
            except subprocess.TimeoutExpired:
                assert time.monotonic() < started + 60
        assert b"Traceback" not in said
        assert process.returncode in (0, -signal.SIGINT)


def test_a_port_that_is_taken_is_told_before_anything_is_started_or_deleted(tmp_path: Path) -> None:
    config = prepare(tmp_path, keep=False, port=None)
    (tmp_path / "netmon.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run(tmp_path, "--port", str(port))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"demo: pages cannot be served on 127.0.0.1:{port}: something listens there already; "
            "choose another with --port P\n"
        )
        assert (tmp_path / "netmon.db").exists()
        assert load(config).prometheus.port != port


def test_a_kept_configuration_has_its_own_servers_at_new_ports_and_leaves_those_of_others_alone(tmp_path: Path) -> None:
    """Points that somebody sends to an organisation of another name still go where they went."""
    before = load(prepare(tmp_path, keep=False, port=None))
    after = load(prepare(tmp_path, keep=True, port=None))
    assert before.mqtt
    assert after.mqtt
    assert before.influx
    assert after.influx
    assert before.mqtt.port != after.mqtt.port
    assert before.influx.url != after.influx.url
    main = tmp_path / "config" / "netmon.yaml"
    main.write_text(main.read_text().replace("org: simulated", "org: noc"))
    theirs = load(prepare(tmp_path, keep=True, port=None))
    assert theirs.influx
    assert theirs.influx.url == after.influx.url


def test_a_port_can_be_chosen_for_a_configuration_that_is_kept(tmp_path: Path) -> None:
    config = prepare(tmp_path, keep=False, port=None)
    before, port = load(config), peers.free_port("tcp")
    prepare(tmp_path, keep=True, port=port)
    after = load(config)
    assert (after.prometheus.host, after.prometheus.port) == ("127.0.0.1", port)
    assert (after.store.path, after.control) == (before.store.path, before.control)
    assert (after.store.path, after.control) == (tmp_path / "netmon.db", tmp_path / "control.sock")


def test_pages_of_another_netmon_are_not_taken_for_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only our own daemon answers on the control socket."""
    monkeypatch.setattr(demo, "look", lambda *addresses: object())
    assert not demo._answers(load(prepare(tmp_path, keep=False, port=None)))


def test_a_new_run_empties_the_store_unless_somebody_writes_to_it(tmp_path: Path) -> None:
    prepare(tmp_path, keep=False, port=None)
    files = [tmp_path / f"netmon.db{end}" for end in ("", "-wal", "-shm")]
    files.append(tmp_path / "influxdb-outbox" / "1")
    files[-1].parent.mkdir()
    for file in files:
        file.touch()
    held = lock(tmp_path / "netmon.db")
    try:
        with pytest.raises(StoreError, match="another netmon writes"):
            prepare(tmp_path, keep=False, port=None)
        assert all(file.exists() for file in files)
    finally:
        os.close(held)
    prepare(tmp_path, keep=True, port=None)
    assert all(file.exists() for file in files)
    prepare(tmp_path, keep=False, port=None)
    assert [path.name for path in tmp_path.glob("netmon.db*")] == ["netmon.db.lock"]
    assert not files[-1].exists()


def test_a_home_too_deep_for_a_socket_has_its_socket_elsewhere_while_it_runs(tmp_path: Path) -> None:
    """107 bytes are what unix(7) allows; one more does not fit. A configuration that is kept gets a new place."""
    for length, moved in ((107, False), (108, True)):
        home = tmp_path / ("x" * (length - len(os.fsencode(tmp_path / "control.sock")) - 1))
        for keep in (False, True):
            with control_socket(home) as control, socket.socket(socket.AF_UNIX) as listener:
                place = load(prepare(home, keep=keep, port=None, control=control)).control
                assert (place != home / "control.sock") == moved
                listener.bind(str(place))
                if not moved:
                    place.unlink()
            assert place.parent.exists() != moved
        assert load(home / "config").control == place


ENOUGH = Report(
    devices=180,
    polled=180,
    up=144,
    expected=frozenset({"01273"}),
    judged=frozenset({"01273"}),
    readings=1,
    series=2001,
    verdicts=Counter(met=1),
    mqtt_messages=1,
    mqtt_away=False,
    influx_points=11_000,
    influx_dropped=0,
    sink_points=9_900,
    cpu_seconds=None,
)


def test_nothing_is_missing_from_a_province_that_is_watched() -> None:
    assert ENOUGH.missing() == ""


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ({"polled": 179}, "1 of 180 devices were not polled yet"),
        ({"up": 143}, "only 143 of 180 devices are up"),
        ({"judged": frozenset()}, "1 of 1 communes have no verdict"),
        ({"devices": 149, "polled": 149}, "only 149 devices are watched"),
        ({"series": 2000}, "the page has only 2000 series"),
        ({"mqtt_messages": 0}, "no MQTT message was taken yet"),
        ({"mqtt_away": True, "polled": 78}, "the daemon is not connected to the MQTT broker; its log says why"),
        ({"influx_points": 0}, "no point was written to InfluxDB yet"),
        ({"influx_points": 0, "sink_points": None}, "no point was written to InfluxDB yet"),
        ({"sink_points": 6}, "only 6 of 11000 points arrived at the stand-in for InfluxDB"),
        ({"influx_dropped": 1}, "1 points will never reach InfluxDB; the daemon's log says why"),
    ],
)
def test_what_a_check_still_lacks_is_told(lacking: dict[str, Any], reason: str) -> None:
    assert replace(ENOUGH, **lacking).missing() == reason


_PAGES = {
    "/api/v1/state": '{"devices": [], "sites": []}',
    "/api/v1/verdicts": '{"verdicts": []}',
    "/points": '{"points": 6}',
    "/metrics": """# TYPE netmon_influx_points_total counter
netmon_influx_points_total 11000.0
netmon_influx_dropped_points_total{reason="rejected"} 3.0
netmon_influx_dropped_points_total{reason="overflow"} 2.0
netmon_mqtt_connected 0.0
netmon_mqtt_messages_total{kind="birth"} 102.0
netmon_mqtt_messages_total{kind="telemetry"} 300.0
""",
}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = _PAGES[self.path].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *arguments: object) -> None: ...


def test_a_report_has_the_figures_of_the_daemon_and_of_the_stand_in_where_there_is_one() -> None:
    with HTTPServer(("127.0.0.1", 0), _Pages) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        address = ("127.0.0.1", server.server_port)
        ours, theirs = look(address, address), look(address)
        server.shutdown()
    assert ours
    assert theirs
    assert (ours.mqtt_messages, ours.mqtt_away) == (402, True)
    for report, sink, shown in ((ours, 6, 6), (theirs, None, 11_000)):
        assert (report.influx_points, report.influx_dropped, report.sink_points) == (11_000, 5, sink)
        assert report.figures()["influx_points"] == shown


def test_a_check_of_a_daemon_that_its_broker_refuses_fails_and_says_so(tmp_path: Path) -> None:
    config = prepare(tmp_path, keep=False, port=None, usual_port=0)
    settings = load(config)
    alone = replace(settings, influx=None)  # nobody plays InfluxDB here
    assert settings.mqtt
    log, daemon_log = tmp_path / "broker.log", tmp_path / "netmon.log"
    served = ["netmon.sim.broker", "--config", str(config), "--home", str(tmp_path / "broker")]
    watched = ["netmon", "run", "--config", str(config)]
    with ExitStack() as stack:
        home = stack.enter_context(home_of_our_own([tmp_path]))
        ready = partial(is_taken, settings.mqtt.host, settings.mqtt.port)
        stack.enter_context(running("broker", served, home, log, ready=ready))
        write_secret(config / "mqtt-password", "of another broker")
        daemon = running("daemon", watched, home, daemon_log, ready=lambda: demo._answers(alone))
        children = [stack.enter_context(daemon)]
        peers.eventually(lambda: "Not authorized" in daemon_log.read_text())
        reason = demo.check(children, alone, 0.1).missing()
    assert reason == "the daemon is not connected to the MQTT broker; its log says why"


@pytest.mark.parametrize("wrong", [("--check", "-5"), ("--check", "0"), ("--port", "0"), ("--port", "65536")])
def test_a_number_that_cannot_be_is_refused(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo.main(wrong, [])
    assert f"'{wrong[1]}': expected" in capsys.readouterr().err
