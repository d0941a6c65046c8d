"""The power fails: what was not synced is gone, whatever the program was told."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netmon.exporters.outbox import Outbox
from netmon.store import Store
from tests.faults.disks import Ext4
from tests.faults.matrix import ROOT, size
from tests.faults.stored import A_SLOT, K0, Meter, is_sound, rows

CHILD = """
    import sys
    from pathlib import Path
    from netmon.model import Subject
    from netmon.exporters.outbox import Batch, Outbox
    from netmon.store import Store, writer
    from tests.faults.stored import K0, Meter, put_slot

    if sys.argv[2] == "careless":
        writer._sync = lambda journal: None
    turn, path = 0, Path(sys.argv[1])
    box = Outbox(path.with_name("outbox"), 16 * 2**20, Meter())
    with Store.open(path, Meter()) as store:
        while True:
            for _ in range(20):
                put_slot(store, "lk-0", K0 + turn)
                store.begin_span(Subject("link", "lk-0"), "down" if turn % 2 else "up", (K0 + turn) * 300.0)
                turn += 1
            if turn % 200 == 0:
                store.fold((K0 + turn) * 300.0)
            box.put(Batch(turn, 20, b"line 1 1\\n" * 20))
            store.settle(30)
            print(turn, flush=True)
"""


@contextmanager
def writing(path: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """A netmon's store that is written to, and says how much is acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(path), how],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def cuts(home: Path, how: str, times: int, seed: int) -> Iterator[tuple[int, Ext4, Path]]:
    """Cuts the power at random moments: what was acknowledged, the disk, and what was left on it."""
    dice, disk = random.Random(seed), Ext4(home, 96)
    with disk.mounted() as place, writing(place / "netmon.db", how) as child:
        assert child.stdout is not None
        for _ in range(times):
            for _ in range(dice.randrange(1, 30)):
                acknowledged = int(child.stdout.readline())
            # Nothing is written while it is copied, as nothing is when there is no power.
            child.send_signal(signal.SIGSTOP)
            os.waitpid(child.pid, os.WUNTRACED)
            left = disk.cut()
            child.send_signal(signal.SIGCONT)
            yield acknowledged, disk, left


@pytest.mark.fault("power-cut")
def test_what_was_acknowledged_outlasts_a_power_cut(tmp_path: Path, measured: Callable[[str], None]) -> None:
    """The file is sound, no slot is there twice, the counter stands where the octets end; netmon goes on from there."""
    times, least = size(4, 25), 0
    for acknowledged, disk, left in cuts(tmp_path, "careful", times, 9):
        with disk.after(left) as place:
            path = place / "netmon.db"
            Store.open(path, Meter()).close()
            assert is_sound(path)
            ((slots,),) = rows(path, "SELECT (SELECT count(*) FROM slot) + (SELECT ifnull(sum(slots), 0) FROM day)")
            ((total,),) = rows(
                path, "SELECT (SELECT ifnull(sum(receive), 0) FROM slot) + (SELECT ifnull(sum(receive), 0) FROM day)"
            )
            ((stands,),) = rows(path, "SELECT json_extract(body, '$[0][0]') FROM baseline ORDER BY id DESC LIMIT 1")
            ((newest,),) = rows(path, "SELECT max(since) FROM span")
            assert slots >= acknowledged
            assert total == stands == slots * A_SLOT
            assert newest == (K0 + slots - 1) * 300.0
            box = Outbox(place / "outbox", 16 * 2**20, Meter())
            assert box.newest >= acknowledged
            while (batch := box.take()) is not None:
                box.remove(batch.number)
            box.close()
            assert list((place / "outbox").glob("*.damaged")) == []
            least = max(least, acknowledged)
    measured(f"{times} power cuts, up to {least} slots acknowledged before: all there, none twice, every file sound.")


@pytest.mark.fault("power-cut")
def test_the_power_cuts_of_this_test_do_lose_what_is_not_synced(tmp_path: Path) -> None:
    """A writer that acknowledges without a sync is found out."""
    lost = 0
    for acknowledged, disk, left in cuts(tmp_path, "careless", 2, 9):
        with disk.after(left) as place:
            path = place / "netmon.db"
            there = rows(path, "SELECT count(*) FROM slot") if path.exists() and path.stat().st_size else [(0,)]
            lost += there[0][0] < acknowledged
    assert lost
    shutil.rmtree(tmp_path, ignore_errors=True)
