"""The environment rule: whether the room in which a site's equipment stands kept to its temperature and humidity (Circular
06/2026/TT-BKHCN, Appendix I.3: 20 to 25 °C and 40 to 55 % in equipment rooms, 20 to 32 °C and 40 to 80 % in offices).

It is judged by the hour: an hour is out of range when the mean of a sensor is, and in range when each sensor that is awaited
told enough in it and all were in range; of any other hour nothing is proven. The range is the law's; that so many hours have
to be in it is the target's own. Temperatures are °C, humidity is a ratio; instants are Unix
seconds and, beside them, local ISO 8601.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import ceil, floor, inf
from typing import Any

from netmon.model import Site, Standing, Subject, Summary, Verdict, Window
from netmon.targets.definitions import Environment
from netmon.targets.rollup import severity
from netmon.targets.windows import DAY_S, iso

FIGURES = {"temperature": "ambient_temperature_celsius", "humidity": "humidity_ratio"}
"""The figures of a site by quantity."""

NO_SENSOR = "no_sensor"
"""Why a site is exempt of whose room nothing tells the climate."""

BEFORE_DAYS = 56
"""A sensor that told something in so many days before the window is awaited in it."""

READINGS = 3
"""Fewer readings of a sensor in an hour prove nothing of that hour."""

HOUR_S = 3600
WORST = 10
"""How many of the worst hours a verdict shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The hours of one quantity, by their numbers: what was `told` in each, how many were in its range, and those out of it;
    from when until when each sensor is `awaited`, and in how many hours it was in vain."""

    quantity: str
    low: float
    high: float
    told: Mapping[int, Sequence[Summary]]
    within: int
    out: Sequence[int]
    awaited: Mapping[str, tuple[float, float]]
    silent: Mapping[str, int]
    elapsed: int

    @property
    def hours(self) -> int:
        return self.within + len(self.out)

    @property
    def value(self) -> float | None:
        return 1 - len(self.out) / self.hours if self.hours else None

    @property
    def coverage(self) -> float:
        return self.hours / self.elapsed if self.elapsed else 0.0

    def beyond(self, hour: Summary) -> float:
        """By how much a mean lies out of the range; at most 0 in it."""
        return max(self.low - hour.mean, hour.mean - self.high)

    def standing(self, target: Environment) -> Standing:
        if self.value is None:
            return Standing.UNPROVEN
        if (self.elapsed - len(self.out)) / self.elapsed < target.limit:
            return Standing.MISSED  # even if all hours that were not seen had been in range
        if self.coverage < target.coverage:
            return Standing.UNPROVEN
        if self.value < target.limit:
            return Standing.MISSED
        return Standing.AT_RISK if self.value < target.at_risk else Standing.MET

    def evidence(self, target: Environment) -> dict[str, Any]:
        told = [hour for hours in self.told.values() for hour in hours]
        found: dict[str, Any] = {
            "low": self.low,
            "high": self.high,
            "measured": bool(told),
            "standing": self.standing(target).value,
            "hours": self.hours,
            "out": len(self.out),
            "elapsed": self.elapsed,
            "value": self.value,
            "coverage": self.coverage,
            "sensors": {part: sum(hour.part == part for hour in told) for part in sorted({hour.part for hour in told})},
            "awaited": {part: [since, None if until == inf else until] for part, (since, until) in self.awaited.items()},
            "silent": dict(self.silent),
        }
        for word, at in (
            ("least", min(told, key=lambda hour: (hour.least, hour.start), default=None)),
            ("most", min(told, key=lambda hour: (-hour.most, hour.start), default=None)),
        ):
            found[word] = None if at is None else getattr(at, word)
            found[f"{word}_at"] = None if at is None else at.start
            found[f"{word}_local"] = None if at is None else iso(at.start)
        return found


def judge_environment(
    target: Environment,
    site: Site,
    told: Mapping[str, Sequence[Summary]],
    window: Window,
    now: float,
    *,
    before: Mapping[str, Sequence[Summary]],
    devices: Collection[str],
) -> Verdict:
    """The verdict on a site's room over the hours of `window` that have ended at `now`. `told` are the hours of each sensor,
    by quantity, `before` the days of the BEFORE_DAYS before the window, and `devices` those that stand there today.

    The worse of temperature and humidity speaks. Both have to be proven: where nothing measured one of them, the other one
    decides, and proves no more than a miss. Where nothing measured either, the site is exempt; but sensors that have gone
    silent are hours that nobody saw.
    """
    hours = hours_of(window, now)
    ranges = target.rooms[site.room.value]
    parts = [
        _part(quantity, *ranges[quantity], told.get(quantity, ()), before.get(quantity, ()), hours, devices)
        for quantity in FIGURES
    ]
    measured = [part for part in parts if part.told]
    exempt = not (measured or any(before.values()))
    speaks = max(measured, key=lambda part: _badness(target, part), default=None)
    standing = max((part.standing(target) for part in parts), key=severity)
    start, end = hours.start * HOUR_S, hours.stop * HOUR_S
    facts: dict[str, Any] = {
        "room": site.room.value,
        "start": start,
        "end": end,
        "local_start": iso(start),
        "local_end": iso(end),
        "devices": sorted(devices),
    }
    evidence: dict[str, Any] = {"rule": target.rule, "exempt": NO_SENSOR, **facts}
    if not exempt:
        evidence = {
            "rule": target.rule,
            "quantity": None if speaks is None else speaks.quantity,
            **facts,
            "quantities": {part.quantity: part.evidence(target) for part in parts},
            "worst_hours": _worst_hours(parts),
            "simulated_hours": sum(any(hour.simulated for part in parts for hour in part.told.get(k, ())) for k in hours),
        }
    return Verdict(
        target=target.id,
        subject=Subject("site", site.id),
        standing=Standing.EXEMPT if exempt else standing,
        value=None if speaks is None else speaks.value,
        limit=target.limit,
        coverage=0.0 if speaks is None else speaks.coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence=evidence,
    )


def hours_of(window: Window, now: float) -> range:
    """The numbers of the hours that lie in a window and have ended."""
    start = ceil(window.start / HOUR_S)
    return range(start, max(start, floor(min(window.end, now) / HOUR_S)))


def just_before(window: Window) -> Window:
    """The days before a window in which sensors are looked for that are awaited in it."""
    return Window(window.start - BEFORE_DAYS * DAY_S, window.start)


def _part(
    quantity: str,
    low: float,
    high: float,
    told: Sequence[Summary],
    before: Sequence[Summary],
    hours: range,
    devices: Collection[str],
) -> _Part:
    found: dict[int, list[Summary]] = {}
    for hour in told:
        k = floor(hour.start / HOUR_S)
        if k in hours:
            found.setdefault(k, []).append(hour)
    awaited = _awaited([*before, *(hour for each in found.values() for hour in each)], devices)
    within, out, missed = 0, [], Counter[str]()
    for k in hours:
        enough = {hour.part: hour.mean for hour in found.get(k, ()) if hour.readings >= READINGS}
        missing = [part for part, (since, until) in awaited.items() if since <= k * HOUR_S < until and part not in enough]
        missed.update(missing)
        if not all(low <= mean <= high for mean in enough.values()):
            out.append(k)
        elif enough and not missing:
            within += 1
    return _Part(
        quantity=quantity,
        low=low,
        high=high,
        told=found,
        within=within,
        out=out,
        awaited=awaited,
        silent=dict(sorted(missed.items())),
        elapsed=len(hours),
    )


def _awaited(told: Iterable[Summary], devices: Collection[str]) -> dict[str, tuple[float, float]]:
    """From when until when each sensor is awaited: from its first word on, until another one takes its place that began when
    it ended. Each new one takes the place of one, of the one that ended first. Those of devices that are gone are not."""
    spoke: dict[str, list[float]] = {}
    for each in told:
        spoke.setdefault(each.part, []).append(each.start)
    first, last = ({part: edge(starts) for part, starts in spoke.items()} for edge in (min, max))
    new, awaited = sorted(spoke, key=lambda part: (first[part], part)), {}
    for part in sorted(spoke, key=lambda part: (last[part], part)):
        heir = next((one for one in new if first[one] >= last[part] and first[one] > first[part]), None)
        if heir is not None:
            new.remove(heir)
        if part.partition(" ")[0] in devices:
            awaited[part] = first[part], inf if heir is None else first[heir]
    return awaited


def _badness(target: Environment, part: _Part) -> tuple[int, float]:
    """Among equal standings the lower share is worse, and none at all is worst."""
    return severity(part.standing(target)), inf if part.value is None else -part.value


def _worst_hours(parts: Sequence[_Part]) -> list[dict[str, Any]]:
    """The hours out of range, by quantity those furthest out of it first."""
    return [
        {
            "quantity": part.quantity,
            "sensor": hour.part,
            "start": hour.start,
            "local": iso(hour.start),
            "mean": hour.mean,
            "least": hour.least,
            "most": hour.most,
        }
        for part in parts
        for hour in nsmallest(
            WORST,
            [hour for k in part.out for hour in part.told[k] if part.beyond(hour) > 0],
            key=lambda hour: (-part.beyond(hour), hour.start, hour.part),
        )
    ]
