"""The command line: which benches, how long, and in which form the rows are shown."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench import daemon, peers, wire
from bench.programs import BenchError, say
from bench.rows import Row, as_json, compared, markdown, table

_SILENT = 0.2
BENCHES = ("wire", "peers", "daemon")
_EPILOG = """\
examples:
  scripts/bench                                        all of them, most of an hour
  scripts/bench wire --quick                           a first look, in three minutes
  scripts/bench daemon --devices 1000                  the whole daemon with 1,000 devices
  scripts/bench daemon --devices 1000 --profile FILE   the same under cProfile: python -m pstats FILE
  scripts/bench --json results.json --markdown         rows for programs, and a table for docs/performance.md

How to read what it says: docs/performance.md."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures what netmon costs, as microseconds of CPU a varbind or a reading, beside other engines and "
        "monitors in the same run. Everything runs on this machine's loopback.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bench", nargs="*", metavar="wire|peers|daemon", help="which to run (default: all)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write the rows as JSON to a file or to stdout")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs: figures to look at, not to keep")
    parser.add_argument(
        "--devices", type=_numbers, metavar="N,N", help="daemon, peers: devices (default: 500,1000,2000,5000; peers: 500)"
    )
    parser.add_argument(
        "--windows", type=int, metavar="N", help="daemon, peers: how many windows of 30 s (default: 10; quick: 1)"
    )
    parser.add_argument("--silent", action="store_true", help="daemon: only with 20 %% of the devices silent")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="daemon: profile the windows of its last run into FILE")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benches that were asked for, prints what they found, returns the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.json in BENCHES:  # `--json wire` names a bench, not a file
        args.bench, args.json = [args.json, *args.bench], "-"
    if unknown := sorted(set(args.bench) - set(BENCHES)):
        parser.error(f"there is no bench {unknown[0]}: choose from {', '.join(BENCHES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    rows: list[Row] = []
    failed = False
    runs = {"wire": _wire, "peers": _peers, "daemon": _daemon}
    for name in [name for name in BENCHES if name in (args.bench or BENCHES)]:
        try:
            rows.extend(runs[name](args))
        except BenchError as error:
            say(f"{name}: {error}")
            failed = True
        except KeyboardInterrupt:
            say("stopped")
            failed = True
            break
    rows = compared(rows)
    if args.json and args.json != "-":
        Path(args.json).write_text(as_json(rows) + "\n", encoding="utf-8")
    if args.json == "-":
        print(as_json(rows))
    else:
        print(markdown(rows) if args.markdown else table(rows))
    return 1 if failed else 0


def _wire(args: argparse.Namespace) -> Iterator[Row]:
    if not args.quick:
        return wire.measure()
    shorter = {name: replace(load, rounds=max(1, load.rounds // 4)) for name, load in wire.WORKLOADS.items()}
    return wire.measure(shorter, runs=2)


def _peers(args: argparse.Namespace) -> Iterator[Row]:
    devices = args.devices[0] if args.devices else 100 if args.quick else peers.DEVICES
    windows = args.windows or (1 if args.quick else daemon.WINDOWS)
    return peers.measure(daemon.Paced(devices=devices, windows=windows))


def _daemon(args: argparse.Namespace) -> Iterator[Row]:
    devices = args.devices or ((500,) if args.quick else daemon.DEVICES)
    windows = args.windows or (1 if args.quick else daemon.WINDOWS)
    runs = [(n, _SILENT if args.silent else 0.0) for n in devices]
    if not args.devices and not args.silent:
        runs.append((devices[-1], _SILENT))
    for place, (n, share) in enumerate(runs, 1):
        profile = args.profile if place == len(runs) else None
        yield daemon.measure(daemon.Paced(devices=n, silent_share=share, windows=windows, profile=profile))
