"""`netmon probe` against a real agent: what goes to which stream, and what a failure says."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator

import pytest
import structlog

from netmon.cli import probe
from tests.peers import Snmpd, free_port

SECRET = "not-to-be-seen"


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    probe.add(parser.add_subparsers())
    args = parser.parse_args(["probe", *words])
    code: int = args.run(args)
    return code


def test_json_is_a_list_of_readings_and_nothing_else(
    snmpd: Callable[..., Snmpd], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    agent = snmpd("sysName peer", community=SECRET)
    monkeypatch.setenv("NETMON_COMMUNITY", SECRET)
    assert run("localhost", "--port", str(agent.port), "--format", "json") == 0
    said = capsys.readouterr()
    readings = json.loads(said.out)
    assert all(set(reading) == {"family", "labels", "value", "unit", "oid"} for reading in readings)
    (loopback,) = [
        reading
        for reading in readings
        if reading["family"] == "netmon_interface_receive_bytes_total" and reading["labels"] == {"interface": "lo"}
    ]
    assert loopback["unit"] == "B"
    assert loopback["oid"].startswith("1.3.6.1.2.1.31.1.1.1.6.")
    assert isinstance(loopback["value"], int)
    assert "1.3.6.1.4.1.8072.3.2." in said.err
    assert "from $NETMON_COMMUNITY" in said.err
    assert SECRET not in said.out + said.err


def test_a_table_names_the_device_and_then_its_values(snmpd: Callable[..., Snmpd], capsys: pytest.CaptureFixture[str]):
    agent = snmpd("sysName peer\nsysLocation Cao Bang")
    assert run("127.0.0.1", "--port", str(agent.port), "--profile", "generic") == 0
    said = capsys.readouterr()
    identity, _, values = said.out.partition("\n\n")
    assert dict(line.split(maxsplit=1) for line in identity.splitlines())["sys_location"] == "Cao Bang"
    assert values.startswith("FAMILY")
    assert "netmon_interface_up" in values
    assert said.err == ""


def test_silence_is_explained_by_what_was_asked(snmpd: Callable[..., Snmpd], capsys: pytest.CaptureFixture[str]):
    agent = snmpd()
    words = ("--port", str(agent.port), "--community", SECRET, "--timeout", "0.1", "--retries", "1")
    assert run("127.0.0.1", *words) == 1
    said = capsys.readouterr()
    asked = rf"asked 127\.0\.0\.1:{agent.port} \(SNMPv2c, community from --community, 2 attempts, \d\.\d s\)"
    assert re.search(rf"{asked} for sysUpTime\.0: nothing came\. Likely: a wrong community", said.err)
    assert said.out == ""
    assert SECRET not in said.err


def test_a_refusal_says_who_refused(capsys: pytest.CaptureFixture[str]):
    assert run("127.0.0.1", "--port", str(free_port())) == 1
    assert "127.0.0.1 sent ICMP port unreachable" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("127.0.0.1", "--profile", "nothing"), "no profile nothing: there are generic"),
        (("nowhere.invalid",), "nowhere.invalid has no address"),
    ],
)
def test_what_cannot_be_asked_is_said(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]):
    assert run(*words) == 1
    assert said in capsys.readouterr().err
