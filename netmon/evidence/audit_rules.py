"""What each rule comes to, from the tables of a verdict's folder: read and run by audit.py beside it.

Python's standard library and nothing of netmon. A rule is a function of the folder, the verdict and its target, and gives
figure, coverage and standing; docs/recompute.md has the definitions in prose.
"""
# ruff: noqa: B905 - runs on any Python from 3.8 on

from __future__ import annotations

import csv
import runpy
from datetime import datetime, timedelta, timezone
from math import ceil, floor, inf
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
    Times = Sequence[float]  # start, end

WORST_FIRST = ("missed", "unproven", "at_risk", "met")
UNTOLD = ("no_feed", "no_sensor", "no_optic")  # exempt, for nothing is told of it
SLOT, HOUR, DAY, WEEK, WAYS = 300, 3600, 86400, 7 * 86400, ("receive", "transmit")
VIET_NAM = timezone(timedelta(hours=7))
slopes = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("audit_slopes.py"))))


def rows(folder: Path, name: str) -> list[Row]:
    """The rows of a CSV file."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plain(cell: str) -> str:
    """A cell's text without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    return cell[1:] if cell.startswith("'") else cell


def number(cell: str) -> float | None:
    """A cell's figure; an empty one has none."""
    return float(cell) if cell else None


def rank(count: int) -> int:
    """Where the 95th percentile stands among so many values in ascending order, counted from 1."""
    return (95 * count + 99) // 100


def percentile(values: Sequence[float]) -> float | None:
    """The 95th percentile by nearest rank."""
    return sorted(values)[rank(len(values)) - 1] if values else None


def worst(found: Iterable[tuple[Found, float]]) -> Found:
    """Worst first; among equal standings the one that is further towards a miss, and no figure at all is furthest."""

    def badness(one: tuple[Found, float]) -> tuple[int, float]:
        return -WORST_FIRST.index(one[0][2]), inf if one[0][0] is None else one[1]

    return max(found, key=badness, default=((None, 0.0, "unproven"), 0.0))[0]


def standing(target: Told, figure: float | None, coverage: float, misses: bool, at_risk: bool, sure: bool) -> str:
    """The words of a verdict in their order; `sure`: it misses, and nothing unseen could undo that."""
    if sure:
        return "missed"
    if figure is None or coverage <= 0 or coverage < target["coverage"]:
        return "unproven"
    return "missed" if misses else "at_risk" if at_risk else "met"


def at_most(target: Told, figure: float | None, coverage: float, sure: bool = False) -> Found:
    """A figure that may not be above the limit."""
    over, near = (figure is not None and figure > target[name] for name in ("limit", "at_risk"))
    return figure, coverage, standing(target, figure, coverage, over, near, sure)


def percentile_utilisation(folder: Path, verdict: Told, target: Told) -> Found:
    """The rate of each slot over its capacity, each direction by itself, over the seven days before each moment judged."""
    slots = {int(row["start"]): row for row in rows(folder, "slots.csv")}

    def over(way: str, start: int, end: int) -> Found:
        present = (slots[at] for at in range(start, end, SLOT) if at in slots)
        pairs = [(row["near_" + way] or row["far_" + way], row["capacity_" + way]) for row in present]
        used = [float(rate) / float(capacity) for rate, capacity in pairs if rate and capacity]
        count, above = (end - start) // SLOT, sum(value > target["limit"] for value in used)
        return at_most(target, percentile(used), len(used) / count, above > count - rank(count))

    def daily(way: str, start: int, end: int) -> Found:
        days = [over(way, day, day + DAY) for day in range(start, end, DAY)]
        proven = [figure for figure, _, says in days if figure is not None and says != "unproven"]
        lowest, _, says = at_most(target, min(proven, default=None), 1)
        says = "unproven" if says == "missed" and len(proven) < len(days) else says
        coverage = sum(coverage for _, coverage, _ in days) / len(days)
        return lowest, coverage, "unproven" if says != "missed" and coverage < target["coverage"] else says

    reading = over if target["reading"] == "window" else daily
    start, end = int(verdict["window"]["start"]), int(verdict["window"]["end"])
    ends = [end] if end - start == WEEK else list(range(start + DAY, end + 1, DAY))
    readings = [reading(way, at - WEEK, at) for at in ends for way in WAYS]
    figure, coverage, says = worst((each, each[0] or 0.0) for each in readings)
    soon = (folder / "peaks.csv").is_file() and crossing(folder, end, target) <= target["days_at_risk"]
    return figure, coverage, "at_risk" if says == "met" and soon else says


def crossing(folder: Path, end: int, target: Told) -> float:
    """In how many days the trend crosses the limit; infinity where nothing can be said."""
    today, found = (end + 25200) // DAY, inf
    days = [row for row in rows(folder, "peaks.csv") if float(row["coverage"]) >= 0.8]
    for way in WAYS:
        told = [(int(row["day"]) - today, row[way], row["capacity_" + way]) for row in days]
        points = [(day, float(rate) / float(capacity)) for day, rate, capacity in told if rate and capacity]
        if len(points) < 28:
            continue
        weekdays = [[point for point in points if point[0] % 7 == weekday] for weekday in range(7)]
        pairs = [(one, two) for same in weekdays for i, one in enumerate(same) for two in same[i + 1 :]]
        lowest, slope, _ = slopes.slopes_of(pairs, [len(same) for same in weekdays])
        level = median(median(used - slope * day for day, used in same) for same in weekdays if same)
        if lowest > 0 and (left := max(0.0, (target["limit"] - level) / slope)) <= 365:
            found = min(found, left)
    return found


def latency(folder: Path, verdict: Told, target: Told) -> Found:
    """The percentile of the slots' mean round trips; within the limit SNMP's, where up and no echo was sent."""
    figures, up = [], lasting(folder, "up") if (folder / "states.csv").is_file() else [(-inf, inf)]
    for row in rows(folder, "echoes.csv"):
        echo, answer, at = number(row["rtt_mean_s"]), number(row["snmp_mean_s"]), int(row["start"])
        unsent = not int(row["sent"]) and any(a <= at and at + SLOT <= b for a, b in up)
        figures.append(answer if unsent and answer is not None and answer <= target["limit"] else echo)
    present = [figure for figure in figures if figure is not None]
    elapsed = (verdict["evidence"]["end"] - verdict["evidence"]["start"]) // SLOT
    whole = floor(verdict["window"]["end"] / SLOT) - ceil(verdict["window"]["start"] / SLOT)
    coverage, above = len(present) / elapsed if elapsed else 0.0, sum(figure > target["limit"] for figure in present)
    return at_most(target, percentile(present), coverage, above > whole - rank(whole))


def loss(folder: Path, verdict: Told, target: Told) -> Found:
    """The echoes lost of those sent in slots throughout which the link was up; coverage is of all that ended."""
    echoes = {int(row["start"]): (int(row["sent"]), int(row["answered"])) for row in rows(folder, "echoes.csv")}
    up, down = lasting(folder, "up"), lasting(folder, "down")
    slots = range(int(verdict["evidence"]["start"]), int(verdict["evidence"]["end"]), SLOT)
    may = [at for at in slots if not any(start < at + SLOT and at < end for start, end in down)]
    seen = [echoes[at] for at in may if echoes.get(at, (0, 0))[0] and any(s <= at and at + SLOT <= e for s, e in up)]
    sent, lost = sum(out for out, _ in seen), sum(out - back for out, back in seen)
    most = sent + (len(may) - len(seen)) * max((out for out, _ in echoes.values()), default=0)
    coverage = len(seen) / len(slots) if slots else 0.0
    return at_most(target, lost / sent if sent else None, coverage, most > 0 and lost / most > target["limit"])


def lasting(
    folder: Path, *states: str, told: Sequence[Row] | None = None, without: Sequence[Times] = ()
) -> list[tuple[float, float]]:
    """When it was in one of the states, outside the times when netmon did not run, and without declared windows."""
    found: list[tuple[float, float]] = []
    absences = rows(folder, "absences.csv") if (folder / "absences.csv").is_file() else []
    holes = [*((float(row["start"]), float(row["end"])) for row in absences), *without]
    for row in rows(folder, "states.csv") if told is None else told:
        pieces = [(float(row["start"]), float(row["end"]))] if row["state"] in states else []
        for since, until in holes:
            cut = [piece for a, b in pieces for piece in ((a, min(b, since)), (max(a, until), b))]
            pieces = [(a, b) for a, b in cut if a < b]
        found += pieces
    joined: list[tuple[float, float]] = []
    for start, end in sorted(found):
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def shares(folder: Path, verdict: Told, target: Told, without: Sequence[Times]) -> tuple[float, float, float]:
    """Seconds available, not available, and elapsed, without these times."""
    service = target["of"] == "service"
    up = lasting(folder, *(("up", "on_backup") if service else ("up",)), without=without)
    down = lasting(folder, *(("isolated", "unreachable") if service else ("down",)), without=without)
    elapsed = verdict["evidence"]["raw"]["elapsed"] - sum(b - a for a, b in without)
    return sum(b - a for a, b in up), sum(b - a for a, b in down), elapsed


def availability(folder: Path, verdict: Told, target: Told) -> Found:
    """Seconds available over seconds seen; a miss is certain when all that was not seen could not save it."""
    without = verdict["evidence"]["declared"] if target.get("judge") == "without_declared" else []
    available, lost, elapsed = shares(folder, verdict, target, without)
    limit, seen, declared = target["limit"], available + lost, sum(b - a for a, b in without)
    figure, coverage = available / seen if seen else None, seen / elapsed if elapsed > 0 else 0.0
    budget = round((1 - limit) * (verdict["window"]["end"] - verdict["window"]["start"] - declared), 6)
    misses, at_risk = figure is not None and figure < limit, lost > round(target["budget_at_risk"] * budget, 6)
    sure = figure is not None and (elapsed - lost) / elapsed < limit
    return figure, coverage, standing(target, figure, coverage, misses, at_risk, sure)


def beside_availability(folder: Path, verdict: Told, target: Told) -> Iterable[tuple[str, float | None, float | None]]:
    """Both figures, whichever is judged: what it is called, as recomputed, as stated."""
    for name, without in (("raw", []), ("without_declared", verdict["evidence"]["declared"])):
        available, lost, _ = shares(folder, verdict, target, without)
        yield name, available / (available + lost) if available + lost else None, verdict["evidence"][name]["value"]


def backup_drill(folder: Path, verdict: Told, target: Told) -> Found:
    """How long ago the backup was last seen: carrying traffic for a slot, or the site's service resting on it."""
    told = verdict["evidence"]
    at, start = told["at"], told.get("begin", verdict["window"]["start"])
    counts = told["role"] == "backup" and told.get("alone", True)
    slots = [row for row in rows(folder, "slots.csv") if int(row["start"]) >= start]
    resting = [(max(a, start), b) for a, b in lasting(folder, "on_backup") if counts and b > start]
    seen, present = [end for _, end in resting], 0
    for row in slots:
        since, rates = int(row["start"]), [number(row["near_" + way] or row["far_" + way]) for way in WAYS]
        carries = any(rate is not None and rate >= target["carries"] for rate in rates)
        seen += [since + SLOT] if carries else []
        present += carries or None not in rates or any(a < since + SLOT and since < b for a, b in resting)
    figure, coverage = at - max(seen) if seen else None, present / len(slots) if slots else 0.0
    longer = at - start > target["limit"] - 1 if figure is None else figure > target["limit"]
    enough = coverage > 0 and (not longer or coverage >= target["coverage"])
    met = enough and figure is not None and not longer
    return figure, coverage, "met" if met else "at_risk" if enough and longer else "unproven"


COUNTS = ("in_time", "late", "pending", "unproven", "at_risk")


def cases(folder: Path, verdict: Told, target: Told, without: Sequence[Times] = ()) -> dict[str, int]:
    """What each outage came to: an end that was not seen lies between the last time it was lost and the next time seen. Its
    clock stands still in declared windows, where those are left out."""

    def took(start: float, end: float) -> float:
        return end - start - sum(max(0.0, min(b, end) - max(a, start)) for a, b in without)

    counts, lost = dict.fromkeys(COUNTS, 0), lasting(folder, "isolated", "unreachable")
    window_start = verdict["window"]["start"]
    over = window_start + verdict["evidence"]["elapsed"]
    for row in rows(folder, "outages.csv"):
        start, end = float(row["start"]), number(row["end"])
        if start >= over or (end is not None and end <= window_start):
            continue
        lasts, until = end is None or end > over, over if end is None else min(end, over)
        last_seen = max((min(b, until) for a, b in lost if a < until and b > start), default=start)
        allowed = target["within_s"].get(row["kind"], max(target["within_s"].values()))
        least, most = took(start, last_seen), took(start, until)
        decided = "late" if least > allowed else "pending" if lasts else "in_time"
        outcome = "unproven" if decided != "late" and most > allowed else decided
        counts[outcome] += 1
        counts["at_risk"] += outcome == "pending" and most > target["at_risk"] * allowed
    return counts


def of_cases(counts: dict[str, int], limit: float, proven: bool, at_risk: bool) -> tuple[float | None, str]:
    """Figure and standing: a case that is not decided may come to either."""
    good, late, pending, unproven = (counts[name] for name in COUNTS[:4])

    def share(good: int, late: int) -> float:
        return good / (good + late) if good + late else 1.0

    figure = share(good, late) if good + late else 1.0 if proven and not pending + unproven else None
    if share(good + pending + unproven, late) < limit:
        return figure, "missed"
    if not proven:
        return figure, "unproven"
    if share(good + unproven, late) < limit:
        return figure, "missed"
    if share(good, late + unproven) < limit:
        return figure, "unproven"
    return figure, "at_risk" if at_risk else "met"


def restoration(folder: Path, verdict: Told, target: Told) -> Found:
    """The share of the cases that were over in time."""
    elapsed, counts = verdict["evidence"]["elapsed"], cases(folder, verdict, target)
    seen = sum(b - a for a, b in lasting(folder, "up", "on_backup", "isolated", "unreachable"))
    coverage = seen / elapsed if elapsed else 0.0
    figure, says = of_cases(counts, target["limit"], 0 < coverage >= target["coverage"], counts["at_risk"] > 0)
    return figure, coverage, says


def beside_restoration(folder: Path, verdict: Told, target: Told) -> Iterable[tuple[str, float | None, float | None]]:
    """The figure without declared windows, of which verdicts from before netmon knew them tell nothing."""
    told = verdict["evidence"]
    if "without_declared" in told:
        counts = cases(folder, verdict, target, told["declared"])
        proven = 0 < told["coverage"] >= target["coverage"]
        figure, _ = of_cases(counts, target["limit"], proven, counts["at_risk"] > 0)
        yield "without_declared", figure, told["without_declared"]["value"]


def pooled(folder: Path, verdict: Told, target: Told) -> Found:
    """The cases of all communes together; the coverage is the mean of theirs, and each has to reach the floor."""
    lines = rows(folder, "parts.csv")
    counts = {name: sum(int(line[name]) for line in lines) for name in COUNTS}
    seen = [float(line["coverage"]) for line in lines]
    coverage, lowest = sum(seen) / len(seen) if seen else 0.0, min(seen, default=0.0)
    proven = lowest > 0 and lowest >= target["of_target"]["coverage"]
    good, bad = counts["in_time"], counts["late"] + counts["at_risk"]
    figure, says = of_cases(counts, target["limit"], proven, bool(bad) and good / (good + bad) < target["limit"])
    return figure, coverage, says


def contracted(folder: Path, link: str, at: float) -> list[float] | None:
    """Receive and transmit as they were contracted for a link at an instant."""
    valid = [row for row in rows(folder, "capacities.csv") if row["link"] == link and float(row["valid_from"]) <= at]
    return [float(valid[-1][way]) for way in WAYS] if valid else None


def capacity(folder: Path, verdict: Told, target: Told) -> Found:
    """The narrower direction of the contract; and the ports can carry the wider one, but for half a per cent."""
    contract = contracted(folder, verdict["subject"]["id"], verdict["evidence"]["at"])
    newest = {row["end"]: float(row["bytes_per_s"]) for row in rows(folder, "ports.csv")}
    ports = [speed for speed in newest.values() if speed > 0 and verdict["evidence"].get("heard", True)]
    facts = [contract is not None, bool(ports)] if target["port_speed"] else [contract is not None]
    coverage, figure = sum(facts) / len(facts), None if contract is None else min(contract)
    slow = target["port_speed"] and contract and any(speed < max(contract) * (1 - 0.005) for speed in ports)
    sure = figure is not None and (figure < target["limit"] or bool(slow))
    return figure, coverage, standing(target, figure, coverage, sure, False, sure)


def routes(cables: Sequence[set[str]]) -> int:
    """The size of the largest set of links of which no two share a cable."""
    if not cables:
        return 0
    apart = [other for other in cables[1:] if not cables[0] & other]
    taken = 1 + routes(apart)
    return taken if len(apart) == len(cables) - 1 else max(taken, routes(cables[1:]))


def redundancy(folder: Path, verdict: Told, target: Told) -> Found:
    """Physical routes. A link whose cable is not told may be one, but proves nothing; radio needs no cable."""
    links = [(row["kind"], set(filter(None, plain(row["srlg"]).split(";")))) for row in rows(folder, "links.csv")]
    named, others = [cables for _, cables in links if cables], [kind for kind, cables in links if not cables]
    untold = sum(kind not in ("microwave", "lte", "satellite_leo") for kind in others)
    sure = routes(named) + len(others) - untold
    if sure + bool(untold and not named) >= limit_of(verdict, target):
        return sure + untold, 1.0, "met"
    says = "missed" if sure + untold < limit_of(verdict, target) else "unproven"
    return sure + untold, 1 - untold / len(links) if links else 1.0, says


def limit_of(verdict: Told, target: Told) -> float:
    """The limit for this subject."""
    secure = target["rule"] == "redundancy" and verdict["evidence"].get("security_level") in target["secure_levels"]
    return float(target["secure_limit" if secure else "limit"])


def growth(folder: Path, verdict: Told, target: Told) -> Found:
    """How far the number of links, or the capacity of one, has risen since last year's registration."""
    at, (month, day) = verdict["evidence"]["at"], target["registered"]
    year = datetime.fromtimestamp(at, VIET_NAM).year - 1
    base = (datetime(year, month, 1, tzinfo=VIET_NAM) + timedelta(days=day)).timestamp() - 1

    def there(link: Row, when: float) -> bool:
        return float(link["since"]) <= when if link["since"] else contracted(folder, link["id"], when) is not None

    links = rows(folder, "links.csv")
    present = [link for link in links if link.get("here_now", "yes") == "yes" and there(link, at)]
    before = [link for link in links if link["here_when_registered"] == "yes" and there(link, base)]
    added = [link for link in present if link not in before]
    rises, unknown = [], False  # each with whether it is justified
    for link in (link for link in before if link in present):
        then, now = contracted(folder, link["id"], base), contracted(folder, link["id"], at)
        ratios = [(new - old) / old for new, old in zip(now or (), then or ()) if old > 0]
        unknown = unknown or bool(now and not ratios)
        rises += [(max(ratios), bool(link["justification"]))] if ratios else []
    if before:
        rises.append(((len(present) - len(before)) / len(before), any(link["justification"] for link in added)))
    bare = [rise for rise, justified in rises if not justified]
    figure, coverage = max(bare or [rise for rise, _ in rises], default=None), float(bool(before) and not unknown)
    sure = any(rise > target["limit"] for rise in bare)
    return figure, coverage, standing(target, figure, coverage, sure, False, sure)


def worst_part(folder: Path, verdict: Told, target: Told) -> Found:
    """What the worst part says: among equal standings the one further towards a miss."""
    lines = [row for row in rows(folder, "parts.csv") if row["standing"] != "exempt"]
    if not lines and rows(folder, "parts.csv"):
        return None, 0.0, "exempt"
    sign = 1 if target["more_is_worse"] else -1
    found = [((number(row["value"]), float(row["coverage"]), row["standing"]), float(row["limit"])) for row in lines]
    return worst((each, sign * ((each[0] or 0.0) - (limit if sign < 0 else 0.0))) for each, limit in found)


def share(folder: Path, verdict: Told, target: Told) -> Found:
    """How many of the communes meet the target; those that are unproven still could, and those at risk may not."""
    standings = [row["standing"] for row in rows(folder, "parts.csv") if row["standing"] != "exempt"]
    met, at_risk, unproven = (standings.count(one) for one in ("met", "at_risk", "unproven"))
    count, good, limit = len(standings), met + at_risk, target["limit"]
    if not count:
        return None, 0.0, "unproven"
    figure, coverage = good / count, (count - unproven) / count
    says = "unproven" if figure < limit else "at_risk" if met / count < limit else "met"
    return figure, coverage, "missed" if (good + unproven) / count < limit else says


_MEASURED = (percentile_utilisation, latency, loss, availability, backup_drill, restoration)
RULES = {rule.__name__: rule for rule in (*_MEASURED, capacity, redundancy, growth, share, pooled)}
BESIDE = {"availability": beside_availability, "restoration": beside_restoration}
