"""Light of both ends: against sums made in milliwatts, and against fibres whose loss is known."""

from math import inf, isclose, log10, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.optics import (
    HIGH_LIMIT,
    LOST,
    LOW_LIMIT,
    OLT_RECEIVE,
    ONU_RECEIVE,
    ONU_TRANSMIT,
    RECEIVE,
    TRANSMIT,
    Lane,
    Light,
    completed,
    days_left,
    find,
    gather,
    span,
)
from netmon.model import Direction, Series

DBM = st.floats(-39, 8)
LIMITS = st.none() | st.floats(-40, -5)


def end(receive=None, transmit=None, limit=None, **more):
    dark = receive is not None and receive <= -40
    return Light(receive_dbm=receive, weakest_dbm=receive, transmit_dbm=transmit, low_limit_dbm=limit, dark=dark, **more)


def ways(near, far, limit=None):
    found = span(near, far, limit)
    return found[Direction.RECEIVE], found[Direction.TRANSMIT]


def test_each_direction_goes_from_one_ends_transmitter_to_the_others_receiver():
    down, up = ways(end(-21.5, 2.0, -28.0), end(-19.0, 3.5, -30.0))
    assert (down.transmit_dbm, down.receive_dbm, down.loss_db, down.margin_db) == (3.5, -21.5, 25.0, 6.5)
    assert (up.transmit_dbm, up.receive_dbm, up.loss_db, up.margin_db) == (2.0, -19.0, 21.0, 11.0)
    assert {down.why_no_loss, down.why_no_margin, up.why_no_loss, up.why_no_margin} == {""}


@given(sent=DBM, loss=st.floats(-0.9, 30), limit=LIMITS, receiver_limit=LIMITS)
def test_a_span_takes_what_was_taken_and_the_optics_own_limit_goes_first(sent, loss, limit, receiver_limit):
    arrives = sent - loss
    down, _ = ways(end(arrives, None, limit), end(None, sent), receiver_limit)
    if arrives <= -40:
        assert (down.loss_db, down.margin_db) == (None, None)
        assert {down.why_no_loss, down.why_no_margin} == {"no_light"}
        return
    assert isclose(down.loss_db, loss, abs_tol=1e-9)
    needed = limit if limit is not None else receiver_limit
    assert down.margin_db == (None if needed is None else arrives - needed)
    assert down.why_no_margin == ("no_limit" if needed is None else "")


@pytest.mark.parametrize(
    ("near", "far", "loss", "margin"),
    [
        (end(None, 2.0), end(-20.0, None, -28.0), "untold", "untold"),
        (end(-40.0, 2.0, -28.0), end(-20.0, 3.0), "no_light", "no_light"),
        (end(-20.0, 2.0, -28.0), end(-20.0, -40.0), "no_light", ""),
        (end(-20.0, 2.0, -28.0, at=100), end(-20.0, 3.0, at=161), "apart", ""),
        (end(-20.0, 2.0, -28.0, at=100), end(-20.0, 3.0, at=160), "", ""),
        (end(-20.0, 2.0, -28.0, at=100, every_s=300), end(-20.0, 3.0, at=700), "", ""),
        (end(4.5, 2.0, -28.0), end(-20.0, 3.0), "gain", ""),
        (end(4.0, 2.0, -28.0), end(-20.0, 3.0), "", ""),
        (end(-20.0, 2.0), None, "untold", "no_limit"),
    ],
)
def test_what_cannot_be_told_is_absent_with_its_reason(near, far, loss, margin):
    down, _ = ways(near, far)
    assert (down.why_no_loss, down.why_no_margin) == (loss, margin)
    assert (down.loss_db is None, down.margin_db is None) == (bool(loss), bool(margin))


@given(st.lists(st.tuples(DBM, DBM, LIMITS), min_size=1, max_size=8), LIMITS)
def test_lanes_add_up_in_milliwatts_and_the_weakest_speaks_for_the_margin(rows, given_limit):
    """A lane that tells no limit has the inventory's; where it gives none, nobody knows which lane is the weakest."""
    light = gather([Lane(receive, limit) for receive, _, limit in rows], [sent for _, sent, _ in rows])
    assert isclose(10 ** (light.receive_dbm / 10), sum(10 ** (receive / 10) for receive, _, _ in rows), rel_tol=1e-9)
    assert isclose(light.transmit_dbm, 10 * log10(sum(10 ** (sent / 10) for _, sent, _ in rows)), abs_tol=1e-9)
    limits = [given_limit if limit is None else limit for _, _, limit in rows]
    down, _ = ways(light, None, given_limit)
    if None in limits:
        assert (down.margin_db, down.limit_dbm, down.why_no_margin) == (None, None, "no_limit")
    else:
        assert down.margin_db == min(row[0] - limit for row, limit in zip(rows, limits, strict=True))


def test_a_lane_without_a_limit_of_its_own_is_held_against_the_links():
    light = gather([Lane(-5.0, -14.0), Lane(-30.0)], [])
    down, _ = ways(light, None, -14.0)
    assert (down.margin_db, down.limit_dbm) == (-16.0, -14.0)
    assert ways(light, None)[0].why_no_margin == "no_limit"


@given(st.lists(DBM, min_size=1, max_size=8), st.floats(0, 25))
def test_a_span_that_takes_the_same_of_every_lane_takes_that_of_their_sum(sent, loss):
    far = gather([], sent)
    down, _ = ways(gather([Lane(power - loss) for power in sent], []), far)
    dark = any(power - loss <= -40 for power in sent)
    assert down.loss_db is None if dark else isclose(down.loss_db, loss, abs_tol=1e-9)


def test_a_sum_of_some_lanes_is_no_sum():
    part = gather([Lane(-3.0)] * 3, [1.0] * 4)
    assert (part.receive_dbm, part.weakest_dbm) == (None, None)
    assert part.transmit_dbm == pytest.approx(1 + 10 * log10(4))
    assert gather([Lane(-3.0)] * 4, [1.0] * 3).transmit_dbm is None


def test_one_dark_lane_is_a_dark_port():
    for dark in (Lane(-40.0, -14.0), Lane(-3.0, -14.0, lost=True)):
        down, _ = ways(gather([Lane(-3.0, -14.0), dark], []), end(None, 2.0))
        assert (down.why_no_loss, down.why_no_margin) == ("no_light", "no_light")


def test_a_receiver_that_gets_more_than_it_bears_is_overloaded():
    assert gather([Lane(-3.0, None, -2.0), Lane(-1.0, None, -2.0)], []).overloaded
    assert not gather([Lane(-3.0, None, -2.0), Lane(-2.0, None, -2.0)], []).overloaded


def test_what_an_end_does_not_tell_the_other_tells_of_it():
    own, told = end(None, 2.5, -27.0), end(-20.0, 2.1, at=50)
    assert completed(own, told) == end(-20.0, 2.5, -27.0, at=50)
    assert completed(end(-21.0, None, -27.0), told) == end(-21.0, 2.1, -27.0)
    assert completed(end(-21.0, 2.5), told) == end(-21.0, 2.5)
    assert completed(None, told) == told
    assert completed(None, None) is None


def test_a_margin_lasts_as_long_as_it_fades():
    assert days_left(6.0, 0.5) == 84.0
    assert [days_left(*each) for each in ((-1.0, 0.5), (0.0, None), (6.0, None), (6.0, -0.5), (6.0, 0.0), (None, 0.5))] == [
        *(0.0, 0.0, None, None, None, None)
    ]


# --- where it stands among the readings ---------------------------------------------------------------------------------


def readings(*rows):
    """Series and values of (family, interface, sensor, value)."""
    series = [
        Series(family, (("device", "r"), ("interface", interface), ("sensor", sensor)))
        for family, interface, sensor, _ in rows
    ]
    return series, [value for *_, value in rows]


def light(rows, port):
    series, values = readings(*rows)
    return find(series, [port])[port].own.light(values, at=7.0, every_s=60)


SFP = [
    (RECEIVE, "ge1", "67", -18.0),
    (TRANSMIT, "ge1", "67", 1.0),
    (LOW_LIMIT, "ge1", "67", -24.0),
    (HIGH_LIMIT, "ge1", "67", -3.0),
    (LOST, "ge1", "67", 0),
    (RECEIVE, "ge2", "68", -5.0),
    (RECEIVE, "", "69", -6.0),
]


def test_a_port_owns_the_readings_of_its_interface_else_those_of_its_sensor():
    assert light(SFP, "ge1") == end(-18.0, 1.0, -24.0, at=7.0, every_s=60)
    assert light(SFP, "69").receive_dbm == -6.0
    assert light(SFP, "67") == light(SFP, "ge1")
    assert find(readings(*SFP)[0], ["ge3", ""]) == {}


def test_an_interface_that_is_called_as_another_ones_sensor_is_itself():
    assert light([*SFP, (RECEIVE, "67", "70", -9.0)], "67").receive_dbm == -9.0


def test_a_reading_that_says_that_the_signal_is_lost_is_believed():
    assert light([row if row[0] != LOST else (*row[:3], 1) for row in SFP], "ge1").dark


def test_sensors_of_a_quantity_each_are_one_optic():
    """A switch whose every sensor measures one thing: the limit stands with what it limits, or with the port."""
    rows = [(RECEIVE, "te1", "rx", -18.0), (TRANSMIT, "te1", "tx", 1.0), (LOW_LIMIT, "te1", "rx", -24.0)]
    assert light(rows, "te1") == end(-18.0, 1.0, -24.0, at=7.0, every_s=60)
    loose = [*rows[:2], (LOW_LIMIT, "te1", "module", -25.0), (LOW_LIMIT, "te1", "module 2", -22.0)]
    assert light(loose, "te1").low_limit_dbm == -22.0


@pytest.mark.parametrize("value", [nan, -inf])
def test_what_is_no_number_is_not_told(value):
    rows = [(family, "ge1", "67", value) for family in (RECEIVE, TRANSMIT, LOW_LIMIT)]
    assert light(rows, "ge1") is None
    assert light([rows[0], (TRANSMIT, "ge1", "67", 1.0)], "ge1").receive_dbm is None


OLT = [
    (TRANSMIT, "gpon0/1/0", "p0", 4.5),
    (RECEIVE, "gpon0/1/0", "p0", -13.0),
    (LOW_LIMIT, "gpon0/1/0", "p0", -30.0),
    *((family, "gpon0/1/0", "4194304.1", value) for family, value in ((ONU_RECEIVE, -19.5), (ONU_TRANSMIT, 2.2))),
    (OLT_RECEIVE, "gpon0/1/0", "4194304.1", -22.3),
    (OLT_RECEIVE, "gpon0/1/0", "4194304.2", -27.0),
]


def test_an_olt_tells_both_ends_of_the_link_to_an_onu():
    series, values = readings(*OLT)
    places = find(series, ["4194304.1"])["4194304.1"]
    far, near = (optic.light(values, at=7.0, every_s=60) for optic in places)
    assert far == end(-22.3, 4.5, -30.0, at=7.0, every_s=60)
    assert near == end(-19.5, 2.2, at=7.0, every_s=60)
    down, up = ways(near, far, -27.0)
    assert (down.loss_db, down.margin_db, up.loss_db, up.margin_db) == (24.0, 7.5, 24.5, pytest.approx(7.7))


def test_what_a_port_of_an_olt_receives_is_no_links_light():
    assert light(OLT, "gpon0/1/0") == end(None, 4.5, -30.0, at=7.0, every_s=60)
