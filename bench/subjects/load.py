"""A load: whom an engine asks what, how often and how many at once; and the loop that asks, the same for all in Python."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

COLUMN = "1.3.6.1.4.1.8072.9999.1.1"
"""The table that the agent holds, below net-snmp's arc for experiments: columns 1 to 25, rows 1 to 48, Counter32."""

COLUMNS, ROWS = 25, 48
PER_ANSWER = 50
"""Varbinds of a GETBULK: two rows of all columns, or 50 rows of one; either fits an Ethernet frame."""

USER, AUTH_KEY, PRIV_KEY, COMMUNITY = "bench", "bench-auth-key", "bench-priv-key", "bench"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`get` varbinds in a GET, or 0: a walk of the table. Each of `addresses` devices is asked `rounds` times, `in_flight`
    of them at once; so are `silent` more, which never answer and are asked beside them."""

    get: int
    version: str = "2c"
    addresses: int = 100
    silent: int = 0
    rounds: int = 1
    in_flight: int = 100
    port: int = 0
    silent_port: int = 0
    timeout_s: float = 1.0
    retries: int = 1

    @classmethod
    def from_argv(cls) -> Load:
        return cls(**json.loads(sys.argv[1]))

    def as_argument(self) -> str:
        return json.dumps(asdict(self))

    def names(self) -> list[str]:
        """The instances that a GET asks for: whole rows, one after the other."""
        return [f"{COLUMN}.{n % COLUMNS + 1}.{n // COLUMNS + 1}" for n in range(self.get)]

    def columns(self) -> list[str]:
        return [f"{COLUMN}.{n}" for n in range(1, COLUMNS + 1)]

    def varbinds(self) -> int:
        """What one device answers in one round."""
        return self.get or COLUMNS * ROWS

    def healthy(self) -> list[tuple[str, int]]:
        return [(address(n), self.port) for n in range(self.addresses)]

    def black_holes(self) -> list[tuple[str, int]]:
        return [(address(self.addresses + n), self.silent_port) for n in range(self.silent)]


def address(n: int) -> str:
    """The address of the n-th device."""
    return f"127.30.{n // 250}.{n % 250 + 1}"


def _peak_mb() -> float:
    """The most memory that this program held, in 10^6 bytes. ru_maxrss would count that of its parent before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


async def drive(load: Load, ask: Callable[[T], Awaitable[int]], healthy: Sequence[T], black_holes: Sequence[T]) -> None:
    """Asks all; prints what it cost. `ask` returns how many varbinds came, 0 for silence. The first round, in which engines
    learn and caches fill, does not count, nor does making the targets."""
    lost = 0

    async def worker(share: Sequence[T], rounds: int) -> int:
        nonlocal lost
        found = 0
        for _ in range(rounds):
            for target in share:
                came = await ask(target)
                lost += came < load.varbinds()
                found += came
        return found

    async def silence(target: T, rounds: int) -> int:
        for _ in range(rounds):
            if await ask(target):
                raise RuntimeError("a black hole answered")
        return 0

    async def everybody(rounds: int) -> int:
        shares = [healthy[n :: load.in_flight] for n in range(min(load.in_flight, len(healthy)))]
        workers = [worker(share, rounds) for share in shares]
        return sum(await asyncio.gather(*workers, *(silence(target, rounds) for target in black_holes)))

    warm = len(healthy) if load.version == "3" else min(len(healthy), 100)
    for n in range(0, warm, load.in_flight):
        await asyncio.gather(*(ask(target) for target in healthy[n : min(n + load.in_flight, warm)]))
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    varbinds = await everybody(load.rounds)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {
        "cpu_s": cpu_s,
        "varbinds": varbinds,
        "wall_s": ended - began,
        "rss_mb": _peak_mb(),
        "lost": lost,
    }
    print(json.dumps(told))
