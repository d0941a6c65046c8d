"""What `deploy/` ships: systemd and Prometheus read it, and it starts the netmon that there is."""

from __future__ import annotations

import argparse
import configparser
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from netmon import cli
from tests import peers

DEPLOY = peers.ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "netmon.service"


def setting(name: str) -> str:
    """The one value of a unit's setting."""
    (found,) = (line.split("=", 1)[1] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}="))
    return found


@pytest.fixture
def unit_here(tmp_path: Path) -> Path:
    """The unit with its programs replaced by one that this machine has, and without the targets that it may not have."""
    text = UNIT.read_text()
    for program in (setting("ExecStart").split()[0], setting("ExecReload").split()[0]):
        text = text.replace(f"={program} ", "=/bin/true ")
    path = tmp_path / "netmon.service"
    path.write_text(text.replace("[Unit]", "[Unit]\nDefaultDependencies=no"))
    return path


def test_systemd_understands_every_line_of_the_unit(unit_here: Path):
    program = peers.require("systemd-analyze")
    done = subprocess.run([program, "verify", unit_here], capture_output=True, text=True)
    remarks = [line for line in done.stderr.splitlines() if "netmon.service" in line]
    assert (done.returncode, remarks) == (0, [])


def test_the_unit_exposes_little(unit_here: Path):
    """`systemd-analyze security` gives it 1.5 of 10 at most (an unhardened service has 9.6)."""
    program = peers.require("systemd-analyze")
    argv = [program, "security", "--offline=true", "--threshold=15", "--no-pager", unit_here]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_starts_a_command_that_netmon_has(monkeypatch: pytest.MonkeyPatch):
    started: list[argparse.Namespace] = []
    monkeypatch.setattr("netmon.cli.run.run", lambda args: started.append(args) or 0)
    program, *words = shlex.split(setting("ExecStart"))
    assert program == "/opt/netmon/bin/netmon"
    assert cli.main(words) == 0
    assert [args.config for args in started] == [Path("/etc") / setting("ConfigurationDirectory")]


def test_the_unit_credits_the_secrets_that_the_example_asks_for():
    """`!credential NAME` in the guide is a LoadCredential in the unit."""
    assert f"!credential {setting('LoadCredential')}" in (DEPLOY / "systemd" / "README.md").read_text()


def test_prometheus_takes_its_configuration_and_finds_the_example_netmon(promtool: Path):
    path = DEPLOY / "prometheus" / "prometheus.yml"
    done = subprocess.run([promtool, "check", "config", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load(path.read_text())["scrape_configs"]
    listen = f"listen: {job['static_configs'][0]['targets'][0]}"
    assert listen in (peers.ROOT / "config" / "netmon.yaml").read_text()


def test_the_kernel_settings_are_settings():
    """sysctl.d(5): `key = value` lines and comments."""
    parser = configparser.ConfigParser()
    parser.read_string("[sysctl]\n" + (DEPLOY / "systemd" / "60-netmon.conf").read_text())
    low, high = map(int, parser["sysctl"]["net.ipv4.ping_group_range"].split())
    assert low == 0
    assert high == 2**31 - 1
    assert int(parser["sysctl"]["net.core.rmem_max"]) >= 4 << 20
