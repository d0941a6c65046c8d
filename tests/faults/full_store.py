"""A store as large as a province's after weeks: a few links are stored as a daemon does it, the rest are copies of them."""

import random
import sqlite3
import time
from pathlib import Path

from netmon.model import End, Octets, Slot
from netmon.store import Store
from tests.targets.made import NoMeter

DAY_S, DAY_SLOTS, ZONE_S = 86_400, 288, 7 * 3600
_STORED = 25


def fill(path: Path, links: int, days: int) -> None:
    """Packed days of so many links up to yesterday."""
    dice, now = random.Random(1), time.time()
    first = int(now + ZONE_S) // DAY_S - days - 1

    def direction() -> Octets:
        return Octets(dice.randrange(7_500_000_000), 300_000_000 - dice.randrange(2))

    with Store.open(path, NoMeter()) as store:
        for day in range(first, first + days):
            slots = range((day * DAY_S - ZONE_S) // 300, ((day + 1) * DAY_S - ZONE_S) // 300)
            for n in range(_STORED):
                store.put_link(f"lk-{n}", End.NEAR, slots=[Slot(k, direction(), direction()) for k in slots])
            store.flush()
        store.fold(now)
        store.flush()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN")
    names = [(f"lk-{n}",) for n in range(_STORED, links)]
    database.executemany("INSERT INTO subject (kind, name) VALUES ('link', ?)", names)
    found = database.execute("SELECT id FROM subject WHERE kind = 'link' ORDER BY id").fetchall()
    for table in ("day", "day_rates"):
        told = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        columns = ["link", "day", *(column for column in told if column not in ("id", "link", "day"))]
        rows = database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY day").fetchall()
        of = {number: [row[1:] for row in rows if row[0] == number] for (number,) in found[:_STORED]}
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        for day in range(days):
            new = ((number, *of[found[n % _STORED][0]][day]) for n, (number,) in enumerate(found[_STORED:]))
            database.executemany(insert, new)
    database.execute("COMMIT")
    database.close()
