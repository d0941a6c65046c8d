"""Points arrive or are accounted for, whatever the receiver answers."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from netmon.credential import Secret
from netmon.exporters import influx as room
from netmon.exporters.influx import Influx
from netmon.exporters.lines import Lines
from netmon.exporters.outbox import Batch, Outbox
from netmon.settings import InfluxApi, InfluxSettings
from tests.effort import examples
from tests.exporters.conftest import Counts, Fast, Start, running, series, until
from tests.exporters.faulty import CUT, HANG, Faulty, Request, Say, faulty

AT = 1_753_000_000.0
BOTH = pytest.mark.parametrize("api", [InfluxApi.V2, InfluxApi.V1])


def points(influx: Influx, count: int, first: int = 0) -> list[bytes]:
    """Writes points, each of a time of its own, and returns their lines."""
    written = (
        (series("r1"),) * count,
        [str(n) for n in range(first, first + count)],
        [AT + n for n in range(first, first + count)],
    )
    influx.write("r1", *written)
    return Lines().render("r1", *written)[0].splitlines()


def script(*says: Say | Callable[[Request], Say]) -> Callable[[Request], Say]:
    """Answers one after the other, and then accepts everything."""
    left = list(says)

    def answer(request: Request) -> Say:
        say = left.pop(0) if left else Say(204)
        return say if isinstance(say, Say) else say(request)

    return answer


async def settled(influx: Influx, meter: Counts, written: int) -> None:
    """Waits until nothing waits, and asserts that every point has been accounted for."""
    await until(lambda: meter.accepted + meter.dropped() >= written and influx.waiting_points == 0)
    assert meter.accepted + meter.dropped() == written


@BOTH
@pytest.mark.parametrize("gzip", [False, True])
async def test_batches_go_out_when_full_or_in_time(start: Start, meter: Counts, api: InfluxApi, gzip: bool) -> None:
    """As one request each, lines as written, with what the API asks for and the secret in the header alone."""
    who = {"token": Secret("t0ken"), "user": "netmon", "password": Secret("pä:ss"), "retention_policy": "a year"}
    async with faulty() as receiver:
        influx = await start(receiver.url + "/", api=api, gzip=gzip, batch_points=100, every_s=300.0, **who)
        lines = points(influx, 250)
        await settled(influx, meter, 250)
    assert [len(request.lines) for request in receiver.requests] == [100, 100, 50]
    assert receiver.accepted == lines
    for request in receiver.requests:
        if api is InfluxApi.V2:
            assert request.target == "/api/v2/write?org=netmon&bucket=netmon&precision=ns"
            assert request.headers["authorization"] == "Token t0ken"
        else:
            assert request.target == "/write?db=netmon&precision=ns&rp=a+year"
            assert request.headers["authorization"] == "Basic " + base64.b64encode("netmon:pä:ss".encode()).decode()
        assert ("content-encoding" in request.headers) == gzip
    assert meter.writes() == {"ok": 3}
    assert meter.gauges["netmon_influx_reachable"] == 1


@BOTH
@pytest.mark.parametrize("status", [401, 403, 404, 302])
async def test_a_refusal_is_kept_and_told_once(start: Start, meter: Counts, api: InfluxApi, status: int) -> None:
    """Only an operator can mend it; it is asked again every 30 s, and said what to look at, never with a secret."""
    fast = Fast()
    no = Say(status, {"Location": "/login"}, '{"code":"unauthorized","message":"no access for s3cret"}')
    with capture_logs() as logs:
        async with faulty(script(*[no] * 4)) as receiver:
            who = {"token": Secret("s3cret"), "user": "u", "password": Secret("s3cret")}
            influx = await start(receiver.url, fast, api=api, batch_points=10, **who)
            lines = points(influx, 25)
            await until(lambda: meter.writes().get("refused") == 2)
            assert (meter.gauges["netmon_influx_reachable"], meter.accepted) == (0, 0)
            await settled(influx, meter, 25)
            assert receiver.accepted == lines
            points(influx, 10, 100)
            await settled(influx, meter, 35)
    told = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["event"] for entry in told] == ["InfluxDB refuses what netmon writes"]
    assert told[0]["status"] == status
    assert told[0]["check"]
    assert "s3cret" not in str(logs)
    assert [entry["event"] for entry in logs if entry["log_level"] == "info"] == ["InfluxDB takes points again"]
    assert fast.waits.count(30.0) == 4


@BOTH
async def test_of_a_partial_write_the_bad_points_are_counted_and_the_batch_goes_on(
    start: Start, meter: Counts, api: InfluxApi
) -> None:
    def all_but_three(request: Request) -> Say:
        body = '{"error":"partial write: field type conflict … dropped=3"}'
        return Say(400 if api is InfluxApi.V1 else 422, {}, body, keeps=request.lines[3:])

    with capture_logs() as logs:
        async with faulty(script(all_but_three)) as receiver:
            influx = await start(receiver.url, api=api, batch_points=10)
            lines = points(influx, 20)
            await settled(influx, meter, 20)
    assert receiver.accepted == lines[3:]
    assert (meter.accepted, meter.dropped("rejected")) == (17, 3)
    assert meter.writes() == {"rejected": 1, "ok": 1}
    [told] = logs
    assert told["event"] == "InfluxDB rejects points"


@BOTH
async def test_of_a_write_rejected_whole_only_the_bad_lines_are_lost(start: Start, meter: Counts, api: InfluxApi) -> None:
    bad = {b" value=13 ", b" value=77 "}

    def strict(request: Request) -> Say:
        rejects = any(word in line for line in request.lines for word in bad)
        return Say(400, {}, '{"code":"invalid","message":"unable to parse"}') if rejects else Say(204)

    with capture_logs() as logs:
        async with faulty(strict) as receiver:
            influx = await start(receiver.url, api=api, batch_points=100)
            lines = points(influx, 100)
            await settled(influx, meter, 100)
    assert receiver.accepted == [line for line in lines if not any(word in line for word in bad)]
    assert meter.dropped("rejected") == 2
    [told] = logs
    assert told["sample"].encode() in lines


async def test_a_batch_that_is_too_large_is_cut_and_the_next_one_at_once(start: Start, meter: Counts) -> None:
    def small(request: Request) -> Say:
        return Say(413 if len(b"\n".join(request.lines)) > 8000 else 204)

    async with faulty(small) as receiver:
        influx = await start(receiver.url, Fast(1.0), batch_points=200)
        lines = points(influx, 400)
        await settled(influx, meter, 400)
    assert receiver.accepted == lines
    assert meter.writes()["too_large"] == 2
    assert meter.dropped() == 0


@pytest.mark.parametrize(
    ("say", "waited"),
    [
        (Say(429, {"Retry-After": "120"}), 120.0),
        (Say(503, {"Retry-After": "Sun, 20 Jul 2025 08:30:00 GMT"}), 200.0),
        (Say(503, {"Retry-After": "999999"}), 3600.0),
        (Say(503, {"Retry-After": "0"}), 1.0),
    ],
)
async def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(
    start: Start, meter: Counts, say: Say, waited: float
) -> None:
    fast = Fast(20_000)
    async with faulty(script(say, say)) as receiver:
        influx = await start(receiver.url, fast, batch_points=10, every_s=33.0)
        lines = points(influx, 15)
        await settled(influx, meter, 15)
    assert receiver.accepted == lines
    assert fast.waits.count(waited) == 2
    assert meter.writes() == {"busy": 2, "ok": 2}


@BOTH
@pytest.mark.parametrize("say", [Say(500), Say(503), Say(HANG), Say(CUT)])
async def test_a_receiver_that_fails_is_waited_for_longer_and_longer(
    start: Start, meter: Counts, api: InfluxApi, say: Say
) -> None:
    """From 1 s to 60 s, and from 1 s again the next time; told when it begins and when it is over."""
    fast = Fast(20_000)
    tries = 2 if say.status == HANG else 9
    with capture_logs() as logs:
        async with faulty(script(*[say] * tries, Say(204), say)) as receiver:
            influx = await start(receiver.url, fast, api=api, batch_points=10, every_s=333.0, timeout_s=0.1)
            lines = points(influx, 10)
            await settled(influx, meter, 10)
            lines += points(influx, 10, 10)
            await settled(influx, meter, 20)
    assert receiver.accepted == lines
    assert meter.accepted == 20
    waits = [wait for wait in fast.waits if 0 < wait <= 60]
    longest = [*(min(60, 2**n) for n in range(tries)), 1]
    assert all(full / 2 <= wait <= full for wait, full in zip(waits, longest, strict=True))
    assert [entry["event"] for entry in logs] == ["InfluxDB takes no points", "InfluxDB takes points again"] * 2


async def test_while_the_receiver_is_away_everything_is_on_disk_and_comes_in_order(
    start: Start, meter: Counts, tmp_path: Path
) -> None:
    """Also over a restart of netmon; memory holds no more than the open batch."""
    async with faulty() as receiver:
        url = receiver.url
    settings = InfluxSettings(url=url, org="o", bucket="b", batch_points=10, outbox=tmp_path / "outbox")
    first = Influx(settings, meter, Fast().clock)
    async with running(first):
        lines = points(first, 95)
        await until(lambda: first._outbox.points >= 90)
    port = int(url.rpartition(":")[2])
    second = Influx(settings, meter, Fast().clock)
    assert second.waiting_points == 95
    async with faulty(port=port) as receiver, running(second):
        lines += points(second, 30, 95)
        await settled(second, meter, 125)
        await until(lambda: meter.gauges["netmon_influx_waiting_bytes"] == 0)
    assert receiver.accepted == lines
    assert os.listdir(settings.outbox) == ["lock"]


async def test_a_receiver_that_hangs_does_not_fill_memory_nor_hold_up_a_write(start: Start, meter: Counts) -> None:
    """While one request waits for its answer, batches go to the outbox."""
    async with faulty(script(Say(HANG))) as receiver:
        influx = await start(receiver.url, batch_points=100, timeout_s=0.5, outbox_bytes=2**24)
        lines = []
        for n in range(50):
            lines += points(influx, 100, n * 100)
        await until(lambda: influx._outbox.points >= 4700)
        assert not meter.writes()
        await settled(influx, meter, 5000)
    assert receiver.accepted == lines


@pytest.mark.fault("influx-away")
async def test_the_oldest_points_go_when_the_outbox_is_full(start: Start, meter: Counts) -> None:
    say = Say(500)
    async with faulty(lambda _: say) as receiver:
        influx = await start(receiver.url, batch_points=10, outbox_bytes=5 * 4096)
        lines = points(influx, 10)
        await until(lambda: influx._outbox.points == 10)
        for n in range(1, 20):
            lines += points(influx, 10, n * 10)
            await until(lambda: not influx._closed)
        await until(lambda: meter.dropped("overflow") >= 140)
        say = Say(204)
        await settled(influx, meter, 200)
    assert receiver.accepted == [line for line in lines if line in receiver.accepted]
    assert receiver.accepted[-40:] == lines[-40:]  # before them may stand one that was being sent


@pytest.mark.fault("influx-away")
async def test_a_full_disk_stops_nothing(start: Start, meter: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points wait in memory, to a bound; the oldest beyond it are counted, and the rest arrives, with what the disk had
    before. It is told once."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(room, "MEMORY_BYTES", 20_000)
    say = Say(500)
    with capture_logs() as logs:
        async with faulty(lambda _: say) as receiver:
            influx = await start(receiver.url, batch_points=10)
            lines = points(influx, 10)
            await until(lambda: influx._outbox.points == 10)
            monkeypatch.setattr(os, "fsync", full)
            lines += points(influx, 10, 10)
            tries = meter.writes()["failed"]
            await until(lambda: meter.writes()["failed"] >= tries + 2)
            lines += points(influx, 480, 20)
            assert meter.dropped("disk") > 300
            say = Say(204)
            await settled(influx, meter, 500)
    assert receiver.accepted == [line for line in lines if line in receiver.accepted]
    assert receiver.accepted[:10] == lines[:10]
    assert receiver.accepted[-60:] == lines[-60:]
    assert [entry["event"] for entry in logs].count("the outbox for InfluxDB fails") == 1


async def test_a_damaged_block_is_set_aside_and_the_rest_arrives(
    meter: Counts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BLOCK_BYTES", 0)
    settings = InfluxSettings(url="http://127.0.0.1:9", org="o", bucket="b", batch_points=10, outbox=tmp_path / "outbox")
    first = Influx(settings, meter, Fast().clock)
    lines = points(first, 30)
    await first.close()
    [damaged] = settings.outbox.glob("*2-10.block")
    damaged.write_bytes(b"netmon" + damaged.read_bytes()[7:])
    async with faulty() as receiver:
        second = Influx(replace(settings, url=receiver.url), meter, Fast().clock)
        async with running(second):
            await settled(second, meter, 30)
    assert receiver.accepted == lines[:10] + lines[20:]
    assert meter.dropped("damaged") == 10
    assert [path.suffix for path in settings.outbox.iterdir() if path.name != "lock"] == [".damaged"]


async def test_netmon_stops_in_time_and_leaves_what_it_could_not_send(
    start: Start, meter: Counts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the receiver does not take within two seconds lies in the outbox."""
    monkeypatch.setattr(room, "CLOSE_S", 0.1)
    async with faulty(lambda _: Say(HANG)) as receiver:
        settings = InfluxSettings(url=receiver.url, org="o", bucket="b", batch_points=10, outbox=tmp_path / "outbox")
        influx = Influx(settings, meter, Fast().clock)
        async with running(influx):
            points(influx, 35)
            await until(lambda: receiver.requests)
            began = time.monotonic()
        assert time.monotonic() - began < 2
    again = Influx(settings, meter, Fast().clock)
    assert (again.waiting_points, meter.accepted, meter.dropped()) == (35, 0, 0)
    await again.close()


async def test_a_stop_while_a_block_is_written_neither_loses_nor_doubles_it(
    meter: Counts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    real = Outbox.put

    def slow(outbox: Outbox, batch: Batch) -> None:
        begun.set()
        assert go_on.wait(10)
        real(outbox, batch)

    monkeypatch.setattr(Outbox, "put", slow)
    hang = [Say(HANG)]
    async with faulty(lambda _: hang.pop() if hang else Say(204)) as receiver:
        settings = InfluxSettings(url=receiver.url, org="o", bucket="b", batch_points=10, outbox=tmp_path / "outbox")
        influx = Influx(settings, meter, Fast().clock)
        async with running(influx):
            lines = points(influx, 10)
            await until(lambda: receiver.requests)
            lines += points(influx, 50, 10)
            await until(begun.is_set)
            asyncio.get_running_loop().call_later(0.05, go_on.set)
    assert (meter.accepted, meter.dropped()) == (60, 0)
    assert sorted(receiver.accepted) == sorted(lines)


async def test_the_last_points_are_sent_when_netmon_stops(meter: Counts, tmp_path: Path) -> None:
    async with faulty() as receiver:
        influx = Influx(InfluxSettings(url=receiver.url, org="o", bucket="b", outbox=tmp_path), meter)
        async with running(influx):
            lines = points(influx, 7)
    assert receiver.accepted == lines
    assert os.listdir(tmp_path) == ["lock"]


async def test_a_stop_does_not_ask_a_receiver_that_wants_to_be_left_alone(meter: Counts, tmp_path: Path) -> None:
    settings = InfluxSettings(url="", org="o", bucket="b", batch_points=10, outbox=tmp_path / "outbox")
    async with faulty(lambda _: Say(429, {"Retry-After": "3600"})) as receiver:
        influx = Influx(replace(settings, url=receiver.url), meter, Fast().clock)
        async with running(influx):
            points(influx, 25)
            await until(lambda: meter.writes() == {"busy": 1})
    assert len(receiver.requests) == 1
    again = Influx(settings, meter)
    assert again.waiting_points == 25
    await again.close()


async def test_what_cannot_be_configured_is_one_sentence(meter: Counts, tmp_path: Path) -> None:
    """And no secret is part of a name for people."""
    with pytest.raises(OSError, match=r"ca\.pem: no certificates"):
        Influx(InfluxSettings(url="https://x", outbox=tmp_path, ca=tmp_path / "ca.pem"), meter)
    influx = Influx(InfluxSettings(url="http://u:s3cret@h:8086", org="o", bucket="b", outbox=tmp_path), meter)
    assert influx.where == "bucket b of o at http://h:8086"
    with pytest.raises(OSError, match="another netmon"):
        Influx(InfluxSettings(url="http://x", outbox=tmp_path), meter)
    await influx.close()


@hypothesis_settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.sampled_from([Say(204), Say(401), Say(500), Say(503), Say(CUT), Say(429, {"Retry-After": "3"}), Say(413)]),
            st.just(Say(400, {}, '{"error":"unable to parse"}')),
            st.just(Say(400, {}, '{"error":"partial write: dropped=2"}')),
            st.just(Say(400, {}, "a proxy has no words for it")),
        ),
        max_size=12,
    ),
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.integers(0, 6),
)
def test_no_script_of_answers_makes_points_appear_or_vanish(
    tmp_path_factory: pytest.TempPathFactory, says: list[Say], amounts: list[int], restart: int
) -> None:
    """Accepted, dropped by reason and waiting are all that was written, at every restart and at the end."""
    asyncio.run(_live(tmp_path_factory.mktemp("outbox"), says, amounts, restart))


async def _live(outbox: Path, says: list[Say], amounts: list[int], restart: int) -> None:
    meter = Counts()
    written = 0

    def keep(say: Say) -> Callable[[Request], Say]:
        return lambda request: Say(say.status, say.headers, say.body, request.lines[2:] if "dropped=2" in say.body else ())

    receiver: Faulty
    async with faulty(script(*[keep(say) for say in says])) as receiver:
        settings = InfluxSettings(url=receiver.url, org="o", bucket="b", batch_points=20, outbox=outbox)
        influx = Influx(settings, meter, Fast(50_000).clock)
        for n, amount in enumerate(amounts):
            if n == restart and written:
                async with running(influx):
                    await until(lambda: receiver.requests)
                influx = Influx(settings, meter, Fast(50_000).clock)
                assert meter.accepted + meter.dropped() + influx.waiting_points == written
            points(influx, amount, written)
            written += amount
        async with running(influx):
            await settled(influx, meter, written)
    if not 0 < restart < len(amounts):  # a request that was cut off by the stop may have arrived, and is sent again
        assert len(receiver.accepted) == meter.accepted
    assert len(set(receiver.accepted)) >= meter.accepted
