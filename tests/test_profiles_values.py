"""Profiles at work on recorded devices: how values, names and ports are found, and what is no reading."""

from __future__ import annotations

from fractions import Fraction
from math import isclose, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import profiles
from netmon.catalogue import DEVICE
from netmon.credential import Credential, Secret
from netmon.model import Device, Outcome
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import gather, parse, trial
from netmon.profiles.convert import converter, explainer
from netmon.profiles.measures import MEASURES
from netmon.profiles.sources import Source
from netmon.snmp import oid
from netmon.snmp.recording import Recording

ANY = parse('sys_object_id: [""]', "any.yaml")
SYSTEM = "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n"


async def polled(recording: str, *texts: str, fixed: str | None = None) -> SnmpPoller:
    """A poller that has discovered and read a recorded device by these profiles, the first of which fits it."""
    own = [parse(text, f"own{n}.yaml") for n, text in enumerate(texts)]
    poller = SnmpPoller(
        Recording.parse(SYSTEM + recording),
        Device(id="d", site="", addresses=("192.0.2.1",), profile=fixed),
        (),
        Credential(name="c", version="2c", community=Secret("public")),
        gather([ANY, *own]),
    )
    poll = await poller.poll()
    assert poll.outcome is Outcome.ANSWERED, poll.detail
    return poller


async def read(recording: str, *texts: str) -> dict[tuple[str, str], float]:
    """Readings by family (without netmon_) and the device's own labels."""
    poller = await polled(recording, *texts)
    poll = await poller.poll()
    assert not poll.incomplete, poll.detail
    return {
        (one.series.family.removeprefix("netmon_"), " ".join(value for _, value in one.series.labels)): one.value
        for one in poll.readings
        if one.series.oid and not one.series.family.startswith(("netmon_device_", "netmon_neighbour"))
    }


HEAD = "sys_object_id: [1.3.6.1.4.1.99999]\n"


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "family", "raw", "value"),
    [
        ("scale: 0.1", "netmon_battery_voltage_volts", 535, 53.5),
        ("scale: 0.01, offset: -100", "netmon_optic_receive_power_dbm", 7532, -24.68),
        ("scale: 0.002, offset: -30, signed: 16, invalid: [65535]", "netmon_optic_receive_power_dbm", 65036, -31.0),
        ("signed: 32", "netmon_temperature_celsius", 2**32 - 7, -7),
        ("unit: uW", "netmon_optic_receive_power_dbm", 536, 10 * log10(0.536)),
        ("unit: uW, scale: 0.1", "netmon_optic_receive_power_dbm", 1400, 10 * log10(0.14)),
        ("unit: '°F'", "netmon_temperature_celsius", 77, 25),
        ("unit: K, scale: 0.1", "netmon_temperature_celsius", 2982, 25.05),
        ("unit: min", "netmon_battery_remaining_seconds", 90, 5400),
        ("unit: '%', scale: -1, offset: 100", "netmon_processor_load_ratio", 77, 0.23),
        ("unit: Mbit/s", "netmon_radio_capacity_bytes_per_second", 250, 31_250_000),
        ("from_text: true", "netmon_cellular_rsrp_dbm", b"-105 dBm", -105),
        ("from_text: true", "netmon_cellular_rsrp_dbm", -105, -105),
        ("from_text: true, unit: ms", "netmon_path_round_trip_seconds", b"12.5", 0.0125),
        ("from_text: true, extract: 'load ([0-9]+)'", "netmon_rectifiers", b"7 fans, load 42", 42),
        ("map: {'registered (home)': 1, 'Searching': 0}", "netmon_cellular_registered", b"Registered (home)", 1),
        ("map: {1: 1}, otherwise: 0", "netmon_door_open", 3, 0),
        ("from_text: true", "netmon_cellular_rsrp_dbm", "\u221271 dBm".encode(), -71),
        ("from_text: true", "netmon_cellular_rsrp_dbm", b"- 12.5 dBm", -12.5),
        ("from_text: true", "netmon_voltage_volts", b"5,5 V", 5.5),
        ("from_text: true", "netmon_voltage_volts", b"-.5", -0.5),
        ("signed: 32", "netmon_temperature_celsius", 2**32 - 1, -1),
    ],
)
def test_a_value_becomes_its_familys_unit(words: str, family: str, raw: int | bytes, value: float):
    source = parse(f"tables: [{{name: t, columns: [{{name: a, oid: 1.3.6, kind: gauge, {words}}}]}}]", "a.yaml").tables[0]
    convert = converter(source.columns[0], family)
    assert convert is not None
    found = convert(raw)
    assert found is not None
    assert isclose(found, value, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("words", "family", "raw", "why"),
    [
        ("invalid: [-1]", "netmon_rectifiers", -1, "-1 is an invalid marker"),
        ("scale: 60", "netmon_battery_remaining_seconds", 2**32 - 1, "4294967295 is an invalid marker"),
        ("valid: [0, 100]", "netmon_rectifiers", 255, "255 is not within 0 to 100"),
        ("unit: uW", "netmon_optic_receive_power_dbm", 0, "0 is no light"),
        ("scale: 1", "netmon_temperature_celsius", 65535, "65535 is not plausible"),
        ("from_text: true", "netmon_cellular_rsrp_dbm", b"N/A", "'N/A' holds no number"),
        ("map: {1: 1}", "netmon_door_open", 2, "2 is not in the map"),
        ("map: {1: 1}, otherwise: 0", "netmon_door_open", 2**31 - 1, "2147483647 is an invalid marker"),
        ("map: {1: 1}, otherwise: 0, invalid: [-1]", "netmon_door_open", -1, "-1 is an invalid marker"),
        ("signed: 16", "netmon_current_amperes", 2**32 - 1, "4294967295 is an invalid marker"),
        ("signed: 16", "netmon_current_amperes", 70_000, "70000 is no number of 16 bits"),
        ("signed: 32", "netmon_current_amperes", 2**31 - 1, "2147483647 is an invalid marker"),
        ("from_text: true", "netmon_voltage_volts", b"1,234", "'1,234' holds no number"),
        ("from_text: true", "netmon_voltage_volts", b"1.2.3", "'1.2.3' holds no number"),
        ("from_text: true", "netmon_voltage_volts", b"1e999", "'1e999' holds no number"),
        ("scale: 10", "netmon_voltage_volts", float("inf"), "inf is no number"),
        ("scale: 10", "netmon_voltage_volts", 1.7e308, "1.7e+308 is no number"),
    ],
)
def test_what_cannot_be_trusted_is_absent_with_a_reason(words: str, family: str, raw: int | bytes, why: str):
    table = parse(f"tables: [{{name: t, columns: [{{name: a, oid: 1.3.6, kind: gauge, {words}}}]}}]", "a.yaml").tables[0]
    convert = converter(table.columns[0], family)
    assert convert is not None
    assert convert(raw) is None
    assert explainer(table.columns[0], family)(raw) == (None, why)


@given(
    st.integers(-(2**31), 2**32 - 1),
    st.sampled_from([1, 0.1, 0.01, 0.001, 2, 60, 125_000, 0.002, -1]),
    st.sampled_from([0, -30, 100, 273.15]),
    st.sampled_from([(family, unit) for family in ("netmon_temperature_celsius", "netmon_voltage_volts", "netmon_door_open")
                     for unit in ("", *MEASURES[DEVICE[family].unit])]),
    st.none() | st.tuples(st.integers(-999, 0), st.integers(1, 70_000)),
)  # fmt: skip
def test_the_quick_way_says_what_the_exact_one_does(raw, scale, offset, family_unit, valid):
    family, unit = family_unit
    source = Source(oid="1.3", kind="gauge", scale=scale, offset=offset, unit=unit, valid=valid)
    quick = converter(source, family, Fraction(3))
    assert quick is not None
    exact, _ = explainer(source, family, Fraction(3))(raw)
    found = quick(raw)
    assert (found is None) == (exact is None)
    assert found is None or isclose(found, exact, rel_tol=1e-12, abs_tol=1e-12)


# --- sensors with a type, a scale and a precision ---------------------------------------------------------------------


SENSORS = """\
1.3.6.1.2.1.47.1.1.1.1.7.11|4|Inlet
1.3.6.1.2.1.47.1.1.1.1.7.12|4|Supply
1.3.6.1.2.1.47.1.1.1.1.7.13|4|Fan
1.3.6.1.2.1.47.1.1.1.1.7.14|4|Broken
1.3.6.1.2.1.99.1.1.1.1.11|2|8
1.3.6.1.2.1.99.1.1.1.1.12|2|4
1.3.6.1.2.1.99.1.1.1.1.13|2|10
1.3.6.1.2.1.99.1.1.1.1.14|2|8
1.3.6.1.2.1.99.1.1.1.2.11|2|9
1.3.6.1.2.1.99.1.1.1.2.12|2|8
1.3.6.1.2.1.99.1.1.1.2.13|2|9
1.3.6.1.2.1.99.1.1.1.2.14|2|9
1.3.6.1.2.1.99.1.1.1.3.11|2|1
1.3.6.1.2.1.99.1.1.1.3.12|2|0
1.3.6.1.2.1.99.1.1.1.3.13|2|0
1.3.6.1.2.1.99.1.1.1.3.14|2|0
1.3.6.1.2.1.99.1.1.1.4.11|2|253
1.3.6.1.2.1.99.1.1.1.4.12|2|53470
1.3.6.1.2.1.99.1.1.1.4.13|2|4200
1.3.6.1.2.1.99.1.1.1.4.14|2|0
1.3.6.1.2.1.99.1.1.1.5.11|2|1
1.3.6.1.2.1.99.1.1.1.5.12|2|1
1.3.6.1.2.1.99.1.1.1.5.13|2|1
1.3.6.1.2.1.99.1.1.1.5.14|2|3
"""


async def test_a_sensor_is_what_its_type_says_in_its_scale_and_precision_while_it_works():
    generic = Recording.parse(SYSTEM + SENSORS)
    poller = SnmpPoller(
        generic,
        Device(id="d", site="", addresses=("192.0.2.1",)),
        (),
        Credential(name="c", version="2c", community=Secret("public")),
        profiles.load(),
    )
    await poller.poll()
    found = {
        (one.series.family, one.series.label("sensor")): one.value
        for one in (await poller.poll()).readings
        if one.series.label("sensor")
    }
    assert found == {
        ("netmon_temperature_celsius", "Inlet"): 25.3,
        ("netmon_voltage_volts", "Supply"): 53.47,
        ("netmon_fan_speed_rpm", "Fan"): 4200,
    }
    lost = list(trial.absent(profiles.load().named("generic"), poller.rows, {one.oid: one for one in generic.objects}))
    assert [(one.sensor, one.reason) for one in lost] == [("Broken", "ent_phy_sensor_oper_status is 3")]


# --- names and ports from other tables --------------------------------------------------------------------------------


OPTICS = (
    HEAD
    + """\
tables:
  - name: optics
    label: sensor
    interface: port
    identity: [part]
    columns:
      - {name: part, oid: 1.3.6.1.2.1.47.1.1.1.1.7, kind: text}
      - {name: rx, oid: 1.3.6.1.4.1.99999.5.1.8, kind: gauge, scale: 0.01, family: netmon_optic_receive_power_dbm}
    words:
      - name: port
        lookup:
          - {oid: 1.3.6.1.2.1.47.1.3.2.1.2, suffix: [0], climb: 1.3.6.1.2.1.47.1.1.1.1.4}
          - {oid: 1.3.6.1.2.1.31.1.1.1.1}
"""
)


async def test_an_optic_finds_its_port_through_what_it_is_contained_in():
    """entAliasMapping of the port that holds the module that holds the sensor points to an ifIndex."""
    recording = """\
1.3.6.1.2.1.31.1.1.1.1.7|4|ge-0/0/1
1.3.6.1.2.1.47.1.1.1.1.4.100|2|0
1.3.6.1.2.1.47.1.1.1.1.4.101|2|100
1.3.6.1.2.1.47.1.1.1.1.4.102|2|101
1.3.6.1.2.1.47.1.1.1.1.4.103|2|103
1.3.6.1.2.1.47.1.1.1.1.7.100|4|port 1
1.3.6.1.2.1.47.1.1.1.1.7.101|4|module
1.3.6.1.2.1.47.1.1.1.1.7.102|4|Rx sensor
1.3.6.1.2.1.47.1.1.1.1.7.103|4|Strange sensor
1.3.6.1.2.1.47.1.3.2.1.2.100.0|6|1.3.6.1.2.1.2.2.1.1.7
1.3.6.1.4.1.99999.5.1.8.102|2|-849
1.3.6.1.4.1.99999.5.1.8.103|2|-900
"""
    assert await read(recording, OPTICS) == {
        ("optic_receive_power_dbm", "ge-0/0/1 Rx sensor"): -8.49,
        ("optic_receive_power_dbm", " Strange sensor"): -9,  # a circle of containers leads nowhere
    }


async def test_a_part_of_the_index_names_the_port_and_words_are_put_together():
    onus = (
        HEAD
        + """\
tables:
  - name: onus
    label: sensor
    interface: pon
    identity: [onu]
    columns: [{name: rx, oid: 1.3.6.1.4.1.99999.6.1.4, kind: gauge, scale: 0.01, family: netmon_onu_receive_power_dbm}]
    words:
      - {name: pon, index: [0, 1], lookup: [{oid: 1.3.6.1.2.1.31.1.1.1.1}]}
      - {name: number, index: [1, 2]}
      - {name: onu, format: "{pon}:{number}"}
"""
    )
    recording = """\
1.3.6.1.2.1.31.1.1.1.1.4194304000|4|GPON 0/0/0
1.3.6.1.4.1.99999.6.1.4.4194304000.5|2|-2134
1.3.6.1.4.1.99999.6.1.4.4194304000.6|2|2147483647
1.3.6.1.4.1.99999.6.1.4.4194304256.5|2|-1900
"""
    assert await read(recording, onus) == {
        ("onu_receive_power_dbm", "GPON 0/0/0 GPON 0/0/0:5"): -21.34,
        ("onu_receive_power_dbm", " 4194304256.5"): -19,
    }


# --- what a row is, and which rows there are --------------------------------------------------------------------------


ONUS = (
    HEAD
    + """\
tables:
  - name: onus
    label: sensor
    identity: [onu]
    columns:
      - {name: rx, oid: 1.3.6.1.4.1.99999.6.1.4, kind: gauge, scale: 0.01, guard: GUARD, family: netmon_voltage_volts}
      - {name: state, oid: 1.3.6.1.4.1.99999.6.1.5, kind: gauge}
    words:
      - {name: pon, index: [0, 1], lookup: [{oid: 1.3.6.1.2.1.31.1.1.1.1}]}
      - {name: number, index: [1, 2]}
      - {name: onu, format: "{pon}:{number}"}
"""
)


async def test_a_row_that_is_named_by_another_table_is_another_row_when_that_says_so():
    """The port's name is asked with the value: after a change of cards its ONU is another one."""
    recording = """\
1.3.6.1.2.1.31.1.1.1.1.7|4|pon-1
1.3.6.1.4.1.99999.6.1.4.7.5|2|1200
1.3.6.1.4.1.99999.6.1.5.7.5|2|1
"""
    profile = ONUS.replace("GUARD", "{column: state, is: [1]}")
    poller = await polled(recording, profile)
    (row,) = [row for row in poller.rows if row.table]
    assert row.key == (oid.encode("1.3.6.1.2.1.31.1.1.1.1.7"), b"pon-1")
    changed = Recording.parse(SYSTEM + recording.replace("pon-1", "pon-2"))
    poller._agent.client = changed
    again = await poller.poll()
    assert [one.series.label("sensor") for one in again.readings if one.series.label("sensor")] == ["pon-2:5"]


@pytest.mark.parametrize(
    ("guard", "state", "told"),
    [
        ("{column: state, is: [1]}", "|2|1", {"pon:5"}),
        ("{column: state, is: [1]}", "|2|2", set()),
        ("{column: state, is: [1]}", None, set()),
        ("{column: state, is: [1], optional: true}", None, {"pon:5"}),
        ("{column: state, is: [1], optional: true}", "|2|3", set()),
    ],
)
async def test_what_guards_a_value_has_to_be_told_unless_it_is_optional(guard: str, state: str | None, told: set[str]):
    recording = "1.3.6.1.2.1.31.1.1.1.1.7|4|pon\n1.3.6.1.4.1.99999.6.1.4.7.5|2|1200\n"
    recording += f"1.3.6.1.4.1.99999.6.1.5.7.5{state}\n" if state else ""
    found = await read(recording, ONUS.replace("GUARD", guard))
    assert {name for _, name in found} == told


async def test_a_rows_own_words_decide_what_its_number_is():
    gauges = (
        HEAD
        + """\
tables:
  - name: gauges
    label: sensor
    identity: [name]
    columns:
      - {name: name, oid: 1.3.6.1.4.1.99999.7.1.2, kind: text}
      - {name: unit, oid: 1.3.6.1.4.1.99999.7.1.4, kind: gauge}
      - name: celsius
        oid: 1.3.6.1.4.1.99999.7.1.3
        kind: gauge
        when: [{column: unit, is: [1]}]
        family: netmon_temperature_celsius
      - name: volts
        oid: 1.3.6.1.4.1.99999.7.1.3
        kind: gauge
        scale: 0.1
        when: [{column: unit, is: [3]}, {column: name, not: [reference]}]
        family: netmon_voltage_volts
      - name: load
        oid: 1.3.6.1.4.1.99999.7.1.3
        kind: gauge
        unit: "%"
        when: [{column: name, matches: "^load"}, {not_sys_object_id: [1.3.6.1.4.1.99999.2]}]
        family: netmon_power_load_ratio
"""
    )
    recording = "".join(
        f"1.3.6.1.4.1.99999.7.1.2.{n}|4|{name}\n1.3.6.1.4.1.99999.7.1.3.{n}|2|{value}\n1.3.6.1.4.1.99999.7.1.4.{n}|2|{unit}\n"
        for n, (name, value, unit) in enumerate(
            [("board", 41, 1), ("input", 538, 3), ("reference", 25, 3), ("load 1", 40, 9), ("other", 1, 9)], 1
        )
    )
    assert await read(recording, gauges) == {
        ("temperature_celsius", "board"): 41,
        ("voltage_volts", "input"): 53.8,
        ("power_load_ratio", "load 1"): 0.4,
    }


async def test_of_two_tables_that_tell_of_one_part_the_first_speaks():
    two = (
        HEAD
        + """\
tables:
  - name: ours
    label: sensor
    identity: [name]
    columns:
      - {name: name, oid: 1.3.6.1.4.1.99999.7.1.2, kind: text}
      - {name: heat, oid: 1.3.6.1.4.1.99999.7.1.3, kind: gauge, family: netmon_temperature_celsius}
  - name: theirs
    label: sensor
    identity: [label]
    columns:
      - {name: label, oid: 1.3.6.1.4.1.99999.8.1.2, kind: text}
      - {name: warmth, oid: 1.3.6.1.4.1.99999.8.1.3, kind: gauge, scale: 0.1, family: netmon_temperature_celsius}
"""
    )
    recording = """\
1.3.6.1.4.1.99999.7.1.2.1|4|board
1.3.6.1.4.1.99999.7.1.3.1|2|41
1.3.6.1.4.1.99999.8.1.2.9|4|board
1.3.6.1.4.1.99999.8.1.2.10|4|fan tray
1.3.6.1.4.1.99999.8.1.3.9|2|407
1.3.6.1.4.1.99999.8.1.3.10|2|300
"""
    assert await read(recording, two) == {("temperature_celsius", "board"): 41, ("temperature_celsius", "fan tray"): 30}
    poller = await polled(recording, two)
    values = {one.oid: one for one in Recording.parse(recording).objects}
    (lost,) = trial.absent(parse(two, "two.yaml"), poller.rows, values)
    assert (lost.oid, lost.reason) == ("1.3.6.1.4.1.99999.8.1.3.9", "another table tells it already")
