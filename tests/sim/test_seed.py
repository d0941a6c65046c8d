"""The past that is seeded into a store says of itself that it was not measured."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from netmon.settings import load
from netmon.sim.seed import fill
from netmon.store import Reader
from tests.sim.test_probes import with_a_probe

CONFIG = Path(__file__).resolve().parents[2] / "config"
NOW = 1_795_290_123.4


def test_speed_tests_of_the_past_are_marked_as_simulated(tmp_path: Path) -> None:
    """All of them: six in a day of each of the probe's three connections."""
    example = load(CONFIG, secrets=False)
    path = tmp_path / "netmon.db"
    fill(
        replace(example, inventory=with_a_probe(3), store=replace(example.store, path=path)),
        seed=1, troubles=(), days=1, now=NOW,
    )  # fmt: skip
    with closing(Reader.open(path)) as reader:
        tests = reader.speed_tests(0, NOW)
    assert len(tests) == 6 * 3
    assert all(test.simulated for test in tests)
