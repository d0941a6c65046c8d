"""From a message in a layout of its own to what netmon's own messages say (SEMANTICS 9).

Pure: layout, topic and payload in, a body out, or Unfit with a sentence. A number that cannot be read, or of a sensor that
cannot be named, does not cost the others: it stays out under its own name, which netmon does not know, and is counted and
told as such a name is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from math import isfinite
from typing import Any

from netmon.layouts import ABSENT, PRESENT, Heard, Path, State, Value, Words, fill, placeholder
from netmon.pollers.payloads import (
    LABEL_CHARACTERS,
    LATEST_MS,
    SETTABLE,
    VALUES_AT_MOST,
    Event,
    Status,
    Telemetry,
    Unfit,
    document,
    label_of,
)

LIFE = "its only one"
"""The session of a device that knows no sessions."""

EARLIEST_MS = 1_577_836_800_000
"""2020: a clock that is further back was never set, and tells no time."""

_NUMBER = re.compile(r"[-+]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][-+]?\d{1,3})?", re.ASCII)
_SECONDS_AT_MOST = 1e11
"""A larger number since 1970 counts milliseconds."""

_U64 = 2**64
_TOLD, _SHOWN = 16, 40
_PARTS_AT_MOST = 1024
"""Keys or places of one object or list at which a placeholder looks: 64 KiB hold many thousand empty ones."""


def translate(heard: Heard, payload: bytes, now_ms: float, seq: int) -> Telemetry | Status | Event:
    """The body of a message that came at `now_ms`; `seq` counts the messages of its device. Raises Unfit."""
    message = heard.message
    content = document(payload) if message.is_json else _text(payload)
    if message.state is not None:
        return _status(message.state, content)
    ts = now_ms if message.time is None else _time(_at(content, message.time), heard.layout.zone_s, now_ms)
    if message.event is not None:
        return _event(message.event, content, ts)
    body, misread = Telemetry(ts, seq, LIFE, {}), dict[str, int]()
    for value in message.values:
        for raw, words in _found(content, value, heard.words):
            try:
                _put(body, value, _converted(value, raw), words)
            except ValueError:
                where = ".".join(fill(step, words) for step in value.path) or value.to
                misread[f"{where}={_shown(raw)}"] = 0
    body.m.update(islice(misread.items(), _TOLD))
    return body


def _text(payload: bytes) -> str:
    try:
        return payload.decode().strip("\0 \t\r\n")
    except UnicodeDecodeError:
        raise Unfit("is not UTF-8 text") from None


# --- where something stands -------------------------------------------------------------------------------------------


def _has(here: object, step: str) -> bool:
    if isinstance(here, dict):
        return step in here
    return isinstance(here, list) and step.isdecimal() and len(step) < 6 and int(step) < len(here)


def _step(here: Any, step: str) -> object:
    if not _has(here, step):
        return None
    found: object = here[int(step) if isinstance(here, list) else step]
    return found


def _at(content: object, path: Path) -> object:
    """What stands at a path, None where nothing does."""
    for step in path:
        content = _step(content, step)
    return content


def _found(content: object, value: Value, words: Words) -> Iterator[tuple[object, Words]]:
    """What stands where a value is sought and its conditions hold, with what stood at the placeholders."""
    for count, (raw, seen) in enumerate(_walk(content, value.path, words)):
        if count > VALUES_AT_MOST:
            return  # of so many the rest is left out in any case
        if all(_holds(content, tuple(fill(step, seen) for step in path), wanted) for path, wanted in value.when):
            yield raw, seen


def _walk(here: object, path: Path, words: Words) -> Iterator[tuple[object, Words]]:
    """Lists, objects and nothing are no values: a path that ends at one speaks of another form of the message."""
    if not path:
        if here is not None and not isinstance(here, dict | list):
            yield here, words
        return
    name = placeholder(path[0])
    if not name:
        yield from _walk(_step(here, path[0]), path[1:], words)
        return
    inside = here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ()
    for key, part in islice(inside, _PARTS_AT_MOST):
        yield from _walk(part, path[1:], {**words, name: str(key)})


def _holds(content: object, path: Path, wanted: tuple[str, ...]) -> bool:
    """A key with nothing is there: what a sensor measures does not change when it fails to."""
    if PRESENT in wanted or ABSENT in wanted:
        there = not path or _has(_at(content, path[:-1]), path[-1])
        return there == (PRESENT in wanted)
    return _word(_at(content, path)) in wanted


def _word(raw: object) -> str:
    """How a map, a state or a condition calls what stands in a message: in small letters, true and false as JSON has them,
    and whole numbers without a fraction."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return "" if raw is None or isinstance(raw, dict | list) else str(raw).strip().casefold()


# --- what it becomes --------------------------------------------------------------------------------------------------


def _put(body: Telemetry, value: Value, number: float | None, words: Words) -> None:
    """ValueError: it would have a name that no sensor may have."""
    if number is None:
        return
    if not value.label:
        body.m[value.to] = number
        return
    label = label_of(fill(value.label, words), value.to)
    labelled = body.m.setdefault(value.to, {})
    assert isinstance(labelled, dict), "a family has a label or it has none"
    labelled[label] = number


def _converted(value: Value, raw: object) -> float | None:
    """A number of the family, None where the message says that there is none. ValueError: it cannot be read."""
    word = _word(raw)
    if any(word == marker for marker in value.invalid):
        return None
    if value.map is not None:
        if word not in value.map:
            raise ValueError(word)
        return value.map[word]
    number = _number(raw, value.unit)
    if number in value.invalid or (value.valid is not None and not value.valid[0] <= number <= value.valid[1]):
        return None
    if value.scale != 1 or value.offset:
        number = float(f"{number * value.scale + value.offset:.12g}")  # tenths are not exact: 253 * 0.1 is 25.3 again
    if SETTABLE[value.to].kind == "counter" and (number != int(number) or not 0 <= number < _U64):
        raise ValueError(number)
    return number


def _number(raw: object, unit: tuple[str, ...]) -> float:
    """A number, or a text that is one, with a unit perhaps. True and false are none. ValueError."""
    if isinstance(raw, bool):
        raise ValueError(raw)
    number: Any = raw
    if isinstance(raw, str):
        text = raw.strip()
        behind = next((each for each in unit if text.endswith(each)), "")
        text = text.removesuffix(behind).rstrip()
        if _NUMBER.fullmatch(text) is None:
            raise ValueError(text)
        number = int(text) if text.lstrip("+-").isdecimal() else float(text)
    if not isinstance(number, int | float) or not -_U64 < number < _U64 or not isfinite(number):
        raise ValueError(raw)
    return number


def _time(raw: object, zone_s: int, now_ms: float) -> float:
    """Milliseconds since 1970: of a number of seconds or milliseconds, or of ISO 8601, in the layout's zone unless it
    has its own. Nothing, and a clock that was never set, is now."""
    if raw is None:
        return now_ms
    try:
        number = _number(raw, ())
        ts = number * 1000 if abs(number) < _SECONDS_AT_MOST else number
    except ValueError:
        ts = _iso(raw, zone_s)
    if ts > LATEST_MS:
        raise Unfit(f"the time {_shown(raw)!r} is after the year 2100")
    return ts if ts >= EARLIEST_MS else now_ms


def _iso(raw: object, zone_s: int) -> float:
    try:
        moment = datetime.fromisoformat(str(raw))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone(timedelta(seconds=zone_s)))
        return moment.timestamp() * 1000
    except (ValueError, OverflowError):
        text = f"the time {_shown(raw)!r} is neither ISO 8601 nor a number of seconds or milliseconds since 1970"
        raise Unfit(text) from None


def _shown(raw: object) -> str:
    return str(raw)[:_SHOWN]


def _status(state: State, content: object) -> Status:
    word = _word(_at(content, state.path))
    if word in state.online:
        return Status("online", LIFE)
    if word in state.offline:
        return Status("offline", LIFE)
    known = ", ".join((*state.online, *state.offline))
    raise Unfit(f"the state {word[:_SHOWN]!r} is none of {known}")


def _event(path: Path, content: object, ts: float) -> Event:
    raw = _at(content, path)
    name = "" if raw is None or isinstance(raw, dict | list) else str(raw).strip()
    if not 0 < len(name) <= LABEL_CHARACTERS or not name.isprintable():
        where = ".".join(path) or "the payload"
        raise Unfit(f"{where} must be the name of an event: 1 to {LABEL_CHARACTERS} characters")
    return Event(ts, name)
