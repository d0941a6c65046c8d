"""The home of a demonstration: its configuration with ports and secrets filled in, its store, its control socket."""

from __future__ import annotations

import errno
import os
import random
import re
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from netmon import scaffold, units
from netmon.settings.quantities import today
from netmon.sim.programs import DemoError
from netmon.sim.sink import ORG
from netmon.store.schema import lock

PROVINCE = "04"
USUAL_PORT = 9797
_OLD = "inventory/bts.yaml"
"""Where the devices stand that know no SNMPv3: power controllers of base stations."""
_PROBES = "inventory/probes.yaml"
_FEEDS = "inventory/feeds.yaml"
_PROBE_EVERY = 10
"""So many communes have a probe between them."""
_USUAL_SOCKET = "../control.sock"
_SOCKET_PATH = 107
"""Bytes that the path of a Unix socket may have (unix(7))."""


@contextmanager
def control_socket(home: Path) -> Iterator[str]:
    """Where the control socket is to be, as the configuration has it: beside it, or elsewhere while the block lasts."""
    beside = home.resolve() / "control.sock"
    if len(os.fsencode(beside)) <= _SOCKET_PATH:
        yield _USUAL_SOCKET
        return
    with tempfile.TemporaryDirectory(prefix="netmon-", dir="/tmp") as short:
        sys.stderr.write(
            f"{beside} is longer than the {_SOCKET_PATH} bytes of a socket's path: the control socket lies in {short}\n"
        )
        yield f"{short}/control.sock"


def prepare(home: Path, *, keep: bool, port: int | None, control: str = _USUAL_SOCKET, usual_port: int = USUAL_PORT) -> Path:
    """The configuration directory: a new one with nothing in the store, or the one that is there if it is to be kept.

    Pages are served on `port`, else on the usual one where it is free. The broker and the sink for InfluxDB's points get new
    ports each time; points that somebody sends elsewhere, in a configuration that is kept, still go there.

    DemoError: the port is taken; StoreError: a netmon that this one did not start writes to the store.
    """
    if port is not None:
        require_free("127.0.0.1", port)
    config = home / "config"
    main = config / "netmon.yaml"
    if keep and main.exists():
        text = _with_servers(main.read_text(encoding="utf-8"))
        if port is not None:
            text = _filled_in(text, "listen", f" 127.0.0.1:{port}")
        if control != _USUAL_SOCKET:
            text = _filled_in(text, "control", f" {control}")
        main.write_text(text, encoding="utf-8")
        return config
    _empty(home / "netmon.db")
    shutil.rmtree(config, ignore_errors=True)
    files = scaffold.province(
        PROVINCE,
        units.load(),
        today(),
        address_plan=_on_loopback(scaffold.private_plan(PROVINCE)),
        port=_free_udp_port(),
        secret=lambda name: f"!file {name}",
    )
    text = files.pop(main.name)
    files[_OLD] = files[_OLD].replace("-pwr, address:", "-pwr, credential: old, address:")
    files[_PROBES] = _probes()
    files[_FEEDS] = _feeds()
    text = re.sub(r"(?m)^# (  old:|    (?:version|community):)", r"\1", text)
    text = _filled_in(text, "store", "\n  path: ../netmon.db")
    text = _filled_in(text, "listen", f" 127.0.0.1:{port or free_port(usual_port)}")
    text = _with_servers(_with_influx(text))
    for name, content in files.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(content, encoding="utf-8")
    for name in ("snmp-auth", "snmp-priv", "community", "mqtt-password", "influxdb-token"):
        given = os.environ.get(f"NETMON_{name.upper().replace('-', '_')}")
        write_secret(config / name, given or secrets.token_hex(8))
    main.write_text(f"{text}\ncontrol: {control}\n", encoding="utf-8")  # last: with it the directory is whole
    return config


def _probes() -> str:
    """Service centres of some communes, with a probe in each that measures the speed of their connections."""
    sites = [
        f"""\
  - id: cb-hcc-{commune.code}
    name: Trung tâm phục vụ hành chính công {commune.name}
    commune: "{commune.code}"
    kind: service_centre
    devices:
      - {{id: cb-hcc-{commune.code}-probe, protocol: mqtt, interval: 60s, upstreams: [cb-{commune.code}-r1]}}
"""
        for commune in units.load().communes(PROVINCE, today())[::_PROBE_EVERY]
    ]
    return f"""\
# Service centres with a probe that measures the speed of fixed and mobile connections, and tells it over MQTT.
sites:
{"".join(sites)}"""


def _feeds() -> str:
    """The gateways over which the operators on the province's masts tell of their cells."""
    seat = next(unit for unit in units.load().communes(PROVINCE, today()) if unit.kind == "phuong")
    devices = "".join(
        f"      - {{id: cb-feed-{operator}, protocol: mqtt, feeds: {operator}, interval: 60s, upstreams: [cb-core-1]}}\n"
        for operator in scaffold.CARRIERS
    )
    return f"""\
# The operators' gateways: each tells over MQTT how its cells at the base stations are (docs/bts.md).
sites:
  - id: cb-feeds
    name: Nơi các nhà mạng chuyển số liệu trạm BTS
    commune: "{seat.code}"
    kind: agent_point
    devices:
{devices}"""


def write_secret(path: Path, text: str) -> None:
    """A file that only its owner reads."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _with_influx(text: str) -> str:
    """A configuration in which the section of InfluxDB is no comment any more, and names the simulator."""
    text = re.sub(r"(?m)^# (  influxdb:|    (?:url|api|org|bucket|token):)", r"\1", text)
    text = _filled_in(text, "org", f" {ORG}")
    return _filled_in(text, "token", " !file influxdb-token")


def _with_servers(text: str) -> str:
    """A configuration with the addresses of the demonstration's own servers filled in."""
    broker, sink = quiet_ports(2)
    text = _filled_in(text, "broker", f" mqtt://127.0.0.1:{broker}")
    if re.search(rf"(?m)^ *org: {ORG}$", text):
        text = _filled_in(text, "url", f" http://127.0.0.1:{sink}")
    return text


def points_go_to(config: Path, url: str) -> None:
    """From now on the points of a prepared configuration go to the server there, not to the simulator's sink."""
    main = config / "netmon.yaml"
    text = _filled_in(main.read_text(encoding="utf-8"), "org", " stack")
    main.write_text(_filled_in(text, "url", f" {url}"), encoding="utf-8")


def _empty(store: Path) -> None:
    """Takes away a store and what waits beside it for InfluxDB, but not its lock, which another may have opened.

    StoreError: the store is in use.
    """
    held = lock(store)
    try:
        for end in ("", "-wal", "-shm", ".roots"):
            store.with_name(store.name + end).unlink(missing_ok=True)
        shutil.rmtree(store.with_name("influxdb-outbox"), ignore_errors=True)
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


def require_free(host: str, port: int) -> None:
    """DemoError: pages cannot be served there, most often because something else listens."""
    try:
        _bound(host, port)
    except OSError as error:
        why = "something listens there already" if error.errno == errno.EADDRINUSE else error.strerror
        raise DemoError(f"pages cannot be served on {host}:{port}: {why}; choose another with --port P") from None


def is_taken(host: str, port: int) -> bool:
    """Whether something listens there; asked without a connection, which it would have to make sense of."""
    try:
        _bound(host, port)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _bound(host: str, port: int) -> int:
    """A TCP port, 0 for any, that one could listen on just now. OSError: one could not."""
    address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(address[0]) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or an ended connection would be in the way
        probe.bind(address[4])
        return int(probe.getsockname()[1])


def free_port(usual: int = 0) -> int:
    """The usual TCP port of 127.0.0.1, or another where there is none or something listens there already."""
    return usual if usual and not is_taken("127.0.0.1", usual) else quiet_ports(1)[0]


def quiet_ports(count: int) -> list[int]:
    """Free TCP ports that no outgoing connection gets before they are listened on: Linux gives those from 32768 on."""
    free = (port for port in random.SystemRandom().sample(range(20_000, 32_768), 1_000) if not is_taken("127.0.0.1", port))
    return list(islice(free, count))


def _free_udp_port() -> int:
    """A UDP port that is free on every loopback address."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
