"""When it was measured what one device reports by itself (SEMANTICS 9): time, late reports, sequence, stepping clocks."""

import pytest

from netmon.model import Lull, Outcome
from netmon.pollers.sessions import LOST_AT_MOST
from netmon.pollers.values import HISTORY_AT_MOST
from tests.pollers.desk import T0, Desk, at, values


@pytest.fixture
def desk():
    return Desk()


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_time_in_the_future_is_replaced_by_our_own(desk):
    assert not desk.tell(ts=desk.ms(119)).remarks
    assert values(desk.look()) == [(53.5, 119.0)]
    assert desk.tell(ts=desk.ms(121)).remarks == (("future", 1),)
    assert values(desk.look()) == [(53.5, 0.0)]


def test_of_a_clock_that_is_ahead_the_distances_are_kept(desk):
    """Counters that come in a burst keep their intervals: what came with the widest lead was on its way for no time."""
    lead_s, seen = 300, []
    for measured, came in ((0, 0.5), (60, 160), (120, 160.2), (180, 180.5), (240, 240.6)):
        desk.now = came
        assert desk.tell(ts=desk.ms(measured + lead_s)).remarks == (("future", 1),)
        seen += values(desk.look())
    assert [round(time_s - 0.5, 6) for _, time_s in seen] == [0, 60, 120, 180, 240]


def test_a_clock_at_the_edge_of_the_future_makes_no_time_go_backwards(desk):
    seen = []
    for n, lead_s in enumerate((121, 119, 121, 119)):
        desk.now = 60 * n
        desk.tell(ts=desk.ms(desk.now + lead_s))
        seen += [time_s for _, time_s in values(desk.look())]
    assert seen == [0, 58, 120, 178]


def test_a_clock_that_was_ahead_and_is_set_right_is_believed_again(desk):
    """At once when the lead shrank by more than the network delays, else when no report came with it for so long."""
    desk.birth(period_s=60)
    for after_s, lead_s, told_s in (
        (0, 400, 0),
        (60, -1, 59),
        (120, 150, 120),
        (180, -1, 29),
        (481, -1, 480),
        (541, 9, 550),
    ):
        desk.now = after_s
        desk.tell(ts=desk.ms(after_s + lead_s))
        assert values(desk.look())[0][1] == told_s


@pytest.mark.parametrize("step_s", [600, -600, 86_400])
def test_a_step_of_our_own_clock_makes_no_report_history_or_future(desk, step_s):
    """Devices are right, and tell the time on our line for as long as our clock is off; then the allowance is forgotten."""
    for n in range(10):
        desk.now = 60 * n
        desk.step_s = step_s if 2 <= n < 6 else 0
        assert not desk.tell(float(n), ts=desk.ms(desk.now - 5)).remarks
        poll = desk.look()
        [reading] = poll.readings[1:]
        assert (reading.value, reading.at, poll.history) == (n, at(desk.now - 5, desk.step_s), ())


def test_steps_of_our_clock_add_up(desk):
    for n, step_s in enumerate((0, 1000, 1500, 800, 800)):
        desk.now, desk.step_s = 60 * n, step_s
        assert not desk.tell().remarks
        assert desk.outcome() is Outcome.ANSWERED


def test_devices_that_were_ahead_only_of_our_wrong_clock_are_believed_when_it_is_set(desk):
    desk.birth(period_s=60)
    assert desk.tell(ts=desk.ms(300)).remarks == (("future", 1),)
    desk.look()
    desk.now, desk.step_s = 60, 300
    assert not desk.tell(ts=desk.ms(360)).remarks
    assert [reading.at for reading in desk.look().readings[1:]] == [at(60, 300)]


def test_late_reports_stay_history_after_a_step_of_our_clock(desk):
    desk.tell()
    desk.look()
    desk.now, desk.step_s = 60, 600
    assert desk.tell(ts=desk.ms(-3600)).remarks == (("history", 1),)
    assert not desk.tell(51.0).remarks
    assert desk.tell(ts=desk.ms(-3590)).remarks == (("history", 1),)
    assert [reading.at for reading in desk.look().history] == [at(-4200, 600), at(-3590, 600)]


def test_a_device_whose_own_clock_is_wrong_gets_no_allowance(desk):
    for n in range(4):
        desk.now = 60 * n
        assert desk.tell(ts=desk.ms(desk.now - 600)).remarks == (("history", 1),)
    assert desk.tell().remarks == ()
    desk.now, desk.step_s = 300, 600
    assert desk.tell(ts=desk.ms(desk.now - 600)).remarks == (("history", 1),)


def test_a_clock_that_is_ahead_stays_so_when_ours_steps(desk):
    for n, step_s in enumerate((0, 600, 600, 0)):
        desk.now, desk.step_s = 60 * n, step_s
        assert desk.tell(ts=desk.ms(desk.now + 300)).remarks == (("future", 1),)
        [reading] = desk.look().readings[1:]
        assert reading.at == at(desk.now, step_s)


def test_an_old_report_is_history_and_no_sign_of_life(desk):
    """Older than three periods and than two minutes."""
    desk.birth()
    desk.look()
    assert desk.tell(50.0, ts=desk.ms(-181)).remarks == (("history", 1),)
    lull = desk.look()
    assert isinstance(lull, Lull)
    assert [(r.value, r.at) for r in lull.history] == [(50.0, at(-181))]
    desk.tell(51.0, ts=desk.ms(-180))
    poll = desk.look()
    assert (values(poll), poll.history) == ([(51.0, -180.0)], ())


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


def test_history_asks_for_a_look_and_is_handed_over_by_it(desk):
    """A device that was cut off tells faster than it is silent: nothing may pile up until then."""
    desk.birth(period_s=60)
    desk.look()
    sensors = {"temperature_celsius": {f"t{n}": 20.0 for n in range(10)}}
    handed = 0
    for n in range(300):
        desk.now = n / 2
        assert not desk.tell(ts=desk.ms(-40_000 + 60 * n), **sensors).rejected
        assert desk.mailbox.news
        lull = desk.look()
        assert isinstance(lull, Lull)
        assert (lull.device, lull.period_s) == ("d1", 60)
        handed += len(lull.history)
    assert handed == 3_000
    assert desk.look().history == ()


# --- sequence ---------------------------------------------------------------------------------------------------------


def test_a_message_that_comes_twice_is_taken_once(desk):
    """It has the same session, `seq` and `ts` then."""
    assert not desk.tell(seq=7).rejected
    assert desk.tell(seq=7).rejected == "duplicate"
    assert not desk.tell(seq=7, session="b").rejected
    event = {"ts": desk.ms(), "event": "door_open"}
    assert [desk.post("event", **event).rejected for _ in range(2)] == ["", "duplicate"]


def test_a_device_that_reboots_into_the_same_session_is_not_refused(desk):
    """Its sequence begins anew, or never moves."""
    for desk.now in (0, 20, 40, 100, 120, 140):
        assert not desk.tell(seq=desk.now // 20 % 5).rejected
        assert values(desk.look()) == [(53.5, desk.now)]
    for desk.now in (200, 260):
        assert not desk.tell(seq=0).rejected


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
