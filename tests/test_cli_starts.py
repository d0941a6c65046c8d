"""What a command takes before it begins: it reads in what it needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netmon.settings import load
from tests.peers import ROOT

LOADED = "import sys; from netmon.cli import main\ntry: main({words})\nexcept SystemExit: print(*sys.modules)"


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["storm", "--help"], {"netmon.daemon", "netmon.cli.run", "netmon.cli.discover", "aiohttp", "influxdb_client"}),
        (["run", "--help"], {"netmon.cli.discover", "netmon.sim", "influxdb_client"}),
        (["--version"], {"netmon.daemon", "netmon.cli.status"}),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_command_reads_in_only_what_it_needs(words: list[str], absent: set[str]):
    """All commands together take a second more, and the library of a database that nobody has 13 MB."""
    code = LOADED.format(words=words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not absent & set(done.stdout.splitlines()[-1].split())


def test_a_command_that_nobody_knows_is_told_all_there_are():
    done = subprocess.run([sys.executable, "-m", "netmon", "stauts"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "'status', 'site'" in done.stderr


def test_settings_are_not_written_out_by_who_hands_them_on():
    """asyncio and tracebacks write out what they hold; of a province that takes seconds."""
    assert len(repr(load(ROOT / "config", secrets=False))) < 200
