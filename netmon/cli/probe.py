"""`netmon probe`: ask one device once and print what it said, with a configuration or without any."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from netmon import profiles
from netmon.catalogue import DEVICE
from netmon.cli import asking, readings
from netmon.cli.asking import UnclearError
from netmon.cli.engine_id import in_words
from netmon.cli.words import ago, fail, out, table
from netmon.credential import Credential
from netmon.model import Device, Engine, Outcome, Poll, Speech
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import Profile, Row, trial
from netmon.profiles.schema import DEVICE_INFO, PLACE
from netmon.settings import ConfigErrors, Settings, default_directory, load, quantities
from netmon.settings.problem import UnfitError, meant
from netmon.snmp import Client, Request, Response, Target, VarBind, Walk, oid, walk

if TYPE_CHECKING:
    from argparse import _SubParsersAction

DEADLINE_S = 60.0
TIMEOUT_S, RETRIES, PORT = 2.0, 1, 161

_ROOTS = tuple(map(oid.encode, ("1.3.6.1", "1.0.8802")))
"""Where everything that agents answer lies: internet, and the LLDP-MIB of IEEE 802.1AB."""
_TELL_EVERY_S = 5.0

_SILENT = "an access list without this machine, a firewall on the way, another port, or nobody there."
_LIKELY = {
    Outcome.REFUSED: "Something is there, but it would not be measured: check the port, the agent's access list and the "
    "address it answers from.",
    Outcome.LOCAL: "The fault is on this side: check the routes of this machine.",
}

_LIKELY_WHERE = {
    "port unreachable": "Nothing listens on that UDP port (or a firewall says so): is an SNMP agent running there, on "
    "another --port?",
    "also_from": "Routers with several addresses often do so. To try it: --also-from and that address; for good: "
    "also_from: [ADDRESS] at the device in inventory/*.yaml, or that one as its address.",
    "authorizationError": "It knows who asks but shows nothing: its access control (VACM) has no line for that user, or "
    "wants a higher security level.",
}
"""By a word of what came."""

_HOST_AND_PORT = re.compile(r"(?P<host>[^:]+|\[[^\]]*\]):(?P<port>\d*)")

_EXAMPLE = """\
examples:
  $ netmon probe 192.0.2.1 -u netmon
      SNMPv3, authenticated and encrypted (SHA-256, AES); the keys come from the environment, or are asked for
  $ netmon probe 192.0.2.1 -u netmon -l authNoPriv -a SHA -A /run/keys/snmp-auth
      authenticated only, the key in a file
  $ netmon probe cb-core-1 --config config
      a device of a configuration by its id: address, port, credential and also_from are the inventory's
  $ netmon probe 192.0.2.1 --config config --credential old
      any address, with a credential of a configuration
  $ NETMON_COMMUNITY=commune-ro netmon probe router.example --format json > readings.json
      SNMPv2c
  $ netmon probe cb-bts-7 --config config --unknown
      and what the device answers that its profile does not read: it is walked whole, which may take minutes

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
    parser.add_argument(
        "host", metavar="HOST", type=_host, help="address or name of the device, or its id in the configuration"
    )
    asking.add_options(parser)
    known = parser.add_argument_group("from a configuration")
    known.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        help="its directory (with --credential: $NETMON_CONFIG, else /etc/netmon, else ./config)",
    )
    known.add_argument("--credential", metavar="NAME", help="one of its credentials (default: the device's)")
    parser.add_argument("--port", metavar="P", type=_port, help=f"UDP port (default: {PORT})")
    parser.add_argument(
        "--also-from",
        metavar="ADDRESS",
        type=_address,
        action="append",
        default=[],
        help="another address from which its answers may come",
    )
    parser.add_argument(
        "-t",
        "--timeout",
        metavar="S",
        type=_seconds,
        help=f"seconds to wait for each answer (default: {TIMEOUT_S:g})",
    )
    parser.add_argument("-r", "--retries", metavar="N", type=_count, help=f"times to ask again (default: {RETRIES})")
    parser.add_argument("--profile", metavar="P", help="profile (default: chosen by the device's sysObjectID)")
    parser.add_argument(
        "--unknown",
        action="store_true",
        help="walk the device whole, and list what it answers that its profile does not read",
    )
    parser.add_argument("--engine", choices=[*Engine], help="which SNMP engine asks: netmon's own, or pysnmp for comparison")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Probe a device; 0 when it answered, 1 when not."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        device, credential, known = _chosen(args)
        if device.profile:
            known.named(device.profile)
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return fail("the configuration has errors; nothing was asked")
    except (UnclearError, profiles.ProfileError) as error:
        return fail(str(error))
    found = asyncio.run(_probe(device, credential, known, unknown=args.unknown))
    poll = found.poll
    if poll.outcome is not Outcome.ANSWERED:
        return fail(_failure(device, credential, poll))

    values = [reading for reading in poll.readings if reading.series.family != DEVICE_INFO]
    identity = _identity(found, credential)
    if args.format == "json":
        out(identity, file=sys.stderr)
        read = [readings.as_json(reading) for reading in poll.readings if reading.series.oid]
        print(json.dumps(read, ensure_ascii=False, indent=1))
    else:
        out(identity, end="\n\n")
        order = list(DEVICE)
        values.sort(key=lambda reading: order.index(reading.series.family))
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(readings.as_table(values, columns))
    if found.walked is not None:
        _tell_unknown(found.walked, known.named(found.profile))
    if poll.detail or poll.incomplete:
        out(f"netmon: incomplete: {', '.join(poll.incomplete) or '-'}. {poll.detail}", file=sys.stderr)
    return 0


# --- whom to ask, and how ---------------------------------------------------------------------------------------------


def _chosen(args: argparse.Namespace) -> tuple[Device, Credential, profiles.Profiles]:
    """Whom the options mean, how to ask, and what. UnclearError or ConfigErrors say why that is not to be known."""
    settings = load(args.config or default_directory()) if args.config or args.credential else None
    known = settings.profiles if settings else profiles.load()
    device = settings.inventory.devices.get(args.host) if settings else None
    if device is not None and device.speaks is Speech.MQTT:
        raise UnclearError(f"{device.id} reports by itself, over MQTT: it is never asked")
    credential = _credential(args, settings, device)
    if device is None:
        addresses = _resolve(args.host, settings)
        device = Device(id=args.host, site="", addresses=addresses, timeout_s=TIMEOUT_S, retries=RETRIES)
    given = {"port": args.port, "timeout_s": args.timeout, "retries": args.retries, "profile": args.profile}
    given |= {"engine": Engine(args.engine) if args.engine else None}
    also_from = (*device.also_from, *args.also_from)
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(device, deadline_s=DEADLINE_S, also_from=also_from, **changed), credential, known


def _credential(args: argparse.Namespace, settings: Settings | None, device: Device | None) -> Credential:
    if asking.is_told(args) or settings is None:
        if args.credential:
            raise UnclearError(f"--credential {args.credential} says how to ask; -v, -c, -u and their like say it otherwise")
        return asking.credential(args)
    names = list(settings.credentials)
    name = args.credential or (device.credential if device else names[0] if len(names) == 1 else "")
    if not name:
        raise UnclearError(f"{args.host} is no device of {settings.directory}: --credential {', '.join(names)}")
    if name not in settings.credentials:
        hint = meant(name, names) or f"there are {', '.join(names)}"
        raise UnclearError(f"{settings.directory} has no credential '{name}' ({hint})")
    return replace(settings.credentials[name], name=f"credential {name} of {settings.directory}")


def _resolve(host: str, settings: Settings | None) -> tuple[str, ...]:
    """Addresses of a name, in the system's order."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        if settings is None:
            raise UnclearError(f"{host} has no address: {error.strerror}") from None
        hint = meant(host, settings.inventory.devices)
        text = f"{host} is no device of {settings.directory} and has no address: {error.strerror}"
        raise UnclearError(f"{text} ({hint})" if hint else text) from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


# --- asking -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a probe brought, and who answered it."""

    poll: Poll
    sys_object_id: str
    profile: str
    why: tuple[str, ...]
    asked: Sequence[Row]
    target: Target | None
    walked: Sequence[VarBind] | None


class _Attentive:
    """Asks through a client and remembers whom: a poll does not tell what was learned of an SNMPv3 engine."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.target: Target | None = None

    async def ask(self, target: Target, request: Request, deadline: float = inf) -> Response:
        self.target = target
        return await self._client.ask(target, request, deadline)


async def _probe(device: Device, credential: Credential, known: profiles.Profiles, *, unknown: bool = False) -> _Found:
    async with _client(device.engine) as client:
        attentive = _Attentive(client)
        poller = SnmpPoller(attentive, device, (), credential, known)
        poll = await poller.poll(light=True)  # sysUpTime by itself first: what a failure is then about is plain
        target, walked = attentive.target, None
        if unknown and poll.outcome is Outcome.ANSWERED and target is not None:
            walked = await _walk_whole(client, target)
        return _Found(
            poll=poll,
            sys_object_id=poller.sys_object_id,
            profile=poller.profile,
            why=poller.why,
            asked=poller.rows,
            target=target,
            walked=walked,
        )


async def _walk_whole(client: Client, target: Target) -> Sequence[VarBind]:
    """All that an agent answers, telling how far it has come."""
    found: list[VarBind] = []
    for root in _ROOTS:
        so_far: Walk | None = None
        while so_far is None or so_far.standing:
            before = len(so_far.values[root]) if so_far else 0
            so_far = await walk(client, target, [root], deadline=time.monotonic() + _TELL_EVERY_S, resume=so_far)
            count = len(so_far.values[root])
            print(f"netmon: walking {oid.decode(root)}: {len(found) + count} objects", file=sys.stderr)
            if count == before:
                break
        found += so_far.rows[root].values()
    return found


def _client(engine: Engine) -> Client:
    if engine is Engine.NETMON:
        return Client()
    from netmon.snmp.second import PysnmpClient

    return PysnmpClient()


# --- telling ----------------------------------------------------------------------------------------------------------


def _failure(device: Device, credential: Credential, poll: Poll) -> str:
    """What was asked, what came back, and what that usually means."""
    asked = ", ".join(
        f"[{address}]:{device.port}" if ":" in address else f"{address}:{device.port}" for address in device.addresses
    )
    how = asking.in_words(credential)
    came, likely = poll.detail, _LIKELY.get(poll.outcome, "")
    if poll.outcome is Outcome.SILENT:
        attempts = f"{device.retries + 1} attempts" if device.retries else "1 attempt"
        how = f"{how}, {attempts}, {poll.ended.monotonic - poll.sent.monotonic:.1f} s"
        came = "nothing came."
        # An SNMPv3 agent tells everybody who it is, and a stranger what is wrong with him.
        first = "SNMPv3 is not switched on there" if credential.version == "3" else "a wrong community"
        likely = f"Likely: {first}, {_SILENT}"
    elif poll.outcome is Outcome.REFUSED:
        # An SNMPv3 engine says by itself what is wrong.
        said = "" if credential.version == "3" else likely
        likely = next((sentence for word, sentence in _LIKELY_WHERE.items() if word in came), said)
    return f"asked {asked} ({how}) for sysUpTime.0: {came} {likely}".rstrip()


def _tell_unknown(walked: Sequence[VarBind], profile: Profile) -> None:
    counts = trial.unread(walked, trial.known(profile))
    print(f"\n{len(walked)} objects, {sum(counts.values())} of which nothing reads:", file=sys.stderr)
    print(table(("NOTHING READS", "OBJECTS"), [(name, str(count)) for name, count in counts.items()]))


def _asked(found: _Found) -> str:
    """What was asked, by table, with the number of rows."""
    rows = Counter(row.name for row in found.asked)
    return ", ".join(f"{name} ({count})" if name != "scalars" else name for name, count in rows.items())


def _identity(found: _Found, credential: Credential) -> str:
    poll, target = found.poll, found.target
    info = next((reading.series for reading in poll.readings if reading.series.family == DEVICE_INFO), None)
    lines = [("sys_object_id", found.sys_object_id), ("profile", found.profile)]
    lines += [("why", sentence) for sentence in found.why]
    lines.append(("asked", _asked(found)))
    lines += [(name, value) for name, value in (info.labels if info else ()) if name not in (*PLACE, "profile")]
    if poll.round_trip_s is not None:
        lines.append(("round_trip", f"{poll.round_trip_s * 1000:.1f} ms"))
    lines.append(("asked_with", asking.in_words(credential)))
    if target is not None and target.engine is not None:
        boots, seconds = target.engine.now(poll.ended.monotonic)
        lines.append(("engine_id", in_words(target.engine.id)))
        lines.append(("engine_boots", f"{boots}, the last one {ago(seconds)} ago"))
    return "\n".join(f"{name:<14} {value or '-'}" for name, value in lines)


# --- options ----------------------------------------------------------------------------------------------------------


def _host(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; an address or a name is needed")
    both = _HOST_AND_PORT.fullmatch(text)
    if both:
        host = both["host"].strip("[]")
        raise argparse.ArgumentTypeError(f"'{text}' has a port in it; write {host} --port {both['port'] or 'P'}")
    return text.strip()


def _address(text: str) -> str:
    try:
        return quantities.address(text)
    except UnfitError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
