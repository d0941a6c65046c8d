"""The windows that targets are judged over: months and days of Asia/Ho_Chi_Minh, and slots.

Viet Nam has kept UTC+7 without daylight saving since 1975, so a fixed offset is right for everything that netmon can have
measured; midnight there is always the edge of a slot. Instants are Unix seconds UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from netmon.model import SLOT_S, VIET_NAM, ZONE_S, Site, Window

DAY_S = 86_400


def local(unix: float) -> datetime:
    """The instant on the clocks of Viet Nam."""
    return datetime.fromtimestamp(unix, VIET_NAM)


def iso(unix: float) -> str:
    """The instant as ISO 8601 in local time, to the second: 2026-11-21T19:55:00+07:00."""
    return local(math.floor(unix)).isoformat()


def last_closed(now: float) -> int:
    """The number of the last slot that has ended."""
    return math.floor(now / SLOT_S) - 1


def month_of(unix: float) -> Window:
    """The local calendar month that holds an instant."""
    first = local(unix).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return Window(first.timestamp(), following.timestamp())


def month_before(month: Window) -> Window:
    """The calendar month before this one."""
    return month_of(month.start - 1)


def midnight(unix: float) -> float:
    """The local midnight at or before an instant."""
    return local(unix).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def ended_days(now: float, count: int) -> list[Window]:
    """The last `count` local days that have ended, oldest first."""
    last = midnight(now)
    return [Window(last - ago * DAY_S, last - (ago - 1) * DAY_S) for ago in range(count, 0, -1)]


def slots_of(window: Window) -> range:
    """The slots that lie in a window whose edges are those of slots; of others, those that end in it."""
    return range(math.ceil(window.start / SLOT_S), math.floor(window.end / SLOT_S))


def day_number(unix: float) -> int:
    """The number of the local day that holds an instant, as the store counts them."""
    return math.floor((unix + ZONE_S) / DAY_S)


def stays(site: Site, window: Window) -> Iterator[tuple[str, Window]]:
    """The communes that a site belonged to within a window, and when: what happened there counts for each."""
    start = window.start
    for was in site.former:
        if start < was.until < window.end:
            yield was.place, Window(start, was.until)
            start = was.until
    yield site.commune_at(window.end - 1e-6), Window(start, window.end)
