"""Life and death of one device that reports by itself (SEMANTICS 9): sessions, births, wills and odd messages."""

import json

import pytest

from netmon.model import Device, Lull, Outcome, Speech
from netmon.pollers.payloads import LABEL_CHARACTERS, PAYLOAD_BYTES, Place
from tests.pollers.desk import LABELS, VOLTS, Desk, at, values


@pytest.fixture
def desk():
    return Desk()


# --- silence, births and wills ----------------------------------------------------------------------------------------


def test_silence_is_three_periods_of_the_birth_without_a_sign_of_life(desk):
    """Until a birth says how often it reports, the inventory does."""
    assert desk.outcome(90) == "lull"
    poll = desk.look(91)
    assert (poll.outcome, poll.period_s) == (Outcome.SILENT, 30)
    assert poll.detail == "Nothing came for 91 s: three of its periods of 30 s; it was never heard."
    desk.birth(period_s=100)
    assert desk.look().period_s == 100
    assert desk.outcome(391) == "lull"
    assert desk.look(392).detail.startswith(
        "Nothing came for 301 s: three of its periods of 100 s; last heard 2027-01-15 15:01:31"
    )
    assert desk.outcome(393) is Outcome.SILENT


def test_patience_begins_anew_when_netmon_subscribes_again(desk):
    desk.birth()
    desk.look()
    desk.now = 170
    desk.mailbox.listen(at(170))
    assert desk.outcome(350) == "lull"
    assert desk.outcome(351) is Outcome.SILENT


def test_what_came_before_the_broker_went_away_is_no_sign_of_life_after_it(desk):
    """Nor is it lost: it goes to its own time."""
    desk.tell(51.0)
    desk.now = 500
    desk.mailbox.listen(at(500))
    lull = desk.look()
    assert isinstance(lull, Lull)
    assert [reading.value for reading in lull.history] == [51.0]


def test_a_will_of_the_current_session_is_silence_at_once(desk):
    desk.birth()
    desk.look()
    desk.now = 5
    assert not desk.status("offline").rejected
    assert desk.mailbox.news
    poll = desk.look()
    assert poll.outcome is Outcome.SILENT
    assert poll.detail == "The broker told its will at 2027-01-15 15:00:05: session a is offline."


@pytest.mark.parametrize(("period_s", "given_s"), [(10, 60), (60, 60), (600, 600)])
def test_a_will_is_a_hint_and_the_device_has_time_to_connect_again(desk, period_s, given_s):
    """One silent poll at once; the next only when nothing came for a minute and for a period."""
    desk.birth(period_s=period_s)
    desk.status("offline")
    assert desk.outcome(5) is Outcome.SILENT
    assert desk.outcome(8) == "lull"
    desk.status("offline")
    assert not desk.mailbox.news
    assert desk.outcome(given_s - 1) == "lull"
    assert desk.outcome(given_s) is Outcome.SILENT
    assert desk.outcome(given_s + 1) is Outcome.SILENT
    desk.birth("b", period_s)
    assert desk.outcome() is Outcome.ANSWERED
    assert desk.outcome() == "lull"


def test_a_will_gives_no_time_to_a_device_that_was_silent_already(desk):
    """Its keepalive is longer than its patience."""
    desk.birth(period_s=10)
    desk.look()
    assert desk.outcome(31) is Outcome.SILENT
    desk.now = 45
    desk.status("offline")
    assert desk.outcome(46) is Outcome.SILENT
    assert desk.outcome(51) is Outcome.SILENT


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
    assert desk.outcome() == "lull"


def test_a_retained_will_only_starts_the_normal_patience(desk):
    """netmon started, or the broker was restarted from its disk: it may be old news."""
    desk.birth("a", retained=True)
    assert not desk.status("offline", "a", retained=True).rejected
    assert not desk.mailbox.news
    assert desk.outcome(180) == "lull"
    assert desk.outcome(181) is Outcome.SILENT


def test_a_retained_birth_is_no_sign_of_life_but_tells_the_period(desk):
    desk.birth(period_s=600, retained=True)
    assert desk.outcome() == "lull"
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
    assert desk.outcome() == "lull"
    desk.status("online")
    poll = desk.look()
    assert poll.outcome is Outcome.ANSWERED
    assert [reading.series.family for reading in poll.readings] == ["netmon_device_info"]


def test_retained_telemetry_and_events_are_rejected(desk):
    """They say nothing about now, and come again at each connection."""
    assert desk.tell(retained=True).rejected == "retained"
    assert desk.post("event", retained=True, ts=desk.ms(), event="door_open").rejected == "retained"
    assert desk.outcome() == "lull"
    assert desk.look(91).detail.startswith("Nothing came")
    desk.tell(retained=True)
    assert desk.look().detail == "It speaks, but what it sends is not taken: telemetry must not be retained."


@pytest.mark.fault("mqtt-interleaved")
def test_two_sessions_by_turns_are_remarked(desk):
    assert not desk.tell(session="a").remarks
    assert not desk.tell(session="b").remarks
    assert desk.tell(session="a", seq=2).remarks == (("interleaved", 1),)
    assert not desk.tell(session="b", seq=3).remarks


# --- odd and unfit messages -------------------------------------------------------------------------------------------


def test_unknown_names_are_remarked_told_once_and_cost_the_others_nothing(desk):
    receipt = desk.tell(colour=1, battery_voltage_volts=53.5, device_up=0)
    assert (receipt.remarks, receipt.unknown) == ((("unknown_name", 2),), ("colour", "device_up"))
    assert values(desk.look()) == [(53.5, 0.0)]
    receipt = desk.tell(colour=1, shape=2)
    assert (receipt.remarks, receipt.unknown) == ((("unknown_name", 2),), ("shape",))


def test_unknown_names_that_are_told_are_short_and_few(desk):
    told = [name for n in range(70) for name in desk.tell(**{f"{n}" + "z" * 1000: 1}).unknown]
    assert len(told) == 64
    assert max(map(len, told)) == LABEL_CHARACTERS


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
    assert desk.outcome() == "lull"
    desk.now = 80
    desk.tell("fifty")
    assert desk.look(91).detail.startswith("It speaks, but what it sends is not taken: Expected `bool | int")


def test_an_event_is_a_sign_of_life_and_handed_on(desk):
    assert desk.post("event", ts=desk.ms(), event="door_open").event == "door_open"
    assert desk.outcome() is Outcome.ANSWERED
    assert desk.post("event", ts=desk.ms(-3600), event="door_open").remarks == (("history", 1),)
    assert desk.outcome() == "lull"


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
