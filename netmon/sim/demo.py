"""`scripts/demo`: a simulated Cao Bằng and a daemon that watches it, on this machine, until Ctrl-C.

Everything it makes lies in var/demo: the configuration, the store with seven days of simulated past, two logs. A second one
that runs beside it lives in var/demo-2.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netmon import scaffold, units
from netmon.settings import ConfigErrors, Settings, load
from netmon.settings.quantities import today
from netmon.sim.__main__ import DEFAULT_SEED
from netmon.sim.report import Report, look
from netmon.sim.seed import SeedError, fill
from netmon.sim.troubles import Trouble, script
from netmon.targets.definitions import PercentileUtilisation

PROVINCE = "04"
HOMES = (Path("var/demo"), *(Path(f"var/demo-{n}") for n in range(2, 10)))
"""Where the demonstration lives: the first place where no other one is running."""
_USUAL_PORT = 9797
_READY_S, _STOP_S = 60.0, 8.0
_LAST_LINES = 20


class DemoError(Exception):
    """The demonstration cannot go on; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program that was started, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """DemoError with the end of its log when it has ended."""
        code = self.process.poll()
        if code is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
            raise DemoError("\n".join((f"the {self.name} ended with {code}; the end of {self.log}:", *tail)))

    def stop(self) -> None:
        """Ends it by its process id, politely and after some seconds not."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def home_of_our_own(places: Sequence[Path]) -> Iterator[Path]:
    """The first of these directories in which no other demonstration runs, held until the block is left."""
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        with (place / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield place
            return
    raise DemoError(f"a demonstration is running in {', '.join(map(str, places))} already")


# --- what is prepared -------------------------------------------------------------------------------------------------


def prepare(home: Path, *, keep: bool, port: int | None) -> Path:
    """The configuration directory: a new one with nothing in the store, or the one that is there if it is to be kept."""
    config = home / "config"
    if keep and (config / "netmon.yaml").exists():
        return config
    shutil.rmtree(config, ignore_errors=True)
    for left in home.glob("netmon.db*"):
        left.unlink()
    listen = port or _free_port(_USUAL_PORT)
    files = scaffold.province(
        PROVINCE, units.load(), today(), address_plan=_on_loopback(scaffold.private_plan(PROVINCE)), port=_free_udp_port()
    )
    for name, text in files.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(text, encoding="utf-8")
    main = config / "netmon.yaml"
    text = main.read_text(encoding="utf-8")
    for old, new in (
        ("!env NETMON_COMMUNITY", "!file community"),
        ("\nstore:\n", "\ncontrol: ../control.sock\n\nstore:\n  path: ../netmon.db\n"),
        ("listen: 127.0.0.1:9797", f"listen: 127.0.0.1:{listen}"),
    ):
        before, found, after = text.partition(old)
        if not found:
            raise DemoError(f"the example configuration has no '{old.strip()}' to fill in")
        text = before + new + after
    main.write_text(text, encoding="utf-8")
    community = os.open(config / "community", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(community, "w") as file:
        file.write(os.environ.get("NETMON_COMMUNITY") or secrets.token_hex(8))
    return config


def _on_loopback(plan: scaffold.AddressPlan) -> scaffold.AddressPlan:
    """A plan of private addresses, moved from 10.0.0.0/8 to 127.0.0.0/8."""
    return lambda kind, n: "127." + plan(kind, n).removeprefix("10.")


def _free_port(usual: int) -> int:
    """The usual TCP port of 127.0.0.1, or another where something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free_udp_port() -> int:
    """A UDP port that is free on every loopback address."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


# --- what runs --------------------------------------------------------------------------------------------------------


@contextmanager
def running(name: str, arguments: Sequence[str], log: Path, *, ready: Callable[[], bool]) -> Iterator[Child]:
    """A program of netmon's own while the block lasts, entered when it is ready. DemoError: it is not."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which stops them in order
        )
    child = Child(name, process, log)
    try:
        give_up = time.monotonic() + _READY_S
        while not ready():
            child.require_alive()
            if time.monotonic() > give_up:
                raise DemoError(f"the {name} was not ready after {_READY_S:g} s; see {log}")
            time.sleep(0.1)
        yield child
    finally:
        child.stop()


@contextmanager
def province_and_daemon(home: Path, config: Path, settings: Settings, *, seed: int) -> Iterator[list[Child]]:
    """The simulator, and the daemon that watches it."""
    log = home / "simulator.log"
    simulator = ["netmon.sim", "--config", str(config), "--seed", str(seed)]
    with running("simulator", simulator, log, ready=lambda: '"ready": true' in log.read_text()) as province:
        address = (settings.prometheus.host, settings.prometheus.port)
        daemon = ["netmon", "run", "--config", str(config)]
        with running("daemon", daemon, home / "netmon.log", ready=lambda: look(address) is not None) as netmon:
            yield [province, netmon]


def check(children: Sequence[Child], settings: Settings, within_s: float) -> Report:
    """What the daemon says once every device was polled and every commune judged, or when the time is over."""
    give_up = time.monotonic() + within_s
    while True:
        for child in children:
            child.require_alive()
        report = look((settings.prometheus.host, settings.prometheus.port))
        if report is not None and (not report.missing() or time.monotonic() > give_up):
            return report
        if time.monotonic() > give_up:
            raise DemoError("the daemon did not answer in time")
        time.sleep(0.5)


def where_to_look(children: Sequence[Child], config: Path, settings: Settings, *, seed: int) -> str:
    """The addresses and command lines to go on with."""
    chosen = script(settings.inventory, seed=seed, started=time.time())
    page = f"http://{settings.prometheus.host}:{settings.prometheus.port}"
    netmon = f"{Path(sys.executable).parent / 'netmon'}"
    lines = [
        f"{len(settings.inventory.devices)} simulated devices, polled over SNMP and judged. Ctrl-C stops both programs.",
        "",
        f"  metrics    {page}/metrics",
        f"  states     {page}/api/v1/state",
        f"  verdicts   {page}/api/v1/verdicts",
        f"  now        {netmon} status --config {config}",
    ]
    if chosen.saturated:
        commune = settings.inventory.sites[chosen.saturated.site].commune
        target = next((target.id for target in settings.targets if isinstance(target, PercentileUtilisation)), "")
        lines.append(f"  why        {netmon} explain {target}/{commune} --config {config}")
    core = settings.inventory.devices[settings.inventory.canaries[-1]]
    lines += [
        f'  one device NETMON_COMMUNITY="$(cat {config}/community)" {netmon} probe {core.addresses[0]} --port {core.port}',
        f"  logs       {'  '.join(str(child.log) for child in children)}",
        "",
        "What goes wrong:",
        *(f"  {line}" for line in children[0].log.read_text().splitlines() if not line.startswith("{")),
    ]
    return "\n".join(lines)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs a simulated Cao Bằng (78 SNMP agents on loopback addresses) and a netmon that watches it, until\n"
        "Ctrl-C. What it makes lies in var/demo; each run begins anew, with seven days of simulated past.",
        epilog="--check prints one line of JSON: devices, devices_up, communes (those with verdicts), readings, series,\n"
        "verdicts (of communes, by kind) and cpu_seconds (of the daemon); with a reason, and exit status 1, unless every\n"
        "device was polled, 80 % of them are up and every commune is judged.",
    )
    parser.add_argument("--check", type=float, metavar="SECONDS", help="run headless for at most so long, report, and end")
    parser.add_argument("--keep", action="store_true", help="go on with the configuration and the store of the last run")
    parser.add_argument("--port", type=int, metavar="P", help="where to serve pages (9797, or a free port if that is taken)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="chooses traffic and troubles")
    return parser.parse_args(argv)


def main(argv: Sequence[str], homes: Sequence[Path] = HOMES) -> int:
    """Prepares, starts both programs, waits, stops them; the exit code."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, _as_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, _as_interrupt)
    try:
        with home_of_our_own(homes) as home:
            return _demonstrate(home, options)
    except KeyboardInterrupt:
        _say("demo: stopped")
        return 0 if options.check is None else 130
    except (DemoError, ConfigErrors, SeedError, OSError) as error:
        _say(f"demo: {error}")
        return 1


def _demonstrate(home: Path, options: argparse.Namespace) -> int:
    config = prepare(home, keep=options.keep, port=options.port)
    settings = load(config)
    if not settings.store.path.exists():
        _say(fill(settings, seed=options.seed, troubles=tuple(Trouble), days=7, now=time.time()).in_words())
    with province_and_daemon(home, config, settings, seed=options.seed) as children:
        if options.check is None:
            sys.stdout.write(where_to_look(children, config, settings, seed=options.seed) + "\n")
            sys.stdout.flush()
            while True:
                for child in children:
                    child.require_alive()
                time.sleep(0.5)
        report = check(children, settings, options.check)
    missing = report.missing()
    sys.stdout.write(json.dumps(report.figures() | ({"reason": missing} if missing else {})) + "\n")
    if missing:
        _say(f"demo: {missing}")
    return 1 if missing else 0


def _as_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
