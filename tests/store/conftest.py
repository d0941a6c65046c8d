"""A store in a temporary directory, with a meter that can be asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon.store import Store


class Counts:
    """A meter that remembers, and lets a test wait until something has been counted."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self._changed = threading.Condition()

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        with self._changed:
            self.totals[family] += int(amount)
            self._changed.notify_all()

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        self.gauges[family] = value

    def observe(self, family: str, value: float, /, **labels: str) -> None:
        raise AssertionError("the store observes nothing")

    def wait_for(self, family: str, total: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.totals[family] >= total, 10), f"{family} did not reach {total}"


@pytest.fixture
def meter() -> Counts:
    return Counts()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "netmon.db"


@pytest.fixture
def store(path: Path, meter: Counts) -> Iterator[Store]:
    with Store.open(path, meter) as opened:
        yield opened
