"""Spoilt answers to every kind of question, to either SNMP engine, for as long as one likes."""

from __future__ import annotations

import asyncio
import random
import resource
import time

from netmon.snmp.client import Client
from netmon.snmp.second import PysnmpClient
from tests.snmp.fuzzing import Conversation, Wrong, read_alone, seeds, spoil, told_apart

ABOUT = "spoilt answers to questions of SNMP v1, v2c and v3: each a result or one typed error, in bounded time and memory"

_SECOND = 40  # answers of which one goes to pysnmp's engine too, which costs so much more
_BATCH = 1000
_MOST_MB = 64
_EVERY_S = 10.0


def run(minutes: float, seed: int | None) -> int:
    """Prints what was done every ten seconds, and the octets that broke something."""
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    print(f"soak: fuzz for {minutes:g} minutes, seed {seed}", flush=True)
    try:
        asyncio.run(_fuzz(time.monotonic() + 60 * minutes, random.Random(seed)))
    except Wrong as wrong:
        print(f"soak: wrong: {wrong}")
        return 1
    return 0


async def _fuzz(end: float, dice: random.Random) -> None:
    ours, theirs = Conversation(Client), Conversation(PysnmpClient)
    right = list(seeds())
    others = [data for _, data, _ in right]
    pool = [*right]
    done, told = 0, time.monotonic()
    begun_mb = 0.0
    outcomes: dict[str, int] = {}
    while time.monotonic() < end:
        for number in range(_BATCH):
            kind, data, signed = dice.choice(pool)
            spoilt = spoil(data, dice, others)
            found = ours.answer(kind, spoilt, signed=signed)
            what = type(found).__name__
            outcomes[what] = outcomes.get(what, 0) + 1
            if number % _SECOND == 0:
                if told_apart(found, theirs.answer(kind, spoilt, signed=signed)):
                    raise Wrong("the engines disagree", kind, signed, spoilt)
                _alone(kind, spoilt, signed)
            if found is not None and dice.random() < 0.05:  # what got through may get further
                pool[len(right) + done % 2000 :] = [*pool[len(right) + done % 2000 + 1 :], (kind, spoilt, signed)]
        done += _BATCH
        await asyncio.sleep(0)  # timers of questions that have ended
        begun_mb = begun_mb or _rss_mb()
        if _rss_mb() > begun_mb + _MOST_MB:
            raise Wrong(f"memory grew from {begun_mb:.0f} to {_rss_mb():.0f} MB", kind, signed, spoilt)
        if time.monotonic() > told + _EVERY_S:
            told = time.monotonic()
            print(f"soak: {done} answers, {outcomes}, slowest {ours.slowest_s * 1e3:.1f} ms, {_rss_mb():.0f} MB", flush=True)
    print(f"soak: passed: {done} answers, {outcomes}; the slowest took {ours.slowest_s * 1e3:.1f} ms of CPU,", end=" ")
    print(f"pysnmp's {theirs.slowest_s * 1e3:.1f} ms; {_rss_mb():.0f} MB")


def _alone(kind: int, data: bytes, signed: bool) -> None:
    try:
        read_alone(data)
    except Exception as error:
        raise Wrong(f"alone: {type(error).__name__}: {error}", kind, signed, data) from error


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
