"""`netmon profile`: what there is, what one asks, and a new one on a recording."""

from __future__ import annotations

import json
import re

import pytest
import structlog

from netmon.cli import main
from tests.peers import ROOT

SWITCH = str(ROOT / "tests/recordings/old-switch.snmprec")
GAUGE = """\
sys_object_id: [1.3.6.1.4.1.99999]
extends: generic
scalars:
  - {name: fans, oid: 1.3.6.1.2.1.2.1.0, kind: gauge, valid: [100, 200], family: netmon_rectifiers}
"""


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was():
    yield
    structlog.reset_defaults()


def test_a_profile_of_ones_own_is_tried_on_a_recording(tmp_path, capsys):
    """Each reading with its OID, what is none and why, and what nothing reads."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(GAUGE, "utf-8")
    recording = tmp_path / "box.snmprec"
    recording.write_text(
        (ROOT / "tests/recordings/old-switch.snmprec").read_text("utf-8") + "1.3.6.1.2.1.2.1.0|2|7\n", "utf-8"
    )
    assert main(["profile", "test", str(mine), str(recording)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("mine: the device is given it by name\n")
    assert re.search(r'netmon_interface_up +interface="Ethernet0/1" +1 ', said)
    assert re.search(r"netmon_rectifiers +1\.3\.6\.1\.2\.1\.2\.1\.0 +7 is not within 100 to 200", said)
    assert re.search(r"\d+ readings, \d+ values that are none, \d+ objects that nothing reads", said)


def test_programs_get_json(capsys):
    assert main(["profile", "test", "auto", SWITCH, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["profile"] == "generic"
    assert {"family", "labels", "value", "unit", "oid"} == set(told["readings"][0])
    assert isinstance(told["unread"], dict)


def test_faults_of_a_file_and_of_a_recording_are_told_with_their_places(tmp_path, capsys):
    bad = tmp_path / "bad.yaml"
    bad.write_text("scalars: [{name: a, oid: 1.3.6.1, kind: gauge, scael: 2}]\n", "utf-8")
    assert main(["profile", "test", str(bad), SWITCH]) == 1
    assert f"{bad}:1:55: scael is no key here" in capsys.readouterr().err
    broken = tmp_path / "broken.snmprec"
    broken.write_text("1.3.6.1.2.1.1.1.0|4|x\n1.3.6.1|99|x\n", "utf-8")
    assert main(["profile", "test", "auto", str(broken)]) == 1
    assert "line 2: OID|tag|value is expected" in capsys.readouterr().err


def test_the_profiles_and_what_one_asks_are_shown(capsys):
    assert main(["profile", "list"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^generic +\(any\) +netmon$", listed, re.MULTILINE)
    assert max(map(len, listed.splitlines())) < 120
    assert main(["profile", "show", "mib_ups"]) == 0
    assert "netmon_battery_charge_ratio" in capsys.readouterr().out
    assert main(["profile", "show", "nothing"]) == 1
    assert "no profile nothing" in capsys.readouterr().err
