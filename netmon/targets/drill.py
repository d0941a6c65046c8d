"""The drill rule: a backup link was seen carrying traffic lately. One that never was may be dead without anybody knowing.

It was seen when a slot carried at least `carries` bytes per second in either direction, or when the site's service was on
backup, which says that a backup's witness answered while the primary was down: this one's, where the site has no other.
Nothing counts from before the link came to its site: it stood elsewhere. A sighting proves it whatever else was not seen;
that there was none is told only where enough was. It is never missed: a backup that nobody tried has failed nobody yet.
Times are seconds; instants are Unix seconds and, beside them, local ISO 8601.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import Any

from netmon.model import SLOT_S, Direction, Link, LinkRole, Span, Standing, Subject, Verdict, Window
from netmon.sightings import carrying, either_end, on_backup, present, there_since
from netmon.targets.definitions import BackupDrill
from netmon.targets.percentile import LinkRates
from netmon.targets.windows import iso, slots_of

SHOWN = 20
"""How many slots with traffic, and times on backup, a verdict shows: the latest."""


def judge_drill(
    target: BackupDrill,
    link: Link,
    rates: LinkRates,
    spans: Sequence[Span],
    window: Window,
    now: float,
    alone: bool = True,
) -> Verdict:
    """The verdict on a link over `window`, clipped to `now` and to the time since the link came to its site. `spans` are the
    states of the service of that site; `alone`: the site had no other backup.

    The value is the time since it was last seen carrying traffic, None when it never was in the window. A slot counts as
    seen when it shows traffic, or both directions were measured; the near end speaks before the far one.
    """
    last = max(window.start, min(window.end, now))
    begin = there_since(link, window.start, last)
    slots = slots_of(Window(begin, last))
    receive, transmit = (_rates(rates, direction, slots) for direction in Direction)
    loaded = carrying(slots, receive, transmit, target.carries)
    backups = on_backup(spans, begin, last) if alone and link.role is LinkRole.BACKUP else []
    sightings: list[tuple[str, float]] = [("traffic", (loaded[-1] + 1) * SLOT_S)] if loaded else []
    sightings += [("service", backups[-1][1])] if backups else []
    by, seen_at = max(sightings, key=lambda sighting: sighting[1], default=(None, None))
    value = None if seen_at is None else last - seen_at
    seen = len(present(slots, receive, transmit, loaded, backups))
    coverage = seen / len(slots) if slots else 0.0
    longer = value > target.limit if value is not None else last - begin > target.limit - 1  # a whole limit's time
    if coverage == 0:
        standing = Standing.UNPROVEN
    elif value is not None and not longer:
        standing = Standing.MET
    else:
        standing = Standing.AT_RISK if longer and coverage >= target.coverage else Standing.UNPROVEN
    return Verdict(
        target=target.id,
        subject=Subject("link", link.id),
        standing=standing,
        value=value,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "at": last,
            "local": iso(last),
            "begin": begin,
            "begin_local": iso(begin),
            "role": link.role.value,
            "alone": alone,
            "carries": target.carries,
            "seen_by": by,
            "seen_at": seen_at,
            "seen_local": None if seen_at is None else iso(seen_at),
            "slots": len(slots),
            "present": seen,
            "carrying_count": len(loaded),
            "carrying": [_slot(k, receive[k - slots.start], transmit[k - slots.start]) for k in loaded[-SHOWN:]],
            "on_backup_count": len(backups),
            "on_backup": [
                {"start": start, "end": end, "local_start": iso(start), "local_end": iso(end), "seconds": end - start}
                for start, end in backups[-SHOWN:]
            ],
            "simulated_slots": rates.simulated,
        },
    )


def _rates(rates: LinkRates, direction: Direction, slots: range) -> list[float]:
    """The rate of each of these slots: the near end's, where it has none the far end's, else NaN."""
    near, far = (_padded(values, rates.first_k, slots) for values in (rates.near(direction), rates.far(direction)))
    return either_end(near, far)


def _padded(values: Sequence[float], first_k: int, slots: range) -> list[float]:
    start = min(max(slots.start, first_k), slots.stop)
    stop = max(min(slots.stop, first_k + len(values)), start)
    held = values[start - first_k : stop - first_k] if stop > start else ()
    return [nan] * (start - slots.start) + list(held) + [nan] * (slots.stop - stop)


def _slot(k: int, receive: float, transmit: float) -> dict[str, Any]:
    return {
        "start": k * SLOT_S,
        "local": iso(k * SLOT_S),
        "receive": None if isnan(receive) else receive,
        "transmit": None if isnan(transmit) else transmit,
    }
