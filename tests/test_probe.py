"""`netmon probe` against a real agent: what goes to which stream, and what a failure says."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator

import pytest
import structlog

from netmon.cli import probe, readings
from netmon.model import At, Reading, Series
from netmon.snmp import oid
from tests.peers import ROOT, Snmpd, free_port

SECRET = "not-to-be-seen"
CONFIG = str(ROOT / "config")


@pytest.fixture(autouse=True)
def _no_community_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETMON_COMMUNITY", raising=False)


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
    assert all(reading["oid"] for reading in readings)
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
    (round_trip,) = [line for line in values.splitlines() if line.startswith("netmon_device_round_trip_seconds")]
    assert round_trip.endswith(" s     -")
    assert said.err == ""


def test_what_a_device_answers_beside_is_listed_when_it_is_asked_for(
    snmpd: Callable[..., Snmpd], capsys: pytest.CaptureFixture[str]
):
    """A real agent walked whole: what its profile reads is not among what nothing reads, and what it does not read is."""
    agent = snmpd("sysName peer")
    assert run("127.0.0.1", "--port", str(agent.port), "--unknown") == 0
    said = capsys.readouterr()
    lines = dict(line.split(maxsplit=1) for line in said.out.partition("\n\n")[0].splitlines() if line.strip())
    assert lines["profile"] == "generic"
    assert "interfaces (" in lines["asked"]
    _, _, unknown = said.out.partition("NOTHING READS")
    assert re.search(r"^1\.3\.6\.1\.2\.1\.2\.2\.1\.4 ", unknown, re.MULTILINE), "ifMtu"
    assert not re.search(r"^1\.3\.6\.1\.2\.1\.2\.2\.1\.8 ", unknown, re.MULTILINE), "ifOperStatus"
    assert re.search(r"walking 1\.3\.6\.1: \d+ objects", said.err)


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
    said = capsys.readouterr().err
    assert "127.0.0.1 sent ICMP port unreachable" in said
    assert "Nothing listens on that UDP port" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("127.0.0.1", "--profile", "nothing"), "no profile nothing: there are"),
        (("nowhere.invalid",), "nowhere.invalid has no address"),
        (("cb-core-l", "--config", CONFIG), "cb-core-l is no device of {CONFIG} and has no address: "),
        (("cb-core-l", "--config", CONFIG), "(did you mean cb-core-1?)"),
        (("cb-bts-01273-2-ctl", "--config", CONFIG), "cb-bts-01273-2-ctl reports by itself, over MQTT: it is never asked"),
        (("h", "--config", CONFIG, "--credential", "snmpp"), "{CONFIG} has no credential 'snmpp' (did you mean snmp?)"),
        (("h", "--config", CONFIG, "--credential", "snmp", "-u", "noc"), "--credential snmp says how to ask; -v, -c, -u"),
        (("h", "--config", "/nowhere"), "the configuration has errors; nothing was asked"),
    ],
)
def test_what_cannot_be_asked_is_said(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for name in ("SNMP_AUTH", "SNMP_PRIV", "MQTT_PASSWORD"):
        monkeypatch.setenv(f"NETMON_{name}", "n3tm0n-n3tm0n")
    assert run(*words) == 1
    assert said.format(CONFIG=CONFIG) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("h", "--port", "abc"), "argument --port: 'abc' is not a whole number from 1 to 65535"),
        (("h", "--port", "65536"), "argument --port: '65536' is not a whole number from 1 to 65535"),
        (("h", "--retries", "x"), "argument -r/--retries: 'x' is not a whole number from 0 to 100"),
        (("h", "--timeout", "soon"), "argument -t/--timeout: 'soon' is not a number of seconds above 0 and up to 60"),
        (("h", "--timeout", "nan"), "argument -t/--timeout: 'nan' is not a number of seconds"),
        (("h", "--version", "2"), "argument -v/--version: '2' is not a version"),
        (("h", "--also-from", "router"), "argument --also-from: 'router' is not an IP address"),
        (("",), "argument HOST: it is empty"),
        ((" ",), "argument HOST: it is empty"),
        (("127.0.0.1:161",), "'127.0.0.1:161' has a port in it; write 127.0.0.1 --port 161"),
        (("[::1]:1161",), "write ::1 --port 1161"),
    ],
)
def test_a_wrong_argument_is_told_in_words(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        run(*words)
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_an_address_of_ipv6_is_not_taken_for_a_host_and_a_port():
    assert [probe._host(text) for text in ("::1", "fe80::1", " router ")] == ["::1", "fe80::1", "router"]


ROWS = (("ge-0/0/1", "1.3.6.1.2.1.31.1.1.1.6.1000001"), ("Nhà văn hoá xã " * 12, "1.3.6.1.2.1.31.1.1.1.6.2"))
READINGS = [
    Reading(
        Series(family, (("device", ""), ("vendor", "acme"), ("interface", name)), oid=oid.encode(dotted)),
        2**64 - 1,
        At(0.0, 0.0),
    )
    for family in ("netmon_interface_receive_bytes_total", "netmon_interface_transmit_errors_total")
    for name, dotted in ROWS
]


@pytest.mark.parametrize("columns", [60, 80, 132])
def test_a_table_fits_the_terminal_and_loses_nothing(columns: int):
    """Long cells go on in the next line; put together again they are whole."""
    wide, narrow = readings.as_table(READINGS, None), readings.as_table(READINGS, columns)
    assert max(map(len, wide.splitlines())) > 200
    assert max(map(len, narrow.splitlines())) <= columns
    assert sorted("".join(narrow.split())) == sorted("".join(wide.split()))
    assert narrow.count("18446744073709551615") == len(READINGS)


def test_a_label_that_all_rows_share_is_left_out():
    table = readings.as_table(READINGS, None)
    assert 'interface="ge-0/0/1"' in table
    assert "acme" not in table
    assert "acme" in readings.as_table(READINGS[:1], None)
