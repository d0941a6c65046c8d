"""Runs start on a fixed, spread grid; they never stack, and what is given up is counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from netmon.schedule import Grid, Schedule, Skip, Start

SLOT = 0.1  # a fine one, so that the tests are done soon
T0 = 1_795_000_000.0
DEADLINE_S = 10.0


def first_due(key: str, interval_s: float, now: float) -> float:
    grid = Grid(1, SLOT)
    grid.add(key, interval_s, now)
    due = grid.next_due()
    assert due is not None
    return due


# --- the deciding part --------------------------------------------------------------------------------------------------


@given(key=st.text(min_size=1), slots=st.integers(1, 6000), started=st.floats(0, 1e5), later=st.floats(0, 1e5))
def test_a_key_keeps_its_place_on_the_grid_whenever_netmon_starts(
    key: str, slots: int, started: float, later: float
) -> None:
    """Two starts of netmon agree on the due times of a key, and its first is at most one interval away."""
    one = first_due(key, slots * SLOT, T0 + started)
    two = first_due(key, slots * SLOT, T0 + later)
    assert (round(one / SLOT) - round(two / SLOT)) % slots == 0
    assert -1e-6 <= one - (T0 + started) <= (slots + 1) * SLOT


def test_keys_are_spread_evenly_over_their_interval() -> None:
    """5,000 devices every 30 s make 300 slots of some 17 starts; none has more than twice and a half of that."""
    per_slot = Counter(first_due(f"router-{n}", 30.0, T0) for n in range(5000))
    assert len(per_slot) == 300
    assert max(per_slot.values()) <= 42


@given(
    cap=st.integers(1, 3),
    intervals=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    steps=st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(0, 5))), max_size=40),
)
def test_every_tick_starts_a_run_waits_or_is_counted(
    cap: int, intervals: list[int], steps: list[tuple[int, set[int]]]
) -> None:
    """No key runs twice at a time, no more than the cap run, no place stays empty while one waits, no tick is lost."""
    grid, slot, now = Grid(cap, SLOT), 0, T0
    keys = {f"d{n}": interval for n, interval in enumerate(intervals)}
    first = {key: first_due(key, interval * SLOT, T0) for key, interval in keys.items()}
    for key, interval in keys.items():
        grid.add(key, interval * SLOT, now)
    running: set[str] = set()
    accounted: Counter[str] = Counter()

    def begin(starts: list[Start]) -> None:
        for start in starts:
            assert start.key not in running
            assert start.due <= now
            running.add(start.key)
            accounted[start.key] += 1

    for slots, ends in steps:
        slot += slots
        now = T0 + (slot + 0.5) * SLOT
        starts, skips = grid.advance(now)
        begin(starts)
        accounted.update(skip.key for skip in skips)
        for key in [f"d{n}" for n in ends if f"d{n}" in running]:
            running.remove(key)
            begin(grid.ended(key, now))
        assert grid.running == len(running) <= cap
        for key, interval in keys.items():
            ticks = max(0, floor((now - first[key]) / (interval * SLOT)) + 1)
            assert ticks - accounted[key] in ({0, 1} if len(running) == cap else {0})


def on_grid(cap: int, **interval_s: float) -> tuple[Grid, dict[str, float]]:
    """A grid and the first due time of each of its keys."""
    grid = Grid(cap, SLOT)
    for key, interval in interval_s.items():
        grid.add(key, interval, T0)
    return grid, {key: first_due(key, interval, T0) for key, interval in interval_s.items()}


def test_a_tick_of_a_running_key_is_skipped() -> None:
    grid, due = on_grid(2, a=1.0)
    assert grid.advance(due["a"]) == ([Start("a", due["a"])], [])
    assert grid.advance(due["a"] + 1.05) == ([], [Skip("a", "running")])
    assert grid.ended("a", due["a"] + 1.5) == []
    starts, skips = grid.advance(due["a"] + 2.05)
    assert ([start.key for start in starts], skips) == (["a"], [])


def test_over_the_cap_keys_wait_in_line_and_their_next_tick_is_skipped() -> None:
    """First come, first served; the start that was late still names the time at which it was due."""
    grid, due = on_grid(1, a=10.0, b=10.0, c=10.0)
    first, second, third = sorted(due, key=due.__getitem__)
    now = T0 + 10.05
    assert grid.advance(now) == ([Start(first, due[first])], [])
    assert set(grid.advance(now + 10)[1]) == {Skip(first, "running"), Skip(second, "backlog"), Skip(third, "backlog")}
    assert grid.ended(first, now + 10) == [Start(second, due[second])]
    assert grid.ended(second, now + 10) == [Start(third, due[third])]


def test_a_late_wake_up_starts_once_and_counts_the_rest() -> None:
    """A loop that was blocked for three intervals does not fire three runs."""
    grid, due = on_grid(5, a=1.0)
    starts, skips = grid.advance(due["a"] + 3.05)
    assert starts == [Start("a", due["a"])]
    assert skips == [Skip("a", "running")] * 3


def test_a_poke_is_one_extra_run_and_a_pending_one_is_not_doubled() -> None:
    """The earlier of two pokes counts; the ticks of the key stay where they were."""
    grid, due = on_grid(1, a=100.0)
    start = due["a"]
    grid.advance(start)
    grid.ended("a", start + 0.5)
    grid.poke("a", start + 5)
    grid.poke("a", start + 7)
    grid.poke("a", start + 3)
    starts, skips = grid.advance(start + 50)
    assert [(s.key, round(s.due - start, 3)) for s in starts] == [("a", 3.0)]
    assert skips == []
    grid.ended("a", start + 50)
    assert grid.next_due() == pytest.approx(start + 100)


def test_a_poke_that_finds_its_key_running_runs_right_after_it() -> None:
    """Even before others in line, once, and without counting a skip."""
    grid, due = on_grid(1, a=100.0, b=100.0)
    first, second = sorted(due, key=due.__getitem__)
    grid.advance(due[first])
    grid.poke(first, due[first] + 1)
    assert grid.advance(due[second]) == ([], [])
    grid.poke(first, due[second])
    assert grid.advance(due[second] + 0.2) == ([], [])
    assert [start.key for start in grid.ended(first, due[second] + 1)] == [first]
    assert [start.key for start in grid.ended(first, due[second] + 2)] == [second]


def test_a_removed_key_leaves_the_line_and_what_runs_may_finish() -> None:
    grid, due = on_grid(1, a=10.0, b=10.0)
    first, second = sorted(due, key=due.__getitem__)
    grid.advance(T0 + 10.05)
    grid.remove(first)
    grid.remove(second)
    grid.poke(first, T0 + 11)
    assert grid.running == 1
    assert grid.ended(first, T0 + 12) == []
    assert grid.advance(T0 + 100) == ([], [])
    assert grid.next_due() is None


def test_a_key_added_again_while_its_old_run_lasts_does_not_run_beside_it() -> None:
    """A reload changes a device while it is polled: the new one starts only when the old poll is over."""
    grid, due = on_grid(5, a=1.0)
    grid.advance(due["a"])
    grid.remove("a")
    grid.add("a", 2.0, due["a"] + 0.1)
    starts, skips = grid.advance(due["a"] + 2.2)
    assert (starts, skips) == ([], [Skip("a", "running")])
    grid.ended("a", due["a"] + 2.2)
    assert [start.key for start in grid.advance(due["a"] + 4.2)[0]] == ["a"]


def test_adding_a_known_key_moves_it_only_when_its_interval_changes() -> None:
    grid, due = on_grid(1, a=10.0)
    grid.advance(due["a"])
    grid.ended("a", due["a"])
    grid.add("a", 10.0, due["a"])
    assert grid.advance(due["a"]) == ([], [])
    grid.add("a", 0.1, due["a"])
    starts, _ = grid.advance(due["a"] + 0.15)
    assert [start.key for start in starts] == ["a"]


@pytest.mark.parametrize("interval_s", [0.0, -1.0])
def test_an_interval_that_is_no_time_is_refused(interval_s: float) -> None:
    with pytest.raises(ValueError, match="interval of a"):
        Grid(1, SLOT).add("a", interval_s, T0)


# --- the part that waits --------------------------------------------------------------------------------------------------


class Jobs:
    """Runs that are counted and can be held; `reached` waits until a condition on them holds."""

    def __init__(self) -> None:
        self.started: list[tuple[str, float]] = []
        self.finished: Counter[str] = Counter()
        self.skips: list[tuple[str, str]] = []
        self.lateness: list[float] = []
        self.failed: list[str] = []
        self.held: dict[str, asyncio.Event] = {}
        self._moved = asyncio.Event()

    async def run(self, key: str, due: float) -> None:
        self.started.append((key, due))
        self._moved.set()
        if key.startswith("bad"):
            raise LookupError(key)
        if key in self.held:
            await self.held[key].wait()
        self.finished[key] += 1
        self._moved.set()

    def skip(self, key: str, reason: str) -> None:
        self.skips.append((key, reason))
        self._moved.set()

    async def reached(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._moved.clear()
                await self._moved.wait()

    def schedule(self, cap: int = 10) -> Schedule:
        return Schedule(
            self.run,
            cap=cap,
            on_skip=self.skip,
            on_late=self.lateness.append,
            on_failed=self.failed.append,
            slot_s=0.002,
        )


async def scheduled(schedule: Schedule, work: Callable[[], Awaitable[None]], grace_s: float = DEADLINE_S) -> None:
    """Does `work` while the schedule runs, then stops it."""
    forever = asyncio.create_task(schedule.run_forever())
    try:
        await work()
    finally:
        await schedule.stop(grace_s)
        async with asyncio.timeout(DEADLINE_S):
            await forever


async def test_keys_run_again_and_again_and_lateness_is_told_at_each_start() -> None:
    jobs = Jobs()
    schedule = jobs.schedule()
    schedule.add("a", 0.004)
    schedule.add("b", 0.01)
    await scheduled(schedule, lambda: jobs.reached(lambda: jobs.finished["a"] >= 5 and jobs.finished["b"] >= 3))
    assert len(jobs.lateness) == len(jobs.started)
    assert min(jobs.lateness) >= 0
    dues = [due for key, due in jobs.started if key == "a"]
    steps = [round((due - dues[0]) / 0.004, 3) for due in dues]
    assert steps == sorted(set(map(round, steps)))


async def test_a_run_that_raises_is_logged_and_nothing_else_notices() -> None:
    jobs = Jobs()
    schedule = jobs.schedule()
    schedule.add("bad", 0.004)
    schedule.add("good", 0.004)
    with capture_logs() as logs:
        await scheduled(
            schedule,
            lambda: jobs.reached(lambda: jobs.finished["good"] >= 3 and [k for k, _ in jobs.started].count("bad") >= 3),
        )
    assert {(line["event"], line["key"], type(line["exc_info"])) for line in logs} == {("a run failed", "bad", LookupError)}
    assert jobs.failed == ["bad"] * len(logs)


async def test_a_slow_key_is_skipped_and_the_others_go_on() -> None:
    jobs = Jobs()
    jobs.held["slow"] = asyncio.Event()
    schedule = jobs.schedule()
    schedule.add("slow", 0.004)
    schedule.add("quick", 0.004)

    async def work() -> None:
        await jobs.reached(lambda: ("slow", "running") in jobs.skips and jobs.finished["quick"] >= 5)
        assert [key for key, _ in jobs.started].count("slow") == 1
        jobs.held["slow"].set()

    await scheduled(schedule, work)
    assert jobs.finished["slow"] >= 1


async def test_a_place_that_falls_free_goes_to_the_next_in_line() -> None:
    jobs = Jobs()
    jobs.held = {key: asyncio.Event() for key in "abc"}
    schedule = jobs.schedule(cap=1)
    for key in "abc":
        schedule.add(key, 0.004)

    async def work() -> None:
        for turn in range(1, 4):
            await jobs.reached(lambda turn=turn: len(jobs.started) == turn and schedule.in_flight == 1)  # type: ignore[misc]
            schedule.remove(jobs.started[-1][0])
            jobs.held[jobs.started[-1][0]].set()

    await scheduled(schedule, work)
    assert sorted(key for key, _ in jobs.started) == ["a", "b", "c"]


async def test_a_poke_wakes_a_sleeping_schedule() -> None:
    """A verifying poll is asked for while nothing else is due for an hour."""
    jobs = Jobs()
    schedule = jobs.schedule()
    schedule.add("a", 3600.0)

    async def work() -> None:
        await asyncio.sleep(0)
        schedule.poke("a", 0.005)
        await jobs.reached(lambda: jobs.finished["a"] == 1)

    await scheduled(schedule, work)


async def test_stop_waits_for_what_ends_in_time_and_cancels_the_rest() -> None:
    jobs = Jobs()
    jobs.held = {"patient": asyncio.Event(), "stuck": asyncio.Event()}
    schedule = jobs.schedule(cap=2)
    for key in jobs.held:
        schedule.add(key, 3600.0)
        schedule.poke(key)

    async def work() -> None:
        await jobs.reached(lambda: len(jobs.started) == 2)
        schedule.add("in line", 0.004)
        await jobs.reached(lambda: ("in line", "backlog") in jobs.skips)
        asyncio.get_running_loop().call_soon(jobs.held["patient"].set)

    with capture_logs() as logs:
        await scheduled(schedule, work, grace_s=0.05)
    assert schedule.in_flight == 0
    assert len(jobs.started) == 2
    assert jobs.finished == {"patient": 1}
    assert [(line["event"], line["runs"]) for line in logs] == [("runs cancelled at stop", 1)]


async def test_a_stepped_wall_clock_does_not_move_the_grid() -> None:
    """The wall clock is read once, at the start; due times go on from there with the monotonic clock."""
    walls = iter([T0])
    dues: asyncio.Queue[float] = asyncio.Queue()

    async def run(key: str, due: float) -> None:
        dues.put_nowait(due)

    schedule = Schedule(
        run, cap=1, on_skip=lambda key, reason: None, on_late=lambda late: None, wall=lambda: next(walls), slot_s=0.002
    )
    schedule.add("a", 0.01)

    async def work() -> None:
        async with asyncio.timeout(DEADLINE_S):
            for _ in range(3):
                assert T0 <= await dues.get() <= T0 + DEADLINE_S

    await scheduled(schedule, work)
