"""What the rules on what others tell come to: cells of operators, the air of a room, the light of a fibre. Run by audit.py
beside it, as audit_rules.py is, which has what all rules need.
"""

from __future__ import annotations

import runpy
from math import inf
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Row = dict[str, str]
    Told = dict[str, Any]
    Found = tuple[float | None, float, str]  # figure, coverage, standing

shared = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("audit_rules.py"))))
rows, plain, worst, standing, lasting = shared.rows, shared.plain, shared.worst, shared.standing, shared.lasting
WORST_FIRST, HOUR, DAY, slopes = shared.WORST_FIRST, shared.HOUR, shared.DAY, shared.slopes


def radio_availability(folder: Path, verdict: Told, target: Told) -> Found:
    """Cell-seconds up over those up or down, by operator and technology; the worst of them speaks."""
    told, found = verdict["evidence"], []
    cells: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows(folder, "cells.csv"):
        spans = cells.setdefault((plain(row["operator"]), row["technology"]), {}).setdefault(row["cell"], [])
        spans += [row] if row["start"] else []
    heard = {operator for (operator, _), group in cells.items() if any(group.values())}
    elapsed, whole = told["end"] - told["start"], verdict["window"]["end"] - verdict["window"]["start"]
    for (operator, _), group in cells.items():
        silent = operator in told["on_air"] and operator not in heard
        here = [spans for spans in group.values() if spans or silent]
        up, down = (sum(b - a for spans in here for a, b in lasting(folder, word, told=spans)) for word in ("up", "down"))
        figure, seen = up / (up + down) if up + down else None, len(here) * elapsed
        budget = round((1 - target["limit"]) * len(here) * whole, 6)
        misses, near = figure is not None and figure < target["limit"], down > round(target["budget_at_risk"] * budget, 6)
        sure, coverage = seen > 0 and (seen - down) / seen < target["limit"], (up + down) / seen if seen else 0.0
        found += [(figure, coverage, standing(target, figure, coverage, misses, near, sure))] if here else []
    return worst((each, -(each[0] or 0.0)) for each in found) if found else (None, 0.0, "exempt")


def beside_radio(folder: Path, verdict: Told, target: Told) -> Iterable[tuple[str, float | None, float | None]]:
    """The shares without declared windows, of which verdicts from before netmon knew them tell nothing."""
    told, cells = verdict["evidence"], rows(folder, "cells.csv")
    for group in told.get("without_declared", ()):
        own = [row for row in cells if row["start"] and plain(row["operator"]) == group["operator"]]
        spans = [[row] for row in own if plain(row["technology"]) == group["technology"]]
        up, down = (
            sum(b - a for row in spans for a, b in lasting(folder, word, told=row, without=told["declared"]))
            for word in ("up", "down")
        )
        name = f"without_declared {group['operator']} {group['technology']}"
        yield name, up / (up + down) if up + down else None, group["value"]


def summaries(folder: Path, figure: str, seconds: int, start: float, end: float) -> list[Row]:
    """The hours, or days, of a figure that begin in a time."""
    told = [row for row in rows(folder, "summaries.csv") if row["figure"] == figure and int(row["seconds"]) == seconds]
    return [row for row in told if start <= float(row["start"]) < end]


def awaited(told: Sequence[Row], devices: Sequence[str]) -> dict[str, tuple[float, float]]:
    """From when until when each sensor is awaited; each new one takes the place of one that ended before it, once."""
    spoke: dict[str, list[float]] = {}
    for row in told:
        spoke.setdefault(plain(row["part"]), []).append(float(row["start"]))
    new, found = sorted((min(starts), part) for part, starts in spoke.items()), {}
    for last, part in sorted((max(starts), part) for part, starts in spoke.items()):
        begun = min(spoke[part])
        heir = next((one for one in new if one[0] >= last and one[0] > begun), (inf, ""))
        new = [one for one in new if one != heir]
        if part.split(" ")[0] in devices:
            found[part] = begun, heir[0]
    return found


def environment(folder: Path, verdict: Told, target: Told) -> Found:
    """The hours in which each sensor's mean was in range, by quantity; both have to be proven, the worse one speaks."""
    told, says, found = verdict["evidence"], [], []
    names = {"temperature": "ambient_temperature_celsius", "humidity": "humidity_ratio"}
    hours = range(int(told["start"]), int(told["end"]), HOUR)
    for quantity, name in names.items():
        own = summaries(folder, name, HOUR, told["start"], told["end"])
        wait = awaited(own + summaries(folder, name, DAY, -inf, inf), told["devices"])
        enough: dict[float, dict[str, float]] = {}
        for row in (row for row in own if int(row["count"]) >= 3):
            enough.setdefault(float(row["start"]), {})[plain(row["part"])] = float(row["mean"])
        low, high = target["rooms"][told["room"]][quantity]
        out = {at for at, means in enough.items() if any(not low <= mean <= high for mean in means.values())}
        due = {at: {part for part, (since, until) in wait.items() if since <= at < until} for at in hours}
        seen = len(out | {at for at, means in enough.items() if due[int(at)] <= set(means)})
        figure, coverage = 1 - len(out) / seen if seen else None, seen / len(hours) if hours else 0.0
        misses, near = (figure is not None and figure < target[key] for key in ("limit", "at_risk"))
        sure = bool(seen) and (len(hours) - len(out)) / len(hours) < target["limit"]
        says.append(standing(target, figure, coverage, misses, near, sure))
        found += [(figure, coverage, says[-1])] if own else []
    if not rows(folder, "summaries.csv"):
        return None, 0.0, "exempt"
    figure, coverage, _ = worst((each, -(each[0] or 0.0)) for each in found)
    return figure, coverage, min(says, key=WORST_FIRST.index)


def optical_margin(folder: Path, verdict: Told, target: Told) -> Found:
    """The least margin of each hour, by direction; whether there was light in it; and in how many days what arrives will
    have faded too far. An hour with darkness was not measured, and is a sign."""
    told, found = verdict["evidence"], []
    today, elapsed = (told["at"] + 25200) // DAY, (told["end"] - told["start"]) // HOUR
    hours = summaries(folder, "optical_margin_db", HOUR, told["start"], told["end"])
    days = summaries(folder, "optical_margin_db", DAY, -inf, inf)
    unlit = summaries(folder, "optical_dark", HOUR, told["start"], told["end"])
    for way in sorted({row["part"] for row in [*hours, *days, *unlit]}):
        own = sorted((float(row["start"]), float(row["least"]), float(row["mean"])) for row in hours if row["part"] == way)
        below = sum(least < target["limit"] for _, least, _ in own)
        dark = {float(row["start"]) for row in unlit if row["part"] == way}
        lit, figure = sum(start not in dark for start, _, _ in own), min((least for _, least, _ in own), default=None)
        coverage = lit / elapsed if elapsed else 0.0
        light = summaries(folder, "optical_receive_power_dbm", DAY, -inf, inf)
        dated = [((float(row["start"]) + 25200) // DAY - today, float(row["mean"])) for row in light if row["part"] == way]
        points, soon = slopes.since_step([point for point in dated if -56 <= point[0] < 0]), False
        if own and len(points) >= 28 and not verdict["final"]:
            pairs = [(one, two) for i, one in enumerate(points) for two in points[i + 1 :]]
            _, slope, highest = slopes.slopes_of(pairs, [len(points)])
            above = max(0.0, median(mean for _, _, mean in own[-24:]) - target["limit"])
            soon = highest < 0 and above / -slope <= target["days_at_risk"]
        sure = below >= target["hours"]
        found.append((figure, coverage, standing(target, figure, coverage, False, bool(below or dark or soon), sure)))
    return worst((each, -(each[0] or 0.0)) for each in found) if found else (None, 0.0, "exempt")


RULES = {rule.__name__: rule for rule in (radio_availability, environment, optical_margin)}
BESIDE = {"radio_availability": beside_radio}
