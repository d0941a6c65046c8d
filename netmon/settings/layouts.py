"""Layout files to layouts (`netmon.layouts`): those that netmon brings, and those of a configuration's `layouts/`.

One of the same name takes the place of netmon's. Every fault has its file:line:column, as in the rest of the configuration.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

import netmon.layouts
from netmon.layouts import TOPIC, Layout, Message, State, Value, placeholder, placeholders
from netmon.model import Speech
from netmon.pollers.payloads import SETTABLE
from netmon.settings import yaml
from netmon.settings.faults import faults
from netmon.settings.models import Shape
from netmon.settings.problem import Problem, UnfitError, meant, problem_at
from netmon.settings.secrets import Fetch, has_control
from netmon.settings.values import Given, Text, Word, at_least_one, one_or_many
from netmon.settings.yaml import Document, Table

BROUGHT = Path(netmon.layouts.__file__).parent

_STEPS_AT_MOST = 8
_BRACKETS = re.compile(r"\[(\d+|\{\w+\})\]")
_ZONE = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")


def _zone(value: object) -> int:
    found = _ZONE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"'{value}' is not a zone: write how far it is ahead of UTC, such as \"+07:00\"")
    return (-60 if found[1] == "-" else 60) * (60 * int(found[2]) + int(found[3]))


def _segments(value: object) -> tuple[str, ...]:
    """A topic in its segments."""
    if not isinstance(value, str) or not value or has_control(value):
        raise UnfitError("expected a topic, such as tele/{topic}/STATE")
    segments = tuple(value.split("/"))
    for segment in segments:
        if "#" in segment or ("+" in segment and segment != "+"):
            raise UnfitError(f"'{segment}' cannot be a part of a topic here: '+' stands alone, and there is no '#'")
        if ("{" in segment or "}" in segment) and not placeholder(segment):
            raise UnfitError(f"'{segment}' cannot be a part of a topic here: a placeholder is all of it, such as {{topic}}")
    if segments.count(f"{{{TOPIC}}}") != 1:
        raise UnfitError("one part of a topic is {topic}: it says whose message it is")
    return segments


def _unambiguous(topics: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    names = [{placeholder(segment) for segment in segments} for segments in topics]
    if any(each != names[0] for each in names):
        raise UnfitError("topics of the same message have the same placeholders")
    return topics


def _path(value: object) -> tuple[str, ...]:
    """A path in its steps: text with dots (or, as JSONPath has it, "$.probes[0].t"), or a list where a key has dots of its
    own; "$" is the whole payload."""
    if value == "$":
        return ()
    plain = _BRACKETS.sub(r".\1", value).removeprefix("$").removeprefix(".") if isinstance(value, str) else value
    steps = plain.split(".") if isinstance(plain, str) else plain
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) and step for step in steps):
        raise UnfitError("expected a path, such as Wifi.Signal, or a list of its steps")
    if len(steps) > _STEPS_AT_MOST:
        raise UnfitError(f"a path has at most {_STEPS_AT_MOST} steps")
    return tuple(steps)


def _family(name: str) -> str:
    name = name.removeprefix("netmon_")
    if name not in SETTABLE:
        raise UnfitError(f"there is no family '{name}' of which a device may speak", meant(name, SETTABLE))
    return name


def _range(values: list[float]) -> list[float]:
    if len(values) != 2 or values[0] > values[1]:
        raise UnfitError("valid is the lowest and the highest value, in this order")
    return values


def _small(words: list[str]) -> list[str]:
    return [word.strip().casefold() for word in words]


_Number = int | float
_Path = Annotated[tuple[str, ...], PlainValidator(_path)]
_Topic = Annotated[tuple[str, ...], PlainValidator(_segments)]
_Texts = Annotated[list[Text], BeforeValidator(one_or_many), AfterValidator(at_least_one)]
_Words = Annotated[list[Text], BeforeValidator(one_or_many), AfterValidator(at_least_one), AfterValidator(_small)]


class ValueEntry(Shape):
    """A number of a message."""

    at: _Path = ()
    to: Annotated[str, AfterValidator(_family)]
    label: Annotated[Word | None, Given] = None
    scale: _Number = 1
    offset: _Number = 0
    unit: Annotated[_Texts | None, Given] = None
    valid: Annotated[list[_Number] | None, Given, AfterValidator(_range)] = None
    invalid: Annotated[list[_Number | str], BeforeValidator(one_or_many)] = Field(default=[])
    map: Annotated[dict[str, _Number] | None, Given] = None
    when: dict[str, _Words] = Field(default={})

    @model_validator(mode="after")
    def _fits(self) -> ValueEntry:
        family, seen, named = SETTABLE[self.to], self.wildcards(), placeholders(self.label or "")
        own = family.labels[-1] if family.labels[-1] != "device" else ""
        if bool(own) != (self.label is not None):
            raise UnfitError(f"{self.to} is told by {own}: it needs a label" if own else f"{self.to} has no label")
        if seen - named:
            raise UnfitError(f"the path finds several values: {{{min(seen - named)}}} must be a part of the label")
        if self.map is not None and (self.scale != 1 or self.offset or self.unit is not None or self.valid is not None):
            raise UnfitError("a map gives the numbers themselves: it has no scale, offset, unit or valid")
        for path in self.when:
            _path(path)
        return self

    def wildcards(self) -> set[str]:
        """The placeholders of its path."""
        return {name for step in self.at if (name := placeholder(step))}


class StateEntry(Shape):
    """What a device and its will say of its being there."""

    at: _Path = ()
    online: _Words
    offline: _Words


class MessageEntry(Shape):
    """A kind of message."""

    topic: Annotated[list[_Topic], BeforeValidator(one_or_many), AfterValidator(at_least_one), AfterValidator(_unambiguous)]
    payload: Literal["json", "text"] = "json"
    time: Annotated[_Path | None, Given] = None
    values: list[ValueEntry] = Field(default=[])
    state: Annotated[StateEntry | None, Given] = None
    event: Annotated[_Path | None, Given] = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> MessageEntry:
        if bool(self.values) + (self.state is not None) + (self.event is not None) > 1:
            raise UnfitError("a message tells values, a state or an event: write one of them")
        paths = [value.at for value in self.values]
        if self.payload == "text" and (self.time or self.event or (self.state and self.state.at) or any(paths)):
            raise UnfitError("a payload of text has no parts: a path into it finds nothing")
        known = {placeholder(segment) for segment in self.topic[0]}
        for value in self.values:
            seen = known | value.wildcards()
            wanted = placeholders(value.label or "").union(*(placeholders(path) for path in value.when))
            if wanted - seen:
                raise UnfitError(f"{value.to}: neither its topic nor its path has {{{min(wanted - seen)}}}")
        return self


class AskEntry(Shape):
    """What makes a device speak."""

    topic: _Topic
    payload: str = ""

    @model_validator(mode="after")
    def _is_a_topic(self) -> AskEntry:
        if any(step == "+" or placeholder(step) not in ("", TOPIC) for step in self.topic):
            raise UnfitError("netmon publishes to one topic: of placeholders it has {topic} only")
        return self


class LayoutFile(Shape):
    """One of layouts/*.yaml."""

    title: Word
    zone: Annotated[int, PlainValidator(_zone)] = 7 * 3600
    messages: Annotated[list[MessageEntry], AfterValidator(at_least_one)]
    ask: list[AskEntry] = Field(default=[])


# --- files ------------------------------------------------------------------------------------------------------------


def layout_files(directory: Path) -> tuple[list[str], list[Problem]]:
    """The names in a configuration's `layouts/`, sorted, none where it is not there; and why it cannot be read."""
    try:
        return sorted(os.listdir(directory)), []
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [Problem(str(directory), 1, 1, f"the layouts cannot be read: {error.strerror}")]


def layouts(directory: Path, names: Iterable[str], fetch: Fetch) -> tuple[dict[str, Layout | None], list[Problem]]:
    """All layouts by name, None for one that could not be read, and what is wrong with the files. `names` are of files in
    `directory`."""
    paths = {path.name: path for path in sorted(BROUGHT.glob("*.yaml"))}
    paths |= {name: directory / name for name in names if name.endswith(".yaml")}
    found: dict[str, Layout | None] = {}
    problems: list[Problem] = []
    for file, path in paths.items():
        document, entry = yaml.read(path, fetch), None
        problems += document.problems
        if document.root is not None:
            entry, wrong = faults(document.root, LayoutFile)
            problems += wrong
        name = file.removesuffix(".yaml")
        found[name] = _layout(name, entry) if entry is not None else None
    return found, problems


def _layout(name: str, entry: LayoutFile) -> Layout:
    return Layout(
        name=name,
        zone_s=entry.zone,
        messages=tuple(map(_message, entry.messages)),
        ask=tuple((ask.topic, ask.payload) for ask in entry.ask),
    )


def _message(entry: MessageEntry) -> Message:
    state = entry.state
    return Message(
        topics=tuple(entry.topic),
        is_json=entry.payload == "json",
        time=entry.time,
        values=tuple(map(_value, entry.values)),
        state=State(path=state.at, online=tuple(state.online), offline=tuple(state.offline)) if state is not None else None,
        event=entry.event,
    )


def _value(entry: ValueEntry) -> Value:
    valid: Any = tuple(entry.valid) if entry.valid is not None else None
    return Value(
        path=entry.at,
        to=entry.to,
        label=entry.label or "",
        scale=entry.scale,
        offset=entry.offset,
        unit=tuple(entry.unit or ()),
        valid=valid,
        invalid=tuple(each.strip().casefold() if isinstance(each, str) else each for each in entry.invalid),
        map={word.strip().casefold(): number for word, number in entry.map.items()} if entry.map is not None else None,
        when=tuple((_path(path), tuple(words)) for path, words in entry.when.items()),
    )


# --- devices ----------------------------------------------------------------------------------------------------------


def misfits(inventory: Iterable[Document], known: Mapping[str, object]) -> Iterator[Problem]:
    """What is wrong with the `layout` and `topic` of devices: a topic that two have would let one speak for the other."""
    first: dict[tuple[str, str], Table] = {}
    tables = [document.root.tables("sites") for document in inventory if document.root is not None]
    for device in (device for sites in tables for site in sites for device in site.tables("devices")):
        layout, topic, name = device.text("layout"), device.text("topic"), device.text("id")
        if device.text("protocol") != Speech.MQTT:
            for key in ("layout", "topic"):
                if key in device:
                    yield problem_at(device.key_mark(key), f"'{key}' is of devices that speak MQTT", "protocol: mqtt")
        elif layout is None:
            if "topic" in device:
                text = f"without a layout '{name}' is known by its id, the {{device}} of its topics"
                yield problem_at(device.key_mark("topic"), text, "name the layout of its messages: layout: …")
        elif layout not in known:
            hint = meant(layout, known) or f"there are {', '.join(sorted(known))}"
            yield problem_at(device.value_mark("layout"), f"there is no layout '{layout}'", hint)
        elif (part := topic if topic is not None else name) is not None:
            twin = first.setdefault((layout, part), device)
            if twin is not device:
                at = twin.value_mark("topic")
                where = f"'{twin.text('id')}' in {at.name}:{at.line + 1}:{at.column + 1}"
                yield problem_at(device.value_mark("topic"), f"the topic '{part}' of layout {layout} is that of {where}")
