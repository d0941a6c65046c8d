"""What devices say over MQTT, checked against its schema; and that nothing they say can make netmon stumble or swell."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.catalogue import DEVICE
from netmon.model import At, Device, Kind, Lull, Outcome, Speech
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import (
    KINDS,
    LABEL_CHARACTERS,
    NAMES_AT_MOST,
    SETTABLE,
    VALUES_AT_MOST,
    Place,
    Unfit,
    decode,
    measured,
    place_of,
)
from netmon.pollers.values import HISTORY_AT_MOST

GOOD = {"ts": 1_800_000_000_000, "seq": 1, "session": "a", "m": {"battery_voltage_volts": 53.5}}
BIRTH = {"session": "a", "period_s": 60, "ts": 1_800_000_000_000}
SPEED = {"ts": 1_800_000_000_000, "network": "fixed", "operator": "vnpt", "download_mbit_s": 93.1, "upload_mbit_s": 88}


def dumped(body, **changes):
    return json.dumps(body | changes).encode()


def telling(**m):
    return measured(decode("telemetry", dumped(GOOD, m=m)))


# --- topics -----------------------------------------------------------------------------------------------------------


def test_a_topic_says_who_speaks_from_where_and_of_what():
    assert place_of("netmon/v1/04/01273/s-1/d_1.x/birth") == Place("04", "01273", "s-1", "d_1.x", "birth")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "netmon/v1/04/01273/s1/d1",
        "netmon/v1/04/01273/s1/d1/",
        "netmon/v1/04/01273/s1/d1/birth/x",
        "netmon/v1/04/01273/s1/d1/colour",
        "netmon/v2/04/01273/s1/d1/birth",
        "/netmon/v1/04/01273/s1/d1/birth",
        "netmon/v1/04/01273//d1/birth",
        "netmon/v1/04/01273/s1/trạm/birth",
        "netmon/v1/04/01273/s1/d 1/birth",
        "netmon/v1/04/01273/s1/d1\n/birth",
        f"netmon/v1/04/01273/s1/{'d' * 64}/birth",
    ],
)
def test_any_other_topic_is_not_ours(topic):
    assert place_of(topic) is None


# --- schema -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("birth", BIRTH | {"period_s": 0.5}),
        ("birth", BIRTH | {"period_s": 86_401}),
        ("birth", BIRTH | {"period_s": True}),
        ("birth", BIRTH | {"session": ""}),
        ("birth", BIRTH | {"session": "a" * 129}),
        ("birth", BIRTH | {"session": "a\x00"}),
        ("birth", BIRTH | {"session": 5}),
        ("birth", {"session": "a", "period_s": 60}),
        ("status", {"state": "away", "session": "a"}),
        ("status", {"state": "online"}),
        ("telemetry", GOOD | {"ts": -1}),
        ("telemetry", GOOD | {"ts": 4_102_444_800_001}),
        ("telemetry", GOOD | {"ts": 1e17}),
        ("telemetry", GOOD | {"ts": True}),
        ("telemetry", GOOD | {"ts": "1800000000000"}),
        ("telemetry", GOOD | {"ts": math.nan}),
        ("telemetry", GOOD | {"seq": -1}),
        ("telemetry", GOOD | {"seq": 1.5}),
        ("telemetry", GOOD | {"seq": 2**63}),
        ("telemetry", GOOD | {"m": [1]}),
        ("telemetry", GOOD | {"m": {"door_open": None}}),
        ("telemetry", GOOD | {"m": {"door_open": "1"}}),
        ("telemetry", GOOD | {"m": {"door_open": math.inf}}),
        ("telemetry", GOOD | {"m": {"door_open": [1]}}),
        ("telemetry", GOOD | {"m": {"temperature_celsius": {"a": {"b": 1}}}}),
        ("event", {"ts": 1, "event": ""}),
        ("event", {"ts": 1, "event": "door\nopen"}),
        ("event", {"event": "door_open"}),
        ("speed", {key: value for key, value in SPEED.items() if key != "operator"}),
        ("speed", SPEED | {"network": "satellite"}),
        ("speed", SPEED | {"operator": ""}),
        ("speed", SPEED | {"operator": "vn\npt"}),
        ("speed", SPEED | {"download_mbit_s": -1}),
        ("speed", SPEED | {"download_mbit_s": "93"}),
        ("speed", SPEED | {"download_mbit_s": True}),
        ("speed", SPEED | {"upload_mbit_s": math.nan}),
        ("speed", SPEED | {"upload_mbit_s": 1e9}),
        ("speed", SPEED | {"latency_ms": -1}),
        ("speed", SPEED | {"ts": None}),
    ],
)
def test_what_does_not_fit_its_schema_is_unfit(kind, body):
    """One clear error; a NaN, a time beyond 2100 and a boolean for a number among them."""
    with pytest.raises(Unfit):
        decode(kind, json.dumps(body).encode())


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"\xff\xfe", b'{"ts":1e999}', b'{"x":"\xff"}', b"[" * 60_000, b'{"a":' * 9_000]
)
def test_what_is_not_json_or_too_deep_is_unfit(payload):
    for kind in KINDS:
        with pytest.raises(Unfit):
            decode(kind, payload)


def test_keys_that_nobody_asked_for_are_no_fault():
    assert decode("event", dumped({"ts": 1, "event": "door_open", "by": {"badge": 7}})).event == "door_open"
    assert decode("birth", dumped(BIRTH, firmware="1.2")).period_s == 60


# --- values -----------------------------------------------------------------------------------------------------------


def test_devices_speak_of_what_they_measure_and_of_nothing_that_netmon_decides():
    assert {"device_uptime_seconds", "mains_up", "interface_receive_bytes_total", "temperature_celsius"} <= SETTABLE.keys()
    decided = ("device_up", "device_state", "device_explained", "device_snmp_up", "device_round_trip_seconds", "device_info")
    decided += ("device_poll_duration_seconds", "device_poll_incomplete", "device_last_poll_timestamp_seconds")
    decided += ("interface_not_measurable", "interface_info", "storage_info", "link_up", "site_service", "target_value")
    assert all(f"netmon_{name}" in DEVICE for name in decided)
    assert not SETTABLE.keys() & set(decided)


def test_values_are_numbers_booleans_and_objects_of_them():
    found = telling(
        mains_up=True, temperature_celsius={"room": 31, "tủ 1": 28.5}, interface_receive_bytes_total={"wan": 1.5e9}
    )
    assert [(family.name, label, value, type(value)) for family, label, value in found.values] == [
        ("netmon_mains_up", "", 1, int),
        ("netmon_temperature_celsius", "room", 31, int),
        ("netmon_temperature_celsius", "tủ 1", 28.5, float),
        ("netmon_interface_receive_bytes_total", "wan", 1_500_000_000, int),
    ]


@pytest.mark.parametrize(
    ("m", "why"),
    [
        ({"temperature_celsius": 31.5}, "must be an object of {sensor: number}"),
        ({"mains_up": {"a": 1}}, "must be a number"),
        ({"temperature_celsius": {"": 1}}, "1 to 128 characters"),
        ({"temperature_celsius": {"x" * (LABEL_CHARACTERS + 1): 1}}, "1 to 128 characters"),
        ({"temperature_celsius": {"a\tb": 1}}, "control characters"),
        ({"temperature_celsius": {"a\u202eb": 1}}, "control characters"),
        ({"interface_receive_bytes_total": {"wan": 1.5}}, "is a counter"),
        ({"interface_receive_bytes_total": {"wan": -1}}, "is a counter"),
        ({"interface_receive_bytes_total": {"wan": 2**64}}, "is a counter"),
        ({"interface_receive_bytes_total": {"wan": True}}, "is a counter"),
        ({"battery_voltage_volts": 10**300}, "64 bits"),
    ],
)
def test_a_value_that_has_not_the_shape_of_its_family_is_unfit(m, why):
    with pytest.raises(Unfit, match=why):
        telling(**m)


def test_one_name_in_two_spellings_of_unicode_is_one_label():
    [(_, composed, _)] = telling(temperature_celsius={"t\u1ee7": 1}).values
    [(_, decomposed, _)] = telling(temperature_celsius={"tu\u0309": 1}).values
    assert composed == decomposed


def test_what_is_beyond_the_bounds_is_left_out_and_said():
    found = telling(**{f"n{n}": 1 for n in range(NAMES_AT_MOST)}, door_open=1)
    assert (len(found.unknown), found.values, found.excess) == (NAMES_AT_MOST, [], True)
    found = telling(temperature_celsius={str(n): n for n in range(VALUES_AT_MOST + 1)})
    assert (len(found.values), found.excess) == (VALUES_AT_MOST, True)


def test_an_unknown_name_is_cut():
    """It goes to the log, and is remembered."""
    assert telling(**{"z" * 60_000: 1}).unknown == ["z" * LABEL_CHARACTERS]


# --- anything at all --------------------------------------------------------------------------------------------------

T0 = 1_800_000_000.0
LABELS = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))

sessions = st.sampled_from("abc")
times = st.integers(-4_000, 400).map(lambda s: int((T0 + s) * 1000)) | st.floats(0, 5e12) | st.integers(-1, 2**70)
numbers = st.booleans() | st.integers() | st.floats() | st.integers(0, 2**64)
names = st.sampled_from(sorted(SETTABLE)) | st.text(max_size=5)
measures = st.dictionaries(names, numbers | st.dictionaries(st.text(max_size=3), numbers, max_size=4), max_size=6)
jsonish = st.recursive(st.none() | numbers | st.text(max_size=4), lambda x: st.lists(x, max_size=3), max_leaves=5)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "ts": times | jsonish,
        "seq": st.integers(0, 30) | jsonish,
        "session": sessions | jsonish,
        "m": measures | jsonish,
        "period_s": st.integers(1, 100) | jsonish,
        "state": st.sampled_from(["online", "offline"]) | jsonish,
        "event": st.text(max_size=4) | jsonish,
        "network": st.just("fixed") | jsonish,
        "operator": st.text(max_size=4) | jsonish,
        "download_mbit_s": numbers | jsonish,
        "upload_mbit_s": numbers | jsonish,
        "latency_ms": numbers | jsonish,
    },
)
fit = st.fixed_dictionaries(
    {
        "ts": st.integers(-400, 200).map(lambda s: int((T0 + s) * 1000)),
        "seq": st.integers(0, 30),
        "session": sessions,
        "m": st.fixed_dictionaries({}, optional={"mains_up": st.booleans(), "battery_voltage_volts": st.floats(0, 60)}),
        "period_s": st.integers(1, 100),
        "state": st.sampled_from(["online", "offline"]),
        "event": st.sampled_from(["door_open", "door_closed"]),
        "network": st.sampled_from(["fixed", "mobile", "mobile_5g"]),
        "operator": st.sampled_from(["vnpt", "viettel"]),
        "download_mbit_s": st.floats(0, 1_000_000),
        "upload_mbit_s": st.integers(0, 1_000_000),
        "latency_ms": st.floats(0, 60_000) | st.none(),
    }
)
payloads = st.binary(max_size=60) | (fit | bodies).map(lambda body: json.dumps(body).encode())
steps = st.tuples(
    st.sampled_from(KINDS), payloads, st.booleans(), st.floats(0, 200), st.sampled_from(["", "look", "listen"])
)


@given(st.lists(steps, max_size=30))
def test_whatever_comes_nothing_is_raised_and_everything_taken_is_sound(story):
    """Each message is taken or rejected for a known reason; a poll's readings are numbers, its series are of the catalogue
    and stand in it once, and an answer follows only a sign of life."""
    mailbox = Mailbox(Device(id="d1", site="s1", speaks=Speech.MQTT), LABELS, At(T0, 0.0))
    now, alive = 0.0, False
    for kind, payload, retained, wait_s, then in story:
        now += wait_s
        receipt = mailbox.take(Place("04", "01273", "s1", "d1", kind), payload, retained, At(T0 + now, now))
        assert receipt.rejected in ("", "payload", "retained", "stale_will", "duplicate")
        assert not receipt.rejected or not receipt.remarks
        alive = alive or (not receipt.rejected and not retained)
        if receipt.test is not None:
            assert (receipt.test.site, receipt.test.device, receipt.rejected) == ("s1", "d1", "")
            assert all(0 <= speed <= 125e9 for speed in (receipt.test.download, receipt.test.upload))
            assert receipt.test.at <= T0 + now + 120
        if then == "listen":
            mailbox.listen(At(T0 + now, now))
            alive = False
        if then != "look":
            continue
        poll = mailbox.look(At(T0 + now, now))
        assert len(poll.history) <= HISTORY_AT_MOST
        if isinstance(poll, Lull):
            continue
        assert poll.outcome is not Outcome.ANSWERED or alive
        alive = False
        assert bool(poll.readings) == (poll.outcome is Outcome.ANSWERED)
        assert len({reading.series for reading in poll.readings}) == len(poll.readings)
        for reading in (*poll.readings, *poll.history):
            assert math.isfinite(reading.value)
            assert tuple(name for name, _ in reading.series.labels) == DEVICE[reading.series.family].labels
            assert (reading.epoch is not None) == (reading.series.kind is Kind.COUNTER64)
            assert reading.at.unix <= T0 + now + 120
            assert math.isclose(reading.at.unix - reading.at.monotonic, T0)
