"""The store of a province stays within its budget; `scripts/soak store_size` measures more links and days."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tests.soak import store_size
from tests.soak.__main__ import WORKLOADS
from tests.soak.store_size import BUDGET, DAYS, ECHO_LINKS, LINKS, Size, echoes, traffic


def test_45_days_of_a_province_fit_in_700_megabytes():
    """5,250 links x 288 slots x 45 days, told from the packed days of some links and the open slots of all."""
    assert 0.5 * BUDGET < traffic(50, 7).of(LINKS) < BUDGET


def test_round_trips_add_little():
    """400 links with a check address: under a tenth of what traffic takes."""
    assert echoes(14, 5).of(ECHO_LINKS) < 0.1 * BUDGET


def test_every_workload_that_stands_beside_the_others_can_be_called():
    """By the name of its file or folder, with a line that says what it is."""
    beside = Path(store_size.__file__).parent
    there = {path.stem for path in beside.glob("*.py")} | {path.parent.name for path in beside.glob("*/__init__.py")}
    there -= {"__main__", "__init__"}
    assert set(WORKLOADS) == there
    assert all(workload.ABOUT for workload in WORKLOADS.values())


def test_the_workload_fails_when_traffic_outgrows_its_budget(monkeypatch, capsys):
    """One measurement at least, whatever the time; the seed that it failed with is told."""
    largest = BUDGET / LINKS / (DAYS - 2)
    for a_packed_day, code in ((largest * 0.99, 0), (largest * 1.01, 1)):
        monkeypatch.setattr(store_size, "traffic", lambda links, days, seed, each=a_packed_day: Size(0.0, each))
        monkeypatch.setattr(store_size, "echoes", lambda links, days, seed: Size(0.0, 1.0))
        assert store_size.run(Namespace(minutes=0.0, seed=7)) == code
    assert "more than its budget, with seed 7" in capsys.readouterr().out
