"""`scripts/demo`: a simulated Cao Bằng and a daemon that watches it, on this machine, until Ctrl-C.

Everything it makes lies in var/demo: the configuration, the store with seven days of simulated past, the logs of a broker,
the simulator and the daemon. A second one that runs beside it lives in var/demo-2.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, Settings, load
from netmon.sim import sink
from netmon.sim.__main__ import DEFAULT_SEED, above_zero
from netmon.sim.prepare import USUAL_PORT, control_socket, is_taken, prepare, require_free
from netmon.sim.programs import Child, DemoError, Home, home_of_our_own, running
from netmon.sim.report import Report, look
from netmon.sim.seed import SeedError, fill
from netmon.sim.troubles import Trouble, script
from netmon.store import StoreError
from netmon.targets.definitions import PercentileUtilisation

HOMES = (Path("var/demo"), *(Path(f"var/demo-{n}") for n in range(2, 10)))
"""Where the demonstration lives: the first place where no other one is running."""
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def programs(home: Home, config: Path, settings: Settings, *, seed: int) -> Iterator[list[Child]]:
    """The broker, the simulator and the daemon that watches it. DemoError: the daemon's address is taken, or one ended."""
    require_free(settings.prometheus.host, settings.prometheus.port)
    named = ["--config", str(config)]
    log = home.path / "simulator.log"
    with ExitStack() as stack:
        children = []
        if mqtt := settings.mqtt:
            broker = ["netmon.sim.broker", *named, "--home", str(home.path / "broker")]
            ready = partial(is_taken, mqtt.host, mqtt.port)
            children.append(stack.enter_context(running("broker", broker, home, home.path / "broker.log", ready=ready)))
        simulator = ["netmon.sim", *named, "--seed", str(seed)]
        played = running("simulator", simulator, home, log, ready=lambda: '"ready": true' in log.read_text())
        children.append(stack.enter_context(played))
        daemon = running(
            "daemon", ["netmon", "run", *named], home, home.path / "netmon.log", ready=lambda: _answers(settings)
        )
        children.append(stack.enter_context(daemon))
        yield children


def _answers(settings: Settings) -> bool:
    """Whether our own daemon serves pages: it listens on its control socket, which is ours alone, once it has its port."""
    try:
        ask(settings.control, "status")
    except (OSError, ControlError):
        return False
    return _look(settings) is not None


def _look(settings: Settings) -> Report | None:
    return look((settings.prometheus.host, settings.prometheus.port), sink.address(settings.influx))


def check(children: Sequence[Child], settings: Settings, within_s: float) -> Report:
    """What the daemon says once nothing is missing any more, or when the time is over."""
    give_up = time.monotonic() + within_s
    while True:
        for child in children:
            child.require_alive()
        report = _look(settings)
        if report is not None and (not report.missing() or time.monotonic() > give_up):
            return report
        if time.monotonic() > give_up:
            raise DemoError("the daemon did not answer in time")
        time.sleep(0.5)


def where_to_look(children: Sequence[Child], config: Path, settings: Settings, *, seed: int) -> str:
    """The addresses and command lines to go on with."""
    chosen = script(settings.inventory, seed=seed, started=time.time())
    page = f"http://{settings.prometheus.host}:{settings.prometheus.port}"
    netmon = shlex.quote(str(Path(sys.executable).parent / "netmon"))
    where = shlex.quote(str(config))
    lines = [
        f"{len(settings.inventory.devices)} simulated devices, heard over SNMP and MQTT and judged. Ctrl-C stops it all.",
        "",
        f"  wallboard  {page}/",
        f"  metrics    {page}/metrics",
        f"  states     {page}/api/v1/state",
        f"  verdicts   {page}/api/v1/verdicts",
        f"  now        {netmon} status --config {where}",
    ]
    if chosen.saturated:
        commune = settings.inventory.sites[chosen.saturated.site].commune
        target = next((target.id for target in settings.targets if isinstance(target, PercentileUtilisation)), "")
        lines.append(f"  why        {netmon} explain {target}/{commune} --config {where}")
    core = settings.inventory.canaries[-1]
    lines += [
        f"  one device {netmon} probe {core} --config {where}",
        f"  logs       {'  '.join(str(child.log) for child in children)}",
        "",
        "What goes wrong:",
        *(f"  {line}" for line in _log(children, "simulator").splitlines() if not line.startswith("{")),
    ]
    return "\n".join(lines)


def _log(children: Sequence[Child], name: str) -> str:
    return next(child.log.read_text(encoding="utf-8") for child in children if child.name == name)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs a simulated Cao Bằng (78 SNMP agents on loopback addresses, of which 58 speak SNMPv3, and 102\n"
        "base stations and 6 speed probes that report over MQTT), its broker (mosquitto where it is installed), a\n"
        "stand-in for InfluxDB, and a netmon that watches it all, until Ctrl-C. What it makes lies in var/demo; each\n"
        "run begins anew, with seven days of simulated past.",
        epilog="--check prints one line of JSON: devices, devices_up, communes (those with verdicts), readings, series,\n"
        "verdicts (of communes, by kind), mqtt_messages, influx_points (that the stand-in accepted, or that InfluxDB did\n"
        "where it is another) and cpu_seconds (of the daemon); with a reason, and exit status 1, unless there are 150\n"
        "devices, all of them looked at and 80 % up, every commune is judged, the page has more than 2,000 series,\n"
        "messages come, and points arrive: none is dropped, and the stand-in has nine tenths of what the daemon counts.\n\n"
        "With --keep the broker and the stand-in get new ports; an influxdb section that names another org than\n"
        "'simulated' is left alone.",
    )
    add_options(parser)
    return parser.parse_args(argv)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a demonstration can be told."""
    parser.add_argument(
        "--check", type=above_zero, metavar="SECONDS", help="run headless for at most so long, report, and end"
    )
    parser.add_argument("--keep", action="store_true", help="go on with the configuration and the store of the last run")
    parser.add_argument(
        "--port", type=_port, metavar="P", help="where to serve pages (9797, or a free port if that is taken)"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="chooses traffic and troubles")


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"'{text}': expected a port from 1 to 65535")
    return int(text)


def main(argv: Sequence[str], homes: Sequence[Path] = HOMES) -> int:
    """Prepares, starts the programs, waits, stops them; the exit code."""
    options = _options(argv)
    return at_home("demo", homes, partial(_demonstrate, options), headless=options.check is not None)


def at_home(name: str, homes: Sequence[Path], play: Callable[[Home, int], int], *, headless: bool) -> int:
    """Plays in the first of these homes that is free, with the port that is usual there, until it ends or somebody ends it;
    the exit code. What goes wrong is said under that name."""
    try:
        for number in _STOPS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
                signal.signal(number, _as_interrupt)
        with home_of_our_own(homes) as home:
            # Two that begin at the same moment would both find the usual port free.
            usual_port = USUAL_PORT if home.path == homes[0].absolute() else 0
            return play(home, usual_port)
    except KeyboardInterrupt:
        say(f"{name}: stopped")
        return 130 if headless else 0
    except (DemoError, ConfigErrors, SeedError, StoreError, OSError) as error:
        say(f"{name}: {error}")
        return 1


def _demonstrate(options: argparse.Namespace, home: Home, usual_port: int) -> int:
    with control_socket(home.path) as control:
        config = prepare(home.path, keep=options.keep, port=options.port, control=control, usual_port=usual_port)
        return _show(home, config, load(config), options)


def _show(home: Home, config: Path, settings: Settings, options: argparse.Namespace) -> int:
    with_a_past(settings, seed=options.seed)
    with programs(home, config, settings, seed=options.seed) as children:
        if options.check is None:
            sys.stdout.write(where_to_look(children, config, settings, seed=options.seed) + "\n")
            sys.stdout.flush()
            go_on(children)
        report = check(children, settings, options.check)
    missing = report.missing()
    sys.stdout.write(json.dumps(report.figures() | ({"reason": missing} if missing else {})) + "\n")
    if missing:
        say(f"demo: {missing}")
    return 1 if missing else 0


def with_a_past(settings: Settings, *, seed: int) -> None:
    """Fills a store that is not there yet with seven days of simulated past, and says what broke then."""
    if not settings.store.path.exists():
        say(fill(settings, seed=seed, troubles=tuple(Trouble), days=7, now=time.time()).in_words())


def go_on(children: Sequence[Child]) -> NoReturn:
    """Waits for somebody to end it. DemoError: one of the programs ended by itself."""
    while True:
        for child in children:
            child.require_alive()
        time.sleep(0.5)


def _as_interrupt(number: int, frame: object) -> None:
    for each in _STOPS:  # once is enough: what follows ends by itself, in order and in bounded time
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def say(text: str) -> None:
    """For who sits there, not for who reads the one line of a check."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
