"""The shipped units and the package under a real systemd, in a machine of their own: what starts, hangs, dies and goes.

The machine plays a small province on its loopback with netmon's own simulator, over SNMPv3 whose keys are credentials.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from netmon.model import VIET_NAM
from tests.faults.matrix import size
from tests.live import storm_province
from tests.machine import Machine, debian, machine
from tests.peers import ROOT, eventually

KEYS = {"snmp-auth": "chìa khóa xác thực", "snmp-priv": "chìa khóa riêng tư"}
CHECKED = "127.4.9.9"
"""Answers echoes and nothing else: the only witness of a link."""

PLAY = ("env", "CREDENTIALS_DIRECTORY=/etc/credstore", "/opt/netmon/bin/python", "-m", "netmon.sim")

Told = Callable[[str], None]

HELD = """\
import signal, sys, time
from netmon.cli import main

def hold_the_loop(*_):
    time.sleep(600)

signal.signal(signal.SIGUSR1, hold_the_loop)
sys.exit(main())
"""
"""netmon, whose loop can be held by a signal."""


@dataclass(frozen=True)
class Site:
    """A machine with netmon on it."""

    on: Machine

    def ask(self, path: str) -> str:
        """A page of netmon."""
        code = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:9797{path}', timeout=5).read().decode())"
        return self.on.run("/opt/netmon/bin/python", "-c", code)

    def facts(self, kind: str, key: str) -> dict[str, dict[str, Any]]:
        """What netmon says of devices or links, by name."""
        return {row[key]: row for row in json.loads(self.ask("/api/v1/state"))[kind]}

    def since(self) -> dict[str, float]:
        """Since when each device is as it is."""
        return {name: row["since"] for name, row in self.facts("devices", "device").items()}

    def value(self, series: str) -> float:
        """Of a series of the metrics, as it is written there."""
        return float(re.search(rf"^{re.escape(series)} (\S+)$", self.ask("/metrics"), re.MULTILINE)[1])

    def everything_up(self) -> None:
        """Until each device answers."""
        eventually(lambda: {row["state"] for row in self.facts("devices", "device").values()} == {"up"}, 40.0, every_s=0.2)

    def show(self, name: str, unit: str = "netmon") -> str:
        return self.on.show(unit, name)

    @property
    def pid(self) -> int:
        return int(self.show("MainPID"))

    def status_of(self, name: str) -> str:
        """A line of the daemon's /proc/PID/status."""
        return re.search(rf"^{name}:\s*(.*)$", self.on.run("cat", f"/proc/{self.pid}/status"), re.MULTILINE)[1]

    def said(self, since: str, wanted: str) -> list[str]:
        """What the journal has of the unit since a cursor that holds a pattern."""
        told = self.on.run("journalctl", "--no-pager", "--quiet", "--output=cat", "--unit=netmon", f"--after-cursor={since}")
        return [line for line in told.splitlines() if re.search(wanted, line)]

    def cursor(self) -> str:
        """Where the journal ends now."""
        return (
            self.on.run("journalctl", "--no-pager", "--quiet", "--lines=0", "--show-cursor")
            .rpartition("cursor: ")[2]
            .strip()
        )

    def configure(self, home: Path) -> None:
        """Writes /etc/netmon and the credentials, and plays the province that it describes."""
        made = storm_province(home, communes=2, stations=1, backups=0, aggregations=1, interval="1s")
        text = (made / "netmon.yaml").read_text().replace("!env NETMON_TEST_COMMUNITY", '""')
        main = json.loads(text)
        del main["store"], main["control"]
        main["exporters"]["prometheus"]["listen"] = "127.0.0.1:9797"
        ways = {"auth": {"protocol": "SHA-256", "key": "KEY snmp-auth"}, "priv": {"protocol": "AES", "key": "KEY snmp-priv"}}
        main["credentials"] = {"snmp": {"version": "3", "user": "netmon", **ways}}
        (made / "netmon.yaml").write_text(re.sub(r'"KEY ([a-z-]+)"', r"!credential \1", json.dumps(main)))
        places = json.loads((made / "inventory/all.yaml").read_text())
        (link,) = next(site["links"] for site in places["sites"] if site["kind"] == "peoples_committee")
        del link["far"]
        link["near"]["interface"] = "none"  # says how often it is pinged, and witnesses nothing
        link["check"] = CHECKED
        (made / "inventory/all.yaml").write_text(json.dumps(places))
        shutil.rmtree(self.on.path("/etc/netmon"), ignore_errors=True)
        shutil.copytree(made, self.on.path("/etc/netmon"))
        store = self.on.path("/etc/credstore")
        store.mkdir(mode=0o700, exist_ok=True)
        for name, key in KEYS.items():
            (store / name).touch(0o600)
            (store / name).write_text(f"{key}\n")
        self.on.run(
            *("systemd-run", "--unit=province"),
            *(*PLAY, "--config", "/etc/netmon", "--troubles", "none"),
        )

    def live_through(self, days: int) -> None:
        """A past, before netmon starts for the first time: what is root's becomes netmon's then."""
        self.on.run("sh", "-c", "mkdir -m 700 /var/lib/private/netmon && ln -s private/netmon /var/lib/netmon")
        self.on.run(*PLAY, "seed", "--config", "/etc/netmon", "--days", str(days))

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Its configuration names a province that is none, meanwhile."""
        path = self.on.path("/etc/netmon/netmon.yaml")
        good = path.read_text()
        path.write_text(good.replace('"province"', '"provinz"'))
        try:
            yield
        finally:
            path.write_text(good)

    def drop_in(self, text: str) -> None:
        """Lays a setting over the shipped unit, for this test; "" takes it away."""
        path = self.on.path("/run/systemd/system/netmon.service.d/test.conf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.on.run("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The package and its next revision, from the same tree; in the short form the second is the first under its number."""
    debian()
    home = tmp_path_factory.mktemp("packages")
    first = packaged(home, "1~test1")
    return first, size(renumbered, packaged)(home, "1~test2")


def packaged(home: Path, revision: str) -> Path:
    """The package of this tree."""
    argv = [ROOT / "scripts/package", "-u", "-o", home, "-r", revision]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.strip())


def renumbered(home: Path, revision: str) -> Path:
    """The package that lies there, as another revision."""
    (made,) = home.glob("*.deb")
    tree, path = home / "tree", home / made.name.replace("1~test1", revision)
    subprocess.run(["dpkg-deb", "--raw-extract", made, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("1~test1", revision))
    subprocess.run(["dpkg-deb", "--build", "-Znone", tree, path], check=True, capture_output=True)
    shutil.rmtree(tree)
    return path


@contextmanager
def installed(home: Path, package: Path) -> Iterator[Site]:
    """A machine on which the package was installed by itself, although one of its units was masked before."""
    with machine(home / "machine") as on:
        shutil.copy(package, on.path("/root/netmon.deb"))
        on.run("systemctl", "mask", "netmon-report.timer")
        on.run("dpkg", "--install", "/root/netmon.deb")
        yield Site(on)


@pytest.fixture(scope="module")
def _serving(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("serving")
    with installed(home, packages[0]) as site:
        site.configure(home)
        site.live_through(datetime.now(VIET_NAM).day + 2)  # into the month of the reports
        yield site


@pytest.fixture
def site(_serving: Site) -> Site:
    """netmon as it is shipped, running, and every device up."""
    _serving.drop_in("")
    _serving.on.run("systemctl", "reset-failed")
    _serving.on.run("systemctl", "start", "netmon")
    _serving.everything_up()
    return _serving


@pytest.mark.fault("service")
def test_systemd_starts_it_as_nobody_with_its_credentials_and_its_directories_and_the_group_may_speak_to_it(
    site: Site, measured: Told
):
    assert (site.show("Type"), site.show("ActiveState"), site.show("Result")) == ("notify", "active", "success")
    eventually(lambda: re.fullmatch(r"\d+ up", site.show("StatusText")), 20.0, every_s=0.2)
    user = site.on.run("id", "--user", "netmon").strip()
    assert site.status_of("Uid").split() == [user] * 4
    assert int(site.status_of("CapEff"), 16) == int(site.status_of("CapBnd"), 16) == 0
    assert (site.status_of("NoNewPrivs"), site.status_of("Seccomp")) == ("1", "2")
    assert re.search(r"Max core file size +1 +1 ", site.on.run("cat", f"/proc/{site.pid}/limits"))
    for path in ("/var/lib/private/netmon", "/run/netmon"):
        assert site.on.run("stat", "--format=%U:%G %a", path).strip() == "netmon:netmon 750", path
    assert site.on.run("find", "/var/lib/netmon/", "!", "-user", "netmon") == ""

    site.on.run("sh", "-c", "id lan >/dev/null 2>&1 || useradd --groups netmon lan; id xa >/dev/null 2>&1 || useradd xa")
    assert json.loads(site.on.run("runuser", "--user=lan", "--", "netmon", "status", "--json"))
    assert "denied" in site.on.run("runuser", "--user=xa", "--", "netmon", "status", "--json", ok=False)
    for key in KEYS.values():
        assert key not in site.on.run("journalctl", "--no-pager", "--unit=netmon")

    pinged = site.facts("links", "link")["ub-01273-fibre"]
    assert pinged["state"] == "up", "echoes by a socket that needs no privilege"
    usec = int(site.show("ActiveEnterTimestampMonotonic")) - int(site.show("InactiveExitTimestampMonotonic"))
    measured(f"ready {usec / 1e6:.1f} s after systemd began to start it")


@pytest.mark.fault("service")
def test_the_units_expose_little(site: Site):
    """`systemd-analyze security` gives each 1.2 of 10 at most (an unhardened service has 9.6)."""
    for unit in (ROOT / "deploy/systemd").glob("*.service"):
        argv = ("systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager")
        site.on.run(*argv, f"/usr/lib/systemd/system/{unit.name}")


@pytest.mark.fault("service")
def test_a_reload_takes_a_good_configuration_and_refuses_a_broken_one_and_says_so(site: Site):
    pid = site.pid
    with site.broken():
        site.on.run("systemctl", "reload", "netmon")
        eventually(lambda: "the last reload was refused" in site.show("StatusText"), 30.0, every_s=0.2)
        assert (site.pid, site.show("ActiveState"), site.show("NRestarts")) == (pid, "active", "0")
    since = site.cursor()
    site.on.run("systemctl", "reload", "netmon")
    eventually(lambda: "refused" not in site.show("StatusText"), 30.0, every_s=0.2)
    assert not site.said(since, "level=error")
    assert site.pid == pid
    site.everything_up()


@pytest.mark.fault("service")
def test_it_stops_in_order_and_knows_after_the_start_what_it_knew(site: Site, measured: Told):
    before, since = site.since(), site.cursor()
    began = float(site.on.run("cut", "-d ", "-f1", "/proc/uptime"))
    site.on.run("systemctl", "stop", "netmon")
    took = float(site.on.run("cut", "-d ", "-f1", "/proc/uptime")) - began
    assert (site.show("Result"), site.show("ExecMainStatus"), site.show("ActiveState")) == ("success", "0", "inactive")
    assert not site.said(since, "level=(error|critical)|Traceback|timed out|Killing")
    site.on.run("systemctl", "start", "netmon")
    site.everything_up()
    assert site.since() == before
    measured(f"stopped within {took:.1f} s")


@pytest.mark.fault("service")
def test_one_that_is_killed_comes_back_by_itself(site: Site, measured: Told):
    eventually(lambda: time.time() - max(site.since().values()) > 3, 20.0, every_s=0.2)  # it is written once a second
    before, pid, killed = site.since(), site.pid, time.monotonic()
    site.on.run("sh", "-c", f"kill -KILL {pid}")
    eventually(lambda: site.pid not in (0, pid) and site.show("ActiveState") == "active", 60.0, every_s=0.2)
    site.everything_up()
    measured(f"every device was up again {time.monotonic() - killed:.0f} s after kill -9")
    assert site.since() == before


@pytest.mark.fault("service")
def test_one_whose_configuration_is_wrong_is_not_started_again_and_again(site: Site):
    since = site.cursor()
    with site.broken():
        site.on.run("systemctl", "restart", "netmon", ok=False)
        assert (site.show("SubState"), site.show("ExecMainStatus"), site.show("NRestarts")) == ("failed", "78", "0")
        assert site.said(since, r"netmon\.yaml:\d+:\d+: .*provinz.*did you mean province")


@pytest.mark.fault("service")
def test_the_doctor_sees_what_would_keep_it_from_starting_again_and_who_may_not_look_is_told_so(site: Site):
    def wrong(*by: str) -> dict[str, str]:
        told = site.on.run("sh", "-c", '"$@" netmon doctor --lang en --json || [ $? = 1 ]', "sh", *by)
        found = [json.loads(line) for line in told.splitlines()]
        return {each["about"]: each["what"]["en"] for each in found if each["level"] == "wrong"}

    root = ("env", "CREDENTIALS_DIRECTORY=/etc/credstore")
    sound = wrong(*root)
    assert not sound.keys() & {"store", "credentials", "permissions", "unit", "configuration"}
    site.on.run("sh", "-c", "id an >/dev/null 2>&1 || useradd --groups netmon an")
    assert "store" not in wrong("runuser", "--user=an", "--")

    main, places = (site.on.path(f"/etc/netmon/{name}") for name in ("netmon.yaml", "inventory/all.yaml"))
    good = main.read_text()
    try:
        places.chmod(0o600)
        main.write_text(good.replace("!credential snmp-priv", "!credential community"))
        found = wrong(*root)
        assert found["permissions"] == "the user netmon cannot read /etc/netmon/inventory/all.yaml"
        assert found["credentials"] == "netmon.service does not load !credential community"
    finally:
        places.chmod(0o644)
        main.write_text(good)


@pytest.mark.fault("service")
def test_one_whose_loop_is_held_is_ended_by_the_watchdog_and_says_by_what(site: Site, measured: Told):
    site.on.path("/run/held.py").write_text(HELD)
    site.drop_in(
        "[Service]\nWatchdogSec=6\nRestartSec=1\nExecStart=\n"
        "ExecStart=/opt/netmon/bin/python /run/held.py run --config /etc/netmon\n"
    )
    site.on.run("systemctl", "restart", "netmon")
    site.everything_up()
    before, pid, since, held = site.since(), site.pid, site.cursor(), time.monotonic()
    site.on.run("sh", "-c", f"kill -USR1 {pid}")
    eventually(lambda: site.pid not in (0, pid) and site.show("ActiveState") == "active", 60.0, every_s=0.2)
    site.everything_up()
    took = time.monotonic() - held
    assert site.since() == before
    assert site.said(since, "Watchdog timeout")
    assert site.said(since, f"{pid}.*SIGABRT|status=6/ABRT")
    (told,) = site.said(since, "the netmon before was ended while it was held")
    assert "held.py:5 hold_the_loop" in told
    assert not site.on.run("find", "/", "-xdev", "-name", "core*", "-size", "+100k", "-newer", "/run/held.py", "-type", "f")
    measured(f"every device was up again {took:.0f} s after the loop was held (its watchdog allowed 6 s)")
    site.drop_in("")
    site.on.run("systemctl", "restart", "netmon")


@pytest.mark.fault("service")
def test_systemd_opens_the_port_of_traps_for_it_where_that_is_asked_for_and_not_before(site: Site):
    heard = r"^ *\d+: \S+:00A2 "
    assert not re.search(heard, site.on.run("cat", "/proc/net/udp6", "/proc/net/udp"), re.MULTILINE)
    try:
        site.on.run("systemctl", "enable", "netmon-traps.socket")
        site.on.run("systemctl", "restart", "netmon")
        assert re.search(heard, site.on.run("cat", "/proc/net/udp6", "/proc/net/udp"), re.MULTILINE)
        send = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'no trap', ('127.0.0.1', 162))"
        site.on.run("/opt/netmon/bin/python", "-c", send)
        eventually(lambda: site.value('netmon_traps_dropped_total{reason="stranger"}') == 1, 20.0, every_s=0.2)
        site.on.run("systemctl", "stop", "netmon")
        assert not re.search(heard, site.on.run("cat", "/proc/net/udp6", "/proc/net/udp"), re.MULTILINE)
    finally:
        site.on.run("systemctl", "disable", "netmon-traps.socket")


@pytest.mark.fault("service")
def test_the_reports_of_the_month_and_a_backup_are_made_beside_the_running_daemon(site: Site):
    assert site.show("UnitFileState", "netmon-report.timer") == "masked"
    site.on.run("systemctl", "unmask", "netmon-report.timer")
    site.on.run("systemctl", "start", "netmon-report.timer", "netmon-report")
    assert site.show("Result", "netmon-report") == "success"
    made = site.on.run("find", "/var/lib/netmon/reports/", "-type", "f", "-user", "netmon", "-perm", "600")
    assert re.search(r"/reports/\d{4}-\d\d/", made)
    assert site.show("NextElapseUSecRealtime", "netmon-report.timer")

    site.on.run("systemctl", "start", "netmon-backup.timer", "netmon-backup")
    assert site.show("Result", "netmon-backup") == "success"
    made = site.on.run("find", "/var/lib/netmon/backups/", "-name", "*.tar", "-user", "netmon", "-perm", "600")
    assert site.on.run("netmon", "restore", "--verify", made.strip()).startswith("OK: ")
    assert site.show("NextElapseUSecRealtime", "netmon-backup.timer")


@pytest.mark.fault("package")
def test_the_package_comes_polls_is_renewed_and_goes_without_a_trace(
    packages: tuple[Path, Path], tmp_path: Path, measured: Told
):
    first, second = packages
    size(lambda *_: None, require_same_files)(first, second)
    with machine(tmp_path / "machine") as on:
        site = Site(on)
        for package in packages:
            shutil.copy(package, on.path("/root"))
        bare = everything(on)
        told = on.run("dpkg", "--install", f"/root/{first.name}")
        assert "begin with: netmon init" in told
        assert on.run("dpkg", "--verify", "netmon") == ""
        assert (site.show("ActiveState"), site.show("Result"), site.show("UnitFileState")) == (
            "inactive",
            "success",
            "enabled",
        )
        said = on.run("netmon", "init", "--province", "04", "-o", "/etc/netmon")
        assert "Tỉnh Cao Bằng, 56 communes." in said

        site.configure(tmp_path / "province")
        on.run("systemctl", "start", "netmon", "netmon-report.timer")
        site.everything_up()
        before, pid = site.since(), site.pid
        kept = on.run("sh", "-c", "cd /etc && find netmon credstore -type f | xargs sha256sum")

        on.run("dpkg", "--install", f"/root/{second.name}")
        assert second.name.split("_")[1] == on.run("dpkg-query", "--show", "--showformat=${Version}", "netmon")
        assert site.pid not in (0, pid)
        site.everything_up()
        assert site.since() == before
        assert on.run("sh", "-c", "cd /etc && find netmon credstore -type f | xargs sha256sum") == kept

        with site.broken():
            on.run("systemctl", "start", "netmon-report", ok=False)
        on.run("dpkg", "--remove", "netmon")
        assert on.run("systemctl", "--failed", "--no-legend") == ""
        assert not on.path("/opt/netmon").exists()
        assert on.path("/var/lib/private/netmon/netmon.db").exists()
        assert (site.show("LoadState"), site.show("SubState"), site.pid) == ("not-found", "dead", 0)

        assert "the configuration stays in /etc/netmon" in on.run("dpkg", "--purge", "netmon")
        assert "no such user" in on.run("id", "netmon", ok=False)
        assert on.run("sh", "-c", "cd /etc && find netmon credstore -type f | xargs sha256sum") == kept
        left = {path for path in everything(on) - bare if not path.startswith(("/etc/netmon", "/etc/credstore", "/var/log"))}
        assert (left, bare - everything(on)) == (set(), set())
    megabytes = first.stat().st_size / 1e6
    measured(
        f"{megabytes:.1f} MB; installed, renewed and purged, with every state and the configuration kept until the purge"
    )


def require_same_files(*packages: Path) -> None:
    """The same tree gives the same bytes."""
    first, second = (subprocess.run(["dpkg-deb", "--fsys-tarfile", each], capture_output=True).stdout for each in packages)
    assert first
    assert first == second


def everything(on: Machine) -> set[str]:
    """Every path of the machine's disk."""
    return set(on.run("find", "/", "-xdev").splitlines())
