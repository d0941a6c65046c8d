"""Spoilt input of every kind, for as long as one likes: `scripts/soak fuzz --input mqtt --minutes 30`."""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import time
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any

from tests.soak.fuzz.frame import Broken, Input, fuzz

ABOUT = "spoilt input of every kind: each item a result or one typed error, in bounded time and memory, and no bug"

INPUTS = {
    "snmp": ("snmp", "answers"),
    "traps": ("traps", "datagrams"),
    "mqtt": ("mqtt", "messages"),
    "yaml": ("settings", "files"),
    "http": ("http", "requests"),
    "control": ("control", "lines"),
}
"""What is spoilt, by name: the module, and what is open in it while a block lasts."""

_EVERY_S = 10.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", choices=[*INPUTS, "all"], default="all", help="what is spoilt (default: all of them)")


def run(given: argparse.Namespace) -> int:
    """One input, or all of them side by side, each in a process of its own. Prints what was done every ten seconds, and the
    octets that broke something; exits with 1 then."""
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    if given.input == "all":
        ask = [sys.executable, "-m", "tests.soak", "fuzz", "--minutes", str(given.minutes), "--seed", str(seed), "--input"]
        running = [subprocess.Popen([*ask, name]) for name in INPUTS]
        return max(abs(each.wait()) for each in running)
    print(f"soak: fuzz {given.input} for {given.minutes:g} minutes, seed {seed}", flush=True)
    return asyncio.run(_run(given.input, 60 * given.minutes, seed))


def opened(name: str, dice: random.Random) -> AbstractAsyncContextManager[Input]:
    """An input by its name."""
    module, what = INPUTS[name]
    found: AbstractAsyncContextManager[Input] = getattr(import_module(f"tests.soak.fuzz.{module}"), what)(dice)
    return found


async def _run(name: str, lasting_s: float, seed: int) -> int:
    end = time.monotonic() + lasting_s
    told = time.monotonic()

    def enough(found: Any) -> bool:
        nonlocal told
        if time.monotonic() > told + _EVERY_S:
            told = time.monotonic()
            print(f"soak: {name}: {found.sentence()}", flush=True)
        return time.monotonic() >= end

    dice = random.Random(seed)
    try:
        async with opened(name, dice) as given:
            found = await fuzz(given, dice, enough)
    except Broken as broken:
        print(f"soak: {name}: broken with seed {seed}: {broken}", flush=True)
        return 1
    print(f"soak: {name}: passed: {found.sentence()}", flush=True)
    return 0
