"""What the reports of the example province share: the command, called as somebody calls it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from netmon.cli import report

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.fixture
def calling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[..., dict[str, Path]]]:
    """Calls `netmon report` on a state directory at an instant: `calling(state, now)("speed")` is what it wrote by name,
    after a check that it went well."""

    def on(state: Path, now: float) -> Callable[..., dict[str, Path]]:
        monkeypatch.setenv("STATE_DIRECTORY", str(state))
        monkeypatch.setattr(report.time, "time", lambda: now)
        parser = argparse.ArgumentParser()
        report.add(parser.add_subparsers())

        def call(*words: str, code: int = 0) -> dict[str, Path]:
            args = parser.parse_args(["report", *words, "--config", str(CONFIG), "-o", str(tmp_path / "out")])
            assert args.run(args) == code
            return {path.name: path for path in (tmp_path / "out").glob("*")}

        return call

    return on
