"""Properties, looked at for long: every test that draws its examples, with many times as many and another seed a round."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

from tests.effort import LONGER

ABOUT = "properties of the code, each with many times the examples of a test run"

TIMES = 20


def run(given: argparse.Namespace) -> int:
    """Whole rounds until the minutes are over, or one of a seed; the exit code is that of the first that finds something."""
    minutes, seed = given.minutes, given.seed
    end = time.monotonic() + 60 * minutes
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {LONGER: str(TIMES)}
    while True:
        drawn = random.randrange(2**32) if seed is None else seed
        print(f"examples of seed {drawn}", flush=True)
        asked = ["-m", "hypothesis", f"--hypothesis-seed={drawn}", "-p", "no:randomly", "-n", "2", "--dist", "loadfile"]
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", *asked], env=environment, check=False).returncode
        if code or time.monotonic() > end or seed is not None:
            return code
