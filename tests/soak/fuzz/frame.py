"""The loop that all fuzzing shares: right items are spoilt, given, and watched.

An item ends in an outcome, in words. It breaks something when an exception comes out that is none of the outcomes, when
anything is logged as an error, when it costs more CPU than its octets allow, or when memory grows. What brought an outcome
that was not seen before is spoilt further, for it went where nothing went before.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import re
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import structlog
from structlog.testing import capture_logs

_WARM = 2000  # items, before memory is looked at
_TRIES = 3  # for now and then the interpreter collects its garbage, or the machine is another's
_POOL, _KEPT_OCTETS = 3000, 8192
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|[0-9a-f]{8,}|\d+(\.\d+)?")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


class Item(NamedTuple):
    """What is given: octets, and what they are, where they go, or how."""

    kind: str
    data: bytes

    def __str__(self) -> str:
        return f"Item({self.kind!r}, bytes.fromhex({self.data.hex()!r})) {self.data[:120]!r}"


class Input(Protocol):
    """An input of netmon. `together` items are given at once; memory may grow by `most_mb` while they are."""

    together: int
    most_mb: int
    cpu_s: float
    cpu_s_an_octet: float

    def seeds(self) -> list[Item]:
        """Right items of every kind."""
        ...

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item: ...

    async def give(self, item: Item) -> str:
        """What became of it, in words; any exception is one that netmon should not have let out."""
        ...

    def check(self) -> None:
        """Looked at now and then: AssertionError when something that is bounded is not."""
        ...


class Broken(Exception):  # noqa: N818 - it is what was found broken
    """What went wrong, with the item that did it."""


@dataclass(slots=True)
class Found:
    """What was done so far."""

    items: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    began_mb: float = 0.0

    @property
    def grown_mb(self) -> float:
        return max(0.0, _rss_mb() - self.began_mb) if self.began_mb else 0.0

    def sentence(self) -> str:
        """Figures, for people."""
        often = ", ".join(f"{amount} {what}" for what, amount in self.outcomes.most_common(4))
        return (
            f"{self.items} items, {len(self.outcomes)} outcomes ({often}), the slowest took {self.slowest_s * 1e3:.0f} ms "
            f"of CPU, memory grew by {self.grown_mb:.0f} MB to {_rss_mb():.0f} MB"
        )


async def fuzz(given: Input, dice: random.Random, enough: Callable[[Found], bool]) -> Found:
    """Until it is `enough`, which is asked after each few items. Broken: something was."""
    right = given.seeds()
    pool = [*right]
    found = Found()
    seen: set[str] = set()
    with _watched() as troubles:
        for at in range(0, len(right), given.together):
            seen.update(map(alike, await _outcome(given, right[at : at + given.together], troubles, found)))
        while not enough(found):
            for _ in range(max(1, 100 // given.together)):
                items = []
                for _ in range(given.together):
                    spoilt = dice.choice(pool if dice.random() < 0.5 else right)
                    for _ in range(dice.choice((1, 1, 1, 2, 3))):
                        spoilt = given.spoil(spoilt, dice, right)
                    items.append(spoilt)
                told = await _outcome(given, items, troubles, found)
                for item, outcome in zip(items, told, strict=True):
                    if len(item.data) > _KEPT_OCTETS:
                        continue  # a pool of these would be all that grows
                    if (kind := alike(outcome)) not in seen and len(seen) < _POOL:
                        seen.add(kind)
                        pool.append(item)
                    elif dice.random() < 0.02 and len(pool) > len(right):
                        pool[dice.randrange(len(right), len(pool))] = item  # what is usual may get further too
            given.check()
            if found.items >= _WARM:
                found.began_mb = found.began_mb or _rss_mb()
                if found.grown_mb > given.most_mb:
                    raise Broken(f"memory grew by {found.grown_mb:.0f} MB; the last: {items[-1]}")
            await asyncio.sleep(0)
    return found


def alike(told: str) -> str:
    """An outcome without what is only this item's: numbers, and what is quoted."""
    return _NUMBERS.sub("#", _QUOTED.sub("'#'", told))[:160]


async def _outcome(given: Input, items: list[Item], troubles: list[str], found: Found) -> list[str]:
    allowed = given.cpu_s * len(items) + given.cpu_s_an_octet * sum(len(item.data) for item in items)
    costs: list[float] = []
    shown = " and ".join(str(item) for item in items)
    for _ in range(_TRIES):
        before = time.thread_time()
        try:
            told = await asyncio.gather(*(given.give(item) for item in items)) if items[1:] else [await given.give(items[0])]
        except Exception as error:
            raise Broken(f"{''.join(traceback.format_exception(error)[-6:])}; {shown}") from error
        costs.append(time.thread_time() - before)
        if troubles:
            raise Broken(f"{'; '.join(troubles)[:4000]}; {shown}")
        if costs[-1] <= allowed:
            break
    if min(costs) > allowed:
        raise Broken(f"it cost {min(costs):.2f} s of CPU, and {allowed:.2f} s at most was due; {shown}")
    found.items += len(items)
    found.slowest_s = max(found.slowest_s, min(costs) / len(items))
    found.outcomes.update(each.partition(":")[0] for each in told)
    return told


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Whatever is logged as an error, by structlog or not, and exceptions that nobody caught."""
    troubles: list[str] = []

    class Heard(list[Any]):
        def append(self, entry: Any) -> None:
            if entry.get("log_level") in ("error", "critical", "exception") or entry.get("exc_info"):
                troubles.append(repr(entry))

    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: troubles.append(record.getMessage())  # type: ignore[method-assign]
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: troubles.append(repr(context)))
    logging.getLogger().addHandler(handler)
    try:
        with capture_logs() as lines:
            hears = Heard()
            _divert(lines, hears)
            yield troubles
            gc.collect()
    finally:
        logging.getLogger().removeHandler(handler)
        loop.set_exception_handler(before)


def _divert(lines: Any, into: Any) -> None:
    """Lets what structlog captures be looked at at once, and not be kept."""
    (capture,) = [each for each in structlog.get_config()["processors"] if getattr(each, "entries", None) is lines]
    capture.entries = into


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
