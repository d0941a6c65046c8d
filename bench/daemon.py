"""`daemon`: the whole of netmon at the pace of real life, from the poll to the page of Prometheus and the lines of InfluxDB.

A real `netmon run` watches N devices; agents, Prometheus (which is this process, every 15 s and zipped, as it asks) and
InfluxDB are other processes. Once all are up, the CPU of the daemon alone is read over whole intervals.
"""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import province
from bench.programs import LOOPBACK, BenchError, Program, black_hole, free_port, running, say, until, workplace
from bench.rows import Row, rounded, spread

DEVICES = (500, 1000, 2000, 5000)
INTERVAL_S = 30
SETTLE_INTERVALS = 4
"""After the last device is known: by then netmon has learned how much each bears at once, and plans stand."""

SCRAPES_PER_INTERVAL = 2
WINDOWS = 10
"""Of 30 s, and so a whole slot of five minutes with what is done once in it."""

_LATE_SHARE = 0.1
_OWN = re.compile(
    rb"^(netmon_(?:readings|polls|polls_skipped|bugs|influx_points|influx_dropped_points)_total|netmon_devices"
    rb"|netmon_scrape_series|netmon_poll_lateness_seconds_(?:bucket|count))(?:\{\w+=\"([^\"]*)\"\})? (\S+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """A run: so many devices, of which a share is silent, over so many windows of an interval each.

    `profile` names a file for the profile of the windows; it makes everything several times as slow.
    """

    devices: int
    silent_share: float = 0.0
    interval_s: int = INTERVAL_S
    timeout_s: float = 2.0
    windows: int = WINDOWS
    profile: Path | None = None

    @property
    def workload(self) -> str:
        return f"get40_silent{100 * self.silent_share:.0f}" if self.silent_share else "get40"


class Look(NamedTuple):
    """One scrape: what netmon counts about itself, by family and label; what the page took; the daemon's CPU after it."""

    own: Mapping[tuple[str, str], float]
    cpu_s: float
    at: float
    scrape_s: float
    page_bytes: int
    sent_bytes: int

    def of(self, family: str, label: str = "") -> float:
        return self.own.get((f"netmon_{family}", label), 0.0)

    def all_of(self, family: str) -> float:
        return sum(value for (name, _), value in self.own.items() if name == f"netmon_{family}")


class Watched:
    """A running daemon, and what it was given to watch."""

    def __init__(self, program: Program, plan: province.Plan) -> None:
        self.program = program
        self.plan = plan

    def look(self) -> Look:
        """Scrapes as Prometheus does. BenchError: nobody answers."""
        connection = HTTPConnection(LOOPBACK, self.plan.http_port, timeout=30)
        try:
            began = time.monotonic()
            connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
            took = time.monotonic() - began
        except (OSError, HTTPException) as error:
            self.program.require_alive()
            raise BenchError(f"netmon does not answer: {error}") from error
        finally:
            connection.close()
        page = gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
        own = {(name.decode(), label.decode()): float(value) for name, label, value in _OWN.findall(page)}
        return Look(own, self.program.cpu_s(), time.monotonic(), took, len(page), len(body))

    def settled(self, up: int, silent: int) -> bool:
        """Whether all devices are known for what they are. BenchError: netmon has ended, or met a bug of its own."""
        look = self.look()
        if bugs := look.all_of("bugs_total"):
            raise BenchError(f"netmon met {bugs:g} bugs of its own; the end of {self.program.log}:\n{self.program.tail()}")
        return (look.of("devices", "up"), look.of("devices", "down")) == (up, silent)


@contextmanager
def watched(run: Paced) -> Iterator[Watched]:
    """netmon and its peers while the block lasts, entered when every device is up, or down if it is silent."""
    with ExitStack() as stack:
        home = stack.enter_context(workplace(f"{run.workload}-{run.devices}"))
        plan = province.Plan(
            devices=run.devices,
            agent_port=free_port(),
            silent_port=stack.enter_context(black_hole()),
            sink_port=free_port(socket.SOCK_STREAM),
            http_port=free_port(socket.SOCK_STREAM),
            silent_share=run.silent_share,
            interval_s=run.interval_s,
            timeout_s=run.timeout_s,
        )
        province.write(plan, home / "config")
        python = [sys.executable, "-m"]
        netmon = ["bench.profiled", run.profile.absolute()] if run.profile else ["netmon"]
        agent = [*python, "bench.agent", f"--port={plan.agent_port}"]
        sink = [*python, "bench.sink", f"--port={plan.sink_port}"]
        daemon = [*python, *netmon, "run", f"--config={home / 'config'}", "--log-level=warning"]
        secrets = {"BENCH_COMMUNITY": province.COMMUNITY, "BENCH_TOKEN": "bench"}
        stack.enter_context(running("agent", agent, home, ready=lambda: (home / "agent.log").stat().st_size))
        stack.enter_context(running("sink", sink, home, ready=lambda: accepts(plan.sink_port)))
        started = time.monotonic()
        program = stack.enter_context(
            running("netmon", daemon, home, ready=lambda: accepts(plan.http_port), deadline_s=300, env=secrets)
        )
        found = Watched(program, plan)
        say(f"{run.workload}: netmon started with {run.devices} devices in {time.monotonic() - started:.1f} s")
        up, silent = run.devices - plan.silent, plan.silent
        until(
            lambda: found.settled(up, silent),
            60 + 5 * run.interval_s,
            f"{up} devices up, {silent} down",
            every_s=run.interval_s / 30,
        )
        yield found


def accepts(port: int) -> bool:
    """Whether something listens there."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def measure(run: Paced) -> Row:
    """The row of one run. BenchError: a device fell, or readings are not what was planned."""
    with watched(run) as daemon:
        say(f"{run.workload}: all {run.devices} devices are known; {run.windows} windows of {run.interval_s} s follow")
        time.sleep(SETTLE_INTERVALS * run.interval_s)
        if run.profile:
            os.kill(daemon.program.pid, signal.SIGUSR1)
        looks = list(paced(daemon, run))
        if run.profile:
            os.kill(daemon.program.pid, signal.SIGUSR2)
        rss_mb = daemon.program.rss_mb()
    return row(run, looks, rss_mb)


def paced(daemon: Watched, run: Paced) -> Iterator[Look]:
    """Scrapes at an even pace: one at the start and SCRAPES_PER_INTERVAL a window."""
    pause = run.interval_s / SCRAPES_PER_INTERVAL
    due = time.monotonic() + pause
    for _ in range(run.windows * SCRAPES_PER_INTERVAL + 1):
        time.sleep(max(0.0, due - time.monotonic()))
        due += pause
        yield daemon.look()


def row(run: Paced, looks: list[Look], rss_mb: float) -> Row:
    """What a run's looks say: the cost over all windows, for a median would hide what is done once in five minutes."""
    edges = looks[::SCRAPES_PER_INTERVAL]
    windows = list(pairwise(edges))
    costs = [
        1e6 * (after.cpu_s - before.cpu_s) / max(1.0, after.of("readings_total") - before.of("readings_total"))
        for before, after in windows
    ]
    first, last = looks[0], looks[-1]

    def grown(family: str, label: str = "") -> float:
        return last.of(family, label) - first.of(family, label)

    elapsed = last.at - first.at
    readings, polls = grown("readings_total"), last.all_of("polls_total") - first.all_of("polls_total")
    planned = run.devices * elapsed / run.interval_s
    bounds = [float(le) for name, le in last.own if name.endswith("lateness_seconds_bucket") and le != "+Inf"]
    bound = max(le for le in bounds if le <= max(_LATE_SHARE * run.interval_s, min(bounds)))
    started = max(1.0, grown("poll_lateness_seconds_count"))
    within = sum(
        value - first.own.get(key, 0.0)
        for key, value in last.own.items()
        if key[0] == "netmon_poll_lateness_seconds_bucket" and key[1] not in ("", "+Inf") and float(key[1]) == bound
    )
    late = max(0.0, started - within)
    if bugs := last.all_of("bugs_total"):
        raise BenchError(f"netmon met {bugs:g} bugs of its own")
    more: dict[str, Any] = {
        "devices": run.devices,
        "runs": len(costs),
        "spread": spread(costs),
        "median_us": rounded(median(costs)),
        "cpu_s_per_1000_readings": rounded(1000 * (last.cpu_s - first.cpu_s) / max(1.0, readings)),
        "cpu_percent": rounded(100 * (last.cpu_s - first.cpu_s) / elapsed),
        "readings_per_poll": rounded(readings / max(1.0, grown("polls_total", "answered"))),
        "polls": round(polls),
        "polls_planned": round(planned),
        "polls_missed": round(last.all_of("polls_skipped_total") - first.all_of("polls_skipped_total")),
        "late_over_s": bound,
        "late_polls": round(late),
        "late_share": round(late / started, 6),
        "scrape_s": rounded(median(look.scrape_s for look in looks)),
        "page_mb": rounded(last.page_bytes / 1e6),
        "page_gzip_mb": rounded(last.sent_bytes / 1e6),
        "series": round(last.of("scrape_series")),
        "influx_points": round(grown("influx_points_total")),
        "influx_dropped_since_start": round(last.all_of("influx_dropped_points_total")),
        "remark": f"{late:.0f} of {started:.0f} polls late by more than {bound:g} s",
    }
    return Row(
        bench="daemon",
        subject="netmon",
        workload=run.workload,
        cpu_us=1e6 * (last.cpu_s - first.cpu_s) / max(1.0, readings),
        per_s=readings / elapsed,
        rss_mb=rss_mb,
        more=more,
    )
