"""The public holidays of Viet Nam, by the library `holidays`, which is spoken here only.

Labour Code 2019, article 112; Tết and Giỗ Tổ by the Vietnamese lunar calendar (UTC+7), which is not always the Chinese one;
days in lieu; the Vietnamese Culture Day from 2026 (Resolution 80-NQ/TW). Swap days are decreed each year: the library knows
those of past decisions, `calendar.yaml` those that came after it.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from holidays import country_holidays

from netmon.events.calendar import Holiday, PublicDays

FIRST_YEAR, LAST_YEAR = 2013, 2099
"""From the Labour Code of 2012, with five days of Tết, to the end of the library's lunar tables."""

_TET = "Tết Nguyên Đán"


@lru_cache(maxsize=256)
def public_days(year: int) -> PublicDays:
    """The days off of a year, the weekend days that a decision made working days, and mùng 1 of Tết.

    ValueError: a year that the tables of the lunar calendar do not hold.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"the calendar is known from {FIRST_YEAR} to {LAST_YEAR}")
    vi = country_holidays("VN", years=year, language="vi")
    en = country_holidays("VN", years=year, language="en_US")
    off = tuple(Holiday(day, vi[day], en[day]) for day in sorted(vi))
    tet = next(each.day for each in off if _TET in each.vi.split("; "))
    return PublicDays(tet=tet, off=off, work=tuple(sorted(_decreed(vi.weekend_workdays, year))))


def _decreed(days: set[date], year: int) -> set[date]:
    return {day for day in days if day.year == year}
