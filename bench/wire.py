"""`wire`: SNMP engines against one snmpd. A subject runs in a fresh process for each run, and subjects take turns, so that
a machine that is busy is busy for all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from bench import extras
from bench.programs import ROOT, BenchError, MissingError, black_hole, say, workplace
from bench.rows import Row, spread
from bench.snmpd import snmpd
from bench.subjects.load import Load

WORKLOADS: Mapping[str, Load] = {
    "get1": Load(get=1, rounds=400, timeout_s=5),
    "get20": Load(get=20, rounds=300, timeout_s=5),
    "walk25x48": Load(get=0, rounds=6, timeout_s=5),
    "get20_v3": Load(get=20, rounds=200, version="3", timeout_s=5),
    "addresses5000": Load(get=20, addresses=5000, rounds=6, timeout_s=5),
    "addresses5000_silent20": Load(get=20, addresses=4000, silent=1000, rounds=3),
}
"""About a second of CPU each for a fast engine."""

SLOW = 30
"""What pysnmp is spared: it would take minutes to say the same."""

RUNS = 5
_RUN_S = 300.0


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine: the command that takes a load, how much more slowly it works than the others, whether it reads answers."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    slow: int = 1
    reads: bool = True

    def can(self, load: Load) -> bool:
        """Whether it can carry the load: one that reads nothing cannot go on from an answer, nor tell who is silent."""
        return self.reads or (load.get > 0 and load.version == "2c" and not load.silent)

    def fit(self, load: Load) -> Load:
        """The load in its size: as many addresses, as far as there are enough rounds to spare."""
        rounds = max(1, load.rounds // self.slow)
        addresses = load.addresses
        if self.slow > 1 and load.get == 0:
            addresses = max(1, load.addresses * load.rounds // self.slow)
        return replace(load, rounds=rounds, addresses=addresses)


def subjects() -> Iterator[Subject]:
    """The engines that can be had here; the others are named."""
    yield Subject("netmon", (sys.executable, "-m", "bench.subjects.netmon"))
    for name, make in (("gufo_snmp", _gufo), ("gosnmp", _gosnmp)):
        try:
            yield make(name)
        except MissingError as error:
            say(str(error))
    yield Subject("pysnmp", (sys.executable, "-m", "bench.subjects.pysnmp"), slow=SLOW)
    yield Subject("datagrams", (sys.executable, "-m", "bench.subjects.datagrams"), reads=False)


def _gufo(name: str) -> Subject:
    return Subject(name, (sys.executable, "-m", "bench.subjects.gufo"), {"PYTHONPATH": str(extras.gufo())})


def _gosnmp(name: str) -> Subject:
    return Subject(name, (str(extras.gosnmp()),))


def measure(
    workloads: Mapping[str, Load] = WORKLOADS,
    *,
    runs: int = RUNS,
    among: Callable[[], Iterator[Subject]] = subjects,
) -> Iterator[Row]:
    """A row for each workload and subject."""
    extras.package("snmpd", "snmpd")
    engines = list(among())
    with workplace("wire") as home, snmpd(home) as (_, port), black_hole() as silent_port:
        for name, load in workloads.items():
            placed = replace(load, port=port, silent_port=silent_port)
            able = [engine for engine in engines if engine.can(load)]
            told: dict[str, list[dict[str, Any]]] = {engine.name: [] for engine in able}
            failed: dict[str, str] = {}
            for run in range(runs):
                say(f"wire: {name}, run {run + 1} of {runs}")
                for engine in able:
                    if engine.name not in failed:
                        try:
                            told[engine.name].append(run_once(engine, engine.fit(placed)))
                        except BenchError as error:
                            failed[engine.name] = str(error)
                            say(f"wire: {name}, {engine.name}: {error}")
            for engine in able:
                yield _row(name, engine, told[engine.name], failed.get(engine.name, ""))


def run_once(engine: Subject, load: Load) -> dict[str, Any]:
    """One run in a process of its own. BenchError: it failed, or nothing came."""
    try:
        ended = subprocess.run(
            [*engine.argv, load.as_argument()],
            cwd=ROOT,
            env={**os.environ, **engine.env},
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"not done after {_RUN_S:g} s") from None
    if ended.returncode:
        raise BenchError((ended.stderr.strip().splitlines() or ["it failed without a word"])[-1])
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    if not told["varbinds"]:
        raise BenchError("nothing was answered")
    return told


def _row(workload: str, engine: Subject, told: list[dict[str, Any]], failed: str) -> Row:
    row = Row(bench="wire", subject=engine.name, workload=workload, note=failed)
    if not told:
        return row
    costs = [1e6 * run["cpu_s"] / run["varbinds"] for run in told]
    lost = sum(run["lost"] for run in told)
    more = {"runs": len(costs), "spread": spread(costs), "lost": lost}
    return replace(
        row,
        cpu_us=median(costs),
        per_s=median(run["varbinds"] / run["wall_s"] for run in told),
        rss_mb=median(run["rss_mb"] for run in told),
        more={**more, "remark": f"{lost} lost"} if lost else more,
    )
