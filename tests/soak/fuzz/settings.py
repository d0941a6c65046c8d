"""Files of a configuration, read as netmon reads them: YAML, and what it means."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from netmon import units
from netmon.settings import ConfigErrors, load
from netmon.settings.secrets import TAGS
from tests.peers import ROOT
from tests.settings.conftest import INVENTORY, NETMON, TODAY
from tests.snmp.fuzzing import scratched
from tests.soak.fuzz.frame import Item
from tests.soak.fuzz.spoiling import WORDS

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{','.join([f'*{chr(97 + n)}'] * 9)}], y{n}: 1}}\n" for n in range(12)
)
PIECES = (
    "!!python/object/apply:os.system ['touch /tmp/netmon-was-here']",
    "!!python/name:os.system",
    "!!binary aGk=",
    "!foo x",
    "!!python/object/new:subprocess.Popen [[touch, /tmp/netmon-was-here]]",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!python/object/apply:os.system [touch /tmp/netmon-was-here]",
    "!!python/tuple [1]",
    "!foo [1]",
    "!foo {a: 1}",
    "!!float nan",
    "!env PATH",
    "!file /etc/passwd",
    "!file ../../../etc/shadow",
    "!file /dev/zero",
    "!credential x",
    "!env ''",
    "!file ..",
    "&x [*x]",
    "&x {a: *x}",
    "*nowhere",
    "<<: *a",
    "<<: 5",
    "<<: [1]",
    "? [a]: b",
    "? {a: b}\n: c",
    "a: b: c",
    "- - - - -",
    "\ufeff",
    "\0",
    "\r\n",
    "\t",
    "\x85",
    "\u2028",
    "---\n",
    "...\n",
    "%YAML 1.1\n---\n",
    "%TAG ! tag:x,2000:\n---\n",
    "# x",
    "0x" + "f" * 400,
    "0o7",
    "0b1",
    "1e400",
    "-1e400",
    ".inf",
    ".nan",
    "1_000",
    "1:2:3",
    "12:30",
    "9" * 5000,
    "~",
    "null",
    "2001-99-99",
    "2026-02-30",
    "2026-11-22",
    "2026-11-22T10:00:00+07:00",
    "0001-01-01",
    "9999-12-31",
    "2026-11-22 25:61",
    "|\n  x\n",
    ">\n  x\n",
    "'",
    '"',
    '"\\ud800"',
    '"\\x00"',
    "{",
    "[",
    "}",
    "]",
    ",",
    ":",
    "yes",
    "on",
    "y",
    "=",
    "`x`",
    "@x",
    "[" * 200,
    "{a: " * 200,
    "- " * 200,
    "[[[[[[[[[[x]]]]]]]]]]",
    "x" * 70_000,
    "é",
    "e\u0301",
    "\u202e",
    "🛰",
    "Cao Bằng",
    "-5s",
    "1e9 d",
    "0 Mbit/s",
    "1e400 Mbit/s",
    "nan Mbit/s",
    "101 %",
    "-1 %",
    "NaN %",
    "99999999999999999999d",
    "5 parsecs",
    "10.4.0.1",
    "999.1.1.1",
    "::1",
    "fe80::1%eth0",
    "10.4.0.1/99",
    "127.0.0.1:99999",
    "http://[::1",
    "mqtt://u:p@h:1",
)


_MAKING = ("tag:yaml.org,2002:python", "tag:yaml.org,2002:set", "tag:yaml.org,2002:omap")
_OURS = ("!", *TAGS)

_NEEDED = ("netmon.yaml", "inventory/a.yaml")


class _Files:
    """`kind` is the file's name in the configuration; those that are needed are right beside it."""

    together = 1
    most_mb = 96
    cpu_s = 1.5
    cpu_s_an_octet = 2e-5

    def __init__(self, home: Path) -> None:
        self._home = home
        self._register = units.load()
        self._texts = _configuration()
        for name, text in self._texts.items():
            place = home / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if name in _NEEDED:
                place.write_bytes(text)

    def seeds(self) -> list[Item]:
        bombs = [
            Item(name, bomb.encode() + self._texts[name])
            for name in ("netmon.yaml", "inventory/a.yaml")
            for bomb in (BOMB, MERGES)
        ]
        deep = [Item("netmon.yaml", b"a: " + piece * 100_000) for piece in (b"[", b"{a: ", b"- ", b"? ")]
        anchored = INVENTORY.replace("devices:\n      - {id: r1", "devices: &d\n      - {id: r1") + "    note: *d\n"
        return [
            *(Item(name, text) for name, text in self._texts.items()),
            *bombs,
            *deep,
            Item("inventory/a.yaml", anchored.encode()),
            Item("inventory/a.yaml", INVENTORY.encode() + b"# " + b"x" * (10 << 20)),
            Item("inventory/a.yaml", INVENTORY.replace("\n", "\r\n").encode()),
        ]

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item:
        text = item.data[:150_000].decode("utf-8", "surrogateescape")
        lines = text.split("\n")
        at = dice.randrange(len(lines))
        match dice.randrange(8):
            case 0:
                lines[at : at + 1] = []
            case 1:
                lines[at:at] = lines[at : at + dice.choice((1, 3))] * dice.choice((1, 2, 50))
            case 2:
                key, colon, _ = lines[at].partition(":")
                lines[at] = f"{key}{colon} {dice.choice(PIECES)}"
            case 3:
                words = lines[at].split(" ")
                words[dice.randrange(len(words))] = dice.choice((*PIECES, *WORDS))
                lines[at] = " ".join(words)
            case 4:
                lines[at] = dice.choice(("  ", "    ", "\t", "-", "- ")) + lines[at]
            case 5:
                lines[at] = lines[at].removeprefix("  ")
            case 6:
                place = dice.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + dice.choice(PIECES) + lines[at][place:]
            case _:
                datas = [other.data[:20_000] for other in dice.choices(others, k=4)]
                return Item(item.kind, scratched(item.data[:150_000], dice, datas))
        return Item(item.kind, "\n".join(lines).encode("utf-8", "surrogateescape")[:200_000])

    async def give(self, item: Item) -> str:
        place = self._home / item.kind
        place.write_bytes(item.data)
        try:
            settings = load(self._home, register=self._register, today=TODAY)
        except ConfigErrors as errors:
            return f"{item.kind} refused: {_looked_at(errors)}"
        finally:
            if item.kind in _NEEDED:
                place.write_bytes(self._texts[item.kind])
            else:
                place.unlink()
        assert not _strange(item.data), f"{item.kind} was taken with a tag that netmon does not know"
        return f"{item.kind} taken: {len(settings.inventory.devices)}"

    def check(self) -> None:
        assert not Path("/tmp/netmon-was-here").exists(), "something was executed"


def _strange(text: bytes) -> list[str]:
    """Tags that make something, or that are not netmon's, as a parser tells them that knows none."""
    tags = [getattr(event, "tag", None) for event in yaml.parse(text, Loader=yaml.CSafeLoader)]
    return [tag for tag in tags if tag and (tag.startswith(_MAKING) or (tag[0] == "!" and tag not in _OURS))]


def _looked_at(errors: ConfigErrors) -> str:
    """The first problem, once all have their places."""
    assert errors.problems
    for problem in errors.problems:
        assert min(problem.line, problem.column) >= 1, problem
        assert Path(problem.file).name, problem
        assert "\n" not in str(problem), problem
        assert len(str(problem)) < 3000, problem
    return errors.problems[0].text


def _configuration() -> dict[str, bytes]:
    main = f'{NETMON}mqtt: {{broker: "mqtt://127.0.0.1"}}\npoll: {{interval: 30s}}\ntraps: {{listen: "127.0.0.1:1162"}}\n'
    example = ROOT / "config"
    texts = {"netmon.yaml": main.encode(), "inventory/a.yaml": INVENTORY.encode()}
    texts |= {name: (example / name).read_bytes() for name in ("targets.yaml", "calendar.yaml")}
    texts["maintenance.yaml"] = (
        b"maintenance:\n  - {name: Thay nguon, what: [r1], from: 2026-11-22T22:00, until: 2026-11-23T02:00, note: ca dem}\n"
    )
    texts["profiles/mine.yaml"] = (ROOT / "netmon/profiles/teltonika.yaml").read_bytes()
    texts["layouts/mine.yaml"] = (ROOT / "netmon/layouts/tasmota.yaml").read_bytes()
    return texts


@asynccontextmanager
async def files(dice: random.Random) -> AsyncIterator[_Files]:
    os.environ["NETMON_COMMUNITY"] = "n3tm0n"
    with tempfile.TemporaryDirectory() as home:
        yield _Files(Path(home))
