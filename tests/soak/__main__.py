"""`python -m tests.soak`: the command line of `scripts/soak`."""

from __future__ import annotations

import argparse
import sys

from tests.soak import fuzz, properties, store_size

WORKLOADS = {"fuzz": fuzz, "properties": properties, "store_size": store_size}
"""By name. Each has `ABOUT`, a line, and `run(minutes, seed)`, the exit code."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Runs what takes longer than a test may.")
    workloads = parser.add_subparsers(dest="workload", required=True)
    for name, workload in WORKLOADS.items():
        its = workloads.add_parser(name, help=workload.ABOUT, description=workload.ABOUT)
        its.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
        its.add_argument("--seed", type=int, help="to see the same again; another one each time unless given")
    given = parser.parse_args()
    return WORKLOADS[given.workload].run(given.minutes, given.seed)


if __name__ == "__main__":
    sys.exit(main())
