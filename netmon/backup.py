"""Backups: one archive with all that another machine needs to go on as this netmon.

A plain tar: manifest.json, the configuration under config/ with its directories, the store as netmon.db, and last
SHA256SUMS, of which `sha256sum -c` understands every line. It is written under another name, synced and then named: an
archive under its own name is whole.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO

from netmon import __version__
from netmon.model import Meter
from netmon.secret_files import files_in, holds_certificates, holds_key, secrets_named
from netmon.store.backup import Progress, copy

MANIFEST, STORE, CONFIG, SUMS = "manifest.json", "netmon.db", "config/", "SHA256SUMS"

LONGEST_TEXT = 2**24
"""Bytes of the manifest, and of the sums, at most."""

_NAMED = re.compile(r"netmon-(?:.+-)?(\d{8}T\d{6}Z)(?:-(\d+))?\.tar")
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a disk says that knows no second name of a file: FAT, of USB sticks."""
_READ, _READ_IN = ("netmon.yaml", "targets.yaml", "calendar.yaml", "maintenance.yaml"), ("inventory", "layouts", "profiles")
"""What of a configuration is not to be missing from a backup of it."""
_WORKPLACE = ".netmon-backup-"
_TOLD_EVERY_S = 5.0
_MARGIN = 64 * 2**20
"""Bytes that stay free."""


class BackupError(Exception):
    """A backup cannot be made or used; the text says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive says of itself.

    `at` is the moment of the store. `store` and `directory` are where the store and the configuration lay ("": without
    configuration). `left_out` are files of the directory that are not in the archive, `named` the secrets that the
    configuration names and the archive does not hold: both are to be put in place by hand.
    """

    netmon: str
    schema: int
    boots: int
    at: float
    host: str
    store: str
    directory: str
    rows: dict[str, int]
    left_out: list[str]
    named: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An archive that was made: how large it is, and how many older ones were deleted."""

    path: Path
    size: int
    seconds: float
    manifest: Manifest
    deleted: int


def back_up(
    store: Path,
    output: Path,
    *,
    directory: Path | None,
    secrets: bool = False,
    keep: int = 0,
    progress: Progress = lambda part: None,
) -> Made:
    """Makes an archive of a store, whether a daemon writes to it or not, and of its configuration `directory` (None:
    without). `output` is the archive, which replaces one that is there, or a directory. That gets one named by this machine
    and the time, in nobody's place, and keeps of this store the newest `keep` (0: all), among them always this one.

    Blocks for as long as the disk takes. BackupError, StoreError: no archive was made.
    """
    began, at = time.monotonic(), time.time()
    many = output.is_dir() or str(output).endswith("/")
    host = os.uname().nodename
    name = f"netmon-{re.sub(r'[^A-Za-z0-9.-]', '_', host)}-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}.tar"
    final = output / name if many else output
    try:
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _workplace(final.parent) as place:
            _require_room(place, store)
            copied = copy(store, place / STORE, progress)
            files, left_out, named = ([], [], []) if directory is None else _configuration(directory, store, secrets)
            manifest = Manifest(
                netmon=__version__,
                schema=copied.schema,
                boots=copied.boots,
                at=at,
                host=host,
                store=str(store.absolute()),
                directory="" if directory is None else str(directory.resolve()),
                rows=copied.rows,
                left_out=left_out,
                named=named,
            )
            made = place / final.name
            _write(made, manifest, files, place / STORE)
            size = made.stat().st_size
            final = _named(made, final) if many else made.rename(final)
        sync_directory(final.parent)
        deleted = _thin_out(final, manifest, keep) if many and keep else 0
    except UnicodeEncodeError as error:
        raise BackupError(f"no backup was made: a path is no UTF-8: {error.object!r}") from error
    except OSError as error:
        raise BackupError(f"no backup was made: {error.filename or final}: {error.strerror or error}") from error
    return Made(path=final, size=size, seconds=time.monotonic() - began, manifest=manifest, deleted=deleted)


def record_of(store: Path) -> Path:
    """The file beside a store that says when its last backup was finished."""
    return store.with_name(f"{store.name}.backup")


def record(store: Path, made: Made) -> None:
    """Notes a backup beside the store, where the daemon reads it. OSError: this user may not."""
    place = record_of(store)
    new = place.with_name(f"{place.name}.{os.getpid()}")
    # Root may run us in a directory that is the daemon's: nothing that lies there under this name is written to.
    new.unlink(missing_ok=True)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "w") as file:
            json.dump({"finished": time.time(), "file": str(made.path.absolute()), "bytes": made.size}, file)
            os.fchmod(file.fileno(), 0o644)
        new.rename(place)
    finally:
        new.unlink(missing_ok=True)


def last_backup(store: Path) -> float:
    """When the last backup of a store was finished; 0 where none is known."""
    try:
        return float(json.loads(record_of(store).read_text(encoding="utf-8"))["finished"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


async def tell_forever(store: Path, meter: Meter) -> None:
    """Tells when the last backup was finished, as the command notes it beside the store."""
    while True:
        meter.gauge("netmon_backup_timestamp_seconds", await asyncio.to_thread(last_backup, store))
        await asyncio.sleep(_TOLD_EVERY_S)


def printable(text: str) -> str:
    """A text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def sync_directory(path: Path) -> None:
    """What was renamed in a directory outlives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- the configuration ------------------------------------------------------------------------------------------------


def _configuration(directory: Path, store: Path, secrets: bool) -> tuple[list[Path], list[str], list[str]]:
    """The files that go along, those that do not, and the secrets that have to come from elsewhere.

    YAML holds no secret by itself, nor does a certificate. A private key and a file that the configuration calls a secret
    go along only when that is asked for; of whatever else lies there nobody knows what it is.
    """
    home = directory.resolve()
    if not home.is_dir():
        raise BackupError(f"{directory}: there is no configuration here; --store-only leaves it out")
    ours = store.resolve()
    files = [
        path
        for path in files_in(home)
        if not any(part.startswith(".") for part in path.relative_to(home).parts)
        and not (path.name.startswith(ours.name) and path.parent.resolve() == ours.parent)
    ]
    told = secrets_named(path for path in files if path.suffix == ".yaml" and os.path.isfile(path))
    secret_files = {(home / name).resolve() for tag, name in told if tag == "!file"}
    taken = []
    for path in files:
        name = path.relative_to(home)
        if is_closed(path):
            if is_read(name) or (secrets and path.resolve() in secret_files):  # without it netmon would not start there
                raise BackupError(f"no backup was made: {path}: this user may not read it")
            continue
        is_secret = path.resolve() in secret_files or holds_key(path)
        if secrets if is_secret else (path.suffix == ".yaml" and os.path.isfile(path)) or holds_certificates(path):
            if not str(path.relative_to(home)).isprintable():
                raise BackupError(f"no backup was made: {str(path)!r} is no name that an archive takes; rename it")
            taken.append(path)
    left_out = [printable(str(path.relative_to(home))) for path in files if path not in set(taken)]
    inside = {path.resolve() for path in files}
    named = [f"{tag} {name}" for tag, name in sorted(told) if tag != "!file" or (home / name).resolve() not in inside]
    return taken, left_out, named


def is_closed(path: Path) -> bool:
    """Whether this user may not read a file, or look into a directory."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        return True
    except OSError:
        return False  # a link to nowhere: nothing is kept from anybody
    return False


def is_read(name: Path) -> bool:
    """Whether netmon reads a file of its configuration, or a directory."""
    return str(name) in _READ or name.parts[0] in _READ_IN


# --- the archive ------------------------------------------------------------------------------------------------------


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        octets = self._file.read(size)
        self.sha256.update(octets)
        return octets


def _write(path: Path, manifest: Manifest, files: Iterable[Path], store: Path) -> None:
    """Writes and syncs the archive, for its owner's eyes only."""
    sums = []
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, dereference=True) as tar:

            def add(info: tarfile.TarInfo, file: IO[bytes]) -> None:
                hashing = _Hashing(file)
                tar.addfile(info, hashing)
                sums.append(f"{hashing.sha256.hexdigest()}  {info.name}\n")

            def add_text(name: str, text: str) -> None:
                info, octets = tarfile.TarInfo(name), text.encode()
                if len(octets) > LONGEST_TEXT:
                    raise BackupError(f"no backup was made: {manifest.directory} holds too many files")
                info.size, info.mtime, info.mode = len(octets), int(manifest.at), 0o600
                add(info, io.BytesIO(octets))

            add_text(MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n")
            inside = {each: PurePosixPath(each.relative_to(manifest.directory)) for each in files}
            for folder in sorted({folder for name in inside.values() for folder in name.parents}):
                tar.add(Path(manifest.directory, folder), str(PurePosixPath(CONFIG) / folder), recursive=False)
            for each in files:
                with each.open("rb") as file:
                    add(tar.gettarinfo(fileobj=file, arcname=f"{CONFIG}{inside[each]}"), file)
            with store.open("rb") as file:
                info = tarfile.TarInfo(STORE)
                info.size, info.mtime, info.mode = os.fstat(file.fileno()).st_size, int(manifest.at), 0o640
                add(info, file)
            add_text(SUMS, "".join(sums))
        out.flush()
        os.fsync(out.fileno())


def _require_room(place: Path, store: Path) -> None:
    """Beside the copy of the store its archive is written: a backup must not fill the disk on which netmon lives."""
    files = (store, store.with_name(f"{store.name}-wal"))
    needed = 2 * sum(file.stat().st_size for file in files if file.exists()) + _MARGIN
    free = shutil.disk_usage(place).free
    if free < needed:
        raise BackupError(
            f"no backup was made: {place} has {free / 1e6:,.0f} MB free, and {needed / 1e6:,.0f} MB are needed"
        )


@contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    """A directory of its own for what is not whole yet. One that was left by a backup which was killed goes first."""
    with _held(parent):  # nobody sweeps between our making it and our holding it
        for left in parent.glob(f"{_WORKPLACE}*"):
            with suppress(BlockingIOError), _held(left, fcntl.LOCK_NB):
                shutil.rmtree(left)
        place = Path(tempfile.mkdtemp(prefix=_WORKPLACE, dir=parent))
        mine = _hold(place)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(mine)


@contextmanager
def _held(directory: Path, flags: int = 0) -> Iterator[None]:
    descriptor = _hold(directory, flags)
    try:
        yield
    finally:
        os.close(descriptor)


def _hold(directory: Path, flags: int = 0) -> int:
    """Locks a directory until the descriptor is closed. BlockingIOError: another backup holds it, and LOCK_NB is asked."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _named(made: Path, final: Path) -> Path:
    """Gives an archive its name, or the next one that is free: two netmons may back up into one directory at once."""
    for n in count(1):
        free = final if n == 1 else final.with_stem(f"{final.stem}-{n}")
        try:
            os.link(made, free)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if free.exists():
                continue
            made.rename(free)
        return free
    raise AssertionError("there is no last number")


def _thin_out(made: Path, manifest: Manifest, keep: int) -> int:
    """Deletes all but the newest of this store on this machine: only what we named, and never what was just made, whatever
    the clock said when the others were."""
    others = [
        (name[1], int(name[2] or 1), path)
        for path in made.parent.iterdir()
        if path != made and (name := _NAMED.fullmatch(path.name)) and _is_of(path, manifest)
    ]
    old = sorted(others)[: max(0, len(others) - keep + 1)]
    for _, _, path in old:
        path.unlink()
    return len(old)


def _is_of(archive: Path, manifest: Manifest) -> bool:
    """Whether an archive says that it is of the same store on the same machine."""
    try:
        with tarfile.open(archive, "r:") as tar:
            member = tar.next()
            file = tar.extractfile(member) if member is not None and member.name == MANIFEST else None
            told = json.loads(file.read(LONGEST_TEXT)) if file is not None else None
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError):
        return False
    return isinstance(told, dict) and (told.get("host"), told.get("store")) == (manifest.host, manifest.store)
