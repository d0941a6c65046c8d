"""The writes of what reports rest on: port speeds, speed tests, VNNIC's i-speed, and the inventory's figures by month."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from netmon.model import End, PortSpeed, SpeedTest
from netmon.store.database import Database
from netmon.store.records import Ispeed

NETWORKS = ("fixed", "mobile", "mobile_5g")
METRICS = ("download", "upload", "latency")

FOLLOWED_BEFORE = """since < ?1 AND EXISTS (SELECT 1 FROM port_speed later WHERE later.link = port_speed.link
    AND later.far = port_speed.far AND later.id > port_speed.id AND later.since < ?1)"""
"""A port speed that was no longer true at an instant."""


def put_port_speed(database: Database, link: str, speed: PortSpeed) -> None:
    """Adds a row when the port says other than it said last. Time is never claimed twice: of an instant, the last word
    stands."""
    who = (database.subject("link", link), int(speed.end is End.FAR))
    since = speed.since
    last = "SELECT id, since, bytes_per_s FROM port_speed WHERE link = ? AND far = ? ORDER BY id DESC LIMIT 1"
    while (found := database.execute(last, who).fetchone()) is not None:
        if found[2] == speed.bytes_per_s:
            return
        if found[1] < since:
            break
        since = found[1]
        database.execute("DELETE FROM port_speed WHERE id = ?", (found[0],))
    database.execute(
        "INSERT INTO port_speed (link, far, since, bytes_per_s) VALUES (?, ?, ?, ?)", (*who, since, speed.bytes_per_s)
    )


def put_speed_test(database: Database, test: SpeedTest, source: int) -> None:
    """Adds a speed test, unless one of its device, instant and network is there."""
    site, device = database.subject("site", test.site), database.subject("device", test.device)
    database.execute(
        """INSERT OR IGNORE INTO speed_test (at, device, network, site, operator, download, upload, latency_s, source)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (test.at, device, test.network, site, test.operator, test.download, test.upload, test.latency_s, source),
    )


def sound_ispeed(rows: Iterable[Ispeed]) -> list[Ispeed]:
    """The rows, all of them. ValueError: one that is no figure of i-speed."""
    sound = list(rows)
    for row in sound:
        _require_month(row.month)
        if row.network not in NETWORKS:
            raise ValueError(f"a network is one of {', '.join(NETWORKS)}, not {row.network!r}")
        if row.metric not in METRICS:
            raise ValueError(f"a metric is one of {', '.join(METRICS)}, not {row.metric!r}")
        if not isfinite(row.median) or row.median < 0 or row.samples < 0:
            raise ValueError(f"no median of samples: {row}")
    return sound


def put_ispeed(database: Database, rows: Iterable[Ispeed], at: float) -> None:
    """Each row in place of the one of its key."""
    database.executemany(
        """INSERT OR REPLACE INTO ispeed (month, unit, network, operator, metric, median, samples, source, imported_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [(*row, at) for row in rows],
    )


def inventory_rows(month: str, values: Mapping[tuple[str, str], float]) -> list[tuple[str, str, str, float]]:
    """Figures as they are written. ValueError: a month or a number that is none."""
    _require_month(month)
    for named, value in values.items():
        if not isfinite(value):
            raise ValueError(f"the figure {'/'.join(named)} is no number: {value}")
    return [(month, figure, key, value) for (figure, key), value in values.items()]


def put_inventory_month(
    database: Database, month: str, rows: Iterable[tuple[str, str, str, float]], *, anew: bool = True
) -> None:
    """All figures of a month in place of those that were kept for it; unless `anew`, only where none were."""
    if not anew and database.execute("SELECT 1 FROM inventory_month WHERE month = ?", (month,)).fetchone():
        return
    database.execute("DELETE FROM inventory_month WHERE month = ?", (month,))
    database.executemany("INSERT INTO inventory_month (month, figure, key, value) VALUES (?, ?, ?, ?)", rows)


def _require_month(text: str) -> None:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise ValueError(f'a month is written like "2026-10", not {text!r}')
