"""The values of one device that reports by itself: what is shown, for how long, what is history, and their bounds."""

from zlib import crc32

import pytest

from netmon.model import Epoch, Kind, Outcome
from netmon.pollers.values import HISTORY_AT_MOST, SERIES_AT_MOST
from tests.pollers.desk import LABELS, VOLTS, Desk, at, values


@pytest.fixture
def desk():
    return Desk()


def test_an_answer_has_its_info_its_values_and_their_time(desk):
    desk.birth(period_s=60)
    desk.now = 30
    desk.tell(ts=desk.ms(29), battery_voltage_volts=53.5, mains_up=True, temperature_celsius={"room": 31})
    poll = desk.look()
    assert (poll.device, poll.outcome, poll.sent, poll.ended, poll.period_s) == ("d1", Outcome.ANSWERED, at(30), at(30), 60)
    info, *readings = poll.readings
    assert (info.series.family, info.series.kind, info.value, info.at) == ("netmon_device_info", Kind.INFO, 1, at(30))
    own = {"address": "", "profile": "mqtt", "sys_name": "", "sys_descr": "", "sys_location": ""}
    assert info.series.labels == (*LABELS, *own.items())
    assert [(r.series.family, r.series.labels[4:], r.value, r.at) for r in readings] == [
        ("netmon_battery_voltage_volts", (), 53.5, at(29)),
        ("netmon_mains_up", (), 1, at(29)),
        ("netmon_temperature_celsius", (("sensor", "room"),), 31, at(29)),
    ]


def test_what_a_message_does_not_repeat_stays_until_it_is_three_periods_old(desk):
    """Some devices report their parts by turns. It is the same object then, so that no counter sees it twice."""
    desk.birth(period_s=60)
    desk.tell(interface_receive_bytes_total={"wan": 10})
    first = desk.look().readings[1]
    desk.now = 180
    desk.tell()
    assert desk.look().readings[1] is first
    desk.now = 181
    desk.tell()
    assert [r.series.family for r in desk.look().readings] == ["netmon_device_info", f"netmon_{VOLTS}"]


def test_what_is_shown_is_decided_by_when_it_came(desk):
    """A clock that is slow by less than a report may be late does no harm, however short the period."""
    desk.birth(period_s=10)
    shown = []
    for n in range(1, 5):
        desk.now = 10 * n
        desk.tell(ts=desk.ms(desk.now - 100), **({"mains_up": 1} if n % 2 else {VOLTS: 50}))
        shown.append(len(desk.look().readings))
    assert shown == [2, 3, 3, 3]
    desk.now = 110
    desk.post("event", ts=desk.ms(10), event="door_open")
    assert len(desk.look().readings) == 3


def held(poll):
    return [reading.series.family for reading in poll.readings[1:]]


@pytest.mark.parametrize("end", ["will", "silence", "session", "broker"])
def test_what_held_before_an_end_is_not_told_again_by_a_birth(desk, end):
    """A router whose fibre was cut, and that is back over another way, does not have its interfaces up until it says so."""
    desk.birth("a", period_s=600 if end == "will" else 10)
    desk.tell(interface_up={"fibre": True})
    desk.look()
    desk.now = 35
    if end == "will":
        desk.status("offline", "a")
    if end == "broker":
        desk.mailbox.listen(at(35))
    if end == "silence":
        assert desk.outcome() is Outcome.SILENT
    desk.birth("b" if end == "session" else "a", period_s=600)
    assert held(desk.look()) == []
    desk.tell(session="b" if end == "session" else "a", mains_up=True)
    assert held(desk.look()) == ["netmon_mains_up"]


@pytest.mark.parametrize("end", ["will", "session"])
def test_what_nobody_looked_at_before_an_end_is_history(desk, end):
    desk.birth("a")
    desk.tell(50.0)
    desk.birth("b") if end == "session" else desk.status("offline", "a")
    poll = desk.look()
    assert held(poll) == []
    assert [reading.value for reading in poll.history] == [50.0]


def test_what_a_session_measured_before_the_next_began_is_history(desk):
    """MQTT keeps the order of one topic only: its last report may come after the birth of the next."""
    desk.birth("a")
    desk.now = 10
    desk.birth("b")
    desk.tell(50.0, session="a", ts=desk.ms(5))
    poll = desk.look()
    assert held(poll) == []
    assert [reading.value for reading in poll.history] == [50.0]


def test_of_several_messages_between_two_looks_the_older_values_are_history(desk):
    for value in (50.0, 51.0, 52.0):
        desk.now += 1
        desk.tell(value)
    poll = desk.look()
    assert values(poll) == [(52.0, 3.0)]
    assert [(r.value, r.at) for r in poll.history] == [(50.0, at(1)), (51.0, at(2))]
    desk.now = 4
    desk.tell(53.0)
    assert desk.look().history == ()


def test_a_blast_of_live_messages_keeps_the_newest_and_says_what_it_left_out(desk):
    receipts = [desk.tell(float(n)) for n in range(HISTORY_AT_MOST + 2)]
    assert [receipt.remarks for receipt in receipts[-2:]] == [(), (("excess", 1),)]
    poll = desk.look()
    assert values(poll)[0][0] == HISTORY_AT_MOST + 1
    assert len(poll.history) == HISTORY_AT_MOST


@pytest.mark.parametrize(
    ("m", "epoch"),
    [
        ({"device_uptime_seconds": 12.34}, Epoch(1234, None, 0, "wan")),
        ({"device_uptime_seconds": 2**32 / 100 + 1}, Epoch(100, None, 0, "wan")),
        ({}, Epoch(None, None, crc32(b"a"), "wan")),
    ],
)
def test_a_counter_lives_as_long_as_its_device_runs_or_else_as_its_session(desk, m, epoch):
    """Readings of two lives are never compared."""
    desk.tell(interface_receive_bytes_total={"wan": 10}, **m)
    reading = next(r for r in desk.look().readings if r.series.label("interface"))
    assert (reading.series.kind, reading.value, reading.epoch) == (Kind.COUNTER64, 10, epoch)


def test_a_device_has_so_many_series_and_no_more(desk):
    for part in range(4):
        assert not desk.tell(
            temperature_celsius={f"{part}-{n}": 1.0 for n in range(256)}
            if part < 3
            else {f"{part}-{n}": 1.0 for n in range(SERIES_AT_MOST - 3 * 256)}
        ).remarks
    assert desk.tell(temperature_celsius={"one-more": 1.0}, door_open=True, humidity_ratio={"0-0": 0.5}).remarks == (
        ("excess", 1),
    )
    assert len(desk.look().readings) == 1 + SERIES_AT_MOST


def test_names_that_are_gone_make_room_for_new_ones(desk):
    """ppp0, ppp1, and so on, for years: the bound is on what is alive."""
    for n in range(SERIES_AT_MOST + 5):
        desk.now = 60 * n
        assert not desk.tell(interface_up={f"ppp{n}": 1}).remarks
        assert len(desk.look().readings) <= 4
