"""`python -m tests.soak`: the command line of `scripts/soak`."""

from __future__ import annotations

import argparse
import sys

from tests.soak import faults, fuzz, properties, store_size

WORKLOADS = {"faults": faults, "fuzz": fuzz, "properties": properties, "store_size": store_size}
"""By name. Each has `ABOUT`, a line, and `run(given)`, the exit code; `add(parser)` where it takes arguments of its own."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Runs what takes longer than a test may.")
    workloads = parser.add_subparsers(dest="workload", required=True)
    for name, workload in WORKLOADS.items():
        its = workloads.add_parser(name, help=workload.ABOUT, description=workload.ABOUT)
        its.add_argument("--minutes", type=float, default=10.0, help="how long, where that can be chosen (default: 10)")
        its.add_argument("--seed", type=int, help="to see the same again; another one each time unless given")
        if hasattr(workload, "add"):
            workload.add(its)
    given = parser.parse_args()
    return WORKLOADS[given.workload].run(given)


if __name__ == "__main__":
    sys.exit(main())
