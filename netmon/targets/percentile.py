"""The percentile rule of Circular 06/2026/TT-BKHCN, Article 5.6 (SEMANTICS 5).

"The peak within the 95th percentile of each direction must not exceed 90 % of the connection's capacity for 7 consecutive
days, sampled every 5 minutes." The sentence can be read in two ways. `window`: the 95th percentile of the last 2,016 slots
is above the limit. `daily`: the 95th percentile of each of the last seven local days is. Both are computed and shown; the
target says which one is the verdict.

Rates are bytes per second, a slot that was not measured is NaN, utilisation is a ratio. A verdict's evidence is in these
units, with instants in Unix seconds and, beside them, as local ISO 8601.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import filterfalse
from math import ceil, inf, isnan, nan
from typing import Any, NamedTuple

from netmon.model import SLOT_S, Capacity, Direction, End, Link, Standing, Subject, Verdict, Window
from netmon.targets.definitions import PercentileUtilisation
from netmon.targets.rollup import severity
from netmon.targets.windows import DAY_S, ended_days, iso, last_closed, local

DAYS = 7
SLOTS = DAYS * DAY_S // SLOT_S
"""2,016: the slots of seven days."""
WORST = 10
"""How many of the worst slots a verdict shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRates:
    """What the store holds of a link: rates in bytes per second in the commune's directions, from slot `first_k` on.

    A slot that an end lacks is NaN; a slot outside the sequences is absent. The far end's sequences are swapped to the
    commune's directions already, and None where the link has no far witness. `simulated` counts the slots that a simulator
    made.
    """

    first_k: int
    near_receive: Sequence[float]
    near_transmit: Sequence[float]
    far_receive: Sequence[float] | None = None
    far_transmit: Sequence[float] | None = None
    simulated: int = 0

    def near(self, direction: Direction) -> Sequence[float]:
        return self.near_receive if direction is Direction.RECEIVE else self.near_transmit

    def far(self, direction: Direction) -> Sequence[float]:
        far = self.far_receive if direction is Direction.RECEIVE else self.far_transmit
        return () if far is None else far


def slots_needed(now: float) -> range:
    """The slots that the two readings look at: the window's, and those of the last seven local days that have ended."""
    end = last_closed(now) + 1
    return range(min(end - SLOTS, _slots(ended_days(now, DAYS)[0]).start), end)


def window_of(target: PercentileUtilisation, now: float) -> Window:
    """The window of the reading that is the verdict."""
    if target.reading == "daily":
        days = ended_days(now, DAYS)
        return Window(days[0].start, days[-1].end)
    end = (last_closed(now) + 1) * SLOT_S
    return Window(end - SLOTS * SLOT_S, end)


def rank(present: int) -> int:
    """Where the 95th percentile stands among `present` values in ascending order, counted from 1 (nearest rank)."""
    return (95 * present + 99) // 100


def judge_link(target: PercentileUtilisation, link: Link, rates: LinkRates, now: float) -> Verdict:
    """The verdict on a link at `now`. It is never final: the window moves on with every slot."""
    slots = slots_needed(now)
    tracks = [_track(link, rates, direction, slots) for direction in Direction]
    readings = {"window": _window_reading(target, tracks, now), "daily": _daily_reading(target, tracks, now)}
    chosen = readings[target.reading]
    window = window_of(target, now)
    return Verdict(
        target=target.id,
        subject=Subject("link", link.id),
        standing=Standing(chosen["standing"]),
        value=chosen["value"],
        limit=target.limit,
        coverage=chosen["coverage"],
        window=window,
        final=False,
        evidence={
            "rule": "percentile_utilisation",
            "reading": target.reading,
            "readings": readings,
            "worst_slots": _worst_slots(tracks, _slots(window)),
            "capacities": _capacities(link, slots),
            "simulated_slots": rates.simulated,
        },
    )


def judge_month(target: PercentileUtilisation, link: Link, rates: LinkRates, month: Window, now: float) -> Verdict:
    """The worst of the windows that end at each local midnight of the month, as far as it has gone; final once it is over.

    `rates` must reach back over the slots needed at the month's first midnight (`slots_needed`).
    """
    days = round((month.end - month.start) / DAY_S)
    ends = [end for end in (month.start + day * DAY_S for day in range(1, days + 1)) if end <= now]
    if not ends:
        evidence: dict[str, Any] = {"rule": "percentile_utilisation", "reading": target.reading, "midnights": []}
        none_yet = judge_link(target, link, rates, month.start)
        return replace(none_yet, standing=Standing.UNPROVEN, value=None, coverage=0.0, window=month, evidence=evidence)
    slots = range(slots_needed(ends[0]).start, slots_needed(ends[-1]).stop)
    tracks = [_track(link, rates, direction, slots) for direction in Direction]
    outcomes = [_outcome(target, tracks, end) for end in ends]
    midnights = [
        {"end": end, "local": iso(end), "standing": each.standing.value, "value": each.value, "coverage": each.coverage}
        for end, each in zip(ends, outcomes, strict=True)
    ]
    worst = max(range(len(ends)), key=lambda i: badness(outcomes[i]))
    whole = judge_link(target, link, rates, ends[worst])
    return replace(whole, window=month, final=now >= month.end, evidence={**whole.evidence, "midnights": midnights})


class Outcome(NamedTuple):
    """What a verdict comes to."""

    standing: Standing
    value: float | None
    coverage: float


def daily_outcome(target: PercentileUtilisation, link: Link, rates: LinkRates, now: float) -> Outcome:
    """What the daily reading alone comes to at `now`."""
    slots = slots_needed(now)
    return _told(_daily_reading(target, [_track(link, rates, direction, slots) for direction in Direction], now))


def outcome_of(target: PercentileUtilisation, value: float | None, coverage: float, *, beyond: bool) -> Outcome:
    """What a percentile says. `beyond`: so many slots are above the limit that it is a miss whatever the coverage."""
    if beyond:
        return Outcome(Standing.MISSED, value, coverage)
    if value is None or coverage < target.coverage:
        return Outcome(Standing.UNPROVEN, value, coverage)
    return Outcome(_against_limit(target, value), value, coverage)


def badness(outcome: Outcome) -> tuple[int, float]:
    """Higher is worse; no figure at all is worst."""
    return severity(outcome.standing), inf if outcome.value is None else outcome.value


def utilisations(link: Link, rates: LinkRates, direction: Direction, slots: range) -> list[float]:
    """The utilisation of each of these slots, NaN where there is none."""
    return _track(link, rates, direction, slots).utilisation


def _outcome(target: PercentileUtilisation, tracks: Iterable[_Track], now: float) -> Outcome:
    if target.reading == "daily":
        return _told(_daily_reading(target, tracks, now))
    slots = _slots(window_of(target, now))
    return max((_told(_figures(target, track, slots)) for track in tracks), key=badness)


def _told(figures: dict[str, Any]) -> Outcome:
    return Outcome(Standing(figures["standing"]), figures["value"], figures["coverage"])


# --- one direction ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Track:
    """One direction of a link over some slots: what the near end measured, what is judged, and its utilisation."""

    direction: Direction
    slots: range
    near: list[float]
    rate: list[float]
    utilisation: list[float]

    def cut(self, slots: range) -> slice:
        """Where these slots lie in the lists."""
        return slice(slots.start - self.slots.start, slots.stop - self.slots.start)


def _track(link: Link, rates: LinkRates, direction: Direction, slots: range) -> _Track:
    near = rate = _padded(rates.near(direction), rates.first_k, slots)
    far = rates.far(direction)
    if far and any(map(isnan, near)):
        other = _padded(far, rates.first_k, slots)
        rate = [b if isnan(a) else a for a, b in zip(near, other, strict=True)]
    utilisation = [nan] * len(slots)
    for capacity, span in _capacity_spans(link, slots):
        cut = slice(span.start - slots.start, span.stop - slots.start)
        full = capacity.of(direction)
        utilisation[cut] = [value / full for value in rate[cut]]
    return _Track(direction, slots, near, rate, utilisation)


def _padded(values: Sequence[float], first_k: int, slots: range) -> list[float]:
    """The values of exactly these slots, NaN where there is none."""
    start = min(max(slots.start, first_k), slots.stop)
    stop = max(min(slots.stop, first_k + len(values)), start)
    return [nan] * (start - slots.start) + list(values[start - first_k : stop - first_k]) + [nan] * (slots.stop - stop)


def _capacity_spans(link: Link, slots: range) -> Iterator[tuple[Capacity, range]]:
    """The capacities of a link and the slots at whose start each was valid."""
    for i, capacity in enumerate(link.capacities):
        following = link.capacities[i + 1].valid_from if i + 1 < len(link.capacities) else inf
        span = range(min(max(slots.start, _first_at(capacity.valid_from, slots)), slots.stop), _first_at(following, slots))
        if span:
            yield capacity, span


def _first_at(unix: float, slots: range) -> int:
    """The first of the slots that starts at an instant or later; their end if none does."""
    if unix <= slots.start * SLOT_S:
        return slots.start
    return slots.stop if unix >= slots.stop * SLOT_S else ceil(unix / SLOT_S)


def _slots(window: Window) -> range:
    return range(int(window.start // SLOT_S), int(window.end // SLOT_S))


# --- figures and readings ---------------------------------------------------------------------------------------------


def _figures(target: PercentileUtilisation, track: _Track, slots: range) -> dict[str, Any]:
    """The percentile of one direction over some slots, and what it says. More slots above the limit than the percentile
    leaves above itself when nothing is missing is a miss whatever the coverage: 100 of 2,016, 14 of a day's 288."""
    cut = track.cut(slots)
    utilisation = track.utilisation[cut]
    present = sorted(filterfalse(isnan, utilisation))
    n = len(present)
    p95 = present[rank(n) - 1] if n else None
    above = n - bisect_right(present, target.limit)
    coverage = n / len(slots)
    beyond = above > len(slots) - rank(len(slots))
    return {
        "standing": outcome_of(target, p95, coverage, beyond=beyond).standing.value,
        "value": p95,
        "rank": rank(n),
        "rate": None if p95 is None else track.rate[cut][utilisation.index(p95)],
        "present": n,
        "slots": len(slots),
        "coverage": coverage,
        "above": above,
    }


def _against_limit(target: PercentileUtilisation, p95: float) -> Standing:
    if p95 > target.limit:
        return Standing.MISSED
    return Standing.AT_RISK if p95 > target.at_risk else Standing.MET


def _window_reading(target: PercentileUtilisation, tracks: Iterable[_Track], now: float) -> dict[str, Any]:
    slots = _slots(window_of(replace(target, reading="window"), now))
    directions = {
        track.direction.value: {
            **_figures(target, track, slots),
            "far": _from_far(track, slots),
            "without_capacity": _missing(track.utilisation[track.cut(slots)]) - _missing(track.rate[track.cut(slots)]),
        }
        for track in tracks
    }
    return _reading(slots, directions)


def _daily_reading(target: PercentileUtilisation, tracks: Iterable[_Track], now: float) -> dict[str, Any]:
    """A direction misses when every day does. Its figure is the lowest of the proven days' percentiles, for that is the one
    that has to be above the limit; one proven day within it is no miss, whatever the others would have said; but
    nothing is met while too little was seen of the seven days together."""
    windows = ended_days(now, DAYS)
    directions: dict[str, dict[str, Any]] = {}
    for track in tracks:
        days = [{"day": local(day.start).date().isoformat(), **_figures(target, track, _slots(day))} for day in windows]
        proven = [day["value"] for day in days if day["standing"] != Standing.UNPROVEN]
        lowest = min(proven, default=None)
        coverage = sum(day["present"] for day in days) / SLOTS
        enough = coverage >= target.coverage or (lowest is not None and lowest > target.limit)
        if lowest is None or not enough or (lowest > target.limit and len(proven) < len(days)):
            standing = Standing.UNPROVEN
        else:
            standing = _against_limit(target, lowest)
        directions[track.direction.value] = {
            "standing": standing.value,
            "value": lowest,
            "present": sum(day["present"] for day in days),
            "slots": SLOTS,
            "coverage": coverage,
            "above": sum(day["above"] for day in days),
            "days": days,
        }
    return _reading(range(_slots(windows[0]).start, _slots(windows[-1]).stop), directions)


def _reading(slots: range, directions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Each direction by itself; the worse one speaks."""
    name, speaks = max(directions.items(), key=lambda item: badness(_told(item[1])))
    return {
        "standing": speaks["standing"],
        "value": speaks["value"],
        "coverage": speaks["coverage"],
        "direction": name,
        "window": [slots.start * SLOT_S, slots.stop * SLOT_S],
        "directions": directions,
    }


def _missing(values: Iterable[float]) -> int:
    return sum(map(isnan, values))


def _from_far(track: _Track, slots: range) -> int:
    """How many of the judged slots the far end measured."""
    if track.rate is track.near:
        return 0
    cut = track.cut(slots)
    return sum(isnan(near) and not isnan(used) for near, used in zip(track.near[cut], track.utilisation[cut], strict=True))


def _worst_slots(tracks: Iterable[_Track], slots: range) -> list[dict[str, Any]]:
    found = []
    for track in tracks:
        utilisation = track.utilisation[track.cut(slots)]
        least = min(nlargest(WORST, filterfalse(isnan, utilisation)), default=inf)
        found += [(used, k, track) for k, used in zip(slots, utilisation, strict=True) if used >= least]
    found.sort(key=lambda item: item[:2], reverse=True)
    return [_slot(k, track) for _, k, track in found[:WORST]]


def _slot(k: int, track: _Track) -> dict[str, Any]:
    i = k - track.slots.start
    return {
        "start": k * SLOT_S,
        "local": iso(k * SLOT_S),
        "direction": track.direction.value,
        "rate": track.rate[i],
        "utilisation": track.utilisation[i],
        "end": (End.FAR if isnan(track.near[i]) else End.NEAR).value,
    }


def _capacities(link: Link, slots: range) -> list[dict[str, Any]]:
    """The capacities that were judged against, with the instants between which each was."""
    return [
        {"start": span.start * SLOT_S, "end": span.stop * SLOT_S, "receive": capacity.receive, "transmit": capacity.transmit}
        for capacity, span in _capacity_spans(link, slots)
    ]
