"""`peers`: whole monitors on the same agents and objects, 40 varbinds a device: Debian's prometheus-snmp-exporter and
collectd's snmp plugin beside netmon.

`get40`: all three at once, each device every 30 s, over the same windows. The exporter is scraped over HTTP, evenly, as
Prometheus would; collectd writes nowhere. `get40_flat`: the exporter alone as fast as it can, which is its best.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import TypeVar

from bench import daemon, extras, province
from bench.agent import INTERFACES
from bench.daemon import Paced, Watched
from bench.programs import CACHE, LOOPBACK, BenchError, MissingError, Program, free_port, running, say, until, workplace
from bench.rows import Row, spread

T = TypeVar("T")

DEVICES = 500
VARBINDS = 40
FLAT_ROUNDS = 4
_FLAT_RUNS = 5
_CLIENTS = 8
_TABLE, _EXTENSION = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
NAME = f"{_EXTENSION}.1"
COLUMNS = {
    "ifAdminStatus": (f"{_TABLE}.7", "gauge"),
    "ifOperStatus": (f"{_TABLE}.8", "gauge"),
    "ifHighSpeed": (f"{_EXTENSION}.15", "gauge"),
    "ifHCInOctets": (f"{_EXTENSION}.6", "counter"),
    "ifHCOutOctets": (f"{_EXTENSION}.10", "counter"),
    "ifInErrors": (f"{_TABLE}.14", "counter"),
    "ifOutErrors": (f"{_TABLE}.20", "counter"),
    "ifInDiscards": (f"{_TABLE}.13", "counter"),
    "ifOutDiscards": (f"{_TABLE}.19", "counter"),
}
"""What netmon's generic profile reads of an interface; with its name ten varbinds, and there are four interfaces."""

_BULK = (len(COLUMNS) + 1) * (len(INTERFACES) + 1)
"""Varbinds of collectd's GETBULK: all rows and the end of the table, so that one request reads a device."""


class Exporter:
    """A running snmp_exporter, and those who scrape it."""

    def __init__(self, program: Program, port: int, plan: province.Plan) -> None:
        self.program = program
        self.scrapes = 0
        self._port = port
        self._plan = plan
        self._stop = threading.Event()

    def scrape(self, connection: HTTPConnection, n: int) -> None:
        """One device. BenchError: not all of it came."""
        target = f"{province.address(n)}:{self._plan.agent_port}"
        connection.request("GET", f"/snmp?module=bench&target={target}", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or (not answer.headers["Content-Encoding"] and body.count(b"\nif") < 9 * len(INTERFACES)):
            raise BenchError(f"snmp_exporter answered {answer.status}: {body[:300].decode(errors='replace')}")

    def flat_out(self, rounds: int) -> tuple[float, float]:
        """Microseconds of CPU a varbind, and varbinds a second, when all devices are scraped `rounds` times as fast as so
        many clients can."""
        devices = self._plan.devices
        self._scrape_in_turn(range(devices))
        began, before = time.monotonic(), self.program.cpu_s()
        with ThreadPoolExecutor(_CLIENTS) as pool:
            shares = [range(first, devices * rounds, _CLIENTS) for first in range(_CLIENTS)]
            list(pool.map(self._scrape_in_turn, shares))
        varbinds = devices * rounds * VARBINDS
        return 1e6 * (self.program.cpu_s() - before) / varbinds, varbinds / (time.monotonic() - began)

    def _scrape_in_turn(self, turns: Iterable[int]) -> None:
        connection = HTTPConnection(LOOPBACK, self._port, timeout=30)
        for n in turns:
            self.scrape(connection, n % self._plan.devices)
        connection.close()

    @contextmanager
    def paced(self, interval_s: float) -> Iterator[None]:
        """Every device once an interval, spread evenly, while the block lasts."""
        thread = threading.Thread(target=self._pace, args=(interval_s / self._plan.devices,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _pace(self, pause: float) -> None:
        connection, due, n = HTTPConnection(LOOPBACK, self._port, timeout=30), time.monotonic(), 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += pause
            try:
                self.scrape(connection, n % self._plan.devices)
            except (BenchError, OSError, HTTPException) as error:
                say(f"snmp_exporter: {error}")
                return
            n += 1
            self.scrapes += 1
        connection.close()


@contextmanager
def snmp_exporter(plan: province.Plan, home: Path) -> Iterator[Exporter]:
    """The exporter while the block lasts. MissingError: it cannot be had."""
    program = extras.package("prometheus-snmp-exporter", "prometheus-snmp-exporter")
    home.mkdir(parents=True, exist_ok=True)
    config, port = home / "snmp.yml", free_port(socket.SOCK_STREAM)
    config.write_text(_exporter_config())
    argv: list[str | Path] = [
        program,
        f"--config.file={config}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    ]
    with running("snmp_exporter", argv, home, ready=lambda: daemon.accepts(port)) as started:
        yield Exporter(started, port, plan)


def _exporter_config() -> str:
    """Instances are got by name, in one request, which costs it less than walks; each is labelled with its ifName."""
    rows = range(1, len(INTERFACES) + 1)
    names = [f"{oid}.{row}" for oid in (NAME, *(oid for oid, _ in COLUMNS.values())) for row in rows]
    metrics = [
        f"  - {{name: {name}, oid: {oid}, type: {kind}, help: {name}, indexes: [{{labelname: ifIndex, type: gauge}}], "
        f"lookups: [{{labels: [ifIndex], labelname: ifName, oid: {NAME}, type: DisplayString}}]}}"
        for name, (oid, kind) in COLUMNS.items()
    ]
    head = f"bench:\n  version: 2\n  auth: {{community: {province.COMMUNITY}}}\n  max_repetitions: {VARBINDS}\n"
    return head + f"  get: [{', '.join(names)}]\n  metrics:\n" + "\n".join(metrics) + "\n"


@contextmanager
def collectd(plan: province.Plan, home: Path) -> Iterator[Program]:
    """collectd and its snmp plugin while the block lasts, entered when it holds all rows. MissingError: it cannot be had."""
    program = extras.package("collectd-core", "collectd")
    home.mkdir(parents=True, exist_ok=True)
    config, types, door = home / "collectd.conf", home / "types.db", home / "door"
    kinds = {"gauge": "GAUGE:U:U", "counter": "DERIVE:0:U"}
    types.write_text("bench " + ", ".join(f"{name}:{kinds[kind]}" for name, (_, kind) in COLUMNS.items()) + "\n")
    config.write_text(_collectd_config(plan, home, types, door))
    wanted = plan.devices * len(INTERFACES)
    deadline_s = 60.0 + 2 * plan.interval_s
    with running("collectd", [program, "-f", "-C", config], home, ready=door.exists) as started:
        until(
            lambda: _held(door) == wanted,
            deadline_s,
            f"collectd holds {wanted} rows (see {started.log})",
            every_s=plan.interval_s / 30,
        )
        yield started


def _collectd_config(plan: province.Plan, home: Path, types: Path, door: Path) -> str:
    """One table of ten columns a device, walked side by side: one type holds a whole row."""
    columns = " ".join(f'"{oid}"' for oid, _ in COLUMNS.values())
    hosts = "\n".join(
        f'<Host "router-{n}">\n Address "udp:{province.address(n)}:{plan.agent_port}"\n Version 2\n'
        f' BulkSize {_BULK}\n Community "{province.COMMUNITY}"\n Collect "interfaces"\n</Host>'
        for n in range(plan.devices)
    )
    return f"""
BaseDir "{home}"
PIDFile "{home / "pid"}"
PluginDir "{_plugins()}"
TypesDB "{types}"
Hostname "bench"
FQDNLookup false
Interval {plan.interval_s}
LoadPlugin logfile
<Plugin logfile>
 LogLevel err
 File stdout
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
 SocketFile "{door}"
 DeleteSocket true
</Plugin>
LoadPlugin snmp
<Plugin snmp>
<Data "interfaces">
 Type "bench"
 Table true
 TypeInstanceOID "{NAME}"
 Values {columns}
</Data>
{hosts}
</Plugin>
"""


def _plugins() -> Path:
    """Where collectd's plugins lie: unpacked beside the program, or where Debian installs them."""
    unpacked = CACHE.parent / "peers/collectd-core/usr/lib/collectd"
    return unpacked if unpacked.is_dir() else Path("/usr/lib/collectd")


def _held(door: Path) -> int:
    """How many rows collectd holds, by its own word."""
    with socket.socket(socket.AF_UNIX) as sock, suppress(OSError):
        sock.settimeout(5)
        sock.connect(str(door))
        sock.sendall(b"LISTVAL\n")
        return int(sock.makefile().readline().split()[0])
    return -1


def measure(run: Paced, *, flat_rounds: int = FLAT_ROUNDS) -> Iterator[Row]:
    """The rows of all that can be had."""
    with ExitStack() as stack:
        home = stack.enter_context(workplace("peers"))
        watched = stack.enter_context(daemon.watched(run))
        exporter = _try(stack, snmp_exporter(watched.plan, home))
        collector = _try(stack, collectd(watched.plan, home))
        flat = []
        if exporter:
            say("peers: snmp_exporter as fast as it can")
            flat = [exporter.flat_out(flat_rounds) for _ in range(_FLAT_RUNS)]
            stack.enter_context(exporter.paced(run.interval_s))
        say(f"peers: {run.windows} windows of {run.interval_s} s")
        yield from _rows(run, watched, exporter, collector, flat)


def _rows(
    run: Paced, watched: Watched, exporter: Exporter | None, collector: Program | None, flat: list[tuple[float, float]]
) -> Iterator[Row]:
    looks, exported, collected = [], [], []
    for look in daemon.paced(watched, run):
        looks.append(look)
        if exporter:
            exported.append((exporter.program.cpu_s(), exporter.scrapes))
        if collector:
            collected.append(collector.cpu_s())
    ours = replace(daemon.row(run, looks, watched.program.rss_mb()), bench="peers")
    yield ours
    step = daemon.SCRAPES_PER_INTERVAL
    elapsed = looks[-1].at - looks[0].at
    if exporter:
        costs = [
            1e6 * (after - before) / (VARBINDS * max(1, count - counted))
            for (before, counted), (after, count) in pairwise(exported[::step])
        ]
        per_s = VARBINDS * (exported[-1][1] - exported[0][1]) / elapsed
        yield _row("snmp_exporter", "get40", run, costs, per_s, exporter.program)
        best = [cost for cost, _ in flat]
        row = _row("snmp_exporter", "get40_flat", run, best, median(speed for _, speed in flat), exporter.program)
        assert row.cpu_us is not None
        ratio = row.cpu_us / ours.cpu_us if ours.cpu_us else None
        yield replace(row, ratio=ratio, more={**row.more, "remark": "as fast as it can; the ratio is to netmon's get40"})
    if collector:
        costs = [1e6 * (after - before) / (VARBINDS * run.devices) for before, after in pairwise(collected[::step])]
        row = _row("collectd", "get40", run, costs, VARBINDS * run.devices / run.interval_s, collector)
        yield replace(row, more={**row.more, "remark": "reads only: nothing is written or shown"})


def _row(subject: str, workload: str, run: Paced, costs: Sequence[float], per_s: float, program: Program) -> Row:
    cost = median(costs) if workload.endswith("flat") else fmean(costs)  # paced, some windows hold two bursts, some none
    more = {"devices": run.devices, "runs": len(costs), "spread": spread(costs)}
    rss_mb = program.rss_mb()
    return Row(bench="peers", subject=subject, workload=workload, cpu_us=cost, per_s=per_s, rss_mb=rss_mb, more=more)


def _try(stack: ExitStack, part: AbstractContextManager[T]) -> T | None:
    """The part, running until the stack is closed; None, and named, when it cannot be had."""
    try:
        return stack.enter_context(part)
    except MissingError as error:
        say(str(error))
        return None
