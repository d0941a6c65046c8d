"""Profiles that extend others: what they inherit, do without, and cannot repeat."""

from __future__ import annotations

import re

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
    assert contents(found, "acme") == ["fans", "alarms", "battery", "line_name", "line_voltage"]
    assert contents(found, "acme_new") == ["fans", "battery", "line_name", "line_voltage"]
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
    assert contents(gathered(acme=with_another), "acme") == ["fans", "alarms", "line_name", "line_voltage"]


FAULTS = {
    "extends: bse": "acme.yaml: extends bse: there is no such profile, only acme, base",
    "extends: acme": "acme.yaml: extends acme: that is a circle",
    "extends: base\nwithout: [fan]": "acme.yaml: extends base: base has no fan to do without",
    "extends: base\nwithout: [line_name]": "acme.yaml: extends base: table lines has no column line_name",
    "extends: base\nscalars: [{name: fans, oid: 1.3.6.9.0, kind: gauge}]": "acme.yaml: extends base: fans is listed twice",
    "extends: base\nscalars: [{name: more, oid: 1.3.6.9.0, kind: gauge, family: netmon_rectifiers}]": (
        "acme.yaml: extends base: netmon_rectifiers is given twice"
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_does_not_fit_together_is_told(text: str):
    with pytest.raises(ProfileError) as caught:
        gathered(acme=f"sys_object_id: []\n{text}")
    assert str(caught.value).startswith(FAULTS[text])


def test_a_longer_circle_is_told_as_well():
    with pytest.raises(ProfileError, match=r"one.yaml: extends two: that is a circle"):
        gathered(two="sys_object_id: []\nextends: one", one="sys_object_id: []\nextends: two")


def test_the_example_of_the_handbook_is_a_profile():
    text = (ROOT / "docs/profiles.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    found = gather([*load().by_name.values(), parse(example, "acme.yaml")])
    assert found.matching("1.3.6.1.4.1.99999.5.1").name == "acme"
    assert [table.name for table in found.named("acme").tables] == ["acme_strings"]
