"""`netmon restore`: an archive of `netmon backup` becomes the store and the configuration of this machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from netmon.backup import BackupError, Manifest, printable
from netmon.cli.words import fail, moment
from netmon.restore import restore, verify
from netmon.settings import ConfigErrors
from netmon.store import StoreError

_EXAMPLE = """\
The archive is read whole before anything changes. The store goes where the configuration says; the configuration is put
into DIR unless one is there. Nothing that is there is overwritten: --force sets it aside under another name. The daemon
must be stopped. What happened since the backup is shown as netmon's absence: unseen, never up.

examples:
  $ netmon restore --verify netmon-cb-1-20261122T190000Z.tar
  $ netmon restore netmon-cb-1-20261122T190000Z.tar
  $ netmon restore netmon-cb-1-20261122T190000Z.tar --store-only --force
  $ netmon restore netmon-cb-1-20261122T190000Z.tar --config /tmp/look/config --to /tmp/look/netmon.db
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "restore",
        help="put the store and the configuration of a backup in place",
        description="Put the store and the configuration of a backup in place.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("archive", metavar="FILE", type=Path, help="what `netmon backup` wrote")
    parser.add_argument("--to", metavar="PATH", type=Path, help="where the store goes (default: as configured)")
    parser.add_argument("--force", action="store_true", help="set a store and a configuration that are there aside")
    parser.add_argument("--store-only", action="store_true", help="leave the configuration alone")
    parser.add_argument("--verify", action="store_true", help="only say whether the archive is whole, and what it holds")
    # Never ./config: where a machine has none yet, its configuration goes where the daemon looks.
    parser.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("NETMON_CONFIG") or "/etc/netmon"),
        help="where the configuration is, or goes (default: $NETMON_CONFIG, else /etc/netmon; now: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        if args.verify:
            manifest = verify(args.archive)
            print(f"OK: {args.archive}: {_in_words(manifest)}")
            _by_hand(manifest)
            return 0
        done = restore(args.archive, directory=args.config, to=args.to, force=args.force, store_only=args.store_only)
    except (ConfigErrors, StoreError, BackupError) as error:
        return fail(str(error))
    print(f"restored in {done.seconds:.1f} s: {_in_words(done.manifest)}")
    print(f"  store: {printable(str(done.store))}")
    if done.configured is not None:
        print(f"  configuration: {done.configured}")
        _by_hand(done.manifest)
    else:
        print("  configuration: left as it is")
    for path in done.set_aside:
        print(f"  set aside: {path}")
    print(f"What happened since {moment(done.manifest.at)} is unseen. Next: netmon check --config {args.config}")
    return 0


def _in_words(manifest: Manifest) -> str:
    rows = f"{sum(manifest.rows.values()):,} rows"
    host, version = printable(manifest.host), printable(manifest.netmon)
    return f"{host}, netmon {version}, schema {manifest.schema}, {moment(manifest.at)}, {rows}"


def _by_hand(manifest: Manifest) -> None:
    for text, names in (
        ("not in the backup, put it in place by hand", manifest.left_out),
        ("secrets that must be here", manifest.named),
    ):
        for name in names:
            print(f"  {text}: {printable(name)}")
