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
