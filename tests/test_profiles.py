"""Profiles: what a file may say, which one a device gets, and the plan that is made of it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import profiles
from netmon.model import At, Kind, Series
from netmon.profiles import ProfileError, Row, Taken, compile_plan, gather, parse, rows_of, scalars_of
from netmon.profiles.convert import converter
from netmon.profiles.sources import Source
from netmon.snmp import Tag, Value, VarBind, oid

GENERIC = profiles.load().named("generic")
INTERFACES = GENERIC.tables[0]
LABELS = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))


def varbind(name: bytes, tag: int, value: int | bytes | None) -> VarBind:
    return VarBind(name, tag, value)


def walked(rows: Mapping[int, Mapping[str, int | str]]) -> dict[bytes, dict[bytes, VarBind]]:
    """What a walk of the interface table finds: by index, the values of columns by name."""
    found: dict[bytes, dict[bytes, VarBind]] = {column.octets: {} for column in INTERFACES.columns}
    for index, values in rows.items():
        suffix = oid.encode_arcs((index,))
        for name, value in values.items():
            column = INTERFACES.column(name).octets
            raw = value.encode() if isinstance(value, str) else value
            found[column][suffix] = varbind(
                column + suffix, Tag.OCTET_STRING if isinstance(value, str) else Tag.GAUGE32, raw
            )
    return found


def interface(name: str, **more: int | str) -> dict[str, int | str]:
    columns = ("if_oper_status", "if_hc_in_octets", "if_hc_out_octets", "if_in_errors", "if_counter_discontinuity_time")
    return {"if_name": name, **dict.fromkeys(columns, 1), **more}


def plan_of(rows: tuple[Row, ...], known: Mapping[Series, Series] | None = None, varbinds: int = 24) -> profiles.Plan:
    texts = {"address": "192.0.2.1", "profile": "generic"}
    return compile_plan(GENERIC, rows, LABELS, texts=texts, known=known or {}, varbinds=varbinds)


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_profiles_that_netmon_brings_are_good_and_fit_every_device():
    brought = profiles.load()
    assert {file.name for file in files("netmon.profiles").iterdir() if file.name.endswith(".yaml")} == {
        f"{name}.yaml" for name in brought.by_name
    }
    assert brought.matching("").name == "generic"
    assert brought.matching("1.3.6.1.4.1.99999.7").name == "generic"
    for profile in brought.by_name.values():
        if profile.name.startswith("mib_"):
            assert not profile.sys_object_id, "a standard MIB is a part of profiles"
            continue
        assert "interfaces" in {table.name for table in profile.tables}, f"{profile.name} lacks the ports of its devices"


def test_the_longest_prefix_wins_by_whole_sub_identifiers():
    chosen = gather(
        parse(f"sys_object_id: [{prefix}]", f"{name}.yaml")
        for name, prefix in [("any", '""'), ("huawei", "1.3.6.1.4.1.2011"), ("smu", "1.3.6.1.4.1.2011.6.164")]
    )
    expected = {
        "1.3.6.1.4.1.2011.2.224.1": "huawei",
        "1.3.6.1.4.1.2011": "huawei",
        "1.3.6.1.4.1.2011.6.164.1.2": "smu",
        "1.3.6.1.4.1.20110.6": "any",
        "1.3.6.1.4.1.201": "any",
    }
    assert {name: chosen.matching(name).name for name in expected} == expected


def test_two_profiles_cannot_claim_the_same_devices():
    two = [parse('sys_object_id: ["", 1.3.6]', "one.yaml"), parse("sys_object_id: [1.3.6]", "two.yaml")]
    with pytest.raises(ProfileError, match=r"two and one both claim sysObjectID '1\.3\.6'"):
        gather(two)
    with pytest.raises(ProfileError, match="matches every device"):
        gather(two[1:])


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(ProfileError, match=r"no profile nothing: there are .*generic"):
        profiles.load().named("nothing")


FAULTS = {
    "scalars: [{name: a, oid: 1.x, kind: gauge}]": "2:26: '1.x' is no OID",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, family: netmon_rain}]": "2:54: the catalogue has no family netmon_rain",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, scael: 2}]": "2:53: scael is no key here",
    "scalars: [{name: a, kind: gauge}]": "2:11: oid is missing",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, scale: '2'}]": "2:53: ",
    "scalars: [{name: a, oid: 1.3.6, oid: 1.3.7, kind: gauge}]": "2:33: oid stands twice",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, family: netmon_interface_up}]": "2:10: netmon_interface_up has",
    "scalars: [{name: a, oid: 1.3.6, kind: text, info: netmon_interface_info}]": "2:10: netmon_interface_info has",
    "scalars: [{name: a, oid: 1.3.6, kind: counter32, family: netmon_device_uptime_seconds}]": "2:11: netmon_device_uptime",
    "scalars: [{name: a, oid: 1.3.6, kind: counter32, scale: 8}]": "2:11: scale, offset, unit, signed, map",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, map: {1: 1}, valid: [1, 2]}]": "2:11: a map gives the numbers",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, valid: [2, 1]}]": "2:11: valid is the lowest and the highest",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, valid: [2]}]": "2:53: number 2 of valid is missing",
    "scalars: [{name: a, oid: 1.3.6, kind: text, names: {a: b}}]": "2:11: names are for the label of an info family",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, sensor: b}]": "2:11: sensor is for a column with a family",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, sensor: b, family: netmon_rectifiers}]": "2:10: netmon_rectifiers has",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, scale_by: b, family: netmon_rectifiers}]": "1:1: a: scale_by, guard",
    "without: [a]": "1:1: without leaves out what is inherited",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, otherwise: 0}]": "2:11: otherwise is for what a map leaves out",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, fallback: {oid: 1.3.7, kind: gauge}}]": "2:11: fallback is for a text",
    "scalars: [{name: a, oid: 1.3.6, kind: text}, {name: a, oid: 1.3.7, kind: text}]": "2:10: a is listed twice",
    "tables: [{name: t, label: interface, identity: [b], columns: [{name: a, oid: 1.3.6, kind: text}]}]": "2:10: table t ",
    "tables: [{name: t, label: x, identity: [a], columns: [{name: a, oid: 1.3.6, kind: gauge}]}]": "2:10: a is read",
    "tables: }": "2:9: ",
    "name: generic": "2:7: name is no key here: a profile is named after its file",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, scale: .inf}]": "2:53: ",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, valid: [0, .nan]}]": "2:57: ",
    "scalars: [{name: a, oid: 1.3.6, kind: gauge, map: {1: -.inf}}]": "2:55: ",
    "tables: [{name: t, label: x, alone: true, columns: [{name: a, oid: 1.3.6, kind: text}]}]": "2:10: table t has a label",
    "words: 2026-13-45": "2:8: is not what it looks like",
    "words: 0x_": "2:8: is not what it looks like",
    f"words: 1{'0' * 5000}": "2:8: is not what it looks like",
    "requests_in_flight: !!int abc": "2:21: is not what it looks like",
    "words: !!map [1]": "2:8: is no mapping",
    "? [a, b]\n: 1": "2:3: a key is one word",
    "words: \x07": "2:8: '\\x07' is no character of a text",
    "words: " + "[" * 200_000: "2:57: more than 50 levels",
    "words: " + "x" * 1_000_000: "1:1: a profile has 1,000,000 characters at most",
}


@pytest.mark.parametrize("text", FAULTS, ids=lambda text: text[:90])
def test_a_fault_is_told_with_its_file_and_place(text: str):
    with pytest.raises(ProfileError) as caught:
        parse(f'sys_object_id: [""]\n{text}\n', "odd.yaml")
    assert str(caught.value).startswith(f"odd.yaml:{FAULTS[text]}")


WORDY = """\
sys_object_id: []
tables:
  - name: t
    label: sensor
    identity: [w]
    columns:
      - {name: a, oid: 1.3.6.1.1, kind: text}
      - {name: v, oid: 1.3.6.1.2, kind: gauge, family: netmon_temperature_celsius}
    words: [{name: w, format: "%s"}]
"""


@pytest.mark.parametrize("odd", ["{a.__class__}", "{a[0]}", "{a} {a.__class__}", "{}", "{", "}", "{A}", "{a!r:>9}", "{{a}}"])
def test_a_format_puts_texts_together_and_does_nothing_else(odd: str):
    with pytest.raises(ProfileError, match=r"odd.yaml:9:13: .* has braces other than those of a name"):
        parse(WORDY % odd, "odd.yaml")


def test_a_text_in_the_place_of_a_name_is_taken_as_it_is():
    (table,) = parse(WORDY % "{a} \\\\1 %d, {a}", "even.yaml").tables
    name, value = oid.encode("1.3.6.1.1"), oid.encode("1.3.6.1.2")
    walk = {name: {b"\1": varbind(name, Tag.OCTET_STRING, b"{v} \\g<0>")}, value: {b"\1": varbind(value, Tag.INTEGER, 1)}}
    (row,) = rows_of(table, walk)
    assert row.identity == "{v} \\g<0> \\1 %d, {v} \\g<0>"


def test_all_faults_of_a_file_are_told_at_once():
    with pytest.raises(ProfileError) as caught:
        parse(
            "sys_object_id: [x]\nscalars: [{name: A, oid: 1.3.6, kind: gauge}, {name: b, oid: y, kind: gauge}]", "odd.yaml"
        )
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "odd.yaml:1:17",
        "odd.yaml:2:18",
        "odd.yaml:2:62",
    ]


# --- the same family twice --------------------------------------------------------------------------------------------

TEMPERATURE = "kind: gauge, family: netmon_temperature_celsius"


def temperatures(*scalars: str, tables: Mapping[str, list[str]] | None = None) -> str:
    """A profile of scalars by their `sensor` and of tables of columns by theirs; "" has none."""

    def column(number: int, sensor: str) -> str:
        return f"{{name: c{number}, oid: 1.3.6.{number}, {TEMPERATURE}{sensor and f', sensor: {sensor}'}}}"

    rows = "".join(
        f"  - {{name: {name}, label: sensor, identity: [], columns: [{', '.join(map(column, range(9), sensors))}]}}\n"
        for name, sensors in (tables or {}).items()
    )
    return f"sys_object_id: []\nscalars: [{', '.join(map(column, range(9), scalars))}]\ntables:\n{rows or '  []'}"


@pytest.mark.parametrize(
    "text",
    [
        temperatures("battery", "battery"),
        temperatures("battery", "room", "battery"),
    ],
)
def test_a_family_is_not_given_twice_where_two_sensors_could_have_one_name(text: str):
    with pytest.raises(ProfileError, match=r"odd.yaml:2:10: netmon_temperature_celsius is given twice"):
        parse(text, "odd.yaml")


def test_nor_by_two_columns_of_a_table():
    with pytest.raises(ProfileError, match=r"odd.yaml:4:5: netmon_temperature_celsius is given twice in table strings"):
        parse(temperatures(tables={"strings": ["", ""]}), "odd.yaml")


@pytest.mark.parametrize(
    "text",
    [
        temperatures("battery", "room"),
        temperatures("battery", tables={"strings": ["battery"]}),
        temperatures(tables={"strings": ["battery", "terminal"], "rooms": ["room"]}),
        temperatures(tables={"strings": ["room"], "rooms": ["rooms"]}),
        temperatures(tables={"strings": ["battery"], "rooms": ["battery"]}),
    ],
)
def test_a_family_is_given_twice_where_no_two_sensors_can_have_one_name(text: str):
    parse(text, "even.yaml")


# --- conversion -------------------------------------------------------------------------------------------------------


RECTIFIERS = "netmon_rectifiers"  # a family without a unit


def test_conversions():
    """Scale, invalid markers and enumerations; a counter gets no function at all."""
    assert converter(Source(oid="1.3", kind="counter64"), "netmon_interface_receive_bytes_total") is None
    scaled = converter(Source(oid="1.3", kind="gauge", scale=125_000, invalid=(0,)), RECTIFIERS)
    assert scaled is not None
    assert [scaled(raw) for raw in (100, 0)] == [12_500_000, None]
    ranged = converter(Source(oid="1.3", kind="gauge", scale=60, valid=(1, 65534), invalid=(9,)), RECTIFIERS)
    assert ranged is not None
    assert [ranged(raw) for raw in (-1, 0, 1, 9, 65534, 65535)] == [None, None, 60, None, 3932040, None]
    negative = converter(Source(oid="1.3", kind="gauge", scale=0.1, valid=(-500, 1000)), RECTIFIERS)
    assert negative is not None
    assert [negative(raw) for raw in (-99999, -42, 2**31 - 1)] == [None, -4.2, None]
    counted = converter(Source(oid="1.3", kind="gauge", scale=0.5), RECTIFIERS, factor=4096)
    assert counted is not None
    assert counted(3) == 6144
    mapped = converter(Source(oid="1.3", kind="gauge", map={1: 1}, otherwise=0), RECTIFIERS)
    assert mapped is not None
    assert [mapped(raw) for raw in (1, 2, 7)] == [1, 0, 0]
    listed = converter(Source(oid="1.3", kind="gauge", map={1: 1}), RECTIFIERS)
    assert listed is not None
    assert listed(2) is None


@given(st.integers(-(2**31) + 1, 2**31 - 2), st.sampled_from([0.1, 0.01, 0.001, 0.125]))
def test_tenths_and_the_like_are_as_they_would_be_written(raw: int, scale: float):
    """2312 x 0.1 is 231.2, not 231.20000000000002."""
    convert = converter(Source(oid="1.3", kind="gauge", scale=scale), RECTIFIERS)
    assert convert is not None
    assert Decimal(repr(convert(raw))) == Decimal(repr(raw / round(1 / scale)))
    assert len(repr(convert(raw)).lstrip("-").replace(".", "")) <= 14


# --- rows and plans ---------------------------------------------------------------------------------------------------

NAMES = st.text(alphabet="ab# 1", max_size=3)


@given(st.dictionaries(st.integers(0, 20), st.tuples(NAMES, NAMES), max_size=12))
def test_rows_never_share_an_identity(names: dict[int, tuple[str, str]]):
    rows = rows_of(INTERFACES, walked({index: interface(name, if_descr=descr) for index, (name, descr) in names.items()}))
    identities = [row.identity for row in rows]
    assert len(set(identities)) == len(identities) == len(names)
    assert all(identities)


@given(
    st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=8), min_size=1, max_size=12, unique=True),
    st.integers(2, 40),
)
def test_a_plan_asks_everything_once_in_whole_rows(names: list[str], varbinds: int):
    """Each request begins with sysUpTime and keeps to its size, down to one value with its row's marks."""
    rows = rows_of(INTERFACES, walked({index: interface(name) for index, name in enumerate(names, 1)}))
    plan = plan_of(rows, varbinds=varbinds)
    series: list[Series] = []
    for batch in plan.batches:
        assert batch.request.oids[0] == profiles.SYS_UPTIME
        assert len(batch.request.oids) <= max(varbinds, 4)
        for part in batch.parts:
            assert batch.request.oids[part.key] == INTERFACES.column("if_name").octets + part.row.index
            for cell in part.cells:
                assert batch.request.oids[cell.position] == cell.series.oid
                series.append(cell.series)
    assert len(series) == len(set(series)) == 4 * len(names)
    if varbinds >= 7:
        whole = [part.row.identity for batch in plan.batches for part in batch.parts]
        assert sorted(whole) == sorted(names)


def test_a_batch_reads_by_position_and_leaves_another_row_alone():
    rows = rows_of(INTERFACES, walked({1: interface("eth0"), 2: interface("eth1")}))
    (batch,) = plan_of(rows).batches
    answer: list[Value] = [5] * len(batch.request.oids)
    for part, name in zip(batch.parts, (b"eth0", b"wlan0"), strict=True):
        answer[part.key] = name
    taken = Taken()
    (odd,) = batch.read(answer, At(1.0, 1.0), None, taken)
    assert (odd.row.identity, odd.column) == ("eth1", None)
    assert len(taken.values) == 4


def test_a_missing_value_is_told_and_the_others_of_its_row_are_read():
    rows = rows_of(INTERFACES, walked({1: interface("eth0")}))
    (batch,) = plan_of(rows).batches
    answer: list[Value] = [5] * len(batch.request.oids)
    answer[batch.parts[0].key] = b"eth0"
    answer[-1] = None
    taken = Taken()
    (odd,) = batch.read(answer, At(1.0, 1.0), None, taken)
    assert odd.column == INTERFACES.column("if_in_errors").octets
    assert len(taken.values) == 3
    (without,) = plan_of((odd.row.without(odd.column),)).batches
    assert without.request.oids == batch.request.oids[:-1]


ANSWERED = st.one_of(st.none(), st.integers(-2, 3), st.floats(0, 1), st.sampled_from([b"eth0", b"eth1", b""]))


@given(st.data(), st.integers(4, 40))
def test_an_answer_read_at_once_is_what_is_read_value_by_value(data: st.DataObject, varbinds: int):
    """Whatever stands at whichever position: the usual answer is only read faster."""
    rows = rows_of(INTERFACES, walked({1: interface("eth0"), 2: interface("eth1")}))
    for batch in plan_of(rows, varbinds=varbinds).batches:
        answer: list[Value] = [4] * len(batch.request.oids)
        for part in batch.parts:
            answer[part.key] = part.key_octets
        for position, value in data.draw(st.dictionaries(st.integers(0, len(answer) - 1), ANSWERED, max_size=3)).items():
            answer[position] = value
        at_once, one_by_one = Taken(), Taken()
        odd = batch.read(answer, At(1.0, 1.0), 7, at_once)
        assert odd == batch._read_each(answer, At(1.0, 1.0), 7, one_by_one)
        assert at_once == one_by_one
        assert len(at_once.series) == len(at_once.values) == len(at_once.at) == len(at_once.epochs)


def test_series_that_are_known_are_used_again():
    before = plan_of(rows_of(INTERFACES, walked({1: interface("eth0")})))
    known = {series: series for series in before.series()}
    after = plan_of(rows_of(INTERFACES, walked({1: interface("eth0")})), known)
    assert [id(series) for series in after.series()] == [id(series) for series in before.series()]
    moved = plan_of(rows_of(INTERFACES, walked({9: interface("eth0")})), known)
    assert list(moved.series()) == list(before.series()), "another index is the same series"
    assert [s.oid for s in moved.series()] != [s.oid for s in before.series()], "whose OID is told as it is now"
    assert moved.batches[0].request.oids != before.batches[0].request.oids


def test_a_device_without_tables_is_still_asked_how_long_it_is_up():
    found = {oid.encode("1.3.6.1.2.1.1.5.0"): varbind(b"", Tag.OCTET_STRING, b"  box\n1\0\0")}
    plan = plan_of((scalars_of(GENERIC, found),))
    assert [batch.request.oids for batch in plan.batches] == [(profiles.SYS_UPTIME,)]
    (info,) = plan.info
    assert (info.family, info.kind) == ("netmon_device_info", Kind.INFO)
    assert dict(info.labels[4:]) == {
        "address": "192.0.2.1",
        "profile": "generic",
        "sys_name": "box 1",
        "sys_descr": "",
        "sys_location": "",
    }


STORAGE = next(table for table in profiles.load().named("generic").tables if table.name == "storage")
DISK = "1.3.6.1.2.1.25.2.1.4"


def areas(**units: int) -> tuple[Row, ...]:
    """Storage areas of 1,000 units by their names and the octets of a unit; 0 for an agent that does not tell."""
    found: dict[bytes, dict[bytes, VarBind]] = {column.octets: {} for column in STORAGE.columns}
    for index, (name, octets) in enumerate(units.items(), 1):
        values = {"hr_storage_descr": name.encode(), "hr_storage_size": 1000, "hr_storage_type": oid.encode(DISK)}
        for key, value in (values | {"hr_storage_allocation_units": octets} if octets else values).items():
            column, suffix = STORAGE.column(key).octets, oid.encode_arcs((index,))
            tag = Tag.OID if key == "hr_storage_type" else Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING
            found[column][suffix] = varbind(column + suffix, tag, value)
    return rows_of(STORAGE, found)


def test_a_value_is_multiplied_by_another_column_of_its_own_row():
    plan = compile_plan(profiles.load().named("generic"), areas(root=4096, var=512), LABELS, texts={}, known={})
    (batch,) = plan.batches
    answer: list[Value] = [10] * len(batch.request.oids)
    for part in batch.parts:
        answer[part.key] = part.key_octets
        for position, units in part.scales:
            answer[position] = units
    taken = Taken()
    assert batch.read(answer, At(1.0, 1.0), None, taken) == []
    read = {series.label("sensor"): value for series, value in zip(taken.series, taken.values, strict=True)}
    assert read == {"root": 40960, "var": 5120}
    ((position, _),) = batch.parts[0].scales
    answer[position] = 1024
    (odd,) = batch.read(answer, At(1.0, 1.0), None, later := Taken())
    assert (odd.row.identity, odd.column) == ("root", None), "in other units now: no reading until it is discovered again"
    assert later.values == [5120]


def test_a_value_whose_unit_the_row_does_not_tell_is_not_asked():
    (row,) = areas(root=0)
    assert row.active == {column.name for column in STORAGE.columns} - {"hr_storage_size", "hr_storage_used"}


def test_an_oid_becomes_a_label_by_the_name_that_the_profile_gives_it():
    (row,) = areas(root=512)
    assert row.texts == {"hr_storage_type": "fixed_disk", "hr_storage_descr": "root"}
