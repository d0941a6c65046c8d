"""One page, the right page, live: a simulated province, netmon, real Prometheus and Alertmanager with the rules and routes
of deploy/, a webhook.

Devices are asked every 2 s in place of 30 s, and rules and routes wait a sixtieth of their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.alerting import alerting
from tests.live import live, storm_province
from tests.paging.scenes import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """A province of a size that is watched and whose alerts are told, with nothing told yet."""
    with ExitStack() as stack:

        def make(**size: int) -> Scene:
            province = stack.enter_context(live(tmp_path, storm_province(tmp_path, **size)))
            net = stack.enter_context(alerting(tmp_path / "alerting", province.port))
            net.let_pass(2)
            assert not net.told(), net
            return Scene(province, net)

        yield make
