"""Profiles that extend others: what they inherit, do without, and cannot repeat."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netmon.profiles import ProfileError, Profiles, gather, load, parse
from tests.peers import ROOT

BASE = """\
sys_object_id: [""]
scalars:
  - {name: fans, oid: 1.3.6.1.0, kind: gauge, family: netmon_rectifiers}
  - {name: alarms, oid: 1.3.6.2.0, kind: gauge, family: netmon_power_alarms}
tables:
  - name: lines
    label: sensor
    identity: [line_name]
    columns:
      - {name: line_name, oid: 1.3.6.3.1, kind: text}
      - {name: line_voltage, oid: 1.3.6.3.2, kind: gauge, family: netmon_mains_voltage_volts}
"""
BATTERY = "scalars: [{name: battery, oid: 1.3.6.4.0, kind: gauge, family: netmon_battery_low}]"


def gathered(**texts: str) -> Profiles:
    return gather(parse(text, f"{name}.yaml") for name, text in {"base": BASE, **texts}.items())


def contents(profiles: Profiles, name: str) -> list[str]:
    profile = profiles.named(name)
    return [column.name for column in (*profile.scalars, *(c for table in profile.tables for c in table.columns))]


def test_a_profile_has_what_it_extends_and_its_own_whatever_their_order():
    found = gathered(
        acme_new="sys_object_id: [1.3.7.1]\nextends: acme\nwithout: [alarms]",
        acme=f"sys_object_id: [1.3.7]\nextends: base\n{BATTERY}",
    )
    assert contents(found, "acme") == ["battery", "fans", "alarms", "line_name", "line_voltage"]
    assert contents(found, "acme_new") == ["battery", "fans", "line_name", "line_voltage"]
    assert contents(found, "base") == ["fans", "alarms", "line_name", "line_voltage"]
    assert found.matching("1.3.7.1.5").name == "acme_new"
    assert found.matching("1.3.9").name == "base", "what is matched is not inherited"
    assert found.named("acme").tables[0] is found.named("base").tables[0]


def test_a_profile_does_without_scalars_columns_and_whole_tables():
    assert contents(gathered(acme="sys_object_id: []\nextends: base\nwithout: [lines, fans]"), "acme") == ["alarms"]
    with_another = """\
sys_object_id: []
extends: base
without: [line_voltage]
tables:
  - name: acme_lines
    label: sensor
    identity: []
    columns: [{name: line_voltage, oid: 1.3.6.3.2, kind: gauge, scale: 0.1, family: netmon_mains_voltage_volts}]
"""
    assert contents(gathered(acme=with_another), "acme") == ["fans", "alarms", "line_voltage", "line_name"]


def test_what_a_profile_says_itself_stands_in_the_place_of_what_it_inherits():
    """By its name, or as a scalar of the same family: a site corrects one value of a profile that netmon brings."""
    found = gathered(
        acme="""\
extends: base
scalars:
  - {name: fans, oid: 1.3.6.9.0, kind: gauge, family: netmon_battery_low}
  - {name: others, oid: 1.3.6.10.0, kind: gauge, family: netmon_power_alarms}
tables:
  - {name: lines, label: sensor, columns: [{name: volts, oid: 1.3.6.3.9, kind: gauge, family: netmon_mains_voltage_volts}]}
"""
    )
    assert contents(found, "acme") == ["fans", "others", "volts"]


def test_a_profile_may_extend_several():
    found = gathered(battery=BATTERY, acme="extends: [base, battery]\nwithout: [lines]")
    assert contents(found, "acme") == ["fans", "alarms", "battery"]


FAULTS = {
    "extends: bse": "acme.yaml: extends bse: there is no such profile, only acme, base",
    "extends: acme": "acme.yaml: extends acme: that is a circle",
    "extends: base\nwithout: [fan]": "acme.yaml: extends base: base has no fan to do without",
    "extends: base\nwithout: [line_name]": "acme.yaml: extends base: table lines has no column line_name",
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_does_not_fit_together_is_told(text: str):
    with pytest.raises(ProfileError) as caught:
        gathered(acme=f"sys_object_id: []\n{text}")
    assert str(caught.value).startswith(FAULTS[text])


def test_a_longer_circle_is_told_as_well():
    with pytest.raises(ProfileError, match=r"one.yaml: extends two: that is a circle"):
        gathered(two="sys_object_id: []\nextends: one", one="sys_object_id: []\nextends: two")


def test_the_examples_of_the_handbook_are_profiles():
    text = (ROOT / "docs/profiles.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 2
    known = load()
    for n, example in enumerate(examples):
        gather([*known.by_name.values(), parse(example, f"example_{n}.yaml")], frozenset({f"example_{n}"}))


def test_the_handbook_names_every_profile_that_netmon_brings():
    text = (ROOT / "docs/profiles.md").read_text("utf-8")
    assert [name for name in load().by_name if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("sys_object_id: []\nextends: nothing", "2:10: extends nothing: there is no such profile"),
        ("extends:\n  - generic\n  - acme", "3:5: extends acme: that is a circle"),
        ("extends: generic\nwithout: [sys_name, rain]", "2:21: extends generic: generic has no rain to do without"),
        ("sys_object_id: [1.3.6, 1.3.7.1]", "1:24: acme and aaa both claim sysObjectID '1.3.7.1'"),
    ],
)
def test_what_is_wrong_between_profiles_is_told_with_its_file_and_place(tmp_path: Path, text: str, fault: str):
    (tmp_path / "aaa.yaml").write_text("sys_object_id: [1.3.7.1]\nextends: generic")
    (tmp_path / "acme.yaml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'acme.yaml'}:{fault}")
