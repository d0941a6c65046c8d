"""`netmon profile`: the profiles that there are, what one asks, and one tried on a recorded device."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from netmon import profiles
from netmon.catalogue import DEVICE
from netmon.cli import readings
from netmon.cli.words import fail, out, table
from netmon.credential import Credential, Secret
from netmon.model import Device, Poll
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import Profile, Profiles, gather, parse, trial
from netmon.profiles.schema import DEVICE_INFO, PLACE
from netmon.snmp.recording import Recording

if TYPE_CHECKING:
    from argparse import _SubParsersAction

DEADLINE_S = 120.0
_UNREAD_AT_MOST = 40
_PREFIXES = 2

_EXAMPLE = """\
examples:
  $ netmon profile list
      the profiles that netmon brings and those of DIR/profiles, and what each is for
  $ netmon profile show huawei_vrp
      every value that it asks for: family, OID, conditions
  $ netmon profile test my_rectifier.yaml site-7.snmprec
      a new profile on a recorded device: each reading, what is no reading and why, and what nothing reads
  $ netmon profile test auto site-7.snmprec
      the profile that netmon would choose for that device

A recording is made with snmpsim's recorder, or from the output of `snmpwalk -ObentU`: docs/profiles.md tells how.
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "profile",
        help="list, show and try the profiles: what to ask which device",
        description="Profiles say what to ask which device (docs/profiles.md).",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    lists = what.add_parser("list", help="the profiles and the sysObjectIDs that they are for")
    shows = what.add_parser("show", help="what a profile asks for")
    shows.add_argument("profile", metavar="NAME|FILE", help="its name, or a file")
    tests = what.add_parser("test", help="try a profile on a recorded device")
    tests.add_argument("profile", metavar="NAME|FILE|auto", help="its name, a file, or auto: as its sysObjectID says")
    tests.add_argument("recording", metavar="WALK.snmprec", type=Path, help="a recorded device, as snmpsim takes it")
    tests.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    for each in (lists, shows, tests):
        each.add_argument("--config", metavar="DIR", type=Path, help="a configuration with profiles of its own")


def run(args: argparse.Namespace) -> int:
    """0 done, 1 when a file has faults."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        known = profiles.load(args.config / "profiles" if args.config else None)
        if args.what == "list":
            return _list(known)
        name = args.profile
        if name.endswith((".yaml", ".yml")):
            known, name = _with(known, Path(name))
        if args.what == "show":
            return _show(known.named(name))
        fixed = None if name == "auto" else known.named(name).name
        text = args.recording.read_text("utf-8", "surrogateescape")
        recording = Recording.parse(text)
    except profiles.ProfileError as error:
        print(error, file=sys.stderr)
        return fail("the profile cannot be used")
    except (OSError, ValueError) as error:
        where = "" if isinstance(error, OSError) else f"{args.recording}: "
        return fail(f"{where}{error}")
    return asyncio.run(_test(known, fixed, recording, args.format))


def _with(known: Profiles, path: Path) -> tuple[Profiles, str]:
    """The profiles and one of a file, whatever its place."""
    try:
        profile = parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise profiles.ProfileError(f"{path}: cannot be read: {error}") from None
    others = [one for one in known.by_name.values() if one.name != profile.name]
    return gather([*others, profile], known.own | {profile.name}), profile.name


def _list(known: Profiles) -> int:
    rows = [
        (name, _prefixes(one.sys_object_id), "own" if name in known.own else "netmon")
        for name, one in sorted(known.by_name.items())
    ]
    print(table(("PROFILE", "SYS_OBJECT_ID", "FROM"), rows))
    return 0


def _prefixes(prefixes: tuple[str, ...]) -> str:
    """The first few, for a line of a table."""
    shown = " ".join(prefix or "(any)" for prefix in prefixes[:_PREFIXES])
    more = len(prefixes) - _PREFIXES
    return f"{shown} and {more} more" if more > 0 else shown or "-"


def _show(profile: Profile) -> int:
    rows = [("-", one.name, one.family or one.info or "", one.oid) for one in profile.scalars if one.family or one.info]
    for part in profile.tables:
        rows += [
            (part.name, one.name, one.family or one.info or "", one.oid) for one in part.columns if one.family or one.info
        ]
    print(table(("TABLE", "NAME", "FAMILY", "OID"), rows))
    return 0


async def _test(known: Profiles, fixed: str | None, recording: Recording, form: str) -> int:
    device = Device(id="recording", site="", addresses=("192.0.2.1",), profile=fixed, deadline_s=DEADLINE_S)
    credential = Credential(name="recording", version="2c", community=Secret("public"))
    poller = SnmpPoller(recording, device, (), credential, known)
    await poller.poll()
    poll = await poller.poll()  # the second one tells what a poll reads, without the discovery
    profile = known.named(poller.profile)
    values = {one.oid: one for one in recording.objects}
    lost = list(trial.absent(profile, poller.rows, values))
    unread = trial.unread(recording.objects, trial.known(profile))
    if form == "json":
        told = {
            "profile": profile.name,
            "why": poller.why,
            "readings": [readings.as_json(one) for one in poll.readings],
            "absent": [
                {"oid": one.oid, "family": one.family, "sensor": one.sensor, "raw": _raw(one.raw), "reason": one.reason}
                for one in lost
            ],
            "unread": unread,
        }
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return 0
    _tell(poll, poller.why, lost, unread)
    return 0


def _tell(poll: Poll, why: tuple[str, ...], lost: list[trial.Absent], unread: dict[str, int]) -> None:
    out("\n".join(why), end="\n\n")
    order = list(DEVICE)
    seen = [one for one in poll.readings if one.series.family != DEVICE_INFO]
    seen.sort(key=lambda one: order.index(one.series.family))
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(readings.as_table(seen, columns))
    info = next((one.series for one in poll.readings if one.series.family == DEVICE_INFO), None)
    for name, value in info.labels if info else ():
        if name not in PLACE and value:
            out(f"{name:<14} {value}")
    if lost:
        print("\nno readings:")
        print(table(("FAMILY", "SENSOR", "OID", "WHY"), [(one.family, one.sensor, one.oid, one.reason) for one in lost]))
    print(f"\n{len(seen)} readings, {len(lost)} values that are none, {sum(unread.values())} objects that nothing reads")
    most = sorted(unread.items(), key=lambda one: -one[1])
    if most:
        print(table(("NOTHING READS", "OBJECTS"), [(name, str(count)) for name, count in most[:_UNREAD_AT_MOST]]))
    if len(most) > _UNREAD_AT_MOST:
        print(f"and {len(most) - _UNREAD_AT_MOST} more columns")
    if poll.detail or poll.incomplete:
        out(f"netmon: incomplete: {', '.join(poll.incomplete) or '-'}. {poll.detail}", file=sys.stderr)


def _raw(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
