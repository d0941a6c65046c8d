"""Speed tests that a device tells: whose they are, when they were made, and what comes of odd ones."""

import pytest

from netmon.model import Outcome, SpeedTest
from netmon.pollers.mailbox import TESTS_AT_MOST
from tests.pollers.desk import T0, Desk

MADE = {
    "network": "fixed",
    "operator": "vnpt",
    "download_mbit_s": 93.1,
    "upload_mbit_s": 88,
    "latency_ms": 12.3,
}


@pytest.fixture
def desk():
    return Desk()


def told(desk, after_s=None, **changed):
    return desk.post("speed", **{"ts": desk.ms(after_s)} | MADE | changed)


def test_a_speed_test_is_told_in_bytes_per_second_and_seconds_and_is_a_sign_of_life(desk):
    """Its site is the inventory's, wherever the topic says that it is."""
    test = told(desk).test
    assert test == SpeedTest(T0, "s1", "d1", "fixed", "vnpt", pytest.approx(11_637_500), 11e6, pytest.approx(0.0123))
    assert desk.outcome() is Outcome.ANSWERED
    body = {"ts": desk.ms()} | MADE | {"network": "mobile"}
    receipt = desk.post("speed", place=("04", "01279", "s2"), **body)
    assert (receipt.test.site, receipt.moved) == ("s1", True)


def test_what_may_be_left_out_may_be_left_out(desk):
    body = {key: value for key, value in MADE.items() if key != "latency_ms"}
    assert desk.post("speed", ts=desk.ms(), **body).test.latency_s is None
    assert told(desk, 1, session="a").test.at == T0 + 1


def test_one_of_the_past_goes_to_its_own_time_and_is_no_sign_of_life(desk):
    receipt = told(desk, -86_400)
    assert (receipt.test.at, receipt.remarks) == (T0 - 86_400, (("history", 1),))
    assert desk.outcome() == "lull"


def test_one_of_the_future_is_as_if_made_when_it_came(desk):
    desk.now = 10
    receipt = told(desk, 1_000)
    assert (receipt.test.at, receipt.remarks) == (T0 + 10, (("future", 1),))


def test_one_that_comes_twice_is_taken_once(desk):
    """Tests of two networks at one instant are two."""
    assert not told(desk).rejected
    assert told(desk).rejected == "duplicate"
    assert told(desk).test is None
    assert told(desk, network="mobile_5g").test is not None


def test_one_that_was_retained_is_rejected(desk):
    assert desk.post("speed", retained=True, ts=desk.ms(), **MADE).rejected == "retained"


def test_more_than_a_device_can_have_made_are_rejected_until_an_hour_is_over(desk):
    """What it kept while it was cut off is taken, up to the bound."""
    assert not any(told(desk, -3600 * n).rejected for n in range(TESTS_AT_MOST))
    assert told(desk, 1).rejected == "overflow"
    desk.now = 3600
    assert told(desk, 3600).test is not None
