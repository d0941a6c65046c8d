"""Plain values as YAML that people can read: blocks, and lines where a mapping is one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Yaml = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*|\d+[smh]")
_SINGLE = re.compile(r"[^'\\\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


class Line(dict[str, Any]):
    """A mapping that is written on one line."""


def block(value: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """The lines of a mapping, so many steps in."""
    space = "  " * depth
    for key, part in value.items():
        if isinstance(part, Line) or not isinstance(part, dict | list) or not part or _is_flat(part):
            yield f"{space}{key}: {_flow(part)}"
        elif isinstance(part, dict):
            yield f"{space}{key}:"
            yield from block(part, depth + 1)
        else:
            yield f"{space}{key}:"
            yield from _items(part, depth + 1)


def _items(values: list[Any], depth: int) -> Iterator[str]:
    space = "  " * depth
    for value in values:
        if isinstance(value, Line):
            yield f"{space}- {_flow(value)}"
        else:
            first, *rest = block(value, depth + 1)
            yield f"{space}- {first.lstrip()}"
            yield from rest


def _is_flat(part: dict[str, Any] | list[Any]) -> bool:
    return isinstance(part, list) and not any(isinstance(each, dict) for each in part)


def _flow(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case bool():
            return "true" if value else "false"
        case str() if _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
            return value
        case str() if '"' in value and _SINGLE.fullmatch(value):
            return f"'{value}'"
        case _:
            return json.dumps(value, ensure_ascii=False)
