"""The outbox loses nothing without counting it, whatever happens to its disk and whenever netmon dies."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from netmon.exporters.outbox import Batch, Outbox
from tests.effort import examples
from tests.exporters.conftest import Counts

LIMIT = 40 * 4096


def batch(number: int, points: int = 10, size: int = 1000) -> Batch:
    return Batch(number, points, f"{number}:".encode().ljust(size, b"x"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


class Life(RuleBasedStateMachine):
    """Puts, takes, partial sends, damage, full directories and deaths, against a list of what must still be there."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.meter = Counts()
        self.outbox = Outbox(self.home, LIMIT, self.meter)
        self.written = self.arrived = 0
        self.number = 0
        self.damaged: set[int] = set()
        self.known: dict[int, Batch] = {}

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.home)

    @rule(points=st.integers(1, 5000), size=st.integers(1, 30_000))
    def put(self, points: int, size: int) -> None:
        self.number += 1
        self.damaged.discard(self.number)
        self.known[self.number] = batch(self.number, points, size)
        self.written += points
        before = self.waiting()
        self.outbox.put(self.known[self.number])
        after = self.waiting()
        assert self.number in after
        assert not before - after or max(before - after) < min(after), "only the oldest are dropped"

    @precondition(lambda self: self.number > 1)
    @rule(points=st.integers(1, 5000))
    def put_one_that_failed_before_newer_ones(self, points: int) -> None:
        """Its number says where it stands."""
        free = [number for number in range(1, self.number) if number not in self.waiting()]
        if free:
            self.damaged.discard(free[-1])
            self.known[free[-1]] = batch(free[-1], points)
            self.written += points
            self.outbox.put(self.known[free[-1]])

    @rule(share=st.sampled_from(["all", "none", "half"]))
    def send_the_oldest(self, share: str) -> None:
        before = sorted(self.waiting())
        taken = self.outbox.take()
        whole = [number for number in before if number not in self.damaged]
        assert (taken.number if taken else None) == (whole[0] if whole else None)
        if taken is None:
            return
        assert taken == self.known[taken.number]
        if share == "all":
            self.outbox.remove(taken.number)
            self.arrived += taken.points
        elif share == "half" and taken.points > 1:
            left = Batch(taken.number, taken.points // 2, taken.lines[: len(taken.lines) // 2])
            self.known[taken.number] = left
            self.outbox.put(left)
            self.arrived += taken.points - left.points
        self.outbox.release()

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """A bit flips, the end is missing, or all is zeros."""
        number = data.draw(st.sampled_from(sorted(self.waiting())))
        [path] = self.home.glob(f"{number:020}-*.block")
        content = bytearray(path.read_bytes())
        match data.draw(st.sampled_from(["bit", "end", "zeros"])):
            case "bit" if number not in self.damaged:
                content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
                path.write_bytes(content)
            case "end" if content:
                os.truncate(path, data.draw(st.integers(0, len(content) - 1)))
            case _:
                path.write_bytes(bytes(len(content)))
        self.damaged.add(number)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.home, LIMIT, self.meter)
        self.known = {number: self.known[number] for number in self.waiting()}
        self.number = self.outbox.newest

    @rule(torn=st.binary(max_size=100))
    def die_while_writing(self, torn: bytes) -> None:
        """`kill -9` before a block got its name."""
        (self.home / f"{self.number + 1:020}-7.tmp").write_bytes(torn)
        self.restart()

    def waiting(self) -> set[int]:
        return {int(path.name[:20]) for path in self.home.glob("*.block")}

    @invariant()
    def every_point_is_accounted_for(self) -> None:
        assert self.written == self.arrived + self.meter.dropped() + self.outbox.points
        assert self.meter.dropped() == self.meter.dropped("overflow", "damaged")

    @invariant()
    def the_disk_is_bounded(self) -> None:
        assert self.outbox.bytes <= LIMIT
        on_disk = sum(-(-path.stat().st_size // 4096) * 4096 for path in self.home.glob("*.block"))
        assert on_disk <= LIMIT
        assert not list(self.home.glob("*.tmp"))
        assert len(list(self.home.glob("*.damaged"))) <= 8
        assert self.meter.gauges["netmon_influx_waiting_bytes"] == self.outbox.bytes

    @invariant()
    def it_knows_what_it_has(self) -> None:
        assert bool(self.outbox) == bool(self.waiting())
        assert self.outbox.newest == max(self.waiting(), default=0)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=examples(60), stateful_step_count=40)


@pytest.mark.fault("influx-block-damaged")
@pytest.mark.parametrize(
    "damage",
    [
        lambda block: block[:-1] + bytes([block[-1] ^ 1]),
        lambda block: block[:9] + bytes([block[9] ^ 1]) + block[10:],
        lambda block: block[:-1],
        lambda block: block + b"x",
        lambda block: bytes(len(block)),
        lambda block: block[:10],
        lambda block: b"",
        lambda block: block[:7] + b"\x02" + block[8:],
    ],
    ids=["line", "points", "short", "long", "zeros", "header", "empty", "version"],
)
def test_a_block_that_is_not_as_it_was_written_is_never_sent(
    home: Path, meter: Counts, damage: Callable[[bytes], bytes]
) -> None:
    """It is counted and set aside, as it is, for people to look at; the next one is sent."""
    outbox = Outbox(home, LIMIT, meter)
    outbox.put(batch(1))
    outbox.put(batch(2))
    path = home / f"{1:020}-10.block"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    assert outbox.take() == batch(2)
    assert meter.dropped("damaged") == 10
    assert path.with_suffix(".damaged").read_bytes() == damaged
    outbox.close()


def test_what_is_being_sent_is_not_dropped_to_make_room(home: Path, meter: Counts) -> None:
    """It may have arrived: it would be counted twice."""
    outbox = Outbox(home, 3 * 4096, meter)
    for number in (1, 2, 3):
        outbox.put(batch(number))
    assert outbox.take() == batch(1)
    outbox.put(batch(4))
    assert meter.dropped("overflow") == 10
    outbox.remove(1)
    assert outbox.take() == batch(3)
    outbox.close()


def test_a_batch_larger_than_the_outbox_is_dropped_itself(home: Path, meter: Counts) -> None:
    """It does not sweep out all the others first."""
    outbox = Outbox(home, 3 * 4096, meter)
    outbox.put(batch(1))
    outbox.put(batch(2, points=7, size=4 * 4096))
    assert (meter.dropped("overflow"), outbox.points, outbox.take()) == (7, 10, batch(1))
    outbox.close()


def test_two_netmons_do_not_share_an_outbox(home: Path, meter: Counts) -> None:
    """The second one is told, and leaves all as it was; the directory is free when the first has gone, however it went."""
    first = Outbox(home, LIMIT, meter)
    first.put(batch(1))
    with pytest.raises(OSError, match="another netmon keeps its outbox"):
        Outbox(home, LIMIT, meter)
    first.close()
    second = Outbox(home, LIMIT, meter)
    assert second.take() == batch(1)
    second.close()


def test_a_directory_that_cannot_be_used_is_one_sentence(tmp_path: Path, meter: Counts) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/outbox: the outbox for InfluxDB cannot be there: Not a directory"):
        Outbox(tmp_path / "file" / "outbox", LIMIT, meter)


def test_a_disk_that_does_not_take_a_block_leaves_the_outbox_as_it_was(
    home: Path, meter: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is counted as lost, for the caller still has the batch; no draft stays behind."""
    outbox = Outbox(home, LIMIT, meter)
    outbox.put(batch(1))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            outbox.put(batch(2))
    assert (outbox.points, meter.dropped()) == (10, 0)
    assert [path.name for path in sorted(home.iterdir())] == [f"{1:020}-10.block", "lock"]
    outbox.put(batch(2))
    assert outbox.points == 20
    outbox.close()


def test_files_that_were_deleted_are_counted_and_do_not_stop_the_rest(home: Path, meter: Counts) -> None:
    """Told once, however many they are."""
    outbox = Outbox(home, LIMIT, meter)
    for number in (1, 2, 3):
        outbox.put(batch(number))
    for number in (1, 2):
        next(home.glob(f"*{number}-10.block")).unlink()
    with capture_logs() as logs:
        assert outbox.take() == batch(3)
    assert meter.dropped("damaged") == 20
    assert [entry["event"] for entry in logs] == ["blocks of the outbox for InfluxDB are gone"]
    outbox.close()


@pytest.mark.parametrize("moved", [False, True])
def test_a_directory_that_was_removed_is_made_anew(home: Path, meter: Counts, moved: bool) -> None:
    """With a lock of its own, by the next write; what lay in it is counted, but for what is being sent, once."""
    outbox = Outbox(home, LIMIT, meter)
    for number in (1, 2, 3):
        outbox.put(batch(number))
    assert outbox.take() == batch(1)
    home.rename(home.with_name("elsewhere")) if moved else shutil.rmtree(home)
    outbox.put(batch(4))
    assert (meter.dropped("damaged"), outbox.points) == (20, 20)
    with pytest.raises(OSError, match="another netmon"):
        Outbox(home, LIMIT, meter)
    outbox.remove(1)
    assert outbox.take() == batch(4)
    assert (meter.dropped(), outbox.points) == (20, 10)
    outbox.close()
    again = Outbox(home, LIMIT, meter)
    assert again.take() == batch(4)
    again.close()


def test_a_batch_whose_file_went_while_it_was_being_sent_is_counted_when_it_did_not_arrive(
    home: Path, meter: Counts
) -> None:
    outbox = Outbox(home, LIMIT, meter)
    outbox.put(batch(1))
    outbox.take()
    shutil.rmtree(home)
    outbox.put(batch(2))
    outbox.release()
    assert outbox.take() == batch(2)
    assert meter.dropped("damaged") == 10
    outbox.close()


def test_a_directory_that_another_netmon_has_made_is_left_to_it(home: Path, meter: Counts) -> None:
    """One sentence, and the batch stays with the caller."""
    outbox = Outbox(home, LIMIT, meter)
    home.rename(home.with_name("elsewhere"))
    other = Outbox(home, LIMIT, meter)
    with pytest.raises(OSError, match="another netmon keeps its outbox"):
        outbox.put(batch(1))
    assert os.listdir(home) == ["lock"]
    other.close()
    outbox.put(batch(1))
    assert outbox.take() == batch(1)
    outbox.close()


@pytest.mark.fault("influx-away")
def test_what_was_put_outlives_kill_9(home: Path, meter: Counts) -> None:
    """A child puts blocks until it is killed between any two instructions; each that it had finished is there, whole."""
    code = """
import sys
from pathlib import Path
from netmon.exporters.outbox import Batch, Outbox
class Nobody:
    def count(self, *a, **k): pass
    gauge = observe = count
outbox = Outbox(Path(sys.argv[1]), 2**30, Nobody())
for number in range(1, 10**6):
    outbox.put(Batch(number, 3, b"x" * 100_000))
    print(number, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(20):
            finished = int(child.stdout.readline())
        child.kill()
        finished = max([finished, *(int(line) for line in child.stdout if line.endswith(b"\n"))])
    outbox = Outbox(home, 2**30, meter)
    found = []
    while (one := outbox.take()) is not None:
        found.append(one.number)
        assert (one.points, one.lines) == (3, b"x" * 100_000)
        outbox.remove(one.number)
    assert found in (list(range(1, finished + 1)), list(range(1, finished + 2)))
    assert meter.dropped() == 0
    outbox.close()
