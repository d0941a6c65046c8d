"""What a device told netmon by itself: a trap, an inform, an MQTT event, more of them than netmon reads, or that two speak
under its name.

A notice is a hint, and a poll is the truth (SEMANTICS 1): it is kept for people, and changes no state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple


class NoticeKind(StrEnum):
    TRAP = "trap"
    INFORM = "inform"
    EVENT = "event"
    FLOOD = "flood"
    TWIN = "twin"


class Notice(NamedTuple):
    """`device` told `name` at `at`, Unix seconds by our clock. `source` is the address that it came from, "" over MQTT;
    `detail` is in words, by name."""

    at: float
    kind: NoticeKind
    device: str
    name: str
    source: str = ""
    detail: Mapping[str, str] = {}


Tell = Callable[[Notice], None]
"""Where notices go; returns at once."""
