"""Text and documents that are nearly right."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.snmp.fuzzing import scratched

ODD = (
    b"null",
    b"true",
    b"-0",
    b"0",
    b"-1",
    b"1e308",
    b"1e999",
    b"-1e999",
    b"NaN",
    b"Infinity",
    b"0.1e-400",
    b"9007199254740993",
    b"18446744073709551616",
    b"9" * 400,
    b"9" * 5000,
    b"1" + b"0" * 40,
    b"0x10",
    b"1_000",
    b'""',
    b'" "',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\udfff\\ud800"',
    b'"\\u202e"',
    b'"' + b"x" * 300 + b'"',
    b'"' + b"A" * 65_000 + b'"',
    '"Cao Bằng"'.encode(),
    '"e\u0301"'.encode(),
    b'"\xff\xfe"',
    b'"../../etc/passwd"',
    b'"{{7*7}}"',
    b'"${jndi:ldap://x}"',
    b'"\'; DROP TABLE slot; --"',
    b'"<script>alert(1)</script>"',
    b'"a\\nb"',
    b"[]",
    b"{}",
    b"[[]]",
    b'{"":""}',
    b"[" * 500 + b"]" * 500,
    b"[" * 60_000,
    b'{"a":' * 30_000,
    b"[0," * 20_000,
    b'{"__class__":"os.system"}',
    b'{"a":1,"a":2}',
    b"[" + b",".join([b"1"] * 5000) + b"]",
    b'{"x":{"y":{"z":[]}}}',
)
"""Pieces of JSON, and of what is nearly that."""

WORDS = (
    "",
    " ",
    ".",
    "..",
    "/",
    "//",
    "#",
    "+",
    "$SYS",
    "%",
    "%00",
    "%2e%2e",
    "\0",
    "\n",
    "\t",
    "\ufeff",
    "\ud7ff",
    "e\u0301",
    "x" * 63,
    "x" * 64,
    "x" * 300,
    "A" * 5000,
    "Cao Bằng",
    "-1",
    "04",
    "1e9",
    "None",
    "null",
    "true",
    "NaN",
    "9" * 30,
    "__proto__",
    "constructor",
    "!!python/object/apply:os.system",
    "'",
    '"',
    "\\",
    "|",
    ";",
    "{",
    "}",
    "${HOME}",
)

_MARK = "@@{}@@"


def spoilt_text(text: str, dice: random.Random, separator: str) -> str:
    """With a part between separators changed, gone or there twice."""
    parts = text.split(separator)
    at = dice.randrange(len(parts))
    match dice.randrange(4):
        case 0:
            parts[at] = dice.choice(WORDS)
        case 1:
            del parts[at]
        case 2:
            parts.insert(at, dice.choice(parts))
        case _:
            part = parts[at]
            place = dice.randrange(len(part) + 1)
            parts[at] = part[:place] + dice.choice(WORDS)[:80] + part[place + dice.choice((0, 1)) :]
    return separator.join(parts)


def spoilt_json(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """With values, keys or octets that are others, gone, too many, too long or too deep."""
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict | list) or not found or dice.random() < 0.25:
        return scratched(data, dice, others)[:200_000]
    odd: dict[str, bytes] = {}
    for _ in range(dice.choice((1, 1, 2, 3))):
        _reshape(found, dice, odd)
    try:
        written = json.dumps(found, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    except RecursionError:
        return data
    for mark, piece in odd.items():
        written = written.replace(b'"' + mark.encode() + b'"', piece, 2)
    return written[:200_000]


def _reshape(found: Any, dice: random.Random, odd: dict[str, bytes]) -> None:
    while True:
        keys = list(found) if isinstance(found, dict) else list(range(len(found)))
        if not keys:
            return
        key = dice.choice(keys)
        if isinstance(found[key], dict | list) and found[key] and dice.random() < 0.6:
            found = found[key]
            continue
        mark = _MARK.format(len(odd))
        match dice.randrange(6):
            case 0:
                del found[key]
            case 1 if isinstance(found, dict):
                found[dice.choice(WORDS)] = found.pop(key)
            case 2 if isinstance(found, dict):
                most = 1 if isinstance(found[key], dict | list) or len(str(found[key])) > 40 else dice.choice((1, 300, 2000))
                found.update({f"{str(key)[:40]}{n}": found[key] for n in range(most)})
            case 3 if isinstance(found[key], int | float):
                found[key] *= dice.choice((-1, 10, 1000, 10**30))
            case 4 if isinstance(found[key], str):
                found[key] = spoilt_text(found[key], dice, " ")
            case _:
                odd[mark] = dice.choice(ODD)
                found[key] = mark
        return
