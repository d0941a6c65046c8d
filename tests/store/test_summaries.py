"""Summaries of gauges: whatever pieces an hour was written in, it is what was read of it, and its day agrees."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import CellName, Span, Subject, Summary
from netmon.store import Store, schema
from netmon.store.days import day_of, day_start
from tests.effort import examples
from tests.store.conftest import Counts

HOUR, DAY = 3_600.0, 86_400.0
START = day_start(20_500)
LINK, SITE, OTHER = Subject("link", "lk-1"), Subject("site", "s1"), Subject("site", "s2")
LIGHT, WARMTH = "optic_receive_power_dbm", "ambient_temperature_celsius"
AHEAD = START + 40 * HOUR

Piece = tuple[Subject, str, str, int, list[float], bool]


def summary(values: list[float], start: float = START, part: str = "", seconds: int = 3_600, **more: Any) -> Summary:
    mean = math.fsum(values) / len(values)
    return Summary(start, seconds, part, min(values), mean, max(values), len(values), **more)


def put(store: Store, *pieces: Piece) -> None:
    store.put_summaries(
        (subject, figure, summary(values, START + hour * HOUR, part, simulated=simulated))
        for subject, figure, part, hour, values, simulated in pieces
    )


def expect(store: Store, pieces: list[Piece], *, since: float = START - DAY, until: float = START + 9 * DAY) -> None:
    """Hours and days that begin in [since, until), of the plain values."""
    for days in (False, True):
        for subject, figure in {piece[:2] for piece in pieces} | {(OTHER, LIGHT)}:
            plain: dict[tuple[float, str], list[float]] = defaultdict(list)
            simulated = set()
            for *who, part, hour, values, was_simulated in pieces:
                at = START + hour * HOUR
                key = day_start(day_of(at)) if days else at, part
                if who == [subject, figure] and since <= key[0] < until:
                    plain[key] += values
                    simulated |= {key} if was_simulated else set()
            found = store.reader().summaries(subject, figure, since, until, days=days)
            assert [(each.start, each.part) for each in found] == sorted(plain)
            for each in found:
                key = each.start, each.part
                wanted = summary(plain[key], *key, 86_400 if days else 3_600, simulated=key in simulated)
                assert each._replace(mean=0) == wanted._replace(mean=0)
                assert each.least <= each.mean <= each.most
                assert each.mean == pytest.approx(wanted.mean, rel=1e-9, abs=1e-9 * max(map(abs, plain[key])))


pieces = st.tuples(
    st.sampled_from([LINK, SITE, OTHER]),
    st.sampled_from([LIGHT, WARMTH]),
    st.sampled_from(["", "receive", "cpe-1 rack"]),
    st.integers(-2, 60),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4),
    st.booleans(),
)


@settings(max_examples=examples(30), deadline=None)
@given(puts=st.lists(st.lists(pieces, max_size=8), max_size=8), edge=st.floats(START - DAY, START + 3 * DAY))
def test_hours_and_days_are_what_was_read_in_whatever_pieces_they_were_written(puts: list[list[Piece]], edge: float) -> None:
    """In any order, of several hours at once, before and after a restart and a night."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "s.db"
        for n, some in enumerate(puts):
            with Store.open(path, Counts()) as store:
                put(store, *some)
                store.fold(START + n * DAY)
        with Store.open(path, Counts()) as store:
            written = [piece for some in puts for piece in some]
            expect(store, written)
            expect(store, written, since=edge)
            expect(store, written, until=edge)
            expect(store, written, since=-math.inf, until=math.inf)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": START + 1},
        {"seconds": 86_400},
        {"readings": 0},
        {"least": 2.0},
        {"mean": math.nan},
        {"most": math.inf},
    ],
)
def test_what_is_no_summary_of_an_hour_is_the_callers_error(store: Store, wrong: dict[str, Any]) -> None:
    """Nothing of the call is written."""
    sound = summary([1.0])
    with pytest.raises(ValueError, match=r"no summary of an hour.*s1"):
        store.put_summaries([(SITE, WARMTH, sound), (SITE, WARMTH, sound._replace(**wrong))])
    store.flush()
    assert store.reader().summaries(SITE, WARMTH, 0, math.inf) == []


def test_hours_go_after_weeks_and_days_after_years(store: Store) -> None:
    """What comes late for a day that has no hours any more still counts in the day."""
    put(store, (SITE, WARMTH, "", 0, [20.0, 22.0], False), (SITE, WARMTH, "", 24, [30.0], False))

    def kept(days: float) -> tuple[list[float], list[float]]:
        store.prune(START + days * DAY, judged={"s1"})
        store.flush()
        found = [store.reader().summaries(SITE, WARMTH, 0, math.inf, days=each) for each in (False, True)]
        return tuple([each.mean for each in rows] for rows in found)  # type: ignore[return-value]

    assert kept(45.5) == ([21.0, 30.0], [21.0, 30.0])
    assert kept(46) == ([30.0], [21.0, 30.0])
    put(store, (SITE, WARMTH, "", 1, [24.0], False))
    assert kept(47) == ([], [22.0, 30.0])
    assert kept(1_825.5) == ([], [22.0, 30.0])
    assert kept(1_826) == ([], [30.0])


def test_a_gauge_goes_with_its_last_day_and_can_come_again(store: Store, path: Path) -> None:
    """Names that come and go do not stay for ever; those that are still told do."""
    put(store, (SITE, WARMTH, "gone", 0, [20.0], False), (SITE, WARMTH, "there", 0, [20.0], False))
    put(store, (SITE, WARMTH, "there", 24 * 1_000, [21.0], False))

    def names() -> list[str]:
        store.flush()
        with closing(sqlite3.connect(path)) as other:
            return [name for (name,) in other.execute("SELECT part FROM gauge ORDER BY part")]

    store.prune(START + 1_800 * DAY)
    assert names() == ["gone", "there"]
    store.prune(START + 1_826 * DAY)
    assert names() == ["there"]
    put(store, (SITE, WARMTH, "gone", 24 * 1_826, [22.0], False))
    assert names() == ["gone", "there"]
    found = store.reader().summaries(SITE, WARMTH, 0, math.inf, days=True)
    assert [(row.part, row.mean) for row in found] == [("there", 21.0), ("gone", 22.0)]


def test_hours_that_have_not_begun_are_taken_back_from_their_days_too(store: Store) -> None:
    """The hour that is not over stays, as do the days before."""
    written: list[Piece] = [
        (subject, WARMTH, part, hour, [float(hour), 1.0], simulated)
        for subject, part, simulated in ((SITE, "", True), (SITE, "b", False), (OTHER, "", False))
        for hour in (*range(20, 60), 70)
    ]
    put(store, *written, (OTHER, LIGHT, "", 41, [1.0], False))
    store.cut_future(AHEAD + 0.5 * HOUR)
    store.flush()
    stay = [piece for piece in written if piece[3] <= 40]
    expect(store, stay)
    put(store, (SITE, WARMTH, "", 41, [5.0], False))
    store.record_start(AHEAD + 2 * HOUR)
    store.flush()
    expect(store, [*stay, (SITE, WARMTH, "", 41, [5.0], False)])


def test_a_failed_commit_gives_no_number_away(store: Store, meter: Counts) -> None:
    """Gauges had been numbered when the disk was full: all of it is done again, once."""
    store.flush()
    database = store._writer._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    wide = [(SITE, WARMTH, summary([1.0, 3.0], part=f"cpe-{n} {'x' * 3_000 * n}")) for n in range(9)]
    store.put_summaries(wide)
    meter.wait_for("netmon_store_failures_total", 1)
    database.execute("PRAGMA max_page_count = 1000000")
    store.flush(20)
    found = store.reader().summaries(SITE, WARMTH, START, START + 1)
    assert found == [row for _, _, row in wide]


def test_a_store_from_before_summaries_is_brought_up_to_date(
    path: Path, meter: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it holds stays, and summaries can be written."""
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:4])
        with Store.open(path, meter) as store:
            store.begin_span(LINK, "up", START)
    with Store.open(path, meter) as store:
        put(store, (LINK, LIGHT, "receive", 0, [-18.5], False))
        store.flush()
        assert store.reader().spans(LINK, START, START + 9) == [Span("up", START, START + 9)]
        expect(store, [(LINK, LIGHT, "receive", 0, [-18.5], False)])
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    database.close()


def test_people_read_hours_and_days_with_names(store: Store, path: Path) -> None:
    """In the hour's own UTC and on the day's local date."""
    put(store, (SITE, WARMTH, "cpe-1 rack", 23, [20.0, 23.0], False), (SITE, WARMTH, "cpe-1 rack", 24, [25.0], True))
    store.flush()
    who, other = ("site", "s1", WARMTH, "cpe-1 rack"), sqlite3.connect(path)
    hours, days = (other.execute(f"SELECT * FROM {view}").fetchall() for view in ("summaries", "summary_days"))
    other.close()
    assert hours == [
        (*who, "2026-02-16T16:00:00Z", 20.0, 21.5, 23.0, 2, "measured"),
        (*who, "2026-02-16T17:00:00Z", 25.0, 25.0, 25.0, 1, "simulated"),
    ]
    assert days == [
        (*who, "2026-02-16", 20.0, 21.5, 23.0, 2, "measured"),
        (*who, "2026-02-17", 25.0, 25.0, 25.0, 1, "simulated"),
    ]


def test_the_cells_of_a_site_are_all_that_were_ever_told_of(store: Store) -> None:
    """With their spans in the window; those of a site whose name begins alike are not among them."""
    old, new = CellName("bts-1", "viettel", "4g", "1"), CellName("bts-1", "vnpt", "5g", "a/b")
    for name, state, at in (
        (old, "up", START),
        (new, "down", START + 5 * HOUR),
        (CellName("bts-10", "vnpt", "4g", "1"), "up", START),
        (CellName("bts-", "vnpt", "4g", "1"), "up", START),
    ):
        store.begin_span(Subject("cell", name.id), state, at)
    store.begin_span(Subject("device", "bts-1/x/y/z"), "up", START)
    store.end_span(Subject("cell", old.id), START + HOUR)
    store.flush()
    reader = store.reader()
    assert reader.cells("bts-1", START, START + 2 * HOUR) == {old: [Span("up", START, START + HOUR)], new: []}
    later = START + 6 * HOUR
    assert reader.cells("bts-1", START + 2 * HOUR, later) == {old: [], new: [Span("down", START + 5 * HOUR, later)]}
    assert reader.cells("bts", START, later) == {}
