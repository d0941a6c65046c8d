"""The penalty that doubles with each fall and decays."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netmon.causes.flapping import HALF_LIFE_S, MOST, RELEASE, Penalty, after_fall, at, is_flapping


def falls(*instants: float) -> tuple[Penalty, list[bool]]:
    penalty, was, said = Penalty(), False, []
    for instant in instants:
        was = was and is_flapping(penalty, True, instant)  # netmon looks every few seconds whether it has calmed down
        penalty = after_fall(penalty, instant)
        was = is_flapping(penalty, was, instant)
        said.append(was)
    return penalty, said


@pytest.mark.parametrize("every", [10.0, 60.0, 280.0])
def test_the_third_quick_fall_makes_it_flap_and_not_the_second(every):
    assert falls(0.0, every, 2 * every)[1] == [False, False, True]


def test_what_falls_less_often_than_the_half_life_never_flaps():
    assert not any(falls(*[n * (HALF_LIFE_S + 1.0) for n in range(500)])[1])


@example([0.0, 0.0, 0.0, 0.0, 3375.0])
@given(st.lists(st.floats(0.0, 5000.0), min_size=1, max_size=60))
def test_an_hour_of_calm_is_always_enough_and_never_less_than_a_half_life_once_it_flaps(pauses):
    instants = [sum(pauses[: n + 1]) for n in range(len(pauses))]
    penalty, said = falls(*instants)
    assert penalty.value <= MOST
    assert not is_flapping(penalty, True, instants[-1] + 3600.0 + 1.0)
    if said[-1]:
        assert is_flapping(penalty, True, instants[-1] + HALF_LIFE_S / 4.0)


def test_it_is_calm_again_once_less_is_left_than_of_one_fall_and_a_clock_set_back_adds_nothing():
    penalty, _ = falls(0.0, 30.0, 60.0)
    assert is_flapping(penalty, True, 60.0 + HALF_LIFE_S)
    assert not is_flapping(penalty, False, 60.0 + HALF_LIFE_S)
    assert not is_flapping(penalty, True, 60.0 + 2 * HALF_LIFE_S)
    assert at(penalty, 60.0 + 2 * HALF_LIFE_S) <= RELEASE
    assert at(penalty, -1e6) == penalty.value
