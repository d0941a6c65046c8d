"""`netmon discover` from end to end: real agents, LLDP between them, a patch, records and interruptions."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import structlog

from netmon import cli
from netmon.cli import discover
from netmon.discover.merge import merged
from netmon.discover.proposal import Proposal
from netmon.discover.trial import trial
from netmon.settings import load
from netmon.settings.yaml import Document
from netmon.sim.prepare import prepare
from tests.discover.devices import configured
from tests.peers import LOOPBACK, Snmpd, eventually, free_port, require, running

COMMUNITY, OTHER = "not-to-be-seen", "nor-this-one"
LLDP = "1.0.8802.1.1.2.1"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DISCOVER_COMMUNITY", COMMUNITY)
    monkeypatch.setenv("DISCOVER_OTHER", OTHER)
    yield
    structlog.reset_defaults()


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    discover.add(parser.add_subparsers())
    args = parser.parse_args(["discover", "--timeout", "0.5", *words])
    code: int = args.run(args)
    return code


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Callable[..., Snmpd]]:
    """Agents of several addresses at one port."""
    port = free_port()
    started: list[Snmpd] = []

    def start(host: str, config: str, community: str = COMMUNITY) -> Snmpd:
        one = Snmpd(tmp_path / f"agent{len(started)}", config, community, host, port)
        one.start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.stop()


def hears(number: int, neighbour: str, port: str, local: str) -> str:
    """Lines of an snmpd.conf: a neighbour in the LLDP-MIB, which net-snmp does not have."""
    return f"""\
override {LLDP}.3.7.1.3.{number} octet_str "{local}"
override {LLDP}.4.1.1.5.0.{number}.1 octet_str "chassis of {neighbour}"
override {LLDP}.4.1.1.7.0.{number}.1 octet_str "{port}"
override {LLDP}.4.1.1.9.0.{number}.1 octet_str "{neighbour}"
"""


def test_two_devices_that_hear_each_other_become_a_link_in_a_patch(
    agent: Callable[..., Snmpd], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    core = agent("127.0.0.2", f"sysName core\n{hears(1, 'bl-r1', 'eth0', 'eth0')}")
    agent("127.0.0.3", f"sysName bl-r1\nsysLocation Bao Lam\n{hears(7, 'core', 'eth0', 'eth0')}", OTHER)
    directory = configured(tmp_path)
    centre = directory / "inventory/centre.yaml"
    centre.write_text(centre.read_text().replace("10.4.0.2,", f"127.0.0.2, port: {core.port},"))
    before = {path: path.read_bytes() for path in directory.rglob("*.yaml")}
    found = tmp_path / "found.patch"
    words = ("127.0.0.2-4", "--config", str(directory), "--port", str(core.port), "-r", "2")
    assert run(*words, "--merge", "--patch", str(found)) == 0
    assert {path: path.read_bytes() for path in directory.rglob("*.yaml")} == before, "no file is written to"
    said = capsys.readouterr()
    assert "3/3 asked, 2 found" in said.err
    assert "proposed: 1 devices, 0 new sites, 1 links" in said.err
    subprocess.run([require("patch"), "-p1", "-d", directory, "-i", found], check=True, capture_output=True)
    assert cli.main(["check", "--config", str(directory)]) == 0
    text = (directory / "inventory/communes.yaml").read_text()
    for line in (
        "credential: old",
        "upstreams: [core]",
        "near: {device: bl-r1, interface: eth0}",
        "far: {device: core, interface: eth0}}]}",
        "# discovered: bao-lam-to-centre: kind: copper  check: no optical module is read at either end",
        "# discovered: bl-r1: check the site: its id in its sys_location 'Bao Lam'",
    ):
        assert line in text
    assert run(*words, "--merge") == 0
    assert capsys.readouterr().out.partition("---")[2] == "", "what was merged is known"
    everything = said.out + said.err + text + found.read_text()
    assert COMMUNITY not in everything
    assert OTHER not in everything


def test_an_agent_with_two_addresses_is_one_device(
    agent: Callable[..., Snmpd], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    both = agent("0.0.0.0", "sysName twins")
    words = ("127.0.0.2", "127.0.0.3", "--config", str(configured(tmp_path)), "--port", str(both.port), "--site", "bao-lam")
    assert run(*words, "-r", "3") == 0
    assert "addresses: [127.0.0.2, 127.0.0.3]" in capsys.readouterr().out


def test_a_new_file_is_written_once_and_never_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    directory, out = configured(tmp_path), tmp_path / "out"
    words = (LOOPBACK, "--config", str(directory), "--port", str(free_port()), "-o", str(out))
    assert run(*words) == 0
    (written,) = (out / "inventory").iterdir()
    assert "sites: []" in written.read_text()
    written.write_text("mine")
    assert run(*words) == 1
    assert "nothing is overwritten" in capsys.readouterr().err
    assert written.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("10.0.0.0/8", "--yes"),
        ("10.0.0.0/8 --yes", "at most"),
        ("10.4.0.1 --commune 99999", "no commune '99999'"),
        ("10.4.0.1 --site tan-gian", "did you mean tan-giang?"),
        ("10.4.0.1 --credential snmpp", "did you mean snmp?"),
        ("10.4.0.1 --patch x", "--merge"),
        ("no-such-list", "neither addresses"),
    ],
)
def test_words_that_are_off_are_told_before_anybody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, why: str
):
    assert run(*words.split(), "--config", str(configured(tmp_path))) == 1
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""


def test_an_interrupted_scan_tells_what_it_found_and_goes_on_where_it_ended(agent: Callable[..., Snmpd], tmp_path: Path):
    port = agent("127.0.0.2", "sysName first\nsysLocation bao-lam").port
    directory, record = configured(tmp_path), tmp_path / "scan.jsonl"
    argv = [sys.executable, "-m", "netmon", "discover", "127.0.0.2-200", "--config", str(directory), "--port", str(port)]
    argv += ["--parallel", "1", "--credential", "snmp", "--state", str(record)]
    with subprocess.Popen([*argv, "--rate", "40"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as scanning:
        eventually(lambda: record.exists() and len(record.read_text().splitlines()) > 3)
        scanning.send_signal(signal.SIGINT)
        out, err = scanning.communicate(timeout=20)
    assert scanning.returncode == 130, err.decode()
    assert b"- id: first" in out
    first = record.read_text().splitlines()
    assert len(first) < 190
    with record.open("a") as file:
        file.write('{"address": "127.0.0.150", "outc')  # as a kill would leave it
    done = subprocess.run([*argv, "--rate", "10000"], capture_output=True, check=True, text=True)
    assert "- id: first" in done.stdout, "what the record has is proposed without being asked again"
    assert "199 of 199 addresses: 1 answered" in done.stderr
    asked = [json.loads(line)["address"] for line in record.read_text().splitlines()[1:] if line.endswith("}")]
    assert len(asked) == len(set(asked)) == 199


def test_a_second_interruption_does_not_lose_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def impatient(directory: Path, texts: Mapping[str, str]) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pytest.fail("what was found is lost")
        trial(directory, texts)

    monkeypatch.setattr(discover, "trial", impatient)
    before = signal.getsignal(signal.SIGINT)
    assert run(LOOPBACK, "--config", str(configured(tmp_path)), "--port", str(free_port())) == 0
    assert "sites: []" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_found_comes_out_though_nobody_reads_the_progress_or_the_record_is_full(
    agent: Callable[..., Snmpd], tmp_path: Path
):
    port = agent("127.0.0.2", "sysName first\nsysLocation bao-lam").port
    full = 65_536
    record = tmp_path / "scan.jsonl"
    record.write_text(f"netmon discover 1\n{'x' * (full - 400)}\n")
    argv = [sys.executable, "-m", "netmon", "discover", "127.0.0.2-30", "--config", str(configured(tmp_path))]
    argv += ["--port", str(port), "--credential", "snmp", "--rate", "10000", "--timeout", "9"]
    done = subprocess.run(
        [*argv, "--state", str(record)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (full, full)),
    )
    assert "- id: first" in done.stdout
    assert done.stderr.count("the scan goes on without a record") == 1
    assert "29 of 29 addresses: 1 answered" in done.stderr
    there, here = os.pipe()
    os.close(there)
    with os.fdopen(here, "wb") as gone:
        unheard = subprocess.run(argv, stdout=subprocess.PIPE, stderr=gone, check=True, text=True)
    assert "- id: first" in unheard.stdout


def test_a_record_is_of_one_port_and_what_is_told_is_of_today(
    agent: Callable[..., Snmpd], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    port = agent("127.0.0.2", "sysName first").port
    directory, listed = configured(tmp_path), tmp_path / "list.csv"
    words = (str(listed), "--config", str(directory), "--state", str(tmp_path / "scan.jsonl"))
    listed.write_text("127.0.0.2,tan-giang\n")
    assert run(*words, "--port", str(port)) == 0
    assert "# For the site tan-giang" in capsys.readouterr().out
    listed.write_text("127.0.0.2,bao-lam,,called-so\n")
    assert run(*words, "--port", str(port)) == 0
    said = capsys.readouterr()
    assert "# For the site bao-lam" in said.out
    assert "- id: called-so" in said.out
    assert "/1 asked" not in said.err, "it was not asked again"
    assert run(*words, "--port", str(free_port())) == 0
    assert "1/1 asked, 0 found" in capsys.readouterr().err, "another port is another question"


def test_a_file_that_cannot_be_added_to_spoils_nothing_for_the_others(
    agent: Callable[..., Snmpd], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    port = agent("0.0.0.0", "sysName first").port
    directory, listed, found = configured(tmp_path), tmp_path / "list.csv", tmp_path / "found.patch"
    listed.write_text("127.0.0.2,bao-lam,,one\n127.0.0.3,centre,,two\n")
    monkeypatch.setattr(discover, "one_a_device", list)

    def broken(documents: Iterable[Document], proposal: Proposal) -> dict[Path, str]:
        made = merged(documents, proposal)
        return {path: f"{text}\n  ]" if path.name == "centre.yaml" else text for path, text in made.items()}

    monkeypatch.setattr(discover, "merged", broken)
    assert run(str(listed), "--config", str(directory), "--port", str(port), "--merge", "--patch", str(found)) == 0
    assert "centre.yaml: cannot be added to" in capsys.readouterr().err
    subprocess.run([require("patch"), "-p1", "-d", directory, "-i", found], check=True, capture_output=True)
    assert {"one", "two"} & load(directory).inventory.devices.keys() == {"one"}
    (more,) = (directory / "inventory").glob("discovered-*.yaml")
    assert "# For the site centre, which is in the inventory already:" in more.read_text()
    assert "#       - id: two" in more.read_text()


def test_a_simulated_province_is_found_as_its_inventory_has_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Over SNMPv3, from a configuration that knows the provincial centre alone."""
    played = prepare(tmp_path, keep=False, port=None)
    mine, log = tmp_path / "mine", tmp_path / "log"
    shutil.copytree(played, mine)
    for path in (mine / "inventory").iterdir():
        if path.name != "provincial-centre.yaml":
            path.unlink()
    devices = load(played).inventory.devices.values()
    wanted = [device for device in devices if device.addresses and device.addresses[0].startswith("127.4.1.")]
    simulator = [sys.executable, "-m", "netmon.sim", "--config", played, "--troubles", "none", "--no-mqtt"]
    with running(simulator, ready=lambda: '"ready": true' in log.read_text(), log=log):
        words = ["127.4.1.1-60", "127.4.0.2", "--config", str(mine), "--port", str(wanted[0].port), "--rate", "5000"]
        assert run(*words, "--merge", "--patch", str(tmp_path / "p")) == 0
    subprocess.run([require("patch"), "-p1", "-d", mine, "-i", tmp_path / "p"], check=True, capture_output=True)
    inventory = load(mine).inventory
    placed = {name: inventory.site_of(name).commune for name in inventory.devices if name.endswith("-r1")}
    assert placed == {device.id: device.id.split("-")[1] for device in wanted if device.id != "cb-01273-r1"}, (
        "the commune of the one left out has two sites, so that it is asked about"
    )
    assert "asked about: 1 devices without a site" in capsys.readouterr().err
