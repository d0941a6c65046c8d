"""What stands at the address may be no InfluxDB, or one that means harm: it costs little, and no point without a count."""

from __future__ import annotations

import gzip
import time
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from netmon.credential import Secret
from netmon.exporters import influx as room
from netmon.exporters.answers import ANSWER_BYTES, Answer, Result
from netmon.exporters.delivery import Delivery
from netmon.exporters.outbox import Batch
from netmon.exporters.receiver import GROW_FIRST_S, GROW_LONGEST_S, LARGEST_BYTES, Receiver
from netmon.settings import InfluxApi
from tests.exporters.conftest import Counts, Fast, Start, until
from tests.exporters.faulty import Request, Say, faulty
from tests.exporters.test_influx import BOTH, points, script, settled

PLAIN_HTTP = Say(400, {"Content-Type": "text/plain"}, "Client sent an HTTP request to an HTTPS server.\n")
PAGE = Say(200, {"Content-Type": "text/html"}, "<html>Please log in")


@BOTH
@pytest.mark.parametrize("say", [PLAIN_HTTP, PAGE], ids=["tls", "portal"])
async def test_what_is_no_influxdb_gets_every_point_later(start: Start, meter: Counts, api: InfluxApi, say: Say) -> None:
    """It is told once, and asked again every 30 s; nothing counts as accepted or dropped meanwhile."""
    fast = Fast()
    with capture_logs() as logs:
        async with faulty(script(say, say, say)) as receiver:
            influx = await start(receiver.url, fast, api=api, batch_points=10)
            lines = points(influx, 25)
            await until(lambda: meter.writes().get("refused") == 2)
            assert (meter.accepted, meter.dropped(), influx.reachable) == (0, 0, False)
            await settled(influx, meter, 25)
    assert [line for line in receiver.accepted if line in lines][-25:] == lines
    assert (meter.accepted, fast.waits.count(30.0)) == (25, 3)
    [told] = [entry for entry in logs if entry["log_level"] == "error"]
    assert "is this InfluxDB?" in told["detail"]


@BOTH
@pytest.mark.parametrize("packed", [False, True])
async def test_a_huge_answer_is_not_read_and_a_compressed_one_not_unpacked(
    start: Start, meter: Counts, api: InfluxApi, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than 64 KiB of it is looked at; nothing compressed is asked for; the loop goes on."""
    body = gzip.compress(bytes(2**24)) if packed else b"x" * 2**24
    seen: list[int] = []
    judge = room.judge

    def look(status: int, headers: object, body: bytes, *others: object) -> Answer:
        seen.append(len(body))
        return judge(status, headers, body, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "judge", look)
    async with faulty(script(Say(400, {"Content-Encoding": "gzip"} if packed else {}, body))) as receiver:
        influx = await start(receiver.url, api=api, batch_points=10)
        points(influx, 10)
        await settled(influx, meter, 10)
    assert {request.headers["accept-encoding"] for request in receiver.requests} == {"identity"}
    assert seen == [len(body) if packed else ANSWER_BYTES, 0]
    assert meter.writes() == {"refused": 1, "ok": 1}


async def test_no_answer_ends_netmon(start: Start, meter: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where netmon cannot even judge it, the points wait, and the bug is counted."""
    judge, bugs = room.judge, [KeyError("x"), ValueError("y")]

    def stumble(*what: object) -> Answer:
        if bugs:
            raise bugs.pop()
        return judge(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "judge", stumble)
    async with faulty() as receiver:
        influx = await start(receiver.url, batch_points=10)
        points(influx, 10)
        await settled(influx, meter, 10)
    assert meter.totals["netmon_bugs_total", "daemon"] == 2
    assert (meter.writes(), meter.accepted) == ({"failed": 2, "ok": 1}, 10)


@BOTH
async def test_a_receiver_that_rejects_every_point_is_not_reachable(start: Start, meter: Counts, api: InfluxApi) -> None:
    """It is told what to look at, once, until a point is accepted."""
    bad = Say(400, {}, '{"code":"invalid","message":"unable to parse: s3cret!"}')
    with capture_logs() as logs:
        say = bad
        async with faulty(lambda _: say) as receiver:
            influx = await start(receiver.url, api=api, batch_points=10, token=Secret("s3cret!"), password=Secret("s3cret!"))
            points(influx, 30)
            await settled(influx, meter, 30)
            assert (meter.gauges["netmon_influx_reachable"], influx.reachable) == (0, False)
            assert meter.dropped("rejected") == 30
            say = Say(204)
            points(influx, 10, 100)
            await settled(influx, meter, 40)
            assert (meter.gauges["netmon_influx_reachable"], influx.reachable) == (1, True)
    [told] = [entry for entry in logs if entry["log_level"] == "error"]
    assert told["event"] == "InfluxDB rejects every point of a batch"
    assert told["check"]
    assert "s3cret!" not in str(logs)


async def test_partial_writes_that_say_no_number_are_halved(start: Start, meter: Counts) -> None:
    """What was kept of them comes again, and is the same point; only the bad line is counted as lost."""

    def some(request: Request) -> Say:
        kept = tuple(line for line in request.lines if b" value=7 " not in line)
        whole = len(kept) == len(request.lines)
        return Say(204) if whole else Say(400, {}, '{"error":"partial write: trouble"}', keeps=kept)

    async with faulty(some) as receiver:
        influx = await start(receiver.url, batch_points=20)
        lines = points(influx, 20)
        await settled(influx, meter, 20)
    assert (meter.accepted, meter.dropped("rejected")) == (19, 1)
    assert set(receiver.accepted) == {line for n, line in enumerate(lines) if n != 7}


def cut(receiver: Receiver, limit: int, now: float, size: int = 500_000) -> list[int]:
    """A batch to a receiver that takes requests of at most `limit` bytes; the sizes that it was sent."""
    delivery, sizes = Delivery(Batch(1, size // 100, (b"x" * 99 + b"\n") * (size // 100)), receiver.largest), []
    while (piece := delivery.piece()) is not None:
        sizes.append(len(piece))
        answer = Answer(result=Result.TOO_LARGE if len(piece) > limit else Result.OK)
        if delivery.settle(answer) is None:
            receiver.failed(answer, now)
            return sizes
        if delivery.largest < receiver.largest:
            receiver.too_large(delivery.largest, now)
    receiver.settled(delivery, now)
    return sizes


@pytest.mark.parametrize("limit", [0, 10_000, 100_000])
def test_after_a_burst_of_too_large_requests_grow_again(meter: Counts, limit: int) -> None:
    """As soon after a later burst as after the first."""
    receiver = Receiver("x", "y", meter)
    for burst in (0.0, 20_000.0):
        cut(receiver, limit, burst)
        assert receiver.largest <= max(limit, 4096)
        now = burst + (GROW_FIRST_S if limit else 0.0)
        for _ in range(8):
            cut(receiver, LARGEST_BYTES, now)
        assert len(cut(receiver, LARGEST_BYTES, now)) == 1


def test_a_size_that_is_really_too_large_is_tried_less_and_less_often(meter: Counts) -> None:
    """Once an hour in the end, whatever the sizes of batches."""
    receiver = Receiver("x", "y", meter)
    refused = []
    for second in range(0, 36_000, 15):
        sizes = cut(receiver, 100_000, float(second), 500_000 if second % 2 else 50_000)
        refused += [second] * sum(size > 100_000 for size in sizes)
    assert len([second for second in refused if second < 3600]) <= 16
    assert 4 <= len([second for second in refused if second > 18_000]) <= 5
    assert max(later - one for one, later in pairwise(refused)) <= GROW_LONGEST_S + 30


async def test_requests_grow_again_on_the_way(start: Start, meter: Counts) -> None:
    """After a proxy that took nothing for a while batches go out whole."""
    limit = 5000

    def small(request: Request) -> Say:
        return Say(413 if sum(map(len, request.lines)) > limit else 204)

    async with faulty(small) as receiver:
        influx = await start(receiver.url, Fast(1000), batch_points=200)
        points(influx, 200)
        await settled(influx, meter, 200)
        limit = 2**20
        written, end = 200, time.monotonic() + 10
        while len(receiver.requests[-1].lines) < 200:
            assert time.monotonic() < end
            points(influx, 200, written)
            written += 200
            await settled(influx, meter, written)
    assert meter.dropped() == 0
