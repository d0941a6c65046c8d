"""What `deploy/` ships: systemd, Prometheus and mosquitto read it and do with it what its guides say."""

from __future__ import annotations

import argparse
import asyncio
import configparser
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiomqtt
import pytest
import yaml

from netmon import cli
from netmon.cli.report import REPORTS
from tests import peers

DEPLOY = peers.ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "netmon.service"
SOCKET = DEPLOY / "systemd" / "netmon-traps.socket"
REPORT = DEPLOY / "systemd" / "netmon-report.service"
TIMER = DEPLOY / "systemd" / "netmon-report.timer"


def settings(name: str) -> list[str]:
    """The values of a unit's setting, in order."""
    return [line.split("=", 1)[1] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]


def setting(name: str) -> str:
    """The one value of a unit's setting."""
    (found,) = settings(name)
    return found


@pytest.fixture
def unit_here(tmp_path: Path) -> Path:
    """The unit with its programs replaced by one that this machine has, and without the targets that it may not have."""
    text = UNIT.read_text()
    for program in (setting("ExecStart").split()[0], setting("ExecReload").split()[0]):
        text = text.replace(f"={program} ", "=/bin/true ")
    (tmp_path / SOCKET.name).write_text(SOCKET.read_text().replace("[Unit]", "[Unit]\nDefaultDependencies=no"))
    path = tmp_path / "netmon.service"
    path.write_text(text.replace("[Unit]", "[Unit]\nDefaultDependencies=no"))
    return path


def test_systemd_understands_every_line_of_the_unit(unit_here: Path):
    program = peers.require("systemd-analyze")
    done = subprocess.run([program, "verify", unit_here], capture_output=True, text=True)
    remarks = [line for line in done.stderr.splitlines() if "netmon" in line]
    assert (done.returncode, remarks) == (0, [])


def test_the_port_of_traps_is_handed_to_the_daemon_under_the_name_that_it_knows(unit_here: Path):
    """As systemd reads the unit: both kinds of IP on port 162, started by the service and stopped with it."""
    program = peers.require("systemd-analyze")
    socket_here = unit_here.with_name(SOCKET.name)
    done = subprocess.run([program, "verify", socket_here], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "netmon" in line]) == (0, [])
    lines = SOCKET.read_text().splitlines()
    assert {"ListenDatagram=162", "PartOf=netmon.service", "Service=netmon.service"} <= set(lines)
    assert not settings("Sockets"), "or systemd would start it with the daemon before anybody enabled it"
    assert "WantedBy=netmon.service" in lines
    (name,) = [line.split("=")[1] for line in lines if line.startswith("FileDescriptorName=")]
    assert f'systemd.handed_over("{name}")' in (peers.ROOT / "netmon" / "daemon.py").read_text()


def test_the_unit_exposes_little(unit_here: Path):
    """`systemd-analyze security` gives it 1.3 of 10 at most as a unit of the early boot, which it looks like here;
    installed, it is 1.2 (tests/faults/test_service.py). An unhardened service has 9.6."""
    program = peers.require("systemd-analyze")
    argv = [program, "security", "--offline=true", "--threshold=13", "--no-pager", unit_here]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def report_here(tmp_path: Path) -> Path:
    """The unit of the reports and its timer, with a program that this machine has."""
    text = REPORT.read_text().replace("=/opt/netmon/bin/netmon ", "=/bin/true ")
    (tmp_path / TIMER.name).write_text(TIMER.read_text().replace("[Unit]", "[Unit]\nDefaultDependencies=no"))
    path = tmp_path / REPORT.name
    path.write_text(text.replace("[Unit]", "[Unit]\nDefaultDependencies=no"))
    return path


def test_systemd_understands_the_reports_and_their_timer(report_here: Path):
    program = peers.require("systemd-analyze")
    for path in (report_here, report_here.with_name(TIMER.name)):
        done = subprocess.run([program, "verify", path], capture_output=True, text=True)
        remarks = [line for line in done.stderr.splitlines() if "netmon" in line]
        assert (done.returncode, remarks) == (0, []), path.name


def test_the_reports_come_in_time_for_the_fifth_of_the_month():
    """As systemd reads the calendar: first on the 2nd of Viet Nam; and a machine that was off then makes up for it."""
    program = peers.require("systemd-analyze")
    lines = dict(line.split("=", 1) for line in TIMER.read_text().splitlines() if "=" in line and line[0] != "#")
    argv = [program, "calendar", "--iterations=3", "--base-time=2026-11-01 12:00:00 UTC", lines["OnCalendar"]]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"}, check=True)
    told = re.findall(r"(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d UTC", done.stdout)
    assert list(dict.fromkeys(told)) == ["2026-11-01", "2026-11-02", "2026-11-03"], "19:30 UTC is 02:30 of the next day"
    assert lines["Persistent"] == "true"
    assert "RandomizedDelaySec" in lines


def test_the_reports_are_shut_in_as_the_daemon_is(report_here: Path):
    """The same user and the same walls, but for what only the daemon needs."""
    assert setting("User") == "netmon"
    lines = set(REPORT.read_text().splitlines())
    text = UNIT.read_text()
    start, end = text.index("# Shut in."), text.index("[Install]")
    walls = {
        line for line in text[start:end].splitlines() if line and not line.startswith(("#", "RestrictAddressFamilies="))
    }
    owner = {
        f"{name}={setting(name)}" for name in ("DynamicUser", "User", "UMask", "StateDirectory", "ConfigurationDirectory")
    }
    assert walls | owner | {"PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX"} <= lines
    program = peers.require("systemd-analyze")
    argv = [program, "security", "--offline=true", "--threshold=13", "--no-pager", report_here]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_timer_makes_every_report_that_netmon_has(monkeypatch: pytest.MonkeyPatch):
    """In both languages, into the month's directory, from the daemon's configuration."""
    made: list[tuple[str, argparse.Namespace]] = []
    monkeypatch.setattr("netmon.cli.report._run", lambda command, args: made.append((command.name, args)) or 0)
    for line in REPORT.read_text().splitlines():
        if line.startswith("ExecStart="):
            program, *words = shlex.split(line.split("=", 1)[1].replace("%%", "%"))
            assert program == "/opt/netmon/bin/netmon"
            assert cli.main(words) == 0
    assert sorted(name for name, _ in made) == sorted(command.name for command in REPORTS)
    for _, args in made:
        assert (args.lang, args.output) == ("both", Path("/var/lib/netmon/reports/%Y-%m"))
        assert args.config == Path("/etc") / setting("ConfigurationDirectory")


def test_the_unit_starts_a_command_that_netmon_has(monkeypatch: pytest.MonkeyPatch):
    started: list[argparse.Namespace] = []
    monkeypatch.setattr("netmon.cli.run.run", lambda args: started.append(args) or 0)
    program, *words = shlex.split(setting("ExecStart"))
    assert program == "/opt/netmon/bin/netmon"
    assert cli.main(words) == 0
    assert [args.config for args in started] == [Path("/etc") / setting("ConfigurationDirectory")]


def test_the_unit_loads_the_credentials_that_the_guides_and_the_example_name():
    """`!credential NAME` there is a LoadCredential here, or the daemon would look for a file that nobody gave it."""
    written = [*DEPLOY.rglob("README.md"), peers.ROOT / "config" / "netmon.yaml"]
    named = {name for path in written for name in re.findall(r"!credential ([a-z-]+)[`}\n]", path.read_text())}
    assert named == set(settings("LoadCredential"))


def test_prometheus_takes_its_configuration_and_finds_the_example_netmon(promtool: Path):
    path = DEPLOY / "prometheus" / "prometheus.yml"
    done = subprocess.run([promtool, "check", "config", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load(path.read_text())["scrape_configs"]
    listen = f"listen: {job['static_configs'][0]['targets'][0]}"
    assert listen in (peers.ROOT / "config" / "netmon.yaml").read_text()


def test_the_guide_says_what_whoever_opens_the_port_opens():
    """The listener has no authentication: who lets a screen in must know what it shows, and how to let in no more."""
    guide = (peers.ROOT / "docs" / "configuration.md").read_text()
    section = guide.partition("\n### exporters\n")[2].partition("\n### ")[0]
    named = set(re.findall(r"`(/[a-z0-9]*)`", section))
    assert {"/", "/metrics", "/healthz", "/readyz"} <= named
    for word in (
        "asks nobody who they are",
        "circuit ids",
        "ids of devices",
        "ssh -L",
        "reverse proxy",
        "management network",
    ):
        assert word in section, word


def test_the_kernel_settings_are_settings():
    """sysctl.d(5): `key = value` lines and comments."""
    parser = configparser.ConfigParser()
    parser.read_string("[sysctl]\n" + (DEPLOY / "systemd" / "60-netmon.conf").read_text())
    low, high = map(int, parser["sysctl"]["net.ipv4.ping_group_range"].split())
    assert low == 0
    assert high == 2**31 - 1
    assert int(parser["sysctl"]["net.core.rmem_max"]) >= 4 << 20


def test_what_init_writes_becomes_credentials_that_the_unit_loads(tmp_path: Path):
    """By the one `sed` of docs/install.md, also where its comment signs were taken away."""
    assert cli.main(["init", "--province", "04", "--bts", "-o", str(tmp_path / "made")]) == 0
    text = (tmp_path / "made/netmon.yaml").read_text().replace("!file secrets/", "!credential ")
    named = set(re.findall(r"!credential ([a-z-]+)[}\n]", text))
    assert {"snmp-auth", "snmp-community", "mqtt-password", "influxdb"} <= named <= set(settings("LoadCredential"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of another user, with a file that git knows, one that was taken away, and some that lie about."""
    if shutil.which("git") is None:
        pytest.skip("git is not here")
    for name in ("scripts", "netmon", "config", "deploy", "docs", "grafana"):
        (tmp_path / name).mkdir()
    (tmp_path / "scripts/package").write_bytes((peers.ROOT / "scripts/package").read_bytes())
    for name in (
        "pyproject.toml",
        "README.md",
        "README.vi.md",
        "CHANGELOG.md",
        "LICENSE",
        "NOTICE",
        "docs/a page.md",
        "docs/gone",
    ):
        (tmp_path / name).write_text(name)
    git = ["git", "-C", tmp_path, "-c", "user.name=lan", "-c", "user.email=lan@cb.example"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "docs/gone").unlink()
    for name in ("config/secrets/snmp-auth", "deploy/ca.key", "docs/.page.swp", "docs/page~", "docs/notes"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, 65534)
        os.chown(tmp_path / ".git", 65534, 65534)
    return tmp_path


def packed(clone: Path, *words: str) -> tuple[set[str], str]:
    """What of a tree goes into the package below its top, and what is said."""
    done = subprocess.run(["sh", clone / "scripts/package", "-l", *words], capture_output=True, text=True)
    assert (done.returncode == 0) is bool(done.stdout)
    return {path for path in done.stdout.splitlines() if "/" in path}, done.stderr


def test_of_a_clone_only_what_git_knows_is_packed_and_what_stays_out_is_named(clone: Path):
    files, said = packed(clone)
    assert files == {"docs/a page.md"}
    assert {"config/secrets/snmp-auth", "deploy/ca.key", "docs/notes"} <= set(said.splitlines())
    assert packed(clone, "-u")[0] > {"docs/a page.md", "docs/notes"}


def test_a_tree_without_git_is_packed_without_what_looks_private(clone: Path):
    (clone / ".git").rename(clone / "git")
    assert packed(clone) == ({"docs/a page.md", "docs/notes"}, "")
    (clone / ".git").mkdir()
    assert packed(clone)[1].endswith("package: git cannot read this clone\n")


def test_the_package_says_what_it_cannot_do():
    done = subprocess.run([peers.ROOT / "scripts/package", "-r", "new"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "package: revision 'new': a number, such as 2 or 2~test1\n"


# --- mosquitto --------------------------------------------------------------------------------------------------------

SITE = "netmon/v1/04/01273/cb-bts-01273"
OWN, OTHER = f"{SITE}/cb-bts-01273-pwr/telemetry", f"{SITE}/cb-bts-01273-ups/telemetry"
PASSWORDS = {"netmon": "trực ban", "cb-bts-01273-pwr": "nguồn 48 V", "cb-bts-01273-ups": "ắc quy", "cb-bts-01276-pwr": "x"}


@dataclass(frozen=True)
class Broker:
    """A mosquitto with the shipped configuration: netmon's port, the devices' port, and the authority they trust."""

    here: int
    field: int
    authority: Path

    def client(self, user: str) -> aiomqtt.Client:
        """A user who comes to the listener that is meant for it."""
        client = partial(aiomqtt.Client, username=user, password=PASSWORDS[user])
        if user == "netmon":
            return client(peers.LOOPBACK, self.here, identifier="netmon")
        return client("localhost", self.field, tls_context=ssl.create_default_context(cafile=self.authority))

    def say(self, *options: str, here: bool = False) -> subprocess.CompletedProcess[str]:
        """mosquitto_pub, as the guide has it; returns when the broker acknowledged or refused."""
        field = ["-p", str(self.field), "-h", "localhost", "--cafile", self.authority]
        listener = ["-p", str(self.here)] if here else field
        argv = [peers.require("mosquitto_pub"), *listener, "-q", "1", *options]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The configuration as its guide installs it, under another root and on free ports, below what Debian ships."""
    home = tmp_path_factory.mktemp("mosquitto")
    (home / "certs").mkdir()
    guide = (DEPLOY / "mosquitto" / "README.md").read_text().replace("mqtt.cb.example", "localhost")
    guide = guide.partition("## Certificates instead of passwords")[0]
    for command in re.findall(r"^ +(openssl .*)$", guide.replace("\\\n", " "), re.MULTILINE):
        argv = [peers.require("openssl"), *shlex.split(command)[1:]]
        subprocess.run(argv, cwd=home / "certs", check=True, capture_output=True)
    (home / "netmon.passwd").touch(mode=0o600)
    for user, password in PASSWORDS.items():
        subprocess.run([peers.require("mosquitto_passwd"), "-b", home / "netmon.passwd", user, password], check=True)
    (home / "netmon.acl").write_text((DEPLOY / "mosquitto" / "acl").read_text())

    here, field = peers.free_port("tcp"), peers.free_port("tcp")
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text().replace("/etc/mosquitto/", f"{home}/")
    text = text.replace("listener 1883 ", f"listener {here} ").replace("listener 8883", f"listener {field} {peers.LOOPBACK}")
    (home / "conf.d").mkdir()
    (home / "conf.d" / "netmon.conf").write_text(text)
    user = "user root\n" if os.geteuid() == 0 else ""
    debian = f"{user}persistence true\npersistence_location {home}/\nlog_dest stdout\ninclude_dir {home}/conf.d\n"
    (home / "mosquitto.conf").write_text(debian)

    def listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((peers.LOOPBACK, port)) == 0

    argv = [peers.require("mosquitto"), "-c", home / "mosquitto.conf"]
    with peers.running(argv, ready=lambda: listens(here) and listens(field), log=home / "log"):
        yield Broker(here, field, home / "certs" / "ca.crt")


@pytest.mark.fault("mqtt-impersonation")
async def test_the_broker_gives_netmon_what_each_device_says_of_itself_and_nothing_else(broker: Broker):
    """No device speaks for another or hears one, netmon speaks for none, and a client id gives nobody what is another's."""

    def say(user: str, topic: str, *options: str) -> None:
        said = broker.say("-u", user, "-P", PASSWORDS[user], "-t", topic, *options, here=user == "netmon")
        assert said.returncode == 0, said

    pwr, ups, every = "cb-bts-01273-pwr", "cb-bts-01273-ups", "netmon/v1/+/+/+/+/telemetry"
    heard = []
    async with broker.client("netmon") as netmon, broker.client("cb-bts-01276-pwr") as curious:
        await netmon.subscribe(every, qos=1)
        await curious.subscribe(every, qos=1)
        say(pwr, OWN, "-m", "1")
        say(pwr, OTHER, "-m", "as another")
        say(pwr, OTHER, "-m", "as another", "-i", ups)
        say("netmon", OWN, "-m", "as a device", "-i", "another-netmon")
        say(pwr, OWN, "-m", "long" * 17_000)
        say(pwr, OWN, "-m", "2", "-i", "netmon")
        say(ups, OTHER, "-m", "3")
        async with asyncio.timeout(10):
            async for message in netmon.messages:
                heard.append((str(message.topic), message.payload))
                if message.payload == b"3":
                    break
        await curious.unsubscribe(every)  # answered after all that was sent before
        assert not len(curious.messages)
    assert heard == [(OWN, b"1"), (OWN, b"2"), (OTHER, b"3")]


async def test_the_broker_drops_nothing_when_many_devices_are_heard_at_once(broker: Broker):
    """By default mosquitto keeps 1,000 messages of QoS 1 for a client that has not taken them yet."""
    expected = 1_200
    async with broker.client("cb-bts-01276-pwr") as device, broker.client("netmon") as netmon:
        for n in range(expected):
            topic = f"netmon/v1/04/01276/cb-bts-01276/cb-bts-01276-pwr/{n}/birth"
            await device.publish(topic, b"{}", qos=1, retain=True)
        await netmon.subscribe("netmon/v1/+/+/+/cb-bts-01276-pwr/+/birth", qos=1)
        heard = 0
        async with asyncio.timeout(10):
            async for _ in netmon.messages:
                heard += 1
                if heard == expected:
                    break


def sh(command: str) -> subprocess.CompletedProcess[str]:
    """A line of the guide that speaks with the broker, through a shell."""
    peers.require("mosquitto_pub")
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=20)


async def test_a_report_is_tried_as_the_guide_writes_it(broker: Broker):
    """Through a shell, word for word but for the place: what netmon hears is of now, not history."""
    guide = (DEPLOY / "mosquitto" / "README.md").read_text().partition("## Try it")[2]
    (command,) = re.findall(r"^    (mosquitto_pub (?:.*\\\n)*.*)$", guide, re.MULTILINE)
    for written, ours in (
        ("mqtt.cb.example", "localhost"), ("8883", str(broker.field)), ("ca.crt", shlex.quote(str(broker.authority))),
        ("PASSWORD", shlex.quote(PASSWORDS["cb-bts-01273-pwr"])),
    ):  # fmt: skip
        assert command.count(written) == 1, written
        command = command.replace(written, ours)
    async with broker.client("netmon") as netmon:
        await netmon.subscribe("netmon/v1/#", qos=1)
        done = sh(command)
        assert (done.returncode, done.stderr) == (0, "")
        async with asyncio.timeout(10):
            async for message in netmon.messages:
                if str(message.topic) == OWN:
                    break
    assert isinstance(message.payload, bytes)
    report = json.loads(message.payload)
    assert abs(report.pop("ts") / 1000 - time.time()) < 60
    assert report == {"seq": 1, "session": "try", "m": {"battery_voltage_volts": 53.5}}


@pytest.mark.fault("mqtt-impersonation")
@pytest.mark.parametrize("here", [True, False], ids=["here", "field"])
def test_the_broker_lets_nobody_in_without_a_password(broker: Broker, here: bool):
    for options in ((), ("-u", "netmon"), ("-u", "netmon", "-P", "sai")):
        refused = broker.say(*options, "-t", OWN, "-m", "1", here=here)
        assert "not authorised" in refused.stderr, refused
