"""How long a site's power lasts once its mains are gone, and what goes dark with it.

Nobody knows that to the minute, so each answer is three: earliest, likely, latest. Of several things that tell it the most
trustworthy speaks, unless another contradicts it by a sooner end; the interval widens to what the others say. Where nothing
tells it, that is said. Lead-acid holds its
voltage long and then falls off (the knee), and an aged battery is empty before its controller's count is: the earliest end
allows for it.
Pure. Instants are Unix seconds, charge and fuel ratios, current is negative while the battery discharges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import NamedTuple

from netmon.model import Words


class Point(NamedTuple):
    """What a power device told at an instant; None where it told nothing. `coulombs` are left in the battery,
    `discharged` were taken out; `load` is what the site draws, amperes. `run_s` is how long the generator ran in its life.
    """

    at: float
    volts: float | None = None
    amperes: float | None = None
    charge: float | None = None
    coulombs: float | None = None
    discharged: float | None = None
    health: float | None = None
    remaining_s: float | None = None
    load: float | None = None
    low: bool = False
    generator: bool | None = None
    run_s: float | None = None
    fuel: float | None = None
    litres: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A power device whose mains are gone `since` then, and what it told after that, the newest last. `lithium`: it says
    that its cells are; `was_full`: the last that it told on mains is a full battery."""

    since: float
    points: Sequence[Point]
    lithium: bool = False
    was_full: bool = False


class Left(NamedTuple):
    """Seconds until the power is gone; never negative, and in this order."""

    earliest: float
    likely: float
    latest: float

    def after(self, seconds: float) -> Left:
        """What is left so much later, when nothing new is known."""
        return Left(*(max(0.0, end - seconds) for end in self))


class Outlook(NamedTuple):
    """What is left, None where nothing tells it, and what that rests on, or why it is not known."""

    left: Left | None
    basis: Words


SLOPE_S = 600.0
"""A slope is told from so much history on."""
FUEL_SLOPE_S = 1800.0
"""Fuel goes more slowly, and its gauges are coarse."""

DISCONNECT_VOLTS, LITHIUM_DISCONNECT_VOLTS = 43.2, 46.0
"""Where a 48 V plant disconnects its battery: 1.80 V a cell of lead-acid, which controllers are set to as delivered."""
RESTED_VOLTS, LITHIUM_RESTED_VOLTS = 51.0, 53.0
"""What a full battery falls to under load."""
CLASSES = ((12.0, 9.0, 16.0), (24.0, 18.0, 32.0), (48.0, 36.0, 62.0))
"""Voltage of a plant, and between which volts its battery is one. Others (the long strings of a UPS) tell nothing."""

KNEE = 0.2
"""An aged lead-acid battery (80 % of its capacity, when IEEE 1188 has it replaced) is empty at this much on the count."""
LONGEST = 3.0
"""What widens the interval, or hardly falls, makes the latest end at most so many times the likely one."""
BURNS_LITRES = 1.5 / 3600, 3.0 / 3600, 5.0 / 3600
"""What a generator of 8 to 20 kVA burns a second under a site's load, where its own gauge does not show it yet."""

RECENT_S = 2700.0
"""What a battery did before that is not how it goes on: loads change."""

_SETTLES_S = 900.0
"""The voltage drops at once when the mains fail, and then for a while to its plateau: that is no slope."""
_BESIDE = 3
_KNEE_AT = 0.7
"""What a voltage that falls as the curve has it is worth of the time that the curve gives."""
FULL = 0.98
"""A battery with this much charge is taken as full."""
_LEAST_AMPERES = 0.5
_TWICE = 2.0
"""What knows its latest end to so much of its likely one is believed against another that tells more than so much of it."""


class _Source(NamedTuple):
    """An estimate; of several the one with the least `rank` speaks."""

    rank: int
    left: Left
    said: Words


class _Fall(NamedTuple):
    """How much is lost in a second, at the least, probably and at the most, and over how long that was seen."""

    low: float
    likely: float
    high: float
    seen_s: float


def outlook(plant: Plant, now: float) -> Outlook:
    """How long the power of a site lasts whose mains are gone."""
    if not plant.points:
        return Outlook(None, Words("mất điện lưới, chưa có số đo nào sau đó", "the mains are gone; nothing was told since"))
    last = plant.points[-1]
    stretch = _stretch(plant.points)
    found = _on_generator(plant, stretch) if last.generator else _on_battery(plant, stretch)
    if found.left is None:
        return found
    left = found.left._replace(earliest=0.0) if last.low else found.left
    basis = found.basis
    if last.low:
        basis = Words(f"{basis.vi}; thiết bị báo ắc quy yếu", f"{basis.en}; the device says that the battery is low")
    return Outlook(left.after(max(0.0, now - last.at)), basis)


def _stretch(points: Sequence[Point]) -> list[Point]:
    """The points since the generator last started or stopped."""
    feeds, found = bool(points[-1].generator), []
    for point in reversed(points):
        if bool(point.generator) is not feeds:
            break
        found.append(point)
    return found[::-1]


def _on_battery(plant: Plant, stretch: Sequence[Point]) -> Outlook:
    points = [point for point in stretch if stretch[-1].at - point.at <= RECENT_S]
    fallen = _by_charge(points)
    # A generator that ran in between has charged the battery: what was lost since the failure says nothing then.
    untouched = plant.was_full and len(stretch) == len(plant.points) and not points[-1].generator
    found = [
        source
        for source in (
            _as_told(points),
            _by_coulombs(points),
            fallen,
            _since_failure(plant.since, points[-1]) if fallen is None and untouched else None,
            _by_voltage(plant, points),
        )
        if source is not None
    ]
    if not found:
        return Outlook(None, _why_unknown(points))
    speaker = _speaker(found)
    likely = speaker.left.likely
    others = [source.left.likely for source in found]
    earliest = min(speaker.left.earliest, *others)
    latest = max(speaker.left.latest, min(max(others), LONGEST * likely))
    return Outlook(Left(earliest, likely, latest), speaker.said)


def _speaker(found: Sequence[_Source]) -> _Source:
    """The most trustworthy, unless others contradict it: their latest end lies before its earliest, or they know theirs well
    and have it in less than half the time. Something lies then, and the soonest of their ends is the one to act upon."""
    first = min(found, key=lambda source: source.rank)
    against = [
        source
        for source in found
        if source.left.latest < first.left.earliest
        or (source.left.latest <= _TWICE * source.left.likely and _TWICE * source.left.likely < first.left.likely)
    ]
    return min(against or [first], key=lambda source: source.left.likely)


def _why_unknown(points: Sequence[Point]) -> Words:
    last = points[-1]
    if last.charge is None and last.volts is None:
        if last.low:
            return Words("thiết bị chỉ báo ắc quy yếu", "the device only says that its battery is low")
        return Words("thiết bị không báo gì về ắc quy", "the device tells nothing of its battery")
    seen_s = last.at - points[0].at
    if seen_s < SLOPE_S:
        return Words(f"mới theo dõi {seen_s / 60:.0f} phút", f"watched for {seen_s / 60:.0f} min only")
    return Words("ắc quy chưa giảm rõ", "the battery does not fall visibly yet")


def _as_told(points: Sequence[Point]) -> _Source | None:
    """What the device reckons itself. One whose reckoning does not fall as time goes by gives a setting and no reckoning."""
    told = [(point.at, point.remaining_s) for point in points if point.remaining_s is not None]
    left = points[-1].remaining_s
    if left is None:
        return None
    said = Words("thiết bị tự tính", "as the device reckons")
    seen_s = told[-1][0] - told[0][0]
    if seen_s < SLOPE_S:
        return _Source(2, Left(0.5 * left, left, 1.5 * left), said)
    pace = (told[0][1] - left) / seen_s
    if pace < 0.1:
        return None if seen_s >= 2 * SLOPE_S else _Source(4, Left(0.3 * left, left, LONGEST * left), said)
    onward = left / pace
    rank = 0 if 0.5 <= pace <= 2 else 4
    return _Source(
        rank, Left(min(0.7 * left, 0.8 * onward), left, max(1.25 * left, min(1.2 * onward, LONGEST * left))), said
    )


def _by_coulombs(points: Sequence[Point]) -> _Source | None:
    """What is left in the battery over the current that flows out of it."""
    last = points[-1]
    left, capacity = last.coulombs, None
    if last.discharged is not None and last.discharged > 0:
        if left is not None:
            capacity = left + last.discharged
        elif last.charge is not None and last.charge < FULL:
            capacity = last.discharged / (1 - last.charge)
            left = capacity * last.charge
    drawn = _drawn(points)
    amperes = last.load if drawn is None else drawn
    if left is None or amperes is None or amperes < _LEAST_AMPERES:
        return None
    aside = KNEE * capacity if capacity is not None else 0.4 * left
    likely = left / amperes
    said = Words(
        f"còn {_number(left / 3600, vi=True)} Ah, đang phóng {_number(amperes, vi=True)} A",
        f"{_number(left / 3600)} Ah left, {_number(amperes)} A flow out",
    )
    return _Source(1, Left(0.9 * max(0.0, left - aside) / amperes, likely, 1.25 * likely), said)


def _drawn(points: Sequence[Point]) -> float | None:
    """Amperes that flow out of the battery."""
    told = [-point.amperes for point in points[-10:] if point.amperes is not None]
    return median(told) if told else None


def _by_charge(points: Sequence[Point]) -> _Source | None:
    """The charge and how it falls."""
    told = [(point.at, point.charge) for point in points if point.charge is not None]
    charge, fall = points[-1].charge, _fall(_since_rise(told, 0.01), SLOPE_S, 0.01)
    if charge is None or fall is None:
        return None
    said = Words(
        f"mức nạp {100 * charge:.0f} %, giảm {_number(fall.likely * 360_000, vi=True)} % mỗi giờ{_watched(fall).vi}",
        f"charge {100 * charge:.0f} %, falling by {_number(fall.likely * 360_000)} % an hour{_watched(fall).en}",
    )
    return _Source(3, _run_out(charge, max(KNEE, 1 - (points[-1].health or 1.0)), fall), said)


def _since_failure(since: float, last: Point) -> _Source | None:
    """The charge of a battery that was full when the mains failed."""
    away_s = last.at - since
    if last.charge is None or last.charge >= FULL or away_s < SLOPE_S:
        return None
    likely = last.charge / (1 - last.charge) * away_s
    earliest = 0.4 * likely * max(0.0, last.charge - KNEE) / last.charge if last.charge else 0.0
    said = Words(
        f"mức nạp {100 * last.charge:.0f} % sau {away_s / 60:.0f} phút mất điện, lúc đầu đầy",
        f"charge {100 * last.charge:.0f} % after {away_s / 60:.0f} min without mains, full before",
    )
    return _Source(5, Left(earliest, likely, LONGEST * likely), said)


def _by_voltage(plant: Plant, points: Sequence[Point]) -> _Source | None:
    """The voltage and how it falls to where the controller disconnects.

    Read as a charge over the curve of a discharge, h = H (1 - (1 - c)^2) above the disconnection, so that the knee comes
    sooner than a straight line would have it; the line gives the latest end.
    """
    volts = points[-1].volts
    size = next((size for size, low, high in CLASSES if volts is not None and low <= volts <= high), None)
    if volts is None or size is None:
        return None
    scale = size / 48
    end = (LITHIUM_DISCONNECT_VOLTS if plant.lithium else DISCONNECT_VOLTS) * scale
    height = (LITHIUM_RESTED_VOLTS if plant.lithium else RESTED_VOLTS) * scale - end
    told = [(p.at, p.volts) for p in points if p.volts is not None and p.at >= plant.since + _SETTLES_S]
    said = Words(f"điện áp {_number(volts, 2, vi=True)} V, ngắt ở", f"{_number(volts, 2)} V, disconnects at")
    said = Words(f"{said.vi} {_number(end, 1, vi=True)} V", f"{said.en} {_number(end, 1)} V")
    if volts <= end:
        return _Source(6, Left(0.0, 0.0, SLOPE_S), said)
    curve = [(at, 1 - sqrt(1 - min(1.0, max(0.0, value - end) / height))) for at, value in told]
    fall, line = _fall(curve, SLOPE_S, 0.01), _fall(told, SLOPE_S, 0.02 * scale)
    if fall is None or line is None:
        return None
    # Cells differ, and the worst one makes the knee. Lithium stays flat until it is nearly empty: it says even less.
    left = _run_out(curve[-1][1], KNEE, fall)
    likely, sooner = _KNEE_AT * left.likely, (0.2 if plant.lithium else 0.4) * left.earliest
    straight = (volts - end) / line.low if line.low else LONGEST * left.likely
    latest = 1.5 * min(max(left.latest, straight), LONGEST * left.likely)
    said = Words(said.vi + _watched(fall).vi, said.en + _watched(fall).en)
    return _Source(6, Left(sooner, likely, latest), said)


def _on_generator(plant: Plant, points: Sequence[Point]) -> Outlook:
    """The fuel; and where the battery discharges nevertheless, whichever of them ends sooner."""
    fuel = _by_fuel(points)
    if not _discharges([point for point in points if points[-1].at - point.at <= RECENT_S]):
        return fuel
    battery = _on_battery(plant, points)
    if battery.left is None:
        return fuel
    if fuel.left is not None:
        sooner = Left(*map(min, fuel.left, battery.left))
        if fuel.left.likely <= battery.left.likely:
            return Outlook(sooner, fuel.basis)
        battery = Outlook(sooner, battery.basis)
    said = battery.basis
    return Outlook(
        battery.left,
        Words(
            f"{said.vi}; máy phát được báo là đang chạy nhưng ắc quy vẫn phóng",
            f"{said.en}; the generator is said to run, and yet the battery discharges",
        ),
    )


def _discharges(points: Sequence[Point]) -> bool:
    """Whether the battery is seen to, by any of what tells it: another may be stuck."""
    drawn, told = _drawn(points), _as_told(points)
    counts_down = told is not None and told.rank == 0
    return counts_down or (drawn is not None and drawn >= _LEAST_AMPERES) or _by_charge(points) is not None


def _by_fuel(points: Sequence[Point]) -> Outlook:
    """The fuel, and the battery after it."""
    last = points[-1]
    litres = [(point.at, point.litres) for point in points if point.litres is not None]
    ratio = [(point.at, point.fuel) for point in points if point.fuel is not None]
    for told, grain, fuel in ((litres, 1.0, last.litres), (ratio, 0.01, last.fuel)):
        fall = _fall(_since_rise(told, grain), FUEL_SLOPE_S, grain)
        if fuel is not None and fall is not None:
            left = _run_out(fuel, 0.0, fall)
            hours = left.likely / 3600
            said = Words(
                f"máy phát đang chạy, nhiên liệu còn khoảng {_number(hours, vi=True)} giờ{_watched(fall).vi}",
                f"the generator runs, its fuel lasts for about {_number(hours)} h{_watched(fall).en}",
            )
            break
    else:
        if last.litres is None:
            return Outlook(None, _why_no_fuel(last.fuel))
        low, likely, high = BURNS_LITRES
        left = Left(last.litres / high, last.litres / likely, last.litres / low)
        have, burns = last.litres, 3600 * likely
        said = Words(
            f"máy phát đang chạy, còn {_number(have, vi=True)} lít, giả định {_number(burns, vi=True)} lít mỗi giờ",
            f"the generator runs on {_number(have)} l, taken to burn {_number(burns)} l an hour",
        )
    reserve = last.remaining_s
    if reserve is None and last.coulombs is not None and last.load is not None and last.load >= _LEAST_AMPERES:
        reserve = last.coulombs / last.load
    if reserve is None:
        return Outlook(left, Words(f"{said.vi}; chưa tính ắc quy", f"{said.en}; without the battery after it"))
    left = Left(left.earliest + 0.5 * reserve, left.likely + reserve, left.latest + 1.25 * reserve)
    return Outlook(left, Words(f"{said.vi}, sau đó đến ắc quy", f"{said.en}, then the battery"))


def _why_no_fuel(ratio: float | None) -> Words:
    if ratio is None:
        return Words("máy phát đang chạy, không rõ nhiên liệu", "the generator runs, and its fuel is not told")
    share = f"{100 * ratio:.0f} %"
    return Words(
        f"máy phát đang chạy, nhiên liệu {share}, chưa rõ mức tiêu thụ",
        f"the generator runs, fuel {share}, and what it burns is not known yet",
    )


def _run_out(have: float, aside: float, fall: _Fall) -> Left:
    """When what falls is used up: the earliest when so much of it is of no use."""
    likely = have / fall.likely
    latest = min(1.2 * have / fall.low, LONGEST * likely) if fall.low else LONGEST * likely
    return Left(0.9 * max(0.0, have - aside) / fall.high, likely, latest)


def _since_rise(told: Sequence[tuple[float, float]], grain: float) -> Sequence[tuple[float, float]]:
    """What was told since the tank was last filled, or the battery charged: the values next to it lie more than a grain
    above those before, so that a float that dances in its tank is none."""
    values = [value for _, value in told]
    for n in range(len(values) - 1, 0, -1):
        if min(values[n : n + _BESIDE]) > max(values[max(0, n - _BESIDE) : n]) + grain:
            return told[n:]
    return told


def _fall(told: Sequence[tuple[float, float]], least_s: float, grain: float) -> _Fall | None:
    """How values fall from the first third of them to the last, by the medians of both; either may be off by half a grain.
    None: too short, or they do not fall."""
    if len(told) < 3 or told[-1][0] - told[0][0] < least_s:
        return None
    third = len(told) // 3
    start, end = (median(at for at, _ in part) for part in (told[:third], told[-third:]))
    lost = median(value for _, value in told[:third]) - median(value for _, value in told[-third:])
    if lost < grain / 2 or lost <= 0:
        return None
    seconds = end - start
    return _Fall(max(0.0, lost - grain) / seconds, lost / seconds, (lost + grain) / seconds, told[-1][0] - told[0][0])


def _watched(fall: _Fall) -> Words:
    minutes = f"{fall.seen_s / 60:.0f}"
    return Words(f" (theo dõi {minutes} phút)", f" (watched for {minutes} min)")


def _number(value: float, digits: int = 1, *, vi: bool = False) -> str:
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if vi else text
