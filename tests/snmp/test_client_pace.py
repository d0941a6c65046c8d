"""Who may go when: places in turn, a pace that is kept, waits that are rung, and a patience that follows the agent."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp.client import Client
from netmon.snmp.errors import Silent
from netmon.snmp.message import V2C, Community, Query, get_request
from netmon.snmp.places import Pace, Places
from netmon.snmp.target import SOONEST_S, Target
from netmon.snmp.wheel import TICK_S, Wheel
from tests.snmp.agent import UPTIME, Agent, silent, uptime

REQUEST = get_request([UPTIME])
StartAgent = Callable[..., Awaitable[Agent]]


def target_of(timeout_s: float = 2.0, retries: int = 2, **more: Any) -> Target:
    return Target("192.0.2.1", 161, Community(V2C, b"public"), timeout_s, retries, **more)


# --- places -----------------------------------------------------------------------------------------------------------


@given(
    st.integers(1, 4), st.lists(st.tuples(st.sampled_from(["come", "leave", "cancel", "turn"]), st.integers(0)), max_size=60)
)
def test_places_are_given_in_turn_and_none_is_ever_lost(cap: int, steps: list[tuple[str, int]]) -> None:
    """Whatever comes, leaves and is cancelled, also while a place is handed over to it."""

    async def play() -> None:
        places = Places(cap)
        waiting: dict[int, asyncio.Task[None]] = {}
        inside: list[int] = []
        waited: list[int] = []

        async def come(who: int) -> None:
            if not places.take():
                await places.wait()
                waited.append(who)
            inside.append(who)

        for who, (step, which) in enumerate(steps):
            if step == "come":
                waiting[who] = asyncio.create_task(come(who))
            elif step == "leave" and inside:
                del inside[which % len(inside)]
                places.leave()
            elif step == "cancel" and waiting:
                list(waiting.values())[which % len(waiting)].cancel()
            elif step == "turn":
                await asyncio.sleep(0)
            waiting = {who: task for who, task in waiting.items() if not task.done()}
            assert len(inside) <= cap
        while waiting or inside:
            await asyncio.sleep(0)
            waiting = {who: task for who, task in waiting.items() if not task.done()}
            if inside:
                inside.pop()
                places.leave()
        assert places.taken == 0
        assert waited == sorted(waited)

    asyncio.run(play())


async def test_who_waits_for_a_place_that_will_not_come_is_told() -> None:
    places = Places(1)
    assert places.take()
    assert not places.take()
    waiting = [asyncio.create_task(places.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    places.close(ConnectionError("closed"))
    for each in waiting:
        with pytest.raises(ConnectionError):
            await each
    places.leave()
    assert places.taken == 0


# --- pace -------------------------------------------------------------------------------------------------------------


@given(st.floats(0.1, 1000), st.integers(1, 50), st.lists(st.floats(0, 2), max_size=120))
def test_no_stretch_of_time_holds_more_turns_than_the_pace_and_one_burst(
    per_s: float, burst: int, pauses: list[float]
) -> None:
    pace, now, turns = Pace(per_s, burst), 1000.0, []
    for pause in pauses:
        now += pause
        turns.append(now + pace.take(now))
    for first, start in enumerate(turns):
        for last, end in enumerate(turns[first:], 1):
            assert last <= burst + (end - start) * per_s + 1e-6


@given(st.floats(0.1, 1000), st.integers(1, 50))
def test_a_burst_goes_at_once_and_what_follows_at_the_pace(per_s: float, burst: int) -> None:
    pace = Pace(per_s, burst)
    waits = [pace.take(1000.0) for _ in range(burst + 3)]
    assert waits[:burst] == pytest.approx([0.0] * burst, abs=1e-6)
    assert waits[burst:] == pytest.approx([n / per_s for n in (1, 2, 3)])
    assert pace.take(1000.0 + 10 * burst / per_s) == 0.0


def test_without_a_rate_nobody_waits() -> None:
    pace = Pace()
    assert [pace.take(1.0) for _ in range(1000)] == [0.0] * 1000
    assert Pace(inf).take(0.0) == 0.0


# --- wheel ------------------------------------------------------------------------------------------------------------


class FakeLoop:
    """A loop whose clock is moved by hand; only what a wheel needs."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, call))
        return self.timers[-1]

    def advance(self, to: float) -> None:
        """As a loop does: each timer when its time has come, or later."""
        while due := [timer for timer in self.timers if timer.when <= to]:
            timer = min(due, key=lambda each: each.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            if not timer.cancelled:
                timer.call()
        self.timers = [timer for timer in self.timers if not timer.cancelled]
        self.now = to


class Timer:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Sleeper:
    """Notes when it is rung."""

    def __init__(self, loop: FakeLoop, then: Callable[[], None] = lambda: None) -> None:
        self.due = 0
        self.loop = loop
        self.then = then
        self.rung: list[float] = []

    def ring(self) -> None:
        self.rung.append(self.loop.now)
        self.then()


waits = st.floats(0.0, 20.0)


@given(st.lists(st.tuples(st.integers(0, 5), waits, st.floats(0.0, 1.0)), max_size=60))
def test_a_waiter_is_rung_once_for_its_last_wait_never_early_and_a_tick_late_at_most(
    steps: list[tuple[int, float, float]],
) -> None:
    loop = FakeLoop()
    wheel = Wheel(loop)  # type: ignore[arg-type]
    sleepers = [Sleeper(loop) for _ in range(6)]
    wanted: dict[int, float] = {}
    for who, wait, pause in steps:
        sleepers[who].rung.clear()
        wanted[who] = loop.now + wait
        wheel.put(sleepers[who], wanted[who])
        loop.advance(loop.now + pause)
    loop.advance(loop.now + 30)
    for who, when in wanted.items():
        assert len(sleepers[who].rung) == 1
        assert when - 1e-6 <= sleepers[who].rung[0] <= when + TICK_S + 1e-6
    assert loop.timers == []


def test_who_ended_its_wait_or_was_left_when_the_wheel_closed_is_not_rung() -> None:
    loop = FakeLoop()
    wheel = Wheel(loop)  # type: ignore[arg-type]
    ended, left = Sleeper(loop), Sleeper(loop)
    wheel.put(ended, 1001.0)
    ended.due = 0
    loop.advance(1002.0)
    wheel.put(left, 1003.0)
    wheel.close()
    loop.advance(1010.0)
    assert (ended.rung, left.rung, loop.timers) == ([], [], [])


def test_who_fails_when_it_is_rung_stops_nobody_else() -> None:
    """The loop reports what failed; every wait of every device hangs on this one timer."""
    loop = FakeLoop()
    wheel = Wheel(loop)  # type: ignore[arg-type]

    def fail() -> None:
        raise ZeroDivisionError

    first, second, later = Sleeper(loop, fail), Sleeper(loop, fail), Sleeper(loop)
    for each, when in ((first, 1001.0), (second, 1001.0), (later, 1002.0)):
        wheel.put(each, when)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            loop.advance(1003.0)
    loop.advance(1003.0)
    assert [len(each.rung) for each in (first, second, later)] == [1, 1, 1]


def test_a_waiter_may_wait_again_or_close_the_wheel_when_it_is_rung() -> None:
    loop = FakeLoop()
    wheel = Wheel(loop)  # type: ignore[arg-type]
    again = Sleeper(loop, lambda: wheel.put(again, loop.now + 1) if len(again.rung) < 3 else wheel.close())
    never = Sleeper(loop)
    wheel.put(again, 1001.0)
    wheel.put(never, 1009.0)
    loop.advance(1010.0)
    assert [round(each - 1000) for each in again.rung] == [1, 2, 3]
    assert never.rung == []


# --- patience ---------------------------------------------------------------------------------------------------------


def test_an_agent_that_was_never_heard_is_waited_for_as_long_as_its_timeout() -> None:
    assert [target_of().patience_s(attempt) for attempt in (1, 2, 3)] == [2.0] * 3


@given(st.lists(st.floats(0.001, 5), min_size=1, max_size=50), st.floats(0.1, 5), st.integers(0, 4))
def test_patience_lies_between_what_answers_take_and_the_timeout(
    round_trips: list[float], timeout_s: float, retries: int
) -> None:
    """Never sooner than a quarter of a second, never later than the timeout, and the last attempt has all of it."""
    target = target_of(timeout_s, retries)
    for each in round_trips:
        target.took(each)
    waits = [target.patience_s(attempt) for attempt in range(1, retries + 2)]
    assert waits[-1] == timeout_s
    assert all(min(SOONEST_S, timeout_s) <= wait <= timeout_s for wait in waits)
    assert all(wait >= min(timeout_s, min(round_trips)) for wait in waits)


def test_the_round_trip_is_smoothed_as_rfc_6298_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """RTO = SRTT + 4 RTTVAR, doubled from attempt to attempt (sections 2.2, 2.3, 5.5)."""
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    target = target_of(timeout_s=60.0, retries=5)
    srtt, rttvar = 0.4, 0.2
    target.took(0.4)
    for sample in (0.4, 1.0, 0.7, 0.05):
        rttvar = 3 / 4 * rttvar + 1 / 4 * abs(srtt - sample)
        srtt = 7 / 8 * srtt + 1 / 8 * sample
        target.took(sample)
    rto = srtt + 4 * rttvar
    assert [target.patience_s(attempt) for attempt in (1, 2, 3)] == pytest.approx([rto, 2 * rto, 4 * rto])


def test_a_steady_agent_is_soon_asked_again_and_no_two_at_the_same_moment() -> None:
    target = target_of(timeout_s=10.0, retries=2)
    for _ in range(50):
        target.took(0.1)
    waits = [target.patience_s(1) for _ in range(200)]
    assert len(set(waits)) > 190
    assert SOONEST_S <= min(waits) < max(waits) <= SOONEST_S * 1.25
    assert statistics.pstdev(waits) > SOONEST_S / 20


async def test_a_question_is_repeated_sooner_to_an_agent_that_is_known_to_be_quick(
    client: Client, agent: StartAgent
) -> None:
    def deaf_once(agent: Agent, query: Query, source: Any) -> None:
        if len(agent.queries) != 2:
            uptime(agent, query, source)

    there = await agent(deaf_once)
    target = Target(there.address, there.port, Community(V2C, b"public"), 30.0, 1)
    await client.ask(target, REQUEST)
    begun = time.monotonic()
    response = await client.ask(target, REQUEST)
    assert response.attempts == 2
    assert SOONEST_S <= response.sent - begun < 5


# --- together ---------------------------------------------------------------------------------------------------------


async def test_an_agent_is_asked_one_question_at_a_time_unless_it_may_be_asked_more(
    client: Client, agent: StartAgent
) -> None:
    for in_flight in (1, 3):
        there = await agent(silent)
        target = Target(there.address, there.port, Community(V2C, b"public"), 30.0, 0, in_flight=in_flight)
        asked = [asyncio.create_task(client.ask(target, REQUEST)) for _ in range(6)]
        for done in range(0, 6, in_flight):
            await there.asked(done + in_flight)
            await asyncio.sleep(0)
            assert len(there.queries) == done + in_flight
            for query, source in zip(there.queries[done:], there.sources[done:], strict=True):
                uptime(there, query, source)
            await asyncio.gather(*asked[done : done + in_flight])
        assert target.places.taken == 0


async def test_requests_keep_an_agent_s_pace_and_the_pace_of_all(engine: type[Client], agent: StartAgent) -> None:
    """Eleven go at once; the twelfth and later ones wait their turn."""
    there = await agent(uptime)
    async with engine() as client:
        target = Target(there.address, there.port, Community(V2C, b"public"), 30.0, 0, requests_per_s=20.0)
        begun = time.monotonic()
        for _ in range(14):
            await client.ask(target, REQUEST)
        assert time.monotonic() - begun >= 4 / 20
    async with engine(requests_per_s=1000.0) as client:
        begun = time.monotonic()
        for _ in range(300):
            await client.ask(Target(there.address, there.port, Community(V2C, b"public"), 30.0, 0), REQUEST)
        assert time.monotonic() - begun >= 0.1


async def test_who_waits_for_its_pace_can_be_cancelled(client: Client, agent: StartAgent) -> None:
    there = await agent(uptime)
    target = Target(there.address, there.port, Community(V2C, b"public"), 30.0, 0, requests_per_s=0.01)
    for _ in range(10):
        await client.ask(target, REQUEST)
    waiting = asyncio.create_task(client.ask(target, REQUEST))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert target.places.taken == 0
    assert len(there.queries) == 10


async def test_a_timeout_ends_what_no_attempt_brought(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    begun = time.monotonic()
    with pytest.raises(Silent, match="3 attempts"):
        await client.ask(Target(there.address, there.port, Community(V2C, b"public"), 0.06, 2), REQUEST)
    assert 3 * 0.06 <= time.monotonic() - begun < 5
