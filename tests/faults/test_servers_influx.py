"""InfluxDB away for three days, and what the disk may do to the points that wait for it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import random
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from netmon.exporters import receiver as waits
from netmon.exporters.influx import DRAIN_POINTS_S, Clock, Influx
from netmon.exporters.outbox import Batch, Outbox
from netmon.settings import InfluxSettings
from tests.exporters.conftest import Counts, running, series, until
from tests.exporters.faulty import faulty
from tests.faults.matrix import size
from tests.peers import LOOPBACK, eventually, free_port, require
from tests.victoria import victoria

AT = 1_753_000_000
HOURS = 72
EVERY_S = size(600, 60)
DEVICES = size(8, 100)
OF_A_DEVICE = 5
OF_A_ROUND = DEVICES * OF_A_DEVICE
ROUNDS = HOURS * 3600 // EVERY_S
FAMILY = "netmon_temperature_celsius"


class Simulated:
    """A clock that stands still while the exporter works, and goes on when all of it waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self._turns = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._turns), woken))
        await woken

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: AT + self.now, self.sleep)

    async def go_on(self, seconds: float, rest: Callable[[], bool], look: Callable[[], None] = lambda: None) -> None:
        """Lets time pass; `look` after whatever was done at each of its moments."""
        end = self.now + seconds
        while True:
            await at_rest(rest)
            look()
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
            heapq.heapify(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > end:
                break
            self.now = self._sleepers[0][0]
            while self._sleepers and self._sleepers[0][0] <= self.now:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)
        self.now = end


async def at_rest(rest: Callable[[], bool]) -> None:
    """Until nothing is under way, and stays so while whoever was woken has had a turn."""
    quiet = 0
    while quiet < 4:
        await asyncio.sleep(0 if rest() else 0.0002)
        quiet = quiet + 1 if rest() else 0


class Province:
    """Polls on a grid, the exporter that is given them, its lives one after the other, and an account of every point."""

    def __init__(self, outbox: Path, meter: Counts, **settings: object) -> None:
        self.time, self.meter, self.outbox = Simulated(), meter, outbox
        self.port = free_port("tcp")
        where = {"url": f"http://{LOOPBACK}:{self.port}", "org": "noc", "bucket": "netmon", "every_s": float(EVERY_S)}
        self.settings = InfluxSettings(outbox=outbox, **where | settings)  # type: ignore[arg-type]
        self.known = [
            tuple(series(f"r{n}", FAMILY, sensor=f"t{part}") for part in range(OF_A_DEVICE)) for n in range(DEVICES)
        ]
        self.rounds = self.written = self.killed = 0
        self.largest = self.most_in_memory = 0
        self.start()

    def start(self) -> None:
        self.influx = Influx(self.settings, self.meter, self.time.clock)
        self._task = asyncio.create_task(self.influx.run_forever())

    async def stop(self) -> None:
        """In order, as at a restart of the service."""
        await self._end()
        await self.influx.close()

    async def kill(self) -> None:
        """As `kill -9` leaves it: what was in memory is gone, nothing is said to anybody, the lock is free."""
        await at_rest(self.rest)
        self.killed += self.influx.waiting_points - self.influx._outbox.points
        await self._end()
        self.influx._outbox.close()
        self.influx._disk.shutdown()
        await self.influx._api.close()

    async def _end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def rest(self) -> bool:
        influx = self.influx
        stuck = bool(influx._disk_failing)
        return influx._delivery is None and not influx._moving.locked() and (stuck or not influx._must_store())

    async def poll(self) -> None:
        """A round of polls, and the time until the next one."""
        for n, known in enumerate(self.known):
            texts = [str(self.rounds * 7 % 1000 + n + part) for part in range(OF_A_DEVICE)]
            self.influx.write(f"r{n}", known, texts, float(AT + self.rounds * EVERY_S))
        self.rounds += 1
        self.written += OF_A_ROUND
        await self.go_on(EVERY_S)

    async def go_on(self, seconds: float, look: Callable[[], None] = lambda: None) -> None:
        await self.time.go_on(seconds, self.rest, look)
        self.check()

    def check(self) -> None:
        """Every point is accounted for, disk and memory have their bounds."""
        influx, meter = self.influx, self.meter
        assert self.written == meter.accepted + meter.dropped() + influx.waiting_points + self.killed
        on_disk = sum(-(-entry.stat().st_size // 4096) * 4096 for entry in os.scandir(self.outbox) if ".block" in entry.name)
        assert on_disk == influx._outbox.bytes <= self.settings.outbox_bytes
        self.largest = max(self.largest, on_disk)
        self.most_in_memory = max(self.most_in_memory, influx._closed_bytes)


@asynccontextmanager
async def province(outbox: Path, meter: Counts, **settings: object) -> AsyncIterator[Province]:
    made = Province(outbox, meter, **settings)
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("NETMON_REQUIRE_PEERS") == "1" else pytest.skip)("only root mounts a file system")
    home = tmp_path / "disk"
    home.mkdir()
    subprocess.run([require("mount"), "-t", "tmpfs", "-o", f"size={size('24m', '900m')}", "netmon", home], check=True)
    try:
        yield home
    finally:
        subprocess.run([require("umount"), home], check=True)


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """In the short form a receiver that is away is asked ten times as rarely: that is what takes longest."""
    monkeypatch.setattr(waits, "LONGEST_WAIT_S", size(600.0, waits.LONGEST_WAIT_S))
    return Counts()


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.fault("influx-away")
async def test_of_three_days_without_influxdb_nothing_is_lost_that_the_outbox_has_room_for(
    small_disk: Path, tmp_path: Path, meter: Counts, measured: Callable[[str], None]
) -> None:
    """Netmon is restarted twice, killed twice, and its disk is full for two hours meanwhile. Then a real receiver has every
    point, with its own time, and was not run over."""
    ballast, before = small_disk / "ballast", 0
    async with province(small_disk / "outbox", meter) as away:
        for n in range(ROUNDS):
            hour, minute = divmod(n * EVERY_S, 3600)
            if minute == 0 and hour in (10, 50):
                await away.stop()
                away.start()
            if minute == 0 and hour in (20, 40):
                await away.kill()
                away.start()
            if minute == 0 and hour == 30:
                with suppress(OSError), ballast.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(4096))
            if minute == 0 and hour == 32:
                assert away.influx._disk_failing == {"put"}
                assert away.influx._closed_bytes
                ballast.unlink()
            if hour == 6 and minute == 0:
                before = resident()
            await away.poll()
        assert (meter.accepted, meter.dropped(), away.killed) == (0, 0, 0)
        assert meter.gauges["netmon_influx_reachable"] == 0
        grown = resident() - before
        assert grown < 64 * 2**20
        waiting, synced = away.influx.waiting_points, len(list((small_disk / "outbox").glob("*.block")))
        assert waiting == away.written
        assert synced <= ROUNDS + 8, "one commit a batch"

        server_home = tmp_path / "victoria"
        with victoria(server_home) as server:
            object.__setattr__(away.settings, "url", server.url)
            await away.kill()
            away.start()
            taken: list[tuple[float, int]] = []
            await away.go_on(waits.LONGEST_WAIT_S + 1, lambda: taken.append((away.time.now, meter.accepted)))
            assert away.influx.waiting_points == 0
            largest = max(after - before for (_, before), (_, after) in itertools.pairwise(taken))
            for (began, first), (ended, last) in itertools.combinations(taken[:: max(1, len(taken) // 200)], 2):
                assert last - first <= DRAIN_POINTS_S * (ended - began) + largest
            await away.poll()
            assert (meter.accepted, meter.dropped()) == (away.written, 0)

            def stored() -> dict | None:
                found = server.stored(FAMILY)
                return found if sum(map(len, found.values())) == away.written else None

            found = await asyncio.to_thread(eventually, stored, 60.0, every_s=0.3)
        times = {(AT + n * EVERY_S) * 1000 for n in range(away.rounds)}
        assert len(found) == OF_A_ROUND
        assert all(points.keys() == times for points in found.values())
        wanted = {(AT + n * EVERY_S) * 1000: float(n * 7 % 1000 + 3 + 2) for n in range(away.rounds)}
        [one] = [points for labels, points in found.items() if {("device", "r3"), ("sensor", "t2")} <= set(labels)]
        assert one == wanted
    measured(
        f"72 h, {away.written:,} points, 2 restarts, 3 kills, 2 h of full disk: 0 lost, {away.largest / 2**20:.0f} MiB of"
        f" disk, {grown / 2**20:.0f} MiB of memory more at the end than after 6 h"
    )


@pytest.mark.fault("influx-away")
async def test_of_three_days_without_influxdb_the_newest_are_kept_and_the_rest_is_counted(
    tmp_path: Path, meter: Counts, measured: Callable[[str], None]
) -> None:
    """A third of the room that all would need: exactly the oldest are gone, nothing sooner than it must, and only those."""
    room_bytes = ROUNDS // 3 * size(1, 17) * 4096
    lost_first = 0
    async with faulty() as receiver, province(tmp_path / "outbox", meter, outbox_bytes=room_bytes) as away:
        for n in range(ROUNDS):
            if n in (ROUNDS // 3, ROUNDS // 2):
                await away.kill()
                away.start()
            await away.poll()
            if meter.dropped() and not lost_first:
                lost_first = n
                assert away.largest > room_bytes - 4 * 2**20 // 100
        assert meter.dropped() == meter.dropped("overflow") > 0
        waiting = away.influx.waiting_points
        object.__setattr__(away.settings, "url", receiver.url)
        await away.stop()
        away.start()
        await away.go_on(waits.LONGEST_WAIT_S + 1)
        assert away.influx.waiting_points == 0
        assert (meter.accepted, meter.accepted + meter.dropped()) == (waiting, away.written)
    came = [int(line.rsplit(b" ", 1)[1]) // 10**9 for line in receiver.accepted]
    assert came == sorted(came), "oldest first"
    assert sorted(set(came)) == [AT + n * EVERY_S for n in range(ROUNDS - len(set(came)), ROUNDS)], (
        "the newest, without a gap"
    )
    measured(
        f"72 h with room for {waiting / away.written:.0%}: the oldest {meter.dropped('overflow'):,} of {away.written:,}"
        f" points dropped, from hour {lost_first * EVERY_S // 3600} on; the rest arrived in order"
    )


# --- a block that is not as it was written ---------------------------------------------------------------------------


def lines(number: int) -> bytes:
    line = b"netmon_temperature_celsius,device=r%d value=%d 1753000000000000000\n"
    return b"".join(line % (n, number) for n in range(50))


LINES = lines(2)


def places() -> dict[str, Callable[[Path], Path]]:
    """What may happen to a block, by name: each does it to a file, and says where that is then."""

    def flip(at: int) -> Callable[[Path], Path]:
        def do(path: Path) -> Path:
            content = bytearray(path.read_bytes())
            content[at] ^= 1 << random.randrange(8)
            path.write_bytes(content)
            return path

        return do

    def cut(length: int) -> Callable[[Path], Path]:
        return lambda path: (os.truncate(path, length), path)[1]

    def name(old: str, new: str) -> Callable[[Path], Path]:
        return lambda path: path.rename(path.with_name(path.name.replace(old, new)))

    header = {"magic": 0, "version": 7, "points": 11, "length": 15, "checksum": 19}
    whole = len(LINES) + 20
    flips = {f"a flipped bit of the {part}": flip(at) for part, at in header.items()}
    flips |= {f"a flipped bit {at} from the end": flip(-at) for at in (1, len(LINES) // 2, len(LINES))}
    cuts = {f"{length} bytes left": cut(length) for length in (0, 3, 19, 20, 21, whole - 1)}
    names = {
        "another number of points in its name": name("2-50.", "2-51."),
        "a letter in its name": name("02-50", "0r-50"),
        "another ending": name(".block", ".bloco"),
        "the name of its neighbour": name("02-50", "01-40"),
    }
    return {**flips, **cuts, **names}


PLACES = places()
SET_ASIDE = "a block of the outbox for InfluxDB is damaged and set aside"


@pytest.mark.fault("influx-block-damaged")
async def test_one_damaged_block_is_set_aside_and_counted_and_all_others_arrive(
    tmp_path: Path, measured: Callable[[str], None]
) -> None:
    """In the header, the body and the name of the file, cut short and empty."""
    async with faulty() as receiver:
        for what, damage in PLACES.items():
            meter, home = Counts(), tmp_path / what.replace(" ", "-")
            outbox = Outbox(home, 2**20, meter)
            for number in (1, 2, 3):
                outbox.put(Batch(number, 50, lines(number)))
            outbox.close()
            bad = damage(home / f"{2:020}-50.block")
            content, receiver.accepted = bad.read_bytes(), []
            with capture_logs() as logs:
                where = InfluxSettings(url=receiver.url, org="o", bucket="b", outbox=home)
                async with running(Influx(where, meter)) as influx:
                    await until(lambda meter=meter, influx=influx: meter.accepted == 100 and not influx.waiting_points)
            assert receiver.accepted == (lines(1) + lines(3)).splitlines(), what
            name = re.search(r"-(\d+)\.", bad.name)
            assert meter.dropped() == meter.dropped("damaged") == int(name[1]), what
            assert bad.with_suffix(".damaged").read_bytes() == content, what
            assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [SET_ASIDE], what
    measured(f"{len(PLACES)} damages to header, body, length and name: each set aside alone and counted, all others arrived")


@pytest.mark.fault("influx-block-damaged")
def test_no_bit_of_a_block_can_turn_unseen(tmp_path: Path, measured: Callable[[str], None]) -> None:
    """What was set aside is not counted again at the next start."""
    home, good = tmp_path / "outbox", Batch(2, 50, lines(2))
    for number in (1, 2):
        writer = Outbox(home, 2**20, Counts())
        writer.put(Batch(number, 50, lines(number)))
        writer.close()
    block = home / f"{1:020}-50.block"
    content = block.read_bytes()
    bits = range(0, len(content) * 8, size(97, 1))
    for bit in bits:
        turned = bytearray(content)
        turned[bit // 8] ^= 1 << bit % 8
        block.write_bytes(turned)
        meter = Counts()
        with capture_logs() as logs:
            outbox = Outbox(home, 2**20, meter)
            assert outbox.take() == good, bit
            outbox.close()
        assert (meter.dropped("damaged"), [entry["event"] for entry in logs]) == (50, [SET_ASIDE])
    again = Outbox(home, 2**20, meter := Counts())
    assert (again.take(), meter.dropped()) == (good, 0)
    again.close()
    measured(f"{len(bits):,} of {len(content) * 8:,} bits of a block turned, one at a time: all seen")
