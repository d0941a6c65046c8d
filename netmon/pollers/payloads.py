"""What devices say over MQTT: topics and JSON payloads, checked against their schema (SEMANTICS 9, docs/mqtt.md).

Nothing here keeps anything. A payload that does not fit raises Unfit with a sentence for the device's maker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple
from unicodedata import normalize

import msgspec

from netmon.catalogue import DEVICE, Family

ROOT = "netmon/v1"

KINDS = ("birth", "status", "telemetry", "event", "speed", "cells")

PAYLOAD_BYTES = 65_536
"""A longer payload is not looked at."""

NAMES_AT_MOST, VALUES_AT_MOST = 64, 256
"""Names of one message, and labelled values of one name; what is beyond is left out."""

LABEL_CHARACTERS = 128

LATEST_MS = 4_102_444_800_000
"""The year 2100: nothing was measured after it."""

CELLS_AT_MOST = 500
"""Cells of one message."""

_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,63}", re.ASCII)
_U64 = 2**64

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=LABEL_CHARACTERS)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)] | Annotated[float, msgspec.Meta(ge=0, le=float(LATEST_MS))]
_Period = Annotated[int, msgspec.Meta(ge=1, le=86_400)] | Annotated[float, msgspec.Meta(ge=1, le=86_400)]
_Number = int | float | bool
_Megabits = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class Unfit(ValueError):  # noqa: N818 - what is wrong with a payload, not with us
    """A payload that does not fit its schema; the text says where and why, and holds nothing that would steer a terminal."""

    def __init__(self, text: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else "\ufffd" for letter in text))


class Place(NamedTuple):
    """What a topic says: whose message it is, from where, and of which kind."""

    province: str
    commune: str
    site: str
    device: str
    kind: str


class Birth(msgspec.Struct, frozen=True):
    """A device's life begins. `session` names this life, `period_s` says how often it will report, `ts` is in ms UTC."""

    session: _Text
    period_s: _Period
    ts: _Milliseconds


class Status(msgspec.Struct, frozen=True):
    """`offline` is the last will, written when the device connected, or its goodbye."""

    state: Literal["online", "offline"]
    session: _Text


class Telemetry(msgspec.Struct, frozen=True):
    """What was measured at `ts`, by name; `seq` counts the messages of a session."""

    ts: _Milliseconds
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    session: _Text
    m: dict[str, _Number | dict[str, _Number]]


class Event(msgspec.Struct, frozen=True):
    """Something happened at `ts`; other keys may follow."""

    ts: _Milliseconds
    event: _Text


class Speed(msgspec.Struct, frozen=True):
    """A speed test that a probe at the site made at `ts` over the network of an operator: Mbit/s, and milliseconds."""

    ts: _Milliseconds
    network: Literal["fixed", "mobile", "mobile_5g"]
    operator: _Text
    download_mbit_s: _Megabits
    upload_mbit_s: _Megabits
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] | None = None
    session: _Text | None = None


class Cell(msgspec.Struct, frozen=True):
    """A cell as its operator names it, and what he says of it."""

    cell: _Text
    technology: Literal["2g", "3g", "4g", "5g"]
    state: Literal["up", "down", "unknown"]


class CellFeed(msgspec.Struct, frozen=True):
    """What an operator says of his cells at a site at `ts`, and every `period_s` again; `site` is that of the device where
    it is not told."""

    ts: _Milliseconds
    operator: _Text
    period_s: _Period
    cells: Annotated[list[Cell], msgspec.Meta(min_length=1, max_length=CELLS_AT_MOST)]
    site: _Text | None = None


Body = Birth | Status | Telemetry | Event | Speed | CellFeed

_DECODERS: Mapping[str, msgspec.json.Decoder[Body]] = {
    "birth": msgspec.json.Decoder(Birth),
    "status": msgspec.json.Decoder(Status),
    "telemetry": msgspec.json.Decoder(Telemetry),
    "event": msgspec.json.Decoder(Event),
    "speed": msgspec.json.Decoder(Speed),
    "cells": msgspec.json.Decoder(CellFeed),
}


def place_of(topic: str) -> Place | None:
    """What a topic says, None when it is not one of ours. Segments are ids as the configuration writes them."""
    root, _, rest = topic.partition(f"{ROOT}/")
    segments = rest.split("/")
    if root or len(segments) != 5 or segments[4] not in KINDS or not all(map(_SEGMENT.fullmatch, segments)):
        return None
    return Place(*segments)


_DOCUMENT: msgspec.json.Decoder[object] = msgspec.json.Decoder()


def document(payload: bytes) -> object:
    """A JSON document of any shape. Raises Unfit."""
    try:
        return _DOCUMENT.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Unfit(str(error)) from error


def decode(kind: str, payload: bytes) -> Body:
    """The body of a message of this kind. Raises Unfit."""
    try:
        body = _DECODERS[kind].decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit(str(error)) from error
    match body:
        case Birth() | Status() | Telemetry():
            _speakable(body.session, "session")
        case Event():
            _speakable(body.event, "event")
        case Speed():
            _speakable(body.operator, "operator")
            _speakable(body.session or "", "session")
        case CellFeed():
            _speakable(body.operator, "operator")
            _speakable(body.site or "", "site")
            for each in body.cells:
                _speakable(each.cell, "cell")
    return body


# --- telemetry --------------------------------------------------------------------------------------------------------


def _settable() -> dict[str, Family]:
    """The families of which a device may speak, by their name without prefix: what it measures of itself, its interfaces
    and its sensors. Not what netmon makes of its polls, and nothing with free text."""
    device = DEVICE["netmon_device_up"].labels
    own = {name for name in DEVICE if name.startswith("netmon_device_")} - {"netmon_device_uptime_seconds"}
    own.add("netmon_interface_not_measurable")
    parts = ((), ("interface",), ("sensor",))
    return {
        name.removeprefix("netmon_"): family
        for name, family in DEVICE.items()
        if name not in own and family.labels[: len(device)] == device and family.labels[len(device) :] in parts
    }


SETTABLE: Mapping[str, Family] = _settable()

UPTIME = "device_uptime_seconds"

_LABELLED = {name: family.labels[-1] if family.labels[-1] != "device" else "" for name, family in SETTABLE.items()}


class Measured(NamedTuple):
    """What a telemetry message measured: family, value of its own label ("" where it has none) and number; the names that
    nobody knows; and whether something was beyond the bounds and left out."""

    values: list[tuple[Family, str, int | float]]
    unknown: list[str]
    excess: bool


def measured(body: Telemetry) -> Measured:
    """Matches names with families. Raises Unfit when a value has not the shape of its family."""
    values: list[tuple[Family, str, int | float]] = []
    unknown: list[str] = []
    excess = len(body.m) > NAMES_AT_MOST
    for _, (name, value) in zip(range(NAMES_AT_MOST), body.m.items(), strict=False):
        family = SETTABLE.get(name)
        if family is None:
            unknown.append(name[:LABEL_CHARACTERS])
            continue
        label = _LABELLED[name]
        if not isinstance(value, dict):
            if label:
                raise Unfit(f"{name} must be an object of {{{label}: number}}")
            values.append((family, "", _number(family, name, value)))
            continue
        if not label:
            raise Unfit(f"{name} must be a number")
        excess = excess or len(value) > VALUES_AT_MOST
        for _, (part, number) in zip(range(VALUES_AT_MOST), value.items(), strict=False):
            values.append((family, label_of(part, label), _number(family, name, number)))
    return Measured(values, unknown, excess)


def _number(family: Family, name: str, value: _Number) -> int | float:
    """A counter is a whole number of 64 bits; some write it as 1.5e9."""
    if family.kind == "counter":
        if isinstance(value, bool) or value != int(value) or not 0 <= value < _U64:
            raise Unfit(f"{name} is a counter: a whole number from 0 to 2^64 - 1")
        return int(value)
    if isinstance(value, int) and not -_U64 < value < _U64:
        raise Unfit(f"{name} is a whole number of more than 64 bits")
    return int(value) if isinstance(value, bool) else value


def label_of(text: str, label: str) -> str:
    """The name of one sensor or interface, in the form in which it is compared. Raises Unfit."""
    if not text.isascii():
        text = normalize("NFC", text)
    if not 0 < len(text) <= LABEL_CHARACTERS:
        raise Unfit(f"the name of a {label} has 1 to {LABEL_CHARACTERS} characters")
    return _speakable(text, label)


def _speakable(text: str, what: str) -> str:
    if not text.isprintable():
        raise Unfit(f"{what} {text[:LABEL_CHARACTERS]!r} has control characters")
    return text
