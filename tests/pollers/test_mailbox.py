"""What has come of one device that reports by itself (SEMANTICS 9): sessions, sequence, time and values."""

import json
from zlib import crc32

import pytest

from netmon.model import At, Device, Epoch, Kind, Outcome, Speech
from netmon.pollers.mailbox import HISTORY_AT_MOST, SERIES_AT_MOST, Mailbox
from netmon.pollers.payloads import PAYLOAD_BYTES, Place
from netmon.pollers.sessions import LOST_AT_MOST

T0 = 1_800_000_000.0
LABELS = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))
VOLTS = "battery_voltage_volts"


def at(after_s):
    return At(T0 + after_s, 1000.0 + after_s)


class Desk:
    """A mailbox under a clock that the test sets; every message and every look takes place at `now`."""

    def __init__(self, interval_s=30.0):
        self.now = 0.0
        self.mailbox = Mailbox(Device(id="d1", site="s1", speaks=Speech.MQTT, interval_s=interval_s), LABELS, at(0))
        self.seq = 0

    def post(self, kind, retained=False, place=("04", "01273", "s1"), **body):
        payload = json.dumps(body).encode()
        return self.mailbox.take(Place(*place, "d1", kind), payload, retained, at(self.now))

    def birth(self, session="a", period_s=60, retained=False):
        return self.post("birth", retained, session=session, period_s=period_s, ts=self.ms())

    def status(self, state, session="a", retained=False):
        return self.post("status", retained, state=state, session=session)

    def tell(self, value=53.5, session="a", seq=None, ts=None, retained=False, **m):
        self.seq += 1
        seq = self.seq if seq is None else seq
        ts = self.ms() if ts is None else ts
        return self.post("telemetry", retained, ts=ts, seq=seq, session=session, m=m or {VOLTS: value})

    def ms(self, after_s=None):
        return int((T0 + (self.now if after_s is None else after_s)) * 1000)

    def look(self, after_s=None):
        self.now = self.now if after_s is None else after_s
        return self.mailbox.look(at(self.now))

    def outcome(self, after_s=None):
        poll = self.look(after_s)
        return poll.outcome if poll else None


def values(poll, family=f"netmon_{VOLTS}"):
    return [(reading.value, reading.at.unix - T0) for reading in poll.readings if reading.series.family == family]


@pytest.fixture
def desk():
    return Desk()


# --- silence, births and wills ----------------------------------------------------------------------------------------


def test_silence_is_three_periods_of_the_birth_without_a_sign_of_life(desk):
    """Until a birth says how often it reports, the inventory does."""
    assert desk.outcome(90) is None
    poll = desk.look(91)
    assert (poll.outcome, poll.period_s) == (Outcome.SILENT, 30)
    assert poll.detail == "Nothing came for 91 s: three of its periods of 30 s; it was never heard."
    desk.birth(period_s=100)
    assert desk.look().period_s == 100
    assert desk.outcome(391) is None
    assert desk.look(392).detail.startswith(
        "Nothing came for 301 s: three of its periods of 100 s; last heard 2027-01-15 15:01:31"
    )
    assert desk.outcome(393) is Outcome.SILENT


def test_patience_begins_anew_when_netmon_subscribes_again(desk):
    desk.birth()
    desk.look()
    desk.now = 170
    desk.mailbox.listen(at(170))
    assert desk.outcome(350) is None
    assert desk.outcome(351) is Outcome.SILENT


def test_what_came_before_the_broker_went_away_is_no_sign_of_life_after_it(desk):
    """Nor is it lost: it goes to its own time."""
    desk.tell(51.0)
    desk.now = 500
    desk.mailbox.listen(at(500))
    assert desk.look() is None
    assert [reading.value for reading in desk.look(1000).history] == [51.0]


def test_a_will_of_the_current_session_is_silence_at_once(desk):
    desk.birth()
    desk.look()
    desk.now = 5
    assert not desk.status("offline").rejected
    assert desk.mailbox.news
    poll = desk.look()
    assert poll.outcome is Outcome.SILENT
    assert poll.detail == "The broker told its will at 2027-01-15 15:00:05: session a is offline."
    assert desk.outcome(6) is Outcome.SILENT


@pytest.mark.parametrize("later", ["birth", "telemetry"])
def test_a_will_that_comes_after_a_newer_session_is_ignored(desk, later):
    """MQTT keeps the order of one topic only."""
    desk.birth("a")
    desk.birth("b") if later == "birth" else desk.tell(session="b")
    assert desk.status("offline", "a").rejected == "stale_will"
    assert desk.outcome() is Outcome.ANSWERED


def test_a_will_that_comes_before_the_next_birth_ends_with_it(desk):
    desk.birth("a")
    desk.status("offline", "a")
    assert desk.outcome() is Outcome.SILENT
    desk.birth("b")
    assert desk.mailbox.news
    assert desk.outcome() is Outcome.ANSWERED


def test_a_will_without_any_birth_counts_for_nothing(desk):
    assert desk.status("offline").rejected == "stale_will"
    assert desk.look() is None


def test_a_retained_will_only_starts_the_normal_patience(desk):
    """netmon started, or the broker was restarted from its disk: it may be old news."""
    desk.birth("a", retained=True)
    assert not desk.status("offline", "a", retained=True).rejected
    assert not desk.mailbox.news
    assert desk.outcome(180) is None
    assert desk.outcome(181) is Outcome.SILENT


def test_a_retained_birth_is_no_sign_of_life_but_tells_the_period(desk):
    desk.birth(period_s=600, retained=True)
    assert desk.look() is None
    assert desk.look(1801).period_s == 600


def test_an_old_retained_birth_does_not_undo_what_was_heard_live(desk):
    """A broker that lost its disk's last minutes remembers an older life."""
    desk.birth("a")
    desk.birth("b")
    desk.mailbox.listen(at(1))
    desk.birth("a", retained=True)
    assert desk.status("offline", "a", retained=True).rejected == "stale_will"
    assert not desk.status("offline", "b").rejected


def test_a_session_known_from_the_brokers_memory_yields_to_the_one_that_speaks(desk):
    desk.tell(session="b")
    desk.mailbox.listen(at(1))
    desk.birth("never-heard", retained=True)
    assert not desk.tell(session="b").remarks
    assert not desk.status("offline", "b").rejected


def test_online_is_a_sign_of_life_when_it_is_live_and_of_the_current_session(desk):
    desk.birth(retained=True)
    desk.status("online", retained=True)
    desk.status("online", "other")
    assert desk.look() is None
    desk.status("online")
    poll = desk.look()
    assert poll.outcome is Outcome.ANSWERED
    assert [reading.series.family for reading in poll.readings] == ["netmon_device_info"]


def test_retained_telemetry_and_events_are_rejected(desk):
    """They say nothing about now, and come again at each connection."""
    assert desk.tell(retained=True).rejected == "retained"
    assert desk.post("event", retained=True, ts=desk.ms(), event="door_open").rejected == "retained"
    assert desk.look() is None
    assert desk.look(91).detail.startswith("Nothing came")
    desk.tell(retained=True)
    assert desk.look().detail == "It speaks, but what it sends is not taken: telemetry must not be retained."


def test_two_sessions_by_turns_are_remarked(desk):
    assert not desk.tell(session="a").remarks
    assert not desk.tell(session="b").remarks
    assert desk.tell(session="a", seq=2).remarks == (("interleaved", 1),)
    assert not desk.tell(session="b", seq=3).remarks


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_time_in_the_future_is_replaced_by_our_own(desk):
    assert desk.tell(ts=desk.ms(121)).remarks == (("future", 1),)
    assert values(desk.look()) == [(53.5, 0.0)]
    assert not desk.tell(ts=desk.ms(119)).remarks
    assert values(desk.look()) == [(53.5, 119.0)]


def test_an_old_report_is_history_and_no_sign_of_life(desk):
    """Older than three periods and than two minutes."""
    desk.birth()
    desk.look()
    assert desk.tell(50.0, ts=desk.ms(-181)).remarks == (("history", 1),)
    assert not desk.mailbox.news
    assert desk.look() is None
    desk.tell(51.0, ts=desk.ms(-180))
    poll = desk.look()
    assert values(poll) == [(51.0, -180.0)]
    assert [(r.value, r.at) for r in poll.history] == [(50.0, at(-181))]


def test_a_device_that_speaks_only_of_the_past_is_silent_and_told_why(desk):
    desk.now = 80
    desk.tell(ts=desk.ms(-3520))
    poll = desk.look(91)
    assert poll.outcome is Outcome.SILENT
    assert poll.detail == "It speaks, but of the past: its last report is 3600 s old; is its clock right?"
    assert len(poll.history) == 1
    desk.tell(ts=int(T0))
    assert desk.look().detail.endswith("its ts is in seconds and must be in milliseconds.")


def test_history_is_bounded_and_what_is_over_is_rejected(desk):
    sensors = {"temperature_celsius": {f"t{n}": 20.0 for n in range(250)}}
    taken = [desk.tell(ts=desk.ms(-3600), **sensors).rejected for _ in range(5)]
    assert taken == [""] * 4 + ["overflow"]
    assert len(desk.look(91).history) == HISTORY_AT_MOST
    assert not desk.tell(ts=desk.ms(-3600), **sensors).rejected


# --- sequence ---------------------------------------------------------------------------------------------------------


def test_a_message_that_comes_twice_is_taken_once(desk):
    assert not desk.tell(seq=7).rejected
    assert desk.tell(seq=7).rejected == "duplicate"
    assert not desk.tell(seq=7, session="b").rejected
    event = {"ts": desk.ms(), "event": "door_open"}
    assert [desk.post("event", **event).rejected for _ in range(2)] == ["", "duplicate"]


def test_what_is_missing_in_a_session_is_counted_as_lost(desk):
    desk.tell(seq=100)
    assert desk.tell(seq=104).remarks == (("lost", 3),)
    assert not desk.tell(seq=1, session="b").remarks
    assert desk.tell(seq=10**9, session="b").remarks == (("lost", LOST_AT_MOST),)


def test_a_message_that_was_overtaken_is_taken_and_overwrites_nothing(desk):
    desk.tell(50.0, seq=1, ts=desk.ms(0))
    desk.look()
    desk.now = 20
    desk.tell(52.0, seq=3, ts=desk.ms(20))
    assert not desk.tell(51.0, seq=2, ts=desk.ms(10)).rejected
    poll = desk.look()
    assert values(poll) == [(52.0, 20.0)]
    assert [(r.value, r.at) for r in poll.history] == [(51.0, at(10))]


def test_a_sequence_that_begins_anew_in_its_session_does_not_freeze_the_values(desk):
    """A device whose session is always the same, or whose counter is short."""
    desk.tell(50.0, seq=65535)
    desk.now = 60
    assert not desk.tell(51.0, seq=0).remarks
    assert values(desk.look()) == [(51.0, 60.0)]
    assert not desk.tell(52.0, seq=1).remarks


def test_a_new_session_whose_clock_was_set_back_is_believed(desk):
    desk.tell(50.0, session="a", ts=desk.ms(100))
    desk.tell(51.0, session="b", ts=desk.ms(0))
    assert values(desk.look()) == [(51.0, 0.0)]


# --- values -----------------------------------------------------------------------------------------------------------


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
        ({"device_uptime_seconds": 12.34}, Epoch(1234, None, None, "wan")),
        ({"device_uptime_seconds": 2**32 / 100 + 1}, Epoch(100, None, None, "wan")),
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


# --- odd and unfit messages -------------------------------------------------------------------------------------------


def test_unknown_names_are_remarked_told_once_and_cost_the_others_nothing(desk):
    receipt = desk.tell(colour=1, battery_voltage_volts=53.5, device_up=0)
    assert (receipt.remarks, receipt.unknown) == ((("unknown_name", 2),), ("colour", "device_up"))
    assert values(desk.look()) == [(53.5, 0.0)]
    receipt = desk.tell(colour=1, shape=2)
    assert (receipt.remarks, receipt.unknown) == ((("unknown_name", 2),), ("shape",))


def test_a_device_that_moved_is_taken_under_its_own_labels_and_remarked(desk):
    """Identity is the device segment; that it moved is told once."""
    body = {"session": "a", "seq": 1, "ts": desk.ms(), "m": {VOLTS: 50}}
    elsewhere = ("04", "01279", "s9")
    receipts = [desk.post("telemetry", place=elsewhere, **body | {"seq": n}) for n in (1, 2)]
    assert [(r.rejected, r.remarks, r.moved) for r in receipts] == [
        ("", (("moved", 1),), True),
        ("", (("moved", 1),), False),
    ]
    assert desk.look().readings[1].series.labels == LABELS


def test_a_payload_that_is_too_long_is_rejected_unread(desk):
    body = json.dumps({"state": "online", "session": "a"}).encode()
    place = Place("04", "01273", "s1", "d1", "status")
    assert not desk.mailbox.take(place, body.ljust(PAYLOAD_BYTES), False, at(0)).rejected
    assert desk.mailbox.take(place, body.ljust(PAYLOAD_BYTES + 1), False, at(0)).rejected == "size"


def test_a_payload_that_does_not_fit_changes_nothing_and_is_told_in_the_end(desk):
    assert desk.tell(battery_voltage_volts=50, temperature_celsius=31.5).rejected == "payload"
    assert desk.look() is None
    desk.now = 80
    desk.tell("fifty")
    assert desk.look(91).detail.startswith("It speaks, but what it sends is not taken: Expected `bool | int")


def test_an_event_is_a_sign_of_life_and_handed_on(desk):
    assert desk.post("event", ts=desk.ms(), event="door_open").event == "door_open"
    assert desk.outcome() is Outcome.ANSWERED
    assert desk.post("event", ts=desk.ms(-3600), event="door_open").remarks == (("history", 1),)
    assert desk.look() is None


# --- reload -----------------------------------------------------------------------------------------------------------


def test_a_reload_of_settings_changes_nothing_that_is_known(desk):
    desk.birth("a", period_s=100)
    desk.tell()
    desk.mailbox.rename(Device(id="d1", site="s1", speaks=Speech.MQTT, interval_s=5.0), LABELS)
    poll = desk.look()
    assert (values(poll), poll.period_s) == ([(53.5, 0.0)], 100)


def test_a_reload_of_its_place_begins_its_series_anew_and_keeps_its_session(desk):
    desk.birth("a")
    desk.tell()
    moved = (("province", "04"), ("commune", "01279"), ("site", "s2"), ("device", "d1"))
    desk.mailbox.rename(Device(id="d1", site="s2", speaks=Speech.MQTT), moved)
    assert [r.series.labels[:4] for r in desk.look().readings] == [moved]
    assert not desk.status("offline", "a").rejected
