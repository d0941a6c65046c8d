"""How big a store gets in 45 days: measured by pages of the file, and told of a province.

    scripts/soak store_size --minutes 10

Two days of a link are not packed in the evening, the other 43 are. A slot that is not packed is measured on as many links as
a province has, for their rows lie between one another; packed days on a few links, written day by day and folded at night as
a daemon does it.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from netmon.model import EchoSlot, End, Octets, Slot
from netmon.store import Store

ABOUT = "the size of a province's store after 45 days, of other traffic each time: it stays within its budget"

LINKS, ECHO_LINKS, DAYS, OPEN_DAYS = 5_250, 400, 45, 2
BUDGET = 700_000_000
DAY0, DAY_S, DAY_SLOTS = 20_500, 86_400, 288
FIRST = DAY0 * DAY_SLOTS - 84

ECHOES_A_SLOT, POLLS_A_SLOT = 30, 10

_PACKED_LINKS = 50  # whose days are packed

Write = Callable[[Store, str, range], None]
"""Puts these slots of a link."""


class Size(NamedTuple):
    """Bytes of the file for a slot that is not packed, and for a packed day of a link."""

    a_slot: float
    a_packed_day: float

    def of(self, links: int, days: int = DAYS) -> float:
        """Bytes of so many links after so many days."""
        return links * ((days - OPEN_DAYS) * self.a_packed_day + OPEN_DAYS * DAY_SLOTS * self.a_slot)


class _Silent:
    def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...
    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...
    def observe(self, family: str, value: float, /, **labels: str) -> None: ...


def traffic(links: int, days: int, seed: int = 1) -> Size:
    """Of the traffic slots of the near ends of links of up to 200 Mbit/s."""
    dice = random.Random(seed)

    def direction() -> Octets:
        return Octets(dice.randrange(7_500_000_000), 300_000_000 - dice.randrange(2))

    def write(store: Store, link: str, slots: range) -> None:
        store.put_link(link, End.NEAR, slots=[Slot(k, direction(), direction()) for k in slots])

    return Size(_open_slots(write, LINKS, 6, dice), _packed_days(write, links, days))


def echoes(links: int, days: int, seed: int = 1) -> Size:
    """Of round trips of 5 to 40 ms with jitter and some loss: 30 echoes and 10 SNMP requests a slot."""
    dice = random.Random(seed)

    def write(store: Store, link: str, slots: range) -> None:
        base = random.Random(link).uniform(5_000, 40_000)
        for k in slots:
            trips = [int(base + dice.expovariate(1 / 2_000)) for _ in range(ECHOES_A_SLOT - (dice.random() < 0.05))]
            snmp_us = int(POLLS_A_SLOT * (base + dice.expovariate(1 / 4_000)))
            store.put_echo(link, EchoSlot(k, ECHOES_A_SLOT, len(trips), sum(trips), max(trips), POLLS_A_SLOT, snmp_us))

    return Size(_open_slots(write, ECHO_LINKS, 48, dice), _packed_days(write, links, days))


def _open_slots(write: Write, links: int, slots: int, dice: random.Random) -> float:
    names = [f"lk-{number}" for number in range(links)]
    dice.shuffle(names)  # in the order in which they are polled
    with _store() as (store, grown):
        for k in range(FIRST, FIRST + slots):
            for link in names:
                write(store, link, range(k, k + 1))
            store.flush()
        return grown() / links / slots


def _packed_days(write: Write, links: int, days: int) -> float:
    names = [f"lk-{number}" for number in range(LINKS - links, LINKS)]
    with _store() as (store, grown):
        for day in range(DAY0, DAY0 + days):
            for link in names:
                write(store, link, range(day * DAY_SLOTS - 84, (day + 1) * DAY_SLOTS - 84))
                store.flush()
            store.fold((day + 2) * DAY_S)
        store.flush()
        return grown() / links / days


@contextmanager
def _store() -> Iterator[tuple[Store, Callable[[], int]]]:
    """A store that knows the links of a province, and how many bytes in use it has grown by."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "netmon.db"
        Store.open(path, _Silent()).close()
        with sqlite3.connect(path) as database:
            subjects = [f"lk-{number}" for number in range(LINKS)]
            database.executemany("INSERT INTO subject (kind, name) VALUES ('link', ?)", [(name,) for name in subjects])
        database.close()
        empty = _used(path)
        with Store.open(path, _Silent()) as store:
            yield store, lambda: _used(path) - empty


def _used(path: Path) -> int:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    size, pages, free = (
        int(database.execute(f"PRAGMA {what}").fetchone()[0]) for what in ("page_size", "page_count", "freelist_count")
    )
    database.close()
    return size * (pages - free)


def run(given: argparse.Namespace) -> int:
    """Prints what 45 days take, once at least and again until the time is over; 1 when traffic was over its budget."""
    minutes, seed = given.minutes, given.seed
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    print(f"soak: store_size for {minutes:g} minutes, seed {seed}; the budget is {BUDGET / 1e6:,.0f} MB", flush=True)
    end = time.monotonic() + 60 * minutes
    while True:
        of_traffic, of_echoes = traffic(_PACKED_LINKS, DAYS, seed), echoes(_PACKED_LINKS, DAYS, seed)
        for name, size, many in (("traffic", of_traffic, LINKS), ("echoes", of_echoes, ECHO_LINKS)):
            print(
                f"soak: {name}: a slot {size.a_slot:.1f} B, a packed day of a link {size.a_packed_day:,.0f} B; "
                f"{many:,} links x {DAYS} days {size.of(many) / 1e6:,.0f} MB",
                flush=True,
            )
        if of_traffic.of(LINKS) > BUDGET:
            print(f"soak: wrong: traffic takes more than its budget, with seed {seed}")
            return 1
        if time.monotonic() > end:
            print("soak: passed")
            return 0
        seed += 1
