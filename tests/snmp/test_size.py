"""How much a device is asked for at once: grown by answers, halved by tooBig and by loss that comes with size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from netmon.snmp.size import FEWEST, FIRST, MOST, RequestSize

FRAME = 1400
LEAN, FAT = 14, 70  # octets a varbind


def answers(size: RequestSize, times: int, octets_each: int = LEAN) -> list[int]:
    """The sizes after each full request that was answered."""
    found = []
    for _ in range(times):
        size.answered(size.varbinds, size.varbinds * octets_each)
        found.append(size.varbinds)
    return found


def test_it_grows_by_half_with_each_full_answer() -> None:
    assert answers(RequestSize(), 5) == [36, 54, 81, 100, 100]


def test_it_does_not_grow_where_there_is_no_more_to_ask() -> None:
    size = RequestSize()
    assert not any(size.answered(24, 24 * LEAN, more=False) for _ in range(50))


def test_it_grows_no_further_than_an_answer_fits_a_frame_nor_than_the_most() -> None:
    fat, lean = RequestSize(), RequestSize()
    assert answers(fat, 50, FAT)[-1] == FIRST
    assert answers(lean, 50)[-1] == MOST
    middling = RequestSize()
    assert answers(middling, 50, 30)[-1] * 30 <= FRAME


def test_small_requests_say_nothing_of_larger_ones() -> None:
    size = RequestSize()
    assert not any(size.answered(17, 17 * LEAN) for _ in range(50))
    assert answers(size, 1) == [36]


def test_too_big_halves_what_was_asked_and_is_not_tried_again() -> None:
    size = RequestSize(48)
    assert size.too_big(48)
    assert size.varbinds == 24
    assert answers(size, 50)[-1] == 24
    assert size.too_big(10), "what was asked was less than what it might have been"
    assert size.varbinds == 5


def test_what_is_too_big_at_the_fewest_cannot_shrink() -> None:
    size = RequestSize(FEWEST)
    assert not size.too_big(FEWEST)
    assert size.varbinds == FEWEST


def test_plain_loss_costs_nothing() -> None:
    """One in two is lost: never two of that size in a row without an answer between."""
    size = RequestSize()
    for _ in range(100):
        assert not size.lost(24)
        size.answered(24, 24 * FAT)
    assert size.varbinds == FIRST


def test_loss_that_repeats_with_size_halves() -> None:
    """Smaller requests in between, which are answered, do not hide it."""
    size = RequestSize()
    assert not size.lost(24)
    size.answered(8, 8 * LEAN)
    assert size.lost(24)
    assert size.varbinds == 12
    assert answers(size, 20)[-1] == 12


def test_only_an_answer_as_large_disproves_a_loss() -> None:
    size = RequestSize(24, 25)
    assert not size.lost(24)
    size.answered(23, 23 * LEAN)
    assert size.doubts(24)
    assert size.lost(24)
    size = RequestSize(24, 25)
    assert not size.lost(24)
    size.answered(24, 24 * LEAN)
    assert not size.doubts(24)
    assert not size.lost(24)


def test_a_size_that_was_never_answered_is_given_up_at_its_first_loss() -> None:
    size = RequestSize()
    answers(size, 2)
    assert (size.varbinds, size.doubts(54), size.doubts(36)) == (54, True, False)
    assert size.lost(54)
    assert (size.varbinds, size.ceiling) == (36, 37)


def test_what_is_called_too_big_and_cannot_shrink_is_not_asked_again_and_again() -> None:
    """A row's identity and sysUpTime come on top: more than the fewest."""
    size = RequestSize(FEWEST)
    assert not size.too_big(2 * FEWEST)


def test_what_a_bad_hour_halved_is_regained_within_a_day() -> None:
    size = RequestSize(96)
    for _ in range(12):
        size.lost(size.varbinds)
    assert size.varbinds == FEWEST
    for _ in range(24):
        size.try_more()
        answers(size, 3)
    assert size.varbinds >= 96


@pytest.mark.parametrize("bears", [3, 11, 20, 60])
def test_a_limit_that_stays_is_tried_ever_more_seldom(bears: int) -> None:
    """Once a day in the end, and what works is never lost to a trial."""
    size = RequestSize(bears, bears + 1)
    failed = []
    for hour in range(240):
        size.try_more()
        for _ in range(5):
            if size.varbinds > bears:
                assert size.lost(size.varbinds)
                failed.append(hour)
            else:
                size.answered(size.varbinds, size.varbinds * LEAN)
        assert size.varbinds == bears
    assert 1 < len(failed) <= 15
    assert failed[-1] - failed[-2] == 24


def test_loss_of_a_small_request_says_nothing() -> None:
    size = RequestSize()
    assert not any(size.lost(12) for _ in range(20))
    assert not any(RequestSize(FEWEST).lost(FEWEST) for _ in range(20))


def test_a_device_that_was_started_anew_may_bear_more() -> None:
    size = RequestSize()
    size.too_big(24)
    size.forget()
    assert answers(size, 1) == [18]


@given(st.integers(-5, 500), st.integers(-5, 500))
def test_what_was_stored_is_taken_up_within_bounds(varbinds: int, ceiling: int) -> None:
    """It survives a restart as two numbers, whatever they have become."""
    size = RequestSize(varbinds, ceiling)
    assert FEWEST <= size.varbinds < size.ceiling <= MOST + 1
    again = RequestSize(size.varbinds, size.ceiling)
    assert (again.varbinds, again.ceiling) == (size.varbinds, size.ceiling)


class Life(RuleBasedStateMachine):
    """Any life of a device."""

    def __init__(self) -> None:
        super().__init__()
        self.size = RequestSize()

    @rule(share=st.floats(0, 1), octets=st.integers(0, 70_000))
    def answered(self, share: float, octets: int) -> None:
        before, asked = self.size.varbinds, max(1, round(share * self.size.varbinds))
        assert self.size.answered(asked, octets) == (self.size.varbinds > before)
        assert self.size.varbinds >= before

    @rule(share=st.floats(0, 1))
    def lost(self, share: float) -> None:
        before, asked = self.size.varbinds, max(1, round(share * self.size.varbinds))
        assert self.size.lost(asked) == (self.size.varbinds < before)

    @rule(share=st.floats(0, 1))
    def too_big(self, share: float) -> None:
        before, asked = self.size.varbinds, max(1, round(share * self.size.varbinds))
        assert self.size.too_big(asked) == (self.size.varbinds < before)

    @rule()
    def try_more(self) -> None:
        before = self.size.varbinds, self.size.ceiling
        assert self.size.try_more() == (self.size.ceiling > before[1])
        assert self.size.varbinds == before[0]

    @rule()
    def forget(self) -> None:
        self.size.forget()

    @invariant()
    def within_bounds(self) -> None:
        assert FEWEST <= self.size.varbinds < self.size.ceiling <= MOST + 1


TestLife = Life.TestCase


@pytest.mark.parametrize("bears", [2, 3, 5, 11, 23, 40, 99])
def test_it_settles_at_what_a_device_bears_and_stays_there(bears: int) -> None:
    """At least half of it, after a few polls, and no poll after that is lost to a trial."""
    size = RequestSize()

    def poll() -> int:
        refused = 0
        while size.varbinds > bears:
            size.too_big(size.varbinds)
            refused += 1
        size.answered(size.varbinds, size.varbinds * LEAN)
        return refused

    for _ in range(40):
        poll()
    assert bears / 2 <= size.varbinds <= bears
    assert sum(poll() for _ in range(100)) == 0
