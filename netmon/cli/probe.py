"""`netmon probe`: ask one device once and print what it said, without any configuration."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from netmon import profiles
from netmon.catalogue import DEVICE
from netmon.cli.words import fail, table, width
from netmon.credential import Credential, Secret
from netmon.model import Device, Outcome, Poll, Reading
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles.schema import DEVICE_INFO, PLACE
from netmon.snmp import Client

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COMMUNITY = "NETMON_COMMUNITY"
DEADLINE_S = 60.0

_LIKELY = {
    Outcome.SILENT: "Likely: a wrong community, an access list without this machine, a firewall on the way, another port, "
    "or nobody there.",
    Outcome.REFUSED: "Something is there, but it would not be measured: check the port, the agent's access list and the "
    "address it answers from.",
    Outcome.LOCAL: "The fault is on this side: check the routes of this machine.",
}

_PORT_CLOSED = "Nothing listens on that UDP port (or a firewall says so): is an SNMP agent running there, on another --port?"

NARROWEST = 8
"""Columns that a column of the table keeps, however narrow the terminal."""
_HOST_AND_PORT = re.compile(r"(?P<host>[^:]+|\[[^\]]*\]):(?P<port>\d*)")

_EXAMPLE = """\
examples:
  $ netmon probe 192.0.2.1 --community commune-ro
  $ NETMON_COMMUNITY=commune-ro netmon probe router.example --format json > readings.json

JSON is a list of what was read on standard output, each with family, labels, value, unit and oid; what the device says it
is goes to standard error. The table fits the terminal, and is as wide as it needs where there is none. Values are raw for
counters, ratios for %, seconds for times.
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "probe",
        help="identify one device, poll it once, print what was found",
        description="Identify one device, poll it once, print what was found.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("host", metavar="HOST", type=_host, help="address or name of the device")
    parser.add_argument(
        "--version", metavar="{1,2c}", type=_version, default="2c", help="SNMP version (default: %(default)s)"
    )
    parser.add_argument("--community", metavar="NAME", help=f"community (default: ${COMMUNITY}, else public)")
    parser.add_argument("--port", metavar="P", type=_port, default=161, help="UDP port (default: %(default)s)")
    parser.add_argument(
        "--timeout", metavar="S", type=_seconds, default=2.0, help="seconds to wait for each answer (default: %(default)g)"
    )
    parser.add_argument("--retries", metavar="N", type=_count, default=1, help="times to ask again (default: %(default)s)")
    parser.add_argument("--profile", metavar="P", help="profile (default: chosen by the device's sysObjectID)")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Probe a device; 0 when it answered, 1 when not."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    community, origin = _community(args.community)
    try:
        addresses = _resolve(args.host)
        known = profiles.load()
        if args.profile:
            known.named(args.profile)
    except OSError as error:
        return fail(f"{args.host} has no address: {error.strerror}")
    except profiles.ProfileError as error:
        return fail(str(error))
    device = Device(
        id=args.host,
        site="",
        addresses=addresses,
        port=args.port,
        profile=args.profile,
        timeout_s=args.timeout,
        retries=args.retries,
        deadline_s=DEADLINE_S,
    )
    credential = Credential(name=origin, version=args.version, community=Secret(community))
    poll, sys_object_id, profile = asyncio.run(_probe(device, credential, known))
    if poll.outcome is not Outcome.ANSWERED:
        return fail(_failure(device, credential, poll))

    values = [reading for reading in poll.readings if reading.series.family != DEVICE_INFO]
    identity = _identity(poll, sys_object_id, profile, origin)
    if args.format == "json":
        print(identity, file=sys.stderr)
        read = [_as_json(reading) for reading in poll.readings if reading.series.oid]
        print(json.dumps(read, ensure_ascii=False, indent=1))
    else:
        print(identity, end="\n\n")
        order = list(DEVICE)
        values.sort(key=lambda reading: order.index(reading.series.family))
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(_table(values, columns))
    if poll.detail or poll.incomplete:
        print(f"netmon: incomplete: {', '.join(poll.incomplete) or '-'}. {poll.detail}", file=sys.stderr)
    return 0


async def _probe(device: Device, credential: Credential, known: profiles.Profiles) -> tuple[Poll, str, str]:
    async with Client() as client:
        poller = SnmpPoller(client, device, (), credential, known)
        poll = await poller.poll(light=True)  # sysUpTime by itself first: what a failure is then about is plain
        return poll, poller.sys_object_id, poller.profile


def _community(given: str | None) -> tuple[str, str]:
    """The community and where it came from; the second may be printed."""
    if given is not None:
        return given, "--community"
    if COMMUNITY in os.environ:
        return os.environ[COMMUNITY], f"${COMMUNITY}"
    return "public", "the default"


def _resolve(host: str) -> tuple[str, ...]:
    """Addresses of a name, in the system's order. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _failure(device: Device, credential: Credential, poll: Poll) -> str:
    """What was asked, what came back, and what that usually means."""
    asked = ", ".join(
        f"[{address}]:{device.port}" if ":" in address else f"{address}:{device.port}" for address in device.addresses
    )
    how = f"SNMPv{credential.version}, community from {credential.name}"
    came, likely = poll.detail, _LIKELY.get(poll.outcome, "")
    if poll.outcome is Outcome.SILENT:
        attempts = f"{device.retries + 1} attempts" if device.retries else "1 attempt"
        how = f"{how}, {attempts}, {poll.ended.monotonic - poll.sent.monotonic:.1f} s"
        came = "nothing came."
    elif "port unreachable" in came:
        likely = _PORT_CLOSED
    return f"asked {asked} ({how}) for sysUpTime.0: {came} {likely}".rstrip()


def _identity(poll: Poll, sys_object_id: str, profile: str, origin: str) -> str:
    info = next((reading.series for reading in poll.readings if reading.series.family == DEVICE_INFO), None)
    lines = [("sys_object_id", sys_object_id), ("profile", profile)]
    lines += [(name, value) for name, value in (info.labels if info else ()) if name not in (*PLACE, "profile")]
    if poll.round_trip_s is not None:
        lines.append(("round_trip", f"{poll.round_trip_s * 1000:.1f} ms"))
    lines.append(("community", f"from {origin}"))
    return "\n".join(f"{name:<14} {value or '-'}" for name, value in lines)


def _as_json(reading: Reading) -> dict[str, object]:
    series = reading.series
    return {
        "family": series.family,
        "labels": _labels(reading),
        "value": reading.value,
        "unit": DEVICE[series.family].unit,
        "oid": series.oid,
    }


def _table(readings: Sequence[Reading], columns: int | None) -> str:
    """The readings, no wider than `columns`: what all have in common is left out, then the widest cells are wrapped."""
    labels = [_labels(reading) for reading in readings]
    common = set.intersection(*(set(each.items()) for each in labels)) if len(labels) > 1 else set()
    head = ("FAMILY", "LABELS", "VALUE", "UNIT", "OID")
    rows = [
        _as_row(reading, {name: value for name, value in each.items() if (name, value) not in common})
        for reading, each in zip(readings, labels, strict=True)
    ]
    widths = [max(width(row[i]) for row in (head, *rows)) for i in range(len(head))]
    while columns is not None and sum(widths) + 2 * (len(widths) - 1) > columns:
        widest = max((0, 1, 4), key=widths.__getitem__)  # not the value, which is read as a whole, nor its unit
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    lines = []
    for row in rows:
        cells = [_pieces(cell, space) for cell, space in zip(row, widths, strict=True)]
        lines += [[cell[i] if i < len(cell) else "" for cell in cells] for i in range(max(map(len, cells)))]
    return table(head, lines)


def _pieces(text: str, space: int) -> list[str]:
    """A cell in pieces of at most so many columns, parted behind a mark between its words where there is one."""
    found = []
    while width(text) > space:
        marks = [mark.end() for mark in re.finditer(r"[ _.]", text[:space]) if mark.end() > space // 2]
        cut = marks[-1] if marks else space
        found.append(text[:cut].rstrip())
        text = text[cut:]
    return [*found, text]


def _as_row(reading: Reading, labels: Mapping[str, str]) -> tuple[str, ...]:
    said = " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if value)
    value = str(reading.value) if isinstance(reading.value, int) else f"{reading.value:.12g}"
    return reading.series.family, said, value, DEVICE[reading.series.family].unit, reading.series.oid or "-"


def _labels(reading: Reading) -> dict[str, str]:
    """Without the device's place: a device that is in no inventory has none."""
    return {name: value for name, value in reading.series.labels if name not in PLACE}


def _host(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; an address or a name is needed")
    both = _HOST_AND_PORT.fullmatch(text)
    if both:
        host = both["host"].strip("[]")
        raise argparse.ArgumentTypeError(f"'{text}' has a port in it; write {host} --port {both['port'] or 'P'}")
    return text.strip()


def _version(text: str) -> str:
    if text == "3":
        raise argparse.ArgumentTypeError("SNMPv3 is not spoken yet by this version of netmon; 1 and 2c are")
    if text not in ("1", "2c"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a version of SNMP that is spoken here; 1 and 2c are")
    return text


def _port(text: str) -> int:
    return _whole(text, 1, 65535)


def _count(text: str) -> int:
    return _whole(text, 0, 100)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= DEADLINE_S:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0 and up to {DEADLINE_S:g}")
    return seconds


def _whole(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}")
    return number
