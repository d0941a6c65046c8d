"""Quantities: what is accepted, what is said of the rest, and that writing and reading agree exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.settings import quantities as q
from netmon.settings.problem import UnfitError

AMOUNTS = st.floats(min_value=1e-6, max_value=1e15) | st.integers(1, 10**12).map(float)


@given(AMOUNTS)
def test_a_written_duration_is_read_as_the_same_seconds(seconds: float) -> None:
    assert q.duration(q.write_duration(seconds)) == seconds


@given(AMOUNTS)
def test_a_written_rate_is_read_as_the_same_bytes_per_second(octets: float) -> None:
    assert q.rate(q.write_rate(octets)) == octets


@given(st.floats(0, 1))
def test_a_written_ratio_is_read_as_the_same(part: float) -> None:
    assert q.ratio(q.write_ratio(part)) == part


def test_units_are_turned_into_base_units() -> None:
    assert [q.duration(text) for text in ("30s", "5m", "1h", "7d", "0.5 s")] == [30, 300, 3600, 604_800, 0.5]
    assert [q.duration(text) for text in ("50ms", "50 ms", "2.5ms")] == [0.05, 0.05, 0.0025]
    assert [q.length(text) for text in ("12.4 km", "850m", "0.5 km")] == [12.4, 0.85, 0.5]
    assert [q.power(text) for text in ("-28 dBm", "-14.5dBm", "0 dBm")] == [-28, -14.5, 0]
    assert [q.month_day(text) for text in ("01-31", "12-01")] == [(1, 31), (12, 1)]
    assert [q.rate(text) for text in ("64 kbit/s", "200 Mbit/s", "1 Gbit/s")] == [8_000, 25_000_000, 125_000_000]
    assert [q.ratio(value) for value in ("90 %", "99.5%", 0.9, 1)] == [0.9, 0.995, 0.9, 1.0]
    assert q.day("2025-07-01") == 1_751_302_800  # midnight in Asia/Ho_Chi_Minh is 17:00 UTC of the day before
    assert q.endpoint("[::1]:9797") == ("::1", 9797)


def test_people_read_the_largest_unit_that_fits() -> None:
    assert [q.write_duration(s) for s in (0.05, 30.0, 90.0, 300.0, 604_800.0)] == ["50ms", "30s", "90s", "5m", "7d"]
    assert [q.write_rate(r) for r in (8_000.0, 25_000_000.0, 125_000_000.0)] == ["64 kbit/s", "200 Mbit/s", "1 Gbit/s"]
    assert [q.write_ratio(r) for r in (0.9, 0.995, 1.0)] == ["90 %", "99.5 %", "100 %"]


@pytest.mark.parametrize(
    ("read", "value", "hint"),
    [
        (q.rate, "200 Mbps", "did you mean 200 Mbit/s?"),
        (q.rate, "1,5 Gb/s", "did you mean 1.5 Gbit/s?"),
        (q.rate, "25 MB/s", ""),
        (q.rate, 200, "did you mean 200 Mbit/s?"),
        (q.rate, "0 Mbit/s", ""),
        (q.rate, float("inf"), ""),
        (q.rate, -5, ""),
        (q.rate, f"{'9' * 400} bit/s", ""),
        (q.duration, 30, "did you mean 30s?"),
        (q.duration, "500 msec", "did you mean 500ms?"),
        (q.duration, "5 minutes", "did you mean 5m?"),
        (q.duration, "50 µs", ""),
        (q.length, 12.4, "did you mean 12.4 km?"),
        (q.length, "12,4 KM", "did you mean 12.4 km?"),
        (q.length, "12.4 dặm", ""),
        (q.power, -28, "did you mean -28 dBm?"),
        (q.power, "-28,5 db", "did you mean -28.5 dBm?"),
        (q.power, "0.001 mW", ""),
        (q.month_day, "31/01", ""),
        (q.month_day, "13-01", ""),
        (q.month_day, "02-29", ""),
        (q.duration, "0s", ""),
        (q.duration, True, ""),
        (q.duration, float("inf"), ""),
        (q.ratio, 90, "did you mean 90 %?"),
        (q.ratio, "99,5 %", "did you mean 99.5 %?"),
        (q.ratio, "101 %", ""),
        (q.ratio, float("nan"), ""),
        (q.ratio, 10**400, ""),
        (q.day, "2025-02-30", ""),
        (q.address, "10.4.1", ""),
        (q.address, "router.example", ""),
        (q.endpoint, "127.0.0.1:99999", ""),
        (q.endpoint, "9797", ""),
    ],
)
def test_what_cannot_be_read_says_what_was_probably_meant(read, value, hint) -> None:
    with pytest.raises(UnfitError) as raised:
        read(value)
    assert raised.value.hint == hint
