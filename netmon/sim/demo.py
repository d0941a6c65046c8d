"""`scripts/demo`: a simulated Cao Bằng and a daemon that watches it, on this machine, until Ctrl-C.

Everything it makes lies in var/demo: the configuration, the store with seven days of simulated past, two logs. A second one
that runs beside it lives in var/demo-2.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netmon import scaffold, units
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, Settings, load
from netmon.settings.quantities import today
from netmon.sim.__main__ import DEFAULT_SEED, above_zero
from netmon.sim.programs import Child, DemoError, Home, home_of_our_own, running
from netmon.sim.report import Report, look
from netmon.sim.seed import SeedError, fill
from netmon.sim.troubles import Trouble, script
from netmon.store import StoreError
from netmon.store.schema import lock
from netmon.targets.definitions import PercentileUtilisation

PROVINCE = "04"
HOMES = (Path("var/demo"), *(Path(f"var/demo-{n}") for n in range(2, 10)))
"""Where the demonstration lives: the first place where no other one is running."""
_USUAL_PORT = 9797
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_USUAL_SOCKET = "../control.sock"
_SOCKET_PATH = 107
"""Bytes that the path of a Unix socket may have (unix(7))."""


# --- what is prepared -------------------------------------------------------------------------------------------------


@contextmanager
def control_socket(home: Path) -> Iterator[str]:
    """Where the control socket is to be, as the configuration has it: beside it, or elsewhere while the block lasts."""
    beside = home.resolve() / "control.sock"
    if len(os.fsencode(beside)) <= _SOCKET_PATH:
        yield _USUAL_SOCKET
        return
    with tempfile.TemporaryDirectory(prefix="netmon-", dir="/tmp") as short:
        _say(f"{beside} is longer than the {_SOCKET_PATH} bytes of a socket's path: the control socket lies in {short}")
        yield f"{short}/control.sock"


def prepare(home: Path, *, keep: bool, port: int | None, control: str = _USUAL_SOCKET) -> Path:
    """The configuration directory: a new one with nothing in the store, or the one that is there if it is to be kept.

    DemoError: the port is taken; StoreError: a netmon that this one did not start writes to the store.
    """
    if port is not None:
        _require_free("127.0.0.1", port)
    config = home / "config"
    main = config / "netmon.yaml"
    if keep and main.exists():
        text = main.read_text(encoding="utf-8")
        if port is not None:
            text = _filled_in(text, "listen", f" 127.0.0.1:{port}")
        if control != _USUAL_SOCKET:
            text = _filled_in(text, "control", f" {control}")
        main.write_text(text, encoding="utf-8")
        return config
    _empty(home / "netmon.db")
    shutil.rmtree(config, ignore_errors=True)
    files = scaffold.province(
        PROVINCE, units.load(), today(), address_plan=_on_loopback(scaffold.private_plan(PROVINCE)), port=_free_udp_port()
    )
    text = files.pop(main.name)
    for key, value in (
        ("community", " !file community"),
        ("store", "\n  path: ../netmon.db"),
        ("listen", f" 127.0.0.1:{port or _free_port(_USUAL_PORT)}"),
    ):
        text = _filled_in(text, key, value)
    for name, content in files.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(content, encoding="utf-8")
    community = os.open(config / "community", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(community, "w") as file:
        file.write(os.environ.get("NETMON_COMMUNITY") or secrets.token_hex(8))
    main.write_text(f"{text}\ncontrol: {control}\n", encoding="utf-8")  # last: with it the directory is whole
    return config


def _empty(store: Path) -> None:
    """Takes away a store, but not the lock beside it, which another may have opened. StoreError: the store is in use."""
    held = lock(store)
    try:
        for end in ("", "-wal", "-shm"):
            store.with_name(store.name + end).unlink(missing_ok=True)
    finally:
        os.close(held)


def _filled_in(text: str, key: str, value: str) -> str:
    """A configuration with the first value of a key replaced. DemoError: it has none."""
    found, times = re.subn(rf"(?m)^( *{key}:)[^#\n]*?(?=$| +#)", lambda line: line[1] + value, text, count=1)
    if not times:
        raise DemoError(f"the configuration has no '{key}:' to fill in")
    return found


def _on_loopback(plan: scaffold.AddressPlan) -> scaffold.AddressPlan:
    """A plan of private addresses, moved from 10.0.0.0/8 to 127.0.0.0/8."""
    return lambda kind, n: "127." + plan(kind, n).removeprefix("10.")


def _require_free(host: str, port: int) -> None:
    """DemoError: nothing new can listen there, most often because something else does."""
    try:
        _bound(host, port)
    except OSError as error:
        why = "something listens there already" if error.errno == errno.EADDRINUSE else error.strerror
        raise DemoError(f"pages cannot be served on {host}:{port}: {why}; choose another with --port P") from None


def _bound(host: str, port: int) -> int:
    """A TCP port, 0 for any, that one could listen on just now. OSError: one could not."""
    address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(address[0]) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or an ended connection would be in the way
        probe.bind(address[4])
        return int(probe.getsockname()[1])


def _free_port(usual: int) -> int:
    """The usual TCP port of 127.0.0.1, or another where something listens there already."""
    try:
        return _bound("127.0.0.1", usual)
    except OSError:
        return _bound("127.0.0.1", 0)


def _free_udp_port() -> int:
    """A UDP port that is free on every loopback address."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


# --- what runs --------------------------------------------------------------------------------------------------------


@contextmanager
def province_and_daemon(home: Home, config: Path, settings: Settings, *, seed: int) -> Iterator[list[Child]]:
    """The simulator, and the daemon that watches it. DemoError: the daemon's address is taken, or one of them ended."""
    _require_free(settings.prometheus.host, settings.prometheus.port)
    log = home.path / "simulator.log"
    simulator = ["netmon.sim", "--config", str(config), "--seed", str(seed)]
    with running("simulator", simulator, home, log, ready=lambda: '"ready": true' in log.read_text()) as province:
        daemon = ["netmon", "run", "--config", str(config)]
        with running("daemon", daemon, home, home.path / "netmon.log", ready=lambda: _answers(settings)) as netmon:
            yield [province, netmon]


def _answers(settings: Settings) -> bool:
    """Whether our own daemon serves pages: it listens on its control socket, which is ours alone, once it has its port."""
    try:
        ask(settings.control, "status")
    except (OSError, ControlError):
        return False
    return look((settings.prometheus.host, settings.prometheus.port)) is not None


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
    netmon = shlex.quote(str(Path(sys.executable).parent / "netmon"))
    where, secret = (shlex.quote(str(path)) for path in (config, config / "community"))
    lines = [
        f"{len(settings.inventory.devices)} simulated devices, polled over SNMP and judged. Ctrl-C stops both programs.",
        "",
        f"  metrics    {page}/metrics",
        f"  states     {page}/api/v1/state",
        f"  verdicts   {page}/api/v1/verdicts",
        f"  now        {netmon} status --config {where}",
    ]
    if chosen.saturated:
        commune = settings.inventory.sites[chosen.saturated.site].commune
        target = next((target.id for target in settings.targets if isinstance(target, PercentileUtilisation)), "")
        lines.append(f"  why        {netmon} explain {target}/{commune} --config {where}")
    core = settings.inventory.devices[settings.inventory.canaries[-1]]
    lines += [
        f'  one device NETMON_COMMUNITY="$(cat {secret})" {netmon} probe {core.addresses[0]} --port {core.port}',
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
    parser.add_argument(
        "--check", type=above_zero, metavar="SECONDS", help="run headless for at most so long, report, and end"
    )
    parser.add_argument("--keep", action="store_true", help="go on with the configuration and the store of the last run")
    parser.add_argument(
        "--port", type=_port, metavar="P", help="where to serve pages (9797, or a free port if that is taken)"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="chooses traffic and troubles")
    return parser.parse_args(argv)


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"'{text}': expected a port from 1 to 65535")
    return int(text)


def main(argv: Sequence[str], homes: Sequence[Path] = HOMES) -> int:
    """Prepares, starts both programs, waits, stops them; the exit code."""
    options = _options(argv)
    try:
        for number in _STOPS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
                signal.signal(number, _as_interrupt)
        with home_of_our_own(homes) as home:
            return _demonstrate(home, options)
    except KeyboardInterrupt:
        _say("demo: stopped")
        return 0 if options.check is None else 130
    except (DemoError, ConfigErrors, SeedError, StoreError, OSError) as error:
        _say(f"demo: {error}")
        return 1


def _demonstrate(home: Home, options: argparse.Namespace) -> int:
    with control_socket(home.path) as control:
        config = prepare(home.path, keep=options.keep, port=options.port, control=control)
        return _show(home, config, load(config), options)


def _show(home: Home, config: Path, settings: Settings, options: argparse.Namespace) -> int:
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
    for each in _STOPS:  # once is enough: what follows ends by itself, in order and in bounded time
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
