"""Flapping: what falls and returns again and again is told once, by a penalty that doubles with each fall and decays.

The idea is that of route flap damping (RFC 2439), with figures for devices that are polled every half minute and not for
routes: a fall is not punished, a third quick one is, and calm is believed within the hour.
"""

from __future__ import annotations

from typing import NamedTuple

HALF_LIFE_S = 900.0
"""What falls less often than this never flaps: its penalty decays by half between two falls, and doubles at each."""

FALL = 1.0
"""The penalty of a first fall."""

SUPPRESS = 2.5
"""From here on it flaps. A third fall brings 4.0 if nothing decayed, and 2.5 with five minutes between falls."""

RELEASE = FALL
"""Below what a single fall weighs it is calm again: half an hour after three falls at once."""

MOST = RELEASE * 2.0 ** (3600.0 / HALF_LIFE_S)
"""However often it fell, an hour of calm is enough: 1.0 doubled over four half-lives."""


class Penalty(NamedTuple):
    """What weighed against a device or link at `at`, Unix seconds."""

    value: float = 0.0
    at: float = 0.0


def after_fall(penalty: Penalty, fell: float) -> Penalty:
    """The penalty after a fall."""
    return Penalty(min(MOST, max(FALL, 2.0 * at(penalty, fell))), fell)


def at(penalty: Penalty, now: float) -> float:
    """What is left of a penalty. A clock that was set back makes it no larger."""
    halves = max(0.0, now - penalty.at) / HALF_LIFE_S
    return penalty.value * float(0.5**halves)


def is_flapping(penalty: Penalty, was: bool, now: float) -> bool:
    """Whether it flaps: once it does, until it is calm."""
    left = at(penalty, now)
    return left >= SUPPRESS or (was and left > RELEASE)
