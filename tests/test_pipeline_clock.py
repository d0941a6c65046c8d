"""The wall clock steps: what was stored of a time that is yet to come is taken back, and what was counted stays counted."""

from dataclasses import replace

import pytest

from netmon.model import At, Direction, End, Outcome, Subject
from tests.test_pipeline import Bench, Router, inventory, run


class Ahead(Router):
    """Polled by a wall clock that `ahead_s` seconds ahead of the true one."""

    ahead_s = 0.0

    async def poll(self, *, light=False):
        poll = await super().poll(light=light)

        def told(at):
            return At(at.unix + self.ahead_s, at.monotonic)

        readings = tuple(one._replace(at=told(one.at)) for one in poll.readings)
        return replace(poll, sent=told(poll.sent), ended=told(poll.ended), readings=readings, round_trip_s=0.01)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_clock_that_was_a_day_ahead_leaves_slots_and_states_at_their_times(tmp_path, monkeypatch, stopped):
    """It is right again, in the same life of netmon or at its next start: an isolation then is an isolation."""
    bench = Bench(tmp_path / "netmon.db", inventory(), Ahead)
    run(bench, 700)
    monkeypatch.setattr(Ahead, "ahead_s", 86_400.0)
    bench.pipeline._clock = lambda: bench.now + Ahead.ahead_s
    bench.pipeline.shift(86_400.0)
    run(bench, 1000)
    before = counted(bench)
    monkeypatch.setattr(Ahead, "ahead_s", 0.0)
    if stopped:
        bench.pipeline.park()
        bench.close()
        bench = Bench(bench.path, bench.things, Ahead, bench.now)
    else:
        bench.pipeline.shift(-86_400.0)
    assert counted(bench) == before, "what was counted stays counted"
    right = bench.now
    run(bench, 900)
    bench.store.flush()
    whole = range(int(right // 300) + 1, int(bench.now // 300))
    slots = {slot.k: slot for slot in bench.reader.slots("f01273", End.NEAR, 0, whole.stop + 999)}
    assert all(abs(slots[k].receive.octets - 300_000_000) <= 1 for k in whole)
    assert max(slots) * 300 <= bench.now
    assert list(bench.reader.echoes("f01273", whole.start, len(whole) - 1).snmp_s) == pytest.approx(
        [0.01] * (len(whole) - 1)
    )
    bench.routers["r01273"].outcome = Outcome.SILENT
    fell = bench.now
    for _ in range(3):
        bench.poll()
        bench.pipeline.tick(bench.now)
        bench.now += 30
    bench.store.flush()
    spans = bench.reader.spans(Subject("site", "s01273"), right, bench.now)
    assert [(span.state, span.start) for span in spans][-1] == ("isolated", fell)
    bench.close()


def counted(bench):
    """Octets towards the commune: in slots, unplaced, and in slots that are open."""
    bench.store.flush()
    watch = bench.pipeline.watches["r01273"]
    slots = [*bench.reader.slots("f01273", End.NEAR, 0, 10**7), *watch.ends["ge0"][0].baseline(watch.counters).open]
    unplaced = bench.reader.unplaced("f01273", End.NEAR, 0, 10**10)
    return sum(slot.receive.octets for slot in slots) + sum(
        one.octets for one in unplaced if one.direction is Direction.RECEIVE
    )


def test_a_machine_that_booted_a_month_ahead_loses_nothing_once_its_clock_is_set(tmp_path, monkeypatch):
    """The network sets it a minute later: a fall after that has its own times."""
    month = 31 * 86_400.0
    bench = Bench(tmp_path / "netmon.db", inventory(), Ahead)
    run(bench, 700)
    bench.pipeline.park()
    bench.store.record_stop(bench.now)
    bench.close()
    bench = Bench(bench.path, bench.things, Ahead, bench.now + 60 + month)
    run(bench, 90)
    bench.store.heartbeat(bench.now)
    monkeypatch.setattr(Ahead, "ahead_s", -month)
    bench.pipeline._clock = lambda: bench.now - month
    bench.pipeline.shift(-month)
    run(bench, 700)
    bench.routers["r01273"].outcome = Outcome.SILENT
    fell = bench.now - month
    for _ in range(20):
        bench.poll()
        bench.pipeline.tick(bench.now - month)
        bench.now += 30
    bench.routers["r01273"].outcome = Outcome.ANSWERED
    back = bench.now - month
    run(bench, 90)
    bench.store.flush()
    router = Subject("device", "r01273")
    assert [(one.start, one.end) for one in bench.reader.outages(router)] == [(fell, back)]
    spans = bench.reader.spans(router, fell - 300, back + 60)
    assert [(span.state, span.start) for span in spans] == [("up", fell - 300), ("down", fell), ("up", back)]
    bench.close()


def test_a_netmon_that_slept_saw_nothing_meanwhile_and_goes_on(tmp_path, monkeypatch):
    """Links, sites and devices alike; what was down goes on as one outage. Two intervals are no sleep."""
    slept_s, router = 21 * 86_400.0, Subject("device", "r01273")
    bench = Bench(tmp_path / "netmon.db", inventory(), Ahead)
    run(bench, 600)
    bench.routers["r01273"].outcome = Outcome.SILENT
    fell = bench.now
    for ahead_s in (0.0, 59.0, 59.0 + slept_s):
        bench.pipeline._clock = lambda: bench.now + Ahead.ahead_s
        step_s = ahead_s - Ahead.ahead_s
        monkeypatch.setattr(Ahead, "ahead_s", ahead_s)
        if step_s:
            bench.pipeline.shift(step_s)
        for _ in range(10):
            bench.poll()
            bench.pipeline.tick(bench.now + ahead_s)
            bench.now += 30
    bench.store.flush()
    (absence,) = bench.reader.absences(0, 10**10)
    assert (absence.end - absence.start, absence.reason) == (slept_s, "clock")
    end = bench.now + Ahead.ahead_s
    for subject in (router, Subject("link", "f01273"), Subject("site", "s01273"), Subject("device", "core")):
        spans = bench.reader.spans(subject, fell, end)
        assert not [span for span in spans if span.start < absence.end and span.end > absence.start], subject
        assert sum(span.end - span.start for span in spans) == pytest.approx(end - fell - slept_s), subject
    assert [(one.start, one.end) for one in bench.reader.outages(router)] == [(fell, None)]
    bench.close()
