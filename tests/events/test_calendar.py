"""The calendar: days off by the law and the moon, windows, freezes, and who is on call."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import floor, pi, sin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netmon.events.calendar import (
    ALL_DAY,
    Calendar,
    Holiday,
    Hours,
    PublicDays,
    Season,
    Shift,
    frozen,
    holiday,
    is_weekend,
    on_call,
    roster_of,
    tet,
    uncovered,
    windows_at,
    windows_of,
)
from netmon.model import VIET_NAM
from netmon.public_holidays import FIRST_YEAR, LAST_YEAR, public_days
from netmon.reports.calendar import days_off

LAW = Calendar(public=public_days)
FLOODS = Season(name="floods", vi="Mùa lũ", en="Floods", first=(9, 1), last=(10, 31), freeze=True)
NEW_YEAR = Season(name="new-year", vi="Giao thừa", en="New year", first=(12, 30), last=(1, 2))
ROSTERS = Calendar(
    public=public_days,
    seasons=(FLOODS, NEW_YEAR),
    desk="desk",
    rosters={
        "normal": (Shift("day", Hours(7 * 60, 19 * 60)), Shift("night", Hours(19 * 60, 7 * 60))),
        "holiday": (Shift("holiday"),),
        "tet": (Shift("tet"),),
        "floods": (Shift("floods"),),
        "storm": (Shift("storm"), Shift("day", Hours(8 * 60, 9 * 60))),
    },
)


def at(text: str) -> float:
    """The Unix second of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=VIET_NAM).timestamp()


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new_year", "kings", "leave"),
    [
        ("2025-01-29", "2025-04-07", ("2025-01-27", "2025-02-01")),
        ("2026-02-17", "2026-04-26", ("2026-02-16", "2026-02-20")),
        ("2027-02-06", "2027-04-16", ("2027-02-04", "2027-02-10")),
        ("2028-01-26", "2028-04-04", ("2028-01-24", "2028-01-29")),
        ("2029-02-13", "2029-04-23", ("2029-02-12", "2029-02-16")),
        ("2030-02-02", "2030-04-12", ("2030-01-31", "2030-02-06")),
    ],
)
def test_tet_and_the_kings_day_are_those_of_the_vietnamese_moon(new_year: str, kings: str, leave: tuple[str, str]) -> None:
    """2030 is the year in which the Chinese calendar has 3 February."""
    year = int(new_year[:4])
    assert public_days(year).tet == date.fromisoformat(new_year)
    named = {each.day: each for each in days_off(LAW, year)}
    assert named[date.fromisoformat(kings)].en.startswith("Hung Kings")
    first, last = map(date.fromisoformat, leave)
    assert [day for day in named if first - timedelta(days=4) <= day <= last + timedelta(days=4)] == [
        first + timedelta(days=n) for n in range((last - first).days + 1)
    ]


def new_moon(k: int) -> int:
    """The Julian day, at UTC+7, of the k-th new moon since 1900 (Hồ Ngọc Đức, after Meeus)."""
    t, r = k / 1236.85, pi / 180
    mean = 2415020.75933 + 29.53058868 * k + 0.0001178 * t**2 - 0.000000155 * t**3
    mean += 0.00033 * sin((166.56 + 132.87 * t - 0.009173 * t**2) * r)
    m = (359.2242 + 29.10535608 * k - 0.0000333 * t**2 - 0.00000347 * t**3) * r
    n = (306.0253 + 385.81691806 * k + 0.0107306 * t**2 + 0.00001236 * t**3) * r
    f = (21.2964 + 390.67050646 * k - 0.0016528 * t**2 - 0.00000239 * t**3) * r
    c = (0.1734 - 0.000393 * t) * sin(m) + 0.0021 * sin(2 * m) - 0.4068 * sin(n) + 0.0161 * sin(2 * n)
    c += -0.0004 * sin(3 * n) + 0.0104 * sin(2 * f) - 0.0051 * sin(m + n) - 0.0074 * sin(m - n)
    c += 0.0004 * sin(2 * f + m) - 0.0004 * sin(2 * f - m) - 0.0006 * sin(2 * f + n)
    c += 0.0010 * sin(2 * f - n) + 0.0005 * sin(2 * n + m)
    late = -0.000278 + 0.000265 * t + 0.000262 * t**2
    return floor(mean + c - late + 0.5 + 7 / 24)


def sign(day: int) -> int:
    """The twelfth of the ecliptic that the sun is in at local midnight: 9 begins with the winter solstice."""
    t, r = (day - 2451545.5 - 7 / 24) / 36525, pi / 180
    m = (357.52910 + 35999.05030 * t - 0.0001559 * t**2) * r
    turn = (1.914600 - 0.004817 * t) * sin(m) + (0.019993 - 0.000101 * t) * sin(2 * m) + 0.000290 * sin(3 * m)
    return floor((280.46645 + 36000.76983 * t + 0.0003032 * t**2 + turn) % 360 / 30)


def eleventh(year: int) -> int:
    """The number of the new moon that begins the eleventh month: the last with the solstice not yet behind it."""
    k = floor((date(year, 12, 31).toordinal() + 1721425 - 2415021) / 29.530588853)
    return k - 1 if sign(new_moon(k)) >= 9 else k


def new_year_by_the_moon(year: int) -> date:
    k = eleventh(year - 1)
    months = range(k + 1, k + 3)
    leap_year = eleventh(year) - k > 12
    leaps = leap_year and any(sign(new_moon(month)) == sign(new_moon(month + 1)) for month in months)
    return date.fromordinal(new_moon(k + (3 if leaps else 2)) - 1721425)


@pytest.mark.parametrize("year", range(FIRST_YEAR, 2061))
def test_tet_agrees_with_the_sun_and_the_moon(year: int) -> None:
    """An independent reckoning, for each year that netmon may see."""
    assert public_days(year).tet == new_year_by_the_moon(year)


def test_a_year_beyond_the_tables_is_refused_and_not_guessed() -> None:
    assert public_days(LAST_YEAR).off
    for year in (FIRST_YEAR - 1, LAST_YEAR + 1):
        with pytest.raises(ValueError, match="known from"):
            public_days(year)


def test_days_in_lieu_swap_days_and_the_culture_day_are_off() -> None:
    names = {each.day: each.vi for year in (2025, 2026, 2027) for each in days_off(LAW, year)}
    assert names[date(2025, 5, 2)] == "Ngày nghỉ (thay cho ngày 26/04/2025)"
    assert names[date(2026, 4, 27)] == "Ngày Giỗ Tổ Hùng Vương (nghỉ bù)"
    assert names[date(2026, 11, 24)] == names[date(2027, 11, 24)] == "Ngày Văn hóa Việt Nam"
    assert date(2025, 11, 24) not in names
    assert names[date(2026, 9, 1)] == names[date(2026, 9, 2)] == "Quốc khánh"
    assert not is_weekend(LAW, date(2026, 8, 22))
    assert is_weekend(LAW, date(2026, 8, 23))


def test_local_decisions_have_the_last_word() -> None:
    day, worked, saturday = date(2027, 2, 11), date(2027, 9, 3), date(2027, 2, 20)
    local = Calendar(public=public_days, off={day: Holiday(day, "Hoán đổi", "Swap")}, work=frozenset({worked, saturday}))
    assert holiday(LAW, day) is None
    assert holiday(local, day) == Holiday(day, "Hoán đổi", "Swap")
    assert holiday(LAW, worked) is not None
    assert holiday(local, worked) is None
    assert is_weekend(LAW, saturday)
    assert not is_weekend(local, saturday)


# --- windows ----------------------------------------------------------------------------------------------------------


def test_tet_is_from_days_before_its_eve_to_a_mung() -> None:
    assert tet(LAW, 2030) == (date(2030, 1, 29), date(2030, 2, 7))  # eve on 1 February, mùng 6 on the 7th
    wide = Calendar(public=public_days, tet_before=0, tet_until=1)
    assert tet(wide, 2030) == (date(2030, 2, 1), date(2030, 2, 2))


def test_windows_begin_and_end_at_midnight_of_viet_nam() -> None:
    assert windows_at(LAW, at("2030-01-28T23:59:59")) == ("night",)
    assert windows_at(LAW, at("2030-01-29T00:00:00")) == ("tet", "night")
    assert windows_at(LAW, at("2030-02-02T12:00:00")) == ("tet", "holiday", "weekend")
    assert windows_at(LAW, at("2030-02-08T00:00:00")) == ("night",)
    assert windows_at(LAW, at("2030-02-08T06:00:00")) == ()


def test_a_season_comes_every_year_also_over_its_end_or_once() -> None:
    days = [day for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365)) if NEW_YEAR.holds(day)]
    assert days == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 12, 30), date(2026, 12, 31)]
    once = Season(name="x", vi="x", en="x", first=date(2026, 12, 30), last=date(2027, 1, 2))
    assert [once.holds(date(year, 1, 1)) for year in (2026, 2027, 2028)] == [False, True, False]


@given(
    first=st.integers(0, 24 * 800),
    hours=st.integers(0, 24 * 40),
    freezes=st.sets(st.sampled_from(["tet", "holiday", "weekend"])),
)
@example(first=0, hours=0, freezes={"holiday"})
@example(first=24, hours=24, freezes={"holiday"})
def test_works_are_warned_of_exactly_the_frozen_hours_that_they_touch(first: int, hours: int, freezes: set[str]) -> None:
    """Oracle: hour by hour, which freezing window holds."""
    calendar = Calendar(public=public_days, seasons=(FLOODS, NEW_YEAR), frozen=frozenset(freezes))
    start = at("2026-01-01T00:00:00") + 3600 * first
    end = start + 3600 * hours
    found = frozen(calendar, start, end)
    touched = {
        (window, instant)
        for instant in (start + 3600 * n for n in range(max(hours, 1)))
        for window in windows_of(calendar, datetime.fromtimestamp(instant, VIET_NAM).date())
        if window in freezes or window == "floods"
    }
    told = {
        (freeze.window, instant)
        for freeze in found
        for instant in (start + 3600 * n for n in range(max(hours, 1)))
        if freeze.start <= instant < freeze.end
    }
    assert told == touched
    assert all(freeze.start < max(end, start + 1) and freeze.end > start for freeze in found)
    assert found == sorted(found, key=lambda freeze: (freeze.start, freeze.window))
    assert all(earlier.end < later.start for earlier in found for later in found
               if earlier.window == later.window and earlier.start < later.start)  # fmt: skip


# --- rosters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "called", "in_a_storm"),
    [
        ("2027-02-02T03:00", ("desk", "tet"), ("desk", "tet", "storm")),  # three days before the eve
        ("2027-02-11T23:59", ("desk", "tet"), ("desk", "tet", "storm")),
        ("2027-02-12T00:00", ("desk", "night"), ("desk", "night", "storm")),
        ("2027-03-03T07:00", ("desk", "day"), ("desk", "day", "storm")),
        ("2027-03-03T06:59", ("desk", "night"), ("desk", "night", "storm")),
        ("2027-04-30T08:30", ("desk", "holiday"), ("desk", "holiday", "storm", "day")),
        ("2027-09-02T12:00", ("desk", "holiday"), ("desk", "holiday", "storm")),  # before the floods' roster
        ("2027-09-10T12:00", ("desk", "floods"), ("desk", "floods", "storm")),
        ("2026-12-31T12:00", ("desk", "day"), ("desk", "day", "storm")),  # a season without a roster
    ],
)
def test_the_roster_of_the_day_is_called_beside_the_desk(instant: str, called: object, in_a_storm: object) -> None:
    """In a storm on a holiday both are: the union."""
    assert on_call(ROSTERS, at(instant)) == called
    assert on_call(ROSTERS, at(instant), storm=True) == in_a_storm


def test_without_a_file_nobody_is_on_call_and_days_are_the_laws() -> None:
    assert on_call(LAW, at("2027-02-06T12:00"), storm=True) == ()
    assert roster_of(LAW, date(2027, 2, 6)) == "normal"


HOURS = st.builds(Hours, st.integers(0, 1439), st.integers(0, 1439))


@given(shifts=st.lists(st.builds(Shift, st.just("x"), HOURS), max_size=4).map(tuple))
@example(shifts=(Shift("x", Hours(420, 1140)), Shift("x", Hours(1140, 420))))
@example(shifts=(Shift("x", ALL_DAY),))
def test_a_gap_between_shifts_is_found(shifts: tuple[Shift, ...]) -> None:
    """Oracle: minute by minute, with the minutes of each shift counted out from its start."""
    on = {
        (shift.hours.start + n) % 1440
        for shift in shifts
        for n in range((shift.hours.until - shift.hours.start) % 1440 or 1440)
    }
    free = [minute for minute in range(1440) if minute not in on]
    gap = uncovered(shifts)
    assert (gap is None) == (not free)
    if gap is not None:
        assert gap.start == free[0]
        assert all(minute in free for minute in range(gap.start, gap.until))
        assert gap.until == 1440 or gap.until not in free


def test_a_window_of_the_calendar_knows_no_public_day_of_another_year() -> None:
    """What `public` is asked for is the year of the day."""
    asked: list[int] = []

    def public(year: int) -> PublicDays:
        asked.append(year)
        return public_days(year)

    windows_of(Calendar(public=public), date(2027, 12, 31))
    assert set(asked) == {2027}
