"""Devices whose messages have another layout than netmon's own: what each message becomes."""

import contextlib
import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.layouts import ABSENT, PRESENT, Heard, Layout, Message, State, Value, hear
from netmon.model import At, Device, Speech
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import Event, Status, Telemetry, Unfit, measured
from netmon.pollers.translate import LIFE, translate
from netmon.settings.layouts import layouts
from netmon.settings.secrets import leave
from tests.peers import ROOT

BROUGHT, PROBLEMS = layouts(Path("none"), [], leave)
TASMOTA, TELTONIKA = BROUGHT["tasmota"], BROUGHT["teltonika"]
NOW_MS = 1_795_305_600_000.0  # 2026-11-22 07:00:00 in Viet Nam
SENSOR = "tele/phong-may-01/SENSOR"
ROOM = {
    "Time": "2026-11-22T06:59:58",
    "SI7021": {"Temperature": 24.2, "Humidity": 59.4, "DewPoint": 15.8},
    "DS18B20-1": {"Id": "0119", "Temperature": 31.5},
    "DS18B20-2": {"Id": "0120", "Temperature": 85.0},
    "ESP32": {"Temperature": 41.1},
    "ENERGY": {
        "TotalStartTime": "2026-01-01T00:00:00",
        "Total": 1.2,
        "Power": [26, 4],
        "Voltage": 225,
        "Current": [0.189, 0],
    },
    "Switch1": "ON",
    "TempUnit": "C",
}


def body(layout, topic, payload, now_ms=NOW_MS):
    """What a message becomes; a payload that is no text goes as JSON."""
    (heard,) = hear([layout], topic)
    return translate(heard, payload.encode() if isinstance(payload, str) else json.dumps(payload).encode(), now_ms, 1)


def reading(topic="x/{topic}", payload="json", **value):
    """A layout with one value."""
    found = Value(**({"path": ("v",), "to": "fuel_ratio"} | value))
    return Layout(
        name="x",
        zone_s=0,
        messages=(Message(topics=(tuple(topic.split("/")),), is_json=payload == "json", values=(found,)),),
    )


def one(payload, **value):
    """What a single value becomes; "misread" when netmon cannot read it, None when it says that it is none."""
    told = body(reading(**value), "x/d", payload).m
    return "misread" if any("=" in name for name in told) else told.get("fuel_ratio")


# --- what netmon brings -----------------------------------------------------------------------------------------------


def test_the_layouts_that_netmon_brings_are_sound():
    assert not PROBLEMS
    assert BROUGHT.keys() == {"tasmota", "teltonika"}


def test_a_tasmota_tells_its_sensors_in_its_own_time():
    """Air where humidity is measured, too; a probe that lost its supply says 85 °C and nothing else."""
    told = body(TASMOTA, SENSOR, ROOM)
    assert told.ts == NOW_MS - 2000
    assert told.m == {
        "ambient_temperature_celsius": {"SI7021": 24.2},
        "temperature_celsius": {"DS18B20-1": 31.5, "ESP32": 41.1},
        "humidity_ratio": {"SI7021": 0.594},
        "voltage_volts": {"ENERGY": 225},
        "current_amperes": {"ENERGY 0": 0.189, "ENERGY 1": 0},
        "power_watts": {"ENERGY 0": 26, "ENERGY 1": 4},
    }
    assert not measured(told).unknown


def test_a_tasmota_that_was_set_to_fahrenheit_is_told_in_celsius():
    told = body(TASMOTA, SENSOR, ROOM | {"SI7021": {"Temperature": 77, "Humidity": 50}, "TempUnit": "F"}).m
    assert told["ambient_temperature_celsius"] == {"SI7021": 25}


def test_a_sensor_that_fails_to_measure_stays_where_it_is():
    told = body(TASMOTA, SENSOR, {"AM2301": {"Temperature": 22, "Humidity": None}, "TempUnit": "C"}).m
    assert told == {"ambient_temperature_celsius": {"AM2301": 22}}


def test_temperatures_of_an_unknown_unit_are_not_told():
    unsaid = {key: value for key, value in ROOM.items() if key != "TempUnit"}
    assert "temperature_celsius" not in body(TASMOTA, SENSOR, unsaid).m


def test_a_tasmota_tells_its_state_and_its_will():
    wifi = {"AP": 1, "SSId": "x", "RSSI": 44, "Signal": -78}
    state = {"Time": "2026-11-22T07:00:00", "Uptime": "0T00:10:11", "UptimeSec": 611, "POWER": "OFF", "Wifi": wifi}
    assert body(TASMOTA, "tele/d/STATE", state).m == {"device_uptime_seconds": 611, "level_dbm": {"wifi": -78}}
    assert body(TASMOTA, "tele/d/STATE", {"UptimeSec": -1}).m == {}
    assert body(TASMOTA, "tele/d/LWT", "Online").state == "online"
    assert body(TASMOTA, "tele/d/LWT", "Offline").state == "offline"
    with pytest.raises(Unfit, match="'gone' is none of online, offline"):
        body(TASMOTA, "tele/d/LWT", "Gone")


@pytest.mark.parametrize(
    ("parameter", "payload", "told"),
    [
        ("temperature", "253", {"temperature_celsius": {"modem": 25.3}}),
        ("signal", "-71", {"cellular_rssi_dbm": {"modem": -71}}),
        ("signal", "-71 dBm\n", {"cellular_rssi_dbm": {"modem": -71}}),
        ("signal", "N/A", {}),
        ("signal", "99", {}),
        ("connection", "Connected", {"cellular_connected": {"modem": 1}}),
        ("connection", "disconnected", {"cellular_connected": {"modem": 0}}),
        ("uptime", "15248", {"device_uptime_seconds": 15248}),
        ("uptime", "-113", {}),
    ],
)
@pytest.mark.parametrize("kind", ["router", "device"])
def test_a_teltonika_answers_in_bare_words(kind, parameter, payload, told):
    answer = body(TELTONIKA, f"{kind}/1100123456/{parameter}", payload)
    assert (answer.m, answer.ts) == (told, NOW_MS)


# --- topics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topic", ["tele/d/RESULT", "tele/d", "stat/d/STATE", "tele/d/STATE/x", "/tele/d/STATE", "tele/d/state", ""]
)
def test_a_topic_of_no_message_is_not_heard(topic):
    assert not list(hear([TASMOTA], topic))


def test_the_first_message_that_fits_speaks_and_its_words_become_labels():
    layout = reading("bts/+/{topic}/{bay}/{probe}", to="temperature_celsius", label="{bay}.{probe}.{n}", path=("t", "{n}"))
    (heard,) = hear([layout], "bts/any/ctl-7/rack/inlet")
    assert heard.topic == "ctl-7"
    assert translate(heard, b'{"t": [20, 21]}', NOW_MS, 1).m == {
        "temperature_celsius": {"rack.inlet.0": 20, "rack.inlet.1": 21}
    }


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "value", "told"),
    [
        (53.5, {}, 53.5),
        ("53.5", {}, 53.5),
        (" -5e1 ", {}, -50),
        (True, {}, "misread"),
        (False, {"invalid": ("false",)}, None),
        (None, {}, None),
        ([1], {}, None),
        ("53.5 V", {}, "misread"),
        ("53.5 V", {"unit": ("mV", "V")}, 53.5),
        ("535 mV", {"unit": ("mV", "V")}, 535),
        ("V", {"unit": ("V",)}, "misread"),
        ("nan", {}, "misread"),
        ("1_0", {}, "misread"),
        ("٣", {}, "misread"),
        ("9" * 30, {}, "misread"),
        (10**30, {}, "misread"),
        ("1e999", {}, "misread"),
        (2312, {"scale": 0.1}, 231.2),
        (50, {"scale": 1.8, "offset": 32}, 122),
        (-1, {"valid": (0, 100)}, None),
        (0, {"valid": (0, 100)}, 0),
        (65535, {"invalid": (65535, "n/a")}, None),
        ("65535", {"invalid": (65535, "n/a")}, None),
        ("N/A", {"invalid": (65535, "n/a")}, None),
        ("ON", {"map": {"on": 1, "off": 0}}, 1),
        (2.0, {"map": {"2": 1}}, 1),
        (False, {"map": {"false": 0}}, 0),
        ("half", {"map": {"on": 1}}, "misread"),
    ],
)
def test_what_a_value_becomes(raw, value, told):
    """Words and units as they come, markers and ranges as they are told; what nobody can read is no number."""
    assert one({"v": raw}, **value) == told


def test_a_value_that_cannot_be_read_costs_no_other_and_is_told_by_its_path():
    layout = reading(to="temperature_celsius", label="{p}", path=("{p}", "t"))
    told = measured(body(layout, "x/d", {"a": {"t": "ouch"}, "b": {"t": 20}}))
    assert [(label, number) for _, label, number in told.values] == [("b", 20)]
    assert told.unknown == ["a.t=ouch"]


@pytest.mark.parametrize("name", ["", "z" * 129, "AM\n"])
def test_a_sensor_that_cannot_be_named_costs_no_other(name):
    told = measured(body(TASMOTA, SENSOR, {name: {"Temperature": 1}, "A": {"Temperature": 3}, "TempUnit": "C"}))
    assert [(label, number) for _, label, number in told.values] == [("A", 3)]
    assert told.unknown == [f"{name}.Temperature=1"[:128]]


def test_a_placeholder_looks_at_so_many_keys_and_no_more():
    """Thousands of empty ones would hold up everything else."""
    told = body(
        TASMOTA,
        SENSOR,
        {f"{n}": {} for n in range(1022)} | {"A": {"Humidity": 1}, "B": {"Humidity": 1}, "C": {"Humidity": 1}},
    )
    assert told.m == {"humidity_ratio": {"A": 0.01, "B": 0.01}}


def test_a_counter_is_a_whole_number_or_nothing():
    octets = {"to": "interface_receive_bytes_total", "label": "wan", "scale": 1024}
    assert body(reading(**octets), "x/d", {"v": 3}).m == {"interface_receive_bytes_total": {"wan": 3072}}
    assert list(body(reading(**octets), "x/d", {"v": -3}).m) == ["v=-3"]


@pytest.mark.parametrize(
    ("wanted", "there", "told"),
    [
        (("c",), "C", 1),
        (("c",), "F", None),
        (("c",), None, None),
        ((PRESENT,), 0, 1),
        ((ABSENT,), 0, None),
        ((PRESENT,), None, 1),
        ((ABSENT,), None, None),
    ],
)
def test_a_value_counts_only_where_its_condition_holds(wanted, there, told):
    """A key with nothing is there."""
    assert one({"v": 1, "u": there}, when=((("u",), wanted),)) == told


@pytest.mark.parametrize(
    ("path", "told"), [(("u",), None), (("v", "0"), None), (("l", "0"), 1), (("l", "1"), None), ((), 1)]
)
def test_what_is_not_there_is_none(path, told):
    message = {"v": 1, "l": [None]}
    assert one(message, when=((path, (PRESENT,)),)) == told
    assert one(message, when=((path, (ABSENT,)),)) == (None if told else 1)


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-11-22T07:00:00", 1_795_305_600),
        ("2026-11-22T00:00:00Z", 1_795_305_600),
        ("2026-11-22 09:00:00.5+09:00", 1_795_305_600.5),
        (1_795_305_600, 1_795_305_600),
        (1_795_305_600_500, 1_795_305_600.5),
        ("1795305600", 1_795_305_600),
        ("1970-01-01T00:00:12", 1_800_000_000),
        (12, 1_800_000_000),
        (None, 1_800_000_000),
    ],
)
def test_a_time_is_read_in_the_zone_of_its_layout(written, seconds):
    """A clock that was never set tells no time: the moment of arrival counts."""
    assert body(TASMOTA, SENSOR, {"Time": written}, 1_800_000_000_000).ts == seconds * 1000


@pytest.mark.parametrize("written", ["yesterday", "2026-13-01T00:00:00", [], {}, "9999-12-31T23:59:59", 1e300, ""])
def test_a_time_that_cannot_be_read_is_said_so(written):
    with pytest.raises(Unfit, match="the time"):
        body(TASMOTA, SENSOR, {"Time": written})


# --- whatever comes ---------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4),
    max_leaves=12,
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "Time": JSON | st.datetimes().map(datetime.isoformat),
        "TempUnit": JSON | st.sampled_from("CF"),
        "UptimeSec": JSON,
        "Wifi": JSON | st.fixed_dictionaries({"Signal": JSON}),
        "ENERGY": JSON | st.fixed_dictionaries({"Voltage": JSON, "Current": JSON, "Power": JSON}),
        "AM2301": JSON | st.fixed_dictionaries({"Temperature": JSON, "Humidity": JSON}),
    },
)
PAYLOADS = st.binary(max_size=80) | (JSON | SHAPED).map(lambda each: json.dumps(each).encode()) | st.text().map(str.encode)
GENERIC = Layout(
    name="generic",
    zone_s=0,
    messages=(
        Message(topics=(("e", "{topic}"),), event=("Time",)),
        Message(topics=(("s", "{topic}"),), state=State(path=("Time",), online=("1",), offline=("0",))),
        Message(
            topics=(("v", "{topic}"),),
            time=("Time",),
            values=(Value(path=("{a}", "{b}"), to="interface_receive_bytes_total", label="{a}{b}", scale=0.1),),
        ),
    ),
)
HEARD = [Heard(layout, message, {"topic": "d"}) for layout in (TASMOTA, TELTONIKA, GENERIC) for message in layout.messages]


@given(st.sampled_from(HEARD), PAYLOADS)
def test_any_payload_gives_a_body_or_a_sentence_and_never_another_error(heard, payload):
    """And what a device measured fits its family, unless its label does not."""
    with contextlib.suppress(Unfit):
        told = translate(heard, payload, NOW_MS, 1)
        assert isinstance(told, Telemetry | Status | Event)
        if isinstance(told, Telemetry):
            measured(told)


@given(st.lists(st.tuples(st.sampled_from(HEARD), PAYLOADS, st.booleans()), max_size=8))
def test_a_mailbox_takes_whatever_comes_in_another_layout(messages):
    labels = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))
    mailbox = Mailbox(Device(id="d1", site="s1", speaks=Speech.MQTT, layout="tasmota", topic="d"), labels, At(0, 0))
    for second, (heard, payload, retained) in enumerate(messages):
        receipt = mailbox.take(heard, payload, retained, At(NOW_MS / 1000 + second, second))
        assert bool(receipt.why) <= bool(receipt.rejected)
        assert not {"moved", "interleaved", "lost"} & dict(receipt.remarks).keys()
    mailbox.look(At(NOW_MS / 1000 + 10, 10))


def test_a_will_counts_that_is_the_first_word_of_a_device():
    """It has no sessions, so that no will is stale; and a wrong time zone is told as the reason of its silence."""
    labels = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))
    mailbox = Mailbox(Device(id="d1", site="s1", speaks=Speech.MQTT, layout="tasmota", topic="d"), labels, At(0, 0))
    (will,), (sensor,) = hear([TASMOTA], "tele/d/LWT"), hear([TASMOTA], "tele/d/SENSOR")
    now = At(NOW_MS / 1000, 1)
    assert not mailbox.take(will, b"Offline", False, now).rejected
    assert mailbox.look(now).detail.endswith("it is offline.")
    mailbox.listen(now)
    receipt = mailbox.take(
        sensor, b'{"Time": "2026-11-22T01:00:00", "ENERGY": {"Voltage": 230}}', False, At(now.unix + 50, 51)
    )
    assert receipt.remarks == (("history", 1),)
    later = mailbox.look(At(now.unix + 100, 101))
    assert later.detail == "It speaks, but of the past: its last report is 21650 s old; is its clock right?"
    assert [reading.value for reading in later.history] == [230]


# --- the page that explains it ----------------------------------------------------------------------------------------


def test_the_layouts_of_the_page_read_what_the_page_shows(tmp_path):
    page = (ROOT / "docs/mqtt.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(title: .*?)```", page, re.DOTALL)
    for number, text in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    known, problems = layouts(tmp_path, [f"{number}.yaml" for number in range(len(examples))], leave)
    assert not problems
    station, template = known["0"], known["1"]
    probes = [{"n": "rack", "t": 285}, {"n": "room", "t": 850}]
    data = {"at": 1_780_000_000, "dc": {"v": "53.5 V", "a": -12.1}, "mains": "ON", "probes": probes}
    assert body(station, "sites/ctl-7/data", data) == Telemetry(
        1_780_000_000_000,
        1,
        LIFE,
        {
            "battery_voltage_volts": 53.5,
            "battery_current_amperes": -12.1,
            "mains_up": 1,
            "temperature_celsius": {"probe 0": 28.5},
        },
    )
    assert body(station, "sites/ctl-7/alive", "yes").state == "online"
    alarm = body(station, "sites/ctl-7/alarm", {"at": 1_780_000_000, "name": "door_open"})
    assert alarm == Event(1_780_000_000_000, "door_open")
    told = body(template, "rutos/1100/data", {"TS": "1780000000", "DT": "5350"})
    assert told.m == {"battery_voltage_volts": 53.5}
