"""Secrets come from where they should, and are seen nowhere."""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from netmon.cli import check
from netmon.credential import Secret
from netmon.settings import ConfigErrors, load
from netmon.units import Register
from tests.settings.conftest import INVENTORY, NETMON, TODAY, Write

SECRET = "Ph0Bo-c0mmunity"
FROM_ENV = "!env NETMON_COMMUNITY"


def community(directory: Path, register: Register) -> Secret | None:
    return load(directory, register=register, today=TODAY).credentials["snmp"].community


def problems(directory: Path, register: Register) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        load(directory, register=register, today=TODAY)
    return [str(problem).replace(f"{directory}/", "") for problem in raised.value.problems]


def test_a_secret_comes_from_the_environment(write: Write, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write()
    monkeypatch.setenv("NETMON_COMMUNITY", SECRET)
    assert community(directory, register) == Secret(SECRET)
    monkeypatch.delenv("NETMON_COMMUNITY")
    assert problems(directory, register) == [
        "netmon.yaml:3:36: the environment variable NETMON_COMMUNITY is not set "
        "(export NETMON_COMMUNITY=… before netmon starts)"
    ]


def test_a_secret_of_bytes_that_are_no_text_is_refused(
    write: Write, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write()
    monkeypatch.setitem(os.environb, b"NETMON_COMMUNITY", b"caf\xe9-secret")
    assert problems(directory, register) == ["netmon.yaml:3:36: the environment variable NETMON_COMMUNITY is not UTF-8 text"]


def test_a_secret_comes_from_a_file_beside_the_configuration(write: Write, register: Register) -> None:
    directory = write(NETMON.replace(FROM_ENV, "!file community.txt"))
    (directory / "community.txt").write_text(f"{SECRET}\n")
    assert community(directory, register) == Secret(SECRET)
    (directory / "community.txt").write_text("\n")
    assert problems(directory, register) == ["netmon.yaml:3:36: the file community.txt is empty"]
    (directory / "community.txt").unlink()
    assert problems(directory, register) == [
        "netmon.yaml:3:36: the secret in the file that !file names cannot be read: No such file or directory"
    ]


def test_an_editor_s_byte_order_mark_is_no_part_of_a_secret(write: Write, register: Register) -> None:
    directory = write(NETMON.replace(FROM_ENV, "!file community.txt"))
    (directory / "community.txt").write_bytes(b"\xef\xbb\xbf" + SECRET.encode() + b"\r\n")
    assert community(directory, register) == Secret(SECRET)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{SECRET}\nsecond", "more than one line"), (f"{SECRET}\r\n\r\n", "more than one line"),
        (f"{SECRET}\0", "a control character"), (f"{SECRET}\x7f", "a control character"),
        (f"\ufeff\ufeff{SECRET}", "a control character"), (f"{SECRET}\t", "a control character"),
    ],
)  # fmt: skip
def test_a_secret_is_one_line_that_can_be_typed(write: Write, register: Register, text: str, fault: str) -> None:
    """Whoever wants it, a device, the broker or InfluxDB: none could be given it. The value is not repeated."""
    directory = write(
        NETMON.replace(FROM_ENV, "!file it") + "mqtt: {broker: mqtt://127.0.0.1, user: noc, password: !file it}\n"
        "exporters:\n  influxdb: {url: http://127.0.0.1:8086, org: noc, bucket: netmon, token: !file it}\n"
    )
    (directory / "it").write_bytes(text.encode())
    assert problems(directory, register) == [
        f"netmon.yaml:{place}: the file it holds {fault}" for place in ("3:36", "5:55", "7:75")
    ]


def test_a_variable_of_two_lines_is_refused(write: Write, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write()
    monkeypatch.setenv("NETMON_COMMUNITY", f"{SECRET}\n")
    assert problems(directory, register) == [
        "netmon.yaml:3:36: the environment variable NETMON_COMMUNITY holds more than one line"
    ]


def test_a_secret_comes_from_systemd(
    write: Write, register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write(NETMON.replace(FROM_ENV, "!credential community"))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert problems(directory, register) == [
        "netmon.yaml:3:36: there are no credentials: $CREDENTIALS_DIRECTORY is not set "
        "(systemd sets it when the unit says LoadCredential=NAME:…)"
    ]
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "community").write_text(SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    assert community(directory, register) == Secret(SECRET)
    write(NETMON.replace(FROM_ENV, "!credential ../netmon.yaml"))
    assert problems(directory, register)[0].startswith("netmon.yaml:3:36: a credential is named without a directory")


@pytest.mark.parametrize(
    "written", [SECRET, f"!{SECRET}", f"*{SECRET}", f"&{SECRET}", f"[{SECRET}]", f"'{SECRET}", "12345678"]
)
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(
    write: Write, register: Register, written: str
) -> None:
    """Also where YAML takes a beginning ! for a tag, * for an alias, & for an anchor, or cannot read the file at all."""
    directory = write(NETMON.replace(FROM_ENV, written))
    with pytest.raises(ConfigErrors) as raised:
        load(directory, register=register, today=TODAY)
    said = "".join(traceback.format_exception(raised.value)) + repr(raised.value.problems)
    assert raised.value.problems[0].file.endswith("netmon.yaml")
    assert SECRET not in said
    assert "12345678" not in said


def test_a_secret_is_three_stars_wherever_settings_are_shown(
    write: Write, register: Register, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write()
    monkeypatch.setenv("NETMON_COMMUNITY", SECRET)
    settings = load(directory, register=register, today=TODAY)
    shown = f"{settings} {settings!r} {settings.credentials['snmp'].community:>20}"
    assert SECRET not in shown
    assert "***" in shown
    assert check.run(argparse.Namespace(config=directory)) == 0
    assert SECRET not in "".join(capsys.readouterr())


def test_check_sums_up_a_good_configuration_and_lists_all_faults_of_a_bad_one(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write()
    assert check.run(argparse.Namespace(config=directory)) == 0
    summary = capsys.readouterr().out
    assert "OK" in summary
    assert "04 Tỉnh Cao Bằng" in summary
    assert "snmp (version 2c)" in summary
    assert f"warning: {directory}/targets.yaml:1:1: no targets" in summary
    write(NETMON + "pol: {}\n", INVENTORY.replace("200 Mbit/s", "200 Mbps"))
    assert check.run(argparse.Namespace(config=directory)) == 1
    first, second, count = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{directory}/inventory/a.yaml:20:19: ")
    assert second == f"{directory}/netmon.yaml:5:1: unknown key 'pol' (did you mean poll?)"
    assert count == "2 errors"


def test_the_reload_child_hands_over_what_load_gives(write: Write) -> None:
    """As the daemon starts it: a pickle on stdout, or the problems on stderr and exit 78."""
    directory = write()
    child = [sys.executable, "-m", "netmon.settings", str(directory)]
    done = subprocess.run(child, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert pickle.loads(done.stdout) == load(directory)
    write(NETMON + "pol: {}\n")
    done = subprocess.run(child, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, b"")
    assert done.stderr.decode() == f"{directory}/netmon.yaml:5:1: unknown key 'pol' (did you mean poll?)\n"
