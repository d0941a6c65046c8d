"""`netmon discover`: scan addresses politely, identify who answers, propose them for the inventory."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import structlog

from netmon import units
from netmon.cli import discovering
from netmon.cli.words import fail
from netmon.credential import Credential
from netmon.discover.addresses import ASKED_FREELY, UnclearError, Wanted, each, spans
from netmon.discover.found import RECORD, Seen, read_seen, write_seen
from netmon.discover.found import merged as one_a_device
from netmon.discover.identify import Identifier
from netmon.discover.merge import merged, patch, sites_of
from netmon.discover.places import Places
from netmon.discover.proposal import Proposal, propose
from netmon.discover.scan import Credentials, Manners, Progress, polite, scan
from netmon.discover.text import document
from netmon.discover.trial import INVENTORY, trial
from netmon.model import Outcome, Speech
from netmon.settings import ConfigErrors, Settings, default_directory, load, quantities
from netmon.settings.problem import meant
from netmon.settings.secrets import leave
from netmon.settings.yaml import Document, read

if TYPE_CHECKING:
    from argparse import _SubParsersAction

INTERRUPTED = 130

_EXAMPLE = """\
Each address is asked once for sysUpTime and sysObjectID with each credential of the configuration, the one that worked
last first; whoever answers is polled once, for what it is, its interfaces and the neighbours that it hears (LLDP). What the
inventory lacks is proposed as YAML: devices at the site that a list, an option, their location or their name tells; the
links that LLDP shows, from the end that is more hops away from the canaries and the provincial centre. Nothing is guessed
in silence: what was concluded is marked `# check`, what is not known is a comment, and a device whose site nobody tells is
asked about. Files that are there are never written to.

examples:
  $ netmon discover 10.4.1.0/24 10.4.0.1-20 --config config > found.yaml
      look first; progress goes to standard error, YAML to standard output
  $ netmon discover 10.4.0.0/16 --state scan.jsonl --rate 20 --config config -o config
      a large network, more slowly; after Ctrl-C the same words go on where it ended. What was found becomes the new file
      config/inventory/discovered-YYYYMMDD.yaml
  $ netmon discover addresses.csv --merge --patch found.patch --config config
  $ patch -p1 -d config < found.patch && netmon check --config config
      a list with the columns address, site, commune and name, of which the first is enough; what is found is added to the
      sites that are there, as a patch to review
  $ sort -u seen.txt | netmon discover - --commune 01288 --credential old --config config
      addresses from another program, all in one commune, asked with one credential only

A wrong community is silence, a wrong user of SNMPv3 is not: devices that speak SNMPv3 but take none of the credentials are
listed. Credentials are named, never shown. docs/discover.md says more.
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "discover",
        help="scan addresses, identify who answers, propose them for the inventory",
        description="Scan addresses, identify who answers, propose them for the inventory.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        metavar="CIDR|RANGE|FILE",
        nargs="+",
        help="10.4.1.0/24, 10.4.1.1-50, an address, a file of them, - for stdin",
    )
    parser.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        help="the configuration directory (default: $NETMON_CONFIG, else /etc/netmon, else ./config)",
    )
    asking = parser.add_argument_group("how to ask")
    asking.add_argument(
        "--credential",
        metavar="NAME",
        action="append",
        help="one of the configuration (default: all of them)",
    )
    asking.add_argument("--port", metavar="P", type=_whole(1, 65_535), default=161, help="UDP port (default: %(default)s)")
    asking.add_argument(
        "--rate", metavar="N", type=_whole(1, 10_000), default=50, help="requests a second in all (default: %(default)s)"
    )
    asking.add_argument(
        "--parallel", metavar="N", type=_whole(1, 1_000), default=50, help="addresses at a time (default: %(default)s)"
    )
    asking.add_argument(
        "-t",
        "--timeout",
        metavar="S",
        type=_seconds,
        default=2.0,
        help="seconds to wait (default: %(default)g)",
    )
    asking.add_argument(
        "-r", "--retries", metavar="N", type=_whole(0, 10), default=0, help="times to ask again (default: %(default)s)"
    )
    asking.add_argument("--yes", action="store_true", help=f"yes, ask more than {ASKED_FREELY:,} addresses")
    asking.add_argument("--state", metavar="FILE", type=Path, help="a record of the scan, from which it is resumed")
    where = parser.add_argument_group("where they stand").add_mutually_exclusive_group()
    where.add_argument("--site", metavar="ID", default="", help="a site of the inventory, for all whose list tells none")
    where.add_argument("--commune", metavar="CODE", default="", help="or the code of a commune")
    out = parser.add_argument_group("what to write (default: YAML to standard output)")
    kind = out.add_mutually_exclusive_group()
    kind.add_argument("-o", "--output", metavar="DIR", type=Path, help="a new file in DIR/inventory")
    kind.add_argument("--merge", action="store_true", help="a patch of the inventory instead")
    out.add_argument("--patch", metavar="FILE", type=Path, help="with --merge: a new file for it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Discover; 0 when all addresses were asked, 130 when it was interrupted, 1 when it could not be done."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        plan = _plan(args)
        seen, whole = _scan(args, plan)
        proposal = propose(
            one_a_device(one.found for one in seen if one.found is not None),
            plan.settings.inventory,
            plan.places,
            port=args.port,
        )
        discovering.say(discovering.summary(seen, proposal, plan.total))
        _write(args, plan.settings, proposal)
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return fail("the configuration has errors; nothing was asked")
    except UnclearError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or 'it'}: {error.strerror or error}")
    finally:
        signal.signal(signal.SIGINT, interrupt)
    return 0 if whole else INTERRUPTED


# --- whom to ask, and how ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """All that is known before the first request. `seen` is what an earlier run has a record of."""

    settings: Settings
    places: Places
    wanted: Sequence[Wanted]
    total: int
    seen: Sequence[Seen]
    credentials: Sequence[Credential]


def _plan(args: argparse.Namespace) -> _Plan:
    settings = load(args.config or default_directory())
    if args.patch and not args.merge:
        raise UnclearError("--patch names a file for what --merge makes")
    for path in filter(None, (args.patch, _new_file(args.output) if args.output else None)):
        if os.path.lexists(path):
            raise FileExistsError(0, "it is there already, and nothing is overwritten", str(path))
    asked = spans(args.what, sys.stdin)
    count = sum(part.count for part in asked)
    if count > ASKED_FREELY and not args.yes:
        hours = count * len(settings.credentials) / args.rate / 3600
        raise UnclearError(f"these are {count:,} addresses, about {hours:.1f} hours at {args.rate} a second: --yes if so")
    wanted = each(asked)
    places = _places(args, settings, wanted)
    seen = _recorded(args.state, {one.address: one for one in wanted}, args.port)
    done = {one.address for one in seen}
    return _Plan(
        settings=settings,
        places=places,
        wanted=[one for one in wanted if one.address not in done],
        total=len(wanted),
        seen=seen,
        credentials=_credentials(args, settings),
    )


def _credentials(args: argparse.Namespace, settings: Settings) -> list[Credential]:
    names = args.credential or list(settings.credentials)
    for name in names:
        if name not in settings.credentials:
            hint = meant(name, settings.credentials) or f"there are {', '.join(settings.credentials)}"
            raise UnclearError(f"{settings.directory} has no credential '{name}' ({hint})")
    return [settings.credentials[name] for name in dict.fromkeys(names)]


def _places(args: argparse.Namespace, settings: Settings, wanted: Sequence[Wanted]) -> Places:
    """UnclearError for a site or commune that is not there: better before a scan of hours than after it."""
    inventory = settings.inventory
    commune = args.commune.zfill(5) if args.commune.isdecimal() else args.commune
    places = Places(inventory, units.load(), settings.provinces, quantities.today(), site=args.site, commune=commune)
    if args.site and args.site not in inventory.sites:
        raise UnclearError(f"there is no site '{args.site}' in {settings.directory} ({meant(args.site, inventory.sites)})")
    for code in dict.fromkeys(filter(None, (commune, *(one.commune for one in wanted)))):
        if places.unit(code) is None:
            raise UnclearError(f"there is no commune '{code}' in province {', '.join(settings.provinces)}: write its code")
    return places


# --- scanning ---------------------------------------------------------------------------------------------------------


def _recorded(path: Path | None, wanted: dict[str, Wanted], port: int) -> list[Seen]:
    """What an earlier run has seen of these addresses at this port; what failed on our own side is asked again. What is
    told of them is what the list of today says."""
    if path is None or not path.exists():
        return []
    try:
        seen, lost = read_seen(path.read_text(encoding="utf-8").splitlines())
    except ValueError as error:
        raise UnclearError(f"{path}: {error}") from None
    if lost:
        print(f"netmon: {path}: {lost} lines cannot be read; their addresses are asked again", file=sys.stderr)
    latest = {one.address: one for one in seen if one.address in wanted and one.port == port}
    return [
        replace(one, found=replace(one.found, told=wanted[one.address])) if one.found is not None else one
        for one in latest.values()
        if one.outcome not in (Outcome.LOCAL, Outcome.BUG)
    ]


def _scan(args: argparse.Namespace, plan: _Plan) -> tuple[list[Seen], bool]:
    """What is known of the addresses in the end, and whether all were asked."""
    seen = list(plan.seen)
    with ExitStack() as stack:
        record = stack.enter_context(args.state.open("a", encoding="utf-8")) if args.state else None
        if record is not None and record.tell() == 0:
            record.write(f"{RECORD}\n")
        elif record is not None:
            record.write("\n")  # what a killed run began must not run into the next line
        teller = stack.enter_context(discovering.Teller(Progress(total=len(plan.wanted)), sys.stderr))
        whole = asyncio.run(_ask(args, plan, seen, teller, record))
    return seen, whole


async def _ask(
    args: argparse.Namespace, plan: _Plan, seen: list[Seen], teller: discovering.Teller, record: TextIO | None
) -> bool:
    manners = Manners(port=args.port, timeout_s=args.timeout, retries=args.retries)
    known = {
        address: device.credential
        for device in plan.settings.inventory.devices.values()
        if device.speaks is Speech.SNMP
        for address in device.addresses
    }

    def tell(one: Seen) -> None:
        nonlocal record
        seen.append(one)
        try:
            if record is not None:
                write_seen(record, one)
        except OSError as error:
            discovering.say(f"netmon: {args.state}: {error.strerror or error}; the scan goes on without a record")
            with suppress(OSError):
                cast("TextIO", record).close()
            record = None
        teller.tell(one)

    async with polite(args.rate) as client:
        scanning = asyncio.ensure_future(
            scan(
                plan.wanted,
                Credentials(plan.credentials),
                Identifier(profiles=plan.settings.profiles, manners=manners),
                client,
                manners,
                parallel=args.parallel,
                known=lambda address: known.get(address, ""),
                tell=tell,
            )
        )
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, scanning.cancel)
        try:
            await scanning
        except asyncio.CancelledError:
            return False
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would lose what the first one asked for
    return True


# --- writing ----------------------------------------------------------------------------------------------------------


def _write(args: argparse.Namespace, settings: Settings, proposal: Proposal) -> None:
    """YAML or a patch, to where it is wanted."""
    today = quantities.today()
    inventory = settings.directory / INVENTORY
    if not args.merge:
        text = document(proposal, today, merged=False)
        more = _free_name(inventory)
        _tried(settings, proposal, {more: text}, more)
        if args.output is None:
            print(text, end="")
            return
        path = _new_file(args.output)
        _create(path, text)
        discovering.say(f"wrote {path}")
        return
    documents = [read(path, leave) for path in sorted(inventory.glob("*.yaml"))]
    raw = {one.path.name: one.path.read_bytes().decode("utf-8") for one in documents}
    marks = {name: "\ufeff" if text.startswith("\ufeff") else "" for name, text in raw.items()}
    new = {path.name: marks[path.name] + text for path, text in merged(documents, proposal).items()}
    more = _free_name(inventory)
    if proposal.sites or proposal.unplaced() or proposal.asks:
        new[more] = document(proposal, today, merged=True)
    left: list[Document] = []
    while unfit := _tried(settings, proposal, new, more):
        left += [one for one in documents if one.path.name in unfit]
        new = {name: text for name, text in new.items() if name not in unfit}
        new[more] = document(proposal, today, merged=True, left=[site for one in left for site in sites_of(one)])
    difference = patch(
        {f"{INVENTORY}/{name}": text for name, text in raw.items()},
        {f"{INVENTORY}/{name}": text for name, text in new.items()},
    )
    if not difference:
        discovering.say("nothing to merge: the inventory has all that was found")
    elif args.patch is None:
        print(difference, end="")
    else:
        _create(args.patch, difference)
        discovering.say(f"wrote {args.patch}: patch -p1 -d {settings.directory} < {args.patch}")


def _tried(settings: Settings, proposal: Proposal, texts: dict[str, str], more: str) -> set[str]:
    """The files that are better left as they are, for netmon would not take them with what is added; `more` is the new one.
    UnclearError when it is not theirs; what was found is then shown as it is, for a scan may have taken hours."""
    try:
        trial(settings.directory, texts)
    except ConfigErrors as errors:
        if unfit := {Path(problem.file).name for problem in errors.problems} & (texts.keys() - {more}):
            names = ", ".join(sorted(unfit))
            text = f"cannot be added to; what belongs there stands as comments in {more}"
            discovering.say(f"netmon: {names}: {text}:\n{errors}")
            return unfit
        print(document(proposal, quantities.today(), merged=False), end="")
        text = "what was found does not fit into the inventory by itself; it is shown as a file of its own"
        raise UnclearError(f"{text}:\n{errors}") from None
    return set()


def _create(path: Path, text: str) -> None:
    """A new file; its text goes to standard output where it cannot be written, for a scan may have taken hours."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError:
        print(text, end="")
        raise


def _new_file(directory: Path) -> Path:
    return directory / INVENTORY / f"discovered-{quantities.today():%Y%m%d}.yaml"


def _free_name(inventory: Path) -> str:
    """A name that no file has: a second patch of a day makes a second file."""
    stem, number = f"discovered-{quantities.today():%Y%m%d}", 1
    while os.path.lexists(inventory / (name := f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")):
        number += 1
    return name


# --- options ----------------------------------------------------------------------------------------------------------


class _whole:  # noqa: N801 - an option's type, as int is
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, text: str) -> int:
        if not text.isdecimal() or not self._least <= int(text) <= self._most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {self._least} to {self._most}")
        return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 60:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0 and up to 60")
    return seconds
