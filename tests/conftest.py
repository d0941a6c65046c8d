"""What every test may ask for: real peers, started when asked for and ended with the test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from netmon.inventory import Inventory
from tests import effort, peers, running
from tests.faults.matrix import FIGURES, ONLY

# A shared machine may stall any single example; what a run in CI finds, a run by hand finds too.
hypothesis.settings.register_profile(
    "netmon", deadline=None, derandomize="CI" in os.environ, print_blob=True, max_examples=effort.examples()
)
hypothesis.settings.load_profile("netmon")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, the rest in the order that was drawn; of the faults only those that are asked for."""
    if only := os.environ.get(ONLY):
        items[:] = [item for item in items if (mark := item.get_closest_marker("fault")) and mark.args[0] in only.split(",")]
    places = {name: place for place, name in enumerate(effort.LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[Callable[..., peers.Snmpd]]:
    """Starts real snmpd agents: `snmpd(config, community=, host=)` returns one that answers."""
    with ExitStack() as stack:

        def start(config: str = "", **options: str) -> peers.Snmpd:
            home = tmp_path / f"snmpd{len(list(tmp_path.glob('snmpd*')))}"
            return stack.enter_context(peers.snmpd(home, config, **options))

        yield start


@pytest.fixture(scope="module")
def snmpsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], int]]:
    """Serves recordings for a whole module: `snmpsim(directory)` returns its port; communities are the files' names."""
    with ExitStack() as stack:
        yield lambda recordings: stack.enter_context(peers.snmpsim(recordings, tmp_path_factory.mktemp("snmpsim")))


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[..., peers.Prometheus]]:
    """Starts a real Prometheus: `prometheus("127.0.0.1:9797")` scrapes that every second."""
    with ExitStack() as stack:
        yield lambda target, config="": stack.enter_context(peers.prometheus(tmp_path / "prometheus", target, config))


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what was measured of the fault that the test is marked with: figures, in one sentence."""
    mark = request.node.get_closest_marker("fault")

    def say(figures: str) -> None:
        if place := os.environ.get(FIGURES):
            with Path(place).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"row": mark.args[0], "test": request.node.name, "figures": figures}) + "\n")

    return say


@pytest.fixture
def promtool() -> Path:
    """The path of promtool."""
    return peers.require("promtool")


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., running.World]]:
    """A netmon with devices and a clock of our own that has run for a minute, of `make_world(province(8))`, or the one
    `before` it at its restart: `make_world(before=world, away=20)`."""
    with ExitStack() as stack:
        made: list[running.World] = []

        def make(things: Inventory | None = None, before: running.World | None = None, **how: Any) -> running.World:
            if before is not None:
                world = before.restart(things, **how)
            else:
                world = running.World(tmp_path / f"{len(made)}.db", things or running.province()).run(65)
            made.append(world)
            stack.callback(world.close)
            return world

        yield make
