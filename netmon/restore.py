"""Restores: an archive of `netmon.backup`, looked through whole, becomes the store and the configuration of this machine.

Nothing is put in place before all of it has been read and is what its sums say. What happened since the backup is
nobody's to know: at its start netmon writes the time as its own absence, unseen and never up.
"""

from __future__ import annotations

import grp
import hashlib
import json
import math
import os
import pwd
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from netmon.backup import CONFIG, LONGEST_TEXT, MANIFEST, STORE, SUMS, BackupError, Manifest, printable, sync_directory
from netmon.model import AuditEntry
from netmon.settings import ConfigErrors, where
from netmon.store.audit_log import append_audit, audit_end_of
from netmon.store.backup import NEWEST_SCHEMA, raise_boots, schema_of
from netmon.store.schema import lock

_CHUNK = 2**20
_OF_THE_FILE = ("-wal", "-shm", ".roots", ".suspect", ".damage", ".salvaged", ".page1")
"""What lies beside a store and is true of that file alone."""
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_LATEST = 250_000_000_000.0
"""Unix seconds of the year 9892: what is later, no calendar tells."""
_STARTS_A_S = 1.0
"""No netmon starts more often: by so much its SNMP engine is put past any start that the backup does not know of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Where things are now, and where what was there before went. `configured` is None where the configuration stayed."""

    manifest: Manifest
    store: Path
    configured: Path | None
    set_aside: list[Path]
    boots: int
    seconds: float


def verify(archive: Path) -> Manifest:
    """Reads an archive whole. BackupError: it is none, it is damaged, or it is of a newer netmon."""
    with _reading(archive) as members:
        return _checked(archive, members)[0]


def restore(
    archive: Path, *, directory: Path, to: Path | None = None, force: bool = False, store_only: bool = False
) -> Restored:
    """Puts the store of an archive in its place, and its configuration into `directory`, unless one is there.

    The store goes to `to`, else where the configuration in `directory` says, else where it was. With `force` a store and a
    configuration that are there are set aside, never deleted. Blocks. BackupError, StoreError, ConfigErrors: nothing was
    changed, or the text says what was.
    """
    began = time.monotonic()
    there = (directory / "netmon.yaml").exists()
    configure = not store_only and (force or not there)
    # All of it is read before anything is written.
    with _reading(archive) as members:
        manifest, sums = _checked(archive, members)
    configure = configure and bool(manifest.directory)
    stamp = f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    set_aside: list[Path] = []
    try:
        with ExitStack() as held, _beside(directory) as new_directory:
            if configure:
                with _reading(archive) as members:
                    _unpack(archive, members, sums, lambda name: _inside(new_directory, name))
            store = to or _place_of(manifest, directory, new_directory if configure else directory)
            home = directory.resolve()
            # A store inside the configuration's directory comes and goes with that.
            inside = configure and store.resolve().is_relative_to(home)
            place = new_directory / store.resolve().relative_to(home) if inside else store
            place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            held_by = [store, *(_watched_by(directory) if there and configure else ())]
            for each in {path.parent.resolve() / path.name for path in held_by}:
                held.enter_context(_locked(each))
            if store.exists() and not force:
                raise BackupError(f"{store}: a store is here; --force sets it aside")
            new = place
            if not inside:
                work = tempfile.TemporaryDirectory(prefix=".netmon-restore-", dir=place.parent)
                new = Path(held.enter_context(work)) / STORE
            with _reading(archive) as members:
                _unpack(archive, members, sums, lambda name: new if name == STORE else None)
            boots = _made_ready(archive, manifest, new)
            append_audit(new, _line(archive, store))
            _give_away(new, place.parent)
            with _moving() as move:
                if not inside:
                    set_aside += _set_store_aside(place, stamp, move)
                    move(new, place)
                    sync_directory(place.parent)
                if configure:
                    set_aside += _swap_directory(new_directory, home, stamp, move)
    except OSError as error:
        raise BackupError(f"nothing was restored: {error.filename or archive}: {error.strerror or error}") from error
    return Restored(
        manifest=manifest,
        store=store,
        configured=directory if configure else None,
        set_aside=set_aside,
        boots=boots,
        seconds=time.monotonic() - began,
    )


def _line(archive: Path, store: Path) -> AuditEntry:
    """The line that a restore leaves in the log: what is done since the backup is in the store that was set aside alone."""
    uid, end = os.getuid(), audit_end_of(store) if store.exists() else None
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    aside = {"line": end[0], "digest": end[1]} if end is not None else None
    detail = json.dumps({"sha256": sha256, "aside": aside}, separators=(",", ":"))
    try:
        who = pwd.getpwuid(uid).pw_name
    except KeyError:
        who = str(uid)
    return AuditEntry(time.time(), who, f"restore uid {uid}", "restore", archive.name, detail, "done")


def _watched_by(directory: Path) -> tuple[Path, ...]:
    """The store of the netmon whose configuration lies there; none where that cannot be read."""
    try:
        return (where(directory).store,)
    except ConfigErrors:
        return ()


def _inside(directory: Path, name: str) -> Path | None:
    """Where in the directory a member of the archive belongs; None: it is none of the configuration."""
    path = PurePosixPath(name)
    return directory / path.relative_to(_HOME) if path.is_relative_to(_HOME) else None


def _place_of(manifest: Manifest, directory: Path, told_in: Path) -> Path:
    """Where the store belongs by the configuration in `told_in`, which is or becomes `directory`; without one, where it
    was."""
    if not (told_in / "netmon.yaml").exists():
        return Path(manifest.store)
    told, home = where(told_in).store, told_in.resolve()
    return directory.resolve() / told.relative_to(home) if told.is_relative_to(home) else told


def _made_ready(archive: Path, manifest: Manifest, store: Path) -> int:
    """Looks at a store that was unpacked, and puts its SNMP engine past every start that it cannot know of: whoever sends
    informs believes no engine whose boots went back (RFC 3414, 2.3). The boots then."""
    if schema_of(store) != manifest.schema:
        raise BackupError(f"{archive}: the store is of another schema than the manifest says")
    boots = raise_boots(store, 1 + int(max(0.0, time.time() - manifest.at) * _STARTS_A_S))
    descriptor = os.open(store, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return boots


# --- reading ----------------------------------------------------------------------------------------------------------

_HOME = PurePosixPath(CONFIG)


class _Member(NamedTuple):
    """A file of an archive, or a directory of the configuration, which has no contents."""

    name: str
    mode: int
    owner: str
    group: str
    file: IO[bytes] | None


Members = Iterator[_Member]
"""What is in an archive, in order."""


@contextmanager
def _reading(archive: Path) -> Iterator[Members]:
    try:
        with tarfile.open(archive, "r:") as tar:
            yield _members(archive, tar)
    # The others are what tarfile stumbles over in a header that was made by hand.
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise _damaged(archive, str(error)) from error
    except OSError as error:
        if error.filename == str(archive) or error.filename is None:
            raise BackupError(f"{archive}: cannot be read: {error.strerror or error}") from error
        raise


def _damaged(archive: Path, why: str) -> BackupError:
    return BackupError(f"{archive}: is no backup of netmon, or it is damaged: {printable(why)}")


def _members(archive: Path, tar: tarfile.TarFile) -> Members:
    seen = set()
    for member in tar:
        name = PurePosixPath(member.name)
        if member.isreg():
            known = member.name in (MANIFEST, STORE, SUMS) or _HOME in name.parents
        else:
            known = member.isdir() and name.is_relative_to(_HOME)
        # A name that is not written the one way it can be, `config//etc/x` too, is another path than it seems.
        plain = str(name) == member.name and ".." not in name.parts and member.name.isprintable()
        if not known or not plain or member.name in seen:
            raise BackupError(f"{archive}: holds what no backup of netmon does: {member.name!r}")
        seen.add(member.name)
        yield _Member(member.name, member.mode, member.uname, member.gname, tar.extractfile(member))


def _checked(archive: Path, members: Members) -> tuple[Manifest, Mapping[str, str]]:
    """Reads all, and writes nothing; the manifest, and the sum of each file."""
    sums, told, manifest = {}, None, None
    for member in members:
        if member.file is None:
            continue
        if member.name == SUMS:
            told = _sums(archive, _text(archive, member.file))
            continue
        digest = hashlib.sha256()
        if member.name == MANIFEST:
            text = _text(archive, member.file)
            digest.update(text.encode())
            manifest = _manifest(archive, text)
        else:
            for octets in _chunks(member.file):
                digest.update(octets)
        sums[member.name] = digest.hexdigest()
    if manifest is None or told is None or STORE not in sums:
        raise BackupError(f"{archive}: is no whole backup: {MANIFEST if manifest is None else SUMS} is missing")
    _require_sums(archive, {name for name in {*sums, *told} if sums.get(name) != told.get(name)})
    return manifest, sums


def _unpack(archive: Path, members: Members, sums: Mapping[str, str], place: Callable[[str], Path | None]) -> None:
    """Writes each file of an archive that was checked where `place` says, if anywhere."""
    folders = []
    for member in members:
        target = place(member.name)
        if target is None:
            continue
        if member.file is None:
            _make(target)
            folders.append((target, member))
            continue
        _make(target.parent)
        digest = hashlib.sha256()
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
            for octets in _chunks(member.file):
                digest.update(octets)
                out.write(octets)
        if digest.hexdigest() != sums.get(member.name):
            _require_sums(archive, {member.name})
        _own(target, member)
    for target, member in folders:  # last: into one that nobody may write to its files could not come
        _own(target, member)


def _require_sums(archive: Path, wrong: set[str]) -> None:
    if wrong:
        names = printable(", ".join(sorted(wrong)))
        raise BackupError(f"{archive}: is damaged: {names} is not what its sum in {SUMS} says")


def _sums(archive: Path, text: str) -> dict[str, str]:
    """As sha256sum writes them: a file of that many octets and no more, in as many lines."""
    found = [_SUM.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
    if not all(found):
        raise _damaged(archive, f"{SUMS} cannot be read")
    return {line[2]: line[1] for line in found if line is not None}


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while octets := file.read(_CHUNK):
        yield octets


def _text(archive: Path, file: IO[bytes]) -> str:
    octets = file.read(LONGEST_TEXT + 1)
    if len(octets) > LONGEST_TEXT:
        raise _damaged(archive, "too long")
    try:
        return octets.decode()
    except ValueError as error:
        raise _damaged(archive, str(error)) from error


def _manifest(archive: Path, text: str) -> Manifest:
    try:
        told = json.loads(text)
        manifest = Manifest(**{field.name: told[field.name] for field in fields(Manifest)})
        _require_shape(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(archive, f"{MANIFEST} cannot be read") from error
    if manifest.schema > NEWEST_SCHEMA:
        raise BackupError(
            f"{archive}: was made by netmon {printable(manifest.netmon)} with schema {manifest.schema}, and this one knows "
            f"{NEWEST_SCHEMA}: install that version first"
        )
    return manifest


def _require_shape(told: Manifest) -> None:
    """ValueError, TypeError: what is told is not of the kind that it should be."""
    texts: list[Any] = [told.netmon, told.host, told.store, told.directory, *told.left_out, *told.named, *told.rows]
    numbers: list[Any] = [told.schema, told.boots, *told.rows.values()] if isinstance(told.rows, dict) else [None]
    if not all(isinstance(each, list) for each in (told.left_out, told.named)):
        raise TypeError("no list")
    if not all(isinstance(text, str) and "\0" not in text and text.encode() is not None for text in texts):
        raise TypeError("no text")
    if not all(isinstance(number, int) and 0 <= number < 2**63 for number in numbers):
        raise TypeError("no whole number")
    if not (isinstance(told.at, int | float) and math.isfinite(told.at) and 0 <= told.at < _LATEST):
        raise TypeError("no time")


# --- putting in place -------------------------------------------------------------------------------------------------


def _make(directory: Path) -> None:
    """Makes a directory, and those above it that are not there. The daemon looks into it, whatever root's umask."""
    for each in (*reversed(directory.parents), directory):
        if not each.exists():
            each.mkdir()
            each.chmod(0o755)


@contextmanager
def _beside(directory: Path) -> Iterator[Path]:
    """A directory beside the configuration's, which may become it."""
    home = directory.resolve()
    _make(home.parent)
    place = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """No daemon writes to the store meanwhile."""
    if not store.parent.exists():
        yield
        return
    held = lock(store)
    try:
        _give(held, store.parent)
        yield
    finally:
        os.close(held)


@contextmanager
def _moving() -> Iterator[Callable[[Path, Path], None]]:
    """Renames, all of which are taken back where anything goes wrong."""
    moved: list[tuple[Path, Path]] = []

    def move(path: Path, to: Path) -> None:
        path.rename(to)
        moved.append((path, to))

    try:
        yield move
    except BaseException:
        for path, to in reversed(moved):
            try:
                to.rename(path)
            except OSError as error:
                raise BackupError(f"half restored: {to} belongs to {path}: {error.strerror}") from error
        raise


def _swap_directory(new: Path, home: Path, stamp: str, move: Callable[[Path, Path], None]) -> list[Path]:
    before = []
    if home.exists():
        aside = home.with_name(f"{home.name}.{stamp}")
        move(home, aside)
        before = [aside]
    move(new, home)
    sync_directory(home.parent)
    return before


def _set_store_aside(store: Path, stamp: str, move: Callable[[Path, Path], None]) -> list[Path]:
    """With the journal, without which it would not be what it was, and with what was written down of that file."""
    moved = []
    for tail in ("", *_OF_THE_FILE):
        file, aside = (store.with_name(f"{name}{tail}") for name in (store.name, f"{store.name}.{stamp}"))
        if file.exists():
            move(file, aside)
            moved.append(aside)
    return moved[:1]


def _own(path: Path, member: _Member) -> None:
    """A file belongs to whom it belonged, where there is such a user or group here and we may say so."""
    path.chmod(member.mode & 0o755)
    if os.geteuid() == 0:
        os.chown(path, _number(pwd.getpwnam, member.owner), _number(grp.getgrnam, member.group))


def _number(find: Callable[[str], tuple[Any, ...]], name: str) -> int:
    """The number of a user or a group; -1, which changes nothing, where none is called so."""
    try:
        return int(find(name)[2])
    except KeyError:
        return -1


def _give_away(path: Path, parent: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _give(descriptor, parent)
    finally:
        os.close(descriptor)


def _give(descriptor: int, parent: Path) -> None:
    """What root restores belongs to whom the directory belongs: the daemon is not root. Said of what is open, for whose the
    directory is may lay anything into it meanwhile."""
    if os.geteuid() == 0:
        owner = parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
