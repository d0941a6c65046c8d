"""A clock that was ahead, or fell behind: what the store takes back, what it keeps, and the time that nobody saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netmon.model import Direction, EchoSlot, End, Octets, Outage, Slot, Span, Subject, Unplaced
from netmon.store import Absence, OpenSpan, Store
from netmon.store.days import day_start

ROUTER = Subject("device", "cpe-1")
LINK = Subject("link", "lk-1")
DAY_S = 86_400


def test_what_a_clock_that_was_ahead_wrote_is_taken_back(store: Store) -> None:
    """States, outages, absences and slots of a time that is yet to come; what is open goes on, no octet is lost."""
    now, later = 1_000_000.0, 1_086_400.0
    octets, k = Octets(600, 300_000_000), int(now // 300)
    store.begin_span(LINK, "up", now - 500)
    store.open_outage(Outage(ROUTER, "down", now - 500, None, "power", ""))
    store.close_outage(ROUTER, later)
    store.open_outage(Outage(LINK, "down", later, later + 5, "fibre", ""))
    store.begin_span(LINK, "down", later + 9)
    store.open_outage(Outage(LINK, "down", later + 9, None, "fibre", ""))
    for number in (k - 1, k, k + 288):
        store.put_link("lk-1", End.NEAR, slots=[Slot(number, octets, octets)])
        store.put_echo("lk-1", EchoSlot(number, 5, 5, 50, 10, 0, 0))
    store.heartbeat(later)
    store.cut_future(now)
    store.put_link("lk-1", End.NEAR, slots=[Slot(k, octets, octets)])
    store.begin_span(LINK, "up", now + 60)
    store.flush()
    reader = store.reader()
    assert reader.spans(LINK, 0, later) == [
        Span("up", now - 500, now), Span("down", now, now + 60), Span("up", now + 60, later),
    ]  # fmt: skip
    assert [(row.subject, row.start, row.end) for row in reader.outages()] == [
        (ROUTER, now - 500, now), (LINK, now, None),
    ]  # fmt: skip
    assert [slot.k for slot in reader.slots("lk-1", End.NEAR, k - 9, k + 999)] == [k - 1, k]
    assert store.ignored_slots == 0
    rows = reader.unplaced("lk-1", End.NEAR, now - 1, now + 1)
    assert sorted(rows) == [Unplaced(Direction.RECEIVE, now, now, 1200), Unplaced(Direction.TRANSMIT, now, now, 1200)]
    assert sum(reader.echoes("lk-1", k - 9, 999).sent) == 5
    assert reader.last_alive() == now


def test_days_that_were_packed_before_they_came_are_taken_back(store: Store) -> None:
    """A clock that is days ahead folds them; their octets stay counted."""
    octets = Octets(600, 300_000_000)
    store.put_link("lk-1", End.NEAR, slots=[Slot(k, octets, octets) for k in (3_000, 4_000)])
    store.fold(3_000_000.0)
    store.flush()
    store.cut_future(1_000_000.0)
    store.flush()
    reader = store.reader()
    assert reader.sums("lk-1", End.NEAR, day_start(0), day_start(30)).receive == 600
    assert [row.octets for row in reader.unplaced("lk-1", End.NEAR, 999_000.0, 1_001_000.0)] == [600, 600]


def test_a_machine_that_starts_years_ago_throws_no_evidence_away(store: Store) -> None:
    """Its clock lost its battery, and is set over the network later: even when netmon starts twice before that."""
    now = 1_800_000_000.0
    store.record_start(now)
    store.begin_span(LINK, "down", now)
    store.put_link("lk-1", End.NEAR, slots=[Slot(int(now // 300), Octets(1, 1), Octets(1, 1))])
    for early in (100.0, 200.0):
        store.record_start(early)
        store.heartbeat(early + 60)
    store.cut_future(300.0)
    store.flush()
    assert store.reader().spans(LINK, 0, now + 60) == [Span("down", now, now + 60)]
    assert len(store.reader().slots("lk-1", End.NEAR, 0, 10**8)) == 1


def test_a_start_takes_back_what_lies_after_it(path: Path, meter: Any) -> None:
    """netmon died while its clock was ahead, even twice: what it told last stands, and what happens now is stored now."""
    with Store.open(path, meter) as store:
        store.record_start(1_000.0)
        store.begin_span(LINK, "up", 1_000.0)
        store.begin_span(LINK, "down", 91_000.0)
        store.heartbeat(91_060.0)
        assert store.record_start(91_500.0) == Absence(91_060.0, 91_500.0, "died")
        store.begin_span(ROUTER, "up", 91_600.0)
    with Store.open(path, meter) as store:
        assert store.record_start(2_000.0) is None
        reader = store.reader()
        assert reader.absences(0, 100_000) == []
        assert reader.last_spans("link") == {"lk-1": OpenSpan("down", 2_000.0)}
        store.begin_span(LINK, "up", 2_100.0)
        store.flush()
        assert reader.spans(LINK, 0, 3_000) == [
            Span("up", 1_000, 2_000), Span("down", 2_000, 2_100), Span("up", 2_100, 3_000),
        ]  # fmt: skip


def test_time_that_a_clock_went_ahead_over_is_nobodys_and_what_was_open_goes_on(store: Store) -> None:
    """The machine slept for three weeks: states go on after it, each from when it began, and outages stay open."""
    slept, woke = 1_000_000.0, 1_000_000.0 + 21 * DAY_S
    store.record_start(slept - 900)
    store.begin_span(LINK, "up", slept - 800)
    store.begin_span(ROUTER, "down", slept)
    store.open_outage(Outage(ROUTER, "down", slept, None, "power", ""))
    store.record_leap(slept, woke)
    store.begin_span(ROUTER, "up", woke - 3)  # of a poll that was under way
    store.close_outage(ROUTER, woke)
    store.flush()
    reader = store.reader()
    assert reader.spans(LINK, 0, woke + 60) == [Span("up", slept - 800, slept), Span("up", woke, woke + 60)]
    assert reader.spans(ROUTER, 0, woke + 60) == [Span("up", woke, woke + 60)]
    assert reader.absences(0, woke + 60) == [Absence(slept, woke, "clock")]
    assert reader.last_spans("link") == {"lk-1": OpenSpan("up", slept - 800)}
    assert [(one.start, one.end) for one in reader.outages()] == [(slept, woke)]
    assert reader.last_alive() == woke


@pytest.mark.parametrize("wrong_from", ["start", "life"])
@pytest.mark.parametrize("killed", [False, True])
def test_weeks_of_error_are_taken_back_where_the_clock_went_ahead_by_as_much(
    path: Path, meter: Any, wrong_from: str, killed: bool
) -> None:
    """At a start or in a life, in one step or two; set right in that life or at the next start."""
    now, error = 1_000_000.0, 31 * DAY_S
    octets = Octets(600, 300_000_000)
    with Store.open(path, meter) as store:
        store.record_start(now)
        store.begin_span(LINK, "up", now)
        store.heartbeat(now + 300)
        if wrong_from == "life":
            store.record_leap(now + 300, now + 320 + DAY_S)
            store.record_leap(now + 330 + DAY_S, now + 330 + error)
        else:
            store.record_start(now + 330 + error)
        store.begin_span(LINK, "down", now + 340 + error)
        store.put_link("lk-1", End.NEAR, slots=[Slot(int(now + error) // 300 + 1, octets, octets)])
        store.heartbeat(now + 900 + error)
        if not killed:
            store.cut_future(now + 905)
    with Store.open(path, meter) as store:
        assert store.record_start(now + 910) == (None if killed else Absence(now + 905, now + 910, "died"))
        store.begin_span(LINK, "up", now + 960)
        store.flush()
        reader = store.reader()
        assert reader.last_spans("link") == {"lk-1": OpenSpan("up", now + 960)}
        assert reader.slots("lk-1", End.NEAR, 0, 10**8) == []
        assert all(one.end <= now + 910 for one in reader.absences(0, now + 2 * error))


def test_an_old_step_of_a_second_or_a_true_sleep_throws_no_weeks_of_evidence_away(store: Store) -> None:
    """A clock is believed that went back by what it was ahead by, and no more; nor if it was right for a week."""
    now = 1_000_000.0
    store.record_start(now)
    store.begin_span(LINK, "up", now)
    store.record_leap(now + 60, now + 60 + 61)
    store.begin_span(LINK, "down", now + 20 * DAY_S)
    store.cut_future(now + DAY_S)
    store.record_leap(now + 21 * DAY_S, now + 41 * DAY_S)
    store.begin_span(LINK, "up", now + 49 * DAY_S)
    store.cut_future(now + 35 * DAY_S)
    store.flush()
    assert store.reader().last_spans("link") == {"lk-1": OpenSpan("up", now + 49 * DAY_S)}
    assert [span.state for span in store.reader().spans(LINK, 0, now + 50 * DAY_S)] == ["up", "up", "down", "down", "up"]


def test_the_clock_of_a_machine_that_started_years_ago_is_set_and_nothing_before_is_lost(store: Store) -> None:
    now = 1_800_000_000.0
    store.record_start(now)
    store.begin_span(LINK, "down", now)
    store.record_start(100.0)
    store.heartbeat(160.0)
    store.record_leap(165.0, now + 9 * DAY_S)
    store.flush()
    reader = store.reader()
    assert reader.absences(0, now + 10 * DAY_S) == [Absence(now, now + 9 * DAY_S, "clock")]
    assert reader.last_spans("link") == {"lk-1": OpenSpan("down", now + 9 * DAY_S)}
