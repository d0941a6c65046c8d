"""`scripts/demo --check`: from nothing to a province that is polled and judged, and what it says when that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netmon.sim import demo

_RUN = "import sys, pathlib; from netmon.sim.demo import main; sys.exit(main(sys.argv[2:], [pathlib.Path(sys.argv[1])]))"


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _RUN, home, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def hasten(home: Path) -> None:
    """A configuration of the demonstration that is polled every 3 s."""
    main = demo.prepare(home, keep=False, port=None) / "netmon.yaml"
    main.write_text(main.read_text().replace("interval: 30s", "interval: 3s"))


def test_a_check_polls_and_judges_the_whole_province_and_says_so_in_one_line(tmp_path: Path) -> None:
    """The seeded week has its saturated commune missed and its busy one at risk, and most others met."""
    hasten(tmp_path)
    done = run(tmp_path, "--check", "60", "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["devices"], said["communes"]) == (78, 56)
    assert said["devices_up"] >= 63
    assert said["readings"] > 78 * 10
    assert said["series"] > 78 * 10
    assert sum(said["verdicts"].values()) == 2 * 56
    assert said["verdicts"]["missed"] >= 1
    assert said["verdicts"]["at_risk"] >= 1
    assert said["verdicts"]["met"] >= 50
    assert said["cpu_seconds"] > 0


def test_a_daemon_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    hasten(tmp_path)
    (tmp_path / "control.sock").mkdir()
    done = run(tmp_path, "--check", "60", "--keep")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the daemon ended with 1; the end of" in done.stderr
    assert "control.sock" in done.stderr


def test_a_second_demonstration_leaves_the_home_of_the_first_alone(tmp_path: Path) -> None:
    homes = [tmp_path / "demo", tmp_path / "demo-2"]
    with demo.home_of_our_own(homes) as first, demo.home_of_our_own(homes) as second:
        assert [first, second] == homes
        with pytest.raises(demo.DemoError, match="running"), demo.home_of_our_own(homes):
            pass
    with demo.home_of_our_own(homes) as again:
        assert again == first
