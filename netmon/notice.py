"""What a device told netmon by itself: a trap, an inform, an MQTT event, or more of them than netmon reads.

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
