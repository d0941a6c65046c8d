"""`netmon backup`: one archive with all that another machine needs to go on as this netmon."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from netmon.backup import BackupError, back_up, printable, record, record_of
from netmon.cli.words import add_config, fail
from netmon.settings import ConfigErrors, where
from netmon.store import StoreError

_TELL_EVERY_S = 5.0

_EXAMPLE = """\
The daemon may run meanwhile and is not held up. The archive holds the store as it was at one moment, checked, and the
configuration directory; only its owner may read it. Files that the configuration calls secrets and private keys are left
out, and named, unless --with-secrets; secrets that lie elsewhere (!env, !credential) are never in it.

examples:
  $ netmon backup -o /mnt/backup/netmon.tar
  $ netmon backup -o /mnt/backup/ --keep 7
  $ netmon restore --verify /mnt/backup/netmon-cb-1-20261122T190000Z.tar
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "backup",
        help="write store and configuration into one archive, while the daemon runs",
        description="Write store and configuration into one archive, while the daemon runs.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE|DIR", required=True,
        help="the archive; in a directory (or what ends with /) it is named by this machine and the time",
    )  # fmt: skip
    parser.add_argument(
        "--keep",
        metavar="N",
        type=_count,
        default=0,
        help="of this store keep only the newest N (default: all)",
    )
    parser.add_argument("--with-secrets", action="store_true", help="take along secret files and private keys as well")
    parser.add_argument("--store-only", action="store_true", help="leave out the configuration")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # A Path would lose the slash at the end.
    output = Path(args.output) / "_" if args.output.endswith("/") else Path(args.output)
    if output.name == "_":
        output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        output = output.parent
    if args.keep and not output.is_dir():
        return fail("--keep belongs to a directory: -o DIR/")
    try:
        store = where(args.config).store
        made = back_up(
            store,
            output,
            directory=None if args.store_only else args.config,
            secrets=args.with_secrets,
            keep=args.keep,
            progress=_Progress(),
        )
    except (ConfigErrors, StoreError, BackupError) as error:
        return fail(str(error))
    try:
        record(store, made)
    except OSError as error:
        fail(f"the backup is made, but the daemon does not hear of it: {record_of(store)}: {error.strerror}")
    manifest = made.manifest
    print(f"{made.path}: {made.size / 1e6:,.1f} MB in {made.seconds:.1f} s, schema {manifest.schema}")
    for text, names in (
        ("not in it, to be put in place by hand", manifest.left_out),
        ("secrets that lie elsewhere", manifest.named),
    ):
        if names:
            print(f"  {text}: {printable(', '.join(names))}")
    if made.deleted:
        print(f"  older backups deleted: {made.deleted}")
    return 0


class _Progress:
    """Says on standard error how far a long copy is."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, part: float) -> None:
        if time.monotonic() - self._told >= _TELL_EVERY_S:
            self._told = time.monotonic()
            print(f"netmon: {part:.0%} of the store is copied", file=sys.stderr, flush=True)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of backups: 1 or more")
    return int(text)
