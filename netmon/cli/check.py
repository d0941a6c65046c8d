"""`netmon check`: is the configuration good?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from netmon import units
from netmon.cli.asking import level
from netmon.credential import Credential
from netmon.settings import (
    ConfigErrors,
    InfluxApi,
    InfluxSettings,
    MqttSettings,
    Settings,
    default_directory,
    load,
    quantities,
)

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_EXAMPLE = """\
Reads netmon.yaml, inventory/*.yaml and targets.yaml of the directory and either says OK with a summary, or prints
everything that is wrong, a line each, on standard output, and exits 1. Nothing is polled and nothing is written.

example:
  $ netmon check --config config
  config/inventory/communes.yaml:14:19: '200 Mbps' is not a rate: write it as … (did you mean 200 Mbit/s?)
  1 error
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "check",
        help="say whether the configuration is good, or everything that is wrong with it",
        description="Say whether the configuration is good, or everything that is wrong with it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="DIR",
        help="the configuration directory (default: $NETMON_CONFIG, else /etc/netmon, else ./config)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check a configuration; 0 when it is good, 1 when it is not."""
    directory = args.config or default_directory()
    register, today = units.load(), quantities.today()
    try:
        settings = load(directory, register=register, today=today)
    except ConfigErrors as errors:
        print(errors)
        print(_count(len(errors.problems), "error"))
        return 1
    for warning in settings.warnings:
        print(f"warning: {warning}")
    print(f"OK: {directory}")
    provinces = [register.unit(code, today) for code in settings.provinces]
    print(f"  {'provinces':<12} {', '.join(f'{unit.code} {unit.name}' for unit in provinces if unit is not None)}")
    for name, text in _summary(settings):
        print(f"  {name:<12} {text}")
    return 0


def _summary(settings: Settings) -> Iterable[tuple[str, str]]:
    inventory = settings.inventory
    yield (
        "communes",
        f"{len({site.commune for site in inventory.sites.values()})} with sites, {len(settings.scope)} out of scope",
    )
    yield "sites", _by_kind(site.kind for site in inventory.sites.values())
    spoken = _by_kind(device.speaks for device in inventory.devices.values())
    yield "devices", f"{spoken}, canaries: {', '.join(inventory.canaries) or 'none'}"
    yield "links", _by_kind(link.kind for link in inventory.links.values())
    yield "targets", ", ".join(target.id for target in settings.targets) or "none"
    yield "credentials", ", ".join(f"{entry.name} (version {_spoken(entry)})" for entry in settings.credentials.values())
    yield "store", str(settings.store.path)
    yield "metrics", f"{settings.prometheus.host}:{settings.prometheus.port}"
    yield "mqtt", _broker(settings.mqtt) if settings.mqtt is not None else "none"
    yield "influxdb", _influx(settings.influx) if settings.influx is not None else "none"
    yield "warnings", str(len(settings.warnings))


def _spoken(credential: Credential) -> str:
    return f"3, {level(credential)}" if credential.version == "3" else credential.version


def _broker(mqtt: MqttSettings) -> str:
    host = f"[{mqtt.host}]" if ":" in mqtt.host else mqtt.host
    user = f" as {mqtt.user}" if mqtt.user else ""
    return f"{'mqtts' if mqtt.tls else 'mqtt'}://{host}:{mqtt.port}{user}"


def _influx(influx: InfluxSettings) -> str:
    into = f"bucket {influx.bucket}" if influx.api is InfluxApi.V2 else f"database {influx.database}"
    return f"{influx.url} (api {influx.api}, {into}), outbox: {influx.outbox}"


def _by_kind(kinds: Iterable[str]) -> str:
    counted = Counter(map(str, kinds))
    listed = ", ".join(f"{count} {kind}" for kind, count in counted.most_common())
    return f"{counted.total()} ({listed})" if counted else "0"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
