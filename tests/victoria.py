"""A real VictoriaMetrics, which takes both of InfluxDB's write APIs and gives back what it stored.

It names a series `<measurement>_<field>`, keeps times to the millisecond, and accepts any token, bucket and database.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers import LOOPBACK, free_port, require, running

Labels = tuple[tuple[str, str], ...]


@dataclass
class Victoria:
    """A VictoriaMetrics that can be stopped and started again on the same port, with what it stored."""

    home: Path
    port: int = field(default_factory=lambda: free_port("tcp"))
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        argv: list[str | Path] = [
            require("victoria-metrics"),
            f"-storageDataPath={self.home / 'data'}",
            f"-httpListenAddr={LOOPBACK}:{self.port}",
            "-retentionPeriod=100y",
            "-memory.allowedBytes=64MB",
            "-loggerLevel=WARN",
        ]
        self._stack.enter_context(running(argv, ready=self._answers, log=self.home / "victoria.log"))

    def stop(self) -> None:
        """Ends it; what it acknowledged is stored."""
        self._stack.close()

    def stored(self, family: str) -> dict[Labels, dict[int, float]]:
        """Of each series of a family, by its sorted labels: the value at each time in milliseconds. Fails on a time that is
        there twice. New series show some time after they were taken: ask until they do."""
        self._get("/internal/force_flush")
        match = urllib.parse.urlencode({"match[]": f'{{__name__="{family}_value"}}'})
        found = {}
        for line in self._get(f"/api/v1/export?{match}").splitlines():
            row = json.loads(line)
            labels = tuple(sorted((name, value) for name, value in row["metric"].items() if name != "__name__"))
            found[labels] = dict(zip(row["timestamps"], row["values"], strict=True))
            assert len(found[labels]) == len(row["timestamps"])
        return found

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def _answers(self) -> bool:
        try:
            return self._get("/health") == "OK"
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def victoria(home: Path) -> Iterator[Victoria]:
    """A running VictoriaMetrics that keeps its data in `home`."""
    server = Victoria(home)
    try:
        server.start()
        yield server
    finally:
        server.stop()
