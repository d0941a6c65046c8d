"""States, outages, netmon's own absence, and verdicts."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.model import (
    Outage,
    Span,
    Standing,
    Subject,
    Verdict,
    Window,
)
from netmon.notice import Notice, NoticeKind
from netmon.store import Absence, OpenSpan, Store
from tests.effort import examples

ROUTER = Subject("device", "cpe-1")
LINK = Subject("link", "lk-1")


def test_spans_follow_one_another_and_are_clipped(store: Store) -> None:
    """Beginning a span ends the one before; a resolved suspicion joins the span before it."""
    store.begin_span(ROUTER, "up", 100.0)
    store.begin_span(ROUTER, "suspect", 200.0)
    store.rename_span(ROUTER, "up")
    store.begin_span(ROUTER, "suspect", 300.0)
    store.rename_span(ROUTER, "down")
    store.begin_span(ROUTER, "unknown", 350.0)
    store.begin_span(ROUTER, "down", 350.0)
    store.begin_span(ROUTER, "up", 400.0)
    store.flush()
    reader = store.reader()
    assert reader.spans(ROUTER, 0, 500) == [Span("up", 100, 300), Span("down", 300, 400), Span("up", 400, 500)]
    assert reader.spans(ROUTER, 150, 320) == [Span("up", 150, 300), Span("down", 300, 320)]
    assert reader.spans(ROUTER, 300, 400) == [Span("down", 300, 400)]
    assert reader.open_spans("device") == reader.last_spans("device") == {"cpe-1": OpenSpan("up", 400)}
    assert reader.open_spans("link") == {}
    store.begin_span(LINK, "up", 100.0)
    store.begin_span(LINK, "down", 50.0)
    store.end_span(ROUTER, 450.0)
    store.flush()
    assert reader.spans(ROUTER, 420, 500) == [Span("up", 420, 450)]
    assert reader.open_spans("device") == reader.last_spans("device") == {}
    assert reader.spans(LINK, 0, 200) == [Span("down", 100, 200)], "no time is claimed that the span before had not seen"


def test_simulated_time_is_told_from_measured_time(store: Store) -> None:
    """Neighbours of one state stay apart when only one of them was measured."""
    store.begin_span(ROUTER, "up", 100.0, source="simulated")
    store.begin_span(ROUTER, "up", 200.0)
    store.begin_span(ROUTER, "up", 300.0, source="simulated")
    store.flush()
    reader = store.reader()
    assert reader.spans(ROUTER, 0, 350) == [Span("up", 100, 200), Span("up", 200, 300), Span("up", 300, 350)]
    assert reader.simulated_seconds(ROUTER, 150, 350) == 100.0
    assert reader.simulated_seconds(LINK, 0, 350) == 0.0


steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "rename", "end", "start"]),
        st.sampled_from(["up", "down", "unknown"]),
        st.integers(-20, 60),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    class Silent:
        def count(self, family: str, amount: float = 1, /, **labels: str) -> None: ...
        def gauge(self, family: str, value: float, /, **labels: str) -> None: ...
        def observe(self, family: str, value: float, /, **labels: str) -> None: ...

    with Store.open(tmp_path_factory.mktemp("facts") / "s.db", Silent()) as opened:
        yield opened, iter(range(1_000_000))


@settings(max_examples=examples(60), deadline=None)
@given(steps=steps)
def test_spans_never_overlap_and_states_survive_any_restart(shared: tuple[Store, Any], steps: Any) -> None:
    """Whatever the order of times, no moment has two states, and the last state stands after restarts in a row."""
    store, numbers = shared
    subject = Subject("device", f"d{next(numbers)}")
    now, state = 1_000.0, None
    for what, word, shift in steps:
        now += 30
        if what == "begin":
            store.begin_span(subject, word, now + shift)
            state = word
        elif what == "rename":
            store.rename_span(subject, word)
        elif what == "end":
            store.end_span(subject, now + shift)
        else:
            store.heartbeat(now - 5)
            store.record_start(now)
        store.flush()
        spans = store.reader().spans(subject, 0, now + 10_000)
        assert all(before.end <= after.start for before, after in pairwise(spans))
        assert all(span.start < span.end for span in spans)
        if what == "begin":
            assert store.reader().last_spans("device")[subject.id].state == state
        if what == "start" and state is not None and all(step[0] in {"begin", "start"} for step in steps):
            assert store.reader().last_spans("device")[subject.id].state == state


DAY_S = 86_400


@settings(max_examples=examples(60), deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["up", "isolated", "unknown", "step"]), st.integers(-DAY_S, DAY_S), st.integers(1, 20_000)
        ),
        max_size=20,
    ),
    after=st.lists(st.tuples(st.sampled_from(["up", "isolated", "unknown"]), st.integers(1, 3_600)), max_size=8),
)
def test_once_the_clock_is_right_again_states_are_stored_at_their_times(
    shared: tuple[Store, Any], steps: Any, after: Any
) -> None:
    """Whatever steps a clock made before, up to a day and both ways: of the time since the last, each state has its own."""
    store, numbers = shared
    number = next(numbers)
    subject = Subject("site", f"s{number}")
    true, ahead, state = 1_000_000.0 * (number + 1), 0, "up"
    store.begin_span(subject, state, true)

    def step(ahead_s: int) -> int:
        if ahead_s < ahead:
            store.cut_future(true + ahead_s)
        elif ahead_s > ahead:
            store.record_leap(true + ahead, true + ahead_s)
        return ahead_s

    for what, ahead_s, lasted_s in steps:
        true += lasted_s
        if what == "step":
            ahead = step(ahead_s)
        else:
            state = what
            store.begin_span(subject, state, true + ahead)
    true += 1
    step(0)
    right, expected = true, dict.fromkeys(("up", "isolated", "unknown"), 0.0)
    for word, lasted_s in after:
        expected[state] += lasted_s
        true += lasted_s
        state = word
        store.begin_span(subject, state, true)
    expected[state] += 60
    store.flush()
    found = store.reader().spans(subject, right, true + 60)
    assert {word: sum(span.end - span.start for span in found if span.state == word) for word in expected} == expected


def test_what_was_known_last_is_neither_unknown_nor_under_verification_nor_of_what_is_gone(store: Store) -> None:
    """What the page goes on with after a restart: a link that was being verified was up; what was taken out says nothing."""
    for state, since in (("up", 100.0), ("suspect", 200.0), ("unknown", 300.0)):
        store.begin_span(LINK, state, since)
    store.begin_span(ROUTER, "down", 100.0)
    store.end_span(ROUTER, 150.0)
    store.flush()
    reader = store.reader()
    assert reader.last_known("link") == {"lk-1": "up"}
    assert reader.last_known("device") == {}


def test_a_restart_closes_spans_at_the_last_sign_of_life_and_records_the_absence(path: Path, meter: Any) -> None:
    """States survive, time nobody watched is nobody's, outages stay open; killed and stopped are told apart."""
    with Store.open(path, meter) as store:
        assert store.record_start(1_000.0) is None
        store.begin_span(ROUTER, "up", 1_000.0)
        store.begin_span(LINK, "down", 1_010.0)
        store.open_outage(Outage(LINK, "down", 1_010.0, None, "device:core", ""))
        store.heartbeat(1_060.0)
        store.begin_span(ROUTER, "down", 1_062.0)
    with Store.open(path, meter) as store:
        assert store.reader().last_alive() == 1_060.0
        assert store.record_start(1_500.0) == Absence(1_062.0, 1_500.0, "died")
        assert store.reader().open_spans("device") == {}
        assert store.record_start(1_600.0) == Absence(1_500.0, 1_600.0, "died")
        reader = store.reader()
        assert reader.last_spans("device") == {"cpe-1": OpenSpan("down", 1_062.0)}
        assert reader.last_spans("link") == {"lk-1": OpenSpan("down", 1_010.0)}
        assert reader.spans(LINK, 0, 2_000) == [Span("down", 1_010.0, 1_062.0)]
        assert [outage.end for outage in reader.outages(open_only=True)] == [None]
        store.begin_span(LINK, "down", 1_601.0)
        store.record_stop(1_700.0)
    with Store.open(path, meter) as store:
        assert store.record_start(1_650.0) is None, "a clock that went back is no absence"
        assert store.reader().open_spans("link") == {"lk-1": OpenSpan("down", 1_601.0)}
        store.record_stop(1_800.0)
        assert store.record_start(2_000.0) == Absence(1_800.0, 2_000.0, "stopped")
        assert store.reader().absences(1_550.0, 1_900.0) == [
            Absence(1_550.0, 1_600.0, "died"),
            Absence(1_800.0, 1_900.0, "stopped"),
        ]
        assert store.reader().spans(LINK, 0, 3_000) == [Span("down", 1_010.0, 1_062.0), Span("down", 1_601.0, 1_800.0)]


def test_a_subject_has_one_open_outage(store: Store) -> None:
    """Opened again it keeps its start; it is amended, closed never before its start, and found by time and subject."""
    store.open_outage(Outage(LINK, "down", 100.0, None, "unknown", "ifOperStatus down"))
    store.open_outage(Outage(LINK, "unreachable", 130.0, None, "device:core", "…"))
    store.amend_outage(LINK, "device:agg", "core đã hoạt động")
    store.open_outage(Outage(ROUTER, "down", 500.0, None, "power", ""))
    store.open_outage(Outage(LINK, "down", 10.0, 20.0, "fibre", "seeded"))
    store.close_outage(ROUTER, 400.0)
    store.flush()
    reader = store.reader()
    still_open = Outage(LINK, "unreachable", 100.0, None, "device:agg", "core đã hoạt động")
    assert reader.outages(open_only=True) == [still_open]
    assert reader.outages(LINK) == [Outage(LINK, "down", 10.0, 20.0, "fibre", "seeded"), still_open]
    assert reader.outages(start=20.0, end=100.0) == []
    assert reader.outages(ROUTER)[0].end == 500.0


def verdict(standing: Standing, start: float, *, final: bool = False, **evidence: Any) -> Verdict:
    return Verdict(
        target="tslcd-p95", subject=Subject("commune", "01273"), standing=standing, value=0.5, limit=0.9, coverage=1,
        window=Window(start, start + 100), final=final, evidence=evidence,
    )  # fmt: skip


def test_final_verdicts_are_frozen_and_revised_beside_the_old(store: Store) -> None:
    """An equal final verdict adds nothing; a different one is the next revision; the hash is that of the text kept."""
    first = verdict(Standing.MET, 0, final=True, slots=[1, 2.5], đêm="không")
    store.put_verdicts([first], at=200)
    store.put_verdicts([verdict(Standing.MET, 0, final=True, đêm="không", slots=[1, 2.5])], at=300)
    store.put_verdicts([verdict(Standing.MISSED, 0, final=True)], at=400)
    store.put_verdicts([first], at=500)
    store.flush()
    frozen = store.reader().frozen("tslcd-p95", "01273")
    assert [(row.revision, row.at, row.verdict.standing) for row in frozen] == [
        (1, 200, Standing.MET), (2, 400, Standing.MISSED), (3, 500, Standing.MET),
    ]  # fmt: skip
    assert frozen[0].verdict == first
    assert all(row.sha256 == sha256(row.body.encode()).hexdigest() for row in frozen)
    assert frozen[0].sha256 == frozen[2].sha256 != frozen[1].sha256


def test_the_current_verdict_is_of_the_newest_window_and_history_keeps_changes(store: Store) -> None:
    """A rolling window replaces itself; an old month's final verdict does not displace this month's."""
    for at, (standing, start, final) in enumerate(
        [
            (Standing.MET, 100, False),
            (Standing.MET, 101, False),
            (Standing.AT_RISK, 102, False),
            (Standing.MISSED, 0, True),
            (Standing.AT_RISK, 103, False),
        ]
    ):
        store.put_verdicts([verdict(standing, start, final=final)], at=float(at))
    store.flush()
    reader = store.reader()
    assert reader.verdict("tslcd-p95", "01273") == verdict(Standing.AT_RISK, 103)
    assert reader.verdicts(kind="commune") == reader.verdicts("tslcd-p95") == [verdict(Standing.AT_RISK, 103)]
    assert reader.verdicts(kind="province") == []
    assert reader.verdict("tslcd-p95", "01274") is None
    assert [(at, row.standing) for at, row in reader.history("tslcd-p95", "01273")] == [
        (0, Standing.MET), (2, Standing.AT_RISK), (3, Standing.MISSED),
    ]  # fmt: skip


def test_a_verdict_from_before_its_time_is_replaced_and_its_window_is_not_closed(store: Store) -> None:
    """A clock that was ahead froze it: it stays a revision, and the true one stands beside it, the same or not."""
    early, true = verdict(Standing.MET, 100, final=True), verdict(Standing.AT_RISK, 0)
    store.put_verdicts([early], at=5_000)
    store.put_verdicts([true], at=150)
    store.flush()
    reader = store.reader()
    assert reader.verdict("tslcd-p95", "01273") == true
    assert reader.frozen_windows(250) == set()
    store.put_verdicts([early], at=250)
    store.put_verdicts([early], at=300)
    store.flush()
    assert reader.frozen_windows(300) == {Window(100, 200)}
    assert [(row.revision, row.at) for row in reader.frozen("tslcd-p95", "01273")] == [(1, 5_000), (2, 250)]


def test_evidence_that_is_not_json_is_the_callers_error(store: Store) -> None:
    """It is raised where the verdict was made, and nothing of the call is written."""
    with pytest.raises(ValueError, match="JSON"):
        store.put_verdicts([verdict(Standing.MET, 0), verdict(Standing.MET, 0, p95=float("nan"))], at=0)
    store.flush()
    assert store.reader().verdicts() == []


def test_people_read_names_and_utc_text_in_views(store: Store, path: Path) -> None:
    """Every view can be read with any SQLite shell."""
    store.record_start(0.0)
    store.begin_span(ROUTER, "up", 60.0)
    store.open_outage(Outage(LINK, "down", 0.0, 90.0, "fibre", "cắt cáp"))
    store.put_verdicts([verdict(Standing.MET, 0)], at=200)
    store.put_notice(Notice(30.0, NoticeKind.TRAP, "cpe-1", "linkDown"))
    store.flush()
    other = sqlite3.connect(path)
    other.row_factory = sqlite3.Row
    views = [row[0] for row in other.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")]
    found = {view: [dict(row) for row in other.execute(f"SELECT * FROM {view}")] for view in views}
    other.close()
    assert set(found) == {
        *("slots", "days", "spans", "outages", "absences", "notices", "verdicts"),
        *("echoes", "echo_days", "port_speeds", "speed_tests", "ispeeds", "inventory_months"),
        *("summaries", "summary_days"),
        *("windows", "window_changes", "incidents", "entries", "audit_log"),
    }
    assert found["spans"][0]["since_utc"] == "1970-01-01T00:01:00Z"
    assert found["spans"][0]["until_utc"] is None
    assert (found["outages"][0]["name"], found["outages"][0]["seconds"]) == ("lk-1", 90.0)
    assert [found["notices"][0][key] for key in ("utc", "device", "name")] == ["1970-01-01T00:00:30Z", "cpe-1", "linkDown"]
    assert (found["verdicts"][0]["standing"], found["verdicts"][0]["limit"]) == ("met", 0.9)
