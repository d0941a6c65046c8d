"""Layouts of MQTT messages that are not netmon's own: which topics a kind of device uses, and what its messages mean.

A layout is data: a YAML file, of which netmon brings some beside this module, and a configuration may have more
(docs/mqtt.md). Here is what such a file says once it is read and checked (`netmon.settings.layouts`). Nothing here opens
or keeps anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

TOPIC = "topic"
"""The placeholder at which a device's own part stands in a topic."""

PRESENT, ABSENT = "any", "none"
"""Words of a condition that speak of whether something is there."""

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Path = tuple[str, ...]
"""Keys and places in lists that lead to a part of a JSON document; "{name}" is any one of them. Empty: all of it."""

Words = Mapping[str, str]
"""What stood at each placeholder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number of a message: where it is found, and how it becomes one of the family `to` (a name without `netmon_`).

    `label` may have placeholders of the topic and of the path. `valid` is the range, both ends included, outside which
    there is no value, and `invalid` are more such values: both speak of what is in the message. `map` gives the numbers of
    words, in small letters; else it is `scale` times the number plus `offset`, where `unit` may stand behind it.
    `when`: only if at each of these paths is one of these words.
    """

    path: Path
    to: str
    label: str = ""
    scale: float = 1
    offset: float = 0
    unit: tuple[str, ...] = ()
    valid: tuple[float, float] | None = None
    invalid: tuple[float | str, ...] = ()
    map: Mapping[str, float] | None = None
    when: tuple[tuple[Path, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Whether the device is there, as its will and its first word after connecting say; words in small letters."""

    path: Path
    online: tuple[str, ...]
    offline: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A kind of message, known by its `topics` in segments ("+" is any segment, "{name}" as well). It tells values, unless
    it tells a `state` or, at a path, the name of an `event`. Without `time` it speaks of the moment when it comes."""

    topics: tuple[Path, ...]
    is_json: bool = True
    time: Path | None = None
    values: tuple[Value, ...] = ()
    state: State | None = None
    event: Path | None = None

    @property
    def kind(self) -> str:
        """What it is among netmon's own kinds of message."""
        return "status" if self.state is not None else "event" if self.event is not None else "telemetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A layout by its name. `zone_s` is how far its times are ahead of UTC that tell no zone; `ask` are topics and payloads
    that make a device speak that says nothing by itself."""

    name: str
    zone_s: int
    messages: tuple[Message, ...]
    ask: tuple[tuple[Path, str], ...] = ()


class Heard(NamedTuple):
    """Whose message a topic is, of which layout and kind, and what stood at its placeholders."""

    layout: Layout
    message: Message
    words: Words

    @property
    def kind(self) -> str:
        """What it is among netmon's own kinds of message."""
        return self.message.kind

    @property
    def topic(self) -> str:
        """The device's own part of the topic."""
        return self.words[TOPIC]


def placeholder(step: str) -> str:
    """The name of a segment or step that is a placeholder, "" of any other."""
    found = _PLACEHOLDER.fullmatch(step)
    return found[1] if found else ""


def placeholders(text: str) -> set[str]:
    """The names of all placeholders in a text."""
    return set(_PLACEHOLDER.findall(text))


def fill(text: str, words: Words) -> str:
    """A text with what stood at its placeholders."""
    return _PLACEHOLDER.sub(lambda found: words[found[1]], text)


def hear(layouts: Iterable[Layout], topic: str) -> Iterator[Heard]:
    """Every layout to which a topic belongs; of each, the first kind of message that it can be."""
    segments = topic.split("/")
    for layout in layouts:
        fits = ((message, words) for message in layout.messages for words in _words(message, segments))
        for message, words in fits:
            yield Heard(layout, message, words)
            break


def _words(message: Message, segments: list[str]) -> Iterator[Words]:
    for pattern in message.topics:
        if len(pattern) != len(segments):
            continue
        words: dict[str, str] = {}
        for step, segment in zip(pattern, segments, strict=True):
            if name := placeholder(step):
                words[name] = segment
            elif step not in ("+", segment):
                break
        else:
            yield words


def filters(layouts: Iterable[Layout]) -> dict[str, str]:
    """What to subscribe to, and the kind of message that comes there."""
    return {
        "/".join("+" if placeholder(step) else step for step in pattern): message.kind
        for layout in layouts
        for message in layout.messages
        for pattern in message.topics
    }
