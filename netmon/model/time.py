"""The grid of slots, and the zone of calendars, months and reports."""

from __future__ import annotations

from datetime import timedelta, timezone

SLOT_S = 300
"""Seconds in a slot: slot k is [300 k, 300 k + 300) in Unix time (Circular 06/2026/TT-BKHCN, 5-minute samples)."""

ZONE_S = 25_200
"""Asia/Ho_Chi_Minh is UTC+7, without daylight saving since 1975: local midnight is always the edge of a slot."""

VIET_NAM = timezone(timedelta(seconds=ZONE_S), "Asia/Ho_Chi_Minh")
